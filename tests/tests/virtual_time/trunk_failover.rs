//! Trunks: in, out, the next one, challenges, names.

use crate::{ms, secs};
use router::parameter::{CauseKind, Outcome};
use router::time::Duration;
use scenarios::platform::SERVER;
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, known_with, peer};
use scenarios::{Behaviour, Conditions, Ending, PhoneConfig, PlatformConfig, Simulation};
use signaling::trunk::{Target, TrunkConfig};
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Plan, Rewrite, Route, Trunk, TrunkStep};

/// Numbers that begin with 0 go to these trunks in turn, `+49` in place of the 0; those with 1 to the account without it.
pub(crate) fn configured(trunks: Vec<TrunkConfig>) -> PlatformConfig {
    let step = |trunk: &TrunkConfig| TrunkStep {
        trunk: trunk.name.as_str().into(),
        rewrite: Rewrite { strip: 1, prepend: "+49".to_owned(), ..Rewrite::NONE },
        timeout: None,
    };
    let route = |name: &str, prefix: &str, origin, destination| Route {
        name: name.to_owned(),
        number: NumberMatch::Prefix(prefix.to_owned()),
        origin,
        hours: None,
        destination,
        branches: Branches::default(),
    };
    let outward = Destination::Trunks(trunks.iter().map(step).collect());
    let inward = Destination::Number(Rewrite { strip: 1, ..Rewrite::NONE });
    let routes = vec![route("out", "0", OriginMatch::Accounts, outward), route("in", "1", OriginMatch::Trunks, inward)];
    let known = trunks.iter().map(|trunk| Trunk { interface: SERVER, ..Trunk::new(trunk.name.clone()) }).collect();
    let plan = Plan { routes, trunks: known, ..Plan::default() };
    let mut config =
        PlatformConfig { switch: switch::Config { plan, ..switch::Config::default() }, ..Default::default() };
    config.signaling.trunks = trunks;
    config
}

/// Alice, and two trunks that behave so.
fn two_trunks(seed: u64, behaviours: [Behaviour; 2]) -> (Simulation, PhoneIndex, [PhoneIndex; 2]) {
    let mut simulation = Simulation::with(seed, configured(vec![known("one", address(1)), known("two", address(2))]));
    let server = simulation.server();
    let [first, second] = behaviours;
    let one = simulation.add(peer("one", address(1), server, first));
    let two = simulation.add(peer("two", address(2), server, second));
    let alice = simulation.add_registered("alice");
    (simulation, alice, [one, two])
}

#[test]
fn a_call_goes_out_with_the_number_rewritten_and_the_identity_asserted() {
    let (mut simulation, alice, [one, two]) = two_trunks(1, [Behaviour::default(), Behaviour::default()]);
    simulation.tell(alice).dial("030123");
    simulation.run(secs(3));
    assert!(simulation.call(alice).is_up() && simulation.call(one).is_up());
    assert!(simulation.phone(two).last_call().is_none());
    let shown = &simulation.call(one).shown;
    assert!(shown.1.as_ref().is_some_and(|asserted| asserted.contains("sip:alice@")), "{shown:?}");
    let to = simulation.call(one).invite_headers.iter().find(|(name, _)| name == "To").cloned();
    assert!(to.as_ref().is_some_and(|(_, to)| to.contains("sip:+4930123@")), "{to:?}");
    simulation.finish();
}

#[test]
fn the_next_trunk_is_tried_when_one_fails_by_its_own_fault() {
    for status in [500, 502, 503, 504] {
        let (mut simulation, alice, [one, two]) =
            two_trunks(u64::from(status), [Behaviour::rejects(status), Behaviour::default()]);
        simulation.tell(alice).dial("030123");
        simulation.run(secs(3));
        assert_eq!(simulation.call(one).ending, Some(Ending::Rejected(status)));
        assert!(simulation.call(alice).is_up() && simulation.call(two).is_up(), "{status}");
        simulation.finish();
    }
}

#[test]
fn the_next_trunk_is_tried_when_one_does_not_answer_at_all() {
    let (mut simulation, alice, [one, two]) = two_trunks(2, [Behaviour::silent(), Behaviour::default()]);
    simulation.set_line(one, Conditions::DEAD);
    simulation.tell(alice).dial("030123");
    let up = simulation.run_until(secs(6), |simulation| simulation.call(alice).is_up());
    assert!(up, "{:?}", simulation.call(alice).ending);
    assert!(simulation.call(two).is_up());
    simulation.finish();
}

