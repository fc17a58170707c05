//! Where an account's phones are by its registrar, and what dialogs with them make of the news.
//!
//! | the phone names itself by | it has moved where |
//! |---|---|
//! | an address of ours (RFC 5627 §4.4.1) | the flow that it was reached by is no live one of that phone any more, or has another Path |
//! | its own Contact | the binding by whose flow it talks is reached by another flow (RFC 5626 §5.3), or by proxies now, or left for one over a new connection |
//!
//! What proxies have recorded in a dialog with the latter stays the way: they said nothing of where else it could go.

use super::contact::FlowText;
use super::means::Means;
use super::own_target::instance_named;
use crate::dialog::{Dialog, Place, RouteSet};
use crate::message::Uri;
use router::parameter::{Contact, MovedBinding};

/// What is known of an account's bindings now.
#[derive(Clone, Copy)]
pub(crate) struct Whereabouts<'a> {
    pub(crate) account: &'a str,
    /// All of them.
    pub(crate) contacts: &'a [Contact],
    /// Those that are reached by another way than before.
    pub(crate) moved: &'a [MovedBinding],
}

impl Whereabouts<'_> {
    /// A dialog with one of its phones goes where that is.
    pub(crate) fn follow(&self, means: &Means, dialog: &mut Dialog) {
        if dialog.registered().is_none() {
            self.follow_binding(means, dialog);
        }
        let named = || instance_named(means, dialog, self.account);
        let instance =
            dialog.registered().and_then(|place| Some(place.instance.as_ref()?.reveal().clone())).or_else(named);
        if let Some(instance) = instance {
            let of_phone = |contact: &&Contact| contact.instance.as_ref().is_some_and(|own| *own.reveal() == instance);
            self.follow_phone(means, dialog, latest(self.contacts.iter().filter(of_phone)));
        } else if let Some(binding) = dialog.registered().and_then(|place| place.binding.clone()) {
            let is_it = |contact: &&Contact| *contact.key() == binding;
            self.follow_phone(means, dialog, self.contacts.iter().filter(is_it).collect());
        }
    }

    /// The binding by whose flow the phone talks is reached by another one.
    fn follow_binding(&self, means: &Means, dialog: &mut Dialog) {
        let now = |moved: &MovedBinding| self.contacts.iter().find(|contact| *contact.key() == moved.key);
        for moved in self.moved {
            let (Some(contact), Some(former)) = (now(moved), FlowText::parse(moved.former.flow.reveal())) else {
                continue;
            };
            let is_there = |other: &Contact| {
                let flow = FlowText::parse(other.flow.reveal());
                let is_at = flow.is_some_and(|flow| flow.is_of(former.transport, former.remote));
                is_at && other.key() != contact.key() && is_open(means, other)
            };
            // Whose of several at one address a dialog is nobody says before the last of them has gone. From the same port it is another connection.
            let is_put =
                FlowText::parse(contact.flow.reveal()).is_some_and(|flow| flow.is_of(former.transport, former.remote));
            if !former.is_of(dialog.flow().transport, dialog.flow().remote)
                || !is_put && self.contacts.iter().any(is_there)
            {
                continue;
            }
            match moved.former.path.is_empty() && contact.path.is_empty() {
                true => {
                    if let Some(text) = FlowText::parse(contact.flow.reveal())
                        && let Some(flow) = text.flow(&means.config.listeners)
                    {
                        dialog.follow(&flow, text.listens());
                    }
                }
                false if !dialog.has_routes() && dialog.target().as_str() == moved.former.uri.reveal() => {
                    place(means, dialog, contact);
                }
                false => {}
            }
            return;
        }
    }

    /// These are the ways to its phone.
    fn follow_phone(&self, means: &Means, dialog: &mut Dialog, ways: Vec<&Contact>) {
        let is_live = |contact: &Contact| contact.reachable != Some(false) && is_open(means, contact);
        let is_own = |contact: &Contact| match dialog.registered() {
            Some(Place { binding: Some(binding), .. }) => contact.key() == binding,
            Some(place) => place.contact.as_str() == contact.uri.reveal(),
            None => FlowText::parse(contact.flow.reveal())
                .is_some_and(|flow| flow.is_of(dialog.flow().transport, dialog.flow().remote)),
        };
        let ways = ways.into_iter().filter_map(|contact| Some((contact, place_of(means, dialog, contact)?)));
        let mut ways: Vec<(&Contact, Place)> = ways.filter(|(_, place)| dialog.accepts(place)).collect();
        let rank = |contact: &Contact| {
            let stays = is_own(contact) && is_live(contact);
            (stays, is_live(contact), contact.expires, contact.reg_id)
        };
        ways.sort_by_key(|(contact, _)| rank(contact));
        let is_placed = dialog.registered().is_some();
        let (had, Some((contact, place))) = (ways.iter().any(|(contact, _)| is_own(contact)), ways.pop()) else {
            return;
        };
        if is_placed {
            dialog.registered_at(place);
        } else if is_own(contact) && is_live(contact) {
            // Its messages come by that way, and what is for it goes back by it.
        } else if !contact.path.is_empty() {
            dialog.registered_at(place);
        } else if let (true, Some(flow)) = (had, place.flow) {
            dialog.follow(&flow, place.listens);
        }
    }
}

