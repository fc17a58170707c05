//! The event packages.

use router::time::Duration;
use std::hash::{DefaultHasher, Hasher};

/// An event package that we notify of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Package {
    /// Messages that wait (RFC 3842).
    MessageSummary,
    /// Presence (RFC 3856).
    Presence,
    /// The dialogs of a phone's user: busy lamps (RFC 4235).
    Dialog,
    /// Registrations (RFC 3680).
    Registration,
    /// Who is in a conference (RFC 4575).
    Conference,
}

/// The value of Allow-Events (RFC 6665 §8.2.2).
pub(crate) const ALLOW_EVENTS: &str = "message-summary, presence, dialog, reg, conference";

impl Package {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::MessageSummary, Self::Presence, Self::Dialog, Self::Registration, Self::Conference];

    /// The package of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|package| package.name().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MessageSummary => "message-summary",
            Self::Presence => "presence",
            Self::Dialog => "dialog",
            Self::Registration => "reg",
            Self::Conference => "conference",
        }
    }

    /// The media type of its bodies.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::MessageSummary => "application/simple-message-summary",
            Self::Presence => "application/pidf+xml",
            Self::Dialog => "application/dialog-info+xml",
            Self::Registration => "application/reginfo+xml",
            Self::Conference => "application/conference-info+xml",
        }
    }

    /// How long, at least, from one NOTIFY to the next. A change after a quiet time is told at once; a second one within this time
    /// waits for its end, and only the last state is told then. The RFCs recommend five seconds (RFC 3856 §6.10, RFC 3680 §4.10,
    /// RFC 4235 §3.10, RFC 4575 §3.10) and one (RFC 3842 §3.10); a lamp has one, as a telephone that rings is picked up within less than
    /// five, and a list of members, as one looks at it while somebody comes.
    pub(crate) const fn interval(self) -> Duration {
        match self {
            Self::MessageSummary | Self::Dialog | Self::Conference => Duration::from_secs(1),
            Self::Presence | Self::Registration => Duration::from_secs(5),
        }
    }

    /// How long a subscription lasts whose subscriber does not say (RFC 3842 §3.4, RFC 3856 §6.4, RFC 4235 §3.4, RFC 4575 §3.4,
    /// RFC 3680 §4.4).
    pub(crate) const fn expires(self) -> Duration {
        match self {
            Self::MessageSummary | Self::Presence | Self::Dialog | Self::Conference => Duration::from_secs(3_600),
            Self::Registration => Duration::from_secs(3_761),
        }
    }

    /// Whether it tells of calls.
    pub(crate) const fn follows_calls(self) -> bool {
        matches!(self, Self::Presence | Self::Dialog | Self::Conference)
    }

    /// Whether it is of an account, so that this one's home shard is asked.
    pub(crate) const fn is_of_account(self) -> bool {
        !matches!(self, Self::Conference)
    }

    /// Whether what other platforms tell of the account belongs to it, too.
    pub(crate) const fn is_told_elsewhere(self) -> bool {
        self.follows_calls() && self.is_of_account()
    }

    /// Whether it is of others, too: their lamps and presence, where the operator lets accounts see each other's. Registrations and
    /// mailboxes are their owner's alone.
    pub(crate) const fn is_of_others(self) -> bool {
        self.follows_calls()
    }
}

/// What a NOTIFY tells. Where the package numbers its documents, the number stands between `head` and `rest`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Content {
    pub(crate) head: String,
    pub(crate) rest: Option<String>,
    /// What follows, and is no part of the state: what is gone, and the end of the document.
    pub(crate) tail: String,
    /// Whether something that was told is gone.
    pub(crate) tells_gone: bool,
    /// By which it is seen that the state has not changed, where the text tells only what has.
    pub(crate) state: Option<u64>,
}

impl Content {
    /// Without a number.
    pub(crate) fn plain(body: String) -> Self {
        Self { head: body, ..Self::default() }
    }

    /// By which it is seen that the state has not changed.
    pub(crate) fn fingerprint(&self) -> u64 {
        if let Some(state) = self.state {
            return state;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(self.head.as_bytes());
        hasher.write(self.rest.as_deref().unwrap_or_default().as_bytes());
        hasher.finish()
    }

    /// The body, as the `version`th of its subscription.
    pub(crate) fn numbered(self, version: u32) -> String {
        let Self { head, rest, tail, .. } = self;
        match rest {
            Some(rest) => format!("{head}{version}{rest}{tail}"),
            None => head,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_what_is_served() {
        let names: Vec<_> = Package::ALL.iter().map(|package| package.name()).collect();
        assert_eq!(names.join(", "), ALLOW_EVENTS);
        assert!(Package::ALL.iter().all(|package| Package::parse(&package.name().to_uppercase()) == Some(*package)));
        assert_eq!(Package::parse("refer"), None);
    }
}
