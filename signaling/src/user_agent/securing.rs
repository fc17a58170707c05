//! Whether the media of a leg is protected: what its account or trunk may, and what its signalling bears.

use super::leg::Peer;
use super::means::Means;
use crate::policy::{Keying, MediaSecurity};
use crate::sdp::Security;
use crate::transport::Transport;
use router::Random;
use router::parameter::Fingerprint;
use std::sync::Arc;

/// How a new dialog is secured.
#[derive(Clone, Debug)]
pub(super) struct Securing {
    policy: MediaSecurity,
    keying: Keying,
    fingerprint: Option<Arc<Fingerprint>>,
    confidential: bool,
    in_clear: bool,
}

impl Securing {
    /// With that peer, over that transport. `account`: whose phone it is.
    pub(super) fn of(means: &Means, peer: &Peer, account: Option<&str>, transport: Transport) -> Self {
        let config = &means.config;
        let calls = peer.policy(means);
        let secured = account.filter(|_| !config.accounts_secured.is_empty());
        let keyed = account.filter(|_| !config.accounts_keyed.is_empty());
        let policy =
            secured.and_then(|account| config.accounts_secured.get(account)).copied().unwrap_or(calls.security);
        let keying = keyed.and_then(|account| config.accounts_keyed.get(account)).copied().unwrap_or(calls.keying);
        // Nothing is counted for calls that are never protected.
        let fingerprint = config.fingerprint.as_ref().filter(|_| policy != MediaSecurity::Never).cloned();
        let (confidential, in_clear) = (transport.is_secure(), config.keys_in_clear);
        Self { policy, keying, fingerprint, confidential, in_clear }
    }

    /// What its offers and answers go by.
    pub(super) fn begin(self, random: &mut Random) -> Security {
        let security = Security::new(self.policy, self.confidential, self.in_clear, random);
        security.with_handshakes(self.fingerprint, self.keying)
    }
}
