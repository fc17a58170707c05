//! What signaling is told.

use super::model::{Configuration, Hep, Trunk};
use super::value::{ClientCertificates, DiversionForm, Ice, Listen, Reliable, Srtp, SrtpKeying, Verify};
use super::{numbers, replacement};
use crate::administration::State;
use router::parameter::Network;
use router::time::Duration;
use router::{Emergency, Shards};
use signaling::admission::{AdmissionLimits, BanPolicy, Rate};
use signaling::digest::ClientCredentials;
use signaling::identity::{self, IdentitySettings, Verification};
use signaling::limits::{REGISTER_EXPIRES, TRUNK_RESPONSE_TIMEOUT};
use signaling::message::Uri;
use signaling::messaging::MessageSettings;
use signaling::registrar::ExpiryLimits;
use signaling::subscription::{EventSettings, Watching};
use signaling::trace::Capturing;
use signaling::transaction::Timers;
use signaling::transport::{Advertised, ListenerConfig, Listeners, SharedPolicy, Transport, tls};
use signaling::trunk::{
    HeaderPolicy, HeaderRewrite, OwnAddress, Source, Target, TargetHost, TrunkConfig, TrunkIdentity, may_pass,
    may_remove,
};
use signaling::{CallPolicy, Connectivity, Keying, MediaSecurity, Reliability};
use std::sync::Arc;
use switch::plan::Pattern;

/// What the signaling of each shard is told. `bound` are the listeners as they were bound. What limits strangers and what is kept
/// for `trace` is shared out among the shards.
pub fn config(state: &State, bound: &Listeners, shards: &Shards) -> signaling::Config {
    let configuration = &*state.configuration;
    let sip = &configuration.sip;
    signaling::Config {
        shards: shards.clone(),
        secret: state.secret.clone(),
        listeners: bound.clone(),
        domains: sip.domains.clone(),
        emergency: Emergency::new(configuration.calls.emergency.clone()),
        service_route: sip.service_route.iter().filter_map(|hop| route_hop(hop)).collect(),
        edge_proxies: sip.edge_proxies.iter().filter_map(|edge| Network::parse(edge)).collect(),
        realm: sip.realm.clone(),
        expiry: expiry(configuration),
        contacts_max: sip.contacts_max as usize,
        reveal_numbers: configuration.log.reveal,
        nonce_life: Duration::from_secs(sip.nonce_life_s.into()),
        admission: admission(configuration).share(shards.count().into()),
        trace_octets: signaling::limits::TRACE_OCTETS_DEFAULT / usize::from(shards.count()),
        capturing: configuration.hep.server.map(|_| capturing(&configuration.hep)),
        keep_alive: (sip.keep_alive_s > 0).then(|| Duration::from_secs(sip.keep_alive_s.into())),
        response_timeout: Duration::from_secs(sip.response_s.into()),
        calls: calls(configuration),
        accounts_secured: sip.srtp_accounts.iter().map(|(name, srtp)| (name.clone(), security(*srtp))).collect(),
        accounts_keyed: sip.srtp_keying_accounts.iter().map(|(name, kind)| (name.clone(), keying(*kind))).collect(),
        accounts_connected: sip.ice_accounts.iter().map(|(name, ice)| (name.clone(), connectivity(*ice))).collect(),
        ice_lite: sip.ice_lite,
        voip_metrics: sip.rtcp_xr,
        fingerprint: state.identity.as_ref().map(|identity| Arc::new(identity.fingerprint().clone())),
        keys_in_clear: sip.srtp_keys_in_clear,
        accounts_pass: sip.accounts_pass.clone(),
        accounts_diversion: diversion(sip.accounts_diversion),
        identity: IdentitySettings {
            signer: state.signatures.signer.clone(),
            authorities: Arc::clone(&state.signatures.authorities),
            repositories: configuration.identity.repositories.clone(),
            age_max_s: configuration.identity.age_max_s,
            numbering: numbers::numbering(configuration),
            accounts_verstat: configuration.identity.accounts_verstat,
        },
        events: events(configuration),
        is_in_cluster: configuration.bridge.platform.is_some(),
        messages: messages(configuration),
        trunks: trunks(configuration),
        timers: timers(configuration),
        ..signaling::Config::default()
    }
}

fn capturing(hep: &Hep) -> Capturing {
    let password = hep.password.as_ref().map(|password| password.0.clone());
    Capturing { agent: hep.agent, password, node: hep.node.clone() }
}

