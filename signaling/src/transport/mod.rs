//! Transports (RFC 3261 §18): from sockets to whole messages, and back.
//!
//! Pure: [`Framer`], [`with_via`], [`response_destination`], [`upgrade`], [`Listeners`].
//! reads sockets and clocks: [`Transports`] with `udp`, `tcp`, `connection`, and [`Resolver`].
//!
//! A further transport is a variant of [`Transport`] and a file that turns its connections into
//! [`Received`] as `tcp` does.

mod choice;
mod flow;
mod framing;
pub mod limits;
mod listener;
mod via_rules;

pub use choice::{TcpRefusals, upgrade};
pub use flow::{
    Connection, ConnectionId, Destination, Flow, ListenerId, Received, Token, Transmit, Transport, TransportFailure,
};
pub use framing::{Frame, Framer, PONG};
pub use listener::{Advertised, DSCP_DEFAULT, Listener, ListenerConfig, Listeners};
pub use via_rules::{response_destination, with_via};
