//! Packets to calls, and back: the switch as a module.

mod conversion;
mod figures;
mod overloaded;
mod ringing;
mod trunk_news;
mod wanted;

use crate::abroad::Abroad;
use crate::call::{Call, Join, Timer, Turn, Whom};
use crate::config::Config;
use crate::event::Events;
use crate::limits::MOVES_FOLLOWED;
use crate::listing;
use crate::message;
use crate::moved::Moved;
use crate::platforms::Platforms;
use crate::reach;
use crate::record::Records;
use crate::refusal::Refusals;
use crate::status::{Counters, Facts, status};
use crate::trunks::Trunks;
use figures::Figures;
use ringing::Found;
use router::parameter::{self, Failure, MessageRoute, Parameter, Reason, Registration};
use router::time::{Instant, Now, TimerWheel, WallTime, earliest};
use router::{
    Address, Backlog, Command, Instance, Instances, ModuleKind, Outbox, OwnMap, Packet, Parameters, PlatformId, Random,
    Received, Service, Tally, Throttle, one,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The call switching unit.
pub struct Switch {
    outbox: Outbox,
    config: Arc<Config>,
    random: Random,
    instances: Instances,
    /// Every call that is not over: up, or ended with answers still due.
    calls: OwnMap<Instance, Box<Call>>,
    /// The calls that are up, by their common id.
    names: BTreeMap<String, Instance>,
    /// The calls that are up on all shards.
    all_calls: Tally,
    /// The calls that are up here because another platform asked for them, and what all shards count of that platform's.
    of_platforms: OwnMap<Instance, Tally>,
    timers: TimerWheel<(Instance, Timer)>,
    records: Records,
    events: Events,
    refusals: Refusals,
    trunks: Trunks,
    platforms: Platforms,
    abroad: Abroad,
    moved: Moved,
    /// Calls that are to be joined.
    joins: Vec<Join>,
    /// Calls of other platforms that wait while more comes than can be served.
    backlog: Backlog<Packet, 1>,
    /// Those of them that do not wait: calls for help.
    urgent: Throttle,
    counters: Counters,
    /// Questions for calls that wait for their ports.
    figures: Figures,
    since: WallTime,
}

impl Switch {
    /// The `index`th switch of its platform; it asks the signaling module of the same index for legs.
    pub fn new(index: u8, config: Config, now: Now, mut random: Random) -> Self {
        let instances = Instances::new(&mut random);
        Self {
            outbox: Outbox::new(Address::local(ModuleKind::Switch, index)),
            all_calls: config.shards.tally("calls"),
            of_platforms: OwnMap::default(),
            platforms: Platforms::new(now.instant, config.cluster.as_ref(), &mut random),
            random,
            instances,
            calls: OwnMap::default(),
            names: BTreeMap::new(),
            timers: TimerWheel::new(),
            records: Records::default(),
            events: Events::default(),
            refusals: Refusals::default(),
            trunks: Trunks::default(),
            abroad: Abroad::default(),
            moved: Moved::default(),
            joins: Vec::new(),
            backlog: Backlog::new(now.instant, config.overload_after),
            urgent: Throttle::default(),
            counters: Counters::default(),
            figures: Figures::default(),
            since: now.wall,
            config: Arc::new(config),
        }
    }

    /// The configuration for the calls that begin from now on; those that are up keep theirs.
    pub fn reconfigure(&mut self, config: Config) {
        self.trunks.retain(&config.plan);
        self.backlog.set_after(config.overload_after);
        self.config = Arc::new(Config { shards: self.config.shards.clone(), ..config });
    }

    /// How many calls are up.
    pub fn calls(&self) -> usize {
        self.names.len()
    }

    /// Whether nothing is left: no call, no answer that is due, no record that the store has not got.
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty() && self.backlog.is_empty() && self.records.len() == 0 && self.timers.is_empty()
    }

    /// Ends every call: the platform shuts down.
    pub fn hang_up_all(&mut self, now: Now) {
        let all: Vec<_> = self.names.values().copied().collect();
        for instance in all {
            self.with_call(now, instance, |call, turn| call.hang_up(turn));
        }
    }

    /// Lets a call handle something, and sees to what follows from it.
    fn with_call(&mut self, now: Now, instance: Instance, handle: impl FnOnce(&mut Call, &mut Turn<'_>)) -> bool {
        let Some(call) = self.calls.get_mut(&instance) else { return false };
        let mut turn = Turn {
            now,
            outbox: &mut self.outbox,
            timers: &mut self.timers,
            instances: &mut self.instances,
            random: &mut self.random,
            records: &mut self.records,
            events: &mut self.events,
            counters: &mut self.counters,
            trunks: &mut self.trunks,
            platforms: &mut self.platforms,
            moved: &mut self.moved,
            joins: &mut self.joins,
        };
        handle(call, &mut turn);
        call.settle(&mut turn);
        for platform in call.newly_abroad() {
            self.abroad.note(platform, instance);
        }
        if call.has_ended() && self.names.remove(call.id()).is_some() {
            self.all_calls.give_back();
            if let Some(tally) = self.of_platforms.remove(&instance) {
                tally.give_back();
            }
        }
        if call.is_over() {
            self.abroad.leave(call.abroad(), instance);
            self.calls.remove(&instance);
        }
        true
    }

    /// Joins the calls that are to be: one takes over the legs of the other.
    fn join_calls(&mut self, now: Now) {
        while let Some(Join { guest, whom }) = self.joins.pop() {
            if matches!(whom, Whom::Released) {
                self.with_call(now, guest, |guest, turn| guest.session_returned(turn));
                continue;
            }
            let whom = match whom {
                Whom::Apart { asked, wanted } => {
                    self.convert(now, guest, asked, wanted);
                    continue;
                }
                Whom::Invited(invitation) => {
                    self.invite(now, *invitation);
                    continue;
                }
                whom => whom,
            };
            let (host, leg) = match self.found(now, whom) {
                Ok(Found::Here(host, leg)) => (host, leg),
                Ok(Found::Elsewhere(place)) => {
                    self.with_call(now, guest, |guest, turn| guest.send_guest(turn, place));
                    continue;
                }
                Err(failure) => {
                    self.with_call(now, guest, |guest, turn| guest.seeking_failed(turn, failure));
                    continue;
                }
            };
            let Some(mut lent) = self.calls.remove(&guest) else { continue };
            let mut refused = Some(Failure::new(Reason::NotFound).with_detail("no such call"));
            self.with_call(now, host, |host, turn| refused = host.join(turn, &mut lent, leg).err());
            self.calls.insert(guest, lent);
            self.with_call(now, guest, |guest, turn| {
                if let Some(failure) = refused {
                    guest.seeking_failed(turn, failure);
                }
            });
        }
    }

    /// What calls have left to be done beside them.
    fn settle_after(&mut self, now: Now) {
        if !self.joins.is_empty() {
            self.join_calls(now);
        }
        if self.trunks.has_news() {
            self.tell_trunk_news(now);
        }
    }

    /// Makes a call and keeps it.
    fn add_call(&mut self, now: Now, make: impl FnOnce(&mut Turn<'_>, Arc<Config>) -> Call) {
        let call = self.in_turn(now, make);
        self.keep_call(now, call);
    }

    /// Keeps a call that was made.
    fn keep_call(&mut self, now: Now, call: Call) {
        let instance = call.instance();
        self.names.insert(call.id().to_owned(), instance);
        self.calls.insert(instance, Box::new(call));
        self.with_call(now, instance, |_, _| ());
    }

    /// Lends the common means to who makes a call.
    fn in_turn<T>(&mut self, now: Now, make: impl FnOnce(&mut Turn<'_>, Arc<Config>) -> T) -> T {
        let config = Arc::clone(&self.config);
        let mut turn = Turn {
            now,
            outbox: &mut self.outbox,
            timers: &mut self.timers,
            instances: &mut self.instances,
            random: &mut self.random,
            records: &mut self.records,
            events: &mut self.events,
            counters: &mut self.counters,
            trunks: &mut self.trunks,
            platforms: &mut self.platforms,
            moved: &mut self.moved,
            joins: &mut self.joins,
        };
        make(&mut turn, config)
    }

    /// What comes for a leg at another platform that has gone to another call here, is that one's. `None`: that is another shard's, which
    /// has it now.
    fn passed_on(&mut self, mut packet: Packet) -> Option<Packet> {
        let platform = packet.source.platform;
        if self.moved.is_empty() || platform == PlatformId::HERE {
            return Some(packet);
        }
        // It may have gone to another call there, too.
        let handed = match packet.first() {
            Some(Parameter::Handover(handover)) => Some(Address { platform, ..handover.from }),
            _ => None,
        };
        for _ in 0..MOVES_FOLLOWED {
            let (former, peer) = (packet.destination.instance, handed.unwrap_or(packet.source));
            let Some((to, until)) = self.moved.whither(former, peer) else { break };
            if handed.is_some() {
                // What it sends behind that, too, until it has heard.
                self.moved.note(former, packet.source, to, until);
            }
            packet.destination = Address { platform: packet.destination.platform, ..to };
            if to.module != self.outbox.address().module {
                self.outbox.pass_on(packet);
                return None;
            }
        }
        Some(packet)
    }

    fn invalid(&mut self, packet: &Packet, detail: &str) {
        self.outbox.failed(packet, Failure::new(Reason::Invalid).with_detail(detail));
    }

    /// What happened to the ways to other platforms is told to the calls that have legs there.
    fn tell_changed_platforms(&mut self, now: Now) {
        while let Some(platform) = self.platforms.poll_changed() {
            self.abroad.changed(now.instant, platform);
        }
        while let Some((platform, calls)) = self.abroad.poll(now.instant) {
            for instance in calls {
                self.with_call(now, instance, |call, turn| call.platform_changed(turn, platform));
            }
        }
    }

    fn status(&self, now: Instant) -> parameter::Status {
        let legs = self.names.values().filter_map(|instance| self.calls.get(instance));
        status(Facts {
            module: self.outbox.address().module.to_string(),
            since: self.since,
            calls: self.names.len(),
            all_calls: self.all_calls.count() as usize,
            calls_max: self.config.calls_max,
            legs: legs.map(|call| call.legs_open()).sum(),
            counters: &self.counters,
            overload: (self.backlog.refused_percent(now), self.backlog.refused_in_all()),
            records: &self.records,
            expired: self.outbox.counters().expired,
        })
    }

    /// A request to the module itself, or one that makes a call.
    fn handle_module(&mut self, now: Now, packet: Packet) {
        let instance = packet.destination.instance;
        match (packet.command, packet.first()) {
            (Command::Start, Some(Parameter::Call(_))) => self.call_wanted(now, instance, packet),
            (Command::Start, Some(Parameter::Originate(_))) => self.origination_wanted(now, instance, packet),
            (Command::Start, Some(Parameter::Transfer(_)))
                if matches!(packet.parameters.get(1), Some(Parameter::Selection(_))) =>
            {
                self.transfer_wanted(now, packet);
            }
            (Command::Start, Some(Parameter::Conversion(_)))
                if matches!(packet.parameters.get(1), Some(Parameter::Selection(_))) =>
            {
                self.conversion_by_operator(now, packet);
            }
            (Command::Stop, Some(Parameter::Selection(selection))) => {
                let selection = selection.clone();
                self.hang_up(now, &packet, &selection);
            }
            (Command::Query, Some(Parameter::CallSummary(_))) => {
                let selection = packet.parameters.iter().find_map(|parameter| match parameter {
                    Parameter::Selection(selection) => Some((**selection).clone()),
                    _ => None,
                });
                let selection = selection.unwrap_or_default();
                if selection.name.is_none() || !self.figures_asked(now, &packet, &selection) {
                    let page = listing::page(packet.source.platform, &self.names, &self.calls, selection);
                    self.outbox.done(&packet, page);
                }
            }
            (Command::Query, Some(Parameter::Selection(selection))) => {
                let page = listing::page(packet.source.platform, &self.names, &self.calls, (**selection).clone());
                self.outbox.done(&packet, page);
            }
            (Command::Query, Some(Parameter::Status(_))) => {
                let status = self.status(now.instant);
                self.outbox.done(&packet, one(status));
            }
            (Command::Subscribe, Some(Parameter::CallEvent(_))) => {
                if self.events.subscribe(packet.source) {
                    self.outbox.done(&packet, Parameters::new());
                } else {
                    self.outbox.failed(&packet, Failure::new(Reason::Exhausted));
                }
            }
            (Command::Unsubscribe, Some(Parameter::CallEvent(_))) => {
                if self.events.unsubscribe(packet.source) {
                    self.outbox.done(&packet, Parameters::new());
                } else {
                    self.outbox.failed(&packet, Failure::new(Reason::NotFound));
                }
            }
            (Command::Subscribe | Command::Unsubscribe, Some(Parameter::TrunkEvent(_))) => {
                self.follow_trunks(&packet);
            }
            (Command::Query, Some(Parameter::MessageRoute(asked))) => {
                match message::ways(&self.config.plan, asked, now.wall) {
                    Ok(ways) => {
                        let route = MessageRoute { ways, ..(**asked).clone() };
                        self.outbox.done(&packet, one(route));
                    }
                    Err(failure) => self.outbox.failed(&packet, failure),
                }
            }
            (Command::Query, Some(Parameter::Ringing(asked))) => {
                let asked = asked.clone();
                self.ringing_asked(now, &packet, &asked);
            }
            (Command::Query, Some(Parameter::Call(call))) => {
                // Who is not here may be registered at another platform.
                let found = reach::accounts(&self.config.plan, call.called.user(), &call.origin, now.wall);
                let accounts = match self.config.cluster {
                    Some(_) => found.map(|_| Vec::new()),
                    None => found,
                };
                match accounts {
                    Ok(accounts) => {
                        let told = |account| Registration { account, contacts: Vec::new() }.into();
                        let accounts = accounts.into_iter().take(router::limits::PARAMETERS - 1);
                        self.outbox.done(&packet, accounts.map(told).collect::<Parameters>());
                    }
                    Err(failure) => self.outbox.failed(&packet, failure),
                }
            }
            (Command::Query, Some(Parameter::TrunkStatus(_))) => {
                let told: Parameters = self.trunks.status(now.instant).take(router::limits::PARAMETERS - 1).collect();
                self.outbox.done(&packet, told);
            }
            (Command::Notify, Some(Parameter::TrunkStatus(status))) => {
                if let (PlatformId::HERE, ModuleKind::Signaling, Some(responds)) =
                    (packet.source.platform, packet.source.module.kind, status.responds)
                {
                    self.trunks.probed(now.instant, &status.name, responds);
                }
            }
            (Command::Notify, Some(Parameter::Call(_))) => self.refused_elsewhere(now, packet),
            (Command::Notify, Some(Parameter::Platform(platform))) => {
                self.platforms.told(now.instant, platform);
                self.tell_changed_platforms(now);
            }
            (Command::Notify, _) => self.counters.ignored += 1,
            // What only a call serves, for a call that is not there.
            (
                Command::Set | Command::Stop | Command::Start | Command::Send | Command::Query,
                Some(
                    Parameter::LegState(_)
                    | Parameter::Handover(_)
                    | Parameter::Connected(_)
                    | Parameter::Transfer(_)
                    | Parameter::Conversion(_)
                    | Parameter::Information(_)
                    | Parameter::Digits(_),
                ),
            ) => self.outbox.failed(&packet, Failure::new(Reason::NotFound).with_detail("no such call")),
            _ => self.outbox.unsupported(&packet),
        }
    }
}

impl Service for Switch {
    fn handle_received(&mut self, now: Now, received: Received) {
        match received {
            Received::Answer(pending, packet) if pending.source == Instance::MODULE => {
                if self.figures.handle_answer(&mut self.outbox, &packet) {
                    // It is answered, or waits for more.
                } else if self.platforms.handle_answer(now.instant, &mut self.outbox, &packet) {
                    self.tell_changed_platforms(now);
                } else {
                    self.records.handle_answer(now, &mut self.outbox, &packet);
                }
            }
            Received::Answer(pending, packet) => {
                self.with_call(now, pending.source, |call, turn| call.handle_answer(turn, packet));
            }
            Received::Packet(packet) => {
                let Some(packet) = self.passed_on(packet) else { return };
                let instance = packet.destination.instance;
                // What waits is looked through for nobody whose call is there already.
                if !self.calls.contains_key(&instance) {
                    self.hurry(now, &packet);
                }
                if instance != Instance::MODULE && self.calls.contains_key(&instance) {
                    self.with_call(now, instance, |call, turn| call.handle_packet(turn, packet));
                } else if let Some(packet) = self.wait_for_turn(now, packet) {
                    self.handle_module(now, packet);
                }
            }
        }
        self.settle_after(now);
    }

    fn handle_timeout(&mut self, now: Now) {
        while let Some((instance, timer)) = self.timers.poll(now.instant) {
            self.with_call(now, instance, |call, turn| call.handle_timer(turn, timer));
        }
        self.settle_after(now);
        self.records.handle_timeout(now, &mut self.outbox);
        self.platforms.handle_timeout(now.instant, &mut self.outbox);
        self.tell_changed_platforms(now);
        self.moved.forget(now.instant);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let elsewhere = earliest([self.platforms.poll_timeout(), self.abroad.poll_timeout()]);
        earliest([self.timers.next(), self.records.poll_timeout(), elsewhere])
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

impl std::fmt::Debug for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Switch")
            .field("outbox", &self.outbox)
            .field("calls", &self.calls.len())
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}
