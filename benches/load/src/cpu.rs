//! What processes cost: CPU time, memory, and datagrams that the kernel dropped, read from the kernel.
#![expect(unsafe_code, reason = "another process's CPU clock is only reachable through libc")]

use crate::limits::PROCESSES_MAX;
use std::collections::HashSet;
use std::time::Duration;

/// A process and the processes that it started.
#[derive(Debug, Clone)]
pub struct ProcessTree {
    pids: Vec<i32>,
}

/// Memory of a process tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Resident bytes, summed: pages that several processes share count several times.
    pub resident: u64,
    /// Resident bytes with shared pages divided among those who share them.
    pub proportional: u64,
}

impl ProcessTree {
    /// Reads the tree below a process. `None` where there is no such process.
    pub fn of(pid: i32) -> Option<ProcessTree> {
        process_cpu_time(pid).filter(|_| pid > 0)?;
        let mut pids = vec![pid];
        let mut next = 0;
        while let Some(parent) = pids.get(next).copied() {
            next += 1;
            for child in children(parent) {
                if pids.len() < PROCESSES_MAX && !pids.contains(&child) {
                    pids.push(child);
                }
            }
        }
        Some(ProcessTree { pids })
    }

    /// CPU time, user and system, of all of them since each began.
    pub fn cpu_time(&self) -> Duration {
        self.pids.iter().filter_map(|pid| process_cpu_time(*pid)).sum()
    }

    /// Resident memory.
    pub fn resident(&self) -> u64 {
        let page = rustix::param::page_size() as u64;
        let pages = self.pids.iter().filter_map(|pid| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
            text.split(' ').nth(1)?.parse::<u64>().ok()
        });
        pages.sum::<u64>() * page
    }

    /// Resident and proportional memory; slower, as the kernel walks every mapping.
    pub fn memory(&self) -> Memory {
        let proportional = self.pids.iter().filter_map(|pid| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
            text.lines().find_map(|line| kibibytes(line.strip_prefix("Pss:")?))
        });
        Memory { resident: self.resident(), proportional: proportional.sum() }
    }

    /// How many processes it has, at least one.
    pub fn processes(&self) -> usize {
        self.pids.len()
    }
}

fn kibibytes(field: &str) -> Option<u64> {
    field.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|value| value * 1024)
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let texts = threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    texts.flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()).collect()
}

/// CPU time of a process, its ended threads included, to the nanosecond.
fn process_cpu_time(pid: i32) -> Option<Duration> {
    let mut clock: libc::clockid_t = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls write only to the local variable that they are given, and read none.
    let found = unsafe {
        libc::clock_getcpuclockid(pid, &raw mut clock) == 0 && libc::clock_gettime(clock, &raw mut time) == 0
    };
    found.then(|| Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0)))
}

/// CPU time of this process.
pub fn own_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// How long this process was ready to run and had no core: another's work, not its own.
pub fn own_wait_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0))
}

/// Datagrams that the kernel dropped at the open UDP sockets of these local ports because nobody had read the ones before.
pub fn dropped_datagrams(ports: &HashSet<u16>) -> u64 {
    ["/proc/self/net/udp", "/proc/self/net/udp6"]
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .map(|table| drops_in(&table, ports))
        .sum()
}

fn drops_in(table: &str, ports: &HashSet<u16>) -> u64 {
    let rows = table.lines().skip(1).filter_map(|row| {
        let mut fields = row.split_whitespace();
        let port = u16::from_str_radix(fields.nth(1)?.rsplit_once(':')?.1, 16).ok()?;
        ports.contains(&port).then(|| fields.last()?.parse::<u64>().ok())?
    });
    rows.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_those_of_the_ports() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
             1: 0100007F:3AD4 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 7 2 0000000000000000 12\n\
             2: 0100007F:3ADE 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 8 2 0000000000000000 30\n\
             garbage\n";
        assert_eq!(drops_in(table, &HashSet::from([15060])), 12);
        assert_eq!(drops_in(table, &HashSet::from([15060, 15070])), 42);
        assert_eq!(drops_in("", &HashSet::from([15060])), 0);
    }

    #[test]
    fn the_fields_of_proc() {
        assert_eq!(kibibytes("              1234 kB"), Some(1234 * 1024));
        assert_eq!(kibibytes("x"), None);
    }

    #[test]
    fn this_process_has_used_time_and_memory() {
        let tree = ProcessTree::of(std::process::id() as i32).unwrap();
        assert!(tree.processes() > 0 && tree.resident() > 0);
        assert!(tree.cpu_time() > Duration::ZERO);
        assert!(ProcessTree::of(-5).is_none());
    }
}
