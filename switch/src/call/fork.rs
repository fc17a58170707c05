//! One step of a search: all its legs at once.

use super::call::Call;
use super::diverting::Told;
use super::leg::{Leg, LegId, Peer, Wanted, Whither};
use super::platform::Remote;
use super::purpose::Purpose;
use super::search::Stage;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::LEG_GRACE;
use crate::negotiation::Medium;
use crate::rates::Price;
use crate::trunks::Decided;
use router::parameter::{
    self, Cause, CauseKind, Failure, LegPhase, LegState, MediaExchange, Parameter, Party, Reason, Target,
};
use router::time::Duration;
use router::{Command, Packet, one};
use std::net::IpAddr;

impl Call {
    /// One number at a trunk. False: it is none.
    pub(super) fn try_trunk(
        &mut self,
        turn: &mut Turn<'_>,
        name: String,
        interface: IpAddr,
        number: String,
        timeout: Option<Duration>,
        price: Option<Price>,
    ) -> bool {
        let Some(search) = &mut self.search else { return false };
        if number.is_empty() {
            search.note(CauseKind::UnknownNumber.into());
            return false;
        }
        search.at_trunk(timeout, price);
        turn.trunks.offered(turn.now.instant, &name);
        let called = Party { display_name: search.called.display_name.clone(), ..Party::new(number.clone(), "") };
        let charge = self.charge(price);
        self.sought().destination = Some(name.as_str().into());
        let wanted = Wanted {
            target: Whither::Here(Target::Trunk { name: name.clone(), number: number.into() }),
            peer: Peer::Trunk(name),
            interface,
            called,
            timeout: Some(timeout.unwrap_or(self.config.ring_timeout)),
            charge,
        };
        self.try_legs(turn, vec![wanted]);
        true
    }

    /// Makes a leg for each and opens their ports.
    pub(super) fn try_legs(&mut self, turn: &mut Turn<'_>, all: Vec<Wanted>) {
        let mut legs = Vec::with_capacity(all.len());
        let facing = self.faces_first();
        for mut wanted in all {
            let Some(id) = self.legs.next_id() else { break };
            let charge = wanted.charge.take();
            let (module, remote) = match &wanted.target {
                Whither::Here(_) => (turn.signaling(), None),
                Whither::Elsewhere(elsewhere) => {
                    let remote = Remote::new(elsewhere.switch.platform, turn.platforms).facing(facing);
                    (elsewhere.switch, Some(Box::new(remote)))
                }
            };
            legs.push(self.add_leg(Leg {
                id,
                address: module.at(turn.instances.mint()),
                remote,
                incoming: false,
                phase: LegPhase::Trying,
                peer: wanted.peer.clone(),
                party: wanted.called.clone(),
                party_stated: false,
                // A phone has registered as its account; who is behind a trunk is known once that says so.
                verified: matches!(wanted.peer, Peer::Account(_)),
                hidden: false,
                leg_id: String::new(),
                tags: None,
                interface: wanted.interface,
                host: None,
                wanted: Some(Box::new(wanted)),
                asked: None,
                told: LegPhase::Trying,
                told_code: None,
                told_ringing: false,
                offered: turn.now.instant,
                rang: false,
                charge,
                medium: Medium::default(),
            }));
        }
        if legs.is_empty() {
            return self.search_given_up(turn, CauseKind::Congestion.into());
        }
        if let Some(search) = &mut self.search {
            search.stage = Stage::Opening { legs: legs.clone(), service: None };
        }
        self.open_ports(turn, legs);
    }

    /// The ports are open: the legs ring.
    pub(super) fn ring_legs(&mut self, turn: &mut Turn<'_>, legs: Vec<LegId>) {
        if let Some(search) = &mut self.search {
            search.stage = Stage::Ringing { legs: legs.clone() };
        }
        for leg in legs {
            self.ring_leg(turn, leg);
        }
    }

