//! Keys heard in sound of 8,000 samples a second.
//!
//! Every 5 ms the last 20, under a Hann window, are held against the eight frequencies. A pair counts where it is nearly all that is
//! heard, loud enough, not too unequal, and *on* its frequencies: how far each is off is seen by how its phase went on since the
//! window before, to a few hertz, which windows of this length could not tell apart. Voices have strong harmonics near these
//! frequencies, but hardly two alone, steady to a fortieth for 40 ms.
//!
//! ```text
//!   samples  ├────────────────────┤ window k − 1
//!                 ├────────────────────┤ window k      hit, hit, hit, hit, hit, hit → the key has begun
//!                      ├────────────────────┤ …        six misses → it has ended
//! ```

use std::f64::consts::{PI, TAU};
use std::sync::LazyLock;

use super::{COLUMNS_HZ, Key, ROWS_HZ};

/// Samples a second.
const RATE_HZ: f64 = 8_000.0;
/// Samples of a window: 20 ms, so that its main lobe (100 Hz to each side) parts rows from columns.
const WINDOW: usize = 160;
/// Samples from one window to the next: 5 ms; a phase is certain within 100 Hz.
const HOP: usize = 40;
const _: () = assert!(
    WINDOW.is_multiple_of(HOP) && WINDOW.is_multiple_of(8),
    "windows are whole hops, dot products go by eights"
);
/// The frequencies, rows first.
const TONES: usize = 8;
/// Windows with the pair until it has begun. Q.24 wants presses of 40 ms known, which are 7 windows or more, and such of 23 ms
/// not, which are 5 or less; a window counts from 0.57 of it on.
const HITS: u32 = 6;
/// Of these, windows that hold nothing else to speak of.
const PURE_HITS: u32 = 3;
/// Windows with the pair from which on it is likely to be a key: 15 to 20 ms of it, less than any receiver takes for one (Q.24: 23 ms).
const SUSPICIOUS: u32 = 2;
/// Windows without the pair until it has ended. Q.24 wants pauses of 40 ms known, 9 windows, and interruptions of 10 ms
/// passed over, 4.
const MISSES: u32 = 6;
/// The part of the window's energy that lies in the pair: in a window of which the tones fill but a little more than half, and in
/// a whole one.
const PURITY: f32 = 0.6;
/// See [`PURITY`].
const PURE: f32 = 0.85;
/// How far a tone may be off: Q.24 wants 1.5 % accepted and 3.5 % refused.
const OFF_MAX: f32 = 0.025;
/// By how much the lower tone may be louder than the higher one, as a ratio of powers: Q.24 asks for 8 dB at most; 9.
const LOWER_LOUDER: f32 = 7.94;
/// The other way round: 4 dB; 5.
const HIGHER_LOUDER: f32 = 3.16;
/// The power of the softest tone, dBm0: Q.24 wants −25 known; −28.
const SOFTEST_DBM0: f64 = -28.0;
/// The peak of a sine of 0 dBm0 (see `tone.rs`).
const PEAK_AT_0_DBM0: f64 = 32_768.0 * 0.696_626_5;

/// What is heard of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyChange {
    /// It is pressed: told some 40 ms after it was.
    Began(Key),
    /// It is released, after about so many milliseconds.
    Ended(Key, u32),
}

/// Listens to one stream.
#[derive(Clone, Debug)]
pub struct Detector {
    /// The latest samples, the newest last; so many are new since the last window.
    recent: [f32; WINDOW],
    fresh: usize,
    /// The spectrum of the window before.
    before: [Complex; TONES],
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing that looks like a key.
    Quiet,
    /// When a pair was heard, and not long enough yet.
    Suspected { key: Key, hits: u32, pure: u32, missed: bool },
    /// When a key is pressed; it has not been heard for so many windows.
    Pressed { key: Key, windows: u32, misses: u32, next: Option<(Key, u32)> },
}

#[derive(Clone, Copy, Default, Debug)]
struct Complex {
    real: f32,
    imaginary: f32,
}

impl Complex {
    fn power(self) -> f32 {
        self.real * self.real + self.imaginary * self.imaginary
    }

    /// The angle by which it has turned since `before`.
    fn turned(self, before: Self) -> f32 {
        let real = self.real * before.real + self.imaginary * before.imaginary;
        let imaginary = self.imaginary * before.real - self.real * before.imaginary;
        imaginary.atan2(real)
    }
}

