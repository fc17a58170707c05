//! Provisional responses that are acknowledged (RFC 3262 §3): each is repeated until its PRACK comes, and the next one waits for that.
//! They are the leg's own affair: the callee need not know of them.

use super::{Incoming, answer_of};
use crate::message::{Header, Message, RAck, ResponseWriter, StatusCode};
use crate::policy::{CallPolicy, Reliability};
use crate::sdp::{AnswerKind, OfferAnswerState};
use crate::user_agent::body::sdp_of;
use crate::user_agent::leg::{Head, Inbound, Purpose, State, Timer};
use crate::user_agent::means::Means;
use crate::user_agent::session::LEG_WITHIN;
use bytes::Bytes;
use router::parameter::{Cause, CauseKind, Failure, LegPhase, LegState};
use router::time::{Duration, Instant};
use router::{Command, Random, one};

/// The option tag.
pub(in crate::user_agent) const OPTION: &str = "100rel";

/// How the caller is told how far its call is.
#[derive(Debug)]
pub(super) enum Provisional {
    /// By responses of which any may be lost.
    Plain,
    /// By responses that it acknowledges.
    Reliable(Box<Reliable>),
    /// The first one that it acknowledges has to bring the offer that it did not make (RFC 3262 §5), which is the callee's to make. Until there
    /// is one, by others; where it wants to acknowledge each, the call is asked for one as soon as there is something to tell.
    Offerless {
        /// Whether it wants that.
        withheld: bool,
        /// Whether the call was asked.
        asked: bool,
    },
}

/// The responses that are acknowledged.
#[derive(Debug)]
pub(super) struct Reliable {
    /// RSeq of the last one.
    number: u32,
    outstanding: Option<Outstanding>,
    /// Something newer is to be told.
    more: bool,
    /// Whether one that was acknowledged has brought our answer.
    described: bool,
}

/// One that is not acknowledged.
#[derive(Debug)]
struct Outstanding {
    response: Bytes,
    interval: Duration,
    until: Instant,
    described: bool,
}

/// What a caller's INVITE and the configuration do not agree on: the status that refuses it, and a header that says what.
pub(super) fn disagreement(policy: &CallPolicy, invite: &Message) -> Option<(StatusCode, Header)> {
    match policy.reliable {
        Reliability::Never if requires(invite) => Some((StatusCode::BAD_EXTENSION, Header::Unsupported)),
        Reliability::Required if !invite.supports(OPTION) => Some((StatusCode::EXTENSION_REQUIRED, Header::Require)),
        Reliability::Never | Reliability::Supported | Reliability::Required => None,
    }
}

fn requires(invite: &Message) -> bool {
    invite.require().any(|option| option.eq_ignore_ascii_case(OPTION))
}

impl Provisional {
    /// Of a caller's INVITE.
    pub(super) fn of(policy: &CallPolicy, invite: &Message, has_offer: bool, random: &mut Random) -> Self {
        if policy.reliable == Reliability::Never || !invite.supports(OPTION) {
            return Self::Plain;
        }
        let mut provisional = Self::Offerless { withheld: requires(invite), asked: false };
        if has_offer {
            provisional.begin(random);
        }
        provisional
    }

    /// Each is to be acknowledged from now on.
    pub(super) fn begin(&mut self, random: &mut Random) {
        // RFC 3262 §3: chosen by chance from 1 to 2^31 − 1; room is left for those that follow.
        let number = 1 + random.below(1 << 30) as u32;
        *self = Self::Reliable(Box::new(Reliable { number, outstanding: None, more: false, described: false }));
    }

    /// Whether it would bring the caller an offer.
    pub(super) fn takes_offer(&self) -> bool {
        matches!(self, Self::Offerless { .. })
    }

    /// Whether the call is to be asked for an offer, as nothing can be told without: once, unless it has none just now.
    pub(super) fn wants_offer(&mut self) -> bool {
        match self {
            Self::Offerless { withheld: true, asked } => !std::mem::replace(asked, true),
            Self::Plain | Self::Reliable(_) | Self::Offerless { .. } => false,
        }
    }

    /// It has none just now: the next thing that there is to tell is another occasion.
    pub(super) fn want_again(&mut self) {
        if let Self::Offerless { asked, .. } = self {
            *asked = false;
        }
    }

    /// Whether a response may be sent now. If not, one follows once the last one is acknowledged.
    pub(super) fn is_free(&mut self) -> bool {
        match self {
            Self::Plain => true,
            Self::Offerless { withheld, .. } => !*withheld,
            Self::Reliable(reliable) => {
                reliable.more |= reliable.outstanding.is_some();
                reliable.outstanding.is_none()
            }
        }
    }

    /// Whether the caller has our answer for certain.
    pub(super) fn has_described(&self) -> bool {
        matches!(self, Self::Reliable(reliable) if reliable.described)
    }

    /// Whether a 2xx has to wait: what brings the answer is not acknowledged (RFC 3262 §3).
    pub(super) fn holds_back(&self) -> bool {
        let Self::Reliable(reliable) = self else { return false };
        reliable.outstanding.as_ref().is_some_and(|outstanding| outstanding.described)
    }

