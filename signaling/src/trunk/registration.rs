//! When an address of record of ours is asked for at a trunk, and how it stands there (RFC 3261 §10.2).
//!
//! ```text
//!             ┌────────────────── 423, 3xx: at once ───────────────────┐
//!             ▼                                                        │
//!   Trying ──REGISTER──▶ 200 ──▶ Registered ──three quarters of its time──▶ REGISTER
//!             │                                    ▲                   │
//!             └─ refused, unanswered ─▶ Failed ────┴── waits longer each time, or as Retry-After says
//!
//!   taken back: Leaving ──REGISTER, Expires: 0──▶ Gone
//! ```

use crate::limits::{
    INTERVAL_RAISES_MAX, REGISTER_BACK_OFF, REGISTER_BACK_OFF_MAX, REGISTER_EXPIRES_MAX, REGISTER_REDIRECTS_MAX,
    REGISTER_REFUSED_BACK_OFF,
};
use crate::message::StatusCode;
use router::Random;
use router::parameter::RegistrationState;
use router::time::{Duration, Instant};

/// One address of record at one trunk.
#[derive(Debug)]
pub(crate) struct Registration {
    /// For how long it is asked for.
    expires: Duration,
    wanted: bool,
    /// What the REGISTER that is out asks for.
    asking: Option<Duration>,
    kept_until: Option<Instant>,
    next: Option<Instant>,
    failures: u32,
    redirects: u8,
    /// 423s in a row that were followed.
    raises: u8,
    reason: Option<String>,
}

/// What a refusal said beside its status.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refused {
    pub(crate) min_expires: Option<u32>,
    pub(crate) retry_after: Option<Duration>,
    /// It names another registrar.
    pub(crate) elsewhere: bool,
}

impl Registration {
    /// It is asked for at `first`.
    pub(crate) fn new(first: Instant, expires: Duration) -> Self {
        Self {
            expires,
            wanted: true,
            asking: None,
            kept_until: None,
            next: Some(first),
            failures: 0,
            redirects: 0,
            raises: 0,
            reason: None,
        }
    }

