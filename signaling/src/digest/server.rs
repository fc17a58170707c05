//! Challenging, and judging credentials.

use super::algorithm::{Algorithm, Hash, Qop};
use super::nonce::{NonceVerdict, Nonces};
use crate::message::Credentials;
use router::Random;
use router::time::{Duration, Instant};

/// `H(user:realm:password)` of an account, for each algorithm.
#[derive(Clone, Copy, Debug)]
pub struct Secrets {
    /// MD5.
    pub md5: Hash,
    /// SHA-256.
    pub sha256: Hash,
}

impl Secrets {
    /// The one for `algorithm`.
    pub const fn of(&self, algorithm: Algorithm) -> &Hash {
        match algorithm {
            Algorithm::Md5 => &self.md5,
            Algorithm::Sha256 => &self.sha256,
        }
    }
}

/// What credentials prove.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The user knows the secret.
    Proven,
    /// None are given, for our realm: challenge.
    Missing,
    /// The nonce is old, whatever the rest; or it is right and was used with that count before: challenge with `stale=true`
    /// (RFC 7616 §3.3).
    Stale,
    /// Wrong secret, unknown user, an altered nonce or URI: refuse with 403.
    Wrong,
    /// The credentials break their syntax, in this way: refuse with 400.
    Malformed(&'static str),
}

/// Challenges and judges for one realm.
#[derive(Debug)]
pub struct Authenticator {
    realm: String,
    /// Offered in this order: a client takes the first that it knows (RFC 8760 §2.3).
    algorithms: Vec<Algorithm>,
    nonces: Nonces,
    /// What unknown users are judged against, so that they cost and look the same as known ones.
    nobody: Secrets,
}

impl Authenticator {
    /// An authenticator that offers `algorithms` in that order.
    pub fn new(realm: String, algorithms: Vec<Algorithm>, nonce_life: Duration, random: &mut Random) -> Self {
        let mut unknowable = [0; 32];
        random.fill(&mut unknowable);
        let nobody =
            Secrets { md5: Algorithm::Md5.hash(&[&unknowable]), sha256: Algorithm::Sha256.hash(&[&unknowable]) };
        Self { realm, algorithms, nonces: Nonces::new(nonce_life, random), nobody }
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Offers other algorithms from now on.
    pub fn set_algorithms(&mut self, algorithms: Vec<Algorithm>) {
        self.algorithms = algorithms;
    }

    /// Nonces live for so long from now on, those that are out too.
    pub fn set_nonce_life(&mut self, life: Duration) {
        self.nonces.set_life(life);
    }

    /// Whether that algorithm is offered.
    pub fn offers(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// The values of the WWW-Authenticate or Proxy-Authenticate headers, one an algorithm. `md5_only` is for clients that
    /// give up when they meet another one. `mark`: of who is challenged.
    pub fn challenge(
        &mut self,
        now: Instant,
        mark: u16,
        stale: bool,
        md5_only: bool,
    ) -> impl Iterator<Item = String> + '_ {
        let nonce = self.nonces.mint(now, mark);
        let realm = &self.realm;
        let stale = if stale { ", stale=true" } else { "" };
        let alone = md5_only || self.algorithms.len() == 1;
        self.algorithms.iter().filter(move |&&algorithm| !md5_only || algorithm == Algorithm::Md5).map(
            move |algorithm| {
                // RFC 7616 §3.3: one that names none is of MD5. Beside another one it is named all the same: some clients, SIPp among
                // them, look for the first name in all challenges.
                let (parameter, name) = match algorithm {
                    Algorithm::Md5 if alone => ("", ""),
                    algorithm => (", algorithm=", algorithm.name()),
                };
                format!("Digest realm=\"{realm}\", nonce=\"{nonce}\"{parameter}{name}, qop=\"auth\"{stale}")
            },
        )
    }

    /// Judges credentials for our realm. `secrets` are those of the account that they name, if there is one.
    pub fn judge(&mut self, now: Instant, method: &str, given: &Credentials<'_>, secrets: Option<&Secrets>) -> Verdict {
        let Some(algorithm) = Algorithm::of_field(given.algorithm).filter(|one| self.algorithms.contains(one)) else {
            return Verdict::Missing;
        };
        let (qop, count) = match given.qop {
            None => (None, 1),
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let Some(client_nonce) = given.cnonce else { return Verdict::Malformed("Missing cnonce") };
                let Some(count) = given.nonce_count else { return Verdict::Malformed("Missing nc") };
                // RFC 7616 §3.4: eight hexadecimal digits.
                let Some(number) = given.nonce_count_number() else { return Verdict::Malformed("Malformed nc") };
                (Some(Qop { count, client_nonce }), number)
            }
            Some(_) => return Verdict::Malformed("Only qop=auth Was Offered"),
        };
        let fresh = match self.nonces.judge(now, given.nonce, count) {
            NonceVerdict::Fresh => true,
            NonceVerdict::Stale => return Verdict::Stale,
            NonceVerdict::Replayed => false,
            // A nonce of ours before a restart is as foreign as an invented one: a new challenge mends either.
            NonceVerdict::Foreign => return Verdict::Stale,
        };
        let secret = secrets.unwrap_or(&self.nobody).of(algorithm);
        let expected = algorithm.response(secret, method, given.uri, given.nonce, qop);
        if !expected.matches(given.response) || secrets.is_none() {
            return Verdict::Wrong;
        }
        // A replay proves nothing; nor does it tell an attacker from a phone that does not count, which a new nonce mends.
        if !fresh {
            return Verdict::Stale;
        }
        self.nonces.remember(now, given.nonce, count);
        Verdict::Proven
    }