/// Alice calls out and hangs up once she talks; how long that took.
fn call_out(simulation: &mut Simulation, alice: PhoneIndex) -> Duration {
    let begun = simulation.now().instant;
    simulation.tell(alice).dial("030123");
    let up = simulation.run_until(secs(20), |simulation| simulation.call(alice).is_up());
    assert!(up, "{:?}", simulation.call(alice).ending);
    let took = simulation.now().instant.since(begun);
    let call = simulation.phone(alice).calls().len() - 1;
    simulation.tell(alice).step(call, scenarios::Step::HangUp);
    simulation.run(ms(500));
    took
}

#[test]
fn a_dead_trunk_costs_the_first_calls_four_seconds_and_the_others_nothing_until_it_is_back() {
    let (mut simulation, alice, [one, two]) = two_trunks(12, [Behaviour::default(), Behaviour::default()]);
    simulation.set_line(one, Conditions::DEAD);
    for _ in 0..2 {
        let took = call_out(&mut simulation, alice);
        assert!((secs(4)..secs(6)).contains(&took), "{took:?}");
    }
    for _ in 0..3 {
        assert!(call_out(&mut simulation, alice) < secs(2));
    }
    assert_eq!(simulation.phone(two).calls().len(), 5);
    // Its INVITEs have timed out, and it is back: the next call finds out.
    simulation.run(secs(35));
    simulation.set_line(one, Conditions::LOCAL);
    for calls in 1..4 {
        assert!(call_out(&mut simulation, alice) < secs(2));
        assert_eq!(simulation.phone(one).calls().len(), calls);
    }
    assert_eq!(simulation.phone(two).calls().len(), 5);
    simulation.finish();
}

#[test]
fn a_trunk_that_answers_late_does_not_keep_the_call() {
    // Its line delays everything beyond the time to a first response.
    let slow = Conditions { delay: secs(3), ..Conditions::LOCAL };
    let (mut simulation, alice, [one, two]) = two_trunks(13, [Behaviour::answers(ms(0)), Behaviour::default()]);
    simulation.set_line(one, slow);
    simulation.tell(alice).dial("030123");
    simulation.run(secs(20));
    assert!(simulation.call(alice).is_up() && simulation.call(two).is_up());
    assert!(!simulation.call(one).is_up(), "what came late was cancelled or hung up");
    simulation.finish();
}

#[test]
fn who_is_not_verified_is_not_asserted_to_a_trusted_trunk() {
    // Alice's phone forwards what an untrusted trunk brings out over a trusted one.
    for (seed, trusted) in [(14, false), (15, true)] {
        let inward = TrunkConfig { trusted, ..known("one", address(1)) };
        let mut simulation = Simulation::with(seed, configured(vec![known("two", address(2)), inward]));
        let server = simulation.server();
        let one = simulation.add(peer("one", address(1), server, Behaviour::default()));
        let two = simulation.add(peer("two", address(2), server, Behaviour::default()));
        let alice = simulation.add_registered("alice");
        simulation.tell(alice).config.behaviour = Behaviour::forwards("030123");
        let asserted = ("P-Asserted-Identity".to_owned(), "<tel:+4930777>".to_owned());
        simulation.tell(one).config.headers = vec![asserted];
        simulation.tell(one).config.caller = Some("+4930999".to_owned());
        simulation.tell(one).dial("1alice");
        simulation.run(secs(3));
        assert!(simulation.call(one).is_up() && simulation.call(two).is_up());
        let (from, identity) = &simulation.call(two).shown;
        if trusted {
            assert!(from.contains("+4930777"), "{from}");
            assert!(identity.as_ref().is_some_and(|identity| identity.contains("+4930777")), "{identity:?}");
        } else {
            assert!(from.contains("+4930999"), "{from}");
            assert_eq!(*identity, None, "what a stranger to us says is shown, and not vouched for");
        }
        simulation.finish();
    }
}

#[test]
fn a_callee_that_is_busy_at_one_trunk_is_not_called_by_the_next() {
    let (mut simulation, alice, [_, two]) = two_trunks(3, [Behaviour::rejects(486), Behaviour::default()]);
    simulation.tell(alice).dial("030123");
    simulation.run(secs(3));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(486)));
    assert!(simulation.phone(two).last_call().is_none());
    simulation.finish();
}

