//! A session description: the session level of RFC 8866 and its media sections.

use std::net::IpAddr;

use super::attribute::Attributes;
use super::media::MediaSection;
use super::text::Text;

/// A session description (RFC 8866 §5), lines typed, text as it came.
///
/// `parse` and `write` are inverse: what was parsed, written and parsed again is equal (if CRLF for LF does not carry a
/// text over the bound on its bytes). Written lines stand in the order of §5 and end with CRLF, however they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// `o=`: who made it, and which version of it this is.
    pub origin: Origin,
    /// `s=`: the session's name; `-` where none was sent.
    pub name: Text,
    /// `i=`: about the session.
    pub information: Option<Text>,
    /// `u=`: where to read more.
    pub uri: Option<Text>,
    /// `e=`, in order.
    pub emails: Vec<Text>,
    /// `p=`, in order.
    pub phones: Vec<Text>,
    /// `c=`: the address of the media sections that have none of their own.
    pub connection: Option<Connection>,
    /// `b=`, in order.
    pub bandwidths: Vec<Bandwidth>,
    /// `t=` with its `r=` and `z=`, in order; `0 0` where none was sent.
    pub timings: Vec<Timing>,
    /// `k=`: obsolete (RFC 8866 §5.12); kept, never used.
    pub key: Option<Text>,
    /// Lines of letters that RFC 8866 does not have, in order.
    pub unknown: Vec<UnknownLine>,
    /// `a=` of the session level, in order.
    pub attributes: Attributes,
    /// `m=` and what follows each, in order.
    pub media: Vec<MediaSection>,
}

impl SessionDescription {
    /// A description without media: name `-`, a permanent session.
    pub fn new(origin: Origin) -> SessionDescription {
        SessionDescription {
            origin,
            name: Text::literal("-"),
            information: None,
            uri: None,
            emails: Vec::new(),
            phones: Vec::new(),
            connection: None,
            bandwidths: Vec::new(),
            timings: vec![Timing::PERMANENT],
            key: None,
            unknown: Vec::new(),
            attributes: Attributes::default(),
            media: Vec::new(),
        }
    }

    /// Where the media of a section goes: its own first `c=`, or else the session's (RFC 8866 §5.7).
    pub fn connection_of<'a>(&'a self, section: &'a MediaSection) -> Option<&'a Connection> {
        section.connections.first().or(self.connection.as_ref())
    }
}

/// `o=` (RFC 8866 §5.2). The tuple of all but the version names the session in the world; the version grows with each
/// change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The user at the origin; `-` where none is told. Some phones send names with blanks; they are kept.
    pub username: Text,
    /// The session's number. Digits by the grammar; compared as text, since some send more than 64 bits of it.
    pub session_id: Text,
    /// The version's number, likewise.
    pub session_version: Text,
    /// `IN`.
    pub net_type: Text,
    /// `IP4` or `IP6`.
    pub address_type: Text,
    /// The machine's address or name. It names, and is never sent to.
    pub address: Text,
}

impl Origin {
    /// Whether both are of the same session, whatever their versions.
    pub fn is_same_session(&self, other: &Origin) -> bool {
        self.username == other.username
            && self.session_id == other.session_id
            && self.net_type == other.net_type
            && self.address_type == other.address_type
            && self.address == other.address
    }
}

/// `c=` (RFC 8866 §5.7): where media is received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// An address of the Internet.
    Address {
        /// Unicast, multicast, or `0.0.0.0` and `::`, which say "send nothing here" (RFC 3264 §8.4).
        address: IpAddr,
        /// The scope of IPv4 multicast.
        ttl: Option<u8>,
        /// How many consecutive multicast addresses are meant.
        count: Option<u32>,
    },
    /// A domain name, to be resolved by who needs it.
    Name {
        /// `IP4` or `IP6`: which family its author means.
        address_type: Text,
        /// The name.
        name: Text,
    },
    /// A network other than the Internet, such as ATM or the telephone network (RFC 2848).
    Other {
        /// The network.
        net_type: Text,
        /// The kind of address.
        address_type: Text,
        /// The address.
        address: Text,
    },
}

impl Connection {
    /// A unicast address.
    pub fn unicast(address: IpAddr) -> Connection {
        Connection::Address { address, ttl: None, count: None }
    }

    /// The address of the Internet, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Connection::Address { address, .. } => Some(*address),
            Connection::Name { .. } | Connection::Other { .. } => None,
        }
    }

    /// Whether it says "send nothing here": `0.0.0.0` (RFC 3264 §8.4), `::`, or a name in `.invalid` (RFC 6157 §5.1).
    pub fn is_nowhere(&self) -> bool {
        match self {
            Connection::Address { address, .. } => address.is_unspecified(),
            Connection::Name { name, .. } => {
                let name = name.as_bytes();
                let name = name.strip_suffix(b".").unwrap_or(name);
                name.len() >= 7
                    && name[name.len() - 7..].eq_ignore_ascii_case(b"invalid")
                    && (name.len() == 7 || name[name.len() - 8] == b'.')
            }
            Connection::Other { .. } => false,
        }
    }
}

/// `b=` (RFC 8866 §5.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// `AS` and `CT` in kbit/s, `TIAS` (RFC 3890), `RS` and `RR` (RFC 3556) in bit/s, or another.
    pub kind: Text,
    /// How much.
    pub value: u64,
}

/// `t=` (RFC 8866 §5.9) and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// When the session starts, in seconds since 1900; 0 is "at once".
    pub start: u64,
    /// When it ends; 0 is "never".
    pub stop: u64,
    /// `r=`, in order, as it came.
    pub repeats: Vec<Text>,
    /// `z=`, as it came.
    pub zone: Option<Text>,
}

impl Timing {
    /// `t=0 0`, what every call has.
    pub const PERMANENT: Timing = Timing { start: 0, stop: 0, repeats: Vec::new(), zone: None };
}

/// A line of a letter that RFC 8866 does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLine {
    /// The letter.
    pub letter: u8,
    /// What stood behind the `=`.
    pub value: Text,
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn nowhere_has_three_spellings() {
        assert!(Connection::unicast(Ipv4Addr::UNSPECIFIED.into()).is_nowhere());
        assert!(Connection::unicast(Ipv6Addr::UNSPECIFIED.into()).is_nowhere());
        let name = |name: &str| Connection::Name {
            address_type: Text::literal("IP6"),
            name: Text::new(name.as_bytes().to_vec()).unwrap(),
        };
        assert!(name("phone.INVALID.").is_nowhere());
        assert!(name("invalid").is_nowhere());
        assert!(!name("notinvalid").is_nowhere());
        assert!(!name("invalid.example.org").is_nowhere());
        assert!(!Connection::unicast(Ipv4Addr::LOCALHOST.into()).is_nowhere());
    }
}
