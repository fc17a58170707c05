//! Accounts that somebody follows here, as other platforms tell them: a user's phones may be registered at any platform of the cluster.
//!
//! ```text
//!   watcher's shard ── Subscribe × AccountState ──▶ a shard of each other platform   Done × AccountState, or Failed(NotFound)
//!                   ◀── Notify × AccountState ─────                                  at each change
//!                   ── Unsubscribe × AccountState ▶                                  when the last watcher here has gone
//! ```
//! What a platform has said stands while there is a way to it, and is asked for anew each minute, and whenever the way to it has changed. Without
//! a way nothing of it is believed: a lamp shows what is known, and a call that nobody can tell of any more is not shown as one that goes on.
//!
//! Whoever is between can tell of platforms that come and go without end. So all accounts are asked for at one platform seldom, and one of which nothing but
//! another one's word says that it exists is asked for a single account until it answers.

use super::calls::DialogState;
use crate::limits::{
    ACTIVITY_OCTETS_MAX, ASKED_ALL_EVERY, ASKED_ELSEWHERE_AT_ONCE, DIALOGS_TOLD_MAX, FOLLOWED_ELSEWHERE_AGAIN,
    FOLLOWED_ELSEWHERE_FOR, FOLLOWED_ELSEWHERE_MAX, GHOSTS_ASKED, GHOSTS_EVERY, IDENTIFIER_OCTETS_MAX,
    PARTY_OCTETS_MAX, PRESENCE_ACTIVITIES_MAX, PRESENCE_TEXT_OCTETS_MAX, PRESENCE_TOLD_MAX, SILENT_ELSEWHERE_AGAIN,
    UNKNOWN_ELSEWHERE_AGAIN,
};
use router::limits::PLATFORMS;
use router::parameter::{AccountState, Party, Platform, PlatformState, Presence, Reason};
use router::time::{Instant, WallTime};
use router::{Address, ModuleKind, PlatformId, Private, Roll, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// What a platform tells of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) registered: bool,
    pub(crate) presence: Vec<Presence>,
    pub(crate) dialogs: Vec<DialogState>,
}

impl Heard {
    /// What of it can be shown; `None`: it does not know all yet.
    fn of(state: AccountState) -> Option<Self> {
        let (registered, dialogs) = (state.registered?, state.dialogs?);
        let short = |text: &Private<String>| text.reveal().len() <= PRESENCE_TEXT_OCTETS_MAX;
        let is_activity = |name: &String| {
            let octets = name.as_bytes();
            (1..=ACTIVITY_OCTETS_MAX).contains(&octets.len())
                && octets.iter().all(|octet| octet.is_ascii_lowercase() || *octet == b'-')
        };
        let tuple = |told: Presence| Presence {
            id: String::new(),
            contact: told.contact.filter(short),
            note: told.note.filter(short),
            activities: told.activities.into_iter().filter(is_activity).take(PRESENCE_ACTIVITIES_MAX).collect(),
            ..told
        };
        let is_shown = |party: &Party| {
            let name = party.display_name.as_ref().map_or(0, |name| name.reveal().len());
            party.user().len().max(party.domain.len()).max(name) <= PARTY_OCTETS_MAX
        };
        let dialogs = dialogs.into_iter().filter(|told| told.leg_id.len() <= IDENTIFIER_OCTETS_MAX);
        let dialog = |told: router::parameter::AccountDialog| DialogState {
            leg_id: told.leg_id,
            incoming: told.incoming,
            phase: told.phase,
            tags: None,
            other: told.other.filter(is_shown),
        };
        Some(Self {
            registered,
            presence: state.presence.into_iter().take(PRESENCE_TOLD_MAX).map(tuple).collect(),
            dialogs: dialogs.take(DIALOGS_TOLD_MAX).map(dialog).collect(),
        })
    }
}

