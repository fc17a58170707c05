//! UDP sockets: datagrams in bounded batches, datagrams out at once.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use super::flow::TransportFailure;
use super::limits::{DATAGRAMS_PER_TURN, UDP_PAYLOAD_OCTETS_MAX, UDP_RECEIVE_BUFFER};

/// One bound UDP socket.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
}

impl Udp {
    /// Binds it; `shared`: with those of other shards.
    pub(super) fn bind(address: SocketAddr, dscp: u8, shared: bool) -> io::Result<Udp> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        prepare(&socket, address, dscp)?;
        socket.set_reuse_port(shared)?;
        // The kernel may grant less; a smaller buffer is no reason not to serve.
        let _ = socket.set_recv_buffer_size(UDP_RECEIVE_BUFFER);
        socket.bind(&address.into())?;
        Ok(Udp { socket: UdpSocket::from_std(socket.into())? })
    }

    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_recv_ready(context).map(|_| ())
    }

    /// Takes a batch of datagrams. True if more may wait.
    pub(super) fn receive(&self, buffer: &mut [u8], mut take: impl FnMut(SocketAddr, Bytes)) -> bool {
        for _ in 0..DATAGRAMS_PER_TURN {
            match self.socket.try_recv_from(buffer) {
                Ok((length, source)) if !is_keep_alive(&buffer[..length]) => {
                    take(source, Bytes::copy_from_slice(&buffer[..length]));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // The word of a router about something sent earlier: no business of what is received.
                Err(error) => tracing::trace!(%error, "receiving a datagram"),
            }
        }
        true
    }

    /// Sends a datagram. A full socket buffer loses it, as the network may: the transaction sends again.
    pub(super) fn send(&self, remote: SocketAddr, bytes: &[u8]) -> Result<(), TransportFailure> {
        if bytes.len() > UDP_PAYLOAD_OCTETS_MAX {
            return Err(TransportFailure::TooLong);
        }
        // Past the runtime, which would not try before it has once seen the socket writable.
        match SockRef::from(&self.socket).send_to(bytes, &remote.into()) {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused => Ok(()),
                _ => Err(failure(&error)),
            },
        }
    }
}

/// What listeners and connections of all transports have in common.
pub(super) fn prepare(socket: &Socket, address: SocketAddr, dscp: u8) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    // The code point is the upper six bits of the field (RFC 2474 §3).
    let field = u32::from(dscp & 63) << 2;
    if address.is_ipv4() {
        socket.set_tos_v4(field)?;
    } else {
        socket.set_only_v6(true)?;
        socket.set_tclass_v6(field)?;
    }
    Ok(())
}

/// What the system's error means for a message.
pub(super) fn failure(error: &io::Error) -> TransportFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => TransportFailure::Refused,
        io::ErrorKind::TimedOut => TransportFailure::TimedOut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable => {
            TransportFailure::Unreachable
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::WriteZero => TransportFailure::Closed,
        _ if error.raw_os_error() == Some(EMSGSIZE) => TransportFailure::TooLong,
        _ => TransportFailure::System,
    }
}

/// Linux: the message is longer than a datagram or the path's MTU.
const EMSGSIZE: i32 = 90;

/// What phones send to keep a NAT's binding: line ends, zeros or nothing (RFC 6263 §4.1, RFC 5626 §3.5.1).
fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram.len() <= 8 && datagram.iter().all(|octet| matches!(octet, b'\r' | b'\n' | b' ' | 0))
}

/// The address from which the host reaches the world, as its routes say; nothing is sent. `None` without a route.
pub(super) fn outward_address(ipv4: bool) -> Option<std::net::IpAddr> {
    // Addresses of documentation (RFC 5737, RFC 3849): no host has them, the default route covers them.
    let (any, far): (SocketAddr, SocketAddr) = match ipv4 {
        true => (([0, 0, 0, 0], 0).into(), ([192, 0, 2, 1], 9).into()),
        false => ((std::net::Ipv6Addr::UNSPECIFIED, 0).into(), (FAR_IPV6, 9).into()),
    };
    let socket = std::net::UdpSocket::bind(any).ok()?;
    socket.connect(far).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified()).then_some(address)
}

const FAR_IPV6: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alives_are_known() {
        for datagram in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b" "] {
            assert!(is_keep_alive(datagram), "{datagram:?}");
        }
        assert!(!is_keep_alive(b"OPTIONS"));
        assert!(!is_keep_alive(&[b'\n'; 9]));
    }

    #[tokio::test]
    async fn what_is_longer_than_a_datagram_is_not_sent() {
        let udp = Udp::bind("127.0.0.1:0".parse().unwrap(), 24, false).unwrap();
        let local = udp.local().unwrap();
        let long = vec![b'x'; UDP_PAYLOAD_OCTETS_MAX + 1];
        assert_eq!(udp.send(local, &long), Err(TransportFailure::TooLong));
        assert!(udp.send("127.0.0.1:0".parse().unwrap(), b"x").is_err());
    }

    #[tokio::test]
    async fn datagrams_are_marked() {
        let ipv4 = Udp::bind("127.0.0.1:0".parse().unwrap(), 24, false).unwrap();
        assert_eq!(SockRef::from(&ipv4.socket).tos_v4().unwrap(), 0x60);
        let ipv6 = Udp::bind("[::1]:0".parse().unwrap(), 46, false).unwrap();
        assert_eq!(SockRef::from(&ipv6.socket).tclass_v6().unwrap(), 0xb8);
    }
}
