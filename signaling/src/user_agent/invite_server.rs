//! The leg that comes in (RFC 3261 §13.3).

pub(super) mod early;
mod own_offer;
mod reliable;

use super::ack::AwaitingAck;
use super::body::{SDP, origin_address, sdp_of, told};
use super::call_identity;
use super::cause;
use super::connectivity::Connecting;
use super::contact::contact_for;
use super::fork::P_EARLY_MEDIA;
use super::header_policy;
use super::identity;
use super::in_dialog::Requester;
use super::leg::{Head, Inbound, Leg, Peer, Purpose, State, Timer};
use super::means::Means;
use super::options::{ALLOW, SUPPORTED_IN_CALLS};
use super::redirect;
use super::refresh::refuse_too_small;
use super::remote_party;
use super::securing::Securing;
use super::session::Session;
use super::session_timer::{Granted, SessionTimer};
use super::trickle;
use super::verifying::{Held, verification};
use crate::dialog::Dialog;
use crate::identity::Verification;
use crate::message::{Header, Message, Method, Replaces, Scheme, StatusCode, Tag};
use crate::sdp::{OfferAnswer, OfferAnswerError, OfferAnswerState, Unacceptable};
use crate::transaction::ServerKey;
use crate::transport::Flow;
pub(super) use reliable::OPTION as RELIABLE;
use reliable::Provisional;
use router::parameter::{
    self, CauseKind, Failure, LegPhase, LegState, MediaExchange, Origin, Parameter, Party, Reason,
};
use router::time::Duration;
use router::{Command, Packet, one};

/// How long the switch may take for a call, ringing included: beyond any limit that it is set itself.
pub(super) const CALL_WITHIN: Duration = Duration::from_secs(3600);

/// How often a caller is told that it still rings.
const RING_INTERVAL: Duration = Duration::from_secs(60);

/// An INVITE that may become a call: who asks, for whom, and that it may.
pub(crate) struct Invitation {
    pub(crate) key: ServerKey,
    pub(crate) message: Message,
    pub(crate) flow: Flow,
    pub(crate) peer: Peer,
    pub(crate) origin: Origin,
    pub(crate) caller: Party,
    /// Whether we, or who sent it and is trusted, found the caller to be that one.
    pub(crate) verified: bool,
    pub(crate) anonymous: bool,
    pub(crate) called: Party,
    pub(crate) hops: u8,
}

/// An INVITE without final response.
#[derive(Debug)]
pub(crate) struct Incoming {
    key: ServerKey,
    invite: Message,
    flow: Flow,
    dialog: Dialog,
    media: OfferAnswer,
    /// The provisional status that the caller was told last, and who rings.
    told: Option<(StatusCode, Option<Party>)>,
    provisional: Provisional,
    /// Whether the caller understands P-Early-Media, and is believed.
    says_early: bool,
    /// An offer in the early dialog that the call considers.
    theirs: Option<Box<Inbound>>,
    /// The call's answer, while something has to come before it.
    answered: Option<Box<LegState>>,
    /// The call itself, while its signatures are looked at.
    pub(super) held: Option<Box<Held>>,
}

