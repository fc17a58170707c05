//! Answering a peer's challenge: our trunks.

use super::algorithm::{Algorithm, Qop};
use crate::message::Challenge;
use router::Private;
use std::fmt::Write;

/// What a trunk knows us by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCredentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: Private<String>,
}

/// Whether a challenge is one that [`respond`] answers: its scheme, algorithm and quality of protection are served.
pub fn answers(challenge: &Challenge<'_>) -> bool {
    challenge.fields.is_digest()
        && Algorithm::of_field(challenge.algorithm).is_some()
        && (challenge.qop.is_none() || challenge.offers_qop("auth"))
}

/// The value of the Authorization or Proxy-Authorization header that answers `challenge`, used for the `count`th time.
/// `None`: a scheme, algorithm or quality of protection that is not served.
pub fn respond(
    challenge: &Challenge<'_>,
    credentials: &ClientCredentials,
    method: &str,
    uri: &str,
    count: u32,
    client_nonce: &str,
) -> Option<String> {
    if !challenge.fields.is_digest() {
        return None;
    }
    let algorithm = Algorithm::of_field(challenge.algorithm)?;
    let count = format!("{count:08x}");
    let qop = match challenge.qop {
        None => None,
        Some(_) if challenge.offers_qop("auth") => Some(Qop { count: &count, client_nonce }),
        Some(_) => return None,
    };
    let ClientCredentials { username, password } = credentials;
    // The challenge's values are quoted as they came: both sides hash what stands between the quotes.
    let secret = algorithm.secret(username, challenge.realm, password.reveal());
    let response = algorithm.response(&secret, method, uri, challenge.nonce, qop).hex();
    let (realm, nonce) = (challenge.realm, challenge.nonce);
    let mut header = format!(
        "Digest username=\"{username}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\""
    );
    // Writing to a String does not fail.
    if let Some(named) = challenge.algorithm {
        let _ = write!(header, ", algorithm={named}");
    }
    if let Some(opaque) = challenge.opaque {
        let _ = write!(header, ", opaque=\"{opaque}\"");
    }
    if qop.is_some() {
        let _ = write!(header, ", qop=auth, nc={count}, cnonce=\"{client_nonce}\"");
    }
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> ClientCredentials {
        ClientCredentials { username: "bob".to_owned(), password: "zanzibar".to_owned().into() }
    }

    #[test]
    fn answers_old_and_new_challenges() {
        let old = Challenge::parse(b"Digest realm=\"biloxi.com\", nonce=\"abc\", opaque=\"x\"").unwrap();
        let header = respond(&old, &credentials(), "INVITE", "sip:bob@biloxi.com", 1, "1").unwrap();
        assert!(header.contains("opaque=\"x\"") && !header.contains("qop"), "{header}");
        let new =
            Challenge::parse(b"Digest realm=\"biloxi.com\", nonce=\"abc\", qop=\"auth,auth-int\", algorithm=SHA-256")
                .unwrap();
        let header = respond(&new, &credentials(), "INVITE", "sip:bob@biloxi.com", 2, "1").unwrap();
        assert!(header.contains("nc=00000002") && header.contains("algorithm=SHA-256"), "{header}");
    }

    #[test]
    fn what_is_not_served_is_not_answered() {
        for challenge in [
            "Digest realm=\"b\", nonce=\"a\", algorithm=SHA-512-256",
            "Digest realm=\"b\", nonce=\"a\", qop=\"auth-int\"",
        ] {
            let challenge = Challenge::parse(challenge.as_bytes()).unwrap();
            assert_eq!(respond(&challenge, &credentials(), "INVITE", "sip:b", 1, "1"), None);
        }
    }
}
