//! The log of a call shows neither numbers nor names. Alone in its binary: which lines are wanted is kept process-wide.

#![expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

#[path = "../calls/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the scenarios, which use the rest")]
mod harness;

use harness::*;
use router::parameter::*;
use std::io::Write;
use std::sync::{Arc, Mutex};
use switch::Config;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn log_of_a_call(reveal_numbers: bool) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut world = World::with(Config { reveal_numbers, ..Config::default() });
        let (caller, callee) = world.connected();
        let target = Party::new("carol", "");
        let transfer = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None };
        world.ask(callee, router::Command::Start, transfer);
        let carol = world.only();
        world.answer(carol);
        world.hang_up(caller);
        world.assert_over();
    });
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn numbers_and_addresses_are_private_unless_revealed() {
    let log = log_of_a_call(false);
    for step in ["call", "ringing", "answered", "transferred", "ended"] {
        assert!(log.contains(step), "{step} is missing in {log}");
    }
    for private in ["alice", "bob", "carol", "192.0.2", "198.51"] {
        assert!(!log.contains(private), "{private} shows in {log}");
    }
    let log = log_of_a_call(true);
    assert!(log.contains("alice") && log.contains("bob") && log.contains("carol"));
}
