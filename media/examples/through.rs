//! Speech through a lossy line: by the codec's own decoder, fed in perfect time, and through a worker that transcodes it.
//!
//! `through FOLDER` reads every `FOLDER/NAME.s16` (16,000 samples a second, 16 bits, little-endian) and writes for each codec and each loss
//! `FOLDER/CODEC.LOSS.NAME.own.s16` and `…tandem.s16`, what either makes of it (at 8 kHz for telephone codecs, else at 16 kHz), `…reference.s16`, what was said,
//! `…telephone.s16`, what a telephone with PCMA is sent, and `….packets`, what went over the line: for each packet an octet (0: it came), its length in two and its
//! payload. `through FOLDER --far` makes of each `….far`, as those packets, the `….s16` that such a telephone hears. `benches/quality/measure` judges them.

use codecs::{Encoded, Reception, Resampler};
use media::rtp::{HEADER_BYTES, Header, write};
use media::{Channel, PairIndex};
use nowhere::{LOCAL, Sink, ask, worker};
use router::packet::one;
use router::parameter::{Bridge, Codec, MediaPlan, MediaPort, PortId};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Command, Parameter, Random, Service};
use std::net::SocketAddr;
use std::path::Path;
use std::{env, fs, io, iter};

#[path = "../benches/nowhere/mod.rs"]
mod nowhere;

/// Percent of the packets, in bursts of two on average: what crowded lines do.
const LOSSES: [u64; 5] = [0, 1, 5, 10, 20];
const BURST: u64 = 2;

/// What leaves for the far side.
#[derive(Default)]
struct Far(Vec<Vec<u8>>);

impl Sink for Far {
    fn receive(&mut self, channel: Channel, datagram: &[u8]) {
        if channel == Channel::Rtp {
            self.0.push(datagram.to_vec());
        }
    }
}

fn coded(codec: &Codec) -> codecs::Codec {
    let parameters = codec.parameters.as_deref().unwrap_or_default();
    codecs::Codec::of(&codec.name, codec.clock_rate_hz, codec.channels, parameters).expect("a codec that is served")
}

fn samples(octets: &[u8]) -> Vec<i16> {
    octets.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}

