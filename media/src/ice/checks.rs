//! What an agent that is not lite asks: its list of pairs, its pace, nomination, consent.

use super::agent::{REFLEXIVE_PREFERENCE, Way, candidate_priority, relayed_priority};
use super::consent::Consent;
use super::pair::{Pair, Pending, State};
use crate::limits::{CHECK_PACE, ICE_PAIRS, NOMINATION_PATIENCE, WAYS_WITHIN};
use crate::turn::is_place;
use router::Random;
use router::parameter::IceParameters;
use router::time::Instant;
use std::net::SocketAddr;
use stun::{Class, Message, Role, TransactionId, Writer};

/// The list of one component.
#[derive(Clone, Debug)]
pub(super) struct Checks {
    pairs: Vec<Pair>,
    /// The priority of our candidate, and that of the one that is relayed.
    ours: u32,
    relayed: u32,
    /// What our checks say of the candidate that the peer would learn from them (RFC 8445 §7.1.1); by the server that relays.
    reflexive: u32,
    reflexive_relayed: u32,
    /// When the next check may go out.
    pace: Instant,
    /// Since when one has succeeded.
    succeeded: Option<Instant>,
    consent: Option<Consent>,
    /// When looking for a way is given up; `None`: there is one, or it was.
    until: Option<Instant>,
}

/// What an answer has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answered {
    /// Nothing that changes the way.
    Nothing,
    /// A pair works that did not before.
    Works,
    /// The pair works that was nominated.
    Nominated(Way),
    /// The peer plays the same part as this request said we do.
    Conflict(Role),
}

impl Checks {
    pub(super) fn new(now: Instant, ours: u32, component: u8) -> Self {
        Self {
            pairs: Vec::new(),
            ours,
            relayed: relayed_priority(0, component),
            reflexive: candidate_priority(REFLEXIVE_PREFERENCE, component),
            reflexive_relayed: relayed_priority(REFLEXIVE_PREFERENCE, component),
            pace: now,
            succeeded: None,
            consent: None,
            until: Some(now + WAYS_WITHIN),
        }
    }

    /// The pair of an address of the peer's; one of the priority that it says, if it is new. Those that have failed make room. `None`: there are enough.
    pub(super) fn add(&mut self, remote: SocketAddr, theirs: u32) -> Option<&mut Pair> {
        let known = self.pairs.iter().position(|pair| pair.remote == remote);
        let index = match known {
            Some(index) => index,
            None => {
                if self.pairs.len() >= ICE_PAIRS {
                    let failed = self.pairs.iter().position(|pair| pair.state == State::Failed)?;
                    self.pairs.swap_remove(failed);
                }
                self.pairs.push(Pair::new(remote, theirs));
                self.pairs.len() - 1
            }
        };
        self.pairs.get_mut(index)
    }

    /// Whether the peer is reached there and reaches us.
    pub(super) fn works(&self, remote: SocketAddr) -> bool {
        self.pairs.iter().any(|pair| pair.remote == remote && pair.state == State::Succeeded)
    }

    /// The priority of a pair, by our candidate: the port itself, or its address at a server.
    fn priority(&self, pair: &Pair, role: Role) -> u64 {
        pair.priority(if is_place(pair.remote) { self.relayed } else { self.ours }, role)
    }

    /// Nothing is reached by the server that relays any more.
    pub(super) fn lose_relayed(&mut self) {
        self.pairs.retain(|pair| !is_place(pair.remote));
    }

    /// The way that was taken is none any more.
    pub(super) fn forget_way(&mut self) {
        (self.consent, self.succeeded) = (None, None);
    }

    /// The best pair that works.
    pub(super) fn best(&self, role: Role) -> Option<&Pair> {
        let works = self.pairs.iter().filter(|pair| pair.state == State::Succeeded);
        works.max_by_key(|pair| self.priority(pair, role))
    }

