//! The client's side of the control socket.

use crate::limits::{ANSWER_WITHIN, COMPLETION_WITHIN, REPLY_BYTES};
use router::time::Duration;
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Why a command did not work.
#[derive(Debug)]
pub(crate) enum CtlError {
    /// No server answers at the socket.
    Unreachable {
        /// Which.
        socket: PathBuf,
        /// Whether the operator has named it.
        named: bool,
        /// What the system said.
        error: io::Error,
    },
    /// The configuration that names the socket has mistakes.
    Configuration(String),
    /// The server went away, or said what this version does not understand.
    Broken(String),
    /// The server refused.
    Refused {
        /// The error's code.
        code: String,
        /// Its sentence.
        text: String,
    },
    /// A file of the operator's could not be written.
    Local(String),
}

impl fmt::Display for CtlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { socket, error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                write!(f, "{} belongs to another user: only the server's owner can steer it", socket.display())
            }
            Self::Unreachable { socket, named: true, error } => {
                write!(f, "no server answers at {} ({error}), which was named. Is it running?", socket.display())
            }
            Self::Unreachable { socket, error, .. } => write!(
                f,
                "no server answers at {} ({error}). Is it running? It is looked for in this folder; --socket or \
                 TANDEM_SOCKET name another",
                socket.display()
            ),
            Self::Configuration(why) | Self::Broken(why) | Self::Local(why) => f.write_str(why),
            Self::Refused { code, text } => write!(f, "{text} ({code})"),
        }
    }
}

/// A connection to a server.
pub(crate) struct Client {
    reader: BufReader<UnixStream>,
    next: u64,
}

impl Client {
    pub(super) fn connect(socket: &Path, named: bool) -> Result<Self, CtlError> {
        let unreachable = |error| CtlError::Unreachable { socket: socket.to_owned(), named, error };
        let stream = UnixStream::connect(socket).map_err(unreachable)?;
        Ok(Self { reader: BufReader::new(stream), next: 1 })
    }

    /// Asks, and waits for the last answer's body. `progress` gets the bodies on the way.
    pub(super) fn ask_slowly(
        &mut self,
        topic: &str,
        message: &str,
        body: Value,
        mut progress: impl FnMut(&Value),
    ) -> Result<Value, CtlError> {
        let id = self.next;
        self.next += 1;
        let request = json!({ "topic": topic, "message": message, "request-id": id, "body": body });
        if let Err(error) = self.send(&request) {
            // A server that closes says why before.
            return Err(match self.line() {
                Ok(line) if is_closing(&line) => refused(&line["error"]),
                _ => broken(&error),
            });
        }
        self.waits(Some(ANSWER_WITHIN));
        loop {
            let mut line = self.line()?;
            if is_closing(&line) {
                return Err(refused(&line["error"]));
            }
            if line["request-id"] != id {
                continue;
            }
            match line["status"].as_str() {
                Some("in-progress") => {
                    self.waits(Some(COMPLETION_WITHIN));
                    progress(&line["body"]);
                }
                Some("ok") => return Ok(line["body"].take()),
                _ => return Err(refused(&line["error"])),
            }
        }
    }

    /// One line in one piece.
    fn send(&mut self, request: &Value) -> io::Result<()> {
        self.reader.get_mut().write_all(format!("{request}\n").as_bytes())
    }

    /// Asks, and waits for the answer's body.
    pub(super) fn ask(&mut self, topic: &str, message: &str, body: Value) -> Result<Value, CtlError> {
        self.ask_slowly(topic, message, body, |_| {})
    }

    /// Asks one after the other without waiting for the answers of those before; each answer is given with its place in the order. Ends at
    /// what breaks the connection.
    pub(super) fn ask_all(
        &mut self,
        topic: &str,
        message: &str,
        bodies: impl IntoIterator<Item = Value>,
        mut each: impl FnMut(usize, Result<Value, CtlError>),
    ) -> Result<(), CtlError> {
        let first = self.next;
        let mut bodies = bodies.into_iter().fuse();
        let mut waiting = 0;
        loop {
            while waiting < AT_ONCE
                && let Some(body) = bodies.next()
            {
                let request = json!({ "topic": topic, "message": message, "request-id": self.next, "body": body });
                self.send(&request).map_err(|error| broken(&error))?;
                self.next += 1;
                waiting += 1;
            }
            if waiting == 0 {
                return Ok(());
            }
            self.waits(Some(COMPLETION_WITHIN));
            let mut line = self.line()?;
            if is_closing(&line) {
                return Err(refused(&line["error"]));
            }
            let Some(id) = line["request-id"].as_u64().filter(|id| (first..self.next).contains(id)) else { continue };
            let place = usize::try_from(id - first).unwrap_or(usize::MAX);
            match line["status"].as_str() {
                Some("in-progress") => continue,
                Some("ok") => each(place, Ok(line["body"].take())),
                _ => each(place, Err(refused(&line["error"]))),
            }
            waiting -= 1;
        }
    }

