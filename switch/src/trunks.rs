//! The health of trunks: one that does not serve is passed over while another one can be tried.
//!
//! ```text
//!              2 calls without any response, half of 16 failed by its own fault,
//!              too few answered, too late ringing, 503 with       the time is over
//!              Retry-After
//!   in use ───────────────────────────────▶ passed over ──────────────────▶ probed by the next call
//!      ▲                                         ▲                                 │
//!      │                                         └── no response: twice the time ──┤
//!      └──────────────────────────── any response, to any call ───────────────────┘
//!
//!   OPTIONS unanswered or 503: passed over until they are answered
//! ```
//! Silence is ended by whatever the trunk says. A trunk that responds and serves badly is left alone for its time, whatever it says
//! meanwhile; then its calls are counted anew.

use crate::limits::{
    TRUNK_DELAYS, TRUNK_FAULTS_OF_16, TRUNK_HOLD_OFF, TRUNK_HOLD_OFF_MAX, TRUNK_PROBE, TRUNK_PROBE_HOLDS,
    TRUNK_RETRY_AFTER_MAX, TRUNK_SILENT_FAILURES, TRUNK_WINDOW,
};
use crate::plan::{Plan, Trunk};
use router::parameter::{Parameter, TrunkChange, TrunkStatus};
use router::time::{Duration, Instant};
use std::collections::BTreeMap;

/// What a call at a trunk came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decided {
    /// It was answered.
    Answered,
    /// Its callee, or the network behind, refused it.
    Refused,
    /// The trunk failed: 5xx, or nothing at all.
    Failed,
}

/// Why one is passed over that leaves OPTIONS unanswered, or says that it serves nobody.
const NO_OPTIONS: &str = "OPTIONS unanswered or 503";

/// Why a trunk is passed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Why {
    Silent,
    Faults,
    FewAnswered(u32),
    Slow(u32),
    RetryAfter,
}

impl Why {
    fn told(self) -> String {
        match self {
            Self::Silent => "silent".to_owned(),
            Self::Faults => "its calls fail".to_owned(),
            Self::FewAnswered(percent) => format!("{percent} % answered"),
            Self::Slow(delay_ms) => format!("rings after {}.{} s", delay_ms / 1_000, delay_ms % 1_000 / 100),
            Self::RetryAfter => "503 with Retry-After".to_owned(),
        }
    }
}

/// What a trunk's last calls came to, the last one in the lowest bit.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    calls: u32,
    answered: u64,
    failed: u64,
}

impl Window {
    fn note(&mut self, decided: Decided) {
        self.calls = (self.calls + 1).min(TRUNK_WINDOW);
        self.answered = self.answered << 1 | u64::from(decided == Decided::Answered);
        self.failed = self.failed << 1 | u64::from(decided == Decided::Failed);
    }

    fn answered_percent(&self) -> Option<u32> {
        (self.calls > 0).then(|| self.answered.count_ones() * 100 / self.calls)
    }

    fn failed_of_16(&self) -> u32 {
        (self.failed & 0xffff).count_ones()
    }
}

/// A trunk that had calls, or was asked.
#[derive(Clone, Copy, Debug, Default)]
struct Health {
    /// Calls in a row that it left without a response.
    silent: u32,
    /// How often it was passed over in a row.
    rounds: u32,
    /// Until when it is passed over; past: the next call probes it.
    until: Option<Instant>,
    /// Whether that is for the time of a probe.
    probed: bool,
    why: Option<Why>,
    /// Until when the word holds that it does not answer OPTIONS.
    dead_until: Option<Instant>,
    window: Window,
    /// The average post-dial delay, milliseconds.
    delay_ms: Option<u32>,
    /// Calls that it is of, up to as many as it is judged by.
    rung: u32,
}

/// What is to be told of a trunk.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) trunk: String,
    pub(crate) change: TrunkChange,
    pub(crate) time: Option<Duration>,
    pub(crate) reason: Option<String>,
}

impl News {
    fn of(trunk: &str, change: TrunkChange) -> Self {
        Self { trunk: trunk.to_owned(), change, time: None, reason: None }
    }