impl Leg {
    /// Takes an INVITE and asks the switch for a call. `None`: it was refused.
    pub(crate) fn incoming(means: &mut Means, mut invitation: Invitation) -> Option<Self> {
        let policy = invitation.peer.policy(means);
        let asked = Inbound { key: invitation.key, message: invitation.message, flow: invitation.flow };
        if refuse_too_small(means, &policy, &asked) {
            return None;
        }
        invitation.message = asked.message;
        if let Some((status, header)) = reliable::disagreement(&policy, &invitation.message) {
            let Invitation { key, message, flow, .. } = &invitation;
            let tag = means.mint_tag();
            let response = means.response(message, flow, status, &tag).header(header, RELIABLE).finish();
            means.respond(*key, response);
            invitation.tell_refused(means, status, "provisional responses that are acknowledged (100rel)");
            return None;
        }
        let account = match &invitation.origin {
            Origin::Account(account) => Some(account.clone()),
            _ => None,
        };
        let securing = Securing::of(means, &invitation.peer, account.as_deref(), invitation.flow.transport);
        let security = securing.begin(&mut means.random);
        let ice = Connecting::of(means, &invitation.peer, account.as_deref()).begin(&mut means.random);
        let listener = means.config.listeners.get(invitation.flow.listener);
        let address = origin_address(listener, Some(invitation.flow.local.ip()));
        let media = OfferAnswer::new(means.random.next_u64(), address).with_security(security).with_ice(ice);
        let mut media = media.with_metrics(means.config.voip_metrics);
        let offer = sdp_of(&invitation.message).map(|text| media.receive_offer(&text)).transpose();
        if let Err(error) = &offer {
            invitation.tell_refused(means, status_of_offer(error), &error.to_string());
        }
        let Invitation { key, message, flow, peer, origin, caller, verified, anonymous, called, hops } = invitation;
        let mut contact = means.contact_at(&flow);
        if let Ok(uri) = message.request_uri() {
            contact = contact_for(contact, uri);
        }
        let offer = match offer {
            Ok(offer) => offer,
            Err(error) => {
                refuse_offer(means, &Inbound { key, message, flow }, &error);
                return None;
            }
        };
        let Ok(call_id) = message.call_id_owned() else {
            means.refuse(key, &message, &flow, StatusCode::BAD_REQUEST);
            return None;
        };
        let dialog_named = match dialog_named(&message) {
            Ok(named) => named,
            Err(reason) => {
                means.refuse_because(key, &message, &flow, StatusCode::BAD_REQUEST, reason);
                return None;
            }
        };
        let instance = means.instances.mint();
        // Who is to take a place in a call is taken there: that one's shard is its dialog's home.
        let switch = dialog_named.as_ref().map_or(means.switch(), |named| means.switch_of(&named.leg_id));
        let call = switch.at(means.instances.mint());
        let mut head = Head::new(means, instance, call, peer, true, call_id);
        head.account.clone_from(&account);
        let contact = head.contact_by_flow(means, contact);
        let dialog = match Dialog::of_request(&message, head.tag.clone(), &flow, head.reach(), &contact) {
            Ok(dialog) => dialog,
            Err(defect) => {
                let reason = defect.to_string();
                let response = means.response(&message, &flow, defect.status(), &head.tag).reason(&reason).finish();
                means.respond(key, response);
                Self { head, state: State::Over }.forget(means);
                return None;
            }
        };
        let id = means.mint_call();
        means.trace.name(&id, &head.call_id);
        tracing::debug!(leg = %instance, call = %id, "leg in");
        let wanted = parameter::Call {
            id,
            origin,
            caller,
            anonymous,
            called,
            media: offer.map(|offer| MediaExchange::Offer(offer.description)),
            hops,
            interface: flow.local.ip(),
            leg_id: head.call_id.as_str().to_owned(),
            verified,
            referred_by: if anonymous { None } else { identity::referred_by(&message) },
            placement: None,
            path: Vec::new(),
            ring_ms: None,
            passed: header_policy::collect(means, head.trunk(), &message),
            identity: call_identity::collect(means, head.trunk(), &message),
            // RFC 3261 §26.2.2.
            secure: message.request_uri().is_ok_and(|uri| uri.scheme() == Scheme::Sips),
            host: Some(flow.remote.ip().to_canonical()),
            early_offer: false,
        };
        let provisional = Provisional::of(&policy, &message, wanted.media.is_some(), &mut means.random);
        let wanted = parameter::Call { early_offer: provisional.takes_offer(), ..wanted };
        let mut wanted = one(wanted);
        wanted.extend(dialog_named.map(Parameter::from));
        let mut held = None;
        match verification(means, &head) {
            Verification::Never => head.request(means, Command::Start, wanted, CALL_WITHIN, Purpose::Call),
            _ => held = Some(Box::new(Held::new(means, &head, &message, wanted))),
        }
        // RFC 3261 §13.3.1: it is answered within that time, or refused.
        if let Some(within) = message.expires().ok().flatten().map(|seconds| Duration::from_secs(seconds.into()))
            && within < CALL_WITHIN
        {
            head.set_timer(means, Timer::Expires, within);
        }
        head.ask_for_own_target(means, &dialog, &message, account.as_deref());
        means.servers.insert(key, instance);
        let incoming = Incoming {
            key,
            provisional,
            says_early: head.is_trusted(means) && message.header(P_EARLY_MEDIA).is_some(),
            invite: message,
            flow,
            dialog,
            media,
            told: None,
            theirs: None,
            answered: None,
            held,
        };
        let state = Box::new(incoming).weigh(&mut head, means, false);
        Some(Self { head, state })
    }
}

