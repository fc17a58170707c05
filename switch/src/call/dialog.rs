//! A leg's peer names a dialog: the leg, or who is sent there by it, is to take the place of that dialog's peer in the call that it
//! belongs to (RFC 3891). Here is the call that asks, until it is known which call that is.
//!
//! ```text
//!  A ══ B   B ══ C     B asks for A to be sent to whom B talks to in the other call (REFER to an address with Replaces), or
//!  P ?      D ‥ C      P asks to be put in C's place (INVITE with Replaces: pick-up)
//!     │ Query × Dialog: which leg, of which call?
//!     ▼ the switch lends this call to that one, which takes the legs over: see `joining`
//! ```

use super::asked::Asked;
use super::call::{Call, refused};
use super::fork::cause_of;
use super::invitation::Invitation;
use super::joining::Joining;
use super::leg::LegId;
use super::pick_up::Asking;
use super::purpose::Purpose;
use super::turn::Turn;
use crate::limits::QUERY_WITHIN;
use router::parameter::{
    CauseKind, Conversion, Dialog, Failure, LegPhase, Origin, Parameter, Reason, Ringing, Transfer,
};
use router::{Address, Command, Instance, Packet, one};

/// One call is to be joined with another: the switch lends the first to the second.
#[derive(Debug)]
pub(crate) struct Join {
    /// The call that asks.
    pub(crate) guest: Instance,
    pub(crate) whom: Whom,
}

/// In whose place somebody is to come.
#[derive(Debug)]
pub(crate) enum Whom {
    /// Of a leg of that call.
    Leg { host: Instance, leg: Address },
    /// Of whoever rings: at one of these accounts, or at any that may be picked up for, on behalf of `by`; on other shards that one
    /// rings longest.
    Rings { by: Origin, of: Option<Vec<String>>, elsewhere: Option<Box<Ringing>> },
    /// Of nobody: the call becomes a conference, its two legs part.
    Apart { asked: Asked, wanted: Conversion },
    /// Of nobody: one more is invited into the conference that the call is in.
    Invited(Box<Invitation>),
    /// Of nobody any more: the ports of the guest have come over, and its session may end.
    Released,
}

/// A dialog that is being looked for.
#[derive(Debug)]
pub(super) struct Seeking {
    pub(super) dialog: Dialog,
    /// Who sends whom there; `None`: who calls comes itself.
    pub(super) by: Option<Transferor>,
    /// No dialog was named, but a number for picking up: the other shards are being asked what rings there.
    pub(super) asking: Option<Box<Asking>>,
    /// Another platform has sent the call here, and has found the dialog here.
    pub(super) placed: bool,
    /// Beside that: whether somebody there sends who comes, as [`Seeking::by`] does here.
    pub(super) sent: bool,
    /// The other platforms are being asked for the dialog: how many have not answered.
    pub(super) awaited: usize,
    /// What one of them said that had it.
    pub(super) ended: Option<Failure>,
}

impl Seeking {
    /// A dialog to be found here; `by`: who sends whom there.
    pub(super) fn of(dialog: Dialog, by: Option<Transferor>) -> Self {
        Self { dialog, by, asking: None, placed: false, sent: false, awaited: 0, ended: None }
    }

    /// Whether somebody sends who comes, and does not come itself.
    pub(super) fn is_sent(&self) -> bool {
        self.by.is_some() || self.sent
    }
}

/// Who asked for a transfer to a dialog.
#[derive(Debug)]
pub(super) struct Transferor {
    pub(super) leg: LegId,
    pub(super) moved: LegId,
    pub(super) asked: Asked,
    pub(super) transfer: Transfer,
}

