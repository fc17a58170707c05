//! A connection that carries SIP both ways, in clear or by TLS, messages cut by Content-Length (RFC 3261 §18.3).

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};
use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a handshake of our own may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What a connection may hold of what the kernel has not taken: a second of 20,000 messages.
const UNSENT_MAX: usize = 16 << 20;

/// A connection; of TLS after, or on the server's side during, its handshake.
#[derive(Debug)]
pub struct Stream {
    socket: mio::net::TcpStream,
    /// `None`: in clear.
    tls: Option<Connection>,
    peer: SocketAddr,
    received: Vec<u8>,
    /// What the kernel has not taken yet, in clear.
    unsent: Vec<u8>,
}

impl Stream {
    /// Opens one from `local`, and shakes hands where somebody vouches for the server: `authority`.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn connect(local: SocketAddr, server: SocketAddr, authority: Option<&Path>) -> Result<Stream, String> {
        let failed = |error: io::Error| format!("{server}: {error}");
        let mut stream = connected(local, server).map_err(failed)?;
        let tls = match authority {
            None => None,
            Some(authority) => {
                let config = client(authority)?;
                let name = ServerName::from(server.ip());
                let mut tls = ClientConnection::new(config, name).map_err(|error| error.to_string())?;
                stream.set_read_timeout(Some(HANDSHAKE)).map_err(failed)?;
                while tls.is_handshaking() {
                    tls.complete_io(&mut stream).map_err(failed)?;
                }
                Some(Connection::Client(tls))
            }
        };
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_nonblocking(true).map_err(failed)?;
        Ok(Stream::new(mio::net::TcpStream::from_std(stream), tls, server))
    }

    fn new(socket: mio::net::TcpStream, tls: Option<Connection>, peer: SocketAddr) -> Stream {
        Stream { socket, tls, peer, received: Vec::new(), unsent: Vec::new() }
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
            let more = self.read();
            self.flush().ok()?;
            if !more {
                return None;
            }
        }
    }

    /// Reads what has come. False: nothing has.
    fn read(&mut self) -> bool {
        let mut piece = [0; 16_384];
        let Some(tls) = &mut self.tls else {
            let Ok(octets @ 1..) = self.socket.read(&mut piece) else { return false };
            self.received.extend_from_slice(&piece[..octets]);
            return true;
        };
        if !matches!(tls.read_tls(&mut self.socket), Ok(1..)) || tls.process_new_packets().is_err() {
            return false;
        }
        while let Ok(octets @ 1..) = tls.reader().read(&mut piece) {
            self.received.extend_from_slice(&piece[..octets]);
        }
        true
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The kernel's, or that the peer takes nothing.
    pub fn send(&mut self, text: &str) -> io::Result<()> {
        // The machines write as over UDP: Via names the transport in requests (responses echo it).
        let via = if self.tls.is_some() { "SIP/2.0/TLS " } else { "SIP/2.0/TCP " };
        let text = match text.starts_with("SIP/") {
            true => Cow::Borrowed(text),
            false => Cow::Owned(text.replacen("SIP/2.0/UDP ", via, 1)),
        };
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(text.as_bytes())?,
            None if self.unsent.len() + text.len() > UNSENT_MAX => return Err(io::ErrorKind::WouldBlock.into()),
            None => self.unsent.extend_from_slice(text.as_bytes()),
        }
        self.flush()
    }

    /// What the kernel does not take goes with the next message.
    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(taken) => drop(self.unsent.drain(..taken)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        let Some(tls) = &mut self.tls else { return Ok(()) };
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
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
    /// `None`: in clear.
    config: Option<Arc<ServerConfig>>,
    /// Those that are open.
    pub streams: Vec<Stream>,
}

impl Listening {
    /// Listens, with that certificate and its key; without, in clear.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn new(address: SocketAddr, certificate: Option<(&Path, &Path)>) -> Result<Listening, String> {
        let config = certificate.map(|(certificate, key)| server(certificate, key)).transpose()?;
        let listener = mio::net::TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))?;
        Ok(Listening { listener, config, streams: Vec::new() })
    }

    /// What is watched.
    pub fn socket(&mut self) -> &mut mio::net::TcpListener {
        &mut self.listener
    }

    /// The next connection, to be watched.
    pub fn accept(&mut self) -> Option<&mut Stream> {
        let (socket, peer) = self.listener.accept().ok()?;
        let _ = socket.set_nodelay(true);
        let tls = match &self.config {
            Some(config) => Some(Connection::Server(ServerConnection::new(Arc::clone(config)).ok()?)),
            None => None,
        };
        self.streams.push(Stream::new(socket, tls, peer));
        self.streams.last_mut()
    }
}

/// A server with that certificate and its key.
fn server(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let chain = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| error.to_string())?;
    Ok(Arc::new(config))
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
