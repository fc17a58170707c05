//! Where numbers lead to, as a directory in the name service has it.

use super::call::Passed;
use super::party::Party;
use crate::private::Private;
use minicbor::{Decode, Encode};

/// A number that a domain is asked for (ENUM, RFC 6116). `Query × NumberLookup` to `signaling` is answered with the same, and with what is said of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct NumberLookup {
    /// As E.164 has it, with a plus.
    #[n(0)]
    pub number: Private<String>,
    /// The domain below which numbers are names: `e164.arpa`, or an operator's own.
    #[n(1)]
    pub domain: String,
    /// Where it is reached, the best first: a number or name, and the domain that serves it; without one it is another telephone number.
    #[n(2)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub places: Vec<Party>,
    /// What is said of the number itself, for whom it is sent to: where it was ported to.
    #[n(3)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub passed: Vec<Passed>,
}
