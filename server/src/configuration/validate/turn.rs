//! Servers that relay for us (TURN).

use super::super::model::{Configuration, Turn};
use super::super::value::Ice;
use super::Found;
use media::turn::is_server;
use std::net::SocketAddr;
use stun::limits::USERNAME_OCTETS_MAX;

/// Seconds since 1970, and what parts them from a name.
const TIME_OCTETS_MAX: usize = 21;

/// What contradicts itself.
pub(super) fn turn(configuration: &Configuration, found: &mut Found) {
    let servers = &configuration.turn;
    for (index, server) in servers.iter().enumerate() {
        let key = |name: &str| format!("turn[{index}].{name}");
        match &server.server {
            None => found.add(key("server"), "is missing: a TURN server is at ADDRESS:PORT or NAME:PORT"),
            Some(at) if at.address().is_some_and(|address| !is_server(SocketAddr::new(address, at.port))) => {
                found.add(key("server"), format!("no server is at {at}"));
            }
            Some(at) => {
                let is_same = |other: &Turn| other.server.as_ref() == Some(at);
                if servers[..index].iter().any(is_same) {
                    found.add(key("server"), format!("{at} is there twice"));
                }
            }
        }
        let octets = server.username.len();
        if server.valid_s.is_some() {
            let most = USERNAME_OCTETS_MAX - TIME_OCTETS_MAX;
            if octets > most {
                found.add(key("username"), format!("takes {most} octets at most, as the time stands before it"));
            }
        } else if octets == 0 || octets > USERNAME_OCTETS_MAX {
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
        let Some(at) = &server.server else { continue };
        let Some(address) = at.address() else { continue };
        let has_family = media.interfaces.iter().any(|interface| interface.address.is_ipv4() == address.is_ipv4());
        if !has_family && !media.interfaces.is_empty() {
            let why = format!("{at} is of a family that media has no address of: it is never asked");
            found.add(format!("turn[{index}].server"), why);
        }
    }
}
