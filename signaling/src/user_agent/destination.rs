//! Where an outgoing leg goes: Request-URI, route set, and the addresses to be tried.

use super::contact::FlowText;
use super::leg::Peer;
use super::means::Means;
use crate::dialog::RouteSet;
use crate::limits::{DESTINATIONS_MAX, FLOW_RESPONSE_TIMEOUT, UNREACHABLE_RESPONSE_TIMEOUT};
use crate::message::{Scheme, Uri, UriRef};
use crate::transport::{Destination, Sought, Transport};
use crate::trunk::TrunkId;
use router::Private;
use router::emergency::is_service;
use router::parameter::{Cause, CauseKind, Contact, ContactFlow, Failure, Party, Target};
use router::time::Duration;
use std::collections::VecDeque;
use std::net::IpAddr;

/// The addresses to be tried, or what is to be found first.
#[derive(Debug)]
pub(crate) enum Hop {
    Addresses(VecDeque<Destination>),
    Name(Sought),
}

impl Hop {
    /// The same, if it is at that host, or between proxies of ours. A name may be anybody's by the time that it is looked up, so that is
    /// looked at once more then, and only of a proxy of ours it may be one.
    fn at_host(self, means: &Means, host: IpAddr) -> Option<Self> {
        let is_edge = |host: IpAddr| means.config.is_edge_proxy(host);
        let leads = self.is_at(host)
            || is_edge(host)
                && match &self {
                    Self::Addresses(all) => all.iter().all(|to| is_edge(to.remote.ip())),
                    Self::Name(_) => true,
                };
        leads.then_some(self)
    }

    /// Whether it is at that host.
    fn is_at(&self, host: IpAddr) -> bool {
        match self {
            Self::Addresses(all) => all.iter().all(|to| to.remote.ip().to_canonical() == host.to_canonical()),
            Self::Name(_) => false,
        }
    }
}

/// Where a leg goes.
#[derive(Debug)]
pub(crate) struct Whither {
    pub(crate) peer: Peer,
    pub(crate) request_uri: Uri,
    pub(crate) routes: RouteSet,
    /// The host of To.
    pub(crate) to_host: String,
    pub(crate) hop: Hop,
    /// How long it may leave an INVITE without any response.
    pub(crate) response: Duration,
    /// Further flows to the same phone, the next one first.
    pub(crate) others: Vec<ContactFlow>,
    /// The phone, if it says which one it is.
    pub(super) instance: Option<Private<String>>,
    /// Whether only a secure way is one.
    secure: bool,
}

impl Whither {
    /// Where a target is. `secure`: only if it is reached by TLS (RFC 5630 §5.3: 480 where an address of record has no such contact).
    /// `urgent`: whatever the bounds of a trunk.
    pub(crate) fn new(
        means: &mut Means,
        target: &Target,
        caller: &Party,
        secure: bool,
        urgent: bool,
    ) -> Result<Self, Failure> {
        match target {
            Target::Contact(contact) => {
                let whither = Self::contact(means, contact).and_then(|whither| whither.if_secure(secure));
                whither.map_err(Failure::because)
            }
            Target::Trunk { name, number } => {
                let (id, whither) =
                    Self::trunk_place(means, name, number.reveal(), caller).map_err(Failure::because)?;
                let whither = whither.if_secure(secure).map_err(Failure::because)?;
                Self::keep_place(means, id, urgent).map(|()| whither)
            }
            // A URI outside the plan is nobody's that calls may be sent to.
            Target::Uri(_) => Err(Failure::because(CauseKind::Forbidden.into())),
        }
    }

    pub(crate) fn contact(means: &Means, contact: &Contact) -> Result<Self, Cause> {
        let Contact { uri, path, flow, reachable, others, instance, .. } = contact;
        let whither = Self::place(means, uri, path, flow, *reachable)?;
        let whither = Self { instance: instance.clone(), ..whither };
        Ok(match others {
            None => whither,
            // One that says nothing is left for another one while its caller still waits.
            Some(others) => {
                Self { others: others.to_vec(), response: whither.response.min(FLOW_RESPONSE_TIMEOUT), ..whither }
            }
        })
    }

