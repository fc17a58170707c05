//! A confirmed dialog (RFC 3261 §12, §14, §15).

use super::ack::AwaitingAck;
use super::cause;
use super::in_dialog::{Aim, OurOffer, Requester, Sent};
use super::invite_server::answer_of;
use super::leg::{Head, Inbound, Timer};
use super::means::Means;
use super::refer::Referral;
use super::reinvite::TheirOffer;
use super::session_timer::SessionTimer;
use super::trickle;
use crate::dialog::{NextHop, Unfit};
use crate::message::{Message, Method, StatusCode, Tag};
use crate::sdp::OfferAnswer;
use crate::transaction::ClientKey;
use crate::transport::{Destination, Resolution, Sought};
use router::parameter::{Cause, CauseKind, Failure, LegPhase, LegState, MediaExchange, Reason};
use router::time::Duration;
use router::{Asked, one};
use std::cell::Cell;
use std::net::IpAddr;

/// How long the switch may take for what a leg asks of it in mid-call: it may have to ask the other leg's peer, whose
/// transaction ends after 32 seconds.
pub(super) const LEG_WITHIN: Duration = Duration::from_secs(36);

/// Whether the session goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// It does.
    Up,
    /// It is to end, and BYE waits: for the ACK to our 2xx (RFC 3261 §15), or for the last NOTIFY of a transfer.
    Stopping(Cause),
    /// BYE was sent, or came.
    Left,
}

/// A 2xx of the peer's that is not acknowledged: it brought an offer, and the ACK is to bring the answer.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    pub(super) key: ClientKey,
    pub(super) cseq: u32,
}

/// A confirmed dialog.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) requester: Requester,
    pub(super) media: OfferAnswer,
    pub(super) standing: Standing,
    pub(super) awaiting_ack: Option<Box<AwaitingAck>>,
    pub(super) unacknowledged: Option<Unacknowledged>,
    /// An early offer of the peer's that was answered without the call, before that one answered.
    pub(super) beside: Option<Box<OfferAnswer>>,
    /// Who is at the other end, as the peer is told it, where that is somebody else than before.
    pub(super) other_end: Option<Box<str>>,
    /// Whether that waits to be told.
    pub(super) untold_end: Cell<bool>,
    /// An offer of the peer's that the switch considers.
    pub(super) theirs: Option<Box<TheirOffer>>,
    /// An offer of ours that has to wait: for an ACK, or as it met the peer's.
    pub(super) waiting: Option<Box<OurOffer>>,
    pub(super) referral: Option<Box<Referral>>,
    /// RSeq of the provisional response that was not acknowledged when our 2xx went out.
    pub(super) unacknowledged_rseq: Option<u32>,
    pub(super) timer: SessionTimer,
    /// The peer refused a refresh by UPDATE: further ones go by INVITE.
    pub(super) refreshes_by_invite: bool,
    /// The call does not know what the answer to the last refresh has changed.
    pub(super) untold: bool,
    /// The host that the call knows its signalling to come from.
    pub(super) host: IpAddr,
    /// How many questions in a row whether the peer is there did not leave.
    pub(super) unsent: u8,
}

impl Session {
    pub(super) fn new(requester: Requester, media: OfferAnswer) -> Self {
        Self {
            host: requester.dialog.flow().remote.ip(),
            requester,
            media,
            standing: Standing::Up,
            awaiting_ack: None,
            unacknowledged: None,
            beside: None,
            other_end: None,
            untold_end: Cell::new(false),
            theirs: None,
            waiting: None,
            referral: None,
            unacknowledged_rseq: None,
            timer: SessionTimer::default(),
            refreshes_by_invite: false,
            untold: false,
            unsent: 0,
        }
    }

    /// A state of the leg, with what the peer has described, and the host that it describes it from.
    pub(super) fn described(&self, media: Option<MediaExchange>) -> LegState {
        let host = Some(self.requester.dialog.flow().remote.ip().to_canonical());
        LegState { host, ..LegState::new(LegPhase::Answered).with_media(media) }
    }

    /// The peer's tag.
    pub(super) fn remote_tag(&self) -> Option<&Tag> {
        self.requester.dialog.id().remote_tag.as_ref()
    }

    /// Whether a request with that key has no final response.
    pub(super) fn waits_for(&self, key: ClientKey) -> bool {
        self.requester.waits_for(key)
    }

