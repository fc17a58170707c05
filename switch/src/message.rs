//! Where the plan sends a text message. Messages ring nowhere, so a plan for calls is read in a simpler way: the first destination
//! that takes messages decides, groups are all their members, branches are for calls alone.

use crate::limits::SEARCH_STEPS;
use crate::plan::{Plan, Step};
use router::parameter::{Cause, CauseKind, Failure, MessageRoute, MessageWay};
use router::time::WallTime;

/// The ways for a number on somebody's behalf.
pub(crate) fn ways(plan: &Plan, asked: &MessageRoute, now: WallTime) -> Result<Vec<MessageWay>, Failure> {
    let (mut number, mut origin) = (asked.number.reveal().clone(), asked.origin.clone());
    for _ in 0..SEARCH_STEPS {
        let Some(routed) = plan.route(&number, &origin, now) else { return Err(because(CauseKind::UnknownNumber)) };
        let mut ways = Vec::new();
        let mut onward = None;
        let mut refusal = CauseKind::Unreachable;
        for step in routed.steps {
            match step {
                Step::Accounts(members) => ways.extend(members.into_iter().map(|one| MessageWay::Account(one.account))),
                Step::AccountHere(member) => ways.push(MessageWay::Account(member.account)),
                Step::Trunk { name, number, .. } => ways.push(MessageWay::Trunk { name, number: number.into() }),
                Step::TrunkGroup { name, number, .. } => {
                    let mut members: Vec<_> =
                        plan.trunk_group(&name).map_or(&[][..], |group| &group.members).iter().collect();
                    members.sort_by_key(|member| member.priority);
                    ways.extend(members.into_iter().filter_map(|member| {
                        match plan.trunk_step(&member.trunk, number.clone(), None, None) {
                            Step::Trunk { name, number, .. } => Some(MessageWay::Trunk { name, number: number.into() }),
                            _ => None,
                        }
                    }));
                }
                Step::Route(next, of) | Step::Redirect(next, of) => onward = Some((next, of)),
                Step::Refuse(cause) => refusal = cause,
                // Neither a service nor another platform's plan takes messages, a text picks nothing up, and no name service is asked for one.
                Step::Service(_) | Step::Platform { .. } | Step::PickUp(_) | Step::AtDialog(_) | Step::Lookup(_) => {}
            }
        }
        ways.dedup();
        match onward {
            _ if !ways.is_empty() => return Ok(ways),
            Some(next) => (number, origin) = next,
            None => return Err(because(refusal)),
        }
    }
    Err(because(CauseKind::TooManyHops))
}

fn because(kind: CauseKind) -> Failure {
    Failure::because(Cause::new(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Branches, Destination, NumberMatch, OriginMatch, Rewrite, Route, Trunk, TrunkStep, Way};
    use router::parameter::{BuiltinKind, Origin};
    use std::net::Ipv4Addr;

    fn of(plan: &Plan, number: &str, origin: Origin) -> Result<Vec<MessageWay>, CauseKind> {
        let asked = MessageRoute { number: number.to_owned().into(), origin, ways: Vec::new() };
        ways(plan, &asked, WallTime::default()).map_err(|failure| failure.cause.unwrap().kind)
    }

    #[test]
    fn a_message_goes_where_the_plan_says() {
        let route = |name: &str, number: &str, destination: Destination| Route {
            name: name.to_owned(),
            number: NumberMatch::Exact(number.to_owned()),
            origin: OriginMatch::Any,
            hours: None,
            destination,
            branches: Branches::default(),
        };
        let trunk = TrunkStep { trunk: Way::Trunk("one".to_owned()), rewrite: Rewrite::default(), timeout: None };
        let plan = Plan {
            routes: vec![
                route("out", "00", Destination::Trunks(vec![trunk])),
                route("echo", "600", Destination::Service(BuiltinKind::Echo)),
                route("barred", "0900", Destination::Refuse(CauseKind::Forbidden)),
                route("round", "1", Destination::Number(Rewrite::default())),
            ],
            trunks: vec![Trunk { interface: Ipv4Addr::LOCALHOST.into(), ..Trunk::new("one") }],
            services: Vec::new(),
            ..Plan::default()
        };
        let alice = || Origin::Account("alice".into());
        assert_eq!(of(&plan, "bob", alice()), Ok(vec![MessageWay::Account("bob".to_owned())]));
        let out = MessageWay::Trunk { name: "one".to_owned(), number: "00".to_owned().into() };
        assert_eq!(of(&plan, "00", alice()), Ok(vec![out]));
        for (number, cause) in [
            ("", CauseKind::UnknownNumber),
            ("600", CauseKind::Unreachable),
            ("0900", CauseKind::Forbidden),
            ("1", CauseKind::TooManyHops),
        ] {
            assert_eq!(of(&plan, number, alice()), Err(cause), "{number}");
        }
    }
}
