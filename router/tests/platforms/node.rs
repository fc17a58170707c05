//! A platform with three modules: its interface, one that asks, one that answers.

use router::bridge::{Bridge, Config};
use router::outbox::Received;
use router::parameter::{Failure, Parameter, Platform, Reason, Selection, Status};
use router::time::{Duration, Instant, Now};
use router::{
    Address, Command, Instance, ModuleKind, Outbox, Packet, Parameters, PlatformId, Random, Refused, Service,
    Transaction, one,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) const ASKER: Address = Address::local(ModuleKind::Control, 0);
pub(crate) const ANSWERER: Address = Address::local(ModuleKind::Store, 0);

/// How the answering module treats requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    AtOnce,
    /// Within so many milliseconds, with a `Progress` before at times.
    Within(u64),
    Never,
    /// Its inbox is full.
    Full,
}

pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) bridge: Bridge,
    pub(crate) asker: Outbox,
    pub(crate) answerer: Outbox,
    pub(crate) manner: Manner,
    random: Random,
    /// Answers that are to be given.
    owed: VecDeque<(Instant, Packet)>,
    /// The last number that came from each source, the number of the next packet to each platform.
    seen: BTreeMap<(Address, u64), u64>,
    /// When it began: another life counts anew.
    life: u64,
    numbers: BTreeMap<u32, u64>,
    /// Requests, and how often each was finally answered.
    pub(crate) finals: BTreeMap<Transaction, u32>,
    pub(crate) reasons: BTreeMap<Option<Reason>, usize>,
    /// When each answer came, by its request.
    pub(crate) answered_at: BTreeMap<Transaction, Instant>,
    pub(crate) answered_by: BTreeSet<PlatformId>,
    pub(crate) notices: u64,
    pub(crate) events: Vec<Platform>,
    pub(crate) served: u64,
}

pub(crate) fn on(platform: u32, address: Address) -> Address {
    Address { platform: PlatformId(platform), ..address }
}

impl Node {
    pub(crate) fn new(config: Config, now: Now, mut random: Random) -> Self {
        let mut bridge = Bridge::new(config.clone(), now, random.fork());
        bridge.handle_modules([ASKER, ANSWERER, Address::local(ModuleKind::Bridge, 0)]);
        Self {
            config,
            bridge,
            asker: Outbox::new(ASKER),
            answerer: Outbox::new(ANSWERER),
            manner: Manner::AtOnce,
            random,
            owed: VecDeque::new(),
            seen: BTreeMap::new(),
            life: now.instant.as_nanos(),
            numbers: BTreeMap::new(),
            finals: BTreeMap::new(),
            reasons: BTreeMap::new(),
            answered_at: BTreeMap::new(),
            answered_by: BTreeSet::new(),
            notices: 0,
            events: Vec::new(),
            served: 0,
        }
    }

    /// Asks a platform's answering module, or any platform's.
    pub(crate) fn ask(&mut self, now: Now, platform: PlatformId, within: Duration) -> Transaction {
        let to = match platform {
            PlatformId::ANY => Address::anywhere(ANSWERER.module.kind),
            platform => Address { platform, ..ANSWERER },
        };
        let what = self.numbered(platform.0);
        let transaction = self.asker.request(now.instant, Instance(7), to, Command::Query, what, within);
        self.finals.insert(transaction, 0);
        transaction
    }

    /// Tells a platform's answering module something.
    pub(crate) fn tell(&mut self, platform: u32) {
        let what = self.numbered(platform);
        self.asker.notify(Instance(7), on(platform, ANSWERER), what);
    }

    /// A number that is larger than that of any packet to that platform before.
    fn numbered(&mut self, platform: u32) -> Parameters {
        // Anywhere has no order.
        let number = match platform {
            u32::MAX => None,
            platform => Some(self.numbers.entry(platform).or_default()),
        };
        let number = number.map(|number| {
            *number += 1;
            format!("{}/{number}", self.life)
        });
        one(Selection { name: number, ..Selection::default() })
    }

    /// When something is due.
    pub(crate) fn next(&mut self) -> Instant {
        let owed = self.owed.iter().map(|(at, _)| *at).min();
        let others = [self.bridge.poll_timeout(), self.bridge.outbox().poll_timeout(), self.asker.poll_timeout()];
        others.into_iter().flatten().chain(owed).min().unwrap_or(Instant::from_nanos(u64::MAX))
    }

