//! Lines of clients at the control module, with the modules that it asks answering anything: every request with an identifier
//! is answered, in JSON, and nothing is left.

use std::collections::BTreeSet;

use control::limits::LINE_BYTES;
use control::{Access, Config, Control, Output, SessionId};
use router::encoding::read_packet;
use router::parameter::{Failure, Reason, Selection, Status};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Life, ModuleKind, Packet, Parameters, Private, Random, Service, one};

use crate::due::next_due;
use crate::tape::Tape;

/// Operations of one input at most.
const OPERATIONS_MAX: usize = 200;
/// Longer than any request, login or idleness may last.
const EVERYTHING_ENDS: Duration = Duration::from_secs(100_000);

/// The input is operations on the module: lines, packets, time.
pub fn control_session(data: &[u8]) {
    let now = Now { instant: Instant::from_millis(1), wall: WallTime::from_secs(1_700_000_000) };
    let config = Config { token: Some(Private::new("open sesame".to_owned())) };
    let address = Address::local(ModuleKind::Control, 0);
    let mut control = Control::new(now, address, config, Random::from_seed(1));
    let kinds = [ModuleKind::Signaling, ModuleKind::Switch, ModuleKind::Voice, ModuleKind::Store];
    control.handle_modules(now, kinds.map(|kind| (Address::local(kind, 0), Life(1))).to_vec());
    let mut bench = Bench { control, now, open: BTreeSet::new(), asked: Vec::new() };
    let mut tape = Tape::new(data);
    for _ in 0..OPERATIONS_MAX {
        if !tape.is_left() {
            break;
        }
        bench.operate(&mut tape);
        bench.drain();
    }
    bench.end();
}

struct Bench {
    control: Control,
    now: Now,
    open: BTreeSet<SessionId>,
    /// Requests of the module that wait for an answer.
    asked: Vec<Packet>,
}

impl Bench {
    fn operate(&mut self, tape: &mut Tape<'_>) {
        let operation = tape.octet();
        let id = SessionId(u64::from(operation >> 6));
        match operation % 12 {
            0..=5 => {
                if self.open.insert(id) {
                    let access = if id.0 == 3 { Access::Remote } else { Access::Local };
                    assert!(self.control.handle_open(self.now, id, access).is_ok());
                }
                let line = String::from_utf8_lossy(tape.text());
                if line.len() <= LINE_BYTES {
                    self.control.handle_line(self.now, id, &line);
                }
            }
            6 => self.control.handle_overlong(self.now, id),
            7 => self.control.handle_end(self.now, id),
            8 => {
                self.control.handle_close(self.now, id);
                self.open.remove(&id);
            }
            9 | 10 => self.answer(tape),
            _ => self.pass(Duration::from_millis(u64::from(tape.word()) * 4)),
        }
    }

    /// A module answers, or says something unasked: from the input, or the shortest of its kind.
    fn answer(&mut self, tape: &mut Tape<'_>) {
        let at = tape.octet();
        let parameters = match at % 4 {
            0 => Parameters::new(),
            1 => one(Failure::new(tape.pick(&Reason::ALL).unwrap_or(Reason::Internal))),
            2 => Parameters::from_iter([Status::default().into(), Selection::default().into()]),
            _ => {
                let length = usize::from(tape.word());
                read_packet(tape.octets(length)).map(|packet| packet.parameters).unwrap_or_default()
            }
        };
        let command = tape.pick(&[Command::Done, Command::Failed, Command::Progress, Command::Notify]);
        let command = command.unwrap_or(Command::Done);
        let packet = match tape.pick(&self.asked) {
            Some(request) => request.answer(command, parameters),
            None => Packet {
                source: Address::local(ModuleKind::Switch, 0),
                destination: Address::local(ModuleKind::Control, 0),
                transaction: router::Transaction(u64::from(at)),
                command,
                parameters,
            },
        };
        self.receive(packet);
    }

    fn receive(&mut self, packet: Packet) {
        if let Some(received) = self.control.outbox().handle_packet(packet) {
            self.control.handle_received(self.now, received);
        }
    }

    fn drain(&mut self) {
        loop {
            while let Some(packet) = self.control.outbox().poll_transmit() {
                if packet.command.is_request() {
                    self.asked.push(packet);
                }
            }
            let Some(received) = self.control.outbox().poll_received() else { break };
            self.control.handle_received(self.now, received);
        }
        while let Some(output) = self.control.poll_output() {
            match output {
                Output::Write(id, line) => {
                    assert!(self.open.contains(&id), "nothing is written to who is gone");
                    assert!(!line.contains('\n'), "one line each");
                    let value: serde_json::Value = serde_json::from_str(&line).expect("what is written is JSON");
                    assert!(value.is_object() && value["sequence-id"].is_u64());
                    self.control.handle_written(self.now, id);
                }
                Output::Close(id) => assert!(self.open.remove(&id), "closed once"),
            }
        }
        assert_eq!(self.control.sessions(), self.open.len());
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now.later(time);
        for _ in 0..100_000 {
            let Some(now) = next_due(&mut self.control, self.now, end.instant) else { break };
            self.now = now;
            self.drain();
            let again = self.control.poll_timeout();
            assert!(again.is_none_or(|again| again > self.now.instant), "a timer that is due again at once");
        }
        self.now = self.now.later(end.instant.since(self.now.instant));
    }

    fn end(&mut self) {
        for id in std::mem::take(&mut self.open) {
            self.control.handle_close(self.now, id);
        }
        self.drain();
        self.pass(EVERYTHING_ENDS);
        assert_eq!(self.control.sessions(), 0);
        assert_eq!(self.control.outbox().pending(), 0);
    }
}
