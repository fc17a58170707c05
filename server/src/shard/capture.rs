//! The socket by which a capture server is told of messages.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// A socket of its own, which never keeps a call waiting: what the system has no room for is lost.
#[derive(Debug, Default)]
pub struct Capture {
    server: Option<SocketAddr>,
    socket: Option<UdpSocket>,
}

impl Capture {
    /// Tells that server; `None`: nobody is told.
    pub fn to(server: Option<SocketAddr>) -> Self {
        let mut capture = Self::default();
        capture.set_server(server);
        capture
    }

    /// Another server from now on.
    pub fn set_server(&mut self, server: Option<SocketAddr>) {
        if server == self.server && self.socket.is_some() == server.is_some() {
            return;
        }
        self.server = server;
        self.socket = server.and_then(|server| match open(server) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(%server, %error, "no socket to the capture server");
                None
            }
        });
    }

    /// Sends a datagram. A server that is not there is no reason to say so for each message.
    pub fn send(&self, datagram: &[u8]) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(datagram);
        }
    }
}

fn open(server: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    socket.connect(server)?;
    Ok(socket)
}
