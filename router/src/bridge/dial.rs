//! Where links are opened to: the addresses of the configuration, those of platforms that have had a link, and those that platforms tell
//! of each other. What is more certain goes first and has room of its own, so that no number of addresses that lead nowhere keeps
//! platforms apart; among equals it is whoever waits longest.

use super::LinkId;
use crate::address::PlatformId;
use crate::limits::{
    DIAL_AGAIN_MS, FORGET_S, HEARSAY_AGAIN_MS, HEARSAY_DIALLED, HEARSAY_DIALLED_OF_ANNOUNCER, HEARSAY_FORGET_S,
    LINKS_DIALLED, TARGETS,
};
use crate::random::Random;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// By whom an address is known, the most certain first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Origin {
    /// By the configuration.
    Configured,
    /// By a platform that had a link: it said hello there, or told of itself.
    Met,
    /// By a platform that told of another one, so many links away from itself.
    Hearsay(PlatformId, u8),
}

impl Origin {
    /// The less, the more certain.
    const fn class(self) -> u8 {
        match self {
            Self::Configured => 0,
            Self::Met => 1,
            Self::Hearsay(..) => 2,
        }
    }
}

/// An address that is dialled while its platform has no link.
#[derive(Debug)]
pub(crate) struct Target {
    origin: Origin,
    /// Whose it is, once that is known.
    pub(crate) platform: Option<PlatformId>,
    /// That platform said hello there.
    is_proven: bool,
    /// The link that was opened to it.
    link: Option<LinkId>,
    /// It has not said hello over that link yet.
    is_dialling: bool,
    /// It leads to this very platform.
    pub(crate) is_own: bool,
    failures: u32,
    /// When it may be dialled.
    due: Instant,
    /// When it was last told of, or had a link.
    kept: Instant,
    /// Why it was not reached when it was last dialled.
    pub(crate) last_error: Option<String>,
}

/// The addresses, each with its back-off.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    targets: BTreeMap<String, Target>,
    /// How many each platform has told of others.
    told_by: BTreeMap<PlatformId, usize>,
}

/// How much room is left for links that are being opened.
struct Room {
    met: bool,
    hearsay: bool,
    /// Links that are being opened on behalf of each announcer.
    of_announcer: BTreeMap<PlatformId, usize>,
}

impl Targets {
    /// One of the configuration: dialled at once, and for ever.
    pub(crate) fn configure(&mut self, now: Instant, address: String) {
        self.targets.insert(address, Target::new(Origin::Configured, None, now, now));
    }

    /// A linked platform told that it is reached there, and nowhere else: dialled at `due` where it has no link then.
    pub(crate) fn introduce(&mut self, now: Instant, platform: PlatformId, addresses: &[String], due: Instant) {
        self.remove(|address, target| {
            let is_former = target.origin != Origin::Configured && target.platform == Some(platform);
            is_former && target.link.is_none() && !addresses.contains(address)
        });
        for address in addresses {
            self.add(now, address, Origin::Met, platform, due);
        }
    }

    /// A linked platform told where another one is reached.
    pub(crate) fn tell(
        &mut self,
        now: Instant,
        address: &str,
        platform: PlatformId,
        by: (PlatformId, u8),
        due: Instant,
    ) {
        self.add(now, address, Origin::Hearsay(by.0, by.1), platform, due);
    }

    fn add(&mut self, now: Instant, address: &str, origin: Origin, platform: PlatformId, due: Instant) {
        let Some(target) = self.targets.get_mut(address) else {
            if self.has_room(origin) {
                self.count(origin, 1);
                self.targets.insert(address.to_owned(), Target::new(origin, Some(platform), now, due));
            }
            return;
        };
        target.kept = now;
        // Where a platform has said hello, others only say that they are there, too.
        let is_as_certain = target.origin.class() >= origin.class();
        if !target.is_proven && (is_as_certain || target.platform.is_none()) {
            target.platform = Some(platform);
        }
        let former = target.origin;
        // The nearest of those who tell of it, and the first of equals, answers for it.
        let is_nearer = match (former, origin) {
            (Origin::Hearsay(_, of), Origin::Hearsay(_, distance)) => distance < of,
            _ => origin < former,
        };
        if is_nearer {
            target.origin = origin;
            self.count(former, -1);
            self.count(origin, 1);
        }
    }

