//! The simulation: one thread, one virtual clock, one seed.
//!
//! ```text
//!   phones, trunks ──▶ network (delay, loss, NAT) ──▶ platform
//!          ◀──────────        next event: the earliest of all        ◀────
//! ```
//! Nothing waits: the clock jumps to whatever is due next. The same seed gives the same run, octet by octet.

use crate::invariants;
use crate::network::{Arrival, Conditions, Network};
use crate::phone::{BOTH_WAYS, Call, Output, Phone, PhoneConfig};
use crate::platform::{Platform, PlatformConfig, SERVER, SERVER_SIX, host, password};
use router::Random;
use router::parameter::CONVERSATION_MARK;
use router::time::{Duration, Instant, Now, WallTime};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// Names a phone or trunk of a simulation: the order in which they were added.
pub type PhoneIndex = usize;

/// How often the flow of audio is looked at.
const SAMPLE: Duration = Duration::from_secs(1);

/// Everything.
#[derive(Debug)]
pub struct Simulation {
    /// What it all began with.
    pub seed: u64,
    /// The network.
    pub network: Network,
    /// The platform; of a cluster the first.
    pub platform: Platform,
    /// The others of a cluster.
    pub others: Vec<Platform>,
    /// Which of all have begun anew: who watched them did, too.
    pub restarted: BTreeSet<usize>,
    /// Links between platforms were cut: their phones may differ about a call for so long.
    pub parted_for: Option<Duration>,
    /// Clocks that are wrong, by so many seconds.
    clocks: BTreeMap<usize, i64>,
    /// How long, at most, the two ends of a call may differ about it, and audio may be missing.
    pub grace: Duration,
    /// What was seen to go wrong on the way.
    pub faults: Vec<String>,
    configs: Vec<PlatformConfig>,
    /// The legs of platforms that have begun anew, and their calls.
    former_legs: BTreeMap<String, String>,
    now: Now,
    random: Random,
    phones: Vec<Phone>,
    dues: Vec<Option<Instant>>,
    hosts: BTreeMap<IpAddr, PhoneIndex>,
    /// Hosts of peers whose messages the scenario writes, and what has come to them.
    attended: BTreeMap<IpAddr, Vec<(SocketAddr, Vec<u8>)>>,
    next_sample: Instant,
}

