//! Tests of SDP over several files' worth: what phones send, the RFCs' examples, two machines against each other.

mod dtls;
mod exchange;
mod ice;
mod malformed;
mod metrics;
mod orders;
mod phones;
mod rfc_examples;
mod secure;

use std::net::{Ipv4Addr, SocketAddr};

use router::parameter::{Codec, Direction, MediaDescription, MediaKind, MediaStream, MediaTransport};

use super::{OfferAnswer, SessionDescription};

fn pcmu() -> Codec {
    Codec::new(0, "PCMU", 8_000)
}

fn pcma() -> Codec {
    Codec::new(8, "PCMA", 8_000)
}

fn events() -> Codec {
    Codec { parameters: Some("0-16".into()), ..Codec::new(101, "telephone-event", 8_000) }
}

fn opus(payload_type: u8) -> Codec {
    Codec { channels: 2, ..Codec::new(payload_type, "opus", 48_000) }
}

/// A voice stream of ours at a port.
fn voice(port: u16, codecs: &[Codec]) -> MediaStream {
    MediaStream {
        kind: MediaKind::Audio,
        transport: MediaTransport::RtpAvp,
        rtp: Some(SocketAddr::from(([192, 0, 2, 1], port))),
        rtcp: None,
        rtcp_mux: false,
        direction: Direction::SendReceive,
        codecs: codecs.to_vec(),
        ptime_ms: None,
        max_ptime_ms: None,
        protection: None,
        dtls: None,
        ice: None,
        voip_metrics: false,
        summary: Default::default(),
        seeks_anew: false,
        chosen_ways: Vec::new(),
        served: None,
    }
}

fn flowing(direction: Direction, stream: MediaStream) -> MediaStream {
    MediaStream { direction, ..stream }
}

fn refused(stream: MediaStream) -> MediaStream {
    MediaStream { rtp: None, ..stream }
}

fn streams(streams: &[MediaStream]) -> MediaDescription {
    MediaDescription { streams: streams.to_vec() }
}

fn machine(session_id: u64) -> OfferAnswer {
    OfferAnswer::new(session_id, Ipv4Addr::new(192, 0, 2, 1).into())
}

/// A text whose lines end in CRLF, from one whose lines are parted by blanks and LF for the eye.
fn sdp(text: &str) -> Vec<u8> {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect()
}

/// The lines of a text of ours.
fn lines(text: &[u8]) -> Vec<&str> {
    std::str::from_utf8(text).unwrap().split_terminator("\r\n").collect()
}

/// Parses; what was parsed, written and parsed again is equal, and so is its text.
fn parsed(text: &[u8]) -> SessionDescription {
    let session = SessionDescription::parse(text).unwrap_or_else(|error| panic!("{error}:\n{}", text.escape_ascii()));
    let written = session.write();
    assert_eq!(SessionDescription::parse(&written).as_ref(), Ok(&session));
    assert_eq!(SessionDescription::parse(&written).unwrap().write(), written);
    session
}
