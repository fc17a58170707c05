//! A transfer that came to nothing after who asked for it had hung up: the one who was sent on is not left alone, but comes back to
//! who sent it.
//!
//! ```text
//!        Y ‥ Z      X has hung up; Z is busy, does not answer, is not there
//!   X ‥ Y           every telephone of X rings, for a bounded time; Y hears that
//!   X ══ Y          X answered
//! ```

use super::call::Call;
use super::leg::{LegId, Peer};
use super::search::Search;
use super::timers::Timer;
use super::transfer::Transferring;
use super::turn::Turn;
use crate::plan::{Member, Step};
use router::parameter::{LegPhase, Transfer};

impl Call {
    /// Calls who asked for a transfer back for the one who was to be sent on. False: that is not to be, or cannot. A trunk is no one
    /// person's: what came by one is not called back.
    pub(super) fn recall(&mut self, turn: &mut Turn<'_>, by: LegId, moved: LegId) -> bool {
        let (Some(ring), Peer::Account(account)) = (self.config.recall, &self.legs[by].peer) else { return false };
        if !self.legs[moved].is_answered() {
            return false;
        }
        let account = account.clone();
        let (origin, party) = (self.legs[by].origin(), self.legs[by].party.clone());
        let caller = self.legs[moved].party.clone();
        let next = self.conversation_begins(turn, moved, (origin.clone(), caller.clone(), party.clone()));
        let anonymous = self.legs[moved].hidden;
        let search = Search::new(Some(moved), origin, caller, anonymous, party.clone())
            .verified(self.legs[moved].verified)
            .placed(Step::Accounts(vec![Member { account, timeout: Some(ring) }]));
        let transfer = Transfer { target: party, phase: LegPhase::Trying, cause: None, referred_by: None };
        tracing::info!(call = %self.id, "who was sent on comes back");
        turn.counters.recalls += 1;
        self.transferring = Some(Transferring { asked: None, by, moved, transfer, next });
        self.set_timer(turn, Timer::Setup, self.config.setup_timeout);
        self.search_begin(turn, search);
        true
    }
}
