//! What reads and makes the payloads of one member, where that takes more than a table: codecs that keep what they have heard.
//!
//! ```text
//!  packets ─▶ in their order, as long as there is time ─▶ decode, conceal ─▶ to 8 kHz ─▶ the member's ring, at the time that its clock says
//!  what it hears, 20 ms ─▶ from 8 kHz ─▶ encode ─▶ payload
//! ```
//! All of it is made when the member's formats are known, and nothing is allocated afterwards.

use super::coding::{Coding, FRAME_OCTETS};
use super::playout::Playout;
use super::{FRAME_SAMPLES, RATE_HZ};
use crate::limits::{CONCEALED_TICKS, EARLY_HELD, EARLY_OCTETS, SOUND_PER_SECOND};
use crate::rtp::Header;
use codecs::{Codec, Encoded, Encoder, Fault, Reception, Resampler};
use std::fmt;

/// Numbers so far back are those of a stream that has begun anew.
const REORDERED: i16 = 100;

/// The coders of a member.
#[derive(Debug, Default)]
pub(super) struct Coders {
    listeners: Vec<Listener>,
    speaker: Option<Speaker>,
}

impl Coders {
    /// Those that a member needs; `None`: tables do.
    pub(super) fn of(coding: &Coding) -> Option<Box<Self>> {
        let is_table = |codec: &Codec| matches!(codec, Codec::G711(_));
        let heard = coding.hears().filter(|(_, codec)| !is_table(codec));
        let listeners: Vec<Listener> =
            heard.filter_map(|(number, codec)| Listener::new(*number, *codec).ok()).collect();
        let speaks = Some(coding.speaks()).filter(|codec| !is_table(codec));
        let speaker = speaks.and_then(|codec| Speaker::new(*codec).ok());
        (!listeners.is_empty() || speaker.is_some()).then(|| Box::new(Self { listeners, speaker }))
    }

    /// Lays down what a packet of the member's says.
    pub(super) fn listen(&mut self, header: &Header, payload: &[u8], playout: &mut Playout) {
        if let Some(listener) = self.listeners.iter_mut().find(|listener| listener.payload_type == header.payload_type)
        {
            listener.take(header, payload, playout);
        }
    }

    /// A frame is to be played: what waits for a packet whose time has come waits no longer.
    pub(super) fn catch_up(&mut self, playout: &mut Playout) {
        self.listeners.iter_mut().for_each(|listener| listener.catch_up(playout));
    }

    /// Encodes a frame; how many octets that makes, 0: nothing is to be sent.
    pub(super) fn speak(&mut self, samples: &[i16; FRAME_SAMPLES], octets: &mut [u8; FRAME_OCTETS]) -> usize {
        self.speaker.as_mut().map_or(0, |speaker| speaker.encode(samples, octets))
    }
}

/// What reads one of its formats.
struct Listener {
    payload_type: u8,
    reception: Reception,
    resampler: Option<Resampler>,
    resampled: Box<[i16]>,
    /// Ticks of its clock for each sample of ours.
    ticks: u32,
    heard: Option<Heard>,
    /// What came before a packet that belongs in front of it, in order: the first of them, so many.
    early: Box<[Early; EARLY_HELD]>,
    held: usize,
    /// Ticks that were decoded, less those of the time that has gone by since.
    decoded: u32,
}

/// A packet that waits for the one before it.
#[derive(Clone, Copy)]
struct Early {
    sequence: u16,
    timestamp: u32,
    octets: [u8; EARLY_OCTETS],
    length: usize,
}

/// What was heard last.
#[derive(Clone, Copy)]
struct Heard {
    ssrc: u32,
    sequence: u16,
    /// Which of the packets up to it have come: bit 0 is that one.
    come: u64,
    /// The timestamp behind it.
    next: u32,
    /// A moment of its clock, and the same one of ours.
    clock: (u32, u32),
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("codec", self.reception.codec()).finish_non_exhaustive()
    }
}

impl Listener {
    fn new(payload_type: u8, codec: Codec) -> Result<Self, Fault> {
        let rate_hz = codec.sample_rate_hz(RATE_HZ);
        let reception = Reception::new(codec, rate_hz)?;
        let resampler = if rate_hz == RATE_HZ { None } else { Some(Resampler::new(rate_hz, RATE_HZ)?) };
        let longest = codecs::limits::samples(codecs::limits::PAYLOAD_MS_MAX, rate_hz);
        let room = resampler.as_ref().map_or(0, |resampler| resampler.output_max(longest));
        let ticks = codec.clock_rate_hz() / RATE_HZ;
        let early = Early { sequence: 0, timestamp: 0, octets: [0; EARLY_OCTETS], length: 0 };
        let (resampled, early) = (vec![0; room].into(), Box::new([early; EARLY_HELD]));
        Ok(Self { payload_type, reception, resampler, resampled, ticks, heard: None, early, held: 0, decoded: 0 })
    }

