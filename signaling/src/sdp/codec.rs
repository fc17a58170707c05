//! What a payload type means: `a=rtpmap`, `a=fmtp`, and the static table of RFC 3551.

use router::parameter::Codec;

use super::limits::{SDP_ENCODING_BYTES_MAX, SDP_FMTP_BYTES_MAX};
use super::text::{Text, decimal, is_token};
use crate::message::Value;

/// `a=rtpmap` (RFC 8866 §6.6), read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtpmap<'a> {
    /// The payload type, below 128.
    pub payload_type: u8,
    /// The encoding's name, letter case as it came; compared without.
    pub encoding: &'a str,
    /// The RTP clock in Hz.
    pub clock_rate_hz: u32,
    /// Audio channels; 1 where none are told.
    pub channels: u8,
}

impl<'a> Rtpmap<'a> {
    /// Reads `type encoding/rate[/channels]`; `None` if it is malformed.
    pub fn parse(value: &'a Text) -> Option<Rtpmap<'a>> {
        let (payload_type, rest) = split_payload_type(value.as_bytes())?;
        let mut parts = rest.split(|byte| *byte == b'/');
        let encoding = parts.next().map(<[u8]>::trim_ascii).filter(|name| is_token(name))?;
        let clock_rate_hz = decimal::<u32>(parts.next()?.trim_ascii()).filter(|rate| *rate > 0)?;
        let channels = match parts.next() {
            None => 1,
            // Video formats may carry other parameters here; they have no channels.
            Some(channels) => decimal::<u8>(channels.trim_ascii()).filter(|channels| *channels > 0).unwrap_or(1),
        };
        Some(Rtpmap { payload_type, encoding: std::str::from_utf8(encoding).ok()?, clock_rate_hz, channels })
    }
}

/// `a=fmtp` (RFC 8866 §6.15), read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fmtp<'a> {
    /// The payload type, below 128.
    pub payload_type: u8,
    /// The parameters, as they came.
    pub parameters: &'a str,
}

impl<'a> Fmtp<'a> {
    /// Reads `type parameters`; `None` if it is malformed or not UTF-8.
    pub fn parse(value: &'a Text) -> Option<Fmtp<'a>> {
        let (payload_type, rest) = split_payload_type(value.as_bytes())?;
        let parameters = std::str::from_utf8(rest).ok()?;
        (!parameters.is_empty()).then_some(Fmtp { payload_type, parameters })
    }
}

/// The payload type in front and what follows the blanks behind it.
fn split_payload_type(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let bytes = bytes.trim_ascii();
    let blank = bytes.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let payload_type = decimal::<u8>(&bytes[..blank]).filter(|number| *number < 128)?;
    Some((payload_type, bytes[blank..].trim_ascii()))
}

/// What a payload type means by its rtpmap, or else by the static table; `None` if by neither.
///
/// A name or parameters beyond the bounds of `limits` make the format unusable: `None` as well.
pub fn resolve(payload_type: u8, map: Option<Rtpmap<'_>>, fmtp: Option<Fmtp<'_>>) -> Option<Codec> {
    let (name, clock_rate_hz, channels) = match map {
        Some(map) => (map.encoding, map.clock_rate_hz, map.channels),
        None => {
            let assigned = StaticFormat::of(payload_type)?;
            (assigned.encoding, assigned.clock_rate_hz, assigned.channels)
        }
    };
    let codec = Codec {
        payload_type,
        name: name.into(),
        clock_rate_hz,
        channels,
        parameters: fmtp.map(|fmtp| fmtp.parameters.into()),
        receive_payload_type: None,
    };
    is_writable(&codec).then_some(codec)
}

/// Whether a codec can stand in a description: its name is a token, its figures are in range, its parameters are one
/// line, all within the bounds of `limits`. One that came from elsewhere may break any of these, and then is left out.
pub fn is_writable(codec: &Codec) -> bool {
    codec.payload_type < 128
        && codec.clock_rate_hz > 0
        && codec.channels > 0
        && codec.name.len() <= SDP_ENCODING_BYTES_MAX
        && is_token(codec.name.as_bytes())
        && !codec.name.contains('/')
        && codec.parameters.as_ref().is_none_or(|parameters| {
            let bytes = parameters.as_bytes();
            (1..=SDP_FMTP_BYTES_MAX).contains(&bytes.len())
                && bytes.trim_ascii().len() == bytes.len()
                && !bytes.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))
        })
}

