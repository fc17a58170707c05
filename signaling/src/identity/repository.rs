//! Certificates of those who sign calls, as they were fetched from where each says that its own is; and who waits for one.

use super::certificate::{Authorities, SignerCertificate};
use crate::limits::{
    SIGNER_URL_OCTETS_MAX, SIGNERS_FAILED_FOR, SIGNERS_KEPT_FOR, SIGNERS_MAX, SIGNERS_WAITING_MAX,
    SIGNERS_WAITING_OF_TRUNK,
};
use crate::trunk::TrunkId;
use bytes::Bytes;
use router::Instance;
use router::parameter::SignatureFault;
use router::time::{Instant, Now};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What is known of a place.
#[derive(Debug)]
struct Known {
    found: Result<Arc<SignerCertificate>, SignatureFault>,
    until: Instant,
    used: u64,
}

/// A certificate that is to be fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    /// Where it is.
    pub url: Box<str>,
    /// The trunk whose call named it.
    pub by: Option<TrunkId>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    known: BTreeMap<Box<str>, Known>,
    waiting: BTreeMap<Box<str>, Vec<(Instance, Option<TrunkId>)>>,
    asked: VecDeque<Fetch>,
    /// Places in `waiting`, and those of each trunk.
    waits: usize,
    waits_of: BTreeMap<Option<TrunkId>, usize>,
    uses: u64,
}

impl Repository {
    /// The certificate at a place, or why there is none. `None`: it is to be waited for.
    pub(crate) fn look(&mut self, now: Instant, url: &str) -> Option<Result<Arc<SignerCertificate>, SignatureFault>> {
        self.uses += 1;
        let known = self.known.get_mut(url).filter(|known| now < known.until)?;
        known.used = self.uses;
        Some(known.found.clone())
    }

    /// A leg of a trunk's waits for it. False: too many wait.
    pub(crate) fn ask(&mut self, url: &str, leg: Instance, by: Option<TrunkId>) -> bool {
        let of_trunk = self.waits_of.get(&by).copied().unwrap_or(0);
        if self.waits >= SIGNERS_WAITING_MAX || of_trunk >= SIGNERS_WAITING_OF_TRUNK {
            return false;
        }
        self.waits_of.insert(by, of_trunk + 1);
        self.waits += 1;
        match self.waiting.get_mut(url) {
            Some(waiting) => waiting.push((leg, by)),
            None => {
                self.waiting.insert(url.into(), vec![(leg, by)]);
                self.asked.push_back(Fetch { url: url.into(), by });
            }
        }
        true
    }

    fn waits_no_more(&mut self, by: Option<TrunkId>) {
        self.waits -= 1;
        if let Some(of_trunk) = self.waits_of.get_mut(&by) {
            *of_trunk -= 1;
            if *of_trunk == 0 {
                self.waits_of.remove(&by);
            }
        }
    }

    /// Whether a leg waits for it.
    pub(crate) fn waits(&self, url: &str, leg: Instance) -> bool {
        self.waiting.get(url).is_some_and(|waiting| waiting.iter().any(|(one, _)| *one == leg))
    }

    /// The next that is to be fetched.
    pub(crate) fn poll(&mut self) -> Option<Fetch> {
        self.asked.pop_front()
    }

    /// It was fetched, or could not be: who waited.
    pub(crate) fn fetched(
        &mut self,
        now: Now,
        url: &str,
        octets: Option<&Bytes>,
        authorities: &Authorities,
    ) -> Vec<Instance> {
        let found = octets.ok_or(SignatureFault::NoCertificate);
        let found = found.and_then(|octets| SignerCertificate::read(octets, authorities, now.wall)).map(Arc::new);
        let until = now.instant + if found.is_ok() { SIGNERS_KEPT_FOR } else { SIGNERS_FAILED_FOR };
        if self.known.len() >= SIGNERS_MAX && !self.known.contains_key(url) {
            self.make_room(now.instant);
        }
        self.known.insert(url.into(), Known { found, until, used: self.uses });
        let waited = self.waiting.remove(url).unwrap_or_default();
        waited.iter().for_each(|(_, by)| self.waits_no_more(*by));
        waited.into_iter().map(|(leg, _)| leg).collect()
    }

    /// What is over goes, or else what has not been used for the longest time.
    fn make_room(&mut self, now: Instant) {
        self.known.retain(|_, known| now < known.until);
        if self.known.len() >= SIGNERS_MAX {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.used).map(|(url, _)| url.clone());
            oldest.and_then(|url| self.known.remove(&url));
        }
    }

    /// A leg waits no longer.
    pub(crate) fn forget(&mut self, leg: Instance) {
        if self.waits == 0 {
            return;
        }
        let mut gone = Vec::new();
        // Who is asked for still has its answer taken.
        for waiting in self.waiting.values_mut() {
            waiting.retain(|(one, by)| {
                if *one == leg {
                    gone.push(*by);
                }
                *one != leg
            });
        }
        gone.into_iter().for_each(|by| self.waits_no_more(by));
    }

    /// Other authorities count from now on.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waits == 0
    }
}

