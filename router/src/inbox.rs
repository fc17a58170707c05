//! The bounded queue of a module.

use crate::address::{Address, ModuleKind, PlatformId};
use crate::command::Class;
use crate::limits::{
    FOREIGN_COUNTERS, GRANT, INBOX_RELEASE_RESERVE, INBOX_REQUESTS, INBOX_SLOTS, MODULES_PER_KIND, QUOTA_PER_SOURCE,
    SHARDS, SINGLE_COUNTERS, SOURCE_COUNTERS,
};
use crate::packet::Packet;
use crate::wake::{Wake, WakeState};
use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A module's inbox: filled by any thread without a lock, emptied by the one that runs the module, in the order of the
/// queue. What "full" means depends on the packet's [`Class`]; nothing blocks, and every outcome is counted.
///
/// Sender and module write to lines of their own, and seldom look at each other's: an endpoint that finds little waiting is
/// granted some requests of its module ([`GRANT`]) and counts those itself before it looks anew.
pub struct Inbox {
    queue: ArrayQueue<Packet>,
    wake_state: WakeState,
    waker: Box<dyn Wake>,
    sources: Box<[Source]>,
    /// What the module has taken.
    delivered: CachePadded<AtomicU64>,
    refused: AtomicU64,
    over_quota: AtomicU64,
    dropped_notices: AtomicU64,
    lost_answers: AtomicU64,
}

/// The requests of one source, in numbers that wrap: the quota keeps it from filling the queue.
#[derive(Default)]
struct Source {
    /// How many it was granted.
    granted: CachePadded<AtomicU32>,
    /// How many the module has taken.
    taken: CachePadded<AtomicU32>,
}

/// Which of an inbox's counters a source has: the same in every inbox.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place(u16);

/// Requests of one source that its endpoint may still push into an inbox before it asks again. They count as waiting there, so
/// who has no more use for them [gives them back](Inbox::give_back).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Grant(u32);

/// What an inbox has counted since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InboxCounters {
    /// Packets that wait now.
    pub depth: usize,
    /// Packets taken by the module.
    pub delivered: u64,
    /// Requests refused because the queue was full.
    pub refused: u64,
    /// Requests refused because their source had its quota waiting.
    pub over_quota: u64,
    /// Notices dropped because the queue was full.
    pub dropped_notices: u64,
    /// Answers that found no room: 0 unless a sender sent more requests than it reserved room for.
    pub lost_answers: u64,
    /// Wake-ups of the sleeping module.
    pub wakes: u64,
}

/// Why an inbox did not take a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// No room for this class.
    Room,
    /// The source has its quota waiting.
    Quota,
}

impl Inbox {
    /// An empty inbox; `waker` makes its module run.
    pub fn new(waker: impl Wake + 'static) -> Self {
        Self {
            queue: ArrayQueue::new(INBOX_SLOTS),
            wake_state: WakeState::new(),
            waker: Box::new(waker),
            sources: (0..SOURCE_COUNTERS).map(|_| Source::default()).collect(),
            delivered: CachePadded::new(AtomicU64::new(0)),
            refused: AtomicU64::new(0),
            over_quota: AtomicU64::new(0),
            dropped_notices: AtomicU64::new(0),
            lost_answers: AtomicU64::new(0),
        }
    }

    /// Puts a packet at the end of the queue and wakes the module if it sleeps. Hands the packet back if there is no room
    /// for its class.
    pub fn push(&self, packet: Packet) -> Result<(), (Packet, Full)> {
        let (place, mut grant) = (Place::of(packet.source), Grant::default());
        let pushed = match packet.command.class() {
            Class::Request => match self.grant(place, 1) {
                Ok(one) => {
                    grant = one;
                    self.push_granted(packet, place, &mut grant)
                }
                Err(full) => Err(self.turn_away(packet, full)),
            },
            _ => self.push_granted(packet, place, &mut grant),
        };
        self.give_back(place, grant);
        pushed
    }

