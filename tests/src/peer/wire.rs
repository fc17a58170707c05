//! SIP by hand, over a datagram socket or a stream: what no well-behaved peer sends.

use super::wait::{self, PATIENCE};
use crate::phone::digest::Inputs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// Largest datagram that is taken.
const DATAGRAM: usize = 65_535;

/// A datagram socket that speaks SIP.
#[derive(Debug)]
pub struct Wire {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Wire {
    /// At `local`, towards `server`.
    pub fn new(local: SocketAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind(local).expect("a socket");
        Self { socket, server }
    }

    /// Where it is.
    pub fn local(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket has an address")
    }

    /// Sends `text` with CRLF for line ends.
    pub fn send(&self, text: &str) {
        let _ = self.socket.send_to(text.replace('\n', "\r\n").as_bytes(), self.server);
    }

    /// Sends octets as they are.
    pub fn send_bytes(&self, bytes: &[u8]) {
        let _ = self.socket.send_to(bytes, self.server);
    }

    /// The next message within `bound`.
    pub fn receive_within(&self, bound: Duration) -> Option<String> {
        let mut buffer = vec![0; DATAGRAM];
        self.socket.set_read_timeout(Some(bound.max(Duration::from_millis(1)))).expect("a time is set");
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    /// The next message for which `wanted` holds; those before it are passed over.
    pub fn receive(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = wait::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(wait::now());
            assert!(!left.is_zero(), "did not come: {what}");
            if let Some(message) = self.receive_within(left)
                && wanted(&message)
            {
                return message;
            }
        }
    }

    /// Registers this place as a phone of `user`, by digest.
    pub fn register(&self, user: &str, password: &str) {
        let more = "Expires: 600\n";
        self.send(&self.request("REGISTER", user, &format!("{user}1"), more, ""));
        let challenge = self.receive("a challenge", |message| status(message) == Some(401));
        let field = |name: &str| {
            let line = header(&challenge, "WWW-Authenticate").expect("a challenge has a header");
            let (_, rest) = line.split_once(&format!("{name}=\"")).expect("a challenge has its fields");
            rest.split('"').next().unwrap_or_default().to_owned()
        };
        let (realm, nonce, uri) = (field("realm"), field("nonce"), format!("sip:{user}@{}", self.server));
        let counted = Some(("00000001", "wire"));
        let inputs = Inputs {
            algorithm: "MD5",
            user,
            realm: &realm,
            password,
            method: "REGISTER",
            uri: &uri,
            nonce: &nonce,
            counted,
        };
        let response = inputs.response().expect("MD5 is known");
        let more = format!(
            "{more}Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"wire\"\n"
        );
        self.send(
            &self
                .request("REGISTER", user, &format!("{user}2"), &more, "")
                .replace("<sip:wire@", &format!("<sip:{user}@")),
        );
        self.receive("that it is registered", |message| status(message) == Some(200));
    }

    /// Answers a request with 200.
    pub fn accept(&self, request: &str) {
        let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
            .iter()
            .filter_map(|name| Some(format!("{name}: {}\n", header(request, name)?)))
            .collect();
        self.send(&format!("SIP/2.0 200 OK\n{copied}Content-Length: 0\n\n"));
    }

    /// A request with this method, towards `user`, with a branch and a Call-ID made of `id`.
    pub fn request(&self, method: &str, user: &str, id: &str, more: &str, body: &str) -> String {
        request(self.local(), self.server, "UDP", method, user, id, more, body)
    }
}

/// A request as a peer at `local` writes it; `more` are header lines that end in LF. All lines do;
/// sending makes CRLF of them.
#[expect(clippy::too_many_arguments, reason = "a request has so many parts")]
pub fn request(
    local: SocketAddr,
    server: SocketAddr,
    transport: &str,
    method: &str,
    user: &str,
    id: &str,
    more: &str,
    body: &str,
) -> String {
    let content = if body.is_empty() { String::new() } else { "Content-Type: application/sdp\n".to_owned() };
    format!(
        "{method} sip:{user}@{server} SIP/2.0\n\
         Via: SIP/2.0/{transport} {local};branch=z9hG4bK{id};rport\n\
         From: <sip:wire@{local}>;tag=t{id}\n\
         To: <sip:{user}@{server}>\n\
         Call-ID: {id}@wire\n\
         CSeq: 1 {method}\n\
         Contact: <sip:wire@{local}>\n\
         Max-Forwards: 70\n\
         {more}{content}Content-Length: {}\n\n{body}",
        // As it is sent: with CRLF.
        body.len() + body.matches('\n').count(),
    )
}

/// An offer of G.711 at `address`.
pub fn offer(address: SocketAddr) -> String {
    let (family, ip) = if address.is_ipv4() { ("IP4", address.ip()) } else { ("IP6", address.ip()) };
    format!("v=0\no=- 1 1 IN {family} {ip}\ns=-\nc=IN {family} {ip}\nt=0 0\nm=audio {} RTP/AVP 0 8\n", address.port())
}

/// The status of a response; `None` for a request.
pub fn status(message: &str) -> Option<u16> {
    message.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

/// The value of the first header of that name, as it is spelt.
pub fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.lines().take_while(|line| !line.trim().is_empty()).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A stream that speaks SIP.
#[derive(Debug)]
pub struct Stream {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Stream {
    /// Connects to `server`.
    pub fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&server, PATIENCE).expect("the server accepts a connection");
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a time is set");
        stream.set_write_timeout(Some(Duration::from_millis(200))).expect("a time is set");
        Self { stream, read: Vec::new() }
    }

    /// Where it is.
    pub fn local(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connection has an address")
    }

    /// Sends `text` with CRLF for line ends. False: the server takes no more, or has closed.
    pub fn send(&mut self, text: &str) -> bool {
        self.stream.write_all(text.replace('\n', "\r\n").as_bytes()).is_ok()
    }

    /// Sends octets as they are; false as above.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// What came so far, once it contains `wanted`.
    pub fn receive(&mut self, wanted: &str) -> String {
        wait::until(&format!("`{wanted}` over TCP"), || {
            let mut buffer = [0; 4096];
            if let Ok(length) = self.stream.read(&mut buffer) {
                self.read.extend_from_slice(&buffer[..length]);
            }
            let text = String::from_utf8_lossy(&self.read).into_owned();
            text.contains(wanted).then_some(text)
        })
    }

    /// Whether the server has closed, within `bound`.
    pub fn is_closed_within(&mut self, bound: Duration) -> bool {
        let closed = wait::within(bound, || {
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => Some(()),
                Ok(_) => None,
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    None
                }
                Err(_) => Some(()),
            }
        });
        closed.is_some()
    }
}
