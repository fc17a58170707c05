//! Transports (RFC 3261 §18): from sockets to whole messages, and back.
//!
//! ```text
//!   UDP socket ──┐                  ┌──▶ TransportEvent::Received { flow, bytes }
//!   TCP listener ├──▶ Transports ───┤    TransportEvent::Failed { destination, token, failure }
//!   connection ──┘        ▲         └──▶ TransportEvent::Closed { flow }
//!                         └── send(Transmit { destination, bytes, token })
//! ```
//!
//! Pure: [`Framer`], [`with_via`], [`response_destination`], [`next_hop`], [`upgrade`], [`Listeners`], [`NameCache`]. The
//! shell, which reads sockets and clocks: [`Transports`] (`hub`, `udp`, `packet_info`, `tcp`, `connection`) and [`Resolver`].
//!
//! With several shards each has all of this, and an [`Exchange`] by which they hand over what another one is to serve or to send.
//!
//! A further transport is a variant of [`Transport`] and a file beside `tcp` that yields its streams.

mod bind;
mod choice;
mod connection;
mod counters;
mod event;
mod exchange;
mod flow;
mod framing;
mod hub;
pub mod limits;
mod listener;
mod names;
mod packet_info;
mod resolve;
mod settings;
mod socket;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;
mod via_rules;

pub use bind::BindError;
pub use choice::{TcpRefusals, next_hop, next_hop_host, upgrade};
pub use counters::TransportCounters;
pub use event::TransportEvent;
pub use exchange::{Exchange, ExchangeCounters, Handed};
pub use flow::{
    Connection, ConnectionId, Destination, Flow, ListenerId, Received, Token, Transmit, Transport, TransportFailure,
};
pub use framing::{Frame, Framer, PONG};
pub use hub::Transports;
pub use listener::{Advertised, DSCP_DEFAULT, Listener, ListenerConfig, Listeners};
pub use names::{Look, NameAnswer, NameCache, Resolution};
pub use resolve::Resolver;
pub use settings::TransportSettings;
pub use via_rules::{Maddr, response_destination, with_via};
