//! Packets, messages and time to legs and the registrar, and back: signalling as a module.
//!
//! Beside [`Service`] it has inputs and outputs of its own protocol. After any input: [`router::service::drain`], then
//! [`Signaling::poll_transmit`], [`Signaling::poll_resolve`] and [`Signaling::poll_fetch`] until `None`.

mod account_state;
mod admitting;
mod bans;
mod dialogs;
mod events;
mod followed_calls;
mod followed_elsewhere;
mod followers;
mod home_shard;
mod legs;
mod listing;
mod loading;
mod mailboxes;
mod message_names;
mod messages;
mod moved_phones;
mod neighbours;
mod notify;
mod numbers;
mod overloaded;
mod packets;
mod publish;
mod reachability;
mod requests;
mod returning;
mod status;
mod stun;
mod subscribe;
mod subscriber;
mod writing;

use crate::admission::{Bucket, RefusalTags, Standing};
use crate::config::Config;
use crate::digest::Authenticator;
use crate::identity::Fetch;
use crate::limits::URGENT_RATE;
use crate::messaging::Messaging;
use crate::registrar::{Accounts, Bindings};
use crate::subscription::Notifier;
use crate::trace::Trace;
use crate::transaction::Transactions;
use crate::transport::{
    Destination, ExchangeCounters, Flow, Maddr, Received as Datagram, Resolution, Sought, Token, Transmit,
    TransportCounters, TransportFailure,
};
use crate::trunk::Trunks;
use crate::user_agent::authentication::Gate;
use crate::user_agent::keep_alive::KeepAlives;
use crate::user_agent::leg::Leg;
use crate::user_agent::means::Means;
use crate::user_agent::probing::Probing;
use crate::user_agent::registering::Registering;
use bytes::Bytes;
use home_shard::HomeShard;
use legs::Legs;
use loading::Loading;
use neighbours::Neighbours;
use numbers::Numbers;
use overloaded::{Refused, Waiting};
use reachability::Reachability;
use router::parameter::CauseKind;
use router::time::{Instant, Now, WallTime, earliest};
use router::{
    Address, Backlog, Instance, Instances, ModuleKind, Outbox, OwnMap, Random, Received, Service, Subscriptions,
};
use std::sync::Arc;
use writing::Writing;

/// The signalling module of a shard.
pub struct Signaling {
    means: Means,
    legs: Legs,
    gate: Gate,
    /// New requests that wait while more comes than can be served.
    backlog: Backlog<Waiting, { overloaded::KINDS }>,
    refusal_tags: RefusalTags,
    refused: Refused,
    /// Calls for help that do not wait.
    urgent: Bucket,
    bindings: Bindings,
    keep_alives: KeepAlives,
    registering: Registering,
    probing: Probing,
    /// Who is told of registrations.
    subscribers: Subscriptions,
    notifier: Notifier,
    messaging: Messaging,
    reachability: Reachability,
    loading: Loading,
    numbers: Numbers,
    neighbours: Neighbours,
    home_shard: HomeShard,
    writing: Writing,
    /// When it was last told that places for connections had run out.
    places_short_at: Option<Instant>,
    since: WallTime,
    /// The platform is about to end.
    draining: bool,
}

