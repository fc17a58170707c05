//! Requests that went over a link and have no last answer yet: own ones, and those that are forwarded for others. Each platform
//! on the way keeps them for its next link, so that the loss of any link fails what went over it.

use super::LinkId;
use super::message::Header;
use crate::address::{Address, Module, PlatformId};
use crate::command::Command;
use crate::limits::{FORWARDED_REQUESTS, LINK_REQUESTS};
use crate::own_map::OwnMap;
use crate::packet::Transaction;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, HashMap};

/// Who asks, and as which of its requests.
type Key = (PlatformId, Module, Transaction);

/// A request without a last answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) header: Header,
    pub(crate) link: LinkId,
    sent: Instant,
}

/// The table. Keys arrive from networks; nothing is ever listed but in the order of its slots.
#[derive(Debug)]
pub(crate) struct Requests {
    own: PlatformId,
    /// Those of modules here, whose transactions are made here.
    keys: OwnMap<(Module, Transaction), u32>,
    /// Those that are forwarded.
    others: HashMap<Key, u32>,
    slots: Vec<Option<Request>>,
    free: Vec<u32>,
    by_link: BTreeMap<LinkId, usize>,
    by_source: BTreeMap<PlatformId, usize>,
    by_destination: BTreeMap<PlatformId, usize>,
}

fn key(requester: Address, transaction: Transaction) -> Key {
    (requester.platform, requester.module, transaction)
}

