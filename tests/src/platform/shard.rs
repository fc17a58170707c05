//! A SIP shard on the simulated network: what the server's loop does, in virtual time.

use super::transports::Transports;
use crate::network::Network;
use crate::zone::Zone;
use bytes::Bytes;
use router::service::{drain, next_turn, turn};
use router::time::{Duration, Instant, Now};
use router::{Endpoint, Random};
use signaling::Signaling;
use signaling::transport::{Exchange, Handed, Names, Question, Resolution, TransportEvent};
use switch::Switch;

/// How soon it is tried again to hand over what found no room.
const HELD_RETRY: Duration = Duration::from_millis(1);

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
}

impl Shard {
    /// Something may have come from another thread: it wakes up soon.
    pub(crate) fn notice(&mut self, now: Now, within: Duration, random: &mut Random) {
        let depth = self.signaling_endpoint.counters().depth + self.switch_endpoint.counters().depth;
        if self.wakes.is_none() && (depth > 0 || !self.exchange.is_empty()) {
            let after = Duration::from_nanos(random.below(within.as_nanos() as u64 + 1));
            self.wakes = Some(now.instant + after);
        }
    }

    /// Whether it has a reason to run.
    pub(crate) fn is_due(&mut self, now: Now) -> bool {
        self.transports.has_events() || self.poll_timeout().is_some_and(|at| at <= now.instant)
    }

    /// When it runs next.
    pub(crate) fn poll_timeout(&mut self) -> Option<Instant> {
        let modules = next_turn(&mut self.signaling).into_iter().chain(next_turn(&mut self.switch));
        let asked = self.questions.iter().map(|(at, _)| *at).chain(self.fetches.iter().map(|(at, _)| *at));
        modules.chain(asked).chain(self.wakes).min()
    }

    /// Signaling and switch take turns until neither has anything left.
    pub(crate) fn run(&mut self, now: Now, zone: &Zone, random: &mut Random, network: &mut Network) -> bool {
        let mut busy = self.wakes.take_if(|at| *at <= now.instant).is_some();
        loop {
            busy |= self.take_events(now, network);
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
            let due = |at: Option<Instant>| at.is_some_and(|at| at <= now.instant);
            let waits = self.signaling_endpoint.counters().depth + self.switch_endpoint.counters().depth > 0;
            let timers = due(next_turn(&mut self.signaling)) || due(next_turn(&mut self.switch));
            if waits || timers {
                busy = true;
                turn(&mut self.signaling, &self.signaling_endpoint, now);
                turn(&mut self.switch, &self.switch_endpoint, now);
            }
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

    fn take_events(&mut self, now: Now, network: &mut Network) -> bool {
        let mut busy = false;
        while let Some(event) = self.transports.poll_event() {
            busy = true;
            if let Some(event) = self.exchange.route(event) {
                self.take_event(now, event);
            }
        }
        while let Some(event) = self.exchange.poll_event() {
            busy = true;
            self.take_event(now, event);
        }
        while let Some(handed) = self.exchange.poll_handed() {
            busy = true;
            match handed {
                Handed::Event(event) => self.take_event(now, event),
                Handed::Transmit(transmit) => self.transports.send(now.instant, transmit, network),
            }
        }
        busy
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
