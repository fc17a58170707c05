//! From one sampling rate to another: a polyphase filter of constant delay.
//!
//! Between the samples of the input so many zeros are thought as make the least common multiple of both rates, a low-pass (a sinc
//! under a Kaiser window) takes away what lies above half of the lower rate, and of the result every so-manyth sample is
//! computed; of the taps only those that do not meet a zero. What it passes and stops is in `limits.rs` and measured by its tests.
//!
//! Nearly all of its time is the products. They are plain loops that a compiler makes SIMD of; on x86-64 they are compiled a second time for
//! processors with AVX2 and FMA, which is asked for when a resampler is made.

#![expect(unsafe_code, reason = "a call of what is compiled for processors that have AVX2 and FMA")]

use std::f64::consts::PI;

use crate::coder::Fault;
use crate::limits::{RESAMPLER_PHASES_MAX, RESAMPLER_TAPS, SAMPLE_RATE_HZ_MAX, SAMPLE_RATE_HZ_MIN};

/// The edges of the transition, in parts of the lower rate.
const PASSED: f64 = 0.4375;
/// See [`PASSED`].
const STOPPED: f64 = 0.5;
/// Kaiser's beta for 80 dB: 0.1102 (A − 8.7).
const BETA: f64 = 7.857;
/// Samples that are taken in one go: 10 ms at the highest rate, and what the window of a block is made for.
const BLOCK: usize = (SAMPLE_RATE_HZ_MAX / 100) as usize;
/// Products that are summed side by side, so that they can be computed side by side.
const LANES: usize = 8;

/// Takes one stream from a rate to another.
#[derive(Clone, Debug)]
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
    /// Phases: the factor by which the input is thought to be denser.
    up: usize,
    /// Of the denser samples every so-manyth is wanted.
    down: usize,
    /// Taps of a phase.
    taps: usize,
    /// The phases one after another, each in the order of the samples that it meets.
    filter: Box<[f32]>,
    /// The samples before the block, then the block.
    window: Box<[f32]>,
    /// The next sample that is wanted: its place in the block, and its phase.
    next: usize,
    phase: usize,
    /// The processor multiplies and adds eight floats at once.
    fused: bool,
}

impl Resampler {
    /// From `from_hz` to `to_hz`, both between 8 and 48 kHz; of those that have no small ratio none.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, Fault> {
        let served = SAMPLE_RATE_HZ_MIN..=SAMPLE_RATE_HZ_MAX;
        if !served.contains(&from_hz) || !served.contains(&to_hz) {
            return Err(Fault::Unsupported);
        }
        let divisor = divisor(from_hz, to_hz);
        let (up, down) = ((to_hz / divisor) as usize, (from_hz / divisor) as usize);
        if up > RESAMPLER_PHASES_MAX {
            return Err(Fault::Unsupported);
        }
        let lower_hz = from_hz.min(to_hz);
        let taps = (RESAMPLER_TAPS * from_hz as usize).div_ceil(lower_hz as usize).next_multiple_of(LANES);
        let filter = filter(up, taps, f64::from(lower_hz) / f64::from(from_hz)).into();
        Ok(Self {
            from_hz,
            to_hz,
            up,
            down,
            taps,
            filter,
            window: vec![0.0; taps - 1 + BLOCK].into(),
            next: 0,
            phase: 0,
            fused: has_fused(),
        })
    }

    /// Samples that so many of the input become, at most.
    pub fn output_max(&self, input: usize) -> usize {
        (input * self.up).div_ceil(self.down)
    }

    /// By how many samples of the output a sound comes later.
    pub fn delay(&self) -> f64 {
        (self.up * self.taps - 1) as f64 / 2.0 / self.down as f64
    }

    /// The rates that it was made for: from, to.
    pub const fn rates_hz(&self) -> (u32, u32) {
        (self.from_hz, self.to_hz)
    }

    /// Takes the next samples; fills the front of `output`, which has room for [`Self::output_max`], and tells how many there are.
    pub fn resample(&mut self, input: &[i16], output: &mut [i16]) -> Result<usize, Fault> {
        if output.len() < self.output_max(input.len()) {
            return Err(Fault::Room);
        }
        let mut count = 0;
        for block in input.chunks(BLOCK) {
            let before = self.taps - 1;
            for (place, &sample) in self.window[before..].iter_mut().zip(block) {
                *place = f32::from(sample);
            }
            count += self.outputs(block.len(), &mut output[count..]);
            self.next -= block.len();
            self.window.copy_within(block.len()..block.len() + before, 0);
        }
        Ok(count)
    }
}

