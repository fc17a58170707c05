//! Platforms.

use super::{AT, Published};
use router::parameter::*;
use router::{ModuleKind, Parameter, PlatformId};

pub(super) fn published(samples: &mut Published) {
    use PlatformState::{Down, Here, Linked, Via};
    samples.add([Linked, Here, Via, Down].map(platform));
    samples.add([Platform::default()]);
}

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    vec![("Platform+writes", Platform { writes: Some(5), ..platform(PlatformState::Linked) }.into())]
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
