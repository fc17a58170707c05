//! A phone whose Contact is the address that our registrar gave it (RFC 5627 §4.4.1), and whose call came by a proxy: requests in the dialog
//! take the way that it is registered by. By the recorded one the proxy would bring them back to us, as the address is ours; and a proxy that
//! keeps flows records none for such a phone, as only the registrar can say by which it is reached (RFC 5626 §4.3).

use super::gruu::{called, home_of};
use super::leg::{Head, Leg, Purpose, State};
use super::means::Means;
use crate::dialog::{Dialog, RouteSet};
use crate::message::Uri;
use router::parameter::{Parameter, Registration};
use router::time::Duration;
use router::{Address, Command, ModuleKind, Packet, one};

/// How long the registrar may take: it is on this platform.
const WITHIN: Duration = Duration::from_secs(2);

impl Head {
    /// Asks the registrar, if an account's phone is reached so. A temporary address does not say whose it is, and nobody guesses one.
    pub(super) fn ask_for_own_target(&mut self, means: &mut Means, dialog: &Dialog, account: Option<&str>) {
        let Some(target) = dialog.target_behind_proxies().filter(|target| means.config.is_own_host(target.host()))
        else {
            return;
        };
        let Some(name) = called(target) else { return };
        let home = home_of(&name);
        if account.is_none() || (home != name && account != Some(home)) {
            return;
        }
        let registrar = Address::local(ModuleKind::Signaling, means.config.shards.home(home.as_bytes()));
        let wanted = one(Registration { account: name, contacts: Vec::new() });
        self.request_of(means, registrar, Command::Query, wanted, WITHIN, Purpose::Reach);
    }
}

impl Leg {
    /// The registrar's answer.
    pub(super) fn registered_at(&mut self, packet: &Packet) {
        let dialog = match &mut self.state {
            State::Incoming(incoming) => incoming.dialog_mut(),
            State::Session(session) => &mut session.requester.dialog,
            State::Outgoing(_) | State::Over => return,
        };
        let Some(Parameter::Registration(found)) =
            packet.parameters.first().filter(|_| packet.command == Command::Done)
        else {
            return;
        };
        // One that is registered without a proxy is reached by the recorded way as well as by any. Of several flows the one whose proxy it called by.
        let by_proxy = || found.contacts.iter().filter(|contact| !contact.path.is_empty());
        let proxy = format!(" {}", dialog.flow().remote);
        let same = by_proxy().find(|contact| contact.flow.reveal().ends_with(&proxy));
        let Some(contact) = same.or_else(|| by_proxy().next()) else { return };
        let Some(uri) = Uri::parse(contact.uri.reveal()) else { return };
        let routes = RouteSet::of_values(contact.path.iter().map(|hop| hop.reveal().as_str()));
        dialog.registered_at(uri.without(&["method"]), routes);
    }
}
