//! Who calls whom, signed: the PASSporT (RFC 8225) of SHAKEN (RFC 8588) and of those who send a call on (RFC 8946), as the header field
//! Identity (RFC 8224 §4) carries it.
//!
//! ```text
//!  Identity: eyJhbGc….eyJhdHR….rq3pj…;info=<https://cert.example/a.pem>;alg=ES256;ppt="shaken"
//!            └ header └ claims └ signature of the two before it
//! ```

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::limits::{IDENTITY_OCTETS_MAX, PASSPORT_NUMBERS_MAX};
use router::parameter::{Attestation, SignatureFault};
use serde_json::{Map, Value, json};

/// Octets of a signature by ES256: two numbers of 32 (RFC 7518 §3.4).
pub const SIGNATURE_OCTETS: usize = 64;

/// What a PASSporT is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ppt {
    /// No extension: who calls whom.
    Plain,
    /// `shaken` (RFC 8588): beside that, how far who signs answers for it.
    Shaken,
    /// `div` (RFC 8946): who sent the call on.
    Div,
}

/// Who somebody is (RFC 8225 §5.2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Named {
    /// A telephone number: digits of E.164 without plus, or a service's.
    Number(String),
    /// A URI.
    Uri(String),
}

/// What is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passport {
    /// What it is for.
    pub ppt: Ppt,
    /// Where the certificate of who signed it is.
    pub x5u: String,
    /// Who calls.
    pub orig: Named,
    /// Who is called.
    pub dest: Vec<Named>,
    /// When it was signed, seconds since 1970.
    pub iat: i64,
    /// Of SHAKEN: how far who signs answers for `orig`.
    pub attestation: Option<Attestation>,
    /// Of SHAKEN: where the call began.
    pub origid: Option<String>,
    /// Of a diversion: who sent the call on.
    pub div: Option<Named>,
}

/// One that came, with its signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    /// What it says.
    pub passport: Passport,
    /// What was signed.
    pub text: String,
    /// By whom.
    pub signature: [u8; SIGNATURE_OCTETS],
}

/// What a compact form leaves out, since the request says it (RFC 8224 §8.3, RFC 8225 §7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stated {
    /// Who calls.
    pub orig: Option<Named>,
    /// Who is called.
    pub dest: Option<Named>,
    /// When the request was made: its Date.
    pub date: Option<i64>,
}