/// How it stands with one account at one platform.
#[derive(Debug)]
struct Word {
    heard: Option<Heard>,
    /// Whether it says that it has no such account.
    is_unknown: bool,
    /// Whether it has answered at all, or not within its time.
    is_answered: bool,
    /// What was heard is not believed any longer.
    stands_until: Instant,
    /// When it is asked; `None`: it is being asked.
    ask_at: Option<Instant>,
}

/// A platform that is reached.
#[derive(Debug, Default)]
struct There {
    /// How, and since when.
    way: (PlatformState, Option<PlatformId>, WallTime),
    /// Its signaling modules.
    modules: Vec<u8>,
    /// When it is asked what.
    due: BTreeSet<(Instant, String)>,
    /// Questions that it has not answered.
    asked: usize,
    /// When all accounts are to be asked for, anew if need be.
    all_at: Option<Instant>,
    /// Whether all are: else one is at most.
    has_all: bool,
    /// Whether it has answered anything.
    has_answered: bool,
    /// How many accounts it has to do with.
    words: usize,
}

impl There {
    /// Whether nothing but another platform's word says that it exists.
    fn is_ghost(&self) -> bool {
        self.way.0 == PlatformState::Via && !self.has_answered
    }
}

/// An account.
#[derive(Debug, Default)]
struct Followed {
    /// How many subscriptions follow it.
    subscriptions: usize,
    words: BTreeMap<PlatformId, Word>,
}

/// A question to another platform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Question {
    pub(crate) account: String,
    pub(crate) to: Address,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    pub(crate) roll: Roll,
    is_in_cluster: bool,
    /// Which shard asks: each has one of another platform's for itself.
    own: u8,
    platforms: BTreeMap<PlatformId, There>,
    /// Platforms that have accounts, and no way to them.
    away: BTreeSet<PlatformId>,
    accounts: BTreeMap<String, Followed>,
    asked: BTreeMap<Transaction, (String, PlatformId)>,
    /// Accounts and platforms: what there is in `words`.
    words: usize,
    /// When all accounts were asked for at a platform, of late.
    asked_all: BTreeMap<PlatformId, Instant>,
    /// How many that are perhaps none were asked since then.
    asked_ghosts: (Instant, usize),
}

impl Elsewhere {
    /// Of the `own`th shard of a platform, which may have others beside it.
    pub(crate) fn new(own: u8, is_in_cluster: bool) -> Self {
        Self { own, is_in_cluster, ..Self::default() }
    }

    /// Whether there may be other platforms.
    pub(crate) const fn is_in_cluster(&self) -> bool {
        self.is_in_cluster
    }

    /// Accounts at platforms that are followed.
    pub(crate) const fn len(&self) -> usize {
        self.words
    }

    /// One subscription more follows an account.
    pub(crate) fn follow(&mut self, now: Instant, account: &str) {
        if !self.is_in_cluster {
            return;
        }
        self.roll.begin(now);
        self.accounts.entry(account.to_owned()).or_default().subscriptions += 1;
        let wants = |(platform, there): (&PlatformId, &There)| {
            // One that has not answered is asked for this one, if for no other.
            let is_asked = there.has_all || there.words == 0 && there.all_at.is_none();
            is_asked.then_some(*platform)
        };
        let platforms: Vec<PlatformId> = self.platforms.iter().filter_map(wants).collect();
        for platform in platforms {
            self.ask_at(now, account, platform);
        }
    }

    /// A subscription was refreshed: whoever knew nothing may know something by now.
    pub(crate) fn ask_unknown(&mut self, now: Instant, account: &str) {
        let Some(followed) = self.accounts.get(account) else { return };
        let unknown = |(platform, word): (&PlatformId, &Word)| {
            (word.is_unknown && word.ask_at.is_some_and(|at| at > now)).then_some(*platform)
        };
        let unknown: Vec<PlatformId> = followed.words.iter().filter_map(unknown).collect();
        for platform in unknown {
            self.ask_at(now, account, platform);
        }
    }

