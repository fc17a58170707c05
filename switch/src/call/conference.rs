//! A seat in a conference, which a worker has: somebody calls it as any service, or a call becomes one as somebody joins it (RFC 3911).
//!
//! ```text
//!   called        port at the conference's worker (opened, or moved there) ─▶ seat ─▶ answered: from then on a service like another
//!   becomes one   A ══ B in one call  ─▶  A in that call, B in one of its own, both with a seat; the worker and the ports stay
//! ```
//! Who joins calls by itself (INVITE with Join), or is sent there by whom it talks to (REFER to an address with Join).
//! The seat is taken before the call is answered: who finds all taken hears that it is busy.

use super::asked::Asked;
use super::builtin::service_name;
use super::call::{Beginning, Call, Far, refused};
use super::conversation::Conversation;
use super::dialog::{Join, Transferor, Whom};
use super::joining::Joining;
use super::leg::LegId;
use super::purpose::Purpose;
use super::search::{Search, Stage};
use super::session::Joined;
use super::turn::Turn;
use crate::config::Config;
use crate::limits::{GUEST_WITHIN, MEDIA_WITHIN};
use crate::plan::Step;
use router::parameter::{
    Builtin, BuiltinKind, CauseKind, ConferenceName, Conversion, DialogPlace, Failure, MovedPort, Parameter, Party,
    Reason, Transfer,
};
use router::time::WallTime;
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, PlatformId, one};
use std::sync::Arc;

impl Call {
    /// Brings the port of the leg that waits to where the conference is. False: it cannot be brought there.
    pub(super) fn come_to(&mut self, turn: &mut Turn<'_>, waiting: LegId, name: ConferenceName) -> bool {
        let worker = name.worker(self.config.media_workers);
        let worker = Address::local(ModuleKind::Voice, worker).at(self.instance);
        let open = self.legs[waiting].medium.address.is_some();
        match self.worker() {
            Some(at) if at.module != worker.module && !open => {
                if let Some(search) = &mut self.search {
                    search.note(CauseKind::Congestion.into());
                }
                return false;
            }
            Some(at) if at.module != worker.module => {
                let moved = MovedPort { port: waiting.port(), session: at, from: waiting.port() };
                let purpose = Purpose::Move { leg: waiting, from: Some(at) };
                self.request(turn, worker, Command::Open, one(moved), MEDIA_WITHIN, purpose);
            }
            Some(_) if open => self.seat_wanted(turn, waiting, name),
            Some(_) => self.open_ports(turn, Vec::new()),
            None => {
                self.settle_at(worker);
                self.open_ports(turn, Vec::new());
            }
        }
        true
    }

    /// The port has come to another worker, or has not.
    pub(super) fn port_moved(&mut self, turn: &mut Turn<'_>, leg: LegId, from: Option<Address>, packet: &Packet) {
        self.note_ports(packet);
        if packet.command == Command::Done
            && let Some(from) = from
        {
            // Whoever else had a port there is about to be released.
            let others: Vec<_> = self.legs.iter().map(|other| other.id).filter(|&other| other != leg).collect();
            for other in others {
                self.legs[other].medium.address = None;
            }
            self.request(turn, from, Command::Close, Parameters::new(), MEDIA_WITHIN, Purpose::ClosePort(leg));
        }
        if self.has_ended() {
            return self.close_session(turn, 1);
        }
        match (packet.command, from, self.conference_sought()) {
            (Command::Done, Some(_), Some(name)) => self.seat_wanted(turn, leg, name),
            (Command::Done, ..) => {}
            (_, Some(_), Some(_)) => {
                if let Some(search) = &mut self.search {
                    search.note(CauseKind::Congestion.into());
                }
                self.search_on(turn);
            }
            (_, Some(_), None) => {}
            (_, None, _) => self.end(turn, CauseKind::Congestion.into(), None),
        }
    }

    /// The index of the worker that has its ports.
    pub(crate) fn worker_index(&self) -> u8 {
        self.worker().and_then(|worker| worker.module.index).unwrap_or(0)
    }

    /// The conference that the search is about to reach.
    fn conference_sought(&self) -> Option<ConferenceName> {
        match self.search.as_ref()?.stage {
            Stage::Opening { service: Some(BuiltinKind::Conference(name)), .. } => Some(name),
            _ => None,
        }
    }

    /// Whether a leg has its seat, as the worker has said.
    pub(super) fn has_seat(&self, leg: LegId, kind: BuiltinKind) -> bool {
        self.joined() == Some(Joined::Service(leg, kind))
    }

    /// Asks for a seat. The leg may be answered with nothing agreed yet: what it hears follows with its plan.
    pub(super) fn seat_wanted(&mut self, turn: &mut Turn<'_>, leg: LegId, name: ConferenceName) {
        let Some(worker) = self.worker() else { return };
        self.part(turn);
        let seat = Builtin { port: leg.port(), kind: BuiltinKind::Conference(name) };
        self.request(turn, worker, Command::Start, one(seat), MEDIA_WITHIN, Purpose::Seat { leg, name });
    }

