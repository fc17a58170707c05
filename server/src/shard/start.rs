//! All shards of the platform: put up one after another, so that they share listeners; ended together.

use super::Capture;
use super::{Ending, Shard, calls_config};
use crate::administration::Live;
use crate::clock::Clock;
use crate::configuration;
use crate::configuration::model::Sip;
use crate::fetching::{Fetches, Fetching};
use crate::process::Process;
use crate::threads::{self, Layout};
use control::listener::Waker;
use router::{ModuleKind, Random, Router};
use signaling::Signaling;
use signaling::transport::{
    Exchange, ListenerConfig, Listeners, Resolver, SharedPolicy, TransportSettings, Transports,
};
use std::fmt;
use std::thread::JoinHandle;
use switch::Switch;
use tokio::sync::oneshot;

/// What kept a shard from starting, and how.
#[derive(Debug)]
pub struct StartFailure {
    /// The key of the configuration, or the thread.
    pub what: &'static str,
    /// In the words of the system.
    pub why: String,
}

impl StartFailure {
    fn new(what: &'static str, why: impl fmt::Display) -> Self {
        Self { what, why: why.to_string() }
    }
}

/// The threads of the shards.
#[derive(Debug, Default)]
pub struct Shards(Vec<ShardThread>);

#[derive(Debug)]
struct ShardThread {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Shards {
    /// Starts as many as the layout has cores for: their sockets are bound, or the first that cannot be is told, when this
    /// returns.
    ///
    /// # Errors
    /// What keeps one from starting; those that were started end.
    pub fn start(
        router: &Router,
        clock: Clock,
        live: &Live,
        layout: &Layout,
        process: &Process,
        policy: &SharedPolicy,
        random: &mut Random,
    ) -> Result<Self, StartFailure> {
        let configuration = live.load().configuration.clone();
        let count = layout.shards.len() as u8;
        let shards = match count {
            1 => router::Shards::default(),
            count => router::Shards::new(count, random),
        };
        let mut listeners = configuration::sip::listeners(&configuration, policy);
        let wakers: Vec<Waker> = (0..count).map(|_| Waker::default()).collect();
        let exchanges = Exchange::of_all(&shards, wakers.iter().cloned());
        let mut endings = Ending::of_all(count);
        // Before the first of them runs: they look for each other at once.
        let seats: Vec<_> = (0..count)
            .zip(wakers)
            .zip(exchanges)
            .map(|((index, waker), exchange)| Seat {
                index,
                signaling_endpoint: router.register(ModuleKind::Signaling, index, waker.clone()),
                switch_endpoint: router.register(ModuleKind::Switch, index, waker.clone()),
                waker,
                exchange,
            })
            .collect();
        let fetching = Fetching::new(live, &layout.others);
        let mut started = Self::default();
        for (seat, cores) in seats.into_iter().zip(&layout.shards) {
            let settings = settings(seat.index, &shards, &configuration.sip);
            let Some(ending) = endings.pop() else { break };
            let (stop, stopped) = oneshot::channel();
            let (bound, result) = std::sync::mpsc::channel();
            let name = format!("sip-{}", seat.index);
            let (live, shards, own) = (live.clone(), shards.clone(), listeners.clone());
            let (mut for_signaling, for_switch) = (random.fork(), random.fork());
            let (process, own_name, fetching) = (process.clone(), name.clone(), fetching.clone());
            let run = async move {
                process.runs(&own_name);
                let transports = match Transports::bind(&own, settings) {
                    Ok(transports) => transports,
                    Err(error) => return drop(bound.send(Err(error))),
                };
                let now = clock.now();
                let state = live.load_full();
                let config = configuration::sip::config(&state, transports.listeners(), &shards);
                let calls = calls_config(&state, &shards, seat.switch_endpoint.router());
                let name_servers = &state.configuration.sip.name_servers;
                let resolver = Resolver::new(name_servers, transports.listeners().transports(), for_signaling.fork());
                let shard = Shard {
                    signaling: Signaling::new(seat.index, config, now, for_signaling.fork()),
                    signaling_endpoint: seat.signaling_endpoint,
                    switch: Switch::new(seat.index, calls, now, for_switch),
                    switch_endpoint: seat.switch_endpoint,
                    transports,
                    exchange: seat.exchange,
                    ending,
                    shards,
                    resolver,
                    fetches: Fetches::new(fetching),
                    waker: seat.waker,
                    clock,
                    live,
                    capture: Capture::to(state.configuration.hep.server),
                    noted: now.instant,
                };
                let _ = bound.send(Ok(shard.transports.listeners().clone()));
                shard.run(stopped).await;
            };
            let runtime = move || {
                let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
                built.map(|runtime| runtime.block_on(run))
            };
            let thread = threads::spawn(&name, cores.clone(), false, runtime)
                .map_err(|error| StartFailure::new("SIP", error))?;
            match result.recv() {
                Ok(Ok(bound)) => share(&mut listeners, &bound),
                Ok(Err(error)) => return Err(StartFailure::new("sip.listen", error)),
                // The thread ended before it said anything: its runtime could not be built.
                Err(_) => return Err(StartFailure::new("SIP", "its thread could not start")),
            }
            started.0.push(ShardThread { stop, thread });
        }
        Ok(started)
    }

    /// Calls that are up are hung up, and their records on their way to the store, when this returns.
    pub fn stop(self) {
        let (stops, threads): (Vec<_>, Vec<_>) = self.0.into_iter().map(|shard| (shard.stop, shard.thread)).unzip();
        for stop in stops {
            let _ = stop.send(());
        }
        for thread in threads {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a SIP shard did not start"),
                Err(_) => tracing::error!("a SIP shard ended in a panic"),
            }
        }
    }
}

/// What a shard has before it runs.
struct Seat {
    index: u8,
    signaling_endpoint: router::Endpoint,
    switch_endpoint: router::Endpoint,
    waker: Waker,
    exchange: Exchange,
}

/// The bounds of a shard's connections: the kernel spreads what peers open evenly.
fn settings(index: u8, shards: &router::Shards, sip: &Sip) -> TransportSettings {
    let all = TransportSettings::default();
    let count = usize::from(shards.count());
    let (most, per_source) = (sip.connections_max as usize, sip.connections_per_source as usize);
    TransportSettings {
        shard: index,
        shared: !shards.is_one(),
        connections: most.div_ceil(count),
        connections_reserved: most.div_ceil(count) / 4,
        connections_per_source: per_source.div_ceil(count),
        handshakes_total: all.handshakes_total.share(count as u32),
        ..all
    }
}

/// The other shards bind what the first one has bound, where the system chose the port.
fn share(listeners: &mut [ListenerConfig], bound: &Listeners) {
    for (config, (_, listener)) in listeners.iter_mut().zip(bound.iter()) {
        config.bind = listener.local();
    }
}
