//! Packets to machines: the pure core of a worker.
//!
//! | request | what it does |
//! |---|---|
//! | `Open × MediaPort…` | opens ports, all or none; the session is the packet's instance |
//! | `Open × MovedPort…` | takes ports over from other sessions of the same owner's, all or none |
//! | `Connect × Bridge, MediaPlan…`, `Disconnect × Bridge` | joins and parts two ports |
//! | `Set × MediaPlan…` | changes how ports treat their peers |
//! | `Start × Builtin, MediaPlan…`, `Stop × Builtin` | plays on a port in place of its bridge, or gives it a seat in a conference |
//! | `Send × Digits` | sends keys to a port's peer |
//! | `Query × Conference` | tells of the conferences |
//! | `Close × MediaPort…`, `Close` | gives ports back, or all of the session |
//! | `Query × Status` | tells of the worker |
//!
//! A datagram costs no allocation, no lock and no hash look-up: its pair is an index, its port lies there, the port's
//! table has the format, the bridge is an index again.

mod conferences;
mod datagrams;
mod early;
mod handshakes;
mod keys;
mod moving;
mod passing;
mod relays;
mod requests;
mod timers;
mod transcoding;
mod ways;

use crate::conference::Conference;
use crate::config::Config;
use crate::dtls::Identity;
use crate::limits::{AUDIT_MS, CLOSED_KEPT, RELAY_DELAY_MAX_MS};
use crate::passage::{Passage, Passages};
use crate::pool::Pairs;
use crate::rtp::HEADER_BYTES;
use crate::session::{Allowance, Port, Session};
use crate::status::{Counters, Delays, Opinions};
use crate::turn::Servers;
use crate::wire::{Channel, PairIndex, Wire};
use early::Early;
use passing::Awaited;
use relays::{Gathering, Release};
use router::packet::one;
use router::parameter::{MediaEvent, MediaEventKind, PortId, PortStatistics};
use router::time::{Duration, Instant, Now, TimerKey, TimerWheel, WallTime};
use router::{Address, Command, Instance, Outbox, Packet, Random, Received, Service};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// When to do what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timer {
    /// When to send a port's next RTCP report.
    Report(PairIndex),
    /// When to look whether a port's peer is silent.
    Watch(PairIndex),
    /// When to send a port's next generated frame.
    Frame(PairIndex),
    /// When to look at what is transcoded for a port's peer, though nothing has come.
    Way(PairIndex),
    /// When to look whether a key that a port's peer has pressed is still heard of.
    Key(PairIndex),
    /// When to look at a port's handshakes.
    Handshake(PairIndex),
    /// When to look at the ways to a port's peer.
    Ways(PairIndex),
    /// When to look at a port's addresses at servers that relay.
    Relays(PairIndex),
    /// When to answer who waits for such.
    Gathering,
    /// When to look at those that are given back.
    Releases,
    /// When to make a conference's next frame.
    Conference(u32),
    /// When to look for sessions without owner.
    Audit,
    /// When to hand over to other workers what found no room there.
    Passages,
}

/// A timer with its deadline, to tell how late it fired.
#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    timer: Timer,
}

/// What was answered to a `Close`.
#[derive(Debug)]
struct Closed {
    session: Instance,
    /// Whether the whole session was closed by it.
    whole: bool,
    statistics: Vec<PortStatistics>,
}

