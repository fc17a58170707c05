//! What is wrong with a plan.

use super::plan::Plan;
use super::route::{Destination, Way};

/// What is wrong with a plan.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlanError {
    /// A regular expression that does not compile.
    #[error("the pattern `{pattern}` does not compile: {error}")]
    Pattern {
        /// As written.
        pattern: String,
        /// What the compiler said.
        error: String,
    },
    /// A group that is named and not there.
    #[error("route `{route}` names the group `{group}`, which the plan does not have")]
    UnknownGroup {
        /// Where.
        route: String,
        /// Which.
        group: String,
    },
    /// A trunk that is named and not there.
    #[error("route `{route}` names the trunk `{trunk}`, which the plan does not have")]
    UnknownTrunk {
        /// Where.
        route: String,
        /// Which.
        trunk: String,
    },
    /// A route without a trunk, a group without a member.
    #[error("`{0}` leads nowhere: it names no trunk or member")]
    Empty(String),
    /// A group of trunks that is named and not there, or names a trunk that is not.
    #[error("`{by}` names the trunk or group `{name}`, which the plan does not have")]
    UnknownWay {
        /// Where.
        by: String,
        /// Which.
        name: String,
    },
    /// A rate table that is named and not there.
    #[error("route `{route}` names the rate table `{table}`, which the plan does not have")]
    UnknownRates {
        /// Where.
        route: String,
        /// Which.
        table: String,
    },
    /// Hours that are none.
    #[error("`{0}` are no hours: write \"mon-fri 08:00-18:00\", \"sat,sun\" or \"22:00-06:00\"")]
    Hours(String),
    /// A time zone that nobody knows.
    #[error("`{0}` is no time zone of the IANA database, such as \"Europe/Berlin\"")]
    Zone(String),
    /// Two of the same name.
    #[error("`{0}` is there twice")]
    Twice(String),
}

impl Plan {
    /// Whether every name in it is there.
    pub fn check(&self) -> Result<(), PlanError> {
        let mut names = std::collections::BTreeSet::new();
        let routes = self.routes.iter().map(|route| ("route", &route.name));
        let groups = self.groups.iter().map(|group| ("group", &group.name));
        let trunks = self.trunks.iter().map(|trunk| ("trunk", &trunk.name));
        let trunk_groups = self.trunk_groups.iter().map(|group| ("trunk group", &group.name));
        let services = self.services.iter().map(|(number, _)| ("service", number));
        let rates = self.rates.iter().map(|rates| ("rate table", &rates.name));
        for name in routes.chain(groups).chain(trunks).chain(trunk_groups).chain(services).chain(rates) {
            if !names.insert(name) {
                return Err(PlanError::Twice(format!("{} {}", name.0, name.1)));
            }
        }
        if let Some(group) = self.groups.iter().find(|group| group.members.is_empty()) {
            return Err(PlanError::Empty(group.name.clone()));
        }
        for group in &self.trunk_groups {
            if group.members.is_empty() {
                return Err(PlanError::Empty(group.name.clone()));
            }
            if let Some(member) = group.members.iter().find(|member| self.trunk(&member.trunk).is_none()) {
                return Err(PlanError::UnknownWay { by: group.name.clone(), name: member.trunk.clone() });
            }
        }
        for rates in &self.rates {
            if let Some(name) = rates.table.ways().iter().find_map(|way| self.lacks(way)) {
                return Err(PlanError::UnknownWay { by: rates.name.clone(), name });
            }
        }
        for route in &self.routes {
            for destination in std::iter::once(&route.destination).chain(route.branches.destinations()) {
                self.check_destination(&route.name, destination)?;
            }
        }
        Ok(())
    }

    fn check_destination(&self, route: &str, destination: &Destination) -> Result<(), PlanError> {
        match destination {
            Destination::Group(group) if !self.groups.iter().any(|known| known.name == *group) => {
                Err(PlanError::UnknownGroup { route: route.to_owned(), group: group.clone() })
            }
            Destination::Trunks(steps) if steps.is_empty() => Err(PlanError::Empty(route.to_owned())),
            Destination::Trunks(steps) => match steps.iter().find_map(|step| self.lacks(&step.trunk)) {
                Some(trunk) => Err(PlanError::UnknownTrunk { route: route.to_owned(), trunk }),
                None => Ok(()),
            },
            Destination::Rates { table, .. } if self.rates(table).is_none() => {
                Err(PlanError::UnknownRates { route: route.to_owned(), table: table.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The trunk or group of a way that the plan does not have.
    fn lacks(&self, way: &Way) -> Option<String> {
        match way {
            Way::Trunk(trunk) if self.trunk(trunk).is_none() => Some(trunk.clone()),
            Way::Group(group) if self.trunk_group(group).is_none() => Some(group.clone()),
            _ => None,
        }
    }
}
