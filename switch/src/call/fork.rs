//! One step of a search: all its legs at once.

use super::call::Call;
use super::leg::{Leg, LegId, Peer, Wanted};
use super::purpose::Purpose;
use super::search::Stage;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::{FORK_LEGS, LEG_GRACE, QUERY_WITHIN};
use crate::negotiation::{Medium, Terms, own_codecs};
use crate::plan::Member;
use router::parameter::{
    self, Cause, CauseKind, Contact, Failure, LegPhase, LegState, MediaExchange, Parameter, Party, Reason,
    Registration, Target,
};
use router::time::Duration;
use router::{Command, Packet, one};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

impl Call {
    /// Asks the registrar where the members are. False: nobody can be asked.
    pub(super) fn try_accounts(&mut self, turn: &mut Turn<'_>, members: Vec<Member>) -> bool {
        let Some(search) = &mut self.search else { return false };
        let outstanding = members.len().min(FORK_LEGS);
        if outstanding == 0 {
            return false;
        }
        search.stage = Stage::Asking { outstanding, found: Vec::new() };
        for Member { account, timeout } in members.into_iter().take(FORK_LEGS) {
            let query = Registration { account: account.clone(), contacts: Vec::new() };
            let timeout = timeout.unwrap_or(self.config.ring_timeout);
            let registrar = turn.registrar(&self.config.shards, &account);
            let purpose = Purpose::Registration { account, timeout };
            self.request(turn, registrar, Command::Query, one(query), QUERY_WITHIN, purpose);
        }
        true
    }

    /// The registrar answered.
    pub(super) fn account_located(&mut self, turn: &mut Turn<'_>, account: String, timeout: Duration, packet: Packet) {
        let Some(search) = self.search.as_mut() else { return };
        let Stage::Asking { outstanding, found } = &mut search.stage else { return };
        *outstanding -= 1;
        let last = *outstanding == 0;
        let cause = match (packet.command, packet.parameters.into_iter().next()) {
            (Command::Done, Some(Parameter::Registration(registration))) => {
                let room = FORK_LEGS.saturating_sub(found.len());
                // Which are registered is the registrar's to know, by a clock that nobody sets: `expires` is for people.
                let wanted = registration.contacts.into_iter().take(room).map(|contact| Wanted {
                    interface: interface_of(&contact),
                    target: Target::Contact(contact),
                    peer: Peer::Account(account.clone()),
                    called: search.called.clone(),
                    timeout,
                });
                let before = found.len();
                found.extend(wanted);
                (found.len() == before).then_some(CauseKind::Unreachable)
            }
            (_, Some(Parameter::Failure(failure))) => match failure.reason {
                Reason::NotFound => Some(CauseKind::UnknownNumber),
                Reason::Busy | Reason::Exhausted => Some(CauseKind::Congestion),
                _ => Some(CauseKind::Unreachable),
            },
            _ => Some(CauseKind::Internal),
        };
        let found = if last { std::mem::take(found) } else { Vec::new() };
        let unknown = cause == Some(CauseKind::UnknownNumber);
        if let Some(cause) = cause {
            search.note(cause.into());
        }
        if !unknown {
            self.sought().destination = Some(account);
        }
        if !last {
        } else if found.is_empty() {
            self.search_on(turn);
        } else if self.is_checking() {
            self.ring_first_party(turn);
        } else {
            self.try_legs(turn, found);
        }
    }

    /// One number at a trunk. False: it is none.
    pub(super) fn try_trunk(
        &mut self,
        turn: &mut Turn<'_>,
        name: String,
        interface: IpAddr,
        number: String,
        timeout: Option<Duration>,
    ) -> bool {
        let Some(search) = &mut self.search else { return false };
        if number.is_empty() {
            search.note(CauseKind::UnknownNumber.into());
            return false;
        }
        turn.trunks.offered(turn.now.instant, &name);
        let called = Party { display_name: search.called.display_name.clone(), ..Party::new(number.clone(), "") };
        self.sought().destination = Some(name.clone());
        let wanted = Wanted {
            target: Target::Trunk { name: name.clone(), number: number.into() },
            peer: Peer::Trunk(name),
            interface,
            called,
            timeout: timeout.unwrap_or(self.config.ring_timeout),
        };
        self.try_legs(turn, vec![wanted]);
        true
    }

