use super::*;
use crate::plan::{Destination, NumberMatch, OriginMatch, Rewrite, Route, TrunkStep, Way};

fn search() -> Search {
    Search::new(None, Origin::Control, Party::default(), false, Party::new("100", ""))
}

fn plan(destination: Destination, branches: Branches) -> Plan {
    Plan {
        routes: vec![Route {
            name: "all".into(),
            number: NumberMatch::Any,
            origin: OriginMatch::Any,
            hours: None,
            destination,
            branches,
        }],
        ..Plan::default()
    }
}

#[test]
fn the_most_telling_cause_wins() {
    let mut search = search();
    for kind in [CauseKind::Timeout, CauseKind::Busy, CauseKind::Declined, CauseKind::Unreachable] {
        search.note(kind.into());
    }
    assert_eq!(search.best.as_ref().unwrap().cause, CauseKind::Busy.into());
    let global = Cause { code: Some(603), ..Cause::new(CauseKind::Declined) };
    search.note(global.clone());
    assert_eq!(search.best.unwrap().cause, global);
}

#[test]
fn where_one_is_busy_and_another_s_telephone_rings_out_nobody_answers() {
    let best = |noted: &[(&str, CauseKind)]| {
        let mut search = search();
        noted.iter().for_each(|&(peer, kind)| search.note_of(peer, kind.into()));
        search.best.unwrap().cause.kind
    };
    use CauseKind::{Busy, Declined, NoAnswer, Timeout};
    assert_eq!(best(&[("alice", Busy), ("bob", NoAnswer)]), NoAnswer);
    assert_eq!(best(&[("bob", NoAnswer), ("alice", Declined), ("carol", Busy)]), NoAnswer);
    assert_eq!(best(&[("alice", Busy), ("bob", Declined), ("carol", Timeout)]), Busy, "nobody's rang out");
    assert_eq!(best(&[("alice", NoAnswer), ("alice", Busy)]), Busy, "of one who has two, one says it for both");
    assert_eq!(best(&[("alice", Busy), ("alice", NoAnswer)]), Busy);
}

#[test]
fn each_branch_is_taken_once() {
    let branches = Branches { busy: Some(Destination::Account("bob".into())), ..Branches::default() };
    let plan = plan(Destination::Account("alice".into()), branches);
    let mut search = search();
    assert!(matches!(
        search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false),
        Next::Try(Step::Accounts(_))
    ));
    search.note(CauseKind::Busy.into());
    assert!(
        matches!(search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false), Next::Try(Step::Accounts(members)) if members[0].account == "bob")
    );
    search.note(CauseKind::Busy.into());
    assert!(
        matches!(search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false), Next::Exhausted(cause) if cause.kind == CauseKind::Busy)
    );
}

/// 600 leads to 100, and that one to 10, which has no route.
fn chain(outer: Branches, inner: Branches) -> Plan {
    let route = |number: &str, to: &str, branches| Route {
        name: number.into(),
        number: NumberMatch::Exact(number.into()),
        origin: OriginMatch::Any,
        hours: None,
        destination: Destination::Number(Rewrite::fixed(to)),
        branches,
    };
    Plan { routes: vec![route("600", "100", outer), route("100", "10", inner)], ..Plan::default() }
}

/// Whom the search tries in turn, where all that is tried comes to these causes.
fn tried(plan: &Plan, causes: &[CauseKind]) -> (Vec<String>, CauseKind, Vec<String>) {
    let called = Party::new("600", "");
    let mut search = Search::new(None, Origin::Control, Party::default(), false, called);
    let (mut tried, mut causes) = (Vec::new(), causes.iter());
    loop {
        match search.next(plan, &mut Random::from_seed(1), WallTime::default(), |_| false) {
            Next::Try(Step::Accounts(members)) => tried.push(members[0].account.clone()),
            Next::Try(step) => tried.push(format!("{step:?}")),
            Next::Exhausted(cause) => {
                let by = search.diverted.list().iter().map(|diversion| diversion.by.user().to_owned());
                return (tried, cause.kind, by.collect());
            }
        }
        search.note((*causes.next().expect("no more than that is tried")).into());
    }
}

