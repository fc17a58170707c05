//! Accounts and bindings come from the store: all of them at the start, then what changes.

use super::Signaling;
use crate::limits::PAGE;
use router::parameter::{Account, AccountCredential, Binding, Contact, Parameter, Selection};
use router::time::{Duration, Instant, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, Transaction, one};
use std::collections::BTreeSet;

/// How long the store may take for a page.
const WITHIN: Duration = Duration::from_secs(5);

/// How long to wait before it is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// How far one kind of thing is loaded.
#[derive(Debug)]
enum Load {
    /// To be asked for, from that point on.
    Wanted(Option<String>),
    /// Asked for, from that point on.
    Asked(Transaction, Option<String>),
    Done,
}

/// How far the start is.
#[derive(Debug)]
pub(super) struct Loading {
    subscription: Load,
    accounts: Load,
    bindings: Load,
    /// The names of this round: what is not among them at its end is gone.
    seen: BTreeSet<String>,
    retry_at: Option<Instant>,
}

impl Loading {
    pub(super) fn new() -> Self {
        Self {
            subscription: Load::Wanted(None),
            accounts: Load::Wanted(None),
            bindings: Load::Wanted(None),
            seen: BTreeSet::new(),
            retry_at: None,
        }
    }

    /// Whether all is loaded.
    pub(super) fn is_done(&self) -> bool {
        matches!((&self.subscription, &self.accounts, &self.bindings), (Load::Done, Load::Done, Load::Done))
    }

    /// When the store is asked again.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at
    }
}

impl Signaling {
    /// Asks the store for what is wanted.
    pub(super) fn load(&mut self) {
        let now = self.means.now.instant;
        if self.loading.retry_at.is_some_and(|at| at > now) {
            return;
        }
        self.loading.retry_at = None;
        // First the subscription, so that no change falls between it and the listing.
        if let Load::Wanted(_) = self.loading.subscription {
            let transaction = self.ask_store(Command::Subscribe, one(any_account()));
            self.loading.subscription = Load::Asked(transaction, None);
        }
        if let Load::Wanted(cursor) = &mut self.loading.accounts {
            let cursor = cursor.take();
            if cursor.is_none() {
                self.loading.seen.clear();
            }
            let transaction = self.ask_store(Command::Query, page(any_account().into(), cursor.clone()));
            self.loading.accounts = Load::Asked(transaction, cursor);
        }
        if let (Load::Wanted(cursor), Load::Done) = (&mut self.loading.bindings, &self.loading.accounts) {
            let cursor = cursor.take();
            let transaction = self.ask_store(Command::Query, page(any_binding().into(), cursor.clone()));
            self.loading.bindings = Load::Asked(transaction, cursor);
        }
    }

    /// The store's answer.
    pub(super) fn loaded(&mut self, packet: Packet) {
        let is = |load: &Load| matches!(load, Load::Asked(transaction, _) if *transaction == packet.transaction);
        let done = packet.command == Command::Done;
        if !packet.command.is_final() {
            return;
        }
        if is(&self.loading.subscription) {
            self.loading.subscription = if done { Load::Done } else { Load::Wanted(None) };
        } else if is(&self.loading.accounts) {
            let from = std::mem::replace(&mut self.loading.accounts, Load::Done);
            self.loading.accounts = self.take_page(from, packet);
            if matches!(self.loading.accounts, Load::Done) {
                self.accounts_loaded();
            }
        } else if is(&self.loading.bindings) {
            let from = std::mem::replace(&mut self.loading.bindings, Load::Done);
            self.loading.bindings = self.take_page(from, packet);
            if matches!(self.loading.bindings, Load::Done) {
                self.bindings.elsewhere_mut().loaded();
                tracing::info!(bindings = self.bindings.len(), "bindings loaded");
            }
        } else {
            return;
        }
        if !done {
            self.loading.retry_at = Some(self.means.now.instant + RETRY);
        }
        self.load();
    }

