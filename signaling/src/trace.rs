//! The last messages, so that a call can be looked at after the fact.
//!
//! What strangers send, and what they are answered without a transaction, is kept apart in a part of the room: a flood of them
//! pushes out no message of a call. So are our own questions whether somebody is there, with their answers, each once however often it is
//! repeated: to a phone that is gone there is one a minute, and not a dozen.

mod capture;
mod hep;
mod ring;
mod secrets;

pub use capture::Capturing;

use crate::limits::{
    TRACE_CALL_OCTETS_USUAL, TRACE_LEGS_MAX, TRACE_MESSAGE_OCTETS_MAX, TRACE_MESSAGE_OCTETS_USUAL, TRACE_PAGE,
    TRACE_REPETITIONS, TRACE_STRANGERS,
};
use crate::message::{CallId, Message};
use crate::transport::{Flow, ListenerId, Listeners, Transmit, Transport};
use bytes::Bytes;
use capture::Capture;
use ring::Ring;
use router::parameter::{Selection, TraceDirection, TraceEntry};
use router::time::WallTime;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// What is known of a message. Whose it is is read when somebody asks.
#[derive(Debug)]
struct Entry {
    /// Its number since the start: cursors name it.
    number: u64,
    at: WallTime,
    direction: TraceDirection,
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
    truncated: bool,
}

/// How a message went: our end, the other one.
type Ends = (Transport, SocketAddr, SocketAddr);

/// The last messages, bounded in octets, and which legs belong to which call.
#[derive(Debug)]
pub struct Trace {
    known: Ring<Entry>,
    strangers: Ring<Entry>,
    octets_max: usize,
    /// The number of the next entry.
    next: u64,
    /// Of each leg the call's id and the leg's Call-ID, which starts where the number says.
    legs: Ring<usize>,
    /// Who else is told of each message.
    capture: Option<Box<Capture>>,
}

impl Trace {
    /// One that keeps at most so many octets; 0 keeps nothing.
    pub fn new(octets_max: usize) -> Self {
        let strangers = octets_max / TRACE_STRANGERS;
        let legs_max = if octets_max == 0 { 0 } else { TRACE_LEGS_MAX };
        Self {
            known: Ring::of(octets_max - strangers, TRACE_MESSAGE_OCTETS_USUAL),
            strangers: Ring::of(strangers, TRACE_MESSAGE_OCTETS_USUAL),
            octets_max,
            next: 0,
            legs: Ring::new(legs_max * TRACE_CALL_OCTETS_USUAL, legs_max),
            capture: None,
        }
    }

    /// Another bound from now on. What is kept is forgotten where it changes.
    pub fn set_bound(&mut self, octets_max: usize) {
        if octets_max != self.octets_max {
            let capture = self.capture.take();
            *self = Self { next: self.next, capture, ..Self::new(octets_max) };
        }
    }

    /// From now on this capture server is told of each message; `None`: nobody is.
    pub fn set_capturing(&mut self, to: Option<&Capturing>) {
        let is_same = self.capture.as_ref().is_some_and(|capture| to.is_some_and(|to| capture.is_to(to)));
        if !is_same {
            self.capture = to.map(|to| Box::new(Capture::new(to.clone())));
        }
    }

    /// The next datagram for the capture server.
    pub fn poll_capture(&mut self) -> Option<Vec<u8>> {
        self.capture.as_mut()?.poll()
    }

    /// Messages that the capture server was not told of.
    pub fn capture_missed(&self) -> u64 {
        self.capture.as_ref().map_or(0, |capture| capture.missed())
    }

    /// A message came, from a stranger perhaps.
    pub fn received(&mut self, at: WallTime, flow: &Flow, octets: &[u8], stranger: bool) {
        let ends = (flow.transport, flow.local, flow.remote);
        self.push(at, TraceDirection::Received, ends, octets, stranger || answers_options(octets));
    }

