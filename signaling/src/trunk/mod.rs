//! Trunks: peers that are known by their address, in and out.
//!
//! A request from an address and port that a trunk names belongs to it, the most specific first; what goes out to it carries
//! the identity of the caller when it is trusted, and answers its challenge when it has credentials.

mod header_policy;
mod identity;
mod own_address;
mod proven;
mod registrars;
pub(crate) mod registration;
mod source;
mod target;

pub use header_policy::{HeaderPolicy, HeaderRewrite, may_pass, may_remove};
pub use identity::TrunkIdentity;
pub use own_address::OwnAddress;
pub use proven::ProvenDomains;
pub use registrars::Taken;
pub use source::Source;
pub use target::{Target, TargetHost};

use crate::dialog::RouteSet;
use crate::digest::ClientCredentials;
use crate::limits::{FULL_RETRY_AFTER, PACE_RETRY_AFTER, TRUNKS_MAX};
use crate::policy::CallPolicy;
use crate::transport::Flow;
use registrars::Registrars;
use router::parameter::TrunkStatus;
use router::time::{Duration, Instant};
use router::{Private, Shards, Tally, Throttle};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A trunk of the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkConfig {
    /// Its name.
    pub name: String,
    /// Where requests to it go; `None`: it only calls us.
    pub target: Option<Target>,
    /// Where its requests come from.
    pub sources: Vec<Source>,
    /// The domain that a connection has to have proven to be of (RFC 5922) for its requests to be the trunk's; `None`: their source
    /// suffices.
    pub domain: Option<String>,
    /// What it knows us by, where it asks.
    pub credentials: Option<ClientCredentials>,
    /// Whether its P-Asserted-Identity is believed, and ours is sent to it (RFC 3325 §6: the trust domain).
    pub trusted: bool,
    /// Most calls at once, both ways together; `None`: only the platform's own bound.
    pub calls_max: Option<u32>,
    /// Most calls that are offered to it a second; `None`: any.
    pub calls_per_s: Option<u32>,
    /// How often it is asked by OPTIONS whether it is there; `None`: never.
    pub options: Option<Duration>,
    /// How long each of its addresses may leave an INVITE without any response, 100 among them.
    pub response_timeout: Duration,
    /// How calls are made with it; `None`: as with everybody.
    pub calls: Option<CallPolicy>,
    /// Our addresses of record that are registered there.
    pub register: Vec<OwnAddress>,
    /// For how long that is asked for.
    pub register_expires: Duration,
    /// Whether each is registered over two flows, to two of its hosts (RFC 5626).
    pub outbound: bool,
    /// Which header fields pass, are added, left out, changed.
    pub headers: HeaderPolicy,
    /// What stands in the URIs of calls to it.
    pub identity: TrunkIdentity,
    /// Whether its media has the address that the operator has said, whichever family its hosts are of.
    pub media_fixed: bool,
}

/// A trunk and what it has done.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its configuration.
    pub config: TrunkConfig,
    /// What it has done, on this shard.
    pub status: TrunkStatus,
    /// Its calls on all shards, and places that are kept for calls about to begin.
    calls: Tally,
    /// How many calls were offered to it within the second, on all shards.
    throttle: Throttle,
    /// Places that this shard keeps.
    reserved: u32,
}

/// Which trunk, by its place in the table. It stays the trunk's place through a reload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TrunkId(pub(crate) u16);

impl TrunkId {
    /// The trunk at a place of the table.
    pub const fn at(place: u16) -> Self {
        Self(place)
    }

    /// The place in the table.
    pub(crate) const fn place(self) -> usize {
        self.0 as usize
    }
}

/// All trunks.
#[derive(Debug, Default)]
pub struct Trunks {
    shards: Shards,
    trunks: Vec<Trunk>,
    /// Sources, the most specific first.
    sources: Vec<(Source, TrunkId)>,
    /// Names of header fields that pass to any trunk.
    passed: Vec<String>,
    /// The users of our Contacts there, and whose address each stands for.
    contacts: BTreeMap<Box<str>, (TrunkId, OwnAddress)>,
    /// What these users are made with.
    secret: Private<String>,
    /// Where our registrations were taken: requests from there are no strangers'.
    registrars: Registrars,
    /// The ways that trunks ask for, by the address of ours that is registered.
    service_routes: BTreeMap<(TrunkId, OwnAddress), RouteSet>,
}

