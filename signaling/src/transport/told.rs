//! What a shard's transports have to tell, and have counted.

use std::collections::VecDeque;

use super::counters::TransportCounters;
use super::event::TransportEvent;
use super::flow::{Destination, Token, TransportFailure};

#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) events: VecDeque<TransportEvent>,
    pub(super) counters: TransportCounters,
}

impl Told {
    /// A message did not leave.
    pub(super) fn fail(&mut self, destination: Destination, token: Option<Token>, failure: TransportFailure) {
        self.counters.failed += 1;
        self.events.push_back(TransportEvent::Failed { destination, token, failure });
    }
}
