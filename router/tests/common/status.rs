//! What modules tell of themselves, and what listings are asked for.

use super::{AT, Published};
use router::parameter::*;
use router::time::WallTime;

pub(super) fn published(samples: &mut Published) {
    samples.add(statuses());
    samples.add(selections());
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
