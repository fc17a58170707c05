//! Who we are at a server: an account that lasts (RFC 8489 §9.2), or one that is made of a secret which the server shares with us, and good for a time
//! (draft-uberti-behave-turn-rest-00).

use router::Private;
use router::time::{Duration, Instant, Now};
use std::sync::Arc;

/// What the configuration says of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credentials {
    /// A name and its password.
    Account {
        /// Our name there.
        username: String,
        /// Our password there.
        password: Private<String>,
    },
    /// Accounts are made as they are needed.
    Shared {
        /// The secret.
        secret: Private<String>,
        /// What stands in their names behind the time until which they are good; it may be empty.
        name: String,
        /// For how long each is good.
        lifetime: Duration,
    },
}

/// An account that a server is asked with. An allocation keeps the one that it was made with (RFC 8656 §5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Account {
    pub(super) username: String,
    pub(super) password: Private<String>,
    /// From when on another one is made; `None`: never.
    until: Option<Instant>,
}

impl Account {
    pub(super) fn new(credentials: &Credentials, now: Now) -> Arc<Self> {
        Arc::new(match credentials {
            Credentials::Account { username, password } => {
                Self { username: username.clone(), password: password.clone(), until: None }
            }
            Credentials::Shared { secret, name, lifetime } => {
                let end_s = u64::try_from((now.wall + *lifetime).as_secs()).unwrap_or(0);
                let (username, password) = stun::limited_account(secret.reveal(), name, end_s);
                // Who is given it later has half of the time at least.
                let until = Some(now.instant + *lifetime / 2);
                Self { username, password: Private::new(password), until }
            }
        })
    }

    /// Whether it is too old to begin anything with.
    pub(super) fn is_old(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::time::WallTime;

    #[test]
    fn an_account_of_a_secret_is_made_anew_before_it_ends() {
        let now = Now { instant: Instant::from_millis(5), wall: WallTime::from_secs(1_700_000_000) };
        let (secret, name) = (Private::new("north-of-the-river".to_owned()), "tandem".to_owned());
        let credentials = Credentials::Shared { secret, name, lifetime: Duration::from_secs(3_600) };
        let account = Account::new(&credentials, now);
        assert_eq!(account.username, "1700003600:tandem");
        assert!(!account.is_old(now.instant + Duration::from_secs(1_799)));
        let later = now.later(Duration::from_secs(1_800));
        assert!(account.is_old(later.instant));
        assert_eq!(Account::new(&credentials, later).username, "1700005400:tandem");
        let (username, password) = ("tandem".to_owned(), Private::new("x".to_owned()));
        let lasting = Account::new(&Credentials::Account { username, password }, now);
        assert!(!lasting.is_old(later.instant) && lasting.username == "tandem");
    }
}