    /// Whether there is room for one more, after hearsay of whoever told most made way for it, if need be.
    fn has_room(&mut self, origin: Origin) -> bool {
        if self.targets.len() < TARGETS {
            return true;
        }
        let own = match origin {
            Origin::Hearsay(by, _) => self.told_by.get(&by).copied().unwrap_or(0) + 1,
            Origin::Configured | Origin::Met => 0,
        };
        let most = self.told_by.iter().filter(|(_, told)| **told > own).max_by_key(|(_, told)| **told);
        let Some(most) = most.map(|(by, _)| *by) else { return false };
        let of_most = |target: &&Target| matches!(target.origin, Origin::Hearsay(by, _) if by == most);
        let free = self.targets.iter().filter(|(_, target)| of_most(target) && target.link.is_none());
        let Some(worst) = free.max_by_key(|(_, target)| target.failures).map(|(address, _)| address.clone()) else {
            return false;
        };
        self.remove(|address, _| *address == worst);
        true
    }

    /// A platform said hello over the link to an address.
    pub(crate) fn met(&mut self, now: Instant, address: &str, platform: PlatformId) {
        let Some(target) = self.targets.get_mut(address) else { return };
        let former = target.origin;
        target.origin = former.min(Origin::Met);
        target.platform = Some(platform);
        target.is_proven = true;
        target.is_dialling = false;
        target.last_error = None;
        target.kept = now;
        if matches!(former, Origin::Hearsay(..)) {
            self.count(former, -1);
        }
    }

    /// A platform is no longer remembered.
    pub(crate) fn forget(&mut self, platform: PlatformId) {
        self.remove(|_, target| target.platform == Some(platform) && target.origin != Origin::Configured);
        for target in self.targets.values_mut().filter(|target| target.platform == Some(platform)) {
            target.platform = None;
            target.is_proven = false;
        }
    }

    /// Forgets what no configuration names and nobody has told of for a while: sooner where nobody was ever met.
    pub(crate) fn age(&mut self, now: Instant, is_linked: impl Fn(PlatformId) -> bool) {
        for target in self.targets.values_mut() {
            if target.link.is_some() || target.platform.is_some_and(&is_linked) {
                target.kept = now;
            }
        }
        self.remove(|_, target| {
            let age = match target.origin {
                Origin::Configured => return false,
                Origin::Met => FORGET_S,
                Origin::Hearsay(..) => HEARSAY_FORGET_S,
            };
            now.since(target.kept) > Duration::from_secs(age)
        });
    }

    /// The next address to dial now: of the configuration before those of platforms that had a link, these before hearsay; of hearsay
    /// that of who has the fewest under way, before what has failed already, before what its announcer only heard of; then what is due longest.
    pub(crate) fn poll(&self, now: Instant, is_linked: impl Fn(PlatformId) -> bool) -> Option<String> {
        let room = self.room();
        let wanted = self
            .targets
            .iter()
            .filter(|(_, target)| target.wants(&is_linked) && target.due <= now && room.is_for(target.origin));
        let order = |target: &Target| {
            let (under_way, has_failed, distance) = match target.origin {
                Origin::Configured | Origin::Met => (0, false, 0),
                Origin::Hearsay(by, distance) => {
                    (room.of_announcer.get(&by).copied().unwrap_or(0), target.failures > 0, distance)
                }
            };
            (target.origin.class(), under_way, has_failed, distance, target.due)
        };
        wanted.min_by_key(|(_, target)| order(target)).map(|(address, _)| address.clone())
    }

    /// When the next one is due.
    pub(crate) fn next(&self, is_linked: impl Fn(PlatformId) -> bool) -> Option<Instant> {
        let room = self.room();
        let wanted = self.targets.values().filter(|target| target.wants(&is_linked) && room.is_for(target.origin));
        wanted.map(|target| target.due).min()
    }

    /// A link is being opened to an address.
    pub(crate) fn dialled(&mut self, address: &str, link: LinkId) {
        if let Some(target) = self.targets.get_mut(address) {
            target.link = Some(link);
            target.is_dialling = true;
        }
    }

