//! What a worker counts.

use router::parameter::{Counter, Distribution};
use router::time::Duration;

/// Why a datagram went no further.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
pub enum Discard {
    /// It is neither RTP nor RTCP, though it claims so.
    Malformed,
    /// It is from somebody else than the peer.
    Stranger,
    /// Its format was not agreed, on this leg or on the other one.
    Format,
    /// Its number is far from the stream's, or older than what the peer got instead of it.
    Stray,
    /// The peer sends more than a voice can be.
    Flood,
    /// It was not protected by the peer's key, or was changed on its way.
    Forged,
    /// It was protected, and has come before, or so late that nobody knows.
    Replayed,
    /// It came before the keys that would open it, or the handshake that it belongs to.
    Unkeyed,
    /// The port has no plan yet, or the pair is not in use.
    Unexpected,
}

impl Discard {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 9] = [
        Self::Malformed,
        Self::Stranger,
        Self::Format,
        Self::Stray,
        Self::Flood,
        Self::Forged,
        Self::Replayed,
        Self::Unkeyed,
        Self::Unexpected,
    ];

    /// Its label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Stranger => "stranger",
            Self::Format => "format",
            Self::Stray => "stray",
            Self::Flood => "flood",
            Self::Forged => "forged",
            Self::Replayed => "replayed",
            Self::Unkeyed => "unkeyed",
            Self::Unexpected => "unexpected",
        }
    }
}

/// A worker's counters since its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// RTP packets from peers.
    pub rtp_received: u64,
    /// RTP packets to peers.
    pub rtp_sent: u64,
    /// RTP packets that never came.
    pub rtp_lost: u64,
    /// Compound RTCP packets from peers.
    pub rtcp_received: u64,
    /// Compound RTCP packets to peers.
    pub rtcp_sent: u64,
    /// RTP packets to peers that were transcoded.
    pub rtp_transcoded: u64,
    /// RTP packets of transcoded streams that never came, and whose time was bridged.
    pub rtp_concealed: u64,
    /// The same, which came when their time was over.
    pub rtp_late: u64,
    /// Keys that peers have pressed, as events or in their sound.
    pub keys_heard: u64,
    /// Datagrams that the system did not take.
    pub send_failures: u64,
    /// Datagrams that went no further, by [`Discard`].
    pub discarded: [u64; Discard::ALL.len()],
    /// Handshakes that were begun or answered.
    pub handshakes_begun: u64,
    /// Handshakes that have come to keys.
    pub handshakes_completed: u64,
    /// Handshakes that have come to none.
    pub handshakes_failed: u64,
    /// Checks of peers, and their answers to ours, that were taken (ICE).
    pub checks_taken: u64,
    /// Ways to peers that were taken.
    pub ways_taken: u64,
    /// Ports that had no way to their peer any more, or found none.
    pub ways_lost: u64,
    /// Addresses that servers that relay have given (TURN).
    pub relays_allocated: u64,
    /// Those that they have not: no more were left, or our name is not known there.
    pub relays_refused: u64,
    /// Those that were not there in time.
    pub relays_silent: u64,
    /// Those that were gone before their port was closed.
    pub relays_lost: u64,
    /// Sessions opened.
    pub sessions_opened: u64,
    /// Sessions closed for a fault of ours.
    pub sessions_broken: u64,
    /// Sessions closed since their owner was gone.
    pub sessions_orphaned: u64,
    /// Ports that could not be opened.
    pub ports_refused: u64,
    /// Ports that came from another worker.
    pub ports_moved: u64,
}

impl Counters {
    /// Counts a datagram that goes no further.
    #[inline]
    pub fn discard(&mut self, why: Discard) {
        self.discarded[why as usize] += 1;
    }

