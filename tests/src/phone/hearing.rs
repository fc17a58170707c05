//! What a phone hears: one continuous timeline from its peer, whoever speaks behind it.

use router::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// How far a packet may have been overtaken.
const WINDOW: i16 = 64;

/// The head of the payload that phones send: who speaks, the packet's number and its timestamp there.
pub(crate) const STAMP_BYTES: usize = 16;
const MAGIC: [u8; 4] = *b"tndm";

/// What a speaker writes into each packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    pub(crate) speaker: u32,
    pub(crate) number: u32,
    pub(crate) timestamp: u32,
}

impl Stamp {
    pub(crate) fn write(self, payload: &mut [u8]) {
        payload[..4].copy_from_slice(&MAGIC);
        payload[4..8].copy_from_slice(&self.speaker.to_be_bytes());
        payload[8..12].copy_from_slice(&self.number.to_be_bytes());
        payload[12..16].copy_from_slice(&self.timestamp.to_be_bytes());
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let word = |at: usize| payload.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        (payload.get(..4)? == MAGIC).then_some(())?;
        Some(Self { speaker: word(4)?, number: word(8)?, timestamp: word(12)? })
    }
}

/// How a speaker's numbers have become those that are heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stretch {
    speaker: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
}

/// The stream that a leg receives.
#[derive(Debug, Default)]
pub struct Hearing {
    ssrc: Option<u32>,
    /// Packets of sound.
    pub packets: u64,
    /// When the last one came.
    pub last: Option<Instant>,
    /// The longest time between two of them.
    pub longest_gap: Duration,
    /// Packets of sound by who spoke.
    pub speakers: BTreeMap<u32, u64>,
    /// Key presses, by event and timestamp.
    pub presses: BTreeSet<(u32, u8)>,
    /// Packets without a phone's stamp: what the server itself plays.
    pub foreign: u64,
    /// Of a phone with a voice: what it heard, one sample of each packet.
    pub levels: Vec<i16>,
    stretch: Option<Stretch>,
    former: Option<Stretch>,
    highest: Option<(u16, u32, Instant)>,
    /// What was wrong.
    pub faults: Vec<String>,
}

/// A packet as it came.
pub(crate) struct Packet<'a> {
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// RTP version 2 without padding, with or without CSRCs and an extension (RFC 3550 §5.1).
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, _) = bytes.split_at_checked(12)?;
        if head[0] >> 6 != 2 || head[0] & 0x20 != 0 {
            return None;
        }
        let mut start = 12 + 4 * usize::from(head[0] & 0x0f);
        if head[0] & 0x10 != 0 {
            let words = bytes.get(start + 2..start + 4)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
        }
        Some(Self {
            payload_type: head[1] & 0x7f,
            sequence: u16::from_be_bytes([head[2], head[3]]),
            timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
            ssrc: u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
            payload: bytes.get(start..)?,
        })
    }
}

impl Hearing {
    /// What comes from now on is another stream: its keys are others.
    pub(crate) fn begin_anew(&mut self) {
        (self.ssrc, self.highest, self.stretch, self.former) = (None, None, None, None);
    }

    /// Takes a packet of sound or of a key press.
    pub(crate) fn hear(&mut self, now: Instant, packet: &Packet<'_>, is_event: bool) {
        match self.ssrc {
            None => self.ssrc = Some(packet.ssrc),
            Some(ssrc) if ssrc != packet.ssrc => self.faults.push("the SSRC changed within a leg".to_owned()),
            Some(_) => {}
        }
        if is_event {
            let event = packet.payload.first().copied().unwrap_or(255);
            self.presses.insert((packet.timestamp, event));
        } else {
            self.packets += 1;
            let gap = self.last.map_or(Duration::ZERO, |last| now.since(last));
            self.longest_gap = self.longest_gap.max(gap);
            self.last = Some(now);
            match Stamp::read(packet.payload) {
                Some(stamp) => self.compare(now, packet, stamp),
                None => self.foreign += 1,
            }
        }
        self.follow(now, packet, is_event);
    }