/// A media worker's core. Its shell gives it packets ([`Service`]), datagrams ([`Voice::handle_datagram`]) and the time.
///
/// A session whose owner is gone ends by itself: the switch closes what it opened, and a call in which nobody speaks is
/// ended by the switch through [`MediaEventKind::Silent`]; but a switch on another platform can vanish. So a session without
/// a request and without a datagram for hours is closed and its owner told. There is no bound on the length of a session
/// whose peers still talk: that is the switch's to set.
#[derive(Debug)]
pub struct Voice<W> {
    outbox: Outbox,
    random: Random,
    wire: W,
    /// Where a packet that is transcoded is written.
    scratch: Box<[u8]>,
    pairs: Pairs,
    /// By pair. Boxed, so that a pair at rest costs a pointer.
    ports: Vec<Option<Box<Port>>>,
    sessions: BTreeMap<Instance, Session>,
    closed: VecDeque<Closed>,
    /// By their index, which stays for as long as one lasts.
    conferences: Vec<Option<Box<Conference>>>,
    /// The way to the other workers, if there are any.
    passages: Option<Passages>,
    awaited: Vec<Awaited>,
    tickets: u64,
    /// What found no room at another worker.
    held: VecDeque<(u8, Passage)>,
    timers: TimerWheel<Due>,
    /// Our certificate; and how many handshakes may still begin.
    identity: Option<Arc<Identity>>,
    allowance: Allowance,
    early: Vec<Early>,
    /// Servers that relay; who waits for addresses there; and those whose ports are closed.
    servers: Servers,
    gathering: Vec<Gathering>,
    releases: Vec<Release>,
    releases_due: Option<TimerKey>,
    counters: Counters,
    lateness: Delays,
    delays: Delays,
    opinions: Opinions,
    /// The core that its thread is put onto, and the percent of it that it takes.
    core: Option<usize>,
    load: u64,
    since: WallTime,
}

impl<W: Wire> Voice<W> {
    /// The core of the module at `address`, with the worker's share of the ports in `config`.
    pub fn new(address: Address, config: Config, random: Random, wire: W, now: Now) -> Self {
        let (core, identity) = (config.core, config.identity.clone());
        let servers = Servers::new(&config.relays);
        let pairs = Pairs::new(config);
        let mut voice = Self {
            outbox: Outbox::new(address),
            random,
            wire,
            scratch: vec![0; HEADER_BYTES + codecs::limits::PAYLOAD_OCTETS_MAX].into(),
            pairs,
            ports: Vec::new(),
            sessions: BTreeMap::new(),
            closed: VecDeque::new(),
            conferences: Vec::new(),
            passages: None,
            awaited: Vec::new(),
            tickets: 0,
            held: VecDeque::new(),
            timers: TimerWheel::new(),
            identity,
            allowance: Allowance::default(),
            early: Vec::new(),
            servers,
            gathering: Vec::new(),
            releases: Vec::new(),
            releases_due: None,
            counters: Counters::default(),
            lateness: Delays::named("worker_tick_lateness_us"),
            delays: Delays::named("worker_relay_delay_us"),
            opinions: Opinions::default(),
            core,
            load: 0,
            since: now.wall,
        };
        voice.schedule(now.instant + Duration::from_millis(AUDIT_MS), Timer::Audit);
        voice
    }

    /// Looks at what datagrams of these pairs take of memory. The looks wait for none of each other, so that what comes from far away comes at
    /// once; one datagram after the other would wait for each of its own.
    #[inline]
    pub fn preview(&self, pairs: impl Iterator<Item = PairIndex>) {
        let port = |pair: PairIndex| self.ports.get(pair.0 as usize)?.as_deref();
        let mut seen = 0;
        for from in pairs.filter_map(port) {
            seen ^= from.preview() ^ from.bridge.and_then(port).map_or(0, Port::preview);
        }
        std::hint::black_box(seen);
    }

    /// A datagram arrived at a channel of a pair. It may be changed: the buffer is what is passed on.
    ///
    /// A panic in here closes the session that the pair belongs to; the worker goes on.
    #[inline]
    pub fn handle_datagram(
        &mut self,
        now: Now,
        pair: PairIndex,
        channel: Channel,
        source: SocketAddr,
        datagram: &mut [u8],
    ) {
        let relayed = catch_unwind(AssertUnwindSafe(|| self.relay(now, pair, channel, source, datagram)));
        if relayed.is_err() {
            self.break_pair(now, pair);
        }
    }

    /// The sockets, for the shell that reads them.
    pub fn wire(&mut self) -> &mut W {
        &mut self.wire
    }

