//! Between SDP text and the typed [`MediaDescription`] that crosses the router.
//!
//! Stream *i* of a description is `m=` line *i* of the text, refused ones included. What the types have no place for
//! (candidates, keys, feedback, unknown attributes) ends here: each leg is negotiated for its own peer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use router::parameter::{Codec, Direction, MediaDescription, MediaKind, MediaStream, MediaTransport};

use super::attribute::{Attribute, direction_name};
use super::codec;
use super::extended_report::Asked;
use super::media::MediaSection;
use super::session::{Connection, SessionDescription};
use super::text::{Text, Texts};
use smallvec::SmallVec;

/// The typed form of a description.
pub fn describe(session: &SessionDescription) -> MediaDescription {
    let streams = session.media.iter().map(|section| describe_section(session, section, &[])).collect();
    MediaDescription { streams }
}

/// The typed form of an answer to an offer; the offer tells what payload types mean that the answer does not explain.
pub fn describe_answer(session: &SessionDescription, offer: &MediaDescription) -> MediaDescription {
    let sections = session.media.iter().enumerate();
    let streams = sections.map(|(index, section)| {
        let offered = offer.streams.get(index).map_or(&[][..], |stream| &stream.codecs);
        describe_section(session, section, offered)
    });
    MediaDescription { streams: streams.collect() }
}

/// The typed form of one section.
///
/// A stream at port 0, at a multicast address, in a network other than the Internet or at no address at all has no
/// `rtp`: it is, or will be, refused. At a domain name it has an unspecified one: not known yet, to be learned from its
/// packets. An IPv4 address that is written as a mapped IPv6 one is an IPv4 address. `c=0.0.0.0` and its like keep an unspecified one too, and their direction does not receive (RFC 3264 §8.4).
fn describe_section(session: &SessionDescription, section: &MediaSection, offered: &[Codec]) -> MediaStream {
    let connection = session.connection_of(section);
    let address = match connection {
        Some(Connection::Address { address, .. }) if is_unicast(*address) => Some(address.to_canonical()),
        Some(Connection::Name { address_type, .. }) if address_type.is("IP6") => Some(Ipv6Addr::UNSPECIFIED.into()),
        Some(Connection::Name { .. }) => Some(Ipv4Addr::UNSPECIFIED.into()),
        _ => None,
    };
    let rtp = address.filter(|_| !section.is_disabled()).map(|address| SocketAddr::new(address, section.port));
    // RTCP leaves from beside RTP: an address of the other family is out of its reach.
    let rtcp = rtp.and_then(|rtp| {
        let beside = |ip: &IpAddr| is_unicast(*ip) && ip.is_ipv4() == rtp.is_ipv4();
        section.rtcp().map(|rtcp| SocketAddr::new(rtcp.address.filter(beside).unwrap_or(rtp.ip()), rtcp.port))
    });
    let said = section.direction().or(session.attributes.direction()).unwrap_or_default();
    let direction = if connection.is_some_and(Connection::is_nowhere) { said.and(Direction::SendOnly) } else { said };
    let transport = transport(&section.protocol);
    let codecs = if is_rtp(&transport) { section.codecs_beside(offered) } else { Vec::new() };
    let milliseconds = |time: super::attribute::PacketTime| u16::try_from(time.milliseconds()).ok();
    let asked = Asked::by(session, section);
    MediaStream {
        kind: kind(&section.media),
        transport,
        rtp,
        rtcp,
        rtcp_mux: section.rtcp_mux(),
        direction,
        codecs,
        ptime_ms: section.ptime().and_then(milliseconds),
        max_ptime_ms: section.maxptime().and_then(milliseconds),
        protection: None,
        dtls: None,
        ice: None,
        voip_metrics: asked.metrics,
        summary: asked.summary,
        seeks_anew: false,
        chosen_ways: Vec::new(),
        served: None,
    }
}

/// Refuses a stream that cannot be sent to from `own`, as its address is of the other family: an IPv4 socket sends no IPv6.
/// So of two that are alternatives to each other (RFC 4091), the one that is served is used.
pub fn keep_reachable(stream: &mut MediaStream, own: IpAddr) {
    let is_beyond = |address: &SocketAddr| {
        !address.ip().is_unspecified() && !own.is_unspecified() && address.is_ipv4() != own.is_ipv4()
    };
    if stream.rtp.as_ref().is_some_and(is_beyond) {
        (stream.rtp, stream.rtcp) = (None, None);
    }
}

/// Whether one machine is reached there, or none is meant (`0.0.0.0`, `::`).
fn is_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_multicast() && !address.is_broadcast(),
        IpAddr::V6(address) => !address.is_multicast(),
    }
}

/// The kind that an `m=` line's first word names.
pub fn kind(media: &Text) -> MediaKind {
    match media.as_str() {
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        Some("image") => MediaKind::Image,
        Some("text") => MediaKind::Text,
        Some("application") => MediaKind::Application,
        Some("message") => MediaKind::Message,
        other => MediaKind::Other(other.unwrap_or_default().to_owned()),
    }
}

/// The word of a kind; `None` if it is no token.
pub fn kind_text(kind: &MediaKind) -> Option<Text> {
    Some(match kind {
        MediaKind::Audio => Text::literal("audio"),
        MediaKind::Video => Text::literal("video"),
        MediaKind::Image => Text::literal("image"),
        MediaKind::Text => Text::literal("text"),
        MediaKind::Application => Text::literal("application"),
        MediaKind::Message => Text::literal("message"),
        MediaKind::Other(name) => return Text::new(name.clone().into_bytes()).filter(Text::is_token),
    })
}