    /// A subscription less follows an account. Who is to be told, where it was the last.
    pub(crate) fn leave(&mut self, account: &str) -> Vec<Address> {
        let Some(followed) = self.accounts.get_mut(account) else { return Vec::new() };
        followed.subscriptions -= 1;
        if followed.subscriptions > 0 {
            return Vec::new();
        }
        let Some(followed) = self.accounts.remove(account) else { return Vec::new() };
        self.words -= followed.words.len();
        let mut told = Vec::new();
        for (platform, word) in followed.words {
            let Some(there) = self.platforms.get_mut(&platform) else { continue };
            there.words -= 1;
            if !there.has_all && there.words == 0 {
                // It is asked for another one.
                there.all_at = Some(Instant::ZERO);
            }
            if let Some(at) = word.ask_at {
                there.due.remove(&(at, account.to_owned()));
            }
            if !word.is_unknown && word.is_answered {
                told.extend(self.module_of(platform));
            }
        }
        told
    }

    /// An account is to be asked for at a platform, at that time; what it has said stands meanwhile.
    fn ask_at(&mut self, at: Instant, account: &str, platform: PlatformId) {
        let (Some(followed), Some(there)) = (self.accounts.get_mut(account), self.platforms.get_mut(&platform)) else {
            return;
        };
        if !followed.words.contains_key(&platform) {
            if self.words >= FOLLOWED_ELSEWHERE_MAX {
                return;
            }
            self.words += 1;
            there.words += 1;
        }
        let word = followed.words.entry(platform).or_insert_with(|| Word {
            heard: None,
            is_unknown: false,
            is_answered: false,
            stands_until: at,
            ask_at: None,
        });
        if let Some(former) = word.ask_at.replace(at) {
            there.due.remove(&(former, account.to_owned()));
        }
        there.due.insert((at, account.to_owned()));
    }

    /// Which of a platform's signaling modules this one asks: always the same, so that one alone tells it of changes.
    fn module_of(&self, platform: PlatformId) -> Option<Address> {
        let modules = &self.platforms.get(&platform)?.modules;
        let index = *modules.get(usize::from(self.own) % modules.len().max(1))?;
        Some(Address { platform, ..Address::local(ModuleKind::Signaling, index) })
    }

    /// A platform as the interface tells of it; `is_news`: something has happened to it. The accounts of which nothing is known any more
    /// that was.
    pub(crate) fn platform_told(&mut self, now: Instant, platform: &Platform, is_news: bool) -> Vec<String> {
        if platform.state == PlatformState::Here || !platform.id.is_identity() {
            return Vec::new();
        }
        let signaling = platform.modules.iter().filter(|module| module.kind == ModuleKind::Signaling);
        let modules: Vec<u8> = signaling.map(|module| module.index).collect();
        let is_reached = matches!(platform.state, PlatformState::Linked | PlatformState::Via);
        // One without signaling has no accounts, wherever it is; one that is forgotten offers nothing any more.
        if !is_reached && !modules.is_empty() && self.away.len() < PLATFORMS {
            self.away.insert(platform.id);
        } else {
            self.away.remove(&platform.id);
        }
        if !is_reached || modules.is_empty() {
            return self.lose(platform.id);
        }
        let way = (platform.state, platform.via, platform.since);
        let there = self.platforms.entry(platform.id).or_default();
        let is_changed = is_news || there.way != way || there.modules != modules;
        (there.way, there.modules) = (way, modules);
        if is_changed {
            // It may have begun anew, or what it told got lost.
            let last = self.asked_all.get(&platform.id);
            let at = last.map_or(now, |last| now.max(*last + ASKED_ALL_EVERY));
            there.all_at.get_or_insert(at);
            self.ask_all(now);
        }
        Vec::new()
    }

