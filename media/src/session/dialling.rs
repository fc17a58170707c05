//! Keys that a port's peer is sent on behalf of somebody whose keys came in signalling: one after another, as events (RFC 4733) or as tones, by a clock of
//! its own. What else the peer would hear waits until they are over, as it does where a telephone's key is down.

use super::plan::FormatKind;
use crate::limits::{DIALLED, DIALLED_MS_MAX, DIALLED_PAUSE_MS};
use crate::transcoding::{Ends, Side, VOLUME};
use codecs::dtmf::{Key, Press};
use codecs::telephone_event::{ENDS, EventPacket, EventSender, PAYLOAD_OCTETS};
use codecs::{Content, Emission};
use router::parameter::KeyForm;
use router::time::{Duration, Instant};
use std::collections::VecDeque;
use std::fmt;

/// Milliseconds from one packet to the next.
const STEP_MS: u32 = 20;

/// Keys on their way to a peer.
pub struct Dialling {
    manner: Manner,
    /// Those that wait, and for how long each is pressed.
    waiting: VecDeque<(Key, u32)>,
    doing: Doing,
    due: Instant,
    sequence: u16,
    /// Of what is sent now, in our own time.
    timestamp: u32,
}

enum Manner {
    Events { payload_type: u8, clock_rate_hz: u32 },
    Tones { payload_type: u8, clock_rate_hz: u32, emission: Emission, samples: Box<[i16]> },
}

enum Doing {
    /// Nothing for so much longer, milliseconds.
    Pause(u32),
    /// A key that is down for so much longer.
    Event { sender: EventSender, left_ms: u32 },
    /// It is up: that is said so often.
    End { packet: EventPacket, times: u32 },
    /// The same as sound.
    Tone { press: Press },
}

impl fmt::Debug for Dialling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialling").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

/// A packet that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dialled {
    /// An event, or sound.
    pub kind: FormatKind,
    /// Its payload type.
    pub payload_type: u8,
    /// The clock of its format.
    pub clock_rate_hz: u32,
    /// Its number and time in a stream of its own.
    pub sequence: u16,
    /// See `sequence`.
    pub timestamp: u32,
    /// Whether a press begins.
    pub marker: bool,
    /// Octets of payload.
    pub octets: usize,
}

impl Dialling {
    /// For a peer that has agreed on that; the first packet is due at the next whole millisecond. `None`: it takes keys in no way that there is.
    pub fn new(side: &Side<'_>, now: Instant) -> Option<Self> {
        let events = side.formats.codecs().find(|codec| codec.is_telephone_event()).filter(|_| side.takes_events());
        let manner = match events {
            Some(codec) => Manner::Events { payload_type: codec.payload_type, clock_rate_hz: codec.clock_rate_hz },
            None if side.keys.is_none_or(|form| form == KeyForm::Tones) => {
                let (codec, payload_type) = Ends::of(side, None)?.sound();
                let rate_hz = codec.sample_rate_hz(8_000);
                let emission = Emission::new(codec, rate_hz, STEP_MS, false).ok()?;
                let samples = vec![0; codecs::limits::samples(STEP_MS, rate_hz)].into();
                Manner::Tones { payload_type, clock_rate_hz: codec.clock_rate_hz(), emission, samples }
            }
            None => return None,
        };
        let due = Instant::from_millis(now.as_nanos().div_ceil(1_000_000));
        let doing = Doing::Pause(0);
        Some(Self { manner, waiting: VecDeque::new(), doing, due, sequence: 0, timestamp: 0 })
    }

    /// How many more keys may wait.
    pub fn free(&self) -> usize {
        DIALLED.saturating_sub(self.waiting.len())
    }

    /// Adds a key, where one is [free](Self::free).
    pub fn press(&mut self, key: Key, duration_ms: u32) {
        let duration_ms = duration_ms.clamp(codecs::limits::PRESS_MS_MIN, DIALLED_MS_MAX);
        self.waiting.push_back((key, duration_ms));
    }

    /// Whether it goes on with a new plan as it is.
    pub fn fits(&self, side: &Side<'_>) -> bool {
        let number = |manner: &Manner| match manner {
            Manner::Events { payload_type, clock_rate_hz } => (true, *payload_type, *clock_rate_hz),
            Manner::Tones { payload_type, clock_rate_hz, .. } => (false, *payload_type, *clock_rate_hz),
        };
        Self::new(side, self.due).is_some_and(|other| number(&other.manner) == number(&self.manner))
    }

