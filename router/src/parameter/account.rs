//! Accounts: who may register and call.

use crate::private::Private;
use crate::time::WallTime;
use minicbor::{Decode, Encode};

/// How an account's digest is checked (RFC 8760). Passwords are never kept, only their hashes.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum AccountCredential {
    /// A new password: the store keeps its hashes for the realm and forgets it.
    #[n(1)]
    Password(#[n(0)] Private<String>),
    /// H(user:realm:password) for each algorithm.
    #[n(2)]
    Hashes {
        /// MD5.
        #[cbor(n(0), with = "minicbor::bytes")]
        md5: [u8; 16],
        /// SHA-256.
        #[cbor(n(1), with = "minicbor::bytes")]
        sha256: [u8; 32],
    },
    /// Not told: `Query` from whoever does not check digests.
    #[n(3)]
    Withheld,
}

/// An account. `Set × Account` makes or changes one, `Close × Account` removes one, `Query × Account` reads (a `Selection`
/// pages), `Subscribe × Account` is told of every change by `Notify × Account`. A notification with an empty name says that
/// others were lost: its receiver queries anew.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Account {
    /// Its name: user part of its address of record and digest user name.
    #[n(0)]
    pub name: String,
    /// The name to show for its calls.
    #[n(1)]
    pub display_name: Option<Private<String>>,
    /// How its digest is checked.
    #[n(2)]
    pub credential: AccountCredential,
    /// Whether it may register and call.
    #[n(3)]
    pub enabled: bool,
    /// When it was made.
    #[n(4)]
    pub created: WallTime,
    /// In `Notify`: it was removed.
    #[n(5)]
    pub removed: bool,
}
