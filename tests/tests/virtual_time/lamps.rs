//! Lamps, presence and mailbox lights: what phones follow is told in the end, whatever the network loses.

use crate::{ms, secs, with_phones};
use router::parameter::MessageWaiting;
use router::{Command, ModuleKind, one};
use scenarios::Conditions;
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, PlatformConfig, Simulation, Step};

/// A platform of so many shards, and three phones.
fn office(seed: u64, shards: u8) -> (Simulation, [PhoneIndex; 3]) {
    let mut simulation = Simulation::with(seed, PlatformConfig { shards, ..PlatformConfig::default() });
    let phones = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
    (simulation, phones)
}

/// What a lamp was told, as states.
fn states(simulation: &Simulation, phone: PhoneIndex, watch: usize) -> Vec<String> {
    let state = |body: &str| {
        let (_, rest) = body.split_once("<state>")?;
        rest.split('<').next().map(str::to_owned)
    };
    simulation.phone(phone).watches()[watch].told.iter().map(|(_, body)| state(body).unwrap_or_default()).collect()
}

#[test]
fn a_lamp_shows_a_call_from_its_first_ring_to_its_end() {
    for shards in [1, 3] {
        let (mut simulation, [alice, bob, carol]) = office(1, shards);
        simulation.tell(bob).config.behaviour = Behaviour::answers(secs(4));
        let watches = ["bob", "carol"].map(|user| simulation.tell(alice).watch("dialog", user, 600));
        simulation.run(secs(2));
        simulation.tell(carol).dial("bob");
        simulation.run(secs(3));
        // What picks the call up is the ringing phone's own dialog.
        let call = simulation.call(bob);
        let last = simulation.phone(alice).watches()[watches[0]].last();
        for piece in [
            format!("call-id=\"{}\"", call.call_id),
            format!("local-tag=\"{}\"", call.local_tag()),
            format!("remote-tag=\"{}\"", call.remote_tag().unwrap_or_default()),
            "direction=\"recipient\"><state>early".to_owned(),
        ] {
            assert!(last.contains(&piece), "{piece} in {last}");
        }
        simulation.run(secs(5));
        let bobs_call = simulation.phone(bob).live_call().expect("bob talks");
        simulation.tell(bob).step(bobs_call, Step::HangUp);
        simulation.run(secs(5));
        assert_eq!(states(&simulation, alice, watches[0]), ["", "early", "confirmed", "terminated"]);
        // The caller's lamp goes on before anybody rings.
        assert_eq!(states(&simulation, alice, watches[1]), ["", "trying", "early", "confirmed", "terminated"]);
        simulation.tell(alice).unwatch(watches[0]);
        simulation.run(secs(2));
        assert!(!simulation.phone(alice).watches()[watches[0]].is_active());
        simulation.finish();
    }
}

#[test]
fn every_phone_that_a_call_rings_has_its_own_lamp() {
    let (mut simulation, [alice, bob, carol]) = office(2, 1);
    let second = simulation.add_registered("bob");
    simulation.tell(bob).config.behaviour = Behaviour::rings();
    simulation.tell(second).config.behaviour = Behaviour::answers(secs(6));
    let watch = simulation.tell(alice).watch("dialog", "bob", 600);
    simulation.run(secs(2));
    simulation.tell(carol).dial("bob");
    simulation.run(secs(4));
    let both = simulation.phone(alice).watches()[watch].last().matches("<state>early").count();
    assert_eq!(both, 2, "{}", simulation.phone(alice).watches()[watch].last());
    simulation.run(secs(5));
    let last = simulation.phone(alice).watches()[watch].last().to_owned();
    assert_eq!((last.matches("<state>confirmed").count(), last.matches("<state>early").count()), (1, 0), "{last}");
    simulation.finish();
}

#[test]
fn lamps_are_right_in_the_end_whatever_is_lost() {
    for seed in 0..12 {
        let (mut simulation, [alice, bob, carol]) = office(100 + seed, 1 + (seed % 3) as u8);
        simulation.tell(bob).config.behaviour = Behaviour::answers(ms(2_500));
        let watch = simulation.tell(alice).watch("dialog", "bob", 120);
        simulation.run(secs(1));
        for phone in [alice, bob, carol] {
            simulation.set_line(phone, Conditions::rough(100));
        }
        for _ in 0..3 {
            simulation.tell(carol).dial("bob");
            simulation.run(secs(10));
            for phone in [bob, carol] {
                if let Some(call) = simulation.phone(phone).live_call() {
                    simulation.tell(phone).step(call, Step::HangUp);
                }
            }
            simulation.run(secs(10));
        }
        simulation.calm();
        // Beyond a transaction, and a refresh of the subscription.
        simulation.run(secs(120));
        let told = &simulation.phone(alice).watches()[watch];
        assert!(told.is_active(), "seed {seed}: {}", told.state);
        let last = told.last().to_owned();
        assert!(!last.contains("<state>early") && !last.contains("<state>confirmed"), "seed {seed}: {last}");
        assert!(told.told.iter().any(|(_, body)| body.contains("<state>confirmed")), "seed {seed}");
        simulation.finish();
    }
}

