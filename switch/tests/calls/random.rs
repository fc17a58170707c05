//! Random orders of events, from many seeds: every call ends, every leg is stopped, every session is closed, one record each.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, Random, one};
use switch::Config;
use switch::plan::*;

const SEEDS: u64 = 300;

fn config() -> Config {
    let member = |account: &str| Member { account: account.into(), timeout: Some(Duration::from_secs(7)) };
    let group = |name: &str, strategy| Group {
        name: name.into(),
        members: vec![member("alice"), member("bob"), member("carol")],
        strategy,
    };
    let step = |trunk: &str| TrunkStep { trunk: trunk.into(), rewrite: Rewrite::NONE, timeout: None };
    let trunk = |name: &str| Trunk { interface: [192, 0, 2, 1].into(), ..Trunk::new(name) };
    Config {
        plan: Plan {
            routes: vec![Route {
                name: "out".into(),
                number: NumberMatch::Prefix("0".into()),
                origin: OriginMatch::Any,
                hours: None,
                destination: Destination::Trunks(vec![step("one"), step("two")]),
                branches: Branches {
                    busy: Some(Destination::Group("turns".into())),
                    refused: Some(Destination::Service(BuiltinKind::Silence)),
                    ..Branches::default()
                },
            }],
            groups: vec![group("all", Strategy::RingAll), group("turns", Strategy::OneAfterAnother)],
            trunks: vec![trunk("one"), trunk("two")],
            ..Plan::default()
        },
        ..Config::default()
    }
}

struct Scenario {
    world: World,
    random: Random,
}

