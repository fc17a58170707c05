//! The leg that goes out (RFC 3261 §13.2).

mod another_offer;
mod attempt;
mod outcome;
mod prack;

use super::body::sdp_of;
use super::cause;
use super::credentials::{Answered, Authorization};
use super::destination::{Hop, Whither, in_order};
use super::fork::Forks;
use super::leg::{Head, Inbound, Leg, Peer, State, Timer, not_now};
use super::means::Means;
use super::number_parameters;
use super::session_timer::SessionTimer;
use super::signing;
use super::trickle;
use crate::message::{Message, Method, StatusCode, Tag};
use crate::sdp::OfferAnswer;
use crate::transaction::ClientKey;
use crate::transport::{Destination, Resolution, Sought};
use another_offer::Another;
use bytes::Bytes;
use prack::{OfferedEarly, TheirsEarly};
use router::parameter::{self, Cause, CauseKind, Failure, LegPhase, LegState, LegTags, MediaExchange, Party, Reason};
use router::time::Duration;
use router::{Asked, Packet, Private, ShortText, one};
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
    /// What the caller's leg said for this one.
    passed: Option<Vec<parameter::Passed>>,
    /// What is told of the caller beside the name.
    identity: Option<Box<parameter::CallIdentity>>,
    /// Whose phone it is.
    account: Option<ShortText>,
    /// Where that account has been registered since.
    pub(super) contacts: Option<Box<[parameter::Contact]>>,
    offer: Option<MediaExchange>,
    /// Max-Forwards of its INVITEs.
    hops: u8,
    /// What has to be found first.
    sought: Option<Sought>,
    /// Addresses that are still to be tried.
    further: VecDeque<Destination>,
    /// Whether there were several.
    several: bool,
    attempt: Option<Attempt>,
    cseq: u32,
    answered: Answered,
    authorization: Option<Box<Authorization>>,
    forks: Forks,
    timer: SessionTimer,
    /// An offer in an early dialog that the call considers.
    theirs: Option<Box<TheirsEarly>>,
    /// Whether the peer could do with nothing that it was offered, and what came of that.
    another: Another,
    offered_early: Option<OfferedEarly>,
    phase: LegPhase,
    /// The status that told how far it is, where the phase does not say it.
    said: Option<StatusCode>,
    interface: Option<IpAddr>,
    /// The host that the peer has answered from.
    host: Option<IpAddr>,
    /// For how long its peer said that it serves nobody.
    retry_after: Option<Duration>,
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
        let parameter::Leg {
            call_id,
            target,
            caller,
            anonymous,
            called,
            media,
            hops,
            verified,
            referred_by,
            passed,
            account,
            secure,
            urgent,
            identity,
        } = wanted;
        if let Some(MediaExchange::Answer(_)) = media {
            asked.failed(&mut means.outbox, Failure::new(Reason::Invalid).with_detail("no offer"));
            return None;
        }
        // RFC 3261 §16.3: with 0 nothing is sent on; §16.6 step 3: else it goes on with one less.
        let Some(hops) = hops.checked_sub(1) else {
            asked.failed(&mut means.outbox, Failure::because(CauseKind::TooManyHops.into()));
            return None;
        };
        let mut whither = match Whither::new(means, &target, &caller, secure, urgent) {
            Ok(whither) => whither,
            Err(failure) => {
                asked.failed(&mut means.outbox, failure);
                return None;
            }
        };
        let sip_call_id = means.mint_call_id();
        let peer = whither.peer.clone();
        let mut head = Head::new(means, packet.destination.instance, asked.source(), peer, false, sip_call_id);
        head.account.clone_from(&account);
        means.trace.name(&call_id, &head.call_id);
        tracing::debug!(leg = %head.instance, call = %call_id, "leg out");
        if let Some(trunk) = head.trunk() {
            means.trunks.get_mut(trunk).status.offered += 1;
        }
        let mut caller = caller;
        if let (Some(trunk), Some(passed)) = (head.trunk(), &passed) {
            let names = &means.trunks.get(trunk).config.headers.numbers;
            number_parameters::write(names, passed, &mut caller, &mut whither.request_uri);
        }
        signing::write_verstat(means, &head, identity.as_deref(), &mut caller);
        let (sought, further) = match std::mem::replace(&mut whither.hop, Hop::Addresses(VecDeque::new())) {
            Hop::Addresses(addresses) => (None, addresses),
            Hop::Name(sought) => (Some(sought), VecDeque::new()),
        };
        let outgoing = Box::new(Outgoing {
            asked,
            whither: Box::new(whither),
            caller,
            called,
            verified,
            anonymous,
            referred_by,
            passed,
            identity,
            account,
            contacts: None,
            offer: media,
            hops,
            sought,
            further,
            several: false,
            attempt: None,
            cseq: 0,
            answered: Answered::default(),
            authorization: None,
            forks: Forks::default(),
            timer: SessionTimer::default(),
            theirs: None,
            another: Another::default(),
            offered_early: None,
            phase: LegPhase::Trying,
            said: None,
            interface: None,
            host: None,
            retry_after: None,
            heard: false,
            by_tcp: false,
            stopped: false,
        });
        // The time to its first response comes first, once it is known where it goes.
        if outgoing.sought.is_some() {
            head.set_timer(means, Timer::Abandon, ABANDON_AFTER);
        }
        let state = match &outgoing.sought {
            Some(sought) if !means.resolving.ask(sought, head.instance) => {
                outgoing.fail(&mut head, means, CauseKind::Congestion.into())
            }
            Some(_) => {
                outgoing.tell(&head, means, None, None, None);
                State::Outgoing(outgoing)
            }
            None => {
                let state = outgoing.try_next(&mut head, means, CauseKind::Unreachable.into());
                if let State::Outgoing(outgoing) = &state {
                    outgoing.tell(&head, means, None, None, None);
                }
                state
            }
        };
        Some(Self { head, state })
    }
}

