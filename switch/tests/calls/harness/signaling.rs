//! The scripted signaling module: phones and trunks.

use super::description::answer_to;
use super::place::Place;
use router::parameter::*;
use router::time::Now;
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, Received, one};
use std::collections::BTreeMap;

/// A leg at the scripted signaling.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) call: Address,
    pub(crate) incoming: bool,
    /// Outgoing: the request that is still to be answered.
    pub(crate) start: Option<Packet>,
    pub(crate) started: Option<router::parameter::Leg>,
    pub(crate) phase: LegPhase,
    /// Why it ended.
    pub(crate) cause: Option<Cause>,
    pub(crate) codecs: Vec<Codec>,
    /// What the switch last described to it.
    pub(crate) heard: Option<MediaExchange>,
    pub(crate) direction: Direction,
}

/// The scripted signaling module: phones and trunks.
pub(crate) struct Signaling {
    pub(crate) place: Place,
    pub(crate) registrations: BTreeMap<String, Vec<Contact>>,
    pub(crate) legs: BTreeMap<Instance, Leg>,
    /// `Set × LegState` from the switch that the test answers.
    pub(crate) sets: Vec<Packet>,
    /// Whether such are answered here.
    pub(crate) answers_sets: bool,
    /// Legs whose offer the switch has taken back.
    pub(crate) taken_back: Vec<Instance>,
    /// Legs that the switch has asked whether their peers are there: they are.
    pub(crate) asked: Vec<Instance>,
    /// Who is at the other end, as legs were told.
    pub(crate) introduced: Vec<(Instance, Party)>,
    /// `Send` from the switch, answered `Done`.
    pub(crate) sent: Vec<(Instance, Parameter)>,
    /// Answers to requests of the legs, in their order.
    pub(crate) answers: Vec<(Instance, Command, Packet)>,
    pub(super) next: u64,
}

impl Signaling {
    pub(super) fn mint(&mut self) -> Instance {
        self.next += 1;
        Instance(self.next)
    }

    pub(super) fn turn(&mut self, now: Now) {
        while let Some(received) = self.place.receive() {
            match received {
                Received::Packet(packet) => self.request(packet),
                Received::Answer(pending, packet) => self.answered(pending.source, pending.command, packet),
            }
        }
        while let Some(Received::Answer(pending, packet)) = self.place.outbox.poll_received() {
            self.answered(pending.source, pending.command, packet);
        }
        self.place.flush(now);
    }

    fn answered(&mut self, leg: Instance, command: Command, packet: Packet) {
        if let Some(record) = self.legs.get_mut(&leg) {
            if let Some(Parameter::LegState(state)) = packet.first()
                && state.media.is_some()
            {
                record.heard = state.media.clone();
            }
            if command == Command::Start && record.incoming && record.phase != LegPhase::Released {
                match (packet.command, packet.first()) {
                    (Command::Done, Some(Parameter::LegState(_))) => record.phase = LegPhase::Answered,
                    (Command::Failed, _) if record.phase != LegPhase::Answered => record.phase = LegPhase::Released,
                    (Command::Progress, Some(Parameter::LegState(state))) => record.phase = state.phase,
                    _ => {}
                }
            }
        }
        self.answers.push((leg, command, packet));
    }

