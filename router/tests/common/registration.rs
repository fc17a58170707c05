//! Where accounts can be reached.

use super::{AT, Published, private};
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    let with_instance = Registration { account: "carol".to_owned(), contacts: vec![contact_of_an_instance()] };
    samples.add([registration(), Registration { account: "bob".to_owned(), contacts: vec![] }, with_instance]);
    let binding = Binding { account: "alice".to_owned(), contact: contact(), removed: false };
    samples.add([Binding { contact: bare_contact(), removed: true, ..binding.clone() }, binding]);
    samples.add([event()]);
}

pub(super) fn additions() -> Vec<(&'static str, Parameter)> {
    let moved = MovedBinding { key: contact().key().clone(), former: another_flow() };
    vec![("RegistrationEvent+moved", RegistrationEvent { moved: Some([moved].into()), ..event() }.into())]
}

fn event() -> RegistrationEvent {
    RegistrationEvent { registration: registration(), at: AT, missed: false, moved: None }
}

pub(super) fn contact() -> Contact {
    Contact {
        uri: private("sip:alice@192.0.2.7:5062;transport=udp"),
        path: vec![private("<sip:edge.example.org;lr>")],
        flow: private("udp 192.0.2.1:5060 198.51.100.7:41234"),
        q_thousandths: 700,
        expires: AT,
        call_id: "1-2@192.0.2.7".to_owned(),
        cseq: 4_294_967_295,
        user_agent: Some("baresip".to_owned()),
        latency_us: Some(1234),
        reachable: Some(true),
        apart: None,
        instance: None,
        reg_id: None,
        temporary: None,
        others: None,
    }
}

fn contact_of_an_instance() -> Contact {
    Contact {
        apart: Some(private("urn:uuid:00000000-0000-1000-8000-000a95a0e128;reg-id=1")),
        instance: Some(private("urn:uuid:00000000-0000-1000-8000-000a95a0e128")),
        reg_id: Some(1),
        temporary: Some(vec![private("tgruu.0123456789abcdef")]),
        others: Some([another_flow()].into()),
        ..contact()
    }
}

fn another_flow() -> ContactFlow {
    ContactFlow {
        uri: private("sip:alice@192.0.2.7:5063;transport=tcp"),
        path: vec![private("<sip:edge2.example.org;lr>")],
        flow: private("tcp 192.0.2.2:5060 198.51.100.7:41235"),
        reachable: Some(true),
    }
}

fn bare_contact() -> Contact {
    Contact { path: vec![], user_agent: None, latency_us: None, reachable: None, ..contact() }
}

pub(super) fn registration() -> Registration {
    Registration { account: "alice".to_owned(), contacts: vec![contact(), bare_contact()] }
}
