//! Somebody takes the place of a leg in this call, out of another one: the end of an attended transfer, and pick-up.
//!
//! | in whose place | who comes | what becomes of it |
//! |---|---|---|
//! | of B, who talks to C | A, whom B sends there | A ══ C; both legs of B are released (RFC 5589 §7) |
//! | of B, for whom C rings | A, whom B sends there | as a blind transfer to C that rings already: A and B go on until C answers |
//! | of B, who talks to C | P, who calls | P ══ C; B is released (RFC 3891 §3) |
//! | of C, who rings for D | P, who calls, or whom somebody sends | P answered it: D ══ P, the others stop ringing |
//!
//! Whom somebody sends from another platform comes as one who calls: A ‥ C in the second row, until C answers.
//!
//! The call that is named, the *host*, takes over the legs of the *guest*: what the legs send comes to the host from then on
//! (`Set × Handover`), and their ports come into its session with their sockets (`Open × MovedPort`), so that no peer is told anything
//! and no audio is missing, at whichever worker they are. Where that cannot be new ones are opened, and the peers are told by an
//! offer. The guest ends as transferred; its record names the conversation that followed.

mod handover;
mod place;
mod ports;

use super::asked::Asked;
use super::call::{Call, Far, refused};
use super::conversation::Conversation;
use super::dialog::{Seeking, Transferor};
use super::guarding::Charge;
use super::leg::{Leg, LegId};
use super::platform::Remote;
use super::purpose::Purpose;
use super::search::Stage;
use super::turn::Turn;
use router::parameter::{
    Behalf, Cause, CauseKind, Failure, GuestLeg, LegPhase, Origin, Parameter, Party, PortId, Reason, Transfer,
};
use router::{Address, Command, ModuleKind, Parameters, PlatformId, Transaction, one};

/// A call on its way to be joined with another.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a call has it in a box of its own")]
pub(super) enum Joining {
    /// The guest: the dialog is being looked for.
    Seeking(Seeking),
    /// The host: the legs are there, their ports not yet.
    Adopting(Adopting),
}

/// Legs that have come, and what they are to do here.
#[derive(Debug)]
pub(super) struct Adopting {
    place: Place,
    /// In whose place.
    replaced: LegId,
    /// Who comes.
    joined: LegId,
    /// Who sent it.
    by: Option<By>,
    /// The conversation that begins; a call that is picked up goes on as the same one.
    next: Option<Conversation>,
    /// Whether it came with its port; else its new one is to be told.
    with_port: bool,
    /// Whether an offer of ours to one of them was on its way.
    in_doubt: bool,
    /// It comes from a call of another switch, which is told what came of it.
    told: Option<Told>,
}

/// Whom it comes from, of another switch.
#[derive(Debug)]
struct Told {
    asked: Asked,
    guest: Box<GuestLeg>,
    /// Who sends it, where that one comes along.
    by: Option<Box<GuestLeg>>,
}

/// What the one who is replaced was doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// It talks.
    Talking,
    /// Somebody rings for it.
    Waiting,
    /// It rings itself.
    Ringing,
}

/// Who sent the one that comes.
#[derive(Debug)]
struct By {
    leg: LegId,
    asked: Asked,
    transfer: Transfer,
}

/// The dialog is none, or none that can be taken.
fn gone() -> Failure {
    Failure::new(Reason::NotFound).with_detail("no such dialog")
}

/// Whether it is the same one who asks: an account is whoever proves to be it, at whichever platform.
fn is_same(one: &Origin, other: &Origin) -> bool {
    let account = |origin: &Origin| origin.behalf() == Behalf::Account;
    one == other || (account(one) && account(other) && one.name() == other.name())
}

