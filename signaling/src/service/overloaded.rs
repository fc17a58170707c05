//! New requests when there are too many of them.

use super::Signaling;
use crate::admission::Told;
use crate::limits::OVERLOAD_RETRY_S;
use crate::message::{Header, Message, Method, StatusCode};
use crate::transaction::ServerKey;
use crate::transport::Flow;
use crate::user_agent::authentication::dismiss;
use router::time::Now;

impl Signaling {
    /// The shard's turn is over: how many messages it took, and whether none waits.
    pub fn handle_turn(&mut self, now: Now, messages: usize, caught_up: bool) {
        match self.overload.handle_turn(now.instant, messages, caught_up) {
            None => {}
            Some(Told::Begun { late }) => tracing::warn!(
                late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
                "more comes than can be served: some new requests are refused with 503"
            ),
            Some(Told::Over { lasted, refused }) => {
                tracing::warn!(refused, after_s = lasted.as_secs(), "all that comes is served again");
            }
        }
    }

    /// Whether a request outside of any dialog is refused as there are too many: before anything else is asked of it, without a transaction.
    pub(super) fn overloaded(&mut self, key: ServerKey, message: &Message, flow: &Flow, method: &Method) -> bool {
        let random = &mut self.means.random;
        if !self.overload.refuses(method, || random.next_u64()) {
            return false;
        }
        let is_emergency = || {
            let called = self.called(message);
            called.is_some_and(|called| self.means.config.emergency.is_emergency(called.user()))
        };
        if *method == Method::Invite && is_emergency() {
            return false;
        }
        self.overload.refused();
        // RFC 3261 §21.5.4.
        let wait = 1 + self.means.random.next_u64() % OVERLOAD_RETRY_S;
        let retry = [(Header::RetryAfter, wait.to_string())];
        dismiss(&mut self.means, key, message, flow, StatusCode::SERVICE_UNAVAILABLE, None, &retry);
        true
    }
}
