//! Digest authentication (RFC 7616 as RFC 8760 applies it to SIP): both sides.
//!
//! ```text
//!   server.rs   challenge ─▶ 401/407 ─▶ credentials ─▶ Verdict      our registrar and calls
//!   nonce.rs    stateless nonces; counts of those in use
//!   client.rs   a peer's challenge ─▶ our credentials               our trunks
//! ```
//! The arithmetic is in [`algorithm`]; passwords are never kept, only `H(user:realm:password)` of each algorithm.

pub mod algorithm;
pub mod client;
pub mod nonce;
pub mod server;

pub use algorithm::{Algorithm, Hash};
pub use client::{ClientCredentials, answers, respond};
pub use nonce::{NonceVerdict, Nonces};
pub use server::{Authenticator, Secrets, Verdict};
