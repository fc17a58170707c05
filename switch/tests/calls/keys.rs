//! Keys that the parties press: told once each, and passed on in the form in which the other one has them.

use crate::basic::empty_summary;
use crate::harness::*;
use router::parameter::*;
use router::{Address, Command, ModuleKind, Private, one};
use switch::{Config, KeyForms};

fn world(forms: &[(&str, KeyForm)]) -> World {
    let accounts = forms.iter().map(|(name, form)| ((*name).to_owned(), Some(*form))).collect();
    let mut world = World::with(Config { keys: KeyForms { accounts, ..KeyForms::default() }, ..Config::default() });
    let switch = Address::local(ModuleKind::Switch, 0);
    let event = CallEvent {
        call: empty_summary(),
        cause: None,
        at: Default::default(),
        missed: false,
        pressed: None,
        quality: None,
    };
    world.ask_as_client(switch, Command::Subscribe, one(event));
    world
}

/// What who watches was told of keys: which, by whom, in which form.
fn told(world: &World) -> Vec<(String, bool, KeyForm)> {
    let events = world.client.received.iter().filter_map(|packet| match packet.first() {
        Some(Parameter::CallEvent(event)) => event.pressed.clone(),
        _ => None,
    });
    events.map(|pressed| (pressed.key.reveal().clone(), pressed.by_caller, pressed.form)).collect()
}

fn heard(world: &mut World, port: u16, key: &str, form: KeyForm) {
    let key = Private::new(key.to_owned());
    world.media_event(port, MediaEventKind::Pressed { key, duration_ms: 100, form });
}

fn digits(keys: &str) -> Digits {
    Digits { digits: keys.to_owned().into(), duration_ms: 100, port: None }
}

/// What signaling was asked to send, to which leg.
fn signalled(world: &World) -> Vec<(router::Instance, String)> {
    let digits = world.signaling.sent.iter().filter_map(|(leg, noun)| match noun {
        Parameter::Digits(digits) => Some((*leg, digits.digits.reveal().clone())),
        _ => None,
    });
    digits.collect()
}

#[test]
fn keys_that_pass_in_media_are_told_and_go_nowhere_else() {
    let mut world = world(&[]);
    let (caller, _) = world.connected();
    for (port, key) in [(0, "1"), (1, "#"), (0, "1")] {
        heard(&mut world, port, key, KeyForm::Events);
    }
    let expected = [("1", true), ("#", false), ("1", true)];
    assert_eq!(told(&world), expected.map(|(key, by)| (key.to_owned(), by, KeyForm::Events)));
    assert!(signalled(&world).is_empty() && world.voice.dialled.is_empty());
    assert_eq!(world.counter("keys_pressed"), 3);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn keys_in_media_are_signalled_to_who_has_them_there_in_their_order() {
    let mut world = world(&[("bob", KeyForm::Signalled)]);
    let caller = world.call("alice", "bob");
    let callee = world.only();
    let offered = world.signaling.legs[&callee].started.as_ref().unwrap().media.clone().unwrap();
    assert!(offered.description().streams[0].codecs.iter().all(|codec| !codec.is_telephone_event()));
    world.answer_with(callee, &[pcmu()]);
    // The caller has events all the same, and the worker knows who has none.
    let Some(MediaExchange::Answer(answer)) = world.described(caller) else { panic!() };
    assert!(answer.streams[0].codecs.iter().any(Codec::is_telephone_event));
    assert_eq!((world.plan(0).keys, world.plan(1).keys), (None, Some(KeyForm::Signalled)));
    for key in ["1", "1", "5", "#"] {
        heard(&mut world, 0, key, KeyForm::Events);
    }
    world.run_ms(100);
    let sent: String =
        signalled(&world).into_iter().map(|(leg, key)| if leg == callee { key } else { "?".into() }).collect();
    assert_eq!(sent, "115#");
    assert_eq!(told(&world).len(), 4);
    // And the other way they are events.
    world.ask(callee, Command::Send, digits("9"));
    assert_eq!(world.last_answer(callee).command, Command::Done);
    assert_eq!(world.voice.dialled, [(0, "9".to_owned())]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn signalled_keys_are_media_for_who_has_them_there_and_else_signalled_on() {
    // With events agreed; said to have tones; neither.
    for (forms, codecs, by_media) in [
        (vec![], vec![pcmu(), events()], true),
        (vec![("bob", KeyForm::Tones)], vec![pcmu()], true),
        (vec![], vec![pcmu()], false),
    ] {
        let mut world = world(&forms);
        let caller = world.call("alice", "bob");
        let callee = world.only();
        world.answer_with(callee, &codecs);
        world.ask(caller, Command::Send, digits("12"));
        assert_eq!(world.last_answer(caller).command, Command::Done);
        let expected = [(1, "12".to_owned())];
        assert_eq!(world.voice.dialled, if by_media { &expected[..] } else { &[] });
        assert_eq!(signalled(&world).len(), usize::from(!by_media));
        let told: String = told(&world).into_iter().map(|(key, ..)| key).collect();
        assert_eq!(told, "12");
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn a_press_that_comes_in_two_forms_counts_once() {
    let mut world = world(&[]);
    let (caller, _) = world.connected();
    for key in ["4", "4", "2"] {
        world.ask(caller, Command::Send, digits(key));
        world.run_ms(120);
        heard(&mut world, 0, key, KeyForm::Events);
        world.run_ms(80);
    }
    // The signalling comes behind, and late.
    for key in ["7", "7"] {
        heard(&mut world, 0, key, KeyForm::Events);
        world.run_ms(150);
    }
    for _ in 0..2 {
        world.ask(caller, Command::Send, digits("7"));
        assert_eq!(world.last_answer(caller).command, Command::Done);
    }
    // Another press, long after.
    world.run_ms(5_000);
    world.ask(caller, Command::Send, digits("7"));
    let keys: String = told(&world).into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, "442777");
    let dialled: String = world.voice.dialled.iter().map(|(_, key)| key.as_str()).collect();
    assert_eq!(dialled, "4427", "what came first in signalling; of the rest the media has told the peer");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn who_has_events_alone_is_offered_them_whatever_the_other_one_has() {
    let mut world = world(&[("bob", KeyForm::Events)]);
    let caller = world.call_with("alice", "bob", Some(audio(4_000, &[pcmu()], Direction::SendReceive)));
    let callee = world.only();
    let offered = world.signaling.legs[&callee].started.as_ref().unwrap().media.clone().unwrap();
    assert!(offered.description().streams[0].codecs.iter().any(Codec::is_telephone_event));
    world.answer(callee);
    let Some(MediaExchange::Answer(answer)) = world.described(caller) else { panic!() };
    assert!(answer.streams[0].codecs.iter().all(|codec| !codec.is_telephone_event()), "it has offered none");
    assert!(world.plan(1).codecs.iter().any(Codec::is_telephone_event));
    world.hang_up(caller);
    world.assert_over();
}
