//! A message that is read.

use crate::address::{plain, unmasked};
use crate::attribute::{
    ALTERNATE_SERVER, CHANNEL_NUMBER, DATA, ERROR_CODE, FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING, LIFETIME,
    MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, NONCE, PASSWORD_ALGORITHMS, PRIORITY, REALM, REQUESTED_TRANSPORT,
    Role, USE_CANDIDATE, USERNAME, Usage, XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
};
use crate::fingerprint::fingerprint;
use crate::limits::{READ_OCTETS_MAX, RELAYED_OCTETS_MAX, UNKNOWN_MAX};
use crate::{COOKIE, HEADER_OCTETS};
use ring::hmac;
use std::net::SocketAddr;
use subtle::ConstantTimeEq as _;

/// What a message is about (RFC 8489 §5, RFC 8656 §17).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Method {
    /// Keep-alives and connectivity checks.
    Binding,
    /// An address at a server is asked for.
    Allocate,
    /// It is to be kept, or given back.
    Refresh,
    /// Something for a peer.
    Send,
    /// Something from one.
    Data,
    /// A peer may send.
    CreatePermission,
    /// A peer gets a number of its own.
    ChannelBind,
}

impl Method {
    const ALL: [Self; 7] = [
        Self::Binding,
        Self::Allocate,
        Self::Refresh,
        Self::Send,
        Self::Data,
        Self::CreatePermission,
        Self::ChannelBind,
    ];

    /// Its number: all are below 16, so that its bits lie side by side in a message's type.
    const fn number(self) -> u16 {
        match self {
            Self::Binding => 1,
            Self::Allocate => 3,
            Self::Refresh => 4,
            Self::Send => 6,
            Self::Data => 7,
            Self::CreatePermission => 8,
            Self::ChannelBind => 9,
        }
    }

    fn is_of(self, usage: Usage) -> bool {
        (self == Self::Binding) == (usage != Usage::Relaying)
    }
}

/// What a message is (RFC 8489 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Asks for an answer.
    Request,
    /// Wants none: it keeps a way open.
    Indication,
    /// The answer.
    Success,
    /// The other one.
    Error,
}

impl Class {
    /// A message's type: that of a method.
    pub(crate) const fn kind(self, method: Method) -> u16 {
        method.number()
            | match self {
                Self::Request => 0x0000,
                Self::Indication => 0x0010,
                Self::Success => 0x0100,
                Self::Error => 0x0110,
            }
    }

    fn of(kind: u16) -> Option<(Self, Method)> {
        let class = [Self::Request, Self::Indication, Self::Success, Self::Error];
        let class = class.into_iter().find(|class| kind & 0xfff0 == class.kind(Method::Binding) & 0xfff0)?;
        Some((class, Method::ALL.into_iter().find(|method| class.kind(*method) == kind)?))
    }
}

/// Names a request and its answer.
pub type TransactionId = [u8; 12];

/// Attributes that would have to be understood, and are not: the first [`UNKNOWN_MAX`] kinds of them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Unknown {
    kinds: [u16; UNKNOWN_MAX],
    count: usize,
}

impl Unknown {
    fn note(&mut self, kind: u16) {
        if let Some(place) = self.kinds.get_mut(self.count) {
            *place = kind;
            self.count += usize::from(!self.kinds[..self.count].contains(&kind));
        }
    }