/// The window, sines and cosines, and what is known of them.
struct Tables {
    window: [f32; WINDOW],
    cosines: [[f32; WINDOW]; TONES],
    sines: [[f32; WINDOW]; TONES],
    frequencies: [f32; TONES],
    /// By how much a tone on its frequency turns from window to window.
    turns: [f32; TONES],
    /// The power of a spectrum's line becomes energy within the window by this.
    energy_of_line: f32,
    /// The line of the softest tone.
    softest: f32,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let window: [f32; WINDOW] =
        std::array::from_fn(|index| (0.5 - 0.5 * (TAU * (index as f64 + 0.5) / WINDOW as f64).cos()) as f32);
    let frequency = |tone: usize| if tone < 4 { ROWS_HZ[tone] } else { COLUMNS_HZ[tone - 4] };
    let table = |of: fn(f64) -> f64| {
        std::array::from_fn(|tone| {
            let step = TAU * frequency(tone) / RATE_HZ;
            std::array::from_fn(|index| of(step * index as f64) as f32)
        })
    };
    let sum: f32 = window.iter().sum();
    let squares: f32 = window.iter().map(|weight| weight * weight).sum();
    let peak = (PEAK_AT_0_DBM0 * 10f64.powf(SOFTEST_DBM0 / 20.0)) as f32;
    Tables {
        window,
        cosines: table(f64::cos),
        sines: table(f64::sin),
        frequencies: std::array::from_fn(|tone| frequency(tone) as f32),
        turns: std::array::from_fn(|tone| (TAU * frequency(tone) / RATE_HZ * HOP as f64).rem_euclid(TAU) as f32),
        // A sine of peak a has the line a/2 · sum and the energy a²/2 · squares.
        energy_of_line: 2.0 * squares / (sum * sum),
        softest: (peak / 2.0 * sum).powi(2),
    }
});

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Detector {
    /// Of a stream that begins.
    pub fn new() -> Self {
        Self { recent: [0.0; WINDOW], fresh: 0, before: [Complex::default(); TONES], state: State::Quiet }
    }

    /// The key that is pressed.
    pub const fn pressed(&self) -> Option<Key> {
        match self.state {
            State::Pressed { key, .. } => Some(key),
            State::Quiet | State::Suspected { .. } => None,
        }
    }

    /// Whether a key is pressed, or what is heard now is likely to be the beginning of one: from the second window on that holds its pair, if one
    /// of them holds nothing else, as a voice's seldom does; from the third on in any case.
    pub const fn suspects(&self) -> bool {
        match self.state {
            State::Pressed { .. } => true,
            State::Suspected { missed: true, .. } | State::Quiet => false,
            State::Suspected { hits, pure, .. } => hits > SUSPICIOUS || (hits == SUSPICIOUS && pure > 0),
        }
    }

    /// Takes note that so many samples are missing: nobody knows what was pressed meanwhile, so what was pressed before lasts.
    pub fn handle_gap(&mut self, samples: usize) {
        self.recent = [0.0; WINDOW];
        self.fresh = 0;
        self.before = [Complex::default(); TONES];
        if let State::Pressed { windows, .. } = &mut self.state {
            *windows = windows.saturating_add((samples / HOP) as u32);
        }
    }

    /// Listens to the next samples, and tells what became of keys, in order.
    pub fn handle_samples(&mut self, samples: &[i16], mut tell: impl FnMut(KeyChange)) {
        let mut rest = samples;
        while !rest.is_empty() {
            let (part, behind) = rest.split_at(rest.len().min(HOP - self.fresh));
            let start = WINDOW - HOP + self.fresh;
            for (place, &sample) in self.recent[start..].iter_mut().zip(part) {
                *place = f32::from(sample);
            }
            self.fresh += part.len();
            rest = behind;
            if self.fresh == HOP {
                self.fresh = 0;
                let heard = self.look();
                self.recent.copy_within(HOP.., 0);
                self.follow(heard, &mut tell);
            }
        }
    }

    /// The key in the window, and the part of its energy that is the key's.
    fn look(&mut self) -> Option<(Key, f32)> {
        let tables = &*TABLES;
        let weighted: [f32; WINDOW] = std::array::from_fn(|index| self.recent[index] * tables.window[index]);
        let energy = dot(&weighted, &weighted);
        // Less than one of the softest tones: nothing needs to be looked for.
        if energy < tables.softest * tables.energy_of_line {
            self.before = [Complex::default(); TONES];
            return None;
        }
        let spectrum: [Complex; TONES] = std::array::from_fn(|tone| Complex {
            real: dot(&weighted, &tables.cosines[tone]),
            imaginary: -dot(&weighted, &tables.sines[tone]),
        });
        let before = std::mem::replace(&mut self.before, spectrum);
        let loudest = |tones: std::ops::Range<usize>| {
            tones.max_by(|&one, &other| spectrum[one].power().total_cmp(&spectrum[other].power()))
        };
        let (row, column) = (loudest(0..4)?, loudest(4..TONES)?);
        let (low, high) = (power(row, &spectrum, &before)?, power(column, &spectrum, &before)?);
        let loud_enough = low >= tables.softest && high >= tables.softest;
        let equal_enough = low <= high * LOWER_LOUDER && high <= low * HIGHER_LOUDER;
        let purity = (low + high) * tables.energy_of_line / energy;
        if loud_enough && equal_enough && purity >= PURITY { Some((Key::at(row, column - 4)?, purity)) } else { None }
    }

    fn follow(&mut self, heard: Option<(Key, f32)>, tell: &mut impl FnMut(KeyChange)) {
        let suspect = |(key, purity): (Key, f32)| State::Suspected {
            key,
            hits: 1,
            pure: u32::from(purity >= PURE),
            missed: false,
        };
        self.state = match (self.state, heard) {
            (State::Quiet, None) => State::Quiet,
            (State::Quiet, Some(heard)) => suspect(heard),
            (State::Suspected { key, hits, pure, .. }, Some((same, purity))) if same == key => {
                let (hits, pure) = (hits + 1, pure + u32::from(purity >= PURE));
                if hits >= HITS && pure >= PURE_HITS {
                    tell(KeyChange::Began(key));
                    State::Pressed { key, windows: hits, misses: 0, next: None }
                } else {
                    State::Suspected { key, hits, pure, missed: false }
                }
            }
            // One window may be spoilt by a click.
            (State::Suspected { key, hits, pure, missed: false }, None) => {
                State::Suspected { key, hits, pure, missed: true }
            }
            (State::Suspected { .. }, None) => State::Quiet,
            (State::Suspected { .. }, Some(heard)) => suspect(heard),
            (State::Pressed { key, windows, misses, .. }, Some((same, _))) if same == key => {
                State::Pressed { key, windows: windows.saturating_add(1 + misses), misses: 0, next: None }
            }
            (State::Pressed { key, windows, misses, next }, heard) => {
                let misses = misses + 1;
                // Another key right behind it has been there for as long as this one was missed.
                let next = match (next, heard) {
                    (Some((other, hits)), Some((same, _))) if other == same => Some((other, hits + 1)),
                    (_, Some((other, _))) => Some((other, 1)),
                    (next, None) => next,
                };
                if misses >= MISSES {
                    tell(KeyChange::Ended(key, duration_ms(windows)));
                    match next {
                        Some((key, hits)) => {
                            State::Suspected { key, hits, pure: hits.min(PURE_HITS - 1), missed: false }
                        }
                        None => State::Quiet,
                    }
                } else {
                    State::Pressed { key, windows, misses, next }
                }
            }
        };
    }
}

