//! The shell: sockets, TLS, tasks, the loop that runs the interface. One task runs it, two a link, one a listening socket.

use super::LinkId;
use super::service::{Bridge, Output, deliver, turn};
use super::tls::{LinkTls, platform_of};
use crate::address::PlatformId;
use crate::limits::{HELLO_WITHIN_MS, LINKS_WITHOUT_HELLO, LOAD_EVERY_MS, WRITE_BYTES};
use crate::route::Endpoint;
use crate::service::next_turn;
use crate::time::{Duration, Instant, Now};
use crate::wake::Wake;
use arc_swap::ArcSwap;
use rustls::pki_types::{CertificateDer, ServerName};
use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Inputs that wait for the loop: all links together; what they hold is at most this times [`WRITE_BYTES`].
const INPUTS: usize = 64;

/// Pieces that one vectored write takes.
const PIECES_PER_WRITE: usize = 16;

/// How long the last words of a link may take to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a listening socket rests after it failed (no file descriptor is left).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

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

/// A listening socket for links. Without TLS, on a loopback address only.
pub fn listen(address: SocketAddr, security: &Security) -> io::Result<TcpListener> {
    if matches!(security, Security::Plain) && !address.ip().is_loopback() {
        return Err(plain_is_for_loopback());
    }
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn plain_is_for_loopback() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "links without TLS are for loopback addresses only")
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, and the platform that its certificate names.
struct Connection {
    stream: Box<dyn Stream>,
    identity: Option<PlatformId>,
}

/// What tasks tell the loop.
enum Input {
    Accepted(Connection, SocketAddr),
    Refused(SocketAddr, String),
    Connected(LinkId, Connection),
    Bytes(LinkId, Vec<u8>),
    Written(LinkId, usize),
    Closed(LinkId, Option<String>),
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
    let handshakes = Arc::new(Semaphore::new(LINKS_WITHOUT_HELLO));
    for listener in listeners {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        accepting.spawn(accept(listener, security.clone(), sender.clone(), Arc::clone(&handshakes)));
    }
    let mut links = Links { sender, security, links: BTreeMap::new(), writers: JoinSet::new() };
    let mut until = std::pin::pin!(until);
    let mut next_modules = Instant::ZERO;
    // One timer for all turns, set anew only when something else is due: packets come more often than that changes.
    let mut timer = std::pin::pin!(tokio::time::sleep(Duration::ZERO));
    let mut timer_due = None;
    let mut now = clock();
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
        let more = turn(&mut bridge, &endpoint, now);
        links.perform(&mut bridge);
        if more || taken == INPUTS {
            tokio::task::yield_now().await;
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
        let input = tokio::select! {
            input = inputs.recv() => input,
            () = waker.0.notified() => None,
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
    bridge.handle_stop(clock());
    deliver(&mut bridge, &endpoint, clock());
    links.perform(&mut bridge);
    // Nothing is read any more: tasks that have something to say are not waited for.
    drop(inputs);
    let _ = tokio::time::timeout(LAST_WORDS, async { while links.writers.join_next().await.is_some() {} }).await;
    Ok(())
}

/// A link as the loop holds it: being dialled, or connected.
enum Held {
    Dialling(AbortHandle),
    Connected { writes: mpsc::UnboundedSender<Vec<u8>>, reader: AbortHandle, writer: AbortHandle },
}

struct Links {
    sender: mpsc::Sender<Input>,
    security: Security,
    links: BTreeMap<LinkId, Held>,
    /// Writers end by themselves, after their last words.
    writers: JoinSet<()>,
}

impl Links {
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
            Input::Bytes(id, bytes) => bridge.handle_bytes(now, id, &bytes),
            Input::Written(id, octets) => bridge.handle_written(now, id, octets),
            Input::Closed(id, error) => {
                self.release(id);
                bridge.handle_closed(now, id, error);
            }
        }
        deliver(bridge, endpoint, now);
        while self.writers.try_join_next().is_some() {}
    }

    /// Does what the interface asks for.
    fn perform(&mut self, bridge: &mut Bridge) {
        while let Some(output) = bridge.poll_output() {
            match output {
                Output::Connect(id, address) => {
                    let dialling = dial(id, address, self.security.clone(), self.sender.clone());
                    self.links.insert(id, Held::Dialling(tokio::spawn(dialling).abort_handle()));
                }
                Output::Write(id, octets) => self.write(id, octets),
                Output::Close(id, last) => {
                    self.write(id, last);
                    self.release(id);
                }
            }
        }
    }

    /// The interface writes no more ahead than it has room for, so the channel needs no bound of its own.
    fn write(&mut self, id: LinkId, octets: Vec<u8>) {
        if let Some(Held::Connected { writes, .. }) = self.links.get(&id) {
            let _ = writes.send(octets);
        }
    }

    fn hold(&mut self, id: LinkId, stream: Box<dyn Stream>) {
        let (reading, writing) = tokio::io::split(stream);
        let (writes, octets) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read(id, reading, self.sender.clone())).abort_handle();
        let writer = self.writers.spawn(write(id, writing, octets, self.sender.clone()));
        self.links.insert(id, Held::Connected { writes, reader, writer });
    }

    /// Nothing is read of the link any more; its writer ends once it has written what it has.
    fn release(&mut self, id: LinkId) {
        match self.links.remove(&id) {
            Some(Held::Dialling(task)) => task.abort(),
            Some(Held::Connected { reader, writer, .. }) => {
                reader.abort();
                tokio::spawn(async move {
                    tokio::time::sleep(LAST_WORDS).await;
                    writer.abort();
                });
            }
            None => {}
        }
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        for held in std::mem::take(&mut self.links).into_values() {
            let (Held::Dialling(task) | Held::Connected { reader: task, .. }) = held;
            task.abort();
        }
    }
}

