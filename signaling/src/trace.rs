//! The last messages, so that a call can be looked at after the fact.
//!
//! What strangers send, and what they are answered without a transaction, is kept apart in a part of the room: a flood of them
//! pushes out no message of a call. So are our own questions whether somebody is there, each once however often it is repeated:
//! to a phone that is gone there is one a minute, and not a dozen.

use crate::limits::{TRACE_CALLS_MAX, TRACE_MESSAGE_OCTETS_MAX, TRACE_PAGE, TRACE_REPETITIONS, TRACE_STRANGERS};
use crate::message::{CallId, Message};
use crate::transport::{Flow, ListenerId, Listeners, Transmit, Transport};
use bytes::Bytes;
use router::parameter::{Selection, TraceDirection, TraceEntry};
use router::time::WallTime;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

/// What an entry costs beside its octets.
const ENTRY_OCTETS: usize = size_of::<Entry>() + 32;

/// A message in the ring. Whose it is is read when somebody asks.
#[derive(Debug)]
struct Entry {
    /// Its number since the start: cursors name it.
    number: u64,
    at: WallTime,
    direction: TraceDirection,
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
    bytes: Bytes,
    truncated: bool,
}

/// The last messages, the oldest first.
#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    octets: usize,
}

/// The last messages, bounded in octets, and which legs belong to which call.
#[derive(Debug)]
pub struct Trace {
    known: Ring,
    strangers: Ring,
    octets_max: usize,
    /// The number of the next entry.
    next: u64,
    /// The Call-IDs of the legs of a call, by the call's id.
    calls: HashMap<Box<str>, Vec<CallId>>,
    /// Calls by age, the oldest first.
    order: VecDeque<Box<str>>,
    /// What these names take beside their tables.
    names_octets: usize,
}

impl Trace {
    /// One that keeps at most so many octets; 0 keeps nothing.
    pub fn new(octets_max: usize) -> Self {
        Self {
            known: Ring::default(),
            strangers: Ring::default(),
            octets_max,
            next: 0,
            calls: HashMap::new(),
            order: VecDeque::new(),
            names_octets: 0,
        }
    }

    /// Another bound from now on.
    pub fn set_bound(&mut self, octets_max: usize) {
        self.octets_max = octets_max;
        self.make_room();
    }

    /// A message came, from a stranger perhaps.
    pub fn received(&mut self, at: WallTime, flow: &Flow, bytes: &Bytes, stranger: bool) {
        let ends = (flow.transport, flow.local, flow.remote);
        self.push(at, TraceDirection::Received, ends, bytes, stranger);
    }

