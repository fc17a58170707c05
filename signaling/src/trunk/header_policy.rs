//! Which header fields of INVITEs go from one leg to the other, and what a trunk is told beside.

use crate::message::Header;
use regex::{Regex, RegexBuilder};

/// What a trunk's INVITEs are told of header fields. By default nothing passes, nothing is added and nothing left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HeaderPolicy {
    /// Names of those that pass between this trunk and who is at the other end.
    pub pass: Vec<String>,
    /// Names and values of those that are added to what goes to it.
    pub add: Vec<(String, String)>,
    /// Names of those that are left out of what goes to it.
    pub remove: Vec<String>,
    /// How those that pass to it are changed.
    pub rewrite: Vec<HeaderRewrite>,
    /// Names of the parameters of telephone numbers that pass between this trunk and another one.
    pub numbers: Vec<String>,
}

/// A change of one header field.
#[derive(Clone, Debug)]
pub struct HeaderRewrite {
    /// Its name.
    pub name: String,
    /// What is searched for in its value.
    pattern: Regex,
    /// What the first match becomes; `${1}` stands for its first group.
    pub replacement: String,
}

impl HeaderRewrite {
    /// A change. The pattern's time is linear in the value's length, whatever it is.
    ///
    /// # Errors
    /// A pattern that does not compile: why.
    pub fn new(name: &str, pattern: &str, replacement: &str) -> Result<Self, String> {
        let pattern = RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|error| error.to_string())?;
        Ok(Self { name: name.to_owned(), pattern, replacement: replacement.to_owned() })
    }
}

impl PartialEq for HeaderRewrite {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.pattern.as_str(), &self.replacement)
            == (&other.name, other.pattern.as_str(), &other.replacement)
    }
}

impl Eq for HeaderRewrite {}

impl HeaderPolicy {
    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.pass.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }

    /// Whether a header field passes.
    pub(crate) fn passes(&self, name: &str) -> bool {
        self.pass.iter().any(|known| known.eq_ignore_ascii_case(name)) && !self.removes(name)
    }

    /// Whether a header field is left out.
    pub(crate) fn removes(&self, name: &str) -> bool {
        self.remove.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// The value of a header field that passes, as the trunk is told it.
    pub(crate) fn rewritten(&self, name: &str, value: &str) -> String {
        let mut value = value.to_owned();
        for rewrite in self.rewrite.iter().filter(|rewrite| rewrite.name.eq_ignore_ascii_case(name)) {
            value = rewrite.pattern.replace(&value, &rewrite.replacement).into_owned();
        }
        value
    }
}

/// Whether a header field may be passed or added: not one that this server writes itself, that belongs to one hop or dialog, or that says who
/// somebody is.
pub fn may_pass(name: &str) -> bool {
    let token =
        !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&octet));
    token && Header::parse(name.as_bytes()).is_none_or(|known| PASSABLE.contains(&known))
}

/// Those that this stack knows and that mean nothing to it.
const PASSABLE: [Header; 19] = [
    Header::AcceptContact,
    Header::AlertInfo,
    Header::CallInfo,
    Header::Date,
    Header::Diversion,
    Header::HistoryInfo,
    Header::Identity,
    Header::InReplyTo,
    Header::Organization,
    Header::Priority,
    Header::Reason,
    Header::RejectContact,
    Header::RemotePartyId,
    Header::ReplyTo,
    Header::RequestDisposition,
    Header::ResourcePriority,
    Header::Subject,
    Header::ErrorInfo,
    Header::Warning,
];

/// Those of our own that may be left out.
pub fn may_remove(name: &str) -> bool {
    let own = [
        Header::UserAgent,
        Header::Allow,
        Header::Supported,
        Header::ReferredBy,
        Header::PAssertedIdentity,
        Header::PPreferredIdentity,
    ];
    may_pass(name) || Header::parse(name.as_bytes()).is_some_and(|known| own.contains(&known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_or_a_hop_s_does_not_pass() {
        for name in ["X-Account", "subject", "P-Charging-Vector", "Diversion"] {
            assert!(may_pass(name) && may_remove(name), "{name}");
        }
        for name in ["", "Via", "v", "Call-ID", "Contact", "m", "Route", "Content-Type", "Authorization", "X Y", "a:b"]
        {
            assert!(!may_pass(name) && !may_remove(name), "{name}");
        }
        assert!(may_remove("User-Agent") && !may_pass("User-Agent"));
    }

    #[test]
    fn what_passes_is_rewritten() {
        let rewrite = HeaderRewrite::new("x-account", "^(..).*$", "${1}0").unwrap();
        let policy = HeaderPolicy {
            pass: vec!["X-Account".to_owned(), "Subject".to_owned()],
            remove: vec!["subject".to_owned()],
            rewrite: vec![rewrite],
            ..HeaderPolicy::default()
        };
        assert!(policy.passes("x-ACCOUNT") && !policy.passes("Subject") && !policy.passes("X-Other"));
        assert_eq!(policy.rewritten("X-Account", "1234"), "120");
        assert!(HeaderRewrite::new("X", "(", "").is_err());
    }
}
