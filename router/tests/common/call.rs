//! Calls as their legs ask for them, and what is sent within them.

use super::failure::cause;
use super::media::description;
use super::{Published, ip, party, private};
use router::parameter::*;
use router::{Parameter, PlatformId};

pub(super) fn published(samples: &mut Published) {
    samples.add(calls());
    samples.add([Digits { digits: private("12*#A"), duration_ms: 160, port: None }]);
    samples.add([Digits { digits: private("5"), duration_ms: 2_000, port: Some(PortId(1)) }]);
    let information = Information {
        content_type: Some("application/dtmf-relay".to_owned()),
        body: b"Signal=1\r\n".to_vec(),
        package: Some("g.3gpp.x".to_owned()),
        is_text: true,
    };
    samples.add([information, Information { content_type: None, body: vec![], package: None, is_text: false }]);
    let transfer = Transfer {
        target: Party::new("carol", "example.org"),
        phase: LegPhase::Trying,
        cause: Some(cause()),
        referred_by: Some(private("<sip:bob@example.org>")),
    };
    samples.add([Transfer { cause: None, referred_by: None, ..transfer.clone() }, transfer]);
    samples.add([Originate { from: "alice".to_owned(), to: "100".to_owned() }]);
}

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    let offerless = calls().into_iter().next().map(|call| Call { media: None, early_offer: true, ..call });
    let target = Party { secure: true, ..party() };
    let secure = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None };
    let offerless = offerless.map(|call| ("Call+early-offer", call.into()));
    offerless.into_iter().chain([("Transfer+secure", secure.into())]).collect()
}

pub(super) fn calls() -> Vec<Call> {
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
        origin: Origin::Platform { platform: "west".into(), behalf, name: "alice".into(), number: None },
        placement: Some(trunk.clone()),
        path: vec![PlatformId(1), PlatformId(2)],
        ..bare.clone()
    });
    let from = Call { host: Some(ip("198.51.100.7")), ..full.clone() };
    [of_trunk, bare, full, referred, placed].into_iter().chain(elsewhere).chain([passing, secure, from]).collect()
}
