//! The listeners and connections of a platform on the simulated network, in place of the shell's sockets.

use crate::network::{Arrival, LinkId, Network, Side};
use bytes::Bytes;
use router::time::Instant;
use signaling::transport::{
    Connection, ConnectionId, Destination, Flow, Frame, Framer, Listeners, PONG, Received, Token, Transmit, Transport,
    TransportEvent, TransportFailure,
};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

#[derive(Debug)]
struct Open {
    link: LinkId,
    side: Side,
    flow: Flow,
    framer: Framer,
    /// What waits until the connection is there.
    waiting: Option<Vec<(Bytes, Destination, Option<Token>)>>,
}

/// Sockets of the signalling.
#[derive(Debug)]
pub(crate) struct Transports {
    shard: u8,
    listeners: Listeners,
    connections: BTreeMap<ConnectionId, Open>,
    events: VecDeque<TransportEvent>,
    /// Hosts whose connections over TLS have proven a domain.
    proven: BTreeMap<IpAddr, String>,
    last: u64,
    next_port: u16,
}

impl Transports {
    pub(crate) fn new(
        shard: u8,
        listeners: Listeners,
        proven: BTreeMap<IpAddr, String>,
        network: &mut Network,
    ) -> Self {
        for (_, listener) in listeners.iter().filter(|(_, listener)| listener.transport().is_reliable()) {
            network.listen(listener.local());
        }
        Self { shard, listeners, connections: BTreeMap::new(), events: VecDeque::new(), proven, last: 0, next_port: 0 }
    }

    pub(crate) fn poll_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether a connection is one of these.
    pub(crate) fn holds(&self, link: LinkId) -> bool {
        self.find(link).is_some()
    }

    /// How many connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Takes what arrives at a listener or a connection.
    pub(crate) fn handle(&mut self, now: Instant, arrival: Arrival, network: &mut Network) {
        match arrival {
            Arrival::Datagram { local, remote, bytes } => {
                let udp = |listener: &signaling::transport::Listener| {
                    listener.transport() == Transport::Udp && listener.local() == local
                };
                if let Some((listener, _)) = self.listeners.iter().find(|(_, listener)| udp(listener)) {
                    let flow = Flow { transport: Transport::Udp, listener, local, remote, connection: None };
                    self.events.push_back(TransportEvent::Received(Received { flow, bytes: Bytes::from(bytes) }));
                }
            }
            Arrival::Accepted { link, local, remote } => {
                let id = self.open(link, Side::Server, local, remote, None);
                self.identify(id);
            }
            Arrival::Connected { link } => {
                if let Some(id) = self.find(link) {
                    self.identify(id);
                }
                let Some(open) = self.connections.values_mut().find(|open| open.link == link) else { return };
                for (bytes, _, _) in open.waiting.take().unwrap_or_default() {
                    network.write(now, link, open.side, &bytes);
                }
            }
            Arrival::Refused { link } => {
                let Some(id) = self.find(link) else { return };
                let Some(open) = self.connections.remove(&id) else { return };
                for (_, destination, token) in open.waiting.unwrap_or_default() {
                    self.fail(destination, token, TransportFailure::Refused);
                }
                self.events.push_back(TransportEvent::Closed { flow: open.flow });
            }
            Arrival::Data { link, bytes, .. } => self.read(now, link, &bytes, network),
            Arrival::Closed { link, .. } => {
                let Some(id) = self.find(link) else { return };
                if let Some(open) = self.connections.remove(&id) {
                    self.events.push_back(TransportEvent::Closed { flow: open.flow });
                }
            }
        }
    }

