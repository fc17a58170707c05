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
mod hours;
mod matching;
mod pick_up;
#[expect(clippy::module_inception, reason = "the folder's own noun")]
mod plan;
mod rewrite;
mod trunk_group;
mod trunk_media;

pub use group::{Group, Member, Strategy};
pub use hours::{Hours, LocalTime, Zone};
pub use matching::{NumberMatch, OriginMatch, Pattern};
pub use pick_up::PickUpGroup;
pub use plan::{Branches, Destination, Plan, PlanError, Rates, Redirects, Route, Trunk, TrunkStep, Way};
pub use rewrite::Rewrite;
pub use router::numbering::{NumberForm, Numbering};
pub use trunk_group::{TrunkGroup, TrunkMember};
pub use trunk_media::TrunkMedia;

pub(crate) use plan::{AtDialog, Lookup, Routed, Step, trunk_of};
