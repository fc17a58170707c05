//! What is heard where a packet is missing, for codecs that know nothing of it themselves.
//!
//! The last pitch period is repeated, then the last two, then three, since one that goes round and round buzzes; the level falls
//! after 10 ms, and after 60 ms there is silence. Where sound comes back it is faded in over what was invented. The scheme is that of
//! ITU-T G.711 appendix I, at any rate, and without its delay: the join at the beginning is bent to fit instead of being
//! overlapped with what was already heard.
//!
//! ```text
//!            ┌── history ──────────────┐ lost                          heard again
//!   … ╱╲  ╱╲ │╱╲  ╱╲  ╱╲  ╱╲  [╱╲]│ [╱╲] [╱╲  ╱╲]  [╱╲ ╱╲ ╱╲]  ··· ╲╱  ╱╲  ╱╲
//!            └──────────────────┬─┘                              └─┬─┘
//!                         one period                            faded over
//! ```

use crate::limits::{CONCEALED_MS_FULL, CONCEALED_MS_MAX, PITCH_CYCLES_MAX, PITCH_MS_MAX, PITCH_MS_MIN};

/// Milliseconds of recent sound that are compared with what was before, to find the pitch.
const WINDOW_MS: u32 = 20;
/// The rate at which the pitch is looked for first; at higher ones neighbouring samples are taken together.
const SEARCH_HZ: u32 = 8_000;
/// Of the full correlation: below it there is no pitch, and the longest stretch is repeated, which buzzes least.
const VOICED: f32 = 0.4;
/// Milliseconds of the fade where sound comes back, at least, and at most after a long loss.
const FADE_MS_MIN: u32 = 4;
/// See [`FADE_MS_MIN`].
const FADE_MS_MAX: u32 = 10;

/// Follows what is heard of one stream, and invents what is not.
#[derive(Clone, Debug)]
pub struct Concealment {
    /// Samples in a millisecond.
    per_ms: usize,
    /// The latest sound, the newest last.
    history: Box<[i16]>,
    /// The window and what is before it, thinned out to the search's rate.
    thinned: Box<[i16]>,
    /// Samples invented since the last one that was heard.
    lost: usize,
    period: usize,
    now: Cycle,
    /// What is left behind by a change to more periods, and for how many samples it is still heard.
    before: Cycle,
    crossing: usize,
    /// What the first sample would have to be bent by to join the last one heard.
    bend: f32,
}

/// A place in the last so many periods, which are gone round in.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    periods: usize,
    position: usize,
}

impl Concealment {
    /// For a stream of `rate_hz` samples a second, of which nothing was heard yet.
    pub fn new(rate_hz: u32) -> Self {
        let per_ms = (rate_hz / 1_000).max(1) as usize;
        let longest = PITCH_MS_MAX as usize * per_ms;
        let history = PITCH_CYCLES_MAX * longest + longest / 4;
        let factor = Self::factor(per_ms);
        let thinned = (WINDOW_MS + PITCH_MS_MAX) as usize * per_ms / factor;
        let still = Cycle { periods: 1, position: 0 };
        Self {
            per_ms,
            history: vec![0; history].into(),
            thinned: vec![0; thinned].into(),
            lost: 0,
            period: longest,
            now: still,
            before: still,
            crossing: 0,
            bend: 0.0,
        }
    }

    const fn factor(per_ms: usize) -> usize {
        let factor = per_ms / (SEARCH_HZ as usize / 1_000);
        if factor == 0 { 1 } else { factor }
    }

