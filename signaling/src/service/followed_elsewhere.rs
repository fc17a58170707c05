//! Accounts that somebody follows here, at other platforms: who is asked, and what they tell.

use super::Signaling;
use crate::limits::{FOLLOWED_ELSEWHERE_WITHIN, PRESENCE_TOLD_MAX};
use crate::subscription::{Ending, Telling};
use router::parameter::{AccountState, Parameter, Platform, PlatformState, Presence, Reason};
use router::{Command, Instance, ModuleKind, Packet, PlatformId, one};

impl Signaling {
    /// `Notify × Platform` of the interface.
    pub(super) fn platform_told(&mut self, packet: &Packet, platform: &Platform) {
        let from = packet.source;
        if from.platform == PlatformId::HERE && from.module.kind == ModuleKind::Bridge {
            self.notifier.elsewhere.roll.told(self.means.now.instant, platform);
            self.learn_platform(platform, true);
            self.ask_elsewhere();
        }
    }

    fn learn_platform(&mut self, platform: &Platform, is_news: bool) {
        let changed = self.notifier.elsewhere.platform_told(self.means.now.instant, platform, is_news);
        changed.iter().for_each(|account| self.heard_elsewhere(account));
        if platform.state == PlatformState::Down {
            self.end_followers_at(platform.id);
        }
    }

    /// The interface answered. False: it is an answer to something else.
    pub(super) fn roll_answered(&mut self, packet: &Packet) -> bool {
        let (now, elsewhere) = (self.means.now.instant, &mut self.notifier.elsewhere);
        let was_known = elsewhere.roll.is_known();
        if !elsewhere.roll.handle_answer(now, &mut self.means.outbox, packet) {
            return false;
        }
        let becomes_known = !was_known && elsewhere.roll.is_known();
        for parameter in &packet.parameters {
            if let Parameter::Platform(platform) = parameter {
                self.learn_platform(platform, false);
            }
        }
        self.notifier.elsewhere.all_told();
        if becomes_known {
            self.notifier.tags().into_iter().for_each(|tag| self.notifier.arrange(now, tag));
        }
        self.ask_elsewhere();
        true
    }

    /// Asks whoever is to be asked now.
    pub(super) fn ask_elsewhere(&mut self) {
        let now = self.means.now.instant;
        self.notifier.elsewhere.roll.handle_timeout(now, &mut self.means.outbox);
        while let Some((question, is_stale)) = self.notifier.elsewhere.poll_question(now) {
            let noun = one(AccountState::of(&question.account));
            let (own, within) = (Instance::MODULE, FOLLOWED_ELSEWHERE_WITHIN);
            let asked = self.means.outbox.request(now, own, question.to, Command::Subscribe, noun, within);
            if is_stale {
                let account = question.account.clone();
                self.heard_elsewhere(&account);
            }
            self.notifier.elsewhere.asked(asked, question);
        }
    }

    /// What is due.
    pub(super) fn elsewhere_due(&mut self) {
        if self.notifier.elsewhere.poll_timeout().is_some_and(|at| at <= self.means.now.instant) {
            self.ask_elsewhere();
        }
    }

    /// Another platform answered. False: it is an answer to something else.
    pub(super) fn elsewhere_answered(&mut self, packet: &Packet) -> bool {
        let elsewhere = &mut self.notifier.elsewhere;
        if !packet.command.is_final() || !elsewhere.is_asked(packet.transaction) {
            return elsewhere.is_asked(packet.transaction);
        }
        let answer = match (packet.command, packet.first()) {
            (Command::Done, Some(Parameter::AccountState(state))) => Ok((**state).clone()),
            (Command::Done, _) => Err(Reason::Unsupported),
            _ => Err(packet.failure().reason),
        };
        let answered = elsewhere.answered(self.means.now.instant, packet.transaction, answer);
        if let Some((account, is_changed)) = answered {
            if is_changed {
                self.heard_elsewhere(&account);
            }
            self.end_if_nobodys(&account);
        }
        self.ask_elsewhere();
        true
    }

    /// `Notify × AccountState` of another platform.
    pub(super) fn told_elsewhere(&mut self, platform: PlatformId, state: AccountState) {
        if let Some(account) = self.notifier.elsewhere.told(platform, state) {
            self.heard_elsewhere(&account);
        }
    }

    /// What is known of an account elsewhere is another than before.
    fn heard_elsewhere(&mut self, account: &str) {
        let now = self.means.now.instant;
        for tag in self.notifier.of_calls(account) {
            self.notifier.tell(now, tag, Telling::Changed);
        }
    }

    /// Whoever follows an account that is neither here nor anywhere is told so.
    fn end_if_nobodys(&mut self, account: &str) {
        if self.gate.accounts.get(account).is_none() && self.notifier.elsewhere.is_nobodys(account) {
            let now = self.means.now.instant;
            for tag in self.notifier.of_calls(account) {
                self.notifier.tell(now, tag, Telling::Last(Ending::NoResource));
            }
        }
    }

    /// One subscription less follows an account; whoever is not asked for it any more is told so.
    pub(super) fn leave_elsewhere(&mut self, account: &str) {
        for to in self.notifier.elsewhere.leave(account) {
            let noun = one(AccountState::of(account));
            let (now, own, within) = (self.means.now.instant, Instance::MODULE, FOLLOWED_ELSEWHERE_WITHIN);
            self.means.outbox.request(now, own, to, Command::Unsubscribe, noun, within);
        }
    }

    /// Whether an account is registered anywhere, and what its phones publish, wherever they are.
    pub(super) fn present(&self, account: &str, state: &AccountState) -> (bool, Vec<Presence>) {
        let elsewhere = || self.notifier.elsewhere.heard(account);
        let registered = !state.registration.contacts.is_empty() || elsewhere().any(|heard| heard.registered);
        let published = state.presence.iter().chain(elsewhere().flat_map(|heard| &heard.presence));
        (registered, published.take(PRESENCE_TOLD_MAX).cloned().collect())
    }
}
