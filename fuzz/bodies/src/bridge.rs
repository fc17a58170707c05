//! Any sequence of requests, links, cuts, stalls and time between three platforms: every request gets exactly one last answer,
//! and nothing is left in flight.

use crate::tape::Tape;
use router::bridge::{Bridge, Config, LinkId, Output};
use router::parameter::Selection;
use router::time::{Duration, Now};
use router::{
    Address, Command, Instance, ModuleKind, Outbox, Packet, Parameters, PlatformId, Random, Received, Service,
    Transaction, one,
};
use std::collections::{BTreeMap, VecDeque};

/// Operations of one input at most.
const OPERATIONS_MAX: usize = 200;
const PLATFORMS: usize = 3;
const ASKER: Address = Address::local(ModuleKind::Control, 0);

/// The input is operations on the platforms.
pub fn bridge(data: &[u8]) {
    let mut tape = Tape::new(data);
    let mut world = World { now: Now::default().later(Duration::from_secs(1)), nodes: Vec::new(), wires: Vec::new() };
    for index in 0..PLATFORMS {
        let address = |index: usize| format!("{index}:1");
        let peers = (0..index).map(address).collect();
        let id = PlatformId(index as u32 + 1);
        let config = Config { peers, addresses: vec![address(index)], ..Config::new(id, "") };
        let mut bridge = Bridge::new(config, world.now, Random::from_seed(index as u64));
        bridge.handle_modules([ASKER, Address::local(ModuleKind::Store, 0)]);
        world.nodes.push(Node { id, bridge, asker: Outbox::new(ASKER), finals: BTreeMap::new(), owed: Vec::new() });
    }
    for _ in 0..OPERATIONS_MAX {
        if !tape.is_left() {
            break;
        }
        world.operate(&mut tape);
        world.settle();
    }
    for wire in &mut world.wires {
        wire.is_stalled = false;
    }
    world.pass(Duration::from_secs(300));
    for node in &world.nodes {
        assert!(node.finals.values().all(|answers| *answers == 1), "one last answer each: {:?}", node.finals);
        assert_eq!(node.asker.pending(), 0);
    }
}

/// A platform, with a module that asks and one that answers.
struct Node {
    id: PlatformId,
    bridge: Bridge,
    asker: Outbox,
    finals: BTreeMap<Transaction, u32>,
    /// Requests that are not answered yet.
    owed: Vec<Packet>,
}

/// A connection: nodes, links, octets to either end.
struct Wire {
    ends: [(usize, LinkId); 2],
    octets: [VecDeque<Vec<u8>>; 2],
    is_stalled: bool,
}

struct World {
    now: Now,
    nodes: Vec<Node>,
    wires: Vec<Wire>,
}

impl World {
    fn operate(&mut self, tape: &mut Tape<'_>) {
        let node = tape.below(PLATFORMS);
        let wire = tape.below(self.wires.len());
        match tape.below(10) {
            0..=2 => {
                let platform = tape.pick(&[1, 2, 3, 4, u32::MAX]).unwrap_or(1);
                let to = Address { platform: PlatformId(platform), ..Address::any(ModuleKind::Store) };
                let within = Duration::from_millis(u64::from(tape.word()));
                let asker = &mut self.nodes[node].asker;
                let what = one(Selection::default());
                let asked = asker.request(self.now.instant, Instance(1), to, Command::Query, what, within);
                self.nodes[node].finals.insert(asked, 0);
            }
            3 => {
                let owed = std::mem::take(&mut self.nodes[node].owed);
                for request in owed {
                    self.route(node, request.answer(Command::Done, Parameters::new()));
                }
            }
            4 if !self.wires.is_empty() => self.cut(wire),
            5 if !self.wires.is_empty() => self.wires[wire].is_stalled ^= true,
            6 if !self.wires.is_empty() => {
                let octets = tape.octets(12).to_vec();
                self.wires[wire].octets[node & 1].push_back(octets);
            }
            _ => self.pass(Duration::from_millis(u64::from(tape.word()))),
        }
    }

