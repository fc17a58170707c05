//! Whether the caller's number is signed for, where a trunk is asked for that (RFC 8224 §6.2): before the switch hears of the call. What is
//! to be fetched for it is waited for; nothing else waits.

use super::identity::number_in;
use super::invite_server::{CALL_WITHIN, Incoming};
use super::leg::{Head, Purpose, State, Timer};
use super::means::Means;
use crate::identity::passport::{self, Named, Signed};
use crate::identity::verdict::{self, judge};
use crate::identity::{Verification, place_of};
use crate::limits::{IDENTITIES_MAX, SIGNER_WITHIN};
use crate::message::{Header, Message, StatusCode};
use crate::messaging::parse_date;
use router::parameter::{
    Call, CallIdentity, CallerVerdict, Cause, CauseKind, Failure, Parameter, SignatureFault, Verstat,
};
use router::{Command, Instance, Parameters};
use std::cell::RefCell;
use std::sync::Arc;

/// A call that the switch is not asked for yet.
#[derive(Debug)]
pub(super) struct Held {
    /// What it is to be asked.
    wanted: Parameters,
    verification: Verification,
    signed: Vec<Signed>,
    /// Of signatures that could not be read: what is wrong with the first.
    fault: Option<SignatureFault>,
    callers: Vec<String>,
    called: Vec<String>,
}

/// What is done with the signatures of calls from that peer.
pub(super) fn verification(means: &Means, head: &Head) -> Verification {
    head.trunk().map_or(Verification::Never, |trunk| means.trunks.get(trunk).config.identity.verification)
}

impl Held {
    /// A call whose signatures are looked at.
    pub(super) fn new(means: &Means, head: &Head, invite: &Message, wanted: Parameters) -> Self {
        let settings = &means.config.identity;
        let form = head.trunk().map(|trunk| means.trunks.get(trunk).config.identity.numbers).unwrap_or_default();
        // What is signed is to be who is shown (RFC 8224 §6.2), or a number that nobody has signed would be shown as verified. Of a caller who is shown
        // to nobody it is whom the peer asserts.
        let call = wanted.iter().find_map(|parameter| match parameter {
            Parameter::Call(call) => Some(call),
            _ => None,
        });
        let asserted = || {
            let asserted = invite.asserted_identities().take(2).filter_map(Result::ok);
            let numbers = asserted
                .filter_map(|address| number_in(address.uri()).or_else(|| address.uri().user().map(str::to_owned)));
            numbers.filter_map(|number| settings.digits(&number, form)).collect::<Vec<_>>()
        };
        let callers = match call {
            Some(call) if !call.anonymous => settings.digits(call.caller.user(), form).into_iter().collect(),
            _ => asserted(),
        };
        let to = invite.to().ok();
        let uris = [to.as_ref().map(|to| to.uri()), invite.request_uri().ok()].into_iter().flatten();
        let called = uris.filter_map(|uri| {
            let number = number_in(uri).or_else(|| uri.user().map(str::to_owned))?;
            settings.digits_or_service(&number, form)
        });
        let called: Vec<_> = called.collect();
        let date = invite.text(Header::Date).and_then(parse_date);
        let stated = passport::Stated {
            orig: callers.first().cloned().map(Named::Number),
            dest: called.first().cloned().map(Named::Number),
            date: date.map(|date| date.0 / 1_000_000),
        };
        let (mut signed, mut fault) = (Vec::new(), None);
        for line in invite.lines(Header::Identity).take(IDENTITIES_MAX) {
            let text = std::str::from_utf8(line).map_err(|_| SignatureFault::Malformed);
            match text.and_then(|text| passport::read(text, &stated)) {
                Ok(one) => signed.push(one),
                Err(why) => fault = fault.or(Some(why)),
            }
        }
        Self { wanted, verification: verification(means, head), signed, fault, callers, called }
    }

    /// What is to be thought of them. `None`: a certificate is waited for.
    fn weigh(&self, means: &mut Means, head: &Head, gives_up: bool) -> Option<CallerVerdict> {
        let (leg, trunk) = (head.instance, head.trunk());
        if self.signed.is_empty() {
            return Some(self.fault.map_or(CallerVerdict::none(), CallerVerdict::failed));
        }
        let (now, config) = (means.now, Arc::clone(&means.config));
        let settings = &config.identity;
        let stated = verdict::Stated {
            callers: &self.callers,
            called: &self.called,
            now: now.wall,
            age_max: settings.age_max_s,
        };
        let mut waits = false;
        for one in self.signed.iter().filter(|one| verdict::may_hold(one, &stated)) {
            let url = one.passport.x5u.as_str();
            let may = place_of(url, &settings.repositories).is_some();
            if !gives_up && may && means.repository.look(now.instant, url).is_none() {
                waits |= means.repository.waits(url, leg) || means.repository.ask(url, leg, trunk);
            }
        }
        if waits {
            return None;
        }
        let repository = RefCell::new(&mut means.repository);
        Some(judge(&self.signed, &stated, |url| {
            let known = repository.borrow_mut().look(now.instant, url);
            known.unwrap_or(Err(SignatureFault::NoCertificate))
        }))
    }
}

