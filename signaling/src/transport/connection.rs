//! One connection of a stream transport, whatever its stream is: a task that reads, frames and writes.
//!
//! The hub hands messages over by a channel whose octets are counted, and learns of everything by another. The task ends
//! when the hub lets go of it (what is queued is still written), when the peer closes or breaks the protocol, or when a
//! deadline passes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, ready};

use bytes::{Buf, Bytes};
use router::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf, ReadHalf, WriteHalf};
use tokio::sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connections;
use super::cutting::{Broken, Cut, Cutting};
use super::flow::{Destination, Flow, Received, Token, TransportFailure};
use super::framing::{Framer, PING};
use super::limits::{PASSED_OVER_OCTETS, READ_OCTETS, REFUSAL_TIMEOUT};
use super::pings::Pings;
use super::streams::{Opened, Opening};
use super::udp::failure;

/// What a queued message costs beside its octets.
const MESSAGE_OVERHEAD: usize = 128;

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) bytes: Bytes,
    pub(super) destination: Destination,
    pub(super) token: Option<Token>,
}

impl Outgoing {
    /// Whether it belongs to a transaction of ours: strangers are answered without (RFC 3261 §8.2.7).
    pub(super) fn is_to_known(&self) -> bool {
        self.token.is_some()
    }
}

/// What a connection tells the hub.
#[derive(Debug)]
pub(super) enum Input {
    Received(Received),
    /// The peer has proven to be of these domains.
    Identified {
        flow: Flow,
        domains: Arc<[Box<str>]>,
    },
    /// A message did not leave.
    Failed(Destination, Option<Token>, TransportFailure),
    /// The connection has ended; the last of it.
    Closed {
        flow: Flow,
        accepted: bool,
        failure: TransportFailure,
    },
}

/// The hub's end of a connection.
#[derive(Debug)]
pub(super) struct Handle {
    /// What it is found by, where it was opened from here.
    pub(super) opened: Option<connections::Opened>,
    /// Whether it is known who the peer is.
    pub(super) known: bool,
    outgoing: UnboundedSender<Outgoing>,
    shared: Arc<Shared>,
    bound: usize,
}

/// What both ends look at.
#[derive(Debug, Default)]
struct Shared {
    /// Octets that are queued.
    queued: AtomicUsize,
    /// Whether the connection is to end without writing what is queued.
    cut: AtomicBool,
}

/// How long a connection waits for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the first message on a connection that the peer opened, whole.
    pub(super) first: Duration,
    /// For its peer to be known, where it is no trunk's.
    pub(super) stranger: Duration,
    /// For the rest of a message that has begun.
    pub(super) message: Duration,
    pub(super) idle: Duration,
    /// For the answer to a ping.
    pub(super) pong: Duration,
}

impl Handle {
    /// Queues a message; gives it back where it cannot be.
    pub(super) fn write(&self, message: Outgoing) -> Option<(Outgoing, TransportFailure)> {
        let cost = cost(&message.bytes);
        if self.shared.queued.load(Ordering::Relaxed) + cost > self.bound {
            return Some((message, TransportFailure::Congested));
        }
        self.shared.queued.fetch_add(cost, Ordering::Relaxed);
        self.outgoing.send(message).err().map(|unsent| (unsent.0, TransportFailure::Closed))
    }

    /// Ends the connection now; what is queued is reported as failed.
    pub(super) fn cut(self) {
        self.shared.cut.store(true, Ordering::Relaxed);
    }
}

/// Both ends of a connection that is to be served; `known` says whether it is known who the peer is. It has pings if it is opened from here, or is one whose peer sends none.
pub(super) fn pair(
    flow: Flow,
    (opened, known): (Option<connections::Opened>, bool),
    pings: Option<Pings>,
    inputs: Sender<Input>,
    patience: Patience,
    bound: usize,
) -> (Handle, Connection) {
    let (outgoing, queue) = unbounded_channel();
    let shared = Arc::new(Shared::default());
    let accepted = opened.is_none();
    let handle = Handle { opened, known, outgoing, shared: shared.clone(), bound };
    let connection = Connection {
        flow,
        queue,
        shared,
        inputs,
        patience,
        cutting: Cutting::Octets(Framer::new()),
        writing: VecDeque::new(),
        accepted,
        greeted: !accepted,
        stranger_since: (!known).then(Instant::now),
        pings,
        read_since: None,
        write_since: None,
        active: Instant::now(),
        messaged: Instant::now(),
        ending: None,
    };
    (handle, connection)
}

