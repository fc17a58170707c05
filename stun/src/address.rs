//! `XOR-MAPPED-ADDRESS` (RFC 8489 §14.2): an address that no NAT on the way finds and rewrites.

use crate::message::TransactionId;
use crate::{COOKIE, HEADER_OCTETS};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest value: that of IPv6.
pub(crate) const OCTETS_MAX: usize = HEADER_OCTETS;

const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// The value of an address, and how much of it counts. An IPv4 address that a socket of both families shows is one of IPv4.
pub(crate) fn masked(address: SocketAddr, transaction: &TransactionId) -> ([u8; OCTETS_MAX], usize) {
    let mut value = [0; OCTETS_MAX];
    value[2..4].copy_from_slice(&(address.port() ^ PORT_MASK).to_be_bytes());
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            value[1] = IPV4;
            value[4..8].copy_from_slice(&(u32::from(ip) ^ COOKIE).to_be_bytes());
            (value, 8)
        }
        IpAddr::V6(ip) => {
            value[1] = IPV6;
            value[4..20].copy_from_slice(&(u128::from(ip) ^ mask(transaction)).to_be_bytes());
            (value, 20)
        }
    }
}

/// The address of a value. `None`: it is none.
pub(crate) fn unmasked(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    let (head, address) = value.split_at_checked(4)?;
    let port = u16::from_be_bytes([head[2], head[3]]) ^ PORT_MASK;
    let ip: IpAddr = match head[1] {
        IPV4 => Ipv4Addr::from(u32::from_be_bytes(address.try_into().ok()?) ^ COOKIE).into(),
        IPV6 => Ipv6Addr::from(u128::from_be_bytes(address.try_into().ok()?) ^ mask(transaction)).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The address of a value that is not masked (`ALTERNATE-SERVER`, §14.1). `None`: it is none.
pub(crate) fn plain(value: &[u8]) -> Option<SocketAddr> {
    let (head, address) = value.split_at_checked(4)?;
    let ip: IpAddr = match head[1] {
        IPV4 => Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).into(),
        IPV6 => Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes([head[2], head[3]])))
}

const PORT_MASK: u16 = (COOKIE >> 16) as u16;

fn mask(transaction: &TransactionId) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    u128::from_be_bytes(mask)
}