/// Accepts connections, and has their handshakes made.
async fn accept(
    listener: tokio::net::TcpListener,
    security: Security,
    sender: mpsc::Sender<Input>,
    handshakes: Arc<Semaphore>,
) {
    let mut under_way = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
        let (stream, remote) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no link is accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        while under_way.try_join_next().is_some() {}
        let (security, sender) = (security.clone(), sender.clone());
        under_way.spawn(async move {
            let input = match within(handshake(stream, remote, &security)).await {
                Ok(connection) => Input::Accepted(connection, remote),
                Err(error) => Input::Refused(remote, error.to_string()),
            };
            let _ = sender.send(input).await;
            drop(permit);
        });
    }
}

/// Bounds what a peer may delay.
async fn within<T>(attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection came about in time");
    tokio::time::timeout(Duration::from_millis(HELLO_WITHIN_MS), attempt).await.map_err(late)?
}

/// The side that was dialled.
async fn handshake(stream: TcpStream, remote: SocketAddr, security: &Security) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    match security {
        Security::Plain if remote.ip().is_loopback() => Ok(Connection { stream: Box::new(stream), identity: None }),
        Security::Plain => Err(plain_is_for_loopback()),
        Security::Tls(tls) => {
            let acceptor = TlsAcceptor::from(Arc::clone(&tls.load().server));
            let stream = acceptor.accept(stream).await?;
            let identity = identity(stream.get_ref().1.peer_certificates())?;
            Ok(Connection { stream: Box::new(stream), identity: Some(identity) })
        }
    }
}

/// The side that dials.
async fn dial(id: LinkId, address: String, security: Security, sender: mpsc::Sender<Input>) {
    let input = match within(connect(&address, &security)).await {
        Ok(connection) => Input::Connected(id, connection),
        Err(error) => Input::Closed(id, Some(error.to_string())),
    };
    let _ = sender.send(input).await;
}

async fn connect(address: &str, security: &Security) -> io::Result<Connection> {
    let tls = match security {
        Security::Plain => {
            let stream = connect_to_loopback(address).await?;
            stream.set_nodelay(true)?;
            return Ok(Connection { stream: Box::new(stream), identity: None });
        }
        Security::Tls(tls) => tls.load_full(),
    };
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    // What the certificate must name is known only once the peer has said hello.
    let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
    let stream = TlsConnector::from(Arc::clone(&tls.client)).connect(name, stream).await?;
    let identity = identity(stream.get_ref().1.peer_certificates())?;
    Ok(Connection { stream: Box::new(stream), identity: Some(identity) })
}

async fn connect_to_loopback(address: &str) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host(address).await?.find(|address| address.ip().is_loopback());
    TcpStream::connect(found.ok_or_else(plain_is_for_loopback)?).await
}

/// The platform that the peer's certificate names.
fn identity(certificates: Option<&[CertificateDer<'_>]>) -> io::Result<PlatformId> {
    let platform = certificates.and_then(|certificates| platform_of(certificates.first()?));
    let nameless = "the peer's certificate names no platform (a URI tandem:platform:… among its alternative names)";
    platform.ok_or_else(|| io::Error::new(io::ErrorKind::PermissionDenied, nameless))
}

/// Reads a link to its end.
async fn read(id: LinkId, mut stream: ReadHalf<Box<dyn Stream>>, sender: mpsc::Sender<Input>) {
    let mut buffer = vec![0; WRITE_BYTES];
    loop {
        let input = match stream.read(&mut buffer).await {
            Ok(0) => Input::Closed(id, None),
            Ok(length) => Input::Bytes(id, buffer[..length].to_vec()),
            Err(error) => Input::Closed(id, Some(error.to_string())),
        };
        let is_last = matches!(input, Input::Closed(..));
        if sender.send(input).await.is_err() || is_last {
            return;
        }
    }
}

/// Writes what comes, many pieces at once, until there is no more to come; then ends the connection.
async fn write(
    id: LinkId,
    mut stream: WriteHalf<Box<dyn Stream>>,
    mut octets: mpsc::UnboundedReceiver<Vec<u8>>,
    sender: mpsc::Sender<Input>,
) {
    let mut pieces: Vec<Vec<u8>> = Vec::with_capacity(PIECES_PER_WRITE);
    while octets.recv_many(&mut pieces, PIECES_PER_WRITE).await > 0 {
        if let Err(error) = write_all(id, &mut stream, &pieces, &sender).await {
            let _ = sender.send(Input::Closed(id, Some(error.to_string()))).await;
            return;
        }
        pieces.clear();
    }
    let _ = stream.shutdown().await;
}

/// Writes pieces by vectored writes, and tells how far it is.
async fn write_all(
    id: LinkId,
    stream: &mut WriteHalf<Box<dyn Stream>>,
    pieces: &[Vec<u8>],
    sender: &mpsc::Sender<Input>,
) -> io::Result<()> {
    let mut slices = [IoSlice::new(&[]); PIECES_PER_WRITE];
    for (slice, piece) in slices.iter_mut().zip(pieces) {
        *slice = IoSlice::new(piece);
    }
    let mut left = &mut slices[..pieces.len().min(PIECES_PER_WRITE)];
    // Pieces without octets are none.
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        let written = stream.write_vectored(left).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut left, written);
        let _ = sender.send(Input::Written(id, written)).await;
    }
    stream.flush().await
}
