//! UDP sockets: datagrams in bounded batches, datagrams out at once.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::task::{Context, Poll};

use libc::{EADDRNOTAVAIL, EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use socket2::{Domain, Protocol, SockRef, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::flow::TransportFailure;
use super::kind::Kind;
use super::limits::{DATAGRAMS_PER_TURN, UDP_PAYLOAD_OCTETS_MAX, UDP_RECEIVE_BUFFER};
use super::listener::ListenerConfig;
use super::packet_info;
use super::socket::Socket;

/// UDP.
pub(super) const KIND: Kind = Kind {
    name: "UDP",
    parameter: "udp",
    uri_parameter: "udp",
    default_port: 5060,
    naptr: Some("SIP+D2U"),
    srv: Some("_sip._udp"),
    is_reliable: false,
    is_secure: false,
    is_opened: true,
    bind,
};

fn bind(config: &ListenerConfig, shared: bool) -> io::Result<Socket> {
    let udp = Udp::bind(config.bind, config.dscp, shared)?;
    if let Some(granted) = udp.granted_less() {
        tracing::warn!(
            listener = %udp.local()?,
            granted,
            asked = UDP_RECEIVE_BUFFER,
            "a small receive buffer: bursts may overflow it; raise net.core.rmem_max"
        );
    }
    Ok(Socket::Datagrams(udp))
}

/// One bound UDP socket.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    /// Whether it is bound to every address: then the kernel says of each datagram to which one it came, and is told from which
    /// one to send.
    everywhere: bool,
    /// What the kernel granted as receive buffer, in octets as it counts them.
    receive_buffer: usize,
    /// Datagrams that it had dropped when it was last asked.
    overflowed: Cell<u64>,
}

/// What became of a datagram that was given to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// It took it.
    Sent,
    /// It had no room for it.
    Lost,
}

impl Udp {
    /// Binds it; `shared`: with those of other shards.
    pub(super) fn bind(address: SocketAddr, dscp: u8, shared: bool) -> io::Result<Udp> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        prepare(&socket, address, dscp)?;
        socket.set_reuse_port(shared)?;
        // Beyond net.core.rmem_max it takes CAP_NET_ADMIN. A smaller buffer is no reason not to serve.
        if set_socket_recv_buffer_size_force(&socket, UDP_RECEIVE_BUFFER).is_err() {
            let _ = socket.set_recv_buffer_size(UDP_RECEIVE_BUFFER);
        }
        let receive_buffer = socket.recv_buffer_size()?;
        let everywhere = address.ip().is_unspecified();
        if everywhere {
            packet_info::enable(&socket, address.is_ipv4())?;
        }
        socket.bind(&address.into())?;
        Ok(Udp { socket: UdpSocket::from_std(socket.into())?, everywhere, receive_buffer, overflowed: Cell::new(0) })
    }

    /// The octets of the receive buffer that the kernel granted, where they are fewer than were asked for.
    pub(super) fn granted_less(&self) -> Option<usize> {
        // It grants twice what it is asked for, as half of it is its own bookkeeping (socket(7)).
        Some(self.receive_buffer / 2).filter(|&granted| granted < UDP_RECEIVE_BUFFER)
    }

    /// Datagrams that the kernel dropped since the socket was opened. It counts modulo 2³², and is asked more often than it can lose
    /// as many.
    pub(super) fn overflowed(&self) -> u64 {
        if let Some(lost) = packet_info::dropped(&self.socket) {
            let all = self.overflowed.get();
            self.overflowed.set(all + u64::from(lost.wrapping_sub(all as u32)));
        }
        self.overflowed.get()
    }

    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_recv_ready(context).map(|_| ())
    }

    /// Takes a batch of datagrams, each with its source and, on a socket for every address, the one that it came to. True if
    /// more may wait.
    pub(super) fn receive(&self, buffer: &mut [u8], mut take: impl FnMut(SocketAddr, Option<IpAddr>, &[u8])) -> bool {
        for _ in 0..DATAGRAMS_PER_TURN {
            let received = match self.everywhere {
                false => self.socket.try_recv_from(buffer).map(|(length, source)| (length, source, None)),
                true => {
                    let socket = self.socket.as_raw_fd();
                    self.socket.try_io(Interest::READABLE, || packet_info::receive(socket, buffer))
                }
            };
            match received {
                Ok((length, source, local)) if !is_keep_alive(&buffer[..length]) => {
                    take(source, local, &buffer[..length]);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                // The word of a router about something sent earlier: no business of what is received.
                Err(error) => tracing::trace!(%error, "receiving a datagram"),
            }
        }
        true
    }

    /// Sends a datagram, from that address of ours where the socket is for every one. A full socket buffer loses it, as the
    /// network may: the transaction sends again.
    pub(super) fn send(
        &self,
        remote: SocketAddr,
        local: Option<IpAddr>,
        bytes: &[u8],
    ) -> Result<Given, TransportFailure> {
        if bytes.len() > UDP_PAYLOAD_OCTETS_MAX {
            return Err(TransportFailure::TooLong);
        }
        // Past the runtime, which would not try before it has once seen the socket writable.
        let socket = || SockRef::from(&self.socket);
        let anyhow = || socket().send_to(bytes, &remote.into()).map(|_| ());
        let local = local.filter(|local| self.everywhere && local.is_ipv4() == remote.is_ipv4());
        let sent = match local {
            None => anyhow(),
            Some(local) => match packet_info::send(socket(), bytes, remote, local) {
                // The host has that address no longer, or no way from it: what a flow of yesterday may say.
                Err(error) if matches!(error.raw_os_error(), Some(EINVAL | EADDRNOTAVAIL | ENETUNREACH)) => anyhow(),
                sent => sent,
            },
        };
        match sent {
            Ok(()) => Ok(Given::Sent),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Given::Lost),
                // The word of a peer about an earlier one: it is taken off the socket, and this one did not leave.
                io::ErrorKind::ConnectionRefused => Ok(Given::Lost),
                _ if error.raw_os_error() == Some(ENOBUFS) => Ok(Given::Lost),
                _ => Err(failure(&error)),
            },
        }
    }
}

