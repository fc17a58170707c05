//! Time at a module to which nothing comes.

use router::Service;
use router::service::next_turn;
use router::time::{Instant, Now};

/// Does what is due next at a module, until `end`; when that was. `None`: nothing is.
pub(crate) fn next_due(service: &mut impl Service, now: Now, end: Instant) -> Option<Now> {
    let next = next_turn(service).filter(|next| *next <= end)?;
    let now = now.later(next.since(now.instant));
    if service.poll_timeout().is_some_and(|at| at <= now.instant) {
        service.handle_timeout(now);
    }
    service.outbox().handle_timeout(now.instant);
    Some(now)
}
