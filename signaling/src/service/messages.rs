//! MESSAGE (RFC 3428) outside of calls: who sends it, where it goes, what its sender is told.

use super::Signaling;
use super::requests::Requester;
use crate::limits::{MAX_FORWARDS_DEFAULT, MESSAGE_WITHIN, MESSAGES_MAX, PASSED_OCTETS_MAX};
use crate::message::{Header, Message, StatusCode};
use crate::messaging::{ACCEPTED, About, Conveyance, Outcome, Sender, content_of, is_packed, parse_date, write_date};
use crate::transaction::{ClientKey, ServerKey};
use crate::transport::Flow;
use crate::user_agent::authentication::dismiss;
use crate::user_agent::cause::status_of_failure;
use crate::user_agent::destination::{Hop, Whither};
use crate::user_agent::identity::caller_of;
use crate::user_agent::means::ClientUse;
use crate::user_agent::message_client::{self, Target};
use crate::user_agent::phone_flows::one_flow_each;
use router::parameter::{
    ContactFlow, Failure, MessageEvent, MessageFate, MessageRoute, MessageWay, Origin, Parameter, Party, Reason,
    Registration, TextMessage,
};
use router::time::{Duration, WallTime};
use router::{Address, Asked, Command, Instance, ModuleKind, Packet, Private, one};

/// How long the switch may take for a look at its plan, and a home shard for one at its bindings.
const WITHIN: Duration = Duration::from_secs(2);

/// How long the store may take to keep one.
const KEEP_WITHIN: Duration = Duration::from_secs(5);

/// What a sender is told to wait that has had its share.
const LIMITED_RETRY_S: u32 = 5;

/// What who sends to nobody is told of a platform that is not alone: others' users are not asked for.
const NOT_FOUND_HERE: &str = "Not Found On This Platform";