/// The transport that an `m=` line's third word names. Letter case aside, as phones mix it.
pub fn transport(protocol: &Text) -> MediaTransport {
    TRANSPORTS.into_iter().find(|(name, _)| protocol.is(name)).map_or_else(
        || MediaTransport::Other(protocol.as_str().unwrap_or_default().to_owned()),
        |(_, transport)| transport,
    )
}

/// The word of a transport; `None` if its parts are no tokens.
pub fn transport_text(transport: &MediaTransport) -> Option<Text> {
    if let MediaTransport::Other(name) = transport {
        let is_protocol = name.split('/').all(|part| super::text::is_token(part.as_bytes()));
        return Text::new(name.clone().into_bytes()).filter(|_| is_protocol);
    }
    TRANSPORTS.into_iter().find(|(_, named)| named == transport).map(|(name, _)| Text::literal(name))
}

/// The transports that have a name.
const TRANSPORTS: [(&str, MediaTransport); 7] = [
    ("RTP/AVP", MediaTransport::RtpAvp),
    ("RTP/AVPF", MediaTransport::RtpAvpf),
    ("RTP/SAVP", MediaTransport::RtpSavp),
    ("RTP/SAVPF", MediaTransport::RtpSavpf),
    ("UDP/TLS/RTP/SAVP", MediaTransport::UdpTlsRtpSavp),
    ("UDP/TLS/RTP/SAVPF", MediaTransport::UdpTlsRtpSavpf),
    ("udptl", MediaTransport::Udptl),
];

/// Whether formats are RTP payload types.
fn is_rtp(transport: &MediaTransport) -> bool {
    match transport {
        MediaTransport::Udptl => false,
        MediaTransport::Other(name) => name.split('/').any(|part| part.eq_ignore_ascii_case("RTP")),
        _ => true,
    }
}

/// Whether a stream of this kind and transport is carried: voice over RTP, plain or with keys. `RTP/AVPF` has the same packets as
/// `RTP/AVP`, and asks for no feedback that `a=rtcp-fb` did not agree (RFC 4585 §3.1); the answer names none.
pub fn is_served(stream: &MediaStream) -> bool {
    stream.kind == MediaKind::Audio
        && match stream.transport {
            MediaTransport::RtpAvp | MediaTransport::RtpAvpf => true,
            MediaTransport::RtpSavp | MediaTransport::RtpSavpf => stream.protection.is_some() || stream.dtls.is_some(),
            MediaTransport::UdpTlsRtpSavp | MediaTransport::UdpTlsRtpSavpf => stream.dtls.is_some(),
            _ => false,
        }
}

/// Whether a codec may cross between legs. Redundancy (RFC 2198) may not: its payload names the payload types of one
/// leg.
pub fn is_carried(codec: &Codec) -> bool {
    codec::is_writable(codec) && !codec.name.eq_ignore_ascii_case("red")
}

/// The section of a stream that is received at `rtp`, with these codecs. The connection is the caller's.
pub fn section(media: Text, protocol: Text, rtp: SocketAddr, stream: &MediaStream, codecs: &[Codec]) -> MediaSection {
    let mut texts = Texts::new();
    let formats: SmallVec<[_; 8]> = codecs.iter().map(|codec| texts.put(codec.payload_type)).collect();
    let mut values: SmallVec<[_; 12]> = SmallVec::new();
    for codec in codecs {
        values.push(("rtpmap", texts.put(codec::rtpmap_value(codec))));
        if let Some(parameters) = &codec.parameters {
            values.push(("fmtp", texts.put((codec.payload_type, " ", parameters.as_str()))));
        }
    }
    for (name, time) in [("ptime", stream.ptime_ms), ("maxptime", stream.max_ptime_ms)] {
        if let Some(milliseconds) = time.filter(|milliseconds| *milliseconds > 0) {
            values.push((name, texts.put(milliseconds)));
        }
    }
    // RFC 3605 §2.1: only needed where RTCP is not one port above RTP. With rtcp-mux it names the fall-back (RFC 5761
    // §5.1.1).
    if let Some(rtcp) = stream.rtcp.filter(|rtcp| rtcp.port() != 0) {
        if rtcp.ip() != rtp.ip() {
            let family = if rtcp.is_ipv4() { "IP4" } else { "IP6" };
            values.push(("rtcp", texts.put((rtcp.port(), " IN ", family, " ", rtcp.ip()))));
        } else if Some(rtcp.port()) != rtp.port().checked_add(1) {
            values.push(("rtcp", texts.put(rtcp.port())));
        }
    }
    let texts = texts.finish();
    let formats = formats.into_iter().filter_map(|place| texts.get(place)).collect();
    let mut section = MediaSection::new(media, rtp.port(), protocol, formats);
    let attributes = &mut section.attributes;
    attributes.reserve(values.len() + 2);
    for (name, place) in values {
        // What `is_writable` and figures let through has no line end; a text that has one is left out.
        if let Some(value) = texts.get(place) {
            attributes.push(Attribute::value(Text::literal(name), value));
        }
    }
    if stream.rtcp_mux {
        attributes.push(Attribute::property(Text::literal("rtcp-mux")));
    }
    attributes.push(Attribute::property(Text::literal(direction_name(stream.direction))));
    Asked::of(stream).write(&mut section);
    section
}
