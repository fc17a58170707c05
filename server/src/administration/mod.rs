//! The server as a module: the status of all, reload, draining, the first accounts.
//!
//! `Set × Extension` named `configuration` reads the configuration anew and is answered with `Done × Extension`, whose bytes
//! are the report in JSON (`configuration::reload::Report`).

mod task;

pub use task::{Command as Order, Live, Orders, Seat, State};

use crate::first_start::FirstAccount;
use crate::limits::{ACCOUNTS_WITHIN, DRAIN_POLL, REMIND_DAYS, RENEW_DAYS, SCRAPE_WITHIN, SCRAPES};
use crate::process::Process;
use router::parameter::{
    Account, AccountCredential, Counter, Extension, Failure, Parameter, Platform, Reason, Resource, ResourceKind,
    ResourceState, Selection, Status,
};
use router::time::{Duration, Instant, Now, WallTime};
use router::{
    Address, Command, Instance, Instances, ModuleKind, Outbox, Packet, Parameters, Random, Received, Router, Service,
    one,
};
use std::collections::{BTreeMap, VecDeque};

/// The name of the extension by which a reload is asked for and reported.
pub const CONFIGURATION: &str = "configuration";

/// What all modules tell of themselves, gathered once.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scrape {
    /// Those that answered, in the order of their addresses.
    pub statuses: Vec<Status>,
    /// Those that did not.
    pub silent: Vec<Address>,
    /// The platforms of the cluster, where there are links.
    pub platforms: Vec<Platform>,
}

impl Scrape {
    /// How much of a kind of resource is in use.
    pub fn used(&self, kind: ResourceKind) -> u64 {
        let resources = self.statuses.iter().flat_map(|status| &status.resources);
        resources.filter(|resource| resource.kind == kind).map(|resource| resource.used).sum()
    }

    /// Whether every SIP module has told that its accounts and registrations are loaded.
    pub fn is_loaded(&self) -> bool {
        let resources = self.statuses.iter().flat_map(|status| &status.resources);
        let mut bindings = resources.filter(|resource| resource.kind == ResourceKind::Bindings).peekable();
        let silent = self.silent.iter().any(|address| address.module.kind == ModuleKind::Signaling);
        !silent && bindings.peek().is_some() && bindings.all(|resource| resource.state == ResourceState::Ready)
    }

    /// The worst state of any resource; `Failed` where a module is silent.
    pub fn state(&self) -> ResourceState {
        let states = || self.statuses.iter().flat_map(|status| &status.resources).map(|resource| resource.state);
        if !self.silent.is_empty() || states().any(|state| state == ResourceState::Failed) {
            ResourceState::Failed
        } else if states().any(|state| state == ResourceState::Degraded) {
            ResourceState::Degraded
        } else {
            ResourceState::Ready
        }
    }
}

/// What the core wants of its shell.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    /// A scrape is complete.
    Scraped(u64, Scrape),
    /// Read the configuration anew and report with [`Administration::handle_reloaded`].
    Reload(Packet),
    /// The store has no account: make the first ones with [`Administration::handle_accounts`].
    NoAccounts,
    /// The store has accounts.
    AccountsThere,
    /// The first accounts are stored.
    AccountsMade,
    /// They are not, and why.
    AccountsFailed(Failure),
    /// No call is left, or the time for it is over. How many are left.
    Drained(u64),
}

/// What an answer belongs to.
enum Asked {
    Scrape {
        ticket: Ticket,
        waiting: usize,
        scrape: Scrape,
    },
    /// A page of the platforms, for that scrape.
    Platforms(Instance),
    Empty,
    Make {
        waiting: usize,
        failure: Option<Failure>,
    },
}

/// Whom a scrape is for.
#[derive(Clone, Copy)]
enum Ticket {
    Client(u64),
    Drain,
}

/// The server's module. Pure but for the counts of the router and of the process, which it reads when it is asked.
pub struct Administration {
    router: Router,
    process: Process,
    outbox: Outbox,
    instances: Instances,
    since: WallTime,
    asked: BTreeMap<Instance, Asked>,
    outputs: VecDeque<Output>,
    drain: Option<Drain>,
    reloads: u64,
    certificates: Vec<Certificate>,
}

/// A certificate of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// What it is for.
    pub of: CertificateUse,
    /// Its name for people.
    pub name: String,
    /// Until when it is in force.
    pub end: WallTime,
}

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CertificateUse {
    /// Links are made with it.
    Link,
    /// Peers of SIP are shown it.
    Sip,
}

