//! The other platforms of the cluster, as the inter-platform interface tells of them: which are reached, and what they have.

use crate::config::Cluster;
use crate::limits::{
    GHOST_ASKED_FOR, GHOST_PASSED_OVER_MAX, GHOSTS_ASKED, LOCATE_WITHIN, PLATFORM_AWAY, PLATFORM_PASSED_OVER,
};
use crate::whereabouts::Whereabouts;
use router::bridge::may_be_called;
use router::limits::PLATFORMS;
use router::parameter::{Parameter, Platform, PlatformState};
use router::time::{Duration, Instant, WallTime};
use router::{Address, Instance, Module, ModuleKind, Outbox, Packet, PlatformId, Random, Roll};
use std::collections::BTreeMap;

/// A platform.
#[derive(Debug)]
struct Known {
    name: String,
    /// How many names were heard before its own: of two that say they have the same one, it is the first one's.
    named: u64,
    /// Whether it has said so itself, over a link of its own.
    is_met: bool,
    /// How it is reached, and since when.
    state: (PlatformState, Option<PlatformId>, WallTime),
    /// Whether it can be asked where accounts are.
    has_registrar: bool,
    switches: Vec<u8>,
    /// Which of them is next.
    turn: usize,
    /// It left a question unanswered: until when it is asked no more.
    passed_over_until: Option<Instant>,
    /// Whether it has answered the last question that it was given time for.
    has_answered: bool,
    /// How often it has not since it last did.
    silences: u32,
    /// Since when a first question waits for its answer, of which nothing else is known.
    asked_since: Option<Instant>,
    /// Since when it does not say where accounts are: it is not reached, or silent.
    away_since: Option<Instant>,
}

impl Known {
    const fn is_reached(&self) -> bool {
        matches!(self.state.0, PlatformState::Linked | PlatformState::Via)
    }

    /// Whether nothing but another platform's word says that it exists.
    fn is_ghost(&self) -> bool {
        self.state.0 == PlatformState::Via && !self.has_answered
    }

    /// Whether accounts can be there, and calls go there.
    fn has_users(&self) -> bool {
        self.has_registrar && !self.switches.is_empty()
    }
}

/// All of them. At most as many as the interface knows.
#[derive(Debug)]
pub(crate) struct Platforms {
    known: BTreeMap<PlatformId, Known>,
    roll: Roll,
    /// When they were first asked for; `None`: the platform is alone.
    began: Option<Instant>,
    /// Whether an address of the configuration has not told yet whose it is.
    has_unmet: bool,
    whereabouts: Whereabouts,
    /// Platforms whose way has changed, to be told to the calls.
    changed: Vec<PlatformId>,
    /// Names that were heard.
    names: u64,
    /// The name of this platform.
    own: String,
}

impl Platforms {
    /// Those of a cluster that this platform is in, to be asked for at once; or none.
    pub(crate) fn new(now: Instant, cluster: Option<&Cluster>, random: &mut Random) -> Self {
        let mut roll = Roll::default();
        if cluster.is_some() {
            roll.begin(now);
        }
        Self {
            known: BTreeMap::new(),
            roll,
            began: cluster.map(|_| now),
            has_unmet: false,
            whereabouts: Whereabouts::new(random),
            changed: Vec::new(),
            names: 0,
            own: cluster.map_or_else(String::new, |cluster| cluster.name.clone()),
        }
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
        let mut has_unmet = false;
        for parameter in &packet.parameters {
            match parameter {
                Parameter::Platform(platform) if platform.id.is_identity() => self.learn(now, platform, false),
                Parameter::Platform(_) => has_unmet = true,
                // The last page of all has the addresses that nobody was met at.
                Parameter::Selection(selection) if selection.cursor.is_none() => self.has_unmet = has_unmet,
                _ => {}
            }
        }
        if let Some(named) = self.roll.take_named() {
            self.known.retain(|platform, known| known.is_reached() || named.contains(platform));
        }
        true
    }

    /// `Notify × Platform`.
    pub(crate) fn told(&mut self, now: Instant, platform: &Platform) {
        self.roll.told(now, platform);
        self.learn(now, platform, true);
        if self.has_unmet {
            // It may have been met there.
            self.roll.hurry(now);
        }
    }

    /// The next platform whose way has changed: it, or what is between, may have lost something.
    pub(crate) fn poll_changed(&mut self) -> Option<PlatformId> {
        self.changed.pop()
    }

