//! What the name service has said: records for as long as their TTL says, and failures too (RFC 2308).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use router::time::{Duration, Instant};

use super::e164::leads_anywhere;
use crate::transport::limits::{
    ADDRESSES_PER_NAME, ENUM_RULES_PER_NAME, LOOKUPS_MAX, NAME_ABSENT_MAX, NAME_FAILURE_HELD, NAME_TTL_MAX,
    NAME_TTL_MIN, NAMES_MAX, NUMBERS_ASKED_MAX, NUMBERS_KNOWN_MAX, RECORDS_PER_NAME,
};

/// A question to the name service. Names are in small letters, without the dot at the end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Question {
    /// Which services a domain has (RFC 3403).
    Naptr(Box<str>),
    /// Which hosts have a service (RFC 2782).
    Srv(Box<str>),
    /// The addresses of a host: A and AAAA.
    Addresses(Box<str>),
    /// By which rules a number is reached whose name that is (RFC 6116): NAPTR too.
    Number(Box<str>),
}

/// A service of a domain, as far as SIP looks at it (RFC 3403 §4.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Naptr {
    /// Lower ones first.
    pub order: u16,
    /// Of the same order, lower ones first.
    pub preference: u16,
    /// `s`: SRV records come next; `a`: addresses; `u`: the rule makes a URI.
    pub flags: Box<str>,
    /// Such as `SIP+D2U`.
    pub service: Box<str>,
    /// The rule by which what is sought becomes a URI; empty where a name is to be asked for next.
    pub regexp: Box<str>,
    /// The name to be asked for next.
    pub replacement: Box<str>,
}

/// A host that has a service (RFC 2782).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Srv {
    /// Lower ones first.
    pub priority: u16,
    /// Of the same priority, the share of what goes there.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; empty where the service is decidedly not there.
    pub target: Box<str>,
}

/// The records of an answer, by what was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Records {
    /// To [`Question::Naptr`] and [`Question::Number`].
    Naptr(Arc<[Naptr]>),
    /// To [`Question::Srv`].
    Srv(Arc<[Srv]>),
    /// To [`Question::Addresses`].
    Addresses(Arc<[IpAddr]>),
}

/// What the name service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These, for that long.
    Found(Records, Duration),
    /// There are none, for that long (RFC 2308 §5); `None` where the zone does not say.
    Absent(Option<Duration>),
    /// No answer.
    Failed,
    /// None yet: it takes long.
    Late,
}

impl Records {
    fn is_empty(&self) -> bool {
        match self {
            Records::Naptr(all) => all.is_empty(),
            Records::Srv(all) => all.is_empty(),
            Records::Addresses(all) => all.is_empty(),
        }
    }

    fn answers(&self, question: &Question) -> bool {
        matches!(
            (self, question),
            (Records::Naptr(_), Question::Naptr(_) | Question::Number(_))
                | (Records::Srv(_), Question::Srv(_))
                | (Records::Addresses(_), Question::Addresses(_))
        )
    }

    /// In the order in which they are used, as many as are kept, and of a number those alone by which it is called. IPv4 comes first.
    fn settled(self, question: &Question) -> Records {
        match self {
            Records::Naptr(all) if matches!(question, Question::Number(_)) => {
                let mut rules: Vec<Naptr> = all.iter().filter(|rule| leads_anywhere(rule)).cloned().collect();
                rules.sort();
                rules.truncate(ENUM_RULES_PER_NAME);
                Records::Naptr(rules.into())
            }
            Records::Naptr(all) => Records::Naptr(sorted(&all)),
            Records::Srv(all) => Records::Srv(sorted(&all)),
            Records::Addresses(all) => {
                let mut addresses = all.to_vec();
                addresses.sort_by_key(IpAddr::is_ipv6);
                addresses.dedup();
                addresses.truncate(ADDRESSES_PER_NAME);
                Records::Addresses(addresses.into())
            }
        }
    }
}

fn sorted<T: Ord + Clone>(all: &[T]) -> Arc<[T]> {
    let mut all = all.to_vec();
    all.sort();
    all.truncate(RECORDS_PER_NAME);
    all.into()
}

/// What is known of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Known(Records),
    /// There are none, or nobody can tell.
    Nothing,
    /// The question is out.
    Pending,
}

/// The answers that are known.
#[derive(Debug)]
pub(super) struct Cache {
    entries: BTreeMap<Question, Entry>,
    asking: usize,
    /// Answers that are kept, and questions that are out, at most.
    bounds: (usize, usize),
}

impl Default for Cache {
    /// Of names that requests go to.
    fn default() -> Self {
        Cache { entries: BTreeMap::new(), asking: 0, bounds: (NAMES_MAX, LOOKUPS_MAX) }
    }
}