    fn passed_over(trunk: &str, time: Option<Duration>, reason: String) -> Self {
        Self { time, reason: Some(reason), ..Self::of(trunk, TrunkChange::PassedOver) }
    }
}

impl Health {
    /// It is passed over for a time that doubles with each round.
    fn hold_off(&mut self, now: Instant, trunk: &str, why: Why) -> News {
        let time = hold_off(self.rounds);
        self.rounds = self.rounds.saturating_add(1);
        (self.until, self.probed, self.why) = (Some(now + time), false, Some(why));
        self.window = Window::default();
        tracing::warn!(trunk, reason = why.told(), seconds = time.as_secs(), "the trunk is passed over");
        News::passed_over(trunk, Some(time), why.told())
    }

    fn is_held(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    fn is_dead(&self, now: Instant) -> bool {
        self.dead_until.is_some_and(|until| until > now)
    }
}

/// The trunks that had calls. At most as many as the plan has: a name is only noted where a leg went to it, and forgotten with it.
#[derive(Debug, Default)]
pub(crate) struct Trunks {
    known: BTreeMap<String, Health>,
    /// What has changed and is not told yet.
    news: Vec<News>,
}

impl Trunks {
    /// Whether calls that can go elsewhere do.
    pub(crate) fn is_passed_over(&self, now: Instant, trunk: &str) -> bool {
        self.known.get(trunk).is_some_and(|health| health.is_held(now) || health.is_dead(now))
    }

    /// What has changed since the last time that it was asked here.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// Whether anything has.
    pub(crate) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// A call is about to be offered to a trunk: it may be the one that probes it.
    pub(crate) fn offered(&mut self, now: Instant, trunk: &str) {
        let Some(health) = self.known.get_mut(trunk) else { return };
        if health.until.is_none_or(|until| until > now) {
            return;
        }
        if health.why == Some(Why::Silent) {
            (health.until, health.probed) = (Some(now + TRUNK_PROBE), true);
            self.news.push(News::of(trunk, TrunkChange::Tried));
        } else {
            health.until = None;
            self.news.push(News::of(trunk, TrunkChange::InUse));
        }
    }

    /// A trunk responded.
    pub(crate) fn responded(&mut self, trunk: &str) {
        let Some(health) = self.known.get_mut(trunk) else { return };
        health.silent = 0;
        let dead = health.dead_until.take().is_some();
        let silent = health.why == Some(Why::Silent);
        if silent {
            (health.until, health.probed, health.why, health.rounds) = (None, false, None, 0);
            tracing::info!(trunk, "the trunk responds again");
        }
        // One that serves badly is left alone for its time.
        if silent || dead && health.until.is_none() {
            self.news.push(News::of(trunk, TrunkChange::InUse));
        }
    }

    /// A trunk left a call without a response.
    pub(crate) fn silent(&mut self, now: Instant, trunk: &str) {
        let health = self.known.entry(trunk.to_owned()).or_default();
        health.silent = health.silent.saturating_add(1);
        // Calls that were out when it began say nothing new.
        let waited_for = health.is_held(now) && !health.probed;
        if health.silent >= TRUNK_SILENT_FAILURES && !waited_for {
            self.news.push(health.hold_off(now, trunk, Why::Silent));
        }
    }

    /// A trunk said for how long it serves nobody (RFC 3261 §21.5.4).
    pub(crate) fn refuses(&mut self, now: Instant, trunk: &str, time: Duration) {
        let time = time.min(TRUNK_RETRY_AFTER_MAX);
        let health = self.known.entry(trunk.to_owned()).or_default();
        if !time.is_zero() && health.until.is_none_or(|until| until < now + time) {
            (health.until, health.probed, health.why) = (Some(now + time), false, Some(Why::RetryAfter));
            tracing::warn!(trunk, seconds = time.as_secs(), "the trunk asks to be left alone: it is passed over");
            self.news.push(News::passed_over(trunk, Some(time), Why::RetryAfter.told()));
        }
    }

