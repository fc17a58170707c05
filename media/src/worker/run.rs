//! The loop of a worker.

use super::batch::Batch;
use super::clock::Clock;
use super::load::Load;
use super::sockets::Sockets;
use crate::config::Config;
use crate::limits::{BUSY_PACKETS_PER_SECOND, BUSY_PAUSE, DATAGRAMS_PER_CLOCK, EVENTS};
use crate::passage::Passages;
use crate::service::Voice;
use crate::wire::{Channel, PairIndex};
use mio::{Events, Poll, Token};
use router::service::{drain, next_turn, turn};
use router::time::{Duration, Instant, Now};
use router::{Address, Endpoint, ModuleKind, Pace, Random, Router};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

/// The token of the inbox' waker; pairs count from 0.
const INBOX: Token = Token(usize::MAX);

/// Why a worker has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It was [stopped](Stop::stop).
    Stopped,
    /// It panicked, a fault of ours: it has left the router, and its calls are told.
    Fault,
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Instant,
    pair: PairIndex,
    channel: Channel,
    source: SocketAddr,
}

/// Ends a worker. Cheap to clone, for any thread.
#[derive(Clone, Debug)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    waker: Arc<mio::Waker>,
}

impl Stop {
    /// Lets the worker close its sessions, each with BYE, leave the router, and end its thread.
    pub fn stop(&self) {
        self.asked.store(true, Ordering::Release);
        // The loop looks at the flag each turn; a waker fails only with its poll gone.
        let _ = self.waker.wake();
    }
}

/// A media worker: registered with the router when it is made, at work once it [runs](Self::run).
#[derive(Debug)]
pub struct Worker {
    poll: Poll,
    endpoint: Endpoint,
    voice: Voice<Sockets>,
    arrivals: Batch<Arrival>,
    clock: Clock,
    load: Load,
    pace: Pace,
    stop: Stop,
}