impl Trunks {
    /// The trunks of a configuration, on one of these shards; the secret is the platform's own and the same in each life.
    pub fn new(configs: Vec<TrunkConfig>, secret: Private<String>, shards: Shards) -> Self {
        let mut trunks = Self { shards, secret, ..Self::default() };
        trunks.reconfigure(configs);
        trunks
    }

    /// Takes another configuration: a trunk of the same name goes on with its calls and counts; one that is gone takes no
    /// new calls.
    pub fn reconfigure(&mut self, configs: Vec<TrunkConfig>) {
        for trunk in &mut self.trunks {
            trunk.config.sources.clear();
            trunk.config.target = None;
            trunk.config.register.clear();
        }
        for config in configs {
            let is_full = self.trunks.len() >= TRUNKS_MAX;
            match self.trunks.iter_mut().find(|trunk| trunk.config.name == config.name) {
                Some(trunk) => trunk.config = config,
                None if is_full => tracing::error!(trunk = config.name, "no room for a trunk"),
                None => {
                    let status = TrunkStatus { name: config.name.clone(), ..TrunkStatus::default() };
                    let calls = self.shards.tally(&format!("trunk {}", config.name));
                    let throttle = self.shards.throttle(&format!("trunk {}", config.name));
                    self.trunks.push(Trunk { config, status, calls, throttle, reserved: 0 });
                }
            }
        }
        self.sources.clear();
        for (index, trunk) in self.trunks.iter_mut().enumerate() {
            let target = trunk.config.target.as_ref().map(ToString::to_string).unwrap_or_default();
            trunk.status.target = Private::new(target);
            self.sources.extend(trunk.config.sources.iter().map(|&source| (source, TrunkId(index as u16))));
        }
        let mut passed: Vec<String> = self.trunks.iter().flat_map(|trunk| trunk.config.headers.pass.clone()).collect();
        passed.sort_by_key(|name| name.to_ascii_lowercase());
        passed.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        self.passed = passed;
        self.contacts.clear();
        for (index, trunk) in self.trunks.iter().enumerate() {
            let id = TrunkId(index as u16);
            let known = trunk.config.register.iter().map(|own| (own.contact_user(&trunk.config, &self.secret), own));
            self.contacts.extend(known.map(|(user, own)| (user, (id, own.clone()))));
        }
        let Self { trunks, registrars, service_routes, .. } = self;
        let registers = |id: TrunkId, own: &OwnAddress| trunks[id.place()].config.register.contains(own);
        registrars.retain(registers);
        service_routes.retain(|(id, own), _| registers(*id, own));
        self.sources.sort_by_key(|(source, _)| std::cmp::Reverse(source.specificity()));
    }

    /// The trunk that what comes on a way belongs to: the one that names its source, unless another domain is to be proven than
    /// that connection has.
    pub fn of_flow(&self, flow: &Flow, proven: &ProvenDomains) -> Option<TrunkId> {
        let mut named = self.sources.iter().filter(|(source, _)| source.has(flow)).map(|&(_, trunk)| trunk);
        named.find(|&trunk| self.proves(trunk, flow, proven))
    }

    /// Whether a way has proven to be of the domain that a trunk's are to be of.
    fn proves(&self, trunk: TrunkId, flow: &Flow, proven: &ProvenDomains) -> bool {
        self.trunks[trunk.place()].config.domain.as_ref().is_none_or(|domain| proven.holds(flow, domain))
    }

    /// Names of header fields that pass to any trunk.
    pub(crate) fn passed(&self) -> &[String] {
        &self.passed
    }

    /// The trunk that a request to that user is of: a Contact with it is registered there, and the request comes from a host that took
    /// a registration of ours for that trunk, or that the trunk names. So of several accounts at one carrier the one that is meant
    /// is found; the Contact alone proves nothing, as whoever is on its way reads it.
    pub fn of_request(&self, now: Instant, user: &str, flow: &Flow, proven: &ProvenDomains) -> Option<TrunkId> {
        let (trunk, _) = self.of_contact(user)?;
        let took = || self.registrars.at_host(now, flow.remote.ip(), trunk);
        let named = || self.sources.iter().any(|(source, id)| *id == trunk && source.has(flow));
        ((took() || named()) && self.proves(trunk, flow, proven)).then_some(trunk)
    }

