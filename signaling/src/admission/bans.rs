//! Who is not listened to for a while: sources that have guessed too often.

use super::network_of;
use crate::limits::BAN_SOURCES;
use router::time::{Duration, Instant};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// When a source is shut out, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BanPolicy {
    /// After so many wrong credentials; 0: never.
    pub after: u32,
    /// Within that time.
    pub within: Duration,
    /// For how long.
    pub length: Duration,
}

impl Default for BanPolicy {
    /// One a second for a minute is nobody who has mistyped a password, and no office whose phones have an old one; five minutes for sixty
    /// attempts leave a guesser some 17,000 a day.
    fn default() -> Self {
        Self { after: 60, within: Duration::from_secs(60), length: Duration::from_secs(300) }
    }
}

impl BanPolicy {
    /// The share of each of so many shards, over which a source's attempts are spread.
    #[must_use]
    pub fn share(self, shards: u32) -> Self {
        Self { after: self.after.div_ceil(shards.max(1)), ..self }
    }
}

/// A source that is shut out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Banned {
    /// Its address, or the first one of its IPv6 /64.
    pub network: IpAddr,
    /// For how long still.
    pub left: Duration,
    /// How often it had guessed.
    pub attempts: u32,
}

/// What is remembered of a network.
#[derive(Clone, Copy, Debug)]
struct Slot {
    network: IpAddr,
    /// When its first attempt of those counted was, or the ban began.
    since: Instant,
    attempts: u32,
    banned: bool,
}

/// Sources by their networks. Their number is fixed: two share a slot where a keyed hash says so, and the later one takes it, unless the
/// earlier one is banned.
#[derive(Debug)]
pub struct Bans {
    policy: BanPolicy,
    slots: Vec<Option<Slot>>,
    /// How many slots have a ban, over or not: none costs a message nothing.
    banned: usize,
    hasher: RandomState,
}

impl Bans {
    /// By that policy.
    pub fn new(policy: BanPolicy) -> Self {
        Self { policy, slots: vec![None; BAN_SOURCES], banned: 0, hasher: RandomState::new() }
    }

    /// Another policy from now on. One that bans nobody ends all bans.
    pub fn set_policy(&mut self, policy: BanPolicy) {
        self.policy = policy;
        if policy.after == 0 {
            self.slots.fill(None);
            self.banned = 0;
        }
    }

    /// Whether a message of that source is not to be looked at.
    #[inline]
    pub fn is_banned(&mut self, now: Instant, source: IpAddr) -> bool {
        self.banned > 0 && self.is_banned_now(now, source)
    }

    fn is_banned_now(&mut self, now: Instant, source: IpAddr) -> bool {
        let network = network_of(source);
        let index = self.place(network);
        let Some(slot) = self.slots[index].filter(|slot| slot.banned && slot.network == network) else { return false };
        if now < slot.since + self.policy.length {
            return true;
        }
        self.slots[index] = None;
        self.banned -= 1;
        false
    }

    /// A source that hears us has sent wrong credentials. True: that was one too many.
    pub fn note(&mut self, now: Instant, source: IpAddr) -> bool {
        if self.policy.after == 0 {
            return false;
        }
        let network = network_of(source);
        let index = self.place(network);
        let slot = match self.slots[index] {
            Some(slot) if slot.banned && now < slot.since + self.policy.length => return false,
            Some(slot) if slot.banned => {
                self.banned -= 1;
                None
            }
            slot => slot.filter(|slot| slot.network == network && now < slot.since + self.policy.within),
        };
        let mut slot = slot.unwrap_or(Slot { network, since: now, attempts: 0, banned: false });
        slot.attempts += 1;
        if slot.attempts >= self.policy.after {
            (slot.banned, slot.since) = (true, now);
            self.banned += 1;
        }
        self.slots[index] = Some(slot);
        slot.banned
    }

    /// How many are banned now.
    pub fn count(&self, now: Instant) -> usize {
        let is_now = |slot: &&Slot| slot.banned && now < slot.since + self.policy.length;
        self.slots.iter().flatten().filter(is_now).count()
    }

