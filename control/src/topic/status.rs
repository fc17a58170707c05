//! What modules tell of themselves, as JSON.

use router::parameter::{Counter, Distribution, Parameter, Resource, ResourceState, Status};
use router::{Parameters, time::WallTime};
use serde_json::{Map, Value, json};

/// What an answer to `Query × Status` says.
pub(super) fn of(parameters: &Parameters) -> Option<&Status> {
    match parameters.first() {
        Some(Parameter::Status(status)) => Some(status),
        _ => None,
    }
}

/// An empty one, as it is asked with.
pub(super) fn question() -> Status {
    Status { module: String::new(), since: WallTime::default(), ..Status::default() }
}

/// A module's status.
pub(super) fn to_json(status: &Status) -> Value {
    json!({
        "module": status.module,
        "since": status.since.to_string(),
        "state": state_name(worst(&status.resources)),
        "resources": status.resources.iter().map(resource).collect::<Vec<_>>(),
        "counters": status.counters.iter().map(counter).collect::<Vec<_>>(),
        "distributions": status.distributions.iter().map(distribution).collect::<Vec<_>>(),
    })
}

/// The worst state among resources.
pub(super) fn worst(resources: &[Resource]) -> ResourceState {
    resources.iter().map(|resource| resource.state).fold(ResourceState::Ready, worse)
}

/// The worse of two states.
pub(super) fn worse(one: ResourceState, other: ResourceState) -> ResourceState {
    match (one, other) {
        (ResourceState::Failed, _) | (_, ResourceState::Failed) => ResourceState::Failed,
        (ResourceState::Degraded, _) | (_, ResourceState::Degraded) => ResourceState::Degraded,
        _ => ResourceState::Ready,
    }
}

/// The name of a state.
pub(super) const fn state_name(state: ResourceState) -> &'static str {
    match state {
        ResourceState::Ready => "ready",
        ResourceState::Degraded => "degraded",
        ResourceState::Failed => "failed",
    }
}

/// A module's resource.
pub(super) fn resource(resource: &Resource) -> Value {
    json!({
        "kind": resource.kind.name(),
        "name": resource.name,
        "state": state_name(resource.state),
        "used": resource.used,
        "total": resource.total,
        "detail": resource.detail,
    })
}

fn counter(counter: &Counter) -> Value {
    let labels: Map<_, _> =
        counter.labels.iter().map(|(label, value)| (label.clone(), Value::from(value.as_str()))).collect();
    json!({ "name": counter.name, "labels": labels, "value": counter.value })
}

fn distribution(distribution: &Distribution) -> Value {
    json!({
        "name": distribution.name,
        "count": distribution.count,
        "sum": distribution.sum,
        "buckets": distribution.buckets.iter().map(|(bound, count)| json!([bound, count])).collect::<Vec<_>>(),
    })
}
