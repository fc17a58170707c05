//! The inter-platform interface on the simulated network, in place of the shell's sockets.

use crate::network::{Arrival, LinkId, Network, Side};
use router::bridge::{Bridge, Config, LinkId as BridgeLink, Output, turn};
use router::service::Service;
use router::time::{Duration, Instant, Now};
use router::{Address, Endpoint, Random};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Where every platform takes links.
pub(crate) const PORT: u16 = 5065;

/// The interface of a platform.
pub(crate) struct Links {
    bridge: Bridge,
    endpoint: Endpoint,
    host: IpAddr,
    /// The connections: which link they are to the interface.
    open: BTreeMap<LinkId, (BridgeLink, Side)>,
    next_port: u16,
    /// When it wakes up, if something came.
    wakes: Option<Instant>,
}

impl Links {
    pub(crate) fn new(
        config: Config,
        endpoint: Endpoint,
        host: IpAddr,
        modules: Vec<Address>,
        now: Now,
        random: Random,
        network: &mut Network,
    ) -> Self {
        network.listen(SocketAddr::new(host, PORT));
        let mut bridge = Bridge::new(config, now, random);
        bridge.handle_modules(modules);
        Self { bridge, endpoint, host, open: BTreeMap::new(), next_port: 0, wakes: None }
    }

    /// Whether a connection is one of these, or comes to be.
    pub(crate) fn takes(&self, arrival: &Arrival) -> bool {
        match arrival {
            Arrival::Datagram { .. } => false,
            Arrival::Accepted { local, .. } => local.port() == PORT,
            Arrival::Connected { link }
            | Arrival::Refused { link }
            | Arrival::Data { link, .. }
            | Arrival::Closed { link, .. } => self.open.contains_key(link),
        }
    }

    pub(crate) fn handle(&mut self, now: Now, arrival: Arrival, network: &mut Network) {
        match arrival {
            Arrival::Datagram { .. } => {}
            Arrival::Accepted { link, remote, .. } => {
                match self.bridge.handle_accepted(now, remote.to_string(), None) {
                    Some(id) => drop(self.open.insert(link, (id, Side::Server))),
                    None => network.close(now.instant, link, Side::Server),
                }
            }
            Arrival::Connected { link } => {
                if let Some(&(id, _)) = self.open.get(&link) {
                    self.bridge.handle_connected(now, id, None);
                }
            }
            Arrival::Data { link, bytes, .. } => {
                if let Some(&(id, _)) = self.open.get(&link) {
                    self.bridge.handle_bytes(now, id, &bytes);
                }
            }
            Arrival::Refused { link } | Arrival::Closed { link, .. } => {
                if let Some((id, _)) = self.open.remove(&link) {
                    self.bridge.handle_closed(now, id, Some("connection reset".to_owned()));
                }
            }
        }
        self.wakes = Some(now.instant);
    }

    /// It may have been given something: it wakes up soon.
    pub(crate) fn notice(&mut self, now: Now, within: Duration, random: &mut Random) {
        if self.wakes.is_none() && self.endpoint.counters().depth > 0 {
            let after = Duration::from_nanos(random.below(within.as_nanos() as u64 + 1));
            self.wakes = Some(now.instant + after);
        }
    }

    pub(crate) fn next(&mut self) -> Option<Instant> {
        let outbox = self.bridge.outbox().poll_timeout();
        self.bridge.poll_timeout().into_iter().chain(outbox).chain(self.wakes).min()
    }

    /// Takes a turn if one is due.
    pub(crate) fn run(&mut self, now: Now, network: &mut Network) -> bool {
        if self.next().is_none_or(|at| at > now.instant) {
            return false;
        }
        self.wakes = None;
        while turn(&mut self.bridge, &self.endpoint, now) {}
        while let Some(output) = self.bridge.poll_output() {
            match output {
                Output::Connect(id, address) => {
                    self.next_port += 1;
                    let from = SocketAddr::new(self.host, 40_000 + self.next_port % 10_000);
                    let to = address.parse().expect("peers are addresses here");
                    self.open.insert(network.connect(now.instant, from, to), (id, Side::Client));
                }
                Output::Write(id, octets) => {
                    if let Some((link, side)) = self.connection(id) {
                        network.write(now.instant, link, side, &octets);
                    }
                    self.bridge.handle_written(now, id, octets.len(), 1);
                }
                Output::Close(id, last) => {
                    if let Some((link, side)) = self.connection(id) {
                        network.write(now.instant, link, side, &last);
                        network.close(now.instant, link, side);
                        self.open.remove(&link);
                    }
                }
            }
        }
        true
    }

    fn connection(&self, id: BridgeLink) -> Option<(LinkId, Side)> {
        self.open.iter().find(|(_, (own, _))| *own == id).map(|(&link, &(_, side))| (link, side))
    }
}
