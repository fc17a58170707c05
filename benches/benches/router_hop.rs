//! A hop through the router (a module's `Endpoint::send`, the table, the inbox, `Endpoint::receive`) against the bare queue beneath it: a crossbeam
//! `ArrayQueue` of the same element, with the same waker. Rounds of both are interleaved; each figure is a median.
//!
//! ```text
//! cargo bench -p benches --bench router_hop
//! ```
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock and prints")]

use crossbeam::queue::ArrayQueue;
use crossbeam::sync::{Parker, Unparker};
use crossbeam::utils::CachePadded;
use router::bridge::{Bridge, Config, LinkId, Output};
use router::encoding::{read_frame, write_frame};
use router::limits::{BATCH, INBOX_SLOTS};
use router::parameter::{Bridge as Bridged, PortId};
use router::time::Now;
use router::wake::WakeState;
use router::{Address, Command, Endpoint, Instance, ModuleKind, Packet, PlatformId, Random, Router, Transaction, one};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 41;
const PACKETS: u64 = 60_000;
const SLEEPS: usize = 41 * 100;
/// Packets of one producer that are under way at once: the same for both, so that both queues are equally deep.
const WINDOW: u64 = 512;
const PRODUCERS: u64 = 4;

/// The receiving end of a queue of packets.
trait Hop {
    type Sender: Sender;
    /// A sender for each producer that there may be, for the whole run: a module keeps its endpoint.
    fn senders(&self) -> Vec<CachePadded<Self::Sender>> {
        (0..PRODUCERS).map(|producer| CachePadded::new(self.sender(producer))).collect()
    }
    fn sender(&self, producer: u64) -> Self::Sender;
    fn receive(&self) -> Option<Packet>;
    fn may_sleep(&self) -> bool;
    fn awake(&self);
    fn wakes(&self) -> u64;
}

/// Those of all producers, on lines of memory of their own.
type Senders<S> = [CachePadded<S>];

/// A producer's end.
trait Sender: Send {
    fn send(&self, packet: Packet) -> Result<(), Packet>;
}

/// What is measured.
struct Routed {
    router: Router,
    endpoint: Endpoint,
}

impl Routed {
    fn new(unparker: Unparker) -> Self {
        let router = Router::new(PlatformId(1));
        let endpoint = router.register(ModuleKind::Voice, 0, move || unparker.unpark());
        Self { router, endpoint }
    }
}

impl Sender for Endpoint {
    fn send(&self, packet: Packet) -> Result<(), Packet> {
        Endpoint::send(self, packet).map_err(|refused| refused.packet)
    }
}

impl Hop for Routed {
    type Sender = Endpoint;

    /// A module of its own, as every sender is.
    fn sender(&self, producer: u64) -> Endpoint {
        self.router.register(ModuleKind::Switch, producer as u8, || {})
    }

    fn receive(&self) -> Option<Packet> {
        self.endpoint.receive()
    }

    fn may_sleep(&self) -> bool {
        self.endpoint.may_sleep()
    }

    fn awake(&self) {
        self.endpoint.awake();
    }

    fn wakes(&self) -> u64 {
        self.endpoint.counters().wakes
    }
}

/// What it is measured against.
struct Bare {
    queue: ArrayQueue<Packet>,
    wake_state: WakeState,
    unparker: Unparker,
}

impl Bare {
    fn new(unparker: Unparker) -> Self {
        Self { queue: ArrayQueue::new(INBOX_SLOTS), wake_state: WakeState::new(), unparker }
    }
}

impl Sender for Arc<Bare> {
    fn send(&self, packet: Packet) -> Result<(), Packet> {
        self.queue.push(packet)?;
        if self.wake_state.pushed() {
            self.unparker.unpark();
        }
        Ok(())
    }
}

impl Hop for Arc<Bare> {
    type Sender = Self;

    fn sender(&self, _producer: u64) -> Self {
        Arc::clone(self)
    }

    fn receive(&self) -> Option<Packet> {
        self.queue.pop()
    }

    fn may_sleep(&self) -> bool {
        self.wake_state.may_sleep(|| self.queue.is_empty())
    }

    fn awake(&self) {
        self.wake_state.awake();
    }

    fn wakes(&self) -> u64 {
        self.wake_state.wakes()
    }
}

/// A request, the class with the most to be counted, whose parameter lies in the packet.
fn packet(producer: u64, number: u64) -> Packet {
    Packet {
        source: Address::local(ModuleKind::Switch, producer as u8).at(Instance(number)),
        destination: Address::local(ModuleKind::Voice, 0).at(Instance(7)),
        transaction: Transaction(producer),
        command: Command::Connect,
        parameters: one(Bridged { a: PortId(1), b: PortId(2) }),
    }
}

