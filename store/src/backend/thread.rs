//! The store's own thread: a turn, then sleep until a packet or a deadline comes.

use super::Backend;
use crate::limits::COMMIT_DELAY;
use crate::service::Store;
use crossbeam::sync::{Parker, Unparker};
use router::service::{drain, next_turn, turn};
use router::time::Now;
use router::{Address, Endpoint, ModuleKind, Router};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A store's place at the router, with the means to sleep there.
#[derive(Debug)]
pub struct Seat {
    endpoint: Endpoint,
    parker: Parker,
    stop: Arc<AtomicBool>,
}

/// Ends the store's thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    stop: Arc<AtomicBool>,
    unparker: Unparker,
}

impl Stopper {
    /// Lets the store answer what waits, commit, and return from [`Seat::run`].
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.unparker.unpark();
    }
}

impl Seat {
    /// Registers `store/index` at the router.
    pub fn take(router: &Router, index: u8) -> Self {
        let parker = Parker::new();
        let unparker = parker.unparker().clone();
        let endpoint = router.register(ModuleKind::Store, index, move || unparker.unpark());
        Self { endpoint, parker, stop: Arc::default() }
    }

    /// The store's address.
    pub fn address(&self) -> Address {
        self.endpoint.address()
    }

    /// What ends [`run`](Self::run), from any thread.
    pub fn stopper(&self) -> Stopper {
        Stopper { stop: Arc::clone(&self.stop), unparker: self.parker.unparker().clone() }
    }

    /// Runs the store on this thread until it is stopped; `clock` reads both clocks. What it has taken is committed and
    /// answered before it returns.
    pub fn run<B: Backend>(self, mut store: Store<B>, clock: impl Fn() -> Now) {
        let unparker = self.parker.unparker().clone();
        store.backend().attach(Box::new(move || unparker.unpark()));
        while !self.stop.load(Ordering::Acquire) {
            let now = clock();
            store.answer_found();
            if turn(&mut store, &self.endpoint, now) {
                continue;
            }
            let wait = next_turn(&mut store).map(|at| at.since(now.instant));
            if wait.is_some_and(|wait| wait.is_zero()) {
                continue;
            }
            // A batch gathers: what comes meanwhile waits for its commit anyway, so nobody has to wake this thread for it.
            if let Some(wait) = wait.filter(|&wait| wait <= COMMIT_DELAY) {
                self.parker.park_timeout(wait);
                continue;
            }
            if !self.endpoint.may_sleep() {
                continue;
            }
            match wait {
                Some(wait) => self.parker.park_timeout(wait),
                None => self.parker.park(),
            }
            self.endpoint.awake();
        }
        self.endpoint.router().unregister(self.endpoint.address().module);
        while turn(&mut store, &self.endpoint, clock()) {}
        store.commit();
        store.end_searches();
        drain(&mut store, &self.endpoint, clock());
    }
}
