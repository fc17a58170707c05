//! REGISTER of ours at trunks (RFC 3261 §10.2): each address of record is asked for on the shard that is its home.

use super::contact::contact_of;
use super::credentials::{self, Answered, Authorization};
use super::destination::in_order;
use super::kept_flows::{FlowFault, KeptFlows, is_same};
use super::means::{ClientUse, Means};
use super::options::{ALLOW, SUPPORTED_BY_FLOW, SUPPORTED_IN_REGISTER};
use super::outbound_flow::OutboundFlow;
use crate::dialog::RouteSet;
use crate::limits::{
    AVOIDED_FOR, MAX_FORWARDS_DEFAULT, REGISTER_BACK_OFF, REGISTER_BACK_OFF_MAX, REGISTER_PACE,
    REGISTER_RETRY_AFTER_MAX, REGISTRATIONS_MAX,
};
use crate::message::{
    CallId, Header, HeaderName, Message, Method, NameAddr, RequestWriter, Scheme, StatusCode, Tag, Uri,
};
use crate::transaction::ClientKey;
use crate::transport::{Destination, Flow, Resolution, Sought};
use crate::trunk::registration::{Refused, Registration};
use crate::trunk::{OwnAddress, Taken, TrunkId};
use router::parameter::{CauseKind, RegistrationState, TrunkChange, TrunkEvent, TrunkRegistration};
use router::time::{Duration, Instant};
use router::{Instance, Private, one};
use std::collections::VecDeque;

/// All that are at home here.
#[derive(Debug, Default)]
pub(crate) struct Registering {
    all: Vec<Own>,
    /// What they are registered over.
    kept: KeptFlows,
    /// The platform ends: all are taken back.
    leaving: bool,
}

/// An address of record of ours.
#[derive(Debug)]
struct Own {
    /// By which answers of the name service find it.
    instance: Instance,
    place: Place,
    registration: Registration,
    /// RFC 3261 §10.2: the same for all its requests.
    call_id: CallId,
    tag: Tag,
    cseq: u32,
    answered: Answered,
    /// What the registrar asked for when it took us last.
    asked: Option<Box<Authorization>>,
    /// Where a 3xx sent it.
    elsewhere: Option<Uri>,
    sought: Option<Sought>,
    further: VecDeque<Destination>,
    expires: Duration,
    attempt: Option<Attempt>,
    /// Where it was taken last, while it is kept.
    registrar: Option<Flow>,
    /// The way that the registrar wants then.
    route: RouteSet,
    /// Whether it takes us for a flow; `None`: it has not said.
    flows: Option<bool>,
    /// What who follows trunks was last told: whether the trunk keeps it, and why not.
    told: Option<(bool, Option<String>)>,
}

/// Which address, and where it is registered. It stays known while it is taken back, when the configuration has it no more.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    trunk: TrunkId,
    address: OwnAddress,
    /// The trunk's host.
    host: String,
    home: Sought,
    /// The user of the Contact.
    contact: Box<str>,
    /// Which flow it is, where there are several.
    flow: Option<OutboundFlow>,
}

impl Place {
    /// Whether both are of one address of ours.
    fn is_of(&self, trunk: TrunkId, address: &OwnAddress) -> bool {
        self.trunk == trunk && self.address == *address
    }
}

/// The REGISTER that is out.
#[derive(Debug)]
struct Attempt {
    key: ClientKey,
    destination: Destination,
    authorization: Option<Box<Authorization>>,
    /// Whether what it went with was asked for by an earlier one: the registrar may have forgotten that.
    unasked: bool,
}

impl Registering {
    /// The configuration has changed: new ones are asked for, and those that are gone are taken back.
    pub(crate) fn reconfigure(&mut self, means: &mut Means) {
        let now = means.now.instant;
        let wanted = places(means);
        for own in &mut self.all {
            if self.leaving || !wanted.iter().any(|(place, _)| *place == own.place) {
                own.registration.leave(now);
            }
        }
        self.forget_ended();
        if self.leaving {
            return;
        }
        let mut first = now;
        for (place, expires) in wanted {
            let known = |own: &Own| own.place == place && own.registration.is_wanted();
            if self.all.iter().any(known) || self.all.len() >= REGISTRATIONS_MAX {
                continue;
            }
            // Whether there is any use in a further flow, the first one finds out.
            let waits = place.flow.as_ref().is_some_and(|flow| !flow.is_first());
            let at = if waits { now + REGISTER_BACK_OFF } else { first };
            self.all.push(Own {
                instance: means.instances.mint(),
                place,
                registration: Registration::new(at, expires),
                call_id: means.mint_call_id(),
                tag: means.mint_tag(),
                cseq: 0,
                answered: Answered::default(),
                asked: None,
                elsewhere: None,
                sought: None,
                further: VecDeque::new(),
                expires,
                attempt: None,
                registrar: None,
                route: RouteSet::default(),
                flows: None,
                told: None,
            });
            first = first + REGISTER_PACE;
        }
    }

