//! The calls of every account, as the switches of all shards tell them: kept while somebody follows lamps or presence here.
//!
//! First each switch is subscribed to, then its calls are listed, so that nothing falls between; after a gap, or a switch that was not
//! there, it is listed anew, and what it does not tell of then is gone.

use crate::limits::FOLLOWED_CALLS_MAX;
use router::parameter::{Behalf, CallPhase, CallSummary, LegPhase, LegTags, Party};
use router::time::{Duration, Instant};
use router::{Address, ModuleKind, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// For how long calls are followed after the last one who wanted to know has gone: longer than a phone takes to subscribe anew.
const LINGER: Duration = Duration::from_secs(60);

/// One end of a call, as the phone of its account has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DialogState {
    /// The leg's Call-ID.
    pub(crate) leg_id: String,
    /// Whether the phone began it.
    pub(crate) incoming: bool,
    pub(crate) phase: LegPhase,
    /// While it rings.
    pub(crate) tags: Option<LegTags>,
    /// Who is at the other end; `None`: that is not to be shown.
    pub(crate) other: Option<Party>,
}

/// A question to a switch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Question {
    /// Nobody wants to know.
    Idle,
    /// To be asked; a listing from that point on.
    Wanted(Option<String>),
    Asked(Transaction),
    Done,
}

/// A switch that is followed.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) address: Address,
    pub(crate) subscription: Question,
    pub(crate) listing: Question,
    /// Its calls that a listing has not told of so far.
    unseen: BTreeSet<String>,
}

/// A call: the shard of its switch, and its id there.
type Key = (u8, String);

/// All calls.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) switches: Vec<Followed>,
    calls: BTreeMap<Key, Vec<(String, DialogState)>>,
    by_account: BTreeMap<String, BTreeSet<Key>>,
    followers: usize,
    /// When following ends, if nobody comes.
    idle_at: Option<Instant>,
    /// When switches that did not answer are asked again.
    pub(crate) retry_at: Option<Instant>,
}

impl Calls {
    /// Those of so many shards' switches.
    pub(crate) fn new(shards: u8) -> Self {
        let followed = |index| Followed {
            address: Address::local(ModuleKind::Switch, index),
            subscription: Question::Idle,
            listing: Question::Idle,
            unseen: BTreeSet::new(),
        };
        Self {
            switches: (0..shards).map(followed).collect(),
            calls: BTreeMap::new(),
            by_account: BTreeMap::new(),
            followers: 0,
            idle_at: None,
            retry_at: None,
        }
    }

    /// One more wants to know; true: the switches are to be asked.
    pub(crate) fn follow(&mut self) -> bool {
        self.followers += 1;
        self.idle_at = None;
        let asks = self.switches.iter().any(|switch| switch.subscription == Question::Idle);
        for switch in self.switches.iter_mut().filter(|switch| switch.subscription == Question::Idle) {
            (switch.subscription, switch.listing) = (Question::Wanted(None), Question::Wanted(None));
        }
        asks
    }