    /// Their kinds, each once.
    pub fn kinds(&self) -> &[u16] {
        &self.kinds[..self.count]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// What a message between a client and its server says beside (RFC 8656 §18, RFC 8489 §14).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Relaying<'a> {
    /// `REALM`: what the server asks credentials for.
    pub realm: Option<&'a [u8]>,
    /// `NONCE`, which is in each request until the server says another one.
    pub nonce: Option<&'a [u8]>,
    /// `PASSWORD-ALGORITHMS`: what keys the server takes, as they are to be repeated.
    pub algorithms: Option<&'a [u8]>,
    /// `LIFETIME`, in seconds.
    pub lifetime_s: Option<u32>,
    /// `XOR-RELAYED-ADDRESS`: what the server has given.
    pub relayed: Option<SocketAddr>,
    /// `XOR-PEER-ADDRESS`: whom it is for, or from.
    pub peer: Option<SocketAddr>,
    /// `CHANNEL-NUMBER`
    pub channel: Option<u16>,
    /// Where the value of `DATA` begins and ends in the datagram.
    pub data: Option<(usize, usize)>,
    /// `ALTERNATE-SERVER`
    pub alternate: Option<SocketAddr>,
    /// `REQUESTED-TRANSPORT`: a protocol's number.
    pub transport: Option<u8>,
}

/// A message, read. What it points to lies in the datagram.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What it is.
    pub class: Class,
    /// About what.
    pub method: Method,
    /// Its transaction.
    pub transaction: TransactionId,
    /// `USERNAME`: whose password it is checked by, and who says so.
    pub username: Option<&'a [u8]>,
    /// `PRIORITY` of the candidate that it comes from.
    pub priority: Option<u32>,
    /// `USE-CANDIDATE`: this way is the one.
    pub nominates: bool,
    /// The part of its sender.
    pub role: Option<Role>,
    /// `XOR-MAPPED-ADDRESS`: where the request came from.
    pub mapped: Option<SocketAddr>,
    /// `ERROR-CODE`, from 300 to 699.
    pub error: Option<u16>,
    /// What must be understood and is not (§6.3.1).
    pub unknown: Unknown,
    /// What servers that relay say beside; of other usages nothing.
    pub relaying: Relaying<'a>,
    /// Whether it has a fingerprint, which then is right: the answer has one as well (§7).
    pub has_fingerprint: bool,
    /// Where `MESSAGE-INTEGRITY` begins, if there is one.
    integrity: Option<usize>,
    /// The same of `MESSAGE-INTEGRITY-SHA256`.
    long_integrity: Option<usize>,
    octets: &'a [u8],
}

/// Whether a datagram is one of STUN (RFC 7983 §7, RFC 8489 §6.3), whatever becomes of it.
#[inline]
pub fn is_stun(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(0..=3)) && datagram.get(4..8) == Some(&COOKIE.to_be_bytes())
}

impl<'a> Message<'a> {
    /// Reads a datagram. `None`: it is no message of the usage's methods, is malformed, its fingerprint is wrong, or is missing where the usage asks for
    /// one.
    pub fn parse(octets: &'a [u8], usage: Usage) -> Option<Self> {
        let (header, mut rest) = octets.split_first_chunk::<HEADER_OCTETS>()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let most = if usage == Usage::Relaying { RELAYED_OCTETS_MAX } else { READ_OCTETS_MAX };
        let is_whole = length == rest.len() && length.is_multiple_of(4) && octets.len() <= most;
        if !is_whole || !is_stun(octets) {
            return None;
        }
        let (class, method) = Class::of(u16::from_be_bytes([header[0], header[1]]))?;
        if !method.is_of(usage) {
            return None;
        }
        let mut message = Self {
            class,
            method,
            transaction: *header.last_chunk()?,
            username: None,
            priority: None,
            nominates: false,
            role: None,
            mapped: None,
            error: None,
            unknown: Unknown::default(),
            relaying: Relaying::default(),
            has_fingerprint: false,
            integrity: None,
            long_integrity: None,
            octets,
        };
        let mut is_sealed = false;
        while let Some((head, behind)) = rest.split_first_chunk::<4>() {
            let at = octets.len() - rest.len();
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let (value, next) = behind.split_at_checked(length.next_multiple_of(4))?;
            let value = value.get(..length)?;
            match kind {
                // The last attribute (§14.7).
                FINGERPRINT => {
                    let said = u32::from_be_bytes(value.try_into().ok()?);
                    message.has_fingerprint = next.is_empty() && said == fingerprint(octets.get(..at)?);
                    if !message.has_fingerprint {
                        return None;
                    }
                }
                // What stands behind an integrity is not covered by it, and counts for nothing (§14.5, §14.6).
                MESSAGE_INTEGRITY if !is_sealed => {
                    message.integrity = Some(at).filter(|_| value.len() == INTEGRITY_OCTETS);
                    message.integrity?;
                    is_sealed = true;
                }
                // One may stand behind the other (§14.6). A cut one proves less, and counts for none.
                MESSAGE_INTEGRITY_SHA256 => {
                    let is_first = message.long_integrity.is_none() && value.len() == LONG_INTEGRITY_OCTETS;
                    message.long_integrity = if is_first { Some(at) } else { message.long_integrity };
                    is_sealed = true;
                }
                _ if is_sealed => {}
                DATA if usage == Usage::Relaying => message.relaying.data = Some((at + 4, at + 4 + length)),
                _ => message.take(kind, value, usage)?,
            }
            rest = next;
        }
        (rest.is_empty() && (message.has_fingerprint || usage != Usage::ConnectivityCheck)).then_some(message)
    }

