//! Kinds of attributes (RFC 8489 §18.3, RFC 8445 §16.1, RFC 8656 §18), and who understands which.

pub(crate) const MAPPED_ADDRESS: u16 = 0x0001;
pub(crate) const USERNAME: u16 = 0x0006;
pub(crate) const MESSAGE_INTEGRITY: u16 = 0x0008;
pub(crate) const ERROR_CODE: u16 = 0x0009;
pub(crate) const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
pub(crate) const CHANNEL_NUMBER: u16 = 0x000c;
pub(crate) const LIFETIME: u16 = 0x000d;
pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
pub(crate) const DATA: u16 = 0x0013;
pub(crate) const REALM: u16 = 0x0014;
pub(crate) const NONCE: u16 = 0x0015;
pub(crate) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
pub(crate) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
pub(crate) const REQUESTED_TRANSPORT: u16 = 0x0019;
pub(crate) const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
pub(crate) const PASSWORD_ALGORITHM: u16 = 0x001d;
pub(crate) const USERHASH: u16 = 0x001e;
pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
pub(crate) const PRIORITY: u16 = 0x0024;
pub(crate) const USE_CANDIDATE: u16 = 0x0025;
pub(crate) const PASSWORD_ALGORITHMS: u16 = 0x8002;
pub(crate) const ALTERNATE_SERVER: u16 = 0x8023;
pub(crate) const FINGERPRINT: u16 = 0x8028;
pub(crate) const ICE_CONTROLLED: u16 = 0x8029;
pub(crate) const ICE_CONTROLLING: u16 = 0x802a;

/// From here on who does not understand an attribute may pass over it (RFC 8489 §14).
const OPTIONAL: u16 = 0x8000;

/// What a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Usage {
    /// A keep-alive of a SIP flow (RFC 5626 §4.4.2, §8). Nobody is asked for credentials, so those that come along are passed over; a fingerprint
    /// may be missing, as the cookie alone tells STUN from SIP.
    KeepAlive,
    /// A connectivity check (RFC 8445 §7.1): the fingerprint is a must.
    ConnectivityCheck,
    /// What passes between a client and a server that relays for it (TURN, RFC 8656).
    Relaying,
}

impl Usage {
    /// Whether an attribute may be in a message of this usage without an objection. It changes nothing where it is none of the usage's.
    pub(crate) fn understands(self, kind: u16) -> bool {
        match kind {
            OPTIONAL.. => true,
            MAPPED_ADDRESS | USERNAME | MESSAGE_INTEGRITY | ERROR_CODE | UNKNOWN_ATTRIBUTES | REALM | NONCE => true,
            MESSAGE_INTEGRITY_SHA256 | PASSWORD_ALGORITHM | USERHASH | XOR_MAPPED_ADDRESS => true,
            PRIORITY | USE_CANDIDATE => self == Self::ConnectivityCheck,
            CHANNEL_NUMBER | LIFETIME | XOR_PEER_ADDRESS | DATA | XOR_RELAYED_ADDRESS => self == Self::Relaying,
            REQUESTED_ADDRESS_FAMILY | REQUESTED_TRANSPORT => self == Self::Relaying,
            _ => false,
        }
    }
}

/// Which part the sender of a check plays, with the number that decides where both play the same (RFC 8445 §7.3.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It decides which way is taken.
    Controlling(u64),
    /// The other one does.
    Controlled(u64),
}
