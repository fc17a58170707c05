//! Somebody outside asks any signaling module where an account is reached, or sets something of it; if another shard is the
//! account's home, that one is asked: nobody outside knows the shards, or which is whose.

use super::Signaling;
use crate::user_agent::gruu::home_of;
use router::asked::Asked;
use router::parameter::Registration;
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Transaction, one};
use std::collections::BTreeMap;

/// How long the other shard may take: who asked waits no longer.
const WITHIN: Duration = Duration::from_millis(500);

/// Questions of other platforms that another shard is to answer. As many as requests may be pending.
#[derive(Debug, Default)]
pub(super) struct HomeShard {
    asked: BTreeMap<Transaction, Asked>,
}

impl Signaling {
    /// Passes a question about an account on, if it is not for this shard. False: it is.
    pub(super) fn ask_home(&mut self, packet: &Packet, account: &str) -> bool {
        let home = Address::local(ModuleKind::Signaling, self.means.config.shards.home(home_of(account).as_bytes()));
        if packet.source.platform == PlatformId::HERE || home == self.means.outbox.address() {
            return false;
        }
        let noun = one(Registration { account: account.to_owned(), contacts: Vec::new() });
        let (now, own) = (self.means.now.instant, Instance::MODULE);
        let asked = self.means.outbox.request(now, own, home, Command::Query, noun, WITHIN);
        self.home_shard.asked.insert(asked, Asked::of(packet));
        true
    }

    /// Whether this shard is the home of that name.
    pub(super) fn is_home(&self, name: &str) -> bool {
        let home = self.means.config.shards.home(name.as_bytes());
        self.means.outbox.address().module.index == Some(home)
    }

    /// Passes a request that concerns an account, or a dialog, on to its home, which is another shard; the answer goes back.
    pub(super) fn pass_home(&mut self, packet: &Packet, account: &str) {
        let home = Address::local(ModuleKind::Signaling, self.means.config.shards.home(account.as_bytes()));
        let (now, own) = (self.means.now.instant, Instance::MODULE);
        let asked = self.means.outbox.request(now, own, home, packet.command, packet.parameters.clone(), WITHIN);
        self.home_shard.asked.insert(asked, Asked::of(packet));
    }

    /// The home of an account answered. False: it is an answer to something else.
    pub(super) fn home_answered(&mut self, packet: &Packet) -> bool {
        if !packet.command.is_final() {
            return self.home_shard.asked.contains_key(&packet.transaction);
        }
        let Some(asked) = self.home_shard.asked.remove(&packet.transaction) else { return false };
        match packet.command {
            Command::Done => asked.done(&mut self.means.outbox, packet.parameters.clone()),
            _ => asked.failed(&mut self.means.outbox, packet.failure()),
        }
        true
    }
}
