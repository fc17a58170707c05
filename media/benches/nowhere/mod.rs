//! A worker without a network, and who asks it for calls: its own code is measured, and what it sends.
#![allow(dead_code, reason = "each target uses a part")]

use media::{Carried, Channel, Config, Destination, Interface, OpenFailure, PairIndex, Voice, Wire};
use router::packet::{Parameters, Transaction};
use router::time::Now;
use router::{Address, Command, Instance, ModuleKind, Packet, Random, Received, Service};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Who is told of what leaves.
pub(crate) trait Sink {
    fn receive(&mut self, channel: Channel, datagram: &[u8]);
}

/// Nobody is.
impl Sink for () {
    #[inline]
    fn receive(&mut self, _: Channel, _: &[u8]) {}
}

/// A network that takes everything. As the worker's own it copies what is to be sent, where a secure packet is sealed.
pub(crate) struct Nowhere<L = ()> {
    room: [u8; 2_048],
    pub(crate) sink: L,
}

impl<L: Sink> Wire for Nowhere<L> {
    fn take(&mut self, _: PairIndex) -> Option<Carried> {
        None
    }

    fn put(&mut self, _: PairIndex, _: Carried) -> bool {
        false
    }

    fn open(&mut self, _: PairIndex, _: SocketAddr) -> Result<(), OpenFailure> {
        Ok(())
    }
    fn close(&mut self, _: PairIndex) {}
    fn drain(&mut self, _: PairIndex) {}
    fn connect(&mut self, _: PairIndex, _: SocketAddr) -> bool {
        true
    }
    fn disconnect(&mut self, _: PairIndex) -> bool {
        true
    }
    fn send(&mut self, _: PairIndex, channel: Channel, _: Destination, datagram: &[u8]) -> bool {
        self.room[..datagram.len()].copy_from_slice(datagram);
        black_box(&self.room);
        self.sink.receive(channel, datagram);
        true
    }
    fn send_sealed<S>(&mut self, _: PairIndex, channel: Channel, _: Destination, datagram: &[u8], seal: S) -> bool
    where
        S: FnOnce(&mut [u8], usize) -> Option<usize>,
    {
        self.room[..datagram.len()].copy_from_slice(datagram);
        let sealed = seal(&mut self.room, datagram.len());
        black_box(&self.room);
        sealed.is_some_and(|length| {
            self.sink.receive(channel, &self.room[..length]);
            true
        })
    }
}

pub(crate) const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

pub(crate) fn worker<L: Sink>(now: Now, sink: L) -> Voice<Nowhere<L>> {
    let interfaces = vec![Interface { address: LOCAL, advertised: None }];
    let config = Config { interfaces, ..Config::default() };
    let nowhere = Nowhere { room: [0; 2_048], sink };
    Voice::new(Address::local(ModuleKind::Voice, 0), config, Random::from_seed(1), nowhere, now)
}

pub(crate) fn ask<L: Sink>(
    voice: &mut Voice<Nowhere<L>>,
    now: Now,
    session: u64,
    command: Command,
    parameters: Parameters,
) {
    let packet = Packet {
        source: Address::local(ModuleKind::Switch, 0).at(Instance(session)),
        destination: Address::any(ModuleKind::Voice).at(Instance(session)),
        transaction: Transaction(session),
        command,
        parameters,
    };
    voice.handle_received(now, Received::Packet(packet));
    while let Some(packet) = voice.outbox().poll_transmit() {
        assert_eq!(packet.command, Command::Done, "{packet:?}");
    }
}

pub(crate) fn peer(session: u64, port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, (session >> 8) as u8, session as u8], 4_000 + port))
}
