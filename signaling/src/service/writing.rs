//! Bindings are written behind: REGISTER never waits for the store, and at most a second of them can be lost.

use super::Signaling;
use crate::limits::BINDINGS_PER_PACKET;
use crate::registrar::Bindings;
use router::parameter::{Binding, Parameter};
use router::time::{Duration, Instant};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, Transaction};
use std::collections::HashMap;

/// How long a change waits for others. With the store's own delay below a second.
const DELAY: Duration = Duration::from_millis(500);

/// How long to wait after the store refused.
const RETRY: Duration = Duration::from_secs(1);

/// How long the store may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Packets on their way at once: more bindings wait here, where a newer word replaces an older one.
const IN_FLIGHT: usize = 8;

/// What is on its way to the store.
#[derive(Debug, Default)]
pub(super) struct Writing {
    at: Option<Instant>,
    in_flight: HashMap<Transaction, Vec<Binding>>,
}

impl Writing {
    /// Something may have to be written.
    pub(super) fn wake(&mut self, now: Instant, bindings: &Bindings) {
        if self.at.is_none() && bindings.has_unwritten() {
            self.at = Some(now + DELAY);
        }
    }

    /// When to write.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.at.filter(|_| self.in_flight.len() < IN_FLIGHT)
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.at.is_none() && self.in_flight.is_empty()
    }
}

impl Signaling {
    /// Writes what is due.
    pub(super) fn write_bindings(&mut self) {
        let now = self.means.now.instant;
        if self.writing.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        self.writing.at = None;
        while self.bindings.has_unwritten() && self.writing.in_flight.len() < IN_FLIGHT {
            let batch = self.bindings.take_unwritten(BINDINGS_PER_PACKET);
            let parameters: Parameters = batch.iter().cloned().map(Parameter::from).collect();
            let store = Address::any(ModuleKind::Store);
            let transaction = self.means.outbox.request(now, Instance::MODULE, store, Command::Set, parameters, WITHIN);
            self.writing.in_flight.insert(transaction, batch);
        }
        self.writing.wake(now, &self.bindings);
    }

    /// The store's answer. False: it is to something else.
    pub(super) fn bindings_written(&mut self, packet: &Packet) -> bool {
        if !packet.command.is_final() {
            return self.writing.in_flight.contains_key(&packet.transaction);
        }
        let Some(batch) = self.writing.in_flight.remove(&packet.transaction) else { return false };
        if packet.command == Command::Failed {
            self.means.counters.bindings_put_back += batch.len() as u64;
            tracing::debug!(reason = ?packet.failure().reason, "the store did not take bindings");
            self.bindings.put_back(batch);
            self.writing.at = Some(self.means.now.instant + RETRY);
        }
        true
    }
}
