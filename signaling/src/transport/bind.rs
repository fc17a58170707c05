//! Binding listeners: all of a shard, or none.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::kind::Transport;
use super::listener::{Listener, ListenerConfig};
use super::socket::Socket;
use super::udp::outward_address;

/// A listener that could not be bound.
#[derive(Debug)]
pub struct BindError {
    /// Its transport.
    pub transport: Transport,
    /// Its address.
    pub address: SocketAddr,
    /// What the system said.
    pub error: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot listen on {} {}: {}", self.transport.parameter(), self.address, self.error)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Whether every address is free. Listeners that are shared are bound beside those of another server that shares its own, so who
/// comes first asks here before.
pub(super) fn probe(configs: &[ListenerConfig]) -> Result<(), BindError> {
    for config in configs.iter().filter(|config| config.bind.port() != 0) {
        bind(config, false).map_err(|error| BindError { transport: config.transport, address: config.bind, error })?;
    }
    Ok(())
}

pub(super) fn bind(config: &ListenerConfig, shared: bool) -> io::Result<(Socket, Listener)> {
    let socket = (config.transport.kind().bind)(config, shared)?;
    let local = socket.local()?;
    let listener = match &config.advertised {
        None if local.ip().is_unspecified() => {
            let outward = outward_address(local.is_ipv4()).unwrap_or(local.ip());
            Listener::everywhere(config.transport, local, outward)
        }
        advertised => Listener::new(config.transport, local, advertised.clone()),
    };
    Ok((socket, listener))
}
