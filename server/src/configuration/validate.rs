//! Contradictions: what each key alone may say, and together they may not.

mod bridge;
mod doubts;
mod listeners;
mod own_listener;
mod tls;
mod trunk;
mod turn;
mod unreached;

use super::model::Configuration;
use super::value::SipShards;
use super::{codecs, numbers, plan, sip};
use bridge::bridge_section;
pub use doubts::doubts;
use router::parameter::Network;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use tls::tls;
use trunk::trunks;

/// What contradicts itself: the path of the key, and how. Empty: nothing does.
pub fn contradictions(configuration: &Configuration) -> Vec<(String, String)> {
    let mut found = Found::default();
    sip_section(configuration, &mut found);
    tls(configuration, &mut found);
    calls_and_services(configuration, &mut found);
    media_section(configuration, &mut found);
    turn::turn(configuration, &mut found);
    operation(configuration, &mut found);
    bridge_section(&configuration.bridge, &mut found);
    trunks(configuration, &mut found);
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
    listeners::listeners(sip, found);
    if let SipShards::Count(count) = sip.shards {
        found.unless((1..=router::limits::SHARDS).contains(&count), "sip.shards", "lies between 1 and 32");
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
    for edge in &sip.edge_proxies {
        let network = Network::parse(edge);
        found.unless(
            network.is_some_and(|network| !network.is_everywhere()),
            "sip.edge_proxies",
            &format!("`{edge}` is neither an address nor a network: write 203.0.113.7, or 203.0.113.0/28"),
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
            if let Some(other) = numbers.insert(number, path) {
                found.add(path, format!("`{number}` is a number of {other} too"));
            }
        }
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
    let hep = &configuration.hep;
    for (path, text) in
        [("hep.node", hep.node.as_ref()), ("hep.password", hep.password.as_ref().map(|own| own.0.reveal()))]
    {
        let fits = text.is_none_or(|text| (1..=HEP_TEXT_OCTETS).contains(&text.len()));
        found.unless(fits, path, "has to have 1 to 255 octets");
    }
    if let Err(why) = crate::telemetry::logging::filter(&configuration.log.level) {
        found.add("log.level", why);
    }
    found.unless(!configuration.data.as_os_str().is_empty(), "data", "is empty");
}

/// The longest name and password that a capture server is told.
const HEP_TEXT_OCTETS: usize = 255;

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
mod tests;
