//! How losses lie together (RFC 3611 §4.7.2, appendix A.2): bursts, in which fewer than sixteen packets come between two losses, and the gaps between them.
//!
//! It is told of losses alone, so that a packet that comes costs nothing.

/// Packets between two losses that end a burst (Gmin, as §4.7.2 recommends it).
pub const GMIN: u32 = 16;

/// The losses of one stream, as transitions between the states of a model: 1 a packet in a gap, 4 a loss alone in a gap, 2 a packet and 3 a
/// loss in a burst.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bursts {
    /// The number behind the latest loss, extended; `None` before the first.
    behind: Option<u32>,
    /// Losses of the burst that may be under way.
    lost: u32,
    c11: u32,
    c13: u32,
    c14: u32,
    c22: u32,
    c23: u32,
    c33: u32,
    /// Losses in a row, and all losses.
    runs: u32,
    losses: u32,
}

/// What they come to.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Shape {
    /// The part of the packets that are lost within bursts, and within gaps.
    pub burst_density: f64,
    /// See `burst_density`.
    pub gap_density: f64,
    /// Packets of a burst, and of a gap, on average.
    pub burst_packets: f64,
    /// See `burst_packets`.
    pub gap_packets: f64,
}

impl Bursts {
    /// Packets are missing: so many, up to the one before the extended number `next`, of a stream that began at `base`.
    #[cold]
    pub fn lose(&mut self, count: u16, next: u32, base: u32) {
        let first = next.wrapping_sub(u32::from(count));
        let since = first.wrapping_sub(self.behind.unwrap_or(base));
        self.behind = Some(next);
        self.runs = self.runs.saturating_add(1);
        self.losses = self.losses.saturating_add(count.into());
        self.lose_one(since);
        for _ in 1..count.min(MOST) {
            self.lose_one(0);
        }
    }

    fn lose_one(&mut self, since: u32) {
        if since >= GMIN {
            if self.lost == 1 {
                self.c14 += 1;
            } else {
                self.c13 += 1;
            }
            self.lost = 1;
            self.c11 = self.c11.saturating_add(since);
        } else {
            self.lost = self.lost.saturating_add(1);
            if since == 0 {
                self.c33 += 1;
            } else {
                self.c23 += 1;
                self.c22 += since - 1;
            }
        }
    }

    /// What they come to when the stream has gone on to the extended number `newest`.
    pub fn shape(&self, newest: u32, base: u32) -> Shape {
        let mut all = *self;
        // What has come since the last loss is a gap, if it is long enough.
        let since = newest.wrapping_sub(self.behind.unwrap_or(base)).wrapping_add(1);
        if since >= GMIN {
            all.c11 = all.c11.saturating_add(since);
        }
        let of = |count: u32| f64::from(count);
        let (c31, c32) = (all.c13, all.c23);
        let in_burst = of(c31) + of(c32) + of(all.c33);
        let p32 = if in_burst > 0.0 { of(c32) / in_burst } else { 0.0 };
        let p23 = if all.c22 + all.c23 < 1 { 1.0 } else { 1.0 - of(all.c22) / of(all.c22 + all.c23) };
        let (gap, bursts) = (of(all.c11) + of(all.c14) + of(all.c13), of(all.c13).max(1.0));
        let total = of(all.c11) + of(all.c14) + 2.0 * of(all.c13) + of(all.c22) + 2.0 * of(all.c23) + of(all.c33);
        Shape {
            burst_density: if in_burst > 0.0 { p23 / (p23 + p32) } else { 0.0 },
            gap_density: if all.c11 + all.c14 > 0 { of(all.c14) / of(all.c11 + all.c14) } else { 0.0 },
            burst_packets: (total - gap) / bursts,
            gap_packets: gap / bursts,
        }
    }

    /// How long losses in a row are, against those of as many losses at random among `expected` packets (BurstR of G.107).
    pub fn ratio(&self, expected: u64) -> f64 {
        if self.runs == 0 || expected == 0 {
            return 1.0;
        }
        let lost = (f64::from(self.losses) / expected as f64).min(1.0);
        f64::from(self.losses) / f64::from(self.runs) * (1.0 - lost)
    }
}

/// Losses in a row that are looked at singly: a burst that is longer is not told apart from it.
const MOST: u16 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of so many packets from a number on, of which those are lost.
    fn stream(base: u32, packets: u32, lost: impl Fn(u32) -> bool) -> (Bursts, u32) {
        let mut bursts = Bursts::default();
        for index in 0..packets {
            if !lost(index) && index > 0 && lost(index - 1) {
                let run = (1..=index).take_while(|back| lost(index - back)).count() as u16;
                bursts.lose(run, base.wrapping_add(index), base);
            }
        }
        (bursts, base.wrapping_add(packets - 1))
    }

    #[test]
    fn single_losses_lie_in_a_gap_and_many_together_in_a_burst() {
        for base in [0, 65_000, u32::MAX - 300] {
            let (bursts, newest) = stream(base, 1_000, |index| index % 100 == 50);
            let shape = bursts.shape(newest, base);
            assert!((shape.gap_density - 0.01).abs() < 0.003, "{shape:?}");
            assert!(bursts.ratio(1_000) < 1.01);
            // Every other one within 40 packets, once in 500.
            let (bursts, newest) =
                stream(base, 2_000, |index| index % 500 > 200 && index % 500 < 240 && index % 2 == 0);
            let shape = bursts.shape(newest, base);
            assert!((0.4..0.65).contains(&shape.burst_density) && shape.gap_density < 0.01, "{shape:?}");
            assert!((36.0..42.0).contains(&shape.burst_packets), "{shape:?}");
            assert!((420.0..520.0).contains(&shape.gap_packets), "{shape:?}");
            // Five in a row.
            let (bursts, _) = stream(base, 1_000, |index| index % 100 >= 90 && index % 100 < 95);
            assert!((bursts.ratio(1_000) - 5.0 * 0.95).abs() < 0.01, "{}", bursts.ratio(1_000));
        }
    }

    #[test]
    fn a_stream_without_loss_is_one_gap() {
        let bursts = Bursts::default();
        let shape = bursts.shape(5_000, 1_000);
        assert_eq!((shape.burst_density, shape.gap_density, shape.burst_packets), (0.0, 0.0, 0.0));
        assert!((shape.gap_packets - 4_001.0).abs() < 1.0);
        assert_eq!(bursts.ratio(0), 1.0);
        let mut bursts = Bursts::default();
        (0..70_000u32).for_each(|index| bursts.lose(u16::MAX, index.wrapping_mul(90_000), 0));
        assert!(bursts.shape(0, 0).burst_density <= 1.0 && bursts.ratio(1) >= 0.0);
    }
}