/// Reads the value of an Identity header field.
///
/// # Errors
/// What is wrong with it: [`SignatureFault::Malformed`] or [`SignatureFault::Unsupported`].
pub fn read(value: &str, stated: &Stated) -> Result<Signed, SignatureFault> {
    use SignatureFault::{Malformed, Unsupported};
    if value.len() > IDENTITY_OCTETS_MAX {
        return Err(Malformed);
    }
    let (token, parameters) = value.split_once(';').ok_or(Malformed)?;
    let Parameters { info, alg, ppt } = Parameters::of(parameters).ok_or(Malformed)?;
    if alg.is_some_and(|alg| alg != "ES256") {
        return Err(Unsupported);
    }
    let info = info.ok_or(Malformed)?;
    let mut parts = token.trim().split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Malformed);
    };
    let signature =
        URL_SAFE_NO_PAD.decode(signature).ok().and_then(|octets| octets.try_into().ok()).ok_or(Malformed)?;
    if header.is_empty() && claims.is_empty() {
        // RFC 8588 §4 and RFC 8946 §4.1 want the full form of theirs.
        if ppt.is_some() {
            return Err(Unsupported);
        }
        let (Some(orig), Some(dest), Some(iat)) = (stated.orig.clone(), stated.dest.clone(), stated.date) else {
            return Err(Malformed);
        };
        let (attestation, origid, div) = (None, None, None);
        let passport =
            Passport { ppt: Ppt::Plain, x5u: info.to_owned(), orig, dest: vec![dest], iat, attestation, origid, div };
        return Ok(Signed { text: passport.text(), passport, signature });
    }
    let header_octets = URL_SAFE_NO_PAD.decode(header).map_err(|_| Malformed)?;
    let header_json: Map<String, Value> = serde_json::from_slice(&header_octets).map_err(|_| Malformed)?;
    let said = |key: &str| header_json.get(key).and_then(Value::as_str);
    if said("alg").ok_or(Malformed)? != "ES256" {
        return Err(Unsupported);
    }
    // RFC 8225 §4.1. It is compared as a media type is.
    if !said("typ").is_some_and(|typ| typ.eq_ignore_ascii_case("passport")) {
        return Err(Malformed);
    }
    let x5u = said("x5u").filter(|x5u| *x5u == info).ok_or(Malformed)?.to_owned();
    let kind = match said("ppt") {
        None if header_json.contains_key("ppt") => return Err(Malformed),
        None => Ppt::Plain,
        Some("shaken") => Ppt::Shaken,
        Some("div") => Ppt::Div,
        Some(_) => return Err(Unsupported),
    };
    // RFC 8224 §4.1: beside the signed text it is only said again.
    if ppt.is_some_and(|ppt| Some(ppt) != said("ppt")) {
        return Err(Malformed);
    }
    let claims_octets = URL_SAFE_NO_PAD.decode(claims).map_err(|_| Malformed)?;
    let claims_json: Map<String, Value> = serde_json::from_slice(&claims_octets).map_err(|_| Malformed)?;
    let passport = Passport::of_claims(kind, x5u, &claims_json).ok_or(Malformed)?;
    Ok(Signed { passport, text: format!("{header}.{claims}"), signature })
}

/// The parameters of an Identity header field.
struct Parameters<'a> {
    info: Option<&'a str>,
    alg: Option<&'a str>,
    ppt: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    /// `None`: they are not written as RFC 8224 §4 has them. A URI in its brackets may hold anything.
    fn of(text: &'a str) -> Option<Self> {
        let mut found = Self { info: None, alg: None, ppt: None };
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let (value, behind) = if let Some(uri) = after.strip_prefix('<') {
                uri.split_once('>')?
            } else if let Some(quoted) = after.strip_prefix('"') {
                quoted.split_once('"')?
            } else {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim_end(), &after[end..])
            };
            let place = match name.trim() {
                name if name.eq_ignore_ascii_case("info") => &mut found.info,
                name if name.eq_ignore_ascii_case("alg") => &mut found.alg,
                name if name.eq_ignore_ascii_case("ppt") => &mut found.ppt,
                _ => &mut None,
            };
            if place.replace(value).is_some() {
                return None;
            }
            let behind = behind.trim_start();
            rest = match behind.strip_prefix(';') {
                Some(next) => next.trim_start(),
                None if behind.is_empty() => "",
                None => return None,
            };
        }
        Some(found)
    }
}

impl Passport {
    fn of_claims(ppt: Ppt, x5u: String, claims: &Map<String, Value>) -> Option<Self> {
        let iat = claims.get("iat").and_then(Value::as_i64)?;
        let orig = one_of(claims.get("orig")?)?;
        let dest = all_of(claims.get("dest")?)?;
        let text = |key: &str| claims.get(key).and_then(Value::as_str);
        let (mut attestation, mut origid, mut div) = (None, None, None);
        match ppt {
            Ppt::Plain => {}
            // RFC 8588 §4, §5: both must be there.
            Ppt::Shaken => {
                attestation = Some(text("attest").and_then(Attestation::of_letter)?);
                let plain = |origid: &&str| {
                    !origid.is_empty() && origid.len() <= 64 && origid.bytes().all(|octet| octet.is_ascii_graphic())
                };
                origid = Some(text("origid").filter(plain)?.to_owned());
            }
            Ppt::Div => div = Some(one_of(claims.get("div")?)?),
        }
        Some(Self { ppt, x5u, orig, dest, iat, attestation, origid, div })
    }