struct Drain {
    until: Instant,
    next: Option<Instant>,
}

impl Administration {
    /// The module at `address`.
    pub fn new(now: Now, address: Address, router: Router, process: Process, random: &mut Random) -> Self {
        Self {
            router,
            process,
            outbox: Outbox::new(address),
            instances: Instances::new(random),
            since: now.wall,
            asked: BTreeMap::new(),
            outputs: VecDeque::new(),
            drain: None,
            reloads: 0,
            certificates: Vec::new(),
        }
    }

    /// These certificates are used.
    pub fn handle_certificates(&mut self, certificates: Vec<Certificate>) {
        self.certificates = certificates;
    }

    /// Asks every module for its status. False: too many ask already.
    pub fn handle_scrape(&mut self, now: Now, ticket: u64) -> bool {
        let under_way = self.asked.values().filter(|asked| matches!(asked, Asked::Scrape { .. })).count();
        if under_way >= SCRAPES {
            return false;
        }
        self.scrape(now, Ticket::Client(ticket));
        true
    }

    /// The configuration was read anew, or why not. Where a packet asked for it (a signal does otherwise), it is answered.
    pub fn handle_reloaded(&mut self, request: Option<&Packet>, report: Result<Vec<u8>, String>) {
        if report.is_ok() {
            self.reloads += 1;
            self.handle_changed();
        }
        let Some(request) = request else { return };
        match report {
            Ok(bytes) => self.outbox.done(request, one(Extension { name: CONFIGURATION.to_owned(), bytes })),
            Err(why) => self.outbox.failed(request, Failure::new(Reason::Invalid).with_detail(why)),
        }
    }

    /// Wakes every module, so that each looks at what is in force now.
    pub fn handle_changed(&mut self) {
        let own = self.outbox.address();
        for (address, _) in self.router.modules() {
            if address != own {
                let news = Extension { name: CONFIGURATION.to_owned(), bytes: Vec::new() };
                self.outbox.notify(Instance::MODULE, address, one(news));
            }
        }
    }

    /// Looks whether the store has an account: [`Output::NoAccounts`] if not.
    pub fn handle_start(&mut self, now: Now) {
        let selection = Selection { limit: Some(1), ..Selection::default() };
        let parameters: Parameters =
            [Parameter::from(account(now, String::new(), AccountCredential::Withheld)), selection.into()]
                .into_iter()
                .collect();
        self.ask(now, Command::Query, vec![parameters], Asked::Empty);
    }

    /// Stores the first accounts.
    pub fn handle_accounts(&mut self, now: Now, accounts: &[FirstAccount]) {
        let parameters: Vec<Parameters> = accounts
            .iter()
            .map(|first| {
                let credential = AccountCredential::Password(first.password.clone());
                one(account(now, first.name.clone(), credential))
            })
            .collect();
        let waiting = parameters.len();
        self.ask(now, Command::Set, parameters, Asked::Make { waiting, failure: None });
    }

    /// Counts the calls until none is left or `within` is over: [`Output::Drained`].
    pub fn handle_drain(&mut self, now: Now, within: Duration) {
        if self.drain.is_none() {
            self.drain = Some(Drain { until: now.instant + within, next: None });
            self.scrape(now, Ticket::Drain);
        }
    }

