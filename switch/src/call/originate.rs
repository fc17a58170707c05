//! A call that the operator makes between two parties: the first is rung with an offer of our own, then the second is called
//! for it.
//!
//! ```text
//!   A ?   B ?    is there anybody for B, called with the rights of whoever A may turn out to be? Nobody rings for a mistyped number
//!   A …          A rings, and sees that B calls
//!   A ══   B …   A answered: B is called with A's rights, and A hears that it rings
//!   A ══ B       B answered
//! ```

use super::asked::Asked;
use super::call::{Beginning, Call, Far, refused};
use super::invitation::Invited;
use super::leg::LegId;
use super::search::{Next, Search};
use super::timers::Timer;
use super::turn::Turn;
use crate::config::Config;
use crate::limits::FORK_LEGS;
use crate::plan::{Plan, Step};
use router::parameter::{Cause, CauseKind, Failure, LegPhase, Origin, Originate, Party, Reason};
use router::time::WallTime;
use router::{Instance, PlatformId, Random, one};
use std::collections::VecDeque;
use std::sync::Arc;

/// Max-Forwards of a call that begins here (RFC 3261 §8.1.1.6).
const HOPS: u8 = 71;

/// The request that the operator waits for.
#[derive(Debug)]
pub(super) struct Origination {
    asked: Asked,
    /// While nobody has rung yet and the second party is looked for: on whose behalf it may be there besides.
    checking: Option<VecDeque<Origin>>,
    /// A member of a conference asked for it, and not the operator.
    invited: Option<Invited>,
}

