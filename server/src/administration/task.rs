//! The shell: the loop that runs the core, reads the configuration's file and makes the first accounts.

use super::{Administration, Certificate, CertificateUse, Output, Scrape};
use crate::certificates::{self, Certificates, Fault, Validity};
use crate::clock::Clock;
use crate::cluster::InForce;
use crate::configuration::{self, Configuration};
use crate::first_start::{self, FirstAccount};
use crate::limits::{RELOADS_WAITING, REMIND_INTERVAL};
use crate::rates::{Changed, Tables};
use crate::signatures::Signatures;
use crate::telemetry::logging::Logging;
use arc_swap::ArcSwap;
use control::listener::Waker;
use router::time::Duration;
use router::{Endpoint, Packet, Private, Random};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

/// What is in force. Every shell looks at it when its module is woken, and applies what is its own.
#[derive(Clone, Debug)]
pub struct State {
    /// The configuration.
    pub configuration: Arc<Configuration>,
    /// What the files of its rate tables hold.
    pub rates: Tables,
    /// What calls are signed and verified with.
    pub signatures: Signatures,
    /// The platform's own secret, of `secret` in the data folder.
    pub secret: Private<String>,
    /// The certificate of media, for this life of the process.
    pub identity: Option<Arc<media::Identity>>,
    /// Whether no new calls are taken: the server is about to end.
    pub draining: bool,
}

/// What is in force, as shells share it: read without a lock.
pub type Live = Arc<ArcSwap<State>>;

/// What the rest of the server asks of the module.
#[derive(Debug)]
pub enum Command {
    /// The status of all modules.
    Scrape(oneshot::Sender<Scrape>),
    /// Read the configuration anew.
    Reload,
    /// Take no new calls; tell when none is left.
    Drain(oneshot::Sender<u64>),
    /// Make the first accounts where the store has none, and tell those that were made.
    Start(oneshot::Sender<Vec<FirstAccount>>),
}

/// Where commands are sent.
pub type Orders = mpsc::Sender<Command>;

/// The module with what its shell needs.
pub struct Seat {
    /// The core.
    pub core: Administration,
    /// Its place at the router.
    pub endpoint: Endpoint,
    /// What wakes it.
    pub waker: Waker,
    /// The clocks.
    pub clock: Clock,
    /// What is in force.
    pub live: Live,
    /// Where the configuration came from; `None`: nowhere, all defaults.
    pub file: Option<PathBuf>,
    /// The log, whose level follows the configuration.
    pub logging: Logging,
    /// For the first accounts' passwords.
    pub random: Random,
    /// By what links are made, where there are any with certificates.
    pub certificates: Option<InForce>,
    /// Those of SIP.
    pub of_sip: certificates::InForce,
    /// What is asked of it: the same for whoever follows it, should it end in a panic.
    pub orders: Arc<Mutex<mpsc::Receiver<Command>>>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").field("core", &self.core).field("file", &self.file).finish_non_exhaustive()
    }
}

/// What the files of a configuration hold.
struct Read {
    configuration: Configuration,
    rates: Tables,
    signatures: Signatures,
}

/// A reload whose files are being read: on a thread of its own, as a million rates take a while.
struct Reloading {
    /// Who asked for it; `None`: a signal.
    request: Option<Box<Packet>>,
    read: JoinHandle<Result<Read, String>>,
}

/// Who waits for what.
#[derive(Default)]
struct Waiting {
    reloading: Option<Reloading>,
    /// Who asked for another one meanwhile.
    reloads: VecDeque<Option<Box<Packet>>>,
    scrapes: BTreeMap<u64, oneshot::Sender<Scrape>>,
    next: u64,
    drained: Option<oneshot::Sender<u64>>,
    started: Option<oneshot::Sender<Vec<FirstAccount>>>,
    made: Vec<FirstAccount>,
}

impl Seat {
    /// Runs the module until nobody can ask it any more.
    pub async fn run(mut self) {
        let mut waiting = Waiting::default();
        let mut daily = tokio::time::interval(REMIND_INTERVAL);
        // At the start it was said.
        daily.reset();
        let mut orders = Arc::clone(&self.orders).lock_owned().await;
        self.show_certificates();
        loop {
            let now = self.clock.now();
            let more = router::service::turn(&mut self.core, &self.endpoint, now);
            let mut acted = false;
            while let Some(output) = self.core.poll_output() {
                self.act(output, &mut waiting);
                acted = true;
            }
            if acted || more || !self.endpoint.may_sleep() {
                tokio::task::yield_now().await;
                continue;
            }
            let due = router::service::next_turn(&mut self.core).map(|at| at.since(self.clock.instant()));
            let timeout = async {
                match due {
                    Some(after) => tokio::time::sleep(after).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.obey(order, &mut waiting),
                    None => return,
                },
                read = read_of(&mut waiting.reloading) => self.reloaded(read, &mut waiting),
                () = self.waker.wait() => {}
                () = timeout => {}
                _ = daily.tick() => self.of_sip.remind(),
            }
            self.endpoint.awake();
        }
    }

