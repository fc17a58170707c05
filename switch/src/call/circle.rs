//! A call that is kept up by itself alone. Who joins both ends of one that goes from platform to platform, maybe by two transfers one after
//! the other, leaves a circle of calls without a telephone; who sends both ends of one to services leaves a chain with a machine at either. No
//! call can see that: each has its sides, and both are there.
//!
//! ```text
//!  switch 1#a ─ Query × LegState (probe 7) ─▶ switch 2#b ─ (probe 7) ─▶ switch 3#c ─ (probe 7) ─▶ switch 1#a: its own, by its other leg
//!
//!  echo ═ switch 1#a ─ (probe 8) ─▶ switch 2#b ─ (probe 8) ─▶ switch 3#c ═ echo
//!                    ◀─ (probe 8) ─            ◀─ (probe 8) ─           its own, by the leg by which it went: a machine throws it back
//! ```
//! A call that has no telephone itself, only legs at other platforms or a service, sends a number of its own by each leg: when it has come to be
//! so by a transfer, and with each question how a leg stands. Who gets it passes it on to its other side: by the leg there, if that is at another
//! platform, too; a service throws it back. A telephone, a trunk or a conference keeps it. Whoever gets what it has sent from the side where it
//! was to go is in a circle, or between two machines, and ends it.
//!
//! A conference may have telephones at its other members, so a chain with one at its end is left alone, even between two of them: rooms are
//! joined so. Both ends at one and the same conference are a circle all the same, in which everybody hears everybody twice:
//! ```text
//!  ┌ switch 1#a ─ (probe of the conference) ─▶ switch 2#b ─ (probe) ─▶ switch 1#c ┐ has a seat there, too, and ends
//!  └════════════════════════════ one conference ══════════════════════════════════┘
//! ```

use super::call::{Call, Far};
use super::leg::LegId;
use super::purpose::Purpose;
use super::turn::Turn;
use crate::limits::{AUDIT_WITHIN, PROBE_CALLS, PROBES_PER_CALL};
use router::parameter::{BuiltinKind, CauseKind, ConferenceName, LegState, Probe};
use router::{Command, one};
use std::hash::{DefaultHasher, Hasher};

impl Call {
    /// By which leg goes on what has come by `leg`: by the other one, where both are at other platforms; by the same one, where a service is at
    /// the other side. `None`: there is a telephone, or something is under way that may still bring one.
    fn beyond(&self, leg: LegId) -> Option<LegId> {
        let settled = self.search.is_none() && self.transferring.is_none() && self.joining.is_none();
        let is_elsewhere = |leg: LegId| self.legs[leg].is_answered() && self.legs[leg].remote.is_some();
        let beyond = match self.other_side(leg) {
            Far::Leg(other) => other,
            // Where there may be telephones that nobody here knows of.
            Far::Service(BuiltinKind::Conference(_)) | Far::Nobody => return None,
            Far::Service(_) => leg,
        };
        (settled && is_elsewhere(leg) && is_elsewhere(beyond)).then_some(beyond)
    }

    /// The number of the conference that is at the other side of a leg at another platform: the same for all its members, and no other
    /// platform's conference of that name has it.
    fn conference_beyond(&self, leg: LegId) -> Option<u64> {
        let settled = self.search.is_none() && self.transferring.is_none() && self.joining.is_none();
        let Far::Service(BuiltinKind::Conference(name)) = self.other_side(leg) else { return None };
        let cluster = self.config.cluster.as_ref()?;
        let is_elsewhere = self.legs[leg].is_answered() && self.legs[leg].remote.is_some();
        (settled && is_elsewhere).then(|| number_of(cluster.platform.0, name))
    }

    /// What goes round by `leg`, should this be a circle. The number is the leg's for as long as it is there, so that none of this call's
    /// goes round twice.
    pub(super) fn probe_by(&mut self, turn: &mut Turn<'_>, leg: LegId) -> Option<Probe> {
        if let Some(number) = self.conference_beyond(leg) {
            return Some(Probe { number, calls: PROBE_CALLS });
        }
        self.beyond(leg)?;
        let remote = self.legs[leg].remote.as_mut()?;
        let number = *remote.probe.get_or_insert_with(|| turn.random.next_u64());
        Some(Probe { number, calls: PROBE_CALLS })
    }

    /// The legs have been joined anew: there may be no telephone any more.
    pub(super) fn look_round(&mut self, turn: &mut Turn<'_>) {
        if let Some(near) = self.near
            && let Some(probe) = self.probe_by(turn, near)
        {
            self.send_probe(turn, near, probe);
        }
    }

    fn send_probe(&mut self, turn: &mut Turn<'_>, leg: LegId, probe: Probe) {
        let (address, phase) = (self.legs[leg].address, self.legs[leg].phase);
        let noun = one(LegState { probe: Some(probe), ..LegState::new(phase) });
        self.request(turn, address, Command::Query, noun, AUDIT_WITHIN, Purpose::Probe);
    }

    /// It came by `leg`.
    pub(super) fn probed(&mut self, turn: &mut Turn<'_>, leg: LegId, probe: Probe) {
        if self.has_ended() {
            return;
        }
        if self.conference_beyond(leg) == Some(probe.number) {
            tracing::info!(call = %self.id, "both its ends are in one conference");
            turn.counters.circles += 1;
            return self.end(turn, CauseKind::TooManyHops.into(), None);
        }
        let Some(beyond) = self.beyond(leg) else { return };
        if self.legs[beyond].remote.as_ref().is_some_and(|remote| remote.probe == Some(probe.number)) {
            tracing::info!(call = %self.id, "there is no telephone at either end of it any more");
            turn.counters.circles += 1;
            return self.end(turn, CauseKind::TooManyHops.into(), None);
        }
        let under_way = self.pending.iter().filter(|(_, purpose)| matches!(purpose, Purpose::Probe)).count();
        if let Some(calls) = probe.calls.checked_sub(1)
            && under_way < PROBES_PER_CALL
        {
            self.send_probe(turn, beyond, Probe { calls, ..probe });
        }
    }
}

/// By which the members of a platform's conference know their own.
fn number_of(platform: u32, name: ConferenceName) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u32(platform);
    hasher.write(name.as_str().as_bytes());
    hasher.finish()
}
