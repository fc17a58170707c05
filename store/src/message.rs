//! Kept messages: which of them a query asks for, and how many there may be.

use crate::binding::page_items;
use crate::limits::{MESSAGES, MESSAGES_PER_ACCOUNT};
use router::parameter::{Selection, TextMessage};
use router::time::WallTime;
use std::collections::BTreeMap;

/// Which messages are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageQuery {
    /// Those of this account, in the order in which they were kept.
    pub account: String,
    /// Those that end after this moment.
    pub now: WallTime,
    /// At most so many.
    pub limit: usize,
}

impl MessageQuery {
    /// The messages of an account.
    pub(crate) fn new(account: &str, selection: Option<&Selection>, now: WallTime) -> Self {
        Self { account: account.to_owned(), now, limit: page_items(selection) }
    }
}

/// How many messages each account has, so far as is known: those that wait to be committed, too.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    by_account: BTreeMap<String, usize>,
    total: usize,
}

impl Kept {
    /// As a database has them.
    pub(crate) fn of(counts: Vec<(String, usize)>) -> Self {
        let total = counts.iter().map(|(_, count)| count).sum();
        Self { by_account: counts.into_iter().collect(), total }
    }

    /// Takes room for one more of an account's; false: there is none.
    pub(crate) fn take(&mut self, account: &str) -> bool {
        let count = self.by_account.get(account).copied().unwrap_or(0);
        let room = count < MESSAGES_PER_ACCOUNT && self.total < MESSAGES;
        if room {
            self.by_account.insert(account.to_owned(), count + 1);
            self.total += 1;
        }
        room
    }

    /// One of an account's is gone.
    pub(crate) fn give_back(&mut self, account: &str) {
        let Some(count) = self.by_account.get_mut(account) else { return };
        (*count, self.total) = (count.saturating_sub(1), self.total.saturating_sub(1));
        if *count == 0 {
            self.by_account.remove(account);
        }
    }
}

/// Stands for an account that has messages.
pub(crate) fn mailbox(account: String) -> TextMessage {
    TextMessage::of_account(Some(&account))
}
