//! What the switch is told: the routing plan.

mod destination;
mod trunk;

use super::model::{Configuration, Route};
use super::value::Strategy;
use super::{numbers, replacement};
use destination::is_way;
pub use destination::way_of;
use router::Emergency;
use router::parameter::{BuiltinKind, CauseKind};
use router::time::Duration;
use switch::guard::Guard;
use switch::limits::FORK_LEGS;
use switch::plan::{
    Branches, Destination, Group, Member, NumberMatch, OriginMatch, Pattern, PickUpGroup, Plan, Rewrite,
};
use trunk::{attestation, trunk, trunk_group, trunk_hosts, trunk_media};
pub use trunk::{caller, redirects};

/// Steps in which a circle is looked for: a call has 70 hops (RFC 3261 §8.1.1.6), and each number that is routed anew is one.
const HOPS: usize = 70;

/// The plan of a configuration that has no [faults].
pub fn plan(configuration: &Configuration) -> Plan {
    Builder { configuration, faults: Vec::new() }.plan()
}

/// What is wrong with the plan: the path of the key, and how.
pub fn faults(configuration: &Configuration) -> Vec<(String, String)> {
    let mut builder = Builder { configuration, faults: Vec::new() };
    let plan = builder.plan();
    builder.circles(&plan);
    builder.faults
}

/// The most that an hour may cost: more is no guard.
const SPEND_MOST: f64 = 1e6;

struct Builder<'a> {
    configuration: &'a Configuration,
    faults: Vec<(String, String)>,
}