    /// Whether a Contact of ours is to be registered anywhere.
    pub(crate) fn has_contacts(&self) -> bool {
        !self.contacts.is_empty()
    }

    /// The trunk where we registered a Contact with that user, and the address that it stands for.
    pub fn of_contact(&self, user: &str) -> Option<(TrunkId, &OwnAddress)> {
        self.contacts.get(user).map(|(trunk, own)| (*trunk, own))
    }

    /// The trunk that keeps a registration of ours at that address.
    pub fn of_registrar(&self, now: Instant, remote: SocketAddr) -> Option<TrunkId> {
        self.registrars.at(now, remote)
    }

    /// A trunk took a registration of ours.
    pub(crate) fn registered(&mut self, now: Instant, id: TrunkId, own: &OwnAddress, taken: Taken) {
        self.registrars.note(now, id, own, taken);
    }

    /// The way that a trunk wants requests of an address of ours to take; empty: none.
    pub(crate) fn routed(&mut self, id: TrunkId, own: &OwnAddress, route: RouteSet) {
        let key = (id, own.clone());
        match route.is_empty() {
            true => drop(self.service_routes.remove(&key)),
            false => drop(self.service_routes.insert(key, route)),
        }
    }

    /// The user of the Contact that is registered at a trunk for that address.
    pub(crate) fn contact_user(&self, id: TrunkId, own: &OwnAddress) -> Box<str> {
        own.contact_user(&self.get(id).config, &self.secret)
    }

    /// Who we are at a trunk, for one that knows flows (RFC 5626 §4.1): the same in each life, and another one at each trunk.
    pub(crate) fn instance_at(&self, id: TrunkId) -> String {
        own_address::instance_urn(&self.get(id).config, &self.secret)
    }

    /// The way that a trunk wants requests of that user of ours to take (RFC 3608 §5): that of its own address, or of any that is
    /// registered there.
    pub(crate) fn service_route(&self, id: TrunkId, user: Option<&str>) -> Option<&RouteSet> {
        if self.service_routes.is_empty() {
            return None;
        }
        let mut of_trunk = self.service_routes.iter().filter(|((trunk, _), _)| *trunk == id);
        let own = of_trunk.clone().find(|((_, own), _)| Some(own.user.as_str()) == user);
        own.or_else(|| of_trunk.next()).map(|(_, route)| route)
    }

    /// The trunk of that name, if it is configured still.
    pub fn by_name(&self, name: &str) -> Option<TrunkId> {
        let usable = |trunk: &Trunk| trunk.config.target.is_some() || !trunk.config.sources.is_empty();
        self.trunks
            .iter()
            .position(|trunk| trunk.config.name == name && usable(trunk))
            .map(|place| TrunkId(place as u16))
    }

    /// The trunk.
    pub fn get(&self, id: TrunkId) -> &Trunk {
        &self.trunks[id.place()]
    }

    /// The trunk, to count.
    pub fn get_mut(&mut self, id: TrunkId) -> &mut Trunk {
        &mut self.trunks[id.place()]
    }

    /// The way that a trunk wants requests of that address of ours to take.
    pub(crate) fn service_route_of(&self, id: TrunkId, own: &OwnAddress) -> Option<&RouteSet> {
        self.service_routes.get(&(id, own.clone()))
    }

    /// All, with what names them.
    pub(crate) fn with_ids(&self) -> impl Iterator<Item = (TrunkId, &Trunk)> {
        self.trunks.iter().enumerate().map(|(index, trunk)| (TrunkId(index as u16), trunk))
    }

    /// All, in the order of the configuration; those that are gone while calls of theirs go on, too.
    pub fn iter(&self) -> impl Iterator<Item = &Trunk> {
        self.trunks.iter()
    }
}

impl Trunk {
    /// Keeps a place for a call that is about to [begin](Self::begin), if one more fits. A place that nobody took is kept for
    /// the next one.
    pub fn reserve(&mut self) -> bool {
        if self.reserved == 0 && self.calls.take_below(self.config.calls_max.unwrap_or(u32::MAX)) {
            self.reserved = 1;
        }
        self.reserved > 0
    }

