//! Counts of messages by method and status.

use crate::message::Method;
use crate::transport::{ExchangeCounters, TransportCounters};
use router::parameter::{Counter, Verstat};

/// Statuses run from 100 to 699.
const STATUSES: usize = 700;

/// One direction's messages, by method and by status.
#[derive(Debug)]
struct Messages {
    requests: [u64; Method::REGISTERED.len() + 1],
    responses: Box<[u64]>,
}

impl Default for Messages {
    fn default() -> Self {
        Self { requests: [0; Method::REGISTERED.len() + 1], responses: vec![0; STATUSES].into() }
    }
}

impl Messages {
    fn count(&mut self, message: &[u8]) {
        match message.strip_prefix(b"SIP/2.0 ") {
            Some(rest) => {
                let digits = rest.get(..3).unwrap_or_default();
                let status = digits.iter().fold(0usize, |code, digit| {
                    code.wrapping_mul(10).wrapping_add(usize::from(digit.wrapping_sub(b'0')))
                });
                if let Some(count) = self.responses.get_mut(status) {
                    *count += 1;
                }
            }
            None => {
                let method = message.split(|&octet| octet == b' ').next().unwrap_or_default();
                let known = Method::REGISTERED.iter().position(|known| known.as_str().as_bytes() == method);
                self.requests[known.unwrap_or(Method::REGISTERED.len())] += 1;
            }
        }
    }

    fn tell(&self, requests: &str, responses: &str, into: &mut Vec<Counter>) {
        let names = Method::REGISTERED.iter().map(Method::as_str).chain(["other"]);
        for (name, &count) in names.zip(&self.requests).filter(|&(_, &count)| count > 0) {
            into.push(Counter::labelled(requests, "method", name, count));
        }
        for (status, &count) in self.responses.iter().enumerate().filter(|&(_, &count)| count > 0) {
            into.push(Counter::labelled(responses, "status", &status.to_string(), count));
        }
    }
}

/// What signalling has counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    received: Messages,
    sent: Messages,
    /// What was handed to other shards.
    pub(crate) exchange: ExchangeCounters,
    /// What the sockets have seen.
    pub(crate) transport: TransportCounters,
    /// Binding requests of STUN that were answered.
    pub(crate) stun_answers: u64,
    /// Keep-alives of flows of ours at registrars that were answered.
    pub(crate) flow_keep_alives_answered: u64,
    /// Flows of ours at registrars that keep-alives found to have failed.
    pub(crate) flows_failed: u64,
    /// Challenges sent.
    pub(crate) challenges: u64,
    /// Credentials that were wrong.
    pub(crate) forbidden: u64,
    /// Legs that came in.
    pub(crate) legs_in: u64,
    /// Legs that went out.
    pub(crate) legs_out: u64,
    /// Legs refused as there were too many.
    pub(crate) legs_refused: u64,
    /// 2xx of ours that no ACK came to.
    pub(crate) unacknowledged: u64,
    /// Provisional responses of ours that no PRACK came to.
    pub(crate) provisionals_unacknowledged: u64,
    /// Session refreshes of ours.
    pub(crate) session_refreshes: u64,
    /// Sessions that were not refreshed in time.
    pub(crate) sessions_expired: u64,
    /// Questions to peers whether they are there, in calls that are up.
    pub(crate) sessions_asked: u64,
    /// Sessions whose peer was not there any more.
    pub(crate) sessions_lost: u64,
    /// Offers of ours that met the peer's.
    pub(crate) glares: u64,
    /// Calls of ours that came back straight.
    pub(crate) loops: u64,
    /// 2xx of further forks, hung up.
    pub(crate) late_forks: u64,
    /// Such that were too many of one INVITE, and were left alone.
    pub(crate) late_forks_beyond: u64,
    /// Keep-alives that were answered.
    pub(crate) keep_alives_answered: u64,
    /// Keep-alives that were not.
    pub(crate) keep_alives_unanswered: u64,
    /// Bindings that the store did not take at first.
    pub(crate) bindings_put_back: u64,
    /// Callers whose numbers were to be signed for, by what was found.
    callers: [u64; Verstat::ALL.len()],
}

