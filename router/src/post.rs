//! What one thread hands another that is no packet: a bounded queue with the wake-up of the inboxes.

use crate::wake::{Wake, WakeState};
use crossbeam::queue::ArrayQueue;
use std::fmt;

/// A queue that any thread fills without a lock, and one empties, in the order of the queue. Nothing blocks: what finds no
/// room comes back.
pub struct Post<T> {
    queue: ArrayQueue<T>,
    wake_state: WakeState,
    waker: Box<dyn Wake>,
}

impl<T> Post<T> {
    /// An empty one for so many things; `waker` makes its owner run.
    pub fn new(slots: usize, waker: impl Wake + 'static) -> Self {
        Self { queue: ArrayQueue::new(slots), wake_state: WakeState::new(), waker: Box::new(waker) }
    }

    /// Puts something at the end and wakes the owner if it sleeps, unless only `spare` places or fewer are left: these are for
    /// those that ask for less. What finds no room comes back.
    pub fn push(&self, item: T, spare: usize) -> Result<(), T> {
        if spare > 0 && self.queue.len() + spare >= self.queue.capacity() {
            return Err(item);
        }
        self.queue.push(item)?;
        if self.wake_state.pushed() {
            self.waker.wake();
        }
        Ok(())
    }

    /// What is at the head. For the owner alone.
    pub fn pop(&self) -> Option<T> {
        self.queue.pop()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Before the owner sleeps: false if something waits. After true, the next push wakes it.
    pub fn may_sleep(&self) -> bool {
        self.wake_state.may_sleep(|| self.queue.is_empty())
    }

    /// After the owner woke, for whatever reason.
    pub fn awake(&self) {
        self.wake_state.awake();
    }
}

impl<T> fmt::Debug for Post<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_sleeper_is_woken_once_and_the_spare_places_are_kept() {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let post = Post::new(4, move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(post.push(1, 0), Ok(()));
        assert!(!post.may_sleep());
        assert_eq!((post.pop(), woken.load(Ordering::Relaxed)), (Some(1), 0));
        assert!(post.may_sleep());
        assert_eq!((post.push(2, 2), post.push(3, 2)), (Ok(()), Ok(())));
        assert_eq!((post.push(4, 2), post.push(4, 1), post.push(5, 0)), (Err(4), Ok(()), Ok(())));
        assert_eq!(post.push(6, 0), Err(6));
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        post.awake();
        assert_eq!(std::iter::from_fn(|| post.pop()).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert!(post.is_empty());
    }
}
