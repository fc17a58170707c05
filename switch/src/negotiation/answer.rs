//! Our answers.

use super::codec::{common, is_sound};
use super::medium::Terms;
use super::offer::{flow, formats, refused, stream};
use router::parameter::{Codec, MediaDescription, MediaStream, PortAddress};

/// Our answer to `offer`, whose stream `served` goes on at `address` by `terms`, and the formats agreed. `None`: they have
/// no sound in common.
pub(super) fn answer(
    offer: &MediaDescription,
    served: usize,
    terms: &Terms,
    address: PortAddress,
) -> Option<(MediaDescription, Vec<Codec>)> {
    let offered = offer.streams.get(served)?;
    let agreed = common(formats(offered), &terms.codecs);
    if !agreed.iter().any(is_sound) {
        return None;
    }
    let answered = MediaStream {
        // RFC 3264 §6.1: the transport is the offer's.
        transport: offered.transport.clone(),
        // RFC 5761 §5.1.1: only what was offered may be answered.
        rtcp_mux: offered.rtcp_mux,
        ptime_ms: terms.ptime_ms,
        max_ptime_ms: terms.max_ptime_ms,
        // RFC 3264 §6.1: not more than the offer permits.
        ..stream(address, agreed.clone(), terms.direction.and(flow(offered).mirrored()))
    };
    let answered = MediaStream { rtcp: if answered.rtcp_mux { None } else { answered.rtcp }, ..answered };
    let streams = offer
        .streams
        .iter()
        .enumerate()
        .map(|(index, other)| if index == served { answered.clone() } else { refused(other) })
        .collect();
    Some((MediaDescription { streams }, agreed))
}
