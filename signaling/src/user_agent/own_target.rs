//! A phone whose Contact is the address that our registrar gave it (RFC 5627 §4.4.1), behind a proxy: requests in its dialogs
//! take the way that it is registered by. By the recorded one the proxy would bring them back to us, as the address is ours; and a proxy that
//! keeps flows records none for such a phone, as only the registrar can say by which it is reached (RFC 5626 §4.3). Some proxies record nothing at all.
//!
//! | the dialog | who knows the way |
//! |---|---|
//! | of a call or a subscription of the phone's | the registrar, which is asked |
//! | of a call to the phone | that call, which took it |
//! | of a phone that has registered by another way since | the registrar, which tells it ([`whereabouts`](super::whereabouts)) |

use super::contact::FlowText;
use super::destination::Whither;
use super::gruu::{called, home_of, parts_of};
use super::leg::{Head, Leg, Peer, Purpose, State};
use super::means::Means;
use super::whereabouts::{Whereabouts, latest, place};
use crate::dialog::{Dialog, Place};
use crate::message::Message;
use router::parameter::{Contact, Parameter, Registration};
use router::time::Duration;
use router::{Address, Command, ModuleKind, Packet, one};

/// How long the registrar may take: it is on this platform.
pub(crate) const WITHIN: Duration = Duration::from_secs(2);

/// As whom the registrar knows the dialog's target, where that is an address of ours.
fn own_name(means: &Means, dialog: &Dialog) -> Option<String> {
    let target = dialog.target();
    called(target).filter(|_| means.config.is_own_host(target.host()))
}

/// Which phone of the account a dialog's target names, where that is a public address of ours.
pub(crate) fn instance_named(means: &Means, dialog: &Dialog, account: &str) -> Option<String> {
    let name = own_name(means, dialog)?;
    let (of, instance) = parts_of(&name)?;
    (of == account).then(|| instance.to_owned())
}

/// The registrar, and what it is to be asked, if the account's phone, which has made the dialog by that request, is reached so. A temporary
/// address does not say whose it is, and nobody guesses one.
pub(crate) fn question(
    means: &Means,
    dialog: &Dialog,
    request: &Message,
    account: &str,
) -> Option<(Address, Registration)> {
    let name = own_name(means, dialog)?;
    let home = home_of(&name);
    let is_behind_proxies = dialog.has_routes() || request.vias().nth(1).is_some();
    if !is_behind_proxies || (home != name && account != home) {
        return None;
    }
    let registrar = Address::local(ModuleKind::Signaling, means.config.shards.home(home.as_bytes()));
    Some((registrar, Registration { account: name, contacts: Vec::new() }))
}

/// The registrar's answer. Where it has told of the phone since, that is younger.
pub(crate) fn answered(means: &Means, dialog: &mut Dialog, packet: &Packet) {
    let Some(Parameter::Registration(found)) = packet.parameters.first().filter(|_| packet.command == Command::Done)
    else {
        return;
    };
    // One that is registered without a proxy is reached by the recorded way as well as by any.
    let ways = || found.contacts.iter().filter(|contact| !contact.path.is_empty());
    // Of several the one whose proxy it called by.
    let by_it = |contact: &&Contact| {
        let flow = FlowText::parse(contact.flow.reveal());
        flow.is_some_and(|flow| flow.remote == dialog.flow().remote)
    };
    let contact = ways().find(by_it).or_else(|| latest(ways()).first().copied());
    if let Some(contact) = contact.filter(|_| dialog.registered().is_none()) {
        place(means, dialog, contact);
    }
}

impl Head {
    /// Asks the registrar, if need be.
    pub(super) fn ask_for_own_target(
        &mut self,
        means: &mut Means,
        dialog: &Dialog,
        request: &Message,
        account: Option<&str>,
    ) {
        let Some((registrar, wanted)) = account.and_then(|account| question(means, dialog, request, account)) else {
            return;
        };
        self.request_of(means, registrar, Command::Query, one(wanted), WITHIN, Purpose::Reach);
    }
}

impl Leg {
    /// The registrar's answer.
    pub(super) fn registered_at(&mut self, means: &Means, packet: &Packet) {
        match &mut self.state {
            State::Incoming(incoming) => answered(means, incoming.dialog_mut(), packet),
            State::Session(session) => answered(means, &mut session.requester.dialog, packet),
            State::Outgoing(_) | State::Over => {}
        }
    }

    /// Its account is registered otherwise than before.
    pub(crate) fn follow(&mut self, means: &Means, whereabouts: &Whereabouts<'_>) {
        match &mut self.state {
            State::Incoming(incoming) => whereabouts.follow(means, incoming.dialog_mut()),
            State::Session(session) => whereabouts.follow(means, &mut session.requester.dialog),
            // Where its phone is by then counts once that has answered.
            State::Outgoing(outgoing) => outgoing.contacts = Some(whereabouts.contacts.into()),
            State::Over => {}
        }
    }
}

impl Whither {
    /// A phone that was called by way of a proxy has answered, and names itself by an address of ours. `contacts`: where its account has been registered
    /// since.
    pub(super) fn place_own_target(
        &self,
        means: &Means,
        dialog: &mut Dialog,
        account: Option<&str>,
        contacts: Option<&[Contact]>,
    ) {
        if self.peer != Peer::Account || self.routes.is_empty() || own_name(means, dialog).is_none() {
            return;
        }
        dialog.registered_at(Place {
            contact: self.request_uri.clone(),
            routes: self.routes.clone(),
            flow: None,
            listens: false,
            binding: None,
            instance: self.instance.clone(),
        });
        if let (Some(account), Some(contacts)) = (account, contacts) {
            Whereabouts { account, contacts, moved: &[] }.follow(means, dialog);
        }
    }
}
