//! A phone that registers over another flow in the middle of its calls: its connection broke, its NAT gave it another port, it has gone to another network.
//! What is for it within its dialogs goes by the flow that it is registered by (RFC 5626 §5.3) from then on, not by the one that it made them over.
//!
//! ```text
//!   phone ──INVITE, over A──▶ …call…      ╳ A
//!   phone ──REGISTER, over B──▶
//!   phone ◀──BYE, re-INVITE, NOTIFY, over B──
//! ```

use super::Signaling;
use crate::transport::Flow;
use crate::user_agent::contact::FlowText;
use router::parameter::Contact;
use std::net::SocketAddr;

impl Signaling {
    /// A REGISTER of an account was served that came by that flow; `open` was the connection to its sender until then.
    pub(super) fn follow_registered(&mut self, account: &str, flow: &Flow, open: Option<Flow>) {
        let moved = self.bindings.take_moved();
        let mut left: Vec<SocketAddr> = Vec::new();
        for former in moved.iter().filter_map(|former| FlowText::parse(former.reveal())) {
            // Another phone of the account may be there still.
            if !self.bindings.is_bound_from(account, former.remote) {
                left.push(former.remote);
            }
        }
        // From the same port as before, over another connection.
        if flow.connection.is_some() && open.is_none_or(|open| open.connection != flow.connection) {
            left.push(flow.remote);
        }
        self.follow(account, &left, flow);
    }

    /// Another shard has told where an account is reached now; it was known to be at those addresses.
    pub(super) fn follow_elsewhere(&mut self, account: &str, before: &[SocketAddr], contacts: &[Contact]) {
        let flows = contacts.iter().filter_map(|contact| FlowText::parse(contact.flow.reveal()));
        let flows: Vec<FlowText> = flows.collect();
        for flow in flows.iter().filter_map(FlowText::connection) {
            if self.means.flows.to(flow.remote).is_none_or(|open| open.connection != flow.connection) {
                self.follow(account, &[flow.remote], &flow);
            }
        }
        let left: Vec<SocketAddr> =
            before.iter().copied().filter(|remote| flows.iter().all(|flow| flow.remote != *remote)).collect();
        let mut new = flows.iter().filter(|flow| !before.contains(&flow.remote));
        // Of several nobody says which of those that were known it is.
        if let (Some(flow), None) = (new.next(), new.next())
            && let Some(flow) = flow.flow(&self.means.config.listeners)
        {
            self.follow(account, &left, &flow);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "each leg is looked at for itself, in whatever order")]
    fn follow(&mut self, account: &str, left: &[SocketAddr], flow: &Flow) {
        if left.is_empty() {
            return;
        }
        for leg in self.legs.values_mut().filter(|leg| leg.account() == Some(account)) {
            leg.follow(left, flow);
        }
        self.notifier.follow(account, left, flow);
    }
}
