//! What peers describe.

use router::parameter::*;
use router::time::WallTime;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub(crate) fn pcmu() -> Codec {
    Codec::new(0, "PCMU", 8000)
}

pub(crate) fn pcma() -> Codec {
    Codec::new(8, "PCMA", 8000)
}

pub(crate) fn opus() -> Codec {
    Codec { channels: 2, ..Codec::new(111, "opus", 48_000) }
}

pub(crate) fn events() -> Codec {
    Codec { parameters: Some("0-16".into()), ..Codec::new(101, "telephone-event", 8000) }
}

pub(crate) fn audio(port: u16, codecs: &[Codec], direction: Direction) -> MediaDescription {
    MediaDescription {
        streams: vec![MediaStream {
            kind: MediaKind::Audio,
            transport: MediaTransport::RtpAvp,
            rtp: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)), port)),
            rtcp: None,
            rtcp_mux: false,
            direction,
            codecs: codecs.to_vec(),
            ptime_ms: Some(20),
            max_ptime_ms: None,
            protection: None,
            dtls: None,
            ice: None,
            voip_metrics: false,
            summary: Default::default(),
            seeks_anew: false,
            chosen_ways: Vec::new(),
            served: None,
        }],
    }
}

pub(crate) fn codec_names(exchange: Option<&MediaExchange>) -> Vec<String> {
    let stream = exchange.and_then(|exchange| exchange.description().streams.first());
    stream.map_or(Vec::new(), |stream| stream.codecs.iter().map(|codec| codec.name.as_str().to_owned()).collect())
}

pub(crate) fn direction(exchange: Option<&MediaExchange>) -> Option<Direction> {
    exchange.and_then(|exchange| exchange.description().streams.first()).map(|stream| stream.direction)
}

/// What a peer with these formats answers.
pub(crate) fn answer_to(
    offer: &MediaDescription,
    codecs: &[Codec],
    port: u16,
    wish: Direction,
) -> Option<MediaDescription> {
    let offered = offer.streams.first()?;
    let chosen: Vec<_> =
        offered.codecs.iter().filter(|codec| codecs.iter().any(|own| own.matches(codec))).cloned().collect();
    if chosen.is_empty() {
        return None;
    }
    let mut answer = audio(port, &chosen, wish.and(offered.direction.mirrored()));
    for _ in 1..offer.streams.len() {
        answer.streams.push(MediaStream { rtp: None, ..answer.streams[0].clone() });
    }
    Some(answer)
}

pub(crate) fn contact(name: &str) -> Contact {
    Contact {
        uri: format!("sip:{name}@192.0.2.9").into(),
        path: Vec::new(),
        flow: "udp 192.0.2.1:5060 192.0.2.9:5060".to_owned().into(),
        q_thousandths: 1000,
        expires: WallTime(i64::MAX),
        call_id: "r".into(),
        cseq: 1,
        user_agent: None,
        latency_us: None,
        reachable: None,
        apart: None,
        instance: None,
        reg_id: None,
        temporary: None,
        others: None,
    }
}
