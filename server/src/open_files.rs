//! Open files: how many the server needs, the limit of them, and the kernel's table of them. Every media port is two.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::os::fd::{AsFd, RawFd};

/// Raises the limit of open files as far as the system lets this process: to what is permitted, and to `needed` where that is
/// more. The default of many systems (1,024) ends at 200 calls. Returns the limit in force.
pub fn raise_limit(needed: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let permitted = limit.maximum.unwrap_or(u64::MAX);
    for raised in [permitted.max(needed), permitted] {
        let raised = Some(raised).filter(|&raised| raised != u64::MAX);
        if setrlimit(Resource::Nofile, Rlimit { current: raised, maximum: raised }).is_ok() {
            return raised.unwrap_or(u64::MAX);
        }
    }
    limit.current.unwrap_or(u64::MAX)
}

/// Has the kernel's table of the process's files made as large as `files` take, once, at the start. It grows by doubling, and each time a
/// process of several threads waits for a grace period of RCU, ten to twenty-five milliseconds in which the worker that opened
/// the socket does nothing, and every call that arrives meanwhile waits. The table takes eight octets a file and never shrinks.
pub fn grow_table(files: u64) -> std::io::Result<()> {
    let last = RawFd::try_from(files.saturating_sub(1)).unwrap_or(RawFd::MAX);
    // The lowest free number from there on, for a moment.
    rustix::io::fcntl_dupfd_cloexec(std::io::stderr().as_fd(), last)?;
    Ok(())
}

/// Files for `calls` with two legs of two sockets each, as far as there are `ports` for them, and for what the rest of the
/// server holds: listeners, connections, the store.
pub const fn needed(calls: u64, ports: u64, connections: u64) -> u64 {
    let media = if 4 * calls < ports { 4 * calls } else { ports };
    // Few hold as many connections as they may; those who have allowed for more mean it.
    let beyond = connections.saturating_sub(signaling::transport::limits::CONNECTIONS_MAX as u64);
    media + beyond + 2_048
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel says of the table: `FDSize` of proc_pid_status(5).
    fn table() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap();
        line.trim().parse().unwrap()
    }

    #[test]
    fn the_table_has_room_before_files_are_opened() {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(4_096).min(4_096);
        grow_table(limit).unwrap();
        assert!(table() >= limit, "{} of {limit}", table());
        assert!(grow_table(u64::MAX).is_err(), "more than a process may have");
    }
}
