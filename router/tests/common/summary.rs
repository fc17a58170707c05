//! Calls as those who watch them see them.

use super::failure::cause;
use super::leg::tags;
use super::record::quality;
use super::{AT, Published, party, private};
use router::Parameter;
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    use CallPhase::{Ended, Held, Ringing, Routing, Talking, Transferring};
    samples.add([Routing, Ringing, Talking, Held, Transferring, Ended].map(summary));
    samples.add([CallSummary { answered: None, legs: vec![], codec: None, ..summary(Routing) }]);
    samples.add([CallSummary { origin: Some(Origin::Account("alice".into())), ..summary(Talking) }]);
    let mut elsewhere = summary(Talking);
    elsewhere.legs.iter_mut().for_each(|leg| leg.platform = Some("west".to_owned()));
    samples.add([elsewhere]);
    let mut secure = summary(Talking);
    secure.legs.iter_mut().for_each(|leg| leg.suite = Some(SrtpSuite::AeadAes256Gcm));
    samples.add([secure]);
    let mut rings = CallSummary { anonymous: true, ..summary(Ringing) };
    rings.legs.iter_mut().for_each(|leg| (leg.behalf, leg.tags) = (Some(Behalf::Account), Some(tags())));
    samples.add([rings]);
    let event =
        CallEvent { call: summary(Ended), cause: Some(cause()), at: AT, missed: true, pressed: None, quality: None };
    samples.add([CallEvent { cause: None, missed: false, ..event.clone() }, event]);
    samples.add([KeyForm::Events, KeyForm::Tones, KeyForm::Signalled].map(|form| {
        let pressed = Pressed { key: private("5"), duration_ms: 120, by_caller: true, form };
        let pressed = Some(Box::new(pressed));
        CallEvent { call: summary(Talking), cause: None, at: AT, missed: false, pressed, quality: None }
    }));
    let sounded = Some(Box::new(CallQuality { caller: quality(), callee: LegQuality::default() }));
    samples.add([CallEvent {
        call: summary(Ended),
        cause: None,
        at: AT,
        missed: false,
        pressed: None,
        quality: sounded,
    }]);
}

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    let mut counted = summary(CallPhase::Talking);
    counted.legs.iter_mut().for_each(|leg| leg.quality = Some(Box::new(quality())));
    let quality = LegQuality { jitter_max_at_peer_us: Some(9_000), packets_repeated_at_peer: Some(3), ..quality() };
    let mut told = summary(CallPhase::Talking);
    told.legs.iter_mut().for_each(|leg| leg.quality = Some(Box::new(quality.clone())));
    vec![("CallSummary+quality", counted.into()), ("CallSummary+summary", told.into())]
}

pub(super) fn summary(phase: CallPhase) -> CallSummary {
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
