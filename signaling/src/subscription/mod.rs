//! Events (RFC 6665): who follows what, and is told. We are the notifier of every package, and the state agent of what phones
//! publish (RFC 3903).
//!
//! ```text
//!  switches ── Notify × CallEvent ──▶ calls ──┐
//!                                             ├─▶ Notifier ── at most one NOTIFY at a time and an interval ──▶ phones
//!  home shard ─ Notify × AccountState ─▶ watched ┘        ▲
//!     ▲ REGISTER, PUBLISH, Set × MessageWaiting           └── SUBSCRIBE
//!  other platforms ─ Notify × AccountState ─▶ elsewhere    followers ─ Notify × AccountState ─▶ other platforms
//! ```
//! A subscription lives on the shard that its Call-ID hashes to, what is known of an account on the shard that the account hashes
//! to: REGISTER and PUBLISH come there. The one asks the other once for each account that somebody follows, and is told of
//! changes. Of calls every shard with somebody who follows them keeps a picture of its own, which the switches' events keep true. What there
//! is of the account at other platforms these tell, calls included: each is asked for the accounts that are followed, and told of no others.
//!
//! | file | what |
//! |---|---|
//! | `subscription` | one subscription: its dialog, its time, what it has been told and is to be told |
//! | `notifier` | all of them: bounds, who follows whom, which NOTIFY leaves when |
//! | `answer` | what the answer to a NOTIFY means |
//! | `package` | the event packages |
//! | `message_summary`, `presence`, `dialog_info`, `conference_info`, `reg_info` | their bodies |
//! | `pidf`, `xml` | presence documents read, XML written |
//! | `publication` | what phones publish: entity tags, expiry |
//! | `calls` | the picture of calls, by account |
//! | `elsewhere` | what other platforms tell of accounts that are followed here |
//! | `followers` | other platforms that follow accounts here |
//! | `settings` | what the operator sets |

mod answer;
mod calls;
pub(crate) mod conference_info;
pub(crate) mod dialog_info;
mod elsewhere;
mod followers;
pub mod message_summary;
mod notifier;
mod package;
pub mod pidf;
pub(crate) mod presence;
mod publication;
pub(crate) mod reg_info;
mod settings;
#[expect(clippy::module_inception, reason = "the subscription itself, beside what it is told of")]
mod subscription;
mod xml;

pub use presence::published_again;
pub use settings::{EventSettings, Watching};

pub(crate) use answer::{Verdict, verdict};
pub(crate) use calls::{CONFERENCE, Calls, DialogState, Question};
use elsewhere::Elsewhere;
use followers::Followers;
pub(crate) use followers::Taken;
pub(crate) use notifier::Notifier;
pub(crate) use package::{ALLOW_EVENTS, Content, Package};
pub(crate) use publication::{Precondition, Published};
pub(crate) use subscription::{Due, Ending, Subscription, Telling, interval_of_rate};
