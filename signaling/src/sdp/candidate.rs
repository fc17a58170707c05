//! `a=candidate` (RFC 8839 §5.1) and `a=remote-candidates` (§5.2): addresses that an agent may be reached at.
//!
//! ```text
//!   a=candidate:1 1 UDP 2130706431 192.0.2.1 40000 typ srflx raddr 10.0.0.7 rport 9000 generation 0
//!               │ │ │   │          │         │     │         │                         extensions
//!               │ │ │   priority   address   port  kind      what it was learned from
//!               │ │ transport
//!               │ component: 1 RTP, 2 RTCP
//!               foundation
//! ```

use std::net::{IpAddr, SocketAddr};

use super::text::{Text, decimal, words};

/// Where a candidate comes from (RFC 8445 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// `host`: an address of the agent's own.
    Host,
    /// `srflx`: what a server saw it come from.
    ServerReflexive,
    /// `prflx`: what its peer did.
    PeerReflexive,
    /// `relay`: a server passes on what comes there.
    Relayed,
    /// Any other word.
    Other,
}

impl CandidateKind {
    const NAMED: [(&'static [u8], Self); 4] = [
        (b"host", Self::Host),
        (b"srflx", Self::ServerReflexive),
        (b"prflx", Self::PeerReflexive),
        (b"relay", Self::Relayed),
    ];

    fn of(word: &[u8]) -> Self {
        let named = Self::NAMED.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        named.map_or(Self::Other, |(_, kind)| kind)
    }
}

/// A candidate over UDP at an address of the Internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// 1: RTP; 2: RTCP; others are of other media.
    pub component: u16,
    /// Larger is better.
    pub priority: u32,
    /// Where.
    pub address: SocketAddr,
    /// Of which kind.
    pub kind: CandidateKind,
}

impl Candidate {
    /// Reads the value of an attribute. `None`: it is malformed, of another transport, or at a name: no name is looked up here, and one in `.local` means
    /// nothing beyond its network.
    pub fn parse(value: &Text) -> Option<Self> {
        let mut words = words(value.as_bytes());
        let foundation = words.next()?;
        let is_foundation = (1..=32).contains(&foundation.len()) && foundation.iter().copied().all(is_ice_char);
        let component = decimal::<u16>(words.next()?).filter(|component| (1..=256).contains(component))?;
        let is_udp = words.next()?.eq_ignore_ascii_case(b"UDP");
        let priority = decimal::<u32>(words.next()?).filter(|priority| (1..=MOST).contains(priority))?;
        let address = address(words.next()?)?;
        let port = decimal::<u16>(words.next()?).filter(|port| *port != 0)?;
        let is_kind = words.next()?.eq_ignore_ascii_case(b"typ");
        let kind = CandidateKind::of(words.next()?);
        let address = SocketAddr::new(address, port);
        (is_foundation && is_udp && is_kind).then_some(Self { component, priority, address, kind })
    }

    /// The value of a candidate of ours; `related`: what it was learned from. Its foundation is that of all of its kind: those have one base, and one server
    /// (RFC 8445 §5.1.1.3).
    pub(super) fn write(&self, related: Option<SocketAddr>) -> Option<Text> {
        let Self { component, priority, address, kind } = self;
        let (foundation, name) = match kind {
            CandidateKind::Host => (1, "host"),
            CandidateKind::ServerReflexive => (2, "srflx"),
            CandidateKind::Relayed => (3, "relay"),
            CandidateKind::PeerReflexive | CandidateKind::Other => return None,
        };
        let (ip, port) = (address.ip(), address.port());
        let mut text = format!("{foundation} {component} UDP {priority} {ip} {port} typ {name}");
        if let Some(related) = related {
            text.push_str(&format!(" raddr {} rport {}", related.ip(), related.port()));
        }
        Text::new(text.into_bytes())
    }
}

/// Reads the value of `a=remote-candidates`: the addresses of ours that an agent has chosen, each with its component. `None`: it is malformed.
pub fn remote_candidates(value: &Text) -> Option<Vec<(u16, SocketAddr)>> {
    let mut words = words(value.as_bytes());
    let mut chosen = Vec::new();
    while let Some(component) = words.next() {
        let component = decimal::<u16>(component).filter(|component| (1..=256).contains(component))?;
        let address = address(words.next()?)?;
        chosen.push((component, SocketAddr::new(address, decimal::<u16>(words.next()?)?)));
    }
    (!chosen.is_empty()).then_some(chosen)
}

