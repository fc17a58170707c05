//! Digest credentials (RFC 7616, RFC 8760), with and without `qop=auth`.

use crate::message::list;
use crate::options::Algorithm;
use sha2::Digest;
use std::fmt::Write;

/// What a challenge says, of what is needed to answer it.
#[derive(Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    realm: &'a str,
    nonce: &'a str,
    opaque: Option<&'a str>,
    quality: bool,
}

impl<'a> Challenge<'a> {
    /// Finds the challenge of an algorithm among the values of WWW-Authenticate lines.
    pub fn find(mut lines: impl Iterator<Item = &'a str>, algorithm: Algorithm) -> Option<Challenge<'a>> {
        lines.find_map(|line| Challenge::parse(line, algorithm))
    }

    fn parse(line: &'a str, algorithm: Algorithm) -> Option<Challenge<'a>> {
        let (scheme, parameters) = line.split_once([' ', '\t'])?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut challenge = Challenge { realm: "", nonce: "", opaque: None, quality: false };
        let mut named = "MD5"; // RFC 7616 §3.3: without the parameter it is MD5
        for (name, value) in list(parameters).filter_map(|parameter| parameter.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "realm" => challenge.realm = value,
                "nonce" => challenge.nonce = value,
                "opaque" => challenge.opaque = Some(value),
                "algorithm" => named = value,
                "qop" => challenge.quality = value.split(',').any(|quality| quality.trim() == "auth"),
                _ => {}
            }
        }
        (named.eq_ignore_ascii_case(name_of(algorithm)) && !challenge.nonce.is_empty()).then_some(challenge)
    }
}

/// Who answers a challenge, for what.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// Account.
    pub user: &'a str,
    /// Its password.
    pub password: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// The request's URI.
    pub uri: &'a str,
    /// Client nonce.
    pub cnonce: &'a str,
}

/// Writes the value of an Authorization header.
pub fn write(out: &mut String, challenge: &Challenge<'_>, algorithm: Algorithm, credentials: Credentials<'_>) {
    let Credentials { user, password, method, uri, cnonce } = credentials;
    let Challenge { realm, nonce, opaque, quality } = challenge;
    let secret = hash(algorithm, &format!("{user}:{realm}:{password}"));
    let request = hash(algorithm, &format!("{method}:{uri}"));
    let response = if *quality {
        hash(algorithm, &format!("{secret}:{nonce}:00000001:{cnonce}:auth:{request}"))
    } else {
        hash(algorithm, &format!("{secret}:{nonce}:{request}"))
    };
    let _ = write!(
        out,
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
         algorithm={}",
        name_of(algorithm)
    );
    if *quality {
        let _ = write!(out, ", cnonce=\"{cnonce}\", qop=auth, nc=00000001");
    }
    if let Some(opaque) = opaque {
        let _ = write!(out, ", opaque=\"{opaque}\"");
    }
}

fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Md5 => "MD5",
        Algorithm::Sha256 => "SHA-256",
    }
}

fn hash(algorithm: Algorithm, text: &str) -> String {
    match algorithm {
        Algorithm::Md5 => hexadecimal(&md5::Md5::digest(text)),
        Algorithm::Sha256 => hexadecimal(&sha2::Sha256::digest(text)),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 §3.9.1.
    #[test]
    fn the_example_of_the_rfc() {
        let parameters = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
            opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let lines = [format!("Digest {parameters}, algorithm=SHA-256"), format!("Digest {parameters}, algorithm=MD5")];
        let credentials = Credentials {
            user: "Mufasa",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        };
        for (algorithm, response) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let challenge = Challenge::find(lines.iter().map(String::as_str), algorithm).unwrap();
            let mut text = String::new();
            write(&mut text, &challenge, algorithm, credentials);
            assert!(text.contains(&format!("response=\"{response}\"")), "{text}");
            assert!(text.contains("opaque=\"FQhe"));
        }
    }

    #[test]
    fn a_challenge_of_another_kind_is_none() {
        for line in ["Basic realm=\"x\"", "Digest realm=\"x\"", "Digest", "", "Digest nonce=\"n\", algorithm=MD5-sess"]
        {
            assert_eq!(Challenge::find([line].into_iter(), Algorithm::Md5), None, "{line}");
        }
        let plain = Challenge::find(["Digest realm=\"x\", nonce=\"n\""].into_iter(), Algorithm::Md5).unwrap();
        assert!(!plain.quality);
    }
}
