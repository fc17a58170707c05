//! HEP3, the encapsulation by which Homer and other capture servers are sent messages with the ends between which they went.
//!
//! ```text
//!  "HEP3" │ length of all (16) │ chunks: vendor (16), type (16), length with these six octets (16), value
//! ```
//! As the project's `hep_rev.12` describes it; generic chunks (vendor 0) alone, numbers in network order.

use super::capture::Capturing;
use router::time::WallTime;
use std::net::{IpAddr, SocketAddr};

/// A message as it is captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Captured<'a> {
    pub(super) at: WallTime,
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) is_reliable: bool,
    /// What the legs of one call have in common.
    pub(super) correlation: Option<&'a str>,
    pub(super) message: &'a [u8],
}

/// The types of chunks.
mod chunk {
    pub(super) const FAMILY: u16 = 1;
    pub(super) const PROTOCOL: u16 = 2;
    pub(super) const SOURCE_IPV4: u16 = 3;
    pub(super) const DESTINATION_IPV4: u16 = 4;
    pub(super) const SOURCE_IPV6: u16 = 5;
    pub(super) const DESTINATION_IPV6: u16 = 6;
    pub(super) const SOURCE_PORT: u16 = 7;
    pub(super) const DESTINATION_PORT: u16 = 8;
    pub(super) const SECONDS: u16 = 9;
    pub(super) const MICROSECONDS: u16 = 10;
    pub(super) const KIND: u16 = 11;
    pub(super) const AGENT: u16 = 12;
    pub(super) const PASSWORD: u16 = 14;
    pub(super) const PAYLOAD: u16 = 15;
    pub(super) const CORRELATION: u16 = 17;
    pub(super) const NODE: u16 = 19;
}

/// What the chunk [`chunk::KIND`] says of SIP.
const SIP: u8 = 1;

/// The datagram that tells a capture server of a message.
pub(super) fn datagram(to: &Capturing, captured: &Captured<'_>) -> Vec<u8> {
    let Captured { at, source, destination, is_reliable, correlation, message } = *captured;
    let mut out = Vec::with_capacity(message.len() + 160);
    out.extend_from_slice(b"HEP3\0\0");
    // AF_INET and AF_INET6 as Linux counts them; the numbers of IP protocols.
    let (source_ip, destination_ip) = (source.ip().to_canonical(), destination.ip().to_canonical());
    // Of two ends of different families one is not known: the other's says which it is.
    let is_ipv6 = source_ip.is_ipv6() || destination_ip.is_ipv6();
    push(&mut out, chunk::FAMILY, &[if is_ipv6 { 10 } else { 2 }]);
    push(&mut out, chunk::PROTOCOL, &[if is_reliable { 6 } else { 17 }]);
    push_address(&mut out, is_ipv6, [chunk::SOURCE_IPV4, chunk::SOURCE_IPV6], source_ip);
    push_address(&mut out, is_ipv6, [chunk::DESTINATION_IPV4, chunk::DESTINATION_IPV6], destination_ip);
    push(&mut out, chunk::SOURCE_PORT, &source.port().to_be_bytes());
    push(&mut out, chunk::DESTINATION_PORT, &destination.port().to_be_bytes());
    let micros = u64::try_from(at.0).unwrap_or_default();
    push(&mut out, chunk::SECONDS, &((micros / 1_000_000) as u32).to_be_bytes());
    push(&mut out, chunk::MICROSECONDS, &((micros % 1_000_000) as u32).to_be_bytes());
    push(&mut out, chunk::KIND, &[SIP]);
    push(&mut out, chunk::AGENT, &to.agent.to_be_bytes());
    if let Some(password) = &to.password {
        push(&mut out, chunk::PASSWORD, password.reveal().as_bytes());
    }
    if let Some(node) = &to.node {
        push(&mut out, chunk::NODE, node.as_bytes());
    }
    if let Some(correlation) = correlation {
        push(&mut out, chunk::CORRELATION, correlation.as_bytes());
    }
    push(&mut out, chunk::PAYLOAD, message);
    let length = u16::try_from(out.len()).unwrap_or(u16::MAX);
    out[4..6].copy_from_slice(&length.to_be_bytes());
    out
}

