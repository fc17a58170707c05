//! The bounded queue of a module.

use crate::address::Address;
use crate::command::Class;
use crate::limits::{INBOX_RELEASE_RESERVE, INBOX_REQUESTS, INBOX_SLOTS, QUOTA_PER_SOURCE, SOURCE_COUNTERS};
use crate::packet::Packet;
use crate::wake::{Wake, WakeState};
use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A module's inbox: filled by any thread without a lock, emptied by the one that runs the module, in the order of the
/// queue. What "full" means depends on the packet's [`Class`]; nothing blocks, and every outcome is counted.
///
/// Senders and the module write to lines of their own and seldom look at each other's: how much waits is what senders
/// counted less what they last saw the module take, and they look anew only when that reaches the quota. So it is never
/// taken for less than it is.
pub struct Inbox {
    queue: ArrayQueue<Packet>,
    wake_state: WakeState,
    waker: Box<dyn Wake>,
    /// What senders count.
    sent: CachePadded<Sent>,
    /// Requests sent, by source: the quota keeps one source from filling the queue.
    sent_by: Box<[CachePadded<AtomicU32>]>,
    /// What the module has taken.
    delivered: CachePadded<AtomicU64>,
    /// Requests taken, by source.
    taken_by: Box<[CachePadded<AtomicU32>]>,
    refused: AtomicU64,
    over_quota: AtomicU64,
    dropped_notices: AtomicU64,
    lost_answers: AtomicU64,
}

/// What senders share.
#[derive(Default)]
struct Sent {
    packets: AtomicU64,
    /// [`Inbox::delivered`] as a sender last saw it.
    delivered: AtomicU64,
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
        let counters = || (0..SOURCE_COUNTERS).map(|_| CachePadded::new(AtomicU32::new(0))).collect();
        Self {
            queue: ArrayQueue::new(INBOX_SLOTS),
            wake_state: WakeState::new(),
            waker: Box::new(waker),
            sent: CachePadded::default(),
            sent_by: counters(),
            delivered: CachePadded::new(AtomicU64::new(0)),
            taken_by: counters(),
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
        let room = match class {
            Class::Request => INBOX_REQUESTS - INBOX_RELEASE_RESERVE,
            Class::Release | Class::Notice => INBOX_REQUESTS,
            Class::Answer => INBOX_SLOTS,
        };
        let waiting = self.count_sent();
        if waiting >= room as u64 {
            self.sent.packets.fetch_sub(1, Ordering::Relaxed);
            return Err(self.turn_away(packet, class, Full::Room));
        }
        let source = counter_of(packet.source);
        if class == Class::Request {
            let sent = self.sent_by[source].fetch_add(1, Ordering::Relaxed);
            // While fewer packets wait than the quota is, no source can have used it up.
            if waiting >= u64::from(QUOTA_PER_SOURCE) && self.is_over_quota(source, sent) {
                self.sent_by[source].fetch_sub(1, Ordering::Relaxed);
                self.sent.packets.fetch_sub(1, Ordering::Relaxed);
                return Err(self.turn_away(packet, class, Full::Quota));
            }
        }
        if let Err(packet) = self.queue.push(packet) {
            if class == Class::Request {
                self.sent_by[source].fetch_sub(1, Ordering::Relaxed);
            }
            self.sent.packets.fetch_sub(1, Ordering::Relaxed);
            return Err(self.turn_away(packet, class, Full::Room));
        }
        if self.wake_state.pushed() {
            self.waker.wake();
        }
        Ok(())
    }

    /// The packet at the head of the queue. For the module alone.
    pub fn pop(&self) -> Option<Packet> {
        let packet = self.queue.pop()?;
        // Only the module pops: a load and a store suffice.
        if packet.command.class() == Class::Request {
            let taken = &self.taken_by[counter_of(packet.source)];
            taken.store(taken.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
        self.delivered.store(self.delivered.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        Some(packet)
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

    /// Counts a packet as sent, and tells how many wait before it, at most.
    fn count_sent(&self) -> u64 {
        let sent = self.sent.packets.fetch_add(1, Ordering::Relaxed);
        // The module may have taken packets that were counted after this one: then none waits before it.
        let waiting = sent.saturating_sub(self.sent.delivered.load(Ordering::Relaxed));
        if waiting < u64::from(QUOTA_PER_SOURCE) {
            return waiting;
        }
        let delivered = self.delivered.load(Ordering::Relaxed);
        self.sent.delivered.store(delivered, Ordering::Relaxed);
        sent.saturating_sub(delivered)
    }

    fn is_over_quota(&self, source: usize, sent: u32) -> bool {
        let waiting = sent.wrapping_sub(self.taken_by[source].load(Ordering::Relaxed));
        // Above the middle: taken went past `sent` since it was counted, so nothing of this source waits.
        (QUOTA_PER_SOURCE..=u32::MAX / 2).contains(&waiting)
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

/// Which counter a source has.
fn counter_of(source: Address) -> usize {
    let module = (source.module.kind as usize) * 31 + usize::from(source.module.index.unwrap_or(0));
    (module + source.platform.0 as usize * 97) % SOURCE_COUNTERS
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("counters", &self.counters()).finish_non_exhaustive()
    }
}
