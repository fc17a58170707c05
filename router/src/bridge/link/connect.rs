//! Connections that are made: listened for, dialled, their handshakes, and how long a peer may take for it.

use super::{Connection, Input, Security, told};
use crate::address::PlatformId;
use crate::bridge::LinkId;
use crate::bridge::tls::platform_of;
use crate::limits::HELLO_WITHIN_MS;
use crate::time::Duration;
use rustls::pki_types::{CertificateDer, ServerName};
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How long a listening socket rests after it failed (no file descriptor is left).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A listening socket for links. Without TLS, on a loopback address only.
pub fn listen(address: SocketAddr, security: &Security) -> io::Result<TcpListener> {
    if matches!(security, Security::Plain) && !address.ip().is_loopback() {
        return Err(plain_is_for_loopback());
    }
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn plain_is_for_loopback() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "links without TLS are for loopback addresses only")
}

/// Accepts connections, and has their handshakes made.
pub(super) async fn accept(
    listener: tokio::net::TcpListener,
    security: Security,
    sender: mpsc::Sender<Input>,
    handshakes: Arc<Semaphore>,
) {
    let mut under_way = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no link is accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        while under_way.try_join_next().is_some() {}
        let (security, sender) = (security.clone(), sender.clone());
        under_way.spawn(async move {
            let input = match within(handshake(stream, remote, &security)).await {
                Ok(connection) => Input::Accepted(connection, remote),
                Err(error) => Input::Refused(remote, told(&error)),
            };
            let _ = sender.send(input).await;
            drop(permit);
        });
    }
}

/// Bounds what a peer may delay.
async fn within<T>(attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection came about in time");
    tokio::time::timeout(Duration::from_millis(HELLO_WITHIN_MS), attempt).await.map_err(late)?
}

/// The side that was dialled.
async fn handshake(stream: TcpStream, remote: SocketAddr, security: &Security) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    match security {
        Security::Plain if remote.ip().is_loopback() => Ok(Connection { stream: Box::new(stream), identity: None }),
        Security::Plain => Err(plain_is_for_loopback()),
        Security::Tls(tls) => {
            let acceptor = TlsAcceptor::from(Arc::clone(&tls.load().server));
            let stream = acceptor.accept(stream).await?;
            let identity = identity(stream.get_ref().1.peer_certificates())?;
            Ok(Connection { stream: Box::new(stream), identity: Some(identity) })
        }
    }
}

/// The side that dials.
pub(super) async fn dial(id: LinkId, address: String, security: Security, sender: mpsc::Sender<Input>) {
    let input = match within(connect(&address, &security)).await {
        Ok(connection) => Input::Connected(id, connection),
        Err(error) => Input::Unreached(id, told(&error)),
    };
    let _ = sender.send(input).await;
}

async fn connect(address: &str, security: &Security) -> io::Result<Connection> {
    let tls = match security {
        Security::Plain => {
            let stream = connect_to_loopback(address).await?;
            stream.set_nodelay(true)?;
            return Ok(Connection { stream: Box::new(stream), identity: None });
        }
        Security::Tls(tls) => tls.load_full(),
    };
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // What the certificate must name is known only once the peer has said hello.
    let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
    let stream = TlsConnector::from(Arc::clone(&tls.client)).connect(name, stream).await?;
    let identity = identity(stream.get_ref().1.peer_certificates())?;
    Ok(Connection { stream: Box::new(stream), identity: Some(identity) })
}

async fn connect_to_loopback(address: &str) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host(address).await?.find(|address| address.ip().is_loopback());
    TcpStream::connect(found.ok_or_else(plain_is_for_loopback)?).await
}

/// The platform that the peer's certificate names.
fn identity(certificates: Option<&[CertificateDer<'_>]>) -> io::Result<PlatformId> {
    let platform = certificates.and_then(|certificates| platform_of(certificates.first()?));
    let nameless = "the peer's certificate names no platform (a URI tandem:platform:… among its alternative names)";
    platform.ok_or_else(|| io::Error::new(io::ErrorKind::PermissionDenied, nameless))
}
