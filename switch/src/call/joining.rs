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

use super::asked::Asked;
use super::call::{Call, Far, refused};
use super::conversation::Conversation;
use super::dialog::{Join, Seeking, Transferor, Whom};
use super::guarding::Charge;
use super::leg::{Leg, LegId};
use super::platform::Remote;
use super::purpose::Purpose;
use super::renegotiation::Exchange;
use super::search::Stage;
use super::timers::Timer;
use super::transfer::Transferring;
use super::turn::Turn;
use crate::limits::{AUDIT_AGAIN, LEG_WITHIN, MEDIA_WITHIN, MOVED_LONGER, RELEASE_ATTEMPTS, STOP_WITHIN};
use crate::negotiation::Terms;
use router::parameter::{
    Behalf, Cause, CauseKind, Failure, GuestLeg, Handover, LegPhase, LegState, MediaExchange, MediaPort, MovedPort,
    Origin, Parameter, Party, PortId, Reason, Transfer,
};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, PlatformId, Transaction, one};

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
        let remote = (platform != PlatformId::HERE).then(|| Remote::new(platform, turn.platforms.name(platform)));
        let charge = Charge::of_guest(&self.config.shards, guest);
        self.add_leg(Leg { charge, ..Leg::guest(id, guest, own, remote) });
        self.comes_unknown(id);
        self.minute_begins(turn, id);
        self.hand_over(turn, id, from, 1);
        self.audit_later(turn, id);
        Ok(id)
    }

    /// Has their ports brought here from that call's session; false: they have none, and get some.
    fn adopt_foreign_ports(&mut self, turn: &mut Turn<'_>, comers: &[(LegId, &GuestLeg)]) -> bool {
        let legs: Vec<LegId> = comers.iter().map(|&(leg, _)| leg).collect();
        let moved = |&(leg, guest): &(LegId, &GuestLeg)| {
            Some(MovedPort { port: leg.port(), session: guest.session?, from: guest.port? })
        };
        let moved: Option<Vec<_>> = comers.iter().map(moved).collect();
        let Some(moved) = moved else {
            self.open_adopted(turn, legs);
            return false;
        };
        let session = moved.first().map_or_else(|| self.worker_or_any(), |port| port.session.at(self.instance));
        let worker = self.worker().unwrap_or(session);
        self.settle_at(worker);
        let moved: Parameters = moved.into_iter().map(Parameter::from).collect();
        let purpose = Purpose::Adopt { legs, moved: true, guest: None };
        self.request(turn, worker, Command::Open, moved, MEDIA_WITHIN, purpose);
        true
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

    /// A leg goes to another call: what comes for it here is that one's, until its platform has heard.
    pub(super) fn note_moved(&self, turn: &mut Turn<'_>, leg: LegId, to: Address) {
        if self.legs[leg].remote.is_some() {
            let until = turn.now.instant + self.grace() + MOVED_LONGER;
            turn.moved.note(self.instance, self.legs[leg].address, to, until);
        }
    }

    pub(super) fn hand_over(&mut self, turn: &mut Turn<'_>, leg: LegId, from: Address, attempt: u8) {
        let (address, noun) = (self.legs[leg].address, one(Handover { from, call_id: self.id.clone() }));
        self.request(turn, address, Command::Set, noun, STOP_WITHIN, Purpose::Handover { leg, from, attempt });
    }

    /// The leg knows whose it is; or it has ended meanwhile.
    pub(super) fn handed_over(&mut self, turn: &mut Turn<'_>, leg: LegId, from: Address, attempt: u8, packet: &Packet) {
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
    pub(super) fn hand_over_again(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        let from = self.legs[leg].remote.as_mut().and_then(|remote| remote.handing.take());
        if let Some(from) = from.filter(|_| !self.legs[leg].is_released()) {
            self.cancel_timer(turn, Timer::Handover(leg));
            self.hand_over(turn, leg, from, 1);
        }
    }

    /// Has the ports brought into this session; true if they can be. Else new ones are opened.
    fn adopt_ports(&mut self, turn: &mut Turn<'_>, guest: &mut Self, ports: &[(LegId, Option<PortId>)]) -> bool {
        let (own, theirs) = (self.worker(), guest.worker());
        let legs: Vec<_> = ports.iter().map(|&(leg, _)| leg).collect();
        let Some(worker) = theirs.filter(|_| ports.iter().all(|(_, port)| port.is_some())) else {
            self.open_adopted(turn, legs);
            return false;
        };
        let worker = own.unwrap_or(worker.at(self.instance));
        self.settle_at(worker);
        let moved: Parameters = ports
            .iter()
            .filter_map(|&(leg, port)| {
                Some(MovedPort { port: leg.port(), session: theirs?.at(guest.instance), from: port? }.into())
            })
            .collect();
        // What is closed at the other worker is gone before anybody could ask it there for a port.
        let guest_waits = own.is_some_and(|own| theirs.is_some_and(|theirs| own.module != theirs.module));
        guest.keep_session(guest_waits);
        let purpose = Purpose::Adopt { legs, moved: true, guest: guest_waits.then_some(guest.instance) };
        self.request(turn, worker, Command::Open, moved, MEDIA_WITHIN, purpose);
        true
    }

    /// Opens new ports for legs that have come without theirs.
    fn open_adopted(&mut self, turn: &mut Turn<'_>, legs: Vec<LegId>) {
        let worker = self.worker_or_any();
        let ports: Parameters = legs
            .iter()
            .map(|&leg| {
                let (interface, components_served) = (self.legs[leg].interface, self.components_served(leg));
                let port = leg.port();
                MediaPort { port, interface, address: None, urgent: false, components_served, served: None }.into()
            })
            .collect();
        self.request(
            turn,
            worker,
            Command::Open,
            ports,
            MEDIA_WITHIN,
            Purpose::Adopt { legs, moved: false, guest: None },
        );
    }

    /// The ports are there, or are not.
    pub(super) fn adopted(
        &mut self,
        turn: &mut Turn<'_>,
        legs: Vec<LegId>,
        moved: bool,
        guest: Option<Instance>,
        packet: Packet,
    ) {
        self.note_ports(&packet);
        if let Some(guest) = guest {
            turn.joins.push(Join { guest, whom: Whom::Released });
        }
        if self.has_ended() {
            return self.close_session(turn, 1);
        }
        for &leg in &legs {
            if self.legs[leg].is_released() {
                self.close_port(turn, leg);
            }
        }
        let Some(mut adopting) = self.take_adopting() else { return };
        let all = legs.iter().all(|&leg| self.legs[leg].is_released() || self.legs[leg].medium.address.is_some());
        if packet.command != Command::Done || !all {
            if moved {
                adopting.with_port = false;
                self.joining = Some(Box::new(Joining::Adopting(adopting)));
                return self.open_adopted(turn, legs);
            }
            return self.adoption_failed(turn, adopting, CauseKind::Congestion.into());
        }
        let invited = self.legs[adopting.joined].asked.is_some();
        match adopting.place {
            Place::Talking => self.takes_part(turn, adopting),
            // Who rang has answered meanwhile.
            Place::Waiting if self.search.is_none() && self.legs[adopting.replaced].is_answered() => {
                self.takes_part_after_all(turn, adopting);
            }
            Place::Waiting if invited => self.waits_instead(turn, adopting),
            Place::Waiting => self.waits_in_place(turn, adopting),
            Place::Ringing => self.picks_up(turn, adopting),
        }
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

    /// What the one who comes is told where it called: by what the other side gives. `None`: they have no sound in common.
    fn reply_to(&mut self, joined: LegId, terms: &Terms) -> Option<MediaExchange> {
        if self.legs[joined].medium.asked().is_some() {
            return self.answer_by(joined, terms).map(MediaExchange::Answer);
        }
        let terms = self.widened(joined, terms.clone());
        self.legs[joined].medium.offer(&terms).map(MediaExchange::Offer)
    }

    /// Answers who called to come here.
    fn admit(&mut self, turn: &mut Turn<'_>, joined: LegId, state: LegState) {
        let leg = &mut self.legs[joined];
        leg.phase = LegPhase::Answered;
        leg.medium.forget_asked();
        if let Some(asked) = leg.asked.take() {
            asked.done(turn.outbox, one(state));
        }
    }

    /// In the place of one who talks.
    fn takes_part(&mut self, turn: &mut Turn<'_>, adopting: Adopting) {
        let (joined, replaced, other) = (adopting.joined, adopting.replaced, self.other_side(adopting.replaced));
        let invited = self.legs[joined].asked.is_some();
        let mut reply = None;
        if invited {
            let (terms, party) = match other {
                Far::Leg(other) => {
                    let terms = self.legs[other].medium.agreement().map(|agreed| agreed.terms());
                    (terms, self.shown_to(joined, other))
                }
                Far::Service(_) => (Some(Terms::of_codecs(self.services_for(joined))), None),
                Far::Nobody => (None, None),
            };
            let Some(media) = terms.and_then(|terms| self.reply_to(joined, &terms)) else {
                return self.adoption_failed(turn, adopting, CauseKind::IncompatibleMedia.into());
            };
            reply = Some(LegState { party, ..LegState::new(LegPhase::Answered).with_media(Some(media)) });
        }
        let Adopting { by, next, with_port, in_doubt, told, .. } = adopting;
        let Some(next) = next else { return };
        let (number, stays) = (self.conversation.number(), if let Far::Leg(leg) = other { Some(leg) } else { None });
        let next = next.with_callee(stays, stays.map(|leg| self.legs[leg].peer.name().into()));
        self.conversation_left(turn, CauseKind::Transferred.into(), replaced, stays);
        if with_port {
            self.ask_count(turn, joined, number);
        }
        let party = self.legs[joined].party.clone();
        self.conversation_follows(turn, CauseKind::Transferred.into(), party, next);
        self.leave_exchange(turn, replaced);
        let party = stays.map_or_else(|| self.called.clone(), |leg| self.legs[leg].party.clone());
        self.tell_guest(turn, told, Ok(party));
        if let Some(By { leg, asked, transfer }) = by {
            asked.done(turn.outbox, one(Transfer { phase: LegPhase::Answered, ..transfer }));
            self.stop_leg(turn, leg, CauseKind::Transferred.into());
        }
        self.part(turn);
        self.stop_and_drop(turn, replaced, CauseKind::Transferred.into());
        (self.near, self.far) = (Some(joined), other);
        let offered = reply.as_ref().is_some_and(|state| matches!(state.media, Some(MediaExchange::Offer(_))));
        if let Some(state) = reply {
            self.admit(turn, joined, state);
        }
        self.connect(turn);
        self.introduce(turn);
        if offered {
            self.exchange = Some(Exchange::Answering { leg: joined, deliver_to: None });
            self.set_timer(turn, Timer::Answer, LEG_WITHIN);
        } else if in_doubt {
            self.align_anyway(turn, joined);
        } else {
            self.align_afresh(turn, joined);
        }
        if let (Some(stays), None) = (stays, &self.exchange) {
            // Nothing was to be said to the one who came: maybe to the one who stays.
            self.align_afresh(turn, stays);
        }
        self.complete_former(turn);
        self.look_round(turn);
    }

    /// In the place of one who has begun to talk since it was looked at.
    fn takes_part_after_all(&mut self, turn: &mut Turn<'_>, mut adopting: Adopting) {
        if adopting.next.is_none() {
            let (joined, replaced) = (adopting.joined, adopting.replaced);
            let called = match self.other_side(replaced) {
                Far::Leg(other) => self.legs[other].party.clone(),
                _ => self.called.clone(),
            };
            let parties = (self.legs[joined].origin(), self.legs[joined].party.clone(), called);
            adopting.next = Some(self.conversation_begins(turn, joined, parties));
        }
        self.takes_part(turn, adopting);
    }

    /// In the place of one for whom somebody rings: as if it had called itself.
    fn waits_instead(&mut self, turn: &mut Turn<'_>, adopting: Adopting) {
        let Adopting { joined, replaced, told, .. } = adopting;
        let called = self.called.clone();
        self.tell_guest(turn, told, Ok(called.clone()));
        self.waits(turn, joined, replaced);
        self.far = Far::Nobody;
        let (origin, caller) = (self.legs[joined].origin(), self.legs[joined].party.clone());
        self.conversation.taken_over_by(joined, origin, caller, called.clone());
        let rings = self.rings();
        let leg = &mut self.legs[joined];
        if let Some(asked) = leg.asked.as_ref().filter(|_| rings) {
            leg.told = LegPhase::Ringing;
            let party = leg.remote.is_some().then_some(called);
            asked.progress(turn.outbox, one(LegState { party, ..LegState::new(LegPhase::Ringing) }));
        }
    }

    /// Who is at a leg, as the one is told who comes to talk to it: another platform has named a dialog alone, and does not know.
    fn shown_to(&self, joined: LegId, other: LegId) -> Option<Party> {
        let leg = &self.legs[other];
        let known = self.legs[joined].remote.is_some() && leg.verified;
        leg.stated().or_else(|| known.then(|| leg.party.clone()))
    }

    /// Whether anybody rings whom the search has found.
    fn rings(&self) -> bool {
        let rings = |&leg: &LegId| matches!(self.legs[leg].phase, LegPhase::Ringing | LegPhase::Early);
        self.search.as_ref().is_some_and(|search| search.legs().iter().any(rings))
    }

    /// One leg waits for who rings in the place of another, which is released.
    fn waits(&mut self, turn: &mut Turn<'_>, joined: LegId, replaced: LegId) {
        let (caller, verified) = (self.legs[joined].party.clone(), self.legs[joined].verified);
        if let Some(search) = &mut self.search {
            search.waiting = Some(joined);
            (search.caller, search.verified) = (caller, verified);
        }
        self.legs[replaced].phase = LegPhase::Released;
        if let Some(asked) = self.legs[replaced].asked.take() {
            asked.failed(turn.outbox, Failure::because(CauseKind::Cancelled.into()));
        }
        if self.early.take().is_some() {
            self.part(turn);
        }
        self.close_port(turn, replaced);
        self.near = Some(joined);
    }

    /// In the place of one for whom somebody rings: from here on it is a transfer to who rings.
    fn waits_in_place(&mut self, turn: &mut Turn<'_>, adopting: Adopting) {
        let (joined, replaced) = (adopting.joined, adopting.replaced);
        let Adopting { by: Some(By { leg: by, asked, transfer }), next: Some(next), with_port, in_doubt, told, .. } =
            adopting
        else {
            return;
        };
        self.tell_guest_of(turn, told, self.called.clone(), next.number());
        self.waits(turn, joined, replaced);
        self.far = if self.legs[by].is_released() { Far::Nobody } else { Far::Leg(by) };
        self.answered = Some(turn.now);
        self.conversation_left(turn, CauseKind::Transferred.into(), replaced, None);
        let transfer = Transfer { target: self.called.clone(), ..transfer };
        asked.progress(turn.outbox, one(transfer.clone()));
        // The two have talked to each other before, in the call that they come from.
        [joined, by].into_iter().for_each(|leg| self.comes_known(leg));
        self.transferring = Some(Transferring { asked: Some(asked), by, moved: joined, transfer, next });
        self.connect(turn);
        if in_doubt || !with_port {
            self.align_anyway(turn, joined);
        }
        if self.rings() {
            self.transfer_progressed(turn, LegPhase::Ringing);
        }
    }

    /// A transfer to who rang already has come to nothing: the two who were to be parted begin a conversation of their own here.
    pub(super) fn conversation_resumes(&mut self, turn: &mut Turn<'_>, by: LegId, moved: LegId) {
        if self.conversation.closed.is_none() {
            return;
        }
        let (origin, party) = (self.legs[by].origin(), self.legs[by].party.clone());
        let parties = (origin, self.legs[moved].party.clone(), party.clone());
        let name = self.legs[by].peer.name().to_owned();
        let next = self.conversation_begins(turn, moved, parties).with_callee(Some(by), Some(name.into()));
        self.conversation_follows(turn, CauseKind::Transferred.into(), party, next);
        self.complete_former(turn);
    }

    /// In the place of one who rings: it is answered.
    fn picks_up(&mut self, turn: &mut Turn<'_>, adopting: Adopting) {
        let joined = adopting.joined;
        let Some(waiting) = self.search.as_ref().and_then(|search| search.waiting) else {
            return self.adoption_failed(turn, adopting, CauseKind::AnsweredElsewhere.into());
        };
        let mut state = LegState { party: self.legs[waiting].stated(), ..LegState::new(LegPhase::Answered) };
        let invited = self.legs[joined].asked.is_some();
        if invited {
            let agreed = self.legs[waiting].medium.agreement().map(|agreement| agreement.terms());
            let terms = agreed.or_else(|| self.legs[waiting].medium.asked_terms());
            // Who calls without an offer, for one who waits for an answer: neither can be told anything before the other.
            let described = self.legs[joined].medium.asked().is_some();
            state.media = terms.filter(|_| described).and_then(|terms| self.reply_to(joined, &terms));
        }
        let reply = match self.legs[waiting].is_answered() {
            _ if invited && state.media.is_none() => None,
            true => Some(None),
            false => self.reply(waiting, joined).map(Some),
        };
        let Some(reply) = reply else {
            return self.adoption_failed(turn, adopting, CauseKind::IncompatibleMedia.into());
        };
        if invited {
            self.admit(turn, joined, state);
        }
        let party = self.legs[waiting].party.clone();
        self.tell_guest(turn, adopting.told, Ok(party));
        if let Some(By { leg, asked, transfer }) = adopting.by {
            asked.done(turn.outbox, one(Transfer { phase: LegPhase::Answered, ..transfer }));
            self.stop_leg(turn, leg, CauseKind::Transferred.into());
        }
        tracing::info!(call = %self.id, "picked up");
        self.leg_won(turn, Some(waiting), joined, reply);
        self.introduce(turn);
        if !invited {
            self.align_afresh(turn, joined);
        }
    }

    /// This call's legs are another one's: it ends, and its record says what followed.
    pub(super) fn handed_away(&mut self, turn: &mut Turn<'_>, by: Option<LegId>, target: Party, record: String) {
        self.conversation.send_on(target, record);
        self.end(turn, CauseKind::Transferred.into(), by);
    }

    /// `Set × Handover` of another platform's: a leg that is there belongs to another call of that one's.
    pub(super) fn leg_handed_over(&mut self, turn: &mut Turn<'_>, asked: Asked, from: Address) {
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
