//! A dialog that was named is none of this platform's: whoever has two telephones, or one that is registered at two platforms, has a call at
//! either, and sends somebody from the one into the other (or calls with Replaces or Join). The other platforms are asked at once; the call
//! then goes to the one that has it, as any goes to another platform, and takes its place there.
//!
//! ```text
//!  A ══ B' here      B ══ C there        B' asks for A to be sent to whom B talks to
//!    ── Query × Dialog ──▶ signaling of every platform       Done × Dialog: it is there | Failed(NotFound)
//!    ── Start × Call (placement: the dialog) ──▶ switch      its call joins that one's, see `joining`: B is released there
//!  A ══ this call ══ that call ══ C                          Done × LegState: B' is released here
//! ```

use super::call::Call;
use super::dialog::{Seeking, Transferor};
use super::joining::Joining;
use super::leg::{Peer, Wanted, Whither};
use super::platform::Elsewhere;
use super::purpose::Purpose;
use super::turn::Turn;
use crate::limits::LOCATE_WITHIN;
use crate::plan::{AtDialog, Step};
use router::parameter::{CauseKind, Dialog, DialogPlace, Failure, Parameter, Placement, Reason};
use router::{Command, ModuleKind, Packet, PlatformId, one};

impl Call {
    /// Asks all other platforms for the dialog. False: there is none to be asked, or this call comes from one that has asked them.
    pub(super) fn seek_elsewhere(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(Joining::Seeking(seeking)) = self.joining.as_deref_mut() else { return false };
        if seeking.placed {
            return false;
        }
        let platforms = turn.platforms.registrars(turn.now.instant);
        seeking.awaited = platforms.len();
        let query = Dialog { at: None, ..seeking.dialog.clone() };
        for &(platform, address) in &platforms {
            let purpose = Purpose::DialogElsewhere(platform);
            self.request(turn, address, Command::Query, one(query.clone()), LOCATE_WITHIN, purpose);
        }
        !platforms.is_empty()
    }

    /// A platform says whether it has the dialog: the first one that does is it.
    pub(super) fn dialog_told(&mut self, turn: &mut Turn<'_>, platform: PlatformId, packet: &Packet) {
        if self.has_ended() {
            return;
        }
        let Some(Joining::Seeking(seeking)) = self.joining.as_deref_mut() else { return };
        if seeking.awaited == 0 {
            return;
        }
        seeking.awaited -= 1;
        let place = match packet.first() {
            Some(Parameter::Dialog(dialog)) if packet.command == Command::Done => dialog.at,
            _ => None,
        };
        if let Some(place) = place.filter(|place| place.call.module.kind == ModuleKind::Switch) {
            return self.go_to_dialog(turn, platform, place);
        }
        let failure = packet.failure();
        match failure.reason {
            Reason::Expired => turn.platforms.silent(turn.now.instant, platform),
            // It had it, and it has ended.
            Reason::Peer => {
                turn.platforms.answered(platform);
                seeking.ended = Some(failure);
            }
            Reason::NotFound => turn.platforms.answered(platform),
            _ => {}
        }
        if seeking.awaited == 0 {
            let none = || Failure::new(Reason::NotFound).with_detail("no such dialog");
            let failure = seeking.ended.take().unwrap_or_else(none);
            self.dialog_is_none(turn, failure);
        }
    }

    /// Sends who is to come there to the platform that has it.
    fn go_to_dialog(&mut self, turn: &mut Turn<'_>, platform: PlatformId, place: DialogPlace) {
        let Some(Joining::Seeking(seeking)) = self.joining.take().map(|joining| *joining) else { return };
        let Seeking { dialog, by, .. } = seeking;
        let switch = router::Address { platform, ..place.call.of_module() };
        let step = Step::AtDialog(Box::new(AtDialog { switch, sent: by.is_some(), dialog }));
        match by {
            Some(Transferor { leg, asked, transfer, .. }) => {
                self.transfer_begins(turn, leg, asked, transfer, Some(step));
            }
            None => {
                let search = self.search_anew().placed(step);
                self.search_begin(turn, search);
            }
        }
    }

    /// One step of a search: into the call that a dialog of another platform belongs to.
    pub(super) fn try_dialog(&mut self, turn: &mut Turn<'_>, there: AtDialog) -> bool {
        let name = turn.platforms.name(there.switch.platform);
        self.sought().destination = Some(name.as_str().into());
        let interface = self.interface_to_platforms();
        let Some(search) = &mut self.search else { return false };
        if self.config.cluster.is_none() {
            search.note(CauseKind::Unreachable.into());
            return false;
        }
        let called = search.called.clone();
        let AtDialog { switch, dialog, sent } = there;
        let placement = Some(Placement::Dialog { dialog, sent });
        let elsewhere = Elsewhere { switch, placement };
        let target = Whither::Elsewhere(Box::new(elsewhere));
        // Who rings there rings for as long as that platform lets it.
        let wanted = Wanted { target, peer: Peer::Platform(name), interface, called, timeout: None, charge: None };
        self.try_legs(turn, vec![wanted]);
        true
    }
}
