//! The offer that a caller left out, before the answer (RFC 3262 §5). It is the callee's to make. A caller that requires each response to be acknowledged can be
//! told nothing without one, not even that it rings: of a callee that makes none so early, the call makes one of its own.
//!
//! ```text
//!  INVITE, Require: 100rel, no offer ──▶              ──▶ INVITE
//!                                                     ◀── 180
//!                     Set × LegState ──▶ the call, which makes an offer
//!   180, RSeq, offer ◀──
//!   PRACK, answer ──▶                                 ◀── 200, its own offer
//!   200 ◀──                                           ──▶ ACK, the answer
//! ```

use super::Incoming;
use crate::sdp::OfferAnswerState;
use crate::user_agent::leg::{Head, Purpose};
use crate::user_agent::means::Means;
use crate::user_agent::session::LEG_WITHIN;
use router::parameter::{CauseKind, LegPhase, LegState, MediaDescription, MediaExchange, Parameter};
use router::{Command, Packet, one};

impl Incoming {
    /// There is something to tell: where that takes an offer, the call is asked for one.
    pub(super) fn want_offer(&mut self, head: &mut Head, means: &mut Means) {
        if self.provisional.wants_offer() {
            head.request(means, Command::Set, one(LegState::new(LegPhase::Early)), LEG_WITHIN, Purpose::EarlyOffer);
        }
    }

    /// The call offers, if the caller takes an offer so early and has none yet.
    pub(super) fn offer_early(&mut self, head: &Head, means: &mut Means, offer: &MediaDescription) {
        if self.media.state() != OfferAnswerState::Idle || !self.provisional.takes_offer() {
            return;
        }
        match self.media.make_offer(offer) {
            Ok(_) => self.provisional.begin(&mut means.random),
            Err(error) => tracing::debug!(leg = %head.instance, %error, "an early offer that cannot be made"),
        }
    }

    /// The call has made the offer that it was asked for. If it cannot, the caller is told with the answer, or with the callee's offer; if it cannot just now, it is asked
    /// once more.
    pub(in crate::user_agent) fn early_offer_made(&mut self, head: &mut Head, means: &mut Means, packet: &Packet) {
        if let (Command::Done, Some(Parameter::LegState(state))) = (packet.command, packet.parameters.first())
            && let Some(MediaExchange::Offer(offer)) = &state.media
        {
            self.offer_early(head, means, offer);
            self.ring(head, means);
        } else if packet.failure().cause.is_none_or(|cause| cause.kind != CauseKind::IncompatibleMedia) {
            self.provisional.want_again();
        }
    }
}
