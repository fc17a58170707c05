//! New work that waits while more comes than can be done, so that what was begun is finished first.
//!
//! ```text
//!   what was begun ─────────────────────────────────▶ at once ───────────────────────▶ served
//!   what is new, of kind a ──▶ ┌──────────┐
//!   what is new, of kind b ──▶ │ backlog  │──▶ some a turn, of each kind in turn ─────▶ served
//!   what is new, of kind c ──▶ └──────────┘──▶ too late, and enough wait behind it ──▶ refused
//! ```
//! A module that catches up within each turn serves all in the order in which it came, and nothing waits here. One that does not, and goes on so, is late
//! with everything: its queues stand, what waits in them is sent again, and what is done at last is for nobody. So from the first turn that leaves something
//! on, new work is taken out of the queues and waits here while all else is served; what is left of the turn is for the new.
//!
//! What is refused is what has waited too long: for `after` at first, so that a burst is served; for a tenth of that once the module has not caught up for so
//! long (as CoDel tells a burst from a queue that stands, RFC 8289 §3), so that who is served under load has hardly waited. As much as a turn takes is never
//! refused, however late it is: whoever has time for it serves it. So nothing is refused that could have been served, no share has to be found, and there is
//! nothing to recover from when the load has gone.

use crate::limits::{BACKLOG_ITEMS, BACKLOG_OCTETS, BACKLOG_PATIENCE, BACKLOG_PER_TURN, BACKLOG_SETTLED};
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// How long a share is counted over that an operator is shown.
const WINDOW: Duration = Duration::from_secs(1);

/// What waits, with since when and how much memory it takes.
#[derive(Debug)]
struct Waiting<T> {
    since: Instant,
    octets: usize,
    item: T,
}

/// When refusing began, when something was refused last, and whether it was told.
#[derive(Debug)]
struct Refusing {
    began: Instant,
    last: Instant,
    is_told: bool,
}

/// What came since a moment, and what of it was refused; and the share in the time before that, in per cent.
#[derive(Debug)]
struct Window {
    from: Instant,
    came: u64,
    refused: u64,
    former: u64,
}

/// What becomes of something that has waited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due<T> {
    /// It is served now.
    Serve(T),
    /// It is refused.
    Refuse(T),
}

/// What a turn has shown that an operator is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// From now on new work is refused.
    Begun {
        /// For how long the module had not caught up.
        late: Duration,
    },
    /// All of it is served again.
    Over {
        /// For how long some was refused.
        lasted: Duration,
        /// How much.
        refused: u64,
    },
}

/// New work of so many kinds, each with a queue of its own.
#[derive(Debug)]
pub struct Backlog<T, const KINDS: usize> {
    /// How long new work may wait; `None`: nothing waits here, and nothing is refused.
    after: Option<Duration>,
    kinds: [VecDeque<Waiting<T>>; KINDS],
    octets: usize,
    /// The kind that is served next.
    next: usize,
    /// How much this turn has served.
    served: usize,
    /// When nothing waited, here or elsewhere, the last time.
    caught_up_at: Instant,
    /// Whether the last turn left something.
    behind: bool,
    refusing: Option<Refusing>,
    /// How much has been refused since that began.
    refused: u64,
    refused_in_all: u64,
    window: Window,
}

impl<T, const KINDS: usize> Backlog<T, KINDS> {
    /// An empty one.
    pub fn new(now: Instant, after: Option<Duration>) -> Self {
        Self {
            after,
            kinds: std::array::from_fn(|_| VecDeque::new()),
            octets: 0,
            next: 0,
            served: 0,
            caught_up_at: now,
            behind: false,
            refusing: None,
            refused: 0,
            refused_in_all: 0,
            window: Window { from: now, came: 0, refused: 0, former: 0 },
        }
    }

    /// Another patience from now on.
    pub fn set_after(&mut self, after: Option<Duration>) {
        self.after = after;
    }

