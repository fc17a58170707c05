//! Feeds: who publishes what clients follow, and what of it each client gets.

use super::Control;
use crate::limits::{CALLS_FOLLOWED, CHANGE_WITHIN, RESUBSCRIBE};
use crate::protocol::line::Content;
use crate::protocol::{Header, Kind, Line};
use crate::question::{Feed, Filter, Recipients};
use crate::topic::{calls, messages, platforms, registrations, trunks};
use router::parameter::{CallEvent, CallPhase, MessageEvent, Platform, RegistrationEvent, TrunkEvent};
use router::time::{Instant, Now};
use router::{Address, Command, Instance, Packet, Parameters, one};
use std::collections::BTreeSet;

/// A feed's publishers, as far as they were asked.
#[derive(Default)]
pub(super) struct Following {
    subscribed: BTreeSet<Address>,
    pub(super) retry: Option<Instant>,
}

impl Control {
    pub(super) fn followed(&self, feed: Feed) -> bool {
        self.sessions.values().any(|session| session.follows.contains_key(&feed))
    }

    /// Subscribes to those publishers of a feed that do not send it yet.
    pub(super) fn subscribe(&mut self, now: Now, feed: Feed) {
        let kinds = feed.publishers().iter();
        let publishers: Vec<_> = kinds.flat_map(|&kind| self.recipients(Recipients::Each(kind))).collect();
        let following = self.feeds.entry(feed).or_default();
        following.retry = None;
        following.subscribed.retain(|address| publishers.contains(address));
        for publisher in publishers {
            if following.subscribed.insert(publisher) {
                let noun = noun(feed);
                self.outbox.request(now.instant, Instance::MODULE, publisher, Command::Subscribe, noun, CHANGE_WITHIN);
            }
        }
    }

    /// A publisher has left, or was started anew: what it published since is missed by who follows.
    pub(super) fn publisher_is_gone(&mut self, publisher: Address) {
        for feed in Feed::ALL.into_iter().filter(|feed| feed.publishers().contains(&publisher.module.kind)) {
            let Some(following) = self.feeds.get_mut(&feed) else { continue };
            if !following.subscribed.remove(&publisher) {
                continue;
            }
            if feed == Feed::Calls {
                self.phases.clear();
            }
            self.miss(feed);
        }
    }

    /// Who follows a feed is told with its next event that something was lost.
    fn miss(&mut self, feed: Feed) {
        for session in self.sessions.values_mut().filter(|session| session.follows.contains_key(&feed)) {
            session.miss();
        }
    }

    /// Unsubscribes from what nobody follows any more.
    pub(super) fn leave_feeds(&mut self, now: Now) {
        for feed in Feed::ALL {
            if self.followed(feed) {
                continue;
            }
            let Some(following) = self.feeds.remove(&feed) else { continue };
            if feed == Feed::Calls {
                self.phases.clear();
            }
            for publisher in following.subscribed {
                let noun = noun(feed);
                let verb = Command::Unsubscribe;
                self.outbox.request(now.instant, Instance::MODULE, publisher, verb, noun, CHANGE_WITHIN);
            }
        }
    }

    /// A publisher answered a subscription of the module's own.
    pub(super) fn handle_subscription_answer(&mut self, now: Now, publisher: Address, verb: Command, packet: &Packet) {
        if verb != Command::Subscribe || packet.command != Command::Failed {
            return;
        }
        for feed in Feed::ALL.into_iter().filter(|feed| feed.publishers().contains(&publisher.module.kind)) {
            if let Some(following) = self.feeds.get_mut(&feed) {
                following.subscribed.remove(&publisher.of_module());
                following.retry = Some(now.instant + RESUBSCRIBE);
                // What happens until then is missed by who follows.
                self.miss(feed);
            }
        }
    }

    pub(super) fn handle_call_event(&mut self, now: Now, event: &CallEvent) {
        if event.missed {
            self.phases.clear();
        }
        let call = &event.call;
        let before = self.phases.get(&call.id).copied();
        let name = match (&event.pressed, &event.quality) {
            (Some(_), _) => calls::KEY,
            (None, Some(_)) => calls::QUALITY,
            (None, None) => calls::event_name(before, call.phase, event.cause.is_some()),
        };
        if call.phase == CallPhase::Ended {
            self.phases.remove(&call.id);
        } else if before.is_some() || self.phases.len() < CALLS_FOLLOWED {
            self.phases.insert(call.id.clone(), call.phase);
        }
        let line = Line {
            kind: Kind::Event,
            header: Header::event("calls", name),
            content: Content::Body(calls::event_to_json(event)),
        };
        self.publish(now, Feed::Calls, &line, event.missed, |filter| calls::matches(filter, call));
    }

    pub(super) fn handle_registration_event(&mut self, now: Now, event: &RegistrationEvent) {
        let line = Line {
            kind: Kind::Event,
            header: Header::event("registrations", registrations::event_name(event)),
            content: Content::Body(registrations::event_to_json(event)),
        };
        self.publish(now, Feed::Registrations, &line, event.missed, |filter| registrations::matches(filter, event));
    }

    pub(super) fn handle_platform_event(&mut self, now: Now, platform: &Platform) {
        let line = Line {
            kind: Kind::Event,
            header: Header::event("platforms", platforms::event_name(platform)),
            content: Content::Body(platforms::to_json(platform)),
        };
        self.publish(now, Feed::Platforms, &line, platform.missed, |_| true);
    }

    pub(super) fn handle_message_event(&mut self, now: Now, event: &MessageEvent) {
        let line = Line {
            kind: Kind::Event,
            header: Header::event("messages", event.fate.name()),
            content: Content::Body(messages::event_to_json(event)),
        };
        self.publish(now, Feed::Messages, &line, event.missed, |filter| messages::matches(filter, event));
    }

    pub(super) fn handle_trunk_event(&mut self, now: Now, event: &TrunkEvent) {
        let line = Line {
            kind: Kind::Event,
            header: Header::event("trunks", event.change.name()),
            content: Content::Body(trunks::event_to_json(event)),
        };
        self.publish(now, Feed::Trunks, &line, event.missed, |filter| trunks::matches(filter, event));
    }

    /// Gives an event to who follows its feed and wants it. Who follows is told of a gap even where the filter holds the
    /// event back: what was lost may have passed it.
    fn publish(&mut self, now: Now, feed: Feed, line: &Line, missed: bool, wanted: impl Fn(&Filter) -> bool) {
        for (&id, session) in &mut self.sessions {
            let Some(filter) = session.follows.get(&feed) else { continue };
            let wanted = wanted(filter);
            if missed {
                session.miss();
            }
            if wanted {
                self.events_dropped += u64::from(!session.push(now, line));
                self.ready.insert(id);
            }
        }
    }
}

fn noun(feed: Feed) -> Parameters {
    match feed {
        Feed::Calls => one(calls::no_event()),
        Feed::Registrations => one(registrations::no_event()),
        Feed::Platforms => one(Platform::default()),
        Feed::Messages => one(messages::no_event()),
        Feed::Trunks => one(trunks::no_event()),
    }
}
