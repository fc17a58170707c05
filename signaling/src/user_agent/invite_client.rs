//! The leg that goes out (RFC 3261 §13.2).

use super::ack::acknowledge;
use super::body::{SDP, origin_address, sdp_of};
use super::cause;
use super::contact::contact;
use super::credentials::{self, Answered, Authorization};
use super::destination::{Hop, Named, Whither};
use super::fork::Forks;
use super::identity::{self, Shown};
use super::in_dialog::Requester;
use super::invite_server::answer_of;
use super::leg::{Head, Inbound, Leg, State, Timer, not_now};
use super::means::{ClientUse, Means};
use super::options::{ALLOW, SUPPORTED};
use super::redirect;
use super::session::{Session, Unacknowledged};
use crate::dialog::Dialog;
use crate::message::{Header, Message, Method, RequestWriter, StatusCode};
use crate::sdp::{AnswerKind, OfferAnswer, OfferAnswerError, OfferAnswerState};
use crate::transaction::ClientKey;
use crate::transport::{Destination, Flow, Resolution};
use bytes::Bytes;
use router::parameter::{self, Cause, CauseKind, Failure, LegPhase, LegState, MediaExchange, Party, Reason};
use router::time::Duration;
use router::{Asked, Packet, Private, one};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::net::IpAddr;

/// After how long a leg is given up that nobody answered, refused or stopped.
const ABANDON_AFTER: Duration = Duration::from_secs(3600);

/// An INVITE of ours without final response.
#[derive(Debug)]
pub(crate) struct Outgoing {
    asked: Asked,
    whither: Box<Whither>,
    caller: Party,
    called: Party,
    /// Whether the caller may be asserted to who is trusted.
    verified: bool,
    anonymous: bool,
    referred_by: Option<Private<String>>,
    offer: Option<MediaExchange>,
    hops: u8,
    /// A name that has to be resolved.
    named: Option<Named>,
    /// Addresses that are still to be tried.
    further: VecDeque<Destination>,
    attempt: Option<Attempt>,
    cseq: u32,
    answered: Answered,
    authorization: Option<Box<Authorization>>,
    forks: Forks,
    phase: LegPhase,
    /// The status that told how far it is, where the phase does not say it.
    said: Option<StatusCode>,
    interface: Option<IpAddr>,
    /// Whether the attempt has had any response.
    heard: bool,
    /// Whether it was on its way by TCP, although meant to go by UDP, when it was last looked at.
    by_tcp: bool,
    /// The switch wants it no more: CANCEL is sent, the final response awaited.
    stopped: bool,
}

/// The INVITE that is out.
#[derive(Debug)]
struct Attempt {
    key: ClientKey,
    destination: Destination,
    contact: String,
    /// Our offer, made; idle where there is none.
    media: OfferAnswer,
    body: Option<Bytes>,
}