    fn request(&mut self, packet: Packet) {
        let leg = packet.destination.instance;
        match (packet.command, packet.first()) {
            (Command::Query, Some(Parameter::Registration(query))) => match self.registrations.get(&query.account) {
                Some(contacts) => {
                    let found = Registration { account: query.account.clone(), contacts: contacts.clone() };
                    self.place.outbox.done(&packet, one(found));
                }
                None => self.place.outbox.failed(&packet, Failure::new(Reason::NotFound)),
            },
            (Command::Query, Some(Parameter::Dialog(named))) => {
                let place = named.leg_id.parse().ok().map(Instance).and_then(|leg| {
                    let record = self.legs.get(&leg).filter(|record| record.phase != LegPhase::Released)?;
                    Some(DialogPlace { leg: Address::local(ModuleKind::Signaling, 0).at(leg), call: record.call })
                });
                match place {
                    Some(place) => {
                        let found = Dialog { at: Some(place), ..(**named).clone() };
                        self.place.outbox.done(&packet, one(found));
                    }
                    None => self.place.outbox.failed(&packet, Failure::new(Reason::NotFound)),
                }
            }
            (Command::Query, Some(Parameter::LegState(_))) => {
                self.asked.push(leg);
                self.place.outbox.done(&packet, Parameters::new());
            }
            (Command::Set, Some(Parameter::Handover(handover))) => match self.legs.get_mut(&leg) {
                Some(record) if record.phase != LegPhase::Released => {
                    assert!([handover.from, packet.source].contains(&record.call), "{packet:?} of {record:?}");
                    record.call = packet.source;
                    self.place.outbox.done(&packet, Parameters::new());
                }
                _ => self.place.outbox.failed(&packet, Failure::new(Reason::NotFound)),
            },
            (Command::Start, Some(Parameter::Leg(start))) => {
                let start = (**start).clone();
                let trying = LegState { leg_id: Some(format!("leg-{leg}")), ..LegState::new(LegPhase::Trying) };
                self.place.outbox.answer(packet.answer(Command::Progress, one(trying)));
                self.legs.insert(
                    leg,
                    Leg {
                        call: packet.source,
                        incoming: false,
                        heard: start.media.clone(),
                        started: Some(start),
                        start: Some(packet),
                        phase: LegPhase::Trying,
                        cause: None,
                        codecs: Vec::new(),
                        direction: Direction::SendReceive,
                    },
                );
            }
            (Command::Stop, Some(Parameter::LegState(state))) => {
                let cause = state.cause.clone();
                match self.legs.get_mut(&leg) {
                    Some(record) => {
                        record.phase = LegPhase::Released;
                        record.cause = cause;
                        if let Some(start) = record.start.take() {
                            self.place.outbox.failed(&start, Failure::because(CauseKind::Cancelled.into()));
                        }
                        self.place.outbox.done(&packet, Parameters::new());
                    }
                    None => self.place.outbox.failed(&packet, Failure::new(Reason::NotFound)),
                }
            }
            (Command::Set, Some(Parameter::LegState(state))) => {
                let state = (**state).clone();
                match self.legs.get_mut(&leg) {
                    Some(record)
                        if record.phase == LegPhase::Answered && state.media.is_none() && state.cause.is_some() =>
                    {
                        self.taken_back.push(leg);
                        self.place.outbox.done(&packet, Parameters::new());
                    }
                    // One that is not answered takes the answer to an offer that it has made early, and nothing else.
                    Some(record)
                        if record.phase == LegPhase::Answered
                            || record.phase != LegPhase::Released
                                && matches!(state.media, Some(MediaExchange::Answer(_))) =>
                    {
                        record.heard = state.media.clone();
                        if self.answers_sets {
                            self.answer_set(packet, &state);
                        } else {
                            self.sets.push(packet);
                        }
                    }
                    // One whose peer has refused the first offer takes another one, or the word that there is none.
                    Some(record) if record.start.is_some() && record.phase != LegPhase::Released => {
                        record.heard = state.media.clone();
                        if let Some(started) = record.started.as_mut().filter(|_| state.media.is_some()) {
                            started.media = state.media.clone();
                        }
                        self.place.outbox.done(&packet, one(LegState::new(LegPhase::Trying)));
                    }
                    _ => self.place.outbox.failed(&packet, Failure::new(Reason::NotFound)),
                }
            }
            (Command::Notify, Some(Parameter::LegState(state))) => {
                self.introduced.extend(state.party.clone().map(|party| (leg, party)));
            }
            (Command::Send, Some(noun)) => {
                self.sent.push((leg, noun.clone()));
                self.place.outbox.done(&packet, Parameters::new());
            }
            _ => self.place.outbox.unsupported(&packet),
        }
    }

    /// Answers a request that the test kept.
    pub(crate) fn done(&mut self, request: &Packet, state: LegState) {
        self.place.outbox.done(request, one(state));
    }

    /// Refuses a request that the test kept.
    pub(crate) fn failed(&mut self, request: &Packet, failure: Failure) {
        self.place.outbox.failed(request, failure);
    }

    /// Answers an offer or an answer as the leg's peer would.
    pub(crate) fn answer_set(&mut self, packet: Packet, state: &LegState) {
        let leg = &self.legs[&packet.destination.instance];
        match &state.media {
            Some(MediaExchange::Offer(offer)) => match answer_to(offer, &leg.codecs, 7000, leg.direction) {
                Some(answer) => {
                    let media = Some(MediaExchange::Answer(answer));
                    self.place.outbox.done(&packet, one(LegState::new(LegPhase::Answered).with_media(media)));
                }
                None => {
                    let failure = Failure::because(CauseKind::IncompatibleMedia.into());
                    self.place.outbox.failed(&packet, failure);
                }
            },
            _ => self.place.outbox.done(&packet, one(LegState::new(LegPhase::Answered))),
        }
    }
}
