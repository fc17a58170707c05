//! Every bound of the codecs, and where it comes from.

/// The lowest and highest sampling rates that anything here works at: telephony, and the clock of Opus.
pub const SAMPLE_RATE_HZ_MIN: u32 = 8_000;
/// See [`SAMPLE_RATE_HZ_MIN`].
pub const SAMPLE_RATE_HZ_MAX: u32 = 48_000;

/// The longest stretch of sound that one payload carries, milliseconds: what Opus allows (RFC 6716 §3.4, R5), twice what any other
/// codec is asked for. A longer payload is malformed.
pub const PAYLOAD_MS_MAX: u32 = 120;

/// Packets that we make are at most this long, milliseconds: beyond it the delay is heard and one loss is a syllable.
pub const PACKET_MS_MAX: u32 = 60;

/// Samples of the longest payload at the highest rate.
pub const PAYLOAD_SAMPLES_MAX: usize = samples(PAYLOAD_MS_MAX, SAMPLE_RATE_HZ_MAX);

/// Samples of so many milliseconds at a rate: how buffers are measured.
pub const fn samples(ms: u32, rate_hz: u32) -> usize {
    (rate_hz as u64 * ms as u64 / 1_000) as usize
}

/// Octets of the largest payload that is made here: 60 ms of L16, stereo, at the highest rate. Every other codec needs less;
/// Opus makes do with the buffer that it is given.
pub const PAYLOAD_OCTETS_MAX: usize = (SAMPLE_RATE_HZ_MAX / 1_000 * PACKET_MS_MAX * 2 * 2) as usize;

/// Milliseconds of sound that wait to be packed: the longest payload, and what was left of a packet before.
pub const WAITING_MS_MAX: u32 = PAYLOAD_MS_MAX + PACKET_MS_MAX;

/// Taps of the resampler's filter for each sample of the lower rate. Kaiser's formula for 80 dB and a transition from 0.4375 to 0.5
/// of the lower rate (3,500 to 4,000 Hz at 8 kHz, 7,000 to 8,000 Hz at 16 kHz) gives 80. Half of it is the delay: 5 ms at 8 kHz.
pub const RESAMPLER_TAPS: usize = 80;

/// Phases of the resampler's filter, at most: 11,025 to 48,000 Hz takes 640, the rates of telephony 6.
pub const RESAMPLER_PHASES_MAX: usize = 640;

/// Pitch periods that concealment looks for, milliseconds: 66 to 200 Hz. A higher voice is found by twice its period.
pub const PITCH_MS_MIN: u32 = 5;
/// See [`PITCH_MS_MIN`].
pub const PITCH_MS_MAX: u32 = 15;

/// Periods that concealment goes round in, at most; more would be heard as an echo, fewer buzz.
pub const PITCH_CYCLES_MAX: usize = 3;

/// Milliseconds of loss that are repeated in full; then the level falls, since longer repetition is heard as a tone.
pub const CONCEALED_MS_FULL: u32 = 10;
/// Milliseconds of loss after which concealment is silent: a fifth less every 10 ms.
pub const CONCEALED_MS_MAX: u32 = 60;

/// Reflection coefficients of comfort noise that are used: RFC 3389 §3.2 lets a receiver use fewer than it is sent, and a
/// spectrum of noise with more poles than this is none that a telephone hears.
pub const NOISE_ORDER_MAX: usize = 24;

/// Ticks of the RTP clock by which an event may come late: ten seconds at the fastest clock, longer than any network keeps a
/// packet. What is older than that is not late: the sender's clock was set anew.
pub const EVENT_TICKS_LATE: u32 = SAMPLE_RATE_HZ_MAX * 10;

/// Presses of a key shorter than this are made this long: Q.24 asks receivers to know 40 ms, and some want more.
pub const PRESS_MS_MIN: u32 = 50;
/// Longer ones are cut: a key that is held for half a minute is stuck.
pub const PRESS_MS_MAX: u32 = 30_000;

const _: () = assert!(PACKET_MS_MAX <= PAYLOAD_MS_MAX, "what we send can be read again");
const _: () = assert!(CONCEALED_MS_FULL < CONCEALED_MS_MAX, "the level falls over some time");
const _: () = assert!(RESAMPLER_TAPS.is_multiple_of(8), "products are summed by eights");
