//! Messages as they come: what is kept is asked for again and again, and what is new in it is told.

use super::client::{Client, CtlError};
use super::of_number;
use router::time::Duration;
use serde_json::{Value, json};
use std::collections::HashSet;

/// How often it asks.
const PAUSE: Duration = Duration::from_millis(250);

/// Messages that it asks for: as many as the server tells at once.
const PAGE: u32 = 200;

/// Legs that a number is known to have: as many as somebody can follow with his eyes, and then some.
const LEGS: usize = 10_000;

/// What was told last.
pub(super) struct Follow {
    call: Option<String>,
    number: Option<String>,
    /// The messages of the last page.
    seen: Option<HashSet<String>>,
    /// The Call-IDs of the number's legs.
    legs: HashSet<String>,
}

impl Follow {
    /// Of a call, of a number, or of all.
    pub(super) fn new(call: Option<String>, number: Option<String>) -> Self {
        Self { call, number, seen: None, legs: HashSet::new() }
    }

    /// Waits a moment, and asks for what is new; whether something was missed.
    pub(super) fn next(&mut self, client: &mut Client) -> Result<(Vec<Value>, bool), CtlError> {
        if self.seen.is_some() {
            #[expect(
                clippy::disallowed_methods,
                reason = "a command that waits for what comes, on a thread of its own"
            )]
            std::thread::sleep(PAUSE);
        }
        let mut body = json!({ "limit": PAGE });
        if let Some(call) = &self.call {
            body["call"] = call.as_str().into();
        }
        let reply = client.ask("trace", "get", body)?;
        Ok(self.take(reply["messages"].as_array().cloned().unwrap_or_default()))
    }

    /// What is new in a page. Of the first one all that is of one call, and nothing where all are followed.
    fn take(&mut self, page: Vec<Value>) -> (Vec<Value>, bool) {
        let is_full = page.len() == PAGE as usize;
        let now: HashSet<String> = page.iter().map(Value::to_string).collect();
        let (mut new, mut missed) = (Vec::new(), false);
        if let Some(seen) = &self.seen {
            missed = is_full && now.is_disjoint(seen);
            new = page.into_iter().filter(|message| !seen.contains(&message.to_string())).collect();
        } else if self.call.is_some() {
            new = page;
        } else {
            // Legs that are up may go on.
            page.iter().for_each(|message| {
                self.is_wanted(message);
            });
        }
        self.seen = Some(now);
        new.retain(|message| self.is_wanted(message));
        (new, missed)
    }

    fn is_wanted(&mut self, message: &Value) -> bool {
        let Some(number) = &self.number else { return true };
        let (leg, text) =
            (message["leg"].as_str().unwrap_or_default(), message["message"].as_str().unwrap_or_default());
        if self.legs.contains(leg) {
            return true;
        }
        let wanted = of_number::names(text, number);
        if wanted && self.legs.len() < LEGS {
            self.legs.insert(leg.to_owned());
        }
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize, leg: &str, to: &str) -> Value {
        json!({ "at": number, "leg": leg, "message": format!("BYE sip:{to}@h SIP/2.0\r\n\r\n") })
    }

    fn ats(new: &[Value]) -> Vec<u64> {
        new.iter().filter_map(|message| message["at"].as_u64()).collect()
    }

    #[test]
    fn what_is_new_is_told_once() {
        let mut all = Follow::new(None, None);
        assert_eq!(all.take(vec![message(1, "a", "x"), message(2, "a", "x")]), (Vec::new(), false));
        let (new, missed) = all.take(vec![message(2, "a", "x"), message(3, "b", "y")]);
        assert_eq!((ats(&new), missed), (vec![3], false));
        assert_eq!(all.take(vec![message(3, "b", "y")]).0.len(), 0);
        let mut call = Follow::new(Some("id".to_owned()), None);
        assert_eq!(ats(&call.take(vec![message(1, "a", "x")]).0), [1], "of a call what was before is told, too");
    }

    #[test]
    fn a_number_has_all_messages_of_its_legs() {
        let mut follow = Follow::new(None, Some("0301234".to_owned()));
        follow.take(Vec::new());
        let page = vec![message(1, "a", "+49301234"), message(2, "a", "other"), message(3, "b", "other")];
        assert_eq!(ats(&follow.take(page).0), [1, 2]);
    }

    #[test]
    fn more_than_a_page_at_once_is_said() {
        let mut follow = Follow::new(None, None);
        let page =
            |from: usize| (from..from + PAGE as usize).map(|number| message(number, "a", "x")).collect::<Vec<_>>();
        follow.take(page(0));
        assert!(!follow.take(page(100)).1);
        assert!(follow.take(page(1_000)).1);
    }
}