    fn take(&mut self, header: &Header, payload: &[u8], playout: &mut Playout) {
        if self.decoded > SOUND_PER_SECOND * RATE_HZ * self.ticks {
            return;
        }
        let Header { ssrc, sequence, timestamp, .. } = *header;
        let Some(heard) = &mut self.heard else { return self.begin(header, payload, playout) };
        let step = sequence.wrapping_sub(heard.sequence) as i16;
        if heard.ssrc != ssrc || step <= -REORDERED {
            return self.begin(header, payload, playout);
        }
        if step <= 0 {
            // What the codec would make of it now is noise, and its time has been filled.
            let bit = 1_u64.checked_shl(step.unsigned_abs().into()).unwrap_or(0);
            if heard.come & bit == 0 {
                heard.come |= bit;
                playout.count_late(ours(heard.clock, timestamp, self.ticks).1);
            }
            return;
        }
        if step > 1 && self.hold(sequence, timestamp, payload, playout) {
            return;
        }
        while self.held > 0 && sequence.wrapping_sub(self.early[0].sequence) as i16 > 0 {
            self.release(playout);
        }
        self.say(sequence, timestamp, payload, playout);
        self.go_on(playout);
    }

    /// A stream begins.
    fn begin(&mut self, header: &Header, payload: &[u8], playout: &mut Playout) {
        let Header { ssrc, sequence, timestamp, .. } = *header;
        self.held = 0;
        self.heard = Some(Heard {
            ssrc,
            sequence: sequence.wrapping_sub(1),
            come: 0,
            next: timestamp,
            clock: (timestamp, timestamp),
        });
        self.say(sequence, timestamp, payload, playout);
    }

    /// Keeps what came before a packet that may still come in time. False: it is to be said now.
    fn hold(&mut self, sequence: u16, timestamp: u32, payload: &[u8], playout: &Playout) -> bool {
        if self.gap_is_due(timestamp, playout) || self.held == EARLY_HELD || payload.len() > EARLY_OCTETS {
            return false;
        }
        let held = &self.early[..self.held];
        if held.iter().any(|early| early.sequence == sequence) {
            return true;
        }
        let place = held.partition_point(|early| (sequence.wrapping_sub(early.sequence) as i16) > 0);
        self.early[place..=self.held].rotate_right(1);
        let early = &mut self.early[place];
        (early.sequence, early.timestamp, early.length) = (sequence, timestamp, payload.len());
        early.octets[..payload.len()].copy_from_slice(payload);
        self.held += 1;
        true
    }

    /// Whether what is missing in front of a packet is to be played with the next frame, or is no gap that is filled.
    fn gap_is_due(&self, timestamp: u32, playout: &Playout) -> bool {
        self.heard.is_none_or(|heard| {
            let gap = timestamp.wrapping_sub(heard.next);
            gap == 0
                || gap > CONCEALED_TICKS * self.ticks
                || playout.is_due(ours(heard.clock, heard.next, self.ticks).1)
        })
    }

    fn catch_up(&mut self, playout: &mut Playout) {
        self.decoded = self.decoded.saturating_sub(SOUND_PER_SECOND * FRAME_SAMPLES as u32 * self.ticks);
        while self.held > 0 && self.gap_is_due(self.early[0].timestamp, playout) {
            self.release(playout);
            self.go_on(playout);
        }
    }

    /// Says those that wait for nothing more.
    fn go_on(&mut self, playout: &mut Playout) {
        while self.held > 0
            && self.heard.is_some_and(|heard| self.early[0].sequence.wrapping_sub(heard.sequence) as i16 <= 1)
        {
            self.release(playout);
        }
    }

    /// Says the first that waits.
    fn release(&mut self, playout: &mut Playout) {
        let Early { sequence, timestamp, octets, length } = self.early[0];
        self.early[..self.held].rotate_left(1);
        self.held -= 1;
        self.say(sequence, timestamp, &octets[..length], playout);
    }