impl Incoming {
    /// Its dialog.
    pub(super) fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    /// The caller's tag.
    pub(super) fn remote_tag(&self) -> Option<&Tag> {
        self.dialog.id().remote_tag.as_ref()
    }

    /// The switch says how far the call is.
    pub(super) fn progress(&mut self, head: &mut Head, means: &mut Means, packet: Packet) {
        let Some(Parameter::LegState(state)) = packet.parameters.into_iter().next() else { return };
        let status = match (state.cause.as_ref().and_then(|cause| cause.code), state.phase) {
            (Some(code @ 181..=183), _) => StatusCode::new(code),
            (_, LegPhase::Ringing) => Some(StatusCode::RINGING),
            (_, LegPhase::Early) => Some(StatusCode::SESSION_PROGRESS),
            (_, LegPhase::Trying | LegPhase::Answered | LegPhase::Released) => None,
        };
        let Some(status) = status else { return };
        if let Some(MediaExchange::Answer(answer)) = &state.media
            && self.media.state() == OfferAnswerState::RemoteOfferPending
            && let Err(error) = self.media.make_answer(answer)
        {
            // The final answer decides.
            tracing::debug!(leg = %head.instance, %error, "early media that does not fit the offer");
        }
        if let Some(MediaExchange::Offer(offer)) = &state.media {
            self.offer_early(head, means, offer);
        }
        self.told = Some((status, state.party));
        self.want_offer(head, means);
        self.ring(head, means);
    }

    /// A timer is due.
    pub(super) fn handle_timer(mut self: Box<Self>, head: &mut Head, means: &mut Means, timer: Timer) -> State {
        match timer {
            Timer::Repeat => self.repeat_provisional(head, means),
            Timer::Certificate => self.weigh(head, means, true),
            Timer::Expires => {
                let text = Some("the INVITE has expired".to_owned());
                self.cancelled(head, means, parameter::Cause { text, ..parameter::Cause::new(CauseKind::Cancelled) })
            }
            _ => {
                self.ring(head, means);
                State::Incoming(self)
            }
        }
    }

    fn ring(&mut self, head: &mut Head, means: &mut Means) {
        let Some((status, party)) = &self.told else { return };
        if !self.provisional.is_free() {
            return;
        }
        let mut writer = means
            .response(&self.invite, &self.flow, *status, &head.tag)
            .header(Header::Contact, self.dialog.contact())
            .header(Header::Allow, ALLOW)
            .header(Header::Supported, SUPPORTED_IN_CALLS);
        writer = trickle::write_response(&self.media, writer);
        if let Some(asserted) = self.asserted(head, means, party.as_ref()) {
            writer = remote_party::write_answered(means, head, writer, &asserted);
        }
        // Our answer, or our offer, which is in the first one that is acknowledged (RFC 3262 §5).
        let has_own = matches!(self.media.state(), OfferAnswerState::Established | OfferAnswerState::LocalOfferPending);
        if self.says_early {
            writer = writer.header(P_EARLY_MEDIA, if has_own { "sendrecv" } else { "inactive" });
        }
        writer = self.provisional.write(writer);
        // Without 100rel each of them carries the answer: any may be lost (RFC 6337 §3.1.1).
        let described = has_own && !self.provisional.has_described();
        let response = match self.media.local_text().filter(|_| described) {
            Some(text) => writer.body(SDP, text),
            None => writer.finish(),
        };
        means.respond(self.key, response.clone());
        if let Some(again) = self.provisional.sent(means, response, described) {
            head.set_timer(means, Timer::Repeat, again);
        }
        head.set_timer(means, Timer::Ring, RING_INTERVAL);
    }

