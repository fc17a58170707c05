//! Whether ways to a peer's media are looked for (ICE): what its account or trunk says.

use super::leg::Peer;
use super::means::Means;
use crate::policy::Connectivity;
use crate::sdp::Ice;
use router::Random;

/// How a new dialog looks for ways.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connecting {
    policy: Connectivity,
    is_lite: bool,
}

impl Connecting {
    /// With that peer. `account`: whose phone it is.
    pub(super) fn of(means: &Means, peer: &Peer, account: Option<&str>) -> Self {
        let config = &means.config;
        let apart = account.filter(|_| !config.accounts_connected.is_empty());
        let policy = apart.and_then(|account| config.accounts_connected.get(account)).copied();
        Self { policy: policy.unwrap_or(peer.policy(means).connectivity), is_lite: config.ice_lite }
    }

    /// What its offers and answers go by.
    pub(super) fn begin(self, random: &mut Random) -> Ice {
        Ice::new(self.policy, self.is_lite, random)
    }
}
