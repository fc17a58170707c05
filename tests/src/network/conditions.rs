//! What a way does to what takes it.

use router::Random;
use router::time::Duration;

/// One direction of a host's access to the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conditions {
    /// How long everything takes.
    pub delay: Duration,
    /// How much longer, at most; evenly distributed, so packets overtake each other.
    pub jitter: Duration,
    /// Of a thousand datagrams, how many are lost.
    pub loss_permille: u16,
    /// Of a thousand datagrams, how many arrive twice.
    pub duplicate_permille: u16,
    /// Of a thousand datagrams, how many are held back for up to [`Conditions::LATE`].
    pub reorder_permille: u16,
}

impl Conditions {
    /// How late a datagram that is held back may be.
    pub const LATE: Duration = Duration::from_millis(120);

    /// A local network: a millisecond, nothing lost.
    pub const LOCAL: Self = Self {
        delay: Duration::from_millis(1),
        jitter: Duration::ZERO,
        loss_permille: 0,
        duplicate_permille: 0,
        reorder_permille: 0,
    };

    /// A line that is up and carries nothing.
    pub const DEAD: Self = Self { loss_permille: 1000, ..Self::LOCAL };

    /// A mobile network on a bad day: `loss_permille` as given, and as much doubled and reordered.
    pub const fn rough(loss_permille: u16) -> Self {
        Self {
            delay: Duration::from_millis(15),
            jitter: Duration::from_millis(20),
            loss_permille,
            duplicate_permille: loss_permille,
            reorder_permille: loss_permille,
        }
    }

    /// Whether everything that is sent arrives, once and in order.
    pub fn is_perfect(&self) -> bool {
        self.jitter.is_zero() && self.loss_permille == 0 && self.duplicate_permille == 0 && self.reorder_permille == 0
    }

    /// After how long the copies of one datagram arrive; none if it is lost.
    pub(super) fn fates(&self, random: &mut Random) -> impl Iterator<Item = Duration> {
        let copies = match chance(random, self.loss_permille) {
            true => 0,
            false if chance(random, self.duplicate_permille) => 2,
            false => 1,
        };
        let times: [Duration; 2] = std::array::from_fn(|_| if copies > 0 { self.time(random) } else { Duration::ZERO });
        times.into_iter().take(copies)
    }

    /// After how long a piece of a stream arrives: what was lost is sent again.
    pub(super) fn stream_time(&self, random: &mut Random) -> Duration {
        let mut time = self.time(random);
        let mut again = Duration::from_millis(200);
        while chance(random, self.loss_permille.min(500)) {
            time += again;
            again *= 2;
        }
        time
    }

    fn time(&self, random: &mut Random) -> Duration {
        let mut time = self.delay + below(random, self.jitter);
        if chance(random, self.reorder_permille) {
            time += below(random, Self::LATE);
        }
        time
    }
}

fn chance(random: &mut Random, permille: u16) -> bool {
    permille > 0 && random.below(1000) < u64::from(permille)
}

fn below(random: &mut Random, bound: Duration) -> Duration {
    Duration::from_nanos(random.below(bound.as_nanos() as u64))
}
