//! A message that is read.

use crate::address::unmasked;
use crate::attribute::{
    ERROR_CODE, FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING, MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, PRIORITY,
    Role, USE_CANDIDATE, USERNAME, Usage, XOR_MAPPED_ADDRESS,
};
use crate::fingerprint::fingerprint;
use crate::limits::{READ_OCTETS_MAX, UNKNOWN_MAX};
use crate::{COOKIE, HEADER_OCTETS};
use ring::hmac;
use std::net::SocketAddr;
use subtle::ConstantTimeEq as _;

/// What a message is (RFC 8489 §5), of the one method that there is here: Binding.
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
    pub(crate) const fn kind(self) -> u16 {
        match self {
            Self::Request => 0x0001,
            Self::Indication => 0x0011,
            Self::Success => 0x0101,
            Self::Error => 0x0111,
        }
    }

    fn of(kind: u16) -> Option<Self> {
        [Self::Request, Self::Indication, Self::Success, Self::Error].into_iter().find(|class| class.kind() == kind)
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

/// A message, read. What it points to lies in the datagram.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What it is.
    pub class: Class,
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
    /// Whether it has a fingerprint, which then is right: the answer has one as well (§7).
    pub has_fingerprint: bool,
    /// Where `MESSAGE-INTEGRITY` begins, if there is one.
    integrity: Option<usize>,
    octets: &'a [u8],
}

/// Whether a datagram is one of STUN (RFC 7983 §7, RFC 8489 §6.3), whatever becomes of it.
#[inline]
pub fn is_stun(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(0..=3)) && datagram.get(4..8) == Some(&COOKIE.to_be_bytes())
}

impl<'a> Message<'a> {
    /// Reads a datagram. `None`: it is no Binding message, is malformed, its fingerprint is wrong, or is missing where the usage asks for one.
    pub fn parse(octets: &'a [u8], usage: Usage) -> Option<Self> {
        let (header, mut rest) = octets.split_first_chunk::<HEADER_OCTETS>()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let is_whole = length == rest.len() && length.is_multiple_of(4) && octets.len() <= READ_OCTETS_MAX;
        if !is_whole || !is_stun(octets) {
            return None;
        }
        let mut message = Self {
            class: Class::of(u16::from_be_bytes([header[0], header[1]]))?,
            transaction: *header.last_chunk()?,
            username: None,
            priority: None,
            nominates: false,
            role: None,
            mapped: None,
            error: None,
            unknown: Unknown::default(),
            has_fingerprint: false,
            integrity: None,
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
                MESSAGE_INTEGRITY_SHA256 => is_sealed = true,
                _ if is_sealed => {}
                _ => message.take(kind, value, usage)?,
            }
            rest = next;
        }
        (rest.is_empty() && (message.has_fingerprint || usage == Usage::KeepAlive)).then_some(message)
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
            _ => {}
        }
        Some(())
    }

    /// Whether it was written by who knows the password (§9.1.3). Compared in constant time.
    pub fn is_by(&self, password: &[u8]) -> bool {
        let Some(at) = self.integrity else { return false };
        let end = at + 4 + INTEGRITY_OCTETS;
        let (Some(before), Some(tag)) = (self.octets.get(4..at), self.octets.get(at + 4..end)) else { return false };
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password);
        let mut context = hmac::Context::with_key(&key);
        // The length is that of the message as if it ended with this attribute.
        context.update(&self.class.kind().to_be_bytes());
        context.update(&((end - HEADER_OCTETS) as u16).to_be_bytes());
        context.update(before);
        context.sign().as_ref().ct_eq(tag).into()
    }
}

/// Of an HMAC-SHA1.
const INTEGRITY_OCTETS: usize = 20;
