//! Platforms without sockets: several interfaces, the connections between them, and one clock.

use crate::node::Node;
use router::bridge::{Config, LinkId, Output, Trust};
use router::time::{Duration, Instant, Now, WallTime};
use router::{PlatformId, Random};
use std::collections::{BTreeSet, VecDeque};

/// Octets in one direction.
#[derive(Default)]
struct Pipe {
    octets: VecDeque<(Instant, Vec<u8>)>,
    /// Its reader reads nothing.
    is_stalled: bool,
}

/// A connection between two nodes: the one that dialled, the one that accepted.
pub(crate) struct Connection {
    nodes: [usize; 2],
    links: [Option<LinkId>; 2],
    pipes: [Pipe; 2],
    /// When the accepting end, then the dialling end hears of the connection.
    opens: [Option<Instant>; 2],
    /// When an end hears of the end of it, and as what.
    closes: [Option<(Instant, Option<String>)>; 2],
}

impl Connection {
    /// Whether both ends have it.
    pub(crate) fn is_open(&self) -> bool {
        self.links.iter().all(Option::is_some)
    }
}

pub(crate) struct Network {
    pub(crate) nodes: Vec<Option<Node>>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) now: Now,
    pub(crate) random: Random,
    pub(crate) delay_us: std::ops::Range<u64>,
    /// Pairs between which nothing passes, not even the end of a connection.
    pub(crate) parted: BTreeSet<(usize, usize)>,
    refused: Vec<(Instant, usize, LinkId)>,
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn address(node: usize) -> String {
    format!("p{}:1", node + 1)
}

/// Node `index` is platform `index + 1` and dials these nodes.
pub(crate) fn config(index: usize, peers: &[usize]) -> Config {
    let peers = peers.iter().map(|peer| address(*peer)).collect();
    let name = format!("node {}", index + 1);
    // Its modules serve what no module of a platform serves.
    let trust = Trust::Everything;
    Config { addresses: vec![address(index)], peers, trust, ..Config::new(PlatformId(index as u32 + 1), &name) }
}

impl Network {
    pub(crate) fn new(seed: u64, configs: Vec<Config>) -> Self {
        let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
        let mut network = Self {
            nodes: Vec::new(),
            connections: Vec::new(),
            now,
            random: Random::from_seed(seed),
            delay_us: 50..2_000,
            parted: BTreeSet::new(),
            refused: Vec::new(),
        };
        for config in configs {
            let random = network.random.fork();
            network.nodes.push(Some(Node::new(config, now, random)));
        }
        network
    }

    /// A full mesh of so many, each of which knows the first one alone.
    pub(crate) fn by_gossip(seed: u64, count: usize) -> Self {
        Self::new(seed, (0..count).map(|index| config(index, if index == 0 { &[] } else { &[0] })).collect())
    }

    pub(crate) fn node(&mut self, index: usize) -> &mut Node {
        self.nodes[index].as_mut().expect("the node lives")
    }

    /// A node dies without a word.
    pub(crate) fn kill(&mut self, index: usize) -> Node {
        for connection in 0..self.connections.len() {
            if self.connections[connection].nodes.contains(&index) {
                self.end(connection, index, None);
            }
        }
        self.nodes[index].take().expect("the node lived")
    }

    /// A node begins anew.
    pub(crate) fn start(&mut self, index: usize, config: Config) {
        let random = self.random.fork();
        self.nodes[index] = Some(Node::new(config, self.now, random));
    }

    pub(crate) fn part(&mut self, a: usize, b: usize) {
        self.parted.extend([(a, b), (b, a)]);
    }

    /// Connections between these two: the indexes.
    pub(crate) fn between(&self, a: usize, b: usize) -> Vec<usize> {
        let is_between = |connection: &Connection| connection.nodes == [a, b] || connection.nodes == [b, a];
        (0..self.connections.len()).filter(|index| is_between(&self.connections[*index])).collect()
    }

    /// The connection breaks: both ends hear of it, each in its time, and what was under way is lost.
    pub(crate) fn cut(&mut self, connection: usize) {
        for end in 0..2 {
            let at = self.now.instant + self.delay();
            let connection = &mut self.connections[connection];
            connection.pipes[end].octets.clear();
            connection.closes[end].get_or_insert((at, Some("connection reset".to_owned())));
        }
    }

