//! Whose place somebody comes in who is put through to another call: a leg that was named, or whoever rings longest, on any shard.

use super::Switch;
use crate::call::{Rings, Whom};
use router::parameter::{CauseKind, DialogPlace, Failure, Origin, Reason, Ringing};
use router::time::Now;
use router::{Address, Instance, ModuleKind, Packet, PlatformId, one};

/// Where a place was found.
pub(super) enum Found {
    /// In that call, of that leg.
    Here(Instance, Address),
    /// In a call of another shard.
    Elsewhere(DialogPlace),
}

impl Switch {
    /// The call in which somebody is to take a place, and whose place.
    pub(super) fn found(&self, now: Now, whom: Whom) -> Result<Found, Failure> {
        let (by, of, elsewhere) = match whom {
            Whom::Leg { host, leg } => return Ok(Found::Here(host, leg)),
            Whom::Rings { by, of, elsewhere } => (by, of, elsewhere),
            Whom::Apart { .. } | Whom::Invited(_) | Whom::Released => return Err(Failure::new(Reason::Invalid)),
        };
        let own = self.rings_longest(&by, of.as_deref());
        let own_rank = own.map(|(_, rings)| (rings.allowed, rings.waits_ms(now)));
        let found = match (own, elsewhere) {
            (own, Some(there)) if own_rank.is_none_or(|own| own < (there.allowed, there.waits_ms)) => {
                let place = there.at.map(Found::Elsewhere);
                place.or(own.map(|(instance, rings)| Found::Here(instance, rings.leg))).map(|at| (at, there.allowed))
            }
            (own, _) => own.map(|(instance, rings)| (Found::Here(instance, rings.leg), rings.allowed)),
        };
        // Nothing rings there; or it does, and is not for who asks.
        match found {
            Some((found, true)) => Ok(found),
            Some((_, false)) => Err(Failure::because(CauseKind::Forbidden.into())),
            None => Err(Failure::because(CauseKind::Unreachable.into())),
        }
    }

    /// Of the calls here that ring at certain accounts, or at any whose calls may be picked up, the one that has waited longest; those that
    /// may be picked up first.
    fn rings_longest(&self, by: &Origin, of: Option<&[String]>) -> Option<(Instance, Rings)> {
        let calls = self.names.values().filter_map(|instance| Some((*instance, self.calls.get(instance)?)));
        let ringing = calls.filter_map(|(instance, call)| Some((instance, call.rings_for(by, of)?)));
        ringing.min_by_key(|(_, rings)| (!rings.allowed, rings.since))
    }

    /// `Query × Ringing` of another shard.
    pub(super) fn ringing_asked(&mut self, now: Now, packet: &Packet, asked: &Ringing) {
        if (packet.source.platform, packet.source.module.kind) != (PlatformId::HERE, ModuleKind::Switch) {
            return self.outbox.unsupported(packet);
        }
        let own = self.outbox.address();
        match self.rings_longest(&asked.by, asked.accounts.as_deref()) {
            Some((instance, rings)) => {
                let at = Some(DialogPlace { leg: rings.leg, call: own.at(instance) });
                let (waits_ms, allowed) = (rings.waits_ms(now), rings.allowed);
                self.outbox.done(packet, one(Ringing { at, waits_ms, allowed, ..asked.clone() }));
            }
            None => self.outbox.failed(packet, Failure::new(Reason::NotFound)),
        }
    }
}
