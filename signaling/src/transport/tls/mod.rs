//! SIP over TLS (RFC 3261 §26.3.1, RFC 5922): handshakes over the connections of TCP, and who their ends are.

mod by_name;
mod config;
mod identity;
#[cfg(test)]
pub(super) mod tests;
mod verify;

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::flow::TransportFailure;
use super::kind::Kind;
use super::listener::ListenerConfig;
use super::policy::SharedPolicy;
use super::socket::Socket;
use super::streams::{Opened, Opening, Streams};
use super::tcp::{Tcp, connect, tune};

pub use config::{ClientCertificates, Credentials, TlsConfig, TlsError, TlsMaterial, TrunkTls};

/// TLS.
pub(super) const KIND: Kind = Kind {
    name: "TLS",
    parameter: "tls",
    uri_parameter: "tls",
    default_port: 5061,
    naptr: Some("SIPS+D2T"),
    srv: Some("_sips._tcp"),
    is_reliable: true,
    is_secure: true,
    is_opened: true,
    bind,
};

fn bind(config: &ListenerConfig, shared: bool) -> io::Result<Socket> {
    let handshakes = Handshakes::of(config)?;
    let tcp = Tcp::bind(config.bind, config.dscp, shared)?;
    Ok(Socket::Streams(Box::new(Tls { tcp, handshakes })))
}

/// One listening socket.
#[derive(Debug)]
struct Tls {
    tcp: Tcp,
    handshakes: Handshakes,
}

impl Streams for Tls {
    fn local(&self) -> io::Result<SocketAddr> {
        self.tcp.local()
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.tcp.poll_accept(context)
    }

    fn accept(&self, connection: TcpStream) -> Opening {
        let handshakes = self.handshakes.clone();
        Box::pin(async move {
            let (stream, domains) = handshakes.accept(connection).await?;
            Ok(Opened { domains, ..Opened::octets(stream) })
        })
    }

    fn open(&self, local: SocketAddr, remote: SocketAddr, trunk: Option<&str>) -> Opening {
        let policy = self.handshakes.policy.load();
        let client = trunk.and_then(|trunk| policy.tls.trunk(trunk)).cloned();
        let (dscp, trunk) = (self.tcp.dscp(), trunk.map(str::to_owned));
        Box::pin(async move {
            // Whom a certificate should be of is known of trunks alone (RFC 5922 §7.3).
            let Some(client) = client else { return Err(TransportFailure::Untrusted) };
            let connection = connect(local, remote, dscp).await?;
            match TlsConnector::from(client.config).connect(client.domain, connection).await {
                Ok(stream) => {
                    let domains = domains(stream.get_ref().1.peer_certificates());
                    Ok(Opened { domains, ..Opened::octets(stream) })
                }
                Err(error) => {
                    tracing::warn!(trunk, %remote, %error, "no TLS connection to a trunk");
                    Err(TransportFailure::Untrusted)
                }
            }
        })
    }
}

/// Handshakes with peers that open connections.
#[derive(Clone, Debug)]
pub(super) struct Handshakes {
    policy: SharedPolicy,
    clients: ClientCertificates,
}

impl Handshakes {
    /// Those of a listener.
    pub(super) fn of(config: &ListenerConfig) -> io::Result<Handshakes> {
        let clients = config.client_certificates;
        let lacking = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what.to_owned());
        let policy = config.policy.clone().ok_or_else(|| lacking("there is no certificate"))?;
        match policy.load().tls.server(clients) {
            Some(_) => {}
            None if clients == ClientCertificates::Never => return Err(lacking("there is no certificate")),
            None => return Err(lacking("there is no authority to judge clients' certificates by")),
        }
        Ok(Handshakes { policy, clients })
    }

    /// Shakes hands; the domains that the peer has proven to be of. What is in force now holds for this connection to its end.
    pub(super) async fn accept(
        &self,
        connection: TcpStream,
    ) -> Result<(tokio_rustls::server::TlsStream<TcpStream>, Vec<Box<str>>), TransportFailure> {
        tune(&connection);
        let config = self.policy.load().tls.server(self.clients).cloned();
        let config = config.ok_or(TransportFailure::Untrusted)?;
        let stream = TlsAcceptor::from(config).accept(connection).await.map_err(|error| {
            tracing::debug!(%error, "a TLS handshake failed");
            TransportFailure::Untrusted
        })?;
        let domains = domains(stream.get_ref().1.peer_certificates());
        Ok((stream, domains))
    }
}

/// The domains of the first of a peer's certificates, which it has proven to have the key of.
fn domains(certificates: Option<&[CertificateDer<'static>]>) -> Vec<Box<str>> {
    certificates.and_then(<[_]>::first).map(identity::domains).unwrap_or_default()
}
