//! Comfort noise (RFC 3389): what a silence sounds like, in a few octets, for codecs that have nothing of the kind themselves.
//!
//! A description is a level and, where it has them, the reflection coefficients of the noise's spectrum. [`Noise`] makes sound of
//! it; [`Description::of`] makes it of sound.

use crate::coder::Fault;
use crate::limits::NOISE_ORDER_MAX;

/// The encoding name of its `rtpmap`; payload type 13 at 8 kHz (RFC 3389 §4, §5).
pub const NAME: &str = "CN";
/// Its static payload type.
pub const PAYLOAD_TYPE: u8 = 13;
/// Coefficients that we send: the envelope of what is heard behind a speaker has no more than a few resonances.
const ORDER_SENT: usize = 5;
/// Milliseconds in which the level follows a new description, so that no step is heard.
const GLIDE_MS: u32 = 20;

/// What a silence sounds like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Description {
    /// Power below the overload point, a square wave of the largest samples: 0 to 127 dB (RFC 3389 §3.1).
    level: u8,
    order: u8,
    /// Reflection coefficients as they are sent (§3.2).
    quantised: [u8; NOISE_ORDER_MAX],
}

impl Description {
    /// White noise so many dB below overload.
    pub const fn white(level: u8) -> Self {
        Self { level: if level > 127 { 127 } else { level }, order: 0, quantised: [0; NOISE_ORDER_MAX] }
    }

    /// Reads a payload. Coefficients beyond [`NOISE_ORDER_MAX`] are left out.
    pub fn parse(payload: &[u8]) -> Result<Self, Fault> {
        let (&level, coefficients) = payload.split_first().ok_or(Fault::Malformed)?;
        // The upper bit "must be 0"; senders that set it mean nothing by it.
        let mut description = Self::white(level & 0x7f);
        let order = coefficients.len().min(NOISE_ORDER_MAX);
        description.quantised[..order].copy_from_slice(&coefficients[..order]);
        description.order = order as u8;
        Ok(description)
    }

    /// Writes the payload; tells its octets.
    pub fn write(&self, payload: &mut [u8]) -> Result<usize, Fault> {
        let octets = 1 + usize::from(self.order);
        let payload = payload.get_mut(..octets).ok_or(Fault::Room)?;
        payload[0] = self.level;
        payload[1..].copy_from_slice(&self.quantised[..usize::from(self.order)]);
        Ok(octets)
    }

    /// What `samples`, a frame of silence at any rate, sound like.
    pub fn of(samples: &[i16]) -> Self {
        let mut correlation = [0.0f64; ORDER_SENT + 1];
        for (lag, sum) in correlation.iter_mut().enumerate() {
            let pairs = samples.iter().zip(samples.iter().skip(lag));
            *sum = pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        }
        let power = correlation[0] / samples.len().max(1) as f64;
        let below = -10.0 * (power / (32_768.0 * 32_768.0)).max(1e-13).log10();
        let mut description = Self::white(below.round().clamp(0.0, 127.0) as u8);
        // A little white noise under it keeps the recursion sound for a pure tone and for nothing at all.
        correlation[0] = correlation[0] * 1.001 + 1e-3;
        for (place, reflection) in description.quantised.iter_mut().zip(reflections(&correlation)) {
            // §3.2: N = 127 stands for 0, a step is 258 of 32,768. The sign is that of 1 + Σ a z⁻ⁱ, as the ITU's recommendations
            // write their predictors: what is strong at low frequencies has a negative first one.
            *place = (127.0 - reflection * 32_768.0 / 258.0).round().clamp(0.0, 254.0) as u8;
        }
        description.order = ORDER_SENT as u8;
        description
    }

    /// Power below overload, dB.
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// In the sign of our own lattice: the predictor's.
    fn reflections(&self) -> impl Iterator<Item = f32> + '_ {
        let coefficients = self.quantised[..usize::from(self.order)].iter();
        // 255 is not defined: it is taken for the largest.
        coefficients.map(|&sent| 258.0 * (127.0 - f32::from(sent.min(254))) / 32_768.0)
    }
}

