//! The session itself: log in, log out, show that one is there, learn what there is.

use super::TOPICS;
use crate::protocol::{Problem, Request};
use crate::question::Action;
use serde::Deserialize;
use serde_json::{Map, json};

pub(super) const MESSAGES: &[&str] = &["login", "logout", "ping", "topics"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) fn action(request: &Request) -> Result<Action, Problem> {
    if request.header.message == "login" {
        return Ok(Action::Login(request.parameters::<Login>()?.token));
    }
    let Nothing {} = request.parameters()?;
    Ok(match request.header.message.as_str() {
        "logout" => Action::Logout,
        "topics" => {
            let topics: Map<_, _> = TOPICS.iter().map(|(topic, names)| ((*topic).to_owned(), json!(names))).collect();
            Action::Reply(json!({ "topics": topics }))
        }
        _ => Action::Reply(json!({})),
    })
}
