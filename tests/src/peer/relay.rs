//! A bad network between two peers: what goes through a relay is late, stalls, is cut, is lost. For kernels without netem, and
//! for faults that netem does not know.
//!
//! ```text
//!   who dials ──▶ Relay ──▶ who listens          either ──▶ UdpRelay ──▶ the other
//!             ◀──       ◀──                             ◀──          ◀──
//! ```

use super::wait::{now, pause};
use router::Random;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Octets that are read at once.
const READ: usize = 64 << 10;

/// Pieces under way in one direction: with a delay of 100 ms they carry some 40 MB/s, and a stalled relay takes no more than they hold.
const PIECES: usize = 64;

/// How often a relay looks whether it has ended, or goes on.
const LOOK: Duration = Duration::from_millis(10);

/// A direction through a relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// From who dialled to who listens.
    There,
    /// From who listens to who dialled.
    Back,
}

#[derive(Debug, Default)]
struct State {
    delay: Mutex<Duration>,
    stalled: [AtomicBool; 2],
    refuses: AtomicBool,
    ended: AtomicBool,
    connections: Mutex<Vec<Arc<[TcpStream; 2]>>>,
    accepted: AtomicUsize,
    octets: [AtomicU64; 2],
}

/// A relay of TCP connections.
#[derive(Debug)]
pub struct Relay {
    /// Where it is dialled.
    pub address: SocketAddr,
    state: Arc<State>,
}

