//! One module a topic: its messages, the packets that they become, the JSON that answers become.
//!
//! | topic | messages |
//! |---|---|
//! | `session` | `login`, `logout`, `ping`, `topics` |
//! | `system` | `status`, `reload` |
//! | `calls` | `list`, `get`, `hangup`, `make`, `transfer`, `conference`, `subscribe`, `unsubscribe` |
//! | `conferences` | `list` |
//! | `records` | `search` |
//! | `registrations` | `list`, `subscribe`, `unsubscribe` |
//! | `trunks` | `list` |
//! | `bans` | `list`, `lift` |
//! | `workers` | `list` |
//! | `platforms` | `list`, `forget`, `subscribe`, `unsubscribe` |
//! | `accounts` | `list`, `add`, `remove`, `set-password`, `enable`, `disable` |
//! | `messages` | `send`, `subscribe`, `unsubscribe` |
//! | `mailboxes` | `set-waiting` |
//! | `trace` | `get` |

mod accounts;
mod bans;
pub(crate) mod calls;
mod conferences;
mod mailboxes;
pub(crate) mod messages;
mod party;
pub(crate) mod platforms;
mod records;
pub(crate) mod registrations;
mod session;
mod status;
mod system;
mod trace;
pub(crate) mod trunks;
mod workers;

use crate::limits::{PAGE, PAGE_MAX};
use crate::protocol::{Code, Problem, Request};
use crate::question::Action;
use router::Random;
use router::time::{Now, WallTime};
use serde_json::Value;

/// What a topic may use beside the request.
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) random: &'a mut Random,
}

/// Topics and their messages, as `session.topics` tells them.
pub(crate) const TOPICS: &[(&str, &[&str])] = &[
    ("session", session::MESSAGES),
    ("system", system::MESSAGES),
    ("calls", calls::MESSAGES),
    ("conferences", conferences::MESSAGES),
    ("records", records::MESSAGES),
    ("registrations", registrations::MESSAGES),
    ("trunks", trunks::MESSAGES),
    ("bans", bans::MESSAGES),
    ("workers", workers::MESSAGES),
    ("platforms", platforms::MESSAGES),
    ("accounts", accounts::MESSAGES),
    ("messages", messages::MESSAGES),
    ("mailboxes", mailboxes::MESSAGES),
    ("trace", trace::MESSAGES),
];

/// What a request becomes.
pub(crate) fn action(request: &Request, context: &mut Context<'_>) -> Result<Action, Problem> {
    let topic = request.header.topic.as_str();
    let Some((_, messages)) = TOPICS.iter().find(|(name, _)| *name == topic) else {
        return Err(Problem::new(Code::UnknownTopic));
    };
    if !messages.contains(&request.header.message.as_str()) {
        let known = messages.join(", ");
        return Err(Problem::because(Code::UnknownMessage, format!("the messages of {topic} are: {known}")));
    }
    match topic {
        "session" => session::action(request),
        "system" => system::action(request),
        "calls" => calls::action(request),
        "conferences" => conferences::action(request),
        "records" => records::action(request),
        "registrations" => registrations::action(request),
        "trunks" => trunks::action(request),
        "bans" => bans::action(request),
        "workers" => workers::action(request),
        "platforms" => platforms::action(request),
        "accounts" => accounts::action(request, context),
        "messages" => messages::action(request),
        "mailboxes" => mailboxes::action(request),
        "trace" => trace::action(request),
        _ => Err(Problem::new(Code::UnknownTopic)),
    }
}

/// How many items a request wants, of `most` at most.
fn limit(asked: Option<u32>, most: u32) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(PAGE.min(most));
    if !(1..=most).contains(&limit) {
        return Err(Problem::because(Code::Invalid, format!("limit is a number from 1 to {most}")));
    }
    Ok(limit)
}

/// A page's length.
fn page_limit(asked: Option<u32>) -> Result<u32, Problem> {
    limit(asked, PAGE_MAX)
}

/// The call that a request names is nobody's.
fn no_such_call() -> Problem {
    Problem::because(Code::NotFound, "there is no such call")
}

/// A moment, or null.
fn optional_time(at: Option<WallTime>) -> Value {
    at.map_or(Value::Null, |at| at.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    #[test]
    fn a_limit_beyond_its_bounds_is_refused() {
        let mut random = Random::from_seed(1);
        for (topic, message, most) in [("calls", "list", 500), ("records", "search", 500), ("trace", "get", 200)] {
            for (limit, taken) in [(0, false), (1, true), (most, true), (most + 1, false)] {
                let line = json!({ "topic": topic, "message": message, "body": { "limit": limit } }).to_string();
                let request = Request::read(&line).unwrap();
                let mut context = Context { now: Now::default(), random: &mut random };
                match action(&request, &mut context) {
                    Ok(_) => assert!(taken, "{line}"),
                    Err(problem) => {
                        assert!(!taken && problem.code == Code::Invalid, "{line}");
                        assert!(problem.text.contains(&format!("1 to {most}")), "{}", problem.text);
                    }
                }
            }
        }
    }

    #[test]
    fn every_listed_message_is_served() {
        let mut random = Random::from_seed(1);
        for (topic, messages) in TOPICS {
            for message in *messages {
                let header = crate::protocol::Header {
                    topic: (*topic).to_owned(),
                    message: (*message).to_owned(),
                    request_id: None,
                };
                let request = Request { header, body: Map::new() };
                let mut context = Context { now: Now::default(), random: &mut random };
                if let Err(problem) = action(&request, &mut context) {
                    assert_eq!(problem.code, Code::Invalid, "{topic}.{message} misses parameters at most");
                }
            }
        }
    }
}
