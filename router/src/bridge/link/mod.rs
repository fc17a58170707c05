//! The shell: sockets, TLS, the loop that runs the interface. One task runs it and all its links; others listen, make connections, and
//! write the last words of links that end.

mod accept;
mod connect;
mod hosts;
mod wire;

use super::LinkId;
use super::service::{Bridge, Output, deliver, turn};
use super::tls::LinkTls;
use crate::bridge::Identity;
use crate::limits::{
    BATCH, BUSY_PACKETS_PER_SECOND, BUSY_PERIOD_US, FULL_PACKETS_PER_SECOND, LOAD_EVERY_MS, WRITE_BYTES,
};
use crate::pace::Pace;
use crate::route::Endpoint;
use crate::service::next_turn;
use crate::time::{Duration, Instant, Now};
use crate::wake::Wake;
use accept::accept;
pub use accept::listen;
use arc_swap::ArcSwap;
use connect::dial;
use hosts::Hosts;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use wire::{Bells, Wire, Written};

/// Connections that wait for the loop, made or failed.
const INPUTS: usize = 64;

/// Octets that are read of one link before the others have their turn.
const READ_PER_TURN: usize = WRITE_BYTES;

/// How often in a turn links are written to; what is ready then waits for the next one.
const WRITES_PER_TURN: usize = 4;

/// How long the last words of a link may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How links are protected.
#[derive(Clone, Debug)]
pub enum Security {
    /// Not at all: between loopback addresses only.
    Plain,
    /// By TLS 1.3 with a certificate at either end. What is stored anew holds for new links.
    Tls(Arc<ArcSwap<LinkTls>>),
}

impl Security {
    /// TLS with these configurations, until others are stored.
    pub fn tls(tls: LinkTls) -> Self {
        Self::Tls(Arc::new(ArcSwap::from_pointee(tls)))
    }
}

/// Wakes the loop: give a clone to [`crate::Router::register`], and the other to [`run`].
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Notify>);

impl Wake for Waker {
    fn wake(&self) {
        self.0.notify_one();
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, and the platform that its certificate names.
struct Connection {
    stream: Box<dyn Stream>,
    identity: Option<Identity>,
}

/// What tasks tell the loop.
enum Input {
    Accepted(Connection, SocketAddr),
    Refused(SocketAddr, String),
    Connected(LinkId, Connection),
    Unreached(LinkId, String),
}

/// Runs the interface until `until` completes; then every peer is told, and has a second to hear it. `clock` reads both clocks;
/// the listeners come from [`listen`].
pub async fn run(
    mut bridge: Bridge,
    endpoint: Endpoint,
    waker: Waker,
    clock: impl Fn() -> Now,
    listeners: Vec<TcpListener>,
    security: Security,
    until: impl Future<Output = ()>,
) -> io::Result<()> {
    let (sender, mut inputs) = mpsc::channel(INPUTS);
    let mut accepting = JoinSet::new();
    let hosts = Arc::new(Hosts::new(bridge.peers()));
    let listeners: Vec<_> = listeners.into_iter().map(tokio::net::TcpListener::from_std).collect::<io::Result<_>>()?;
    accepting.spawn(accept(listeners, security.clone(), sender.clone(), Arc::clone(&hosts)));
    let mut links = Links::new(sender, security, hosts, Bells::new(Arc::clone(&waker.0)));
    let mut until = std::pin::pin!(until);
    let mut next_modules = Instant::ZERO;
    // One timer for all turns, set anew only when something else is due: packets come more often than that changes.
    let mut timer = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
    let mut timer_due = None;
    let mut now = clock();
    let mut counted = bridge.packets();
    let mut busy = Pace::new(BUSY_PACKETS_PER_SECOND, now.instant);
    let mut full = Pace::new(FULL_PACKETS_PER_SECOND, now.instant);
    loop {
        if next_modules <= now.instant {
            next_modules = now.instant + Duration::from_millis(LOAD_EVERY_MS);
            bridge.handle_modules(endpoint.router().modules().into_iter().map(|(address, _)| address));
        }
        let mut taken = 0;
        while taken < INPUTS {
            let Ok(input) = inputs.try_recv() else { break };
            links.handle(&mut bridge, &endpoint, now, input);
            taken += 1;
        }
        let before = bridge.packets();
        links.read(&mut bridge, &endpoint, now);
        let came = (bridge.packets() - before) as usize;
        let mut more = turn(&mut bridge, &endpoint, now);
        // As many go as came: each may have an answer, and those to one platform's flood would have everybody's wait behind them.
        let mut gone = BATCH;
        while more && gone < came {
            more = turn(&mut bridge, &endpoint, now);
            gone += BATCH;
        }
        more |= links.perform(&mut bridge, &endpoint, now);
        more |= taken == INPUTS || links.are_rung();
        let packets = bridge.packets();
        let took = (packets - std::mem::replace(&mut counted, packets)) as usize;
        // Beyond that a turn has many packets without waiting for them.
        let waits = busy.count(now.instant, took) & !full.count(now.instant, took);
        if waits && !more {
            // Awake for its senders, who need not wake it.
            pause(Duration::from_micros(BUSY_PERIOD_US).saturating_sub(clock().instant.since(now.instant)));
        }
        if waits || more {
            // What makes connections has its turn, too.
            tokio::select! {
                biased;
                () = &mut until => break,
                () = tokio::task::yield_now() => {}
            }
            now = clock();
            continue;
        }
        if !endpoint.may_sleep() {
            now = clock();
            continue;
        }
        let due = next_turn(&mut bridge).map_or(next_modules, |due| due.min(next_modules));
        if timer_due != Some(due) {
            timer_due = Some(due);
            timer.set(tokio::time::sleep(due.since(now.instant)));
        }
        // All are looked at before it sleeps; what wakes it then is most often the first.
        let input = tokio::select! {
            biased;
            () = waker.0.notified() => None,
            input = inputs.recv() => input,
            () = &mut timer => {
                timer_due = None;
                None
            }
            () = &mut until => break,
        };
        endpoint.awake();
        now = clock();
        if let Some(input) = input {
            links.handle(&mut bridge, &endpoint, now, input);
        }
    }
    let now = clock();
    bridge.handle_stop(now);
    deliver(&mut bridge, &endpoint, now);
    links.perform(&mut bridge, &endpoint, now);
    // Nothing is read any more: tasks that have something to say are not waited for.
    drop(inputs);
    let _ = tokio::time::timeout(LAST_WORDS, async { while links.last_words.join_next().await.is_some() {} }).await;
    Ok(())
}

fn plain_is_for_loopback() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "links without TLS are for loopback addresses only")
}

