//! The scripted interface to another platform, and that platform.

use super::place::Place;
use router::parameter::{
    Call, Contact, Failure, LegPhase, LegState, Parameter, Platform, PlatformModule, PlatformState, Reason,
    Registration, Selection,
};
use router::time::{Now, WallTime};
use router::{Command, ModuleKind, Packet, Parameters, PlatformId, one};
use std::collections::BTreeMap;

/// The other platform.
pub(crate) const WEST: PlatformId = PlatformId(2);

pub(crate) struct Bridge {
    pub(crate) place: Place,
    /// Accounts of the other platform, and their contacts.
    pub(crate) registrations: BTreeMap<String, Vec<Contact>>,
    /// Whether it answers where accounts are, and how legs stand.
    pub(crate) answers: bool,
    /// Whether it is reached.
    pub(crate) is_reached: bool,
    /// `Start × Call` to it, not answered yet.
    pub(crate) starts: Vec<(Packet, Call)>,
    /// What it was answered.
    pub(crate) answered: Vec<Packet>,
    /// What else it was asked, and when.
    pub(crate) asked: Vec<(Now, Packet)>,
}

/// The other platform as the interface tells of it.
pub(crate) fn west(state: PlatformState, since: i64) -> Platform {
    let module = |kind| PlatformModule { kind, index: 0, load_thousandths: 0 };
    Platform {
        id: WEST,
        name: "west".to_owned(),
        state,
        since: WallTime(since),
        modules: [ModuleKind::Signaling, ModuleKind::Switch].map(module).to_vec(),
        ..Platform::default()
    }
}

impl Bridge {
    pub(super) fn turn(&mut self, now: Now) {
        while let Some(packet) = self.place.endpoint.receive() {
            match packet.command {
                command if command.is_request() => self.request(now, packet),
                _ => self.answered.push(packet),
            }
        }
        self.place.flush(now);
    }

    fn request(&mut self, now: Now, packet: Packet) {
        if packet.destination.platform == WEST && !self.is_reached {
            self.asked.push((now, packet.clone()));
            return self.place.outbox.answer(packet.failed(Reason::PlatformAbsent));
        }
        match (packet.command, packet.first()) {
            (Command::Subscribe, _) => self.place.outbox.done(&packet, Parameters::new()),
            (Command::Query, Some(Parameter::Platform(_))) => {
                let state = if self.is_reached { PlatformState::Linked } else { PlatformState::Down };
                let page = [west(state, 1).into(), Parameter::from(Selection::default())];
                self.place.outbox.done(&packet, page.into_iter().collect::<Parameters>());
            }
            (Command::Query, Some(Parameter::Registration(asked))) => {
                let account = asked.account.clone();
                match self.registrations.get(&account) {
                    _ if !self.answers => {}
                    Some(contacts) => {
                        let contacts = contacts.clone();
                        self.send(packet.answer(Command::Done, one(Registration { account, contacts })));
                    }
                    None => self.send(packet.answer(Command::Failed, one(Failure::new(Reason::NotFound)))),
                }
            }
            (Command::Start, Some(Parameter::Call(call))) => {
                let call = (**call).clone();
                self.send(packet.answer(Command::Progress, one(LegState::new(LegPhase::Trying))));
                self.starts.push((packet, call));
            }
            (Command::Query, Some(Parameter::LegState(state))) => {
                let state = (**state).clone();
                self.asked.push((now, packet.clone()));
                if !self.answers {
                    return;
                }
                self.send(packet.answer(Command::Done, one(LegState::new(state.phase))));
            }
            _ => {
                self.asked.push((now, packet.clone()));
                self.send(packet.answer(Command::Done, Parameters::new()));
            }
        }
    }

    /// An answer, or a request of the other platform's: as the interface delivers it.
    pub(crate) fn send(&mut self, mut packet: Packet) {
        packet.source.platform = WEST;
        packet.destination.platform = PlatformId::HERE;
        self.deliver(packet);
    }

    /// Gives the router a packet as it is.
    pub(crate) fn deliver(&self, packet: Packet) {
        let _ = self.place.endpoint.router().send(packet);
    }

    /// How many requests of a command went to the other platform.
    pub(crate) fn count(&self, command: Command) -> usize {
        self.asked.iter().filter(|(_, packet)| packet.command == command).count()
    }
}