    /// A message goes. A response that no transaction stands behind is to a stranger, or the challenge to a phone.
    pub fn sent(&mut self, at: WallTime, listeners: &Listeners, transmit: &Transmit) {
        let Transmit { destination, bytes, token } = transmit;
        let listener = destination.listener.and_then(|id: ListenerId| listeners.get(id));
        let local = listener.map_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)), |listener| listener.local());
        let local = SocketAddr::new(destination.local.unwrap_or(local.ip()), local.port());
        let asks = self.octets_max > 0 && bytes.starts_with(b"OPTIONS ") && !self.is_of_dialog(bytes);
        if asks && self.is_repetition(bytes) {
            if let Some(capture) = &mut self.capture {
                capture.push(at, TraceDirection::Sent, (destination.transport, local, destination.remote), bytes);
            }
            return;
        }
        let stranger = asks || token.is_none() && bytes.starts_with(b"SIP/");
        self.push(at, TraceDirection::Sent, (destination.transport, local, destination.remote), bytes, stranger);
    }

    /// A leg belongs to a call.
    pub fn name(&mut self, call: &str, leg: &CallId) {
        self.legs.push(call.len(), &[call.as_bytes(), leg.as_str().as_bytes()]);
        if let Some(capture) = &mut self.capture {
            capture.name(call, leg);
        }
    }

    /// The last messages of the call or leg that the selection names (of all, where it names none), oldest first. Pages lead
    /// from the present into the past: the cursor, where older ones are kept, leads to those just before this page.
    pub fn page(&self, selection: &Selection) -> (Vec<TraceEntry>, Option<String>) {
        let before = selection.cursor.as_deref().and_then(|cursor| cursor.parse::<u64>().ok());
        let limit = selection.limit.map_or(TRACE_PAGE, |limit| (limit as usize).clamp(1, TRACE_PAGE));
        let legs = self.legs_of(selection.name.as_deref());
        let wanted = |leg: &str| match &selection.name {
            None => true,
            Some(name) if legs.is_empty() => name == leg,
            Some(_) => legs.contains(&leg.as_bytes()),
        };
        let mut page = VecDeque::new();
        let mut oldest = self.next;
        let mut cursor = None;
        let is_after = |entry: &Entry| before.is_some_and(|before| entry.number >= before);
        let (mut known, mut strangers) =
            (self.known.before(is_after).peekable(), self.strangers.before(is_after).peekable());
        let number = |entry: Option<&(&Entry, &[u8])>| entry.map(|(entry, _)| entry.number);
        let newest_first = std::iter::from_fn(|| match number(known.peek()) > number(strangers.peek()) {
            true => known.next(),
            false => strangers.next(),
        });
        for (entry, octets) in newest_first {
            let Some(leg_id) = call_id(octets).filter(|leg_id| wanted(leg_id)) else { continue };
            if page.len() >= limit {
                cursor = Some(oldest.to_string());
                break;
            }
            oldest = entry.number;
            page.push_front(entry.told(leg_id, octets));
        }
        (page.into(), cursor)
    }

    /// The Call-IDs of the legs of that call.
    fn legs_of(&self, call: Option<&str>) -> Vec<&[u8]> {
        let Some(call) = call else { return Vec::new() };
        let named = self.legs.iter().filter_map(|(at, octets)| octets.split_at_checked(*at));
        named.filter(|(name, _)| *name == call.as_bytes()).map(|(_, leg)| leg).collect()
    }

    /// How many messages are kept, and the octets that they have.
    pub fn usage(&self) -> (usize, usize) {
        (self.known.len() + self.strangers.len(), self.known.octets() + self.strangers.octets())
    }

    /// How many legs can be found by the call's id.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    /// The memory that is taken, all of it with the first message and the first leg.
    pub fn memory(&self) -> usize {
        self.known.memory() + self.strangers.memory() + self.legs.memory()
    }

    /// Whether a request is one of a dialog: its To has a tag (RFC 3261 §12.2).
    fn is_of_dialog(&self, bytes: &Bytes) -> bool {
        Message::parse_datagram(bytes.clone()).is_ok_and(|message| message.to_tag_text().is_some())
    }

    /// Whether these very octets, the branch among them, are those of one of the last messages kept apart.
    fn is_repetition(&self, octets: &[u8]) -> bool {
        self.strangers.before(|_| false).take(TRACE_REPETITIONS).any(|(_, kept)| kept == octets)
    }

    fn push(
        &mut self,
        at: WallTime,
        direction: TraceDirection,
        (transport, local, remote): Ends,
        octets: &[u8],
        stranger: bool,
    ) {
        if let Some(capture) = &mut self.capture {
            capture.push(at, direction, (transport, local, remote), octets);
        }
        let kept = &octets[..octets.len().min(TRACE_MESSAGE_OCTETS_MAX)];
        let truncated = kept.len() < octets.len();
        let ring = if stranger { &mut self.strangers } else { &mut self.known };
        ring.push(Entry { number: self.next, at, direction, transport, local, remote, truncated }, &[kept]);
        self.next += 1;
    }
}

