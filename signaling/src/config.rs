//! What the operator sets.

use crate::admission::AdmissionLimits;
use crate::digest::Algorithm;
use crate::identity::{DiversionForm, IdentitySettings};
use crate::messaging::MessageSettings;
use crate::policy::{CallPolicy, Connectivity, Keying, MediaSecurity};
use crate::registrar::ExpiryLimits;
use crate::subscription::EventSettings;
use crate::trace::Capturing;
use crate::transaction::Timers;
use crate::transport::Listeners;
use crate::trunk::TrunkConfig;
use router::Emergency;
use router::parameter::{Fingerprint, Network};
use router::time::Duration;
use router::{Private, Shards};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The configuration of a [`Signaling`](crate::Signaling). All of it but the realm and the shards may change while it runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The shards of the platform. Default: one.
    pub shards: Shards,
    /// A secret of the platform's own, the same on all shards and in each life. Default: none, which serves who registers nowhere.
    pub secret: Private<String>,
    /// The listeners that are bound, with what each is advertised as.
    pub listeners: Listeners,
    /// Host names that are ours beside the addresses of the listeners and the realm. The first one stands in the
    /// addresses of record that peers are shown; where there is none, the advertised host does.
    pub domains: Vec<String>,
    /// Numbers that no limit refuses.
    pub emergency: Emergency,
    /// The way that phones are told their requests are to take (Service-Route, RFC 3608), first hop first.
    pub service_route: Vec<String>,
    /// Our own proxies before phones (RFC 5626 §2.1: edge proxies), which may be at several of these hosts: what their Path says is believed.
    pub edge_proxies: Vec<Network>,
    /// The digest realm: the passwords' hashes are made for it, so it is fixed when the store is made.
    pub realm: String,
    /// The digest algorithms that are offered, in this order. MD5 comes first: RFC 8760 §2.3 lets a client take the first
    /// that it knows, and SIPp, which knows MD5 alone, takes the first whatever it is.
    pub algorithms: Vec<Algorithm>,
    /// Clients, by the beginning of their User-Agent, that are offered MD5 alone: baresip's library up to 1.x gives up when
    /// any challenge has another algorithm.
    pub md5_only_agents: Vec<String>,
    /// How long bindings last.
    pub expiry: ExpiryLimits,
    /// Contacts that one account may have at once, at most [`CONTACTS_PER_ACCOUNT_MAX`](crate::limits::CONTACTS_PER_ACCOUNT_MAX).
    pub contacts_max: usize,
    /// How long a nonce lives. Default five minutes: longer than any set-up takes, short for who wants to replay.
    pub nonce_life: Duration,
    /// Who gets how much attention.
    pub admission: AdmissionLimits,
    /// How often a registered contact is asked whether it is there (OPTIONS); `None`: never. Default 30 seconds: NATs keep
    /// UDP mappings for that long at least.
    pub keep_alive: Option<Duration>,
    /// How long a registered contact may leave an INVITE without any response before it counts as unreachable.
    pub response_timeout: Duration,
    /// How calls are made, where a trunk does not say otherwise.
    pub calls: CallPolicy,
    /// Accounts whose media is protected otherwise than `calls` says.
    pub accounts_secured: BTreeMap<String, MediaSecurity>,
    /// Accounts whose keys come from elsewhere than `calls` says.
    pub accounts_keyed: BTreeMap<String, Keying>,
    /// Accounts with whose phones ways are looked for otherwise than `calls` says.
    pub accounts_connected: BTreeMap<String, Connectivity>,
    /// Whether media is reached where it is said to be, so that we answer checks and send none (ICE lite).
    pub ice_lite: bool,
    /// Whether peers are asked for reports on how we are heard (RFC 3611).
    pub voip_metrics: bool,
    /// The fingerprint of the media workers' certificate; `None`: they shake no hands.
    pub fingerprint: Option<Arc<Fingerprint>>,
    /// Names of header fields of INVITEs that pass from account to account.
    pub accounts_pass: Vec<String>,
    /// Whether keys may stand in messages that anybody on the way can read (UDP, TCP, WS).
    pub keys_in_clear: bool,
    /// Events: subscriptions and publications.
    pub events: EventSettings,
    /// Whether there may be other platforms, of whose accounts lamps and presence are followed there. Default: none.
    pub is_in_cluster: bool,
    /// Text messages.
    pub messages: MessageSettings,
    /// How accounts are told who sent a call on, and whether they may say so themselves.
    pub accounts_diversion: DiversionForm,
    /// Signatures of calls.
    pub identity: IdentitySettings,
    /// Trunks.
    pub trunks: Vec<TrunkConfig>,
    /// The lengths of transactions' timers.
    pub timers: Timers,
    /// What the last messages that are kept for `trace` may take in all, in octets; 0 keeps none.
    pub trace_octets: usize,
    /// What a capture server is told of us, with each message; `None`: there is none.
    pub capturing: Option<Capturing>,
    /// The value of Server and User-Agent.
    pub agent: String,
    /// Whether the log shows accounts, which may be telephone numbers.
    pub reveal_numbers: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shards: Shards::default(),
            secret: Private::default(),
            listeners: Listeners::default(),
            domains: Vec::new(),
            emergency: Emergency::default(),
            service_route: Vec::new(),
            edge_proxies: Vec::new(),
            realm: "tandem".to_owned(),
            algorithms: vec![Algorithm::Md5, Algorithm::Sha256],
            md5_only_agents: vec!["baresip v0.".to_owned(), "baresip v1.".to_owned()],
            expiry: ExpiryLimits::default(),
            contacts_max: 10,
            nonce_life: Duration::from_secs(300),
            admission: AdmissionLimits::default(),
            keep_alive: Some(Duration::from_secs(30)),
            response_timeout: crate::limits::RESPONSE_TIMEOUT,
            calls: CallPolicy::default(),
            accounts_secured: BTreeMap::new(),
            accounts_keyed: BTreeMap::new(),
            accounts_connected: BTreeMap::new(),
            ice_lite: true,
            voip_metrics: false,
            fingerprint: None,
            accounts_pass: Vec::new(),
            keys_in_clear: true,
            events: EventSettings::default(),
            is_in_cluster: false,
            messages: MessageSettings::default(),
            accounts_diversion: DiversionForm::None,
            identity: IdentitySettings::default(),
            trunks: Vec::new(),
            timers: Timers::default(),
            trace_octets: crate::limits::TRACE_OCTETS_DEFAULT,
            capturing: None,
            agent: concat!("Tandem/", env!("CARGO_PKG_VERSION")).to_owned(),
            reveal_numbers: false,
        }
    }
}

