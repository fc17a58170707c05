//! A leg: one side of a call, as SIP has it.

use super::cause;
use super::invite_client::Outgoing;
use super::invite_server::Incoming;
use super::means::Means;
use super::session::{LEG_WITHIN, Session};
use crate::dialog::Reach;
use crate::limits::WITHDRAWALS_MAX;
use crate::message::{CallId, Header, Message, StatusCode, Tag};
use crate::policy::CallPolicy;
use crate::transaction::{ClientKey, ServerKey};
use crate::transport::{Flow, Resolution, Sought};
use crate::trunk::TrunkId;
use router::parameter::{Cause, CauseKind, Failure, LegPhase, LegState, Parameter, Reason};
use router::time::{Duration, TimerKey};
use router::{Address, Asked, Command, Instance, Packet, Parameters, ShortText, Transaction, one};
use smallvec::SmallVec;

/// What is due at a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// When to send a 2xx again, or to give up waiting for its ACK (RFC 3261 §13.3.1.4).
    Repeat,
    /// When to tell the caller once more that it rings: proxies give up after three minutes of silence
    /// (RFC 3261 §13.3.1.1).
    Ring,
    /// When the caller's INVITE has run out (RFC 3261 §13.3.1).
    Expires,
    /// When to send an offer again that met the peer's (RFC 3261 §14.1).
    Glare,
    /// When to see whether an INVITE of ours to a trunk has had any response.
    Response,
    /// When to give up an INVITE of ours that nobody answers or refuses: of a new leg far beyond the switch's own limits, of a
    /// session after the time of a transaction.
    Abandon,
    /// When to refresh the session, or to end it as the peer did not (RFC 4028 §10).
    Session,
    /// When a session that is to end sends its BYE, whatever it still waits for.
    Leave,
    /// When to tell the peer who is at the other end, if nothing has told it.
    Introduce,
    /// When to go on without a certificate that does not come.
    Certificate,
}

/// Who is at the far end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    /// A phone of an account.
    Account,
    /// A trunk.
    Trunk(TrunkId),
}

impl Peer {
    /// How calls are made with it.
    pub(super) fn policy(&self, means: &Means) -> CallPolicy {
        let own = match self {
            Self::Account => None,
            Self::Trunk(trunk) => means.trunks.get(*trunk).config.calls,
        };
        own.unwrap_or(means.config.calls)
    }
}

/// What an answer of the switch is to.
#[derive(Debug)]
pub(super) enum Purpose {
    /// `Start × Call`: the incoming leg's.
    Call,
    /// `Set × LegState` with the peer's offer, or for an offer of ours.
    Offer,
    /// `Set × LegState` with the answer that an ACK brought.
    Answer,
    /// `Set × LegState` without media, before the answer: for an offer of the call's own.
    EarlyOffer,
    /// `Set × LegState` with what the answer to a refresh has changed.
    Refreshed,
    /// `Send`: what the peer's INFO brought.
    Inform(Box<Inbound>),
    /// `Set × LegState` with candidates that the peer has named later. Whatever becomes of them, the peer's own checks tell where it is.
    Candidates,
    /// `Start × Transfer`.
    Transfer,
    /// `Query × Registration` to the registrar: where the peer's address is, which is one of ours.
    Reach,
    /// `Set × LegState` with a cause: the peer's offer came to nothing. Told so often.
    Withdrawal(u8),
}

/// A request of the peer's that waits for its answer.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) key: ServerKey,
    pub(super) message: Message,
    pub(super) flow: Flow,
}

/// What a leg is beside its state.
#[derive(Debug)]
pub(crate) struct Head {
    pub(super) instance: Instance,
    /// The call that it belongs to, at the switch.
    pub(super) call: Address,
    pub(super) peer: Peer,
    /// The account whose phone is there.
    pub(super) account: Option<ShortText>,
    /// Whether it came in.
    pub(super) incoming: bool,
    pub(super) call_id: CallId,
    pub(super) tag: Tag,
    tag_bits: u64,
    pending: SmallVec<[(Transaction, Purpose); 1]>,
    timers: SmallVec<[(Timer, TimerKey); 2]>,
}

/// How far a leg is.
#[derive(Debug)]
pub(super) enum State {
    /// An INVITE came and has no final response.
    Incoming(Box<Incoming>),
    /// An INVITE is sent, or is about to be, and has no final response.
    Outgoing(Box<Outgoing>),
    /// A dialog is confirmed.
    Session(Box<Session>),
    /// Nothing is left.
    Over,
}

