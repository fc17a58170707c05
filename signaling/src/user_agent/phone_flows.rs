//! A phone that keeps several flows (RFC 5626): it is asked once, and by the next flow where one has failed (§5.3, §7).

use super::contact::FlowText;
use super::means::Means;
use router::parameter::{Contact, ContactFlow};

/// Of each phone the flow that was made or refreshed last, of those that answer, with the others behind it in that order.
pub(crate) fn one_flow_each(means: &Means, contacts: &mut Vec<Contact>) {
    if contacts.iter().filter(|contact| contact.reg_id.is_some()).count() < 2 {
        return;
    }
    // What came over a connection that has ended is no flow any more.
    let is_open = |contact: &Contact| {
        let flow = FlowText::parse(contact.flow.reveal());
        flow.is_some_and(|flow| !flow.transport.is_reliable() || means.flows.to(flow.remote).is_some())
    };
    let rank =
        |contact: &Contact| (contact.reachable != Some(false), is_open(contact), contact.expires, contact.reg_id);
    let mut flows: Vec<Contact> = contacts.iter().filter(|contact| contact.reg_id.is_some()).cloned().collect();
    flows.sort_by_key(|contact| std::cmp::Reverse(rank(contact)));
    contacts.retain_mut(|contact| {
        if contact.reg_id.is_none() {
            return true;
        }
        let mut own = flows.iter().filter(|flow| flow.instance == contact.instance);
        let is_first = own.next().is_some_and(|first| first.key() == contact.key());
        let others: Box<[ContactFlow]> = own.map(flow_of).collect();
        contact.others = (!others.is_empty()).then_some(others);
        is_first
    });
}

fn flow_of(contact: &Contact) -> ContactFlow {
    let Contact { uri, path, flow, reachable, .. } = contact;
    ContactFlow { uri: uri.clone(), path: path.clone(), flow: flow.clone(), reachable: *reachable }
}
