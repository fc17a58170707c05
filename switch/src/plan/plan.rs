//! The plan itself: routes in their order, groups, services, and the accounts behind them.

use super::group::{Group, Member, Strategy};
use super::hours::{Hours, Zone};
use super::pick_up::PickUpGroup;
use super::route::{Branches, Destination, Route, TrunkStep, Way};
use super::step::{Lookup, Routed, Step};
use super::trunk::{Trunk, trunk_of};
use super::trunk_group::TrunkGroup;
use super::trunk_media::TrunkMedia;
use crate::guard::Guard;
use crate::limits::NUMBER_BYTES;
use crate::rates::{Price, RateTable};
use router::Emergency;
use router::numbering::{NumberForm, Numbering};
use router::parameter::{Attestation, BuiltinKind, CauseKind, ConferenceName, Origin, Placement};
use router::time::{Duration, WallTime};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Whither calls go. Its fields are read in this order: the first route that matches, a group of that name, a service of
/// that number, and then the account of that name, if `accounts` lets names dial each other.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The routes, first match wins.
    pub routes: Vec<Route>,
    /// Groups of accounts.
    pub groups: Vec<Group>,
    /// Who may pick up whose calls; an account always its own.
    pub pick_up_groups: Vec<PickUpGroup>,
    /// The trunks that routes name.
    pub trunks: Vec<Trunk>,
    /// Groups of them.
    pub trunk_groups: Vec<TrunkGroup>,
    /// Where their media come from, of those that do not say so themselves.
    pub trunk_media: Vec<TrunkMedia>,
    /// Numbers and user parts of the built-in services.
    pub services: Vec<(String, BuiltinKind)>,
    /// Whether a number that nothing else claims is an account's name. The registrar knows which there are.
    pub accounts: bool,
    /// The rate tables that routes name.
    pub rates: Vec<Rates>,
    /// By which clock routes are in force.
    pub zone: Zone,
    /// How numbers are dialled here.
    pub numbering: Numbering,
    /// What callers may do at most: the first that is for somebody decides.
    pub guards: Vec<Guard>,
    /// Numbers that no guard and no limit refuses.
    pub emergency: Emergency,
    /// How accounts dial. What is not as it is dialled is E.164 for the routes.
    pub dialled: NumberForm,
    /// Whether calls to any trunk are signed: then each leg to one says how far the caller is answered for.
    pub signs: bool,
    /// How far calls of accounts are answered for at trunks where they are signed.
    pub accounts_attested: Attestation,
    /// Accounts of which something else is to be said.
    pub attested: BTreeMap<String, Attestation>,
    /// Trunks by the hosts and domains that are theirs, for what the name service says of a number.
    pub trunk_hosts: BTreeMap<String, String>,
    /// Routes whose calls are answered for as they say, whoever calls: by their places. Those that are not there say nothing.
    pub attested_by_route: BTreeMap<usize, Attestation>,
}

/// A rate table, which every shard's plan shares.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub table: Arc<RateTable>,
}

impl PartialEq for Rates {
    /// Whether it is the same table: to compare what they hold takes as long as to read them.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.table, &other.table)
    }
}

impl Default for Plan {
    /// Account names dial each other; `echo`, `milliwatt` and `silence` are the services.
    fn default() -> Self {
        Self {
            routes: Vec::new(),
            groups: Vec::new(),
            pick_up_groups: Vec::new(),
            trunks: Vec::new(),
            trunk_groups: Vec::new(),
            trunk_media: Vec::new(),
            services: vec![
                ("echo".to_owned(), BuiltinKind::Echo),
                ("milliwatt".to_owned(), BuiltinKind::Milliwatt),
                ("silence".to_owned(), BuiltinKind::Silence),
            ],
            accounts: true,
            rates: Vec::new(),
            zone: Zone::default(),
            numbering: Numbering::default(),
            guards: Vec::new(),
            emergency: Emergency::default(),
            dialled: NumberForm::AsIs,
            signs: false,
            accounts_attested: Attestation::Full,
            attested: BTreeMap::new(),
            trunk_hosts: BTreeMap::new(),
            attested_by_route: BTreeMap::new(),
        }
    }
}
impl Plan {
    /// The rate table of that name.
    pub fn rates(&self, name: &str) -> Option<&RateTable> {
        self.rates.iter().find(|rates| rates.name == name).map(|rates| &*rates.table)
    }