/// Nanoseconds of a hop with sender and receiver on one thread, as two modules of a shard have it.
fn on_one_thread<H: Hop>(hop: &H, senders: &Senders<H::Sender>) -> f64 {
    let sender = &senders[0];
    let begin = Instant::now();
    for number in 0..PACKETS / 32 {
        for _ in 0..32 {
            sender.send(packet(0, number)).expect("there is room");
        }
        for _ in 0..32 {
            black_box(hop.receive().expect("it was sent"));
        }
    }
    begin.elapsed().as_nanos() as f64 / (PACKETS / 32 * 32) as f64
}

/// What a module does between two batches of packets: it looks at its sockets and timers, some hundred nanoseconds.
fn other_work() {
    (0..64).for_each(|_| spin_loop());
}

/// Nanoseconds between packets that `producers` threads send to a receiver that does not sleep.
fn across_threads<H: Hop>(hop: &H, senders: &mut Senders<H::Sender>, producers: u64) -> f64 {
    let taken: Vec<CachePadded<AtomicU64>> = (0..producers).map(|_| CachePadded::default()).collect();
    let (taken, go) = (&taken, &AtomicBool::new(false));
    let each = PACKETS / producers;
    // With more threads than cores somebody has to give way.
    let crowded = producers as usize >= thread::available_parallelism().map_or(1, usize::from);
    let pause = || if crowded { thread::yield_now() } else { spin_loop() };
    thread::scope(|scope| {
        for (producer, sender) in (0..producers).zip(senders) {
            scope.spawn(move || {
                while !go.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                let mut seen = 0;
                for number in 0..each {
                    while number - seen >= WINDOW / producers {
                        seen = taken[producer as usize].load(Ordering::Relaxed);
                        if number - seen >= WINDOW / producers {
                            pause();
                        }
                    }
                    let mut again = packet(producer, number);
                    while let Err(refused) = sender.send(again) {
                        again = refused;
                        spin_loop();
                    }
                }
            });
        }
        let mut counts = vec![0; producers as usize];
        go.store(true, Ordering::Release);
        let begin = Instant::now();
        let mut left = each * producers;
        while left > 0 {
            // A turn, as `router::service::turn` takes it: a batch of packets, then whatever else the module does.
            for _ in 0..BATCH {
                let Some(packet) = hop.receive() else { break };
                left -= 1;
                counts[black_box(&packet).transaction.0 as usize] += 1;
            }
            for (taken, count) in taken.iter().zip(&counts) {
                taken.store(*count, Ordering::Relaxed);
            }
            other_work();
            if crowded {
                thread::yield_now();
            }
        }
        begin.elapsed().as_nanos() as f64 / (each * producers) as f64
    })
}

/// Puts the calling thread on the `which`th core that the process may use, where there are two: a receiver that is woken now on its
/// sender's core, now on an idle one, is 3 or 15 µs away, and which of them is chance.
fn stay_on(which: usize, cores: &CpuSet) {
    let available: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| cores.is_set(core)).collect();
    if available.len() >= 2 {
        let mut one = CpuSet::new();
        one.set(available[which]);
        sched_setaffinity(None, &one).expect("it is one of ours");
    }
}

