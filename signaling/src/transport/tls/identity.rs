//! The SIP domains that a certificate is for (RFC 5922 §7.1).

use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, ServerName};

use super::super::limits::CERTIFICATE_NAMES_MAX;
use crate::message::{Scheme, UriRef};

/// The domains that a certificate is for, in lower case (RFC 5922 §7.1): the hosts of its `sip:` URIs that have no user; where it
/// has none, its DNS names; where it has no alternative names at all, its common name. Names with an asterisk are none (§7.2).
pub(super) fn domains(certificate: &CertificateDer<'_>) -> Vec<Box<str>> {
    let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) else { return Vec::new() };
    let mut found: Vec<Box<str>> =
        parsed.valid_uri_names().filter_map(domain_of_uri).take(CERTIFICATE_NAMES_MAX).collect();
    if found.is_empty() {
        found = parsed
            .valid_dns_names()
            .filter(|name| !name.contains('*'))
            .map(|name| name.trim_end_matches('.').to_ascii_lowercase().into())
            .take(CERTIFICATE_NAMES_MAX)
            .collect();
    }
    if found.is_empty() && !has_alternative_names(certificate) {
        found.extend(common_name(parsed.subject()).filter(|name| is_domain(name)));
    }
    found
}

/// Whether a certificate is for that domain; one that is an address is to stand among its alternative names.
pub(super) fn is_for(certificate: &CertificateDer<'_>, domain: &str) -> bool {
    match domain.parse::<IpAddr>() {
        Ok(address) => webpki::EndEntityCert::try_from(certificate)
            .is_ok_and(|parsed| parsed.verify_is_valid_for_subject_name(&ServerName::from(address)).is_ok()),
        Err(_) => domains(certificate).iter().any(|own| own.eq_ignore_ascii_case(domain)),
    }
}

/// All names by which a client may ask for a certificate (RFC 6066 §3), those with an asterisk as they stand.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<Box<str>> {
    let mut found = domains(certificate);
    if let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) {
        let more = parsed.valid_dns_names().map(|name| Box::from(name.to_ascii_lowercase()));
        found.extend(more.take(CERTIFICATE_NAMES_MAX));
    }
    found
}

fn domain_of_uri(uri: &str) -> Option<Box<str>> {
    let uri = UriRef::parse(uri.as_bytes())?;
    let named = uri.scheme() == Scheme::Sip && uri.user().is_none() && is_domain(uri.host());
    named.then(|| uri.host().to_ascii_lowercase().into())
}

fn is_domain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_'))
}

/// The object identifier of alternative names in a certificate's extensions (RFC 5280 §4.2.1.6).
const ALTERNATIVE_NAMES: [u8; 5] = [0x06, 0x03, 0x55, 0x1d, 0x11];

/// The object identifier of a common name in a subject (RFC 5280, appendix A).
const COMMON_NAME: [u8; 5] = [0x06, 0x03, 0x55, 0x04, 0x03];

fn has_alternative_names(certificate: &CertificateDer<'_>) -> bool {
    memchr::memmem::find(certificate, &ALTERNATIVE_NAMES).is_some()
}

/// The last, so most specific, common name of a subject, where it is a text of ASCII.
fn common_name(subject: &[u8]) -> Option<Box<str>> {
    let at = memchr::memmem::rfind(subject, &COMMON_NAME)? + COMMON_NAME.len();
    // A string: its tag, its length in one octet (names are shorter than 128), itself.
    let [_, length @ 0..=127, rest @ ..] = subject.get(at..)? else { return None };
    let text = std::str::from_utf8(rest.get(..usize::from(*length))?).ok()?;
    Some(text.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::certificate;
    use super::*;

    fn of(uris: &[&str], names: &[&str], common: &str) -> Vec<String> {
        let certificate = certificate(uris, names, common);
        domains(&certificate).into_iter().map(String::from).collect()
    }

    #[test]
    fn sip_uris_come_first_then_dns_names_and_a_common_name_only_alone() {
        let uris = ["sip:Example.COM", "sip:alice@elsewhere.example", "https://www.example", "sips:secure.example"];
        assert_eq!(of(&uris, &["dns.example"], "cn.example"), ["example.com"]);
        assert_eq!(of(&["sip:alice@elsewhere.example"], &["dns.example"], "cn.example"), ["dns.example"]);
        assert_eq!(of(&[], &["*.example", "dns.example"], "cn.example"), ["dns.example"]);
        assert_eq!(of(&[], &[], "CN.example"), ["cn.example"]);
        assert_eq!(of(&["https://www.example"], &[], "cn.example"), Vec::<String>::new(), "it has other names");
        assert_eq!(of(&[], &[], "Carrier & Sons"), Vec::<String>::new());
    }

    #[test]
    fn a_certificate_is_for_its_domains_alone() {
        let carrier = certificate(&["sip:carrier.example"], &["edge.carrier.example", "*.wild.example"], "x");
        assert!(is_for(&carrier, "Carrier.example"));
        assert!(!is_for(&carrier, "edge.carrier.example") && !is_for(&carrier, "a.wild.example"));
        assert!(!is_for(&carrier, "192.0.2.1"));
        let address = certificate(&[], &["192.0.2.1"], "x");
        assert!(is_for(&address, "192.0.2.1") && !is_for(&address, "192.0.2.2"));
        let asked: Vec<String> = names(&carrier).into_iter().map(String::from).collect();
        assert_eq!(asked, ["carrier.example", "edge.carrier.example", "*.wild.example"]);
    }

    #[test]
    fn what_is_no_certificate_is_for_nobody() {
        assert!(domains(&CertificateDer::from(b"torn".to_vec())).is_empty());
    }
}
