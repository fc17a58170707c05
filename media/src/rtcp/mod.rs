//! RTCP (RFC 3550 §6): what peers report, and what we report to them. It is terminated at each leg: the relay has its own
//! SSRC, sequence and loss on either side, so a peer's report means nothing to the other one.

mod extended;
mod interval;
mod packet;
mod receive;
mod report;
mod summary;

pub use extended::{Echo, VoipMetrics};
pub use interval::interval;
pub use packet::{Block, Fault, Item, Items, SenderInfo, check, is_rtcp};
pub use receive::{Reception, rtp_units};
pub use report::{Compound, Feedback, NtpTime, Sent, Source, Written, write};
pub use summary::{JitterSummary, StatisticsSummary};
