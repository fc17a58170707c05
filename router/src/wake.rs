//! The coalesced wake-up: no system call while the receiver runs.

use super::atomic::{AtomicBool, AtomicU64, Ordering, fence};

/// Wakes a sleeping module: an `mio::Waker` for workers, a task's waker for async modules.
pub trait Wake: Send + Sync {
    /// Makes the module run soon. Called once per sleep.
    fn wake(&self);
}

impl<F: Fn() + Send + Sync> Wake for F {
    fn wake(&self) {
        self();
    }
}

/// Whether the receiver sleeps, and how often it was woken.
///
/// The receiver announces its sleep *before* it looks a last time whether the queue is empty; the sender pushes *before* it
/// looks whether the receiver sleeps. With a full fence between the two steps on either side, one of the two sees the
/// other: nobody sleeps on a full queue. All changes are read-modify-writes, so that they have one order; `tests/wake_loom.rs`
/// checks it.
#[derive(Debug)]
pub struct WakeState {
    asleep: AtomicBool,
    wakes: AtomicU64,
}

impl Default for WakeState {
    fn default() -> Self {
        Self::new()
    }
}

impl WakeState {
    /// A receiver that is awake.
    pub fn new() -> Self {
        Self { asleep: AtomicBool::new(false), wakes: AtomicU64::new(0) }
    }

    /// After a push: whether the sender is to wake the receiver. True for one sender per sleep.
    #[inline]
    pub fn pushed(&self) -> bool {
        fence(Ordering::SeqCst);
        if !self.asleep.load(Ordering::Relaxed) || !self.asleep.swap(false, Ordering::AcqRel) {
            return false;
        }
        self.wakes.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Before sleeping: whether the receiver may. `is_empty` looks at the queue.
    pub fn may_sleep(&self, is_empty: impl FnOnce() -> bool) -> bool {
        self.asleep.swap(true, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        if is_empty() {
            return true;
        }
        self.asleep.swap(false, Ordering::AcqRel);
        false
    }

    /// After sleeping, for whatever reason the receiver woke: senders need not wake it.
    pub fn awake(&self) {
        self.asleep.swap(false, Ordering::AcqRel);
    }

    /// How often a sender woke the receiver.
    pub fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }
}
