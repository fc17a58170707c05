//! Connections that are dialled, handshakes, and how long a peer may take for it.

use super::hosts::Hosts;
use super::{Connection, Input, Security, plain_is_for_loopback, told};
use crate::bridge::tls::identity_of;
use crate::bridge::{Identity, LinkId};
use crate::limits::HELLO_WITHIN_MS;
use crate::time::Duration;
use rustls::pki_types::{CertificateDer, ServerName};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Bounds what a peer may delay.
pub(super) async fn within<T>(attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection came about in time");
    tokio::time::timeout(Duration::from_millis(HELLO_WITHIN_MS), attempt).await.map_err(late)?
}

/// The side that was dialled.
pub(super) async fn handshake(stream: TcpStream, remote: SocketAddr, security: &Security) -> io::Result<Connection> {
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
pub(super) async fn dial(
    id: LinkId,
    address: String,
    security: Security,
    hosts: Arc<Hosts>,
    sender: mpsc::Sender<Input>,
) {
    let input = match within(connect(&address, &security, &hosts)).await {
        Ok(connection) => Input::Connected(id, connection),
        Err(error) => Input::Unreached(id, told(&error)),
    };
    let _ = sender.send(input).await;
}

async fn connect(address: &str, security: &Security, hosts: &Hosts) -> io::Result<Connection> {
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
    let host = stream.peer_addr()?.ip();
    // What the certificate must name is known only once the peer has said hello.
    let name = ServerName::IpAddress(host.into());
    let stream = TlsConnector::from(Arc::clone(&tls.client)).connect(name, stream).await?;
    let identity = identity(stream.get_ref().1.peer_certificates())?;
    hosts.note(host);
    Ok(Connection { stream: Box::new(stream), identity: Some(identity) })
}

async fn connect_to_loopback(address: &str) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host(address).await?.find(|address| address.ip().is_loopback());
    TcpStream::connect(found.ok_or_else(plain_is_for_loopback)?).await
}

/// The platform that the peer's certificate names.
fn identity(certificates: Option<&[CertificateDer<'_>]>) -> io::Result<Identity> {
    let platform = certificates.and_then(|certificates| identity_of(certificates.first()?));
    let nameless = "the peer's certificate names no platform (a URI tandem:platform:… among its alternative names)";
    platform.ok_or_else(|| io::Error::new(io::ErrorKind::PermissionDenied, nameless))
}
