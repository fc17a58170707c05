//! The world of a test: the switch, and everything around it scripted.

use super::bridge::Bridge;
use super::client::Client;
use super::description::contact;
use super::place::{Faults, Place};
use super::signaling::Signaling;
use super::store::Store;
use super::voice::Voice;
use router::service::{next_turn, turn};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Endpoint, ModuleKind, PlatformId, Random, Router};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use switch::{Config, Switch};

pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) switch: Switch,
    endpoint: Endpoint,
    pub(crate) signaling: Signaling,
    pub(crate) voice: Voice,
    pub(crate) store: Store,
    pub(crate) client: Client,
    pub(crate) bridge: Bridge,
    pub(crate) faults: Rc<RefCell<Faults>>,
    /// Whether callers without an offer take one before the answer.
    pub(crate) early_offer: bool,
    pub(super) calls: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let router = Router::new(PlatformId(1));
        let faults = Rc::new(RefCell::new(Faults::default()));
        let now = Now { instant: Instant::from_millis(1000), wall: WallTime::from_secs(1_800_000_000) };
        let endpoint = router.register(ModuleKind::Switch, 0, || ());
        let mut registrations = BTreeMap::new();
        for name in ["alice", "bob", "carol"] {
            registrations.insert(name.to_owned(), vec![contact(name)]);
        }
        registrations.insert("dave".to_owned(), Vec::new());
        Self {
            now,
            switch: Switch::new(0, config, now, Random::from_seed(1)),
            endpoint,
            signaling: Signaling {
                place: Place::new(&router, ModuleKind::Signaling, &faults),
                registrations,
                legs: BTreeMap::new(),
                sets: Vec::new(),
                answers_sets: true,
                taken_back: Vec::new(),
                asked: Vec::new(),
                introduced: Vec::new(),
                sent: Vec::new(),
                answers: Vec::new(),
                next: 0x1000,
            },
            voice: Voice {
                place: Place::new(&router, ModuleKind::Voice, &faults),
                sessions: BTreeMap::new(),
                closed: BTreeSet::new(),
                exhausted: false,
                refuses_moves: false,
                conferences_full: false,
                served: None,
                components_asked: BTreeMap::new(),
                log: Vec::new(),
                dialled: Vec::new(),
                next_port: 20_000,
            },
            store: Store {
                place: Place::new(&router, ModuleKind::Store, &faults),
                records: BTreeMap::new(),
                down: false,
            },
            client: Client { place: Place::new(&router, ModuleKind::Control, &faults), received: Vec::new() },
            bridge: Bridge {
                place: Place::new(&router, ModuleKind::Bridge, &faults),
                registrations: BTreeMap::new(),
                answers: true,
                is_reached: true,
                starts: Vec::new(),
                answered: Vec::new(),
                asked: Vec::new(),
            },
            faults,
            early_offer: false,
            calls: 0,
        }
    }

    /// Lets every module take its packets, until none is left.
    pub(crate) fn settle(&mut self) {
        loop {
            turn(&mut self.switch, &self.endpoint, self.now);
            self.signaling.turn(self.now);
            self.voice.turn(self.now);
            self.store.turn(self.now);
            self.client.turn(self.now);
            self.bridge.turn(self.now);
            let waits = self.endpoint.counters().depth > 0
                || self.signaling.place.waits()
                || self.voice.place.waits()
                || self.store.place.waits()
                || self.client.place.waits()
                || self.bridge.place.waits();
            let due = next_turn(&mut self.switch).is_some_and(|at| at <= self.now.instant);
            if !waits && !due {
                return;
            }
        }
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now.later(time);
        loop {
            self.settle();
            let places = [&self.signaling.place, &self.voice.place, &self.store.place, &self.client.place];
            let next = places.into_iter().filter_map(Place::next).chain(next_turn(&mut self.switch)).min();
            match next {
                Some(at) if at <= end.instant => {
                    let step = at.since(self.now.instant).max(Duration::from_nanos(1));
                    self.now = self.now.later(step);
                }
                _ => break,
            }
        }
        self.now = end;
        self.settle();
    }

    pub(crate) fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }
}
