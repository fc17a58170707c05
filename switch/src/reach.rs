//! Whither a call would lead, without making it: who asks for the options of an address is answered as a caller would be (RFC 3261
//! §11.2), as far as that is known before anybody is asked.

use crate::limits::SEARCH_STEPS;
use crate::plan::{Plan, Step};
use router::parameter::{Cause, CauseKind, Failure, Origin};
use router::time::WallTime;

/// The accounts that would be rung, where these alone decide whether a call comes about. None: something else would be tried, too: a
/// service, a trunk, another platform, a branch of the route.
pub(crate) fn accounts(plan: &Plan, number: &str, origin: &Origin, now: WallTime) -> Result<Vec<String>, Failure> {
    let (mut number, mut origin) = (number.to_owned(), origin.clone());
    for _ in 0..SEARCH_STEPS {
        let Some(routed) = plan.route(&number, &origin, now) else { return Err(because(CauseKind::UnknownNumber)) };
        if !routed.branches.is_empty() {
            return Ok(Vec::new());
        }
        let mut accounts = Vec::new();
        let mut onward = None;
        let mut refusal = CauseKind::UnknownNumber;
        for step in routed.steps {
            match step {
                Step::Accounts(members) => accounts.extend(members.into_iter().map(|member| member.account)),
                Step::AccountHere(member) => accounts.push(member.account),
                Step::Route(next, of) | Step::Redirect(next, of) => onward = Some((next, of)),
                Step::Refuse(cause) => refusal = cause,
                Step::Trunk { .. }
                | Step::TrunkGroup { .. }
                | Step::Platform { .. }
                | Step::Service(_)
                | Step::PickUp(_)
                | Step::Lookup(_)
                | Step::AtDialog(_) => return Ok(Vec::new()),
            }
        }
        match onward {
            _ if !accounts.is_empty() => return Ok(accounts),
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
    use crate::plan::{Branches, Destination, NumberMatch, OriginMatch, Rewrite, Route};

    #[test]
    fn what_the_plan_says_without_asking_anybody() {
        let route = |name: &str, destination: Destination| Route {
            name: name.to_owned(),
            number: NumberMatch::Exact(name.to_owned()),
            origin: OriginMatch::Any,
            hours: None,
            destination,
            branches: Branches::default(),
        };
        let mut forwarded = route("carol", Destination::Account("carol".to_owned()));
        forwarded.branches.unreachable = Some(Destination::Account("bob".to_owned()));
        let plan = Plan {
            routes: vec![
                forwarded,
                route("0900", Destination::Refuse(CauseKind::Forbidden)),
                route("1", Destination::Number(Rewrite::default())),
                route("2", Destination::Account("bob".to_owned())),
            ],
            ..Plan::default()
        };
        let of = |plan: &Plan, number: &str| {
            accounts(plan, number, &Origin::Account("alice".to_owned().into()), WallTime::default())
                .map_err(|failure| failure.cause.unwrap().kind)
        };
        assert_eq!(of(&plan, "bob"), Ok(vec!["bob".to_owned()]));
        assert_eq!(of(&plan, "2"), Ok(vec!["bob".to_owned()]));
        assert_eq!(of(&plan, "echo"), Ok(Vec::new()));
        assert_eq!(of(&plan, "carol"), Ok(Vec::new()), "somebody else is rung where she is not");
        assert_eq!(of(&plan, "0900"), Err(CauseKind::Forbidden));
        assert_eq!(of(&plan, "1"), Err(CauseKind::TooManyHops));
        assert_eq!(of(&Plan { accounts: false, ..plan }, "bob"), Err(CauseKind::UnknownNumber));
    }
}
