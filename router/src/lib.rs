//! The packet router: how the service modules of a platform, and of several platforms, talk to each other.
//!
//! ```text
//!   module                        router                          module
//!  ┌────────┐  poll_transmit   ┌───────────┐  push   ┌───────┐  receive  ┌────────┐
//!  │ Outbox ├────────────────▶ │  table    ├───────▶ │ Inbox ├─────────▶ │ Outbox │
//!  └────────┘ ◀──────────────┐ │ (no lock) │         └───────┘           └────────┘
//!     pending,       refused  └┤           ├───────▶ Inbox of the inter-platform interface
//!     deadlines                └───────────┘
//! ```
//!
//! - [`packet`], [`address`], [`command`], [`parameter`]: the vocabulary. Command × first parameter is the service.
//! - [`outbox`]: what a module has sent and still waits for; pure, time is an argument. [`asked`]: what it was asked, to be
//!   answered once.
//! - [`inbox`], [`wake`]: the bounded queue of a module, and the wake-up that is skipped while it runs.
//! - [`route`]: the table, read without a lock, and the [`Endpoint`] of a module.
//! - [`service`]: the face of every service module, and the drain rule, written once.
//! - [`subscription`]: who wants to be notified, and who missed something.
//! - [`shard`], [`post`]: the SIP shards of a platform, and what they hand each other beside packets.
//! - [`Roll`]: the platforms of the cluster, as a module is told them.
//! - [`encoding`]: the packet between platforms, in CBOR (RFC 8949; `docs/packets.md`).
//! - [`bridge`]: the inter-platform interface: platforms that are linked act as one.
//! - [`pace`]: when a busy module takes its inputs in batches. [`pacer`]: how often something may be done, spread over the second; [`throttle`]:
//!   how many may come within a second, on all shards together. [`backlog`]: new work that waits, and is refused, when more comes than can be done.
//! - [`time`], [`random`], [`instance`]: arguments that every pure machine takes.
//! - [`numbering`]: numbers as they are dialled, and as E.164 has them. [`emergency`]: those that come first.
//! - [`private`], [`short_text`], [`own_map`]: what values are kept in. [`octets`]: where they are encoded.

pub mod address;
pub mod asked;
mod atomic;
pub mod backlog;
pub mod bridge;
pub mod command;
pub mod emergency;
pub mod encoding;
pub mod inbox;
pub mod instance;
mod ledger;
pub mod limits;
pub mod numbering;
pub mod octets;
pub mod outbox;
pub mod own_map;
pub mod pace;
pub mod pacer;
pub mod packet;
pub mod parameter;
pub mod post;
pub mod private;
pub mod random;
mod roll;
pub mod route;
mod seldom;
pub mod service;
pub mod shard;
pub mod short_text;
pub mod subscription;
pub mod throttle;
pub mod time;
pub mod wake;

pub use address::{Address, Instance, Module, ModuleKind, PlatformId};
pub use asked::Asked;
pub use backlog::Backlog;
pub use command::{Class, Command};
pub use emergency::Emergency;
pub use inbox::{Inbox, InboxCounters};
pub use instance::Instances;
pub use ledger::{Hour, Ledger};
pub use octets::Octets;
pub use outbox::{Outbox, Pending, Received};
pub use own_map::OwnMap;
pub use pace::Pace;
pub use pacer::Pacer;
pub use packet::{Packet, Parameters, Transaction, one};
pub use parameter::Parameter;
pub use post::Post;
pub use private::Private;
pub use random::Random;
pub use roll::Roll;
pub use route::{Endpoint, Life, Refused, Router};
pub use seldom::Seldom;
pub use service::Service;
pub use shard::{Shards, Tally};
pub use short_text::ShortText;
pub use subscription::Subscriptions;
pub use throttle::Throttle;
pub use wake::Wake;
