//! A leg whose ways have come to nothing (ICE): its peer no longer consents, or never was found. It is looked for anew, once, by an offer of ours under other names
//! (RFC 8445 §9): a phone that has gone to another network may be reached by signalling still.

use super::asked::Asked;
use super::call::Call;
use super::leg::LegId;
use super::renegotiation::Exchange;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::WAYS_WITHIN;
use router::one;
use router::parameter::{CauseKind, IceCandidate, LegState};

impl Call {
    /// Nothing reaches a leg's peer, or it wants nothing any more. One that talks to nobody at present may still be reached when it does.
    pub(super) fn handle_unreachable(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        if !self.is_joined(leg) {
            return tracing::info!(call = %self.id, "no way leads to a leg's peer");
        }
        if !self.legs[leg].medium.ways.seek_anew(turn.now.instant) {
            tracing::info!(call = %self.id, "no way leads to a leg's peer");
            return self.end(turn, CauseKind::MediaTimeout.into(), None);
        }
        tracing::info!(call = %self.id, "no way leads to a leg's peer: it is looked for anew");
        turn.counters.ways_sought_anew += 1;
        self.set_timer(turn, Timer::Ways(leg), WAYS_WITHIN);
        self.align_anyway(turn, leg);
    }

    /// A leg's peer has said where else it may be reached: its port is told, once it has a plan. It concerns nobody else.
    pub(super) fn candidates_named(
        &mut self,
        turn: &mut Turn<'_>,
        leg: LegId,
        asked: Asked,
        candidates: &[IceCandidate],
    ) {
        let phase = self.legs[leg].phase;
        if self.legs[leg].medium.add_candidates(candidates) {
            self.connect(turn);
        }
        asked.done(turn.outbox, one(LegState::new(phase)));
    }

    /// The peer has had its time: from now on, where the offer had to wait until now, for a transfer or for another exchange, which end by themselves.
    pub(super) fn ways_due(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        if !self.is_joined(leg) || self.legs[leg].is_released() || !self.legs[leg].medium.ways.are_sought_anew() {
            return;
        }
        if self.is_offered(leg) {
            return self.end(turn, CauseKind::MediaTimeout.into(), None);
        }
        let waits = self.transferring.is_some() || !self.may_align();
        self.align_anyway(turn, leg);
        if waits || self.is_offered(leg) {
            self.set_timer(turn, Timer::Ways(leg), WAYS_WITHIN);
        } else {
            self.end(turn, CauseKind::MediaTimeout.into(), None);
        }
    }

    /// Whether an offer of ours to that leg waits for its answer.
    fn is_offered(&self, leg: LegId) -> bool {
        matches!(self.exchange, Some(Exchange::Aligning { leg: offered }) if offered == leg)
    }
}
