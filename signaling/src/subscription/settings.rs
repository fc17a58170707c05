//! What the operator sets of events.

use router::time::Duration;

/// Who may follow whose lamps and presence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Watching {
    /// Every account those of every account: an office.
    #[default]
    Accounts,
    /// Each account its own alone.
    Own,
}

/// How long subscriptions last, how many there are, who may have them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventSettings {
    /// Shorter ones are refused with 423. A phone that asks for less refreshes more often than its lamp changes.
    pub expires_min: Duration,
    /// Longer ones are cut.
    pub expires_max: Duration,
    /// Subscriptions of one account at once.
    pub per_account_max: usize,
    /// Who may follow whom.
    pub watching: Watching,
    /// Whether phones that have not subscribed to their mailbox are told of it, too.
    pub unsolicited: bool,
}

impl Default for EventSettings {
    /// A console with three side cars of 60 lamps, with presence beside each, on two telephones.
    fn default() -> Self {
        Self {
            expires_min: Duration::from_secs(60),
            expires_max: Duration::from_secs(7_200),
            per_account_max: 800,
            watching: Watching::Accounts,
            unsolicited: false,
        }
    }
}