impl Call {
    /// Takes the legs of `guest` over, which seeks the dialog of the leg at `at`.
    pub(crate) fn join(&mut self, turn: &mut Turn<'_>, guest: &mut Self, at: Address) -> Result<(), Failure> {
        let Some(Joining::Seeking(seeking)) = guest.joining.as_deref() else { return Err(gone()) };
        let Some(replaced) = self.legs.at(at).filter(|&leg| !self.legs[leg].is_released()) else { return Err(gone()) };
        if self.has_ended() || guest.has_ended() {
            return Err(gone());
        }
        let place = self.place_of(replaced, seeking.dialog.early_only, seeking.is_sent())?;
        if !self.may_replace(&guest.seeks_as(seeking), replaced) {
            return Err(Failure::because(CauseKind::Forbidden.into()));
        }
        let comes = seeking.by.as_ref().map(|by| by.moved).or(guest.near).map(|leg| guest.legs[leg].address);
        self.is_another(replaced, comes)?;
        if !self.legs.has_room_for(2) {
            return Err(Failure::because(CauseKind::Congestion.into()));
        }
        let Some(Joining::Seeking(Seeking { by, .. })) = guest.joining.take().map(|joining| *joining) else {
            return Err(gone());
        };
        self.adopt_legs(turn, guest, by, place, replaced);
        Ok(())
    }

    /// Whoever called itself through another platform, and joins both ends: no telephone would be left, and two calls that hold each other
    /// up. Longer ways round are found once they are closed, see `circle`.
    fn is_another(&self, replaced: LegId, comes: Option<Address>) -> Result<(), Failure> {
        match self.other_side(replaced) {
            Far::Leg(other) if comes == Some(self.legs[other].address) => {
                Err(refused("both are legs of one call on another platform"))
            }
            _ => Ok(()),
        }
    }

    /// What is done by the one who is to be replaced; or why it cannot be (RFC 3891 §3).
    fn place_of(&self, replaced: LegId, early_only: bool, sent: bool) -> Result<Place, Failure> {
        let answered = self.legs[replaced].is_answered();
        if answered && early_only {
            return Err(Failure::because(CauseKind::Busy.into()));
        }
        let glare = || Failure::because(CauseKind::Glare.into());
        let opens = self.pending.iter().any(|(_, purpose)| matches!(purpose, Purpose::Open { .. }));
        if self.joining.is_some() || self.transferring.is_some() || self.origination.is_some() || opens {
            return Err(glare());
        }
        match (&self.search, self.other_side(replaced)) {
            (None, Far::Leg(other)) if answered && self.legs[other].is_answered() => Ok(Place::Talking),
            (None, Far::Service(_)) if answered => Ok(Place::Talking),
            (Some(search), _) if !answered && search.legs().contains(&replaced) => match search.stage {
                Stage::Ringing { .. } if search.waiting.is_some() => Ok(Place::Ringing),
                _ => Err(glare()),
            },
            (Some(search), _) if !answered && search.waiting == Some(replaced) => match sent {
                true => Ok(Place::Waiting),
                // An early dialog that its peer has begun is none that anybody else can take.
                false => Err(gone()),
            },
            _ => Err(glare()),
        }
    }

    /// Whether somebody may come in the place of a leg: on behalf of the same account or trunk, of another party to the call, or of
    /// who may pick up that one's calls.
    pub(super) fn may_replace(&self, by: &Origin, replaced: LegId) -> bool {
        let leg = &self.legs[replaced];
        *by == Origin::Control
            || is_same(&leg.origin(), by)
            || self.legs.iter().any(|party| !party.is_released() && is_same(&party.origin(), by))
            || (!leg.is_answered() && self.config.plan.may_pick_up(by, leg.peer.name()))
    }

