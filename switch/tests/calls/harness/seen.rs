//! What is seen of it.

use super::voice::Session;
use super::world::World;
use router::parameter::{
    self, CallRecord, CauseKind, LegPhase, MediaEvent, MediaEventKind, MediaExchange, MediaPlan, Outcome, Parameter,
    PortId,
};
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, Packet, one};

impl World {
    /// The last answer that a leg's request got.
    pub(crate) fn last_answer(&self, leg: Instance) -> &Packet {
        &self.signaling.answers.iter().rev().find(|(of, _, _)| *of == leg).expect("no answer").2
    }

    /// Why the last request of a leg failed.
    pub(crate) fn failure(&self, leg: Instance) -> CauseKind {
        let packet = self.last_answer(leg);
        assert_eq!(packet.command, Command::Failed, "{packet:?}");
        packet.failure().cause.expect("no cause").kind
    }

    /// When it may be made again.
    pub(crate) fn retry_after(&self, leg: Instance) -> Option<u32> {
        self.last_answer(leg).failure().retry_after_s
    }

    /// The description in the last answer of a leg.
    pub(crate) fn described(&self, leg: Instance) -> Option<MediaExchange> {
        match self.last_answer(leg).first() {
            Some(Parameter::LegState(state)) => state.media.clone(),
            _ => None,
        }
    }

    pub(crate) fn session(&self) -> &Session {
        assert_eq!(self.voice.sessions.len(), 1, "{:?}", self.voice.sessions);
        self.voice.sessions.values().next().unwrap()
    }

    pub(crate) fn plan(&self, port: u16) -> &MediaPlan {
        self.session().ports[&port].as_ref().expect("no plan")
    }

    /// The worker of the only call tells of something.
    pub(crate) fn media_event(&mut self, port: u16, kind: MediaEventKind) {
        let session = *self.voice.sessions.keys().next().unwrap();
        self.media_event_of(session, port, kind);
    }

    /// The worker tells of something.
    pub(crate) fn media_event_of(&mut self, session: Instance, port: u16, kind: MediaEventKind) {
        let to = Address::local(ModuleKind::Switch, 0).at(session);
        self.voice.place.outbox.notify(session, to, one(MediaEvent { port: PortId(port), kind }));
        self.settle();
    }

    /// The completed record of the only call.
    pub(crate) fn record(&self) -> &CallRecord {
        assert_eq!(self.store.records.len(), 1);
        self.record_of(self.store.records.keys().next().unwrap())
    }

    /// The completed record of that id.
    pub(crate) fn record_of(&self, id: &str) -> &CallRecord {
        let (command, record) = self.store.records[id].last().unwrap();
        assert_eq!(*command, Command::Set, "the record is not complete");
        assert_ne!(record.outcome, Outcome::Open, "the record is not complete");
        record
    }

    /// What the switch tells of itself.
    pub(crate) fn status(&mut self) -> parameter::Status {
        self.client.received.clear();
        let switch = Address::local(ModuleKind::Switch, 0);
        self.ask_as_client(switch, Command::Query, one(parameter::Status::default()));
        match self.client.received.last().and_then(Packet::first) {
            Some(Parameter::Status(status)) => (**status).clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn counter(&mut self, name: &str) -> u64 {
        let counters = self.status().counters;
        counters.iter().filter(|counter| counter.name == name).map(|counter| counter.value).sum()
    }

    /// Nothing is left of any call, anywhere; each has one complete record.
    pub(crate) fn assert_over(&mut self) {
        self.run(Duration::from_secs(600));
        for (id, leg) in &self.signaling.legs {
            assert_eq!(leg.phase, LegPhase::Released, "leg {id} is left: {leg:?}");
        }
        assert!(self.voice.sessions.is_empty(), "{:?}", self.voice.sessions);
        for (id, writes) in &self.store.records {
            let complete = writes.iter().filter(|(_, record)| record.outcome != Outcome::Open).count();
            assert_eq!(complete, 1, "records of {id}: {writes:?}");
            assert_ne!(writes.last().unwrap().1.outcome, Outcome::Open, "the open record came last");
        }
        let unrecorded = self.counter("refusals_unrecorded");
        let calls = self.counter("calls_started") + self.counter("transfers_started");
        let attempts = calls + self.counter("calls_refused") - unrecorded;
        assert_eq!(self.store.records.len() as u64, attempts, "one record a conversation, and one a refused attempt");
        for (id, writes) in &self.store.records {
            let record = &writes.last().unwrap().1;
            if let Some(from) = &record.transferred_from {
                let former = self.record_of(from);
                let linked = former.transferred_as.as_ref() == Some(id);
                assert_eq!(linked, record.answered.is_some(), "{former:?} and {record:?}");
                assert!(!linked || former.ended <= record.answered, "{former:?} and {record:?}");
            }
        }
        assert!(self.switch.is_idle(), "{:?}", self.switch);
        assert_eq!(self.signaling.place.outbox.pending(), 0, "a request of a leg was never answered");
        assert_eq!(self.client.place.outbox.pending(), 0, "a request of the client was never answered");
    }
}