impl Entry {
    fn told(&self, leg_id: String, octets: &[u8]) -> TraceEntry {
        TraceEntry {
            at: self.at,
            direction: self.direction,
            transport: self.transport.parameter().to_owned(),
            local: self.local.to_string(),
            remote: self.remote.to_string().into(),
            leg_id,
            message: secrets::hidden(octets),
            truncated: self.truncated,
        }
    }
}

/// Whether it is a response to OPTIONS, by its CSeq; whoever writes that differently is kept with the calls.
fn answers_options(octets: &[u8]) -> bool {
    octets.starts_with(b"SIP/") && memchr::memmem::find(octets, b" OPTIONS\r\n").is_some()
}

fn call_id(octets: &[u8]) -> Option<String> {
    Message::parse_datagram(Bytes::copy_from_slice(octets)).ok()?.call_id().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            local: "192.0.2.1:5060".parse().unwrap(),
            remote: "198.51.100.7:5060".parse().unwrap(),
            connection: None,
        }
    }

    fn message(call_id: &str, padding: usize) -> Bytes {
        Bytes::from(format!("OPTIONS sip:a@b SIP/2.0\r\nCall-ID: {call_id}\r\n\r\n{}", "x".repeat(padding)))
    }

    fn named(name: &str) -> Selection {
        Selection { name: Some(name.to_owned()), ..Selection::default() }
    }

    #[test]
    fn messages_are_found_by_leg_and_by_call_and_paged() {
        let mut trace = Trace::new(1 << 20);
        for number in 0..5 {
            trace.received(WallTime(number), &flow(), &message("one", 0), false);
            trace.received(WallTime(number), &flow(), &message("two", 0), false);
        }
        trace.name("call", &CallId::new("one").unwrap());
        assert_eq!(trace.page(&named("two")).0.len(), 5);
        assert_eq!(trace.page(&named("nobody")).0.len(), 0);
        let times = |page: &[TraceEntry]| page.iter().map(|entry| entry.at.0).collect::<Vec<_>>();
        let (last, cursor) = trace.page(&Selection { limit: Some(3), ..named("call") });
        assert_eq!((times(&last), last[0].leg_id.as_str()), (vec![2, 3, 4], "one"));
        // What comes meanwhile moves no page, and what goes is only missed.
        trace.received(WallTime(5), &flow(), &message("one", 0), false);
        let (before, end) = trace.page(&Selection { cursor: cursor.clone(), ..named("call") });
        assert_eq!((times(&before), end), (vec![0, 1], None));
        trace.known.forget_oldest();
        assert_eq!(times(&trace.page(&Selection { cursor, ..named("call") }).0), [1]);
        let beyond = Selection { cursor: Some("0".to_owned()), ..Selection::default() };
        assert_eq!(trace.page(&beyond), (Vec::new(), None));
    }

    #[test]
    fn a_page_without_a_cursor_ends_with_the_present() {
        let mut trace = Trace::new(1 << 20);
        for number in 0..2 * TRACE_PAGE as i64 {
            trace.received(WallTime(number), &flow(), &message("one", 0), false);
        }
        let (page, cursor) = trace.page(&Selection::default());
        assert_eq!((page.len(), page[0].at), (TRACE_PAGE, WallTime(TRACE_PAGE as i64)));
        assert_eq!(page.last().unwrap().at, WallTime(2 * TRACE_PAGE as i64 - 1));
        let (page, cursor) = trace.page(&Selection { cursor, ..Selection::default() });
        assert_eq!((page.len(), page[0].at, cursor), (TRACE_PAGE, WallTime(0), None));
    }

    #[test]
    fn the_ring_is_bounded_in_octets_and_long_messages_are_cut() {
        let mut trace = Trace::new(30_000);
        for number in 0..100 {
            trace.received(WallTime(number), &flow(), &message("one", 10_000), false);
        }
        let (kept, octets) = trace.usage();
        assert_eq!(octets, 4 * TRACE_MESSAGE_OCTETS_MAX);
        assert!(trace.known.memory() + trace.strangers.memory() <= 30_000 && kept == 4, "{kept} {octets}");
        let (page, _) = trace.page(&named("one"));
        assert!(page.iter().all(|entry| entry.truncated && entry.message.len() == TRACE_MESSAGE_OCTETS_MAX));
        assert_eq!(page[3].at, WallTime(99));
        trace.set_bound(30_000);
        assert_eq!(trace.usage().0, 4, "the same bound forgets nothing");
        trace.set_bound(0);
        trace.received(WallTime(0), &flow(), &message("one", 0), false);
        assert_eq!(trace.usage(), (0, 0));
    }

    #[test]
    fn a_question_whether_a_phone_is_there_is_kept_once_and_pushes_out_no_call() {
        let mut trace = Trace::new(1 << 20);
        let destination = crate::transport::Destination::flow(&flow());
        let send = |trace: &mut Trace, bytes: &Bytes| {
            trace.sent(
                WallTime(0),
                &Listeners::default(),
                &Transmit { destination, bytes: bytes.clone(), token: None },
            );
        };
        trace.received(WallTime(0), &flow(), &message("one", 0), false);
        for _ in 0..10_000 {
            let asked = Bytes::from("OPTIONS sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\nCall-ID: keep-alive\r\n\r\n");
            for _ in 0..11 {
                send(&mut trace, &asked);
            }
            let answer = b"SIP/2.0 200 OK\r\nCall-ID: keep-alive\r\nCSeq: 1 OPTIONS\r\n\r\n";
            trace.received(WallTime(0), &flow(), answer, false);
        }
        assert_eq!(trace.page(&named("one")).0.len(), 1);
        assert!(trace.known.len() == 1 && trace.usage().0 <= 20_001);
        let in_dialog = Bytes::from("OPTIONS sip:a@b SIP/2.0\r\nTo: <sip:a@b>;tag=1\r\nCall-ID: one\r\n\r\n");
        for _ in 0..2 {
            send(&mut trace, &in_dialog);
        }
        assert_eq!(trace.page(&named("one")).0.len(), 3, "what belongs to a call is all there");
    }

    #[test]
    fn strangers_push_out_only_each_other_and_are_shown_among_the_others() {
        let mut trace = Trace::new(1 << 20);
        trace.received(WallTime(0), &flow(), &message("one", 0), false);
        for number in 1..100_000 {
            trace.received(WallTime(number), &flow(), &message("flood", 0), true);
        }
        trace.received(WallTime(100_000), &flow(), &message("one", 0), false);
        assert_eq!(trace.page(&named("one")).0.len(), 2);
        let (page, cursor) = trace.page(&Selection { limit: Some(3), ..Selection::default() });
        assert_eq!(page.iter().map(|entry| entry.at.0).collect::<Vec<_>>(), [99_998, 99_999, 100_000]);
        let (page, _) = trace.page(&Selection { limit: Some(2), cursor, ..Selection::default() });
        assert_eq!(page.iter().map(|entry| entry.at.0).collect::<Vec<_>>(), [99_996, 99_997]);
        assert!(trace.known.memory() + trace.strangers.memory() <= 1 << 20);
        let refusal = Transmit {
            destination: crate::transport::Destination::flow(&flow()),
            bytes: Bytes::from_static(b"SIP/2.0 401 Unauthorized\r\nCall-ID: x\r\n\r\n"),
            token: None,
        };
        trace.sent(WallTime(0), &Listeners::default(), &refusal);
        assert_eq!(trace.known.len(), 2);
    }

    #[test]
    fn calls_are_forgotten_by_age() {
        let mut trace = Trace::new(1 << 20);
        for number in 0..TRACE_LEGS_MAX + 10 {
            trace.name(&number.to_string(), &CallId::of_random(number as u128));
        }
        let octets = trace.legs.memory();
        assert_eq!(trace.legs(), TRACE_LEGS_MAX);
        assert!(octets <= TRACE_LEGS_MAX * (TRACE_CALL_OCTETS_USUAL + 32), "{octets}");
        assert!(trace.legs_of(Some("9")).is_empty());
        trace.name("10", &CallId::of_random(0));
        assert_eq!(trace.legs_of(Some("10")).len(), 1, "the older one made room");
        trace.name("11", &CallId::of_random(0));
        trace.name("20", &CallId::of_random(0));
        assert_eq!(trace.legs_of(Some("20")).len(), 2);
    }
}
