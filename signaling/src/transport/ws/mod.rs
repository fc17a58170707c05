//! SIP over WebSocket, plain and over TLS (RFC 7118): a browser opens a connection, and is reached by it alone.

mod frames;
mod opening;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::cutting::Cutting;
use super::flow::TransportFailure;
use super::kind::Kind;
use super::limits::UPGRADE_OCTETS_MAX;
use super::listener::ListenerConfig;
use super::policy::SharedPolicy;
use super::socket::Socket;
use super::streams::{Opened, Opening, Stream, Streams};
use super::tcp::{Tcp, tune};
use super::tls::Handshakes;
use super::udp::failure;

#[cfg(test)]
pub(super) use frames::masked;
pub use frames::{FrameFault, Frames, Sent, Taken};
pub use opening::{Verdict, judge};

/// WebSocket. URIs name it `ws`, with TLS or without (RFC 7118 §5.2.2).
pub(super) const KIND: Kind = Kind {
    name: "WS",
    parameter: "ws",
    uri_parameter: "ws",
    default_port: 80,
    naptr: None,
    srv: None,
    is_reliable: true,
    is_secure: false,
    is_opened: false,
    bind: bind_plain,
};

/// WebSocket over TLS.
pub(super) const SECURE_KIND: Kind = Kind {
    name: "WSS",
    parameter: "wss",
    uri_parameter: "ws",
    default_port: 443,
    naptr: None,
    srv: None,
    is_reliable: true,
    is_secure: true,
    is_opened: false,
    bind: bind_secure,
};

fn bind_plain(config: &ListenerConfig, shared: bool) -> io::Result<Socket> {
    let tcp = Tcp::bind(config.bind, config.dscp, shared)?;
    let policy = config.policy.clone().unwrap_or_default();
    Ok(Socket::Streams(Box::new(WebSocket { tcp, handshakes: None, policy })))
}

fn bind_secure(config: &ListenerConfig, shared: bool) -> io::Result<Socket> {
    let handshakes = Handshakes::of(config)?;
    let tcp = Tcp::bind(config.bind, config.dscp, shared)?;
    let policy = config.policy.clone().unwrap_or_default();
    Ok(Socket::Streams(Box::new(WebSocket { tcp, handshakes: Some(handshakes), policy })))
}

/// One listening socket.
#[derive(Debug)]
struct WebSocket {
    tcp: Tcp,
    /// Those of TLS, where there is TLS.
    handshakes: Option<Handshakes>,
    policy: SharedPolicy,
}

impl Streams for WebSocket {
    fn local(&self) -> io::Result<SocketAddr> {
        self.tcp.local()
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.tcp.poll_accept(context)
    }

    fn accept(&self, connection: TcpStream) -> Opening {
        let (handshakes, policy) = (self.handshakes.clone(), self.policy.clone());
        Box::pin(async move {
            match handshakes {
                Some(handshakes) => {
                    let (stream, domains) = handshakes.accept(connection).await?;
                    Ok(Opened { domains, ..upgrade(stream, &policy).await? })
                }
                None => {
                    tune(&connection);
                    upgrade(connection, &policy).await
                }
            }
        })
    }

    /// RFC 7118 §4.2: clients open connections, and keep them for what they are to get.
    fn open(&self, _: SocketAddr, _: SocketAddr, _: Option<&str>) -> Opening {
        Box::pin(std::future::ready(Err(TransportFailure::Unreachable)))
    }
}

/// Reads the request that opens the WebSocket, and answers it.
async fn upgrade(mut stream: impl Stream + 'static, policy: &SharedPolicy) -> Result<Opened, TransportFailure> {
    let mut read = Vec::new();
    let answer = loop {
        let mut piece = [0; 1_024];
        match stream.read(&mut piece).await {
            Ok(0) => return Err(TransportFailure::Closed),
            Ok(octets) => read.extend_from_slice(&piece[..octets]),
            Err(error) => return Err(failure(&error)),
        }
        match judge(&read, &policy.load().origins) {
            Verdict::Incomplete => {}
            Verdict::Open(length, answer) => {
                read.drain(..length);
                break Ok(answer);
            }
            Verdict::Refused(answer) => break Err(answer),
        }
    };
    let text = answer.as_ref().map_or_else(|refused| *refused, String::as_str);
    let written = async {
        stream.write_all(text.as_bytes()).await?;
        stream.flush().await
    };
    written.await.map_err(|error| failure(&error))?;
    if let Err(refused) = answer {
        tracing::debug!(answer = refused.lines().next(), "no WebSocket for SIP");
        let _ = stream.shutdown().await;
        return Err(TransportFailure::Refused);
    }
    let mut frames = Frames::default();
    frames.push(&read);
    Ok(Opened { cutting: Cutting::Frames(frames), ..Opened::octets(stream) })
}

const _: () = assert!(UPGRADE_OCTETS_MAX >= 1_024);
