//! Who is at a leg, where that changes in mid-call.

use super::is_false;
use super::party::{Origin, Party};
use minicbor::{Decode, Encode};

/// `Set × Connected` from a call to one of another platform, which is its leg: whoever that one talks to through it is another one from now on, by a
/// transfer, or as calls became one. `Done`: it knows. It changes nothing of the media.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Connected {
    /// Who is there.
    #[n(0)]
    pub party: Party,
    /// On whose behalf that one asks for something, on the sender's platform; `None`: it is a service.
    #[n(1)]
    pub origin: Option<Origin>,
    /// Whether that is verified.
    #[n(2)]
    #[cbor(default, skip_if = "is_false")]
    pub verified: bool,
    /// Whether that one does not want to be shown to whom it talks to.
    #[n(3)]
    #[cbor(default, skip_if = "is_false")]
    pub anonymous: bool,
    /// Whether that one calls: else whom it talks to does so, as somebody who was sent there.
    #[n(4)]
    #[cbor(default, skip_if = "is_false")]
    pub calls: bool,
}
