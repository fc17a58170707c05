//! A whole Tandem in one thread: signaling and switch on one shard or several, media workers, the store, and somebody who watches.
//!
//! What arrives comes to any shard by chance, which is harder than a kernel that spreads by address. A shard drains both inboxes in one turn, as docs/architecture.md has it. The other modules run on threads of their own
//! in a server; here each wakes up a chosen chance time after something came into its inbox.

mod effort;
mod links;
mod observer;
mod shard;
mod transports;
mod wire;

pub use effort::Effort;
pub use observer::{Observed, Observer};
pub use wire::SimulatedWire;

use crate::network::{Arrival, Network};
use crate::zone::Zone;
use effort::Labour;
use links::Links;
use media::{Interface, PortRange, Voice};
use router::parameter::{Account, CallRecord, Status};
use router::service::{Service, drain, next_turn, turn};
use router::time::{Duration, Instant, Now};
use router::{Address, Endpoint, ModuleKind, PlatformId, Random, Router, Shards};
use shard::Shard;
use signaling::Signaling;
use signaling::transport::{Exchange, Listener, Listeners, Names, Transport};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use store::backend::{Memory, Write};
use store::{Backend, Store, credential};
use switch::Switch;
use transports::Transports;

/// Where the platform is.
pub const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Where it is by IPv6, if it is: [`PlatformConfig::both_families`].
pub const SERVER_SIX: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// Where it listens for TLS.
pub const SECURE_PORT: u16 = 5061;

/// Where it listens for WebSockets over TLS.
pub const WEBSOCKET_PORT: u16 = 443;

/// The digest realm, and the domain of the accounts.
pub const REALM: &str = "tandem";

/// How a platform is set up.
#[derive(Clone, Debug)]
pub struct PlatformConfig {
    /// Signaling. Its listeners default to UDP and TCP on port 5060 of [`SERVER`].
    pub signaling: signaling::Config,
    /// The switch.
    pub switch: switch::Config,
    /// Media, all workers together. Its interface defaults to [`SERVER`].
    pub media: media::Config,
    /// Media workers.
    pub workers: u8,
    /// SIP shards: one, or as many as `TANDEM_SHARDS` says.
    pub shards: u8,
    /// Accounts: name and password.
    pub accounts: Vec<(String, String)>,
    /// How long a module on another thread sleeps at most after something came.
    pub wake_up: Duration,
    /// What the work of each shard takes; `None`: no time at all.
    pub effort: Option<Effort>,
    /// What the name service knows.
    pub zone: Zone,
    /// Hosts whose connections over TLS have proven a domain.
    pub proven: BTreeMap<IpAddr, String>,
    /// Its number: the first one is the only one, unless there is a cluster.
    pub number: u32,
    /// Its links with others.
    pub links: Option<router::bridge::Config>,
}

