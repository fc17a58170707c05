//! What is known of accounts, between the shard that is an account's home and those on which somebody follows it.
//!
//! ```text
//!   watcher's shard ── Subscribe × AccountState ──▶ home   Done × AccountState
//!                   ◀── Notify × AccountState ─────        at each change
//!                   ── Unsubscribe × AccountState ▶        when the last watcher there has gone
//! ```
//! It is asked anew with each refresh of a subscription, and what a full inbox dropped is told again soon, so that nothing stays
//! wrong for longer than either.

use super::Signaling;
use crate::limits::{ACCOUNT_STATE_RETRY, MAX_FORWARDS_DEFAULT};
use crate::message::{Header, Method, RequestWriter};
use crate::subscription::{Package, Telling, message_summary};
use crate::user_agent::contact::contact as own_contact;
use crate::user_agent::destination::{Hop, Whither};
use crate::user_agent::means::ClientUse;
use router::parameter::{AccountState, Failure, MessageWaiting, Parameter, Reason, Registration};
use router::time::{Duration, Instant};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, PlatformId, one};

/// How long the home shard may take.
const WITHIN: Duration = Duration::from_secs(2);

impl Signaling {
    /// The home of an account.
    fn home_of(&self, account: &str) -> Address {
        Address::local(ModuleKind::Signaling, self.means.config.shards.home(account.as_bytes()))
    }

    /// Somebody here follows an account: its home is asked for what it knows.
    pub(super) fn follow_account(&mut self, account: &str) {
        let home = self.home_of(account);
        if home == self.means.outbox.address() {
            let state = self.account_state(account);
            self.account_state_told(state);
            return;
        }
        let noun = one(AccountState::of(account));
        let (now, own) = (self.means.now.instant, Instance::MODULE);
        let asked = self.means.outbox.request(now, own, home, Command::Subscribe, noun, WITHIN);
        self.notifier.asked.insert(asked, account.to_owned());
    }

    /// Nobody here follows an account any more.
    pub(super) fn unfollow_account(&mut self, account: &str) {
        let home = self.home_of(account);
        if home != self.means.outbox.address() {
            let noun = one(AccountState::of(account));
            let (now, own) = (self.means.now.instant, Instance::MODULE);
            self.means.outbox.request(now, own, home, Command::Unsubscribe, noun, WITHIN);
        }
    }

    /// The home of an account answered. False: it is an answer to something else.
    pub(super) fn account_state_answered(&mut self, packet: &Packet) -> bool {
        if !packet.command.is_final() {
            return self.notifier.asked.contains_key(&packet.transaction);
        }
        let Some(account) = self.notifier.asked.remove(&packet.transaction) else { return false };
        match packet.first() {
            Some(Parameter::AccountState(state)) if packet.command == Command::Done => {
                let state = (**state).clone();
                self.account_state_told(state);
            }
            _ => self.notifier.ask_again(self.means.now.instant, account),
        }
        true
    }

    /// What is known of an account is this now.
    pub(super) fn account_state_told(&mut self, state: AccountState) {
        let now = self.means.now.instant;
        let account = state.registration.account.clone();
        self.notifier.followers.note(now, &account);
        for tag in self.notifier.learn(&account, state) {
            match self.notifier.get(tag).map(|subscription| subscription.package) {
                // Of dialogs it says nothing, but one that has waited for it may be told.
                Some(Package::Dialog) => self.notifier.arrange(now, tag),
                Some(_) => self.notifier.tell(now, tag, Telling::Changed),
                None => {}
            }
        }
    }

    /// Something has changed of an account that is at home here.
    pub(super) fn account_state_changed(&mut self, account: &str) {
        let followers = self.notifier.hosted.get(account).map(|hosted| hosted.followers.clone()).unwrap_or_default();
        if followers.is_empty() && self.notifier.watched(account).is_none() {
            return;
        }
        let state = self.account_state(account);
        for follower in followers {
            self.means.outbox.notify(Instance::MODULE, follower, one(state.clone()));
        }
        self.account_state_told(state);
    }

