//! The face of every service module, and the drain rule, written once.

use crate::limits::BATCH;
use crate::outbox::{Outbox, Received};
use crate::route::Endpoint;
use crate::time::{Instant, Now};

/// A service module's pure core as the router sees it. Beside these calls a module has its own protocol's inputs (datagrams,
/// SQL, clients' lines); after any of them its shell calls [`drain`].
pub trait Service {
    /// A request, a notification, or an answer to a request of the module's own.
    fn handle_received(&mut self, now: Now, received: Received);

    /// Does what is due.
    fn handle_timeout(&mut self, now: Now);

    /// When to call [`handle_timeout`](Self::handle_timeout); `None`: nothing is scheduled. The outbox's own deadlines are
    /// seen to by [`turn`].
    fn poll_timeout(&self) -> Option<Instant>;

    /// What the module has sent and waits for.
    fn outbox(&mut self) -> &mut Outbox;
}

/// One turn: a bounded batch of packets in the order of the queue, then what is due, then what is to be sent. True if packets
/// may still wait.
pub fn turn<S: Service + ?Sized>(service: &mut S, endpoint: &Endpoint, now: Now) -> bool {
    let mut more = true;
    for _ in 0..BATCH {
        let Some(packet) = endpoint.receive() else {
            more = false;
            break;
        };
        if let Some(received) = service.outbox().handle_packet(packet) {
            service.handle_received(now, received);
        }
    }
    if service.poll_timeout().is_some_and(|at| at <= now.instant) {
        service.handle_timeout(now);
    }
    if service.outbox().poll_timeout().is_some_and(|at| at <= now.instant) {
        service.outbox().handle_timeout(now.instant);
    }
    drain(service, endpoint, now);
    more
}

/// The drain rule: send what the outbox holds; give the module the failures that were born on the way; until neither is left.
pub fn drain<S: Service + ?Sized>(service: &mut S, endpoint: &Endpoint, now: Now) {
    loop {
        endpoint.transmit(now, service.outbox());
        let Some(received) = service.outbox().poll_received() else { break };
        service.handle_received(now, received);
    }
}

/// When the module's next [`turn`] is due if no packet comes before.
pub fn next_turn<S: Service + ?Sized>(service: &mut S) -> Option<Instant> {
    let own = service.poll_timeout();
    let requests = service.outbox().poll_timeout();
    match (own, requests) {
        (Some(own), Some(requests)) => Some(own.min(requests)),
        (own, requests) => own.or(requests),
    }
}
