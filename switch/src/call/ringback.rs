//! What a leg hears while another one rings for it, if it is answered already (the one that is transferred, the first party of a
//! call that the operator makes), or has heard early media that are over. A phone makes its own tone for a call of its own alone, so the media worker plays it, as a
//! gateway does (RFC 3960 §3.2): until the one that rings sends early media, which is heard in its place.
//!
//! | the one that waits | hears |
//! |---|---|
//! | talks with who transfers it | that one |
//! | is on hold there, or left alone | the tone, or early media, once somebody rings |
//! | speaks nothing that services do | nothing, or early media |

use super::call::{Call, Far};
use super::leg::LegId;
use super::session::Joined;
use super::turn::Turn;
use router::parameter::{BuiltinKind, Direction, LegPhase};

impl Call {
    /// The leg for which another one rings and that has nobody to listen to, if it is ours to let it hear something.
    pub(super) fn hears_ringing(&self) -> Option<LegId> {
        let search = self.search.as_ref()?;
        let listens = |leg: &LegId| self.legs[*leg].is_answered() || self.legs[*leg].medium.agreement().is_some();
        let waiting = search.waiting.filter(listens)?;
        let rings = |leg: &LegId| matches!(self.legs[*leg].phase, LegPhase::Ringing | LegPhase::Early);
        let alone = match self.other_side(waiting) {
            Far::Nobody => true,
            Far::Leg(other) => {
                let agreement = self.legs[other].medium.agreement();
                self.legs[other].is_released()
                    || agreement.is_some_and(|agreement| agreement.direction() != Direction::SendReceive)
            }
            Far::Service(_) => false,
        };
        (alone && search.legs().iter().any(rings)).then_some(waiting)
    }

    /// Begins the tone or ends it, where what rings has changed.
    pub(super) fn follow_ringing(&mut self, turn: &mut Turn<'_>) {
        let (Some(near), Some(joined), false) = (self.near, self.joined(), self.has_ended()) else { return };
        let sounds = matches!(joined, Joined::Service(_, BuiltinKind::Ringback));
        if (sounds || self.hears_ringing().is_some()) && joined != self.wanted(near) {
            self.connect(turn);
        }
    }
}
