//! One allocation: asked for, kept, given back.

use super::account::Account;
use super::peer::{About, Peer};
use super::place;
use super::request::Request;
use crate::limits::{
    TURN_CHALLENGES, TURN_LIFETIME, TURN_LIFETIME_MAX, TURN_PEERS, TURN_PEERS_UNNAMED, TURN_REDIRECTIONS,
    TURN_REFRESHED_AGAIN,
};
use router::Random;
use router::time::{Duration, Instant};
use std::net::SocketAddr;
use std::sync::Arc;
use stun::limits::{ALGORITHMS_OCTETS_MAX, CHALLENGE_OCTETS_MAX};
use stun::{Class, Key, Message, Method, TransactionId, Usage, Writer, channel, lists_algorithms};

/// What a message, or time, has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Came {
    /// Nothing that others have to know.
    Nothing,
    /// The address is there.
    Allocated,
    /// There will be none.
    Failed(Fault),
    /// Peers are let in that were not before.
    Reachable,
    /// The address is no more.
    Lost,
    /// It was given back.
    Over,
}

/// Why there is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The server does not answer.
    Silent,
    /// Our name or password is not known there.
    Credentials,
    /// It gives none, for this reason (RFC 8656 §19): 486 and 508, where there are no more.
    Refused(u16),
    /// What it says makes no sense.
    Misbehaved,
}

/// What the server has given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allocated {
    /// What is sent there comes to us.
    pub relayed: SocketAddr,
    /// Where the server sees us.
    pub reflexive: Option<SocketAddr>,
}

/// A message to the server.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    /// Where it is.
    pub to: SocketAddr,
    /// What.
    pub message: Writer,
}

/// What a server asks credentials with, and the key that follows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Challenge {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: Key,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The address is asked for.
    Allocating,
    /// What a former call has left at the server, from the same port of ours, is given back.
    Clearing,
    /// The address is there.
    Up,
    /// It is given back.
    Releasing,
    /// Nothing is there, or will be.
    Over,
}

/// The server that an allocation is begun at.
#[derive(Debug)]
pub(super) struct Home {
    /// Which of the worker's.
    pub(super) index: usize,
    pub(super) at: SocketAddr,
    /// Who we are there.
    pub(super) account: Arc<Account>,
}

/// An allocation of one component of a port.
#[derive(Debug)]
pub struct Client {
    home: Home,
    /// Where it is asked: at another server, where this one has said so.
    at: SocketAddr,
    challenge: Option<Arc<Challenge>>,
    /// Whether that is an answer to us.
    is_challenged: bool,
    state: State,
    /// About the allocation as a whole.
    request: Option<Request>,
    allocated: Option<Allocated>,
    /// When it is to be refreshed, and when it ends.
    refresh: Instant,
    /// When the server was last asked whether it is there still.
    verified: Option<Instant>,
    expires: Instant,
    /// Nobody wants it any more, whatever the server is about to answer.
    is_abandoned: bool,
    has_cleared: bool,
    redirections: u8,
    /// Challenges since something was done.
    challenges: u8,
    round_trip: Option<Duration>,
    /// One that was measured since somebody asked.
    measured: Option<Duration>,
    is_heard: bool,
    peers: Vec<Peer>,
    /// The one that the way leads to: what it needs is renewed.
    kept: Option<usize>,
    indications: u64,
}

impl Client {
    pub(super) fn new(
        now: Instant,
        home: Home,
        challenge: Option<Arc<Challenge>>,
        round_trip: Option<Duration>,
        random: &mut Random,
    ) -> Self {
        Self {
            at: home.at,
            home,
            challenge,
            is_challenged: false,
            state: State::Allocating,
            request: Some(Request::new(now, round_trip, random)),
            allocated: None,
            refresh: now,
            verified: None,
            expires: now,
            is_abandoned: false,
            has_cleared: false,
            redirections: 0,
            challenges: 0,
            round_trip,
            measured: None,
            is_heard: false,
            peers: Vec::new(),
            kept: None,
            indications: random.next_u64(),
        }
    }

    pub(super) fn challenge(&self) -> Option<&Arc<Challenge>> {
        self.challenge.as_ref()
    }

    pub(super) fn account(&self) -> &Arc<Account> {
        &self.home.account
    }