    /// A message goes. A response that no transaction stands behind is to a stranger, or the challenge to a phone.
    pub fn sent(&mut self, at: WallTime, listeners: &Listeners, transmit: &Transmit) {
        let Transmit { destination, bytes, token } = transmit;
        let listener = destination.listener.and_then(|id: ListenerId| listeners.get(id));
        let local = listener.map_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)), |listener| listener.local());
        let local = SocketAddr::new(destination.local.unwrap_or(local.ip()), local.port());
        let asks = self.octets_max > 0 && bytes.starts_with(b"OPTIONS ") && !self.is_of_dialog(bytes);
        if asks && self.strangers.has_lately(bytes) {
            return;
        }
        let stranger = asks || token.is_none() && bytes.starts_with(b"SIP/");
        self.push(at, TraceDirection::Sent, (destination.transport, local, destination.remote), bytes, stranger);
    }

    /// A leg belongs to a call.
    pub fn name(&mut self, call: &str, leg: &CallId) {
        if self.octets_max == 0 {
            return;
        }
        if let Some(legs) = self.calls.get_mut(call) {
            if !legs.contains(leg) && legs.len() < router::limits::PARAMETERS {
                self.names_octets -= name_octets(call, legs);
                legs.push(leg.clone());
                self.names_octets += name_octets(call, legs);
            }
            return;
        }
        if self.order.len() >= TRACE_CALLS_MAX
            && let Some(oldest) = self.order.pop_front()
            && let Some(legs) = self.calls.remove(&oldest)
        {
            self.names_octets -= name_octets(&oldest, &legs);
        }
        let legs = vec![leg.clone()];
        self.names_octets += name_octets(call, &legs);
        self.order.push_back(call.into());
        self.calls.insert(call.into(), legs);
    }

    /// The last messages of the call or leg that the selection names (of all, where it names none), oldest first. Pages lead
    /// from the present into the past: the cursor, where older ones are kept, leads to those just before this page.
    pub fn page(&self, selection: &Selection) -> (Vec<TraceEntry>, Option<String>) {
        let before = selection.cursor.as_deref().and_then(|cursor| cursor.parse::<u64>().ok());
        let limit = selection.limit.map_or(TRACE_PAGE, |limit| (limit as usize).clamp(1, TRACE_PAGE));
        let legs = selection.name.as_deref().and_then(|name| self.calls.get(name));
        let wanted = |leg: &str| match (&selection.name, legs) {
            (None, _) => true,
            (Some(_), Some(legs)) => legs.iter().any(|one| one.as_str() == leg),
            (Some(name), None) => name == leg,
        };
        let mut page = VecDeque::new();
        let mut oldest = self.next;
        let mut cursor = None;
        let (mut known, mut strangers) =
            (self.known.before(before).peekable(), self.strangers.before(before).peekable());
        let number = |entry: Option<&&Entry>| entry.map(|entry| entry.number);
        let newest_first = std::iter::from_fn(|| match number(known.peek()) > number(strangers.peek()) {
            true => known.next(),
            false => strangers.next(),
        });
        for entry in newest_first {
            let Some(leg_id) = call_id(&entry.bytes).filter(|leg_id| wanted(leg_id)) else { continue };
            if page.len() >= limit {
                cursor = Some(oldest.to_string());
                break;
            }
            oldest = entry.number;
            page.push_front(entry.told(leg_id));
        }
        (page.into(), cursor)
    }

    /// How many messages are kept, and their octets.
    pub fn usage(&self) -> (usize, usize) {
        let Self { known, strangers, .. } = self;
        (known.entries.len() + strangers.entries.len(), known.octets + strangers.octets)
    }

    /// How many calls can be named, and the octets that this takes.
    pub fn names(&self) -> (usize, usize) {
        // A hash table has a power of two of places, of which it fills seven in eight, and an octet beside each.
        let places = (self.calls.capacity() * 8 / 7).next_power_of_two();
        let tables =
            places * (size_of::<(Box<str>, Vec<CallId>)>() + 1) + self.order.capacity() * size_of::<Box<str>>();
        (self.calls.len(), self.names_octets + tables)
    }

    /// Whether a request is one of a dialog: its To has a tag (RFC 3261 §12.2).
    fn is_of_dialog(&self, bytes: &Bytes) -> bool {
        Message::parse_datagram(bytes.clone()).is_ok_and(|message| message.to().is_ok_and(|to| to.tag().is_some()))
    }

    fn push(
        &mut self,
        at: WallTime,
        direction: TraceDirection,
        (transport, local, remote): (Transport, SocketAddr, SocketAddr),
        bytes: &Bytes,
        stranger: bool,
    ) {
        if self.octets_max == 0 {
            return;
        }
        let truncated = bytes.len() > TRACE_MESSAGE_OCTETS_MAX;
        // A copy of what is kept, so that the rest is not kept with it.
        let bytes = if truncated { Bytes::copy_from_slice(&bytes[..TRACE_MESSAGE_OCTETS_MAX]) } else { bytes.clone() };
        let number = self.next;
        self.next += 1;
        let ring = if stranger { &mut self.strangers } else { &mut self.known };
        ring.octets += ENTRY_OCTETS + bytes.len();
        ring.entries.push_back(Entry { number, at, direction, transport, local, remote, bytes, truncated });
        self.make_room();
    }

    fn make_room(&mut self) {
        let strangers = self.octets_max / TRACE_STRANGERS;
        self.strangers.shrink_to(strangers);
        self.known.shrink_to(self.octets_max - strangers);
    }
}