    /// What the worker counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// How many pairs are in use.
    pub fn pairs_used(&self) -> usize {
        self.pairs.used()
    }

    /// How many timers are scheduled.
    pub fn pending_timers(&self) -> usize {
        self.timers.len()
    }

    /// How much of its core the worker's thread takes, percent, as `Query × Status` is to tell it.
    pub fn observe_load(&mut self, percent: u64) {
        self.load = percent;
    }

    /// Counts datagrams that the wire had taken and that the system refused when their batch left.
    pub fn observe_refused(&mut self, datagrams: u64) {
        self.counters.send_failures += datagrams;
    }

    /// A datagram that the kernel received at `came` has left, or was taken in, at `now`.
    pub fn observe_delay(&mut self, came: WallTime, now: WallTime) {
        // A clock that was set in between tells nothing.
        if let Some(delay) = u64::try_from(now.0 - came.0).ok().filter(|delay| *delay < 1_000 * RELAY_DELAY_MAX_MS) {
            self.delays.record(Duration::from_micros(delay));
        }
    }

    /// Closes every session with BYE: the worker ends.
    pub fn close_all(&mut self, now: Now) {
        while let Some((&instance, _)) = self.sessions.first_key_value() {
            self.close_session(now, instance, true);
        }
    }

    /// Closes all sessions after a fault of ours that is no session's, and tells their owners.
    #[cold]
    pub(crate) fn break_all(&mut self, now: Now) {
        while let Some((&instance, _)) = self.sessions.first_key_value() {
            self.break_session(now, instance);
        }
    }

    fn schedule(&mut self, at: Instant, timer: Timer) -> TimerKey {
        self.timers.schedule(at, Due { at, timer })
    }

    fn port(&mut self, pair: PairIndex) -> Option<&mut Port> {
        self.ports.get_mut(pair.0 as usize)?.as_deref_mut()
    }

    /// Tells the session's owner what happened at a port.
    fn notify(&mut self, session: Instance, port: PortId, kind: MediaEventKind) {
        if let Some(owner) = self.sessions.get(&session).map(|session| session.owner) {
            self.outbox.notify(session, owner, one(MediaEvent { port, kind }));
        }
    }

    /// Parts a port from the one that it is bridged to.
    fn unbridge(&mut self, pair: PairIndex) {
        self.close_ways(pair);
        let Some(other) = self.port(pair).and_then(|port| {
            port.formats().unmap();
            port.outgoing.interrupt();
            port.bridge.take()
        }) else {
            return;
        };
        if let Some(port) = self.port(other) {
            port.formats().unmap();
            port.outgoing.interrupt();
            port.bridge = None;
        }
    }

    /// Gives a port back, with a last report if it says farewell.
    fn close_port(&mut self, now: Now, session: Instance, id: PortId, farewell: bool) -> Option<PortStatistics> {
        let pair = self.sessions.get_mut(&session)?.remove(id)?;
        self.unbridge(pair);
        self.leave_seat(pair);
        if !self.early.is_empty() {
            self.early.retain(|early| early.pair != pair);
        }
        let mut port = self.ports.get_mut(pair.0 as usize)?.take()?;
        for timer in port.take_timers() {
            self.timers.cancel(timer);
        }
        if farewell && let Some((channel, destination, report)) = port.report(now, true) {
            let sent = port.send_report(&mut self.wire, channel, destination, &report);
            self.counters.rtcp_sent += u64::from(sent);
        }
        self.counters.rtp_lost += port.take_lost();
        let reusable = !port.connected() || self.wire.disconnect(pair);
        let statistics = port.statistics();
        for mos_centi in [statistics.mos_centi, statistics.mos_at_peer_centi].into_iter().flatten() {
            self.opinions.record(mos_centi);
        }
        // What a server relayed may stray in, too.
        let heard = port.heard().is_some() || statistics.packets_discarded > 0 || port.has_relay();
        let released = if port.has_relay() { self.release_relays(now.instant, pair, &mut port) } else { Vec::new() };
        if let Some((home, rtp)) = self.pairs.give_back(now.instant, pair, heard, reusable, &mut self.wire) {
            self.send_home(now.instant, home, rtp);
        }
        if !released.is_empty() {
            self.keep_releases(now.instant, released);
        }
        Some(statistics)
    }

