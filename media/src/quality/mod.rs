//! How a leg sounds, in figures that operators compare: loss and its bursts, ratings and opinions.
//!
//! - [`e_model`]: ratings of ITU-T G.107, by delay, loss and codec (G.113).
//! - [`Bursts`]: how losses lie together (RFC 3611).

mod bursts;
pub mod e_model;

pub use bursts::{Bursts, GMIN, Shape};
pub use e_model::{Facts, Impairment};
