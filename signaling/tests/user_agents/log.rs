//! What the log says of guessers.

use super::harness::{ALICE, World};
use super::peer::Peer;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps the warnings of one thread.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// So many REGISTERs with a wrong password.
fn guess(world: &mut World, count: u32) {
    let mut eve = Peer::new(ALICE, "alice", "alice");
    eve.target = "sip:192.0.2.1".to_owned();
    eve.asks(world, "REGISTER", "", "");
    let challenge = world.expect(eve.address, "SIP/2.0 401");
    for number in 1..=count {
        let right = eve.authorization(&challenge, "REGISTER", "sip:192.0.2.1", number);
        eve.asks(world, "REGISTER", &right.replace("response=\"", "response=\"0"), "");
        world.expect(eve.address, "SIP/2.0 403");
    }
}

#[test]
fn wrong_credentials_leave_a_line_with_their_source_and_without_the_account() {
    let warnings = Warnings::default();
    let address: std::net::SocketAddr = ALICE.parse().unwrap();
    tracing::subscriber::with_default(warnings.clone(), || {
        let mut world = World::new(1);
        guess(&mut world, 3);
        world.run_ms(6_000);
        guess(&mut world, 1);
        let mut revealing = World::with(2, |config| config.reveal_numbers = true);
        guess(&mut revealing, 1);
    });
    let told = warnings.0.lock().unwrap();
    let line = |account: &str, attempts: u32| {
        let (source, port) = (address.ip(), address.port());
        format!("message=wrong credentials source={source} port={port} account=\"{account}\" attempts={attempts} ")
    };
    assert_eq!(*told, [line("(private)", 1), line("(private)", 3), line("alice", 1)]);
}
