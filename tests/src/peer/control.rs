//! A client of the control socket (`docs/control.md`).

use super::wait::{self, PATIENCE};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Either kind of stream.
#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Stream {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
        })
    }

    fn set_read_timeout(&self, bound: Duration) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.set_read_timeout(Some(bound)),
            Self::Tcp(stream) => stream.set_read_timeout(Some(bound)),
        }
    }
}

impl io::Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.read(buffer),
            Self::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.write(bytes),
            Self::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.flush(),
            Self::Tcp(stream) => stream.flush(),
        }
    }
}

/// A session.
#[derive(Debug)]
pub struct Control {
    stream: Stream,
    lines: BufReader<Stream>,
    partial: Vec<u8>,
    events: VecDeque<Value>,
    asked: u64,
}

impl Control {
    /// A session on the Unix socket.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        Self::over(Stream::Unix(UnixStream::connect(socket)?))
    }

    /// A session over TCP; `session.login` comes first there.
    pub fn connect_tcp(address: SocketAddr) -> io::Result<Self> {
        Self::over(Stream::Tcp(TcpStream::connect_timeout(&address, PATIENCE)?))
    }

    fn over(stream: Stream) -> io::Result<Self> {
        let lines = BufReader::new(stream.try_clone()?);
        Ok(Self { stream, lines, partial: Vec::new(), events: VecDeque::new(), asked: 0 })
    }

    /// The body of the last answer; or its error.
    pub fn try_ask(&mut self, topic: &str, message: &str, body: Value) -> Result<Value, Value> {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({ "topic": topic, "message": message, "request-id": id, "body": body }));
        loop {
            let line = self.line(PATIENCE).unwrap_or_else(|| panic!("no answer to {topic}.{message}"));
            if line["request-id"] != json!(id) {
                self.events.push_back(line);
                continue;
            }
            match line["status"].as_str() {
                Some("ok") => return Ok(line["body"].clone()),
                Some("error") => return Err(line["error"].clone()),
                _ => {}
            }
        }
    }

    /// The body of the last answer; panics at an error.
    pub fn ask(&mut self, topic: &str, message: &str, body: Value) -> Value {
        self.try_ask(topic, message, body.clone())
            .unwrap_or_else(|error| panic!("{topic}.{message} {body} was refused: {error}"))
    }

    /// Sends a line as it is, and waits for nothing.
    pub fn send(&mut self, line: &Value) {
        self.stream.write_all(format!("{line}\n").as_bytes()).expect("the control socket takes a line");
    }

    /// The next event for which `wanted` holds; those before it are passed over.
    pub fn event(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        while let Some(event) = self.events.pop_front() {
            if wanted(&event) {
                return event;
            }
        }
        let end = wait::now() + PATIENCE;
        while let Some(line) = self.line(end.saturating_duration_since(wait::now())) {
            if wanted(&line) {
                return line;
            }
        }
        panic!("no event: {what}");
    }

    /// The next line within `bound`; `None` at its end, and when the server has closed.
    pub fn line(&mut self, bound: Duration) -> Option<Value> {
        let end = wait::now() + bound;
        loop {
            let left = end.saturating_duration_since(wait::now());
            if left.is_zero() {
                return None;
            }
            self.stream.set_read_timeout(left).ok()?;
            match self.lines.read_until(b'\n', &mut self.partial) {
                Ok(0) => return None,
                Ok(_) if self.partial.ends_with(b"\n") => {
                    let line = std::mem::take(&mut self.partial);
                    return Some(serde_json::from_slice(&line).expect("a line is JSON"));
                }
                Ok(_) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                    ) => {}
                Err(_) => return None,
            }
        }
    }
}
