//! Media descriptions, and the keys and ways in them.

use super::socket;
use router::parameter::*;

pub(super) fn codec() -> Codec {
    let parameters = Some("0-16".into());
    Codec { parameters, receive_payload_type: Some(96), ..Codec::new(101, "telephone-event", 8000) }
}

pub(super) fn stream(kind: MediaKind, transport: MediaTransport, direction: Direction) -> MediaStream {
    MediaStream {
        kind,
        transport,
        rtp: Some(socket("192.0.2.1:40000")),
        rtcp: Some(socket("[2001:db8::1]:40001")),
        rtcp_mux: true,
        direction,
        codecs: vec![Codec::new(8, "PCMA", 8000), codec()],
        ptime_ms: Some(20),
        max_ptime_ms: Some(150),
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

pub(super) fn protection(suite: SrtpSuite) -> Box<Protection> {
    let key = |octet: u8, identifier: &[u8]| MediaKey {
        material: vec![octet; suite.material_bytes()],
        identifier: identifier.to_vec(),
    };
    Box::new(Protection { suite, send: key(1, &[]), receive: key(2, &[0, 1]) })
}

pub(super) fn dtls(role: DtlsRole) -> Option<Box<DtlsParameters>> {
    let fingerprints = FingerprintHash::ALL.map(|hash| Fingerprint { hash, digest: vec![7; hash.bytes()] });
    Some(Box::new(DtlsParameters { role, fingerprints: fingerprints.to_vec(), association: 3 }))
}

pub(super) fn ice(is_lite: bool) -> Option<Box<IceParameters>> {
    let credentials =
        |name: &str| IceCredentials { fragment: name.to_owned(), password: format!("{name}/password+of+22+octets") };
    let candidate = |component, address| IceCandidate { component, priority: 2_130_706_431, address: socket(address) };
    let candidates = vec![candidate(1, "198.51.100.7:30000"), candidate(2, "[2001:db8::1]:30001")];
    Some(Box::new(IceParameters {
        local: credentials("ours"),
        remote: credentials("their"),
        candidates: if is_lite { vec![] } else { candidates },
        is_lite,
        is_remote_lite: !is_lite,
        is_controlling: !is_lite,
        nominates_once: is_lite,
    }))
}

pub(super) fn description() -> MediaDescription {
    use Direction::{Inactive, ReceiveOnly, SendOnly, SendReceive};
    let refused = MediaStream {
        rtp: None,
        rtcp: None,
        rtcp_mux: false,
        codecs: vec![],
        ptime_ms: None,
        max_ptime_ms: None,
        ..stream(MediaKind::Other("x".to_owned()), MediaTransport::Other("TCP/X".to_owned()), Inactive)
    };
    MediaDescription {
        streams: vec![
            stream(MediaKind::Audio, MediaTransport::RtpAvp, SendReceive),
            stream(MediaKind::Video, MediaTransport::RtpAvpf, SendOnly),
            stream(MediaKind::Image, MediaTransport::Udptl, ReceiveOnly),
            stream(MediaKind::Text, MediaTransport::RtpSavp, SendReceive),
            stream(MediaKind::Application, MediaTransport::UdpTlsRtpSavp, SendReceive),
            stream(MediaKind::Message, MediaTransport::UdpTlsRtpSavpf, SendReceive),
            stream(MediaKind::Audio, MediaTransport::RtpSavpf, SendReceive),
            refused,
        ],
    }
}
