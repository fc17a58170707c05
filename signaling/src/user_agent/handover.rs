//! Which dialog is which leg's, and legs that change their call: a transfer to somebody who is in a call already, and pick-up.

use super::leg::{Leg, State};
use super::means::Means;
use super::session::Standing;
use crate::message::{Tag, tag_is};
use router::parameter::{DialogPlace, Failure, Handover, Reason};
use router::{Asked, ModuleKind, Parameters, PlatformId};

/// How a dialog that was named stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    /// It is there.
    There(DialogPlace),
    /// It has just ended (RFC 3891 §3).
    Ended,
}

impl Leg {
    /// Whether it has a dialog whose peer has that tag, and where it is.
    pub(crate) fn dialog_with(&self, means: &Means, call_id: &str, peer_tag: &str) -> Option<Named> {
        if self.head.call_id.as_str() != call_id {
            return None;
        }
        let of = |tag: Option<&Tag>| tag_is(peer_tag, tag.map(Tag::as_str));
        let there = match &self.state {
            State::Incoming(incoming) => of(incoming.remote_tag()),
            State::Outgoing(outgoing) => outgoing.has_dialog_with(peer_tag),
            State::Session(session) => of(session.remote_tag()),
            State::Over => false,
        };
        let ended = matches!(&self.state, State::Session(session) if session.standing != Standing::Up);
        there.then(|| match ended {
            true => Named::Ended,
            false => {
                Named::There(DialogPlace { leg: means.outbox.address().at(self.head.instance), call: self.head.call })
            }
        })
    }

    /// Whether it is a dialog that we began: a lamp shows it as its phone has it, so that it may be named by either side.
    pub(crate) fn is_ours(&self) -> bool {
        !self.head.incoming
    }

    /// `Set × Handover`: the leg belongs to another call from now on.
    pub(super) fn handed_over(&mut self, means: &mut Means, asked: Asked, handover: Handover) {
        let to = asked.source();
        let Handover { from, call_id } = handover;
        let ours = to.platform == PlatformId::HERE && to.module.kind == ModuleKind::Switch;
        if !ours || ![from, to].contains(&self.head.call) {
            let failure = Failure::new(Reason::Refused).with_detail("the leg is another call's");
            return asked.failed(&mut means.outbox, failure);
        }
        self.head.call = to;
        means.trace.name(&call_id, &self.head.call_id);
        asked.done(&mut means.outbox, Parameters::new());
    }
}
