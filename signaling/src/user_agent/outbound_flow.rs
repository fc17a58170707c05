//! A registration of ours that is one of two flows (RFC 5626 §4.2): which one, of whom, and which of the registrar's hosts it goes to.

use super::leg::Head;
use super::means::Means;
use crate::transport::Destination;
use std::collections::VecDeque;

/// One of the flows by which an address of ours is registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OutboundFlow {
    /// Its number, from 1 (`reg-id`).
    pub(crate) id: u8,
    /// Who we are there (`+sip.instance`): the same for all flows and in each life.
    instance: Box<str>,
}

/// How many there are: with two hosts one may be away.
const FLOWS: u8 = 2;

impl OutboundFlow {
    /// All of an instance.
    pub(crate) fn all(instance: &str) -> impl Iterator<Item = Self> {
        (1..=FLOWS).map(move |id| Self { id, instance: instance.into() })
    }

    /// Whether the others wait for it: it finds out whether the registrar knows flows at all.
    pub(crate) fn is_first(&self) -> bool {
        self.id == 1
    }

    /// What a Contact says of it.
    pub(crate) fn parameters(&self) -> String {
        format!(";+sip.instance=\"<{}>\";reg-id={}", self.instance, self.id)
    }

    /// The places of the hosts that are this flow's, of all those of a registrar, in their order: each host belongs to one flow, whatever order they are
    /// found in, so that two flows never end at the same one.
    pub(crate) fn own_of(&self, places: &VecDeque<Destination>) -> VecDeque<Destination> {
        let mut hosts: Vec<Destination> = Vec::new();
        for place in places {
            if hosts.iter().all(|host| host.remote.ip() != place.remote.ip()) {
                hosts.push(*place);
            }
        }
        let mut dealt: Vec<_> = hosts.iter().map(|host| host.remote.ip()).collect();
        dealt.sort_unstable();
        let is_own = |host: &Destination| {
            let place = dealt.iter().position(|ip| *ip == host.remote.ip());
            place.is_some_and(|place| place % usize::from(FLOWS) == usize::from(self.id - 1))
        };
        hosts.retain(is_own);
        hosts.into()
    }
}

impl Head {
    /// Whether its peer is a trunk at which we are registered by flows.
    pub(super) fn is_by_flow(&self, means: &Means) -> bool {
        self.trunk().is_some_and(|trunk| means.trunks.get(trunk).config.outbound)
    }

    /// Our Contact in a dialog with it: there what else belongs to the dialog is to come by the flow that began it, as it may come by no other through
    /// our NAT (RFC 5626 §4.3).
    pub(super) fn contact_by_flow(&self, means: &Means, contact: String) -> String {
        match contact.strip_suffix('>') {
            Some(open) if self.is_by_flow(means) => format!("{open};ob>"),
            _ => contact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Transport;

    #[test]
    fn each_host_is_one_flow_s_in_whatever_order_they_are_found() {
        let place = |host: u8, port| Destination::address(Transport::Udp, ([192, 0, 2, host], port).into());
        let places = [place(3, 5060), place(1, 5060), place(2, 5060), place(1, 5070)];
        let [first, second] = OutboundFlow::all("urn:uuid:x").collect::<Vec<_>>().try_into().unwrap();
        let hosts = |flow: &OutboundFlow, places: &[Destination]| -> Vec<String> {
            flow.own_of(&places.iter().copied().collect()).iter().map(|to| to.remote.to_string()).collect()
        };
        assert_eq!(
            hosts(&first, &places),
            ["192.0.2.3:5060", "192.0.2.1:5060"],
            "what is to be asked first is (RFC 2782)"
        );
        assert_eq!(hosts(&second, &places), ["192.0.2.2:5060"]);
        let turned: Vec<Destination> = places.iter().rev().copied().collect();
        assert_eq!(hosts(&second, &turned), ["192.0.2.2:5060"]);
        assert!(hosts(&second, &places[1..2]).is_empty(), "a single host has one flow");
        assert_eq!(second.parameters(), ";+sip.instance=\"<urn:uuid:x>\";reg-id=2");
        assert!(first.is_first() && !second.is_first());
    }
}