    /// The platform ends: all are taken back.
    pub(crate) fn leave(&mut self, means: &Means) {
        self.leaving = true;
        self.all.iter_mut().for_each(|own| own.registration.leave(means.now.instant));
        self.forget_ended();
    }

    /// Whether none is left to be taken back.
    pub(crate) fn has_left(&self) -> bool {
        self.all.iter().all(|own| own.registration.is_wanted())
    }

    /// When the next one is asked for.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.all.iter().filter_map(|own| own.registration.poll_timeout()).chain(self.kept.poll_timeout()).min()
    }

    /// Asks for those that are due.
    pub(crate) fn handle_timeout(&mut self, means: &mut Means) {
        let now = means.now.instant;
        for at in 0..self.all.len() {
            if self.all[at].registration.poll_timeout().is_none_or(|at| at > now) {
                continue;
            }
            match self.waits_for_first(at) {
                Some(after) => self.all[at].registration.rest(now, after),
                None => self.all[at].begin(means),
            }
        }
        while let Some(flow) = self.kept.handle_timeout(means, |flow| self.all.iter().any(|own| own.is_over(flow))) {
            self.handle_failed(means, &flow, FlowFault::Silent);
        }
        self.forget_ended();
    }

    /// An answer to a keep-alive of ours.
    pub(crate) fn handle_kept_alive(&mut self, means: &mut Means, flow: &Flow, answer: &stun::Message<'_>) {
        if let Some(fault) = self.kept.handle_answer(means, flow, answer) {
            self.handle_failed(means, flow, fault);
        }
    }

    /// A flow has failed: what was registered over it is so anew (RFC 5626 §4.4.2, §4.5).
    fn handle_failed(&mut self, means: &mut Means, flow: &Flow, fault: FlowFault) {
        means.counters.flows_failed += 1;
        let mut at = means.now.instant;
        for own in self.all.iter_mut().filter(|own| own.is_over(flow)) {
            let name = &means.trunks.get(own.place.trunk).config.name;
            tracing::warn!(
                trunk = name,
                reason = fault.name(),
                "the flow of our registration has failed: it is made anew"
            );
            own.registration.renew(at);
            at = at + REGISTER_PACE;
        }
    }

    /// For how long a further flow is not asked for; `None`: it is, or is to be taken back.
    fn waits_for_first(&self, at: usize) -> Option<Duration> {
        let Own { place, registration, .. } = &self.all[at];
        if place.flow.as_ref().is_none_or(OutboundFlow::is_first) || !registration.is_wanted() {
            return None;
        }
        let is_first = |own: &&Own| own.place.flow.as_ref().is_some_and(OutboundFlow::is_first);
        let mut first = self.all.iter().filter(is_first).filter(|own| own.place.is_of(place.trunk, &place.address));
        let first = first.next()?;
        match first.flows {
            Some(true) => None,
            Some(false) => Some(REGISTER_BACK_OFF_MAX),
            // Its host is away: this one finds out.
            None if first.registration.reason().is_some() => None,
            None => Some(REGISTER_BACK_OFF),
        }
    }

    /// A connection has ended: what was a flow over it is made anew (RFC 5626 §4.5).
    pub(crate) fn handle_closed(&mut self, means: &Means, closed: &Flow) {
        if closed.connection.is_none() {
            return;
        }
        let mut at = means.now.instant;
        let over_it = |own: &&mut Own| own.registrar.is_some_and(|flow| flow.connection == closed.connection);
        for own in self.all.iter_mut().filter(|own| own.flows == Some(true)).filter(over_it) {
            own.registration.renew(at);
            at = at + REGISTER_PACE;
        }
    }

    /// What has come of a flow of an address of ours is of use to all of them: the way of the first that is kept.
    fn settle(&mut self, means: &mut Means, trunk: TrunkId, address: &OwnAddress) {
        let now = means.now.instant;
        let own = |own: &&Own| own.place.is_of(trunk, address);
        let kept = |own: &&Own| own.registration.state(now) == RegistrationState::Registered;
        let route = self.all.iter().filter(own).find(kept).map(|own| own.route.clone()).unwrap_or_default();
        means.trunks.routed(trunk, address, route);
    }

    /// A trunk's host is found, or not to be found.
    pub(crate) fn handle_resolved(&mut self, means: &mut Means, by: Instance, sought: &Sought, found: &Resolution) {
        let waits = |own: &&mut Own| own.instance == by && own.sought.as_ref() == Some(sought);
        if let Some(own) = self.all.iter_mut().find(waits) {
            own.sought = None;
            let is_known = match found {
                Resolution::Known(places) => own.found(means, in_order(means, places)),
                _ => true,
            };
            if is_known {
                own.try_next(means, CauseKind::Unreachable);
            }
            let Place { trunk, address, .. } = own.place.clone();
            self.settle(means, trunk, &address);
            self.forget_ended();
        }
    }

    /// A final response to a REGISTER; its trunk.
    pub(crate) fn handle_response(
        &mut self,
        means: &mut Means,
        key: ClientKey,
        message: &Message,
        flow: &Flow,
    ) -> Option<TrunkId> {
        let own = self.of_key(key)?;
        let before = own.flows;
        own.handle_response(means, message, flow);
        let found_out = own.flows == Some(true) && before != Some(true);
        let is_kept = message.status().is_some_and(StatusCode::is_success) && own.is_over(flow);
        let Place { trunk, address, .. } = own.place.clone();
        if is_kept {
            let seconds = message.text(HeaderName::Other("Flow-Timer")).and_then(|value| value.trim().parse().ok());
            let timer = seconds.filter(|&seconds: &u32| seconds > 0).map(|seconds| Duration::from_secs(seconds.into()));
            self.kept.keep(means, flow, timer);
        }
        self.settle(means, trunk, &address);
        if found_out {
            // The others need not wait any longer.
            let waits = |own: &&mut Own| own.place.is_of(trunk, &address) && own.flows.is_none();
            self.all.iter_mut().filter(waits).for_each(|own| own.registration.renew(means.now.instant));
        }
        self.forget_ended();
        Some(trunk)
    }

    /// A REGISTER was not answered, or did not leave; its trunk.
    pub(crate) fn handle_unanswered(&mut self, means: &mut Means, key: ClientKey, kind: CauseKind) -> Option<TrunkId> {
        let own = self.of_key(key)?;
        if let Some(Attempt { destination, .. }) = own.attempt.take() {
            means.avoided.note(means.now.instant, destination.remote, AVOIDED_FOR);
        }
        own.try_next(means, kind);
        let Place { trunk, address, .. } = own.place.clone();
        self.settle(means, trunk, &address);
        self.forget_ended();
        Some(trunk)
    }

    fn of_key(&mut self, key: ClientKey) -> Option<&mut Own> {
        self.all.iter_mut().find(|own| own.attempt.as_ref().is_some_and(|attempt| attempt.key == key))
    }

    fn forget_ended(&mut self) {
        self.all.retain(|own| !own.registration.is_over());
    }

    /// How those of a trunk stand; `None`: none is registered here.
    pub(crate) fn of_trunk(&self, means: &Means, trunk: TrunkId) -> Option<Vec<TrunkRegistration>> {
        let now = means.now.instant;
        let own = self.all.iter().filter(|own| own.place.trunk == trunk);
        let all: Vec<_> = own
            .map(|own| {
                let Place { address, host, .. } = &own.place;
                let route = means.trunks.service_route_of(trunk, address);
                let state = own.registration.state(now);
                let registrar = own.registrar.filter(|_| state == RegistrationState::Registered);
                TrunkRegistration {
                    address: Private::new(format!("{}@{}", address.user, address.domain(host))),
                    state,
                    kept_s: own.registration.kept_s(now),
                    next_s: own.registration.next_s(now),
                    reason: own.registration.reason().map(str::to_owned),
                    flow: own.place.flow.as_ref().map(|flow| flow.id),
                    registrar: registrar.map(|flow| flow.remote.to_string().into()),
                    service_route: route.iter().flat_map(|route| route.values()).map(Private::from).collect(),
                }
            })
            .collect();
        (!all.is_empty()).then_some(all)
    }
}

