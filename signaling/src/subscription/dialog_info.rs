//! Dialogs (RFC 4235): what the lamp of a telephone shows, and what its call is picked up by.
//!
//! A dialog is told as the watched account's phone has it: its tag is the local one, ours the remote one. Whoever sends an INVITE to the
//! account with `Replaces: CALL-ID;to-tag=LOCAL;from-tag=REMOTE` names the call that rings there (RFC 3891 §3).

use super::calls::DialogState;
use super::package::Content;
use super::xml::{DECLARATION, Escaped};
use crate::message::{Scheme, Uri};
use router::parameter::{LegPhase, Party};
use std::fmt::Write;

/// The body: always the full state, in which the dialogs that were told before and are gone stand once more, as terminated: some phones
/// switch a lamp off by that alone. `domain` is that of our numbers.
pub(crate) fn write<'a>(
    dialogs: impl Iterator<Item = &'a DialogState>,
    gone: &[(String, bool)],
    entity: &str,
    domain: &str,
) -> Content {
    let head = format!("{DECLARATION}<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"");
    let mut rest = String::with_capacity(512);
    let _ = write!(rest, "\" state=\"full\" entity=\"{}\">\r\n", Escaped(entity));
    for dialog in dialogs {
        let DialogState { leg_id, incoming, phase, tags, other } = dialog;
        let id = Escaped(leg_id);
        let _ = write!(rest, "<dialog id=\"{id}\" call-id=\"{id}\"");
        if let Some(tags) = tags {
            let (local, remote) = (Escaped(&tags.remote), Escaped(&tags.local));
            let _ = write!(rest, " local-tag=\"{local}\" remote-tag=\"{remote}\"");
        }
        let _ = write!(rest, " direction=\"{}\"><state>{}</state>", direction(*incoming), state(*phase));
        let entity = Escaped(entity);
        let _ = write!(rest, "<local><identity>{entity}</identity><target uri=\"{entity}\"/></local>");
        if let Some(uri) = other.as_ref().and_then(|other| uri_of(other, domain)) {
            let uri = Escaped(uri.as_str());
            rest.push_str("<remote><identity");
            if let Some(name) = other.as_ref().and_then(|other| other.display_name.as_ref()) {
                let _ = write!(rest, " display=\"{}\"", Escaped(name.reveal()));
            }
            let _ = write!(rest, ">{uri}</identity><target uri=\"{uri}\"/></remote>");
        } else {
            let hidden = "sip:anonymous@anonymous.invalid";
            let _ = write!(
                rest,
                "<remote><identity display=\"Anonymous\">{hidden}</identity><target uri=\"{hidden}\"/></remote>"
            );
        }
        rest.push_str("</dialog>\r\n");
    }
    let mut tail = String::with_capacity(32 + 160 * gone.len());
    for (leg_id, incoming) in gone {
        let id = Escaped(leg_id);
        let direction = direction(*incoming);
        let _ = write!(
            tail,
            "<dialog id=\"{id}\" call-id=\"{id}\" direction=\"{direction}\"><state>terminated</state></dialog>\r\n"
        );
    }
    tail.push_str("</dialog-info>\r\n");
    Content { head, rest: Some(rest), tail, tells_gone: !gone.is_empty(), state: None }
}

/// A leg that came in is one that its phone began.
const fn direction(incoming: bool) -> &'static str {
    if incoming { "initiator" } else { "recipient" }
}

const fn state(phase: LegPhase) -> &'static str {
    match phase {
        LegPhase::Trying => "trying",
        LegPhase::Ringing | LegPhase::Early => "early",
        LegPhase::Answered => "confirmed",
        LegPhase::Released => "terminated",
    }
}

/// A number is one of ours, as watchers dial it.
fn uri_of(party: &Party, domain: &str) -> Option<Uri> {
    let user = Some(party.user()).filter(|user| !user.is_empty())?;
    Uri::sip(Scheme::Sip, Some(user), domain, None)
}
