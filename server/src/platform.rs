//! The platform: modules put together, run until a signal, taken down in the reverse order.
//!
//! Started: the store, media workers, then what reaches the world (SIP, control, telemetry). Ended: no new calls; when none is left, or
//! their time is over, the clients, the workers, and last the store, which commits what it has.

use crate::administration::{Administration, Live, Order, Orders, Seat, State};
use crate::certificates::{Certificates, InForce};
use crate::clock::Clock;
use crate::configuration::{self, Configuration};
use crate::first_start::{self, FirstAccount};
use crate::limits::{READY_POLL, RESTART_PAUSE, STOP_WITHIN};
use crate::links::{self, Links, Protection};
use crate::open_files;
use crate::process::Process;
use crate::rates::Tables;
use crate::relay_names;
use crate::shard::Shards;
use crate::signatures::Signatures;
use crate::supervision::supervise;
use crate::telemetry::{http, logging::Logging};
use crate::threads::{self, Layout};
use arc_swap::ArcSwap;
use control::listener::{Listener, Waker};
use control::{Config, Control};
use router::{Address, ModuleKind, Random, Router};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::JoinHandle;
use store::Store;
use store::backend::{Sqlite, Stopper};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, mpsc, oneshot, watch};

/// Why the server did not start: a sentence for the operator.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartError(String);

