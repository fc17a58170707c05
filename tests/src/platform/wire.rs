//! A media worker's sockets on the simulated network.

use media::{Carried, Channel, Destination, OpenFailure, PairIndex, Wire};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

#[derive(Clone, Copy, Debug)]
struct Pair {
    rtp: SocketAddr,
    connected: Option<SocketAddr>,
}

impl Pair {
    fn address(self, channel: Channel) -> SocketAddr {
        match channel {
            Channel::Rtp => self.rtp,
            Channel::Rtcp => SocketAddr::new(self.rtp.ip(), self.rtp.port() + 1),
        }
    }
}

/// The pairs that a worker has open, and what it sends.
#[derive(Debug, Default)]
pub struct SimulatedWire {
    pairs: BTreeMap<PairIndex, Pair>,
    ports: BTreeMap<SocketAddr, (PairIndex, Channel)>,
    /// Ports that somebody else on the host holds.
    pub taken: BTreeSet<u16>,
    sent: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
}

impl SimulatedWire {
    /// Whether one of its sockets has that address.
    pub fn holds(&self, local: SocketAddr) -> bool {
        self.ports.contains_key(&local)
    }

    /// Which socket a datagram reaches: a connected one hears its peer alone.
    pub fn receiver(&self, local: SocketAddr, remote: SocketAddr) -> Option<(PairIndex, Channel)> {
        let &(pair, channel) = self.ports.get(&local)?;
        let connected = self.pairs.get(&pair)?.connected;
        (channel == Channel::Rtcp || connected.is_none_or(|peer| peer == remote)).then_some((pair, channel))
    }

    /// What was sent since the last time: from where, whither, what.
    pub fn take_sent(&mut self) -> Vec<(SocketAddr, SocketAddr, Vec<u8>)> {
        std::mem::take(&mut self.sent)
    }
}

impl Wire for SimulatedWire {
    fn take(&mut self, pair: PairIndex) -> Option<Carried> {
        let taken = self.pairs.remove(&pair)?;
        for channel in [Channel::Rtp, Channel::Rtcp] {
            self.ports.remove(&taken.address(channel));
        }
        Some(Carried(Box::new(taken)))
    }

    fn put(&mut self, pair: PairIndex, sockets: Carried) -> bool {
        let Ok(taken) = sockets.0.downcast::<Pair>() else { return false };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            self.ports.insert(taken.address(channel), (pair, channel));
        }
        self.pairs.insert(pair, *taken);
        true
    }

    fn open(&mut self, pair: PairIndex, rtp: SocketAddr) -> Result<(), OpenFailure> {
        let opened = Pair { rtp, connected: None };
        let addresses = [Channel::Rtp, Channel::Rtcp].map(|channel| (opened.address(channel), channel));
        let in_use = |address: &SocketAddr| self.ports.contains_key(address) || self.taken.contains(&address.port());
        if addresses.iter().any(|(address, _)| in_use(address)) {
            return Err(OpenFailure::InUse);
        }
        self.ports.extend(addresses.map(|(address, channel)| (address, (pair, channel))));
        self.pairs.insert(pair, opened);
        Ok(())
    }

    fn close(&mut self, pair: PairIndex) {
        if let Some(closed) = self.pairs.remove(&pair) {
            self.ports.remove(&closed.address(Channel::Rtp));
            self.ports.remove(&closed.address(Channel::Rtcp));
        }
    }

    fn drain(&mut self, _: PairIndex) {}

    fn connect(&mut self, pair: PairIndex, remote: SocketAddr) -> bool {
        self.pairs.get_mut(&pair).map(|pair| pair.connected = Some(remote)).is_some()
    }

    fn disconnect(&mut self, pair: PairIndex) -> bool {
        self.pairs.get_mut(&pair).map(|pair| pair.connected = None).is_some()
    }

    fn send(&mut self, pair: PairIndex, channel: Channel, destination: Destination, datagram: &[u8]) -> bool {
        let Some(pair) = self.pairs.get(&pair) else { return false };
        let to = match destination {
            Destination::To(to) => Some(to),
            Destination::Connected => pair.connected,
        };
        if let Some(to) = to {
            self.sent.push((pair.address(channel), to, datagram.to_vec()));
        }
        to.is_some()
    }
}
