//! What is told of the platforms, and of the interface itself.

use super::message::Offered;
use super::service::Bridge;
use super::table::Known;
use crate::address::{ModuleKind, PlatformId};
use crate::limits::{LINKS, PLATFORM_PAGE, PLATFORMS};
use crate::packet::Parameters;
use crate::parameter::{
    Counter, Parameter, Platform, PlatformModule, PlatformState, Resource, ResourceKind, ResourceState, Selection,
    Status,
};

impl Bridge {
    /// The platforms, this one first, the others in the order of their numbers.
    pub fn platforms(&self) -> Vec<Platform> {
        let others = self.table.iter().map(|(id, known)| self.describe(id, known));
        std::iter::once(self.describe_own()).chain(others).collect()
    }

    /// Addresses of the configuration that never told which platform they are: without a number.
    fn unknown(&self) -> impl Iterator<Item = Platform> + '_ {
        let unknown = self.targets.iter().filter(|(_, target)| target.platform.is_none() && !target.is_own);
        unknown.map(|(address, target)| Platform {
            address: Some(address.clone()),
            last_error: target.last_error.clone(),
            since: self.since,
            ..Platform::default()
        })
    }

    /// The platform that is meant by its number, or by its name alone.
    pub(super) fn named(&self, asked: &Platform) -> Option<PlatformId> {
        let is_meant = |(id, known): &(PlatformId, &Known)| match asked.id {
            PlatformId::HERE => !asked.name.is_empty() && known.description.name == asked.name,
            asked => *id == asked,
        };
        let mut meant = self.table.iter().filter(is_meant).map(|(id, _)| id);
        // A name that several have means none of them.
        meant.next().filter(|_| meant.next().is_none())
    }

    fn describe_own(&self) -> Platform {
        Platform {
            id: self.config.platform,
            name: self.config.name.clone(),
            state: PlatformState::Here,
            address: self.config.addresses.first().cloned(),
            version: Some(self.config.version.clone()),
            modules: known_modules(&self.loads.offered()),
            since: self.since,
            ..Platform::default()
        }
    }

    pub(super) fn describe(&self, id: PlatformId, known: &Known) -> Platform {
        let links = || known.links.iter().filter_map(|link| self.links.get(link));
        let active = links().next_back();
        let state = match known.route {
            Some(route) if route.distance == 1 => PlatformState::Linked,
            Some(_) => PlatformState::Via,
            None => PlatformState::Down,
        };
        let traffic = known.traffic;
        let dialled = || {
            let mut targets = self.targets.iter().filter(|(_, target)| target.platform == Some(id));
            targets.find_map(|(_, target)| target.last_error.clone())
        };
        Platform {
            id,
            name: known.description.name.clone(),
            state,
            address: active.map(|link| link.remote.clone()).or_else(|| known.description.addresses.first().cloned()),
            via: known.route.filter(|route| route.distance > 1).map(|route| route.via),
            version: known.description.software.clone(),
            modules: known_modules(&known.modules),
            round_trip_us: active
                .and_then(|link| link.peer()?.round_trip)
                .map(|round_trip| u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX)),
            queued: links().map(|link| link.outgoing.packets()).sum(),
            in_flight: self.requests.of_destination(id) as u64,
            dropped: traffic.dropped,
            packets_in: traffic.packets_in + links().map(|link| link.packets_in).sum::<u64>(),
            octets_in: traffic.octets_in + links().map(|link| link.octets_in).sum::<u64>(),
            packets_out: traffic.packets_out + links().map(|link| link.outgoing.packets_out()).sum::<u64>(),
            octets_out: traffic.octets_out + links().map(|link| link.outgoing.octets_out()).sum::<u64>(),
            // With a link it does not matter which of its addresses did not answer before.
            last_error: known.last_error.clone().or_else(|| dialled().filter(|_| state != PlatformState::Linked)),
            since: known.since,
            missed: false,
            writes: Some(traffic.writes + links().map(|link| link.outgoing.writes()).sum::<u64>()),
        }
    }

    /// Platforms behind the selection's cursor (a number), of its name, number or state; then the selection.
    pub(super) fn page(&self, selection: Option<&Parameter>) -> Parameters {
        let mut selection = match selection {
            Some(Parameter::Selection(selection)) => (**selection).clone(),
            _ => Selection::default(),
        };
        let behind: u32 = selection.cursor.take().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let limit = selection.limit.map_or(PLATFORM_PAGE, |limit| (limit as usize).clamp(1, PLATFORM_PAGE));
        let is_wanted = |platform: &Platform| {
            let is_named =
                |name: &String| *name == platform.name || name.parse::<u32>().is_ok_and(|id| id == platform.id.0);
            platform.id.0 > behind
                && selection.name.as_ref().is_none_or(is_named)
                && selection.state.as_deref().is_none_or(|state| state == platform.state.name())
        };
        let mut platforms: Vec<_> = self.platforms().into_iter().filter(is_wanted).collect();
        platforms.sort_by_key(|platform| platform.id);
        if platforms.len() > limit {
            platforms.truncate(limit);
            selection.cursor = platforms.last().map(|platform| platform.id.0.to_string());
        } else if selection.name.is_none()
            && selection.state.as_deref().is_none_or(|state| state == PlatformState::Down.name())
        {
            platforms.extend(self.unknown().take(PLATFORM_PAGE));
        }
        let platforms = platforms.into_iter().map(Parameter::from);
        platforms.chain([Parameter::from(selection)]).collect()
    }

    /// What `Query × Status` is answered with.
    pub(super) fn status(&self) -> Status {
        let resource = |kind, name: &str, used: usize, total: usize| Resource {
            kind,
            name: name.to_owned(),
            state: ResourceState::Ready,
            used: used as u64,
            total: Some(total as u64),
            detail: None,
        };
        // Who was merely told of is missed by nobody.
        let is_missed = |id, known: &Known| known.route.is_none() && (known.is_met || self.targets.is_configured(id));
        let down: Vec<_> = self.table.iter().filter(|(id, known)| is_missed(*id, known)).collect();
        let mut platforms = resource(ResourceKind::Table, "platforms", self.table.iter().count(), PLATFORMS);
        if let Some(first) = down.first() {
            platforms.state = ResourceState::Degraded;
            let (id, name) = (first.0, &first.1.description.name);
            let name = if name.is_empty() { id.0.to_string() } else { name.clone() };
            platforms.detail = Some(format!("{} of them down: {name}", down.len()));
        }
        Status {
            module: "bridge/0".to_owned(),
            since: self.since,
            resources: vec![
                resource(ResourceKind::Connections, "links", self.links.len(), LINKS),
                platforms,
                Resource { total: None, ..resource(ResourceKind::Table, "requests in flight", self.requests.len(), 0) },
            ],
            counters: self.status_counters(),
            distributions: Vec::new(),
        }
    }

    fn status_counters(&self) -> Vec<Counter> {
        let of = &self.counters;
        let mut counters = vec![
            Counter::new("bridge_packets_sent", of.sent),
            Counter::new("bridge_packets_delivered", of.delivered),
            Counter::new("bridge_packets_forwarded", of.forwarded),
            Counter::new("bridge_requests_failed", of.failed),
            Counter::new("bridge_packets_dropped", of.dropped),
            Counter::new("bridge_answers_late", of.late),
            Counter::new("bridge_packets_overtaken", of.overtaken),
            Counter::new("bridge_packets_refused", of.refused),
            Counter::new("bridge_packets_unreadable", of.unreadable),
            Counter::new("bridge_links_up", of.links_up),
            Counter::new("bridge_links_refused", of.links_refused),
        ];
        for platform in self.platforms().iter().filter(|platform| platform.state != PlatformState::Here) {
            let id = platform.id.0.to_string();
            for (name, value) in [
                ("bridge_link_packets_in", platform.packets_in),
                ("bridge_link_packets_out", platform.packets_out),
                ("bridge_link_octets_in", platform.octets_in),
                ("bridge_link_octets_out", platform.octets_out),
                ("bridge_link_packets_dropped", platform.dropped),
                ("bridge_link_writes", platform.writes.unwrap_or(0)),
            ] {
                counters.push(Counter::labelled(name, "platform", &id, value));
            }
        }
        counters
    }
}

/// What this version knows of the modules that a platform offers.
fn known_modules(offered: &[Offered]) -> Vec<PlatformModule> {
    let known = |module: &Offered| {
        let kind = *ModuleKind::ALL.iter().find(|kind| **kind as u8 == module.kind)?;
        Some(PlatformModule { kind, index: module.index, load_thousandths: module.load_thousandths })
    };
    offered.iter().filter_map(known).collect()
}
