//! New requests when more comes than can be served: they wait for their turn, and are refused where that does not come in time.
//!
//! A request that opens something (a call, a registration, a subscription) waits in the [`Backlog`](router::Backlog) while the shard does not catch up; all else is
//! served at once, so that what was begun is finished (RFC 7339 §5.10.1 asks for that order). Calls for help do not wait either, unless they are a flood themselves. What is refused is refused with
//! 503 and Retry-After, without a transaction (RFC 3261 §8.2.7); its ACK is known by the tag that it brings back, before it is read.

use super::Signaling;
use crate::admission::Standing;
use crate::limits::{OVERLOAD_REFUSALS_KNOWN, OVERLOAD_RETRY_S, URGENT_RATE};
use crate::message::{Message, Method};
use crate::transport::{Flow, Maddr, Received as Datagram};
use router::backlog::{Due, Told};
use router::time::Now;

/// Kinds of new requests, each with a queue of its own: a flood of one takes nothing from the others.
pub(super) const KINDS: usize = 3;

/// Calls, and the CANCELs of such.
const CALLS: usize = 0;

/// A phone that is refused its registration cannot be called.
const REGISTRATIONS: usize = 1;

/// Subscriptions, publications, messages.
const OTHERS: usize = 2;

/// A new request that waits for its turn.
pub(super) struct Waiting {
    came: Now,
    flow: Flow,
    message: Message,
    maddr: Maddr,
    is_stranger: bool,
    /// Of its transaction, by which a repetition is known.
    bits: u64,
}

/// The requests that were refused last, by the bits of their transactions: a repetition that has crossed its refusal begins no call that its sender has
/// given up. One takes the place of another where these bits say so.
#[derive(Debug, Default)]
pub(super) struct Refused(Vec<u64>);

impl Refused {
    fn note(&mut self, bits: u64) {
        self.0.resize(OVERLOAD_REFUSALS_KNOWN, 0);
        self.0[bits as usize % OVERLOAD_REFUSALS_KNOWN] = bits;
    }

    fn has(&self, bits: u64) -> bool {
        self.0.get(bits as usize % OVERLOAD_REFUSALS_KNOWN) == Some(&bits)
    }
}

impl Signaling {
    /// The shard's turn is over; `took_all`: no message and no packet waits.
    pub fn handle_turn(&mut self, now: Now, took_all: bool) {
        match self.backlog.handle_turn(now.instant, took_all) {
            None => {}
            Some(Told::Begun { late }) => tracing::warn!(
                late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
                "more comes than can be served: some new requests are refused with 503"
            ),
            Some(Told::Over { lasted, refused }) => {
                tracing::warn!(refused, after_s = lasted.as_secs(), "all that comes is served again");
            }
        }
    }

    /// Whether the shard does not catch up: what has come is to be taken from the sockets before what is new is served.
    pub fn is_behind(&self) -> bool {
        self.backlog.is_behind()
    }

    /// Serves new requests whose turn has come, and refuses those for which it comes too late. True: some wait on.
    pub fn serve_waiting(&mut self, now: Now) -> bool {
        if self.backlog.is_empty() {
            return false;
        }
        self.means.now = now;
        while let Some(due) = self.backlog.poll(now.instant) {
            match due {
                Due::Serve(waiting) if !self.refused.has(waiting.bits) => self.take_waited(waiting),
                Due::Serve(waiting) | Due::Refuse(waiting) => self.refuse_waited(waiting),
            }
        }
        !self.backlog.is_empty()
    }

    /// Whether a message is the ACK to what was refused, and to nothing else.
    #[inline]
    pub(super) fn ends_refusal(&self, octets: &[u8]) -> bool {
        self.backlog.is_refusing()
            && self.refusal_tags.acknowledged_by(octets).is_some_and(|tag| !self.means.tags.contains_key(&tag))
    }

    /// Lets a new request wait for its turn while the shard does not catch up. It comes back if it is none, or need not.
    #[inline]
    pub(super) fn wait_for_turn(
        &mut self,
        received: Datagram,
        maddr: Maddr,
        standing: Standing,
    ) -> Option<(Datagram, Maddr)> {
        let is_late = self.backlog.is_behind() || self.backlog.is_refusing();
        if !is_late || !may_open(&received.bytes) {
            return Some((received, maddr));
        }
        self.wait(received, maddr, standing);
        None
    }

