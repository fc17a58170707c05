//! Accounts: what a request may say, who may see credentials, and who is told of a change.

use crate::credential;
use crate::limits::{DISPLAY_NAME_BYTES, NAME_BYTES, PASSWORD_BYTES};
use router::parameter::{Account, AccountCredential, Failure, Reason};
use router::time::WallTime;
use router::{Address, ModuleKind};

/// The account to write: `asked` over what `stored` has. Passwords become hashes for `realm`; a withheld credential keeps
/// the stored one; the moment of making is the store's.
pub(crate) fn merge(asked: &Account, stored: Option<&Account>, realm: &str, now: WallTime) -> Result<Account, Failure> {
    let invalid = |detail: &str| Err(Failure::new(Reason::Invalid).with_detail(detail));
    if asked.name.is_empty() || asked.name.len() > NAME_BYTES {
        return invalid("an account's name has 1 to 128 bytes");
    }
    // A colon would make H(user:realm:password) ambiguous; quotes and backslashes need escaping in a quoted string.
    if asked.name.chars().any(|char| char.is_control() || char.is_whitespace() || ":\"\\<>".contains(char)) {
        return invalid("an account's name has no spaces, control characters, colons, quotes, backslashes, < or >");
    }
    let display_name = asked.display_name.clone().filter(|name| !name.reveal().is_empty());
    if display_name.as_ref().is_some_and(|name| {
        let name = name.reveal();
        name.len() > DISPLAY_NAME_BYTES || name.chars().any(char::is_control)
    }) {
        return invalid("a name to show has at most 256 bytes and no control characters");
    }
    let credential = match (&asked.credential, stored) {
        (AccountCredential::Password(password), _) => {
            let password = password.reveal();
            if password.is_empty() || password.len() > PASSWORD_BYTES || password.chars().any(char::is_control) {
                return invalid("a password has 1 to 256 bytes and no control characters");
            }
            credential::hashes(&asked.name, realm, password)
        }
        (hashes @ AccountCredential::Hashes { .. }, _) => hashes.clone(),
        (AccountCredential::Withheld, Some(stored)) => stored.credential.clone(),
        (AccountCredential::Withheld, None) => return invalid("a new account needs a password"),
    };
    Ok(Account {
        name: asked.name.clone(),
        display_name,
        credential,
        enabled: asked.enabled,
        created: stored.map_or(now, |stored| stored.created),
        removed: false,
    })
}

/// The account as `requester` may see it: the hashes are for `signaling`, which checks digests.
pub(crate) fn as_seen_by(requester: Address, account: &Account) -> Account {
    match requester.module.kind {
        ModuleKind::Signaling => account.clone(),
        _ => Account { credential: AccountCredential::Withheld, ..account.clone() },
    }
}

/// The notification that an account was removed.
pub(crate) fn removed(account: Account) -> Account {
    Account { removed: true, credential: AccountCredential::Withheld, ..account }
}

/// The notification that notifications were lost: an account without a name. Its receiver queries all anew.
pub(crate) fn missed(now: WallTime) -> Account {
    Account {
        name: String::new(),
        display_name: None,
        credential: AccountCredential::Withheld,
        enabled: false,
        created: now,
        removed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::Private;

    fn asked(name: &str, credential: AccountCredential) -> Account {
        Account { name: name.to_owned(), credential, enabled: true, ..missed(WallTime(0)) }
    }

    #[test]
    fn a_password_is_hashed_and_a_withheld_credential_kept() {
        let password = AccountCredential::Password(Private::new("secret".to_owned()));
        let made = merge(&asked("alice", password), None, "example.org", WallTime(7)).unwrap();
        assert_eq!(made.credential, credential::hashes("alice", "example.org", "secret"));
        assert_eq!(made.created, WallTime(7));
        let changed = merge(&asked("alice", AccountCredential::Withheld), Some(&made), "x", WallTime(9)).unwrap();
        assert_eq!((changed.credential, changed.created), (made.credential, WallTime(7)));
        assert!(merge(&asked("bob", AccountCredential::Withheld), None, "x", WallTime(9)).is_err());
    }

    #[test]
    fn names_that_digest_or_a_header_could_not_carry_are_refused() {
        for name in ["", "a:b", "a b", "a\"b", "a\\b", "a\r\nb", "<a>", &"x".repeat(NAME_BYTES + 1)] {
            let password = AccountCredential::Password(Private::new("secret".to_owned()));
            assert!(merge(&asked(name, password), None, "x", WallTime(0)).is_err(), "{name:?}");
        }
        let password = AccountCredential::Password(Private::new("secret".to_owned()));
        assert!(merge(&asked("+49.30-1_2~ü", password), None, "x", WallTime(0)).is_ok());
    }
}
