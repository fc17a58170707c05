//! Contradictions: what each key alone may say, and together they may not.

use super::model::{Bridge, Configuration, Trunk};
use super::value::{ClientCertificates, Listen, SipShards, Strategy};
use super::{codecs, numbers, plan, sip};
use crate::cluster::certificate::is_name;
use crate::limits::{PEERS, PLATFORM_NAME_BYTES};
use signaling::limits::REGISTRATIONS_MAX;
use signaling::transport::Transport;
use signaling::trunk::OwnAddress;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// What contradicts itself: the path of the key, and how. Empty: nothing does.
pub fn contradictions(configuration: &Configuration) -> Vec<(String, String)> {
    let mut found = Found::default();
    sip_section(configuration, &mut found);
    tls(configuration, &mut found);
    calls_and_services(configuration, &mut found);
    media_section(configuration, &mut found);
    operation(configuration, &mut found);
    bridge_section(&configuration.bridge, &mut found);
    for (index, group) in configuration.trunk_group.iter().enumerate() {
        let path = format!("trunk_group[{index}].members");
        if group.members.is_empty() {
            found.add(&*path, "a group has a trunk");
        }
        for (at, member) in group.members.iter().enumerate() {
            if !configuration.trunk.iter().any(|trunk| trunk.name == member.trunk) {
                found.add(&*path, format!("there is no trunk `{}`", member.trunk));
            }
            if group.members[..at].iter().any(|other| other.trunk == member.trunk) {
                found.add(&*path, format!("`{}` is there twice", member.trunk));
            }
        }
    }
    let own = configuration.trunk.iter().map(|trunk| trunk.register.len()).sum::<usize>();
    if own > REGISTRATIONS_MAX {
        found.add("trunk", format!("{own} addresses are to be registered, and {REGISTRATIONS_MAX} can be"));
    }
    for (index, trunk) in configuration.trunk.iter().enumerate() {
        one_trunk(trunk, &format!("trunk[{index}]"), &mut found);
    }
    names(configuration, &mut found);
    for (path, why) in plan::faults(configuration)
        .into_iter()
        .chain(codecs::faults(configuration))
        .chain(numbers::faults(configuration))
    {
        found.add(path, why);
    }
    found.0
}

/// What is allowed, and most likely not meant: the path of the key, and why.
pub fn doubts(configuration: &Configuration) -> Vec<(String, String)> {
    let mut found = Found::default();
    let why = "port 0: the system chooses another port at each start, which nobody is told of";
    let any = configuration.sip.listen.iter().any(|listen| listen.address.port() == 0);
    found.unless(!any, "sip.listen", why);
    for (path, address) in [
        ("control.tcp", configuration.control.tcp),
        ("bridge.listen", configuration.bridge.listen),
        ("metrics.listen", configuration.metrics.listen),
    ] {
        found.unless(address.is_none_or(|address| address.port() != 0), path, why);
    }
    let ports = configuration.media.ports;
    if ports.last >= EPHEMERAL && ports.last != ports.first {
        let why =
            format!("ports from {EPHEMERAL} on are the kernel's ephemeral ones: another program may have one taken");
        found.add("media.ports", why);
    }
    let mut sources: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, trunk) in configuration.trunk.iter().enumerate() {
        for source in &trunk.accept {
            if let Some(other) = sources.insert(source, &trunk.name) {
                let why = format!("{source} is accepted by trunk `{other}` too: its requests belong to one of them");
                found.add(format!("trunk[{index}].accept"), why);
            }
        }
        if let Some(calls) = trunk.calls_max.filter(|&calls| calls > configuration.calls.max) {
            let why = format!("{calls} calls are more than calls.max, {}", configuration.calls.max);
            found.add(format!("trunk[{index}].calls_max"), why);
        }
    }
    for (index, group) in configuration.group.iter().enumerate() {
        let each = u64::from(group.ring_s.unwrap_or(configuration.calls.ring_timeout_s));
        let all = each * group.members.len() as u64;
        let within = u64::from(configuration.calls.setup_timeout_s);
        if group.strategy == Strategy::Sequence && all > within {
            let why = format!(
                "{} members one after another, {each} s each, take {all} s, and a caller waits for {within} \
                 (calls.setup_timeout_s): the last ones would not ring",
                group.members.len()
            );
            found.add(format!("group[{index}].members"), why);
        }
    }
    found.0
}

