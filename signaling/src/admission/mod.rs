//! Who gets how much of our attention before we know who it is.
//!
//! Trunks (known by address) and registered flows (known by a proven secret) have limits of their own; a trunk's is so high that
//! only one that is ill, or whose address somebody else sends from, meets it, and then it takes nothing from the others. Everybody else is
//! limited one by one and in all, before any digest arithmetic, so that a flood of strangers costs a hash of its source
//! address and a look at its first octets, and takes nothing from those who are known.
//!
//! Known are, too, a request within a dialog of ours, wherever it comes from (the BYE of a phone behind a NAT that has moved,
//! of a carrier's other address), and a response to a request of ours: each carries a secret of ours, which is found without
//! reading the message ([`peek`]).

mod bans;
mod bucket;
mod failures;
pub mod peek;
mod refusal_tag;

pub use bans::{BanPolicy, Banned, Bans};
pub use bucket::{Bucket, Rate};
pub use failures::Failures;
pub use refusal_tag::RefusalTags;

use crate::limits::{OVERLOAD_AFTER, SOURCE_BUCKETS};
use crate::trunk::TrunkId;
use router::Random;
use router::time::{Duration, Instant};
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::net::IpAddr;

/// How much is admitted.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AdmissionLimits {
    /// Messages from one unknown source.
    pub unknown_source: Rate,
    /// Messages from all unknown sources together.
    pub unknown_total: Rate,
    /// Messages over one registered flow, for each account that registered over it; and of one dialog, from elsewhere.
    pub registered_account: Rate,
    /// Messages of one trunk.
    pub trunk: Rate,
    /// What a failed credential costs an unknown source, in requests.
    pub failure_cost: u16,
    /// When an unknown source is shut out.
    pub bans: BanPolicy,
    /// How long new requests may wait while a shard does not catch up, before they are refused; `None`: nothing waits, and none is.
    pub overload_after: Option<Duration>,
}

impl Default for AdmissionLimits {
    /// An office of 200 phones behind one address may restart at once; a thousand strangers a second are an attack. A trunk
    /// sends some thousand calls a second before it is one.
    fn default() -> Self {
        Self {
            unknown_source: Rate { per_second: 50, burst: 200 },
            unknown_total: Rate { per_second: 1_000, burst: 2_000 },
            registered_account: Rate { per_second: 20, burst: 200 },
            trunk: Rate { per_second: 20_000, burst: 40_000 },
            failure_cost: 10,
            bans: BanPolicy::default(),
            overload_after: Some(OVERLOAD_AFTER),
        }
    }
}

impl AdmissionLimits {
    /// The share of each of so many shards: strangers and trunks are spread over all of them by the hash of their Call-IDs, so that
    /// all shards together admit what one alone would. Who is registered has its limit on each.
    #[must_use]
    pub fn share(self, shards: u32) -> Self {
        let share = |rate: Rate| rate.share(shards);
        Self {
            unknown_source: share(self.unknown_source),
            unknown_total: share(self.unknown_total),
            trunk: share(self.trunk),
            bans: self.bans.share(shards),
            ..self
        }
    }
}

/// How a source is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// This trunk of the configuration names its address.
    Trunk(TrunkId),
    /// It is at a host of an edge proxy of ours, who speaks for many.
    Edge,
    /// So many accounts are registered over the flow that it uses.
    Registered(u32),
    /// It knows our tag of a dialog, this one, and its Call-ID.
    Dialog(u64),
    /// It answers a request of ours.
    Awaited,
    /// None of them.
    Unknown,
}

/// What admission has counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AdmissionCounters {
    /// Messages of unknown sources that were admitted.
    pub unknown_admitted: u64,
    /// Messages dropped since their source had too many.
    pub unknown_source_limited: u64,
    /// Messages dropped since strangers had too many in all.
    pub unknown_total_limited: u64,
    /// Messages dropped since a registered flow had too many.
    pub registered_limited: u64,
    /// Messages dropped since a trunk had sent too many.
    pub trunk_limited: u64,
    /// Requests from elsewhere dropped since their dialog had too many.
    pub dialog_limited: u64,
    /// Messages dropped of sources that are shut out.
    pub banned: u64,
    /// How often a source was shut out.
    pub bans: u64,
}

/// What one host is counted by: its IPv4 address, or its IPv6 /64, all of which it has to send from (RFC 6177).
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

