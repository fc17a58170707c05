//! `Query × Status`.

use super::Signaling;
use crate::limits::{
    BAN_SOURCES, FOLLOWED_CALLS_MAX, FOLLOWED_ELSEWHERE_MAX, FOLLOWERS_MAX, LEGS_MAX, NONCES_IN_USE_MAX,
    PLACES_SHORT_SHOWN, SUBSCRIPTIONS_MAX, TRACE_LEGS_MAX,
};
use crate::transaction::limits::{CLIENTS_MAX, SERVERS_MAX};
use crate::trunk::{Trunk, TrunkId};
use router::parameter::{Counter, RegistrationState, Resource, ResourceKind, ResourceState, Status};

impl Signaling {
    /// What the module tells of itself.
    pub(super) fn status(&self) -> Status {
        let resource = |kind, name: String, used: usize, total: Option<usize>| Resource {
            kind,
            name,
            state: ResourceState::Ready,
            used: used as u64,
            total: total.map(|total| total as u64),
            detail: None,
        };
        let mut resources: Vec<Resource> = self
            .means
            .config
            .listeners
            .iter()
            .map(|(_, listener)| resource(ResourceKind::Listener, listener.to_string(), 1, Some(1)))
            .collect();
        let (clients, servers) = self.means.transactions.len();
        resources.extend([
            resource(ResourceKind::Dialogs, "legs".to_owned(), self.legs.len(), Some(LEGS_MAX)),
            resource(ResourceKind::Transactions, "client".to_owned(), clients, Some(CLIENTS_MAX)),
            resource(ResourceKind::Transactions, "server".to_owned(), servers, Some(SERVERS_MAX)),
            resource(ResourceKind::Table, "subscriptions".to_owned(), self.notifier.len(), Some(SUBSCRIPTIONS_MAX)),
            resource(
                ResourceKind::Table,
                "followed calls".to_owned(),
                self.notifier.calls.len(),
                Some(FOLLOWED_CALLS_MAX),
            ),
            resource(
                ResourceKind::Table,
                "accounts followed at other platforms".to_owned(),
                self.notifier.elsewhere.len(),
                Some(FOLLOWED_ELSEWHERE_MAX),
            ),
            resource(
                ResourceKind::Table,
                "followers at other platforms".to_owned(),
                self.notifier.followers.len(),
                Some(FOLLOWERS_MAX),
            ),
            resource(
                ResourceKind::Table,
                "sources shut out".to_owned(),
                self.gate.admission.banned(self.means.now.instant),
                Some(BAN_SOURCES),
            ),
            self.overload_share(),
            resource(ResourceKind::Connections, "registered flows".to_owned(), self.means.flows.len(), None),
        ]);
        resources.push(self.connection_places());
        let mut bindings = resource(ResourceKind::Bindings, "bindings".to_owned(), self.bindings.len(), None);
        if !self.loading.is_done() {
            bindings.state = ResourceState::Degraded;
            bindings.detail = Some("accounts and bindings are not loaded from the store yet".to_owned());
        }
        resources.push(bindings);
        resources.extend(self.trunk_resources());
        let (trace, trace_octets) = self.means.trace.usage();
        let (legs, memory) = (self.means.trace.legs(), self.means.trace.memory());
        let nonces = self.gate.authenticator.nonces_in_use();
        resources.extend([
            resource(ResourceKind::Table, "accounts".to_owned(), self.gate.accounts.len(), None),
            resource(ResourceKind::Table, "nonces in use".to_owned(), nonces, Some(NONCES_IN_USE_MAX)),
            resource(ResourceKind::Table, "contacts watched".to_owned(), self.keep_alives.len(), None),
            resource(ResourceKind::Table, "trace messages".to_owned(), trace, None),
            resource(ResourceKind::Table, "trace legs".to_owned(), legs, Some(TRACE_LEGS_MAX)),
            resource(ResourceKind::Table, "trace memory".to_owned(), memory, None),
            resource(
                ResourceKind::Table,
                "trace octets".to_owned(),
                trace_octets,
                Some(self.means.config.trace_octets),
            ),
        ]);
        Status {
            module: self.means.outbox.address().module.to_string(),
            since: self.since,
            resources,
            counters: self.counters(),
            distributions: Vec::new(),
        }
    }

    /// The share of new requests that is refused as there are too many.
    fn overload_share(&self) -> Resource {
        let share = self.backlog.refused_percent(self.means.now.instant);
        Resource {
            kind: ResourceKind::Table,
            name: "overload, percent refused".to_owned(),
            state: if share > 0 { ResourceState::Degraded } else { ResourceState::Ready },
            used: share,
            total: Some(100),
            detail: (share > 0).then(|| "more comes than can be served".to_owned()),
        }
    }

