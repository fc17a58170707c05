//! The call itself: what it consists of, and who is asked about what.

use super::alignment::Alignment;
use super::asked::Asked;
use super::conversation::Conversation;
use super::guarding::Guarded;
use super::joining::Joining;
use super::keys::Keys;
use super::leg::{Leg, LegId, Legs, Peer};
use super::originate::Origination;
use super::purpose::Purpose;
use super::release::Ended;
use super::renegotiation::Exchange;
use super::search::Search;
use super::session::Session;
use super::timers::Timer;
use super::transfer::Transferring;
use super::turn::Turn;
use crate::config::Config;
use router::parameter::{
    BuiltinKind, CallPhase, CallerVerdict, Cause, Dialog, Failure, Origin, Parameter, Party, Reason,
};
use router::time::{Duration, Now, TimerKey};
use router::{Address, Command, Instance, Packet, Parameters, PlatformId, Transaction};
use std::sync::Arc;

/// What is at the other side of the near leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Far {
    /// Nobody yet, or nobody any more.
    Nobody,
    /// A leg.
    Leg(LegId),
    /// A service of the media worker.
    Service(BuiltinKind),
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(super) instance: Instance,
    /// The common id.
    pub(super) id: String,
    pub(super) origin: Origin,
    pub(super) caller: Party,
    pub(super) anonymous: bool,
    pub(super) called: Party,
    /// What was found of the signature that its first leg came with.
    pub(super) verdict: Option<Box<CallerVerdict>>,
    /// Max-Forwards for outgoing legs.
    pub(super) hops: u8,
    /// The platforms that it has passed before this one.
    pub(super) path: Vec<PlatformId>,
    /// Those that have a call under its id from here.
    pub(super) called_elsewhere: Vec<PlatformId>,
    /// As it was when the call began.
    pub(super) config: Arc<Config>,

    pub(super) started: Now,
    pub(super) answered: Option<Now>,
    /// Between those who talk now, or are to.
    pub(super) conversation: Conversation,
    /// Those before it whose record is not complete, since what their ports counted is not known.
    pub(super) former: Vec<Conversation>,
    /// How many have begun.
    pub(super) conversations: u32,
    pub(super) ended: Option<Ended>,
    /// The phase that subscribers know.
    pub(super) told: (CallPhase, Far, usize),
    /// Why a transfer has come to nothing, until they are told.
    pub(super) not_transferred: Option<Box<Cause>>,

    /// Those on whose behalf it is made, as far as they have guards.
    pub(super) guarded: Vec<Guarded>,

    pub(super) legs: Legs,
    /// The platforms at which it has had legs, as far as these have been looked at: so many.
    pub(super) abroad: (Vec<PlatformId>, usize),
    /// The leg that came first and stays: the caller's, or after a transfer the one that was transferred.
    pub(super) near: Option<LegId>,
    pub(super) far: Far,
    /// The leg whose early media the near one hears.
    pub(super) early: Option<LegId>,

    pub(super) search: Option<Search>,
    pub(super) origination: Option<Origination>,
    pub(super) transferring: Option<Transferring>,
    /// It is about to be joined with another call.
    pub(super) joining: Option<Box<Joining>>,
    pub(super) exchange: Option<Exchange>,
    pub(super) alignment: Alignment,
    /// When who refused for that cause may be called again, in seconds.
    pub(super) retry_after: Option<(Cause, u32)>,
    /// Where the caller is told to call instead.
    pub(super) elsewhere: Vec<Party>,
    /// The other platform that had it made.
    pub(super) placed_by: Option<PlatformId>,
    pub(super) session: Session,
    pub(super) keys: Keys,

    /// Requests of ours that have no last answer yet: few, so a list.
    pub(super) pending: Vec<(Transaction, Purpose)>,
    pub(super) timers: Vec<(Timer, TimerKey)>,
}

/// What a call begins with.
pub(super) struct Beginning {
    pub(super) instance: Instance,
    pub(super) id: String,
    pub(super) origin: Origin,
    pub(super) caller: Party,
    pub(super) anonymous: bool,
    pub(super) called: Party,
    pub(super) hops: u8,
    pub(super) path: Vec<PlatformId>,
}

