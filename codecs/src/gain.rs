//! Gain: a level in decibels, as a factor of whole numbers, so that eight samples are multiplied at once.

/// Bits behind the point of a factor.
const POINT: u32 = 11;

/// A factor from nothing to +24 dB, in steps that are heard by nobody above −40 dB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gain(i16);

impl Gain {
    /// As it is.
    pub const UNITY: Self = Self(1 << POINT);
    /// Nothing.
    pub const MUTE: Self = Self(0);

    /// So many decibels, +24 at most.
    pub fn of_decibels(decibels: f32) -> Self {
        // A cast from a float saturates.
        Self((10f32.powf(decibels / 20.0) * (1 << POINT) as f32).round() as i16)
    }

    /// Multiplies; beyond the ends it clips.
    pub fn apply(self, samples: &mut [i16]) {
        if self == Self::UNITY {
            return;
        }
        for sample in samples {
            let scaled = (i32::from(*sample) * i32::from(self.0)) >> POINT;
            *sample = scaled.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_signal::dbm0;

    #[test]
    fn the_level_is_changed_by_what_was_said() {
        for decibels in [-40.0f32, -20.0, -6.0, -1.0, 0.0, 3.0, 12.0, 20.0] {
            let mut samples = vec![0; 8_000];
            crate::Tone::new(700.0, -24.0).add_to(&mut samples);
            let before = dbm0(&samples);
            Gain::of_decibels(decibels).apply(&mut samples);
            let tolerance = if decibels < -30.0 { 0.6 } else { 0.15 };
            assert!((dbm0(&samples) - before - f64::from(decibels)).abs() < tolerance, "{decibels}");
        }
    }

    #[test]
    fn extremes_clip_and_unity_changes_nothing() {
        let mut samples = [i16::MAX, i16::MIN, 100, 0];
        Gain::UNITY.apply(&mut samples);
        assert_eq!(samples, [i16::MAX, i16::MIN, 100, 0]);
        Gain::of_decibels(200.0).apply(&mut samples);
        assert_eq!(samples, [i16::MAX, i16::MIN, 1_599, 0]);
        Gain::MUTE.apply(&mut samples);
        assert_eq!(samples, [0; 4]);
        assert_eq!(Gain::of_decibels(f32::NEG_INFINITY), Gain::MUTE);
    }
}