    /// Has all accounts asked for where that is due.
    fn ask_all(&mut self, now: Instant) {
        let is_due = |there: &There| there.all_at.is_some_and(|at| at <= now);
        while let Some((&platform, there)) = self.platforms.iter_mut().find(|(_, there)| is_due(there)) {
            let is_ghost = there.is_ghost() && !there.has_all;
            if is_ghost {
                if now.since(self.asked_ghosts.0) >= GHOSTS_EVERY {
                    self.asked_ghosts = (now, 0);
                }
                if self.asked_ghosts.1 >= GHOSTS_ASKED {
                    there.all_at = Some(self.asked_ghosts.0 + GHOSTS_EVERY);
                    continue;
                }
                self.asked_ghosts.1 += 1;
            }
            there.all_at = None;
            there.has_all = !is_ghost;
            let asked = if is_ghost { 1 } else { usize::MAX };
            let accounts: Vec<String> = self.accounts.keys().take(asked).cloned().collect();
            for account in accounts {
                self.ask_at(now, &account, platform);
            }
            self.asked_all.retain(|_, at| now.since(*at) < ASKED_ALL_EVERY);
            self.asked_all.insert(platform, now);
        }
    }

    /// All platforms have been told that there are: whoever is missing is forgotten.
    pub(crate) fn all_told(&mut self) {
        if let Some(named) = self.roll.take_named() {
            self.away.retain(|platform| named.contains(platform));
        }
    }

    /// There is no way to a platform any more.
    fn lose(&mut self, platform: PlatformId) -> Vec<String> {
        if self.platforms.remove(&platform).is_none_or(|there| there.words == 0) {
            return Vec::new();
        }
        self.asked.retain(|_, (_, of)| *of != platform);
        let mut changed = Vec::new();
        for (account, followed) in &mut self.accounts {
            if let Some(word) = followed.words.remove(&platform) {
                self.words -= 1;
                if word.heard.is_some_and(|heard| heard != Heard::default()) {
                    changed.push(account.clone());
                }
            }
        }
        changed
    }

    /// What has been said and not been repeated for too long is not believed any more: the accounts.
    fn forget_stale(&mut self, now: Instant, account: &str, platform: PlatformId) -> bool {
        let word = self.accounts.get_mut(account).and_then(|followed| followed.words.get_mut(&platform));
        word.is_some_and(|word| word.stands_until <= now && word.heard.take().is_some())
    }

    /// The next question, and whether what was known until now is not believed any more; [`asked`](Self::asked) is to follow.
    pub(crate) fn poll_question(&mut self, now: Instant) -> Option<(Question, bool)> {
        self.ask_all(now);
        let ready = |there: &There| {
            there.asked < ASKED_ELSEWHERE_AT_ONCE && there.due.first().is_some_and(|(at, _)| *at <= now)
        };
        let platform = self.platforms.iter().find_map(|(platform, there)| ready(there).then_some(*platform))?;
        let to = self.module_of(platform)?;
        let there = self.platforms.get_mut(&platform)?;
        let (_, account) = there.due.pop_first()?;
        there.asked += 1;
        if let Some(word) = self.accounts.get_mut(&account).and_then(|followed| followed.words.get_mut(&platform)) {
            word.ask_at = None;
        }
        let is_stale = self.forget_stale(now, &account, platform);
        Some((Question { account, to }, is_stale))
    }

    /// It is asked under that transaction.
    pub(crate) fn asked(&mut self, transaction: Transaction, question: Question) {
        self.asked.insert(transaction, (question.account, question.to.platform));
    }

    /// Whether an answer is to a question of ours.
    pub(crate) fn is_asked(&self, transaction: Transaction) -> bool {
        self.asked.contains_key(&transaction)
    }