    /// What a call at a trunk came to.
    pub(crate) fn decided(&mut self, now: Instant, trunk: &Trunk, decided: Decided) {
        let health = match self.known.get_mut(&trunk.name) {
            Some(health) => health,
            None => self.known.entry(trunk.name.clone()).or_default(),
        };
        health.window.note(decided);
        if health.is_held(now) {
            return;
        }
        if decided == Decided::Failed && health.window.failed_of_16() >= TRUNK_FAULTS_OF_16 {
            return self.news.push(health.hold_off(now, &trunk.name, Why::Faults));
        }
        let percent = health.window.answered_percent().filter(|_| health.window.calls >= TRUNK_WINDOW);
        match (percent, trunk.answered_min) {
            (Some(percent), Some(least)) if percent < least => {
                self.news.push(health.hold_off(now, &trunk.name, Why::FewAnswered(percent)));
            }
            // So many without a fault to speak of: it serves.
            (Some(_), _) if health.window.failed_of_16() == 0 => (health.rounds, health.why) = (0, None),
            _ => {}
        }
    }

    /// A trunk's callee rang after so long (post-dial delay, ITU-T E.721).
    pub(crate) fn rang(&mut self, now: Instant, trunk: &Trunk, after: Duration) {
        let health = match self.known.get_mut(&trunk.name) {
            Some(health) => health,
            None => self.known.entry(trunk.name.clone()).or_default(),
        };
        let now_ms = i64::try_from(after.as_millis().min(1 << 24)).unwrap_or(0);
        let average = health.delay_ms.map_or(now_ms, |known| i64::from(known) + (now_ms - i64::from(known)) / 8);
        health.delay_ms = u32::try_from(average).ok();
        health.rung = (health.rung + 1).min(TRUNK_DELAYS);
        if let (Some(delay_ms), Some(most)) = (health.delay_ms, trunk.delay_max)
            && health.rung >= TRUNK_DELAYS
            && u128::from(delay_ms) > most.as_millis()
            && !health.is_held(now)
        {
            // Then it is judged by its calls from then on.
            (health.delay_ms, health.rung) = (None, 0);
            self.news.push(health.hold_off(now, &trunk.name, Why::Slow(delay_ms)));
        }
    }

    /// A trunk answers OPTIONS, or does not.
    pub(crate) fn probed(&mut self, now: Instant, trunk: &str, responds: bool) {
        if responds {
            return self.responded(trunk);
        }
        let health = self.known.entry(trunk.to_owned()).or_default();
        if !health.is_dead(now) {
            tracing::warn!(trunk, "the trunk does not answer OPTIONS: it is passed over");
            self.news.push(News::passed_over(trunk, None, NO_OPTIONS.to_owned()));
        }
        health.dead_until = Some(now + TRUNK_PROBE_HOLDS);
    }

    /// Forgets the trunks that a plan does not have.
    pub(crate) fn retain(&mut self, plan: &Plan) {
        self.known.retain(|name, _| plan.names_trunk(name));
    }

    /// What there is to tell of each.
    pub(crate) fn status(&self, now: Instant) -> impl Iterator<Item = Parameter> {
        self.known.iter().map(move |(name, health)| {
            let held = [health.until, health.dead_until].into_iter().flatten().filter(|&until| until > now).max();
            let left = held.map(|until| until.since(now));
            let reason = match health.is_dead(now) {
                true => Some(NO_OPTIONS.to_owned()),
                false => health.why.map(Why::told),
            };
            let status = TrunkStatus {
                name: name.clone(),
                silent: Some(health.silent).filter(|&calls| calls > 0),
                passed_over_s: left.map(|left| u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)),
                reason,
                answered_percent: health.window.answered_percent(),
                delay_ms: health.delay_ms,
                ..TrunkStatus::default()
            };
            status.into()
        })
    }
}

