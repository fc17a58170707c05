//! Links with other platforms: the thread of the inter-platform interface, with a runtime of its own, so that neither many packets
//! between platforms hold up the control socket, nor a large answer there the heartbeats.

use crate::clock::Clock;
use crate::cluster::{Folder, InForce};
use crate::configuration::{self, Configuration};
use crate::limits::RESTART_PAUSE;
use crate::platform::StartError;
use crate::process::Process;
use crate::supervision::supervise;
use crate::threads;
use router::bridge::link::{self, Security, Waker};
use router::bridge::{Bridge, Config};
use router::{ModuleKind, Random, Router};
use std::io;
use std::net::TcpListener;
use std::thread::JoinHandle;
use tokio::sync::watch;

/// How the links of a configuration are protected; `None`: it has none.
pub struct Protection {
    /// What the interface is told.
    pub security: Security,
    /// The certificates, where there are any.
    pub certificates: Option<InForce>,
}

/// Reads the certificates of a configuration that links.
pub fn protection(configuration: &Configuration) -> Result<Option<Protection>, StartError> {
    if configuration.bridge.platform.is_none() {
        return Ok(None);
    }
    if configuration.bridge.plain {
        return Ok(Some(Protection { security: Security::Plain, certificates: None }));
    }
    let platform = configuration::bridge::platform(configuration);
    let (folder, name) = (Folder::new(configuration.certificates()), configuration.bridge.name.as_deref());
    let certificates = InForce::read(folder, platform, name).map_err(|error| StartError::new("bridge", error))?;
    Ok(Some(Protection { security: Security::Tls(certificates.tls()), certificates: Some(certificates) }))
}

/// Where the interface runs.
pub struct Runtime {
    /// The clocks.
    pub clock: Clock,
    /// The cores of its thread.
    pub cores: Vec<usize>,
    /// What the process holds.
    pub process: Process,
}

/// The interface's thread.
pub struct Links {
    stop: watch::Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Links {
    /// Starts it, where there are to be links. Its socket is bound when this returns.
    pub fn start(
        configuration: &Configuration,
        protection: Option<&Protection>,
        router: &Router,
        runtime: Runtime,
        random: Random,
    ) -> Result<Option<Self>, StartError> {
        let config = configuration::bridge::config(configuration, configuration::media::outbound_address);
        let (Some(config), Some(protection)) = (config, protection) else { return Ok(None) };
        let bind = |address| {
            link::listen(address, &protection.security)
                .map_err(|error| StartError::new(format!("bridge.listen {address}"), error))
        };
        let listener = configuration.bridge.listen.map(bind).transpose()?;
        let (stop, stopped) = watch::channel(());
        let Runtime { clock, cores, process } = runtime;
        let place =
            Place { router: router.clone(), clock, config, listener, security: protection.security.clone(), stopped };
        let run = move || {
            let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
            built.map(|runtime| {
                runtime.block_on(async {
                    process.runs("bridge");
                    place.run(random).await;
                });
            })
        };
        let thread = threads::spawn("bridge", cores, false, run).map_err(|error| StartError::new("bridge", error))?;
        Ok(Some(Self { stop, thread }))
    }

    /// The other platforms are told when this returns.
    pub fn stop(self) {
        drop(self.stop);
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the inter-platform interface did not start"),
            Err(_) => tracing::error!("the inter-platform interface ended in a panic"),
        }
    }
}

/// What the interface is started with, each time that it is.
struct Place {
    router: Router,
    clock: Clock,
    config: Config,
    listener: Option<TcpListener>,
    security: Security,
    stopped: watch::Receiver<()>,
}

impl Place {
    /// Runs it until it is told to stop. After a panic it has a new place at the router and, for the other platforms, a new life.
    async fn run(self, mut random: Random) {
        let start = || {
            let waker = Waker::default();
            let endpoint = self.router.register(ModuleKind::Bridge, 0, waker.clone());
            let clock = self.clock;
            let bridge = Bridge::new(self.config.clone(), clock.now(), random.fork());
            let listeners = self.listener.iter().map(TcpListener::try_clone).collect::<io::Result<Vec<_>>>()?;
            let mut stopped = self.stopped.clone();
            let until = async move {
                // It never changes: it closes.
                let _ = stopped.changed().await;
            };
            let run = link::run(bridge, endpoint, waker, move || clock.now(), listeners, self.security.clone(), until);
            Ok::<_, io::Error>(async move {
                if let Err(error) = run.await {
                    tracing::error!(%error, "links with other platforms are no longer served");
                }
            })
        };
        supervise("bridge", RESTART_PAUSE, start).await;
    }
}
