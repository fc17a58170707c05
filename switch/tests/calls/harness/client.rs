//! A client that watches and originates.

use super::place::Place;
use router::time::Now;
use router::{Packet, Received};

/// A client that watches and originates.
pub(crate) struct Client {
    pub(crate) place: Place,
    pub(crate) received: Vec<Packet>,
}

impl Client {
    pub(super) fn turn(&mut self, now: Now) {
        while let Some(received) = self.place.receive() {
            match received {
                Received::Packet(packet) | Received::Answer(_, packet) => self.received.push(packet),
            }
        }
        self.place.flush(now);
    }
}