impl Leg {
    /// `Start × Leg`: calls somebody. `None`: it cannot be, and the switch was told so.
    pub(crate) fn outgoing(means: &mut Means, packet: &Packet, wanted: parameter::Leg) -> Option<Self> {
        let asked = Asked::of(packet);
        let parameter::Leg { call_id, target, caller, anonymous, called, media, hops, verified, referred_by } = wanted;
        let refusal = match (&media, hops) {
            (Some(MediaExchange::Answer(_)), _) => Some(Failure::new(Reason::Invalid).with_detail("no offer")),
            (_, 0) => Some(Failure::because(CauseKind::TooManyHops.into())),
            _ => None,
        };
        if let Some(failure) = refusal {
            asked.failed(&mut means.outbox, failure);
            return None;
        }
        let mut whither = match Whither::new(means, &target) {
            Ok(whither) => whither,
            Err(cause) => {
                asked.failed(&mut means.outbox, Failure::because(cause));
                return None;
            }
        };
        let sip_call_id = means.mint_call_id();
        let peer = whither.peer.clone();
        let mut head = Head::new(means, packet.destination.instance, asked.source(), peer, false, sip_call_id);
        means.trace.name(&call_id, &head.call_id);
        tracing::debug!(leg = %head.instance, call = %call_id, "leg out");
        if let Some(trunk) = head.trunk() {
            means.trunks.get_mut(trunk).status.offered += 1;
        }
        let (named, further) = match std::mem::replace(&mut whither.hop, Hop::Addresses(VecDeque::new())) {
            Hop::Addresses(addresses) => (None, addresses),
            Hop::Name(named) => (Some(named), VecDeque::new()),
        };
        let outgoing = Box::new(Outgoing {
            asked,
            whither: Box::new(whither),
            caller,
            called,
            verified,
            anonymous,
            referred_by,
            offer: media,
            hops,
            named,
            further,
            attempt: None,
            cseq: 0,
            answered: Answered::default(),
            authorization: None,
            forks: Forks::default(),
            phase: LegPhase::Trying,
            said: None,
            interface: None,
            heard: false,
            by_tcp: false,
            stopped: false,
        });
        // The time to its first response comes first, once it is known where it goes.
        if outgoing.named.is_some() {
            head.set_timer(means, Timer::Abandon, ABANDON_AFTER);
        }
        let state = match &outgoing.named {
            Some(named) if !means.resolving.ask(&named.name, head.instance) => {
                outgoing.fail(&mut head, means, CauseKind::Congestion.into())
            }
            Some(_) => {
                outgoing.tell(&head, means, None, None);
                State::Outgoing(outgoing)
            }
            None => {
                let state = outgoing.try_next(&mut head, means, CauseKind::Unreachable.into());
                if let State::Outgoing(outgoing) = &state {
                    outgoing.tell(&head, means, None, None);
                }
                state
            }
        };
        Some(Self { head, state })
    }
}

impl Outgoing {
    /// The switch repeats its request.
    pub(super) fn started_again(&mut self, head: &Head, means: &mut Means, asked: Asked) {
        if self.stopped {
            return asked.failed(&mut means.outbox, not_now());
        }
        self.asked.superseded(&mut means.outbox, asked);
        self.tell(head, means, None, None);
    }

    /// The name has addresses, or none.
    pub(super) fn resolved(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        name: &str,
        resolution: &Resolution,
    ) -> State {
        let Some(named) = self.named.take_if(|named| named.name == name) else { return State::Outgoing(self) };
        if let Resolution::Known(addresses) = resolution {
            self.further = named.destinations(addresses);
        }
        let state = self.try_next(head, means, CauseKind::Unreachable.into());
        if let State::Outgoing(outgoing) = &state {
            outgoing.tell(head, means, None, None);
        }
        state
    }

    /// `Stop`: CANCEL as soon as the peer has said anything (RFC 3261 §9.1).
    pub(super) fn stop(mut self: Box<Self>, means: &mut Means, head: &mut Head, cause: Cause) -> State {
        if self.stopped {
            return State::Outgoing(self);
        }
        let failure = Failure::because(cause.clone());
        let Some(attempt) = &self.attempt else {
            means.resolving.forget(head.instance);
            self.asked.failed(&mut means.outbox, failure);
            return State::Over;
        };
        // RFC 3326: a phone that is told that another one answered shows no missed call.
        let reason = cause::reason_header(&cause);
        means.transactions.cancel(means.now.instant, attempt.key, reason.as_deref());
        self.stopped = true;
        self.further.clear();
        State::Outgoing(self)
    }

    /// Tries the next address; none is left: fails with `cause`.
    fn try_next(mut self: Box<Self>, head: &mut Head, means: &mut Means, cause: Cause) -> State {
        while let Some(destination) = self.further.pop_front() {
            self.forks.clear();
            self.authorization = None;
            if self.invite(head, means, destination) {
                return State::Outgoing(self);
            }
        }
        self.fail(head, means, cause)
    }

