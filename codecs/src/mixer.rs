//! Mixing: everybody is added once, and each hears the sum without himself.
//!
//! The sum has 32 bits, so that 65,536 of the loudest fit; only what a listener gets is clipped. A room of n costs n additions and
//! n subtractions, not n².

/// A frame of a room.
#[derive(Clone, Debug)]
pub struct Mixer {
    sum: Box<[i32]>,
}

impl Mixer {
    /// For frames of so many samples.
    pub fn new(frame_samples: usize) -> Self {
        Self { sum: vec![0; frame_samples].into() }
    }

    /// Begins the next frame.
    pub fn clear(&mut self) {
        self.sum.fill(0);
    }

    /// Adds somebody. Of a longer frame the front counts.
    pub fn add(&mut self, samples: &[i16]) {
        for (sum, &sample) in self.sum.iter_mut().zip(samples) {
            // It cannot overflow below 65,536 voices.
            *sum = sum.wrapping_add(i32::from(sample));
        }
    }

    /// What somebody hears who was added with `own`.
    pub fn without(&self, own: &[i16], heard: &mut [i16]) {
        for ((heard, &own), &sum) in heard.iter_mut().zip(own).zip(&self.sum) {
            *heard = clipped(sum.wrapping_sub(i32::from(own)));
        }
    }

    /// What somebody hears who said nothing, or a recording of all.
    pub fn all(&self, heard: &mut [i16]) {
        for (heard, &sum) in heard.iter_mut().zip(&self.sum) {
            *heard = clipped(sum);
        }
    }
}

fn clipped(sum: i32) -> i16 {
    sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hears_the_others_and_not_himself() {
        let voices: Vec<Vec<i16>> = (1..=4).map(|seed| crate::test_signal::noise(160, 4_000, seed)).collect();
        let mut mixer = Mixer::new(160);
        for _ in 0..2 {
            mixer.clear();
            voices.iter().for_each(|voice| mixer.add(voice));
        }
        for (index, own) in voices.iter().enumerate() {
            let mut heard = [0; 160];
            mixer.without(own, &mut heard);
            for place in 0..160 {
                let others: i16 =
                    voices.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, voice)| voice[place]).sum();
                assert_eq!(heard[place], others);
            }
        }
    }

    #[test]
    fn the_loudest_are_clipped_for_the_listener_alone() {
        let mut mixer = Mixer::new(2);
        for _ in 0..1_000 {
            mixer.add(&[i16::MAX, i16::MIN]);
        }
        let mut heard = [0; 2];
        mixer.all(&mut heard);
        assert_eq!(heard, [i16::MAX, i16::MIN]);
        // Three whose sum is beyond the ends, less one of them, is right again.
        let mut mixer = Mixer::new(1);
        [30_000, 30_000, -30_000].iter().for_each(|&loud| mixer.add(&[loud]));
        let mut heard = [0];
        mixer.without(&[30_000], &mut heard);
        assert_eq!(heard, [0]);
    }
}
