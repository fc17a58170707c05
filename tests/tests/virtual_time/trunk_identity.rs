//! A carrier whose domain is not where calls to it go, and that knows us as one account.

use crate::trunk_failover::configured;
use crate::{ms, secs};
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Simulation, Step};
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
