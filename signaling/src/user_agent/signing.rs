//! Calls that are signed on their way out (RFC 8224 §4.1), and what a callee is told of the signature that a call came with.

use super::leg::Head;
use super::means::Means;
use super::verifying::verdict_of;
use crate::identity::Claims;
use crate::message::Header;
use router::parameter::{CallIdentity, Party, Passed};

/// What a leg says of who calls and who is called.
pub(super) struct Said<'a> {
    pub(super) caller: &'a Party,
    pub(super) called: &'a Party,
    /// Whether the peer is not told the caller's number: then no signature tells it either.
    pub(super) is_hidden: bool,
    pub(super) passed: &'a [Passed],
}

/// The value of Identity. `None`: calls to that peer are not signed, or this one cannot be: only numbers of the public network are.
pub(super) fn sign(means: &Means, head: &Head, identity: &CallIdentity, said: &Said<'_>) -> Option<String> {
    let attested = identity.attested.as_ref()?;
    let config = &means.trunks.get(head.trunk()?).config;
    let settings = &means.config.identity;
    let signer = settings.signer.as_ref().filter(|_| config.identity.signs && !said.is_hidden)?;
    // RFC 8224 §4.1: whoever signed before knew more of the caller.
    let is_identity = |one: &Passed| one.name.eq_ignore_ascii_case(Header::Identity.as_str());
    if said.passed.iter().any(is_identity) && config.headers.passes(Header::Identity.as_str()) {
        return None;
    }
    let form = config.identity.numbers;
    let orig = settings.digits(without_parameters(said.caller.user()), form)?;
    let dest = settings.digits_or_service(without_parameters(said.called.user()), form)?;
    signer.sign(&Claims {
        orig: &orig,
        dest: &dest,
        attestation: attested.attestation,
        origin: attested.origin.reveal(),
        secret: means.config.secret.reveal(),
        now: means.now.wall.0 / 1_000_000,
    })
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