    fn ring_leg(&mut self, turn: &mut Turn<'_>, id: LegId) {
        let terms = self.terms_to_ring(id);
        let identity = self.identity_for(id);
        let Some(search) = &self.search else { return };
        let leg = &mut self.legs[id];
        let media = match terms.as_ref().map(|terms| leg.medium.offer(terms)) {
            Some(None) => return self.attempt_failed(turn, id, CauseKind::Internal.into()),
            Some(Some(offer)) => Some(MediaExchange::Offer(offer)),
            None => None,
        };
        let Some(wanted) = leg.wanted.take() else { return };
        let address = leg.address;
        leg.offered = turn.now.instant;
        let caller = search.caller.user();
        let shown = match &leg.peer {
            Peer::Trunk(trunk) => self.config.plan.caller_shown(caller, Some(trunk)),
            Peer::Account(_) => self.config.plan.caller_shown(caller, None),
            Peer::Platform(_) => None,
        };
        let caller = match shown {
            Some(shown) => Party { user: shown.into(), ..search.caller.clone() },
            None => search.caller.clone(),
        };
        let start: Parameter = match wanted.target {
            Whither::Here(target) => parameter::Leg {
                call_id: self.id.clone(),
                target,
                caller,
                anonymous: search.anonymous,
                called: wanted.called,
                media,
                hops: self.hops.saturating_sub(search.hops()),
                verified: search.verified,
                referred_by: search.referred_by.clone(),
                passed: search.passed.clone(),
                secure: search.secure,
                urgent: search.urgent,
                identity,
                account: match &leg.peer {
                    Peer::Account(account) => Some(account.as_str().into()),
                    Peer::Trunk(_) | Peer::Platform(_) => None,
                },
            }
            .into(),
            Whither::Elsewhere(elsewhere) => match self.start_elsewhere(turn, id, *elsewhere, media, wanted.timeout) {
                Ok(start) => start,
                Err(cause) => return self.attempt_failed(turn, id, cause),
            },
        };
        let within = self.config.setup_timeout + LEG_GRACE;
        turn.counters.legs += 1;
        self.request(turn, address, Command::Start, one(start), within, Purpose::StartLeg(id));
        if let Some(timeout) = wanted.timeout {
            self.set_timer(turn, Timer::Ring(id), timeout);
        }
    }

    /// Signaling's last word on a leg that it was to start.
    pub(super) fn leg_decided(&mut self, turn: &mut Turn<'_>, leg: LegId, packet: Packet) {
        self.cancel_timer(turn, Timer::Ring(leg));
        if packet.command == Command::Done {
            self.trunk_responded(turn, leg);
            self.trunk_rang(turn, leg);
            self.trunk_decided(turn, leg, Decided::Answered);
            let state = match packet.parameters.into_iter().next() {
                Some(Parameter::LegState(state)) => *state,
                _ => LegState::new(LegPhase::Answered),
            };
            return self.leg_answered(turn, leg, state);
        }
        let mut failure = packet.failure();
        match &failure.cause {
            Some(cause) if cause.code.is_some() => {
                self.trunk_responded(turn, leg);
                if let (Some(503), Some(seconds), Peer::Trunk(trunk)) =
                    (cause.code, failure.retry_after_s, &self.legs[leg].peer)
                {
                    turn.trunks.refuses(turn.now.instant, trunk, Duration::from_secs(seconds.into()));
                }
            }
            Some(Cause { kind: CauseKind::Timeout, .. }) if !self.legs[leg].is_released() => {
                if let Peer::Trunk(trunk) = &self.legs[leg].peer {
                    turn.trunks.silent(turn.now.instant, trunk);
                }
            }
            _ => {}
        }
        if self.legs[leg].is_released() {
            return;
        }
        if let Some(interface) = failure.interface
            && self.try_again_at(turn, leg, interface)
        {
            return;
        }
        if let Some(decided) = failure.cause.as_ref().and_then(decided) {
            self.trunk_decided(turn, leg, decided);
        }
        // Whether it came to be, nobody knows: another platform may have it still.
        let in_doubt = failure.reason == Reason::Expired
            || (self.legs[leg].remote.is_some() && failure.reason == Reason::PlatformAbsent);
        let contacts = std::mem::take(&mut failure.contacts);
        let retry_after_s = failure.retry_after_s;
        let told = Told { cause: failure.diversion, private: failure.diversion_private };
        let cause = cause_of(failure);
        if let Some(seconds) = retry_after_s {
            self.retry_after = Some((cause.clone(), seconds));
        }
        self.follow(turn, leg, cause.code, contacts, told);
        if in_doubt {
            // Nobody said that it is gone.
            self.stop_leg(turn, leg, cause.clone());
        }
        self.attempt_failed(turn, leg, cause);
    }

