//! Bodies and digits from leg to leg.

use crate::harness::*;
use router::Command;
use router::parameter::*;

#[test]
fn information_and_digits_reach_the_other_leg() {
    let mut world = World::new();
    let caller = world.call_with("alice", "bob", Some(audio(4_000, &[pcmu()], Direction::SendReceive)));
    let callee = world.only();
    world.answer_with(callee, &[pcmu()]);
    let body =
        Information { content_type: Some("application/x".into()), body: vec![1, 2], package: None, is_text: false };
    world.ask(caller, Command::Send, body.clone());
    assert_eq!(world.last_answer(caller).command, Command::Done);
    let digits = Digits { digits: "12#".to_owned().into(), duration_ms: 100, port: None };
    world.ask(callee, Command::Send, digits.clone());
    assert_eq!(world.signaling.sent, [(callee, body.into()), (caller, digits.clone().into())]);
    world.hang_up(caller);
    let caller = world.call("alice", "echo");
    world.ask(caller, Command::Send, digits);
    assert_eq!(world.last_answer(caller).command, Command::Done, "a service has no use for it, and it does no harm");
    let body = Information { content_type: Some("application/x".into()), body: vec![1], package: None, is_text: false };
    world.ask(caller, Command::Send, body);
    assert_eq!(world.last_answer(caller).failure().reason, Reason::Unsupported);
    world.hang_up(caller);
    world.assert_over();
}