    /// The switch's last word on the call.
    pub(super) fn decide(mut self: Box<Self>, head: &mut Head, means: &mut Means, packet: Packet) -> State {
        match packet.command {
            Command::Done => {
                self.answered = Some(match packet.parameters.into_iter().next() {
                    Some(Parameter::LegState(state)) => state,
                    _ => Box::new(LegState::new(LegPhase::Answered)),
                });
                self.go_on(head, means)
            }
            _ => self.refuse(means, head, &packet.failure()),
        }
    }

    /// 200, to be repeated until its ACK comes.
    fn accept(mut self: Box<Self>, head: &mut Head, means: &mut Means, state: LegState) -> State {
        let described = match (&state.media, self.media.state()) {
            (Some(MediaExchange::Answer(answer)), OfferAnswerState::RemoteOfferPending) => {
                self.media.make_answer(answer).map(Some)
            }
            (Some(MediaExchange::Offer(offer)), OfferAnswerState::Idle) => self.media.make_offer(offer).map(Some),
            // The answer was made early, and stands (RFC 3261 §13.2.1).
            (_, OfferAnswerState::Established) => Ok(self.media.local_text().cloned()),
            _ => Ok(None),
        };
        let offered = self.media.state() == OfferAnswerState::LocalOfferPending;
        let body = match described {
            Ok(Some(body)) => body,
            Ok(None) | Err(OfferAnswerError::Local(_)) => {
                head.tell_stopped(means, CauseKind::Internal.into());
                return self.refuse(means, head, &Failure::new(Reason::Internal));
            }
            Err(_) => {
                head.tell_stopped(means, CauseKind::IncompatibleMedia.into());
                return self.refuse(means, head, &Failure::because(CauseKind::IncompatibleMedia.into()));
            }
        };
        if let Some(name) = &state.conference {
            self.dialog.become_focus(name.as_str());
        }
        let mut writer = means
            .response(&self.invite, &self.flow, StatusCode::OK, &head.tag)
            .header(Header::Contact, self.dialog.contact())
            .header(Header::Allow, ALLOW)
            .header(Header::Supported, SUPPORTED_IN_CALLS);
        writer = trickle::write_response(&self.media, writer);
        if let Some(asserted) = self.asserted(head, means, state.party.as_ref()) {
            writer = remote_party::write_answered(means, head, writer, &asserted);
        }
        let mut timer = SessionTimer::default();
        let granted = timer.grant(&head.policy(means), &self.invite, means.now.instant);
        let writer = Granted::write(granted, writer);
        // What the caller has for certain is not said twice: another description would be an offer.
        let response = match self.provisional.has_described() {
            true => writer.finish(),
            false => writer.body(SDP, &body),
        };
        means.servers.remove(&self.key);
        head.cancel_timer(means, Timer::Ring);
        head.cancel_timer(means, Timer::Expires);
        let Self { key, invite, mut dialog, media, provisional, .. } = *self;
        let cseq = invite.cseq().map_or(0, |cseq| cseq.number);
        means.respond(key, response.clone());
        dialog.confirm(None);
        let mut session = Session::new(Requester::new(dialog, Default::default()), media);
        session.timer = timer;
        session.unacknowledged_rseq = provisional.unacknowledged();
        session.follow_interval(head, means);
        session.await_ack(head, means, AwaitingAck::new(means, key, cseq, response, offered));
        session.resolve_next_hop(head, means);
        tracing::debug!(leg = %head.instance, "leg answered by the switch");
        State::Session(Box::new(session))
    }