impl Signaling {
    /// A MESSAGE outside of calls.
    pub(super) fn handle_message_request(&mut self, key: ServerKey, message: Message, flow: Flow) {
        let Some(requester) = self.requester(key, &message, &flow) else { return };
        self.messaging.counters.received += 1;
        let refuse_because = |signaling: &mut Self, status: StatusCode, reason: &str, headers: &[(Header, String)]| {
            signaling.messaging.counters.refused += 1;
            dismiss(&mut signaling.means, key, &message, &flow, status, Some(reason), headers);
        };
        let refuse = |signaling: &mut Self, status: StatusCode, headers: &[(Header, String)]| {
            refuse_because(signaling, status, status.reason(), headers);
        };
        let settings = self.means.config.messages.clone();
        let (origin, sender, rate) = match &requester {
            Requester::Trunk(trunk) => {
                let name = self.means.trunks.get(*trunk).config.name.clone();
                (Origin::Trunk(name.as_str().into()), format!(" {name}"), settings.trunk_rate)
            }
            Requester::Account(name) => (Origin::Account(name.as_str().into()), name.clone(), settings.account_rate),
        };
        let now = self.means.now;
        if !self.messaging.admit(now.instant, &sender, rate) {
            let retry = [(Header::RetryAfter, LIMITED_RETRY_S.to_string())];
            return refuse(self, StatusCode::SERVICE_UNAVAILABLE, &retry);
        }
        if message.max_forwards().ok().flatten() == Some(0) {
            return refuse(self, StatusCode::TOO_MANY_HOPS, &[]);
        }
        let content = match content_of(&message, &flow, settings.octets_max) {
            Ok(content) => content,
            Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, _)) => {
                // RFC 3261 §21.4.13: what of it is not taken.
                let accept = match is_packed(&message) {
                    true => [(Header::AcceptEncoding, "identity".to_owned())],
                    false => [(Header::Accept, ACCEPTED.to_owned())],
                };
                return refuse(self, StatusCode::UNSUPPORTED_MEDIA_TYPE, &accept);
            }
            Err((status, reason)) => return refuse_because(self, status, reason, &[]),
        };
        if self.messaging.conveyances.len() >= MESSAGES_MAX {
            let retry = [(Header::RetryAfter, LIMITED_RETRY_S.to_string())];
            return refuse(self, StatusCode::SERVICE_UNAVAILABLE, &retry);
        }
        let Some(to) = self.called(&message) else { return };
        let (from, anonymous, verified) = match &requester {
            Requester::Trunk(trunk) => {
                let trusted = self.means.trunks.get(*trunk).config.trusted;
                let caller = caller_of(&message, trusted);
                (caller.party, caller.anonymous, caller.asserted)
            }
            Requester::Account(account) => {
                let stated = caller_of(&message, false);
                let known = self.gate.accounts.get(account).and_then(|account| account.display_name.clone());
                let display_name = known.map(|name| name.into_inner().into()).or(stated.party.display_name);
                let domain = self.means.domain_at(flow.listener).to_owned();
                (Party { display_name, ..Party::new(account.as_str(), domain) }, stated.anonymous, true)
            }
        };
        // A date that is far from ours is a clock that was never set.
        let stated = message.text(Header::Date).and_then(parse_date);
        let day = 86_400_000_000;
        let sent = stated.filter(|stated| (stated.0 - now.wall.0).abs() < day).unwrap_or(now.wall);
        let asked = message.expires().ok().flatten().map(|seconds| Duration::from_secs(seconds.into()));
        let keep = asked.unwrap_or(settings.keep).min(settings.keep);
        let text = TextMessage {
            id: self.means.mint_call(),
            from,
            to,
            account: None,
            content_type: content.content_type,
            body: Private::new(message.body_octets().to_vec().into()),
            sent,
            expires: WallTime(now.wall.0.saturating_add(i64::try_from(keep.as_micros()).unwrap_or(i64::MAX))),
            anonymous,
            verified,
            hops: Some(message.max_forwards().ok().flatten().unwrap_or(MAX_FORWARDS_DEFAULT).saturating_sub(1)),
            subject: message
                .text(Header::Subject)
                .filter(|text| text.len() <= PASSED_OCTETS_MAX)
                .map(|text| text.to_owned().into()),
            ends: asked
                .map(|asked| WallTime(now.wall.0.saturating_add(i64::try_from(asked.as_micros()).unwrap_or(i64::MAX)))),
        };
        let sender = Sender::Peer(Box::new((key, message.clone(), flow)));
        self.convey(text, origin, sender, content.lasts && !keep.is_zero());
    }

    /// `Send × TextMessage`: from the control socket.
    pub(super) fn send_message(&mut self, packet: &Packet, text: TextMessage) {
        if !self.gate.loaded || self.messaging.conveyances.len() >= MESSAGES_MAX {
            return self.means.outbox.failed(packet, Failure { retry_after_s: Some(1), ..Failure::new(Reason::Busy) });
        }
        self.messaging.counters.received += 1;
        let keep = i64::try_from(self.means.config.messages.keep.as_micros()).unwrap_or(i64::MAX);
        let now = self.means.now.wall;
        let text = TextMessage { id: self.means.mint_call(), sent: now, expires: WallTime(now.0 + keep), ..text };
        self.convey(text, Origin::Control, Sender::Module(Asked::of(packet)), true);
    }

    /// Asks the plan where a message goes.
    fn convey(&mut self, text: TextMessage, origin: Origin, sender: Sender, lasts: bool) {
        let instance = self.means.instances.mint();
        let number = Private::new(text.to.user().to_owned());
        let route = MessageRoute { number, origin, ways: Vec::new() };
        let mut conveyance = Conveyance::new(text, sender, lasts);
        let now = self.means.now.instant;
        conveyance.timer = Some(self.messaging.due.schedule(now + MESSAGE_WITHIN, instance));
        self.messaging.conveyances.insert(instance, conveyance);
        let switch = self.means.switch();
        let asked = self.means.outbox.request(now, Instance::MODULE, switch, Command::Query, one(route), WITHIN);
        self.messaging.asked.insert(asked, About::Route(instance));
    }

    /// A message that was kept goes to where its account is registered now.
    pub(super) fn convey_kept(&mut self, account: &str, text: TextMessage) {
        let instance = self.means.instances.mint();
        let mut conveyance = Conveyance::new(text, Sender::Mailbox(account.to_owned()), true);
        let now = self.means.now.instant;
        conveyance.timer = Some(self.messaging.due.schedule(now + MESSAGE_WITHIN, instance));
        conveyance.contacts = self.bindings.contacts(account);
        conveyance.kept = true;
        self.messaging.conveyances.insert(instance, conveyance);
        self.send_to_contacts(instance);
        self.settle_message(instance);
    }

    /// An answer about a message. False: it is to something else.
    pub(super) fn message_question_answered(&mut self, packet: &Packet) -> bool {
        if !packet.command.is_final() {
            return self.messaging.asked.contains_key(&packet.transaction);
        }
        let Some(about) = self.messaging.asked.remove(&packet.transaction) else { return false };
        let done = packet.command == Command::Done;
        match about {
            About::Route(instance) => {
                let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return true };
                match packet.first() {
                    Some(Parameter::MessageRoute(route)) if done => {
                        conveyance.ways = route.ways.iter().cloned().collect();
                        self.try_next(instance);
                    }
                    _ => {
                        let failure = packet.failure();
                        let status = match failure.cause {
                            Some(_) => status_of_failure(&failure),
                            None => StatusCode::SERVICE_UNAVAILABLE,
                        };
                        conveyance.best = Some(status);
                        self.tell_sender(instance, status, MessageFate::Refused);
                    }
                }
            }
            About::Place(instance) => {
                let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return true };
                conveyance.asking -= 1;
                match packet.first() {
                    Some(Parameter::Registration(registration)) if done => {
                        conveyance.contacts.extend(registration.contacts.iter().cloned());
                    }
                    _ if packet.failure().reason == Reason::NotFound => conveyance.note(StatusCode::NOT_FOUND),
                    _ => conveyance.note(StatusCode::SERVICE_UNAVAILABLE),
                }
                if conveyance.asking == 0 {
                    self.send_to_contacts(instance);
                    self.settle_message(instance);
                }
            }
            About::Keeping(instance) => {
                let (status, fate) = match done {
                    true => (StatusCode::ACCEPTED, MessageFate::Kept),
                    false => (StatusCode::TEMPORARILY_UNAVAILABLE, MessageFate::Refused),
                };
                if let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) {
                    conveyance.kept = done;
                }
                self.tell_sender(instance, status, fate);
            }
        }
        self.forget_message(instance_of(about));
        true
    }

    /// Tries what the plan has next.
    fn try_next(&mut self, instance: Instance) {
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        let (now, own) = (self.means.now.instant, Instance::MODULE);
        for way in conveyance.next_ways() {
            match way {
                MessageWay::Account(account) => {
                    conveyance.asking += 1;
                    conveyance.accounts.push(account.clone());
                    let home = self.means.config.shards.home(account.as_bytes());
                    let noun = one(Registration { account, contacts: Vec::new() });
                    let home = Address::local(ModuleKind::Signaling, home);
                    let asked = self.means.outbox.request(now, own, home, Command::Query, noun, WITHIN);
                    self.messaging.asked.insert(asked, About::Place(instance));
                }
                MessageWay::Trunk { name, number } => {
                    let secure = conveyance.message.to.secure;
                    let place = Whither::trunk_place(&self.means, &name, number.reveal(), &conveyance.message.from);
                    let place = place.and_then(|(trunk, whither)| Ok((trunk, whither.if_secure(secure)?)));
                    match place {
                        Ok((trunk, whither)) => match whither.hop {
                            Hop::Addresses(addresses) => {
                                if let Some(destination) = addresses.front().copied() {
                                    let target =
                                        Target::trunk(trunk, &whither.request_uri, whither.routes, destination);
                                    send(&mut self.means, instance, conveyance, target);
                                }
                            }
                            Hop::Name(sought) => {
                                if self.means.resolving.ask(&sought, instance) {
                                    conveyance.resolving = Some((trunk, whither.request_uri.as_str().to_owned()));
                                }
                            }
                        },
                        Err(cause) => conveyance.note(status_of_failure(&Failure::because(cause))),
                    }
                }
            }
        }
        self.settle_message(instance);
    }

    fn send_to_contacts(&mut self, instance: Instance) {
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        let mut contacts = std::mem::take(&mut conveyance.contacts);
        one_flow_each(&self.means, &mut contacts);
        let secure = conveyance.message.to.secure;
        for contact in contacts {
            let whither = Whither::contact(&self.means, &contact).and_then(|whither| whither.if_secure(secure));
            let Ok(whither) = whither else { continue };
            match &whither.hop {
                Hop::Addresses(addresses) => {
                    let Some(destination) = addresses.front().copied() else { continue };
                    let target = Target::contact(&whither, destination);
                    send(&mut self.means, instance, conveyance, target);
                }
                // The connection is gone that it registered over, and the proxy before it has said its name.
                Hop::Name(sought) => {
                    if self.means.resolving.ask(sought, instance) {
                        conveyance.seeking.push((sought.clone(), whither));
                    }
                }
            }
        }
    }

    /// A flow to a phone has failed: the next one, if there is one.
    fn send_by_another_flow(&mut self, instance: Instance, mut others: Vec<ContactFlow>) -> bool {
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return false };
        while !others.is_empty() {
            let flow = others.remove(0);
            let secure = conveyance.message.to.secure;
            let Some((mut whither, destination)) = Whither::flow(&self.means, &flow, secure) else { continue };
            whither.others = others;
            send(&mut self.means, instance, conveyance, Target::contact(&whither, destination));
            return true;
        }
        false
    }

    /// A response to a MESSAGE of ours.
    pub(super) fn message_answered(&mut self, key: ClientKey, instance: Instance, response: &Message) {
        let Some(status) = response.status().filter(|status| status.is_final()) else { return };
        self.means.clients.insert(key, ClientUse::Nobody);
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        let Some(mut attempt) = conveyance.take_attempt(key) else { return };
        if status.is_success() {
            return self.message_taken(instance, status);
        }
        let others = std::mem::take(&mut attempt.others);
        if matches!(status.code(), 401 | 407)
            && let Some(again) = message_client::authorize(&mut self.means, attempt, response)
        {
            send(&mut self.means, instance, conveyance, again);
            return self.settle_message(instance);
        }
        // RFC 5626 §7: that a flow has failed.
        if matches!(status.code(), 408 | 430) && self.send_by_another_flow(instance, others) {
            return self.settle_message(instance);
        }
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        // Who asks us who we are, in vain, does not ask the sender.
        conveyance.note(if matches!(status.code(), 401 | 407) { StatusCode::FORBIDDEN } else { status });
        self.settle_message(instance);
    }

    /// Nobody answered a MESSAGE of ours.
    pub(super) fn message_unanswered(&mut self, key: ClientKey, instance: Instance) {
        self.means.clients.insert(key, ClientUse::Nobody);
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        if let Some(attempt) = conveyance.take_attempt(key) {
            if !self.send_by_another_flow(instance, attempt.others)
                && let Some(conveyance) = self.messaging.conveyances.get_mut(&instance)
            {
                conveyance.note(StatusCode::REQUEST_TIMEOUT);
            }
            self.settle_message(instance);
        }
    }

    /// RFC 3428 §7: 202 says that it goes on from there, and its reader may not have it yet.
    fn message_taken(&mut self, instance: Instance, status: StatusCode) {
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        let first = !std::mem::replace(&mut conveyance.taken, true);
        // Kept, and then taken after all: by the one who was slow.
        if first && conveyance.kept && matches!(conveyance.sender, Sender::Told) {
            let text = conveyance.message.clone();
            self.remove_kept(&text);
        }
        let status = if status == StatusCode::ACCEPTED { status } else { StatusCode::OK };
        self.tell_sender(instance, status, MessageFate::Delivered);
        self.forget_message(instance);
    }

    /// Goes on where nothing is waited for any more.
    pub(super) fn settle_message(&mut self, instance: Instance) {
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        if matches!(conveyance.sender, Sender::Told) {
            return self.forget_message(instance);
        }
        match conveyance.outcome() {
            Outcome::Open => {}
            _ if !conveyance.ways.is_empty() => self.try_next(instance),
            Outcome::Refused(status) => self.tell_sender(instance, status, MessageFate::Refused),
            Outcome::Absent => self.nobody_is_there(instance),
        }
        self.forget_message(instance);
    }

    /// When too much time has passed for the sender to wait any longer.
    pub(super) fn messages_due(&mut self) {
        while let Some(instance) = self.messaging.due.poll(self.means.now.instant) {
            if let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) {
                conveyance.timer = None;
                // What is about to be kept has a time of its own.
                let is_kept = conveyance.kept && !matches!(conveyance.sender, Sender::Mailbox(_));
                if !is_kept && !matches!(conveyance.sender, Sender::Told) {
                    self.nobody_is_there(instance);
                    self.forget_message(instance);
                }
            }
        }
    }

    /// A message for one account that nobody has taken is kept; any other is refused.
    fn nobody_is_there(&mut self, instance: Instance) {
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        let keeps = conveyance.lasts && !conveyance.kept && conveyance.accounts.len() == 1;
        let Some(account) = conveyance.accounts.first().cloned().filter(|_| keeps) else {
            let status = conveyance.best.unwrap_or(StatusCode::TEMPORARILY_UNAVAILABLE);
            return self.tell_sender(instance, status, MessageFate::Refused);
        };
        conveyance.kept = true;
        let home = Address::local(ModuleKind::Signaling, self.means.config.shards.home(account.as_bytes()));
        conveyance.message.account = Some(account);
        let (now, own) = (self.means.now.instant, Instance::MODULE);
        let text = one(conveyance.message.clone());
        let asked = self.means.outbox.request(now, own, home, Command::Set, text, KEEP_WITHIN);
        self.messaging.asked.insert(asked, About::Keeping(instance));
    }

    /// Tells whoever waits what became of a message, once.
    fn tell_sender(&mut self, instance: Instance, status: StatusCode, fate: MessageFate) {
        let Some(conveyance) = self.messaging.conveyances.get_mut(&instance) else { return };
        let sender = std::mem::replace(&mut conveyance.sender, Sender::Told);
        if matches!(sender, Sender::Told) {
            return;
        }
        let event = MessageEvent {
            id: conveyance.message.id.clone(),
            from: conveyance.message.from.clone(),
            to: conveyance.message.to.clone(),
            octets: u32::try_from(conveyance.message.body.reveal().len()).unwrap_or(u32::MAX),
            fate,
            at: self.means.now.wall,
            missed: false,
        };
        let full =
            fate == MessageFate::Refused && conveyance.accounts.len() == 1 && conveyance.message.account.is_some();
        match fate {
            MessageFate::Delivered => self.messaging.counters.delivered += 1,
            MessageFate::Kept => self.messaging.counters.kept += 1,
            MessageFate::Refused => self.messaging.counters.refused += 1,
        }
        // It may be a user's of another platform, whom texts from here do not reach.
        let only_here = status == StatusCode::NOT_FOUND && self.means.config.is_in_cluster;
        match sender {
            Sender::Peer(inbound) => {
                let (key, message, flow) = *inbound;
                let tag = self.means.mint_tag();
                let mut writer = self.means.response(&message, &flow, status, &tag);
                if full {
                    // It was to be kept, and could not be.
                    writer = writer.reason("Mailbox Full");
                }
                if only_here {
                    writer = writer.reason(NOT_FOUND_HERE);
                }
                let response = writer.finish();
                self.means.respond(key, response);
            }
            Sender::Module(asked) => match fate {
                MessageFate::Refused => {
                    let mut failure = Failure::because(router::parameter::Cause {
                        code: Some(status.code()),
                        ..router::parameter::Cause::new(crate::user_agent::cause::kind_of(status))
                    });
                    let reason = if only_here { NOT_FOUND_HERE } else { status.reason() };
                    failure.detail = Some(format!("{} {reason}", status.code()));
                    asked.failed(&mut self.means.outbox, failure);
                }
                _ => asked.done(&mut self.means.outbox, one(event.clone())),
            },
            Sender::Mailbox(account) => {
                let conveyance = self.messaging.conveyances.get(&instance);
                let too_long = conveyance.is_some_and(|conveyance| conveyance.too_long);
                let text = conveyance.map(|conveyance| conveyance.message.clone());
                let is_kept = match (fate, too_long) {
                    (MessageFate::Refused, true) => {
                        self.kept_waits_for_a_way(&account);
                        true
                    }
                    _ => {
                        self.kept_was_tried(&account, text, status, fate);
                        fate == MessageFate::Refused && crate::messaging::is_absence(status)
                    }
                };
                // That it is still kept is no news.
                if is_kept {
                    return;
                }
            }
            Sender::Told => {}
        }
        self.tell_message_event(event);
    }

    fn tell_message_event(&mut self, event: MessageEvent) {
        self.note_missed();
        let subscribers: Vec<_> = self.messaging.subscribers.take().collect();
        for (subscriber, missed) in subscribers {
            let event = MessageEvent { missed, ..event.clone() };
            self.means.outbox.notify(Instance::MODULE, subscriber, one(event));
        }
    }

    /// Forgets a message of which nothing is waited for.
    fn forget_message(&mut self, instance: Instance) {
        if self.messaging.conveyances.get(&instance).is_some_and(Conveyance::is_over)
            && let Some(conveyance) = self.messaging.conveyances.remove(&instance)
            && let Some(timer) = conveyance.timer
        {
            self.messaging.due.cancel(timer);
        }
    }
}

fn instance_of(about: About) -> Instance {
    match about {
        About::Route(instance) | About::Place(instance) | About::Keeping(instance) => instance,
    }
}

/// Sends a message there; what cannot be sent is as if nobody had answered.
pub(super) fn send(
    means: &mut crate::user_agent::means::Means,
    instance: Instance,
    conveyance: &mut Conveyance,
    target: Target,
) {
    let date = write_date(conveyance.message.sent);
    let Some((request, prepared)) = message_client::write(means, &conveyance.message, &date, target) else {
        return conveyance.note(StatusCode::TEMPORARILY_UNAVAILABLE);
    };
    // RFC 3428 §8: beyond that length only where nothing on the way floods a network that is full.
    let now = means.now.instant;
    let Some(destination) = means.transactions.never_too_long(now, &prepared.destination, &request) else {
        conveyance.too_long = true;
        return conveyance.note(StatusCode::REQUEST_ENTITY_TOO_LARGE);
    };
    match means.send(destination, request, ClientUse::Message(instance)) {
        Some(key) => conveyance.sent.push((key, prepared)),
        None => conveyance.note(StatusCode::SERVICE_UNAVAILABLE),
    }
}