/// Latencies in nanoseconds, sorted, from the sending of one packet to a receiver that sleeps until it has it.
fn to_a_sleeper<H: Hop>(hop: &H, senders: &mut Senders<H::Sender>, parker: &Parker, sleeps: usize) -> Vec<u64> {
    let epoch = Instant::now();
    let asleep = &AtomicU64::new(0);
    let sender = &mut senders[0];
    let cores = &sched_getaffinity(None).expect("every thread has some");
    stay_on(0, cores);
    let latencies = thread::scope(|scope| {
        scope.spawn(move || {
            stay_on(1, cores);
            for number in 1..=sleeps as u64 {
                while asleep.load(Ordering::Acquire) < number {
                    thread::yield_now();
                }
                // It has announced its sleep; give it the time to be really parked.
                let parked = Instant::now();
                while parked.elapsed() < Duration::from_micros(30) {
                    spin_loop();
                }
                let mut packet = packet(0, number);
                packet.transaction = Transaction(epoch.elapsed().as_nanos() as u64);
                sender.send(packet).expect("there is room");
            }
        });
        let mut latencies = Vec::with_capacity(sleeps);
        while latencies.len() < sleeps {
            match hop.receive() {
                Some(packet) => latencies.push(epoch.elapsed().as_nanos() as u64 - packet.transaction.0),
                None if hop.may_sleep() => {
                    asleep.store(latencies.len() as u64 + 1, Ordering::Release);
                    parker.park();
                    hop.awake();
                }
                None => {}
            }
        }
        latencies.sort_unstable();
        latencies
    });
    sched_setaffinity(None, cores).expect("they were ours");
    latencies
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints a line, and gives the ratio.
fn compare(name: &str, routed: f64, bare: f64) -> f64 {
    println!("{name:<44} {routed:>9.1} {bare:>9.1} {:>7.2}", routed / bare);
    routed / bare
}

/// Nanoseconds for a packet from one platform's interface to another's: encoded, queued, cut into frames, decoded, handed over. The
/// reference is its encoding and decoding alone.
fn between_platforms() -> (f64, f64) {
    let now = Now { instant: router::time::Instant::from_millis(1_000), ..Now::default() };
    let bridge = |id| Bridge::new(Config::new(PlatformId(id), ""), now, Random::from_seed(u64::from(id)));
    let (mut from, mut to) = (bridge(1), bridge(2));
    let connect = |bridge: &mut Bridge| bridge.handle_accepted(now, String::new(), None).expect("there is room");
    let (there, back) = (connect(&mut from), connect(&mut to));
    let pass = |from: &mut Bridge, there: LinkId, to: &mut Bridge, back: LinkId| {
        let mut delivered = 0;
        while let Some(output) = from.poll_output() {
            let Output::Write(_, octets) = output else { panic!("the link ended") };
            to.handle_bytes(now, back, &octets);
            from.handle_written(now, there, octets.len(), 1);
            while let Some(packet) = to.poll_deliver() {
                delivered += 1;
                black_box(packet);
            }
        }
        delivered
    };
    for _ in 0..2 {
        pass(&mut from, there, &mut to, back);
        pass(&mut to, back, &mut from, there);
    }
    let destination = Address { platform: PlatformId(2), ..Address::local(ModuleKind::Voice, 0) };
    // News are believed of what is followed.
    let follow = Packet {
        source: Address::local(ModuleKind::Voice, 0),
        destination: Address { platform: PlatformId(1), ..Address::local(ModuleKind::Switch, 0) },
        transaction: Transaction::NONE,
        command: Command::Subscribe,
        parameters: one(Bridged { a: PortId(1), b: PortId(2) }),
    };
    to.handle_outbound(now, follow);
    pass(&mut to, back, &mut from, there);
    pass(&mut from, there, &mut to, back);
    let packet = || Packet {
        source: Address::local(ModuleKind::Switch, 0).at(Instance(7)),
        destination,
        transaction: Transaction::NONE,
        command: Command::Notify,
        parameters: one(Bridged { a: PortId(1), b: PortId(2) }),
    };
    let measure = |round: &mut dyn FnMut()| {
        let begin = Instant::now();
        round();
        begin.elapsed().as_nanos() as f64 / PACKETS as f64
    };
    let rounds = (0..ROUNDS).map(|_| {
        let ours = measure(&mut || {
            let mut delivered = 0;
            for _ in 0..PACKETS / BATCH as u64 {
                (0..BATCH).for_each(|_| from.handle_outbound(now, packet()));
                delivered += pass(&mut from, there, &mut to, back);
            }
            assert_eq!(delivered, PACKETS / BATCH as u64 * BATCH as u64);
        });
        let mut buffer = Vec::new();
        let bare = measure(&mut || {
            for _ in 0..PACKETS {
                buffer.clear();
                write_frame(&packet(), &mut buffer);
                black_box(read_frame(&buffer).expect("it is one"));
            }
        });
        (ours, bare)
    });
    let (ours, bare): (Vec<f64>, Vec<f64>) = rounds.unzip();
    (median(ours), median(bare))
}

fn main() {
    let (routed_parker, bare_parker) = (Parker::new(), Parker::new());
    let routed = Routed::new(routed_parker.unparker().clone());
    let bare = Arc::new(Bare::new(bare_parker.unparker().clone()));
    println!("{:<44} {:>9} {:>9} {:>7}", "nanoseconds a packet, medians", "router", "bare", "ratio");
    let (mut routed_senders, mut bare_senders) = (routed.senders(), bare.senders());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(on_one_thread(&routed, &routed_senders));
        theirs.push(on_one_thread(&bare, &bare_senders));
    }
    compare("one thread", median(ours), median(theirs));
    for producers in [1, 2, PRODUCERS] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(across_threads(&routed, &mut routed_senders, producers));
            theirs.push(across_threads(&bare, &mut bare_senders, producers));
        }
        compare(&format!("{producers} producers on other threads, receiver busy"), median(ours), median(theirs));
    }
    let wakes = routed.wakes();
    println!("wake-ups of a receiver that was awake: {wakes}");
    assert_eq!(wakes, 0, "a receiver that is awake is not woken");

    let percentiles = [("median", 500), ("p90", 900), ("p99", 990)];
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let ours = to_a_sleeper(&routed, &mut routed_senders, &routed_parker, SLEEPS / ROUNDS);
            (ours, to_a_sleeper(&bare, &mut bare_senders, &bare_parker, SLEEPS / ROUNDS))
        })
        .collect();
    for (name, per_mille) in percentiles {
        let at = |sorted: &[u64]| sorted[sorted.len() * per_mille / 1000] as f64;
        let (ours, theirs) = rounds.iter().map(|(ours, theirs)| (at(ours), at(theirs))).unzip();
        compare(&format!("1 producer, receiver asleep, {name} latency"), median(ours), median(theirs));
    }
    println!("wake-ups of a receiver that slept: {} in {SLEEPS} sleeps", routed.wakes());
    let (ours, theirs) = between_platforms();
    compare("between platforms; bare: encoding alone", ours, theirs);
}