    /// The trunk of that name.
    pub(crate) fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| trunk.name == name)
    }

    /// The group of trunks of that name.
    pub(crate) fn trunk_group(&self, name: &str) -> Option<&TrunkGroup> {
        self.trunk_groups.iter().find(|group| group.name == name)
    }

    /// What there is for `number` on behalf of `origin` now; `None`: nobody has it.
    pub(crate) fn route(&self, number: &str, origin: &Origin, now: WallTime) -> Option<Routed> {
        if number.is_empty() || number.len() > NUMBER_BYTES {
            return None;
        }
        let number = &*self.canonical(number, origin);
        let mut local = None;
        let mut is_open = |hours: &Hours| hours.hold(*local.get_or_insert_with(|| self.zone.local(now)));
        let route = self.routes.iter().enumerate().find(|(_, route)| {
            route.number.matches(number)
                && route.origin.matches(origin)
                && route.hours.as_ref().is_none_or(&mut is_open)
        });
        if let Some((place, route)) = route {
            let steps = self.steps(&route.destination, number, origin);
            let attested = self.attested_by_route.get(&place).copied();
            return Some(Routed { steps, branches: route.branches.clone(), attested });
        }
        let step = if let Some(group) = self.groups.iter().find(|group| group.name == number) {
            return Some(Routed { steps: group_steps(group), branches: Branches::default(), attested: None });
        } else if let Some((_, kind)) = self.services.iter().find(|(service, _)| service == number) {
            Step::Service(*kind)
        } else if self.accounts {
            Step::Accounts(vec![Member { account: number.to_owned(), timeout: None }])
        } else {
            return None;
        };
        Some(Routed { steps: VecDeque::from([step]), branches: Branches::default(), attested: None })
    }

    /// A destination's steps for `number` on behalf of `origin`. A name that the plan lacks (see [`check`](Self::check)) is a step that fails.
    pub(crate) fn steps(&self, destination: &Destination, number: &str, origin: &Origin) -> VecDeque<Step> {
        let step = match destination {
            Destination::Account(account) => Step::Accounts(vec![Member { account: account.clone(), timeout: None }]),
            Destination::Group(name) => match self.groups.iter().find(|group| group.name == *name) {
                Some(group) => return group_steps(group),
                None => Step::Refuse(CauseKind::Internal),
            },
            Destination::Trunks(steps) => {
                let step = |step: &TrunkStep| self.way(&step.trunk, step.rewrite.apply(number), step.timeout, None);
                return steps.iter().map(step).collect();
            }
            Destination::Rates { table, rewrite, timeout } => {
                let number = rewrite.apply(number);
                let Some(table) = self.rates(table) else { return VecDeque::from([Step::Refuse(CauseKind::Internal)]) };
                let offers = table.look_up(&number).into_iter();
                return offers
                    .map(|offer| self.way(table.way(offer), number.clone(), *timeout, Some(offer.price)))
                    .collect();
            }
            Destination::Service(kind) => Step::Service(*kind),
            Destination::Number(rewrite) => Step::Route(rewrite.apply(number), origin.clone()),
            Destination::PickUp(rewrite) => Step::PickUp(rewrite.apply(number)),
            Destination::Conference(rewrite) => match ConferenceName::room(&rewrite.apply(number)) {
                Some(name) => Step::Service(BuiltinKind::Conference(name)),
                None => Step::Refuse(CauseKind::UnknownNumber),
            },
            Destination::Refuse(cause) => Step::Refuse(*cause),
        };
        VecDeque::from([step])
    }

    fn way(&self, way: &Way, number: String, timeout: Option<Duration>, price: Option<Price>) -> Step {
        match way {
            Way::Trunk(name) => self.trunk_step(name, number, timeout, price),
            Way::Group(name) => Step::TrunkGroup { name: name.clone(), number, timeout, price },
            Way::TrunkOf { trunk, platform } => {
                Step::Platform { platform: platform.clone(), trunk: Some(trunk.clone()), number, timeout }
            }
            Way::Platform(platform) => Step::Platform { platform: platform.clone(), trunk: None, number, timeout },
            Way::Enum(domain) => Step::Lookup(Lookup { domain: domain.clone(), number, timeout }),
        }
    }

    /// A number at a trunk.
    pub(crate) fn trunk_step(
        &self,
        name: &str,
        number: String,
        timeout: Option<Duration>,
        price: Option<Price>,
    ) -> Step {
        let trunk = self.trunk(name);
        let interface = trunk.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |trunk| trunk.interface);
        let number = self.written(number, trunk.map_or(NumberForm::AsIs, |trunk| trunk.numbers));
        Step::Trunk { name: name.to_owned(), interface, number, timeout, price }
    }

    /// A number that somebody of this platform dialled or sent, as routes see it.
    pub(crate) fn canonical<'a>(&self, number: &'a str, origin: &Origin) -> Cow<'a, str> {
        if let Some(number) = self.emergency.number_of(number) {
            return Cow::Owned(number.to_owned());
        }
        let form = match origin {
            _ if self.numbering.country.is_empty() => NumberForm::AsIs,
            Origin::Trunk(name) => self.trunk(name).map_or(NumberForm::AsIs, |trunk| trunk.numbers),
            Origin::Account(_) | Origin::Control => self.dialled,
            // It is as that platform has it.
            Origin::Platform { .. } => NumberForm::AsIs,
        };
        self.numbering.to_e164(number, form)
    }

    /// A number as somebody is written it.
    pub(crate) fn written(&self, number: String, form: NumberForm) -> String {
        match self.numbering.from_e164(&number, form) {
            Cow::Owned(written) => written,
            Cow::Borrowed(written) if written.len() == number.len() => number,
            Cow::Borrowed(written) => written.to_owned(),
        }
    }

    /// The guard of somebody.
    pub(crate) fn guard(&self, origin: &Origin) -> Option<&Guard> {
        self.guards.iter().find(|guard| guard.origin.matches(origin))
    }

    /// Whether a number is one that always goes first.
    pub(crate) fn is_emergency(&self, number: &str) -> bool {
        self.emergency.is_emergency(number)
    }

    /// The caller's number as a trunk is shown it; as an account is, where there is none.
    pub(crate) fn caller_shown(&self, caller: &str, trunk: Option<&str>) -> Option<String> {
        let trunk = trunk.map(|name| self.trunk(name));
        let form = match trunk {
            Some(trunk) => trunk.map_or(NumberForm::AsIs, |trunk| trunk.numbers),
            None => self.dialled,
        };
        let rewrite = trunk.flatten().and_then(|trunk| trunk.caller.as_ref());
        if rewrite.is_none() && form == NumberForm::AsIs {
            return None;
        }
        let caller = rewrite.map_or_else(|| caller.to_owned(), |rewrite| rewrite.apply(caller));
        Some(self.written(caller, form))
    }

    /// What another platform has decided for a call: its one step.
    pub(crate) fn placed(&self, placement: &Placement, timeout: Option<Duration>) -> Step {
        match placement {
            Placement::Account(account) => Step::AccountHere(Member { account: account.clone(), timeout }),
            Placement::Trunk { name, number } => match self.trunk(name) {
                Some(_) => self.trunk_step(name, number.reveal().clone(), timeout, None),
                // Its plan may have another way.
                None => Step::Refuse(CauseKind::Unreachable),
            },
            // It is looked for, and by no plan.
            Placement::Dialog { .. } => Step::Refuse(CauseKind::Unreachable),
        }
    }

    /// Whether a route leads to a trunk, by the name that [`trunk_of`] gives one of another platform.
    pub(crate) fn names_trunk(&self, name: &str) -> bool {
        let is_named = |way: &Way| match way {
            Way::TrunkOf { trunk, platform } => trunk_of(trunk, platform) == name,
            Way::Trunk(_) | Way::Group(_) | Way::Platform(_) | Way::Enum(_) => false,
        };
        let destinations = self
            .routes
            .iter()
            .flat_map(|route| std::iter::once(&route.destination).chain(route.branches.destinations()));
        self.trunk(name).is_some()
            || self.rates.iter().any(|rates| rates.table.ways().iter().any(is_named))
            || destinations.into_iter().any(|destination| match destination {
                Destination::Trunks(steps) => steps.iter().any(|step| is_named(&step.trunk)),
                _ => false,
            })
    }
}
fn group_steps(group: &Group) -> VecDeque<Step> {
    match group.strategy {
        Strategy::RingAll => VecDeque::from([Step::Accounts(group.members.clone())]),
        Strategy::OneAfterAnother => group.members.iter().map(|member| Step::Accounts(vec![member.clone()])).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::PlanError;
    use super::super::matching::{NumberMatch, OriginMatch, Pattern};
    use super::super::rewrite::Rewrite;
    use super::*;

    /// 2026-11-30 12:00 UTC, a Monday.
    const NOON: WallTime = WallTime::from_secs(1_796_040_000);

    fn carrier() -> Plan {
        Plan {
            routes: vec![
                Route {
                    name: "abroad".into(),
                    number: NumberMatch::Pattern(Pattern::new("^00[1-9]").unwrap()),
                    origin: OriginMatch::Accounts,
                    hours: None,
                    destination: Destination::Trunks(vec![
                        TrunkStep {
                            trunk: "one".into(),
                            rewrite: Rewrite { strip: 2, prepend: "+".into(), ..Rewrite::NONE },
                            timeout: None,
                        },
                        TrunkStep { trunk: "two".into(), rewrite: Rewrite::NONE, timeout: None },
                    ]),
                    branches: Branches {
                        busy: Some(Destination::Refuse(CauseKind::Congestion)),
                        ..Branches::default()
                    },
                },
                Route {
                    name: "barred".into(),
                    number: NumberMatch::Prefix("00".into()),
                    origin: OriginMatch::Any,
                    hours: None,
                    destination: Destination::Refuse(CauseKind::Forbidden),
                    branches: Branches::default(),
                },
            ],
            groups: vec![Group {
                name: "sales".into(),
                members: vec![
                    Member { account: "alice".into(), timeout: None },
                    Member { account: "bob".into(), timeout: None },
                ],
                strategy: Strategy::OneAfterAnother,
            }],
            trunks: vec![
                Trunk { interface: Ipv4Addr::LOCALHOST.into(), ..Trunk::new("one") },
                Trunk { interface: Ipv4Addr::LOCALHOST.into(), ..Trunk::new("two") },
            ],
            ..Plan::default()
        }
    }

    #[test]
    fn the_first_route_for_number_and_origin_wins() {
        let plan = carrier();
        plan.check().unwrap();
        let routed = plan.route("0049301", &Origin::Account("alice".into()), NOON).unwrap();
        let numbers: Vec<_> = routed
            .steps
            .iter()
            .map(|step| match step {
                Step::Trunk { name, number, .. } => (name.as_str(), number.as_str()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(numbers, [("one", "+49301"), ("two", "0049301")]);
        let routed = plan.route("0049301", &Origin::Trunk("one".into()), NOON).unwrap();
        assert_eq!(routed.steps, [Step::Refuse(CauseKind::Forbidden)], "no trunk calls out over a trunk");
    }

    #[test]
    fn what_no_route_claims_is_a_group_a_service_or_an_account() {
        let plan = carrier();
        let origin = Origin::Account("alice".into());
        assert_eq!(plan.route("sales", &origin, NOON).unwrap().steps.len(), 2);
        assert_eq!(plan.route("echo", &origin, NOON).unwrap().steps, [Step::Service(BuiltinKind::Echo)]);
        assert!(matches!(plan.route("bob", &origin, NOON).unwrap().steps[0], Step::Accounts(_)));
        assert_eq!(plan.route("", &origin, NOON), None);
        assert_eq!(plan.route(&"9".repeat(NUMBER_BYTES + 1), &origin, NOON), None);
        assert_eq!(Plan { accounts: false, ..carrier() }.route("bob", &origin, NOON), None);
    }

    #[test]
    fn a_plan_that_names_what_is_not_there_is_refused() {
        let mut plan = carrier();
        plan.trunks.pop();
        assert_eq!(plan.check(), Err(PlanError::UnknownTrunk { route: "abroad".into(), trunk: "two".into() }));
        let mut plan = carrier();
        plan.routes[1].branches.busy = Some(Destination::Group("nobody".into()));
        assert!(matches!(plan.check(), Err(PlanError::UnknownGroup { .. })));
        let mut plan = carrier();
        plan.groups[0].members.clear();
        assert_eq!(plan.check(), Err(PlanError::Empty("sales".into())));
        let mut plan = carrier();
        plan.trunks[1].name = "one".into();
        assert!(matches!(plan.check(), Err(PlanError::Twice(_))));
    }
}
