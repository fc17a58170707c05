//! Messages that are kept: at their account's home shard, in the store; delivered when the account registers.

use super::Signaling;
use crate::limits::{DELIVERIES_AT_ONCE, KEPT_PAGE};
use crate::message::StatusCode;
use crate::messaging::{Load, is_absence};
use router::parameter::{Failure, MessageFate, Parameter, Reason, Selection, TextMessage};
use router::time::Duration;
use router::{Address, Asked, Command, Instance, ModuleKind, Packet, Parameters, Transaction, one};
use std::collections::VecDeque;

/// How long the store may take.
const WITHIN: Duration = Duration::from_secs(10);

/// How long to wait before it is asked again.
const RETRY: Duration = Duration::from_secs(1);

impl Signaling {
    /// Asks the store, at the start, which accounts have messages that wait.
    pub(super) fn load_mailboxes(&mut self) {
        let now = self.means.now.instant;
        let mailboxes = &mut self.messaging.mailboxes;
        if mailboxes.retry_at.is_some_and(|at| at > now) || !self.gate.loaded {
            return;
        }
        mailboxes.retry_at = None;
        if let Load::Wanted(cursor) = &mailboxes.load {
            let selection = Selection { cursor: cursor.clone(), ..Selection::default() };
            let parameters = [Parameter::from(TextMessage::of_account(None)), selection.into()];
            let asked = self.ask_messages(Command::Query, parameters.into_iter().collect());
            self.messaging.mailboxes.load = Load::Asked(asked);
        }
    }

    fn ask_messages(&mut self, command: Command, parameters: Parameters) -> Transaction {
        let (now, store) = (self.means.now.instant, Address::any(ModuleKind::Store));
        self.means.outbox.request(now, Instance::MODULE, store, command, parameters, WITHIN)
    }

    /// `Set × TextMessage`: this one is to be kept for an account that is at home here.
    pub(super) fn keep_message(&mut self, packet: &Packet, text: TextMessage) {
        let Some(account) = text.account.clone().filter(|account| self.gate.accounts.enabled(account).is_some()) else {
            return self.means.outbox.failed(packet, Failure::new(Reason::NotFound));
        };
        let asked = self.ask_messages(Command::Set, one(text));
        self.messaging.mailboxes.keeping.insert(asked, (Asked::of(packet), account));
    }

