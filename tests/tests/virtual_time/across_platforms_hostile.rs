//! A platform of the cluster that is in the wrong hands: whatever it sends, calls that it has no part in go on as if it were not there.

use crate::{connect, ms, secs};
use router::parameter::{
    Account, AccountCredential, Call, CallSummary, Cause, CauseKind, Conversion, Dialog, DialogPlace, Handover,
    LegPhase, LegState, MediaPort, Origin, Originate, Outcome, Parameter, Party, Placement, PortId, Reason, Selection,
    Transfer,
};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, PlatformId, Transaction, one};
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Ending, PlatformConfig, Simulation, Step};
use std::net::IpAddr;

/// The platform that means ill, and the one that it means.
const HOSTILE: usize = 2;
const MEANT: PlatformId = PlatformId(1);

fn at(address: Address) -> Address {
    Address { platform: MEANT, ..address }
}

/// Sends a request from the hostile platform.
fn send(simulation: &mut Simulation, to: Address, command: Command, parameters: impl Into<Parameters>) -> Transaction {
    let now = simulation.now();
    simulation.at(HOSTILE).observer().ask(now, at(to), command, parameters)
}

/// A call that it sends, to anybody.
fn call_of(id: &str, called: &str) -> Call {
    Call {
        id: id.to_owned(),
        origin: Origin::Account("mallory".into()),
        caller: Party::new("mallory", ""),
        anonymous: false,
        called: Party::new(called, ""),
        media: None,
        hops: 70,
        interface: [127, 0, 0, 1].into(),
        leg_id: String::new(),
        verified: true,
        referred_by: None,
        passed: None,
        secure: false,
        placement: None,
        path: vec![PlatformId(3)],
        ring_ms: None,
        host: None,
        early_offer: false,
        identity: None,
    }
}

/// What became of a request of it: each is answered.
fn answer(simulation: &mut Simulation, asked: Transaction) -> Packet {
    let mut answer = None;
    simulation.run_until(secs(2), |simulation| {
        answer = simulation.at(HOSTILE).observer().answer(asked);
        answer.is_some()
    });
    answer.expect("every request is answered")
}

/// The calls of the platform that is meant, as anybody may read them.
fn calls(simulation: &mut Simulation) -> Vec<CallSummary> {
    let asked = send(simulation, Address::local(ModuleKind::Switch, 0), Command::Query, one(Selection::default()));
    let answer = answer(simulation, asked);
    let summaries = answer.parameters.into_iter().filter_map(|parameter| match parameter {
        Parameter::CallSummary(summary) => Some(*summary),
        _ => None,
    });
    summaries.collect()
}

/// The dialog with the callee: what nobody is told outside. It rings.
fn dialog(simulation: &mut Simulation) -> Dialog {
    let now = simulation.now();
    let switch = Address::local(ModuleKind::Switch, 0);
    let asked = simulation.at(0).observer().ask(now, switch, Command::Query, one(Selection::default()));
    simulation.run(ms(50));
    let answer = simulation.at(0).observer().answer(asked).expect("an answer");
    let Some(Parameter::CallSummary(call)) = answer.first() else { panic!("{answer:?}") };
    let leg = call.legs.iter().find(|leg| leg.tags.is_some()).expect("it rings");
    let tags = leg.tags.as_ref().expect("it rings");
    Dialog {
        leg_id: leg.leg_id.clone(),
        own_tag: tags.local.to_string(),
        peer_tag: tags.remote.to_string(),
        early_only: false,
        at: None,
        join: false,
    }
}

/// Where the callee's leg and its call are.
fn place(simulation: &mut Simulation) -> DialogPlace {
    let dialog = dialog(simulation);
    let now = simulation.now();
    let home = Address::local(ModuleKind::Signaling, 0);
    let asked = simulation.at(0).observer().ask(now, home, Command::Query, one(dialog));
    simulation.run(ms(50));
    match simulation.at(0).observer().answer(asked).expect("an answer").first() {
        Some(Parameter::Dialog(dialog)) => dialog.at.expect("it is there"),
        other => panic!("{other:?}"),
    }
}

fn talk(simulation: &mut Simulation, [one, other]: [PhoneIndex; 2]) -> u32 {
    let heard = |simulation: &Simulation| {
        let speaker = simulation.call(other).media.speaker();
        simulation.call(one).media.hearing.speakers.get(&speaker).copied().unwrap_or(0) as u32
    };
    let before = heard(simulation);
    simulation.run(secs(2));
    heard(simulation) - before
}

