//! The interface as a module: what it holds, what it serves, when it is due.

use super::LinkId;
use super::dial::Targets;
use super::load::Loads;
use super::peer::Link;
use super::requests::Requests;
use super::table::{Known, Table};
use crate::address::{Address, Instance, ModuleKind, PlatformId};
use crate::command::Command;
use crate::limits::{
    BATCH, LINKS, LOAD_EVERY_MS, PLATFORM_PAGE, PLATFORMS, RELEASE_RETRY_MS, REQUEST_AGE_S, SWEEP_EVERY_MS,
    TELL_EVERY_MS,
};
use crate::outbox::{Outbox, Received};
use crate::packet::{Packet, Parameters, one};
use crate::parameter::{
    Counter, Failure, Parameter, Platform, PlatformModule, PlatformState, Reason, Resource, ResourceKind,
    ResourceState, Selection, Status,
};
use crate::random::Random;
use crate::route::{Endpoint, Refused};
use crate::service::{Service, drain};
use crate::subscription::Subscriptions;
use crate::time::{Duration, Instant, Now, WallTime};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a platform is told of itself and of others.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its number, unique in the cluster: see [`PlatformId::is_identity`].
    pub platform: PlatformId,
    /// Its name for people.
    pub name: String,
    /// The version of its software.
    pub version: String,
    /// Where others reach it (`host:port`), at most [`ADDRESSES`](crate::limits::ADDRESSES).
    pub addresses: Vec<String>,
    /// Whom to dial (`host:port`), for as long as it runs. One that is linked suffices: it tells of the others.
    pub peers: Vec<String>,
    /// How often it sends heartbeats; a peer that misses three of them is gone.
    pub heartbeat: Duration,
}

impl Config {
    /// A platform that nobody can dial and that dials nobody, with a heartbeat each second.
    pub fn new(platform: PlatformId, name: &str) -> Self {
        Self {
            platform,
            name: name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            addresses: Vec::new(),
            peers: Vec::new(),
            heartbeat: Duration::from_secs(1),
        }
    }
}

/// What the shell is to do.
#[derive(Debug)]
pub enum Output {
    /// Connect to this address for this link.
    Connect(LinkId, String),
    /// Write these octets to the link, behind what was written before.
    Write(LinkId, Vec<u8>),
    /// Write these octets if that is possible at once, and end the link.
    Close(LinkId, Vec<u8>),
}

/// What the interface has counted since the start, beside what it counts for each platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BridgeCounters {
    /// Packets that modules of this platform sent to others.
    pub sent: u64,
    /// Packets from other platforms that were given to modules of this one.
    pub delivered: u64,
    /// Packets that were passed on from one link to another.
    pub forwarded: u64,
    /// Requests that came to their end here: no way, no room, a link lost, too old. Each was answered.
    pub failed: u64,
    /// Notices, answers and requests that nobody awaits that found no way, no room or no receiver.
    pub dropped: u64,
    /// Answers to no request, or to one that was answered before.
    pub late: u64,
    /// Packets that arrived behind a later one of their origin, while routes changed.
    pub overtaken: u64,
    /// Packets of which this version understands only who sends them to whom.
    pub unreadable: u64,
    /// Links that came up.
    pub links_up: u64,
    /// Links that were ended here because of what the peer did.
    pub links_refused: u64,
}

/// The inter-platform interface of a platform, `bridge/0`. Pure: the shell is [`super::link`].
///
/// Drain rule: after any `handle_*`, give the router what [`poll_deliver`](Self::poll_deliver) has and
/// [`handle_refused`](Self::handle_refused) what it refuses, until there is none; then do what
/// [`poll_output`](Self::poll_output) says until `None`; [`turn`] does the first part.
#[derive(Debug)]
pub struct Bridge {
    pub(super) config: Config,
    pub(super) epoch: u32,
    pub(super) random: Random,
    pub(super) outbox: Outbox,
    pub(super) table: Table,
    pub(super) requests: Requests,
    pub(super) targets: Targets,
    pub(super) loads: Loads,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) next_link: u64,
    /// Links with something to write.
    pub(super) ready: VecDeque<LinkId>,
    pub(super) outputs: VecDeque<Output>,
    /// Packets for modules of this platform.
    pub(super) deliver: VecDeque<Packet>,
    /// Releases that found no room: for modules here, or for other platforms.
    pub(super) held: VecDeque<Packet>,
    pub(super) held_until: Option<Instant>,
    /// Platforms of which subscribers are to hear.
    pub(super) changed: BTreeSet<PlatformId>,
    pub(super) tell_at: Option<Instant>,
    pub(super) counters: BridgeCounters,
    pub(super) is_stopping: bool,
    subscriptions: Subscriptions,
    next_heartbeat: Instant,
    next_tell: Instant,
    next_load: Instant,
    next_sweep: Instant,
    /// When something of all this is due; early at worst.
    due: Instant,
    since: WallTime,
}