    /// Takes an attribute. `None`: its value cannot be.
    fn take(&mut self, kind: u16, value: &'a [u8], usage: Usage) -> Option<()> {
        match kind {
            kind if !usage.understands(kind) => self.unknown.note(kind),
            USERNAME => self.username = Some(value),
            PRIORITY => self.priority = Some(u32::from_be_bytes(value.try_into().ok()?)),
            USE_CANDIDATE => self.nominates = true,
            ICE_CONTROLLED => self.role = Some(Role::Controlled(u64::from_be_bytes(value.try_into().ok()?))),
            ICE_CONTROLLING => self.role = Some(Role::Controlling(u64::from_be_bytes(value.try_into().ok()?))),
            XOR_MAPPED_ADDRESS => self.mapped = Some(unmasked(value, &self.transaction)?),
            ERROR_CODE => {
                let [_, _, class, number, ..] = value else { return None };
                self.error = Some(u16::from(class & 7) * 100 + u16::from(*number));
                if !matches!(class & 7, 3..=6) || *number > 99 {
                    return None;
                }
            }
            _ if usage == Usage::Relaying => self.take_relaying(kind, value)?,
            _ => {}
        }
        Some(())
    }

    /// Takes an attribute of who relays.
    fn take_relaying(&mut self, kind: u16, value: &'a [u8]) -> Option<()> {
        let Self { relaying, transaction, .. } = self;
        match kind {
            REALM => relaying.realm = Some(value),
            NONCE => relaying.nonce = Some(value),
            PASSWORD_ALGORITHMS => relaying.algorithms = Some(value),
            LIFETIME => relaying.lifetime_s = Some(u32::from_be_bytes(value.try_into().ok()?)),
            XOR_RELAYED_ADDRESS => relaying.relayed = Some(unmasked(value, transaction)?),
            // A request may name several: the first one counts.
            XOR_PEER_ADDRESS => relaying.peer = Some(relaying.peer.unwrap_or(unmasked(value, transaction)?)),
            CHANNEL_NUMBER => relaying.channel = Some(u16::from_be_bytes(*value.first_chunk()?)),
            ALTERNATE_SERVER => relaying.alternate = Some(plain(value)?),
            REQUESTED_TRANSPORT => relaying.transport = Some(*value.first()?),
            _ => {}
        }
        Some(())
    }

    /// Whether it was written by who knows the password (§9.1.3), or the key that was made of it (§9.2.2). Compared in constant time.
    pub fn is_by(&self, password: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password);
        self.is_sealed(self.integrity, INTEGRITY_OCTETS, &key)
    }

    /// The same by `MESSAGE-INTEGRITY-SHA256`.
    pub fn is_by_long(&self, password: &[u8]) -> bool {
        self.is_sealed(self.long_integrity, LONG_INTEGRITY_OCTETS, &hmac::Key::new(hmac::HMAC_SHA256, password))
    }

    fn is_sealed(&self, at: Option<usize>, octets: usize, key: &hmac::Key) -> bool {
        let Some(at) = at else { return false };
        let end = at + 4 + octets;
        let (Some(before), Some(tag)) = (self.octets.get(4..at), self.octets.get(at + 4..end)) else { return false };
        let mut context = hmac::Context::with_key(key);
        // The length is that of the message as if it ended with this attribute.
        context.update(&self.class.kind(self.method).to_be_bytes());
        context.update(&((end - HEADER_OCTETS) as u16).to_be_bytes());
        context.update(before);
        context.sign().as_ref().ct_eq(tag).into()
    }
}

/// Of an HMAC-SHA1.
const INTEGRITY_OCTETS: usize = 20;

/// Of an HMAC-SHA256.
const LONG_INTEGRITY_OCTETS: usize = 32;