#[test]
fn a_call_is_not_touched_by_a_platform_that_knows_all_about_it_and_has_no_part_in_it() {
    let mut simulation = Simulation::cluster(51, &[&["bob"], &["alice"], &["mallory"]]);
    let alice = simulation.add_registered_at(1, "alice");
    let bob = simulation.add_registered_at(0, "bob");
    simulation.tell(bob).config.behaviour = Behaviour::answers(secs(2));
    simulation.tell(alice).dial("bob");
    simulation.run(secs(1));
    let DialogPlace { leg, call } = place(&mut simulation);
    simulation.run(secs(2));
    let id = calls(&mut simulation).pop().expect("a call").id;
    assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());

    let named = || Parameter::from(Selection { name: Some(id.clone()), ..Selection::default() });
    let released = || one(LegState::released(Cause::new(CauseKind::Normal)));
    let transfer = || {
        let target = Party::new("mallory", "");
        Parameter::from(Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None })
    };
    let dialog = || Dialog {
        leg_id: String::new(),
        own_tag: String::new(),
        peer_tag: String::new(),
        early_only: false,
        at: Some(DialogPlace { leg, call }),
        join: false,
    };
    let session = Address::local(ModuleKind::Voice, 0).at(call.instance);
    let interface: IpAddr = [127, 0, 0, 1].into();
    let port = |port| Parameter::from(MediaPort::new(PortId(port), interface));
    let (switch, store) = (Address::local(ModuleKind::Switch, 0), Address::local(ModuleKind::Store, 0));
    let account = Account {
        name: "bob".to_owned(),
        display_name: None,
        credential: AccountCredential::Withheld,
        enabled: false,
        created: simulation.now().wall,
        removed: true,
    };
    let record = simulation.at(0).records().pop().expect("an open record");
    let handover = Handover { from: leg, call_id: id.clone() };
    let again = |instance| (switch.at(instance), Command::Start, one(call_of(&id, "nobody")));
    let conversion = Conversion { leg: None, origin: Origin::Control, name: None };
    let hostile: Vec<(Address, Command, Parameters)> = vec![
        (leg, Command::Stop, released()),
        (leg, Command::Set, one(handover.clone())),
        (call, Command::Stop, released()),
        (call, Command::Set, one(LegState::new(LegPhase::Answered))),
        (call, Command::Set, one(handover)),
        (call, Command::Start, one(transfer())),
        (call, Command::Start, [transfer(), dialog().into()].into_iter().collect()),
        (call, Command::Start, one(Originate { from: "mallory".into(), to: "mallory".into() })),
        (switch, Command::Stop, one(named())),
        (switch, Command::Start, [transfer(), named()].into_iter().collect()),
        (switch.at(Instance(99)), Command::Start, [transfer(), named()].into_iter().collect()),
        (switch, Command::Start, [conversion.into(), named()].into_iter().collect()),
        again(call.instance),
        again(Instance(98)),
        (session, Command::Close, Parameters::new()),
        (session, Command::Close, one(port(0))),
        (session, Command::Open, one(port(9))),
        (store, Command::Close, one(account)),
        (store, Command::Set, one(router::parameter::CallRecord { outcome: Outcome::Answered, ..record })),
    ];
    let asked: Vec<_> = hostile
        .into_iter()
        .map(|(to, command, parameters)| (command, to, send(&mut simulation, to, command, parameters)))
        .collect();
    simulation.run(secs(1));
    for (command, to, asked) in asked {
        let answer = answer(&mut simulation, asked);
        assert_eq!(answer.command, Command::Failed, "{command:?} to {to}: {answer:?}");
        let reason = answer.failure().reason;
        assert!(matches!(reason, Reason::Refused | Reason::Invalid), "{command:?} to {to}: {:?}", answer.failure());
    }
    // And as much as it can send.
    for number in 0..2_000u64 {
        send(&mut simulation, switch, Command::Query, one(Selection::default()));
        send(&mut simulation, switch.at(Instance(1_000 + number)), Command::Stop, released());
        simulation.run(ms(1));
    }
    assert!(talk(&mut simulation, [alice, bob]) > 80 && talk(&mut simulation, [bob, alice]) > 80);
    simulation.tell(bob).step(0, Step::HangUp);
    simulation.run(secs(1));
    assert!(!simulation.call(alice).is_live() && !simulation.call(bob).is_live());
    let records = simulation.at(0).records();
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!((records[0].outcome, records[0].ended_by_caller), (Outcome::Answered, Some(false)));
    // The account is there, and calls again.
    connect(&mut simulation, alice, bob);
    simulation.tell(alice).step(1, Step::HangUp);
    simulation.run(secs(1));
    simulation.finish();
}