/// A leg.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(super) head: Head,
    pub(super) state: State,
}

impl Head {
    pub(super) fn new(
        means: &mut Means,
        instance: Instance,
        call: Address,
        peer: Peer,
        incoming: bool,
        call_id: CallId,
    ) -> Self {
        let tag_bits = means.random.next_u64();
        means.tags.insert(tag_bits, instance);
        if let Peer::Trunk(trunk) = peer {
            means.trunks.get_mut(trunk).begin(incoming);
        }
        *(if incoming { &mut means.counters.legs_in } else { &mut means.counters.legs_out }) += 1;
        Self {
            instance,
            call,
            peer,
            account: None,
            incoming,
            call_id,
            tag: Tag::of_random(tag_bits),
            tag_bits,
            pending: SmallVec::new(),
            timers: SmallVec::new(),
        }
    }

    /// The trunk at the far end.
    pub(super) fn trunk(&self) -> Option<TrunkId> {
        match self.peer {
            Peer::Account => None,
            Peer::Trunk(trunk) => Some(trunk),
        }
    }

    /// Whether the peer is in our trust domain (RFC 3325 §2.3).
    pub(super) fn is_trusted(&self, means: &Means) -> bool {
        self.trunk().is_some_and(|trunk| means.trunks.get(trunk).config.trusted)
    }

    /// Whether the peer is told causes in the other end's own words: a trunk that Reason passes to. Who else is told them in ours.
    pub(super) fn tells_words(&self, means: &Means) -> bool {
        self.trunk().is_some_and(|trunk| means.trunks.get(trunk).config.headers.passes(Header::Reason.as_str()))
    }

    /// How calls are made with the peer.
    pub(super) fn policy(&self, means: &Means) -> CallPolicy {
        self.peer.policy(means)
    }

    /// How the peer is reached.
    pub(super) fn reach(&self) -> Reach {
        match self.peer {
            Peer::Account => Reach::Flow,
            Peer::Trunk(trunk) => Reach::Uri(trunk),
        }
    }

    /// Asks the call for something.
    pub(super) fn request(
        &mut self,
        means: &mut Means,
        command: Command,
        parameters: impl Into<Parameters>,
        within: Duration,
        purpose: Purpose,
    ) {
        self.request_of(means, self.call, command, parameters, within, purpose);
    }

    /// The same of another one than the call.
    pub(super) fn request_of(
        &mut self,
        means: &mut Means,
        whom: Address,
        command: Command,
        parameters: impl Into<Parameters>,
        within: Duration,
        purpose: Purpose,
    ) {
        let now = means.now.instant;
        let transaction = means.outbox.request(now, self.instance, whom, command, parameters, within);
        self.pending.push((transaction, purpose));
    }

    /// How many of the peer's INFO wait for the call.
    pub(super) fn informs(&self) -> usize {
        self.pending.iter().filter(|(_, purpose)| matches!(purpose, Purpose::Inform(_))).count()
    }

    /// Whether the call is being told what was answered without it.
    pub(super) fn is_telling(&self) -> bool {
        self.pending.iter().any(|(_, purpose)| matches!(purpose, Purpose::Refreshed))
    }

    /// The peer's INFOs that wait: they are not waited for any longer.
    pub(super) fn take_informs(&mut self) -> Vec<Inbound> {
        let mut taken = Vec::new();
        let mut at = 0;
        while at < self.pending.len() {
            if matches!(self.pending[at].1, Purpose::Inform(_)) {
                if let (_, Purpose::Inform(inbound)) = self.pending.swap_remove(at) {
                    taken.push(*inbound);
                }
            } else {
                at += 1;
            }
        }
        taken
    }

    /// Tells the call that the peer's last offer came to nothing: what was agreed before holds (RFC 3264 §8).
    pub(super) fn tell_withdrawn(&mut self, means: &mut Means, cause: Cause, times: u8) {
        let state = LegState { cause: Some(cause), ..LegState::new(LegPhase::Answered) };
        self.request(means, Command::Set, one(state), LEG_WITHIN, Purpose::Withdrawal(times));
    }

    /// Tells the call that this leg has ended.
    pub(super) fn tell_stopped(&self, means: &mut Means, cause: Cause) {
        means.releases.tell(means.now.instant, &mut means.outbox, self.instance, self.call, cause);
    }

    /// Sets a timer, in the place of a former one of the same name.
    pub(super) fn set_timer(&mut self, means: &mut Means, timer: Timer, after: Duration) {
        self.cancel_timer(means, timer);
        let key = means.schedule(self.instance, timer, after);
        self.timers.push((timer, key));
    }

