//! Our offers.

use super::codec::is_sound;
use crate::limits::{CODECS, STREAMS};
use router::parameter::{Codec, Direction, MediaDescription, MediaKind, MediaStream, MediaTransport, PortAddress};

/// The stream that is served: the first of audio over RTP/AVP or RTP/AVPF that is not refused and names sound. `None` also for
/// a description beyond the bounds.
pub(crate) fn served(description: &MediaDescription) -> Option<usize> {
    if description.streams.len() > STREAMS {
        return None;
    }
    description.streams.iter().position(|stream| {
        stream.kind == MediaKind::Audio
            && is_relayable(stream)
            && stream.rtp.is_some()
            && formats(stream).iter().any(is_sound)
    })
}

/// The stream of a description of our own that is served: its keys are none of it.
pub(super) fn served_own(description: &MediaDescription) -> Option<usize> {
    let is_voice = |stream: &MediaStream| stream.kind == MediaKind::Audio && stream.rtp.is_some();
    description.streams.iter().position(|stream| is_voice(stream) && formats(stream).iter().any(is_sound))
}

/// Whether the packets of a stream can be relayed: those that are in the clear, and those whose keys are there, or come about in the media. RTP/AVPF has those of RTP/AVP: what
/// it adds is feedback, and only where `a=rtcp-fb` agrees on it (RFC 4585 §3.1), which no description of ours does. A description of our own has
/// no keys, whatever its transport.
fn is_relayable(stream: &MediaStream) -> bool {
    match stream.transport {
        MediaTransport::RtpAvp | MediaTransport::RtpAvpf => true,
        MediaTransport::RtpSavp | MediaTransport::RtpSavpf => stream.protection.is_some() || stream.dtls.is_some(),
        MediaTransport::UdpTlsRtpSavp | MediaTransport::UdpTlsRtpSavpf => stream.dtls.is_some(),
        _ => false,
    }
}

/// The formats of a stream, within the bounds.
pub(super) fn formats(stream: &MediaStream) -> &[Codec] {
    &stream.codecs[..stream.codecs.len().min(CODECS)]
}

/// Which way a stream really flows. One at an unspecified address flows as it says: of a peer that holds by it (`c=0.0.0.0`,
/// RFC 2543) signaling says that it does not receive, and one that has a domain name there is to be learned from its packets.
pub(crate) fn flow(stream: &MediaStream) -> Direction {
    if stream.rtp.is_some() { stream.direction } else { Direction::Inactive }
}

/// A stream of ours at `address`, over RTP/AVP, which every peer speaks.
pub(super) fn stream(address: PortAddress, codecs: Vec<Codec>, direction: Direction) -> MediaStream {
    let next = address.rtp.port().checked_add(1);
    let follows = address.rtcp.ip() == address.rtp.ip() && Some(address.rtcp.port()) == next;
    MediaStream {
        kind: MediaKind::Audio,
        transport: MediaTransport::RtpAvp,
        rtp: Some(address.rtp),
        rtcp: (!follows).then_some(address.rtcp),
        rtcp_mux: true,
        direction,
        codecs,
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

/// The same stream refused: port 0, its formats as they were (RFC 3264 §6).
pub(super) fn refused(stream: &MediaStream) -> MediaStream {
    MediaStream {
        rtp: None,
        rtcp: None,
        rtcp_mux: false,
        direction: Direction::Inactive,
        codecs: formats(stream).to_vec(),
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
        ..stream.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audio(address: &str) -> MediaStream {
        let rtp: std::net::SocketAddr = address.parse().unwrap();
        let rtcp = std::net::SocketAddr::new(rtp.ip(), rtp.port() + 1);
        stream(PortAddress { rtp, rtcp }, vec![Codec::new(0, "PCMU", 8000)], Direction::SendReceive)
    }

    #[test]
    fn only_audio_over_plain_rtp_is_served() {
        let video = MediaStream { kind: MediaKind::Video, ..audio("192.0.2.1:5000") };
        let secure = MediaStream { transport: MediaTransport::RtpSavp, ..audio("192.0.2.1:5000") };
        let keys = MediaStream { codecs: vec![Codec::new(101, "telephone-event", 8000)], ..audio("192.0.2.1:5000") };
        let streams = vec![video, secure, keys, audio("192.0.2.1:6000")];
        assert_eq!(served(&MediaDescription { streams: streams.clone() }), Some(3));
        assert_eq!(served(&MediaDescription { streams: streams[..3].to_vec() }), None);
        let feedback = MediaStream { transport: MediaTransport::RtpAvpf, ..audio("192.0.2.1:6000") };
        assert_eq!(served(&MediaDescription { streams: vec![feedback] }), Some(0));
        assert_eq!(served(&MediaDescription { streams: vec![audio("192.0.2.1:6000"); STREAMS + 1] }), None);
    }

    #[test]
    fn a_stream_flows_as_it_says_unless_it_is_refused() {
        let held = MediaStream { direction: Direction::SendOnly, ..audio("0.0.0.0:6000") };
        assert_eq!(flow(&held), Direction::SendOnly);
        assert_eq!(flow(&audio("0.0.0.0:6000")), Direction::SendReceive, "at a name");
        assert_eq!(flow(&audio("192.0.2.1:6000")), Direction::SendReceive);
        assert_eq!(flow(&MediaStream { rtp: None, ..audio("192.0.2.1:6000") }), Direction::Inactive);
    }

    #[test]
    fn rtcp_is_named_where_it_does_not_follow() {
        assert_eq!(audio("192.0.2.1:6000").rtcp, None);
        let apart = PortAddress { rtp: "192.0.2.1:6000".parse().unwrap(), rtcp: "192.0.2.1:7000".parse().unwrap() };
        assert_eq!(stream(apart, Vec::new(), Direction::SendReceive).rtcp, Some(apart.rtcp));
    }
}
