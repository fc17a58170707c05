//! Media ports: what the switch asks of a media worker.
//!
//! A *session* is an instance at the worker that holds the ports of one call; the switch chooses it (its own call's
//! instance). `Open × MediaPort…` goes to any worker by kind; the answer's source names the worker, and later requests of
//! the session go there.

use super::conference::ConferenceName;
use super::dtls::{DtlsParameters, HandshakeFault};
use super::ice::IceParameters;
use super::is_false;
use super::media::{Codec, SummaryAsked};
use super::network::Network;
use super::protection::{Protection, SrtpSuite};
use crate::ShortText;
use crate::private::Private;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use std::net::{IpAddr, SocketAddr};

/// A port within its session; the requester chooses it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct PortId(#[n(0)] pub u16);

/// Where a port receives, as its peer is to be told (the advertised address where one is configured).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct PortAddress {
    /// RTP, on an even port.
    #[n(0)]
    pub rtp: SocketAddr,
    /// RTCP, on the odd port above.
    #[n(1)]
    pub rtcp: SocketAddr,
}

/// Where a port receives, too: what a server that relays for us (TURN, RFC 8656) has given it, and where that server sees it come from (RFC 8489), each
/// for RTP, and for RTCP that has a port of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct ServedAddresses {
    /// What comes there for RTP is relayed.
    #[n(0)]
    pub relayed_rtp: Option<SocketAddr>,
    /// What comes there for RTCP is.
    #[n(1)]
    pub relayed_rtcp: Option<SocketAddr>,
    /// Where RTP is seen to come from.
    #[n(2)]
    pub reflexive_rtp: Option<SocketAddr>,
    /// Where RTCP is.
    #[n(3)]
    pub reflexive_rtcp: Option<SocketAddr>,
}

/// `Open × MediaPort` asks for a port; `Done × MediaPort` tells where it is; `Close × MediaPort` gives it back and is
/// answered with [`PortStatistics`]. `Close` without parameters ends the whole session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct MediaPort {
    /// Which port of the session.
    #[n(0)]
    pub port: PortId,
    /// The local address that the leg's signalling uses: the port is opened on the same interface (or, where that one is
    /// unspecified, on the configured one of the same family).
    #[n(1)]
    pub interface: IpAddr,
    /// In the answer: where the port receives.
    #[n(2)]
    pub address: Option<PortAddress>,
    /// Whether it is for a call for help, for which some ports are kept.
    #[n(3)]
    #[cbor(default, skip_if = "is_false")]
    pub urgent: bool,
    /// For how many components addresses are asked of a server that relays, where the worker knows one: 1, RTP alone, which RTCP shares; 2, either. The answer waits
    /// for them, but not for long.
    #[n(4)]
    #[cbor(default, skip_if = "is_none_asked")]
    pub components_served: u8,
    /// In the answer: those that have come.
    #[n(5)]
    pub served: Option<ServedAddresses>,
}

impl MediaPort {
    /// A port, by what every request for one says; none is open yet.
    pub const fn new(port: PortId, interface: IpAddr) -> Self {
        Self { port, interface, address: None, urgent: false, components_served: 0, served: None }
    }
}

/// What a decoder takes an absent number of components for.
fn is_none_asked(components: &u8) -> bool {
    *components == 0
}

/// How a port treats its peer's media: `Set × MediaPlan`, or beside the `Bridge` of a `Connect`. A plan replaces the
/// port's former one; the port's own SSRC, sequence and timestamps go on without a jump.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct MediaPlan {
    /// Which port of the session.
    #[n(0)]
    pub port: PortId,
    /// Where the peer said it receives RTP; `None` while unknown (nothing is sent, the source may still be learned).
    #[n(1)]
    pub remote_rtp: Option<SocketAddr>,
    /// Where the peer said it receives RTCP; `None`: shared with RTP.
    #[n(2)]
    pub remote_rtcp: Option<SocketAddr>,
    /// Whether both share the RTP port (RFC 5761).
    #[n(3)]
    pub rtcp_mux: bool,
    /// Counts the offers and answers that named a transport address: a new number lets the source be learned anew.
    #[n(4)]
    pub generation: u32,
    /// Whether the port sends to its peer.
    #[n(5)]
    pub sends: bool,
    /// Whether the port passes on what its peer sends.
    #[n(6)]
    pub receives: bool,
    /// The formats agreed on this leg, with this leg's payload types.
    #[n(7)]
    pub codecs: Vec<Codec>,
    /// Milliseconds of media that the peer wants in a packet.
    #[n(8)]
    pub ptime_ms: Option<u16>,
    /// After how long without a packet from the peer a `Notify × MediaEvent` says so; `None`: never (hold).
    #[n(9)]
    pub silence_limit_ms: Option<u32>,
    /// What protects the stream, both ways; `None`: it is in the clear. Keys that are the port's already go on.
    #[n(10)]
    pub protection: Option<Box<Protection>>,
    /// The host that the peer's signalling comes from: behind a NAT it is where its media come from, whatever its description says.
    /// `None`: nobody knows.
    #[n(11)]
    pub host: Option<IpAddr>,
    /// How the peer sends and takes keys; `None`: as events where they are among the formats, and else as tones.
    #[n(12)]
    pub keys: Option<KeyForm>,
    /// The association that the keys come from, instead of `protection`; nothing is sent or passed on before they are there.
    #[n(13)]
    pub dtls: Option<Box<DtlsParameters>>,
    /// Other hosts that the peer's media may come from, as the operator says: at most [`MEDIA_NETWORKS`](crate::limits::MEDIA_NETWORKS).
    #[n(14)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
    /// What ways to the peer are looked for by: nothing is sent to it, or taken from it, but on one that was found. `None`: where it is, is learned from
    /// its packets.
    #[n(15)]
    pub ice: Option<Box<IceParameters>>,
    /// Whether the peer is told how its voice is heard (RFC 3611 §4.7), in each report.
    #[n(16)]
    #[cbor(default, skip_if = "is_false")]
    pub voip_metrics: bool,
    /// What the peer is told that was counted of its voice (RFC 3611 §4.6), in each report.
    #[n(17)]
    #[cbor(default, skip_if = "SummaryAsked::is_none")]
    pub summary: SummaryAsked,
}