/// A press is heard in a window more than it is long in hops, less half a window.
fn duration_ms(windows: u32) -> u32 {
    (windows.saturating_mul(HOP as u32) + 22) / (RATE_HZ as u32 / 1_000)
}

/// The power of a line, made good for being off its frequency; `None` if it is off by too much.
fn power(tone: usize, spectrum: &[Complex; TONES], before: &[Complex; TONES]) -> Option<f32> {
    let tables = &*TABLES;
    let turn = spectrum[tone].turned(before[tone]) - tables.turns[tone];
    let turn = (turn + PI as f32).rem_euclid(TAU as f32) - PI as f32;
    let off_hz = turn * (RATE_HZ / TAU) as f32 / HOP as f32;
    if off_hz.abs() > OFF_MAX * tables.frequencies[tone] {
        return None;
    }
    // The main lobe of a Hann window, in parts of the line's distance.
    let lines = off_hz * WINDOW as f32 / RATE_HZ as f32;
    let angle = PI as f32 * lines;
    let lobe = if lines.abs() < 1e-3 { 1.0 } else { angle.sin() / angle / (1.0 - lines * lines) };
    Some(spectrum[tone].power() / (lobe * lobe))
}

/// By eight sums side by side, as the sum of floats is in no order that a compiler may choose.
fn dot(one: &[f32; WINDOW], other: &[f32; WINDOW]) -> f32 {
    let mut lanes = [0.0f32; 8];
    for (a, b) in one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::Press;
    use crate::test_signal::{noise, vowel};
    use crate::tone::Tone;

    /// A pair of tones as a test wants it.
    #[derive(Clone, Copy)]
    struct Pair {
        key: Key,
        low_dbm0: f64,
        high_dbm0: f64,
        /// By what part of the frequency each is off.
        off: (f64, f64),
        ms: f64,
    }

    impl Pair {
        fn of(key: Key) -> Self {
            Self { key, low_dbm0: -10.0, high_dbm0: -10.0, off: (0.0, 0.0), ms: 40.0 }
        }

        fn samples(self) -> Vec<i16> {
            let (low, high) = self.key.frequencies_hz();
            let mut samples = vec![0; (self.ms * 8.0) as usize];
            Tone::new(low * (1.0 + self.off.0), self.low_dbm0).add_to(&mut samples);
            Tone::new(high * (1.0 + self.off.1), self.high_dbm0).add_to(&mut samples);
            samples
        }
    }

    /// What is heard in `sound` after `lead` samples of silence, in frames of 20 ms.
    fn heard(sound: &[i16], lead: usize) -> Vec<KeyChange> {
        let mut detector = Detector::new();
        let mut changes = Vec::new();
        let mut all = vec![0; lead];
        all.extend_from_slice(sound);
        all.extend_from_slice(&[0; 800]);
        all.chunks(160).for_each(|frame| detector.handle_samples(frame, |change| changes.push(change)));
        changes
    }

    fn keys(changes: &[KeyChange]) -> String {
        let began = |change: &KeyChange| match change {
            KeyChange::Began(key) => Some(key.character()),
            KeyChange::Ended(..) => None,
        };
        changes.iter().filter_map(began).collect()
    }

    fn every_key_and_place(mut check: impl FnMut(Key, usize)) {
        for key in Key::all() {
            for lead in (0..160).step_by(13) {
                check(key, lead);
            }
        }
    }

    #[test]
    fn forty_milliseconds_of_any_key_are_one_press_wherever_they_lie() {
        every_key_and_place(|key, lead| {
            let changes = heard(&Pair::of(key).samples(), lead);
            assert_eq!(changes.len(), 2, "{} at {lead}: {changes:?}", key.character());
            assert_eq!(changes[0], KeyChange::Began(key));
            assert!(
                matches!(changes[1], KeyChange::Ended(same, ms) if same == key && (30..=50).contains(&ms)),
                "{changes:?}"
            );
        });
    }

    #[test]
    fn twenty_three_milliseconds_are_none() {
        every_key_and_place(|key, lead| {
            let changes = heard(&Pair { ms: 23.0, ..Pair::of(key) }.samples(), lead);
            assert_eq!(changes, [], "{} at {lead}", key.character());
        });
    }

    #[test]
    fn a_long_press_is_one_with_its_duration() {
        for key in Key::all() {
            let changes = heard(&Pair { ms: 3_000.0, ..Pair::of(key) }.samples(), 7);
            assert_eq!(changes[0], KeyChange::Began(key));
            assert!(matches!(changes[..], [_, KeyChange::Ended(_, 2_980..=3_020)]), "{changes:?}");
        }
    }

    #[test]
    fn levels_of_q_24_are_heard_and_much_softer_ones_are_not() {
        every_key_and_place(|key, lead| {
            for (level, count) in [(0.0, 2), (-10.0, 2), (-25.0, 2), (-35.0, 0), (-50.0, 0)] {
                let pair = Pair { low_dbm0: level, high_dbm0: level, ms: 45.0, ..Pair::of(key) };
                assert_eq!(heard(&pair.samples(), lead).len(), count, "{} at {level} dBm0", key.character());
            }
        });
    }

    #[test]
    fn twist_within_q_24_is_accepted_and_beyond_is_not() {
        every_key_and_place(|key, lead| {
            // The higher tone minus the lower one.
            for (twist, count) in [(0.0, 2), (4.0, 2), (-8.0, 2), (7.0, 0), (-12.0, 0)] {
                let pair = Pair { low_dbm0: -8.0 - f64::max(twist, 0.0), ..Pair::of(key) };
                let pair = Pair { high_dbm0: pair.low_dbm0 + twist, ..pair };
                assert_eq!(heard(&pair.samples(), lead).len(), count, "{} with {twist} dB", key.character());
            }
        });
    }

    #[test]
    fn frequencies_within_one_and_a_half_percent_are_accepted_and_beyond_three_and_a_half_are_not() {
        every_key_and_place(|key, lead| {
            for (off, accepted) in [
                ((0.015, 0.015), true),
                ((-0.015, -0.015), true),
                ((0.015, -0.015), true),
                ((0.035, 0.0), false),
                ((0.0, 0.035), false),
                ((-0.035, 0.0), false),
                ((0.0, -0.035), false),
                ((0.05, 0.05), false),
            ] {
                let changes = heard(&Pair { off, ms: 50.0, ..Pair::of(key) }.samples(), lead);
                let right = keys(&changes) == key.character().to_string();
                assert_eq!(right, accepted, "{} off by {off:?} at {lead}: {changes:?}", key.character());
            }
        });
    }

    #[test]
    fn noise_of_fifteen_decibels_below_does_no_harm() {
        for seed in 1..6 {
            every_key_and_place(|key, lead| {
                let mut sound = Pair { ms: 50.0, ..Pair::of(key) }.samples();
                // Two tones of -10 dBm0 are -7 together; uniform noise of this peak has -22.
                let noise = noise(sound.len(), 3_140, seed * 31 + lead as u64);
                sound.iter_mut().zip(&noise).for_each(|(sample, noise)| *sample = sample.saturating_add(*noise));
                assert_eq!(keys(&heard(&sound, lead)), key.character().to_string(), "{lead}");
            });
        }
    }

    #[test]
    fn fast_dialling_is_heard_key_by_key_and_a_short_break_parts_none() {
        let number = "0123456789*#ABCD1122";
        let mut sound = Vec::new();
        for character in number.chars() {
            sound.extend(Pair::of(Key::of_character(character).unwrap()).samples());
            sound.extend([0; 320]);
        }
        assert_eq!(keys(&heard(&sound, 5)), number);
        every_key_and_place(|key, lead| {
            let mut sound = Pair { ms: 120.0, ..Pair::of(key) }.samples();
            sound[400..480].fill(0);
            assert_eq!(heard(&sound, lead).len(), 2, "10 ms of interruption");
        });
    }

    #[test]
    fn keys_without_a_pause_between_them_are_two() {
        let mut sound = Pair { ms: 80.0, ..Pair::of(Key::of_event(1).unwrap()) }.samples();
        sound.extend(Pair { ms: 80.0, ..Pair::of(Key::of_event(9).unwrap()) }.samples());
        assert_eq!(keys(&heard(&sound, 0)), "19");
    }

    #[test]
    fn our_own_presses_are_heard_through_companding() {
        for law in [crate::Law::A, crate::Law::Mu] {
            every_key_and_place(|key, lead| {
                let mut sound = vec![0; 400];
                Press::new(key, 50, 8_000).fill(&mut sound);
                sound.iter_mut().for_each(|sample| *sample = law.decode(law.encode(*sample)));
                assert_eq!(keys(&heard(&sound, lead)), key.character().to_string());
            });
        }
    }

    #[test]
    fn single_tones_progress_tones_noise_and_a_vowel_are_no_keys() {
        let mut sounds = vec![vowel(80_000, 8_000), noise(80_000, 8_000, 77)];
        for tones in
            [&[697.0][..], &[1_209.0], &[350.0, 440.0], &[480.0, 620.0], &[697.0, 770.0], &[1_209.0, 1_336.0], &[425.0]]
        {
            let mut sound = vec![0; 8_000];
            tones.iter().for_each(|&tone| Tone::new(tone, -8.0).add_to(&mut sound));
            sounds.push(sound);
        }
        for sound in sounds {
            assert_eq!(heard(&sound, 0), []);
        }
    }
}
