//! The last messages, so that a call can be looked at after the fact.

use crate::limits::{TRACE_CALLS_MAX, TRACE_MESSAGE_OCTETS_MAX, TRACE_PAGE};
use crate::message::{CallId, Message};
use crate::transport::{Destination, Flow, ListenerId, Listeners, Transport};
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
    at: WallTime,
    direction: TraceDirection,
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
    bytes: Bytes,
    truncated: bool,
}

/// A ring of the last messages, bounded in octets, and which legs belong to which call.
#[derive(Debug)]
pub struct Trace {
    entries: VecDeque<Entry>,
    octets: usize,
    octets_max: usize,
    /// The number of the first entry since the start: cursors count from there.
    first: u64,
    /// The Call-IDs of the legs of a call, by the call's id.
    calls: HashMap<Box<str>, Vec<CallId>>,
    /// Calls by age, the oldest first.
    order: VecDeque<Box<str>>,
}

impl Trace {
    /// A ring that keeps at most so many octets; 0 keeps nothing.
    pub fn new(octets_max: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            octets: 0,
            octets_max,
            first: 0,
            calls: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Another bound from now on.
    pub fn set_bound(&mut self, octets_max: usize) {
        self.octets_max = octets_max;
        self.make_room();
    }

    /// A message came.
    pub fn received(&mut self, at: WallTime, flow: &Flow, bytes: &Bytes) {
        self.push(at, TraceDirection::Received, flow.transport, flow.local, flow.remote, bytes);
    }

    /// A message goes.
    pub fn sent(&mut self, at: WallTime, listeners: &Listeners, destination: &Destination, bytes: &Bytes) {
        let listener = destination.listener.and_then(|id: ListenerId| listeners.get(id));
        let local = listener.map_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)), |listener| listener.local());
        self.push(at, TraceDirection::Sent, destination.transport, local, destination.remote, bytes);
    }

    /// A leg belongs to a call.
    pub fn name(&mut self, call: &str, leg: &CallId) {
        if self.octets_max == 0 {
            return;
        }
        if let Some(legs) = self.calls.get_mut(call) {
            if !legs.contains(leg) && legs.len() < router::limits::PARAMETERS {
                legs.push(leg.clone());
            }
            return;
        }
        if self.order.len() >= TRACE_CALLS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.calls.remove(&oldest);
        }
        self.order.push_back(call.into());
        self.calls.insert(call.into(), vec![leg.clone()]);
    }

    /// The last messages of the call or leg that the selection names (of all, where it names none), oldest first. Pages lead
    /// from the present into the past: the cursor, where older ones are kept, leads to those just before this page.
    pub fn page(&self, selection: &Selection) -> (Vec<TraceEntry>, Option<String>) {
        let before = selection.cursor.as_deref().and_then(|cursor| cursor.parse::<u64>().ok());
        let considered = before.map_or(self.entries.len(), |before| {
            let older = usize::try_from(before.saturating_sub(self.first)).unwrap_or(usize::MAX);
            older.min(self.entries.len())
        });
        let limit = selection.limit.map_or(TRACE_PAGE, |limit| (limit as usize).clamp(1, TRACE_PAGE));
        let legs = selection.name.as_deref().and_then(|name| self.calls.get(name));
        let wanted = |leg: &str| match (&selection.name, legs) {
            (None, _) => true,
            (Some(_), Some(legs)) => legs.iter().any(|one| one.as_str() == leg),
            (Some(name), None) => name == leg,
        };
        let mut page = VecDeque::new();
        let mut oldest = self.first;
        let mut cursor = None;
        for (index, entry) in self.entries.range(..considered).enumerate().rev() {
            let Some(leg_id) = call_id(&entry.bytes).filter(|leg_id| wanted(leg_id)) else { continue };
            if page.len() >= limit {
                cursor = Some(oldest.to_string());
                break;
            }
            oldest = self.first + index as u64;
            page.push_front(entry.told(leg_id));
        }
        (page.into(), cursor)
    }

    /// How many messages are kept, and their octets.
    pub fn usage(&self) -> (usize, usize) {
        (self.entries.len(), self.octets)
    }

    fn push(
        &mut self,
        at: WallTime,
        direction: TraceDirection,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: &Bytes,
    ) {
        if self.octets_max == 0 {
            return;
        }
        let truncated = bytes.len() > TRACE_MESSAGE_OCTETS_MAX;
        // A copy of what is kept, so that the rest is not kept with it.
        let bytes = if truncated { Bytes::copy_from_slice(&bytes[..TRACE_MESSAGE_OCTETS_MAX]) } else { bytes.clone() };
        self.octets += ENTRY_OCTETS + bytes.len();
        self.entries.push_back(Entry { at, direction, transport, local, remote, bytes, truncated });
        self.make_room();
    }

    fn make_room(&mut self) {
        while self.octets > self.octets_max {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.octets -= ENTRY_OCTETS + oldest.bytes.len();
            self.first += 1;
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
            trace.received(WallTime(number), &flow(), &message("one", 0));
            trace.received(WallTime(number), &flow(), &message("two", 0));
        }
        trace.name("call", &CallId::new("one").unwrap());
        assert_eq!(trace.page(&named("two")).0.len(), 5);
        assert_eq!(trace.page(&named("nobody")).0.len(), 0);
        let times = |page: &[TraceEntry]| page.iter().map(|entry| entry.at.0).collect::<Vec<_>>();
        let (last, cursor) = trace.page(&Selection { limit: Some(3), ..named("call") });
        assert_eq!((times(&last), last[0].leg_id.as_str()), (vec![2, 3, 4], "one"));
        // What comes meanwhile moves no page, and what goes is only missed.
        trace.received(WallTime(5), &flow(), &message("one", 0));
        let (before, end) = trace.page(&Selection { cursor: cursor.clone(), ..named("call") });
        assert_eq!((times(&before), end), (vec![0, 1], None));
        trace.entries.pop_front();
        trace.first += 1;
        assert_eq!(times(&trace.page(&Selection { cursor, ..named("call") }).0), [1]);
        let beyond = Selection { cursor: Some("0".to_owned()), ..Selection::default() };
        assert_eq!(trace.page(&beyond), (Vec::new(), None));
    }

    #[test]
    fn a_page_without_a_cursor_ends_with_the_present() {
        let mut trace = Trace::new(1 << 20);
        for number in 0..2 * TRACE_PAGE as i64 {
            trace.received(WallTime(number), &flow(), &message("one", 0));
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
            trace.received(WallTime(number), &flow(), &message("one", 10_000));
        }
        let (kept, octets) = trace.usage();
        assert!(octets <= 20_000 && kept == 4, "{kept} {octets}");
        let (page, _) = trace.page(&named("one"));
        assert!(page.iter().all(|entry| entry.truncated && entry.message.len() == TRACE_MESSAGE_OCTETS_MAX));
        assert_eq!(page[3].at, WallTime(99));
        trace.set_bound(0);
        trace.received(WallTime(0), &flow(), &message("one", 0));
        assert_eq!(trace.usage(), (0, 0));
    }

    #[test]
    fn calls_are_forgotten_by_age() {
        let mut trace = Trace::new(1 << 20);
        for number in 0..TRACE_CALLS_MAX + 10 {
            trace.name(&number.to_string(), &CallId::of_random(number as u128));
        }
        assert_eq!((trace.calls.len(), trace.order.len()), (TRACE_CALLS_MAX, TRACE_CALLS_MAX));
    }
}
