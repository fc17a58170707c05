//! Key presses that come as events go out as tones, where the other leg has agreed to no events (RFC 4733 §2.4: a gateway): as long as the key
//! has been down so far, packet by packet, so that who listens hears it while it is pressed.

use super::keys::{Presses, Progress};
use crate::limits::{TONE_CHUNK_MS, TONE_MS_MIN, TONE_PAUSE_MS};
use codecs::dtmf::{Key, Press};

/// Presses from one leg's events to sound.
#[derive(Debug)]
pub struct Tones {
    presses: Presses,
    rate_hz: u32,
    /// The key that is down.
    pressed: Option<Pressed>,
    /// Samples that are still to be made: silence, tones, silence.
    before: usize,
    tones: usize,
    behind: usize,
    samples: Box<[i16]>,
}

#[derive(Clone, Copy, Debug)]
struct Pressed {
    sound: Press,
    /// Samples that are made of it, or are about to be.
    length: usize,
    ended: bool,
}

impl Tones {
    /// From events of that clock to samples at a rate.
    pub fn new(from_hz: u32, rate_hz: u32) -> Self {
        Self {
            presses: Presses::new(from_hz, rate_hz),
            rate_hz,
            pressed: None,
            before: 0,
            tones: 0,
            behind: 0,
            samples: vec![0; codecs::limits::samples(TONE_CHUNK_MS, rate_hz)].into(),
        }
    }

    /// Whether a key is down: its tones stand in place of what the sender's microphone hears.
    pub fn is_pressed(&self) -> bool {
        self.pressed.is_some_and(|pressed| !pressed.ended)
    }

    /// Takes a payload.
    pub fn handle(&mut self, timestamp: u32, payload: &[u8]) {
        let Some(Progress { event, began, more, repeated }) = self.presses.follow(timestamp, payload) else { return };
        let samples = |ms| codecs::limits::samples(ms, self.rate_hz);
        if began {
            // Its end was lost: two keys are two all the same.
            if self.is_pressed() {
                self.before = samples(TONE_PAUSE_MS);
            }
            let sound = Key::of_event(event.event).map(|key| Press::new(key, u32::MAX, self.rate_hz));
            self.pressed = sound.map(|sound| Pressed { sound, length: 0, ended: false });
        }
        let Some(pressed) = self.pressed.as_mut().filter(|pressed| !pressed.ended && !repeated) else { return };
        let mut more = more as usize;
        if event.end {
            more = more.max(samples(TONE_MS_MIN).saturating_sub(pressed.length));
            pressed.ended = true;
            self.behind = samples(TONE_PAUSE_MS);
        }
        pressed.length += more;
        self.tones += more;
    }

    /// The next samples; `None`: there are none to be made.
    pub fn poll(&mut self) -> Option<&[i16]> {
        let Self { pressed, before, tones, behind, samples, .. } = self;
        let take = |left: &mut usize| {
            let count = (*left).min(samples.len());
            *left -= count;
            count
        };
        let (count, is_tone) = match (take(before), take(tones)) {
            (0, 0) => (take(behind), false),
            (0, count) => (count, true),
            (count, later) => {
                *tones += later;
                (count, false)
            }
        };
        let samples = &mut samples[..count];
        samples.fill(0);
        if let (true, Some(pressed)) = (is_tone, pressed) {
            pressed.sound.fill(samples);
        }
        (count > 0).then_some(&*samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codecs::dtmf::{Detector, KeyChange};
    use codecs::telephone_event::EventSender;

    /// Presses as a phone sends them, of so many milliseconds each; what a detector hears of them.
    fn heard(presses: &[(u8, u32)], lost: impl Fn(usize) -> bool) -> String {
        let (mut tones, mut detector) = (Tones::new(8_000, 8_000), Detector::new());
        let (mut keys, mut timestamp, mut index) = (String::new(), 5_000, 0);
        for &(event, held_ms) in presses {
            let mut sender = EventSender::new(event, 10, timestamp);
            for packet in 1..=held_ms / 20 + 2 {
                let event = if packet < held_ms / 20 { sender.hold(160) } else { sender.release(160) };
                index += 1;
                if !lost(index) {
                    tones.handle(event.timestamp, &event.event.octets());
                }
                while let Some(samples) = tones.poll() {
                    detector.handle_samples(samples, |change| {
                        if let KeyChange::Began(key) = change {
                            keys.push(key.character());
                        }
                    });
                }
            }
            timestamp += held_ms * 8 + 800;
        }
        keys
    }

    #[test]
    fn each_press_is_heard_once_however_short_or_fast() {
        let presses = [(1, 40), (1, 60), (5, 100), (11, 3_000), (0, 40), (0, 40), (15, 200)];
        assert_eq!(heard(&presses, |_| false), "115#00D");
        for seed in 0..20 {
            assert_eq!(heard(&presses, |index| (index + seed) % 4 == 0), "115#00D", "{seed}");
        }
    }
}
