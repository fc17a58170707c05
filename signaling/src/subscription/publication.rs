//! What phones publish (RFC 3903): soft state under entity tags.

use super::package::Package;
use crate::limits::PUBLICATIONS_PER_ACCOUNT_MAX;
use crate::message::StatusCode;
use router::parameter::{MessageWaiting, Presence};
use router::time::{Duration, Instant};

/// A body that was published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Published {
    Presence(Vec<Presence>),
    MessageSummary(MessageWaiting),
}

impl Published {
    fn package(&self) -> Package {
        match self {
            Self::Presence(_) => Package::Presence,
            Self::MessageSummary(_) => Package::MessageSummary,
        }
    }
}

/// What a PUBLISH asks for (RFC 3903 §4.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Precondition {
    /// A first one: there is no SIP-If-Match.
    Initial,
    /// Of the publication with that entity tag.
    Match(String),
}

#[derive(Debug)]
struct Publication {
    tag: u64,
    body: Published,
    expires_at: Instant,
}

/// An account's publications, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Publications(Vec<Publication>);

impl Publications {
    /// Serves a PUBLISH of a package (RFC 3903 §6); `new` is the entity tag that it is given. Whether something has changed.
    ///
    /// One more than an account may have takes the place of the oldest: a phone that begins anew knows its former tag no more, and leaves
    /// a publication behind until that ends.
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        package: Package,
        precondition: &Precondition,
        body: Option<Published>,
        expires: Duration,
        new: u64,
    ) -> Result<bool, StatusCode> {
        let of_tag = |publication: &Publication, tag: &str| {
            publication.expires_at > now
                && publication.body.package() == package
                && u64::from_str_radix(tag, 16).is_ok_and(|bits| tag.len() == 16 && bits == publication.tag)
        };
        let at = match precondition {
            Precondition::Initial => None,
            Precondition::Match(tag) => Some(
                self.0
                    .iter()
                    .position(|publication| of_tag(publication, tag))
                    .ok_or(StatusCode::CONDITIONAL_REQUEST_FAILED)?,
            ),
        };
        let expires_at = now + expires;
        match (at, body) {
            // RFC 3903 §6 step 5: without a publication there has to be a body.
            (None, None) => Err(StatusCode::BAD_REQUEST),
            (None, Some(_)) if expires.is_zero() => Ok(false),
            (None, Some(body)) => {
                if self.0.len() >= PUBLICATIONS_PER_ACCOUNT_MAX {
                    self.0.remove(0);
                }
                self.0.push(Publication { tag: new, body, expires_at });
                Ok(true)
            }
            (Some(at), _) if expires.is_zero() => {
                self.0.remove(at);
                Ok(true)
            }
            (Some(at), body) => {
                let publication = &mut self.0[at];
                (publication.tag, publication.expires_at) = (new, expires_at);
                let changed = body.as_ref().is_some_and(|body| *body != publication.body);
                if let Some(body) = body {
                    publication.body = body;
                }
                Ok(changed)
            }
        }
    }

    /// Removes what has ended; whether there was something.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let before = self.0.len();
        self.0.retain(|publication| publication.expires_at > now);
        self.0.len() != before
    }

    /// When the next one ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().map(|publication| publication.expires_at).min()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The presence of all of them, the newest first.
    pub(crate) fn presence(&self) -> Vec<Presence> {
        let of = |publication: &Publication| match &publication.body {
            Published::Presence(tuples) => tuples.clone(),
            Published::MessageSummary(_) => Vec::new(),
        };
        self.0.iter().rev().flat_map(of).collect()
    }

    /// The last word on waiting messages.
    pub(crate) fn waiting(&self) -> Option<&MessageWaiting> {
        self.0.iter().rev().find_map(|publication| match &publication.body {
            Published::MessageSummary(waiting) => Some(waiting),
            Published::Presence(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1_000)
    }

    fn open(open: bool) -> Option<Published> {
        Some(Published::Presence(vec![Presence { open, ..Presence::default() }]))
    }

    fn tag(bits: u64) -> Precondition {
        Precondition::Match(format!("{bits:016x}"))
    }

    #[test]
    fn a_publication_is_made_refreshed_modified_and_removed_by_its_last_tag() {
        let mut all = Publications::default();
        let hour = Duration::from_secs(3_600);
        let mut publish = |now, condition: Precondition, body, expires, new| {
            all.publish(at(now), Package::Presence, &condition, body, expires, new)
        };
        assert_eq!(publish(0, Precondition::Initial, None, hour, 1), Err(StatusCode::BAD_REQUEST));
        assert_eq!(publish(0, Precondition::Initial, open(true), hour, 1), Ok(true));
        assert_eq!(publish(9, tag(1), None, hour, 2), Ok(false), "a refresh");
        assert_eq!(publish(9, tag(1), None, hour, 3), Err(StatusCode::CONDITIONAL_REQUEST_FAILED), "its tag is gone");
        assert_eq!(publish(9, tag(2), open(false), hour, 3), Ok(true));
        assert_eq!(publish(9, tag(3), open(false), hour, 4), Ok(false), "the same again");
        assert_eq!(publish(9, tag(4), None, Duration::ZERO, 5), Ok(true));
        assert_eq!(publish(9, tag(5), None, hour, 6), Err(StatusCode::CONDITIONAL_REQUEST_FAILED));
        assert!(all.is_empty());
    }

    #[test]
    fn publications_end_and_are_bounded() {
        let mut all = Publications::default();
        for number in 0..PUBLICATIONS_PER_ACCOUNT_MAX as u64 + 1 {
            let expires = Duration::from_secs(60 + number);
            all.publish(at(0), Package::Presence, &Precondition::Initial, open(true), expires, number).unwrap();
        }
        assert_eq!(all.presence().len(), PUBLICATIONS_PER_ACCOUNT_MAX);
        assert_eq!(all.next(), Some(at(61)), "the oldest has made room");
        assert!(all.expire(at(61)) && !all.expire(at(61)));
        let condition = tag(2);
        let late = all.publish(at(62), Package::Presence, &condition, None, Duration::from_secs(60), 99);
        assert_eq!(late, Err(StatusCode::CONDITIONAL_REQUEST_FAILED));
        let other = all.publish(at(61), Package::MessageSummary, &tag(3), None, Duration::from_secs(60), 99);
        assert_eq!(other, Err(StatusCode::CONDITIONAL_REQUEST_FAILED), "a tag belongs to its package");
    }
}