impl Bridge {
    /// The interface of a platform that begins now. It dials whom `config` names at its first
    /// [`handle_timeout`](Service::handle_timeout).
    pub fn new(config: Config, now: Now, mut random: Random) -> Self {
        let mut targets = Targets::default();
        for peer in &config.peers {
            targets.configure(now.instant, peer.clone());
        }
        Self {
            epoch: random.next_u32().max(1),
            random,
            outbox: Outbox::new(Address::local(ModuleKind::Bridge, 0)),
            table: Table::new(config.platform),
            requests: Requests::new(config.platform),
            targets,
            loads: Loads::default(),
            links: BTreeMap::new(),
            next_link: 1,
            ready: VecDeque::new(),
            outputs: VecDeque::new(),
            deliver: VecDeque::new(),
            held: VecDeque::new(),
            held_until: None,
            changed: BTreeSet::new(),
            tell_at: None,
            counters: BridgeCounters::default(),
            is_stopping: false,
            subscriptions: Subscriptions::default(),
            next_heartbeat: now.instant,
            next_tell: now.instant + Duration::from_millis(TELL_EVERY_MS),
            next_load: now.instant,
            next_sweep: now.instant + Duration::from_millis(SWEEP_EVERY_MS),
            due: now.instant,
            since: now.wall,
            config,
        }
    }

    /// The modules of this platform, as the route table has them: what is offered to others. To be told now and then.
    pub fn handle_modules(&mut self, modules: impl IntoIterator<Item = Address>) {
        let is_other = |address: &Address| address.module.kind != ModuleKind::Bridge;
        self.loads.handle_modules(modules.into_iter().filter(is_other));
    }

    /// The next packet for a module of this platform.
    pub fn poll_deliver(&mut self) -> Option<Packet> {
        self.deliver.pop_front()
    }

    /// What the shell is to do next.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        while let Some(id) = self.ready.front().copied() {
            if let Some(link) = self.links.get_mut(&id) {
                if let Some(octets) = link.outgoing.poll_write() {
                    return Some(Output::Write(id, octets));
                }
                link.is_ready = false;
            }
            self.ready.pop_front();
        }
        None
    }

    /// What it has counted.
    pub fn counters(&self) -> BridgeCounters {
        self.counters
    }

    /// Requests that are not answered yet, and octets that wait: what it keeps for others.
    pub fn waiting(&self) -> (usize, usize) {
        (self.requests.len(), self.links.values().map(|link| link.outgoing.octets() + link.reader.kept()).sum())
    }

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

    /// Something happened that may be due earlier than what was.
    pub(super) fn is_due_at(&mut self, at: Instant) {
        self.due = self.due.min(at);
    }

    /// Tells subscribers what has changed.
    pub(super) fn tell_subscribers(&mut self) {
        while let Some(subscriber) = self.outbox.poll_missed() {
            self.subscriptions.missed(subscriber);
        }
        if self.subscriptions.is_empty() {
            self.changed.clear();
        }
        while let Some(id) = self.changed.pop_first() {
            let Some(known) = self.table.get(id) else { continue };
            let platform = self.describe(id, known);
            for (subscriber, missed) in self.subscriptions.take() {
                self.outbox.notify(Instance::MODULE, subscriber, one(Platform { missed, ..platform.clone() }));
            }
        }
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

    fn describe(&self, id: PlatformId, known: &Known) -> Platform {
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
            last_error: known.last_error.clone().or_else(dialled),
            since: known.since,
            missed: false,
        }
    }

    fn handle_request(&mut self, request: &Packet) {
        match (request.command, request.first()) {
            (Command::Query, Some(Parameter::Status(_))) => {
                let status = self.status();
                self.outbox.done(request, one(status));
            }
            (Command::Query, Some(Parameter::Platform(_))) => {
                let answer = self.page(request.parameters.get(1));
                self.outbox.done(request, answer);
            }
            (Command::Subscribe, Some(Parameter::Platform(_))) => {
                if self.subscriptions.subscribe(request.source) {
                    self.outbox.done(request, Parameters::new());
                } else {
                    self.outbox.failed(request, Failure::new(Reason::Exhausted));
                }
            }
            (Command::Unsubscribe, Some(Parameter::Platform(_))) => {
                if self.subscriptions.unsubscribe(request.source) {
                    self.outbox.done(request, Parameters::new());
                } else {
                    self.outbox.failed(request, Failure::new(Reason::NotFound));
                }
            }
            (Command::Notify, _) => {}
            _ => self.outbox.unsupported(request),
        }
    }

    /// Platforms behind the selection's cursor (a number), of its name, number or state; then the selection.
    fn page(&self, selection: Option<&Parameter>) -> Parameters {
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

    fn status(&self) -> Status {
        let resource = |kind, name: &str, used: usize, total: usize| Resource {
            kind,
            name: name.to_owned(),
            state: ResourceState::Ready,
            used: used as u64,
            total: Some(total as u64),
            detail: None,
        };
        let down: Vec<_> = self.platforms().into_iter().filter(|of| of.state == PlatformState::Down).collect();
        let mut platforms = resource(ResourceKind::Table, "platforms", self.table.iter().count(), PLATFORMS);
        if let Some(first) = down.first() {
            platforms.state = ResourceState::Degraded;
            let name = if first.name.is_empty() { first.id.0.to_string() } else { first.name.clone() };
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
            ] {
                counters.push(Counter::labelled(name, "platform", &id, value));
            }
        }
        counters
    }

    /// Asks every module of this platform for its load.
    fn ask_loads(&mut self, now: Instant) {
        let modules: Vec<_> = self.loads.modules().collect();
        for module in modules {
            let within = Duration::from_millis(LOAD_EVERY_MS / 2);
            let empty = one(Status::default());
            self.outbox.request(now, Instance::MODULE, module, Command::Query, empty, within);
        }
    }

    /// Fails what is too old, forgets who has been away for too long.
    fn sweep(&mut self, now: Now) {
        for request in self.requests.take_older(now.instant, Duration::from_secs(REQUEST_AGE_S)) {
            self.fail_request(now, &request, Failure::new(Reason::Expired));
        }
        self.forget_platforms(now.instant);
    }

    /// When something is due.
    fn next_due(&self, now: Instant) -> Instant {
        let own = self.config.heartbeat;
        let fixed = [self.next_heartbeat, self.next_tell, self.next_load, self.next_sweep];
        let links = self.links.values().map(|link| link.next_check(now, own));
        let dial = (!self.is_stopping).then(|| self.targets.next(|platform| self.table.is_linked(platform))).flatten();
        let others = links.chain(dial).chain(self.held_until).chain(self.tell_at);
        fixed.into_iter().chain(others).min().unwrap_or(self.next_sweep)
    }
}

