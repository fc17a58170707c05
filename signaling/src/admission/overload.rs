//! What is refused when more comes than can be served, so that what was begun is finished.
//!
//! ```text
//!             something has waited at the end of every turn of `overload_after`
//!   all taken ────────────────────────────────────────────────────────────────▶ a share is refused
//!       ▲                                                                         │  ▲
//!       │                   more in each window that nothing was caught up in ◀───┘  │
//!       └── none is left ── less in each window in which all was ────────────────────┘
//! ```
//! The measure is lateness: for how long the shard has not once seen its sockets and inboxes empty. What has come within that time may have
//! waited for as long. A burst is served, however late; what keeps it late is not. New requests are what can be refused; what is within a dialog
//! makes room for others by ending, so it never is (RFC 7339 §5.10.1 asks for that order), and neither is a call for help. Who is refused costs two
//! messages of the eight that a call takes.

use crate::message::Method;
use router::time::{Duration, Instant};

/// The whole: the share that is refused is counted in parts of it.
const WHOLE: u16 = 1_024;

/// How long one look lasts: ten turns of a shard that takes whole batches of datagrams.
const WINDOW: Duration = Duration::from_millis(20);

/// What is refused at first. Half of it would let the queue grow for as long again; twice of it would refuse too many where a tenth is too much.
const FIRST: u16 = WHOLE / 4;

/// What is refused more after a window in which nothing was caught up: from the first to all but a few within half a second, which is T1, by
/// which time what waits is sent again and makes all worse.
const MORE: u16 = WHOLE / 32;

/// The most that is refused: some pass always, so that it shows when the load has gone.
const MOST: u16 = WHOLE - WHOLE / 32;

/// The divisor of the share by which it shrinks after a window in which all was caught up: a third of what it grows by at the most, so that a
/// shard that just keeps up stays busy.
const LESS: u16 = 32;

/// Windows in a row in which all was caught up, after which the load has gone: the share shrinks faster.
const CALM: u32 = 10;

/// The divisor then: all of it is gone within half a second.
const LESS_WHEN_CALM: u16 = 4;

/// The least by which it shrinks.
const LESS_AT_LEAST: u16 = 2;

/// One in so many messages has to be one that could be refused, or refusing is of no help: a call is one in some eight. So a flood of something
/// else, which is dropped elsewhere, costs nobody his call.
const REFUSABLE_OF: u64 = 32;

/// The share of new requests that is refused, and what it follows.
#[derive(Debug)]
pub struct Overload {
    /// How long it may be late; `None`: for ever.
    after: Option<Duration>,
    /// When all was taken the last time.
    caught_up_at: Instant,
    /// When this window began.
    window_at: Instant,
    /// Whether all was taken in it.
    caught_up: bool,
    /// Windows in a row in which all was.
    calm: u32,
    messages: u64,
    refusable: u64,
    share: u16,
    /// When refusing began.
    since: Option<Instant>,
    /// How much has been refused, since it began, and in all.
    refused: (u64, u64),
}

/// What a look has found that an operator is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// From now on new requests are refused.
    Begun {
        /// For how long the shard had not caught up.
        late: Duration,
    },
    /// They are served again.
    Over {
        /// For how long some were refused.
        lasted: Duration,
        /// How many.
        refused: u64,
    },
}

impl Overload {
    /// Nothing is refused.
    pub fn new(now: Instant, after: Option<Duration>) -> Self {
        Self {
            after,
            caught_up_at: now,
            window_at: now,
            caught_up: true,
            calm: 0,
            messages: 0,
            refusable: 0,
            share: 0,
            since: None,
            refused: (0, 0),
        }
    }

    /// Another bound from now on.
    pub fn set_after(&mut self, after: Option<Duration>) {
        self.after = after;
        if after.is_none() {
            self.share = 0;
        }
    }

