//! The routes: for which calls they are, where those go, and where they go when that fails.

use super::hours::Hours;
use super::matching::{NumberMatch, OriginMatch};
use super::rewrite::Rewrite;
use router::parameter::{BuiltinKind, CauseKind};
use router::time::Duration;

/// One line of the plan.
#[derive(Clone, PartialEq, Debug)]
pub struct Route {
    /// Its name in logs and errors.
    pub name: String,
    /// For which numbers.
    pub number: NumberMatch,
    /// On whose behalf.
    pub origin: OriginMatch,
    /// When; `None`: always.
    pub hours: Option<Hours>,
    /// Where the call goes.
    pub destination: Destination,
    /// Where it goes when that fails.
    pub branches: Branches,
}

/// Where a call goes.
#[derive(Clone, PartialEq, Debug)]
pub enum Destination {
    /// Every contact of an account.
    Account(String),
    /// A group of the plan, by its name.
    Group(String),
    /// Trunks, or other platforms, in their order: the next when one does not answer at all, or fails by its own fault.
    Trunks(Vec<TrunkStep>),
    /// The ways that a rate table has for the number so rewritten, the least expensive first.
    Rates {
        /// The table's name.
        table: String,
        /// From the called number to the table's, and the trunk's.
        rewrite: Rewrite,
        /// How long each may ring, as for [a trunk](TrunkStep::timeout).
        timeout: Option<Duration>,
    },
    /// A built-in service.
    Service(BuiltinKind),
    /// The number so rewritten, routed again by the whole plan.
    Number(Rewrite),
    /// To a call that rings at whom the number so rewritten leads to; with none left of it, at anybody whose calls may be picked up.
    PickUp(Rewrite),
    /// To the conference that the number so rewritten names.
    Conference(Rewrite),
    /// Nowhere.
    Refuse(CauseKind),
}

/// A way out of the platform.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Way {
    /// A trunk of this plan, by its name.
    Trunk(String),
    /// Trunks of this plan that share calls, by their group's name.
    Group(String),
    /// A trunk of another platform.
    TrunkOf {
        /// The trunk's name there.
        trunk: String,
        /// The platform's.
        platform: String,
    },
    /// Another platform, whose own plan takes the number.
    Platform(String),
    /// Where the name service says that the number is, below this domain (ENUM, RFC 6116).
    Enum(String),
}

impl From<&str> for Way {
    fn from(trunk: &str) -> Self {
        Self::Trunk(trunk.to_owned())
    }
}

/// A trunk or platform to try, and the number as it is to see it.
#[derive(Clone, PartialEq, Debug)]
pub struct TrunkStep {
    /// Which.
    pub trunk: Way,
    /// From the called number to the trunk's.
    pub rewrite: Rewrite,
    /// How long it may ring; `None`: as long as the configuration says for every destination; at a platform's plan, as
    /// long as that one lets it.
    pub timeout: Option<Duration>,
}
/// Where a call goes when its destination failed: each at most once.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Branches {
    /// The callee is busy.
    pub busy: Option<Destination>,
    /// It rang, and nobody answered.
    pub no_answer: Option<Destination>,
    /// Declined, forbidden, or refused in a way that has no branch of its own.
    pub refused: Option<Destination>,
    /// Not registered, silent, out of order or congested.
    pub unreachable: Option<Destination>,
    /// Nobody has that number.
    pub unknown: Option<Destination>,
}

impl Branches {
    /// The branch that a cause takes; it is gone then.
    pub(crate) fn take(&mut self, cause: CauseKind) -> Option<Destination> {
        match cause {
            CauseKind::Busy => self.busy.take(),
            CauseKind::NoAnswer => self.no_answer.take(),
            CauseKind::Unreachable | CauseKind::Timeout | CauseKind::Congestion | CauseKind::PeerFailure => {
                self.unreachable.take()
            }
            CauseKind::UnknownNumber => self.unknown.take(),
            CauseKind::Internal | CauseKind::TooManyHops => None,
            _ => self.refused.take(),
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.destinations().next().is_none()
    }

    /// Where they lead to.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &Destination> {
        [&self.busy, &self.no_answer, &self.refused, &self.unreachable, &self.unknown].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_taken_once() {
        let mut branches = Branches { busy: Some(Destination::Refuse(CauseKind::Busy)), ..Branches::default() };
        assert_eq!(branches.take(CauseKind::NoAnswer), None);
        assert!(branches.take(CauseKind::Busy).is_some());
        assert_eq!(branches.take(CauseKind::Busy), None);
    }
}
