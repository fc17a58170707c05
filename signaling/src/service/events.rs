//! What the transactions tell.

use super::Signaling;
use crate::message::Message;
use crate::transaction::{ClientKey, Event};
use crate::transport::Flow;
use crate::user_agent::ack::{acknowledge_again, hang_up_stray};
use crate::user_agent::means::ClientUse;
use router::Instance;
use router::parameter::CauseKind;
use router::time::Duration;

impl Signaling {
    /// Takes what the transactions tell until they tell nothing more.
    pub(super) fn handle_events(&mut self) {
        while let Some(event) = self.means.transactions.poll_event() {
            match event {
                Event::Request { key, message, flow } => self.handle_request(key, message, flow),
                Event::Ack { message, flow, .. } => {
                    if let Some(leg) = self.leg_of_tag(&message) {
                        self.with_leg(leg, |leg, means| leg.handle_ack(means, &message, &flow));
                    }
                }
                Event::Cancelled { key, message } => {
                    if let Some(leg) = self.means.servers.get(&key).copied() {
                        self.with_leg(leg, |leg, means| leg.handle_cancel(means, key, &message));
                    }
                }
                Event::Response { key, message, flow } => self.handle_response(key, message, flow),
                Event::TimedOut { key } => self.handle_unanswered(key, CauseKind::Timeout),
                Event::Failed { key, .. } => self.handle_unanswered(key, CauseKind::Unreachable),
                Event::ClientTerminated { key } => {
                    self.means.clients.remove(&key);
                }
                // The refusal was said; who does not acknowledge it gives up by itself.
                Event::Unacknowledged { .. } => {}
                Event::ResponseFailed { failure, .. } => tracing::debug!(%failure, "a response did not leave"),
                Event::ServerTerminated { .. } => {}
            }
        }
    }

    /// The leg whose tag a request's To has.
    pub(super) fn leg_of_tag(&self, message: &Message) -> Option<Instance> {
        let bits = message.to_tag_text().filter(|tag| tag.len() == 16)?;
        self.means.tags.get(&u64::from_str_radix(bits, 16).ok()?).copied()
    }

    fn handle_response(&mut self, key: ClientKey, message: Message, flow: Flow) {
        let success = message.status().is_some_and(|status| status.is_success());
        match self.means.clients.get(&key) {
            Some(ClientUse::Invite { leg, reach, .. }) => {
                let (leg, reach) = (*leg, *reach);
                if success && acknowledge_again(&mut self.means, key, &message) {
                    return;
                }
                if !self.legs.contains(leg) {
                    if success {
                        hang_up_stray(&mut self.means, key, &message, &flow, reach);
                    }
                    return;
                }
                self.with_leg(leg, |leg, means| leg.handle_response(means, key, message, flow));
            }
            Some(ClientUse::Request(leg)) => {
                let leg = *leg;
                self.with_leg(leg, |leg, means| leg.handle_response(means, key, message, flow));
            }
            Some(ClientUse::Notify(tag)) => {
                let tag = *tag;
                self.notify_answered(key, tag, &message);
            }
            Some(ClientUse::Message(instance)) => {
                let instance = *instance;
                self.message_answered(key, instance, &message);
            }
            Some(ClientUse::KeepAlive(_)) => {
                if message.status().is_some_and(|status| status.is_final()) {
                    self.keep_alive_answered(key, true);
                }
            }
            Some(ClientUse::Registration) => {
                if message.status().is_some_and(|status| status.is_final()) {
                    let trunk = self.registering.handle_response(&mut self.means, key, &message, &flow);
                    self.tell_trunk(trunk);
                }
            }
            Some(ClientUse::Probe) => {
                if let Some(status) = message.status().filter(|status| status.is_final()) {
                    let trunk = self.probing.handle_answered(&mut self.means, key, Some(status));
                    self.tell_switches(trunk);
                }
            }
            Some(ClientUse::Nobody) | None => {}
        }
    }

    fn handle_unanswered(&mut self, key: ClientKey, kind: CauseKind) {
        match self.means.clients.get(&key) {
            Some(ClientUse::Invite { leg, .. } | ClientUse::Request(leg)) => {
                let leg = *leg;
                self.with_leg(leg, |leg, means| leg.handle_unanswered(means, key, kind));
            }
            Some(ClientUse::Notify(tag)) => {
                let tag = *tag;
                self.notify_unanswered(key, tag);
            }
            Some(ClientUse::Message(instance)) => {
                let instance = *instance;
                self.message_unanswered(key, instance);
            }
            Some(ClientUse::KeepAlive(_)) => self.keep_alive_answered(key, false),
            Some(ClientUse::Probe) => {
                let trunk = self.probing.handle_answered(&mut self.means, key, None);
                self.tell_switches(trunk);
            }
            Some(ClientUse::Registration) => {
                let trunk = self.registering.handle_unanswered(&mut self.means, key, kind);
                self.tell_trunk(trunk);
            }
            Some(ClientUse::Nobody) | None => {}
        }
    }

    /// A contact answered its keep-alive, or did not.
    fn keep_alive_answered(&mut self, key: ClientKey, answered: bool) {
        // Once: a further response finds nothing here.
        let Some(ClientUse::KeepAlive(watched)) = self.means.clients.insert(key, ClientUse::Nobody) else { return };
        let (account, uri, sent) = *watched;
        let latency: Option<Duration> = answered.then(|| self.means.now.instant.since(sent));
        let changed = self.keep_alives.answered(&mut self.means, &mut self.bindings, (account, uri), latency);
        if let Some(account) = changed {
            self.tell_registration(&account, &[]);
            self.follow_at_home(&account, &[]);
        }
    }
}
