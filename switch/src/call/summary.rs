//! What is told of a call: summaries and events for who watches, a line in the log at each step.

use super::builtin::service_name;
use super::call::{Call, Far};
use super::leg::{LegId, Peer};
use super::turn::Turn;
use crate::negotiation::flow;
use router::PlatformId;
use router::parameter::{
    Behalf, BuiltinKind, CallPhase, CallSummary, Cause, CauseKind, Direction, LegPhase, LegSummary, Origin, PortId,
    Selection,
};
use router::time::Duration;
use std::borrow::Cow;

/// What a person reads, and a selection names.
const fn phase_name(phase: CallPhase) -> &'static str {
    match phase {
        CallPhase::Routing => "routing",
        CallPhase::Ringing => "ringing",
        CallPhase::Talking => "talking",
        CallPhase::Held => "held",
        CallPhase::Transferring => "transferring",
        CallPhase::Ended => "ended",
    }
}

/// On whose behalf a call is, as the log may show it: trunks by name, accounts as numbers are; and where, if not here.
pub(crate) fn origin_shown(origin: &Origin, reveal: bool) -> Cow<'_, str> {
    let name = match origin.behalf() {
        Behalf::Account if !reveal => "(private)",
        _ => origin.name(),
    };
    match origin.platform() {
        Some(platform) => Cow::Owned(format!("{name}@{platform}")),
        None => Cow::Borrowed(name),
    }
}

/// As another platform is told: by the tags of a dialog it could have somebody put in the place of its peer.
pub(crate) fn without_tags(call: CallSummary) -> CallSummary {
    let legs = call.legs.into_iter().map(|leg| LegSummary { tags: None, ..leg });
    CallSummary { legs: legs.collect(), ..call }
}

impl Call {
    /// How far the call is.
    pub(super) fn phase(&self) -> CallPhase {
        if self.has_ended() {
            return CallPhase::Ended;
        }
        if self.transferring.is_some() || self.is_being_joined() {
            return CallPhase::Transferring;
        }
        if self.answered.is_some() {
            let held = self.legs.iter().any(|leg| {
                leg.is_answered()
                    && leg
                        .medium
                        .agreement()
                        .and_then(|agreement| agreement.remote())
                        .is_some_and(|stream| flow(stream) != Direction::SendReceive)
            });
            return if held { CallPhase::Held } else { CallPhase::Talking };
        }
        let rings = self.search.as_ref().is_some_and(|search| {
            search.legs().iter().any(|&leg| matches!(self.legs[leg].phase, LegPhase::Ringing | LegPhase::Early))
        });
        if rings { CallPhase::Ringing } else { CallPhase::Routing }
    }

    /// The call as it stands.
    pub(crate) fn summary(&self) -> CallSummary {
        let legs = self.legs.iter().filter(|leg| !leg.is_released() || Some(leg.id) == self.near);
        let mut legs: Vec<_> = legs
            .map(|leg| LegSummary {
                leg_id: leg.leg_id.clone(),
                peer: leg.peer.name().to_owned(),
                phase: leg.phase,
                incoming: leg.incoming,
                platform: leg.remote.as_ref().map(|remote| remote.name.clone()),
                behalf: leg.peer.behalf(),
                tags: leg.tags.clone().filter(|_| !leg.is_released()),
                suite: leg.medium.suite(),
                quality: None,
            })
            .collect();
        if let Far::Service(kind) = self.far {
            legs.push(LegSummary {
                leg_id: String::new(),
                peer: service_name(kind).into_owned(),
                phase: LegPhase::Answered,
                incoming: false,
                platform: None,
                behalf: None,
                tags: None,
                suite: None,
                quality: None,
            });
        }
        let (caller, called) = self.parties();
        CallSummary {
            id: self.id.clone(),
            caller: caller.clone(),
            called: called.clone(),
            phase: self.phase(),
            started: self.started.wall,
            answered: self.answered.map(|answered| answered.wall),
            legs,
            codec: self.codec().map(str::to_owned),
            origin: Some(self.origin.clone()),
            anonymous: self.anonymous,
            verdict: self.verdict.clone(),
        }
    }

