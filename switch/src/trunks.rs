//! Trunks that do not respond: passed over while another one can be tried.
//!
//! ```text
//!              2 calls without any response              the time is over
//!   in use ───────────────────────────────▶ passed over ──────────────────▶ probed by the next call
//!      ▲                                         ▲                                 │
//!      │                                         └── no response: twice the time ──┤
//!      └──────────────────────────── any response, to any call ───────────────────┘
//! ```
//! What a trunk says, a refusal too, shows that it is there. Only silence counts here: of one that refuses, and of one that no
//! connection can be made to, a call knows at once.

use crate::limits::{TRUNK_HOLD_OFF, TRUNK_HOLD_OFF_MAX, TRUNK_PROBE, TRUNK_SILENT_FAILURES};
use crate::plan::Plan;
use router::parameter::{Parameter, TrunkStatus};
use router::time::{Duration, Instant};
use std::collections::BTreeMap;

/// A trunk that left at least one call without a response since it last gave one.
#[derive(Clone, Copy, Debug, Default)]
struct Silence {
    /// Calls in a row.
    failures: u32,
    /// How often it was passed over in a row.
    rounds: u32,
    /// Until when it is passed over; past: the next call probes it.
    until: Option<Instant>,
    /// Whether that is for the time of a probe.
    probed: bool,
}

/// The trunks that do not respond. At most as many as the plan has: a name is only noted where a leg went to it, and forgotten
/// with it.
#[derive(Debug, Default)]
pub(crate) struct Trunks {
    silent: BTreeMap<String, Silence>,
}

impl Trunks {
    /// Whether calls that can go elsewhere do.
    pub(crate) fn is_passed_over(&self, now: Instant, trunk: &str) -> bool {
        self.silent.get(trunk).is_some_and(|silence| silence.until.is_some_and(|until| until > now))
    }

    /// A call is about to be offered to a trunk: it may be the one that probes it.
    pub(crate) fn offered(&mut self, now: Instant, trunk: &str) {
        if let Some(silence) = self.silent.get_mut(trunk)
            && silence.until.is_some_and(|until| until <= now)
        {
            (silence.until, silence.probed) = (Some(now + TRUNK_PROBE), true);
        }
    }

    /// A trunk responded.
    pub(crate) fn responded(&mut self, trunk: &str) {
        if !self.silent.is_empty()
            && let Some(silence) = self.silent.remove(trunk)
            && silence.until.is_some()
        {
            tracing::info!(trunk, "the trunk responds again");
        }
    }

    /// A trunk left a call without a response.
    pub(crate) fn silent(&mut self, now: Instant, trunk: &str) {
        let silence = self.silent.entry(trunk.to_owned()).or_default();
        silence.failures = silence.failures.saturating_add(1);
        let waited_for = silence.until.is_some_and(|until| until > now) && !silence.probed;
        // Calls that were out when it began say nothing new.
        if silence.failures < TRUNK_SILENT_FAILURES || waited_for {
            return;
        }
        let time = hold_off(silence.rounds);
        silence.rounds = silence.rounds.saturating_add(1);
        (silence.until, silence.probed) = (Some(now + time), false);
        tracing::warn!(trunk, seconds = time.as_secs(), "the trunk does not respond: it is passed over");
    }

    /// Forgets the trunks that a plan does not have.
    pub(crate) fn retain(&mut self, plan: &Plan) {
        self.silent.retain(|name, _| plan.names_trunk(name));
    }

    /// What there is to tell of each.
    pub(crate) fn status(&self, now: Instant) -> impl Iterator<Item = Parameter> {
        self.silent.iter().map(move |(name, silence)| {
            let left = silence.until.filter(|&until| until > now).map(|until| until.since(now));
            let status = TrunkStatus {
                name: name.clone(),
                silent: Some(silence.failures),
                passed_over_s: left.map(|left| u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)),
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
        assert!(trunks.status(at(4)).next().is_none());
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
}
