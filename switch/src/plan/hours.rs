//! When a route is in force: days of the week and hours, where the operator lives.

use super::check::PlanError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use router::time::WallTime;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY: u16 = 24 * 60;

/// A moment as clocks on the wall show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocalTime {
    /// 0 is Monday.
    pub weekday: u8,
    /// Minutes since midnight.
    pub minute: u16,
}

/// Where those clocks hang.
#[derive(Clone, PartialEq, Debug)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// By its name in the IANA database, as `Europe/Berlin`.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn new(name: &str) -> Result<Self, PlanError> {
        TimeZone::get(name).map(Self).map_err(|_| PlanError::Zone(name.to_owned()))
    }

    /// What clocks show there.
    pub fn local(&self, at: WallTime) -> LocalTime {
        let at = Timestamp::from_second(at.as_secs()).unwrap_or_default().to_zoned(self.0.clone());
        LocalTime {
            weekday: at.weekday().to_monday_zero_offset().unsigned_abs(),
            minute: u16::from(at.hour().unsigned_abs()) * 60 + u16::from(at.minute().unsigned_abs()),
        }
    }
}

/// Days and hours of a week.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hours(Vec<Span>);

/// The same hours on some days.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    /// Bit 0 is Monday.
    days: u8,
    /// Minutes since midnight.
    from: u16,
    /// The first minute after it. Not after `from`: of the next day.
    until: u16,
}

impl Hours {
    /// Of lines such as `mon-fri 08:00-18:00`, `sat,sun`, `22:00-06:00` (each day, over midnight).
    ///
    /// # Errors
    /// A line is none.
    pub fn new(lines: &[String]) -> Result<Self, PlanError> {
        let spans = lines.iter().map(|line| span(line).ok_or_else(|| PlanError::Hours(line.clone())));
        spans.collect::<Result<_, _>>().map(Self)
    }

    /// Whether it is within them.
    pub fn hold(&self, at: LocalTime) -> bool {
        self.0.iter().any(|span| {
            let is_on = |day: u8| span.days >> day & 1 == 1;
            let (today, yesterday) = (is_on(at.weekday), is_on((at.weekday + 6) % 7));
            if span.from < span.until {
                today && (span.from..span.until).contains(&at.minute)
            } else {
                (today && at.minute >= span.from) || (yesterday && at.minute < span.until)
            }
        })
    }
}

fn span(line: &str) -> Option<Span> {
    let mut words = line.split_ascii_whitespace();
    let (first, second) = (words.next()?, words.next());
    if words.next().is_some() {
        return None;
    }
    let is_hours = |word: &str| word.contains(':');
    let (named, hours) = match second {
        None if is_hours(first) => (None, Some(first)),
        None => (Some(first), None),
        Some(second) => (Some(first), Some(second)),
    };
    let days = named.map_or(Some(0x7f), days)?;
    let (from, until) = match hours {
        Some(hours) => {
            let (from, until) = hours.split_once('-')?;
            (minute(from)?, minute(until)?)
        }
        None => (0, DAY),
    };
    // 24:00 is an end; nothing lasts no time.
    (from < DAY && from != until).then_some(Span { days, from, until })
}

fn days(text: &str) -> Option<u8> {
    let day = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    text.split(',').try_fold(0, |days, part| {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (day(first)?, day(last)?),
            None => (day(part)?, day(part)?),
        };
        // `fri-mon` goes over the week's end.
        let count = (last + DAYS.len() - first) % DAYS.len();
        Some((0..=count).fold(days, |days, step| days | 1 << ((first + step) % DAYS.len())))
    })
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| {
        let is_two = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        if is_two { digits.parse::<u16>().ok() } else { None }
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let at = hour * 60 + minute;
    (minute < 60 && at <= DAY).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(lines: &[&str]) -> Hours {
        Hours::new(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn at(weekday: u8, hour: u16, minute: u16) -> LocalTime {
        LocalTime { weekday, minute: hour * 60 + minute }
    }

    #[test]
    fn days_and_hours_hold_to_the_minute() {
        let office = hours(&["mon-fri 08:00-18:00", "sat 09:00-12:00"]);
        assert!(office.hold(at(0, 8, 0)) && office.hold(at(4, 17, 59)) && office.hold(at(5, 9, 0)));
        assert!(!office.hold(at(0, 7, 59)) && !office.hold(at(4, 18, 0)) && !office.hold(at(5, 12, 0)));
        assert!(!office.hold(at(6, 10, 0)));
        let whole = hours(&["SAT,sun"]);
        assert!(whole.hold(at(5, 0, 0)) && whole.hold(at(6, 23, 59)) && !whole.hold(at(4, 23, 59)));
        assert!(hours(&["00:00-24:00"]).hold(at(3, 23, 59)));
        let round = hours(&["fri-mon"]);
        assert!([4, 5, 6, 0].into_iter().all(|day| round.hold(at(day, 1, 0))) && !round.hold(at(1, 1, 0)));
        assert!(!Hours::new(&[]).unwrap().hold(at(0, 0, 0)));
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_on_which_they_begin() {
        let night = hours(&["fri 22:00-06:00"]);
        assert!(night.hold(at(4, 22, 0)) && night.hold(at(5, 5, 59)));
        assert!(!night.hold(at(4, 5, 0)) && !night.hold(at(5, 6, 0)) && !night.hold(at(5, 22, 0)));
        assert!(hours(&["sun 23:00-01:00"]).hold(at(0, 0, 30)));
        assert!(hours(&["22:00-06:00"]).hold(at(2, 3, 0)));
    }

    #[test]
    fn what_is_none_is_told() {
        for line in [
            "",
            "monday",
            "mon 8:00-9:00",
            "mon 08:00",
            "08:00-08:00",
            "24:00-01:00",
            "08:60-09:00",
            "mon 08:00-25:00",
            "mon tue 08:00-09:00",
            "mon-",
        ] {
            let fault = Hours::new(&[line.to_owned()]).unwrap_err();
            assert_eq!(fault, PlanError::Hours(line.to_owned()));
        }
    }

    #[test]
    fn clocks_are_those_of_the_zone() {
        // 2026-11-30 08:15 UTC, a Monday.
        let winter = WallTime::from_secs(1_796_026_500);
        assert_eq!(Zone::default().local(winter), at(0, 8, 15));
        let berlin = Zone::new("Europe/Berlin").unwrap();
        assert_eq!(berlin.local(winter), at(0, 9, 15));
        // 2026-07-01 22:30 UTC: summer time, and the next day.
        let summer = WallTime::from_secs(1_782_945_000);
        assert_eq!(berlin.local(summer), at(3, 0, 30));
        assert_eq!(Zone::new("America/New_York").unwrap().local(winter), at(0, 3, 15));
        assert_eq!(Zone::new("Europe/Atlantis").unwrap_err(), PlanError::Zone("Europe/Atlantis".into()));
    }
}
