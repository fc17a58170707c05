//! What the port of a leg is told.

use super::call::Call;
use super::leg::{LegId, Peer};
use router::parameter::MediaPlan;
use std::net::{IpAddr, SocketAddr};

impl Call {
    /// Its plan as things stand; `None` before an agreement.
    pub(super) fn media_plan(&self, id: LegId, silence_limit_ms: Option<u32>) -> Option<MediaPlan> {
        let leg = &self.legs[id];
        let mut plan = leg.medium.plan(id.port(), leg.host, silence_limit_ms)?;
        // Media of another platform's trunk come from that platform.
        if let (Peer::Trunk(trunk), None) = (&leg.peer, &leg.remote) {
            plan.networks = self.config.plan.media_networks(trunk).to_vec();
        }
        if leg.remote.is_some() {
            let own = leg.medium.address.map(|address| address.rtp.ip());
            let may = |address: &SocketAddr| may_be_sent_to(address.ip().to_canonical(), own);
            plan.remote_rtp = plan.remote_rtp.filter(may);
            plan.remote_rtcp = plan.remote_rtcp.filter(may);
        }
        Some(plan)
    }
}

/// Whether media for another platform may go there from `own`: to one machine, and to what listens inside this one only where links are inside it, too.
/// What another platform names is not looked at by signaling, as what a peer's SDP names is.
fn may_be_sent_to(address: IpAddr, own: Option<IpAddr>) -> bool {
    let is_one = match address {
        IpAddr::V4(address) => !address.is_multicast() && !address.is_broadcast(),
        IpAddr::V6(address) => !address.is_multicast(),
    };
    is_one && (!address.is_loopback() || own.is_some_and(|own| own.to_canonical().is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_platform_s_media_is_not_inside_this_machine_unless_its_links_are() {
        let may = |address: &str, own: &str| may_be_sent_to(address.parse().unwrap(), own.parse().ok());
        assert!(may("192.0.2.7", "192.0.2.1") && may("2001:db8::7", "2001:db8::1"));
        assert!(may("127.0.0.2", "127.0.0.1") && may("::1", "::1"));
        for address in ["127.0.0.1", "::1", "224.0.0.1", "255.255.255.255", "ff02::1"] {
            assert!(!may(address, "192.0.2.1"), "{address}");
            assert!(!may(address, "none"), "{address}");
        }
        assert!(!may("224.0.0.1", "127.0.0.1"));
    }
}
