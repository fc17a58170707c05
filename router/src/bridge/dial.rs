//! Where links are opened to: the addresses of the configuration, and those that platforms tell of themselves.

use super::LinkId;
use crate::address::PlatformId;
use crate::limits::{ADDRESSES, DIAL_AGAIN_MS, PLATFORMS};
use crate::random::Random;
use crate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// An address that is dialled while its platform has no link.
#[derive(Debug)]
pub(crate) struct Target {
    /// Whether the configuration names it.
    pub(crate) is_configured: bool,
    /// Whose it is, once that is known.
    pub(crate) platform: Option<PlatformId>,
    /// The link that was opened to it.
    pub(crate) link: Option<LinkId>,
    /// It leads to this very platform.
    pub(crate) is_own: bool,
    failures: u32,
    /// When it may be dialled.
    pub(crate) due: Instant,
    /// Why it was not reached when it was last dialled.
    pub(crate) last_error: Option<String>,
}

/// The addresses, each with its back-off.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    targets: BTreeMap<String, Target>,
}

impl Targets {
    /// One of the configuration: dialled at once, and for ever.
    pub(crate) fn configure(&mut self, now: Instant, address: String) {
        self.targets.insert(address, Target::new(true, None, now));
    }

    /// One that a platform told of itself, to be dialled at `due`.
    pub(crate) fn learn(&mut self, address: &str, platform: PlatformId, due: Instant) {
        if let Some(target) = self.targets.get_mut(address) {
            target.platform = Some(platform);
        } else if self.targets.len() < PLATFORMS * ADDRESSES {
            self.targets.insert(address.to_owned(), Target::new(false, Some(platform), due));
        }
    }

    /// A platform is no longer remembered.
    pub(crate) fn forget(&mut self, platform: PlatformId) {
        self.targets.retain(|_, target| target.is_configured || target.platform != Some(platform));
        for target in self.targets.values_mut().filter(|target| target.platform == Some(platform)) {
            target.platform = None;
        }
    }

    /// An address that is due and whose platform is not linked; one of the configuration alone where there is no room for `others`.
    pub(crate) fn poll(&self, now: Instant, is_linked: impl Fn(PlatformId) -> bool, others: bool) -> Option<String> {
        let wants = |target: &Target| target.wants(&is_linked) && target.due <= now && (others || target.is_configured);
        self.targets.iter().find(|(_, target)| wants(target)).map(|(address, _)| address.clone())
    }

    /// When the next one is due.
    pub(crate) fn next(&self, is_linked: impl Fn(PlatformId) -> bool, others: bool) -> Option<Instant> {
        let wants = |target: &&Target| target.wants(&is_linked) && (others || target.is_configured);
        self.targets.values().filter(wants).map(|target| target.due).min()
    }

    /// The link to an address failed or ended: it is dialled again after a pause that doubles each time, with jitter.
    pub(crate) fn failed(&mut self, now: Instant, address: &str, error: Option<String>, random: &mut Random) {
        let Some(target) = self.targets.get_mut(address) else { return };
        target.link = None;
        if error.is_some() {
            target.last_error = error;
        }
        let pause = DIAL_AGAIN_MS.start() << target.failures.min(16);
        let pause = pause.min(*DIAL_AGAIN_MS.end());
        target.failures += 1;
        target.due = now + Duration::from_millis(pause / 2 + random.below(pause / 2 + 1));
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
}

impl Target {
    fn new(is_configured: bool, platform: Option<PlatformId>, due: Instant) -> Self {
        Self { is_configured, platform, link: None, is_own: false, failures: 0, due, last_error: None }
    }

    fn wants(&self, is_linked: impl Fn(PlatformId) -> bool) -> bool {
        self.link.is_none() && !self.is_own && !self.platform.is_some_and(is_linked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_bound_and_has_jitter() {
        let mut targets = Targets::default();
        let mut random = Random::from_seed(1);
        targets.configure(Instant::ZERO, "b:1".to_owned());
        assert_eq!(targets.poll(Instant::ZERO, |_| false, true).as_deref(), Some("b:1"));
        let mut expected = *DIAL_AGAIN_MS.start();
        let mut jittered = 0;
        for _ in 0..12 {
            targets.failed(Instant::ZERO, "b:1", None, &mut random);
            let pause = targets.next(|_| false, true).unwrap().since(Instant::ZERO).as_millis() as u64;
            assert!((expected / 2..=expected).contains(&pause), "{pause} of {expected}");
            jittered += u64::from(pause != expected);
            expected = (expected * 2).min(*DIAL_AGAIN_MS.end());
        }
        assert!(jittered > 8);
        targets.settled("b:1");
        targets.failed(Instant::ZERO, "b:1", None, &mut random);
        assert!(targets.next(|_| false, true).unwrap() <= Instant::from_millis(*DIAL_AGAIN_MS.start()));
    }

    #[test]
    fn what_is_linked_is_not_dialled() {
        let mut targets = Targets::default();
        targets.learn("b:1", PlatformId(2), Instant::ZERO);
        assert!(targets.poll(Instant::ZERO, |platform| platform == PlatformId(2), true).is_none());
        assert!(targets.poll(Instant::ZERO, |_| false, true).is_some());
        targets.forget(PlatformId(2));
        assert!(targets.poll(Instant::ZERO, |_| false, true).is_none());
    }

    #[test]
    fn without_room_the_configuration_goes_on() {
        let mut targets = Targets::default();
        targets.learn("a:1", PlatformId(2), Instant::ZERO);
        assert_eq!((targets.poll(Instant::ZERO, |_| false, false), targets.next(|_| false, false)), (None, None));
        targets.configure(Instant::ZERO, "b:1".to_owned());
        assert_eq!(targets.poll(Instant::ZERO, |_| false, false).as_deref(), Some("b:1"));
    }
}
