//! A SIP shard on the simulated network: what the server's loop does, in virtual time.

use super::effort::Labour;
use super::transports::Transports;
use crate::network::Network;
use crate::zone::Zone;
use bytes::Bytes;
use router::limits::BATCH;
use router::service::{drain, next_turn, turn};
use router::time::{Duration, Instant, Now};
use router::{Endpoint, Random};
use signaling::Signaling;
use signaling::transport::{Exchange, Handed, Names, Question, Resolution, TransportEvent};
use switch::Switch;

/// How soon it is tried again to hand over what found no room.
const HELD_RETRY: Duration = Duration::from_millis(1);

/// Rounds of a turn that takes time, as in the server's.
const ROUNDS: usize = 8;

/// Batches of messages that such a turn takes out of the sockets while it does not catch up, as in the server's.
const CATCH_UP_BATCHES: usize = 4;

/// A shard.
pub(crate) struct Shard {
    pub(crate) signaling: Signaling,
    pub(crate) signaling_endpoint: Endpoint,
    pub(crate) switch: Switch,
    pub(crate) switch_endpoint: Endpoint,
    pub(crate) transports: Transports,
    pub(crate) exchange: Exchange,
    /// What is known of names.
    pub(crate) names: Names,
    /// What the name service is asked, and when its answers come.
    pub(crate) questions: Vec<(Instant, Question)>,
    /// Certificates that are fetched, and when they come.
    pub(crate) fetches: Vec<(Instant, Box<str>)>,
    /// When it wakes up, if another thread gave it something.
    pub(crate) wakes: Option<Instant>,
    /// Where its work takes time.
    pub(crate) labour: Option<Labour>,
}

impl Shard {
    /// Something may have come from another thread: it wakes up soon.
    pub(crate) fn notice(&mut self, now: Now, within: Duration, random: &mut Random) {
        if self.wakes.is_none() && (self.waiting() > 0 || !self.exchange.is_empty()) {
            let after = Duration::from_nanos(random.below(within.as_nanos() as u64 + 1));
            self.wakes = Some(now.instant + after);
        }
    }

    /// Packets that wait.
    fn waiting(&self) -> usize {
        self.signaling_endpoint.waiting() + self.switch_endpoint.waiting()
    }

    /// Whether it has a reason to run.
    pub(crate) fn is_due(&mut self, now: Now) -> bool {
        (self.labour.is_none() && self.transports.has_events())
            || self.poll_timeout().is_some_and(|at| at <= now.instant)
    }

    /// When it runs next.
    pub(crate) fn poll_timeout(&mut self) -> Option<Instant> {
        let modules = next_turn(&mut self.signaling).into_iter().chain(next_turn(&mut self.switch));
        let asked = self.questions.iter().map(|(at, _)| *at).chain(self.fetches.iter().map(|(at, _)| *at));
        let next = modules.chain(asked).chain(self.wakes).min();
        let Some(Labour { until, goes_on, .. }) = &self.labour else { return next };
        // What waits in a socket is looked at when there is time for it.
        let next = if *goes_on || self.transports.has_events() { Some(*until) } else { next };
        next.map(|at| at.max(*until))
    }

    /// Signaling and switch take turns until neither has anything left, or for as long as it has time.
    pub(crate) fn run(&mut self, now: Now, zone: &Zone, random: &mut Random, network: &mut Network) -> bool {
        if self.labour.is_some() {
            return self.labour(now, zone, random, network);
        }
        let mut busy = self.wakes.take_if(|at| *at <= now.instant).is_some();
        loop {
            busy |= self.take_events(now, network, usize::MAX) > 0;
            self.take_answers(now, zone);
            let due = |at: Option<Instant>| at.is_some_and(|at| at <= now.instant);
            let waits = self.waiting() > 0;
            let timers = due(next_turn(&mut self.signaling)) || due(next_turn(&mut self.switch));
            if waits || timers {
                busy = true;
                turn(&mut self.signaling, &self.signaling_endpoint, now);
                turn(&mut self.switch, &self.switch_endpoint, now);
            }
            busy |= self.give_out(now, zone, random, network);
            if !waits && !timers && !self.transports.has_events() && self.exchange.is_empty() {
                break;
            }
        }
        if self.exchange.is_held() {
            self.wakes = Some(now.instant + HELD_RETRY);
        }
        self.signaling.note_exchange(self.exchange.counters());
        busy
    }