impl Counters {
    /// A message came.
    pub(crate) fn received(&mut self, message: &[u8]) {
        self.received.count(message);
    }

    /// A message goes.
    pub(crate) fn sent(&mut self, message: &[u8]) {
        self.sent.count(message);
    }

    /// What was found of a caller's number.
    pub(crate) fn verified(&mut self, verstat: Verstat) {
        if let Some(place) = Verstat::ALL.iter().position(|one| *one == verstat) {
            self.callers[place] += 1;
        }
    }

    /// All of them.
    pub(crate) fn tell(&self, into: &mut Vec<Counter>) {
        self.received.tell("sip_requests_received", "sip_responses_received", into);
        self.sent.tell("sip_requests_sent", "sip_responses_sent", into);
        for (name, count) in [
            ("sip_challenges", self.challenges),
            ("sip_wrong_credentials", self.forbidden),
            ("sip_legs_in", self.legs_in),
            ("sip_legs_out", self.legs_out),
            ("sip_legs_refused", self.legs_refused),
            ("sip_answers_unacknowledged", self.unacknowledged),
            ("sip_provisionals_unacknowledged", self.provisionals_unacknowledged),
            ("sip_session_refreshes", self.session_refreshes),
            ("sip_sessions_expired", self.sessions_expired),
            ("sip_sessions_asked", self.sessions_asked),
            ("sip_sessions_lost", self.sessions_lost),
            ("sip_glares", self.glares),
            ("sip_loops", self.loops),
            ("sip_late_forks", self.late_forks),
            ("sip_late_forks_beyond", self.late_forks_beyond),
            ("sip_keep_alives_answered", self.keep_alives_answered),
            ("sip_keep_alives_unanswered", self.keep_alives_unanswered),
            ("sip_stun_answers", self.stun_answers),
            ("sip_flow_keep_alives_answered", self.flow_keep_alives_answered),
            ("sip_flows_failed", self.flows_failed),
            ("sip_bindings_put_back", self.bindings_put_back),
            ("sip_datagrams_unsent", self.transport.lost),
            ("sip_datagrams_overflowed", self.transport.overflowed),
            ("sip_handshakes_failed", self.transport.handshakes_failed),
            ("sip_handshakes_limited", self.transport.handshakes_limited),
            ("sip_connections_congested", self.transport.congested),
            ("sip_connections_rejected", self.transport.rejected),
            ("sip_connections_displaced", self.transport.displaced),
            ("sip_handed_over", self.exchange.handed),
            ("sip_handed_over_dropped", self.exchange.dropped),
            ("sip_handed_over_congested", self.exchange.congested),
        ] {
            into.push(Counter::new(name, count));
        }
        for (verstat, &count) in Verstat::ALL.iter().zip(&self.callers).filter(|&(_, &count)| count > 0) {
            into.push(Counter::labelled("sip_callers_verified", "verstat", verstat.name(), count));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_method_and_status() {
        let mut counters = Counters::default();
        for message in ["INVITE sip:a@b SIP/2.0", "INVITE x", "FOO x", "SIP/2.0 200 OK", "SIP/2.0 9", "SIP/2.0 zzz", ""]
        {
            counters.received(message.as_bytes());
        }
        let mut told = Vec::new();
        counters.tell(&mut told);
        let find = |name: &str, label: &str| {
            told.iter()
                .find(|one| one.name == name && one.labels.iter().any(|(_, of)| of == label))
                .map(|one| one.value)
        };
        assert_eq!(find("sip_requests_received", "INVITE"), Some(2));
        assert_eq!(find("sip_requests_received", "other"), Some(2));
        assert_eq!(find("sip_responses_received", "200"), Some(1));
    }
}
