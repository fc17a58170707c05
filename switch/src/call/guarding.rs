//! What those on whose behalf a call is made have of their guards, and what it costs them.

use super::call::Call;
use super::leg::LegId;
use super::timers::Timer;
use super::turn::Turn;
use crate::guard::Guard;
use crate::limits::GUARD_LINES_PER_S;
use crate::plan::Step;
use crate::rates::Price;
use router::parameter::{Cause, GuestLeg, Origin};
use router::time::Duration;
use router::{Ledger, Shards};

/// How often what a leg costs is noted: by the minute, as prices are.
const MINUTE: Duration = Duration::from_secs(60);

/// Somebody on whose behalf the call is made, and who has a guard.
#[derive(Debug)]
pub(super) struct Guarded {
    origin: Origin,
    ledger: Ledger,
}

/// What a leg costs, and whom.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    price: Price,
    payer: Box<str>,
    ledger: Ledger,
}

impl Charge {
    /// Of a leg that comes from another call.
    pub(super) fn of_guest(shards: &Shards, guest: &GuestLeg) -> Option<Box<Self>> {
        let (price, payer) = (Price::from_millionths(guest.price?), guest.payer.as_ref()?.reveal());
        Some(Box::new(Self { price, payer: payer.as_str().into(), ledger: shards.ledger(payer) }))
    }

    /// By the minute, in millionths.
    pub(super) fn price(&self) -> u32 {
        self.price.as_millionths()
    }

    /// Whose ledger it is noted in.
    pub(super) fn payer(&self) -> &str {
        &self.payer
    }
}

impl Call {
    /// Whether the search may take this step.
    ///
    /// # Errors
    /// A guard does not let it pass.
    pub(super) fn guard(&mut self, turn: &mut Turn<'_>, step: &Step) -> Result<(), Cause> {
        if self.config.plan.guards.is_empty() {
            return Ok(());
        }
        let Some(search) = &self.search else { return Ok(()) };
        let (config, now) = (self.config.clone(), turn.now.instant);
        let (origin, number) = (search.origin(), search.number());
        let Some(guard) = config.plan.guard(origin) else { return Ok(()) };
        if search.urgent {
            return Ok(());
        }
        let checked = match self.guarded.iter().find(|guarded| guarded.origin == *origin) {
            Some(_) => Ok(()),
            None => {
                let ledger = config.shards.ledger(&ledger_name(origin));
                guard.begin(now, &ledger).map(|()| self.guarded.push(Guarded { origin: origin.clone(), ledger }))
            }
        };
        let leaves = matches!(step, Step::Trunk { .. } | Step::Platform { .. });
        let checked = checked.and_then(|()| match self.guarded.iter().find(|guarded| guarded.origin == *origin) {
            Some(guarded) if leaves => guard.leave(now, &guarded.ledger, number),
            _ => Ok(()),
        });
        checked.map_err(|tripped| {
            turn.counters.guarded += 1;
            let by = if config.reveal_numbers { origin.name() } else { "(private)" };
            if config.shards.throttle("lines of guards").take(turn.now.instant, GUARD_LINES_PER_S) {
                tracing::warn!(call = %self.id, guard = guard.name, by, "a call is refused: {tripped}");
            }
            guard.cause(tripped)
        })
    }

    /// What the search's present step costs by the minute, if somebody counts it.
    pub(super) fn charge(&self, price: Option<Price>) -> Option<Box<Charge>> {
        let (price, search) = (price?, self.search.as_ref()?);
        let guarded = self.guarded.iter().find(|guarded| guarded.origin == *search.origin())?;
        let payer = ledger_name(&guarded.origin).into();
        Some(Box::new(Charge { price, payer, ledger: guarded.ledger.clone() }))
    }

    /// A minute of a leg begins; the first one when it is answered.
    pub(super) fn minute_begins(&mut self, turn: &mut Turn<'_>, id: LegId) {
        let leg = &self.legs[id];
        let Some(charge) = &leg.charge else { return };
        if leg.is_released() || self.has_ended() {
            return;
        }
        Guard::note(turn.now.instant, &charge.ledger, charge.price);
        self.set_timer(turn, Timer::Minute(id), MINUTE);
    }

    /// The call has ended: others may begin.
    pub(super) fn unguard(&mut self) {
        for guarded in self.guarded.drain(..) {
            guarded.ledger.calls.give_back();
        }
    }
}

/// The name of somebody's ledger.
fn ledger_name(origin: &Origin) -> String {
    let kind = origin.behalf().name();
    match origin.platform() {
        Some(platform) => format!("{kind} {}@{platform}", origin.name()),
        None => format!("{kind} {}", origin.name()),
    }
}