/// For how long a trunk is passed over for the `round`th time in a row.
fn hold_off(round: u32) -> Duration {
    let doubled = TRUNK_HOLD_OFF.as_millis() << round.min(16);
    Duration::from_millis(doubled.min(TRUNK_HOLD_OFF_MAX.as_millis()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1000 * seconds)
    }

    #[test]
    fn two_silent_calls_in_a_row_and_only_in_a_row() {
        let mut trunks = Trunks::default();
        trunks.silent(at(1), "a");
        trunks.responded("a");
        trunks.silent(at(2), "a");
        assert!(!trunks.is_passed_over(at(2), "a"));
        trunks.silent(at(3), "a");
        assert!(trunks.is_passed_over(at(3), "a") && !trunks.is_passed_over(at(3), "b"));
        assert!(trunks.is_passed_over(at(12), "a") && !trunks.is_passed_over(at(13), "a"));
        trunks.responded("a");
        assert!(!trunks.is_passed_over(at(4), "a"));
    }

    #[test]
    fn calls_that_were_out_already_do_not_lengthen_it_and_probes_do_up_to_the_bound() {
        let mut trunks = Trunks::default();
        for _ in 0..20 {
            trunks.silent(at(1), "a");
        }
        let mut now = 1;
        for expected in [10, 20, 40, 80, 160, 300, 300] {
            assert!(trunks.is_passed_over(at(now + expected - 1), "a"), "{expected}");
            now += expected;
            assert!(!trunks.is_passed_over(at(now), "a"), "{expected}");
            trunks.offered(at(now), "a");
            assert!(trunks.is_passed_over(at(now), "a"), "one probes, the others do not");
            trunks.silent(at(now + 4), "a");
            now += 4;
        }
    }

    #[test]
    fn a_probe_that_its_caller_gave_up_is_followed_by_another() {
        let mut trunks = Trunks::default();
        trunks.silent(at(1), "a");
        trunks.silent(at(1), "a");
        trunks.offered(at(11), "a");
        assert!(trunks.is_passed_over(at(42), "a") && !trunks.is_passed_over(at(43), "a"));
    }

    fn trunk(answered_min: Option<u32>) -> Trunk {
        Trunk {
            interface: std::net::Ipv4Addr::LOCALHOST.into(),
            redirects: crate::plan::Redirects::Refuse,
            answered_min,
            ..Trunk::new("a")
        }
    }

    #[test]
    fn a_trunk_that_fails_half_of_its_calls_is_left_alone_and_tried_again() {
        let mut trunks = Trunks::default();
        let a = trunk(None);
        for _ in 0..7 {
            trunks.decided(at(1), &a, Decided::Answered);
            trunks.decided(at(1), &a, Decided::Failed);
        }
        assert!(!trunks.is_passed_over(at(1), "a"));
        trunks.decided(at(1), &a, Decided::Failed);
        assert!(trunks.is_passed_over(at(1), "a"));
        trunks.responded("a");
        assert!(trunks.is_passed_over(at(10), "a") && !trunks.is_passed_over(at(11), "a"), "responding is not serving");
        (0..8).for_each(|_| trunks.decided(at(11), &a, Decided::Failed));
        assert!(trunks.is_passed_over(at(30), "a") && !trunks.is_passed_over(at(31), "a"), "twice the time");
        (0..64).for_each(|_| trunks.decided(at(31), &a, Decided::Refused));
        (0..8).for_each(|_| trunks.decided(at(40), &a, Decided::Failed));
        assert!(trunks.is_passed_over(at(49), "a") && !trunks.is_passed_over(at(50), "a"), "it has served meanwhile");
    }

    #[test]
    fn a_trunk_of_which_too_few_calls_are_answered_is_left_alone() {
        let mut trunks = Trunks::default();
        let (a, any) = (trunk(Some(40)), trunk(None));
        for call in 0..64 {
            let decided = if call % 4 == 0 { Decided::Answered } else { Decided::Refused };
            assert!(!trunks.is_passed_over(at(1), "a"));
            trunks.decided(at(1), if call < 63 { &any } else { &a }, decided);
        }
        assert!(trunks.is_passed_over(at(1), "a"));
        let Some(Parameter::TrunkStatus(status)) = trunks.status(at(1)).next() else { panic!("a status") };
        assert_eq!((status.reason.as_deref(), status.passed_over_s), (Some("25 % answered"), Some(10)));
    }

    #[test]
    fn a_trunk_whose_calls_ring_too_late_is_left_alone_and_judged_anew() {
        let mut trunks = Trunks::default();
        let a = Trunk { delay_max: Some(Duration::from_secs(5)), ..trunk(None) };
        let rings = |trunks: &mut Trunks, now: u64, after: u64| trunks.rang(at(now), &a, Duration::from_secs(after));
        // A few late ones, and many that are as they should be.
        (0..40).for_each(|call| rings(&mut trunks, 1, if call % 10 == 4 { 12 } else { 3 }));
        assert!(!trunks.is_passed_over(at(1), "a"));
        let mut late = 0;
        while !trunks.is_passed_over(at(2), "a") {
            rings(&mut trunks, 2, 9);
            late += 1;
        }
        assert!((2..8).contains(&late), "{late}");
        let Some(Parameter::TrunkStatus(status)) = trunks.status(at(2)).next() else { panic!("a status") };
        assert!(status.reason.is_some_and(|reason| reason.starts_with("rings after 5.")));
        trunks.responded("a");
        assert!(trunks.is_passed_over(at(11), "a") && !trunks.is_passed_over(at(12), "a"));
        trunks.offered(at(12), "a");
        (0..TRUNK_DELAYS - 1).for_each(|_| rings(&mut trunks, 12, 9));
        assert!(!trunks.is_passed_over(at(12), "a"), "too few to tell");
        rings(&mut trunks, 12, 9);
        assert!(trunks.is_passed_over(at(31), "a") && !trunks.is_passed_over(at(32), "a"), "twice the time");
    }

    #[test]
    fn retry_after_and_options_are_heeded() {
        let mut trunks = Trunks::default();
        trunks.refuses(at(1), "a", Duration::from_secs(20));
        trunks.refuses(at(1), "a", Duration::from_secs(5));
        trunks.responded("a");
        assert!(trunks.is_passed_over(at(20), "a") && !trunks.is_passed_over(at(21), "a"));
        trunks.refuses(at(1), "b", Duration::from_secs(100_000));
        assert!(!trunks.is_passed_over(at(301), "b"));
        trunks.probed(at(1), "c", false);
        assert!(trunks.is_passed_over(at(300), "c"));
        trunks.probed(at(300), "c", true);
        assert!(!trunks.is_passed_over(at(300), "c"));
    }

    #[test]
    fn each_change_is_told_once() {
        let told = |trunks: &mut Trunks| -> Vec<(TrunkChange, Option<u64>)> {
            trunks.take_news().into_iter().map(|news| (news.change, news.time.map(|time| time.as_secs()))).collect()
        };
        let mut trunks = Trunks::default();
        for _ in 0..4 {
            trunks.silent(at(1), "a");
            trunks.offered(at(1), "a");
        }
        assert_eq!(told(&mut trunks), [(TrunkChange::PassedOver, Some(10))]);
        trunks.offered(at(11), "a");
        trunks.offered(at(11), "a");
        trunks.responded("a");
        trunks.responded("a");
        assert_eq!(told(&mut trunks), [(TrunkChange::Tried, None), (TrunkChange::InUse, None)]);
        trunks.refuses(at(20), "a", Duration::from_secs(5));
        trunks.responded("a");
        (0..2).for_each(|_| trunks.offered(at(25), "a"));
        assert_eq!(told(&mut trunks), [(TrunkChange::PassedOver, Some(5)), (TrunkChange::InUse, None)]);
        (0..2).for_each(|_| trunks.probed(at(30), "a", false));
        (0..2).for_each(|_| trunks.probed(at(40), "a", true));
        assert_eq!(told(&mut trunks), [(TrunkChange::PassedOver, None), (TrunkChange::InUse, None)]);
        assert!(!trunks.has_news());
    }

    #[test]
    fn the_post_dial_delay_is_an_average() {
        let mut trunks = Trunks::default();
        trunks.rang(at(1), &trunk(None), Duration::from_millis(1_000));
        (0..100).for_each(|_| trunks.rang(at(1), &trunk(None), Duration::from_millis(3_000)));
        let Some(Parameter::TrunkStatus(status)) = trunks.status(at(1)).next() else { panic!("a status") };
        assert!(status.delay_ms.is_some_and(|delay| (2_900..=3_000).contains(&delay)), "{status:?}");
    }
}
