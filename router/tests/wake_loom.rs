//! The wake-up handle under every interleaving and every reordering that the memory model allows: nobody sleeps while a
//! packet waits, and no more wake-ups are sent than sleeps were announced.

/// Loom's atomics, under the name by which `wake.rs` takes them.
mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
}

#[allow(dead_code, unreachable_pub, reason = "the router's own file, of which the model uses a part")]
#[path = "../src/wake.rs"]
mod wake;

use atomic::Ordering;
use loom::sync::atomic::AtomicUsize;
use loom::sync::{Arc, Notify};
use loom::thread;
use wake::WakeState;

/// A queue as far as waking goes: how many packets wait. It orders as little as the real one at the least does: a push
/// releases, a pop acquires.
struct Inbox {
    waiting: AtomicUsize,
    state: WakeState,
    thread: Notify,
}

impl Inbox {
    fn new() -> Arc<Self> {
        Arc::new(Self { waiting: AtomicUsize::new(0), state: WakeState::new(), thread: Notify::new() })
    }

    fn push(&self) {
        self.waiting.fetch_add(1, Ordering::Release);
        if self.state.pushed() {
            self.thread.notify();
        }
    }

    /// Takes packets until it has so many, sleeping while there is none; how often it announced that it would.
    fn take(&self, packets: usize) -> u64 {
        let (mut taken, mut announced) = (0, 0);
        while taken < packets {
            let waiting = self.waiting.swap(0, Ordering::Acquire);
            taken += waiting;
            if waiting > 0 {
                continue;
            }
            announced += 1;
            if self.state.may_sleep(|| self.waiting.load(Ordering::Relaxed) == 0) {
                self.thread.wait();
                self.state.awake();
            }
        }
        announced
    }
}

/// Loom itself fails a model in which the receiver sleeps for ever. It explores every schedule with at most so many
/// preemptions, and in each everything that a load may see.
fn nobody_sleeps_on_a_full_queue(senders: usize, packets: usize, preemptions: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(move || {
        let inbox = Inbox::new();
        let threads: Vec<_> = (0..senders)
            .map(|_| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || (0..packets).for_each(|_| inbox.push()))
            })
            .collect();
        let announced = inbox.take(senders * packets);
        for thread in threads {
            thread.join().expect("a sender does not panic");
        }
        let wakes = inbox.state.wakes();
        assert!(wakes <= announced, "{wakes} wake-ups, {announced} sleeps announced");
    });
}

#[test]
fn one_sender_of_two_packets() {
    nobody_sleeps_on_a_full_queue(1, 2, 3);
}

#[test]
fn two_senders_of_one_packet() {
    nobody_sleeps_on_a_full_queue(2, 1, 2);
}
