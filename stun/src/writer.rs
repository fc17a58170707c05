//! A message that is written.

use crate::attribute::{
    ALTERNATE_SERVER, CHANNEL_NUMBER, DATA, ERROR_CODE, FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING, LIFETIME,
    MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256, NONCE, PASSWORD_ALGORITHM, PASSWORD_ALGORITHMS, PRIORITY, REALM,
    REQUESTED_ADDRESS_FAMILY, REQUESTED_TRANSPORT, Role, UNKNOWN_ATTRIBUTES, USE_CANDIDATE, USERNAME,
    XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
};
use crate::fingerprint::fingerprint;
use crate::limits::{UNKNOWN_MAX, WRITTEN_OCTETS_MAX};
use crate::message::{Class, Method, TransactionId, Unknown};
use crate::{COOKIE, HEADER_OCTETS, address};
use ring::hmac;
use std::net::{IpAddr, SocketAddr};

/// A message, from its header on: each call adds an attribute. What has no room is left out; the bounds of names are such that all has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Writer {
    octets: [u8; WRITTEN_OCTETS_MAX],
    length: usize,
}

impl Writer {
    /// A message of Binding without attributes.
    pub fn new(class: Class, transaction: &TransactionId) -> Self {
        Self::of(Method::Binding, class, transaction)
    }

    /// A message without attributes.
    pub fn of(method: Method, class: Class, transaction: &TransactionId) -> Self {
        let mut octets = [0; WRITTEN_OCTETS_MAX];
        octets[..2].copy_from_slice(&class.kind(method).to_be_bytes());
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
        self.masked(XOR_MAPPED_ADDRESS, address)
    }

    fn masked(self, kind: u16, address: SocketAddr) -> Self {
        let mut transaction = TransactionId::default();
        transaction.copy_from_slice(&self.octets[8..HEADER_OCTETS]);
        let (value, length) = address::masked(address, &transaction);
        self.put(kind, &value[..length])
    }

    /// `USERNAME` of who has an account at a server.
    pub fn account(self, name: &str) -> Self {
        self.put(USERNAME, name.as_bytes())
    }

    /// `REALM` and `NONCE`, as the server said them; or as a server says them.
    pub fn challenge(self, realm: &[u8], nonce: &[u8]) -> Self {
        self.put(REALM, realm).put(NONCE, nonce)
    }

    /// `PASSWORD-ALGORITHMS`, as a server said them.
    pub fn algorithms(self, algorithms: &[u8]) -> Self {
        self.put(PASSWORD_ALGORITHMS, algorithms)
    }

    /// `PASSWORD-ALGORITHM`: the one that our key is made by (RFC 8489 §18.5).
    pub fn algorithm(self, number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        self.put(PASSWORD_ALGORITHM, &[high, low, 0, 0])
    }

    /// `REQUESTED-TRANSPORT`: UDP.
    pub fn over_udp(self) -> Self {
        self.put(REQUESTED_TRANSPORT, &[17, 0, 0, 0])
    }

    /// `REQUESTED-ADDRESS-FAMILY`: IPv6 (RFC 8656 §18.6). Without, it is IPv4.
    pub fn of_ipv6(self) -> Self {
        self.put(REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0])
    }

    /// `LIFETIME`.
    pub fn lifetime(self, seconds: u32) -> Self {
        self.put(LIFETIME, &seconds.to_be_bytes())
    }

    /// `XOR-PEER-ADDRESS`.
    pub fn peer(self, address: SocketAddr) -> Self {
        self.masked(XOR_PEER_ADDRESS, address)
    }

    /// `XOR-RELAYED-ADDRESS`, as a server says it.
    pub fn relayed(self, address: SocketAddr) -> Self {
        self.masked(XOR_RELAYED_ADDRESS, address)
    }

    /// `CHANNEL-NUMBER`.
    pub fn channel(self, number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        self.put(CHANNEL_NUMBER, &[high, low, 0, 0])
    }

    /// `DATA`.
    pub fn data(self, data: &[u8]) -> Self {
        self.put(DATA, data)
    }

    /// `ALTERNATE-SERVER`, as a server says it.
    pub fn alternate(self, address: SocketAddr) -> Self {
        // Written as a masked one is, with a mask of nothing.
        let mut value = [0; address::OCTETS_MAX];
        value[2..4].copy_from_slice(&address.port().to_be_bytes());
        let length = match address.ip() {
            IpAddr::V4(ip) => {
                value[1] = 1;
                value[4..8].copy_from_slice(&ip.octets());
                8
            }
            IpAddr::V6(ip) => {
                value[1] = 2;
                value[4..20].copy_from_slice(&ip.octets());
                20
            }
        };
        self.put(ALTERNATE_SERVER, &value[..length])
    }

    /// `ERROR-CODE` with its phrase (RFC 8489 §14.8, RFC 8445 §7.3.1.1).
    pub fn error(self, code: u16) -> Self {
        let phrase: &[u8] = match code {
            300 => b"Try Alternate",
            400 => b"Bad Request",
            401 => b"Unauthenticated",
            403 => b"Forbidden",
            420 => b"Unknown Attribute",
            437 => b"Allocation Mismatch",
            438 => b"Stale Nonce",
            486 => b"Allocation Quota Reached",
            487 => b"Role Conflict",
            500 => b"Server Error",
            508 => b"Insufficient Capacity",
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
    pub fn integrity(self, password: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password);
        self.sealed(MESSAGE_INTEGRITY, 20, &key)
    }

    /// `MESSAGE-INTEGRITY-SHA256`.
    pub fn long_integrity(self, password: &[u8]) -> Self {
        self.sealed(MESSAGE_INTEGRITY_SHA256, 32, &hmac::Key::new(hmac::HMAC_SHA256, password))
    }

    fn sealed(mut self, kind: u16, octets: usize, key: &hmac::Key) -> Self {
        let end = self.length + 4 + octets;
        if end > WRITTEN_OCTETS_MAX {
            return self;
        }
        self.set_length(end);
        let tag = hmac::sign(key, &self.octets[..self.length]);
        self.put(kind, tag.as_ref())
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