    /// One turn of work that takes time, as the server's loop has it: what came, new calls that wait for their turn, what the modules make of it.
    fn labour(&mut self, now: Now, zone: &Zone, random: &mut Random, network: &mut Network) -> bool {
        if self.poll_timeout().is_none_or(|at| at > now.instant) {
            return false;
        }
        self.wakes = None;
        let delivered =
            |shard: &Self| shard.signaling_endpoint.counters().delivered + shard.switch_endpoint.counters().delivered;
        let before = delivered(self);
        let batches = if self.signaling.is_behind() { CATCH_UP_BATCHES } else { 1 };
        let messages = self.take_events(now, network, batches * BATCH);
        self.take_answers(now, zone);
        let waits = self.signaling.serve_waiting(now) | self.switch.serve_waiting(now);
        for _ in 0..ROUNDS {
            let signaling = turn(&mut self.signaling, &self.signaling_endpoint, now);
            let switch = turn(&mut self.switch, &self.switch_endpoint, now);
            if !signaling && !switch && self.waiting() == 0 {
                break;
            }
        }
        self.give_out(now, zone, random, network);
        let more = self.transports.has_events() || self.waiting() > 0 || !self.exchange.is_empty();
        self.signaling.handle_turn(now, !more);
        self.switch.handle_turn(now.instant, !more);
        let packets = (delivered(self) - before) as u32;
        if let Some(labour) = &mut self.labour {
            labour.spend(now.instant, messages as u32, packets, more || waits);
        }
        if self.exchange.is_held() {
            self.wakes = Some(now.instant + HELD_RETRY);
        }
        self.signaling.note_exchange(self.exchange.counters());
        true
    }

    /// What was asked of names and of the web is answered.
    fn take_answers(&mut self, now: Now, zone: &Zone) {
        let due: Vec<_> = self.questions.extract_if(.., |(at, _)| *at <= now.instant).collect();
        for (_, question) in due {
            let answer = zone.answer(now.instant, &question);
            self.names.handle_answer(now.instant, &question, answer);
        }
        while let Some((sought, resolution)) = self.names.poll_located() {
            self.signaling.handle_resolved(now, &sought, &resolution);
            drain(&mut self.signaling, &self.signaling_endpoint, now);
        }
        let due: Vec<_> = self.fetches.extract_if(.., |(at, _)| *at <= now.instant).collect();
        for (_, url) in due {
            let octets = zone.web.get(&*url).map(|octets| Bytes::copy_from_slice(octets));
            self.signaling.handle_fetched(now, &url, octets.as_ref());
            drain(&mut self.signaling, &self.signaling_endpoint, now);
        }
    }

    /// Sends and asks what signaling wants sent and asked. Whether something was answered at once.
    fn give_out(&mut self, now: Now, zone: &Zone, random: &mut Random, network: &mut Network) -> bool {
        let mut busy = false;
        while let Some(transmit) = self.signaling.poll_transmit() {
            if let Some(transmit) = self.exchange.dispatch(transmit) {
                self.transports.send(now.instant, transmit, network);
            }
        }
        while let Some(sought) = self.signaling.poll_resolve() {
            let resolution = self.names.locate(now.instant, &sought);
            if resolution != Resolution::Pending {
                self.signaling.handle_resolved(now, &sought, &resolution);
                drain(&mut self.signaling, &self.signaling_endpoint, now);
                busy = true;
            }
        }
        while let Some(fetch) = self.signaling.poll_fetch() {
            self.fetches.push((now.instant + Duration::from_millis(1 + random.below(1_500)), fetch.url));
        }
        while let Some(question) = self.names.poll_question() {
            let after = zone.late + Duration::from_millis(1 + random.below(30));
            self.questions.push((now.instant + after, question));
        }
        busy
    }

    /// Takes what came to the sockets, so much of it at most, and what other shards handed over. How much it was.
    fn take_events(&mut self, now: Now, network: &mut Network, most: usize) -> usize {
        let mut taken = 0;
        while taken < most
            && let Some(event) = self.transports.poll_event()
        {
            taken += 1;
            if let Some(event) = self.exchange.route(event) {
                self.take_event(now, event);
            }
        }
        while let Some(event) = self.exchange.poll_event() {
            taken += 1;
            self.take_event(now, event);
        }
        while let Some(handed) = self.exchange.poll_handed() {
            taken += 1;
            match handed {
                Handed::Event(event) => self.take_event(now, event),
                Handed::Transmit(transmit) => self.transports.send(now.instant, transmit, network),
            }
        }
        taken
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
        drain(&mut self.signaling, &self.signaling_endpoint, now);
    }
}
