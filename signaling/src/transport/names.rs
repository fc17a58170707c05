//! Where names lead to, as far as it is known, and what has to be asked to find out (RFC 3263); and what rules there are for numbers (RFC 6116).
//! No clock, no socket.

mod e164;
mod location;
mod records;
mod weights;

pub use e164::{Place, name_of as name_of_number, places as places_of_number};
pub use records::{Answer, Naptr, Question, Records, Srv};

use std::collections::{BTreeMap, VecDeque};

use router::Random;
use router::time::{Duration, Instant};

use self::location::Walk;
use self::records::Cache;
use super::kind::Transport;
use super::limits::{LOCATED_WITHIN, SOUGHT_MAX};
use super::sought::{Resolution, Sought};

/// A turn takes less.
const TURN: Duration = Duration::from_millis(100);

/// What is known of names, who waits for more, and the questions that are to be asked.
///
/// After any input: [`poll_question`](Self::poll_question) and [`poll_located`](Self::poll_located) until `None`.
#[derive(Debug)]
pub struct Names {
    cache: Cache,
    numbers: Cache,
    served: Vec<Transport>,
    random: Random,
    waiting: BTreeMap<Sought, Waiting>,
    questions: Vec<Question>,
    located: VecDeque<(Sought, Resolution)>,
}

#[derive(Debug)]
struct Waiting {
    began: Instant,
    seed: u64,
    missing: Vec<Question>,
}

impl Names {
    /// Nothing is known. `served`: the transports that may be used where a name leaves the choice to its zone, the preferred
    /// one first.
    pub fn new(served: Vec<Transport>, random: Random) -> Names {
        Names {
            cache: Cache::default(),
            numbers: Cache::of_numbers(),
            served,
            random,
            waiting: BTreeMap::new(),
            questions: Vec::new(),
            located: VecDeque::new(),
        }
    }

    /// Where something is. While it is [`Resolution::Pending`], the answer comes from [`poll_located`](Self::poll_located).
    /// The order among hosts of equal rank is drawn anew each time (RFC 2782).
    pub fn locate(&mut self, now: Instant, sought: &Sought) -> Resolution {
        if self.waiting.contains_key(sought) {
            return Resolution::Pending;
        }
        let seed = self.random.next_u64();
        // Numbers, of which callers dial what they like, leave room for the names that all calls need.
        let most = if sought.is_number { SOUGHT_MAX / 2 } else { SOUGHT_MAX };
        match self.walk(now, now, seed, sought) {
            (resolution, missing) if missing.is_empty() => resolution,
            _ if self.waiting.len() >= most => Resolution::Unknown,
            (_, missing) => {
                self.waiting.insert(sought.clone(), Waiting { began: now, seed, missing });
                Resolution::Pending
            }
        }
    }

    /// The next question to the name service.
    pub fn poll_question(&mut self) -> Option<Question> {
        self.questions.pop()
    }

    /// Whether what was known of a question serves if the name service takes long: it is to be told so ([`Answer::Late`]).
    pub fn may_be_late(&self, question: &Question) -> bool {
        match question {
            Question::Number(_) => self.numbers.knows(question),
            _ => self.cache.knows(question),
        }
    }

    /// The name service has answered a question.
    pub fn handle_answer(&mut self, now: Instant, question: &Question, answer: Answer) {
        if !self.cache_of(question).answer(now, question, answer) {
            return;
        }
        let concerned = self.waiting.iter().filter(|(_, waiting)| waiting.missing.contains(question));
        for sought in concerned.map(|(sought, _)| sought.clone()).collect::<Vec<_>>() {
            let Some(Waiting { began, seed, mut missing }) = self.waiting.remove(&sought) else { continue };
            missing.retain(|one| one != question);
            if !missing.is_empty() {
                self.waiting.insert(sought, Waiting { began, seed, missing });
                continue;
            }
            match self.walk(now, began, seed, &sought) {
                (resolution, missing) if missing.is_empty() => self.located.push_back((sought, resolution)),
                (_, missing) => drop(self.waiting.insert(sought, Waiting { began, seed, missing })),
            }
        }
    }

    fn cache_of(&mut self, question: &Question) -> &mut Cache {
        match question {
            Question::Number(_) => &mut self.numbers,
            _ => &mut self.cache,
        }
    }

    /// Whether something waits for answers.
    pub fn is_waiting(&self, sought: &Sought) -> bool {
        self.waiting.contains_key(sought)
    }

    /// Something has waited for answers for [`LOCATED_WITHIN`], if it still does: it is where it is known to be, or nowhere. Answers that
    /// come later are remembered.
    pub fn give_up(&mut self, now: Instant, sought: &Sought) {
        // The time is that at which a turn began.
        let is_overdue = |waiting: &Waiting| now + TURN >= waiting.began + LOCATED_WITHIN;
        if !self.waiting.get(sought).is_some_and(is_overdue) {
            return;
        }
        if let Some(Waiting { began, seed, .. }) = self.waiting.remove(sought) {
            let (mut found, mut missing) = self.walk(now, began, seed, sought);
            // What was known serves, as where a single question takes long.
            while missing.iter().any(|question| self.cache_of(question).answer(now, question, Answer::Late)) {
                (found, missing) = self.walk(now, began, seed, sought);
            }
            self.located.push_back((sought.clone(), found));
        }
    }

    /// The next thing that was waited for and is found, or not to be found.
    pub fn poll_located(&mut self) -> Option<(Sought, Resolution)> {
        self.located.pop_front()
    }

    /// How many answers are kept.
    pub fn known(&self) -> usize {
        self.cache.len() + self.numbers.len()
    }

    /// Where something is as far as is known, and what would have to be known for more.
    fn walk(&mut self, now: Instant, began: Instant, seed: u64, sought: &Sought) -> (Resolution, Vec<Question>) {
        let mut walk = Walk {
            cache: if sought.is_number { &mut self.numbers } else { &mut self.cache },
            now,
            began,
            served: &self.served,
            random: Random::from_seed(seed),
            questions: &mut self.questions,
            missing: Vec::new(),
        };
        let found = match sought.is_number {
            true => walk.rules(sought),
            false => Resolution::of(walk.locate(sought)),
        };
        (found, walk.missing)
    }
}

#[cfg(test)]
mod tests;
