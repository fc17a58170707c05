//! Addresses and ports that nobody else on the machine uses.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

/// The port by which an address is claimed: as long as it is listened on, the address is taken. Outside the default media ports
/// and the kernel's ephemeral ports.
const CLAIM: u16 = 9_999;

/// Where SIPp's media ports begin: below Tandem's default range and the kernel's ephemeral one, from which everybody else's come.
const MEDIA: u16 = 10_000;

/// Ports that one SIPp takes: audio and video, each with RTCP.
const MEDIA_BLOCK: u16 = 4;

/// Blocks below Tandem's default range.
const MEDIA_BLOCKS: u32 = 1_500;

/// Counts the blocks that this process has given.
static BLOCKS: AtomicU32 = AtomicU32::new(0);

/// The first of four UDP ports of `address` that are free and that this process gives nobody else.
pub fn media_block(address: IpAddr) -> u16 {
    // Processes that share an address (::1) begin at different places.
    let start = std::process::id().wrapping_mul(37);
    for _ in 0..MEDIA_BLOCKS {
        let block = start.wrapping_add(BLOCKS.fetch_add(1, Ordering::Relaxed)) % MEDIA_BLOCKS;
        let first = MEDIA + block as u16 * MEDIA_BLOCK;
        if (first..first + MEDIA_BLOCK).all(|port| UdpSocket::bind((address, port)).is_ok()) {
            return first;
        }
    }
    panic!("no free media ports at {address}");
}

/// Addresses that are tried before giving up.
const TRIES: u32 = 4_096;

/// Counts the addresses that this process has tried.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// An address of the loopback interface.
#[derive(Debug)]
pub struct Host {
    address: IpAddr,
    given: RefCell<BTreeSet<u16>>,
    _claim: Option<TcpListener>,
}

impl Host {
    /// An address of 127.0.0.0/8 for this holder alone, whatever other tests run beside it.
    pub fn claim() -> Self {
        for _ in 0..TRIES {
            let count = NEXT.fetch_add(1, Ordering::Relaxed);
            // Spread by a multiplier without a pattern (Knuth's), so that processes do not try the same ones after each other.
            let spread = std::process::id().wrapping_mul(64).wrapping_add(count).wrapping_mul(2_654_435_761);
            let [_, b, c, d] = (spread >> 8).to_be_bytes();
            // 127.0.0.0/16 is left to what people start by hand; .0 and .255 look like networks.
            let address = Ipv4Addr::new(127, b.clamp(1, 254), c, d.clamp(1, 254));
            if let Ok(claim) = TcpListener::bind((address, CLAIM)) {
                return Self { address: address.into(), given: RefCell::default(), _claim: Some(claim) };
            }
        }
        panic!("no free address in 127.0.0.0/8");
    }

    /// ::1, which all tests share.
    pub fn six() -> Self {
        Self { address: Ipv6Addr::LOCALHOST.into(), given: RefCell::default(), _claim: None }
    }

    /// 127.0.0.1, which all tests share: what `localhost` is.
    pub fn localhost() -> Self {
        Self { address: Ipv4Addr::LOCALHOST.into(), given: RefCell::default(), _claim: None }
    }

    /// The address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// A port that the system gives, free for UDP and TCP, and not given before.
    pub fn port(&self) -> u16 {
        for _ in 0..TRIES {
            let Ok(udp) = UdpSocket::bind((self.address, 0)) else { continue };
            let port = udp.local_addr().expect("a bound socket has an address").port();
            if TcpListener::bind((self.address, port)).is_ok() && self.given.borrow_mut().insert(port) {
                return port;
            }
        }
        panic!("no free port at {}", self.address);
    }

    /// A port as [`Host::port`] gives it, whose next one is free too: baresip takes that for TLS.
    pub fn port_and_next(&self) -> u16 {
        for _ in 0..TRIES {
            let port = self.port();
            let next = port.checked_add(1).filter(|&next| {
                TcpListener::bind((self.address, next)).is_ok() && self.given.borrow_mut().insert(next)
            });
            if next.is_some() {
                return port;
            }
        }
        panic!("no two free ports at {}", self.address);
    }

    /// The address with a free port.
    pub fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ports_are_given_once() {
        let hosts: Vec<Host> = (0..50).map(|_| Host::claim()).collect();
        let addresses: BTreeSet<_> = hosts.iter().map(Host::address).collect();
        assert_eq!(addresses.len(), hosts.len());
        assert!(addresses.iter().all(IpAddr::is_loopback));
        let blocks: BTreeSet<_> = (0..50).map(|_| media_block(hosts[0].address())).collect();
        assert_eq!(blocks.len(), 50);
        let ports: BTreeSet<_> = (0..50).map(|_| hosts[0].port()).collect();
        assert_eq!(ports.len(), 50);
    }
}