/// Buckets for sources. Their number is fixed: sources share one where a keyed hash says so, so that spoofed addresses cost
/// no memory and nobody can choose with whom to share.
#[derive(Debug)]
pub struct Admission {
    limits: AdmissionLimits,
    sources: Vec<Bucket>,
    registered: Vec<Bucket>,
    /// By the places of the trunks, as far as one has sent something.
    trunks: Vec<Bucket>,
    total: Bucket,
    bans: Bans,
    key: u64,
    hasher: RandomState,
    counters: AdmissionCounters,
}

impl Admission {
    /// Admission within `limits`.
    pub fn new(limits: AdmissionLimits, random: &mut Random) -> Self {
        Self {
            sources: vec![Bucket::full(limits.unknown_source); SOURCE_BUCKETS],
            registered: vec![Bucket::full(limits.registered_account); SOURCE_BUCKETS],
            trunks: Vec::new(),
            total: Bucket::full(limits.unknown_total),
            bans: Bans::new(limits.bans),
            limits,
            key: random.next_u64(),
            hasher: RandomState::new(),
            counters: AdmissionCounters::default(),
        }
    }

    /// Other limits from now on.
    pub fn set_limits(&mut self, limits: AdmissionLimits) {
        self.bans.set_policy(limits.bans);
        self.limits = limits;
    }

    /// Whether a message from `address` is looked at. False: it is dropped without an answer.
    pub fn admit(&mut self, now: Instant, address: IpAddr, port: u16, standing: Standing) -> bool {
        match standing {
            Standing::Awaited => true,
            Standing::Trunk(trunk) => {
                let place = trunk.place();
                if place >= self.trunks.len() {
                    self.trunks.resize(place + 1, Bucket::full(self.limits.trunk));
                }
                let admitted = self.trunks[place].take(now, self.limits.trunk, 1);
                self.counters.trunk_limited += u64::from(!admitted);
                admitted
            }
            Standing::Edge => {
                let index = self.index(address, None);
                let admitted = self.registered[index].take(now, self.limits.trunk, 1);
                self.counters.registered_limited += u64::from(!admitted);
                admitted
            }
            Standing::Dialog(tag) => {
                let index = self.place(|hasher| hasher.write_u64(tag));
                let admitted = self.registered[index].take(now, self.limits.registered_account, 1);
                self.counters.dialog_limited += u64::from(!admitted);
                admitted
            }
            Standing::Registered(accounts) => {
                let one = self.limits.registered_account;
                let rate = Rate {
                    per_second: one.per_second.saturating_mul(accounts.max(1)),
                    burst: one.burst.saturating_mul(accounts.max(1)),
                };
                let index = self.index(address, Some(port));
                let admitted = self.registered[index].take(now, rate, 1);
                self.counters.registered_limited += u64::from(!admitted);
                admitted
            }
            Standing::Unknown => {
                if self.bans.is_banned(now, address) {
                    self.counters.banned += 1;
                    return false;
                }
                let index = self.index(address, None);
                if !self.sources[index].take(now, self.limits.unknown_source, 1) {
                    self.counters.unknown_source_limited += 1;
                    return false;
                }
                if !self.total.take(now, self.limits.unknown_total, 1) {
                    self.counters.unknown_total_limited += 1;
                    return false;
                }
                self.counters.unknown_admitted += 1;
                true
            }
        }
    }

    /// Credentials from an unknown `address` were wrong: guessing costs it more than asking.
    pub fn failed(&mut self, now: Instant, address: IpAddr) {
        let index = self.index(address, None);
        let (rate, cost) = (self.limits.unknown_source, self.limits.failure_cost);
        self.sources[index].drain(now, rate, u32::from(cost));
    }

    /// The same of one that has heard our challenge, so that its address is its own. For how long it is shut out, if that was one too many.
    pub fn guessed(&mut self, now: Instant, address: IpAddr) -> Option<Duration> {
        let banned = self.bans.note(now, address);
        self.counters.bans += u64::from(banned);
        banned.then_some(self.limits.bans.length)
    }

    /// How many sources are shut out.
    pub fn banned(&self, now: Instant) -> usize {
        self.bans.count(now)
    }

    /// The sources that are shut out, in the order of their addresses, behind that one.
    pub fn bans(&self, now: Instant, after: Option<IpAddr>) -> Vec<Banned> {
        self.bans.list(now, after)
    }

    /// A source is heard again. False: it was not shut out.
    pub fn lift_ban(&mut self, now: Instant, source: IpAddr) -> bool {
        self.bans.lift(now, source)
    }

    /// What a challenge to a source bears, by which its answer shows that it came there.
    pub fn mark(&self, address: IpAddr) -> u16 {
        self.hasher.hash_one(network_of(address)) as u16
    }

    /// What it has counted.
    pub fn counters(&self) -> AdmissionCounters {
        self.counters
    }