#[derive(Debug)]
struct Entry {
    /// `None`: there are none.
    records: Option<Records>,
    until: Instant,
    /// From when on it is asked anew while it is used still, so that nobody waits for what is asked for all the time.
    renew: Instant,
    asked: bool,
    /// Whether the name service has never said what there is, or that there is nothing.
    untold: bool,
}

impl Cache {
    /// Of numbers: whoever dials whatever he likes displaces no name, and keeps none from being asked for.
    pub(super) fn of_numbers() -> Self {
        Cache { bounds: (NUMBERS_KNOWN_MAX, NUMBERS_ASKED_MAX), ..Cache::default() }
    }

    /// Whether the name service has said of a question that there is nothing.
    pub(super) fn is_told_of(&self, question: &Question) -> bool {
        self.entries.get(question).is_some_and(|entry| !entry.untold)
    }

    /// What is known, for somebody who began to look at `began`: what was known then, or became known since, holds. True: the
    /// name service is to be asked now.
    pub(super) fn look(&mut self, now: Instant, began: Instant, question: &Question) -> (Look, bool) {
        let full = self.asking >= self.bounds.1;
        if let Some(entry) = self.entries.get_mut(question) {
            let known = entry.records.clone().map_or(Look::Nothing, Look::Known);
            let holds = began < entry.until;
            let ask = !entry.asked && !full && now >= if holds { entry.renew } else { entry.until };
            if ask {
                entry.asked = true;
                self.asking += 1;
            }
            // Where nobody may be asked, what was known is the best there is.
            let look = if holds || !entry.asked { known } else { Look::Pending };
            return (look, ask);
        }
        if full || !self.make_room(now) {
            return (Look::Nothing, false);
        }
        self.asking += 1;
        self.entries
            .insert(question.clone(), Entry { records: None, until: began, renew: began, asked: true, untold: true });
        (Look::Pending, true)
    }

    /// Whether there is something to use while a question is out.
    pub(super) fn knows(&self, question: &Question) -> bool {
        self.entries.get(question).is_some_and(|entry| entry.records.is_some())
    }

    /// Takes an answer. Where the name service fails, or takes long, what was known before stays in use for a while (RFC 8767). False:
    /// whoever waits still has to.
    pub(super) fn answer(&mut self, now: Instant, question: &Question, answer: Answer) -> bool {
        let Some(entry) = self.entries.get_mut(question) else { return true };
        if matches!(answer, Answer::Late) {
            let serves = entry.asked && entry.records.is_some();
            if serves {
                entry.until = entry.until.max(now + NAME_FAILURE_HELD);
                entry.renew = entry.until;
            }
            return serves;
        }
        if std::mem::take(&mut entry.asked) {
            self.asking -= 1;
        }
        entry.untold &= matches!(answer, Answer::Failed | Answer::Late);
        let held = match answer {
            Answer::Found(records, ttl) => {
                let settled = records.answers(question).then(|| records.settled(question));
                entry.records = settled.filter(|records| !records.is_empty());
                ttl.clamp(NAME_TTL_MIN, if entry.records.is_some() { NAME_TTL_MAX } else { NAME_ABSENT_MAX })
            }
            Answer::Absent(ttl) => {
                entry.records = None;
                ttl.unwrap_or(NAME_FAILURE_HELD).clamp(NAME_TTL_MIN, NAME_ABSENT_MAX)
            }
            Answer::Failed | Answer::Late => NAME_FAILURE_HELD,
        };
        entry.until = now + held;
        entry.renew = now + held * 9 / 10;
        true
    }

