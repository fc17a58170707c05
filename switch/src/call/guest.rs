//! Legs of ours that are to come into a call of another switch: the dialog that was named, or the telephone that rings, lives on another
//! shard. Here is the call that they come from; the other one takes them over as any, see `joining`. A leg may be one at another platform:
//! its address says at which.
//!
//! | who asks | what goes there |
//! |---|---|
//! | who is sent there by REFER | the leg that is sent, and the one that sends it |
//! | who calls a number for picking up | the caller, not answered yet |

use super::call::Call;
use super::dialog::{Seeking, Transferor};
use super::joining::Joining;
use super::leg::LegId;
use super::purpose::Purpose;
use super::turn::Turn;
use crate::limits::GUEST_WITHIN;
use router::parameter::{
    CauseKind, DialogPlace, Failure, GuestLeg, LegPhase, MediaDescription, Origin, Parameter, Transfer,
};
use router::{Command, Packet, Parameters, one};

/// It cannot be now.
fn glare() -> Failure {
    Failure::because(CauseKind::Glare.into())
}

impl Call {
    /// Asks the call of another switch to take over who is sent there, or calls to come there.
    pub(crate) fn send_guest(&mut self, turn: &mut Turn<'_>, place: DialogPlace) {
        match self.guests_to(place) {
            Ok(guests) => {
                if let Some(moved) = self.sent_on().filter(|&moved| self.legs[moved].is_answered()) {
                    self.ask_count(turn, moved, self.conversation.number());
                }
                self.request(turn, place.call, Command::Start, guests, GUEST_WITHIN, Purpose::Guest);
            }
            Err(failure) => self.seeking_failed(turn, failure),
        }
    }

    /// The leg that is to come there.
    fn sent_on(&self) -> Option<LegId> {
        match self.joining.as_deref() {
            Some(Joining::Seeking(Seeking { by: Some(by), .. })) => Some(by.moved),
            Some(Joining::Seeking(Seeking { by: None, .. })) => self.near,
            _ => None,
        }
    }

    /// All that is known of the legs that are to come there; or why they cannot now.
    fn guests_to(&self, place: DialogPlace) -> Result<Parameters, Failure> {
        let Some(Joining::Seeking(Seeking { dialog, by, sent, .. })) = self.joining.as_deref() else {
            return Err(glare());
        };
        let early_only = dialog.early_only;
        match by {
            Some(Transferor { leg, moved, asked, transfer }) => {
                let origin = self.legs[*leg].origin();
                let mut guests = one(GuestLeg { early_only, ..self.talking_guest(*moved, origin.clone(), place)? });
                let by = self.talking_guest(*leg, origin, place)?;
                guests.push(GuestLeg { asked: Some(asked.transaction().0), ..by }.into());
                guests.push(transfer.clone().into());
                Ok(guests)
            }
            None => {
                let near = self.near.ok_or_else(glare)?;
                Ok(one(GuestLeg { early_only, sent: *sent, ..self.calling_guest(near, place)? }))
            }
        }
    }

    /// Of a leg that talks.
    fn talking_guest(&self, leg: LegId, origin: Origin, place: DialogPlace) -> Result<GuestLeg, Failure> {
        let medium = &self.legs[leg].medium;
        let (Some(worker), Some(_), Some(agreement)) = (self.worker(), medium.address, medium.agreement()) else {
            return Err(glare());
        };
        if self.exchange.is_some() {
            return Err(glare());
        }
        Ok(GuestLeg {
            session: Some(worker),
            port: Some(leg.port()),
            local: agreement.local.clone(),
            remote: agreement.remote.clone(),
            by_peer: agreement.by_peer,
            codecs: agreement.codecs.clone(),
            capabilities: medium.capabilities().to_vec(),
            generation: medium.generation(),
            ..self.guest(leg, origin, place)
        })
    }

    /// Of the leg that calls.
    fn calling_guest(&self, leg: LegId, place: DialogPlace) -> Result<GuestLeg, Failure> {
        let calling = &self.legs[leg];
        let asked = calling.asked.as_ref().ok_or_else(glare)?;
        let offer = calling.medium.asked().cloned();
        Ok(GuestLeg {
            asked: Some(asked.transaction().0),
            calls: true,
            remote: offer.unwrap_or(MediaDescription { streams: Vec::new() }),
            by_peer: true,
            ..self.guest(leg, self.origin.clone(), place)
        })
    }

    fn guest(&self, leg: LegId, origin: Origin, place: DialogPlace) -> GuestLeg {
        let nothing = || MediaDescription { streams: Vec::new() };
        let guest = &self.legs[leg];
        GuestLeg {
            replaces: place.leg,
            early_only: false,
            origin,
            leg: guest.address,
            party: guest.party.clone(),
            verified: guest.verified,
            peer: guest.origin(),
            incoming: guest.incoming,
            leg_id: guest.leg_id.clone(),
            interface: guest.interface,
            host: guest.host,
            session: None,
            port: None,
            local: nothing(),
            remote: nothing(),
            by_peer: false,
            codecs: Vec::new(),
            capabilities: Vec::new(),
            generation: 0,
            record: self.record_id(self.conversation.number()),
            asked: None,
            calls: false,
            price: guest.charge.as_ref().map(|charge| charge.price()),
            payer: guest.charge.as_ref().map(|charge| charge.payer().to_owned().into()),
            sent: false,
            hidden: guest.hidden,
        }
    }

    /// They have come there, or not.
    pub(super) fn guest_answered(&mut self, turn: &mut Turn<'_>, packet: Packet) {
        if self.has_ended() || !matches!(self.joining.as_deref(), Some(Joining::Seeking(_))) {
            return;
        }
        let came = packet.parameters.len();
        let guest = match packet.first() {
            Some(Parameter::GuestLeg(guest)) if packet.command == Command::Done => (**guest).clone(),
            _ => {
                // Should one have gone there already, it comes back; or it has ended.
                let by = match self.joining.as_deref() {
                    Some(Joining::Seeking(Seeking { by: Some(by), .. })) => Some(by.leg),
                    _ => None,
                };
                for leg in self.sent_on().into_iter().chain(by) {
                    if !self.legs[leg].is_released() {
                        self.hand_over(turn, leg, packet.source, 1);
                    }
                }
                return self.seeking_failed(turn, packet.failure());
            }
        };
        let Some(moved) = self.sent_on() else { return };
        let Some(Joining::Seeking(Seeking { by, .. })) = self.joining.take().map(|joining| *joining) else { return };
        // It is another call's, with its port.
        self.note_moved(turn, moved, packet.source);
        drop(self.legs[moved].leave());
        let by = by.map(|Transferor { leg, asked, transfer, .. }| {
            if came > 1 {
                // Who sent it there waits there: how that goes on, the other call tells.
                self.note_moved(turn, leg, packet.source);
                drop((self.legs[leg].leave(), asked));
            } else {
                let target = guest.party.clone();
                asked.done(turn.outbox, one(Transfer { phase: LegPhase::Answered, target, ..transfer }));
            }
            leg
        });
        self.handed_away(turn, by, guest.party, guest.record);
    }
}