    /// Does as [`push`](Self::push) for the only sender of the packet's source, whose `place` that is; `grant` is what it was
    /// granted there.
    #[inline]
    pub(crate) fn push_granted(&self, packet: Packet, place: Place, grant: &mut Grant) -> Result<(), (Packet, Full)> {
        match packet.command.class() {
            Class::Request => {
                if grant.0 == 0 {
                    match self.grant(place, GRANT as u32) {
                        Ok(granted) => *grant = granted,
                        Err(full) => return Err(self.turn_away(packet, full)),
                    }
                }
                self.enqueue(packet)?;
                grant.0 -= 1;
                return Ok(());
            }
            Class::Release | Class::Notice => {
                if self.queue.len() >= INBOX_REQUESTS {
                    return Err(self.turn_away(packet, Full::Room));
                }
            }
            Class::Answer => {}
        }
        self.enqueue(packet)
    }

    #[inline]
    fn enqueue(&self, packet: Packet) -> Result<(), (Packet, Full)> {
        if let Err(packet) = self.queue.push(packet) {
            return Err(self.turn_away(packet, Full::Room));
        }
        if self.wake_state.pushed() {
            self.waker.wake();
        }
        Ok(())
    }

    /// The packet at the head of the queue. For the module alone.
    #[inline]
    pub fn pop(&self) -> Option<Packet> {
        // Looked at where it lies: a packet is two lines of memory, and moving it is most of what a hop costs.
        let packet = self.queue.pop();
        if let Some(packet) = &packet {
            // Only the module pops: a load and a store suffice.
            if packet.command.class() == Class::Request {
                let taken = &self.source(Place::of(packet.source)).taken;
                taken.store(taken.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            }
            self.delivered.store(self.delivered.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        packet
    }

    /// Whether no packet waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many packets wait.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Before the module sleeps: false if packets wait. After true, the next push wakes it.
    pub fn may_sleep(&self) -> bool {
        self.wake_state.may_sleep(|| self.queue.is_empty())
    }

    /// After the module woke, for whatever reason.
    pub fn awake(&self) {
        self.wake_state.awake();
    }

    /// What it has counted.
    pub fn counters(&self) -> InboxCounters {
        InboxCounters {
            depth: self.queue.len(),
            delivered: self.delivered.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            over_quota: self.over_quota.load(Ordering::Relaxed),
            dropped_notices: self.dropped_notices.load(Ordering::Relaxed),
            lost_answers: self.lost_answers.load(Ordering::Relaxed),
            wakes: self.wake_state.wakes(),
        }
    }

    /// Looks at the queue: how many requests of a source may go there, `most` at most, without another look. All sources
    /// together are granted no more than there is room for when they are granted it, so that they pass the bound by
    /// `SOURCE_COUNTERS × GRANT` at most, and one source alone does not.
    #[inline(never)]
    fn grant(&self, place: Place, most: u32) -> Result<Grant, Full> {
        let room = (INBOX_REQUESTS - INBOX_RELEASE_RESERVE).saturating_sub(self.queue.len());
        if room == 0 {
            return Err(Full::Room);
        }
        let source = self.source(place);
        let taken = source.taken.load(Ordering::Relaxed);
        let mut granted = source.granted.load(Ordering::Relaxed);
        loop {
            let waiting = difference(granted, taken).max(0);
            let quota = (QUOTA_PER_SOURCE as usize).min(room).saturating_sub(waiting as usize);
            if quota == 0 {
                return Err(Full::Quota);
            }
            let more = (room / SOURCE_COUNTERS).min(quota).clamp(1, most as usize) as u32;
            let sum = granted.wrapping_add(more);
            match source.granted.compare_exchange_weak(granted, sum, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(Grant(more)),
                // Another sender of the same source was quicker.
                Err(now) => granted = now,
            }
        }
    }

    /// A source has no use for what it was granted.
    pub(crate) fn give_back(&self, place: Place, Grant(unused): Grant) {
        if unused > 0 {
            self.source(place).granted.fetch_sub(unused, Ordering::Relaxed);
        }
    }

    #[inline]
    fn source(&self, Place(place): Place) -> &Source {
        &self.sources[usize::from(place)]
    }

    #[cold]
    fn turn_away(&self, packet: Packet, full: Full) -> (Packet, Full) {
        let counter = match (packet.command.class(), full) {
            (_, Full::Quota) => &self.over_quota,
            (Class::Request | Class::Release, Full::Room) => &self.refused,
            (Class::Notice, Full::Room) => &self.dropped_notices,
            (Class::Answer, Full::Room) => &self.lost_answers,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        (packet, full)
    }
}

/// The counters of a kind's modules on the own platform: the first one, and how many. Powers of two.
const PLACES: [(usize, usize); ModuleKind::COUNT] = {
    let mut places = [(0, SINGLE_COUNTERS); ModuleKind::COUNT];
    let mut next = 0;
    let mut at = 0;
    while at < ModuleKind::ALL.len() {
        let kind = ModuleKind::ALL[at];
        let count = match kind {
            ModuleKind::Signaling | ModuleKind::Switch => SHARDS as usize,
            ModuleKind::Voice => MODULES_PER_KIND,
            ModuleKind::Store | ModuleKind::Control | ModuleKind::Server | ModuleKind::Bridge => SINGLE_COUNTERS,
        };
        assert!(count.is_power_of_two());
        places[kind as usize] = (next, count);
        next += count;
        at += 1;
    }
    assert!(next + FOREIGN_COUNTERS == SOURCE_COUNTERS && SOURCE_COUNTERS <= u16::MAX as usize);
    places
};

impl Place {
    /// Its own for a source on this platform, one of some for any other.
    #[inline]
    pub(crate) fn of(source: Address) -> Self {
        let index = usize::from(source.module.index.unwrap_or(0));
        if source.platform == PlatformId::HERE {
            let (first, count) = PLACES[source.module.kind as usize];
            return Self((first + (index & (count - 1))) as u16);
        }
        // One for all of a platform, whatever modules it says it has. Fibonacci hashing: neighbouring numbers end up far apart.
        let spread = u64::from(source.platform.0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        Self((SOURCE_COUNTERS - FOREIGN_COUNTERS + spread as usize % FOREIGN_COUNTERS) as u16)
    }
}

/// How far `a` is ahead of `b`, both being numbers that wrap.
fn difference(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("counters", &self.counters()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn modules_of_the_own_platform_share_no_counter_and_none_with_others() {
        let mut own = BTreeSet::new();
        for kind in ModuleKind::ALL {
            let count = match kind {
                ModuleKind::Signaling | ModuleKind::Switch => SHARDS,
                ModuleKind::Voice => MODULES_PER_KIND as u8,
                _ => 1,
            };
            for index in 0..count {
                assert!(own.insert(Place::of(Address::local(kind, index))), "{kind:?}/{index}");
            }
        }
        let foreign = |platform, kind, index| {
            Place::of(Address { platform: PlatformId(platform), ..Address::local(kind, index) })
        };
        let others: BTreeSet<_> = (1..=32).map(|platform| foreign(platform, ModuleKind::Switch, 0)).collect();
        assert!(others.is_disjoint(&own));
        assert!(others.len() > 16, "{others:?}");
        let of_one: BTreeSet<_> = (0..64).map(|index| foreign(7, ModuleKind::ALL[index % 4], index as u8)).collect();
        assert_eq!(of_one.len(), 1, "a platform has one quota, however many modules it speaks for");
        assert!(own.iter().chain(&others).all(|&Place(place)| usize::from(place) < SOURCE_COUNTERS));
    }
}