impl Incoming {
    /// Weighs what the call is signed with, and goes on with it, unless a certificate is waited for still.
    pub(super) fn weigh(mut self: Box<Self>, head: &mut Head, means: &mut Means, gives_up: bool) -> State {
        let Some(held) = self.held.take() else { return State::Incoming(self) };
        let Some(verdict) = held.weigh(means, head, gives_up) else {
            if !head.has_timer(Timer::Certificate) {
                head.set_timer(means, Timer::Certificate, SIGNER_WITHIN);
            }
            self.held = Some(held);
            return State::Incoming(self);
        };
        means.repository.forget(head.instance);
        head.cancel_timer(means, Timer::Certificate);
        means.counters.verified(verdict.verstat);
        let Held { mut wanted, verification, .. } = *held;
        let refused = refusal(verification, &verdict);
        if let Some(Parameter::Call(call)) = wanted.first_mut() {
            let is_urgent = means.config.emergency.is_emergency(call.called.user());
            let identity = call.identity.get_or_insert_default();
            identity.verdict = Some(verdict);
            if let Some((status, phrase)) = refused.filter(|_| !is_urgent) {
                return self.refuse_unsigned(means, head, wanted, status, phrase);
            }
        }
        head.request(means, Command::Start, wanted, CALL_WITHIN, Purpose::Call);
        State::Incoming(self)
    }

    /// RFC 8224 §6.2.2.
    fn refuse_unsigned(
        self: Box<Self>,
        means: &mut Means,
        head: &mut Head,
        wanted: Parameters,
        status: u16,
        phrase: &'static str,
    ) -> State {
        let cause = Cause { text: Some(phrase.to_owned()), ..Cause::new(CauseKind::Forbidden) };
        tell_refused(means, wanted, cause);
        self.answer_refused(means, head, StatusCode::new(status).unwrap_or(StatusCode::FORBIDDEN), phrase)
    }

    /// Its caller has given up before the switch heard of it.
    pub(super) fn held_cancelled(&mut self, head: &Head, means: &mut Means, cause: &Cause) -> bool {
        let Some(held) = self.held.take() else { return false };
        means.repository.forget(head.instance);
        tell_refused(means, held.wanted, cause.clone());
        true
    }
}

/// Tells the switch of a call that it will not be asked for.
fn tell_refused(means: &mut Means, wanted: Parameters, cause: Cause) {
    let Some(Parameter::Call(call)) = wanted.into_iter().next() else { return };
    let call = Call { media: None, ..*call };
    let told: Parameters = [Parameter::from(call), Failure::because(cause).into()].into_iter().collect();
    let switch = means.switch();
    means.outbox.notify(Instance::MODULE, switch, told);
}

/// Whether a call with that verdict is refused, and how (RFC 8224 §6.2.2).
const fn refusal(verification: Verification, verdict: &CallerVerdict) -> Option<(u16, &'static str)> {
    match (verification, verdict.verstat, verdict.fault) {
        (Verification::Never | Verification::Told, ..) | (_, Verstat::Passed, _) => None,
        (Verification::Valid, Verstat::None, _) => None,
        (Verification::Required, Verstat::None, _) => Some((428, "Use Identity Header")),
        (_, Verstat::Failed, fault) => Some(match fault {
            Some(SignatureFault::Stale) => (403, "Stale Date"),
            Some(SignatureFault::NoCertificate) => (436, "Bad Identity Info"),
            Some(SignatureFault::Untrusted | SignatureFault::Unsupported) => (437, "Unsupported Credential"),
            _ => (438, "Invalid Identity Header"),
        }),
    }
}

/// What a call has of identity beside what its INVITE said.
pub(super) fn verdict_of(identity: Option<&CallIdentity>) -> Option<Verstat> {
    identity?.verdict.as_ref().map(|verdict| verdict.verstat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_and_how() {
        use SignatureFault::{
            Forged, Malformed, NoCertificate, OtherCallee, OtherCaller, Stale, Unsupported, Untrusted,
        };
        let status = |verification, verdict: &CallerVerdict| refusal(verification, verdict).map(|(status, _)| status);
        let none = CallerVerdict::none();
        let passed = CallerVerdict { verstat: Verstat::Passed, ..CallerVerdict::none() };
        for verification in [Verification::Never, Verification::Told, Verification::Valid, Verification::Required] {
            assert_eq!(status(verification, &passed), None);
        }
        assert_eq!(status(Verification::Valid, &none), None);
        assert_eq!(status(Verification::Required, &none), Some(428));
        for (fault, expected) in [
            (Stale, 403),
            (NoCertificate, 436),
            (Untrusted, 437),
            (Unsupported, 437),
            (Malformed, 438),
            (Forged, 438),
            (OtherCaller, 438),
            (OtherCallee, 438),
        ] {
            let failed = CallerVerdict::failed(fault);
            assert_eq!(status(Verification::Told, &failed), None);
            assert_eq!(status(Verification::Valid, &failed), Some(expected), "{fault:?}");
            assert_eq!(status(Verification::Required, &failed), Some(expected), "{fault:?}");
        }
    }
}
