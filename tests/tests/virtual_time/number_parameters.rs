//! What carriers write behind telephone numbers, where Tandem stands between them.

use crate::secs;
use crate::trunk_failover::configured;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Simulation, Step};
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Rewrite, Route, TrunkStep};

/// Which parameters go to a trunk the operator says: a phone writes none past that, however it writes them.
#[test]
fn what_a_phone_writes_behind_a_number_goes_to_no_trunk() {
    let [mut one, two] = [known("one", address(1)), known("two", address(2))];
    one.headers.numbers = ["npdi", "rn"].map(str::to_owned).to_vec();
    let mut config = configured(vec![one, two]);
    config.switch.plan.routes.push(Route {
        name: "out".to_owned(),
        number: NumberMatch::Any,
        origin: OriginMatch::Accounts,
        hours: None,
        destination: Destination::Trunks(vec![TrunkStep {
            trunk: "one".into(),
            rewrite: Rewrite::NONE,
            timeout: None,
        }]),
        branches: Branches::default(),
    });
    let mut simulation = Simulation::with(7, config);
    simulation.network.recorded = Some(Vec::new());
    let server = simulation.server();
    simulation.add(peer("one", address(1), server, Behaviour::default()));
    let alice = simulation.add_registered("alice");
    for (dialled, reached) in [
        ("%2B49301234567%3Brn=%2B97912345%3Bnpdi", "INVITE sip:+49301234567@"),
        ("+49301234567%3bnpdi", "INVITE sip:+49301234567@"),
        ("front%3Bdesk", "INVITE sip:front%3Bdesk@"),
    ] {
        simulation.network.recorded = Some(Vec::new());
        let call = simulation.tell(alice).dial(dialled);
        simulation.run_until(secs(10), |simulation| simulation.phone(alice).call(call).is_up());
        assert!(
            simulation.phone(alice).call(call).is_up(),
            "{dialled}: {:?}",
            simulation.phone(alice).call(call).ending
        );
        let recorded = simulation.network.recorded.as_ref().expect("it is recorded");
        let sent = recorded.iter().find(|(_, to, bytes)| *to == address(1) && bytes.starts_with(b"INVITE "));
        let invite = String::from_utf8_lossy(&sent.expect("an INVITE").2).into_owned();
        assert!(invite.starts_with(reached), "{dialled}: {invite}");
        simulation.tell(alice).step(call, Step::HangUp);
        simulation.run(secs(5));
    }
    simulation.finish();
}

#[test]
fn a_transit_passes_where_a_number_was_ported_to() {
    for (seed, takes, loss) in [(1, true, 0), (2, false, 0), (3, true, 150), (4, false, 150)] {
        let names = ["npdi", "rn", "cpc"].map(str::to_owned).to_vec();
        let (mut one, mut two) = (known("one", address(1)), known("two", address(2)));
        one.headers.numbers = names.clone();
        if takes {
            two.headers.numbers = names;
        }
        let mut config = configured(vec![one, two]);
        let national = Rewrite { strip: 3, prepend: "0".to_owned(), ..Rewrite::NONE };
        config.switch.plan.routes.push(Route {
            name: "transit".to_owned(),
            number: NumberMatch::Prefix("+49".to_owned()),
            origin: OriginMatch::Trunks,
            hours: None,
            destination: Destination::Trunks(vec![TrunkStep { trunk: "two".into(), rewrite: national, timeout: None }]),
            branches: Branches::default(),
        });
        let mut simulation = Simulation::with(seed, config);
        simulation.network.recorded = Some(Vec::new());
        let server = simulation.server();
        let [one, two] = [("one", 1), ("two", 2)]
            .map(|(name, number)| simulation.add(peer(name, address(number), server, Behaviour::default())));
        for phone in [one, two] {
            simulation.set_line(phone, Conditions::rough(loss));
        }
        simulation.tell(one).config.caller = Some("+4940777777;cpc=payphone".to_owned());
        let call = simulation.tell(one).dial("+4930123456;npdi;rn=+4930000;x=1");
        simulation.run_until(secs(40), |simulation| simulation.phone(one).call(call).is_up());
        assert!(simulation.phone(one).call(call).is_up(), "{:?}", simulation.phone(one).call(call).ending);
        let recorded = simulation.network.recorded.as_ref().expect("it is recorded");
        let is_invite = |to, bytes: &[u8]| to == address(2) && bytes.starts_with(b"INVITE ");
        let (.., bytes) = recorded.iter().find(|(_, to, bytes)| is_invite(*to, bytes)).expect("an INVITE");
        let invite = String::from_utf8_lossy(bytes).into_owned();
        let (called, caller) = match takes {
            true => ("INVITE sip:030123456;npdi;rn=+4930000@", "<sip:+4940777777;cpc=payphone@"),
            false => ("INVITE sip:030123456@", "<sip:+4940777777@"),
        };
        assert!(invite.starts_with(called), "{invite}");
        assert!(invite.lines().any(|line| line.starts_with("From: ") && line.contains(caller)), "{invite}");
        simulation.calm();
        simulation.tell(one).step(call, Step::HangUp);
        simulation.run(secs(5));
        simulation.finish();
    }
}
