//! Calls that other platforms ask for when more comes than can be served: they wait for their turn, and are refused where that does not come in time.
//!
//! Callers of this platform's own wait at `signaling`, before they cost anything here; what comes over a link would come past them. So it waits in a
//! [`Backlog`](router::Backlog) of its own, of which as much is served in a turn as of theirs: a platform that floods takes half of what new calls have at the
//! most, and what was begun is finished first. Calls for help do not wait, unless they are a flood themselves.

use super::Switch;
use crate::limits::URGENT_PER_S;
use router::backlog::{Due, Told};
use router::parameter::{Cause, CauseKind, Failure, Parameter};
use router::time::{Instant, Now};
use router::{Command, Packet, PlatformId};

/// What a packet that asks for a call takes of the room, octets: an offer has two KiB or so, and who sends more shares it with nobody but other platforms.
const PACKET_OCTETS: usize = 4_096;

/// What who is refused is told to wait, in seconds: others of the cluster may have room at once.
const RETRY_S: u32 = 2;

impl Switch {
    /// The shard's turn is over; `took_all`: no message and no packet waits.
    pub fn handle_turn(&mut self, now: Instant, took_all: bool) {
        match self.backlog.handle_turn(now, took_all) {
            None => {}
            Some(Told::Begun { .. }) => {
                tracing::warn!("more comes than can be served: some calls of other platforms are refused");
            }
            Some(Told::Over { lasted, refused }) => {
                tracing::warn!(refused, after_s = lasted.as_secs(), "all calls of other platforms are served again");
            }
        }
    }

    /// Serves calls of other platforms whose turn has come, and refuses those for which it comes too late. True: some wait on.
    pub fn serve_waiting(&mut self, now: Now) -> bool {
        if self.backlog.is_empty() {
            return false;
        }
        while let Some(due) = self.backlog.poll(now.instant) {
            match due {
                Due::Serve(packet) => self.begin_waited(now, packet),
                Due::Refuse(packet) => self.refuse_waited(now, &packet),
            }
        }
        self.settle_after(now);
        !self.backlog.is_empty()
    }

    /// Lets a call of another platform wait for its turn while the shard does not catch up. It comes back if it is none, or need not.
    pub(super) fn wait_for_turn(&mut self, now: Now, packet: Packet) -> Option<Packet> {
        if !self.backlog.is_behind() || !self.is_elsewhere(packet.source.platform) {
            return Some(packet);
        }
        if packet.command != Command::Start {
            return Some(packet);
        }
        let is_urgent = match packet.first() {
            Some(Parameter::Call(call)) => self.config.plan.is_emergency(call.called.user()),
            Some(Parameter::Originate(_)) => false,
            _ => return Some(packet),
        };
        if is_urgent && self.urgent.take(now.instant, URGENT_PER_S) {
            return Some(packet);
        }
        if let Err(packet) = self.backlog.push(now.instant, 0, PACKET_OCTETS, packet) {
            self.refuse_waited(now, &packet);
        }
        None
    }

    /// What comes for a call that waits for its turn, such as its end, finds it begun.
    pub(super) fn hurry(&mut self, now: Now, packet: &Packet) {
        let to = packet.destination.instance;
        if !self.backlog.is_empty()
            && packet.command != Command::Start
            && let Some(first) = self.backlog.take(|first| first.destination.instance == to)
        {
            self.begin_waited(now, first);
        }
    }

    fn begin_waited(&mut self, now: Now, packet: Packet) {
        let instance = packet.destination.instance;
        if self.calls.contains_key(&instance) {
            // A repetition.
            self.with_call(now, instance, |call, turn| call.handle_packet(turn, packet));
        } else if matches!(packet.first(), Some(Parameter::Originate(_))) {
            self.origination_wanted(now, instance, packet);
        } else {
            self.call_wanted(now, instance, packet);
        }
    }

    fn refuse_waited(&mut self, now: Now, packet: &Packet) {
        if self.calls.contains_key(&packet.destination.instance) {
            return self.begin_waited(now, packet.clone());
        }
        self.backlog.note_refused(now.instant);
        let cause = Cause::from(CauseKind::Congestion);
        let failure = Failure { retry_after_s: Some(RETRY_S), ..Failure::because(cause.clone()) };
        self.outbox.failed(packet, failure);
        match packet.first() {
            Some(Parameter::Call(call)) if self.is_new_id(&call.id) => {
                let mut call = call.clone();
                self.of_platform(packet.source.platform, &mut call);
                self.attempt_refused(now, &call, cause);
            }
            _ => self.counters.refused(cause.kind),
        }
    }

    fn is_elsewhere(&self, platform: PlatformId) -> bool {
        let own = self.config.cluster.as_ref().map(|own| own.platform);
        platform != PlatformId::HERE && own != Some(platform)
    }
}