    fn obey(&mut self, order: Command, waiting: &mut Waiting) {
        let now = self.clock.now();
        match order {
            Command::Scrape(answer) => {
                waiting.next += 1;
                if self.core.handle_scrape(now, waiting.next) {
                    waiting.scrapes.insert(waiting.next, answer);
                }
            }
            Command::Reload => self.reload(None, waiting),
            Command::Drain(answer) => {
                let state = self.live.load_full();
                let within = Duration::from_secs(state.configuration.calls.drain_s.into());
                self.live.store(Arc::new(State { draining: true, ..(*state).clone() }));
                self.core.handle_changed();
                self.core.handle_drain(now, within);
                waiting.drained = Some(answer);
            }
            Command::Start(answer) => {
                waiting.started = Some(answer);
                self.core.handle_start(now);
            }
        }
    }

    fn act(&mut self, output: Output, waiting: &mut Waiting) {
        match output {
            Output::Scraped(ticket, scrape) => {
                if let Some(answer) = waiting.scrapes.remove(&ticket) {
                    let _ = answer.send(scrape);
                }
            }
            Output::Reload(request) => self.reload(Some(Box::new(request)), waiting),
            Output::NoAccounts => {
                let data = self.live.load().configuration.data.clone();
                match first_start::accounts(&data, &mut self.random) {
                    Ok(accounts) => {
                        self.core.handle_accounts(self.clock.now(), &accounts);
                        waiting.made = accounts;
                    }
                    Err(error) => {
                        tracing::error!(%error, "the first accounts cannot be kept, so none are made");
                        if let Some(answer) = waiting.started.take() {
                            let _ = answer.send(Vec::new());
                        }
                    }
                }
            }
            Output::AccountsMade => {
                tracing::info!(accounts = waiting.made.len(), "the first accounts are made");
                if let Some(answer) = waiting.started.take() {
                    let _ = answer.send(std::mem::take(&mut waiting.made));
                }
            }
            Output::AccountsThere => {
                if let Some(answer) = waiting.started.take() {
                    let _ = answer.send(Vec::new());
                }
            }
            Output::AccountsFailed(failure) => {
                tracing::error!(?failure, "the store has not made the first accounts");
                if let Some(answer) = waiting.started.take() {
                    let _ = answer.send(Vec::new());
                }
            }
            Output::Drained(calls) => {
                if let Some(answer) = waiting.drained.take() {
                    let _ = answer.send(calls);
                }
            }
        }
    }

    /// Until when certificates are in force is told with the status.
    fn show_certificates(&mut self) {
        let of_links = self.certificates.iter().flat_map(|of_links| of_links.current().ends());
        let of_links = of_links.map(|(name, end)| Certificate { of: CertificateUse::Link, name, end });
        let of_sip = self.of_sip.shown().into_iter();
        let of_sip = of_sip.map(|shown| Certificate { of: CertificateUse::Sip, name: shown.name(), end: shown.end });
        self.core.handle_certificates(of_links.chain(of_sip).collect());
    }

    /// Reads the files anew, or once the reload that is under way is over.
    fn reload(&mut self, request: Option<Box<Packet>>, waiting: &mut Waiting) {
        if waiting.reloading.is_some() {
            if waiting.reloads.len() < RELOADS_WAITING {
                waiting.reloads.push_back(request);
            } else {
                let report = Err(format!("{RELOADS_WAITING} reloads are waiting"));
                self.core.handle_reloaded(request.as_deref(), report);
            }
            return;
        }
        let (file, former) = (self.file.clone(), self.live.load_full());
        let read = tokio::task::spawn_blocking(move || read(file, &former));
        waiting.reloading = Some(Reloading { request, read });
    }

