//! A platform by its octets alone.

use crate::node::on;
use router::bridge::message::{Bye, Hello, LinkMessage, read_message, write_hello};
use router::bridge::{Bridge, Config, LinkId, Output, Trust};
use router::parameter::Status;
use router::time::{Instant, Now};
use router::{Address, Command, ModuleKind, Packet, PlatformId, Random, Transaction, one};
use std::collections::VecDeque;

/// A peer by its octets alone.
pub(crate) struct Raw {
    pub(crate) bridge: Bridge,
    pub(crate) link: LinkId,
    pub(crate) now: Now,
    /// What the interface said: contents of frames.
    pub(crate) said: VecDeque<Vec<u8>>,
    pub(crate) is_closed: bool,
}

/// What it says first.
pub(crate) fn hello() -> Hello {
    Hello {
        version: 1,
        oldest: 1,
        platform: PlatformId(2),
        name: "raw".to_owned(),
        epoch: 77,
        software: None,
        addresses: Vec::new(),
        modules: Vec::new(),
        heartbeat_ms: 1_000,
    }
}

impl Raw {
    pub(crate) fn new() -> Self {
        Self::with(Trust::Everything)
    }

    /// A peer of one that trusts it so far.
    pub(crate) fn with(trust: Trust) -> Self {
        let now = Now { instant: Instant::from_millis(1_000), ..Now::default() };
        let mut bridge = Bridge::new(Config { trust, ..Config::new(PlatformId(1), "one") }, now, Random::from_seed(1));
        bridge.handle_modules([Address::local(ModuleKind::Store, 0)]);
        let link = bridge.handle_accepted(now, "192.0.2.2:1".to_owned(), None).unwrap();
        let mut raw = Self { bridge, link, now, said: VecDeque::new(), is_closed: false };
        raw.collect();
        raw
    }

    pub(crate) fn up() -> Self {
        Self::up_with(Trust::Everything)
    }

    pub(crate) fn up_with(trust: Trust) -> Self {
        let mut raw = Self::with(trust);
        raw.say(|buffer| write_hello(&hello(), buffer));
        assert!(!raw.is_closed);
        raw
    }

    pub(crate) fn say(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut octets = Vec::new();
        write(&mut octets);
        self.bridge.handle_bytes(self.now, self.link, &octets);
        self.collect();
    }

    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.bridge.poll_output() {
            let octets = match output {
                Output::Write(_, octets) => octets,
                Output::Close(_, last) => {
                    self.is_closed = true;
                    last
                }
                Output::Connect(..) => continue,
            };
            self.bridge.handle_written(self.now, self.link, octets.len(), 1);
            let mut octets = &octets[..];
            while let Some((length, rest)) = octets.split_first_chunk::<4>() {
                let (content, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
                self.said.push_back(content.to_vec());
                octets = rest;
            }
        }
    }

    /// The reason of the last bye.
    pub(crate) fn bye(&self) -> Option<u8> {
        match read_message(self.said.back()?) {
            Ok(LinkMessage::Bye(Bye { reason, .. })) if self.is_closed => Some(reason),
            _ => None,
        }
    }

    /// Packets that were said.
    pub(crate) fn packets(&mut self) -> Vec<Packet> {
        let said = std::mem::take(&mut self.said);
        let packet = |content: &Vec<u8>| match read_message(content) {
            Ok(LinkMessage::Packet(packet)) => packet.packet().unwrap(),
            _ => None,
        };
        said.iter().filter_map(packet).collect()
    }

    pub(crate) fn delivered(&mut self) -> Vec<Packet> {
        std::iter::from_fn(|| self.bridge.poll_deliver()).collect()
    }
}

/// A request of a platform.
pub(crate) fn query(from: u32) -> Packet {
    Packet {
        source: on(from, Address::local(ModuleKind::Control, 0)),
        destination: on(1, Address::local(ModuleKind::Store, 0)),
        transaction: Transaction(9),
        command: Command::Query,
        parameters: one(Status::default()),
    }
}
