//! What two peers offer and answer, typed: the media description that crosses the router. SDP text stays in `signaling`.

use super::dtls::DtlsParameters;
use super::ice::IceParameters;
use super::is_false;
use super::port::ServedAddresses;
use super::protection::Protection;
use crate::ShortText;
use minicbor::{Decode, Encode};
use std::net::SocketAddr;

/// What a stream carries (RFC 8866 §5.14).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum MediaKind {
    /// `audio`
    #[n(1)]
    Audio,
    /// `video`
    #[n(2)]
    Video,
    /// `image`: T.38
    #[n(3)]
    Image,
    /// `text`: T.140
    #[n(4)]
    Text,
    /// `application`
    #[n(5)]
    Application,
    /// `message`: MSRP
    #[n(6)]
    Message,
    /// Any other token.
    #[n(7)]
    Other(#[n(0)] String),
}

/// How a stream is carried (the `proto` field of RFC 8866 §5.14).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum MediaTransport {
    /// `RTP/AVP`
    #[n(1)]
    RtpAvp,
    /// `RTP/AVPF`
    #[n(2)]
    RtpAvpf,
    /// `RTP/SAVP`
    #[n(3)]
    RtpSavp,
    /// `RTP/SAVPF`
    #[n(4)]
    RtpSavpf,
    /// `UDP/TLS/RTP/SAVP`
    #[n(5)]
    UdpTlsRtpSavp,
    /// `UDP/TLS/RTP/SAVPF`
    #[n(6)]
    UdpTlsRtpSavpf,
    /// `udptl`
    #[n(7)]
    Udptl,
    /// Any other token.
    #[n(8)]
    Other(#[n(0)] String),
}

/// Which way a stream flows, as the describer sees it (RFC 3264 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Direction {
    /// Both ways.
    #[default]
    #[n(1)]
    SendReceive,
    /// The describer only sends: it holds the other.
    #[n(2)]
    SendOnly,
    /// The describer only receives.
    #[n(3)]
    ReceiveOnly,
    /// Neither way; RTCP goes on.
    #[n(4)]
    Inactive,
}

impl Direction {
    /// From whether the describer sends and receives.
    pub const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendReceive,
            (true, false) => Self::SendOnly,
            (false, true) => Self::ReceiveOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the describer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    /// Whether the describer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendReceive | Self::ReceiveOnly)
    }

    /// The same flow as the other side describes it.
    pub const fn mirrored(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// What both permit.
    pub const fn and(self, other: Self) -> Self {
        Self::new(self.sends() && other.sends(), self.receives() && other.receives())
    }
}

/// One format of a stream (`rtpmap` and `fmtp`, RFC 8866 §6.6, §6.15).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Codec {
    /// The number in the RTP header, 0 to 127, of packets to the describer.
    #[n(0)]
    pub payload_type: u8,
    /// The encoding name as its peer wrote it; compared without case.
    #[n(1)]
    pub name: ShortText,
    /// The RTP clock.
    #[n(2)]
    pub clock_rate_hz: u32,
    /// Channels; 1 where unsaid.
    #[n(3)]
    pub channels: u8,
    /// The format's parameters, as written.
    #[n(4)]
    pub parameters: Option<ShortText>,
    /// The number in packets from the describer, where an answer uses another one than the offer (RFC 3264 §6.1).
    #[n(5)]
    pub receive_payload_type: Option<u8>,
}

impl Codec {
    /// A codec of one channel without parameters.
    pub fn new(payload_type: u8, name: &str, clock_rate_hz: u32) -> Self {
        Self {
            payload_type,
            name: name.into(),
            clock_rate_hz,
            channels: 1,
            parameters: None,
            receive_payload_type: None,
        }
    }

    /// Whether both name the same encoding: name without case, clock and channels. Payload types and parameters may
    /// differ from leg to leg.
    pub fn matches(&self, other: &Self) -> bool {
        self.clock_rate_hz == other.clock_rate_hz
            && self.channels == other.channels
            // Mostly they are written alike.
            && (self.name == other.name || self.name.eq_ignore_ascii_case(&other.name))
    }

    /// Whether it carries key presses (RFC 4733) rather than sound.
    pub fn is_telephone_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }

    /// Whether it carries comfort noise (RFC 3389): silence suppression may be in use.
    pub fn is_comfort_noise(&self) -> bool {
        self.name.eq_ignore_ascii_case("CN")
    }
}

