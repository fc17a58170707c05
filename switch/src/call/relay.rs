//! Bodies that one leg's peer sends in mid-call go to the other leg's.

use super::asked::Asked;
use super::call::{Call, Far};
use super::leg::LegId;
use super::purpose::Purpose;
use super::turn::Turn;
use crate::limits::{LEG_WITHIN, RELAYS_PER_CALL};
use router::parameter::{Failure, Parameter, Reason};
use router::{Command, Parameters, one};

impl Call {
    /// Passes `noun` on; the other leg's answer is the answer.
    pub(super) fn relay(&mut self, turn: &mut Turn<'_>, leg: LegId, asked: Asked, noun: Parameter) {
        if let Parameter::Digits(digits) = &noun {
            return self.keys_signalled(turn, leg, asked, digits);
        }
        // A service hears keys by the sound that comes with them, and has no use for what is said beside.
        let is_key = matches!(&noun, Parameter::Information(information) if information.body.is_empty());
        if is_key && matches!(self.other_side(leg), Far::Service(_)) {
            return asked.done(turn.outbox, Parameters::new());
        }
        let Some(other) = self.other_leg(leg) else {
            let failure = Failure::new(Reason::Unsupported).with_detail("nobody is there to take it");
            return asked.failed(turn.outbox, failure);
        };
        let relays = self.pending.iter().filter(|(_, purpose)| matches!(purpose, Purpose::Relay(_))).count();
        if relays >= RELAYS_PER_CALL {
            return asked.failed(turn.outbox, Failure::new(Reason::Busy));
        }
        let address = self.legs[other].address;
        self.request(turn, address, Command::Send, one(noun), LEG_WITHIN, Purpose::Relay(asked));
    }
}
