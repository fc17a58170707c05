//! The scripted store.

use super::place::Place;
use router::parameter::*;
use router::time::Now;
use router::{Command, Parameters, Received};
use std::collections::BTreeMap;

/// The scripted store.
pub(crate) struct Store {
    pub(crate) place: Place,
    pub(crate) records: BTreeMap<String, Vec<(Command, CallRecord)>>,
    pub(crate) down: bool,
}

impl Store {
    pub(super) fn turn(&mut self, now: Now) {
        while let Some(received) = self.place.receive() {
            let Received::Packet(packet) = received else { continue };
            if self.down {
                self.place.outbox.failed(&packet, Failure::new(Reason::Busy));
            } else if let Some(Parameter::CallRecord(record)) = packet.first() {
                let writes = self.records.entry(record.id.clone()).or_default();
                // The same write again writes the same.
                let write = (packet.command, (**record).clone());
                if writes.last() != Some(&write) {
                    writes.push(write);
                }
                self.place.outbox.done(&packet, Parameters::new());
            }
        }
        self.place.flush(now);
    }
}
