//! `a=crypto` (RFC 4568 §9.1, SDES): the keys of a stream, as its sender describes them.
//!
//! ```text
//!   a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4 FEC_ORDER=FEC_SRTP
//!            │ │                              │                                         │    │   session parameters
//!            tag suite                        key and salt, base64                      │    master key identifier: value, octets
//!                                                                                       lifetime, packets
//! ```

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use router::parameter::{MediaKey, SrtpSuite};

use super::limits::{SDP_CRYPTO_MAX, SDP_MKI_BYTES_MAX};
use super::media::MediaSection;
use super::text::{Text, decimal, words};

/// Keys are written with their padding (§6.1), which some phones leave out, as some do not clear the bits behind the last octet.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Octets of the longest key and salt in whole groups of three, as they are decoded.
const MATERIAL_OCTETS_MAX: usize = 48;

/// One line that can be served. Its key does not show in `Debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crypto {
    /// What the answer names it by.
    pub(super) tag: u32,
    pub(super) suite: SrtpSuite,
    pub(super) key: MediaKey,
}

impl Crypto {
    /// Reads the value of an attribute. `None`: it is malformed, or asks for what is not served, so it is passed over (§5.1.2): an unknown suite or
    /// key method, several keys, a key of another length, an identifier that is too long, or a session parameter that would change packets.
    pub(super) fn parse(value: &Text) -> Option<Self> {
        let mut words = words(value.as_bytes());
        let tag = words.next().filter(|tag| tag.len() <= 9)?;
        let tag = decimal::<u32>(tag)?;
        let name = words.next()?;
        let suite = SrtpSuite::ALL.into_iter().find(|suite| name.eq_ignore_ascii_case(suite.name().as_bytes()))?;
        let parameters = words.next()?;
        let method = parameters.get(..7).filter(|method| method.eq_ignore_ascii_case(b"inline:"))?;
        let mut parts = parameters.get(method.len()..)?.split(|octet| *octet == b'|');
        let mut room = [0; MATERIAL_OCTETS_MAX];
        let octets = BASE64.decode_slice(parts.next()?, &mut room).ok()?;
        let material = room.get(..octets).filter(|material| material.len() == suite.material_bytes())?.to_vec();
        let mut identifier = Vec::new();
        let mut has_lifetime = false;
        for part in parts {
            match part.iter().position(|octet| *octet == b':') {
                Some(colon) if identifier.is_empty() => identifier = named(&part[..colon], part.get(colon + 1..)?)?,
                None if !has_lifetime && identifier.is_empty() => has_lifetime = is_lifetime(part),
                _ => return None,
            }
            if !has_lifetime && identifier.is_empty() {
                return None;
            }
        }
        words.all(is_borne).then_some(Self { tag, suite, key: MediaKey { material, identifier } })
    }

    /// Those of a section that can be served, in their order.
    pub(super) fn of(section: &MediaSection) -> impl Iterator<Item = Self> {
        section.attributes.values("crypto").take(SDP_CRYPTO_MAX).filter_map(Self::parse)
    }

    /// The value of its attribute.
    pub(super) fn text(&self) -> Option<Text> {
        let mut text = format!("{} {} inline:", self.tag, self.suite.name());
        BASE64.encode_string(&self.key.material, &mut text);
        if !self.key.identifier.is_empty() {
            let value = self.key.identifier.iter().fold(0_u128, |value, octet| value << 8 | u128::from(*octet));
            text.push_str(&format!("|{value}:{}", self.key.identifier.len()));
        }
        Text::new(text.into_bytes())
    }
}

/// A master key identifier of a value and so many octets; `None`: it is none, or longer than is carried.
fn named(value: &[u8], length: &[u8]) -> Option<Vec<u8>> {
    let length = decimal::<usize>(length).filter(|length| (1..=SDP_MKI_BYTES_MAX).contains(length))?;
    let octets = decimal::<u128>(value)?.to_be_bytes();
    let (before, identifier) = octets.split_at(octets.len() - length);
    before.iter().all(|octet| *octet == 0).then(|| identifier.to_vec())
}

/// Whether it says for how many packets a key is good (§6.1): `2^20`, or a number. Who has set that bound keeps it, with a new offer.
fn is_lifetime(text: &[u8]) -> bool {
    match text.strip_prefix(b"2^") {
        Some(power) => decimal::<u32>(power).is_some_and(|power| (1..=48).contains(&power)),
        None => decimal::<u64>(text).is_some_and(|packets| packets > 0),
    }
}

/// Whether a session parameter may be passed over: one that says of itself that it may (§6.3.7), how far the sender wishes replays to be looked for (§6.3.6; it
/// is twice as far in any case), a key derivation rate of none, and the order of what is not used (§6.3.4).
fn is_borne(parameter: &[u8]) -> bool {
    let named = |name: &[u8]| parameter.len() > name.len() && parameter[..name.len()].eq_ignore_ascii_case(name);
    parameter.starts_with(b"-") || named(b"WSH=") || named(b"FEC_ORDER=")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crypto(value: &str) -> Option<Crypto> {
        Crypto::parse(&Text::new(value.as_bytes().to_vec()).unwrap())
    }

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn the_lines_of_rfc_4568() {
        let read = crypto(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4 FEC_ORDER=FEC_SRTP")).unwrap();
        assert_eq!((read.tag, read.suite), (1, SrtpSuite::AesCm128HmacSha1_80));
        assert_eq!((read.key.material.len(), &read.key.identifier[..]), (30, &[0, 0, 0, 1][..]));
        assert_eq!(&read.key.material[..4], b"YS__");
        assert_eq!(read.text().unwrap().as_str().unwrap(), format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"));
        let read = crypto(&format!("2 aes_cm_128_hmac_sha1_32 INLINE:{KEY}|2^31 -x=1 WSH=1024")).unwrap();
        assert_eq!((read.tag, read.suite), (2, SrtpSuite::AesCm128HmacSha1_32));
        assert_eq!(read.text().unwrap().as_str().unwrap(), format!("2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"));
        assert!(crypto(&format!("3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1000")).is_some());
        assert!(
            crypto(&format!("3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|66051:3")).unwrap().key.identifier == [1, 2, 3]
        );
        for (text, octets) in [("Zm9vYg==", &b"foob"[..]), ("Zm9vYg", b"foob"), ("Zm9vYh", b"foob")] {
            assert_eq!(BASE64.decode(text).unwrap(), octets, "{text}");
        }
        for bad in ["Z", "Z===", "Zm9v=", "Zm 9", "Zm9v====", "=", "Zm-_"] {
            assert!(BASE64.decode(bad).is_err(), "{bad}");
        }
        let gcm = "AAECAwQFBgcICQoLDA0ODwABAgMEBQYHCAkKCw";
        assert!(crypto(&format!("4 AEAD_AES_128_GCM inline:{gcm}")).is_some(), "without padding");
        assert!(crypto(&format!("4 AEAD_AES_128_GCM inline:{gcm}==")).is_some());
    }

    #[test]
    fn what_is_not_served_is_passed_over() {
        let bad = [
            "".to_owned(),
            "1".to_owned(),
            "1 AES_CM_128_HMAC_SHA1_80".to_owned(),
            format!("1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 outline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}A"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{}", &KEY[4..]),
            format!("1 AES_256_CM_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}|2^20|2:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^49"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|0"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}||"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4|2^20"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:0"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:17"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|256:1"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTCP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNAUTHENTICATED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=3"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} WSH="),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} NEW=1"),
        ];
        for value in bad {
            assert_eq!(crypto(&value), None, "{value}");
        }
    }
}
