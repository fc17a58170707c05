//! Session descriptions: one audio stream of one codec and telephone events (RFC 8866, RFC 3264), in the clear or with keys (RFC 4568).

use crate::srtp::Master;
use smallvec::SmallVec;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

/// What an end speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Codec {
    /// G.711, µ-law.
    #[value(alias = "0")]
    Pcmu,
    /// G.711, A-law.
    #[value(alias = "8")]
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus (RFC 7587).
    Opus,
}

impl Codec {
    /// All of them.
    pub const ALL: [Codec; 4] = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];

    /// Its payload type: static where it has one (RFC 3551 §6), else the first that is free, which servers that transcode to it give it, too.
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
            Codec::Opus => 96,
        }
    }

    /// Ticks of its RTP clock in a packet of 20 ms.
    pub fn packet_ticks(self) -> u32 {
        self.clock_rate_hz() / 50
    }

    /// Whether a packet's stamp in its samples comes through, transcoded to another such.
    pub fn carries_stamps(self) -> bool {
        matches!(self, Codec::Pcmu | Codec::Pcma)
    }

    fn clock_rate_hz(self) -> u32 {
        match self {
            // G.722's by a mistake that RFC 3551 §4.5.2 keeps.
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8_000,
            Codec::Opus => 48_000,
        }
    }

    /// The rest of its `rtpmap`.
    fn map(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU/8000",
            Codec::Pcma => "PCMA/8000",
            Codec::G722 => "G722/8000",
            Codec::Opus => "opus/48000/2",
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
    /// Whether it is sealed (RTP/SAVP).
    pub is_secure: bool,
    /// The key of what its writer sends.
    pub master: Option<Master>,
}

impl Audio {
    /// Reads a body. `None` where it has no audio stream that is in use.
    pub fn parse(body: &str) -> Option<Audio> {
        let (mut session_address, mut media_address) = (None, None);
        let mut direction = Direction::SendReceive;
        let (mut is_secure, mut master) = (false, None);
        let mut stream: Option<(u16, SmallVec<[u8; 8]>)> = None;
        for line in body.lines().map(str::trim_end) {
            if line.starts_with("m=") && stream.is_some() {
                break;
            } else if let Some(media) = line.strip_prefix("m=audio ") {
                let mut words = media.split(' ');
                let port = words.next()?.split('/').next()?.parse().ok()?;
                is_secure = words.next()? == "RTP/SAVP";
                stream = Some((port, words.filter_map(|format| format.parse().ok()).collect()));
            } else if line.starts_with("m=") {
                media_address = None;
            } else if let Some(connection) = line.strip_prefix("c=IN IP4 ").or_else(|| line.strip_prefix("c=IN IP6 ")) {
                let address: Option<IpAddr> = connection.split(['/', ' ']).next().and_then(|a| a.parse().ok());
                match stream {
                    Some(_) => media_address = address,
                    None if session_address.is_none() => session_address = address,
                    None => {}
                }
            } else if let Some(crypto) = line.strip_prefix("a=crypto:").filter(|_| stream.is_some() && master.is_none())
            {
                master = Master::parse(crypto);
            } else if let Some(found) = line.strip_prefix("a=").and_then(Direction::from_attribute) {
                direction = found;
            }
        }
        let (port, formats) = stream.filter(|(port, _)| *port != 0)?;
        let address = SocketAddr::new(media_address.or(session_address)?, port);
        Some(Audio { address, formats, direction, is_secure, master })
    }

    /// Whether it is as ours, both in the clear or both with keys.
    pub fn agrees(&self, local: &LocalSession) -> bool {
        match local.master {
            Some(_) => self.is_secure && self.master.is_some(),
            None => !self.is_secure,
        }
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
    /// The key of what we send; `None`: it goes in the clear.
    pub master: Option<Master>,
}

impl LocalSession {
    /// A new description.
    pub fn new(address: SocketAddr, codec: Codec) -> LocalSession {
        LocalSession { address, codec, direction: Direction::SendReceive, version: 1, master: None }
    }

    /// The same, sealed by a key.
    #[must_use]
    pub fn secured(self, master: Option<Master>) -> LocalSession {
        LocalSession { master, ..self }
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
        let (payload_type, map, clock) = (self.codec.payload_type(), self.codec.map(), self.codec.clock_rate_hz());
        let profile = if self.master.is_some() { "RTP/SAVP" } else { "RTP/AVP" };
        let mut text = String::with_capacity(400);
        let _ = write!(
            text,
            "v=0\r\no=load {port} {} IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
             m=audio {port} {profile} {payload_type} 101\r\na=rtpmap:{payload_type} {map}\r\n\
             a=rtpmap:101 telephone-event/{clock}\r\na=fmtp:101 0-15\r\na=ptime:20\r\na={}\r\n",
            self.version,
            self.direction.attribute()
        );
        if let Some(master) = self.master {
            master.write(&mut text);
        }
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
            for (codec, map) in [(Codec::Pcma, "8 PCMA/8000"), (Codec::Opus, "96 opus/48000/2")] {
                let text = LocalSession::new(address, codec).text();
                assert!(text.contains(&format!("a=rtpmap:{map}\r\n")), "{text}");
                let audio = Audio::parse(&text).unwrap();
                assert_eq!(audio.target(), Some(address));
                assert_eq!(audio.formats.as_slice(), [codec.payload_type(), 101]);
            }
        }
    }

    #[test]
    fn streams_with_keys_and_without_do_not_agree() {
        let plain = LocalSession::new("127.0.0.1:20000".parse().unwrap(), Codec::Pcmu);
        let secure = plain.secured(Some(Master::of_call(1, 2)));
        let (in_clear, sealed) = (Audio::parse(&plain.text()).unwrap(), Audio::parse(&secure.text()).unwrap());
        assert_eq!((sealed.master, in_clear.master), (secure.master, None));
        assert_eq!(sealed.formats, in_clear.formats);
        assert!(in_clear.agrees(&plain) && sealed.agrees(&secure));
        assert!(!in_clear.agrees(&secure) && !sealed.agrees(&plain));
        let without_key: String =
            secure.text().lines().filter(|line| !line.contains("crypto")).map(|l| format!("{l}\r\n")).collect();
        assert!(!Audio::parse(&without_key).unwrap().agrees(&secure));
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
