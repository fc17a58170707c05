//! A platform by hand: a connection, a hello, and whatever a test wants to say.

use super::wait::{PATIENCE, now, until};
use router::bridge::frame::FrameReader;
use router::bridge::message::{
    Bye, Heartbeat, HeartbeatAnswer, Hello, LinkMessage, Offered, Order, read_message, write_heartbeat,
    write_heartbeat_answer, write_hello, write_packet,
};
use router::limits::{FRAME_BYTES, HOPS};
use router::parameter::Status;
use router::{Address, Command, ModuleKind, Packet, PlatformId, Transaction, one};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Heartbeats of these platforms: rare, since nobody sends them between two steps of a test.
const HEARTBEAT_MS: u32 = 10_000;

/// Counts the lives of all.
static EPOCHS: AtomicU32 = AtomicU32::new(1);

/// What a peer said, beside heartbeats, which are answered.
#[derive(Debug)]
pub enum Said {
    /// Its hello.
    Hello(Box<Hello>),
    /// A packet.
    Packet(Packet),
    /// A bye.
    Bye(Bye),
    /// The end of the connection.
    End,
}

/// The platform.
#[derive(Debug)]
pub struct Speaker {
    stream: TcpStream,
    reader: FrameReader,
    said: VecDeque<Said>,
    number: u32,
    epoch: u32,
    sequence: u64,
    transaction: u64,
}

impl Speaker {
    /// Connects, in plain TCP, and says hello as platform `number` that offers these modules. Waits for the peer's hello.
    pub fn connect(to: SocketAddr, number: u32, modules: &[(ModuleKind, u16)]) -> Self {
        let stream = TcpStream::connect_timeout(&to, PATIENCE).expect("the platform listens");
        stream.set_nodelay(true).expect("it is TCP");
        stream.set_write_timeout(Some(PATIENCE)).expect("a socket has time-outs");
        let mut speaker = Self {
            stream,
            reader: FrameReader::new(FRAME_BYTES),
            said: VecDeque::new(),
            number,
            // Each connection is another life.
            epoch: EPOCHS.fetch_add(1, Ordering::Relaxed),
            sequence: 0,
            transaction: 0,
        };
        let offered =
            |(kind, load): &(ModuleKind, u16)| Offered { kind: *kind as u8, index: 0, load_thousandths: *load };
        let hello = Hello {
            version: 1,
            oldest: 1,
            platform: PlatformId(number),
            name: format!("speaker {number}"),
            epoch: speaker.epoch,
            software: None,
            addresses: Vec::new(),
            modules: modules.iter().map(offered).collect(),
            heartbeat_ms: HEARTBEAT_MS,
        };
        speaker.write(|buffer| write_hello(&hello, buffer));
        match speaker.next(PATIENCE) {
            Some(Said::Hello(_)) => speaker,
            other => panic!("no hello: {other:?}"),
        }
    }