    /// A turn has taken so many messages; `caught_up`: nothing waits at its end.
    pub fn handle_turn(&mut self, now: Instant, messages: usize, caught_up: bool) -> Option<Told> {
        self.messages += messages as u64;
        if caught_up {
            self.caught_up_at = now;
            self.caught_up = true;
        }
        let elapsed = now.since(self.window_at);
        if elapsed < WINDOW {
            return None;
        }
        let is_of_use = self.refusable.saturating_mul(REFUSABLE_OF) >= self.messages;
        if self.caught_up {
            // A shard that sleeps takes no turns: its windows pass all the same.
            let windows = (elapsed.as_millis() / WINDOW.as_millis()).min(u128::from(WHOLE));
            for _ in 0..windows {
                self.calm = self.calm.saturating_add(1);
                let part = if self.calm > CALM { LESS_WHEN_CALM } else { LESS };
                self.share = self.share.saturating_sub((self.share / part).max(LESS_AT_LEAST));
            }
        } else if is_of_use && self.share > 0 {
            self.share = (self.share + MORE).min(MOST);
        } else if is_of_use && self.after.is_some_and(|after| now.since(self.caught_up_at) >= after) {
            self.share = FIRST;
        }
        if !self.caught_up {
            self.calm = 0;
        }
        (self.window_at, self.caught_up, self.messages, self.refusable) = (now, false, 0, 0);
        self.told(now)
    }

    fn told(&mut self, now: Instant) -> Option<Told> {
        match (self.since, self.share) {
            (None, 1..) => {
                self.since = Some(now);
                Some(Told::Begun { late: now.since(self.caught_up_at) })
            }
            (Some(since), 0) => {
                self.since = None;
                Some(Told::Over { lasted: now.since(since), refused: std::mem::take(&mut self.refused.0) })
            }
            _ => None,
        }
    }

    /// Whether a new request is one that could be refused: OPTIONS ask whether we are there, so a refusal would lose us all that a sender of calls
    /// has; ACK, BYE and the like end something.
    fn is_refusable(method: &Method) -> bool {
        matches!(
            method,
            Method::Invite | Method::Register | Method::Subscribe | Method::Publish | Method::Message | Method::Refer
        )
    }

    /// A request outside of any dialog has come. Whether it is refused, by a lot that is drawn for it.
    pub fn refuses(&mut self, method: &Method, draw: impl FnOnce() -> u64) -> bool {
        if !Self::is_refusable(method) {
            return false;
        }
        self.refusable += 1;
        if self.share == 0 {
            return false;
        }
        let lot = draw() % u64::from(WHOLE);
        // A phone that is refused its registration cannot be called, and comes again: first the others make room.
        let share = match method {
            Method::Register => (2 * self.share).saturating_sub(WHOLE),
            _ => self.share,
        };
        lot < u64::from(share)
    }

    /// One was refused.
    pub fn refused(&mut self) {
        self.refused.0 += 1;
        self.refused.1 += 1;
    }

    /// How many have been refused in all.
    pub fn total(&self) -> u64 {
        self.refused.1
    }

