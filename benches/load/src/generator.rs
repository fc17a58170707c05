//! The loop: one thread that gives the machines their datagrams and their time, paces the streams, and watches itself and the server.
//!
//! Per turn: what has arrived, then calls and timers that are due, then the RTP of the ticks that have begun, read again every few sends.

use crate::callee::Callee;
use crate::caller::{Caller, HangUp};
use crate::clock::Clock;
use crate::cpu;
use crate::health::Health;
use crate::limits::{
    DATAGRAM_BYTES, DATAGRAMS_PER_TURN, FAR_SIDE_LINGER, HARD_STOP_GRACE, MEMORY_SETTLE, SENDS_PER_POLL, TICK,
};
use crate::media::{CountedSpan, LegId};
use crate::options::{End, Mode, Options};
use crate::outbox::{MediaOrder, Outbox};
use crate::pacing::{Rate, Timers};
use crate::party::{LegPool, Party, Permitted, leg_address};
use crate::reactor::{Reactor, allow_sockets};
use crate::register::{Accounts, Registrations};
use crate::report::Report;
use crate::sdp::Codec;
use crate::server::{Progress, Server};
use crate::statistics::{Failure, Signalling};
use crate::streams::Streams;
use crate::wire::Wire;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

/// Numbers of the signalling sockets; media legs have theirs from 0 on.
const CALLER: usize = 1 << 20;
const CALLEE: usize = CALLER + 1;

/// What a finished run leaves.
pub struct Outcome {
    /// Calls.
    pub signalling: Signalling,
    /// RTP.
    pub streams: Streams,
    /// Registrations.
    pub registrations: Option<Registrations>,
    /// The generator itself.
    pub health: Health,
    /// The server, if its process is known.
    pub server: Option<Server>,
    /// How long it took.
    pub took: Duration,
    /// Whether the hard stop ended it.
    pub cut_off: bool,
    /// Callee dialogs that no BYE had ended.
    pub callee_open: u64,
}

/// Runs what the options ask for.
///
/// # Errors
/// What the options or the kernel do not allow, before or while it runs.
pub fn run(options: &Options) -> Result<Report, String> {
    allow_sockets(u64::from(options.leg_pairs()) * 2)?;
    let outcome = Generator::new(options)?.run()?;
    Ok(Report::new(options, &outcome))
}

/// What places load, by mode.
enum Load {
    Calls(Box<Caller>, Box<Callee>),
    /// Streams without signalling: pairs that are up, and when each ends.
    Direct {
        floor: SocketAddr,
        next: u16,
        up: u64,
        ends: Timers<u16>,
    },
    Register(Box<Registrations>),
}

/// Where a memory run stands.
#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Calls are being placed up to the first number, or the second.
    Ramp { second: bool },
    /// All are up; the reading is due at this time.
    Settle { second: bool, until: Duration },
    /// Not a memory run, or one whose readings are done.
    Free,
}

struct Generator<'a> {
    options: &'a Options,
    clock: Clock,
    reactor: Reactor,
    ready: Vec<usize>,
    /// Signalling sockets that were left with something unread.
    unread: [bool; 2],
    signalling_sockets: Vec<Wire>,
    permitted: Permitted,
    load: Load,
    streams: Streams,
    outbox: Outbox,
    statistics: Signalling,
    rate: Rate,
    phase: Phase,
    health: Health,
    server: Option<Server>,
    buffer: Vec<u8>,
    due: Vec<LegId>,
    start: Duration,
    tick: u64,
    first_up: Option<Duration>,
    callers_done: Option<Duration>,
}

