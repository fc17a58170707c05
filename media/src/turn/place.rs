//! Where a peer is that is reached by a server: an address of the network 0.0.0.0/8, which none has that sends or receives anything (RFC 1122 §3.2.1.3), and from which nothing
//! is taken. Its port is the channel's number.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use stun::channel::{FIRST, LAST};

const HOST: Ipv4Addr = Ipv4Addr::new(0, 0, 0, 1);

/// The place of a channel.
pub(super) const fn of_channel(channel: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(HOST), channel)
}

/// The channel of a place.
#[inline]
pub(super) fn channel(place: SocketAddr) -> Option<u16> {
    is_place(place).then_some(place.port())
}

/// Whether an address is a place.
#[inline]
pub fn is_place(address: SocketAddr) -> bool {
    address.ip() == IpAddr::V4(HOST) && (FIRST..=LAST).contains(&address.port())
}

/// Whether a host is none that anything can be sent to, whoever names it: so nobody names a place.
pub fn is_nowhere(host: IpAddr) -> bool {
    matches!(host.to_canonical(), IpAddr::V4(four) if four.octets()[0] == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_address_of_nobody_and_tells_its_channel() {
        for number in [FIRST, FIRST + 31, LAST] {
            let place = of_channel(number);
            assert!(is_place(place) && is_nowhere(place.ip()));
            assert_eq!(channel(place), Some(number));
        }
        for other in ["0.0.0.1:5000", "0.0.0.2:16384", "192.0.2.1:16384", "[::1]:16384"] {
            assert_eq!(channel(other.parse().unwrap()), None, "{other}");
        }
        assert!(is_nowhere("::ffff:0.0.0.1".parse().unwrap()) && !is_nowhere("::1".parse().unwrap()));
    }
}
