//! One subscription (RFC 6665 §4.2): the usage of a dialog of its own.
//!
//! ```text
//!            SUBSCRIBE ──▶ ┌────────┐ ── change, refresh ──▶ NOTIFY, one at a time
//!                          │ active │ ── time out, Expires: 0, refused ──▶ terminated: the last NOTIFY ──▶ gone
//!                          └────────┘ ── 481, 408 to a NOTIFY, or no answer ──▶ gone
//! ```

use super::conference_info::Told;
use super::package::Package;
use crate::dialog::Dialog;
use router::time::{Duration, Instant, TimerKey};

/// Why a subscription ends (RFC 6665 §4.1.3): what its last NOTIFY says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Ending {
    /// It has not been refreshed, or the subscriber has unsubscribed.
    Timeout,
    /// The subscriber may not follow this any more.
    Rejected,
    /// Whom it follows is gone.
    NoResource,
}

impl Ending {
    /// Its name in Subscription-State.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Rejected => "rejected",
            Self::NoResource => "noresource",
        }
    }
}

/// What the subscriber is to be told. What comes later in this list includes what comes before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Telling {
    /// Nothing.
    Nothing,
    /// The state has changed: it is told once the interval since the last NOTIFY has passed.
    Changed,
    /// The subscriber asked: the state is told at once, changed or not (RFC 6665 §4.2.1.2).
    Asked,
    /// The last NOTIFY.
    Last(Ending),
}

/// What is due at a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Due {
    /// When it ends, unless it is refreshed.
    Expiry,
    /// When it may be told again.
    Interval,
    /// When it is told what is known, although its account's home shard has not answered yet.
    Unknown,
}

/// A subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) dialog: Dialog,
    pub(crate) package: Package,
    /// `id` of the Event header, if the subscriber gave one.
    pub(crate) event_id: Option<Box<str>>,
    /// The account that follows.
    pub(crate) watcher: Box<str>,
    /// The account that is followed.
    pub(crate) account: Box<str>,
    /// That account's URI as the subscriber has it.
    pub(crate) entity: Box<str>,
    /// The domain of numbers as the subscriber has it.
    pub(crate) domain: Box<str>,
    pub(crate) expires_at: Instant,
    /// From one NOTIFY to the next.
    pub(crate) interval: Duration,
    /// What the subscriber asked that to be, as it is told back (RFC 6446 §8.1).
    pub(crate) max_rate: Option<Box<str>>,
    pub(crate) telling: Telling,
    /// Whether a NOTIFY has no final response yet: the next one waits, as two could arrive in either order.
    pub(crate) in_flight: bool,
    /// Whether that NOTIFY is the last one.
    pub(crate) last_sent: bool,
    /// Whether the one before was refused: then this one is not made again.
    pub(crate) refused: bool,
    /// Whether the registrar is asked where the subscriber is: nothing is sent before it has answered.
    pub(crate) sought: bool,
    /// Whether it is in the queue of those that may be told now.
    pub(crate) queued: bool,
    /// From when on a change may be told.
    pub(crate) not_before: Instant,
    /// The number of its next document.
    pub(crate) version: u32,
    /// What it was told last.
    pub(crate) told: Option<u64>,
    /// The dialogs that it was told of last, and which of them their phone began.
    pub(crate) told_dialogs: Vec<(String, bool)>,
    /// The members of a conference that it was told of.
    pub(crate) told_members: Vec<Told>,
    pub(crate) expiry: Option<TimerKey>,
    pub(crate) waiting: Option<TimerKey>,
}

impl Subscription {
    /// It is to be told something; less than what it is to be told already changes nothing.
    pub(crate) fn tell(&mut self, telling: Telling) {
        self.telling = self.telling.max(telling);
    }

    /// When the next NOTIFY may leave; `None`: there is nothing to be told, the last one is under way, or it is not known where to.
    pub(crate) fn ready_at(&self, now: Instant) -> Option<Instant> {
        if self.in_flight || self.sought {
            return None;
        }
        match self.telling {
            Telling::Nothing => None,
            Telling::Changed => Some(self.not_before.max(now)),
            Telling::Asked | Telling::Last(_) => Some(now),
        }
    }

    /// Whether it ends with what it is to be told, so that nothing refreshes it any more.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.telling, Telling::Last(_))
    }

    /// The value of Subscription-State in a NOTIFY that tells this.
    pub(crate) fn state(&self, now: Instant, telling: Telling) -> String {
        match telling {
            Telling::Last(ending) => format!("terminated;reason={}", ending.name()),
            _ => {
                let left = self.expires_at.since(now).as_millis().div_ceil(1_000);
                match &self.max_rate {
                    Some(rate) => format!("active;expires={left};max-rate={rate}"),
                    None => format!("active;expires={left}"),
                }
            }
        }
    }

    /// The value of Event in its NOTIFYs: the `id` is the subscriber's.
    pub(crate) fn event(&self) -> String {
        match &self.event_id {
            Some(id) => format!("{};id={id}", self.package.name()),
            None => self.package.name().to_owned(),
        }
    }
}

/// The interval that a `max-rate` asks for (RFC 6446 §5): so many NOTIFYs a second at most, and never more than we send by
/// ourselves. `None`: it is no rate.
pub(crate) fn interval_of_rate(rate: &str, own: Duration, at_most: Duration) -> Option<Duration> {
    let is_rate = !rate.is_empty() && rate.len() <= 16 && rate.bytes().all(|one| one.is_ascii_digit() || one == b'.');
    let rate: f64 = rate.parse().ok().filter(|_| is_rate)?;
    if rate <= 0.0 {
        return None;
    }
    let wanted = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(at_most);
    Some(wanted.clamp(own, at_most.max(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_told_only_grows() {
        let order = [
            Telling::Nothing,
            Telling::Changed,
            Telling::Asked,
            Telling::Last(Ending::Timeout),
            Telling::Last(Ending::NoResource),
        ];
        assert!(order.is_sorted());
    }

    #[test]
    fn a_rate_is_an_interval_within_bounds() {
        let of = |rate| interval_of_rate(rate, Duration::from_secs(1), Duration::from_secs(60));
        assert_eq!(of("0.1"), Some(Duration::from_secs(10)));
        assert_eq!(of("50"), Some(Duration::from_secs(1)));
        assert_eq!(of("0.0001"), Some(Duration::from_secs(60)));
        for wrong in ["", "0", "-1", "nan", "inf", "1e9", "0.00000000000000000001"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
