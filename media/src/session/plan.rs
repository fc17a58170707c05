//! A plan, checked and resolved: what a packet needs is one look into a table.

use crate::limits::ICE_PAIRS;
use crate::srtp::Security;
use crate::turn::is_nowhere;
use router::limits::MEDIA_NETWORKS;
use router::parameter::{Codec, DtlsParameters, IceParameters, KeyForm, MediaPlan, Protection, SummaryAsked};
use router::time::Duration;
use std::net::{IpAddr, SocketAddr};

/// No format, or no counterpart.
const NONE: u8 = 255;
/// Payload types have seven bits.
const TYPES: usize = 128;

/// What a format's packets are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatKind {
    /// Sound.
    Sound,
    /// Comfort noise (RFC 3389): sound of a kind, seldom and irregular.
    Noise,
    /// Key presses (RFC 4733): timestamps stand still during an event.
    Event,
}

/// One payload type, as the relay uses it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    /// What it carries.
    pub kind: FormatKind,
    /// The RTP clock, never 0.
    pub clock_rate_hz: u32,
    /// The payload type that the same peer is sent it with.
    pub own: u8,
    /// The payload type of the same encoding at the port that this one is bridged to.
    pub mapped: Option<u8>,
}

/// Formats that lie in the port itself. Calls agree on two or three; those of a longer list, which few calls have, are a look
/// further away.
const NEAR: usize = 6;

/// The formats agreed on a leg, by payload type.
///
/// What a packet needs lies together, in the port: with hundreds of calls each look at another page is one into main memory.
#[derive(Clone, Debug)]
pub struct Formats {
    /// Payload type to place in the lists.
    place: [u8; TYPES],
    near: [Format; NEAR],
    /// Those behind the first [`NEAR`].
    far: Vec<Format>,
    codecs: Vec<Codec>,
}

impl Default for Formats {
    fn default() -> Self {
        let none = Format { kind: FormatKind::Sound, clock_rate_hz: 1, own: 0, mapped: None };
        Self { place: [NONE; TYPES], near: [none; NEAR], far: Vec::new(), codecs: Vec::new() }
    }
}

impl Formats {
    /// Of a plan's codecs. Where two share a payload type the first one counts; a peer that is sent another number than it
    /// sends (RFC 3264 §6.1) is understood by either. `None` if a payload type exceeds 127 or a clock is 0.
    pub fn new(codecs: &[Codec]) -> Option<Self> {
        let mut formats = Self::default();
        for codec in codecs {
            let number = codec.receive_payload_type.unwrap_or(codec.payload_type);
            let free = *formats.place.get(usize::from(number))? == NONE;
            if codec.clock_rate_hz == 0 || codec.payload_type > 127 {
                return None;
            }
            if !free {
                continue;
            }
            let kind = if codec.is_telephone_event() {
                FormatKind::Event
            } else if codec.is_comfort_noise() {
                FormatKind::Noise
            } else {
                FormatKind::Sound
            };
            let place = formats.codecs.len();
            formats.place[usize::from(number)] = place as u8;
            let format = Format { kind, clock_rate_hz: codec.clock_rate_hz, own: codec.payload_type, mapped: None };
            match formats.near.get_mut(place) {
                Some(near) => *near = format,
                None => formats.far.push(format),
            }
            formats.codecs.push(codec.clone());
        }
        for (index, codec) in formats.codecs.iter().enumerate() {
            let own = &mut formats.place[usize::from(codec.payload_type)];
            if *own == NONE {
                *own = index as u8;
            }
        }
        Some(formats)
    }

    /// The format of a payload type, if it was agreed.
    #[inline]
    pub fn of(&self, payload_type: u8) -> Option<&Format> {
        match self.place[usize::from(payload_type & 0x7f)] {
            NONE => None,
            place => self.near.get(usize::from(place)).or_else(|| self.far.get(usize::from(place) - NEAR)),
        }
    }

