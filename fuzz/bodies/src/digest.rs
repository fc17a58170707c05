//! Digest headers of both sides: a peer's challenge answered, credentials judged, and the two against each other.

use bytes::Bytes;
use router::time::{Duration, Instant};
use router::{Private, Random};
use signaling::digest::{Algorithm, Authenticator, ClientCredentials, Secrets, Verdict, respond};
use signaling::limits::NONCES_IN_USE_MAX;
use signaling::message::{AuthFields, Challenge, Credentials, Header, Message, quote, unquote};

use crate::sip_message::touch;

const PASSWORD: &str = "se\"cret";

/// Reads the input as the value of an authentication header, as a challenge's realm, and as the credentials of a request.
pub fn digest(data: &[u8]) {
    if let Some(fields) = AuthFields::parse(data) {
        touch((fields.scheme(), fields.is_digest(), fields.as_str(), fields.get("nonce")));
        for (name, value) in fields.iter() {
            assert!(!name.is_empty());
            touch(unquote(value));
        }
    }
    if let Some(challenge) = Challenge::parse(data) {
        touch((challenge.offers_qop("auth"), challenge));
        let credentials = client("alice");
        if let Some(answer) = respond(&challenge, &credentials, "REGISTER", "sip:h", 1, "0a4f113b") {
            let given = Credentials::parse(answer.as_bytes()).expect("what answers a challenge is credentials");
            assert_eq!(given.username, "alice");
            assert_eq!((given.realm, given.nonce), (challenge.realm, challenge.nonce));
            assert_eq!(given.uri, "sip:h");
        }
    }
    judged(data);
    exchanged(data);
}

fn client(name: &str) -> ClientCredentials {
    ClientCredentials { username: name.to_owned(), password: Private::new(PASSWORD.to_owned()) }
}

fn authenticator(realm: &str) -> Authenticator {
    let algorithms = vec![Algorithm::Sha256, Algorithm::Md5];
    Authenticator::new(realm.to_owned(), algorithms, Duration::from_secs(300), &mut Random::from_seed(5))
}

fn secrets(realm: &str) -> Secrets {
    let of = |algorithm: Algorithm| algorithm.secret("alice", realm, PASSWORD);
    Secrets { md5: of(Algorithm::Md5), sha256: of(Algorithm::Sha256) }
}

/// Nothing that a stranger invents proves anything, as himself or as a known user.
fn judged(data: &[u8]) {
    let now = Instant::from_millis(1_000);
    let mut authenticator = authenticator("r");
    let known = secrets("r");
    let text = [b"OPTIONS sip:h SIP/2.0\r\nAuthorization: ", data, b"\r\n\r\n"].concat();
    let message = Message::parse_datagram(Bytes::from(text));
    let within = message.iter().flat_map(|message| message.credentials(Header::Authorization));
    for given in Credentials::parse(data).into_iter().chain(within) {
        for secrets in [None, Some(&known)] {
            let verdict = authenticator.judge(now, "REGISTER", &given, secrets);
            assert_ne!(verdict, Verdict::Proven, "{given:?}");
        }
    }
    assert!(authenticator.nonces_in_use() <= NONCES_IN_USE_MAX);
}

/// Whatever the realm, the client that knows the secret is believed once, and a replay is not.
fn exchanged(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A realm is text without control characters (RFC 3261 §25.1, `quoted-string`); the server quotes its own.
    let realm: String = text.chars().filter(|&c| !c.is_control() && c != '"' && c != '\\').take(64).collect();
    assert_eq!(unquote(&quote(&realm)), realm);
    let mut now = Instant::from_millis(1_000);
    let mut authenticator = authenticator(&realm);
    let known = secrets(&realm);
    let challenges: Vec<String> = authenticator.challenge(now, 7, false, false).collect();
    assert_eq!(challenges.len(), 2);
    for value in &challenges {
        let challenge = Challenge::parse(value.as_bytes()).expect("our challenge is one");
        assert_eq!(challenge.realm, realm);
        for count in 1..=2 {
            now = now + Duration::from_millis(100);
            let answer = respond(&challenge, &client("alice"), "INVITE", "sip:b@h", count, "abc").expect("answered");
            let given = Credentials::parse(answer.as_bytes()).expect("credentials");
            let judge = |authenticator: &mut Authenticator, method: &str| {
                authenticator.judge(now, method, &given, Some(&known))
            };
            assert_eq!(judge(&mut authenticator, "BYE"), Verdict::Wrong, "of another method");
            let first = judge(&mut authenticator, "INVITE");
            // Both challenges carry the same nonce: its counts are shared.
            let fresh = value == &challenges[0];
            assert_eq!(first == Verdict::Proven, fresh, "{first:?}");
            assert_ne!(judge(&mut authenticator, "INVITE"), Verdict::Proven, "a replay");
        }
    }
    assert_eq!(authenticator.nonces_in_use(), 1);
}