    /// Sends the INVITE. False: it cannot be sent there.
    fn invite(&mut self, head: &mut Head, means: &mut Means, destination: Destination) -> bool {
        let Some((id, listener)) = means.config.listeners.select(&destination) else { return false };
        let domain = means.config.domain(listener.advertised().host());
        let to_host = if self.whither.to_host.is_empty() { domain } else { &self.whither.to_host };
        // RFC 3325 §5: only what was verified is asserted, and only to whom is trusted.
        let asserts = self.verified && head.is_trusted(means);
        let shown = Shown::new(&self.caller, self.anonymous, &self.called, asserts, domain, to_host);
        let Some(shown) = shown else { return false };
        let own = contact(listener, destination.local);
        let (media, body) = match self.attempt.take() {
            // A further attempt makes the same offer.
            Some(attempt) if attempt.destination.listener == Some(id) => (attempt.media, attempt.body),
            _ => {
                let mut address = origin_address(Some(listener), destination.local);
                if address.is_unspecified() {
                    address = self.offered_address().unwrap_or(address);
                }
                let mut media = OfferAnswer::new(means.random.next_u64(), address);
                match self.offer.as_ref().map(|offer| media.make_offer(offer.description())).transpose() {
                    Ok(body) => (media, body),
                    Err(error) => {
                        tracing::debug!(leg = %head.instance, %error, "an offer that cannot be made");
                        return false;
                    }
                }
            }
        };
        self.interface = Some(destination.local.unwrap_or(listener.local().ip()));
        self.cseq += 1;
        let (request_uri, routes) = self.whither.routes.apply(self.whither.request_uri.as_str());
        let mut writer = RequestWriter::new(&Method::Invite, request_uri).header(Header::MaxForwards, self.hops);
        for route in routes {
            writer = writer.header(Header::Route, route);
        }
        writer = writer
            .header(Header::From, format_args!("{};tag={}", shown.from.as_str(), head.tag))
            .header(Header::To, shown.to.as_str())
            .header(Header::CallId, &head.call_id)
            .header(Header::CSeq, format_args!("{} INVITE", self.cseq))
            .header(Header::Contact, &own)
            .header(Header::Allow, ALLOW)
            .header(Header::Supported, SUPPORTED)
            .header(Header::UserAgent, &means.config.agent);
        if let Some(asserted) = &shown.asserted {
            writer = writer.header(Header::PAssertedIdentity, asserted);
        }
        if shown.private {
            writer = writer.header(Header::Privacy, "id");
        }
        if let Some(referred_by) = &self.referred_by {
            writer = writer.header(Header::ReferredBy, referred_by.reveal());
        }
        let proofs = self.authorization.as_ref().and_then(|authorization| authorization.proofs());
        for (header, value) in proofs.iter().flat_map(|proofs| proofs.iter()) {
            writer = writer.header(*header, value);
        }
        let invite = match &body {
            Some(text) => writer.body(SDP, text),
            None => writer.finish(),
        };
        let to = ClientUse::Invite {
            leg: head.instance,
            reach: head.reach(),
            dialog: None,
            offered: body.is_some(),
            proofs,
            acknowledged: SmallVec::new(),
        };
        let destination = destination.from_listener(id);
        let Some(key) = means.send(destination, invite, to) else { return false };
        self.attempt = Some(Attempt { key, destination, contact: own, media, body });
        (self.heard, self.by_tcp) = (false, false);
        head.set_timer(means, Timer::Response, self.whither.response);
        true
    }

