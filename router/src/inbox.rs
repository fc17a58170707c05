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
pub struct Inbox {
    queue: ArrayQueue<Packet>,
    wake_state: WakeState,
    waker: Box<dyn Wake>,
    /// Requests that wait, by source: the quota keeps one source from filling the queue.
    waiting: Box<[CachePadded<AtomicU32>]>,
    delivered: CachePadded<AtomicU64>,
    refused: AtomicU64,
    over_quota: AtomicU64,
    dropped_notices: AtomicU64,
    lost_answers: AtomicU64,
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
            waiting: (0..SOURCE_COUNTERS).map(|_| CachePadded::new(AtomicU32::new(0))).collect(),
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
        let room = match class {
            Class::Request => INBOX_REQUESTS - INBOX_RELEASE_RESERVE,
            Class::Release | Class::Notice => INBOX_REQUESTS,
            Class::Answer => INBOX_SLOTS,
        };
        if self.queue.len() >= room {
            return Err(self.turn_away(packet, class, Full::Room));
        }
        if class == Class::Request {
            let waiting = self.waiting_of(packet.source);
            if waiting.fetch_add(1, Ordering::Relaxed) >= QUOTA_PER_SOURCE {
                waiting.fetch_sub(1, Ordering::Relaxed);
                return Err(self.turn_away(packet, class, Full::Quota));
            }
        }
        if let Err(packet) = self.queue.push(packet) {
            if class == Class::Request {
                self.waiting_of(packet.source).fetch_sub(1, Ordering::Relaxed);
            }
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
        if packet.command.class() == Class::Request {
            self.waiting_of(packet.source).fetch_sub(1, Ordering::Relaxed);
        }
        // Only the module pops: a load and a store suffice.
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

    fn waiting_of(&self, source: Address) -> &AtomicU32 {
        let module = (source.module.kind as usize) * 31 + usize::from(source.module.index.unwrap_or(0));
        &self.waiting[(module + source.platform.0 as usize * 97) % SOURCE_COUNTERS]
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

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("counters", &self.counters()).finish_non_exhaustive()
    }
}
