//! The inter-platform interface: platforms that are linked over TCP act as one (`docs/packets.md`, "The link").
//!
//! ```text
//!   modules of this platform                                                        other platforms
//!   ──────────────  router   ┌──────────────────────── Bridge ───────────────────────┐
//!    packets for  ─────────▶ │ table: which way   outgoing: bounded, by class        │ ──▶ link ──▶
//!    elsewhere               │ requests: what is in flight, failed when a link goes  │
//!    ◀────────────────────── │ peer: hello, heartbeats   frame, message: octets      │ ◀── link ◀──
//!                            └───────────────────────────────────────────────────────┘
//! ```
//!
//! - [`service`]: [`Bridge`], its packets as a module and its drain rule; [`crate::Service`].
//! - `traffic`: packets that leave, arrive, and pass through.
//! - `mesh`: links that come and go, lists of platforms; `hello`: who is at the other end, and which of two links stays;
//!   `identity`: what a platform proves that it is.
//! - `listing`: what is told of platforms and of the interface.
//! - `admission`: what other platforms may ask.
//! - [`message`], [`frame`]: what is said on a link, and how the stream is cut.
//! - `peer`: one link; `claims`: whom its peer may speak for; `dial`: where links are opened to; `outgoing`: what waits to be written.
//! - `newcomers`: who makes way where connections wait that have not shown who they are.
//! - `refusals`, `unreached`: what the log tells of who is turned away, and of who is not reached.
//! - `table`: how platforms are reached; `requests`: what is not answered yet; `load`: what the own modules have left.
//! - [`link`]: the shell, the only part that touches sockets; [`tls`]: whom it trusts.

mod admission;
mod claims;
mod dial;
pub mod frame;
mod hello;
mod identity;
pub mod link;
mod listing;
mod load;
mod mesh;
pub mod message;
mod newcomers;
mod outgoing;
mod peer;
mod refusals;
mod requests;
pub mod service;
mod table;
pub mod tls;
mod traffic;
mod unreached;

pub use admission::Trust;
pub use identity::{Identity, may_be_called};
pub use service::{Bridge, BridgeCounters, Config, Output, turn};

/// A link of this platform: the connection that the shell holds for it. Never used again for another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);
