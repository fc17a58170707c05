//! A call from set-up to record.

use crate::harness::*;
use router::parameter::*;
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, one};
use switch::Config;

#[test]
fn a_call_is_set_up_talks_and_is_recorded() {
    let mut world = World::new();
    let caller = world.call("alice", "bob");
    assert_eq!(world.signaling.answers[0].2.command, Command::Progress, "the first answer frees the quota");
    let callee = world.only();
    let leg = world.signaling.legs[&callee].started.clone().unwrap();
    assert_eq!(leg.hops, 69);
    assert_eq!(leg.call_id, "call-1");
    let offered = leg.media.as_ref().unwrap().description();
    assert_eq!(offered.streams[0].rtp.unwrap().port(), 20_002, "the callee is offered its own port");
    world.run_ms(300);
    world.ring(callee);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Ringing);
    world.run_ms(700);
    world.answer(callee);
    let answer = world.described(caller).unwrap();
    assert_eq!(answer.description().streams[0].rtp.unwrap().port(), 20_000);
    assert_eq!(codec_names(Some(&answer)), ["PCMU", "telephone-event"]);
    assert_eq!(world.session().bridge, Some((0, 1)));
    assert_eq!(world.plan(0).remote_rtp.unwrap().port(), 4000);
    assert_eq!(world.plan(0).remote_rtcp.unwrap().port(), 4001);
    assert!(world.plan(0).sends && world.plan(0).receives);
    assert_eq!(world.plan(1).silence_limit_ms, Some(60_000));
    world.run(Duration::from_secs(10));
    world.hang_up(caller);
    assert_eq!(world.last_answer(caller).command, Command::Done);
    assert_eq!(world.signaling.legs[&callee].cause.as_ref().unwrap().kind, CauseKind::Normal);
    world.settle();
    let record = world.record();
    assert_eq!(record.outcome, Outcome::Answered);
    assert_eq!(record.ended_by_caller, Some(true));
    assert_eq!(record.destination.as_deref(), Some("bob"));
    assert_eq!(record.ringing.unwrap().since(record.started), Duration::from_millis(300));
    assert_eq!(record.answered.unwrap().since(record.started), Duration::from_secs(1));
    assert_eq!(record.ended.unwrap().since(record.answered.unwrap()), Duration::from_secs(10));
    assert_eq!((record.caller_quality.packets_received, record.callee_quality.packets_received), (100, 101));
    assert_eq!(world.store.records["call-1"][0].0, Command::Start, "it was recorded as open first");
    world.assert_over();
}

#[test]
fn the_callee_hangs_up() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    world.hang_up(callee);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Released);
    assert_eq!(world.record().ended_by_caller, Some(false));
    world.assert_over();
}

#[test]
fn the_caller_gives_up() {
    let mut world = World::new();
    let caller = world.call("alice", "bob");
    let callee = world.only();
    world.ring(callee);
    world.hang_up(caller);
    assert_eq!(world.signaling.legs[&callee].cause.as_ref().unwrap().kind, CauseKind::Cancelled);
    let mut start = world.signaling.answers.iter().filter(|(_, command, _)| *command == Command::Start);
    assert_eq!(start.next_back().unwrap().2.command, Command::Failed, "the request for the call has its last answer");
    assert_eq!(world.record().outcome, Outcome::Unanswered);
    assert_eq!(world.record().cause.as_ref().unwrap().kind, CauseKind::Cancelled);
    world.assert_over();
}

#[test]
fn the_services_answer_by_themselves() {
    for (number, kind) in
        [("echo", BuiltinKind::Echo), ("milliwatt", BuiltinKind::Milliwatt), ("silence", BuiltinKind::Silence)]
    {
        let mut world = World::new();
        let caller = world.call_with("alice", number, Some(audio(4000, &[opus(), pcma()], Direction::SendReceive)));
        assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMA"]);
        assert_eq!(world.session().builtin, Some((0, kind)));
        assert_eq!(world.session().ports.len(), 1);
        world.offer(caller, &[pcma()], Direction::SendOnly);
        assert_eq!(direction(world.described(caller).as_ref()), Some(Direction::ReceiveOnly));
        assert!(!world.plan(0).sends);
        world.hang_up(caller);
        assert_eq!(world.record().destination.as_deref(), Some(number));
        world.assert_over();
    }
}

