//! What is measured: platforms, their interfaces and the links between them.

use crate::{ANSWERER, ANSWERER_BESIDE, ASKER, ASKER_BESIDE, Asks, GIVE_WAY, on, packet, pause, runtime, while_loaded};
use crossbeam::sync::{Parker, Unparker};
use router::bridge::link::{Security, Waker, listen, run};
use router::bridge::{Bridge, Config, Trust};
use router::time::Now;
use router::{Address, Command, Endpoint, ModuleKind, Packet, PlatformId, Random, Router, Transaction};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// Packets under way at once from end to end: half of what an inbox takes, so that none is refused.
const WINDOW: u64 = 4_096;

/// Requests under way at once: no more than one source may have waiting in an inbox.
const REQUESTS: u64 = 900;

/// Platform 1, linked to each of the others.
pub(crate) struct Linked {
    // Ends before the platforms do.
    answerers: Answerers,
    first: Platform,
    others: Vec<Platform>,
    asker: Endpoint,
    parker: Parker,
    number: u64,
}

impl Linked {
    pub(crate) fn new(security: impl Fn(u32) -> Security, links: u32) -> Self {
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
    pub(crate) fn packets(&mut self, packets: u64) -> f64 {
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
    pub(crate) fn requests(&mut self, requests: u64) -> f64 {
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
    pub(crate) fn round_trips(&mut self, pings: usize) -> Vec<u64> {
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
    pub(crate) fn round_trips_beside(&mut self, pings: usize, asks: Asks) -> Vec<u64> {
        let Platform { ask, took, .. } = &self.first;
        let trip = |ping| {
            ask.send((on(2, ANSWERER_BESIDE), asks.before(pause(ping)))).expect("it runs");
            took.recv().expect("it answers")
        };
        (0..pings).map(trip).collect()
    }

    /// Does something while half of the aim is sent to the answerers.
    pub(crate) fn at_half_load<T>(&mut self, measure: impl FnOnce(&mut Self) -> T) -> T {
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