impl Builder<'_> {
    fn fault(&mut self, path: String, why: impl Into<String>) {
        self.faults.push((path, why.into()));
    }

    fn plan(&mut self) -> Plan {
        let configuration = self.configuration;
        let services = &configuration.services;
        let services = [
            (BuiltinKind::Echo, &services.echo),
            (BuiltinKind::Milliwatt, &services.milliwatt),
            (BuiltinKind::Silence, &services.silence),
        ];
        Plan {
            routes: configuration.route.iter().enumerate().map(|(index, route)| self.route(index, route)).collect(),
            groups: (0..configuration.group.len()).map(|index| self.group(index)).collect(),
            pick_up_groups: configuration.group.iter().filter_map(pick_up_group).collect(),
            trunks: configuration.trunk.iter().map(|one| trunk(configuration, one)).collect(),
            trunk_groups: configuration.trunk_group.iter().map(trunk_group).collect(),
            trunk_media: configuration.trunk.iter().filter_map(trunk_media).collect(),
            services: services
                .into_iter()
                .flat_map(|(kind, numbers)| numbers.iter().map(move |number| (number.clone(), kind)))
                .collect(),
            accounts: configuration.calls.dial_accounts,
            // What their files hold is known to who has read them.
            rates: Vec::new(),
            zone: numbers::zone(configuration),
            numbering: numbers::numbering(configuration),
            guards: (0..configuration.guard.len()).map(|index| self.guard(index)).collect(),
            emergency: Emergency::new(configuration.calls.emergency.clone()),
            dialled: numbers::form(configuration.numbering.accounts),
            signs: configuration.trunk.iter().any(|trunk| trunk.sign),
            accounts_attested: attestation(configuration.identity.accounts),
            attested: {
                let own = &configuration.identity.account_attestations;
                own.iter().map(|(account, level)| (account.clone(), attestation(*level))).collect()
            },
            trunk_hosts: trunk_hosts(configuration),
            attested_by_route: {
                let routes = configuration.route.iter().enumerate();
                routes.filter_map(|(place, route)| Some((place, attestation(route.attestation?)))).collect()
            },
        }
    }

    /// Routes that lead to a number which leads back to them: a call would go round until its hops are used up.
    fn circles(&mut self, plan: &Plan) {
        for (start, route) in self.configuration.route.iter().enumerate() {
            let unchanged = route.strip == 0 && route.replace.is_empty() && route.prepend.is_empty();
            let mut circle = unchanged && route.to == ["rewrite"];
            let origin = &plan.routes[start].origin;
            let mut at = start;
            // Each step leads to another route, or goes round past this one. A longer way has no end for a call either.
            for _ in 0..self.configuration.route.len().min(HOPS) {
                let [text] = self.configuration.route[at].to.as_slice() else { break };
                let next = text.strip_prefix("number:").and_then(|number| taken_by(plan, number, origin));
                let Some(next) = next else { break };
                circle |= next == start;
                at = next;
            }
            if circle {
                self.fault(format!("route[{start}].to"), "leads back to itself: a call would go round and round");
            }
        }
    }

    fn group(&mut self, index: usize) -> Group {
        let group = &self.configuration.group[index];
        if group.members.is_empty() || group.members.iter().any(String::is_empty) {
            self.fault(format!("group[{index}].members"), "a group has members, and each has a name");
        }
        if group.members.len() > FORK_LEGS {
            let why = format!("a group has at most {FORK_LEGS} members: no call rings more at once");
            self.fault(format!("group[{index}].members"), why);
        }
        for (at, member) in group.members.iter().enumerate() {
            if group.members[..at].contains(member) {
                self.fault(format!("group[{index}].members"), format!("`{member}` is there twice"));
            }
        }
        let timeout = group.ring_s.map(|seconds| Duration::from_secs(seconds.into()));
        Group {
            name: group.name.clone(),
            members: group.members.iter().map(|account| Member { account: account.clone(), timeout }).collect(),
            strategy: match group.strategy {
                Strategy::All => switch::plan::Strategy::RingAll,
                Strategy::Sequence => switch::plan::Strategy::OneAfterAnother,
            },
        }
    }

    fn guard(&mut self, index: usize) -> Guard {
        let guard = &self.configuration.guard[index];
        let path = |key: &str| format!("guard[{index}].{key}");
        let origin = self.origin(&path("from"), &guard.from);
        let spend = guard.spend_per_hour.filter(|spend| (0.0..=SPEND_MOST).contains(spend));
        if spend != guard.spend_per_hour {
            self.fault(path("spend_per_hour"), format!("0 to {SPEND_MOST}"));
        }
        for (key, prefixes) in [("allowed", &guard.allowed), ("barred", &guard.barred)] {
            if prefixes.iter().any(String::is_empty) {
                self.fault(path(key), "an empty text is the beginning of every number");
            }
        }
        let is_idle = guard.calls_max.is_none() && guard.calls_per_hour.is_none() && spend.is_none();
        if is_idle && guard.allowed.is_empty() && guard.barred.is_empty() {
            self.fault(format!("guard[{index}]"), "guards nothing: it has no limit and no numbers");
        }
        Guard {
            name: guard.name.clone(),
            origin,
            calls_max: guard.calls_max,
            calls_per_hour: guard.calls_per_hour,
            spend_per_hour: spend.map(|spend| (spend * 1e6).round() as u64),
            allowed: guard.allowed.clone(),
            barred: guard.barred.clone(),
        }
    }

    fn route(&mut self, index: usize, route: &Route) -> switch::plan::Route {
        let path = |key: &str| format!("route[{index}].{key}");
        let number = match (&route.number, &route.prefix, &route.pattern) {
            (None, None, None) => NumberMatch::Any,
            (Some(number), None, None) => NumberMatch::Exact(number.clone()),
            (None, Some(prefix), None) => NumberMatch::Prefix(prefix.clone()),
            (None, None, Some(pattern)) => match Pattern::new(pattern) {
                Ok(pattern) => NumberMatch::Pattern(pattern),
                Err(error) => {
                    self.fault(path("pattern"), error.to_string());
                    NumberMatch::Any
                }
            },
            _ => {
                self.fault(format!("route[{index}]"), "number, prefix, pattern: one of them at most");
                NumberMatch::Any
            }
        };
        let origin = self.origin(&path("from"), &route.from);
        let rewrite = self.rewrite(index, route);
        let targets = [&route.to, &route.on_busy, &route.on_no_answer, &route.on_refused, &route.on_unreachable];
        let rewrites = |texts: &Vec<String>| {
            texts.iter().any(|text| {
                is_way(text)
                    || text.starts_with("rates:")
                    || ["rewrite", "pickup", "conference"].contains(&text.as_str())
            })
        };
        if rewrite != Rewrite::NONE && !targets.into_iter().chain([&route.on_unknown]).any(rewrites) {
            self.fault(
                format!("route[{index}]"),
                "strip, replace and prepend are for trunks, platforms, rate tables, \"rewrite\", \"pickup\" and \"conference\"",
            );
        }
        if route.to.is_empty() {
            self.fault(path("to"), "a route leads somewhere");
        }
        let destination = self.destination(&path("to"), &route.to, route, &rewrite);
        let mut branch = |key: &str, texts: &[String]| {
            if texts.is_empty() { None } else { self.destination(&path(key), texts, route, &rewrite) }
        };
        let branches = Branches {
            busy: branch("on_busy", &route.on_busy),
            no_answer: branch("on_no_answer", &route.on_no_answer),
            refused: branch("on_refused", &route.on_refused),
            unreachable: branch("on_unreachable", &route.on_unreachable),
            unknown: branch("on_unknown", &route.on_unknown),
        };
        switch::plan::Route {
            name: route.name.clone().unwrap_or_else(|| format!("route {}", index + 1)),
            number,
            origin,
            hours: numbers::hours(&route.hours),
            destination: destination.unwrap_or(Destination::Refuse(CauseKind::Internal)),
            branches,
        }
    }

    fn origin(&mut self, path: &str, text: &str) -> OriginMatch {
        match text.split_once(':') {
            None if text == "any" => OriginMatch::Any,
            None if text == "accounts" => OriginMatch::Accounts,
            None if text == "trunks" => OriginMatch::Trunks,
            None if text == "platforms" => {
                self.has_platforms(path);
                OriginMatch::Platforms
            }
            Some(("platform", name)) if !name.is_empty() => {
                self.known_platform(path, name);
                OriginMatch::Platform(name.to_owned())
            }
            Some(("account", name)) if !name.is_empty() => OriginMatch::Account(name.to_owned()),
            Some(("trunk", name)) => {
                self.known_trunk(path, name);
                OriginMatch::Trunk(name.to_owned())
            }
            _ => {
                let forms = "\"any\", \"accounts\", \"trunks\", \"platforms\", \"account:NAME\", \"trunk:NAME\" or \"platform:NAME\"";
                self.fault(path.to_owned(), format!("`{text}`: write {forms}"));
                OriginMatch::Any
            }
        }
    }

    fn rewrite(&mut self, index: usize, route: &Route) -> Rewrite {
        let replace = match route.replace.as_slice() {
            [] => None,
            [pattern, text] => match replaced(pattern, text) {
                Ok(replaced) => Some(replaced),
                Err(why) => {
                    self.fault(format!("route[{index}].replace"), why);
                    None
                }
            },
            _ => {
                self.fault(format!("route[{index}].replace"), "two texts: a pattern, and what its match becomes");
                None
            }
        };
        Rewrite { strip: route.strip as usize, replace, prepend: route.prepend.clone() }
    }
}

