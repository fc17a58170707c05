//! A million accounts, each registered: the memory that they take in `signaling`, and how long it takes to find one.
//!
//! To reach: 1,073 octets each (1 GiB in all), and a time that does not grow with their number.

#![allow(missing_docs, reason = "criterion_group generates an undocumented function")]
#![expect(clippy::print_stdout, reason = "criterion has no place for octets")]

use criterion::{Criterion, criterion_group, criterion_main};
use router::parameter::{Account, AccountCredential, Binding, Contact, Parameter, Registration, Selection};
use router::time::{Instant, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, Random, Service, Transaction, one};
use signaling::transport::{Listener, Listeners, Transport};
use signaling::{Config, Signaling};
use std::hint::black_box;

/// The server's own.
#[global_allocator]
static ALLOCATOR: tandem::memory::Counting = tandem::memory::Counting;

/// An office, a town, a carrier.
const REGISTERED: [usize; 3] = [1_000, 30_000, 1_000_000];

/// Of one answer of the store.
const PAGE: usize = 5_000;

fn account(number: usize) -> Account {
    let name = format!("+4930{number:08}");
    Account {
        name,
        display_name: None,
        credential: AccountCredential::Hashes { md5: [number as u8; 16], sha256: [number as u8; 32] },
        enabled: true,
        created: WallTime::default(),
        removed: false,
    }
}

/// As a telephone behind a NAT registers.
fn binding(number: usize) -> Binding {
    let host = format!("100.{}.{}.{}", 64 + (number >> 16 & 63), number >> 8 & 255, number & 255);
    let port = 1_024 + number % 60_000;
    Binding {
        account: format!("+4930{number:08}"),
        contact: Contact {
            uri: format!("sip:+4930{number:08}@192.168.178.{}:5060;transport=udp", 20 + number % 200).into(),
            path: Vec::new(),
            flow: format!("udp 192.0.2.1:5060 {host}:{port}").into(),
            q_thousandths: 1_000,
            expires: WallTime::from_secs(1_800_000_000 + 600 + number as i64 % 3_000),
            call_id: format!("{number:016x}@192.168.178.1"),
            cseq: 1,
            user_agent: Some("Yealink SIP-T46S 66.86.0.15".to_owned()),
            latency_us: None,
            reachable: None,
            apart: Some(format!("<urn:uuid:00000000-0000-1000-8000-{number:012x}>;1").into()),
            instance: Some(format!("urn:uuid:00000000-0000-1000-8000-{number:012x}").into()),
            reg_id: Some(1),
            temporary: None,
            others: None,
        },
        removed: false,
    }
}

struct Registered {
    signaling: Signaling,
    now: Now,
    count: usize,
}

impl Registered {
    fn new(count: usize) -> Self {
        let listener = "192.0.2.1:5060".parse().map(|at| Listener::new(Transport::Udp, at, None));
        // A million contacts asked every half minute would be 33,000 OPTIONS a second: who has so many lets them keep their NATs open themselves.
        let listeners = Listeners::new(listener.into_iter().collect());
        let config = Config { listeners, keep_alive: None, ..Config::default() };
        let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
        let signaling = Signaling::new(0, config, now, Random::from_seed(1));
        let mut registered = Self { signaling, now, count };
        registered.load();
        registered
    }

    /// What the store tells at the start.
    fn load(&mut self) {
        loop {
            let packets: Vec<Packet> = std::iter::from_fn(|| self.signaling.outbox().poll_transmit()).collect();
            if packets.is_empty() {
                break;
            }
            for packet in packets.into_iter().filter(|packet| packet.command.is_request()) {
                let mut parameters = Parameters::new();
                let cursor = packet.parameters.iter().find_map(|parameter| match parameter {
                    Parameter::Selection(selection) => selection.cursor.as_deref()?.parse::<usize>().ok(),
                    _ => None,
                });
                let from = cursor.unwrap_or(0);
                let to = (from + PAGE).min(self.count);
                match packet.first() {
                    Some(Parameter::Account(_)) if packet.command == Command::Query => {
                        parameters.extend((from..to).map(|number| Parameter::from(account(number))));
                    }
                    Some(Parameter::Binding(_)) if packet.command == Command::Query => {
                        parameters.extend((from..to).map(|number| Parameter::from(binding(number))));
                    }
                    _ => {}
                }
                let cursor = (to < self.count).then(|| to.to_string());
                parameters.push(Selection { cursor, ..Selection::default() }.into());
                self.deliver(packet.answer(Command::Done, parameters));
            }
        }
        assert!(self.signaling.is_loaded());
    }

    fn deliver(&mut self, packet: Packet) {
        if let Some(received) = self.signaling.outbox().handle_packet(packet) {
            self.signaling.handle_received(self.now, received);
        }
    }

    /// The switch asks where an account is reached, as for each call to it.
    fn find(&mut self, number: usize) -> usize {
        let registration = Registration { account: format!("+4930{number:08}"), contacts: Vec::new() };
        self.deliver(Packet {
            source: Address { instance: Instance(1), ..Address::local(ModuleKind::Switch, 0) },
            destination: Address::local(ModuleKind::Signaling, 0),
            transaction: Transaction(1),
            command: Command::Query,
            parameters: one(registration),
        });
        let answer = self.signaling.outbox().poll_transmit();
        match answer.as_ref().and_then(Packet::first) {
            Some(Parameter::Registration(found)) => found.contacts.len(),
            other => panic!("{other:?}"),
        }
    }
}

/// What the process takes, octets.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: usize = line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default();
    kib << 10
}

fn million_bindings(criterion: &mut Criterion) {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let mut group = criterion.benchmark_group("bindings");
    for count in REGISTERED {
        if is_test && count > REGISTERED[1] {
            continue;
        }
        let (before, live) = (resident(), tandem::memory::allocated());
        let mut registered = Registered::new(count);
        let taken = resident().saturating_sub(before);
        println!("{count} accounts, each registered: {} KiB resident, {} octets each", taken >> 10, taken / count);
        let live = tandem::memory::allocated() - live;
        println!("  of these {} KiB in use, {} octets each", live >> 10, live / count as u64);
        let mut at = 0;
        group.bench_function(format!("found_among_{count}"), |bencher| {
            bencher.iter(|| {
                at = (at + 7_919) % count;
                assert_eq!(black_box(registered.find(at)), 1);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, million_bindings);
criterion_main!(benches);
