//! Error codes: what a client's program can act on.

use crate::limits::PROBLEM_BYTES;
use router::parameter::{Cause, Failure, Reason};
use serde_json::{Value, json};

/// The code of an error reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// The line is not a JSON object with the headers of a request. The client's fault.
    Malformed,
    /// No such topic.
    UnknownTopic,
    /// The topic has no such message.
    UnknownMessage,
    /// A parameter is missing, unknown, or contradicts another or the state of what it names.
    Invalid,
    /// Log in first.
    LoginRequired,
    /// Not allowed; or the token is wrong.
    Refused,
    /// What the request names is not there.
    NotFound,
    /// What the request would make is there already.
    Exists,
    /// Too much is asked at once. Later may do.
    Busy,
    /// Nothing is left of what was asked for.
    Exhausted,
    /// The far peer refused or failed; `cause` tells how.
    Peer,
    /// The module did not answer in time.
    Timeout,
    /// The platform does not run the module that serves this, or is not linked to the one that does.
    Unavailable,
    /// The module does not serve this.
    Unsupported,
    /// The platform's own fault.
    Internal,
}

impl Code {
    /// As it is written in a reply.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownTopic => "unknown-topic",
            Self::UnknownMessage => "unknown-message",
            Self::Invalid => "invalid",
            Self::LoginRequired => "login-required",
            Self::Refused => "refused",
            Self::NotFound => "not-found",
            Self::Exists => "exists",
            Self::Busy => "busy",
            Self::Exhausted => "exhausted",
            Self::Peer => "peer",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
        }
    }

    /// The code of a failure: the one place where reasons of the router become codes of this protocol.
    pub const fn of(reason: Reason) -> Self {
        match reason {
            Reason::Unsupported => Self::Unsupported,
            Reason::UnknownDestination | Reason::PlatformAbsent => Self::Unavailable,
            Reason::Busy => Self::Busy,
            Reason::Expired => Self::Timeout,
            Reason::NotFound => Self::NotFound,
            Reason::Invalid => Self::Invalid,
            Reason::Refused => Self::Refused,
            Reason::Exhausted => Self::Exhausted,
            Reason::Peer => Self::Peer,
            Reason::Internal => Self::Internal,
        }
    }

    /// A sentence for people where nobody has a better one.
    const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "the line is not a request",
            Self::UnknownTopic => "there is no such topic",
            Self::UnknownMessage => "the topic has no such message",
            Self::Invalid => "the request contradicts itself or the state of what it names",
            Self::LoginRequired => "log in first",
            Self::Refused => "not allowed",
            Self::NotFound => "there is no such thing",
            Self::Exists => "it exists already",
            Self::Busy => "too much is asked at once; try again later",
            Self::Exhausted => "nothing is left of what was asked for",
            Self::Peer => "the far end refused or failed",
            Self::Timeout => "the module did not answer in time",
            Self::Unavailable => "the platform does not run the module that serves this",
            Self::Unsupported => "the module does not serve this",
            Self::Internal => "the platform has a fault of its own",
        }
    }
}

/// Why a request was not served, as its client is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) text: String,
    pub(crate) cause: Option<Cause>,
    pub(crate) retry_after_s: Option<u32>,
}

impl Problem {
    /// A code with its own sentence.
    pub(crate) fn new(code: Code) -> Self {
        Self { code, text: code.sentence().to_owned(), cause: None, retry_after_s: None }
    }

    /// A code with a sentence for people.
    pub(crate) fn because(code: Code, text: impl Into<String>) -> Self {
        let text: String = text.into();
        // It may repeat what the client sent.
        let text = if text.len() > PROBLEM_BYTES { text.chars().take(PROBLEM_BYTES / 4).collect() } else { text };
        Self { text, ..Self::new(code) }
    }

    /// The `error` of a reply.
    pub(crate) fn to_json(&self) -> Value {
        let mut error = json!({ "code": self.code.name(), "text": self.text });
        if let Some(cause) = &self.cause {
            error["cause"] = cause_to_json(cause);
        }
        if let Some(seconds) = self.retry_after_s {
            error["retry-after-s"] = seconds.into();
        }
        error
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let code = Code::of(failure.reason);
        Self {
            code,
            text: failure.detail.unwrap_or_else(|| code.sentence().to_owned()),
            cause: failure.cause,
            retry_after_s: failure.retry_after_s,
        }
    }
}

/// Why a call ended: its kind, the Q.850 value, and the protocol's own code and words where a peer gave them.
pub(crate) fn cause_to_json(cause: &Cause) -> Value {
    let mut json = json!({ "kind": cause.kind.name(), "q850": cause.q850.unwrap_or(cause.kind.q850()) });
    if let Some(code) = cause.code {
        json["code"] = code.into();
    }
    if let Some(text) = &cause.text {
        json["text"] = text.clone().into();
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::CauseKind;

    #[test]
    fn a_failure_keeps_its_cause_and_its_words() {
        let cause = Cause { code: Some(486), ..Cause::new(CauseKind::Busy) };
        let problem = Problem::from(Failure::because(cause).with_detail("the callee is busy"));
        assert_eq!(
            problem.to_json(),
            json!({ "code": "peer", "text": "the callee is busy", "cause": { "kind": "busy", "q850": 17, "code": 486 } })
        );
    }

    #[test]
    fn a_failure_without_words_gets_a_sentence() {
        let problem = Problem::from(Failure { retry_after_s: Some(3), ..Failure::new(Reason::Busy) });
        assert_eq!(problem.code, Code::Busy);
        assert_eq!(problem.to_json()["retry-after-s"], 3);
        assert!(!problem.text.is_empty());
    }
}
