//! Keys that come about in the media itself (DTLS-SRTP, RFC 5763, RFC 5764): what a port has to know beforehand.

use minicbor::{Decode, Encode};

/// What a fingerprint is made with (RFC 8122 §5). SHA-1 and what is older proves nothing any more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum FingerprintHash {
    /// `sha-256`
    #[n(1)]
    Sha256,
    /// `sha-384`
    #[n(2)]
    Sha384,
    /// `sha-512`
    #[n(3)]
    Sha512,
}

impl FingerprintHash {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Its name in SDP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// Octets of a digest.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The digest of a certificate (RFC 8122 §5).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Fingerprint {
    /// What it is made with.
    #[n(0)]
    pub hash: FingerprintHash,
    /// The digest, as many octets as the hash has.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub digest: Vec<u8>,
}

/// A part in the handshake (`a=setup`, RFC 4145 §4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum DtlsRole {
    /// `active`: it begins.
    #[n(1)]
    Client,
    /// `passive`: it waits.
    #[n(2)]
    Server,
}

/// An association of a leg.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct DtlsParameters {
    /// Our part.
    #[n(0)]
    pub role: DtlsRole,
    /// The peer's certificate is of one of these, or it is not the peer's.
    #[n(1)]
    pub fingerprints: Vec<Fingerprint>,
    /// Counts the associations of the leg: another number asks for another handshake, the same one goes on (RFC 8842 §4).
    #[n(2)]
    pub association: u32,
}

/// Why a handshake came to no keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum HandshakeFault {
    /// The certificate is none of those that the peer has signalled.
    #[n(1)]
    Fingerprint,
    /// Both have nothing in common, or one has refused the other.
    #[n(2)]
    Refused,
    /// It was not done in time.
    #[n(3)]
    TimedOut,
}

impl HandshakeFault {
    /// A sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Fingerprint => "the certificate is not the one that was signalled",
            Self::Refused => "the handshake was refused",
            Self::TimedOut => "the handshake was not done in time",
        }
    }
}
