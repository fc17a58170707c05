//! Accounts that other platforms follow here: what their shards were told last, and when they may be told again.

use crate::limits::{FOLLOWED_ELSEWHERE_FOR, FOLLOWER_INTERVAL, FOLLOWERS_MAX, FOLLOWERS_OF_PLATFORM_MAX};
use router::parameter::AccountState;
use router::time::Instant;
use router::{Address, PlatformId};
use std::collections::{BTreeMap, BTreeSet};

/// A shard of another platform that follows an account.
#[derive(Debug)]
struct Follower {
    /// Unless it asks again.
    until: Instant,
    /// From when on a change may be told.
    not_before: Instant,
    /// When it is told, if it has something to be told.
    due: Option<Instant>,
    told: Option<Box<AccountState>>,
}

/// What has become of a wish to follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// It follows from now on.
    Anew,
    /// It goes on following.
    Again,
    /// There is no room.
    Full,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Followers {
    by_account: BTreeMap<String, BTreeMap<Address, Follower>>,
    due: BTreeSet<(Instant, String, Address)>,
    ends: BTreeSet<(Instant, String, Address)>,
    of_platform: BTreeMap<PlatformId, usize>,
    count: usize,
}

impl Followers {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// A shard of another platform wants to know of an account, or still does.
    pub(crate) fn follow(&mut self, now: Instant, account: &str, follower: Address) -> Taken {
        let until = now + FOLLOWED_ELSEWHERE_FOR;
        if let Some(known) = self.by_account.get_mut(account).and_then(|all| all.get_mut(&follower)) {
            self.ends.remove(&(known.until, account.to_owned(), follower));
            known.until = until;
            self.ends.insert((until, account.to_owned(), follower));
            return Taken::Again;
        }
        let of_platform = self.of_platform.get(&follower.platform).copied().unwrap_or(0);
        if self.count >= FOLLOWERS_MAX || of_platform >= FOLLOWERS_OF_PLATFORM_MAX {
            return Taken::Full;
        }
        let new = Follower { until, not_before: now, due: None, told: None };
        self.by_account.entry(account.to_owned()).or_default().insert(follower, new);
        self.ends.insert((until, account.to_owned(), follower));
        self.count += 1;
        self.of_platform.insert(follower.platform, of_platform + 1);
        Taken::Anew
    }

    /// It wants to know no more. False: it was none.
    pub(crate) fn leave(&mut self, account: &str, follower: Address) -> bool {
        let Some(all) = self.by_account.get_mut(account) else { return false };
        let Some(gone) = all.remove(&follower) else { return false };
        if all.is_empty() {
            self.by_account.remove(account);
        }
        self.ends.remove(&(gone.until, account.to_owned(), follower));
        if let Some(due) = gone.due {
            self.due.remove(&(due, account.to_owned(), follower));
        }
        self.count -= 1;
        if let Some(count) = self.of_platform.get_mut(&follower.platform) {
            *count -= 1;
            if *count == 0 {
                self.of_platform.remove(&follower.platform);
            }
        }
        true
    }

    /// Those of a platform that is lost, or of an account that is gone.
    pub(crate) fn of(&self, platform: Option<PlatformId>, account: Option<&str>) -> Vec<(String, Address)> {
        if platform.is_some_and(|platform| !self.of_platform.contains_key(&platform)) {
            return Vec::new();
        }
        let of_account = |(of, _): &(&String, _)| account.is_none_or(|account| account == of.as_str());
        let each = |(of, all): (&String, &BTreeMap<Address, Follower>)| {
            let is_its = |follower: &&Address| platform.is_none_or(|platform| platform == follower.platform);
            all.keys().filter(is_its).map(|follower| (of.clone(), *follower)).collect::<Vec<_>>()
        };
        self.by_account.iter().filter(of_account).flat_map(each).collect()
    }

    /// Something has changed of an account, or may have.
    pub(crate) fn note(&mut self, now: Instant, account: &str) {
        let Some(all) = self.by_account.get_mut(account) else { return };
        for (follower, known) in all {
            if known.due.is_none() {
                let at = known.not_before.max(now);
                known.due = Some(at);
                self.due.insert((at, account.to_owned(), *follower));
            }
        }
    }

    /// The same of all accounts.
    pub(crate) fn note_all(&mut self, now: Instant) {
        let accounts: Vec<String> = self.by_account.keys().cloned().collect();
        accounts.iter().for_each(|account| self.note(now, account));
    }

    /// It did not get what it was told.
    pub(crate) fn missed(&mut self, now: Instant, follower: Address) {
        let mut accounts = Vec::new();
        for (account, all) in &mut self.by_account {
            if let Some(known) = all.get_mut(&follower) {
                known.told = None;
                known.not_before = now + FOLLOWER_INTERVAL;
                accounts.push(account.clone());
            }
        }
        accounts.iter().for_each(|account| self.note(now, account));
    }