    /// Makes a leg for each and opens their ports.
    fn try_legs(&mut self, turn: &mut Turn<'_>, all: Vec<Wanted>) {
        let mut legs = Vec::with_capacity(all.len());
        for wanted in all {
            let Some(id) = self.legs.next_id() else { break };
            legs.push(self.add_leg(Leg {
                id,
                address: turn.signaling().at(turn.instances.mint()),
                incoming: false,
                phase: LegPhase::Trying,
                peer: wanted.peer.clone(),
                party: wanted.called.clone(),
                party_stated: false,
                // A phone has registered as its account; who is behind a trunk is known once that says so.
                verified: matches!(wanted.peer, Peer::Account(_)),
                leg_id: String::new(),
                interface: wanted.interface,
                wanted: Some(Box::new(wanted)),
                asked: None,
                told: LegPhase::Trying,
                told_code: None,
                told_ringing: false,
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
        let Some(search) = &self.search else { return };
        let terms = match search.waiting.map(|waiting| &self.legs[waiting]) {
            None => Some(Terms::of_codecs(own_codecs())),
            Some(waiting) if waiting.is_answered() => Some(Terms::of_codecs(waiting.medium.capabilities().to_vec())),
            Some(waiting) => waiting.medium.asked_terms(),
        };
        let (caller, anonymous) = (search.caller.clone(), search.anonymous);
        let (verified, referred_by) = (search.verified, search.referred_by.clone());
        let hops = self.hops.saturating_sub(search.hops());
        let leg = &mut self.legs[id];
        let media = match terms.as_ref().map(|terms| leg.medium.offer(terms)) {
            Some(None) => return self.attempt_failed(turn, id, CauseKind::Internal.into()),
            Some(Some(offer)) => Some(MediaExchange::Offer(offer)),
            None => None,
        };
        let Some(wanted) = leg.wanted.take() else { return };
        let address = leg.address;
        let start = parameter::Leg {
            call_id: self.id.clone(),
            target: wanted.target,
            caller,
            anonymous,
            called: wanted.called,
            media,
            hops,
            verified,
            referred_by,
        };
        let within = self.config.setup_timeout + LEG_GRACE;
        turn.counters.legs += 1;
        self.request(turn, address, Command::Start, one(start), within, Purpose::StartLeg(id));
        self.set_timer(turn, Timer::Ring(id), wanted.timeout);
    }

    /// Signaling's last word on a leg that it was to start.
    pub(super) fn leg_decided(&mut self, turn: &mut Turn<'_>, leg: LegId, packet: Packet) {
        self.cancel_timer(turn, Timer::Ring(leg));
        if packet.command == Command::Done {
            self.trunk_responded(turn, leg);
            let state = match packet.parameters.into_iter().next() {
                Some(Parameter::LegState(state)) => *state,
                _ => LegState::new(LegPhase::Answered),
            };
            return self.leg_answered(turn, leg, state);
        }
        let mut failure = packet.failure();
        match &failure.cause {
            Some(cause) if cause.code.is_some() => self.trunk_responded(turn, leg),
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
        let expired = failure.reason == Reason::Expired;
        let contacts = std::mem::take(&mut failure.contacts);
        let cause = cause_of(failure);
        self.follow(turn, leg, &contacts);
        if expired {
            // Nobody said that it is gone.
            self.stop_leg(turn, leg, cause.clone());
        }
        self.attempt_failed(turn, leg, cause);
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

/// The local address that the contact's requests come in by; its port opens there.
fn interface_of(contact: &Contact) -> IpAddr {
    let mut flow = contact.flow.reveal().split_ascii_whitespace();
    let local = flow.nth(1).and_then(|local| local.parse::<SocketAddr>().ok());
    local.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |local| local.ip())
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