/// An error as an operator reads it.
fn told(error: &io::Error) -> String {
    match error.kind() {
        // Over TLS an end has a word of its own: without it the connection was cut, by a crash or on the way.
        io::ErrorKind::UnexpectedEof => "the connection ended without a word".to_owned(),
        _ => error.to_string(),
    }
}

/// Stops the thread, with all tasks of its runtime.
fn pause(length: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a busy interface's pause, far below the resolution of the runtime's timers"
    )]
    std::thread::sleep(length);
}

/// A link as the loop holds it: being dialled, or connected.
enum Held {
    Dialling(AbortHandle),
    Connected(Wire),
}

struct Links {
    sender: mpsc::Sender<Input>,
    security: Security,
    hosts: Arc<Hosts>,
    bells: Arc<Bells>,
    links: BTreeMap<LinkId, Held>,
    /// Links with something to write.
    ready: Vec<LinkId>,
    /// What is read: dealt with before anything else is.
    buffer: Vec<u8>,
    /// Links that have ended and are being told so.
    last_words: JoinSet<()>,
}

impl Links {
    fn new(sender: mpsc::Sender<Input>, security: Security, hosts: Arc<Hosts>, bells: Arc<Bells>) -> Self {
        Self {
            sender,
            security,
            hosts,
            bells,
            links: BTreeMap::new(),
            ready: Vec::new(),
            buffer: vec![0; READ_PER_TURN],
            last_words: JoinSet::new(),
        }
    }

    fn handle(&mut self, bridge: &mut Bridge, endpoint: &Endpoint, now: Now, input: Input) {
        match input {
            Input::Accepted(Connection { stream, identity }, remote) => {
                if let Some(id) = bridge.handle_accepted(now, remote.to_string(), identity) {
                    self.hold(id, stream);
                }
            }
            Input::Refused(remote, error) => bridge.handle_turned_away(now, &remote.to_string(), &error),
            Input::Connected(id, Connection { stream, identity }) => {
                // Given up meanwhile, perhaps.
                if self.links.contains_key(&id) {
                    self.hold(id, stream);
                    bridge.handle_connected(now, id, identity);
                }
            }
            Input::Unreached(id, error) => {
                self.links.remove(&id);
                bridge.handle_closed(now, id, Some(error));
            }
        }
        deliver(bridge, endpoint, now);
        while self.last_words.try_join_next().is_some() {}
    }