impl Signaling {
    /// The `index`th signalling module of its platform; it asks the switch of the same index for calls. It begins to load
    /// accounts and bindings from the store at once.
    pub fn new(index: u8, config: Config, now: Now, mut random: Random) -> Self {
        let config = Arc::new(config);
        let contacts_max = config.contacts_max;
        let notifier = Notifier::new(index, config.shards.count(), config.is_in_cluster, now.instant);
        let neighbours = Neighbours::new(index, config.shards.count());
        let authenticator =
            Authenticator::new(config.realm.clone(), config.algorithms.clone(), config.nonce_life, &mut random);
        let instances = Instances::new(&mut random);
        let transactions = Transactions::new(config.timers, config.listeners.clone(), random.fork());
        let gate = Gate {
            admission: crate::admission::Admission::new(config.admission, &mut random),
            authenticator,
            failures: crate::admission::Failures::default(),
            accounts: Accounts::default(),
            loaded: false,
        };
        let mut trace = Trace::new(config.trace_octets);
        trace.set_capturing(config.capturing.as_ref());
        let backlog = Backlog::new(now.instant, config.admission.overload_after);
        let refusal_tags = RefusalTags::new(&mut random);
        let means = Means {
            now,
            outbox: Outbox::new(Address::local(ModuleKind::Signaling, index)),
            transactions,
            random,
            instances,
            timers: Default::default(),
            trunks: Trunks::new(config.trunks.clone(), config.secret.clone(), config.shards.clone()),
            trace,
            config,
            tags: OwnMap::default(),
            clients: OwnMap::default(),
            servers: OwnMap::default(),
            flows: Default::default(),
            aliases: Default::default(),
            proven: Default::default(),
            resolving: Default::default(),
            repository: Default::default(),
            avoided: Default::default(),
            late_pracks: Default::default(),
            releases: Default::default(),
            counters: Default::default(),
            trunk_followers: Default::default(),
            bare: Default::default(),
        };
        let mut signaling = Self {
            means,
            legs: Legs::default(),
            gate,
            backlog,
            refusal_tags,
            refused: Refused::default(),
            urgent: Bucket::full(URGENT_RATE),
            bindings: Bindings::new(contacts_max),
            keep_alives: KeepAlives::default(),
            registering: Registering::default(),
            probing: Probing::default(),
            subscribers: Subscriptions::default(),
            notifier,
            messaging: Messaging::default(),
            reachability: Reachability::default(),
            loading: Loading::new(),
            numbers: Numbers::default(),
            neighbours,
            home_shard: HomeShard::default(),
            writing: Writing::default(),
            places_short_at: None,
            since: now.wall,
            draining: false,
        };
        signaling.registering.reconfigure(&mut signaling.means);
        signaling.probing.reconfigure(&mut signaling.means);
        signaling.load();
        signaling.follow_neighbours();
        signaling
    }

    /// Another configuration from now on. The realm, the shards and the listeners that are in use stay what they were made with: the
    /// realm is the store's, and what is given as listeners here is what is bound.
    pub fn reconfigure(&mut self, now: Now, config: Config) {
        self.means.now = now;
        let (realm, shards) = (self.means.config.realm.clone(), self.means.config.shards.clone());
        let config = Config { realm, shards, ..config };
        self.gate.admission.set_limits(config.admission);
        self.backlog.set_after(config.admission.overload_after);
        self.gate.authenticator.set_algorithms(config.algorithms.clone());
        self.gate.authenticator.set_nonce_life(config.nonce_life);
        self.bindings.set_contacts_max(config.contacts_max);
        self.means.trunks.reconfigure(config.trunks.clone());
        self.means.trace.set_bound(config.trace_octets);
        self.means.trace.set_capturing(config.capturing.as_ref());
        self.means.transactions.set_listeners(config.listeners.clone());
        self.means.transactions.set_timers(config.timers);
        if !Arc::ptr_eq(&self.means.config.identity.authorities, &config.identity.authorities) {
            self.means.repository.clear();
        }
        self.means.config = Arc::new(config);
        self.registering.reconfigure(&mut self.means);
        self.probing.reconfigure(&mut self.means);
        let accounts: Vec<String> = self.bindings.accounts_after(None).map(str::to_owned).collect();
        for account in accounts {
            self.keep_alives.watch(&mut self.means, &self.bindings, &account);
        }
    }

    /// A message came.
    pub fn handle_message(&mut self, now: Now, received: Datagram) {
        let Datagram { flow, bytes } = received;
        self.take(now, flow, &bytes, || bytes.clone());
    }

    /// A datagram came. It is copied once it is admitted, so that what is refused costs no memory.
    pub fn handle_datagram(&mut self, now: Now, flow: &Flow, octets: &[u8]) {
        self.take(now, *flow, octets, || Bytes::copy_from_slice(octets));
    }

    fn take(&mut self, now: Now, flow: Flow, octets: &[u8], own: impl FnOnce() -> Bytes) {
        self.means.now = now;
        if self.ends_refusal(octets) {
            self.means.counters.received(octets);
            return;
        }
        let Some(standing) = self.admit(&flow, octets) else { return };
        if !flow.transport.is_reliable() && ::stun::is_stun(octets) {
            return self.handle_stun(&flow, octets);
        }
        self.means.counters.received(octets);
        let maddr = if matches!(standing, Standing::Trunk(_)) { Maddr::Followed } else { Maddr::Ignored };
        let received = Datagram { flow, bytes: own() };
        let Some((received, maddr)) = self.wait_for_turn(received, maddr, standing) else { return };
        if self.means.transactions.handle_received(now.instant, received, maddr) {
            self.means.trace.received(now.wall, &flow, octets, standing == Standing::Unknown);
        }
        self.handle_events();
    }