/// What this version knows of the modules that a platform offers.
fn known_modules(offered: &[super::message::Offered]) -> Vec<PlatformModule> {
    let known = |module: &super::message::Offered| {
        let kind = *ModuleKind::ALL.iter().find(|kind| **kind as u8 == module.kind)?;
        Some(PlatformModule { kind, index: module.index, load_thousandths: module.load_thousandths })
    };
    offered.iter().filter_map(known).collect()
}

impl Service for Bridge {
    fn handle_received(&mut self, _now: Now, received: Received) {
        match received {
            Received::Packet(request) => self.handle_request(&request),
            // Only loads are asked for.
            Received::Answer(pending, answer) => match answer.first() {
                Some(Parameter::Status(status)) => self.loads.handle_status(pending.destination.module, status),
                _ => self.loads.handle_silence(pending.destination.module),
            },
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        let at = now.instant;
        if at < self.due {
            return;
        }
        self.check_links(now);
        if self.held_until.is_some_and(|until| until <= at) {
            self.held_until = None;
            self.repeat_held(now);
        }
        if self.next_load <= at {
            self.next_load = at + Duration::from_millis(LOAD_EVERY_MS);
            self.ask_loads(at);
        }
        if self.next_heartbeat <= at {
            self.next_heartbeat = at + self.config.heartbeat;
            self.send_heartbeats(now);
        }
        if self.next_tell <= at || self.tell_at.is_some_and(|tell| tell <= at) {
            self.next_tell = at + Duration::from_millis(TELL_EVERY_MS);
            self.announce(now);
        }
        if self.next_sweep <= at {
            self.next_sweep = at + Duration::from_millis(SWEEP_EVERY_MS);
            self.sweep(now);
        }
        self.dial(at);
        self.tell_subscribers();
        self.due = self.next_due(at);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.due)
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

/// One turn: a bounded batch of packets (those for this module, and those for other platforms), then what is due, then what is
/// to be delivered here. True if packets may still wait.
pub fn turn(bridge: &mut Bridge, endpoint: &Endpoint, now: Now) -> bool {
    let mut more = true;
    for _ in 0..BATCH {
        let Some(packet) = endpoint.receive() else {
            more = false;
            break;
        };
        let platform = packet.destination.platform;
        if platform != PlatformId::HERE && platform != bridge.config.platform {
            bridge.handle_outbound(now, packet);
        } else if let Some(received) = bridge.outbox.handle_packet(packet) {
            bridge.handle_received(now, received);
        }
    }
    if bridge.due <= now.instant {
        bridge.handle_timeout(now);
    }
    if bridge.outbox.poll_timeout().is_some_and(|at| at <= now.instant) {
        bridge.outbox.handle_timeout(now.instant);
    }
    deliver(bridge, endpoint, now);
    more
}

/// The drain rule of the interface: gives the router what is for modules of this platform, and its own packets.
pub fn deliver(bridge: &mut Bridge, endpoint: &Endpoint, now: Now) {
    bridge.tell_subscribers();
    while let Some(packet) = bridge.poll_deliver() {
        match endpoint.send(packet) {
            Ok(()) => bridge.counters.delivered += 1,
            Err(Refused { packet, reason }) => bridge.handle_refused(now, Refused { packet, reason }),
        }
    }
    drain(bridge, endpoint, now);
}

/// How long a release that found no room waits to be repeated.
pub(super) const HELD_FOR: Duration = Duration::from_millis(RELEASE_RETRY_MS);
