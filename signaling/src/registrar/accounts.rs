//! Who may register and call.

use crate::digest::{Hash, Secrets};
use router::Private;
use router::parameter::{Account, AccountCredential};
use std::borrow::Borrow;
use std::collections::{BTreeSet, HashSet};
use std::hash::{Hash as Hashed, Hasher};

/// What signalling knows of an account.
#[derive(Clone, Debug)]
pub struct AccountEntry {
    /// How its digest is checked.
    pub secrets: Secrets,
    /// The name to show for its calls.
    pub display_name: Option<Private<String>>,
    /// Whether it may register and call.
    pub enabled: bool,
}

/// An account and its name. A table has room for up to twice what it holds, so that of many accounts it holds no more than where each lies.
#[derive(Debug)]
struct Named(Box<(Box<str>, AccountEntry)>);

impl Borrow<str> for Named {
    fn borrow(&self) -> &str {
        &self.0.0
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

impl Eq for Named {}

impl Hashed for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.0.hash(state);
    }
}

/// The accounts, by name: loaded from the store at the start, then followed by its notifications.
#[derive(Debug, Default)]
pub struct Accounts {
    by_name: HashSet<Named>,
}

impl Accounts {
    /// Takes what the store tells of an account: made, changed or removed.
    pub fn follow(&mut self, account: &Account) {
        if account.removed {
            self.by_name.remove(account.name.as_str());
            return;
        }
        // An account whose hashes are not told cannot be checked: whoever told it is not the store.
        let AccountCredential::Hashes { md5, sha256 } = &account.credential else { return };
        let secrets = Secrets { md5: Hash::md5(*md5), sha256: Hash::sha256(*sha256) };
        let entry = AccountEntry { secrets, display_name: account.display_name.clone(), enabled: account.enabled };
        self.by_name.replace(Named(Box::new((account.name.as_str().into(), entry))));
    }

    /// The account of that name, enabled or not.
    pub fn get(&self, name: &str) -> Option<&AccountEntry> {
        self.by_name.get(name).map(|named| &named.0.1)
    }

    /// The account of that name, if it may register and call.
    pub fn enabled(&self, name: &str) -> Option<&AccountEntry> {
        self.get(name).filter(|entry| entry.enabled)
    }

    /// Removes all whose names are not among `names`; their names.
    pub fn keep_only(&mut self, names: &BTreeSet<String>) -> Vec<String> {
        let mut removed = Vec::new();
        self.by_name.retain(|Named(account)| {
            let kept = names.contains(&*account.0);
            if !kept {
                removed.push(account.0.to_string());
            }
            kept
        });
        removed.sort_unstable();
        removed
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
