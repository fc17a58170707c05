//! A call: its legs, its state, and the order of things. One file a feature; [`Call`] asks them in turn.
//!
//! ```text
//!              ┌──────────────── search (plan, fail-over, forks) ◀───────────────┐
//!  setup ──────┤                    │ rings: early_media, ringback               │
//!  originate ──┘                    │ answered: answer, builtin                  │
//!                                   ▼                                            │
//!                near leg ══ session (ports, bridge) ══ far leg, or a service    │
//!                   │  renegotiation, offerless, alignment, relay, keys │             │
//!                   ├───────────────────── transfer ───────────────┴─────────────┘
//!                   │                    recall (back to who asked)
//!                   └── dialog (which other call?), elsewhere (at which platform?), joining (legs of one call come into another)
//!                   │   conference (seats; a call becomes one), invitation
//!                   │   platform (legs at other platforms), connected (with whom?), audit (are they there?), circle (is any telephone?)
//!                                   ▼ release: legs stopped, session closed, record written
//! ```

mod alignment;
mod answer;
mod audit;
mod builtin;
#[expect(clippy::module_inception, reason = "the folder's own noun")]
mod call;
mod circle;
mod conference;
mod connected;
mod conversation;
mod dialog;
mod diverting;
mod early_media;
mod early_offer;
mod elsewhere;
mod failover;
mod fork;
mod guarding;
mod guest;
mod introduction;
mod invitation;
mod joining;
mod keys;
mod leg;
mod locate;
mod media_plan;
mod number_lookup;
mod offerless;
mod operator;
mod originate;
mod pick_up;
mod platform;
mod purpose;
mod recall;
mod redirect;
mod relay;
mod relayed;
mod release;
mod renegotiation;
mod ringback;
mod search;
mod session;
mod setup;
mod summary;
mod supervision;
mod timers;
mod transcoding;
mod transfer;
mod turn;
mod ways;

pub(crate) use call::Call;
pub(crate) use dialog::{Join, Whom};
pub(crate) use invitation::Invitation;
pub(crate) use pick_up::Rings;
pub(crate) use platform::Remote;
use router::asked;
pub(crate) use router::asked::Asked;
pub(crate) use session::quality;
pub(crate) use summary::{origin_shown, without_tags};
pub(crate) use timers::Timer;
pub(crate) use turn::Turn;
