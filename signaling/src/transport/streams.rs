//! What a stream transport is: it listens, and makes streams of connections, its peers' and its own.
//!
//! All of them are over TCP (RFC 3261 §18, RFC 5246 for TLS, RFC 7118 for WebSocket). What comes out is octets that
//! [`Framer`](super::Framer) cuts into messages, so a transport that has frames of its own takes them off and puts them on here.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::flow::TransportFailure;

/// What messages go over, both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream that is being made.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, TransportFailure>> + Send>>;

/// A listener of a stream transport.
pub(super) trait Streams: fmt::Debug + Send {
    /// The bound address.
    fn local(&self) -> io::Result<SocketAddr>;

    /// The next connection that a peer opened.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>>;

    /// The stream over a connection that a peer opened.
    fn accept(&self, connection: TcpStream) -> Opening;

    /// A stream to a peer, from the address of the listener.
    fn open(&self, local: SocketAddr, remote: SocketAddr) -> Opening;
}
