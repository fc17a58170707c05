//! All subscriptions of a shard, and what it knows of accounts that are at home here.

use super::publication::Publications;
use super::subscription::{Due, Subscription, Telling};
use super::{Calls, DialogState, Elsewhere, Followers};
use crate::limits::{ACCOUNT_STATE_RETRY, NOTIFIES_PER_WINDOW, NOTIFY_WINDOW, STATE_UNKNOWN_WITHIN};
use router::parameter::{AccountState, MessageWaiting};
use router::time::{Instant, TimerWheel, earliest};
use router::{Address, OwnMap, Transaction};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An account that somebody follows here.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// Our tags of the subscriptions to it.
    pub(crate) subscriptions: BTreeSet<u64>,
    /// Shards of other platforms that follow it.
    followers: usize,
    /// What its home shard has told.
    pub(crate) state: Option<AccountState>,
}

impl Watched {
    /// Whether anybody wants to know of it.
    fn is_followed(&self) -> bool {
        !self.subscriptions.is_empty() || self.followers > 0
    }
}

/// What is known of an account that is at home here, beside its bindings.
#[derive(Debug, Default)]
pub(crate) struct Hosted {
    pub(crate) publications: Publications,
    /// What was said of its mailbox by packet.
    pub(crate) waiting: Option<MessageWaiting>,
    /// The other shards that are told.
    pub(crate) followers: SmallVec<[Address; 1]>,
}

impl Hosted {
    /// Whether there is nothing to be kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.publications.is_empty() && self.waiting.is_none() && self.followers.is_empty()
    }
}

/// What has been counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NotifierCounters {
    /// Subscriptions begun.
    pub(crate) begun: u64,
    /// Subscriptions that a NOTIFY has ended which was refused or not answered.
    pub(crate) lost: u64,
    /// Subscriptions refused as there were too many.
    pub(crate) refused: u64,
    /// NOTIFYs sent.
    pub(crate) sent: u64,
    /// Changes that were told together with a later one, or not at all as they came to nothing.
    pub(crate) coalesced: u64,
    /// PUBLISH requests served.
    pub(crate) published: u64,
}

/// All subscriptions.
pub(crate) struct Notifier {
    /// By our tag.
    subscriptions: OwnMap<u64, Subscription>,
    watched: BTreeMap<String, Watched>,
    /// The subscriptions that each account has, by their tags.
    by_watcher: BTreeMap<String, BTreeSet<u64>>,
    due: TimerWheel<(u64, Due)>,
    /// Those that may be told now, in their order.
    ready: VecDeque<u64>,
    /// When the window began in which NOTIFYs are counted, and how many left in it.
    window: (Instant, usize),
    pub(crate) calls: Calls,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) followers: Followers,
    pub(crate) hosted: BTreeMap<String, Hosted>,
    /// When accounts' publications end.
    pub(crate) ends: BTreeSet<(Instant, String)>,
    /// Accounts whose home shards are asked.
    pub(crate) asked: BTreeMap<Transaction, String>,
    /// Subscriptions whose subscribers the registrar is asked for.
    pub(crate) sought: BTreeMap<Transaction, u64>,
    /// Accounts whose home shards did not answer, to be asked again at that time.
    unasked: BTreeSet<String>,
    ask_at: Option<Instant>,
    /// Shards that may have missed something, to be told everything at that time.
    pub(crate) missed: BTreeSet<Address>,
    pub(crate) retell_at: Option<Instant>,
    pub(crate) counters: NotifierCounters,
}

