//! All sockets of a shard, driven from its loop.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use router::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};

use super::bind::{BindError, bind, probe};
use super::connection::{Handle, Input, Outgoing, Patience, pair};
use super::counters::TransportCounters;
use super::event::TransportEvent;
use super::flow::{
    Connection, ConnectionId, Destination, Flow, ListenerId, Received, Token, Transmit, Transport, TransportFailure,
};
use super::limits::{ACCEPT_PAUSE, CONNECTION_INPUTS, UDP_PAYLOAD_OCTETS_MAX};
use super::listener::{Listener, ListenerConfig, Listeners};
use super::settings::TransportSettings;
use super::socket::Socket;
use super::tcp::{connect, tune};
use super::udp::Given;
use crate::admission::network_of;
use crate::trunk::Source;

/// All sockets of a shard. Its loop waits for [`ready`](Self::ready), calls [`receive`](Self::receive), takes events with
/// [`poll_event`](Self::poll_event) until `None`, and sends with [`send`](Self::send), which never waits.
///
/// Connections are tasks of the runtime, so the loop must return to it: `ready` does when nothing is to be done.
/// Everything is used within one tokio runtime.
#[derive(Debug)]
pub struct Transports {
    settings: TransportSettings,
    listeners: Listeners,
    sockets: Vec<Socket>,
    connections: HashMap<ConnectionId, Handle>,
    /// Connections that were opened from here, by listener and peer: further messages there take them.
    opened: HashMap<(ListenerId, SocketAddr), ConnectionId>,
    /// Accepted connections that are no trunk's, by host.
    accepted_from: BTreeMap<IpAddr, usize>,
    /// Those of trunks.
    accepted_of_trunks: BTreeSet<ConnectionId>,
    /// Where trunks' connections come from.
    trunks: Vec<Source>,
    last_connection: u64,
    tasks: JoinSet<()>,
    inputs: Receiver<Input>,
    input_sender: Sender<Input>,
    /// What came while [`poll_ready`](Self::poll_ready) looked.
    stashed: Vec<Input>,
    accepted: Vec<(usize, TcpStream, SocketAddr)>,
    /// While it runs nothing is accepted: the system had no room for a connection.
    pause: Option<Pin<Box<Sleep>>>,
    events: VecDeque<TransportEvent>,
    datagram: Box<[u8]>,
    counters: TransportCounters,
}

impl Transports {
    /// Binds all listeners, or none. To be called within a tokio runtime. Of shards that share them, shard 0 binds first.
    ///
    /// # Errors
    /// The first listener that cannot be bound.
    pub fn bind(configs: &[ListenerConfig], settings: TransportSettings) -> Result<Transports, BindError> {
        if settings.shared && settings.shard == 0 {
            probe(configs)?;
        }
        let mut sockets = Vec::new();
        let mut listeners = Vec::new();
        for config in configs {
            let bound = bind(config, settings.shared).map_err(|error| BindError {
                transport: config.transport,
                address: config.bind,
                error,
            })?;
            sockets.push(bound.0);
            listeners.push(bound.1);
        }
        let (input_sender, inputs) = channel(CONNECTION_INPUTS);
        Ok(Transports {
            settings,
            listeners: Listeners::new(listeners),
            sockets,
            connections: HashMap::new(),
            opened: HashMap::new(),
            accepted_from: BTreeMap::new(),
            accepted_of_trunks: BTreeSet::new(),
            trunks: Vec::new(),
            last_connection: 0,
            tasks: JoinSet::new(),
            inputs,
            input_sender,
            stashed: Vec::new(),
            accepted: Vec::new(),
            pause: None,
            events: VecDeque::new(),
            datagram: vec![0; UDP_PAYLOAD_OCTETS_MAX + 1].into_boxed_slice(),
            counters: TransportCounters::default(),
        })
    }

    /// The listeners as bound: with the ports that the system chose, and what they advertise.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Where the trunks' connections come from, from now on: they have room when strangers have taken theirs.
    pub fn set_trunks(&mut self, sources: Vec<Source>) {
        self.trunks = sources;
    }

    /// Waits until something has come; may be dropped at any moment.
    pub async fn ready(&mut self) {
        std::future::poll_fn(|context| self.poll_ready(context)).await;
    }