    fn index(&self, address: IpAddr, port: Option<u16>) -> usize {
        self.place(|hasher| {
            match network_of(address) {
                IpAddr::V4(address) => hasher.write_u32(address.into()),
                IpAddr::V6(address) => hasher.write_u64((u128::from(address) >> 64) as u64),
            }
            hasher.write_u16(port.unwrap_or(0));
        })
    }

    fn place(&self, write: impl FnOnce(&mut DefaultHasher)) -> usize {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(self.key);
        write(&mut hasher);
        (hasher.finish() % SOURCE_BUCKETS as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::time::Duration;

    fn admission() -> Admission {
        Admission::new(AdmissionLimits::default(), &mut Random::from_seed(1))
    }

    fn host(number: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + number).into())
    }

    #[test]
    fn a_flood_of_one_source_leaves_the_others_their_share() {
        let mut admission = admission();
        let admitted = (0..10_000).filter(|_| admission.admit(Instant::ZERO, host(1), 5060, Standing::Unknown)).count();
        assert_eq!(admitted, 200);
        assert!(admission.admit(Instant::ZERO, host(2), 5060, Standing::Unknown));
        let later = Instant::ZERO + Duration::from_secs(1);
        let admitted = (0..10_000).filter(|_| admission.admit(later, host(1), 5060, Standing::Unknown)).count();
        assert_eq!(admitted, 50);
        assert_eq!(admission.counters().unknown_source_limited, 19_750);
    }

    #[test]
    fn a_flood_of_many_sources_is_limited_in_all_and_leaves_the_known_alone() {
        let mut admission = admission();
        let admitted =
            (0..100_000).filter(|&n| admission.admit(Instant::ZERO, host(n), 5060, Standing::Unknown)).count();
        assert_eq!(admitted, 2_000);
        assert!((0..1_000).all(|_| admission.admit(Instant::ZERO, host(7), 5060, Standing::Trunk(TrunkId(0)))));
        assert!((0..200).all(|_| admission.admit(Instant::ZERO, host(8), 5060, Standing::Registered(1))));
        assert!(!admission.admit(Instant::ZERO, host(8), 5060, Standing::Registered(1)));
        assert!(admission.admit(Instant::ZERO, host(9), 5061, Standing::Registered(1)), "flows are limited apart");
    }

    #[test]
    fn a_trunk_that_floods_leaves_the_others_theirs() {
        let mut admission = admission();
        let (ill, well) = (Standing::Trunk(TrunkId(1)), Standing::Trunk(TrunkId(0)));
        let admitted = (0..100_000).filter(|_| admission.admit(Instant::ZERO, host(1), 5060, ill)).count();
        assert_eq!((admitted, admission.counters().trunk_limited), (40_000, 60_000));
        assert!(admission.admit(Instant::ZERO, host(2), 5060, well));
        assert!(admission.admit(Instant::ZERO, host(1), 5060, Standing::Unknown));
        let later = Instant::ZERO + Duration::from_secs(1);
        let admitted = (0..100_000).filter(|_| admission.admit(later, host(1), 5060, ill)).count();
        assert_eq!(admitted, 20_000);
    }

    #[test]
    fn a_dialog_is_limited_by_itself_wherever_its_requests_come_from() {
        let mut admission = admission();
        while admission.admit(Instant::ZERO, host(1), 5060, Standing::Unknown) {}
        let admitted = (0..1_000).filter(|&n| admission.admit(Instant::ZERO, host(n), 5060, Standing::Dialog(7)));
        assert_eq!(admitted.count(), 200);
        assert_eq!(admission.counters().dialog_limited, 800);
        assert!(admission.admit(Instant::ZERO, host(1), 5060, Standing::Dialog(8)));
        assert!((0..1_000).all(|_| admission.admit(Instant::ZERO, host(1), 5060, Standing::Awaited)));
    }

    #[test]
    fn guessing_costs_more_than_asking() {
        let mut admission = admission();
        let mut guesses = 0;
        while admission.admit(Instant::ZERO, host(1), 5060, Standing::Unknown) {
            admission.failed(Instant::ZERO, host(1));
            guesses += 1;
        }
        assert!(guesses <= 20, "{guesses}");
    }

    #[test]
    fn an_ipv6_host_cannot_hide_in_its_own_network() {
        let mut admission = admission();
        let in_one_net = |n: u128| IpAddr::V6(((0x2001_0db8u128 << 96) + n).into());
        let admitted =
            (0..1_000).filter(|&n| admission.admit(Instant::ZERO, in_one_net(n), 5060, Standing::Unknown)).count();
        assert_eq!(admitted, 200);
    }
}