/// Levinson and Durbin: autocorrelation to reflection coefficients, in the sign of the predictor's last one.
fn reflections(correlation: &[f64; ORDER_SENT + 1]) -> [f64; ORDER_SENT] {
    let mut reflections = [0.0; ORDER_SENT];
    let mut predictor = [0.0; ORDER_SENT];
    let mut error = correlation[0];
    for order in 0..ORDER_SENT {
        let known: f64 = (0..order).map(|tap| predictor[tap] * correlation[order - tap]).sum();
        let reflection = (correlation[order + 1] - known) / error;
        let former = predictor;
        for tap in 0..order {
            predictor[tap] = former[tap] - reflection * former[order - 1 - tap];
        }
        predictor[order] = reflection;
        reflections[order] = reflection;
        error *= 1.0 - reflection * reflection;
    }
    reflections
}

/// Makes noise as it was described, at any rate.
#[derive(Clone, Debug)]
pub struct Noise {
    description: Description,
    reflections: [f32; NOISE_ORDER_MAX],
    order: usize,
    /// The lattice: what each stage has kept of the sample before.
    backward: [f32; NOISE_ORDER_MAX + 1],
    /// The peak of the white noise that is filtered, and by how much it changes with each sample until it is `peak_wanted`.
    peak: f32,
    peak_wanted: f32,
    glide: f32,
    glide_samples: f32,
    state: u64,
}

impl Noise {
    /// Silence, at `rate_hz` samples a second. `seed` makes streams differ; nothing depends on it.
    pub fn new(rate_hz: u32, seed: u64) -> Self {
        Self {
            description: Description::white(127),
            reflections: [0.0; NOISE_ORDER_MAX],
            order: 0,
            backward: [0.0; NOISE_ORDER_MAX + 1],
            peak: 0.0,
            peak_wanted: 0.0,
            glide: 0.0,
            glide_samples: (rate_hz / 1_000 * GLIDE_MS).max(1) as f32,
            state: seed | 1,
        }
    }

    /// From now on it sounds like this.
    pub fn describe(&mut self, description: &Description) {
        if self.description == *description {
            return;
        }
        self.description = *description;
        self.order = usize::from(description.order);
        let mut left = 1.0f32;
        for (place, reflection) in self.reflections.iter_mut().zip(description.reflections()) {
            *place = reflection;
            left *= 1.0 - reflection * reflection;
        }
        // Uniform noise of a peak p has the power p²/3; the filter multiplies that by 1/left.
        let rms = 32_768.0 * 10f32.powf(-f32::from(description.level) / 20.0);
        self.peak_wanted = rms * (3.0 * left).sqrt();
        self.glide = (self.peak_wanted - self.peak) / self.glide_samples;
    }

    /// What it sounds like.
    pub const fn description(&self) -> &Description {
        &self.description
    }

