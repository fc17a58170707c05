//! The servers of a worker, in the order of the configuration.

use super::client::{Challenge, Client, Fault};
use crate::limits::{TURN_PROBED_EVERY, TURN_TOLD_EVERY};
use router::time::{Duration, Instant};
use router::{Private, Random};
use std::net::SocketAddr;
use std::sync::Arc;

/// A server, and our account at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelayServer {
    /// Where it takes UDP.
    pub address: SocketAddr,
    /// Our name there.
    pub username: String,
    /// Our password there.
    pub password: Private<String>,
}

/// What is known of one.
#[derive(Debug)]
struct Known {
    server: Arc<RelayServer>,
    /// What it last asked credentials with: it may be good for another port, too, and spares a round trip.
    challenge: Option<Arc<Challenge>>,
    round_trip: Option<Duration>,
    /// It does not answer: when it is tried next.
    silent: Option<Instant>,
    /// When the log was last told that it refuses.
    told: Option<Instant>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Servers(Vec<Known>);

/// An allocation that begins.
#[derive(Debug)]
pub struct Begun {
    /// That.
    pub client: Client,
    /// Whether its server has answered lately, as far as is known: what needs the address may wait for it.
    pub is_expected: bool,
}

impl Servers {
    /// Of the configuration.
    pub fn new(servers: &[Arc<RelayServer>]) -> Self {
        let known = |server: &Arc<RelayServer>| Known {
            server: server.clone(),
            challenge: None,
            round_trip: None,
            silent: None,
            told: None,
        };
        Self(servers.iter().map(known).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks the first that answers for an address; one behind `after`, which has had its turn. One that does not answer is tried now and then.
    pub fn begin(&mut self, now: Instant, is_ipv6: bool, after: Option<usize>, random: &mut Random) -> Option<Begun> {
        let first = after.map_or(0, |after| after + 1);
        let of_family = || {
            let servers = self.0.iter().enumerate().skip(first);
            servers.filter(move |(_, known)| known.server.address.is_ipv6() == is_ipv6)
        };
        let heard = of_family().find(|(_, known)| known.silent.is_none());
        let due = || of_family().find(|(_, known)| known.silent.is_some_and(|next| next <= now));
        let (index, _) = heard.or_else(due)?;
        let known = &mut self.0[index];
        let is_expected = known.silent.is_none();
        if !is_expected {
            known.silent = Some(now + TURN_PROBED_EVERY);
        }
        let server = Arc::clone(&known.server);
        let client = Client::new(now, index, server, known.challenge.clone(), known.round_trip, random);
        Some(Begun { client, is_expected })
    }

    /// Takes note of what one has come to know of its server.
    pub fn observe(&mut self, client: &mut Client) {
        let Some(known) = self.0.get_mut(client.server()) else { return };
        if let Some(round_trip) = client.take_round_trip() {
            known.round_trip = Some(known.round_trip.map_or(round_trip, |before| before * 7 / 8 + round_trip / 8));
        }
        // Another server, which it has sent us to, has other nonces.
        if client.is_heard() && client.is_at_home() {
            known.challenge = client.challenge().cloned();
            if known.silent.take().is_some() {
                tracing::info!(server = %known.server.address, "a TURN server answers again");
            }
        }
    }

    /// It gives no address.
    pub(crate) fn note_refusal(&mut self, now: Instant, index: usize, fault: Fault) {
        let Some(known) = self.0.get_mut(index) else { return };
        // Once for all calls of a while.
        if known.told.is_none_or(|told| now.since(told) >= TURN_TOLD_EVERY) {
            known.told = Some(now);
            tracing::warn!(server = %known.server.address, ?fault, "a TURN server gives no address");
        }
    }

    /// It has not answered.
    pub fn note_silence(&mut self, now: Instant, index: usize) {
        let Some(known) = self.0.get_mut(index) else { return };
        if known.silent.is_none() {
            tracing::warn!(server = %known.server.address, "a TURN server does not answer: calls go without its addresses");
        }
        known.silent = Some(now + TURN_PROBED_EVERY);
    }
}
