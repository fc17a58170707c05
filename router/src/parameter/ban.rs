//! Sources that are not listened to for a while.

use crate::private::Private;
use crate::time::WallTime;
use minicbor::{Decode, Encode};

/// A source that guessed too often (SIP: passwords). `Query × Ban` with a `Selection` is answered with those that are shut out now; `Close × Ban` lets
/// the one that `network` names be heard again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Ban {
    /// Who: an IPv4 address, or an IPv6 network of 64 bits (`2001:db8::/64`).
    #[n(0)]
    pub network: Private<String>,
    /// Until when.
    #[n(1)]
    pub until: WallTime,
    /// How often it had guessed when it was shut out.
    #[n(2)]
    pub attempts: u32,
}
