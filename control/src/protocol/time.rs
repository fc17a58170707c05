//! Moments as clients write them.

use crate::protocol::{Code, Problem};
use router::time::WallTime;
use serde_json::Value;

/// A moment: RFC 3339 (`2026-11-21T03:10:00Z`, with an offset where wanted), a date (its begin in UTC), or seconds since
/// 1970.
pub(crate) fn moment(name: &str, value: &Value) -> Result<WallTime, Problem> {
    let read = match value {
        Value::Number(seconds) => seconds.as_i64().filter(|seconds| seconds.abs() < 1 << 40).map(WallTime::from_secs),
        Value::String(text) => rfc3339(text),
        _ => None,
    };
    read.ok_or_else(|| {
        Problem::because(Code::Invalid, format!("{name} is a time: RFC 3339, a date, or seconds since 1970"))
    })
}

/// RFC 3339 §5.6 `date-time`, or `full-date` alone: its begin in UTC.
pub fn rfc3339(text: &str) -> Option<WallTime> {
    if !text.is_ascii() || text.len() > 40 || text.len() < 10 {
        return None;
    }
    let (date, rest) = text.split_at(10);
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * 86_400;
    if rest.is_empty() {
        return Some(WallTime::from_secs(midnight));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone_begin = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone_begin);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = digits(parts.next()?, 2)?;
    // A leap second is written :60 and counted as the one before.
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    if time.contains('.') && (fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}")[..6].parse().ok()?;
    let offset = match zone.split_at(1) {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), zone) => {
            let (hours, minutes) = zone.split_once(':')?;
            let seconds = digits(hours, 2)? * 3600 + digits(minutes, 2)? * 60;
            if sign == "-" { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = midnight + hour * 3600 + minute * 60 + second.min(59) - offset;
    Some(WallTime(seconds * 1_000_000 + micros))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day number since 1970-01-01 (proleptic Gregorian calendar, years that begin in March).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        moment("since", &text.into()).ok().map(|at| at.to_string())
    }

    #[test]
    fn times_read_back_as_they_are_written() {
        assert_eq!(read("2024-02-29T12:34:56.789Z").as_deref(), Some("2024-02-29T12:34:56.789Z"));
        assert_eq!(read("2026-11-21").as_deref(), Some("2026-11-21T00:00:00.000Z"));
        assert_eq!(read("2026-11-21T01:00:00+02:00").as_deref(), Some("2026-11-20T23:00:00.000Z"));
        assert_eq!(read("1969-12-31T23:59:59Z").as_deref(), Some("1969-12-31T23:59:59.000Z"));
        assert_eq!(moment("since", &1_700_000_000.into()), Ok(WallTime::from_secs(1_700_000_000)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "today",
            "2023-02-29",
            "2024-13-01",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T1:2:3Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!(moment("since", &Value::Null).is_err());
        assert!(moment("since", &i64::MAX.into()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn every_moment_survives(millis in -2_000_000_000_000_i64..4_000_000_000_000) {
            let at = WallTime(millis * 1000);
            proptest::prop_assert_eq!(moment("since", &at.to_string().into()), Ok(at));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,50}") {
            let _ = moment("since", &text.into());
        }
    }
}
