//! One component: what is answered, and which way is taken.

use super::checks::{Answered, Checks};
use super::pair::transaction;
use crate::limits::{
    CHECKS_PER_SECOND, ICE_PROVEN, KEEP_ALIVE_EVERY, NOMINATION_HELD, WAY_SILENT_MEDIA, WAY_SILENT_WHOLLY,
};
use crate::turn::is_place;
use router::Random;
use router::parameter::IceParameters;
use router::time::{Duration, Instant};
use std::net::SocketAddr;
use stun::{Class, Message, Role, TransactionId, Writer};

/// Our candidates are of the host, the best kind (RFC 8445 §5.1.2.2).
const HOST_PREFERENCE: u32 = 126;
/// What the peer would give a candidate that it learns from us (RFC 8445 §5.1.2.2: peer-reflexive).
pub(super) const REFLEXIVE_PREFERENCE: u32 = 110;

/// The priority of a candidate of ours (RFC 8445 §5.1.2.1): one address of one kind.
pub(super) const fn candidate_priority(preference: u32, component: u8) -> u32 {
    (preference << 24) + (0xffff << 8) + (256 - component as u32)
}

/// The same of one that a server relays (RFC 8445 §5.1.2.1): of two of a kind it is the worse.
pub(super) const fn relayed_priority(preference: u32, component: u8) -> u32 {
    (preference << 24) + (0x7fff << 8) + (256 - component as u32)
}

/// Where a message comes from: to us, and to who reads in the answer where it was seen to come from. By a server that relays they are not the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// Where the answer goes.
    pub place: SocketAddr,
    /// Where the peer sends from.
    pub address: SocketAddr,
}

impl From<SocketAddr> for Source {
    fn from(address: SocketAddr) -> Self {
        Self { place: address, address }
    }
}

/// What a message, or time, has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Came {
    /// Nothing that media has to know.
    Nothing,
    /// This is where the peer is from now on.
    Way(SocketAddr),
    /// There is no way to it any more: it no longer consents (RFC 7675 §5.1), or none was found in time.
    Lost,
}

/// A message that was taken.
#[derive(Clone, Copy, Debug)]
pub struct Handled {
    /// The answer to it, to where it came from.
    pub answer: Option<Writer>,
    /// What it has come to.
    pub came: Came,
}

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Whither.
    pub to: SocketAddr,
    /// What.
    pub message: Writer,
}

/// A way that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Way {
    pub(super) remote: SocketAddr,
    /// The priority of the peer's candidate there.
    pub(super) priority: u32,
}

/// The way that is taken.
#[derive(Clone, Copy, Debug)]
struct Selected {
    way: Way,
    /// When it was nominated last, or taken without.
    nominated: Instant,
    /// When a check was last heard from there.
    heard: Instant,
}

/// An address that the peer has checked us from, with our password.
#[derive(Clone, Copy, Debug)]
struct Proven {
    way: Way,
    heard: Instant,
    /// Its last check: whoever repeats that from elsewhere is not the peer.
    transaction: TransactionId,
}

/// An agent.
#[derive(Clone, Debug)]
pub struct Agent {
    parameters: IceParameters,
    component: u8,
    role: Role,
    /// Those that were heard last.
    proven: Vec<Proven>,
    selected: Option<Selected>,
    /// The way of the search before this one: it is kept until there is another (RFC 8445 §12.1).
    former: Option<SocketAddr>,
    /// Where the peer was last said to be.
    told: Option<SocketAddr>,
    /// What it asks, if it is not lite.
    checks: Option<Checks>,
    /// When a lite agent next says that it is there.
    keep_alive: Instant,
    /// Checks that were answered in this second.
    window: (Instant, u32),
}

impl Agent {
    /// For a component, 1 or 2. `former`: where its peer was until now.
    pub fn new(
        now: Instant,
        parameters: &IceParameters,
        component: u8,
        former: Option<SocketAddr>,
        random: &mut Random,
    ) -> Self {
        let number = random.next_u64();
        let role = if parameters.is_controlling { Role::Controlling(number) } else { Role::Controlled(number) };
        let ours = candidate_priority(HOST_PREFERENCE, component);
        let mut agent = Self {
            parameters: parameters.clone(),
            component,
            role,
            proven: Vec::new(),
            selected: None,
            former,
            told: former,
            checks: (!parameters.is_lite).then(|| Checks::new(now, ours, component)),
            keep_alive: now + KEEP_ALIVE_EVERY,
            window: (now, 0),
        };
        agent.add_candidates();
        agent
    }