    fn wait(&mut self, received: Datagram, maddr: Maddr, standing: Standing) {
        let (flow, octets) = (received.flow, received.bytes.len());
        let Some(message) = self.means.transactions.read(received) else { return };
        let sighted = self.means.transactions.sight(&message);
        let kind = kind(&message).filter(|_| sighted.is_some_and(|sighted| !sighted.is_known));
        let bits = sighted.map_or(0, |sighted| sighted.bits);
        let is_stranger = standing == Standing::Unknown;
        let waiting = Waiting { came: self.means.now, flow, message, maddr, is_stranger, bits };
        let kind = match kind {
            // The CANCEL of what was begun is served at once.
            Some(kind) if !waiting.message.is(&Method::Cancel) || self.backlog.holds(kind) => kind,
            _ => return self.take_waited(waiting),
        };
        if self.refused.has(bits) {
            return self.refuse_waited(waiting);
        }
        if !self.backlog.is_behind() || self.is_urgent(&waiting.message) {
            return self.take_waited(waiting);
        }
        if let Err(waiting) = self.backlog.push(self.means.now.instant, kind, octets, waiting) {
            self.refuse_waited(waiting);
        }
    }

    /// Whether it is a call to an emergency number, of which so many a second do not wait.
    fn is_urgent(&mut self, message: &Message) -> bool {
        let is_emergency = |user: &str| self.means.config.emergency.is_emergency(user);
        message.is(&Method::Invite)
            && self.called(message).is_some_and(|called| is_emergency(called.user()))
            && self.urgent.take(self.means.now.instant, URGENT_RATE, 1)
    }

    fn take_waited(&mut self, waiting: Waiting) {
        let Waiting { came, flow, message, maddr, is_stranger, .. } = waiting;
        self.means.trace.received(came.wall, &flow, message.as_bytes(), is_stranger);
        self.means.transactions.handle_message(self.means.now.instant, &flow, message, maddr);
        self.handle_events();
    }

    fn refuse_waited(&mut self, waiting: Waiting) {
        // What was accepted while this repetition waited is not refused, and no CANCEL is.
        let is_known = self.means.transactions.sight(&waiting.message).is_none_or(|sighted| sighted.is_known);
        if is_known || waiting.message.is(&Method::Cancel) {
            return self.take_waited(waiting);
        }
        let Waiting { came, flow, message, maddr, bits, .. } = waiting;
        self.backlog.note_refused(self.means.now.instant);
        self.refused.note(bits);
        // Kept apart: a flood of these pushes out no message of a call.
        self.means.trace.received(came.wall, &flow, message.as_bytes(), true);
        // RFC 3261 §21.5.4.
        let wait = 1 + self.means.random.next_u64() % OVERLOAD_RETRY_S;
        self.means.transactions.decline(&flow, &message, maddr, &self.refusal_tags.tag(bits), wait);
    }
}

/// Whether octets may be a request that opens something, or its CANCEL, by their first word.
fn may_open(octets: &[u8]) -> bool {
    const METHODS: [&[u8]; 7] =
        [b"INVITE ", b"REGISTER ", b"CANCEL ", b"SUBSCRIBE ", b"PUBLISH ", b"MESSAGE ", b"REFER "];
    METHODS.iter().any(|method| octets.starts_with(method))
}

/// Of what kind a request is that opens something. OPTIONS ask whether we are there, so a refusal would lose us all that a sender of calls has; BYE and the
/// like end something.
fn kind(message: &Message) -> Option<usize> {
    let kind = match message.method()? {
        // A registration is none of a dialog, whatever tag it bears.
        Method::Register => return Some(REGISTRATIONS),
        Method::Invite => CALLS,
        Method::Cancel => return Some(CALLS),
        Method::Subscribe | Method::Publish | Method::Message | Method::Refer => OTHERS,
        _ => return None,
    };
    message.to_tag_text().is_none().then_some(kind)
}
