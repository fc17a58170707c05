//! The early dialogs that proxies downstream make of one INVITE (RFC 3261 §13.2.2), and which of them the caller hears.
//!
//! | what comes | who is heard |
//! |---|---|
//! | the first answer | that one |
//! | answers of further dialogs | the first one still, unless 181 has said meanwhile that the call was forwarded |
//! | an offer, where ours had none (RFC 3262 §5): of the first dialog | that one, once the call has answered it |
//! | of a further one | the first one still; it is answered as the first one was (RFC 6337 §2.2: each dialog has its own exchange) |
//! | 199 for who is heard (RFC 6228), or that it sends nothing early (P-Early-Media in a response or an UPDATE, RFC 5009) | the next that has answered, or nobody |

use super::body::sdp_of;
use super::in_dialog::{Requester, Sent};
use super::invite_server::answer_of;
use crate::limits::FORKS_MAX;
use crate::message::{Message, StatusCode, Tag, tag_is};
use crate::sdp::{AnswerKind, Answered, OfferAnswer, OfferAnswerState, Role};
use crate::transaction::ClientKey;
use bytes::Bytes;
use router::parameter::{Direction, MediaExchange};

/// The header that says whether media are sent early (RFC 5009 §8).
pub(super) const P_EARLY_MEDIA: &str = "P-Early-Media";

/// One early dialog: what its far end has answered so far.
#[derive(Debug)]
struct Fork {
    tag: Option<Tag>,
    media: OfferAnswer,
    /// The CSeq of the far end's last request.
    remote_cseq: Option<u32>,
    /// Whether a proxy said that it is over (RFC 6228).
    terminated: bool,
    /// Whether its far end says that it sends nothing early.
    silent: bool,
    /// RSeq of its last response that was acknowledged.
    rseq: Option<u32>,
    /// Its offer, if that was answered without the call.
    beside: Option<Box<OfferAnswer>>,
    /// Our side of the dialog, where requests of ours were needed.
    requester: Option<Box<Requester>>,
}

impl Fork {
    fn is(&self, tag: Option<&Tag>) -> bool {
        self.tag.as_ref() == tag
    }

    fn speaks(&self) -> bool {
        let answered = self.media.agreement().is_some_and(|agreement| agreement.role() == Role::Offerer);
        answered && !self.terminated && !self.silent
    }
}

/// The early dialogs of a leg. The offer was made once; the machine is cloned for each that answers.
#[derive(Debug, Default)]
pub(super) struct Forks {
    forks: Vec<Fork>,
    heard: Option<usize>,
    /// The call was forwarded since that one was chosen: who answers next is heard.
    forwarded: bool,
}

/// What a provisional response has come to.
#[derive(Debug)]
pub(super) enum Told {
    /// It is not to be looked at: it came out of its order (RFC 3262 §4), or of too many dialogs.
    Nothing,
    /// What the caller hears is this from now on, or as before.
    Heard(Option<MediaExchange>),
    /// It brings an offer, where ours had none.
    Offer(MediaExchange),
    /// It brings a further one, which is answered as the first one was.
    Beside,
    /// It brings one that cannot be served: this refuses it.
    Refused(Bytes),
}

/// The fork that was accepted.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) media: OfferAnswer,
    /// The CSeq of its far end's last request.
    pub(super) remote_cseq: Option<u32>,
    /// Our side, where it has one.
    pub(super) requester: Option<Box<Requester>>,
    /// Its offer, if that was answered without the call.
    pub(super) beside: Option<Box<OfferAnswer>>,
}