    /// The places for connections. It serves in part while newcomers find none that is free.
    fn connection_places(&self) -> Resource {
        let transport = &self.means.counters.transport;
        let now = self.means.now.instant;
        let short = self.places_short_at.is_some_and(|at| now.since(at) < PLACES_SHORT_SHOWN);
        Resource {
            kind: ResourceKind::Connections,
            name: "connections".to_owned(),
            state: if short { ResourceState::Degraded } else { ResourceState::Ready },
            used: transport.open,
            total: (transport.places > 0).then_some(transport.places),
            detail: short.then(|| "within the last minute newcomers found no free place for a connection".to_owned()),
        }
    }

    fn counters(&self) -> Vec<Counter> {
        let mut counters = Vec::new();
        self.means.counters.tell(&mut counters);
        self.numbers.tell(&mut counters);
        let transactions = self.means.transactions.counters();
        let admission = self.gate.admission.counters();
        let bindings = self.bindings.counters();
        let notifier = self.notifier.counters;
        let messages = self.messaging.counters;
        for (name, value) in [
            ("sip_absorbed", transactions.absorbed),
            ("sip_retransmitted", transactions.retransmitted),
            ("sip_timed_out", transactions.timed_out),
            ("sip_refusals_unacknowledged", transactions.unacknowledged),
            ("sip_transport_failures", transactions.transport_failures),
            ("sip_capture_missed", self.means.trace.capture_missed()),
            ("sip_overload_refused", self.backlog.refused_in_all()),
            ("sip_merged", transactions.merged),
            ("sip_transactions_refused", transactions.refused),
            ("sip_invalid", transactions.invalid),
            ("sip_stray_responses", transactions.stray_responses),
            ("sip_upgraded_to_tcp", transactions.upgraded),
            ("sip_downgraded_to_udp", transactions.downgraded),
            ("sip_unknown_admitted", admission.unknown_admitted),
            ("sip_unknown_source_limited", admission.unknown_source_limited),
            ("sip_unknown_total_limited", admission.unknown_total_limited),
            ("sip_registered_limited", admission.registered_limited),
            ("sip_trunk_limited", admission.trunk_limited),
            ("sip_dialog_limited", admission.dialog_limited),
            ("sip_banned_dropped", admission.banned),
            ("sip_bans", admission.bans),
            ("bindings_added", bindings.added),
            ("bindings_refreshed", bindings.refreshed),
            ("bindings_removed", bindings.removed),
            ("sip_subscriptions_begun", notifier.begun),
            ("sip_subscriptions_lost", notifier.lost),
            ("sip_subscriptions_refused", notifier.refused),
            ("sip_notifies_sent", notifier.sent),
            ("sip_notifies_coalesced", notifier.coalesced),
            ("sip_published", notifier.published),
            ("sip_messages_taken", messages.received),
            ("sip_messages_delivered", messages.delivered),
            ("sip_messages_kept", messages.kept),
            ("sip_messages_refused", messages.refused),
            ("sip_messages_limited", messages.limited),
            ("bindings_expired", bindings.expired),
        ] {
            counters.push(Counter::new(name, value));
        }
        for trunk in self.means.trunks.iter() {
            let status = &trunk.status;
            for (outcome, value) in [
                ("offered", status.offered),
                ("answered", status.answered),
                ("failed", status.failed),
                ("limited", status.limited.unwrap_or(0)),
            ] {
                let labels = [("trunk", status.name.as_str()), ("outcome", outcome)];
                let labels = labels.map(|(label, of)| (label.to_owned(), of.to_owned())).to_vec();
                counters.push(Counter { name: "sip_trunk_calls".to_owned(), labels, value });
            }
        }
        counters
    }

    /// The trunks with their calls here. One that does not answer OPTIONS, or does not keep a registration of ours, serves in part.
    fn trunk_resources(&self) -> Vec<Resource> {
        let resource = |(id, trunk): (TrunkId, &Trunk)| {
            let own = self.registering.of_trunk(&self.means, id).unwrap_or_default();
            let missing = own.iter().filter(|one| one.state != RegistrationState::Registered).count();
            let detail = match (trunk.status.responds, missing) {
                (Some(false), _) => Some("it does not answer OPTIONS".to_owned()),
                (_, 0) => None,
                (_, missing) => Some(format!("{missing} of our {} registrations are not kept", own.len())),
            };
            Resource {
                kind: ResourceKind::Trunk,
                name: trunk.config.name.clone(),
                state: if detail.is_some() { ResourceState::Degraded } else { ResourceState::Ready },
                used: u64::from(trunk.status.calls_in + trunk.status.calls_out),
                total: trunk.config.calls_max.map(u64::from),
                detail,
            }
        };
        self.means.trunks.with_ids().map(resource).collect()
    }
}