    /// One wants to know no more.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.followers = self.followers.saturating_sub(1);
        if self.followers == 0 {
            self.idle_at = Some(now + LINGER);
        }
    }

    /// Whether calls are followed.
    pub(crate) fn is_followed(&self) -> bool {
        self.switches.iter().any(|switch| switch.subscription != Question::Idle)
    }

    /// Whether all calls are known.
    pub(crate) fn is_known(&self) -> bool {
        self.switches.iter().all(|switch| switch.listing == Question::Done)
    }

    /// Whether nobody has wanted to know for so long that the switches are told so; nothing is kept then.
    pub(crate) fn forget_idle(&mut self, now: Instant) -> bool {
        let idle = self.idle_at.take_if(|at| *at <= now).is_some();
        if idle {
            self.calls.clear();
            self.by_account.clear();
            self.retry_at = None;
            for switch in &mut self.switches {
                (switch.subscription, switch.listing) = (Question::Idle, Question::Idle);
                switch.unseen.clear();
            }
        }
        idle
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.idle_at.into_iter().chain(self.retry_at).min()
    }

    /// How many calls are known.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// A listing of a switch begins.
    pub(crate) fn begin_listing(&mut self, switch: u8) {
        let from = (switch, String::new());
        let known = self.calls.range(from..).map(|((of, id), _)| (*of, id)).take_while(|(of, _)| *of == switch);
        let known = known.map(|(_, id)| id.clone()).collect();
        if let Some(followed) = self.switches.get_mut(usize::from(switch)) {
            followed.unseen = known;
        }
    }

    /// A listing has ended: what it did not tell of is gone. The accounts whose dialogs have changed.
    pub(crate) fn end_listing(&mut self, switch: u8) -> Vec<String> {
        let followed = self.switches.get_mut(usize::from(switch));
        let gone = followed.map(|followed| std::mem::take(&mut followed.unseen)).unwrap_or_default();
        gone.into_iter().flat_map(|id| self.put((switch, id), Vec::new())).collect()
    }

    /// A call as it stands now. The accounts whose dialogs have changed.
    pub(crate) fn take(&mut self, switch: u8, call: &CallSummary) -> Vec<String> {
        if let Some(followed) = self.switches.get_mut(usize::from(switch)) {
            followed.unseen.remove(&call.id);
        }
        let key = (switch, call.id.clone());
        if !self.calls.contains_key(&key) && self.calls.len() >= FOLLOWED_CALLS_MAX {
            return Vec::new();
        }
        self.put(key, dialogs_of(call))
    }

    fn put(&mut self, key: Key, dialogs: Vec<(String, DialogState)>) -> Vec<String> {
        let before = match dialogs.is_empty() {
            true => self.calls.remove(&key),
            false => self.calls.insert(key.clone(), dialogs.clone()),
        };
        let before = before.unwrap_or_default();
        let mut accounts: Vec<&String> = before.iter().chain(&dialogs).map(|(account, _)| account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let of = |all: &[(String, DialogState)], account: &String| -> Vec<DialogState> {
            all.iter().filter(|(of, _)| of == account).map(|(_, dialog)| dialog.clone()).collect()
        };
        let mut changed = Vec::new();
        for account in accounts {
            let (was, is) = (of(&before, account), of(&dialogs, account));
            if was != is {
                changed.push(account.clone());
            }
            if is.is_empty() {
                if let Some(keys) = self.by_account.get_mut(account) {
                    keys.remove(&key);
                    if keys.is_empty() {
                        self.by_account.remove(account);
                    }
                }
            } else {
                self.by_account.entry(account.clone()).or_default().insert(key.clone());
            }
        }
        changed
    }

    /// The dialogs of an account's phones.
    pub(crate) fn dialogs<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a DialogState> {
        let keys = self.by_account.get(account).into_iter().flatten();
        let of_call = |key: &Key| self.calls.get(key).map_or(&[][..], Vec::as_slice);
        keys.flat_map(of_call).filter(move |(of, _)| of == account).map(|(_, dialog)| dialog)
    }
}

/// What the peer of a member's leg is called, and what the members of a conference are known by here: no account is called so.
pub(crate) const CONFERENCE: &str = "conference:";

/// The member of a conference that a call is, under the name of that one.
fn member_of(call: &CallSummary) -> Option<(String, DialogState)> {
    let conference = call.legs.iter().find(|leg| leg.behalf.is_none() && leg.peer.starts_with(CONFERENCE))?;
    let leg = call.legs.iter().find(|leg| leg.phase == LegPhase::Answered && !leg.leg_id.is_empty())?;
    let member = DialogState {
        leg_id: leg.leg_id.clone(),
        incoming: leg.incoming,
        phase: leg.phase,
        tags: None,
        other: Some(call.caller.clone()).filter(|_| !call.anonymous),
    };
    Some((conference.peer.clone(), member))
}