    /// A flow of a phone, and where it leads. `None`: nowhere, or not by a secure way where that has to be one.
    pub(crate) fn flow(means: &Means, flow: &ContactFlow, secure: bool) -> Option<(Self, Destination)> {
        let whither = Self::place(means, &flow.uri, &flow.path, &flow.flow, flow.reachable).ok()?;
        let whither = whither.if_secure(secure).ok()?;
        let Hop::Addresses(addresses) = &whither.hop else { return None };
        let destination = addresses.front().copied()?;
        Some((whither, destination))
    }

    /// By the next flow to the same phone, which stands for it from now on. `None`: none is left.
    pub(crate) fn by_another_flow(&mut self, means: &Means) -> Option<VecDeque<Destination>> {
        while !self.others.is_empty() {
            let ContactFlow { uri, path, flow, reachable } = self.others.remove(0);
            let next = Self::place(means, &uri, &path, &flow, reachable).and_then(|next| next.if_secure(self.secure));
            if let Ok(Self { request_uri, routes, hop: Hop::Addresses(addresses), response, .. }) = next {
                let last = self.others.is_empty();
                self.response = if last { response } else { response.min(FLOW_RESPONSE_TIMEOUT) };
                (self.request_uri, self.routes) = (request_uri, routes);
                return Some(addresses);
            }
        }
        None
    }

    fn place(
        means: &Means,
        uri: &Private<String>,
        path: &[Private<String>],
        flow: &Private<String>,
        reachable: Option<bool>,
    ) -> Result<Self, Cause> {
        let unreachable = || Cause::from(CauseKind::Unreachable);
        let uri = Uri::parse(uri.reveal()).ok_or_else(unreachable)?;
        // RFC 3261 §19.1.1 table 1: neither may stand in a Request-URI.
        let request_uri = uri.without(&["method"]);
        let routes = RouteSet::of_values(path.iter().map(|hop| hop.reveal().as_str()));
        let flow = FlowText::parse(flow.reveal()).map(|flow| flow.to_contact(request_uri.borrow()));
        let by_flow = flow.and_then(|flow| match flow.transport.is_reliable() {
            false => flow.datagrams(&means.config.listeners),
            true => means.flows.to(flow.remote).map(Destination::flow),
        });
        // Path and Contact are the phone's own words. They say at which port of the host that the REGISTER came from somebody listens; another
        // host would be called past the plan, in our name. Proxies before the phone (RFC 3327 §5.3) sent the REGISTER: what they ask for
        // goes with the request, which goes to them. One of ours may be at another of its hosts, too.
        let said = match routes.first() {
            Some(proxy) => hop_of(proxy).and_then(|hop| hop.at_host(means, flow?.remote.ip())),
            None => hop_of(request_uri.borrow()).and_then(|hop| {
                let host = flow?.remote.ip();
                hop.is_at(host).then_some(hop)
            }),
        };
        let hop = match (said, by_flow) {
            (Some(Hop::Addresses(proxy)), by_flow) if !routes.is_empty() => {
                Hop::Addresses(by_the_same_way(proxy, by_flow))
            }
            (_, Some(destination)) => Hop::Addresses(VecDeque::from([destination])),
            // The connection is gone.
            (Some(said), None) => said,
            (None, None) => return Err(unreachable()),
        };
        // One that leaves keep-alives unanswered may be back, but is not waited for.
        let response = match reachable {
            Some(false) => means.config.response_timeout.min(UNREACHABLE_RESPONSE_TIMEOUT),
            _ => means.config.response_timeout,
        };
        let (to_host, others, secure) = (String::new(), Vec::new(), false);
        Ok(Self { peer: Peer::Account, request_uri, routes, to_host, hop, response, others, instance: None, secure })
    }