/// The task's end of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    flow: Flow,
    /// Whether the peer opened it.
    accepted: bool,
    /// The keep-alives that are sent; `None`: the peer sends them.
    pings: Option<Pings>,
    queue: UnboundedReceiver<Outgoing>,
    shared: Arc<Shared>,
    inputs: Sender<Input>,
    patience: Patience,
    cutting: Cutting,
    /// What is being written, the first of it partly.
    writing: VecDeque<Outgoing>,
    /// Whether the peer has sent a whole message, or need not: the connection was opened from here.
    greeted: bool,
    /// Since when it is not known who the peer is.
    stranger_since: Option<Instant>,
    /// Since when a message is not whole; at the start, since when the first one is awaited.
    read_since: Option<Instant>,
    /// Since when the peer takes nothing of what is being written.
    write_since: Option<Instant>,
    /// When something last came or went.
    active: Instant,
    /// When a message last came or went.
    messaged: Instant,
    /// Where nothing more is read.
    ending: Option<Ending>,
}

/// The end of a stream whose last request is being refused.
#[derive(Debug)]
struct Ending {
    until: Instant,
    answered: bool,
    /// Whether the peer may still be sending what is refused: a stream that is closed with something unread takes the answer with it.
    inside: bool,
}

/// Why the task goes on no longer.
#[derive(Debug)]
enum End {
    /// The hub let go.
    Released,
    /// The peer, the network, or a deadline.
    Failed(TransportFailure),
}

impl Connection {
    /// Waits for the stream, then serves it until it ends. A peer that opened it is to send something soon.
    pub(super) async fn open(self, opening: Opening, patience: Duration) {
        // What the handshake needed is let go before the stream is served.
        let opened = tokio::time::timeout(patience, opening).await;
        match opened {
            Ok(Ok(opened)) => self.serve(opened).await,
            Ok(Err(failure)) => self.finish(failure).await,
            Err(_) => self.finish(TransportFailure::TimedOut).await,
        }
    }

    async fn serve(mut self, opened: Opened) {
        let Opened { stream, cutting, domains } = opened;
        self.cutting = cutting;
        self.active = Instant::now();
        self.messaged = self.active;
        if let Some(pings) = &mut self.pings {
            pings.start(self.active);
        }
        if self.accepted {
            self.read_since = Some(self.active);
        }
        if !domains.is_empty() {
            let identified = Input::Identified { flow: self.flow, domains: domains.into() };
            // The hub is gone when this fails: then the queue is closed, too.
            let _ = self.inputs.send(identified).await;
        }
        let (mut reader, mut writer) = tokio::io::split(stream);
        let end = match self.take_cuts().await {
            Ok(()) => self.run(&mut reader, &mut writer).await,
            Err(failure) => End::Failed(failure),
        };
        let failure = match end {
            End::Released => {
                let farewell = tokio::time::timeout(self.patience.message, self.farewell(&mut writer)).await;
                if let Some(ending) = self.ending.as_ref().filter(|ending| ending.inside) {
                    // Whatever comes of it, the connection ends.
                    let _ = tokio::time::timeout_at(ending.until, pass_over(&mut reader)).await;
                }
                match farewell {
                    Ok(Ok(())) | Err(_) => TransportFailure::Closed,
                    Ok(Err(error)) => failure(&error),
                }
            }
            End::Failed(failure) => failure,
        };
        drop((reader, writer));
        self.finish(failure).await;
    }

    async fn run<S: AsyncRead + AsyncWrite>(&mut self, reader: &mut ReadHalf<S>, writer: &mut WriteHalf<S>) -> End {
        let sleep = sleep_until(self.alarm());
        tokio::pin!(sleep);
        let mut unflushed = false;
        loop {
            self.hurry(sleep.as_mut());
            if self.ending.as_ref().is_some_and(|ending| ending.answered) && self.writing.is_empty() {
                return End::Released;
            }
            let next = self.writing.front().map(|message| message.bytes.clone()).unwrap_or_default();
            tokio::select! {
                message = self.queue.recv() => match message {
                    Some(message) => {
                        self.messaged = Instant::now();
                        if message.is_to_known() {
                            self.stranger_since = None;
                        }
                        if let Some(pings) = self.pings.as_mut().filter(|_| message.bytes == PING) {
                            // A flow's own: its answer is awaited as of any other.
                            pings.sent(self.messaged);
                        }
                        let octets = message.bytes.len();
                        if let Some(ending) = &mut self.ending {
                            ending.answered = true;
                        }
                        let bytes = self.cutting.message(message.bytes);
                        // What the frame adds is counted when it is written, so here too.
                        self.shared.queued.fetch_add(bytes.len() - octets, Ordering::Relaxed);
                        self.enqueue(Outgoing { bytes, ..message });
                    }
                    None if self.shared.cut.load(Ordering::Relaxed) => return End::Failed(TransportFailure::Congested),
                    None => return End::Released,
                },
                read = read(reader, Some(&mut self.cutting)), if self.ending.is_none() => {
                    match read {
                        Ok(0) => return End::Failed(TransportFailure::Closed),
                        Ok(_) => self.heard(),
                        Err(error) => return End::Failed(failure(&error)),
                    }
                    if let Err(failure) = self.take_cuts().await {
                        return End::Failed(failure);
                    }
                }
                sent = send(writer, &next), if unflushed || !next.is_empty() => match sent {
                    Ok(Sent::Octets(0)) => return End::Failed(TransportFailure::Closed),
                    Ok(Sent::Octets(octets)) => {
                        self.written(octets);
                        unflushed = true;
                    }
                    Ok(Sent::Flushed) => unflushed = false,
                    Err(error) => return End::Failed(failure(&error)),
                },
                () = sleep.as_mut() => {
                    if self.deadline() <= Instant::now() {
                        return End::Failed(TransportFailure::TimedOut);
                    }
                    self.ping();
                    sleep.as_mut().reset(self.alarm());
                }
            }
        }
    }

