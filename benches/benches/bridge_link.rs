//! Links between platforms over real connections: packets a second over one and over eight, and round trips at low and at half load, through
//! the shell that the server runs, in plain TCP and in TLS. Beside them, in turns with them and in the same process, a bare writer of the
//! same frames in batches, and bare ping-pongs of the same frames: over blocking sockets, and in tasks of a runtime, which is what a thread that serves
//! many connections pays for waiting on all of them.
//!
//! What a round trip takes depends on the threads more than on what they do: two that have only each other share a core, and one that is told to ask by a
//! third is on another core than who answers, so that each wake-up is one across cores. So either is measured, of links and of the bare ones alike.
//!
//! ```text
//! cargo bench -p benches --bench bridge_link
//! cargo bench -p benches --bench bridge_link -- trips TCP     # these alone
//! ```
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock, sleeps and prints")]

use crossbeam::queue::ArrayQueue;
use crossbeam::sync::{Parker, Unparker};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use router::bridge::link::{Security, Waker, listen, run};
use router::bridge::message::{Order, write_packet};
use router::bridge::tls::{LinkTls, platform_uri};
use router::bridge::{Bridge, Config, Trust};
use router::limits::HOPS;
use router::parameter::{Bridge as Bridged, PortId};
use router::time::Now;
use router::wake::WakeState;
use router::{Address, Command, Endpoint, Instance, ModuleKind, Packet, PlatformId, Random, Router, Transaction, one};
use rustls::pki_types::PrivateKeyDer;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};

/// Packets under way at once from end to end: half of what an inbox takes, so that none is refused.
const WINDOW: u64 = 4_096;

/// Requests under way at once: no more than one source may have waiting in an inbox.
const REQUESTS: u64 = 900;

/// Octets that the bare writer writes at once: what a link writes as one piece.
const BATCH_OCTETS: usize = 64 << 10;

/// Between two pings, at least; with as much again of chance.
const PAUSE: Duration = Duration::from_micros(200);

/// How long who has sent enough gives way: with it in the way, fewer cores than threads would measure the scheduler.
const GIVE_WAY: Duration = Duration::from_micros(100);

/// How often a half load sends: some 64 packets at once, as a module's turn gives them.
const BURST_EVERY: Duration = Duration::from_micros(200);

/// What a link is to carry, packets a second; half of it is half load.
const AIM: u64 = 500_000;

/// How long each measurement lasts.
#[derive(Clone, Copy)]
struct Lengths {
    rounds: usize,
    packets: u64,
    pings: usize,
}

const MEASURED: Lengths = Lengths { rounds: 7, packets: 600_000, pings: 1_000 };
const ONCE: Lengths = Lengths { rounds: 1, packets: 20_000, pings: 50 };

const ASKER: Address = Address::local(ModuleKind::Switch, 0);
const ANSWERER: Address = Address::local(ModuleKind::Voice, 0);
/// The modules that live on the interface's own thread.
const ASKER_BESIDE: Address = Address::local(ModuleKind::Control, 0);
const ANSWERER_BESIDE: Address = Address::local(ModuleKind::Store, 0);

fn on(platform: u32, address: Address) -> Address {
    Address { platform: PlatformId(platform), ..address }
}

fn packet(to: Address, command: Command, number: u64) -> Packet {
    let transaction = if command == Command::Notify { Transaction::NONE } else { Transaction(number) };
    Packet {
        source: ASKER.at(Instance(number)),
        destination: to,
        transaction,
        command,
        parameters: one(Bridged { a: PortId(1), b: PortId(2) }),
    }
}

