//! A platform that asks another one for more calls than that can serve: whoever is at home there goes on calling, the flood is served as far as time is left
//! for it, and what comes too late of it is refused. Calls for help go first.

use crate::overload_unknown_sources::signaling_counter;
use crate::{ms, secs};
use media::PortRange;
use router::parameter::{Call, CauseKind, Origin, Party, Placement};
use router::time::Duration;
use router::{Address, Command, Emergency, Instance, ModuleKind, Packet, PlatformId, Transaction, one};
use scenarios::phone::CallIndex;
use scenarios::platform::Effort;
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Ending, PhoneConfig, PlatformConfig, Simulation, Step};
use std::collections::BTreeMap;
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Rewrite, Route, Trunk, TrunkStep, Way};

/// Calls that the flooding platform asks for a second: some three times what there is time for.
const FLOOD_PER_S: u64 = 2_000;

/// How long it goes on.
const FLOOD_MS: u64 = 1_800;

/// A call costs the shard more than a millisecond.
const EFFORT: Effort = Effort { message: Duration::from_micros(200), packet: Duration::from_micros(100) };

/// In which a caller has sent his INVITE again (T1, RFC 3261 §17.1.1.1).
const T1: Duration = Duration::from_millis(500);

/// The platform that is flooded: its shard's work takes time, and it has a trunk for calls for help.
const FLOODED: usize = 0;
const FLOODING: usize = 1;

/// Where 112 goes.
fn help(to: Way) -> Route {
    let step = TrunkStep { trunk: to, rewrite: Rewrite::NONE, timeout: None };
    Route {
        name: "help".to_owned(),
        number: NumberMatch::Exact("112".to_owned()),
        origin: OriginMatch::Any,
        hours: None,
        destination: Destination::Trunks(vec![step]),
        branches: Branches::default(),
    }
}

struct Flood {
    simulation: Simulation,
    /// At home at the flooded platform.
    alice: PhoneIndex,
    bob: PhoneIndex,
    /// Whom the flood is for: he refuses each call.
    dave: PhoneIndex,
    /// At home at the flooding platform.
    erin: PhoneIndex,
    frank: PhoneIndex,
    /// Where calls for help arrive.
    help: PhoneIndex,
    /// What phones have dialled: who, what, as the how-manieth call.
    dialled: Vec<(PhoneIndex, &'static str, CallIndex)>,
    sent: u64,
    asked: Vec<Transaction>,
}

impl Flood {
    fn new(seed: u64) -> Self {
        let mut first =
            PlatformConfig { effort: Some(EFFORT), ..PlatformConfig::in_cluster(FLOODED, &["alice", "bob", "dave"]) };
        // Ports for as many calls as that is in the time for which they rest.
        first.media.ports = PortRange { first: 20_000, last: 23_999 };
        first.signaling.trunks = vec![known("help", address(1))];
        let interface = scenarios::platform::host(FLOODED);
        first.switch.plan.trunks = vec![Trunk { interface, ..Trunk::new("help") }];
        first.switch.plan.routes = vec![help(Way::from("help"))];
        let mut second = PlatformConfig::in_cluster(FLOODING, &["erin", "frank"]);
        second.switch.plan.routes = vec![help(Way::Platform("p1".to_owned()))];
        for config in [&mut first, &mut second] {
            config.shards = 1;
            config.switch.plan.emergency = Emergency::new(vec!["112".to_owned()]);
            config.signaling.emergency = config.switch.plan.emergency.clone();
        }
        let mut simulation = Simulation::cluster_of(seed, vec![first, second]);
        let phone = |simulation: &mut Simulation, platform, name: &str, behaviour| {
            let config = simulation.phone_config_at(platform, name);
            simulation.add_and_register(PhoneConfig { packet_ms: 100, behaviour, ..config })
        };
        let quick = || Behaviour::answers(ms(60));
        let alice = phone(&mut simulation, FLOODED, "alice", quick());
        let bob = phone(&mut simulation, FLOODED, "bob", quick());
        let dave = phone(&mut simulation, FLOODED, "dave", Behaviour::rejects(486));
        let erin = phone(&mut simulation, FLOODING, "erin", quick());
        let frank = phone(&mut simulation, FLOODING, "frank", quick());
        let server = simulation.server();
        let help = simulation.add(PhoneConfig { packet_ms: 100, ..peer("help", address(1), server, quick()) });
        Self { simulation, alice, bob, dave, erin, frank, help, dialled: Vec::new(), sent: 0, asked: Vec::new() }
    }

