//! Pick-up by a number of the plan: who calls it answers a call that rings elsewhere. Which one, the switch finds among its calls and
//! those of the other shards, which it asks; what follows is the same as where a dialog is named, see `joining` and `guest`.

use super::call::Call;
use super::dialog::{Join, Seeking, Whom};
use super::joining::Joining;
use super::purpose::Purpose;
use super::search::{Next, Search};
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::{FORK_LEGS, QUERY_WITHIN};
use crate::plan::{Plan, Step};
use router::parameter::{CauseKind, Dialog, LegPhase, Origin, Parameter, Party, Ringing};
use router::time::{Instant, Now, WallTime};
use router::{Address, Command, ModuleKind, Packet, Random, one};

/// The other shards are asked what rings there.
#[derive(Debug)]
pub(super) struct Asking {
    of: Option<Vec<String>>,
    /// How many have not answered.
    awaited: u8,
    /// What they have named.
    best: Option<Box<Ringing>>,
}

/// A call that rings somewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rings {
    /// When the call began: who waits longest is answered first.
    pub(crate) since: Instant,
    pub(crate) leg: Address,
    /// Whether who asks may pick it up.
    pub(crate) allowed: bool,
}

impl Rings {
    /// For how long the call has been there.
    pub(crate) fn waits_ms(&self, now: Now) -> u64 {
        now.instant.since(self.since).as_millis() as u64
    }
}

impl Call {
    /// Answers a call that rings at whom `number` leads to, or at anybody. False: it is not for who calls to do so.
    pub(super) fn try_pick_up(&mut self, turn: &mut Turn<'_>, number: &str) -> bool {
        let calls = self.near.is_some_and(|near| self.legs[near].asked.is_some()) && self.transferring.is_none();
        if !calls {
            if let Some(search) = &mut self.search {
                search.note(CauseKind::Forbidden.into());
            }
            return false;
        }
        let of = (!number.is_empty()).then(|| accounts_of(&self.config.plan, number, &self.origin, turn.now.wall));
        self.search = None;
        self.cancel_timer(turn, Timer::Setup);
        let dialog = Dialog {
            leg_id: String::new(),
            own_tag: String::new(),
            peer_tag: String::new(),
            early_only: true,
            at: None,
            join: false,
        };
        let own = turn.outbox.address();
        let switches = (0..self.config.shards.count()).map(|index| Address::local(ModuleKind::Switch, index));
        let others: Vec<_> = switches.filter(|&switch| switch != own).collect();
        let asking = Asking { of, awaited: others.len() as u8, best: None };
        for switch in others {
            let (by, accounts) = (self.origin.clone(), asking.of.clone());
            let query = one(Ringing { by, accounts, at: None, waits_ms: 0, allowed: false });
            self.request(turn, switch, Command::Query, query, QUERY_WITHIN, Purpose::Ringing);
        }
        self.joining =
            Some(Box::new(Joining::Seeking(Seeking { asking: Some(Box::new(asking)), ..Seeking::of(dialog, None) })));
        self.asked_all(turn);
        true
    }

    /// Another shard says what rings there, or that nothing does.
    pub(super) fn ringing_told(&mut self, turn: &mut Turn<'_>, packet: &Packet) {
        if self.has_ended() {
            return;
        }
        let Some(Joining::Seeking(Seeking { asking: Some(asking), .. })) = self.joining.as_deref_mut() else { return };
        asking.awaited = asking.awaited.saturating_sub(1);
        if let (Command::Done, Some(Parameter::Ringing(told))) = (packet.command, packet.first()) {
            let rank = |ringing: &Ringing| (ringing.allowed, ringing.waits_ms);
            if asking.best.as_ref().is_none_or(|best| rank(best) < rank(told)) {
                asking.best = Some(told.clone());
            }
        }
        self.asked_all(turn);
    }

    /// Once all have answered, the switch chooses.
    fn asked_all(&mut self, turn: &mut Turn<'_>) {
        let Some(Joining::Seeking(seeking)) = self.joining.as_deref_mut() else { return };
        let Some(Asking { of, best: elsewhere, .. }) =
            seeking.asking.take_if(|asking| asking.awaited == 0).map(|asking| *asking)
        else {
            return;
        };
        let whom = Whom::Rings { by: self.origin.clone(), of, elsewhere };
        turn.joins.push(Join { guest: self.instance, whom });
    }

    /// Whether it rings at one of these accounts, or at any that `by` may pick up for.
    pub(crate) fn rings_for(&self, by: &Origin, of: Option<&[String]>) -> Option<Rings> {
        let search = self.search.as_ref().filter(|search| search.waiting.is_some())?;
        let found = search.legs().iter().map(|&leg| &self.legs[leg]).filter(|leg| {
            matches!(leg.phase, LegPhase::Ringing | LegPhase::Early)
                && of.is_none_or(|accounts| accounts.iter().any(|account| account == leg.peer.name()))
        });
        let found = found.map(|leg| Rings {
            since: self.started.instant,
            leg: leg.address,
            allowed: self.config.plan.may_pick_up(by, leg.peer.name()),
        });
        found.filter(|rings| rings.allowed || of.is_some()).max_by_key(|rings| rings.allowed)
    }
}

/// The accounts that a number leads to, of groups all members.
fn accounts_of(plan: &Plan, number: &str, origin: &Origin, now: WallTime) -> Vec<String> {
    let mut accounts = Vec::new();
    let mut search = Search::new(None, origin.clone(), Party::default(), false, Party::new(number, ""));
    // Trunks ring nowhere here: their order is nothing to this.
    let mut random = Random::from_seed(0);
    while let Next::Try(step) = search.next(plan, &mut random, now, |_| false) {
        if let Step::Accounts(members) = step {
            accounts.extend(members.into_iter().map(|member| member.account));
        }
        if accounts.len() >= FORK_LEGS {
            break;
        }
    }
    accounts
}
