//! The control socket: what operators, scripts and CTI applications drive the platform by.
//!
//! ```text
//!   client                listener (shell)              Control (pure core)                    modules
//!   ──────  one JSON  ┌─────────────────────┐ handle_line  ┌──────────┐ Query × CallSummary  ┌────────┐
//!          object a  ▶│ Unix socket, TCP;   ├─────────────▶│ sessions │─────────────────────▶│ switch │
//!   ◀──────  line     │ a task a connection │◀─────────────┤ topics   │◀─────────────────────│ store… │
//!                     └─────────────────────┘ poll_output  └──────────┘ Done, Notify         └────────┘
//! ```
//!
//! - [`service`]: [`Control`], sessions and packets; [`router::Service`].
//! - `protocol`: a line in and a line out, and the one function from failures to codes.
//! - `topic`: one module a topic: its messages, the packets that they become, the JSON that answers become.
//! - [`listener`]: the sockets.
//! - [`password`]: passwords and tokens that are made here.
//! - [`limits`]: every bound.
//!
//! The protocol is described in `docs/control.md`.

pub mod limits;
pub mod listener;
pub mod password;
mod protocol;
mod question;
pub mod service;
mod session;
mod topic;

pub use protocol::code::Code;
pub use protocol::time::rfc3339;
pub use service::{Config, Control, Farewell, Output};
pub use session::{Access, SessionId};
