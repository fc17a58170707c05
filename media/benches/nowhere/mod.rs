//! A worker without a network, whose own code is measured, and who asks it for calls.

use media::{Carried, Channel, Config, Destination, Interface, OpenFailure, PairIndex, Voice, Wire};
use router::packet::{Parameters, Transaction};
use router::time::Now;
use router::{Address, Command, Instance, ModuleKind, Packet, Random, Received, Service};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A network that takes everything. As the worker's own it copies what is to be sent, where a secure packet is sealed.
pub(crate) struct Nowhere {
    room: [u8; 2_048],
}

impl Wire for Nowhere {
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
    fn send(&mut self, _: PairIndex, _: Channel, _: Destination, datagram: &[u8]) -> bool {
        self.room[..datagram.len()].copy_from_slice(datagram);
        black_box(&self.room);
        true
    }
    fn send_sealed<S>(&mut self, _: PairIndex, _: Channel, _: Destination, datagram: &[u8], seal: S) -> bool
    where
        S: FnOnce(&mut [u8], usize) -> Option<usize>,
    {
        self.room[..datagram.len()].copy_from_slice(datagram);
        let sealed = seal(&mut self.room, datagram.len());
        black_box(&self.room);
        sealed.is_some()
    }
}

pub(crate) const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

pub(crate) fn worker(now: Now) -> Voice<Nowhere> {
    let interfaces = vec![Interface { address: LOCAL, advertised: None }];
    let config = Config { interfaces, ..Config::default() };
    Voice::new(Address::local(ModuleKind::Voice, 0), config, Random::from_seed(1), Nowhere { room: [0; 2_048] }, now)
}

pub(crate) fn ask(voice: &mut Voice<Nowhere>, now: Now, session: u64, command: Command, parameters: Parameters) {
    let packet = Packet {
        source: Address::local(ModuleKind::Switch, 0).at(Instance(session)),
        destination: Address::any(ModuleKind::Voice).at(Instance(session)),
        transaction: Transaction(session),
        command,
        parameters,
    };
    voice.handle_received(now, Received::Packet(packet));
    while let Some(packet) = voice.outbox().poll_transmit() {
        assert_eq!(packet.command, Command::Done);
    }
}

pub(crate) fn peer(session: u64, port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, (session >> 8) as u8, session as u8], 4_000 + port))
}
