//! What a peer sends as sound: payloads of every codec, gaps between them, noise and keys.

use codecs::comfort_noise::Description;
use codecs::dtmf::{Detector, KeyChange};
use codecs::limits::{PAYLOAD_MS_MAX, PAYLOAD_OCTETS_MAX};
use codecs::telephone_event::{Event, EventChange, EventReceiver};
use codecs::{Codec, Content, Fault, Plan, Reception, Transcoder};

use crate::tape::Tape;

/// Octets of the longest payload that is taken from the tape: more than any codec's packet of 60 ms but L16's.
const PAYLOAD_OCTETS: usize = 1_500;

/// A stream of `PCMU` or `PCMA`.
pub fn g711(data: &[u8]) {
    stream(data, &[("PCMU", 8_000, 1), ("PCMA", 8_000, 1)]);
}

/// A stream of `L16` at any of its rates.
pub fn l16(data: &[u8]) {
    stream(data, &[("L16", 8_000, 1), ("L16", 44_100, 2), ("L16", 48_000, 1)]);
}

/// A stream of `G722`.
pub fn g722(data: &[u8]) {
    stream(data, &[("G722", 8_000, 1)]);
}

/// A stream of `G726-32` in either packing.
pub fn g726(data: &[u8]) {
    stream(data, &[("G726-32", 8_000, 1), ("AAL2-G726-32", 8_000, 1)]);
}

/// A stream of `GSM`.
pub fn gsm(data: &[u8]) {
    stream(data, &[("GSM", 8_000, 1)]);
}

/// A stream of `opus`, read at any rate, with redundancy asked for.
pub fn opus(data: &[u8]) {
    stream(data, &[("opus", 48_000, 2)]);
}

/// The octets of a payload, as many as the tape says.
fn payload<'a>(tape: &mut Tape<'a>) -> &'a [u8] {
    let length = usize::from(tape.octet()) << (tape.octet() % 4);
    tape.octets(length.min(PAYLOAD_OCTETS))
}

fn stream(data: &[u8], of: &[(&str, u32, u8)]) {
    let mut tape = Tape::new(data);
    let (name, clock, channels) = tape.pick(of).expect("one of them");
    let codec = Codec::of(name, clock, channels, "").expect("it is served");
    let rate = codec.sample_rate_hz(tape.pick(&[8_000, 16_000, 24_000, 48_000]).expect("one of them"));
    let mut reception = Reception::new(codec, rate).expect("it can be read");
    let most = (rate / 1_000 + 1) as usize * PAYLOAD_MS_MAX as usize;
    while tape.is_left() {
        let samples = match tape.octet() % 8 {
            0 => {
                let described = reception.describe_silence(payload(&mut tape));
                assert!(described.is_err() || reception.silence().is_some());
                continue;
            }
            1 => reception.conceal(u32::from(tape.word()), None),
            2 => {
                let ticks = u32::from(tape.word());
                let next = payload(&mut tape);
                reception.conceal(ticks, Some(next))
            }
            _ => match reception.decode(payload(&mut tape)) {
                Ok(samples) => samples,
                Err(fault) => {
                    assert_eq!(fault, Fault::Malformed, "{name}: the fault is the peer's");
                    continue;
                }
            },
        };
        assert!(samples.len() <= most, "{name}: a bounded stretch");
    }
}

/// A payload of comfort noise: read, written as the same, heard.
pub fn comfort_noise(data: &[u8]) {
    let Ok(description) = Description::parse(data) else {
        assert!(data.is_empty());
        return;
    };
    let mut written = [0; PAYLOAD_OCTETS];
    let octets = description.write(&mut written).expect("there is room");
    assert_eq!(Description::parse(&written[..octets]), Ok(description));
    let mut noise = codecs::Noise::new(8_000, data.len() as u64);
    noise.describe(&description);
    let mut samples = [0; 480];
    noise.fill(&mut samples);
    let _ = Description::of(&samples);
}

