//! One of the two SIP ends: who it is, whom it may talk to, and what of the media it may use.

use crate::limits::PORT_REST;
use crate::media::LegId;
use crate::options::Transport;
use crate::sdp::Codec;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The addresses that may be sent to: loopback, and what the operator says is his own.
#[derive(Debug, Clone, Default)]
pub struct Permitted {
    owned: Vec<IpAddr>,
}

impl Permitted {
    /// Loopback and these.
    pub fn new(owned: Vec<IpAddr>) -> Permitted {
        Permitted { owned }
    }

    /// Whether an address may be sent to.
    pub fn allows(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.owned.contains(&address)
    }
}

/// A SIP end.
#[derive(Debug, Clone)]
pub struct Party {
    /// Its signalling address.
    pub local: SocketAddr,
    /// Its user part.
    pub user: String,
    /// The host part of the addresses of record.
    pub domain: String,
    /// The server under test.
    pub server: SocketAddr,
    /// What may be sent to.
    pub permitted: Permitted,
    /// What it offers or answers.
    pub codec: Codec,
    /// Whether it offers keys, and wants them answered.
    pub is_secure: bool,
    /// Tells this run's identifiers from another's.
    pub run: u32,
    /// By what it is reached.
    pub transport: Transport,
}

impl Party {
    /// Its Contact URI.
    pub fn contact(&self) -> String {
        format!("<sip:{}@{}{}>", self.user, self.local, self.transport_parameter())
    }

    /// The parameter of a URI that names its transport; none for UDP.
    pub fn transport_parameter(&self) -> &'static str {
        match self.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
        }
    }

    /// Whether its requests are sent again while nobody answers (RFC 3261 §17.1.1.2: not over what loses nothing).
    pub fn repeats(&self) -> bool {
        self.transport == Transport::Udp
    }
}

/// A call's media leg, before it has a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Its number; `None` where no RTP is played, and then the address is only written.
    pub id: Option<LegId>,
    /// Its RTP address.
    pub address: SocketAddr,
}

/// The free media legs of one end, used longest ago first, each resting a while between two calls.
#[derive(Debug)]
pub struct LegPool {
    free: VecDeque<(LegId, Duration)>,
    ip: IpAddr,
    rtp_base: u16,
    silent: bool,
}

impl LegPool {
    /// The legs `first`, `first + 2`, …, `count` of them, at ports two apart by leg.
    pub fn new(first: LegId, count: u16, ip: IpAddr, rtp_base: u16) -> LegPool {
        let free = (0..count).map(|n| (LegId(first.0 + n * 2), Duration::ZERO)).collect();
        LegPool { free, ip, rtp_base, silent: false }
    }

    /// For signalling alone: any number of calls write this one address.
    pub fn silent(ip: IpAddr, rtp_base: u16) -> LegPool {
        LegPool { free: VecDeque::new(), ip, rtp_base, silent: true }
    }

    /// A leg that has rested, or none.
    pub fn take(&mut self, now: Duration) -> Option<Leg> {
        if self.silent {
            return Some(Leg { id: None, address: SocketAddr::new(self.ip, self.rtp_base) });
        }
        let (id, ready) = *self.free.front()?;
        if ready > now {
            return None;
        }
        self.free.pop_front();
        Some(Leg { id: Some(id), address: leg_address(self.ip, self.rtp_base, id) })
    }

    /// Gives one back.
    pub fn give_back(&mut self, leg: Leg, now: Duration) {
        if let Some(id) = leg.id {
            self.free.push_back((id, now + PORT_REST));
        }
    }
}

/// Where a leg receives: even ports, two apart, so that the odd ones stay free for RTCP.
pub fn leg_address(ip: IpAddr, rtp_base: u16, leg: LegId) -> SocketAddr {
    SocketAddr::new(ip, rtp_base + leg.0 * 2)
}

/// Items at numbers that are used again.
#[derive(Debug)]
pub struct Arena<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Arena<T> {
        Arena { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Arena<T> {
    /// Stores an item.
    pub fn insert(&mut self, item: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.items[slot as usize] = Some(item);
            return slot;
        }
        self.items.push(Some(item));
        (self.items.len() - 1) as u32
    }

    /// An item.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.items.get_mut(slot as usize)?.as_mut()
    }

    /// Takes an item out.
    pub fn remove(&mut self, slot: u32) -> Option<T> {
        let item = self.items.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(item)
    }

    /// All items with their numbers: for the few moments that concern every call.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.items.iter_mut().enumerate().filter_map(|(slot, item)| Some((slot as u32, item.as_mut()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_and_what_is_owned() {
        let permitted = Permitted::new(vec!["192.0.2.1".parse().unwrap()]);
        for (address, allowed) in [("127.3.2.1", true), ("::1", true), ("192.0.2.1", true), ("192.0.2.2", false)] {
            assert_eq!(permitted.allows(address.parse().unwrap()), allowed, "{address}");
        }
    }

    #[test]
    fn a_leg_rests_between_two_calls() {
        let ip = "127.0.0.1".parse().unwrap();
        let mut pool = LegPool::new(LegId(1), 2, ip, 20_000);
        let first = pool.take(Duration::ZERO).unwrap();
        assert_eq!((first.id, first.address.port()), (Some(LegId(1)), 20_002));
        let second = pool.take(Duration::ZERO).unwrap();
        assert_eq!((second.id, second.address.port()), (Some(LegId(3)), 20_006));
        assert_eq!(pool.take(Duration::ZERO), None);
        pool.give_back(second, Duration::from_secs(1));
        assert_eq!(pool.take(Duration::from_secs(2)), None);
        assert_eq!(pool.take(Duration::from_secs(3)), Some(second));
    }
}
