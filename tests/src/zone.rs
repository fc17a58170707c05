//! What the name service of a simulation knows.

use router::time::{Duration, Instant};
use signaling::transport::{Answer, Naptr, Question, Records, Srv};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Records, and the questions that came.
#[derive(Clone, Debug)]
pub struct Zone {
    answers: BTreeMap<Question, Records>,
    /// How long they hold.
    pub ttl: Duration,
    /// Until when it answers nothing.
    pub down_until: Option<Instant>,
    /// How much later than usual its answers come.
    pub late: Duration,
    asked: RefCell<Vec<Question>>,
    /// Certificates of who signs calls, by their URL: what the web holds.
    pub web: BTreeMap<String, Vec<u8>>,
}

impl Default for Zone {
    fn default() -> Self {
        let ttl = Duration::from_secs(600);
        let late = Duration::ZERO;
        Self { answers: BTreeMap::new(), ttl, down_until: None, late, asked: RefCell::default(), web: BTreeMap::new() }
    }
}

impl Zone {
    /// The addresses of a host.
    pub fn host(&mut self, name: &str, addresses: &[IpAddr]) {
        self.answers.insert(Question::Addresses(name.into()), Records::Addresses(addresses.into()));
    }

    /// A host of a service: priority, weight, port.
    pub fn service(&mut self, name: &str, (priority, weight, port): (u16, u16, u16), target: &str) {
        let known = self.answers.remove(&Question::Srv(name.into()));
        let mut all = if let Some(Records::Srv(all)) = known { all.to_vec() } else { Vec::new() };
        all.push(Srv { priority, weight, port, target: target.into() });
        self.answers.insert(Question::Srv(name.into()), Records::Srv(all.into()));
    }

    /// A service of a domain, by SRV.
    pub fn offer(&mut self, name: &str, order: u16, service: &str, replacement: &str) {
        let known = self.answers.remove(&Question::Naptr(name.into()));
        let mut all = if let Some(Records::Naptr(all)) = known { all.to_vec() } else { Vec::new() };
        all.push(Naptr {
            order,
            preference: 10,
            flags: "S".into(),
            service: service.into(),
            regexp: "".into(),
            replacement: replacement.into(),
        });
        self.answers.insert(Question::Naptr(name.into()), Records::Naptr(all.into()));
    }

    /// A rule for a number (RFC 6116), whose name that is.
    pub fn rule(&mut self, name: &str, order: u16, service: &str, regexp: &str) {
        let known = self.answers.remove(&Question::Number(name.into()));
        let mut all = if let Some(Records::Naptr(all)) = known { all.to_vec() } else { Vec::new() };
        all.push(Naptr {
            order,
            preference: 10,
            flags: "u".into(),
            service: service.into(),
            regexp: regexp.into(),
            replacement: "".into(),
        });
        self.answers.insert(Question::Number(name.into()), Records::Naptr(all.into()));
    }

    /// How many questions came.
    pub fn asked(&self) -> usize {
        self.asked.borrow().len()
    }

    /// How many of them were for rules of numbers.
    pub fn numbers_asked(&self) -> usize {
        self.asked.borrow().iter().filter(|question| matches!(question, Question::Number(_))).count()
    }

    pub(crate) fn answer(&self, now: Instant, question: &Question) -> Answer {
        self.asked.borrow_mut().push(question.clone());
        if self.down_until.is_some_and(|until| now < until) {
            return Answer::Failed;
        }
        match self.answers.get(question) {
            Some(records) => Answer::Found(records.clone(), self.ttl),
            None => Answer::Absent(Some(self.ttl)),
        }
    }
}
