//! Keep-alives of the flows by which we are registered (RFC 5626 §4.4): a STUN Binding request over UDP, a double line end over a connection whose
//! registrar wants them sooner than all connections have them.
//!
//! ```text
//!   Resting ──80 to 100 % of Flow-Timer──▶ Asking ──answer, the address of before──▶ Resting
//!                                            ├── another address ─────▶ the flow has failed: our NAT has forgotten us
//!                                            └── seven times silence ─▶ the same, of a peer that has answered before
//! ```
//! Who never answers may not know STUN, and is not taken for gone: it is asked on, so that NATs stay open.

use super::means::Means;
use crate::limits::{
    FLOW_KEEP_ALIVE_UDP, FLOW_TIMER_MIN, REGISTER_EXPIRES_MAX, STUN_LAST_WAIT, STUN_RETRANSMISSION, STUN_TRANSMISSIONS,
};
use crate::transport::{Destination, Flow, PING, Transmit};
use bytes::Bytes;
use router::time::{Duration, Instant};
use std::net::SocketAddr;
use stun::{Class, Message, TransactionId, Writer};

/// Why a flow is of no use any more (RFC 5626 §4.4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FlowFault {
    /// Nobody answers.
    Silent,
    /// We are at another address than before.
    Moved,
    /// The answer is an error.
    Refused,
}

impl FlowFault {
    /// For the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Silent => "keep-alives are not answered",
            Self::Moved => "our address has changed on the way there",
            Self::Refused => "a keep-alive was refused",
        }
    }
}

/// All that are kept here.
#[derive(Debug, Default)]
pub(crate) struct KeptFlows {
    all: Vec<Kept>,
}

/// One of them, whatever number of registrations it has.
#[derive(Debug)]
struct Kept {
    flow: Flow,
    /// The longest between two keep-alives.
    interval: Duration,
    /// Where the peer sees us: known once it has answered.
    mapped: Option<SocketAddr>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Until then.
    Resting(Instant),
    /// A request is out.
    Asking {
        transaction: TransactionId,
        /// How often it was sent.
        sent: u32,
        /// When that is looked at again.
        next: Instant,
    },
}

/// Whether both are one way: the address of ours that a datagram came to is the listener's matter.
pub(crate) fn is_same(one: &Flow, other: &Flow) -> bool {
    let way = |flow: &Flow| (flow.transport, flow.listener, flow.remote, flow.connection);
    way(one) == way(other)
}

impl KeptFlows {
    /// A registration was taken over this flow, with that Flow-Timer. The first keep-alive goes at once: it tells where the peer sees us.
    pub(crate) fn keep(&mut self, means: &mut Means, flow: &Flow, flow_timer: Option<Duration>) {
        let timer = flow_timer.map(|timer| timer.clamp(FLOW_TIMER_MIN, REGISTER_EXPIRES_MAX));
        let interval = match (timer, flow.connection) {
            (Some(interval), _) => interval,
            (None, None) => FLOW_KEEP_ALIVE_UDP,
            // All connections have keep-alives.
            (None, Some(_)) => return self.all.retain(|kept| !is_same(&kept.flow, flow)),
        };
        match self.all.iter_mut().find(|kept| is_same(&kept.flow, flow)) {
            Some(kept) => {
                let sooner = interval < std::mem::replace(&mut kept.interval, interval);
                if let State::Resting(until) = &mut kept.state
                    && sooner
                {
                    *until = (*until).min(means.now.instant + part_of(means, interval));
                }
            }
            None => {
                let now = means.now.instant;
                let first = if flow.connection.is_none() { now } else { now + part_of(means, interval) };
                self.all.push(Kept { flow: *flow, interval, mapped: None, state: State::Resting(first) });
            }
        }
    }

