//! Call records.

use super::failure::cause;
use super::{AT, Published, party};
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    use Outcome::{Answered, Interrupted, Open, Unanswered};
    samples.add([Open, Answered, Unanswered, Interrupted].map(record));
    samples.add([CallRecord {
        destination: None,
        ringing: None,
        answered: None,
        ended: None,
        cause: None,
        ended_by_caller: None,
        ..record(Open)
    }]);
    samples.add([CallRecord {
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
    samples.add([CallRecord { caller_quality: secure, ..record(Answered) }]);
    let shaken = LegQuality { jitter_max_us: Some(u32::MAX), ..quality() };
    samples.add([CallRecord { caller_quality: shaken, ..record(Answered) }]);
}

pub(super) fn quality() -> LegQuality {
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
        jitter_max_at_peer_us: None,
        packets_repeated_at_peer: None,
    }
}

pub(super) fn record(outcome: Outcome) -> CallRecord {
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