impl Config {
    /// Whether an edge proxy of ours may be at that host.
    pub fn is_edge_proxy(&self, host: IpAddr) -> bool {
        self.edge_proxies.iter().any(|network| network.contains(host))
    }

    /// Whether a host is ours: the realm, a configured domain, a listener's address or what it is advertised as
    /// (RFC 3261 §8.2.2.1).
    pub fn is_own_host(&self, host: &str) -> bool {
        let named = |own: &str| own.eq_ignore_ascii_case(host);
        if named(&self.realm) || self.domains.iter().any(|domain| named(domain)) {
            return true;
        }
        let address = crate::message::host_address(host).map(|address| address.to_canonical());
        self.listeners.iter().any(|(_, listener)| {
            let local = listener.local().ip();
            named(listener.advertised().host())
                || address.is_some_and(|address| {
                    // A listener on every address answers to whatever address a request came to.
                    local.is_unspecified() || local.to_canonical() == address
                })
        })
    }

    /// The domain that an address of record of ours has, as peers of that listener are shown it.
    pub fn domain<'a>(&'a self, advertised_host: &'a str) -> &'a str {
        self.domains.first().map_or(advertised_host, String::as_str)
    }

    /// Whether a client is offered MD5 alone.
    pub fn is_md5_only(&self, user_agent: Option<&str>) -> bool {
        user_agent.is_some_and(|agent| self.md5_only_agents.iter().any(|prefix| agent.starts_with(prefix.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Advertised, Listener, Transport};

    #[test]
    fn own_hosts_are_the_realm_domains_listeners_and_what_they_are_advertised_as() {
        let outside = Advertised::new("sip.example.net", 5060);
        let config = Config {
            listeners: Listeners::new(vec![
                Listener::new(Transport::Udp, "192.0.2.1:5060".parse().unwrap(), outside),
                Listener::new(Transport::Udp, "[2001:db8::1]:5060".parse().unwrap(), None),
            ]),
            domains: vec!["example.com".to_owned()],
            ..Config::default()
        };
        for own in ["tandem", "Example.COM", "sip.example.net", "192.0.2.1", "[2001:db8::1]"] {
            assert!(config.is_own_host(own), "{own}");
        }
        for foreign in ["192.0.2.2", "example.org", "", "[2001:db8::2]"] {
            assert!(!config.is_own_host(foreign), "{foreign}");
        }
    }
}
