//! Our codecs beside other people's, on the same speech: `second_opinion/README.md` says whose.

#![expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

use std::path::Path;

use codecs::{Codec, Encoded};

fn octets(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second_opinion").join(name);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn samples(name: &str) -> Vec<i16> {
    octets(name).chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn codec(name: &str) -> Codec {
    Codec::of(name, 8_000, 1, "").unwrap_or_else(|| panic!("{name} is served"))
}

/// Decodes what was encoded in packets of 20 ms.
fn decoded(codec: &Codec, payload: &[u8], packet_octets: usize) -> Vec<i16> {
    let rate = codec.sample_rate_hz(8_000);
    let mut decoder = codec.decoder(rate).unwrap();
    let mut frame = [0; 960];
    let mut sound = Vec::new();
    for packet in payload.chunks(packet_octets) {
        let count = decoder.decode(packet, &mut frame).unwrap();
        sound.extend_from_slice(&frame[..count]);
    }
    sound
}

fn encoded(codec: &Codec, sound: &[i16]) -> Vec<u8> {
    let rate = codec.sample_rate_hz(8_000);
    let mut encoder = codec.encoder(rate).unwrap();
    let mut payload = [0; 1_000];
    let mut octets = Vec::new();
    for frame in sound.chunks_exact(codec.packet_samples(20, rate)) {
        let Encoded::Payload(count) = encoder.encode(frame, &mut payload).unwrap() else { panic!("sound") };
        octets.extend_from_slice(&payload[..count]);
    }
    octets
}

/// How many decibels the difference of two sounds is below the first, at the same place.
fn likeness_db(one: &[i16], other: &[i16]) -> f64 {
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let difference = power(&mut one.iter().zip(other).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    10.0 * (power(&mut one.iter().map(|&a| f64::from(a))) / difference.max(1e-9)).log10()
}

#[test]
fn g_711_decodes_to_the_bit_and_encodes_as_near() {
    let speech = samples("speech_8k.s16");
    for (name, file) in [("PCMU", "speech.pcmu"), ("PCMA", "speech.pcma")] {
        let theirs = octets(file);
        let heard = samples(&format!("{file}.s16"));
        assert_eq!(decoded(&codec(name), &theirs, 160), heard, "{name}");
        // Theirs takes the nearest value, ours decides where the recommendation does.
        let ours = decoded(&codec(name), &encoded(&codec(name), &speech), 160);
        let (near, nearest) = (likeness_db(&speech, &ours), likeness_db(&speech, &heard));
        assert!(near > nearest - 0.2, "{name}: {near} dB, {nearest} dB");
    }
}

#[test]
fn g_722_is_that_of_others_to_the_bit() {
    let (speech, theirs) = (samples("speech_16k.s16"), octets("speech.g722"));
    assert_eq!(decoded(&codec("G722"), &theirs, 160), samples("speech.g722.s16"));
    assert_eq!(encoded(&codec("G722"), &speech), theirs);
}

#[test]
fn g_726_is_that_of_the_recommendation_to_the_bit_in_either_packing() {
    let (speech, theirs) = (samples("speech_8k.s16"), octets("speech.aal2_g726"));
    let heard = samples("speech.aal2_g726.s16");
    let turned: Vec<u8> = theirs.iter().map(|octet| octet.rotate_left(4)).collect();
    for (name, payload) in [("AAL2-G726-32", &theirs), ("G726-32", &turned)] {
        assert_eq!(&encoded(&codec(name), &speech), payload, "{name}");
        assert_eq!(decoded(&codec(name), payload, 80), heard, "{name}");
    }
}

#[test]
fn gsm_is_that_of_others_to_the_bit() {
    let (speech, theirs) = (samples("speech_8k.s16"), octets("speech.gsm"));
    assert_eq!(encoded(&codec("GSM"), &speech), theirs);
    assert_eq!(decoded(&codec("GSM"), &theirs, 33), samples("speech.gsm.s16"));
}
