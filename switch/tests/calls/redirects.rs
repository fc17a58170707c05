//! A callee that is to be looked for elsewhere.

use crate::harness::*;
use router::Instance;
use router::parameter::*;
use router::time::Duration;
use switch::Config;
use switch::plan::*;

fn moved(to: &[&str]) -> Failure {
    let cause = Cause { code: Some(302), ..Cause::new(CauseKind::Unreachable) };
    let contacts = to.iter().map(|to| Party::new(*to, "example.net")).collect();
    Failure { contacts, ..Failure::because(cause) }
}

fn redirect(world: &mut World, leg: Instance, to: &[&str]) {
    let record = world.signaling.legs.get_mut(&leg).unwrap();
    record.phase = LegPhase::Released;
    let start = record.start.take().unwrap();
    world.signaling.failed(&start, moved(to));
    world.settle();
}

/// Numbers that begin with 0 go to the trunks, on behalf of bob alone.
fn bob_may_call_out(redirects: Redirects, of_trunk: Redirects) -> Config {
    let step = |trunk: &str| TrunkStep { trunk: trunk.into(), rewrite: Rewrite::NONE, timeout: None };
    let routes = vec![Route {
        name: "out".into(),
        number: NumberMatch::Prefix("0".into()),
        origin: OriginMatch::Account("bob".into()),
        hours: None,
        destination: Destination::Trunks(vec![step("one"), step("two")]),
        branches: Branches::default(),
    }];
    let trunk = |name: &str| Trunk { interface: [192, 0, 2, 1].into(), redirects: of_trunk, ..Trunk::new(name) };
    let member = |account: &str| Member { account: account.into(), timeout: None };
    let groups = vec![Group {
        name: "sales".into(),
        members: vec![member("bob"), member("carol")],
        strategy: Strategy::OneAfterAnother,
    }];
    let plan = Plan { routes, groups, trunks: vec![trunk("one"), trunk("two")], ..Plan::default() };
    plan.check().unwrap();
    Config { plan, redirects, ..Config::default() }
}

#[test]
fn forwarding_that_is_set_at_a_phone_is_followed_with_that_phone_s_rights() {
    let mut world = World::with(bob_may_call_out(Redirects::Follow, Redirects::Refuse));
    let caller = world.call("trunk:one", "bob");
    let bob = world.only();
    redirect(&mut world, bob, &["030123"]);
    let one = world.only();
    assert_eq!(world.target(one), "one:030123", "a trunk's caller may not call out, and Bob may");
    let started = world.signaling.legs[&one].started.clone().unwrap();
    assert_eq!(started.hops, 68, "one less than the caller's");
    world.answer(one);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Answered);
    assert_eq!(world.counter("redirects_followed"), 1);
    world.hang_up(caller);
    assert_eq!(world.record().origin, Origin::Trunk("one".into()));
    world.assert_over();
}

#[test]
fn nobody_is_forwarded_where_the_phone_itself_may_not_call() {
    let mut world = World::with(bob_may_call_out(Redirects::Follow, Redirects::Refuse));
    // Bob may call out; Carol's phone may not, whoever calls her.
    let caller = world.call("bob", "carol");
    let carol = world.only();
    redirect(&mut world, carol, &["030123"]);
    assert!(world.ringing().is_empty());
    assert_eq!(world.failure(caller), CauseKind::UnknownNumber);
    world.assert_over();
}

#[test]
fn redirections_are_refused_where_the_operator_says_so() {
    let mut world = World::with(bob_may_call_out(Redirects::Refuse, Redirects::Refuse));
    let caller = world.call("alice", "bob");
    let bob = world.only();
    redirect(&mut world, bob, &["carol"]);
    assert_eq!(world.failure(caller), CauseKind::Unreachable);
    assert_eq!((world.counter("redirects_followed"), world.counter("redirects_refused")), (0, 1));
    world.assert_over();
}

