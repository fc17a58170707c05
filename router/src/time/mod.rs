//! Time as an argument. Two clocks, never mixed: the monotonic one for timers, the wall clock for what people read.

mod wheel;

pub use wheel::{TimerKey, TimerWheel};

use minicbor::{Decode, Encode};
use std::fmt;
use std::ops::{Add, Sub};
pub use std::time::Duration;

/// A moment on the platform's monotonic clock: nanoseconds since a start that only this process knows. It never
/// crosses platforms, so it has no encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The clock's start.
    pub const ZERO: Self = Self(0);

    /// `nanos` after the clock's start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// `millis` after the clock's start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// Nanoseconds since the clock's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier`; zero if it was not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// The earliest of what is scheduled. A loop over the words themselves: each turn of a module asks for it several times, and adapters of
/// iterators over options cost it some times as much.
#[inline]
pub fn earliest<const N: usize>(all: [Option<Instant>; N]) -> Option<Instant> {
    let (mut least, mut is_any, mut index) = (u64::MAX, false, 0);
    // By its index, so that the compiler makes no array of it.
    while index < N {
        if let Some(Instant(at)) = all[index] {
            least = if at < least { at } else { least };
            is_any = true;
        }
        index += 1;
    }
    is_any.then_some(Instant(least))
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(before.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// A moment on the wall clock: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct WallTime(#[n(0)] pub i64);

impl WallTime {
    /// Whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs * 1_000_000)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long after `earlier`; zero if it was not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for WallTime {
    type Output = Self;
    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(after.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for WallTime {
    /// RFC 3339 in UTC with milliseconds: `2026-11-21T03:10:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.as_secs();
        let (days, of_day) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let millis = self.0.rem_euclid(1_000_000) / 1000;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// Year, month and day of a day number since 1970-01-01 (proleptic Gregorian calendar, eras of 400 years).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468; // days since 0000-03-01
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Both clocks, read together once a turn by a shell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// For timers and measurements.
    pub instant: Instant,
    /// For records and people.
    pub wall: WallTime,
}

impl Now {
    /// Both clocks `after` later.
    pub fn later(self, after: Duration) -> Self {
        Self { instant: self.instant + after, wall: self.wall + after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_written_as_rfc_3339() {
        assert_eq!(WallTime(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(WallTime(1_709_210_096_789_000).to_string(), "2024-02-29T12:34:56.789Z");
        assert_eq!(WallTime(-1_000).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(WallTime::from_secs(4_102_444_800).to_string(), "2100-01-01T00:00:00.000Z");
    }

    #[test]
    fn durations_saturate() {
        assert_eq!(Instant::from_millis(1).since(Instant::from_millis(2)), Duration::ZERO);
        assert_eq!(Instant::ZERO + Duration::MAX, Instant::from_nanos(u64::MAX));
        assert_eq!(WallTime(0).since(WallTime(5)), Duration::ZERO);
    }

    #[test]
    fn the_earliest_of_what_is_scheduled() {
        let at = |millis| Some(Instant::from_millis(millis));
        assert_eq!(earliest([None, at(3), at(2), None, at(5)]), at(2));
        assert_eq!(earliest([None, Some(Instant::from_nanos(u64::MAX))]), Some(Instant::from_nanos(u64::MAX)));
        assert_eq!((earliest([None; 3]), earliest([])), (None, None));
    }
}
