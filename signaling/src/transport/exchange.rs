//! What the shards of a platform hand each other: messages that came to the wrong one, messages for connections of another
//! one, and what became of these.
//!
//! ```text
//!   own sockets ──event──▶ ┌──────────┐ ──▶ own signaling       own signaling ──transmit──▶ ┌──────────┐ ──▶ own sockets
//!                          │ Exchange │                                                     │ Exchange │
//!                          └────┬─────┘                                                     └────┬─────┘
//!                               └──────────────▶ post of another shard ◀─────────────────────────┘
//! ```
//!
//! A datagram that finds a post full is dropped, as the network might have done. What a connection carried is kept, and its
//! shard takes nothing more from its sockets until there is room ([`Exchange::is_held`]).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use router::{Post, Shards, Wake};

use super::event::TransportEvent;
use super::flow::{Connection, Flow, Received, Transmit, TransportFailure};
use super::limits::{POST_SLOTS, POST_SPARE};
use crate::home::home;

/// What one shard hands another.
#[derive(Debug, PartialEq, Eq)]
pub enum Handed {
    /// What came to the other one's sockets, or became of what it sent for us.
    Event(TransportEvent),
    /// To be sent by a connection of ours.
    Transmit(Transmit),
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExchangeCounters {
    /// Things handed to other shards.
    pub handed: u64,
    /// Datagrams and reports of failure that found a post full.
    pub dropped: u64,
    /// Messages for connections of other shards that found a post full.
    pub congested: u64,
}

/// One shard's end.
#[derive(Debug)]
pub struct Exchange {
    shards: Shards,
    own: u8,
    posts: Arc<[Post<Handed>]>,
    /// What must not be lost and found no room; in order for each shard.
    held: VecDeque<(u8, Handed)>,
    /// What this shard is told at once.
    events: VecDeque<TransportEvent>,
    counters: ExchangeCounters,
}

impl Exchange {
    /// The ends of all shards; each has a waker.
    pub fn of_all<W: Wake + 'static>(shards: &Shards, wakers: impl IntoIterator<Item = W>) -> Vec<Exchange> {
        let wakers = wakers.into_iter().take(usize::from(shards.count()));
        let posts: Arc<[Post<Handed>]> = match shards.is_one() {
            true => Arc::new([]),
            false => wakers.map(|waker| Post::new(POST_SLOTS, waker)).collect(),
        };
        (0..shards.count())
            .map(|own| Exchange {
                shards: shards.clone(),
                own,
                posts: Arc::clone(&posts),
                held: VecDeque::new(),
                events: VecDeque::new(),
                counters: ExchangeCounters::default(),
            })
            .collect()
    }

    /// Takes an event of this shard's sockets. It comes back if it is for this shard.
    pub fn route(&mut self, event: TransportEvent) -> Option<TransportEvent> {
        if self.posts.is_empty() {
            return Some(event);
        }
        match event {
            TransportEvent::Received(received) => {
                let to = home(&self.shards, &received.bytes).filter(|&to| to != self.own);
                let event = TransportEvent::Received(received);
                let Some(to) = to else { return Some(event) };
                self.hand(to, event);
                None
            }
            TransportEvent::Failed { destination, token, failure } => match token.and_then(|token| token.shard()) {
                Some((to, token)) => {
                    self.hand(to, TransportEvent::Failed { destination, token: Some(token), failure });
                    None
                }
                None => Some(TransportEvent::Failed { destination, token, failure }),
            },
            // Any shard may serve what comes by the connection.
            TransportEvent::Identified { flow, domains } => {
                let (own, all) = (self.own, self.shards.count());
                (0..all).filter(|&to| to != own).for_each(|to| {
                    self.hand(to, TransportEvent::Identified { flow, domains: domains.clone() });
                });
                Some(TransportEvent::Identified { flow, domains })
            }
            // Any shard may know the connection as the way to a phone.
            TransportEvent::Closed { flow } => {
                let (own, all) = (self.own, self.shards.count());
                (0..all).filter(|&to| to != own).for_each(|to| self.hand(to, TransportEvent::Closed { flow }));
                Some(TransportEvent::Closed { flow })
            }
        }
    }

    /// Whether a datagram is for this shard; else it was copied, and handed over.
    pub fn keeps(&mut self, flow: &Flow, datagram: &[u8]) -> bool {
        let elsewhere = !self.posts.is_empty();
        let Some(to) = elsewhere.then(|| home(&self.shards, datagram)).flatten().filter(|&to| to != self.own) else {
            return true;
        };
        let bytes = Bytes::copy_from_slice(datagram);
        self.hand(to, TransportEvent::Received(Received { flow: *flow, bytes }));
        false
    }