    /// The link to an address failed or ended: it is dialled again after a pause that doubles each time, with jitter. Whose address it is.
    pub(crate) fn failed(
        &mut self,
        now: Instant,
        address: &str,
        error: Option<String>,
        random: &mut Random,
    ) -> Option<PlatformId> {
        let target = self.targets.get_mut(address)?;
        target.link = None;
        target.is_dialling = false;
        if error.is_some() {
            target.last_error = error;
        }
        let longest = match target.origin {
            Origin::Configured | Origin::Met => *DIAL_AGAIN_MS.end(),
            Origin::Hearsay(..) => HEARSAY_AGAIN_MS,
        };
        let pause = (DIAL_AGAIN_MS.start() << target.failures.min(16)).min(longest);
        target.failures = target.failures.saturating_add(1);
        target.due = now + Duration::from_millis(pause / 2 + random.below(pause / 2 + 1));
        target.platform
    }

    /// A link to the address lasted: the next failure is the first one again.
    pub(crate) fn settled(&mut self, address: &str) {
        if let Some(target) = self.targets.get_mut(address) {
            target.failures = 0;
        }
    }

    /// The target of an address.
    pub(crate) fn get_mut(&mut self, address: &str) -> Option<&mut Target> {
        self.targets.get_mut(address)
    }

    /// All, in the order of their addresses.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Target)> {
        self.targets.iter()
    }

    /// Whether the configuration names an address of that platform.
    pub(crate) fn is_configured(&self, platform: PlatformId) -> bool {
        self.targets.values().any(|target| target.is_configured() && target.platform == Some(platform))
    }

    fn room(&self) -> Room {
        let mut of_announcer = BTreeMap::new();
        let mut met = 0;
        for target in self.targets.values().filter(|target| target.is_dialling) {
            match target.origin {
                Origin::Configured => {}
                Origin::Met => met += 1,
                Origin::Hearsay(by, _) => *of_announcer.entry(by).or_insert(0) += 1,
            }
        }
        let hearsay = of_announcer.values().sum::<usize>();
        Room { met: met + hearsay < LINKS_DIALLED, hearsay: hearsay < HEARSAY_DIALLED, of_announcer }
    }

    fn remove(&mut self, which: impl Fn(&String, &Target) -> bool) {
        let told_by = &mut self.told_by;
        self.targets.retain(|address, target| {
            let goes = which(address, target);
            if let (true, Origin::Hearsay(by, _)) = (goes, target.origin) {
                count(told_by, by, -1);
            }
            !goes
        });
    }

    fn count(&mut self, origin: Origin, more: isize) {
        if let Origin::Hearsay(by, _) = origin {
            count(&mut self.told_by, by, more);
        }
    }
}

fn count(told_by: &mut BTreeMap<PlatformId, usize>, by: PlatformId, more: isize) {
    let told = told_by.entry(by).or_default();
    *told = told.saturating_add_signed(more);
    if *told == 0 {
        told_by.remove(&by);
    }
}

impl Room {
    fn is_for(&self, origin: Origin) -> bool {
        match origin {
            Origin::Configured => true,
            Origin::Met => self.met,
            Origin::Hearsay(by, _) => {
                let of_announcer = self.of_announcer.get(&by).copied().unwrap_or(0);
                self.met && self.hearsay && of_announcer < HEARSAY_DIALLED_OF_ANNOUNCER
            }
        }
    }
}

impl Target {
    fn new(origin: Origin, platform: Option<PlatformId>, now: Instant, due: Instant) -> Self {
        Self {
            origin,
            platform,
            is_proven: false,
            link: None,
            is_dialling: false,
            is_own: false,
            failures: 0,
            due,
            kept: now,
            last_error: None,
        }
    }

    /// Whether the configuration names it.
    pub(crate) fn is_configured(&self) -> bool {
        self.origin == Origin::Configured
    }