    /// One more call of the flood, as a switch asks for it.
    fn ask(&mut self) {
        self.sent += 1;
        let number = self.sent;
        let call = Call {
            id: format!("flood{number}"),
            origin: Origin::Account("mallory".into()),
            caller: Party::new("mallory", ""),
            anonymous: false,
            called: Party::new("dave", ""),
            media: None,
            hops: 70,
            interface: [127, 0, 0, 1].into(),
            leg_id: String::new(),
            verified: true,
            referred_by: None,
            passed: None,
            secure: false,
            placement: Some(Placement::Account("dave".into())),
            path: vec![PlatformId(FLOODING as u32 + 1)],
            ring_ms: None,
            host: None,
            early_offer: false,
            identity: None,
        };
        let switch = Address { platform: PlatformId(FLOODED as u32 + 1), ..Address::local(ModuleKind::Switch, 0) };
        let now = self.simulation.now();
        let asks = self.simulation.at(FLOODING).observer();
        self.asked.push(asks.ask(now, switch.at(Instance(10_000 + number)), Command::Start, one(call)));
    }

    fn dial(&mut self, from: PhoneIndex, to: &'static str) {
        let script = vec![(ms(150), Step::HangUp)];
        let call = self.simulation.tell(from).dial_with(to, None, script);
        self.dialled.push((from, to, call));
    }

    /// Calls of phones for so long, each in its rhythm, beside so many of the flood a second.
    fn run(&mut self, millis: u64, flood_per_s: u64) {
        let mut due = 0;
        for at in 0..millis {
            due += flood_per_s;
            while due >= 1_000 {
                due -= 1_000;
                self.ask();
            }
            match at % 600 {
                50 | 350 => self.dial(self.alice, "bob"),
                100 | 300 | 500 => self.dial(self.erin, "dave"),
                150 => self.dial(self.erin, "112"),
                250 => self.dial(self.frank, "erin"),
                400 => self.dial(self.alice, "112"),
                450 => self.dial(self.bob, "frank"),
                _ => {}
            }
            self.simulation.run(ms(1));
        }
    }

    /// What became of the flood's calls: those that the callee refused himself, and those that were refused because they were late.
    fn answers(&mut self) -> (u64, u64) {
        let asked = std::mem::take(&mut self.asked);
        let observer = self.simulation.at(FLOODING).observer();
        let answers: Vec<Packet> = asked.iter().filter_map(|&asked| observer.answer(asked)).collect();
        assert_eq!(answers.len(), asked.len(), "each has an answer, long before it is given up");
        let (mut served, mut late) = (0, 0);
        for answer in &answers {
            let failure = answer.failure();
            match failure.cause.as_ref().map(|cause| cause.kind) {
                Some(CauseKind::Busy) => served += 1,
                Some(CauseKind::Congestion) => {
                    assert!(failure.retry_after_s.is_some(), "{failure:?}");
                    late += 1;
                }
                _ => panic!("{failure:?}"),
            }
        }
        (served, late)
    }

    /// How the calls of a phone to a number ended, and the longest time that one of them took to be answered.
    fn calls(&self, from: PhoneIndex, to: &str) -> (BTreeMap<String, usize>, Duration) {
        let these = self.dialled.iter().filter(|(by, number, _)| (*by, *number) == (from, to));
        let calls = these.map(|&(_, _, call)| self.simulation.phone(from).call(call));
        let (mut endings, mut longest) = (BTreeMap::new(), Duration::ZERO);
        for call in calls {
            *endings.entry(format!("{:?}", call.ending)).or_default() += 1;
            longest = longest.max(call.up.or(call.ended).map_or(Duration::MAX, |at| at.since(call.started)));
        }
        (endings, longest)
    }

