//! The dialogs of this shard, as others name them.

use super::Signaling;
use crate::user_agent::handover::Named;
use router::parameter::{CauseKind, Dialog, Failure, Reason};
use router::{Instance, Packet, PlatformId, one};

impl Signaling {
    /// `Query × Dialog`: whose it is. A dialog that we began may be named by either of its sides: who is to pick a call up, or to take it
    /// over, reads both tags from what the called phone shows (RFC 4235), and phones differ about which one is whose.
    pub(super) fn query_dialog(&mut self, packet: &Packet, named: &Dialog) {
        let Dialog { leg_id, own_tag, peer_tag, .. } = named;
        // Another platform does not know which shard is its home.
        if packet.source.platform != PlatformId::HERE && !self.is_home(leg_id) {
            return self.pass_home(packet, leg_id);
        }
        let by_peer = self.dialog_named(leg_id, own_tag, peer_tag, false);
        match by_peer.or_else(|| self.dialog_named(leg_id, peer_tag, own_tag, true)) {
            Some(Named::There(place)) => {
                let found = Dialog { at: Some(place), ..named.clone() };
                self.means.outbox.done(packet, one(found));
            }
            // RFC 3891 §3.
            Some(Named::Ended) => {
                self.means.outbox.failed(packet, Failure::because(CauseKind::Declined.into()));
            }
            None => {
                let failure = Failure::new(Reason::NotFound).with_detail("no such dialog");
                self.means.outbox.failed(packet, failure);
            }
        }
    }

    fn dialog_named(&self, call_id: &str, own_tag: &str, peer_tag: &str, ours_alone: bool) -> Option<Named> {
        let bits = u64::from_str_radix(own_tag, 16).ok().filter(|_| own_tag.len() == 16)?;
        let leg: Instance = *self.means.tags.get(&bits)?;
        let leg = self.legs.get(leg).filter(|leg| !ours_alone || leg.is_ours())?;
        leg.dialog_with(&self.means, call_id, peer_tag)
    }
}
