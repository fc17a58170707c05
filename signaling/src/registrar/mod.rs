//! The registrar (RFC 3261 §10): accounts, and where each is reached.
//!
//! ```text
//!   accounts.rs   who may register and call: the store's truth, followed by packets
//!   register.rs   what a REGISTER asks for, and its answer
//!   bindings.rs   the contacts of each account, their expiry, what is to be written behind
//!   temporary.rs  temporary GRUUs, computed
//!   elsewhere.rs  what is known of the bindings that other shards have
//! ```

mod accounts;
mod bindings;
mod elsewhere;
mod register;
mod temporary;

pub use accounts::{AccountEntry, Accounts};
pub(crate) use bindings::secret_of;
pub use bindings::{Bindings, BindingsCounters, Changed};
pub use elsewhere::Elsewhere;
pub use register::{ExpiryLimits, Refusal, Requested, RequestedContact, Wanted};
pub(crate) use temporary::TEMPORARY;