    /// Looks at what the first of them takes.
    #[inline]
    pub fn preview(&self) -> u64 {
        u64::from(self.place[0]) ^ u64::from(self.near[0].clock_rate_hz)
    }

    /// The codec of a payload type.
    pub fn codec(&self, payload_type: u8) -> Option<&Codec> {
        self.codecs.get(usize::from(self.place[usize::from(payload_type & 0x7f)]))
    }

    /// The codecs in the plan's order.
    pub fn codecs(&self) -> impl Iterator<Item = &Codec> + '_ {
        self.codecs.iter()
    }

    /// Maps every payload type to that of the same encoding in `to`: with the same parameters if there is one, else the
    /// first. What `to` lacks is not passed on: nothing is transcoded here.
    pub fn map_to(&mut self, to: &Self) {
        let Self { near, far, codecs, .. } = self;
        for (codec, format) in codecs.iter().zip(near.iter_mut().chain(far)) {
            let alike = |other: &&Codec| codec.matches(other);
            let same = to.codecs().filter(alike).find(|other| other.parameters == codec.parameters);
            format.mapped = same.or_else(|| to.codecs().find(alike)).map(|other| other.payload_type);
        }
    }

    /// The formats of sound that have no counterpart, and no comfort noise.
    pub fn unmapped(&self) -> impl Iterator<Item = &Codec> + '_ {
        let formats = self.near.iter().chain(&self.far);
        let unmapped = self.codecs.iter().zip(formats).filter(|(_, format)| format.mapped.is_none());
        unmapped.filter(|(_, format)| format.kind == FormatKind::Sound).map(|(codec, _)| codec)
    }

    /// Maps nothing.
    pub fn unmap(&mut self) {
        for format in self.near.iter_mut().chain(&mut self.far) {
            format.mapped = None;
        }
    }
}

/// A plan, checked.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Where the peer said it receives RTP.
    pub remote_rtp: Option<SocketAddr>,
    /// The host that its signalling comes from.
    pub host: Option<IpAddr>,
    /// Where the peer said it receives RTCP.
    pub remote_rtcp: Option<SocketAddr>,
    /// Whether RTCP shares the RTP port.
    pub rtcp_mux: bool,
    /// See [`MediaPlan::generation`].
    pub generation: u32,
    /// Whether the port sends.
    pub sends: bool,
    /// Whether the port passes on what it hears.
    pub receives: bool,
    /// Media in a generated frame.
    pub frame: Option<Duration>,
    /// After how long silence is reported.
    pub silence_limit: Option<Duration>,
    /// Whether the peer is told how it is heard (RFC 3611 §4.7).
    pub voip_metrics: bool,
    /// What it is told that was counted (RFC 3611 §4.6).
    pub summary: SummaryAsked,
    /// How the peer has keys, where that was said. (Of a telephone; those of its packets are the next.)
    pub keys: Option<KeyForm>,
    /// Where its keys are, until the port has taken them.
    pub key_source: Option<Box<KeySource>>,
    /// What ways to the peer are looked for by, until the port has taken it. None where neither of us would send a check.
    pub ice: Option<Box<IceParameters>>,
}

/// Where the keys of a stream are.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// There.
    Given(Protection),
    /// They come about in a handshake.
    Handshake(DtlsParameters),
}

