//! Lamps and presence of accounts whose phones are at other platforms: they show what is so there, and nothing that nobody can know.

use crate::random_calls::each_seed;
use crate::{connect, ms, secs};
use router::parameter::ResourceKind;
use router::time::Duration;
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Conditions, PlatformConfig, Simulation, Step};
use signaling::subscription::Watching;

/// Alice's phone at the first platform, Bob's and Carol's at the second, which alone has their accounts; each of so many shards.
fn apart(seed: u64, shards: u8) -> (Simulation, [PhoneIndex; 3]) {
    let accounts: [&[&str]; 2] = [&["alice", "dave"], &["bob", "carol"]];
    let config = |(index, names)| PlatformConfig { shards, ..PlatformConfig::in_cluster(index, names) };
    let mut simulation = Simulation::cluster_of(seed, accounts.into_iter().enumerate().map(config).collect());
    let phones = [(0, "alice"), (1, "bob"), (1, "carol")].map(|(at, name)| simulation.add_registered_at(at, name));
    (simulation, phones)
}

/// What a lamp was told, as states.
fn states(simulation: &Simulation, phone: PhoneIndex, watch: usize) -> Vec<String> {
    let state = |body: &str| body.split_once("<state>").and_then(|(_, rest)| rest.split('<').next()).map(str::to_owned);
    simulation.phone(phone).watches()[watch].told.iter().map(|(_, body)| state(body).unwrap_or_default()).collect()
}

fn last(simulation: &Simulation, phone: PhoneIndex, watch: usize) -> String {
    simulation.phone(phone).watches()[watch].last().to_owned()
}

/// How many rows all shards of a platform have in a table.
fn rows(simulation: &mut Simulation, platform: usize, table: &str) -> u64 {
    let now = simulation.now();
    simulation.at(platform).ask_status(now);
    assert!(simulation.run_until(secs(11), |simulation| simulation.at(platform).statuses().is_some()));
    let statuses = simulation.at(platform).statuses().expect("all have answered");
    let resources = statuses.values().flat_map(|status| &status.resources);
    let of = resources.filter(|one| one.kind == ResourceKind::Table && one.name == table);
    of.map(|one| one.used).sum()
}

const FOLLOWED: &str = "accounts followed at other platforms";
const FOLLOWERS: &str = "followers at other platforms";

fn hang_up(simulation: &mut Simulation, phone: PhoneIndex) {
    if let Some(call) = simulation.phone(phone).live_call() {
        simulation.tell(phone).step(call, Step::HangUp);
    }
}

#[test]
fn a_lamp_here_shows_the_calls_of_a_phone_there() {
    for shards in [1, 3] {
        let (mut simulation, [alice, bob, carol]) = apart(1, shards);
        simulation.tell(bob).config.behaviour = Behaviour::answers(secs(3));
        let lamp = simulation.tell(alice).watch("dialog", "bob", 600);
        let presence = simulation.tell(alice).watch("presence", "bob", 600);
        simulation.run(secs(1));
        assert_eq!(simulation.phone(alice).watches()[lamp].told.len(), 1, "it is told once all have answered");
        assert!(last(&simulation, alice, presence).contains("<note>Online</note>"));
        let begun = simulation.now().instant;
        simulation.tell(carol).dial("bob");
        simulation.run(secs(2));
        assert_eq!(states(&simulation, alice, lamp), ["", "early"]);
        let lit = simulation.phone(alice).watches()[lamp].told[1].0;
        assert!(lit.since(begun) < ms(500), "the first ring shows at once");
        assert!(!last(&simulation, alice, lamp).contains("local-tag"), "what takes a call over is not told elsewhere");
        simulation.run(secs(8));
        assert!(last(&simulation, alice, presence).contains("<rpid:on-the-phone/>"));
        hang_up(&mut simulation, bob);
        simulation.run(secs(8));
        assert_eq!(states(&simulation, alice, lamp), ["", "early", "confirmed", "terminated"]);
        assert!(last(&simulation, alice, presence).contains("<note>Online</note>"));
        simulation.tell(bob).unregister();
        simulation.run(secs(8));
        assert!(last(&simulation, alice, presence).contains("<basic>closed</basic>"));
        // Nobody is told who does not want to know.
        let followed = rows(&mut simulation, 0, FOLLOWED);
        assert!((1..=2).contains(&followed), "once on each shard that somebody follows on: {followed}");
        assert_eq!(rows(&mut simulation, 1, FOLLOWERS), followed);
        [lamp, presence].into_iter().for_each(|watch| simulation.tell(alice).unwatch(watch));
        simulation.run(secs(2));
        assert_eq!((rows(&mut simulation, 0, FOLLOWED), rows(&mut simulation, 1, FOLLOWERS)), (0, 0));
        simulation.finish();
    }
}

