//! What the operator sets of messages.

use crate::admission::Rate;
use router::time::Duration;

/// How long messages may be, how many, for how long they are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageSettings {
    /// Longest body over a transport with congestion control, octets.
    pub octets_max: usize,
    /// The longest time that one is kept.
    pub keep: Duration,
    /// How many an account may send.
    pub account_rate: Rate,
    /// How many a trunk may send.
    pub trunk_rate: Rate,
}

impl Default for MessageSettings {
    /// A text of several pages; a person who writes as fast as people write, and a few at once; a carrier's gateway.
    fn default() -> Self {
        Self {
            octets_max: 16_384,
            keep: Duration::from_secs(7 * 86_400),
            account_rate: Rate { per_second: 1, burst: 20 },
            trunk_rate: Rate { per_second: 50, burst: 200 },
        }
    }
}