    /// How many answers are kept.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Makes room: what is over goes, else what is over first, a sixteenth of all at once, so that a full table is not looked through for
    /// each name.
    fn make_room(&mut self, now: Instant) -> bool {
        let most = self.bounds.0;
        if self.entries.len() < most {
            return true;
        }
        self.entries.retain(|_, entry| entry.asked || now < entry.until);
        let part = most / 16 + 1;
        if self.entries.len() + part > most {
            let mut ends: Vec<Instant> = self.entries.values().filter(|one| !one.asked).map(|one| one.until).collect();
            let mut left = part.min(ends.len());
            let Some(last) = left.checked_sub(1) else { return self.entries.len() < most };
            let (_, &mut last, _) = ends.select_nth_unstable(last);
            self.entries.retain(|_, entry| {
                let goes = left > 0 && !entry.asked && entry.until <= last;
                left -= usize::from(goes);
                !goes
            });
        }
        self.entries.len() < most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Records {
        Records::Addresses(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn at(secs: u64) -> Instant {
        Instant::from_millis(secs * 1_000)
    }

    fn host(name: &str) -> Question {
        Question::Addresses(name.into())
    }

    fn look(cache: &mut Cache, secs: u64, name: &str) -> (Look, bool) {
        cache.look(at(secs), at(secs), &host(name))
    }

    #[test]
    fn a_name_is_asked_for_once_and_kept_for_its_ttl() {
        let mut cache = Cache::default();
        assert_eq!(look(&mut cache, 0, "h"), (Look::Pending, true));
        assert_eq!(look(&mut cache, 0, "h"), (Look::Pending, false));
        let found = addresses(&["2001:db8::1", "192.0.2.1"]);
        cache.answer(at(1), &host("h"), Answer::Found(found, Duration::from_secs(60)));
        let known = Look::Known(addresses(&["192.0.2.1", "2001:db8::1"]));
        assert_eq!(look(&mut cache, 54, "h"), (known.clone(), false));
        assert_eq!(look(&mut cache, 55, "h"), (known.clone(), true), "it is renewed while it holds");
        assert_eq!(look(&mut cache, 60, "h"), (known.clone(), false));
        assert_eq!(look(&mut cache, 61, "h"), (Look::Pending, false));
        assert_eq!(cache.look(at(70), at(60), &host("h")).0, known, "who looks since it held may use it");
        // The name service is away: what was known serves on.
        cache.answer(at(62), &host("h"), Answer::Failed);
        assert_eq!(look(&mut cache, 63, "h"), (known, false));
    }

    #[test]
    fn what_was_known_serves_while_the_name_service_takes_long() {
        let mut cache = Cache::default();
        assert!(look(&mut cache, 0, "h").1 && !cache.knows(&host("h")));
        assert!(!cache.answer(at(1), &host("h"), Answer::Late), "nothing is known");
        let (former, later) = (addresses(&["192.0.2.1"]), addresses(&["192.0.2.2"]));
        cache.answer(at(2), &host("h"), Answer::Found(former.clone(), Duration::from_secs(5)));
        assert_eq!(look(&mut cache, 10, "h"), (Look::Pending, true));
        assert!(cache.knows(&host("h")) && cache.answer(at(12), &host("h"), Answer::Late));
        assert_eq!(look(&mut cache, 12, "h"), (Look::Known(former), false), "the question is out still");
        cache.answer(at(13), &host("h"), Answer::Found(later.clone(), Duration::from_secs(60)));
        assert_eq!(look(&mut cache, 14, "h"), (Look::Known(later.clone()), false));
        assert!(!cache.answer(at(15), &host("h"), Answer::Late), "it has answered");
        assert_eq!(look(&mut cache, 72, "h").0, Look::Known(later));
    }

    #[test]
    fn times_to_live_are_bounded() {
        let mut cache = Cache::default();
        for (name, ttl, held) in [("short", 0, 5), ("long", 1_000_000, 3_600)] {
            look(&mut cache, 0, name);
            let found = addresses(&["192.0.2.1"]);
            cache.answer(at(0), &host(name), Answer::Found(found, Duration::from_secs(ttl)));
            assert!(matches!(look(&mut cache, held - 1, name).0, Look::Known(_)));
            assert_eq!(look(&mut cache, held, name).0, Look::Pending);
        }
    }

    #[test]
    fn absence_and_failure_are_kept_too() {
        let mut cache = Cache::default();
        for (name, answer, held) in [
            ("absent", Answer::Absent(Some(Duration::from_secs(100))), 100),
            ("unsaid", Answer::Absent(None), 15),
            ("failed", Answer::Failed, 15),
            ("empty", Answer::Found(addresses(&[]), Duration::from_secs(9_999)), 300),
            ("another", Answer::Found(Records::Srv([].into()), Duration::from_secs(9_999)), 300),
        ] {
            assert!(look(&mut cache, 0, name).1);
            cache.answer(at(0), &host(name), answer);
            assert_eq!(look(&mut cache, held / 2, name), (Look::Nothing, false));
            assert_eq!(look(&mut cache, held, name), (Look::Pending, true));
        }
    }

    #[test]
    fn questions_and_answers_are_bounded() {
        let mut cache = Cache::default();
        look(&mut cache, 0, "old");
        cache.answer(at(0), &host("old"), Answer::Found(addresses(&["192.0.2.1"]), Duration::from_secs(5)));
        for index in 0..LOOKUPS_MAX {
            assert!(look(&mut cache, 1, &format!("h{index}")).1);
        }
        assert_eq!(look(&mut cache, 1, "more"), (Look::Nothing, false));
        assert_eq!(look(&mut cache, 9, "old"), (Look::Known(addresses(&["192.0.2.1"])), false), "better than nothing");
        for index in 0..LOOKUPS_MAX {
            cache.answer(at(1), &host(&format!("h{index}")), Answer::Failed);
        }
        for index in 0..2 * NAMES_MAX {
            let name = format!("n{index}");
            look(&mut cache, 1, &name);
            cache.answer(at(1), &host(&name), Answer::Found(addresses(&["192.0.2.1"]), NAME_TTL_MAX));
        }
        assert!((NAMES_MAX * 7 / 8..=NAMES_MAX).contains(&cache.len()), "{}", cache.len());
    }
}