    /// There is a seat, or there is none.
    pub(super) fn seated(&mut self, turn: &mut Turn<'_>, leg: LegId, name: ConferenceName, packet: &Packet) {
        if self.has_ended() {
            return;
        }
        let (kind, sought) = (BuiltinKind::Conference(name), self.conference_sought());
        let waits = self.search.as_ref().is_some_and(|search| search.waiting == Some(leg));
        match (packet.command, sought) {
            (Command::Done, sought) => {
                self.note_joined(Joined::Service(leg, kind));
                match sought {
                    Some(sought) if sought == name && waits => self.service_ready(turn, kind),
                    // It is not wanted any more.
                    _ => self.part(turn),
                }
            }
            (_, Some(_)) => {
                let cause = match packet.failure().reason {
                    Reason::Exhausted => CauseKind::Busy,
                    _ => CauseKind::Congestion,
                };
                if let Some(search) = &mut self.search {
                    search.note(cause.into());
                }
                self.search_on(turn);
            }
            (_, None) => {}
        }
    }

    /// The dialog that was to be joined is of that call: it is asked to become a conference.
    pub(super) fn ask_conversion(&mut self, turn: &mut Turn<'_>, place: DialogPlace) {
        let Some(Joining::Seeking(seeking)) = self.joining.as_deref() else { return };
        let wanted = Conversion { leg: Some(place.leg), origin: self.seeks_as(seeking), name: None };
        self.request(turn, place.call, Command::Start, one(wanted), GUEST_WITHIN, Purpose::Conversion);
    }

    /// Whether the number that was called is a conference's.
    pub(super) fn calls_conference(&self, now: WallTime) -> bool {
        let routed = self.config.plan.route(self.called.user(), &self.origin, now);
        let first = routed.as_ref().and_then(|routed| routed.steps.front());
        matches!(first, Some(Step::Service(BuiltinKind::Conference(_))))
    }

    /// No such dialog; but a conference was called, which is as good (RFC 3911 §4).
    pub(super) fn call_instead(&mut self, turn: &mut Turn<'_>) {
        self.joining = None;
        let search = self.search_anew();
        self.search_begin(turn, search);
    }

    pub(super) fn search_anew(&self) -> Search {
        let verified = self.near.is_some_and(|near| self.legs[near].verified);
        Search::new(self.near, self.origin.clone(), self.caller.clone(), self.anonymous, self.called.clone())
            .verified(verified)
    }

    /// It has become one, and who called goes there; or it has not.
    pub(super) fn conversion_answered(&mut self, turn: &mut Turn<'_>, packet: &Packet) {
        if self.has_ended() || !matches!(self.joining.as_deref(), Some(Joining::Seeking(_))) {
            return;
        }
        let name = match packet.first() {
            Some(Parameter::Conversion(converted)) if packet.command == Command::Done => converted.name,
            _ => None,
        };
        let Some(name) = name else { return self.seeking_failed(turn, packet.failure()) };
        let by = match self.joining.take().map(|joining| *joining) {
            Some(Joining::Seeking(seeking)) => seeking.by,
            _ => None,
        };
        if let Some(Transferor { leg, asked, transfer, .. }) = by {
            // Whoever is sent there goes as it would to any service, and who sends it is released once it has its seat.
            let transfer = Transfer { target: Party::new(name.as_str(), ""), ..transfer };
            return self.transfer_begins(
                turn,
                leg,
                asked,
                transfer,
                Some(Step::Service(BuiltinKind::Conference(name))),
            );
        }
        let search = self.search_anew().placed(Step::Service(BuiltinKind::Conference(name)));
        self.search_begin(turn, search);
    }

    /// `Start × Conversion` of another call of the platform.
    pub(super) fn conversion_asked(&mut self, turn: &mut Turn<'_>, asked: Asked, wanted: Conversion) {
        let from = asked.source();
        if from.platform != PlatformId::HERE || from.module.kind != ModuleKind::Switch {
            return asked.failed(turn.outbox, refused("calls of this platform are joined"));
        }
        self.conversion_wanted(turn, asked, wanted);
    }

    /// This call is to become a conference.
    pub(crate) fn conversion_wanted(&mut self, turn: &mut Turn<'_>, asked: Asked, wanted: Conversion) {
        match self.may_convert(&wanted) {
            Ok(Some(name)) => asked.done(turn.outbox, one(Conversion { name: Some(name), ..wanted })),
            Ok(None) => {
                let whom = Whom::Apart { asked, wanted };
                turn.joins.push(Join { guest: self.instance, whom });
            }
            Err(failure) => asked.failed(turn.outbox, failure),
        }
    }

