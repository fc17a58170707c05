//! The bodies of messages: SDP in and out.

use crate::message::{Header, Message};
use crate::sdp::Agreement;
use crate::transport::{Flow, Listener};
use bytes::Bytes;
use router::parameter::MediaDescription;
use std::net::IpAddr;

/// The type of our descriptions.
pub(super) const SDP: &str = "application/sdp";

/// The session description that a message carries.
pub(super) fn sdp_of(message: &Message) -> Option<Bytes> {
    if message.body_octets().is_empty() {
        return None;
    }
    // RFC 3261 §20.11: only `session` (the default for SDP) takes part in offer and answer.
    let disposition = message.parameterized(Header::ContentDisposition).ok().flatten();
    if disposition.is_some_and(|disposition| !disposition.is("session")) {
        return None;
    }
    match message.content_type().ok()? {
        Some(kind) if !kind.is(SDP) => None,
        _ => Some(message.body()),
    }
}

/// The peer's side of an agreement as the switch is told it: where a codec has one number each way, both.
pub(super) fn told(agreement: &Agreement) -> MediaDescription {
    let mut description = agreement.remote().clone();
    for agreed in agreement.streams() {
        let Some(stream) = description.streams.get_mut(agreed.index) else { continue };
        stream.codecs = agreed
            .codecs
            .into_iter()
            .map(|codec| {
                let mut told = codec.send;
                let received = codec.receive.payload_type;
                told.receive_payload_type = (received != told.payload_type).then_some(received);
                told
            })
            .collect();
    }
    description
}

/// The address that our `o=` lines say for dialogs through a listener: what it is advertised as, or its own.
pub(super) fn origin_address(listener: Option<&Listener>, flow: Option<&Flow>) -> IpAddr {
    let advertised = listener.and_then(|listener| crate::message::host_address(listener.advertised().host()));
    let own = || listener.map(|listener| listener.local().ip()).filter(|address| !address.is_unspecified());
    advertised
        .filter(|address| !address.is_unspecified())
        .or_else(own)
        .or_else(|| flow.map(|flow| flow.local.ip()))
        .unwrap_or(IpAddr::from([0, 0, 0, 0]))
}
