//! Where a subscriber is whose Contact is an address of ours, behind a proxy: the registrar alone knows (see `user_agent/own_target.rs`).

use super::Signaling;
use crate::message::Message;
use crate::user_agent::own_target::{self, WITHIN};
use router::{Command, Instance, Packet, one};

impl Signaling {
    /// Asks the registrar, if the subscriber of that SUBSCRIBE is reached so: its NOTIFYs wait for the answer.
    pub(super) fn seek_subscriber(&mut self, tag: u64, message: &Message) {
        let Some(subscription) = self.notifier.get_mut(tag) else { return };
        let question = own_target::question(&self.means, &subscription.dialog, message, &subscription.watcher);
        let Some((registrar, wanted)) = question else { return };
        subscription.sought = true;
        let (now, own) = (self.means.now.instant, Instance::MODULE);
        let asked = self.means.outbox.request(now, own, registrar, Command::Query, one(wanted), WITHIN);
        self.notifier.sought.insert(asked, tag);
    }

    /// The registrar's answer, or none. False: it is an answer to something else.
    pub(super) fn subscriber_found(&mut self, packet: &Packet) -> bool {
        let Some(tag) = self.notifier.sought.remove(&packet.transaction) else { return false };
        if let Some(subscription) = self.notifier.get_mut(tag) {
            subscription.sought = false;
            own_target::answered(&self.means, &mut subscription.dialog, packet);
        }
        self.notifier.arrange(self.means.now.instant, tag);
        true
    }
}
