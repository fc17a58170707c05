//! Servers that relay for us (TURN).

use super::super::model::{Configuration, Turn};
use super::super::value::Ice;
use super::Found;
use media::turn::is_nowhere;
use std::net::SocketAddr;
use stun::limits::USERNAME_OCTETS_MAX;

/// What contradicts itself.
pub(super) fn turn(configuration: &Configuration, found: &mut Found) {
    let servers = &configuration.turn;
    for (index, server) in servers.iter().enumerate() {
        let key = |name: &str| format!("turn[{index}].{name}");
        match server.server {
            None => found.add(key("server"), "is missing: a TURN server is at ADDRESS:PORT"),
            Some(at) if !is_server(at) => found.add(key("server"), format!("no server is at {at}")),
            Some(at) => {
                let is_same = |other: &Turn| other.server == Some(at);
                if servers[..index].iter().any(is_same) {
                    found.add(key("server"), format!("{at} is there twice"));
                }
            }
        }
        if server.username.is_empty() || server.username.len() > USERNAME_OCTETS_MAX {
            found.add(
                key("username"),
                format!("takes 1 to {USERNAME_OCTETS_MAX} octets: TURN servers give nothing to who has no name"),
            );
        }
        match (server.password.is_some(), server.password_file.is_some()) {
            (true, true) => found.add(key("password_file"), "there is a password too"),
            (false, false) => found.add(key("password_file"), "is missing, and there is no password either"),
            _ => {}
        }
    }
    if !servers.is_empty() && configuration.sip.ice_lite {
        let why = "is of no use with sip.ice_lite: who sends no checks has no address at a server (RFC 8445 §2.5)";
        found.add("turn", why);
    }
}

/// What is hardly meant.
pub(super) fn doubts(configuration: &Configuration, found: &mut Found) {
    let sip = &configuration.sip;
    let of_trunks = configuration.trunk.iter().map(|trunk| trunk.ice.unwrap_or(sip.ice));
    let mut all = of_trunks.chain(sip.ice_accounts.values().copied()).chain(Some(sip.ice));
    if !configuration.turn.is_empty() && all.all(|ice| ice == Ice::Never) {
        found.add("turn", "is of no use while ways are looked for with nobody (sip.ice, sip.ice_accounts, trunk.ice)");
    }
    let media = super::super::media::config(configuration, Some);
    for (index, server) in configuration.turn.iter().enumerate() {
        let Some(at) = server.server else { continue };
        let has_family = media.interfaces.iter().any(|interface| interface.address.is_ipv4() == at.is_ipv4());
        if !has_family && !media.interfaces.is_empty() {
            let why = format!("{at} is of a family that media has no address of: it is never asked");
            found.add(format!("turn[{index}].server"), why);
        }
    }
}

fn is_server(at: SocketAddr) -> bool {
    at.port() != 0 && !at.ip().is_unspecified() && !at.ip().is_multicast() && !is_nowhere(at.ip())
}
