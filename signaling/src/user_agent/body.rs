//! The bodies of messages: SDP in and out.

use crate::message::{Message, host_address};
use crate::sdp::Agreement;
use crate::transport::Listener;
use bytes::Bytes;
use router::parameter::MediaDescription;
use std::net::IpAddr;

/// The type of our descriptions.
pub(super) const SDP: &str = "application/sdp";

/// The session description that a message carries, alone or among other parts (RFC 5621).
pub(super) fn sdp_of(message: &Message) -> Option<Bytes> {
    let part = message.session_part(SDP)?;
    Some(message.body().slice_ref(part))
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

/// The address that our `o=` lines say for dialogs through a listener, with a peer that reached that address of ours: what is
/// advertised there, or its own.
pub(super) fn origin_address(listener: Option<&Listener>, local: Option<IpAddr>) -> IpAddr {
    let advertised = listener.and_then(|listener| host_address(listener.advertised_from(local).host()));
    let own = || listener.map(|listener| listener.local().ip()).filter(|address| !address.is_unspecified());
    advertised.filter(|address| !address.is_unspecified()).or_else(own).or(local).unwrap_or(IpAddr::from([0, 0, 0, 0]))
}