    fn adopt_legs(
        &mut self,
        turn: &mut Turn<'_>,
        guest: &mut Self,
        by: Option<Transferor>,
        place: Place,
        replaced: LegId,
    ) {
        let sender = by.as_ref().map(|by| by.leg);
        let moved = by.as_ref().map(|by| by.moved).or(guest.near);
        let Some(moved) = moved else { return };
        let in_doubt = guest.exchange.is_some();
        for leg in [Some(moved), sender].into_iter().flatten() {
            guest.leave_exchange(turn, leg);
        }
        if guest.legs[moved].medium.address.is_some() {
            guest.ask_count(turn, moved, guest.conversation.number());
        }
        let origin = by.as_ref().map_or_else(|| guest.origin.clone(), |by| guest.legs[by.leg].origin());
        let (joined, port) = self.adopt(turn, guest, moved);
        let mut ports = vec![(joined, port)];
        let by = by.map(|Transferor { leg, asked, transfer, .. }| {
            let (leg, port) = self.adopt(turn, guest, leg);
            // Who is released at once needs none.
            if place == Place::Waiting {
                ports.push((leg, port));
            }
            By { leg, asked, transfer }
        });
        let target = match (place, self.other_side(replaced)) {
            (Place::Talking, Far::Leg(other)) => self.legs[other].party.clone(),
            _ => self.called.clone(),
        };
        // Who calls, and waits for who rings, does so in the place of the one who called first.
        let follows = place == Place::Talking || (place == Place::Waiting && by.is_some());
        let next = follows.then(|| {
            let parties = (origin, self.legs[joined].party.clone(), target.clone());
            let next = self.conversation_begins(turn, joined, parties);
            next.joined_from(guest.record_id(guest.conversation.number()))
        });
        let number = next.as_ref().map_or(self.conversation.number(), Conversation::number);
        let with_port = self.adopt_ports(turn, guest, &ports);
        tracing::info!(call = %self.id, with = %guest.id, "joined with another call");
        guest.handed_away(turn, sender, target, self.record_id(number));
        let adopting = Adopting { place, replaced, joined, by, next, with_port, in_doubt, told: None };
        self.joining = Some(Box::new(Joining::Adopting(adopting)));
    }

    /// Whether somebody is about to take the place of one who talks.
    pub(super) fn is_being_joined(&self) -> bool {
        matches!(self.joining.as_deref(), Some(Joining::Adopting(adopting)) if adopting.place == Place::Talking)
    }

    /// `Start × GuestLeg…`: a leg comes from a call of another switch.
    pub(super) fn guest_comes(&mut self, turn: &mut Turn<'_>, asked: Asked, guest: GuestLeg, more: Parameters) {
        let mut more = more.into_iter();
        let by = match (more.next(), more.next()) {
            (Some(Parameter::GuestLeg(by)), Some(Parameter::Transfer(transfer))) => Some((by, *transfer)),
            _ => None,
        };
        match self.take_guest(turn, &asked, &guest, by) {
            Ok(by) => {
                if let Some(Joining::Adopting(adopting)) = self.joining.as_deref_mut() {
                    adopting.told = Some(Told { asked, guest: Box::new(guest), by });
                }
            }
            Err(failure) => asked.failed(turn.outbox, failure),
        }
    }

