//! What the switch is told: the routing plan.

use super::model::{Configuration, Route};
use super::value::{Redirects, Strategy, is_host_name};
use super::{numbers, replacement, sip};
use router::Emergency;
use router::parameter::{Attestation, BuiltinKind, CauseKind, ConferenceName, Network};
use router::time::Duration;
use signaling::transport::limits::ENUM_DOMAIN_OCTETS;
use signaling::trunk::TargetHost;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use switch::guard::Guard;
use switch::limits::FORK_LEGS;
use switch::plan::{
    Branches, Destination, Group, Member, NumberMatch, OriginMatch, Pattern, PickUpGroup, Plan, Rewrite, Trunk,
    TrunkGroup, TrunkMedia, TrunkMember, TrunkStep, Way,
};

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

    fn destination(&mut self, path: &str, texts: &[String], route: &Route, rewrite: &Rewrite) -> Option<Destination> {
        if !texts.is_empty() && texts.iter().all(|text| is_way(text)) {
            let timeout = route.ring_s.map(|seconds| Duration::from_secs(seconds.into()));
            let steps = texts.iter().filter_map(|text| {
                let trunk = self.way(path, text)?;
                Some(TrunkStep { trunk, rewrite: rewrite.clone(), timeout })
            });
            return Some(Destination::Trunks(steps.collect()));
        }
        let [text] = texts else {
            if !texts.is_empty() {
                self.fault(path.to_owned(), "several destinations are trunks or platforms, all of them");
            }
            return None;
        };
        let destination = match text.split_once(':') {
            None if text == "rewrite" => Some(Destination::Number(rewrite.clone())),
            None if text == "pickup" => Some(Destination::PickUp(rewrite.clone())),
            None if text == "conference" => Some(Destination::Conference(rewrite.clone())),
            Some(("conference", name)) => {
                ConferenceName::room(name).map(|name| Destination::Service(BuiltinKind::Conference(name)))
            }
            Some(("account", name)) if !name.is_empty() => Some(Destination::Account(name.to_owned())),
            Some(("number", number)) if !number.is_empty() => Some(Destination::Number(Rewrite::fixed(number))),
            Some(("group", name)) => {
                if !self.configuration.group.iter().any(|group| group.name == name) {
                    self.fault(path.to_owned(), format!("there is no group `{name}`"));
                }
                Some(Destination::Group(name.to_owned()))
            }
            Some(("rates", name)) => {
                if !self.configuration.rates.iter().any(|rates| rates.name == name) {
                    self.fault(path.to_owned(), format!("there is no rates `{name}`"));
                }
                let timeout = route.ring_s.map(|seconds| Duration::from_secs(seconds.into()));
                Some(Destination::Rates { table: name.to_owned(), rewrite: rewrite.clone(), timeout })
            }
            Some(("service", name)) => service(name).map(Destination::Service),
            Some(("refuse", cause)) => refusal(cause).map(Destination::Refuse),
            _ => None,
        };
        if destination.is_none() {
            self.fault(path.to_owned(), format!("`{text}` is no destination"));
        }
        destination
    }

    /// A trunk here or on another platform, or that platform's plan.
    fn way(&mut self, path: &str, text: &str) -> Option<Way> {
        let way = way_of(text)?;
        match &way {
            Way::Platform(platform) => self.known_platform(path, platform),
            Way::Enum(domain) if domain.len() > ENUM_DOMAIN_OCTETS || !is_host_name(domain) => {
                self.fault(path.to_owned(), format!("`{text}` names no domain, such as enum:e164.arpa"));
            }
            // Whether a trunk that it leads to is there, each call finds out.
            Way::Enum(_) => {}
            Way::Group(name) => {
                if !self.configuration.trunk_group.iter().any(|group| group.name == *name) {
                    self.fault(path.to_owned(), format!("there is no trunk_group `{name}`"));
                }
            }
            Way::TrunkOf { trunk, platform } => {
                if trunk.is_empty() {
                    self.fault(path.to_owned(), format!("`{text}` names no trunk"));
                }
                self.known_platform(path, platform);
            }
            Way::Trunk(name) => self.known_trunk(path, name),
        }
        Some(way)
    }

    /// Which others there are, is known once they are linked.
    fn known_platform(&mut self, path: &str, name: &str) {
        self.has_platforms(path);
        let bridge = &self.configuration.bridge;
        if name.is_empty() {
            self.fault(path.to_owned(), "a platform has a name");
        } else if bridge.platform.is_some() && (name == bridge.name() || name.parse().ok() == bridge.platform) {
            self.fault(path.to_owned(), format!("`{name}` is this very platform"));
        }
    }

    fn has_platforms(&mut self, path: &str) {
        if self.configuration.bridge.platform.is_none() {
            self.fault(path.to_owned(), "bridge.platform is not set: there are no other platforms");
        }
    }

    fn known_trunk(&mut self, path: &str, name: &str) {
        if !self.configuration.trunk.iter().any(|trunk| trunk.name == name) {
            self.fault(path.to_owned(), format!("there is no trunk `{name}`"));
        }
    }
}

/// What `trunk:NAME`, `trunk:NAME@PLATFORM`, `trunks:GROUP`, `platform:NAME` and `enum:DOMAIN` stand for; a name alone is a trunk's.
pub fn way_of(text: &str) -> Option<Way> {
    match text.split_once(':') {
        Some(("platform", platform)) => Some(Way::Platform(platform.to_owned())),
        Some(("trunks", name)) => Some(Way::Group(name.to_owned())),
        Some(("enum", domain)) => Some(Way::Enum(domain.trim_matches('.').to_ascii_lowercase())),
        Some(("trunk", name)) => match name.split_once('@') {
            Some((trunk, platform)) => Some(Way::TrunkOf { trunk: trunk.to_owned(), platform: platform.to_owned() }),
            None => Some(Way::from(name)),
        },
        Some(_) => None,
        None => Some(Way::from(text)),
    }
}

