//! Transfers that the operator asks for, in the name of a party.

use crate::harness::*;
use router::parameter::*;
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters};

fn ask(world: &mut World, to: &str, call: &str, by: Option<&str>, with: Option<&str>) -> Packet {
    let transfer = Transfer { target: Party::new(to, ""), phase: LegPhase::Trying, cause: None, referred_by: None };
    let named = |name: &str| Selection { name: Some(name.to_owned()), ..Selection::default() };
    let call = Selection { party: by.map(str::to_owned), ..named(call) };
    let with = with.map(|with| Parameter::from(named(with)));
    let parameters: Parameters = [transfer.into(), call.into()].into_iter().chain(with).collect();
    world.client.received.clear();
    let switch = Address::local(ModuleKind::Switch, 0).at(Instance(99));
    world.ask_as_client(switch, Command::Start, parameters);
    world.client.received.last().expect("an answer").clone()
}

#[test]
fn a_party_is_sent_to_a_number_in_the_name_of_the_other() {
    for (by, stays, goes) in [(None, 0, 1), (Some("bob"), 0, 1), (Some("alice"), 1, 0)] {
        let mut world = World::new();
        let (caller, callee) = world.connected();
        let legs = [caller, callee];
        ask(&mut world, "carol", "call-1", by, None);
        let carol = world.only();
        world.answer(carol);
        assert_eq!(world.client.received.last().unwrap().command, Command::Done);
        assert_eq!(world.signaling.legs[&legs[stays]].phase, LegPhase::Answered);
        let cause = world.signaling.legs[&legs[goes]].cause.as_ref().unwrap().kind;
        assert_eq!(cause, CauseKind::Transferred);
        world.hang_up(carol);
        world.assert_over();
    }
}

#[test]
fn two_calls_of_one_party_are_joined() {
    let mut world = World::new();
    let (alice, bob) = world.connected();
    let again = world.call("bob", "carol");
    let carol = world.only();
    world.answer(carol);
    assert_eq!(ask(&mut world, "", "call-1", None, Some("call-2")).command, Command::Done);
    use LegPhase::{Answered, Released};
    let phases = [alice, carol, bob, again].map(|leg| world.signaling.legs[&leg].phase);
    assert_eq!(phases, [Answered, Answered, Released, Released]);
    assert_eq!(world.session().ports.len(), 2);
    world.hang_up(alice);
    assert_eq!(world.record_of("call-2~2").joined_from.as_deref(), Some("call-1"));
    world.assert_over();
}

#[test]
fn what_cannot_be_is_said_and_changes_nothing() {
    let mut world = World::new();
    let (alice, _) = world.connected();
    let other = world.call("carol", "echo");
    let reason = |packet: Packet| packet.failure().reason;
    assert_eq!(reason(ask(&mut world, "carol", "call-9", None, None)), Reason::NotFound);
    assert_eq!(reason(ask(&mut world, "carol", "call-1", Some("dave"), None)), Reason::Refused);
    assert_eq!(reason(ask(&mut world, "", "call-1", None, Some("call-9"))), Reason::Refused);
    assert_eq!(reason(ask(&mut world, "", "call-1", None, Some("call-1"))), Reason::Refused);
    assert_eq!(reason(ask(&mut world, "", "call-1", None, Some("call-2"))), Reason::Refused, "nobody is in both");
    assert_eq!(reason(ask(&mut world, "carol", "call-2", None, None)), Reason::Refused, "a service goes nowhere");
    for leg in [alice, other] {
        assert_eq!(world.signaling.legs[&leg].phase, LegPhase::Answered);
        world.hang_up(leg);
    }
    world.assert_over();
}
