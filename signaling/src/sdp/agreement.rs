//! What an offer and its answer have come to.

use std::net::SocketAddr;

use bytes::Bytes;
use router::parameter::{Codec, Direction, MediaDescription, MediaKind};

use super::offer::Slot;

/// Which part we had in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We offered.
    Offerer,
    /// We answered.
    Answerer,
}

/// An offer and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub(super) role: Role,
    pub(super) local: MediaDescription,
    pub(super) remote: MediaDescription,
    pub(super) local_text: Bytes,
    pub(super) slots: Vec<Slot>,
    pub(super) peer_holds: bool,
}

impl Agreement {
    /// Whether the offer was ours.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Our description: where we receive, and the payload types that we are sent.
    pub fn local(&self) -> &MediaDescription {
        &self.local
    }

    /// The peer's: where it receives, and the payload types that it is sent. As an answer it has been cut to what our
    /// offer permits.
    pub fn remote(&self) -> &MediaDescription {
        &self.remote
    }

    /// The peer's description for who relays its media: where an answer numbers a codec unlike the offer, both numbers are
    /// told ([`Codec::receive_payload_type`]).
    pub fn remote_for_media(&self) -> MediaDescription {
        let mut description = self.remote.clone();
        for stream in self.streams() {
            let Some(described) = description.streams.get_mut(stream.index) else { continue };
            for AgreedCodec { send, receive } in &stream.codecs {
                if send.payload_type != receive.payload_type
                    && let Some(codec) = described.codecs.iter_mut().find(|codec| *codec == send)
                {
                    codec.receive_payload_type = Some(receive.payload_type);
                }
            }
        }
        description
    }

    /// Whether a stream has keys, or will have.
    pub(super) fn is_secure(&self, index: usize) -> bool {
        self.remote.streams.get(index).is_some_and(|stream| stream.protection.is_some() || stream.dtls.is_some())
    }

    /// Whether the peer has us on hold. An answer that does not listen because our offer does not send is no hold of
    /// the peer's.
    pub fn peer_holds(&self) -> bool {
        self.peer_holds
    }

    /// Our text as it was sent.
    pub fn local_text(&self) -> &Bytes {
        &self.local_text
    }

    /// The streams that are in use, resolved for who carries them.
    pub fn streams(&self) -> Vec<AgreedStream> {
        let pairs = self.local.streams.iter().zip(&self.remote.streams).enumerate();
        let streams = pairs.filter_map(|(index, (local, remote))| {
            let (local_rtp, remote_rtp) = (local.rtp?, remote.rtp?);
            let rtcp_mux = local.rtcp_mux && remote.rtcp_mux;
            let reachable = |address: &SocketAddr| !address.ip().is_unspecified();
            let remote_rtcp = match remote.rtcp {
                _ if rtcp_mux => None,
                Some(rtcp) => Some(rtcp),
                // RFC 3550 §11: one port above.
                None => remote_rtp.port().checked_add(1).map(|port| SocketAddr::new(remote_rtp.ip(), port)),
            };
            let codecs: Vec<AgreedCodec> = match self.role {
                Role::Offerer => paired(&local.codecs, &remote.codecs).into_iter().map(AgreedCodec::new).collect(),
                Role::Answerer => {
                    let pairs = paired(&remote.codecs, &local.codecs).into_iter();
                    pairs.map(|(remote, local)| AgreedCodec::new((local, remote))).collect()
                }
            };
            (!codecs.is_empty()).then(|| AgreedStream {
                index,
                kind: local.kind.clone(),
                local_rtp,
                remote_rtp: Some(remote_rtp).filter(reachable),
                remote_rtcp: remote_rtcp.filter(reachable),
                rtcp_mux,
                direction: local.direction.and(remote.direction.mirrored()),
                codecs,
                ptime_ms: remote.ptime_ms,
                max_ptime_ms: remote.max_ptime_ms,
            })
        });
        streams.collect()
    }
}

/// A stream in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedStream {
    /// Which `m=` line, from 0.
    pub index: usize,
    /// What it carries.
    pub kind: MediaKind,
    /// Where we receive RTP.
    pub local_rtp: SocketAddr,
    /// Where the peer receives RTP; `None` while that is unknown, or on the old hold.
    pub remote_rtp: Option<SocketAddr>,
    /// Where the peer receives RTCP; `None` where it shares the RTP port, or that is unknown.
    pub remote_rtcp: Option<SocketAddr>,
    /// Whether RTCP shares the RTP port both ways (RFC 5761).
    pub rtcp_mux: bool,
    /// Which way it flows, as we see it.
    pub direction: Direction,
    /// The codecs in common, the answerer's favourite first.
    pub codecs: Vec<AgreedCodec>,
    /// Milliseconds of media that the peer wants in a packet.
    pub ptime_ms: Option<u16>,
    /// Most milliseconds of media that the peer bears in a packet.
    pub max_ptime_ms: Option<u16>,
}

/// A codec in use. Either side numbers what it receives, mostly alike (RFC 3264 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedCodec {
    /// As the peer receives it: the payload type that we send, and the peer's parameters.
    pub send: Codec,
    /// As we receive it: the payload type that we are sent, and our parameters.
    pub receive: Codec,
}

impl AgreedCodec {
    fn new((local, remote): (&Codec, &Codec)) -> AgreedCodec {
        AgreedCodec { send: remote.clone(), receive: local.clone() }
    }
}

/// The codecs of an answer, in its order, each with the offered one that it answers: that of its number, or else the
/// first of its encoding.
pub(super) fn paired<'o, 'a>(offered: &'o [Codec], answered: &'a [Codec]) -> Vec<(&'o Codec, &'a Codec)> {
    let mut taken = vec![false; offered.len()];
    let mut found: Vec<Option<usize>> = vec![None; answered.len()];
    let rules: [fn(&Codec, &Codec) -> bool; 2] =
        [|one, other| one.payload_type == other.payload_type && one.matches(other), Codec::matches];
    for rule in rules {
        for (found, codec) in found.iter_mut().zip(answered) {
            if found.is_none()
                && let Some(index) = (0..offered.len()).find(|index| !taken[*index] && rule(&offered[*index], codec))
            {
                taken[index] = true;
                *found = Some(index);
            }
        }
    }
    let pairs = answered.iter().zip(found);
    pairs.filter_map(|(codec, found)| found.map(|index| (&offered[index], codec))).collect()
}
