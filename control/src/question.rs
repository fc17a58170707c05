//! A question that a request puts to the modules, and how their answers become one.

use crate::protocol::Problem;
use router::parameter::{Failure, Parameter, Selection};
use router::time::Duration;
use router::{Address, Command, ModuleKind, Parameters};
use serde_json::Value;

/// What a client's request becomes.
pub(crate) enum Action {
    /// Known at once.
    Reply(Value),
    /// Others are asked.
    Ask(Question),
    /// Follow news from now on.
    Follow(Feed, Filter),
    /// No longer.
    Unfollow(Feed),
    /// Prove that the client may.
    Login(String),
    /// The client has done.
    Logout,
}

/// What a client can follow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Feed {
    Calls,
    Registrations,
    Platforms,
    Messages,
    Trunks,
}

impl Feed {
    pub(crate) const ALL: [Self; 5] = [Self::Calls, Self::Registrations, Self::Platforms, Self::Messages, Self::Trunks];

    /// Whose news it is.
    pub(crate) const fn publishers(self) -> &'static [ModuleKind] {
        match self {
            Self::Calls => &[ModuleKind::Switch],
            Self::Registrations | Self::Messages => &[ModuleKind::Signaling],
            Self::Platforms => &[ModuleKind::Bridge],
            Self::Trunks => &[ModuleKind::Signaling, ModuleKind::Switch],
        }
    }
}

/// Which of a feed's news a client wants; empty: all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Filter {
    /// Only calls of this party, registrations of this account, or news of this trunk.
    pub(crate) party: Option<String>,
    /// Only this call.
    pub(crate) call: Option<String>,
}

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recipients {
    /// Any one of a kind.
    Any(ModuleKind),
    /// Every one of a kind.
    Each(ModuleKind),
    /// Every module of the platform.
    Everyone,
}

/// A module's last answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Who was asked.
    pub(crate) from: Address,
    /// What it said.
    pub(crate) result: Result<Parameters, Failure>,
}

/// What the answers came to.
pub(crate) enum Step {
    /// The reply.
    Done(Value),
    /// Something more is asked first.
    Ask(Question),
}

/// Turns all answers into one step.
pub(crate) type Finish = Box<dyn FnOnce(Vec<Answer>) -> Result<Step, Problem> + Send>;

/// How answers become a reply.
pub(crate) enum Gather {
    /// All are asked at once; the last answer finishes.
    All(Finish),
    /// A listing: one module after the other until the page is full.
    Page(Page),
}

/// A listing that may span modules.
pub(crate) struct Page {
    /// The list's key in the reply.
    pub(crate) key: &'static str,
    /// An item as JSON; `None` for parameters that are none.
    pub(crate) item: fn(&Parameter) -> Option<Value>,
    /// What is asked for, without cursor and limit.
    pub(crate) selection: Selection,
    /// The client's cursor.
    pub(crate) cursor: Option<String>,
    /// How many items at most.
    pub(crate) limit: u32,
}

/// A question.
pub(crate) struct Question {
    pub(crate) to: Recipients,
    pub(crate) command: Command,
    pub(crate) parameters: Parameters,
    pub(crate) within: Duration,
    pub(crate) gather: Gather,
    /// Whether the client is answered `in-progress` at once and gets a completion.
    pub(crate) slow: bool,
}

impl Question {
    /// Asks `to`, and finishes with what all of them answered.
    pub(crate) fn new(
        to: Recipients,
        command: Command,
        parameters: impl Into<Parameters>,
        within: Duration,
        finish: impl FnOnce(Vec<Answer>) -> Result<Step, Problem> + Send + 'static,
    ) -> Self {
        let gather = Gather::All(Box::new(finish));
        Self { to, command, parameters: parameters.into(), within, gather, slow: false }
    }

    /// The client is told that it is under way, and of the end.
    pub(crate) fn slow(self) -> Self {
        Self { slow: true, ..self }
    }
}

/// The answer of the one who was asked.
pub(crate) fn only(answers: Vec<Answer>) -> Result<Parameters, Problem> {
    match answers.into_iter().next() {
        Some(answer) => answer.result.map_err(Problem::from),
        None => Err(Problem::new(crate::protocol::Code::Unavailable)),
    }
}

/// What those who served it answered; the failure that tells most when none did: something other than "not found" first.
pub(crate) fn any(answers: Vec<Answer>) -> Result<Vec<Parameters>, Problem> {
    use router::parameter::Reason;
    let mut served = Vec::new();
    let mut failure: Option<Failure> = None;
    for answer in answers {
        match answer.result {
            Ok(parameters) => served.push(parameters),
            Err(other) if failure.as_ref().is_none_or(|kept| kept.reason == Reason::NotFound) => failure = Some(other),
            Err(_) => {}
        }
    }
    match (served.is_empty(), failure) {
        (true, Some(failure)) => Err(failure.into()),
        (true, None) => Err(Problem::new(crate::protocol::Code::Unavailable)),
        (false, _) => Ok(served),
    }
}
