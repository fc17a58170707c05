//! The peer can do with nothing that it was offered (415, 488, 606). Before the leg is given up the call is asked once whether it has another
//! offer: then the INVITE is sent again, to where it was, with what was learned on the way (credentials, session interval).

use super::Outgoing;
use crate::limits::ANOTHER_OFFER_WITHIN;
use crate::message::StatusCode;
use crate::transport::Destination;
use crate::user_agent::leg::{Head, State, Timer, not_now};
use crate::user_agent::means::Means;
use router::parameter::{Cause, LegPhase, LegState, MediaExchange};
use router::{Asked, one};

/// How far a second offer is.
#[derive(Debug, Default)]
pub(super) enum Another {
    /// The first one is out.
    #[default]
    No,
    /// The peer has refused it, and the call is asked for another one.
    Asked(Box<Refused>),
    /// There was time for one, and there is for no further.
    Over,
}

/// A refusal that may not be the last word.
#[derive(Debug)]
pub(super) struct Refused {
    cause: Cause,
    destination: Destination,
}

impl Outgoing {
    /// Whether another offer may do better than the one that was refused so.
    pub(super) fn may_take_another_offer(&self, status: StatusCode) -> bool {
        let offered = self.attempt.as_ref().is_some_and(|attempt| attempt.body.is_some());
        offered && matches!(self.another, Another::No) && matches!(status.code(), 415 | 488 | 606)
    }

    /// Asks the call for one.
    pub(super) fn ask_another_offer(mut self: Box<Self>, head: &mut Head, means: &mut Means, cause: Cause) -> State {
        let Some(attempt) = self.attempt.take() else { return self.fail(head, means, cause) };
        self.forget_early_offer(means);
        self.forks.clear();
        head.set_timer(means, Timer::Response, ANOTHER_OFFER_WITHIN);
        let state = LegState { cause: Some(cause.clone()), ..LegState::new(LegPhase::Trying) };
        self.asked.progress(&mut means.outbox, one(state));
        self.another = Another::Asked(Box::new(Refused { cause, destination: attempt.destination }));
        State::Outgoing(self)
    }

    /// Whether the call was asked, and has not said anything.
    pub(in crate::user_agent) fn waits_for_another_offer(&self) -> bool {
        matches!(self.another, Another::Asked(_))
    }

    /// `Set × LegState`: the call's other offer, or that it has none.
    pub(in crate::user_agent) fn offered_another(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        asked: Asked,
        media: Option<MediaExchange>,
    ) -> State {
        let Another::Asked(refused) = std::mem::replace(&mut self.another, Another::Over) else {
            asked.failed(&mut means.outbox, not_now());
            return State::Outgoing(self);
        };
        let Refused { cause, destination } = *refused;
        means.done(asked);
        let Some(MediaExchange::Offer(_)) = media else { return self.fail(head, means, cause) };
        self.offer = media;
        match self.invite(head, means, destination) {
            true => State::Outgoing(self),
            false => self.fail(head, means, cause),
        }
    }

    /// The call has let the time pass: why the leg has failed.
    pub(super) fn no_other_offer(&mut self) -> Option<Cause> {
        match std::mem::take(&mut self.another) {
            Another::Asked(refused) => {
                self.another = Another::Over;
                Some(refused.cause)
            }
            other => {
                self.another = other;
                None
            }
        }
    }
}
