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

use router::{Post, Shards, Wake};

use super::flow::{Connection, Transmit, TransportFailure};
use super::hub::TransportEvent;
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
            // Any shard may know the connection as the way to a phone.
            TransportEvent::Closed { flow } => {
                let (own, all) = (self.own, self.shards.count());
                (0..all).filter(|&to| to != own).for_each(|to| self.hand(to, TransportEvent::Closed { flow }));
                Some(TransportEvent::Closed { flow })
            }
        }
    }

    /// Takes a message of this shard. It comes back if this shard's sockets send it; what cannot be handed over comes as
    /// [`TransportEvent::Failed`] from [`poll_event`](Self::poll_event).
    pub fn dispatch(&mut self, transmit: Transmit) -> Option<Transmit> {
        let to = match transmit.destination.connection {
            Connection::Only(connection) | Connection::Prefer(connection, _) => connection.shard(),
            Connection::Any => self.own,
        };
        let Some(post) = self.posts.get(usize::from(to)).filter(|_| to != self.own) else { return Some(transmit) };
        let token = transmit.token.map(|token| token.from_shard(self.own));
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
            TransportEvent::Closed { .. } => false,
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