impl Plan {
    /// Checks a plan for a port bound to `local`. The error is a sentence for people.
    pub fn check(plan: &MediaPlan, local: IpAddr) -> Result<(Self, Formats), &'static str> {
        let formats = Formats::new(&plan.codecs).ok_or("a payload type above 127, or a clock of 0 Hz")?;
        let remote_rtp = usable(plan.remote_rtp);
        let remote_rtcp = match (plan.rtcp_mux, usable(plan.remote_rtcp)) {
            (true, _) => remote_rtp,
            (false, Some(remote)) => Some(remote),
            // RFC 3550 §11: the next higher port.
            (false, None) => remote_rtp.and_then(|rtp| Some(SocketAddr::new(rtp.ip(), rtp.port().checked_add(1)?))),
        };
        if [remote_rtp, remote_rtcp].iter().flatten().any(|remote| remote.is_ipv4() != local.is_ipv4()) {
            return Err("the peer's address is of another family than the port");
        }
        if plan.protection.as_deref().is_some_and(|keys| !Security::is_usable(keys)) {
            return Err("a key is not of the length that its suite asks for");
        }
        let key_source = match (&plan.protection, &plan.dtls) {
            (Some(_), Some(_)) => return Err("keys either are there or come about in a handshake"),
            (Some(protection), None) => Some(Box::new(KeySource::Given((**protection).clone()))),
            (None, Some(dtls)) => Some(Box::new(KeySource::Handshake((**dtls).clone()))),
            (None, None) => None,
        };
        if plan.networks.len() > MEDIA_NETWORKS {
            return Err("more networks than a carrier has");
        }
        Ok((
            Self {
                remote_rtp,
                host: plan.host,
                remote_rtcp,
                rtcp_mux: plan.rtcp_mux,
                generation: plan.generation,
                // The old way to hold: media is not to be sent (RFC 3264 §8.4).
                sends: plan.sends && !plan.remote_rtp.is_some_and(|remote| remote.ip().is_unspecified()),
                receives: plan.receives,
                frame: plan.ptime_ms.map(|ms| Duration::from_millis(u64::from(ms))),
                silence_limit: plan.silence_limit_ms.map(|ms| Duration::from_millis(u64::from(ms))),
                voip_metrics: plan.voip_metrics,
                summary: plan.summary,
                keys: plan.keys,
                key_source,
                ice: sought(plan, local),
            },
            formats,
        ))
    }
}

/// What ways are looked for by, with those candidates that a port bound to `local` can send to. Where both answer checks alone, none is ever sent, and
/// the peer is where it says (RFC 8445 §6.1.1).
fn sought(plan: &MediaPlan, local: IpAddr) -> Option<Box<IceParameters>> {
    let mut ice = plan.ice.clone().filter(|ice| !(ice.is_lite && ice.is_remote_lite))?;
    ice.candidates.retain(|candidate| {
        candidate.address.is_ipv4() == local.is_ipv4() && usable(Some(candidate.address)).is_some()
    });
    ice.candidates.truncate(2 * ICE_PAIRS);
    Some(ice)
}

