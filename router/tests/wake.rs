//! The wake-up handle: one wake-up a sleep, none while the receiver is awake.

use router::parameter::Status;
use router::wake::WakeState;
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Router, Transaction, one};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn a_receiver_that_is_awake_is_not_woken() {
    let state = WakeState::new();
    assert!(!state.pushed());
    assert!(state.may_sleep(|| true));
    assert!(state.pushed(), "the first push after it fell asleep wakes it");
    assert!(!state.pushed(), "the second does not");
    assert!(!state.may_sleep(|| false));
    assert!(!state.pushed());
    assert_eq!(state.wakes(), 1);
}

#[test]
fn the_waker_of_a_module_is_called_once_a_sleep() {
    let router = Router::new(PlatformId(1));
    let calls = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&calls);
    let module = router.register(ModuleKind::Store, 0, move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let send = || {
        let packet = Packet {
            source: Address::local(ModuleKind::Control, 0).at(Instance(1)),
            destination: module.address(),
            transaction: Transaction(1),
            command: Command::Query,
            parameters: one(Status::default()),
        };
        router.send(packet).unwrap();
    };
    let woken = || calls.load(Ordering::Relaxed);
    send();
    assert_eq!(woken(), 0, "awake");
    assert!(!module.may_sleep(), "a packet waits");
    while module.receive().is_some() {}
    assert!(module.may_sleep());
    (0..5).for_each(|_| send());
    assert_eq!(woken(), 1, "five packets, one wake-up");
    module.awake();
    (0..5).for_each(|_| send());
    assert_eq!((woken(), module.counters().wakes), (1, 1));
}
