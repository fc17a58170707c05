//! The ports of a call, and who opened them.

use crate::wire::PairIndex;
use router::Address;
use router::parameter::PortId;
use router::time::Instant;

/// A session: an instance at the worker, chosen by its owner.
#[derive(Debug)]
pub struct Session {
    /// Who opened it and is told what happens at its ports.
    pub owner: Address,
    /// When its owner last asked for something.
    pub heard: Instant,
    ports: Vec<(PortId, PairIndex)>,
}

impl Session {
    /// A session without ports.
    pub const fn new(owner: Address, now: Instant) -> Self {
        Self { owner, heard: now, ports: Vec::new() }
    }

    /// Whether somebody is of the owner's kind, on its platform: calls may be joined whichever switch has them.
    pub fn is_of_kin(&self, other: Address) -> bool {
        self.owner.platform == other.platform && self.owner.module.kind == other.module.kind
    }

    /// The pair of a port.
    pub fn pair(&self, port: PortId) -> Option<PairIndex> {
        self.ports.iter().find(|(id, _)| *id == port).map(|(_, pair)| *pair)
    }

    /// Adds a port; the caller knows that it is new.
    pub fn add(&mut self, port: PortId, pair: PairIndex) {
        debug_assert!(self.pair(port).is_none());
        self.ports.push((port, pair));
    }

    /// Takes a port out.
    pub fn remove(&mut self, port: PortId) -> Option<PairIndex> {
        let place = self.ports.iter().position(|(id, _)| *id == port)?;
        Some(self.ports.remove(place).1)
    }

    /// Its ports, in the order of their opening.
    pub fn ports(&self) -> &[(PortId, PairIndex)] {
        &self.ports
    }
}