impl Outgoing {
    /// Whether one of its early dialogs is with whom that tag names.
    pub(super) fn has_dialog_with(&self, tag: &str) -> bool {
        !self.stopped && self.forks.knows(tag)
    }

    /// The switch repeats its request.
    pub(super) fn started_again(&mut self, head: &Head, means: &mut Means, asked: Asked) {
        if self.stopped {
            return asked.failed(&mut means.outbox, not_now());
        }
        self.asked.superseded(&mut means.outbox, asked);
        self.tell(head, means, None, None, None);
    }

    /// It is found, or not to be found.
    pub(super) fn resolved(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        sought: &Sought,
        resolution: &Resolution,
    ) -> State {
        if self.sought.take_if(|waits| waits == sought).is_none() {
            return State::Outgoing(self);
        }
        if let Resolution::Known(places) = resolution {
            self.further = in_order(means, places);
            // The name is one that a proxy before the phone has given itself.
            if head.peer == Peer::Account {
                self.further.retain(|to| means.config.is_edge_proxy(to.remote.ip()));
            }
            self.several = self.further.len() > 1;
        }
        let state = self.try_next(head, means, CauseKind::Unreachable.into());
        if let State::Outgoing(outgoing) = &state {
            outgoing.tell(head, means, None, None, None);
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
        let reason = cause::reason_header(&cause, head.tells_words(means));
        means.transactions.cancel(means.now.instant, attempt.key, reason.as_deref());
        self.stopped = true;
        self.further.clear();
        self.whither.others.clear();
        State::Outgoing(self)
    }

    /// A request of the peer's in an early dialog. What changes the session waits for the answer to our INVITE.
    pub(super) fn handle_request(&mut self, head: &mut Head, means: &mut Means, inbound: &Inbound) {
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
                super::update::accept_refresh(means, inbound, &attempt.contact, None);
                self.heed_early_media(head, means, message.from_tag().as_ref(), message);
            }
            Some(Method::Update) => {
                let contact = attempt.contact.clone();
                self.heed_early_media(head, means, message.from_tag().as_ref(), message);
                self.consider_early(head, means, inbound, &contact);
            }
            // RFC 3261 §14.2: our INVITE has no final answer.
            Some(Method::Invite) => {
                means.counters.glares += 1;
                means.refuse(*key, message, flow, StatusCode::REQUEST_PENDING);
            }
            Some(Method::Info) if trickle::is_trickled(message) => {
                let tag = message.from_tag();
                // RFC 8840 §4.3: they are of one dialog, and the call's port is another's as long as another one is heard.
                let phase = self.is_told(tag.as_ref()).then_some(LegPhase::Early);
                let media = self.forks.media(tag.as_ref());
                trickle::take(head, means, inbound, media, phase);
            }
            Some(Method::Info | Method::Message) => super::info::answer_early(means, inbound),
            Some(Method::Subscribe) => super::subscribing::refuse(means, inbound),
            Some(Method::Publish) => means.refuse(*key, message, flow, StatusCode::METHOD_NOT_ALLOWED),
            // RFC 3261 §15: a callee ends its early dialog by refusing the INVITE, not by BYE.
            _ => means.refuse(*key, message, flow, StatusCode::TEMPORARILY_UNAVAILABLE),
        }
    }

    /// A message of a far end's other than a response to the INVITE says whether media are sent early (RFC 5009 §6), and is believed.
    fn heed_early_media(&mut self, head: &Head, means: &mut Means, tag: Option<&Tag>, message: &Message) {
        if self.stopped || !head.is_trusted(means) {
            return;
        }
        let Some(media) = self.forks.heed_silence(tag, message) else { return };
        let phase = if self.forks.is_anybody_heard() { LegPhase::Early } else { LegPhase::Ringing };
        (self.phase, self.said) = (phase, None);
        self.tell(head, means, Some(media), None, tag.map(Tag::as_str));
    }

    /// Tells the switch how far it is.
    fn tell(
        &self,
        head: &Head,
        means: &mut Means,
        media: Option<MediaExchange>,
        party: Option<Party>,
        tag: Option<&str>,
    ) {
        let state = LegState {
            media,
            cause: self.said.map(|status| Cause { code: Some(status.code()), ..Cause::new(CauseKind::Normal) }),
            party,
            leg_id: Some(head.call_id.as_str().to_owned()),
            interface: self.interface,
            host: self.host,
            tags: tag.map(|tag| LegTags { local: head.tag.as_str().into(), remote: tag.into() }),
            ..LegState::new(self.phase)
        };
        self.asked.progress(&mut means.outbox, one(state));
    }
}
