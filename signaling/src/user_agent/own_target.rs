//! A phone whose Contact is the address that our registrar gave it (RFC 5627 §4.4.1), behind a proxy: requests in its dialogs
//! take the way that it is registered by. By the recorded one the proxy would bring them back to us, as the address is ours; and a proxy that
//! keeps flows records none for such a phone, as only the registrar can say by which it is reached (RFC 5626 §4.3). Some proxies record nothing at all.
//!
//! | the dialog | who knows the way |
//! |---|---|
//! | of a call or a subscription of the phone's | the registrar, which is asked |
//! | of a call to the phone | that call, which took it |
//! | of a phone that has registered by another way since | the registrar, which is asked again |

use super::contact::FlowText;
use super::destination::Whither;
use super::gruu::{called, home_of};
use super::leg::{Head, Leg, Peer, Purpose, State};
use super::means::Means;
use crate::dialog::{Dialog, RouteSet};
use crate::message::{Message, Uri};
use crate::transport::Flow;
use router::parameter::{Contact, Parameter, Registration};
use router::time::Duration;
use router::{Address, Command, ModuleKind, Packet, one};
use std::net::SocketAddr;

/// How long the registrar may take: it is on this platform.
pub(crate) const WITHIN: Duration = Duration::from_secs(2);

/// As whom the registrar knows the dialog's target, where that is an address of ours.
fn own_name(means: &Means, dialog: &Dialog) -> Option<String> {
    let target = dialog.target();
    called(target).filter(|_| means.config.is_own_host(target.host()))
}

/// The registrar, and what it is to be asked, if the account's phone, which has made the dialog by that request, is reached so.
pub(crate) fn question(
    means: &Means,
    dialog: &Dialog,
    request: &Message,
    account: &str,
) -> Option<(Address, Registration)> {
    let is_behind_proxies = dialog.has_routes() || request.vias().nth(1).is_some();
    is_behind_proxies.then(|| question_again(means, dialog, account)).flatten()
}

/// The same of a phone that may be registered by another way by now. A temporary address does not say whose it is, and nobody guesses one.
pub(crate) fn question_again(means: &Means, dialog: &Dialog, account: &str) -> Option<(Address, Registration)> {
    let name = own_name(means, dialog)?;
    let home = home_of(&name);
    if home != name && account != home {
        return None;
    }
    let registrar = Address::local(ModuleKind::Signaling, means.config.shards.home(home.as_bytes()));
    Some((registrar, Registration { account: name, contacts: Vec::new() }))
}

/// The registrar's answer.
pub(crate) fn place(means: &Means, dialog: &mut Dialog, packet: &Packet) {
    let Some(Parameter::Registration(found)) = packet.parameters.first().filter(|_| packet.command == Command::Done)
    else {
        return;
    };
    let flow_of = |contact: &Contact| FlowText::parse(contact.flow.reveal());
    let by_proxy = || found.contacts.iter().filter(|contact| !contact.path.is_empty());
    // Of several flows the one whose proxy it called by.
    let same = by_proxy().find(|contact| flow_of(contact).is_some_and(|flow| flow.remote == dialog.flow().remote));
    let proxied = same.or_else(|| by_proxy().next());
    // One that is registered without a proxy is reached by the recorded way as well as by any, unless it had one before.
    let Some(contact) = proxied.or_else(|| found.contacts.first().filter(|_| dialog.is_registered())) else { return };
    let Some(uri) = Uri::parse(contact.uri.reveal()) else { return };
    let routes = RouteSet::of_values(contact.path.iter().map(|hop| hop.reveal().as_str()));
    let flow = flow_of(contact).filter(|flow| flow.remote != dialog.flow().remote);
    let flow = flow.and_then(|flow| flow.flow(&means.config.listeners));
    dialog.registered_at(uri.without(&["method"]), routes, flow.as_ref());
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
        if let Some(dialog) = self.settled_dialog() {
            place(means, dialog, packet);
        }
    }

    /// Its phone is at other places than before.
    pub(crate) fn follow(&mut self, means: &mut Means, account: &str, moved: &[(SocketAddr, Flow)]) {
        let Some(dialog) = self.settled_dialog() else { return };
        moved.iter().for_each(|(left, flow)| dialog.follow(*left, flow));
        if let Some((registrar, wanted)) = question_again(means, dialog, account) {
            self.head.request_of(means, registrar, Command::Query, one(wanted), WITHIN, Purpose::Reach);
        }
    }

    /// The dialog with its phone, once it is one.
    fn settled_dialog(&mut self) -> Option<&mut Dialog> {
        match &mut self.state {
            State::Incoming(incoming) => Some(incoming.dialog_mut()),
            State::Session(session) => Some(&mut session.requester.dialog),
            State::Outgoing(_) | State::Over => None,
        }
    }
}

impl Whither {
    /// A phone that was called by way of a proxy has answered, and names itself by an address of ours.
    pub(super) fn place_own_target(&self, means: &Means, dialog: &mut Dialog) {
        if self.peer == Peer::Account && !self.routes.is_empty() && own_name(means, dialog).is_some() {
            dialog.registered_at(self.request_uri.clone(), self.routes.clone(), None);
        }
    }
}
