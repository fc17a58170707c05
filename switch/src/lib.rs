//! The call switching unit: calls and their legs, independent of SIP and RTP.
//!
//! ```text
//!            Start × Call                    ┌──────────── Switch ────────────┐
//!  signaling ────────────▶ service.rs ─────▶ │ call/: one machine a call      │ ── Start × Leg ──▶ signaling
//!            ◀──────────── (packets)         │   asks plan/ whither,          │ ── Open, Connect ▶ voice
//!            Progress, Done                  │   negotiation/ what is spoken  │ ── CallRecord ───▶ store
//!                                            └────────────────────────────────┘ ── CallEvent ────▶ who subscribed
//! ```
//!
//! - [`plan`]: the routing plan: from a number and on whose behalf to accounts, groups, trunks, services, with its branches.
//! - [`rates`]: what trunks cost for which numbers, a million prefixes and more.
//! - [`guard`]: what callers may do at most; emergency numbers.
//! - `call`: a call's order of things, one file a feature: set-up, fork, fail-over, early media, renegotiation, transfer…
//! - `negotiation`: typed offers and answers (RFC 3264) intersected across two legs, and the plans of their ports.
//! - [`KeyForms`]: how peers have the keys that they press.
//! - [`Relaying`]: whose media may have to go by a server that relays.
//! - [`Services`]: what echo, tones and conferences speak.
//! - [`Transcoding`]: what can be coded between two legs that share no sound.
//! - `record`, `refusal`, `event`, `listing`, `status`: what is told of calls, and of attempts that never were one.
//! - `trunks`: which of them do not respond, and are passed over.
//! - `platforms`: the others of the cluster; a leg may be at the switch of one of them.
//! - `abroad`: which calls have legs there.
//! - `whereabouts`: what they have said of accounts.
//! - [`Switch`]: the adapter between packets and the machines, a [`router::Service`].
//!
//! Pure: packets and time in, packets and a deadline out.

mod abroad;
mod call;
mod config;
mod event;
pub mod guard;
mod key_forms;
pub mod limits;
mod listing;
mod message;
mod moved;
mod negotiation;
pub mod plan;
mod platforms;
pub mod rates;
mod reach;
mod record;
mod refusal;
mod relaying;
mod service;
mod services;
mod status;
mod transcoding;
mod trunks;
mod whereabouts;

pub use config::{Cluster, Config, EarlyRinging};
pub use key_forms::KeyForms;
pub use relaying::Relaying;
pub use service::Switch;
pub use services::Services;
pub use transcoding::Transcoding;
