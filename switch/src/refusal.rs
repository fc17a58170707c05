//! Attempts that were refused before they were calls: by the bound on calls here, by signaling for what an INVITE asks. Each
//! leaves a record, as a call does, so that an operator finds it with its cause; of a flood as many as the bounds allow, and
//! the rest is counted. Who did not prove to be an account or a trunk makes no attempt in this sense.

use crate::limits::{REFUSALS_PER_ORIGIN_S, REFUSALS_PER_S};
use router::parameter::{Call, CallRecord, Cause, LegQuality, Origin, Outcome};
use router::time::{Duration, Instant, Now};

/// How many have left a record within the second. Bounded by itself: at the bound nobody is added.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// When the second is over.
    until: Option<Instant>,
    total: u32,
    of: Vec<(Origin, u32)>,
}

impl Refusals {
    /// Whether one more leaves a record.
    pub(crate) fn admit(&mut self, now: Instant, origin: &Origin) -> bool {
        if self.until.is_none_or(|until| until <= now) {
            (self.until, self.total) = (Some(now + Duration::from_secs(1)), 0);
            self.of.clear();
        }
        if self.total >= REFUSALS_PER_S {
            return false;
        }
        let count = match self.of.iter().position(|(known, _)| known == origin) {
            Some(index) => &mut self.of[index].1,
            None => {
                self.of.push((origin.clone(), 0));
                let last = self.of.len() - 1;
                &mut self.of[last].1
            }
        };
        let room = *count < REFUSALS_PER_ORIGIN_S;
        if room {
            *count += 1;
            self.total += 1;
        }
        room
    }
}

/// The record of an attempt.
pub(crate) fn record(now: Now, call: &Call, cause: Cause) -> CallRecord {
    CallRecord {
        id: call.id.clone(),
        origin: call.origin.clone(),
        caller: call.caller.clone(),
        called: call.called.clone(),
        destination: None,
        started: now.wall,
        ringing: None,
        answered: None,
        ended: Some(now.wall),
        outcome: Outcome::Unanswered,
        cause: Some(cause),
        ended_by_caller: None,
        caller_quality: LegQuality::default(),
        callee_quality: LegQuality::default(),
        transferred_from: None,
        transferred_to: None,
        transferred_as: None,
        joined_from: None,
        verdict: call.identity.as_ref().and_then(|identity| identity.verdict.clone()).map(Box::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_leaves_room_for_the_others() {
        let (mut refusals, now) = (Refusals::default(), Instant::from_millis(5));
        let of = |name: &str| Origin::Trunk(name.into());
        let admitted = (0..1_000).filter(|_| refusals.admit(now, &of("loop"))).count();
        assert_eq!(admitted, REFUSALS_PER_ORIGIN_S as usize);
        assert!(refusals.admit(now, &of("other")));
        let all = (0..1_000).filter(|one| refusals.admit(now, &of(&format!("{one}")))).count();
        assert_eq!(all, (REFUSALS_PER_S - REFUSALS_PER_ORIGIN_S - 1) as usize);
        assert!(refusals.of.len() <= REFUSALS_PER_S as usize);
        assert!(refusals.admit(now + Duration::from_secs(1), &of("loop")));
    }
}