    /// When it is asked for next.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next.filter(|_| self.asking.is_none())
    }

    /// A REGISTER goes out; the expiry that it asks for.
    pub(crate) fn ask(&mut self) -> Duration {
        let expires = if self.wanted { self.expires } else { Duration::ZERO };
        (self.asking, self.next) = (Some(expires), None);
        expires
    }

    /// The trunk keeps it for so long; zero: no more.
    pub(crate) fn accepted(&mut self, now: Instant, random: &mut Random, granted: Duration) {
        let asked = self.asking.take();
        (self.redirects, self.raises) = (0, 0);
        if !self.wanted {
            // What was asked before it was to be taken back was granted: now it is taken back.
            let granted_before = asked.is_some_and(|asked| !asked.is_zero()) && !granted.is_zero();
            (self.kept_until, self.next) = (granted_before.then_some(now + granted), granted_before.then_some(now));
            return;
        }
        if granted.is_zero() {
            self.kept_until = None;
            return self.failed(now, random, "200 without our contact".to_owned(), REGISTER_BACK_OFF);
        }
        let granted = granted.min(REGISTER_EXPIRES_MAX);
        (self.failures, self.reason) = (0, None);
        self.kept_until = Some(now + granted);
        // Three quarters, a tenth of that earlier or not, so that many do not come together for ever: what is left is more than
        // a transaction and one further attempt take, where the trunk grants five minutes.
        let longest = granted * 3 / 4;
        let earlier = random.below(u64::try_from(longest.as_millis() / 10).unwrap_or(u64::MAX) + 1);
        self.next = Some(now + longest.saturating_sub(Duration::from_millis(earlier)));
    }

    /// The trunk refused it.
    pub(crate) fn refused(
        &mut self,
        now: Instant,
        random: &mut Random,
        status: StatusCode,
        words: &str,
        more: Refused,
    ) {
        self.asking = None;
        if !self.wanted {
            (self.kept_until, self.next) = (None, None);
            return;
        }
        let at_once = match (status.code(), more.min_expires) {
            (423, Some(least)) => {
                let least = Duration::from_secs(least.into());
                let longer = least > self.expires && least <= REGISTER_EXPIRES_MAX;
                let longer = longer && self.raises < INTERVAL_RAISES_MAX;
                if longer {
                    self.expires = least;
                    self.raises += 1;
                }
                longer
            }
            (300..=399, _) if more.elsewhere && self.redirects < REGISTER_REDIRECTS_MAX => {
                self.redirects += 1;
                true
            }
            _ => false,
        };
        if at_once {
            self.next = Some(now);
            return;
        }
        // Who does not know us, or our password, will hardly do so soon, and may lock who asks too often.
        let known = !matches!(status.code(), 401 | 403 | 404 | 407);
        let base = if known { REGISTER_BACK_OFF } else { REGISTER_REFUSED_BACK_OFF };
        self.failed(now, random, format!("{} {words}", status.code()), base);
        if let Some(after) = more.retry_after {
            self.next = Some(now + after.max(Duration::from_secs(1)));
        }
    }

    /// Nobody answered, or there is no way there.
    pub(crate) fn unanswered(&mut self, now: Instant, random: &mut Random, words: &str) {
        self.asking = None;
        if !self.wanted {
            (self.kept_until, self.next) = (None, None);
            return;
        }
        self.failed(now, random, words.to_owned(), REGISTER_BACK_OFF);
    }

    /// RFC 5626 §4.5: the wait doubles with each failure; of it, at least half and at most all, by chance.
    fn failed(&mut self, now: Instant, random: &mut Random, reason: String, base: Duration) {
        let longest = Duration::from_millis(
            (base.as_millis() << self.failures.min(16)).min(REGISTER_BACK_OFF_MAX.as_millis()) as u64,
        );
        let half = u64::try_from(longest.as_millis() / 2).unwrap_or(u64::MAX);
        self.next = Some(now + Duration::from_millis(half + random.below(half + 1)));
        (self.failures, self.redirects, self.raises) = (self.failures.saturating_add(1), 0, 0);
        self.reason = Some(reason);
    }

    /// It is taken back, where the trunk may keep it. What is out already is answered first.
    pub(crate) fn leave(&mut self, now: Instant) {
        if std::mem::take(&mut self.wanted) {
            let keeps = self.kept_until.is_some_and(|until| until > now) || self.asking.is_some();
            self.next = keeps.then_some(now);
        }
    }

    /// It is of no use as things stand: that is looked at again after so long.
    pub(crate) fn rest(&mut self, now: Instant, after: Duration) {
        (self.asking, self.kept_until) = (None, None);
        self.next = self.wanted.then_some(now + after);
    }

    /// It is asked for at that time, whatever it waited for.
    pub(crate) fn renew(&mut self, at: Instant) {
        if self.wanted && self.asking.is_none() {
            self.next = Some(at);
        }
    }

    /// Until when the trunk keeps it.
    pub(crate) fn kept_until(&self) -> Option<Instant> {
        self.kept_until
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_over(&self) -> bool {
        !self.wanted && self.asking.is_none() && self.next.is_none()
    }

    /// Whether it is wanted.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Whether it is to be asked elsewhere than where the trunk is configured.
    pub(crate) fn is_redirected(&self) -> bool {
        self.redirects > 0
    }

    /// How it stands.
    pub(crate) fn state(&self, now: Instant) -> RegistrationState {
        let kept = self.kept_until.is_some_and(|until| until > now);
        match (self.wanted, kept) {
            (false, _) if self.is_over() => RegistrationState::Gone,
            (false, _) => RegistrationState::Leaving,
            (true, true) => RegistrationState::Registered,
            (true, false) if self.reason.is_some() => RegistrationState::Failed,
            (true, false) => RegistrationState::Trying,
        }
    }

    /// For how many more seconds it is kept.
    pub(crate) fn kept_s(&self, now: Instant) -> Option<u32> {
        seconds(now, self.kept_until)
    }

    /// In how many seconds it is asked for again.
    pub(crate) fn next_s(&self, now: Instant) -> Option<u32> {
        seconds(now, self.next)
    }

    /// Why it was last refused.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

fn seconds(now: Instant, at: Option<Instant>) -> Option<u32> {
    at.filter(|&at| at > now).map(|at| u32::try_from(at.since(now).as_secs()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(1_000 * seconds)
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_granted_is_refreshed_in_time() {
        let (mut registration, mut random) = (Registration::new(at(0), secs(3600)), Random::from_seed(1));
        assert_eq!(registration.state(at(0)), RegistrationState::Trying);
        assert_eq!(registration.ask(), secs(3600));
        assert_eq!(registration.poll_timeout(), None, "one at a time");
        registration.accepted(at(1), &mut random, secs(300));
        assert_eq!(registration.state(at(1)), RegistrationState::Registered);
        let next = registration.poll_timeout().unwrap();
        assert!(next >= at(203) && next <= at(226), "{next:?}");
        assert_eq!(registration.state(at(301)), RegistrationState::Trying, "it has ended there");
    }

    #[test]
    fn failures_wait_longer_each_time_and_as_they_are_told() {
        let (mut registration, mut random) = (Registration::new(at(0), secs(3600)), Random::from_seed(1));
        for longest in [30, 60, 120, 240, 480, 960, 1800, 1800] {
            registration.ask();
            registration.unanswered(at(0), &mut random, "timeout");
            let next = registration.poll_timeout().unwrap();
            assert!(next >= at(longest / 2) && next <= at(longest), "{longest} {next:?}");
        }
        assert_eq!(registration.state(at(0)), RegistrationState::Failed);
        registration.ask();
        let told = Refused { retry_after: Some(secs(7)), ..Refused::default() };
        registration.refused(at(0), &mut random, StatusCode::SERVICE_UNAVAILABLE, "Later", told);
        assert_eq!((registration.poll_timeout(), registration.reason()), (Some(at(7)), Some("503 Later")));
        registration.ask();
        registration.accepted(at(9), &mut random, secs(60));
        registration.ask();
        registration.refused(at(9), &mut random, StatusCode::FORBIDDEN, "No", Refused::default());
        assert!(registration.poll_timeout().unwrap() >= at(9 + 150), "who is refused does not ask again at once");
        assert_eq!(registration.state(at(10)), RegistrationState::Registered, "the trunk keeps what it has");
    }

    #[test]
    fn a_longer_time_and_another_place_are_tried_at_once_and_not_for_ever() {
        let (mut registration, mut random) = (Registration::new(at(0), secs(60)), Random::from_seed(1));
        registration.ask();
        let brief = |least| Refused { min_expires: Some(least), ..Refused::default() };
        registration.refused(at(1), &mut random, StatusCode::INTERVAL_TOO_BRIEF, "", brief(600));
        assert_eq!((registration.poll_timeout(), registration.ask()), (Some(at(1)), secs(600)));
        registration.refused(at(1), &mut random, StatusCode::INTERVAL_TOO_BRIEF, "", brief(600));
        assert!(registration.poll_timeout().unwrap() > at(1), "it asks for what it was given");
        let elsewhere = Refused { elsewhere: true, ..Refused::default() };
        let moved = StatusCode::new(302).unwrap();
        let mut times = 0;
        loop {
            registration.ask();
            registration.refused(at(2), &mut random, moved, "", elsewhere);
            if registration.poll_timeout() != Some(at(2)) {
                break;
            }
            times += 1;
        }
        assert_eq!(times, REGISTER_REDIRECTS_MAX);
    }

    #[test]
    fn a_registrar_that_asks_for_ever_longer_is_followed_a_few_times_and_then_waited_for() {
        let (mut registration, mut random) = (Registration::new(at(0), secs(60)), Random::from_seed(1));
        for round in 0..2 {
            let mut least = 100 * (round + 1);
            let mut times = 0;
            loop {
                registration.ask();
                let brief = Refused { min_expires: Some(least), ..Refused::default() };
                registration.refused(at(1), &mut random, StatusCode::INTERVAL_TOO_BRIEF, "", brief);
                if registration.poll_timeout() != Some(at(1)) {
                    break;
                }
                (times, least) = (times + 1, least + 1);
            }
            assert_eq!(times, INTERVAL_RAISES_MAX);
            assert!(registration.poll_timeout().unwrap() >= at(1 + 15));
        }
    }

    #[test]
    fn what_is_kept_is_taken_back() {
        let mut random = Random::from_seed(1);
        let mut never = Registration::new(at(9), secs(60));
        never.leave(at(0));
        assert!(never.is_over());
        let mut kept = Registration::new(at(0), secs(60));
        kept.ask();
        kept.leave(at(1));
        assert!(!kept.is_over());
        kept.accepted(at(1), &mut random, secs(60));
        assert_eq!(
            (kept.is_over(), kept.poll_timeout()),
            (false, Some(at(1))),
            "that was the answer to what went before"
        );
        let mut kept = Registration::new(at(0), secs(60));
        kept.ask();
        kept.accepted(at(0), &mut random, secs(60));
        kept.leave(at(1));
        assert_eq!(
            (kept.poll_timeout(), kept.ask(), kept.state(at(1))),
            (Some(at(1)), secs(0), RegistrationState::Leaving)
        );
        kept.accepted(at(1), &mut random, secs(0));
        assert!(kept.is_over() && kept.state(at(1)) == RegistrationState::Gone);
    }
}