    /// Takes a message of this shard. It comes back if this shard's sockets send it; what cannot be handed over comes as
    /// [`TransportEvent::Failed`] from [`poll_event`](Self::poll_event).
    pub fn dispatch(&mut self, transmit: Transmit) -> Option<Transmit> {
        let to = match transmit.destination.connection {
            Connection::Only(connection) | Connection::Prefer(connection, _) => connection.shard(),
            Connection::Any => self.own,
        };
        let Some(post) = self.posts.get(usize::from(to)).filter(|_| to != self.own) else { return Some(transmit) };
        let token = transmit.token.map(|token| token.marked(self.own));
        match post.push(Handed::Transmit(Transmit { token, ..transmit }), POST_SPARE) {
            Ok(()) => self.counters.handed += 1,
            Err(Handed::Transmit(Transmit { destination, token, .. })) => {
                self.counters.congested += 1;
                let token = token.and_then(|token| token.shard()).map(|(_, token)| token);
                let failure = TransportFailure::Congested;
                self.events.push_back(TransportEvent::Failed { destination, token, failure });
            }
            Err(Handed::Event(_)) => {}
        }
        None
    }

    /// The next thing that this shard is told at once.
    pub fn poll_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    /// The next thing that another shard handed to this one.
    pub fn poll_handed(&mut self) -> Option<Handed> {
        self.posts.get(usize::from(self.own))?.pop()
    }

    /// Hands over what found no room before. True if something is left: until then nothing is to be taken from this shard's
    /// sockets.
    pub fn is_held(&mut self) -> bool {
        while let Some((to, handed)) = self.held.pop_front() {
            let Some(post) = self.posts.get(usize::from(to)) else { continue };
            match post.push(handed, 0) {
                Ok(()) => self.counters.handed += 1,
                Err(handed) => {
                    self.held.push_front((to, handed));
                    return true;
                }
            }
        }
        false
    }

