//! One media section: an `m=` line and the lines that belong to it.

use router::parameter::{Codec, Direction};
use smallvec::SmallVec;

use super::attribute::{Attributes, PacketTime, RtcpAddress};
use super::codec::{self, Fmtp, Rtpmap};
use super::session::{Bandwidth, Connection, UnknownLine};
use super::text::{Text, decimal};

/// `m=` (RFC 8866 §5.14) and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaSection {
    /// `audio`, `video`, `image`, `text`, `application`, `message`, or another.
    pub media: Text,
    /// Where the media is received; 0 rejects or ends the stream (RFC 3264 §6, §8.2).
    pub port: u16,
    /// How many port pairs, where a number stands behind the port; 1 else.
    pub port_count: u16,
    /// `RTP/AVP`, `RTP/SAVP`, `UDP/TLS/RTP/SAVPF`, `udptl`, or another.
    pub protocol: Text,
    /// Payload types, or what the protocol has in their stead, in order of preference.
    pub formats: Vec<Text>,
    /// `i=`: the stream's title.
    pub information: Option<Text>,
    /// `c=`, in order: several name layers of multicast.
    pub connections: Vec<Connection>,
    /// `b=`, in order.
    pub bandwidths: Vec<Bandwidth>,
    /// `k=`: obsolete; kept, never used.
    pub key: Option<Text>,
    /// Lines of letters that RFC 8866 does not have, in order.
    pub unknown: Vec<UnknownLine>,
    /// `a=`, in order.
    pub attributes: Attributes,
}

impl MediaSection {
    /// A section without attributes.
    pub fn new(media: Text, port: u16, protocol: Text, formats: Vec<Text>) -> MediaSection {
        MediaSection {
            media,
            port,
            port_count: 1,
            protocol,
            formats,
            information: None,
            connections: Vec::new(),
            bandwidths: Vec::new(),
            key: None,
            unknown: Vec::new(),
            attributes: Attributes::default(),
        }
    }

    /// Whether the stream is rejected or ended.
    pub fn is_disabled(&self) -> bool {
        self.port == 0
    }

    /// The direction of this level, if it says one; the session's and then `sendrecv` stand in for it (RFC 8866 §6.7).
    pub fn direction(&self) -> Option<Direction> {
        self.attributes.direction()
    }

    /// `a=rtpmap` of a payload type. The first one counts.
    pub fn rtpmap(&self, payload_type: u8) -> Option<Rtpmap<'_>> {
        self.attributes.values("rtpmap").filter_map(Rtpmap::parse).find(|map| map.payload_type == payload_type)
    }

    /// `a=fmtp` of a payload type. The first one counts.
    pub fn fmtp(&self, payload_type: u8) -> Option<Fmtp<'_>> {
        self.attributes.values("fmtp").filter_map(Fmtp::parse).find(|fmtp| fmtp.payload_type == payload_type)
    }

    /// The RTP formats in order of preference: payload types with what their rtpmap, or else the static table of RFC
    /// 3551, makes of them. One that is neither a number below 128 nor named is left out, as is a repeated one.
    pub fn codecs(&self) -> Vec<Codec> {
        self.codecs_beside(&[])
    }

    /// The same for an answer to an offer of these codecs: a dynamic payload type without an rtpmap, which old phones
    /// send for `telephone-event`, means what it meant in the offer.
    pub fn codecs_beside(&self, offered: &[Codec]) -> Vec<Codec> {
        let mut codecs = Vec::with_capacity(self.formats.len());
        // One pass over the attributes instead of one a format: a section of 128 formats and 1,000 attributes stays
        // cheap.
        let mut maps = ByPayloadType::new();
        let mut parameters = ByPayloadType::new();
        for attribute in self.attributes.iter() {
            if attribute.is("rtpmap") {
                if let Some(map) = attribute.value.as_ref().and_then(Rtpmap::parse) {
                    maps.note(map.payload_type, map);
                }
            } else if attribute.is("fmtp")
                && let Some(fmtp) = attribute.value.as_ref().and_then(Fmtp::parse)
            {
                parameters.note(fmtp.payload_type, fmtp);
            }
        }
        let mut seen = 0_u128;
        for text in &self.formats {
            let Some(payload_type) = decimal::<u8>(text.as_bytes()).filter(|number| *number < 128) else { continue };
            if seen & (1 << payload_type) != 0 {
                continue;
            }
            let (map, fmtp) = (maps.get(payload_type), parameters.get(payload_type));
            let resolved = codec::resolve(payload_type, map, fmtp).or_else(|| {
                let meant = offered.iter().find(|codec| codec.payload_type == payload_type && map.is_none());
                let meant =
                    meant.map(|codec| Codec { parameters: fmtp.map(|fmtp| fmtp.parameters.into()), ..codec.clone() });
                meant.filter(codec::is_writable)
            });
            if let Some(codec) = resolved {
                seen |= 1 << payload_type;
                codecs.push(codec);
            }
        }
        codecs
    }

    /// `a=rtcp` (RFC 3605): where RTCP is received if not one port above RTP.
    pub fn rtcp(&self) -> Option<RtcpAddress> {
        self.attributes.values("rtcp").find_map(RtcpAddress::parse)
    }

    /// `a=rtcp-mux` (RFC 5761): RTCP may share the RTP port.
    pub fn rtcp_mux(&self) -> bool {
        self.attributes.has("rtcp-mux")
    }

    /// `a=ptime` (RFC 8866 §6.4): the packet time that is wished for.
    pub fn ptime(&self) -> Option<PacketTime> {
        self.attributes.values("ptime").find_map(PacketTime::parse)
    }

    /// `a=maxptime` (RFC 8866 §6.5): the longest packet time that is borne.
    pub fn maxptime(&self) -> Option<PacketTime> {
        self.attributes.values("maxptime").find_map(PacketTime::parse)
    }
}

/// The first value that was noted for each payload type.
struct ByPayloadType<T> {
    /// Where the value of a payload type stands, counted from 1; 0: nowhere.
    places: [u8; 128],
    values: SmallVec<[T; 8]>,
}

impl<T: Copy> ByPayloadType<T> {
    fn new() -> Self {
        Self { places: [0; 128], values: SmallVec::new() }
    }

    fn note(&mut self, payload_type: u8, value: T) {
        let place = &mut self.places[usize::from(payload_type & 127)];
        if *place == 0 {
            self.values.push(value);
            // One value for each of 128 payload types.
            *place = self.values.len() as u8;
        }
    }

    fn get(&self, payload_type: u8) -> Option<T> {
        let place = self.places[usize::from(payload_type & 127)].checked_sub(1)?;
        self.values.get(usize::from(place)).copied()
    }
}
