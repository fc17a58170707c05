//! A name server whose answers the test chooses (RFC 1035), by UDP.

use super::wait::now;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often it looks whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// A record's type (RFC 1035 §3.2.2, RFC 3596, RFC 2782, RFC 3403).
const A: u16 = 1;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NAPTR: u16 = 35;
/// The type of the record that says how long a name is absent (RFC 2308).
const SOA: u16 = 6;

/// A record.
#[derive(Clone, Debug)]
pub enum Data {
    /// An address of a host.
    Address(IpAddr),
    /// A host of a service.
    Srv {
        /// Lower ones first.
        priority: u16,
        /// Its share among those of one priority.
        weight: u16,
        /// Its port.
        port: u16,
        /// The host.
        target: String,
    },
    /// A service of a domain, to be asked for by SRV.
    Naptr {
        /// Lower ones first.
        order: u16,
        /// Such as `SIP+D2T`.
        service: String,
        /// The name of its SRV records.
        replacement: String,
    },
    /// A rule for a number (RFC 6116).
    Rule {
        /// Lower ones first.
        order: u16,
        /// Such as `E2U+sip`.
        service: String,
        /// What makes a URI of the number.
        regexp: String,
    },
}

impl Data {
    fn kind(&self) -> u16 {
        match self {
            Self::Address(IpAddr::V4(_)) => A,
            Self::Address(IpAddr::V6(_)) => AAAA,
            Self::Srv { .. } => SRV,
            Self::Naptr { .. } | Self::Rule { .. } => NAPTR,
        }
    }

    fn octets(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        let numbers = |numbers: &[u16]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
        match self {
            Self::Address(IpAddr::V4(address)) => octets.extend(address.octets()),
            Self::Address(IpAddr::V6(address)) => octets.extend(address.octets()),
            Self::Srv { priority, weight, port, target } => {
                octets.extend(numbers(&[*priority, *weight, *port]));
                octets.extend(encoded(target));
            }
            Self::Naptr { order, service, replacement } => {
                octets.extend(numbers(&[*order, 10]));
                for text in ["S", service, ""] {
                    octets.push(text.len() as u8);
                    octets.extend(text.as_bytes());
                }
                octets.extend(encoded(replacement));
            }
            Self::Rule { order, service, regexp } => {
                octets.extend(numbers(&[*order, 10]));
                for text in ["u", service, regexp] {
                    octets.push(text.len() as u8);
                    octets.extend(text.as_bytes());
                }
                octets.extend(encoded(""));
            }
        }
        octets
    }
}

#[derive(Debug, Default)]
struct State {
    records: Mutex<BTreeMap<String, Vec<Data>>>,
    /// Names and types that were asked for, and when.
    asked: Mutex<Vec<(String, u16, Instant)>>,
    silent: AtomicBool,
    ended: AtomicBool,
}

/// A running name server.
#[derive(Debug)]
pub struct NameServer {
    /// Where it is asked.
    pub address: SocketAddr,
    state: Arc<State>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl NameServer {
    /// One at that address; its answers hold for `ttl` seconds.
    pub fn start(address: SocketAddr, ttl: u32) -> Self {
        let socket = UdpSocket::bind(address).expect("the name server's address is free");
        socket.set_read_timeout(Some(LOOK)).expect("a socket can be told how long to wait");
        let state = Arc::new(State::default());
        let its = Arc::clone(&state);
        thread::spawn(move || {
            let mut buffer = [0; 1_500];
            while !its.ended.load(Ordering::Relaxed) {
                let Ok((octets, from)) = socket.recv_from(&mut buffer) else { continue };
                if let Some(answer) = answer(&its, &buffer[..octets], ttl) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self { address, state }
    }

    /// A name has one record more.
    pub fn add(&self, name: &str, data: Data) {
        lock(&self.state.records).entry(name.to_owned()).or_default().push(data);
    }

    /// A name has no records any more.
    pub fn remove(&self, name: &str) {
        lock(&self.state.records).remove(name);
    }

    /// From now on it answers nothing, or answers again.
    pub fn silence(&self, silent: bool) {
        self.state.silent.store(silent, Ordering::Relaxed);
    }

    /// How often a name was asked for, by any type.
    pub fn asked(&self, name: &str) -> usize {
        lock(&self.state.asked).iter().filter(|(asked, ..)| asked == name).count()
    }

    /// Whether a name was asked for by SRV.
    pub fn asked_srv(&self, name: &str) -> bool {
        lock(&self.state.asked).iter().any(|(asked, kind, _)| asked == name && *kind == SRV)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
    }
}

/// The answer to a query of one question. Names are not compressed.
fn answer(state: &State, query: &[u8], ttl: u32) -> Option<Vec<u8>> {
    let (header, rest) = query.split_at_checked(12)?;
    let (mut name, mut at) = (String::new(), 0);
    loop {
        let length = usize::from(*rest.get(at)?);
        let label = rest.get(at + 1..at + 1 + length)?;
        at += 1 + length;
        if length == 0 {
            break;
        }
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
    }
    let question = rest.get(..at + 4)?;
    let kind = u16::from_be_bytes([question[at], question[at + 1]]);
    lock(&state.asked).push((name.clone(), kind, now()));
    if state.silent.load(Ordering::Relaxed) {
        return None;
    }
    let known = lock(&state.records).get(&name).cloned();
    let answers: Vec<Data> = known.iter().flatten().filter(|data| data.kind() == kind).cloned().collect();
    let mut out = Vec::from(&header[..2]);
    // A response, authoritative, recursion available; a name without any record does not exist.
    out.extend([0x85, if known.is_none() { 0x83 } else { 0x80 }]);
    let absent = u16::from(answers.is_empty());
    for count in [1, answers.len() as u16, absent, 0] {
        out.extend(count.to_be_bytes());
    }
    out.extend(question);
    let mut record = |name: &str, kind: u16, octets: &[u8]| {
        out.extend(encoded(name));
        out.extend(kind.to_be_bytes());
        out.extend(1u16.to_be_bytes());
        out.extend(ttl.to_be_bytes());
        out.extend((octets.len() as u16).to_be_bytes());
        out.extend(octets);
    };
    for data in &answers {
        record(&name, kind, &data.octets());
    }
    if absent == 1 {
        let mut octets = encoded("ns.example");
        octets.extend(encoded("nobody.example"));
        octets.extend([1, 600, 60, 6_000, ttl].iter().flat_map(|number: &u32| number.to_be_bytes()));
        record("example", SOA, &octets);
    }
    Some(out)
}

/// A name on the wire.
fn encoded(name: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        octets.push(label.len() as u8);
        octets.extend(label.as_bytes());
    }
    octets.push(0);
    octets
}
