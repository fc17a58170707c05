//! A leg of ours that is to come into a call of another switch: the dialog that was named lives on another shard. Here is the call that
//! it comes from; the other one takes it over as any, see `joining`.

use super::call::Call;
use super::dialog::Seeking;
use super::joining::Joining;
use super::purpose::Purpose;
use super::turn::Turn;
use crate::limits::GUEST_WITHIN;
use router::parameter::{CauseKind, DialogPlace, Failure, GuestLeg, LegPhase, Parameter, Transfer};
use router::{Command, Packet, one};

impl Call {
    /// Asks the call of another switch to take over the leg that is sent there.
    pub(super) fn send_guest(&mut self, turn: &mut Turn<'_>, place: DialogPlace) {
        match self.guest_to(place) {
            Ok(guest) => {
                let moved = match self.joining.as_deref() {
                    Some(Joining::Seeking(Seeking { by: Some(by), .. })) => Some(by.moved),
                    _ => None,
                };
                if let Some(moved) = moved {
                    self.ask_count(turn, moved, self.conversation.number());
                }
                self.request(turn, place.call, Command::Start, one(guest), GUEST_WITHIN, Purpose::Guest);
            }
            Err(failure) => self.seeking_failed(turn, failure),
        }
    }

    /// All that is known of the leg that is sent on; or why it cannot be now.
    fn guest_to(&self, place: DialogPlace) -> Result<GuestLeg, Failure> {
        let glare = || Failure::because(CauseKind::Glare.into());
        let Some(Joining::Seeking(Seeking { dialog, by: Some(by) })) = self.joining.as_deref() else {
            return Err(glare());
        };
        let leg = &self.legs[by.moved];
        let (Some(worker), Some(_), Some(agreement)) = (self.worker(), leg.medium.address, leg.medium.agreement())
        else {
            return Err(glare());
        };
        if self.exchange.is_some() || leg.remote.is_some() {
            return Err(glare());
        }
        Ok(GuestLeg {
            replaces: place.leg,
            early_only: dialog.early_only,
            origin: self.legs[by.leg].origin(),
            leg: leg.address,
            party: leg.party.clone(),
            verified: leg.verified,
            peer: leg.origin(),
            incoming: leg.incoming,
            leg_id: leg.leg_id.clone(),
            interface: leg.interface,
            session: worker,
            port: leg.id.port(),
            local: agreement.local.clone(),
            remote: agreement.remote.clone(),
            by_peer: agreement.by_peer,
            codecs: agreement.codecs.clone(),
            capabilities: leg.medium.capabilities().to_vec(),
            generation: leg.medium.generation(),
            record: self.record_id(self.conversation.number()),
        })
    }

    /// It has come there, or not.
    pub(super) fn guest_answered(&mut self, turn: &mut Turn<'_>, packet: Packet) {
        if self.has_ended() || !matches!(self.joining.as_deref(), Some(Joining::Seeking(_))) {
            return;
        }
        let guest = match packet.first() {
            Some(Parameter::GuestLeg(guest)) if packet.command == Command::Done => (**guest).clone(),
            _ => {
                let moved = match self.joining.as_deref() {
                    Some(Joining::Seeking(Seeking { by: Some(by), .. })) => Some(by.moved),
                    _ => None,
                };
                if let Some(moved) = moved {
                    // Should it have gone there already, it comes back; or it has ended.
                    self.hand_over(turn, moved, packet.source, 1);
                }
                return self.seeking_failed(turn, packet.failure());
            }
        };
        let Some(Joining::Seeking(Seeking { by: Some(by), .. })) = self.joining.take().map(|joining| *joining) else {
            return;
        };
        // It is another call's, with its port.
        drop(self.legs[by.moved].leave());
        let transfer = Transfer { phase: LegPhase::Answered, target: guest.party.clone(), ..by.transfer };
        by.asked.done(turn.outbox, one(transfer));
        self.handed_away(turn, Some(by.leg), guest.party, guest.record);
    }
}
