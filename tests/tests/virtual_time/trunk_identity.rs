//! A carrier whose domain is not where calls to it go, and that knows us as one account.

use crate::trunk_failover::configured;
use crate::{ms, secs};
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, PhoneConfig, Simulation, Step};
use signaling::trunk::TrunkIdentity;

#[test]
fn a_carrier_is_told_its_own_domain_and_our_account_there() {
    for (seed, trusted) in [(1, false), (2, true)] {
        let mut carrier = known("one", address(1));
        carrier.trusted = trusted;
        carrier.identity = TrunkIdentity {
            domain: Some("carrier.example".to_owned()),
            from_domain: Some("ims.carrier.example".to_owned()),
            from_user: Some("acct-7".to_owned()),
            ..TrunkIdentity::default()
        };
        let mut simulation = Simulation::with(seed, configured(vec![carrier]));
        simulation.network.recorded = Some(Vec::new());
        let server = simulation.server();
        let one = simulation.add(peer("one", address(1), server, Behaviour::default()));
        let alice = simulation.add_registered("alice");
        simulation.set_line(one, Conditions::rough(100));
        let call = simulation.tell(alice).dial("030123");
        simulation.run_until(secs(40), |simulation| simulation.phone(alice).call(call).is_up());
        assert!(simulation.phone(alice).call(call).is_up());
        let recorded = simulation.network.recorded.as_ref().expect("it is recorded");
        let invites: Vec<String> = recorded
            .iter()
            .filter(|(_, to, bytes)| *to == address(1) && bytes.starts_with(b"INVITE "))
            .map(|(.., bytes)| String::from_utf8_lossy(bytes).into_owned())
            .collect();
        assert!(!invites.is_empty());
        for invite in invites {
            let lines: Vec<&str> = invite.lines().collect();
            assert!(lines[0].ends_with("@carrier.example SIP/2.0"), "{invite}");
            let value = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            assert!(value("From: ").contains("<sip:acct-7@ims.carrier.example>;tag="), "{invite}");
            assert!(value("To: ").ends_with("@carrier.example>"), "{invite}");
            let caller = "<sip:alice@ims.carrier.example>";
            let (stands_in, stands_not) = match trusted {
                true => ("P-Asserted-Identity: ", "P-Preferred-Identity: "),
                false => ("P-Preferred-Identity: ", "P-Asserted-Identity: "),
            };
            assert!(value(stands_in).ends_with(caller) && value(stands_not).is_empty(), "{invite}");
        }
        simulation.calm();
        simulation.tell(alice).step(call, Step::HangUp);
        simulation.run(secs(5));
        simulation.run(ms(500));
        simulation.finish();
    }
}

#[test]
fn an_old_exchange_is_told_and_believed_by_remote_party_id() {
    for (seed, enabled) in [(1, true), (2, false)] {
        let mut exchange = known("one", address(1));
        exchange.identity.remote_party_id = enabled;
        let mut simulation = Simulation::with(seed, configured(vec![exchange]));
        let server = simulation.server();
        let said = "\"Reception\" <sip:+49309@x>;party=calling;screen=yes;privacy=off";
        let headers = vec![("Remote-Party-ID".to_owned(), said.to_owned())];
        let one = PhoneConfig { headers, ..peer("one", address(1), server, Behaviour::default()) };
        let one = simulation.add(one);
        let alice = simulation.add_registered("alice");
        for phone in [one, alice] {
            simulation.set_line(phone, Conditions::rough(80));
        }
        let told = |simulation: &Simulation, callee, name: &str| {
            let call = simulation.phone(callee).last_call().expect("a call");
            let found = call.invite_headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        for (caller, number, callee, header, expected) in [
            (alice, "030123", one, "Remote-Party-ID", "<sip:alice@192.0.2.1>;party=calling;screen=yes;privacy=off"),
            (one, "1alice", alice, "From", "\"Reception\" <sip:+49309@"),
        ] {
            let call = simulation.tell(caller).dial(number);
            simulation.run_until(secs(40), |simulation| simulation.phone(caller).call(call).is_up());
            assert!(simulation.phone(caller).call(call).is_up(), "{number}");
            let value = told(&simulation, callee, header);
            assert_eq!(value.contains(expected), enabled, "{number}: {value}");
            simulation.tell(caller).step(call, Step::HangUp);
            simulation.run(secs(5));
        }
        simulation.calm();
        simulation.finish();
    }
}