/// A call from platform to platform, and a user with phones at both: each lamp is the phone's own end, told by where it is.
#[test]
fn a_user_of_two_platforms_has_one_lamp_and_one_presence() {
    let mut simulation = Simulation::cluster(2, &[&["alice", "bob"], &["bob", "carol"], &["dave"]]);
    let [alice, here] = ["alice", "bob"].map(|name| simulation.add_registered_at(0, name));
    let [there, carol] = ["bob", "carol"].map(|name| simulation.add_registered_at(1, name));
    let dave = simulation.add_registered_at(2, "dave");
    simulation.tell(here).config.behaviour = Behaviour::rings();
    simulation.tell(there).config.behaviour = Behaviour::answers(secs(3));
    let document = "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@tandem\"><tuple id=\"x\"><status>\
                    <basic>open</basic></status><note>at lunch</note></tuple></presence>";
    simulation.tell(there).publish("presence", "application/pidf+xml", document);
    let watchers = [alice, dave, carol];
    let lamps = watchers.map(|phone| simulation.tell(phone).watch("dialog", "bob", 600));
    let presences = watchers.map(|phone| simulation.tell(phone).watch("presence", "bob", 600));
    simulation.run(secs(2));
    simulation.tell(alice).dial("bob");
    simulation.run(secs(2));
    for (watcher, lamp) in watchers.into_iter().zip(lamps) {
        let told = last(&simulation, watcher, lamp);
        assert_eq!(told.matches("<state>early").count(), 2, "both phones ring: {told}");
    }
    simulation.run(secs(8));
    for (at, watcher) in watchers.into_iter().enumerate() {
        let told = last(&simulation, watcher, lamps[at]);
        assert_eq!((told.matches("<state>confirmed").count(), told.matches("<state>early").count()), (1, 0), "{told}");
        let told = last(&simulation, watcher, presences[at]);
        assert!(told.contains("<note>at lunch</note>") && told.contains("<rpid:on-the-phone/>"), "{told}");
    }
    // One of two registrations is enough to be reached.
    simulation.tell(here).unregister();
    hang_up(&mut simulation, there);
    simulation.run(secs(8));
    for (at, watcher) in watchers.into_iter().enumerate() {
        assert!(last(&simulation, watcher, presences[at]).contains("<tuple id=\"telephone\"><status><basic>open"));
    }
    simulation.finish();
}

#[test]
fn a_lamp_does_not_lie_when_the_link_is_lost_and_is_lit_again_with_it() {
    for hangs_up in [false, true] {
        let (mut simulation, [alice, bob, carol]) = apart(3, 1);
        let lamp = simulation.tell(alice).watch("dialog", "bob", 600);
        let presence = simulation.tell(alice).watch("presence", "bob", 600);
        connect(&mut simulation, carol, bob);
        simulation.run(secs(6));
        assert!(last(&simulation, alice, lamp).contains("<state>confirmed"));
        simulation.part(0, 1, secs(60));
        // Three heartbeats, and the interval of presence.
        simulation.run(secs(10));
        assert!(last(&simulation, alice, lamp).contains("<state>terminated"), "nobody can tell of it any more");
        assert!(last(&simulation, alice, presence).contains("<basic>closed</basic>"));
        assert_eq!(rows(&mut simulation, 1, FOLLOWERS), 0, "who cannot be told is not followed by");
        if hangs_up {
            hang_up(&mut simulation, bob);
            simulation.run(secs(2));
        }
        simulation.heal();
        simulation.run(secs(40));
        let told = last(&simulation, alice, lamp);
        assert_eq!(told.contains("<state>confirmed"), !hangs_up, "{told}");
        assert_eq!(last(&simulation, alice, presence).contains("on-the-phone"), !hangs_up);
        assert!([lamp, presence].iter().all(|&watch| simulation.phone(alice).watches()[watch].is_active()));
        simulation.finish();
    }
}

