//! Legs at other platforms that have gone from one call here to another. Their platform is told (`Set × Handover`), but it may just be moving
//! them too: who talks to each other across a link may both join the other into another call at once. What either says crosses then, and is
//! sent to a call that has ended.
//!
//! ```text
//!   1#a1 ══════ 2#b1         both join: the leg goes to 1#a2 here, to 2#b2 there
//!   1#a2 ── Handover from 1#a1 ─▶ 2#b1, whence it is passed on to 2#b2
//!   2#b2 ── Handover from 2#b1 ─▶ 1#a1, whence it is passed on to 1#a2
//!   1#a2 ══════ 2#b2
//! ```
//! So neither has to give way, and nobody is cut off. What else comes for such a leg (an offer, its end, how it stands) goes the same way.

use crate::limits::MOVED_MAX;
use router::time::Instant;
use router::{Address, Instance};
use std::collections::{BTreeMap, BTreeSet};

/// Where they went: by the call that they were in, and their address then.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    by: BTreeMap<(Instance, Address), (Address, Instant)>,
    ends: BTreeSet<(Instant, Instance, Address)>,
}

impl Moved {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.by.is_empty()
    }

    /// The leg at `peer` of the call `former` is `to`'s from now on; known until then.
    pub(crate) fn note(&mut self, former: Instance, peer: Address, to: Address, until: Instant) {
        if let Some((_, ends)) = self.by.insert((former, peer), (to, until)) {
            self.ends.remove(&(ends, former, peer));
        }
        self.ends.insert((until, former, peer));
        while self.by.len() > MOVED_MAX {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, former, peer)) = self.ends.pop_first() {
            self.by.remove(&(former, peer));
        }
    }

    /// Where it went, and until when that is known.
    pub(crate) fn whither(&self, former: Instance, peer: Address) -> Option<(Address, Instant)> {
        self.by.get(&(former, peer)).copied()
    }

    /// Forgets what has lasted long enough.
    pub(crate) fn forget(&mut self, now: Instant) {
        while self.ends.first().is_some_and(|(at, ..)| *at <= now) {
            self.forget_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::{ModuleKind, PlatformId};

    #[test]
    fn it_is_known_for_a_while_and_the_oldest_makes_room() {
        let mut moved = Moved::default();
        let at = |seconds: u64| Instant::from_millis(seconds * 1_000);
        let peer = Address { platform: PlatformId(2), ..Address::local(ModuleKind::Switch, 0).at(Instance(5)) };
        let to = |number| Address::local(ModuleKind::Switch, 1).at(Instance(number));
        moved.note(Instance(1), peer, to(2), at(10));
        assert_eq!(moved.whither(Instance(1), peer), Some((to(2), at(10))));
        assert_eq!(moved.whither(Instance(1), Address { platform: PlatformId(3), ..peer }), None, "that leg alone");
        moved.note(Instance(1), peer, to(3), at(20));
        moved.forget(at(10));
        assert_eq!(moved.whither(Instance(1), peer), Some((to(3), at(20))), "the last word holds");
        moved.forget(at(20));
        assert!(moved.is_empty() && moved.ends.is_empty());
        for number in 0..=MOVED_MAX as u64 {
            moved.note(Instance(number), peer, to(1), at(30 + number));
        }
        assert_eq!((moved.by.len(), moved.whither(Instance(0), peer)), (MOVED_MAX, None));
    }
}
