//! Dates as SIP writes them (RFC 3261 §20.17): `Sat, 13 Nov 2010 23:29:00 GMT`.

use router::time::WallTime;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment as the value of Date.
pub(crate) fn write(at: WallTime) -> String {
    let secs = at.as_secs();
    // 1970-01-01 was a Thursday.
    let weekday = DAYS[secs.div_euclid(86_400).rem_euclid(7) as usize];
    // `2026-11-21T03:10:00.000Z`.
    let text = at.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let mut parts = date.rsplitn(3, '-');
    let (day, month, year) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let month = month.parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1))).unwrap_or(&"Jan");
    let time = time.get(..8).unwrap_or_default();
    format!("{weekday}, {day} {month} {year} {time} GMT")
}

/// The moment that the value of a Date names.
pub(crate) fn parse(text: &str) -> Option<WallTime> {
    let (_, rest) = text.split_once(',')?;
    let mut words = rest.split_ascii_whitespace();
    let day: i64 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))? as i64 + 1;
    let year: i64 = words.next()?.parse().ok().filter(|year| (1970..10_000).contains(year))?;
    let mut time = words.next()?.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let is_time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    if !is_time || !words.next()?.eq_ignore_ascii_case("GMT") || words.next().is_some() {
        return None;
    }
    // Days of the proleptic Gregorian calendar since 1970-01-01, in eras of 400 years that begin in March.
    let (year, month_of_era) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month_of_era + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(WallTime::from_secs(days * 86_400 + hour * 3_600 + minute * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_reads_back() {
        assert_eq!(parse("Sat, 13 Nov 2010 23:29:00 GMT"), Some(WallTime::from_secs(1_289_690_940)));
        assert_eq!(write(WallTime::from_secs(1_289_690_940)), "Sat, 13 Nov 2010 23:29:00 GMT");
        for day in 0..40_000 {
            let at = WallTime::from_secs(day * 86_400 + day % 86_400);
            assert_eq!(parse(&write(at)), Some(at));
        }
        for wrong in [
            "",
            "Sat, 13 Nov 2010 23:29:00 CET",
            "Sat, 32 Nov 2010 23:29:00 GMT",
            "Sat, 1 Nov 2010 24:00:00 GMT",
            "now",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
