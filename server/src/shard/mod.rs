//! A SIP shard: one thread with a current-thread runtime that runs `signaling` and `switch` for its calls.
//!
//! Both drain the other's inbox in the same turn, so the packets of a call set-up that go between them wake nobody:
//!
//! ```text
//!        ┌──▶ sockets ──▶ signaling ◀──packets──▶ switch ──▶ sockets ──┐
//!        └───────────────── sleep until one of: ◀──────────────────────┘
//!             a message, a packet from another thread, a deadline, a name resolved
//! ```
//! What is another shard's goes to its post on the way from or to the sockets ([`Exchange`]); `start` puts all of them up.

mod capture;
mod ending;
mod start;

pub use capture::Capture;
pub use ending::Ending;
pub use start::{Shards, StartFailure};

use crate::administration::{Live, State};
use crate::clock::Clock;
use crate::configuration::{calls, sip};
use crate::fetching::Fetches;
use crate::limits::{
    BUSY_MESSAGES_PER_SECOND, BUSY_PERIOD, CATCH_UP_BATCHES, HANDED_PER_TURN, RUSH_MESSAGES_PER_SECOND, RUSH_PERIOD,
    SHARD_ROUNDS,
};
use control::listener::Waker;
use router::service::{drain, next_turn, turn};
use router::time::{Duration, Instant, Now};
use router::{Endpoint, ModuleKind, Pace, Router};
use signaling::Signaling;
use signaling::transport::{Exchange, Handed, Resolution, Resolver, TransportEvent, Transports};
use signaling::trunk::Source;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use switch::Switch;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::Sleep;

/// How long the calls that are up when the shard ends may take to end: a BYE, its retransmissions, its answer.
const HANG_UP_WITHIN: Duration = Duration::from_secs(3);

/// How often it looks whether they have.
const HANG_UP_POLL: Duration = Duration::from_millis(5);

/// How often the counts of the sockets are noted: those of the kernel cost a call of the system each, and nobody reads them more
/// often than each second.
const NOTE_INTERVAL: Duration = Duration::from_millis(100);

/// How soon it is tried again to hand over what found no room.
const HELD_RETRY: Duration = Duration::from_millis(1);

/// How long open connections may take to send what is queued when the shard ends.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// A shard with what its loop needs.
pub struct Shard {
    /// SIP.
    pub signaling: Signaling,
    /// Its place at the router.
    pub signaling_endpoint: Endpoint,
    /// Calls.
    pub switch: Switch,
    /// Its place at the router.
    pub switch_endpoint: Endpoint,
    /// The sockets.
    pub transports: Transports,
    /// The other shards.
    pub exchange: Exchange,
    /// When all of them may end.
    pub ending: Ending,
    /// All of them.
    pub shards: router::Shards,
    /// Names.
    pub resolver: Resolver,
    /// Certificates of callers.
    pub fetches: Fetches,
    /// What wakes it: the same for both modules.
    pub waker: Waker,
    /// The clocks.
    pub clock: Clock,
    /// What is in force.
    pub live: Live,
    /// The socket to the capture server.
    pub capture: Capture,
    /// When the counts of the sockets were noted.
    pub noted: Instant,
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("signaling", &self.signaling_endpoint.address()).finish_non_exhaustive()
    }
}