    /// A trunk's host is of another family than the port that it was to be offered, and was sent nothing: the same again with a port at that
    /// address, once. False: it is no such thing.
    fn try_again_at(&mut self, turn: &mut Turn<'_>, leg: LegId, interface: IpAddr) -> bool {
        let Some(search) = &mut self.search else { return false };
        let Leg { peer, party, interface: former, .. } = &self.legs[leg];
        let (Peer::Trunk(name), true) = (peer, former.is_ipv4() != interface.is_ipv4()) else { return false };
        if !search.again_at(name.clone(), interface, party.user().to_owned()) {
            return false;
        }
        self.legs[leg].phase = LegPhase::Released;
        self.drop_attempt(turn, leg);
        if let Some(search) = &mut self.search {
            search.drop_leg(leg);
        }
        self.search_on(turn);
        true
    }

    /// What a call at a trunk came to counts for the trunk.
    fn trunk_decided(&self, turn: &mut Turn<'_>, leg: LegId, decided: Decided) {
        if let Peer::Trunk(name) = &self.legs[leg].peer
            && let Some(trunk) = self.config.plan.trunk(name)
        {
            turn.trunks.decided(turn.now.instant, trunk, decided);
        }
    }

    /// A trunk's callee rings, or has answered at once: how long that took counts for the trunk.
    pub(super) fn trunk_rang(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        let leg = &mut self.legs[leg];
        if let Peer::Trunk(trunk) = &leg.peer
            && !std::mem::replace(&mut leg.rang, true)
            && let Some(trunk) = self.config.plan.trunk(trunk)
        {
            turn.trunks.rang(turn.now.instant, trunk, turn.now.instant.since(leg.offered));
        }
    }

    /// Whatever a trunk says shows that it is there.
    pub(super) fn trunk_responded(&self, turn: &mut Turn<'_>, leg: LegId) {
        if let Peer::Trunk(trunk) = &self.legs[leg].peer {
            turn.trunks.responded(trunk);
        }
    }

    /// A leg has rung for as long as it may.
    pub(super) fn ring_timed_out(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        let rang = self.legs[leg].phase >= LegPhase::Ringing;
        self.stop_leg(turn, leg, CauseKind::NoAnswer.into());
        // A peer that said nothing at all is not one that does not answer the telephone.
        let cause = if rang { CauseKind::NoAnswer } else { CauseKind::Timeout };
        self.attempt_failed(turn, leg, cause.into());
    }
}

/// What a failure says of the trunk. `None`: nothing, as it never had the call.
fn decided(cause: &Cause) -> Option<Decided> {
    match (cause.kind, cause.code) {
        (_, Some(500..=599)) => Some(Decided::Failed),
        (_, Some(_)) => Some(Decided::Refused),
        (CauseKind::Timeout | CauseKind::Unreachable | CauseKind::PeerFailure | CauseKind::PeerMisbehaved, None) => {
            Some(Decided::Failed)
        }
        _ => None,
    }
}

/// Why a leg did not come to be.
pub(super) fn cause_of(failure: Failure) -> Cause {
    if let Some(cause) = failure.cause {
        return cause;
    }
    Cause::new(match failure.reason {
        Reason::Busy | Reason::Exhausted => CauseKind::Congestion,
        Reason::Expired => CauseKind::Timeout,
        Reason::UnknownDestination | Reason::PlatformAbsent | Reason::NotFound => CauseKind::Unreachable,
        Reason::Refused => CauseKind::Forbidden,
        Reason::Peer => CauseKind::PeerFailure,
        Reason::Unsupported | Reason::Invalid | Reason::Internal => CauseKind::Internal,
    })
}