/// Whether a destination is one of those that are tried in turn.
fn is_way(text: &str) -> bool {
    ["trunk:", "trunks:", "platform:", "enum:"].iter().any(|form| text.starts_with(form))
}

/// The route that takes a number on behalf of `origin`. `None`: no route does, or it depends on who calls.
fn taken_by(plan: &Plan, number: &str, origin: &OriginMatch) -> Option<usize> {
    let routes = plan.routes.iter().enumerate();
    let concerned = |route: &switch::plan::Route| route.origin.covers(origin) || origin.covers(&route.origin);
    let (index, first) = routes.into_iter().find(|(_, route)| route.number.matches(number) && concerned(route))?;
    first.origin.covers(origin).then_some(index)
}

/// A trunk. The local address of its media: as configured, or else that of the first listener of its family, which its signalling
/// leaves from; unspecified where there is none.
fn trunk(configuration: &Configuration, trunk: &super::model::Trunk) -> Trunk {
    let target = trunk.address.as_deref().and_then(sip::target);
    let six = match target.map(|target| target.host) {
        Some(TargetHost::Address(address)) => address.is_ipv6(),
        _ => false,
    };
    let own = configuration.sip.listen.iter().map(|listen| listen.address.ip()).find(|own| own.is_ipv6() == six);
    let unspecified = if six { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { IpAddr::from(Ipv4Addr::UNSPECIFIED) };
    Trunk {
        name: trunk.name.clone(),
        numbers: numbers::form(trunk.numbers),
        attested: attestation(trunk.attestation),
        interface: trunk.interface.or(own).unwrap_or(unspecified),
        redirects: redirects(trunk.redirects),
        caller: caller(&trunk.caller).ok().flatten(),
        answered_min: trunk.answered_min_percent,
        delay_max: trunk.post_dial_delay_max_s.map(|seconds| Duration::from_secs(seconds.into())),
        early_offer: trunk.early_offer,
    }
}

/// The hosts and domains of trunks, in small letters: what a rule for a number names of them is called over that trunk. Of two of the same host the first.
fn trunk_hosts(configuration: &Configuration) -> BTreeMap<String, String> {
    let mut hosts = BTreeMap::new();
    for trunk in &configuration.trunk {
        // One that has no address only calls us.
        let Some(target) = trunk.address.as_deref().and_then(sip::target) else { continue };
        for host in std::iter::once(target.host()).chain(trunk.domain.clone()) {
            hosts.entry(host.to_ascii_lowercase()).or_insert_with(|| trunk.name.clone());
        }
    }
    hosts
}

/// How far calls are answered for.
const fn attestation(value: super::value::Attestation) -> Attestation {
    match value {
        super::value::Attestation::A => Attestation::Full,
        super::value::Attestation::B => Attestation::Partial,
        super::value::Attestation::C => Attestation::Gateway,
    }
}

/// Where a trunk's media come from, where it does not say so itself.
fn trunk_media(trunk: &super::model::Trunk) -> Option<TrunkMedia> {
    let networks: Vec<Network> = trunk.media_from.iter().filter_map(|text| Network::parse(text)).collect();
    (!networks.is_empty()).then(|| TrunkMedia { trunk: trunk.name.clone(), networks })
}

/// A pattern, and what its match becomes.
fn replaced(pattern: &str, text: &str) -> Result<(Pattern, String), String> {
    let pattern = Pattern::new(pattern).map_err(|error| error.to_string())?;
    let replacement = replacement::of(&pattern, text)?;
    Ok((pattern, replacement))
}

/// How a trunk is shown the caller's number.
pub fn caller(texts: &[String]) -> Result<Option<Rewrite>, String> {
    match texts {
        [] => Ok(None),
        [pattern, text] => Ok(Some(Rewrite { replace: Some(replaced(pattern, text)?), ..Rewrite::NONE })),
        _ => Err("two texts: a pattern, and what its match becomes".to_owned()),
    }
}

/// A group of trunks.
fn trunk_group(group: &super::model::TrunkGroup) -> TrunkGroup {
    let member = |member: &super::model::TrunkMember| TrunkMember {
        trunk: member.trunk.clone(),
        priority: member.priority,
        weight: member.weight,
    };
    TrunkGroup { name: group.name.clone(), members: group.members.iter().map(member).collect() }
}

/// What is done with redirections.
pub fn redirects(value: Redirects) -> switch::plan::Redirects {
    match value {
        Redirects::Follow => switch::plan::Redirects::Follow,
        Redirects::Refuse => switch::plan::Redirects::Refuse,
        Redirects::Pass => switch::plan::Redirects::Pass,
    }
}

fn service(name: &str) -> Option<BuiltinKind> {
    match name {
        "echo" => Some(BuiltinKind::Echo),
        "milliwatt" => Some(BuiltinKind::Milliwatt),
        "silence" => Some(BuiltinKind::Silence),
        _ => None,
    }
}

fn refusal(cause: &str) -> Option<CauseKind> {
    match cause {
        "busy" => Some(CauseKind::Busy),
        "declined" => Some(CauseKind::Declined),
        "forbidden" => Some(CauseKind::Forbidden),
        "unknown" => Some(CauseKind::UnknownNumber),
        "congestion" => Some(CauseKind::Congestion),
        "unreachable" => Some(CauseKind::Unreachable),
        _ => None,
    }
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
