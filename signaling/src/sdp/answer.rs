//! Answers: ours to the peer's offer, and the peer's to ours (RFC 3264 §6, §7).

use router::parameter::{MediaDescription, MediaStream, MediaTransport};

use super::agreement::paired;
use super::bundle::Mid;
use super::codec;
use super::fault::{AnswerFault, LocalFault, OfferAnswerError, Unacceptable};
use super::offer::{Sections, Slot, receives_at, voice};
use super::payload_type::PayloadTypes;
use super::security::{is_handshaken, is_secure};
use super::session::SessionDescription;
use super::typed;

/// Why an offer cannot be served at all; `None` if it can. An offer that ends every stream of a session is served by
/// ending them.
pub(super) fn unacceptable(
    offer: &SessionDescription,
    typed: &MediaDescription,
    in_session: bool,
) -> Option<Unacceptable> {
    let enabled = || offer.media.iter().zip(&typed.streams).filter(|(section, _)| !section.is_disabled());
    if enabled().next().is_none() {
        return (!in_session).then_some(Unacceptable::Stream);
    }
    let voices =
        || enabled().map(|(_, stream)| stream).filter(|stream| stream.kind == router::parameter::MediaKind::Audio);
    if voices().next().is_none() {
        return Some(Unacceptable::Kind);
    }
    let served = || voices().filter(|stream| typed::is_served(stream));
    if served().next().is_none() {
        return Some(Unacceptable::Transport);
    }
    let reachable = || served().filter(|stream| stream.rtp.is_some());
    if reachable().next().is_none() {
        return Some(Unacceptable::Address);
    }
    (!reachable().any(|stream| voice(&stream.codecs).is_some())).then_some(Unacceptable::Codec)
}

/// The sections of our answer, one for each of the offer, and the slots that they make.
///
/// A stream is refused (port 0) where the offer ended it, where it is not served, where the description refuses it or
/// has none, and where no voice codec is common. The rest has the offer's payload types, at most the direction that the
/// offer permits, and `rtcp-mux` only if offered.
///
/// # Errors
/// [`OfferAnswerError::NotAcceptable`] if every stream of the offer would be refused, and [`LocalFault`] for what
/// cannot be written.
pub(super) fn sections(
    former: &[Slot],
    offer: &SessionDescription,
    offered: &MediaDescription,
    description: &MediaDescription,
) -> Result<(Sections, Vec<Slot>), OfferAnswerError> {
    if description.streams.len() > offer.media.len() {
        return Err(LocalFault::TooManyStreams.into());
    }
    let mut slots = Vec::with_capacity(offer.media.len());
    let mut sections = Vec::with_capacity(offer.media.len());
    for (index, (section, offered)) in offer.media.iter().zip(&offered.streams).enumerate() {
        let mut slot = Slot {
            media: section.media.clone(),
            protocol: section.protocol.clone(),
            formats: section.formats.clone(),
            types: former.get(index).map_or_else(PayloadTypes::default, |slot| slot.types.clone()),
            mid: Mid::of(offer, section),
        };
        slot.types.bind(&offered.codecs);
        let answered = match description.streams.get(index) {
            Some(stream) => answer(offered, stream)?,
            None => None,
        };
        match answered {
            Some(stream) => {
                slot.types.bind(&stream.codecs);
                let rtp = stream.rtp.ok_or(LocalFault::Address)?;
                let mut section =
                    typed::section(slot.media.clone(), slot.protocol.clone(), rtp, &stream, &stream.codecs);
                slot.formats = section.formats.clone();
                slot.mid.write(&mut section);
                sections.push((section, Some(rtp.ip())));
            }
            None => sections.push((slot.disabled(), None)),
        }
        slots.push(slot);
    }
    let is_wanted = offer.media.iter().any(|section| !section.is_disabled());
    if is_wanted && sections.iter().all(|(section, _)| section.is_disabled()) {
        return Err(OfferAnswerError::NotAcceptable(Unacceptable::Codec));
    }
    Ok((sections, slots))
}

/// The sections of an answer that refuses every stream (port 0).
pub(super) fn refusals(offer: &SessionDescription) -> Sections {
    let refused = offer.media.iter().map(|section| {
        let slot = Slot {
            media: section.media.clone(),
            protocol: section.protocol.clone(),
            formats: section.formats.clone(),
            types: PayloadTypes::default(),
            mid: Mid::of(offer, section),
        };
        (slot.disabled(), None)
    });
    refused.collect()
}