/// What the configuration has that is at home here, and for how long it is to be asked for.
fn places(means: &Means) -> Vec<(Place, Duration)> {
    let mut places = Vec::new();
    for (trunk, one) in means.trunks.with_ids() {
        let Some(target) = &one.config.target else { continue };
        for address in &one.config.register {
            let host = target.host();
            let contact = means.trunks.contact_user(trunk, address);
            if means.is_home(&contact) {
                let place = Place { trunk, address: address.clone(), host, home: target.sought(), contact, flow: None };
                let expires = one.config.register_expires;
                match one.config.outbound {
                    false => places.push((place, expires)),
                    true => {
                        let instance = means.trunks.instance_at(trunk);
                        let flows = OutboundFlow::all(&instance);
                        places.extend(flows.map(|flow| (Place { flow: Some(flow), ..place.clone() }, expires)));
                    }
                }
            }
        }
    }
    places
}

impl Own {
    /// Whether it is registered over that flow, and its registrar takes it for one.
    fn is_over(&self, flow: &Flow) -> bool {
        self.flows == Some(true) && self.registrar.is_some_and(|registrar| is_same(&registrar, flow))
    }

    fn begin(&mut self, means: &mut Means) {
        self.expires = self.registration.ask();
        if !self.registration.is_redirected() {
            self.elsewhere = None;
        }
        let sought = match &self.elsewhere {
            Some(uri) => Sought::of_uri(&uri.borrow()),
            None => Some(self.place.home.clone()),
        };
        let Some(sought) = sought else { return self.unanswered(means, CauseKind::Unreachable) };
        if let Some(destination) = sought.address() {
            if self.found(means, VecDeque::from([destination])) {
                self.try_next(means, CauseKind::Unreachable);
            }
            return;
        }
        match means.resolving.ask(&sought, self.instance) {
            true => self.sought = Some(sought),
            false => self.unanswered(means, CauseKind::Congestion),
        }
    }