impl Default for PlatformConfig {
    /// Accounts alice, bob, carol and dave; each one's password is its name and `-secret`.
    fn default() -> Self {
        let local = SocketAddr::new(SERVER, 5060);
        let listeners =
            [Transport::Udp, Transport::Tcp].map(|transport| Listener::new(transport, local, None)).to_vec();
        let account = |name: &str| (name.to_owned(), password(name));
        Self {
            signaling: signaling::Config {
                listeners: Listeners::new(listeners),
                realm: REALM.to_owned(),
                fingerprint: Some(Arc::new(identity().fingerprint().clone())),
                ..signaling::Config::default()
            },
            switch: switch::Config {
                transcoding: transcoding(),
                services: switch::Services { spoken: media::spoken_codecs() },
                ..switch::Config::default()
            },
            media: media::Config {
                ports: PortRange { first: 20_000, last: 20_399 },
                interfaces: vec![Interface { address: SERVER, advertised: None }],
                identity: Some(identity()),
                ..media::Config::default()
            },
            workers: 1,
            shards: std::env::var("TANDEM_SHARDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1),
            accounts: ["alice", "bob", "carol", "dave"].map(account).to_vec(),
            wake_up: Duration::from_micros(200),
            effort: None,
            zone: Zone::default(),
            proven: BTreeMap::new(),
            number: 1,
            links: None,
        }
    }
}

/// The certificate of all platforms: each costs as much as some calls.
fn identity() -> Arc<media::Identity> {
    static IDENTITY: OnceLock<Arc<media::Identity>> = OnceLock::new();
    Arc::clone(IDENTITY.get_or_init(crate::phone::certificate))
}

/// What is coded, and what of it is offered where the configuration does not say.
fn transcoding() -> switch::Transcoding {
    let served = media::served_codecs();
    let named = |name: &&str| served.iter().find(|codec| codec.name == **name).cloned();
    let offered = ["opus", "G722", "PCMA", "PCMU"].iter().filter_map(named).collect();
    switch::Transcoding { offered, served, ..switch::Transcoding::default() }
}

impl PlatformConfig {
    /// The `index`th platform of a cluster, at an address of its own, with these accounts: `p1`, `p2`… Each knows the first one.
    pub fn in_cluster(index: usize, accounts: &[&str]) -> Self {
        let number = index as u32 + 1;
        let host = host(index);
        let local = SocketAddr::new(host, 5060);
        let listeners =
            [Transport::Udp, Transport::Tcp].map(|transport| Listener::new(transport, local, None)).to_vec();
        let name = format!("p{number}");
        let links = SocketAddr::new(host, links::PORT).to_string();
        let peers = if index == 0 { Vec::new() } else { vec![SocketAddr::new(SERVER, links::PORT).to_string()] };
        let mut config = Self {
            accounts: accounts.iter().map(|name| ((*name).to_owned(), password(name))).collect(),
            number,
            links: Some(router::bridge::Config {
                addresses: vec![links],
                peers,
                ..router::bridge::Config::new(PlatformId(number), &name)
            }),
            ..Self::default()
        };
        config.signaling.listeners = Listeners::new(listeners);
        config.signaling.is_in_cluster = true;
        config.media.interfaces = vec![Interface { address: host, advertised: None }];
        config.switch.cluster = Some(switch::Cluster { media: host, ..switch::Cluster::new(PlatformId(number), name) });
        config
    }

    /// The same, reached by IPv4 and by IPv6.
    pub fn both_families(self) -> Self {
        self.listening(&[SERVER, SERVER_SIX], &[(Transport::Udp, 5060), (Transport::Tcp, 5060)])
    }

    /// It listens for TLS and for WebSockets, too.
    #[must_use]
    pub fn secured(self) -> Self {
        let plain = [(Transport::Udp, 5060), (Transport::Tcp, 5060)];
        let secure = [(Transport::Tls, SECURE_PORT), (Transport::Wss, WEBSOCKET_PORT)];
        self.listening(&[SERVER], &[plain, secure].concat())
    }

    fn listening(mut self, addresses: &[IpAddr], transports: &[(Transport, u16)]) -> Self {
        let at = |&address: &IpAddr| {
            transports
                .iter()
                .map(move |&(transport, port)| Listener::new(transport, SocketAddr::new(address, port), None))
        };
        self.signaling.listeners = Listeners::new(addresses.iter().flat_map(at).collect());
        let interface = |&address: &IpAddr| Interface { address, advertised: None };
        self.media.interfaces = addresses.iter().map(interface).collect();
        self
    }
}

/// Where the `index`th platform of a cluster is.
pub fn host(index: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1 + index as u8))
}

/// The password of a test's account.
pub fn password(name: &str) -> String {
    format!("{name}-secret")
}

/// A module on a thread of its own.
struct Seat<S> {
    service: S,
    endpoint: Endpoint,
    /// When it wakes up, if something came.
    wakes: Option<Instant>,
    /// Whether its thread hangs: it takes no turn.
    hangs: bool,
}

