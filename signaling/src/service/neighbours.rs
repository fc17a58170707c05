//! The signaling modules of the other shards: what they tell of registrations is followed, so that a phone that is registered
//! on any shard is no stranger on this one, and is reached over the connection that it registered over.
//!
//! What the store has is known from there, changes come as `Notify × RegistrationEvent`; where some were lost, all registrations
//! of that neighbour are queried anew.

use super::Signaling;
use crate::dialog::RouteSet;
use crate::limits::PAGE;
use crate::trunk::{OwnAddress, Taken, TrunkId};
use crate::user_agent::contact::{FlowText, flow_text_of_connection};
use router::parameter::{MovedBinding, Parameter, Registration, RegistrationEvent, RegistrationState, Selection};
use router::time::{Duration, Instant};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, PlatformId, Transaction, one};
use std::collections::BTreeSet;

/// How long a neighbour may take.
const WITHIN: Duration = Duration::from_secs(5);

/// How long to wait before it is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// A question to a neighbour.
#[derive(Debug, Default)]
enum Question {
    /// To be asked; a listing from that point on.
    Wanted(Option<String>),
    /// Asked.
    Asked(Transaction),
    /// Answered, or not needed.
    #[default]
    Done,
}

#[derive(Debug)]
struct Neighbour {
    address: Address,
    subscription: Question,
    /// All its registrations, after a gap.
    listing: Question,
    /// The accounts of the listing so far, and of the events meanwhile.
    seen: BTreeSet<String>,
}

/// All neighbours.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    all: Vec<Neighbour>,
    retry_at: Option<Instant>,
}

impl Neighbours {
    /// Those of the `own`th of so many shards.
    pub(super) fn new(own: u8, shards: u8) -> Self {
        let neighbour = |index| Neighbour {
            address: Address::local(ModuleKind::Signaling, index),
            subscription: Question::Wanted(None),
            listing: Question::Done,
            seen: BTreeSet::new(),
        };
        Self { all: (0..shards).filter(|&index| index != own).map(neighbour).collect(), retry_at: None }
    }

    /// When they are asked again.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.retry_at
    }
}

impl Signaling {
    /// Asks the neighbours for what is wanted.
    pub(super) fn follow_neighbours(&mut self) {
        let now = self.means.now.instant;
        if self.neighbours.retry_at.is_some_and(|at| at > now) {
            return;
        }
        self.neighbours.retry_at = None;
        for neighbour in &mut self.neighbours.all {
            let mut ask = |command, parameters: Parameters| {
                let to = neighbour.address;
                Question::Asked(self.means.outbox.request(now, Instance::MODULE, to, command, parameters, WITHIN))
            };
            if let Question::Wanted(_) = neighbour.subscription {
                let at = self.means.now.wall;
                let event = RegistrationEvent { registration: any_registration(), at, missed: false, moved: None };
                neighbour.subscription = ask(Command::Subscribe, one(event));
            }
            if let Question::Wanted(cursor) = &mut neighbour.listing {
                let cursor = cursor.take();
                if cursor.is_none() {
                    neighbour.seen.clear();
                }
                let selection = Selection { cursor, limit: Some(PAGE), ..Selection::default() };
                let parameters = [Parameter::from(any_registration()), selection.into()];
                neighbour.listing = ask(Command::Query, parameters.into_iter().collect());
            }
        }
    }

    /// A neighbour's answer. False: it is to something else.
    pub(super) fn neighbour_answered(&mut self, packet: &Packet) -> bool {
        let is = |question: &Question| matches!(question, Question::Asked(asked) if *asked == packet.transaction);
        let asked = |neighbour: &Neighbour| is(&neighbour.subscription) || is(&neighbour.listing);
        let Some(index) = self.neighbours.all.iter().position(asked) else { return false };
        if !packet.command.is_final() {
            return true;
        }
        let done = packet.command == Command::Done;
        if !done {
            tracing::debug!(reason = ?packet.failure().reason, "another shard does not tell registrations yet");
            self.neighbours.retry_at.get_or_insert(self.means.now.instant + RETRY);
        }
        let neighbour = &mut self.neighbours.all[index];
        match (is(&neighbour.subscription), done) {
            (true, true) => neighbour.subscription = Question::Done,
            // What was told meanwhile is missed.
            (true, false) => {
                (neighbour.subscription, neighbour.listing) = (Question::Wanted(None), Question::Wanted(None))
            }
            (false, true) => self.take_neighbours_page(index, packet),
            (false, false) => neighbour.listing = Question::Wanted(None),
        }
        self.follow_neighbours();
        true
    }

    fn take_neighbours_page(&mut self, index: usize, packet: &Packet) {
        let mut next = Question::Done;
        for parameter in &packet.parameters {
            match parameter {
                Parameter::Registration(registration) => self.registered_elsewhere(index, registration, &[]),
                Parameter::Selection(selection) if selection.cursor.is_some() => {
                    next = Question::Wanted(selection.cursor.clone());
                }
                _ => {}
            }
        }
        if let Question::Done = next {
            self.keep_seen(index);
        }
        self.neighbours.all[index].listing = next;
    }

    /// `Notify × RegistrationEvent` of a neighbour.
    pub(super) fn neighbour_told(&mut self, packet: &Packet) {
        let Some(Parameter::RegistrationEvent(event)) = packet.first() else { return };
        let from = packet.source.of_module();
        let Some(index) = self.neighbours.all.iter().position(|neighbour| neighbour.address == from) else { return };
        if event.missed {
            self.neighbours.all[index].listing = Question::Wanted(None);
        }
        self.registered_elsewhere(index, &event.registration, event.moved.as_deref().unwrap_or_default());
        self.follow_neighbours();
    }

