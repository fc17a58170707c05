//! Links with other platforms.

use super::super::model::Bridge;
use super::Found;
use crate::cluster::certificate::is_name;
use crate::limits::{PEERS, PLATFORM_NAME_BYTES};
use std::collections::BTreeSet;
use std::net::IpAddr;

pub(super) fn bridge_section(bridge: &Bridge, found: &mut Found) {
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

/// What is no mistake while the section is being written: who joins a cluster has its number first, and is told the peers by the invitation.
pub(super) fn doubts(bridge: &Bridge, found: &mut Found) {
    let links = bridge.platform.is_none() || bridge.listen.is_some() || !bridge.peers.is_empty();
    found.unless(
        links,
        "bridge.platform",
        "neither bridge.listen nor bridge.peers is set: no link can be made or taken",
    );
}