/// A platform: a router, and its interface on a thread of its own with a runtime of its own, as the server has it.
struct Platform {
    router: Router,
    address: SocketAddr,
    /// To the module that lives on the interface's thread: whom to ask next, and how long to sleep before. It gives the nanoseconds that asking took.
    ask: tokio::sync::mpsc::UnboundedSender<(Address, Duration)>,
    took: std::sync::mpsc::Receiver<u64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Platform {
    fn start(id: u32, security: &Security, peers: Vec<String>) -> Self {
        let router = Router::new(PlatformId(id));
        let listener = listen("127.0.0.1:0".parse().expect("an address"), security).expect("loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel();
        let (ask, asked) = tokio::sync::mpsc::unbounded_channel();
        let (takes, took) = std::sync::mpsc::channel();
        let (its, security) = (router.clone(), security.clone());
        let begin = move || {
            let clock = Instant::now();
            let now = move || Now {
                instant: router::time::Instant::from_nanos(clock.elapsed().as_nanos() as u64 + 1_000_000),
                ..Now::default()
            };
            let config = Config { peers, trust: Trust::Everything, ..Config::new(PlatformId(id), "") };
            let bridge = Bridge::new(config, now(), Random::from_seed(u64::from(id)));
            let waker = Waker::default();
            let endpoint = its.register(ModuleKind::Bridge, 0, waker.clone());
            runtime().block_on(async move {
                tokio::spawn(answer_beside(its.clone()));
                tokio::spawn(ask_beside(its, asked, takes));
                let until = async { drop(stopped.await) };
                // A task, as under the server's supervision.
                let run = tokio::spawn(run(bridge, endpoint, waker, now, vec![listener], security, until));
                run.await.expect("no panic").expect("it runs");
            });
        };
        let thread = thread::Builder::new().name("bridge".to_owned()).spawn(begin).expect("a thread");
        Self { router, address, ask, took, stop: Some(stop), thread: Some(thread) }
    }

    /// Waits until the other one is reached.
    fn reaches(&self, other: u32) {
        let endpoint = self.router.register(ModuleKind::Server, 0, || {});
        let mut number = 0;
        loop {
            number += 1;
            let _ = endpoint.send(Packet {
                source: Address::local(ModuleKind::Server, 0),
                ..packet(on(other, ANSWERER_BESIDE), Command::Connect, number)
            });
            thread::sleep(Duration::from_millis(5));
            while let Some(answer) = endpoint.receive() {
                if answer.command == Command::Done {
                    return;
                }
            }
        }
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ended");
        }
    }
}

/// The runtime of an interface's thread.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Whether it is the answer to a request; the interface asks, too, for a module's load.
fn is_done(packet: &Packet) -> bool {
    assert_ne!(packet.command, Command::Failed, "{:?}", packet.failure());
    packet.command == Command::Done
}

/// Whether the answer to this request has come.
fn has_answer(endpoint: &Endpoint, number: u64) -> bool {
    std::iter::from_fn(|| endpoint.receive())
        .any(|packet| is_done(&packet) && packet.transaction == Transaction(number))
}

/// A module on the interface's thread that answers.
async fn answer_beside(router: Router) {
    let woken = Arc::new(Notify::new());
    let wake = Arc::clone(&woken);
    let endpoint = router.register(ANSWERER_BESIDE.module.kind, 0, move || wake.notify_one());
    loop {
        while let Some(request) = endpoint.receive() {
            if request.command.is_request() {
                endpoint.send(request.answer(Command::Done, request.parameters.clone())).expect("there is room");
            }
        }
        if endpoint.may_sleep() {
            woken.notified().await;
            endpoint.awake();
        }
    }
}

/// A module on the interface's thread that asks.
async fn ask_beside(
    router: Router,
    mut asked: tokio::sync::mpsc::UnboundedReceiver<(Address, Duration)>,
    took: std::sync::mpsc::Sender<u64>,
) {
    let woken = Arc::new(Notify::new());
    let wake = Arc::clone(&woken);
    let endpoint = router.register(ASKER_BESIDE.module.kind, 0, move || wake.notify_one());
    let mut number = 0;
    while let Some((to, pause)) = asked.recv().await {
        number += 1;
        thread::sleep(pause);
        let begin = Instant::now();
        let ping = packet(to, Command::Connect, number);
        endpoint.send(Packet { source: ASKER_BESIDE, ..ping }).expect("there is room");
        while !has_answer(&endpoint, number) {
            if endpoint.may_sleep() {
                woken.notified().await;
                endpoint.awake();
            }
        }
        let _ = took.send(begin.elapsed().as_nanos() as u64);
    }
}

/// A module on a thread of its own, of each of some platforms: answers requests, counts notices.
struct Answerers {
    counted: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    unparker: Unparker,
    thread: Option<JoinHandle<()>>,
}

impl Answerers {
    fn start(routers: Vec<Router>) -> Self {
        let parker = Parker::new();
        let unparker = parker.unparker().clone();
        let (counted, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (counts, stops, wake) = (Arc::clone(&counted), Arc::clone(&stop), unparker.clone());
        let begin = move || {
            let register = |router: &Router| {
                let wake = wake.clone();
                router.register(ANSWERER.module.kind, 0, move || wake.unpark())
            };
            let endpoints: Vec<Endpoint> = routers.iter().map(register).collect();
            while !stops.load(Ordering::Relaxed) {
                let mut took = 0;
                for endpoint in &endpoints {
                    while let Some(packet) = endpoint.receive() {
                        took += 1;
                        if packet.command.is_request() {
                            let answer = packet.answer(Command::Done, packet.parameters.clone());
                            endpoint.send(answer).expect("there is room");
                        } else {
                            counts.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                if took == 0 {
                    if endpoints.iter().all(Endpoint::may_sleep) {
                        parker.park();
                    }
                    endpoints.iter().for_each(Endpoint::awake);
                }
            }
        };
        let thread = thread::Builder::new().name("answerer".to_owned()).spawn(begin).expect("a thread");
        Self { counted, stop, unparker, thread: Some(thread) }
    }
}

impl Drop for Answerers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.unparker.unpark();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ended");
        }
    }
}

/// What is measured: platform 1, linked to each of the others.
struct Linked {
    // Ends before the platforms do.
    answerers: Answerers,
    first: Platform,
    others: Vec<Platform>,
    asker: Endpoint,
    parker: Parker,
    number: u64,
}

impl Linked {
    fn new(security: impl Fn(u32) -> Security, links: u32) -> Self {
        let others: Vec<_> = (2..2 + links).map(|id| Platform::start(id, &security(id), Vec::new())).collect();
        let answerers = Answerers::start(others.iter().map(|other| other.router.clone()).collect());
        let peers = others.iter().map(|other| other.address.to_string()).collect();
        let first = Platform::start(1, &security(1), peers);
        (2..2 + links).for_each(|other| first.reaches(other));
        let parker = Parker::new();
        let unparker = parker.unparker().clone();
        let asker = first.router.register(ASKER.module.kind, 0, move || unparker.unpark());
        Self { answerers, first, others, asker, parker, number: 0 }
    }