    /// Writes what is queued and says that nothing more comes.
    async fn farewell<S: AsyncWrite>(&mut self, writer: &mut WriteHalf<S>) -> io::Result<()> {
        while let Some(message) = self.writing.front() {
            writer.write_all(&message.bytes).await?;
            self.writing.pop_front();
        }
        if self.ending.is_none() {
            writer.write_all(&self.cutting.farewell()).await?;
        }
        writer.shutdown().await
    }

    fn enqueue(&mut self, message: Outgoing) {
        self.write_since.get_or_insert_with(Instant::now);
        self.writing.push_back(message);
    }

    /// So many octets of the first message were taken.
    fn written(&mut self, octets: usize) {
        self.active = Instant::now();
        let mut released = octets;
        if let Some(first) = self.writing.front_mut() {
            first.bytes.advance(octets.min(first.bytes.len()));
            if first.bytes.is_empty() {
                released += MESSAGE_OVERHEAD;
                self.writing.pop_front();
            }
        }
        self.write_since = (!self.writing.is_empty()).then_some(self.active);
        self.shared.queued.fetch_sub(released, Ordering::Relaxed);
    }

    /// Gives the hub what is whole; waits while it has no room, so the peer's window closes.
    async fn take_cuts(&mut self) -> Result<(), TransportFailure> {
        let mut whole = false;
        loop {
            match self.cutting.cut() {
                Ok(Some(Cut::Message(bytes))) => {
                    whole = true;
                    self.greeted = true;
                    self.messaged = self.active;
                    self.give(bytes).await?;
                }
                Ok(Some(Cut::Ping(pong))) => {
                    // Pings alone are no first message.
                    whole |= self.greeted;
                    // Unless something waits to be written: that tells the peer as well that the connection lives, and who pings
                    // without reading piles up nothing.
                    self.enqueue_alone(pong);
                }
                Ok(Some(Cut::Pong)) => {
                    whole |= self.greeted;
                    if let Some(pings) = &mut self.pings {
                        pings.heard(true);
                    }
                }
                Ok(Some(Cut::End(answer))) => {
                    self.end_with(answer);
                    return Ok(());
                }
                Ok(None) => break,
                Err(Broken::Endless(bytes)) => {
                    self.give(bytes).await?;
                    self.ending =
                        Some(Ending { until: Instant::now() + REFUSAL_TIMEOUT, answered: false, inside: true });
                    return Ok(());
                }
                Err(Broken::Frames(answer)) => {
                    tracing::debug!("a stream that is no WebSocket is closed");
                    self.end_with(answer);
                    return Ok(());
                }
                Err(Broken::Malformed(malformed)) => {
                    tracing::debug!(%malformed, "a stream that is no SIP is closed");
                    return Err(TransportFailure::Closed);
                }
            }
        }
        if self.cutting.is_inside() {
            if whole || self.read_since.is_none() {
                self.read_since = Some(Instant::now());
            }
        } else if whole {
            self.read_since = None;
        }
        Ok(())
    }

    async fn give(&mut self, bytes: Bytes) -> Result<(), TransportFailure> {
        let received = Received { flow: self.flow, bytes };
        self.inputs.send(Input::Received(received)).await.map_err(|_| TransportFailure::Closed)
    }

    /// Reads nothing more; the connection ends once that is written, with what waits before it.
    fn end_with(&mut self, last: Bytes) {
        self.shared.queued.fetch_add(cost(&last), Ordering::Relaxed);
        self.enqueue(Outgoing { bytes: last, destination: Destination::flow(&self.flow), token: None });
        self.ending = Some(Ending { until: Instant::now() + REFUSAL_TIMEOUT, answered: true, inside: false });
    }