    /// Whether the server has answered anything.
    pub fn is_heard(&self) -> bool {
        self.is_heard
    }

    /// Whether it is at the server that it was begun with.
    pub(super) fn is_at_home(&self) -> bool {
        self.at == self.home.at
    }

    pub(super) fn take_round_trip(&mut self) -> Option<Duration> {
        self.measured.take()
    }

    /// Which of the worker's servers has it.
    pub fn server(&self) -> usize {
        self.home.index
    }

    /// Where its server is: what comes from there is for it.
    #[inline]
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// The address, once it is there and for as long as it is wanted.
    pub fn allocated(&self) -> Option<Allocated> {
        self.allocated.filter(|_| self.state == State::Up)
    }

    /// Whether the address may still come.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Allocating | State::Clearing) && !self.is_abandoned
    }

    /// Whether there is nothing more to do.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Nobody wants it any more: it is given back, or will be once it is there.
    pub fn release(&mut self, now: Instant, random: &mut Random) {
        self.is_abandoned = true;
        self.peers.clear();
        self.kept = None;
        if self.state == State::Up {
            self.begin(now, State::Releasing, random);
        }
    }

    /// Nobody answers by it: the server is asked whether it is there still. One that was started anew knows nothing of it.
    pub fn verify(&mut self, now: Instant) {
        let is_due = self.verified.is_none_or(|last| now.since(last) >= TURN_REFRESHED_AGAIN);
        if self.state == State::Up && self.request.is_none() && is_due {
            self.verified = Some(now);
            self.refresh = now;
        }
    }

    fn begin(&mut self, now: Instant, state: State, random: &mut Random) {
        self.state = state;
        self.request = Some(Request::new(now, self.round_trip, random));
    }

    /// Takes a message of the server's. What concerns a peer, and what one sends, is [`unwrap`](Self::unwrap)'s.
    pub fn handle(&mut self, now: Instant, message: &Message<'_>, random: &mut Random) -> Came {
        if !matches!(message.class, Class::Success | Class::Error) {
            return Came::Nothing;
        }
        let is_this = |request: &Request| request.transaction == message.transaction;
        if let Some(request) = self.request.filter(is_this) {
            if !self.is_genuine(message) {
                return Came::Nothing;
            }
            self.hear(now, &request);
            self.request = None;
            return self.handle_answer(now, message, random);
        }
        let of_peer = |peer: &Peer| peer.request.is_some_and(|(_, request)| is_this(&request));
        let Some(index) = self.peers.iter().position(of_peer) else { return Came::Nothing };
        if !self.is_genuine(message) {
            return Came::Nothing;
        }
        let Some((about, request)) = self.peers[index].request.take() else { return Came::Nothing };
        self.hear(now, &request);
        self.handle_peer_answer(now, index, about, message)
    }

    /// Whether it is said by the server itself: success always, and of refusals what could take from us what we have (RFC 8489 §9.2.5). It asks for other credentials without a seal,
    /// and some servers refuse an address without one: nobody else has seen the request's number.
    fn is_genuine(&self, message: &Message<'_>) -> bool {
        let is_sealed = || self.challenge.as_ref().is_none_or(|challenge| challenge.key.has_sealed(message));
        let is_believed = || self.state != State::Up || matches!(message.error, Some(401 | 438));
        message.class == Class::Error && is_believed() || is_sealed()
    }

    fn hear(&mut self, now: Instant, request: &Request) {
        self.is_heard = true;
        if let Some(round_trip) = request.round_trip(now) {
            (self.measured, self.round_trip) = (Some(round_trip), Some(round_trip));
        }
    }

    /// It asks for credentials, or for others: true, what was asked is asked again.
    /// `before`: how often it has been, in a row.
    fn is_challenge(&mut self, message: &Message<'_>, code: u16, before: u8) -> bool {
        let is_known = code == 401 && self.is_challenged;
        if !matches!(code, 401 | 438) || is_known || before >= TURN_CHALLENGES {
            return false;
        }
        let said = &message.relaying;
        let former = self.challenge.as_ref().map(|challenge| &challenge.realm[..]);
        let fits = |text: &&[u8]| (1..=CHALLENGE_OCTETS_MAX).contains(&text.len());
        let (Some(realm), Some(nonce)) = (said.realm.or(former).filter(fits), said.nonce.filter(fits)) else {
            return false;
        };
        // One that says by its nonce that it lists algorithms has listed some, whoever has taken them out (RFC 8489 §9.2.1).
        if said.algorithms.map_or(lists_algorithms(nonce), |list| list.len() > ALGORITHMS_OCTETS_MAX) {
            return false;
        }
        let Account { username, password, .. } = &*self.home.account;
        let Some(key) = Key::new(username, realm, password.reveal(), said.algorithms) else { return false };
        self.is_challenged = true;
        self.challenge = Some(Arc::new(Challenge { realm: realm.to_vec(), nonce: nonce.to_vec(), key }));
        true
    }

    fn handle_answer(&mut self, now: Instant, message: &Message<'_>, random: &mut Random) -> Came {
        let error = match message.class {
            Class::Error => Some(message.error.unwrap_or(500)),
            _ => None,
        };
        // Nobody wants it any more, and there is none.
        if self.is_abandoned && error.is_some() && matches!(self.state, State::Allocating | State::Clearing) {
            return self.fail(Fault::Silent);
        }
        if let Some(code) = error
            && self.is_challenge(message, code, self.challenges)
        {
            self.challenges += 1;
            self.begin(now, self.state, random);
            return Came::Nothing;
        }
        if error.is_none() {
            self.challenges = 0;
        }
        match self.state {
            State::Allocating => self.handle_allocation(now, message, error, random),
            // It is gone, or was another one's: the address is asked for once more.
            State::Clearing => {
                self.begin(now, State::Allocating, random);
                Came::Nothing
            }
            State::Up => self.handle_refresh(now, message, error),
            State::Releasing | State::Over => {
                self.state = State::Over;
                Came::Over
            }
        }
    }

    fn handle_allocation(
        &mut self,
        now: Instant,
        message: &Message<'_>,
        error: Option<u16>,
        random: &mut Random,
    ) -> Came {
        let said = &message.relaying;
        match error {
            None => {}
            // RFC 8656 §7.4: another server, with the same name and password.
            Some(300) => {
                let is_other = |other: &SocketAddr| *other != self.at && other.is_ipv4() == self.at.is_ipv4();
                let is_one = |other: &SocketAddr| is_other(other) && other.port() != 0 && is_host(*other);
                match said.alternate.filter(is_one) {
                    Some(other) if self.redirections < TURN_REDIRECTIONS => {
                        self.redirections += 1;
                        (self.at, self.challenge, self.is_challenged) = (other, None, false);
                        self.begin(now, State::Allocating, random);
                        return Came::Nothing;
                    }
                    _ => return self.fail(Fault::Misbehaved),
                }
            }
            // From this port there is one already: a former call's, whose last word was lost.
            Some(437) if !self.has_cleared => {
                self.has_cleared = true;
                self.begin(now, State::Clearing, random);
                return Came::Nothing;
            }
            Some(401 | 438 | 441) => return self.fail(Fault::Credentials),
            Some(code) => return self.fail(Fault::Refused(code)),
        }
        let lifetime = said.lifetime_s.map_or(TURN_LIFETIME, |seconds| Duration::from_secs(seconds.into()));
        let is_one =
            |address: &SocketAddr| address.is_ipv4() == self.at.is_ipv4() && address.port() != 0 && is_host(*address);
        let relayed = said.relayed.filter(is_one).filter(|_| message.unknown.is_empty() && !lifetime.is_zero());
        let Some(relayed) = relayed else { return self.fail(Fault::Misbehaved) };
        self.allocated = Some(Allocated { relayed, reflexive: message.mapped.filter(is_one) });
        self.live(now, lifetime);
        if self.is_abandoned {
            self.begin(now, State::Releasing, random);
            return Came::Nothing;
        }
        self.state = State::Up;
        Came::Allocated
    }

    fn fail(&mut self, fault: Fault) -> Came {
        self.state = State::Over;
        if self.is_abandoned { Came::Over } else { Came::Failed(fault) }
    }

    /// It lasts for so long; it is refreshed a minute before its end, or half-way.
    fn live(&mut self, now: Instant, lifetime: Duration) {
        let lifetime = lifetime.min(TURN_LIFETIME_MAX);
        let margin = Duration::from_secs(60).min(lifetime / 2);
        (self.refresh, self.expires) = (now + (lifetime - margin), now + lifetime);
    }

    fn handle_refresh(&mut self, now: Instant, message: &Message<'_>, error: Option<u16>) -> Came {
        let lifetime = message.relaying.lifetime_s.map_or(TURN_LIFETIME, |seconds| Duration::from_secs(seconds.into()));
        match error {
            None if !lifetime.is_zero() => self.live(now, lifetime),
            None | Some(403 | 437 | 441) => {
                self.state = State::Over;
                return Came::Lost;
            }
            // It may say otherwise in a moment; and that our credentials are not good any more anybody may say.
            Some(_) => self.refresh = now + TURN_REFRESHED_AGAIN,
        }
        Came::Nothing
    }

    fn handle_peer_answer(&mut self, now: Instant, index: usize, about: About, message: &Message<'_>) -> Came {
        if message.class == Class::Error {
            if self.is_challenge(message, message.error.unwrap_or(500), self.peers[index].challenges) {
                let peer = &mut self.peers[index];
                (peer.wants, peer.challenges) = (Some(about), peer.challenges + 1);
                return Came::Nothing;
            }
            if message.error == Some(437) {
                self.state = State::Over;
                return Came::Lost;
            }
            self.peers[index].refuse(now, about);
            return Came::Nothing;
        }
        self.peers[index].challenges = 0;
        let host = self.peers[index].address.ip();
        let mut is_news = false;
        self.peers[index].wants = self.peers[index].wants.filter(|wanted| *wanted != about);
        for (other, peer) in self.peers.iter_mut().enumerate() {
            // A permission is a host's (§9).
            if peer.address.ip() == host {
                is_news |= !peer.is_permitted(now);
                match other == index {
                    true => peer.grant(now, about),
                    false => peer.permit(now),
                }
            }
        }
        if is_news { Came::Reachable } else { Came::Nothing }
    }

    /// The next message that is to be sent.
    pub fn poll_transmit(&mut self, now: Instant, random: &mut Random) -> Option<Outgoing> {
        if self.state == State::Over {
            return None;
        }
        let to = self.at;
        if self.state == State::Up && self.request.is_none() && self.refresh <= now {
            self.begin(now, State::Up, random);
        }
        if let Some(request) = &mut self.request
            && request.is_due(now)
        {
            let transaction = request.transaction;
            return Some(Outgoing { to, message: self.write(&transaction) });
        }
        if self.state != State::Up {
            return None;
        }
        for index in 0..self.peers.len() {
            self.renew_peer(now, index);
            if let Some(about) = self.wanted(index) {
                let request = Request::new(now, self.round_trip, random);
                self.peers[index].request = Some((about, request));
            }
            let peer = &mut self.peers[index];
            if let Some((about, request)) = &mut peer.request
                && request.is_due(now)
            {
                let (about, transaction, address) = (*about, request.transaction, peer.address);
                return Some(Outgoing { to, message: self.write_about(about, &transaction, index, address) });
            }
        }
        None
    }

    /// What the way needs is asked for before it ends.
    fn renew_peer(&mut self, now: Instant, index: usize) {
        let is_kept = self.kept == Some(index);
        let peer = &mut self.peers[index];
        if is_kept && peer.renew <= now && peer.request.is_none() && peer.wants.is_none() && !peer.is_refused {
            peer.used = now;
            peer.wants = Some(if peer.has_no_channel { About::Permission } else { About::Channel });
        }
    }

    /// What is to be asked for a peer now: a host's permission once, whichever of its ports.
    fn wanted(&self, index: usize) -> Option<About> {
        let peer = &self.peers[index];
        let about = peer.wants.filter(|_| peer.request.is_none() && !peer.is_refused)?;
        let is_asked = |other: &Peer| {
            let is_permission = other.request.is_some_and(|(about, _)| about == About::Permission);
            is_permission && other.address.ip() == peer.address.ip()
        };
        (about == About::Channel || !self.peers.iter().any(is_asked)).then_some(about)
    }

    fn write(&self, transaction: &TransactionId) -> Writer {
        let seconds = |lifetime: Duration| u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        let message = match self.state {
            State::Allocating => {
                let message = Writer::of(Method::Allocate, Class::Request, transaction).over_udp();
                let message = if self.at.is_ipv6() { message.of_ipv6() } else { message };
                message.lifetime(seconds(TURN_LIFETIME))
            }
            State::Up => Writer::of(Method::Refresh, Class::Request, transaction).lifetime(seconds(TURN_LIFETIME)),
            State::Clearing | State::Releasing | State::Over => {
                Writer::of(Method::Refresh, Class::Request, transaction).lifetime(0)
            }
        };
        self.seal(message)
    }

    fn write_about(&self, about: About, transaction: &TransactionId, index: usize, address: SocketAddr) -> Writer {
        let message = match about {
            About::Permission => Writer::of(Method::CreatePermission, Class::Request, transaction),
            About::Channel => Writer::of(Method::ChannelBind, Class::Request, transaction).channel(number(index)),
        };
        self.seal(message.peer(address))
    }

    fn seal(&self, message: Writer) -> Writer {
        match &self.challenge {
            Some(challenge) => {
                let message = message.account(&self.home.account.username);
                challenge.key.seal(message.challenge(&challenge.realm, &challenge.nonce))
            }
            None => message,
        }
    }

    /// Takes note that time goes by.
    pub fn handle_timeout(&mut self, now: Instant) -> Came {
        if self.state == State::Up && self.expires <= now {
            (self.state, self.request) = (State::Over, None);
            return Came::Lost;
        }
        if self.request.take_if(|request| request.is_over(now)).is_some() {
            return match self.state {
                State::Allocating | State::Clearing => self.fail(Fault::Silent),
                // It may be on its way back.
                State::Up => {
                    self.refresh = now + TURN_REFRESHED_AGAIN;
                    Came::Nothing
                }
                State::Releasing | State::Over => {
                    self.state = State::Over;
                    Came::Over
                }
            };
        }
        for peer in &mut self.peers {
            if peer.request.take_if(|(_, request)| request.is_over(now)).is_some() {
                peer.miss(now);
            }
            peer.bound = peer.bound.filter(|until| *until > now);
        }
        Came::Nothing
    }

    /// When there is something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = self.request.map(|request| request.until());
        let own = match self.state {
            State::Over => return None,
            State::Up => Some(own.unwrap_or(self.refresh).min(self.expires)),
            _ => own,
        };
        if self.state != State::Up {
            return own;
        }
        let of_peers = self.peers.iter().enumerate().filter_map(|(index, peer)| {
            let asked = peer.request.map(|(_, request)| request.until());
            let is_kept = self.kept == Some(index) && !peer.is_refused && peer.wants.is_none();
            let renewed = || is_kept.then_some(peer.renew);
            let wanted = || self.wanted(index).map(|_| peer.used);
            let due = asked.or_else(wanted).or_else(renewed);
            [due, peer.bound].into_iter().flatten().min()
        });
        own.into_iter().chain(of_peers).min()
    }

    /// The peer may be at an address: it is to be let in. `priority`: of its candidate.
    pub fn reach(&mut self, now: Instant, address: SocketAddr, priority: u32) {
        if self.state != State::Up || address.is_ipv4() != self.at.is_ipv4() {
            return;
        }
        let Some(index) = self.peer(now, address) else { return };
        let peer = &mut self.peers[index];
        (peer.priority, peer.used) = (Some(priority), now);
        if !peer.is_permitted(now) && peer.wants.is_none() && peer.request.is_none() {
            peer.wants = Some(About::Permission);
        }
    }

    /// The place of an address among the others, which is one of its own from now on. `None`: there are enough.
    fn peer(&mut self, now: Instant, address: SocketAddr) -> Option<usize> {
        if let Some(index) = self.peers.iter().position(|peer| peer.address == address) {
            return Some(index);
        }
        let alike = self.peers.iter().find(|peer| peer.address.ip() == address.ip()).copied();
        let mut fresh = Peer::new(now, address, None);
        if let Some(alike) = alike {
            (fresh.permitted, fresh.renew, fresh.is_refused) = (alike.permitted, alike.renew, alike.is_refused);
        }
        if self.peers.len() < TURN_PEERS {
            self.peers.push(fresh);
            return Some(self.peers.len() - 1);
        }
        let index = (0..TURN_PEERS).find(|index| self.kept != Some(*index) && self.peers[*index].is_free(now))?;
        self.peers[index] = fresh;
        Some(index)
    }

    /// The places of those candidates of the peer's that are let in, each with its priority.
    pub fn reachable(&self, now: Instant) -> impl Iterator<Item = (SocketAddr, u32)> + '_ {
        self.peers
            .iter()
            .enumerate()
            .filter(move |(_, peer)| peer.is_permitted(now))
            .filter_map(|(index, peer)| Some((place::of_channel(number(index)), peer.priority?)))
    }

    /// The way leads to a place: it gets a channel, and what it needs is renewed.
    pub fn keep(&mut self, now: Instant, place: SocketAddr) {
        let index = self.index_of(place);
        self.kept = index;
        if let Some(index) = index {
            let peer = &mut self.peers[index];
            peer.used = now;
            if peer.bound.is_none() && !peer.has_no_channel && peer.request.is_none() {
                peer.wants = Some(About::Channel);
            }
        }
    }

    /// The way leads elsewhere.
    pub fn keep_none(&mut self) {
        self.kept = None;
    }

    fn index_of(&self, place: SocketAddr) -> Option<usize> {
        let index = usize::from(place::channel(place)? - channel::FIRST);
        (index < self.peers.len()).then_some(index)
    }

    /// The address of the peer's that is reached at a place.
    pub fn address(&self, place: SocketAddr) -> Option<SocketAddr> {
        Some(self.peers[self.index_of(place)?].address)
    }

    /// Takes what a peer has sent out of a datagram of the server's: where it begins and ends, and the peer's place. `None`: it is of no peer that was let in.
    #[inline]
    pub fn unwrap(&mut self, now: Instant, datagram: &[u8]) -> Option<(SocketAddr, (usize, usize))> {
        if let Some((number, within)) = channel::unwrap(datagram) {
            let place = place::of_channel(number);
            let peer = &self.peers[self.index_of(place)?];
            return peer.may_have_channel(now).then_some((place, within));
        }
        let message = Message::parse(datagram, Usage::Relaying)?;
        if (message.class, message.method) != (Class::Indication, Method::Data) {
            return None;
        }
        let (address, data) = (message.relaying.peer?, message.relaying.data?);
        // Of a host that was let in another port may be heard: its NAT has changed the one that it has named.
        if !self.peers.iter().any(|peer| peer.address.ip() == address.ip() && peer.is_permitted(now)) {
            return None;
        }
        let is_known = self.peers.iter().any(|peer| peer.address == address);
        let is_unnamed = |peer: &&Peer| peer.priority.is_none() && !peer.is_free(now);
        // Behind a host may be many, who leave room for what the peer names.
        if !is_known && self.peers.iter().filter(is_unnamed).count() >= TURN_PEERS_UNNAMED {
            return None;
        }
        let index = self.peer(now, address)?;
        Some((place::of_channel(number(index)), data))
    }

    /// Puts the datagram of `length` octets at the head of `room` into what the server takes for the peer at a place; the length of that. `None`: nothing
    /// is at that place, or there is no room.
    #[inline]
    pub fn wrap(&mut self, place: SocketAddr, room: &mut [u8], length: usize) -> Option<usize> {
        let index = self.index_of(place)?;
        let peer = &self.peers[index];
        if peer.has_channel() {
            return channel::wrap(room, length, number(index));
        }
        self.indications = self.indications.wrapping_add(1);
        let mut transaction = [0; 12];
        transaction[..8].copy_from_slice(&self.indications.to_be_bytes());
        channel::indicate(room, length, peer.address, &transaction)
    }
}

/// The number of the channel of a peer.
const fn number(index: usize) -> u16 {
    channel::FIRST + index as u16
}

/// Whether an address is a host's that something may be sent to.
fn is_host(address: SocketAddr) -> bool {
    let ip = address.ip();
    !ip.is_unspecified() && !ip.is_multicast() && !place::is_nowhere(ip)
}

const _: () = assert!(TURN_PEERS <= (channel::LAST - channel::FIRST) as usize);
