//! OPTIONS outside of calls (RFC 3261 §11.2): answered as an INVITE would be, as far as that is known without ringing anybody. The plan
//! is the switch's, so it is asked whither a call would lead; whether somebody's phones are busy they alone know.
//!
//! What asks for the server, or for the asker's own address, is a keep-alive, and always gets 200: a request without a user, one to a
//! Contact of ours that a trunk's registrar has, and one of a phone to its own account.

use super::Signaling;
use super::requests::Requester;
use crate::limits::{DRAINING_RETRY_S, OPTIONS_MAX};
use crate::message::{Header, Message, Scheme, StatusCode};
use crate::transaction::ServerKey;
use crate::transport::Flow;
use crate::user_agent::authentication::dismiss;
use crate::user_agent::cause::status_of_failure;
use crate::user_agent::destination::Whither;
use crate::user_agent::options;
use router::parameter::{Call, Contact, Origin, Parameter, Party};
use router::time::Duration;
use router::{Command, Instance, Packet, Transaction, one};
use std::collections::BTreeMap;

/// How long the switch may take for a look at its plan.
const WITHIN: Duration = Duration::from_secs(2);

/// Those that wait for the switch's word.
#[derive(Debug, Default)]
pub(super) struct Reachability {
    asked: BTreeMap<Transaction, (ServerKey, Message, Flow)>,
}

impl Reachability {
    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }
}

impl Signaling {
    /// An OPTIONS outside of calls.
    pub(super) fn handle_options(&mut self, key: ServerKey, message: Message, flow: Flow) {
        // Phones ask whether their flow is there; trunks, whether they may send calls.
        let leaves = self.draining && self.means.trunk_of(&flow).is_some();
        if self.is_keep_alive(&message, &flow) && !leaves {
            return options::answer(&mut self.means, key, &message, &flow);
        }
        // As an INVITE would be (RFC 3261 §11.2): who asks so whether calls may be sent here is to send them elsewhere.
        if self.draining {
            let retry = [(Header::RetryAfter, DRAINING_RETRY_S.to_string())];
            return dismiss(&mut self.means, key, &message, &flow, StatusCode::SERVICE_UNAVAILABLE, None, &retry);
        }
        let (requester, is_ours) = match (self.trunk_of(&message, &flow), message.request_uri()) {
            // A trunk writes whatever host it knows us by.
            (Some(trunk), _) => (Requester::Trunk(trunk), true),
            (None, Ok(uri)) => {
                let is_ours = uri.scheme() == Scheme::Tel || self.means.config.is_own_host(uri.host());
                let account = self.gate.authenticate(&mut self.means, &self.bindings, key, &message, &flow);
                let Some(account) = account else { return };
                (Requester::Account(account), is_ours)
            }
            (None, Err(_)) => return,
        };
        // RFC 3261 §8.2.2.1.
        if !is_ours {
            return dismiss(&mut self.means, key, &message, &flow, StatusCode::NOT_FOUND, None, &[]);
        }
        let has_user = message.request_uri().is_ok_and(|uri| uri.user().is_some() || !uri.scheme().is_sip());
        let Some(called) = self.called(&message).filter(|_| has_user) else {
            return options::answer(&mut self.means, key, &message, &flow);
        };
        if self.reachability.asked.len() >= OPTIONS_MAX {
            return dismiss(&mut self.means, key, &message, &flow, StatusCode::SERVICE_UNAVAILABLE, None, &[]);
        }
        let origin = match requester {
            Requester::Trunk(trunk) => Origin::Trunk(self.means.trunks.get(trunk).config.name.clone().into()),
            Requester::Account(account) => Origin::Account(account.into()),
        };
        let wanted = Call {
            secure: called.secure,
            id: String::new(),
            caller: Party::new(origin.name(), ""),
            origin,
            anonymous: false,
            called,
            media: None,
            hops: 0,
            interface: flow.local.ip(),
            leg_id: String::new(),
            verified: false,
            referred_by: None,
            placement: None,
            path: Vec::new(),
            ring_ms: None,
            passed: None,
            host: None,
            early_offer: false,
            identity: None,
        };
        let (now, switch) = (self.means.now.instant, self.means.switch());
        let asked = self.means.outbox.request(now, Instance::MODULE, switch, Command::Query, one(wanted), WITHIN);
        self.reachability.asked.insert(asked, (key, message, flow));
    }

    /// Whether somebody known only wants to hear from us.
    fn is_keep_alive(&self, message: &Message, flow: &Flow) -> bool {
        let Ok(uri) = message.request_uri() else { return false };
        let Some(user) = uri.user_decoded() else {
            return uri.scheme().is_sip()
                && (self.means.trunk_of(flow).is_some() || self.bindings.from_remote(flow.remote) > 0);
        };
        self.means.trunks.of_contact(&user).is_some()
            || self.bindings.from_remote(flow.remote) > 0 && self.bindings.is_bound_from(&user, flow.remote)
    }

    /// The switch's word on an OPTIONS. False: it is to something else.
    pub(super) fn reachability_answered(&mut self, packet: &Packet) -> bool {
        let Some((key, message, flow)) = self.reachability.asked.remove(&packet.transaction) else { return false };
        let refusal = match packet.command {
            Command::Done => {
                let accounts = packet.parameters.iter().filter_map(|parameter| match parameter {
                    Parameter::Registration(registration) => Some(registration.account.as_str()),
                    _ => None,
                });
                let secure = message.request_uri().is_ok_and(|uri| uri.scheme() == Scheme::Sips);
                self.unreachable(accounts, secure)
            }
            _ => {
                let failure = packet.failure();
                Some(failure.cause.as_ref().map_or(StatusCode::SERVICE_UNAVAILABLE, |_| status_of_failure(&failure)))
            }
        };
        match refusal {
            Some(status) => self.means.refuse(key, &message, &flow, status),
            None => options::answer(&mut self.means, key, &message, &flow),
        }
        true
    }

    /// Why none of these accounts is reached, or by a secure way where only that is one; none: it does not depend on them.
    fn unreachable<'a>(&self, accounts: impl Iterator<Item = &'a str>, secure: bool) -> Option<StatusCode> {
        let mut refusal = None;
        let leads = |contact: &Contact| {
            Whither::contact(&self.means, contact).and_then(|whither| whither.if_secure(true)).is_ok()
        };
        for account in accounts {
            if self.bindings.is_bound(account) && (!secure || self.bindings.contacts(account).iter().any(leads)) {
                return None;
            }
            let known = self.gate.accounts.get(account).is_some();
            refusal = match (known, refusal) {
                (true, _) => Some(StatusCode::TEMPORARILY_UNAVAILABLE),
                (false, None) => Some(StatusCode::NOT_FOUND),
                (false, refusal) => refusal,
            };
        }
        refusal
    }
}