    /// The time to the first response is over. Who has given none is left for the next address, trunk or branch. Nothing
    /// can be cancelled before a provisional response (RFC 3261 §9.1): the transaction goes on by itself, CANCELs when one
    /// comes after all, and a 2xx finds nobody and is hung up.
    pub(super) fn unheard(mut self: Box<Self>, head: &mut Head, means: &mut Means) -> State {
        let Some(attempt) = self.attempt.as_ref().filter(|_| !self.heard && !self.stopped) else {
            head.set_timer(means, Timer::Abandon, ABANDON_AFTER);
            return State::Outgoing(self);
        };
        // By TCP for its length: it goes by UDP after all where that says nothing (RFC 3261 §18.1.1), and has its time there.
        let at = means.transactions.destination(attempt.key);
        let by_tcp = at.is_some_and(|at| at.transport != attempt.destination.transport);
        if by_tcp || self.by_tcp {
            self.by_tcp = by_tcp;
            head.set_timer(means, Timer::Response, self.whither.response);
            return State::Outgoing(self);
        }
        let reason = cause::reason_header(&CauseKind::Timeout.into());
        means.transactions.cancel(means.now.instant, attempt.key, reason.as_deref());
        // A phone that says nothing is not there.
        let kind = if head.trunk().is_some() { CauseKind::Timeout } else { CauseKind::Unreachable };
        self.try_next(head, means, kind.into())
    }

