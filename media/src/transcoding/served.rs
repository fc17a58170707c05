//! What can be coded, in the words of SDP.

use crate::session::is_spoken;
use router::parameter;

/// Names, clocks and channels; of one name the most usual first.
const SERVED: [(&str, u32, u8); 14] = [
    ("PCMU", 8_000, 1),
    ("PCMA", 8_000, 1),
    ("G722", 8_000, 1),
    ("opus", 48_000, 2),
    ("GSM", 8_000, 1),
    ("G726-32", 8_000, 1),
    ("AAL2-G726-32", 8_000, 1),
    ("L16", 16_000, 1),
    ("L16", 8_000, 1),
    ("L16", 44_100, 1),
    ("L16", 44_100, 2),
    ("L16", 48_000, 1),
    // By who leaves the channels out.
    ("opus", 48_000, 1),
    ("G729", 8_000, 1),
];

/// What services offer first.
const SPOKEN_FIRST: [&str; 2] = ["PCMA", "PCMU"];

/// The first of the payload types that mean what is agreed (RFC 3551 §6).
const FIRST_DYNAMIC: u8 = 96;

/// Every format of sound that a worker can decode and encode, each with a payload type that no other of them has and with what we, as its receiver,
/// would like.
pub fn served_codecs() -> Vec<parameter::Codec> {
    let mut dynamic = FIRST_DYNAMIC;
    let mut served = Vec::with_capacity(SERVED.len());
    for (name, clock_rate_hz, channels) in SERVED {
        let Some(codec) = codecs::Codec::of(name, clock_rate_hz, channels, "") else { continue };
        let payload_type = codec.payload_type().unwrap_or_else(|| {
            dynamic += 1;
            dynamic - 1
        });
        let parameters = matches!(codec, codecs::Codec::Opus(_)).then(|| "useinbandfec=1".into());
        served.push(parameter::Codec {
            channels,
            parameters,
            ..parameter::Codec::new(payload_type, name, clock_rate_hz)
        });
    }
    served
}

/// Those of them that built-in sources and conferences speak, in the order in which they are offered to who is not known: first what costs least.
pub fn spoken_codecs() -> Vec<parameter::Codec> {
    let mut spoken = served_codecs();
    spoken.retain(|codec| coded(codec).as_ref().is_some_and(is_spoken));
    spoken.sort_by_key(|codec| SPOKEN_FIRST.iter().position(|name| codec.name == **name).unwrap_or(SPOKEN_FIRST.len()));
    spoken
}

/// What codes a format, if anything does.
pub(crate) fn coded(codec: &parameter::Codec) -> Option<codecs::Codec> {
    let parameters = codec.parameters.as_deref().unwrap_or_default();
    codecs::Codec::of(&codec.name, codec.clock_rate_hz, codec.channels, parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_served_is_coded() {
        let served = served_codecs();
        assert_eq!(served.len(), SERVED.len() - usize::from(codecs::Codec::of("G729", 8_000, 1, "").is_none()));
        for codec in &served {
            let coded = coded(codec).unwrap();
            assert_eq!((coded.name(), coded.clock_rate_hz()), (codec.name.as_str(), codec.clock_rate_hz));
        }
        assert!(coded(&parameter::Codec::new(97, "speex", 8_000)).is_none());
        let spoken = spoken_codecs();
        let names: Vec<&str> = spoken.iter().map(|codec| codec.name.as_str()).collect();
        assert_eq!(names[..4], ["PCMA", "PCMU", "G722", "opus"]);
        assert!(!names.contains(&"L16"));
    }
}