    /// Within a stretch of one speaker the differences of numbers and times are the speaker's own.
    fn compare(&mut self, now: Instant, packet: &Packet<'_>, stamp: Stamp) {
        *self.speakers.entry(stamp.speaker).or_default() += 1;
        let stretch = Stretch {
            speaker: stamp.speaker,
            sequence_offset: packet.sequence.wrapping_sub(stamp.number as u16),
            timestamp_offset: packet.timestamp.wrapping_sub(stamp.timestamp),
        };
        if self.stretch == Some(stretch) || self.former == Some(stretch) {
            return;
        }
        if let Some((highest, timestamp, at)) = self.highest {
            // Another speaker, or the same one after an interruption: the numbers go on.
            let step = packet.sequence.wrapping_sub(highest) as i16;
            let forward = packet.timestamp.wrapping_sub(timestamp) as i32;
            // The network put the only packet of a short stretch behind the first one of the next: it lies behind in number and in
            // time alike.
            if (-WINDOW..0).contains(&step) && (-16_000..0).contains(&forward) {
                return;
            }
            if !(1..=WINDOW).contains(&step) {
                self.faults.push(format!("at {now:?} the sequence jumped by {step} at a change of source"));
            }
            let elapsed = (now.since(at).as_millis() as i64 * 8).max(0);
            if forward <= 0 || i64::from(forward) > elapsed + 16_000 {
                let from = self.stretch.map(|former| former.speaker);
                self.faults.push(format!(
                    "at {now:?} the timestamp jumped by {forward} in {elapsed} units of time, from {from:?} to {}",
                    stamp.speaker
                ));
            }
        }
        self.former = self.stretch.replace(stretch);
    }

    fn follow(&mut self, now: Instant, packet: &Packet<'_>, is_event: bool) {
        let Some((highest, timestamp, at)) = self.highest else {
            self.highest = Some((packet.sequence, packet.timestamp, now));
            return;
        };
        let step = packet.sequence.wrapping_sub(highest) as i16;
        if step <= 0 {
            if step < -WINDOW {
                self.faults.push(format!("a packet is {} behind", -step));
            }
            return;
        }
        let forward = packet.timestamp.wrapping_sub(timestamp) as i32;
        if forward < 0 && !is_event {
            self.faults.push(format!("the sequence goes on by {step} and the timestamp back by {}", -forward));
        }
        // A key's timestamp is that of its beginning (RFC 4733 §2.3).
        let (timestamp, at) = if is_event { (timestamp, at) } else { (packet.timestamp, now) };
        self.highest = Some((packet.sequence, timestamp, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(hearing: &mut Hearing, ssrc: u32, sequence: u16, timestamp: u32, stamp: (u32, u32)) {
        let mut payload = [0; 160];
        Stamp { speaker: stamp.0, number: stamp.1, timestamp: stamp.1 * 160 }.write(&mut payload);
        let packet = Packet { payload_type: 0, sequence, timestamp, ssrc, payload: &payload };
        hearing.hear(Instant::from_millis(u64::from(sequence) * 20), &packet, false);
    }

    #[test]
    fn a_continuous_stream_of_two_speakers_is_without_fault() {
        let mut hearing = Hearing::default();
        for index in 0..10 {
            hear(&mut hearing, 1, 100 + index, 160 * u32::from(index), (7, 50 + u32::from(index)));
        }
        hear(&mut hearing, 1, 112, 160 * 12, (7, 62));
        hear(&mut hearing, 1, 111, 160 * 11, (7, 61));
        hear(&mut hearing, 1, 113, 160 * 13, (8, 1));
        assert_eq!(hearing.faults, Vec::<String>::new());
        assert_eq!(hearing.speakers, BTreeMap::from([(7, 12), (8, 1)]));
    }

    #[test]
    fn jumps_are_faults() {
        for (ssrc, sequence, timestamp, number) in [
            (2, 101, 160, 1),         // another SSRC
            (1, 400, 160, 1),         // a jump that the speaker did not make
            (1, 101, 1 << 20, 1),     // a jump in time
            (1, 101, 0xffff_0000, 1), // back in time
        ] {
            let mut hearing = Hearing::default();
            hear(&mut hearing, 1, 100, 0, (7, 0));
            hear(&mut hearing, ssrc, sequence, timestamp, (7, number));
            assert!(!hearing.faults.is_empty(), "{sequence} {timestamp}");
        }
    }
}
