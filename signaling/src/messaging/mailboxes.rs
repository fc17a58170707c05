//! Messages that are kept for accounts which are at home here: which have some, and which are being delivered.

use router::parameter::TextMessage;
use router::time::Instant;
use router::{Asked, Transaction};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the store is asked at the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Load {
    Wanted(Option<String>),
    Asked(Transaction),
    Done,
}

/// The mailboxes.
#[derive(Debug)]
pub(crate) struct Mailboxes {
    /// The accounts that have something in the store.
    pub(crate) waiting: BTreeSet<String>,
    /// What is being delivered, in its order; the first of each is on its way. `None`: the store is asked for it.
    pub(crate) delivering: BTreeMap<String, Option<VecDeque<TextMessage>>>,
    /// Accounts that are to be delivered to when others are done.
    pub(crate) queue: VecDeque<String>,
    /// Requests of others that wait for the store to keep something, and for whom.
    pub(crate) keeping: BTreeMap<Transaction, (Asked, String)>,
    /// Questions to the store about accounts' messages.
    pub(crate) listing: BTreeMap<Transaction, String>,
    /// Accounts that have some, at the start.
    pub(crate) load: Load,
    /// When the store is asked again.
    pub(crate) retry_at: Option<Instant>,
}

impl Default for Mailboxes {
    fn default() -> Self {
        Self {
            waiting: BTreeSet::new(),
            delivering: BTreeMap::new(),
            queue: VecDeque::new(),
            keeping: BTreeMap::new(),
            listing: BTreeMap::new(),
            load: Load::Wanted(None),
            retry_at: None,
        }
    }
}

impl Mailboxes {
    /// Whether nothing is on its way to the store.
    pub(crate) fn is_idle(&self) -> bool {
        self.keeping.is_empty() && self.delivering.is_empty()
    }
}
