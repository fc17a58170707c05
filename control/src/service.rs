//! The module: sessions on one side, packets on the other.

use crate::limits::{
    CALLS_FOLLOWED, CHANGE_WITHIN, FAREWELL_QUIET, IDLE, LOGIN_WITHIN, REQUESTS_PER_SESSION, RESUBSCRIBE, SESSIONS,
    STALL, STRANGERS, SWEEP,
};
use crate::protocol::line::Content;
use crate::protocol::{Code, Header, Kind, Line, Problem, Rejected, Request};
use crate::question::{Action, Answer, Feed, Finish, Gather, Page, Question, Recipients, Step};
use crate::session::{Access, Session, SessionId};
use crate::topic::{self, Context, calls, platforms, registrations};
use router::parameter::{
    CallEvent, CallPhase, Counter, Parameter, Platform, RegistrationEvent, Resource, ResourceKind, ResourceState,
    Selection, Status,
};
use router::time::{Duration, Instant, Now, WallTime};
use router::{
    Address, Command, Instance, Instances, Outbox, Packet, Parameters, Private, Random, Received, Service, one,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use subtle::ConstantTimeEq;

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

/// A question under way.
struct Asked {
    session: SessionId,
    header: Header,
    slow: bool,
    state: Asking,
}

enum Asking {
    /// All answers are awaited.
    All { waiting: usize, answers: Vec<Answer>, finish: Finish },
    /// One module after the other.
    Page(Box<Listing>),
}

/// A listing under way.
struct Listing {
    page: Page,
    parameters: Parameters,
    within: Duration,
    /// The modules that are still to be asked; the last one is asked now.
    rest: Vec<Address>,
    items: Vec<Value>,
}

/// A feed's publishers, as far as they were asked.
#[derive(Default)]
struct Following {
    subscribed: BTreeSet<Address>,
    retry: Option<Instant>,
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
    modules: Vec<Address>,
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

/// What becomes of a client for whom there is no room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Farewell {
    /// The line that it is told before its connection is closed.
    pub line: String,
    /// If the log is to tell of it: for how many clients.
    pub log: Option<u64>,
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

    /// The modules of the platform: whom a question to all goes to.
    pub fn handle_modules(&mut self, now: Now, modules: Vec<Address>) {
        if self.modules != modules {
            self.modules = modules;
            for feed in Feed::ALL {
                if self.followed(feed) {
                    self.subscribe(now, feed);
                }
            }
        }
    }

    /// A client connected. If there are too many, it is told so and closed.
    pub fn handle_open(&mut self, now: Now, id: SessionId, access: Access) -> Result<(), Farewell> {
        let strangers = self.sessions.values().filter(|session| !session.authorised).count();
        if self.sessions.len() >= SESSIONS || (access == Access::Remote && strangers >= STRANGERS) {
            self.refused += 1;
            return Err(self.farewell(now));
        }
        self.sessions.insert(id, Session::new(now.instant, access));
        self.sweep.get_or_insert(now.instant + SWEEP);
        Ok(())
    }

    fn farewell(&mut self, now: Now) -> Farewell {
        let content = Content::Problem(Problem::because(Code::Busy, "too many clients are connected; try again later"));
        let line = Line { kind: Kind::Event, header: Header::event("session", "closing"), content };
        let (count, told) = &mut self.turned_away;
        *count += 1;
        let due = told.is_none_or(|told| now.instant >= told + FAREWELL_QUIET);
        let log = due.then(|| {
            *told = Some(now.instant);
            std::mem::take(count)
        });
        Farewell { line: line.write(now.wall, 1, 0), log }
    }

    /// A client sent a line.
    pub fn handle_line(&mut self, now: Now, id: SessionId, line: &str) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.closing || session.broken || session.ended {
            return;
        }
        session.last_request = now.instant;
        self.requests += 1;
        if let Err(rejected) = self.request(now, id, line) {
            let Rejected { header, problem } = *rejected;
            self.refused += 1;
            self.tell(now, id, Kind::Reply, header, Content::Problem(problem));
        }
    }

    /// A client sent a line that is longer than [`crate::limits::LINE_BYTES`]: what follows cannot be told from it.
    pub fn handle_overlong(&mut self, now: Now, id: SessionId) {
        let text = format!("a line is longer than {} bytes", crate::limits::LINE_BYTES);
        self.refused += 1;
        let header = Header::event("session", "closing");
        self.tell(now, id, Kind::Event, header, Content::Problem(Problem::because(Code::Malformed, text)));
        self.close(id);
    }

    /// A line of [`Output::Write`] was written.
    pub fn handle_written(&mut self, now: Now, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.written(now.instant);
            self.ready.insert(id);
        }
    }

    /// A client will send no more, and may still read: what it asked is answered, then its session ends.
    pub fn handle_end(&mut self, now: Now, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.ended = true;
            session.follows.clear();
            self.ready.insert(id);
            self.leave_feeds(now);
        }
    }

    /// A client's connection ended.
    pub fn handle_close(&mut self, now: Now, id: SessionId) {
        self.ready.remove(&id);
        if self.sessions.remove(&id).is_some() {
            self.leave_feeds(now);
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

    fn request(&mut self, now: Now, id: SessionId, line: &str) -> Result<(), Box<Rejected>> {
        let request = Request::read(line)?;
        let header = request.header.clone();
        let fail = |problem| Rejected::new(header.clone(), problem);
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if !session.authorised && header.topic != "session" {
            return Err(fail(Problem::new(Code::LoginRequired)));
        }
        let mut context = Context { now, random: &mut self.random };
        match topic::action(&request, &mut context).map_err(fail)? {
            Action::Reply(body) => self.tell(now, id, Kind::Reply, header, Content::Body(body)),
            Action::Ask(_) if session.outstanding >= REQUESTS_PER_SESSION => {
                return Err(fail(Problem::new(Code::Busy)));
            }
            Action::Ask(question) => {
                session.outstanding += 1;
                if question.slow {
                    self.tell(now, id, Kind::Reply, header.clone(), Content::InProgress);
                }
                self.ask(now, id, header, question);
            }
            Action::Follow(feed, filter) => {
                session.follows.insert(feed, filter);
                self.subscribe(now, feed);
                self.tell(now, id, Kind::Reply, header, Content::Body(json!({})));
            }
            Action::Unfollow(feed) => {
                session.follows.remove(&feed);
                self.leave_feeds(now);
                self.tell(now, id, Kind::Reply, header, Content::Body(json!({})));
            }
            Action::Login(token) => self.login(now, id, header, &token),
            Action::Logout => {
                self.tell(now, id, Kind::Reply, header, Content::Body(json!({})));
                self.close(id);
            }
        }
        Ok(())
    }

    /// A wrong token costs the connection: guessing costs a connection each, of which strangers have few.
    fn login(&mut self, now: Now, id: SessionId, header: Header, token: &str) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let right = self
            .config
            .token
            .as_ref()
            .is_some_and(|expected| bool::from(expected.reveal().as_bytes().ct_eq(token.as_bytes())));
        if right || session.authorised {
            session.authorised = true;
            self.tell(now, id, Kind::Reply, header, Content::Body(json!({})));
        } else {
            self.refused += 1;
            let problem = Problem::because(Code::Refused, "the token is wrong");
            self.tell(now, id, Kind::Reply, header, Content::Problem(problem));
            self.close(id);
        }
    }

    /// Sends the question's packets.
    fn ask(&mut self, now: Now, session: SessionId, header: Header, question: Question) {
        let Question { to, command, parameters, within, gather, slow } = question;
        let mut addresses = self.recipients(to);
        let instance = self.instances.mint();
        let state = match gather {
            Gather::All(finish) => {
                let waiting = addresses.len();
                for &address in &addresses {
                    // What a request starts is named by it.
                    let address = if command == Command::Start { address.at(instance) } else { address };
                    self.outbox.request(now.instant, instance, address, command, parameters.clone(), within);
                }
                Asking::All { waiting, answers: Vec::new(), finish }
            }
            Gather::Page(mut page) => {
                let (index, inner) = match read_cursor(page.cursor.take()) {
                    Ok(cursor) => cursor,
                    Err(problem) => return self.answered(now, session, header, slow, Err(problem)),
                };
                let index_of = |address: &Address| address.module.index.unwrap_or(0);
                addresses.retain(|address| index_of(address) >= index);
                // The inner cursor is that module's own; it means nothing to the next one.
                page.cursor = inner.filter(|_| addresses.first().is_some_and(|first| index_of(first) == index));
                addresses.reverse();
                Asking::Page(Box::new(Listing { page, parameters, within, rest: addresses, items: Vec::new() }))
            }
        };
        let empty = matches!(&state, Asking::All { waiting: 0, .. })
            || matches!(&state, Asking::Page(listing) if listing.rest.is_empty());
        if empty {
            return self.answered(now, session, header, slow, Err(Problem::new(Code::Unavailable)));
        }
        self.asked.insert(instance, Asked { session, header, slow, state });
        self.turn_page(now, instance);
    }

    /// Asks the next module of a listing.
    fn turn_page(&mut self, now: Now, instance: Instance) {
        let Some(Asked { state: Asking::Page(listing), .. }) = self.asked.get_mut(&instance) else { return };
        let Listing { page, parameters, within, rest, items } = &mut **listing;
        let Some(&address) = rest.last() else { return };
        let selection = Selection {
            cursor: page.cursor.take(),
            limit: Some(page.limit.saturating_sub(items.len() as u32)),
            ..page.selection.clone()
        };
        let mut parameters = parameters.clone();
        parameters.push(selection.into());
        self.outbox.request(now.instant, instance, address, Command::Query, parameters, *within);
    }

    fn recipients(&self, to: Recipients) -> Vec<Address> {
        match to {
            Recipients::Any(kind) => vec![Address::any(kind)],
            Recipients::Each(kind) => {
                self.modules.iter().copied().filter(|address| address.module.kind == kind).collect()
            }
            Recipients::Everyone => self.modules.clone(),
        }
    }

    fn handle_answer(&mut self, now: Now, instance: Instance, packet: Packet) {
        let Some(asked) = self.asked.get_mut(&instance) else { return };
        if packet.command == Command::Progress {
            let call = packet.parameters.iter().find_map(calls::summary);
            if let (true, Some(call)) = (asked.slow, call) {
                let body = Content::Body(json!({ "call": calls::to_json(call) }));
                let (session, header) = (asked.session, asked.header.clone());
                self.tell(now, session, Kind::Progress, header, body);
            }
            return;
        }
        let result = match packet.command {
            Command::Done => Ok(packet.parameters),
            _ => Err(packet.failure()),
        };
        match &mut asked.state {
            Asking::All { waiting, answers, .. } => {
                answers.push(Answer { from: packet.source, result });
                *waiting -= 1;
                if *waiting > 0 {
                    return;
                }
            }
            Asking::Page(listing) => {
                let Listing { page, rest, items, .. } = &mut **listing;
                let asked_module = rest.pop();
                let parameters = match result {
                    Ok(parameters) => parameters,
                    // A module that has nothing of that name has an empty page.
                    Err(failure) if failure.reason == router::parameter::Reason::NotFound => Parameters::new(),
                    Err(failure) => {
                        if let Some(Asked { session, header, slow, .. }) = self.asked.remove(&instance) {
                            self.answered(now, session, header, slow, Err(failure.into()));
                        }
                        return;
                    }
                };
                items.extend(parameters.iter().filter_map(page.item));
                let more = match parameters.last() {
                    Some(Parameter::Selection(selection)) => selection.cursor.clone(),
                    _ => None,
                };
                let index_of = |address: &Address| address.module.index.unwrap_or(0);
                let full = items.len() as u32 >= page.limit;
                let next = match (more, asked_module) {
                    (Some(inner), Some(address)) => Some((index_of(&address), inner)),
                    _ => None,
                };
                match next {
                    Some((index, inner)) => page.cursor = Some(write_cursor(index, &inner)),
                    None if full => page.cursor = rest.last().map(|address| write_cursor(index_of(address), "")),
                    None if !rest.is_empty() => return self.turn_page(now, instance),
                    None => {}
                }
            }
        }
        let Some(Asked { session, header, slow, state }) = self.asked.remove(&instance) else { return };
        let step = match state {
            Asking::All { answers, finish, .. } => finish(answers),
            Asking::Page(listing) => {
                let Listing { page, items, .. } = *listing;
                Ok(Step::Done(json!({ page.key: items, "cursor": page.cursor })))
            }
        };
        match step {
            Ok(Step::Done(body)) => self.answered(now, session, header, slow, Ok(body)),
            Ok(Step::Ask(question)) => self.ask(now, session, header, question),
            Err(problem) => self.answered(now, session, header, slow, Err(problem)),
        }
    }

    /// Gives a session the last answer to its request.
    fn answered(&mut self, now: Now, id: SessionId, header: Header, slow: bool, result: Result<Value, Problem>) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.outstanding = session.outstanding.saturating_sub(1);
        }
        let kind = if slow { Kind::Completion } else { Kind::Reply };
        let content = match result {
            Ok(body) => Content::Body(body),
            Err(problem) => {
                self.refused += 1;
                Content::Problem(problem)
            }
        };
        self.tell(now, id, kind, header, content);
    }

    fn tell(&mut self, now: Now, id: SessionId, kind: Kind, header: Header, content: Content) {
        if let Some(session) = self.sessions.get_mut(&id) {
            let taken = session.push(now, &Line { kind, header, content });
            self.events_dropped += u64::from(!taken && kind == Kind::Event);
            self.ready.insert(id);
        }
    }

    fn close(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.closing = true;
            session.follows.clear();
            self.ready.insert(id);
        }
    }

    fn followed(&self, feed: Feed) -> bool {
        self.sessions.values().any(|session| session.follows.contains_key(&feed))
    }

    /// Subscribes to those publishers of a feed that do not send it yet.
    fn subscribe(&mut self, now: Now, feed: Feed) {
        let publishers = self.recipients(Recipients::Each(feed.publisher()));
        let following = self.feeds.entry(feed).or_default();
        following.retry = None;
        following.subscribed.retain(|address| publishers.contains(address));
        for publisher in publishers {
            if following.subscribed.insert(publisher) {
                let noun = noun(feed);
                self.outbox.request(now.instant, Instance::MODULE, publisher, Command::Subscribe, noun, CHANGE_WITHIN);
            }
        }
    }

    /// Unsubscribes from what nobody follows any more.
    fn leave_feeds(&mut self, now: Now) {
        for feed in Feed::ALL {
            if self.followed(feed) {
                continue;
            }
            let Some(following) = self.feeds.remove(&feed) else { continue };
            if feed == Feed::Calls {
                self.phases.clear();
            }
            for publisher in following.subscribed {
                let noun = noun(feed);
                let verb = Command::Unsubscribe;
                self.outbox.request(now.instant, Instance::MODULE, publisher, verb, noun, CHANGE_WITHIN);
            }
        }
    }

    /// A publisher answered a subscription of the module's own.
    fn handle_subscription_answer(&mut self, now: Now, publisher: Address, verb: Command, packet: &Packet) {
        if verb != Command::Subscribe || packet.command != Command::Failed {
            return;
        }
        for feed in Feed::ALL.into_iter().filter(|feed| feed.publisher() == publisher.module.kind) {
            if let Some(following) = self.feeds.get_mut(&feed) {
                following.subscribed.remove(&publisher.of_module());
                following.retry = Some(now.instant + RESUBSCRIBE);
                // What happens until then is missed by who follows.
                for session in self.sessions.values_mut().filter(|session| session.follows.contains_key(&feed)) {
                    session.miss();
                }
            }
        }
    }

    fn handle_call_event(&mut self, now: Now, event: &CallEvent) {
        if event.missed {
            self.phases.clear();
        }
        let call = &event.call;
        let before = self.phases.get(&call.id).copied();
        let name = calls::event_name(before, call.phase);
        if call.phase == CallPhase::Ended {
            self.phases.remove(&call.id);
        } else if before.is_some() || self.phases.len() < CALLS_FOLLOWED {
            self.phases.insert(call.id.clone(), call.phase);
        }
        let line = Line {
            kind: Kind::Event,
            header: Header::event("calls", name),
            content: Content::Body(calls::event_to_json(event)),
        };
        self.publish(now, Feed::Calls, &line, event.missed, |filter| calls::matches(filter, call));
    }

    fn handle_registration_event(&mut self, now: Now, event: &RegistrationEvent) {
        let line = Line {
            kind: Kind::Event,
            header: Header::event("registrations", registrations::event_name(event)),
            content: Content::Body(registrations::event_to_json(event)),
        };
        self.publish(now, Feed::Registrations, &line, event.missed, |filter| registrations::matches(filter, event));
    }

    fn handle_platform_event(&mut self, now: Now, platform: &Platform) {
        let line = Line {
            kind: Kind::Event,
            header: Header::event("platforms", platforms::event_name(platform)),
            content: Content::Body(platforms::to_json(platform)),
        };
        self.publish(now, Feed::Platforms, &line, platform.missed, |_| true);
    }

    /// Gives an event to who follows its feed and wants it. Who follows is told of a gap even where the filter holds the
    /// event back: what was lost may have passed it.
    fn publish(
        &mut self,
        now: Now,
        feed: Feed,
        line: &Line,
        missed: bool,
        wanted: impl Fn(&crate::question::Filter) -> bool,
    ) {
        for (&id, session) in &mut self.sessions {
            let Some(filter) = session.follows.get(&feed) else { continue };
            let wanted = wanted(filter);
            if missed {
                session.miss();
            }
            if wanted {
                self.events_dropped += u64::from(!session.push(now, line));
                self.ready.insert(id);
            }
        }
    }

    /// Closes who is idle, who does not log in, who does not read.
    fn sweep(&mut self, now: Now) {
        let mut ended = Vec::new();
        for (&id, session) in &mut self.sessions {
            if session.stalled_since().is_some_and(|since| now.instant.since(since) >= STALL) {
                session.broken = true;
                self.ready.insert(id);
            } else if session.closing || session.ended {
                continue;
            } else if !session.authorised && now.instant.since(session.opened) >= LOGIN_WITHIN {
                ended.push((id, Problem::because(Code::LoginRequired, "no login came in time")));
            } else if session.follows.is_empty()
                && session.outstanding == 0
                && now.instant.since(session.last_request) >= IDLE
            {
                ended.push((id, Problem::because(Code::Timeout, "the session was idle")));
            }
        }
        for (id, problem) in ended {
            self.tell(now, id, Kind::Event, Header::event("session", "closing"), Content::Problem(problem));
            self.close(id);
        }
        self.leave_feeds(now);
        for feed in Feed::ALL {
            let due = self.feeds.get(&feed).and_then(|following| following.retry).is_some_and(|at| at <= now.instant);
            if due {
                self.subscribe(now, feed);
            }
        }
        self.sweep = (!self.sessions.is_empty() || !self.feeds.is_empty()).then(|| now.instant + SWEEP);
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

fn noun(feed: Feed) -> Parameters {
    match feed {
        Feed::Calls => one(calls::no_event()),
        Feed::Registrations => one(registrations::no_event()),
        Feed::Platforms => one(Platform::default()),
    }
}

/// A listing's cursor: which module, and that one's own.
fn write_cursor(index: u8, inner: &str) -> String {
    format!("{index}.{inner}")
}

fn read_cursor(cursor: Option<String>) -> Result<(u8, Option<String>), Problem> {
    let Some(cursor) = cursor else { return Ok((0, None)) };
    cursor
        .split_once('.')
        .filter(|(_, inner)| inner.len() <= crate::limits::TEXT_BYTES)
        .and_then(|(index, inner)| Some((index.parse().ok()?, (!inner.is_empty()).then(|| inner.to_owned()))))
        .ok_or_else(|| Problem::because(Code::Invalid, "the cursor is none of a former answer"))
}

#[cfg(test)]
mod tests;