    /// A request of the peer's in an early dialog. What changes the session waits for the answer to our INVITE.
    pub(super) fn handle_request(&mut self, means: &mut Means, inbound: &Inbound) {
        let Inbound { key, message, flow } = inbound;
        let Some(attempt) = &self.attempt else {
            return means.refuse(*key, message, flow, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        };
        if let Err(status) = self.forks.receive(message) {
            return means.refuse(*key, message, flow, status);
        }
        match message.method() {
            Some(Method::Options) => super::options::answer_in_dialog(means, inbound),
            // The target that it brings is the 2xx's to say (RFC 3261 §13.2.2.4): nothing is sent there before.
            Some(Method::Update) if sdp_of(message).is_none() => {
                super::update::accept_refresh(means, inbound, &attempt.contact);
            }
            // RFC 3311 §5.2, RFC 3261 §14.2: our INVITE, and the offer in it, has no final answer.
            Some(Method::Update | Method::Invite) => {
                means.counters.glares += 1;
                means.refuse(*key, message, flow, StatusCode::REQUEST_PENDING);
            }
            Some(Method::Info) => super::info::answer_early(means, inbound),
            // RFC 3261 §15: a callee ends its early dialog by refusing the INVITE, not by BYE.
            _ => means.refuse(*key, message, flow, StatusCode::TEMPORARILY_UNAVAILABLE),
        }
    }

    /// Where the offer's first stream is received.
    fn offered_address(&self) -> Option<IpAddr> {
        let stream = self.offer.as_ref()?.description().streams.iter().find_map(|stream| stream.rtp)?;
        Some(stream.ip())
    }

    /// A response to the INVITE.
    pub(super) fn handle_response(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        key: ClientKey,
        message: Message,
        flow: Flow,
    ) -> State {
        let current = self.attempt.as_ref().is_some_and(|attempt| attempt.key == key);
        let (Some(status), true) = (message.status(), current) else {
            if message.status().is_some_and(StatusCode::is_success) {
                super::ack::hang_up_stray(means, key, &message, &flow, head.reach());
            }
            return State::Outgoing(self);
        };
        self.heard = true;
        match status.class() {
            1 => {
                self.provisional(head, means, status, &message);
                State::Outgoing(self)
            }
            2 => self.accepted(head, means, &message, &flow),
            _ => self.refused(head, means, status, &message),
        }
    }

    fn provisional(&mut self, head: &Head, means: &mut Means, status: StatusCode, message: &Message) {
        if status == StatusCode::TRYING || self.stopped {
            return;
        }
        let Some(attempt) = &self.attempt else { return };
        let media = self.forks.provisional(&attempt.media, message);
        let heard = match (status, &media) {
            (StatusCode::RINGING, _) => (LegPhase::Ringing, None),
            (_, Some(_)) => (LegPhase::Early, None),
            // Another fork may go on (RFC 6228): the final response says what came of it.
            (StatusCode::EARLY_DIALOG_TERMINATED, None) => return,
            (StatusCode::CALL_IS_BEING_FORWARDED | StatusCode::QUEUED, None) => (self.phase, Some(status)),
            // RFC 3261 §8.1.3.2: what is not known is as 183; and that is what early media are told by.
            _ if self.phase == LegPhase::Early => (LegPhase::Early, None),
            _ => (self.phase, Some(StatusCode::SESSION_PROGRESS)),
        };
        let changed = heard != (self.phase, self.said);
        (self.phase, self.said) = heard;
        if changed || media.is_some() {
            let party = head.is_trusted(means).then(|| identity::asserted_in(message)).flatten();
            self.tell(head, means, media, party);
        }
    }

    /// Tells the switch how far it is.
    fn tell(&self, head: &Head, means: &mut Means, media: Option<MediaExchange>, party: Option<Party>) {
        let state = LegState {
            media,
            cause: self.said.map(|status| Cause { code: Some(status.code()), ..Cause::new(CauseKind::Normal) }),
            party,
            leg_id: Some(head.call_id.as_str().to_owned()),
            interface: self.interface,
            ..LegState::new(self.phase)
        };
        self.asked.progress(&mut means.outbox, one(state));
    }

    /// The first 2xx makes the session; those of other forks are hung up.
    fn accepted(mut self: Box<Self>, head: &mut Head, means: &mut Means, message: &Message, flow: &Flow) -> State {
        let Some(attempt) = self.attempt.take() else { return State::Over };
        head.cancel_timer(means, Timer::Abandon);
        head.cancel_timer(means, Timer::Response);
        let Attempt { key, contact, media: offered, .. } = attempt;
        if let Some(trunk) = head.trunk() {
            means.trunks.get_mut(trunk).status.answered += 1;
        }
        let tag = message.to_tag();
        let dialog = Dialog::of_response(message, head.tag.clone(), self.cseq, flow, head.reach(), &contact);
        let Ok(mut dialog) = dialog else {
            return self.fail(head, means, CauseKind::PeerMisbehaved.into());
        };
        let (mut media, remote_cseq) = self.forks.take(tag.as_ref(), &offered);
        dialog.resume(remote_cseq);
        let answer = negotiate(&mut media, message);
        let Self { asked, answered, stopped, cseq, .. } = *self;
        let mut session = Session::new(Requester::new(dialog, answered), media);
        session.resolve_next_hop(head, means);
        let wants_answer = matches!(answer, Ok(MediaExchange::Offer(_)));
        if wants_answer {
            session.unacknowledged = Some(Unacknowledged { key, cseq });
        } else {
            // RFC 3264 §4: an offer that cannot be served is answered too, by refusing each of its streams.
            let refusal = match (session.media.state(), sdp_of(message)) {
                (OfferAnswerState::Idle, Some(offer)) => session.media.refuse(&offer).ok(),
                _ => None,
            };
            acknowledge(means, &session.requester.dialog, key, cseq, refusal.as_ref());
        }
        match answer {
            Ok(media) if !stopped => {
                let state = LegState {
                    media: Some(media),
                    party: head.is_trusted(means).then(|| identity::asserted_in(message)).flatten(),
                    leg_id: Some(head.call_id.as_str().to_owned()),
                    interface: self.interface,
                    ..LegState::new(LegPhase::Answered)
                };
                tracing::debug!(leg = %head.instance, "leg answered by its peer");
                asked.done(&mut means.outbox, one(state));
            }
            // The 200 crossed our CANCEL.
            Ok(_) => {
                asked.failed(&mut means.outbox, Failure::because(CauseKind::Cancelled.into()));
                session.hang_up(head, means, CauseKind::Normal.into());
            }
            Err(error) => {
                tracing::debug!(leg = %head.instance, %error, "an answer that does not fit the offer");
                let cause = Cause::new(match error {
                    OfferAnswerError::NotAcceptable(_) => CauseKind::IncompatibleMedia,
                    _ => CauseKind::PeerMisbehaved,
                });
                asked.failed(&mut means.outbox, Failure::because(cause.clone()));
                session.hang_up(head, means, cause);
            }
        }
        State::Session(Box::new(session))
    }

    fn refused(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        status: StatusCode,
        message: &Message,
    ) -> State {
        let cause = cause::of_response(message, status);
        if self.stopped {
            return self.fail(head, means, cause);
        }
        if let (Some(attempt), 401 | 407) = (&self.attempt, status.code()) {
            let destination = attempt.destination;
            let (uri, _) = self.whither.routes.apply(self.whither.request_uri.as_str());
            let (trunk, former, answered) = (head.trunk(), self.authorization.take(), &mut self.answered);
            let answer = credentials::answer(means, trunk, former, answered, message, &Method::Invite, uri);
            if answer.is_some() {
                self.authorization = answer;
                self.forks.clear();
                return match self.invite(head, means, destination) {
                    true => State::Outgoing(self),
                    false => self.fail(head, means, cause),
                };
            }
        }
        // RFC 3263 §4.3: another address of the same name may do better.
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return self.try_next(head, means, cause);
        }
        let contacts = redirect::contacts_of(means, head, message, status);
        self.fail_with(head, means, cause, contacts)
    }