    fn wants(&self, is_linked: impl Fn(PlatformId) -> bool) -> bool {
        // That a platform says that an address of the configuration is its own proves nothing.
        let is_there = (self.is_proven || !self.is_configured()) && self.platform.is_some_and(is_linked);
        self.link.is_none() && !self.is_own && !is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    const NOBODY: fn(PlatformId) -> bool = |_| false;
    const A: PlatformId = PlatformId(2);
    const B: PlatformId = PlatformId(3);

    fn at(second: u64) -> Instant {
        Instant::from_millis(second * 1_000)
    }

    fn ghosts(count: usize) -> impl Iterator<Item = (String, PlatformId)> {
        (0..count).map(|ghost| (format!("192.0.2.{}:{ghost}", ghost % 250), PlatformId(1_000 + ghost as u32 / 4)))
    }

    /// Dials all that is due.
    fn dial(targets: &mut Targets, now: Instant, is_linked: impl Fn(PlatformId) -> bool) -> Vec<String> {
        let next = || targets.poll(now, &is_linked).inspect(|address| targets.dialled(address, LinkId(9)));
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn the_pause_doubles_up_to_its_bound_and_has_jitter() {
        for (is_configured, longest) in [(true, *DIAL_AGAIN_MS.end()), (false, HEARSAY_AGAIN_MS)] {
            let mut targets = Targets::default();
            let mut random = Random::from_seed(1);
            match is_configured {
                true => targets.configure(Instant::ZERO, "b:1".to_owned()),
                false => targets.tell(Instant::ZERO, "b:1", B, (A, 1), Instant::ZERO),
            }
            assert_eq!(targets.poll(Instant::ZERO, NOBODY).as_deref(), Some("b:1"));
            let mut expected = *DIAL_AGAIN_MS.start();
            let mut jittered = 0;
            for _ in 0..16 {
                targets.failed(Instant::ZERO, "b:1", None, &mut random);
                let pause = targets.next(NOBODY).unwrap().since(Instant::ZERO).as_millis() as u64;
                assert!((expected / 2..=expected).contains(&pause), "{pause} of {expected}");
                jittered += u64::from(pause != expected);
                expected = (expected * 2).min(longest);
            }
            assert!(jittered > 10 && expected == longest);
            targets.settled("b:1");
            targets.failed(Instant::ZERO, "b:1", None, &mut random);
            assert!(targets.next(NOBODY).unwrap() <= Instant::from_millis(*DIAL_AGAIN_MS.start()));
        }
    }

    #[test]
    fn what_is_linked_is_not_dialled() {
        let mut targets = Targets::default();
        targets.tell(at(0), "b:1", B, (A, 1), at(0));
        assert!(targets.poll(at(0), |platform| platform == B).is_none());
        assert!(targets.poll(at(0), NOBODY).is_some());
        targets.forget(B);
        assert!(targets.poll(at(0), NOBODY).is_none() && targets.told_by.is_empty());
    }

    #[test]
    fn who_waits_longest_is_first_and_who_was_met_before_hearsay() {
        let mut targets = Targets::default();
        targets.tell(at(0), "a:1", PlatformId(9), (A, 1), at(1));
        targets.introduce(at(0), PlatformId(5), &["d:1".to_owned()], at(4));
        targets.introduce(at(0), PlatformId(4), &["e:1".to_owned()], at(3));
        targets.tell(at(0), "b:1", PlatformId(8), (A, 1), at(0));
        targets.configure(at(5), "f:1".to_owned());
        assert_eq!(dial(&mut targets, at(6), NOBODY), ["f:1", "e:1", "d:1", "b:1", "a:1"]);
    }

    #[test]
    fn addresses_that_lead_nowhere_keep_nobody_who_was_met_waiting() {
        let mut targets = Targets::default();
        for (address, platform) in ghosts(TARGETS - 2) {
            targets.tell(at(0), &address, platform, (A, 1), at(0));
        }
        targets.introduce(at(0), B, &["z:1".to_owned()], at(0));
        let mut dialled = 0;
        let mut under_way: VecDeque<(u64, String)> = VecDeque::new();
        for second in 0..3_600 {
            let now = at(second);
            // Nobody answers within five seconds.
            while under_way.front().is_some_and(|(since, _)| since + 5 <= second)
                && let Some((_, address)) = under_way.pop_front()
            {
                targets.failed(now, &address, None, &mut Random::from_seed(second));
            }
            let of_now = dial(&mut targets, now, |platform| second < 1_000 && platform == B);
            dialled += of_now.len();
            assert!(targets.room().of_announcer.values().sum::<usize>() <= HEARSAY_DIALLED_OF_ANNOUNCER);
            // The link is lost, and back at the next attempt.
            assert_eq!(of_now.contains(&"z:1".to_owned()), second == 1_000);
            if second == 1_000 {
                targets.met(now, "z:1", B);
            }
            let ghosts = of_now.into_iter().filter(|address| address != "z:1");
            under_way.extend(ghosts.map(|address| (second, address)));
        }
        let each = dialled / TARGETS;
        assert!((3..40).contains(&each), "{each} attempts of each in an hour");
    }

    #[test]
    fn who_tells_of_many_leaves_others_their_turn() {
        let mut targets = Targets::default();
        for (address, platform) in ghosts(500) {
            targets.tell(at(0), &address, platform, (A, 1), at(0));
        }
        dial(&mut targets, at(1), NOBODY);
        // The same through another one, who is honest and has merely heard of them; and one that it is linked with.
        for (address, platform) in ghosts(500) {
            targets.tell(at(2), &address, platform, (B, 2), at(2));
        }
        targets.tell(at(2), "z:1", PlatformId(7), (B, 1), at(3));
        assert_eq!(dial(&mut targets, at(3), NOBODY), ["z:1"]);
        assert_eq!(targets.told_by, BTreeMap::from([(A, 500), (B, 1)]));
    }

    #[test]
    fn hearsay_has_a_share_of_the_room_and_makes_way() {
        let mut targets = Targets::default();
        let told = |targets: &Targets, by| targets.told_by.get(&by).copied().unwrap_or(0);
        for (address, platform) in ghosts(2 * TARGETS) {
            targets.tell(at(0), &address, platform, (A, 1), at(0));
        }
        assert_eq!((targets.targets.len(), told(&targets, A)), (TARGETS, TARGETS));
        targets.introduce(at(0), B, &["z:1".to_owned()], at(0));
        for port in 0..TARGETS {
            targets.tell(at(0), &format!("y:{port}"), PlatformId(5), (B, 1), at(0));
        }
        assert!(told(&targets, A).abs_diff(told(&targets, B)) <= 2, "{:?}", targets.told_by);
        assert_eq!(targets.targets.len(), TARGETS);
        assert!(targets.targets.contains_key("z:1"));
    }

    #[test]
    fn hearsay_is_forgotten_before_who_was_met_and_the_configuration_never() {
        let mut targets = Targets::default();
        targets.configure(at(0), "a:1".to_owned());
        targets.introduce(at(0), B, &["b:1".to_owned()], at(0));
        targets.tell(at(0), "c:1", PlatformId(9), (A, 1), at(0));
        let left = |targets: &Targets| targets.iter().map(|(address, _)| address.clone()).collect::<Vec<_>>();
        targets.age(at(HEARSAY_FORGET_S), NOBODY);
        assert_eq!(left(&targets), ["a:1", "b:1", "c:1"]);
        targets.age(at(HEARSAY_FORGET_S + 1), |platform| platform == B);
        assert_eq!(left(&targets), ["a:1", "b:1"]);
        // It was linked until then.
        targets.age(at(HEARSAY_FORGET_S + 1 + FORGET_S), NOBODY);
        assert_eq!(left(&targets), ["a:1", "b:1"]);
        targets.age(at(HEARSAY_FORGET_S + 2 + FORGET_S), NOBODY);
        assert_eq!(left(&targets), ["a:1"]);
    }

    #[test]
    fn nobody_takes_an_address_by_saying_that_it_is_his() {
        let mut targets = Targets::default();
        let address = || ["a:1".to_owned()];
        targets.configure(at(0), "a:1".to_owned());
        // Not even for as long as he is linked himself.
        targets.introduce(at(0), B, &address(), at(0));
        assert_eq!(dial(&mut targets, at(0), |platform| platform == B), ["a:1"]);
        targets.met(at(0), "a:1", A);
        targets.introduce(at(0), B, &address(), at(0));
        targets.tell(at(0), "a:1", B, (B, 1), at(0));
        assert_eq!(targets.iter().next().unwrap().1.platform, Some(A));
        targets.failed(at(0), "a:1", None, &mut Random::from_seed(1));
        assert_eq!(dial(&mut targets, at(9), |platform| platform == B), ["a:1"]);
        // Where a platform was reached, and says that it is no more.
        targets.introduce(at(0), PlatformId(7), &["c:1".to_owned(), "d:1".to_owned()], at(0));
        targets.introduce(at(0), PlatformId(7), &["d:1".to_owned()], at(0));
        assert_eq!(targets.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(), ["a:1", "d:1"]);
    }
}
