//! When the next report is due (RFC 3550 §6.2, §6.3.1, A.7).

use router::Random;
use router::time::Duration;

/// The fixed minimum. A leg has two members; at 64 kbit/s, 5 % for RTCP and compound packets of some 130 octets the computed
/// interval is below a second, so the minimum is what counts, whatever the codec above 8 kbit/s.
const MINIMUM_MS: u64 = 5_000;

/// Evenly between 0.5 and 1.5 times the minimum, made up for the convergence of timer reconsideration by e - 3/2; half of
/// that before the first report.
pub fn interval(random: &mut Random, first: bool) -> Duration {
    const COMPENSATION: f64 = std::f64::consts::E - 1.5;
    let minimum_us = if first { MINIMUM_MS * 500 } else { MINIMUM_MS * 1_000 };
    let drawn_us = minimum_us / 2 + random.below(minimum_us);
    Duration::from_micros((drawn_us as f64 / COMPENSATION) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_lie_within_the_rfc_s_bounds_and_differ() {
        let mut random = Random::from_seed(3);
        let drawn: Vec<u64> = (0..1_000).map(|_| interval(&mut random, false).as_millis() as u64).collect();
        assert!(drawn.iter().all(|ms| (2_052..=6_157).contains(ms)));
        assert!(drawn.iter().max() > Some(&6_000) && drawn.iter().min() < Some(&2_200));
        let first = interval(&mut random, true).as_millis();
        assert!((1_026..=3_079).contains(&first));
    }
}
