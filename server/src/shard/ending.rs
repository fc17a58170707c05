//! The end of all shards: none closes its sockets while another one's calls still need them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One shard's word that its calls have ended.
#[derive(Debug)]
pub struct Ending {
    left: Arc<AtomicUsize>,
    done: bool,
}

impl Ending {
    /// For so many shards.
    pub fn of_all(count: u8) -> Vec<Ending> {
        let left = Arc::new(AtomicUsize::new(count.into()));
        (0..count).map(|_| Ending { left: Arc::clone(&left), done: false }).collect()
    }

    /// This shard's calls have ended.
    pub fn done(&mut self) {
        if !self.done {
            self.done = true;
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether those of all shards have.
    pub fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Ending {
    /// Who ends without a word is not waited for.
    fn drop(&mut self) {
        self.done();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_all_have_said_so_or_are_gone() {
        let mut all = Ending::of_all(3);
        all[0].done();
        all[0].done();
        assert!(!all[1].is_over());
        drop(all.pop());
        all[1].done();
        assert!(all[0].is_over());
    }
}