    /// All items of a listing, at most `limit`.
    pub(super) fn list(
        &mut self,
        topic: &str,
        message: &str,
        key: &str,
        body: Value,
        limit: Option<usize>,
    ) -> Result<Vec<Value>, CtlError> {
        let mut items: Vec<Value> = Vec::new();
        self.pages(topic, message, key, body, limit, |page| items.extend(page))?;
        Ok(items)
    }

    /// The same, page by page, so that of a long one no more than a page is held.
    pub(super) fn pages(
        &mut self,
        topic: &str,
        message: &str,
        key: &str,
        mut body: Value,
        limit: Option<usize>,
        mut each: impl FnMut(Vec<Value>),
    ) -> Result<(), CtlError> {
        let mut given = 0;
        loop {
            let left = limit.map_or(PAGE, |limit| limit.saturating_sub(given).min(PAGE));
            if left == 0 {
                return Ok(());
            }
            body["limit"] = left.into();
            let mut page = self.ask(topic, message, body.clone())?;
            if let Value::Array(items) = page[key].take() {
                given += items.len();
                each(items);
            }
            match page["cursor"].take() {
                Value::String(cursor) => body["cursor"] = cursor.into(),
                _ => return Ok(()),
            }
        }
    }

    /// From now on it waits for ever: for events, which may never come.
    pub(super) fn is_patient(&self) {
        self.waits(None);
    }

    /// For how long it waits for a line.
    fn waits(&self, within: Option<Duration>) {
        // A socket that is not there any more is noticed where it is read.
        let _ = self.reader.get_ref().set_read_timeout(within);
    }

    /// The next line of the server.
    pub(super) fn line(&mut self) -> Result<Value, CtlError> {
        let mut line = Vec::new();
        let read = (&mut self.reader).take(REPLY_BYTES).read_until(b'\n', &mut line).map_err(|error| broken(&error))?;
        if read == 0 {
            return Err(CtlError::Broken("the server closed the connection".to_owned()));
        }
        serde_json::from_slice(&line).map_err(|error| CtlError::Broken(format!("the server sent no JSON: {error}")))
    }
}

/// Items asked for at once.
const PAGE: usize = 500;

/// Requests that wait for their answers at once: below what the server takes of one client.
const AT_ONCE: usize = control::limits::REQUESTS_PER_SESSION / 2;

/// Whether the server says why it closes the connection.
fn is_closing(line: &Value) -> bool {
    line["topic"] == "session" && line["message"] == "closing" && line["error"].is_object()
}

fn broken(error: &io::Error) -> CtlError {
    if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        return CtlError::Broken("the server does not answer: it hangs, or was stopped".to_owned());
    }
    CtlError::Broken(format!("the connection to the server broke: {error}"))
}

