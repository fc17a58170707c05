//! Packet indices: which one a sequence number means (RFC 3711 §3.3.1, appendix A), and which were seen (§3.3.2).

/// The newest index of a stream and which of those before it were seen. 128 wide: two and a half seconds of voice, twice what §3.3.2 asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    newest: u64,
    /// Bit *n*: the index `newest - n` was seen.
    seen: u128,
}

impl Window {
    /// How far back is known.
    pub const WIDTH: u64 = u128::BITS as u64;

    /// Of a stream that begins at an index.
    pub const fn new(index: u64) -> Self {
        Self { newest: index, seen: 1 }
    }

    /// The index that a sequence number means: the one nearest to the newest. `None`: before the first roll-over there is nothing below 0.
    #[inline]
    pub const fn estimate(&self, sequence: u16) -> Option<u64> {
        let distance = sequence.wrapping_sub(self.newest as u16) as i16;
        self.newest.checked_add_signed(distance as i64)
    }

    /// Whether an index was not seen yet, as far as is known.
    #[inline]
    pub const fn is_fresh(&self, index: u64) -> bool {
        if index > self.newest {
            return true;
        }
        let back = self.newest - index;
        back < Self::WIDTH && self.seen >> back & 1 == 0
    }

    /// Notes an index as seen.
    #[inline]
    pub const fn note(&mut self, index: u64) {
        if index > self.newest {
            let ahead = index - self.newest;
            self.seen = if ahead < Self::WIDTH { self.seen << ahead | 1 } else { 1 };
            self.newest = index;
        } else if self.newest - index < Self::WIDTH {
            self.seen |= 1 << (self.newest - index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_mean_the_nearest_index() {
        let at = |newest: u64, sequence| Window::new(newest).estimate(sequence);
        assert_eq!(at(65_535, 0), Some(65_536), "it rolls over");
        assert_eq!(at(65_536 + 3, 65_533), Some(65_533), "one that is late from before");
        assert_eq!(at(2, 65_533), None, "nothing is before the first");
        assert_eq!(at(0x2_8000, 0xffff), Some(0x2_ffff));
        assert_eq!(at(0x2_8000, 0x0001), Some(0x2_0001), "half way round it is behind");
        assert_eq!(at(0x2_8002, 0x0001), Some(0x3_0001), "beyond it is ahead");
    }

    #[test]
    fn what_was_seen_is_known_as_far_back_as_the_window() {
        let mut window = Window::new(1_000);
        assert!(!window.is_fresh(1_000) && window.is_fresh(999) && window.is_fresh(1_001));
        window.note(1_002);
        assert!(window.is_fresh(1_001) && !window.is_fresh(1_000));
        window.note(1_001);
        assert!(!window.is_fresh(1_001));
        window.note(1_002 + 127);
        assert!(!window.is_fresh(1_002) && window.is_fresh(1_003) && !window.is_fresh(1_001), "too old is not fresh");
        window.note(5_000);
        assert!(window.is_fresh(4_999) && !window.is_fresh(4_000) && !window.is_fresh(5_000));
        window.note(5_000 - 200);
        assert_eq!(window, Window { newest: 5_000, seen: 1 });
    }
}