    /// Notices a second, spread over the links.
    fn packets(&mut self, packets: u64) -> f64 {
        let links = self.others.len() as u64;
        let before = self.answerers.counted.load(Ordering::Relaxed);
        let begin = Instant::now();
        for number in 0..packets {
            while number - (self.answerers.counted.load(Ordering::Relaxed) - before) >= WINDOW {
                thread::sleep(GIVE_WAY);
            }
            // A burst to each, as a module has it.
            let to = on(2 + (number / 64 % links) as u32, ANSWERER);
            self.asker.send(packet(to, Command::Notify, number)).expect("there is room");
        }
        while self.answerers.counted.load(Ordering::Relaxed) - before < packets {
            thread::sleep(GIVE_WAY);
        }
        packets as f64 / begin.elapsed().as_secs_f64()
    }

    /// Requests a second, each with its answer.
    fn requests(&mut self, requests: u64) -> f64 {
        let begin = Instant::now();
        let (mut sent, mut answered) = (0, 0);
        while answered < requests {
            while sent < requests && sent - answered < REQUESTS {
                self.number += 1;
                self.asker.send(packet(on(2, ANSWERER), Command::Connect, self.number)).expect("there is room");
                sent += 1;
            }
            while let Some(answer) = self.asker.receive() {
                answered += u64::from(is_done(&answer));
            }
            thread::sleep(GIVE_WAY);
        }
        requests as f64 / begin.elapsed().as_secs_f64()
    }

    /// Nanoseconds of round trips of a module on a thread of its own to another one.
    fn round_trips(&mut self, pings: usize) -> Vec<u64> {
        let mut times = Vec::with_capacity(pings);
        for ping in 0..pings {
            thread::sleep(pause(ping));
            self.number += 1;
            let begin = Instant::now();
            self.asker.send(packet(on(2, ANSWERER), Command::Connect, self.number)).expect("there is room");
            while !has_answer(&self.asker, self.number) {
                if self.asker.may_sleep() {
                    self.parker.park();
                    self.asker.awake();
                }
            }
            times.push(begin.elapsed().as_nanos() as u64);
        }
        times
    }

    /// The same between modules on the interfaces' threads.
    fn round_trips_beside(&mut self, pings: usize, asks: Asks) -> Vec<u64> {
        let Platform { ask, took, .. } = &self.first;
        let trip = |ping| {
            ask.send((on(2, ANSWERER_BESIDE), asks.before(pause(ping)))).expect("it runs");
            took.recv().expect("it answers")
        };
        (0..pings).map(trip).collect()
    }