    /// Takes it over. Who sends it, if that one comes along.
    fn take_guest(
        &mut self,
        turn: &mut Turn<'_>,
        asked: &Asked,
        guest: &GuestLeg,
        by: Option<(Box<GuestLeg>, Transfer)>,
    ) -> Result<Option<Box<GuestLeg>>, Failure> {
        let from = asked.source();
        if from.platform != PlatformId::HERE || from.module.kind != ModuleKind::Switch {
            return Err(refused("legs come from calls of this platform"));
        }
        let replaced = self.legs.at(guest.replaces).filter(|&leg| !self.legs[leg].is_released());
        let Some(replaced) = replaced.filter(|_| !self.has_ended()) else { return Err(gone()) };
        let place = self.place_of(replaced, guest.early_only, by.is_some() || guest.sent)?;
        if !self.may_replace(&guest.origin, replaced) {
            return Err(Failure::because(CauseKind::Forbidden.into()));
        }
        self.is_another(replaced, Some(guest.leg))?;
        if !self.legs.has_room_for(2) {
            return Err(Failure::because(CauseKind::Congestion.into()));
        }
        // Who sends it waits there with it for who rings; else that one is released where it is.
        let by = by.filter(|_| place == Place::Waiting);
        let joined = self.receive(turn, guest, from)?;
        let mut comers = vec![(joined, guest)];
        let mut sender = None;
        if let Some((by, transfer)) = &by {
            let leg = self.receive(turn, by, from)?;
            comers.push((leg, by));
            let asked = Asked::left(by.leg, Transaction(by.asked.unwrap_or_default()), Command::Start, self.own(turn));
            sender = Some(By { leg, asked, transfer: transfer.clone() });
        }
        let target = match (place, self.other_side(replaced)) {
            (Place::Talking, Far::Leg(other)) => self.legs[other].party.clone(),
            _ => self.called.clone(),
        };
        let follows = place == Place::Talking || (place == Place::Waiting && sender.is_some());
        let next = follows.then(|| {
            let parties = (guest.origin.clone(), guest.party.clone(), target);
            self.conversation_begins(turn, joined, parties).joined_from(guest.record.clone())
        });
        let with_port = self.adopt_foreign_ports(turn, &comers);
        let (in_doubt, told) = (false, None);
        let adopting = Adopting { place, replaced, joined, by: sender, next, with_port, in_doubt, told };
        self.joining = Some(Box::new(Joining::Adopting(adopting)));
        Ok(by.map(|(by, _)| by))
    }

    /// Its address, as a leg's request names it.
    fn own(&self, turn: &Turn<'_>) -> Address {
        turn.outbox.address().at(self.instance)
    }

    /// A leg of another switch's call is one of ours from now on.
    fn receive(&mut self, turn: &mut Turn<'_>, guest: &GuestLeg, from: Address) -> Result<LegId, Failure> {
        let id = self.legs.next_id().ok_or_else(|| Failure::because(CauseKind::Congestion.into()))?;
        let (own, platform) = (self.own(turn), guest.leg.platform);
        let remote = (platform != PlatformId::HERE).then(|| Remote::new(platform, turn.platforms));
        let charge = Charge::of_guest(&self.config.shards, guest);
        self.add_leg(Leg { charge, ..Leg::guest(id, guest, own, remote) });
        self.comes_unknown(id);
        self.minute_begins(turn, id);
        self.hand_over(turn, id, from, 1);
        self.audit_later(turn, id);
        Ok(id)
    }

    /// Tells the switch that a leg came from what came of it.
    fn tell_guest(&mut self, turn: &mut Turn<'_>, told: Option<Told>, result: Result<Party, &Cause>) {
        let Some(Told { asked, guest, by }) = told else { return };
        match result {
            Ok(party) => {
                self.tell_guest_of(turn, Some(Told { asked, guest, by }), party, self.conversation.number());
            }
            Err(cause) => asked.failed(turn.outbox, Failure::because(cause.clone())),
        }
    }

    /// The same, of a conversation that has yet to begin.
    fn tell_guest_of(&mut self, turn: &mut Turn<'_>, told: Option<Told>, party: Party, number: u32) {
        let Some(Told { asked, guest, by }) = told else { return };
        let mut came = one(GuestLeg { party, record: self.record_id(number), ..*guest });
        came.extend(by.map(|by| Parameter::from(*by)));
        asked.done(turn.outbox, came);
    }

    /// Takes one leg over; its number here, and the port that it had there.
    fn adopt(&mut self, turn: &mut Turn<'_>, guest: &mut Self, leg: LegId) -> (LegId, Option<PortId>) {
        let own = self.own(turn);
        guest.note_moved(turn, leg, own);
        let mut moved = guest.legs[leg].leave();
        let port = moved.medium.address.take().map(|_| leg.port());
        // Whether there is room was looked at before anything was moved.
        let id = self.legs.next_id().unwrap_or(leg);
        moved.id = id;
        self.add_leg(moved);
        self.comes_unknown(id);
        let from = turn.outbox.address().at(guest.instance);
        self.hand_over(turn, id, from, 1);
        self.audit_later(turn, id);
        (id, port)
    }