/// What listeners and connections of all transports have in common.
pub(super) fn prepare(socket: &socket2::Socket, address: SocketAddr, dscp: u8) -> io::Result<()> {
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

/// What phones send to keep a NAT's binding: line ends, zeros or nothing (RFC 6263 §4.1, RFC 5626 §3.5.1).
fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram.len() <= 8 && datagram.iter().all(|octet| matches!(octet, b'\r' | b'\n' | b' ' | 0))
}

/// The address from which the host reaches the world, as its routes say; nothing is sent. `None` without a route.
pub(super) fn outward_address(ipv4: bool) -> Option<IpAddr> {
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
        assert_eq!(udp.send(local, None, &long), Err(TransportFailure::TooLong));
        assert!(udp.send("127.0.0.1:0".parse().unwrap(), None, b"x").is_err());
    }

    #[tokio::test]
    async fn what_is_lost_is_counted_however_little_was_left() {
        let udp = Udp::bind("127.0.0.1:0".parse().unwrap(), 24, false).unwrap();
        // The least that the kernel grants holds a few datagrams, far from a batch.
        SockRef::from(&udp.socket).set_recv_buffer_size(1).unwrap();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let given = DATAGRAMS_PER_TURN as u64 / 2;
        for _ in 0..given {
            peer.send_to(b"OPTIONS sip:h SIP/2.0", udp.local().unwrap()).unwrap();
        }
        udp.socket.readable().await.unwrap();
        let mut received = 0;
        assert!(!udp.receive(&mut [0; 100], |_, _, _| received += 1), "not a whole batch");
        assert!(udp.overflowed() > 0);
        assert_eq!(udp.overflowed() + received, given, "asked twice, counted once");
    }

    #[tokio::test]
    async fn datagrams_are_marked() {
        let ipv4 = Udp::bind("127.0.0.1:0".parse().unwrap(), 24, false).unwrap();
        assert_eq!(SockRef::from(&ipv4.socket).tos_v4().unwrap(), 0x60);
        let ipv6 = Udp::bind("[::1]:0".parse().unwrap(), 46, false).unwrap();
        assert_eq!(SockRef::from(&ipv6.socket).tclass_v6().unwrap(), 0xb8);
    }
}
