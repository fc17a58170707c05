//! Legs that change their call: their modules are told whose they are (`Set × Handover`).

use crate::call::asked::Asked;
use crate::call::call::{Call, refused};
use crate::call::leg::LegId;
use crate::call::purpose::Purpose;
use crate::call::timers::Timer;
use crate::call::turn::Turn;
use crate::limits::{AUDIT_AGAIN, MOVED_LONGER, RELEASE_ATTEMPTS, STOP_WITHIN};
use router::parameter::{CauseKind, Failure, Handover, Reason};
use router::{Address, Command, Packet, Parameters, one};

impl Call {
    /// A leg goes to another call: what comes for it here is that one's, until its platform has heard.
    pub(in crate::call) fn note_moved(&self, turn: &mut Turn<'_>, leg: LegId, to: Address) {
        if self.legs[leg].remote.is_some() {
            let until = turn.now.instant + self.grace() + MOVED_LONGER;
            turn.moved.note(self.instance, self.legs[leg].address, to, until);
        }
    }

    pub(in crate::call) fn hand_over(&mut self, turn: &mut Turn<'_>, leg: LegId, from: Address, attempt: u8) {
        let (address, noun) = (self.legs[leg].address, one(Handover { from, call_id: self.id.clone() }));
        self.request(turn, address, Command::Set, noun, STOP_WITHIN, Purpose::Handover { leg, from, attempt });
    }

    /// The leg knows whose it is; or it has ended meanwhile.
    pub(in crate::call) fn handed_over(
        &mut self,
        turn: &mut Turn<'_>,
        leg: LegId,
        from: Address,
        attempt: u8,
        packet: &Packet,
    ) {
        if self.legs[leg].is_released() || self.has_ended() {
            return;
        }
        if packet.command == Command::Done {
            return self.tell_connected(turn);
        }
        let reason = packet.failure().reason;
        if matches!(reason, Reason::Busy | Reason::Expired) && attempt < RELEASE_ATTEMPTS {
            return self.hand_over(turn, leg, from, attempt + 1);
        }
        if let Some(remote) = &mut self.legs[leg].remote
            && matches!(reason, Reason::PlatformAbsent | Reason::UnknownDestination | Reason::Busy | Reason::Expired)
        {
            // Its media comes and goes as before. That it is not reached for too long, the audit finds.
            remote.handing = Some(from);
            return self.set_timer(turn, Timer::Handover(leg), AUDIT_AGAIN);
        }
        self.leg_left(turn, leg, CauseKind::Normal.into());
    }

    /// Tells another platform once more whose a leg is that it was not told of.
    pub(in crate::call) fn hand_over_again(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        let from = self.legs[leg].remote.as_mut().and_then(|remote| remote.handing.take());
        if let Some(from) = from.filter(|_| !self.legs[leg].is_released()) {
            self.cancel_timer(turn, Timer::Handover(leg));
            self.hand_over(turn, leg, from, 1);
        }
    }

    /// `Set × Handover` of another platform's: a leg that is there belongs to another call of that one's.
    pub(in crate::call) fn leg_handed_over(&mut self, turn: &mut Turn<'_>, asked: Asked, from: Address) {
        let to = asked.source();
        let from = Address { platform: to.platform, ..from };
        let leg = self.legs.at(from).or_else(|| self.legs.at(to)).filter(|&leg| self.legs[leg].remote.is_some());
        match leg {
            // Another switch is about to have it here, and is to be told.
            Some(_) if self.pending.iter().any(|(_, purpose)| matches!(purpose, Purpose::Guest)) => {
                asked.failed(turn.outbox, Failure::new(Reason::Busy));
            }
            Some(leg) if !self.legs[leg].is_released() => {
                self.legs[leg].address = to;
                asked.done(turn.outbox, Parameters::new());
            }
            _ => asked.failed(turn.outbox, refused("that leg is none of this call's")),
        }
    }
}
