//! The trunks, as the plan needs to know them.

use super::rewrite::Rewrite;
use router::numbering::NumberForm;
use router::parameter::Attestation;
use router::time::Duration;
use std::net::{IpAddr, Ipv4Addr};

/// A trunk as the plan needs to know it.
#[derive(Clone, PartialEq, Debug)]
pub struct Trunk {
    /// Its name.
    pub name: String,
    /// The local address that its signalling uses; its media uses the same. Unspecified: the configured one of that family.
    pub interface: IpAddr,
    /// What is done when it sends a call elsewhere.
    pub redirects: Redirects,
    /// From the caller's number to the one that it is shown.
    pub caller: Option<Rewrite>,
    /// Of its last calls so many are answered at least, in percent, or it is passed over; `None`: any.
    pub answered_min: Option<u32>,
    /// Its calls ring within that time on an average, or it is passed over; `None`: any.
    pub delay_max: Option<Duration>,
    /// How it writes numbers, and is written them.
    pub numbers: NumberForm,
    /// How far calls that come from it are answered for where they are signed.
    pub attested: Attestation,
    /// Whether calls to it have an offer in any case: where the caller has none, one of our own.
    pub early_offer: bool,
}

impl Trunk {
    /// One of which no more is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            interface: Ipv4Addr::UNSPECIFIED.into(),
            redirects: Redirects::Refuse,
            caller: None,
            answered_min: None,
            delay_max: None,
            numbers: NumberForm::AsIs,
            attested: Attestation::Gateway,
            early_offer: false,
        }
    }
}

/// What is done when a callee says that its user is to be looked for elsewhere (SIP: 3xx).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Redirects {
    /// It is looked for there by the plan, on behalf of who sent it there: with that one's rights, not the caller's.
    Follow,
    /// It counts as unreachable.
    #[default]
    Refuse,
    /// The caller is told, and may call there itself: with its own rights.
    Pass,
}

/// What a trunk of another platform is called.
pub(crate) fn trunk_of(trunk: &str, platform: &str) -> String {
    format!("{trunk}@{platform}")
}