    /// A message did not leave.
    pub fn handle_transport_failed(&mut self, now: Now, token: Option<Token>, failure: TransportFailure) {
        self.means.now = now;
        if let Some(token) = token {
            self.means.transactions.handle_transport_failed(now.instant, token, failure);
            self.handle_events();
        }
    }

    /// The peer of a connection has proven to be of these domains.
    pub fn handle_identified(&mut self, flow: &Flow, domains: Arc<[Box<str>]>) {
        self.means.proven.note(flow, domains);
    }

    /// The name of the trunk that a message goes to, by which TLS knows what that one has to prove.
    pub fn trunk_at(&self, destination: &Destination) -> Option<&str> {
        destination.trunk.map(|trunk| self.means.trunks.get(trunk).config.name.as_str())
    }

    /// A connection ended.
    pub fn handle_closed(&mut self, now: Now, flow: &Flow) {
        self.means.now = now;
        self.means.flows.closed(flow);
        self.means.aliases.closed(flow);
        self.means.proven.closed(flow);
        self.registering.handle_closed(&self.means, flow);
    }

    /// What [`poll_resolve`](Self::poll_resolve) asked for: final, so never [`Resolution::Pending`].
    pub fn handle_resolved(&mut self, now: Now, sought: &Sought, resolution: &Resolution) {
        self.means.now = now;
        if self.number_resolved(sought, resolution) {
            return;
        }
        for leg in self.means.resolving.take(sought) {
            if !self.with_leg(leg, |leg, means| leg.handle_resolved(means, sought, resolution)) {
                self.registering.handle_resolved(&mut self.means, leg, sought, resolution);
                let trunk = self.probing.handle_resolved(&mut self.means, leg, sought, resolution);
                self.tell_switches(trunk);
                self.message_name_resolved(leg, sought, resolution);
            }
        }
        self.handle_events();
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if let Some(bare) = self.means.bare.pop_front() {
            return Some(bare);
        }
        let transmit = self.means.transactions.poll_transmit()?;
        let Means { now, counters, trace, config, .. } = &mut self.means;
        counters.sent(&transmit.bytes);
        trace.sent(now.wall, &config.listeners, &transmit);
        Some(transmit)
    }

    /// The next datagram for the capture server, once a turn's messages are sent.
    pub fn poll_capture(&mut self) -> Option<Vec<u8>> {
        self.means.trace.poll_capture()
    }

    /// The next that is to be found; its answer goes to [`handle_resolved`](Self::handle_resolved).
    pub fn poll_resolve(&mut self) -> Option<Sought> {
        self.means.resolving.poll().or_else(|| self.numbers.poll())
    }

    /// The next certificate that is to be fetched; what comes of it goes to [`handle_fetched`](Self::handle_fetched).
    pub fn poll_fetch(&mut self) -> Option<Fetch> {
        self.means.repository.poll()
    }

    /// What [`poll_fetch`](Self::poll_fetch) asked for. `None`: it is not to be had.
    pub fn handle_fetched(&mut self, now: Now, url: &str, octets: Option<&Bytes>) {
        self.means.now = now;
        let authorities = Arc::clone(&self.means.config.identity.authorities);
        for leg in self.means.repository.fetched(now, url, octets, &authorities) {
            self.with_leg(leg, |leg, means| leg.certificate_came(means));
        }
        self.handle_events();
    }

    /// What this shard's sockets have counted.
    pub fn note_transports(&mut self, counters: TransportCounters) {
        let short = |counters: &TransportCounters| counters.rejected + counters.displaced;
        if short(&counters) > short(&self.means.counters.transport) {
            self.places_short_at = Some(self.means.now.instant);
        }
        self.means.counters.transport = counters;
    }

    /// What this shard has handed to others, to be told with the rest.
    pub fn note_exchange(&mut self, counters: ExchangeCounters) {
        self.means.counters.exchange = counters;
    }

    /// How many legs there are, ended ones that still say so to their peers included.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    /// Whether nothing of any call is left: no leg, no transaction, no timer, nothing that the store or the switch has yet to
    /// hear.
    pub fn is_idle(&self) -> bool {
        self.legs.is_empty()
            && self.means.transactions.is_empty()
            && self.backlog.is_empty()
            && self.means.tags.is_empty()
            && self.means.clients.is_empty()
            && self.means.servers.is_empty()
            && self.means.timers.is_empty()
            && self.means.resolving.is_empty()
            && self.numbers.is_empty()
            && self.means.repository.is_empty()
            && self.means.releases.len() == 0
            && !self.bindings.has_unwritten()
            && self.writing.is_idle()
            && self.messaging.conveyances.is_empty()
            && self.reachability.is_empty()
            && self.messaging.mailboxes.is_idle()
    }