/// One less of `key`; nothing is kept of none.
fn subtract<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Requests {
    /// An empty table of platform `own`.
    pub(crate) fn new(own: PlatformId) -> Self {
        Self {
            own,
            keys: OwnMap::default(),
            others: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            by_link: BTreeMap::new(),
            by_source: BTreeMap::new(),
            by_destination: BTreeMap::new(),
        }
    }

    /// Whether one more request of `source`'s platform may go over `link`.
    pub(crate) fn has_room(&self, source: Address, link: LinkId) -> bool {
        let of_link = self.by_link.get(&link).copied().unwrap_or(0);
        let of_source = self.by_source.get(&source.platform).copied().unwrap_or(0);
        of_link < LINK_REQUESTS && (source.platform == self.own || of_source < FORWARDED_REQUESTS)
    }

    /// A request went over `link`. One that is repeated takes the place of the former.
    pub(crate) fn insert(&mut self, now: Instant, header: Header, link: LinkId) {
        let key = key(header.source, header.transaction);
        self.remove(&key);
        let request = Some(Request { header, link, sent: now });
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = request;
                slot
            }
            None => {
                self.slots.push(request);
                (self.slots.len() - 1) as u32
            }
        };
        self.keep(key, slot);
        *self.by_link.entry(link).or_default() += 1;
        *self.by_source.entry(header.source.platform).or_default() += 1;
        *self.by_destination.entry(header.destination.platform).or_default() += 1;
    }

    /// The request that an answer answers: from the platform and the kind of module that was asked. A last answer takes it out.
    pub(crate) fn answered(&mut self, answer: &Header) -> Option<Request> {
        let key = key(answer.destination, answer.transaction);
        let request = self.slots[self.slot(&key)? as usize]?;
        let asked = request.header.destination;
        if asked.platform != answer.source.platform || asked.module.kind != answer.source.module.kind {
            return None;
        }
        if answer.command.is_final() {
            self.remove(&key);
        }
        Some(request)
    }

    /// Whether an answer comes over the link over which its request went.
    pub(crate) fn went_over(&self, answer: &Header, link: LinkId) -> bool {
        let slot = self.slot(&key(answer.destination, answer.transaction));
        slot.and_then(|slot| self.slots[slot as usize]).is_some_and(|request| request.link == link)
            && matches!(answer.command, Command::Progress | Command::Done | Command::Failed)
    }

    /// Takes out what went over a link.
    pub(crate) fn take_of_link(&mut self, link: LinkId) -> Vec<Request> {
        match self.by_link.contains_key(&link) {
            true => self.take(|request| request.link == link),
            false => Vec::new(),
        }
    }

    /// Takes out what was asked of a platform.
    pub(crate) fn take_of_destination(&mut self, platform: PlatformId) -> Vec<Request> {
        match self.by_destination.contains_key(&platform) {
            true => self.take(|request| request.header.destination.platform == platform),
            false => Vec::new(),
        }
    }

    /// Takes out what a platform asked.
    pub(crate) fn take_of_source(&mut self, platform: PlatformId) -> Vec<Request> {
        match self.by_source.contains_key(&platform) {
            true => self.take(|request| request.header.source.platform == platform),
            false => Vec::new(),
        }
    }

    /// Takes out what is older than `age`.
    pub(crate) fn take_older(&mut self, now: Instant, age: Duration) -> Vec<Request> {
        self.take(|request| now.since(request.sent) > age)
    }

    /// How many requests a platform has not answered.
    pub(crate) fn of_destination(&self, platform: PlatformId) -> usize {
        self.by_destination.get(&platform).copied().unwrap_or(0)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len() + self.others.len()
    }

    fn slot(&self, key: &Key) -> Option<u32> {
        let (platform, module, transaction) = *key;
        match platform == self.own {
            true => self.keys.get(&(module, transaction)),
            false => self.others.get(key),
        }
        .copied()
    }

    fn keep(&mut self, key: Key, slot: u32) {
        let (platform, module, transaction) = key;
        match platform == self.own {
            true => self.keys.insert((module, transaction), slot),
            false => self.others.insert(key, slot),
        };
    }

    fn take(&mut self, which: impl Fn(&Request) -> bool) -> Vec<Request> {
        let taken: Vec<Request> = self.slots.iter().flatten().filter(|request| which(request)).copied().collect();
        for Request { header, .. } in &taken {
            self.remove(&key(header.source, header.transaction));
        }
        taken
    }

    fn remove(&mut self, key: &Key) {
        let (platform, module, transaction) = *key;
        let slot = match platform == self.own {
            true => self.keys.remove(&(module, transaction)),
            false => self.others.remove(key),
        };
        let Some(slot) = slot else { return };
        if let Some(Request { header, link, .. }) = self.slots[slot as usize].take() {
            subtract(&mut self.by_link, &link);
            subtract(&mut self.by_source, &header.source.platform);
            subtract(&mut self.by_destination, &header.destination.platform);
        }
        self.free.push(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ModuleKind;

    fn header(source: u32, destination: u32, transaction: u64) -> Header {
        let at = |platform, kind| Address { platform: PlatformId(platform), ..Address::any(kind) };
        Header {
            source: at(source, ModuleKind::Switch),
            destination: at(destination, ModuleKind::Voice),
            transaction: Transaction(transaction),
            command: Command::Query,
        }
    }

    fn answer(to: &Header, command: Command) -> Header {
        Header { source: to.destination, destination: to.source, command, ..*to }
    }

    #[test]
    fn a_request_is_answered_once_and_by_whom_it_was_asked_of() {
        let mut requests = Requests::new(PlatformId(1));
        let asked = header(1, 2, 7);
        requests.insert(Instant::ZERO, asked, LinkId(1));
        requests.insert(Instant::ZERO, asked, LinkId(1));
        assert_eq!(requests.len(), 1, "a repeated one is one");
        assert!(requests.answered(&answer(&header(1, 3, 7), Command::Done)).is_none(), "another platform");
        assert!(requests.answered(&answer(&asked, Command::Progress)).is_some());
        assert!(requests.answered(&answer(&asked, Command::Done)).is_some());
        assert!(requests.answered(&answer(&asked, Command::Done)).is_none());
        assert_eq!((requests.len(), requests.of_destination(PlatformId(2))), (0, 0));
    }

    #[test]
    fn what_went_over_a_link_or_is_old_is_taken_in_its_order() {
        let mut requests = Requests::new(PlatformId(1));
        for number in 1..=6 {
            let at = Instant::from_millis(number);
            requests.insert(at, header(1 + number as u32 % 2, 3, number), LinkId(number % 3));
        }
        let numbers =
            |taken: Vec<Request>| taken.iter().map(|request| request.header.transaction.0).collect::<Vec<_>>();
        assert_eq!(numbers(requests.take_of_link(LinkId(0))), [3, 6]);
        assert_eq!(numbers(requests.take_older(Instant::from_millis(11), Duration::from_millis(9))), [1]);
        assert_eq!(numbers(requests.take_of_source(PlatformId(2))), [5]);
        assert_eq!(numbers(requests.take_of_destination(PlatformId(3))), [2, 4]);
        assert_eq!(requests.len(), 0);
    }

    #[test]
    fn a_platform_that_is_forwarded_for_has_a_share() {
        let mut requests = Requests::new(PlatformId(1));
        for number in 0..FORWARDED_REQUESTS as u64 {
            requests.insert(Instant::ZERO, header(2, 3, number), LinkId(1));
        }
        assert!(!requests.has_room(header(2, 3, 0).source, LinkId(1)));
        assert!(requests.has_room(header(1, 3, 0).source, LinkId(1)));
        assert!(requests.has_room(header(4, 3, 0).source, LinkId(1)));
    }
}
