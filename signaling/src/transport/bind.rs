//! Binding listeners: all of a shard, or none.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::flow::Transport;
use super::limits::UDP_RECEIVE_BUFFER;
use super::listener::{Listener, ListenerConfig};
use super::socket::Socket;
use super::tcp::Tcp;
use super::udp::{Udp, outward_address};

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
    let (socket, local) = match config.transport {
        Transport::Udp => {
            let udp = Udp::bind(config.bind, config.dscp, shared)?;
            let local = udp.local()?;
            if let Some(granted) = udp.granted_less() {
                tracing::warn!(
                    listener = %local,
                    granted,
                    asked = UDP_RECEIVE_BUFFER,
                    "a small receive buffer: bursts may overflow it; raise net.core.rmem_max"
                );
            }
            (Socket::Udp(udp), local)
        }
        Transport::Tcp => {
            let tcp = Tcp::bind(config.bind, config.dscp, shared)?;
            let local = tcp.local()?;
            (Socket::Tcp(tcp), local)
        }
    };
    let listener = match &config.advertised {
        None if local.ip().is_unspecified() => {
            let outward = outward_address(local.is_ipv4()).unwrap_or(local.ip());
            Listener::everywhere(config.transport, local, outward)
        }
        advertised => Listener::new(config.transport, local, advertised.clone()),
    };
    Ok((socket, listener))
}