    /// Whether the peer leaves questions on the way that is taken unanswered.
    pub(super) fn is_doubtful(&self) -> bool {
        self.consent.as_ref().is_some_and(Consent::is_doubtful)
    }

    /// A way is taken.
    pub(super) fn settle(&mut self, now: Instant) {
        self.until = None;
        self.consent = Some(Consent::new(now));
    }

    /// The peer has checked a pair (RFC 8445 §7.3.1.4). True: it works, and is nominated by that.
    pub(super) fn trigger(&mut self, remote: SocketAddr, theirs: u32, nominates: bool) -> bool {
        let Some(pair) = self.add(remote, theirs) else { return false };
        pair.is_nominated |= nominates;
        if pair.state == State::Succeeded {
            return nominates;
        }
        pair.check_anew();
        false
    }

    /// Takes an answer. `None`: it answers nothing that was asked there, or is not by the peer.
    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        source: SocketAddr,
        message: &Message<'_>,
        password: &[u8],
        role: Role,
    ) -> Option<Answered> {
        let transaction = &message.transaction;
        let is_consent = self.consent.as_ref().is_some_and(|consent| consent.is_asked(transaction));
        // The answer comes from where the request went, or there is no way there (RFC 8445 §7.2.5.2.1).
        let index = self.pairs.iter().position(|pair| pair.remote == source)?;
        let pair = &self.pairs[index];
        let is_pending = pair.pending.is_some_and(|pending| pending.transaction == *transaction);
        let is_asked = is_consent || is_pending || pair.cancelled == Some(*transaction);
        if !is_asked || !message.is_by(password) {
            return None;
        }
        if is_consent {
            if message.class == Class::Success
                && let Some(consent) = &mut self.consent
            {
                consent.handle_answer(now);
            }
            return Some(Answered::Nothing);
        }
        let pair = &mut self.pairs[index];
        let pending = pair.pending.take_if(|_| is_pending);
        if message.class == Class::Error {
            return Some(match (pending, message.error) {
                (Some(pending), Some(487)) => {
                    pair.check_anew();
                    Answered::Conflict(pending.role)
                }
                (Some(_), _) if pair.state == State::InProgress => {
                    pair.state = State::Failed;
                    Answered::Nothing
                }
                _ => Answered::Nothing,
            });
        }
        let is_news = pair.state != State::Succeeded;
        (pair.state, pair.cancelled, pair.is_triggered) = (State::Succeeded, None, false);
        // What else is on its way there would say the same.
        pair.pending = pair.pending.filter(|pending| pending.nominates);
        let way = Way { remote: source, priority: pair.theirs };
        let is_controlling = matches!(role, Role::Controlling(_));
        let is_ours = is_controlling && pending.is_some_and(|pending| pending.nominates);
        if is_ours || (!is_controlling && pair.is_nominated && is_news) {
            return Some(Answered::Nominated(way));
        }
        self.succeeded.get_or_insert(now);
        Some(if is_news { Answered::Works } else { Answered::Nothing })
    }

    /// The next message that is to be sent, by the way that is taken so far.
    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        parameters: &IceParameters,
        role: Role,
        selected: Option<SocketAddr>,
        random: &mut Random,
    ) -> Option<(SocketAddr, Writer)> {
        // What was not answered goes again.
        for index in 0..self.pairs.len() {
            let pair = &mut self.pairs[index];
            let Some(pending) = pair.pending.as_mut().filter(|pending| pending.until <= now) else { continue };
            if pending.goes_again(now) {
                let (pending, to) = (*pending, pair.remote);
                return Some((to, self.write(parameters, to, &pending.transaction, pending.role, pending.nominates)));
            }
            // One that worked before, and does not answer a nomination, works no more.
            (pair.pending, pair.state) = (None, State::Failed);
        }
        if let (Some(to), Some(consent)) = (selected, &mut self.consent)
            && let Some(question) = consent.poll_transmit(now, random)
        {
            return Some((to, self.write(parameters, to, &question, role, false)));
        }
        if self.pace > now {
            return None;
        }
        let (to, nominates) = match self.nominee(role, selected) {
            Some((to, from)) if from <= now => (to, true),
            // Those that the peer has checked first, then by their priority.
            _ => {
                let waiting = self.pairs.iter().filter(|pair| is_next(pair, selected));
                let next = waiting.max_by_key(|pair| (pair.is_triggered, self.priority(pair, role)))?;
                (next.remote, false)
            }
        };
        self.pace = now + CHECK_PACE;
        let pair = self.pairs.iter_mut().find(|pair| pair.remote == to)?;
        let pending = Pending::new(now, nominates, role, random);
        (pair.pending, pair.is_triggered) = (Some(pending), false);
        if pair.state != State::Succeeded {
            pair.state = State::InProgress;
        }
        Some((to, self.write(parameters, to, &pending.transaction, role, nominates)))
    }

    /// The pair that is to be nominated, where we decide, and from when on: the best that works, once all better ones have been heard of or had their time.
    fn nominee(&self, role: Role, selected: Option<SocketAddr>) -> Option<(SocketAddr, Instant)> {
        let is_ours = matches!(role, Role::Controlling(_)) && selected.is_none();
        let since = self.succeeded.filter(|_| is_ours)?;
        if self.pairs.iter().any(|pair| pair.pending.is_some_and(|pending| pending.nominates)) {
            return None;
        }
        let best = self.best(role)?;
        let priority = self.priority(best, role);
        let may_be_better = |pair: &Pair| {
            self.priority(pair, role) > priority && matches!(pair.state, State::Waiting | State::InProgress)
        };
        let from = if self.pairs.iter().any(may_be_better) { since + NOMINATION_PATIENCE } else { since };
        Some((best.remote, from.max(self.pace)))
    }

    fn write(
        &self,
        parameters: &IceParameters,
        to: SocketAddr,
        transaction: &TransactionId,
        role: Role,
        nominates: bool,
    ) -> Writer {
        let IceParameters { local, remote, .. } = parameters;
        let reflexive = if is_place(to) { self.reflexive_relayed } else { self.reflexive };
        let request = Writer::new(Class::Request, transaction)
            .username(&remote.fragment, &local.fragment)
            .priority(reflexive)
            .role(role);
        let request = if nominates { request.nominate() } else { request };
        request.integrity(remote.password.as_bytes()).finish()
    }

    /// When there is something to do.
    pub(super) fn poll_timeout(&self, role: Role, selected: Option<SocketAddr>) -> Option<Instant> {
        let pending = self.pairs.iter().filter_map(|pair| Some(pair.pending?.until)).min();
        let consent = self.consent.as_ref().map(Consent::poll_timeout);
        let pace = self.pairs.iter().any(|pair| is_next(pair, selected)).then_some(self.pace);
        let nominee = self.nominee(role, selected).map(|(_, from)| from);
        [pending, consent, pace, nominee, self.until].into_iter().flatten().min()
    }

    /// Whether a way has been looked for for long enough.
    pub(super) fn gives_up(&mut self, now: Instant) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }

    /// Whether the peer's consent has expired: what worked does so no more.
    pub(super) fn withdraw(&mut self, now: Instant) -> bool {
        let is_over = self.consent.take_if(|consent| consent.is_over(now)).is_some();
        if is_over {
            // Whoever comes back is welcome.
            for pair in &mut self.pairs {
                *pair = Pair { state: State::Failed, ..Pair::new(pair.remote, pair.theirs) };
            }
            self.succeeded = None;
        }
        is_over
    }
}

/// Whether a pair is to be checked: once there is a way, only what the peer has asked for.
fn is_next(pair: &Pair, selected: Option<SocketAddr>) -> bool {
    pair.state == State::Waiting && pair.pending.is_none() && (selected.is_none() || pair.is_triggered)
}