impl Shard {
    /// Runs until `stop` is sent or dropped, then closes the sockets.
    pub async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut applied = self.live.load_full();
        self.transports.set_trunks(trunk_sources(&applied));
        let mut alarm = Box::pin(tokio::time::sleep(Duration::ZERO));
        let mut pace = Pace::new(BUSY_MESSAGES_PER_SECOND, self.clock.instant());
        let mut rush = Pace::new(RUSH_MESSAGES_PER_SECOND, self.clock.instant());
        loop {
            let live = self.live.load();
            if !Arc::ptr_eq(&live, &applied) {
                applied = Arc::clone(&live);
                self.apply(&applied);
            }
            drop(live);
            let now = self.clock.now();
            let worked = self.work(now);
            let busy = pace.count(now.instant, worked.messages);
            let period = if rush.count(now.instant, worked.messages) { RUSH_PERIOD } else { BUSY_PERIOD };
            if busy && !worked.more {
                // Awake for its senders, who need not wake it.
                pause(period.saturating_sub(self.clock.instant().since(now.instant)));
            }
            if busy || worked.more {
                // Connections are tasks of this runtime: they have their turn too.
                tokio::task::yield_now().await;
                self.look().await;
                if !matches!(stop.try_recv(), Err(TryRecvError::Empty)) {
                    break;
                }
                continue;
            }
            if !self.may_sleep() {
                self.awake();
                continue;
            }
            let mut due = earliest(next_turn(&mut self.signaling), next_turn(&mut self.switch));
            let held = self.exchange.is_held();
            if held {
                due = earliest(due, Some(self.clock.instant() + HELD_RETRY));
            }
            let (resolver, fetches) = (&mut self.resolver, &mut self.fetches);
            // All are looked at before it sleeps. What wakes it then is most often a packet, for which no socket need be looked at once more.
            tokio::select! {
                biased;
                () = self.waker.wait() => {}
                () = self.transports.ready(), if !held => {}
                () = wait_until(&mut alarm, due, &self.clock) => {}
                () = std::future::poll_fn(|context| resolver.poll_ready(context)) => {}
                () = std::future::poll_fn(|context| fetches.poll_ready(context)) => {}
                _ = &mut stop => break,
            }
            self.awake();
        }
        self.hang_up().await;
        self.transports.close(CLOSE_WITHIN).await;
    }

    /// Takes note of new connections and of names that were resolved, without waiting for any.
    async fn look(&mut self) {
        let (transports, resolver) = (&mut self.transports, &mut self.resolver);
        std::future::poll_fn(|context| {
            let _ = transports.poll_ready(context);
            let _ = resolver.poll_ready(context);
            Poll::Ready(())
        })
        .await;
    }

    /// Ends the calls that are up, and gives their peers and the store a moment to hear of it. What is another shard's is handed
    /// over until all have done.
    async fn hang_up(&mut self) {
        let now = self.clock.now();
        self.switch.hang_up_all(now);
        self.signaling.drain(now);
        let until = now.instant + HANG_UP_WITHIN;
        while self.clock.instant() < until {
            if self.switch.is_idle() && self.signaling.is_drained() {
                self.ending.done();
                if self.ending.is_over() {
                    break;
                }
            }
            self.awake();
            let now = self.clock.now();
            if !self.work(now).more {
                let _ = tokio::time::timeout(HANG_UP_POLL, self.transports.ready()).await;
            }
        }
    }

    fn may_sleep(&self) -> bool {
        self.signaling_endpoint.may_sleep() && self.switch_endpoint.may_sleep() && self.exchange.may_sleep()
    }

    fn awake(&self) {
        self.exchange.awake();
        self.signaling_endpoint.awake();
        self.switch_endpoint.awake();
    }

    fn apply(&mut self, state: &State) {
        let now = self.clock.now();
        self.capture.set_server(state.configuration.hep.server);
        let config = sip::config(state, self.transports.listeners(), &self.shards);
        self.signaling.reconfigure(now, config);
        if state.draining {
            self.signaling.drain(now);
        }
        self.transports.set_trunks(trunk_sources(state));
        self.switch.reconfigure(calls_config(state, &self.shards, self.switch_endpoint.router()));
    }

    /// One turn: what came, what the modules make of it, what is to be sent.
    fn work(&mut self, now: Now) -> Worked {
        if now.instant.since(self.noted) >= NOTE_INTERVAL {
            self.noted = now.instant;
            self.signaling.note_transports(self.transports.counters());
        }
        let held = self.exchange.is_held();
        let mut messages = 0;
        let (signaling, exchange) = (&mut self.signaling, &mut self.exchange);
        // What waits in a socket's buffer is of no kind: where there is too much, it is taken out, and what is new waits here.
        let batches = if signaling.is_behind() { CATCH_UP_BATCHES } else { 1 };
        let mut more = !held;
        for _ in 0..batches {
            more = more
                && self.transports.receive_with(|flow, datagram| {
                    messages += 1;
                    if exchange.keeps(flow, datagram) {
                        signaling.handle_datagram(now, flow, datagram);
                    }
                });
        }
        messages += self.take_events(now);
        let handed = self.take_handed(now);
        messages += handed;
        more |= handed == HANDED_PER_TURN;
        while let Some((sought, resolution)) = self.resolver.poll_answer(now.instant) {
            self.signaling.handle_resolved(now, &sought, &resolution);
        }
        while let Some((url, octets)) = self.fetches.poll_answer() {
            self.signaling.handle_fetched(now, &url, octets.as_ref());
        }
        let waiting = self.signaling.serve_waiting(now) | self.switch.serve_waiting(now);
        for _ in 0..SHARD_ROUNDS {
            let signaling = turn(&mut self.signaling, &self.signaling_endpoint, now);
            let switch = turn(&mut self.switch, &self.switch_endpoint, now);
            if !signaling && !switch && self.signaling_endpoint.is_empty() && self.switch_endpoint.is_empty() {
                break;
            }
        }
        while let Some(sought) = self.signaling.poll_resolve() {
            let resolution = self.resolver.resolve(now.instant, &sought);
            // What is not known at once comes by `poll_answer`, at the begin of a later turn.
            if resolution != Resolution::Pending {
                self.signaling.handle_resolved(now, &sought, &resolution);
                drain(&mut self.signaling, &self.signaling_endpoint, now);
            }
        }
        while let Some(fetch) = self.signaling.poll_fetch() {
            self.fetches.ask(fetch);
        }
        while let Some(transmit) = self.signaling.poll_transmit() {
            if let Some(transmit) = self.exchange.dispatch(transmit) {
                let trunk = self.signaling.trunk_at(&transmit.destination);
                self.transports.send_to(transmit, trunk);
            }
        }
        while let Some(datagram) = self.signaling.poll_capture() {
            self.capture.send(&datagram);
        }
        if !self.shards.is_one() {
            self.signaling.note_exchange(self.exchange.counters());
        }
        more |= !self.signaling_endpoint.is_empty() || !self.switch_endpoint.is_empty();
        self.signaling.handle_turn(now, !more);
        self.switch.handle_turn(now.instant, !more);
        Worked { messages, more: more || waiting }
    }

    /// What came to the sockets, and what became of what was sent. How many messages came.
    fn take_events(&mut self, now: Now) -> usize {
        let mut messages = 0;
        while let Some(event) = self.transports.poll_event() {
            messages += usize::from(matches!(event, TransportEvent::Received(_)));
            if let Some(event) = self.exchange.route(event) {
                self.take_event(now, event);
            }
        }
        while let Some(event) = self.exchange.poll_event() {
            self.take_event(now, event);
        }
        messages
    }

    /// A batch of what other shards handed over. How much it was.
    fn take_handed(&mut self, now: Now) -> usize {
        for handed in 0..HANDED_PER_TURN {
            match self.exchange.poll_handed() {
                Some(Handed::Event(event)) => self.take_event(now, event),
                Some(Handed::Transmit(transmit)) => {
                    let trunk = self.signaling.trunk_at(&transmit.destination);
                    self.transports.send_to(transmit, trunk);
                }
                None => return handed,
            }
        }
        HANDED_PER_TURN
    }

    fn take_event(&mut self, now: Now, event: TransportEvent) {
        match event {
            TransportEvent::Received(received) => self.signaling.handle_message(now, received),
            TransportEvent::Failed { token, failure, .. } => {
                self.signaling.handle_transport_failed(now, token, failure);
            }
            TransportEvent::Identified { flow, domains } => self.signaling.handle_identified(&flow, domains),
            TransportEvent::Closed { flow } => self.signaling.handle_closed(now, &flow),
        }
    }
}