/// A value is bounded where it is made, so that it fits with its head.
fn push(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len() + 6).unwrap_or(u16::MAX);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&value[..usize::from(length) - 6]);
}

fn push_address(out: &mut Vec<u8>, is_ipv6: bool, kinds: [u16; 2], address: IpAddr) {
    match address {
        IpAddr::V4(address) if is_ipv6 => push(out, kinds[1], &address.to_ipv6_mapped().octets()),
        IpAddr::V4(address) => push(out, kinds[0], &address.octets()),
        IpAddr::V6(address) => push(out, kinds[1], &address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chunks of a datagram, read as a capture server does.
    fn chunks(datagram: &[u8]) -> Vec<(u16, Vec<u8>)> {
        assert_eq!(&datagram[..4], b"HEP3");
        assert_eq!(usize::from(u16::from_be_bytes([datagram[4], datagram[5]])), datagram.len());
        let mut rest = &datagram[6..];
        let mut chunks = Vec::new();
        while let [0, 0, kind @ .., _, _, _, _] = rest {
            let _ = kind;
            let number = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
            let (kind, length) = (number(2), usize::from(number(4)));
            chunks.push((kind, rest[6..length].to_vec()));
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
        chunks
    }

    #[test]
    fn a_message_is_told_with_its_ends_its_time_and_its_call() {
        let to = Capturing { agent: 2_001, password: Some("pass".to_owned().into()), node: Some("east".to_owned()) };
        let captured = Captured {
            at: WallTime(1_700_000_000_123_456),
            source: "198.51.100.7:5062".parse().unwrap(),
            destination: "192.0.2.1:5060".parse().unwrap(),
            is_reliable: false,
            correlation: Some("7d77"),
            message: b"BYE sip:a@b SIP/2.0\r\n\r\n",
        };
        let told = chunks(&datagram(&to, &captured));
        let of = |kind: u16| told.iter().find(|(of, _)| *of == kind).map(|(_, value)| value.as_slice());
        assert_eq!((of(1), of(2), of(11)), (Some(&[2][..]), Some(&[17][..]), Some(&[1][..])));
        assert_eq!((of(3), of(4)), (Some(&[198, 51, 100, 7][..]), Some(&[192, 0, 2, 1][..])));
        assert_eq!((of(7), of(8)), (Some(&[0x13, 0xc6][..]), Some(&[0x13, 0xc4][..])));
        assert_eq!(of(9), Some(&1_700_000_000_u32.to_be_bytes()[..]));
        assert_eq!(of(10), Some(&123_456_u32.to_be_bytes()[..]));
        assert_eq!((of(12), of(14)), (Some(&[0, 0, 7, 0xd1][..]), Some(&b"pass"[..])));
        assert_eq!((of(17), of(19)), (Some(&b"7d77"[..]), Some(&b"east"[..])));
        assert_eq!(of(15), Some(captured.message));
        assert_eq!((of(5), of(6)), (None, None));
    }

    #[test]
    fn addresses_are_of_one_family_and_what_is_not_known_is_left_out() {
        let to = Capturing { agent: 1, password: None, node: None };
        let captured = Captured {
            at: WallTime(0),
            source: "[2001:db8::1]:5060".parse().unwrap(),
            destination: "[::ffff:192.0.2.1]:5060".parse().unwrap(),
            is_reliable: true,
            correlation: None,
            message: b"",
        };
        let told = chunks(&datagram(&to, &captured));
        let kinds: Vec<u16> = told.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 15]);
        assert_eq!((told[0].1[0], told[1].1[0], told[3].1.len()), (10, 6, 16));
    }
}