impl<S: Service> Seat<S> {
    fn new(service: S, endpoint: Endpoint) -> Self {
        Self { service, endpoint, wakes: None, hangs: false }
    }

    /// Something may have come: it wakes up soon.
    fn notice(&mut self, now: Now, within: Duration, random: &mut Random) {
        if self.wakes.is_none() && self.endpoint.counters().depth > 0 {
            let after = Duration::from_nanos(random.below(within.as_nanos() as u64 + 1));
            self.wakes = Some(now.instant + after);
        }
    }

    fn next(&mut self) -> Option<Instant> {
        let next = next_turn(&mut self.service).into_iter().chain(self.wakes).min();
        next.filter(|_| !self.hangs)
    }

    /// Takes a turn if one is due.
    fn run(&mut self, now: Now) -> bool {
        let due = self.next().is_some_and(|at| at <= now.instant);
        if due {
            self.wakes = None;
            while turn(&mut self.service, &self.endpoint, now) {}
        }
        due
    }
}

/// The platform.
pub struct Platform {
    shards: Vec<Shard>,
    workers: Vec<Seat<Voice<SimulatedWire>>>,
    store: Seat<Store<Memory>>,
    observer: Seat<Observer>,
    links: Option<Links>,
    /// What the name service knows.
    pub zone: Zone,
    wake_up: Duration,
    random: Random,
    router: Router,
}

impl Platform {
    /// Starts it with an empty database, but for the accounts.
    pub fn new(config: PlatformConfig, random: Random, now: Now, network: &mut Network) -> Self {
        let mut memory = Memory::new(REALM);
        let accounts = config.accounts.iter().map(|(name, password)| Write::Account(account(name, password, now)));
        memory.commit(&accounts.collect::<Vec<_>>()).expect("an empty memory has room");
        Self::over(memory, config, random, now, network)
    }

    /// Its process dies: what is left is the database as the next process finds it.
    pub fn kill(self) -> Memory {
        self.store.service.into_backend().reopen()
    }

    /// Starts it over a database.
    pub fn over(memory: Memory, config: PlatformConfig, mut random: Random, now: Now, network: &mut Network) -> Self {
        let router = Router::new(PlatformId(config.number));
        let store_address = Address::local(ModuleKind::Store, 0);
        let store = Store::new(memory, store_address, store::Config::default(), now);
        let store = Seat::new(store, router.register(ModuleKind::Store, 0, || ()));
        let observer = Seat::new(Observer::new(now, config.shards), router.register(ModuleKind::Control, 0, || ()));
        let passages = media::Passages::of_all((0..config.workers).map(|_| || ()));
        let workers = (0..config.workers).zip(passages).map(|(index, passages)| {
            let ports = config.media.ports.share(usize::from(index), usize::from(config.workers));
            let own = media::Config { ports, ..config.media.clone() };
            let address = Address::local(ModuleKind::Voice, index);
            let voice = Voice::new(address, own, random.fork(), SimulatedWire::default(), now).with_passages(passages);
            Seat::new(voice, router.register(ModuleKind::Voice, index, || ()))
        });
        let workers = workers.collect();
        let shards = match config.shards {
            1 => Shards::default(),
            count => Shards::new(count, &mut random),
        };
        let exchanges = Exchange::of_all(&shards, (0..config.shards).map(|_| || ()));
        let seats: Vec<_> = (0..config.shards)
            .map(|index| {
                let register = |kind| router.register(kind, index, || ());
                (index, register(ModuleKind::Signaling), register(ModuleKind::Switch))
            })
            .collect();
        let shard = |((index, signaling_endpoint, switch_endpoint), exchange)| {
            let admission = config.signaling.admission.share(config.shards.into());
            let signaling = signaling::Config { shards: shards.clone(), admission, ..config.signaling.clone() };
            let switch =
                switch::Config { shards: shards.clone(), media_workers: config.workers, ..config.switch.clone() };
            Shard {
                transports: Transports::new(index, signaling.listeners.clone(), config.proven.clone(), network),
                names: Names::new(signaling.listeners.transports(), random.fork()),
                signaling: Signaling::new(index, signaling, now, random.fork()),
                signaling_endpoint,
                switch: Switch::new(index, switch, now, random.fork()),
                switch_endpoint,
                exchange,
                questions: Vec::new(),
                fetches: Vec::new(),
                wakes: None,
                labour: config.effort.map(|effort| Labour::new(effort, now.instant)),
            }
        };
        let shards = seats.into_iter().zip(exchanges).map(shard).collect();
        let links = config.links.map(|links| {
            let modules = router.modules().into_iter().map(|(address, _)| address).collect();
            let host = config.media.interfaces[0].address;
            let endpoint = router.register(ModuleKind::Bridge, 0, || ());
            Links::new(links, endpoint, host, modules, now, random.fork(), network)
        });
        Self { shards, workers, store, observer, links, zone: config.zone, wake_up: config.wake_up, random, router }
    }