    /// `is_news`: something happened to it.
    fn learn(&mut self, now: Instant, platform: &Platform, is_news: bool) {
        if platform.state == PlatformState::Here || !platform.id.is_identity() {
            return;
        }
        if platform.is_forgotten() {
            // Nobody is away any more, and nothing is its own; who has a leg there hears that it is down.
            if self.known.remove(&platform.id).is_some() && !self.changed.contains(&platform.id) {
                self.changed.push(platform.id);
            }
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
            is_met: false,
            state,
            has_registrar: false,
            switches: Vec::new(),
            turn: 0,
            passed_over_until: None,
            has_answered: false,
            silences: 0,
            asked_since: None,
            away_since: None,
        });
        if is_news || known.state != state {
            known.state = state;
            // That one tells of it again makes a ghost no more real.
            if known.state.0 == PlatformState::Linked || known.has_answered {
                known.passed_over_until = None;
            }
            if known.is_reached() {
                known.away_since = None;
            }
            if !self.changed.contains(&platform.id) {
                self.changed.push(platform.id);
            }
        }
        let is_linked = platform.state == PlatformState::Linked;
        if known.name != platform.name && (is_linked || !known.is_met) {
            known.name.clone_from(&platform.name);
            known.named = self.names;
            self.names += 1;
        }
        known.is_met |= is_linked;
        if !known.is_reached() {
            known.away_since.get_or_insert(now);
        }
        known.has_registrar = of(ModuleKind::Signaling).next().is_some();
        known.switches = of(ModuleKind::Switch).map(|module| module.index).collect();
    }

    /// The platforms that are asked where accounts are, and whom there. Of those of which it is not known whether they exist a few at once, and none for
    /// longer than it takes to answer; the others may have what is asked for, and count as away until they are.
    pub(crate) fn registrars(&mut self, now: Instant) -> Vec<(PlatformId, Address)> {
        let mut ghosts = 0;
        let asked = self.known.iter_mut().filter_map(|(&platform, known)| {
            let waits = known.passed_over_until.is_some_and(|until| until > now);
            if !known.is_reached() || !known.has_users() || waits {
                return None;
            }
            if known.is_ghost() {
                let asked = known.asked_since.filter(|since| now.since(*since) < LOCATE_WITHIN);
                if ghosts >= GHOSTS_ASKED || asked.is_some_and(|since| now.since(since) >= GHOST_ASKED_FOR) {
                    known.away_since.get_or_insert(now);
                    return None;
                }
                ghosts += 1;
                known.asked_since = Some(asked.unwrap_or(now));
            }
            let module = Module::any(ModuleKind::Signaling);
            Some((platform, Address { platform, module, instance: Instance::MODULE }))
        });
        asked.collect()
    }

    /// A platform has said whether it has an account.
    pub(crate) fn told_of(&mut self, now: Instant, platform: PlatformId, account: &str, has: bool) {
        self.whereabouts.note(now, platform, account, has);
        if let Some(known) = self.known.get_mut(&platform) {
            known.away_since = None;
        }
        self.answered(platform);
    }

    /// A platform has answered what it was asked: it exists.
    pub(crate) fn answered(&mut self, platform: PlatformId) {
        if let Some(known) = self.known.get_mut(&platform) {
            (known.has_answered, known.silences, known.passed_over_until, known.asked_since) = (true, 0, None, None);
        }
    }

    /// A platform could not be asked for an account. Whether that may be its own.
    pub(crate) fn not_told_of(&mut self, now: Instant, platform: PlatformId, account: &str) -> bool {
        let since = match self.known.get_mut(&platform) {
            Some(known) => *known.away_since.get_or_insert(now),
            None => now,
        };
        may_have(&mut self.whereabouts, now, (platform, since), account)
    }

    /// Whether an account may be of a platform that cannot be asked now; or of one that has not been met yet since the start.
    pub(crate) fn is_maybe_away(&mut self, now: Instant, account: &str) -> bool {
        let begins = self.began.is_some_and(|began| now.since(began) < PLATFORM_AWAY);
        if begins && (self.has_unmet || !self.roll.is_known()) {
            return true;
        }
        let Self { known, whereabouts, .. } = self;
        known.iter().any(|(&platform, known)| {
            known.has_users()
                && known.away_since.is_some_and(|since| may_have(whereabouts, now, (platform, since), account))
        })
    }

    /// A platform left a question unanswered.
    pub(crate) fn silent(&mut self, now: Instant, platform: PlatformId) {
        if let Some(known) = self.known.get_mut(&platform) {
            tracing::debug!(platform = known.name, "it does not say where accounts are, and is passed over");
            let is_ghost = known.state.0 != PlatformState::Linked;
            let pause = match is_ghost {
                // Questions of the same moment count once.
                _ if known.passed_over_until.is_some_and(|until| until > now) => Duration::ZERO,
                true => PLATFORM_PASSED_OVER.saturating_mul(1 << known.silences.min(10)).min(GHOST_PASSED_OVER_MAX),
                false => PLATFORM_PASSED_OVER,
            };
            if !pause.is_zero() {
                known.passed_over_until = Some(now + pause);
                known.silences = known.silences.saturating_add(1);
            }
            (known.has_answered, known.asked_since) = (false, None);
            known.away_since.get_or_insert(now);
        }
    }

    /// The switch of a platform that takes the next call; `None`: it is not reached, or has none.
    pub(crate) fn switch_of(&mut self, platform: PlatformId) -> Option<Address> {
        let known = self.known.get_mut(&platform).filter(|known| known.is_reached() && !known.switches.is_empty())?;
        let index = known.switches[known.turn % known.switches.len()];
        known.turn = known.turn.wrapping_add(1);
        Some(Address { platform, ..Address::local(ModuleKind::Switch, index) })
    }

    /// Whether a platform is for certain the one of that number and name: it has a link of its own.
    pub(crate) fn is_proven(&self, platform: PlatformId) -> bool {
        self.known.get(&platform).is_some_and(|known| known.state.0 == PlatformState::Linked)
    }

    /// The platform of that number, which its certificate proves; else that of the name: of several, one that has said so itself, one that is
    /// reached, the first that was heard to have it.
    pub(crate) fn named(&self, name: &str) -> Option<PlatformId> {
        if let Ok(number) = name.parse::<u32>() {
            return Some(PlatformId(number)).filter(|platform| self.known.contains_key(platform));
        }
        let named = self.known.iter().filter(|(_, known)| known.name == name);
        let named = named.filter(|(id, _)| may_be_called(**id, name));
        named.min_by_key(|(_, known)| (!known.is_met, !known.is_reached(), known.named)).map(|(id, _)| *id)
    }

    /// What people call a platform: its name, where that means this one.
    pub(crate) fn name(&self, platform: PlatformId) -> String {
        match self.known.get(&platform) {
            Some(known) if known.name != self.own && self.named(&known.name) == Some(platform) => known.name.clone(),
            _ => platform.0.to_string(),
        }
    }
}

