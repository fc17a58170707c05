//! A phone's session timers (RFC 4028), as short as they can be written.

use super::behaviour::Step;
use super::call::{CallIndex, CallState, Ending};
use super::{Phone, transaction};
use router::time::{Duration, Instant};
use signaling::message::{Header, Message};

/// Header lines.
type Lines = Vec<(String, String)>;

/// What a phone does with session timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionTimers {
    /// The interval that it asks for, and grants at most, in seconds.
    pub interval_s: u32,
    /// The shortest that it takes.
    pub min_s: u32,
    /// Who is to refresh, if it has a say: itself, or the other end.
    pub itself: Option<bool>,
    /// Whether it does so when it is its turn.
    pub refreshes: bool,
}

impl Default for SessionTimers {
    fn default() -> Self {
        Self { interval_s: 1_800, min_s: 90, itself: None, refreshes: true }
    }
}

/// The interval of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionInterval {
    /// Seconds.
    pub seconds: u32,
    /// Whether this phone refreshes.
    pub itself: bool,
    /// When there is something to do.
    pub due: Instant,
    /// How often it began anew.
    pub renewed: u32,
}

impl Phone {
    /// What a request of ours that makes or changes a session says.
    pub(super) fn session_headers(&self, index: CallIndex) -> Vec<(String, String)> {
        let Some(timers) = self.config.timers else { return Vec::new() };
        let call = &self.calls[index];
        let itself = call.session.map(|session| session.itself).or(timers.itself);
        let role = match itself {
            None => "",
            Some(true) => ";refresher=uac",
            Some(false) => ";refresher=uas",
        };
        let seconds = call.session.map_or(timers.interval_s, |session| session.seconds).max(call.session_least_s);
        let least = timers.min_s.max(call.session_least_s);
        let line = |name: &str, value: String| (name.to_owned(), value);
        vec![
            line("Supported", "timer".to_owned()),
            line("Session-Expires", format!("{seconds}{role}")),
            line("Min-SE", least.to_string()),
        ]
    }

    /// A request of ours was accepted.
    pub(super) fn session_accepted(&mut self, index: CallIndex, response: &Message) {
        if self.config.timers.is_none() {
            return;
        }
        let told = response.parameterized(Header::SessionExpires).ok().flatten();
        let seconds = told.and_then(|told| told.value.parse::<u32>().ok());
        let role = told.and_then(|told| told.parameters.get("refresher"));
        if seconds.is_some() && role.is_none() {
            self.faults.push("a Session-Expires in a 2xx without a refresher".to_owned());
        }
        if role == Some("uac") && !response.require().any(|option| option == "timer") {
            self.faults.push("we are to refresh, and no Require says so".to_owned());
        }
        self.session_begins(index, seconds, role == Some("uac"));
    }

    /// What our 2xx to a request says; `Err`: its interval is too small.
    pub(super) fn session_granted(&mut self, index: CallIndex, request: &Message) -> Result<Lines, Lines> {
        let Some(timers) = self.config.timers else { return Ok(Vec::new()) };
        let asked = request.parameterized(Header::SessionExpires).ok().flatten();
        let seconds = asked.and_then(|asked| asked.value.parse::<u32>().ok());
        let (Some(seconds), true) = (seconds, request.supports("timer")) else { return Ok(Vec::new()) };
        if seconds < timers.min_s {
            return Err(vec![("Min-SE".to_owned(), timers.min_s.to_string())]);
        }
        let least = request.parameterized(Header::MinSe).ok().flatten().and_then(|least| least.value.parse().ok());
        let seconds = seconds.min(timers.interval_s.max(least.unwrap_or(90)));
        let itself = match asked.and_then(|asked| asked.parameters.get("refresher")) {
            Some("uas") => true,
            Some(_) => false,
            None => timers.itself.unwrap_or(false),
        };
        self.session_begins(index, Some(seconds), itself);
        let role = if itself { "uas" } else { "uac" };
        let line = |name: &str, value: String| (name.to_owned(), value);
        Ok(vec![
            line("Supported", "timer".to_owned()),
            line("Require", "timer".to_owned()),
            line("Session-Expires", format!("{seconds};refresher={role}")),
        ])
    }

    fn session_begins(&mut self, index: CallIndex, seconds: Option<u32>, itself: bool) {
        let (now, call) = (self.now, &mut self.calls[index]);
        let renewed = call.session.map_or(0, |session| session.renewed + 1);
        call.session = seconds.map(|seconds| {
            let whole = Duration::from_secs(seconds.into());
            let after = if itself { whole / 2 } else { whole - (whole / 3).min(transaction::PATIENCE) };
            SessionInterval { seconds, itself, due: now + after, renewed }
        });
    }

    /// Does what is due.
    pub(super) fn session_due(&mut self, index: CallIndex) {
        let (now, call) = (self.now, &mut self.calls[index]);
        let Some(session) = call.session.as_mut().filter(|session| session.due <= now) else { return };
        if call.state != CallState::Up {
            call.session = None;
        } else if session.itself {
            session.due = now + Duration::from_secs(session.seconds.into()) / 2;
            if self.config.timers.is_some_and(|timers| timers.refreshes) {
                self.take_step(index, Step::Renew);
            }
        } else {
            self.end_with_bye(index, Ending::Expired);
        }
    }
}