    /// When the next one is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.all.iter().map(Kept::due).min()
    }

    /// Sends what is due over flows that are still of use, and forgets the others. A flow that has failed, if there is one: then there may be more.
    pub(crate) fn handle_timeout(&mut self, means: &mut Means, is_used: impl Fn(&Flow) -> bool) -> Option<Flow> {
        let now = means.now.instant;
        let mut at = 0;
        while let Some(kept) = self.all.get_mut(at) {
            if kept.due() > now {
                at += 1;
            } else if !is_used(&kept.flow) {
                self.all.swap_remove(at);
            } else if kept.handle_timeout(means) {
                return Some(self.all.swap_remove(at).flow);
            }
        }
        None
    }

    /// An answer to a request of ours; the flow has failed by it, and why.
    pub(crate) fn handle_answer(&mut self, means: &mut Means, flow: &Flow, answer: &Message<'_>) -> Option<FlowFault> {
        let at = self.all.iter().position(|kept| is_same(&kept.flow, flow) && kept.awaits(&answer.transaction))?;
        let fault = self.all[at].handle_answer(means, answer);
        if fault.is_some() {
            self.all.swap_remove(at);
        }
        fault
    }
}

impl Kept {
    fn due(&self) -> Instant {
        match self.state {
            State::Resting(until) => until,
            State::Asking { next, .. } => next,
        }
    }

    fn awaits(&self, answered: &TransactionId) -> bool {
        matches!(&self.state, State::Asking { transaction, .. } if transaction == answered)
    }

    fn rest(&mut self, means: &mut Means) {
        self.state = State::Resting(means.now.instant + part_of(means, self.interval));
    }

    /// True: the flow has failed.
    fn handle_timeout(&mut self, means: &mut Means) -> bool {
        let now = means.now.instant;
        match &mut self.state {
            State::Resting(_) if self.flow.connection.is_some() => {
                means.send_bare(&self.flow, Bytes::from_static(PING));
                self.rest(means);
            }
            State::Resting(_) => {
                let transaction = means.mint_stun_transaction();
                self.state = State::Asking { transaction, sent: 1, next: now + STUN_RETRANSMISSION };
                means.send_bare(&self.flow, request(&transaction));
            }
            State::Asking { transaction, sent, next } => {
                if *sent >= STUN_TRANSMISSIONS {
                    return true;
                }
                if self.mapped.is_none() {
                    // It may not know what that is.
                    self.rest(means);
                    return false;
                }
                // RFC 8489 §6.2.1: each time twice as long, and once more at the end.
                *sent += 1;
                let wait = STUN_RETRANSMISSION * (1 << (*sent - 1));
                *next = now + if *sent == STUN_TRANSMISSIONS { STUN_LAST_WAIT } else { wait };
                let again = request(transaction);
                means.send_bare(&self.flow, again);
            }
        }
        false
    }

    fn handle_answer(&mut self, means: &mut Means, answer: &Message<'_>) -> Option<FlowFault> {
        let fault = match (answer.class, answer.mapped, self.mapped) {
            (Class::Success, Some(now), Some(before)) if now != before => Some(FlowFault::Moved),
            (Class::Success, Some(now), _) => {
                means.counters.flow_keep_alives_answered += 1;
                self.mapped = Some(now);
                None
            }
            // It answers, and does not know what was asked.
            (_, _, None) => None,
            (Class::Success, None, Some(_)) => None,
            (_, _, Some(_)) => Some(FlowFault::Refused),
        };
        self.rest(means);
        fault
    }
}

fn request(transaction: &TransactionId) -> Bytes {
    Bytes::copy_from_slice(Writer::new(Class::Request, transaction).octets())
}

/// RFC 5626 §4.4: between 80 and 100 percent of it, by chance.
fn part_of(means: &mut Means, interval: Duration) -> Duration {
    let fifth = u64::try_from(interval.as_millis() / 5).unwrap_or(u64::MAX);
    interval.saturating_sub(Duration::from_millis(means.random.below(fifth + 1)))
}

impl Means {
    /// Sends what is no message of SIP over a flow.
    pub(crate) fn send_bare(&mut self, flow: &Flow, bytes: Bytes) {
        self.bare.push_back(Transmit { destination: Destination::flow(flow), bytes, token: None });
    }

    /// Names a request whose answer comes home to our own shard, whichever of them the system gives it to.
    fn mint_stun_transaction(&mut self) -> TransactionId {
        let (shards, own) = (&self.config.shards, self.outbox.address().module.index.unwrap_or(0));
        loop {
            let mut transaction = TransactionId::default();
            transaction[..8].copy_from_slice(&self.random.next_u64().to_be_bytes());
            transaction[8..].copy_from_slice(&self.random.next_u64().to_be_bytes()[..4]);
            if shards.is_one() || shards.home(&transaction) == own % shards.count() {
                return transaction;
            }
        }
    }
}