    /// The share of new requests that is refused, in per cent.
    pub fn share_percent(&self) -> u64 {
        u64::from(self.share) * 100 / u64::from(WHOLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_millis(200);

    /// A shard that serves so many new calls in a millisecond and is offered others, turn by turn.
    struct Shard {
        overload: Overload,
        now: Instant,
        waiting: f64,
        served: f64,
        refused: f64,
        lot: u64,
    }

    impl Shard {
        fn new() -> Self {
            let now = Instant::from_millis(10_000);
            let overload = Overload::new(now, Some(AFTER));
            Self { overload, now, waiting: 0.0, served: 0.0, refused: 0.0, lot: 1 }
        }

        /// For so long, at that multiple of what it can serve. What has become of calls in the last second.
        fn offer(&mut self, seconds: u64, load: f64) -> (f64, f64) {
            for turn in 0..seconds * 1_000 {
                if turn == (seconds - 1) * 1_000 {
                    (self.served, self.refused) = (0.0, 0.0);
                }
                self.now = self.now + Duration::from_millis(1);
                self.waiting += 4.0 * load;
                // Eight units of work are a call; a refusal takes half a unit.
                let mut work = 32.0;
                let mut messages = 0;
                while work > 0.0 && self.waiting >= 1.0 {
                    self.waiting -= 1.0;
                    self.lot = self.lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let lot = self.lot >> 40;
                    if self.overload.refuses(&Method::Invite, || lot) {
                        self.overload.refused();
                        (self.refused, work, messages) = (self.refused + 1.0, work - 0.5, messages + 2);
                    } else {
                        (self.served, work, messages) = (self.served + 1.0, work - 8.0, messages + 8);
                    }
                }
                // What is beyond a buffer is lost.
                self.waiting = self.waiting.min(1_000.0);
                let _ = self.overload.handle_turn(self.now, messages, self.waiting < 1.0);
            }
            (self.served, self.refused)
        }
    }

    #[test]
    fn at_twice_what_can_be_served_most_of_it_is() {
        for load in [1.2, 2.0, 4.0] {
            let mut shard = Shard::new();
            let (served, refused) = shard.offer(1, 0.9);
            assert_eq!(refused, 0.0, "{served}");
            let (served, refused) = shard.offer(5, load);
            // What refusals cost of 4,000 calls a second: one sixteenth of a call each.
            let possible = 4_000.0 - (4_000.0 * (load - 1.0)).max(0.0) / 15.0;
            assert!(served >= possible * 0.9, "{load}: {served} of {possible}");
            assert!(refused > 0.0 && shard.waiting < 800.0, "{load}: {refused}, {}", shard.waiting);
            // Within two seconds after it all is as it was.
            shard.offer(2, 0.8);
            let (_, refused) = shard.offer(1, 0.8);
            assert_eq!((refused, shard.overload.share_percent()), (0.0, 0), "{load}");
        }
    }

    #[test]
    fn a_burst_is_served() {
        let mut shard = Shard::new();
        // 300 calls at once, beside half of what can be served: 150 ms.
        shard.waiting = 300.0;
        assert_eq!(shard.offer(1, 0.5).1, 0.0);
    }

    #[test]
    fn what_helps_nobody_is_not_refused() {
        let mut overload = Overload::new(Instant::from_millis(0), Some(AFTER));
        for turn in 1..10_000 {
            // A flood of datagrams that are dropped, and a call now and then.
            assert!(!overload.refuses(&Method::Invite, || 0));
            assert_eq!(overload.handle_turn(Instant::from_millis(turn), 64, false), None);
        }
    }

    #[test]
    fn who_asks_whether_we_are_there_is_answered_and_registrations_go_last() {
        let mut overload = Overload::new(Instant::from_millis(0), Some(AFTER));
        let mut turn = 0;
        let mut late = |overload: &mut Overload, until: u16| {
            while overload.share < until {
                turn += 20;
                overload.refusable += 1;
                let told = overload.handle_turn(Instant::from_millis(turn), 8, false);
                let begins = overload.share == FIRST && turn == 200;
                assert_eq!(told, begins.then_some(Told::Begun { late: AFTER }), "{turn}");
            }
        };
        late(&mut overload, FIRST);
        assert!(overload.refuses(&Method::Invite, || 0) && !overload.refuses(&Method::Invite, || 1_023));
        assert!(!overload.refuses(&Method::Register, || 0));
        late(&mut overload, MOST);
        assert!(overload.refuses(&Method::Register, || 900) && !overload.refuses(&Method::Invite, || 1_023));
        for method in [Method::Options, Method::Bye, Method::Info] {
            assert!(!overload.refuses(&method, || 0), "{method:?}");
        }
        overload.refused();
        // A minute of sleep.
        let told = overload.handle_turn(Instant::from_millis(turn + 60_000), 0, true);
        assert!(matches!(told, Some(Told::Over { refused: 1, .. })), "{told:?}");
        assert_eq!((overload.share_percent(), overload.total()), (0, 1));
    }

    #[test]
    fn it_can_be_left_out() {
        let mut overload = Overload::new(Instant::from_millis(0), None);
        for turn in 1..1_000 {
            assert!(!overload.refuses(&Method::Invite, || 0));
            overload.handle_turn(Instant::from_millis(20 * turn), 8, false);
        }
    }
}