/// Locks what no thread holds while it can panic.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Relay {
    /// Whoever dials `address` is connected with `target`.
    pub fn start(address: SocketAddr, target: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("the relay's address is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        listener.set_nonblocking(true).expect("a socket can be told not to block");
        let state = Arc::new(State::default());
        let its = Arc::clone(&state);
        thread::spawn(move || accept(&listener, target, &its));
        Self { address, state }
    }

    /// What comes from now on arrives so much later.
    pub fn delay(&self, delay: Duration) {
        *lock(&self.state.delay) = delay;
    }

    /// Passes nothing on any more that way, and soon reads nothing: as a peer that has stopped reading.
    pub fn stall(&self, way: Way) {
        self.state.stalled[way as usize].store(true, Ordering::SeqCst);
    }

    /// Passes everything on again.
    pub fn resume(&self) {
        for stalled in &self.state.stalled {
            stalled.store(false, Ordering::SeqCst);
        }
        self.state.refuses.store(false, Ordering::SeqCst);
    }

    /// Resets all connections, in the middle of whatever they carry.
    pub fn cut(&self) {
        for pair in lock(&self.state.connections).drain(..) {
            for stream in pair.iter() {
                // Without lingering a close is a reset, and what waits in it is lost.
                let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// Cuts, and turns everybody away until [`resume`](Self::resume).
    pub fn part(&self) {
        self.state.refuses.store(true, Ordering::SeqCst);
        self.cut();
    }

    /// Ends one direction of all connections; the other one goes on.
    pub fn half_close(&self, way: Way) {
        for pair in lock(&self.state.connections).iter() {
            let (from, to) = ends(pair, way);
            let _ = from.shutdown(Shutdown::Read);
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    /// Writes octets of its own into all connections.
    pub fn inject(&self, way: Way, octets: &[u8]) {
        for pair in lock(&self.state.connections).iter() {
            let (_, mut to) = ends(pair, way);
            let _ = to.write_all(octets);
        }
    }

    /// How many connections it has accepted so far.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// How many octets it has passed on that way.
    pub fn octets(&self, way: Way) -> u64 {
        self.state.octets[way as usize].load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        self.cut();
    }
}

/// Where that way comes from, and where it goes to.
fn ends(pair: &[TcpStream; 2], way: Way) -> (&TcpStream, &TcpStream) {
    let [dialled, listens] = pair;
    match way {
        Way::There => (dialled, listens),
        Way::Back => (listens, dialled),
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, state: &Arc<State>) {
    while !state.ended.load(Ordering::SeqCst) {
        let Ok((dialled, _)) = listener.accept() else {
            pause(LOOK);
            continue;
        };
        if state.refuses.load(Ordering::SeqCst) {
            continue;
        }
        let Ok(listens) = TcpStream::connect(target) else { continue };
        for stream in [&dialled, &listens] {
            let _ = stream.set_nonblocking(false);
            let _ = stream.set_nodelay(true);
        }
        let pair = Arc::new([dialled, listens]);
        lock(&state.connections).push(Arc::clone(&pair));
        state.accepted.fetch_add(1, Ordering::SeqCst);
        for way in [Way::There, Way::Back] {
            let (sender, receiver) = sync_channel(PIECES);
            let (read_pair, write_pair) = (Arc::clone(&pair), Arc::clone(&pair));
            let (read_state, write_state) = (Arc::clone(state), Arc::clone(state));
            thread::spawn(move || read(&read_pair, way, &read_state, &sender));
            thread::spawn(move || write(&write_pair, way, &write_state, &receiver));
        }
    }
}

/// Reads until the end. A direction that was stalled reads no more than the pieces take.
fn read(pair: &[TcpStream; 2], way: Way, state: &State, pieces: &SyncSender<(Instant, Vec<u8>)>) {
    let (mut from, _) = ends(pair, way);
    let mut buffer = vec![0; READ];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let due = now() + *lock(&state.delay);
        if pieces.send((due, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

/// Writes what is due, then passes the end on.
fn write(pair: &[TcpStream; 2], way: Way, state: &State, pieces: &Receiver<(Instant, Vec<u8>)>) {
    let (_, mut to) = ends(pair, way);
    loop {
        let (due, octets) = match pieces.recv_timeout(LOOK) {
            Ok(piece) => piece,
            Err(RecvTimeoutError::Timeout) if !state.ended.load(Ordering::SeqCst) => continue,
            Err(_) => break,
        };
        pause(due.saturating_duration_since(now()));
        while state.stalled[way as usize].load(Ordering::SeqCst) && !state.ended.load(Ordering::SeqCst) {
            pause(LOOK);
        }
        if to.write_all(&octets).is_err() {
            break;
        }
        state.octets[way as usize].fetch_add(octets.len() as u64, Ordering::SeqCst);
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// How a relay of datagrams treats each of them.
#[derive(Clone, Copy, Debug)]
pub struct Impairment {
    /// How much later each arrives.
    pub delay: Duration,
    /// How many of a thousand are lost.
    pub loss_per_mille: u64,
    /// What decides which: the same ones of each stream in every run, whatever comes between them.
    pub seed: u64,
}

/// A relay of datagrams between two peers: what comes to one of its addresses leaves from the other.
#[derive(Debug)]
pub struct UdpRelay {
    /// Where the first peer sends to, and what comes from the second one comes from.
    pub first: SocketAddr,
    /// The same for the second peer.
    pub second: SocketAddr,
    state: Arc<UdpState>,
}

#[derive(Debug, Default)]
struct UdpState {
    peers: Mutex<[Option<SocketAddr>; 2]>,
    ended: AtomicBool,
    lost: AtomicU64,
    lost_rtcp: AtomicU64,
    passed: AtomicU64,
}

impl UdpRelay {
    /// Listens at these two addresses. Peers are who sends: each is known by the last source address that came to its side.
    pub fn start(first: SocketAddr, second: SocketAddr, how: Impairment) -> Self {
        let sockets = [first, second].map(|address| UdpSocket::bind(address).expect("the relay's address is free"));
        let [first, second] = [&sockets[0], &sockets[1]].map(|of| of.local_addr().expect("it is bound"));
        for socket in &sockets {
            socket.set_nonblocking(true).expect("a socket can be told not to block");
        }
        let state = Arc::new(UdpState::default());
        let its = Arc::clone(&state);
        thread::spawn(move || pass(&sockets, how, &its));
        Self { first, second, state }
    }

    /// Who the second peer is before it has sent anything.
    pub fn meet_second(&self, peer: SocketAddr) {
        lock(&self.state.peers)[1] = Some(peer);
    }

    /// How many it passed on.
    pub fn passed(&self) -> u64 {
        self.state.passed.load(Ordering::SeqCst)
    }

    /// How many it lost on purpose, without the reports that share a port with the media.
    pub fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }

    /// How many reports it lost on purpose.
    pub fn lost_rtcp(&self) -> u64 {
        self.state.lost_rtcp.load(Ordering::SeqCst)
    }
}

impl Drop for UdpRelay {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
    }
}

/// Whether this datagram is RTCP where that shares a port with RTP: its second octet tells (RFC 5761, section 4).
fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [_, 192..=223, ..])
}

fn pass(sockets: &[UdpSocket; 2], how: Impairment, state: &UdpState) {
    let mut random = Random::from_seed(how.seed);
    // Of media and of reports, each way: how their datagrams come between each other is the machine's chance.
    let mut chances = [(); 2].map(|()| [(); 2].map(|()| random.fork()));
    let mut under_way: VecDeque<(Instant, usize, Vec<u8>)> = VecDeque::new();
    let mut buffer = vec![0; READ];
    while !state.ended.load(Ordering::SeqCst) {
        let mut is_idle = true;
        for (side, socket) in sockets.iter().enumerate() {
            let (length, from) = match socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                // A peer that has gone: its ICMP.
                Err(_) => continue,
            };
            is_idle = false;
            lock(&state.peers)[side] = Some(from);
            let is_report = is_rtcp(&buffer[..length]);
            if chances[side][usize::from(is_report)].below(1_000) < how.loss_per_mille {
                let counter = if is_report { &state.lost_rtcp } else { &state.lost };
                counter.fetch_add(1, Ordering::SeqCst);
            } else {
                under_way.push_back((now() + how.delay, 1 - side, buffer[..length].to_vec()));
            }
        }
        while under_way.front().is_some_and(|(due, ..)| *due <= now()) {
            let Some((_, side, octets)) = under_way.pop_front() else { break };
            let peer = lock(&state.peers)[side];
            if let Some(peer) = peer {
                let _: io::Result<usize> = sockets[side].send_to(&octets, peer);
                state.passed.fetch_add(1, Ordering::SeqCst);
            }
        }
        if is_idle {
            pause(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Host;

    #[test]
    fn datagrams_are_late_and_some_are_lost_and_the_seed_says_which() {
        let host = Host::claim();
        let run = || {
            let (one, other) = (UdpSocket::bind(host.socket()).unwrap(), UdpSocket::bind(host.socket()).unwrap());
            let delay = Duration::from_millis(100);
            let how = Impairment { delay, loss_per_mille: 100, seed: 7 };
            let relay = UdpRelay::start(host.socket(), host.socket(), how);
            relay.meet_second(other.local_addr().unwrap());
            other.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            let begin = now();
            for number in 0..200u8 {
                one.send_to(&[number], relay.first).unwrap();
                pause(Duration::from_millis(1));
            }
            let mut arrived = Vec::new();
            let mut buffer = [0; 8];
            while let Ok((1, from)) = other.recv_from(&mut buffer) {
                assert_eq!(from, relay.second);
                assert!(now() - begin >= delay);
                arrived.push(buffer[0]);
                if arrived.len() as u64 + relay.lost() == 200 {
                    break;
                }
            }
            arrived
        };
        let first = run();
        assert!((160..200).contains(&first.len()), "{}", first.len());
        assert!(first.is_sorted());
        assert_eq!(run(), first);
    }

    #[test]
    fn a_stream_is_late_stalls_is_half_closed_and_is_cut() {
        let host = Host::claim();
        let listener = TcpListener::bind(host.socket()).unwrap();
        let relay = Relay::start(host.socket(), listener.local_addr().unwrap());
        relay.delay(Duration::from_millis(50));
        let mut one = TcpStream::connect(relay.address).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        let begin = now();
        one.write_all(b"late").unwrap();
        let mut buffer = [0; 4];
        other.read_exact(&mut buffer).unwrap();
        assert!(&buffer == b"late" && now() - begin >= Duration::from_millis(50));
        relay.stall(Way::There);
        one.write_all(b"held").unwrap();
        other.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(other.read(&mut buffer).is_err(), "nothing comes");
        relay.resume();
        other.set_read_timeout(None).unwrap();
        other.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"held");
        relay.half_close(Way::There);
        assert_eq!(other.read(&mut buffer).unwrap(), 0, "one way has ended");
        other.write_all(b"back").unwrap();
        one.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"back", "the other way goes on");
        relay.cut();
        assert!(matches!(one.read(&mut buffer), Ok(0) | Err(_)));
        assert_eq!(relay.accepted(), 1);
    }
}