/// One stream of a description.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct MediaStream {
    /// What it carries.
    #[n(0)]
    pub kind: MediaKind,
    /// How it is carried.
    #[n(1)]
    pub transport: MediaTransport,
    /// Where the describer receives RTP; `None` refuses the stream (port 0). A held `c=0.0.0.0` keeps its port here with
    /// an unspecified address and does not receive by `direction`; a domain name does so too, and is learned from its packets.
    #[n(2)]
    pub rtp: Option<SocketAddr>,
    /// Where the describer receives RTCP, if not at the RTP port plus one (RFC 3605).
    #[n(3)]
    pub rtcp: Option<SocketAddr>,
    /// Whether RTCP may share (offer) or shares (answer) the RTP port (RFC 5761).
    #[n(4)]
    pub rtcp_mux: bool,
    /// Which way it flows.
    #[n(5)]
    pub direction: Direction,
    /// The formats, best first.
    #[n(6)]
    pub codecs: Vec<Codec>,
    /// Milliseconds of media in a packet.
    #[n(7)]
    pub ptime_ms: Option<u16>,
    /// Most milliseconds of media in a packet.
    #[n(8)]
    pub max_ptime_ms: Option<u16>,
    /// The keys of both, where the describer is a peer and the stream was agreed, or is to be answered, as a secure one. In none of our own.
    #[n(9)]
    pub protection: Option<Box<Protection>>,
    /// The association that the keys come from, where the describer is a peer and that was agreed, or is to be answered. In none of our own.
    #[n(10)]
    pub dtls: Option<Box<DtlsParameters>>,
    /// What ways are looked for by, where the describer is a peer and that was agreed, or is to be answered. In none of our own.
    #[n(11)]
    pub ice: Option<Box<IceParameters>>,
    /// Whether the describer, a peer, asks for reports on how its voice is heard, and that was agreed, or is to be answered (RFC 3611 §4.7). In none
    /// of our own.
    #[n(12)]
    #[cbor(default, skip_if = "is_false")]
    pub voip_metrics: bool,
    /// Whether the describer, ourselves, looks for ways anew, under other names (RFC 8445 §9). In none of a peer's.
    #[n(13)]
    #[cbor(default, skip_if = "is_false")]
    pub seeks_anew: bool,
    /// Where its peer was found, for RTP and for RTCP that has a port of its own, where the describer, ourselves, has decided on that. In none of a peer's.
    #[n(14)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub chosen_ways: Vec<SocketAddr>,
    /// Where the describer, ourselves, receives beside `rtp` and `rtcp`. In none of a peer's.
    #[n(15)]
    pub served: Option<Box<ServedAddresses>>,
    /// What the describer, a peer, asks to be told that was counted of its voice, and that was agreed, or is to be answered (RFC 3611 §4.6). In none of our
    /// own.
    #[n(16)]
    #[cbor(default, skip_if = "SummaryAsked::is_none")]
    pub summary: SummaryAsked,
}

/// Which counts who sends a stream asks to be told (RFC 3611 §4.6, §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct SummaryAsked {
    /// Packets that never came.
    #[n(0)]
    pub loss: bool,
    /// Packets that came twice.
    #[n(1)]
    pub duplicates: bool,
    /// How unevenly they came.
    #[n(2)]
    pub jitter: bool,
}

impl SummaryAsked {
    /// All that there is.
    pub const ALL: Self = Self { loss: true, duplicates: true, jitter: true };

    /// Nothing.
    pub const NONE: Self = Self { loss: false, duplicates: false, jitter: false };

    /// Whether anything is asked for.
    pub fn is_any(&self) -> bool {
        *self != Self::default()
    }

    /// Whether nothing is.
    pub fn is_none(&self) -> bool {
        !self.is_any()
    }

    /// What both ask for.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            loss: self.loss && other.loss,
            duplicates: self.duplicates && other.duplicates,
            jitter: self.jitter && other.jitter,
        }
    }
}

/// What one peer offers or answers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct MediaDescription {
    /// Its streams, in the order of their `m=` lines, which holds for the life of a dialog.
    #[n(0)]
    pub streams: Vec<MediaStream>,
}

/// A description in its role (RFC 3264).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum MediaExchange {
    /// Asks for an answer.
    #[n(1)]
    Offer(#[n(0)] MediaDescription),
    /// Answers an offer, stream by stream.
    #[n(2)]
    Answer(#[n(0)] MediaDescription),
}

impl MediaExchange {
    /// The description, whichever its role.
    pub const fn description(&self) -> &MediaDescription {
        match self {
            Self::Offer(description) | Self::Answer(description) => description,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_mirror_and_combine() {
        assert_eq!(Direction::SendOnly.mirrored(), Direction::ReceiveOnly);
        assert_eq!(Direction::Inactive.mirrored(), Direction::Inactive);
        assert_eq!(Direction::SendReceive.and(Direction::ReceiveOnly), Direction::ReceiveOnly);
        assert_eq!(Direction::SendOnly.and(Direction::ReceiveOnly), Direction::Inactive);
    }

    #[test]
    fn codecs_match_without_case_and_payload_type() {
        assert!(Codec::new(0, "PCMU", 8000).matches(&Codec::new(96, "pcmu", 8000)));
        assert!(!Codec::new(101, "telephone-event", 8000).matches(&Codec::new(101, "telephone-event", 48000)));
    }
}
