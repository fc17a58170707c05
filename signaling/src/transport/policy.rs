//! What connections go by and an operator changes while the server runs: certificates, and which pages may use it.

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::tls::TlsConfig;

/// What connections that come about from now on go by.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Certificates.
    pub tls: TlsConfig,
    /// The origins of pages that may use the server (RFC 6454), such as `https://phone.example.net`; where there are none, every
    /// one may.
    pub origins: Vec<Box<str>>,
}

/// A [`Policy`] as listeners of all shards share it. Connections that are up keep what they were made with.
#[derive(Clone, Default)]
pub struct SharedPolicy(Arc<ArcSwap<Policy>>);

impl SharedPolicy {
    /// That one.
    pub fn new(policy: Policy) -> SharedPolicy {
        SharedPolicy(Arc::new(ArcSwap::from_pointee(policy)))
    }

    /// Another one from now on.
    pub fn replace(&self, policy: Policy) {
        self.0.store(Arc::new(policy));
    }

    pub(super) fn load(&self) -> Guard<Arc<Policy>> {
        self.0.load()
    }
}

impl PartialEq for SharedPolicy {
    /// Whether both are the same one, whatever is in force.
    fn eq(&self, other: &SharedPolicy) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for SharedPolicy {}

impl fmt::Debug for SharedPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedPolicy")
    }
}
