//! What a route applies to.

use super::check::PlanError;
use crate::limits::PATTERN_BYTES;
use regex::{Regex, RegexBuilder};
use router::PlatformId;
use router::parameter::{Behalf, Origin};
use std::borrow::Cow;

/// A regular expression of the `regex` crate: its time is linear in the number's length, whatever the pattern.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern that is searched anywhere; anchors are written by its author.
    pub fn new(pattern: &str) -> Result<Self, PlanError> {
        RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES)
            .build()
            .map(Self)
            .map_err(|error| PlanError::Pattern { pattern: pattern.to_owned(), error: in_a_line(&error) })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it matches.
    pub fn is_match(&self, number: &str) -> bool {
        self.0.is_match(number)
    }

    /// Whether it has a group of that number, or of that name.
    pub fn has_group(&self, group: &str) -> bool {
        match group.parse::<usize>() {
            Ok(number) => number < self.0.captures_len(),
            Err(_) => self.0.capture_names().flatten().any(|name| name == group),
        }
    }

    /// The first match replaced; `${1}` and `${name}` stand for groups, `$$` for a dollar.
    pub fn replace<'a>(&self, number: &'a str, replacement: &str) -> Cow<'a, str> {
        self.0.replace(number, replacement)
    }
}

/// What is wrong with a pattern: the last line of what is said of it; those before show the place.
fn in_a_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// Which called numbers a route is for.
#[derive(Clone, PartialEq, Debug)]
pub enum NumberMatch {
    /// Every one.
    Any,
    /// This one.
    Exact(String),
    /// Those that begin with this.
    Prefix(String),
    /// Those that the pattern matches; it is anchored where it says so (`^00[1-9][0-9]+$`).
    Pattern(Pattern),
}

impl NumberMatch {
    /// Whether `number` is meant.
    pub fn matches(&self, number: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == number,
            Self::Prefix(prefix) => number.starts_with(prefix.as_str()),
            Self::Pattern(pattern) => pattern.is_match(number),
        }
    }
}

/// On whose behalf a call must come for a route to be for it: nobody calls out over a trunk unless a route lets them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum OriginMatch {
    /// Anybody's.
    #[default]
    Any,
    /// Any account's, and the operator's, of any platform.
    Accounts,
    /// This account's of this platform.
    Account(String),
    /// Any trunk's, of any platform.
    Trunks,
    /// This trunk's of this platform.
    Trunk(String),
    /// Anybody's of another platform.
    Platforms,
    /// Anybody's of this other platform, by its name or number, where its own link proves that.
    Platform(String),
}

impl OriginMatch {
    /// Whether `origin` is meant.
    pub fn matches(&self, origin: &Origin) -> bool {
        match (self, origin) {
            (Self::Any, _) => true,
            (Self::Accounts, origin) => matches!(origin.behalf(), Behalf::Account | Behalf::Control),
            (Self::Trunks, origin) => origin.behalf() == Behalf::Trunk,
            (Self::Account(name), Origin::Account(of)) | (Self::Trunk(name), Origin::Trunk(of)) => name == of,
            (Self::Platforms, origin) => origin.platform().is_some(),
            (Self::Platform(name), origin) => origin.number().is_some_and(|number| match name.parse() {
                Ok(meant) => number == PlatformId(meant),
                Err(_) => origin.platform() == Some(name),
            }),
            (Self::Account(_) | Self::Trunk(_), _) => false,
        }
    }

    /// Whether it means all that `other` means.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _)
            | (Self::Accounts, Self::Account(_))
            | (Self::Trunks, Self::Trunk(_))
            | (Self::Platforms, Self::Platform(_)) => true,
            (one, other) => one == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_match_whole_by_prefix_and_by_pattern() {
        assert!(NumberMatch::Exact("600".into()).matches("600"));
        assert!(!NumberMatch::Exact("600".into()).matches("6001"));
        assert!(NumberMatch::Prefix("00".into()).matches("0049"));
        let pattern = NumberMatch::Pattern(Pattern::new("^0[1-9][0-9]*$").unwrap());
        assert!(pattern.matches("030123"));
        assert!(!pattern.matches("0030123"));
        assert!(!pattern.matches("a030123"));
    }

    #[test]
    fn groups_have_numbers_and_may_have_names() {
        let pattern = Pattern::new("^(0)(?<rest>.*)$").unwrap();
        assert!(["0", "1", "2", "rest"].iter().all(|group| pattern.has_group(group)));
        assert!(["3", "10", "1x", "", "all"].iter().all(|group| !pattern.has_group(group)));
    }

    #[test]
    fn a_pattern_that_explodes_is_refused_and_none_takes_more_than_linear_time() {
        let told = Pattern::new("^(a").unwrap_err().to_string();
        assert!(told.contains("unclosed group") && told.lines().count() == 1, "{told}");
        assert!(Pattern::new("((x{1000}){1000}){1000}").is_err());
        let evil = Pattern::new("^(a+)+$").unwrap();
        assert!(!evil.is_match(&format!("{}!", "a".repeat(200))));
    }

    #[test]
    fn origins_match_by_kind_and_name() {
        let trunk = Origin::Trunk("carrier".into());
        assert!(OriginMatch::Any.matches(&trunk) && OriginMatch::Trunks.matches(&trunk));
        assert!(!OriginMatch::Accounts.matches(&trunk));
        assert!(OriginMatch::Accounts.matches(&Origin::Control));
        assert!(!OriginMatch::Account("carrier".into()).matches(&trunk), "a trunk is no account of the same name");
    }

    #[test]
    fn who_calls_on_another_platform_is_an_account_or_trunk_but_none_of_here() {
        let alice = Origin::Account("alice".into()).on("west", Some(PlatformId(2)));
        assert!(OriginMatch::Accounts.matches(&alice) && !OriginMatch::Trunks.matches(&alice));
        assert!(!OriginMatch::Account("alice".into()).matches(&alice));
        assert!(OriginMatch::Platforms.matches(&alice) && OriginMatch::Platform("west".into()).matches(&alice));
        assert!(!OriginMatch::Platform("east".into()).matches(&alice));
        assert!(!OriginMatch::Platforms.matches(&Origin::Account("alice".into())));
        assert!(
            OriginMatch::Platform("2".into()).matches(&alice) && !OriginMatch::Platform("3".into()).matches(&alice)
        );
        let told = Origin::Account("alice".into()).on("west", None);
        assert!(OriginMatch::Platforms.matches(&told));
        assert!(
            !["west", "2"].iter().any(|name| OriginMatch::Platform((*name).into()).matches(&told)),
            "nothing proves it"
        );
    }

    #[test]
    fn who_states_a_third_platforms_answers_for_it() {
        let trunk = Origin::Trunk("carrier".into()).on("west", Some(PlatformId(2))).on("north", Some(PlatformId(3)));
        assert!(OriginMatch::Trunks.matches(&trunk) && OriginMatch::Platform("north".into()).matches(&trunk));
        assert!(!["west", "2"].iter().any(|name| OriginMatch::Platform((*name).into()).matches(&trunk)));
    }
}
