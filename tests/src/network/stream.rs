//! A TCP connection: octets in order, cut into pieces as the network likes.

use router::Random;
use router::time::Instant;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// Names a connection within a network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(pub u64);

/// Which end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// Who opened it.
    Client,
    /// Who accepted it.
    Server,
}

impl Side {
    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One end.
#[derive(Debug)]
pub(super) struct End {
    pub(super) host: IpAddr,
    /// Whether it still reads and writes.
    pub(super) open: bool,
    /// When the last of what is on its way to it arrives.
    pub(super) latest: Instant,
    /// What is on its way to it.
    pub(super) coming: VecDeque<(Instant, Vec<u8>)>,
    /// How many arrivals are scheduled for it.
    pub(super) arrivals: usize,
}

impl End {
    pub(super) fn new(host: IpAddr, now: Instant) -> Self {
        Self { host, open: true, latest: now, coming: VecDeque::new(), arrivals: 0 }
    }

    /// What an arrival brings: some of what has come; the last arrival brings all.
    pub(super) fn take(&mut self, now: Instant, random: &mut Random) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some((at, piece)) = self.coming.pop_front() {
            if at > now {
                self.coming.push_front((at, piece));
                break;
            }
            bytes.extend(piece);
        }
        if self.arrivals > 0 && !bytes.is_empty() {
            let rest = bytes.split_off(1 + random.below(bytes.len() as u64) as usize);
            if !rest.is_empty() {
                self.coming.push_front((now, rest));
            }
        }
        bytes
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) client: End,
    pub(super) server: End,
    /// The client's address as the server sees it.
    pub(super) seen: SocketAddr,
    /// The server's address.
    pub(super) listener: SocketAddr,
}

impl Stream {
    pub(super) fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}
