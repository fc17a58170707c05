//! What is said where packets cannot carry stamps, as a codec in between would not let them through: speech, over and over.

use crate::limits::PAYLOAD_BYTES;
use crate::sdp::Codec;

/// The payloads of a codec, each of 20 ms.
#[derive(Debug, Clone)]
pub struct Speech(Vec<&'static [u8]>);

impl Speech {
    /// What a codec makes of it.
    pub fn of(codec: Codec) -> Speech {
        let file: &'static [u8] = match codec {
            Codec::Pcmu => include_bytes!("../speech/speech.pcmu"),
            Codec::Pcma => include_bytes!("../speech/speech.pcma"),
            Codec::G722 => include_bytes!("../speech/speech.g722"),
            Codec::Opus => include_bytes!("../speech/speech.opus"),
        };
        match codec {
            Codec::Opus => Speech(by_length(file)),
            Codec::Pcmu | Codec::Pcma | Codec::G722 => Speech(file.chunks_exact(PAYLOAD_BYTES).collect()),
        }
    }

    /// The payload of the `number`th packet.
    pub fn payload(&self, number: u32) -> &'static [u8] {
        self.0.get(number as usize % self.0.len().max(1)).copied().unwrap_or_default()
    }
}

/// Payloads with an octet before each that says how long it is.
fn by_length(mut rest: &'static [u8]) -> Vec<&'static [u8]> {
    let mut payloads = Vec::new();
    while let Some((&length, behind)) = rest.split_first()
        && let Some((payload, behind)) = behind.split_at_checked(length.into())
    {
        payloads.push(payload);
        rest = behind;
    }
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_says_the_same_seconds_in_packets_that_fit() {
        for codec in Codec::ALL {
            let speech = Speech::of(codec);
            assert_eq!(speech.0.len(), 175, "{codec:?}");
            assert!(speech.0.iter().all(|payload| (1..=PAYLOAD_BYTES).contains(&payload.len())), "{codec:?}");
            assert_eq!(speech.payload(176), speech.payload(1));
        }
    }
}