    /// The same, unless it has to be reached by a secure way and is not (RFC 3261 §26.2.2, RFC 5630 §5.3). How a proxy reaches a phone behind it
    /// the phone's Contact says.
    pub(crate) fn if_secure(mut self, secure: bool) -> Result<Self, Cause> {
        let is_secure = || match &self.hop {
            Hop::Addresses(all) => all.iter().all(|to| to.transport.is_secure()),
            Hop::Name(sought) => sought.is_secure(),
        };
        let beyond_is_secure = || {
            let uri = self.request_uri.borrow();
            self.peer != Peer::Account
                || self.routes.is_empty()
                || uri.scheme() == Scheme::Sips
                || Transport::of_uri(&uri).is_some_and(Transport::is_secure)
        };
        if secure && !(is_secure() && beyond_is_secure()) {
            return Err(CauseKind::Unreachable.into());
        }
        self.secure = secure;
        Ok(self)
    }

    /// A place among the trunk's calls is kept for the leg.
    fn keep_place(means: &mut Means, id: TrunkId, urgent: bool) -> Result<(), Failure> {
        match means.trunks.get_mut(id).offer(means.now.instant) {
            Ok(()) => Ok(()),
            // It begins without one.
            Err(_) if urgent => Ok(()),
            Err(after) => {
                let retry_after_s = u32::try_from(after.as_secs()).ok();
                Err(Failure { retry_after_s, ..Failure::because(CauseKind::Congestion.into()) })
            }
        }
    }

    /// Where a number at a trunk is.
    pub(crate) fn trunk_place(
        means: &Means,
        name: &str,
        number: &str,
        caller: &Party,
    ) -> Result<(TrunkId, Self), Cause> {
        let id = means.trunks.by_name(name).ok_or(CauseKind::PeerFailure)?;
        let trunk = means.trunks.get(id);
        let target = trunk.config.target.as_ref().ok_or(CauseKind::PeerFailure)?;
        let response = trunk.config.response_timeout;
        let domain = trunk.config.identity.domain.as_ref();
        let to_host = domain.cloned().unwrap_or_else(|| target.host());
        let default = target.transport.unwrap_or(Transport::DEFAULT).default_port();
        // How its address is reached is nothing that a domain of another name has in its URIs.
        let port = target.port.filter(|&port| port != default && domain.is_none());
        let uri = match is_service(number) {
            true => Uri::parse(number),
            false => Uri::sip(Scheme::Sip, Some(number), &to_host, port),
        };
        let uri = uri.ok_or(CauseKind::UnknownNumber)?;
        let request_uri = match target.transport {
            // A service has no transport.
            _ if uri.borrow().scheme() == Scheme::Other => uri,
            None | Some(Transport::DEFAULT) => uri,
            Some(_) if domain.is_some() => uri,
            Some(transport) => uri.with_parameter("transport", Some(transport.uri_parameter())).unwrap_or(uri),
        };
        // RFC 3608 §5: what a registrar asked for goes before.
        let routes = means.trunks.service_route(id, Some(caller.user())).cloned().unwrap_or_default();
        let hop = match routes.first() {
            Some(first) => hop_of(first).ok_or(CauseKind::PeerFailure)?,
            None => match target.address() {
                Some(destination) => Hop::Addresses(VecDeque::from([destination])),
                None => Hop::Name(target.sought()),
            },
        };
        let (peer, others, secure) = (Peer::Trunk(id), Vec::new(), false);
        Ok((id, Self { peer, request_uri, routes, to_host, hop, response, others, instance: None, secure }))
    }
}

/// The next hop that a URI names (RFC 3263 §4).
fn hop_of(uri: UriRef<'_>) -> Option<Hop> {
    Sought::of_uri(&uri).map(hop)
}