    /// Whether new work waits its turn here: the last turn left something.
    #[inline]
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Whether something was refused a moment ago.
    #[inline]
    pub fn is_refusing(&self) -> bool {
        self.refusing.is_some()
    }

    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.kinds.iter().all(VecDeque::is_empty)
    }

    /// Whether something of that kind waits.
    pub fn holds(&self, kind: usize) -> bool {
        self.kinds.get(kind).is_some_and(|kind| !kind.is_empty())
    }

    /// New work of a kind has come, so many octets of it.
    ///
    /// # Errors
    /// It comes back where there is no room, to be refused.
    pub fn push(&mut self, now: Instant, kind: usize, octets: usize, item: T) -> Result<(), T> {
        self.window.came += 1;
        let full = self.octets.saturating_add(octets) > BACKLOG_OCTETS;
        match self.kinds.get_mut(kind) {
            Some(kind) if !full && kind.len() < BACKLOG_ITEMS => {
                self.octets += octets;
                kind.push_back(Waiting { since: now, octets, item });
                Ok(())
            }
            _ => Err(item),
        }
    }

    /// The next that is refused or served. `None`: nothing is left, or the rest waits for the next turn.
    pub fn poll(&mut self, now: Instant) -> Option<Due<T>> {
        if let Some(after) = self.after {
            let patience = match now.since(self.caught_up_at) >= after {
                true => after / BACKLOG_PATIENCE,
                false => after,
            };
            let is_late = |kind: &VecDeque<Waiting<T>>| {
                let first = kind.front().filter(|_| kind.len() > BACKLOG_PER_TURN);
                first.is_some_and(|first| now.since(first.since) > patience)
            };
            if let Some(kind) = (0..KINDS).find(|&kind| self.kinds.get(kind).is_some_and(is_late)) {
                return self.pop(kind).map(Due::Refuse);
            }
        }
        if self.served >= BACKLOG_PER_TURN {
            return None;
        }
        let kind = (self.next..self.next + KINDS).map(|kind| kind % KINDS).find(|&kind| self.holds(kind))?;
        self.next = (kind + 1) % KINDS;
        self.served += 1;
        self.pop(kind).map(Due::Serve)
    }

    /// Takes out the first that is meant: it cannot wait any longer.
    pub fn take(&mut self, is_meant: impl Fn(&T) -> bool) -> Option<T> {
        for kind in &mut self.kinds {
            if let Some(at) = kind.iter().position(|waiting| is_meant(&waiting.item)) {
                let waiting = kind.remove(at)?;
                self.octets -= waiting.octets;
                return Some(waiting.item);
            }
        }
        None
    }

    fn pop(&mut self, kind: usize) -> Option<T> {
        let waiting = self.kinds.get_mut(kind)?.pop_front()?;
        self.octets -= waiting.octets;
        Some(waiting.item)
    }

    /// Something new was refused.
    pub fn note_refused(&mut self, now: Instant) {
        self.refused += 1;
        self.refused_in_all += 1;
        self.window.refused += 1;
        self.refusing.get_or_insert(Refusing { began: now, last: now, is_told: false }).last = now;
    }

    /// A turn is over; `took_all`: nothing waits elsewhere.
    pub fn handle_turn(&mut self, now: Instant, took_all: bool) -> Option<Told> {
        self.served = 0;
        let caught_up = took_all && self.is_empty();
        let late = now.since(self.caught_up_at);
        // A module that sleeps takes no turns, and has nothing to catch up with: it is late from the turn on that leaves something first.
        if caught_up || !self.behind {
            self.caught_up_at = now;
        }
        self.behind = !caught_up && self.after.is_some();
        if now.since(self.window.from) >= WINDOW {
            let share = (self.window.refused * 100).checked_div(self.window.came).unwrap_or(0);
            self.window = Window { from: now, came: 0, refused: 0, former: share.min(100) };
        }
        match &mut self.refusing {
            Some(refusing) if !refusing.is_told => {
                refusing.is_told = true;
                Some(Told::Begun { late })
            }
            Some(Refusing { began, last, .. }) if now.since(*last) >= BACKLOG_SETTLED => {
                let lasted = last.since(*began);
                self.refusing = None;
                Some(Told::Over { lasted, refused: std::mem::take(&mut self.refused) })
            }
            _ => None,
        }
    }

    /// How much has been refused in all.
    pub fn refused_in_all(&self) -> u64 {
        self.refused_in_all
    }

    /// Of the new work that has had to wait here within the last second, the share that was refused, in per cent.
    pub fn refused_percent(&self, now: Instant) -> u64 {
        // A module that sleeps takes no turns.
        if now.since(self.window.from) >= WINDOW * 2 { 0 } else { self.window.former }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_millis(200);

    /// A module that takes 250 µs for each call, beside 15 for one that it refuses, and is offered others; turn by turn.
    struct Module {
        backlog: Backlog<Instant, 1>,
        now: Instant,
        /// What has come of the next call, in thousandths.
        coming: u64,
        served: u64,
        refused: u64,
        longest: Duration,
    }

    impl Module {
        fn new() -> Self {
            let now = Instant::from_millis(10_000);
            let backlog = Backlog::new(now, Some(AFTER));
            Self { backlog, now, coming: 0, served: 0, refused: 0, longest: Duration::ZERO }
        }

        fn spend(&mut self, micros: u64, per_second: u64) {
            self.now = self.now + Duration::from_micros(micros);
            // What has no room in the socket's buffer is lost.
            self.coming = (self.coming + micros * per_second / 1_000).min(3_600_000);
        }

        /// For so long. What became of the calls of the last second: served, refused, the longest wait of one that was served.
        fn offer(&mut self, seconds: u64, per_second: u64) -> (u64, u64, Duration) {
            let end = self.now + Duration::from_secs(seconds);
            let last = end - Duration::from_secs(1);
            let mut counted = false;
            while self.now < end {
                if !counted && self.now >= last {
                    counted = true;
                    (self.served, self.refused, self.longest) = (0, 0, Duration::ZERO);
                }
                self.turn(per_second);
            }
            (self.served, self.refused, self.longest)
        }

        fn turn(&mut self, per_second: u64) {
            self.spend(20, per_second);
            let mut took = 0;
            // What came meanwhile; a batch of it, unless it only has to be put by.
            while self.coming >= 1_000 && took < if self.backlog.is_behind() { 256 } else { 64 } {
                self.coming -= 1_000;
                took += 1;
                if self.backlog.is_behind() {
                    if self.backlog.push(self.now, 0, 1_000, self.now).is_err() {
                        self.refuse(per_second);
                    }
                } else {
                    self.served += 1;
                    self.spend(250, per_second);
                }
            }
            let begun = self.now;
            while let Some(due) = self.backlog.poll(begun) {
                match due {
                    Due::Serve(came) => {
                        self.served += 1;
                        self.longest = self.longest.max(begun.since(came));
                        self.spend(250, per_second);
                    }
                    Due::Refuse(_) => self.refuse(per_second),
                }
            }
            let _ = self.backlog.handle_turn(self.now, self.coming < 1_000);
        }

        fn refuse(&mut self, per_second: u64) {
            self.refused += 1;
            self.backlog.note_refused(self.now);
            self.spend(15, per_second);
        }
    }

    #[test]
    fn at_twice_what_can_be_served_as_much_is_as_time_is_left_for() {
        for load in [4_800, 8_000, 16_000] {
            let mut module = Module::new();
            let (served, refused, _) = module.offer(1, 3_500);
            assert_eq!(refused, 0, "{served}");
            let (served, refused, longest) = module.offer(5, load);
            // One second, less what refusals and turns take.
            let possible = (1_000_000 - refused * 15) / 252;
            assert!(served >= possible * 97 / 100, "{load}: {served} of {possible}");
            assert!(refused > 0 && longest <= Duration::from_millis(40), "{load}: {refused}, {longest:?}");
            assert!(module.backlog.refused_percent(module.now) > 10, "{load}");
            // There is nothing to recover from.
            let (_, refused, _) = module.offer(3, 3_500);
            assert_eq!((refused, module.backlog.is_refusing()), (0, false), "{load}");
            assert_eq!((module.backlog.is_behind(), module.backlog.refused_percent(module.now)), (false, 0));
        }
    }

    #[test]
    fn no_tenth_of_a_second_goes_by_without_calls_that_are_served_even_where_the_process_has_stood_still() {
        let mut module = Module::new();
        module.offer(2, 8_000);
        for still_ms in [0, 50, 300, 1_000, 5_000] {
            module.spend(still_ms * 1_000, 8_000);
            for tenth in 0..20 {
                let (end, before) = (module.now + Duration::from_millis(100), module.served);
                while module.now < end {
                    module.turn(8_000);
                }
                // Of some 390 for which there is time, less what it takes to refuse the others: after a second all that the buffer holds.
                let served = module.served - before;
                assert!(served >= 120, "{served} in tenth {tenth} after {still_ms} ms");
            }
        }
    }

    #[test]
    fn a_burst_is_served() {
        let mut module = Module::new();
        module.offer(1, 500);
        // 300 calls at once, beside half of what can be served: 150 ms.
        module.coming += 300_000;
        assert_eq!(module.offer(1, 2_000).1, 0);
        // One that is more than can be served in the time is not.
        module.coming += 1_600_000;
        let refused = module.offer(1, 2_000).1;
        assert!((200..1_600).contains(&refused), "{refused}");
    }

    /// A module that has slept was not late meanwhile.
    #[test]
    fn a_burst_after_a_quiet_time_is_served() {
        let mut module = Module::new();
        module.turn(0);
        module.now = module.now + Duration::from_secs(5);
        module.coming += 500_000;
        let (_, refused, longest) = module.offer(1, 0);
        assert_eq!((module.served, refused), (500, 0));
        assert!(longest < AFTER, "{longest:?}");
    }

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn as_much_as_a_turn_takes_is_never_refused() {
        let mut backlog: Backlog<u32, 1> = Backlog::new(at(0), Some(AFTER));
        assert_eq!(backlog.handle_turn(at(1), false), None);
        assert!(backlog.is_behind());
        (0..BACKLOG_PER_TURN as u32 + 2).for_each(|n| backlog.push(at(1), 0, 10, n).unwrap());
        // The process was stopped for a minute.
        assert_eq!(backlog.poll(at(60_000)), Some(Due::Refuse(0)));
        backlog.note_refused(at(60_000));
        assert_eq!(backlog.poll(at(60_000)), Some(Due::Refuse(1)));
        backlog.note_refused(at(60_000));
        for n in 2..BACKLOG_PER_TURN as u32 + 2 {
            assert_eq!(backlog.poll(at(60_000)), Some(Due::Serve(n)));
        }
        assert_eq!(backlog.poll(at(60_000)), None);
        assert_eq!(
            backlog.handle_turn(at(60_000), true),
            Some(Told::Begun { late: Duration::from_millis(59_999) }),
            "told once"
        );
        assert_eq!(backlog.handle_turn(at(60_500), true), None);
        assert!(matches!(backlog.handle_turn(at(61_000), true), Some(Told::Over { refused: 2, .. })));
        assert_eq!(backlog.refused_in_all(), 2);
    }

    #[test]
    fn kinds_are_served_in_turn_and_a_flood_of_one_refuses_none_of_another() {
        let mut backlog: Backlog<(usize, u32), 3> = Backlog::new(at(0), Some(AFTER));
        backlog.handle_turn(at(1), false);
        (0..100).for_each(|n| backlog.push(at(1), 0, 10, (0, n)).unwrap());
        (0..4).for_each(|n| backlog.push(at(2), 2, 10, (2, n)).unwrap());
        assert!(backlog.holds(2) && !backlog.holds(1));
        let mut served = [0; 3];
        while let Some(due) = backlog.poll(at(500)) {
            match due {
                Due::Serve((kind, _)) => served[kind] += 1,
                Due::Refuse((kind, _)) => assert_eq!(kind, 0),
            }
        }
        assert_eq!(served, [BACKLOG_PER_TURN - 4, 0, 4]);
    }

    #[test]
    fn room_has_a_bound_and_what_is_meant_is_taken_out() {
        let mut backlog: Backlog<usize, 1> = Backlog::new(at(0), Some(AFTER));
        for n in 0..BACKLOG_ITEMS {
            backlog.push(at(1), 0, 1, n).unwrap();
        }
        assert_eq!(backlog.push(at(1), 0, 1, 7), Err(7));
        assert_eq!((backlog.take(|&n| n == 1_000), backlog.take(|&n| n == 1_000)), (Some(1_000), None));
        assert_eq!(backlog.push(at(1), 0, BACKLOG_OCTETS, 7), Err(7));
        assert_eq!(backlog.push(at(1), 0, 1, 7), Ok(()));
    }

    #[test]
    fn it_can_be_left_out() {
        let mut backlog: Backlog<u32, 1> = Backlog::new(at(0), None);
        for turn in 1..1_000 {
            assert_eq!(backlog.handle_turn(at(20 * turn), false), None);
            assert!(!backlog.is_behind());
        }
        // What waits as it is switched off is served, however late.
        backlog.set_after(Some(AFTER));
        (0..100).for_each(|n| backlog.push(at(20_000), 0, 1, n).unwrap());
        backlog.set_after(None);
        let mut served = 0;
        for turn in 0..10 {
            while let Some(due) = backlog.poll(at(30_000 + turn)) {
                assert!(matches!(due, Due::Serve(_)));
                served += 1;
            }
            backlog.handle_turn(at(30_000 + turn), true);
        }
        assert!(served == 100 && backlog.is_empty());
    }
}
