//! RTP (RFC 3550): the header as a view, and the sequence machine of a source.

mod header;
mod sequence;

pub use header::{Fault, HEADER_BYTES, Header, rewrite, write};
pub use sequence::{Arrival, Sequence};
