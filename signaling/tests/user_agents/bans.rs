//! Sources that guess passwords are shut out for a while; nobody by a forged address.

use super::harness::{ALICE, CALL, World};
use super::peer::Peer;
use router::parameter::{Ban, Parameter, Reason, Selection};
use router::{Address, Command, ModuleKind, Packet};

const EVE: &str = "203.0.113.9:5060";

/// A REGISTER with a wrong password for a challenge that `challenged` was sent, from `from`.
fn guess(world: &mut World, challenged: &mut Peer, from: &str) {
    challenged.asks(world, "REGISTER", "", "");
    let challenge = world.expect(challenged.address, "SIP/2.0 401");
    let uri = challenged.target.clone();
    let authorization =
        challenged.authorization(&challenge, "REGISTER", &uri, 1).replace("response=\"", "response=\"0");
    let mut sender = Peer::new(from, "alice", "alice");
    sender.asks(world, "REGISTER", &authorization, "");
    world.run_ms(500);
    world.take(sender.address);
}

fn is_answered(world: &mut World, peer: &str) -> bool {
    let mut peer = Peer::new(peer, "alice", "alice");
    peer.asks(world, "REGISTER", "", "");
    world.run_ms(100);
    !world.take(peer.address).is_empty()
}

#[test]
fn who_guesses_is_shut_out_and_heard_again_later() {
    let mut world = World::new(91);
    let mut office = Peer::new("203.0.113.9:40000", "alice", "alice");
    office.register(&mut world, "Expires: 3600\r\n");
    let mut eve = Peer::new(EVE, "alice", "alice");
    for number in 0..60 {
        assert!(is_answered(&mut world, EVE), "{number}");
        guess(&mut world, &mut eve, EVE);
    }
    assert!(!is_answered(&mut world, EVE));
    assert!(!is_answered(&mut world, "203.0.113.9:5999"), "its other ports are it as well");
    assert!(is_answered(&mut world, ALICE));
    assert!(is_answered(&mut world, "203.0.113.9:40000"), "a phone that is registered is heard");
    world.run_ms(299_000);
    assert!(!is_answered(&mut world, EVE));
    world.run_ms(2_000);
    assert!(is_answered(&mut world, EVE));
}

#[test]
fn nobody_is_shut_out_by_a_forged_address() {
    let mut world = World::new(92);
    let mut eve = Peer::new(EVE, "alice", "alice");
    for _ in 0..100 {
        guess(&mut world, &mut eve, "198.51.100.77:5060");
    }
    assert!(is_answered(&mut world, "198.51.100.77:5060") && is_answered(&mut world, EVE));
}

/// What the operator is answered, in that way.
fn operator(world: &mut World, command: Command, ban: Ban, answer: Command) -> Packet {
    let module = Address::local(ModuleKind::Signaling, 0);
    world.ask_all(CALL, module, command, vec![ban.into(), Selection::default().into()]);
    world.told(answer)
}

#[test]
fn an_operator_sees_who_is_shut_out_and_lets_one_in_again() {
    let mut world = World::new(93);
    let mut eve = Peer::new(EVE, "alice", "alice");
    (0..60).for_each(|_| guess(&mut world, &mut eve, EVE));
    assert!(!is_answered(&mut world, EVE));
    let listed = operator(&mut world, Command::Query, Ban::default(), Command::Done);
    let Some(Parameter::Ban(ban)) = listed.first() else { panic!("{listed:?}") };
    assert_eq!((ban.network.reveal().as_str(), ban.attempts, listed.parameters.len()), ("203.0.113.9", 60, 2));
    assert!(ban.until > world.now.wall);
    let named = |source: &str| Ban { network: source.to_owned().into(), ..Ban::default() };
    for (source, reason) in [("203.0.113.8", Reason::NotFound), ("somebody", Reason::Invalid)] {
        let answer = operator(&mut world, Command::Close, named(source), Command::Failed);
        assert_eq!(answer.failure().reason, reason, "{source}");
    }
    operator(&mut world, Command::Close, named(" 203.0.113.9/32"), Command::Done);
    assert!(is_answered(&mut world, EVE));
    assert_eq!(operator(&mut world, Command::Query, Ban::default(), Command::Done).parameters.len(), 1);
}

#[test]
fn an_edge_proxy_speaks_for_many_and_is_not_shut_out() {
    for is_edge in [false, true] {
        let mut world = World::with(93, |config| {
            let host = router::parameter::Network::parse("203.0.113.9").filter(|_| is_edge);
            config.edge_proxies = host.into_iter().collect();
        });
        let mut phones = Peer::new(EVE, "alice", "alice");
        for _ in 0..400 {
            phones.asks(&mut world, "REGISTER", "", "");
        }
        world.run_ms(50);
        assert_eq!(world.take(phones.address).len() == 400, is_edge, "all phones at once");
        world.run_ms(10_000);
        for _ in 0..60 {
            guess(&mut world, &mut phones, EVE);
        }
        assert_eq!(is_answered(&mut world, EVE), is_edge);
    }
}
