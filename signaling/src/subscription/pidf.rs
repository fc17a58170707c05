//! Presence documents as phones publish them (PIDF, RFC 3863; RPID, RFC 4480).
//!
//! What is read is bounded in size, depth and number, and refers to nothing: a document type, a processing instruction or a reference
//! to an entity that XML itself does not define ends the reading.

use crate::limits::{
    PRESENCE_ACTIVITIES_MAX, PRESENCE_DEPTH_MAX, PRESENCE_OCTETS_MAX, PRESENCE_TEXT_OCTETS_MAX, PRESENCE_TUPLES_MAX,
};
use quick_xml::Reader;
use quick_xml::events::Event;
use router::parameter::Presence;
use std::fmt;

/// Why a document is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// Longer than [`PRESENCE_OCTETS_MAX`].
    TooLong,
    /// Not UTF-8, or no XML.
    Malformed,
    /// XML that refers to something: a document type, an entity.
    Refers,
    /// Elements within elements beyond [`PRESENCE_DEPTH_MAX`].
    TooDeep,
    /// More tuples than [`PRESENCE_TUPLES_MAX`].
    TooMany,
    /// XML, and no presence document.
    Other,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the document is too long",
            Self::Malformed => "the document is no XML",
            Self::Refers => "the document refers to something outside",
            Self::TooDeep => "the document is too deep",
            Self::TooMany => "the document has too many tuples",
            Self::Other => "the document is not of presence",
        })
    }
}

/// Where text belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    Basic,
    Contact,
    Note,
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    tuples: Vec<Presence>,
    /// Of the person, or of the document.
    note: Option<String>,
    activities: Vec<String>,
    /// The names of the elements that are open.
    open: Vec<String>,
    field: Option<(Field, String)>,
}

