//! The atomics that [`crate::wake`] is made of, by a name of their own: `tests/wake_loom.rs` includes that file beside loom's
//! atomics under this name, and so checks the very code that runs.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
