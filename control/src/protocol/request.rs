//! What a client asks.

use crate::limits::{REQUEST_ID_BYTES, TEXT_BYTES};
use crate::protocol::once::Once;
use crate::protocol::{Code, Problem};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What ties a reply to its request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Header {
    pub(crate) topic: String,
    pub(crate) message: String,
    /// As the client gave it: a string or a number.
    pub(crate) request_id: Option<Value>,
}

impl Header {
    /// The header of an event.
    pub(crate) fn event(topic: &str, message: &str) -> Self {
        Self { topic: topic.to_owned(), message: message.to_owned(), request_id: None }
    }
}

/// A request as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    pub(crate) header: Header,
    pub(crate) body: Map<String, Value>,
}

/// A request that is not served: under which header its client is told, and why.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) header: Header,
    pub(crate) problem: Problem,
}

impl Rejected {
    pub(crate) fn new(header: Header, problem: Problem) -> Box<Self> {
        Box::new(Self { header, problem })
    }
}

/// The standard headers, as a client writes them. `timestamp` and `sequence-id` are the client's own and come to nothing here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wire {
    topic: String,
    message: String,
    #[serde(default)]
    request_id: Option<Value>,
    #[serde(default, rename = "timestamp")]
    _timestamp: Option<Value>,
    #[serde(default, rename = "sequence-id")]
    _sequence_id: Option<Value>,
    #[serde(default)]
    body: Map<String, Value>,
}

impl Request {
    /// Reads a line. A line that is no request is reported under the identifier that it names, if one can be read.
    pub(crate) fn read(line: &str) -> Result<Self, Box<Rejected>> {
        let (value, twice) = match serde_json::from_str(line) {
            Ok(Once(value)) => (value, None),
            Err(fault) => match serde_json::from_str::<Value>(line) {
                Ok(value) => (value, Some(fault)),
                Err(error) => {
                    let problem = Problem::because(Code::Malformed, format!("not JSON: {error}"));
                    return Err(Rejected::new(Header::event("session", "request"), problem));
                }
            },
        };
        if !value.is_object() {
            let problem = Problem::because(Code::Malformed, "a request is a JSON object with `topic` and `message`");
            return Err(Rejected::new(Header::event("session", "request"), problem));
        }
        let text = |key: &str| value.get(key).and_then(Value::as_str).filter(|text| text.len() <= TEXT_BYTES);
        let header = Header {
            topic: text("topic").unwrap_or("session").to_owned(),
            message: text("message").unwrap_or("request").to_owned(),
            request_id: value.get("request-id").filter(|id| is_identifier(id)).cloned(),
        };
        let malformed = |why: String| Rejected::new(header.clone(), Problem::because(Code::Malformed, why));
        if let Some(twice) = twice {
            return Err(malformed(twice.to_string()));
        }
        let wire: Wire = serde_json::from_value(value).map_err(|error| malformed(error.to_string()))?;
        if wire.topic.len() > TEXT_BYTES || wire.message.len() > TEXT_BYTES {
            return Err(malformed("topic and message are names".to_owned()));
        }
        if wire.request_id.as_ref().is_some_and(|id| !is_identifier(id)) {
            return Err(malformed(format!("request-id is a number or a string of at most {REQUEST_ID_BYTES} bytes")));
        }
        Ok(Self { header, body: wire.body })
    }

    /// The request's parameters, typed. Missing and unknown ones are the client's fault.
    pub(crate) fn parameters<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_value(Value::Object(self.body.clone()))
            .map_err(|error| Problem::because(Code::Invalid, error.to_string()))
    }
}

fn is_identifier(id: &Value) -> bool {
    match id {
        Value::Number(_) => true,
        Value::String(text) => text.len() <= REQUEST_ID_BYTES,
        _ => false,
    }
}

/// A text parameter within its bound.
pub(crate) fn bounded(name: &str, text: String) -> Result<String, Problem> {
    if text.is_empty() || text.len() > TEXT_BYTES || text.chars().any(char::is_control) {
        return Err(Problem::because(Code::Invalid, format!("{name} is a text of 1 to {TEXT_BYTES} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_standard_headers() {
        let line = r#"{"topic":"calls","message":"get","request-id":"a1","timestamp":"x","sequence-id":4,"body":{"call":"c"}}"#;
        let request = Request::read(line).unwrap();
        assert_eq!(request.header.topic, "calls");
        assert_eq!(request.header.request_id, Some("a1".into()));
        assert_eq!(request.body["call"], "c");
    }

    #[test]
    fn a_faulty_request_is_reported_under_its_own_identifier() {
        let Rejected { header, problem } = *Request::read(r#"{"topic":"calls","request-id":7}"#).unwrap_err();
        assert_eq!(header.request_id, Some(7.into()));
        assert_eq!(problem.code, Code::Malformed);
        assert!(problem.text.contains("message"), "{}", problem.text);
    }

    #[test]
    fn what_is_no_request_is_malformed() {
        let long = format!(r#"{{"topic":"a","message":"b","request-id":"{}"}}"#, "x".repeat(REQUEST_ID_BYTES + 1));
        for line in
            ["", "1", "[]", "{", "nul", r#"{"topic":1,"message":"a"}"#, r#"{"topic":"a","message":"b","more":1}"#]
                .into_iter()
                .chain([long.as_str(), &"[".repeat(60_000)])
        {
            assert_eq!(Request::read(line).unwrap_err().problem.code, Code::Malformed);
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused() {
        for (line, key) in [
            (r#"{"topic":"calls","topic":"system","message":"status","request-id":3}"#, "`topic`"),
            (r#"{"topic":"calls","message":"get","request-id":3,"body":{"call":"a","call":"b"}}"#, "`call`"),
        ] {
            let Rejected { header, problem } = *Request::read(line).unwrap_err();
            assert_eq!((problem.code, header.request_id), (Code::Malformed, Some(3.into())));
            assert!(problem.text.starts_with(&format!("{key} is there twice")), "{}", problem.text);
        }
    }

    #[test]
    fn what_is_no_object_is_told_so_in_words() {
        for line in ["[]", "1", "null", "\"status\""] {
            let problem = Request::read(line).unwrap_err().problem;
            assert_eq!(problem.text, "a request is a JSON object with `topic` and `message`");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_panics(line in "\\PC{0,200}") {
            let _ = Request::read(&line);
        }
    }
}
