//! The legs of this shard, by their instances, and which of them are with an account's phones.

use crate::user_agent::leg::Leg;
use router::{Instance, OwnMap};
use std::collections::BTreeSet;

#[derive(Debug, Default)]
pub(super) struct Legs {
    all: OwnMap<Instance, Leg>,
    of_account: OwnMap<Box<str>, BTreeSet<Instance>>,
}

impl Legs {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn contains(&self, instance: Instance) -> bool {
        self.all.contains_key(&instance)
    }

    pub(super) fn get(&self, instance: Instance) -> Option<&Leg> {
        self.all.get(&instance)
    }

    pub(super) fn get_mut(&mut self, instance: Instance) -> Option<&mut Leg> {
        self.all.get_mut(&instance)
    }

    pub(super) fn insert(&mut self, leg: Leg) {
        let instance = leg.instance();
        if let Some(account) = leg.account() {
            match self.of_account.get_mut(account) {
                Some(legs) => _ = legs.insert(instance),
                None => _ = self.of_account.insert(account.into(), BTreeSet::from([instance])),
            }
        }
        self.all.insert(instance, leg);
    }

    pub(super) fn remove(&mut self, instance: Instance) -> Option<Leg> {
        let leg = self.all.remove(&instance)?;
        if let Some(account) = leg.account()
            && let Some(legs) = self.of_account.get_mut(account)
        {
            legs.remove(&instance);
            if legs.is_empty() {
                self.of_account.remove(account);
            }
        }
        Some(leg)
    }

    /// In their order.
    #[expect(clippy::disallowed_methods, reason = "they are sorted")]
    pub(super) fn instances(&self) -> Vec<Instance> {
        let mut all: Vec<Instance> = self.all.keys().copied().collect();
        all.sort_unstable();
        all
    }

    /// Whether any is with a phone of that account's.
    pub(super) fn has_of(&self, account: &str) -> bool {
        self.of_account.contains_key(account)
    }

    /// Those with an account's phones, in their order.
    pub(super) fn of_account(&self, account: &str) -> Vec<Instance> {
        self.of_account.get(account).into_iter().flatten().copied().collect()
    }
}