#[test]
fn a_service_takes_the_first_of_the_callers_formats_that_it_speaks() {
    let mut world = World::new();
    let offered = [opus(), pcmu(), pcma(), events()];
    let caller = world.call_with("alice", "echo", Some(audio(4000, &offered, Direction::SendReceive)));
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMU", "PCMA"]);
    assert_eq!(world.plan(0).codecs[0], pcmu());
    world.offer(caller, &[pcma(), pcmu()], Direction::SendReceive);
    assert_eq!(codec_names(world.described(caller).as_ref()), ["PCMA", "PCMU"], "and as it asks for later");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_service_speaks_what_else_it_can_to_who_has_nothing_else() {
    let services = switch::Services { spoken: [pcma(), pcmu(), opus()].to_vec() };
    for number in ["echo", "milliwatt"] {
        let mut world = World::with(Config { services: services.clone(), ..Config::default() });
        let own = Codec { payload_type: 111, parameters: Some("usedtx=1".into()), ..opus() };
        let caller =
            world.call_with("alice", number, Some(audio(4000, std::slice::from_ref(&own), Direction::SendReceive)));
        assert_eq!(codec_names(world.described(caller).as_ref()), ["opus"]);
        assert_eq!(world.plan(0).codecs, std::slice::from_ref(&own), "by its own number, with what it asks for");
        let both = world.call_with("alice", number, Some(audio(4002, &[own, pcmu()], Direction::SendReceive)));
        assert_eq!(codec_names(world.described(both).as_ref()), ["PCMU"], "what costs less is as good");
        world.offer(both, &[opus()], Direction::SendReceive);
        assert_eq!(codec_names(world.described(both).as_ref()), ["opus"], "and as it asks for later");
        world.hang_up(caller);
        world.hang_up(both);
        world.assert_over();
    }
}

#[test]
fn a_service_that_does_not_speak_the_callers_codec_refuses() {
    let mut world = World::new();
    let caller = world.call_with("alice", "echo", Some(audio(4000, &[opus()], Direction::SendReceive)));
    assert_eq!(world.failure(caller), CauseKind::IncompatibleMedia);
    world.assert_over();
}

#[test]
fn an_answer_without_the_media_that_it_owes_is_the_callees_fault() {
    let mut world = World::new();
    let caller = world.call("alice", "bob");
    let callee = world.only();
    world.answer_with(callee, &[opus()]);
    assert_eq!(world.failure(caller), CauseKind::PeerMisbehaved);
    assert_eq!(world.signaling.legs[&callee].phase, LegPhase::Released);
    world.assert_over();
}

#[test]
fn streams_that_are_not_served_are_refused_in_their_place() {
    let mut world = World::new();
    let mut offer = audio(4000, &[pcmu()], Direction::SendReceive);
    let video =
        MediaStream { kind: MediaKind::Video, codecs: vec![Codec::new(99, "VP8", 90_000)], ..offer.streams[0].clone() };
    offer.streams.insert(0, video.clone());
    let caller = world.call_with("alice", "bob", Some(offer));
    let callee = world.only();
    assert_eq!(
        world.signaling.legs[&callee].started.as_ref().unwrap().media.as_ref().unwrap().description().streams.len(),
        1
    );
    world.answer(callee);
    let answer = world.described(caller).unwrap();
    let ports: Vec<_> = answer.description().streams.iter().map(|stream| stream.rtp.is_some()).collect();
    assert_eq!(ports, [false, true]);
    world.hang_up(caller);
    let only_video = world.call_with("alice", "bob", Some(MediaDescription { streams: vec![video] }));
    assert_eq!(world.failure(only_video), CauseKind::IncompatibleMedia);
    world.assert_over();
}

#[test]
fn a_repeated_request_gets_the_same_answer() {
    let mut world = World::new();
    let (caller, _) = world.connected();
    let first = world.described(caller);
    let request = Call {
        id: "call-1".into(),
        origin: Origin::Account("alice".into()),
        caller: Party::default(),
        anonymous: false,
        called: Party::new("bob", ""),
        media: None,
        hops: 1,
        interface: [192, 0, 2, 1].into(),
        verified: true,
        referred_by: None,
        placement: None,
        path: Vec::new(),
        ring_ms: None,
        passed: None,
        secure: false,
        host: None,
        early_offer: false,
        identity: None,
        leg_id: String::new(),
    };
    world.ask(caller, Command::Start, request.clone());
    assert_eq!(world.last_answer(caller).command, Command::Done);
    assert_eq!(world.described(caller), first);
    assert_eq!(world.switch.calls(), 1);
    // Another leg may not take the call, nor its id.
    let call = world.signaling.legs[&caller].call;
    world.ask_as_client(call, Command::Start, one(request.clone()));
    assert_eq!(world.client.received.last().unwrap().failure().reason, Reason::Refused);
    world.ask_as_client(call.at(Instance(99)), Command::Start, one(request));
    assert_eq!(world.client.received.last().unwrap().failure().reason, Reason::Invalid);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn strangers_and_unknown_calls_are_refused() {
    let mut world = World::new();
    let (caller, _) = world.connected();
    let call = world.signaling.legs[&caller].call;
    world.ask_as_client(call, Command::Stop, one(LegState::released(CauseKind::Normal)));
    assert_eq!(world.client.received.last().unwrap().failure().reason, Reason::Refused);
    world.ask_as_client(call.at(Instance(7)), Command::Stop, one(LegState::released(CauseKind::Normal)));
    assert_eq!(world.client.received.last().unwrap().failure().reason, Reason::NotFound);
    world.ask_as_client(call.of_module(), Command::Open, one(Status::default()));
    assert_eq!(world.client.received.last().unwrap().failure().reason, Reason::Unsupported);
    assert_eq!(world.switch.calls(), 1);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn more_calls_than_allowed_are_congestion() {
    let mut world = World::with(Config { calls_max: 1, ..Config::default() });
    let (caller, _) = world.connected();
    let other = world.call("carol", "bob");
    assert_eq!(world.failure(other), CauseKind::Congestion);
    assert_eq!(world.counter("calls_refused"), 1);
    world.hang_up(caller);
    let third = world.call("carol", "bob");
    world.hang_up(third);
    world.assert_over();
}

#[test]
fn a_switch_that_takes_no_calls_is_draining_and_not_full() {
    let mut world = World::with(Config { calls_max: 1, ..Config::default() });
    let (caller, _) = world.connected();
    let switch = Address::local(ModuleKind::Switch, 0);
    let detail = |world: &mut World| {
        world.ask_as_client(switch, Command::Query, one(Status::default()));
        let answer = world.client.received.last().unwrap().parameters.clone();
        let Some(Parameter::Status(status)) = answer.into_iter().next() else { panic!("no status") };
        let calls = status.resources.iter().find(|resource| resource.kind == ResourceKind::Calls).unwrap();
        calls.detail.clone().unwrap()
    };
    assert!(detail(&mut world).contains("most calls"));
    world.switch.reconfigure(Config { calls_max: 0, ..Config::default() });
    assert!(detail(&mut world).starts_with("draining"));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn who_watches_sees_who_is_at_the_far_side_after_a_transfer() {
    let mut world = World::new();
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
    let (caller, callee) = world.connected();
    let target = Party::new("milliwatt", "example.net");
    let transfer = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None };
    world.ask(callee, Command::Start, transfer);
    let last = world.client.received.iter().rev().find_map(|packet| match packet.first() {
        Some(Parameter::CallEvent(event)) => Some(event.call.clone()),
        _ => None,
    });
    let last = last.unwrap();
    assert_eq!((last.caller.user(), last.called.user()), ("alice", "milliwatt"));
    let peers: Vec<_> = last.legs.into_iter().map(|leg| leg.peer).collect();
    assert_eq!(peers, ["alice", "milliwatt"]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_call_that_its_caller_has_left_by_a_transfer_is_still_the_caller_s() {
    let mut world = World::new();
    let (caller, callee) = world.connected();
    let target = Party::new("carol", "example.net");
    let transfer = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: None };
    world.ask(caller, Command::Start, transfer);
    let carol = world.only();
    world.answer(carol);
    let switch = Address::local(ModuleKind::Switch, 0);
    world.ask_as_client(switch, Command::Query, one(empty_summary()));
    let Parameter::CallSummary(call) = world.client.received.last().unwrap().parameters[0].clone() else { panic!() };
    assert_eq!(call.origin, Some(Origin::Account("alice".into())), "how it came about");
    assert_eq!((call.caller.user(), call.called.user()), ("bob", "carol"), "who talks");
    assert_eq!(call.legs.len(), 2);
    assert!(call.legs.iter().all(|leg| !leg.incoming));
    world.hang_up(callee);
    let record = world.record_of("call-1");
    assert_eq!((record.caller.user(), record.called.user()), ("alice", "bob"), "of the call that was made");
    world.assert_over();
}

#[test]
fn who_watches_sees_each_phase_and_can_hang_up() {
    let mut world = World::new();
    let switch = Address::local(ModuleKind::Switch, 0);
    let event = CallEvent {
        call: empty_summary(),
        cause: None,
        at: Default::default(),
        missed: false,
        pressed: None,
        quality: None,
    };
    world.ask_as_client(switch, Command::Subscribe, one(event.clone()));
    let (caller, callee) = world.connected();
    world.offer(caller, &[pcmu(), events()], Direction::SendOnly);
    world.ask_as_client(switch, Command::Query, one(empty_summary()));
    let page = &world.client.received.last().unwrap().parameters;
    assert!(matches!(&page[0], Parameter::CallSummary(call) if call.phase == CallPhase::Held && call.legs.len() == 2));
    assert!(matches!(&page[1], Parameter::Selection(selection) if selection.cursor.is_none()));
    let selection = Selection { name: Some("call-1".into()), ..Selection::default() };
    world.ask_as_client(switch, Command::Stop, one(selection.clone()));
    assert_eq!(world.signaling.legs[&caller].cause.as_ref().unwrap().kind, CauseKind::Administrative);
    assert_eq!(world.signaling.legs[&callee].cause.as_ref().unwrap().kind, CauseKind::Administrative);
    let told: Vec<_> = world
        .client
        .received
        .iter()
        .filter_map(|packet| match packet.first() {
            Some(Parameter::CallEvent(event)) => {
                Some((event.call.phase, event.cause.as_ref().map(|cause| cause.kind), event.quality.is_some()))
            }
            _ => None,
        })
        .collect();
    let phases = [CallPhase::Routing, CallPhase::Ringing, CallPhase::Talking, CallPhase::Held];
    // How it was heard is told behind its end, and why that was is told again.
    let ends = [false, true].map(|quality| (CallPhase::Ended, Some(CauseKind::Administrative), quality));
    let expected: Vec<_> = phases.into_iter().map(|phase| (phase, None, false)).chain(ends).collect();
    assert_eq!(told, expected);
    world.ask_as_client(switch, Command::Stop, one(selection));
    assert_eq!(world.client.received.last().unwrap().failure().reason, Reason::NotFound);
    world.ask_as_client(switch, Command::Unsubscribe, one(event));
    assert_eq!(world.client.received.last().unwrap().command, Command::Done);
    world.assert_over();
}

#[test]
fn a_listing_is_paged_and_selected() {
    let mut world = World::new();
    for _ in 0..5 {
        world.call("alice", "bob");
    }
    world.call("carol", "bob");
    let switch = Address::local(ModuleKind::Switch, 0);
    let mut selection = Selection { limit: Some(2), party: Some("alice".into()), ..Selection::default() };
    let mut seen = Vec::new();
    loop {
        let mut parameters = one(empty_summary());
        parameters.push(selection.clone().into());
        world.ask_as_client(switch, Command::Query, parameters);
        let page = world.client.received.last().unwrap().parameters.clone();
        for parameter in &page[..page.len() - 1] {
            let Parameter::CallSummary(call) = parameter else { panic!("{parameter:?}") };
            seen.push(call.id.clone());
        }
        let Some(Parameter::Selection(next)) = page.last() else { panic!() };
        assert!(page.len() <= 3);
        if next.cursor.is_none() {
            break;
        }
        selection = (**next).clone();
    }
    assert_eq!(seen, ["call-1", "call-2", "call-3", "call-4", "call-5"]);
    assert_eq!(world.counter("calls_started"), 6);
}

pub(crate) fn empty_summary() -> CallSummary {
    CallSummary {
        id: String::new(),
        caller: Party::default(),
        called: Party::default(),
        phase: CallPhase::Routing,
        started: Default::default(),
        answered: None,
        legs: Vec::new(),
        codec: None,
        origin: None,
        anonymous: false,
        verdict: None,
    }
}
