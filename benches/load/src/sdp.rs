//! Session descriptions: one audio stream of G.711 and telephone events (RFC 8866, RFC 3264).

use smallvec::SmallVec;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// Which of the two G.711 laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// µ-law, payload type 0.
    Pcmu,
    /// A-law, payload type 8.
    Pcma,
}

impl Codec {
    /// Its static payload type (RFC 3551 §6).
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }
}

/// Who sends, as the side that wrote it sees it (RFC 8866 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    SendReceive,
    /// The writer alone.
    SendOnly,
    /// The reader alone.
    ReceiveOnly,
    /// Nobody.
    Inactive,
}

impl Direction {
    /// What answers it (RFC 3264 §6.1).
    pub fn answer(self) -> Direction {
        match self {
            Direction::SendOnly => Direction::ReceiveOnly,
            Direction::ReceiveOnly => Direction::SendOnly,
            other => other,
        }
    }

    fn attribute(self) -> &'static str {
        match self {
            Direction::SendReceive => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::ReceiveOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    fn from_attribute(text: &str) -> Option<Direction> {
        [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive]
            .into_iter()
            .find(|direction| direction.attribute() == text)
    }
}

/// The first audio stream of a description.
#[derive(Debug, PartialEq, Eq)]
pub struct Audio {
    /// Where its writer wants to receive.
    pub address: SocketAddr,
    /// Payload types, most wanted first.
    pub formats: SmallVec<[u8; 8]>,
    /// Who sends.
    pub direction: Direction,
}

impl Audio {
    /// Reads a body. `None` where it has no audio stream that is in use.
    pub fn parse(body: &str) -> Option<Audio> {
        let (mut session_address, mut media_address) = (None, None);
        let mut direction = Direction::SendReceive;
        let mut stream: Option<(u16, SmallVec<[u8; 8]>)> = None;
        for line in body.lines().map(str::trim_end) {
            if line.starts_with("m=") && stream.is_some() {
                break;
            } else if let Some(media) = line.strip_prefix("m=audio ") {
                let mut words = media.split(' ');
                let port = words.next()?.split('/').next()?.parse().ok()?;
                stream = Some((port, words.skip(1).filter_map(|format| format.parse().ok()).collect()));
            } else if line.starts_with("m=") {
                media_address = None;
            } else if let Some(connection) = line.strip_prefix("c=IN IP4 ").or_else(|| line.strip_prefix("c=IN IP6 ")) {
                let address: Option<IpAddr> = connection.split(['/', ' ']).next().and_then(|a| a.parse().ok());
                match stream {
                    Some(_) => media_address = address,
                    None if session_address.is_none() => session_address = address,
                    None => {}
                }
            } else if let Some(found) = line.strip_prefix("a=").and_then(Direction::from_attribute) {
                direction = found;
            }
        }
        let (port, formats) = stream.filter(|(port, _)| *port != 0)?;
        Some(Audio { address: SocketAddr::new(media_address.or(session_address)?, port), formats, direction })
    }

    /// Where to send, if its writer wants to receive (`c=0.0.0.0` is the old way to say that it does not).
    pub fn target(&self) -> Option<SocketAddr> {
        let receives = matches!(self.direction, Direction::SendReceive | Direction::ReceiveOnly);
        (receives && !self.address.ip().is_unspecified()).then_some(self.address)
    }
}

/// Our description of one call.
#[derive(Debug, Clone, Copy)]
pub struct LocalSession {
    /// Where we receive.
    pub address: SocketAddr,
    /// What we send and want.
    pub codec: Codec,
    /// Who sends.
    pub direction: Direction,
    /// Raised with each change (RFC 3264 §8).
    pub version: u32,
}

impl LocalSession {
    /// A new description.
    pub fn new(address: SocketAddr, codec: Codec) -> LocalSession {
        LocalSession { address, codec, direction: Direction::SendReceive, version: 1 }
    }

    /// Takes the direction that answers an offer.
    pub fn answer(&mut self, offered: Direction) {
        if self.direction != offered.answer() {
            self.direction = offered.answer();
            self.version += 1;
        }
    }

    /// Its text.
    pub fn text(&self) -> String {
        let (ip, port) = (self.address.ip(), self.address.port());
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let (payload_type, name) = (self.codec.payload_type(), self.codec.name());
        let mut text = String::with_capacity(320);
        let _ = write!(
            text,
            "v=0\r\no=load {port} {} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {payload_type} 101\r\na=rtpmap:{payload_type} {name}/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na={}\r\n",
            self.version,
            self.direction.attribute()
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for address in ["127.0.0.1:20000", "[::1]:20002"] {
            let address: SocketAddr = address.parse().unwrap();
            let audio = Audio::parse(&LocalSession::new(address, Codec::Pcma).text()).unwrap();
            assert_eq!(audio.target(), Some(address));
            assert_eq!(audio.formats.as_slice(), [8, 101]);
        }
    }

    #[test]
    fn the_stream_of_the_audio_and_its_own_address_count() {
        let body = "v=0\r\nc=IN IP4 10.0.0.1\r\nm=video 9 RTP/AVP 96\r\nc=IN IP4 10.0.0.2\r\n\
            m=audio 4000 RTP/AVP 0 8\r\nc=IN IP4 10.0.0.3\r\na=sendonly\r\nm=audio 5000 RTP/AVP 9\r\na=inactive\r\n";
        let audio = Audio::parse(body).unwrap();
        assert_eq!(audio.address, "10.0.0.3:4000".parse().unwrap());
        assert_eq!(audio.direction, Direction::SendOnly);
        assert_eq!(audio.target(), None);
    }

    #[test]
    fn refused_held_and_broken_streams() {
        assert_eq!(Audio::parse("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 0 RTP/AVP 0\r\n"), None);
        assert_eq!(Audio::parse("m=audio 70000 RTP/AVP 0\r\n"), None);
        assert_eq!(Audio::parse("m=audio 7000 RTP/AVP 0\r\n"), None);
        let held = Audio::parse("c=IN IP4 0.0.0.0\r\nm=audio 7000 RTP/AVP 0\r\n").unwrap();
        assert_eq!(held.target(), None);
        let mut local = LocalSession::new(held.address, Codec::Pcmu);
        local.answer(Direction::SendOnly);
        local.answer(Direction::SendOnly);
        assert_eq!((local.direction, local.version), (Direction::ReceiveOnly, 2));
    }
}