/// What a turn did.
struct Worked {
    /// Messages that came.
    messages: usize,
    /// More may wait.
    more: bool,
}

/// Stops the thread, with all tasks of its runtime.
fn pause(length: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a busy shard's pause, far below the resolution of the runtime's timers"
    )]
    std::thread::sleep(length);
}

/// What the switch is told: while the server drains, no new calls.
pub fn calls_config(state: &State, shards: &router::Shards, router: &Router) -> switch::Config {
    let mut config = calls::config(&state.configuration, shards, router.indices(ModuleKind::Voice));
    config.plan.rates = state.rates.of_plan();
    if state.draining { switch::Config { calls_max: 0, ..config } } else { config }
}

/// Where trunks' connections come from. A trunk that is accepted from everywhere is known by what it proves, not by its source.
fn trunk_sources(state: &State) -> Vec<Source> {
    let sources = sip::trunks(&state.configuration).into_iter().flat_map(|trunk| trunk.sources);
    sources.filter(|source| !source.is_everywhere()).collect()
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

async fn wait_until(alarm: &mut Pin<Box<Sleep>>, due: Option<Instant>, clock: &Clock) {
    match due {
        Some(at) => {
            alarm.as_mut().reset(tokio::time::Instant::from_std(clock.moment(at)));
            alarm.as_mut().await;
        }
        None => std::future::pending().await,
    }
}
