//! Text messages outside of calls (RFC 3428): from accounts and trunks, along the routing plan, to phones and trunks; kept for who is
//! not registered.
//!
//! ```text
//!  MESSAGE ──▶ Conveyance ── Query × MessageRoute ──▶ switch
//!                  │      ── Query × Registration ──▶ the account's home
//!                  ├── MESSAGE to each contact ──▶ the first 2xx: 200 to the sender
//!                  └── nobody there: Set × TextMessage ──▶ home ──▶ store: 202
//!  REGISTER ──▶ Mailboxes (home) ── Query × TextMessage ──▶ store
//!                  └── one after another, in their order ──▶ MESSAGE ── 2xx ──▶ Close × TextMessage
//! ```
//! A message is delivered once, but for one whose 2xx or whose removal was lost by a kill: it may come twice then, as RFC 3428 §8
//! lets any message do.
//!
//! | file | what |
//! |---|---|
//! | `conveyance` | a message on its way: who is tried, what the sender is told |
//! | `mailboxes` | what is kept, and delivered at registration |
//! | `content` | which bodies are taken, and how long they may be |
//! | `date` | SIP dates |
//! | `settings` | what the operator sets |

mod content;
mod conveyance;
mod date;
mod mailboxes;
mod settings;

pub use settings::MessageSettings;

pub(crate) use content::{ACCEPTED, content_of, is_packed};
pub(crate) use conveyance::{Attempt, Conveyance, Outcome, Sender, is_absence};
pub(crate) use date::{parse as parse_date, write as write_date};
pub(crate) use mailboxes::{Load, Mailboxes};

use crate::admission::{Bucket, Rate};
use router::time::{Instant, TimerWheel};
use router::{Instance, OwnMap, Subscriptions, Transaction};
use std::collections::{BTreeMap, HashMap};

/// What an answer to a question of a conveyance's is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    /// The plan.
    Route(Instance),
    /// Where one account is.
    Place(Instance),
    /// That it is kept.
    Keeping(Instance),
}

/// What has been counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MessageCounters {
    pub(crate) received: u64,
    pub(crate) delivered: u64,
    pub(crate) kept: u64,
    pub(crate) refused: u64,
    pub(crate) limited: u64,
}

/// All messages of a shard.
#[derive(Default)]
pub(crate) struct Messaging {
    pub(crate) conveyances: OwnMap<Instance, Conveyance>,
    pub(crate) asked: BTreeMap<Transaction, About>,
    /// When a conveyance is waited for no longer.
    pub(crate) due: TimerWheel<Instance>,
    pub(crate) mailboxes: Mailboxes,
    /// Who is told what becomes of messages.
    pub(crate) subscribers: Subscriptions,
    /// What each account and trunk may send: accounts' by name, trunks' behind a space, which no account has.
    rates: HashMap<String, Bucket>,
    pub(crate) counters: MessageCounters,
}

impl Messaging {
    /// Whether a sender may send one more now. The names are those of the accounts and trunks that there are: nobody else's
    /// comes here.
    pub(crate) fn admit(&mut self, now: Instant, sender: &str, rate: Rate) -> bool {
        let bucket = match self.rates.get_mut(sender) {
            Some(bucket) => bucket,
            None => self.rates.entry(sender.to_owned()).or_insert_with(|| Bucket::full(rate)),
        };
        let admitted = bucket.take(now, rate, 1);
        self.counters.limited += u64::from(!admitted);
        admitted
    }
}