    /// A final response that refuses.
    pub(super) fn refuse(self: Box<Self>, means: &mut Means, head: &mut Head, failure: &Failure) -> State {
        means.servers.remove(&self.key);
        head.cancel_timer(means, Timer::Repeat);
        if let Some(rseq) = self.provisional.unacknowledged() {
            means.late_pracks.note(means.now.instant, &head.tag, rseq, means.config.timers.transaction());
        }
        if let Some(Inbound { key, message, flow }) = self.theirs.as_deref() {
            means.refuse(*key, message, flow, StatusCode::REQUEST_TERMINATED);
        }
        let elsewhere = redirect::told(failure, self.dialog.contact());
        let status = elsewhere.as_ref().map_or_else(|| cause::status_of_failure(failure), |(status, _)| *status);
        let mut writer = means.response(&self.invite, &self.flow, status, &head.tag);
        for place in elsewhere.iter().flat_map(|(_, places)| places) {
            writer = writer.header(Header::Contact, place);
        }
        let words = head.tells_words(means);
        if let Some(reason) = failure.cause.as_ref().and_then(|cause| cause::reason_header(cause, words)) {
            writer = writer.header(Header::Reason, reason);
        }
        if let Some(seconds) = failure.retry_after_s {
            writer = writer.header(Header::RetryAfter, seconds);
        }
        // RFC 3261 §21.4.26: a refusal of ours says what is missing; a callee's was about another description.
        let own = failure.cause.as_ref().is_some_and(|cause| cause.code.is_none());
        if status == StatusCode::NOT_ACCEPTABLE_HERE && own {
            let no_codec = OfferAnswerError::NotAcceptable(Unacceptable::Codec);
            if let Some(warning) = warning_of(means, &self.flow, &no_codec) {
                writer = writer.header(Header::Warning, warning);
            }
        }
        let response = writer.finish();
        means.respond(self.key, response);
        State::Over
    }

    /// A final response that refuses it in those words.
    pub(super) fn answer_refused(
        self: Box<Self>,
        means: &mut Means,
        head: &mut Head,
        status: StatusCode,
        phrase: &str,
    ) -> State {
        means.servers.remove(&self.key);
        head.cancel_timer(means, Timer::Expires);
        let response = means.response(&self.invite, &self.flow, status, &head.tag).reason(phrase).finish();
        means.respond(self.key, response);
        State::Over
    }

    /// The caller gave up (RFC 3261 §9.2).
    pub(super) fn cancelled(mut self: Box<Self>, head: &mut Head, means: &mut Means, cause: parameter::Cause) -> State {
        if !self.held_cancelled(head, means, &cause) {
            head.tell_stopped(means, cause);
        }
        self.refuse(means, head, &Failure::because(CauseKind::Cancelled.into()))
    }

    /// A request in the early dialog.
    pub(super) fn handle_request(mut self: Box<Self>, head: &mut Head, means: &mut Means, inbound: Inbound) -> State {
        let Inbound { key, message, flow } = &inbound;
        if self.dialog.receive(message, flow).is_err() {
            means.refuse(*key, message, flow, StatusCode::SERVER_INTERNAL_ERROR);
            return State::Incoming(self);
        }
        match message.method() {
            // RFC 3261 §15: a caller may end its early dialog by BYE; the INVITE is answered all the same (§15.1.2).
            Some(Method::Bye) => {
                means.refuse(*key, message, flow, StatusCode::OK);
                let cause = cause::of_request(message, CauseKind::Cancelled);
                return self.cancelled(head, means, cause);
            }
            Some(Method::Options) => super::options::answer_in_dialog(means, &inbound),
            Some(Method::Update) if sdp_of(message).is_none() => {
                super::update::accept_refresh(means, &inbound, self.dialog.contact(), None);
            }
            Some(Method::Update) => self.consider_early(head, means, inbound),
            Some(Method::Prack) => return self.handle_prack(head, means, inbound),
            // RFC 3261 §14.2: the INVITE has no final answer.
            Some(Method::Invite) => super::reinvite::refuse_pending(means, &inbound),
            Some(Method::Info) if trickle::is_trickled(message) => {
                trickle::take(head, means, &inbound, Some(&mut self.media), Some(LegPhase::Early));
            }
            Some(Method::Info | Method::Message) => super::info::answer_early(means, &inbound),
            Some(Method::Subscribe) => super::subscribing::refuse(means, &inbound),
            Some(Method::Publish) => means.refuse(*key, message, flow, StatusCode::METHOD_NOT_ALLOWED),
            _ => means.refuse(*key, message, flow, StatusCode::TEMPORARILY_UNAVAILABLE),
        }
        State::Incoming(self)
    }

