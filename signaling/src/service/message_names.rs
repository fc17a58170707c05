//! Names that texts wait for: a trunk's, or that of a proxy before a phone.

use super::Signaling;
use super::messages::send;
use crate::message::{StatusCode, Uri};
use crate::transport::{Resolution, Sought};
use crate::user_agent::destination::in_order;
use crate::user_agent::message_client::Target;
use router::Instance;

impl Signaling {
    /// One is resolved, or is not to be.
    pub(super) fn message_name_resolved(&mut self, instance: Instance, sought: &Sought, resolution: &Resolution) {
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        let mut addresses = match resolution {
            Resolution::Known(places) => in_order(&self.means, places),
            _ => Default::default(),
        };
        let phones: Vec<_> = conveyance.seeking.extract_if(.., |(waits, _)| *waits == *sought).collect();
        if !phones.is_empty() {
            // The name is one that a proxy before the phone has given itself: whoever it leads to has to be one of ours.
            addresses.retain(|to| self.means.config.is_edge_proxy(to.remote.ip()));
            for (_, whither) in phones {
                if let Some(destination) = addresses.front().copied() {
                    send(&mut self.means, instance, conveyance, Target::contact(&whither, destination));
                }
            }
            return self.settle_message(instance);
        }
        let Some((trunk, uri)) = conveyance.resolving.take() else { return };
        match (addresses.front().copied(), Uri::parse(&uri)) {
            (Some(destination), Some(uri)) => {
                let sender = conveyance.message.from.user();
                let routes = self.means.trunks.service_route(trunk, Some(sender)).cloned().unwrap_or_default();
                let target = Target::trunk(trunk, &uri, routes, destination);
                send(&mut self.means, instance, conveyance, target);
            }
            _ => conveyance.note(StatusCode::TEMPORARILY_UNAVAILABLE),
        }
        self.settle_message(instance);
    }
}