    /// Whether a timer is set.
    pub(super) fn has_timer(&self, timer: Timer) -> bool {
        self.timers.iter().any(|(set, _)| *set == timer)
    }

    /// Takes a timer back.
    pub(super) fn cancel_timer(&mut self, means: &mut Means, timer: Timer) {
        if let Some(index) = self.timers.iter().position(|(set, _)| *set == timer) {
            let (_, key) = self.timers.swap_remove(index);
            means.timers.cancel(key);
        }
    }
}

impl Leg {
    /// Whether nothing is left to do or to wait for.
    pub(crate) fn is_over(&self) -> bool {
        match &self.state {
            State::Over => true,
            State::Session(session) => session.is_over(),
            State::Incoming(_) | State::Outgoing(_) => false,
        }
    }

    /// The account whose phone is at the far end.
    pub(crate) fn account(&self) -> Option<&str> {
        self.head.account.as_deref()
    }

    /// The Call-ID of its dialogs.
    pub(crate) fn call_id(&self) -> &str {
        self.head.call_id.as_str()
    }

    /// Its instance.
    pub(crate) fn instance(&self) -> Instance {
        self.head.instance
    }

    /// Takes it out of every table.
    pub(crate) fn forget(self, means: &mut Means) {
        let Head { instance, peer, incoming, tag_bits, timers, .. } = self.head;
        means.tags.remove(&tag_bits);
        for (_, timer) in timers {
            means.timers.cancel(timer);
        }
        if let Peer::Trunk(trunk) = peer {
            means.trunks.get_mut(trunk).end(incoming);
        }
        tracing::debug!(leg = %instance, "leg over");
    }

    /// A request of the switch.
    pub(crate) fn handle_packet(&mut self, means: &mut Means, packet: Packet) {
        if packet.command == Command::Notify {
            return self.introduced(means, packet);
        }
        let asked = Asked::of(&packet);
        if let (Command::Set, Some(Parameter::Handover(handover))) = (packet.command, packet.first()) {
            let handover = (**handover).clone();
            return self.handed_over(means, asked, handover);
        }
        if packet.source != self.head.call {
            let failure = Failure::new(Reason::Refused).with_detail("the leg is another call's");
            return asked.failed(&mut means.outbox, failure);
        }
        match (packet.command, packet.parameters.into_iter().next()) {
            (Command::Stop, Some(Parameter::LegState(state))) => {
                means.done(asked);
                self.stop(means, state.cause.unwrap_or_else(|| CauseKind::Normal.into()));
            }
            (Command::Start, Some(Parameter::Leg(_))) => self.started_again(means, asked),
            (Command::Set, Some(Parameter::LegState(state))) => match &mut self.state {
                State::Session(session) => session.describe(&mut self.head, means, asked, *state),
                State::Outgoing(outgoing) if outgoing.waits_for_another_offer() => {
                    self.step(means, |former, head, means| match former {
                        State::Outgoing(outgoing) => outgoing.offered_another(head, means, asked, state.media),
                        other => other,
                    });
                }
                State::Outgoing(outgoing) => outgoing.describe(&self.head, means, asked, &state),
                _ => asked.failed(&mut means.outbox, Failure::because(CauseKind::Glare.into())),
            },
            (Command::Query, Some(Parameter::LegState(_))) => match &mut self.state {
                State::Session(session) => session.supervise(&mut self.head, means, asked),
                _ => asked.failed(&mut means.outbox, not_now()),
            },
            (Command::Send, Some(noun @ (Parameter::Information(_) | Parameter::Digits(_)))) => match &mut self.state {
                State::Session(session) => session.inform(&mut self.head, means, asked, noun),
                _ => asked.failed(&mut means.outbox, not_now()),
            },
            (command, noun) => {
                let noun = noun.map_or("nothing", |noun| noun.name());
                let detail = format!("a leg does not serve {command:?} × {noun}");
                asked.failed(&mut means.outbox, Failure::new(Reason::Unsupported).with_detail(detail));
            }
        }
    }

    /// `Stop × LegState`.
    pub(crate) fn stop(&mut self, means: &mut Means, cause: Cause) {
        self.step(means, |state, head, means| match state {
            State::Incoming(incoming) => incoming.refuse(means, head, &Failure::because(cause)),
            State::Outgoing(outgoing) => outgoing.stop(means, head, cause),
            State::Session(mut session) => {
                session.hang_up(head, means, cause);
                State::Session(session)
            }
            State::Over => State::Over,
        });
    }

