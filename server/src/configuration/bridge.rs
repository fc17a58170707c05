//! What the inter-platform interface is told.

use super::model::Configuration;
use super::value::HostPort;
use router::PlatformId;
use router::bridge::{Config, Trust};
use router::time::Duration;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use switch::Cluster;

/// The platform's own number: without links it is the first and only one.
pub fn platform(configuration: &Configuration) -> PlatformId {
    PlatformId(configuration.bridge.platform.unwrap_or(1))
}

/// The interface's configuration, where there are to be links. Where it listens at an unspecified address, `outbound` tells the
/// one by which the host reaches the world.
pub fn config(configuration: &Configuration, outbound: impl Fn(IpAddr) -> Option<IpAddr>) -> Option<Config> {
    let bridge = &configuration.bridge;
    let platform = PlatformId(bridge.platform?);
    let reached = |listen: SocketAddr| match listen.ip() {
        own if own.is_unspecified() => outbound(own).map(|own| SocketAddr::new(own, listen.port())),
        _ => Some(listen),
    };
    let told = bridge.advertise.clone().or_else(|| bridge.listen.and_then(reached).map(HostPort::from));
    Some(Config {
        platform,
        name: bridge.name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        addresses: told.iter().map(ToString::to_string).collect(),
        peers: bridge.peers.iter().map(ToString::to_string).collect(),
        heartbeat: Duration::from_millis(bridge.heartbeat_ms),
        trust: Trust::Listed,
    })
}

/// What the switch is told of the cluster, where there are to be links. Media from and to other platforms is where links are
/// taken, as far as that is an address; else the workers choose.
pub fn cluster(configuration: &Configuration) -> Option<Cluster> {
    let bridge = &configuration.bridge;
    let platform = PlatformId(bridge.platform?);
    let listen = bridge.listen.map(|listen| listen.ip());
    Some(Cluster {
        platform,
        name: bridge.name(),
        media: bridge.media.or(listen).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        call_grace: Duration::from_secs(bridge.call_grace_s.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    fn told(bridge: &str) -> Vec<String> {
        let configuration = read(&format!("[bridge]\nplatform = 7\n{bridge}")).unwrap();
        config(&configuration, |_| "198.51.100.4".parse().ok()).unwrap().addresses
    }

    #[test]
    fn others_are_told_an_address_that_they_can_reach() {
        assert_eq!(told("listen = \"192.0.2.1:5065\""), ["192.0.2.1:5065"]);
        assert_eq!(told("listen = \"0.0.0.0:5065\""), ["198.51.100.4:5065"]);
        assert_eq!(told("listen = \"[2001:db8::1]:5065\""), ["[2001:db8::1]:5065"]);
        assert_eq!(told("listen = \"0.0.0.0:5065\"\nadvertise = \"east.example.net:443\""), ["east.example.net:443"]);
        assert_eq!(told("peers = [\"a:1\"]"), Vec::<String>::new(), "it takes no links");
    }

    #[test]
    fn media_faces_the_others_where_links_are_taken_unless_it_is_said_where() {
        let media = |bridge: &str| {
            let configuration = read(&format!("[bridge]\nplatform = 7\n{bridge}")).unwrap();
            cluster(&configuration).unwrap().media.to_string()
        };
        assert_eq!(media("listen = \"192.0.2.1:5065\""), "192.0.2.1");
        assert_eq!(media("listen = \"[::]:5065\""), "::");
        assert_eq!(media("peers = [\"a:1\"]"), "0.0.0.0");
        assert_eq!(media("peers = [\"a:1\"]\nmedia = \"10.0.0.5\""), "10.0.0.5");
    }

    #[test]
    fn without_a_number_nothing_is_linked() {
        let configuration = Configuration::default();
        assert!(config(&configuration, |_| None).is_none() && cluster(&configuration).is_none());
        assert_eq!(platform(&configuration), PlatformId(1));
        let named = read("[bridge]\nplatform = 7\npeers = [\"a:1\", \"[::1]:2\"]").unwrap();
        let config = config(&named, |_| None).unwrap();
        assert_eq!((config.platform, config.name.as_str()), (PlatformId(7), "platform-7"));
        assert_eq!(config.peers, ["a:1", "[::1]:2"]);
        assert_eq!(config.heartbeat, Duration::from_secs(1));
    }
}