    /// The platform is about to end: our registrations at trunks are taken back, so that no further calls come.
    pub fn drain(&mut self, now: Now) {
        self.means.now = now;
        self.draining = true;
        self.registering.leave(&self.means);
    }

    /// Whether the platform may end: no leg is left, and the switch and the store have heard everything. What lingers is only
    /// for repetitions.
    pub fn is_drained(&self) -> bool {
        self.legs.is_empty()
            && self.registering.has_left()
            && self.means.releases.len() == 0
            && !self.bindings.has_unwritten()
            && self.writing.is_idle()
    }

    /// Whether the accounts and bindings are loaded.
    pub fn is_loaded(&self) -> bool {
        self.loading.is_done()
    }

    /// Ends every leg, as the platform shuts down.
    pub fn hang_up_all(&mut self, now: Now) {
        self.means.now = now;
        for leg in self.legs.instances() {
            self.with_leg(leg, |leg, means| leg.end(means, CauseKind::Administrative.into()));
        }
        self.handle_events();
    }

    /// Lets a leg handle something. False: there is no such leg.
    fn with_leg(&mut self, instance: Instance, handle: impl FnOnce(&mut Leg, &mut Means)) -> bool {
        let Some(leg) = self.legs.get_mut(instance) else { return false };
        handle(leg, &mut self.means);
        if leg.is_over()
            && let Some(leg) = self.legs.remove(instance)
        {
            leg.forget(&mut self.means);
        }
        true
    }

    /// Keeps a new leg, unless it has come to nothing already.
    fn keep_leg(&mut self, leg: Leg) {
        if leg.is_over() {
            leg.forget(&mut self.means);
        } else {
            self.legs.insert(leg);
        }
    }
}

impl Service for Signaling {
    fn handle_received(&mut self, now: Now, received: Received) {
        self.means.now = now;
        match received {
            Received::Answer(pending, packet) if pending.source == Instance::MODULE => self.handle_own_answer(packet),
            Received::Answer(pending, packet) => {
                let Means { now, outbox, releases, .. } = &mut self.means;
                if !releases.handle_answer(now.instant, outbox, &packet) {
                    self.with_leg(pending.source, |leg, means| leg.handle_answer(means, packet));
                }
            }
            Received::Packet(packet) => self.handle_packet(packet),
        }
        self.handle_events();
    }

    fn handle_timeout(&mut self, now: Now) {
        self.means.now = now;
        self.means.transactions.handle_timeout(now.instant);
        self.handle_events();
        while let Some((leg, timer)) = self.means.timers.poll(now.instant) {
            self.with_leg(leg, |leg, means| leg.handle_timer(means, timer));
        }
        self.expire_bindings();
        self.keep_alives.handle_timeout(&mut self.means, &mut self.bindings);
        self.registering.handle_timeout(&mut self.means);
        let probed = self.probing.handle_timeout(&mut self.means);
        probed.into_iter().for_each(|trunk| self.tell_switches(Some(trunk)));
        self.load();
        self.follow_neighbours();
        self.write_bindings();
        self.load_mailboxes();
        self.messages_due();
        self.account_states_due();
        self.followed_calls_due();
        self.elsewhere_due();
        self.followers_due();
        self.notify_due();
        self.handle_events();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        earliest([
            self.means.transactions.poll_timeout(),
            self.means.timers.next(),
            self.bindings.poll_timeout(),
            self.keep_alives.poll_timeout(),
            self.registering.poll_timeout(),
            self.probing.poll_timeout(),
            self.loading.poll_timeout(),
            self.neighbours.poll_timeout(),
            self.writing.poll_timeout(),
            self.notifier.poll_timeout(),
            self.messaging.due.next(),
            self.messaging.mailboxes.retry_at,
        ])
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.means.outbox
    }
}

impl std::fmt::Debug for Signaling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signaling")
            .field("outbox", &self.means.outbox)
            .field("legs", &self.legs.len())
            .field("transactions", &self.means.transactions.len())
            .field("bindings", &self.bindings.len())
            .finish_non_exhaustive()
    }
}