    /// Who watches it.
    pub fn observer(&mut self) -> &mut Observer {
        &mut self.observer.service
    }

    /// The router.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The records that the store has, the oldest first.
    pub fn records(&mut self) -> Vec<CallRecord> {
        self.store.service.commit();
        self.store.service.backend().all_records().cloned().collect()
    }

    /// The store's database.
    pub fn database(&mut self) -> &mut Memory {
        self.store.service.backend()
    }

    /// The media workers.
    pub fn workers(&mut self) -> impl Iterator<Item = &mut Voice<SimulatedWire>> {
        self.workers.iter_mut().map(|seat| &mut seat.service)
    }

    /// From now on the threads of the media workers hang, or go on.
    pub fn hang_workers(&mut self, hang: bool) {
        self.workers.iter_mut().for_each(|seat| seat.hangs = hang);
    }

    /// From now on the store's thread hangs, or goes on.
    pub fn hang_store(&mut self, hang: bool) {
        self.store.hangs = hang;
    }

    /// It is about to end: its registrations at trunks are taken back.
    pub fn drain(&mut self, now: Now) {
        self.shards.iter_mut().for_each(|shard| shard.signaling.drain(now));
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.shards.iter().map(|shard| shard.transports.connections()).sum()
    }

    /// Whether no switch has anything left.
    pub fn switches_are_idle(&self) -> bool {
        self.shards.iter().all(|shard| shard.switch.is_idle())
    }

    /// Asks all modules how they are; [`statuses`](Self::statuses) has the answers soon.
    pub fn ask_status(&mut self, now: Now) {
        let modules: Vec<Address> = self.router.modules().into_iter().map(|(address, _)| address).collect();
        let is_asked = |address: &Address| ![ModuleKind::Control, ModuleKind::Bridge].contains(&address.module.kind);
        let modules: Vec<_> = modules.into_iter().filter(is_asked).collect();
        self.observer.service.ask_status(now, &modules);
    }

    /// What they said, once all have.
    pub fn statuses(&self) -> Option<&BTreeMap<String, Status>> {
        self.observer.service.statuses()
    }

    /// Requests that some module has sent and that nobody has answered, by module.
    pub fn pending(&mut self) -> Vec<(&'static str, usize)> {
        let mut pending = vec![("store", self.store.service.outbox().pending())];
        for shard in &mut self.shards {
            pending.push(("signaling", shard.signaling.outbox().pending()));
            pending.push(("switch", shard.switch.outbox().pending()));
        }
        pending.extend(self.workers.iter_mut().map(|seat| ("voice", seat.service.outbox().pending())));
        pending
    }

