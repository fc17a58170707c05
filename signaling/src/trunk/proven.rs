//! The domains that peers of connections have proven to be of (RFC 5922).

use crate::transport::{ConnectionId, Flow};
use std::collections::HashMap;
use std::sync::Arc;

/// Domains by connection, for as long as it is open.
#[derive(Debug, Default)]
pub struct ProvenDomains(HashMap<ConnectionId, Arc<[Box<str>]>>);

impl ProvenDomains {
    /// The peer of a connection has proven to be of these, in lower case.
    pub fn note(&mut self, flow: &Flow, domains: Arc<[Box<str>]>) {
        if let Some(connection) = flow.connection {
            self.0.insert(connection, domains);
        }
    }

    /// A connection ended.
    pub fn closed(&mut self, flow: &Flow) {
        if let Some(connection) = &flow.connection {
            self.0.remove(connection);
        }
    }

    /// Whether what comes on a way is of that domain.
    pub fn holds(&self, flow: &Flow, domain: &str) -> bool {
        let proven = flow.connection.and_then(|connection| self.0.get(&connection));
        proven.is_some_and(|domains| domains.iter().any(|proven| proven.eq_ignore_ascii_case(domain)))
    }
}