    fn take_adopting(&mut self) -> Option<Adopting> {
        match *self.joining.take()? {
            Joining::Adopting(adopting) => Some(adopting),
            seeking @ Joining::Seeking(_) => {
                self.joining = Some(Box::new(seeking));
                None
            }
        }
    }

    /// Nothing comes of it: whoever came is released, and the rest of the call is as it was.
    fn adoption_failed(&mut self, turn: &mut Turn<'_>, adopting: Adopting, cause: Cause) {
        let Adopting { place, joined, by, next, told, .. } = adopting;
        if place == Place::Talking {
            self.not_transferred = Some(Box::new(cause.clone()));
        }
        let lender = told.as_ref().map(|told| told.asked.source());
        self.tell_guest(turn, told, Err(&cause));
        if let Some(next) = next {
            self.conversation_failed(turn, next, cause.clone(), None);
        }
        if let Some(lender) = lender {
            // The call of the other switch takes them back, and answers what they ask.
            for leg in [Some(joined), by.map(|by| by.leg)].into_iter().flatten() {
                self.close_port(turn, leg);
                self.note_moved(turn, leg, lender);
                drop(self.legs[leg].leave());
            }
            return;
        }
        if let Some(asked) = self.legs[joined].asked.take() {
            self.legs[joined].phase = LegPhase::Released;
            asked.failed(turn.outbox, Failure::because(cause.clone()));
        }
        self.stop_leg(turn, joined, cause.clone());
        self.close_port(turn, joined);
        if let Some(By { leg, asked, .. }) = by {
            asked.failed(turn.outbox, Failure::because(cause.clone()));
            self.stop_leg(turn, leg, cause);
            self.close_port(turn, leg);
        }
    }

    /// The call ends meanwhile.
    pub(super) fn joining_ended(&mut self, turn: &mut Turn<'_>, cause: &Cause) {
        match self.joining.take().map(|joining| *joining) {
            Some(Joining::Seeking(Seeking { by: Some(by), .. })) => {
                by.asked.failed(turn.outbox, Failure::because(cause.clone()));
            }
            Some(Joining::Adopting(Adopting { by, next, told, .. })) => {
                let is_lent = told.is_some();
                self.tell_guest(turn, told, Err(cause));
                if let Some(next) = next {
                    self.conversation_failed(turn, next, cause.clone(), None);
                }
                if let Some(by) = by.filter(|_| !is_lent) {
                    by.asked.failed(turn.outbox, Failure::because(cause.clone()));
                }
            }
            Some(Joining::Seeking(_)) | None => {}
        }
    }

    /// A leg leaves while ports are moved. True: that was all there is to it.
    pub(super) fn left_while_adopting(&mut self, turn: &mut Turn<'_>, leg: LegId, cause: &Cause) -> bool {
        let Some(Joining::Adopting(adopting)) = self.joining.as_deref() else { return false };
        let (joined, by) = (adopting.joined, adopting.by.as_ref().map(|by| by.leg));
        if leg == joined {
            if let Some(adopting) = self.take_adopting() {
                self.adoption_failed(turn, adopting, cause.clone());
            }
            return true;
        }
        // Who is about to be released may go by itself; phones do as soon as they are told.
        by == Some(leg) || (leg == adopting.replaced && adopting.place != Place::Ringing)
    }

    /// This call's legs are another one's: it ends, and its record says what followed.
    pub(super) fn handed_away(&mut self, turn: &mut Turn<'_>, by: Option<LegId>, target: Party, record: String) {
        self.conversation.send_on(target, record);
        self.end(turn, CauseKind::Transferred.into(), by);
    }
}