impl Ring {
    /// The entries before that number, or all, the newest first.
    fn before(&self, number: Option<u64>) -> impl Iterator<Item = &Entry> {
        let end =
            number.map_or(self.entries.len(), |number| self.entries.partition_point(|entry| entry.number < number));
        self.entries.range(..end).rev()
    }

    /// Whether these very octets, of that place in memory, are among the last entries: a repetition of what was sent.
    fn has_lately(&self, bytes: &Bytes) -> bool {
        let same = |entry: &Entry| entry.bytes.as_ptr() == bytes.as_ptr() && entry.bytes == *bytes;
        self.entries.iter().rev().take(TRACE_REPETITIONS).any(same)
    }

    fn shrink_to(&mut self, octets_max: usize) {
        while self.octets > octets_max {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.octets -= ENTRY_OCTETS + oldest.bytes.len();
        }
    }
}

impl Entry {
    fn told(&self, leg_id: String) -> TraceEntry {
        TraceEntry {
            at: self.at,
            direction: self.direction,
            transport: self.transport.parameter().to_owned(),
            local: self.local.to_string(),
            remote: self.remote.to_string().into(),
            leg_id,
            message: self.bytes.to_vec(),
            truncated: self.truncated,
        }
    }
}

/// What the name of a call takes beside its places in the tables: the name twice, and its legs', each with two counts of who
/// shares it.
fn name_octets(call: &str, legs: &Vec<CallId>) -> usize {
    let shared = |leg: &CallId| (2 * size_of::<usize>() + leg.as_str().len()).next_multiple_of(size_of::<usize>());
    2 * call.len() + legs.capacity() * size_of::<CallId>() + legs.iter().map(shared).sum::<usize>()
}

fn call_id(bytes: &Bytes) -> Option<String> {
    Message::parse_datagram(bytes.clone()).ok()?.call_id().ok().map(str::to_owned)
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
        trace.known.entries.pop_front();
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
        let mut trace = Trace::new(20_000);
        for number in 0..100 {
            trace.received(WallTime(number), &flow(), &message("one", 10_000), false);
        }
        let (kept, octets) = trace.usage();
        assert!(octets <= 15_000 && kept == 3, "{kept} {octets}");
        let (page, _) = trace.page(&named("one"));
        assert!(page.iter().all(|entry| entry.truncated && entry.message.len() == TRACE_MESSAGE_OCTETS_MAX));
        assert_eq!(page[2].at, WallTime(99));
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
        }
        assert_eq!(trace.page(&named("one")).0.len(), 1);
        assert!(trace.known.entries.len() == 1 && trace.usage().0 <= 10_001);
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
        assert!(trace.usage().1 <= 1 << 20);
        let refusal = Transmit {
            destination: crate::transport::Destination::flow(&flow()),
            bytes: Bytes::from_static(b"SIP/2.0 401 Unauthorized\r\nCall-ID: x\r\n\r\n"),
            token: None,
        };
        trace.sent(WallTime(0), &Listeners::default(), &refusal);
        assert_eq!(trace.known.entries.len(), 2);
    }

    #[test]
    fn calls_are_forgotten_by_age() {
        let mut trace = Trace::new(1 << 20);
        for number in 0..TRACE_CALLS_MAX + 10 {
            trace.name(&number.to_string(), &CallId::of_random(number as u128));
        }
        assert_eq!((trace.calls.len(), trace.order.len()), (TRACE_CALLS_MAX, TRACE_CALLS_MAX));
        let (calls, octets) = trace.names();
        let names: usize = trace.order.iter().map(|call| name_octets(call, &trace.calls[call])).sum();
        assert_eq!((calls, trace.names_octets), (TRACE_CALLS_MAX, names));
        trace.name("10", &CallId::of_random(0));
        assert_eq!(trace.names().1 - octets, 3 * size_of::<CallId>() + 48, "room for three legs more, and one of them");
    }
}
