//! Other platforms that follow accounts here.

use super::Signaling;
use crate::limits::{DIALOGS_TOLD_MAX, FOLLOWERS_TOLD_PER_TURN};
use crate::subscription::{DialogState, Taken, Watching};
use router::parameter::{AccountDialog, AccountState, Failure, Reason};
use router::{Address, Command, Instance, Packet, Parameters, PlatformId, one};

impl Signaling {
    /// `Subscribe` and `Unsubscribe × AccountState` of another platform.
    pub(super) fn handle_follower(&mut self, packet: &Packet, account: &str) {
        let follower = packet.source.of_module();
        match packet.command {
            Command::Subscribe if !self.gate.loaded => {
                self.means.outbox.failed(packet, Failure { retry_after_s: Some(1), ..Failure::new(Reason::Busy) });
            }
            Command::Subscribe if self.means.config.events.watching != Watching::Accounts => {
                let failure = Failure::new(Reason::Refused).with_detail("accounts follow themselves alone here");
                self.means.outbox.failed(packet, failure);
            }
            Command::Subscribe if self.gate.accounts.enabled(account).is_none() => {
                self.means.outbox.failed(packet, Failure::new(Reason::NotFound).with_detail("no such account"));
            }
            Command::Subscribe => self.take_follower(packet, account, follower),
            Command::Unsubscribe => {
                self.end_follower(account, follower);
                self.means.outbox.done(packet, Parameters::new());
            }
            _ => self.means.outbox.unsupported(packet),
        }
    }

    fn take_follower(&mut self, packet: &Packet, account: &str, follower: Address) {
        let now = self.means.now.instant;
        match self.notifier.followers.follow(now, account, follower) {
            Taken::Full => return self.means.outbox.failed(packet, Failure::new(Reason::Exhausted)),
            Taken::Again => {}
            Taken::Anew => {
                self.notifier.elsewhere.roll.begin(now);
                if self.notifier.insert_follower(account) {
                    self.follow_account(account);
                }
                if self.notifier.calls.follow() {
                    self.ask_switches();
                }
            }
        }
        // What is not known yet follows when it is.
        let state = self.state_for_others(account);
        if let Some(state) = &state {
            self.notifier.followers.tell(now, account, follower, state);
        }
        self.means.outbox.done(packet, one(state.unwrap_or_else(|| AccountState::of(account))));
    }

    /// What other platforms are told of an account: what this one knows by itself. `None`: not all of it is known yet.
    fn state_for_others(&self, account: &str) -> Option<AccountState> {
        let state = self.notifier.watched(account)?.state.as_ref()?;
        let calls = self.notifier.calls.is_known().then_some(&self.notifier.calls)?;
        let dialog = |dialog: &DialogState| AccountDialog {
            leg_id: dialog.leg_id.clone(),
            incoming: dialog.incoming,
            phase: dialog.phase,
            other: dialog.other.clone(),
        };
        Some(AccountState {
            presence: state.presence.clone(),
            registered: Some(!state.registration.contacts.is_empty()),
            dialogs: Some(calls.dialogs(account).take(DIALOGS_TOLD_MAX).map(dialog).collect()),
            ..AccountState::of(account)
        })
    }

    /// Tells other platforms what has changed, and lets those go that have not asked again.
    pub(super) fn followers_due(&mut self) {
        let now = self.means.now.instant;
        while let Some((account, follower)) = self.notifier.followers.poll_ended(now) {
            self.end_follower(&account, follower);
        }
        for _ in 0..FOLLOWERS_TOLD_PER_TURN {
            let Some((account, follower)) = self.notifier.followers.poll_due(now) else { break };
            let Some(state) = self.state_for_others(&account) else { continue };
            if self.notifier.followers.tell(now, &account, follower, &state) {
                self.means.outbox.notify(Instance::MODULE, follower, one(state));
            }
        }
    }

    fn end_follower(&mut self, account: &str, follower: Address) {
        if self.notifier.followers.leave(account, follower)
            && self.notifier.remove_follower(self.means.now.instant, account)
        {
            self.unfollow_account(account);
        }
    }

    /// There is no way to a platform any more: who followed from there will ask again.
    pub(super) fn end_followers_at(&mut self, platform: PlatformId) {
        for (account, follower) in self.notifier.followers.of(Some(platform), None) {
            self.end_follower(&account, follower);
        }
    }

    /// An account is gone.
    pub(super) fn end_followers_of(&mut self, account: &str) {
        let gone = AccountState { registered: Some(false), dialogs: Some(Vec::new()), ..AccountState::of(account) };
        for (account, follower) in self.notifier.followers.of(None, Some(account)) {
            self.means.outbox.notify(Instance::MODULE, follower, one(gone.clone()));
            self.end_follower(&account, follower);
        }
    }
}
