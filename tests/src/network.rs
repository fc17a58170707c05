//! The network between the hosts: datagrams that are late, lost, doubled and overtaken; streams that come in pieces and are
//! cut; NAT boxes that rewrite and forget.
//!
//! A packet passes its sender's way up and its receiver's way down, each with [`Conditions`] of its own.

mod conditions;
mod nat;
mod stream;

pub use conditions::Conditions;
pub use nat::{Nat, NatConfig};
pub use stream::{LinkId, Side};

use router::Random;
use router::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use stream::{End, Stream};

/// What arrives at a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// A datagram.
    Datagram {
        /// Whither.
        local: SocketAddr,
        /// From whom, as the receiver sees it.
        remote: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Somebody connected to a listener.
    Accepted {
        /// The connection.
        link: LinkId,
        /// The listener.
        local: SocketAddr,
        /// Who, as the listener sees it.
        remote: SocketAddr,
    },
    /// A connection that this host asked for is there.
    Connected {
        /// The connection.
        link: LinkId,
    },
    /// A connection that this host asked for was refused.
    Refused {
        /// The connection.
        link: LinkId,
    },
    /// Octets of a stream.
    Data {
        /// The connection.
        link: LinkId,
        /// At which end.
        side: Side,
        /// Which.
        bytes: Vec<u8>,
    },
    /// A connection ended.
    Closed {
        /// The connection.
        link: LinkId,
        /// At which end.
        side: Side,
    },
}

/// A host's access to the network.
#[derive(Clone, Copy, Debug)]
struct Access {
    up: Conditions,
    down: Conditions,
}

#[derive(Debug)]
enum Flight {
    Datagram { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    Open { link: LinkId },
    Opened { link: LinkId, accepted: bool },
    Data { link: LinkId, side: Side },
    Closed { link: LinkId, side: Side },
}

/// What the network did to datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NetworkCounters {
    /// Sent.
    pub sent: u64,
    /// Lost on the way.
    pub lost: u64,
    /// Dropped by a NAT box, or sent to an address that nobody has.
    pub unreachable: u64,
}

/// The network.
#[derive(Debug)]
pub struct Network {
    random: Random,
    hosts: BTreeMap<IpAddr, Access>,
    nats: Vec<Nat>,
    listening: BTreeSet<SocketAddr>,
    /// Where connections are accepted and nobody reads.
    mute: BTreeSet<SocketAddr>,
    streams: BTreeMap<LinkId, Stream>,
    /// Pairs of hosts between which no connection comes about.
    parted: BTreeSet<(IpAddr, IpAddr)>,
    /// Pieces that arrived, by the port of the stream's listener.
    pieces: BTreeMap<u16, u64>,
    flights: BTreeMap<(Instant, u64), Flight>,
    next: u64,
    counters: NetworkCounters,
    perfect: bool,
    /// Whether each SIP message is shown as it is sent.
    ladder: bool,
    /// Every datagram that was sent, with who sent it to whom; `None`: they are not kept.
    pub recorded: Option<Vec<(SocketAddr, SocketAddr, Vec<u8>)>>,
}

impl Network {
    /// A network without hosts.
    pub fn new(random: Random) -> Self {
        Self {
            random,
            hosts: BTreeMap::new(),
            nats: Vec::new(),
            listening: BTreeSet::new(),
            mute: BTreeSet::new(),
            streams: BTreeMap::new(),
            parted: BTreeSet::new(),
            pieces: BTreeMap::new(),
            flights: BTreeMap::new(),
            next: 0,
            counters: NetworkCounters::default(),
            perfect: true,
            ladder: std::env::var_os("TANDEM_LADDER").is_some(),
            recorded: None,
        }
    }

    /// Connects a host, or changes its way up and its way down.
    pub fn attach(&mut self, host: IpAddr, up: Conditions, down: Conditions) {
        self.hosts.insert(host, Access { up, down });
        self.perfect &= up.is_perfect() && down.is_perfect();
    }

    /// Whether that host is connected.
    pub fn is_attached(&self, host: IpAddr) -> bool {
        self.hosts.contains_key(&host)
    }

    /// Whether everything that anybody has sent so far arrived, once and in order.
    pub fn is_perfect(&self) -> bool {
        self.perfect
    }

    /// Puts hosts behind a NAT box with that outside address.
    pub fn add_nat(&mut self, outside: IpAddr, inside: &[IpAddr], config: NatConfig) {
        self.nats.push(Nat::new(outside, inside, config));
    }

    /// The NAT box with that outside address forgets all mappings.
    pub fn restart_nat(&mut self, outside: IpAddr) {
        self.nats.iter_mut().filter(|nat| nat.outside() == outside).for_each(Nat::restart);
    }

    /// What happened so far.
    pub fn counters(&self) -> NetworkCounters {
        self.counters
    }

