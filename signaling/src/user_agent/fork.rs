//! The early dialogs that proxies downstream make of one INVITE (RFC 3261 §13.2.2).

use super::body::sdp_of;
use super::invite_server::answer_of;
use crate::limits::FORKS_MAX;
use crate::message::{Message, Tag};
use crate::sdp::{AnswerKind, Answered, OfferAnswer, OfferAnswerState};
use router::parameter::MediaExchange;

/// One early dialog: what its far end has answered so far.
#[derive(Debug)]
struct Fork {
    tag: Option<Tag>,
    media: OfferAnswer,
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
                self.0.push(Fork { tag: Some(tag), media: offered.clone() });
                self.0.last_mut()?
            }
        };
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

    /// The machine of the fork that was accepted.
    pub(super) fn take(&mut self, tag: Option<&Tag>, offered: &OfferAnswer) -> OfferAnswer {
        match self.0.iter().position(|fork| fork.tag.as_ref() == tag) {
            Some(index) => self.0.swap_remove(index).media,
            None => offered.clone(),
        }
    }

    /// Another attempt: nothing of the last one counts.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