#[test]
fn a_trunk_s_redirection_is_the_callee_s_answer_and_followed_only_where_that_is_configured() {
    let mut world = World::with(bob_may_call_out(Redirects::Follow, Redirects::Refuse));
    let caller = world.call("bob", "030123");
    let one = world.only();
    redirect(&mut world, one, &["carol"]);
    assert!(world.ringing().is_empty(), "the next trunk would say the same");
    assert_eq!(world.failure(caller), CauseKind::Unreachable);
    world.assert_over();

    let mut world = World::with(bob_may_call_out(Redirects::Follow, Redirects::Follow));
    let caller = world.call("bob", "030123");
    let one = world.only();
    redirect(&mut world, one, &["030999", "carol"]);
    let carol = world.only();
    assert_eq!(world.target(carol), "sip:carol@192.0.2.9", "a trunk does not call out over a trunk");
    world.refuse(carol, CauseKind::Busy);
    assert_eq!(world.failure(caller), CauseKind::Busy);
    world.assert_over();
}

/// What the caller is told.
fn told(world: &World, caller: Instance) -> (Option<u16>, Vec<String>) {
    let failure = world.last_answer(caller).failure();
    let contacts = failure.contacts.iter().map(|contact| contact.user().to_owned()).collect();
    (failure.cause.and_then(|cause| cause.code), contacts)
}

#[test]
fn a_redirection_that_is_passed_on_is_the_caller_s_to_follow() {
    let mut world = World::with(bob_may_call_out(Redirects::Pass, Redirects::Pass));
    let caller = world.call("bob", "030123");
    let one = world.only();
    redirect(&mut world, one, &["030999", "carol", "030999"]);
    assert!(world.ringing().is_empty());
    assert_eq!(told(&world, caller), (Some(302), vec!["030999".to_owned(), "carol".to_owned()]));
    world.assert_over();
    // A phone's comes after those that were to ring then, and before what they refused.
    let caller = world.call("alice", "sales");
    let bob = world.only();
    redirect(&mut world, bob, &["030999"]);
    let carol = world.only();
    world.refuse(carol, CauseKind::Busy);
    assert_eq!(told(&world, caller), (Some(302), vec!["030999".to_owned()]));
    world.assert_over();
    // Who declines for all has the last word.
    let caller = world.call("alice", "sales");
    let bob = world.only();
    redirect(&mut world, bob, &["030999"]);
    let carol = world.only();
    world.refuse(carol, Cause { code: Some(603), ..Cause::new(CauseKind::Declined) });
    assert_eq!(told(&world, caller).1, Vec::<String>::new());
    world.assert_over();
}

#[test]
fn phones_that_forward_to_each_other_come_to_an_end() {
    let mut world = World::new();
    let caller = world.call("alice", "bob");
    let bob = world.only();
    redirect(&mut world, bob, &["bob", "carol"]);
    let carol = world.only();
    redirect(&mut world, carol, &["bob", "carol"]);
    assert_eq!(world.failure(caller), CauseKind::Unreachable);
    world.assert_over();
}

#[test]
fn a_chain_of_redirections_is_bounded() {
    let mut world = World::new();
    for one in 0..20 {
        world.signaling.registrations.insert(format!("p{one}"), vec![contact(&format!("p{one}"))]);
    }
    let caller = world.call("alice", "p0");
    let mut rung = 0;
    while let Some(&leg) = world.ringing().first() {
        rung += 1;
        redirect(&mut world, leg, &[&format!("p{rung}")]);
    }
    assert_eq!(rung, 1 + switch::limits::REDIRECTS_PER_SEARCH);
    assert_eq!(world.failure(caller), CauseKind::Unreachable);
    world.assert_over();
}