    /// Does something while half of the aim is sent to the answerers.
    fn at_half_load<T>(&mut self, measure: impl FnOnce(&mut Self) -> T) -> T {
        let router = self.first.router.clone();
        let send = move || {
            // Not the one that asks: a module of its own.
            let endpoint = router.register(ModuleKind::Switch, 1, || {});
            move |count: u64| {
                for number in 0..count {
                    let _ = endpoint.send(packet(on(2, ANSWERER), Command::Notify, number));
                }
            }
        };
        while_loaded(send, || measure(self))
    }
}

/// Sends bursts by what `start` makes, on a thread of its own, as long as `measure` takes.
fn while_loaded<T, S: FnMut(u64)>(start: impl FnOnce() -> S + Send, measure: impl FnOnce() -> T) -> T {
    let stop = &AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut send = start();
            let begin = Instant::now();
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                let due = AIM / 2 * begin.elapsed().as_micros() as u64 / 1_000_000;
                send(due - sent);
                sent = due;
                thread::sleep(BURST_EVERY);
            }
        });
        let measured = measure();
        stop.store(true, Ordering::Relaxed);
        measured
    })
}

/// The frame of a packet as it is on a link.
fn frame(command: Command) -> Vec<u8> {
    let mut frame = Vec::new();
    let order = Order { epoch: 0x1234_5678, sequence: 1_000_000 };
    let packet = Packet { source: on(1, ASKER.at(Instance(1_000_000))), ..packet(on(2, ANSWERER), command, 1_000_000) };
    write_packet(HOPS, order, &packet, &mut frame);
    frame
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let one = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (other, _) = listener.accept().expect("one has connected");
    for stream in [&one, &other] {
        stream.set_nodelay(true).expect("it is TCP");
    }
    (one, other)
}

/// What was read of a connection.
struct Unread {
    buffer: Vec<u8>,
    /// Octets that are no whole frame yet.
    kept: usize,
}

impl Unread {
    fn new() -> Self {
        Self { buffer: vec![0; BATCH_OCTETS], kept: 0 }
    }

    /// Where more is to be read into.
    fn room(&mut self) -> &mut [u8] {
        &mut self.buffer[self.kept..]
    }

    /// So much more was read; `each` is told of each frame that is whole.
    fn take(&mut self, read: usize, mut each: impl FnMut(&[u8])) {
        self.kept += read;
        let mut at = 0;
        while let Some(length) = self.buffer[at..self.kept].first_chunk::<4>() {
            let end = at + 4 + u32::from_be_bytes(*length) as usize;
            if end > self.kept {
                break;
            }
            each(&self.buffer[at..end]);
            at = end;
        }
        self.buffer.copy_within(at..self.kept, 0);
        self.kept -= at;
    }
}

/// Reads frames until the connection ends; `each` is told of each.
fn read_frames(mut stream: TcpStream, mut each: impl FnMut(&[u8])) {
    let mut unread = Unread::new();
    loop {
        let read = stream.read(unread.room()).unwrap_or(0);
        if read == 0 {
            return;
        }
        unread.take(read, &mut each);
    }
}