    /// Whether nothing waits for this shard.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.posts.get(usize::from(self.own)).is_none_or(Post::is_empty)
    }

    /// Before the shard sleeps: false if something waits for it.
    pub fn may_sleep(&self) -> bool {
        self.events.is_empty() && self.posts.get(usize::from(self.own)).is_none_or(Post::may_sleep)
    }

    /// After the shard woke.
    pub fn awake(&self) {
        if let Some(post) = self.posts.get(usize::from(self.own)) {
            post.awake();
        }
    }

    /// Counts since the start.
    pub fn counters(&self) -> ExchangeCounters {
        self.counters
    }

    /// Gives an event to another shard.
    fn hand(&mut self, to: u8, event: TransportEvent) {
        let may_drop = match &event {
            TransportEvent::Received(received) => received.flow.connection.is_none(),
            TransportEvent::Failed { .. } => true,
            TransportEvent::Identified { .. } | TransportEvent::Closed { .. } => false,
        };
        let Some(post) = self.posts.get(usize::from(to)) else { return };
        if !may_drop && !self.held.is_empty() {
            return self.held.push_back((to, Handed::Event(event)));
        }
        match post.push(Handed::Event(event), if may_drop { POST_SPARE } else { 0 }) {
            Ok(()) => self.counters.handed += 1,
            Err(_) if may_drop => self.counters.dropped += 1,
            Err(handed) => self.held.push_back((to, handed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ConnectionId, Destination, ListenerId, Token, Transport};
    use router::Random;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn flow(connection: Option<ConnectionId>) -> Flow {
        Flow {
            transport: if connection.is_some() { Transport::Tcp } else { Transport::Udp },
            listener: ListenerId(0),
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "198.51.100.7:5060".parse().unwrap(),
            connection,
        }
    }

    /// Two shards, what woke each, and a message that is at home on the second one.
    fn two() -> (Exchange, Exchange, Arc<[AtomicUsize; 2]>, Bytes) {
        let shards = Shards::new(2, &mut Random::from_seed(1));
        let woken: Arc<[AtomicUsize; 2]> = Arc::default();
        let wakers = [0, 1].map(|index| {
            let woken = Arc::clone(&woken);
            move || {
                woken[index].fetch_add(1, Ordering::Relaxed);
            }
        });
        let [one, two] = <[Exchange; 2]>::try_from(Exchange::of_all(&shards, wakers)).unwrap();
        let message = |number: u32| Bytes::from(format!("OPTIONS sip:h SIP/2.0\r\nCall-ID: {number}\r\n\r\n"));
        let second = (0..).map(message).find(|message| home(&shards, message) == Some(1)).unwrap();
        (one, two, woken, second)
    }

    fn received(bytes: &Bytes, connection: Option<ConnectionId>) -> TransportEvent {
        TransportEvent::Received(Received { flow: flow(connection), bytes: bytes.clone() })
    }

    #[test]
    fn what_is_at_home_elsewhere_is_handed_over_and_wakes_who_sleeps() {
        let (mut one, mut two, woken, message) = two();
        let event = || received(&message, None);
        assert_eq!(two.route(event()), Some(event()), "at home");
        assert!(two.may_sleep());
        assert_eq!(one.route(event()), None);
        assert_eq!((woken[0].load(Ordering::Relaxed), woken[1].load(Ordering::Relaxed)), (0, 1));
        two.awake();
        assert!(two.keeps(&flow(None), &message) && one.keeps(&flow(None), b"no message"));
        assert!(!two.is_empty());
        assert_eq!(two.poll_handed(), Some(Handed::Event(event())));
        assert!(!one.keeps(&flow(None), &message));
        assert_eq!(two.poll_handed(), Some(Handed::Event(event())), "a copy of it");
        let homeless = Bytes::from_static(b"OPTIONS sip:h SIP/2.0\r\n\r\n");
        assert_eq!(one.route(received(&homeless, None)), Some(received(&homeless, None)), "any shard refuses it");
        assert_eq!(one.counters(), ExchangeCounters { handed: 2, dropped: 0, congested: 0 });
    }

    #[test]
    fn one_shard_alone_looks_at_nothing() {
        let mut alone = Exchange::of_all(&Shards::default(), [|| ()]).remove(0);
        let event = TransportEvent::Closed { flow: flow(Some(ConnectionId(1))) };
        let flow = flow(Some(ConnectionId::of_shard(3, 1)));
        let transmit = Transmit { destination: Destination::flow(&flow), bytes: Bytes::new(), token: None };
        assert_eq!(alone.dispatch(transmit.clone()), Some(transmit));
        assert!(alone.route(event).is_some() && alone.may_sleep() && alone.is_empty());
    }

    #[test]
    fn a_message_goes_by_the_connection_of_its_owner_who_says_if_it_did_not_leave() {
        let (mut one, mut two, _, message) = two();
        let destination = Destination::flow(&flow(Some(ConnectionId::of_shard(1, 5))));
        let transmit = Transmit { destination, bytes: message, token: Some(Token(1 << 63 | 7)) };
        assert_eq!(two.dispatch(transmit.clone()), Some(transmit.clone()), "its own");
        assert_eq!(one.dispatch(transmit.clone()), None);
        let Some(Handed::Transmit(handed)) = two.poll_handed() else { panic!("nothing was handed over") };
        assert_eq!((handed.destination, &handed.bytes), (destination, &transmit.bytes));
        let failure = TransportFailure::Closed;
        let failed = |token| TransportEvent::Failed { destination, token, failure };
        assert_eq!(two.route(failed(handed.token)), None);
        assert_eq!(one.poll_handed(), Some(Handed::Event(failed(transmit.token))));
        assert_eq!(two.route(failed(transmit.token)), Some(failed(transmit.token)), "its own");
        let opened = Destination::address(Transport::Tcp, destination.remote);
        let anywhere = Transmit { destination: opened, ..transmit };
        assert_eq!(one.dispatch(anywhere.clone()), Some(anywhere), "each shard opens its own");
    }

    #[test]
    fn datagrams_are_dropped_where_there_is_no_room_and_streams_wait() {
        let (mut one, mut two, _, message) = two();
        for _ in 0..POST_SLOTS {
            one.route(received(&message, None));
        }
        assert_eq!(one.counters().dropped, POST_SPARE as u64);
        let destination = Destination::flow(&flow(Some(ConnectionId::of_shard(1, 5))));
        let token = Some(Token(9));
        assert_eq!(one.dispatch(Transmit { destination, bytes: message.clone(), token }), None);
        let failure = TransportFailure::Congested;
        assert_eq!(one.poll_event(), Some(TransportEvent::Failed { destination, token, failure }));
        assert_eq!(one.counters().congested, 1);
        let connection = Some(ConnectionId(1));
        for _ in 0..POST_SPARE {
            one.route(received(&message, connection));
        }
        assert!(!one.is_held());
        one.route(received(&message, connection));
        one.route(TransportEvent::Closed { flow: flow(connection) });
        assert!(one.is_held(), "nothing more is read until there is room");
        for _ in 0..POST_SLOTS {
            assert!(two.poll_handed().is_some());
        }
        assert!(!one.is_held());
        assert_eq!(two.poll_handed(), Some(Handed::Event(received(&message, connection))), "in order");
        assert_eq!(two.poll_handed(), Some(Handed::Event(TransportEvent::Closed { flow: flow(connection) })));
    }
}
