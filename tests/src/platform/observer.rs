//! Who watches a platform from within: follows its calls, and asks its modules how they are.

use router::parameter::{CallEvent, CallPhase, CallQuality, Cause, Parameter, RegistrationEvent, Status};
use router::service::Service;
use router::time::{Duration, Instant, Now};
use router::{Address, Command, Instance, ModuleKind, Outbox, Packet, Parameters, Received, Transaction, one};
use std::collections::{BTreeMap, BTreeSet};

/// How long a module may take to say how it is.
const WITHIN: Duration = Duration::from_secs(10);

/// A call as its events told it.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Its legs, by their Call-IDs, the caller's first.
    pub legs: Vec<String>,
    /// Whether it ended.
    pub ended: bool,
    /// How many events said that it ended.
    pub endings: u32,
    /// Why.
    pub cause: Option<Cause>,
    /// Whether a built-in service was in it.
    pub with_service: bool,
    /// How it sounded.
    pub quality: Option<CallQuality>,
    /// Keys that were pressed: which, and whether by the caller.
    pub keys: Vec<(String, bool)>,
    /// Every phase that it went through.
    pub phases: BTreeSet<CallPhase>,
}

/// The watcher.
#[derive(Debug)]
pub struct Observer {
    outbox: Outbox,
    /// The calls that were seen, by their common id.
    pub calls: BTreeMap<String, Observed>,
    /// The call of each leg, by the leg's Call-ID.
    pub legs: BTreeMap<String, String>,
    /// Registration events, in order.
    pub registrations: Vec<RegistrationEvent>,
    /// Answers to requests of the test, by transaction.
    answers: BTreeMap<Transaction, Packet>,
    /// Last words of each module.
    statuses: BTreeMap<String, Status>,
    asked: usize,
    /// Whether something was missed.
    pub missed: bool,
}

impl Observer {
    pub(crate) fn new(now: Now, shards: u8) -> Self {
        let mut observer = Self {
            outbox: Outbox::new(Address::local(ModuleKind::Control, 0)),
            calls: BTreeMap::new(),
            legs: BTreeMap::new(),
            registrations: Vec::new(),
            answers: BTreeMap::new(),
            statuses: BTreeMap::new(),
            asked: 0,
            missed: false,
        };
        let nothing = CallEvent {
            call: router::parameter::CallSummary {
                id: String::new(),
                caller: Default::default(),
                called: Default::default(),
                phase: CallPhase::Routing,
                started: now.wall,
                answered: None,
                legs: Vec::new(),
                codec: None,
                origin: None,
                anonymous: false,
                verdict: None,
            },
            cause: None,
            at: now.wall,
            missed: false,
            pressed: None,
            quality: None,
        };
        for index in 0..shards {
            observer.ask(now, Address::local(ModuleKind::Switch, index), Command::Subscribe, one(nothing.clone()));
        }
        observer
    }

    /// Asks a module something; the answer is taken by [`answer`](Self::answer).
    pub fn ask(&mut self, now: Now, of: Address, command: Command, parameters: impl Into<Parameters>) -> Transaction {
        self.outbox.request(now.instant, Instance::MODULE, of, command, parameters, WITHIN)
    }

    /// The last answer to a request, once it is there.
    pub fn answer(&mut self, transaction: Transaction) -> Option<Packet> {
        self.answers.remove(&transaction)
    }

    /// Asks all these modules how they are.
    pub(crate) fn ask_status(&mut self, now: Now, modules: &[Address]) {
        self.statuses.clear();
        self.asked = modules.len();
        for &module in modules {
            self.ask(now, module, Command::Query, one(Status::default()));
        }
    }

    /// What they said, once all have.
    pub(crate) fn statuses(&self) -> Option<&BTreeMap<String, Status>> {
        (self.statuses.len() == self.asked).then_some(&self.statuses)
    }

    fn see(&mut self, event: &CallEvent) {
        self.missed |= event.missed;
        let call = self.calls.entry(event.call.id.clone()).or_default();
        for leg in event.call.legs.iter().filter(|leg| !leg.leg_id.is_empty()) {
            if !call.legs.contains(&leg.leg_id) {
                call.legs.push(leg.leg_id.clone());
            }
            self.legs.insert(leg.leg_id.clone(), event.call.id.clone());
        }
        let services = ["echo", "milliwatt", "silence"];
        call.with_service |= event.call.legs.iter().any(|leg| services.contains(&leg.peer.as_str()));
        if let Some(pressed) = &event.pressed {
            call.keys.push((pressed.key.reveal().clone(), pressed.by_caller));
        }
        if let Some(quality) = &event.quality {
            // Behind the end.
            call.quality = Some((**quality).clone());
            return;
        }
        call.phases.insert(event.call.phase);
        if event.call.phase == CallPhase::Ended {
            call.ended = true;
            call.endings += 1;
            call.cause = event.cause.clone();
        }
    }
}

impl Service for Observer {
    fn handle_received(&mut self, _: Now, received: Received) {
        match received {
            Received::Packet(packet) => match packet.first() {
                Some(Parameter::CallEvent(event)) => self.see(&event.clone()),
                Some(Parameter::RegistrationEvent(event)) => self.registrations.push((**event).clone()),
                _ if packet.command.is_request() => self.outbox.unsupported(&packet),
                _ => {}
            },
            Received::Answer(_, packet) => {
                if let Some(Parameter::Status(status)) = packet.first() {
                    self.statuses.insert(status.module.clone(), (**status).clone());
                }
                if packet.command.is_final() {
                    self.answers.insert(packet.transaction, packet);
                }
            }
        }
    }

    fn handle_timeout(&mut self, _: Now) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}
