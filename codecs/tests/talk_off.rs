//! Voices that must not be taken for keys: minutes of speech by espeak-ng, in many voices and languages (`scripts/setup test`).

#![expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

use std::process::Command;

use codecs::Resampler;
use codecs::dtmf::{Detector, KeyChange, KeyFilter};

/// What espeak-ng makes: its WAV has 22,050 samples a second, and a header of 44 octets.
const RATE_HZ: u32 = 22_050;
const HEADER_OCTETS: usize = 44;

const TEXTS: [&str; 3] = [
    "You have reached the office of the harbour master. Please hold the line, or leave a message after the tone. We are open from \
     eight to five, Monday to Friday. Nine, one, six, three, double seven, four, two, oh. Yes, yes, I know; no, no, he is not in.",
    "Moo, boo, who, two. See, three, tea, me, he. Aah, far, car, star. All, call, ball, fall. May, day, say, way. My, high, sky, fly. \
     Low, go, so, no. Murmuring men warn us: warm mornings mean more rain in the long run. Lullaby, lullaby, longing alone.",
    "Hello? Hello! Can you hear me? I said the number is zero, eight, hundred, and then the star key, no, the pound key, and then \
     your account, five, five, five, oh, one, nine, nine. Eeeeh. Uuuuh. Oooooh. Aaaaah. Mmmmmm. Sssss. Really? Really.",
];

/// Speech at 8 kHz.
fn speech(voice: &str, pitch: u32, speed: u32, text: &str) -> Vec<i16> {
    let output = Command::new("espeak-ng")
        .args(["-v", voice, "-p", &pitch.to_string(), "-s", &speed.to_string(), "--stdout", text])
        .output()
        .expect("espeak-ng is installed by scripts/setup test");
    assert!(output.status.success(), "espeak-ng: {}", String::from_utf8_lossy(&output.stderr));
    let octets = output.stdout.get(HEADER_OCTETS..).expect("a WAV");
    let sound: Vec<i16> = octets.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut resampler = Resampler::new(RATE_HZ, 8_000).unwrap();
    let mut narrow = vec![0; resampler.output_max(sound.len())];
    let count = resampler.resample(&sound, &mut narrow).unwrap();
    narrow.truncate(count);
    narrow
}

#[test]
fn no_voice_presses_a_key() {
    let voices = ["en-gb", "en-us", "en-gb+f2", "en-us+m3", "de", "fr", "es", "it", "pl", "sv+f3", "tr", "cmn"];
    let (mut seconds, mut silenced) = (0, 0);
    let mut keys = Vec::new();
    for (index, voice) in voices.into_iter().enumerate() {
        for (turn, text) in TEXTS.into_iter().enumerate() {
            let pitch = [30, 50, 75, 95][(index + turn) % 4];
            let sound = speech(voice, pitch, [110, 150, 190][turn], text);
            seconds += sound.len() / 8_000;
            let mut detector = Detector::new();
            detector.handle_samples(&sound, |change| {
                if let KeyChange::Began(key) = change {
                    keys.push((voice, pitch, key.character()));
                }
            });
            // Where keys go on as events, what is taken for the beginning of one is silenced.
            let (mut filter, mut left) = (KeyFilter::new(8_000, true).unwrap(), sound.clone());
            left.chunks_mut(160).for_each(|packet| filter.filter(packet));
            silenced += sound.iter().zip(&left).filter(|(before, after)| before != after).count();
        }
    }
    let permyriad = silenced * 10_000 / (seconds * 8_000);
    println!("of 10,000 samples {permyriad} silenced");
    assert!(permyriad < 10, "{permyriad}");
    println!("{seconds} s of speech, {} keys", keys.len());
    assert!(seconds > 400, "{seconds} s of speech");
    assert!(keys.is_empty(), "{keys:?}");
}
