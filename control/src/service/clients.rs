//! Clients: who connects, what they say, what they are told, and when they are let go.

use super::Control;
use crate::limits::{FAREWELL_QUIET, IDLE, LOGIN_WITHIN, REQUESTS_PER_SESSION, SESSIONS, STALL, STRANGERS, SWEEP};
use crate::protocol::line::Content;
use crate::protocol::{Code, Header, Kind, Line, Problem, Rejected, Request};
use crate::question::{Action, Feed};
use crate::session::{Access, Session, SessionId};
use crate::topic::{self, Context};
use router::time::Now;
use serde_json::json;
use subtle::ConstantTimeEq;

/// What becomes of a client for whom there is no room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Farewell {
    /// The line that it is told before its connection is closed.
    pub line: String,
    /// If the log is to tell of it: for how many clients.
    pub log: Option<u64>,
}

impl Control {
    /// A client connected. If there are too many, it is told so and closed.
    pub fn handle_open(&mut self, now: Now, id: SessionId, access: Access) -> Result<(), Farewell> {
        let strangers = self.sessions.values().filter(|session| !session.authorised).count();
        if self.sessions.len() >= SESSIONS || (access == Access::Remote && strangers >= STRANGERS) {
            self.refused += 1;
            return Err(self.farewell(now));
        }
        self.sessions.insert(id, Session::new(now.instant, access));
        self.sweep.get_or_insert(now.instant + SWEEP);
        Ok(())
    }

    fn farewell(&mut self, now: Now) -> Farewell {
        let content = Content::Problem(Problem::because(Code::Busy, "too many clients are connected; try again later"));
        let line = Line { kind: Kind::Event, header: Header::event("session", "closing"), content };
        let (count, told) = &mut self.turned_away;
        *count += 1;
        let due = told.is_none_or(|told| now.instant >= told + FAREWELL_QUIET);
        let log = due.then(|| {
            *told = Some(now.instant);
            std::mem::take(count)
        });
        Farewell { line: line.write(now.wall, 1, 0), log }
    }

