//! Calls that are signed on their way out (RFC 8224 §4.1), and what a callee is told of the signature that a call came with.

use super::leg::Head;
use super::means::Means;
use super::verifying::verdict_of;
use crate::identity::Claims;
use crate::message::Header;
use router::parameter::{CallIdentity, Party, Passed, Verstat};

/// What a leg says of who calls and who is called.
pub(super) struct Said<'a> {
    pub(super) caller: &'a Party,
    pub(super) called: &'a Party,
    /// Whether the peer is not told the caller's number: then no signature tells it either.
    pub(super) is_hidden: bool,
    pub(super) passed: &'a [Passed],
}

/// The values of Identity. None: calls to that peer are not signed, or this one cannot be: only numbers of the public network are.
///
/// A call that was sent on here is signed for whom it was for first, as SHAKEN has it, and then from each who sent it on to the next (RFC 8946 §3):
/// whoever verifies it follows from the one to the other. What it came signed with, where that passes, takes the place of the first.
pub(super) fn sign(means: &Means, head: &Head, identity: &CallIdentity, said: &Said<'_>) -> Vec<String> {
    signatures(means, head, identity, said).unwrap_or_default()
}

fn signatures(means: &Means, head: &Head, identity: &CallIdentity, said: &Said<'_>) -> Option<Vec<String>> {
    let attested = identity.attested.as_ref()?;
    let config = &means.trunks.get(head.trunk()?).config;
    let settings = &means.config.identity;
    let signer = settings.signer.as_ref().filter(|_| config.identity.signs && !said.is_hidden)?;
    // RFC 8224 §4.1: whoever signed before knew more of the caller.
    let is_identity = |one: &Passed| one.name.eq_ignore_ascii_case(Header::Identity.as_str());
    let is_signed = said.passed.iter().any(is_identity) && config.headers.passes(Header::Identity.as_str());
    // RFC 8946 §4.1: a signature that does not hold is nothing to go on from.
    let is_broken = identity.verdict.as_ref().is_some_and(|verdict| verdict.verstat == Verstat::Failed);
    if is_signed && is_broken {
        return None;
    }
    let form = config.identity.numbers;
    let orig = settings.digits(without_parameters(said.caller.user()), form)?;
    let dest = settings.digits_or_service(without_parameters(said.called.user()), form)?;
    let now = means.now.wall.0 / 1_000_000;
    let here = identity.diversions.len().saturating_sub(identity.diverted_here.into());
    let made_here = identity.diversions.get(here..).unwrap_or_default();
    // Extensions and names stand in no signature: who is called by such is called by nobody out there.
    let mut called: Vec<String> =
        made_here.iter().filter_map(|one| settings.digits(without_parameters(one.by.user()), form)).collect();
    called.push(dest);
    called.dedup();
    let mut values = Vec::with_capacity(called.len());
    if !is_signed {
        values.push(signer.sign(&Claims {
            orig: &orig,
            dest: called.first()?,
            attestation: attested.attestation,
            origin: attested.origin.reveal(),
            secret: means.config.secret.reveal(),
            now,
        })?);
    }
    for pair in called.windows(2) {
        let [div, dest] = pair else { break };
        values.push(signer.sign_diversion(&orig, div, dest, now)?);
    }
    Some(values)
}

fn without_parameters(number: &str) -> &str {
    number.split(';').next().unwrap_or_default()
}

/// Puts what was found of the caller's number behind it (3GPP TS 24.229 §7.2A.20), for a peer that is told so.
pub(super) fn write_verstat(means: &Means, head: &Head, identity: Option<&CallIdentity>, caller: &mut Party) {
    let Some(verstat) = verdict_of(identity) else { return };
    let tells = match head.trunk() {
        Some(trunk) => means.trunks.get(trunk).config.identity.verstat,
        None => means.config.identity.accounts_verstat,
    };
    let number = without_parameters(caller.user());
    let digits = number.strip_prefix('+').unwrap_or(number);
    if tells && !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        caller.user = format!("{};verstat={}", caller.user(), verstat.name()).into();
    }
}
