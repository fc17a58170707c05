//! What is sent to one peer: samples in any portions, packets of one length out.

use crate::codec::Codec;
use crate::coder::{Encoded, Encoder, Fault};
use crate::comfort_noise::Description;
use crate::limits::{self, WAITING_MS_MAX};

/// Packs samples into payloads of a codec.
///
/// Samples go in by [`Self::handle_samples`]; then [`Self::poll_packet`] gives packets until there is none.
pub struct Emission {
    codec: Codec,
    rate_hz: u32,
    encoder: Box<dyn Encoder>,
    packet_samples: usize,
    /// What was not packed yet lies between `start` and `end`.
    waiting: Box<[i16]>,
    start: usize,
    end: usize,
    /// So many of the latest of these are silence.
    silent: usize,
    /// The peer takes comfort noise.
    comfort_noise: bool,
    description: Description,
    /// What the peer was told that the silence sounds like, while it lasts.
    told: Option<Description>,
    /// The next sound begins a talkspurt.
    begins: bool,
}

/// A stretch of what is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet {
    /// What is in it.
    pub content: Content,
    /// Octets of the payload; 0 where nothing is sent.
    pub octets: usize,
    /// Its time in ticks of the codec's RTP clock: by so much the next timestamp is later.
    pub ticks: u32,
}

/// What a stretch is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// A payload of the codec; the marker is set at the beginning of a talkspurt (RFC 3551 §4.1).
    Sound {
        /// Whether silence, or nothing, was before it.
        marker: bool,
    },
    /// A payload of comfort noise, under its own payload type.
    ComfortNoise,
    /// Nothing is sent: the peer knows what its silence sounds like.
    Nothing,
}

impl Emission {
    /// At the beginning of a stream of samples at `rate_hz` (see [`Codec::sample_rate_hz`]), in packets of `packet_ms` (see
    /// [`Codec::packet_samples`]). With `comfort_noise` the peer has agreed to RFC 3389.
    pub fn new(codec: Codec, rate_hz: u32, packet_ms: u32, comfort_noise: bool) -> Result<Self, Fault> {
        let encoder = codec.encoder(rate_hz)?;
        // And one: a resampler gives now one more, now one less.
        let most = limits::samples(WAITING_MS_MAX, rate_hz) + 1;
        Ok(Self {
            codec,
            rate_hz,
            encoder,
            packet_samples: codec.packet_samples(packet_ms, rate_hz),
            waiting: vec![0; most].into(),
            start: 0,
            end: 0,
            silent: 0,
            comfort_noise,
            description: Description::white(127),
            told: None,
            begins: true,
        })
    }

    /// Its codec.
    pub const fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Samples a second.
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Samples of a packet.
    pub const fn packet_samples(&self) -> usize {
        self.packet_samples
    }

    /// From now on packets have this length: the peer has asked for another one. What waits is kept.
    pub fn set_packet_ms(&mut self, packet_ms: u32) {
        self.packet_samples = self.codec.packet_samples(packet_ms, self.rate_hz);
    }

    /// The share of packets that the peer says it loses, in percent.
    pub fn expect_loss(&mut self, percent: u8) {
        self.encoder.expect_loss(percent);
    }

    /// Takes samples, at most 120 ms of them, all packets having been taken before.
    pub fn handle_samples(&mut self, samples: &[i16]) -> Result<(), Fault> {
        self.wait(samples)?;
        self.silent = 0;
        Ok(())
    }

    /// Takes samples that are but noise of this description, as a silent speaker's are.
    pub fn handle_silence(&mut self, samples: &[i16], description: &Description) -> Result<(), Fault> {
        self.wait(samples)?;
        self.silent += samples.len();
        self.description = *description;
        Ok(())
    }