    /// The text that is signed: both parts without white space, their keys in the order of the alphabet (RFC 8225 §9).
    pub fn text(&self) -> String {
        let mut header = Map::new();
        header.insert("alg".to_owned(), "ES256".into());
        match self.ppt {
            Ppt::Plain => {}
            Ppt::Shaken => drop(header.insert("ppt".to_owned(), "shaken".into())),
            Ppt::Div => drop(header.insert("ppt".to_owned(), "div".into())),
        }
        header.insert("typ".to_owned(), "passport".into());
        header.insert("x5u".to_owned(), self.x5u.as_str().into());
        let mut claims = Map::new();
        if let Some(attestation) = self.attestation {
            claims.insert("attest".to_owned(), attestation.letter().into());
        }
        claims.insert("dest".to_owned(), list(&self.dest));
        if let Some(div) = &self.div {
            claims.insert("div".to_owned(), single(div));
        }
        claims.insert("iat".to_owned(), self.iat.into());
        claims.insert("orig".to_owned(), single(&self.orig));
        if let Some(origid) = &self.origid {
            claims.insert("origid".to_owned(), origid.as_str().into());
        }
        let mut text = String::with_capacity(512);
        URL_SAFE_NO_PAD.encode_string(Value::Object(header).to_string(), &mut text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(Value::Object(claims).to_string(), &mut text);
        text
    }

    /// The value of the header field with that signature.
    pub fn value(&self, text: &str, signature: &[u8; SIGNATURE_OCTETS]) -> String {
        let mut value = String::with_capacity(text.len() + 256);
        value.push_str(text);
        value.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut value);
        value.push_str(";info=<");
        value.push_str(&self.x5u);
        value.push_str(">;alg=ES256");
        match self.ppt {
            Ppt::Plain => {}
            Ppt::Shaken => value.push_str(";ppt=\"shaken\""),
            Ppt::Div => value.push_str(";ppt=\"div\""),
        }
        value
    }
}

/// One name: `{"tn":"…"}` or `{"uri":"…"}`.
fn one_of(value: &Value) -> Option<Named> {
    let object = value.as_object()?;
    match (object.get("tn"), object.get("uri")) {
        (Some(number), None) => Some(Named::Number(number_of(number)?)),
        (None, Some(uri)) => Some(Named::Uri(uri.as_str()?.to_owned())),
        _ => None,
    }
}

/// Several: `{"tn":["…"],"uri":["…"]}`, one of both at least.
fn all_of(value: &Value) -> Option<Vec<Named>> {
    let object = value.as_object()?;
    let mut all = Vec::new();
    for (key, is_number) in [("tn", true), ("uri", false)] {
        let Some(list) = object.get(key) else { continue };
        for one in list.as_array()? {
            if all.len() >= PASSPORT_NUMBERS_MAX {
                return None;
            }
            all.push(match is_number {
                true => Named::Number(number_of(one)?),
                false => Named::Uri(one.as_str()?.to_owned()),
            });
        }
    }
    (!all.is_empty()).then_some(all)
}

/// A number as RFC 8225 §5.2.1 wants it: digits, and what a service's number may have. A plus is forgiven.
fn number_of(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let digits = text.strip_prefix('+').unwrap_or(text);
    let plain = |octet: u8| octet.is_ascii_digit() || octet == b'*' || octet == b'#';
    (!digits.is_empty() && digits.len() <= 32 && digits.bytes().all(plain)).then(|| digits.to_owned())
}

fn single(named: &Named) -> Value {
    match named {
        Named::Number(number) => json!({ "tn": number }),
        Named::Uri(uri) => json!({ "uri": uri }),
    }
}

