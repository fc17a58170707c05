//! Whether the media of a leg is protected: what its account or trunk may, and what its signalling bears.

use super::leg::Peer;
use super::means::Means;
use crate::policy::MediaSecurity;
use crate::sdp::Security;
use crate::transport::Transport;
use router::Random;

/// How a new dialog is secured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Securing {
    policy: MediaSecurity,
    confidential: bool,
    in_clear: bool,
}

impl Securing {
    /// With that peer, over that transport. `account`: whose phone it is.
    pub(super) fn of(means: &Means, peer: &Peer, account: Option<&str>, transport: Transport) -> Self {
        let accounts = &means.config.accounts_secured;
        let own = account.filter(|_| !accounts.is_empty()).and_then(|account| accounts.get(account)).copied();
        let policy = own.unwrap_or_else(|| peer.policy(means).security);
        Self { policy, confidential: transport.is_secure(), in_clear: means.config.keys_in_clear }
    }

    /// What its offers and answers go by.
    pub(super) fn begin(self, random: &mut Random) -> Security {
        Security::new(self.policy, self.confidential, self.in_clear, random)
    }
}
