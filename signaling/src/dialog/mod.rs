//! Dialogs (RFC 3261 §12): what two user agents remember of each other between requests.
//!
//! ```text
//!   of an INVITE that came ── Dialog::of_request ──┐                    ┌── request ──▶ RequestWriter, Destination
//!                                                  ├──▶  early, confirmed
//!   of a response that came ─ Dialog::of_response ─┘                    └── receive ◀── an in-dialog request
//! ```
//! `route_set.rs` holds the rules of loose and strict routing; `next_hop.rs` where in-dialog requests go; `place.rs` what a registrar knows of that.

#[expect(clippy::module_inception, reason = "the dialog itself, beside what it consists of")]
mod dialog;
mod next_hop;
mod place;
mod route_set;

pub use dialog::{Dialog, DialogId, Identity, Unfit};
pub(crate) use next_hop::listens_at;
pub use next_hop::{NextHop, Reach};
pub use place::Place;
pub use route_set::RouteSet;