impl Simulation {
    /// A platform with its defaults.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, PlatformConfig::default())
    }

    /// A cluster of platforms, `p1`, `p2`…, which have these accounts, and time to link.
    pub fn cluster(seed: u64, accounts: &[&[&str]]) -> Self {
        let configs = accounts.iter().enumerate().map(|(index, names)| PlatformConfig::in_cluster(index, names));
        Self::cluster_of(seed, configs.collect())
    }

    /// A cluster of platforms so configured, once they are linked.
    pub fn cluster_of(seed: u64, configs: Vec<PlatformConfig>) -> Self {
        let mut configs = configs.into_iter();
        let mut simulation = Self::with(seed, configs.next().expect("a cluster has a platform"));
        for (index, config) in configs.enumerate() {
            simulation.network.attach(host(index + 1), Conditions::LOCAL, Conditions::LOCAL);
            let random = simulation.random.fork();
            let platform = Platform::new(config.clone(), random, simulation.now, &mut simulation.network);
            simulation.others.push(platform);
            simulation.configs.push(config);
        }
        simulation.run(Duration::from_secs(2));
        simulation
    }

    /// A platform so configured.
    pub fn with(seed: u64, config: PlatformConfig) -> Self {
        let mut random = Random::from_seed(seed);
        let now = Now { instant: Instant::from_millis(1_000_000), wall: WallTime::from_secs(1_800_000_000) };
        let mut network = Network::new(random.fork());
        for server in [SERVER, SERVER_SIX] {
            network.attach(server, Conditions::LOCAL, Conditions::LOCAL);
        }
        let platform = Platform::new(config.clone(), random.fork(), now, &mut network);
        Self {
            seed,
            network,
            platform,
            others: Vec::new(),
            restarted: BTreeSet::new(),
            parted_for: None,
            clocks: BTreeMap::new(),
            grace: Duration::from_millis(2_500),
            faults: Vec::new(),
            configs: vec![config],
            former_legs: BTreeMap::new(),
            now,
            random,
            phones: Vec::new(),
            dues: Vec::new(),
            hosts: BTreeMap::new(),
            attended: BTreeMap::new(),
            next_sample: now.instant + SAMPLE,
        }
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Chance for the scenario's own choices.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// How many platforms there are.
    pub fn platforms(&self) -> usize {
        1 + self.others.len()
    }

    /// One of the platforms.
    pub fn at(&mut self, index: usize) -> &mut Platform {
        match index.checked_sub(1) {
            None => &mut self.platform,
            Some(other) => &mut self.others[other],
        }
    }

    /// The platform at a host.
    fn of_host(&self, at: IpAddr) -> Option<usize> {
        match at == SERVER_SIX {
            true => Some(0),
            false => (0..self.platforms()).find(|&index| host(index) == at),
        }
    }

    /// Whether the platform at a host has begun anew.
    pub fn is_restarted(&self, host: IpAddr) -> bool {
        self.of_host(host).is_some_and(|index| self.restarted.contains(&index))
    }

    /// Sets a platform's clock: so many seconds beside what it is.
    pub fn set_clock(&mut self, index: usize, seconds: i64) {
        self.clocks.insert(index, seconds);
    }

    /// What it is by a platform's clock.
    fn now_at(&self, index: usize) -> Now {
        let off = self.clocks.get(&index).copied().unwrap_or(0);
        Now { wall: WallTime(self.now.wall.0 + off * 1_000_000), ..self.now }
    }

    /// Two platforms cannot reach each other until [`heal`](Self::heal): for so long at most.
    pub fn part(&mut self, a: usize, b: usize, at_most: Duration) {
        let now = self.now.instant;
        self.network.part(now, host(a), host(b));
        self.parted_for = self.parted_for.max(Some(at_most));
    }

    /// All platforms reach each other.
    pub fn heal(&mut self) {
        self.network.heal();
    }

    /// Another platform's process dies and is started again at once, with what its database has kept.
    pub fn restart_other(&mut self, index: usize) {
        let (config, random) = (self.configs[index].clone(), self.random.fork());
        self.former_legs = self.legs();
        let dead = self.others.remove(index - 1);
        for link in self.network.links_of(host(index)) {
            self.network.cut(self.now.instant, link);
        }
        let platform = Platform::over(dead.kill(), config, random, self.now, &mut self.network);
        self.others.insert(index - 1, platform);
        self.restarted.insert(index);
    }

    /// The phone of an account of one of the platforms.
    pub fn phone_config_at(&self, index: usize, name: &str) -> PhoneConfig {
        PhoneConfig { server: SocketAddr::new(host(index), 5060), ..self.phone_config(name) }
    }

    /// Adds the phone of an account of one of the platforms, and lets it register.
    pub fn add_registered_at(&mut self, platform: usize, name: &str) -> PhoneIndex {
        let config = self.phone_config_at(platform, name);
        self.add_and_register(config)
    }

    /// The server's SIP address.
    pub fn server(&self) -> SocketAddr {
        SocketAddr::new(SERVER, 5060)
    }

    /// The server's SIP address by IPv6.
    pub fn server_six(&self) -> SocketAddr {
        SocketAddr::new(SERVER_SIX, 5060)
    }

    /// The phone of an account of that name that has IPv6 alone.
    pub fn phone_config_six(&self, name: &str) -> PhoneConfig {
        let number = 10 + self.phones.len() as u16;
        let address = SocketAddr::from(([0x2001, 0xdb8, 1, 0, 0, 0, 0, number], 5060));
        PhoneConfig { address, server: self.server_six(), ..self.phone_config(name) }
    }

    /// The phone of an account of that name, with its password, at the next free address; the server has 300 ms to load
    /// its accounts before the first phone is switched on.
    pub fn phone_config(&self, name: &str) -> PhoneConfig {
        let number = 10 + self.phones.len() as u8;
        let address = SocketAddr::from(([198, 51, 100, number], 5060));
        PhoneConfig { password: Some(password(name)), ..PhoneConfig::new(name, address, self.server()) }
    }

    /// Adds the phone of an account, and lets it register.
    pub fn add_registered(&mut self, name: &str) -> PhoneIndex {
        let config = self.phone_config(name);
        self.add_and_register(config)
    }

    /// Adds a phone, and lets it register.
    pub fn add_and_register(&mut self, config: PhoneConfig) -> PhoneIndex {
        let name = config.name.clone();
        let index = self.add(config);
        let registered = self.run_until(Duration::from_secs(20), |simulation| simulation.phones[index].is_registered());
        assert!(registered, "{name} could not register: {:?}", self.phones[index].registration);
        index
    }

    /// Adds a phone or trunk on a perfect line, unless its host is connected already.
    pub fn add(&mut self, config: PhoneConfig) -> PhoneIndex {
        self.run(Duration::from_millis(300));
        let (host, index) = (config.address.ip(), self.phones.len());
        if self.hosts.insert(host, index).is_none() && !self.network.is_attached(host) {
            self.network.attach(host, Conditions::LOCAL, Conditions::LOCAL);
        }
        self.network.listen(config.address);
        let phone = Phone::new(config, self.random.fork(), self.now.instant);
        self.phones.push(phone);
        self.dues.push(Some(self.now.instant));
        index
    }

    /// The scenario itself is at that address, on a perfect line.
    pub(crate) fn attend(&mut self, address: SocketAddr) {
        self.network.attach(address.ip(), Conditions::LOCAL, Conditions::LOCAL);
        self.network.listen(address);
        self.attended.entry(address.ip()).or_default();
    }

    /// Sends a datagram from there to the platform.
    pub(crate) fn send(&mut self, from: SocketAddr, text: &str) {
        let (now, server) = (self.now.instant, self.server());
        self.network.send(now, from, server, text.as_bytes().to_vec());
    }

    /// What has come to that host since it was last asked for.
    pub(crate) fn attended(&mut self, host: IpAddr) -> Vec<(SocketAddr, Vec<u8>)> {
        self.attended.get_mut(&host).map(std::mem::take).unwrap_or_default()
    }

    /// The platform's process dies and is started again at once, with what its database has kept.
    pub fn restart(mut self) -> Self {
        let (config, random) = (self.configs[0].clone(), self.random.fork());
        let memory = self.platform.kill();
        for link in self.network.links() {
            self.network.cut(self.now.instant, link);
        }
        let platform = Platform::over(memory, config, random, self.now, &mut self.network);
        Self { platform, ..self }
    }

    /// Changes the line of a phone, both ways.
    pub fn set_line(&mut self, phone: PhoneIndex, conditions: Conditions) {
        let host = self.phones[phone].config.address.ip();
        self.network.attach(host, conditions, conditions);
    }

    /// From now on nothing is lost.
    pub fn calm(&mut self) {
        for phone in 0..self.phones.len() {
            self.set_line(phone, Conditions::LOCAL);
        }
    }

    /// From now on no phone registers or refreshes by itself.
    pub fn rest(&mut self) {
        for phone in 0..self.phones.len() {
            self.tell(phone).rest();
        }
    }

    /// A phone, to look at.
    pub fn phone(&self, index: PhoneIndex) -> &Phone {
        &self.phones[index]
    }

    /// All phones.
    pub fn phones(&self) -> &[Phone] {
        &self.phones
    }

    /// A phone, to be told something.
    pub fn tell(&mut self, index: PhoneIndex) -> &mut Phone {
        let now = self.now.instant;
        self.dues[index] = Some(now);
        self.phones[index].set_now(now);
        &mut self.phones[index]
    }

    /// The last call of a phone.
    pub fn call(&self, phone: PhoneIndex) -> &Call {
        self.phones[phone].last_call().expect("the phone had a call")
    }

    /// Lets so much time pass.
    pub fn run(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Lets so many milliseconds pass.
    pub fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    /// Lets time pass until something is so, at most so long; whether it came to be.
    pub fn run_until(&mut self, time: Duration, mut so: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now.later(time);
        loop {
            self.settle();
            if so(self) {
                return true;
            }
            let dues = self.dues.iter().flatten().copied();
            let network = self.network.poll_timeout();
            let next = dues.chain(network).chain([self.next_sample]).min();
            let platforms = (0..self.platforms()).filter_map(|index| self.at(index).poll_timeout()).min();
            let next = next.into_iter().chain(platforms).min();
            match next {
                Some(at) if at <= end.instant => self.now = self.now.later(at.since(self.now.instant)),
                _ => break,
            }
            if self.next_sample <= self.now.instant {
                self.next_sample = self.now.instant + SAMPLE;
                self.sample();
            }
        }
        self.now = end;
        self.settle();
        so(self)
    }

    /// Does everything that is due now.
    fn settle(&mut self) {
        loop {
            let now = self.now;
            let mut busy = false;
            while let Some((host, arrival)) = self.network.poll(now.instant) {
                busy = true;
                if let Some(index) = self.of_host(host) {
                    let (now, platform) = (
                        self.now_at(index),
                        match index.checked_sub(1) {
                            None => &mut self.platform,
                            Some(other) => &mut self.others[other],
                        },
                    );
                    platform.handle(now, arrival, &mut self.network);
                    platform.run(now, &mut self.network);
                } else if let Some(&index) = self.hosts.get(&host) {
                    self.phones[index].handle(now.instant, arrival);
                    self.flush(index);
                } else if let (Some(came), Arrival::Datagram { local, bytes, .. }) =
                    (self.attended.get_mut(&host), arrival)
                {
                    came.push((local, bytes));
                }
            }
            for index in 0..self.phones.len() {
                if self.dues[index].is_some_and(|at| at <= now.instant) {
                    busy = true;
                    self.phones[index].handle_timeout(now.instant);
                    self.flush(index);
                }
            }
            let clocks: Vec<Now> = (0..self.platforms()).map(|index| self.now_at(index)).collect();
            for (platform, now) in std::iter::once(&mut self.platform).chain(&mut self.others).zip(clocks) {
                busy |= platform.poll_timeout().is_some_and(|at| at <= now.instant);
                platform.run(now, &mut self.network);
            }
            if !busy {
                return;
            }
        }
    }

    fn flush(&mut self, index: PhoneIndex) {
        let now = self.now.instant;
        let phone = &mut self.phones[index];
        while let Some(output) = phone.poll_output() {
            match output {
                Output::Datagram { from, to, bytes } => self.network.send(now, from, to, bytes),
                Output::Connect { from, to } => phone.connecting(self.network.connect(now, from, to)),
                Output::Write { link, side, bytes } => self.network.write(now, link, side, &bytes),
            }
        }
        self.dues[index] = phone.poll_timeout();
    }

    /// The calls that are up, by the platform's call: who is in it.
    pub fn groups(&mut self) -> BTreeMap<String, Vec<(PhoneIndex, usize)>> {
        let mut groups: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let legs = self.legs();
        for (index, phone) in self.phones.iter().enumerate() {
            for (number, call) in phone.calls().iter().enumerate().filter(|(_, call)| call.is_up()) {
                if let Some(id) = legs.get(&call.call_id) {
                    groups.entry(id.clone()).or_default().push((index, number));
                }
            }
        }
        groups
    }

    /// The common id of the call that each leg is in, by the leg's Call-ID; whatever platform it is on.
    pub fn legs(&mut self) -> BTreeMap<String, String> {
        let mut legs = self.former_legs.clone();
        for index in 0..self.platforms() {
            let own = self.at(index).observer().legs.iter();
            let common = |id: &String| id.split(CONVERSATION_MARK).next().unwrap_or_default().to_owned();
            legs.extend(own.map(|(leg, id)| (leg.clone(), common(id))));
        }
        legs
    }

    /// Where both ends of a call have agreed to hear each other, they do.
    fn sample(&mut self) {
        let (now, grace) = (self.now.instant, self.grace);
        for (id, members) in self.groups() {
            let [a, b] = members[..] else { continue };
            let calls = [a, b].map(|(phone, call)| self.phones[phone].call(call));
            let settled = |call: &&Call| {
                let since = call.up.into_iter().chain(call.media.agreed).max();
                call.media.direction() == BOTH_WAYS
                    && !call.media.is_offering()
                    && since.is_some_and(|since| now.since(since) > grace)
            };
            if !calls.iter().all(settled) {
                continue;
            }
            let deaf = calls.iter().position(|call| call.media.hearing.last.is_none_or(|last| now.since(last) > grace));
            if let Some(deaf) = deaf {
                let name = &self.phones[[a, b][deaf].0].config.name;
                let fault = format!("{name} hears nothing in call {id}, though both sides send and receive");
                if !self.faults.contains(&fault) {
                    self.faults.push(fault);
                }
            }
        }
    }

    /// Ends what is up, waits until all is quiet, and checks the [invariants].
    pub fn finish(mut self) {
        for index in 0..self.phones.len() {
            let live: Vec<usize> =
                (0..self.phones[index].calls().len()).filter(|&call| self.phones[index].call(call).is_live()).collect();
            for call in live {
                self.tell(index).step(call, crate::phone::Step::HangUp);
            }
        }
        self.finish_quietly();
    }

    /// Waits until all is quiet, without hanging up anything, and checks the [invariants].
    pub fn finish_quietly(mut self) {
        invariants::check(&mut self);
    }
}
