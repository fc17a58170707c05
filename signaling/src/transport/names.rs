//! What is known of host names: addresses for as long as their TTL says, and failures too (RFC 2308).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use router::time::{Duration, Instant};

use super::limits::{
    ADDRESSES_PER_NAME, LOOKUPS_MAX, NAME_ABSENT_MAX, NAME_FAILURE_HELD, NAME_TTL_MAX, NAME_TTL_MIN, NAMES_MAX,
};
use crate::message::host_address;

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Its addresses, in the order of the name service, IPv4 first.
    Known(Arc<[IpAddr]>),
    /// It has none, or the name service does not answer.
    Unknown,
    /// The question is out; the answer comes later.
    Pending,
}

/// What the name service says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameAnswer {
    /// Its addresses, for that long.
    Addresses(Vec<IpAddr>, Duration),
    /// It has none, for that long (RFC 2308 §5); `None` where the zone does not say.
    Absent(Option<Duration>),
    /// No answer.
    Failed,
}

/// The names that are known. Names compare without case (RFC 4343).
#[derive(Debug, Default)]
pub struct NameCache {
    names: BTreeMap<Box<str>, Name>,
    asking: usize,
}

#[derive(Debug)]
struct Name {
    /// `None`: none are known.
    addresses: Option<Arc<[IpAddr]>>,
    until: Instant,
    asked: bool,
}

/// What [`NameCache::look`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What is known.
    pub resolution: Resolution,
    /// Whether the name service is to be asked now.
    pub ask: bool,
}

impl NameCache {
    /// What is known of a host. An address is its own answer. The name service is to be asked where nothing is known or
    /// what was known is over, unless it has been asked already or too many questions are out.
    pub fn look(&mut self, now: Instant, host: &str) -> Look {
        if let Some(address) = host_address(host) {
            return Look { resolution: Resolution::Known(Arc::from([address])), ask: false };
        }
        let host = fold(host);
        if let Some(name) = self.names.get_mut(&host) {
            if now < name.until {
                let resolution = name.addresses.clone().map_or(Resolution::Unknown, Resolution::Known);
                return Look { resolution, ask: false };
            }
            let ask = !name.asked && self.asking < LOOKUPS_MAX;
            if ask {
                name.asked = true;
                self.asking += 1;
            }
            return Look { resolution: Resolution::Pending, ask };
        }
        if self.asking >= LOOKUPS_MAX || !self.make_room(now) {
            return Look { resolution: Resolution::Unknown, ask: false };
        }
        self.asking += 1;
        self.names.insert(host, Name { addresses: None, until: now, asked: true });
        Look { resolution: Resolution::Pending, ask: true }
    }

    /// Takes the answer to a question. Where the name service fails, addresses that were known before stay in use for a
    /// while (RFC 8767).
    pub fn answer(&mut self, now: Instant, host: &str, answer: NameAnswer) -> Resolution {
        let Some(name) = self.names.get_mut(&fold(host)) else { return Resolution::Unknown };
        if std::mem::take(&mut name.asked) {
            self.asking -= 1;
        }
        let held = match answer {
            NameAnswer::Addresses(mut addresses, ttl) if !addresses.is_empty() => {
                addresses.sort_by_key(IpAddr::is_ipv6);
                addresses.dedup();
                addresses.truncate(ADDRESSES_PER_NAME);
                name.addresses = Some(addresses.into());
                ttl.clamp(NAME_TTL_MIN, NAME_TTL_MAX)
            }
            NameAnswer::Addresses(_, ttl) => {
                name.addresses = None;
                ttl.clamp(NAME_TTL_MIN, NAME_ABSENT_MAX)
            }
            NameAnswer::Absent(ttl) => {
                name.addresses = None;
                ttl.unwrap_or(NAME_FAILURE_HELD).clamp(NAME_TTL_MIN, NAME_ABSENT_MAX)
            }
            NameAnswer::Failed => NAME_FAILURE_HELD,
        };
        name.until = now + held;
        name.addresses.clone().map_or(Resolution::Unknown, Resolution::Known)
    }