/// Where a certificate may be fetched from: by https, at the ports that are for it (RFC 8224 §7.2, ATIS-1000074 §5.3.2), or at a place that the
/// operator names.
pub fn place_of<'a>(url: &'a str, repositories: &[String]) -> Option<Place<'a>> {
    let rest = url.strip_prefix("https://").filter(|_| url.len() <= SIGNER_URL_OCTETS_MAX)?;
    let plain = |octet: u8| octet.is_ascii_graphic() && !b"<>\"\\^`{|}?#@".contains(&octet);
    if !rest.bytes().all(plain) {
        return None;
    }
    let (authority, path) = rest.split_at_checked(rest.find('/')?)?;
    let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, port.parse::<u16>().ok()?),
        None => (authority, 443),
    };
    if host.is_empty() {
        return None;
    }
    let is_named = repositories.iter().any(|named| {
        named.eq_ignore_ascii_case(authority) || named.eq_ignore_ascii_case(host) && matches!(port, 443 | 8443)
    });
    let open = repositories.is_empty() && matches!(port, 443 | 8443);
    (is_named || open).then_some(Place { host, port, path, is_named })
}

/// A place in the web.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place<'a> {
    /// The host: a name or an address.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// From the first slash on.
    pub path: &'a str,
    /// Whether the operator names it: others are no hosts of private networks.
    pub is_named: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::time::{Duration, WallTime};

    fn now(seconds: u64) -> Now {
        Now { instant: Instant::from_millis(seconds * 1_000), wall: WallTime(1_782_000_000_000_000) }
    }

    #[test]
    fn each_place_is_asked_once_for_all_who_wait_and_a_failure_is_remembered_for_a_while() {
        let mut repository = Repository::default();
        let authorities = Authorities::default();
        assert!(repository.look(now(1).instant, "https://a/").is_none());
        for leg in [1, 2] {
            assert!(repository.ask("https://a/", Instance(leg), None));
        }
        let asked = Fetch { url: "https://a/".into(), by: None };
        assert_eq!((repository.poll(), repository.poll()), (Some(asked), None));
        repository.forget(Instance(1));
        assert!(!repository.is_empty());
        assert_eq!(repository.fetched(now(2), "https://a/", None, &authorities), [Instance(2)]);
        assert!(repository.is_empty());
        let failed = |repository: &mut Repository, at: u64| repository.look(now(at).instant, "https://a/");
        assert_eq!(failed(&mut repository, 3), Some(Err(SignatureFault::NoCertificate)));
        let over = 2 + SIGNERS_FAILED_FOR.as_secs();
        assert_eq!(failed(&mut repository, over), None);
    }

    #[test]
    fn its_tables_are_bounded() {
        let mut repository = Repository::default();
        let authorities = Authorities::default();
        for number in 0..SIGNERS_MAX + 10 {
            repository.fetched(now(1), &format!("https://a/{number}"), None, &authorities);
            // The first one stays in use.
            assert!(repository.look(now(1).instant, "https://a/0").is_some());
        }
        assert_eq!(repository.known.len(), SIGNERS_MAX);
        let mut asked = |first: u64, trunk: u16| {
            let legs = (first..first + SIGNERS_WAITING_MAX as u64).map(Instance);
            legs.filter(|leg| repository.ask("https://b/", *leg, Some(TrunkId(trunk)))).count()
        };
        // One trunk's leave the others room.
        assert_eq!(asked(0, 0), SIGNERS_WAITING_OF_TRUNK);
        assert_eq!(asked(10_000, 1) + asked(20_000, 2), SIGNERS_WAITING_MAX - SIGNERS_WAITING_OF_TRUNK);
        repository.forget(Instance(0));
        assert!(repository.ask("https://b/", Instance(0), Some(TrunkId(0))));
        assert_eq!(repository.fetched(now(1), "https://b/", None, &authorities).len(), SIGNERS_WAITING_MAX);
        assert!(repository.is_empty() && repository.waits_of.is_empty());
        assert!(Duration::from_secs(1) < SIGNERS_FAILED_FOR);
    }

    #[test]
    fn only_places_that_may_hold_certificates_are_asked() {
        let place = |url| place_of(url, &[]).map(|place| (place.host, place.port, place.path, place.is_named));
        assert_eq!(place("https://cert.example/a.pem"), Some(("cert.example", 443, "/a.pem", false)));
        assert_eq!(place("https://cert.example:8443/a/b"), Some(("cert.example", 8443, "/a/b", false)));
        assert_eq!(place("https://[2001:db8::1]/a"), Some(("[2001:db8::1]", 443, "/a", false)));
        for refused in [
            "http://cert.example/a",
            "https://cert.example",
            "https:///a",
            "https://cert.example:22/a",
            "https://user@cert.example/a",
            "https://cert.example/a?b",
            "https://cert.example/a#b",
            "https://cert.example/a b",
            "https://cert.example/a\r\nX: y",
            "https://cert.example:x/a",
            "",
            &format!("https://a/{}", "b".repeat(SIGNER_URL_OCTETS_MAX)),
        ] {
            assert_eq!(place(refused), None, "{refused}");
        }
        let named = ["localhost:4443".to_owned(), "Cert.example".to_owned()];
        let allowed = |url: &str| place_of(url, &named).map(|place| place.is_named);
        assert_eq!(allowed("https://localhost:4443/a"), Some(true));
        assert_eq!(allowed("https://cert.example/a"), Some(true));
        assert_eq!(allowed("https://localhost/a"), None);
        assert_eq!(allowed("https://other.example/a"), None);
    }
}
