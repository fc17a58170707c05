//! What comes of the transports.

use std::sync::Arc;

use super::flow::{Destination, Flow, Received, Token, TransportFailure};

/// What comes of the transports.
#[derive(Debug, PartialEq, Eq)]
pub enum TransportEvent {
    /// A message came.
    Received(Received),
    /// A message did not leave.
    Failed {
        /// Where it was to go.
        destination: Destination,
        /// The sender's token.
        token: Option<Token>,
        /// Why.
        failure: TransportFailure,
    },
    /// The peer of a connection has proven to be of these domains (RFC 5922), before anything else came of it.
    Identified {
        /// The connection.
        flow: Flow,
        /// The domains, in lower case.
        domains: Arc<[Box<str>]>,
    },
    /// A connection ended: what was registered over it cannot be reached by it any more (RFC 5626 §5.3).
    Closed {
        /// The connection.
        flow: Flow,
    },
}
