//! The module: sessions on one side, packets on the other.

mod clients;
mod feeds;
mod questions;

pub use clients::Farewell;

use crate::limits::SESSIONS;
use crate::question::Feed;
use crate::session::{Session, SessionId};
use feeds::Following;
use questions::Asked;
use router::parameter::{CallPhase, Counter, Parameter, Resource, ResourceKind, ResourceState, Status};
use router::time::{Instant, Now, WallTime};
use router::{Address, Command, Instance, Instances, Life, Outbox, Private, Random, Received, Service, one};
use std::collections::{BTreeMap, BTreeSet};

/// What the module is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// What a client that comes by TCP proves itself with; `None`: nobody can.
    pub token: Option<Private<String>>,
}

/// What the core wants of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Write this line (without its end), then report [`Control::handle_written`].
    Write(SessionId, String),
    /// Close the connection. Nothing more is to be reported of it.
    Close(SessionId),
}

/// The control module. Pure: its shell gives it lines and takes its [`Output`]s.
///
/// Drain rule: after any `handle_*`, [`router::service::drain`], then [`poll_output`](Self::poll_output) until `None`.
pub struct Control {
    config: Config,
    outbox: Outbox,
    since: WallTime,
    random: Random,
    instances: Instances,
    modules: Vec<(Address, Life)>,
    sessions: BTreeMap<SessionId, Session>,
    asked: BTreeMap<Instance, Asked>,
    feeds: BTreeMap<Feed, Following>,
    /// The phase that each followed call was last heard in.
    phases: BTreeMap<String, CallPhase>,
    /// Sessions that have something to write or to close.
    ready: BTreeSet<SessionId>,
    sweep: Option<Instant>,
    requests: u64,
    refused: u64,
    events_dropped: u64,
    sessions_broken: u64,
    /// Clients that were turned away since the log last told of it, and when it did.
    turned_away: (u64, Option<Instant>),
}

impl Control {
    /// A module at `address` without sessions.
    pub fn new(now: Now, address: Address, config: Config, mut random: Random) -> Self {
        Self {
            config,
            outbox: Outbox::new(address),
            since: now.wall,
            instances: Instances::new(&mut random),
            random,
            modules: Vec::new(),
            sessions: BTreeMap::new(),
            asked: BTreeMap::new(),
            feeds: BTreeMap::new(),
            phases: BTreeMap::new(),
            ready: BTreeSet::new(),
            sweep: None,
            requests: 0,
            refused: 0,
            events_dropped: 0,
            sessions_broken: 0,
            turned_away: (0, None),
        }
    }

    /// The modules of the platform: whom a question to all goes to, and who is followed. One that was started anew knows
    /// nothing of its predecessor's followers.
    pub fn handle_modules(&mut self, now: Now, modules: Vec<(Address, Life)>) {
        if self.modules == modules {
            return;
        }
        let before = std::mem::replace(&mut self.modules, modules);
        let gone = before.into_iter().filter(|module| !self.modules.contains(module)).collect::<Vec<_>>();
        for (publisher, _) in gone {
            self.publisher_is_gone(publisher);
        }
        for feed in Feed::ALL {
            if self.followed(feed) {
                self.subscribe(now, feed);
            }
        }
    }

    /// The next thing to do to a connection.
    pub fn poll_output(&mut self) -> Option<Output> {
        while let Some(&id) = self.ready.first() {
            let Some(session) = self.sessions.get_mut(&id) else {
                self.ready.remove(&id);
                continue;
            };
            let over = session.closing || (session.ended && session.outstanding == 0);
            if session.broken || (over && session.is_flushed()) {
                self.sessions_broken += u64::from(session.broken);
                self.sessions.remove(&id);
                self.ready.remove(&id);
                // The feeds are left at the next sweep at the latest: nothing is sent from here.
                return Some(Output::Close(id));
            }
            match session.poll() {
                Some(line) => return Some(Output::Write(id, line)),
                None => {
                    self.ready.remove(&id);
                }
            }
        }
        None
    }

    /// How many clients are connected.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    fn status(&self) -> Status {
        let resource = Resource {
            kind: ResourceKind::Connections,
            name: "clients".to_owned(),
            state: ResourceState::Ready,
            used: self.sessions.len() as u64,
            total: Some(SESSIONS as u64),
            detail: None,
        };
        let outbox = self.outbox.counters();
        Status {
            module: self.outbox.address().module.to_string(),
            since: self.since,
            resources: vec![resource],
            counters: vec![
                Counter::new("control_requests", self.requests),
                Counter::new("control_refusals", self.refused),
                Counter::new("control_events_dropped", self.events_dropped),
                Counter::new("control_sessions_broken", self.sessions_broken),
                Counter::new("packet_requests_expired", outbox.expired),
            ],
            distributions: Vec::new(),
        }
    }
}

impl Service for Control {
    fn handle_received(&mut self, now: Now, received: Received) {
        match received {
            Received::Answer(pending, packet) if pending.source == Instance::MODULE => {
                self.handle_subscription_answer(now, pending.destination, pending.command, &packet);
            }
            Received::Answer(pending, packet) => self.handle_answer(now, pending.source, packet),
            Received::Packet(packet) => match (packet.command, packet.first()) {
                (Command::Notify, Some(Parameter::CallEvent(event))) => self.handle_call_event(now, event),
                (Command::Notify, Some(Parameter::RegistrationEvent(event))) => {
                    self.handle_registration_event(now, event);
                }
                (Command::Notify, Some(Parameter::MessageEvent(event))) => self.handle_message_event(now, event),
                (Command::Notify, Some(Parameter::TrunkEvent(event))) => self.handle_trunk_event(now, event),
                (Command::Notify, Some(Parameter::Platform(platform))) => self.handle_platform_event(now, platform),
                (Command::Notify, _) => {}
                (Command::Query, Some(Parameter::Status(_))) => {
                    let status = self.status();
                    self.outbox.done(&packet, one(status));
                }
                _ => self.outbox.unsupported(&packet),
            },
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        if self.sweep.is_some_and(|at| at <= now.instant) {
            self.sweep(now);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.sweep
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control")
            .field("sessions", &self.sessions.len())
            .field("asked", &self.asked.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
