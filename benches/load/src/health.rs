//! Whether the generator itself was the limit: late ticks, a full core, dropped datagrams, refused sends.

use crate::limits::{CPU_SHARE_MAX, LATENESS_P99_MAX, LATENESS_P999_MAX, SATURATED_SECONDS_FREE, SATURATED_SHARE_MAX};
use crate::statistics::Times;
use std::time::Duration;

/// What the generator observes of itself.
#[derive(Debug, Default)]
pub struct Health {
    /// How late each tick's work began.
    pub lateness: Times,
    /// Datagrams of either kind that the kernel would not send.
    pub send_errors: u64,
    /// Datagrams dropped at our sockets because we had not read the ones before.
    pub dropped: u64,
    /// Calls that could not be placed when they were due.
    pub unplaced: u64,
    /// Seconds observed, and those at full CPU.
    pub seconds: u64,
    /// Seconds in which this process used its core wholly.
    pub saturated_seconds: u64,
    /// The largest share of a core in any second.
    pub peak_share: f64,
    /// Ready to run, but without a core.
    pub waited: Duration,
    last: Option<(Duration, Duration)>,
}

impl Health {
    /// Takes a reading of the process's CPU time; each that is a second after the last one counts.
    pub fn observe(&mut self, now: Duration, cpu: Duration) {
        let Some((then, cpu_then)) = self.last else {
            self.last = Some((now, cpu));
            return;
        };
        let share = cpu.saturating_sub(cpu_then).as_secs_f64() / now.saturating_sub(then).as_secs_f64().max(1e-9);
        self.seconds += 1;
        self.saturated_seconds += u64::from(share >= CPU_SHARE_MAX);
        self.peak_share = self.peak_share.max(share);
        self.last = Some((now, cpu));
    }

    /// Whether a second has passed since the last reading.
    pub fn is_due(&self, now: Duration) -> bool {
        self.last.is_none_or(|(then, _)| now >= then + Duration::from_secs(1))
    }

    /// Every reason why the figures may be the generator's rather than the server's.
    pub fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        let (p99, p999) = (self.lateness.quantile(0.99), self.lateness.quantile(0.999));
        if p99 > LATENESS_P99_MAX || p999 > LATENESS_P999_MAX {
            limits.push(format!(
                "its ticks were late: p99 {:.1} ms, p99.9 {:.1} ms (it waited {:.1} s for a core)",
                p99.as_secs_f64() * 1e3,
                p999.as_secs_f64() * 1e3,
                self.waited.as_secs_f64()
            ));
        }
        let saturated_max = (self.seconds as f64 * SATURATED_SHARE_MAX) as u64 + SATURATED_SECONDS_FREE;
        if self.saturated_seconds > saturated_max {
            limits.push(format!("its core was full in {} of {} seconds", self.saturated_seconds, self.seconds));
        }
        for (count, what) in [
            (self.dropped, "datagrams were dropped at its own sockets"),
            (self.send_errors, "sends were refused by the kernel"),
            (self.unplaced, "calls had no free RTP port when they were due"),
        ] {
            if count > 0 {
                limits.push(format!("{count} {what}"));
            }
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_healthy_generator_has_no_limits() {
        let mut health = Health::default();
        for second in 0..20u64 {
            let now = Duration::from_secs(second);
            assert!(health.is_due(now));
            health.observe(now, now / 2);
            assert!(!health.is_due(now + Duration::from_millis(999)));
        }
        (0..1000).for_each(|_| health.lateness.record(200_000));
        assert_eq!(health.limits(), Vec::<String>::new());
        assert_eq!(health.seconds, 19);
    }

    #[test]
    fn each_limit_is_named() {
        let mut health = Health { send_errors: 1, dropped: 2, unplaced: 3, ..Health::default() };
        (0..5).for_each(|second| health.observe(Duration::from_secs(second), Duration::from_secs(second)));
        (0..100).for_each(|_| health.lateness.record(30_000_000));
        assert_eq!(health.limits().len(), 5);
    }
}
