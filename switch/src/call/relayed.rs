//! Which ports are to have addresses at a server that relays (TURN).

use super::call::Call;
use super::leg::{LegId, Peer};
use crate::relaying::components;

impl Call {
    /// For how many components of a leg such addresses are asked for when its port is opened: as its peer has offered; of who has offered nothing yet both, where it
    /// is to be offered ways.
    pub(super) fn components_served(&self, leg: LegId) -> u8 {
        let relaying = &self.config.relaying;
        let leg = &self.legs[leg];
        // Media between platforms stays in their network.
        if !relaying.has_servers || leg.remote.is_some() {
            return 0;
        }
        if let Some(stream) = leg.medium.described() {
            return components(stream);
        }
        let is_offered = match &leg.peer {
            Peer::Account(name) => relaying.is_offered_to_account(name),
            Peer::Trunk(name) => relaying.is_offered_to_trunk(name),
            Peer::Platform(_) => false,
        };
        if is_offered { 2 } else { 0 }
    }
}
