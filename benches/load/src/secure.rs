//! A TLS connection that carries SIP both ways, messages cut by Content-Length (RFC 3261 §18.3).

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a handshake of our own may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// A connection after, or on the server's side during, its handshake.
#[derive(Debug)]
pub struct Secure {
    socket: mio::net::TcpStream,
    tls: Connection,
    peer: SocketAddr,
    received: Vec<u8>,
}

impl Secure {
    /// Opens one from `local` and shakes hands.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn connect(local: SocketAddr, server: SocketAddr, authority: &Path) -> Result<Secure, String> {
        let failed = |error: io::Error| format!("{server}: {error}");
        let config = client(authority)?;
        let name = ServerName::from(server.ip());
        let mut tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
        let mut stream = connected(local, server).map_err(failed)?;
        stream.set_read_timeout(Some(HANDSHAKE)).map_err(failed)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).map_err(failed)?;
        }
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_nonblocking(true).map_err(failed)?;
        let socket = mio::net::TcpStream::from_std(stream);
        Ok(Secure { socket, tls: Connection::Client(tls), peer: server, received: Vec::new() })
    }

    /// What is watched.
    pub fn socket(&mut self) -> &mut mio::net::TcpStream {
        &mut self.socket
    }

    /// Who it leads to.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The next message, as far as it has come.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        loop {
            if let Some(length) = whole(&self.received) {
                let taken = length.min(buffer.len());
                buffer[..taken].copy_from_slice(&self.received[..taken]);
                self.received.drain(..length);
                return Some((taken, self.peer));
            }
            match self.tls.read_tls(&mut self.socket) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
            self.tls.process_new_packets().ok()?;
            let mut piece = [0; 16_384];
            while let Ok(octets @ 1..) = self.tls.reader().read(&mut piece) {
                self.received.extend_from_slice(&piece[..octets]);
            }
            self.flush().ok()?;
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The kernel's.
    pub fn send(&mut self, text: &str) -> io::Result<()> {
        // The machines write as over UDP: Via names the transport in requests (responses echo it).
        match text.starts_with("SIP/") {
            true => self.tls.writer().write_all(text.as_bytes())?,
            false => self.tls.writer().write_all(text.replacen("SIP/2.0/UDP ", "SIP/2.0/TLS ", 1).as_bytes())?,
        }
        self.flush()
    }

    /// What the kernel does not take goes with the next message.
    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A listener for the connections that the server opens.
#[derive(Debug)]
pub struct Listening {
    listener: mio::net::TcpListener,
    config: Arc<ServerConfig>,
    /// Those that are open.
    pub streams: Vec<Secure>,
}

impl Listening {
    /// Listens, with that certificate and its key.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn new(address: SocketAddr, certificate: &Path, key: &Path) -> Result<Listening, String> {
        let chain = certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| error.to_string())?;
        let listener = mio::net::TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))?;
        Ok(Listening { listener, config: Arc::new(config), streams: Vec::new() })
    }

    /// What is watched.
    pub fn socket(&mut self) -> &mut mio::net::TcpListener {
        &mut self.listener
    }

    /// The next connection, to be watched.
    pub fn accept(&mut self) -> Option<&mut Secure> {
        let (socket, peer) = self.listener.accept().ok()?;
        let _ = socket.set_nodelay(true);
        let tls = Connection::Server(ServerConnection::new(Arc::clone(&self.config)).ok()?);
        self.streams.push(Secure { socket, tls, peer, received: Vec::new() });
        self.streams.last_mut()
    }
}

/// A client that believes what `authority` has signed.
///
/// # Errors
/// A sentence for the user.
pub fn client(authority: &Path) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", authority.display()))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    all.map_err(|error| format!("{}: {error}", file.display()))
}

/// A connection from that very address.
fn connected(local: SocketAddr, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(server), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&local.into())?;
    socket.connect(&server.into())?;
    Ok(socket.into())
}

/// Octets of the message at the front, once it is whole.
fn whole(octets: &[u8]) -> Option<usize> {
    let head = octets.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&octets[..head]).ok()?;
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.trim().eq_ignore_ascii_case("Content-Length") || name.trim().eq_ignore_ascii_case("l");
        is_it.then(|| value.trim().parse::<usize>().ok()).flatten()
    };
    let length = head + text.split("\r\n").find_map(field).unwrap_or(0);
    (octets.len() >= length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn messages_are_cut_by_their_length() {
        let text = b"SIP/2.0 200 OK\r\nl: 4\r\n\r\nbodySIP/2.0";
        assert_eq!(whole(text), Some(text.len() - 7));
        assert_eq!(whole(&text[..27]), None);
        assert_eq!(whole(b"BYE x SIP/2.0\r\n\r\n"), Some(17));
        assert_eq!(whole(b"BYE x SIP/2.0\r\n"), None);
    }
}
