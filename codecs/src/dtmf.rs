//! DTMF (ITU-T Q.23, Q.24): keys as pairs of tones, made and heard in sound.

mod detector;
mod filter;
mod press;

pub use detector::{Detector, KeyChange};
pub use filter::KeyFilter;
pub use press::Press;

/// The lower tone of each row, the higher one of each column, Hz.
const ROWS_HZ: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
/// See [`ROWS_HZ`].
const COLUMNS_HZ: [f64; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
/// The keys by row and column.
const KEYPAD: [[u8; 4]; 4] = [*b"123A", *b"456B", *b"789C", *b"*0#D"];
/// The keys by their event (RFC 4733 §3.2).
const EVENTS: [u8; 16] = *b"0123456789*#ABCD";

/// A key of a telephone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Key(u8);

impl Key {
    /// Every key, by its event.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..16).map(Self)
    }

    /// Of its character: `0` to `9`, `*`, `#`, `A` to `D` in either case.
    pub fn of_character(character: char) -> Option<Self> {
        let wanted = u8::try_from(character).ok()?.to_ascii_uppercase();
        EVENTS.iter().position(|&known| known == wanted).map(|event| Self(event as u8))
    }

    /// Of its telephone-event: 0 to 15.
    pub const fn of_event(event: u8) -> Option<Self> {
        if event < 16 { Some(Self(event)) } else { None }
    }

    /// Its telephone-event.
    pub const fn event(self) -> u8 {
        self.0
    }

    /// Its character.
    pub const fn character(self) -> char {
        EVENTS[self.0 as usize] as char
    }

    /// Its two tones, the lower one first, Hz.
    pub fn frequencies_hz(self) -> (f64, f64) {
        let character = EVENTS[usize::from(self.0)];
        let place = KEYPAD.iter().flatten().position(|&known| known == character).unwrap_or(0);
        (ROWS_HZ[place / 4], COLUMNS_HZ[place % 4])
    }

    fn at(row: usize, column: usize) -> Option<Self> {
        Self::of_character(char::from(*KEYPAD.get(row)?.get(column)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_events_of_rfc_4733_and_the_tones_of_q_23() {
        let keys: String = Key::all().map(Key::character).collect();
        assert_eq!(keys, "0123456789*#ABCD");
        for key in Key::all() {
            assert_eq!((Key::of_event(key.event()), Key::of_character(key.character())), (Some(key), Some(key)));
        }
        for (character, tones) in
            [('1', (697.0, 1_209.0)), ('0', (941.0, 1_336.0)), ('#', (941.0, 1_477.0)), ('d', (941.0, 1_633.0))]
        {
            assert_eq!(Key::of_character(character).unwrap().frequencies_hz(), tones);
        }
        assert_eq!((Key::of_character('E'), Key::of_character('é'), Key::of_event(16)), (None, None, None));
    }
}
