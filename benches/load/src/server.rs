//! The server under test, watched from outside: CPU while all calls are up, CPU of the whole run, memory.

use crate::cpu::{Memory, ProcessTree};
use crate::limits::{WINDOW_MARGIN, WINDOW_MIN};
use std::time::Duration;

/// CPU used between two moments, and what was relayed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How long.
    pub wall: Duration,
    /// CPU time used.
    pub cpu: Duration,
    /// Packets that came out of the server.
    pub packets: u64,
    /// Calls that were up throughout.
    pub calls: u64,
    /// Resident memory at its end.
    pub resident: u64,
}

/// A memory reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Calls that were held.
    pub calls: u64,
    /// What they took.
    pub memory: Memory,
}

#[derive(Debug, Clone, Copy)]
struct Opening {
    at: Duration,
    cpu: Duration,
    packets: u64,
    calls: u64,
}

/// Watches a server.
#[derive(Debug)]
pub struct Server {
    pid: i32,
    tree: ProcessTree,
    cpu_at_start: Duration,
    opening: Option<Opening>,
    /// The measurement while all calls were up.
    pub window: Option<Window>,
    /// Memory at each number of calls.
    pub readings: Vec<Reading>,
}

/// How the run stands.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Now.
    pub now: Duration,
    /// When the first call will hang up, once one is up.
    pub first_hang_up: Option<Duration>,
    /// Whether every call has been placed and answered, or has failed.
    pub settled: bool,
    /// Calls that are up.
    pub up: u64,
    /// Packets received of the server so far.
    pub packets: u64,
}

impl Server {
    /// Begins to watch.
    ///
    /// # Errors
    /// Where there is no such process.
    pub fn watch(pid: i32) -> Result<Server, String> {
        let tree = ProcessTree::of(pid).ok_or_else(|| format!("there is no process {pid}"))?;
        let cpu_at_start = tree.cpu_time();
        Ok(Server { pid, tree, cpu_at_start, opening: None, window: None, readings: Vec::new() })
    }

    /// Opens and closes the measurement while all calls are up.
    pub fn observe(&mut self, progress: Progress) {
        if self.window.is_some() {
            return;
        }
        let Progress { now, first_hang_up, settled, up, packets } = progress;
        match self.opening {
            None if settled && up > 0 => {
                self.opening = Some(Opening { at: now, cpu: self.tree.cpu_time(), packets, calls: up });
            }
            Some(opening) if up < opening.calls || first_hang_up.is_some_and(|at| now + WINDOW_MARGIN >= at) => {
                self.window = Some(Window {
                    wall: now.saturating_sub(opening.at),
                    cpu: self.tree.cpu_time().saturating_sub(opening.cpu),
                    packets: packets - opening.packets,
                    calls: opening.calls,
                    resident: self.tree.resident(),
                });
            }
            _ => {}
        }
    }

    /// The window, where it was long enough to say anything.
    pub fn usable_window(&self) -> Option<Window> {
        self.window.filter(|window| window.wall >= WINDOW_MIN)
    }

    /// Reads the memory of a number of held calls.
    pub fn read_memory(&mut self, calls: u64) {
        if let Some(tree) = ProcessTree::of(self.pid) {
            self.tree = tree; // it may have started workers meanwhile
        }
        self.readings.push(Reading { calls, memory: self.tree.memory() });
    }

    /// CPU time used since the watch began.
    pub fn cpu_in_all(&self) -> Duration {
        self.tree.cpu_time().saturating_sub(self.cpu_at_start)
    }

    /// Memory now.
    pub fn memory(&self) -> Memory {
        self.tree.memory()
    }

    /// Processes watched.
    pub fn processes(&self) -> usize {
        self.tree.processes()
    }
}
