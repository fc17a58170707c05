//! NOTIFY (RFC 6665 §4.2.2): which one leaves, and what its answer does.

use super::Signaling;
use crate::limits::{MAX_FORWARDS_DEFAULT, NOTIFY_REFUSED_RETRY};
use crate::message::{Header, Message, Method};
use crate::subscription::presence::{self, Telephony};
use crate::subscription::{
    Content, Due, Ending, Package, Subscription, Telling, Verdict, conference_info, dialog_info, message_summary,
    reg_info, verdict,
};
use crate::transaction::ClientKey;
use crate::user_agent::means::ClientUse;
use router::parameter::{AccountState, LegPhase};
use router::time::Duration;

/// After how long it is tried again to send a NOTIFY for which there was no transaction.
const RETRY: Duration = Duration::from_secs(1);

impl Signaling {
    /// Does what is due at subscriptions, and sends what may be sent.
    pub(super) fn notify_due(&mut self) {
        let now = self.means.now.instant;
        while let Some((tag, due)) = self.notifier.poll_due(now) {
            match due {
                Due::Expiry => self.notifier.tell(now, tag, Telling::Last(Ending::Timeout)),
                Due::Interval | Due::Unknown => self.notifier.arrange(now, tag),
            }
        }
        while let Some(tag) = self.notifier.poll_ready(now) {
            self.notify(tag);
        }
    }

    fn notify(&mut self, tag: u64) {
        let now = self.means.now.instant;
        let Some(subscription) = self.notifier.get(tag) else { return };
        let telling = subscription.telling;
        let content = self.content(subscription);
        let fingerprint = content.fingerprint();
        let dialogs: Vec<(String, bool)> = match subscription.package {
            Package::Dialog => {
                let dialogs = self.notifier.dialogs(&subscription.account);
                dialogs.map(|dialog| (dialog.leg_id.clone(), dialog.incoming)).collect()
            }
            _ => Vec::new(),
        };
        let members = match subscription.package {
            Package::Conference => {
                let dialogs = self.notifier.calls.dialogs(&subscription.account);
                conference_info::members(dialogs, &subscription.domain)
            }
            _ => Vec::new(),
        };
        let unchanged = subscription.told == Some(fingerprint) && !content.tells_gone;
        let Some(subscription) = self.notifier.get_mut(tag) else { return };
        if telling == Telling::Changed && unchanged {
            // It went and came back, or is told in the same words.
            subscription.telling = Telling::Nothing;
            self.notifier.counters.coalesced += 1;
            return;
        }
        let version = subscription.version;
        let body = content.numbered(version);
        let (writer, destination, _) = subscription.dialog.request(&Method::Notify, MAX_FORWARDS_DEFAULT);
        let request = writer
            .header(Header::Contact, subscription.dialog.contact())
            .header(Header::Event, subscription.event())
            .header(Header::SubscriptionState, subscription.state(now, telling))
            .header(Header::UserAgent, &self.means.config.agent)
            .body(subscription.package.content_type(), body.as_bytes());
        if self.means.send(destination, request, ClientUse::Notify(tag)).is_none() {
            subscription.not_before = now + RETRY;
            // What cannot be told at all ends by itself.
            subscription.telling = Telling::Changed;
            match telling {
                Telling::Last(_) => self.end_subscription(tag),
                _ => self.notifier.arrange(now, tag),
            }
            return;
        }
        subscription.in_flight = true;
        subscription.version = version.wrapping_add(1);
        subscription.not_before = now + subscription.interval;
        subscription.told = Some(fingerprint);
        subscription.told_dialogs = dialogs;
        subscription.told_members = members;
        match telling {
            Telling::Last(_) => subscription.last_sent = true,
            _ => subscription.telling = Telling::Nothing,
        }
        self.notifier.counters.sent += 1;
    }