    /// The end of `node` is read no more by its peer.
    pub(crate) fn stall(&mut self, connection: usize, node: usize) {
        let end = usize::from(self.connections[connection].nodes[1] == node);
        self.connections[connection].pipes[end].is_stalled = true;
    }

    /// These octets arrive at `node` as if its peer had sent them.
    pub(crate) fn inject(&mut self, connection: usize, node: usize, octets: Vec<u8>) {
        let from = usize::from(self.connections[connection].nodes[0] == node);
        let octets_before = &mut self.connections[connection].pipes[from].octets;
        let at = octets_before.back().map_or(self.now.instant, |(last, _)| *last);
        octets_before.push_back((at, octets));
    }

    pub(crate) fn delay(&mut self) -> Duration {
        let span = self.delay_us.end - self.delay_us.start;
        Duration::from_micros(self.delay_us.start + self.random.below(span))
    }

    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now.instant + duration;
        let mut turns = 0;
        loop {
            turns += 1;
            assert!(turns < 1_000_000, "time does not pass at {:?}", self.now.instant);
            self.pump();
            let next = self.next().unwrap_or(end);
            if next > end {
                break;
            }
            self.pass(next);
            self.transport();
        }
        self.pass(end);
    }

    /// Everybody does what is to be done at this moment.
    pub(crate) fn pump(&mut self) {
        loop {
            let mut is_quiet = true;
            for index in 0..self.nodes.len() {
                let now = self.now;
                let Some(node) = &mut self.nodes[index] else { continue };
                node.turn(now);
                while let Some(output) = self.nodes[index].as_mut().and_then(|node| node.bridge.poll_output()) {
                    is_quiet = false;
                    self.perform(index, output);
                }
            }
            if is_quiet {
                break;
            }
        }
    }

    fn pass(&mut self, to: Instant) {
        self.now = self.now.later(to.since(self.now.instant));
    }

    fn is_parted(&self, connection: usize) -> bool {
        let [a, b] = self.connections[connection].nodes;
        self.parted.contains(&(a, b))
    }

    /// When something happens next.
    fn next(&mut self) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        let mut at = |instant: Instant| next = Some(next.map_or(instant, |next| next.min(instant)));
        for node in self.nodes.iter_mut().flatten() {
            at(node.next());
        }
        for connection in &self.connections {
            let [a, b] = connection.nodes;
            if self.parted.contains(&(a, b)) {
                continue;
            }
            for end in 0..2 {
                let pipe = &connection.pipes[end];
                if let Some((due, _)) = pipe.octets.front().filter(|_| !pipe.is_stalled) {
                    at(connection.opens[1 - end].map_or(*due, |open| open.max(*due)));
                }
                if let Some(due) = connection.opens[end] {
                    at(due);
                }
                // What was sent before the end arrives before it.
                let before = &connection.pipes[1 - end];
                let (last, is_stalled) = (before.octets.back().map(|(due, _)| *due), before.is_stalled);
                if let Some((due, _)) = connection.closes[end].as_ref().filter(|_| last.is_none() || !is_stalled) {
                    let open = connection.opens[end].unwrap_or(*due);
                    at(last.map_or(*due, |last| last.max(*due)).max(open));
                }
            }
        }
        for (due, ..) in &self.refused {
            at(*due);
        }
        next.map(|next| next.max(self.now.instant))
    }

    /// Connections open, octets arrive, connections end: what is due.
    fn transport(&mut self) {
        let now = self.now;
        for index in 0..self.connections.len() {
            if self.is_parted(index) {
                continue;
            }
            self.open(index);
            for from in 0..2 {
                let to = 1 - from;
                loop {
                    let connection = &mut self.connections[index];
                    let pipe = &mut connection.pipes[from];
                    let is_open = connection.opens[to].is_none();
                    let is_due =
                        is_open && !pipe.is_stalled && pipe.octets.front().is_some_and(|(due, _)| *due <= now.instant);
                    let Some((_, octets)) = is_due.then(|| pipe.octets.pop_front()).flatten() else { break };
                    let (nodes, links) = (connection.nodes, connection.links);
                    // In pieces of any size, as a stream comes.
                    let at = self.random.below(octets.len() as u64 + 1) as usize;
                    if let (Some(node), Some(link)) = (self.nodes[nodes[to]].as_mut(), links[to]) {
                        for piece in [&octets[..at], &octets[at..]] {
                            node.bridge.handle_bytes(now, link, piece);
                            node.turn(now);
                        }
                    }
                    if let (Some(node), Some(link)) = (self.nodes[nodes[from]].as_mut(), links[from]) {
                        node.bridge.handle_written(now, link, octets.len(), 1);
                    }
                }
            }
            for end in 0..2 {
                let connection = &mut self.connections[index];
                let is_empty = connection.pipes[1 - end].octets.is_empty();
                let Some((_, error)) = connection.closes[end].take_if(|(due, _)| *due <= now.instant && is_empty)
                else {
                    continue;
                };
                let (node, link) = (connection.nodes[end], connection.links[end].take());
                if let (Some(node), Some(link)) = (self.nodes[node].as_mut(), link) {
                    node.bridge.handle_closed(now, link, error);
                    node.turn(now);
                }
            }
        }
        self.connections.retain(|connection| {
            connection.links != [None; 2]
                || connection.opens != [None; 2]
                || connection.closes.iter().any(Option::is_some)
        });
        for (_, node, link) in self.refused.extract_if(.., |(due, ..)| *due <= now.instant) {
            if let Some(node) = self.nodes[node].as_mut() {
                node.bridge.handle_closed(now, link, Some("connection refused".to_owned()));
            }
        }
    }

    fn open(&mut self, index: usize) {
        let now = self.now;
        let connection = &mut self.connections[index];
        let [dialler, acceptor] = connection.nodes;
        if connection.opens[1].take_if(|due| *due <= now.instant).is_some() {
            let remote = address(dialler);
            let link = self.nodes[acceptor].as_mut().and_then(|node| node.bridge.handle_accepted(now, remote, None));
            connection.links[1] = link;
            if link.is_none() {
                connection.closes[0] = Some((now.instant, Some("connection refused".to_owned())));
            }
        }
        if connection.opens[0].take_if(|due| *due <= now.instant).is_some()
            && let (Some(node), Some(link)) = (self.nodes[dialler].as_mut(), connection.links[0])
        {
            node.bridge.handle_connected(now, link, None);
        }
    }

    fn perform(&mut self, index: usize, output: Output) {
        let now = self.now.instant;
        match output {
            Output::Connect(link, to) => {
                let acceptor = (0..self.nodes.len()).find(|node| address(*node) == to);
                let (first, second) = (now + self.delay(), self.delay());
                match acceptor.filter(|acceptor| self.nodes[*acceptor].is_some()) {
                    Some(acceptor) => self.connections.push(Connection {
                        nodes: [index, acceptor],
                        links: [Some(link), None],
                        pipes: Default::default(),
                        opens: [Some(first + second), Some(first)],
                        closes: [None, None],
                    }),
                    // Nobody is there, and nobody says so (RFC 5737 §3).
                    None if to.starts_with("192.0.2.") => {}
                    None => self.refused.push((first, index, link)),
                }
            }
            Output::Write(link, octets) => self.write(index, link, octets),
            Output::Close(link, last) => {
                self.write(index, link, last);
                if let Some((connection, _)) = self.end_of(index, link) {
                    self.end(connection, index, None);
                }
            }
        }
    }

    /// The connection of a node's link, and which end that is.
    fn end_of(&self, node: usize, link: LinkId) -> Option<(usize, usize)> {
        self.connections.iter().enumerate().find_map(|(index, connection)| {
            let end = (0..2).find(|end| connection.nodes[*end] == node && connection.links[*end] == Some(link))?;
            Some((index, end))
        })
    }

    fn write(&mut self, node: usize, link: LinkId, octets: Vec<u8>) {
        let at = self.now.instant + self.delay();
        if let Some((connection, end)) = self.end_of(node, link) {
            let pipe = &mut self.connections[connection].pipes[end];
            // In order, whatever the delay.
            let at = pipe.octets.back().map_or(at, |(last, _)| at.max(*last));
            pipe.octets.push_back((at, octets));
        }
    }

    /// One end closes: it hears no more, the other hears of it behind what was sent.
    pub(crate) fn end(&mut self, connection: usize, node: usize, error: Option<String>) {
        let at = self.now.instant + self.delay();
        let connection = &mut self.connections[connection];
        let end = usize::from(connection.nodes[1] == node);
        connection.links[end] = None;
        connection.opens[end] = None;
        connection.pipes[1 - end].octets.clear();
        connection.closes[1 - end].get_or_insert((at, error));
    }
}