    /// The last answer to a question: a state, or why there is none. The account, and whether what is known of it has changed; `None`: nobody
    /// follows it any more.
    pub(crate) fn answered(
        &mut self,
        now: Instant,
        transaction: Transaction,
        answer: Result<AccountState, Reason>,
    ) -> Option<(String, bool)> {
        let (account, platform) = self.asked.remove(&transaction)?;
        if let Some(there) = self.platforms.get_mut(&platform) {
            there.asked = there.asked.saturating_sub(1);
            if is_answer(&answer) && !std::mem::replace(&mut there.has_answered, true) && !there.has_all {
                there.all_at = Some(now);
            }
        }
        let word = self.accounts.get_mut(&account)?.words.get_mut(&platform)?;
        let (before, was_answered) = (word.heard.clone(), word.is_answered);
        (word.is_unknown, word.is_answered) = (false, true);
        let again = match answer {
            Ok(state) => {
                word.stands_until = now + FOLLOWED_ELSEWHERE_FOR;
                // What is not known there yet is told when it is.
                word.heard = Heard::of(state).or(word.heard.take());
                word.is_answered = was_answered || word.heard.is_some();
                FOLLOWED_ELSEWHERE_AGAIN
            }
            Err(Reason::NotFound | Reason::Refused | Reason::Unsupported | Reason::Invalid) => {
                (word.heard, word.is_unknown) = (None, true);
                UNKNOWN_ELSEWHERE_AGAIN
            }
            Err(Reason::Exhausted) => FOLLOWED_ELSEWHERE_AGAIN,
            Err(_) => SILENT_ELSEWHERE_AGAIN,
        };
        let is_changed = word.heard != before || word.is_answered != was_answered;
        // It may have been wanted anew meanwhile.
        if word.ask_at.is_none() {
            self.ask_at(now + again, &account, platform);
        }
        Some((account, is_changed))
    }

    /// A platform tells of a change. The account, if it is followed there and that is news.
    pub(crate) fn told(&mut self, platform: PlatformId, state: AccountState) -> Option<String> {
        let account = state.registration.account.clone();
        let word = self.accounts.get_mut(&account)?.words.get_mut(&platform)?;
        let heard = Heard::of(state)?;
        if word.is_unknown || word.heard.as_ref() == Some(&heard) {
            return None;
        }
        (word.heard, word.is_answered) = (Some(heard), true);
        Some(account)
    }

    /// Whether all have answered who can be asked of an account.
    pub(crate) fn is_known(&self, account: &str) -> bool {
        let Some(followed) = self.accounts.get(account) else { return true };
        self.roll.is_known()
            && self.platforms.iter().all(|(platform, there)| match followed.words.get(platform) {
                Some(word) => word.is_answered,
                // It is asked in its time, and what it says is told then.
                None => !there.has_all || self.words >= FOLLOWED_ELSEWHERE_MAX,
            })
    }

    /// Whether there are other platforms, and none of them has such an account: not as long as one cannot be asked.
    pub(crate) fn is_nobodys(&self, account: &str) -> bool {
        let Some(followed) = self.accounts.get(account) else { return false };
        self.away.is_empty()
            && self.platforms.values().all(|there| there.has_all)
            && self.is_known(account)
            && !followed.words.is_empty()
            && followed.words.values().all(|word| word.is_unknown)
    }

    /// What they say of it.
    pub(crate) fn heard<'a>(&'a self, account: &str) -> impl Iterator<Item = &'a Heard> + use<'a> {
        let words = self.accounts.get(account).into_iter().flat_map(|followed| followed.words.values());
        words.filter_map(|word| word.heard.as_ref())
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.platforms.values().filter(|there| there.asked < ASKED_ELSEWHERE_AT_ONCE);
        let due = waiting.filter_map(|there| there.due.first().map(|(at, _)| *at));
        let all = self.platforms.values().filter_map(|there| there.all_at);
        due.chain(all).chain(self.roll.poll_timeout()).min()
    }
}

