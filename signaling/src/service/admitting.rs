//! Which messages are read at all.

use super::Signaling;
use crate::admission::{Standing, peek};
use crate::transport::Flow;
use crate::user_agent::authentication::Gate;
use crate::user_agent::leg::Leg;

impl Signaling {
    /// How the sender of a message is known. `None`: it has had its share, and the message is dropped.
    ///
    /// A response is known by the branch of a request of ours, which nobody guesses. Any other is its sender's to pay for
    /// (RFC 3261 §18.1.2 drops it).
    ///
    /// A request is known by its source; else, or where its flow has had its share, by our tag of a dialog that is up,
    /// together with its Call-ID.
    pub(super) fn admit(&mut self, flow: &Flow, octets: &[u8]) -> Option<Standing> {
        let is_response = peek::is_response(octets);
        if is_response && peek::branches(octets).any(|branch| self.means.transactions.awaits(branch)) {
            return Some(Standing::Awaited);
        }
        let standing = Gate::standing(&self.means, &self.bindings, flow);
        if standing == Standing::Unknown
            && let Some(tag) = self.dialog_of(octets).filter(|_| !is_response)
        {
            let standing = Standing::Dialog(tag);
            return self.gate.admit(&self.means, flow, standing).then_some(standing);
        }
        if self.gate.admit(&self.means, flow, standing) {
            return Some(standing);
        }
        if is_response || standing == Standing::Unknown {
            return None;
        }
        let standing = Standing::Dialog(self.dialog_of(octets)?);
        self.gate.admit(&self.means, flow, standing).then_some(standing)
    }

    /// The dialog of ours that a message is within, by our tag of it.
    fn dialog_of(&self, octets: &[u8]) -> Option<u64> {
        peek::tags(octets).find(|tag| {
            let leg = self.means.tags.get(tag).and_then(|leg| self.legs.get(*leg));
            let subscription = || self.notifier.get(*tag).map(|known| known.dialog.id().call_id.as_str());
            leg.map(Leg::call_id).or_else(subscription).is_some_and(|call_id| peek::mentions(octets, call_id))
        })
    }
}