    /// Takes the places of its registrar, of which each flow has its own; who has taken it is asked first for as long as it does. Where another one is silent,
    /// each refresh would wait for that one first, and what was granted for a minute is over by then. False: a further flow has no place, and waits until
    /// there is another host.
    fn found(&mut self, means: &Means, places: VecDeque<Destination>) -> bool {
        let flow = self.place.flow.as_ref();
        self.further = flow.map_or_else(|| places.clone(), |flow| flow.own_of(&places));
        let last = self.registrar.map(|registrar| registrar.remote);
        if let Some(at) = self.further.iter().position(|place| Some(place.remote) == last)
            && let Some(place) = self.further.remove(at)
        {
            self.further.push_front(place);
        }
        let waits = self.further.is_empty() && flow.is_some_and(|flow| !flow.is_first());
        if waits {
            self.registration.rest(means.now.instant, REGISTER_BACK_OFF_MAX);
        }
        !waits
    }

    /// Asks at the next address; none is left: it is tried again later.
    fn try_next(&mut self, means: &mut Means, kind: CauseKind) {
        while let Some(destination) = self.further.pop_front() {
            let proven = self.proven_before(means);
            if self.send(means, destination, proven, true) {
                return;
            }
        }
        self.unanswered(means, kind);
    }

    /// What the registrar asked for the last time, for another request.
    fn proven_before(&mut self, means: &mut Means) -> Option<Box<Authorization>> {
        let (asked, uri) = (self.asked.take()?, self.request_uri()?);
        credentials::again(means, self.place.trunk, *asked, &mut self.answered, &Method::Register, uri.as_str())
    }

    fn unanswered(&mut self, means: &mut Means, kind: CauseKind) {
        self.registration.unanswered(means.now.instant, &mut means.random, kind.name());
        self.tell_failure(means);
    }