/// The first of the kernel's ephemeral ports, unless its administrator has chosen others (Linux, `ip_local_port_range`).
const EPHEMERAL: u16 = 32_768;

#[derive(Default)]
struct Found(Vec<(String, String)>);

impl Found {
    fn add(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.0.push((path.into(), why.into()));
    }

    fn unless(&mut self, holds: bool, path: &str, why: &str) {
        if !holds {
            self.add(path, why);
        }
    }
}

fn sip_section(configuration: &Configuration, found: &mut Found) {
    let sip = &configuration.sip;
    found.unless(!sip.listen.is_empty(), "sip.listen", "nothing is listened on");
    if let SipShards::Count(count) = sip.shards {
        found.unless((1..=router::limits::SHARDS).contains(&count), "sip.shards", "lies between 1 and 32");
    }
    let mut seen = BTreeSet::new();
    for listen in &sip.listen {
        // All but UDP are over TCP, whose port one listener has.
        let port = (listen.transport == Transport::Udp, listen.address);
        if listen.address.port() != 0 && !seen.insert(port) {
            found.add("sip.listen", format!("{listen} is there twice"));
        }
    }
    for (listen, told) in &sip.advertised {
        if !sip.listen.contains(listen) {
            found.add("sip.advertised", format!("{listen} is not among sip.listen"));
        }
        if sip::advertised(told, listen.address.port()).is_none() {
            found.add("sip.advertised", format!("`{told}` is neither HOST nor HOST:PORT"));
        }
    }
    let plain = |text: &str| !text.is_empty() && text.len() <= 253 && !text.contains(['"', '\\']) && text.is_ascii();
    found.unless(
        plain(&sip.realm) && !sip.realm.chars().any(char::is_control),
        "sip.realm",
        "a realm is a text of ASCII without quotes",
    );
    for domain in &sip.domains {
        let named = domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
        found.unless(plain(domain) && named, "sip.domains", "a domain is a host name or an address");
    }
    for hop in &sip.service_route {
        found.unless(
            sip::route_hop(hop).is_some(),
            "sip.service_route",
            &format!("`{hop}` is no hop: write sip:HOST;lr, or sip:HOST:PORT;transport=tcp;lr"),
        );
    }
    for name in &sip.accounts_pass {
        found.unless(
            signaling::trunk::may_pass(name),
            "sip.accounts_pass",
            &format!("`{name}` is no header field that can be configured here"),
        );
    }
    found.unless(
        sip.t2_ms >= sip.t1_ms && sip.t2_ms <= 64 * sip.t1_ms,
        "sip.t2_ms",
        "T2 lies between T1 and 64·T1, after which requests are given up",
    );
    found.unless(sip.expires_default_s >= sip.expires_min_s, "sip.expires_default_s", "lies below sip.expires_min_s");
    found.unless(sip.expires_max_s >= sip.expires_default_s, "sip.expires_max_s", "lies below sip.expires_default_s");
    let events = &configuration.events;
    found.unless(
        events.expires_max_s >= events.expires_min_s,
        "events.expires_max_s",
        "lies below events.expires_min_s",
    );
    for (path, rate, burst) in [
        ("sip.unknown_source_burst", sip.unknown_source_per_s, sip.unknown_source_burst),
        ("sip.unknown_total_burst", sip.unknown_total_per_s, sip.unknown_total_burst),
        ("sip.registered_burst", sip.registered_per_s, sip.registered_burst),
        ("sip.trunk_burst", sip.trunk_per_s, sip.trunk_burst),
    ] {
        found.unless(burst >= rate, path, "lies below what is admitted in a second");
    }
    found.unless(
        sip.unknown_total_per_s >= sip.unknown_source_per_s,
        "sip.unknown_total_per_s",
        "lies below what one source may send",
    );
}

