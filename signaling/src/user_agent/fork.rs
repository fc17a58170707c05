//! The early dialogs that proxies downstream make of one INVITE (RFC 3261 §13.2.2).

use super::body::sdp_of;
use super::invite_server::answer_of;
use crate::limits::FORKS_MAX;
use crate::message::{Message, StatusCode, Tag, tag_is};
use crate::sdp::{AnswerKind, Answered, OfferAnswer, OfferAnswerState};
use router::parameter::MediaExchange;

/// One early dialog: what its far end has answered so far.
#[derive(Debug)]
struct Fork {
    tag: Option<Tag>,
    media: OfferAnswer,
    /// The CSeq of the far end's last request.
    remote_cseq: Option<u32>,
    /// Whether a proxy said that it is over (RFC 6228).
    terminated: bool,
}

/// The early dialogs of a leg. The offer was made once; the machine is cloned for each that answers.
#[derive(Debug, Default)]
pub(super) struct Forks(Vec<Fork>);

impl Forks {
    /// A provisional response came: the answer in it, where it has one that is new.
    pub(super) fn provisional(&mut self, offered: &OfferAnswer, response: &Message) -> Option<MediaExchange> {
        let tag = response.to_tag()?;
        let text = sdp_of(response);
        let fork = match self.0.iter().position(|fork| fork.tag.as_ref() == Some(&tag)) {
            Some(index) => &mut self.0[index],
            None if self.0.len() >= FORKS_MAX => return None,
            None => {
                self.0.push(Fork { tag: Some(tag), media: offered.clone(), remote_cseq: None, terminated: false });
                self.0.last_mut()?
            }
        };
        fork.terminated = response.status() == Some(StatusCode::EARLY_DIALOG_TERMINATED);
        // Where we made no offer, an unreliable response can bring none (RFC 3261 §13.2.1).
        if fork.media.state() != OfferAnswerState::LocalOfferPending {
            return None;
        }
        match fork.media.receive_answer(&text?, AnswerKind::Early) {
            Ok(Answered::Agreed) => answer_of(&fork.media),
            Ok(Answered::Repeated | Answered::Ignored) => None,
            Err(error) => {
                // The final answer decides.
                tracing::debug!(%error, "an early answer that does not fit the offer");
                None
            }
        }
    }

    /// Takes a request of a far end's in its early dialog. The status refuses it: there is no such dialog, or the request is not
    /// above the last one (RFC 3261 §12.2.2).
    pub(super) fn receive(&mut self, request: &Message) -> Result<(), StatusCode> {
        let (Ok(from), Ok(cseq)) = (request.from(), request.cseq()) else { return Err(StatusCode::BAD_REQUEST) };
        let of_peer = |fork: &&mut Fork| !fork.terminated && fork.tag.as_ref().map(Tag::as_str) == from.tag();
        let Some(fork) = self.0.iter_mut().find(of_peer) else {
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
        self.0.iter().any(|fork| !fork.terminated && tag_is(tag, fork.tag.as_ref().map(Tag::as_str)))
    }

    /// The fork that was accepted: its machine, and the CSeq of its far end's last request.
    pub(super) fn take(&mut self, tag: Option<&Tag>, offered: &OfferAnswer) -> (OfferAnswer, Option<u32>) {
        match self.0.iter().position(|fork| fork.tag.as_ref() == tag) {
            Some(index) => {
                let fork = self.0.swap_remove(index);
                (fork.media, fork.remote_cseq)
            }
            None => (offered.clone(), None),
        }
    }

    /// Another attempt: nothing of the last one counts.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
