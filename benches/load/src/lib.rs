//! A load generator for SIP servers and RTP relays: one bounded process, one thread, that plays caller and callee.
//!
//! ```text
//!   caller ── INVITE ──▶ ┌────────┐ ── INVITE ──▶ callee        caller, callee, register: machines without socket or clock
//!          ◀── 200 ───── │ server │ ◀── 200 ─────               generator: the loop that gives them both
//!   leg 2n ══ RTP ═════▶ │  under │ ══ RTP ═════▶ leg 2n + 1    media, stamp, speech, srtp: what a packet says, and what became of it
//!          ◀═ RTP ══════ │  test  │ ◀═ RTP ══════               health: whether the generator itself was the limit
//!                        └────────┘                             cpu: what the server used meanwhile
//! ```
//!
//! It has a small SIP of its own and imports nothing of what it measures. RFC 3261 (UDP transactions, dialogs, both ends),
//! RFC 3264 and RFC 8866 (one stream), RFC 3550 (RTP), RFC 3711 and RFC 4568 (SRTP, one suite), RFC 3581 (rport), TCP and TLS for signalling, RFC 7616 and RFC 8760 (digest).

pub mod answer;
pub mod callee;
pub mod caller;
#[cfg(test)]
mod caller_tests;
pub mod clock;
pub mod cpu;
pub mod dialog;
pub mod digest;
pub mod floor;
pub mod generator;
pub mod health;
pub mod limits;
pub mod media;
pub mod message;
pub mod options;
pub mod outbox;
pub mod pacing;
pub mod party;
pub mod reactor;
pub mod register;
pub mod report;
pub mod sdp;
pub mod server;
pub mod speech;
pub mod srtp;
pub mod stamp;
pub mod statistics;
pub mod stream;
pub mod streams;
pub mod transaction;
pub mod wire;