    /// Takes what was decoded. Its beginning is changed where something was lost before.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if self.lost > 0 {
            let lost_ms = self.lost / self.per_ms;
            let fade_ms = (FADE_MS_MIN as usize + lost_ms * 2 / 5).min(FADE_MS_MAX as usize);
            let fade = (fade_ms * self.per_ms).min(samples.len());
            for (index, sample) in samples[..fade].iter_mut().enumerate() {
                let share = (index + 1) as f32 / (fade + 1) as f32;
                let invented = f32::from(self.next());
                *sample = (f32::from(*sample) * share + invented * (1.0 - share)) as i16;
            }
            self.lost = 0;
        }
        self.keep(samples);
    }

    /// Fills `samples` with what may have been there.
    pub fn conceal(&mut self, samples: &mut [i16]) {
        if self.lost == 0 {
            self.begin();
        }
        for sample in samples {
            *sample = self.next();
        }
    }

    /// Whether the latest samples were invented.
    pub fn is_concealing(&self) -> bool {
        self.lost > 0
    }

    fn keep(&mut self, samples: &[i16]) {
        let length = self.history.len();
        if let Some(newest) = samples.len().checked_sub(length) {
            self.history.copy_from_slice(&samples[newest..]);
        } else {
            self.history.copy_within(samples.len().., 0);
            self.history[length - samples.len()..].copy_from_slice(samples);
        }
    }

    fn begin(&mut self) {
        self.period = self.pitch();
        self.now = Cycle { periods: 1, position: 0 };
        self.crossing = 0;
        let newest = self.history.len() - 1;
        self.bend = f32::from(self.history[newest]) - f32::from(self.history[newest - self.period]);
    }

    fn next(&mut self) -> i16 {
        // Each 10 ms one period more, up to three.
        if let Some(periods) = self.periods_due() {
            self.before = self.now;
            self.now = Cycle { periods, position: self.now.position % self.period };
            self.crossing = self.overlap();
        }
        let mut value = self.at(self.now);
        if self.crossing > 0 {
            let share = self.crossing as f32 / (self.overlap() + 1) as f32;
            value = value * (1.0 - share) + self.at(self.before) * share;
            self.before = self.step(self.before);
            self.crossing -= 1;
        }
        self.now = self.step(self.now);
        let overlap = self.overlap();
        if self.lost < overlap {
            value += self.bend * (1.0 - (self.lost + 1) as f32 / (overlap + 1) as f32);
        }
        value *= self.level();
        self.lost = self.lost.saturating_add(1);
        // A cast from a float saturates.
        value as i16
    }

    fn periods_due(&self) -> Option<usize> {
        let step = CONCEALED_MS_FULL as usize * self.per_ms;
        let due = self.lost / step + 1;
        (self.lost.is_multiple_of(step) && due <= PITCH_CYCLES_MAX && due > self.now.periods).then_some(due)
    }

    /// 1 at first, then down to 0.
    fn level(&self) -> f32 {
        let (full, end) = (CONCEALED_MS_FULL as usize * self.per_ms, CONCEALED_MS_MAX as usize * self.per_ms);
        match self.lost {
            lost if lost <= full => 1.0,
            lost if lost >= end => 0.0,
            lost => (end - lost) as f32 / (end - full) as f32,
        }
    }

    /// A quarter of a period.
    fn overlap(&self) -> usize {
        self.period / 4
    }

    fn step(&self, cycle: Cycle) -> Cycle {
        Cycle { position: (cycle.position + 1) % (cycle.periods * self.period), ..cycle }
    }

    /// The sample at a place of a cycle. Its last quarter of a period is faded into what was heard before its beginning, so that
    /// the end joins the beginning.
    fn at(&self, cycle: Cycle) -> f32 {
        let (length, overlap) = (cycle.periods * self.period, self.overlap());
        let start = self.history.len() - length;
        let value = f32::from(self.history[start + cycle.position]);
        let Some(into) = (cycle.position + overlap).checked_sub(length) else { return value };
        let share = (into + 1) as f32 / (overlap + 1) as f32;
        value * (1.0 - share) + f32::from(self.history[start - overlap + into]) * share
    }

    /// The lag at which the latest sound is most like what was before it.
    fn pitch(&mut self) -> usize {
        let factor = Self::factor(self.per_ms);
        let used = self.thinned.len() * factor;
        let recent = &self.history[self.history.len() - used..];
        for (thin, of) in self.thinned.iter_mut().zip(recent.chunks_exact(factor)) {
            let sum: i32 = of.iter().map(|&sample| i32::from(sample)).sum();
            // Twelve bits, so that the sum of the products of a window fits.
            *thin = (sum / factor as i32 / 16) as i16;
        }
        let thinned_ms = self.per_ms / factor;
        let window = WINDOW_MS as usize * thinned_ms;
        let lags = PITCH_MS_MIN as usize * thinned_ms..=PITCH_MS_MAX as usize * thinned_ms;
        let (lag, likeness) = best(&self.thinned, window, lags);
        if likeness < VOICED {
            return PITCH_MS_MAX as usize * self.per_ms;
        }
        if factor == 1 {
            return lag;
        }
        // To the sample: only what lies around is left to be seen.
        let coarse = lag * factor;
        let (least, most) = (PITCH_MS_MIN as usize * self.per_ms, PITCH_MS_MAX as usize * self.per_ms);
        let around = (coarse - factor).max(least)..=(coarse + factor).min(most);
        let window = WINDOW_MS as usize * self.per_ms;
        let likeness_at = |lag: usize| {
            let newest = &self.history[self.history.len() - window..];
            let before = &self.history[self.history.len() - window - lag..][..window];
            likeness_of(newest.iter().zip(before).map(|(&a, &b)| (f32::from(a), f32::from(b))))
        };
        around
            .map(|lag| (lag, likeness_at(lag)))
            .fold((coarse, -1.0), |one, other| if other.1 > one.1 { other } else { one })
            .0
    }
}