impl MediaPlan {
    /// A plan by which a port sends and passes on these formats in the clear; where the peer is, is not known yet.
    pub const fn new(port: PortId, codecs: Vec<Codec>) -> Self {
        Self {
            port,
            remote_rtp: None,
            remote_rtcp: None,
            rtcp_mux: false,
            generation: 0,
            sends: true,
            receives: true,
            codecs,
            ptime_ms: None,
            silence_limit_ms: None,
            protection: None,
            host: None,
            keys: None,
            dtls: None,
            networks: Vec::new(),
            ice: None,
            voip_metrics: false,
            summary: SummaryAsked::NONE,
        }
    }
}

/// How keys come from a peer, and how it takes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum KeyForm {
    /// As events beside the sound (RFC 4733).
    #[n(1)]
    Events,
    /// As tones in the sound (ITU-T Q.23).
    #[n(2)]
    Tones,
    /// In signalling (SIP: INFO).
    #[n(3)]
    Signalled,
}

impl KeyForm {
    /// What a person reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Events => "rfc4733",
            Self::Tones => "inband",
            Self::Signalled => "info",
        }
    }
}

/// `Connect × Bridge`: joins two ports of the session; what one receives the other sends. `Disconnect × Bridge` parts them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Bridge {
    /// One.
    #[n(0)]
    pub a: PortId,
    /// The other.
    #[n(1)]
    pub b: PortId,
}

/// Media that the worker makes itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum BuiltinKind {
    /// Sends back what it hears.
    Echo,
    /// The digital milliwatt: 1 kHz at 0 dBm0, the sequences of ITU-T G.711 tables 5 and 6.
    Milliwatt,
    /// Silence.
    Silence,
    /// The ringing tone of ITU-T E.180: 425 Hz, a second on and four off.
    Ringback,
    /// What all others say who have a seat in the conference of that name. It begins with the first of them, and ends with the last.
    Conference(ConferenceName),
}

/// `Start × Builtin` on a port; `Stop × Builtin` ends it. A seat in a conference may be taken before the port has a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Builtin {
    /// On which port.
    pub port: PortId,
    /// What.
    pub kind: BuiltinKind,
}

/// A map: 0 the port, 1 the kind, 2 the conference's name where it is one.
impl<C> Encode<C> for Builtin {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), encode::Error<W::Error>> {
        let (kind, conference) = match self.kind {
            BuiltinKind::Echo => (1, None),
            BuiltinKind::Milliwatt => (2, None),
            BuiltinKind::Silence => (3, None),
            BuiltinKind::Ringback => (4, None),
            BuiltinKind::Conference(name) => (5, Some(name)),
        };
        e.map(2 + u64::from(conference.is_some()))?.u8(0)?;
        self.port.encode(e, ctx)?;
        e.u8(1)?.u8(kind)?;
        match conference {
            Some(name) => name.encode(e.u8(2)?, ctx),
            None => Ok(()),
        }
    }
}

impl<'b, C> Decode<'b, C> for Builtin {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let (mut port, mut kind, mut conference) = (None, None, None);
        let mut entries = d.map()?;
        loop {
            match &mut entries {
                Some(0) => break,
                Some(left) => *left -= 1,
                None if d.datatype()? == minicbor::data::Type::Break => {
                    d.skip()?;
                    break;
                }
                None => {}
            }
            match d.u64()? {
                0 => port = Some(PortId::decode(d, ctx)?),
                1 => kind = Some(d.u32()?),
                2 => conference = Option::<ConferenceName>::decode(d, ctx)?,
                _ => d.skip()?,
            }
        }
        let port = port.ok_or_else(|| decode::Error::message("a built-in source is at a port"))?;
        let kind = match (kind, conference) {
            (Some(1), _) => BuiltinKind::Echo,
            (Some(2), _) => BuiltinKind::Milliwatt,
            (Some(3), _) => BuiltinKind::Silence,
            (Some(4), _) => BuiltinKind::Ringback,
            (Some(5), Some(name)) => BuiltinKind::Conference(name),
            _ => return Err(decode::Error::message("no built-in source is of that kind")),
        };
        Ok(Self { port, kind })
    }
}

