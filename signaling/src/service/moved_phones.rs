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
//! The registrar knows which binding that is, and tells the other shards with the account's contacts ([`MovedBinding`]).

use super::Signaling;
use crate::user_agent::whereabouts::Whereabouts;
use router::parameter::{Contact, MovedBinding};
use router::{Address, ModuleKind};

impl Signaling {
    /// An account that is at home here is registered otherwise than before.
    pub(super) fn follow_at_home(&mut self, account: &str, moved: &[MovedBinding]) {
        if self.is_in_dialog(account) {
            let contacts = self.registration_for(Address::local(ModuleKind::Signaling, 0), account).contacts;
            self.follow(account, &contacts, moved);
        }
    }

    /// These are the contacts of an account now, with the connections that they are open by.
    pub(super) fn follow(&mut self, account: &str, contacts: &[Contact], moved: &[MovedBinding]) {
        let whereabouts = Whereabouts { account, contacts, moved };
        for leg in self.legs.of_account(account) {
            self.with_leg(leg, |leg, means| leg.follow(means, &whereabouts));
        }
        let tags: Vec<u64> = self.notifier.of_watcher(account).collect();
        for tag in tags {
            if let Some(subscription) = self.notifier.get_mut(tag) {
                whereabouts.follow(&self.means, &mut subscription.dialog);
            }
        }
    }

    /// Whether this shard has a call or a subscription of that account's.
    fn is_in_dialog(&self, account: &str) -> bool {
        self.legs.has_of(account) || self.notifier.count_of_watcher(account) > 0
    }
}
