//! Names that legs wait for.

use crate::limits::NAMES_WAITING_MAX;
use router::Instance;
use std::collections::{BTreeMap, VecDeque};

/// Names that legs wait for, and questions to be asked.
#[derive(Debug, Default)]
pub(crate) struct Resolving {
    waiting: BTreeMap<String, Vec<Instance>>,
    questions: VecDeque<String>,
    count: usize,
}

impl Resolving {
    /// A leg needs the addresses of a name. False: too many wait.
    pub(crate) fn ask(&mut self, name: &str, leg: Instance) -> bool {
        if self.count >= NAMES_WAITING_MAX {
            return false;
        }
        self.count += 1;
        let waiting = self.waiting.entry(name.to_owned()).or_default();
        if waiting.is_empty() {
            self.questions.push_back(name.to_owned());
        }
        waiting.push(leg);
        true
    }

    /// The next name to be resolved.
    pub(crate) fn poll(&mut self) -> Option<String> {
        self.questions.pop_front()
    }

    /// The legs that waited for a name.
    pub(crate) fn take(&mut self, name: &str) -> Vec<Instance> {
        let legs = self.waiting.remove(name).unwrap_or_default();
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