    fn switch_counter(&mut self, name: &str) -> u64 {
        let now = self.simulation.now();
        self.simulation.platform.ask_status(now);
        self.simulation.run_until(secs(5), |simulation| simulation.platform.statuses().is_some());
        let statuses = self.simulation.platform.statuses().expect("every module answers");
        let counters = statuses.values().flat_map(|status| &status.counters);
        counters.filter(|counter| counter.name == name).map(|counter| counter.value).sum()
    }
}

/// Calls that were up, and that whoever dialled ended.
fn all_up(ended: &BTreeMap<String, usize>) -> bool {
    !ended.is_empty() && ended.keys().all(|ending| *ending == format!("{:?}", Some(Ending::HungUp)))
}

#[test]
fn whoever_is_at_home_calls_on_while_another_platform_floods_and_help_comes_first() {
    for seed in [1, 2] {
        let mut flood = Flood::new(seed);
        flood.run(FLOOD_MS, FLOOD_PER_S);
        flood.simulation.run(secs(2));
        let (served, late) = flood.answers();
        // Half of what the shard can do, at least, and the rest was told so.
        assert!(served >= FLOOD_MS / 10 && late >= FLOOD_MS / 4, "seed {seed}: {served} served, {late} late");
        let alice_to_bob = flood.calls(flood.alice, "bob");
        assert!(all_up(&alice_to_bob.0) && alice_to_bob.1 < T1, "seed {seed}: at home {alice_to_bob:?}");
        let outward = flood.calls(flood.bob, "frank");
        assert!(all_up(&outward.0) && outward.1 < 2 * T1, "seed {seed}: from home {outward:?}");
        for from in [flood.alice, flood.erin] {
            let help = flood.calls(from, "112");
            assert!(all_up(&help.0) && help.1 < T1, "seed {seed}: for help {help:?}");
        }
        // Within the flooding platform nothing is known of it, but by who calls there.
        let beside = flood.calls(flood.frank, "erin");
        assert!(all_up(&beside.0) && beside.1 < T1, "seed {seed}: beside {beside:?}");
        let (ended, longest) = flood.calls(flood.erin, "dave");
        let refused = |status| ended.get(&format!("{:?}", Some(Ending::Refused(status)))).copied().unwrap_or(0);
        assert_eq!(refused(486) + refused(503), 9, "seed {seed}: {ended:?}");
        assert!(refused(503) > 0 && longest < 2 * T1, "seed {seed}: {ended:?} {longest:?}");
        assert_eq!(flood.switch_counter("calls_from_platforms_refused_late"), late + refused(503) as u64);
        for name in ["sip_absorbed", "sip_retransmitted", "sip_timed_out", "sip_overload_refused"] {
            assert_eq!(signaling_counter(&mut flood.simulation, name), 0, "seed {seed}: {name}");
        }

        // It is over: everybody is served at once.
        flood.run(600, 50);
        flood.simulation.run(secs(1));
        assert_eq!(flood.answers(), (30, 0), "seed {seed}");
        let (ended, _) = flood.calls(flood.erin, "dave");
        assert_eq!(ended[&format!("{:?}", Some(Ending::Refused(503)))], refused(503), "seed {seed}: {ended:?}");
        assert_eq!(flood.simulation.phone(flood.help).calls().len(), 8, "seed {seed}");
        assert!(flood.simulation.phone(flood.dave).is_idle());
        flood.simulation.finish();
    }
}

/// The link dies in the middle of it.
#[test]
fn a_flood_that_is_cut_off_leaves_nothing_behind() {
    let mut flood = Flood::new(3);
    flood.run(FLOOD_MS / 3, FLOOD_PER_S);
    flood.simulation.part(FLOODED, FLOODING, secs(20));
    flood.simulation.run(secs(1));
    let observer = flood.simulation.at(FLOODING).observer();
    let asked = std::mem::take(&mut flood.asked);
    let answered = asked.iter().filter_map(|&asked| observer.answer(asked)).count();
    assert_eq!(answered, asked.len(), "who is cut off is told so");
    flood.simulation.run(secs(10));
    flood.simulation.heal();
    flood.simulation.run(secs(40));
    flood.simulation.finish();
}
