//! Messages on their way to a capture server (Homer): those of a turn, told at its end, when it is known to which call they belong.

use super::Ends;
use super::hep::{self, Captured};
use super::secrets;
use crate::limits::{CAPTURE_LEGS, CAPTURE_MESSAGE_OCTETS_MAX, CAPTURE_WAITING, IDENTIFIER_OCTETS_MAX};
use crate::message::CallId;
use router::parameter::TraceDirection;
use router::time::WallTime;
use router::{OwnMap, Private};
use std::collections::VecDeque;

/// What a capture server is told of us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capturing {
    /// Our number among its capture agents.
    pub agent: u32,
    /// What it wants to hear before it believes us.
    pub password: Option<Private<String>>,
    /// Our name.
    pub node: Option<String>,
}

/// What waits to be told.
#[derive(Debug)]
pub(super) struct Capture {
    to: Capturing,
    waiting: VecDeque<Waiting>,
    /// The calls of legs, by their Call-IDs, and the order in which they came.
    calls: OwnMap<Box<str>, Box<str>>,
    legs: VecDeque<Box<str>>,
    /// Messages that found no room.
    missed: u64,
}

#[derive(Debug)]
struct Waiting {
    at: WallTime,
    direction: TraceDirection,
    ends: Ends,
    octets: Vec<u8>,
}

impl Capture {
    pub(super) fn new(to: Capturing) -> Self {
        Self { to, waiting: VecDeque::new(), calls: OwnMap::default(), legs: VecDeque::new(), missed: 0 }
    }

    pub(super) fn is_to(&self, to: &Capturing) -> bool {
        self.to == *to
    }

    /// A message came or goes. What is secret is left out (as in [`secrets`]).
    pub(super) fn push(&mut self, at: WallTime, direction: TraceDirection, ends: Ends, octets: &[u8]) {
        if self.waiting.len() >= CAPTURE_WAITING {
            self.missed += 1;
            return;
        }
        let octets = secrets::hidden(&octets[..octets.len().min(CAPTURE_MESSAGE_OCTETS_MAX)]);
        self.waiting.push_back(Waiting { at, direction, ends, octets });
    }

    /// A leg belongs to a call.
    pub(super) fn name(&mut self, call: &str, leg: &CallId) {
        if self.calls.insert(leg.as_str().into(), call.into()).is_some() {
            return;
        }
        self.legs.push_back(leg.as_str().into());
        if self.legs.len() > CAPTURE_LEGS
            && let Some(oldest) = self.legs.pop_front()
        {
            self.calls.remove(&oldest);
        }
    }

    /// The next datagram for the capture server.
    pub(super) fn poll(&mut self) -> Option<Vec<u8>> {
        let Waiting { at, direction, ends: (transport, local, remote), octets } = self.waiting.pop_front()?;
        // A longer one belongs to no call, and as a chunk of its own it would leave no room for the message.
        let call_id = super::call_id(&octets).filter(|call_id| call_id.len() <= IDENTIFIER_OCTETS_MAX);
        let correlation = call_id.as_deref().map(|leg| self.calls.get(leg).map_or(leg, |call| &**call));
        let (source, destination) = match direction {
            TraceDirection::Received => (remote, local),
            TraceDirection::Sent => (local, remote),
        };
        let is_reliable = transport.is_reliable();
        Some(hep::datagram(&self.to, &Captured { at, source, destination, is_reliable, correlation, message: &octets }))
    }

    /// Messages that found no room.
    pub(super) fn missed(&self) -> u64 {
        self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Transport;

    const LOCAL: &str = "192.0.2.1:5060";

    fn capture() -> Capture {
        Capture::new(Capturing { agent: 1, password: None, node: None })
    }

    fn push(capture: &mut Capture, call_id: &str) {
        let ends = (Transport::Udp, LOCAL.parse().unwrap(), "198.51.100.7:5060".parse().unwrap());
        let message = format!("BYE sip:a@b SIP/2.0\r\nCall-ID: {call_id}\r\n\r\na=crypto:1 X inline:c2VjcmV0\r\n");
        let message =
            message.replace("\r\n\r\n", "\r\nAuthorization: Digest username=\"a\", response=\"0a1b2c\"\r\n\r\n");
        capture.push(WallTime(0), TraceDirection::Sent, ends, message.as_bytes());
    }

    fn has(datagram: &[u8], text: &str) -> bool {
        datagram.windows(text.len()).any(|at| at == text.as_bytes())
    }

    #[test]
    fn the_legs_of_a_call_have_its_id_in_common_and_others_their_own() {
        let mut capture = capture();
        ["one", "two", "other"].into_iter().for_each(|leg| push(&mut capture, leg));
        capture.name("7d77", &CallId::new("one").unwrap());
        capture.name("7d77", &CallId::new("two").unwrap());
        for (leg, correlation) in
            [("one", "\0\x11\0\x0a7d77"), ("two", "\0\x11\0\x0a7d77"), ("other", "\0\x11\0\x0bother")]
        {
            let datagram = capture.poll().unwrap();
            assert!(has(&datagram, correlation) && has(&datagram, &format!("Call-ID: {leg}")), "{leg}");
            assert!(!has(&datagram, "c2VjcmV0"), "a key of media");
            assert!(has(&datagram, "username") && !has(&datagram, "0a1b2c"), "what a password could be guessed by");
        }
        assert_eq!(capture.poll(), None);
    }

    /// A message that is hostile is one that is to be seen.
    #[test]
    fn a_call_id_of_any_length_leaves_room_for_the_message() {
        let mut capture = capture();
        for length in [512, 513, 59_000] {
            push(&mut capture, &"x".repeat(length));
            let datagram = capture.poll().unwrap();
            assert!(has(&datagram, "Call-ID: xxx") && datagram.len() < 60_000, "{length}: {}", datagram.len());
            assert_eq!(usize::from(u16::from_be_bytes([datagram[4], datagram[5]])), datagram.len());
        }
    }

    #[test]
    fn what_waits_and_what_is_known_is_bounded() {
        let mut capture = capture();
        (0..CAPTURE_WAITING + 3).for_each(|_| push(&mut capture, "one"));
        assert_eq!((capture.waiting.len(), capture.missed()), (CAPTURE_WAITING, 3));
        for number in 0..2 * CAPTURE_LEGS {
            capture.name("call", &CallId::new(&number.to_string()).unwrap());
            capture.name("call", &CallId::new(&number.to_string()).unwrap());
        }
        assert_eq!((capture.calls.len(), capture.legs.len()), (CAPTURE_LEGS, CAPTURE_LEGS));
    }
}
