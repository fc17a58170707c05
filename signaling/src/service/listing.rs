//! Registrations, trunks and the trace, page by page.

use super::Signaling;
use super::neighbours::is_shard;
use crate::limits::PAGE;
use crate::trunk::TrunkId;
use crate::user_agent::gruu;
use crate::user_agent::phone_flows::one_flow_each;
use router::parameter::{Contact, Failure, MovedBinding, Parameter, Reason, RegistrationEvent, Selection, TrunkStatus};
use router::{Instance, ModuleKind, Packet, Parameters, one};

/// The selection beside a query's noun.
pub(super) fn selection(packet: &Packet) -> Option<Selection> {
    packet.parameters.iter().find_map(|parameter| match parameter {
        Parameter::Selection(selection) => Some((**selection).clone()),
        _ => None,
    })
}

impl Signaling {
    pub(super) fn query_registrations(&mut self, packet: &Packet) {
        let named = match packet.first() {
            Some(Parameter::Registration(asked)) if !asked.account.is_empty() => Some(asked.account.clone()),
            _ => None,
        };
        let selection = selection(packet);
        if let Some(account) = named.or_else(|| selection.as_ref().and_then(|selection| selection.name.clone())) {
            if !self.gate.loaded {
                // Whether there is such an account is not known yet.
                let failure = Failure { retry_after_s: Some(1), ..Failure::new(Reason::Busy) };
                return self.means.outbox.failed(packet, failure);
            }
            if self.ask_home(packet, &account) {
                return;
            }
            let phone = gruu::resolved(&self.bindings, &account).map(|(of, phone)| (of.to_owned(), phone.to_owned()));
            let (of, phone) = phone.map_or((account, None), |(of, phone)| (of, Some(phone)));
            if self.gate.accounts.get(&of).is_none() {
                return self.means.outbox.failed(packet, Failure::new(Reason::NotFound));
            }
            let mut registration = self.registration_for(packet.source, &of);
            if let Some(phone) = phone {
                let is = |contact: &Contact| contact.instance.as_ref().is_some_and(|known| *known.reveal() == phone);
                registration.contacts.retain(is);
            }
            if packet.source.module.kind == ModuleKind::Switch {
                one_flow_each(&self.means, &mut registration.contacts);
            }
            self.means.outbox.done(packet, one(registration));
            return;
        }
        let selection = selection.unwrap_or_default();
        let limit = selection.limit.map_or(PAGE, |limit| limit.clamp(1, PAGE)) as usize;
        let mut accounts: Vec<String> =
            self.bindings.accounts_after(selection.cursor.as_deref()).take(limit + 1).map(str::to_owned).collect();
        let more = accounts.len() > limit;
        accounts.truncate(limit);
        let cursor = accounts.last().filter(|_| more).cloned();
        let mut page: Parameters = accounts
            .into_iter()
            .map(|account| Parameter::from(self.registration_for(packet.source, &account)))
            .collect();
        page.push(Selection { cursor, ..selection }.into());
        self.means.outbox.done(packet, page);
    }

    pub(super) fn query_trunks(&mut self, packet: &Packet) {
        // Those that are gone are told of while calls of theirs go on.
        let told = self.means.trunks.with_ids().filter(|(_, trunk)| {
            let status = &trunk.status;
            let configured = trunk.config.target.is_some() || !trunk.config.sources.is_empty();
            configured || status.calls_in + status.calls_out > 0
        });
        let told: Vec<TrunkId> = told.map(|(id, _)| id).take(router::limits::PARAMETERS - 1).collect();
        let trunks: Parameters = told.into_iter().map(|id| self.trunk_status(id).into()).collect();
        self.means.outbox.done(packet, trunks);
    }

    /// A trunk as this shard knows it.
    pub(super) fn trunk_status(&self, id: TrunkId) -> TrunkStatus {
        let registrations = self.registering.of_trunk(&self.means, id);
        TrunkStatus { registrations, ..self.means.trunks.get(id).status.clone() }
    }

    pub(super) fn query_trace(&mut self, packet: &Packet) {
        let selection = selection(packet).unwrap_or_default();
        let (entries, cursor) = self.means.trace.page(&selection);
        let mut page: Parameters = entries.into_iter().map(Parameter::from).collect();
        page.push(Selection { cursor, ..selection }.into());
        self.means.outbox.done(packet, page);
    }

    /// Tells who subscribed what an account's registration is now; the other shards, which of its bindings are reached by another way.
    pub(super) fn tell_registration(&mut self, account: &str, moved: &[MovedBinding]) {
        self.note_missed();
        self.account_state_changed(account);
        if self.subscribers.is_empty() {
            return;
        }
        let at = self.means.now.wall;
        let subscribers: Vec<_> = self.subscribers.take().collect();
        for (subscriber, missed) in subscribers {
            let moved = Some(moved).filter(|moved| !moved.is_empty() && is_shard(subscriber)).map(Box::from);
            let event =
                RegistrationEvent { registration: self.registration_for(subscriber, account), at, missed, moved };
            self.means.outbox.notify(Instance::MODULE, subscriber, one(event));
        }
    }

    /// Removes the bindings that have ended.
    pub(super) fn expire_bindings(&mut self) {
        for account in self.bindings.handle_timeout(self.means.now) {
            tracing::info!(account = self.means.shown(&account), "registration expired");
            self.tell_registration(&account, &[]);
            // Its calls may go by another flow of the same phone.
            self.follow_at_home(&account, &[]);
        }
        self.writing.wake(self.means.now.instant, &self.bindings);
    }
}