    /// Takes a page; what is to be asked for next.
    fn take_page(&mut self, from: Load, packet: Packet) -> Load {
        if packet.command != Command::Done {
            tracing::debug!(reason = ?packet.failure().reason, "the store does not tell accounts and bindings yet");
            return match from {
                Load::Asked(_, cursor) => Load::Wanted(cursor),
                other => other,
            };
        }
        let mut next = Load::Done;
        for parameter in packet.parameters {
            match parameter {
                Parameter::Account(account) => {
                    self.loading.seen.insert(account.name.clone());
                    self.gate.accounts.follow(&account);
                }
                Parameter::Binding(binding) => {
                    let account = binding.account.clone();
                    // One that is not among the accounts any more has no say.
                    if self.gate.accounts.enabled(&account).is_some() && !self.means.is_home(&account) {
                        self.bindings.restore_elsewhere(self.means.now, &binding);
                    } else if self.gate.accounts.enabled(&account).is_some() {
                        self.bindings.restore(self.means.now, *binding);
                        self.keep_alives.watch(&mut self.means, &self.bindings, &account);
                    }
                }
                Parameter::Selection(selection) if selection.cursor.is_some() => {
                    next = Load::Wanted(selection.cursor);
                }
                _ => {}
            }
        }
        next
    }

    fn accounts_loaded(&mut self) {
        let seen = std::mem::take(&mut self.loading.seen);
        for name in self.gate.accounts.keep_only(&seen) {
            self.account_gone(&name);
        }
        // Where there are none yet, the first ones are just being made, and who makes them says so.
        if !self.gate.loaded && !self.gate.accounts.is_empty() {
            tracing::info!(accounts = self.gate.accounts.len(), "accounts loaded");
        }
        self.gate.loaded = true;
        self.load_mailboxes();
    }

    /// `Notify × Account` of the store.
    pub(super) fn account_changed(&mut self, packet: Packet) {
        if packet.source.module.kind != ModuleKind::Store {
            return;
        }
        for parameter in packet.parameters {
            let Parameter::Account(account) = parameter else { continue };
            if account.name.is_empty() {
                // Others were lost.
                if matches!(self.loading.accounts, Load::Done) {
                    self.loading.accounts = Load::Wanted(None);
                    self.load();
                }
                continue;
            }
            if !account.removed {
                // A round that is under way must not take it for gone.
                self.loading.seen.insert(account.name.clone());
            }
            self.gate.accounts.follow(&account);
            if account.removed || !account.enabled {
                self.account_gone(&account.name);
            }
        }
    }

    /// Its phones are not reached by it any more.
    fn account_gone(&mut self, account: &str) {
        self.end_subscriptions_of(account);
        if self.bindings.forget(account) {
            self.tell_registration(account, &[]);
            self.writing.wake(self.means.now.instant, &self.bindings);
        }
    }

    fn ask_store(&mut self, command: Command, parameters: Parameters) -> Transaction {
        let (now, store) = (self.means.now.instant, Address::any(ModuleKind::Store));
        self.means.outbox.request(now, Instance::MODULE, store, command, parameters, WITHIN)
    }
}

fn page(noun: Parameter, cursor: Option<String>) -> Parameters {
    let selection = Selection { cursor, limit: Some(PAGE), ..Selection::default() };
    [noun, selection.into()].into_iter().collect()
}

/// Stands for "accounts" in a query.
fn any_account() -> Account {
    Account {
        name: String::new(),
        display_name: None,
        credential: AccountCredential::Withheld,
        enabled: true,
        created: WallTime::default(),
        removed: false,
    }
}

/// Stands for "bindings" in a query.
fn any_binding() -> Binding {
    let contact = Contact {
        uri: String::new().into(),
        path: Vec::new(),
        flow: String::new().into(),
        q_thousandths: 0,
        expires: WallTime::default(),
        call_id: String::new(),
        cseq: 0,
        user_agent: None,
        latency_us: None,
        reachable: None,
        apart: None,
        instance: None,
        reg_id: None,
        temporary: None,
        others: None,
    };
    Binding { account: String::new(), contact, removed: false }
}