    /// As they are told to who asks.
    pub fn list(&self) -> Vec<Counter> {
        let mut list = vec![
            Counter::labelled("media_packets_received", "protocol", "rtp", self.rtp_received),
            Counter::labelled("media_packets_received", "protocol", "rtcp", self.rtcp_received),
            Counter::labelled("media_packets_sent", "protocol", "rtp", self.rtp_sent),
            Counter::labelled("media_packets_sent", "protocol", "rtcp", self.rtcp_sent),
            Counter::new("media_packets_lost", self.rtp_lost),
            Counter::new("media_packets_transcoded", self.rtp_transcoded),
            Counter::new("media_packets_concealed", self.rtp_concealed),
            Counter::new("media_packets_late", self.rtp_late),
            Counter::new("media_keys_heard", self.keys_heard),
            Counter::new("media_send_failures", self.send_failures),
        ];
        for why in Discard::ALL {
            let value = self.discarded[why as usize];
            list.push(Counter::labelled("media_packets_discarded", "reason", why.name(), value));
        }
        for (outcome, value) in [
            ("begun", self.handshakes_begun),
            ("completed", self.handshakes_completed),
            ("failed", self.handshakes_failed),
        ] {
            list.push(Counter::labelled("media_handshakes", "outcome", outcome, value));
        }
        list.push(Counter::new("media_checks_taken", self.checks_taken));
        for (outcome, value) in [("taken", self.ways_taken), ("lost", self.ways_lost)] {
            list.push(Counter::labelled("media_ways", "outcome", outcome, value));
        }
        for (outcome, value) in [
            ("allocated", self.relays_allocated),
            ("refused", self.relays_refused),
            ("silent", self.relays_silent),
            ("lost", self.relays_lost),
        ] {
            list.push(Counter::labelled("media_relays", "outcome", outcome, value));
        }
        list.push(Counter::new("media_sessions_opened", self.sessions_opened));
        list.push(Counter::new("media_sessions_broken", self.sessions_broken));
        list.push(Counter::new("media_sessions_orphaned", self.sessions_orphaned));
        list.push(Counter::new("media_ports_refused", self.ports_refused));
        list.push(Counter::new("media_ports_moved", self.ports_moved));
        list
    }
}

/// How long something took: how late timers fire, how long a packet is with the worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delays {
    name: &'static str,
    counts: [u64; Self::BOUNDS_US.len()],
    count: u64,
    sum_us: u64,
}

impl Delays {
    /// None yet, of what is told under this name.
    pub const fn named(name: &'static str) -> Self {
        Self { name, counts: [0; Self::BOUNDS_US.len()], count: 0, sum_us: 0 }
    }

    /// Upper bounds. Timers have a resolution of 1 ms; a frame that is 20 ms late is a frame too late.
    const BOUNDS_US: [u64; 9] = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 100_000];

    /// Takes one.
    pub fn record(&mut self, delay: Duration) {
        let delay_us = delay.as_micros() as u64;
        if let Some(count) = Self::BOUNDS_US.iter().position(|bound| delay_us <= *bound) {
            self.counts[count] += 1;
        }
        self.count += 1;
        self.sum_us += delay_us;
    }

    /// As it is told to who asks.
    pub fn distribution(&self) -> Distribution {
        let mut below = 0;
        let cumulative = Self::BOUNDS_US.iter().zip(self.counts).map(|(&bound, count)| {
            below += count;
            (bound, below)
        });
        Distribution { name: self.name.to_owned(), buckets: cumulative.collect(), count: self.count, sum: self.sum_us }
    }
}

/// What people would say of the legs that were closed (see [`quality`](crate::quality)), in hundredths.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Opinions {
    counts: [u64; Self::BOUNDS_CENTI.len()],
    count: u64,
    sum_centi: u64,
}

impl Opinions {
    /// Upper bounds. Of G.107, annex B: below 2.58 nearly all are dissatisfied, below 3.1 many, below 3.6 some, from 4.03 on all are satisfied.
    const BOUNDS_CENTI: [u64; 7] = [200, 258, 310, 360, 403, 434, 450];

    /// Takes one leg.
    pub fn record(&mut self, mos_centi: u16) {
        if let Some(place) = Self::BOUNDS_CENTI.iter().position(|bound| u64::from(mos_centi) <= *bound) {
            self.counts[place] += 1;
        }
        self.count += 1;
        self.sum_centi += u64::from(mos_centi);
    }

    /// As it is told to who asks.
    pub fn distribution(&self) -> Distribution {
        let mut below = 0;
        let cumulative = Self::BOUNDS_CENTI.iter().zip(self.counts).map(|(&bound, count)| {
            below += count;
            (bound, below)
        });
        Distribution {
            name: "media_opinion_centi".to_owned(),
            buckets: cumulative.collect(),
            count: self.count,
            sum: self.sum_centi,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opinions_are_cumulative() {
        let mut opinions = Opinions::default();
        [100, 310, 311, 441].into_iter().for_each(|mos| opinions.record(mos));
        let told = opinions.distribution();
        assert_eq!((told.count, told.sum), (4, 1_162));
        assert_eq!(told.buckets[1..4], [(258, 1), (310, 2), (360, 3)]);
    }

    #[test]
    fn lateness_is_cumulative() {
        let mut lateness = Delays::named("worker_tick_lateness_us");
        for late_us in [0, 100, 101, 900, 50_000, 200_000] {
            lateness.record(Duration::from_micros(late_us));
        }
        let told = lateness.distribution();
        assert_eq!((told.count, told.sum), (6, 251_101));
        assert_eq!(told.buckets[..4], [(100, 2), (250, 3), (500, 3), (1_000, 4)]);
        assert_eq!(told.buckets.last(), Some(&(100_000, 5)));
    }
}