/// Our side of one stream as the offer permits it; `None` refuses it.
fn answer(offered: &MediaStream, stream: &MediaStream) -> Result<Option<MediaStream>, LocalFault> {
    let Some(rtp) = receives_at(stream)? else { return Ok(None) };
    if offered.rtp.is_none() || !typed::is_served(offered) || stream.kind != offered.kind {
        return Ok(None);
    }
    let Some(codecs) = voice(&stream.codecs).and_then(|codecs| voice(&codec::numbered_by(&offered.codecs, &codecs)))
    else {
        return Ok(None);
    };
    Ok(Some(MediaStream {
        kind: offered.kind.clone(),
        transport: offered.transport.clone(),
        rtp: Some(rtp),
        rtcp: stream.rtcp,
        rtcp_mux: stream.rtcp_mux && offered.rtcp_mux,
        direction: stream.direction.and(offered.direction.mirrored()),
        codecs,
        ptime_ms: stream.ptime_ms,
        max_ptime_ms: stream.max_ptime_ms,
        protection: None,
        dtls: None,
        ice: None,
        voip_metrics: offered.voip_metrics,
        summary: offered.summary,
        seeks_anew: false,
        chosen_ways: Vec::new(),
        served: None,
    }))
}

/// The peer's answer as our offer permits it, one stream for each of the offer.
///
/// Fewer sections than offered are borne: old phones leave out what they refuse. What goes beyond the offer (a
/// direction, a codec, `rtcp-mux`, a stream that was not offered) is taken away, not complained about.
///
/// # Errors
/// [`AnswerFault`]: more sections than the offer, or one of another kind or transport.
pub(super) fn permitted(offer: &MediaDescription, answer: MediaDescription) -> Result<MediaDescription, AnswerFault> {
    // Beyond the offer's own lines nothing is agreed; one that is refused does no harm.
    let more = answer.streams.get(offer.streams.len()..).unwrap_or_default();
    if more.iter().any(|stream| stream.rtp.is_some()) {
        return Err(AnswerFault::TooManyStreams);
    }
    let mut answered = answer.streams.into_iter();
    let mut streams = Vec::with_capacity(offer.streams.len());
    for offered in &offer.streams {
        let Some(mut stream) = answered.next() else {
            streams.push(refused(offered));
            continue;
        };
        if stream.kind != offered.kind {
            return Err(AnswerFault::Kind);
        }
        if offered.rtp.is_none() || stream.rtp.is_none() {
            streams.push(refused(offered));
            continue;
        }
        let is_avp = |transport: &MediaTransport| matches!(transport, MediaTransport::RtpAvp | MediaTransport::RtpAvpf);
        let alike = |is: fn(&MediaTransport) -> bool| is(&stream.transport) && is(&offered.transport);
        if stream.transport != offered.transport && !alike(is_avp) && !alike(is_secure) && !alike(is_handshaken) {
            return Err(AnswerFault::Transport);
        }
        let pairs = paired(&offered.codecs, &stream.codecs);
        let codecs: Vec<_> = pairs.into_iter().map(|(_, remote)| remote.clone()).collect();
        if voice(&codecs).is_none() {
            streams.push(refused(offered));
            continue;
        }
        stream.codecs = codecs;
        stream.direction = stream.direction.and(offered.direction.mirrored());
        stream.rtcp_mux &= offered.rtcp_mux;
        stream.voip_metrics &= offered.voip_metrics;
        stream.summary = stream.summary.and(offered.summary);
        streams.push(stream);
    }
    Ok(MediaDescription { streams })
}

/// A stream of an offer, refused.
fn refused(offered: &MediaStream) -> MediaStream {
    MediaStream {
        kind: offered.kind.clone(),
        transport: offered.transport.clone(),
        rtp: None,
        rtcp: None,
        rtcp_mux: false,
        direction: router::parameter::Direction::Inactive,
        codecs: Vec::new(),
        ptime_ms: None,
        max_ptime_ms: None,
        protection: None,
        dtls: None,
        ice: None,
        voip_metrics: false,
        summary: Default::default(),
        seeks_anew: false,
        chosen_ways: Vec::new(),
        served: None,
    }
}
