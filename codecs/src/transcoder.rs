//! From any codec to any other: a chain that is built with the session and then only runs.
//!
//! ```text
//!  payload ─▶ Reception ─▶ gain ─▶ Resampler ─▶ Emission ─▶ packet
//!             decode,              where the    pack, encode,
//!             conceal, noise       rates differ comfort noise
//! ```

use crate::codec::Codec;
use crate::coder::Fault;
use crate::comfort_noise::Description;
use crate::dtmf::{KeyChange, KeyFilter};
use crate::emission::{Emission, Packet};
use crate::gain::Gain;
use crate::limits::{self, PAYLOAD_MS_MAX};
use crate::reception::Reception;
use crate::resampler::Resampler;

/// What a [`Transcoder`] is to do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Plan {
    /// What comes in.
    pub from: Codec,
    /// What goes out.
    pub to: Codec,
    /// Milliseconds of a packet that goes out, as [`Codec::packet_samples`] can have it. What comes in may be of any length.
    pub packet_ms: u32,
    /// The receiver has agreed to comfort noise: silence that comes in as such goes out as such.
    pub comfort_noise: bool,
    /// Louder or softer on the way.
    pub gain: Gain,
}

impl Plan {
    /// In packets of 20 ms, as loud as it comes, without comfort noise.
    pub const fn new(from: Codec, to: Codec) -> Self {
        Self { from, to, packet_ms: 20, comfort_noise: false, gain: Gain::UNITY }
    }

    /// The rates at which both are best run, so that nothing is resampled that need not be.
    fn rates_hz(&self) -> (u32, u32) {
        let wanted = self.to.sample_rate_hz(48_000);
        let from = self.from.sample_rate_hz(wanted);
        (from, self.to.sample_rate_hz(from))
    }
}

/// Takes a stream from one codec to another. Whoever holds it asks the jitter buffer what is due, says it, and sends what comes of it:
///
/// | what is due | what is said |
/// |---|---|
/// | a payload of sound | [`Self::handle_payload`]; if that is malformed, a gap of its time |
/// | a payload of comfort noise | [`Self::handle_comfort_noise`], which takes no time, then gaps until there is sound |
/// | nothing | [`Self::handle_gap`], with the payload behind it if that is there |
///
/// The timestamp of what is sent grows by [`Packet::ticks`], also where nothing is sent, and begins anywhere: it owes nothing to
/// the sender's.
///
/// ```
/// use codecs::{Codec, Content, Plan, Transcoder};
///
/// let from = Codec::of("PCMU", 8_000, 1, "").expect("served");
/// let to = Codec::of("opus", 48_000, 2, "useinbandfec=1").expect("served");
/// let mut transcoder = Transcoder::new(&Plan::new(from, to))?;
/// let mut payload = [0; 1_500];
/// transcoder.handle_payload(&[0xff; 160])?;
/// while let Some(packet) = transcoder.poll_packet(&mut payload)? {
///     assert_eq!(packet.ticks, 960);
///     assert!(matches!(packet.content, Content::Sound { marker: true }));
/// }
/// # Ok::<(), codecs::Fault>(())
/// ```
pub struct Transcoder {
    reception: Reception,
    gain: Gain,
    resampler: Option<Resampler>,
    /// Where it listens for keys.
    keys: Option<Box<KeyFilter>>,
    /// What is made louder or listened to, then what is resampled.
    louder: Box<[i16]>,
    resampled: Box<[i16]>,
    emission: Emission,
}

impl Transcoder {
    /// Builds the chain.
    pub fn new(plan: &Plan) -> Result<Self, Fault> {
        let (from_hz, to_hz) = plan.rates_hz();
        let resampler = if from_hz == to_hz { None } else { Some(Resampler::new(from_hz, to_hz)?) };
        let longest = limits::samples(PAYLOAD_MS_MAX, from_hz);
        let louder = if plan.gain == Gain::UNITY { 0 } else { longest };
        let resampled = resampler.as_ref().map_or(0, |resampler| resampler.output_max(longest));
        Ok(Self {
            reception: Reception::new(plan.from, from_hz)?,
            gain: plan.gain,
            resampler,
            keys: None,
            louder: vec![0; louder].into(),
            resampled: vec![0; resampled].into(),
            emission: Emission::new(plan.to, to_hz, plan.packet_ms, plan.comfort_noise)?,
        })
    }

