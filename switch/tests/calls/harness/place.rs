//! A scripted module's place at the router, and what goes wrong there.

use router::parameter::{Failure, Reason};
use router::time::{Duration, Instant, Now};
use router::{Address, Endpoint, ModuleKind, Outbox, Packet, Received, Router, Transaction};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What goes wrong with one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It never arrives.
    Lost,
    /// It is refused as `Busy` without being looked at.
    Busy,
    /// It is served, and its answers come so much later.
    Late(Duration),
}

/// Which request goes wrong: the `at`th that the switch sends.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) at: Option<(usize, Option<Fault>)>,
    pub(crate) seen: usize,
}

/// A scripted module's place at the router.
pub(crate) struct Place {
    pub(crate) outbox: Outbox,
    pub(super) endpoint: Endpoint,
    faults: Rc<RefCell<Faults>>,
    slow: BTreeMap<Transaction, Duration>,
    late: Vec<(Instant, Packet)>,
}

impl Place {
    pub(super) fn new(router: &Router, kind: ModuleKind, faults: &Rc<RefCell<Faults>>) -> Self {
        Self {
            outbox: Outbox::new(Address::local(kind, 0)),
            endpoint: router.register(kind, 0, || ()),
            faults: Rc::clone(faults),
            slow: BTreeMap::new(),
            late: Vec::new(),
        }
    }

    pub(super) fn receive(&mut self) -> Option<Received> {
        loop {
            let packet = self.endpoint.receive()?;
            let Some(received) = self.outbox.handle_packet(packet) else { continue };
            let Received::Packet(packet) = &received else { return Some(received) };
            if !packet.command.is_request() {
                return Some(received);
            }
            let mut faults = self.faults.borrow_mut();
            faults.seen += 1;
            match faults.at {
                Some((at, Some(fault))) if at == faults.seen => match fault {
                    Fault::Lost => continue,
                    Fault::Busy => {
                        self.outbox.failed(packet, Failure::new(Reason::Busy));
                        continue;
                    }
                    Fault::Late(by) => {
                        self.slow.insert(packet.transaction, by);
                    }
                },
                _ => {}
            }
            return Some(received);
        }
    }

    pub(super) fn flush(&mut self, now: Now) {
        let due: Vec<_> = self.late.extract_if(.., |(at, _)| *at <= now.instant).collect();
        for (_, packet) in due {
            let _ = self.endpoint.router().send(packet);
        }
        if self.outbox.poll_timeout().is_some_and(|at| at <= now.instant) {
            self.outbox.handle_timeout(now.instant);
        }
        while let Some(packet) = self.outbox.poll_transmit() {
            let answer = !packet.command.is_request() && packet.transaction != Transaction::NONE;
            match self.slow.get(&packet.transaction) {
                Some(&by) if answer => self.late.push((now.instant + by, packet)),
                _ => {
                    if let Err(refused) = self.endpoint.router().send(packet) {
                        self.outbox.handle_refused(now.instant, refused);
                    }
                }
            }
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        let late = self.late.iter().map(|(at, _)| *at).min();
        late.into_iter().chain(self.outbox.poll_timeout()).min()
    }

    pub(super) fn waits(&self) -> bool {
        self.endpoint.counters().depth > 0
    }
}