    /// What is known here of an account that is at home here.
    fn account_state(&self, account: &str) -> AccountState {
        let registration = Registration { account: account.to_owned(), contacts: self.bindings.contacts(account) };
        let hosted = self.notifier.hosted.get(account);
        let waiting = hosted.and_then(|hosted| hosted.publications.waiting().or(hosted.waiting.as_ref())).cloned();
        let presence = hosted.map(|hosted| hosted.publications.presence()).unwrap_or_default();
        AccountState { registration, waiting, presence, registered: None, dialogs: None }
    }

    /// `Subscribe`, `Unsubscribe` and `Notify × AccountState`, between the shards of this platform, and between platforms.
    pub(super) fn handle_account_state(&mut self, packet: &Packet, state: AccountState) {
        let account = state.registration.account.clone();
        let from = packet.source.of_module();
        let is_neighbour = from.platform == PlatformId::HERE && from.module.kind == ModuleKind::Signaling;
        match packet.command {
            _ if from.module.kind != ModuleKind::Signaling => self.means.outbox.unsupported(packet),
            Command::Notify if !is_neighbour => self.told_elsewhere(from.platform, state),
            _ if !is_neighbour => self.handle_follower(packet, &account),
            Command::Notify => self.account_state_told(state),
            Command::Subscribe if self.gate.loaded => {
                let hosted = self.notifier.hosted.entry(account.clone()).or_default();
                if !hosted.followers.contains(&from) {
                    hosted.followers.push(from);
                }
                let state = self.account_state(&account);
                self.means.outbox.done(packet, one(state));
            }
            Command::Unsubscribe => {
                if let Some(hosted) = self.notifier.hosted.get_mut(&account) {
                    hosted.followers.retain(|follower| *follower != from);
                }
                self.forget_empty(&account);
                self.means.outbox.done(packet, Parameters::new());
            }
            Command::Subscribe => self.means.outbox.failed(packet, Failure::new(Reason::Busy)),
            _ => self.means.outbox.unsupported(packet),
        }
    }

    /// `Set × MessageWaiting`: so much waits for an account.
    pub(super) fn set_waiting(&mut self, packet: &Packet, waiting: MessageWaiting) {
        if !self.gate.loaded {
            return self.means.outbox.failed(packet, Failure { retry_after_s: Some(1), ..Failure::new(Reason::Busy) });
        }
        let account = waiting.account.clone();
        if self.gate.accounts.get(&account).is_none() {
            return self.means.outbox.failed(packet, Failure::new(Reason::NotFound).with_detail("no such account"));
        }
        if self.home_of(&account) != self.means.outbox.address() {
            return self.pass_home(packet, &account);
        }
        let hosted = self.notifier.hosted.entry(account.clone()).or_default();
        let changed = hosted.waiting.as_ref() != Some(&waiting);
        hosted.waiting = Some(waiting);
        self.means.outbox.done(packet, Parameters::new());
        if changed {
            self.account_state_changed(&account);
            self.tell_waiting(&account);
        }
    }

