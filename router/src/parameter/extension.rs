//! Plug-ins' parameters.

use minicbor::{Decode, Encode};

/// A parameter that only its two ends understand.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Extension {
    /// Whose it is, as a reversed domain: `org.example.colour`.
    #[n(0)]
    pub name: String,
    /// Its value; CBOR if the plug-in has no reason for something else.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}
