//! The floors: the same frames over bare connections, written in batches, and there and back.

use crate::{AIM, ANSWERER, ASKER, Asks, GIVE_WAY, on, packet, pause, runtime, while_loaded};
use crossbeam::queue::ArrayQueue;
use crossbeam::sync::{Parker, Unparker};
use router::bridge::message::{Order, write_packet};
use router::limits::HOPS;
use router::wake::WakeState;
use router::{Command, Instance, Packet};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Octets that the bare writer writes at once: what a link writes as one piece.
const BATCH_OCTETS: usize = 64 << 10;

/// How a bare ping-pong goes from the socket to who answers or asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    /// Who reads is who writes.
    Direct(Asks),
    /// So it is in a task of a runtime, at either end.
    Awaited(Asks),
    /// By a hand-over, as between a module and the interface: as many wake-ups.
    HandedOver,
}

/// A bare writer of the same frames in batches, over so many connections: packets a second until all were cut out again.
pub(crate) fn bare_packets(packets: u64, connections: u64) -> f64 {
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

/// Nanoseconds of round trips of a bare ping-pong of the same frames; at half load, notices of another thread lie between.
pub(crate) fn bare_round_trips(pings: usize, bare: Bare, half_load: bool) -> Vec<u64> {
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