    /// Sends a REGISTER. False: it cannot be sent there.
    fn send(
        &mut self,
        means: &mut Means,
        destination: Destination,
        proven: Option<Box<Authorization>>,
        unasked: bool,
    ) -> bool {
        let destination = destination.of_trunk(Some(self.place.trunk));
        let Some((id, listener)) = means.config.listeners.select(&destination) else { return false };
        let (Some(request_uri), Some(own)) = (self.request_uri(), self.place.address.uri(&self.place.host)) else {
            return false;
        };
        let contact = contact_of(listener, destination.local, &self.place.contact);
        self.cseq += 1;
        let flow = self.place.flow.as_ref().filter(|_| self.flows != Some(false)).map(OutboundFlow::parameters);
        let supported = if flow.is_some() { SUPPORTED_BY_FLOW } else { SUPPORTED_IN_REGISTER };
        let flow = flow.unwrap_or_default();
        let mut writer = RequestWriter::new(&Method::Register, &request_uri)
            .header(Header::MaxForwards, MAX_FORWARDS_DEFAULT)
            .header(Header::From, format_args!("<{own}>;tag={}", self.tag))
            .header(Header::To, format_args!("<{own}>"))
            .header(Header::CallId, &self.call_id)
            .header(Header::CSeq, format_args!("{} REGISTER", self.cseq))
            .header(Header::Contact, format_args!("{contact}{flow};expires={}", self.expires.as_secs()))
            .header(Header::Expires, self.expires.as_secs())
            .header(Header::Allow, ALLOW)
            .header(Header::Supported, supported)
            .header(Header::UserAgent, &means.config.agent);
        let proofs = proven.as_ref().and_then(|authorization| authorization.proofs());
        for (header, value) in proofs.iter().flat_map(|proofs| proofs.iter()) {
            writer = writer.header(*header, value);
        }
        let destination = destination.from_listener(id);
        let Some(key) = means.send(destination, writer.finish(), ClientUse::Registration) else { return false };
        self.attempt = Some(Attempt { key, destination, authorization: proven, unasked });
        true
    }

    /// RFC 3261 §10.2: the domain of the address of record; §8.1.3.4: or where a 3xx sent it.
    fn request_uri(&self) -> Option<Uri> {
        let Place { address, host, .. } = &self.place;
        match &self.elsewhere {
            Some(uri) => Some(uri.clone()),
            None => Uri::sip(Scheme::Sip, None, address.domain(host), None),
        }
    }

    fn handle_response(&mut self, means: &mut Means, message: &Message, flow: &Flow) {
        let (Some(status), Some(attempt)) = (message.status(), self.attempt.take()) else { return };
        let (now, trunk) = (means.now.instant, self.place.trunk);
        if matches!(status.code(), 401 | 407)
            && let Some(uri) = self.request_uri()
        {
            let (former, answered) = (attempt.authorization.filter(|_| !attempt.unasked), &mut self.answered);
            let answer =
                credentials::answer(means, Some(trunk), former, answered, message, &Method::Register, uri.as_str());
            if answer.is_some() && self.send(means, attempt.destination, answer, false) {
                return;
            }
            return self.refused(means, message, status);
        }
        if status.is_success() {
            let former = self.registration.state(now);
            let granted = self.granted(message);
            self.asked = attempt.authorization;
            self.registration.accepted(now, &mut means.random, granted);
            let route = message.addresses(Header::ServiceRoute).filter_map(Result::ok);
            let route: Vec<String> = route.map(|hop| String::from_utf8_lossy(hop.raw()).into_owned()).collect();
            let state = self.registration.state(now);
            let registered = state == RegistrationState::Registered;
            self.route = RouteSet::of_values(route.iter().map(String::as_str));
            self.registrar = registered.then_some(*flow);
            if let Some(until) = self.registration.kept_until().filter(|_| registered) {
                let taken = Taken { registrar: flow.remote, until };
                means.trunks.registered(now, trunk, &self.place.address, taken);
            }
            // RFC 5626 §6: a registrar that takes us for a flow says so.
            if self.place.flow.is_some() && registered {
                self.flows = Some(message.require().any(|option| option.eq_ignore_ascii_case("outbound")));
            }
            if state != former {
                let (name, kept_s) = (&means.trunks.get(trunk).config.name, self.registration.kept_s(now));
                let address = means.shown(&self.place.address.user);
                tracing::info!(trunk = name, address, kept_s, state = state.name(), "our registration at the trunk");
            }
            self.tell_followers(means);
            return;
        }
        // RFC 3263 §4.3: another address of the same name may do better.
        if status == StatusCode::SERVICE_UNAVAILABLE && !self.further.is_empty() {
            return self.try_next(means, CauseKind::Congestion);
        }
        self.refused(means, message, status);
    }

