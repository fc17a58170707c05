//! A phone that registers by another way in the middle of its calls: its connection broke, its NAT gave it another port, it has gone to another
//! network, or behind another edge proxy. What is for it within its dialogs goes by the flow that it is registered by (RFC 5626 §5.3) from then on,
//! not by the one that it made them over.
//!
//! ```text
//!   phone ──INVITE, over A──▶ …call…      ╳ A
//!   phone ──REGISTER, over B──▶
//!   phone ◀──BYE, re-INVITE, NOTIFY, over B──
//! ```
//!
//! Which phone it is its binding says: on its account's home shard, and on every other one by what the home tells of it.

use super::Signaling;
use crate::registrar::{Changed, News};
use crate::transport::Flow;
use crate::user_agent::contact::FlowText;
use router::parameter::Contact;
use std::net::SocketAddr;

impl Signaling {
    /// A REGISTER of an account was served that came by that flow; `open` was the connection to its sender until then.
    pub(super) fn follow_registered(&mut self, account: &str, changed: Changed, flow: &Flow, open: Option<Flow>) {
        let former = self.bindings.take_moved();
        let is_news = changed.added + changed.removed > 0 || !former.is_empty();
        let former = former.iter().filter_map(|former| FlowText::parse(former.reveal()));
        // Another phone of the account may be there still.
        let left = former.map(|former| former.remote).filter(|left| !self.bindings.is_bound_from(account, *left));
        let mut moved: Vec<(SocketAddr, Flow)> = left.map(|left| (left, *flow)).collect();
        // From the same port as before, over another connection.
        if changed.added + changed.refreshed > 0
            && flow.connection.is_some()
            && open.is_none_or(|open| open.connection != flow.connection)
        {
            moved.push((flow.remote, *flow));
        }
        self.follow(account, &moved, is_news);
    }

    /// Another shard has told where an account is reached now.
    pub(super) fn follow_elsewhere(&mut self, account: &str, news: &News, contacts: &[Contact]) {
        let flow_of = |contact: &Contact| FlowText::parse(contact.flow.reveal());
        let gone_to = |&(left, index): &(SocketAddr, usize)| {
            Some((left, flow_of(contacts.get(index)?)?.flow(&self.means.config.listeners)?))
        };
        let mut moved: Vec<(SocketAddr, Flow)> = news.moved.iter().filter_map(gone_to).collect();
        for flow in contacts.iter().filter_map(|contact| flow_of(contact)?.connection()) {
            if self.means.flows.to(flow.remote).is_none_or(|open| open.connection != flow.connection) {
                moved.push((flow.remote, flow));
            }
        }
        self.follow(account, &moved, news.is_any);
    }

    /// Its phones have moved; with any news they may be reached by another way, behind proxies, too.
    pub(super) fn follow(&mut self, account: &str, moved: &[(SocketAddr, Flow)], is_news: bool) {
        if moved.is_empty() && !is_news {
            return;
        }
        for leg in self.legs.of_account(account) {
            self.with_leg(leg, |leg, means| leg.follow(means, account, moved));
        }
        let tags: Vec<u64> = self.notifier.of_watcher(account).collect();
        for tag in tags {
            if let Some(subscription) = self.notifier.get_mut(tag) {
                moved.iter().for_each(|(left, flow)| subscription.dialog.follow(*left, flow));
            }
            self.seek_subscriber_again(tag);
        }
    }
}
