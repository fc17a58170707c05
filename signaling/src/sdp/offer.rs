//! Our offer: from a typed description to media sections that keep their places for the life of the dialog.

use std::net::{IpAddr, SocketAddr};

use router::parameter::{Codec, MediaDescription, MediaStream};

use super::agreement::Agreement;
use super::bundle::Mid;
use super::codec::is_companion;
use super::fault::LocalFault;
use super::limits::SDP_MEDIA_MAX;
use super::media::MediaSection;
use super::payload_type::PayloadTypes;
use super::text::Text;
use super::typed;

/// One `m=` line's place in the dialog. RFC 3264 §8: it never goes away; a stream that ended stays as port 0, and its
/// place may be taken by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The kind of media, as last written.
    pub(super) media: Text,
    /// The transport, as last written.
    pub(super) protocol: Text,
    /// The formats, as last written: what a disabled stream shows.
    pub(super) formats: Vec<Text>,
    /// What its payload types mean.
    pub(super) types: PayloadTypes,
    /// What the peer calls it.
    pub(super) mid: Mid,
}

impl Slot {
    /// The section of a stream that is refused or ended.
    pub(super) fn disabled(&self) -> MediaSection {
        let formats = if self.formats.is_empty() { vec![Text::literal("0")] } else { self.formats.clone() };
        let mut section = MediaSection::new(self.media.clone(), 0, self.protocol.clone(), formats);
        self.mid.write(&mut section);
        section
    }
}

/// Media sections, each with the address where it is received.
pub(super) type Sections = Vec<(MediaSection, Option<IpAddr>)>;

/// The sections of an offer of these streams, in a dialog that has these slots; the slots become what the offer makes
/// of them.
///
/// # Errors
/// [`LocalFault`]: nothing to offer, too many streams, an address or a word that cannot be written.
pub(super) fn sections(
    slots: &mut Vec<Slot>,
    description: &MediaDescription,
    before: Option<&Agreement>,
) -> Result<Sections, LocalFault> {
    if description.streams.len() > SDP_MEDIA_MAX {
        return Err(LocalFault::TooManyStreams);
    }
    let mut sections = Vec::with_capacity(slots.len().max(description.streams.len()));
    for (index, stream) in description.streams.iter().enumerate() {
        let offered = match receives_at(stream)? {
            Some(rtp) if typed::is_served(stream) || before.is_some_and(|before| before.is_secure(index)) => {
                voice(&stream.codecs).map(|codecs| (rtp, codecs))
            }
            _ => None,
        };
        // A stream that is not offered leaves the words of its place as they were; one that is offered may change them
        // (RFC 3264 §8.3.3).
        if offered.is_some() || index >= slots.len() {
            let media = typed::kind_text(&stream.kind).ok_or(LocalFault::NotAToken)?;
            let protocol = typed::transport_text(&stream.transport).ok_or(LocalFault::NotAToken)?;
            match slots.get_mut(index) {
                Some(slot) => (slot.media, slot.protocol) = (media, protocol),
                None => slots.push(Slot {
                    media,
                    protocol,
                    formats: Vec::new(),
                    types: PayloadTypes::default(),
                    mid: Mid::default(),
                }),
            }
        }
        let Some(slot) = slots.get_mut(index) else { break };
        let numbered = offered.map(|(rtp, codecs)| (rtp, slot.types.allocate(&codecs)));
        match numbered {
            Some((rtp, codecs)) if codecs.iter().any(|codec| !is_companion(codec)) => {
                let mut section = typed::section(slot.media.clone(), slot.protocol.clone(), rtp, stream, &codecs);
                slot.formats = section.formats.clone();
                slot.mid.write(&mut section);
                sections.push((section, Some(rtp.ip())));
            }
            _ => sections.push((slot.disabled(), None)),
        }
    }
    sections.extend(slots.iter().skip(description.streams.len()).map(|slot| (slot.disabled(), None)));
    if sections.iter().all(|(section, _)| section.is_disabled()) {
        return Err(LocalFault::NothingOffered);
    }
    Ok(sections)
}

/// Where we receive a stream; `None` if it is refused.
///
/// # Errors
/// [`LocalFault::Address`]: an unspecified address would put the peer on hold the old way.
pub(super) fn receives_at(stream: &MediaStream) -> Result<Option<SocketAddr>, LocalFault> {
    match stream.rtp {
        Some(rtp) if rtp.ip().is_unspecified() || rtp.ip().is_multicast() => Err(LocalFault::Address),
        rtp => Ok(rtp.filter(|rtp| rtp.port() != 0)),
    }
}

/// The codecs that may be written, if a voice is among them.
pub(super) fn voice(codecs: &[Codec]) -> Option<Vec<Codec>> {
    let codecs: Vec<Codec> = codecs.iter().filter(|codec| typed::is_carried(codec)).cloned().collect();
    codecs.iter().any(|codec| !is_companion(codec)).then_some(codecs)
}
