//! Whether the peer of a session is there: it is asked by a request within the dialog where nothing else would tell.

use super::in_dialog::{Aim, Request};
use super::leg::Head;
use super::means::Means;
use super::options::ACCEPT;
use super::session::{Session, Standing};
use crate::limits::SUPERVISIONS_UNSENT;
use crate::message::{Header, Message, Method, StatusCode};
use router::parameter::{Cause, CauseKind, LegPhase, LegState};
use router::{Asked, one};

impl Session {
    /// `Query × LegState`: the call wants to know whether the peer is there. UPDATE without an offer where the peer takes that (RFC 3311
    /// §5.1): it concerns the dialog alone, while many answer an OPTIONS without looking for one. Where a session timer runs, or
    /// something is asked anyway, that tells.
    pub(super) fn supervise(&mut self, head: &mut Head, means: &mut Means, asked: Asked) {
        if self.standing != Standing::Up {
            return asked.failed(&mut means.outbox, super::leg::not_now());
        }
        let told_otherwise = self.timer.interval().is_some()
            || self.theirs.is_some()
            || self.awaiting_ack.is_some()
            || self.requester.waiting().next().is_some();
        if told_otherwise {
            return is_there(means, asked);
        }
        let request = match self.requester.dialog.allows_update() && !self.refreshes_by_invite {
            true => Request::new(Method::Update),
            false => Request::new(Method::Options).with(Header::Accept.as_str(), ACCEPT),
        };
        means.counters.sessions_asked += 1;
        if let Err(aim) = self.requester.send(means, head, request, Aim::Supervise { asked }) {
            self.refused(head, means, aim, CauseKind::Unreachable.into());
        }
    }

    /// The peer answered: whatever it said, it is there. Its target may be another one (RFC 3311 §5.1).
    pub(super) fn peer_is_there(&mut self, head: &Head, means: &mut Means, asked: Asked, updated: Option<&Message>) {
        self.unsent = 0;
        if let Some(message) = updated {
            self.requester.dialog.refresh(message);
            self.resolve_next_hop(head, means);
        }
        is_there(means, asked);
    }

    /// The question was refused, not answered, or did not leave.
    pub(super) fn supervision_failed(&mut self, head: &mut Head, means: &mut Means, asked: Asked, cause: &Cause) {
        let says_gone = [StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST, StatusCode::REQUEST_TIMEOUT];
        let text = match (cause.code, cause.kind) {
            (Some(code), _) if code == says_gone[0].code() => "the peer does not know the call any more",
            (Some(code), _) if code == says_gone[1].code() => "the peer is not there any more",
            (Some(_), _) => return self.peer_is_there(head, means, asked, None),
            (None, CauseKind::Timeout) => "the peer does not answer any more",
            (None, _) => {
                self.unsent += 1;
                if self.unsent < SUPERVISIONS_UNSENT {
                    return is_there(means, asked);
                }
                "the peer is not reached any more"
            }
        };
        is_there(means, asked);
        if self.standing == Standing::Up {
            means.counters.sessions_lost += 1;
            tracing::info!(leg = %head.instance, text, "a session ends");
            let told = Cause { text: Some(text.to_owned()), ..Cause::new(CauseKind::Timeout) };
            match cause.code {
                // Who does not know the dialog needs no BYE.
                Some(code) if code == says_gone[0].code() => self.leave(head, means, Some(told)),
                _ => self.fail(head, means, told),
            }
        }
    }
}

/// The question is answered; that a peer is gone its leg tells by itself.
fn is_there(means: &mut Means, asked: Asked) {
    asked.done(&mut means.outbox, one(LegState::new(LegPhase::Answered)));
}