    /// Our registrations at a trunk may be other than before: the neighbours' calls take the way that it asks for (RFC 3608), and what comes
    /// to them from where one was taken is the trunk's.
    pub(super) fn tell_trunk(&mut self, trunk: Option<TrunkId>) {
        let Some(trunk) = trunk.filter(|_| !self.neighbours.all.is_empty()) else { return };
        let status = self.trunk_status(trunk);
        for neighbour in &self.neighbours.all {
            self.means.outbox.notify(Instance::MODULE, neighbour.address, one(status.clone()));
        }
    }

    /// Whether a trunk is there, as the switches are told it.
    pub(super) fn tell_switches(&mut self, trunk: Option<TrunkId>) {
        let Some(trunk) = trunk else { return };
        let status = self.means.trunks.get(trunk).status.clone();
        for index in 0..self.means.config.shards.count() {
            let switch = Address::local(ModuleKind::Switch, index);
            self.means.outbox.notify(Instance::MODULE, switch, one(status.clone()));
        }
    }

    /// `Notify × TrunkStatus` of a neighbour.
    pub(super) fn neighbour_told_trunk(&mut self, packet: &Packet) {
        let Some(Parameter::TrunkStatus(status)) = packet.first() else { return };
        let from = packet.source.of_module();
        let Some(trunk) = self.means.trunks.by_name(&status.name) else { return };
        if !self.neighbours.all.iter().any(|neighbour| neighbour.address == from) {
            return;
        }
        let host = self.means.trunks.get(trunk).config.target.as_ref().map(|target| target.host()).unwrap_or_default();
        let (own, now) = (self.means.trunks.get(trunk).config.register.clone(), self.means.now.instant);
        let mut routed: Vec<&OwnAddress> = Vec::new();
        for told in status.registrations.iter().flatten() {
            let named = |own: &&OwnAddress| *told.address.reveal() == format!("{}@{}", own.user, own.domain(&host));
            if let Some(own) = own.iter().find(named) {
                // Of several flows each tells the way of them all.
                if !routed.contains(&own) {
                    let route = told.service_route.iter().map(|hop| hop.reveal().as_str());
                    self.means.trunks.routed(trunk, own, RouteSet::of_values(route));
                    routed.push(own);
                }
                let registrar = told.registrar.as_ref().and_then(|at| at.reveal().parse().ok());
                let kept = told.kept_s.filter(|_| told.state == RegistrationState::Registered);
                let until = kept.map(|seconds| now + Duration::from_secs(seconds.into()));
                if let (Some(registrar), Some(until)) = (registrar, until) {
                    self.means.trunks.registered(now, trunk, own, Taken { registrar, until });
                }
            }
        }
    }

    /// A registration as told to one who asked: signaling modules learn of connections, too.
    pub(super) fn registration_for(&self, asker: Address, account: &str) -> Registration {
        let mut contacts = self.bindings.contacts(account);
        // What temporary GRUUs are computed by is the registrar's and the store's.
        contacts.iter_mut().for_each(|contact| contact.temporary = None);
        if is_shard(asker) {
            for contact in &mut contacts {
                let flow = FlowText::parse(contact.flow.reveal());
                let open =
                    flow.and_then(|flow| self.means.flows.to(flow.remote).filter(|open| open.local == flow.local));
                if let Some(open) = open {
                    contact.flow = flow_text_of_connection(open).into();
                }
            }
        }
        Registration { account: account.to_owned(), contacts }
    }

    fn registered_elsewhere(&mut self, index: usize, registration: &Registration, moved: &[MovedBinding]) {
        let Registration { account, contacts } = registration;
        let neighbour = &mut self.neighbours.all[index];
        if !matches!(neighbour.listing, Question::Done) {
            neighbour.seen.insert(account.clone());
        }
        let flows = contacts.iter().filter_map(|contact| FlowText::parse(contact.flow.reveal()));
        let mut remotes = Vec::with_capacity(contacts.len());
        for flow in flows {
            if let Some(open) = flow.connection() {
                self.means.flows.note_elsewhere(&open);
            }
            remotes.push(flow.remote.to_string());
        }
        self.bindings.elsewhere_mut().tell(account, remotes.iter().map(String::as_str));
        self.follow(account, contacts, moved);
    }

    /// After a listing: what the neighbour did not tell of is gone.
    fn keep_seen(&mut self, index: usize) {
        let Neighbour { address, seen, .. } = &mut self.neighbours.all[index];
        let (seen, home) = (std::mem::take(seen), address.module.index.unwrap_or(0));
        let shards = &self.means.config.shards;
        let gone = |account: &&str| shards.home(account.as_bytes()) == home && !seen.contains(*account);
        let gone: Vec<String> = self.bindings.elsewhere_mut().accounts().filter(gone).map(str::to_owned).collect();
        gone.iter().for_each(|account| self.bindings.elsewhere_mut().forget(account));
    }
}

/// Whether it is a signaling module of this platform.
pub(super) fn is_shard(asker: Address) -> bool {
    asker.module.kind == ModuleKind::Signaling && asker.platform == PlatformId::HERE
}

/// Stands for "registrations".
fn any_registration() -> Registration {
    Registration { account: String::new(), contacts: Vec::new() }
}
