//! The routing plan: from a number, and on whose behalf it is called, to where the call goes.
//!
//! ```text
//!  number, origin ──▶ routes in their order ──▶ groups ──▶ services ──▶ accounts (the registrar knows them)
//!                          │ destination
//!                          ├─ busy ───────▶ another destination     each branch at most once
//!                          ├─ no answer ──▶ …
//!                          └─ none left ──▶ the best cause, to the caller
//! ```

mod check;
mod group;
mod hours;
mod matching;
mod pick_up;
#[expect(clippy::module_inception, reason = "the folder's own noun")]
mod plan;
mod rewrite;
mod route;
mod step;
mod trunk;
mod trunk_group;
mod trunk_media;

pub use check::PlanError;
pub use group::{Group, Member, Strategy};
pub use hours::{Hours, LocalTime, Zone};
pub use matching::{NumberMatch, OriginMatch, Pattern};
pub use pick_up::PickUpGroup;
pub use plan::{Plan, Rates};
pub use rewrite::Rewrite;
pub use route::{Branches, Destination, Route, TrunkStep, Way};
pub use router::numbering::{NumberForm, Numbering};
pub use trunk::{Redirects, Trunk};
pub use trunk_group::{TrunkGroup, TrunkMember};
pub use trunk_media::TrunkMedia;

pub(crate) use step::{AtDialog, Lookup, Routed, Step};
pub(crate) use trunk::trunk_of;
