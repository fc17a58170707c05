//! What the store tells of itself.

use crate::backend::{BackendError, Usage};
use router::Address;
use router::outbox::OutboxCounters;
use router::parameter::{Counter, Resource, ResourceKind, ResourceState, Status};
use router::time::WallTime;

/// What the store has counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) records: u64,
    pub(crate) records_merged: u64,
    pub(crate) bindings: u64,
    pub(crate) messages: u64,
    pub(crate) bindings_without_account: u64,
    pub(crate) accounts: u64,
    pub(crate) queries: u64,
    pub(crate) commits: u64,
    pub(crate) commits_failed: u64,
    pub(crate) purged: u64,
}

/// Whether the database takes writes. A change is logged, once.
#[derive(Debug, Default)]
pub(crate) struct Health {
    fault: Option<BackendError>,
}

impl Health {
    pub(crate) fn fault(&mut self, error: &BackendError) {
        if self.fault.as_ref() != Some(error) {
            tracing::error!(%error, "the store does not take writes; calls go on, and their records wait in memory until it does");
            self.fault = Some(error.clone());
        }
    }

    pub(crate) fn sound(&mut self) {
        if self.fault.take().is_some() {
            tracing::info!("the store takes writes again");
        }
    }
}

/// The answer to `Query × Status`.
pub(crate) fn status(
    address: Address,
    since: WallTime,
    health: &Health,
    usage: Result<Usage, BackendError>,
    counters: Counters,
    outbox: OutboxCounters,
) -> Status {
    let fault = health.fault.as_ref().map(ToString::to_string);
    let (mut usage, unread) = match usage {
        Ok(usage) => (usage, None),
        Err(error) => (Usage::default(), Some(error.to_string())),
    };
    let unread = unread.or(usage.damage.take());
    let state = match (&unread, &fault) {
        (Some(_), _) => ResourceState::Failed,
        (None, Some(_)) => ResourceState::Degraded,
        (None, None) => ResourceState::Ready,
    };
    let database = Resource {
        kind: ResourceKind::Database,
        name: usage.name,
        state,
        used: usage.bytes,
        total: usage.bytes_max,
        detail: unread.or(fault),
    };
    Status {
        module: address.module.to_string(),
        since,
        resources: vec![database],
        counters: vec![
            Counter::labelled("store_writes", "kind", "record", counters.records),
            Counter::labelled("store_writes", "kind", "binding", counters.bindings),
            Counter::labelled("store_writes", "kind", "account", counters.accounts),
            Counter::labelled("store_writes", "kind", "message", counters.messages),
            Counter::new("store_records_merged", counters.records_merged),
            Counter::new("store_records_interrupted", usage.interrupted),
            Counter::new("store_bindings_without_account", counters.bindings_without_account),
            Counter::new("store_queries", counters.queries),
            Counter::labelled("store_commits", "result", "done", counters.commits),
            Counter::labelled("store_commits", "result", "failed", counters.commits_failed),
            Counter::new("store_rows_purged", counters.purged),
            Counter::new("store_answers_undelivered", outbox.undelivered),
        ],
        distributions: Vec::new(),
    }
}
