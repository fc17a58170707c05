//! How a stream is protected (SRTP, RFC 3711): the keys of one leg, on their way from its descriptions to its port.

use minicbor::{Decode, Encode};
use std::fmt;

/// What a stream is encrypted and authenticated by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum SrtpSuite {
    /// `AES_CM_128_HMAC_SHA1_80` (RFC 4568 §6.2.1)
    #[n(1)]
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32` (RFC 4568 §6.2.2)
    #[n(2)]
    AesCm128HmacSha1_32,
    /// `AES_256_CM_HMAC_SHA1_80` (RFC 6188)
    #[n(3)]
    AesCm256HmacSha1_80,
    /// `AES_256_CM_HMAC_SHA1_32` (RFC 6188)
    #[n(4)]
    AesCm256HmacSha1_32,
    /// `AEAD_AES_128_GCM` (RFC 7714)
    #[n(5)]
    AeadAes128Gcm,
    /// `AEAD_AES_256_GCM` (RFC 7714)
    #[n(6)]
    AeadAes256Gcm,
}

impl SrtpSuite {
    /// All of them, in the order in which we prefer them: GCM costs less than half of what HMAC-SHA1 does, and a longer
    /// tag is the safer one.
    pub const ALL: [Self; 6] = [
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
        Self::AesCm128HmacSha1_80,
        Self::AesCm256HmacSha1_80,
        Self::AesCm128HmacSha1_32,
        Self::AesCm256HmacSha1_32,
    ];

    /// Its name in SDP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AesCm256HmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Octets of a master key.
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 | Self::AeadAes128Gcm => 16,
            Self::AesCm256HmacSha1_80 | Self::AesCm256HmacSha1_32 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Octets of a master salt (RFC 3711 §8.2, RFC 7714 §12).
    pub const fn salt_bytes(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            _ => 14,
        }
    }

    /// Octets of key and salt together.
    pub const fn material_bytes(self) -> usize {
        self.key_bytes() + self.salt_bytes()
    }
}

/// A master key with its salt behind it, and what names it in packets. Its `Debug` shows that it is there.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MediaKey {
    /// Key and salt, as many octets as the suite has.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub material: Vec<u8>,
    /// The master key identifier that packets carry (RFC 3711 §3.1); empty: none.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub identifier: Vec<u8>,
}

impl fmt::Debug for MediaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(private)")
    }
}

/// The keys of one leg, both ways.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Protection {
    /// The suite, the same both ways.
    #[n(0)]
    pub suite: SrtpSuite,
    /// Ours: for what we send to the peer.
    #[n(1)]
    pub send: MediaKey,
    /// The peer's: for what it sends to us.
    #[n(2)]
    pub receive: MediaKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_show() {
        let key = |octet| MediaKey { material: vec![octet; 30], identifier: vec![1] };
        let protection = Protection { suite: SrtpSuite::AesCm128HmacSha1_80, send: key(171), receive: key(205) };
        let shown = format!("{protection:?}");
        assert!(shown.contains("AesCm128HmacSha1_80") && !shown.contains("171") && !shown.contains("205"), "{shown}");
    }
}