    /// A certificate that its call waits for came, or is not to be had.
    pub(crate) fn certificate_came(&mut self, means: &mut Means) {
        self.step(means, |state, head, means| match state {
            State::Incoming(incoming) => incoming.weigh(head, means, false),
            other => other,
        });
    }

    /// Ends the leg, and tells the call.
    pub(crate) fn end(&mut self, means: &mut Means, cause: Cause) {
        if !self.is_over() {
            self.head.tell_stopped(means, cause.clone());
            self.stop(means, cause);
        }
    }

    /// The switch repeats `Start × Leg`: it gets the same answer again.
    fn started_again(&mut self, means: &mut Means, asked: Asked) {
        match &mut self.state {
            State::Outgoing(outgoing) => outgoing.started_again(&self.head, means, asked),
            State::Session(session) => session.started_again(&self.head, means, asked),
            State::Incoming(_) | State::Over => asked.failed(&mut means.outbox, not_now()),
        }
    }

    /// An answer of the switch.
    pub(crate) fn handle_answer(&mut self, means: &mut Means, packet: Packet) {
        let Some(index) = self.head.pending.iter().position(|(one, _)| *one == packet.transaction) else { return };
        if !packet.command.is_final() {
            match (&self.head.pending[index].1, &mut self.state) {
                (Purpose::Call, State::Incoming(incoming)) => incoming.progress(&mut self.head, means, packet),
                (Purpose::Transfer, State::Session(session)) => {
                    session.transfer_progressed(&mut self.head, means, &packet)
                }
                _ => {}
            }
            return;
        }
        let (_, purpose) = self.head.pending.swap_remove(index);
        match purpose {
            Purpose::Call => self.step(means, |state, head, means| match state {
                State::Incoming(incoming) => incoming.decide(head, means, packet),
                other => other,
            }),
            Purpose::Offer => self.step(means, |state, head, means| match state {
                State::Incoming(incoming) => incoming.early_offer_decided(head, means, &packet),
                State::Outgoing(mut outgoing) => {
                    outgoing.early_offer_decided(means, &packet);
                    State::Outgoing(outgoing)
                }
                State::Session(mut session) => {
                    session.peer_offer_decided(head, means, packet);
                    State::Session(session)
                }
                State::Over => State::Over,
            }),
            Purpose::EarlyOffer => {
                if let State::Incoming(incoming) = &mut self.state {
                    incoming.early_offer_made(&mut self.head, means, &packet);
                }
            }
            Purpose::Answer => self.in_session(|session, head| session.answer_delivered(head, means, &packet)),
            Purpose::Refreshed => self.in_session(|session, head| {
                session.refresh_told(&packet);
                session.ask_at_last(head, means);
            }),
            Purpose::Candidates => {}
            Purpose::Inform(inbound) => informed(means, *inbound, &packet),
            Purpose::Transfer => self.in_session(|session, head| session.transfer_decided(head, means, &packet)),
            Purpose::Reach => self.registered_at(means, &packet),
            Purpose::Withdrawal(times) => {
                let unheard = packet.command == Command::Failed
                    && matches!(packet.failure().reason, Reason::Busy | Reason::Expired);
                if unheard && times < WITHDRAWALS_MAX {
                    self.in_session(|_, head| head.tell_withdrawn(means, CauseKind::Cancelled.into(), times + 1));
                }
            }
        }
    }