    fn wait(&mut self, samples: &[i16]) -> Result<(), Fault> {
        if self.end + samples.len() > self.waiting.len() {
            self.waiting.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let free = self.waiting.get_mut(self.end..self.end + samples.len()).ok_or(Fault::Room)?;
        free.copy_from_slice(samples);
        self.end += samples.len();
        Ok(())
    }

    /// The next packet, its payload in the front of `payload`; `None` until a whole one waits.
    pub fn poll_packet(&mut self, payload: &mut [u8]) -> Result<Option<Packet>, Fault> {
        let waiting = self.end - self.start;
        if waiting < self.packet_samples {
            return Ok(None);
        }
        let frame = &self.waiting[self.start..self.start + self.packet_samples];
        let all_silent = self.comfort_noise && self.silent >= waiting;
        // Time goes on, whatever comes of it.
        self.start += self.packet_samples;
        self.silent = self.silent.min(self.end - self.start);
        let ticks = self.codec.ticks_of(self.packet_samples, self.rate_hz);
        let nothing = Packet { content: Content::Nothing, octets: 0, ticks };
        if all_silent {
            self.begins = true;
            if self.told == Some(self.description) {
                return Ok(Some(nothing));
            }
            let octets = self.description.write(payload)?;
            self.told = Some(self.description);
            return Ok(Some(Packet { content: Content::ComfortNoise, octets, ticks }));
        }
        self.told = None;
        Ok(Some(match self.encoder.encode(frame, payload)? {
            Encoded::Payload(octets) => {
                let marker = std::mem::replace(&mut self.begins, false);
                Packet { content: Content::Sound { marker }, octets, ticks }
            }
            Encoded::Nothing => {
                self.begins = true;
                nothing
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Law;

    fn drain(emission: &mut Emission) -> Vec<(Packet, Vec<u8>)> {
        let mut payload = [0; 4_000];
        let mut packets = Vec::new();
        while let Some(packet) = emission.poll_packet(&mut payload).unwrap() {
            packets.push((packet, payload[..packet.octets].to_vec()));
        }
        packets
    }

    #[test]
    fn portions_of_any_size_become_packets_of_one() {
        let sound = crate::test_signal::vowel(8_000, 8_000);
        for packet_ms in [10, 20, 30, 40, 50, 60] {
            for portion in [1, 80, 160, 333, 960] {
                let mut emission = Emission::new(Codec::G711(Law::Mu), 8_000, packet_ms, false).unwrap();
                let mut octets = Vec::new();
                for part in sound.chunks(portion) {
                    emission.handle_samples(part).unwrap();
                    for (packet, payload) in drain(&mut emission) {
                        assert_eq!((packet.ticks, payload.len()), (packet_ms * 8, packet_ms as usize * 8));
                        octets.extend(payload);
                    }
                }
                let expected: Vec<u8> = sound.iter().map(|&sample| Law::Mu.encode(sample)).collect();
                assert_eq!(octets, expected[..octets.len()]);
                assert!(expected.len() - octets.len() < emission.packet_samples());
            }
        }
    }

    #[test]
    fn another_packing_in_mid_call_loses_nothing() {
        let sound = crate::test_signal::vowel(8_000, 8_000);
        let mut emission = Emission::new(Codec::G711(Law::A), 8_000, 20, false).unwrap();
        let mut octets = Vec::new();
        for (index, part) in sound.chunks(160).enumerate() {
            emission.set_packet_ms([20, 30, 10, 60][index / 13]);
            emission.handle_samples(part).unwrap();
            drain(&mut emission).into_iter().for_each(|(_, payload)| octets.extend(payload));
        }
        let expected: Vec<u8> = sound.iter().map(|&sample| Law::A.encode(sample)).collect();
        assert_eq!(octets, expected[..octets.len()]);
        assert!(octets.len() > 7_500);
    }

    #[test]
    fn silence_is_told_once_and_sound_begins_with_a_marker() {
        let mut emission = Emission::new(Codec::G711(Law::A), 8_000, 20, true).unwrap();
        let mut contents = Vec::new();
        let frame = [100; 160];
        let (quiet, louder) = (Description::white(60), Description::white(50));
        for turn in 0..12 {
            match turn {
                3..6 => emission.handle_silence(&frame, &quiet).unwrap(),
                6..8 => emission.handle_silence(&frame, &louder).unwrap(),
                // Half a packet of silence goes out as sound, with what follows.
                8 => emission.handle_silence(&frame[..80], &louder).unwrap(),
                _ => emission.handle_samples(&frame).unwrap(),
            }
            contents.extend(drain(&mut emission).iter().map(|(packet, payload)| (packet.content, payload.len())));
        }
        let sound = |marker| (Content::Sound { marker }, 160);
        let noise = (Content::ComfortNoise, 1);
        let nothing = (Content::Nothing, 0);
        let expected = [
            sound(true),
            sound(false),
            sound(false),
            noise,
            nothing,
            nothing,
            noise,
            nothing,
            sound(true),
            sound(false),
            sound(false),
        ];
        assert_eq!(contents, expected);
        // A peer that has not agreed hears the noise.
        let mut emission = Emission::new(Codec::G711(Law::A), 8_000, 20, false).unwrap();
        emission.handle_silence(&frame, &quiet).unwrap();
        assert_eq!(drain(&mut emission)[0].0.content, Content::Sound { marker: true });
    }

    #[test]
    fn what_is_not_taken_is_refused_when_it_is_too_much() {
        let mut emission = Emission::new(Codec::G711(Law::A), 8_000, 20, false).unwrap();
        let taken = (0..100).take_while(|_| emission.handle_samples(&[0; 160]).is_ok()).count();
        assert!((9..=11).contains(&taken), "{taken}");
        assert_eq!(drain(&mut emission).len(), taken);
        assert!(emission.handle_samples(&[0; 160]).is_ok());
        assert_eq!(emission.poll_packet(&mut [0; 10]), Err(Fault::Room));
    }
}
