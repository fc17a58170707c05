//! Conferences: everybody hears everybody else.
//!
//! ```text
//!   member ─▶ coding ─▶ playout: a ring of samples, by their timestamps ─┐
//!   member ─▶ coding ─▶ playout ─────────────────────────────────────────┼─▶ mix: the sum ─ less one's own ─▶ coding ─▶ member
//!   member ─▶ coding ─▶ playout ─────────────────────────────────────────┘        every 20 ms
//! ```
//!
//! - [`Conference`]: the seats, the clock, what is counted.
//! - [`Playout`]: one member's samples until their time comes: order, jitter, clocks that run at another pace.
//! - [`Mix`]: the sum of a frame, and what each hears of it.
//! - [`Coding`]: what a member's leg has agreed on.
//! - `Coders`: what reads and makes its payloads, where that is more than a table.

mod coders;
mod coding;
#[expect(clippy::module_inception, reason = "the folder is what a conference is made of, the file the thing itself")]
mod conference;
mod mix;
mod playout;

pub use coding::Coding;
pub use conference::{Conference, Frame, Seat};
pub use mix::{Mix, Sound};
pub use playout::Playout;

/// Samples a second.
pub const RATE_HZ: u32 = 8_000;

/// Samples of a frame: 20 ms.
pub const FRAME_SAMPLES: usize = 160;

/// Milliseconds of a frame.
pub const FRAME_MS: u64 = FRAME_SAMPLES as u64 * 1_000 / RATE_HZ as u64;
