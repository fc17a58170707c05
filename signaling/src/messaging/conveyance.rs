//! A message on its way.

use crate::dialog::RouteSet;
use crate::message::{CallId, Message, StatusCode, Tag};
use crate::transaction::{ClientKey, ServerKey};
use crate::transport::{Destination, Flow, Sought};
use crate::trunk::TrunkId;
use crate::user_agent::credentials::{Answered, Authorization};
use crate::user_agent::destination::Whither;
use router::Asked;
use router::parameter::{Contact, ContactFlow, MessageWay, TextMessage};
use router::time::TimerKey;
use smallvec::SmallVec;
use std::collections::VecDeque;

/// Who waits to be told what becomes of it.
#[derive(Debug)]
pub(crate) enum Sender {
    /// A peer, by its MESSAGE.
    Peer(Box<(ServerKey, Message, Flow)>),
    /// Another module.
    Module(Asked),
    /// It was kept for that account, and is delivered now.
    Mailbox(String),
    /// Nobody: that has been told.
    Told,
}

/// A MESSAGE of ours that has no final response.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The trunk that it was sent to: it may ask who we are.
    pub(crate) trunk: Option<(TrunkId, String)>,
    pub(crate) destination: Destination,
    pub(crate) uri: String,
    pub(crate) routes: RouteSet,
    /// Further flows to the same phone, the next one first.
    pub(crate) others: Vec<ContactFlow>,
    pub(crate) call_id: CallId,
    pub(crate) tag: Tag,
    pub(crate) cseq: u32,
    pub(crate) authorization: Option<Box<Authorization>>,
    pub(crate) answered: Answered,
}

/// What has come of all attempts of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Some have no answer yet.
    Open,
    /// Nobody was there.
    Absent,
    /// Somebody was, and said no.
    Refused(StatusCode),
}

/// A message on its way.
#[derive(Debug)]
pub(crate) struct Conveyance {
    pub(crate) message: TextMessage,
    pub(crate) sender: Sender,
    /// Whether it is worth being kept.
    pub(crate) lasts: bool,
    /// Where the plan sends it, as far as that has not been tried.
    pub(crate) ways: VecDeque<MessageWay>,
    /// The accounts of the ways that have been tried.
    pub(crate) accounts: SmallVec<[String; 1]>,
    /// How many homes have not said where an account is.
    pub(crate) asking: usize,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) sent: SmallVec<[(ClientKey, Attempt); 1]>,
    /// Phones whose proxies' names are being looked up.
    pub(crate) seeking: Vec<(Sought, Whither)>,
    /// The trunk whose addresses are being found, and the URI for it.
    pub(crate) resolving: Option<(TrunkId, String)>,
    /// The most telling refusal.
    pub(crate) best: Option<StatusCode>,
    /// Whether it is kept, or is about to be.
    pub(crate) kept: bool,
    /// Whether somebody took it.
    pub(crate) taken: bool,
    /// Whether some way leads to its recipient, and all are for shorter ones.
    pub(crate) too_long: bool,
    pub(crate) timer: Option<TimerKey>,
}

impl Conveyance {
    /// One that nobody has been asked about.
    pub(crate) fn new(message: TextMessage, sender: Sender, lasts: bool) -> Self {
        Self {
            message,
            sender,
            lasts,
            ways: VecDeque::new(),
            accounts: SmallVec::new(),
            asking: 0,
            contacts: Vec::new(),
            sent: SmallVec::new(),
            seeking: Vec::new(),
            resolving: None,
            best: None,
            kept: false,
            taken: false,
            too_long: false,
            timer: None,
        }
    }

    /// The attempt with that key: it has an answer.
    pub(crate) fn take_attempt(&mut self, key: ClientKey) -> Option<Attempt> {
        let at = self.sent.iter().position(|(sent, _)| *sent == key)?;
        Some(self.sent.swap_remove(at).1)
    }

    /// Somebody said no, or did not answer (408).
    pub(crate) fn note(&mut self, status: StatusCode) {
        let stronger = |known: StatusCode| is_absence(known) && !is_absence(status);
        if self.best.is_none_or(stronger) {
            self.best = Some(status);
        }
    }

    /// How things stand with what was tried.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.best {
            _ if self.asking > 0 || !self.sent.is_empty() => Outcome::Open,
            _ if self.resolving.is_some() || !self.seeking.is_empty() => Outcome::Open,
            Some(status) if !is_absence(status) => Outcome::Refused(status),
            _ => Outcome::Absent,
        }
    }

    /// The next ways to be tried: all accounts together, or one trunk.
    pub(crate) fn next_ways(&mut self) -> Vec<MessageWay> {
        let Some(first) = self.ways.pop_front() else { return Vec::new() };
        let mut next = vec![first];
        while matches!(next[0], MessageWay::Account(_)) {
            match self.ways.pop_front() {
                Some(way @ MessageWay::Account(_)) => next.push(way),
                Some(other) => {
                    self.ways.push_front(other);
                    break;
                }
                None => break,
            }
        }
        next
    }

    /// Whether nothing is left to be waited for.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.sender, Sender::Told) && self.sent.is_empty()
    }
}

/// Whether a status says that nobody is there now, so that a message may be kept for later.
pub(crate) fn is_absence(status: StatusCode) -> bool {
    matches!(status.code(), 408 | 410 | 430 | 480 | 486 | 500..=599 | 600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_more_telling_than_nobody_and_accounts_are_tried_together() {
        let mut conveyance = Conveyance::new(TextMessage::of_account(None), Sender::Told, true);
        assert_eq!(conveyance.outcome(), Outcome::Absent);
        conveyance.note(StatusCode::REQUEST_TIMEOUT);
        assert_eq!(conveyance.outcome(), Outcome::Absent);
        conveyance.note(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        conveyance.note(StatusCode::TEMPORARILY_UNAVAILABLE);
        assert_eq!(conveyance.outcome(), Outcome::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        let account = |name: &str| MessageWay::Account(name.to_owned());
        let trunk = MessageWay::Trunk { name: "t".to_owned(), number: "1".to_owned().into() };
        conveyance.ways = VecDeque::from([account("a"), account("b"), trunk.clone(), trunk.clone()]);
        assert_eq!(conveyance.next_ways(), [account("a"), account("b")]);
        assert_eq!(conveyance.next_ways(), std::slice::from_ref(&trunk));
        assert_eq!(conveyance.next_ways(), [trunk]);
        assert!(conveyance.next_ways().is_empty());
    }
}
