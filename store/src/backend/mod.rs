//! The shell: databases, files, the store's thread.

mod memory;
mod sqlite;
mod thread;

pub use memory::Memory;
pub use sqlite::{OpenError, Opened, Settings, Sqlite, check};
pub use thread::{Seat, Stopper};

use crate::binding::{BindingPosition, BindingQuery};
use crate::limits::RETRY_AFTER_S;
use crate::message::MessageQuery;
use crate::record::{RecordPosition, RecordQuery};
use router::parameter::{Account, Binding, CallRecord, Failure, Reason, TextMessage};
use router::time::WallTime;
use std::sync::Arc;

/// One change. Writes of a batch are done in their order.
#[derive(Clone, PartialEq, Debug)]
pub enum Write {
    /// Makes or replaces an account; its credential is `Hashes`.
    Account(Account),
    /// Removes an account and its bindings.
    AccountRemoved(String),
    /// Makes, replaces or (`removed`) removes a binding. One whose account is not there is passed over.
    Binding(Box<Binding>),
    /// Keeps a message; one that is there already stays as it is. One whose account is not there is passed over.
    Message(Box<TextMessage>),
    /// Removes a message, by its id.
    MessageRemoved(String),
    /// Makes or replaces a call's record. An open one does not replace a complete one.
    Record(Arc<CallRecord>),
}

/// What a commit did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Committed {
    /// Bindings passed over, since their account was not there.
    pub bindings_without_account: u64,
}

/// Part of a listing, and where the next part begins.
#[derive(Clone, PartialEq, Debug)]
pub struct Page<T, P> {
    /// The items.
    pub items: Vec<T>,
    /// Where more may follow; `None`: that was all.
    pub next: Option<P>,
}

/// What is to be deleted, since its time is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purge {
    /// Bindings and messages that ended at or before this.
    pub bindings_until: WallTime,
    /// Complete records of calls that began before this; `None` keeps all.
    pub records_before: Option<WallTime>,
    /// At most so many rows of each.
    pub rows: usize,
}

/// How large a database is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// What operators know it as: its path.
    pub name: String,
    /// Bytes in use.
    pub bytes: u64,
    /// Bytes that it may grow to; `None`: as many as the disk has.
    pub bytes_max: Option<u64>,
    /// Calls that were open when the former process died, marked when this one opened the database.
    pub interrupted: u64,
    /// What of it was found to be damaged.
    pub damage: Option<String>,
}

/// A page of records, or why there is none.
pub type Records = Result<Page<CallRecord, RecordPosition>, BackendError>;

/// Tells the store's thread that something is there for it.
pub type Wake = Box<dyn Fn() + Send>;

/// Why a database did not do what was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BackendError {
    /// No room is left.
    #[error("no room is left for the database: free some on its disk")]
    Exhausted,
    /// What is to be read or written is damaged.
    #[error(
        "the database is damaged ({0}): keep a copy of it, then restore a backup, or save what can be read with sqlite3's .recover"
    )]
    Damaged(String),
    /// The disk or the database failed.
    #[error("the database failed: {0}")]
    Broken(String),
}

impl BackendError {
    /// The failure as a requester is told.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::Exhausted => Failure {
                retry_after_s: Some(RETRY_AFTER_S),
                ..Failure::new(Reason::Exhausted).with_detail("no room is left for the database")
            },
            Self::Damaged(_) => {
                Failure::new(Reason::Internal).with_detail("the database is damaged; the log says what to do")
            }
            Self::Broken(_) => Failure::new(Reason::Internal).with_detail("the database failed; the log says how"),
        }
    }
}

/// A database as the store needs it. Calls take as long as they take: the store has a thread of its own.
pub trait Backend {
    /// The digest realm, fixed when the database was made.
    fn realm(&self) -> &str;

    /// Does all writes, in their order, or none. Durable when it returns.
    fn commit(&mut self, writes: &[Write]) -> Result<Committed, BackendError>;

    /// The account of that name, with its hashes.
    fn account(&mut self, name: &str) -> Result<Option<Account>, BackendError>;

    /// At most `limit` accounts behind the name `after`, in the order of their names.
    fn accounts(&mut self, after: Option<&str>, limit: usize) -> Result<Page<Account, String>, BackendError>;

    /// Bindings in the order of their positions.
    fn bindings(&mut self, query: &BindingQuery) -> Result<Page<Binding, BindingPosition>, BackendError>;

    /// An account's messages, the oldest first. A page has no `next`: what is listed is removed before more is asked for.
    fn messages(&mut self, query: &MessageQuery) -> Result<Page<TextMessage, String>, BackendError>;

    /// The accounts behind the name `after` that have messages, in the order of their names, and how many.
    fn message_counts(&mut self, after: &str, limit: usize) -> Result<Vec<(String, usize)>, BackendError>;

    /// Records, newest first. It looks at a bounded number: a page may be short and have a `next`.
    fn records(&mut self, query: &RecordQuery) -> Records;

    /// From now on it is used on a thread of its own. It may begin others for what nobody has to wait for, and calls `wake` when
    /// these have something to tell.
    fn attach(&mut self, _wake: Wake) {}

    /// Searches as [`records`](Self::records) does. `None`: the page comes by [`poll_found`](Self::poll_found), by this ticket.
    fn search(&mut self, _ticket: u64, query: &RecordQuery) -> Option<Records> {
        Some(self.records(query))
    }

    /// A page that a search was told to wait for.
    fn poll_found(&mut self) -> Option<(u64, Records)> {
        None
    }

    /// Deletes what is over; how many rows that were.
    fn purge(&mut self, purge: &Purge) -> Result<u64, BackendError>;

    /// Notes that the process lives, for what the next one says of calls that this one leaves open. It waits for no disk: after a
    /// power cut an earlier note may be found.
    fn note_alive(&mut self, now: WallTime) -> Result<(), BackendError>;

    /// How large it is.
    fn usage(&mut self) -> Result<Usage, BackendError>;
}