    /// The ports of the legs that a summary lists, in its order; none of a service's, and of a leg that has none.
    pub(crate) fn summary_ports(&self) -> impl Iterator<Item = Option<PortId>> + '_ {
        let legs = self.legs.iter().filter(|leg| !leg.is_released() || Some(leg.id) == self.near);
        legs.map(|leg| leg.medium.address.map(|_| leg.id.port()))
    }

    /// The same as that platform is told it.
    pub(crate) fn summary_for(&self, platform: PlatformId) -> CallSummary {
        match platform {
            PlatformId::HERE => self.summary(),
            _ => without_tags(self.summary()),
        }
    }

    /// Whether a selection means this call.
    pub(crate) fn is_selected(&self, selection: &Selection) -> bool {
        let name = selection.name.as_ref().is_none_or(|name| *name == self.id);
        let party = selection.party.as_ref().is_none_or(|party| {
            let (caller, called) = self.parties();
            [caller, called, &self.caller, &self.called].into_iter().any(|known| known.user() == party)
                || self.legs.iter().any(|leg| leg.peer.name() == party)
        });
        let since = selection.since.is_none_or(|since| self.started.wall >= since);
        let until = selection.until.is_none_or(|until| self.started.wall < until);
        let state = selection.state.as_ref().is_none_or(|state| state == phase_name(self.phase()));
        name && party && since && until && state
    }

    /// How many legs are up.
    pub(crate) fn legs_open(&self) -> usize {
        self.legs.iter().filter(|leg| !leg.is_released()).count()
    }

    /// How many telephones ring.
    fn ringing(&self) -> usize {
        let rings = |leg: &&super::leg::Leg| !leg.incoming && matches!(leg.phase, LegPhase::Ringing | LegPhase::Early);
        self.legs.iter().filter(rings).count()
    }

    /// Tells who watches, if the phase, the far side or the telephones that ring have changed since the last time; and nothing
    /// behind the end.
    pub(crate) fn settle(&mut self, turn: &mut Turn<'_>) {
        self.follow_ringing(turn);
        let stands = (self.phase(), self.far, self.ringing());
        let not_transferred = self.not_transferred.take();
        if stands != self.told && self.told.0 != CallPhase::Ended {
            self.told = stands;
            let cause = self.ended.as_ref().map(|ended| ended.cause.clone());
            self.publish(turn, cause.or(not_transferred.map(|cause| *cause)));
            self.tell_connected(turn);
        }
    }

    /// Tells who watches.
    pub(super) fn publish(&self, turn: &mut Turn<'_>, cause: Option<Cause>) {
        turn.events.publish(turn.outbox, turn.now.wall, self.instance, || self.summary(), cause);
    }

    fn codec(&self) -> Option<&str> {
        let agreement = self.legs.iter().find(|leg| Some(leg.id) == self.near)?.medium.agreement()?;
        agreement.codecs.first().map(|codec| codec.name.as_str())
    }

    /// A number or name as the log may show it.
    pub(super) fn shown<'a>(&self, text: &'a str) -> &'a str {
        if self.config.reveal_numbers { text } else { "(private)" }
    }

    /// How a peer is called in the log: trunks by name, accounts as numbers are; and where it is.
    fn peer_shown(&self, leg: LegId) -> Cow<'_, str> {
        let leg = &self.legs[leg];
        let peer = match &leg.peer {
            Peer::Trunk(name) | Peer::Platform(name) => name,
            Peer::Account(name) => self.shown(name),
        };
        match (&leg.remote, &leg.peer) {
            (Some(remote), Peer::Account(_)) => Cow::Owned(format!("{peer}@{}", remote.name)),
            _ => Cow::Borrowed(peer),
        }
    }

    pub(super) fn log_started(&self) {
        let origin = origin_shown(&self.origin, self.config.reveal_numbers);
        let (from, to) = (self.shown(self.caller.user()), self.shown(self.called.user()));
        tracing::info!(call = %self.id, origin = &*origin, from, to, "call");
    }

    pub(super) fn log_ringing(&self, leg: LegId) {
        tracing::info!(call = %self.id, at = &*self.peer_shown(leg), "ringing");
    }

    pub(super) fn log_answered(&self) {
        let after_ms =
            self.answered.map_or(0, |answered| answered.instant.since(self.started.instant).as_millis() as u64);
        let by = match self.far {
            Far::Leg(leg) => self.peer_shown(leg),
            // A room may be called as the number was that was dialled.
            Far::Service(BuiltinKind::Conference(name)) => format!("conference:{}", self.shown(name.as_str())).into(),
            Far::Service(kind) => service_name(kind),
            Far::Nobody => Cow::Borrowed("nobody"),
        };
        let by = &*by;
        tracing::info!(call = %self.id, by, after_ms, codec = self.codec().unwrap_or("to be agreed"), "answered");
    }

    pub(super) fn log_ended(&self) {
        let Some(ended) = &self.ended else { return };
        let by = match ended.by_caller {
            Some(true) => "caller",
            Some(false) => "callee",
            None if ended.cause.kind == CauseKind::Administrative => "operator",
            None => "switch",
        };
        let conversation = &self.conversation;
        let talked = conversation.answered.map_or(Duration::ZERO, |answered| ended.at.since(answered));
        let (caller, callee) = (&conversation.caller_quality, &conversation.callee_quality);
        tracing::info!(
            call = %self.id,
            cause = ended.cause.kind.name(),
            by,
            talked_s = talked.as_secs(),
            caller_packets = caller.packets_received,
            caller_lost = caller.packets_lost,
            caller_jitter_us = caller.jitter_us,
            callee_packets = callee.packets_received,
            callee_lost = callee.packets_lost,
            callee_jitter_us = callee.jitter_us,
            "ended"
        );
    }
}
