//! The timers of RFC 3261 §17 and RFC 6026, and their lengths.

use router::time::Duration;

/// What a transaction waits for. Timer C belongs to proxies, which this server is none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// When to send an INVITE again: T1, doubled each time; UDP only (RFC 3261 §17.1.1.2).
    A,
    /// When to give up an INVITE without any response: 64·T1 (§17.1.1.2).
    B,
    /// When to forget an INVITE that was refused, after absorbing repeated refusals: 32 s at least on UDP, at once on
    /// streams (§17.1.1.2).
    D,
    /// When to send another request again: T1, doubled up to T2; UDP only (§17.1.2.2).
    E,
    /// When to give up another request without final response: 64·T1 (§17.1.2.2).
    F,
    /// When to send the refusal of an INVITE again: T1, doubled up to T2; UDP only (§17.2.1).
    G,
    /// When to give up waiting for the ACK to a refusal: 64·T1 (§17.2.1).
    H,
    /// When to forget a refused INVITE, after absorbing repeated ACKs: T4 on UDP, at once on streams (§17.2.1).
    I,
    /// When to forget another request that was answered, after repeating the answer: 64·T1 on UDP, at once on streams
    /// (§17.2.2).
    J,
    /// When to forget another request of ours, after absorbing repeated answers: T4 on UDP, at once on streams
    /// (§17.1.2.2).
    K,
    /// When to forget an INVITE that was accepted, after absorbing its repetitions: 64·T1 (RFC 6026 §7.1).
    L,
    /// When to forget an INVITE of ours that was accepted, after passing up repeated and forked 2xx: 64·T1
    /// (RFC 6026 §7.2).
    M,
    /// When to send 100 Trying unless the user has answered: within 200 ms for an INVITE (RFC 3261 §17.2.1); for other
    /// requests when the client's timer E has reached T2 (RFC 4320 §4.1).
    Trying,
    /// When to forget a request other than INVITE that the user does not answer: its client gives up after 64·T1, and
    /// no later response may be sent (RFC 4320 §4.2).
    Unanswered,
    /// When to give up an INVITE that was cancelled and gets no final response: 64·T1 after the CANCEL (RFC 3261 §9.1).
    Cancelled,
}

/// The lengths that all timers derive from (RFC 3261 §17.1.1.1 and table 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Estimate of the round trip.
    pub t1: Duration,
    /// Longest interval between retransmissions of requests other than INVITE and of responses to INVITE.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
    /// Timer D on UDP.
    pub d: Duration,
    /// How long the user has to answer an INVITE before 100 Trying is sent. With zero it is sent at the end of the turn
    /// in which the INVITE came. Half of the 200 ms that RFC 3261 §17.2.1 allows, as timers and turns take their time too.
    pub trying: Duration,
    /// How long at most what has been answered is remembered, where a table of transactions is more than half full; `None`: as long as the RFC says.
    pub linger: Option<Duration>,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            d: Duration::from_secs(32),
            trying: Duration::from_millis(100),
            linger: None,
        }
    }
}

impl Timers {
    /// 64·T1: timers B, F, H, J, L and M.
    pub fn transaction(&self) -> Duration {
        self.t1 * 64
    }

    /// How long what has been answered is remembered, so that repetitions are known: timers J and M, and L once the ACK has come. 64·T1, or
    /// less where a table fills.
    pub fn lingering(&self) -> Duration {
        self.linger.map_or(self.transaction(), |linger| linger.min(self.transaction()))
    }

    /// The same, but what has been answered is remembered for that long at most.
    pub(super) fn with_linger(self, linger: Duration) -> Timers {
        Timers { linger: Some(linger), ..self }
    }

    /// How long a peer that took a TCP connection may say nothing to a request that went that way only as it was too long for
    /// UDP: 16·T1, 8 s with the usual value. A peer that serves TCP answers an INVITE within 200 ms (RFC 3261 §17.2.1), any
    /// other request within T2 (RFC 4320 §4.1); where a firewall or a proxy took the connection for it, three quarters of
    /// timers B and F are left to UDP.
    pub fn stream_silence(&self) -> Duration {
        self.t1 * 16
    }

    /// After how long a client's timer E has reached T2: the sum of its intervals below T2 (RFC 4320 §4.1); 3.5 s with
    /// the usual values.
    pub fn trying_of_other_requests(&self) -> Duration {
        let mut interval = self.t1;
        let mut sum = Duration::ZERO;
        while interval < self.t2 && sum < self.transaction() && !interval.is_zero() {
            sum += interval;
            interval *= 2;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_values_are_those_of_the_rfc() {
        let timers = Timers::default();
        assert_eq!(timers.transaction(), Duration::from_secs(32));
        assert_eq!(timers.trying_of_other_requests(), Duration::from_millis(3500));
        assert_eq!(Timers { t1: Duration::ZERO, ..timers }.trying_of_other_requests(), Duration::ZERO);
    }
}
