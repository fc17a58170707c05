//! How the peers of legs have keys, where the operator says so.

use router::parameter::KeyForm;
use std::collections::BTreeMap;

/// Whose keys come and go in which form. `None`: as events where they are agreed on, and else as tones.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyForms {
    /// Where nothing is said of it below.
    pub usual: Option<KeyForm>,
    /// Of the phones of an account.
    pub accounts: BTreeMap<String, Option<KeyForm>>,
    /// Of a trunk.
    pub trunks: BTreeMap<String, Option<KeyForm>>,
}

impl KeyForms {
    /// Of the phones of an account.
    pub(crate) fn of_account(&self, name: &str) -> Option<KeyForm> {
        self.accounts.get(name).copied().unwrap_or(self.usual)
    }

    /// Of a trunk.
    pub(crate) fn of_trunk(&self, name: &str) -> Option<KeyForm> {
        self.trunks.get(name).copied().unwrap_or(self.usual)
    }
}
