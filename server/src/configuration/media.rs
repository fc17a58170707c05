//! What the media workers are told.

use super::model::{Configuration, Turn};
use media::RelayServer;
use media::config::{Config, Interface, PortRange};
use media::limits::INTERFACES;
use media::turn::{Credentials, Location};
use router::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

/// The workers' configuration, before it is shared out. Where signalling is listened for at an unspecified address and no
/// interface of that family is named, `outbound` tells the one by which the host reaches the world: pass
/// [`outbound_address`].
pub fn config(configuration: &Configuration, outbound: impl Fn(IpAddr) -> Option<IpAddr>) -> Config {
    let media = &configuration.media;
    let mut addresses = media.interfaces.clone();
    for listen in &configuration.sip.listen {
        let own = listen.address.ip();
        let named = addresses.iter().any(|address| address.is_ipv4() == own.is_ipv4());
        if own.is_unspecified() && !named {
            addresses.extend(outbound(own));
        }
    }
    // Where signalling is for every address, media is where it was named to be, whichever address a peer reached; listeners at
    // an address of their own keep it.
    let mut substitutes = 0;
    if configuration.sip.listen.iter().any(|listen| listen.address.ip().is_unspecified()) {
        substitutes = media.interfaces.len();
        let own = configuration.sip.listen.iter().map(|listen| listen.address.ip());
        addresses.extend(own.filter(|own| {
            !own.is_unspecified() && media.interfaces.iter().any(|named| named.is_ipv4() == own.is_ipv4())
        }));
    }
    // What is only advertised is an interface too.
    addresses.extend(media.advertised.keys().copied().filter(|own| !media.interfaces.contains(own)));
    let mut interfaces: Vec<Interface> = Vec::new();
    // Last, as no other leg's media is to go there: what signalling uses, so that its ports are told of from the start.
    let listeners = configuration.sip.listen.iter().map(|listen| listen.address.ip());
    let listeners =
        listeners.filter(|address| !address.is_unspecified()).take(INTERFACES.saturating_sub(addresses.len()));
    for address in addresses.into_iter().chain(listeners) {
        if !interfaces.iter().any(|interface| interface.address == address) {
            interfaces.push(Interface { address, advertised: media.advertised.get(&address).copied() });
        }
    }
    Config {
        ports: PortRange { first: media.ports.first, last: media.ports.last },
        interfaces,
        substitutes,
        dscp: media.dscp,
        quarantine: Duration::from_millis(media.quarantine_ms),
        order: 0,
        urgent_pairs: if configuration.calls.emergency.is_empty() { 0 } else { media.emergency_ports as usize },
        core: None,
        identity: None,
        relays: relays(configuration),
    }
}

/// The servers that relay for us.
fn relays(configuration: &Configuration) -> Vec<Arc<RelayServer>> {
    let server = |turn: &Turn| {
        let at = turn.server.as_ref()?;
        let location = match at.address() {
            Some(address) => Location::at(SocketAddr::new(address, at.port)),
            None => Location::named(&at.host, at.port),
        };
        let (name, secret) = (turn.username.clone(), turn.password.as_ref()?.0.clone());
        let credentials = match turn.valid_s {
            Some(seconds) => Credentials::Shared { secret, name, lifetime: Duration::from_secs(seconds.into()) },
            None => Credentials::Account { username: name, password: secret },
        };
        Some(Arc::new(RelayServer { location, credentials }))
    };
    configuration.turn.iter().filter_map(server).collect()
}

/// The address of `family`'s kind by which the host reaches the world; loopback where it reaches none. A connected UDP socket
/// knows it; nothing is sent.
pub fn outbound_address(family: IpAddr) -> Option<IpAddr> {
    // Any address of the world does: these are for documentation (RFC 5737, RFC 3849).
    let (own, world, loopback): (IpAddr, IpAddr, IpAddr) = if family.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::LOCALHOST.into())
    } else {
        let world = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        (Ipv6Addr::UNSPECIFIED.into(), world.into(), Ipv6Addr::LOCALHOST.into())
    };
    let socket = UdpSocket::bind(SocketAddr::new(own, 0)).ok()?;
    let reached = socket.connect(SocketAddr::new(world, 9)).and_then(|()| socket.local_addr());
    Some(reached.map_or(loopback, |address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn an_unspecified_listener_gets_the_address_to_the_world_unless_one_is_named() {
        let text = "[sip]\nlisten = [\"udp:0.0.0.0:5060\", \"udp:[::1]:5060\"]\n";
        let world: IpAddr = "198.51.100.4".parse().unwrap();
        let interfaces = config(&read(text).unwrap(), |_| Some(world)).interfaces;
        let own = |address: IpAddr| Interface { address, advertised: None };
        assert_eq!(interfaces, [own(world), own(Ipv6Addr::LOCALHOST.into())]);
        let text =
            format!("{text}[media]\ninterfaces = [\"10.0.0.5\"]\nadvertised = {{ \"10.0.0.5\" = \"203.0.113.7\" }}");
        let interfaces = config(&read(&text).unwrap(), |_| Some(world)).interfaces;
        assert_eq!(interfaces.len(), 2);
        assert_eq!(interfaces[0].advertised, "203.0.113.7".parse().ok());
    }

    #[test]
    fn named_interfaces_serve_whatever_address_of_a_listener_for_all_was_reached() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let (reached, world) = (address("192.0.2.9"), address("198.51.100.4"));
        let bound = |listen: &str, media: &str, asked: IpAddr| {
            let text = format!("[sip]\nlisten = [{listen}]\n[media]\n{media}");
            config(&read(&text).unwrap(), |_| Some(world)).interface(asked).map(|interface| interface.address)
        };
        let (every, named) = ("\"udp:0.0.0.0:5060\", \"udp:127.0.0.1:5070\"", "interfaces = [\"10.0.0.5\"]");
        assert_eq!(bound(every, "", reached), Some(reached));
        assert_eq!(bound(every, named, reached), Some(address("10.0.0.5")));
        assert_eq!(bound(every, named, address("127.0.0.1")), Some(address("127.0.0.1")));
        assert_eq!(bound("\"udp:192.0.2.9:5060\"", named, reached), Some(reached));
    }
}