impl Notifier {
    /// None yet; of the `own`th of so many shards, of a platform that may have others beside it.
    pub(crate) fn new(own: u8, shards: u8, is_in_cluster: bool, now: Instant) -> Self {
        Self {
            subscriptions: OwnMap::default(),
            watched: BTreeMap::new(),
            by_watcher: BTreeMap::new(),
            due: TimerWheel::new(),
            ready: VecDeque::new(),
            window: (now, 0),
            calls: Calls::new(shards),
            elsewhere: Elsewhere::new(own, is_in_cluster),
            followers: Followers::default(),
            hosted: BTreeMap::new(),
            ends: BTreeSet::new(),
            asked: BTreeMap::new(),
            sought: BTreeMap::new(),
            unasked: BTreeSet::new(),
            ask_at: None,
            missed: BTreeSet::new(),
            retell_at: None,
            counters: NotifierCounters::default(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.subscriptions.len()
    }

    /// The tags of those that an account has.
    pub(crate) fn of_watcher(&self, account: &str) -> impl Iterator<Item = u64> + use<'_> {
        self.by_watcher.get(account).into_iter().flatten().copied()
    }

    /// How many these are.
    pub(crate) fn count_of_watcher(&self, account: &str) -> usize {
        self.by_watcher.get(account).map_or(0, BTreeSet::len)
    }

    /// The subscription with that tag of ours.
    pub(crate) fn get(&self, tag: u64) -> Option<&Subscription> {
        self.subscriptions.get(&tag)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, tag: u64) -> Option<&mut Subscription> {
        self.subscriptions.get_mut(&tag)
    }

    /// An account that somebody follows here.
    pub(crate) fn watched(&self, account: &str) -> Option<&Watched> {
        self.watched.get(account)
    }

    /// Keeps a new subscription; true: nobody here has followed its account before.
    pub(crate) fn insert(&mut self, now: Instant, tag: u64, mut subscription: Subscription) -> bool {
        self.counters.begun += 1;
        subscription.expiry = Some(self.due.schedule(subscription.expires_at, (tag, Due::Expiry)));
        self.by_watcher.entry(subscription.watcher.to_string()).or_default().insert(tag);
        let watched = self.watched.entry(subscription.account.to_string()).or_default();
        let first = !watched.is_followed();
        watched.subscriptions.insert(tag);
        if subscription.package.is_told_elsewhere() {
            self.elsewhere.follow(now, &subscription.account);
        }
        if watched.state.is_none() || !self.calls.is_known() || !self.elsewhere.is_known(&subscription.account) {
            subscription.waiting = Some(self.due.schedule(now + STATE_UNKNOWN_WITHIN, (tag, Due::Unknown)));
        }
        self.subscriptions.insert(tag, subscription);
        first
    }

    /// Forgets a subscription; true: nobody here follows its account any more.
    pub(crate) fn remove(&mut self, now: Instant, tag: u64) -> Option<(Subscription, bool)> {
        let subscription = self.subscriptions.remove(&tag)?;
        for timer in [subscription.expiry, subscription.waiting].into_iter().flatten() {
            self.due.cancel(timer);
        }
        if let Some(tags) = self.by_watcher.get_mut(&*subscription.watcher) {
            tags.remove(&tag);
            if tags.is_empty() {
                self.by_watcher.remove(&*subscription.watcher);
            }
        }
        let mut last = false;
        if let Some(watched) = self.watched.get_mut(&*subscription.account) {
            watched.subscriptions.remove(&tag);
            last = !watched.is_followed();
            if last {
                self.watched.remove(&*subscription.account);
                self.unasked.remove(&*subscription.account);
            }
        }
        if subscription.package.follows_calls() {
            self.calls.leave(now);
        }
        Some((subscription, last))
    }

    /// A shard of another platform follows an account; true: nobody here has followed it before.
    pub(crate) fn insert_follower(&mut self, account: &str) -> bool {
        let watched = self.watched.entry(account.to_owned()).or_default();
        let first = !watched.is_followed();
        watched.followers += 1;
        first
    }

    /// It does no longer; true: nobody here follows it any more.
    pub(crate) fn remove_follower(&mut self, now: Instant, account: &str) -> bool {
        self.calls.leave(now);
        let Some(watched) = self.watched.get_mut(account) else { return false };
        watched.followers = watched.followers.saturating_sub(1);
        let last = !watched.is_followed();
        if last {
            self.watched.remove(account);
            self.unasked.remove(account);
        }
        last
    }

    /// The dialogs of an account's phones, here and at other platforms.
    pub(crate) fn dialogs<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a DialogState> {
        let elsewhere = self.elsewhere.heard(account).flat_map(|heard| &heard.dialogs);
        self.calls.dialogs(account).chain(elsewhere)
    }

    /// A subscription was refreshed, or is to end sooner.
    pub(crate) fn set_expiry(&mut self, tag: u64, at: Instant) {
        let Some(subscription) = self.subscriptions.get_mut(&tag) else { return };
        subscription.expires_at = at;
        if let Some(former) = subscription.expiry.replace(self.due.schedule(at, (tag, Due::Expiry))) {
            self.due.cancel(former);
        }
    }

    /// Something is to be told to a subscriber: now, or when it may be.
    pub(crate) fn tell(&mut self, now: Instant, tag: u64, telling: Telling) {
        let Some(subscription) = self.subscriptions.get_mut(&tag) else { return };
        if telling == Telling::Changed && subscription.telling != Telling::Nothing {
            self.counters.coalesced += 1;
        }
        subscription.tell(telling);
        self.arrange(now, tag);
    }

    /// Sees to it that a subscription is told when it may be. What it waits for is that its account's home shard and the switches have
    /// answered, and the other platforms, the answer to its last NOTIFY, or the end of the interval.
    pub(crate) fn arrange(&mut self, now: Instant, tag: u64) {
        let Some(subscription) = self.subscriptions.get_mut(&tag) else { return };
        let known = self.watched.get(&*subscription.account).is_some_and(|watched| watched.state.is_some())
            && (!subscription.package.follows_calls() || self.calls.is_known())
            && (!subscription.package.is_told_elsewhere() || self.elsewhere.is_known(&subscription.account));
        let Some(at) = subscription.ready_at(now) else { return };
        if subscription.queued || (!known && subscription.waiting.is_some()) {
            return;
        }
        if let Some(timer) = subscription.waiting.take() {
            self.due.cancel(timer);
        }
        if at <= now {
            subscription.queued = true;
            self.ready.push_back(tag);
        } else {
            subscription.waiting = Some(self.due.schedule(at, (tag, Due::Interval)));
        }
    }

    /// The home shard has told of an account: its subscriptions, if anybody follows it here.
    pub(crate) fn learn(&mut self, account: &str, state: AccountState) -> Vec<u64> {
        let Some(watched) = self.watched.get_mut(account) else { return Vec::new() };
        watched.state = Some(state);
        watched.subscriptions.iter().copied().collect()
    }

    /// The subscriptions to an account that tell of its calls.
    pub(crate) fn of_calls(&self, account: &str) -> Vec<u64> {
        let Some(watched) = self.watched.get(account) else { return Vec::new() };
        let of_calls = |tag: &&u64| self.subscriptions.get(tag).is_some_and(|one| one.package.follows_calls());
        watched.subscriptions.iter().filter(of_calls).copied().collect()
    }

    /// All subscriptions, by their tags, in the order of the accounts that they follow.
    pub(crate) fn tags(&self) -> Vec<u64> {
        self.watched.values().flat_map(|watched| &watched.subscriptions).copied().collect()
    }

    /// What is due at a subscription.
    pub(crate) fn poll_due(&mut self, now: Instant) -> Option<(u64, Due)> {
        let (tag, due) = self.due.poll(now)?;
        if let Some(subscription) = self.subscriptions.get_mut(&tag) {
            match due {
                Due::Expiry => subscription.expiry = None,
                Due::Interval | Due::Unknown => subscription.waiting = None,
            }
        }
        Some((tag, due))
    }

    /// The next subscription that is told now. So many NOTIFYs leave in one window; the others wait for the next, in their order.
    pub(crate) fn poll_ready(&mut self, now: Instant) -> Option<u64> {
        if now >= self.window.0 + NOTIFY_WINDOW {
            self.window = (now, 0);
        }
        while self.window.1 < NOTIFIES_PER_WINDOW {
            let tag = self.ready.pop_front()?;
            if let Some(subscription) = self.subscriptions.get_mut(&tag) {
                subscription.queued = false;
                self.window.1 += 1;
                return Some(tag);
            }
        }
        None
    }

    /// An account's home shard is to be asked again.
    pub(crate) fn ask_again(&mut self, now: Instant, account: String) {
        if self.watched.contains_key(&account) {
            self.unasked.insert(account);
            self.ask_at.get_or_insert(now + ACCOUNT_STATE_RETRY);
        }
    }

    /// Whose home shards are to be asked now.
    pub(crate) fn take_unasked(&mut self, now: Instant) -> BTreeSet<String> {
        match self.ask_at.take_if(|at| *at <= now) {
            Some(_) => std::mem::take(&mut self.unasked),
            None => BTreeSet::new(),
        }
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let ready = (!self.ready.is_empty()).then(|| match self.window.1 < NOTIFIES_PER_WINDOW {
            true => self.window.0,
            false => self.window.0 + NOTIFY_WINDOW,
        });
        let ends = self.ends.first().map(|(at, _)| *at);
        let (elsewhere, followers) = (self.elsewhere.poll_timeout(), self.followers.poll_timeout());
        earliest([
            self.due.next(),
            ready,
            ends,
            self.calls.poll_timeout(),
            self.ask_at,
            self.retell_at,
            elsewhere,
            followers,
        ])
    }
}