fn list(all: &[Named]) -> Value {
    let numbers = all.iter().filter_map(|named| match named {
        Named::Number(number) => Some(number.as_str().into()),
        Named::Uri(_) => None,
    });
    let uris = all.iter().filter_map(|named| match named {
        Named::Uri(uri) => Some(uri.as_str().into()),
        Named::Number(_) => None,
    });
    let mut object = Map::new();
    for (key, list) in [("tn", numbers.collect::<Vec<Value>>()), ("uri", uris.collect())] {
        if !list.is_empty() {
            object.insert(key.to_owned(), list.into());
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaken() -> Passport {
        Passport {
            ppt: Ppt::Shaken,
            x5u: "https://cert.example.org/passport.cer".to_owned(),
            orig: Named::Number("12155551212".to_owned()),
            dest: vec![Named::Number("12125551213".to_owned())],
            iat: 1_443_208_345,
            attestation: Some(Attestation::Full),
            origid: Some("123e4567-e89b-12d3-a456-426655440000".to_owned()),
            div: None,
        }
    }

    fn nothing() -> Stated {
        Stated { orig: None, dest: None, date: None }
    }

    fn decoded(text: &str) -> [String; 2] {
        let (header, claims) = text.split_once('.').unwrap();
        [header, claims].map(|part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
    }

    /// RFC 8225 §9: this order, and no white space.
    #[test]
    fn what_is_signed_is_written_in_one_way() {
        let [header, claims] = decoded(&shaken().text());
        let expected =
            r#"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.org/passport.cer"}"#;
        assert_eq!(header, expected);
        let expected = r#"{"attest":"A","dest":{"tn":["12125551213"]},"iat":1443208345,"orig":{"tn":"12155551212"},"origid":"123e4567-e89b-12d3-a456-426655440000"}"#;
        assert_eq!(claims, expected);
        let div = Passport {
            ppt: Ppt::Div,
            attestation: None,
            origid: None,
            div: Some(Named::Number("12125551213".to_owned())),
            dest: vec![Named::Number("12155551214".to_owned())],
            ..shaken()
        };
        let [_, claims] = decoded(&div.text());
        let expected = r#"{"dest":{"tn":["12155551214"]},"div":{"tn":"12125551213"},"iat":1443208345,"orig":{"tn":"12155551212"}}"#;
        assert_eq!(claims, expected);
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let uri = Named::Uri("sip:alice@example.com".to_owned());
        let plain = Passport {
            ppt: Ppt::Plain,
            attestation: None,
            origid: None,
            orig: uri.clone(),
            dest: vec![Named::Number("1".to_owned()), uri],
            ..shaken()
        };
        for passport in [shaken(), plain] {
            let text = passport.text();
            let value = passport.value(&text, &[7; SIGNATURE_OCTETS]);
            let signed = read(&value, &nothing()).unwrap();
            assert_eq!(signed, Signed { passport, text, signature: [7; SIGNATURE_OCTETS] });
        }
    }

    /// RFC 8225 appendix A has these claims; RFC 8224 §4.1 the parameters.
    #[test]
    fn a_compact_form_says_what_the_request_says() {
        let stated = Stated {
            orig: Some(Named::Number("12155551212".to_owned())),
            dest: Some(Named::Number("12155551213".to_owned())),
            date: Some(1_443_208_345),
        };
        let mut signature = String::new();
        URL_SAFE_NO_PAD.encode_string([1; SIGNATURE_OCTETS], &mut signature);
        let value = format!("..{signature};info=<https://cert.example.org/passport.cer>");
        let signed = read(&value, &stated).unwrap();
        let [header, claims] = decoded(&signed.text);
        assert_eq!(header, r#"{"alg":"ES256","typ":"passport","x5u":"https://cert.example.org/passport.cer"}"#);
        assert_eq!(claims, r#"{"dest":{"tn":["12155551213"]},"iat":1443208345,"orig":{"tn":"12155551212"}}"#);
        assert_eq!(read(&value, &nothing()), Err(SignatureFault::Malformed), "without a Date");
        assert_eq!(read(&format!("{value};ppt=shaken"), &stated), Err(SignatureFault::Unsupported));
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        use SignatureFault::{Malformed, Unsupported};
        let passport = shaken();
        let text = passport.text();
        let good = passport.value(&text, &[7; SIGNATURE_OCTETS]);
        let (token, _) = good.split_once(';').unwrap();
        let with = |header: &str, claims: &str| {
            let (mut signed, mut signature) = (String::new(), String::new());
            URL_SAFE_NO_PAD.encode_string(header, &mut signed);
            signed.push('.');
            URL_SAFE_NO_PAD.encode_string(claims, &mut signed);
            URL_SAFE_NO_PAD.encode_string([7; SIGNATURE_OCTETS], &mut signature);
            read(&format!("{signed}.{signature};info=<https://a.example/b>"), &nothing()).map(|_| ())
        };
        let header = r#"{"alg":"ES256","typ":"passport","x5u":"https://a.example/b"}"#;
        let claims = r#"{"dest":{"tn":["1"]},"iat":1,"orig":{"tn":"2"}}"#;
        assert_eq!(with(header, claims), Ok(()));
        for (header, claims, fault) in [
            (r#"{"alg":"none","typ":"passport","x5u":"https://a.example/b"}"#, claims, Unsupported),
            (r#"{"alg":"HS256","typ":"passport","x5u":"https://a.example/b"}"#, claims, Unsupported),
            (r#"{"alg":"ES256","typ":"JWT","x5u":"https://a.example/b"}"#, claims, Malformed),
            (r#"{"alg":"ES256","typ":"passport","x5u":"https://a.example/c"}"#, claims, Malformed),
            (r#"{"alg":"ES256","ppt":"rph","typ":"passport","x5u":"https://a.example/b"}"#, claims, Unsupported),
            (r#"{"alg":"ES256","ppt":7,"typ":"passport","x5u":"https://a.example/b"}"#, claims, Malformed),
            (r#"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://a.example/b"}"#, claims, Malformed),
            (header, r#"{"dest":{"tn":["1"]},"orig":{"tn":"2"}}"#, Malformed),
            (header, r#"{"dest":{"tn":"1"},"iat":1,"orig":{"tn":"2"}}"#, Malformed),
            (header, r#"{"dest":{"tn":[]},"iat":1,"orig":{"tn":"2"}}"#, Malformed),
            (header, r#"{"dest":{"tn":["x"]},"iat":1,"orig":{"tn":"2"}}"#, Malformed),
            (header, r#"{"dest":{"tn":["1"]},"iat":1,"orig":{"tn":"2","uri":"sip:a"}}"#, Malformed),
            (header, r#"[1]"#, Malformed),
            ("x", claims, Malformed),
        ] {
            assert_eq!(with(header, claims), Err(fault), "{header} {claims}");
        }
        for value in [
            "",
            ";",
            "a.b.c",
            "..;info=<x>",
            &format!("{token};alg=ES256"),
            &format!("{token};info=<https://cert.example.org/passport.cer>;info=<x>"),
            &format!("{token};info=<https://cert.example.org/passport.cer"),
            &format!("{token}.x;info=<https://cert.example.org/passport.cer>"),
            &format!("{token};info=<https://cert.example.org/passport.cer>;ppt=div"),
            &format!("{};info=<x>", "a".repeat(IDENTITY_OCTETS_MAX)),
        ] {
            assert_eq!(read(value, &nothing()), Err(Malformed), "{value}");
        }
        assert_eq!(read(&format!("{token};info=<x>;alg=RS256"), &nothing()), Err(Unsupported));
        let spaced =
            format!(" {token} ; info = <https://cert.example.org/passport.cer> ; ppt = shaken ; other=\"a;b\"");
        assert!(read(&spaced, &nothing()).is_ok(), "{spaced}");
    }
}
