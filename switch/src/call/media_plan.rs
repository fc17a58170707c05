//! What the port of a leg is told.

use super::call::Call;
use super::leg::{LegId, Peer};
use router::parameter::MediaPlan;

impl Call {
    /// Its plan as things stand; `None` before an agreement.
    pub(super) fn media_plan(&self, id: LegId, silence_limit_ms: Option<u32>) -> Option<MediaPlan> {
        let leg = &self.legs[id];
        let mut plan = leg.medium.plan(id.port(), leg.host, silence_limit_ms)?;
        // Media of another platform's trunk come from that platform.
        if let (Peer::Trunk(trunk), None) = (&leg.peer, &leg.remote) {
            plan.networks = self.config.plan.media_networks(trunk).to_vec();
        }
        Some(plan)
    }
}