#[test]
fn a_platform_that_begins_anew_is_asked_anew() {
    let (mut simulation, [alice, bob, carol]) = apart(4, 1);
    let lamp = simulation.tell(alice).watch("dialog", "bob", 600);
    connect(&mut simulation, carol, bob);
    simulation.run(secs(3));
    simulation.parted_for = Some(secs(70));
    simulation.restart_other(1);
    for phone in [bob, carol] {
        hang_up(&mut simulation, phone);
    }
    simulation.run(secs(10));
    assert!(!last(&simulation, alice, lamp).contains("<state>confirmed"), "its calls are gone");
    simulation.run(secs(40));
    connect(&mut simulation, carol, bob);
    simulation.run(secs(3));
    assert!(last(&simulation, alice, lamp).contains("<state>confirmed"));
    simulation.finish();
}

#[test]
fn whom_nobody_has_is_told_so_but_not_while_somebody_cannot_be_asked() {
    let mut simulation = Simulation::cluster(5, &[&["alice"], &["bob"], &["carol"]]);
    let alice = simulation.add_registered_at(0, "alice");
    let nobody = simulation.tell(alice).watch("dialog", "nobody", 600);
    simulation.run(secs(2));
    assert_eq!(simulation.phone(alice).watches()[nobody].state, "terminated;reason=noresource");
    simulation.part(0, 1, secs(30));
    simulation.part(1, 2, secs(30));
    simulation.run(secs(8));
    let bob = simulation.tell(alice).watch("dialog", "bob", 600);
    simulation.run(secs(8));
    assert!(simulation.phone(alice).watches()[bob].is_active(), "he may be where nobody can ask");
    simulation.heal();
    simulation.run(secs(40));
    let phone = simulation.add_registered_at(1, "bob");
    simulation.tell(phone).dial("carol");
    simulation.run(secs(3));
    assert!(simulation.phone(alice).watches()[bob].is_active());
    assert_eq!(rows(&mut simulation, 0, FOLLOWED), 2, "bob's, of two platforms");
    simulation.finish();
}

#[test]
fn where_accounts_follow_themselves_alone_other_platforms_are_told_nothing() {
    let mut configs = vec![PlatformConfig::in_cluster(0, &["alice"]), PlatformConfig::in_cluster(1, &["bob", "carol"])];
    configs[1].signaling.events.watching = Watching::Own;
    let mut simulation = Simulation::cluster_of(6, configs);
    let alice = simulation.add_registered_at(0, "alice");
    let [bob, carol] = ["bob", "carol"].map(|name| simulation.add_registered_at(1, name));
    let lamp = simulation.tell(alice).watch("dialog", "bob", 600);
    connect(&mut simulation, carol, bob);
    simulation.run(secs(2));
    assert!(!last(&simulation, alice, lamp).contains("<dialog "));
    assert_eq!(rows(&mut simulation, 1, FOLLOWERS), 0);
    simulation.finish();
}

/// Phones' lines lose a tenth, and the link goes and comes at any moment, while calls come and go: in the end each lamp is right.
#[test]
fn lamps_of_other_platforms_are_right_in_the_end_whatever_is_lost() {
    each_seed(3, |seed| {
        let (mut simulation, [alice, bob, carol]) = apart(100 + seed, 1 + (seed % 3) as u8);
        simulation.tell(bob).config.behaviour = Behaviour::answers(ms(1_500));
        let lamps = ["bob", "carol"].map(|user| simulation.tell(alice).watch("dialog", user, 300));
        simulation.run(secs(1));
        for phone in [alice, bob, carol] {
            simulation.set_line(phone, Conditions::rough(100));
        }
        for round in 0..3 {
            simulation.tell(carol).dial("bob");
            let before = Duration::from_millis(simulation.random().below(5_000));
            simulation.run(before);
            simulation.part(0, 1, secs(40));
            let away = Duration::from_millis(simulation.random().below(9_000));
            simulation.run(away);
            // The last call stays.
            if round < 2 {
                [bob, carol].into_iter().for_each(|phone| hang_up(&mut simulation, phone));
            }
            let after = Duration::from_millis(simulation.random().below(4_000));
            simulation.run(after);
            simulation.heal();
            simulation.run(secs(40));
        }
        simulation.calm();
        simulation.run(secs(100));
        let talks = simulation.phone(bob).live_call().is_some();
        for lamp in lamps {
            let told = last(&simulation, alice, lamp);
            assert!(simulation.phone(alice).watches()[lamp].is_active(), "seed {seed}");
            assert_eq!(told.contains("<state>confirmed"), talks, "seed {seed}: {told}");
            assert!(!told.contains("<state>early") && !told.contains("<state>trying"), "seed {seed}: {told}");
        }
        simulation.finish();
    });
}
