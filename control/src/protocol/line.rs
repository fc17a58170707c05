//! What a client is told: replies, progress, completions, events.

use crate::protocol::{Header, Problem};
use router::time::WallTime;
use serde_json::{Map, Value};

/// What a line from the server is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The answer to a request. The last one, unless its status is `in-progress`.
    Reply,
    /// A step of a request that was answered `in-progress`.
    Progress,
    /// The end of a request that was answered `in-progress`.
    Completion,
    /// News that the client follows, or about its session.
    Event,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Progress => "progress",
            Self::Completion => "completion",
            Self::Event => "event",
        }
    }
}

/// A line before it has its place in a session's sequence.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) header: Header,
    pub(crate) content: Content,
}

/// What a line says.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Under way: a completion with the same identifier follows.
    InProgress,
    /// Served.
    Body(Value),
    /// Not served, and why.
    Problem(Problem),
}

impl Line {
    /// Writes the line with its standard headers. `missed` events before it were dropped.
    pub(crate) fn write(&self, at: WallTime, sequence: u64, missed: u64) -> String {
        let mut json = Map::new();
        json.insert("topic".into(), self.header.topic.clone().into());
        json.insert("message".into(), self.header.message.clone().into());
        json.insert("kind".into(), self.kind.name().into());
        json.insert("timestamp".into(), at.to_string().into());
        json.insert("sequence-id".into(), sequence.into());
        if let Some(id) = &self.header.request_id {
            json.insert("request-id".into(), id.clone());
        }
        if missed > 0 {
            json.insert("missed".into(), missed.into());
        }
        match &self.content {
            Content::InProgress => {
                json.insert("status".into(), "in-progress".into());
            }
            Content::Body(body) => {
                if self.kind != Kind::Event {
                    let status = if self.kind == Kind::Progress { "in-progress" } else { "ok" };
                    json.insert("status".into(), status.into());
                }
                json.insert("body".into(), body.clone());
            }
            Content::Problem(problem) => {
                json.insert("status".into(), "error".into());
                json.insert("error".into(), problem.to_json());
            }
        }
        Value::Object(json).to_string()
    }
}
