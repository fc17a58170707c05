//! TCP: listening, and opening connections.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::flow::TransportFailure;
use super::kind::Kind;
use super::listener::ListenerConfig;
use super::socket::Socket;
use super::streams::{Opened, Opening, Streams};
use super::udp::{failure, prepare};
use router::time::Duration;

/// Connections that the kernel holds until they are accepted: a second of phones that all come back at once.
const BACKLOG: i32 = 1_024;

/// When to ask a silent peer whether it is still there, so that a connection through a NAT that forgot it ends.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// TCP.
pub(super) const KIND: Kind = Kind {
    name: "TCP",
    parameter: "tcp",
    uri_parameter: "tcp",
    default_port: 5060,
    naptr: Some("SIP+D2T"),
    srv: Some("_sip._tcp"),
    is_reliable: true,
    is_secure: false,
    is_opened: true,
    bind,
};

fn bind(config: &ListenerConfig, shared: bool) -> io::Result<Socket> {
    Ok(Socket::Streams(Box::new(Tcp::bind(config.bind, config.dscp, shared)?)))
}

/// One listening socket.
#[derive(Debug)]
pub(super) struct Tcp {
    listener: TcpListener,
    dscp: u8,
}

impl Tcp {
    /// Binds it and listens; `shared`: with those of other shards.
    pub(super) fn bind(address: SocketAddr, dscp: u8, shared: bool) -> io::Result<Tcp> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        prepare(&socket, address, dscp)?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(shared)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Tcp { listener: TcpListener::from_std(socket.into())?, dscp })
    }

    /// The code point of what is sent.
    pub(super) fn dscp(&self) -> u8 {
        self.dscp
    }
}

impl Streams for Tcp {
    fn local(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepted sockets inherit the code point.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.listener.poll_accept(context)
    }

    fn accept(&self, connection: TcpStream) -> Opening {
        tune(&connection);
        Box::pin(std::future::ready(Ok(Opened::octets(connection))))
    }

    fn open(&self, local: SocketAddr, remote: SocketAddr, _: Option<&str>) -> Opening {
        let dscp = self.dscp;
        Box::pin(async move { Ok(Opened::octets(connect(local, remote, dscp).await?)) })
    }
}

/// Opens a connection from the address of a listener, at a port of the system's choice.
pub(super) async fn connect(local: SocketAddr, remote: SocketAddr, dscp: u8) -> Result<TcpStream, TransportFailure> {
    let socket = outgoing(local, remote, dscp).map_err(|error| failure(&error))?;
    let stream = socket.connect(remote).await.map_err(|error| failure(&error))?;
    tune(&stream);
    Ok(stream)
}

fn outgoing(local: SocketAddr, remote: SocketAddr, dscp: u8) -> io::Result<TcpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(remote), Type::STREAM, Some(Protocol::TCP))?;
    prepare(&socket, remote, dscp)?;
    let stream: std::net::TcpStream = socket.into();
    let socket = TcpSocket::from_std_stream(stream);
    if !local.ip().is_unspecified() {
        socket.bind(SocketAddr::new(local.ip(), 0))?;
    }
    Ok(socket)
}

/// Small messages leave at once, and a peer that vanished is noticed.
pub(super) fn tune(stream: &TcpStream) {
    // Neither is a reason not to serve the connection.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE));
}