/// The first proxy on the way to a phone. Where it is who the REGISTER came from, that flow is the way there; where it is another
/// place of the same kind, it is reached from the address of ours that the REGISTER came to.
fn by_the_same_way(mut addresses: VecDeque<Destination>, by_flow: Option<Destination>) -> VecDeque<Destination> {
    let Some(by_flow) = by_flow else { return addresses };
    for address in &mut addresses {
        let same_kind = address.transport == by_flow.transport && address.remote.is_ipv4() == by_flow.remote.is_ipv4();
        if same_kind && address.remote == by_flow.remote {
            *address = by_flow;
        } else if same_kind && let (Some(listener), Some(local)) = (by_flow.listener, by_flow.local) {
            *address = address.from_listener(listener).from_local(local);
        }
    }
    addresses
}

/// An address is there already.
fn hop(sought: Sought) -> Hop {
    match sought.address() {
        Some(destination) => Hop::Addresses(VecDeque::from([destination])),
        None => Hop::Name(sought),
    }
}

/// The addresses of a name in the order in which they are tried: those that failed lately come last (RFC 3263 §4.3 lets a client
/// remember them).
pub(crate) fn in_order(means: &Means, places: &[Destination]) -> VecDeque<Destination> {
    let now = means.now.instant;
    let served = |to: &&Destination| means.config.listeners.select(to).is_some();
    let (good, bad): (Vec<_>, Vec<_>) =
        places.iter().filter(served).copied().partition(|to| !means.avoided.holds(now, to.remote));
    good.into_iter().chain(bad).take(DESTINATIONS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_an_address_or_a_name() {
        let hop = |uri: &str| hop_of(UriRef::parse(uri.as_bytes()).unwrap());
        let Some(Hop::Addresses(all)) = hop("sip:a@192.0.2.1:5070;transport=tcp") else { panic!("an address") };
        assert_eq!(all[0].to_string(), "tcp 192.0.2.1:5070");
        let Some(Hop::Name(sought)) = hop("sip:a@Host.example") else { panic!("a name") };
        assert_eq!(sought.to_string(), "host.example");
        let Some(Hop::Addresses(all)) = hop("sips:a@192.0.2.1") else { panic!("an address") };
        assert_eq!(all[0].to_string(), "tls 192.0.2.1:5061");
        let wrong = ["sip:a@h;transport=carrier-pigeon", "tel:1", "sip:a@h;transport=ws"];
        assert!(wrong.iter().all(|uri| hop(uri).is_none()));
    }

    #[test]
    fn behind_a_proxy_a_secure_way_is_the_phones_to_name() {
        let whither = |uri: &str, proxy: &str| Whither {
            peer: Peer::Account,
            request_uri: Uri::parse(uri).unwrap(),
            routes: RouteSet::of_values([proxy].into_iter().filter(|proxy| !proxy.is_empty())),
            to_host: String::new(),
            hop: Hop::Addresses(VecDeque::from([Destination::address(
                Transport::Tls,
                "192.0.2.1:5061".parse().unwrap(),
            )])),
            response: Duration::from_secs(4),
            others: Vec::new(),
            instance: None,
            secure: false,
        };
        let edge = "<sip:192.0.2.1:5061;transport=tls;lr>";
        for (uri, proxy, secure) in [
            ("sip:bob@198.51.100.7", "", true),
            ("sip:bob@198.51.100.7", edge, false),
            ("sip:bob@198.51.100.7;transport=ws", edge, false),
            ("sip:bob@198.51.100.7;transport=tls", edge, true),
            ("sips:bob@198.51.100.7;transport=ws", edge, true),
            ("sips:bob@198.51.100.7", edge, true),
        ] {
            assert_eq!(whither(uri, proxy).if_secure(true).is_ok(), secure, "{uri} {proxy}");
            assert!(whither(uri, proxy).if_secure(false).is_ok());
        }
    }
}
