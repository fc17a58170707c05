//! Sequence numbers of one source (RFC 3550 A.1, A.3).

/// A step ahead of at least this many packets is a restart, or a stray.
const MAX_DROPOUT: u16 = 3_000;
/// Packets that are older than this are strays.
const MAX_MISORDER: u16 = 100;

/// What a packet is to the stream that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// The newest one; so many before it are missing so far.
    Newest(u16),
    /// The newest one once more.
    Repeated,
    /// Older than the newest one: reordered on the way, or repeated.
    Late,
    /// The stream begins anew here: a second packet in a row far from the former ones.
    Restarted,
    /// Far from the former ones, alone so far: not to be believed.
    Stray,
}

/// The sequence machine of a source. The first packet is believed at once: there is no probation, since a relay that waits
/// for a second packet clips the first word; the source's address is checked elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sequence {
    max: u16,
    /// Times 65,536: how often the number wrapped.
    cycles: u32,
    base: u32,
    /// The number that would confirm a restart.
    next_after_stray: Option<u16>,
    received: u64,
    /// Lost in the stream's former lives, before it restarted.
    lost_before: u64,
    expected_prior: u64,
    received_prior: u64,
}

impl Sequence {
    /// A source whose first packet is numbered `sequence`; that packet is counted.
    pub const fn new(sequence: u16) -> Self {
        Self {
            max: sequence,
            cycles: 0,
            base: sequence as u32,
            next_after_stray: None,
            received: 1,
            lost_before: 0,
            expected_prior: 0,
            received_prior: 0,
        }
    }

    /// Takes the next packet's number.
    #[inline]
    pub fn update(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.max);
        let arrival = if ahead == 0 {
            Arrival::Repeated
        } else if ahead < MAX_DROPOUT {
            if sequence < self.max {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.max = sequence;
            Arrival::Newest(ahead - 1)
        } else if ahead > u16::MAX - MAX_MISORDER {
            Arrival::Late
        } else if self.next_after_stray == Some(sequence) {
            let lost_before = self.lost();
            *self = Self { lost_before, ..Self::new(sequence) };
            return Arrival::Restarted;
        } else {
            self.next_after_stray = Some(sequence.wrapping_add(1));
            return Arrival::Stray;
        };
        self.next_after_stray = None;
        self.received += 1;
        arrival
    }

    /// The newest number, extended by how often it wrapped (RFC 3550 §6.4.1).
    pub const fn extended(&self) -> u32 {
        self.cycles.wrapping_add(self.max as u32)
    }

    /// The first number, since it was heard or began anew.
    pub const fn base(&self) -> u32 {
        self.base
    }

    /// Packets that should have come since then.
    pub const fn expected(&self) -> u64 {
        self.extended().wrapping_sub(self.base) as u64 + 1
    }

    /// Packets that never came, since the source was first heard; repeated ones do not make it negative.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.expected().saturating_sub(self.received)
    }

    /// The cumulative number lost as a report carries it: 24 bits, signed, negative when packets were repeated (A.3).
    pub fn cumulative_lost(&self) -> i32 {
        let lost = self.expected() as i64 - self.received as i64 + self.lost_before as i64;
        lost.clamp(-0x80_0000, 0x7f_ffff) as i32
    }

    /// The fraction lost since the last call, in 256ths (A.3).
    pub fn take_fraction_lost(&mut self) -> u8 {
        let (expected, received) = (self.expected(), self.received);
        let expected_interval = expected.saturating_sub(self.expected_prior);
        let received_interval = received.saturating_sub(self.received_prior);
        (self.expected_prior, self.received_prior) = (expected, received);
        let lost = expected_interval.saturating_sub(received_interval);
        (lost << 8).checked_div(expected_interval).map_or(0, |fraction| fraction.min(255) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_and_gaps_are_counted() {
        let mut sequence = Sequence::new(65_533);
        assert_eq!(sequence.update(65_534), Arrival::Newest(0));
        assert_eq!(sequence.update(1), Arrival::Newest(2));
        assert_eq!(sequence.extended(), 65_537);
        assert_eq!((sequence.lost(), sequence.cumulative_lost()), (2, 2));
        assert_eq!(sequence.update(65_535), Arrival::Late);
        assert_eq!(sequence.lost(), 1);
        assert_eq!(sequence.extended(), 65_537);
    }

    #[test]
    fn fractions_are_those_of_the_interval() {
        let mut sequence = Sequence::new(0);
        for number in 1..100 {
            // Every fourth is lost: 25 of 100, the last one among those received.
            if number % 4 != 1 {
                sequence.update(number);
            }
        }
        assert_eq!(sequence.take_fraction_lost(), 64, "25 of 100 in 256ths");
        assert_eq!(sequence.take_fraction_lost(), 0, "nothing was expected since");
        sequence.update(100);
        assert_eq!(sequence.take_fraction_lost(), 0);
        sequence.update(102);
        assert_eq!(sequence.take_fraction_lost(), 128);
    }

    #[test]
    fn repeated_packets_make_the_cumulative_number_negative_and_no_more() {
        let mut sequence = Sequence::new(10);
        assert_eq!(sequence.update(10), Arrival::Repeated);
        assert_eq!((sequence.cumulative_lost(), sequence.lost()), (-1, 0));
        assert_eq!(sequence.take_fraction_lost(), 0);
    }

    #[test]
    fn a_restart_needs_two_packets_in_a_row() {
        let mut sequence = Sequence::new(1_000);
        sequence.update(1_002);
        assert_eq!(sequence.update(40_000), Arrival::Stray);
        assert_eq!(sequence.update(1_003), Arrival::Newest(0), "one stray changes nothing");
        assert_eq!(sequence.update(40_001), Arrival::Stray);
        assert_eq!(sequence.update(40_002), Arrival::Restarted);
        assert_eq!(sequence.update(40_003), Arrival::Newest(0));
        assert_eq!(sequence.lost(), 1, "what was lost before stays counted");
    }
}
