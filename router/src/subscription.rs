//! Who wants to be notified, and who missed something.

use crate::address::{Address, PlatformId};
use crate::limits::{SUBSCRIBERS, SUBSCRIBERS_ELSEWHERE, SUBSCRIBERS_OF_PLATFORM};
use std::collections::BTreeMap;

/// The subscribers of one topic of a module. A subscriber that missed notifications is told so with the next one (their
/// `missed` field), and queries anew.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// Subscriber, and whether it missed something.
    subscribers: BTreeMap<Address, bool>,
}

impl Subscriptions {
    /// Adds a subscriber; false if there are [`SUBSCRIBERS`] already, or on other platforms as many as may be there.
    pub fn subscribe(&mut self, subscriber: Address) -> bool {
        if !self.subscribers.contains_key(&subscriber) {
            let of =
                |is: &dyn Fn(PlatformId) -> bool| self.subscribers.keys().filter(|other| is(other.platform)).count();
            let platform = subscriber.platform;
            let is_elsewhere = platform != PlatformId::HERE;
            let is_full = self.subscribers.len() >= SUBSCRIBERS
                || is_elsewhere && of(&|other| other == platform) >= SUBSCRIBERS_OF_PLATFORM
                || is_elsewhere && of(&|other| other != PlatformId::HERE) >= SUBSCRIBERS_ELSEWHERE;
            if is_full {
                return false;
            }
        }
        self.subscribers.insert(subscriber, false);
        true
    }

    /// Removes a subscriber; false if it was none.
    pub fn unsubscribe(&mut self, subscriber: Address) -> bool {
        self.subscribers.remove(&subscriber).is_some()
    }

    /// A notification to `subscriber` was dropped.
    pub fn missed(&mut self, subscriber: Address) {
        if let Some(missed) = self.subscribers.get_mut(&subscriber) {
            *missed = true;
        }
    }

    /// Whom to notify now, each with whether it missed something since the last time it was asked here.
    pub fn take(&mut self) -> impl Iterator<Item = (Address, bool)> + '_ {
        self.subscribers.iter_mut().map(|(&address, missed)| (address, std::mem::take(missed)))
    }

    /// Whether nobody subscribes.
    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// How many subscribe.
    pub fn len(&self) -> usize {
        self.subscribers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{Instance, ModuleKind};

    #[test]
    fn who_missed_is_told_once() {
        let mut subscriptions = Subscriptions::default();
        let client = Address::local(ModuleKind::Control, 0).at(Instance(1));
        assert!(subscriptions.subscribe(client));
        subscriptions.missed(client);
        assert_eq!(subscriptions.take().collect::<Vec<_>>(), [(client, true)]);
        assert_eq!(subscriptions.take().collect::<Vec<_>>(), [(client, false)]);
        assert!(subscriptions.unsubscribe(client));
        assert!(!subscriptions.unsubscribe(client));
    }

    #[test]
    fn other_platforms_leave_room_for_each_other_and_for_the_own_modules() {
        let mut subscriptions = Subscriptions::default();
        let client = |platform, number: usize| Address {
            platform: PlatformId(platform),
            ..Address::local(ModuleKind::Control, 0).at(Instance(number as u64))
        };
        let taken = |subscriptions: &mut Subscriptions, platform| {
            (0..SUBSCRIBERS).filter(|&number| subscriptions.subscribe(client(platform, number))).count()
        };
        assert_eq!(taken(&mut subscriptions, 2), SUBSCRIBERS_OF_PLATFORM);
        assert_eq!(taken(&mut subscriptions, 3), SUBSCRIBERS_OF_PLATFORM);
        let others: usize = (4..24).map(|platform| taken(&mut subscriptions, platform)).sum();
        assert_eq!(2 * SUBSCRIBERS_OF_PLATFORM + others, SUBSCRIBERS_ELSEWHERE);
        assert_eq!(taken(&mut subscriptions, 0), SUBSCRIBERS - SUBSCRIBERS_ELSEWHERE);
    }

    #[test]
    fn subscribers_are_bounded() {
        let mut subscriptions = Subscriptions::default();
        let client = |number: usize| Address::local(ModuleKind::Control, 0).at(Instance(number as u64));
        assert!((0..SUBSCRIBERS).all(|number| subscriptions.subscribe(client(number))));
        assert!(!subscriptions.subscribe(client(SUBSCRIBERS)));
        assert!(subscriptions.subscribe(client(0)), "who is in stays in");
    }
}
