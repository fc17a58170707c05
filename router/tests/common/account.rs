//! Accounts.

use super::{AT, Published, private};
use router::parameter::*;

pub(super) fn published(samples: &mut Published) {
    samples.add(accounts());
}

fn accounts() -> Vec<Account> {
    let full = Account {
        name: "alice".to_owned(),
        display_name: Some(private("Alice")),
        credential: AccountCredential::Hashes { md5: [0x5d; 16], sha256: [0x25; 32] },
        enabled: true,
        created: AT,
        removed: false,
    };
    let password = AccountCredential::Password(private("secret"));
    let bare = Account { display_name: None, credential: AccountCredential::Withheld, removed: true, ..full.clone() };
    vec![full, Account { credential: password, enabled: false, ..bare.clone() }, bare]
}
