//! The connections of all stream transports of a shard: which there are, who may have how many, and which one a message takes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use router::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use super::connection::{self, Handle, Input, Outgoing, Patience, pair};
use super::event::TransportEvent;
use super::flow::{Connection, ConnectionId, Flow, ListenerId, TransportFailure};
use super::handshakes::HandshakeLimits;
use super::limits::{CONNECTION_INPUTS, PLACES_QUIET, STRANGERS_SHARE, STRANGERS_SHARE_PER_SOURCE};
use super::listener::Listener;
use super::pings::Pings;
use super::settings::TransportSettings;
use super::strangers::Strangers;
use super::streams::Streams;
use super::told::Told;
use crate::admission::network_of;
use crate::trunk::{Source, TrunkId};

/// All connections. They are tasks of the runtime; what they tell comes by [`receive`](Self::receive).
#[derive(Debug)]
pub(super) struct Connections {
    settings: TransportSettings,
    handles: HashMap<ConnectionId, Handle>,
    /// Connections that were opened from here: further messages there take them.
    opened: HashMap<Opened, ConnectionId>,
    /// Accepted connections that are no trunk's, by host.
    accepted_from: BTreeMap<IpAddr, usize>,
    /// Those of whose peers nothing is known.
    strangers: Strangers,
    /// When the log last said that places have run out, and what it had counted then.
    said: Option<(Instant, u64)>,
    /// Those of trunks.
    accepted_of_trunks: BTreeSet<ConnectionId>,
    /// Where trunks' connections come from.
    trunks: Vec<Source>,
    handshakes: HandshakeLimits,
    /// What time is counted from.
    since: tokio::time::Instant,
    last: u64,
    tasks: JoinSet<()>,
    inputs: Receiver<Input>,
    input_sender: Sender<Input>,
    /// What came while [`poll_ready`](Self::poll_ready) looked.
    stashed: Vec<Input>,
}

/// By which connections that were opened from here are found: listener, peer and, over TLS, the trunk that it has proven to be.
pub(super) type Opened = (ListenerId, SocketAddr, Option<TrunkId>);

