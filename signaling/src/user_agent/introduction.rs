//! The peer of a session is told who it talks to now, where somebody else has come to the other end: by P-Asserted-Identity (RFC 3325) in an UPDATE without
//! an offer, if the peer takes those, and in whatever else asks for something of the session later. Nothing else would tell its display.

use super::identity;
use super::in_dialog::{Aim, Request};
use super::leg::{Head, Leg, Peer, State, Timer};
use super::means::Means;
use super::remote_party;
use super::session::{Session, Standing};
use crate::limits::INTRODUCTION_WAITS;
use crate::message::{Header, Message, Method};
use router::Packet;
use router::parameter::{Parameter, Party};

impl Leg {
    /// `Notify × LegState`: who is at the other end.
    pub(super) fn introduced(&mut self, means: &mut Means, packet: Packet) {
        let of_call = packet.source == self.head.call;
        let (State::Session(session), true) = (&mut self.state, of_call) else { return };
        if let Some(Parameter::LegState(state)) = packet.parameters.into_iter().next()
            && let Some(party) = state.party
        {
            session.introduce(&mut self.head, means, &party);
        }
    }
}

impl Session {
    fn introduce(&mut self, head: &mut Head, means: &mut Means, party: &Party) {
        // A phone is in nobody's trust domain, and is shown what it would be shown as a caller's name.
        if head.peer != Peer::Account && !head.is_trusted(means) {
            return;
        }
        let domain = means.domain_at(self.requester.dialog.flow().listener);
        self.other_end = identity::asserted(party, domain).map(String::into_boxed_str);
        self.untold_end.set(self.other_end.is_some());
        if self.untold_end.get() {
            head.set_timer(means, Timer::Introduce, INTRODUCTION_WAITS);
        }
    }

    /// Nothing has told it yet. Two requests at once could arrive in either order, and one would be late then (RFC 3261 §12.2.2): it waits for
    /// whatever is under way.
    pub(super) fn introduce_at_last(&mut self, head: &mut Head, means: &mut Means) {
        let takes_it = self.requester.dialog.allows_update() && !self.refreshes_by_invite;
        if !self.untold_end.get() || !takes_it || self.standing != Standing::Up {
            return;
        }
        let waits = self.awaiting_ack.is_some()
            || self.unacknowledged.is_some()
            || self.waiting.is_some()
            || self.theirs.is_some()
            || self.requester.waiting().next().is_some();
        if waits {
            return head.set_timer(means, Timer::Introduce, INTRODUCTION_WAITS);
        }
        let request = self.timed(head, means, Request::new(Method::Update));
        if self.requester.send(means, head, request, Aim::Introduce).is_err() {
            tracing::debug!(leg = %head.instance, "who is at the other end was not told");
        }
    }

    /// It has been told.
    pub(super) fn introduction_taken(&mut self, head: &mut Head, means: &mut Means, message: &Message) {
        self.requester.dialog.refresh(message);
        self.resolve_next_hop(head, means);
        self.timer.accepted(message, means.now.instant);
        self.follow_interval(head, means);
        self.offer_waiting(head, means);
    }

    /// Adds who is at the other end to a request, where that one has changed.
    pub(super) fn told_other_end(&self, head: &Head, means: &Means, request: Request) -> Request {
        let Some(asserted) = &self.other_end else { return request };
        self.untold_end.set(false);
        let request = request.with(Header::PAssertedIdentity.as_str(), asserted.to_string());
        match remote_party::is_told(means, head) {
            true => {
                let value = remote_party::value(asserted, head.incoming, false);
                request.with(Header::RemotePartyId.as_str(), value)
            }
            false => request,
        }
    }
}
