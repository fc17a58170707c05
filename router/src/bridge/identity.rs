//! Who a platform is: what its certificate says, and what it may call itself.

use super::message::{ByeReason, Hello};
use super::peer::Fault;
use crate::address::PlatformId;

/// What stands before a platform's number in the name that it has where its operator gave it none.
const NAME_PREFIX: &str = "platform-";

/// Who a certificate says that a platform is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its number.
    pub platform: PlatformId,
    /// Its name: the subject's common name (RFC 5280 §4.1.2.6). `None`: it has none that can be read.
    pub name: Option<String>,
}

impl Identity {
    /// Of a platform by its number alone.
    pub const fn of(platform: PlatformId) -> Self {
        Self { platform, name: None }
    }

    /// Whether a platform that says hello so is this one.
    pub(crate) fn check(&self, hello: &Hello) -> Result<(), Fault> {
        if self.platform != hello.platform {
            let text = format!("it says that it is platform {}, its certificate {}", hello.platform.0, self.platform.0);
            return Err((ByeReason::IdentityMismatch, text));
        }
        let name = &hello.name;
        if name.is_empty() || Some(name) == self.name.as_ref() || numbered(name) == Some(self.platform) {
            return Ok(());
        }
        let own = self.name.as_deref().unwrap_or_default();
        Err((ByeReason::IdentityMismatch, format!("it says that its name is `{name}`, its certificate `{own}`")))
    }
}

/// Whether a platform may have a name, of which nothing else is known: it is not another one's number.
pub fn may_be_called(platform: PlatformId, name: &str) -> bool {
    numbered(name).is_none_or(|number| number == platform)
}

/// The platform that is meant by a name that is a number, bare or as platforms without a name have it.
fn numbered(name: &str) -> Option<PlatformId> {
    name.strip_prefix(NAME_PREFIX).unwrap_or(name).parse().ok().map(PlatformId)
}

/// The common name of a certificate's subject, whose DER (X.690 §8) this is without the outermost header; the first of several.
pub(super) fn common_name(subject: &[u8]) -> Option<String> {
    /// `id-at-commonName`, 2.5.4.3.
    const COMMON_NAME: [u8; 3] = [0x55, 4, 3];
    let mut sets = subject;
    while !sets.is_empty() {
        let mut attributes = value(&mut sets, SET)?;
        while !attributes.is_empty() {
            let mut attribute = value(&mut attributes, SEQUENCE)?;
            if value(&mut attribute, OBJECT_IDENTIFIER)? == COMMON_NAME {
                let kind = *attribute.first().filter(|kind| [UTF8_STRING, PRINTABLE_STRING].contains(kind))?;
                return String::from_utf8(value(&mut attribute, kind)?.to_vec()).ok();
            }
        }
    }
    None
}

/// Tags of X.690 §8 that a subject has.
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// Takes a value of this tag from the front. Names are short: a length in more than two octets is none of theirs.
fn value<'a>(der: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (length, rest) = match *der {
        [of, length @ 0..=0x7f, rest @ ..] if *of == tag => (usize::from(*length), rest),
        [of, 0x81, length, rest @ ..] if *of == tag => (usize::from(*length), rest),
        [of, 0x82, high, low, rest @ ..] if *of == tag => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    *der = rest;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_a_common_name_among_others() {
        // O=a, CN=west.
        let organization = [0x31, 0x0a, 0x30, 0x08, 0x06, 3, 0x55, 4, 10, 0x0c, 1, b'a'];
        let name = [0x31, 0x0d, 0x30, 0x0b, 0x06, 3, 0x55, 4, 3, 0x13, 4, b'w', b'e', b's', b't'];
        let subject = [&organization[..], &name].concat();
        assert_eq!(common_name(&subject).as_deref(), Some("west"));
        assert_eq!(common_name(&organization), None);
        for cut in organization.len() + 1..subject.len() {
            assert_eq!(common_name(&subject[..cut]), None);
        }
        for place in 0..subject.len() {
            let mut wrong = subject.clone();
            wrong[place] = 0x82;
            let _ = common_name(&wrong);
        }
    }

    #[test]
    fn a_number_is_nobody_elses_name() {
        let may = |name| may_be_called(PlatformId(2), name);
        assert!(["west", "2", "platform-2", "platform-west", ""].into_iter().all(may));
        assert!(!["3", "platform-3", "+3"].into_iter().any(may));
    }
}