/// Certificates, and who has to show them.
fn tls(configuration: &Configuration, found: &mut Found) {
    let sip = &configuration.sip;
    let secure = |listen: &&Listen| listen.transport.is_secure();
    if let Some(listen) = sip.listen.iter().find(secure).filter(|_| configuration.certificate.is_empty()) {
        found.add("sip.listen", format!("{listen} needs a certificate: there is no section [[certificate]]"));
    }
    for (listen, clients) in &sip.client_certificates {
        if !sip.listen.contains(listen) {
            found.add("sip.client_certificates", format!("{listen} is not among sip.listen"));
        } else if !listen.transport.is_secure() {
            found.add("sip.client_certificates", format!("{listen} has no TLS"));
        } else if *clients != ClientCertificates::Never && sip.client_authorities.is_empty() {
            found.add("sip.client_certificates", "sip.client_authorities is empty: no certificate would be believed");
        }
    }
    found.unless(
        u64::from(sip.connections_per_source) <= u64::from(sip.connections_max) * 3 / 4,
        "sip.connections_per_source",
        "lies above three quarters of sip.connections_max, which is all that hosts of no trunk have",
    );
    for origin in &sip.origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        let plain = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '*']));
        if !plain {
            let why =
                format!("`{origin}` is no origin: write https://HOST or https://HOST:PORT, with nothing behind it");
            found.add("sip.origins", why);
        }
    }
    for (index, certificate) in configuration.certificate.iter().enumerate() {
        for (name, file) in [("file", &certificate.file), ("key_file", &certificate.key_file)] {
            let there = !file.as_os_str().is_empty();
            found.unless(there, &format!("certificate[{index}].{name}"), "is not set");
        }
    }
    let asks = sip.client_certificates.values().any(|clients| *clients != ClientCertificates::Never);
    for (index, trunk) in configuration.trunk.iter().enumerate() {
        let key = |name: &str| format!("trunk[{index}].{name}");
        let target = trunk.address.as_deref().and_then(sip::target);
        let transport = target.as_ref().and_then(|target| target.transport);
        let over_tls = transport == Some(Transport::Tls);
        let may_be = over_tls || target.is_some_and(|target| sip::zone_may_ask_for_tls(configuration, &target));
        if over_tls && !sip.listen.iter().any(|listen| listen.transport == Transport::Tls) {
            found.add(key("address"), "goes over TLS, and none of sip.listen does: calls leave from a listener");
        }
        if transport.is_some_and(|transport| !transport.is_opened()) {
            found.add(key("address"), "nobody is called over a WebSocket but who has opened it");
        }
        if trunk.certificate.is_some() != trunk.key_file.is_some() {
            found.add(key("certificate"), "a certificate and its key_file belong together");
        }
        for (name, set) in [("authorities", trunk.authorities.is_some()), ("certificate", trunk.certificate.is_some())]
        {
            if set && !may_be {
                found.add(key(name), "is of no use where address neither begins with tls: nor is a name alone");
            }
        }
        if let Some(domain) = &trunk.domain {
            let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
            let fits = !domain.is_empty() && domain.len() <= 253 && domain.bytes().all(named);
            found.unless(fits, &key("domain"), "is a host name, or an address that the certificate names");
        }
        if let Some(domain) = &trunk.from_domain {
            let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
            let fits = !domain.is_empty() && domain.len() <= 253 && domain.bytes().all(named);
            found.unless(fits, &key("from_domain"), "is a host name or an address");
        }
        if let Some(user) = &trunk.from_user {
            let fits = !user.is_empty() && user.len() <= 255 && !user.contains(char::is_control);
            found.unless(fits, &key("from_user"), "is the user of an address");
        }
        if trunk.certified {
            found.unless(sip::domain(trunk).is_some(), &key("certified"), "needs a domain");
            found.unless(
                over_tls || asks,
                &key("certified"),
                "no listener asks for certificates: see sip.client_certificates",
            );
        }
    }
}

fn calls_and_services(configuration: &Configuration, found: &mut Found) {
    let calls = &configuration.calls;
    found.unless(
        calls.setup_timeout_s >= calls.ring_timeout_s,
        "calls.setup_timeout_s",
        "lies below calls.ring_timeout_s: no destination could ring so long",
    );
    let groups = configuration.group.iter().map(|group| group.ring_s).enumerate();
    let groups = groups.map(|(index, ring)| (format!("group[{index}].ring_s"), ring));
    let routes = configuration.route.iter().map(|route| route.ring_s).enumerate();
    let routes = routes.map(|(index, ring)| (format!("route[{index}].ring_s"), ring));
    for (path, ring) in groups.chain(routes) {
        if ring.is_some_and(|seconds| seconds > calls.setup_timeout_s) {
            found.add(path, "lies above calls.setup_timeout_s, when the call is given up");
        }
    }
    let mut numbers: BTreeMap<&str, &str> = BTreeMap::new();
    let services = &configuration.services;
    for (path, of_service) in [
        ("services.echo", &services.echo),
        ("services.milliwatt", &services.milliwatt),
        ("services.silence", &services.silence),
    ] {
        for number in of_service {
            found.unless(!number.is_empty(), path, "a number is empty");
            if let Some(other) = numbers.insert(number, path) {
                found.add(path, format!("`{number}` is a number of {other} too"));
            }
        }
    }
}

