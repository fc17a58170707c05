//! Which certificate a client is shown: the one of the name that it asks for (RFC 6066 §3), or else the first one.

use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::identity::names;

/// Certificates by name, the first one for whom asks for none of them.
#[derive(Debug)]
pub(super) struct ByName(Vec<Named>);

#[derive(Debug)]
struct Named {
    names: Vec<Box<str>>,
    key: Arc<CertifiedKey>,
}

impl ByName {
    pub(super) fn new(keys: impl IntoIterator<Item = Arc<CertifiedKey>>) -> ByName {
        let named = |key: Arc<CertifiedKey>| Named { names: key.cert.first().map(names).unwrap_or_default(), key };
        ByName(keys.into_iter().map(named).collect())
    }

    /// The certificate for a name, of those that may be used.
    fn choose(&self, name: Option<&str>, usable: impl Fn(&CertifiedKey) -> bool) -> Option<Arc<CertifiedKey>> {
        let all = || self.0.iter().filter(|named| usable(&named.key));
        let written = name.and_then(|name| all().find(|named| named.names.iter().any(|own| **own == *name)));
        let beneath = || {
            let (_, domain) = name?.split_once('.')?;
            all().find(|named| named.names.iter().any(|own| own.strip_prefix("*.") == Some(domain)))
        };
        written.or_else(beneath).or_else(|| all().next()).map(|named| Arc::clone(&named.key))
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let schemes = hello.signature_schemes();
        self.choose(name.as_deref(), |key| key.key.choose_scheme(schemes).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::credentials;
    use super::*;

    #[test]
    fn the_name_that_is_asked_for_decides_and_the_first_one_serves_all_others() {
        let keys: Vec<_> = [&["a.example"][..], &["b.example", "*.c.example"]]
            .map(|names| Arc::new(credentials(&[], names, "x").certified().unwrap()))
            .into();
        let all = ByName::new(keys.clone());
        let chosen = |name: Option<&str>| {
            let key = all.choose(name, |_| true).unwrap();
            keys.iter().position(|one| Arc::ptr_eq(one, &key)).unwrap()
        };
        assert_eq!(chosen(Some("a.example")), 0);
        assert_eq!(chosen(Some("b.example")), 1);
        assert_eq!(chosen(Some("x.c.example")), 1);
        assert_eq!((chosen(Some("x.y.c.example")), chosen(Some("c.example")), chosen(None)), (0, 0, 0));
        assert!(all.choose(None, |_| false).is_none());
    }
}
