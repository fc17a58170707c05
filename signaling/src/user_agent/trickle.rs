//! Candidates that a peer names by INFO, after its description (trickle, RFC 8840 §4.3): read here, and told to the call, which tells the leg's port. They concern no
//! other leg.

use super::info::INFO_PACKAGE;
use super::leg::{Head, Inbound, Purpose};
use super::means::Means;
use super::session::LEG_WITHIN;
use crate::message::{Header, Message, Method, ResponseWriter, StatusCode};
use crate::sdp::{Fragment, OfferAnswer, TRICKLE_FRAGMENT, TRICKLE_PACKAGE};
use router::parameter::{LegPhase, LegState};
use router::{Command, one};

/// What INFO packages we take (RFC 6086 §10.2).
pub(super) const RECV_INFO: &str = "Recv-Info";

/// Whether a request is one that names candidates.
pub(super) fn is_trickled(message: &Message) -> bool {
    let is_package = |package: &str| package.trim().eq_ignore_ascii_case(TRICKLE_PACKAGE);
    message.is(&Method::Info) && message.text(INFO_PACKAGE).is_some_and(is_package)
}

/// Takes one, in a dialog whose offers and answers are `media`. `phase`: what the call knows of it; `None`: nothing yet, and these are told with the rest.
pub(super) fn take(
    head: &mut Head,
    means: &mut Means,
    inbound: &Inbound,
    media: Option<&mut OfferAnswer>,
    phase: Option<LegPhase>,
) {
    let Inbound { key, message, flow } = inbound;
    let Some(media) = media.filter(|media| media.takes_candidates()) else {
        // RFC 6086 §4.2.2: who has not said that it takes them is told so.
        let tag = means.mint_tag();
        let response = means.response(message, flow, StatusCode::BAD_INFO_PACKAGE, &tag);
        let response = response.header(RECV_INFO, "nil").finish();
        means.respond(*key, response);
        return;
    };
    let is_fragment = matches!(message.content_type(), Ok(Some(kind)) if kind.is(TRICKLE_FRAGMENT));
    if !is_fragment {
        return means.refuse(*key, message, flow, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let Some(fragment) = Fragment::parse(message.body_octets()) else {
        return means.refuse(*key, message, flow, StatusCode::BAD_REQUEST);
    };
    let candidates = media.add_candidates(&fragment);
    means.refuse(*key, message, flow, StatusCode::OK);
    if let Some(phase) = phase.filter(|_| !candidates.is_empty()) {
        let state = LegState { candidates, ..LegState::new(phase) };
        head.request(means, Command::Set, one(state), LEG_WITHIN, Purpose::Candidates);
    }
}

/// Says that they are taken, where a dialog's descriptions have ways in them.
pub(super) fn write_response<'a>(media: &OfferAnswer, writer: ResponseWriter<'a>) -> ResponseWriter<'a> {
    match media.takes_candidates() {
        true => writer.header(RECV_INFO, TRICKLE_PACKAGE).header(Header::Supported, TRICKLE_PACKAGE),
        false => writer,
    }
}