    /// The files are read: what can be is put into force.
    fn reloaded(&mut self, (request, read): (Option<Box<Packet>>, Result<Read, String>), waiting: &mut Waiting) {
        let report = read.and_then(|read| self.put_into_force(read));
        if let (Err(error), None) = (&report, &request) {
            tracing::error!("the configuration stays as it was: {error}");
        }
        self.core.handle_reloaded(request.as_deref(), report);
        if let Some(request) = waiting.reloads.pop_front() {
            self.reload(request, waiting);
        }
    }

    /// Puts what was read into force. The report, as JSON; or why nothing changed.
    fn put_into_force(&mut self, read: Read) -> Result<Vec<u8>, String> {
        let Read { configuration: new, rates, signatures } = read;
        let read = self.certificates.as_ref().map(InForce::read_anew).transpose();
        let read = read.map_err(|error| format!("bridge: {error}"))?;
        let state = self.live.load_full();
        let (merged, mut report) = configuration::reload::merge(&state.configuration, &new);
        let of_sip = Certificates::read(&merged).map_err(|faults| {
            let all: Vec<String> = faults.into_iter().map(|(key, why)| format!("{key}: {why}")).collect();
            all.join("; ")
        })?;
        self.logging.set_level(&merged.log.level)?;
        let former = configuration::validate::doubts(&state.configuration);
        for (key, why) in configuration::validate::doubts(&merged).into_iter().filter(|doubt| !former.contains(doubt)) {
            tracing::warn!("{key}: {why}");
        }
        for Changed { name, from, to } in rates.changed(&state.rates) {
            let rows = |rows: Option<usize>| rows.map(|rows| format!("{rows} rows"));
            let key = format!("rates `{name}`");
            report.applied.push(configuration::reload::Change { key, from: rows(from), to: rows(to) });
        }
        self.live.store(Arc::new(State { configuration: Arc::new(merged), rates, signatures, ..(*state).clone() }));
        if let (Some(certificates), Some(read)) = (self.certificates.clone(), read) {
            let until = |certificates: &InForce| Some(format!("until {}", certificates.current().certificate.end));
            let from = until(&certificates);
            if certificates.renew(read) {
                let key = "bridge.certificates".to_owned();
                report.applied.push(configuration::reload::Change { key, from, to: until(&certificates) });
                self.show_certificates();
            }
        }
        let ends = |shown: &[Validity]| {
            let told = |one: &Validity| format!("{} until {}, number {}", one.name(), one.end, one.serial);
            let each: Vec<String> = shown.iter().map(told).collect();
            Some(each.join(", ")).filter(|text| !text.is_empty())
        };
        let (from, to) = (ends(&self.of_sip.shown()), ends(&of_sip.shown));
        self.of_sip.renew(of_sip);
        if from != to {
            report.applied.push(configuration::reload::Change { key: "certificate".to_owned(), from, to });
        }
        self.show_certificates();
        let keys = |changes: &[configuration::reload::Change]| {
            changes.iter().map(|change| change.key.clone()).collect::<Vec<_>>().join(", ")
        };
        tracing::info!(
            applied = keys(&report.applied),
            restart = keys(&report.restart),
            "the configuration was read anew"
        );
        serde_json::to_vec(&report).map_err(|error| error.to_string())
    }
}

/// Reads the file of the configuration and the rate tables that it names.
fn read(named: Option<PathBuf>, former: &State) -> Result<Read, String> {
    // One that was made since takes its place where there was none.
    let file = crate::cli::file(named.as_deref()).ok_or_else(|| {
        let name = crate::cli::DEFAULT_FILE;
        format!("there is no configuration: no file was named at the start, and no {name} is in the server's folder")
    })?;
    let configuration = configuration::load(&file).map_err(|error| error.to_string())?;
    let told = |faults: Vec<Fault>| {
        let all: Vec<String> = faults.into_iter().map(|(key, why)| format!("{key}: {why}")).collect();
        all.join("; ")
    };
    let rates = Tables::read(&configuration, &former.rates).map_err(told)?;
    let signatures = Signatures::read(&configuration, &former.signatures).map_err(told)?;
    Ok(Read { configuration, rates, signatures })
}

/// What a reload has read, and who asked for it; nothing where there is no reload.
async fn read_of(reloading: &mut Option<Reloading>) -> (Option<Box<Packet>>, Result<Read, String>) {
    let Some(under_way) = reloading else { return std::future::pending().await };
    let read = (&mut under_way.read).await.unwrap_or_else(|error| Err(error.to_string()));
    let request = under_way.request.take();
    *reloading = None;
    (request, read)
}
