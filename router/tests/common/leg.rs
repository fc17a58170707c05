//! Legs, and the states that they are in.

use super::failure::cause;
use super::media::{description, dtls, ice, protection, stream};
use super::port::{found_ways, served};
use super::registration::contact;
use super::{Published, ip, party, private, socket};
use router::Parameter;
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    samples.add(legs());
    samples.add(leg_states());
    let secure = MediaStream {
        protection: Some(protection(SrtpSuite::AesCm128HmacSha1_80)),
        ..stream(MediaKind::Audio, MediaTransport::RtpSavp, Direction::SendReceive)
    };
    let secure = MediaExchange::Offer(MediaDescription { streams: vec![secure] });
    samples.add([LegState { media: Some(secure), ..LegState::new(LegPhase::Answered) }]);
    let keyed = MediaStream {
        dtls: dtls(DtlsRole::Server),
        ..stream(MediaKind::Audio, MediaTransport::UdpTlsRtpSavpf, Direction::SendReceive)
    };
    let keyed = MediaExchange::Offer(MediaDescription { streams: vec![keyed] });
    samples.add([LegState { media: Some(keyed), ..LegState::new(LegPhase::Answered) }]);
    let sought =
        MediaStream { ice: ice(true), ..stream(MediaKind::Audio, MediaTransport::RtpAvp, Direction::SendReceive) };
    let sought = MediaExchange::Offer(MediaDescription { streams: vec![sought] });
    samples.add([LegState { media: Some(sought), ..LegState::new(LegPhase::Answered) }]);
}

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    let audio = || stream(MediaKind::Audio, MediaTransport::RtpAvp, Direction::SendReceive);
    let answered = || LegState::new(LegPhase::Answered);
    let offered = |stream| {
        let offer = MediaExchange::Offer(MediaDescription { streams: vec![stream] });
        answered().with_media(Some(offer))
    };
    let anew = MediaStream { seeks_anew: true, chosen_ways: found_ways(), ..audio() };
    let asked = MediaStream { voip_metrics: true, ..audio() };
    let counted = MediaStream { summary: SummaryAsked::ALL, ..audio() };
    let own = MediaStream { served: Some(Box::new(served())), ..audio() };
    let later = IceCandidate { component: 1, priority: 1_694_498_815, address: socket("198.51.100.9:40000") };
    let probe = Some(Probe { number: 1 << 40, calls: 64 });
    vec![
        ("LegState+probe", LegState { probe, ..answered() }.into()),
        ("LegState+ways", offered(anew).into()),
        ("LegState+metrics", offered(asked).into()),
        ("LegState+served", offered(own).into()),
        ("LegState+summary", offered(counted).into()),
        ("LegState+candidates", LegState { candidates: vec![later], ..answered() }.into()),
    ]
}

pub(super) fn legs() -> Vec<Leg> {
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

pub(super) fn tags() -> LegTags {
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