    /// Something arrived.
    pub fn handle(&mut self, now: Now, arrival: Arrival, network: &mut Network) {
        if let Some(links) = self.links.as_mut().filter(|links| links.takes(&arrival)) {
            return links.handle(now, arrival, network);
        }
        if let Arrival::Datagram { local, remote, bytes } = &arrival {
            let holder = self.workers.iter_mut().position(|seat| seat.service.wire().holds(*local));
            if let Some(holder) = holder {
                let seat = &mut self.workers[holder];
                if seat.hangs {
                    return;
                }
                if let Some((pair, channel)) = seat.service.wire().receiver(*local, *remote) {
                    seat.service.handle_datagram(now, pair, channel, *remote, &mut bytes.clone());
                    drain(&mut seat.service, &seat.endpoint, now);
                }
                for (from, to, bytes) in seat.service.wire().take_sent() {
                    network.send(now.instant, from, to, bytes);
                }
                return;
            }
        }
        let holder = match &arrival {
            Arrival::Datagram { .. } | Arrival::Accepted { .. } if self.shards.len() > 1 => {
                Some(self.random.below(self.shards.len() as u64) as usize)
            }
            Arrival::Datagram { .. } | Arrival::Accepted { .. } => Some(0),
            Arrival::Connected { link }
            | Arrival::Refused { link }
            | Arrival::Data { link, .. }
            | Arrival::Closed { link, .. } => self.shards.iter().position(|shard| shard.transports.holds(*link)),
        };
        if let Some(holder) = holder {
            self.shards[holder].transports.handle(now.instant, arrival, network);
        }
    }

    /// Lets every module do what is due, until nothing is left to be done at this moment.
    pub fn run(&mut self, now: Now, network: &mut Network) {
        loop {
            let mut busy = self.run_shards(now, network);
            for seat in &mut self.workers {
                seat.notice(now, self.wake_up, &mut self.random);
                busy |= seat.run(now);
                if seat.service.has_passages() && !seat.hangs {
                    seat.service.handle_passages(now);
                    drain(&mut seat.service, &seat.endpoint, now);
                    busy = true;
                }
                for (from, to, bytes) in seat.service.wire().take_sent() {
                    network.send(now.instant, from, to, bytes);
                }
            }
            self.store.notice(now, self.wake_up, &mut self.random);
            busy |= self.store.run(now);
            if let Some(links) = &mut self.links {
                links.notice(now, self.wake_up, &mut self.random);
                busy |= links.run(now, network);
            }
            drain(&mut self.observer.service, &self.observer.endpoint, now);
            self.observer.notice(now, Duration::ZERO, &mut self.random);
            busy |= self.observer.run(now);
            if !self.runs_at_once() {
                for shard in &mut self.shards {
                    shard.notice(now, self.wake_up, &mut self.random);
                }
            }
            if !busy {
                return;
            }
        }
    }

    /// Whether its one shard does at any moment whatever there is to be done.
    fn runs_at_once(&self) -> bool {
        matches!(&self.shards[..], [only] if only.labour.is_none())
    }

    fn run_shards(&mut self, now: Now, network: &mut Network) -> bool {
        let mut busy = false;
        let at_once = self.runs_at_once();
        for shard in &mut self.shards {
            if at_once || shard.is_due(now) {
                busy |= shard.run(now, &self.zone, &mut self.random, network);
            }
        }
        busy
    }

    /// When something is due next.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let shards = self.shards.iter_mut().filter_map(Shard::poll_timeout);
        let workers = self.workers.iter_mut().filter_map(Seat::next);
        let links = self.links.as_mut().and_then(Links::next);
        let rest = self.store.next().into_iter().chain(self.observer.next()).chain(links);
        shards.chain(workers).chain(rest).min()
    }
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform").field("router", &self.router).finish_non_exhaustive()
    }
}

/// An account as the store keeps it.
pub fn account(name: &str, password: &str, now: Now) -> Account {
    Account {
        name: name.to_owned(),
        display_name: None,
        credential: credential::hashes(name, REALM, password),
        enabled: true,
        created: now.wall,
        removed: false,
    }
}
