//! Media ports, and what they are told and tell.

use super::media::{dtls, ice, protection};
use super::{Published, ip, private, socket};
use router::Parameter;
use router::parameter::*;
use std::net::SocketAddr;

pub(super) fn published(samples: &mut Published) {
    let address = PortAddress { rtp: socket("192.0.2.1:40000"), rtcp: socket("192.0.2.1:40001") };
    let port = MediaPort {
        port: PortId(1),
        interface: ip("192.0.2.1"),
        address: Some(address),
        urgent: false,
        components_served: 0,
        served: None,
    };
    samples.add([port, MediaPort { address: None, ..port }]);
    let bare = MediaPlan {
        remote_rtp: None,
        remote_rtcp: None,
        codecs: vec![],
        ptime_ms: None,
        silence_limit_ms: None,
        ..plan()
    };
    samples.add([plan(), bare]);
    samples.add(SrtpSuite::ALL.map(|suite| MediaPlan { protection: Some(protection(suite)), ..plan() }));
    samples.add([MediaPlan { host: Some(ip("203.0.113.9")), ..plan() }]);
    samples.add([MediaPlan { keys: Some(KeyForm::Signalled), ..plan() }]);
    samples.add([DtlsRole::Client, DtlsRole::Server].map(|role| MediaPlan { dtls: dtls(role), ..plan() }));
    let networks =
        vec![Network { address: ip("203.0.113.0"), prefix: 24 }, Network { address: ip("2001:db8::"), prefix: 32 }];
    samples.add([MediaPlan { networks, ..plan() }]);
    samples.add([true, false].map(|is_lite| MediaPlan { ice: ice(is_lite), ..plan() }));
    samples.add([Bridge { a: PortId(1), b: PortId(65_535) }]);
    let room = ConferenceName::room("sales").expect("a name");
    let kinds = [
        BuiltinKind::Echo,
        BuiltinKind::Milliwatt,
        BuiltinKind::Silence,
        BuiltinKind::Ringback,
        BuiltinKind::Conference(room),
    ];
    samples.add(kinds.map(|kind| Builtin { port: PortId(1), kind }));
    samples.add([statistics(), PortStatistics::default()]);
    samples.add([PortStatistics { suite: Some(SrtpSuite::AeadAes128Gcm), ..statistics() }]);
    let rated = PortStatistics { packets_late: 9, mos_centi: Some(441), mos_at_peer_centi: Some(100), ..statistics() };
    samples.add([rated]);
    samples.add([PortStatistics { jitter_max_us: Some(1_000), ..statistics() }]);
    let kinds = [MediaEventKind::Arrived, MediaEventKind::Silent, MediaEventKind::Broken, MediaEventKind::Alone];
    samples.add(kinds.map(|kind| MediaEvent { port: PortId(1), kind }));
    let kind = MediaEventKind::Pressed { key: private("#"), duration_ms: 80, form: KeyForm::Tones };
    samples.add([MediaEvent { port: PortId(1), kind }]);
    samples.add([MediaEvent { port: PortId(1), kind: MediaEventKind::Secured(SrtpSuite::AeadAes128Gcm) }]);
    use HandshakeFault::{Fingerprint as Other, Refused, TimedOut};
    samples.add(
        [Other, Refused, TimedOut].map(|fault| MediaEvent { port: PortId(1), kind: MediaEventKind::Insecure(fault) }),
    );
    samples.add([MediaEvent { port: PortId(1), kind: MediaEventKind::Unreachable }]);
}

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    let reached = MediaEvent { port: PortId(1), kind: MediaEventKind::Reached(found_ways()) };
    let relayed = ServedAddresses { relayed_rtp: Some(socket("203.0.113.9:50000")), ..ServedAddresses::default() };
    let moved = MediaEvent { port: PortId(1), kind: MediaEventKind::Served(relayed) };
    let counts = SummaryAsked { loss: true, duplicates: false, jitter: true };
    let repeated =
        PortStatistics { jitter_max_at_peer_us: Some(9_000), packets_repeated_at_peer: Some(3), ..statistics() };
    let urgent = MediaPort {
        port: PortId(1),
        interface: ip("192.0.2.1"),
        address: None,
        urgent: true,
        components_served: 0,
        served: None,
    };
    let port = MediaPort { components_served: 2, served: Some(served()), urgent: false, ..urgent };
    vec![
        ("MediaPlan+metrics", MediaPlan { voip_metrics: true, ..plan() }.into()),
        ("MediaEvent+reached", reached.into()),
        ("MediaEvent+served", moved.into()),
        ("MediaPlan+summary", MediaPlan { summary: counts, ..plan() }.into()),
        ("PortStatistics+summary", repeated.into()),
        ("MediaPort+urgent", urgent.into()),
        ("MediaPort+served", port.into()),
    ]
}

/// The ways to a peer that checks have found.
pub(super) fn found_ways() -> Vec<SocketAddr> {
    vec![socket("198.51.100.7:30000"), socket("[2001:db8::7]:30001")]
}

pub(super) fn served() -> ServedAddresses {
    ServedAddresses {
        relayed_rtp: Some(socket("203.0.113.9:50000")),
        relayed_rtcp: Some(socket("203.0.113.9:50001")),
        reflexive_rtp: Some(socket("198.51.100.9:40000")),
        reflexive_rtcp: Some(socket("[2001:db8::9]:40001")),
    }
}

fn plan() -> MediaPlan {
    MediaPlan {
        port: PortId(1),
        remote_rtp: Some(socket("198.51.100.7:30000")),
        remote_rtcp: Some(socket("198.51.100.7:30001")),
        rtcp_mux: false,
        generation: 2,
        sends: true,
        receives: false,
        codecs: vec![Codec::new(0, "PCMU", 8000)],
        ptime_ms: Some(20),
        silence_limit_ms: Some(30_000),
        protection: None,
        dtls: None,
        host: None,
        keys: None,
        networks: vec![],
        ice: None,
        voip_metrics: false,
        summary: Default::default(),
    }
}

fn statistics() -> PortStatistics {
    PortStatistics {
        port: 1,
        codec: Some("PCMU".into()),
        packets_received: 1500,
        octets_received: 240_000,
        packets_sent: 1499,
        octets_sent: 239_840,
        packets_lost: 3,
        packets_lost_at_peer: Some(4),
        jitter_us: 600,
        jitter_at_peer_us: Some(700),
        round_trip_us: Some(20_000),
        packets_discarded: 5,
        packets_reordered: 6,
        learned: Some(socket("203.0.113.9:50000")),
        suite: None,
        packets_late: 0,
        mos_centi: None,
        mos_at_peer_centi: None,
        jitter_max_us: None,
        jitter_max_at_peer_us: None,
        packets_repeated_at_peer: None,
    }
}