    /// How many names are kept.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Makes room for one more: what is over goes, else what is over first.
    fn make_room(&mut self, now: Instant) -> bool {
        if self.names.len() < NAMES_MAX {
            return true;
        }
        self.names.retain(|_, name| name.asked || now < name.until);
        if self.names.len() < NAMES_MAX {
            return true;
        }
        let oldest = self.names.iter().filter(|(_, name)| !name.asked).min_by_key(|(_, name)| name.until);
        match oldest.map(|(host, _)| host.clone()) {
            Some(host) => self.names.remove(&host).is_some(),
            None => false,
        }
    }
}

fn fold(host: &str) -> Box<str> {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn known(texts: &[&str]) -> Resolution {
        Resolution::Known(texts.iter().map(|text| address(text)).collect())
    }

    fn seconds(secs: u64) -> Instant {
        Instant::from_millis(secs * 1_000)
    }

    #[test]
    fn an_address_is_its_own_answer() {
        let mut names = NameCache::default();
        assert_eq!(names.look(seconds(0), "192.0.2.1"), Look { resolution: known(&["192.0.2.1"]), ask: false });
        assert_eq!(names.look(seconds(0), "[2001:db8::1]").resolution, known(&["2001:db8::1"]));
        assert!(names.is_empty());
    }

    #[test]
    fn a_name_is_asked_for_once_and_kept_for_its_ttl() {
        let mut names = NameCache::default();
        let pending = |ask| Look { resolution: Resolution::Pending, ask };
        assert_eq!(names.look(seconds(0), "sip.example.com"), pending(true));
        assert_eq!(names.look(seconds(0), "SIP.example.com."), pending(false));
        let addresses = vec![address("2001:db8::1"), address("192.0.2.1")];
        let answer = NameAnswer::Addresses(addresses, Duration::from_secs(60));
        assert_eq!(names.answer(seconds(1), "sip.example.com", answer), known(&["192.0.2.1", "2001:db8::1"]));
        let look = names.look(seconds(60), "sip.example.com");
        assert_eq!(look, Look { resolution: known(&["192.0.2.1", "2001:db8::1"]), ask: false });
        assert_eq!(names.look(seconds(61), "sip.example.com"), pending(true));
        // The name service is away: what was known serves on.
        assert_eq!(names.answer(seconds(62), "sip.example.com", NameAnswer::Failed), look.resolution);
        assert_eq!(names.look(seconds(63), "sip.example.com"), look);
    }

    #[test]
    fn times_to_live_are_bounded() {
        let mut names = NameCache::default();
        for (host, ttl, held) in [("short", 0, 5), ("long", 1_000_000, 3_600)] {
            names.look(seconds(0), host);
            names.answer(seconds(0), host, NameAnswer::Addresses(vec![address("192.0.2.1")], Duration::from_secs(ttl)));
            assert!(!names.look(seconds(held - 1), host).ask);
            assert!(names.look(seconds(held), host).ask);
        }
    }

    #[test]
    fn absence_and_failure_are_kept_too() {
        let mut names = NameCache::default();
        for (host, answer, held) in [
            ("absent", NameAnswer::Absent(Some(Duration::from_secs(100))), 100),
            ("unsaid", NameAnswer::Absent(None), 15),
            ("failed", NameAnswer::Failed, 15),
            ("empty", NameAnswer::Addresses(Vec::new(), Duration::from_secs(9_999)), 300),
        ] {
            assert!(names.look(seconds(0), host).ask);
            assert_eq!(names.answer(seconds(0), host, answer), Resolution::Unknown);
            assert_eq!(names.look(seconds(held - 1), host), Look { resolution: Resolution::Unknown, ask: false });
            assert!(names.look(seconds(held), host).ask);
        }
    }

    #[test]
    fn questions_and_names_are_bounded() {
        let mut names = NameCache::default();
        for index in 0..LOOKUPS_MAX {
            assert!(names.look(seconds(0), &format!("h{index}")).ask);
        }
        assert_eq!(names.look(seconds(0), "more"), Look { resolution: Resolution::Unknown, ask: false });
        for index in 0..LOOKUPS_MAX {
            names.answer(seconds(0), &format!("h{index}"), NameAnswer::Failed);
        }
        for index in 0..2 * NAMES_MAX {
            let host = format!("n{index}");
            names.look(seconds(0), &host);
            names.answer(seconds(0), &host, NameAnswer::Addresses(vec![address("192.0.2.1")], NAME_TTL_MAX));
        }
        assert_eq!(names.len(), NAMES_MAX);
    }
}
