//! The servers of a worker, in the order of the configuration.

use super::account::{Account, Credentials};
use super::client::{Challenge, Client, Fault, Home};
use super::location::Location;
use crate::limits::{TURN_PROBED_EVERY, TURN_TOLD_EVERY};
use router::time::{Duration, Instant, Now};
use router::{Private, Random};
use std::net::SocketAddr;
use std::sync::Arc;

/// A server, and our account at it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelayServer {
    /// Where it takes UDP.
    pub location: Location,
    /// Who we are there.
    pub credentials: Credentials,
}

impl RelayServer {
    /// At an address, with an account that lasts.
    pub fn new(address: SocketAddr, username: impl Into<String>, password: Private<String>) -> Self {
        let credentials = Credentials::Account { username: username.into(), password };
        Self { location: Location::at(address), credentials }
    }
}

/// What is known of one.
#[derive(Debug)]
struct Known {
    server: Arc<RelayServer>,
    /// Who we are there at present.
    account: Option<Arc<Account>>,
    /// Which of its addresses is asked.
    turn: usize,
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
            account: None,
            turn: 0,
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
    pub fn begin(&mut self, now: Now, is_ipv6: bool, after: Option<usize>, random: &mut Random) -> Option<Begun> {
        let first = after.map_or(0, |after| after + 1);
        let servers = || self.of_family(is_ipv6).filter(|(index, ..)| *index >= first);
        let heard = servers().find(|(.., silent)| silent.is_none());
        let due = || servers().find(|(.., silent)| silent.is_some_and(|next| next <= now.instant));
        let (index, at, silent) = heard.or_else(due)?;
        Some(Begun { client: self.ask(now, index, at, random), is_expected: silent.is_none() })
    }

    /// Asks beside one that gives addresses the first of those before it whose time it is: whether it answers again. Nothing that it gives is kept.
    pub fn probe(&mut self, now: Now, is_ipv6: bool, giving: usize, random: &mut Random) -> Option<Client> {
        let is_due = |silent: Option<Instant>| silent.is_some_and(|next| next <= now.instant);
        let (index, at, _) = self.of_family(is_ipv6).find(|(index, _, silent)| *index < giving && is_due(*silent))?;
        let mut client = self.ask(now, index, at, random);
        client.release(now.instant, random);
        Some(client)
    }

    /// Those that have an address of a family: which, that, and when it is tried next if it is silent.
    fn of_family(&self, is_ipv6: bool) -> impl Iterator<Item = (usize, SocketAddr, Option<Instant>)> + '_ {
        self.0.iter().enumerate().filter_map(move |(index, known)| {
            Some((index, known.server.location.of_family(is_ipv6, known.turn)?, known.silent))
        })
    }

    fn ask(&mut self, now: Now, index: usize, at: SocketAddr, random: &mut Random) -> Client {
        let known = &mut self.0[index];
        if known.silent.is_some() {
            known.silent = Some(now.instant + TURN_PROBED_EVERY);
        }
        // What it has asked credentials with makes another key with another account.
        if known.account.take_if(|account| account.is_old(now.instant)).is_some() {
            known.challenge = None;
        }
        let account = known.account.get_or_insert_with(|| Account::new(&known.server.credentials, now));
        let home = Home { index, at, account: Arc::clone(account) };
        Client::new(now.instant, home, known.challenge.clone(), known.round_trip, random)
    }

    /// Takes note of what one has come to know of its server.
    pub fn observe(&mut self, client: &mut Client) {
        let Some(known) = self.0.get_mut(client.server()) else { return };
        if let Some(round_trip) = client.take_round_trip() {
            known.round_trip = Some(known.round_trip.map_or(round_trip, |before| before * 7 / 8 + round_trip / 8));
        }
        // Another server, which it has sent us to, has other nonces; and another account's key is none of this one's.
        if client.is_heard() && client.is_at_home() && known.account.as_ref() == Some(client.account()) {
            known.challenge = client.challenge().cloned();
            if known.silent.take().is_some() {
                tracing::info!(server = %known.server.location, "a TURN server answers again");
            }
        }
    }

    /// It gives no address.
    pub(crate) fn note_refusal(&mut self, now: Instant, index: usize, fault: Fault) {
        let Some(known) = self.0.get_mut(index) else { return };
        // Once for all calls of a while.
        if known.told.is_none_or(|told| now.since(told) >= TURN_TOLD_EVERY) {
            known.told = Some(now);
            tracing::warn!(server = %known.server.location, ?fault, "a TURN server gives no address");
        }
    }

    /// It has not answered.
    pub fn note_silence(&mut self, now: Instant, index: usize) {
        let Some(known) = self.0.get_mut(index) else { return };
        if known.silent.is_none() {
            tracing::warn!(server = %known.server.location, "a TURN server does not answer: calls go without its addresses");
        }
        known.silent = Some(now + TURN_PROBED_EVERY);
        // Of a name the next address may answer.
        known.turn = known.turn.wrapping_add(1);
    }
}
