//! What a call may reach for while it handles something.

use super::dialog::Join;
use super::timers::Timer;
use crate::event::Events;
use crate::moved::Moved;
use crate::platforms::Platforms;
use crate::record::Records;
use crate::status::Counters;
use crate::trunks::Trunks;
use router::time::{Now, TimerWheel};
use router::{Address, Instance, Instances, ModuleKind, Outbox, Random, Shards};

/// The switch's common means, lent to one call for one turn.
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) timers: &'a mut TimerWheel<(Instance, Timer)>,
    pub(crate) instances: &'a mut Instances,
    pub(crate) random: &'a mut Random,
    pub(crate) records: &'a mut Records,
    pub(crate) events: &'a mut Events,
    pub(crate) counters: &'a mut Counters,
    pub(crate) trunks: &'a mut Trunks,
    pub(crate) platforms: &'a mut Platforms,
    pub(crate) moved: &'a mut Moved,
    /// Calls that are to be joined once this turn is over.
    pub(crate) joins: &'a mut Vec<Join>,
}

impl Turn<'_> {
    /// The signaling module of our own shard: it runs in our thread.
    pub(crate) fn signaling(&self) -> Address {
        Address::local(ModuleKind::Signaling, self.outbox.address().module.index.unwrap_or(0))
    }

    /// The signaling module that is an account's home, and knows where it is registered.
    pub(crate) fn registrar(&self, shards: &Shards, account: &str) -> Address {
        match shards.is_one() {
            true => self.signaling(),
            false => {
                // One phone of the account (RFC 5627).
                let owner = account.split_once(";gr=").map_or(account, |(owner, _)| owner);
                Address::local(ModuleKind::Signaling, shards.home(owner.as_bytes()))
            }
        }
    }
}
