//! Offers and answers of two legs, intersected (RFC 3264): every leg is negotiated for its own peer.
//!
//! ```text
//!   A's offer ─▶ offer.rs ─▶ our offer to B: A's formats, the address of B's port
//!   B's answer ─▶ Medium::accept ─▶ answer.rs ─▶ our answer to A: what B chose, A's payload types, A's port
//!   both ─▶ media_plan.rs ─▶ one MediaPlan a port
//! ```
//!
//! Where two legs share no sound it is transcoded between them: `transcoding.rs`.
//!
//! One stream is served: the first that is audio over RTP/AVP or RTP/AVPF. Every other is refused in answers and not offered on.

mod answer;
mod codec;
mod keys;
mod media_plan;
mod medium;
mod offer;
mod payload_type;
mod transcoding;
mod ways;

pub(crate) use codec::{own_codecs, share_sound, takes_first};
pub(crate) use media_plan::may_be_silent;
pub(crate) use medium::{Agreement, Medium, Terms};
pub(crate) use offer::{flow, served};
