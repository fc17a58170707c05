//! The shell's sockets, and the one place where the program waits: epoll, with a timer that ticks each millisecond.

use crate::limits::{EVENTS, SPARE_DESCRIPTORS, TICK};
use mio::net::UdpSocket;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

const TIMER: Token = Token(usize::MAX);

/// epoll and its timer.
#[derive(Debug)]
pub struct Reactor {
    poll: Poll,
    events: Events,
    timer: OwnedFd,
}

impl Reactor {
    /// A reactor whose timer does not tick yet.
    ///
    /// # Errors
    /// The kernel's.
    pub fn new() -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
        poll.registry().register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
        Ok(Reactor { poll, events: Events::with_capacity(EVENTS), timer })
    }

    /// Ticks from now on.
    ///
    /// # Errors
    /// The kernel's.
    pub fn start_ticks(&self) -> io::Result<()> {
        let tick = Timespec { tv_sec: 0, tv_nsec: TICK.subsec_nanos().into() };
        let every = Itimerspec { it_interval: tick, it_value: tick };
        Ok(rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &every).map(drop)?)
    }

    /// Opens a socket and watches it under a number.
    ///
    /// # Errors
    /// The kernel's, with the address.
    pub fn open(&self, address: SocketAddr, buffer_bytes: usize, number: usize) -> io::Result<UdpSocket> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot bind {address}: {error}"));
        let mut socket = UdpSocket::bind(address).map_err(named)?;
        if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, buffer_bytes).is_err() {
            rustix::net::sockopt::set_socket_recv_buffer_size(&socket, buffer_bytes)?; // not privileged: as far as allowed
        }
        self.poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
        Ok(socket)
    }

    /// Watches another socket under a number.
    ///
    /// # Errors
    /// The kernel's.
    pub fn watch(&self, socket: &mut impl mio::event::Source, number: usize) -> io::Result<()> {
        self.poll.registry().register(socket, Token(number), Interest::READABLE)
    }

    /// Lists the numbers of the sockets that became readable; waits for one, or for the next tick, where `block`.
    ///
    /// # Errors
    /// The kernel's.
    pub fn wait(&mut self, block: bool, ready: &mut Vec<usize>) -> io::Result<()> {
        ready.clear();
        let timeout = (!block).then_some(std::time::Duration::ZERO);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &self.events {
            if event.token() == TIMER {
                let _ = rustix::io::read(&self.timer, &mut [0u8; 8]); // rearms it; the count is known from the clock
            } else {
                ready.push(event.token().0);
            }
        }
        Ok(())
    }
}

/// Raises this process's limit of open files where it is too low for `sockets`.
///
/// # Errors
/// A sentence for the user, where it cannot be raised so far.
pub fn allow_sockets(sockets: u64) -> Result<(), String> {
    let needed = sockets + SPARE_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    let enough = |value: Option<u64>| value.is_none_or(|value| value >= needed);
    if enough(limit.current) {
        return Ok(());
    }
    let maximum = if enough(limit.maximum) { limit.maximum } else { Some(needed) };
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum })
        .map_err(|error| format!("{needed} open files are needed, and the limit cannot be raised (ulimit -n): {error}"))
}
