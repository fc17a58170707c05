//! What a shard's work takes, where a scenario is about more of it than can be done: in virtual time everything else takes none.

use router::time::{Duration, Instant};

/// What a turn takes, whatever is done in it: so that time passes while work waits.
const TURN: Duration = Duration::from_micros(20);

/// How long a shard needs for what it takes in a turn. What comes meanwhile waits, in sockets and inboxes.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// For a message of SIP.
    pub message: Duration,
    /// For a packet.
    pub packet: Duration,
}

/// A shard whose work takes time.
#[derive(Debug)]
pub(crate) struct Labour {
    effort: Effort,
    /// Until when it is busy with its last turn.
    pub(crate) until: Instant,
    /// Whether that left something for the next one.
    pub(crate) goes_on: bool,
}

impl Labour {
    pub(crate) fn new(effort: Effort, now: Instant) -> Self {
        Self { effort, until: now, goes_on: false }
    }

    /// A turn took so much, and may have left something.
    pub(crate) fn spend(&mut self, now: Instant, messages: u32, packets: u32, goes_on: bool) {
        let Effort { message, packet } = self.effort;
        self.until = now + TURN + message * messages + packet * packets;
        self.goes_on = goes_on;
    }
}
