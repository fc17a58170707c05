//! Moments as people write them: `2h` ago, a date, RFC 3339.

use router::time::{Duration, WallTime};

/// How long ago: `90s`, `30m`, `2h`, `7d`; `None` if it is none of these.
pub(super) fn ago(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text[..text.len() - 1].parse().ok()?;
    Some(Duration::from_secs(count.checked_mul(unit)?.min(100 * 365 * 86_400)))
}

/// A moment: `2h` is that long before `now`; else RFC 3339, a date (its begin in UTC), or seconds since 1970. `None`: none of them.
pub(super) fn moment(text: &str, now: WallTime) -> Option<WallTime> {
    if let Some(ago) = ago(text) {
        return Some(WallTime(now.0.saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX))));
    }
    let seconds = text.parse().ok().filter(|seconds: &i64| (0..1 << 40).contains(seconds)).map(WallTime::from_secs);
    seconds.or_else(|| control::rfc3339(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_become_moments() {
        let now = WallTime::from_secs(1_700_000_000);
        assert_eq!(moment("2h", now), Some(WallTime::from_secs(1_700_000_000 - 7_200)));
        assert_eq!(moment("1970-01-02", now), Some(WallTime::from_secs(86_400)));
        assert_eq!(moment("1970-01-01T00:00:07Z", now), Some(WallTime::from_secs(7)));
        assert_eq!(moment("1700000000", now), Some(now));
        for text in ["", "h", "ä", "1w", "99999999999999999999d", "d", "yesterday", "2026-13-01"] {
            assert_eq!(moment(text, now), None, "{text}");
        }
    }
}
