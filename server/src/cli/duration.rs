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

/// A moment as the server takes it: `2h` becomes that long before `now`; the rest is passed on as it is.
pub(super) fn moment(text: &str, now: WallTime) -> String {
    match ago(text) {
        Some(ago) => WallTime(now.0.saturating_sub(i64::try_from(ago.as_micros()).unwrap_or(i64::MAX))).to_string(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_become_moments() {
        let now = WallTime::from_secs(1_700_000_000);
        assert_eq!(moment("2h", now), WallTime::from_secs(1_700_000_000 - 7_200).to_string());
        assert_eq!(moment("2026-11-21", now), "2026-11-21");
        for text in ["", "h", "ä", "1w", "99999999999999999999d", "d"] {
            assert_eq!(moment(text, now), text);
        }
    }
}
