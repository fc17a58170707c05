//! Who sent a call on: told by one trunk in one form, added to here, told to another trunk in another form.

use crate::secs;
use crate::trunk_failover::configured;
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, PhoneConfig, Simulation};
use signaling::identity::DiversionForm;
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Rewrite, Route, TrunkStep};

/// The values of those headers in the INVITE that came to a phone last, in their order.
fn told(simulation: &Simulation, callee: PhoneIndex, header: &str) -> Vec<String> {
    let call = simulation.phone(callee).last_call().expect("a call");
    let values = call.invite_headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(header));
    values.map(|(_, value)| value.clone()).collect()
}

/// Two trunks, of which `two` is called and `one` calls; the forms of both.
struct World {
    simulation: Simulation,
    one: PhoneIndex,
    two: PhoneIndex,
    alice: PhoneIndex,
    bob: PhoneIndex,
}

fn world(seed: u64, forms: [DiversionForm; 2], trusted: bool, headers: &[(&str, &str)]) -> World {
    let mut two = known("two", address(2));
    (two.identity.diversion, two.trusted) = (forms[1], trusted);
    let mut one = known("one", address(1));
    one.identity.diversion = forms[0];
    let mut config = configured(vec![two, one]);
    config.switch.plan.routes.insert(
        0,
        Route {
            name: "bob, or elsewhere".to_owned(),
            number: NumberMatch::Exact("200".to_owned()),
            origin: OriginMatch::Any,
            hours: None,
            destination: Destination::Account("bob".to_owned()),
            branches: Branches {
                busy: Some(Destination::Trunks(vec![TrunkStep {
                    trunk: "two".into(),
                    rewrite: Rewrite::fixed("+49301"),
                    timeout: None,
                }])),
                ..Branches::default()
            },
        },
    );
    let mut simulation = Simulation::with(seed, config);
    let server = simulation.server();
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let one = PhoneConfig { headers, ..peer("one", address(1), server, Behaviour::default()) };
    let one = simulation.add(one);
    let two = simulation.add(peer("two", address(2), server, Behaviour::default()));
    let (alice, bob) = (simulation.add_registered("alice"), simulation.add_registered("bob"));
    for phone in [one, two, alice, bob] {
        simulation.set_line(phone, Conditions::rough(80));
    }
    World { simulation, one, two, alice, bob }
}

const DIVERTED: (&str, &str) = ("Diversion", "<sip:+49111@carrier.example>;reason=user-busy;counter=2;privacy=full");

#[test]
fn what_one_trunk_says_and_what_a_phone_adds_is_told_to_the_other_trunk_as_that_wants_it() {
    use DiversionForm::{Both, Diversion, HistoryInfo, None};
    let history =
        "<sip:+49111@carrier.example?Privacy=history>;index=1, <sip:100@carrier.example;cause=486>;index=1.1.1;mp=1";
    let entry = ("History-Info", history);
    for (seed, header, forms) in [
        (1, DIVERTED, [Diversion, HistoryInfo]),
        (2, entry, [Both, Diversion]),
        (3, DIVERTED, [HistoryInfo, Both]),
        (4, DIVERTED, [Diversion, None]),
        (5, DIVERTED, [None, Diversion]),
    ] {
        let World { mut simulation, one, two, bob, .. } = world(seed, forms, true, &[header]);
        simulation.tell(bob).config.behaviour = Behaviour::forwards("030123");
        let call = simulation.tell(one).dial("1bob");
        simulation.run_until(secs(60), |simulation| simulation.phone(one).call(call).is_up());
        assert!(simulation.phone(one).call(call).is_up(), "seed {seed}");
        let (diversion, history) = (told(&simulation, two, "Diversion"), told(&simulation, two, "History-Info"));
        let by_bob = "<sip:bob@192.0.2.1>;reason=unconditional;counter=1;privacy=off".to_owned();
        let by_first = "<sip:+49111@192.0.2.1>;reason=user-busy;counter=2;privacy=full".to_owned();
        let diversions = if forms[0] == None { vec![by_bob] } else { vec![by_bob, by_first] };
        let histories = [
            "<sip:+49111@192.0.2.1?Privacy=history>;index=1",
            "<sip:bob@192.0.2.1;cause=486>;index=1.1.1;mp=1",
            "<sip:+4930123@203.0.113.2;cause=302>;index=1.1.1.1;mp=1.1.1",
        ];
        match forms[1] {
            None => assert!(diversion.is_empty() && history.is_empty(), "seed {seed}: {diversion:?} {history:?}"),
            Diversion => assert_eq!((diversion, history.len()), (diversions, 0), "seed {seed}"),
            HistoryInfo => assert_eq!((diversion.len(), history), (0, histories.map(str::to_owned).to_vec())),
            Both => assert_eq!((diversion, history), (diversions, histories.map(str::to_owned).to_vec())),
        }
        assert_eq!(told(&simulation, bob, "Diversion").len() + told(&simulation, bob, "History-Info").len(), 0);
        simulation.calm();
        simulation.finish();
    }
}