    /// Nobody answered the INVITE, or it did not leave.
    pub(super) fn unanswered(
        self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        key: ClientKey,
        kind: CauseKind,
    ) -> State {
        if self.attempt.as_ref().is_none_or(|attempt| attempt.key != key) {
            return State::Outgoing(self);
        }
        if self.stopped {
            return self.fail(head, means, kind.into());
        }
        self.try_next(head, means, kind.into())
    }

    /// It has come to nothing.
    fn fail(self: Box<Self>, head: &mut Head, means: &mut Means, cause: Cause) -> State {
        self.fail_with(head, means, cause, Vec::new())
    }

    /// The same; `contacts`: where the callee may be found instead.
    fn fail_with(self: Box<Self>, head: &mut Head, means: &mut Means, cause: Cause, contacts: Vec<Party>) -> State {
        if let Some(trunk) = head.trunk()
            && !self.stopped
            && counts_as_failure(&cause)
        {
            let status = &mut means.trunks.get_mut(trunk).status;
            status.failed += 1;
            let words = cause.text.as_deref().unwrap_or(cause.kind.name());
            status.last_failure = Some(match cause.code {
                Some(code) => format!("{code} {words}"),
                None => words.to_owned(),
            });
        }
        tracing::debug!(leg = %head.instance, cause = cause.kind.name(), code = cause.code, "leg refused");
        self.asked.failed(&mut means.outbox, Failure { contacts, ..Failure::because(cause) });
        State::Over
    }
}

/// Whether a trunk itself failed: no answer at all, or 5xx.
fn counts_as_failure(cause: &Cause) -> bool {
    match cause.code {
        Some(code) => (500..600).contains(&code),
        None => matches!(cause.kind, CauseKind::Timeout | CauseKind::Unreachable | CauseKind::PeerFailure),
    }
}

/// What a 2xx says of the media: the answer to our offer, or where we made none the peer's.
fn negotiate(media: &mut OfferAnswer, message: &Message) -> Result<MediaExchange, OfferAnswerError> {
    let text = sdp_of(message);
    match (media.state(), text) {
        (OfferAnswerState::Idle, Some(text)) => {
            media.receive_offer(&text).map(|offered| MediaExchange::Offer(offered.description))
        }
        (OfferAnswerState::Idle, None) => Err(OfferAnswerError::AnswerMissing),
        (_, Some(text)) => {
            media.receive_answer(&text, AnswerKind::Final)?;
            answer_of(media).ok_or(OfferAnswerError::AnswerMissing)
        }
        (_, None) => {
            media.settle_early()?;
            answer_of(media).ok_or(OfferAnswerError::AnswerMissing)
        }
    }
}
