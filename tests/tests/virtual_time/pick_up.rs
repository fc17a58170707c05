//! A call that rings at one phone is answered at another.

use crate::{ms, secs};
use router::parameter::Outcome;
use scenarios::{Behaviour, Ending, PlatformConfig, Simulation};
use switch::plan::{PickUpGroup, Plan};

fn platform(seed: u64) -> Simulation {
    let members = ["bob", "carol"].map(str::to_owned).to_vec();
    let group = PickUpGroup { name: "sales".to_owned(), members, by: Vec::new() };
    let plan = Plan { pick_up_groups: vec![group], ..Plan::default() };
    let switch = switch::Config { plan, ..switch::Config::default() };
    Simulation::with(seed, PlatformConfig { switch, ..PlatformConfig::default() })
}

#[test]
fn by_the_dialog_that_a_lamp_shows() {
    // As RFC 4235 tells it: the ringing phone's own tag and the other one; some phones take them for each other.
    for swapped in [false, true] {
        let mut simulation = platform(1);
        let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|name| simulation.add_registered(name));
        simulation.tell(bob).config.behaviour = Behaviour::rings();
        simulation.tell(alice).dial("bob");
        simulation.run(secs(1));
        let [call_id, to, from]: [String; 3] = {
            let replaces = simulation.call(bob).replaces();
            let parts: Vec<_> = replaces.split(';').map(str::to_owned).collect();
            parts.try_into().expect("three")
        };
        let replaces = match swapped {
            false => format!("{call_id};{to};{from};early-only"),
            true => {
                let (to, from) = (to.replacen("to-tag", "from-tag", 1), from.replacen("from-tag", "to-tag", 1));
                format!("{call_id};{to};{from};early-only")
            }
        };
        for phone in [dave, carol] {
            simulation.tell(phone).config.headers = vec![("Replaces".to_owned(), replaces.clone())];
            simulation.tell(phone).dial("bob");
            simulation.run(secs(2));
        }
        assert_eq!(simulation.call(dave).ending, Some(Ending::Refused(403)), "of no group");
        assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up());
        let reason = simulation.call(bob).reason.clone().unwrap_or_default();
        assert_eq!(simulation.call(bob).ending, Some(Ending::Cancelled));
        assert!(reason.contains("cause=200"), "no call is missed that was picked up: {reason}");
        let speaker = simulation.call(carol).media.speaker();
        assert!(simulation.call(alice).media.hearing.speakers.get(&speaker).is_some_and(|&packets| packets > 60));
        simulation.tell(alice).step(0, scenarios::Step::HangUp);
        simulation.run(ms(500));
        let records = simulation.platform.records();
        let picked_up = records.iter().find(|record| record.outcome == Outcome::Answered).expect("a record");
        assert_eq!((picked_up.called.user(), picked_up.destination.as_deref()), ("bob", Some("carol")));
        simulation.finish();
    }
}
