//! At least two values of every parameter: one with everything, one with nothing that may be left out; and every variant
//! of every enumeration in one of them.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

use router::parameter::*;
use router::time::WallTime;
use router::{Address, Command, Instance, ModuleKind, Packet, Parameter, Parameters, PlatformId, Private, Transaction};
use std::net::{IpAddr, SocketAddr};

const AT: WallTime = WallTime(1_795_232_645_123_456);

fn private(text: &str) -> Private<String> {
    Private::new(text.to_owned())
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn party() -> Party {
    Party { display_name: Some(Private::new("Alice Ü.".into())), ..Party::new("alice", "example.org") }
}

fn cause() -> Cause {
    Cause { kind: CauseKind::Busy, code: Some(486), q850: Some(17), text: Some("Busy Here".to_owned()) }
}

fn codec() -> Codec {
    let parameters = Some("0-16".into());
    Codec { parameters, receive_payload_type: Some(96), ..Codec::new(101, "telephone-event", 8000) }
}

fn stream(kind: MediaKind, transport: MediaTransport, direction: Direction) -> MediaStream {
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
        seeks_anew: false,
        chosen_ways: Vec::new(),
        served: None,
    }
}

fn protection(suite: SrtpSuite) -> Box<Protection> {
    let key = |octet: u8, identifier: &[u8]| MediaKey {
        material: vec![octet; suite.material_bytes()],
        identifier: identifier.to_vec(),
    };
    Box::new(Protection { suite, send: key(1, &[]), receive: key(2, &[0, 1]) })
}

fn dtls(role: DtlsRole) -> Option<Box<DtlsParameters>> {
    let fingerprints = FingerprintHash::ALL.map(|hash| Fingerprint { hash, digest: vec![7; hash.bytes()] });
    Some(Box::new(DtlsParameters { role, fingerprints: fingerprints.to_vec(), association: 3 }))
}