/// Of what a phone has registered without flows only the last counts (RFC 5627): it has not been where it was before since.
pub(crate) fn latest<'a>(contacts: impl Iterator<Item = &'a Contact>) -> Vec<&'a Contact> {
    let mut all: Vec<&Contact> = contacts.collect();
    let without = || all.iter().filter(|one| one.reg_id.is_none());
    let last = without().max_by_key(|one| one.expires).map(|last| {
        // Those of one Call-ID are in an order.
        let of_call = without().filter(|one| one.call_id == last.call_id);
        of_call.max_by_key(|one| one.cseq).unwrap_or(last).key().clone()
    });
    all.retain(|one| one.reg_id.is_some() || Some(one.key()) == last.as_ref());
    all
}

/// Whether the flow of a contact is there: a connection may have ended, datagrams go anywhere.
fn is_open(means: &Means, contact: &Contact) -> bool {
    let flow = FlowText::parse(contact.flow.reveal());
    flow.is_some_and(|flow| flow.flow(&means.config.listeners).is_some())
}

/// The dialog's peer is reached by the way of that binding from now on, if that leads anywhere.
pub(crate) fn place(means: &Means, dialog: &mut Dialog, contact: &Contact) {
    if let Some(place) = place_of(means, dialog, contact) {
        dialog.registered_at(place);
    }
}

/// The way of a binding to the peer of that dialog. `None`: it leads nowhere now.
fn place_of(means: &Means, dialog: &Dialog, contact: &Contact) -> Option<Place> {
    let (uri, text) = (Uri::parse(contact.uri.reveal())?, FlowText::parse(contact.flow.reveal())?);
    let routes = RouteSet::of_values(contact.path.iter().map(|hop| hop.reveal().as_str()));
    let listeners = &means.config.listeners;
    let host = text.remote.ip().to_canonical();
    let flow = match text.flow(listeners) {
        Some(flow) => Some(flow),
        // The proxy itself has sent what it has sent in this dialog.
        None if !routes.is_empty() && dialog.flow().remote.ip().to_canonical() == host => None,
        // It listens where its Path says, whatever became of the connection.
        None if routes.first().and_then(|proxy| proxy.address()).is_some_and(|at| at.to_canonical() == host) => {
            Some(text.anew(listeners)?)
        }
        None => return None,
    };
    Some(Place {
        // RFC 3261 §19.1.1 table 1: not in a Request-URI.
        contact: uri.without(&["method"]),
        listens: text.listens() && routes.is_empty(),
        routes,
        flow,
        binding: Some(contact.key().clone()),
        instance: contact.instance.clone(),
    })
}
