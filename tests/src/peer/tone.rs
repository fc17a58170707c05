//! Tones: made, and found again in what was heard.

use super::wav::RATE;
use std::f64::consts::TAU;

/// Samples that are looked at together: 50 ms, whole periods of every multiple of 20 Hz.
const WINDOW: usize = RATE as usize / 20;

/// A sine of `hertz` with this peak, `seconds` long.
pub fn sine(hertz: f64, peak: f64, seconds: u32) -> Vec<i16> {
    let step = TAU * hertz / f64::from(RATE);
    (0..RATE * seconds).map(|n| (peak * (step * f64::from(n)).sin()).round() as i16).collect()
}

/// The peak of the part of `samples` that is a sine of `hertz` (Goertzel's algorithm).
pub fn peak_at(samples: &[i16], hertz: f64) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let step = TAU * hertz / f64::from(RATE);
    let factor = 2.0 * step.cos();
    let (mut one, mut two) = (0.0, 0.0);
    for &sample in samples {
        (one, two) = (f64::from(sample) + factor * one - two, one);
    }
    let power = one * one + two * two - factor * one * two;
    2.0 * power.max(0.0).sqrt() / samples.len() as f64
}

/// The root of the mean square.
pub fn rms(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    if samples.is_empty() { 0.0 } else { (sum / samples.len() as f64).sqrt() }
}

/// What was heard of a tone.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Heard {
    /// Seconds from the first to the last window that has it.
    pub seconds: f64,
    /// Its peak, in the median window.
    pub peak: f64,
    /// How much of the energy is the tone's, in the median window: 1.0 is a pure one.
    pub purity: f64,
    /// Windows in between that lack it.
    pub gaps: usize,
}

/// Looks for a tone of `hertz` in `samples`: a window has it where most of its energy is there.
pub fn find(samples: &[i16], hertz: f64) -> Heard {
    let mut windows = Vec::new();
    for window in samples.chunks_exact(WINDOW) {
        let (peak, rms) = (peak_at(window, hertz), rms(window));
        let purity = if rms < 30.0 { 0.0 } else { (peak * peak / 2.0 / (rms * rms)).min(1.0) };
        windows.push((peak, purity));
    }
    let has = |&(_, purity): &(f64, f64)| purity > 0.8;
    let (Some(first), Some(last)) = (windows.iter().position(has), windows.iter().rposition(has)) else {
        return Heard { seconds: 0.0, peak: 0.0, purity: 0.0, gaps: 0 };
    };
    let between = &windows[first..=last];
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Heard {
        seconds: (last - first + 1) as f64 * WINDOW as f64 / f64::from(RATE),
        peak: median(between.iter().map(|&(peak, _)| peak).collect()),
        purity: median(between.iter().map(|&(_, purity)| purity).collect()),
        gaps: between.iter().filter(|window| !has(window)).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_with_its_level_and_its_gaps() {
        let tone = sine(440.0, 8_000.0, 4);
        let heard = find(&tone, 440.0);
        assert!((heard.peak - 8_000.0).abs() < 100.0 && heard.purity > 0.99 && heard.gaps == 0, "{heard:?}");
        assert!((heard.seconds - 4.0).abs() < 0.1);
        assert_eq!(find(&tone, 1_000.0).seconds, 0.0);
        let mut torn = vec![0; 4_000];
        torn.extend(&tone);
        torn[16_000..17_600].fill(0);
        let heard = find(&torn, 440.0);
        assert!((3..=5).contains(&heard.gaps), "{heard:?}");
        assert_eq!(find(&[], 440.0).seconds, 0.0);
    }
}