fn bridge_section(bridge: &Bridge, found: &mut Found) {
    if bridge.platform.is_none() {
        // What would come to nothing without it is a mistake, and not a platform that nobody reaches. The folder of the
        // certificates is made before there is a platform.
        let rest = Bridge { certificates: bridge.certificates.clone(), ..Bridge::default() };
        found.unless(*bridge == rest, "bridge.platform", "is not set, and without it nothing is linked");
        return;
    }
    if let Some(name) = &bridge.name {
        let why = format!("1 to {PLATFORM_NAME_BYTES} letters, digits, dots, hyphens and underscores");
        found.unless(is_name(name), "bridge.name", &why);
    }
    found.unless(
        bridge.listen.is_some() || !bridge.peers.is_empty(),
        "bridge.listen",
        "neither it nor bridge.peers is set: no link can be made or taken",
    );
    found.unless(
        bridge.listen.is_some() || bridge.advertise.is_none(),
        "bridge.advertise",
        "nobody can be told to come where bridge.listen is not set",
    );
    let port = bridge.listen.is_none_or(|listen| listen.port() != 0);
    found.unless(port, "bridge.listen", "a port that changes with each start is of no use to others");
    let media = bridge.media.is_none_or(|own| !own.is_unspecified());
    found.unless(media, "bridge.media", "an address that others can send to");
    let mut seen = BTreeSet::new();
    for peer in &bridge.peers {
        if !seen.insert(peer) {
            found.add("bridge.peers", format!("{peer} is there twice"));
        }
    }
    if bridge.peers.len() > PEERS {
        found.add("bridge.peers", format!("{PEERS} at most: one that is up tells of the others"));
    }
    if bridge.plain {
        let loopback = |address: Option<IpAddr>| address.is_some_and(|address| address.is_loopback());
        let listens = bridge.listen.is_none_or(|listen| listen.ip().is_loopback());
        let why =
            "without TLS, links are taken and made on loopback alone: 127.0.0.0/8 or [::1], written as an address";
        found.unless(listens, "bridge.listen", why);
        found.unless(bridge.peers.iter().all(|peer| loopback(peer.address())), "bridge.peers", why);
        let advertises = bridge.advertise.as_ref().is_none_or(|told| loopback(told.address()));
        found.unless(advertises, "bridge.advertise", why);
    }
}

fn media_section(configuration: &Configuration, found: &mut Found) {
    let media = &configuration.media;
    if let Err(error) = super::media::config(configuration, |_| None).check() {
        found.add("media", error.to_string());
    }
    for listen in &configuration.sip.listen {
        let port = listen.address.port();
        if (media.ports.first..=media.ports.last).contains(&port) {
            found.add("media.ports", format!("holds the port of {listen}"));
        }
    }
    if let super::value::MediaWorkers::Cores(cores) = &media.workers {
        let distinct: BTreeSet<_> = cores.iter().collect();
        found.unless(!cores.is_empty(), "media.workers", "there is no worker");
        found.unless(distinct.len() == cores.len(), "media.workers", "a core is there twice");
        found.unless(
            cores.len() <= router::limits::MODULES_PER_KIND,
            "media.workers",
            "there are more workers than a platform has addresses for",
        );
    }
    for (own, told) in &media.advertised {
        if told.is_unspecified() || own.is_ipv4() != told.is_ipv4() {
            found.add("media.advertised", format!("{told} cannot be told instead of {own}"));
        }
    }
}