fn ice(is_lite: bool) -> Option<Box<IceParameters>> {
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

fn description() -> MediaDescription {
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

fn contact() -> Contact {
    Contact {
        uri: private("sip:alice@192.0.2.7:5062;transport=udp"),
        path: vec![private("<sip:edge.example.org;lr>")],
        flow: private("udp 192.0.2.1:5060 198.51.100.7:41234"),
        q_thousandths: 700,
        expires: AT,
        call_id: "1-2@192.0.2.7".to_owned(),
        cseq: 4_294_967_295,
        user_agent: Some("baresip".to_owned()),
        latency_us: Some(1234),
        reachable: Some(true),
        apart: None,
        instance: None,
        reg_id: None,
        temporary: None,
        others: None,
    }
}

fn contact_of_an_instance() -> Contact {
    Contact {
        apart: Some(private("urn:uuid:00000000-0000-1000-8000-000a95a0e128;reg-id=1")),
        instance: Some(private("urn:uuid:00000000-0000-1000-8000-000a95a0e128")),
        reg_id: Some(1),
        temporary: Some(vec![private("tgruu.0123456789abcdef")]),
        others: Some(
            [ContactFlow {
                uri: private("sip:alice@192.0.2.7:5063;transport=tcp"),
                path: vec![private("<sip:edge2.example.org;lr>")],
                flow: private("tcp 192.0.2.2:5060 198.51.100.7:41235"),
                reachable: Some(true),
            }]
            .into(),
        ),
        ..contact()
    }
}

fn bare_contact() -> Contact {
    Contact { path: vec![], user_agent: None, latency_us: None, reachable: None, ..contact() }
}

fn registration() -> Registration {
    Registration { account: "alice".to_owned(), contacts: vec![contact(), bare_contact()] }
}

fn summary(phase: CallPhase) -> CallSummary {
    CallSummary {
        id: "c-1".to_owned(),
        caller: party(),
        called: Party::new("100", ""),
        phase,
        started: AT,
        answered: Some(AT),
        legs: vec![LegSummary {
            leg_id: "1-2@192.0.2.7".to_owned(),
            peer: "alice".to_owned(),
            phase: LegPhase::Answered,
            incoming: true,
            platform: None,
            behalf: None,
            tags: None,
            suite: None,
            quality: None,
        }],
        codec: Some("PCMA".to_owned()),
        origin: None,
        anonymous: false,
        verdict: None,
    }
}

fn quality() -> LegQuality {
    LegQuality {
        codec: Some("opus".into()),
        packets_received: 1,
        packets_sent: 23,
        packets_lost: 24,
        packets_lost_at_peer: Some(255),
        jitter_us: 256,
        jitter_at_peer_us: Some(65_535),
        round_trip_us: Some(65_536),
        suite: None,
        packets_discarded: 0,
        packets_late: 0,
        mos_centi: None,
        mos_at_peer_centi: None,
        jitter_max_us: None,
    }
}

fn record(outcome: Outcome) -> CallRecord {
    CallRecord {
        id: "c-1".to_owned(),
        origin: Origin::Trunk("carrier".into()),
        caller: party(),
        called: Party::new("100", "example.org"),
        destination: Some("bob".into()),
        started: AT,
        ringing: Some(AT),
        answered: Some(AT),
        ended: Some(AT),
        outcome,
        cause: Some(cause()),
        ended_by_caller: Some(false),
        caller_quality: quality(),
        callee_quality: LegQuality::default(),
        transferred_from: None,
        transferred_to: None,
        transferred_as: None,
        joined_from: None,
        verdict: None,
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
    }
}

fn failures() -> Vec<Failure> {
    let full = Failure {
        reason: Reason::Peer,
        cause: Some(cause()),
        detail: Some("the callee is busy".to_owned()),
        retry_after_s: Some(60),
        contacts: Vec::new(),
        diversion: None,
        interface: None,
        diversion_private: false,
    };
    let contacts = vec![party(), Party::new("300", "")];
    let redirected = Failure { contacts, ..full.clone() };
    let every_reason = Reason::ALL.map(Failure::new);
    let every_cause = CauseKind::ALL.map(|kind| Failure::because(kind.into()));
    [full].into_iter().chain(every_reason).chain(every_cause).chain([redirected]).collect()
}

fn calls() -> Vec<Call> {
    let full = Call {
        id: "c-1".to_owned(),
        origin: Origin::Account("alice".into()),
        caller: party(),
        anonymous: true,
        called: Party::default(),
        media: Some(MediaExchange::Offer(description())),
        hops: 69,
        interface: ip("192.0.2.1"),
        leg_id: "1-2@192.0.2.7".to_owned(),
        verified: false,
        referred_by: None,
        placement: None,
        path: Vec::new(),
        ring_ms: None,
        passed: None,
        secure: false,
        host: None,
        early_offer: false,
        identity: None,
    };
    let passed = Some(vec![Passed { name: "X-Account".to_owned(), value: private("7"), trunks_alone: false }]);
    let referred = Call { verified: true, referred_by: Some(private("<sip:carol@example.org>")), ..full.clone() };
    let passing = Call { passed, ..full.clone() };
    let passed = vec![Passed { name: "Diversion".to_owned(), value: private("8"), trunks_alone: true }];
    let secure = Call { passed: Some(passed), secure: true, ..full.clone() };
    let bare = Call { origin: Origin::Control, media: None, interface: ip("2001:db8::1"), ..full.clone() };
    let of_trunk = Call { origin: Origin::Trunk("carrier".into()), ..bare.clone() };
    let placed = Call {
        placement: Some(Placement::Account("bob".to_owned())),
        path: vec![PlatformId(1)],
        ring_ms: Some(20_000),
        ..bare.clone()
    };
    let trunk = Placement::Trunk { name: "carrier".to_owned(), number: private("+4930") };
    let elsewhere = [Behalf::Trunk, Behalf::Account, Behalf::Control].map(|behalf| Call {
        origin: Origin::Platform { platform: "west".into(), behalf, name: "alice".into() },
        placement: Some(trunk.clone()),
        path: vec![PlatformId(1), PlatformId(2)],
        ..bare.clone()
    });
    let from = Call { host: Some(ip("198.51.100.7")), ..full.clone() };
    [of_trunk, bare, full, referred, placed].into_iter().chain(elsewhere).chain([passing, secure, from]).collect()
}

fn identities() -> [CallIdentity; 3] {
    let diversion = |(cause, count)| Diversion { by: party(), cause, count, private: count % 2 == 0 };
    let diversions: Vec<_> = DiversionCause::ALL.into_iter().zip(0..).map(diversion).collect();
    let passed = verdicts().swap_remove(1);
    let origin = Private::new("alice".into());
    let attested = Attested { attestation: Attestation::Full, origin };
    let everything = CallIdentity { diversions, verdict: Some(passed), attested: Some(attested), diverted_here: 0 };
    let one = CallIdentity { diversions: everything.diversions[..1].to_vec(), ..CallIdentity::default() };
    [everything, one, CallIdentity::default()]
}

fn verdicts() -> Vec<CallerVerdict> {
    let passed = Attestation::ALL.map(|attestation| CallerVerdict {
        verstat: Verstat::Passed,
        attestation: Some(attestation),
        origid: Some("4b6a6d1c-58ae-4c4b-9b8c-24d8f1f3f0a1".into()),
        fault: None,
    });
    let failed = SignatureFault::ALL.map(CallerVerdict::failed);
    [CallerVerdict::none()].into_iter().chain(passed).chain(failed).collect()
}

fn legs() -> Vec<Leg> {
    let full = Leg {
        call_id: "c-1".to_owned(),
        target: Target::Contact(contact()),
        caller: party(),
        anonymous: false,
        called: Party::new("bob", "example.org"),
        media: Some(MediaExchange::Answer(description())),
        hops: 68,
        verified: false,
        referred_by: None,
        passed: None,
        secure: false,
        urgent: false,
        identity: None,
        account: None,
    };
    let passed = Some(vec![Passed { name: "X-Account".to_owned(), value: private("7"), trunks_alone: false }]);
    let referred = Leg { verified: true, referred_by: Some(private("<sip:carol@example.org>")), ..full.clone() };
    let passing = Leg { passed, ..full.clone() };
    let of_account = Leg { account: Some("alice".into()), ..full.clone() };
    let secure = Leg { secure: true, ..full.clone() };
    let urgent = Leg { urgent: true, ..full.clone() };
    let trunk = Target::Trunk { name: "carrier".to_owned(), number: private("+4930") };
    let bare = Leg { target: trunk, media: None, ..full.clone() };
    vec![
        full,
        Leg { target: Target::Uri(private("sip:bob@example.org")), ..bare.clone() },
        bare,
        referred,
        passing,
        of_account,
        secure,
        urgent,
    ]
}

fn tags() -> LegTags {
    LegTags { local: "00c0ffee".into(), remote: "7f".into() }
}

fn leg_states() -> Vec<LegState> {
    use LegPhase::{Answered, Early, Released, Ringing, Trying};
    let full = LegState {
        phase: Answered,
        media: Some(MediaExchange::Answer(MediaDescription::default())),
        cause: Some(cause()),
        party: Some(party()),
        leg_id: Some("1-2@192.0.2.7".to_owned()),
        interface: Some(ip("192.0.2.1")),
        tags: None,
        conference: ConferenceName::room("sales").map(Box::new),
        host: None,
        probe: None,
        candidates: Vec::new(),
    };
    let rings = LegState { tags: Some(tags()), ..LegState::new(Ringing) };
    let from = LegState { host: Some(ip("2001:db8::7")), ..LegState::new(Early) };
    let bare = [Trying, Ringing, Early, Answered, Released].map(LegState::new);
    [full, rings].into_iter().chain(bare).chain([from]).collect()
}

fn statuses() -> Vec<Status> {
    use ResourceKind::*;
    let kinds = [
        Listener,
        MediaPorts,
        Sessions,
        Calls,
        Dialogs,
        Transactions,
        Bindings,
        Database,
        Connections,
        Core,
        Inbox,
        Trunk,
        Memory,
        Table,
    ];
    let states = [ResourceState::Ready, ResourceState::Degraded, ResourceState::Failed];
    let resources = kinds.iter().zip(states.iter().cycle()).map(|(&kind, &state)| Resource {
        kind,
        name: "udp 127.0.0.1:5060".to_owned(),
        state,
        used: 7,
        total: (state != ResourceState::Ready).then_some(1 << 40),
        detail: (state != ResourceState::Ready).then(|| "something is missing".to_owned()),
    });
    let full = Status {
        module: "voice/0".to_owned(),
        since: AT,
        resources: resources.collect(),
        counters: vec![
            Counter::new("packets", u64::MAX),
            Counter::labelled("sip_requests_received", "method", "INVITE", 7),
        ],
        distributions: vec![Distribution {
            name: "worker_tick_lateness_us".to_owned(),
            buckets: vec![(100, 1), (1000, 2)],
            count: 3,
            sum: 4_000,
        }],
    };
    // Kinds that came after the first published encoding of a status.
    let of_kind = |kind| Resource { kind, ..full.resources[0].clone() };
    let later = |kinds: &[ResourceKind]| Status {
        resources: kinds.iter().copied().map(of_kind).collect(),
        ..Status::default()
    };
    let (second, third) = (later(&[Certificate]), later(&[Files, Tasks]));
    vec![full, Status::default(), second, third]
}

fn accounts() -> Vec<Account> {
    let full = Account {
        name: "alice".to_owned(),
        display_name: Some(private("Alice")),
        credential: AccountCredential::Hashes { md5: [0x5d; 16], sha256: [0x25; 32] },
        enabled: true,
        created: AT,
        removed: false,
    };
    let password = AccountCredential::Password(private("secret"));
    let bare = Account { display_name: None, credential: AccountCredential::Withheld, removed: true, ..full.clone() };
    vec![full, Account { credential: password, enabled: false, ..bare.clone() }, bare]
}

fn selections() -> Vec<Selection> {
    let full = Selection {
        cursor: Some("1.2".to_owned()),
        limit: Some(100),
        name: Some("c-1".to_owned()),
        party: Some("alice".to_owned()),
        since: Some(WallTime(-1)),
        until: Some(AT),
        state: Some("busy".to_owned()),
    };
    vec![full, Selection::default()]
}

/// Several values of every parameter.
pub fn samples() -> Vec<Parameter> {
    let mut samples = published();
    samples.extend(additions().into_iter().map(|(_, sample)| sample));
    samples
}

/// What has come to a parameter since its encoding was published, under the name of its own golden file: those of before stay as they are.
pub fn additions() -> Vec<(&'static str, Parameter)> {
    let probe = Some(Probe { number: 1 << 40, calls: 64 });
    let dialog = published().into_iter().find_map(|sample| match sample {
        Parameter::Dialog(dialog) => Some(*dialog),
        _ => None,
    });
    let placement = dialog.map(|dialog| Placement::Dialog { dialog, sent: true });
    let placed = calls().into_iter().next().map(|call| Call { placement, ..call });
    let sent = published().into_iter().find_map(|sample| match sample {
        Parameter::GuestLeg(guest) => Some(GuestLeg { sent: true, calls: true, ..*guest }),
        _ => None,
    });
    let offerless = calls().into_iter().next().map(|call| Call { media: None, early_offer: true, ..call });
    let added = [
        placed.map(|call| ("Call+dialog", call.into())),
        offerless.map(|call| ("Call+early-offer", call.into())),
        sent.clone().map(|guest| ("GuestLeg+sent", guest.into())),
        sent.map(|guest| ("GuestLeg+hidden", GuestLeg { hidden: true, ..guest }.into())),
    ];
    let secure = Party { secure: true, ..party() };
    let target = Transfer { target: secure, phase: LegPhase::Trying, cause: None, referred_by: None };
    let secure = ("Transfer+secure", target.into());
    let mut counted = summary(CallPhase::Talking);
    counted.legs.iter_mut().for_each(|leg| leg.quality = Some(Box::new(quality())));
    let counted = ("CallSummary+quality", counted.into());
    let reported = ("MediaPlan+metrics", MediaPlan { voip_metrics: true, ..plan() }.into());
    let found = vec![socket("198.51.100.7:30000"), socket("[2001:db8::7]:30001")];
    let reached = MediaEvent { port: PortId(1), kind: MediaEventKind::Reached(found.clone()) };
    let reached = ("MediaEvent+reached", reached.into());
    let anew = MediaStream {
        seeks_anew: true,
        chosen_ways: found,
        ..stream(MediaKind::Audio, MediaTransport::RtpAvp, Direction::SendReceive)
    };
    let anew = MediaExchange::Offer(MediaDescription { streams: vec![anew] });
    let anew = ("LegState+ways", LegState::new(LegPhase::Answered).with_media(Some(anew)).into());
    let asked =
        MediaStream { voip_metrics: true, ..stream(MediaKind::Audio, MediaTransport::RtpAvp, Direction::SendReceive) };
    let asked = MediaExchange::Offer(MediaDescription { streams: vec![asked] });
    let asked = ("LegState+metrics", LegState::new(LegPhase::Answered).with_media(Some(asked)).into());
    let probed = ("LegState+probe", LegState { probe, ..LegState::new(LegPhase::Answered) }.into());
    let dialogs = [None, Some(party())].map(|other| AccountDialog {
        leg_id: "1-2@192.0.2.7".to_owned(),
        incoming: other.is_some(),
        phase: LegPhase::Ringing,
        other,
    });
    let state = AccountState { registered: Some(true), dialogs: Some(dialogs.to_vec()), ..AccountState::of("alice") };
    let followed = ("AccountState+dialogs", state.into());
    let written = ("Platform+writes", Platform { writes: Some(5), ..platform(PlatformState::Linked) }.into());
    added
        .into_iter()
        .flatten()
        .chain([probed, counted, reported, asked, anew, reached, followed, written, secure])
        .chain(of_identity())
        .collect()
}

/// What is told of callers beside the name.
fn of_identity() -> Vec<(&'static str, Parameter)> {
    let mut added: Vec<(&'static str, Parameter)> = Vec::new();
    for identity in identities() {
        let identity = Some(Box::new(identity));
        added.extend(calls().pop().map(|call| ("Call+identity", Call { identity: identity.clone(), ..call }.into())));
        added.extend(legs().pop().map(|leg| ("Leg+identity", Leg { identity, ..leg }.into())));
    }
    for verdict in verdicts() {
        let verdict = Some(Box::new(verdict));
        let record = CallRecord { verdict: verdict.clone(), ..record(Outcome::Answered) };
        added.push(("CallRecord+verdict", record.into()));
        added.push(("CallSummary+verdict", CallSummary { verdict, ..summary(CallPhase::Talking) }.into()));
    }
    let attested = Attested { attestation: Attestation::Full, origin: Private::new("alice".into()) };
    let signed = CallIdentity { attested: Some(attested), diverted_here: 2, ..CallIdentity::default() };
    added.extend(legs().pop().map(|leg| ("Leg+diverted", Leg { identity: Some(Box::new(signed)), ..leg }.into())));
    let moved = Failure { contacts: vec![party()], ..Failure::because(cause()) };
    let moved = Failure { diversion: Some(DiversionCause::NoAnswer), ..moved };
    added.push(("Failure+diversion", moved.into()));
    let elsewhere = Failure { interface: Some(ip("2001:db8::5")), ..Failure::because(CauseKind::PeerFailure.into()) };
    added.push(("Failure+interface", elsewhere.into()));
    let urgent = MediaPort {
        port: PortId(1),
        interface: ip("192.0.2.1"),
        address: None,
        urgent: true,
        components_served: 0,
        served: None,
    };
    added.push(("MediaPort+urgent", urgent.into()));
    let served = ServedAddresses {
        relayed_rtp: Some(socket("203.0.113.9:50000")),
        relayed_rtcp: Some(socket("203.0.113.9:50001")),
        reflexive_rtp: Some(socket("198.51.100.9:40000")),
        reflexive_rtcp: Some(socket("[2001:db8::9]:40001")),
    };
    let port = MediaPort { components_served: 2, served: Some(served), urgent: false, ..urgent };
    added.push(("MediaPort+served", port.into()));
    let own = MediaStream {
        served: Some(Box::new(served)),
        ..stream(MediaKind::Audio, MediaTransport::RtpAvp, Direction::SendReceive)
    };
    let later = IceCandidate { component: 1, priority: 1_694_498_815, address: socket("198.51.100.9:40000") };
    let later = LegState { candidates: vec![later], ..LegState::new(LegPhase::Answered) };
    added.push(("LegState+candidates", later.into()));
    let own = MediaExchange::Offer(MediaDescription { streams: vec![own] });
    added.push(("LegState+served", LegState::new(LegPhase::Answered).with_media(Some(own)).into()));
    let hidden = Failure { contacts: vec![party()], diversion_private: true, ..Failure::because(cause()) };
    added.push(("Failure+private", hidden.into()));
    added
}

/// The parameters as they were published.
pub fn published() -> Vec<Parameter> {
    let mut samples: Vec<Parameter> = Vec::new();
    macro_rules! add {
        ($values:expr) => {
            samples.extend($values.into_iter().map(Parameter::from))
        };
    }
    add!(failures());
    add!(calls());
    add!(legs());
    add!(leg_states());
    let secure = MediaStream {
        protection: Some(protection(SrtpSuite::AesCm128HmacSha1_80)),
        ..stream(MediaKind::Audio, MediaTransport::RtpSavp, Direction::SendReceive)
    };
    let secure = MediaExchange::Offer(MediaDescription { streams: vec![secure] });
    add!([LegState { media: Some(secure), ..LegState::new(LegPhase::Answered) }]);
    let keyed = MediaStream {
        dtls: dtls(DtlsRole::Server),
        ..stream(MediaKind::Audio, MediaTransport::UdpTlsRtpSavpf, Direction::SendReceive)
    };
    let keyed = MediaExchange::Offer(MediaDescription { streams: vec![keyed] });
    add!([LegState { media: Some(keyed), ..LegState::new(LegPhase::Answered) }]);
    let sought =
        MediaStream { ice: ice(true), ..stream(MediaKind::Audio, MediaTransport::RtpAvp, Direction::SendReceive) };
    let sought = MediaExchange::Offer(MediaDescription { streams: vec![sought] });
    add!([LegState { media: Some(sought), ..LegState::new(LegPhase::Answered) }]);
    add!([Digits { digits: private("12*#A"), duration_ms: 160, port: None }]);
    add!([Digits { digits: private("5"), duration_ms: 2_000, port: Some(PortId(1)) }]);
    let information = Information {
        content_type: Some("application/dtmf-relay".to_owned()),
        body: b"Signal=1\r\n".to_vec(),
        package: Some("g.3gpp.x".to_owned()),
        is_text: true,
    };
    add!([information, Information { content_type: None, body: vec![], package: None, is_text: false }]);
    let transfer = Transfer {
        target: Party::new("carol", "example.org"),
        phase: LegPhase::Trying,
        cause: Some(cause()),
        referred_by: Some(private("<sip:bob@example.org>")),
    };
    add!([Transfer { cause: None, referred_by: None, ..transfer.clone() }, transfer]);
    add!([Originate { from: "alice".to_owned(), to: "100".to_owned() }]);
    use CallPhase::{Ended, Held, Ringing, Routing, Talking, Transferring};
    add!([Routing, Ringing, Talking, Held, Transferring, Ended].map(summary));
    add!([CallSummary { answered: None, legs: vec![], codec: None, ..summary(Routing) }]);
    add!([CallSummary { origin: Some(Origin::Account("alice".into())), ..summary(Talking) }]);
    let mut elsewhere = summary(Talking);
    elsewhere.legs.iter_mut().for_each(|leg| leg.platform = Some("west".to_owned()));
    add!([elsewhere]);
    let mut secure = summary(Talking);
    secure.legs.iter_mut().for_each(|leg| leg.suite = Some(SrtpSuite::AeadAes256Gcm));
    add!([secure]);
    let mut rings = CallSummary { anonymous: true, ..summary(Ringing) };
    rings.legs.iter_mut().for_each(|leg| (leg.behalf, leg.tags) = (Some(Behalf::Account), Some(tags())));
    add!([rings]);
    let event =
        CallEvent { call: summary(Ended), cause: Some(cause()), at: AT, missed: true, pressed: None, quality: None };
    add!([CallEvent { cause: None, missed: false, ..event.clone() }, event]);
    add!([KeyForm::Events, KeyForm::Tones, KeyForm::Signalled].map(|form| {
        let pressed = Pressed { key: private("5"), duration_ms: 120, by_caller: true, form };
        let pressed = Some(Box::new(pressed));
        CallEvent { call: summary(Talking), cause: None, at: AT, missed: false, pressed, quality: None }
    }));
    let sounded = Some(Box::new(CallQuality { caller: quality(), callee: LegQuality::default() }));
    add!([CallEvent { call: summary(Ended), cause: None, at: AT, missed: false, pressed: None, quality: sounded }]);
    let address = PortAddress { rtp: socket("192.0.2.1:40000"), rtcp: socket("192.0.2.1:40001") };
    let port = MediaPort {
        port: PortId(1),
        interface: ip("192.0.2.1"),
        address: Some(address),
        urgent: false,
        components_served: 0,
        served: None,
    };
    add!([port, MediaPort { address: None, ..port }]);
    let bare = MediaPlan {
        remote_rtp: None,
        remote_rtcp: None,
        codecs: vec![],
        ptime_ms: None,
        silence_limit_ms: None,
        ..plan()
    };
    add!([plan(), bare]);
    add!(SrtpSuite::ALL.map(|suite| MediaPlan { protection: Some(protection(suite)), ..plan() }));
    add!([MediaPlan { host: Some(ip("203.0.113.9")), ..plan() }]);
    add!([MediaPlan { keys: Some(KeyForm::Signalled), ..plan() }]);
    add!([DtlsRole::Client, DtlsRole::Server].map(|role| MediaPlan { dtls: dtls(role), ..plan() }));
    let networks =
        vec![Network { address: ip("203.0.113.0"), prefix: 24 }, Network { address: ip("2001:db8::"), prefix: 32 }];
    add!([MediaPlan { networks, ..plan() }]);
    add!([true, false].map(|is_lite| MediaPlan { ice: ice(is_lite), ..plan() }));
    add!([Bridge { a: PortId(1), b: PortId(65_535) }]);
    let room = ConferenceName::room("sales").expect("a name");
    let kinds = [
        BuiltinKind::Echo,
        BuiltinKind::Milliwatt,
        BuiltinKind::Silence,
        BuiltinKind::Ringback,
        BuiltinKind::Conference(room),
    ];
    add!(kinds.map(|kind| Builtin { port: PortId(1), kind }));
    add!([statistics(), PortStatistics::default()]);
    add!([PortStatistics { suite: Some(SrtpSuite::AeadAes128Gcm), ..statistics() }]);
    let rated = PortStatistics { packets_late: 9, mos_centi: Some(441), mos_at_peer_centi: Some(100), ..statistics() };
    add!([rated]);
    add!([PortStatistics { jitter_max_us: Some(1_000), ..statistics() }]);
    let kinds = [MediaEventKind::Arrived, MediaEventKind::Silent, MediaEventKind::Broken, MediaEventKind::Alone];
    add!(kinds.map(|kind| MediaEvent { port: PortId(1), kind }));
    let kind = MediaEventKind::Pressed { key: private("#"), duration_ms: 80, form: KeyForm::Tones };
    add!([MediaEvent { port: PortId(1), kind }]);
    add!([MediaEvent { port: PortId(1), kind: MediaEventKind::Secured(SrtpSuite::AeadAes128Gcm) }]);
    use HandshakeFault::{Fingerprint as Other, Refused, TimedOut};
    add!([Other, Refused, TimedOut].map(|fault| MediaEvent { port: PortId(1), kind: MediaEventKind::Insecure(fault) }));
    add!([MediaEvent { port: PortId(1), kind: MediaEventKind::Unreachable }]);
    let with_instance = Registration { account: "carol".to_owned(), contacts: vec![contact_of_an_instance()] };
    add!([registration(), Registration { account: "bob".to_owned(), contacts: vec![] }, with_instance]);
    let binding = Binding { account: "alice".to_owned(), contact: contact(), removed: false };
    add!([Binding { contact: bare_contact(), removed: true, ..binding.clone() }, binding]);
    add!([RegistrationEvent { registration: registration(), at: AT, missed: false }]);
    let trunk = TrunkStatus {
        name: "carrier".to_owned(),
        target: private("sip.carrier.example:5060"),
        calls_in: 1,
        calls_out: 2,
        offered: 3,
        answered: 4,
        failed: 5,
        last_failure: Some("no answer".to_owned()),
        silent: None,
        passed_over_s: None,
        registrations: None,
        limited: None,
        responds: None,
        reason: None,
        answered_percent: None,
        delay_ms: None,
    };
    let silent = TrunkStatus {
        silent: Some(2),
        passed_over_s: Some(10),
        limited: Some(7),
        responds: Some(false),
        reason: Some("silent".to_owned()),
        answered_percent: Some(41),
        delay_ms: Some(1_200),
        ..trunk.clone()
    };
    use RegistrationState::{Failed, Gone, Leaving, Registered, Trying};
    let own = [Trying, Registered, Failed, Leaving, Gone].map(|state| TrunkRegistration {
        address: private("tandem@carrier.example"),
        state,
        kept_s: (state == Registered).then_some(300),
        next_s: Some(270),
        reason: (state == Failed).then(|| "403 Forbidden".to_owned()),
        service_route: vec![private("<sip:edge.carrier.example;lr>")],
        registrar: (state == Registered).then(|| private("198.51.100.10:5060")),
        flow: (state == Registered).then_some(2),
    });
    let registers = TrunkStatus { registrations: Some(own.to_vec()), ..trunk.clone() };
    add!([trunk, TrunkStatus::default(), silent, registers]);
    let changes = {
        use TrunkChange::{InUse, PassedOver, Registered, Tried, Unregistered};
        [PassedOver, Tried, InUse, Registered, Unregistered]
    };
    add!(changes.map(|change| TrunkEvent {
        name: "carrier".to_owned(),
        change,
        seconds: (change == TrunkChange::PassedOver).then_some(10),
        reason: (change == TrunkChange::PassedOver).then(|| "silent".to_owned()),
        address: (change == TrunkChange::Registered).then(|| private("tandem@carrier.example")),
        at: AT,
        missed: false,
    }));
    add!(accounts());
    use Outcome::{Answered, Interrupted, Open, Unanswered};
    add!([Open, Answered, Unanswered, Interrupted].map(record));
    add!([CallRecord {
        destination: None,
        ringing: None,
        answered: None,
        ended: None,
        cause: None,
        ended_by_caller: None,
        ..record(Open)
    }]);
    add!([CallRecord {
        id: "c-1~2".to_owned(),
        transferred_from: Some("c-1".to_owned()),
        transferred_to: Some(party()),
        transferred_as: Some("c-1~3".to_owned()),
        joined_from: Some("c-2".to_owned()),
        ..record(Answered)
    }]);
    let rated = LegQuality {
        packets_discarded: 2,
        packets_late: 3,
        mos_centi: Some(412),
        mos_at_peer_centi: Some(100),
        ..quality()
    };
    let secure = LegQuality { suite: Some(SrtpSuite::AesCm256HmacSha1_80), ..rated };
    add!([CallRecord { caller_quality: secure, ..record(Answered) }]);
    let shaken = LegQuality { jitter_max_us: Some(u32::MAX), ..quality() };
    add!([CallRecord { caller_quality: shaken, ..record(Answered) }]);
    add!([Ban { network: private("2001:db8::/64"), until: AT, attempts: 60 }, Ban::default()]);
    let lookup =
        NumberLookup { number: private("+4930123"), domain: "e164.arpa".to_owned(), ..NumberLookup::default() };
    let ported = Passed { name: ";called".to_owned(), value: private("+4930123;npdi"), trunks_alone: true };
    let places = vec![Party::new("+4930123", "carrier.example")];
    add!([NumberLookup { places, passed: vec![ported], ..lookup.clone() }, lookup]);
    add!(statuses());
    add!(selections());
    let trace = TraceEntry {
        at: AT,
        direction: TraceDirection::Received,
        transport: "udp".to_owned(),
        local: "192.0.2.1:5060".to_owned(),
        remote: private("198.51.100.7:41234"),
        leg_id: "1-2@192.0.2.7".to_owned(),
        message: b"BYE sip:100@192.0.2.1 SIP/2.0\r\n\r\n".to_vec(),
        truncated: false,
    };
    add!([TraceEntry { direction: TraceDirection::Sent, truncated: true, ..trace.clone() }, trace]);
    let waiting = MessageWaiting { account: "alice".to_owned(), new: 2, old: 8, urgent_new: 1, urgent_old: 0 };
    let presence = Presence {
        id: "t1".to_owned(),
        open: true,
        contact: Some(private("sip:alice@198.51.100.7")),
        note: Some(private("at lunch")),
        activities: vec!["meal".to_owned()],
    };
    add!([waiting.clone(), MessageWaiting::default()]);
    let state = AccountState {
        registration: registration(),
        waiting: Some(waiting),
        presence: vec![presence, Presence::default()],
        registered: None,
        dialogs: None,
    };
    add!([AccountState { waiting: None, presence: vec![], ..state.clone() }, state]);
    let text = TextMessage {
        id: "m-1".to_owned(),
        from: party(),
        to: Party::new("bob", "example.org"),
        account: Some("bob".to_owned()),
        content_type: "text/plain".to_owned(),
        body: Private::new(b"hello".to_vec().into()),
        sent: AT,
        expires: AT,
        anonymous: true,
        verified: true,
        hops: Some(69),
        subject: Some(private("lunch")),
        ends: Some(AT),
    };
    add!([text, TextMessage::of_account(None)]);
    add!([MessageFate::Delivered, MessageFate::Kept, MessageFate::Refused].map(|fate| MessageEvent {
        id: "m-1".to_owned(),
        from: party(),
        to: Party::new("bob", "example.org"),
        octets: 5,
        fate,
        at: AT,
        missed: false,
    }));
    let ways = vec![
        MessageWay::Account("bob".to_owned()),
        MessageWay::Trunk { name: "carrier".to_owned(), number: private("+4930") },
    ];
    add!([MessageRoute { number: private("bob"), origin: Origin::Control, ways }]);
    use PlatformState::{Down, Here, Linked, Via};
    add!([Linked, Here, Via, Down].map(platform));
    add!([Platform::default()]);
    let leg = Address::local(ModuleKind::Signaling, 1).at(Instance(3));
    let call = Address::local(ModuleKind::Switch, 1).at(Instance(4));
    let dialog = Dialog {
        leg_id: "1-2@192.0.2.7".to_owned(),
        own_tag: "a".to_owned(),
        peer_tag: "b".to_owned(),
        early_only: false,
        at: None,
        join: false,
    };
    add!([Dialog { join: true, ..dialog.clone() }]);
    add!([Dialog { early_only: true, at: Some(DialogPlace { leg, call }), ..dialog.clone() }, dialog]);
    add!([Handover { from: call, call_id: "c-2".to_owned() }]);
    let connected = Connected {
        party: party(),
        origin: Some(Origin::Account("bob".into())),
        verified: true,
        anonymous: true,
        calls: true,
    };
    add!([connected.clone(), Connected { origin: None, verified: false, anonymous: false, calls: false, ..connected }]);
    let session = Address::local(ModuleKind::Voice, 1).at(Instance(4));
    add!([MovedPort { port: PortId(2), session, from: PortId(1) }]);
    let guest = GuestLeg {
        replaces: leg,
        early_only: false,
        origin: Origin::Account("bob".into()),
        leg,
        party: party(),
        verified: true,
        peer: Origin::Trunk("carrier".into()),
        incoming: true,
        leg_id: "1-2@192.0.2.7".to_owned(),
        interface: ip("192.0.2.1"),
        session: Some(session),
        port: Some(PortId(1)),
        local: description(),
        remote: description(),
        by_peer: true,
        codecs: vec![codec()],
        capabilities: vec![codec()],
        generation: 2,
        record: "c-1".to_owned(),
        asked: None,
        calls: false,
        host: None,
        price: None,
        payer: None,
        sent: false,
        hidden: false,
    };
    let calling = GuestLeg { session: None, port: None, asked: Some(7), calls: true, ..guest.clone() };
    let from = GuestLeg { host: Some(ip("198.51.100.7")), ..guest.clone() };
    let payer = Some("account bob".to_owned().into());
    let paid = GuestLeg { price: Some(12_500), payer, ..guest.clone() };
    add!([GuestLeg { early_only: true, ..guest.clone() }, guest, calling, from, paid]);
    let ringing = router::parameter::Ringing {
        by: Origin::Account("bob".to_owned().into()),
        accounts: Some(vec!["carol".to_owned()]),
        at: None,
        waits_ms: 0,
        allowed: false,
    };
    add!([
        router::parameter::Ringing {
            at: Some(DialogPlace { leg, call }),
            waits_ms: 1_500,
            allowed: true,
            ..ringing.clone()
        },
        router::parameter::Ringing { accounts: None, ..ringing },
    ]);
    let conference = Conference { name: room, members: 3, since: AT, packets_late: 4, frames: 50 };
    add!([conference]);
    let converted = Conversion { leg: Some(leg), origin: Origin::Account("bob".into()), name: Some(room) };
    add!([Conversion { leg: None, name: None, ..converted.clone() }, converted]);
    add!([Extension { name: "org.example.colour".to_owned(), bytes: vec![0x01] }]);
    samples
}

fn platform(state: PlatformState) -> Platform {
    Platform {
        id: PlatformId(2),
        name: "b".to_owned(),
        state,
        address: Some("192.0.2.2:5070".to_owned()),
        via: (state == PlatformState::Via).then_some(PlatformId(3)),
        version: Some("0.1.0".to_owned()),
        modules: vec![PlatformModule { kind: ModuleKind::Voice, index: 1, load_thousandths: 250 }],
        round_trip_us: Some(180),
        queued: 1,
        in_flight: 2,
        dropped: 3,
        packets_in: 4,
        octets_in: 500,
        packets_out: 6,
        octets_out: 700,
        last_error: Some("silent for 3 s".to_owned()),
        since: AT,
        missed: true,
        writes: None,
    }
}

/// A packet with these parameters.
pub fn packet(parameters: impl Into<Parameters>) -> Packet {
    Packet {
        source: Address::local(ModuleKind::Switch, 0).at(Instance(0x0123_4567_89ab_cdef)),
        destination: Address { platform: PlatformId(7), ..Address::any(ModuleKind::Signaling) },
        transaction: Transaction(42),
        command: Command::Start,
        parameters: parameters.into(),
    }
}

/// Bytes in hexadecimal, sixteen a line.
pub fn to_hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// The bytes of a text as [`to_hex`] writes it; what follows `#` in a line is a remark.
pub fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.lines().flat_map(|line| line.split('#').next().unwrap_or("").split_whitespace());
    digits.map(|byte| u8::from_str_radix(byte, 16).expect("a byte in hexadecimal")).collect()
}