/// The route that takes a number on behalf of `origin`. `None`: no route does, or it depends on who calls.
fn taken_by(plan: &Plan, number: &str, origin: &OriginMatch) -> Option<usize> {
    let routes = plan.routes.iter().enumerate();
    let concerned = |route: &switch::plan::Route| route.origin.covers(origin) || origin.covers(&route.origin);
    let (index, first) = routes.into_iter().find(|(_, route)| route.number.matches(number) && concerned(route))?;
    first.origin.covers(origin).then_some(index)
}

/// A pattern, and what its match becomes.
fn replaced(pattern: &str, text: &str) -> Result<(Pattern, String), String> {
    let pattern = Pattern::new(pattern).map_err(|error| error.to_string())?;
    let replacement = replacement::of(&pattern, text)?;
    Ok((pattern, replacement))
}

/// Who may pick up what rings at the members of a group; `None`: nobody but themselves.
fn pick_up_group(group: &super::model::Group) -> Option<PickUpGroup> {
    let named = |text: &String| match text.as_str() {
        "members" => group.members.clone(),
        account => vec![account.to_owned()],
    };
    let by: Vec<String> = group.pickup.iter().flat_map(named).collect();
    (!by.is_empty()).then(|| PickUpGroup { name: group.name.clone(), members: group.members.clone(), by })
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::{ConferenceName, Network};
    use switch::plan::{TrunkMedia, Way};

    #[test]
    fn a_trunks_media_leaves_from_where_its_signalling_does() {
        let text = r#"
            [sip]
            listen = ["udp:127.0.0.2:5060", "udp:[::1]:5060", "udp:127.0.0.3:5060"]
            [[trunk]]
            name = "four"
            address = "192.0.2.1"
            [[trunk]]
            name = "six"
            address = "[2001:db8::1]:5080"
            [[trunk]]
            name = "told"
            address = "192.0.2.1"
            interface = "127.0.0.3"
        "#;
        let plan = plan(&super::super::read(text).unwrap());
        let interfaces: Vec<String> = plan.trunks.iter().map(|trunk| trunk.interface.to_string()).collect();
        assert_eq!(interfaces, ["127.0.0.2", "::1", "127.0.0.3"]);
    }

    #[test]
    fn a_trunk_that_says_so_is_heard_from_other_hosts() {
        let text = r#"
            [[trunk]]
            name = "one"
            address = "192.0.2.1"
            [[trunk]]
            name = "two"
            address = "192.0.2.2"
            media_from = ["203.0.113.0/24", "2001:db8::7"]
        "#;
        let plan = plan(&super::super::read(text).unwrap());
        let networks = ["203.0.113.0/24", "2001:db8::7/128"].map(|text| Network::parse(text).unwrap()).to_vec();
        assert_eq!(plan.trunk_media, [TrunkMedia { trunk: "two".into(), networks }]);
    }

    #[test]
    fn other_platforms_are_ways_among_trunks() {
        let text = r#"
            [bridge]
            platform = 1
            peers = ["192.0.2.9:5065"]
            [[trunk]]
            name = "a"
            address = "192.0.2.1"
            [[route]]
            prefix = "0"
            from = "platform:west"
            to = ["trunk:a", "trunk:a@west", "platform:3"]
            strip = 1
        "#;
        let plan = plan(&super::super::read(text).unwrap());
        let Destination::Trunks(steps) = &plan.routes[0].destination else { panic!("trunks") };
        let ways: Vec<_> = steps.iter().map(|step| step.trunk.clone()).collect();
        let of_west = Way::TrunkOf { trunk: "a".into(), platform: "west".into() };
        assert_eq!(ways, [Way::from("a"), of_west, Way::Platform("3".into())]);
        assert!(steps.iter().all(|step| step.rewrite.apply("049") == "49"));
        assert_eq!(plan.routes[0].origin, OriginMatch::Platform("west".into()));
    }

    #[test]
    fn a_route_leads_to_a_conference_by_name_or_by_number() {
        let text = r#"
            [[route]]
            number = "500"
            to = ["conference:sales"]
            [[route]]
            prefix = "*3"
            to = ["conference"]
            strip = 1
        "#;
        let named = plan(&super::super::read(text).unwrap());
        let sales = ConferenceName::room("sales").unwrap();
        assert_eq!(named.routes[0].destination, Destination::Service(BuiltinKind::Conference(sales)));
        let Destination::Conference(rewrite) = &named.routes[1].destination else { panic!("a conference") };
        assert_eq!(rewrite.apply("*3000"), "3000");
        for wrong in ["conference:", "conference:~a", "conference:a b"] {
            let text = format!("[[route]]\nnumber = \"1\"\nto = [\"{wrong}\"]\n");
            assert!(super::super::read(&text).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_group_says_who_may_pick_up_and_a_route_by_which_number() {
        let text = r#"
            [[group]]
            name = "sales"
            members = ["alice", "bob"]
            pickup = ["members", "carol"]
            [[group]]
            name = "board"
            members = ["dave"]
            [[route]]
            prefix = "*8"
            to = ["pickup"]
            strip = 2
        "#;
        let plan = plan(&super::super::read(text).unwrap());
        let [sales] = &plan.pick_up_groups[..] else { panic!("one: {:?}", plan.pick_up_groups) };
        assert_eq!((sales.members.join(" "), sales.by.join(" ")), ("alice bob".into(), "alice bob carol".into()));
        let Destination::PickUp(rewrite) = &plan.routes[0].destination else { panic!("pick-up") };
        assert_eq!((rewrite.apply("*8bob"), rewrite.apply("*8")), ("bob".to_owned(), String::new()));
    }

    #[test]
    fn a_route_becomes_a_line_of_the_plan() {
        let text = r#"
            [[trunk]]
            name = "a"
            address = "192.0.2.1"
            [[trunk]]
            name = "b"
            address = "2001:db8::1"
            [[route]]
            prefix = "00"
            from = "accounts"
            to = ["trunk:a", "trunk:b"]
            strip = 2
            prepend = "+"
            ring_s = 20
            on_busy = ["account:bob"]
            [[route]]
            number = "600"
            to = ["number:100"]
        "#;
        let configuration = super::super::read(text).unwrap();
        let plan = plan(&configuration);
        let Destination::Trunks(steps) = &plan.routes[0].destination else { panic!("trunks") };
        assert_eq!(steps[1].trunk, Way::from("b"));
        assert_eq!(steps[0].rewrite.apply("0049301"), "+49301");
        assert_eq!(steps[0].timeout, Some(Duration::from_secs(20)));
        assert_eq!(plan.routes[0].branches.busy, Some(Destination::Account("bob".into())));
        assert_eq!(plan.routes[1].destination, Destination::Number(Rewrite::fixed("100")));
        assert!(plan.trunks[0].interface.is_ipv4() && plan.trunks[1].interface.is_ipv6());
        assert_eq!(plan.services.len(), 3);
    }
}