    /// Lays down what a packet says, behind what stands in for those that are missing in front of it.
    fn say(&mut self, sequence: u16, timestamp: u32, payload: &[u8], playout: &mut Playout) {
        let Some(heard) = self.heard else { return };
        let step = sequence.wrapping_sub(heard.sequence) as i16;
        if step <= 0 {
            return;
        }
        let gap = timestamp.wrapping_sub(heard.next);
        if step > 1 && gap > 0 && gap <= CONCEALED_TICKS * self.ticks {
            let at = ours(heard.clock, heard.next, self.ticks).1;
            let samples = self.reception.conceal(gap, Some(payload));
            let samples = resampled(samples, &mut self.resampler, &mut self.resampled);
            let missing = samples.len().min((gap / self.ticks) as usize);
            playout.lay(heard.ssrc, sequence.wrapping_sub(1), at, samples[..missing].iter().copied());
        }
        let clock = ours(heard.clock, timestamp, self.ticks);
        let codec = *self.reception.codec();
        let rate_hz = self.reception.rate_hz();
        let Ok(samples) = self.reception.decode(payload) else { return };
        let spoken = codec.ticks_of(samples.len(), rate_hz);
        let next = timestamp.wrapping_add(spoken);
        self.decoded = self.decoded.saturating_add(spoken);
        let samples = resampled(samples, &mut self.resampler, &mut self.resampled);
        playout.lay(heard.ssrc, sequence, clock.1, samples.iter().copied());
        let come = heard.come.checked_shl(step.unsigned_abs().into()).unwrap_or(0) | 1;
        self.heard = Some(Heard { sequence, come, next, clock, ..heard });
    }
}

/// A moment of a clock that has so many ticks for each of ours, and the same one of ours, from one that is known. What is left of a tick of ours
/// waits for the next.
fn ours((theirs, ours): (u32, u32), timestamp: u32, ticks: u32) -> (u32, u32) {
    let step = (timestamp.wrapping_sub(theirs) as i32).div_euclid(ticks as i32);
    (theirs.wrapping_add((step as u32).wrapping_mul(ticks)), ours.wrapping_add(step as u32))
}

fn resampled<'a>(samples: &'a [i16], resampler: &mut Option<Resampler>, room: &'a mut [i16]) -> &'a [i16] {
    match resampler {
        Some(resampler) => match resampler.resample(samples, room) {
            Ok(count) => &room[..count],
            Err(_) => &[],
        },
        None => samples,
    }
}

/// What makes its payloads.
struct Speaker {
    codec: Codec,
    encoder: Box<dyn Encoder>,
    resampler: Option<Resampler>,
    resampled: Box<[i16]>,
}

