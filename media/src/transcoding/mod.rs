//! A way through for sound whose format the other leg has not agreed to.
//!
//! ```text
//!   packets ─▶ ┌───────┐ payloads in order, ┌────────────┐ packets  ┌──────────┐
//!   (other     │ Order │ gaps, silence      │ Transcoder │ ────────▶│ Outgoing │─▶ peer
//!   format)    └───────┘───────────────────▶└────────────┘          └──────────┘
//!               Lateness: how long what is     decode, conceal,       SSRC, numbers,
//!               missing is waited for          encode                 times as ever
//! ```
//!
//! - [`Way`]: it all, from a packet of one port to packets of the other.
//! - [`Order`]: what is due: sound, noise, a gap, nothing yet.
//! - [`Lateness`]: how late the packets of this line come.
//! - [`Keys`]: presses that come as events (RFC 4733) go out as events of the other leg's clock and payload type.
//! - [`Tones`]: the same as sound, where the other leg takes no events.
//! - [`Listening`]: keys that are heard in the sound go out as events, and are told.
//! - [`Conversion`]: which of these two legs need.
//! - [`served_codecs`]: everything that can be coded, in the words of SDP.

mod conversion;
mod keys;
mod lateness;
mod listening;
mod order;
mod served;
mod tones;
mod way;

pub use conversion::{Conversion, Side};
pub use keys::{Keys, Presses, Progress};
pub use lateness::Lateness;
pub(crate) use listening::VOLUME;
pub use listening::{Heard, Listening};
pub use order::{Counted, Kind, Order, Step};
pub(crate) use served::coded;
pub use served::{served_codecs, spoken_codecs};
pub use tones::Tones;
pub use way::{Coded, Ends, Made, Way};