    /// The next thing for the shell to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn ask(&mut self, now: Now, command: Command, requests: Vec<Parameters>, asked: Asked) {
        let instance = self.instances.mint();
        for parameters in requests {
            let store = Address::any(ModuleKind::Store);
            self.outbox.request(now.instant, instance, store, command, parameters, ACCOUNTS_WITHIN);
        }
        self.asked.insert(instance, asked);
    }

    fn scrape(&mut self, now: Now, ticket: Ticket) {
        let instance = self.instances.mint();
        let own = self.outbox.address();
        let scrape = Scrape { statuses: vec![self.status(now.wall)], ..Scrape::default() };
        let mut waiting = 0;
        for (address, _) in self.router.modules() {
            if address != own {
                waiting += 1;
                let question = one(Status::default());
                self.outbox.request(now.instant, instance, address, Command::Query, question, SCRAPE_WITHIN);
            }
            if address.module.kind == ModuleKind::Bridge && matches!(ticket, Ticket::Client(_)) {
                waiting += 1;
                self.ask_platforms(now, instance, address, None);
            }
        }
        if waiting == 0 {
            self.scraped(now, ticket, scrape);
        } else {
            self.asked.insert(instance, Asked::Scrape { ticket, waiting, scrape });
        }
    }

    /// Asks for a page of the platforms, for the scrape at `scrape`.
    fn ask_platforms(&mut self, now: Now, scrape: Instance, bridge: Address, cursor: Option<String>) {
        let instance = self.instances.mint();
        let selection = Selection { cursor, ..Selection::default() };
        let question: Parameters = [Parameter::from(Platform::default()), selection.into()].into_iter().collect();
        self.outbox.request(now.instant, instance, bridge, Command::Query, question, SCRAPE_WITHIN);
        self.asked.insert(instance, Asked::Platforms(scrape));
    }

    /// A page of the platforms came, or none: who does not tell its platforms is silent as a module already.
    fn handle_platforms(&mut self, now: Now, scrape: Instance, bridge: Address, page: Option<&Parameters>) {
        let platforms = || {
            page.into_iter().flatten().filter_map(|parameter| match parameter {
                Parameter::Platform(platform) => Some((**platform).clone()),
                _ => None,
            })
        };
        let cursor = match page.and_then(|page| page.last()) {
            Some(Parameter::Selection(selection)) => selection.cursor.clone(),
            _ => None,
        };
        let Some(Asked::Scrape { scrape: gathered, .. }) = self.asked.get_mut(&scrape) else { return };
        let before = gathered.platforms.len();
        gathered.platforms.extend(platforms());
        // A page that brings nothing is the last one, whatever it says.
        let grew = gathered.platforms.len() > before;
        match cursor.filter(|_| grew) {
            Some(cursor) => self.ask_platforms(now, scrape, bridge, Some(cursor)),
            None => self.answered(now, scrape, |_| {}),
        }
    }

    /// One answer of a scrape is in; the last one completes it.
    fn answered(&mut self, now: Now, instance: Instance, add: impl FnOnce(&mut Scrape)) {
        let Some(Asked::Scrape { ticket, waiting, mut scrape }) = self.asked.remove(&instance) else { return };
        add(&mut scrape);
        if waiting > 1 {
            self.asked.insert(instance, Asked::Scrape { ticket, waiting: waiting - 1, scrape });
        } else {
            self.scraped(now, ticket, scrape);
        }
    }

    fn scraped(&mut self, now: Now, ticket: Ticket, mut scrape: Scrape) {
        scrape.statuses.sort_by(|one, other| one.module.cmp(&other.module));
        match ticket {
            Ticket::Client(ticket) => self.outputs.push_back(Output::Scraped(ticket, scrape)),
            Ticket::Drain => {
                let Some(drain) = &mut self.drain else { return };
                let calls = scrape.used(ResourceKind::Calls);
                // A switch that is silent may have calls: it is waited for.
                let switch_silent = scrape.silent.iter().any(|address| address.module.kind == ModuleKind::Switch);
                if (calls == 0 && !switch_silent) || now.instant >= drain.until {
                    drain.next = None;
                    self.outputs.push_back(Output::Drained(calls));
                } else {
                    drain.next = Some(now.instant + DRAIN_POLL);
                }
            }
        }
    }

    fn handle_answer(&mut self, now: Now, asked_of: Address, instance: Instance, packet: Packet) {
        if !packet.command.is_final() {
            return;
        }
        let result = if packet.command == Command::Done { Ok(&packet.parameters) } else { Err(packet.failure()) };
        if let Some(Asked::Scrape { .. }) = self.asked.get(&instance) {
            return self.answered(now, instance, |scrape| {
                match result.ok().and_then(|parameters| parameters.first()) {
                    Some(Parameter::Status(status)) => scrape.statuses.push((**status).clone()),
                    _ => scrape.silent.push(asked_of),
                }
            });
        }
        match self.asked.remove(&instance) {
            Some(Asked::Platforms(scrape)) => self.handle_platforms(now, scrape, asked_of, result.ok()),
            Some(Asked::Empty) => match result {
                Ok(parameters) if parameters.iter().any(|parameter| matches!(parameter, Parameter::Account(_))) => {
                    self.outputs.push_back(Output::AccountsThere);
                }
                Ok(_) => self.outputs.push_back(Output::NoAccounts),
                Err(failure) if failure.reason == Reason::NotFound => self.outputs.push_back(Output::NoAccounts),
                Err(failure) => self.outputs.push_back(Output::AccountsFailed(failure)),
            },
            Some(Asked::Make { waiting, failure }) => {
                let failure = failure.or(result.err());
                match (waiting > 1, failure) {
                    (true, failure) => {
                        self.asked.insert(instance, Asked::Make { waiting: waiting - 1, failure });
                    }
                    (false, None) => self.outputs.push_back(Output::AccountsMade),
                    (false, Some(failure)) => self.outputs.push_back(Output::AccountsFailed(failure)),
                }
            }
            Some(Asked::Scrape { .. }) | None => {}
        }
    }

    /// The server's own status: inboxes, what the router counted, what the process holds, certificates.
    fn status(&self, now: WallTime) -> Status {
        let mut resources = Vec::new();
        let mut counters = Vec::new();
        for (address, inbox) in self.router.modules() {
            let module = address.module.to_string();
            resources.push(Resource {
                kind: ResourceKind::Inbox,
                name: module.clone(),
                state: ResourceState::Ready,
                used: inbox.depth as u64,
                total: Some(router::limits::INBOX_SLOTS as u64),
                detail: None,
            });
            for (name, value) in [
                ("inbox_delivered", inbox.delivered),
                ("inbox_refused", inbox.refused),
                ("inbox_over_quota", inbox.over_quota),
                ("inbox_dropped_notices", inbox.dropped_notices),
                ("inbox_lost_answers", inbox.lost_answers),
                ("inbox_wakes", inbox.wakes),
            ] {
                counters.push(Counter::labelled(name, "inbox", &module, value));
            }
        }
        resources.extend(self.process.resources());
        resources.extend(self.certificates.iter().map(|one| certificate(one, now)));
        let router = self.router.counters();
        counters.push(Counter::new("router_unknown_destinations", router.unknown_destinations));
        counters.push(Counter::new("router_absent_platforms", router.absent_platforms));
        counters.push(Counter::new("configuration_reloads", self.reloads));
        counters.push(Counter::new("log_lines_dropped", crate::telemetry::lines::dropped()));
        Status {
            module: self.outbox.address().module.to_string(),
            since: self.since,
            resources,
            counters,
            distributions: Vec::new(),
        }
    }
}

