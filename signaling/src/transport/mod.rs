//! Transports (RFC 3261 §18): from sockets to whole messages, and back.
//!
//! ```text
//!   UDP socket ──┐                  ┌──▶ TransportEvent::Received { flow, bytes }
//!   TCP listener ├──▶ Transports ───┤    TransportEvent::Failed { destination, token, failure }
//!   connection ──┘        ▲         └──▶ TransportEvent::Closed { flow }
//!                         └── send(Transmit { destination, bytes, token })
//! ```
//!
//! Pure: [`Framer`], [`with_via`], [`response_destination`], [`upgrade`], [`Listeners`], [`Names`], `stun`. The
//! shell, which reads sockets and clocks: [`Transports`] (`hub`, `connections`, and each transport) and [`Resolver`].
//!
//! With several shards each has all of this, and an [`Exchange`] by which they hand over what another one is to serve or to send.
//!
//! A transport is a file, such as `udp`, `tcp`, `tls` and `ws`, and a line in `kind`: datagrams, or listeners that yield `streams`.
//! What an operator changes of them while they run is the [`Policy`].

mod bind;
mod choice;
mod connection;
mod connections;
mod counters;
mod cutting;
mod event;
mod exchange;
mod flow;
mod framing;
mod handshakes;
mod hub;
mod kind;
pub mod limits;
mod listener;
mod names;
mod packet_info;
mod pings;
mod policy;
mod resolve;
mod services;
mod settings;
mod socket;
mod sought;
mod strangers;
mod streams;
pub(crate) mod stun;
mod tcp;
#[cfg(test)]
mod tests;
pub mod tls;
mod told;
mod udp;
mod via_rules;
pub mod ws;

pub use bind::BindError;
pub use choice::{TcpRefusals, upgrade};
pub use counters::TransportCounters;
pub use event::TransportEvent;
pub use exchange::{Exchange, ExchangeCounters, Handed};
pub use flow::{Connection, ConnectionId, Destination, Flow, ListenerId, Received, Token, Transmit, TransportFailure};
pub use framing::{Frame, Framer, PING, PONG};
pub use hub::Transports;
pub use kind::Transport;
pub use listener::{Advertised, DSCP_DEFAULT, Listener, ListenerConfig, Listeners};
pub use names::{Answer, Names, Naptr, Place, Question, Records, Srv, name_of_number, places_of_number};
pub use policy::{Policy, SharedPolicy};
pub use resolve::Resolver;
pub use settings::TransportSettings;
pub use sought::{Resolution, Sought};
pub use via_rules::{Maddr, response_destination, with_via};