    /// Keeps a place for a call that is about to be offered to it, if its bounds let one more begin now.
    ///
    /// # Errors
    /// They do not: after how long that may be asked again.
    pub(crate) fn offer(&mut self, now: Instant) -> Result<(), Duration> {
        let may = match self.reserve() {
            false => Err(FULL_RETRY_AFTER),
            true if self.config.calls_per_s.is_none_or(|pace| self.throttle.take(now, pace)) => Ok(()),
            true => {
                self.release();
                Err(PACE_RETRY_AFTER)
            }
        };
        if may.is_err() {
            *self.status.limited.get_or_insert(0) += 1;
        }
        may
    }

    /// Gives a place back in which no call has begun.
    pub fn release(&mut self) {
        if self.reserved > 0 {
            self.reserved -= 1;
            self.calls.give_back();
        }
    }

    /// A call of the trunk (to us or by us) begins, in the place that was kept for it.
    pub fn begin(&mut self, incoming: bool) {
        match self.reserved {
            0 => self.calls.take(),
            _ => self.reserved -= 1,
        }
        *(if incoming { &mut self.status.calls_in } else { &mut self.status.calls_out }) += 1;
    }

    /// A call has ended.
    pub fn end(&mut self, incoming: bool) {
        let count = if incoming { &mut self.status.calls_in } else { &mut self.status.calls_out };
        *count = count.saturating_sub(1);
        self.calls.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{REGISTER_EXPIRES, TRUNK_RESPONSE_TIMEOUT};
    use crate::transport::{ConnectionId, ListenerId, Transport};

    fn flow(remote: &str) -> Flow {
        let (local, remote) = ("192.0.2.200:5061".parse().unwrap(), remote.parse().unwrap());
        Flow { transport: Transport::Tls, listener: ListenerId(0), local, remote, connection: Some(ConnectionId(1)) }
    }

    fn trunk(name: &str, sources: &[&str]) -> TrunkConfig {
        TrunkConfig {
            name: name.to_owned(),
            target: Target::parse("192.0.2.9:5070"),
            sources: sources.iter().map(|source| Source::parse(source).unwrap()).collect(),
            domain: None,
            credentials: None,
            trusted: false,
            calls_max: Some(1),
            calls_per_s: None,
            options: None,
            response_timeout: TRUNK_RESPONSE_TIMEOUT,
            calls: None,
            register: Vec::new(),
            register_expires: REGISTER_EXPIRES,
            outbound: false,
            headers: HeaderPolicy::default(),
            identity: TrunkIdentity::default(),
            media_fixed: false,
        }
    }

    #[test]
    fn the_most_specific_source_wins() {
        let configs = vec![
            trunk("net", &["198.51.100.0/24"]),
            trunk("host", &["198.51.100.7"]),
            trunk("port", &["198.51.100.7:5062", "[2001:db8::1]:5060"]),
        ];
        let trunks = Trunks::new(configs, Private::default(), Shards::default());
        let name = |remote: &str| {
            trunks.of_flow(&flow(remote), &ProvenDomains::default()).map(|trunk| trunks.get(trunk).config.name.as_str())
        };
        assert_eq!(name("198.51.100.7:5062"), Some("port"));
        assert_eq!(name("198.51.100.7:9"), Some("host"));
        assert_eq!(name("198.51.100.8:9"), Some("net"));
        assert_eq!(name("[2001:db8::1]:5060"), Some("port"));
        assert_eq!(name("[::ffff:198.51.100.7]:5062"), Some("port"), "a mapped address is the same host");
        assert_eq!(name("203.0.113.1:5060"), None);
    }

    #[test]
    fn who_is_called_over_connections_is_known_by_its_address_over_them_alone() {
        let target = Target::parse("tls:198.51.100.7:5071").unwrap();
        let tls = TrunkConfig { sources: target.source().into_iter().collect(), ..trunk("tls", &[]) };
        let trunks =
            Trunks::new(vec![tls, trunk("udp", &["198.51.100.9:5060"])], Private::default(), Shards::default());
        let known = |flow: Flow| trunks.of_flow(&flow, &ProvenDomains::default()).is_some();
        let over = |transport, remote| Flow { transport, ..flow(remote) };
        assert!(known(flow("198.51.100.7:40000")), "any port: who connects has one of its own choice");
        assert!(!known(flow("198.51.100.8:5071")));
        for transport in [Transport::Udp, Transport::Tcp, Transport::Wss] {
            assert!(!known(over(transport, "198.51.100.7:5071")), "{transport}");
        }
        assert!(known(over(Transport::Udp, "198.51.100.9:5060")) && known(over(Transport::Tcp, "198.51.100.9:5060")));
        assert!(!known(over(Transport::Udp, "198.51.100.9:5061")), "somebody else on that host");
    }

    #[test]
    fn a_source_alone_is_no_trunk_that_has_to_prove_its_domain() {
        let named = |name: &str, sources: &[&str], domain: &str| TrunkConfig {
            domain: Some(domain.to_owned()),
            ..trunk(name, sources)
        };
        let configs = vec![
            named("a", &["0.0.0.0/0"], "a.example"),
            named("b", &["0.0.0.0/0"], "b.example"),
            trunk("plain", &["198.51.100.0/24"]),
        ];
        let trunks = Trunks::new(configs, Private::default(), Shards::default());
        let mut proven = ProvenDomains::default();
        let name = |flow: &Flow, proven: &ProvenDomains| {
            trunks.of_flow(flow, proven).map(|trunk| trunks.get(trunk).config.name.clone())
        };
        let far = flow("203.0.113.9:40000");
        assert_eq!(name(&far, &proven), None);
        proven.note(&far, ["x.example".into(), "b.example".into()].into());
        assert_eq!(name(&far, &proven).as_deref(), Some("b"));
        assert_eq!(name(&Flow { connection: Some(ConnectionId(2)), ..far }, &proven), None, "another connection");
        assert_eq!(name(&Flow { transport: Transport::Udp, connection: None, ..far }, &proven), None);
        assert_eq!(name(&flow("198.51.100.7:9"), &proven).as_deref(), Some("plain"));
        proven.closed(&far);
        assert_eq!(name(&far, &proven), None);
    }

    #[test]
    fn a_reload_keeps_what_a_trunk_has_done() {
        let configs = vec![trunk("a", &["192.0.2.1"]), trunk("b", &["192.0.2.2"])];
        let mut trunks = Trunks::new(configs, Private::default(), Shards::default());
        let a = trunks.by_name("a").unwrap();
        assert!(trunks.get_mut(a).reserve());
        trunks.get_mut(a).begin(true);
        assert!(!trunks.get_mut(a).reserve());
        trunks.reconfigure(vec![trunk("c", &["192.0.2.3"]), TrunkConfig { calls_max: None, ..trunk("a", &[]) }]);
        assert_eq!(trunks.by_name("a"), Some(a));
        assert_eq!(trunks.get(a).status.calls_in, 1);
        assert!(trunks.get_mut(a).reserve());
        assert_eq!(trunks.by_name("b"), None);
        assert_eq!(trunks.of_flow(&flow("192.0.2.2:5060"), &ProvenDomains::default()), None);
    }

    #[test]
    fn a_bound_holds_for_all_shards_together_and_places_that_nobody_took_are_free_again() {
        let shards = Shards::new(2, &mut router::Random::from_seed(1));
        let mut each =
            [(); 2].map(|()| Trunks::new(vec![trunk("a", &["192.0.2.1"])], Private::default(), shards.clone()));
        let a = each[0].by_name("a").unwrap();
        assert!(each[0].get_mut(a).reserve());
        assert!(each[0].get_mut(a).reserve(), "the place that is kept already");
        assert!(!each[1].get_mut(a).reserve());
        each[0].get_mut(a).release();
        assert!(each[1].get_mut(a).reserve());
        each[1].get_mut(a).begin(false);
        assert!(!each[0].get_mut(a).reserve());
        assert_eq!(each[0].get(a).status.calls_out, 0, "what a shard has done is told by it");
        each[1].get_mut(a).end(false);
        assert!(each[0].get_mut(a).reserve());
    }
}