#[test]
fn a_branch_says_whose_call_it_is_and_why_it_goes_on() {
    let World { mut simulation, two, alice, bob, .. } =
        world(10, [DiversionForm::None, DiversionForm::Both], true, &[]);
    simulation.tell(bob).config.behaviour = Behaviour::rejects(486);
    let call = simulation.tell(alice).dial("200");
    simulation.run_until(secs(60), |simulation| simulation.phone(alice).call(call).is_up());
    assert!(simulation.phone(alice).call(call).is_up());
    assert_eq!(told(&simulation, two, "Diversion"), ["<sip:200@192.0.2.1>;reason=user-busy;counter=1;privacy=off"]);
    let history = ["<sip:200@192.0.2.1>;index=1", "<sip:+49301@203.0.113.2;cause=486>;index=1.1;mp=1"];
    assert_eq!(told(&simulation, two, "History-Info"), history);
    simulation.calm();
    simulation.finish();
}

#[test]
fn who_asked_not_to_be_shown_is_not_shown_to_a_trunk_that_is_not_trusted() {
    let headers = [DIVERTED];
    let forms = [DiversionForm::Diversion, DiversionForm::Both];
    let World { mut simulation, one, two, bob, .. } = world(20, forms, false, &headers);
    simulation.tell(bob).config.behaviour = Behaviour::forwards("030123");
    let call = simulation.tell(one).dial("1bob");
    simulation.run_until(secs(60), |simulation| simulation.phone(one).call(call).is_up());
    let all = [told(&simulation, two, "Diversion"), told(&simulation, two, "History-Info")].concat();
    assert!(all.len() == 5 && all.iter().all(|value| !value.contains("+49111")), "{all:?}");
    assert_eq!(all[1], "<sip:anonymous@anonymous.invalid>;reason=user-busy;counter=2;privacy=full");
    simulation.calm();
    simulation.finish();
}

#[test]
fn a_call_that_comes_from_where_it_is_to_be_sent_and_one_that_was_sent_on_too_often_go_no_further() {
    for (seed, diversion) in [(30, "<sip:030123@x>;reason=no-answer"), (31, "<sip:1@x>;counter=10")] {
        let forms = [DiversionForm::Diversion, DiversionForm::Diversion];
        let World { mut simulation, one, two, bob, .. } = world(seed, forms, true, &[("Diversion", diversion)]);
        simulation.tell(bob).config.behaviour = Behaviour::forwards("030123");
        let call = simulation.tell(one).dial("1bob");
        simulation.run_until(secs(60), |simulation| simulation.phone(one).call(call).ending.is_some());
        assert_eq!(simulation.phone(one).call(call).ending, Some(Ending::Refused(480)), "{diversion}");
        assert!(simulation.phone(two).last_call().is_none(), "{diversion}");
        simulation.tell(bob).config.behaviour = Behaviour::rejects(486);
        let call = simulation.tell(one).dial("1200");
        simulation.run_until(secs(60), |simulation| {
            simulation.phone(one).call(call).ending.is_some() || simulation.phone(one).call(call).is_up()
        });
        let refused = simulation.phone(one).call(call).ending == Some(Ending::Refused(483));
        assert_eq!(refused, seed == 31, "a branch is taken unless the call was sent on too often");
        simulation.calm();
        simulation.finish();
    }
}
