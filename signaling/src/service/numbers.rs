//! Numbers that the switch asks for: what the name service says of them (ENUM, RFC 6116).

use super::Signaling;
use crate::limits::NUMBERS_WAITING_MAX;
use crate::transport::{Place, Resolution, Sought, name_of_number, places_of_number};
use crate::user_agent::number_parameters;
use router::parameter::{Counter, Failure, NumberLookup, Parameter, Party, Reason};
use router::{Packet, one};
use std::collections::{BTreeMap, VecDeque};

/// Who waits for what is said of a number, and what came of those before.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    waiting: BTreeMap<Sought, Vec<Packet>>,
    questions: VecDeque<Sought>,
    count: usize,
    found: u64,
    absent: u64,
    failed: u64,
}

impl Numbers {
    /// The next name that is asked for.
    pub(super) fn poll(&mut self) -> Option<Sought> {
        self.questions.pop_front()
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many were asked for, by what came of it. Nothing where none was.
    pub(super) fn tell(&self, into: &mut Vec<Counter>) {
        for (result, count) in [("found", self.found), ("absent", self.absent), ("failed", self.failed)] {
            if count > 0 {
                into.push(Counter::labelled("sip_numbers_looked_up", "result", result, count));
            }
        }
    }
}

impl Signaling {
    /// A number is asked for.
    pub(super) fn query_number(&mut self, packet: Packet) {
        let Some(Parameter::NumberLookup(asked)) = packet.first() else { return };
        let Some(name) = name_of_number(asked.number.reveal(), &asked.domain) else {
            let failure = Failure::new(Reason::Invalid).with_detail("a number of E.164 is asked for, below a domain");
            return self.means.outbox.failed(&packet, failure);
        };
        if self.numbers.count >= NUMBERS_WAITING_MAX {
            self.numbers.failed += 1;
            return self.means.outbox.failed(&packet, Failure::new(Reason::Busy));
        }
        let sought = Sought::number(&name);
        self.numbers.count += 1;
        let waiting = self.numbers.waiting.entry(sought.clone()).or_default();
        if waiting.is_empty() {
            self.numbers.questions.push_back(sought);
        }
        waiting.push(packet);
    }

    /// What is said of a number has come. False: that is no number's.
    pub(super) fn number_resolved(&mut self, sought: &Sought, resolution: &Resolution) -> bool {
        if !sought.is_number {
            return false;
        }
        let waited = self.numbers.waiting.remove(sought).unwrap_or_default();
        self.numbers.count -= waited.len();
        for packet in waited {
            let Some(Parameter::NumberLookup(asked)) = packet.first() else { continue };
            let Resolution::Rules(rules) = resolution else {
                self.numbers.failed += 1;
                self.means.outbox.failed(&packet, Failure::new(Reason::Expired));
                continue;
            };
            let places = places_of_number(rules, asked.number.reveal());
            if places.is_empty() {
                self.numbers.absent += 1;
                self.means.outbox.failed(&packet, Failure::new(Reason::NotFound));
                continue;
            }
            self.numbers.found += 1;
            let said = places.iter().find_map(|place| number_parameters::of_called(&place.user, &place.parameters));
            let party = |Place { user, host, secure, .. }| Party { secure, ..Party::new(user, host) };
            let answer = NumberLookup {
                places: places.into_iter().map(party).collect(),
                passed: said.into_iter().collect(),
                ..(**asked).clone()
            };
            self.means.outbox.done(&packet, one(answer));
        }
        true
    }
}