#[test]
fn when_every_trunk_fails_the_caller_is_not_told_to_avoid_us() {
    let (mut simulation, alice, _) = two_trunks(4, [Behaviour::rejects(503), Behaviour::rejects(503)]);
    simulation.tell(alice).dial("030123");
    simulation.run(secs(3));
    assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(500)), "RFC 3261 §16.7 step 6");
    let record = simulation.platform.records().pop().expect("a record");
    assert_eq!(record.cause.map(|cause| cause.kind), Some(CauseKind::Congestion));
    simulation.finish();
}

#[test]
fn a_trunk_calls_an_account_without_being_challenged() {
    let (mut simulation, alice, [one, _]) = two_trunks(5, [Behaviour::default(), Behaviour::default()]);
    simulation.tell(one).config.caller = Some("+4930999".to_owned());
    simulation.tell(one).dial("1alice");
    simulation.run(secs(3));
    assert!(simulation.call(one).is_up() && simulation.call(alice).is_up());
    assert!(simulation.call(alice).shown.0.contains("+4930999"), "{:?}", simulation.call(alice).shown);
    assert!(!simulation.phone(one).responses.iter().any(|(_, status)| matches!(status, 401 | 407)));
    simulation.tell(one).step(0, scenarios::Step::HangUp);
    simulation.run(secs(1));
    assert_eq!(simulation.platform.records()[0].outcome, Outcome::Answered);
    simulation.finish();
}

#[test]
fn a_trunk_does_not_call_out_over_another() {
    let (mut simulation, _, [one, two]) = two_trunks(6, [Behaviour::default(), Behaviour::default()]);
    simulation.tell(one).dial("030123");
    simulation.run(secs(3));
    assert!(matches!(simulation.call(one).ending, Some(Ending::Refused(403 | 404))));
    assert!(simulation.phone(two).last_call().is_none());
    simulation.finish();
}

#[test]
fn a_trunk_s_challenge_is_answered_where_it_has_credentials() {
    for (seed, password, answered) in [(7, "right", true), (8, "wrong", false)] {
        let trunk = known_with("one", address(1), "tandem-at-one", password);
        let mut simulation = Simulation::with(seed, configured(vec![trunk]));
        let server = simulation.server();
        let asks = Some(("tandem-at-one".to_owned(), "right".to_owned(), "carrier.example".to_owned()));
        let config = PhoneConfig { asks, ..peer("one", address(1), server, Behaviour::default()) };
        let one = simulation.add(config);
        let alice = simulation.add_registered("alice");
        simulation.tell(alice).dial("030123");
        simulation.run(secs(3));
        assert_eq!(simulation.call(alice).is_up(), answered, "{:?}", simulation.call(alice).ending);
        if !answered {
            assert_eq!(simulation.call(alice).ending, Some(Ending::Refused(403)));
            assert!(simulation.phone(one).last_call().is_none());
        }
        simulation.finish();
    }
}

#[test]
fn a_trunk_of_two_addresses_is_reached_at_the_second() {
    let mut trunk = known("one", address(1));
    trunk.target = Target::parse("carrier.example:5060");
    let mut config = configured(vec![trunk]);
    config.zone.host("carrier.example", &[address(9).ip(), address(1).ip()]);
    let mut simulation = Simulation::with(9, config);
    let server = simulation.server();
    let one = simulation.add(peer("one", address(1), server, Behaviour::default()));
    let alice = simulation.add_registered("alice");
    simulation.tell(alice).dial("030123");
    let up = simulation.run_until(secs(60), |simulation| simulation.call(alice).is_up());
    assert!(up, "{:?}", simulation.call(alice).ending);
    assert!(simulation.call(one).is_up());
    simulation.run(ms(500));
    simulation.finish();
}

#[test]
fn a_stranger_at_an_address_that_no_trunk_names_is_challenged() {
    let (mut simulation, alice, _) = two_trunks(10, [Behaviour::default(), Behaviour::default()]);
    let server = simulation.server();
    let stranger = simulation.add(peer("three", address(3), server, Behaviour::default()));
    simulation.tell(stranger).dial("1alice");
    simulation.run(secs(3));
    assert_eq!(simulation.call(stranger).ending, Some(Ending::Refused(401)));
    assert!(simulation.phone(alice).last_call().is_none());
    simulation.finish();
}
