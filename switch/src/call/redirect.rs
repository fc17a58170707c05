//! A callee that is to be looked for elsewhere: forwarding that is set at a phone, a number that has moved.
//!
//! Who sends a call on answers for it: the new number is looked for by the plan on behalf of the account or trunk that named it,
//! with its rights and not the caller's, so that nobody calls where the one who forwards may not. Other phones of the same step
//! ring on; the redirection comes next.
//!
//! Or the caller is told, and calls there itself, if it likes, with its own rights: where nobody else of the destination answers, and
//! nobody declines for all (RFC 3261 §16.7 step 6), and no branch is there for whom cannot be reached.

use super::call::Call;
use super::diverting::Told;
use super::leg::{LegId, Peer};
use super::turn::Turn;
use crate::plan::Redirects;
use router::parameter::Party;

impl Call {
    /// Where a leg's peer says that its user is, best first: followed, or passed on, if the peer's redirections are.
    /// `told`: what the peer says of that.
    pub(super) fn follow(
        &mut self,
        turn: &mut Turn<'_>,
        leg: LegId,
        code: Option<u16>,
        contacts: Vec<Party>,
        told: Told,
    ) {
        if contacts.is_empty() {
            return;
        }
        let peer = &self.legs[leg].peer;
        let redirects = match peer {
            Peer::Account(_) => self.config.redirects,
            Peer::Trunk(name) => self.config.plan.trunk(name).map_or(Redirects::Refuse, |trunk| trunk.redirects),
            // It has looked there itself, or says that the caller is to.
            Peer::Platform(_) => Redirects::Pass,
        };
        let by = self.legs[leg].origin();
        let diversion = self.diversion_of(leg, told);
        let Some(search) = &mut self.search else { return };
        if redirects == Redirects::Refuse || !search.legs().contains(&leg) {
            turn.counters.redirects_refused += 1;
            return;
        }
        if redirects == Redirects::Pass {
            turn.counters.redirects_passed += search.pass_on(code, contacts) as u64;
            return;
        }
        for contact in &contacts {
            let followed = search.redirect(contact, by.clone(), diversion.clone());
            *(if followed { &mut turn.counters.redirects_followed } else { &mut turn.counters.redirects_refused }) += 1;
        }
    }
}