/// Writes all of it, also where the socket is a runtime's, too, and does not block.
fn write_all(mut stream: &TcpStream, mut octets: &[u8]) {
    while !octets.is_empty() {
        match stream.write(octets) {
            Ok(written) => octets = &octets[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(GIVE_WAY),
            Err(error) => panic!("it is not read: {error}"),
        }
    }
}

/// A bare writer of the same frames in batches, over so many connections: packets a second until all were cut out again.
fn bare_packets(packets: u64, connections: u64) -> f64 {
    let frame = frame(Command::Notify);
    let batch = frame.repeat(BATCH_OCTETS / frame.len());
    let begin = Instant::now();
    let sent: u64 = thread::scope(|scope| {
        let (mut writers, mut readers) = (Vec::new(), Vec::new());
        for _ in 0..connections {
            let (mut there, here) = pair();
            let (batch, frame) = (&batch, &frame);
            writers.push(scope.spawn(move || {
                for _ in 0..packets / connections * frame.len() as u64 / batch.len() as u64 {
                    there.write_all(batch).expect("it is read");
                }
            }));
            readers.push(scope.spawn(move || {
                let mut count = 0;
                read_frames(here, |_| count += 1);
                count
            }));
        }
        readers.into_iter().map(|reader| reader.join().expect("it reads")).sum()
    });
    sent as f64 / begin.elapsed().as_secs_f64()
}

/// A hand-over to another thread as between modules: a queue, and a wake-up of who sleeps. `false` is the end.
#[derive(Clone)]
struct Giver(Arc<(ArrayQueue<bool>, WakeState, Unparker)>);

/// Its other end.
struct Taker(Giver, Parker);

fn hand_over() -> (Giver, Taker) {
    let parker = Parker::new();
    let giver = Giver(Arc::new((ArrayQueue::new(4_096), WakeState::new(), parker.unparker().clone())));
    (giver.clone(), Taker(giver, parker))
}

impl Giver {
    fn give(&self, goes_on: bool) {
        let (queue, state, unparker) = &*self.0;
        queue.push(goes_on).expect("there is room");
        if state.pushed() {
            unparker.unpark();
        }
    }
}

impl Taker {
    fn take(&self) -> bool {
        let Self(Giver(shared), parker) = self;
        let (queue, state, _) = &**shared;
        loop {
            if let Some(goes_on) = queue.pop() {
                return goes_on;
            }
            if state.may_sleep(|| queue.is_empty()) {
                parker.park();
            }
            state.awake();
        }
    }
}

/// Who lets time pass before a thread asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// The thread itself: until the answer is there only two threads have anything to do.
    Alone,
    /// Another one, which wakes it then.
    Told,
}

impl Asks {
    /// How long the asking thread is to sleep itself; the caller has slept where it is not to.
    fn before(self, pause: Duration) -> Duration {
        match self {
            Self::Alone => pause,
            Self::Told => {
                thread::sleep(pause);
                Duration::ZERO
            }
        }
    }
}

/// How a bare ping-pong goes from the socket to who answers or asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bare {
    /// Who reads is who writes.
    Direct(Asks),
    /// So it is in a task of a runtime, at either end.
    Awaited(Asks),
    /// By a hand-over, as between a module and the interface: as many wake-ups.
    HandedOver,
}

/// Nanoseconds of round trips of a bare ping-pong of the same frames; at half load, notices of another thread lie between.
fn bare_round_trips(pings: usize, bare: Bare, half_load: bool) -> Vec<u64> {
    let (here, there) = pair();
    let (ping, pong, notice) = (frame(Command::Connect), frame(Command::Done), frame(Command::Notify));
    assert_ne!(ping.len(), notice.len(), "they are told apart by their lengths");
    let is_ping = |frame: &[u8]| frame.len() == ping.len();
    let same = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
    let out = Mutex::new(same(&here));
    let write = |frames: &[u8]| write_all(&out.lock().expect("nobody panics"), frames);
    let (mut answer, to_there, mut back) = (same(&there), same(&there), same(&here));
    let (asks, asked) = hand_over();
    thread::scope(|scope| {
        let (write, ping, pong) = (&write, &ping[..], &pong[..]);
        let mut trip: Box<dyn FnMut(Duration) -> u64> = match bare {
            Bare::Direct(asks) => {
                scope.spawn(move || {
                    read_frames(to_there, |frame| {
                        if is_ping(frame) {
                            answer.write_all(pong).expect("it is read");
                        }
                    });
                });
                let (ask, asked) = std::sync::mpsc::channel();
                let (takes, took) = std::sync::mpsc::channel();
                scope.spawn(move || {
                    let mut buffer = vec![0; pong.len()];
                    while let Ok(pause) = asked.recv() {
                        thread::sleep(pause);
                        let begin = Instant::now();
                        write(ping);
                        back.read_exact(&mut buffer).expect("it is answered");
                        let _ = takes.send(begin.elapsed().as_nanos() as u64);
                    }
                });
                Box::new(move |pause| {
                    ask.send(asks.before(pause)).expect("it runs");
                    took.recv().expect("it is answered")
                })
            }
            Bare::Awaited(asks) => {
                let (ask, asked) = tokio::sync::mpsc::unbounded_channel();
                let (takes, took) = std::sync::mpsc::channel();
                scope.spawn(move || runtime().block_on(answer_awaited(to_there, ping.len(), pong)));
                scope.spawn(move || runtime().block_on(ask_awaited(back, asked, takes, || write(ping), pong.len())));
                Box::new(move |pause| {
                    ask.send(asks.before(pause)).expect("it runs");
                    took.recv().expect("it is answered")
                })
            }
            Bare::HandedOver => {
                let (arrives, arrived) = hand_over();
                let (answers, answered) = hand_over();
                let (returns, returned) = hand_over();
                let asks = asks.clone();
                scope.spawn(move || {
                    while asked.take() {
                        write(ping);
                    }
                });
                scope.spawn(move || {
                    read_frames(to_there, |frame| {
                        if is_ping(frame) {
                            arrives.give(true);
                        }
                    });
                    arrives.give(false);
                });
                scope.spawn(move || {
                    while arrived.take() {
                        answers.give(true);
                    }
                    answers.give(false);
                });
                scope.spawn(move || {
                    while answered.take() {
                        answer.write_all(pong).expect("it is read");
                    }
                });
                scope.spawn(move || read_frames(back, |_| returns.give(true)));
                Box::new(move |pause| {
                    thread::sleep(pause);
                    let begin = Instant::now();
                    asks.give(true);
                    returned.take();
                    begin.elapsed().as_nanos() as u64
                })
            }
        };
        let mut measure = || (0..pings).map(|ping| trip(pause(ping))).collect();
        let notices = notice.repeat(AIM as usize / 100);
        let load = || |count: u64| write(&notices[..(count as usize * notice.len()).min(notices.len())]);
        let times = if half_load { while_loaded(load, measure) } else { measure() };
        // Everybody hears of the end.
        asks.give(false);
        here.shutdown(Shutdown::Both).expect("it is connected");
        times
    })
}

