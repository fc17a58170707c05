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
/// Sender and module write to lines of their own, and seldom look at each other's: a source that finds little waiting is
/// granted some requests ([`GRANT`]) before it looks anew.
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
    sent: CachePadded<Sent>,
    /// How many the module has taken.
    taken: CachePadded<AtomicU32>,
}

#[derive(Default)]
struct Sent {
    /// How many were sent.
    requests: AtomicU32,
    /// Up to this number they may be sent without another look at the queue.
    granted: AtomicU32,
}

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
        let class = packet.command.class();
        let refused = match class {
            Class::Request => self.admit(self.source_of(packet.source)).err(),
            Class::Release | Class::Notice => (self.queue.len() >= INBOX_REQUESTS).then_some(Full::Room),
            Class::Answer => None,
        };
        if let Some(full) = refused {
            return Err(self.turn_away(packet, class, full));
        }
        if let Err(packet) = self.queue.push(packet) {
            if class == Class::Request {
                self.source_of(packet.source).sent.requests.fetch_sub(1, Ordering::Relaxed);
            }
            return Err(self.turn_away(packet, class, Full::Room));
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
                let taken = &self.source_of(packet.source).taken;
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

    /// Counts a request of `source`, if there is room for it.
    #[inline]
    fn admit(&self, source: &Source) -> Result<(), Full> {
        let number = source.sent.requests.fetch_add(1, Ordering::Relaxed);
        if difference(source.sent.granted.load(Ordering::Relaxed), number) > 0 {
            return Ok(());
        }
        self.grant(source, number).inspect_err(|_| {
            source.sent.requests.fetch_sub(1, Ordering::Relaxed);
        })
    }

    /// Looks at the queue: whether this request may go there, and how many more without another look. All sources together
    /// are granted no more than there is room for when they are granted it, so that they pass the bound by
    /// `SOURCE_COUNTERS × GRANT` at most, and one source alone does not.
    fn grant(&self, source: &Source, number: u32) -> Result<(), Full> {
        let room = (INBOX_REQUESTS - INBOX_RELEASE_RESERVE).saturating_sub(self.queue.len());
        if room == 0 {
            return Err(Full::Room);
        }
        let waiting = difference(number, source.taken.load(Ordering::Relaxed)).max(0);
        let quota = (QUOTA_PER_SOURCE as usize).min(room).saturating_sub(waiting as usize);
        if quota == 0 {
            return Err(Full::Quota);
        }
        let granted = (room / SOURCE_COUNTERS).min(quota).clamp(1, GRANT) as u32;
        source.sent.granted.store(number.wrapping_add(granted), Ordering::Relaxed);
        Ok(())
    }

    #[inline]
    fn source_of(&self, source: Address) -> &Source {
        &self.sources[place_of(source)]
    }

    #[cold]
    fn turn_away(&self, packet: Packet, class: Class, full: Full) -> (Packet, Full) {
        let counter = match (class, full) {
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
    assert!(next + FOREIGN_COUNTERS == SOURCE_COUNTERS);
    places
};

/// Which counter a source has: its own on this platform, one of some on any other.
#[inline]
fn place_of(source: Address) -> usize {
    let index = usize::from(source.module.index.unwrap_or(0));
    if source.platform == PlatformId::HERE {
        let (first, count) = PLACES[source.module.kind as usize];
        return first + (index & (count - 1));
    }
    // Fibonacci hashing: neighbouring numbers end up far apart.
    let module = u64::from(source.platform.0) << 16 | (source.module.kind as u64) << 8 | index as u64;
    let spread = module.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    SOURCE_COUNTERS - FOREIGN_COUNTERS + spread as usize % FOREIGN_COUNTERS
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
                assert!(own.insert(place_of(Address::local(kind, index))), "{kind:?}/{index}");
            }
        }
        let foreign = |platform| Address { platform: PlatformId(platform), ..Address::local(ModuleKind::Switch, 0) };
        let others: BTreeSet<_> = (1..=32).map(|platform| place_of(foreign(platform))).collect();
        assert!(others.is_disjoint(&own));
        assert!(others.len() > 16, "{others:?}");
        assert!(own.iter().chain(&others).all(|&place| place < SOURCE_COUNTERS));
    }
}
