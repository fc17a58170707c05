//! Presence (RFC 3856, RFC 3863, RFC 4480) as watchers are told it: what the account's phones publish, whether it is registered, whether
//! it is on the telephone.

use super::xml::{DECLARATION, Escaped};
use router::parameter::Presence;
use std::fmt::Write;

/// How busy an account's telephones are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Telephony {
    /// No call.
    Idle,
    /// Rings.
    Ringing,
    /// Talks.
    Talking,
}

/// The body. What is published stands first, as some watchers read the first tuple alone; the last tuple says whether the account is
/// reached by telephone.
pub(crate) fn write(published: &[Presence], registered: bool, telephony: Telephony, entity: &str) -> String {
    let mut body = String::with_capacity(768);
    body.push_str(DECLARATION);
    let _ = write!(
        body,
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"{}\">\r\n",
        Escaped(entity)
    );
    for (number, tuple) in published.iter().enumerate() {
        let basic = basic(tuple.open);
        let _ = write!(body, "<tuple id=\"p{number}\"><status><basic>{basic}</basic></status>");
        if let Some(contact) = tuple.contact.as_ref().filter(|contact| !contact.reveal().is_empty()) {
            let _ = write!(body, "<contact>{}</contact>", Escaped(contact.reveal()));
        }
        if let Some(note) = tuple.note.as_ref().filter(|note| !note.reveal().is_empty()) {
            let _ = write!(body, "<note>{}</note>", Escaped(note.reveal()));
        }
        body.push_str("</tuple>\r\n");
    }
    let _ = write!(
        body,
        "<tuple id=\"telephone\"><status><basic>{}</basic></status><contact>{}</contact>",
        basic(registered),
        Escaped(entity)
    );
    if published.is_empty() {
        let note = match telephony {
            _ if !registered => "Offline",
            Telephony::Idle => "Online",
            Telephony::Ringing => "Ringing",
            Telephony::Talking => "On the phone",
        };
        let _ = write!(body, "<note>{note}</note>");
    }
    body.push_str("</tuple>\r\n");
    let activities: Vec<&str> = published.iter().flat_map(|tuple| &tuple.activities).map(String::as_str).collect();
    if !activities.is_empty() || telephony != Telephony::Idle {
        body.push_str("<dm:person id=\"person\"><rpid:activities>");
        if telephony == Telephony::Talking && !activities.contains(&"on-the-phone") {
            body.push_str("<rpid:on-the-phone/>");
        }
        // RFC 4480 has no element for a telephone that rings; whoever hears it is busy.
        if telephony == Telephony::Ringing && !activities.contains(&"busy") {
            body.push_str("<rpid:busy/>");
        }
        for (at, activity) in activities.iter().enumerate() {
            if !activities[..at].contains(activity) {
                let _ = write!(body, "<rpid:{activity}/>");
            }
        }
        body.push_str("</rpid:activities></dm:person>\r\n");
    }
    body.push_str("</presence>\r\n");
    body
}

/// A document that tells these tuples of an account which is nowhere registered.
pub fn published_again(tuples: &[Presence]) -> String {
    write(tuples, false, Telephony::Idle, "sip:user@domain")
}

const fn basic(open: bool) -> &'static str {
    if open { "open" } else { "closed" }
}

#[cfg(test)]
mod tests {
    use super::super::pidf;
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let presence = Presence {
            id: "x".to_owned(),
            open: true,
            contact: None,
            note: Some("<b> & \"c\"".to_owned().into()),
            activities: vec!["meal".to_owned()],
        };
        let body = write(&[presence], false, Telephony::Talking, "sip:alice@tandem");
        let read = pidf::read(body.as_bytes()).unwrap();
        assert_eq!((read[0].open, read[0].note.as_ref().unwrap().reveal().as_str()), (true, "<b> & \"c\""));
        assert_eq!(read[0].activities, ["on-the-phone", "meal"]);
        assert!(!read[1].open, "it is not registered");
        assert!(write(&[], false, Telephony::Idle, "sip:a@b").contains("<note>Offline</note>"));
    }
}