    /// Sends a datagram.
    pub fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.counters.sent += 1;
        self.show(now, from, to, &bytes);
        if let Some(recorded) = &mut self.recorded {
            recorded.push((from, to, bytes.clone()));
        }
        let up = self.access(from.ip()).up;
        let outside = self.outside(now, from, to);
        let down = self.access(to.ip()).down;
        let mut copies: Vec<Duration> = Vec::new();
        for time in up.fates(&mut self.random).collect::<Vec<_>>() {
            copies.extend(down.fates(&mut self.random).map(|more| time + more));
        }
        self.counters.lost += u64::from(copies.is_empty());
        for time in copies {
            self.schedule(now + time, Flight::Datagram { from: outside, to, bytes: bytes.clone() });
        }
    }

    /// Accepts connections at that address.
    pub fn listen(&mut self, address: SocketAddr) {
        self.listening.insert(address);
    }

    /// Refuses connections at that address.
    pub fn refuse(&mut self, address: SocketAddr) {
        self.listening.remove(&address);
    }

    /// Accepts connections at that address for a host that never hears of them: a firewall that answers for what is behind it.
    pub fn mute(&mut self, address: SocketAddr) {
        self.listening.insert(address);
        self.mute.insert(address);
    }

    /// Opens a connection; [`Arrival::Connected`] or [`Arrival::Refused`] follows.
    pub fn connect(&mut self, now: Instant, from: SocketAddr, to: SocketAddr) -> LinkId {
        self.next += 1;
        let link = LinkId(self.next);
        let seen = self.outside(now, from, to);
        let stream = Stream { client: End::new(from.ip(), now), server: End::new(to.ip(), now), seen, listener: to };
        self.streams.insert(link, stream);
        let time = self.stream_time(from.ip(), to.ip());
        self.schedule(now + time, Flight::Open { link });
        link
    }

    /// Writes to a connection. What is written to one that has ended is lost.
    pub fn write(&mut self, now: Instant, link: LinkId, side: Side, bytes: &[u8]) {
        let Some(stream) = self.streams.get_mut(&link) else { return };
        if !stream.end(side).open || bytes.is_empty() {
            return;
        }
        let ends = [stream.seen, stream.listener];
        let [from, to] = if side == Side::Client { ends } else { [ends[1], ends[0]] };
        self.show(now, from, to, bytes);
        let Some(stream) = self.streams.get_mut(&link) else { return };
        let (from, to) = (stream.end(side).host, stream.end(side.other()).host);
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = rest.len().min(1460) as u64;
            let (piece, more) = rest.split_at(1 + self.random.below(most) as usize);
            rest = more;
            let time = self.stream_time(from, to);
            let Some(stream) = self.streams.get_mut(&link) else { return };
            let end = stream.end(side.other());
            end.latest = end.latest.max(now + time);
            end.coming.push_back((end.latest, piece.to_vec()));
            end.arrivals += 1;
            let at = end.latest;
            self.schedule(at, Flight::Data { link, side: side.other() });
        }
    }

    /// Ends a connection from one end; the other one is told behind what is on its way.
    pub fn close(&mut self, now: Instant, link: LinkId, side: Side) {
        let Some(stream) = self.streams.get_mut(&link) else { return };
        if !std::mem::replace(&mut stream.end(side).open, false) {
            return;
        }
        let (from, to) = (stream.end(side).host, stream.end(side.other()).host);
        let time = self.stream_time(from, to);
        let Some(stream) = self.streams.get_mut(&link) else { return };
        let at = stream.end(side.other()).latest.max(now + time);
        self.schedule(at, Flight::Closed { link, side: side.other() });
    }

    /// Cuts a connection in the middle: both ends are told, and what is on its way is lost.
    pub fn cut(&mut self, now: Instant, link: LinkId) {
        let Some(stream) = self.streams.get_mut(&link) else { return };
        for side in [Side::Client, Side::Server] {
            stream.end(side).coming.clear();
        }
        for side in [Side::Client, Side::Server] {
            self.schedule(now, Flight::Closed { link, side });
        }
    }

    /// Cuts all connections between two hosts, and lets none come about until [`heal`](Self::heal).
    pub fn part(&mut self, now: Instant, a: IpAddr, b: IpAddr) {
        self.parted.extend([(a, b), (b, a)]);
        let between = |stream: &Stream| [(a, b), (b, a)].contains(&(stream.client.host, stream.server.host));
        let links: Vec<_> = self.streams.iter().filter(|(_, stream)| between(stream)).map(|(&link, _)| link).collect();
        links.into_iter().for_each(|link| self.cut(now, link));
    }

    /// All hosts reach each other again.
    pub fn heal(&mut self) {
        self.parted.clear();
    }

    /// How many pieces of streams have arrived whose listener has that port.
    pub fn pieces(&self, port: u16) -> u64 {
        self.pieces.get(&port).copied().unwrap_or(0)
    }

    /// The connections of a host.
    pub fn links_of(&self, host: IpAddr) -> Vec<LinkId> {
        let of_host = |stream: &Stream| stream.client.host == host || stream.server.host == host;
        self.streams.iter().filter(|(_, stream)| of_host(stream)).map(|(&link, _)| link).collect()
    }

    /// The connections that are open.
    pub fn links(&self) -> Vec<LinkId> {
        self.streams.keys().copied().collect()
    }

    /// When something arrives next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.flights.first_key_value().map(|(&(at, _), _)| at)
    }

    /// What has arrived by now, and at which host.
    pub fn poll(&mut self, now: Instant) -> Option<(IpAddr, Arrival)> {
        loop {
            let entry = self.flights.first_entry()?;
            if entry.key().0 > now {
                return None;
            }
            let flight = entry.remove();
            if let Some(arrival) = self.arrive(now, flight) {
                return Some(arrival);
            }
        }
    }

    fn arrive(&mut self, now: Instant, flight: Flight) -> Option<(IpAddr, Arrival)> {
        match flight {
            Flight::Datagram { from, to, bytes } => {
                let private = self.is_inside(to.ip());
                let local = match self.nats.iter_mut().find(|nat| nat.outside() == to.ip()) {
                    Some(nat) => nat.inbound(now, from, to.port()),
                    None => Some(to).filter(|_| !private),
                };
                match local.filter(|local| self.hosts.contains_key(&local.ip())) {
                    Some(local) => Some((local.ip(), Arrival::Datagram { local, remote: from, bytes })),
                    None => {
                        self.counters.unreachable += 1;
                        None
                    }
                }
            }
            Flight::Open { link } => {
                let stream = self.streams.get(&link)?;
                let (local, remote) = (stream.listener, stream.seen);
                let (client, server) = (stream.client.host, stream.server.host);
                let parted = self.parted.contains(&(client, server));
                let accepted = self.listening.contains(&local) && !self.is_inside(local.ip()) && !parted;
                let time = self.stream_time(server, client);
                self.schedule(now + time, Flight::Opened { link, accepted });
                if self.mute.contains(&local) {
                    self.streams.get_mut(&link)?.server.open = false;
                    return None;
                }
                accepted.then_some((server, Arrival::Accepted { link, local, remote }))
            }
            Flight::Opened { link, accepted } => {
                let host = self.streams.get(&link)?.client.host;
                if !accepted {
                    self.streams.remove(&link);
                    return Some((host, Arrival::Refused { link }));
                }
                Some((host, Arrival::Connected { link }))
            }
            Flight::Data { link, side } => {
                let random = &mut self.random;
                let stream = self.streams.get_mut(&link)?;
                *self.pieces.entry(stream.listener.port()).or_default() += 1;
                let end = stream.end(side);
                end.arrivals -= 1;
                let bytes = end.take(now, random);
                let wanted = end.open && !bytes.is_empty();
                wanted.then_some((end.host, Arrival::Data { link, side, bytes }))
            }
            Flight::Closed { link, side } => {
                let stream = self.streams.get_mut(&link)?;
                let end = stream.end(side);
                let (host, told) = (end.host, std::mem::replace(&mut end.open, false));
                if !stream.client.open && !stream.server.open {
                    self.streams.remove(&link);
                }
                told.then_some((host, Arrival::Closed { link, side }))
            }
        }
    }

    /// A line of the ladder: time, way, first line, Call-ID and CSeq, direction of the media.
    fn show(&self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if !self.ladder || !bytes.first().is_some_and(u8::is_ascii_uppercase) {
            return;
        }
        let text = String::from_utf8_lossy(bytes);
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        let media = text.lines().filter(|line| {
            line.starts_with("a=send")
                || line.starts_with("a=recv")
                || *line == "a=inactive"
                || line.starts_with("m=")
                || line.starts_with("c=")
        });
        let media: Vec<_> = media.collect();
        let first = text.lines().next().unwrap_or_default();
        let shown = [first, line("Call-ID: "), line("CSeq: "), line("Reason: "), line("Subscription-State: ")];
        eprintln!("{now:?} {from} -> {to} {} {}", shown.join(" | "), media.join(" "));
    }

    fn is_inside(&self, host: IpAddr) -> bool {
        self.nats.iter().any(|nat| nat.holds(host))
    }

    fn outside(&mut self, now: Instant, from: SocketAddr, to: SocketAddr) -> SocketAddr {
        match self.nats.iter_mut().find(|nat| nat.holds(from.ip())) {
            Some(nat) => nat.outbound(now, from, to),
            None => from,
        }
    }

    /// The access of a host; of a NAT box, that of the hosts behind it.
    fn access(&self, host: IpAddr) -> Access {
        let behind = self.nats.iter().find(|nat| nat.outside() == host);
        let found = match behind {
            Some(nat) => self.hosts.iter().find(|(inside, _)| nat.holds(**inside)).map(|(_, access)| access),
            None => self.hosts.get(&host),
        };
        found.copied().unwrap_or(Access { up: Conditions::LOCAL, down: Conditions::LOCAL })
    }

    fn stream_time(&mut self, from: IpAddr, to: IpAddr) -> Duration {
        let (up, down) = (self.access(from).up, self.access(to).down);
        up.stream_time(&mut self.random) + down.stream_time(&mut self.random)
    }

    fn schedule(&mut self, at: Instant, flight: Flight) {
        self.next += 1;
        self.flights.insert((at, self.next), flight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, host], port))
    }

    fn network(seed: u64) -> Network {
        let mut network = Network::new(Random::from_seed(seed));
        network.attach(at(1, 0).ip(), Conditions::LOCAL, Conditions::LOCAL);
        network.attach(at(2, 0).ip(), Conditions::LOCAL, Conditions::LOCAL);
        network
    }

    fn drain(network: &mut Network) -> Vec<Arrival> {
        let end = Instant::from_millis(1_000_000);
        let mut arrivals = Vec::new();
        while let Some(next) = network.poll_timeout().filter(|&next| next <= end) {
            // A moment may pass without an arrival: a lost piece, a mapping that ends.
            while let Some((_, arrival)) = network.poll(next) {
                arrivals.push(arrival);
            }
        }
        arrivals
    }

    #[test]
    fn a_stream_arrives_whole_and_in_order_in_whatever_pieces() {
        for seed in 0..50 {
            let mut network = network(seed);
            network.attach(at(2, 0).ip(), Conditions::rough(200), Conditions::rough(200));
            network.listen(at(2, 5060));
            let link = network.connect(Instant::ZERO, at(1, 9), at(2, 5060));
            let sent: Vec<u8> = (0..5_000u32).map(|index| index as u8).collect();
            for part in sent.chunks(700) {
                network.write(Instant::from_millis(100_000), link, Side::Client, part);
            }
            network.close(Instant::from_millis(100_000), link, Side::Client);
            let arrivals = drain(&mut network);
            let got: Vec<u8> = arrivals
                .iter()
                .filter_map(|arrival| match arrival {
                    Arrival::Data { bytes, .. } => Some(bytes.clone()),
                    _ => None,
                })
                .flatten()
                .collect();
            assert_eq!(got, sent, "seed {seed}");
            assert_eq!(arrivals.last(), Some(&Arrival::Closed { link, side: Side::Server }));
        }
    }

    #[test]
    fn a_nat_rewrites_filters_and_forgets() {
        let mut network = network(1);
        let (inside, outside, server) = (at(2, 5060), IpAddr::from([203, 0, 113, 1]), at(1, 5060));
        network.add_nat(outside, &[inside.ip()], NatConfig::default());
        network.send(Instant::ZERO, inside, server, b"hello".to_vec());
        let Some(Arrival::Datagram { remote, .. }) = drain(&mut network).pop() else { panic!("nothing came") };
        assert_eq!(remote.ip(), outside);
        let soon = Instant::from_millis(20_000);
        network.send(soon, server, remote, b"back".to_vec());
        network.send(soon, at(1, 5061), remote, b"stranger".to_vec());
        network.send(soon, server, inside, b"private".to_vec());
        let arrived = drain(&mut network);
        assert_eq!(arrived, [Arrival::Datagram { local: inside, remote: server, bytes: b"back".to_vec() }]);
        network.send(Instant::from_millis(31_000), server, remote, b"late".to_vec());
        assert!(drain(&mut network).is_empty(), "the mapping is 30 seconds old");
    }

    #[test]
    fn conditions_lose_double_and_reorder_by_their_odds() {
        let mut network = network(7);
        network.attach(at(2, 0).ip(), Conditions::LOCAL, Conditions::rough(100));
        for index in 0..10_000u32 {
            let bytes = index.to_be_bytes().to_vec();
            network.send(Instant::from_millis(u64::from(index) * 20), at(1, 1), at(2, 1), bytes);
        }
        let lost = network.counters().lost;
        assert!((900..1100).contains(&lost), "{lost}");
        let arrived = drain(&mut network);
        assert!((9_700..10_100).contains(&arrived.len()), "{}", arrived.len());
        let order = |arrival: &Arrival| match arrival {
            Arrival::Datagram { bytes, .. } => bytes.clone(),
            other => panic!("{other:?}"),
        };
        assert!(arrived.windows(2).any(|pair| order(&pair[0]) > order(&pair[1])), "some overtake others");
    }
}
