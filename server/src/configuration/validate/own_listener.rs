//! Trunks that lead back here.

use super::super::model::Configuration;
use super::super::sip;
use super::super::value::Listen;
use signaling::transport::Transport;
use signaling::trunk::{Target, TargetHost};

/// The listener of ours that calls to a trunk would come to, as far as its address says so: by a name of the zone's or by the outside of
/// a NAT that nobody told us of they may come all the same, which is noticed when they do.
pub(super) fn own_listener<'a>(configuration: &'a Configuration, target: &Target) -> Option<&'a Listen> {
    configuration.sip.listen.iter().find(|listen| {
        let transport = listen.transport;
        // Where none is written, it is UDP, and TCP for what is too long for that.
        let by = target.transport.map_or(!transport.is_secure() && transport.is_opened(), |by| by == transport);
        let port = target.port.unwrap_or(target.transport.unwrap_or(Transport::DEFAULT).default_port());
        let own = listen.address;
        let bound = match target.host {
            TargetHost::Address(address) => {
                let everywhere = own.ip().is_unspecified() && own.is_ipv4() == address.is_ipv4();
                own.port() == port && (own.ip() == address || (everywhere && address.is_loopback()))
            }
            TargetHost::Name(_) => false,
        };
        let told = configuration.sip.advertised.get(listen).and_then(|told| sip::advertised(told, own.port()));
        let outside = told.is_some_and(|told| told.port() == port && told.host().eq_ignore_ascii_case(&target.host()));
        by && (bound || outside)
    })
}