impl fmt::Debug for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speaker").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl Speaker {
    fn new(codec: Codec) -> Result<Self, Fault> {
        let rate_hz = codec.sample_rate_hz(RATE_HZ);
        let resampler = if rate_hz == RATE_HZ { None } else { Some(Resampler::new(RATE_HZ, rate_hz)?) };
        let room = resampler.as_ref().map_or(0, |resampler| resampler.output_max(FRAME_SAMPLES));
        Ok(Self { codec, encoder: codec.encoder(rate_hz)?, resampler, resampled: vec![0; room].into() })
    }

    fn encode(&mut self, samples: &[i16; FRAME_SAMPLES], octets: &mut [u8; FRAME_OCTETS]) -> usize {
        let samples = resampled(samples, &mut self.resampler, &mut self.resampled);
        match self.encoder.encode(samples, octets) {
            Ok(Encoded::Payload(length)) => length,
            Ok(Encoded::Nothing) | Err(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Formats;
    use codecs::Tone;
    use router::parameter;

    fn coding(name: &str, clock_rate_hz: u32, channels: u8) -> Coding {
        let codec = parameter::Codec { channels, ..parameter::Codec::new(100, name, clock_rate_hz) };
        Coding::of(&Formats::new(&[codec]).unwrap()).unwrap()
    }

    const SPOKEN: [(&str, u32, u8); 5] =
        [("opus", 48_000, 2), ("opus", 48_000, 1), ("G722", 8_000, 1), ("GSM", 8_000, 1), ("G726-32", 8_000, 1)];

    /// A tone in packets of 20 ms, of which some are lost, through a listener into a ring; what is heard of it in each tick, as a level.
    fn heard(name: &str, clock: u32, channels: u8, lost: fn(u32) -> bool, twice: bool) -> Vec<f64> {
        let coding = coding(name, clock, channels);
        let mut coders = Coders::of(&coding).expect("more than a table");
        let (mut playout, mut tone) = (Playout::default(), Tone::at_rate(440.0, -10.0, RATE_HZ));
        let mut levels = Vec::new();
        // The clock of the sender wraps while it speaks.
        let mut timestamp = 0u32.wrapping_sub(clock / 2);
        for index in 0..100u32 {
            let (mut samples, mut octets) = ([0; FRAME_SAMPLES], [0; FRAME_OCTETS]);
            tone.add_to(&mut samples);
            let length = coders.speak(&samples, &mut octets);
            assert!(length > 0 && length <= FRAME_OCTETS, "{name}");
            let mut packet = [0; 12];
            crate::rtp::write(&mut packet, false, 100, (index as u16).wrapping_sub(50), timestamp, 7);
            let header = Header::parse(&[&packet[..], &octets[..length]].concat()).unwrap();
            timestamp = timestamp.wrapping_add(clock / 50);
            for _ in 0..if lost(index) { 0 } else { 1 + u32::from(twice) } {
                coders.listen(&header, &octets[..length], &mut playout);
            }
            coders.catch_up(&mut playout);
            let mut frame = [0; FRAME_SAMPLES];
            playout.play(&mut frame);
            let power = frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / FRAME_SAMPLES as f64;
            levels.push(10.0 * (power / 32_768f64.powi(2)).log10() + 6.15);
        }
        assert_eq!(playout.late(), 0);
        levels
    }

    #[test]
    fn what_a_codec_says_is_laid_down_without_a_seam() {
        for (name, clock, channels) in SPOKEN {
            for twice in [false, true] {
                let levels = heard(name, clock, channels, |_| false, twice);
                let settled = &levels[10..];
                assert!(settled.iter().all(|level| (level + 10.0).abs() < 1.5), "{name}: {levels:?}");
            }
        }
    }

    #[test]
    fn what_is_lost_of_it_is_concealed() {
        for (name, clock, channels) in SPOKEN {
            let levels = heard(name, clock, channels, |index| index % 10 == 7, false);
            let holes = levels[10..].iter().filter(|level| **level < -25.0).count();
            // A packet is missed when its time has come: only one that is there before that is filled in.
            assert!(holes <= 9, "{name}: {levels:?}");
            let levels = heard(name, clock, channels, |index| index > 60, false);
            assert!(
                levels[70..].iter().all(|level| *level < -60.0),
                "{name}: nothing is made up of a line that is dead"
            );
        }
    }

    #[test]
    fn what_overtakes_another_waits_for_it_as_long_as_there_is_time() {
        for (name, clock, channels) in SPOKEN {
            let coding = coding(name, clock, channels);
            let mut coders = Coders::of(&coding).expect("more than a table");
            let (mut playout, mut tone) = (Playout::default(), Tone::at_rate(440.0, -10.0, RATE_HZ));
            let mut packets = Vec::new();
            for index in 0..80u16 {
                let (mut samples, mut octets) = ([0; FRAME_SAMPLES], [0; FRAME_OCTETS]);
                tone.add_to(&mut samples);
                let length = coders.speak(&samples, &mut octets);
                let mut packet = [0; 12];
                let timestamp = u32::from(index) * (clock / 50);
                crate::rtp::write(&mut packet, false, 100, index.wrapping_sub(20), timestamp, 7);
                packets.push([&packet[..], &octets[..length]].concat());
            }
            let mut levels = Vec::new();
            for tick in 0..79usize {
                // Of two the second comes first, and each comes twice.
                let index = match tick {
                    0 => 0,
                    tick if tick % 2 == 1 => tick + 1,
                    tick => tick - 1,
                };
                let header = Header::parse(&packets[index]).unwrap();
                for _ in 0..2 {
                    coders.listen(&header, &packets[index][12..], &mut playout);
                }
                coders.catch_up(&mut playout);
                let mut frame = [0; FRAME_SAMPLES];
                playout.play(&mut frame);
                let power = frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / FRAME_SAMPLES as f64;
                levels.push(10.0 * (power / 32_768f64.powi(2)).log10() + 6.15);
            }
            assert!(levels[12..].iter().all(|level| (level + 10.0).abs() < 1.5), "{name}: {levels:.1?}");
            assert_eq!(playout.late(), 0, "{name}");
        }
    }

    #[test]
    fn a_clock_of_six_ticks_is_ours_across_its_wrap() {
        let mut clock = (u32::MAX - 100, 5_000);
        for step in 1..1_000u32 {
            let timestamp = (u32::MAX - 100).wrapping_add(step * 961);
            clock = ours(clock, timestamp, 6);
            assert_eq!(clock.1, 5_000 + step * 961 / 6, "{step}");
        }
        assert_eq!(ours((600, 100), 594, 6), (594, 99));
    }
}
