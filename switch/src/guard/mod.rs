//! What callers may do at most, so that a stolen password or a misled trunk costs little: calls at once, calls and money an hour, numbers.
//!
//! ```text
//!   a call on somebody's behalf ──▶ the first guard for that one ──▶ calls at once, calls an hour   (its ledger, of all shards)
//!            the step leaves the platform ──▶ allowed, barred prefixes, what the hour has cost
//!                 one is tripped ──▶ 403, with the guard and the reason in the record, the event and the log
//!   while a trunk is talked to that a rate table has a price for: each minute that begins is noted
//! ```
//! Calls to emergency numbers pass all of it.

mod guarding;

pub use guarding::{Guard, Tripped};