    pub(crate) fn send(&mut self, now: Instant, transmit: Transmit, network: &mut Network) {
        let Transmit { destination, bytes, token } = transmit;
        let Some((id, listener)) = self.listeners.select(&destination) else {
            return self.fail(destination, token, TransportFailure::NoListener);
        };
        let local = listener.local();
        if listener.transport() == Transport::Udp {
            return network.send(now, local, destination.remote, bytes.to_vec());
        }
        let (first, address) = match destination.connection {
            Connection::Any => (None, Some(destination.remote)),
            Connection::Only(connection) => (Some(connection), None),
            Connection::Prefer(connection, address) => (Some(connection), Some(address)),
        };
        let known = first.filter(|connection| self.connections.contains_key(connection));
        let opened = |address: SocketAddr| {
            let to = |open: &Open| open.side == Side::Client && open.flow.remote == address && open.flow.listener == id;
            self.connections.iter().find(|(_, open)| to(open)).map(|(&connection, _)| connection)
        };
        let connection = match (known.or_else(|| address.and_then(opened)), address) {
            (Some(connection), _) => connection,
            (None, None) => return self.fail(destination, token, TransportFailure::Closed),
            (None, Some(_)) if !listener.transport().is_opened() => {
                return self.fail(destination, token, TransportFailure::Unreachable);
            }
            (None, Some(address)) => {
                self.next_port += 1;
                let from = SocketAddr::new(local.ip(), 32_000 + u16::from(self.shard) * 1_000 + self.next_port % 1_000);
                let link = network.connect(now, from, address);
                self.open(link, Side::Client, from, address, Some(id))
            }
        };
        let Some(open) = self.connections.get_mut(&connection) else { return };
        match &mut open.waiting {
            Some(waiting) => waiting.push((bytes, destination, token)),
            None => network.write(now, open.link, open.side, &bytes),
        }
    }

    fn open(
        &mut self,
        link: LinkId,
        side: Side,
        local: SocketAddr,
        remote: SocketAddr,
        listener: Option<signaling::transport::ListenerId>,
    ) -> ConnectionId {
        self.last += 1;
        let id = ConnectionId::of_shard(self.shard, self.last);
        let accepted =
            self.listeners.iter().find(|(_, known)| known.transport().is_reliable() && known.local() == local);
        let listener = listener.or(accepted.map(|(id, _)| id)).unwrap_or(signaling::transport::ListenerId(0));
        let transport = self.listeners.get(listener).map_or(Transport::Tcp, |known| known.transport());
        let flow = Flow { transport, listener, local, remote, connection: Some(id) };
        let waiting = (side == Side::Client).then(Vec::new);
        self.connections.insert(id, Open { link, side, flow, framer: Framer::new(), waiting });
        id
    }

    fn read(&mut self, now: Instant, link: LinkId, bytes: &[u8], network: &mut Network) {
        let Some(id) = self.find(link) else { return };
        let Some(open) = self.connections.get_mut(&id) else { return };
        open.framer.push(bytes);
        loop {
            match open.framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => {
                    self.events.push_back(TransportEvent::Received(Received { flow: open.flow, bytes }));
                }
                Ok(Some(Frame::Ping)) => network.write(now, link, open.side, PONG),
                Ok(None) => return,
                Err(_) => {
                    network.close(now, link, open.side);
                    let flow = open.flow;
                    self.connections.remove(&id);
                    return self.events.push_back(TransportEvent::Closed { flow });
                }
            }
        }
    }

    /// Tells what the peer of a connection has proven.
    fn identify(&mut self, id: ConnectionId) {
        let Some(flow) = self.connections.get(&id).map(|open| open.flow) else { return };
        if let Some(domain) = self.proven.get(&flow.remote.ip()).filter(|_| flow.transport.is_secure()) {
            let domains = [domain.as_str().into()].into();
            self.events.push_back(TransportEvent::Identified { flow, domains });
        }
    }

    fn find(&self, link: LinkId) -> Option<ConnectionId> {
        self.connections.iter().find(|(_, open)| open.link == link).map(|(&id, _)| id)
    }

    fn fail(&mut self, destination: Destination, token: Option<Token>, failure: TransportFailure) {
        self.events.push_back(TransportEvent::Failed { destination, token, failure });
    }
}
