//! What is to be thought of the signatures that a call came with (RFC 8224 §6.2, RFC 8588 §6, RFC 8946 §5).

use super::certificate::SignerCertificate;
use super::passport::{Named, Passport, Ppt, Signed};
use crate::limits::IDENTITIES_MAX;
use router::ShortText;
use router::parameter::{CallerVerdict, SignatureFault, Verstat};
use router::time::WallTime;
use std::sync::Arc;

/// What a call says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stated<'a> {
    /// Who calls, by any of the ways in which it says so: digits of E.164.
    pub callers: &'a [String],
    /// Who is called: the same.
    pub called: &'a [String],
    /// Now.
    pub now: WallTime,
    /// How old a signature may be, and how far of the future, seconds.
    pub age_max: u32,
}

/// The verdict on a call's signatures; `certificate` is who signs with what stands there.
pub fn judge(
    signed: &[Signed],
    stated: &Stated<'_>,
    certificate: impl Fn(&str) -> Result<Arc<SignerCertificate>, SignatureFault>,
) -> CallerVerdict {
    let of = |ppt: Ppt| signed.iter().filter(move |one| one.passport.ppt == ppt);
    // RFC 8224 §6.2: several may have signed, and whoever trusts one of them need not know the others.
    let mut fault = None;
    for first in of(Ppt::Shaken).chain(of(Ppt::Plain)) {
        match follow(signed, first, stated, &certificate) {
            Ok(()) => {
                return CallerVerdict {
                    verstat: Verstat::Passed,
                    attestation: first.passport.attestation,
                    origid: first.passport.origid.as_deref().map(ShortText::from),
                    fault: None,
                };
            }
            Err(why) => fault = fault.or(Some(why)),
        }
    }
    match fault {
        Some(fault) => CallerVerdict::failed(fault),
        None if signed.is_empty() => CallerVerdict::none(),
        // Who sent the call on signs for nobody's number.
        None => CallerVerdict::failed(SignatureFault::Unsupported),
    }
}

/// Whether what costs nothing to look at speaks for a signature: else its certificate need not be fetched.
pub fn may_hold(one: &Signed, stated: &Stated<'_>) -> bool {
    is_fresh(&one.passport, stated).is_ok()
        && matches!(&one.passport.orig, Named::Number(orig) if stated.callers.contains(orig))
}

/// From who called first, over each who sent the call on, to who is called now.
fn follow(
    signed: &[Signed],
    first: &Signed,
    stated: &Stated<'_>,
    certificate: &impl Fn(&str) -> Result<Arc<SignerCertificate>, SignatureFault>,
) -> Result<(), SignatureFault> {
    let Named::Number(orig) = &first.passport.orig else { return Err(SignatureFault::OtherCaller) };
    if !stated.callers.contains(orig) {
        return Err(SignatureFault::OtherCaller);
    }
    let mut at = first;
    for _ in 0..IDENTITIES_MAX {
        // What costs least is looked at first.
        is_fresh(&at.passport, stated)?;
        let who = certificate(&at.passport.x5u)?;
        if stated.now >= who.until() {
            return Err(SignatureFault::Untrusted);
        }
        if !who.has_signed(&at.text, &at.signature) {
            return Err(SignatureFault::Forged);
        }
        let signs_for = match &at.passport.div {
            Some(Named::Number(number)) => Some(number),
            Some(Named::Uri(_)) => None,
            None => Some(orig),
        };
        if !signs_for.is_some_and(|number| who.covers(number)) {
            return Err(SignatureFault::Untrusted);
        }
        let is_for = |named: &Named| matches!(named, Named::Number(number) if stated.called.contains(number));
        if at.passport.dest.iter().any(is_for) {
            return Ok(());
        }
        // RFC 8946 §5: who sent it on has signed for the same caller, and was called itself.
        let goes_on = |one: &&Signed| {
            let Passport { ppt, orig, div, .. } = &one.passport;
            *ppt == Ppt::Div
                && *orig == first.passport.orig
                && div.as_ref().is_some_and(|div| at.passport.dest.contains(div))
        };
        at = signed.iter().find(goes_on).ok_or(SignatureFault::OtherCallee)?;
    }
    Err(SignatureFault::OtherCallee)
}

/// RFC 8224 §6.2.3.
fn is_fresh(passport: &Passport, stated: &Stated<'_>) -> Result<(), SignatureFault> {
    let now = stated.now.0 / 1_000_000;
    match now.abs_diff(passport.iat) <= u64::from(stated.age_max) {
        true => Ok(()),
        false => Err(SignatureFault::Stale),
    }
}

#[cfg(test)]
mod tests;
