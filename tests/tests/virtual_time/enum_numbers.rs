//! Numbers that the name service knows (ENUM, RFC 6116): by which trunk they are called, whither they were ported, who is asked, and what a rule
//! that anybody may have written can do.

use crate::secs;
use crate::trunk_failover::configured;
use router::parameter::{CauseKind, Outcome};
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, Simulation, Step};
use switch::guard::Guard;
use switch::plan::{Destination, OriginMatch, TrunkStep, Way};

/// A tree of the operator's own.
const OWN: &str = "numbers.example";

/// That of everybody.
const PUBLIC: &str = "e164.arpa";

/// A rule: the number without its plus, its order, service and pattern.
type Rule = (&'static str, u16, &'static str, &'static str);

/// Alice, and trunks `one` and `two`: numbers that begin with 0 are asked for below a domain, and go to `one` where nothing is said. `two` is
/// `sbc.example`.
struct World {
    simulation: Simulation,
    alice: PhoneIndex,
    trunks: [PhoneIndex; 2],
}

impl World {
    fn new(seed: u64, domain: &str, rules: &[Rule]) -> World {
        Self::with(seed, domain, rules, [Behaviour::default(), Behaviour::default()], |_| {})
    }

    fn with(
        seed: u64,
        domain: &str,
        rules: &[Rule],
        behaviours: [Behaviour; 2],
        more: impl FnOnce(&mut scenarios::PlatformConfig),
    ) -> World {
        let mut config = configured(vec![known("one", address(1)), known("two", address(2))]);
        let Destination::Trunks(steps) = &mut config.switch.plan.routes[0].destination else { panic!("trunks") };
        steps.truncate(1);
        let asks = TrunkStep { trunk: Way::Enum(domain.to_owned()), ..steps[0].clone() };
        steps.insert(0, asks);
        config.switch.plan.trunk_hosts.insert("sbc.example".to_owned(), "two".to_owned());
        for (number, order, service, regexp) in rules {
            let digits: String = number.chars().rev().flat_map(|digit| [digit, '.']).collect();
            config.zone.rule(&format!("{digits}{domain}"), *order, service, regexp);
        }
        more(&mut config);
        let mut simulation = Simulation::with(seed, config);
        simulation.network.recorded = Some(Vec::new());
        let server = simulation.server();
        let [first, second] = behaviours;
        let one = simulation.add(peer("one", address(1), server, first));
        let two = simulation.add(peer("two", address(2), server, second));
        let alice = simulation.add_registered("alice");
        for phone in [one, two, alice] {
            simulation.set_line(phone, Conditions::rough(80));
        }
        World { simulation, alice, trunks: [one, two] }
    }

    /// Alice calls a number. Whom she reaches, and by which number that one is called.
    fn reaches(&mut self, number: &str) -> (usize, String) {
        let World { simulation, alice, trunks } = self;
        let before = trunks.map(|trunk| simulation.phone(trunk).calls().len());
        let call = simulation.tell(*alice).dial(number);
        simulation.run_until(secs(60), |simulation| simulation.phone(*alice).call(call).is_up());
        assert!(
            simulation.phone(*alice).call(call).is_up(),
            "{number}: {:?}",
            simulation.phone(*alice).call(call).ending
        );
        let is_up = |trunk: usize| {
            let calls = simulation.phone(trunks[trunk]).calls();
            calls.len() > before[trunk] && calls.last().is_some_and(|call| call.is_live())
        };
        let rang = (0..2).find(|&trunk| is_up(trunk)).expect("one of them talks");
        let to = simulation.phone(trunks[rang]).last_call().expect("a call").invite_headers.clone();
        let to = to.into_iter().find(|(name, _)| name == "To").expect("a To").1;
        simulation.tell(*alice).step(call, Step::HangUp);
        simulation.run(secs(4));
        let user = to.split("sip:").nth(1).and_then(|rest| rest.split('@').next()).unwrap_or_default().to_owned();
        (rang, user)
    }

    /// Alice calls a number in vain. Why.
    fn is_refused(&mut self, number: &str) -> Option<Ending> {
        let World { simulation, alice, .. } = self;
        let call = simulation.tell(*alice).dial(number);
        simulation.run_until(secs(60), |simulation| !simulation.phone(*alice).call(call).is_live());
        simulation.phone(*alice).call(call).ending
    }

    fn end(mut self) {
        self.simulation.calm();
        self.simulation.run(secs(2));
        self.simulation.finish();
    }
}

#[test]
fn a_number_goes_where_its_rule_says_and_else_on_as_the_route_has_it() {
    for domain in [PUBLIC, OWN] {
        let rules: [Rule; 5] = [
            ("4930123", 5, "E2U+email:mailto", "!^.*$!mailto:somebody@example!"),
            ("4930123", 10, "E2U+sip", "!^.*$!sip:info@elsewhere.example!"),
            // Whoever writes it chooses the way, and not what is called there.
            ("4930123", 20, "E2U+sip", "!^.*$!sip:+49900666@SBC.example!"),
            ("4930124", 10, "E2U+sip", "!^.*$!sips:+4930124@sbc.example!"),
            ("4930126", 10, "E2U+sip", "!(!sip:a@sbc.example!"),
        ];
        let mut world = World::new(1, domain, &rules);
        assert_eq!(world.reaches("030123"), (1, "+4930123".to_owned()));
        let asked = world.simulation.platform.zone.asked();
        assert_eq!(world.reaches("030123"), (1, "+4930123".to_owned()));
        assert_eq!(world.simulation.platform.zone.asked(), asked, "it is known for as long as its TTL says");
        assert_eq!(
            world.reaches("030124"),
            (0, "+4930124".to_owned()),
            "by a secure way alone, which is none of ours to take"
        );
        assert_eq!(world.reaches("030125"), (0, "+4930125".to_owned()), "nothing is said of it");
        assert_eq!(world.reaches("030126"), (0, "+4930126".to_owned()), "that is no rule");
        assert_eq!(world.reaches("0abc"), (0, "+49abc".to_owned()), "that is no number");
        world.end();
    }
}

#[test]
fn a_ported_number_is_called_where_it_is_now_if_the_tree_is_the_operators_own() {
    let rules: [Rule; 1] = [("4930124", 10, "E2U+pstn:tel", "!^.*$!tel:+49-30-999!")];
    // Routes of this plan take what is dialled, with a 0; E.164 has a route of its own.
    let outward = |config: &mut scenarios::PlatformConfig| {
        let mut route = config.switch.plan.routes[0].clone();
        route.name = "e164".to_owned();
        route.number = switch::plan::NumberMatch::Prefix("+".to_owned());
        let Destination::Trunks(steps) = &mut route.destination else { panic!("trunks") };
        steps.iter_mut().for_each(|step| step.rewrite = switch::plan::Rewrite::NONE);
        config.switch.plan.routes.push(route);
    };
    let plain = || [Behaviour::default(), Behaviour::default()];
    let mut world = World::with(2, OWN, &rules, plain(), outward);
    assert_eq!(world.reaches("030124"), (0, "+4930999".to_owned()));
    world.end();
    // In that of everybody its owner would choose what the caller pays for.
    let mut world = World::with(3, PUBLIC, &rules, plain(), outward);
    assert_eq!(world.reaches("030124"), (0, "+4930124".to_owned()));
    world.end();
    // What the caller may not call, it may not call by another number either.
    let barred = Guard {
        name: "phones".to_owned(),
        origin: OriginMatch::Accounts,
        calls_max: None,
        calls_per_hour: None,
        spend_per_hour: None,
        allowed: Vec::new(),
        barred: vec!["+4930999".to_owned()],
    };
    let mut world = World::with(4, OWN, &rules, plain(), |config| {
        outward(config);
        config.switch.plan.guards.push(barred);
    });
    assert_eq!(world.is_refused("030124"), Some(Ending::Refused(403)));
    assert_eq!(world.reaches("030125"), (0, "+4930125".to_owned()));
    world.end();
}

/// A ported number is one more way: what else is said of it, and what else the route has, is tried where that one's fails, and not where its callee has answered.
#[test]
fn where_a_ported_number_is_not_reached_the_next_rule_and_the_next_of_the_route_are_tried() {
    let ported: Rule = ("4930124", 10, "E2U+pstn:tel", "!^.*$!tel:+4930999!");
    let by_two: Rule = ("4930124", 20, "E2U+sip", "!^.*$!sip:x@sbc.example!");
    // Numbers of E.164 go to the second trunk where the route does, else to the first.
    let outward = |config: &mut scenarios::PlatformConfig, is_second: bool| {
        let mut route = config.switch.plan.routes[0].clone();
        route.name = "e164".to_owned();
        route.number = switch::plan::NumberMatch::Prefix("+".to_owned());
        let Destination::Trunks(steps) = &mut route.destination else { panic!("trunks") };
        steps.remove(0);
        steps[0].rewrite = switch::plan::Rewrite::NONE;
        if is_second {
            steps[0].trunk = "two".into();
        }
        config.switch.plan.routes.push(route);
    };
    let fails = |status| Behaviour::rejects(status);
    for (rules, is_second, behaviours, reached) in [
        (vec![ported, by_two], false, [fails(503), Behaviour::default()], Ok((1, "+4930124"))),
        (vec![ported], true, [Behaviour::default(), fails(503)], Ok((0, "+4930124"))),
        (vec![ported, by_two], false, [fails(486), Behaviour::default()], Err(486)),
        (vec![ported], true, [Behaviour::default(), fails(486)], Err(486)),
    ] {
        let mut world = World::with(15, OWN, &rules, behaviours, |config| outward(config, is_second));
        match reached {
            Ok((trunk, number)) => assert_eq!(world.reaches("030124"), (trunk, number.to_owned())),
            Err(status) => assert_eq!(world.is_refused("030124"), Some(Ending::Refused(status))),
        }
        world.end();
    }
    // Each is guarded as the number that it is.
    let barred = Guard {
        name: "phones".to_owned(),
        origin: OriginMatch::Accounts,
        calls_max: None,
        calls_per_hour: None,
        spend_per_hour: None,
        allowed: Vec::new(),
        barred: vec!["030124".to_owned()],
    };
    let mut world = World::with(16, OWN, &[ported], [Behaviour::default(), fails(503)], |config| {
        outward(config, true);
        config.switch.plan.guards.push(barred);
    });
    assert_eq!(world.is_refused("030124"), Some(Ending::Refused(403)));
    assert!(world.simulation.phone(world.trunks[0]).calls().is_empty());
    world.end();
}

#[test]
fn trunks_that_take_it_are_told_where_a_number_was_ported_to() {
    let rules: [Rule; 2] = [
        ("4930123", 10, "E2U+pstn:tel", "!^(.*)$!tel:\\1;npdi;rn=+4930000;x=1!"),
        ("4930124", 10, "E2U+pstn:sip", "!^(.*)$!sip:\\1;npdi;rn=+4930000@sbc.example!"),
    ];
    // In the tree of everybody a number's owner would choose what is dialled in its place.
    for (domain, takes) in [(OWN, true), (OWN, false), (PUBLIC, true)] {
        let mut world = World::with(5, domain, &rules, [Behaviour::default(), Behaviour::default()], |config| {
            for trunk in config.signaling.trunks.iter_mut().filter(|_| takes) {
                trunk.headers.numbers = vec!["npdi".to_owned(), "rn".to_owned()];
            }
        });
        for (dialled, trunk, called) in [("030123", 0, "+4930123"), ("030124", 1, "+4930124")] {
            assert_eq!(world.reaches(dialled).0, trunk);
            let with = match takes && domain == OWN {
                true => format!("INVITE sip:{called};npdi;rn=+4930000@"),
                false => format!("INVITE sip:{called}@"),
            };
            let recorded = world.simulation.network.recorded.as_ref().expect("it is recorded");
            let to = address(trunk as u8 + 1);
            let is_told = recorded.iter().any(|(_, at, bytes)| *at == to && bytes.starts_with(with.as_bytes()));
            assert!(is_told, "{domain} {takes} {dialled}");
        }
        world.end();
    }
}

#[test]
fn where_a_rule_leads_to_a_trunk_that_fails_the_next_of_the_route_is_tried() {
    let rules: [Rule; 1] = [("4930123", 20, "E2U+sip", "!^.*$!sip:a@sbc.example!")];
    let behaviours = [Behaviour::default(), Behaviour::rejects(503)];
    let mut world = World::with(6, PUBLIC, &rules, behaviours, |_| {});
    assert_eq!(world.reaches("030123"), (0, "+4930123".to_owned()));
    assert_eq!(world.simulation.call(world.trunks[1]).ending, Some(Ending::Rejected(503)));
    world.end();
    let behaviours = [Behaviour::default(), Behaviour::rejects(486)];
    let mut world = World::with(7, PUBLIC, &rules, behaviours, |_| {});
    assert_eq!(world.is_refused("030123"), Some(Ending::Refused(486)), "the callee has answered");
    world.end();
}

#[test]
fn a_name_service_that_fails_or_takes_long_costs_a_moment_and_no_call() {
    let rules: [Rule; 1] = [("4930123", 20, "E2U+sip", "!^.*$!sip:a@sbc.example!")];
    let mut world = World::new(8, PUBLIC, &rules);
    let now = world.simulation.now().instant;
    world.simulation.platform.zone.down_until = Some(now + secs(30));
    assert_eq!(world.reaches("030123"), (0, "+4930123".to_owned()));
    world.end();
    let mut world = World::new(9, PUBLIC, &rules);
    world.simulation.platform.zone.late = secs(6);
    let begun = world.simulation.now().instant;
    assert_eq!(world.reaches("030123"), (0, "+4930123".to_owned()));
    world.simulation.run(secs(4));
    assert!(world.simulation.now().instant.since(begun) < secs(40));
    assert_eq!(world.reaches("030123"), (1, "+4930123".to_owned()), "what came late serves the next call");
    world.end();
}

#[test]
fn without_another_way_the_caller_hears_whether_the_number_is_not_there_or_cannot_be_found() {
    for (seed, down, status, cause) in
        [(10, false, 404, CauseKind::UnknownNumber), (11, true, 480, CauseKind::Unreachable)]
    {
        let mut world = World::with(seed, PUBLIC, &[], [Behaviour::default(), Behaviour::default()], |config| {
            let Destination::Trunks(steps) = &mut config.switch.plan.routes[0].destination else { panic!("trunks") };
            steps.truncate(1);
        });
        if down {
            let now = world.simulation.now().instant;
            world.simulation.platform.zone.down_until = Some(now + secs(30));
        }
        assert_eq!(world.is_refused("030123"), Some(Ending::Refused(status)));
        world.simulation.run(secs(2));
        let records = world.simulation.platform.records();
        let last = records.last().map(|record| (record.outcome, record.cause.as_ref().map(|cause| cause.kind)));
        assert_eq!(last, Some((Outcome::Unanswered, Some(cause))));
        world.end();
    }
}

#[test]
fn who_hangs_up_while_the_name_service_is_asked_leaves_nothing_behind() {
    let rules: [Rule; 1] = [("4930123", 20, "E2U+sip", "!^.*$!sip:a@sbc.example!")];
    let mut world = World::new(12, PUBLIC, &rules);
    world.simulation.platform.zone.late = secs(1);
    let call = world.simulation.tell(world.alice).dial_with("030123", Some(crate::ms(500)), Vec::new());
    world.simulation.run(secs(20));
    assert!(!world.simulation.phone(world.alice).call(call).is_live());
    for trunk in world.trunks {
        assert!(world.simulation.phone(trunk).calls().is_empty(), "nobody is called");
    }
    world.end();
}

#[test]
fn rules_that_send_a_number_round_end_where_the_route_goes_on() {
    let rules: [Rule; 2] =
        [("4930123", 10, "E2U+tel", "!^.*$!tel:+4930124!"), ("4930124", 10, "E2U+tel", "!^.*$!tel:+4930123!")];
    let mut world = World::with(13, OWN, &rules, [Behaviour::default(), Behaviour::default()], |config| {
        let mut route = config.switch.plan.routes[0].clone();
        route.name = "e164".to_owned();
        route.number = switch::plan::NumberMatch::Prefix("+".to_owned());
        let Destination::Trunks(steps) = &mut route.destination else { panic!("trunks") };
        steps.iter_mut().for_each(|step| step.rewrite = switch::plan::Rewrite::NONE);
        config.switch.plan.routes.push(route);
    });
    let (trunk, number) = world.reaches("030123");
    assert!(trunk == 0 && number.starts_with("+493012"), "{trunk} {number}");
    assert_eq!(world.simulation.platform.zone.numbers_asked(), 2);
    world.end();
}

#[test]
fn a_call_whose_route_names_no_domain_asks_nobody() {
    let mut world = World::with(14, PUBLIC, &[], [Behaviour::default(), Behaviour::default()], |config| {
        let Destination::Trunks(steps) = &mut config.switch.plan.routes[0].destination else { panic!("trunks") };
        steps.remove(0);
    });
    assert_eq!(world.reaches("030123"), (0, "+4930123".to_owned()));
    assert_eq!(world.simulation.platform.zone.asked(), 0);
    world.end();
}
