//! Nothing is allocated once a chain is built: counted, for every pair of codecs, packing and event of a stream.
//!
//! The libraries in C are looked at by reading them: none allocates but to make a state.

#![expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

use allocation_counter::measure;
use codecs::dtmf::Detector;
use codecs::{Codec, Encoded, Gain, Mixer, Plan, Tone, Transcoder};

/// How often memory is taken, and how often it is given back.
fn allocations(of: impl FnOnce()) -> u64 {
    let counted = measure(of);
    let freed = counted.count_total.saturating_add_signed(-counted.count_current);
    counted.count_total + freed
}

fn codecs() -> Vec<Codec> {
    let names = [
        ("PCMU", 8_000, 1, ""),
        ("PCMA", 8_000, 1, ""),
        ("L16", 16_000, 1, ""),
        ("L16", 44_100, 2, ""),
        ("G722", 8_000, 1, ""),
        ("G726-32", 8_000, 1, ""),
        ("GSM", 8_000, 1, ""),
        ("opus", 48_000, 2, "useinbandfec=1;usedtx=1"),
        #[cfg(feature = "g729")]
        ("G729", 8_000, 1, ""),
    ];
    names.into_iter().map(|(name, rate, channels, fmtp)| Codec::of(name, rate, channels, fmtp).unwrap()).collect()
}

#[test]
fn a_chain_that_is_built_allocates_nothing() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1]))) >= 2, "it counts");
    for from in codecs() {
        let rate = from.sample_rate_hz(48_000);
        for packet_ms_in in [20, 60] {
            let mut encoder = from.encoder(rate).unwrap();
            let mut tone = Tone::at_rate(500.0, -12.0, rate);
            let mut payloads = Vec::new();
            for _ in 0..10 {
                let mut sound = vec![0; from.packet_samples(packet_ms_in, rate)];
                tone.add_to(&mut sound);
                let mut payload = vec![0; 12_000];
                let Encoded::Payload(octets) = encoder.encode(&sound, &mut payload).unwrap() else { panic!("a tone") };
                payload.truncate(octets);
                payloads.push(payload);
            }
            for to in codecs() {
                for packet_ms in [20, 30] {
                    let gain = Gain::of_decibels(-3.0);
                    let plan = Plan { packet_ms, gain, comfort_noise: true, ..Plan::new(from, to) };
                    let mut transcoder = Transcoder::new(&plan).unwrap();
                    let mut packet = vec![0; 12_000];
                    let mut packets = 0;
                    let ticks = from.clock_rate_hz() / 50;
                    let counted = allocations(|| {
                        for (index, payload) in payloads.iter().enumerate() {
                            match index {
                                3 => transcoder.handle_gap(ticks, Some(payload)).unwrap(),
                                6 => {
                                    transcoder.handle_comfort_noise(&[60, 120, 140]).unwrap();
                                    transcoder.handle_gap(ticks * 6, None).unwrap();
                                }
                                8 => transcoder.set_packet_ms(20),
                                _ => drop(transcoder.handle_payload(payload).unwrap()),
                            }
                            while transcoder.poll_packet(&mut packet).unwrap().is_some() {
                                packets += 1;
                            }
                        }
                    });
                    assert!(packets > 5);
                    assert_eq!(counted, 0, "{} to {}, {packet_ms_in} to {packet_ms} ms", from.name(), to.name());
                }
            }
        }
    }
}

#[test]
fn mixing_and_listening_for_keys_allocate_nothing() {
    let mut mixer = Mixer::new(160);
    let mut detector = Detector::new();
    let (voice, mut heard) = ([1_000; 160], [0; 160]);
    // The tables of all detectors are made once.
    detector.handle_samples(&voice, |_| {});
    let counted = allocations(|| {
        for _ in 0..10 {
            mixer.clear();
            mixer.add(&voice);
            mixer.without(&voice, &mut heard);
            detector.handle_samples(&voice, |_| {});
        }
    });
    assert_eq!(counted, 0);
}
