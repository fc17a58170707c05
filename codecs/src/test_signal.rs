//! Signals that tests are made of, and what they measure of them.

use std::f64::consts::TAU;

/// The peak of a sine of 0 dBm0 (see `tone.rs`).
const PEAK_AT_0_DBM0: f64 = 32_768.0 * 0.696_626_5;

/// Power of samples in dBm0.
pub(crate) fn dbm0(samples: &[i16]) -> f64 {
    let power = samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum::<f64>();
    10.0 * (2.0 * power / samples.len() as f64 / (PEAK_AT_0_DBM0 * PEAK_AT_0_DBM0)).max(1e-12).log10()
}

/// The sine of a frequency within samples: its level in dBm0, and how many decibels it is above all else.
pub(crate) fn tone_in(samples: &[i16], frequency_hz: f64, rate_hz: u32) -> (f64, f64) {
    let step = TAU * frequency_hz / f64::from(rate_hz);
    // Least squares of sine and cosine, as the stretch need not be whole periods.
    let (mut cc, mut ss, mut cs, mut xc, mut xs, mut xx) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (index, &sample) in samples.iter().enumerate() {
        let (sine, cosine) = (step * index as f64).sin_cos();
        let sample = f64::from(sample);
        cc += cosine * cosine;
        ss += sine * sine;
        cs += cosine * sine;
        xc += sample * cosine;
        xs += sample * sine;
        xx += sample * sample;
    }
    let determinant = cc * ss - cs * cs;
    let (a, b) = ((xc * ss - xs * cs) / determinant, (xs * cc - xc * cs) / determinant);
    let tone = a * xc + b * xs;
    let level = 10.0 * ((a * a + b * b) / (PEAK_AT_0_DBM0 * PEAK_AT_0_DBM0)).max(1e-12).log10();
    (level, 10.0 * (tone / (xx - tone).max(1e-9)).log10())
}

/// Something like a vowel: harmonics of a pitch that glides, under formants, with syllables. The same for each call.
pub(crate) fn vowel(samples: usize, rate_hz: u32) -> Vec<i16> {
    gliding(samples, rate_hz, 25.0)
}

/// The same with a pitch that is up to so many hertz off 120, in turns of 1.4 seconds.
pub(crate) fn gliding(samples: usize, rate_hz: u32, glide_hz: f64) -> Vec<i16> {
    let mut phase = 0.0f64;
    let rate = f64::from(rate_hz);
    (0..samples)
        .map(|index| {
            let time = index as f64 / rate;
            let pitch = 120.0 + glide_hz * (TAU * 0.7 * time).sin();
            phase += TAU * pitch / rate;
            let syllable = 0.55 + 0.45 * (TAU * 2.5 * time).sin();
            let sum: f64 = (1..=24)
                .map(|harmonic| {
                    let frequency = pitch * f64::from(harmonic);
                    let formant = |centre: f64, width: f64| 1.0 / (1.0 + ((frequency - centre) / width).powi(2));
                    let level = formant(600.0, 150.0) + 0.5 * formant(1_200.0, 200.0) + 0.25 * formant(2_500.0, 300.0);
                    level * (phase * f64::from(harmonic)).sin()
                })
                .sum();
            (4_000.0 * syllable * sum) as i16
        })
        .collect()
}

/// White noise of so many units peak, from a seed.
pub(crate) fn noise(samples: usize, peak: i16, seed: u64) -> Vec<i16> {
    let mut state = seed | 1;
    (0..samples)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 48) as i16 as i32 * i32::from(peak) / 32_768) as i16
        })
        .collect()
}