impl Call {
    /// A call without legs.
    pub(super) fn new(turn: &mut Turn<'_>, config: Arc<Config>, beginning: Beginning) -> Self {
        let Beginning { instance, id, origin, caller, anonymous, called, hops, path } = beginning;
        Self {
            instance,
            id,
            origin,
            caller,
            anonymous,
            called,
            verdict: None,
            hops,
            path,
            called_elsewhere: Vec::new(),
            config,
            started: turn.now,
            answered: None,
            conversation: Conversation::first(turn.now.wall),
            former: Vec::new(),
            conversations: 1,
            ended: None,
            told: (CallPhase::Routing, Far::Nobody, 0),
            not_transferred: None,
            guarded: Vec::new(),
            legs: Legs::default(),
            abroad: (Vec::new(), 0),
            near: None,
            far: Far::Nobody,
            early: None,
            search: None,
            origination: None,
            transferring: None,
            joining: None,
            exchange: None,
            alignment: Alignment::default(),
            retry_after: None,
            elsewhere: Vec::new(),
            placed_by: None,
            session: Session::default(),
            keys: Keys::default(),
            pending: Vec::new(),
            timers: Vec::new(),
        }
    }

    /// Its instance at the switch.
    pub(crate) fn instance(&self) -> Instance {
        self.instance
    }

    /// Its common id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether it has ended; answers may still be due.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether nothing is left to do or to wait for.
    pub(crate) fn is_over(&self) -> bool {
        let tells = self.timers.iter().any(|(timer, _)| matches!(timer, Timer::Stop(..)));
        self.ended.as_ref().is_some_and(|ended| ended.concluded) && self.pending.is_empty() && !tells
    }

    /// A request or a notification to this call.
    pub(crate) fn handle_packet(&mut self, turn: &mut Turn<'_>, packet: Packet) {
        let asked = Asked::of(&packet);
        let (source, command) = (packet.source, packet.command);
        let mut parameters = packet.parameters.into_iter();
        let noun = parameters.next();
        match (command, noun) {
            (Command::Notify, Some(Parameter::MediaEvent(event))) => {
                self.handle_media_event(turn, source, *event);
            }
            (Command::Notify, _) => turn.counters.ignored += 1,
            (Command::Start, Some(Parameter::Call(_))) => self.call_repeated(turn, asked),
            (Command::Start, Some(Parameter::Originate(_))) => self.origination_repeated(turn, asked),
            (Command::Start, Some(Parameter::GuestLeg(guest))) => {
                self.guest_comes(turn, asked, *guest, parameters.collect());
            }
            (Command::Start, Some(Parameter::Conversion(wanted))) => self.conversion_asked(turn, asked, *wanted),
            (Command::Set, Some(Parameter::Handover(handover))) => self.leg_handed_over(turn, asked, handover.from),
            (command, noun) => match self.legs.at(source) {
                Some(leg) => {
                    let dialog = match parameters.next() {
                        Some(Parameter::Dialog(dialog)) => Some(*dialog),
                        _ => None,
                    };
                    self.handle_leg(turn, leg, command, noun, dialog, asked);
                }
                None => asked.failed(turn.outbox, refused("the sender is no leg of this call")),
            },
        }
    }

    /// A request of one of the legs.
    fn handle_leg(
        &mut self,
        turn: &mut Turn<'_>,
        leg: LegId,
        command: Command,
        noun: Option<Parameter>,
        dialog: Option<Dialog>,
        asked: Asked,
    ) {
        match (command, noun) {
            (Command::Stop, Some(Parameter::LegState(state))) => self.leg_stopped(turn, leg, asked, *state),
            (Command::Query, Some(Parameter::LegState(state))) => {
                self.audited(turn, leg, asked);
                if let Some(probe) = state.probe {
                    self.probed(turn, leg, probe);
                }
            }
            (_, Some(_)) if self.has_ended() || self.legs[leg].is_released() => {
                asked.failed(turn.outbox, Failure::new(Reason::NotFound).with_detail("the leg has ended"));
            }
            (Command::Set, Some(Parameter::LegState(state))) => self.leg_described(turn, leg, asked, *state),
            (Command::Set, Some(Parameter::Connected(connected))) => {
                self.connected_with_another(turn, leg, asked, *connected);
            }
            (Command::Start, Some(Parameter::Transfer(transfer))) => match dialog {
                Some(dialog) => self.transfer_to_dialog(turn, leg, asked, *transfer, dialog),
                None => self.transfer_asked(turn, leg, asked, *transfer),
            },
            (Command::Send, Some(noun @ (Parameter::Information(_) | Parameter::Digits(_)))) => {
                self.relay(turn, leg, asked, noun);
            }
            (command, noun) => {
                let noun = noun.map_or("nothing", |noun| noun.name());
                let detail = format!("a call does not serve {command:?} × {noun}");
                asked.failed(turn.outbox, Failure::new(Reason::Unsupported).with_detail(detail));
            }
        }
    }