    fn hold(&mut self, id: LinkId, stream: Box<dyn Stream>) {
        self.links.insert(id, Held::Connected(Wire::new(id, stream, &self.bells)));
    }

    /// Whether a link is to be looked at.
    fn are_rung(&self) -> bool {
        self.bells.rung() > 0
    }

    /// Reads the links whose bells rang, each for a bounded time. What can be written again is, at the end of the turn.
    fn read(&mut self, bridge: &mut Bridge, endpoint: &Endpoint, now: Now) {
        for _ in 0..self.bells.rung() {
            let Some(id) = self.bells.next() else { break };
            let mut left = READ_PER_TURN;
            // Gone, perhaps because of what it said.
            while let Some(Held::Connected(wire)) = self.links.get_mut(&id) {
                if left == READ_PER_TURN {
                    wire.heard();
                    if wire.has_more() {
                        self.ready.push(id);
                    }
                }
                if left == 0 {
                    wire.ring();
                    break;
                }
                match wire.poll_read(&mut self.buffer) {
                    Poll::Ready(Ok(octets)) if octets > 0 => {
                        left = left.saturating_sub(octets);
                        bridge.handle_bytes(now, id, &self.buffer[..octets]);
                        deliver(bridge, endpoint, now);
                    }
                    Poll::Ready(ended) => {
                        self.lose(bridge, endpoint, now, id, ended.err());
                        break;
                    }
                    Poll::Pending => break,
                }
            }
        }
    }

    /// Does what the interface asks for, and writes what can be written at once. True if there may be more of that.
    fn perform(&mut self, bridge: &mut Bridge, endpoint: &Endpoint, now: Now) -> bool {
        for _ in 0..WRITES_PER_TURN {
            while let Some(output) = bridge.poll_output() {
                match output {
                    Output::Connect(id, address) => {
                        let (security, hosts) = (self.security.clone(), Arc::clone(&self.hosts));
                        let dialling = dial(id, address, security, hosts, self.sender.clone());
                        self.links.insert(id, Held::Dialling(tokio::spawn(dialling).abort_handle()));
                    }
                    Output::Write(id, octets) => {
                        if let Some(Held::Connected(wire)) = self.links.get_mut(&id) {
                            wire.push(octets);
                            if self.ready.last() != Some(&id) {
                                self.ready.push(id);
                            }
                        }
                    }
                    Output::Close(id, last) => self.close(id, last),
                }
            }
            if self.ready.is_empty() {
                return false;
            }
            let mut ready = std::mem::take(&mut self.ready);
            for id in ready.drain(..) {
                let Some(Held::Connected(wire)) = self.links.get_mut(&id) else { continue };
                match wire.write() {
                    Ok(Written { octets: 0, .. }) => {}
                    Ok(Written { octets, writes }) => bridge.handle_written(now, id, octets, writes),
                    Err(error) => self.lose(bridge, endpoint, now, id, Some(error)),
                }
            }
            self.ready = ready;
        }
        true
    }

    /// A connection has ended, by itself.
    fn lose(&mut self, bridge: &mut Bridge, endpoint: &Endpoint, now: Now, id: LinkId, error: Option<io::Error>) {
        self.links.remove(&id);
        bridge.handle_closed(now, id, error.map(|error| told(&error)));
        deliver(bridge, endpoint, now);
    }

    /// Nothing is read of the link any more; it ends once what it has is written.
    fn close(&mut self, id: LinkId, last: Vec<u8>) {
        match self.links.remove(&id) {
            Some(Held::Dialling(task)) => task.abort(),
            Some(Held::Connected(mut wire)) => {
                wire.push(last);
                self.last_words.spawn(async move {
                    let _ = tokio::time::timeout(LAST_WORDS, wire.finish()).await;
                });
            }
            None => {}
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        for held in std::mem::take(&mut self.links).into_values() {
            if let Held::Dialling(task) = held {
                task.abort();
            }
        }
    }
}
