//! Pairs of ports: even for RTP, the odd one above for RTCP (RFC 3550 §11).

mod interface;
mod pairs;

pub use interface::{Choice, Pool};
pub use pairs::{Pairs, Shortage};
