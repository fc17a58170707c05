//! The connections that phones registered over (RFC 5626): what comes for them goes back by these.

use crate::limits::FLOWS_MAX;
use crate::transport::Flow;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Connections by the peer's address. Datagrams need none: a listener and an address say it all.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    by_remote: HashMap<SocketAddr, Flow>,
}

impl Flows {
    /// Somebody registered over this connection.
    pub(crate) fn note(&mut self, flow: &Flow) {
        let known = self.by_remote.contains_key(&flow.remote);
        if flow.connection.is_some() && (known || self.by_remote.len() < FLOWS_MAX) {
            self.by_remote.insert(flow.remote, *flow);
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
    }

    /// How many are open.
    pub(crate) fn len(&self) -> usize {
        self.by_remote.len()
    }
}