impl Service for Administration {
    fn handle_received(&mut self, now: Now, received: Received) {
        match received {
            Received::Answer(pending, packet) => {
                self.handle_answer(now, pending.destination, pending.source, packet);
            }
            Received::Packet(packet) => match (packet.command, packet.first()) {
                (Command::Query, Some(Parameter::Status(_))) => {
                    let status = self.status(now.wall);
                    self.outbox.done(&packet, one(status));
                }
                (Command::Set, Some(Parameter::Extension(extension))) if extension.name == CONFIGURATION => {
                    self.outputs.push_back(Output::Reload(packet));
                }
                (Command::Notify, _) => {}
                _ => self.outbox.unsupported(&packet),
            },
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        if let Some(drain) = &mut self.drain
            && drain.next.is_some_and(|at| at <= now.instant)
        {
            drain.next = None;
            self.scrape(now, Ticket::Drain);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.drain.as_ref().and_then(|drain| drain.next)
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

impl std::fmt::Debug for Administration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administration").field("asked", &self.asked.len()).finish_non_exhaustive()
    }
}

/// A certificate: how many days it stays in force. The server serves without it, so it is never `Failed`.
fn certificate(certificate: &Certificate, now: WallTime) -> Resource {
    let Certificate { of, name, end } = certificate;
    let days = end.since(now).as_secs() / 86_400;
    let (notice, expired, then) = match of {
        CertificateUse::Link => (RENEW_DAYS, "expired: no link comes about since", "; tandem bridge invite renews it"),
        CertificateUse::Sip => {
            (REMIND_DAYS, "expired: peers of SIP refuse it since", "; write its file anew, and reload")
        }
    };
    let detail = (days < notice).then(|| {
        let ended = if now >= *end { expired } else { "in force until" };
        format!("{ended} {end}{then}")
    });
    let state = if detail.is_some() { ResourceState::Degraded } else { ResourceState::Ready };
    Resource { kind: ResourceKind::Certificate, name: name.clone(), state, used: days, total: None, detail }
}

fn account(now: Now, name: String, credential: AccountCredential) -> Account {
    Account { name, display_name: None, credential, enabled: true, created: now.wall, removed: false }
}

#[cfg(test)]
mod tests;