fn operation(configuration: &Configuration, found: &mut Found) {
    let control = &configuration.control;
    found.unless(
        control.token_file.is_none() || control.tcp.is_some(),
        "control.token_file",
        "is of no use without control.tcp",
    );
    one_listener_each(configuration, found);
    if let Err(why) = crate::telemetry::logging::filter(&configuration.log.level) {
        found.add("log.level", why);
    }
    found.unless(!configuration.data.as_os_str().is_empty(), "data", "is empty");
}

/// What is listened at by TCP, each for itself: the second one could not start. Port 0 is another one for each.
fn one_listener_each(configuration: &Configuration, found: &mut Found) {
    let sip = configuration.sip.listen.iter().filter(|listen| listen.transport.is_reliable());
    let others = [
        ("control.tcp", configuration.control.tcp),
        ("bridge.listen", configuration.bridge.listen),
        ("metrics.listen", configuration.metrics.listen),
    ];
    let mut taken: Vec<(&str, SocketAddr)> = sip.map(|listen| ("sip.listen", listen.address)).collect();
    for (path, address) in others {
        let Some(address) = address.filter(|address| address.port() != 0) else { continue };
        let same = |other: &SocketAddr| {
            let any = other.ip().is_unspecified() || address.ip().is_unspecified();
            other.port() == address.port()
                && other.is_ipv4() == address.is_ipv4()
                && (any || other.ip() == address.ip())
        };
        if let Some((other, there)) = taken.iter().find(|(_, other)| same(other)) {
            found.add(path, format!("{address} is listened at already: {other} has {there}"));
        }
        taken.push((path, address));
    }
}

fn one_trunk(trunk: &Trunk, path: &str, found: &mut Found) {
    let key = |name: &str| format!("{path}.{name}");
    if trunk.address.is_none() && trunk.accept.is_empty() {
        found.add(path, "has neither address nor accept: no call could come or go");
    }
    if let Some(address) = &trunk.address
        && sip::target(address).is_none()
    {
        found.add(key("address"), format!("`{address}` is neither HOST, HOST:PORT, tcp:HOST:PORT nor tls:HOST:PORT"));
    }
    for source in &trunk.accept {
        if sip::source(source).is_none() {
            found.add(key("accept"), format!("`{source}` is neither ADDRESS, ADDRESS:PORT nor NETWORK/BITS"));
        }
    }
    let secrets = usize::from(trunk.password.is_some()) + usize::from(trunk.password_file.is_some());
    if secrets == 2 {
        found.add(key("password_file"), "there is a password too");
    }
    if trunk.username.is_some() != (secrets > 0) {
        found.add(key("username"), "a user name and a password belong together");
    }
    for (index, own) in trunk.register.iter().enumerate() {
        if OwnAddress::parse(own).is_none() {
            found.add(key("register"), format!("`{own}` is neither USER nor USER@DOMAIN"));
        }
        if trunk.register[..index].contains(own) {
            found.add(key("register"), format!("`{own}` is there twice"));
        }
    }
    if let Err((name, why)) = sip::header_policy(trunk) {
        found.add(key(name), why);
    }
    if let Err(why) = plan::caller(&trunk.caller) {
        found.add(key("caller"), why);
    }
    if trunk.options_s.is_some() && trunk.address.is_none() {
        found.add(key("options_s"), "is of no use without address");
    }
    if !trunk.register.is_empty() && (trunk.username.is_none() || trunk.address.is_none()) {
        found.add(key("register"), "takes an address, a user name and a password");
    }
    if trunk.outbound && trunk.register.is_empty() {
        found.add(key("outbound"), "is of no use without register");
    }
    if trunk.register_expires_s.is_some() && trunk.register.is_empty() {
        found.add(key("register_expires_s"), "is of no use without register");
    }
    if trunk.username.is_some() && trunk.address.is_none() {
        found.add(key("username"), "is of no use without address");
    }
}