    /// The store's answer about messages. False: it is to something else.
    pub(super) fn mailbox_answered(&mut self, packet: &Packet) -> bool {
        let mailboxes = &mut self.messaging.mailboxes;
        if mailboxes.load == Load::Asked(packet.transaction) {
            if packet.command.is_final() {
                self.mailboxes_loaded(packet);
            }
            return true;
        }
        if !packet.command.is_final() {
            return mailboxes.keeping.contains_key(&packet.transaction)
                || mailboxes.listing.contains_key(&packet.transaction);
        }
        let done = packet.command == Command::Done;
        if let Some((asked, account)) = mailboxes.keeping.remove(&packet.transaction) {
            if !done {
                asked.failed(&mut self.means.outbox, packet.failure());
                return true;
            }
            mailboxes.waiting.insert(account.clone());
            asked.done(&mut self.means.outbox, Parameters::new());
            // It may have registered meanwhile.
            if !self.bindings.contacts(&account).is_empty() {
                self.deliver_kept(&account);
            }
            return true;
        }
        let Some(account) = mailboxes.listing.remove(&packet.transaction) else { return false };
        if !done {
            tracing::debug!(reason = ?packet.failure().reason, "the store does not tell messages");
            mailboxes.delivering.remove(&account);
            self.next_in_queue();
            return true;
        }
        let texts = packet.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::TextMessage(text) => Some((**text).clone()),
            _ => None,
        });
        let texts: VecDeque<TextMessage> = texts.collect();
        if texts.is_empty() {
            mailboxes.waiting.remove(&account);
        }
        mailboxes.delivering.insert(account.clone(), Some(texts));
        self.deliver_next(&account);
        true
    }

    fn mailboxes_loaded(&mut self, packet: &Packet) {
        let now = self.means.now.instant;
        if packet.command != Command::Done {
            let mailboxes = &mut self.messaging.mailboxes;
            (mailboxes.load, mailboxes.retry_at) = (Load::Wanted(None), Some(now + RETRY));
            return;
        }
        let mut next = Load::Done;
        for parameter in &packet.parameters {
            match parameter {
                Parameter::TextMessage(text) => {
                    let Some(account) = &text.account else { continue };
                    if self.means.is_home(account) {
                        self.messaging.mailboxes.waiting.insert(account.clone());
                    }
                }
                Parameter::Selection(selection) if selection.cursor.is_some() => {
                    next = Load::Wanted(selection.cursor.clone());
                }
                _ => {}
            }
        }
        self.messaging.mailboxes.load = next;
        self.load_mailboxes();
    }

    /// An account has registered, or refreshed: what waits for it is delivered.
    pub(super) fn deliver_kept(&mut self, account: &str) {
        let mailboxes = &mut self.messaging.mailboxes;
        if !mailboxes.waiting.contains(account) || mailboxes.delivering.contains_key(account) {
            return;
        }
        if mailboxes.delivering.len() >= DELIVERIES_AT_ONCE {
            if !mailboxes.queue.iter().any(|queued| queued == account) {
                mailboxes.queue.push_back(account.to_owned());
            }
            return;
        }
        mailboxes.delivering.insert(account.to_owned(), None);
        let selection = Selection { limit: Some(KEPT_PAGE), ..Selection::default() };
        let parameters = [Parameter::from(TextMessage::of_account(Some(account))), selection.into()];
        let asked = self.ask_messages(Command::Query, parameters.into_iter().collect());
        self.messaging.mailboxes.listing.insert(asked, account.to_owned());
    }

    fn deliver_next(&mut self, account: &str) {
        let next = match self.messaging.mailboxes.delivering.get_mut(account) {
            Some(Some(texts)) => texts.pop_front(),
            _ => return,
        };
        match next {
            Some(text) => self.convey_kept(account, text),
            None => {
                // That was all of this page: whether there is more, the store says when it is asked for the next one.
                self.messaging.mailboxes.delivering.remove(account);
                self.next_in_queue();
            }
        }
    }

    /// A message that was kept was tried: it is taken, refused for good, or nobody was there still.
    pub(super) fn kept_was_tried(
        &mut self,
        account: &str,
        text: Option<TextMessage>,
        status: StatusCode,
        fate: MessageFate,
    ) {
        let Some(text) = text else { return };
        if fate == MessageFate::Refused && is_absence(status) {
            // In their order: those behind it wait, too.
            self.messaging.mailboxes.delivering.remove(account);
            return self.next_in_queue();
        }
        self.remove_kept(&text);
        let last = matches!(self.messaging.mailboxes.delivering.get(account), Some(Some(texts)) if texts.is_empty());
        if last {
            // The store does what it is told in its order: asked now, it does not list what is being removed.
            self.messaging.mailboxes.delivering.remove(account);
            self.deliver_kept(account);
        } else {
            self.deliver_next(account);
        }
    }

    /// A message that was kept is too long for each way that leads to its account now (RFC 3428 §8). It waits for another one, and those
    /// behind it do not wait for it.
    pub(super) fn kept_waits_for_a_way(&mut self, account: &str) {
        self.deliver_next(account);
    }

    /// A message is kept no more.
    pub(super) fn remove_kept(&mut self, text: &TextMessage) {
        let account = text.account.as_deref();
        let bare = TextMessage { id: text.id.clone(), ..TextMessage::of_account(account) };
        self.ask_messages(Command::Close, one(bare));
    }

    fn next_in_queue(&mut self) {
        if let Some(account) = self.messaging.mailboxes.queue.pop_front() {
            self.deliver_kept(&account);
        }
    }
}