    /// Does what is due, and passes packets on until none is left.
    pub(crate) fn turn(&mut self, now: Now) {
        self.bridge.handle_timeout(now);
        self.bridge.outbox().handle_timeout(now.instant);
        self.asker.handle_timeout(now.instant);
        for (at, answer) in std::mem::take(&mut self.owed) {
            match at <= now.instant {
                true => self.answerer.answer(answer),
                false => self.owed.push_back((at, answer)),
            }
        }
        loop {
            let sent =
                [self.asker.poll_transmit(), self.answerer.poll_transmit(), self.bridge.outbox().poll_transmit()];
            let delivered = self.bridge.poll_deliver();
            if sent.iter().all(Option::is_none) && delivered.is_none() {
                break;
            }
            for packet in sent.into_iter().flatten() {
                self.route(now, packet);
            }
            if let Some(packet) = delivered {
                assert_eq!(packet.destination.platform, PlatformId::HERE);
                let is_full = self.manner == Manner::Full && packet.destination.module.kind == ANSWERER.module.kind;
                match is_full && !packet.command.is_final() {
                    true => self.bridge.handle_refused(now, Refused { packet, reason: Reason::Busy }),
                    false => self.route(now, packet),
                }
            }
        }
        while let Some(received) = self.asker.poll_received() {
            self.asked(now, received);
        }
        while let Some(received) = self.bridge.outbox().poll_received() {
            self.bridge.handle_received(now, received);
        }
    }

    fn route(&mut self, now: Now, packet: Packet) {
        let to = packet.destination;
        if to.platform != PlatformId::HERE && to.platform != self.config.platform {
            return self.bridge.handle_outbound(now, packet);
        }
        match to.module.kind {
            ModuleKind::Control => {
                if let Some(received) = self.asker.handle_packet(packet) {
                    self.asked(now, received);
                }
            }
            ModuleKind::Bridge => {
                if let Some(received) = self.bridge.outbox().handle_packet(packet) {
                    self.bridge.handle_received(now, received);
                }
            }
            _ => self.serve(now, packet),
        }
    }

    /// What comes to the module that asks.
    fn asked(&mut self, now: Now, received: Received) {
        match received {
            Received::Answer(_, answer) if answer.command.is_final() => {
                let reason = (answer.command == Command::Failed).then(|| answer.failure().reason);
                *self.reasons.entry(reason).or_default() += 1;
                if let Some(count) = self.finals.get_mut(&answer.transaction) {
                    *count += 1;
                }
                self.answered_at.insert(answer.transaction, now.instant);
                if reason.is_none() {
                    self.answered_by.insert(answer.source.platform);
                }
            }
            Received::Answer(..) => {}
            Received::Packet(packet) => match packet.first() {
                Some(Parameter::Platform(platform)) => self.events.push((**platform).clone()),
                Some(Parameter::Status(_)) => self.asker.done(&packet, one(Status::default())),
                _ => self.asker.unsupported(&packet),
            },
        }
    }

    /// What comes to the module that answers.
    fn serve(&mut self, now: Now, packet: Packet) {
        if let Some(Parameter::Status(_)) = packet.first() {
            // Its own interface asks for its load.
            return self.answerer.done(&packet, one(Status::default()));
        }
        if let Some(Parameter::Selection(selection)) = packet.first()
            && let Some((life, number)) = selection.name.as_ref().and_then(|name| name.split_once('/'))
        {
            let (life, number) = (life.parse().unwrap(), number.parse().unwrap());
            let last = self.seen.entry((packet.source, life)).or_default();
            assert!(*last < number, "{number} after {last} of {}", packet.source);
            *last = number;
        }
        if !packet.command.is_request() {
            self.notices += 1;
            return;
        }
        self.served += 1;
        let answer = match self.random.below(8) {
            0 => packet.answer(Command::Failed, one(Failure::new(Reason::NotFound))),
            _ => packet.answer(Command::Done, packet.parameters.clone()),
        };
        match self.manner {
            Manner::AtOnce | Manner::Full => self.answerer.answer(answer),
            Manner::Never => {}
            Manner::Within(within) => {
                if self.random.below(3) == 0 {
                    self.answerer.answer(packet.answer(Command::Progress, Parameters::new()));
                }
                let after = Duration::from_millis(self.random.below(within + 1));
                self.owed.push_back((now.instant + after, answer));
            }
        }
    }

    /// States of the other platforms, by number.
    pub(crate) fn states(&self) -> BTreeMap<u32, router::parameter::PlatformState> {
        self.bridge.platforms().iter().skip(1).map(|platform| (platform.id.0, platform.state)).collect()
    }

    pub(crate) fn platform(&self, id: u32) -> Platform {
        self.bridge.platforms().into_iter().find(|platform| platform.id.0 == id).expect("it is known")
    }
}
