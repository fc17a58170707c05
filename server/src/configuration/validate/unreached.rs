//! Routes, groups and services that no call comes to, as something before them takes every one.

use super::super::model::Configuration;
use super::super::plan;
use super::Found;
use switch::plan::{NumberMatch, Route};

/// Each with what is before it.
pub(super) fn unreached(configuration: &Configuration, found: &mut Found) {
    let plan = plan::plan(configuration);
    for (index, route) in plan.routes.iter().enumerate() {
        if let Some(before) = plan.routes[..index].iter().position(|before| takes_all_of(before, route)) {
            let named = configuration.route[before].name.clone().unwrap_or_else(|| format!("route[{before}]"));
            let why = format!("no call comes to it: `{named}` is before it, and takes all of its calls");
            found.add(format!("route[{index}]"), why);
        }
    }
    for (index, group) in plan.groups.iter().enumerate() {
        if plan.services.iter().any(|(number, _)| *number == group.name) {
            let why = format!("`{}` is the number of a service too: calls come to the group alone", group.name);
            found.add(format!("group[{index}].name"), why);
        }
    }
}

/// Whether a route takes each call that another one is for, at any time.
fn takes_all_of(before: &Route, route: &Route) -> bool {
    let at_any_time = before.hours.is_none() || before.hours == route.hours;
    at_any_time && before.origin.covers(&route.origin) && covers(&before.number, &route.number)
}

/// As far as can be said of patterns.
fn covers(before: &NumberMatch, number: &NumberMatch) -> bool {
    match (before, number) {
        (NumberMatch::Any, _) => true,
        (NumberMatch::Prefix(before), NumberMatch::Prefix(prefix)) => prefix.starts_with(before.as_str()),
        (before, NumberMatch::Exact(number)) => before.matches(number),
        (before, number) => before == number,
    }
}
