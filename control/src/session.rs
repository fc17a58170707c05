//! A client's session: what it may, what it follows, and what waits to be written to it.

use crate::limits::{EVENTS_QUEUED, LINES_IN_FLIGHT, OUTPUT_BYTES};
use crate::protocol::{Kind, Line};
use crate::question::{Feed, Filter};
use router::time::{Instant, Now};
use std::collections::{BTreeMap, VecDeque};

/// Names a session; the listener mints it, one per connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(pub u64);

/// How a client reached the socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// By the Unix socket, which only the server's owner can open: no login.
    Local,
    /// By TCP: the token first.
    Remote,
}

#[derive(Debug)]
struct Queued {
    text: String,
    event: bool,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) authorised: bool,
    /// Requests without a last answer.
    pub(crate) outstanding: usize,
    pub(crate) follows: BTreeMap<Feed, Filter>,
    pub(crate) opened: Instant,
    pub(crate) last_request: Instant,
    /// When something was last written, or first waited to be.
    last_progress: Instant,
    sequence: u64,
    output: VecDeque<Queued>,
    bytes: usize,
    events: usize,
    in_flight: usize,
    missed: u64,
    /// No more is taken; closed once all is written.
    pub(crate) closing: bool,
    /// The client sends no more; closed once all that it asked is answered.
    pub(crate) ended: bool,
    /// Closed at once: its reader does not read.
    pub(crate) broken: bool,
}

impl Session {
    pub(crate) fn new(now: Instant, access: Access) -> Self {
        Self {
            authorised: access == Access::Local,
            outstanding: 0,
            follows: BTreeMap::new(),
            opened: now,
            last_request: now,
            last_progress: now,
            sequence: 0,
            output: VecDeque::new(),
            bytes: 0,
            events: 0,
            in_flight: 0,
            missed: 0,
            closing: false,
            ended: false,
            broken: false,
        }
    }

    /// Puts a line into the queue. An event that finds it full is dropped; the next one that does not says how many were.
    /// Returns whether it was taken.
    pub(crate) fn push(&mut self, now: Now, line: &Line) -> bool {
        let event = line.kind == Kind::Event;
        if self.broken || (event && self.events >= EVENTS_QUEUED) {
            self.missed += u64::from(event);
            return false;
        }
        self.sequence += 1;
        let missed = if event { std::mem::take(&mut self.missed) } else { 0 };
        let text = line.write(now.wall, self.sequence, missed);
        if self.output.is_empty() && self.in_flight == 0 {
            self.last_progress = now.instant;
        }
        self.bytes += text.len();
        self.events += usize::from(event);
        self.output.push_back(Queued { text, event });
        if self.bytes > OUTPUT_BYTES {
            self.broken = true;
        }
        true
    }

    /// The next line to write, while the connection takes more.
    pub(crate) fn poll(&mut self) -> Option<String> {
        if self.in_flight >= LINES_IN_FLIGHT {
            return None;
        }
        let queued = self.output.pop_front()?;
        self.bytes -= queued.text.len();
        self.events -= usize::from(queued.event);
        self.in_flight += 1;
        Some(queued.text)
    }

    /// A line was written.
    pub(crate) fn written(&mut self, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.last_progress = now;
    }

    /// Events before the next one were lost elsewhere.
    pub(crate) fn miss(&mut self) {
        self.missed += 1;
    }

    /// Since when its reader has taken none of what waits; `None`: nothing waits.
    pub(crate) fn stalled_since(&self) -> Option<Instant> {
        (self.in_flight > 0 || !self.output.is_empty()).then_some(self.last_progress)
    }

    /// Whether all that it was told is written.
    pub(crate) fn is_flushed(&self) -> bool {
        self.output.is_empty() && self.in_flight == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Header;
    use crate::protocol::line::Content;
    use serde_json::{Value, json};

    fn line(kind: Kind) -> Line {
        Line { kind, header: Header::event("calls", "started"), content: Content::Body(json!({})) }
    }

    #[test]
    fn a_slow_reader_misses_events_but_no_reply_and_is_told() {
        let now = Now::default();
        let mut session = Session::new(now.instant, Access::Local);
        for _ in 0..EVENTS_QUEUED {
            assert!(session.push(now, &line(Kind::Event)));
        }
        assert!(!session.push(now, &line(Kind::Event)));
        assert!(!session.push(now, &line(Kind::Event)));
        assert!(session.push(now, &line(Kind::Reply)), "replies have a bound of their own");
        for _ in 0..LINES_IN_FLIGHT {
            assert!(session.poll().is_some());
        }
        assert_eq!(session.poll(), None, "the window is full");
        session.written(now.instant);
        assert!(session.poll().is_some());
        assert!(session.push(now, &line(Kind::Event)));
        let mut last = String::new();
        loop {
            session.written(now.instant);
            let Some(text) = session.poll() else { break };
            last = text;
        }
        let last: Value = serde_json::from_str(&last).unwrap();
        assert_eq!(last["missed"], 2);
        assert_eq!(last["sequence-id"], EVENTS_QUEUED as u64 + 2, "what was dropped has no number");
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let now = Now::default();
        let mut session = Session::new(now.instant, Access::Local);
        let reply = Line { content: Content::Body(json!("x".repeat(1 << 20))), ..line(Kind::Reply) };
        for _ in 0..40 {
            session.push(now, &reply);
        }
        assert!(session.broken);
        assert!(session.bytes <= OUTPUT_BYTES + (2 << 20));
    }
}