    fn close_session(&mut self, now: Now, instance: Instance, farewell: bool) -> Vec<PortStatistics> {
        let Some(session) = self.sessions.get(&instance) else { return Vec::new() };
        let ids: Vec<PortId> = session.ports().iter().map(|(id, _)| *id).collect();
        let statistics: Vec<PortStatistics> =
            ids.into_iter().filter_map(|id| self.close_port(now, instance, id, farewell)).collect();
        self.sessions.remove(&instance);
        self.remember(Closed { session: instance, whole: true, statistics: statistics.clone() });
        statistics
    }

    fn remember(&mut self, closed: Closed) {
        if self.closed.len() >= CLOSED_KEPT {
            self.closed.pop_front();
        }
        self.closed.push_back(closed);
    }

    /// The session of a pair met a fault of ours.
    #[cold]
    fn break_pair(&mut self, now: Now, pair: PairIndex) {
        if let Some(session) = self.port(pair).map(|port| port.place.session) {
            self.break_session(now, session);
        }
    }

    /// Closes a session that met a fault of ours and tells its owner. No last words: whatever failed may fail again.
    #[cold]
    fn break_session(&mut self, now: Now, instance: Instance) {
        let Some(session) = self.sessions.get(&instance) else { return };
        let (owner, ports) = (session.owner, session.ports().to_vec());
        let first = ports.first().map_or(PortId(0), |(id, _)| *id);
        self.counters.sessions_broken += 1;
        tracing::error!(session = %instance, "a media session met an internal fault and is closed");
        let closed = catch_unwind(AssertUnwindSafe(|| self.close_session(now, instance, false)));
        if closed.is_err() {
            // The sockets failed again: they are not given to anybody else.
            self.sessions.remove(&instance);
            for (_, pair) in ports {
                if let Some(mut port) = self.ports.get_mut(pair.0 as usize).and_then(Option::take) {
                    for timer in port.take_timers() {
                        self.timers.cancel(timer);
                    }
                }
            }
        }
        self.outbox.notify(instance, owner, one(MediaEvent { port: first, kind: MediaEventKind::Broken }));
    }
}

impl<W: Wire> Service for Voice<W> {
    fn handle_received(&mut self, now: Now, received: Received) {
        // A worker asks nobody, so nobody answers it.
        let Received::Packet(packet) = received else { return };
        if packet.command == Command::Notify {
            return;
        }
        if let Some(session) = self.sessions.get_mut(&packet.destination.instance) {
            session.heard = now.instant;
        }
        if catch_unwind(AssertUnwindSafe(|| self.handle_request(now, &packet))).is_err() {
            self.fail_internally(now, &packet);
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        while let Some(Due { at, timer }) = self.timers.poll(now.instant) {
            self.lateness.record(now.instant.since(at));
            if catch_unwind(AssertUnwindSafe(|| self.handle_timer(now, timer))).is_err() {
                match timer {
                    Timer::Report(pair)
                    | Timer::Watch(pair)
                    | Timer::Frame(pair)
                    | Timer::Way(pair)
                    | Timer::Key(pair)
                    | Timer::Handshake(pair)
                    | Timer::Ways(pair)
                    | Timer::Relays(pair) => self.break_pair(now, pair),
                    Timer::Conference(index) => self.break_conference(now, index),
                    Timer::Audit | Timer::Passages | Timer::Gathering | Timer::Releases => {}
                }
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

impl<W: Wire> Voice<W> {
    #[cold]
    fn fail_internally(&mut self, now: Now, packet: &Packet) {
        self.outbox.answer(packet.failed(router::parameter::Reason::Internal));
        self.break_session(now, packet.destination.instance);
    }
}