impl Resampler {
    /// The samples that are wanted of a block of so many.
    fn outputs(&mut self, length: usize, output: &mut [i16]) -> usize {
        #[cfg(not(target_arch = "x86_64"))]
        let _ = self.fused;
        #[cfg(target_arch = "x86_64")]
        if self.fused {
            // SAFETY: the processor was asked whether it has these.
            return unsafe { self.outputs_of_avx2(length, output) };
        }
        self.outputs_of::<{ cfg!(target_arch = "aarch64") }>(length, output)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn outputs_of_avx2(&mut self, length: usize, output: &mut [i16]) -> usize {
        self.outputs_of::<true>(length, output)
    }

    #[inline(always)]
    fn outputs_of<const FUSED: bool>(&mut self, length: usize, output: &mut [i16]) -> usize {
        let mut count = 0;
        let (whole, rest) = (self.down / self.up, self.down % self.up);
        while self.next < length {
            let met = &self.window[self.next..][..self.taps];
            let phase = &self.filter[self.phase * self.taps..][..self.taps];
            output[count] = rounded(dot::<FUSED>(met, phase));
            count += 1;
            self.next += whole;
            self.phase += rest;
            if self.phase >= self.up {
                self.phase -= self.up;
                self.next += 1;
            }
        }
        count
    }
}

/// Whether the processor has AVX2 and FMA.
fn has_fused() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

fn divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { divisor(other, one % other) }
}

/// Sums by lanes, as the sum of floats is in no order that a compiler may choose.
#[inline(always)]
fn dot<const FUSED: bool>(one: &[f32], other: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let ((one, _), (other, _)) = (one.as_chunks::<LANES>(), other.as_chunks::<LANES>());
    for (a, b) in one.iter().zip(other) {
        for lane in 0..LANES {
            lanes[lane] = if FUSED { a[lane].mul_add(b[lane], lanes[lane]) } else { lanes[lane] + a[lane] * b[lane] };
        }
    }
    // One after the other: where halves are folded, the compiler makes pairs of what should be eight.
    lanes.iter().sum()
}

/// To the nearest sample; beyond the ends, to these.
fn rounded(value: f32) -> i16 {
    (value + 0.5f32.copysign(value)) as i16
}

/// The low-pass for `up` phases of `taps` each, whose input is `1 / lower` times as dense as the lower rate. Each phase passes a
/// constant as it is.
fn filter(up: usize, taps: usize, lower: f64) -> Vec<f32> {
    let length = up * taps;
    let centre = (length - 1) as f64 / 2.0;
    // Of the dense rate.
    let cutoff = (PASSED + STOPPED) / 2.0 * lower / up as f64;
    let dense = |index: usize| {
        let place = index as f64 - centre;
        let angle = 2.0 * PI * cutoff * place;
        let sinc = if angle.abs() < 1e-9 { 1.0 } else { angle.sin() / angle };
        let across = place / (length as f64 / 2.0);
        sinc * bessel(BETA * (1.0 - across * across).max(0.0).sqrt())
    };
    let mut phases = Vec::with_capacity(length);
    for phase in 0..up {
        // The tap that meets the oldest sample first.
        let taps: Vec<f64> = (0..taps).rev().map(|tap| dense(tap * up + phase)).collect();
        let sum: f64 = taps.iter().sum();
        phases.extend(taps.iter().map(|tap| (tap / sum) as f32));
    }
    phases
}

