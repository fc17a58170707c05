//! The other platforms of the cluster, as the inter-platform interface tells of them: which are reached, and what they have.

use crate::config::Cluster;
use crate::limits::PLATFORM_PASSED_OVER;
use router::limits::PLATFORMS;
use router::parameter::{Parameter, Platform, PlatformState};
use router::time::{Instant, WallTime};
use router::{Address, Instance, Module, ModuleKind, Outbox, Packet, PlatformId, Roll};
use std::collections::BTreeMap;

/// A platform.
#[derive(Debug)]
struct Known {
    name: String,
    /// How many names were heard before its own: of two that say they have the same one, it is the first one's.
    named: u64,
    /// How it is reached, and since when.
    state: (PlatformState, Option<PlatformId>, WallTime),
    /// Whether it can be asked where accounts are.
    has_registrar: bool,
    switches: Vec<u8>,
    /// Which of them is next.
    turn: usize,
    /// It left a question unanswered: until when it is asked no more.
    passed_over_until: Option<Instant>,
}

impl Known {
    const fn is_reached(&self) -> bool {
        matches!(self.state.0, PlatformState::Linked | PlatformState::Via)
    }
}

/// All of them. At most as many as the interface knows.
#[derive(Debug, Default)]
pub(crate) struct Platforms {
    known: BTreeMap<PlatformId, Known>,
    roll: Roll,
    /// Platforms whose way has changed, to be told to the calls.
    changed: Vec<PlatformId>,
    /// Names that were heard.
    names: u64,
}

impl Platforms {
    /// Those of a cluster that this platform is in, to be asked for at once; or none.
    pub(crate) fn new(now: Instant, cluster: Option<&Cluster>) -> Self {
        let mut platforms = Self::default();
        if cluster.is_some() {
            platforms.roll.begin(now);
        }
        platforms
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.roll.poll_timeout()
    }