    /// Queues a ping, if one is due, unless something waits to be written: that keeps the flow as well.
    fn ping(&mut self) {
        let now = Instant::now();
        let Some(pings) = &mut self.pings else { return };
        if pings.is_due(now, self.messaged) && self.writing.is_empty() {
            pings.sent(now);
            let ping = self.cutting.ping();
            self.enqueue_alone(ping);
        }
    }

    /// Something came: the peer lives.
    fn heard(&mut self) {
        self.active = Instant::now();
        if let Some(pings) = &mut self.pings {
            let pong = pings.waits() && self.cutting.take_pong();
            pings.heard(pong);
        }
    }

    fn enqueue_alone(&mut self, bytes: Bytes) {
        if self.writing.is_empty() {
            self.shared.queued.fetch_add(cost(&bytes), Ordering::Relaxed);
            self.enqueue(Outgoing { bytes, destination: Destination::flow(&self.flow), token: None });
        }
    }

    /// When the connection ends if nothing happens before.
    fn deadline(&self) -> Instant {
        let idle = self.active + self.patience.idle;
        let read = if self.greeted { self.patience.message } else { self.patience.first };
        let read = self.read_since.map(|since| since + read);
        let write = self.write_since.map(|since| since + self.patience.message);
        let pong = self.pings.as_ref().and_then(Pings::missing_since).map(|since| since + self.patience.pong);
        let ending = self.ending.as_ref().map(|ending| ending.until);
        let stranger = self.stranger_since.map(|since| since + self.patience.stranger);
        [read, write, pong, ending, stranger].into_iter().flatten().fold(idle, Instant::min)
    }

    /// When there is something to do if nothing happens before.
    fn alarm(&self) -> Instant {
        let ping = self.pings.as_ref().and_then(Pings::next);
        ping.map_or(self.deadline(), |ping| ping.min(self.deadline()))
    }

    /// Moves the alarm forward where the deadline has come nearer; where it has moved away the alarm finds out itself.
    fn hurry(&self, sleep: Pin<&mut Sleep>) {
        let alarm = self.alarm();
        if alarm < sleep.deadline() {
            sleep.reset(alarm);
        }
    }

    /// Reports what was not written, and the end.
    async fn finish(mut self, failure: TransportFailure) {
        self.queue.close();
        while let Ok(message) = self.queue.try_recv() {
            self.writing.push_back(message);
        }
        for message in self.writing {
            // The hub is gone when this fails: nobody is left to be told.
            let _ = self.inputs.send(Input::Failed(message.destination, message.token, failure)).await;
        }
        let _ = self.inputs.send(Input::Closed { flow: self.flow, accepted: self.accepted, failure }).await;
    }
}

thread_local! {
    /// Where the connections of a thread read, one after another: what waits for octets holds none.
    static PLACE: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_OCTETS].into_boxed_slice());
}

/// Reads what is there, and keeps it where that is said. May be dropped at any moment.
async fn read<S: AsyncRead>(reader: &mut ReadHalf<S>, mut into: Option<&mut Cutting>) -> io::Result<usize> {
    std::future::poll_fn(|context| {
        PLACE.with_borrow_mut(|place| {
            let mut place = ReadBuf::new(place);
            ready!(Pin::new(&mut *reader).poll_read(context, &mut place))?;
            if let Some(cutting) = into.as_deref_mut() {
                cutting.push(place.filled());
            }
            Poll::Ready(Ok(place.filled().len()))
        })
    })
    .await
}

/// Reads to the end, or as much as any message has, and keeps nothing of it.
async fn pass_over<S: AsyncRead>(reader: &mut ReadHalf<S>) -> io::Result<()> {
    let mut left = PASSED_OVER_OCTETS;
    while left > 0 {
        match read(reader, None).await? {
            0 => break,
            octets => left = left.saturating_sub(octets),
        }
    }
    Ok(())
}

/// What a step of writing did.
enum Sent {
    Octets(usize),
    Flushed,
}

/// Writes what the stream takes of the octets; flushes it where there are none. May be dropped at any moment.
async fn send<S: AsyncWrite>(writer: &mut WriteHalf<S>, octets: &[u8]) -> io::Result<Sent> {
    match octets {
        [] => writer.flush().await.map(|()| Sent::Flushed),
        octets => writer.write(octets).await.map(Sent::Octets),
    }
}

fn cost(bytes: &Bytes) -> usize {
    bytes.len() + MESSAGE_OVERHEAD
}