/// Names of trunks, groups and routes: there, and there once.
fn names(configuration: &Configuration, found: &mut Found) {
    let mut once = |section: &str, names: Vec<(usize, &str)>| {
        let mut seen = BTreeSet::new();
        for (index, name) in names {
            let path = format!("{section}[{index}].name");
            if name.is_empty() || name.len() > 64 || name.chars().any(|c| c.is_control() || c == ':') {
                found.add(path, "a name has 1 to 64 characters and no colon");
            } else if !seen.insert(name) {
                found.add(path, format!("`{name}` is there twice"));
            }
        }
    };
    once("trunk_group", configuration.trunk_group.iter().enumerate().map(|(i, one)| (i, one.name.as_str())).collect());
    once("guard", configuration.guard.iter().enumerate().map(|(i, guard)| (i, guard.name.as_str())).collect());
    once("rates", configuration.rates.iter().enumerate().map(|(i, rates)| (i, rates.name.as_str())).collect());
    once("trunk", configuration.trunk.iter().enumerate().map(|(i, trunk)| (i, trunk.name.as_str())).collect());
    once("group", configuration.group.iter().enumerate().map(|(i, group)| (i, group.name.as_str())).collect());
    let routes = configuration.route.iter().enumerate();
    once("route", routes.filter_map(|(i, route)| route.name.as_deref().map(|name| (i, name))).collect());
}

#[cfg(test)]
mod tests {
    use super::super::read;

