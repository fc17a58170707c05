//! Any sequence of requests, answers, refusals and time on a module's outbox: every request gets exactly one last answer,
//! and nothing is left.

use std::collections::BTreeMap;

use router::parameter::{Failure, MediaPort, PortId, Reason, Selection};
use router::time::{Duration, Instant};
use router::{Address, Command, Instance, ModuleKind, Outbox, Packet, Received, Refused, Transaction, one};

use crate::tape::Tape;

/// Operations of one input at most.
const OPERATIONS_MAX: usize = 300;

/// The input is operations on the outbox.
pub fn outbox(data: &[u8]) {
    let mut tape = Tape::new(data);
    let mut bench = Bench {
        outbox: Outbox::new(Address::local(ModuleKind::Switch, 0)),
        now: Instant::from_millis(1),
        wire: Vec::new(),
        finished: BTreeMap::new(),
    };
    for _ in 0..OPERATIONS_MAX {
        if !tape.is_left() {
            break;
        }
        bench.operate(&mut tape);
        bench.drain();
    }
    bench.pass(Duration::from_secs(1_000));
    assert_eq!(bench.outbox.pending(), 0);
    assert!(bench.finished.values().all(|answers| *answers == 1), "one last answer each: {:?}", bench.finished);
    assert!(bench.outbox.poll_timeout().is_none(), "a timer is left");
}

struct Bench {
    outbox: Outbox,
    now: Instant,
    /// What was sent, and may be answered or refused, more than once.
    wire: Vec<Packet>,
    /// Last answers of each request.
    finished: BTreeMap<Transaction, u32>,
}

impl Bench {
    fn operate(&mut self, tape: &mut Tape<'_>) {
        match tape.below(8) {
            0 | 1 => self.request(tape),
            2 | 3 => {
                let Some(request) = tape.pick(&self.wire) else { return };
                let command = tape.pick(&[Command::Done, Command::Failed, Command::Progress]).unwrap_or(Command::Done);
                let answer =
                    if tape.flag() { request.answer(command, port()) } else { request.answer(command, one(failure())) };
                self.receive(answer);
            }
            4 => {
                let Some(packet) = tape.pick(&self.wire) else { return };
                let reason = tape.pick(&[Reason::Busy, Reason::UnknownDestination, Reason::PlatformAbsent]);
                self.outbox.handle_refused(self.now, Refused { packet, reason: reason.unwrap_or(Reason::Busy) });
            }
            5 => {
                let packet = Packet {
                    source: Address::local(ModuleKind::Voice, tape.octet()).at(Instance(u64::from(tape.word()))),
                    destination: self.outbox.address(),
                    transaction: Transaction(u64::from(tape.octet())),
                    command: tape.pick(&Command::ALL).unwrap_or(Command::Notify),
                    parameters: port(),
                };
                self.receive(packet);
            }
            6 => {
                let to = Address::local(ModuleKind::Control, tape.octet());
                self.outbox.notify(Instance(1), to, one(failure()));
            }
            _ => self.pass(Duration::from_millis(u64::from(tape.word()))),
        }
    }

    fn request(&mut self, tape: &mut Tape<'_>) {
        let commands =
            [Command::Open, Command::Close, Command::Start, Command::Stop, Command::Query, Command::Unsubscribe];
        let command = tape.pick(&commands).unwrap_or(Command::Open);
        let within = Duration::from_millis(u64::from(tape.word()));
        let to = Address::any(ModuleKind::Voice);
        let parameters = if command == Command::Open { port() } else { one(Selection::default()) };
        let source = Instance(u64::from(tape.octet()));
        let transaction = self.outbox.request(self.now, source, to, command, parameters, within);
        assert!(self.finished.insert(transaction, 0).is_none(), "a transaction is minted once");
    }

    fn receive(&mut self, packet: Packet) {
        match self.outbox.handle_packet(packet) {
            Some(received) => self.received(received),
            None => self.drain(),
        }
    }

    fn received(&mut self, received: Received) {
        match received {
            Received::Answer(_, packet) => {
                let answers = self.finished.get_mut(&packet.transaction).expect("an answer to a request of ours");
                assert_eq!(*answers, 0, "nothing comes after the last answer");
                *answers += u32::from(packet.command.is_final());
            }
            Received::Packet(packet) => {
                assert!(packet.command.is_request() || packet.command == Command::Notify);
                if packet.command.is_request() {
                    self.outbox.unsupported(&packet);
                }
            }
        }
    }

    fn drain(&mut self) {
        loop {
            while let Some(packet) = self.outbox.poll_transmit() {
                assert_eq!(packet.source.of_module(), self.outbox.address());
                if self.wire.len() < 64 {
                    self.wire.push(packet);
                }
            }
            let Some(received) = self.outbox.poll_received() else { break };
            self.received(received);
        }
        while self.outbox.poll_missed().is_some() {}
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.outbox.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.outbox.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }
}

fn port() -> router::Parameters {
    one(MediaPort::new(PortId(1), [192, 0, 2, 1].into()))
}

fn failure() -> Failure {
    Failure::new(Reason::Refused)
}