    /// Takes the next payload in order; how long its sound is, in ticks of the sender's RTP clock. One that is malformed changes
    /// nothing: its time is a gap.
    pub fn handle_payload(&mut self, payload: &[u8]) -> Result<u32, Fault> {
        let rate_hz = self.reception.rate_hz();
        let codec = *self.reception.codec();
        let samples = self.reception.decode(payload)?;
        let ticks = codec.ticks_of(samples.len(), rate_hz);
        let Self { gain, resampler, keys, louder, resampled, emission, .. } = self;
        let samples = match keys {
            Some(keys) => {
                let heard = &mut louder[..samples.len()];
                heard.copy_from_slice(samples);
                keys.filter(heard);
                gain.apply(heard);
                heard
            }
            None => louder_by(*gain, samples, louder),
        };
        forward(samples, None, resampler, resampled, emission)?;
        Ok(ticks)
    }

    /// From now on listens for keys in what comes in: [`Self::poll_key`] tells them. If it `silences` them, what goes out is without.
    pub fn listen(&mut self, silences: bool) -> Result<(), Fault> {
        let rate_hz = self.rate_hz();
        self.louder = vec![0; limits::samples(PAYLOAD_MS_MAX, rate_hz)].into();
        self.keys = Some(Box::new(KeyFilter::new(rate_hz, silences)?));
        Ok(())
    }

    /// What became of keys that are heard, in order. To be asked until there is nothing more, after each input.
    pub fn poll_key(&mut self) -> Option<KeyChange> {
        self.keys.as_mut()?.poll()
    }

    /// Takes samples that were made in place of what the sender would have said, at [`Self::rate_hz`]: at most 120 ms.
    pub fn handle_samples(&mut self, samples: &[i16]) -> Result<(), Fault> {
        let Self { gain, resampler, louder, resampled, emission, .. } = self;
        forward(louder_by(*gain, samples, louder), None, resampler, resampled, emission)
    }

    /// Samples a second of what comes in.
    pub const fn rate_hz(&self) -> u32 {
        self.reception.rate_hz()
    }

    /// Takes note that for `ticks` of the sender's RTP clock there is no payload: lost, or in silence. At most 120 ms count.
    /// `next` is the payload behind the gap, where it is there already: it may say what was lost.
    pub fn handle_gap(&mut self, ticks: u32, next: Option<&[u8]>) -> Result<(), Fault> {
        let silence = self.reception.silence().copied();
        let samples = self.reception.conceal(ticks, next);
        let Self { gain, resampler, keys, louder, resampled, emission, .. } = self;
        let samples = match keys {
            Some(keys) => {
                let heard = &mut louder[..samples.len()];
                heard.copy_from_slice(samples);
                keys.pass_over(heard);
                gain.apply(heard);
                heard
            }
            None => louder_by(*gain, samples, louder),
        };
        forward(samples, silence.as_ref(), resampler, resampled, emission)
    }

    /// Takes a payload of comfort noise: until the next payload of sound gaps are silence of this kind.
    pub fn handle_comfort_noise(&mut self, payload: &[u8]) -> Result<(), Fault> {
        self.reception.describe_silence(payload)
    }

    /// The next packet, its payload in the front of `payload`; `None` until a whole one is there. To be asked until then after
    /// each input.
    pub fn poll_packet(&mut self, payload: &mut [u8]) -> Result<Option<Packet>, Fault> {
        self.emission.poll_packet(payload)
    }

    /// From now on packets have this length.
    pub fn set_packet_ms(&mut self, packet_ms: u32) {
        self.emission.set_packet_ms(packet_ms);
    }

    /// The share of packets that the receiver says it loses, in percent.
    pub fn expect_loss(&mut self, percent: u8) {
        self.emission.expect_loss(percent);
    }

    /// What comes in.
    pub const fn from(&self) -> &Codec {
        self.reception.codec()
    }

    /// What goes out.
    pub const fn to(&self) -> &Codec {
        self.emission.codec()
    }

    /// Milliseconds by which the resampler delays; packing waits for a packet to be full besides, and codecs look ahead.
    pub fn delay_ms(&self) -> f64 {
        self.resampler.as_ref().map_or(0.0, |resampler| resampler.delay() * 1_000.0 / f64::from(resampler.rates_hz().1))
    }
}

/// The samples, louder or softer; as they are where nothing is to be changed.
fn louder_by<'a>(gain: Gain, samples: &'a [i16], louder: &'a mut [i16]) -> &'a [i16] {
    match louder.get_mut(..samples.len()) {
        Some(louder) if gain != Gain::UNITY => {
            louder.copy_from_slice(samples);
            gain.apply(louder);
            louder
        }
        _ => samples,
    }
}

