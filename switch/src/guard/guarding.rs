//! One guard: for whom it is, and what it lets pass.

use crate::plan::OriginMatch;
use crate::rates::Price;
use router::Ledger;
use router::parameter::{Cause, CauseKind};
use router::time::Instant;
use std::fmt;

/// What an account or trunk may do at most. Each that a guard is for has all of it for itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guard {
    /// Its name, in records and the log.
    pub name: String,
    /// For whom it is.
    pub origin: OriginMatch,
    /// Calls at once; `None`: any.
    pub calls_max: Option<u32>,
    /// Calls within an hour; `None`: any.
    pub calls_per_hour: Option<u32>,
    /// What calls of an hour may have cost before another one is refused, where their price is known; `None`: anything.
    pub spend_per_hour: Option<u64>,
    /// Beginnings of the numbers that may be called over trunks and at other platforms; empty: all.
    pub allowed: Vec<String>,
    /// Those that may not; they go before those that may.
    pub barred: Vec<String>,
}

/// Why somebody may not call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tripped {
    /// Too many calls at once.
    Calls(u32),
    /// Too many within the hour.
    PerHour(u32),
    /// The hour has cost too much: what it may, in millionths.
    Spend(u64),
    /// Numbers that begin so are not for it.
    Barred,
}

impl fmt::Display for Tripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls(most) => write!(f, "{most} calls at once"),
            Self::PerHour(most) => write!(f, "{most} calls within an hour"),
            Self::Spend(most) => {
                let (units, cents) = (most / 1_000_000, most % 1_000_000 / 10_000);
                write!(f, "{units}.{cents:02} spent within an hour")
            }
            Self::Barred => f.write_str("a barred number"),
        }
    }
}

impl Guard {
    /// A call begins.
    ///
    /// # Errors
    /// There are too many. Nothing is taken then.
    pub(crate) fn begin(&self, now: Instant, ledger: &Ledger) -> Result<(), Tripped> {
        if !ledger.calls.take_below(self.calls_max.unwrap_or(u32::MAX)) {
            return Err(Tripped::Calls(self.calls_max.unwrap_or(u32::MAX)));
        }
        let most = self.calls_per_hour.unwrap_or(u32::MAX);
        if !ledger.begun.take_below(now, most.into()) {
            ledger.calls.give_back();
            return Err(Tripped::PerHour(most));
        }
        Ok(())
    }

    /// It is to leave the platform, for a number as routes see it.
    ///
    /// # Errors
    /// That is not allowed, or the hour has cost enough.
    pub(crate) fn leave(&self, now: Instant, ledger: &Ledger, number: &str) -> Result<(), Tripped> {
        let begins_with = |prefixes: &[String]| prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()));
        if begins_with(&self.barred) || !(self.allowed.is_empty() || begins_with(&self.allowed)) {
            return Err(Tripped::Barred);
        }
        match self.spend_per_hour {
            Some(most) if ledger.spent.sum(now) >= most => Err(Tripped::Spend(most)),
            _ => Ok(()),
        }
    }

    /// A minute has begun that costs so much.
    pub(crate) fn note(now: Instant, ledger: &Ledger, price: Price) {
        ledger.spent.add(now, price.as_millionths().into());
    }

    /// What a call that it does not let pass ends by.
    pub(crate) fn cause(&self, tripped: Tripped) -> Cause {
        Cause { text: Some(format!("guard {}: {tripped}", self.name)), ..Cause::new(CauseKind::Forbidden) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard {
            name: "phones".into(),
            origin: OriginMatch::Accounts,
            calls_max: Some(2),
            calls_per_hour: Some(3),
            spend_per_hour: Some(1_500_000),
            allowed: vec!["+49".into(), "+33".into()],
            barred: vec!["+49900".into()],
        }
    }

    #[test]
    fn calls_at_once_and_within_an_hour_are_bounded() {
        let (guard, ledger, now) = (guard(), Ledger::default(), Instant::from_millis(1));
        assert_eq!((guard.begin(now, &ledger), guard.begin(now, &ledger)), (Ok(()), Ok(())));
        assert_eq!(guard.begin(now, &ledger), Err(Tripped::Calls(2)));
        ledger.calls.give_back();
        assert_eq!(guard.begin(now, &ledger), Ok(()));
        ledger.calls.give_back();
        assert_eq!(guard.begin(now, &ledger), Err(Tripped::PerHour(3)));
        assert_eq!(ledger.calls.count(), 1, "what is refused takes nothing");
        let later = Instant::from_millis(61 * 60_000);
        assert_eq!(guard.begin(later, &ledger), Ok(()));
    }

    #[test]
    fn numbers_and_money_are_bounded() {
        let (guard, ledger, now) = (guard(), Ledger::default(), Instant::from_millis(1));
        for (number, passes) in
            [("+4930123", true), ("+33142", true), ("+49900123", false), ("+1212", false), ("bob", false)]
        {
            assert_eq!(guard.leave(now, &ledger, number).is_ok(), passes, "{number}");
        }
        let open = Guard { allowed: Vec::new(), ..guard.clone() };
        assert_eq!(open.leave(now, &ledger, "+1212"), Ok(()));
        assert_eq!(open.leave(now, &ledger, "+49900"), Err(Tripped::Barred));
        Guard::note(now, &ledger, Price::from_millionths(900_000));
        assert_eq!(guard.leave(now, &ledger, "+4930"), Ok(()));
        Guard::note(now, &ledger, Price::from_millionths(600_000));
        assert_eq!(guard.leave(now, &ledger, "+4930"), Err(Tripped::Spend(1_500_000)));
        let cause = guard.cause(Tripped::Spend(1_500_000));
        assert_eq!(cause.text.as_deref(), Some("guard phones: 1.50 spent within an hour"));
        assert_eq!(guard.leave(Instant::from_millis(61 * 60_000), &ledger, "+4930"), Ok(()));
    }
}