/// What a port counted from its opening on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct PortStatistics {
    /// Which port of the session.
    #[n(0)]
    pub port: u16,
    /// The codec that the peer last sent.
    #[n(1)]
    pub codec: Option<ShortText>,
    /// RTP packets from the peer.
    #[n(2)]
    pub packets_received: u64,
    /// Octets of RTP payload from the peer.
    #[n(3)]
    pub octets_received: u64,
    /// RTP packets to the peer.
    #[n(4)]
    pub packets_sent: u64,
    /// Octets of RTP payload to the peer.
    #[n(5)]
    pub octets_sent: u64,
    /// Packets from the peer that never came: expected less received (RFC 3550 A.3).
    #[n(6)]
    pub packets_lost: u64,
    /// Packets to the peer that it reports as lost.
    #[n(7)]
    pub packets_lost_at_peer: Option<u64>,
    /// Interarrival jitter from the peer (RFC 3550 A.8), microseconds.
    #[n(8)]
    pub jitter_us: u32,
    /// Interarrival jitter that the peer reports, microseconds.
    #[n(9)]
    pub jitter_at_peer_us: Option<u32>,
    /// Round trip to the peer from its receiver reports, microseconds.
    #[n(10)]
    pub round_trip_us: Option<u32>,
    /// Packets dropped: from a stranger, malformed, or of a format that was not agreed.
    #[n(11)]
    pub packets_discarded: u64,
    /// Packets that arrived after a later one.
    #[n(12)]
    pub packets_reordered: u64,
    /// Where the peer really sends from, once learned.
    #[n(13)]
    pub learned: Option<SocketAddr>,
    /// What protects its stream, or did last.
    #[n(14)]
    pub suite: Option<SrtpSuite>,
    /// Packets that came when their time was over, where they are transcoded or mixed.
    #[n(15)]
    #[cbor(default, skip_if = "is_zero")]
    pub packets_late: u64,
    /// What people would say of what comes from the peer, by the E-model (ITU-T G.107), in hundredths: 100 to 450.
    #[n(16)]
    pub mos_centi: Option<u16>,
    /// The same of what the peer hears, by its reports.
    #[n(17)]
    pub mos_at_peer_centi: Option<u16>,
    /// Interarrival jitter from the peer when it was greatest, microseconds.
    #[n(18)]
    pub jitter_max_us: Option<u32>,
    /// The greatest difference of transit between two packets to the peer that it reports (RFC 3611 §4.6), microseconds.
    #[n(19)]
    pub jitter_max_at_peer_us: Option<u32>,
    /// Packets to the peer that came there twice, as it reports.
    #[n(20)]
    pub packets_repeated_at_peer: Option<u64>,
}

/// What a decoder takes an absent count for.
pub(super) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What happened at a port.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum MediaEventKind {
    /// The first packet arrived.
    #[n(1)]
    Arrived,
    /// Nothing arrived for the plan's limit.
    #[n(2)]
    Silent,
    /// The session failed and is closed: its worker met a fault of its own.
    #[n(3)]
    Broken,
    /// The port has had the only seat of its conference for some seconds.
    #[n(4)]
    Alone,
    /// The peer has pressed a key: told once, when it is released.
    #[n(5)]
    Pressed {
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        #[n(0)]
        key: Private<String>,
        /// For how long.
        #[n(1)]
        duration_ms: u16,
        /// As an event, or a tone.
        #[n(2)]
        form: KeyForm,
    },
    /// Its keys have come about: what protects its stream from now on.
    #[n(6)]
    Secured(#[n(0)] SrtpSuite),
    /// They have not: its stream stays silent.
    #[n(7)]
    Insecure(#[n(0)] HandshakeFault),
    /// No way to its peer was found, or the peer no longer consents to what it is sent (RFC 7675 §5.1): nothing is.
    #[n(8)]
    Unreachable,
    /// Where its peer was found by ways that we decide on: for RTP, and for RTCP where that has a port of its own.
    #[n(9)]
    Reached(#[n(0)] Vec<SocketAddr>),
    /// An address of it at a server that relays was lost: these are what it has from now on.
    #[n(10)]
    Served(#[n(0)] ServedAddresses),
}

/// `Notify × MediaEvent`, to whoever opened the session.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct MediaEvent {
    /// At which port.
    #[n(0)]
    pub port: PortId,
    /// What.
    #[n(1)]
    pub kind: MediaEventKind,
}
