//! A message that is written.

use crate::attribute::{
    ERROR_CODE, FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING, MESSAGE_INTEGRITY, PRIORITY, Role, UNKNOWN_ATTRIBUTES,
    USE_CANDIDATE, USERNAME, XOR_MAPPED_ADDRESS,
};
use crate::fingerprint::fingerprint;
use crate::limits::{UNKNOWN_MAX, WRITTEN_OCTETS_MAX};
use crate::message::{Class, TransactionId, Unknown};
use crate::{COOKIE, HEADER_OCTETS, address};
use ring::hmac;
use std::net::SocketAddr;

/// A message, from its header on: each call adds an attribute. What has no room is left out; the bounds of names are such that all has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Writer {
    octets: [u8; WRITTEN_OCTETS_MAX],
    length: usize,
}

impl Writer {
    /// A message without attributes.
    pub fn new(class: Class, transaction: &TransactionId) -> Self {
        let mut octets = [0; WRITTEN_OCTETS_MAX];
        octets[..2].copy_from_slice(&class.kind().to_be_bytes());
        octets[4..8].copy_from_slice(&COOKIE.to_be_bytes());
        octets[8..HEADER_OCTETS].copy_from_slice(transaction);
        Self { octets, length: HEADER_OCTETS }
    }

    pub(crate) fn put(mut self, kind: u16, value: &[u8]) -> Self {
        let end = self.length + 4 + value.len().next_multiple_of(4);
        let Some(room) = self.octets.get_mut(self.length..end) else { return self };
        room[..2].copy_from_slice(&kind.to_be_bytes());
        room[2..4].copy_from_slice(&(value.len() as u16).to_be_bytes());
        room[4..4 + value.len()].copy_from_slice(value);
        self.length = end;
        self.set_length(end);
        self
    }

    fn set_length(&mut self, end: usize) {
        self.octets[2..4].copy_from_slice(&((end - HEADER_OCTETS) as u16).to_be_bytes());
    }

    /// `USERNAME` of a check: the fragment of who is asked, and that of who asks (RFC 8445 §7.2.2).
    pub fn username(self, theirs: &str, ours: &str) -> Self {
        let mut name = [0; WRITTEN_OCTETS_MAX];
        let mut length = 0;
        for part in [theirs, ":", ours] {
            let Some(room) = name.get_mut(length..length + part.len()) else { return self };
            room.copy_from_slice(part.as_bytes());
            length += part.len();
        }
        self.put(USERNAME, &name[..length])
    }

    /// `PRIORITY`.
    pub fn priority(self, priority: u32) -> Self {
        self.put(PRIORITY, &priority.to_be_bytes())
    }

    /// `USE-CANDIDATE`.
    pub fn nominate(self) -> Self {
        self.put(USE_CANDIDATE, &[])
    }

    /// `ICE-CONTROLLING` or `ICE-CONTROLLED`.
    pub fn role(self, role: Role) -> Self {
        match role {
            Role::Controlling(number) => self.put(ICE_CONTROLLING, &number.to_be_bytes()),
            Role::Controlled(number) => self.put(ICE_CONTROLLED, &number.to_be_bytes()),
        }
    }

    /// `XOR-MAPPED-ADDRESS`.
    pub fn mapped(self, address: SocketAddr) -> Self {
        let mut transaction = TransactionId::default();
        transaction.copy_from_slice(&self.octets[8..HEADER_OCTETS]);
        let (value, length) = address::masked(address, &transaction);
        self.put(XOR_MAPPED_ADDRESS, &value[..length])
    }

    /// `ERROR-CODE` with its phrase (RFC 8489 §14.8, RFC 8445 §7.3.1.1).
    pub fn error(self, code: u16) -> Self {
        let phrase: &[u8] = match code {
            400 => b"Bad Request",
            401 => b"Unauthenticated",
            420 => b"Unknown Attribute",
            487 => b"Role Conflict",
            500 => b"Server Error",
            _ => b"",
        };
        let mut value = [0; 4 + 32];
        value[2..4].copy_from_slice(&[(code / 100) as u8 & 7, (code % 100) as u8]);
        value[4..4 + phrase.len()].copy_from_slice(phrase);
        self.put(ERROR_CODE, &value[..4 + phrase.len()])
    }

    /// `UNKNOWN-ATTRIBUTES` (§14.9).
    pub fn unknown(self, unknown: &Unknown) -> Self {
        let mut value = [0; 2 * UNKNOWN_MAX];
        for (place, kind) in value.chunks_exact_mut(2).zip(unknown.kinds()) {
            place.copy_from_slice(&kind.to_be_bytes());
        }
        self.put(UNKNOWN_ATTRIBUTES, &value[..2 * unknown.kinds().len()])
    }

    /// `MESSAGE-INTEGRITY` by a password.
    pub fn integrity(mut self, password: &[u8]) -> Self {
        let end = self.length + 24;
        if end > WRITTEN_OCTETS_MAX {
            return self;
        }
        self.set_length(end);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password);
        let tag = hmac::sign(&key, &self.octets[..self.length]);
        self.put(MESSAGE_INTEGRITY, tag.as_ref())
    }

    /// `FINGERPRINT`, and the message is finished.
    pub fn finish(mut self) -> Self {
        let end = self.length + 8;
        if end > WRITTEN_OCTETS_MAX {
            return self;
        }
        self.set_length(end);
        let sum = fingerprint(&self.octets[..self.length]);
        self.put(FINGERPRINT, &sum.to_be_bytes())
    }

    /// What is to be sent.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}