/// Answers each ping, in a runtime.
async fn answer_awaited(stream: TcpStream, ping: usize, pong: &[u8]) {
    let mut stream = awaited(stream);
    let mut unread = Unread::new();
    loop {
        let read = stream.read(unread.room()).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        let mut pings = 0;
        unread.take(read, |frame| pings += u32::from(frame.len() == ping));
        for _ in 0..pings {
            stream.write_all(pong).await.expect("it is read");
        }
    }
}

/// Asks whenever it is told to; the nanoseconds until a pong of that length is there.
async fn ask_awaited(
    stream: TcpStream,
    mut asked: tokio::sync::mpsc::UnboundedReceiver<Duration>,
    took: std::sync::mpsc::Sender<u64>,
    ask: impl Fn(),
    pong: usize,
) {
    let mut stream = awaited(stream);
    let mut buffer = vec![0; pong];
    while let Some(pause) = asked.recv().await {
        thread::sleep(pause);
        let begin = Instant::now();
        ask();
        stream.read_exact(&mut buffer).await.expect("it is answered");
        let _ = took.send(begin.elapsed().as_nanos() as u64);
    }
}

/// The same connection in a runtime.
fn awaited(stream: TcpStream) -> tokio::net::TcpStream {
    stream.set_nonblocking(true).expect("a socket can be told not to block");
    tokio::net::TcpStream::from_std(stream).expect("a runtime is there")
}

/// How the links of a platform of that number are protected.
type Securities = Box<dyn Fn(u32) -> Security>;

