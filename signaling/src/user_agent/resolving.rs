//! What legs wait for the name service to find.

use crate::limits::NAMES_WAITING_MAX;
use crate::transport::Sought;
use router::Instance;
use std::collections::{BTreeMap, VecDeque};

/// What is sought, by whom, and what is to be asked.
#[derive(Debug, Default)]
pub(crate) struct Resolving {
    waiting: BTreeMap<Sought, Vec<Instance>>,
    questions: VecDeque<Sought>,
    count: usize,
}

impl Resolving {
    /// A leg needs its addresses. False: too many wait.
    pub(crate) fn ask(&mut self, sought: &Sought, leg: Instance) -> bool {
        if self.count >= NAMES_WAITING_MAX {
            return false;
        }
        self.count += 1;
        let waiting = self.waiting.entry(sought.clone()).or_default();
        if waiting.is_empty() {
            self.questions.push_back(sought.clone());
        }
        waiting.push(leg);
        true
    }

    /// The next that is to be found.
    pub(crate) fn poll(&mut self) -> Option<Sought> {
        self.questions.pop_front()
    }

    /// The legs that waited for it.
    pub(crate) fn take(&mut self, sought: &Sought) -> Vec<Instance> {
        let legs = self.waiting.remove(sought).unwrap_or_default();
        self.count -= legs.len();
        legs
    }

    /// A leg waits no longer.
    pub(crate) fn forget(&mut self, leg: Instance) {
        let mut left = 0;
        self.waiting.retain(|_, waiting| {
            waiting.retain(|one| *one != leg);
            left += waiting.len();
            !waiting.is_empty()
        });
        self.count = left;
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}