    /// RSeq of the last one, if it is not acknowledged.
    pub(super) fn unacknowledged(&self) -> Option<u32> {
        let Self::Reliable(reliable) = self else { return None };
        reliable.outstanding.as_ref().map(|_| reliable.number)
    }

    /// Marks the next response.
    pub(super) fn write<'a>(&mut self, writer: ResponseWriter<'a>) -> ResponseWriter<'a> {
        let Self::Reliable(reliable) = self else { return writer };
        reliable.number += 1;
        writer.header(Header::Require, OPTION).header(Header::RSeq, reliable.number)
    }

    /// It was sent. When it is due again.
    pub(super) fn sent(&mut self, means: &Means, response: Bytes, described: bool) -> Option<Duration> {
        let Self::Reliable(reliable) = self else { return None };
        let timers = &means.config.timers;
        let until = means.now.instant + timers.transaction();
        reliable.outstanding = Some(Outstanding { response, interval: timers.t1, until, described });
        Some(timers.t1)
    }

    /// A PRACK came. False: it is to none of ours that waits for one.
    fn acknowledge(&mut self, rack: &RAck, invite_cseq: u32) -> bool {
        let Self::Reliable(reliable) = self else { return false };
        if rack.response != reliable.number || rack.cseq.number != invite_cseq {
            return false;
        }
        let Some(outstanding) = reliable.outstanding.take() else { return false };
        reliable.described |= outstanding.described;
        true
    }
}

impl Incoming {
    /// The response that waits for its PRACK is due again, or nobody acknowledges it.
    pub(super) fn repeat_provisional(mut self: Box<Self>, head: &mut Head, means: &mut Means) -> State {
        let Provisional::Reliable(reliable) = &mut self.provisional else { return State::Incoming(self) };
        let Some(outstanding) = &mut reliable.outstanding else { return State::Incoming(self) };
        let now = means.now.instant;
        if now >= outstanding.until {
            means.counters.provisionals_unacknowledged += 1;
            head.tell_stopped(means, CauseKind::Timeout.into());
            // RFC 3262 §3: a 5xx.
            let code = Some(StatusCode::SERVER_TIMEOUT.code());
            let failure = Failure::because(Cause { code, ..Cause::new(CauseKind::Timeout) });
            return self.refuse(means, head, &failure);
        }
        outstanding.interval *= 2;
        let next = outstanding.interval.min(outstanding.until.since(now));
        let response = outstanding.response.clone();
        means.respond(self.key, response);
        head.set_timer(means, Timer::Repeat, next);
        State::Incoming(self)
    }

    /// PRACK (RFC 3262 §3).
    pub(super) fn handle_prack(mut self: Box<Self>, head: &mut Head, means: &mut Means, inbound: Inbound) -> State {
        let Inbound { key, message, flow } = &inbound;
        let cseq = self.invite.cseq().map_or(0, |cseq| cseq.number);
        let acknowledged = match message.rack() {
            Ok(Some(rack)) => self.provisional.acknowledge(&rack, cseq),
            _ => {
                let reason = "Missing Or Malformed RAck Header";
                means.refuse_because(*key, message, flow, StatusCode::BAD_REQUEST, reason);
                return State::Incoming(self);
            }
        };
        if !acknowledged {
            means.refuse(*key, message, flow, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
            return State::Incoming(self);
        }
        head.cancel_timer(means, Timer::Repeat);
        let described = sdp_of(message);
        if self.media.state() == OfferAnswerState::LocalOfferPending && self.provisional.has_described() {
            means.refuse(*key, message, flow, StatusCode::OK);
            return self.offer_answered(head, means, described.as_deref());
        }
        match described {
            Some(_) => self.consider_early(head, means, inbound),
            None => means.refuse(*key, message, flow, StatusCode::OK),
        }
        self.go_on(head, means)
    }

    /// The answer to our offer, which a PRACK has to bring (RFC 3262 §5).
    fn offer_answered(mut self: Box<Self>, head: &mut Head, means: &mut Means, answer: Option<&[u8]>) -> State {
        let answered = answer.map(|text| self.media.receive_answer(text, AnswerKind::Final));
        if !matches!(answered, Some(Ok(_))) {
            tracing::debug!(leg = %head.instance, ?answered, "the PRACK has no answer to our offer");
            head.tell_stopped(means, CauseKind::IncompatibleMedia.into());
            return self.refuse(means, head, &Failure::because(CauseKind::IncompatibleMedia.into()));
        }
        let host = Some(self.flow.remote.ip().to_canonical());
        let state = LegState { host, ..LegState::new(LegPhase::Early).with_media(answer_of(&self.media)) };
        head.request(means, Command::Set, one(state), LEG_WITHIN, Purpose::Answer);
        self.go_on(head, means)
    }

    /// What waited for a PRACK, or for the end of an early offer.
    pub(super) fn go_on(mut self: Box<Self>, head: &mut Head, means: &mut Means) -> State {
        if self.theirs.is_some() || self.provisional.holds_back() {
            return State::Incoming(self);
        }
        if let Some(answered) = self.answered.take() {
            return self.accept(head, means, *answered);
        }
        if let Provisional::Reliable(reliable) = &mut self.provisional
            && std::mem::take(&mut reliable.more)
        {
            self.ring(head, means);
        }
        State::Incoming(self)
    }
}