    /// Who is to be told something now.
    pub(crate) fn poll_due(&mut self, now: Instant) -> Option<(String, Address)> {
        let (at, _, _) = self.due.first().filter(|(at, ..)| *at <= now)?;
        debug_assert!(*at <= now);
        let (_, account, follower) = self.due.pop_first()?;
        if let Some(known) = self.by_account.get_mut(&account).and_then(|all| all.get_mut(&follower)) {
            known.due = None;
        }
        Some((account, follower))
    }

    /// It is told this. False: it has been told that already.
    pub(crate) fn tell(&mut self, now: Instant, account: &str, follower: Address, state: &AccountState) -> bool {
        let Some(known) = self.by_account.get_mut(account).and_then(|all| all.get_mut(&follower)) else { return false };
        if known.told.as_deref() == Some(state) {
            return false;
        }
        known.told = Some(Box::new(state.clone()));
        known.not_before = now + FOLLOWER_INTERVAL;
        true
    }

    /// Who has not asked again.
    pub(crate) fn poll_ended(&self, now: Instant) -> Option<(String, Address)> {
        let (_, account, follower) = self.ends.first().filter(|(at, ..)| *at <= now)?;
        Some((account.clone(), *follower))
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let first = |set: &BTreeSet<(Instant, String, Address)>| set.first().map(|(at, ..)| *at);
        first(&self.due).into_iter().chain(first(&self.ends)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::ModuleKind;
    use router::time::Duration;

    fn follower(platform: u32) -> Address {
        Address { platform: PlatformId(platform), ..Address::local(ModuleKind::Signaling, 0) }
    }

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn what_changes_often_is_told_after_a_while_and_once() {
        let mut followers = Followers::default();
        assert_eq!(followers.follow(at(0), "bob", follower(2)), Taken::Anew);
        assert_eq!(followers.follow(at(0), "bob", follower(2)), Taken::Again);
        followers.note(at(0), "carol");
        assert_eq!(followers.poll_due(at(0)), None);
        followers.note(at(0), "bob");
        followers.note(at(0), "bob");
        assert_eq!(followers.poll_due(at(0)), Some(("bob".to_owned(), follower(2))));
        assert_eq!(followers.poll_due(at(0)), None);
        let state = AccountState::of("bob");
        assert!(
            followers.tell(at(0), "bob", follower(2), &state) && !followers.tell(at(0), "bob", follower(2), &state)
        );
        followers.note(at(1), "bob");
        assert_eq!(followers.poll_due(at(1)), None, "it has just been told");
        assert_eq!(followers.poll_timeout(), Some(at(0) + FOLLOWER_INTERVAL));
        assert!(followers.poll_due(at(0) + FOLLOWER_INTERVAL).is_some());
        followers.missed(at(1_000), follower(2));
        assert!(followers.poll_due(at(1_000) + FOLLOWER_INTERVAL).is_some());
        assert!(followers.tell(at(2_000), "bob", follower(2), &state), "it did not hear it");
    }

    #[test]
    fn who_does_not_ask_again_follows_no_more() {
        let mut followers = Followers::default();
        followers.follow(at(0), "bob", follower(2));
        followers.follow(at(0), "bob", follower(3));
        let later = at(0) + FOLLOWED_ELSEWHERE_FOR - Duration::from_millis(1);
        followers.follow(later, "bob", follower(3));
        assert_eq!(followers.poll_ended(later), None);
        assert_eq!(followers.poll_ended(at(0) + FOLLOWED_ELSEWHERE_FOR), Some(("bob".to_owned(), follower(2))));
        assert!(followers.leave("bob", follower(2)) && !followers.leave("bob", follower(2)));
        assert_eq!(followers.of(Some(PlatformId(3)), None), [("bob".to_owned(), follower(3))]);
        assert!(followers.leave("bob", follower(3)));
        assert_eq!((followers.len(), followers.poll_timeout()), (0, None));
    }

    #[test]
    fn a_platform_has_its_share_of_the_room() {
        let mut followers = Followers::default();
        let fill = |followers: &mut Followers, platform| {
            let taken =
                |number: &usize| followers.follow(at(0), &format!("{number}"), follower(platform)) == Taken::Anew;
            (0..FOLLOWERS_OF_PLATFORM_MAX + 1).filter(taken).count()
        };
        assert_eq!(fill(&mut followers, 2), FOLLOWERS_OF_PLATFORM_MAX);
        assert_eq!(fill(&mut followers, 3), FOLLOWERS_OF_PLATFORM_MAX);
        assert!(followers.leave("0", follower(2)));
        assert_eq!(followers.follow(at(0), "new", follower(2)), Taken::Anew);
    }
}