/// Reads a document: its tuples; activities and notes that are of the person are each tuple's.
///
/// # Errors
/// Why it is not taken.
pub fn read(octets: &[u8]) -> Result<Vec<Presence>, Unreadable> {
    if octets.len() > PRESENCE_OCTETS_MAX {
        return Err(Unreadable::TooLong);
    }
    let text = std::str::from_utf8(octets).map_err(|_| Unreadable::Malformed)?;
    let mut reader = Reader::from_str(text);
    let mut reading = Reading::default();
    let mut is_presence = false;
    loop {
        match reader.read_event().map_err(|_| Unreadable::Malformed)? {
            Event::Eof => break,
            Event::Start(element) => {
                let (name, id) = (local(element.name().into_inner()), attribute(&element, "id"));
                if reading.open.is_empty() {
                    if is_presence || name != "presence" {
                        return Err(Unreadable::Other);
                    }
                    is_presence = true;
                }
                reading.begin(name, id)?;
            }
            Event::Empty(element) => {
                let (name, id) = (local(element.name().into_inner()), attribute(&element, "id"));
                if reading.open.is_empty() {
                    if is_presence || name != "presence" {
                        return Err(Unreadable::Other);
                    }
                    is_presence = true;
                }
                reading.begin(name, id)?;
                reading.end();
            }
            Event::End(_) => reading.end(),
            Event::Text(text) => reading.text(&text.into_inner()),
            Event::CData(text) => reading.text(&text.into_inner()),
            Event::GeneralRef(reference) => {
                let one = match reference.resolve_char_ref() {
                    Ok(Some(one)) => Some(one),
                    Ok(None) => match &*reference.into_inner() {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => None,
                    },
                    Err(_) => None,
                };
                reading.text(one.ok_or(Unreadable::Refers)?.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) | Event::PI(_) => return Err(Unreadable::Refers),
            Event::Comment(_) | Event::Decl(_) => {}
        }
    }
    if !is_presence {
        return Err(Unreadable::Other);
    }
    if !reading.open.is_empty() {
        return Err(Unreadable::Malformed);
    }
    Ok(reading.finish())
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn attribute(element: &quick_xml::events::BytesStart<'_>, wanted: &str) -> Option<String> {
    let found = element.try_get_attribute(wanted).ok()??;
    let value = found.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok()?;
    Some(value.into_owned())
}

impl Reading {
    fn begin(&mut self, name: &str, id: Option<String>) -> Result<(), Unreadable> {
        if self.open.len() >= PRESENCE_DEPTH_MAX {
            return Err(Unreadable::TooDeep);
        }
        self.field = None;
        match (self.open.last().map(String::as_str), name) {
            (Some("presence"), "tuple") => {
                if self.tuples.len() >= PRESENCE_TUPLES_MAX {
                    return Err(Unreadable::TooMany);
                }
                let id = id.map(|id| cut(&id)).unwrap_or_default();
                self.tuples.push(Presence { id, ..Presence::default() });
            }
            (Some("status"), "basic") => self.field = Some((Field::Basic, String::new())),
            (Some("tuple"), "contact") => self.field = Some((Field::Contact, String::new())),
            (_, "note") => self.field = Some((Field::Note, String::new())),
            (Some("activities"), activity) => self.activity(activity),
            _ => {}
        }
        self.open.push(name.to_owned());
        Ok(())
    }

    fn end(&mut self) {
        self.open.pop();
        let within_tuple = self.open.iter().any(|open| open == "tuple");
        let Some((field, text)) = self.field.take() else { return };
        let text = cut(text.trim());
        match (field, self.tuples.last_mut().filter(|_| within_tuple)) {
            (Field::Basic, Some(tuple)) => tuple.open = text == "open",
            (Field::Contact, Some(tuple)) => tuple.contact = Some(text.into()).filter(|_| true),
            (Field::Note, Some(tuple)) => {
                tuple.note.get_or_insert_with(|| text.into());
            }
            (Field::Note, None) if !text.is_empty() => {
                self.note.get_or_insert(text);
            }
            _ => {}
        }
    }

    fn text(&mut self, more: &str) {
        if let Some((_, text)) = &mut self.field
            && text.len() <= PRESENCE_TEXT_OCTETS_MAX
        {
            text.push_str(more);
        }
    }

    /// An element of RFC 4480 §3.2.
    fn activity(&mut self, name: &str) {
        let is_name = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-');
        let of_tuple = self.open.iter().any(|open| open == "tuple");
        let into = match self.tuples.last_mut().filter(|_| of_tuple) {
            Some(tuple) => &mut tuple.activities,
            None => &mut self.activities,
        };
        let is_new = !into.iter().any(|known| known == name);
        if is_name && is_new && into.len() < PRESENCE_ACTIVITIES_MAX && name.len() <= PRESENCE_TEXT_OCTETS_MAX {
            into.push(name.to_owned());
        }
    }

    fn finish(mut self) -> Vec<Presence> {
        let has_person = self.note.is_some() || !self.activities.is_empty();
        if self.tuples.is_empty() && has_person {
            self.tuples.push(Presence { open: true, ..Presence::default() });
        }
        for tuple in &mut self.tuples {
            if tuple.note.is_none() {
                tuple.note = self.note.clone().map(Into::into);
            }
            let room = PRESENCE_ACTIVITIES_MAX.saturating_sub(tuple.activities.len());
            let own = tuple.activities.clone();
            tuple.activities.extend(self.activities.iter().filter(|one| !own.contains(one)).take(room).cloned());
        }
        self.tuples
    }
}

/// The beginning of a text that may be kept.
fn cut(text: &str) -> String {
    let mut end = text.len().min(PRESENCE_TEXT_OCTETS_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<impp:presence xmlns:impp="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
  xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@tandem">
 <!-- a comment -->
 <impp:tuple id="bs35r9"><impp:status><impp:basic> open </impp:basic></impp:status>
  <impp:contact priority="0.8">sip:alice@192.0.2.7</impp:contact><impp:note>A&amp;B &#8364;</impp:note></impp:tuple>
 <impp:tuple id="eg92n8"><impp:status><impp:basic>closed</impp:basic></impp:status></impp:tuple>
 <dm:person id="p1"><rpid:activities><rpid:meal/><rpid:away/></rpid:activities><dm:note>at lunch</dm:note></dm:person>
</impp:presence>"#;

    #[test]
    fn tuples_and_the_person_are_read() {
        let tuples = read(DOCUMENT.as_bytes()).unwrap();
        assert_eq!(tuples.len(), 2);
        assert_eq!((tuples[0].id.as_str(), tuples[0].open), ("bs35r9", true));
        assert_eq!(tuples[0].note.as_ref().unwrap().reveal(), "A&B €");
        assert_eq!(tuples[0].contact.as_ref().unwrap().reveal(), "sip:alice@192.0.2.7");
        assert_eq!((tuples[1].open, tuples[1].note.as_ref().unwrap().reveal().as_str()), (false, "at lunch"));
        assert_eq!(tuples[1].activities, ["meal", "away"]);
        let person = "<presence><person><activities><busy/></activities></person></presence>";
        assert_eq!(read(person.as_bytes()).unwrap()[0].activities, ["busy"]);
    }

    #[test]
    fn what_refers_or_goes_on_for_ever_is_refused() {
        let nested = |depth: usize| format!("<presence>{}{}</presence>", "<a>".repeat(depth), "</a>".repeat(depth));
        for (document, why) in [
            ("<!DOCTYPE p [<!ENTITY a \"b\">]><presence>&a;</presence>".to_owned(), Unreadable::Refers),
            ("<presence><note>&a;</note></presence>".to_owned(), Unreadable::Refers),
            ("<presence><?php x?></presence>".to_owned(), Unreadable::Refers),
            ("<presence><note>&#0;</note></presence>".to_owned(), Unreadable::Refers),
            (nested(PRESENCE_DEPTH_MAX), Unreadable::TooDeep),
            (
                format!("<presence>{}</presence>", "<tuple id='a'/>".repeat(PRESENCE_TUPLES_MAX + 1)),
                Unreadable::TooMany,
            ),
            (format!("<presence>{}</presence>", " ".repeat(PRESENCE_OCTETS_MAX)), Unreadable::TooLong),
            ("<presence>".to_owned(), Unreadable::Malformed),
            ("<presence></other>".to_owned(), Unreadable::Malformed),
            ("<dialog-info/>".to_owned(), Unreadable::Other),
            ("<presence/><presence/>".to_owned(), Unreadable::Other),
            (String::new(), Unreadable::Other),
        ] {
            assert_eq!(read(document.as_bytes()), Err(why), "{document:.80}");
        }
        assert_eq!(read(b"\xff"), Err(Unreadable::Malformed));
        assert!(read(nested(PRESENCE_DEPTH_MAX - 1).as_bytes()).unwrap().is_empty());
        let long = format!("<presence><tuple><note>{}</note></tuple></presence>", "ü".repeat(PRESENCE_TEXT_OCTETS_MAX));
        let note = read(long.as_bytes()).unwrap()[0].note.clone().unwrap().into_inner();
        assert!(note.len() <= PRESENCE_TEXT_OCTETS_MAX && !note.is_empty());
    }
}
