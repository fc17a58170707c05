//! Registrations (RFC 3680): where an account is reached, for itself.

use super::package::Content;
use super::xml::{DECLARATION, Escaped};
use router::parameter::Registration;
use std::fmt::Write;

/// The body; always the full state. When a contact ends is left out: each refresh of a registration would be told otherwise.
pub(crate) fn write(registration: &Registration, entity: &str) -> Content {
    let head = format!("{DECLARATION}<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"");
    let mut rest = String::with_capacity(192 + 256 * registration.contacts.len());
    let _ = write!(
        rest,
        "\" state=\"full\">\r\n<registration aor=\"{}\" id=\"r\" state=\"{}\">\r\n",
        Escaped(entity),
        if registration.contacts.is_empty() { "terminated" } else { "active" },
    );
    for (number, contact) in registration.contacts.iter().enumerate() {
        let q = contact.q_thousandths.min(1_000);
        let _ = write!(
            rest,
            "<contact id=\"c{number}\" state=\"active\" event=\"registered\" callid=\"{}\" \
             q=\"{}.{:03}\"><uri>{}</uri></contact>\r\n",
            Escaped(&contact.call_id),
            q / 1_000,
            q % 1_000,
            Escaped(contact.uri.reveal()),
        );
    }
    rest.push_str("</registration>\r\n</reginfo>\r\n");
    Content { head, rest: Some(rest), ..Content::default() }
}