#[test]
fn the_branches_of_a_route_to_another_number_hold_for_whatever_that_one_says_nothing_of() {
    use CauseKind::{Busy, NoAnswer, Unreachable};
    let to = |name: &str| Some(Destination::Account(name.into()));
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for kind in [Busy, NoAnswer, Unreachable, CauseKind::UnknownNumber] {
        let all = Branches {
            busy: to("desk"),
            no_answer: to("desk"),
            unreachable: to("desk"),
            unknown: to("desk"),
            ..Branches::default()
        };
        let told = tried(&chain(all, Branches::default()), &[kind, NoAnswer, NoAnswer]);
        let expected = if kind == NoAnswer { texts(&["10", "desk"]) } else { texts(&["10", "desk", "desk"]) };
        assert_eq!((told.0, told.1), (expected, NoAnswer), "{kind:?}: each branch once");
        assert!(told.2.iter().all(|by| by == "600"), "it is 600 that sends the call on: {:?}", told.2);
    }
    // The number's own come first; what they lead to may need those of the route.
    let outer = Branches { busy: to("outer"), no_answer: to("rang out"), ..Branches::default() };
    let inner = Branches { busy: to("inner"), ..Branches::default() };
    let told = tried(&chain(outer.clone(), inner.clone()), &[Busy, Busy, Busy]);
    assert_eq!(told, (texts(&["10", "inner", "outer"]), Busy, texts(&["600"])));
    let told = tried(&chain(outer, inner), &[NoAnswer, Busy, Busy]);
    assert_eq!(told, (texts(&["10", "rang out", "outer"]), Busy, texts(&["600"])), "those of 100 are over by then");
}

#[test]
fn where_the_name_service_says_nothing_another_way_is_no_diversion() {
    let step = |trunk| TrunkStep { trunk, rewrite: Rewrite::NONE, timeout: None };
    let asks = Destination::Trunks(vec![step(Way::Enum("e164.arpa".into()))]);
    let way = Destination::Trunks(vec![step("one".into())]);
    let plan = plan(asks, Branches { unknown: Some(way), ..Branches::default() });
    let mut search = search();
    let mut next = || search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false);
    assert!(matches!(next(), Next::Try(Step::Lookup(_))));
    assert!(matches!(next(), Next::Try(Step::Trunk { .. })));
    assert!(search.diverted.list().is_empty());
}

#[test]
fn a_secure_way_is_asked_for_as_long_as_who_is_named_so_is_looked_for() {
    let route = |number: &str, destination, branches| Route {
        name: number.into(),
        number: NumberMatch::Exact(number.into()),
        origin: OriginMatch::Any,
        hours: None,
        destination,
        branches,
    };
    let to = |name: &str| Destination::Account(name.into());
    let busy = |name: &str| Branches { busy: Some(to(name)), ..Branches::default() };
    let plan = Plan {
        routes: vec![
            route("100", to("desk"), busy("voicemail")),
            route("200", to("mobile"), Branches::default()),
            route("300", to("office"), busy("assistant")),
        ],
        ..Plan::default()
    };
    // Whom each redirection of the first one's leads to, and whether by a secure way alone.
    let ways = |places: &[(&str, bool)]| {
        let mut search = search();
        let mut ways = Vec::new();
        for round in 0.. {
            match search.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false) {
                Next::Try(Step::Accounts(members)) => ways.push((members[0].account.clone(), search.secure)),
                Next::Try(step) => panic!("{step:?}"),
                Next::Exhausted(_) => break,
            }
            for &(number, secure) in places.iter().filter(|_| round == 0) {
                let place = Party { secure, ..Party::new(number, "") };
                assert!(search.redirect(&place, Origin::Control, None));
            }
            search.note(CauseKind::Busy.into());
        }
        ways
    };
    let told = |ways: &[(String, bool)]| {
        ways.iter().map(|(who, secure)| format!("{who}{}", if *secure { "!" } else { "" })).collect::<Vec<_>>()
    };
    assert_eq!(told(&ways(&[("200", true), ("300", false)])), ["desk", "mobile!", "office", "assistant", "voicemail"]);
    assert_eq!(
        told(&ways(&[("300", true), ("200", false)])),
        ["desk", "office!", "mobile", "assistant!", "voicemail"],
        "a branch is its route's"
    );
    let mut secure =
        Search::new(None, Origin::Control, Party::default(), false, Party { secure: true, ..Party::new("100", "") });
    assert!(matches!(
        secure.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false),
        Next::Try(Step::Accounts(_))
    ));
    assert!(secure.redirect(&Party::new("200", ""), Origin::Control, None));
    secure.note(CauseKind::Busy.into());
    while !matches!(secure.next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false), Next::Exhausted(_)) {
        assert!(secure.secure, "what was called so stays so, wherever it is sent");
        secure.note(CauseKind::Busy.into());
    }
}

#[test]
fn a_number_that_is_routed_to_itself_is_a_loop() {
    let plan = plan(Destination::Number(Rewrite::NONE), Branches::default());
    assert!(
        matches!(search().next(&plan, &mut Random::from_seed(1), WallTime::default(), |_| false), Next::Exhausted(cause) if cause.kind == CauseKind::TooManyHops)
    );
}