/// Whoever names both tags of a dialog is or was at one of its ends, or watches it: a platform that is none of these cannot guess them, and is
/// not told.
#[test]
fn nobody_comes_into_a_call_whose_dialog_he_does_not_know_or_has_no_part_in() {
    let mut simulation = Simulation::cluster(54, &[&["alice", "bob"], &[], &["mallory"]]);
    let [alice, bob] = ["alice", "bob"].map(|name| simulation.add_registered_at(0, name));
    simulation.tell(bob).config.behaviour = Behaviour::answers(secs(2));
    let events = Address::local(ModuleKind::Switch, 0);
    let empty = calls(&mut simulation);
    assert!(empty.is_empty());
    simulation.tell(alice).dial("bob");
    simulation.run(secs(1));
    let told = calls(&mut simulation);
    assert_eq!(told.len(), 1);
    assert!(told[0].legs.iter().all(|leg| leg.tags.is_none()), "{told:?}");
    let known = dialog(&mut simulation);
    simulation.run(secs(2));
    let mut instance = 200;
    let mut come = |simulation: &mut Simulation, account: &str, dialog: Dialog, sent| {
        instance += 1;
        let call = Call {
            origin: Origin::Account(account.into()),
            placement: Some(Placement::Dialog { dialog, sent }),
            media: None,
            ..call_of(&format!("take{instance}"), "")
        };
        let asked = send(simulation, events.at(Instance(instance)), Command::Start, one(call));
        answer(simulation, asked)
    };
    let guessed = Dialog { own_tag: "0123456789abcdef".to_owned(), ..known.clone() };
    for sent in [false, true] {
        for account in ["bob", "mallory"] {
            let answer = come(&mut simulation, account, guessed.clone(), sent);
            assert_eq!(answer.failure().reason, Reason::NotFound, "{answer:?}");
        }
        let answer = come(&mut simulation, "mallory", known.clone(), sent);
        assert_eq!(answer.failure().cause.map(|cause| cause.kind), Some(CauseKind::Forbidden));
    }
    assert!(talk(&mut simulation, [alice, bob]) > 80 && talk(&mut simulation, [bob, alice]) > 80);
    simulation.finish();
}

#[test]
fn a_platform_ends_the_calls_that_it_placed_itself() {
    let mut simulation = Simulation::cluster(52, &[&["alice"], &["bob"], &["mallory"]]);
    let alice = simulation.add_registered_at(0, "alice");
    let bob = simulation.add_registered_at(1, "bob");
    let call = Address::local(ModuleKind::Switch, 0).at(Instance(7));
    let placed = send(&mut simulation, call, Command::Start, one(Originate { from: "alice".into(), to: "bob".into() }));
    simulation.run(secs(4));
    assert!(simulation.call(alice).is_up() && simulation.call(bob).is_up());
    let answer = answer(&mut simulation, placed);
    let Some(Parameter::CallSummary(call)) = answer.first() else { panic!("{answer:?}") };
    let named = Selection { name: Some(call.id.clone()), ..Selection::default() };
    send(&mut simulation, Address::local(ModuleKind::Switch, 0), Command::Stop, one(named));
    simulation.run(secs(1));
    assert!(!simulation.call(alice).is_live() && !simulation.call(bob).is_live());
    simulation.finish();
}

#[test]
fn a_platform_that_asks_for_as_many_calls_as_it_can_leaves_room_for_those_that_begin_here() {
    let mut config = PlatformConfig::in_cluster(0, &["alice", "bob", "dave"]);
    config.switch.calls_max = 8;
    let configs = vec![config, PlatformConfig::in_cluster(1, &[]), PlatformConfig::in_cluster(2, &["mallory"])];
    let mut simulation = Simulation::cluster_of(53, configs);
    let [alice, bob, dave] = ["alice", "bob", "dave"].map(|name| simulation.add_registered_at(0, name));
    simulation.tell(dave).config.behaviour = Behaviour::rings();
    let place = |simulation: &mut Simulation, number| {
        let call = Address::local(ModuleKind::Switch, 0).at(Instance(number));
        send(simulation, call, Command::Start, one(call_of(&format!("flood{number}"), "dave")))
    };
    let placed: Vec<_> = (1..=12).map(|number| place(&mut simulation, number)).collect();
    simulation.run(secs(1));
    let refused = placed.into_iter().filter_map(|asked| simulation.at(HOSTILE).observer().answer(asked));
    let causes: Vec<_> = refused.map(|answer| answer.failure().cause.map(|cause| cause.kind)).collect();
    // Two places are for other platforms and for who is here.
    assert_eq!(causes, [Some(CauseKind::Congestion); 6]);
    connect(&mut simulation, alice, bob);
    assert_eq!(simulation.call(alice).ending, None::<Ending>);
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(90));
    simulation.finish();
}