    /// Those that are banned now, in the order of their networks, behind that one.
    pub fn list(&self, now: Instant, after: Option<IpAddr>) -> Vec<Banned> {
        let until = |slot: &Slot| slot.since + self.policy.length;
        let is_now = |slot: &&Slot| slot.banned && now < until(slot) && after.is_none_or(|after| slot.network > after);
        let banned =
            |slot: &Slot| Banned { network: slot.network, left: until(slot).since(now), attempts: slot.attempts };
        let mut found: Vec<Banned> = self.slots.iter().flatten().filter(is_now).map(banned).collect();
        found.sort_by_key(|banned| banned.network);
        found
    }

    /// A source is heard again, and begins anew. False: it was not banned.
    pub fn lift(&mut self, now: Instant, source: IpAddr) -> bool {
        let was = self.is_banned(now, source);
        if was {
            let index = self.place(network_of(source));
            self.slots[index] = None;
            self.banned -= 1;
        }
        was
    }

    fn place(&self, network: IpAddr) -> usize {
        (self.hasher.hash_one(network) % BAN_SOURCES as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + number).into())
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1_000)
    }

    fn policy() -> BanPolicy {
        BanPolicy { after: 3, within: Duration::from_secs(10), length: Duration::from_secs(100) }
    }

    #[test]
    fn too_many_within_the_time_shut_a_source_out_for_a_while() {
        let mut bans = Bans::new(policy());
        assert!(!bans.note(at(0), host(1)) && !bans.note(at(1), host(1)) && !bans.is_banned(at(1), host(1)));
        assert!(!bans.note(at(2), host(2)), "another one's are its own");
        assert!(bans.note(at(3), host(1)));
        assert!(bans.is_banned(at(3), host(1)) && bans.is_banned(at(102), host(1)) && !bans.is_banned(at(3), host(2)));
        assert_eq!(bans.count(at(50)), 1);
        assert!(!bans.is_banned(at(103), host(1)));
        assert_eq!((bans.count(at(103)), bans.banned), (0, 0));
        assert!(!bans.note(at(104), host(1)), "it begins anew");
    }

    #[test]
    fn slow_ones_are_left_alone() {
        let mut bans = Bans::new(policy());
        assert!((0..100).all(|n| !bans.note(at(n * 6), host(1))));
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_a_policy_of_none_ends_all() {
        let mut bans = Bans::new(policy());
        let address = |n: u16| IpAddr::V6([0x2001, 0xdb8, 0, 1, 0, 0, 0, n].into());
        assert!(!bans.note(at(0), address(1)) && !bans.note(at(0), address(2)));
        assert!(bans.note(at(0), address(3)) && bans.is_banned(at(0), address(4)));
        bans.set_policy(BanPolicy { after: 0, ..policy() });
        assert!(!bans.is_banned(at(0), address(4)) && (0..100).all(|_| !bans.note(at(0), address(1))));
    }

    #[test]
    fn those_that_are_banned_are_listed_and_one_is_lifted() {
        let mut bans = Bans::new(policy());
        for number in [7, 3, 5] {
            (0..3).for_each(|_| _ = bans.note(at(0), host(number)));
        }
        _ = bans.note(at(0), host(9));
        let networks =
            |bans: &Bans, after| bans.list(at(40), after).into_iter().map(|ban| ban.network).collect::<Vec<_>>();
        assert_eq!(networks(&bans, None), [host(3), host(5), host(7)]);
        assert_eq!(networks(&bans, Some(host(3))), [host(5), host(7)]);
        let first = bans.list(at(40), None)[0];
        assert_eq!((first.left, first.attempts), (Duration::from_secs(60), 3));
        assert!(bans.lift(at(40), host(5)) && !bans.lift(at(40), host(5)) && !bans.lift(at(40), host(9)));
        assert!(!bans.is_banned(at(40), host(5)) && bans.is_banned(at(40), host(3)));
        assert!(!bans.note(at(41), host(5)), "it begins anew");
        assert_eq!((bans.list(at(100), None).len(), bans.lift(at(100), host(3))), (0, false), "over");
    }

    #[test]
    fn a_flood_of_sources_takes_no_more_room_and_frees_nobody() {
        let mut bans = Bans::new(policy());
        (0..3).for_each(|_| _ = bans.note(at(0), host(0)));
        for number in 1..50_000 {
            bans.note(at(1), host(number));
        }
        assert!(bans.is_banned(at(2), host(0)));
        assert_eq!(bans.slots.len(), BAN_SOURCES);
    }
}