    /// The final response to a NOTIFY.
    pub(super) fn notify_answered(&mut self, key: ClientKey, tag: u64, message: &Message) {
        let Some(status) = message.status().filter(|status| status.is_final()) else { return };
        // Once: a further response finds nothing here.
        self.means.clients.insert(key, ClientUse::Nobody);
        let now = self.means.now.instant;
        let Some(subscription) = self.notifier.get_mut(tag) else { return };
        subscription.in_flight = false;
        let verdict = verdict(status, message);
        if subscription.last_sent || verdict == Verdict::Ended {
            if verdict == Verdict::Ended && !subscription.last_sent {
                self.notifier.counters.lost += 1;
            }
            return self.end_subscription(tag);
        }
        // What a subscriber did not take it does not know. Where it does not say when it would, it is told once more: else a lamp would be wrong until its next
        // change, for the sake of one moment.
        let again = match verdict {
            Verdict::Refused(None) => (!subscription.refused).then_some(NOTIFY_REFUSED_RETRY),
            Verdict::Refused(later) => later,
            Verdict::Taken | Verdict::Ended => None,
        };
        subscription.refused = verdict == Verdict::Refused(None);
        if let Some(later) = again {
            subscription.not_before = subscription.not_before.max(now + later);
            subscription.told = None;
            subscription.tell(Telling::Changed);
        }
        self.notifier.arrange(now, tag);
    }

    /// Nobody answered a NOTIFY: nobody is there (RFC 6665 §4.2.2).
    pub(super) fn notify_unanswered(&mut self, key: ClientKey, tag: u64) {
        self.means.clients.insert(key, ClientUse::Nobody);
        if self.notifier.get(tag).is_some() {
            self.notifier.counters.lost += 1;
            self.end_subscription(tag);
        }
    }

    /// An account is gone: who follows it is told so, and it follows nobody any more.
    pub(super) fn end_subscriptions_of(&mut self, account: &str) {
        let now = self.means.now.instant;
        for tag in self.notifier.tags() {
            let Some(subscription) = self.notifier.get(tag) else { continue };
            let ending = match (&*subscription.account == account, &*subscription.watcher == account) {
                (true, _) => Ending::NoResource,
                (_, true) => Ending::Rejected,
                _ => continue,
            };
            self.notifier.tell(now, tag, Telling::Last(ending));
        }
        self.end_followers_of(account);
    }

    /// Nothing of a subscription is left.
    fn end_subscription(&mut self, tag: u64) {
        let Some((subscription, last)) = self.notifier.remove(self.means.now.instant, tag) else { return };
        if last && subscription.package.is_of_account() {
            self.unfollow_account(&subscription.account);
        }
        if subscription.package.is_told_elsewhere() {
            self.leave_elsewhere(&subscription.account);
        }
    }

    /// What a subscription tells, as things stand.
    fn content(&self, subscription: &Subscription) -> Content {
        let account = &*subscription.account;
        let state = self.notifier.watched(account).and_then(|watched| watched.state.as_ref());
        // Nothing is known of an account whose home shard does not answer.
        let unknown = state.is_none().then(|| AccountState::of(account));
        let Some(state) = state.or(unknown.as_ref()) else { return Content::default() };
        let calls = &self.notifier.calls;
        match subscription.package {
            Package::MessageSummary => {
                Content::plain(message_summary::write(state.waiting.as_ref(), &subscription.entity))
            }
            Package::Registration => reg_info::write(&state.registration, &subscription.entity),
            Package::Presence => {
                let telephony =
                    self.notifier.dialogs(account).fold(Telephony::Idle, |so_far, dialog| match dialog.phase {
                        LegPhase::Answered => Telephony::Talking,
                        _ if so_far == Telephony::Talking => so_far,
                        _ => Telephony::Ringing,
                    });
                let (registered, published) = self.present(account, state);
                Content::plain(presence::write(&published, registered, telephony, &subscription.entity))
            }
            Package::Conference => {
                // A refresh is answered with all of it (RFC 4575 §4.4).
                let told = (subscription.telling == Telling::Changed && subscription.told.is_some())
                    .then_some(&subscription.told_members[..]);
                conference_info::write(calls.dialogs(account), told, &subscription.entity, &subscription.domain)
            }
            Package::Dialog => {
                let gone: Vec<(String, bool)> = subscription
                    .told_dialogs
                    .iter()
                    .filter(|(leg_id, _)| self.notifier.dialogs(account).all(|dialog| dialog.leg_id != *leg_id))
                    .cloned()
                    .collect();
                dialog_info::write(self.notifier.dialogs(account), &gone, &subscription.entity, &subscription.domain)
            }
        }
    }
}
