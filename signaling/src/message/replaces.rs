//! Replaces (RFC 3891 §6.1): the dialog that an INVITE is to take the place of.

use super::identifier::{CallId, Tag};

/// The value of a Replaces header, or of the header component of a Refer-To.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replaces {
    /// The dialog's Call-ID.
    pub call_id: CallId,
    /// The tag of who gets the INVITE.
    pub to_tag: Tag,
    /// The tag of who is to be replaced.
    pub from_tag: Tag,
    /// Whether the dialog is meant only while it is early.
    pub early_only: bool,
}

impl Replaces {
    /// Reads a value. `None`: it is none; both tags are there, once (§6.1).
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let call_id = parts.next().and_then(CallId::new)?;
        let (mut to_tag, mut from_tag, mut early_only) = (None, None, false);
        for part in parts {
            let (name, value) = part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            let (name, value) = (name.trim_end(), value.map(str::trim_start));
            let tag = match name {
                name if name.eq_ignore_ascii_case("to-tag") => &mut to_tag,
                name if name.eq_ignore_ascii_case("from-tag") => &mut from_tag,
                name if name.eq_ignore_ascii_case("early-only") => {
                    early_only = true;
                    continue;
                }
                _ => continue,
            };
            if tag.replace(value.and_then(Tag::new)?).is_some() {
                return None;
            }
        }
        Some(Self { call_id, to_tag: to_tag?, from_tag: from_tag?, early_only })
    }
}

/// Whether a tag of a Replaces means that one: `0` stands for none, too (§3).
pub fn tag_is(named: &str, tag: Option<&str>) -> bool {
    match tag {
        Some(tag) => named == tag,
        None => named == "0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_names_a_dialog() {
        let read = Replaces::parse("98asjd8@test.com ;from-tag=fttag;TO-TAG = totag; early-only ;x=y").unwrap();
        let named = (read.call_id.as_str(), read.to_tag.as_str(), read.from_tag.as_str(), read.early_only);
        assert_eq!(named, ("98asjd8@test.com", "totag", "fttag", true));
        assert!(!Replaces::parse("a;to-tag=1;from-tag=2").unwrap().early_only);
    }

    #[test]
    fn what_names_none_is_refused() {
        for text in
            ["", "a", "a;to-tag=1", "a;to-tag=1;to-tag=2;from-tag=3", ";to-tag=1;from-tag=2", "a;to-tag;from-tag=2"]
        {
            assert_eq!(Replaces::parse(text), None, "{text}");
        }
        assert_eq!(Replaces::parse("a b;to-tag=1;from-tag=2"), None);
        assert_eq!(Replaces::parse("a;to-tag=1 1;from-tag=2"), None);
    }

    #[test]
    fn the_tag_0_stands_for_none() {
        assert!(tag_is("0", None) && tag_is("0", Some("0")) && tag_is("a", Some("a")));
        assert!(!tag_is("a", None) && !tag_is("a", Some("A")));
    }
}