/// A hop as it stands in a route (RFC 3261 §20.34), as written without brackets: a SIP URI of a loose router. `None`: it is none.
pub fn route_hop(text: &str) -> Option<String> {
    let uri = Uri::parse(text)?;
    let is_hop = uri.borrow().scheme().is_sip() && uri.borrow().is_loose_router();
    is_hop.then(|| format!("<{}>", uri.as_str()))
}

/// The listeners, in the order of the configuration; `policy` is what their connections go by.
pub fn listeners(configuration: &Configuration, policy: &SharedPolicy) -> Vec<ListenerConfig> {
    let sip = &configuration.sip;
    let listener = |listen: &Listen| ListenerConfig {
        transport: listen.transport,
        bind: listen.address,
        advertised: sip.advertised.get(listen).and_then(|told| advertised(told, listen.address.port())),
        dscp: sip.dscp,
        policy: Some(policy.clone()),
        client_certificates: match sip.client_certificates.get(listen).copied().unwrap_or_default() {
            ClientCertificates::Never => tls::ClientCertificates::Never,
            ClientCertificates::Offered => tls::ClientCertificates::Offered,
            ClientCertificates::Required => tls::ClientCertificates::Required,
        },
    };
    sip.listen.iter().map(listener).collect()
}

/// The timers of transactions.
pub fn timers(configuration: &Configuration) -> Timers {
    let sip = &configuration.sip;
    Timers {
        t1: Duration::from_millis(sip.t1_ms),
        t2: Duration::from_millis(sip.t2_ms),
        t4: Duration::from_millis(sip.t4_ms),
        trying: Duration::from_millis(sip.trying_ms),
        ..Timers::default()
    }
}

/// How long registrations last.
pub fn expiry(configuration: &Configuration) -> ExpiryLimits {
    let sip = &configuration.sip;
    ExpiryLimits {
        min: Duration::from_secs(sip.expires_min_s.into()),
        default: Duration::from_secs(sip.expires_default_s.into()),
        max: Duration::from_secs(sip.expires_max_s.into()),
    }
}

/// Text messages.
pub fn messages(configuration: &Configuration) -> MessageSettings {
    let messages = &configuration.messages;
    MessageSettings {
        octets_max: messages.octets_max as usize,
        keep: Duration::from_secs(u64::from(messages.keep_hours) * 3_600),
        account_rate: Rate { per_second: messages.account_per_s, burst: messages.account_burst },
        trunk_rate: Rate { per_second: messages.trunk_per_s, burst: messages.trunk_burst },
    }
}

/// Subscriptions and publications.
pub fn events(configuration: &Configuration) -> EventSettings {
    let events = &configuration.events;
    EventSettings {
        expires_min: Duration::from_secs(events.expires_min_s.into()),
        expires_max: Duration::from_secs(events.expires_max_s.into()),
        per_account_max: events.subscriptions_max as usize,
        watching: if events.watch_others { Watching::Accounts } else { Watching::Own },
        unsolicited: events.unasked_mailbox,
    }
}

/// How long new requests may wait while a shard does not catch up; `None`: none waits.
pub fn overload_after(configuration: &Configuration) -> Option<Duration> {
    let after_ms = configuration.sip.overload_after_ms;
    (after_ms > 0).then(|| Duration::from_millis(after_ms.into()))
}

/// Who is limited how.
pub fn admission(configuration: &Configuration) -> AdmissionLimits {
    let sip = &configuration.sip;
    AdmissionLimits {
        unknown_source: Rate { per_second: sip.unknown_source_per_s, burst: sip.unknown_source_burst },
        unknown_total: Rate { per_second: sip.unknown_total_per_s, burst: sip.unknown_total_burst },
        bans: BanPolicy {
            after: sip.ban_after,
            within: Duration::from_secs(sip.ban_within_s.into()),
            length: Duration::from_secs(sip.ban_s.into()),
        },
        overload_after: overload_after(configuration),
        registered_account: Rate { per_second: sip.registered_per_s, burst: sip.registered_burst },
        trunk: Rate { per_second: sip.trunk_per_s, burst: sip.trunk_burst },
        ..AdmissionLimits::default()
    }
}

