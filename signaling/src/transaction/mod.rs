//! Transactions (RFC 3261 §17, RFC 6026): pure machines, and the table that finds, creates and ends them.
//!
//! ```text
//!            Received ──▶ ┌──────────────┐ ──▶ Event: Request, Ack, Cancelled, Response, TimedOut, …
//!   handle_transport_failed │              │
//!      handle_timeout ──▶ │ Transactions │ ──▶ Transmit
//!   request, respond, ──▶ │              │
//!   cancel, acknowledge   └──────────────┘ ──▶ poll_timeout
//! ```
//!
//! [`InviteClient`], [`Client`], [`InviteServer`] and [`Server`] are the four machines; each takes inputs with the time
//! and says what to do. [`Transactions`] owns their messages, timers and keys.
//!
//! The rule for whoever drives [`Transactions`]: after any call, take events with
//! [`poll_event`](Transactions::poll_event) until `None`, answering as one likes; when that is done, once a turn,
//! [`handle_timeout`](Transactions::handle_timeout) if it is due; then send what
//! [`poll_transmit`](Transactions::poll_transmit) gives until `None`.

mod client;
mod derived;
mod invite_client;
mod invite_server;
mod key;
mod layer;
pub mod limits;
mod machine;
#[cfg(test)]
mod machine_tests;
mod sending;
mod server;
mod serving;
mod slots;
#[cfg(test)]
mod tests;
mod timer;

pub use client::Client;
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use key::{ClientKey, ServerKey};
pub use layer::{Event, TransactionCounters, Transactions};
pub use machine::{ClientInput, Output, Outputs, ServerInput};
pub use sending::{Acknowledgement, RequestRefused};
pub use server::Server;
pub use serving::Sighted;
pub use timer::{Timer, Timers};
