//! Who calls, who sent the call on, and who answers for the number: as header fields say it, texts in, types out, and back. No clock, no
//! socket.
//!
//! | file | what |
//! |---|---|
//! | `diversion.rs` | Diversion (RFC 5806) |
//! | `history_info.rs` | History-Info (RFC 7044), and what of it Diversion says too (RFC 7544) |
//! | `passport.rs` | Identity (RFC 8224) and the signed text in it (RFC 8225, 8588, 8946) |
//! | `signer.rs` | our own signatures |
//! | `verdict.rs` | what is to be thought of others' |
//! | `certificate.rs`, `tn_authorisation.rs` | the certificates of who signs (RFC 8226) |
//! | `repository.rs` | those that were fetched, and who waits for one |

mod certificate;
mod diversion;
mod history_info;
pub mod passport;
pub(crate) mod repository;
mod settings;
mod signer;
mod tn_authorisation;
pub mod verdict;

pub use certificate::{Authorities, SignerCertificate};
pub use diversion::{diversion_cause, diversion_is_private, diversions, write_diversion};
pub use history_info::{cause_code, histories, history_cause, place_is_private, write_history};
pub use repository::{Fetch, Place, place_of};
pub use settings::{DiversionForm, IdentitySettings, Verification};
pub use signer::{Claims, Signer};