    /// Whether who has that mark was sent this nonce.
    pub fn has_challenged(&self, nonce: &str, mark: u16) -> bool {
        self.nonces.is_marked(nonce, mark)
    }

    /// How many nonces are in use.
    pub fn nonces_in_use(&self) -> usize {
        self.nonces.in_use()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::client::{ClientCredentials, respond};
    use crate::message::Challenge;

    const LIFE: Duration = Duration::from_secs(300);

    fn authenticator() -> Authenticator {
        let algorithms = vec![Algorithm::Md5, Algorithm::Sha256];
        Authenticator::new("tandem".to_owned(), algorithms, LIFE, &mut Random::from_seed(3))
    }

    fn secrets(password: &str) -> Secrets {
        Secrets {
            md5: Algorithm::Md5.secret("alice", "tandem", password),
            sha256: Algorithm::Sha256.secret("alice", "tandem", password),
        }
    }

    fn answer(challenge: &str, password: &str, count: u32) -> String {
        let challenge = Challenge::parse(challenge.as_bytes()).unwrap();
        let credentials = ClientCredentials { username: "alice".to_owned(), password: password.to_owned().into() };
        respond(&challenge, &credentials, "REGISTER", "sip:tandem", count, "c0ffee").unwrap()
    }

    #[test]
    fn each_offered_algorithm_proves_the_secret_once() {
        let mut authenticator = authenticator();
        let offers: Vec<String> = authenticator.challenge(Instant::ZERO, 7, false, false).collect();
        assert_eq!(offers.len(), 2);
        for (count, offer) in (1..).zip(&offers) {
            let header = answer(offer, "secret", count);
            let given = Credentials::parse(header.as_bytes()).unwrap();
            let mut judge = |secrets: Option<&Secrets>| authenticator.judge(Instant::ZERO, "REGISTER", &given, secrets);
            assert_eq!(judge(Some(&secrets("other"))), Verdict::Wrong);
            assert_eq!(judge(None), Verdict::Wrong);
            assert_eq!(judge(Some(&secrets("secret"))), Verdict::Proven);
            assert_eq!(judge(Some(&secrets("secret"))), Verdict::Stale, "a replay");
            let mut other_method = authenticator.judge(Instant::ZERO, "INVITE", &given, Some(&secrets("secret")));
            assert_eq!(other_method, Verdict::Wrong);
            other_method = authenticator.judge(Instant::ZERO + LIFE * 2, "REGISTER", &given, Some(&secrets("secret")));
            assert_eq!(other_method, Verdict::Stale);
        }
    }

    #[test]
    fn a_client_that_knows_only_md5_is_offered_only_that() {
        let offers: Vec<String> = authenticator().challenge(Instant::ZERO, 7, true, true).collect();
        assert_eq!(offers.len(), 1);
        assert!(!offers[0].contains("algorithm") && offers[0].ends_with("stale=true"), "RFC 7616 §3.3");
    }

    #[test]
    fn an_algorithm_that_was_not_offered_is_challenged_anew() {
        let mut authenticator = authenticator();
        authenticator.set_algorithms(vec![Algorithm::Sha256]);
        let header = "Digest username=\"alice\", realm=\"tandem\", nonce=\"x\", uri=\"sip:tandem\", response=\"y\"";
        let given = Credentials::parse(header.as_bytes()).unwrap();
        assert_eq!(authenticator.judge(Instant::ZERO, "REGISTER", &given, None), Verdict::Missing);
        authenticator.set_algorithms(vec![Algorithm::Md5]);
        assert_eq!(authenticator.judge(Instant::ZERO, "REGISTER", &given, None), Verdict::Stale, "a foreign nonce");
    }

    #[test]
    fn qop_without_its_fields_is_malformed() {
        let mut authenticator = authenticator();
        for (fields, fault) in [
            ("qop=auth, cnonce=\"1\"", "Missing nc"),
            ("qop=auth, nc=00000001", "Missing cnonce"),
            ("qop=auth, cnonce=\"1\", nc=xyz", "Malformed nc"),
            ("qop=auth-int, cnonce=\"1\", nc=00000001", "Only qop=auth Was Offered"),
        ] {
            let header = format!(
                "Digest username=\"a\", realm=\"tandem\", nonce=\"x\", uri=\"sip:t\", response=\"y\", {fields}"
            );
            let given = Credentials::parse(header.as_bytes()).unwrap();
            let verdict = authenticator.judge(Instant::ZERO, "REGISTER", &given, None);
            assert_eq!(verdict, Verdict::Malformed(fault), "{fields}");
        }
    }
}