/// Whether an account may be a platform's that is away since then: it has said so itself, or was not asked for it and may soon be back.
fn may_have(
    whereabouts: &mut Whereabouts,
    now: Instant,
    (platform, since): (PlatformId, Instant),
    account: &str,
) -> bool {
    whereabouts.said(now, platform, account).unwrap_or_else(|| now.since(since) < PLATFORM_AWAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::{PlatformModule, Selection};

    /// Those of a cluster, of which everything is known.
    fn platforms(now: Instant) -> Platforms {
        let cluster = Cluster::new(PlatformId(1), "east");
        let mut platforms = Platforms::new(now, Some(&cluster), &mut Random::from_seed(1));
        let mut outbox = Outbox::new(Address::local(ModuleKind::Switch, 0));
        listed(&mut platforms, now, &mut outbox, &[]);
        platforms
    }

    /// The interface says what platforms there are.
    fn listed(platforms: &mut Platforms, now: Instant, outbox: &mut Outbox, all: &[Platform]) {
        platforms.handle_timeout(now, outbox);
        while let Some(asked) = outbox.poll_transmit() {
            let mut page: router::Parameters = all.iter().cloned().map(Parameter::from).collect();
            page.push(Selection::default().into());
            let page = if asked.command == router::Command::Query { page } else { router::Parameters::new() };
            assert!(platforms.handle_answer(now, outbox, &asked.answer(router::Command::Done, page)));
        }
    }

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
        let now = Instant::from_millis(1);
        let mut platforms = platforms(now);
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
        let now = Instant::from_millis(1);
        let mut platforms = platforms(now);
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
    fn who_is_merely_told_of_is_nobody_that_a_plan_means() {
        let now = Instant::from_millis(1);
        let mut platforms = platforms(now);
        for (id, name) in [(77, "west"), (78, "3"), (79, "east"), (80, "platform-3")] {
            platforms.told(now, &platform(id, name, PlatformState::Via, 1));
        }
        assert_eq!(platforms.name(PlatformId(77)), "west");
        assert!(!platforms.is_proven(PlatformId(77)), "another one says so");
        let names = [78, 79, 80].map(|id| platforms.name(PlatformId(id)));
        assert_eq!(names, ["78", "79", "80"], "a number's, the own, a number's");
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        assert_eq!(platforms.named("west"), Some(PlatformId(2)), "who has said so itself");
        assert_eq!((platforms.name(PlatformId(2)), platforms.name(PlatformId(77))), ("west".into(), "77".into()));
        assert!(platforms.is_proven(PlatformId(2)));
        platforms.told(now, &platform(2, "north", PlatformState::Via, 2));
        assert_eq!((platforms.name(PlatformId(2)), platforms.is_proven(PlatformId(2))), ("west".into(), false));
    }

    #[test]
    fn who_does_not_answer_is_passed_over_for_a_while_or_until_something_happens() {
        let now = Instant::from_millis(1);
        let mut platforms = platforms(now);
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        platforms.silent(now, PlatformId(2));
        assert!(platforms.registrars(now).is_empty());
        assert_eq!(platforms.registrars(now + PLATFORM_PASSED_OVER).len(), 1);
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        assert_eq!(platforms.registrars(now).len(), 1);
    }

    #[test]
    fn platforms_that_are_merely_told_of_cost_little_where_they_do_not_exist() {
        let start = Instant::from_millis(1);
        let mut platforms = platforms(start);
        platforms.told(start, &platform(2, "west", PlatformState::Linked, 1));
        // One that is real has no link either.
        platforms.told(start, &platform(3, "north", PlatformState::Via, 1));
        platforms.told_of(start, PlatformId(3), "zita", true);
        let mut asked = 0;
        for second in 0..60 {
            // Its list is another one each time.
            let now = start + Duration::from_secs(second);
            for state in [PlatformState::Down, PlatformState::Via] {
                let ghosts = 100..100 + PLATFORMS as u32 - 6;
                ghosts.for_each(|id| platforms.told(now, &platform(id, "", state, second as i64)));
            }
            // Fifty calls a second, of which nobody waits for the other.
            for call in 0..50 {
                let now = now + Duration::from_millis(call);
                let registrars = platforms.registrars(now);
                let ghosts: Vec<_> = registrars.iter().map(|(id, _)| *id).filter(|id| id.0 >= 100).collect();
                assert!(registrars.len() == ghosts.len() + 2 && ghosts.len() <= GHOSTS_ASKED, "{}", ghosts.len());
                asked += ghosts.len();
                ghosts.iter().for_each(|ghost| platforms.silent(now + LOCATE_WITHIN, *ghost));
            }
        }
        // Each 5, 15, 35 seconds after the first time.
        assert_eq!(asked, 4 * (PLATFORMS - 6));
        // The first one is real after all.
        let later = start + Duration::from_secs(600);
        let first = platforms.registrars(later).iter().map(|(id, _)| *id).find(|id| id.0 >= 100).unwrap();
        let is_asked = |platforms: &mut Platforms, now: Instant| {
            let registrars = platforms.registrars(now);
            registrars.iter().any(|(id, _)| *id == first)
        };
        assert!(is_asked(&mut platforms, later), "another call of that moment asks it, too");
        let soon = later + GHOST_ASKED_FOR;
        assert!(!is_asked(&mut platforms, soon), "a later one does not wait for it");
        platforms.answered(first);
        assert!(is_asked(&mut platforms, soon) && is_asked(&mut platforms, soon + GHOST_ASKED_FOR));
    }

    #[test]
    fn a_change_is_told_once_and_what_is_the_same_is_none() {
        let now = Instant::from_millis(1);
        let mut platforms = platforms(now);
        platforms.learn(now, &platform(2, "west", PlatformState::Linked, 1), false);
        assert_eq!(platforms.poll_changed(), None, "nobody has a leg there yet");
        platforms.learn(now, &platform(2, "west", PlatformState::Linked, 1), false);
        assert_eq!(platforms.poll_changed(), None);
        platforms.learn(now, &platform(2, "west", PlatformState::Linked, 7), false);
        platforms.learn(now, &platform(2, "west", PlatformState::Linked, 7), true);
        assert_eq!((platforms.poll_changed(), platforms.poll_changed()), (Some(PlatformId(2)), None));
    }

    #[test]
    fn who_is_away_may_have_what_it_had_and_for_a_while_anything() {
        let now = Instant::from_millis(1);
        let mut platforms = platforms(now);
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        platforms.told_of(now, PlatformId(2), "zita", true);
        platforms.told_of(now, PlatformId(2), "4930", false);
        assert!(
            ["zita", "4930", "yan"].iter().all(|account| !platforms.is_maybe_away(now, account)),
            "it can be asked"
        );
        platforms.told(now, &platform(2, "west", PlatformState::Down, 2));
        let away = |platforms: &mut Platforms, after: Duration| {
            ["zita", "4930", "yan"].map(|account| platforms.is_maybe_away(now + after, account))
        };
        assert_eq!(away(&mut platforms, Duration::ZERO), [true, false, true]);
        // That it is said to be down once more makes it no younger.
        platforms.told(now + Duration::from_secs(100), &platform(2, "west", PlatformState::Down, 2));
        assert_eq!(away(&mut platforms, PLATFORM_AWAY), [true, false, false]);
        assert_eq!(away(&mut platforms, Duration::from_secs(2 * 86_400)), [false; 3], "not for ever");
        platforms.told(now, &platform(2, "west", PlatformState::Via, 3));
        assert_eq!(away(&mut platforms, Duration::ZERO), [false; 3]);
    }

    #[test]
    fn who_is_forgotten_has_nothing_of_its_own() {
        let now = Instant::from_millis(1);
        let mut platforms = platforms(now);
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        platforms.told_of(now, PlatformId(2), "zita", true);
        platforms.told(now, &platform(2, "west", PlatformState::Down, 2));
        while platforms.poll_changed().is_some() {}
        let later = now + Duration::from_secs(3_600);
        assert!(platforms.is_maybe_away(later, "zita"));
        let forgotten = Platform { id: PlatformId(2), since: WallTime(3), ..Platform::default() };
        platforms.told(later, &forgotten);
        assert!(!platforms.is_maybe_away(later, "zita"), "the number is nobody's");
        assert_eq!((platforms.named("west"), platforms.poll_changed()), (None, Some(PlatformId(2))));
        platforms.told(later, &forgotten);
        assert_eq!(platforms.poll_changed(), None);
        // Where that was not told, the list lacks it.
        let mut outbox = Outbox::new(Address::local(ModuleKind::Switch, 0));
        platforms.told(later, &platform(3, "north", PlatformState::Down, 1));
        platforms.told(later, &platform(4, "south", PlatformState::Linked, 1));
        let again = later + Duration::from_secs(60);
        listed(&mut platforms, again, &mut outbox, &[]);
        assert_eq!((platforms.named("north"), platforms.named("south")), (None, Some(PlatformId(4))));
    }

    #[test]
    fn who_is_silent_is_away_until_it_says_something() {
        let now = Instant::from_millis(1);
        let mut platforms = platforms(now);
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        platforms.silent(now, PlatformId(2));
        assert!(platforms.not_told_of(now, PlatformId(2), "yan"));
        assert!(platforms.is_maybe_away(now, "yan"));
        assert!(!platforms.not_told_of(now + PLATFORM_AWAY, PlatformId(2), "yan"), "it is silent for ever");
        assert!(!platforms.is_maybe_away(now + PLATFORM_AWAY, "yan"));
        platforms.told_of(now, PlatformId(2), "other", false);
        assert!(!platforms.is_maybe_away(now, "yan"));
    }

    #[test]
    fn a_platform_that_is_only_configured_is_waited_for_after_the_start_and_not_for_ever() {
        let now = Instant::from_millis(1);
        let cluster = Cluster::new(PlatformId(1), "east");
        let mut platforms = Platforms::new(now, Some(&cluster), &mut Random::from_seed(1));
        assert!(platforms.is_maybe_away(now, "yan"), "nothing is known yet");
        let mut outbox = Outbox::new(Address::local(ModuleKind::Switch, 0));
        let unmet = Platform { address: Some("192.0.2.2:5065".to_owned()), ..Platform::default() };
        listed(&mut platforms, now, &mut outbox, std::slice::from_ref(&unmet));
        assert!(platforms.is_maybe_away(now, "yan"));
        assert!(!platforms.is_maybe_away(now + PLATFORM_AWAY, "yan"));
        // It was met: the list is asked for at once.
        platforms.told(now, &platform(2, "west", PlatformState::Linked, 1));
        assert_eq!(platforms.poll_timeout(), Some(now));
        listed(&mut platforms, now, &mut outbox, &[platform(2, "west", PlatformState::Linked, 1)]);
        assert!(!platforms.is_maybe_away(now, "yan"));
        let alone = &mut Platforms::new(now, None, &mut Random::from_seed(1));
        assert!(!alone.is_maybe_away(now, "yan"));
    }

    #[test]
    fn a_platform_without_users_has_none_of_its_own() {
        let now = Instant::from_millis(1);
        let mut platforms = platforms(now);
        let media = Platform { modules: Vec::new(), ..platform(2, "west", PlatformState::Down, 1) };
        platforms.told(now, &media);
        assert!(!platforms.is_maybe_away(now, "yan"));
    }
}