    /// Whether these are the credentials that it goes by: others begin anew (RFC 8445 §9).
    pub fn is_of(&self, parameters: &IceParameters) -> bool {
        let IceParameters { local, remote, is_lite, .. } = &self.parameters;
        (local, remote, is_lite) == (&parameters.local, &parameters.remote, &parameters.is_lite)
    }

    /// The peer has named its candidates anew.
    pub fn update(&mut self, parameters: &IceParameters) {
        self.parameters.candidates.clone_from(&parameters.candidates);
        self.parameters.nominates_once = parameters.nominates_once;
        self.add_candidates();
    }

    fn add_candidates(&mut self) {
        let Self { checks: Some(checks), parameters, component, .. } = self else { return };
        for candidate in parameters.candidates.iter().filter(|candidate| candidate.component == *component) {
            checks.add(candidate.address, candidate.priority);
        }
    }

    /// Where the peer says that it may be reached.
    pub fn named(&self) -> impl Iterator<Item = (SocketAddr, u32)> + '_ {
        let own = self.parameters.candidates.iter().filter(|candidate| candidate.component == self.component);
        own.map(|candidate| (candidate.address, candidate.priority))
    }

    /// It may be reached there as well.
    pub fn add(&mut self, remote: SocketAddr, priority: u32) {
        if let Some(checks) = &mut self.checks {
            checks.add(remote, priority);
        }
    }

    /// Nothing is reached by the server that relays any more.
    pub fn lose_relayed(&mut self) -> Came {
        let Some(checks) = &mut self.checks else { return Came::Nothing };
        checks.lose_relayed();
        self.proven.retain(|proven| !is_place(proven.way.remote));
        self.former = self.former.filter(|former| !is_place(*former));
        if self.selected.take_if(|selected| is_place(selected.way.remote)).is_none() {
            return self.news();
        }
        checks.forget_way();
        (self.former, self.told) = (None, None);
        Came::Lost
    }

    /// Where the peer is, as far as is known: on the way that is taken, else on the best that works, else where it was before.
    pub fn destination(&self) -> Option<SocketAddr> {
        let selected = self.selected.map(|selected| selected.way.remote);
        let works = || match &self.checks {
            Some(checks) => checks.best(self.role).map(|pair| pair.remote),
            // Who is lite knows that the peer comes from there, and takes it that it is there.
            None => self.proven.first().map(|proven| proven.way.remote),
        };
        selected.or_else(works).or(self.former)
    }

    /// The way that is taken, where the peer leaves unanswered what it is asked there.
    pub fn doubts(&self) -> Option<SocketAddr> {
        let is_doubtful = self.checks.as_ref().is_some_and(Checks::is_doubtful);
        self.selected.filter(|_| is_doubtful).map(|selected| selected.way.remote)
    }

    /// The way that was nominated, by us.
    pub fn chosen(&self) -> Option<SocketAddr> {
        let selected = self.selected.filter(|_| matches!(self.role, Role::Controlling(_)));
        selected.map(|selected| selected.way.remote)
    }

    /// Whether the peer has shown, with our password, that it sends from there; or was there before.
    pub fn knows(&self, source: SocketAddr) -> bool {
        self.proven.iter().any(|proven| proven.way.remote == source)
            || self.former == Some(source)
            || self.checks.as_ref().is_some_and(|checks| checks.works(source))
    }

    /// Whether a way was nominated.
    #[cfg(test)]
    pub(super) fn is_settled(&self) -> bool {
        self.selected.is_some()
    }

    /// Takes a message. `None`: it is not the peer's. `heard`: when media last came by the way that is taken.
    pub fn handle(
        &mut self,
        now: Instant,
        source: impl Into<Source>,
        message: &Message<'_>,
        heard: Option<Instant>,
        random: &mut Random,
    ) -> Option<Handled> {
        let source = source.into();
        let answer = match message.class {
            Class::Request => Some(self.handle_request(now, source, message, heard)?),
            Class::Success | Class::Error => {
                self.handle_response(now, source.place, message, random)?;
                None
            }
            // It keeps a binding open, and wants nothing.
            Class::Indication => None,
        };
        Some(Handled { answer, came: self.news() })
    }

    /// Where the peer is, if that has changed.
    fn news(&mut self) -> Came {
        match self.destination() {
            Some(remote) if self.told != Some(remote) => {
                self.told = Some(remote);
                Came::Way(remote)
            }
            _ => Came::Nothing,
        }
    }

    fn handle_request(
        &mut self,
        now: Instant,
        Source { place: source, address }: Source,
        message: &Message<'_>,
        heard: Option<Instant>,
    ) -> Option<Writer> {
        // Who does not know the password is told nothing: whoever guesses shall not even learn that somebody listens.
        let own = self.parameters.local.password.as_bytes();
        if !message.username.is_some_and(|name| self.is_name(name)) || !message.is_by(own) {
            return None;
        }
        let is_repeated = |proven: &Proven| proven.transaction == message.transaction && proven.way.remote != source;
        if self.proven.iter().any(is_repeated) {
            return None;
        }
        if now.since(self.window.0) >= Duration::from_secs(1) {
            self.window = (now, 0);
        }
        self.window.1 += 1;
        if self.window.1 > CHECKS_PER_SECOND {
            return None;
        }
        let refusal = |code| Writer::new(Class::Error, &message.transaction).error(code);
        if !message.unknown.is_empty() {
            return Some(refusal(420).unknown(&message.unknown).integrity(own).finish());
        }
        if !self.settle_roles(message.role) {
            return Some(refusal(487).integrity(self.parameters.local.password.as_bytes()).finish());
        }
        let priority = message.priority.unwrap_or(candidate_priority(REFLEXIVE_PREFERENCE, self.component));
        let way = Way { remote: source, priority };
        self.prove(now, way, message.transaction);
        let nominates = message.nominates && matches!(self.role, Role::Controlled(_));
        let is_named = match &mut self.checks {
            Some(checks) => checks.trigger(source, priority, nominates),
            None => nominates,
        };
        if is_named {
            self.follow(now, way);
        } else {
            self.move_to(now, source, heard, false);
        }
        let own = self.parameters.local.password.as_bytes();
        Some(Writer::new(Class::Success, &message.transaction).mapped(address).integrity(own).finish())
    }

    /// `USERNAME` of a request to us: our fragment, a colon, the peer's (RFC 8445 §7.2.2).
    fn is_name(&self, name: &[u8]) -> bool {
        let (own, theirs) = (self.parameters.local.fragment.as_bytes(), self.parameters.remote.fragment.as_bytes());
        let rest = name.strip_prefix(own).and_then(|rest| rest.strip_prefix(b":"));
        rest == Some(theirs)
    }

    /// Where both play the same part the one with the larger number controls (RFC 8445 §7.3.1.1); false: the peer is to give way.
    fn settle_roles(&mut self, theirs: Option<Role>) -> bool {
        let we_control = match (self.role, theirs) {
            (Role::Controlling(own), Some(Role::Controlling(other)))
            | (Role::Controlled(own), Some(Role::Controlled(other))) => own >= other,
            _ => return true,
        };
        match self.role {
            Role::Controlling(_) if we_control => false,
            // Who is lite leaves the decision to who can look for a way.
            Role::Controlled(_) if !we_control || self.checks.is_none() => false,
            Role::Controlling(number) => {
                self.role = Role::Controlled(number);
                true
            }
            Role::Controlled(number) => {
                self.role = Role::Controlling(number);
                true
            }
        }
    }

    /// The peer is known to send from there.
    fn prove(&mut self, now: Instant, way: Way, transaction: TransactionId) {
        let fresh = Proven { way, heard: now, transaction };
        match self.proven.iter_mut().find(|proven| proven.way.remote == way.remote) {
            Some(proven) => *proven = fresh,
            None => {
                if self.proven.len() >= ICE_PROVEN {
                    let oldest = (0..self.proven.len()).min_by_key(|index| self.proven[*index].heard);
                    self.proven.remove(oldest.unwrap_or(0));
                }
                self.proven.push(fresh);
            }
        }
        if let Some(selected) = self.selected.as_mut().filter(|selected| selected.way.remote == way.remote) {
            selected.heard = now;
        }
    }

    /// The peer has nominated a way. One that may nominate all that work means the best of them, and has nominated that again by the time that it is
    /// to be believed otherwise.
    fn follow(&mut self, now: Instant, way: Way) {
        if let Some(selected) = &mut self.selected {
            if selected.way.remote == way.remote {
                selected.nominated = now;
                return;
            }
            let is_worse = way.priority < selected.way.priority && now.since(selected.nominated) < NOMINATION_HELD;
            if is_worse && !self.parameters.nominates_once {
                return;
            }
        }
        self.take(now, way);
    }

    fn take(&mut self, now: Instant, way: Way) {
        self.selected = Some(Selected { way, nominated: now, heard: now });
        self.former = None;
        if let Some(checks) = &mut self.checks {
            checks.settle(now);
        }
    }

    /// The peer is heard from there while it has been silent on the way that is taken: its NAT has another binding, or it has gone to another network.
    /// True: it is there now.
    fn move_to(&mut self, now: Instant, source: SocketAddr, heard: Option<Instant>, by_media: bool) -> bool {
        let Some(selected) = self.selected.filter(|selected| selected.way.remote != source) else { return false };
        let Some(proven) = self.proven.iter().find(|proven| proven.way.remote == source).copied() else { return false };
        let is_silent = match &self.checks {
            // What was asked there is more than what was heard.
            Some(checks) if !checks.works(source) => false,
            Some(checks) if checks.is_doubtful() => true,
            _ => {
                let media = heard.unwrap_or(selected.nominated).max(selected.nominated);
                match by_media {
                    true => now.since(media) >= WAY_SILENT_MEDIA,
                    false => now.since(media.max(selected.heard)) >= WAY_SILENT_WHOLLY,
                }
            }
        };
        if is_silent {
            self.take(now, proven.way);
        }
        is_silent
    }

    /// Media has come from there, by another way than the one that is taken. `None`: it is not the peer's; true: the peer is there now.
    pub fn handle_media(&mut self, now: Instant, source: SocketAddr, heard: Option<Instant>) -> Option<bool> {
        if !self.knows(source) {
            return None;
        }
        let has_moved = self.move_to(now, source, heard, true);
        if has_moved {
            self.told = Some(source);
        }
        Some(has_moved)
    }

    fn handle_response(
        &mut self,
        now: Instant,
        source: SocketAddr,
        message: &Message<'_>,
        random: &mut Random,
    ) -> Option<()> {
        let Self { checks: Some(checks), parameters, role, .. } = self else { return None };
        let password = parameters.remote.password.as_bytes();
        match checks.handle_response(now, source, message, password, *role)? {
            Answered::Nothing | Answered::Works => {}
            Answered::Nominated(way) => self.follow(now, way),
            // RFC 8445 §7.2.5.1: the part that this request said we play is the peer's; unless we have changed it since.
            Answered::Conflict(said) => {
                if said == *role {
                    let number = random.next_u64();
                    *role = match said {
                        Role::Controlling(_) => Role::Controlled(number),
                        Role::Controlled(_) => Role::Controlling(number),
                    };
                }
            }
        }
        Some(())
    }

    /// The next message that is to be sent.
    pub fn poll_transmit(&mut self, now: Instant, random: &mut Random) -> Option<Check> {
        let selected = self.selected.map(|selected| selected.way.remote);
        let (to, message) = match &mut self.checks {
            Some(checks) => checks.poll_transmit(now, &self.parameters, self.role, selected, random)?,
            None => {
                // Who asks nothing says now and then that it is there (RFC 8445 §11).
                if self.keep_alive > now {
                    return None;
                }
                self.keep_alive = now + KEEP_ALIVE_EVERY;
                (selected?, Writer::new(Class::Indication, &transaction(random)).finish())
            }
        };
        Some(Check { to, message })
    }

    /// When there is something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.checks {
            Some(checks) => checks.poll_timeout(self.role, self.selected.map(|selected| selected.way.remote)),
            None => Some(self.keep_alive),
        }
    }

    /// Takes note that time goes by.
    pub fn handle_timeout(&mut self, now: Instant) -> Came {
        let Some(checks) = &mut self.checks else { return Came::Nothing };
        let is_given_up = checks.gives_up(now);
        let best = checks.best(self.role).map(|pair| Way { remote: pair.remote, priority: pair.theirs });
        if let Some(way) = best.filter(|_| is_given_up) {
            // One works that nobody has nominated: better that than none.
            self.take(now, way);
            return self.news();
        }
        if is_given_up || checks.withdraw(now) {
            (self.selected, self.former, self.told) = (None, None, None);
            return Came::Lost;
        }
        Came::Nothing
    }
}