    /// Writes what `write` appends; whether the connection took it.
    pub fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut octets = Vec::new();
        write(&mut octets);
        self.stream.write_all(&octets).is_ok()
    }

    /// Octets as they are.
    pub fn write_octets(&mut self, octets: &[u8]) -> bool {
        self.stream.write_all(octets).is_ok()
    }

    /// A heartbeat, so that it is known to live and how loaded it is.
    pub fn beat(&mut self, modules: &[(ModuleKind, u16)]) {
        let offered =
            |(kind, load): &(ModuleKind, u16)| Offered { kind: *kind as u8, index: 0, load_thousandths: *load };
        let heartbeat = Heartbeat { number: 1, modules: modules.iter().map(offered).collect() };
        self.write(|buffer| write_heartbeat(&heartbeat, buffer));
    }

    /// A packet of this platform's `control/0`.
    pub fn packet(&self, to: Address, transaction: u64, command: Command) -> Packet {
        Packet {
            source: Address { platform: PlatformId(self.number), ..Address::local(ModuleKind::Control, 0) },
            destination: to,
            transaction: Transaction(transaction),
            command,
            parameters: one(Status::default()),
        }
    }

    /// Appends packets, in their order.
    pub fn append(&mut self, packet: &Packet, buffer: &mut Vec<u8>) {
        self.sequence += 1;
        // Several destinations count together here: a receiver wants its numbers to grow, no more.
        let order = Order { epoch: self.epoch, sequence: self.sequence };
        write_packet(HOPS, order, packet, buffer);
    }

    /// Sends a packet.
    pub fn send(&mut self, packet: &Packet) -> bool {
        let mut buffer = Vec::new();
        self.append(packet, &mut buffer);
        self.write_octets(&buffer)
    }

    /// Asks for a module's status; the number of the request.
    pub fn ask(&mut self, to: Address) -> u64 {
        self.transaction += 1;
        let request = self.packet(to, self.transaction, Command::Query);
        self.send(&request);
        self.transaction
    }

    /// The same as this request, where others were numbered by hand.
    pub fn ask_as(&mut self, transaction: u64, to: Address) -> u64 {
        self.transaction = transaction - 1;
        self.ask(to)
    }

    /// The last answer to a request.
    pub fn answer(&mut self, transaction: u64) -> Packet {
        until(&format!("platform {} has its answer {transaction}", self.number), || {
            match self.next(Duration::from_millis(20)) {
                Some(Said::Packet(packet)) if packet.transaction.0 == transaction && packet.command.is_final() => {
                    Some(packet)
                }
                Some(Said::Bye(bye)) => panic!("bye: {}", bye.describe()),
                Some(Said::End) => panic!("the connection ended"),
                _ => None,
            }
        })
    }

    /// The connection, to be read by somebody else.
    pub fn stream(&self) -> TcpStream {
        self.stream.try_clone().expect("a socket can be held twice")
    }

    /// Answers a request.
    pub fn done(&mut self, request: &Packet) {
        let answer = request.answer(Command::Done, request.parameters.clone());
        let source = Address { platform: PlatformId(self.number), ..answer.source };
        self.send(&Packet { source, ..answer });
    }

    /// What is said next, within `bound`.
    pub fn next(&mut self, bound: Duration) -> Option<Said> {
        let end = now() + bound;
        loop {
            if let Some(said) = self.said.pop_front() {
                return Some(said);
            }
            let left = end.saturating_duration_since(now());
            if left.is_zero() {
                return None;
            }
            self.read_within(left);
        }
    }

    /// Lives on for so long: answers heartbeats, and keeps what is said.
    pub fn live(&mut self, time: Duration) {
        let end = now() + time;
        while now() < end {
            self.read_within(end.saturating_duration_since(now()));
        }
    }

    fn read_within(&mut self, bound: Duration) {
        let mut buffer = vec![0; 1 << 16];
        let bound = bound.max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(bound)).expect("a socket has time-outs");
        match self.stream.read(&mut buffer) {
            Ok(0) => self.said.push_back(Said::End),
            Ok(length) => self.take(&buffer[..length]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) => {}
            Err(_) => self.said.push_back(Said::End),
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        let mut answers = Vec::new();
        while let Some(content) = self.reader.next(&mut bytes).expect("a peer's frames are frames") {
            match read_message(content).expect("a peer's messages are messages") {
                LinkMessage::Hello(hello) => self.said.push_back(Said::Hello(hello)),
                LinkMessage::Packet(packet) => {
                    let packet = packet.packet().expect("a peer's packets are packets").expect("of this version");
                    self.said.push_back(Said::Packet(packet));
                }
                LinkMessage::Bye(bye) => self.said.push_back(Said::Bye(bye)),
                LinkMessage::Heartbeat(Heartbeat { number, .. }) => {
                    write_heartbeat_answer(HeartbeatAnswer { number }, &mut answers);
                }
                LinkMessage::HeartbeatAnswer(_) | LinkMessage::Platforms(_) | LinkMessage::Unknown => {}
            }
            self.reader.consumed();
        }
        self.write_octets(&answers);
    }
}
