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

mod bare;
mod linked;

use bare::{Bare, bare_packets, bare_round_trips};
use linked::Linked;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use router::bridge::link::Security;
use router::bridge::tls::{LinkTls, platform_uri};
use router::parameter::{Bridge as Bridged, PortId};
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Transaction, one};
use rustls::pki_types::PrivateKeyDer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

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

/// The runtime of an interface's thread.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
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
