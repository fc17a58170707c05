//! Hosts that the media of trunks come from beside those that they name.

use super::plan::Plan;
use router::parameter::Network;

/// What the operator knows of a carrier whose media come from hosts that it signals nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkMedia {
    /// The trunk's name.
    pub trunk: String,
    /// Where its media may come from; [`MEDIA_NETWORKS`](router::limits::MEDIA_NETWORKS) at most.
    pub networks: Vec<Network>,
}

impl Plan {
    /// Where the media of a trunk may come from beside the hosts that it names.
    pub(crate) fn media_networks(&self, trunk: &str) -> &[Network] {
        let known = self.trunk_media.iter().find(|known| known.trunk == trunk);
        known.map_or(&[], |known| &known.networks)
    }
}
