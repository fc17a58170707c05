//! What is counted and timed.

use crate::clock::nanoseconds;
use crate::limits::HISTOGRAM_MAX_NS;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A distribution of times, to three significant figures.
pub struct Times {
    histogram: Histogram<u64>,
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Times({} recorded)", self.count())
    }
}

impl Default for Times {
    fn default() -> Times {
        Times::new()
    }
}

impl Times {
    /// An empty one.
    #[expect(clippy::expect_used, reason = "the bounds are constants that hdrhistogram accepts")]
    pub fn new() -> Times {
        let histogram = Histogram::new_with_bounds(1, HISTOGRAM_MAX_NS, 3).expect("constant bounds");
        Times { histogram }
    }

    /// Records a time in nanoseconds.
    pub fn record(&mut self, nanoseconds: u64) {
        self.histogram.saturating_record(nanoseconds.max(1));
    }

    /// Records a duration.
    pub fn record_duration(&mut self, duration: Duration) {
        self.record(nanoseconds(duration));
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The value at a quantile of 0 to 1.
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.histogram.value_at_quantile(quantile))
    }

    /// The largest.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(if self.count() == 0 { 0 } else { self.histogram.max() })
    }
}

/// Why a call was not a complete one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// The INVITE was refused with a status.
    Refused(u16),
    /// Nothing answered the INVITE.
    NoResponse,
    /// It rang until the caller cancelled it.
    NoAnswer,
    /// The answer's description of the media could not be used.
    UnusableAnswer,
    /// The BYE was refused with a status.
    ByeRefused(u16),
    /// Nothing answered the BYE.
    ByeNoResponse,
    /// The far side's BYE did not arrive in time.
    FarSideSilent,
    /// The call ended before it should.
    EndedEarly,
    /// The run ended before the call did.
    Unfinished,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(status) => write!(f, "{status}"),
            Failure::NoResponse => f.write_str("no response to INVITE"),
            Failure::NoAnswer => f.write_str("no answer, cancelled"),
            Failure::UnusableAnswer => f.write_str("unusable media in the answer"),
            Failure::ByeRefused(status) => write!(f, "BYE {status}"),
            Failure::ByeNoResponse => f.write_str("no response to BYE"),
            Failure::FarSideSilent => f.write_str("no BYE from the far side"),
            Failure::EndedEarly => f.write_str("ended early by the far side"),
            Failure::Unfinished => f.write_str("unfinished"),
        }
    }
}

/// What has become of the calls that were placed within one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Second {
    /// Placed.
    pub placed: u64,
    /// Complete.
    pub completed: u64,
    /// Refused with 503.
    pub refused: u64,
    /// Failed otherwise.
    pub failed: u64,
}

/// What the signalling showed.
#[derive(Debug, Default)]
pub struct Signalling {
    /// Calls placed.
    pub placed: u64,
    /// Calls that were set up, held and torn down as they should.
    pub completed: u64,
    /// The others.
    pub failures: BTreeMap<Failure, u64>,
    /// By the second of the run in which calls were placed.
    pub seconds: Vec<Second>,
    /// INVITE to its 200.
    pub setup: Times,
    /// INVITE to its first 18x.
    pub post_dial: Times,
    /// BYE to its 200.
    pub teardown: Times,
    /// Calls that reached the callee.
    pub callee_answered: u64,
    /// Those of them that ended by a BYE.
    pub callee_ended: u64,
    /// Those whose 200 was never acknowledged.
    pub callee_unacknowledged: u64,
    /// INVITEs that the callee refused: no port free, or no codec in common.
    pub callee_refused: u64,
    /// Requests and 200s that were sent again.
    pub retransmissions_sent: u64,
    /// Requests and final responses that arrived again.
    pub retransmissions_received: u64,
    /// Requests within a call other than ACK and BYE that the server sent, and were served.
    pub served_requests: u64,
    /// Second answers of a forked INVITE, acknowledged and hung up.
    pub forked_answers: u64,
    /// Datagrams that are no SIP, or come from an address that is not allowed.
    pub malformed: u64,
    /// Messages that belong to no call of this run.
    pub stray: u64,
}

impl Signalling {
    /// A call is placed.
    pub fn place(&mut self, now: Duration) {
        self.placed += 1;
        self.second(now).placed += 1;
    }

    /// Counts a complete call, by when it was placed.
    pub fn complete(&mut self, placed: Duration) {
        self.completed += 1;
        self.second(placed).completed += 1;
    }

    /// Counts a failure, by when the call was placed.
    pub fn fail(&mut self, placed: Duration, failure: Failure) {
        *self.failures.entry(failure).or_default() += 1;
        let second = self.second(placed);
        match failure {
            Failure::Refused(503) => second.refused += 1,
            _ => second.failed += 1,
        }
    }

    fn second(&mut self, at: Duration) -> &mut Second {
        // A run is bounded (`RUN_MAX`), and so are its seconds.
        let second = at.as_secs() as usize;
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, Second::default());
        }
        &mut self.seconds[second]
    }

    /// How many failed.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

/// The RTP of one direction, over all calls.
#[derive(Debug, Default)]
pub struct Flow {
    /// Packets sent.
    pub sent: u64,
    /// Those of them that count for loss and delay.
    pub counted_sent: u64,
    /// RTP packets received, of any kind.
    pub received: u64,
    /// Counted packets that arrived, each once.
    pub counted_received: u64,
    /// Packets that had arrived before.
    pub duplicates: u64,
    /// Packets that arrived after one that was sent later.
    pub reordered: u64,
    /// Packets of another call's stream.
    pub misdelivered: u64,
    /// RTP packets without a stamp.
    pub unreadable: u64,
    /// RTCP packets.
    pub rtcp: u64,
    /// Datagrams that are neither RTP nor RTCP.
    pub strange: u64,
    /// Sends that the kernel refused.
    pub send_errors: u64,
    /// Legs that came up and received nothing.
    pub deaf_legs: u64,
    /// Sender's clock to receiver's read, counted packets alone.
    pub delay: Times,
}

impl Flow {
    /// An empty one.
    pub fn new() -> Flow {
        Flow::default()
    }

    /// Counted packets that never came.
    pub fn lost(&self) -> u64 {
        self.counted_sent.saturating_sub(self.counted_received)
    }
}