    /// Each line is a configuration and a word of the complaint that it deserves.
    #[test]
    fn contradictions_are_found() {
        for (text, word) in [
            ("[sip]\nlisten = []", "nothing"),
            ("[sip]\nlisten = [\"udp:127.0.0.1:5060\", \"udp:127.0.0.1:5060\"]", "twice"),
            ("[sip]\nadvertised = { \"udp:10.0.0.1:5060\" = \"203.0.113.7\" }", "not among"),
            ("[sip]\nexpires_min_s = 5000", "below"),
            ("[sip]\ntrying_ms = 300", "17.2.1"),
            ("[sip]\nunknown_source_per_s = 5000\nunknown_source_burst = 5000", "below"),
            ("[calls]\nring_timeout_s = 500", "ring_timeout_s"),
            ("[services]\nsilence = [\"echo\"]", "too"),
            ("[media]\nports = \"5000-6000\"", "udp:127.0.0.1:5060"),
            ("[media]\nworkers = [1, 1]", "twice"),
            ("[media]\nadvertised = { \"10.0.0.1\" = \"::1\" }", "cannot"),
            ("[media]\ndscp = 64", "0 to 63"),
            ("[control]\ntoken_file = \"x\"", "control.tcp"),
            ("[bridge]\nname = \"a\"", "bridge.platform"),
            ("[bridge]\nplatform = 0\nlisten = \"127.0.0.1:1\"", "1 to 4294967294"),
            ("[bridge]\nplatform = 1", "no link"),
            ("[bridge]\nplatform = 1\nlisten = \"127.0.0.1:1\"\nname = \"a b\"", "letters"),
            ("[bridge]\nplatform = 1\nadvertise = \"a:1\"\npeers = [\"b:1\"]", "bridge.listen"),
            ("[bridge]\nplatform = 1\npeers = [\"b:1\", \"b:1\"]", "twice"),
            ("[bridge]\nplatform = 1\npeers = [\"b\"]", "NAME:PORT"),
            ("[bridge]\nplatform = 1\nlisten = \"127.0.0.1:0\"", "port"),
            ("[bridge]\nplatform = 1\npeers = [\"b:1\"]\nheartbeat_ms = 20", "50 to 10000"),
            ("[bridge]\nplatform = 1\npeers = [\"b:1\"]\ncall_grace_s = 4", "5 to 3600"),
            ("[bridge]\nplatform = 1\npeers = [\"b:1\"]\nmedia = \"0.0.0.0\"", "others can send"),
            ("[[route]]\nto = [\"platform:west\"]", "bridge.platform"),
            ("[[route]]\nfrom = \"platforms\"\nto = [\"account:bob\"]", "bridge.platform"),
            (
                "[bridge]\nplatform = 1\nname = \"east\"\npeers = [\"b:1\"]\n[[route]]\nto = [\"platform:east\"]",
                "this very platform",
            ),
            ("[bridge]\nplatform = 1\nlisten = \"0.0.0.0:5065\"\nplain = true", "loopback"),
            ("[bridge]\nplatform = 1\npeers = [\"192.0.2.1:5065\"]\nplain = true", "loopback"),
            ("[bridge]\nplatform = 1\npeers = [\"localhost:5065\"]\nplain = true", "loopback"),
            ("[control]\ntcp = \"127.0.0.1:5060\"", "sip.listen"),
            ("[control]\ntcp = \"127.0.0.1:9\"\n[metrics]\nlisten = \"0.0.0.0:9\"", "control.tcp"),
            ("[metrics]\nlisten = \"[::1]:9\"\n[bridge]\nplatform = 1\nlisten = \"[::]:9\"", "bridge.listen"),
            ("[[group]]\nname = \"a\"\nmembers = [\"b\"]\nring_s = 181", "setup_timeout_s"),
            ("[[group]]\nname = \"a\"\nmembers = [\"b\"]\nring_s = 0", "1 or more"),
            ("[[route]]\nto = [\"account:a\"]\nring_s = 181", "setup_timeout_s"),
            ("[[trunk]]\nname = \"a\"\naddress = \"h\"\ncalls_max = 0", "1 or more"),
            ("[calls]\nmedia_silence_s = 9", "0, or 10 or more"),
            ("[calls]\nmax = 0", "1 to 100000"),
            ("[sip]\nkeep_alive_s = 4", "0, or 5 or more"),
            ("[sip]\nnonce_life_s = 9", "10 to 86400"),
            ("[log]\nlevel = \"loud=x=y\"", "log.level"),
            ("[[trunk]]\nname = \"a\"", "neither"),
            ("[[trunk]]\nname = \"a\"\naddress = \"b c\"", "b c"),
            ("[[trunk]]\nname = \"a\"\naccept = [\"10.0.0.0/40\"]", "10.0.0.0/40"),
            ("[[trunk]]\nname = \"a\"\naddress = \"h\"\nusername = \"u\"", "belong together"),
            ("[[trunk]]\nname = \"a\"\naddress = \"h\"\nresponse_s = 32", "timer B"),
            ("[[trunk]]\nname = \"a:b\"\naddress = \"h\"", "colon"),
            ("[sip]\nresponse_s = 32", "timer B"),
            ("[sip]\ncontacts_max = 17", "1 to 16"),
            ("[sip]\ncontacts_max = 0", "1 to 16"),
            ("[[group]]\nname = \"a\"\nmembers = []", "member"),
            ("[sip]\nshards = 0", "32"),
            ("[sip]\nshards = 33", "32"),
            ("[sip]\nshards = \"many\"", "auto"),
            ("[[route]]\nto = [\"trunk:a\"]", "`a`"),
            ("[[route]]\nto = [\"group:a\"]", "`a`"),
            ("[[route]]\nto = []", "to"),
            ("[[route]]\nto = [\"account:a\", \"account:b\"]", "trunks"),
            ("[[route]]\nto = [\"refuse:whim\"]", "whim"),
            ("[[route]]\nnumber = \"1\"\nprefix = \"2\"\nto = [\"account:a\"]", "one of"),
            ("[[route]]\npattern = \"(\"\nto = [\"account:a\"]", "compile"),
            ("[[route]]\nstrip = 1\nto = [\"account:a\"]", "strip"),
            ("[[route]]\nprefix = \"9\"\nto = [\"number:9\"]", "leads back to itself"),
            ("[[route]]\nto = [\"rewrite\"]", "leads back to itself"),
            (
                "[[route]]\nnumber = \"1\"\nto = [\"number:2\"]\n[[route]]\nnumber = \"2\"\nto = [\"number:1\"]",
                "leads back to itself",
            ),
            ("[[route]]\nfrom = \"friends\"\nto = [\"account:a\"]", "friends"),
        ] {
            let complaints = read(text).unwrap_err();
            assert!(
                complaints.iter().any(|complaint| complaint.message.contains(word) && complaint.line.is_some()),
                "{text}: {complaints:?}"
            );
        }
    }

    #[test]
    fn a_route_to_a_number_that_another_route_takes_is_right() {
        let text = "[[route]]\nnumber = \"9\"\nto = [\"account:a\"]\n[[route]]\nprefix = \"9\"\nto = [\"number:9\"]\n\
                    [[route]]\nprefix = \"8\"\nstrip = 1\nto = [\"rewrite\"]";
        read(text).unwrap();
        let text = "[[route]]\nnumber = \"9\"\nfrom = \"account:a\"\nto = [\"number:8\"]\n[[route]]\nnumber = \"8\"\n\
                    from = \"trunks\"\nto = [\"number:9\"]";
        read(text).unwrap();
    }