/// The lag, among these, at which the last `window` samples are most like those before, and how like: 1 is the same.
fn best(samples: &[i16], window: usize, lags: std::ops::RangeInclusive<usize>) -> (usize, f32) {
    let newest = &samples[samples.len() - window..];
    let power = dot(newest, newest) as f32;
    let mut found = (*lags.end(), -1.0);
    for lag in lags {
        let before = &samples[samples.len() - window - lag..][..window];
        let like = dot(newest, before) as f32 / (power * dot(before, before) as f32).sqrt().max(1.0);
        if like > found.1 {
            found = (lag, like);
        }
    }
    found
}

/// Of twelve-bit samples, at most some 300 of them.
fn dot(one: &[i16], other: &[i16]) -> i32 {
    one.iter().zip(other).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}

fn likeness_of(pairs: impl Iterator<Item = (f32, f32)>) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0f32, 0.0f32, 0.0f32);
    for (a, b) in pairs {
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    ab / (aa * bb).sqrt().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signal::{dbm0, gliding, noise, vowel};

    const RATES: [u32; 4] = [8_000, 16_000, 24_000, 48_000];

    /// Frames of 20 ms of `sound` with those lost that `is_lost` names; `fill` says what stands in for them.
    fn through(sound: &[i16], rate_hz: u32, is_lost: impl Fn(usize) -> bool, invent: bool) -> Vec<i16> {
        let mut concealment = Concealment::new(rate_hz);
        let mut heard = sound.to_vec();
        for (index, frame) in heard.chunks_exact_mut(rate_hz as usize / 50).enumerate() {
            match (is_lost(index), invent) {
                (true, true) => concealment.conceal(frame),
                (true, false) => frame.fill(0),
                (false, true) => concealment.heard(frame),
                (false, false) => {}
            }
        }
        heard
    }

    fn error_db(heard: &[i16], sound: &[i16]) -> f64 {
        let error: Vec<i16> = heard.iter().zip(sound).map(|(a, b)| a.saturating_sub(*b)).collect();
        dbm0(&error) - dbm0(sound)
    }

    #[test]
    fn without_loss_nothing_is_changed() {
        for rate in RATES {
            let sound = vowel(rate as usize, rate);
            assert_eq!(through(&sound, rate, |_| false, true), sound);
        }
    }

    #[test]
    fn a_lost_frame_of_a_voice_is_nearer_to_the_truth_than_silence() {
        for rate in RATES {
            // A pitch that moves by up to 18 Hz a second; with a faster one the phase of its harmonics is anybody's guess.
            let sound = gliding(rate as usize * 4, rate, 4.0);
            let lost = |index: usize| index > 3 && index % 10 == 5;
            let (invented, silent) = (through(&sound, rate, lost, true), through(&sound, rate, lost, false));
            let (with, without) = (error_db(&invented, &sound), error_db(&silent, &sound));
            assert!(with < without - 4.0, "{rate}: {with:.1} dB of error, {without:.1} with silence");
        }
    }

    #[test]
    fn a_steady_tone_goes_on_as_if_nothing_were_lost() {
        for rate in RATES {
            // 100 Hz and its harmonics: a whole number of samples at each rate.
            let mut sound = vec![0; rate as usize];
            for (harmonic, level) in [(1.0, -16.0), (3.0, -20.0), (7.0, -26.0)] {
                crate::Tone::at_rate(100.0 * harmonic, level, rate).add_to(&mut sound);
            }
            // Of 20 ms the first 10 are at full level.
            let frame = rate as usize / 50;
            let heard = through(&sound, rate, |index| index == 20, true);
            let first = 20 * frame..20 * frame + frame / 2;
            let error = error_db(&heard[first.clone()], &sound[first]);
            assert!(error < -30.0, "{rate}: {error:.1} dB");
        }
    }

    #[test]
    fn there_is_no_click_at_any_join() {
        for rate in RATES {
            for (name, sound) in
                [("voice", vowel(rate as usize * 2, rate)), ("noise", noise(rate as usize * 2, 3_000, 5))]
            {
                let steepest = |samples: &[i16]| {
                    samples.windows(2).map(|two| (i32::from(two[1]) - i32::from(two[0])).abs()).max().unwrap()
                };
                let heard = through(&sound, rate, |index| index % 7 > 4, true);
                let (heard, own) = (steepest(&heard), steepest(&sound));
                assert!(heard <= own * 3 / 2, "{rate} {name}: a step of {heard}, the sound's own are {own}");
            }
        }
    }

    #[test]
    fn a_long_loss_fades_to_silence_within_60_ms_and_never_grows() {
        for rate in RATES {
            let mut sound = vec![0; rate as usize / 5];
            crate::Tone::at_rate(150.0, -10.0, rate).add_to(&mut sound);
            let mut concealment = Concealment::new(rate);
            concealment.heard(&mut sound);
            let mut invented = vec![0; rate as usize / 10];
            concealment.conceal(&mut invented);
            let levels: Vec<f64> = invented.chunks_exact(rate as usize / 100).map(dbm0).collect();
            assert!((levels[0] - -10.0).abs() < 1.5, "{rate}: {levels:?}");
            assert!(levels.windows(2).all(|two| two[1] <= two[0] + 1.0), "{rate}: {levels:?}");
            assert!(invented[rate as usize * 6 / 100..].iter().all(|&sample| sample == 0));
            assert!(concealment.is_concealing());
        }
    }

    #[test]
    fn loss_before_any_sound_is_silence_and_extremes_do_no_harm() {
        for rate in [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
            let mut concealment = Concealment::new(rate);
            let mut frame = vec![7; rate as usize / 50];
            concealment.conceal(&mut frame);
            assert!(frame.iter().all(|&sample| sample == 0));
            for turn in 0..50 {
                let extreme = if turn % 2 == 0 { i16::MAX } else { i16::MIN };
                frame
                    .iter_mut()
                    .enumerate()
                    .for_each(|(index, sample)| *sample = if index % 40 < 20 { extreme } else { !extreme });
                concealment.heard(&mut frame);
                concealment.conceal(&mut frame);
                concealment.conceal(&mut frame[..1]);
                concealment.heard(&mut []);
            }
        }
    }
}