/// The value of a codec's `a=rtpmap`.
pub(super) fn rtpmap_value(codec: &Codec) -> impl Value {
    let channels = (codec.channels != 1).then_some(("/", codec.channels));
    (codec.payload_type, " ", codec.name.as_str(), "/", codec.clock_rate_hz, channels)
}

/// Whether a format serves only beside another: events and tones (RFC 4733), comfort noise (RFC 3389), redundancy (RFC
/// 2198), forward error correction (RFC 5109).
pub fn is_companion(codec: &Codec) -> bool {
    codec.is_telephone_event()
        || codec.is_comfort_noise()
        || ["tone", "red", "ulpfec"].iter().any(|name| codec.name.eq_ignore_ascii_case(name))
}

/// Whether a packet of one is a packet of the other: the same encoding, and parameters that change the payload's layout
/// are equal.
///
/// Those are, for AMR, `octet-align`, `crc`, `robust-sorting` and `interleaving` (RFC 4867 §8.3.1), and for G.722.1 the
/// `bitrate` (RFC 5577 §4.2). Every other parameter of an audio codec in use states a wish or a limit.
pub fn is_compatible(one: &Codec, other: &Codec) -> bool {
    let layout: &[&str] = if one.name.eq_ignore_ascii_case("AMR") || one.name.eq_ignore_ascii_case("AMR-WB") {
        &["octet-align", "crc", "robust-sorting", "interleaving"]
    } else if one.name.eq_ignore_ascii_case("G7221") {
        &["bitrate"]
    } else {
        &[]
    };
    one.matches(other) && layout.iter().all(|name| parameter(one, name) == parameter(other, name))
}

/// The value of one parameter of a codec; 0 stands in for a missing one, as the defaults of RFC 4867 do.
fn parameter<'a>(codec: &'a Codec, name: &str) -> &'a str {
    let pairs = codec.parameters.iter().flat_map(|parameters| parameters.split(';'));
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
        .map_or("0", |(_, value)| value.trim())
}

/// Numbers wanted codecs as an offer does (RFC 3264 §6.1), in the order wanted; what the offer lacks is left out. Where
/// the offer has an encoding several times, that with the same parameters is meant, or else the first that goes with
/// them.
pub fn numbered_by(offered: &[Codec], wanted: &[Codec]) -> Vec<Codec> {
    let mut numbers: Vec<Option<u8>> = vec![None; wanted.len()];
    let mut taken = 0_u128;
    let rules: [fn(&Codec, &Codec) -> bool; 2] =
        [|one, other| one.matches(other) && one.parameters == other.parameters, is_compatible];
    for rule in rules {
        for (number, codec) in numbers.iter_mut().zip(wanted) {
            let found = |other: &&Codec| taken & (1 << (other.payload_type & 127)) == 0 && rule(other, codec);
            if number.is_none()
                && let Some(found) = offered.iter().find(found)
            {
                taken |= 1 << (found.payload_type & 127);
                *number = Some(found.payload_type);
            }
        }
    }
    let numbered = wanted.iter().zip(numbers);
    numbered.filter_map(|(codec, number)| number.map(|payload_type| Codec { payload_type, ..codec.clone() })).collect()
}

/// A payload type with a meaning of its own (RFC 3551 §6, tables 4 and 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticFormat {
    /// The payload type.
    pub payload_type: u8,
    /// The encoding's name.
    pub encoding: &'static str,
    /// The RTP clock in Hz.
    pub clock_rate_hz: u32,
    /// Audio channels; 1 for video.
    pub channels: u8,
}

impl StaticFormat {
    /// What the RFC assigns to a payload type.
    pub fn of(payload_type: u8) -> Option<&'static StaticFormat> {
        STATIC_FORMATS.iter().find(|format| format.payload_type == payload_type)
    }

    /// The payload type that the RFC assigns to an encoding.
    pub fn find(encoding: &str, clock_rate_hz: u32, channels: u8) -> Option<&'static StaticFormat> {
        STATIC_FORMATS.iter().find(|format| {
            format.clock_rate_hz == clock_rate_hz
                && format.channels == channels
                && format.encoding.eq_ignore_ascii_case(encoding)
        })
    }
}

