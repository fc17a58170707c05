//! Legs whose media may have to go by a server that relays (TURN): those whose ways are looked for (ICE), where the media workers know such a server.

use router::parameter::MediaStream;
use std::collections::BTreeMap;

/// Whose ports are to have addresses there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Relaying {
    /// Whether there are servers, and checks are sent at all.
    pub has_servers: bool,
    /// Whether ways are offered to a peer, where nothing is said of it below.
    pub usual: bool,
    /// To the phones of an account.
    pub accounts: BTreeMap<String, bool>,
    /// To a trunk.
    pub trunks: BTreeMap<String, bool>,
}

impl Relaying {
    /// Whether ways are offered to the phones of an account.
    pub(crate) fn is_offered_to_account(&self, name: &str) -> bool {
        self.accounts.get(name).copied().unwrap_or(self.usual)
    }

    /// Whether they are to a trunk.
    pub(crate) fn is_offered_to_trunk(&self, name: &str) -> bool {
        self.trunks.get(name).copied().unwrap_or(self.usual)
    }
}

/// For how many components of its own a peer that has described itself needs addresses of ours: RTCP has one where it has a port.
pub(crate) fn components(stream: &MediaStream) -> u8 {
    match &stream.ice {
        Some(ice) if !ice.is_lite => {
            if stream.rtcp_mux {
                1
            } else {
                2
            }
        }
        _ => 0,
    }
}