impl StartError {
    /// What failed, and how.
    pub fn new(what: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// Orders to the administration that wait: they come from a scraper, a signal, the start.
const ORDERS: usize = 32;

/// Runs the server until it is told to end. `print` shows the operator what is shown once.
pub fn run(configuration: Configuration, file: Option<PathBuf>, print: fn(&str)) -> Result<(), StartError> {
    let logging = Logging::start(&configuration.log).map_err(|error| StartError::new("log", error))?;
    let last_words = logging.clone();
    threads::end_with_vital_threads(move || last_words.flush());
    let result = start(configuration, file, logging.clone(), print);
    logging.flush();
    result
}

fn start(
    configuration: Configuration,
    file: Option<PathBuf>,
    logging: Logging,
    print: fn(&str),
) -> Result<(), StartError> {
    let clock = Clock::start();
    let ports = &configuration.media.ports;
    let needed = open_files::needed(
        configuration.calls.max.into(),
        u64::from(ports.last - ports.first) + 1,
        configuration.sip.connections_max.into(),
    );
    let files = open_files::raise_limit(needed);
    if files < needed {
        tracing::warn!(files, needed, "the limit of open files does not suffice for calls.max and media.ports");
    }
    if let Err(error) = open_files::grow_table(needed.min(files)) {
        tracing::warn!(%error, "room for open files cannot be made beforehand");
    }
    let data = configuration.data.display().to_string();
    first_start::data_folder(&configuration.data).map_err(|error| StartError::new(data, error))?;
    if let Some(open) = first_start::openness(&configuration.data) {
        tracing::warn!("data: {open}");
    }
    for (key, why) in configuration::validate::doubts(&configuration) {
        tracing::warn!("{key}: {why}");
    }
    let available = threads::available().map_err(|error| StartError::new("cores", error))?;
    let layout = Layout::new(&available, &configuration.media.workers, configuration.sip.shards)
        .map_err(|error| StartError::new("cores", error))?;
    // Before any thread: those that are not put elsewhere inherit it.
    if let Err(error) = threads::pin(&layout.others) {
        tracing::warn!(%error, "the server cannot choose its cores");
    }
    let protection = links::protection(&configuration)?;
    let certificates = Certificates::read(&configuration).map_err(|faults| {
        let all: Vec<String> = faults.into_iter().map(|(key, why)| format!("{key}: {why}")).collect();
        StartError::new("certificates", all.join("; "))
    })?;
    let certificates = InForce::new(certificates);
    let rates = Tables::read(&configuration, &Tables::default()).map_err(|faults| {
        let all: Vec<String> = faults.into_iter().map(|(key, why)| format!("{key}: {why}")).collect();
        StartError::new("rate tables", all.join("; "))
    })?;
    let signatures = Signatures::read(&configuration, &Signatures::default()).map_err(|faults| {
        let all: Vec<String> = faults.into_iter().map(|(key, why)| format!("{key}: {why}")).collect();
        StartError::new("signatures of calls", all.join("; "))
    })?;
    let router = Router::new(configuration::bridge::platform(&configuration));
    let mut random = Random::from_system();
    let path = first_start::secret_file(&configuration.data);
    let secret =
        first_start::token(&path, &mut random).map_err(|error| StartError::new(path.display().to_string(), error))?;
    #[expect(clippy::disallowed_methods, reason = "the moment that a library's clock is taken to have begun at")]
    let identity =
        media::Identity::generate(std::time::Instant::now()).map_err(|error| StartError::new("media", error))?;
    let identity = Some(Arc::new(identity));
    let state = State { configuration: Arc::new(configuration), rates, signatures, secret, identity, draining: false };
    let live: Live = Arc::new(ArcSwap::from_pointee(state));
    let process = Process::default();
    let platform = Platform { clock, router, live, layout, protection, certificates, process, random };
    platform.run(file, logging, print)
}

/// What all modules are started with.
struct Platform {
    clock: Clock,
    router: Router,
    live: Live,
    layout: Layout,
    protection: Option<Protection>,
    certificates: InForce,
    process: Process,
    random: Random,
}

impl Platform {
    fn run(mut self, file: Option<PathBuf>, logging: Logging, print: fn(&str)) -> Result<(), StartError> {
        let configuration = Arc::clone(&self.live.load().configuration);
        let store = self.start_store(&configuration)?;
        let media = configuration::media::config(&configuration, configuration::media::outbound_address);
        let workers = self.start_workers(&media, &configuration)?;
        let policy = self.certificates.policy();
        let (router, live, layout) = (&self.router, &self.live, &self.layout);
        let shards = Shards::start(router, self.clock, live, layout, &self.process, &policy, &mut self.random)
            .map_err(|failure| StartError::new(failure.what, failure.why))?;
        let cores = self.layout.others.clone();
        let random = self.random.fork();
        let runtime = links::Runtime { clock: self.clock, cores, process: self.process.clone() };
        let links = Links::start(&configuration, self.protection.as_ref(), &self.router, runtime, random)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StartError::new("runtime", error))?;
        let named = relay_names::named(&media.relays);
        let name_servers = configuration.sip.name_servers.clone();
        runtime.spawn(relay_names::follow(named, name_servers, self.clock, self.random.fork()));
        let result = runtime.block_on(self.serve(&configuration, file, logging, print));
        shards.stop();
        // Calls with a leg elsewhere have told it by now.
        if let Some(links) = links {
            links.stop();
        }
        drop(runtime);
        workers.stop();
        store.stop();
        result
    }

    fn start_store(&mut self, configuration: &Configuration) -> Result<StoreThread, StartError> {
        let settings = configuration::store::settings(configuration);
        let (backend, opened) =
            Sqlite::open(&settings, &mut self.random).map_err(|error| StartError::new("store", error))?;
        if opened.realm != settings.realm {
            return Err(StartError::new(
                "sip.realm",
                format!("the store was made for the realm `{}`, and keeps its passwords for it", opened.realm),
            ));
        }
        if opened.interrupted > 0 {
            let calls = opened.interrupted;
            tracing::warn!(calls, "calls were open when the server ended the last time: recorded as interrupted");
        }
        let seat = store::backend::Seat::take(&self.router, 0);
        let stopper = seat.stopper();
        let clock = self.clock;
        let store = Store::new(backend, seat.address(), configuration::store::config(configuration), clock.now());
        let run = move || seat.run(store, move || clock.now());
        let thread = threads::spawn("store", self.layout.others.clone(), false, run)
            .map_err(|error| StartError::new("store", error))?;
        Ok(StoreThread { stopper, thread })
    }

    fn start_workers(&self, config: &media::Config, configuration: &Configuration) -> Result<Workers, StartError> {
        let count = self.layout.workers.len();
        let real_time = configuration.media.real_time && self.layout.exclusive;
        let mut made = Vec::with_capacity(count);
        let at_work = Arc::new(AtomicUsize::new(count));
        for (index, &core) in self.layout.workers.iter().enumerate() {
            let ports = config.ports.share(index, count);
            let identity = self.live.load().identity.clone();
            let config = media::Config { ports, core: Some(core), identity, ..config.clone() };
            let worker = media::Worker::new(&self.router, index as u8, config)
                .map_err(|error| StartError::new(format!("media worker {index}"), error))?;
            made.push((index, core, worker));
        }
        let (places, all): (Vec<_>, Vec<_>) =
            made.into_iter().map(|(index, core, worker)| ((index, core), worker)).unzip();
        let mut workers = Workers(Vec::new());
        for ((index, core), worker) in places.into_iter().zip(media::Worker::acquaint(all)) {
            let stop = worker.stop_handle();
            let at_work = Arc::clone(&at_work);
            let run = move || {
                if worker.run() == media::Ended::Fault {
                    threads::end_with_last_worker(&at_work);
                }
            };
            let thread = threads::spawn(&format!("media-{index}"), vec![core], real_time, run)
                .map_err(|error| StartError::new(format!("media worker {index}"), error))?;
            workers.0.push((stop, thread));
        }
        Ok(workers)
    }

    /// What runs on this thread's runtime: control, administration, telemetry, signals.
    async fn serve(
        &mut self,
        configuration: &Configuration,
        file: Option<PathBuf>,
        logging: Logging,
        print: fn(&str),
    ) -> Result<(), StartError> {
        self.process.runs("main");
        let signals = Signals::new().map_err(|error| StartError::new("signals", error))?;
        let (orders, received) = mpsc::channel(ORDERS);
        let named = file.clone();
        self.start_administration(file, &logging, received);
        if let Some(listen) = configuration.metrics.listen {
            let listener = listen_for_metrics(listen)
                .map_err(|error| StartError::new(format!("metrics.listen {listen}"), error))?;
            let (orders, live) = (orders.clone(), Arc::clone(&self.live));
            tokio::spawn(async move {
                let start = || {
                    let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
                    let served = http::serve(listener, orders.clone(), Arc::clone(&live));
                    Ok::<_, std::io::Error>(async move {
                        if let Err(error) = served.await {
                            tracing::error!(%error, "metrics are no longer served");
                        }
                    })
                };
                supervise("metrics", RESTART_PAUSE, start).await;
            });
        }
        let (stop, control) = self.start_control(configuration)?;
        let workers = self.layout.workers.len();
        tokio::spawn(begin(orders.clone(), configuration.clone(), named, workers, print));
        signals.run(&orders).await;
        drop(stop);
        let _ = tokio::time::timeout(STOP_WITHIN, control).await;
        Ok(())
    }

    fn start_administration(&mut self, file: Option<PathBuf>, logging: &Logging, orders: mpsc::Receiver<Order>) {
        let (clock, router, live) = (self.clock, self.router.clone(), Arc::clone(&self.live));
        let process = self.process.clone();
        let (logging, mut random) = (logging.clone(), self.random.fork());
        let orders = Arc::new(Mutex::new(orders));
        let certificates = self.protection.as_ref().and_then(|protection| protection.certificates.clone());
        let of_sip = self.certificates.clone();
        let mut start = move || {
            let waker = Waker::default();
            let endpoint = router.register(ModuleKind::Server, 0, waker.clone());
            let address = endpoint.address();
            let core = Administration::new(clock.now(), address, router.clone(), process.clone(), &mut random);
            let seat = Seat {
                core,
                endpoint,
                waker,
                clock,
                live: Arc::clone(&live),
                file: file.clone(),
                logging: logging.clone(),
                random: random.fork(),
                orders: Arc::clone(&orders),
                certificates: certificates.clone(),
                of_sip: of_sip.clone(),
            };
            Ok::<_, std::convert::Infallible>(seat.run())
        };
        // Its place at the router is taken before anybody asks.
        let mut first = Some(start());
        let again = move || first.take().unwrap_or_else(&mut start);
        tokio::spawn(supervise("administration", RESTART_PAUSE, again));
    }

    fn start_control(
        &mut self,
        configuration: &Configuration,
    ) -> Result<(watch::Sender<()>, tokio::task::JoinHandle<()>), StartError> {
        let mut token = None;
        if configuration.control.tcp.is_some() {
            let file = configuration.control_token_file();
            let read = first_start::token(&file, &mut self.random);
            token = Some(read.map_err(|error| StartError::new(file.display(), error))?);
        }
        let (socket, tcp) = (configuration.control_socket(), configuration.control.tcp);
        let (clock, router, mut random) = (self.clock, self.router.clone(), self.random.fork());
        let (stop, stopped) = watch::channel(());
        let mut start = move || {
            let listeners = control_listeners(&socket, tcp)?;
            let waker = Waker::default();
            let endpoint = router.register(ModuleKind::Control, 0, waker.clone());
            let address = Address::local(ModuleKind::Control, 0);
            let control = Control::new(clock.now(), address, Config { token: token.clone() }, random.fork());
            let mut stopped = stopped.clone();
            let until = async move {
                // It never changes: it closes.
                let _ = stopped.changed().await;
            };
            Ok(control::listener::serve(control, endpoint, waker, move || clock.now(), listeners, until))
        };
        let mut first = Some(start()?);
        let again = move || first.take().map_or_else(&mut start, Ok::<_, StartError>);
        Ok((stop, tokio::spawn(supervise("control", RESTART_PAUSE, again))))
    }
}

/// The sockets of the control module.
fn control_listeners(socket: &Path, tcp: Option<SocketAddr>) -> Result<Vec<Listener>, StartError> {
    let unix = Listener::unix(socket)
        .map_err(|error| StartError::new(format!("control socket {}", socket.display()), error))?;
    let mut listeners = vec![unix];
    if let Some(address) = tcp {
        let tcp = Listener::tcp(address).map_err(|error| StartError::new(format!("control.tcp {address}"), error))?;
        listeners.push(tcp);
    }
    Ok(listeners)
}

/// The socket of the metrics.
fn listen_for_metrics(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Has the first accounts made where the store has none, tells the operator of them, and says when calls are served.
async fn begin(
    orders: mpsc::Sender<Order>,
    configuration: Configuration,
    file: Option<PathBuf>,
    workers: usize,
    print: fn(&str),
) {
    let Some(accounts) = first_accounts(&orders).await else { return };
    if !accounts.is_empty() {
        announce(&configuration, &accounts, file.as_deref(), print);
    }
    if loaded(&orders).await.is_none() {
        return;
    }
    let listeners = configuration.sip.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let file = file.map_or("none".to_owned(), |file| file.display().to_string());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listeners,
        configuration = file,
        data = %configuration.data.display(),
        workers,
        "ready"
    );
}

/// The first accounts, if they were made. Asked again where who was asked is no more; `None`: nobody can be asked.
async fn first_accounts(orders: &Orders) -> Option<Vec<FirstAccount>> {
    loop {
        let (told, first) = oneshot::channel();
        orders.send(Order::Start(told)).await.ok()?;
        if let Ok(accounts) = first.await {
            return Some(accounts);
        }
    }
}

/// Waits until accounts and registrations are loaded. `None`: nobody can be asked.
async fn loaded(orders: &Orders) -> Option<()> {
    loop {
        let (told, scrape) = oneshot::channel();
        orders.send(Order::Scrape(told)).await.ok()?;
        if scrape.await.is_ok_and(|scrape| scrape.is_loaded()) {
            return Some(());
        }
        tokio::time::sleep(READY_POLL).await;
    }
}

/// Tells the operator of the first accounts.
fn announce(configuration: &Configuration, accounts: &[FirstAccount], file: Option<&Path>, print: fn(&str)) {
    let file = file.unwrap_or(Path::new(crate::cli::DEFAULT_FILE));
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let lan = configuration::media::outbound_address(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    print(&first_start::announcement(configuration, accounts, lan, &file));
}

/// The signals that steer the server.
struct Signals {
    reload: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            reload: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// SIGHUP reloads. SIGTERM and SIGINT drain; a second one ends at once.
    async fn run(mut self, orders: &Orders) {
        loop {
            tokio::select! {
                _ = self.reload.recv() => {
                    let _ = orders.send(Order::Reload).await;
                }
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
            }
        }
        tracing::info!("no new calls are taken; a second signal ends at once");
        tokio::select! {
            calls = drain(orders) => match calls {
                Some(calls) if calls > 0 => tracing::warn!(calls, "their time is over: the last calls are ended"),
                _ => tracing::info!("no call is left"),
            },
            _ = self.terminate.recv() => tracing::warn!("a second signal: calls are ended"),
            _ = self.interrupt.recv() => tracing::warn!("a second signal: calls are ended"),
        }
    }
}

/// Lets the calls end; how many are left when their time is over. `None`: nobody is there to be asked.
async fn drain(orders: &mpsc::Sender<Order>) -> Option<u64> {
    loop {
        let (answer, drained) = oneshot::channel();
        orders.send(Order::Drain(answer)).await.ok()?;
        // Who was asked is no more where this fails: whoever follows is asked again.
        if let Ok(calls) = drained.await {
            return Some(calls);
        }
    }
}

/// The store's thread.
struct StoreThread {
    stopper: Stopper,
    thread: JoinHandle<()>,
}

impl StoreThread {
    /// What it has taken is on the disk when this returns.
    fn stop(self) {
        self.stopper.stop();
        if self.thread.join().is_err() {
            tracing::error!("the store ended in a panic");
        }
    }
}

/// The media workers' threads.
struct Workers(Vec<(media::Stop, JoinHandle<()>)>);

impl Workers {
    fn stop(self) {
        for (stop, _) in &self.0 {
            stop.stop();
        }
        for (_, thread) in self.0 {
            if thread.join().is_err() {
                tracing::error!("a media worker ended in a panic");
            }
        }
    }
}