    /// Whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.standing == Standing::Left && self.requester.waiting().next().is_none() && self.referral.is_none()
    }

    /// The switch repeats `Start × Leg`.
    pub(super) fn started_again(&mut self, head: &Head, means: &mut Means, asked: Asked) {
        if self.standing != Standing::Up {
            return asked.failed(&mut means.outbox, super::leg::not_now());
        }
        let media = match self.media.remote_offer() {
            Some(offer) => Some(MediaExchange::Offer(offer.clone())),
            None => answer_of(&self.media),
        };
        let leg_id = Some(head.call_id.as_str().to_owned());
        let state = LegState { leg_id, ..self.described(media) };
        asked.done(&mut means.outbox, one(state));
    }

    /// Where the next hop is a name, it is resolved: until then requests go where the peer's messages come from.
    pub(super) fn resolve_next_hop(&self, head: &Head, means: &mut Means) {
        if let NextHop::Name { sought, .. } = self.requester.dialog.next_hop() {
            means.resolving.ask(sought, head.instance);
        }
    }

    /// The next hop is found, or not to be found.
    pub(super) fn resolved(&mut self, resolved: &Sought, resolution: &Resolution) {
        let NextHop::Name { sought, meanwhile } = self.requester.dialog.next_hop() else { return };
        let Resolution::Known(places) = resolution else { return };
        if sought != resolved {
            return;
        }
        // The peer's own address, where it is among them: its flow is there already.
        let same = |to: &&Destination| (to.transport, to.remote) == (meanwhile.transport, meanwhile.remote);
        let same_family = |to: &&Destination| to.remote.is_ipv4() == meanwhile.remote.is_ipv4();
        let chosen = match places.iter().find(same) {
            Some(_) => Some(*meanwhile),
            None => {
                let found = places.iter().find(same_family).or(places.first());
                found.map(|to| to.of_trunk(meanwhile.trunk))
            }
        };
        if let Some(destination) = chosen {
            self.requester.dialog.resolved(destination);
        }
    }

    /// A request of the peer's.
    pub(super) fn handle_request(&mut self, head: &mut Head, means: &mut Means, inbound: Inbound) {
        let Inbound { key, message, flow } = &inbound;
        match self.requester.dialog.receive(message, flow) {
            Ok(()) => {}
            Err(Unfit::OutOfOrder) => {
                return means.refuse(*key, message, flow, StatusCode::SERVER_INTERNAL_ERROR);
            }
            Err(Unfit::Defect) => return means.refuse(*key, message, flow, StatusCode::BAD_REQUEST),
        }
        match message.method() {
            Some(Method::Bye) => self.handle_bye(head, means, &inbound),
            Some(Method::Options) => super::options::answer_in_dialog(means, &inbound),
            // RFC 5057 §5.3: the session is over; what was asked of it is late.
            _ if self.standing != Standing::Up => {
                means.refuse(*key, message, flow, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
            }
            Some(Method::Invite) => self.handle_reinvite(head, means, inbound),
            Some(Method::Update) => self.handle_update(head, means, inbound),
            Some(Method::Prack) => self.handle_late_prack(means, &inbound),
            Some(Method::Info) if trickle::is_trickled(message) => {
                trickle::take(head, means, &inbound, Some(&mut self.media), Some(LegPhase::Answered));
            }
            Some(Method::Info | Method::Message) => self.handle_info(head, means, inbound),
            Some(Method::Refer) => self.handle_refer(head, means, inbound),
            Some(Method::Subscribe) => self.handle_subscribe(head, means, &inbound),
            _ => means.refuse(*key, message, flow, StatusCode::METHOD_NOT_ALLOWED),
        }
    }

    /// A PRACK: to the last provisional response, which our 2xx has overtaken (RFC 3262 §3).
    fn handle_late_prack(&self, means: &mut Means, inbound: &Inbound) {
        let Inbound { key, message, flow } = inbound;
        let is_last = matches!(message.rack(), Ok(Some(rack)) if Some(rack.response) == self.unacknowledged_rseq);
        let status = if is_last { StatusCode::OK } else { StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST };
        means.refuse(*key, message, flow, status);
    }

    /// A response to a request of ours.
    pub(super) fn handle_response(&mut self, head: &mut Head, means: &mut Means, key: ClientKey, message: &Message) {
        let Some(status) = message.status().filter(|status| status.is_final()) else { return };
        let Some(sent) = self.requester.take(key) else {
            if status.is_success() {
                self.acknowledge_late(means, key, message);
            }
            return;
        };
        if matches!(status.code(), 401 | 407) {
            if let Err(aim) = self.requester.send_authorized(means, head, sent, message) {
                if matches!(aim, Aim::Offer(_)) {
                    head.cancel_timer(means, Timer::Abandon);
                }
                self.refused(head, means, aim, cause::of_response(message, status));
            }
            return self.go_on(head, means);
        }
        let sent = match status {
            StatusCode::SESSION_INTERVAL_TOO_SMALL => match self.ask_for_longer(head, means, sent, message) {
                Some(sent) => sent,
                None => return,
            },
            _ => sent,
        };
        // RFC 3261 §12.2.1.2: the peer does not know the dialog any more. To a PRACK it says no more than that no response waits for that (RFC 3262 §3),
        // as when its 2xx has overtaken the PRACK.
        let gone = status == StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST
            && !matches!(sent.aim, Aim::Notify { .. } | Aim::Supervise { .. } | Aim::Prack);
        // RFC 4028 §10: it may be a proxy that has forgotten it, so it is hung up all the same.
        let refreshed = matches!(sent.aim, Aim::Refresh { .. });
        // Or somebody on the way says that it is not reached.
        let lost = status == StatusCode::REQUEST_TIMEOUT && matches!(sent.aim, Aim::Offer(_) | Aim::Refresh { .. });
        if status.is_success() {
            self.accepted(head, means, sent, message);
        } else {
            let cause = cause::of_response(message, status);
            self.answered(head, means, sent, cause);
        }
        if gone && refreshed && self.standing == Standing::Up {
            self.fail(head, means, CauseKind::PeerFailure.into());
        }
        if gone && self.standing == Standing::Up {
            self.leave(head, means, Some(CauseKind::PeerFailure.into()));
        }
        if lost && self.standing == Standing::Up {
            self.fail(head, means, CauseKind::Timeout.into());
        }
        self.go_on(head, means);
    }

    /// A request of ours was not answered, or did not leave.
    pub(super) fn unanswered(&mut self, head: &mut Head, means: &mut Means, key: ClientKey, kind: CauseKind) {
        let Some(sent) = self.requester.take(key) else { return };
        let ends = match sent.aim {
            Aim::Offer(_) => true,
            // RFC 4028 §10; what did not leave may leave later.
            Aim::Refresh { .. } => kind == CauseKind::Timeout,
            _ => false,
        };
        self.answered(head, means, sent, kind.into());
        // RFC 3261 §14.1: a peer that does not answer a re-INVITE is not there.
        if ends && self.standing == Standing::Up {
            self.fail(head, means, kind.into());
        }
        self.go_on(head, means);
    }

    fn accepted(&mut self, head: &mut Head, means: &mut Means, sent: Sent, message: &Message) {
        let method = sent.method().clone();
        match sent.aim {
            Aim::Offer(offer) => {
                head.cancel_timer(means, Timer::Abandon);
                self.our_offer_accepted(head, means, sent.key, &method, offer.asked, message);
            }
            Aim::Refresh { by_invite } => self.refreshed(head, means, sent.key, by_invite, message),
            Aim::Inform { asked, rest, duration_ms } => self.informed(head, means, asked, rest, duration_ms),
            Aim::Supervise { asked } => {
                self.peer_is_there(head, means, asked, (method == Method::Update).then_some(message));
            }
            Aim::Notify { id } => self.notified(head, means, id),
            Aim::Introduce => self.introduction_taken(head, means, message),
            Aim::Prack | Aim::Bye => {}
        }
    }

    fn answered(&mut self, head: &mut Head, means: &mut Means, sent: Sent, cause: Cause) {
        let by_update = *sent.method() == Method::Update;
        match sent.aim {
            Aim::Offer(offer) => {
                head.cancel_timer(means, Timer::Abandon);
                self.our_offer_refused(head, means, offer, by_update, cause);
            }
            aim => self.refused(head, means, aim, cause),
        }
    }

    /// What a request was for did not come to be.
    pub(super) fn refused(&mut self, head: &mut Head, means: &mut Means, aim: Aim, cause: Cause) {
        match aim {
            Aim::Offer(offer) => {
                self.media.roll_back();
                offer.asked.failed(&mut means.outbox, Failure::because(cause));
            }
            Aim::Refresh { by_invite } => self.refresh_refused(head, means, by_invite, &cause),
            Aim::Inform { asked, .. } => asked.failed(&mut means.outbox, Failure::because(cause)),
            Aim::Supervise { asked } => self.supervision_failed(head, means, asked, &cause),
            Aim::Notify { id } => self.notify_refused(head, means, id, &cause),
            Aim::Introduce => self.offer_waiting(head, means),
            Aim::Prack | Aim::Bye => {}
        }
    }

    /// `Set × LegState`.
    pub(super) fn describe(&mut self, head: &mut Head, means: &mut Means, asked: Asked, state: LegState) {
        if self.standing != Standing::Up {
            return asked.failed(&mut means.outbox, super::leg::not_now());
        }
        match state.media {
            Some(MediaExchange::Offer(description)) => {
                let offer = OurOffer { asked, description, glares: 0, by_invite: false };
                self.offer(head, means, Box::new(offer));
            }
            Some(MediaExchange::Answer(answer)) => self.answer_in_ack(head, means, asked, &answer),
            None if state.cause.is_some() => self.take_offer_back(head, means, asked),
            None => {
                let failure = Failure::new(Reason::Invalid).with_detail("neither an offer nor an answer");
                asked.failed(&mut means.outbox, failure);
            }
        }
    }

    /// A timer is due.
    pub(super) fn handle_timer(&mut self, head: &mut Head, means: &mut Means, timer: Timer) {
        match timer {
            Timer::Repeat => self.repeat_answer(head, means),
            Timer::Glare => self.offer_waiting(head, means),
            Timer::Abandon => self.requester.cancel_invite(means),
            Timer::Session => self.interval_due(head, means),
            Timer::Leave => self.leave_at_last(head, means),
            Timer::Introduce => self.introduce_at_last(head, means),
            Timer::Ring | Timer::Response | Timer::Expires | Timer::Certificate => {}
        }
    }
}