impl Scenario {
    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let index = self.random.below(of.len() as u64) as usize;
        of.get(index).cloned()
    }

    fn codecs(&mut self) -> Vec<Codec> {
        let all = [pcmu(), pcma(), opus(), events()];
        let mut codecs: Vec<_> = all.into_iter().filter(|_| self.random.below(2) == 0).collect();
        if self.random.below(8) > 0 {
            codecs.push(Codec::new(9, "G722", 8000));
        }
        codecs
    }

    fn direction(&mut self) -> Direction {
        Direction::new(self.random.below(3) > 0, self.random.below(3) > 0)
    }

    fn cause(&mut self) -> Cause {
        use CauseKind::*;
        let kind = self.pick(&[Busy, Declined, NoAnswer, Timeout, PeerFailure, Congestion, Glare]).unwrap();
        let code = (self.random.below(4) == 0).then_some(603);
        Cause { code, ..Cause::new(kind) }
    }

    fn number(&mut self) -> &'static str {
        self.pick(&["alice", "bob", "carol", "dave", "nobody", "echo", "silence", "all", "turns", "0123", ""]).unwrap()
    }

    fn description(&mut self) -> MediaDescription {
        let (codecs, direction) = (self.codecs(), self.direction());
        let mut description = audio(4000 + self.random.below(100) as u16 * 2, &codecs, direction);
        match self.random.below(10) {
            0 => description.streams.clear(),
            1 => description.streams[0].rtp = None,
            2 => description.streams[0].kind = MediaKind::Video,
            3 => {
                let again = description.streams[0].clone();
                description.streams.push(again);
            }
            4 => description.streams[0].rtp = Some("0.0.0.0:4000".parse().unwrap()),
            _ => {}
        }
        description
    }

    /// Any leg that is up.
    fn leg(&mut self) -> Option<Instance> {
        let legs = self.world.signaling.legs.iter();
        let up: Vec<_> = legs.filter(|(_, leg)| leg.phase == LegPhase::Answered).map(|(&leg, _)| leg).collect();
        self.pick(&up)
    }

    fn ringing(&mut self) -> Option<Instance> {
        let ringing = self.world.ringing();
        self.pick(&ringing)
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0 | 1 => {
                let to = self.number();
                let offer = self.description();
                let offer = (self.random.below(5) > 0).then_some(offer);
                let offer = offer.filter(|offer| !offer.streams.is_empty());
                self.world.early_offer = self.random.below(2) == 0;
                self.world.call_with("alice", to, offer);
            }
            2..=4 => {
                let codecs = self.codecs();
                if let Some(leg) = self.ringing() {
                    self.world.answer_with(leg, &codecs);
                }
            }
            5 => {
                if let Some(leg) = self.ringing() {
                    self.world.ring(leg);
                }
            }
            6 => {
                let description = self.description();
                let answer = match self.random.below(3) {
                    0 => MediaExchange::Offer(description),
                    _ => MediaExchange::Answer(description),
                };
                if let Some(leg) = self.ringing() {
                    self.world.progress(leg, LegState::new(LegPhase::Early).with_media(Some(answer)));
                }
            }
            // A caller that came without an offer answers one that it got before its call was answered, or after.
            18 | 19 => {
                let callers = self.world.signaling.legs.iter().filter(|(_, leg)| {
                    leg.incoming
                        && leg.phase != LegPhase::Released
                        && matches!(leg.heard, Some(MediaExchange::Offer(_)))
                });
                let callers: Vec<_> = callers.map(|(&leg, _)| leg).collect();
                let codecs = self.codecs();
                if let Some(leg) = self.pick(&callers) {
                    let heard = self.world.signaling.legs[&leg].heard.clone();
                    let offer = heard.as_ref().map(MediaExchange::description).cloned().unwrap_or_default();
                    let own = offer.streams.first().map(|stream| stream.codecs.clone()).unwrap_or_default();
                    let codecs = if self.random.below(4) > 0 { own } else { codecs };
                    let answer = answer_to(&offer, &codecs, 4_200, Direction::SendReceive).map(MediaExchange::Answer);
                    let state = LegState::new(LegPhase::Early).with_media(answer);
                    if state.media.is_some() {
                        self.world.ask(leg, Command::Set, state);
                    }
                }
            }
            7 => {
                let cause = self.cause();
                if let Some(leg) = self.ringing() {
                    self.world.refuse(leg, cause);
                }
            }
            8 => {
                if let Some(leg) = self.leg() {
                    self.world.hang_up(leg);
                }
            }
            9 => {
                let callers =
                    self.world.signaling.legs.iter().filter(|(_, leg)| {
                        leg.incoming && !matches!(leg.phase, LegPhase::Answered | LegPhase::Released)
                    });
                let callers: Vec<_> = callers.map(|(&leg, _)| leg).collect();
                if let Some(leg) = self.pick(&callers) {
                    self.world.hang_up(leg);
                }
            }
            10 | 11 => {
                let (description, role) = (self.description(), self.random.below(4));
                if let Some(leg) = self.leg() {
                    let media = match role {
                        0 => None,
                        1 => Some(MediaExchange::Answer(description)),
                        _ => Some(MediaExchange::Offer(description)),
                    };
                    self.world.ask(leg, Command::Set, LegState::new(LegPhase::Answered).with_media(media));
                }
            }
            12 => {
                let target = Party::new(self.number(), "");
                let transfer = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None };
                if let Some(leg) = self.leg() {
                    self.world.ask(leg, Command::Start, transfer);
                }
            }
            13 => {
                let (from, to) = (self.number(), self.number());
                let switch = Address::local(ModuleKind::Switch, 0);
                let request = Originate { from: from.into(), to: to.into() };
                self.world.ask_as_client(switch, Command::Start, one(request));
            }
            14 => self.world.signaling.answers_sets = self.random.below(2) == 0,
            15 => {
                if !self.world.signaling.sets.is_empty() {
                    let index = self.random.below(self.world.signaling.sets.len() as u64) as usize;
                    let set = self.world.signaling.sets.remove(index);
                    let failure = Failure::because(self.cause());
                    match (self.random.below(2), set.first().cloned()) {
                        (0, Some(Parameter::LegState(state))) => self.world.signaling.answer_set(set, &state),
                        _ => self.world.signaling.failed(&set, failure),
                    }
                    self.world.settle();
                }
            }
            16 => {
                let sessions: Vec<_> = self.world.voice.sessions.keys().copied().collect();
                if let Some(session) = self.pick(&sessions) {
                    let (port, kind) = (self.random.below(4) as u16, self.random.below(8));
                    let kind = if kind == 0 { MediaEventKind::Broken } else { MediaEventKind::Silent };
                    self.world.media_event_of(session, port, kind);
                }
            }
            _ => {
                let millis = self.random.below(8_000);
                self.world.run_ms(millis);
            }
        }
        if self.random.below(12) == 0 {
            let fault = self.pick(&[Fault::Lost, Fault::Busy, Fault::Late(Duration::from_millis(1500))]).unwrap();
            let mut faults = self.world.faults.borrow_mut();
            let at = faults.seen + 1 + self.random.below(6) as usize;
            faults.at = Some((at, Some(fault)));
        }
        self.invariants();
    }

    fn invariants(&self) {
        for (id, session) in &self.world.voice.sessions {
            if let Some((a, b)) = session.bridge {
                assert!(session.ports.contains_key(&a) && session.ports.contains_key(&b), "session {id}");
            }
        }
    }

    /// When all has settled, every two ports that are joined have a format in common that carries sound.
    fn all_can_talk(&self) {
        for (id, session) in &self.world.voice.sessions {
            if let Some((a, b)) = session.bridge {
                let codecs = |port: u16| session.ports[&port].as_ref().map_or(&[][..], |plan| &plan.codecs);
                let shared = codecs(a)
                    .iter()
                    .any(|codec| !codec.is_telephone_event() && codecs(b).iter().any(|other| other.matches(codec)));
                assert!(shared, "session {id}: {session:?}");
            }
        }
    }

    fn finish(mut self) {
        self.world.faults.borrow_mut().at = None;
        self.world.signaling.answers_sets = true;
        for set in std::mem::take(&mut self.world.signaling.sets) {
            self.world.signaling.failed(&set, Failure::new(Reason::NotFound));
        }
        self.world.run(Duration::from_secs(300));
        self.all_can_talk();
        let legs: Vec<_> = self.world.signaling.legs.keys().copied().collect();
        for leg in legs {
            self.world.hang_up(leg);
        }
        self.world.assert_over();
    }
}

#[test]
fn every_call_ends_and_nothing_is_left() {
    for seed in 0..SEEDS {
        let run = || {
            let mut scenario = Scenario { world: World::with(config()), random: Random::from_seed(seed) };
            for _ in 0..80 {
                scenario.step();
            }
            scenario.finish();
        };
        if let Err(panic) = std::panic::catch_unwind(run) {
            println!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
