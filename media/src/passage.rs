//! What workers hand to each other: ports that change their worker, where a leg goes on in a call that another one has. A private
//! matter of theirs: whoever owns the sessions asks one worker for the ports and gets them, wherever they were.
//!
//! ```text
//!   owner ── Open × MovedPort… ──▶ worker 1 ── Wanted ──▶ worker 2, which has the ports
//!                                           ◀── Brought ── the ports, and their sockets as they are
//!         ◀── Done × MediaPort… ───         … later: Home ──▶ their numbers are worker 2's to use again
//! ```

use crate::limits::PASSAGES;
use crate::session::Port;
use crate::wire::Carried;
use router::parameter::PortId;
use router::{Address, Instance, Post, Wake};
use std::net::SocketAddr;
use std::sync::Arc;

/// A port on its way.
#[derive(Debug)]
pub(crate) struct Moving {
    pub(crate) port: Box<Port>,
    pub(crate) sockets: Carried,
    /// Its RTP socket's address, and the worker in whose range that is.
    pub(crate) rtp: SocketAddr,
    pub(crate) home: u8,
}

/// What one worker hands another.
#[derive(Debug)]
pub(crate) enum Passage {
    /// These ports are asked for, all or none, on behalf of that module.
    Wanted { by: u8, ticket: u64, owner: Address, ports: Vec<(Instance, PortId)> },
    /// There they are, in that order.
    Brought { ticket: u64, ports: Vec<Moving> },
    /// They are not there.
    Missing { ticket: u64 },
    /// A pair of that one's range is closed.
    Home { rtp: SocketAddr },
}

/// One worker's end.
#[derive(Clone, Debug)]
pub struct Passages {
    pub(crate) own: u8,
    posts: Arc<[Post<Passage>]>,
}

impl Passages {
    /// The ends of all workers, in the order of their indices; each has a waker.
    pub fn of_all<W: Wake + 'static>(wakers: impl IntoIterator<Item = W>) -> Vec<Self> {
        let posts: Arc<[Post<Passage>]> = wakers.into_iter().map(|waker| Post::new(PASSAGES, waker)).collect();
        (0..posts.len()).map(|own| Self { own: own as u8, posts: Arc::clone(&posts) }).collect()
    }

    fn post(&self) -> Option<&Post<Passage>> {
        self.posts.get(usize::from(self.own))
    }

    /// Hands something over; it comes back where there is no such worker, or no room.
    pub(crate) fn hand(&self, to: u8, passage: Passage) -> Result<(), Passage> {
        match self.posts.get(usize::from(to)) {
            Some(post) => post.push(passage, 0),
            None => Err(passage),
        }
    }

    /// The next thing that was handed over.
    pub(crate) fn next(&self) -> Option<Passage> {
        self.post()?.pop()
    }

    /// Whether something waits.
    pub(crate) fn waits(&self) -> bool {
        self.post().is_some_and(|post| !post.is_empty())
    }

    /// Before the worker sleeps: false if something waits. After true, whoever hands something over wakes it.
    pub(crate) fn may_sleep(&self) -> bool {
        self.post().is_none_or(Post::may_sleep)
    }

    /// After it woke.
    pub(crate) fn awake(&self) {
        if let Some(post) = self.post() {
            post.awake();
        }
    }
}
