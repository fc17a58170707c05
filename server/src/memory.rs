//! Bytes that are allocated: an allocator that counts, over mimalloc: calls allocate many small things, and glibc's allocator took a seventh
//! of the time of a call set-up.
//!
//! Every thread counts in a slot of its own, with plain loads and stores, so that counting costs neither a locked instruction nor a
//! cache line that moves between cores. A thread may free what another one allocated: a slot alone may go below zero, their
//! sum does not.

//!
//! Huge pages are declined: the kernel clears two megabytes at once before a thread may go on that touches one, which on a
//! virtual machine takes as long as twenty milliseconds; a shard that stood still for so long would make every call
//! that arrives meanwhile wait. Small pages cost the same in all, a few microseconds at a time.

#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait, and mimalloc and prctl are foreign")]

use crate::limits::COUNTED_THREADS;
use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

/// The allocator of the binary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

/// A count on a cache line of its own.
#[repr(align(64))]
struct Slot(AtomicIsize);

/// The last one is shared by all threads beyond [`COUNTED_THREADS`].
static SLOTS: [Slot; COUNTED_THREADS + 1] = [const { Slot(AtomicIsize::new(0)) }; COUNTED_THREADS + 1];

/// How many threads have allocated so far.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The thread's slot, once it has allocated. Without a destructor, so that it lives as long as its thread and takes no memory of its own.
    static SLOT: Cell<Option<&'static AtomicIsize>> = const { Cell::new(None) };
}

/// The slot that threads share who have none of their own.
static SHARED: &AtomicIsize = &SLOTS[COUNTED_THREADS].0;

/// Bytes that are allocated and not freed, as callers asked for them. Zero in a process that has another allocator.
pub fn allocated() -> u64 {
    let sum: isize = SLOTS.iter().map(|slot| slot.0.load(Ordering::Relaxed)).sum();
    u64::try_from(sum).unwrap_or(0)
}

/// Adds to the thread's count.
#[inline]
fn count(bytes: isize) {
    match SLOT.get() {
        // Nobody else writes here.
        Some(slot) => slot.store(slot.load(Ordering::Relaxed).wrapping_add(bytes), Ordering::Relaxed),
        None => count_first(bytes),
    }
}

/// The same for a thread that has allocated nothing yet, or shares its count.
#[cold]
fn count_first(bytes: isize) {
    let slot = if THREADS.load(Ordering::Relaxed) < COUNTED_THREADS {
        SLOTS.get(THREADS.fetch_add(1, Ordering::Relaxed)).filter(|slot| !std::ptr::eq(&slot.0, SHARED))
    } else {
        None
    };
    SLOT.set(slot.map(|slot| &slot.0));
    slot.map_or(SHARED, |slot| &slot.0).fetch_add(bytes, Ordering::Relaxed);
}

/// Whether mimalloc gives that alignment unasked, which is quicker: 16 octets, 8 to what is smaller.
const fn is_usual(layout: &Layout) -> bool {
    layout.align() <= 8 || (layout.align() == 16 && layout.size() >= 16)
}

/// Memory comes in small pages from now on; see the module. Call it before threads start.
pub fn decline_huge_pages() {
    // SAFETY: it sets a flag of the process and touches no memory. A kernel that does not know it says so, and nothing changes.
    let _ = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}

/// A layout's size: never above `isize::MAX`, as `Layout` promises.
const fn size(bytes: usize) -> isize {
    bytes.cast_signed()
}

// SAFETY: every method is mimalloc's, with what the layout says; what is counted beside it is not memory that the caller sees,
// and counting neither allocates nor unwinds. `mi_realloc` keeps the usual alignment, and a layout keeps its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the size is not zero, as the caller promises; mimalloc returns null or memory of that size and alignment.
        let memory = unsafe {
            if is_usual(&layout) { mi_malloc(layout.size()) } else { mi_malloc_aligned(layout.size(), layout.align()) }
        };
        if !memory.is_null() {
            count(size(layout.size()));
        }
        memory.cast()
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        let memory = unsafe {
            if is_usual(&layout) { mi_zalloc(layout.size()) } else { mi_zalloc_aligned(layout.size(), layout.align()) }
        };
        if !memory.is_null() {
            count(size(layout.size()));
        }
        memory.cast()
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller promises that it came from here.
        unsafe { mi_free(memory.cast()) };
        count(-size(layout.size()));
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Usual before and after: 16 octets of alignment are not usual for what becomes smaller than that.
        let usual = is_usual(&layout) && (layout.align() <= 8 || new_size >= 16);
        // SAFETY: the caller promises that it came from here, and that the new size is not zero.
        let moved = unsafe {
            if usual {
                mi_realloc(memory.cast(), new_size)
            } else {
                mi_realloc_aligned(memory.cast(), new_size, layout.align())
            }
        };
        if !moved.is_null() {
            count(size(new_size) - size(layout.size()));
        }
        moved.cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other tests of the process do not count: their allocator is the system's.
    #[test]
    fn what_is_allocated_is_counted_until_it_is_freed_by_any_thread() {
        const BYTES: isize = 1 << 20;
        let before = allocated();
        let layout = Layout::from_size_align(BYTES.unsigned_abs(), 8).unwrap();
        // SAFETY: the layout has a size.
        let memory = unsafe { Counting.alloc(layout) };
        assert!(!memory.is_null());
        assert_eq!(allocated() - before, BYTES.unsigned_abs() as u64);
        let address = memory as usize;
        let free = move || {
            // SAFETY: allocated above with this layout, freed once.
            unsafe { Counting.dealloc(address as *mut u8, layout) };
        };
        std::thread::spawn(free).join().unwrap();
        assert_eq!(allocated(), before);

        // Threads beyond those with a slot of their own share one.
        let threads: Vec<_> = (0..COUNTED_THREADS + 4).map(|_| std::thread::spawn(|| count(8))).collect();
        let started = threads.len() as u64;
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(allocated() - before, 8 * started);
    }
}