    /// Tells the phones of an account that have not asked, where the operator wants that: NOTIFY outside any subscription, as most
    /// phones take it. Those that have subscribed are told within their subscription.
    pub(super) fn tell_waiting(&mut self, account: &str) {
        if !self.means.config.events.unsolicited {
            return;
        }
        let subscribed = self.notifier.watched(account).is_some_and(|watched| {
            let of_mailbox =
                |tag: &u64| self.notifier.get(*tag).is_some_and(|one| one.package == Package::MessageSummary);
            watched.subscriptions.iter().any(of_mailbox)
        });
        let state = self.account_state(account);
        let Some(waiting) = state.waiting.filter(|_| !subscribed) else { return };
        for contact in state.registration.contacts {
            let Ok(whither) = Whither::contact(&self.means, &contact) else { continue };
            let Hop::Addresses(addresses) = &whither.hop else { continue };
            let Some(destination) = addresses.front().copied() else { continue };
            let call_id = self.means.mint_call_id();
            let Some((id, listener)) = self.means.config.listeners.select(&destination) else { continue };
            let domain = self.means.config.domain(listener.advertised().host());
            let (request_uri, routes) = whither.routes.apply(whither.request_uri.as_str());
            let mut writer =
                RequestWriter::new(&Method::Notify, request_uri).header(Header::MaxForwards, MAX_FORWARDS_DEFAULT);
            for route in routes {
                writer = writer.header(Header::Route, route);
            }
            let entity = format!("sip:{}@{domain}", crate::message::escape_user(account));
            let body = message_summary::write(Some(&waiting), &entity);
            let request = writer
                .header(Header::From, format_args!("<{entity}>;tag={:016x}", self.means.random.next_u64()))
                .header(Header::To, format_args!("<{entity}>"))
                .header(Header::CallId, call_id)
                .header(Header::CSeq, "1 NOTIFY")
                .header(Header::Contact, own_contact(listener, destination.local))
                .header(Header::Event, Package::MessageSummary.name())
                .header(Header::SubscriptionState, "terminated;reason=noresource")
                .header(Header::UserAgent, &self.means.config.agent)
                .body(Package::MessageSummary.content_type(), body.as_bytes());
            self.means.send(destination.from_listener(id), request, ClientUse::Nobody);
        }
    }

    /// When the first of an account's publications ends has changed.
    pub(super) fn note_ends(&mut self, account: &str, former: Option<Instant>) {
        let next = self.notifier.hosted.get(account).and_then(|hosted| hosted.publications.next());
        if former != next {
            if let Some(former) = former {
                self.notifier.ends.remove(&(former, account.to_owned()));
            }
            if let Some(next) = next {
                self.notifier.ends.insert((next, account.to_owned()));
            }
        }
        self.forget_empty(account);
    }

    fn forget_empty(&mut self, account: &str) {
        if self.notifier.hosted.get(account).is_some_and(|hosted| hosted.is_empty()) {
            self.notifier.hosted.remove(account);
        }
    }

    /// Removes publications that have ended, asks homes that did not answer, and tells again what may have been missed.
    pub(super) fn account_states_due(&mut self) {
        let now = self.means.now.instant;
        while let Some((at, account)) = self.notifier.ends.first().filter(|(at, _)| *at <= now).cloned() {
            let changed = self.notifier.hosted.get_mut(&account).is_some_and(|hosted| hosted.publications.expire(now));
            self.note_ends(&account, Some(at));
            // It may have been there without a publication.
            self.notifier.ends.remove(&(at, account.clone()));
            if changed {
                self.account_state_changed(&account);
            }
        }
        for account in self.notifier.take_unasked(now) {
            self.follow_account(&account);
        }
        if self.notifier.retell_at.take_if(|at| *at <= now).is_some() {
            let missed = std::mem::take(&mut self.notifier.missed);
            let told: Vec<(Address, String)> = self
                .notifier
                .hosted
                .iter()
                .flat_map(|(account, hosted)| hosted.followers.iter().map(move |one| (*one, account.clone())))
                .filter(|(follower, _)| missed.contains(follower))
                .collect();
            for (follower, account) in told {
                let state = self.account_state(&account);
                self.means.outbox.notify(Instance::MODULE, follower, one(state));
            }
        }
    }

    /// Takes note of who missed a notification.
    pub(super) fn note_missed(&mut self) {
        while let Some(subscriber) = self.means.outbox.poll_missed() {
            self.subscribers.missed(subscriber);
            self.messaging.subscribers.missed(subscriber);
            self.means.trunk_followers.missed(subscriber);
            if subscriber.module.kind == ModuleKind::Signaling {
                if subscriber.platform != PlatformId::HERE {
                    self.notifier.followers.missed(self.means.now.instant, subscriber.of_module());
                    continue;
                }
                self.notifier.missed.insert(subscriber.of_module());
                self.notifier.retell_at.get_or_insert(self.means.now.instant + ACCOUNT_STATE_RETRY);
            }
        }
    }
}
