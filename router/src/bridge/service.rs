//! The interface as a module: what it holds, what it serves, when it is due.

use super::LinkId;
use super::admission::{Followed, Trust};
use super::dial::Targets;
use super::load::Loads;
use super::peer::Link;
use super::refusals::Refusals;
use super::requests::Requests;
use super::table::Table;
use super::unreached::Unreached;
use crate::address::{Address, Instance, ModuleKind, PlatformId};
use crate::command::Command;
use crate::limits::{BATCH, LINKS, LOAD_EVERY_MS, RELEASE_RETRY_MS, REQUEST_AGE_S, SWEEP_EVERY_MS, TELL_EVERY_MS};
use crate::outbox::{Outbox, Received};
use crate::packet::{Packet, Parameters, one};
use crate::parameter::{Failure, Parameter, Platform, Reason, Status};
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
    /// What others may ask of the modules here.
    pub trust: Trust,
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
            trust: Trust::Listed,
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
    /// Packets of others that ask for what is not theirs, or were sent in the name of a platform that has a link of its own.
    pub refused: u64,
    /// Packets of which this version understands only who sends them to whom.
    pub unreadable: u64,
    /// Links that came up.
    pub links_up: u64,
    /// Links that were ended here because of what the peer did, and connections that became none.
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
    /// The place of the last packet that was sent, to whomever.
    pub(super) sequence: u64,
    pub(super) random: Random,
    pub(super) outbox: Outbox,
    pub(super) table: Table,
    pub(super) requests: Requests,
    pub(super) targets: Targets,
    pub(super) loads: Loads,
    pub(super) followed: Followed,
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
    /// When the list was last told to all.
    pub(super) told: Instant,
    pub(super) counters: BridgeCounters,
    pub(super) is_stopping: bool,
    pub(super) refusals: Refusals,
    pub(super) unreached: Unreached,
    subscriptions: Subscriptions,
    next_heartbeat: Instant,
    next_tell: Instant,
    next_load: Instant,
    next_sweep: Instant,
    /// When something of all this is due; early at worst.
    pub(super) due: Instant,
    pub(super) since: WallTime,
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
            sequence: 0,
            random,
            outbox: Outbox::new(Address::local(ModuleKind::Bridge, 0)),
            table: Table::new(config.platform),
            requests: Requests::new(config.platform),
            targets,
            loads: Loads::default(),
            followed: Followed::default(),
            links: BTreeMap::new(),
            next_link: 1,
            ready: VecDeque::new(),
            outputs: VecDeque::new(),
            deliver: VecDeque::new(),
            held: VecDeque::new(),
            held_until: None,
            changed: BTreeSet::new(),
            tell_at: None,
            told: Instant::ZERO,
            counters: BridgeCounters::default(),
            is_stopping: false,
            refusals: Refusals::default(),
            unreached: Unreached::default(),
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

    /// Whom the configuration dials.
    pub(super) fn peers(&self) -> impl Iterator<Item = &str> {
        self.config.peers.iter().map(String::as_str)
    }

    /// What it has counted.
    pub fn counters(&self) -> BridgeCounters {
        self.counters
    }

    /// Packets that it took since the start: how busy it is.
    pub(super) fn packets(&self) -> u64 {
        let BridgeCounters { sent, delivered, forwarded, failed, dropped, .. } = self.counters;
        sent + delivered + forwarded + failed + dropped
    }

    /// Requests that are not answered yet, and octets that wait: what it keeps for others.
    pub fn waiting(&self) -> (usize, usize) {
        (self.requests.len(), self.links.values().map(|link| link.outgoing.octets() + link.reader.kept()).sum())
    }

    /// Something happened that may be due earlier than what was.
    pub(super) fn is_due_at(&mut self, at: Instant) {
        self.due = self.due.min(at);
    }

    /// Tells subscribers what has changed.
    pub(super) fn tell_subscribers(&mut self, now: Now) {
        while let Some(subscriber) = self.outbox.poll_missed() {
            self.subscriptions.missed(subscriber);
        }
        if self.subscriptions.is_empty() {
            self.changed.clear();
        }
        while let Some(id) = self.changed.pop_first() {
            // Of one that is forgotten, or has made way for others, nothing is left but its number.
            let gone = || Platform { id, since: now.wall, ..Platform::default() };
            let platform = self.table.get(id).map_or_else(gone, |known| self.describe(id, known));
            for (subscriber, missed) in self.subscriptions.take() {
                self.outbox.notify(Instance::MODULE, subscriber, one(Platform { missed, ..platform.clone() }));
            }
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
            (Command::Close, Some(Parameter::Platform(of))) => {
                let failure = match self.named(of).map(|id| self.forget(id)) {
                    Some(Ok(())) => return self.outbox.done(request, Parameters::new()),
                    Some(Err(why)) => Failure::new(Reason::Invalid).with_detail(why),
                    None => Failure::new(Reason::NotFound),
                };
                self.outbox.failed(request, failure);
            }
            (Command::Notify, _) => {}
            _ => self.outbox.unsupported(request),
        }
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
        let is_room = !self.is_stopping && self.links.len() < LINKS;
        let dial = is_room.then(|| self.targets.next(|platform| self.table.is_linked(platform))).flatten();
        let others = links.chain(dial).chain(self.held_until).chain(self.tell_at);
        fixed.into_iter().chain(others).min().unwrap_or(self.next_sweep)
    }
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
        self.hear_lists(now);
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
        self.tell_subscribers(now);
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
    bridge.tell_subscribers(now);
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