impl Forks {
    /// A provisional response came. `rseq`: of one that is to be acknowledged; `believed`: whether what it says of early media
    /// counts.
    pub(super) fn provisional(
        &mut self,
        offered: &OfferAnswer,
        response: &Message,
        rseq: Option<u32>,
        believed: bool,
    ) -> Told {
        let (Some(tag), status) = (response.to_tag(), response.status()) else { return Told::Heard(None) };
        let index = match self.forks.iter().position(|fork| fork.is(Some(&tag))) {
            Some(index) => index,
            None if self.forks.len() >= FORKS_MAX => return Told::Nothing,
            None => {
                self.forks.push(Fork {
                    tag: Some(tag),
                    media: offered.clone(),
                    remote_cseq: None,
                    terminated: false,
                    silent: false,
                    rseq: None,
                    beside: None,
                    requester: None,
                });
                self.forks.len() - 1
            }
        };
        let fork = &mut self.forks[index];
        if let Some(rseq) = rseq {
            if fork.rseq.is_some_and(|last| last.checked_add(1) != Some(rseq)) {
                return Told::Nothing;
            }
            fork.rseq = Some(rseq);
        }
        fork.terminated = status == Some(StatusCode::EARLY_DIALOG_TERMINATED);
        self.forwarded |= status == Some(StatusCode::CALL_IS_BEING_FORWARDED);
        if let Some(silent) = silence_in(response).filter(|_| believed) {
            fork.silent = silent;
        }
        let mut renewed = false;
        match (fork.media.state(), sdp_of(response)) {
            (OfferAnswerState::LocalOfferPending, Some(text)) => {
                let kind = if rseq.is_some() { AnswerKind::Final } else { AnswerKind::Early };
                match fork.media.receive_answer(&text, kind) {
                    Ok(Answered::Agreed) => renewed = true,
                    Ok(Answered::Repeated | Answered::Ignored) => {}
                    // The final answer decides.
                    Err(error) => tracing::debug!(%error, "an early answer that does not fit the offer"),
                }
            }
            // Where we made no offer, an unreliable response can bring none (RFC 3261 §13.2.1).
            (OfferAnswerState::Idle, Some(text)) if rseq.is_some() => {
                let offered = fork.media.receive_offer(&text);
                let refusal = if offered.is_err() { fork.media.refuse(&text).ok() } else { None };
                match (offered, refusal) {
                    (Ok(_), _) if self.has_offered_before(index) => return Told::Beside,
                    (Ok(offer), _) => return Told::Offer(MediaExchange::Offer(offer.description)),
                    (Err(error), Some(refusal)) => {
                        tracing::debug!(%error, "an early offer that cannot be served");
                        return Told::Refused(refusal);
                    }
                    (Err(error), None) => tracing::debug!(%error, "an early offer that cannot be read"),
                }
            }
            _ => {}
        }
        Told::Heard(self.choose(index, renewed))
    }

    /// A request of a far end's, or its answer to one of ours, says whether it sends media early (RFC 5009 §6); what is new of who is heard.
    pub(super) fn heed_silence(&mut self, tag: Option<&Tag>, message: &Message) -> Option<MediaExchange> {
        let silent = silence_in(message)?;
        let index = self.forks.iter().position(|fork| fork.is(tag) && !fork.terminated)?;
        self.forks[index].silent = silent;
        self.choose(index, false)
    }

    /// Whether another one than that has made an offer.
    fn has_offered_before(&self, index: usize) -> bool {
        let has_offered = |fork: &Fork| {
            fork.media.remote_offer().is_some()
                || fork.media.agreement().is_some_and(|agreement| agreement.role() == Role::Answerer)
        };
        self.forks.iter().enumerate().any(|(other, fork)| other != index && has_offered(fork))
    }

    /// The answer to an offer that nobody else is concerned with: as the first one was answered, or where that does not fit, by refusing it.
    pub(super) fn answer_beside(&mut self, tag: Option<&Tag>) -> Option<Bytes> {
        let answered = |fork: &Fork| {
            let agreement = fork.media.agreement().filter(|agreement| agreement.role() == Role::Answerer)?;
            fork.beside.is_none().then(|| agreement.local().clone())
        };
        let local = self.forks.iter().find_map(answered);
        let fork = self.of(tag)?;
        let offer = fork.media.clone();
        match local.and_then(|local| fork.media.make_answer(&local).ok()) {
            Some(answer) => {
                fork.beside = Some(Box::new(offer));
                Some(answer)
            }
            None => fork.media.refuse_offer().ok(),
        }
    }

    /// Chooses who is heard; what is new of that.
    fn choose(&mut self, index: usize, renewed: bool) -> Option<MediaExchange> {
        let before = self.heard;
        let takes_over = self.forwarded && before != Some(index) && self.forks[index].speaks();
        let stays = before.filter(|&heard| self.forks[heard].speaks() && !takes_over);
        let next = || if takes_over { Some(index) } else { self.forks.iter().position(Fork::speaks) };
        self.heard = stays.or_else(next);
        if takes_over {
            self.forwarded = false;
        }
        match (before, self.heard) {
            (before, Some(heard)) if before == self.heard => {
                (renewed && heard == index).then(|| answer_of(&self.forks[heard].media)).flatten()
            }
            (_, Some(heard)) => answer_of(&self.forks[heard].media),
            (Some(before), None) => answer_of(&self.forks[before].media).map(silenced),
            (None, None) => None,
        }
    }

    /// Whether anybody is heard.
    pub(super) fn is_anybody_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// Whether that one is.
    pub(super) fn is_heard(&self, tag: Option<&Tag>) -> bool {
        self.heard.is_some_and(|heard| self.forks[heard].is(tag))
    }