/// Samples that are listened to for keys: each that begins ends, and none begins within another.
pub fn dtmf(data: &[u8]) {
    let samples: Vec<i16> = data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut detector = Detector::new();
    let mut pressed = None;
    for frame in samples.chunks(1 + usize::from(data.first().copied().unwrap_or(0))) {
        detector.handle_samples(frame, |change| match change {
            KeyChange::Began(key) => assert_eq!(pressed.replace(key), None),
            KeyChange::Ended(key, _) => assert_eq!(pressed.take(), Some(key)),
        });
        assert_eq!(detector.pressed(), pressed);
    }
}

/// Telephone-events with their timestamps: each press that begins ends, and none begins within another.
pub fn telephone_event(data: &[u8]) {
    let mut tape = Tape::new(data);
    let mut receiver = EventReceiver::new();
    let mut pressed: Option<u8> = None;
    let mut timestamp = 0u32;
    while tape.is_left() {
        let step = u32::from(tape.word());
        timestamp = timestamp.wrapping_add(if tape.flag() { step << 16 } else { step });
        let mut tell = |change: EventChange| match change {
            EventChange::Began(event) => assert_eq!(pressed.replace(event.event), None),
            EventChange::Ended { event, .. } => assert_eq!(pressed.take(), Some(event)),
        };
        if tape.octet() == 0 {
            receiver.handle_time(timestamp, step, &mut tell);
        } else if let Some(event) = Event::parse(tape.octets(4)) {
            assert_eq!(Event::parse(&event.octets()), Some(event));
            receiver.handle_event(timestamp, event, &mut tell);
        }
        assert_eq!(receiver.pressed(), pressed);
    }
}

/// Operations on a chain of any two codecs: what comes out has the time that went in, but for what waits.
pub fn transcoder(data: &[u8]) {
    const CODECS: [(&str, u32, u8, &str); 8] = [
        ("PCMU", 8_000, 1, ""),
        ("PCMA", 8_000, 1, ""),
        ("L16", 44_100, 1, ""),
        ("G722", 8_000, 1, ""),
        ("G726-32", 8_000, 1, ""),
        ("GSM", 8_000, 1, ""),
        ("opus", 48_000, 2, "useinbandfec=1"),
        ("opus", 48_000, 2, "usedtx=1;cbr=1;maxplaybackrate=8000"),
    ];
    let mut tape = Tape::new(data);
    let mut codec = || {
        let (name, clock, channels, parameters) = tape.pick(&CODECS).expect("one of them");
        Codec::of(name, clock, channels, parameters).expect("it is served")
    };
    let (from, to) = (codec(), codec());
    let plan = Plan { packet_ms: u32::from(tape.octet()), comfort_noise: tape.flag(), ..Plan::new(from, to) };
    let mut transcoder = Transcoder::new(&plan).expect("any to any");
    let mut packet = vec![0; PAYLOAD_OCTETS_MAX];
    // Each operation may encode 120 ms, so that an input of zeros is not a minute of work.
    for _ in 0..64 {
        if !tape.is_left() {
            break;
        }
        let handled = match tape.octet() % 8 {
            0 => transcoder.handle_comfort_noise(payload(&mut tape)),
            1 => {
                let ticks = u32::from(tape.word());
                let next = payload(&mut tape);
                transcoder.handle_gap(ticks, Some(next).filter(|next| !next.is_empty()))
            }
            2 => {
                transcoder.set_packet_ms(u32::from(tape.octet()));
                transcoder.expect_loss(tape.octet());
                Ok(())
            }
            _ => transcoder.handle_payload(payload(&mut tape)).map(drop),
        };
        assert!(matches!(handled, Ok(()) | Err(Fault::Malformed)), "{handled:?}");
        while let Some(made) = transcoder.poll_packet(&mut packet).expect("what is ours can be encoded") {
            assert!(made.ticks > 0 && made.octets <= packet.len());
            assert_eq!(made.content == Content::Nothing, made.octets == 0);
        }
    }
}