    #[test]
    fn what_is_hardly_meant_is_doubted() {
        for (text, lines) in [
            ("[media]\nports = \"20000-40000\"", &[2][..]),
            ("[media]\nports = \"20000-32767\"", &[]),
            (
                "[[trunk]]\nname = \"a\"\naccept = [\"192.0.2.1\"]\n[[trunk]]\nname = \"b\"\naccept = [\"192.0.2.1\"]",
                &[6],
            ),
            ("[calls]\nmax = 10\n[[trunk]]\nname = \"a\"\naddress = \"h\"\ncalls_max = 11", &[6]),
        ] {
            let doubts = super::super::load::warnings(text, &read(text).unwrap());
            let found: Vec<_> = doubts.iter().filter_map(|doubt| doubt.line).collect();
            assert_eq!(found, lines, "{doubts:?}");
        }
    }

    #[test]
    fn a_port_of_the_systems_choice_is_doubted() {
        let text = "[metrics]\nlisten = \"127.0.0.1:0\"\n[sip]\nlisten = [\"udp:127.0.0.1:0\"]";
        let doubts = super::super::load::warnings(text, &read(text).unwrap());
        let lines: Vec<_> = doubts.iter().map(|doubt| doubt.line).collect();
        assert_eq!(lines, [Some(2), Some(4)], "{doubts:?}");
    }

    #[test]
    fn a_group_whose_last_members_would_not_ring_is_doubted() {
        let doubts = |more: &str| {
            let text = format!("[[group]]\nname = \"g\"\nmembers = [\"a\", \"b\", \"c\", \"d\"]\n{more}");
            super::super::load::warnings(&text, &read(&text).unwrap())
        };
        let found = doubts("strategy = \"sequence\"");
        assert_eq!(found.iter().map(|doubt| doubt.line).collect::<Vec<_>>(), [Some(3)]);
        assert!(found[0].message.contains("take 240 s"), "{found:?}");
        assert!(doubts("strategy = \"sequence\"\nring_s = 20").is_empty() && doubts("strategy = \"all\"").is_empty());
    }

    #[test]
    fn a_group_has_as_many_members_as_ring_at_once() {
        let group = |count: usize| {
            let members: Vec<String> = (0..count).map(|number| format!("\"{number}\"")).collect();
            read(&format!("[[group]]\nname = \"a\"\nmembers = [{}]", members.join(", ")))
        };
        group(switch::limits::FORK_LEGS).unwrap();
        let complaint = group(switch::limits::FORK_LEGS + 1).unwrap_err().remove(0);
        assert!(complaint.message.contains("at most 32"), "{}", complaint.message);
    }

    #[test]
    fn a_full_configuration_is_accepted() {
        let text = r#"
            data = "/var/lib/tandem"
            [sip]
            listen = ["udp:0.0.0.0:5060", "tcp:[::]:5060"]
            advertised = { "udp:0.0.0.0:5060" = "203.0.113.7" }
            [media]
            interfaces = ["10.0.0.5"]
            advertised = { "10.0.0.5" = "203.0.113.7" }
            workers = [1]
            [control]
            tcp = "127.0.0.1:5064"
            [bridge]
            platform = 7
            name = "east"
            listen = "0.0.0.0:5065"
            advertise = "east.example.net:5065"
            peers = ["west.example.net:5065", "[2001:db8::1]:5065"]
            [[trunk]]
            name = "carrier"
            address = "tcp:sip.example.net:5070"
            accept = ["198.51.100.0/24", "[2001:db8::1]:5060"]
            trusted = true
            [[trunk]]
            name = "second"
            address = "192.0.2.9"
            [[group]]
            name = "sales"
            members = ["alice", "bob"]
            strategy = "sequence"
            ring_s = 20
            [[route]]
            prefix = "00"
            from = "accounts"
            to = ["trunk:carrier", "trunk:second", "trunk:carrier@west", "platform:west"]
            strip = 2
            prepend = "+"
            on_busy = ["refuse:congestion"]
            [[route]]
            from = "platform:west"
            number = "100"
            to = ["account:alice"]
            [[route]]
            from = "trunk:carrier"
            to = ["group:sales"]
            on_no_answer = ["service:echo"]
            [[route]]
            pattern = "^0(.*)$"
            replace = ["^0", "0049"]
            to = ["rewrite"]
        "#;
        read(text).unwrap();
    }
}