    /// Fills `samples`.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            if self.glide != 0.0 {
                let next = self.peak + self.glide;
                let arrived = (self.glide > 0.0) == (next >= self.peak_wanted);
                self.peak = if arrived { self.peak_wanted } else { next };
                if arrived {
                    self.glide = 0.0;
                }
            }
            let mut forward = self.white() * self.peak;
            for stage in (0..self.order).rev() {
                let reflection = self.reflections[stage];
                forward += reflection * self.backward[stage];
                self.backward[stage + 1] = self.backward[stage] - reflection * forward;
            }
            // What a filter of finite numbers has kept may not grow out of bounds.
            forward = forward.clamp(-32_768.0, 32_767.0);
            self.backward[0] = forward;
            *sample = (forward + 0.5f32.copysign(forward)) as i16;
        }
    }

    /// Between −1 and 1.
    fn white(&mut self) -> f32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 40) as i32 as f32 / 8_388_608.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_below_overload(samples: &[i16]) -> f64 {
        let power = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>() / samples.len() as f64;
        -10.0 * (power / (32_768.0 * 32_768.0)).log10()
    }

    #[test]
    fn white_noise_has_its_level_at_every_rate() {
        for rate in [8_000, 16_000, 48_000] {
            for level in [20, 40, 60, 70] {
                let mut noise = Noise::new(rate, 1);
                noise.describe(&Description::white(level));
                let mut samples = vec![0; rate as usize];
                noise.fill(&mut samples);
                let heard = level_below_overload(&samples[rate as usize / 10..]);
                assert!((heard - f64::from(level)).abs() < 0.5, "{rate}: {heard} for {level}");
            }
        }
    }

    #[test]
    fn what_is_described_sounds_alike_again() {
        // Noise with a resonance: white through a lattice that somebody described.
        let origin = Description::parse(&[45, 210, 60, 150, 110]).unwrap();
        let mut noise = Noise::new(8_000, 5);
        noise.describe(&origin);
        let mut samples = vec![0; 16_000];
        noise.fill(&mut samples);
        let heard = Description::of(&samples[800..]);
        assert!(heard.level.abs_diff(origin.level) <= 1, "{} of {}", heard.level, origin.level);
        for index in 0..4 {
            let off = heard.quantised[index].abs_diff(origin.quantised[index]);
            assert!(off <= 12, "{index}: {:?} of {:?}", heard.quantised, origin.quantised);
        }
        assert!(heard.quantised[4].abs_diff(127) <= 12, "there was no fifth");
    }

    #[test]
    fn what_is_strong_at_low_frequencies_has_a_small_first_number() {
        let mut hum = vec![0; 1_600];
        crate::Tone::new(200.0, -50.0).add_to(&mut hum);
        let description = Description::of(&hum);
        assert!(description.quantised[0] < 20, "{:?}", description.quantised);
        let mut noise = Noise::new(8_000, 3);
        noise.describe(&Description::parse(&[40, 20]).unwrap());
        let mut samples = vec![0; 8_000];
        noise.fill(&mut samples);
        let crossings = samples.windows(2).filter(|two| (two[0] < 0) != (two[1] < 0)).count();
        assert!(crossings < 2_000, "{crossings}: white noise crosses zero 4,000 times");
    }

    #[test]
    fn payloads_are_read_and_written_as_rfc_3389_has_them() {
        let payload = [0x25, 127, 0, 254, 190];
        let description = Description::parse(&payload).unwrap();
        assert_eq!((description.level(), description.order), (37, 4));
        let reflections: Vec<f32> = description.reflections().collect();
        assert_eq!(reflections[0], 0.0);
        assert!((reflections[1] - 0.99994).abs() < 1e-4 && (reflections[2] - -0.99994).abs() < 1e-4);
        let mut written = [0; 5];
        assert_eq!(description.write(&mut written), Ok(5));
        assert_eq!(written, payload);
        assert_eq!(description.write(&mut written[..4]), Err(Fault::Room));
        assert_eq!(Description::parse(&[]), Err(Fault::Malformed));
        let long = Description::parse(&[200; 300]).unwrap();
        assert_eq!((usize::from(long.order), long.level()), (NOISE_ORDER_MAX, 200 & 0x7f));
        assert_eq!(Description::of(&[]).level(), 127);
        assert_eq!(Description::of(&[0; 160]).level(), 127);
    }

    #[test]
    fn the_wildest_description_stays_within_its_bounds() {
        for coefficient in [0, 1, 254, 255] {
            let mut payload = [coefficient; 1 + NOISE_ORDER_MAX];
            payload[0] = 0;
            let mut noise = Noise::new(8_000, 9);
            noise.describe(&Description::parse(&payload).unwrap());
            let mut samples = [0; 8_000];
            noise.fill(&mut samples);
            assert!(noise.backward.iter().all(|value| value.is_finite()));
            // And it comes down again.
            noise.describe(&Description::white(127));
            noise.fill(&mut samples);
            noise.fill(&mut samples);
            assert!(samples.iter().all(|sample| sample.abs() <= 1), "{coefficient}");
        }
    }

    #[test]
    fn a_new_level_is_reached_without_a_step() {
        let mut noise = Noise::new(8_000, 2);
        let mut samples = [0; 160];
        noise.describe(&Description::white(30));
        noise.fill(&mut samples);
        assert!(samples[..8].iter().all(|sample| sample.abs() < 200), "{:?}", &samples[..8]);
        let mut settled = [0; 800];
        noise.fill(&mut settled);
        assert!((level_below_overload(&settled) - 30.0).abs() < 1.0);
    }
}
