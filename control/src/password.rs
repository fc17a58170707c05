//! Passwords and tokens that are made here.

use router::Random;

/// Letters and digits that are not taken for one another when read aloud or copied by hand.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzACDEFHJKLMNPQRTUVWXY34679";

/// 16 of 49 characters are 89 bits: beyond guessing, over SIP and from a stolen hash.
const CHARACTERS: usize = 16;

/// A password that nobody guesses.
pub fn random(random: &mut Random) -> String {
    (0..CHARACTERS).map(|_| char::from(ALPHABET[random.below(ALPHABET.len() as u64) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let mut source = Random::from_seed(1);
        let (one, other) = (random(&mut source), random(&mut source));
        assert_eq!(one.len(), CHARACTERS);
        assert_ne!(one, other);
    }
}
