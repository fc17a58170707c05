//! All sockets of a shard, driven from its loop.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use router::Seldom;
use router::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::bind::{BindError, bind, probe};
use super::connection::Outgoing;
use super::connections::Connections;
use super::counters::TransportCounters;
use super::event::TransportEvent;
use super::flow::{Flow, ListenerId, Received, Transmit, TransportFailure};
use super::limits::{ACCEPT_PAUSE, UDP_PAYLOAD_OCTETS_MAX};
use super::listener::{ListenerConfig, Listeners};
use super::settings::TransportSettings;
use super::socket::Socket;
use super::told::Told;
use super::udp::Given;
use crate::trunk::Source;

/// All sockets of a shard. Its loop waits for [`ready`](Self::ready), calls [`receive`](Self::receive), takes events with
/// [`poll_event`](Self::poll_event) until `None`, and sends with [`send`](Self::send), which never waits.
///
/// Connections are tasks of the runtime, so the loop must return to it: `ready` does when nothing is to be done.
/// Everything is used within one tokio runtime.
#[derive(Debug)]
pub struct Transports {
    listeners: Listeners,
    sockets: Vec<Socket>,
    connections: Connections,
    /// Connections that peers opened, with their listeners, that came while [`poll_ready`](Self::poll_ready) looked.
    accepted: Vec<(usize, TcpStream, SocketAddr)>,
    /// While it runs nothing is accepted: the system had no room for a connection.
    pause: Option<Pin<Box<Sleep>>>,
    failing: Seldom,
    datagram: Box<[u8]>,
    told: Told,
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
        Ok(Transports {
            listeners: Listeners::new(listeners),
            sockets,
            connections: Connections::new(settings),
            accepted: Vec::new(),
            pause: None,
            failing: Seldom::default(),
            datagram: vec![0; UDP_PAYLOAD_OCTETS_MAX + 1].into_boxed_slice(),
            told: Told::default(),
        })
    }

    /// The listeners as bound: with the ports that the system chose, and what they advertise.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Where the trunks' connections come from, from now on: they have room when strangers have taken theirs.
    pub fn set_trunks(&mut self, sources: Vec<Source>) {
        self.connections.set_trunks(sources);
    }

    /// Waits until something has come; may be dropped at any moment.
    pub async fn ready(&mut self) {
        std::future::poll_fn(|context| self.poll_ready(context)).await;
    }

    /// Ready when something has come.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut ready = !self.told.events.is_empty() || !self.accepted.is_empty();
        if self.pause.as_mut().is_some_and(|pause| pause.as_mut().poll(context).is_ready()) {
            self.pause = None;
        }
        for (index, socket) in self.sockets.iter().enumerate() {
            match socket {
                Socket::Datagrams(udp) => ready |= udp.poll_ready(context).is_ready(),
                Socket::Streams(_) if self.pause.is_some() => {}
                Socket::Streams(streams) => match streams.poll_accept(context) {
                    Poll::Ready(Ok((stream, remote))) => {
                        self.accepted.push((index, stream, remote));
                        ready = true;
                    }
                    Poll::Ready(Err(error)) => {
                        // The peer has gone again, or the system is out of file descriptors.
                        if let Some(unsaid) = self.failing.is_due(tokio::time::Instant::now().into_std()) {
                            tracing::warn!(%error, unsaid, "accepting a connection");
                        }
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
        if !ready {
            ready = self.connections.poll_ready(context).is_ready();
        }
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Takes a bounded batch of what has come; datagrams come as events, too. True if more may wait.
    pub fn receive(&mut self) -> bool {
        let mut received = Vec::new();
        let more = self.receive_with(|flow, datagram| {
            let bytes = Bytes::copy_from_slice(datagram);
            received.push(TransportEvent::Received(Received { flow: *flow, bytes }));
        });
        self.told.events.extend(received);
        more
    }

    /// Takes a bounded batch of what has come. Datagrams are shown where they lie, and are gone afterwards: who refuses one need
    /// not have copied it. True if more may wait.
    pub fn receive_with(&mut self, mut take: impl FnMut(&Flow, &[u8])) -> bool {
        let mut more = false;
        for (index, socket) in self.sockets.iter().enumerate() {
            let Socket::Datagrams(udp) = socket else { continue };
            let listener = ListenerId(index as u16);
            let Some((transport, local)) = self.listeners.get(listener).map(|it| (it.transport(), it.local())) else {
                continue;
            };
            let counters = &mut self.told.counters;
            more |= udp.receive(&mut self.datagram, |remote, reached, datagram| {
                counters.received += 1;
                let local = reached.map_or(local, |reached| SocketAddr::new(reached, local.port()));
                take(&Flow { transport, listener, local, remote, connection: None }, datagram);
            });
        }
        for (index, stream, remote) in std::mem::take(&mut self.accepted) {
            let listener = ListenerId(index as u16);
            if let (Some(Socket::Streams(streams)), Some(bound)) =
                (self.sockets.get(index), self.listeners.get(listener))
            {
                self.connections.accept(&mut self.told, (listener, bound), &**streams, stream, remote);
            }
        }
        more | self.connections.receive(&mut self.told)
    }

    /// The next thing that came.
    pub fn poll_event(&mut self) -> Option<TransportEvent> {
        self.told.events.pop_front()
    }

    /// Sends a message. What is known to fail at once, and what fails later, comes as [`TransportEvent::Failed`].
    pub fn send(&mut self, transmit: Transmit) {
        self.send_to(transmit, None);
    }

    /// Sends a message; `trunk` is the name of the trunk that its destination is, by which it is known what the peer of a new connection
    /// of TLS has to prove.
    pub fn send_to(&mut self, transmit: Transmit, trunk: Option<&str>) {
        let Transmit { destination, bytes, token } = transmit;
        let Some((listener, bound)) = self.listeners.select(&destination) else {
            return self.told.fail(destination, token, TransportFailure::NoListener);
        };
        match self.sockets.get(usize::from(listener.0)) {
            Some(Socket::Datagrams(udp)) => match udp.send(destination.remote, destination.local, &bytes) {
                Ok(Given::Sent) => self.told.counters.sent += 1,
                Ok(Given::Lost) => self.told.counters.lost += 1,
                Err(failure) => self.told.fail(destination, token, failure),
            },
            Some(Socket::Streams(streams)) => {
                let message = Outgoing { bytes, destination, token };
                self.connections.send(&mut self.told, (listener, bound), &**streams, message, trunk);
            }
            None => self.told.fail(destination, token, TransportFailure::NoListener),
        }
    }

    /// Connections at this moment.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Counts since the start.
    pub fn counters(&self) -> TransportCounters {
        let sockets = self.sockets.iter().filter_map(|socket| match socket {
            Socket::Datagrams(udp) => Some(udp.overflowed()),
            Socket::Streams(_) => None,
        });
        let (open, places) = (self.connections.len() as u64, self.connections.places() as u64);
        TransportCounters { overflowed: sockets.sum(), open, places, ..self.told.counters }
    }

    /// Stops listening, writes what is queued, and closes every connection; what is not done within that time is cut.
    /// What still comes meanwhile is dropped.
    pub async fn close(mut self, within: Duration) {
        self.sockets.clear();
        self.accepted.clear();
        self.connections.close(within).await;
    }
}