    fn asserted(&self, head: &Head, means: &Means, party: Option<&Party>) -> Option<String> {
        let party = party.filter(|party| head.is_trusted(means) && !party.user().is_empty())?;
        identity::asserted(party, means.domain_at(self.flow.listener))
    }
}

/// The dialog whose peer the sender of an INVITE is to take the place of (RFC 3891 §3), or whose call it is to join (RFC 3911 §4); or what
/// is wrong with it: one header at most, and none that says something else.
fn dialog_named(invite: &Message) -> Result<Option<parameter::Dialog>, &'static str> {
    let mut lines = invite.lines(Header::Replaces).map(|line| (line, false));
    let mut joins = invite.lines(Header::Join).map(|line| (line, true));
    let Some((line, join)) = lines.next().or_else(|| joins.next()) else { return Ok(None) };
    if lines.next().is_some() || joins.next().is_some() {
        return Err("More Than One Replaces Or Join Header");
    }
    // A Join is written as a Replaces is, without the one that is for early dialogs alone (RFC 3911 §7.1).
    let named = std::str::from_utf8(line).ok().and_then(Replaces::parse).ok_or("Malformed Replaces Or Join Header")?;
    let early_only = named.early_only && !join;
    Ok(Some(parameter::Dialog { join, early_only, ..super::refer::dialog_of(&named) }))
}

/// The status that refuses an offer.
fn status_of_offer(error: &OfferAnswerError) -> StatusCode {
    error.status().and_then(StatusCode::new).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
}

/// Refuses an offer that cannot be taken.
pub(super) fn refuse_offer(means: &mut Means, inbound: &Inbound, error: &OfferAnswerError) {
    let Inbound { key, message, flow } = inbound;
    let status = status_of_offer(error);
    let tag = means.mint_tag();
    let retry_after = super::glare::retry_after(&mut means.random);
    let reason = match error {
        OfferAnswerError::Malformed(fault) => fault.to_string(),
        _ => status.reason().to_owned(),
    };
    let mut writer = means.response(message, flow, status, &tag).reason(&reason);
    if let Some(warning) = warning_of(means, flow, error) {
        writer = writer.header(Header::Warning, warning);
    }
    if matches!(error, OfferAnswerError::OfferPending) {
        writer = writer.header(Header::RetryAfter, retry_after);
    }
    let response = writer.finish();
    means.respond(*key, response);
}

/// The value of the Warning that says why an offer is refused (RFC 3261 §20.43).
fn warning_of(means: &Means, flow: &Flow, error: &OfferAnswerError) -> Option<String> {
    let (code, text) = error.warning()?;
    let agent = means.config.listeners.get(flow.listener).map_or("-", |listener| listener.advertised().host());
    Some(format!("{code} {agent} \"{text}\""))
}

/// What an agreement tells the switch, as an answer.
pub(super) fn answer_of(media: &OfferAnswer) -> Option<MediaExchange> {
    media.agreement().map(|agreement| MediaExchange::Answer(told(agreement)))
}
