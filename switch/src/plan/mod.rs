//! The routing plan: from a number, and on whose behalf it is called, to where the call goes.
//!
//! ```text
//!  number, origin ──▶ routes in their order ──▶ groups ──▶ services ──▶ accounts (the registrar knows them)
//!                          │ destination
//!                          ├─ busy ───────▶ another destination     each branch at most once
//!                          ├─ no answer ──▶ …
//!                          └─ none left ──▶ the best cause, to the caller
//! ```

mod group;
mod matching;
mod pick_up;
#[expect(clippy::module_inception, reason = "the folder's own noun")]
mod plan;
mod rewrite;
mod trunk_group;

pub use group::{Group, Member, Strategy};
pub use matching::{NumberMatch, OriginMatch, Pattern};
pub use pick_up::PickUpGroup;
pub use plan::{Branches, Destination, Plan, PlanError, Redirects, Route, Trunk, TrunkStep, Way};
pub use rewrite::Rewrite;
pub use trunk_group::{TrunkGroup, TrunkMember};

pub(crate) use plan::{Routed, Step, trunk_of};