impl<'a> Generator<'a> {
    fn new(options: &'a Options) -> Result<Generator<'a>, String> {
        let clock = Clock::start();
        let failed = |error: std::io::Error| error.to_string();
        let reactor = Reactor::new().map_err(failed)?;
        let mode = options.mode();
        let mut signalling_sockets = Vec::new();
        let wanted = match mode {
            Mode::Floor(_) => 0,
            Mode::Register => 1,
            _ => 2,
        };
        for (is_callee, number) in [(false, CALLER), (true, CALLEE)].into_iter().take(wanted) {
            signalling_sockets.push(Wire::open(options, &reactor, is_callee, number)?);
        }
        let hold = if matches!(mode, Mode::Memory { .. }) { Duration::MAX } else { options.hold() };
        let span = CountedSpan { from: options.settle(), until: hold.saturating_sub(options.tail()) };
        let codecs = [options.codec, options.callee_codec];
        let ips = [options.caller.ip(), options.callee.ip()];
        let streams =
            Streams::open(&reactor, options.leg_pairs(), ips, options.rtp_base, codecs, span).map_err(failed)?;
        let streams = streams.saying(options.talks());
        let start = clock.now(); // just before the timer starts, so that it fires when a tick of ours has begun
        reactor.start_ticks().map_err(failed)?;
        let limit = match mode {
            Mode::Memory { low, .. } => low,
            _ => options.calls,
        };
        Ok(Generator {
            options,
            load: load(options, start),
            reactor,
            ready: Vec::new(),
            unread: [false; 2],
            signalling_sockets,
            permitted: options.permitted(),
            streams,
            outbox: Outbox::default(),
            statistics: Signalling::default(),
            rate: Rate::new(options.cps, start, limit).then(options.steps()),
            phase: if matches!(mode, Mode::Memory { .. }) { Phase::Ramp { second: false } } else { Phase::Free },
            health: Health::default(),
            server: options.pid.map(Server::watch).transpose()?,
            buffer: vec![0; DATAGRAM_BYTES],
            due: Vec::new(),
            start,
            tick: 0,
            first_up: None,
            callers_done: None,
            clock,
        })
    }

    fn run(mut self) -> Result<Outcome, String> {
        let hard_stop = self.start + expected(self.options) + HARD_STOP_GRACE;
        let mut cut_off = false;
        loop {
            let block = !self.unread.contains(&true);
            self.receive(block)?;
            let now = self.clock.now();
            self.advance(now);
            self.stream(now)?;
            self.watch(self.clock.now());
            if self.is_finished(now) {
                break;
            }
            if now > hard_stop {
                cut_off = true;
                break;
            }
        }
        let now = self.clock.now();
        self.streams.close_all(now);
        Ok(self.outcome(now, cut_off))
    }

    /// Takes what has arrived.
    fn receive(&mut self, block: bool) -> Result<(), String> {
        self.reactor.wait(block, &mut self.ready).map_err(|error| error.to_string())?;
        for n in 0..self.ready.len() {
            match self.ready[n] {
                CALLER => self.unread[0] = true,
                CALLEE => {
                    self.unread[1] = true;
                    self.signalling_sockets[1].accept(&self.reactor, CALLEE);
                }
                leg => self.streams.receive(LegId(leg as u16), &self.clock, &mut self.buffer),
            }
        }
        for end in 0..self.signalling_sockets.len() {
            if self.unread[end] {
                self.receive_signalling(end);
            }
        }
        Ok(())
    }

    /// A bounded number of datagrams; the rest has its turn after the others'.
    fn receive_signalling(&mut self, end: usize) {
        for _ in 0..DATAGRAMS_PER_TURN {
            let Some((length, from)) = self.signalling_sockets[end].receive(&mut self.buffer) else {
                self.unread[end] = false;
                return;
            };
            if !self.permitted.allows(from.ip()) {
                self.statistics.malformed += 1;
                continue;
            }
            let now = self.clock.now();
            let text = String::from_utf8_lossy(&self.buffer[..length]);
            let (outbox, statistics) = (&mut self.outbox, &mut self.statistics);
            match (&mut self.load, end) {
                (Load::Calls(caller, _), 0) => caller.handle(now, from, &text, outbox, statistics),
                (Load::Calls(_, callee), _) => callee.handle(now, from, &text, outbox, statistics),
                (Load::Register(registrations), _) => registrations.handle(now, &text, outbox),
                (Load::Direct { .. }, _) => {}
            }
            self.flush(end, now);
        }
    }

    /// Sends what a machine queued.
    fn flush(&mut self, end: usize, now: Duration) {
        for (text, to) in self.outbox.datagrams() {
            if self.signalling_sockets[end].send(text, to).is_err() {
                self.health.send_errors += 1;
            }
        }
        for order in self.outbox.orders() {
            self.streams.obey(*order, now);
        }
        self.outbox.clear();
    }

    /// Places the calls that are due, and lets the machines' timers run.
    fn advance(&mut self, now: Duration) {
        while !matches!(self.load, Load::Register(_)) && self.rate.take(now) {
            if !self.place(self.clock.now()) {
                self.health.unplaced += 1;
            }
            self.flush(0, now);
        }
        let (outbox, statistics) = (&mut self.outbox, &mut self.statistics);
        match &mut self.load {
            Load::Calls(caller, _) => {
                caller.expire(now, outbox, statistics);
                self.flush(0, now);
                if let Load::Calls(_, callee) = &mut self.load {
                    callee.expire(now, &mut self.outbox, &mut self.statistics);
                }
                self.flush(1, now);
            }
            Load::Register(registrations) => {
                registrations.advance(now, outbox);
                self.flush(0, now);
            }
            Load::Direct { up, ends, .. } => {
                while let Some(pair) = ends.pop_due(now) {
                    *up -= 1;
                    statistics.complete(now);
                    self.streams.obey(MediaOrder::Close(LegId(pair * 2)), now);
                    self.streams.obey(MediaOrder::Close(LegId(pair * 2 + 1)), now);
                }
            }
        }
    }

    fn place(&mut self, now: Duration) -> bool {
        match &mut self.load {
            Load::Calls(caller, _) => caller.place(now, &mut self.outbox, &mut self.statistics),
            Load::Direct { floor, next, up, ends } => {
                let pairs = self.options.leg_pairs();
                let pair = *next % pairs;
                *next = (*next + 1) % pairs;
                for leg in [LegId(pair * 2), LegId(pair * 2 + 1)] {
                    let target = leg_address(floor.ip(), floor.port(), leg);
                    self.streams.obey(MediaOrder::Send(leg, target), now);
                }
                *up += 1;
                self.statistics.place(now);
                ends.push(now + self.options.hold(), pair);
                true
            }
            Load::Register(_) => false,
        }
    }

    /// Sends the RTP of each tick that has begun, and reads between the sends so that nothing waits long.
    fn stream(&mut self, now: Duration) -> Result<(), String> {
        let begun = (now.saturating_sub(self.start).as_nanos() / TICK.as_nanos()) as u64;
        while self.tick < begun {
            self.tick += 1;
            let tick_start = self.start + Duration::from_nanos(TICK.as_nanos() as u64 * self.tick);
            self.health.lateness.record_duration(self.clock.now().saturating_sub(tick_start));
            let mut due = std::mem::take(&mut self.due);
            self.streams.due(self.tick, &mut due);
            for (n, some) in due.chunks(SENDS_PER_POLL).enumerate() {
                if n > 0 {
                    self.receive(false)?;
                }
                for leg in some {
                    self.streams.send(*leg, &self.clock);
                }
            }
            self.due = due;
        }
        Ok(())
    }

    /// Calls, or pairs of streams, that are up.
    fn up(&self) -> u64 {
        match &self.load {
            Load::Calls(caller, _) => caller.up(),
            Load::Direct { up, .. } => *up,
            Load::Register(_) => 0,
        }
    }

    /// Observes itself, the server, and the phases of a memory run.
    fn watch(&mut self, now: Duration) {
        if self.health.is_due(now) {
            self.health.observe(now, cpu::own_cpu_time());
        }
        let up = self.up();
        if up > 0 {
            self.first_up.get_or_insert(now);
        }
        let failed = self.statistics.failed() + self.health.unplaced;
        let settled = self.rate.is_finished() && self.statistics.completed == 0 && {
            up + failed == self.statistics.placed + self.health.unplaced
        };
        if self.phase == Phase::Free && !matches!(self.options.mode(), Mode::Memory { .. }) {
            let packets = self.streams.received();
            let first_hang_up = self.first_up.map(|at| at + self.options.hold());
            if let Some(server) = &mut self.server {
                server.observe(Progress { now, first_hang_up, settled, up, packets });
            }
        }
        match self.phase {
            Phase::Ramp { second } if settled => {
                self.phase = Phase::Settle { second, until: now + MEMORY_SETTLE };
            }
            Phase::Settle { second, until } if now >= until => {
                if let Some(server) = &mut self.server {
                    server.read_memory(up);
                }
                self.end_phase(second, self.clock.now());
            }
            _ => {}
        }
    }

    /// After the first reading more calls are placed, after the second all are hung up.
    fn end_phase(&mut self, second: bool, now: Duration) {
        let Mode::Memory { low, high } = self.options.mode() else { return };
        if !second {
            self.rate = Rate::new(self.options.cps, now, high - low);
            self.phase = Phase::Ramp { second: true };
        } else {
            if let Load::Calls(caller, _) = &mut self.load {
                caller.release(now, self.options.cps);
            }
            self.phase = Phase::Free;
        }
    }

    fn is_finished(&mut self, now: Duration) -> bool {
        match &self.load {
            Load::Register(registrations) => registrations.is_finished(),
            Load::Direct { up, .. } => self.rate.is_finished() && *up == 0,
            Load::Calls(caller, callee) => {
                if !self.rate.is_finished() || caller.open() > 0 || self.phase != Phase::Free {
                    return false;
                }
                let done = *self.callers_done.get_or_insert(now);
                callee.open() == 0 || now > done + FAR_SIDE_LINGER
            }
        }
    }

    fn outcome(mut self, now: Duration, cut_off: bool) -> Outcome {
        let ports = (0..self.options.leg_pairs() * 2)
            .map(|leg| self.options.rtp_base + leg * 2)
            .chain([self.options.caller.port(), self.options.callee.port()])
            .collect::<HashSet<u16>>();
        self.health.dropped = cpu::dropped_datagrams(&ports);
        self.health.send_errors += self.streams.send_errors();
        self.health.waited = cpu::own_wait_time();
        let mut callee_open = 0;
        let mut registrations = None;
        match self.load {
            Load::Calls(mut caller, callee) => {
                for placed in caller.unfinished() {
                    self.statistics.fail(placed, Failure::Unfinished);
                }
                callee_open = callee.open();
            }
            Load::Direct { up, .. } => (0..up).for_each(|_| self.statistics.fail(now, Failure::Unfinished)),
            Load::Register(machine) => registrations = Some(*machine),
        }
        Outcome {
            signalling: self.statistics,
            streams: self.streams,
            registrations,
            health: self.health,
            server: self.server,
            took: now.saturating_sub(self.start),
            cut_off,
            callee_open,
        }
    }
}

fn load(options: &Options, start: Duration) -> Load {
    let run = std::process::id();
    let party = |local: SocketAddr, user: &str, codec: Codec, is_secure: bool| Party {
        local,
        user: user.to_owned(),
        domain: options.domain(),
        server: options.server,
        permitted: options.permitted(),
        codec,
        is_secure,
        run,
        transport: options.transport,
    };
    let hang_up = match (options.mode(), options.hangup) {
        (Mode::Memory { .. }, _) => HangUp::WhenReleased,
        (_, End::Caller) => HangUp::Caller(options.hold()),
        (_, End::Callee) => HangUp::Callee(options.hold()),
    };
    let legs = |first: LegId, ip| {
        if options.no_rtp {
            LegPool::silent(ip, options.rtp_base + first.0 * 2)
        } else {
            LegPool::new(first, options.leg_pairs(), ip, options.rtp_base)
        }
    };
    match options.mode() {
        Mode::Floor(floor) => Load::Direct { floor, next: 0, up: 0, ends: Timers::default() },
        Mode::Register => {
            let accounts = Accounts {
                count: options.register,
                prefix: options.prefix.clone(),
                password: options.password.clone(),
                algorithm: options.algorithm,
                rounds: options.rounds,
                per_second: options.rate,
            };
            let party = party(options.caller, &options.prefix, Codec::Pcmu, false);
            Load::Register(Box::new(Registrations::new(party, accounts, start)))
        }
        Mode::Calls | Mode::Memory { .. } => {
            let caller = party(options.caller, &options.from, options.codec, options.srtp);
            let callee = party(options.callee, &options.user, options.callee_codec, false);
            let caller_legs = legs(LegId(0), options.caller.ip());
            let callee_legs = legs(LegId(1), options.callee.ip());
            let secret = options.digest.then(|| (options.password.clone(), options.algorithm));
            Load::Calls(
                Box::new(Caller::new(caller, options.user.clone(), hang_up, caller_legs).answering(secret)),
                Box::new(Callee::new(callee, hang_up, callee_legs)),
            )
        }
    }
}

/// How long a run lasts if nothing goes wrong.
fn expected(options: &Options) -> Duration {
    let calls = options.calls_in_all() as f64;
    match options.mode() {
        Mode::Register => {
            let round =
                Duration::from_secs_f64(options.register as f64 / options.rate) + crate::limits::TRANSACTION_LIFE * 2;
            round * options.rounds
        }
        Mode::Memory { .. } => Duration::from_secs_f64(2.0 * calls / options.cps) + MEMORY_SETTLE * 2,
        _ => options.placing() + options.hold(),
    }
}
