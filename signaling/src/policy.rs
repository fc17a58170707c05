//! How calls are made with a peer: what is asked of it beside the call itself. One for all, and one for each trunk that differs.

use crate::limits::{SESSION_EXPIRES_S, SESSION_MIN_S};

/// What is done about provisional responses that are acknowledged (100rel, RFC 3262).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reliability {
    /// They are neither offered nor taken.
    Never,
    /// They are used where the peer knows them.
    #[default]
    Supported,
    /// There are no calls without them.
    Required,
}

/// Whether media is protected (SRTP).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MediaSecurity {
    /// It is not: a secure offer is refused.
    Never,
    /// It is where the peer asks for it; and it is offered beside plain media where signalling is confidential.
    #[default]
    May,
    /// There are no calls without.
    Must,
}

/// Where the keys of protected media come from, in what we offer. What peers offer is taken either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keying {
    /// From SDP (SDES, RFC 4568).
    #[default]
    Sdes,
    /// From a handshake in the media (DTLS-SRTP, RFC 5763).
    Dtls,
}

/// Whether ways to a peer's media are looked for (ICE).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Connectivity {
    /// They are not: what a peer says of them is passed over.
    Never,
    /// They are where the peer offers it.
    #[default]
    May,
    /// We offer it, too.
    Offer,
    /// There are no calls without.
    Must,
}

/// How calls are made with a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallPolicy {
    /// The session interval that is asked for and granted (RFC 4028 §4), in seconds; 0: none is asked for, and what a peer asks for
    /// is granted.
    pub session_expires_s: u32,
    /// The shortest session interval that is taken (Min-SE), in seconds.
    pub session_min_s: u32,
    /// Provisional responses that are acknowledged.
    pub reliable: Reliability,
    /// Whether media is protected.
    pub security: MediaSecurity,
    /// By keys from where.
    pub keying: Keying,
    /// Whether ways are looked for.
    pub connectivity: Connectivity,
}

impl Default for CallPolicy {
    fn default() -> Self {
        Self {
            session_expires_s: SESSION_EXPIRES_S,
            session_min_s: SESSION_MIN_S,
            reliable: Reliability::default(),
            security: MediaSecurity::default(),
            keying: Keying::default(),
            connectivity: Connectivity::default(),
        }
    }
}
