//! The configuration: TOML in which every key has a default, and what is made of it.
//!
//! | file | what |
//! |---|---|
//! | `model.rs` | every section and key, and its default |
//! | `keys.rs` | what is said of every key, and whether it can be applied without a restart |
//! | `replacement.rs` | what the match of a pattern becomes, and which groups it names |
//! | `value.rs` | values that are written as text: listeners, port ranges, destinations |
//! | `form.rs` | whether each key is there and takes what is written, in words |
//! | `load.rs` | from a file, with errors that name the line |
//! | `validate.rs` | contradictions |
//! | `describe.rs` | the effective values with a comment each, and `docs/configuration.md` |
//! | `reload.rs` | what changed, and what of it can be applied now |
//! | `bridge.rs`, `plan.rs`, `numbers.rs`, `calls.rs`, `codecs.rs`, `media.rs`, `sip.rs`, `store.rs` | what each service crate is told |

pub mod bridge;
pub mod calls;
pub mod codecs;
pub mod describe;
mod form;
pub mod keys;
pub mod load;
pub mod media;
pub mod model;
pub mod numbers;
pub mod plan;
pub mod reload;
mod replacement;
pub mod sip;
pub mod store;
pub mod validate;
pub mod value;

pub use load::{Complaint, ConfigurationError, load, read};
pub use model::Configuration;