    /// For how long our contact is kept: as its entry in the 200 says, else as Expires, else as it was asked for (RFC 3261 §10.2.4).
    fn granted(&self, message: &Message) -> Duration {
        let any = message.contacts().any(|contact| contact.is_ok());
        let is_ours =
            |contact: &NameAddr<'_>| contact.uri().user_decoded().is_some_and(|user| *user == *self.place.contact);
        let ours = || message.contacts().filter_map(Result::ok).filter(is_ours);
        // Of several flows each has an entry (RFC 5626 §6).
        let flow = self.place.flow.as_ref().map(|flow| flow.id.to_string());
        let entry = ours().find(|contact| flow.is_some() && contact.parameter("reg-id") == flow.as_deref());
        let entry = entry.or_else(|| ours().next());
        let expires = message.expires().ok().flatten();
        let seconds = match entry {
            Some(contact) => contact.expires().or(expires),
            // It tells contacts, and ours is not among them.
            None if any => Some(0),
            None => expires,
        };
        seconds.map_or(self.expires, |seconds| Duration::from_secs(seconds.into()))
    }

    fn refused(&mut self, means: &mut Means, message: &Message, status: StatusCode) {
        // RFC 5626 §4.2.1: the first proxy on the way keeps no flows, so it is registered as ever.
        if status == StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT && self.place.flow.is_some() && self.flows.is_none() {
            self.flows = Some(false);
            return self.registration.rest(means.now.instant, Duration::ZERO);
        }
        let contact = message.contacts().filter_map(Result::ok).find(|contact| contact.uri().scheme() == Scheme::Sip);
        let elsewhere =
            contact.filter(|_| status.class() == 3).map(|contact| contact.uri().to_uri().without(&["method"]));
        let more = Refused {
            min_expires: message.number(Header::MinExpires).ok().flatten(),
            retry_after: message.retry_after_within(REGISTER_RETRY_AFTER_MAX),
            elsewhere: elsewhere.is_some(),
        };
        if elsewhere.is_some() {
            self.elsewhere = elsewhere;
        }
        let words = message.reason().unwrap_or_default();
        let words: String = words.chars().filter(|character| !character.is_control()).take(64).collect();
        self.registration.refused(means.now.instant, &mut means.random, status, &words, more);
        self.tell_failure(means);
    }

    fn tell_failure(&mut self, means: &mut Means) {
        self.tell_followers(means);
        let now = means.now.instant;
        if let (Some(reason), Some(next_s)) = (self.registration.reason(), self.registration.next_s(now)) {
            let name = &means.trunks.get(self.place.trunk).config.name;
            let address = means.shown(&self.place.address.user);
            tracing::warn!(trunk = name, address, reason, next_s, "the trunk does not take our registration");
        }
        if self.registration.state(now) != RegistrationState::Registered {
            self.registrar = None;
        }
    }

    /// Tells who follows trunks, if it is something new.
    fn tell_followers(&mut self, means: &mut Means) {
        let now = means.now.instant;
        let kept = self.registration.state(now) == RegistrationState::Registered;
        let reason = self.registration.reason().filter(|_| !kept).map(str::to_owned);
        if self.told.as_ref().is_some_and(|told| *told == (kept, reason.clone())) {
            return;
        }
        self.told = Some((kept, reason.clone()));
        let (change, seconds) = match kept {
            true => (TrunkChange::Registered, self.registration.kept_s(now)),
            false => (TrunkChange::Unregistered, self.registration.next_s(now)),
        };
        let Place { address, host, .. } = &self.place;
        let event = TrunkEvent {
            name: means.trunks.get(self.place.trunk).config.name.clone(),
            change,
            seconds,
            reason,
            address: Some(Private::new(format!("{}@{}", address.user, address.domain(host)))),
            at: means.now.wall,
            missed: false,
        };
        let followers: Vec<_> = means.trunk_followers.take().collect();
        for (follower, missed) in followers {
            means.outbox.notify(Instance::MODULE, follower, one(TrunkEvent { missed, ..event.clone() }));
        }
    }
}
