//! Our addresses of record at a trunk.

use super::TrunkConfig;
use crate::digest::Algorithm;
use crate::message::{Scheme, Uri, host_address};
use router::Private;
use std::fmt;

/// An address of record that is ours at a trunk: `tandem-1`, `+4930123@ims.example`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OwnAddress {
    /// Its user.
    pub user: String,
    /// Its domain; `None`: the trunk's host.
    pub domain: Option<String>,
}

impl OwnAddress {
    /// Reads one of the written forms.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, domain) = match text.rsplit_once('@') {
            Some((user, domain)) => (user, Some(domain.to_ascii_lowercase())),
            None => (text, None),
        };
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic());
        let host = |host: &str| {
            let named = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
            host_address(host).is_some() || host.bytes().all(named)
        };
        let fits =
            plain(user) && user.len() <= 128 && domain.as_deref().is_none_or(|domain| plain(domain) && host(domain));
        fits.then(|| Self { user: user.to_owned(), domain })
    }

    /// The domain at a trunk of that host.
    pub fn domain<'a>(&'a self, host: &'a str) -> &'a str {
        self.domain.as_deref().unwrap_or(host)
    }

    /// Its URI at a trunk of that host.
    pub(crate) fn uri(&self, host: &str) -> Option<Uri> {
        Uri::sip(Scheme::Sip, Some(&self.user), self.domain(host), None)
    }

    /// The user of the Contact that is registered for it: the same in each life and on each shard, and of no use to who would learn
    /// a password from it.
    pub(crate) fn contact_user(&self, trunk: &TrunkConfig, secret: &Private<String>) -> Box<str> {
        let domain = self.domain.as_deref().unwrap_or_default();
        let parts = [secret.reveal().as_str(), trunk.name.as_str(), &self.user, domain];
        let octets: Vec<&[u8]> = parts.iter().flat_map(|part| [part.as_bytes(), b"\0"]).collect();
        let hash = Algorithm::Sha256.hash(&octets).hex().to_string();
        format!("t{}", &hash[..CONTACT_USER_DIGITS]).into()
    }
}

/// A URN with a UUID that is made from a name (RFC 9562 §5.8): of the platform at that trunk.
pub(crate) fn instance_urn(trunk: &TrunkConfig, secret: &Private<String>) -> String {
    let parts: [&[u8]; 4] = [b"instance\0", secret.reveal().as_bytes(), b"\0", trunk.name.as_bytes()];
    let hash = Algorithm::Sha256.hash(&parts).hex().to_string();
    let [a, b, c, d, e] = [&hash[..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..32]];
    format!("urn:uuid:{a}-{b}-8{c}-8{d}-{e}")
}

/// 96 bits: nobody finds one by trying.
const CONTACT_USER_DIGITS: usize = 24;

impl fmt::Display for OwnAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.user)?;
        self.domain.as_ref().map_or(Ok(()), |domain| write!(f, "@{domain}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forms() {
        for (text, uri) in [
            ("tandem-1", "sip:tandem-1@carrier.example"),
            ("+4930123@IMS.example", "sip:+4930123@ims.example"),
            ("a@b@ims.example", "sip:a%40b@ims.example"),
        ] {
            let own = OwnAddress::parse(text).unwrap();
            assert_eq!(own.uri("carrier.example").map(|uri| uri.to_string()).as_deref(), Some(uri));
        }
        for wrong in ["", "@h", "a@", "a b", "a@b c", "a@b:5060"] {
            assert_eq!(OwnAddress::parse(wrong), None, "{wrong}");
        }
    }
}