fn refused(error: &Value) -> CtlError {
    let text = error["text"].as_str().unwrap_or("the server refused");
    let text = match error["cause"]["kind"].as_str() {
        Some(cause) => format!("{text}: {cause}"),
        None => text.to_owned(),
    };
    CtlError::Refused { code: error["code"].as_str().unwrap_or("unknown").to_owned(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client whose server has said `lines` and will say no more.
    fn client(lines: &str) -> (Client, UnixStream) {
        let (own, mut server) = UnixStream::pair().unwrap();
        server.write_all(lines.as_bytes()).unwrap();
        (Client { reader: BufReader::new(own), next: 1 }, server)
    }

    #[test]
    fn events_and_answers_of_others_are_passed_over() {
        let (mut client, _server) = client(concat!(
            "{\"kind\":\"event\",\"topic\":\"calls\"}\n",
            "{\"request-id\":1,\"status\":\"in-progress\"}\n",
            "{\"request-id\":1,\"status\":\"in-progress\",\"body\":{\"a\":1}}\n",
            "{\"request-id\":1,\"status\":\"ok\",\"body\":{\"b\":2}}\n",
        ));
        let mut steps = 0;
        let body = client.ask_slowly("calls", "make", json!({}), |_| steps += 1).unwrap();
        assert_eq!((steps, &body["b"]), (2, &json!(2)));
    }

    #[test]
    fn pages_are_put_together() {
        let (mut client, _server) = client(concat!(
            "{\"request-id\":1,\"status\":\"ok\",\"body\":{\"calls\":[1,2],\"cursor\":\"0.x\"}}\n",
            "{\"request-id\":2,\"status\":\"ok\",\"body\":{\"calls\":[3],\"cursor\":null}}\n",
        ));
        assert_eq!(client.list("calls", "list", "calls", json!({}), None).unwrap().len(), 3);
    }

    #[test]
    fn many_are_asked_at_once_and_each_gets_its_answer() {
        let answers: String = (1..=100)
            .rev()
            .map(|id| match id % 10 {
                0 => format!(
                    "{{\"request-id\":{id},\"status\":\"error\",\"error\":{{\"code\":\"busy\",\"text\":\"later\"}}}}\n"
                ),
                _ => format!("{{\"request-id\":{id},\"status\":\"ok\",\"body\":{{\"n\":{id}}}}}\n"),
            })
            .collect();
        let (mut client, _server) = client(&answers);
        // More than are asked at once: what is answered before it was asked is somebody else's.
        let (mut right, mut refused) = (0, 0);
        let end = client.ask_all("accounts", "add", (0..AT_ONCE).map(|n| json!(n)), |place, answer| match answer {
            Ok(body) => {
                assert_eq!(body["n"], place + 1);
                right += 1;
            }
            Err(_) => refused += 1,
        });
        assert!(end.is_ok());
        assert_eq!((right, refused), (AT_ONCE - AT_ONCE / 10, AT_ONCE / 10));
    }

    #[test]
    fn each_page_is_given_when_it_comes() {
        let (mut client, _server) = client(concat!(
            "{\"request-id\":1,\"status\":\"ok\",\"body\":{\"records\":[1,2],\"cursor\":\"1.2\"}}\n",
            "{\"request-id\":2,\"status\":\"ok\",\"body\":{\"records\":[],\"cursor\":\"1.1\"}}\n",
            "{\"request-id\":3,\"status\":\"error\",\"error\":{\"code\":\"busy\",\"text\":\"later\"}}\n",
        ));
        let mut pages = Vec::new();
        let end = client.pages("records", "search", "records", json!({}), None, |page| pages.push(page.len()));
        assert!(matches!(end, Err(CtlError::Refused { .. })), "the third is refused");
        assert_eq!(pages, [2, 0]);
    }

    #[test]
    fn a_refusal_is_told_with_its_cause() {
        let (mut client, server) = client(
            "{\"request-id\":1,\"status\":\"error\",\"error\":{\"code\":\"peer\",\"text\":\"no\",\"cause\":{\"kind\":\"busy\"}}}\n",
        );
        let error = client.ask("calls", "make", json!({})).unwrap_err();
        assert_eq!(error.to_string(), "no: busy (peer)");
        drop(server);
        assert!(matches!(client.line(), Err(CtlError::Broken(_))));
    }

    #[test]
    fn a_server_that_has_no_room_says_so() {
        let line = "{\"topic\":\"session\",\"message\":\"closing\",\"error\":{\"code\":\"busy\",\"text\":\"too many clients\"}}\n";
        let (mut one, server) = client(line);
        drop(server);
        assert_eq!(one.ask("system", "status", json!({})).unwrap_err().to_string(), "too many clients (busy)");
        let (mut other, _server) = client(line);
        assert_eq!(other.ask("system", "status", json!({})).unwrap_err().to_string(), "too many clients (busy)");
    }

    #[test]
    fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
        let (mut client, _server) = client("");
        client.waits(Some(Duration::from_millis(1)));
        let error = client.line().unwrap_err().to_string();
        assert!(error.contains("does not answer"), "{error}");
    }

    #[test]
    fn a_missing_server_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = |named| match Client::connect(&folder.path().join("none.sock"), named) {
            Ok(_) => panic!("connected"),
            Err(error) => error.to_string(),
        };
        assert!(error(true).contains("none.sock") && error(false).contains("none.sock"));
        assert!(error(false).contains("--socket") && !error(true).contains("--socket"), "who named it knows how");
    }
}
