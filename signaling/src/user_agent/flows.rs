//! The connections that phones registered over (RFC 5626): what comes for them goes back by these.

use crate::limits::{FLOWS_CLOSED, FLOWS_MAX};
use crate::transport::{ConnectionId, Flow};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

/// Connections by the peer's address. Datagrams need none: a listener and an address say it all.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    by_remote: HashMap<SocketAddr, Flow>,
    /// Connections that closed lately: the word of another shard that somebody registered over one may be older.
    closed: VecDeque<ConnectionId>,
}

impl Flows {
    /// Somebody registered over this connection.
    pub(crate) fn note(&mut self, flow: &Flow) {
        let known = self.by_remote.contains_key(&flow.remote);
        if flow.connection.is_some() && (known || self.by_remote.len() < FLOWS_MAX) {
            self.by_remote.insert(flow.remote, *flow);
        }
    }

    /// Another shard says that somebody registered over this connection.
    pub(crate) fn note_elsewhere(&mut self, flow: &Flow) {
        if flow.connection.is_some_and(|connection| !self.closed.contains(&connection)) {
            self.note(flow);
        }
    }

    /// The open connection to that address.
    pub(crate) fn to(&self, remote: SocketAddr) -> Option<&Flow> {
        self.by_remote.get(&remote)
    }

    /// A connection ended.
    pub(crate) fn closed(&mut self, flow: &Flow) {
        if self.by_remote.get(&flow.remote).is_some_and(|known| known.connection == flow.connection) {
            self.by_remote.remove(&flow.remote);
        }
        if self.closed.len() >= FLOWS_CLOSED {
            self.closed.pop_front();
        }
        self.closed.extend(flow.connection);
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.by_remote.len()
    }
}
