//! Invitations of known callers that are refused without asking the switch for a call. The switch is told of each, for its
//! record; who is not known is refused without.

use super::cause::kind_of;
use super::invite_server::Invitation;
use super::means::Means;
use crate::message::{Header, StatusCode};
use router::Instance;
use router::Parameters;
use router::parameter::{Call, Cause, CauseKind, Failure, Parameter};

impl Invitation {
    /// Refuses it. `retry_after`: seconds.
    pub(crate) fn refuse(self, means: &mut Means, status: StatusCode, retry_after: Option<u32>) {
        self.tell_refused(means, status, status.reason());
        let tag = means.mint_tag();
        let mut writer = means.response(&self.message, &self.flow, status, &tag);
        if let Some(seconds) = retry_after {
            writer = writer.header(Header::RetryAfter, seconds);
        }
        let response = writer.finish();
        means.respond(self.key, response);
    }

    /// Tells the switch that it was refused, and with which words.
    pub(crate) fn tell_refused(&self, means: &mut Means, status: StatusCode, words: &str) {
        let kind = match status.code() {
            400 | 416 | 420 | 421 | 505 => CauseKind::PeerMisbehaved,
            _ => kind_of(status),
        };
        let cause = Cause { text: Some(words.to_owned()), ..Cause::new(kind) };
        let id = means.mint_call();
        if let Ok(call_id) = self.message.call_id_owned() {
            means.trace.name(&id, &call_id);
        }
        let call = Call {
            id,
            origin: self.origin.clone(),
            caller: self.caller.clone(),
            anonymous: self.anonymous,
            called: self.called.clone(),
            media: None,
            hops: self.hops,
            interface: self.flow.local.ip(),
            leg_id: self.message.call_id().unwrap_or_default().to_owned(),
            verified: self.verified,
            referred_by: None,
            placement: None,
            path: Vec::new(),
            ring_ms: None,
            passed: None,
            secure: false,
            host: None,
            early_offer: false,
            identity: None,
        };
        let told: Parameters = [Parameter::from(call), Failure::because(cause).into()].into_iter().collect();
        let switch = means.switch();
        means.outbox.notify(Instance::MODULE, switch, told);
    }
}