    /// An answer to a request of this call.
    pub(crate) fn handle_answer(&mut self, turn: &mut Turn<'_>, packet: Packet) {
        let Some(index) = self.pending.iter().position(|(transaction, _)| *transaction == packet.transaction) else {
            return;
        };
        if !packet.command.is_final() {
            if let Purpose::StartLeg(leg) = self.pending[index].1
                && let Some(Parameter::LegState(state)) = packet.parameters.into_iter().next()
            {
                self.leg_progressed(turn, leg, *state);
            }
            return;
        }
        let (_, purpose) = self.pending.swap_remove(index);
        match purpose {
            Purpose::Registration { member, platform } => self.account_located(turn, member, platform, packet),
            Purpose::Lookup(lookup) => self.number_found(turn, &lookup, packet),
            Purpose::Open { legs, refusals } => self.ports_opened(turn, legs, refusals, packet),
            Purpose::StartLeg(leg) => self.leg_decided(turn, leg, packet),
            Purpose::SetLeg(leg) => self.leg_answered_set(turn, leg, packet),
            Purpose::StopLeg { leg, cause, attempt } => self.leg_stop_answered(turn, leg, cause, attempt, &packet),
            Purpose::Audit(leg) => self.audit_answered(turn, leg, packet),
            Purpose::Probe | Purpose::Supervise(_) | Purpose::AnotherOffer | Purpose::TakeBack => {}
            Purpose::Dialog => self.dialog_found(turn, packet),
            Purpose::DialogElsewhere(platform) => self.dialog_told(turn, platform, &packet),
            Purpose::Ringing => self.ringing_told(turn, &packet),
            Purpose::Guest => self.guest_answered(turn, packet),
            Purpose::Handover { leg, from, attempt } => self.handed_over(turn, leg, from, attempt, &packet),
            Purpose::Connected(leg) => self.connected_told(turn, leg, &packet),
            Purpose::Adopt { legs, moved, guest } => self.adopted(turn, legs, moved, guest, packet),
            Purpose::Move { leg, from } => self.port_moved(turn, leg, from, &packet),
            Purpose::Seat { leg, name } => self.seated(turn, leg, name, &packet),
            Purpose::Conversion => self.conversion_answered(turn, &packet),
            Purpose::Media => self.media_answered(turn, &packet),
            Purpose::Part { joined, attempt } => self.part_answered(turn, joined, attempt, &packet),
            Purpose::ClosePort(_) => {
                self.port_closed(&packet);
                self.complete_former(turn);
            }
            Purpose::Count { leg, conversation } => {
                self.counted(leg, conversation, &packet);
                self.complete_former(turn);
            }
            Purpose::CloseSession { attempt } => self.session_closed(turn, attempt, &packet),
            Purpose::Relay(asked) => relayed(turn, asked, packet),
            Purpose::KeysRelayed { leg, asked, digits } => self.keys_relayed(turn, leg, asked, digits, &packet),
            Purpose::Keys(leg) => self.keys_taken(turn, leg, &packet),
        }
    }

    /// Sends a request for this call.
    pub(super) fn request(
        &mut self,
        turn: &mut Turn<'_>,
        destination: Address,
        command: Command,
        parameters: impl Into<Parameters>,
        within: Duration,
        purpose: Purpose,
    ) {
        let transaction =
            turn.outbox.request(turn.now.instant, self.instance, destination, command, parameters, within);
        self.pending.push((transaction, purpose));
    }

    /// Who is at the other side of `leg`.
    pub(super) fn other_side(&self, leg: LegId) -> Far {
        match (self.near, self.far) {
            (Some(near), far) if near == leg => far,
            (Some(near), Far::Leg(far)) if far == leg => Far::Leg(near),
            _ => Far::Nobody,
        }
    }

    /// The answered leg at the other side of `leg`.
    pub(super) fn other_leg(&self, leg: LegId) -> Option<LegId> {
        match self.other_side(leg) {
            Far::Leg(other) if self.legs[other].is_answered() => Some(other),
            _ => None,
        }
    }

    /// Adds a leg.
    pub(super) fn add_leg(&mut self, mut leg: Leg) -> LegId {
        let id = leg.id;
        leg.medium.keys = match &leg.peer {
            Peer::Account(name) => self.config.keys.of_account(name),
            Peer::Trunk(name) => self.config.keys.of_trunk(name),
            // That platform sees to its own peers.
            Peer::Platform(_) => None,
        };
        self.legs.push(leg);
        id
    }
}

/// Passes the other leg's answer on.
fn relayed(turn: &mut Turn<'_>, asked: Asked, packet: Packet) {
    match packet.command {
        Command::Done => asked.done(turn.outbox, Parameters::new()),
        _ => asked.failed(turn.outbox, packet.failure()),
    }
}

/// Not allowed, and why.
pub(super) fn refused(detail: &str) -> Failure {
    Failure::new(Reason::Refused).with_detail(detail)
}
