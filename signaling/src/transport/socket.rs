//! A bound socket, by its shape: datagrams, or connections.

use std::io;
use std::net::SocketAddr;

use super::streams::Streams;
use super::udp::Udp;

#[derive(Debug)]
pub(super) enum Socket {
    Datagrams(Udp),
    Streams(Box<dyn Streams>),
}

impl Socket {
    /// The bound address.
    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        match self {
            Socket::Datagrams(udp) => udp.local(),
            Socket::Streams(streams) => streams.local(),
        }
    }
}