impl Connections {
    /// None yet.
    pub(super) fn new(settings: TransportSettings) -> Connections {
        let (input_sender, inputs) = channel(CONNECTION_INPUTS);
        Connections {
            settings,
            handles: HashMap::new(),
            opened: HashMap::new(),
            accepted_from: BTreeMap::new(),
            strangers: Strangers::default(),
            said: None,
            accepted_of_trunks: BTreeSet::new(),
            trunks: Vec::new(),
            handshakes: HandshakeLimits::new(settings.handshakes_per_source, settings.handshakes_total),
            since: tokio::time::Instant::now(),
            last: 0,
            tasks: JoinSet::new(),
            inputs,
            input_sender,
            stashed: Vec::new(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.handles.len()
    }

    /// How many there may be.
    pub(super) fn places(&self) -> usize {
        self.settings.connections
    }

    /// Where the trunks' connections come from, from now on.
    pub(super) fn set_trunks(&mut self, sources: Vec<Source>) {
        self.trunks = sources;
    }

    /// Ready when one of them has told something.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.stashed.is_empty()
            && let Poll::Ready(Some(input)) = self.inputs.poll_recv(context)
        {
            self.stashed.push(input);
        }
        if self.stashed.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Takes a bounded batch of what they tell. True if more waits.
    pub(super) fn receive(&mut self, told: &mut Told) -> bool {
        for input in std::mem::take(&mut self.stashed) {
            self.take_input(told, input);
        }
        for _ in 0..CONNECTION_INPUTS {
            match self.inputs.try_recv() {
                Ok(input) => self.take_input(told, input),
                Err(_) => break,
            }
        }
        while self.tasks.try_join_next().is_some() {}
        !self.inputs.is_empty()
    }

    /// Writes what is queued and closes all of them; what is not done within that time is cut.
    pub(super) async fn close(mut self, within: Duration) {
        // Letting go of the handles asks the tasks to finish.
        self.handles = HashMap::new();
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

    /// Sends a message by the connection that it names, else by one to its address; `trunk` is the name of its trunk, where it is for
    /// one.
    pub(super) fn send(
        &mut self,
        told: &mut Told,
        (listener, bound): (ListenerId, &Listener),
        streams: &dyn Streams,
        message: Outgoing,
        trunk: Option<&str>,
    ) {
        let (first, address) = match message.destination.connection {
            Connection::Any => (None, Some(message.destination.remote)),
            Connection::Only(connection) => (Some(connection), None),
            Connection::Prefer(connection, address) => (Some(connection), Some(address)),
        };
        let message = match first.filter(|connection| self.handles.contains_key(connection)) {
            Some(connection) => match self.write(told, connection, message) {
                None => return,
                Some(message) => message,
            },
            None => message,
        };
        match address {
            Some(address) => self.send_to_address(told, (listener, bound), streams, address, message, trunk),
            None => told.fail(message.destination, message.token, TransportFailure::Closed),
        }
    }

    /// By the connection that was opened there before, or a new one.
    fn send_to_address(
        &mut self,
        told: &mut Told,
        (listener, bound): (ListenerId, &Listener),
        streams: &dyn Streams,
        remote: SocketAddr,
        message: Outgoing,
        trunk: Option<&str>,
    ) {
        let proven = message.destination.trunk.filter(|_| bound.transport().is_secure());
        let key = (listener, remote, proven);
        let message = match self.opened.get(&key) {
            Some(&connection) => match self.write(told, connection, message) {
                None => return,
                Some(message) => message,
            },
            None => message,
        };
        if self.handles.len() >= self.settings.connections {
            return told.fail(message.destination, message.token, TransportFailure::TooManyConnections);
        }
        let local = bound.local();
        let connecting = streams.open(local, remote, trunk);
        let connect_timeout = self.settings.connect_timeout;
        let (connection, task) = self.connection((listener, bound), local, remote, Some(key), true);
        self.tasks.spawn(task.open(connecting, connect_timeout));
        self.opened.insert(key, connection);
        told.counters.opened += 1;
        if let Some(message) = self.write(told, connection, message) {
            told.fail(message.destination, message.token, TransportFailure::Congested);
        }
    }

    /// Queues a message. It comes back where the connection has ended; where the peer does not read, the connection is
    /// cut and the message is reported.
    fn write(&mut self, told: &mut Told, connection: ConnectionId, message: Outgoing) -> Option<Outgoing> {
        let Some(handle) = self.handles.get_mut(&connection) else { return Some(message) };
        if !handle.known && message.is_to_known() {
            handle.known = true;
            self.strangers.became_known(Instant::ZERO + self.since.elapsed(), connection);
        }
        match handle.write(message) {
            None => {
                told.counters.sent += 1;
                None
            }
            Some((message, TransportFailure::Congested)) => {
                told.counters.congested += 1;
                if let Some(handle) = self.forget(connection) {
                    handle.cut();
                }
                told.fail(message.destination, message.token, TransportFailure::Congested);
                None
            }
            Some((message, _)) => {
                self.forget(connection);
                Some(message)
            }
        }
    }

    /// Takes a connection that a peer opened, unless there is no room for it.
    pub(super) fn accept(
        &mut self,
        told: &mut Told,
        (listener, bound): (ListenerId, &Listener),
        streams: &dyn Streams,
        stream: TcpStream,
        remote: SocketAddr,
    ) {
        let host = network_of(remote.ip());
        let of_trunk = self.trunks.iter().any(|source| source.contains_host(remote.ip()));
        let now = Instant::ZERO + self.since.elapsed();
        if bound.transport().is_secure() && !of_trunk && !self.handshakes.admit(now, host) {
            told.counters.handshakes_limited += 1;
            return;
        }
        let room = if of_trunk {
            self.handles.len() < self.settings.connections || self.displace(told, self.strangers.oldest())
        } else {
            self.has_place_for(told, now, host)
        };
        if !room {
            told.counters.rejected += 1;
        }
        self.tell_full(told, now, host);
        let Some(local) = stream.local_addr().ok().filter(|_| room) else { return };
        told.counters.accepted += 1;
        let (id, task) = self.connection((listener, bound), local, remote, None, of_trunk);
        if of_trunk {
            self.accepted_of_trunks.insert(id);
        } else {
            *self.accepted_from.entry(host).or_default() += 1;
            self.strangers.begin(now, id, host);
        }
        let patience = self.settings.first_message_timeout;
        self.tasks.spawn(task.open(streams.accept(stream), patience));
    }

    /// Whether somebody of that host may have a connection more. Where there is no place that is free, whoever has waited longest
    /// without showing who it is makes room: of the same host for what is that one's, of any host from which nobody known came lately
    /// for what is everybody's.
    fn has_place_for(&mut self, told: &mut Told, now: Instant, host: IpAddr) -> bool {
        let settings = &self.settings;
        let per_source = settings.connections_per_source;
        let strangers_per_source = (per_source / STRANGERS_SHARE_PER_SOURCE).max(1);
        let all = settings.connections.saturating_sub(settings.connections_reserved);
        let strangers = (all / STRANGERS_SHARE).max(1);
        let from = self.accepted_from.get(&host).copied().unwrap_or(0);
        let own_are_taken = from >= per_source || self.strangers.of_host(host) >= strangers_per_source;
        if own_are_taken && !self.displace(told, self.strangers.oldest_of(host)) {
            return false;
        }
        if self.strangers.unheard_of() >= strangers && !self.strangers.knows(now, host) {
            self.displace(told, self.strangers.oldest());
        }
        self.handles.len() < all || self.displace(told, self.strangers.oldest())
    }

    /// Closes a connection for the sake of another one. False: there is none.
    fn displace(&mut self, told: &mut Told, connection: Option<ConnectionId>) -> bool {
        let Some(handle) = connection.and_then(|connection| self.forget(connection)) else { return false };
        handle.cut();
        told.counters.displaced += 1;
        true
    }

    /// Says in the log that there are no free places, and from where the last one came that needed one.
    fn tell_full(&mut self, told: &Told, now: Instant, source: IpAddr) {
        let (rejected, displaced) = (told.counters.rejected, told.counters.displaced);
        let (said, counted) = self.said.map_or((None, 0), |(at, counted)| (Some(at), counted));
        if rejected + displaced == counted || said.is_some_and(|said| now.since(said) < PLACES_QUIET) {
            return;
        }
        self.said = Some((now, rejected + displaced));
        tracing::warn!(
            %source,
            of_source = self.accepted_from.get(&source).copied().unwrap_or(0),
            open = self.handles.len(),
            strangers = self.strangers.len(),
            rejected,
            displaced,
            "no free place for a connection: rejected, or in the place of one whose peer has not shown who it is"
        );
    }

    fn connection(
        &mut self,
        (listener, bound): (ListenerId, &Listener),
        local: SocketAddr,
        remote: SocketAddr,
        opened: Option<Opened>,
        known: bool,
    ) -> (ConnectionId, connection::Connection) {
        self.last += 1;
        let id = ConnectionId::of_shard(self.settings.shard, self.last);
        let transport = bound.transport();
        let flow = Flow { transport, listener, local, remote, connection: Some(id) };
        let settings = &self.settings;
        let patience = Patience {
            first: settings.first_message_timeout,
            stranger: settings.stranger_timeout,
            message: settings.message_timeout,
            idle: settings.idle_timeout,
            pong: settings.pong_timeout,
        };
        let interval = match opened {
            Some(_) => Some(settings.ping_interval),
            None if !transport.is_opened() => Some(settings.websocket_ping_interval),
            None => None,
        };
        // Connections that came about together are not pinged together.
        let pings = interval.map(|interval| Pings::every(interval * (80 + (self.last % 21) as u32) / 100));
        let bound = self.settings.write_queue_octets;
        let (handle, task) = pair(flow, (opened, known), pings, self.input_sender.clone(), patience, bound);
        self.handles.insert(id, handle);
        (id, task)
    }

    fn take_input(&mut self, told: &mut Told, input: Input) {
        match input {
            Input::Received(received) => {
                told.counters.received += 1;
                told.events.push_back(TransportEvent::Received(received));
            }
            Input::Identified { flow, domains } => {
                told.events.push_back(TransportEvent::Identified { flow, domains });
            }
            Input::Failed(destination, token, failure) => told.fail(destination, token, failure),
            Input::Closed { flow, accepted, failure } => {
                tracing::debug!(transport = %flow.transport, %failure, "connection ended");
                let handshake = matches!(failure, TransportFailure::Untrusted | TransportFailure::Refused);
                told.counters.handshakes_failed += u64::from(accepted && handshake);
                let host = network_of(flow.remote.ip());
                if let Some(handle) = flow.connection.and_then(|connection| self.forget(connection))
                    && accepted
                    && handle.known
                {
                    self.strangers.known_left(Instant::ZERO + self.since.elapsed(), host);
                }
                let of_trunk = flow.connection.is_some_and(|connection| self.accepted_of_trunks.remove(&connection));
                if accepted && !of_trunk {
                    self.release_source(host);
                }
                told.events.push_back(TransportEvent::Closed { flow });
            }
        }
    }

    /// Messages no longer find the connection. Its place among its source's is free once its task has ended.
    fn forget(&mut self, connection: ConnectionId) -> Option<Handle> {
        let handle = self.handles.remove(&connection)?;
        self.strangers.end(connection);
        if let Some(key) = handle.opened
            && self.opened.get(&key) == Some(&connection)
        {
            self.opened.remove(&key);
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
}