    /// Asks the interface, if that is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, outbox: &mut Outbox) {
        self.roll.handle_timeout(now, outbox);
    }

    /// The interface answered. False: it is an answer to something else.
    pub(crate) fn handle_answer(&mut self, now: Instant, outbox: &mut Outbox, packet: &Packet) -> bool {
        if !self.roll.handle_answer(now, outbox, packet) {
            return false;
        }
        for parameter in &packet.parameters {
            if let Parameter::Platform(platform) = parameter {
                self.learn(platform, false);
            }
        }
        true
    }

    /// `Notify × Platform`.
    pub(crate) fn told(&mut self, now: Instant, platform: &Platform) {
        self.roll.told(now, platform);
        self.learn(platform, true);
    }

    /// The next platform whose way has changed: it, or what is between, may have lost something.
    pub(crate) fn poll_changed(&mut self) -> Option<PlatformId> {
        self.changed.pop()
    }

    /// `is_news`: something happened to it.
    fn learn(&mut self, platform: &Platform, is_news: bool) {
        if platform.state == PlatformState::Here || !platform.id.is_identity() {
            return;
        }
        let of = |kind| platform.modules.iter().filter(move |module| module.kind == kind);
        let state = (platform.state, platform.via, platform.since);
        if self.known.len() >= PLATFORMS && !self.known.contains_key(&platform.id) {
            // The interface has forgotten some.
            self.known.retain(|_, known| known.is_reached());
            if self.known.len() >= PLATFORMS {
                return;
            }
        }
        let known = self.known.entry(platform.id).or_insert_with(|| Known {
            name: String::new(),
            named: 0,
            state,
            has_registrar: false,
            switches: Vec::new(),
            turn: 0,
            passed_over_until: None,
        });
        if is_news || known.state != state {
            (known.state, known.passed_over_until) = (state, None);
            if !self.changed.contains(&platform.id) {
                self.changed.push(platform.id);
            }
        }
        if known.name != platform.name {
            known.name.clone_from(&platform.name);
            known.named = self.names;
            self.names += 1;
        }
        known.has_registrar = of(ModuleKind::Signaling).next().is_some();
        known.switches = of(ModuleKind::Switch).map(|module| module.index).collect();
    }

    /// The platforms that are asked where accounts are, and whom there.
    pub(crate) fn registrars(&self, now: Instant) -> Vec<(PlatformId, Address)> {
        let asked = self.known.iter().filter(|(_, known)| {
            let waits = known.passed_over_until.is_some_and(|until| until > now);
            known.is_reached() && known.has_registrar && !known.switches.is_empty() && !waits
        });
        asked
            .map(|(&platform, _)| {
                let module = Module::any(ModuleKind::Signaling);
                (platform, Address { platform, module, instance: Instance::MODULE })
            })
            .collect()
    }

    /// A platform did not say where an account is.
    pub(crate) fn silent(&mut self, now: Instant, platform: PlatformId) {
        if let Some(known) = self.known.get_mut(&platform) {
            tracing::debug!(platform = known.name, "it does not say where accounts are, and is passed over");
            known.passed_over_until = Some(now + PLATFORM_PASSED_OVER);
        }
    }

    /// The switch of a platform that takes the next call; `None`: it is not reached, or has none.
    pub(crate) fn switch_of(&mut self, platform: PlatformId) -> Option<Address> {
        let known = self.known.get_mut(&platform).filter(|known| known.is_reached() && !known.switches.is_empty())?;
        let index = known.switches[known.turn % known.switches.len()];
        known.turn = known.turn.wrapping_add(1);
        Some(Address { platform, ..Address::local(ModuleKind::Switch, index) })
    }

    /// The platform of that number, which its certificate proves; else that of the name: of several, one that is reached, the first that was
    /// heard to have it.
    pub(crate) fn named(&self, name: &str) -> Option<PlatformId> {
        if let Ok(number) = name.parse::<u32>() {
            return Some(PlatformId(number)).filter(|platform| self.known.contains_key(platform));
        }
        let named = self.known.iter().filter(|(_, known)| known.name == name);
        named.min_by_key(|(_, known)| (!known.is_reached(), known.named)).map(|(id, _)| *id)
    }

    /// What people call a platform.
    pub(crate) fn name(&self, platform: PlatformId) -> String {
        match self.known.get(&platform) {
            Some(known) if !known.name.is_empty() => known.name.clone(),
            _ => platform.0.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::PlatformModule;

    fn platform(id: u32, name: &str, state: PlatformState, since: i64) -> Platform {
        let module = |kind, index| PlatformModule { kind, index, load_thousandths: 0 };
        Platform {
            id: PlatformId(id),
            name: name.to_owned(),
            state,
            since: WallTime(since),
            modules: vec![
                module(ModuleKind::Signaling, 0),
                module(ModuleKind::Switch, 0),
                module(ModuleKind::Switch, 1),
            ],
            ..Platform::default()
        }
    }

    #[test]
    fn who_is_reached_is_asked_and_takes_calls_in_turn() {
        let mut platforms = Platforms::default();
        let now = Instant::from_millis(1);
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        platforms.told(now, &platform(3, "north", PlatformState::Down, 1));
        assert_eq!(platforms.registrars(now).iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [2]);
        assert_eq!(platforms.switch_of(PlatformId(3)), None);
        let mut next = || platforms.switch_of(PlatformId(2)).and_then(|address| address.module.index);
        assert_eq!([next(), next(), next()], [Some(0), Some(1), Some(0)]);
        assert_eq!(platforms.named("west"), Some(PlatformId(2)));
        assert_eq!((platforms.named("3"), platforms.named("east")), (Some(PlatformId(3)), None));
        assert_eq!((platforms.name(PlatformId(3)), platforms.name(PlatformId(9))), ("north".into(), "9".into()));
    }

    #[test]
    fn a_name_is_the_first_ones_and_a_number_nobody_elses() {
        let mut platforms = Platforms::default();
        let now = Instant::from_millis(1);
        platforms.told(now, &platform(7, "west", PlatformState::Linked, 1));
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        platforms.told(now, &platform(3, "7", PlatformState::Linked, 1));
        assert_eq!(platforms.named("west"), Some(PlatformId(7)));
        assert_eq!(platforms.named("7"), Some(PlatformId(7)));
        platforms.told(now, &platform(7, "west", PlatformState::Down, 2));
        assert_eq!(platforms.named("west"), Some(PlatformId(2)), "a machine in the place of another");
        platforms.told(now, &platform(7, "west", PlatformState::Linked, 3));
        assert_eq!(platforms.named("west"), Some(PlatformId(7)));
    }

    #[test]
    fn who_does_not_answer_is_passed_over_for_a_while_or_until_something_happens() {
        let mut platforms = Platforms::default();
        let now = Instant::from_millis(1);
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        platforms.silent(now, PlatformId(2));
        assert!(platforms.registrars(now).is_empty());
        assert_eq!(platforms.registrars(now + PLATFORM_PASSED_OVER).len(), 1);
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        assert_eq!(platforms.registrars(now).len(), 1);
    }

    #[test]
    fn a_change_is_told_once_and_what_is_the_same_is_none() {
        let mut platforms = Platforms::default();
        platforms.learn(&platform(2, "west", PlatformState::Linked, 1), false);
        assert_eq!(platforms.poll_changed(), None, "nobody has a leg there yet");
        platforms.learn(&platform(2, "west", PlatformState::Linked, 1), false);
        assert_eq!(platforms.poll_changed(), None);
        platforms.learn(&platform(2, "west", PlatformState::Linked, 7), false);
        platforms.learn(&platform(2, "west", PlatformState::Linked, 7), true);
        assert_eq!((platforms.poll_changed(), platforms.poll_changed()), (Some(PlatformId(2)), None));
    }
}
