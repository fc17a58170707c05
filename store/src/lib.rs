//! What outlives the process: accounts, bindings, call records.
//!
//! ```text
//!  signaling ── Set × Binding… ──────▶ ┌─────────┐  gathered for   ┌─────────┐
//!  switch ── Start, Set × CallRecord ▶ │  Store  │ ──────────────▶ │ Backend │  SQLite: one transaction,
//!  control ── Set, Query × Account ──▶ │ (pure)  │  COMMIT_DELAY   │ (shell) │  one fsync a batch
//!          ◀── Done once durable ───── └─────────┘ ◀────────────── └─────────┘
//! ```
//!
//! - [`Store`] is the service module: packets in, packets out; it gathers writes, merges those of one call, and answers
//!   `Done` only after the back end has committed them. Time is an argument.
//! - [`Backend`] is what it asks of a database: [`backend::Sqlite`] in a server, [`backend::Memory`] in the simulator.
//! - [`backend::Seat`] runs a store on a thread of its own.
//! - [`credential`] turns a password into the hashes that digest authentication needs (RFC 8760) and forgets it.

mod account;
pub mod backend;
mod batch;
mod binding;
pub mod credential;
pub mod limits;
mod message;
mod record;
mod service;
mod status;

pub use backend::Backend;
pub use binding::{BindingPosition, BindingQuery};
pub use message::MessageQuery;
pub use record::{RecordPosition, RecordQuery};
pub use service::{Config, Store};