/// The dialogs of our accounts' phones that a call consists of. A phone that has not answered the INVITE yet has none.
fn dialogs_of(call: &CallSummary) -> Vec<(String, DialogState)> {
    if call.phase == CallPhase::Ended {
        return Vec::new();
    }
    let ours = call.legs.iter().filter(|leg| leg.behalf == Some(Behalf::Account) && leg.platform.is_none());
    ours.filter_map(|leg| {
        let phase = match (leg.phase, leg.incoming) {
            (LegPhase::Released, _) | (LegPhase::Trying, false) => return None,
            (LegPhase::Answered, _) => LegPhase::Answered,
            (_, true) if call.phase == CallPhase::Ringing => LegPhase::Ringing,
            (phase, _) => phase,
        };
        let other = match leg.incoming {
            true => Some(call.called.clone()),
            false => Some(call.caller.clone()).filter(|_| !call.anonymous),
        };
        let dialog =
            DialogState { leg_id: leg.leg_id.clone(), incoming: leg.incoming, phase, tags: leg.tags.clone(), other };
        Some((leg.peer.clone(), dialog))
    })
    .chain(member_of(call))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::LegSummary;
    use router::time::WallTime;

    fn leg(peer: &str, incoming: bool, phase: LegPhase) -> LegSummary {
        LegSummary {
            leg_id: format!("leg-{peer}"),
            peer: peer.to_owned(),
            phase,
            incoming,
            platform: None,
            behalf: Some(Behalf::Account),
            tags: None,
            suite: None,
            quality: None,
        }
    }

    fn call(id: &str, phase: CallPhase, legs: Vec<LegSummary>) -> CallSummary {
        CallSummary {
            id: id.to_owned(),
            caller: Party::new("alice", "tandem"),
            called: Party::new("bob", "tandem"),
            phase,
            started: WallTime::from_secs(1),
            answered: None,
            legs,
            codec: None,
            origin: None,
            anonymous: true,
            verdict: None,
        }
    }

    #[test]
    fn each_account_has_its_end_of_a_call() {
        let mut calls = Calls::new(2);
        assert!(calls.follow() && !calls.follow());
        let ringing = vec![leg("alice", true, LegPhase::Trying), leg("bob", false, LegPhase::Ringing)];
        assert_eq!(calls.take(0, &call("one", CallPhase::Ringing, ringing.clone())), ["alice", "bob"]);
        assert_eq!(calls.take(0, &call("one", CallPhase::Ringing, ringing.clone())), [""; 0], "nothing has changed");
        let alice: Vec<_> = calls.dialogs("alice").collect();
        assert_eq!((alice[0].phase, alice[0].incoming), (LegPhase::Ringing, true));
        assert_eq!(alice[0].other.as_ref().map(Party::user), Some("bob"));
        assert_eq!(calls.dialogs("bob").next().unwrap().other, None, "the caller is not to be shown");
        // The same id at another switch is another call.
        calls.take(1, &call("one", CallPhase::Ringing, vec![leg("alice", false, LegPhase::Early)]));
        assert_eq!(calls.dialogs("alice").count(), 2);
        assert_eq!(calls.take(0, &call("one", CallPhase::Ended, ringing)), ["alice", "bob"]);
        assert_eq!((calls.dialogs("alice").count(), calls.dialogs("bob").count()), (1, 0));
    }

    #[test]
    fn what_a_listing_does_not_tell_of_is_gone() {
        let mut calls = Calls::new(1);
        for id in ["one", "two"] {
            calls.take(0, &call(id, CallPhase::Talking, vec![leg(id, true, LegPhase::Answered)]));
        }
        calls.begin_listing(0);
        calls.take(0, &call("one", CallPhase::Talking, vec![leg("one", true, LegPhase::Answered)]));
        assert_eq!(calls.end_listing(0), ["two"]);
        assert_eq!(calls.len(), 1);
        calls.follow();
        calls.leave(Instant::from_millis(0));
        assert!(!calls.forget_idle(Instant::from_millis(1)));
        assert!(calls.forget_idle(Instant::from_millis(60_000)));
        assert_eq!((calls.len(), calls.by_account.len()), (0, 0));
    }
}
