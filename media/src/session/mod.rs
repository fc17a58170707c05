//! What a call has at a worker.
//!
//! ```text
//!            ┌─────────────────────── session ───────────────────────┐
//!   peer ──▶ │ port: learn ▶ reception ▶ format ──▶ outgoing of the  │ ──▶ other peer
//!            │       who?     loss,       mapped    other port:      │
//!            │                jitter      type      SSRC, numbers    │
//!            └────────────────────────────────────────────────────────┘
//! ```
//!
//! - [`session`](Session): the ports of a call, and who opened them.
//! - [`Port`]: one leg's end: its plan, its peer, its counters.
//! - [`Formats`]: payload types, resolved when a plan is set.
//! - [`Learning`]: where the peer really sends from.
//! - [`Outgoing`]: one continuous stream to the peer, whatever it is made of.
//! - [`Dialling`]: keys that the owner has for the peer.
//! - [`Generator`]: built-in sources and their frame clock.

mod builtin;
mod dialling;
mod learn;
mod plan;
mod port;
mod relay;
#[expect(clippy::module_inception, reason = "the folder is what a call has here, the file the thing of that name")]
mod session;

pub use builtin::Generator;
pub(crate) use builtin::is_spoken;
pub use dialling::{Dialled, Dialling};
pub use learn::{Learning, Networks, Verdict};
pub use plan::{FormatKind, Formats, KeySource, Plan};
pub use port::{
    Allowance, Asking, Dropped, Handshaken, Means, Place, Play, Port, Question, Record, SeatPlace, Sending, Taken,
    Watched,
};
pub use relay::{Incoming, Numbers, Origin, Outgoing};
pub use session::Session;
