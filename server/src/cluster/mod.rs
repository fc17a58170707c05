//! The cluster's certificates: who may link with whom.
//!
//! ```text
//!   first machine                                   second machine
//!   bridge init ─▶ authority.key, authority.pem
//!                  platform.key, platform.pem
//!   bridge invite ─▶ b.invitation ── by a safe way ──▶ bridge join ─▶ authority.pem
//!                                                                     platform.key, platform.pem
//!        └──────────────── TLS 1.3, each shows the other its platform.pem ────────────────┘
//! ```
//!
//! One authority makes a cluster. It signs a certificate for every platform, which names it by the URI `tandem:platform:N`
//! (RFC 5280 §4.2.1.6); a link stands only between platforms of one authority, each under the number of its certificate. The
//! authority's key stays on the machine where the cluster was made, and is needed for invitations alone.
//!
//! - [`certificate`]: what a certificate says, and whether it is in force.
//! - [`authority`]: makes a cluster, signs for its platforms.
//! - [`invitation`]: what a platform is given to join.
//! - [`folder`]: the files.
//! - [`credentials`]: what TLS is told, and renewal.

pub mod authority;
pub mod certificate;
pub mod credentials;
mod error;
pub mod folder;
pub mod invitation;

pub use authority::Authority;
pub use certificate::Certificate;
pub use credentials::{Credentials, InForce};
pub use error::ClusterError;
pub use folder::Folder;
pub use invitation::Invitation;
