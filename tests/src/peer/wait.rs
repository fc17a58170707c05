//! Waiting in real time, with a bound.

#![expect(
    clippy::disallowed_methods,
    reason = "real peers live in real time; this file alone reads the clock and sleeps for them"
)]

use std::time::{Duration, Instant};

/// How long something that happens at once may take on a slow machine that does much else.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether it has happened.
const STEP: Duration = Duration::from_millis(20);

/// Now.
pub fn now() -> Instant {
    Instant::now()
}

/// Lets time pass: for what is to last, never for what is to happen.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// What `probe` finds, once it finds something; panics when it has not after [`PATIENCE`].
pub fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, probe).unwrap_or_else(|| panic!("not within {PATIENCE:?}: {what}"))
}

/// What `probe` finds within `bound`.
pub fn within<T>(bound: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let end = now() + bound;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if now() >= end {
            return None;
        }
        pause(STEP);
    }
}