    /// Ready when something has come.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut ready = !self.events.is_empty() || !self.stashed.is_empty() || !self.accepted.is_empty();
        if self.pause.as_mut().is_some_and(|pause| pause.as_mut().poll(context).is_ready()) {
            self.pause = None;
        }
        for (index, socket) in self.sockets.iter().enumerate() {
            match socket {
                Socket::Udp(udp) => ready |= udp.poll_ready(context).is_ready(),
                Socket::Tcp(_) if self.pause.is_some() => {}
                Socket::Tcp(tcp) => match tcp.poll_accept(context) {
                    Poll::Ready(Ok((stream, remote))) => {
                        self.accepted.push((index, stream, remote));
                        ready = true;
                    }
                    Poll::Ready(Err(error)) => {
                        // The peer has gone again, or the system is out of file descriptors.
                        tracing::warn!(%error, "accepting a connection");
                        let mut pause = Box::pin(sleep(ACCEPT_PAUSE));
                        // A first look, so that the end of the pause wakes this task.
                        if pause.as_mut().poll(context).is_pending() {
                            self.pause = Some(pause);
                        }
                    }
                    Poll::Pending => {}
                },
            }
        }
        if !ready && let Poll::Ready(Some(input)) = self.inputs.poll_recv(context) {
            self.stashed.push(input);
            ready = true;
        }
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Takes a bounded batch of what has come. True if more may wait.
    pub fn receive(&mut self) -> bool {
        let mut more = false;
        for (index, socket) in self.sockets.iter().enumerate() {
            let Socket::Udp(udp) = socket else { continue };
            let listener = ListenerId(index as u16);
            let Some(local) = self.listeners.get(listener).map(Listener::local) else { continue };
            let (events, counters) = (&mut self.events, &mut self.counters);
            let full = udp.receive(&mut self.datagram, |remote, reached, bytes| {
                counters.received += 1;
                let local = reached.map_or(local, |reached| SocketAddr::new(reached, local.port()));
                let flow = Flow { transport: Transport::Udp, listener, local, remote, connection: None };
                events.push_back(TransportEvent::Received(Received { flow, bytes }));
            });
            // A buffer that overflowed is not emptied by one batch.
            if full {
                counters.overflowed += udp.dropped();
            }
            more |= full;
        }
        for (index, stream, remote) in std::mem::take(&mut self.accepted) {
            self.accept(ListenerId(index as u16), stream, remote);
        }
        for input in std::mem::take(&mut self.stashed) {
            self.take_input(input);
        }
        for _ in 0..CONNECTION_INPUTS {
            match self.inputs.try_recv() {
                Ok(input) => self.take_input(input),
                Err(_) => break,
            }
        }
        while self.tasks.try_join_next().is_some() {}
        more || !self.inputs.is_empty()
    }

    /// The next thing that came.
    pub fn poll_event(&mut self) -> Option<TransportEvent> {
        self.events.pop_front()
    }

    /// Sends a message. What is known to fail at once, and what fails later, comes as [`TransportEvent::Failed`].
    pub fn send(&mut self, transmit: Transmit) {
        let destination = transmit.destination;
        let Some((listener, _)) = self.listeners.select(&destination) else {
            return self.fail(destination, transmit.token, TransportFailure::NoListener);
        };
        match self.sockets.get(usize::from(listener.0)) {
            Some(Socket::Udp(udp)) => match udp.send(destination.remote, destination.local, &transmit.bytes) {
                Ok(Given::Sent) => self.counters.sent += 1,
                Ok(Given::Lost) => self.counters.lost += 1,
                Err(failure) => self.fail(destination, transmit.token, failure),
            },
            Some(Socket::Tcp(_)) => {
                let message = Outgoing { bytes: transmit.bytes, destination, token: transmit.token };
                self.send_stream(listener, message);
            }
            None => self.fail(destination, transmit.token, TransportFailure::NoListener),
        }
    }

    /// Connections at this moment.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Counts since the start.
    pub fn counters(&self) -> TransportCounters {
        self.counters
    }

    /// Stops listening, writes what is queued, and closes every connection; what is not done within that time is cut.
    /// What still comes meanwhile is dropped.
    pub async fn close(mut self, within: Duration) {
        self.sockets.clear();
        self.accepted.clear();
        // Letting go of the handles asks the tasks to finish.
        self.connections = HashMap::new();
        let (mut tasks, mut inputs) = (self.tasks, self.inputs);
        let done = async {
            loop {
                tokio::select! {
                    task = tasks.join_next() => if task.is_none() { break },
                    _ = inputs.recv() => {}
                }
            }
        };
        let in_time = tokio::time::timeout(within, done).await.is_ok();
        if !in_time {
            tracing::info!("connections that did not close in time are cut");
        }
        tasks.abort_all();
    }

    fn send_stream(&mut self, listener: ListenerId, message: Outgoing) {
        let (first, address) = match message.destination.connection {
            Connection::Any => (None, Some(message.destination.remote)),
            Connection::Only(connection) => (Some(connection), None),
            Connection::Prefer(connection, address) => (Some(connection), Some(address)),
        };
        let message = match first.filter(|connection| self.connections.contains_key(connection)) {
            Some(connection) => match self.write(connection, message) {
                None => return,
                Some(message) => message,
            },
            None => message,
        };
        match address {
            Some(address) => self.send_to_address(listener, address, message),
            None => self.fail(message.destination, message.token, TransportFailure::Closed),
        }
    }