/// The trunks. One that does not say where its requests come from is accepted from where it is called ([`Target::source`]).
pub fn trunks(configuration: &Configuration) -> Vec<TrunkConfig> {
    configuration
        .trunk
        .iter()
        .map(|trunk| {
            let target = trunk.address.as_deref().and_then(target);
            let mut sources: Vec<Source> = trunk.accept.iter().filter_map(|text| source(text)).collect();
            if trunk.accept.is_empty() {
                sources.extend(target.as_ref().and_then(Target::source));
            }
            let credentials = match (&trunk.username, &trunk.password) {
                (Some(username), Some(password)) => {
                    Some(ClientCredentials { username: username.clone(), password: password.0.clone() })
                }
                _ => None,
            };
            TrunkConfig {
                name: trunk.name.clone(),
                target,
                sources,
                domain: trunk.certified.then(|| domain(trunk)).flatten(),
                credentials,
                trusted: trunk.trusted,
                calls_max: trunk.calls_max,
                calls_per_s: trunk.calls_per_s,
                options: trunk.options_s.map(|seconds| Duration::from_secs(seconds.into())),
                response_timeout: trunk
                    .response_s
                    .map_or(TRUNK_RESPONSE_TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
                calls: Some(calls_with(configuration, trunk)),
                headers: header_policy(trunk).unwrap_or_default(),
                identity: identity(trunk),
                media_fixed: trunk.interface.is_some(),
                register: trunk.register.iter().filter_map(|text| own_address(trunk, text)).collect(),
                register_expires: trunk
                    .register_expires_s
                    .map_or(REGISTER_EXPIRES, |seconds| Duration::from_secs(seconds.into())),
                outbound: trunk.outbound,
            }
        })
        .collect()
}

/// How calls are made.
fn calls(configuration: &Configuration) -> CallPolicy {
    let sip = &configuration.sip;
    CallPolicy {
        session_expires_s: sip.session_expires_s,
        session_min_s: sip.session_min_s,
        reliable: reliable(sip.reliable),
        security: security(sip.srtp),
        keying: keying(sip.srtp_keying),
        connectivity: connectivity(sip.ice),
    }
}

/// The same with a trunk.
fn calls_with(configuration: &Configuration, trunk: &Trunk) -> CallPolicy {
    let all = calls(configuration);
    CallPolicy {
        session_expires_s: trunk.session_expires_s.unwrap_or(all.session_expires_s),
        reliable: trunk.reliable.map_or(all.reliable, reliable),
        security: trunk.srtp.map_or(all.security, security),
        keying: trunk.srtp_keying.map_or(all.keying, keying),
        connectivity: trunk.ice.map_or(all.connectivity, connectivity),
        ..all
    }
}

fn reliable(value: Reliable) -> Reliability {
    match value {
        Reliable::Never => Reliability::Never,
        Reliable::Supported => Reliability::Supported,
        Reliable::Required => Reliability::Required,
    }
}

fn security(value: Srtp) -> MediaSecurity {
    match value {
        Srtp::Never => MediaSecurity::Never,
        Srtp::May => MediaSecurity::May,
        Srtp::Must => MediaSecurity::Must,
    }
}

fn keying(value: SrtpKeying) -> Keying {
    match value {
        SrtpKeying::Sdes => Keying::Sdes,
        SrtpKeying::Dtls => Keying::Dtls,
    }
}

fn connectivity(value: Ice) -> Connectivity {
    match value {
        Ice::Never => Connectivity::Never,
        Ice::May => Connectivity::May,
        Ice::Offer => Connectivity::Offer,
        Ice::Must => Connectivity::Must,
    }
}

/// Which header fields pass, are added, left out, changed.
///
/// # Errors
/// The keys that are wrong, and why each.
pub fn header_policy(trunk: &Trunk) -> Result<HeaderPolicy, Vec<(&'static str, String)>> {
    let mut wrong: Vec<(&'static str, String)> = Vec::new();
    let none = |name: &str| format!("`{name}` is no header field that can be configured here");
    wrong.extend(trunk.headers_pass.iter().filter(|name| !may_pass(name)).map(|name| ("headers_pass", none(name))));
    wrong.extend(
        trunk.headers_remove.iter().filter(|name| !may_remove(name)).map(|name| ("headers_remove", none(name))),
    );
    let mut add = Vec::new();
    for line in &trunk.headers_add {
        let (name, value) = line.split_once(':').map_or((line.as_str(), ""), |(name, value)| (name, value.trim()));
        match may_pass(name) && !value.is_empty() && !value.contains(char::is_control) {
            true => add.push((name.to_owned(), value.to_owned())),
            false => wrong.push(("headers_add", none(line))),
        }
    }
    let mut rewrite = Vec::new();
    for [name, pattern, text] in &trunk.headers_rewrite {
        if !trunk.headers_pass.iter().any(|passed| passed.eq_ignore_ascii_case(name)) {
            wrong.push(("headers_rewrite", format!("`{name}` is not among headers_pass")));
        }
        let expression = Pattern::new(pattern).map_err(|error| error.to_string());
        let becomes = expression.and_then(|expression| replacement::of(&expression, text));
        match becomes.and_then(|becomes| HeaderRewrite::new(name, pattern, &becomes)) {
            Ok(change) => rewrite.push(change),
            Err(why) => wrong.push(("headers_rewrite", why)),
        }
    }
    for name in trunk.number_parameters.iter().filter(|name| !is_number_parameter(name)) {
        wrong.push(("number_parameters", format!("`{name}` is no parameter of a telephone number")));
    }
    let policy = HeaderPolicy {
        pass: trunk.headers_pass.clone(),
        add,
        remove: trunk.headers_remove.clone(),
        rewrite,
        numbers: trunk.number_parameters.clone(),
    };
    if wrong.is_empty() { Ok(policy) } else { Err(wrong) }
}

/// RFC 3966 §3: letters, digits, hyphens. `phone-context` is the number's own, and it is digits that pass.
fn is_number_parameter(name: &str) -> bool {
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    named && !name.eq_ignore_ascii_case("phone-context")
}

/// An address of ours at a trunk: in its domain, where none is written.
fn own_address(trunk: &Trunk, text: &str) -> Option<OwnAddress> {
    match &trunk.domain {
        Some(domain) if !text.contains('@') => OwnAddress::parse(&format!("{text}@{domain}")),
        _ => OwnAddress::parse(text),
    }
}

/// What stands in the URIs of calls to a trunk. Where we are registered, that is where callers of ours are known: the domain of the first
/// address there is that of From.
fn identity(trunk: &Trunk) -> TrunkIdentity {
    let own = trunk.register.first().and_then(|text| own_address(trunk, text));
    let host = || trunk.domain.clone().or_else(|| Some(trunk.address.as_deref().and_then(target)?.host()));
    let registered = own.and_then(|own| Some(own.domain(&host()?).to_owned()));
    TrunkIdentity {
        domain: trunk.domain.clone(),
        from_domain: trunk.from_domain.clone().or(registered),
        from_user: trunk.from_user.clone(),
        diversion: diversion(trunk.diversion),
        remote_party_id: trunk.remote_party_id,
        signs: trunk.sign,
        verification: match trunk.verify {
            Verify::Never => Verification::Never,
            Verify::Told => Verification::Told,
            Verify::Valid => Verification::Valid,
            Verify::Required => Verification::Required,
        },
        verstat: trunk.verstat,
        numbers: numbers::form(trunk.numbers),
    }
}

/// How who sent a call on is told.
fn diversion(value: DiversionForm) -> identity::DiversionForm {
    match value {
        DiversionForm::None => identity::DiversionForm::None,
        DiversionForm::Diversion => identity::DiversionForm::Diversion,
        DiversionForm::HistoryInfo => identity::DiversionForm::HistoryInfo,
        DiversionForm::Both => identity::DiversionForm::Both,
    }
}

/// The domain that a trunk's certificate has to be for: the one that is written, or the name that calls go to.
pub fn domain(trunk: &Trunk) -> Option<String> {
    let of_address = || match trunk.address.as_deref().and_then(target)?.host {
        TargetHost::Name(name) => Some(name),
        TargetHost::Address(_) => None,
    };
    trunk.domain.clone().or_else(of_address)
}

/// Whether a trunk's zone may choose TLS (RFC 3263 §4.1): nothing but its name is written, and we have a listener for it.
pub fn zone_may_ask_for_tls(configuration: &Configuration, target: &Target) -> bool {
    let by_name = matches!(target.host, TargetHost::Name(_)) && target.port.is_none() && target.transport.is_none();
    by_name && configuration.sip.listen.iter().any(|listen| listen.transport == Transport::Tls)
}

/// Where calls to a trunk go, as written.
pub fn target(text: &str) -> Option<Target> {
    Target::parse(text)
}

/// Where a trunk's requests come from, as written.
pub fn source(text: &str) -> Option<Source> {
    Source::parse(text)
}

/// What peers are told instead of a listener's address: a host, with a port or the listener's own.
pub fn advertised(text: &str, port: u16) -> Option<Advertised> {
    if let Some(advertised) = Advertised::new(text, port) {
        return Some(advertised);
    }
    let (host, port) = text.rsplit_once(':')?;
    Advertised::new(host, port.parse().ok().filter(|&port| port != 0)?)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use signaling::transport::{Flow, ListenerId, Transport};
    use signaling::trunk::{ProvenDomains, Trunks};

    #[test]
    fn a_trunk_is_accepted_from_the_address_and_port_that_it_is_called_at_or_from_what_it_lists() {
        let text = r#"
            [[trunk]]
            name = "port"
            address = "192.0.2.1:5080"
            [[trunk]]
            name = "default"
            address = "192.0.2.2"
            [[trunk]]
            name = "connections"
            address = "tcp:192.0.2.3:5080"
            [[trunk]]
            name = "listed"
            address = "192.0.2.4"
            accept = ["198.51.100.0/24"]
            [[trunk]]
            name = "named"
            address = "sip.example.net"
        "#;
        let trunks = Trunks::new(trunks(&read(text).unwrap()), router::Private::default(), Shards::default());
        let by = |transport, remote: &str| {
            let (local, remote) = ("192.0.2.200:5060".parse().unwrap(), remote.parse().unwrap());
            let flow = Flow { transport, listener: ListenerId(0), local, remote, connection: None };
            let trunk = trunks.of_flow(&flow, &ProvenDomains::default())?;
            Some(trunks.get(trunk).config.name.clone())
        };
        for (transport, remote, trunk) in [
            (Transport::Udp, "192.0.2.1:5080", Some("port")),
            (Transport::Udp, "192.0.2.1:5060", None),
            (Transport::Udp, "192.0.2.1:40000", None),
            (Transport::Tcp, "192.0.2.1:40000", None),
            (Transport::Udp, "192.0.2.2:5060", Some("default")),
            (Transport::Udp, "192.0.2.2:5061", None),
            (Transport::Tcp, "192.0.2.3:40000", Some("connections")),
            (Transport::Udp, "192.0.2.3:5080", None),
            (Transport::Udp, "192.0.2.4:5060", None),
            (Transport::Udp, "198.51.100.9:40000", Some("listed")),
        ] {
            assert_eq!(by(transport, remote).as_deref(), trunk, "{transport} {remote}");
        }
    }

    #[test]
    fn shards_share_what_strangers_may_send() {
        let configuration = Configuration::default();
        let all = admission(&configuration);
        let (one, three) = (all.share(1), all.share(3));
        assert_eq!(one, all);
        assert_eq!(three.unknown_source, Rate { per_second: 17, burst: 67 });
        assert_eq!(three.unknown_total, Rate { per_second: 334, burst: 667 });
        assert_eq!(three.trunk, Rate { per_second: 6_667, burst: 13_334 });
        assert_eq!(three.registered_account, one.registered_account);
    }

    #[test]
    fn what_is_advertised_has_a_port() {
        assert!(advertised("203.0.113.7", 5060).is_some());
        assert!(advertised("203.0.113.7:5080", 5060).is_some());
        assert!(advertised("sip.example.net:5080", 5060).is_some());
        assert!(advertised("[2001:db8::1]:5080", 5060).is_some());
        for wrong in ["", "a b", "host:0", "host:x"] {
            assert!(advertised(wrong, 5060).is_none(), "{wrong}");
        }
    }

    #[test]
    fn callers_are_known_in_the_domain_where_we_are_registered() {
        let text = r#"
            [[trunk]]
            name = "plain"
            address = "192.0.2.1"
            [[trunk]]
            name = "host"
            address = "sip.carrier.example"
            register = ["a"]
            username = "a"
            password = "p"
            [[trunk]]
            name = "domain"
            address = "192.0.2.1"
            domain = "carrier.example"
            register = ["a", "b@other.example"]
            username = "a"
            password = "p"
            [[trunk]]
            name = "written"
            address = "192.0.2.1"
            from_domain = "ims.example"
            from_user = "acct"
            register = ["a@carrier.example"]
            username = "a"
            password = "p"
        "#;
        let trunks = trunks(&read(text).unwrap());
        let told: Vec<_> = trunks
            .iter()
            .map(|trunk| {
                let identity = &trunk.identity;
                (identity.domain.as_deref(), identity.from_domain.as_deref(), identity.from_user.as_deref())
            })
            .collect();
        assert_eq!(
            told,
            [
                (None, None, None),
                (None, Some("sip.carrier.example"), None),
                (Some("carrier.example"), Some("carrier.example"), None),
                (None, Some("ims.example"), Some("acct")),
            ]
        );
        assert_eq!(trunks[2].register[0].domain("192.0.2.1"), "carrier.example");
        assert_eq!(trunks[2].register[1].domain("192.0.2.1"), "other.example");
    }
}