/// An address that something can be sent to: neither the `0.0.0.0` of old-style hold, or another one of nobody's, nor port 0.
fn usable(remote: Option<SocketAddr>) -> Option<SocketAddr> {
    remote.filter(|remote| !remote.ip().is_unspecified() && !is_nowhere(remote.ip()) && remote.port() != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_as_good_as_a_short_one() {
        let codecs: Vec<Codec> =
            (0..TYPES as u8).map(|number| Codec::new(number, &format!("c{number}"), 8_000)).collect();
        let backwards: Vec<Codec> =
            (0..TYPES as u8).map(|number| Codec::new(TYPES as u8 - 1 - number, &format!("C{number}"), 8_000)).collect();
        for count in [NEAR - 1, NEAR, NEAR + 1, TYPES] {
            let mut formats = Formats::new(&codecs[..count]).unwrap();
            formats.map_to(&Formats::new(&backwards[..count]).unwrap());
            for number in 0..TYPES as u8 {
                let format = formats.of(number).map(|format| (format.own, format.mapped));
                let agreed = usize::from(number) < count;
                assert_eq!(format, agreed.then_some((number, Some(TYPES as u8 - 1 - number))), "{number} of {count}");
                assert_eq!(formats.codec(number), codecs.get(usize::from(number)).filter(|_| agreed));
            }
            formats.unmap();
            assert!((0..count as u8).all(|number| formats.of(number).unwrap().mapped.is_none()));
        }
    }

    #[test]
    fn payload_types_map_by_encoding() {
        let mut a = Formats::new(&[
            Codec::new(0, "PCMU", 8_000),
            Codec::new(101, "telephone-event", 8_000),
            Codec::new(111, "opus", 48_000),
            Codec::new(9, "G722", 8_000),
        ])
        .unwrap();
        let b = Formats::new(&[
            Codec::new(96, "telephone-event", 48_000),
            Codec::new(97, "TELEPHONE-EVENT", 8_000),
            Codec::new(0, "pcmu", 8_000),
        ])
        .unwrap();
        a.map_to(&b);
        assert_eq!(a.of(0).unwrap().mapped, Some(0));
        assert_eq!(a.of(101).unwrap().mapped, Some(97), "the clock counts too");
        assert_eq!(a.of(9).unwrap().mapped, None);
        assert_eq!((a.of(5), a.of(101).unwrap().kind), (None, FormatKind::Event));
        a.unmap();
        assert_eq!(a.of(0).unwrap().mapped, None);
    }

    #[test]
    fn a_peer_may_send_another_number_than_it_is_sent() {
        let odd = Codec { receive_payload_type: Some(97), ..Codec::new(98, "opus", 48_000) };
        let (mut a, mut b) = (Formats::new(&[odd]).unwrap(), Formats::new(&[Codec::new(111, "opus", 48_000)]).unwrap());
        a.map_to(&b);
        b.map_to(&a);
        assert_eq!(a.of(97).unwrap().mapped, Some(111));
        assert_eq!(a.of(98).unwrap().mapped, Some(111));
        assert_eq!(b.of(111).unwrap().mapped, Some(98));
        assert_eq!(a.of(97).unwrap().own, 98);
    }

    #[test]
    fn equal_parameters_are_preferred() {
        let with = |payload_type, parameters: &str| Codec {
            parameters: Some(parameters.into()),
            ..Codec::new(payload_type, "iLBC", 8_000)
        };
        let mut a = Formats::new(&[with(97, "mode=20")]).unwrap();
        a.map_to(&Formats::new(&[with(98, "mode=30"), with(99, "mode=20")]).unwrap());
        assert_eq!(a.of(97).unwrap().mapped, Some(99));
        a.map_to(&Formats::new(&[with(98, "mode=30")]).unwrap());
        assert_eq!(a.of(97).unwrap().mapped, Some(98));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Formats::new(&[Codec::new(128, "PCMU", 8_000)]).is_none());
        assert!(Formats::new(&[Codec::new(0, "PCMU", 0)]).is_none());
        let twice = Formats::new(&[Codec::new(0, "PCMU", 8_000), Codec::new(0, "PCMA", 8_000)]).unwrap();
        assert_eq!(twice.codec(0).unwrap().name, "PCMU");
    }

    #[test]
    fn addresses_that_lead_nowhere_are_none() {
        let plan = |rtp: &str, mux| MediaPlan {
            remote_rtp: rtp.parse().ok(),
            rtcp_mux: mux,
            networks: Vec::new(),
            ..MediaPlan::new(router::parameter::PortId(0), Vec::new())
        };
        let local = "192.0.2.1".parse().unwrap();
        let check = |rtp, mux| Plan::check(&plan(rtp, mux), local).map(|(plan, _)| (plan.remote_rtp, plan.remote_rtcp));
        assert_eq!(check("0.0.0.0:4000", false), Ok((None, None)));
        assert_eq!(check("192.0.2.9:0", false), Ok((None, None)));
        assert_eq!(check("192.0.2.9:4000", false), Ok(("192.0.2.9:4000".parse().ok(), "192.0.2.9:4001".parse().ok())));
        assert_eq!(check("192.0.2.9:4000", true), Ok(("192.0.2.9:4000".parse().ok(), "192.0.2.9:4000".parse().ok())));
        assert_eq!(check("192.0.2.9:65535", false), Ok(("192.0.2.9:65535".parse().ok(), None)));
        assert!(check("[2001:db8::1]:4000", false).is_err());
    }
}
