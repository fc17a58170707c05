//! The names of a trunk and of us there, where they are not the addresses that packets go between.

use crate::identity::{DiversionForm, Verification};
use router::numbering::NumberForm;

/// What stands in the URIs of calls to a trunk. By default the trunk's own host and our domain.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrunkIdentity {
    /// The domain of Request-URI and To; requests go to the trunk's address all the same, which is an outbound proxy then
    /// (RFC 3261 §8.1.2).
    pub domain: Option<String>,
    /// The domain of From, and of the identities beside it.
    pub from_domain: Option<String>,
    /// The user of From: the account that the trunk knows us by. Who calls stands in P-Asserted-Identity or P-Preferred-Identity.
    pub from_user: Option<String>,
    /// How it is told who sent a call on, and whether it may say so itself.
    pub diversion: DiversionForm,
    /// Whether who calls, and who answers, is told in Remote-Party-ID too; where the trunk is trusted, its own is believed.
    pub remote_party_id: bool,
    /// Whether calls to it are signed.
    pub signs: bool,
    /// What is done with the signatures of calls from it.
    pub verification: Verification,
    /// Whether it is told what was found of the signature that a call came with.
    pub verstat: bool,
    /// How it writes numbers.
    pub numbers: NumberForm,
}