fn octets(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// At another rate, and without the delay of the filter.
fn at_rate(sound: &[i16], rate_hz: u32) -> Vec<i16> {
    if rate_hz == 16_000 {
        return sound.to_vec();
    }
    let mut resampler = Resampler::new(16_000, rate_hz).expect("rates that are served");
    let mut resampled = vec![0; resampler.output_max(sound.len())];
    let count = resampler.resample(sound, &mut resampled).expect("room");
    resampled.truncate(count);
    resampled
}

/// Which packets are lost: a chain of two states (Gilbert), the same for each codec.
fn trace(loss: u64, packets: usize) -> Vec<bool> {
    let mut random = Random::from_seed(7 + loss);
    // Out of a loss with 1 / BURST; into one so often that the whole comes to `loss`.
    let mut is_lost = false;
    (0..packets)
        .map(|_| {
            is_lost = match is_lost {
                true => random.below(BURST) > 0,
                false => random.below(1_000_000) < loss * 1_000_000 / (BURST * (100 - loss)),
            };
            is_lost
        })
        .collect()
}

fn payloads(codec: codecs::Codec, sound: &[i16]) -> Vec<Vec<u8>> {
    let rate_hz = codec.sample_rate_hz(16_000);
    let sound = at_rate(sound, rate_hz);
    let mut encoder = codec.encoder(rate_hz).expect("an encoder");
    encoder.expect_loss(10);
    let mut payload = [0; 2_000];
    let frames = sound.chunks_exact(codec.packet_samples(20, rate_hz));
    let encoded = frames.map(|frame| match encoder.encode(frame, &mut payload).expect("it is encoded") {
        Encoded::Payload(length) => payload[..length].to_vec(),
        Encoded::Nothing => Vec::new(),
    });
    encoded.collect()
}

/// The codec's own decoder and concealment, told at each moment what has come; what comes behind a gap is there when the gap is filled.
fn by_itself(codec: codecs::Codec, payloads: &[Vec<u8>], lost: &[bool]) -> Vec<i16> {
    let mut reception = Reception::new(codec, codec.sample_rate_hz(16_000)).expect("a decoder");
    let ticks = codec.clock_rate_hz() / 50;
    let mut heard = Vec::new();
    for index in 0..payloads.len() {
        let next = payloads.get(index + 1).filter(|_| !lost.get(index + 1).copied().unwrap_or(true));
        match lost[index] {
            false => heard.extend_from_slice(reception.decode(&payloads[index]).expect("a payload")),
            true => heard.extend_from_slice(reception.conceal(ticks, next.map(Vec::as_slice))),
        }
    }
    heard
}

fn plan(port: u16, remote: SocketAddr, codec: &Codec) -> MediaPlan {
    MediaPlan { remote_rtp: Some(remote), generation: 1, ..MediaPlan::new(PortId(port), vec![codec.clone()]) }
}

/// Through a worker, which codes it anew for the far side; there each packet is decoded and stands where its timestamp says.
fn through_a_worker(codec: &Codec, far: &Codec, payloads: &[Vec<u8>], lost: &[bool]) -> Vec<i16> {
    let mut now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
    let mut voice = worker(now, Far::default());
    let peers: [SocketAddr; 2] = [([198, 51, 100, 1], 4_000).into(), ([198, 51, 100, 2], 4_000).into()];
    let wanted = (0..2).map(|port| MediaPort::new(PortId(port), LOCAL).into());
    ask(&mut voice, now, 1, Command::Open, wanted.collect());
    let mut parameters = one(Bridge { a: PortId(0), b: PortId(1) });
    parameters.push(Parameter::from(plan(0, peers[0], codec)));
    parameters.push(Parameter::from(plan(1, peers[1], far)));
    ask(&mut voice, now, 1, Command::Connect, parameters);
    let mut data = [0; 2_000];
    let end = payloads.len() + 50;
    let came = payloads.iter().zip(lost).map(|(payload, lost)| (!lost).then_some(payload)).chain(iter::repeat(None));
    for (index, came) in came.take(end).enumerate() {
        let due = now.later(Duration::from_millis(20));
        if let Some(payload) = came {
            let length = HEADER_BYTES + payload.len();
            data[HEADER_BYTES..length].copy_from_slice(payload);
            let timestamp = index as u32 * (codec.clock_rate_hz / 50);
            write(&mut data[..length], index == 0, codec.payload_type, index as u16, timestamp, 7);
            voice.handle_datagram(now, PairIndex(0), Channel::Rtp, peers[0], &mut data[..length]);
        }
        while let Some(at) = voice.poll_timeout().filter(|at| *at <= due.instant) {
            now = now.later(at.max(now.instant).since(now.instant));
            voice.handle_timeout(now);
            while voice.outbox().poll_transmit().is_some() {}
        }
        now = due;
    }
    let mut decoder = Reception::new(coded(far), far.clock_rate_hz).expect("a decoder");
    let mut heard: Vec<i16> = Vec::new();
    let mut begin = None;
    for packet in &voice.wire().sink.0 {
        let Ok(header) = Header::parse(packet) else { continue };
        let begin = *begin.get_or_insert(header.timestamp);
        let at = header.timestamp.wrapping_sub(begin) as usize;
        let sound = decoder.decode(&packet[header.payload_offset..]).expect("a payload");
        heard.resize(heard.len().max(at + sound.len()), 0);
        heard[at..at + sound.len()].copy_from_slice(sound);
    }
    heard
}

/// What a telephone with PCMA, which conceals as G.711's appendix I does, hears of what another sent it.
fn at_the_telephone(path: &Path) -> io::Result<()> {
    let telephone = codecs::Codec::of("PCMA", 8_000, 1, "").expect("PCMA is served");
    let octets_sent = fs::read(path)?;
    let (mut payloads, mut lost) = (Vec::new(), Vec::new());
    let mut rest = &octets_sent[..];
    while let [is_lost, high, low, more @ ..] = rest {
        let (payload, behind) = more.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        payloads.push(payload.to_vec());
        lost.push(*is_lost != 0);
        rest = behind;
    }
    fs::write(path.with_extension("s16"), octets(&by_itself(telephone, &payloads, &lost)))
}

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).ok_or_else(|| io::Error::other("through FOLDER [--far]"))?;
    let folder = Path::new(&folder);
    if env::args().nth(2).is_some_and(|option| option == "--far") {
        let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        let mut far =
            entries.iter().map(fs::DirEntry::path).filter(|path| path.extension().is_some_and(|end| end == "far"));
        return far.try_for_each(|path| at_the_telephone(&path));
    }
    let opus = Codec { channels: 2, parameters: Some("useinbandfec=1".into()), ..Codec::new(96, "opus", 48_000) };
    let telephone = Codec::new(8, "PCMA", 8_000);
    let measured = [
        (Codec::new(0, "PCMU", 8_000), 8_000),
        (Codec::new(3, "GSM", 8_000), 8_000),
        (Codec::new(98, "G726-32", 8_000), 8_000),
        (Codec::new(9, "G722", 8_000), 16_000),
        (opus, 16_000),
    ];
    let mut names: Vec<_> = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    names.retain(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.matches('.').count() == 1 && name.ends_with(".s16"))
    });
    for entry in names {
        let name = entry.file_name().to_string_lossy().trim_end_matches(".s16").to_owned();
        let sound = samples(&fs::read(entry.path())?);
        for (codec, rate_hz) in &measured {
            let linear = Codec::new(97, "L16", *rate_hz);
            let payloads = payloads(coded(codec), &sound);
            for loss in LOSSES {
                let lost = trace(loss, payloads.len());
                let write = |what: &str, octets: Vec<u8>| {
                    fs::write(folder.join(format!("{}.{loss}.{name}.{what}", codec.name)), octets)
                };
                write("reference.s16", octets(&at_rate(&sound, *rate_hz)))?;
                write("own.s16", octets(&by_itself(coded(codec), &payloads, &lost)))?;
                write("tandem.s16", octets(&through_a_worker(codec, &linear, &payloads, &lost)))?;
                write("telephone.s16", octets(&through_a_worker(codec, &telephone, &payloads, &lost)))?;
                let packets = payloads.iter().zip(&lost).flat_map(|(payload, lost)| {
                    let [high, low] = (payload.len() as u16).to_be_bytes();
                    [&[u8::from(*lost), high, low], &payload[..]].concat()
                });
                write("packets", packets.collect())?;
            }
        }
    }
    Ok(())
}