/// Whether a platform has said something, if only that it does not know: no link has lost the question, and no time has passed.
fn is_answer(answer: &Result<AccountState, Reason>) -> bool {
    matches!(answer, Ok(_) | Err(Reason::NotFound | Reason::Refused | Reason::Unsupported | Reason::Invalid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::{AccountDialog, LegPhase, PlatformModule};
    use router::time::Duration;

    const THERE: PlatformId = PlatformId(2);

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1_000)
    }

    fn platform(state: PlatformState, since: i64) -> Platform {
        let module = |kind, index| PlatformModule { kind, index, load_thousandths: 0 };
        let modules = vec![module(ModuleKind::Signaling, 0), module(ModuleKind::Signaling, 1)];
        Platform { id: THERE, state, since: WallTime(since), modules, ..Platform::default() }
    }

    fn busy(account: &str) -> AccountState {
        let other = Some(Party::new("alice", "tandem"));
        let dialog = AccountDialog { leg_id: "one".to_owned(), incoming: false, phase: LegPhase::Answered, other };
        AccountState { registered: Some(true), dialogs: Some(vec![dialog]), ..AccountState::of(account) }
    }

    /// Of the second shard; nobody is asked about the platforms here.
    fn elsewhere() -> Elsewhere {
        let mut elsewhere = Elsewhere::new(1, true);
        elsewhere.platform_told(at(0), &platform(PlatformState::Linked, 1), true);
        elsewhere
    }

    fn ask(elsewhere: &mut Elsewhere, now: Instant, number: u64) -> Question {
        let (question, _) = elsewhere.poll_question(now).expect("a question");
        elsewhere.asked(Transaction(number), question.clone());
        question
    }

    #[test]
    fn what_a_platform_says_stands_while_there_is_a_way_to_it() {
        let mut elsewhere = elsewhere();
        elsewhere.follow(at(0), "bob");
        let question = ask(&mut elsewhere, at(0), 1);
        assert_eq!((question.account.as_str(), question.to.module.index), ("bob", Some(1)), "one of its own");
        assert!(elsewhere.poll_question(at(0)).is_none());
        assert_eq!(elsewhere.answered(at(0), Transaction(1), Ok(busy("bob"))), Some(("bob".to_owned(), true)));
        assert_eq!(elsewhere.heard("bob").map(|heard| heard.dialogs.len()).sum::<usize>(), 1);
        assert_eq!(elsewhere.told(THERE, busy("bob")), None, "no news");
        // What is not known there yet is waited for.
        elsewhere.follow(at(0), "erin");
        ask(&mut elsewhere, at(0), 9);
        let not_yet = elsewhere.answered(at(0), Transaction(9), Ok(AccountState::of("erin")));
        assert_eq!(not_yet, Some(("erin".to_owned(), false)));
        let is_told = |elsewhere: &Elsewhere| elsewhere.accounts["erin"].words[&THERE].is_answered;
        assert!(!is_told(&elsewhere));
        assert_eq!(elsewhere.told(THERE, busy("erin")).as_deref(), Some("erin"));
        assert!(is_told(&elsewhere));
        elsewhere.leave("erin");
        assert_eq!(elsewhere.told(PlatformId(3), busy("bob")), None, "nobody asked it");
        assert_eq!(elsewhere.told(THERE, busy("carol")), None, "nobody follows her");
        // A change of its way is asked about; without any, nothing is believed.
        assert!(elsewhere.platform_told(at(6), &platform(PlatformState::Via, 2), true).is_empty());
        ask(&mut elsewhere, at(6), 2);
        assert_eq!(elsewhere.platform_told(at(7), &platform(PlatformState::Down, 3), true), ["bob"]);
        assert_eq!((elsewhere.heard("bob").count(), elsewhere.len()), (0, 0));
        assert_eq!(elsewhere.answered(at(7), Transaction(2), Ok(busy("bob"))), None, "it was asked before that");
        elsewhere.platform_told(at(12), &platform(PlatformState::Linked, 4), true);
        ask(&mut elsewhere, at(12), 3);
        elsewhere.answered(at(12), Transaction(3), Ok(busy("bob")));
        assert_eq!(elsewhere.leave("bob").len(), 1, "it is told that nobody follows him any more");
        assert_eq!((elsewhere.len(), elsewhere.poll_question(at(999))), (0, None));
    }

    #[test]
    fn who_falls_silent_is_not_believed_for_ever() {
        let mut elsewhere = elsewhere();
        elsewhere.follow(at(0), "bob");
        ask(&mut elsewhere, at(0), 1);
        elsewhere.answered(at(0), Transaction(1), Ok(busy("bob")));
        let mut now = at(0) + FOLLOWED_ELSEWHERE_AGAIN;
        let mut number = 1;
        let until = loop {
            let (question, is_stale) = elsewhere.poll_question(now).expect("it is asked again");
            if is_stale {
                break now;
            }
            number += 1;
            elsewhere.asked(Transaction(number), question);
            elsewhere.answered(now, Transaction(number), Err(Reason::Expired));
            assert_eq!(elsewhere.heard("bob").count(), 1, "once is no proof");
            now = now + SILENT_ELSEWHERE_AGAIN;
        };
        assert!(
            until >= at(0) + FOLLOWED_ELSEWHERE_FOR && until <= at(0) + FOLLOWED_ELSEWHERE_FOR + Duration::from_secs(5)
        );
        assert_eq!(elsewhere.heard("bob").count(), 0);
    }

    #[test]
    fn an_account_is_nobodys_once_all_have_said_so_that_can_have_it() {
        let mut elsewhere = elsewhere();
        let mut outbox = router::Outbox::new(Address::local(ModuleKind::Signaling, 1));
        // The list of the platforms comes: these.
        let mut listed = |elsewhere: &mut Elsewhere, now: Instant, all: &[Platform]| {
            elsewhere.roll.begin(now);
            elsewhere.roll.handle_timeout(now, &mut outbox);
            while let Some(asked) = outbox.poll_transmit() {
                let mut page: router::Parameters =
                    all.iter().cloned().map(router::parameter::Parameter::from).collect();
                page.push(router::parameter::Selection::default().into());
                elsewhere.roll.handle_answer(now, &mut outbox, &asked.answer(router::Command::Done, page));
            }
            elsewhere.all_told();
        };
        let here = platform(PlatformState::Linked, 1);
        listed(&mut elsewhere, at(0), std::slice::from_ref(&here));
        elsewhere.follow(at(0), "nobody");
        ask(&mut elsewhere, at(0), 1);
        elsewhere.answered(at(0), Transaction(1), Err(Reason::NotFound));
        assert!(elsewhere.is_nobodys("nobody"));
        // One that has media alone is asked for nothing.
        let module = |kind| PlatformModule { kind, index: 0, load_thousandths: 0 };
        let of = |id, state, kind| Platform {
            id: PlatformId(id),
            name: "other".to_owned(),
            state,
            modules: vec![module(kind)],
            ..Platform::default()
        };
        for state in [PlatformState::Linked, PlatformState::Down] {
            elsewhere.platform_told(at(1), &of(3, state, ModuleKind::Voice), true);
            assert!(elsewhere.is_nobodys("nobody"), "{state:?}");
        }
        // One that is away may have it, until it is forgotten.
        let gone = of(4, PlatformState::Down, ModuleKind::Signaling);
        elsewhere.platform_told(at(1), &gone, true);
        assert!(!elsewhere.is_nobodys("nobody"));
        elsewhere.platform_told(at(2), &Platform { id: PlatformId(4), ..Platform::default() }, true);
        assert!(elsewhere.is_nobodys("nobody"));
        elsewhere.platform_told(at(3), &gone, true);
        listed(&mut elsewhere, at(60), &[here.clone(), gone]);
        assert!(!elsewhere.is_nobodys("nobody"));
        listed(&mut elsewhere, at(120), &[here]);
        assert!(elsewhere.is_nobodys("nobody"), "the list lacks it");
    }

    #[test]
    fn platforms_that_come_and_go_without_end_are_asked_seldom() {
        let mut elsewhere = elsewhere();
        for number in 0..100 {
            elsewhere.follow(at(0), &format!("{number:02}"));
        }
        let ghost = |id, state, since| Platform { id: PlatformId(id), ..platform(state, since) };
        let (mut number, mut asked) = (0, BTreeMap::<u32, usize>::new());
        let mut outbox = router::Outbox::new(Address::local(ModuleKind::Signaling, 1));
        // Those of 100 to 119 do not exist, 200 is reached through another one, too, and THERE flaps.
        for tenth in 0..200 {
            let now = Instant::from_millis(100 * tenth);
            elsewhere.roll.handle_timeout(now, &mut outbox);
            for state in [PlatformState::Down, PlatformState::Via] {
                for id in (100..120).chain([200, THERE.0]) {
                    elsewhere.platform_told(now, &ghost(id, state, tenth as i64), true);
                }
            }
            while let Some((question, _)) = elsewhere.poll_question(now) {
                number += 1;
                *asked.entry(question.to.platform.0).or_default() += 1;
                let is_there = question.to.platform.0 == 200 || question.to.platform == THERE;
                elsewhere.asked(Transaction(number), question);
                let answer = if is_there { Err(Reason::NotFound) } else { Err(Reason::Expired) };
                elsewhere.answered(now, Transaction(number), answer);
            }
            assert!(elsewhere.poll_timeout().is_none_or(|at| at > now), "it does not run in circles");
        }
        // Each 5 seconds once: for one account, until it is known to be there.
        assert!((100..120).all(|id| asked[&id] <= 4), "{asked:?}");
        assert!([200, THERE.0].iter().all(|id| (100..=410).contains(&asked[id])), "{asked:?}");
    }

    #[test]
    fn so_many_questions_are_open_at_once_and_each_account_has_its_turn() {
        let mut elsewhere = elsewhere();
        for number in 0..3 * ASKED_ELSEWHERE_AT_ONCE {
            elsewhere.follow(at(0), &format!("{number}"));
        }
        let (mut number, mut answered) = (0, 0);
        while answered < 3 * ASKED_ELSEWHERE_AT_ONCE {
            while let Some((question, _)) = elsewhere.poll_question(at(0)) {
                number += 1;
                elsewhere.asked(Transaction(number), question);
            }
            assert!(elsewhere.asked.len() <= ASKED_ELSEWHERE_AT_ONCE);
            let open: Vec<Transaction> = elsewhere.asked.keys().copied().collect();
            for transaction in open {
                elsewhere.answered(at(0), transaction, Err(Reason::NotFound));
                answered += 1;
            }
        }
        assert!(elsewhere.poll_question(at(1)).is_none(), "who has no such account is not asked again soon");
        elsewhere.ask_unknown(at(1), "7");
        assert_eq!(elsewhere.poll_question(at(1)).map(|(question, _)| question.account).as_deref(), Some("7"));
    }

    #[test]
    fn what_a_platform_says_is_shown_within_bounds() {
        let presence = Presence {
            activities: ["meal", "<x/>", ""].map(str::to_owned).to_vec(),
            note: Some("n".repeat(PRESENCE_TEXT_OCTETS_MAX + 1).into()),
            ..Presence::default()
        };
        let mut state = AccountState { presence: vec![presence; PRESENCE_TOLD_MAX + 1], ..busy("bob") };
        let dialog = state.dialogs.as_ref().and_then(|dialogs| dialogs.first()).cloned().unwrap();
        let long = AccountDialog { leg_id: "x".repeat(IDENTIFIER_OCTETS_MAX + 1), ..dialog.clone() };
        state.dialogs = Some([vec![long], vec![dialog; DIALOGS_TOLD_MAX + 1]].concat());
        let heard = Heard::of(state).unwrap();
        assert_eq!((heard.presence.len(), heard.dialogs.len()), (PRESENCE_TOLD_MAX, DIALOGS_TOLD_MAX));
        assert_eq!(
            (heard.presence[0].activities.as_slice(), &heard.presence[0].note),
            (&["meal".to_owned()][..], &None)
        );
        assert!(heard.dialogs.iter().all(|dialog| dialog.leg_id == "one"));
        assert_eq!(Heard::of(AccountState::of("bob")), None, "it does not know yet");
    }
}
