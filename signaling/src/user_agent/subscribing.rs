//! SUBSCRIBE within a call's dialog. What a transfer is told of lives there (see `refer`); anything else is to have a dialog of its own.

use super::leg::Inbound;
use super::means::Means;
use crate::message::{Header, Message, Parameterized, StatusCode};
use crate::subscription::{ALLOW_EVENTS, Package};

/// What a SUBSCRIBE is for; or the status that refuses it (RFC 6665 §7.2.1: 489 without an event), and its words.
pub(super) fn event_of(message: &Message) -> Result<Parameterized<'_>, (StatusCode, &'static str)> {
    match message.event() {
        Ok(Some(event)) => Ok(event),
        Ok(None) => Err((StatusCode::BAD_EVENT, "Missing Event Header")),
        Err(_) => Err((StatusCode::BAD_REQUEST, "Malformed Event Header")),
    }
}

/// Refuses one that asks for a subscription in this dialog: 489 for an event that is none of ours, and 603 for one that is, which
/// ends nothing of what the dialog has (RFC 5057 §5.6, RFC 6665 §4.5.2).
pub(super) fn refuse(means: &mut Means, inbound: &Inbound) {
    let Inbound { key, message, flow } = inbound;
    let (status, reason) = match event_of(message) {
        Ok(event) if Package::parse(event.value).is_some() => {
            (StatusCode::DECLINE, "A Subscription Has Its Own Dialog")
        }
        Ok(_) => (StatusCode::BAD_EVENT, StatusCode::BAD_EVENT.reason()),
        Err(refusal) => refusal,
    };
    let tag = means.mint_tag();
    let mut writer = means.response(message, flow, status, &tag).reason(reason);
    if status == StatusCode::BAD_EVENT {
        writer = writer.header(Header::AllowEvents, ALLOW_EVENTS);
    }
    let response = writer.finish();
    means.respond(*key, response);
}