    /// Whether the call has answered that one's offer.
    pub(super) fn is_answered(&self, tag: Option<&Tag>) -> bool {
        let by_call = |fork: &Fork| {
            let agreement = fork.media.agreement().filter(|_| fork.beside.is_none());
            agreement.is_some_and(|agreement| agreement.role() == Role::Answerer)
        };
        self.forks.iter().any(|fork| fork.is(tag) && by_call(fork))
    }

    /// Takes a request of a far end's in its early dialog. The status refuses it: there is no such dialog, or the request is not
    /// above the last one (RFC 3261 §12.2.2).
    pub(super) fn receive(&mut self, request: &Message) -> Result<(), StatusCode> {
        let (Ok(from), Ok(cseq)) = (request.from(), request.cseq()) else { return Err(StatusCode::BAD_REQUEST) };
        let of_peer = |fork: &&mut Fork| !fork.terminated && fork.tag.as_ref().map(Tag::as_str) == from.tag();
        let Some(fork) = self.forks.iter_mut().find(of_peer) else {
            return Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        };
        if fork.remote_cseq.is_some_and(|last| cseq.number <= last) {
            return Err(StatusCode::SERVER_INTERNAL_ERROR);
        }
        fork.remote_cseq = Some(cseq.number);
        Ok(())
    }

    /// Whether one of them has that tag.
    pub(super) fn knows(&self, tag: &str) -> bool {
        self.forks.iter().any(|fork| !fork.terminated && tag_is(tag, fork.tag.as_ref().map(Tag::as_str)))
    }

    /// Whether that one is the only one.
    pub(super) fn is_only(&self, tag: &Tag) -> bool {
        matches!(&self.forks[..], [fork] if fork.is(Some(tag)))
    }

    fn of(&mut self, tag: Option<&Tag>) -> Option<&mut Fork> {
        self.forks.iter_mut().find(|fork| fork.is(tag))
    }

    /// Its offers and answers.
    pub(super) fn media(&mut self, tag: Option<&Tag>) -> Option<&mut OfferAnswer> {
        self.of(tag).map(|fork| &mut fork.media)
    }

    /// The same, if our offer has an answer that is certain.
    pub(super) fn settled(&mut self, tag: Option<&Tag>) -> Option<&mut OfferAnswer> {
        self.media(tag).filter(|media| media.state() == OfferAnswerState::Established)
    }

    /// Gives a dialog our side of it.
    pub(super) fn enter(&mut self, tag: Option<Tag>, requester: impl FnOnce() -> Requester) {
        if let Some(fork) = self.of(tag.as_ref()).filter(|fork| fork.requester.is_none()) {
            fork.requester = Some(Box::new(requester()));
        }
    }

    /// Our side of a dialog.
    pub(super) fn requester(&mut self, tag: Option<&Tag>) -> Option<&mut Requester> {
        self.of(tag)?.requester.as_deref_mut()
    }

    /// Who sent the request with that key in an early dialog; and the request, once it has its final response.
    pub(super) fn take_sent(&mut self, key: ClientKey, is_final: bool) -> Option<(&mut Requester, Option<Sent>)> {
        let requesters = self.forks.iter_mut().filter_map(|fork| fork.requester.as_deref_mut());
        let requester = requesters.into_iter().find(|requester| requester.waits_for(key))?;
        let sent = if is_final { requester.take(key) } else { None };
        Some((requester, sent))
    }

    /// The fork that was accepted.
    pub(super) fn take(&mut self, tag: Option<&Tag>, offered: &OfferAnswer) -> Taken {
        match self.forks.iter().position(|fork| fork.is(tag)) {
            Some(index) => {
                let Fork { media, remote_cseq, requester, beside, .. } = self.forks.swap_remove(index);
                self.heard = None;
                Taken { media, remote_cseq, requester, beside }
            }
            None => Taken { media: offered.clone(), remote_cseq: None, requester: None, beside: None },
        }
    }

    /// Another attempt: nothing of the last one counts.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Whether a message says that its author sends nothing early: `None`, it says nothing of it (RFC 5009 §8).
fn silence_in(message: &Message) -> Option<bool> {
    let value = message.text(P_EARLY_MEDIA)?;
    let says = |word: &str| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(word));
    if says("sendrecv") || says("sendonly") {
        Some(false)
    } else if says("recvonly") || says("inactive") {
        Some(true)
    } else {
        None
    }
}

/// The answer of who is heard no longer: it sends nothing.
fn silenced(answer: MediaExchange) -> MediaExchange {
    let MediaExchange::Answer(mut description) = answer else { return answer };
    for stream in &mut description.streams {
        stream.direction = stream.direction.and(Direction::ReceiveOnly);
    }
    MediaExchange::Answer(description)
}