fn forward(
    samples: &[i16],
    silence: Option<&Description>,
    resampler: &mut Option<Resampler>,
    resampled: &mut [i16],
    emission: &mut Emission,
) -> Result<(), Fault> {
    let samples = match resampler {
        Some(resampler) => {
            let count = resampler.resample(samples, resampled)?;
            &resampled[..count]
        }
        None => samples,
    };
    match silence {
        Some(description) => emission.handle_silence(samples, description),
        None => emission.handle_samples(samples),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::Encoded;
    use crate::emission::Content;
    use crate::limits::PAYLOAD_OCTETS_MAX;
    use crate::test_signal::tone_in;

    fn codecs() -> Vec<Codec> {
        let names = [
            ("PCMU", 8_000, 1),
            ("PCMA", 8_000, 1),
            ("L16", 16_000, 1),
            ("L16", 44_100, 2),
            ("G722", 8_000, 1),
            ("G726-32", 8_000, 1),
            ("AAL2-G726-32", 8_000, 1),
            ("GSM", 8_000, 1),
            ("opus", 48_000, 2),
            #[cfg(feature = "g729")]
            ("G729", 8_000, 1),
        ];
        names.into_iter().map(|(name, rate, channels)| Codec::of(name, rate, channels, "").unwrap()).collect()
    }

    /// A tone of 800 Hz at −10 dBm0 through a chain; what comes out at the far decoder, and the ticks that were sent.
    fn through(plan: &Plan, packet_ms_in: u32, total_ms: u32) -> (Vec<i16>, u32, u32) {
        let in_hz = plan.from.sample_rate_hz(48_000);
        let out_hz = plan.to.sample_rate_hz(48_000);
        let mut encoder = plan.from.encoder(in_hz).unwrap();
        let mut decoder = plan.to.decoder(out_hz).unwrap();
        let mut transcoder = Transcoder::new(plan).unwrap();
        let mut tone = crate::Tone::at_rate(800.0, -10.0, in_hz);
        let count = plan.from.packet_samples(packet_ms_in, in_hz);
        let (mut octets, mut packet) = (vec![0; PAYLOAD_OCTETS_MAX], vec![0; PAYLOAD_OCTETS_MAX]);
        let (mut heard, mut samples, mut ticks) = (Vec::new(), vec![0; 6_000], 0);
        let mut sent = 0;
        while sent < (in_hz / 1_000 * total_ms) as usize {
            let mut sound = vec![0; count];
            tone.add_to(&mut sound);
            sent += count;
            let Encoded::Payload(length) = encoder.encode(&sound, &mut octets).unwrap() else { panic!("a tone") };
            transcoder.handle_payload(&octets[..length]).unwrap();
            while let Some(made) = transcoder.poll_packet(&mut packet).unwrap() {
                assert!(matches!(made.content, Content::Sound { .. }));
                let count = decoder.decode(&packet[..made.octets], &mut samples).unwrap();
                assert_eq!(plan.to.ticks_of(count, out_hz), made.ticks);
                ticks += made.ticks;
                heard.extend_from_slice(&samples[..count]);
            }
        }
        (heard, ticks, out_hz)
    }

    #[test]
    fn any_to_any_in_any_packing_is_the_same_tone() {
        for from in codecs() {
            for to in codecs() {
                for (packet_ms_in, packet_ms) in [(20, 20), (10, 60), (60, 10), (30, 20), (20, 30), (40, 50)] {
                    let plan = Plan { packet_ms, ..Plan::new(from, to) };
                    let (heard, ticks, rate) = through(&plan, packet_ms_in, 720);
                    let what = format!("{} to {}, {packet_ms_in} to {packet_ms} ms", from.name(), to.name());
                    let sent_ms = u64::from(ticks) * 1_000 / u64::from(to.clock_rate_hz());
                    assert!((660..=760).contains(&sent_ms), "{what}: {sent_ms} ms");
                    let (level, purity) = tone_in(&heard[heard.len() / 2..], 800.0, rate);
                    // A codec that models a voice does not care for tones.
                    let models = [from, to].iter().any(|codec| codec.name() == "G729");
                    let (near, pure) = if models { (3.5, 3.0) } else { (1.5, 12.0) };
                    assert!((level - -10.0).abs() < near, "{what}: {level} dBm0");
                    assert!(purity > pure, "{what}: {purity} dB");
                }
            }
        }
    }

    #[test]
    fn the_longest_gap_and_payload_find_room_behind_any_rest() {
        for from in codecs() {
            for to in codecs() {
                let plan = Plan { packet_ms: 60, ..Plan::new(from, to) };
                let mut transcoder = Transcoder::new(&plan).unwrap();
                let mut packet = vec![0; PAYLOAD_OCTETS_MAX];
                // A rest of every size is left by gaps of odd lengths.
                for ticks in [u32::MAX, 1, 77, 441, u32::MAX, 300, u32::MAX] {
                    transcoder.handle_gap(ticks, None).unwrap();
                    while transcoder.poll_packet(&mut packet).unwrap().is_some() {}
                }
                let most = limits::samples(PAYLOAD_MS_MAX, 8_000);
                if from.name().starts_with("PCM") {
                    assert!(transcoder.handle_payload(&vec![0; most]).is_ok(), "{} to {}", from.name(), to.name());
                    assert_eq!(transcoder.handle_payload(&vec![0; most + 1]), Err(Fault::Malformed));
                }
            }
        }
    }

    #[test]
    fn the_gain_of_the_plan_is_heard() {
        let codec = codecs()[0];
        let plan = Plan { gain: Gain::of_decibels(-6.0), ..Plan::new(codec, codecs()[4]) };
        let (heard, _, rate) = through(&plan, 20, 400);
        let (level, _) = tone_in(&heard[heard.len() / 2..], 800.0, rate);
        assert!((level - -16.0).abs() < 0.5, "{level}");
    }

    #[test]
    fn rates_meet_where_one_can_follow() {
        let named = |name: &str| codecs().into_iter().find(|codec| codec.name() == name).unwrap();
        for (from, to, rates) in [
            ("PCMU", "opus", (8_000, 8_000)),
            ("opus", "PCMU", (8_000, 8_000)),
            ("opus", "G722", (16_000, 16_000)),
            ("opus", "opus", (48_000, 48_000)),
            ("G722", "PCMU", (16_000, 8_000)),
        ] {
            assert_eq!(Plan::new(named(from), named(to)).rates_hz(), rates, "{from} to {to}");
        }
        let transcoder = Transcoder::new(&Plan::new(named("G722"), named("PCMU"))).unwrap();
        assert!((4.0..=5.1).contains(&transcoder.delay_ms()));
        assert_eq!((transcoder.from().name(), transcoder.to().name()), ("G722", "PCMU"));
    }

    #[test]
    fn silence_goes_through_as_silence_where_that_was_agreed() {
        let [from, to] = [codecs()[0], codecs()[4]];
        let plan = Plan { comfort_noise: true, ..Plan::new(from, to) };
        let mut transcoder = Transcoder::new(&plan).unwrap();
        let mut payload = [0; 1_000];
        let mut contents = Vec::new();
        let mut poll = |transcoder: &mut Transcoder| {
            while let Some(packet) = transcoder.poll_packet(&mut payload).unwrap() {
                assert_eq!(packet.ticks, 160, "G.722's clock is 8,000");
                contents.push((packet.content, payload[..packet.octets].to_vec()));
            }
        };
        transcoder.handle_payload(&[0xff; 160]).unwrap();
        poll(&mut transcoder);
        transcoder.handle_comfort_noise(&[61, 100]).unwrap();
        for _ in 0..4 {
            transcoder.handle_gap(160, None).unwrap();
            poll(&mut transcoder);
        }
        transcoder.handle_payload(&[0xff; 160]).unwrap();
        poll(&mut transcoder);
        // Lost, not silent.
        transcoder.handle_gap(160, None).unwrap();
        poll(&mut transcoder);
        let kinds: Vec<Content> = contents.iter().map(|(content, _)| *content).collect();
        let (sound, nothing) = (|marker| Content::Sound { marker }, Content::Nothing);
        let expected = [sound(true), Content::ComfortNoise, nothing, nothing, nothing, sound(true), sound(false)];
        assert_eq!(kinds, expected);
        assert_eq!(contents[1].1, [61, 100]);
    }

    #[test]
    fn nonsense_is_told_and_its_time_can_be_bridged() {
        let plan = Plan::new(codecs()[7], codecs()[0]);
        let mut transcoder = Transcoder::new(&plan).unwrap();
        assert_eq!(transcoder.handle_payload(&[1, 2, 3]), Err(Fault::Malformed));
        transcoder.handle_gap(160, None).unwrap();
        let mut payload = [0; 160];
        assert!(transcoder.poll_packet(&mut payload).unwrap().is_some());
        transcoder.handle_gap(u32::MAX, Some(&[9])).unwrap();
        let mut packets = 0;
        while transcoder.poll_packet(&mut payload).unwrap().is_some() {
            packets += 1;
        }
        assert_eq!(packets, 6, "120 ms");
    }
}
