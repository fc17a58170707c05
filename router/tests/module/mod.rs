//! A module without a service: what its inbox has, and what its outbox sends.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

use router::limits::BATCH;
use router::outbox::Received;
use router::parameter::{Bridge, PortId, Status};
use router::time::{Instant, Now};
use router::{Address, Command, Endpoint, ModuleKind, Outbox, Packet, Router, Transaction, one};

pub const CONTROL: Address = Address::local(ModuleKind::Control, 0);
pub const STORE: Address = Address::local(ModuleKind::Store, 0);
pub const VOICE: Address = Address::local(ModuleKind::Voice, 0);

pub struct Module {
    pub endpoint: Endpoint,
    pub outbox: Outbox,
}

pub fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

impl Module {
    pub fn new(router: &Router, address: Address) -> Self {
        let endpoint = router.register(address.module.kind, address.module.index.unwrap_or(0), || {});
        Self { outbox: Outbox::new(endpoint.address()), endpoint }
    }

    /// A batch of packets, what is due, what is to be sent; gives what its service would see.
    pub fn turn(&mut self, millis: u64) -> Vec<Received> {
        let mut received = Vec::new();
        for _ in 0..BATCH {
            let Some(packet) = self.endpoint.receive() else { break };
            received.extend(self.outbox.handle_packet(packet));
        }
        self.outbox.handle_timeout(at(millis));
        self.turn_out(millis);
        received.extend(std::iter::from_fn(|| self.outbox.poll_received()));
        received
    }

    /// Sends what waits.
    pub fn turn_out(&mut self, millis: u64) {
        let now = Now { instant: at(millis), ..Now::default() };
        self.endpoint.transmit(now, &mut self.outbox);
    }
}

/// A notice: what fills an inbox.
pub fn filler(destination: Address) -> Packet {
    Packet {
        source: Address::local(ModuleKind::Server, 0),
        destination,
        transaction: Transaction::NONE,
        command: Command::Notify,
        parameters: one(Status::default()),
    }
}

pub fn bridge_packet(source: Address, destination: Address) -> Packet {
    Packet {
        source,
        destination,
        transaction: Transaction(1),
        command: Command::Connect,
        parameters: one(Bridge { a: PortId(1), b: PortId(2) }),
    }
}
