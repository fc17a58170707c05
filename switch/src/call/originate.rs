//! A call that the operator makes between two parties: the first is rung with an offer of our own, then the second is called
//! for it.

use super::asked::Asked;
use super::call::{Beginning, Call, Far};
use super::leg::LegId;
use super::search::Search;
use super::timers::Timer;
use super::turn::Turn;
use crate::config::Config;
use router::parameter::{Cause, Failure, Origin, Originate, Party};
use router::{Instance, one};
use std::sync::Arc;

/// Max-Forwards of a call that begins here (RFC 3261 §8.1.1.6).
const HOPS: u8 = 70;

/// The request that the operator waits for.
#[derive(Debug)]
pub(super) struct Origination {
    asked: Asked,
}

impl Call {
    /// The call that `asked` asks for, on its way.
    pub(crate) fn originate(
        turn: &mut Turn<'_>,
        config: Arc<Config>,
        instance: Instance,
        asked: Asked,
        request: Originate,
    ) -> Self {
        let id = format!("{:016x}{:016x}", turn.random.next_u64(), turn.random.next_u64());
        let (from, to) = (Party::new(request.from, ""), Party::new(request.to, ""));
        let beginning = Beginning {
            instance,
            id,
            origin: Origin::Control,
            caller: from.clone(),
            anonymous: false,
            called: to.clone(),
            hops: HOPS,
        };
        let mut call = Self::new(turn, config, beginning);
        asked.progress(turn.outbox, one(call.summary()));
        call.origination = Some(Origination { asked });
        call.begin(turn);
        // The first party sees whom it is about to talk to.
        call.search_begin(turn, Search::new(None, Origin::Control, to, false, from));
        call
    }

    /// The same `Start × Originate` again: the same state again.
    pub(super) fn origination_repeated(&mut self, turn: &mut Turn<'_>, asked: Asked) {
        if let Some(ended) = &self.ended {
            return asked.failed(turn.outbox, Failure::because(ended.cause.clone()));
        }
        match &mut self.origination {
            None => asked.done(turn.outbox, one(self.summary())),
            Some(origination) => {
                origination.asked.superseded(turn.outbox, asked);
                self.origination_progressed(turn);
            }
        }
    }

    /// Tells the operator how far it is.
    pub(super) fn origination_progressed(&mut self, turn: &mut Turn<'_>) {
        if let Some(origination) = &self.origination {
            origination.asked.progress(turn.outbox, one(self.summary()));
        }
    }

    /// The first party is there: the second is called, with the first one's rights.
    pub(super) fn first_party_answered(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        self.near = Some(leg);
        self.conversation.caller = Some(leg);
        self.connect(turn);
        self.origination_progressed(turn);
        self.set_timer(turn, Timer::Setup, self.config.setup_timeout);
        let origin = self.legs[leg].peer.origin();
        let search = Search::new(Some(leg), origin, self.caller.clone(), false, self.called.clone())
            .verified(self.legs[leg].verified);
        self.search_begin(turn, search);
    }

    /// The second party is there: both are joined.
    pub(super) fn origination_completed(&mut self, turn: &mut Turn<'_>, near: LegId, far: Far) {
        self.far = far;
        if let Far::Leg(far) = far {
            self.conversation.callee = Some(far);
        }
        self.call_answered(turn);
        self.connect(turn);
        if let Some(Origination { asked }) = self.origination.take() {
            asked.done(turn.outbox, one(self.summary()));
        }
        self.align_afresh(turn, near);
    }

    /// The call ends before both were there.
    pub(super) fn origination_ended(&mut self, turn: &mut Turn<'_>, cause: &Cause) {
        if let Some(Origination { asked }) = self.origination.take() {
            asked.failed(turn.outbox, Failure::because(cause.clone()));
        }
    }
}
