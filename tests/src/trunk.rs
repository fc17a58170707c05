//! Peers that are known by their address: carriers, and the exchanges behind them.

use crate::phone::{Behaviour, Carrier, PhoneConfig};
use crate::platform::SECURE_PORT;
use router::Private;
use signaling::digest::ClientCredentials;
use signaling::trunk::{Source, Target, TrunkConfig};
use std::net::{IpAddr, SocketAddr};

/// A peer at an address, which is there for every number and never registers.
pub fn peer(name: &str, address: SocketAddr, server: SocketAddr, behaviour: Behaviour) -> PhoneConfig {
    PhoneConfig {
        registers: false,
        any_user: true,
        domain: server.ip().to_string(),
        behaviour,
        ..PhoneConfig::new(name, address, server)
    }
}

/// The same over a connection of its own.
pub fn peer_by_tcp(name: &str, address: SocketAddr, server: SocketAddr, behaviour: Behaviour) -> PhoneConfig {
    PhoneConfig { carrier: Carrier::Tcp, ..peer(name, address, server, behaviour) }
}

/// The same as if over TLS, at the port of the server that listens for it.
pub fn peer_by_tls(name: &str, address: SocketAddr, server: SocketAddr, behaviour: Behaviour) -> PhoneConfig {
    let server = SocketAddr::new(server.ip(), SECURE_PORT);
    PhoneConfig { carrier: Carrier::Tls, ..peer(name, address, server, behaviour) }
}

/// What the platform knows of the peer at that address: in and out, trusted, without credentials.
pub fn known(name: &str, address: SocketAddr) -> TrunkConfig {
    TrunkConfig {
        name: name.to_owned(),
        target: Target::parse(&address.to_string()),
        sources: vec![Source::host(address.ip(), Some(address.port()))],
        domain: None,
        credentials: None,
        trusted: true,
        calls_max: None,
        response_timeout: signaling::limits::TRUNK_RESPONSE_TIMEOUT,
        calls: None,
        calls_per_s: None,
        options: None,
        register: Vec::new(),
        register_expires: signaling::limits::REGISTER_EXPIRES,
        outbound: false,
        headers: Default::default(),
        identity: Default::default(),
        media_fixed: false,
    }
}

/// A trunk that is called over TLS, and has to prove that domain wherever its own calls come from.
pub fn certified(name: &str, address: SocketAddr, domain: &str) -> TrunkConfig {
    TrunkConfig {
        target: Target::parse(&format!("tls:{address}")),
        sources: Source::parse("0.0.0.0/0").into_iter().collect(),
        domain: Some(domain.to_owned()),
        ..known(name, address)
    }
}

/// The same with what the peer knows us by.
pub fn known_with(name: &str, address: SocketAddr, username: &str, password: &str) -> TrunkConfig {
    let credentials = ClientCredentials { username: username.to_owned(), password: Private::new(password.to_owned()) };
    TrunkConfig { credentials: Some(credentials), ..known(name, address) }
}

/// The address of the `number`th trunk, port 5060.
pub fn address(number: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::from([203, 0, 113, number]), 5060)
}
