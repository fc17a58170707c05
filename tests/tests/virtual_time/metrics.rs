//! How a call sounds, while it is up: what phones are told that ask (RFC 3611), and what who watches is told.

use crate::{ask_each, connect, ms, secs, with_phones};
use router::parameter::{CallSummary, LegQuality, Parameter, Selection};
use router::{Command, ModuleKind, Parameters};
use scenarios::{Conditions, HoldStyle, PlatformConfig, Simulation, Step};

/// The call as its switch tells it to who asks for it by name.
fn asked(simulation: &mut Simulation, call: &str) -> CallSummary {
    let calls = ask_each(
        simulation,
        ModuleKind::Switch,
        Command::Query,
        &Parameters::from_iter([Parameter::from(Selection::default())]),
    );
    let stand_in = calls.iter().flat_map(|answer| &answer.parameters).find_map(|parameter| match parameter {
        Parameter::CallSummary(summary) if summary.id == call => Some((**summary).clone()),
        _ => None,
    });
    let stand_in = stand_in.expect("the call is listed");
    assert!(stand_in.legs.iter().all(|leg| leg.quality.is_none()), "a list asks no worker");
    let named = Selection { name: Some(call.to_owned()), ..Selection::default() };
    let parameters: Parameters = [Parameter::from(stand_in), named.into()].into_iter().collect();
    let now = simulation.now();
    let asked: Vec<_> = simulation.platform.router().modules().into_iter().map(|(address, _)| address).collect();
    let switches = asked.into_iter().filter(|address| address.module.kind == ModuleKind::Switch);
    let observer = simulation.platform.observer();
    let asked: Vec<_> = switches.map(|switch| observer.ask(now, switch, Command::Query, parameters.clone())).collect();
    // A shard that is alone looks at its inbox when something happens; then ports are asked.
    simulation.run(ms(1));
    simulation.run(ms(50));
    let answers = asked.into_iter().filter_map(|asked| simulation.platform.observer().answer(asked));
    let told = answers.collect::<Vec<_>>().into_iter().flat_map(|answer| answer.parameters).find_map(|parameter| {
        match parameter {
            Parameter::CallSummary(summary) => Some(*summary),
            _ => None,
        }
    });
    told.expect("the call")
}

fn figures(call: &CallSummary) -> Vec<&LegQuality> {
    call.legs.iter().map(|leg| leg.quality.as_deref().expect("figures")).collect()
}

fn only(simulation: &mut Simulation) -> String {
    let groups = simulation.groups();
    groups.into_keys().next().expect("a call is up")
}

#[test]
fn a_call_that_is_up_tells_how_its_legs_sound() {
    let (mut simulation, [alice, bob]) = with_phones(61, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    let call = only(&mut simulation);
    simulation.run(secs(8));
    let told = asked(&mut simulation, &call);
    let [first, second] = figures(&told)[..] else { panic!("{told:?}") };
    for leg in [first, second] {
        assert!((390..480).contains(&leg.packets_received), "{leg:?}");
        assert_eq!((leg.packets_lost, leg.codec.as_deref()), (0, Some("PCMU")));
        assert!(leg.mos_centi > Some(430), "{leg:?}");
    }
    // From now on a tenth of what Alice says is lost, and is known at once.
    simulation.set_line(alice, Conditions { loss_permille: 100, ..Conditions::LOCAL });
    simulation.run(secs(20));
    let told = asked(&mut simulation, &call);
    let [alices, bobs] = figures(&told)[..] else { panic!("{told:?}") };
    assert!((50..150).contains(&alices.packets_lost) && alices.mos_centi < Some(400), "{alices:?}");
    assert_eq!(bobs.packets_lost, 0, "{bobs:?}");
    simulation.calm();
    for step in [Step::Hold(HoldStyle::Inactive), Step::Retrieve] {
        simulation.tell(alice).step(0, step);
        simulation.run(secs(1));
        assert_eq!(figures(&asked(&mut simulation, &call)).len(), 2);
    }
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(2));
    simulation.finish();
}

#[test]
fn a_call_that_rings_or_is_with_a_service_tells_what_there_is() {
    let (mut simulation, [alice, bob]) = with_phones(62, ["alice", "bob"]);
    simulation.tell(alice).dial("echo");
    simulation.run(secs(4));
    let call = only(&mut simulation);
    let told = asked(&mut simulation, &call);
    let qualities: Vec<bool> = told.legs.iter().map(|leg| leg.quality.is_some()).collect();
    assert_eq!(qualities, [true, false], "a service has no port");
    assert!(told.legs[0].quality.as_ref().is_some_and(|leg| leg.packets_sent > 100), "{told:?}");
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(2));
    simulation.tell(bob).config.behaviour = scenarios::Behaviour::answers(ms(5_000));
    simulation.tell(alice).dial("bob");
    simulation.run(secs(2));
    let call = simulation.platform.observer().calls.iter().find(|(_, call)| !call.ended).map(|(id, _)| id.clone());
    let told = asked(&mut simulation, &call.expect("it rings"));
    assert!(told.legs.iter().all(|leg| leg.quality.as_ref().is_some_and(|leg| leg.packets_received == 0)), "{told:?}");
    simulation.run(secs(5));
    simulation.finish();
}

/// Reports are each leg's own: what one phone says of how it hears goes to us, and each that asks is told of its own stream.
#[test]
fn phones_tell_each_other_nothing_and_are_told_by_us() {
    for offers in [false, true] {
        let mut config = PlatformConfig::default();
        config.signaling.voip_metrics = offers;
        let mut simulation = Simulation::with(63, config);
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| simulation.add_registered(name));
        for phone in [alice, bob] {
            simulation.tell(phone).config.asks_for_metrics = true;
        }
        connect(&mut simulation, alice, bob);
        simulation.set_line(alice, Conditions { loss_permille: 100, ..Conditions::LOCAL });
        simulation.run(secs(40));
        let media = |simulation: &Simulation, phone| simulation.call(phone).media.metrics.clone();
        // Alice asks in her offer; Bob answers what he is asked, if he is.
        let (alices, bobs) = (media(&simulation, alice), media(&simulation, bob));
        assert!(alices.len() >= 5, "{alices:?}");
        assert_eq!(!bobs.is_empty(), offers, "{bobs:?}");
        let last = alices.last().expect("some");
        assert!((15..40).contains(&last.loss_rate) && last.rating < Some(80), "{last:?}");
        assert!(bobs.iter().all(|told| told.loss_rate == 0 && told.rating > Some(85)), "{bobs:?}");
        simulation.tell(alice).step(0, Step::HangUp);
        simulation.calm();
        simulation.run(secs(2));
        connect(&mut simulation, carol, bob);
        simulation.run(secs(20));
        assert!(media(&simulation, carol).is_empty(), "who has not asked is told nothing");
        simulation.finish();
    }
}
