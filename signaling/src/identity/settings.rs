//! What the operator sets.

use super::certificate::Authorities;
use super::signer::Signer;
use router::numbering::{NumberForm, Numbering};
use std::sync::Arc;

/// How who sent a call on is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DiversionForm {
    /// Not at all, and what comes is passed over.
    #[default]
    None,
    /// In Diversion (RFC 5806).
    Diversion,
    /// In History-Info (RFC 7044).
    HistoryInfo,
    /// In both.
    Both,
}

impl DiversionForm {
    /// Whether Diversion is written.
    pub(crate) const fn writes_diversion(self) -> bool {
        matches!(self, Self::Diversion | Self::Both)
    }

    /// Whether History-Info is written.
    pub(crate) const fn writes_history(self) -> bool {
        matches!(self, Self::HistoryInfo | Self::Both)
    }
}

/// What is done with the signatures of calls that come from a trunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verification {
    /// They are not looked at.
    #[default]
    Never,
    /// They are looked at, and what was found is told; no call is refused for it.
    Told,
    /// A call whose signature does not hold is refused.
    Valid,
    /// So is a call without one.
    Required,
}

/// Signatures of calls, of all trunks together.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    /// Who signs ours; `None`: nobody.
    pub signer: Option<Arc<Signer>>,
    /// Whose word counts.
    pub authorities: Arc<Authorities>,
    /// Hosts, or hosts with their ports, where certificates are fetched alone; empty: from everywhere in the public network.
    pub repositories: Vec<String>,
    /// How old a signature may be, and how far of the future, seconds.
    pub age_max_s: u32,
    /// How numbers are dialled here.
    pub numbering: Numbering,
    /// Whether phones are told what was found (`verstat`).
    pub accounts_verstat: bool,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            signer: None,
            authorities: Arc::default(),
            repositories: Vec::new(),
            age_max_s: crate::limits::IDENTITY_AGE_MAX_S,
            numbering: Numbering::default(),
            accounts_verstat: false,
        }
    }
}

impl IdentitySettings {
    /// A number that a peer of that form writes, as digits of E.164. `None`: it is none of the public network.
    pub(crate) fn digits(&self, number: &str, form: NumberForm) -> Option<String> {
        let number = self.numbering.to_e164(number, form);
        let digits = number.strip_prefix('+')?;
        (!digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.to_owned())
    }

    /// The same, and a number that means something here alone, such as one for emergencies, as it is (RFC 8224 §8.3).
    pub(crate) fn digits_or_service(&self, number: &str, form: NumberForm) -> Option<String> {
        let own = || !number.is_empty() && number.len() <= 15 && number.bytes().all(|digit| digit.is_ascii_digit());
        self.digits(number, form).or_else(|| own().then(|| number.to_owned()))
    }
}
