//! Who follows the trunks is told when one is passed over, tried and in use again.

use super::Switch;
use router::parameter::{Failure, Reason};
use router::time::Now;
use router::{Command, Packet, Parameters};

impl Switch {
    /// `Subscribe`, `Unsubscribe × TrunkEvent`.
    pub(super) fn follow_trunks(&mut self, packet: &Packet) {
        let followers = self.events.of_trunks();
        let (done, reason) = match packet.command {
            Command::Subscribe => (followers.subscribe(packet.source), Reason::Exhausted),
            _ => (followers.unsubscribe(packet.source), Reason::NotFound),
        };
        match done {
            true => self.outbox.done(packet, Parameters::new()),
            false => self.outbox.failed(packet, Failure::new(reason)),
        }
    }

    /// Tells what has changed.
    pub(super) fn tell_trunk_news(&mut self, now: Now) {
        for news in self.trunks.take_news() {
            self.events.publish_trunk(&mut self.outbox, now.wall, &news);
        }
    }
}