/// The largest priority (RFC 8445 §5.1.2).
const MOST: u32 = i32::MAX as u32;

/// What fragments, passwords and foundations are made of (RFC 8839 §5.4).
pub(super) fn is_ice_char(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'+' || octet == b'/'
}

/// An address that one machine is reached at.
fn address(word: &[u8]) -> Option<IpAddr> {
    let address = std::str::from_utf8(word).ok()?.parse::<IpAddr>().ok()?.to_canonical();
    let is_one = !address.is_unspecified() && !address.is_multicast() && address != IpAddr::from([255; 4]);
    is_one.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Candidate> {
        Candidate::parse(&Text::new(value.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn the_lines_of_rfc_8839_and_of_browsers() {
        let host = read("1 1 UDP 2130706431 203.0.113.141 8998 typ host").unwrap();
        assert_eq!((host.component, host.priority, host.kind), (1, 2_130_706_431, CandidateKind::Host));
        assert_eq!(host.address, "203.0.113.141:8998".parse().unwrap());
        assert_eq!(host.write(None).unwrap(), "1 1 UDP 2130706431 203.0.113.141 8998 typ host");
        let reflexive =
            read("2 2 udp 1694498815 2001:db8::9 45664 TYP srflx raddr 10.0.1.1 rport 8998 generation 0").unwrap();
        assert_eq!((reflexive.component, reflexive.kind), (2, CandidateKind::ServerReflexive));
        assert_eq!(reflexive.address, "[2001:db8::9]:45664".parse().unwrap());
        let written = reflexive.write(Some("[2001:db8::1]:8998".parse().unwrap())).unwrap();
        assert_eq!(written, "2 2 UDP 1694498815 2001:db8::9 45664 typ srflx raddr 2001:db8::1 rport 8998");
        let relayed = Candidate { kind: CandidateKind::Relayed, ..host };
        let written = relayed.write(Some("10.0.1.1:8998".parse().unwrap())).unwrap();
        assert_eq!(written, "3 1 UDP 2130706431 203.0.113.141 8998 typ relay raddr 10.0.1.1 rport 8998");
        assert_eq!(read("a+/ 1 UDP 1 ::ffff:192.0.2.1 1 typ odd").unwrap().kind, CandidateKind::Other);
        for (word, kind) in [("prflx", CandidateKind::PeerReflexive), ("relay", CandidateKind::Relayed)] {
            assert_eq!(read(&format!("1 1 UDP 5 192.0.2.1 9 typ {word}")).unwrap().kind, kind);
        }
    }

    #[test]
    fn what_is_not_served_is_passed_over() {
        for bad in [
            "",
            "1 1 UDP 2130706431 203.0.113.141 8998",
            "1 1 UDP 2130706431 203.0.113.141 8998 typ",
            "1 1 TCP 2130706431 203.0.113.141 9 typ host tcptype active",
            "1 0 UDP 2130706431 203.0.113.141 8998 typ host",
            "1 257 UDP 2130706431 203.0.113.141 8998 typ host",
            "1 1 UDP 0 203.0.113.141 8998 typ host",
            "1 1 UDP 2147483648 203.0.113.141 8998 typ host",
            "1 1 UDP 2130706431 0.0.0.0 8998 typ host",
            "1 1 UDP 2130706431 224.0.0.1 8998 typ host",
            "1 1 UDP 2130706431 255.255.255.255 8998 typ host",
            "1 1 UDP 2130706431 4ee7a0d7-6e3c.local 8998 typ host",
            "1 1 UDP 2130706431 203.0.113.141 0 typ host",
            "1 1 UDP 2130706431 203.0.113.141 65536 typ host",
            "a-b 1 UDP 2130706431 203.0.113.141 8998 typ host",
            "123456789012345678901234567890123 1 UDP 2130706431 203.0.113.141 8998 typ host",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn remote_candidates_are_triples() {
        let read = |value: &str| remote_candidates(&Text::new(value.as_bytes().to_vec()).unwrap());
        let two = read("1 192.0.2.3 45664 2 192.0.2.3 45665").unwrap();
        assert_eq!(two, [(1, "192.0.2.3:45664".parse().unwrap()), (2, "192.0.2.3:45665".parse().unwrap())]);
        for bad in ["", "1", "1 192.0.2.3", "1 name 5", "x 192.0.2.3 5", "1 192.0.2.3 45664 2"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