impl Worker {
    /// The `index`th worker of the platform, with its own share of the ports in `config`
    /// ([`crate::PortRange::share`]). From now on it has an inbox: what comes before it runs waits there.
    pub fn new(router: &Router, index: u8, config: Config) -> io::Result<Self> {
        config.check().map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), INBOX)?);
        let sockets = Sockets::new(poll.registry().try_clone()?, config.dscp);
        let clock = Clock::start();
        let address = Address::local(ModuleKind::Voice, index);
        let mut random = Random::from_system();
        let config = Config { order: random.next_u64(), ..config };
        let voice = Voice::new(address, config, random, sockets, clock.now());
        let inbox_waker = Arc::clone(&waker);
        let endpoint = router.register(ModuleKind::Voice, index, move || {
            let _ = inbox_waker.wake();
        });
        let stop = Stop { asked: Arc::new(AtomicBool::new(false)), waker };
        let pace = Pace::new(BUSY_PACKETS_PER_SECOND, clock.instant());
        Ok(Self { poll, endpoint, voice, arrivals: Batch::new(), clock, load: Load::default(), pace, stop })
    }

    /// Makes all workers of a platform known to each other, in the order of their indices, so that ports can go from one to another.
    pub fn acquaint(workers: Vec<Self>) -> Vec<Self> {
        let wakers: Vec<_> = workers.iter().map(|worker| Arc::clone(&worker.stop.waker)).collect();
        let wakers = wakers.into_iter().map(|waker| {
            move || {
                let _ = waker.wake();
            }
        });
        let ends = Passages::of_all(wakers);
        workers
            .into_iter()
            .zip(ends)
            .map(|(worker, passages)| Self { voice: worker.voice.with_passages(passages), ..worker })
            .collect()
    }

    /// What ends it.
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// Runs on a thread of its own, named `name`, after `before_start` ran there: the place to pin it to a core.
    pub fn spawn(self, name: String, before_start: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<Ended>> {
        Builder::new().name(name).spawn(move || {
            before_start();
            self.run()
        })
    }

    /// Runs on this thread until it is [stopped](Stop::stop). A panic that concerns no single session ends it, too: it leaves the
    /// router at once, so that no further call is sent there, and the owners of its sessions are told.
    pub fn run(self) -> Ended {
        self.run_by(Self::turn)
    }

    fn run_by(mut self, mut turn: impl FnMut(&mut Self, &mut Events)) -> Ended {
        let turns = catch_unwind(AssertUnwindSafe(|| {
            let mut events = Events::with_capacity(EVENTS);
            while !self.stop.asked.load(Ordering::Acquire) {
                turn(&mut self, &mut events);
            }
        }));
        self.endpoint.router().unregister(self.endpoint.address().module);
        let now = self.clock.now();
        match turns {
            Ok(()) => {
                self.voice.close_all(now);
                drain(&mut self.voice, &self.endpoint, now);
                self.flush();
                Ended::Stopped
            }
            Err(_) => {
                tracing::error!(worker = %self.endpoint.address(), "a media worker met a fault and leaves; its calls end");
                self.leave(now);
                Ended::Fault
            }
        }
    }

    /// Answers what waits, then closes all sessions. Each step for itself: whatever failed may fail again.
    #[cold]
    fn leave(&mut self, now: Now) {
        let _ = catch_unwind(AssertUnwindSafe(|| while turn(&mut self.voice, &self.endpoint, now) {}));
        let _ = catch_unwind(AssertUnwindSafe(|| self.voice.break_all(now)));
        let _ = catch_unwind(AssertUnwindSafe(|| drain(&mut self.voice, &self.endpoint, now)));
        let _ = catch_unwind(AssertUnwindSafe(|| self.flush()));
    }

    /// One turn: packets of the router, what is due, answers; then as many datagrams as there are events, received, passed on and
    /// sent batch by batch. What datagrams give to the router goes out at the head of the next turn, before anything sleeps.
    fn turn(&mut self, events: &mut Events) {
        let now = self.clock.now();
        if let Some(percent) = self.load.measure(now.instant) {
            self.voice.observe_load(percent);
        }
        self.voice.handle_passages(now);
        let busy = self.pace.count(now.instant, self.endpoint.waiting());
        let more = turn(&mut self.voice, &self.endpoint, now);
        self.flush();
        let wait = if more {
            Some(Duration::ZERO)
        } else if busy {
            // It does not say that it sleeps, so nobody wakes it.
            Some(self.until_due().map_or(BUSY_PAUSE, |due| due.min(BUSY_PAUSE)))
        } else if self.endpoint.may_sleep() && self.voice.may_sleep() {
            self.until_due()
        } else {
            Some(Duration::ZERO)
        };
        let polled = self.poll.poll(events, wait);
        self.endpoint.awake();
        self.voice.awake();
        if let Err(error) = polled {
            if error.kind() != ErrorKind::Interrupted {
                tracing::error!(%error, "polling of media sockets failed");
            }
            return;
        }
        let mut now = self.clock.now();
        for (number, event) in events.iter().enumerate() {
            if number % DATAGRAMS_PER_CLOCK == DATAGRAMS_PER_CLOCK - 1 {
                now.instant = self.clock.instant();
            }
            if event.token() != INBOX {
                self.receive(now, event.token());
            }
        }
        self.relay(now);
    }

    /// Receives a datagram of the socket that is ready; those before it are passed on first where there is no room for it.
    #[inline]
    fn receive(&mut self, now: Now, token: Token) {
        if self.arrivals.room().is_none() {
            self.relay(now);
        }
        let (pair, channel) = Sockets::of_token(token);
        let Some(room) = self.arrivals.room() else { return };
        if let Some((length, source)) = self.voice.wire().receive(pair, channel, room) {
            self.arrivals.add(Arrival { at: now.instant, pair, channel, source }, length);
        }
    }

    /// Passes on what was received.
    fn relay(&mut self, now: Now) {
        self.voice.preview(self.arrivals.iter().map(|arrival| arrival.pair));
        for place in 0..self.arrivals.len() {
            let Some((Arrival { at, pair, channel, source }, datagram)) = self.arrivals.get_mut(place) else { break };
            self.voice.handle_datagram(Now { instant: at, ..now }, pair, channel, source, datagram);
        }
        self.arrivals.clear();
        self.flush();
        if let Some(came) = self.voice.wire().take_stamp() {
            self.voice.observe_delay(came, self.clock.now().wall);
        }
    }

    fn flush(&mut self) {
        self.voice.wire().flush();
        let refused = self.voice.wire().take_refused();
        self.voice.observe_refused(refused);
    }

    fn until_due(&mut self) -> Option<Duration> {
        next_turn(&mut self.voice).map(|at| at.since(self.clock.instant()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PortRange;
    use router::parameter::{MediaEventKind, MediaPort, Parameter, PortId, Reason};
    use router::{Command, Instance, Packet, Transaction, one};
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn a_worker_that_panics_leaves_the_router_and_tells_its_calls() {
        let router = Router::new(router::PlatformId(1));
        let switch = router.register(ModuleKind::Switch, 0, || ());
        let ports = PortRange { first: 24_100, last: 24_131 };
        let worker = Worker::new(&router, 0, Config { ports, ..Config::default() }).unwrap();
        let interface = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let open = |instance| Packet {
            source: switch.address().at(Instance(instance)),
            destination: Address::local(ModuleKind::Voice, 0).at(Instance(instance)),
            transaction: Transaction(instance),
            command: Command::Open,
            parameters: one(MediaPort::new(PortId(1), interface)),
        };
        router.send(open(1)).unwrap();
        let mut late = Some(open(2));
        let ended = worker.run_by(|worker, events| {
            worker.stop.waker.wake().unwrap();
            worker.turn(events);
            if let Some(late) = late.take() {
                // It waits while the worker fails.
                router.send(late).unwrap();
            }
            panic!("outside of any session");
        });
        assert_eq!(ended, Ended::Fault);
        let refused = router.send(open(3)).unwrap_err();
        assert_eq!(refused.reason, Reason::UnknownDestination);
        assert!(router.send(Packet { destination: Address::any(ModuleKind::Voice), ..open(3) }).is_err());
        let told: Vec<Packet> = std::iter::from_fn(|| switch.receive()).collect();
        let opened = told.iter().filter(|packet| packet.command == Command::Done).count();
        let broken = told.iter().filter(|packet| {
            matches!(packet.first(), Some(Parameter::MediaEvent(event)) if event.kind == MediaEventKind::Broken)
        });
        assert_eq!((opened, broken.count()), (2, 2), "{told:?}");
    }
}