    fn cut(&mut self, wire: usize) {
        let Wire { ends, .. } = self.wires.remove(wire);
        for (node, link) in ends {
            self.nodes[node].bridge.handle_closed(self.now, link, None);
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.instant + time;
        for _ in 0..5_000 {
            let next = self.nodes.iter_mut().filter_map(|node| {
                let bridge = [node.bridge.poll_timeout(), node.bridge.outbox().poll_timeout()];
                bridge.into_iter().flatten().chain(node.asker.poll_timeout()).min()
            });
            let Some(next) = next.min().filter(|next| *next <= end) else { break };
            self.now = self.now.later(next.since(self.now.instant));
            self.settle();
        }
        self.now = self.now.later(end.since(self.now.instant));
        self.settle();
    }

    /// Packets, outputs and octets, until all is quiet.
    fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            for index in 0..PLATFORMS {
                is_quiet &= self.turn(index);
                while let Some(output) = self.nodes[index].bridge.poll_output() {
                    is_quiet = false;
                    self.perform(index, output);
                }
            }
            for wire in 0..self.wires.len() {
                if self.wires[wire].is_stalled {
                    continue;
                }
                for end in 0..2 {
                    while let Some(octets) = self.wires[wire].octets[end].pop_front() {
                        is_quiet = false;
                        let ends = self.wires[wire].ends;
                        let (from, to) = (ends[1 - end], ends[end]);
                        self.nodes[from.0].bridge.handle_written(self.now, from.1, octets.len(), 1);
                        self.nodes[to.0].bridge.handle_bytes(self.now, to.1, &octets);
                    }
                }
            }
            if is_quiet {
                break;
            }
        }
    }

    fn turn(&mut self, index: usize) -> bool {
        let now = self.now;
        let node = &mut self.nodes[index];
        node.bridge.handle_timeout(now);
        node.bridge.outbox().handle_timeout(now.instant);
        node.asker.handle_timeout(now.instant);
        let mut is_quiet = true;
        loop {
            let node = &mut self.nodes[index];
            let packet = node.asker.poll_transmit().or_else(|| node.bridge.outbox().poll_transmit());
            let Some(packet) = packet.or_else(|| node.bridge.poll_deliver()) else { break };
            is_quiet = false;
            self.route(index, packet);
        }
        let node = &mut self.nodes[index];
        while let Some(received) = node.asker.poll_received() {
            node.asked(received);
        }
        while let Some(received) = node.bridge.outbox().poll_received() {
            node.bridge.handle_received(now, received);
        }
        is_quiet
    }

    fn route(&mut self, index: usize, packet: Packet) {
        let node = &mut self.nodes[index];
        let to = packet.destination;
        if to.platform != PlatformId::HERE && to.platform != node.id {
            return node.bridge.handle_outbound(self.now, packet);
        }
        match to.module.kind {
            ModuleKind::Control => {
                if let Some(received) = node.asker.handle_packet(packet) {
                    node.asked(received);
                }
            }
            ModuleKind::Bridge => {
                if let Some(received) = node.bridge.outbox().handle_packet(packet) {
                    node.bridge.handle_received(self.now, received);
                }
            }
            _ => node.owed.push(packet),
        }
    }

    fn perform(&mut self, index: usize, output: Output) {
        match output {
            Output::Connect(link, address) => {
                let to = address.split(':').next().and_then(|to| to.parse::<usize>().ok()).unwrap_or(0);
                match self.nodes[to].bridge.handle_accepted(self.now, String::new(), None) {
                    Some(accepted) => {
                        let ends = [(index, link), (to, accepted)];
                        self.wires.push(Wire { ends, octets: Default::default(), is_stalled: false });
                        self.nodes[index].bridge.handle_connected(self.now, link, None);
                    }
                    None => self.nodes[index].bridge.handle_closed(self.now, link, None),
                }
            }
            Output::Write(link, octets) => self.write(index, link, octets),
            Output::Close(link, octets) => {
                self.write(index, link, octets);
                let of_link = |wire: &Wire| wire.ends.contains(&(index, link));
                let Some(wire) = self.wires.iter().position(of_link) else { return };
                let Wire { ends, octets, .. } = self.wires.remove(wire);
                let other = usize::from(ends[0] == (index, link));
                for octets in &octets[other] {
                    self.nodes[ends[other].0].bridge.handle_bytes(self.now, ends[other].1, octets);
                }
                self.nodes[ends[other].0].bridge.handle_closed(self.now, ends[other].1, None);
            }
        }
    }

    fn write(&mut self, index: usize, link: LinkId, octets: Vec<u8>) {
        for wire in &mut self.wires {
            if let Some(end) = wire.ends.iter().position(|end| *end == (index, link)) {
                wire.octets[1 - end].push_back(octets);
                return;
            }
        }
    }
}

impl Node {
    fn asked(&mut self, received: Received) {
        match received {
            Received::Answer(_, answer) if answer.command.is_final() => {
                let answers = self.finals.get_mut(&answer.transaction).expect("an answer to a request of ours");
                *answers += 1;
            }
            Received::Answer(..) => {}
            Received::Packet(packet) => self.asker.unsupported(&packet),
        }
    }
}
