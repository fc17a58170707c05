//! Who may pick up whose calls while they ring.

use super::plan::Plan;
use router::parameter::{Behalf, Origin};

/// Accounts whose calls others may pick up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PickUpGroup {
    /// Its name in logs and errors.
    pub name: String,
    /// The accounts that ring.
    pub members: Vec<String>,
    /// Who may pick up; empty: the members.
    pub by: Vec<String>,
}

impl PickUpGroup {
    /// Whether an account may pick up for its members.
    fn serves(&self, by: &str) -> bool {
        let who = if self.by.is_empty() { &self.members } else { &self.by };
        who.iter().any(|account| account == by)
    }
}

impl Plan {
    /// Whether somebody may pick up a call that rings at an account: a user is the same one on whichever platform the phone is.
    pub(crate) fn may_pick_up(&self, by: &Origin, account: &str) -> bool {
        if by.behalf() != Behalf::Account {
            return false;
        }
        let by = by.name();
        by == account
            || self
                .pick_up_groups
                .iter()
                .any(|group| group.serves(by) && group.members.iter().any(|member| member == account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_pick_up_for_each_other_unless_others_are_named() {
        let group = |name: &str, members: &[&str], by: &[&str]| PickUpGroup {
            name: name.to_owned(),
            members: members.iter().map(|&member| member.to_owned()).collect(),
            by: by.iter().map(|&member| member.to_owned()).collect(),
        };
        let groups = vec![group("sales", &["alice", "bob"], &[]), group("board", &["carol"], &["dave"])];
        let plan = Plan { pick_up_groups: groups, ..Plan::default() };
        let may = |by: &str, account| plan.may_pick_up(&Origin::Account(by.into()), account);
        assert!(may("alice", "bob") && may("bob", "alice") && may("dave", "carol") && may("erin", "erin"));
        assert!(!may("alice", "carol") && !may("dave", "alice") && !may("carol", "dave") && !may("erin", "bob"));
        assert!(!plan.may_pick_up(&Origin::Trunk("alice".into()), "bob"), "a trunk is no account");
        assert!(plan.may_pick_up(&Origin::Account("alice".into()).on("west", None), "bob"), "the same user");
        assert!(!plan.may_pick_up(&Origin::Trunk("alice".into()).on("west", None), "bob"));
    }
}