#[test]
fn a_phone_that_is_gone_is_told_no_more_and_one_that_comes_back_follows_anew() {
    let (mut simulation, [alice, bob, carol]) = with_phones(3, ["alice", "bob", "carol"]);
    let watch = simulation.tell(alice).watch("dialog", "bob", 3_600);
    simulation.run(secs(1));
    simulation.set_line(alice, Conditions::DEAD);
    simulation.tell(carol).dial("bob");
    simulation.run(secs(50));
    let counted = simulation.phone(alice).watches()[watch].notifies;
    simulation.set_line(alice, Conditions::LOCAL);
    let live = simulation.phone(bob).live_call().expect("bob talks");
    simulation.tell(bob).step(live, Step::HangUp);
    simulation.run(secs(5));
    assert_eq!(simulation.phone(alice).watches()[watch].notifies, counted, "its subscription has ended");
    let again = simulation.tell(alice).watch("dialog", "bob", 3_600);
    simulation.run(secs(2));
    assert!(simulation.phone(alice).watches()[again].is_active());
    simulation.finish();
}

#[test]
fn presence_is_composed_of_what_is_published_of_calls_and_of_the_registration() {
    for shards in [1, 4] {
        let (mut simulation, [alice, bob, carol]) = office(4, shards);
        let watch = simulation.tell(alice).watch("presence", "bob", 3_600);
        simulation.run(secs(6));
        assert!(simulation.phone(alice).watches()[watch].last().contains("<note>Online</note>"));
        let document = "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@tandem\"><tuple id=\"x\"><status>\
                        <basic>open</basic></status><note>at lunch</note></tuple></presence>";
        simulation.tell(bob).publish("presence", "application/pidf+xml", document);
        simulation.run(secs(6));
        assert!(simulation.phone(alice).watches()[watch].last().contains("<note>at lunch</note>"));
        simulation.tell(carol).dial("bob");
        simulation.run(secs(12));
        assert!(simulation.phone(alice).watches()[watch].last().contains("<rpid:on-the-phone/>"));
        let live = simulation.phone(bob).live_call().expect("bob talks");
        simulation.tell(bob).step(live, Step::HangUp);
        simulation.tell(bob).unregister();
        simulation.run(secs(12));
        let last = simulation.phone(alice).watches()[watch].last().to_owned();
        assert!(!last.contains("on-the-phone") && last.contains("<basic>closed</basic>"), "{last}");
        simulation.finish();
    }
}

#[test]
fn a_mailbox_light_is_set_at_any_shard() {
    for shards in [1, 3] {
        let (mut simulation, [alice, ..]) = office(5, shards);
        let watch = simulation.tell(alice).watch("message-summary", "alice", 3_600);
        simulation.run(secs(2));
        let waiting = MessageWaiting { account: "alice".to_owned(), new: 2, old: 3, ..MessageWaiting::default() };
        let answers = crate::ask_each(&mut simulation, ModuleKind::Signaling, Command::Set, &one(waiting));
        assert!(answers.iter().all(|answer| answer.command == Command::Done), "{answers:?}");
        simulation.run(secs(3));
        let told = &simulation.phone(alice).watches()[watch];
        assert!(told.last().contains("Voice-Message: 2/3 (0/0)"), "{}", told.last());
        assert_eq!(told.told.len(), 2, "told once");
        simulation.finish();
    }
}

/// A PUBLISH and the NOTIFYs of what it says, over lines that lose a tenth: what is shown in the end is what was said last.
#[test]
fn presence_is_right_in_the_end_whatever_is_lost() {
    for seed in 0..8 {
        let (mut simulation, [alice, bob, _]) = office(200 + seed, 1 + (seed % 3) as u8);
        let watch = simulation.tell(alice).watch("presence", "bob", 3_600);
        simulation.run(secs(6));
        for phone in [alice, bob] {
            simulation.set_line(phone, Conditions::rough(100));
        }
        for note in ["at lunch", "in the garden"] {
            let document = format!(
                "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@tandem\"><tuple id=\"x\"><status>\
                 <basic>open</basic></status><note>{note}</note></tuple></presence>"
            );
            simulation.tell(bob).publish("presence", "application/pidf+xml", &document);
            simulation.run(secs(40));
        }
        simulation.calm();
        simulation.run(secs(40));
        let last = simulation.phone(alice).watches()[watch].last().to_owned();
        assert!(last.contains("<note>in the garden</note>"), "seed {seed}: {last}");
        simulation.finish();
    }
}
