//! What is allowed, and most likely not meant.

use super::super::model::{Configuration, Trunk};
use super::super::sip;
use super::super::value::Strategy;
use super::{Found, bridge, listeners, turn, unreached};
use router::parameter::Network;
use signaling::trunk::{Source, Target};
use std::net::IpAddr;

/// What a configuration says so: the path of the key, and why.
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
    for (path, address, what) in [
        (
            "control.tcp",
            configuration.control.tcp,
            "the token passes it unencrypted, and whoever overhears it drives the server",
        ),
        ("metrics.listen", configuration.metrics.listen, "whoever reaches it is told what the server does"),
    ] {
        if let Some(address) = address.filter(|address| is_reached_from_outside(address.ip())) {
            found.add(path, format!("{address} is neither on loopback nor in a private network: {what}"));
        }
    }
    let ports = configuration.media.ports;
    if ports.last >= EPHEMERAL && ports.last != ports.first {
        let why =
            format!("ports from {EPHEMERAL} on are the kernel's ephemeral ones: another program may have one taken");
        found.add("media.ports", why);
    }
    listeners::doubts(&configuration.sip, &mut found);
    bridge::doubts(&configuration.bridge, &mut found);
    turn::doubts(configuration, &mut found);
    unreached::unreached(configuration, &mut found);
    for (index, trunk) in configuration.trunk.iter().enumerate() {
        accepted(&configuration.trunk[..index], trunk, &format!("trunk[{index}]"), &mut found);
        media_from(trunk, &format!("trunk[{index}].media_from"), &mut found);
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

/// Whose requests are taken for a trunk's: strangers', or another trunk's.
fn accepted(before: &[Trunk], trunk: &Trunk, path: &str, found: &mut Found) {
    for source in sources(trunk).filter(|_| !trunk.certified) {
        let network = source.network();
        if network.prefix < if network.address.is_ipv4() { 8 } else { 16 } {
            let why = format!("{source}: whoever is there calls as this trunk, without a password (an open relay)");
            found.add(format!("{path}.accept"), why);
        }
    }
    // By our Contact each registered account's calls are known, and by the certificate whose connection it is.
    let is_told = |one: &Trunk, other: &Trunk| {
        let by_contact = !one.register.is_empty() && !other.register.is_empty();
        by_contact || (one.certified && other.certified && sip::domain(one) != sip::domain(other))
    };
    for source in sources(trunk) {
        let same = |other: &&Trunk| !is_told(other, trunk) && sources(other).any(|other| other == source);
        if let Some(other) = before.iter().find(same) {
            let key = if trunk.accept.is_empty() { "address" } else { "accept" };
            let why = format!("requests from {source} are those of trunk `{}`, which is before it", other.name);
            found.add(format!("{path}.{key}"), why);
        }
    }
}

/// Where a trunk's requests come from.
fn sources(trunk: &Trunk) -> impl Iterator<Item = Source> + '_ {
    let own = trunk.address.as_deref().filter(|_| trunk.accept.is_empty());
    let own = own.and_then(sip::target).as_ref().and_then(Target::source);
    trunk.accept.iter().filter_map(|text| sip::source(text)).chain(own)
}

/// Networks so large that strangers are in them.
fn media_from(trunk: &Trunk, path: &str, found: &mut Found) {
    for text in &trunk.media_from {
        let Some(network) = Network::parse(text) else { continue };
        if network.prefix < if network.address.is_ipv4() { 16 } else { 32 } {
            let why = format!(
                "{text} is larger than what a carrier has: whoever sends from there, and hits a port before the carrier does, \
                 is heard and hears the other side"
            );
            found.add(path, why);
        }
    }
}

/// Whether others than this host and those of its private network may reach an address.
fn is_reached_from_outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && second & 0xc0 == 64;
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared)
        }
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

/// The first of the kernel's ephemeral ports, unless its administrator has chosen others (Linux, `ip_local_port_range`).
const EPHEMERAL: u16 = 32_768;