impl Origination {
    /// Somebody is invited into a conference: who asked for that knows whom.
    pub(super) fn of_invitation(asked: Asked, invited: Invited) -> Self {
        Self { asked, checking: None, invited: Some(invited) }
    }
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
            path: Vec::new(),
        };
        let mut call = Self::new(turn, config, beginning);
        call.placed_by = Some(asked.source().platform).filter(|&platform| platform != PlatformId::HERE);
        asked.progress(turn.outbox, one(call.summary_for(asked.source().platform)));
        let checking = origins_of(&call.config.plan, &call.caller, turn.now.wall);
        call.origination = Some(Origination { asked, checking: Some(checking), invited: None });
        call.begin(turn);
        call.check_second_party(turn);
        call
    }

    /// Looks for the second party on behalf of the next one that the first may be; with nobody to ask for, rings the first.
    fn check_second_party(&mut self, turn: &mut Turn<'_>) {
        let next = self.origination.as_mut().and_then(|origination| origination.checking.as_mut()?.pop_front());
        match next {
            Some(origin) => {
                self.search_begin(turn, Search::new(None, origin, self.caller.clone(), false, self.called.clone()));
            }
            None => self.ring_first_party(turn),
        }
    }

    /// Whether nobody is to be rung yet: a search only finds out whether there is somebody.
    pub(super) fn is_checking(&self) -> bool {
        self.origination.as_ref().is_some_and(|origination| origination.checking.is_some())
    }

    /// There is somebody, or a trunk that knows: the first party is rung. It sees whom it is about to talk to.
    pub(super) fn ring_first_party(&mut self, turn: &mut Turn<'_>) {
        if let Some(origination) = &mut self.origination {
            origination.checking = None;
        }
        self.conversation.destination = None;
        let (first, second) = (self.caller.clone(), self.called.clone());
        self.search_begin(turn, Search::new(None, Origin::Control, second, false, first));
    }

    /// There is nobody on behalf of that one. True: another is asked for.
    pub(super) fn check_another(&mut self, turn: &mut Turn<'_>, cause: &Cause) -> bool {
        let checking = self.origination.as_ref().and_then(|origination| origination.checking.as_ref());
        let others = checking.is_some_and(|others| !others.is_empty());
        let another = others && matches!(cause.kind, CauseKind::UnknownNumber | CauseKind::Forbidden);
        if another {
            self.check_second_party(turn);
        }
        another
    }

    /// The same `Start × Originate` again: the same state again.
    pub(super) fn origination_repeated(&mut self, turn: &mut Turn<'_>, asked: Asked) {
        // Another platform sees a call that it had made itself, and takes no answer from who had another one made.
        let platform = asked.source().platform;
        if self.placed_by != Some(platform).filter(|&platform| platform != PlatformId::HERE) {
            return asked.failed(turn.outbox, refused("the call is another one's"));
        }
        if let Some(ended) = &self.ended {
            return asked.failed(turn.outbox, Failure::because(ended.cause.clone()));
        }
        match &mut self.origination {
            None => asked.done(turn.outbox, one(self.summary_for(platform))),
            Some(origination) => {
                origination.asked.superseded(turn.outbox, asked);
                self.origination_progressed(turn);
            }
        }
    }

    /// Tells the operator how far it is.
    pub(super) fn origination_progressed(&mut self, turn: &mut Turn<'_>) {
        match &self.origination {
            Some(Origination { asked, invited: Some(invited), .. }) => {
                asked.progress(turn.outbox, one(invited.told(LegPhase::Ringing)));
            }
            Some(Origination { asked, .. }) => {
                asked.progress(turn.outbox, one(self.summary_for(asked.source().platform)));
            }
            None => {}
        }
    }

    /// The first party is there: the second is called, with the first one's rights.
    pub(super) fn first_party_answered(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        self.near = Some(leg);
        self.conversation.caller = Some(leg);
        self.connect(turn);
        self.origination_progressed(turn);
        self.set_timer(turn, Timer::Setup, self.config.setup_timeout);
        let origin = self.legs[leg].origin();
        let search = Search::new(Some(leg), origin, self.caller.clone(), false, self.called.clone())
            .verified(self.legs[leg].verified);
        let invited = self.origination.as_ref().and_then(|origination| origination.invited.as_ref());
        let search = match invited {
            Some(invited) => search.placed(invited.step()),
            None => search,
        };
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
        match self.origination.take() {
            Some(Origination { asked, invited: Some(invited), .. }) => {
                asked.done(turn.outbox, one(invited.told(LegPhase::Answered)));
            }
            Some(Origination { asked, .. }) => {
                let summary = self.summary_for(asked.source().platform);
                asked.done(turn.outbox, one(summary));
            }
            None => {}
        }
        self.align_afresh(turn, near);
    }

    /// The call ends before both were there: the operator is told because of whom.
    pub(super) fn origination_ended(&mut self, turn: &mut Turn<'_>, cause: &Cause) {
        let Some(Origination { asked, checking, invited }) = self.origination.take() else { return };
        if invited.is_some() {
            return asked.failed(turn.outbox, Failure::because(cause.clone()));
        }
        let first = checking.is_none() && self.near.is_none();
        let (which, party) = if first { ("first", &self.caller) } else { ("second", &self.called) };
        let reason = match cause.kind {
            CauseKind::UnknownNumber => Reason::NotFound,
            CauseKind::Forbidden => Reason::Refused,
            CauseKind::Congestion => Reason::Exhausted,
            _ => Reason::Peer,
        };
        let detail = format!("the {which} party, {}: {}", party.user(), told(cause.kind));
        asked.failed(turn.outbox, Failure { reason, ..Failure::because(cause.clone()) }.with_detail(detail));
    }
}

/// As whom the first party may answer, and so on whose behalf the second may be called. Nobody: the first is not there itself,
/// as its own search finds.
fn origins_of(plan: &Plan, first: &Party, now: WallTime) -> VecDeque<Origin> {
    let mut origins = VecDeque::new();
    let mut search = Search::new(None, Origin::Control, Party::default(), false, first.clone());
    // All of a group are looked at: in which order is nothing to this.
    let mut random = Random::from_seed(0);
    while let Next::Try(step) = search.next(plan, &mut random, now, |_| false) {
        let found = match step {
            Step::Accounts(members) => {
                members.into_iter().map(|member| Origin::Account(member.account.into())).collect()
            }
            Step::Trunk { name, .. } => vec![Origin::Trunk(name.into())],
            _ => Vec::new(),
        };
        for origin in found {
            if origins.len() < FORK_LEGS && !origins.contains(&origin) {
                origins.push_back(origin);
            }
        }
    }
    origins
}

/// What an operator reads of a cause.
const fn told(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::UnknownNumber => "nobody has that number",
        CauseKind::Unreachable => "not registered, or not to be reached now",
        CauseKind::Forbidden => "may not be called, or not by the first party",
        CauseKind::Busy => "busy",
        CauseKind::NoAnswer => "does not answer",
        CauseKind::Declined => "declined",
        other => other.name(),
    }
}