impl Call {
    /// `Start × Transfer, Dialog` of a leg.
    pub(super) fn transfer_to_dialog(
        &mut self,
        turn: &mut Turn<'_>,
        by: LegId,
        asked: Asked,
        transfer: Transfer,
        dialog: Dialog,
    ) {
        if let Some(Joining::Seeking(seeking)) = self.joining.as_deref_mut()
            && let Some(transferor) = seeking.by.as_mut().filter(|transferor| transferor.leg == by)
            && seeking.dialog == dialog
        {
            return transferor.asked.superseded(turn.outbox, asked);
        }
        if self.transferring.is_some() || self.joining.is_some() {
            return asked.failed(turn.outbox, Failure::because(CauseKind::Glare.into()));
        }
        let (Some(moved), true, None) = (self.other_leg(by), self.legs[by].is_answered(), &self.search) else {
            return asked.failed(turn.outbox, refused("there is no other leg to transfer"));
        };
        let transfer = Transfer { phase: LegPhase::Trying, cause: None, ..transfer };
        self.seek(turn, Seeking::of(dialog, Some(Transferor { leg: by, moved, asked, transfer })));
    }

    /// Asks whose a dialog is.
    pub(super) fn seek(&mut self, turn: &mut Turn<'_>, seeking: Seeking) {
        // A dialog is at home where the hash of its name says, as an account is.
        let home = turn.registrar(&self.config.shards, &seeking.dialog.leg_id);
        let query = one(Dialog { at: None, ..seeking.dialog.clone() });
        self.joining = Some(Box::new(Joining::Seeking(seeking)));
        self.request(turn, home, Command::Query, query, QUERY_WITHIN, Purpose::Dialog);
    }

    /// Signaling says whose it is, or that there is none.
    pub(super) fn dialog_found(&mut self, turn: &mut Turn<'_>, packet: Packet) {
        if !matches!(self.joining.as_deref(), Some(Joining::Seeking(_))) || self.has_ended() {
            return;
        }
        let place = match packet.first() {
            Some(Parameter::Dialog(dialog)) if packet.command == Command::Done => dialog.at,
            _ => None,
        };
        let joins = matches!(self.joining.as_deref(), Some(Joining::Seeking(seeking)) if seeking.dialog.join);
        let Some(place) = place else {
            let failure = packet.failure();
            if failure.reason == Reason::NotFound && self.seek_elsewhere(turn) {
                return;
            }
            return self.dialog_is_none(turn, failure);
        };
        let own = turn.outbox.address();
        if joins && place.call != own.at(self.instance) {
            return self.ask_conversion(turn, place);
        }
        if place.call.of_module() != own {
            return self.send_guest(turn, place);
        }
        if place.call.instance == self.instance {
            return self.seeking_failed(turn, refused("the dialog is this call's own"));
        }
        let whom = Whom::Leg { host: place.call.instance, leg: place.leg };
        turn.joins.push(Join { guest: self.instance, whom });
    }

    /// Nobody has it, or it has ended.
    pub(super) fn dialog_is_none(&mut self, turn: &mut Turn<'_>, failure: Failure) {
        let joins = matches!(self.joining.as_deref(), Some(Joining::Seeking(seeking)) if seeking.dialog.join);
        if joins && failure.reason == Reason::NotFound && self.calls_conference(turn.now.wall) {
            return self.call_instead(turn);
        }
        self.seeking_failed(turn, failure);
    }

    /// On whose behalf somebody is to come in the place of another.
    pub(super) fn seeks_as(&self, seeking: &Seeking) -> Origin {
        match &seeking.by {
            Some(transferor) => self.legs[transferor.leg].origin(),
            None => self.origin.clone(),
        }
    }

    /// It cannot be: who asked is told, and all goes on as before; a call that only asked for that ends.
    pub(crate) fn seeking_failed(&mut self, turn: &mut Turn<'_>, failure: Failure) {
        let Some(joining) = self.joining.take() else { return };
        let Joining::Seeking(Seeking { by, .. }) = *joining else {
            self.joining = Some(joining);
            return;
        };
        let cause = cause_of(failure.clone());
        tracing::info!(call = %self.id, cause = cause.kind.name(), "not joined with the call of the dialog that was named");
        match by {
            Some(transferor) => transferor.asked.failed(turn.outbox, failure),
            None => {
                let asked = self.near.and_then(|near| {
                    self.legs[near].phase = LegPhase::Released;
                    self.legs[near].asked.take()
                });
                if let Some(asked) = asked {
                    asked.failed(turn.outbox, failure);
                }
                self.end(turn, cause, None);
            }
        }
    }
}