/// The clock of G.722 is 8000 though it samples at 16000 (RFC 3551 §4.5.2).
const STATIC_FORMATS: [StaticFormat; 24] = [
    assigned(0, "PCMU", 8_000, 1),
    assigned(3, "GSM", 8_000, 1),
    assigned(4, "G723", 8_000, 1),
    assigned(5, "DVI4", 8_000, 1),
    assigned(6, "DVI4", 16_000, 1),
    assigned(7, "LPC", 8_000, 1),
    assigned(8, "PCMA", 8_000, 1),
    assigned(9, "G722", 8_000, 1),
    assigned(10, "L16", 44_100, 2),
    assigned(11, "L16", 44_100, 1),
    assigned(12, "QCELP", 8_000, 1),
    assigned(13, "CN", 8_000, 1),
    assigned(14, "MPA", 90_000, 1),
    assigned(15, "G728", 8_000, 1),
    assigned(16, "DVI4", 11_025, 1),
    assigned(17, "DVI4", 22_050, 1),
    assigned(18, "G729", 8_000, 1),
    assigned(25, "CelB", 90_000, 1),
    assigned(26, "JPEG", 90_000, 1),
    assigned(28, "nv", 90_000, 1),
    assigned(31, "H261", 90_000, 1),
    assigned(32, "MPV", 90_000, 1),
    assigned(33, "MP2T", 90_000, 1),
    assigned(34, "H263", 90_000, 1),
];

const fn assigned(payload_type: u8, encoding: &'static str, clock_rate_hz: u32, channels: u8) -> StaticFormat {
    StaticFormat { payload_type, encoding, clock_rate_hz, channels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text::new(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn rtpmaps() {
        let value = text("96 opus/48000/2");
        let map = Rtpmap::parse(&value).unwrap();
        assert_eq!((map.payload_type, map.encoding, map.clock_rate_hz, map.channels), (96, "opus", 48_000, 2));
        let value = text(" 101  telephone-event/8000 ");
        let map = Rtpmap::parse(&value).unwrap();
        assert_eq!(
            (map.payload_type, map.encoding, map.clock_rate_hz, map.channels),
            (101, "telephone-event", 8_000, 1)
        );
        for bad in
            ["", "96", "96 opus", "128 opus/48000", "96 opus/0", "96 /8000", "96 opus/x", "x opus/8000", "96 o(s/8000"]
        {
            assert!(Rtpmap::parse(&text(bad)).is_none(), "{bad}");
        }
    }

    #[test]
    fn fmtp_keeps_its_parameters_byte_for_byte() {
        let value = text("97 mode=20;  annexb=no ;x=\"a b\"");
        assert_eq!(Fmtp::parse(&value).unwrap().parameters, "mode=20;  annexb=no ;x=\"a b\"");
        assert!(Fmtp::parse(&text("97 ")).is_none());
        assert!(Fmtp::parse(&text("200 0-15")).is_none());
    }

    #[test]
    fn the_static_table_stands_in_for_a_missing_rtpmap() {
        let format = resolve(8, None, None).unwrap();
        assert_eq!((format.name.as_str(), format.clock_rate_hz, format.channels), ("PCMA", 8_000, 1));
        assert!(resolve(96, None, None).is_none());
        assert!(resolve(1, None, None).is_none());
        assert_eq!(StaticFormat::find("pcma", 8_000, 1).unwrap().payload_type, 8);
        assert!(StaticFormat::find("PCMA", 16_000, 1).is_none());
        // The table is in order, and repeats none.
        assert!(STATIC_FORMATS.windows(2).all(|pair| pair[0].payload_type < pair[1].payload_type));
    }

    #[test]
    fn a_codec_that_would_start_another_line_cannot_be_written() {
        let mut codec = Codec::new(96, "opus", 48_000);
        assert!(is_writable(&codec));
        codec.parameters = Some("x\r\na=sendonly".into());
        assert!(!is_writable(&codec));
        codec.parameters = None;
        codec.name = "opus/8000\r\n".into();
        assert!(!is_writable(&codec));
    }

    #[test]
    fn a_dynamic_map_of_a_static_type_counts() {
        let value = text("18 G729A/8000");
        assert_eq!(resolve(18, Rtpmap::parse(&value), None).unwrap().name, "G729A");
    }
}