    /// When the next packet is due; `None`: all is said.
    pub fn due(&self) -> Option<Instant> {
        let over = self.waiting.is_empty() && matches!(self.doing, Doing::Pause(0));
        (!over).then_some(self.due)
    }

    /// Makes what is due and sets the next deadline. `None`: nothing is sent at this moment.
    pub fn make(&mut self, payload: &mut [u8]) -> Option<Dialled> {
        self.due = self.due + Duration::from_millis(STEP_MS.into());
        if matches!(self.doing, Doing::Pause(0))
            && let Some((key, duration_ms)) = self.waiting.pop_front()
        {
            self.doing = match &self.manner {
                Manner::Events { .. } => {
                    Doing::Event { sender: EventSender::new(key.event(), VOLUME, self.timestamp), left_ms: duration_ms }
                }
                Manner::Tones { emission, .. } => {
                    Doing::Tone { press: Press::new(key, duration_ms, emission.rate_hz()) }
                }
            };
        }
        let clock_rate_hz = match self.manner {
            Manner::Events { clock_rate_hz, .. } | Manner::Tones { clock_rate_hz, .. } => clock_rate_hz,
        };
        let now = self.timestamp;
        self.timestamp = now.wrapping_add(clock_rate_hz / 1_000 * STEP_MS);
        match &mut self.manner {
            Manner::Events { payload_type, .. } => {
                let packet = self.doing.event(clock_rate_hz / 1_000)?;
                payload.get_mut(..PAYLOAD_OCTETS)?.copy_from_slice(&packet.event.octets());
                self.sequence = self.sequence.wrapping_add(1);
                Some(Dialled {
                    kind: FormatKind::Event,
                    payload_type: *payload_type,
                    clock_rate_hz,
                    sequence: self.sequence,
                    timestamp: packet.timestamp,
                    marker: packet.marker,
                    octets: PAYLOAD_OCTETS,
                })
            }
            Manner::Tones { payload_type, emission, samples, .. } => {
                self.doing.sound(samples);
                emission.handle_samples(samples).ok()?;
                let packet = emission.poll_packet(payload).ok()??;
                let Content::Sound { marker } = packet.content else { return None };
                self.sequence = self.sequence.wrapping_add(1);
                Some(Dialled {
                    kind: FormatKind::Sound,
                    payload_type: *payload_type,
                    clock_rate_hz,
                    sequence: self.sequence,
                    timestamp: now,
                    marker,
                    octets: packet.octets,
                })
            }
        }
    }
}

impl Doing {
    /// A step further, where keys are events of a clock of so many ticks a millisecond.
    fn event(&mut self, ticks_per_ms: u32) -> Option<EventPacket> {
        match self {
            Self::Event { sender, left_ms } if *left_ms > STEP_MS => {
                *left_ms -= STEP_MS;
                Some(sender.hold(STEP_MS * ticks_per_ms))
            }
            Self::Event { sender, left_ms } => {
                let packet = sender.release(*left_ms * ticks_per_ms);
                *self = Self::End { packet, times: ENDS - 1 };
                Some(packet)
            }
            Self::End { packet, times } => {
                let packet = EventPacket { marker: false, ..*packet };
                *times -= 1;
                if *times == 0 {
                    *self = Self::Pause(DIALLED_PAUSE_MS);
                }
                Some(packet)
            }
            Self::Pause(left_ms) => {
                *left_ms = left_ms.saturating_sub(STEP_MS);
                None
            }
            Self::Tone { .. } => None,
        }
    }

    /// The same where they are sound.
    fn sound(&mut self, samples: &mut [i16]) {
        match self {
            Self::Tone { press } => {
                press.fill(samples);
                if press.is_over() {
                    *self = Self::Pause(DIALLED_PAUSE_MS);
                }
            }
            Self::Pause(left_ms) => {
                samples.fill(0);
                *left_ms = left_ms.saturating_sub(STEP_MS);
            }
            Self::Event { .. } | Self::End { .. } => samples.fill(0),
        }
    }
}
