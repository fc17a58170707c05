//! Ways between a peer and us that are looked for (ICE, RFC 8445): what a port has to know beforehand.

use minicbor::{Decode, Encode};
use std::fmt;
use std::net::SocketAddr;

/// What names a side in checks, and what it proves itself by (RFC 8445 §5.3). Its `Debug` shows that it is there.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct IceCredentials {
    /// `a=ice-ufrag`
    #[n(0)]
    pub fragment: String,
    /// `a=ice-pwd`
    #[n(1)]
    pub password: String,
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(private)")
    }
}

/// An address that the peer may be reached at over UDP (RFC 8445 §5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct IceCandidate {
    /// 1: RTP; 2: RTCP.
    #[n(0)]
    pub component: u8,
    /// Larger is better.
    #[n(1)]
    pub priority: u32,
    /// The address.
    #[n(2)]
    pub address: SocketAddr,
}

/// What the ways of a stream are looked for by.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct IceParameters {
    /// Ours.
    #[n(0)]
    pub local: IceCredentials,
    /// The peer's. With others than before the search begins anew (RFC 8445 §9).
    #[n(1)]
    pub remote: IceCredentials,
    /// Where the peer says that it may be reached; it may come from elsewhere. None where we send no checks.
    #[n(2)]
    pub candidates: Vec<IceCandidate>,
    /// Whether we answer checks and send none.
    #[n(3)]
    pub is_lite: bool,
    /// Whether the peer does: where neither sends any, its description alone says where it is.
    #[n(4)]
    pub is_remote_lite: bool,
    /// Whether we decide which way is taken.
    #[n(5)]
    pub is_controlling: bool,
    /// Whether the peer, where it decides, names one way alone (`ice2`, RFC 8445 §10). Who does not say so may name all that work, and means the
    /// best of them.
    #[n(6)]
    pub nominates_once: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_do_not_show() {
        let credentials = IceCredentials { fragment: "visible".to_owned(), password: "secret".to_owned() };
        let shown = format!("{credentials:?}");
        assert!(!shown.contains("visible") && !shown.contains("secret"), "{shown}");
    }
}