    /// An in-dialog request of the peer's, ACK and CANCEL apart.
    pub(crate) fn handle_request(&mut self, means: &mut Means, key: ServerKey, message: Message, flow: Flow) {
        if !self.is_in_dialog(&message) {
            return means.refuse(key, &message, &flow, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        }
        let inbound = Inbound { key, message, flow };
        self.step(means, |state, head, means| match state {
            State::Incoming(incoming) => incoming.handle_request(head, means, inbound),
            State::Outgoing(mut outgoing) => {
                outgoing.handle_request(head, means, &inbound);
                State::Outgoing(outgoing)
            }
            State::Session(mut session) => {
                session.handle_request(head, means, inbound);
                State::Session(session)
            }
            State::Over => State::Over,
        });
    }

    /// An ACK to a 2xx of ours.
    pub(crate) fn handle_ack(&mut self, means: &mut Means, message: &Message, flow: &Flow) {
        if self.is_in_dialog(message) {
            self.in_session(|session, head| session.handle_ack(head, means, message, flow));
        }
    }

    /// The peer cancels an INVITE (RFC 3261 §9.2).
    pub(crate) fn handle_cancel(&mut self, means: &mut Means, key: ServerKey, cancel: &Message) {
        let cause = cause::of_request(cancel, CauseKind::Cancelled);
        self.step(means, |state, head, means| match state {
            State::Incoming(incoming) => incoming.cancelled(head, means, cause),
            State::Session(mut session) => {
                session.offer_cancelled(head, means, key);
                State::Session(session)
            }
            other => other,
        });
    }

    /// A response to a request of this leg.
    pub(crate) fn handle_response(&mut self, means: &mut Means, key: ClientKey, message: Message, flow: Flow) {
        self.step(means, |state, head, means| match state {
            State::Outgoing(outgoing) => outgoing.handle_response(head, means, key, message, flow),
            State::Session(mut session) => {
                let stray = !session.waits_for(key)
                    && message.status().is_some_and(StatusCode::is_success)
                    && message.to_tag().as_ref() != session.remote_tag();
                if stray {
                    super::ack::hang_up_stray(means, key, &message, &flow, head.reach());
                } else {
                    session.handle_response(head, means, key, &message);
                }
                State::Session(session)
            }
            other => other,
        });
    }

    /// A request of this leg was not answered, or did not leave.
    pub(crate) fn handle_unanswered(&mut self, means: &mut Means, key: ClientKey, kind: CauseKind) {
        self.step(means, |state, head, means| match state {
            State::Outgoing(outgoing) => outgoing.unanswered(head, means, key, kind),
            State::Session(mut session) => {
                session.unanswered(head, means, key, kind);
                State::Session(session)
            }
            other => other,
        });
    }

    /// What the leg waits for is found, or not to be found.
    pub(crate) fn handle_resolved(&mut self, means: &mut Means, sought: &Sought, resolution: &Resolution) {
        self.step(means, |state, head, means| match state {
            State::Outgoing(outgoing) => outgoing.resolved(head, means, sought, resolution),
            State::Session(mut session) => {
                session.resolved(sought, resolution);
                State::Session(session)
            }
            other => other,
        });
    }

    /// A timer is due.
    pub(crate) fn handle_timer(&mut self, means: &mut Means, timer: Timer) {
        self.head.timers.retain(|(set, _)| *set != timer);
        self.step(means, |state, head, means| match state {
            State::Incoming(incoming) => incoming.handle_timer(head, means, timer),
            State::Outgoing(outgoing) if timer == Timer::Response => outgoing.unheard(head, means),
            State::Outgoing(outgoing) => outgoing.stop(means, head, CauseKind::Timeout.into()),
            State::Session(mut session) => {
                session.handle_timer(head, means, timer);
                State::Session(session)
            }
            State::Over => State::Over,
        });
    }

    /// Whether a message of the peer's belongs to this leg: Call-ID, and once it is known the peer's tag
    /// (RFC 3261 §12.2.2).
    fn is_in_dialog(&self, message: &Message) -> bool {
        let remote_tag = match &self.state {
            State::Incoming(incoming) => incoming.remote_tag(),
            State::Session(session) => session.remote_tag(),
            State::Outgoing(_) => return message.call_id() == Ok(self.head.call_id.as_str()),
            State::Over => return false,
        };
        message.call_id() == Ok(self.head.call_id.as_str()) && message.from_tag_text() == remote_tag.map(Tag::as_str)
    }

    /// Takes the state through a step.
    fn step(&mut self, means: &mut Means, step: impl FnOnce(State, &mut Head, &mut Means) -> State) {
        let state = std::mem::replace(&mut self.state, State::Over);
        self.state = step(state, &mut self.head, means);
    }

    fn in_session(&mut self, handle: impl FnOnce(&mut Session, &mut Head)) {
        if let State::Session(session) = &mut self.state {
            handle(session, &mut self.head);
        }
    }
}

/// The call's answer to what an INFO brought.
fn informed(means: &mut Means, inbound: Inbound, packet: &Packet) {
    let status = match packet.command {
        Command::Done => StatusCode::OK,
        _ => match packet.failure() {
            // Nobody there takes such a body.
            failure if failure.reason == Reason::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            failure => cause::status_of_failure(&failure),
        },
    };
    means.refuse(inbound.key, &inbound.message, &inbound.flow, status);
}

/// The leg is not in a state for that.
pub(super) fn not_now() -> Failure {
    Failure::new(Reason::Invalid).with_detail("the leg is not in a state for that")
}
