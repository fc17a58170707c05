//! What a stream transport is: it listens, and makes streams of connections, its peers' and its own.
//!
//! All of them are over TCP (RFC 3261 §18, RFC 8446 for TLS, RFC 7118 for WebSocket). What comes out is octets, and how messages
//! are cut from them ([`Cutting`]).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::cutting::Cutting;
use super::flow::TransportFailure;
use super::framing::Framer;

/// What messages go over, both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream that is ready for messages.
pub(super) struct Opened {
    pub(super) stream: Box<dyn Stream>,
    /// How messages are cut from it; what was read already is in there.
    pub(super) cutting: Cutting,
    /// The domains that the peer has proven to be of.
    pub(super) domains: Vec<Box<str>>,
}

impl Opened {
    /// A stream cut by Content-Length, of a peer that has proven nothing.
    pub(super) fn octets(stream: impl Stream + 'static) -> Opened {
        Opened { stream: Box::new(stream), cutting: Cutting::Octets(Framer::new()), domains: Vec::new() }
    }
}

/// A stream that is being made.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Opened, TransportFailure>> + Send>>;

/// A listener of a stream transport.
pub(super) trait Streams: fmt::Debug + Send {
    /// The bound address.
    fn local(&self) -> io::Result<SocketAddr>;

    /// The next connection that a peer opened.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>>;

    /// The stream over a connection that a peer opened.
    fn accept(&self, connection: TcpStream) -> Opening;

    /// A stream to a peer, from the address of the listener; to the trunk of that name, where it is one.
    fn open(&self, local: SocketAddr, remote: SocketAddr, trunk: Option<&str>) -> Opening;
}