/// The modified Bessel function of the first kind, of order 0.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term, mut order) = (1.0, 1.0, 1.0);
    while term > sum * 1e-12 {
        term *= (x / (2.0 * order)).powi(2);
        sum += term;
        order += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signal::{dbm0, tone_in};

    const RATES: [u32; 5] = [8_000, 16_000, 24_000, 32_000, 48_000];

    fn pairs() -> impl Iterator<Item = (u32, u32)> {
        RATES.into_iter().flat_map(|from| RATES.into_iter().map(move |to| (from, to))).filter(|(from, to)| from != to)
    }

    fn resampled(from: u32, to: u32, sound: &[i16], frame: usize) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to).unwrap();
        let mut output = Vec::new();
        for frame in sound.chunks(frame) {
            let mut part = vec![0; resampler.output_max(frame.len())];
            let count = resampler.resample(frame, &mut part).unwrap();
            output.extend_from_slice(&part[..count]);
        }
        output
    }

    fn tone(frequency: f64, level: f64, rate: u32) -> Vec<i16> {
        let mut sound = vec![0; rate as usize / 4];
        crate::Tone::at_rate(frequency, level, rate).add_to(&mut sound);
        sound
    }

    #[test]
    fn the_pass_band_is_flat_within_a_tenth_of_a_decibel() {
        for (from, to) in pairs() {
            let edge = PASSED * f64::from(from.min(to));
            for part in [0.02, 0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 1.0] {
                let frequency = edge * part;
                let output = resampled(from, to, &tone(frequency, -6.0, from), 480);
                let (level, purity) = tone_in(&output[output.len() / 4..], frequency, to);
                assert!((level - -6.0).abs() < 0.1, "{from} to {to}, {frequency} Hz: {level} dBm0");
                // What is left is images and rounding.
                assert!(purity > 74.0, "{from} to {to}, {frequency} Hz: {purity} dB");
            }
        }
    }

    #[test]
    fn the_stop_band_is_75_decibels_down() {
        for (from, to) in pairs().filter(|(from, to)| from > to) {
            let (low, high) = (STOPPED * f64::from(to), f64::from(from) / 2.0);
            for part in [0.0, 0.01, 0.03, 0.1, 0.3, 0.6, 0.9] {
                let frequency = low + (high - low) * part + 1.0;
                let output = resampled(from, to, &tone(frequency, 3.0, from), 480);
                let left = dbm0(&output[output.len() / 4..]) - 3.0;
                assert!(left < -75.0, "{from} to {to}, {frequency} Hz: {left} dB");
            }
        }
    }

    #[test]
    fn frames_of_any_length_make_the_same_stream() {
        for (from, to) in pairs().chain([(44_100, 8_000), (22_050, 8_000), (8_000, 44_100), (11_025, 48_000)]) {
            let sound = crate::test_signal::vowel(from as usize / 5, from);
            let whole = resampled(from, to, &sound, sound.len());
            for frame in [1, 7, from as usize / 50] {
                assert_eq!(resampled(from, to, &sound, frame), whole, "{from} to {to} by {frame}");
            }
            let expected = sound.len() as f64 * f64::from(to) / f64::from(from);
            assert!((whole.len() as f64 - expected).abs() <= 1.0);
        }
    }

    #[test]
    fn ten_milliseconds_in_are_ten_out_and_the_delay_is_what_it_says() {
        for (from, to) in pairs() {
            let mut resampler = Resampler::new(from, to).unwrap();
            let mut output = vec![0; to as usize / 100];
            for _ in 0..10 {
                let count = resampler.resample(&vec![0; from as usize / 100], &mut output).unwrap();
                assert_eq!(count, to as usize / 100);
            }
            // A click comes out at its time and the delay.
            let mut click = vec![0; from as usize / 20];
            click[0] = 20_000;
            let output = resampled(from, to, &click, 480);
            let peak = output.iter().enumerate().max_by_key(|(_, sample)| sample.unsigned_abs()).unwrap().0;
            let delay = Resampler::new(from, to).unwrap().delay();
            assert!((peak as f64 - delay).abs() <= 1.0, "{from} to {to}: {peak}, {delay}");
            let delay_ms = delay * 1_000.0 / f64::from(to);
            assert!(delay_ms < 5.1, "{from} to {to}: {delay_ms} ms");
        }
    }

    #[test]
    fn every_processor_hears_the_same() {
        for (from, to) in pairs() {
            let sound = crate::test_signal::vowel(from as usize / 5, from);
            let [mut plain, mut native] = [0, 1].map(|_| Resampler::new(from, to).unwrap());
            plain.fused = false;
            let [mut one, mut other] = [0, 1].map(|_| vec![0; plain.output_max(sound.len())]);
            let counts = [plain.resample(&sound, &mut one), native.resample(&sound, &mut other)];
            assert_eq!(counts[0], counts[1]);
            let most = one.iter().zip(&other).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(most <= Some(1), "{from} to {to}: {most:?}");
        }
    }

    #[test]
    fn the_loudest_square_does_not_wrap() {
        for (from, to) in pairs() {
            let square: Vec<i16> =
                (0..from as usize / 10).map(|index| if index % 40 < 20 { i16::MAX } else { i16::MIN }).collect();
            let output = resampled(from, to, &square, 160);
            let ratio = f64::from(to) / f64::from(from);
            // In the middle of each first half the sign is that of the input.
            let delay = Resampler::new(from, to).unwrap().delay();
            for turn in 20..30 {
                let middle = (delay + (f64::from(turn) * 40.0 + 9.5) * ratio).round() as usize;
                let heard = output.get(middle).copied();
                assert!(heard.is_none_or(|sample| sample > 15_000), "{from} to {to}: {heard:?}");
            }
        }
    }

    #[test]
    fn what_it_cannot_do_is_told() {
        for (from, to) in [(7_999, 8_000), (8_000, 96_000), (0, 0), (47_999, 8_000), (8_000, 47_999)] {
            assert_eq!(Resampler::new(from, to).err(), Some(Fault::Unsupported), "{from} to {to}");
        }
        let mut resampler = Resampler::new(8_000, 16_000).unwrap();
        assert_eq!(resampler.resample(&[0; 80], &mut [0; 159]), Err(Fault::Room));
        assert_eq!(resampler.rates_hz(), (8_000, 16_000));
    }
}