fn securities() -> [(&'static str, Securities); 2] {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = params.self_signed(&key).expect("a certificate").der().clone();
    let issuer = Issuer::new(params, key);
    let tls = move |id| {
        let mut params = CertificateParams::default();
        let uri = platform_uri(PlatformId(id));
        params.subject_alt_names.push(SanType::URI(uri.as_str().try_into().expect("ASCII")));
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate").der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        Security::tls(LinkTls::new(authority.clone(), vec![certificate], key).expect("they fit"))
    };
    [("TCP", Box::new(|_| Security::Plain)), ("TLS", Box::new(tls))]
}

/// So that no ping is in step with the load: a pause that is another each time, and the same for both systems.
fn pause(ping: usize) -> Duration {
    PAUSE + PAUSE * ((ping as u32).wrapping_mul(2_654_435_761) >> 24) / 256
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median, over the rounds, of a percentile; microseconds.
fn percentile(rounds: &[Vec<u64>], per_mille: usize) -> f64 {
    let of_round = |times: &Vec<u64>| {
        let mut times = times.clone();
        times.sort_unstable();
        times[times.len() * per_mille / 1_000] as f64 / 1_000.0
    };
    median(rounds.iter().map(of_round).collect())
}

fn throughput(lengths: Lengths, security: &dyn Fn(u32) -> Security, of: &str) {
    for links in [1, 8] {
        let mut linked = Linked::new(security, links);
        let rounds = 0..lengths.rounds;
        let rounds = rounds.map(|_| (linked.packets(lengths.packets), bare_packets(lengths.packets, links.into())));
        let (ours, bare): (Vec<f64>, Vec<f64>) = rounds.unzip();
        let (ours, bare) = (median(ours), median(bare));
        let what = format!("{of}, {links} connection{}, packets", if links == 1 { "" } else { "s" });
        println!("{what:<44} {ours:>12.0} {bare:>12.0} {:>7.3}", ours / bare);
    }
    let mut linked = Linked::new(security, 1);
    let ours = median((0..lengths.rounds).map(|_| linked.requests(lengths.packets / 2)).collect());
    println!("{:<44} {ours:>12.0}", format!("{of}, 1 connection, requests with their answers"));
}

fn round_trips(lengths: Lengths, security: &dyn Fn(u32) -> Security, of: &str) {
    let mut linked = Linked::new(security, 1);
    let pings = lengths.pings;
    for (load, half) in [("low load", false), ("half load", true)] {
        // A thread that sleeps by itself would hold up the load.
        let layouts: &[Asks] = if half { &[Asks::Told] } else { &[Asks::Alone, Asks::Told] };
        for &asks in layouts {
            let (mut ours, mut direct, mut awaited) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..lengths.rounds {
                ours.push(match half {
                    false => linked.round_trips_beside(pings, asks),
                    true => linked.at_half_load(|linked| linked.round_trips_beside(pings, asks)),
                });
                direct.push(bare_round_trips(pings, Bare::Direct(asks), half));
                awaited.push(bare_round_trips(pings, Bare::Awaited(asks), half));
            }
            let threads = if asks == Asks::Alone { "two threads alone" } else { "asking when told" };
            let what = format!("{of}, {load}, interface to interface, {threads}");
            show(&what, &ours, [Some(&direct), Some(&awaited)]);
        }
        let (mut ours, mut handed) = (Vec::new(), Vec::new());
        for _ in 0..lengths.rounds {
            ours.push(match half {
                false => linked.round_trips(pings),
                true => linked.at_half_load(|linked| linked.round_trips(pings)),
            });
            handed.push(bare_round_trips(pings, Bare::HandedOver, half));
        }
        show(&format!("{of}, {load}, module to module"), &ours, [Some(&handed), None]);
    }
}

/// Percentiles of round trips, beside those of bare ones over blocking sockets and in a runtime.
fn show(what: &str, ours: &[Vec<u64>], bare: [Option<&Vec<Vec<u64>>>; 2]) {
    for (name, per_mille) in [("p50", 500), ("p99", 990)] {
        let ours = percentile(ours, per_mille);
        let mut line = format!("{:<64} {ours:>8.1}", format!("{what}, {name}"));
        for bare in bare.into_iter().flatten() {
            let bare = percentile(bare, per_mille);
            line.push_str(&format!(" {bare:>8.1} {:>6.2}", ours / bare));
        }
        println!("{line}");
    }
}

fn main() {
    let lengths = if std::env::args().any(|argument| argument == "--test") { ONCE } else { MEASURED };
    // By name, `packets`, `trips`, `TCP`, `TLS`: all where none is named.
    let named: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let kinds = [["packets", "trips"], ["TCP", "TLS"]];
    let wanted = |what: &str| {
        let kind = kinds.iter().find(|kind| kind.contains(&what)).into_iter().flatten();
        let mut others = kind.filter(|other| named.iter().any(|named| named == *other)).peekable();
        others.peek().is_none() || others.any(|other| *other == what)
    };
    let securities = securities();
    println!("{:<44} {:>12} {:>12} {:>7}", "a second, medians", "links", "bare TCP", "ratio");
    for (of, security) in securities.iter().filter(|(of, _)| wanted("packets") && wanted(of)) {
        throughput(lengths, security, of);
    }
    let head = ("round trips, µs, medians of rounds", "links", "bare TCP", "ratio", "awaited", "ratio");
    println!("{:<64} {:>8} {:>8} {:>6} {:>8} {:>6}", head.0, head.1, head.2, head.3, head.4, head.5);
    for (of, security) in securities.iter().filter(|(of, _)| wanted("trips") && wanted(of)) {
        round_trips(lengths, security, of);
    }
}