    /// The conference that the call is in already, or `None`: it can become one. Or why it cannot (RFC 3911 §4).
    pub(crate) fn may_convert(&self, wanted: &Conversion) -> Result<Option<ConferenceName>, Failure> {
        let because = |kind: CauseKind| Err(Failure::because(kind.into()));
        let leg = match wanted.leg {
            Some(at) => self.legs.at(at),
            None => self.near,
        };
        let Some(leg) = leg else { return Err(Failure::new(Reason::NotFound).with_detail("no such dialog")) };
        if self.has_ended() || self.legs[leg].is_released() {
            return because(CauseKind::Declined);
        }
        if !self.may_replace(&wanted.origin, leg) {
            return because(CauseKind::Forbidden);
        }
        // Before the answer there is nothing to be mixed.
        if !self.legs[leg].is_answered() {
            return because(CauseKind::IncompatibleMedia);
        }
        let opens = self.pending.iter().any(|(_, purpose)| {
            matches!(
                purpose,
                Purpose::Open { .. } | Purpose::Adopt { .. } | Purpose::Move { .. } | Purpose::Seat { .. }
            )
        });
        let busy = self.search.is_some() || self.origination.is_some() || self.transferring.is_some();
        if busy || opens || self.joining.is_some() || self.exchange.is_some() {
            return because(CauseKind::Glare);
        }
        let (Some(near), Some(_)) = (self.near, self.worker()) else { return because(CauseKind::Glare) };
        let speaks = |leg: LegId| self.config.services.share(self.legs[leg].medium.capabilities());
        match self.far {
            Far::Service(BuiltinKind::Conference(name)) => Ok(Some(name)),
            Far::Leg(far) if !self.legs[far].is_answered() || !self.legs[near].is_answered() => {
                because(CauseKind::Glare)
            }
            Far::Leg(far) if speaks(near) && speaks(far) => {
                let here = |name: ConferenceName| name.worker(self.config.media_workers) == self.worker_index();
                match wanted.name {
                    Some(name) if !here(name) => {
                        Err(refused("that conference is at another media worker than the call"))
                    }
                    _ => Ok(None),
                }
            }
            // Nobody mixes what they speak, or there is nobody to be mixed.
            Far::Leg(_) | Far::Service(_) => because(CauseKind::IncompatibleMedia),
            Far::Nobody => because(CauseKind::Glare),
        }
    }

    /// The call of the far leg of `host`, which becomes a conference of that name: one member each. Both know who is there by whom they
    /// talked to.
    pub(crate) fn apart(
        turn: &mut Turn<'_>,
        config: Arc<Config>,
        instance: Instance,
        host: &mut Self,
        name: ConferenceName,
    ) -> Option<Self> {
        let (Some(near), Far::Leg(far), Some(worker)) = (host.near, host.far, host.worker()) else { return None };
        let kind = BuiltinKind::Conference(name);
        let number = host.conversation.number();
        host.ask_count(turn, far, number);
        let apart = turn.outbox.address().at(instance);
        host.note_moved(turn, far, apart);
        let mut leg = host.legs[far].leave();
        let party = Party::new(name.as_str(), "");
        let beginning = Beginning {
            instance,
            id: format!("{:016x}{:016x}", turn.random.next_u64(), turn.random.next_u64()),
            origin: leg.origin(),
            caller: leg.party.clone(),
            anonymous: false,
            called: party.clone(),
            hops: host.hops,
            path: host.path.clone(),
        };
        tracing::info!(call = %host.id, conference = host.shown(name.as_str()), member = %beginning.id, "becomes a conference");
        host.becomes_member(turn, (near, far), kind, party);
        let mut call = Self::new(turn, config, beginning);
        leg.id = LegId(0);
        let leg = call.add_leg(leg);
        call.comes_unknown(leg);
        call.near = Some(leg);
        call.far = Far::Service(kind);
        call.conversation = Conversation::first(turn.now.wall).joined_from(host.record_id(number));
        call.conversation.caller = Some(leg);
        call.conversation.destination = Some(service_name(kind).as_ref().into());
        turn.counters.started += 1;
        call.record_begun(turn);
        call.log_started();
        let (here, from) = (worker.at(instance), turn.outbox.address().at(host.instance));
        call.settle_at(here);
        let moved = MovedPort { port: leg.port(), session: worker.at(host.instance), from: far.port() };
        let purpose = Purpose::Move { leg, from: None };
        call.request(turn, here, Command::Open, one(moved), MEDIA_WITHIN, purpose);
        // What it has counted so far is the other call's.
        call.ask_count(turn, leg, 0);
        call.call_answered(turn);
        call.connect(turn);
        call.hand_over(turn, leg, from, 1);
        call.audit_later(turn, leg);
        call.align_afresh(turn, leg);
        call.publish(turn, None);
        Some(call)
    }

    /// The near leg alone is this call's from now on, as a member.
    fn becomes_member(&mut self, turn: &mut Turn<'_>, (near, far): (LegId, LegId), kind: BuiltinKind, party: Party) {
        let parties = (self.legs[near].origin(), self.legs[near].party.clone(), party.clone());
        let next = self.conversation_begins(turn, near, parties);
        let next = next.with_callee(None, Some(service_name(kind).as_ref().into()));
        self.conversation_left(turn, CauseKind::Transferred.into(), far, [near]);
        // Neither of the two ended it.
        if let Some(closed) = &mut self.conversation.closed {
            closed.by_caller = None;
        }
        self.conversation_follows(turn, CauseKind::Transferred.into(), party, next);
        self.part(turn);
        self.far = Far::Service(kind);
        self.connect(turn);
        self.align_afresh(turn, near);
        self.complete_former(turn);
    }
}