    /// By the connection that was opened there before, or a new one.
    fn send_to_address(&mut self, listener: ListenerId, remote: SocketAddr, message: Outgoing) {
        let message = match self.opened.get(&(listener, remote)) {
            Some(&connection) => match self.write(connection, message) {
                None => return,
                Some(message) => message,
            },
            None => message,
        };
        if self.connections.len() >= self.settings.connections {
            return self.fail(message.destination, message.token, TransportFailure::TooManyConnections);
        }
        let Some(Socket::Tcp(tcp)) = self.sockets.get(usize::from(listener.0)) else {
            return self.fail(message.destination, message.token, TransportFailure::NoListener);
        };
        let Some(local) = self.listeners.get(listener).map(Listener::local) else { return };
        let connecting = connect(local, remote, tcp.dscp());
        let connect_timeout = self.settings.connect_timeout;
        let (connection, task) = self.connection(listener, local, remote, false);
        self.tasks.spawn(task.open(connecting, connect_timeout));
        self.opened.insert((listener, remote), connection);
        self.counters.opened += 1;
        if let Some(message) = self.write(connection, message) {
            self.fail(message.destination, message.token, TransportFailure::Congested);
        }
    }

    /// Queues a message. It comes back where the connection has ended; where the peer does not read, the connection is
    /// cut and the message is reported.
    fn write(&mut self, connection: ConnectionId, message: Outgoing) -> Option<Outgoing> {
        let Some(handle) = self.connections.get(&connection) else { return Some(message) };
        match handle.write(message) {
            None => {
                self.counters.sent += 1;
                None
            }
            Some((message, TransportFailure::Congested)) => {
                self.counters.congested += 1;
                if let Some(handle) = self.forget(connection) {
                    handle.cut();
                }
                self.fail(message.destination, message.token, TransportFailure::Congested);
                None
            }
            Some((message, _)) => {
                self.forget(connection);
                Some(message)
            }
        }
    }

    fn accept(&mut self, listener: ListenerId, stream: TcpStream, remote: SocketAddr) {
        let host = network_of(remote.ip());
        let of_trunk = self.trunks.iter().any(|source| source.contains_host(remote.ip()));
        let settings = &self.settings;
        let from = self.accepted_from.get(&host).copied().unwrap_or(0);
        let reserved = if of_trunk { 0 } else { settings.connections_reserved };
        let room = self.connections.len() + reserved < settings.connections;
        if !room || !of_trunk && from >= settings.connections_per_source {
            self.counters.rejected += 1;
            return;
        }
        let Some(local) = stream.local_addr().ok() else { return };
        tune(&stream);
        self.counters.accepted += 1;
        let (id, task) = self.connection(listener, local, remote, true);
        if of_trunk {
            self.accepted_of_trunks.insert(id);
        } else {
            *self.accepted_from.entry(host).or_default() += 1;
        }
        self.tasks.spawn(task.serve(stream));
    }

    fn connection(
        &mut self,
        listener: ListenerId,
        local: SocketAddr,
        remote: SocketAddr,
        accepted: bool,
    ) -> (ConnectionId, super::connection::Connection) {
        self.last_connection += 1;
        let id = ConnectionId::of_shard(self.settings.shard, self.last_connection);
        let transport = self.listeners.get(listener).map_or(Transport::Tcp, Listener::transport);
        let flow = Flow { transport, listener, local, remote, connection: Some(id) };
        let TransportSettings { first_message_timeout: first, message_timeout: message, idle_timeout: idle, .. } =
            self.settings;
        let patience = Patience { first, message, idle };
        let bound = self.settings.write_queue_octets;
        let (handle, task) = pair(flow, accepted, self.input_sender.clone(), patience, bound);
        self.connections.insert(id, handle);
        (id, task)
    }

    fn take_input(&mut self, input: Input) {
        match input {
            Input::Received(received) => {
                self.counters.received += 1;
                self.events.push_back(TransportEvent::Received(received));
            }
            Input::Failed(destination, token, failure) => self.fail(destination, token, failure),
            Input::Closed { flow, accepted, failure } => {
                tracing::debug!(transport = %flow.transport, %failure, "connection ended");
                if let Some(connection) = flow.connection {
                    self.forget(connection);
                }
                let of_trunk = flow.connection.is_some_and(|connection| self.accepted_of_trunks.remove(&connection));
                if accepted && !of_trunk {
                    self.release_source(network_of(flow.remote.ip()));
                }
                self.events.push_back(TransportEvent::Closed { flow });
            }
        }
    }

    /// Messages no longer find the connection. Its place among its source's is free once its task has ended.
    fn forget(&mut self, connection: ConnectionId) -> Option<Handle> {
        let handle = self.connections.remove(&connection)?;
        let peer = (handle.flow.listener, handle.flow.remote);
        if self.opened.get(&peer) == Some(&connection) {
            self.opened.remove(&peer);
        }
        Some(handle)
    }

    fn release_source(&mut self, source: IpAddr) {
        let Some(count) = self.accepted_from.get_mut(&source) else { return };
        *count -= 1;
        if *count == 0 {
            self.accepted_from.remove(&source);
        }
    }

    fn fail(&mut self, destination: Destination, token: Option<Token>, failure: TransportFailure) {
        self.counters.failed += 1;
        self.events.push_back(TransportEvent::Failed { destination, token, failure });
    }
}