#[test]
fn several_places_are_tried_in_their_order_and_then_what_was_left() {
    let mut world = World::with(bob_may_call_out(Redirects::Follow, Redirects::Refuse));
    let caller = world.call("alice", "sales");
    let bob = world.only();
    redirect(&mut world, bob, &["030123", "alice"]);
    let one = world.only();
    assert_eq!(world.target(one), "one:030123");
    world.refuse(one, CauseKind::PeerFailure);
    let two = world.only();
    assert_eq!(world.target(two), "two:030123", "fail-over within the number that was named");
    world.refuse(two, CauseKind::Busy);
    let alice = world.only();
    assert_eq!(world.target(alice), "sip:alice@192.0.2.9");
    world.refuse(alice, CauseKind::Declined);
    let carol = world.only();
    assert_eq!(world.target(carol), "sip:carol@192.0.2.9", "the group goes on");
    world.answer(carol);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn the_other_phones_of_a_fork_ring_on() {
    let mut world = World::new();
    world.signaling.registrations.insert("bob".into(), vec![contact("desk"), contact("mobile")]);
    let caller = world.call("alice", "bob");
    let [desk, mobile] = world.ringing()[..] else { panic!() };
    redirect(&mut world, desk, &["carol"]);
    assert_eq!(world.ringing(), [mobile]);
    world.refuse(mobile, CauseKind::Busy);
    let carol = world.only();
    assert_eq!(world.target(carol), "sip:carol@192.0.2.9");
    world.answer(carol);
    world.hang_up(caller);
    world.assert_over();

    // A user who declines everywhere is not forwarded.
    let caller = world.call("alice", "bob");
    let [desk, mobile] = world.ringing()[..] else { panic!() };
    redirect(&mut world, desk, &["carol"]);
    world.refuse(mobile, Cause { code: Some(603), ..Cause::new(CauseKind::Declined) });
    assert_eq!(world.failure(caller), CauseKind::Declined);
    world.assert_over();
}

#[test]
fn a_branch_follows_where_the_number_that_was_named_leads_nowhere() {
    let mut config = bob_may_call_out(Redirects::Follow, Redirects::Refuse);
    config.plan.routes.push(Route {
        name: "bob".into(),
        number: NumberMatch::Exact("bob".into()),
        origin: OriginMatch::Any,
        hours: None,
        destination: Destination::Account("bob".into()),
        branches: Branches { unknown: Some(Destination::Account("carol".into())), ..Branches::default() },
    });
    let mut world = World::with(config);
    let caller = world.call("alice", "bob");
    let bob = world.only();
    redirect(&mut world, bob, &["nobody"]);
    let carol = world.only();
    world.answer(carol);
    world.run(Duration::from_secs(1));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn who_sends_a_call_on_and_asks_not_to_be_shown_is_marked_so() {
    let mut world = World::with(bob_may_call_out(Redirects::Follow, Redirects::Refuse));
    let caller = world.call("trunk:one", "bob");
    let bob = world.only();
    world.refuse_with(
        bob,
        Failure { diversion: Some(DiversionCause::DoNotDisturb), diversion_private: true, ..moved(&["030123"]) },
    );
    let one = world.only();
    let started = world.signaling.legs[&one].started.clone().unwrap();
    let identity = started.identity.expect("who sent it on");
    let told: Vec<_> = identity.diversions.iter().map(|one| (one.by.user(), one.cause, one.private)).collect();
    assert_eq!(told, [("bob", DiversionCause::DoNotDisturb, true)]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn the_second_trunk_is_told_as_the_first_who_sent_the_call_on() {
    let step = |trunk: &str| TrunkStep { trunk: trunk.into(), rewrite: Rewrite::fixed("030123"), timeout: None };
    let routes = vec![Route {
        name: "bob".into(),
        number: NumberMatch::Exact("600".into()),
        origin: OriginMatch::Any,
        hours: None,
        destination: Destination::Account("bob".into()),
        branches: Branches {
            busy: Some(Destination::Trunks(vec![step("one")])),
            unreachable: Some(Destination::Trunks(vec![step("two")])),
            ..Branches::default()
        },
    }];
    let trunk = |name: &str| Trunk { interface: [192, 0, 2, 1].into(), ..Trunk::new(name) };
    let plan = Plan { routes, trunks: vec![trunk("one"), trunk("two")], ..Plan::default() };
    let mut world = World::with(Config { plan, ..Config::default() });
    let caller = world.call("alice", "600");
    let bob = world.only();
    world.refuse(bob, CauseKind::Busy);
    let mut told = Vec::new();
    for trunk in ["one", "two"] {
        let leg = world.only();
        assert_eq!(world.target(leg), format!("{trunk}:030123"));
        let started = world.signaling.legs[&leg].started.clone().unwrap();
        let identity = started.identity.expect("who sent it on");
        told.extend(identity.diversions.iter().map(|one| (one.by.user().to_owned(), one.cause)));
        world.refuse(leg, CauseKind::PeerFailure);
    }
    let busy = ("600".to_owned(), DiversionCause::UserBusy);
    assert_eq!(told, [busy.clone(), busy]);
    assert_eq!(world.signaling.legs[&caller].phase, LegPhase::Released);
    world.assert_over();
}