    /// A client sent a line.
    pub fn handle_line(&mut self, now: Now, id: SessionId, line: &str) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.closing || session.broken || session.ended {
            return;
        }
        session.last_request = now.instant;
        self.requests += 1;
        if let Err(rejected) = self.request(now, id, line) {
            let Rejected { header, problem } = *rejected;
            self.refused += 1;
            self.tell(now, id, Kind::Reply, header, Content::Problem(problem));
        }
    }

    /// A client sent a line that is longer than [`crate::limits::LINE_BYTES`]: what follows cannot be told from it.
    pub fn handle_overlong(&mut self, now: Now, id: SessionId) {
        let text = format!("a line is longer than {} bytes", crate::limits::LINE_BYTES);
        self.refused += 1;
        let header = Header::event("session", "closing");
        self.tell(now, id, Kind::Event, header, Content::Problem(Problem::because(Code::Malformed, text)));
        self.close(id);
    }

    /// A line of [`Output::Write`](super::Output::Write) was written.
    pub fn handle_written(&mut self, now: Now, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.written(now.instant);
            self.ready.insert(id);
        }
    }

    /// A client will send no more, and may still read: what it asked is answered, then its session ends.
    pub fn handle_end(&mut self, now: Now, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.ended = true;
            session.follows.clear();
            self.ready.insert(id);
            self.leave_feeds(now);
        }
    }

    /// A client's connection ended.
    pub fn handle_close(&mut self, now: Now, id: SessionId) {
        self.ready.remove(&id);
        if self.sessions.remove(&id).is_some() {
            self.leave_feeds(now);
        }
    }

    fn request(&mut self, now: Now, id: SessionId, line: &str) -> Result<(), Box<Rejected>> {
        let request = Request::read(line)?;
        let header = request.header.clone();
        let fail = |problem| Rejected::new(header.clone(), problem);
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(()) };
        if !session.authorised && header.topic != "session" {
            return Err(fail(Problem::new(Code::LoginRequired)));
        }
        let mut context = Context { now, random: &mut self.random };
        match topic::action(&request, &mut context).map_err(fail)? {
            Action::Reply(body) => self.tell(now, id, Kind::Reply, header, Content::Body(body)),
            Action::Ask(_) if session.outstanding >= REQUESTS_PER_SESSION => {
                return Err(fail(Problem::new(Code::Busy)));
            }
            Action::Ask(question) => {
                session.outstanding += 1;
                if question.slow {
                    self.tell(now, id, Kind::Reply, header.clone(), Content::InProgress);
                }
                self.ask(now, id, header, question);
            }
            Action::Follow(feed, filter) => {
                session.follows.insert(feed, filter);
                self.subscribe(now, feed);
                self.tell(now, id, Kind::Reply, header, Content::Body(json!({})));
            }
            Action::Unfollow(feed) => {
                session.follows.remove(&feed);
                self.leave_feeds(now);
                self.tell(now, id, Kind::Reply, header, Content::Body(json!({})));
            }
            Action::Login(token) => self.login(now, id, header, &token),
            Action::Logout => {
                self.tell(now, id, Kind::Reply, header, Content::Body(json!({})));
                self.close(id);
            }
        }
        Ok(())
    }

    /// A wrong token costs the connection, unless its client has shown the right one before: guessing costs a connection each, of which strangers have few.
    fn login(&mut self, now: Now, id: SessionId, header: Header, token: &str) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let right = match &self.config.token {
            Some(expected) => bool::from(expected.reveal().as_bytes().ct_eq(token.as_bytes())),
            // Who may do all without one has nothing to prove.
            None => session.authorised,
        };
        let was_authorised = session.authorised;
        session.authorised |= right;
        if right {
            self.tell(now, id, Kind::Reply, header, Content::Body(json!({})));
        } else {
            self.refused += 1;
            let problem = Problem::because(Code::Refused, "the token is wrong");
            self.tell(now, id, Kind::Reply, header, Content::Problem(problem));
            if !was_authorised {
                self.close(id);
            }
        }
    }

    pub(super) fn tell(&mut self, now: Now, id: SessionId, kind: Kind, header: Header, content: Content) {
        if let Some(session) = self.sessions.get_mut(&id) {
            let taken = session.push(now, &Line { kind, header, content });
            self.events_dropped += u64::from(!taken && kind == Kind::Event);
            self.ready.insert(id);
        }
    }

    pub(super) fn close(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.closing = true;
            session.follows.clear();
            self.ready.insert(id);
        }
    }

    /// Closes who is idle, who does not log in, who does not read.
    pub(super) fn sweep(&mut self, now: Now) {
        let mut ended = Vec::new();
        for (&id, session) in &mut self.sessions {
            if session.stalled_since().is_some_and(|since| now.instant.since(since) >= STALL) {
                session.broken = true;
                self.ready.insert(id);
            } else if session.closing || session.ended {
                continue;
            } else if !session.authorised && now.instant.since(session.opened) >= LOGIN_WITHIN {
                ended.push((id, Problem::because(Code::LoginRequired, "no login came in time")));
            } else if session.follows.is_empty()
                && session.outstanding == 0
                && now.instant.since(session.last_request) >= IDLE
            {
                ended.push((id, Problem::because(Code::Timeout, "the session was idle")));
            }
        }
        for (id, problem) in ended {
            self.tell(now, id, Kind::Event, Header::event("session", "closing"), Content::Problem(problem));
            self.close(id);
        }
        self.leave_feeds(now);
        for feed in Feed::ALL {
            let due = self.feeds.get(&feed).and_then(|following| following.retry).is_some_and(|at| at <= now.instant);
            if due {
                self.subscribe(now, feed);
            }
        }
        self.sweep = (!self.sessions.is_empty() || !self.feeds.is_empty()).then(|| now.instant + SWEEP);
    }
}
