//! What is told of who calls beside the name: who sent the call on to here, and whether somebody has signed the number.

use super::party::Party;
use crate::limits::{DIVERSIONS, DIVERSIONS_COUNTED};
use crate::private::Private;
use crate::short_text::ShortText;
use minicbor::{Decode, Encode};

/// What a call or leg has of this; most have nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct CallIdentity {
    /// Who sent the call on, the first one first.
    #[n(0)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub diversions: Vec<Diversion>,
    /// What was found of the signature that the call came with, where its trunk is asked for one.
    #[n(1)]
    pub verdict: Option<CallerVerdict>,
    /// Of a leg to a trunk where calls are signed: how far this platform answers for the caller's number.
    #[n(2)]
    pub attested: Option<Attested>,
    /// Beside that: how many of the diversions, the last ones, this platform has made, so that it answers for them.
    #[n(3)]
    #[cbor(default, skip_if = "is_zero")]
    pub diverted_here: u8,
}

fn is_zero(count: &u8) -> bool {
    *count == 0
}

impl CallIdentity {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        self.diversions.is_empty() && self.verdict.is_none() && self.attested.is_none()
    }
}

/// Somebody whose call was sent on (RFC 5806, RFC 7044).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Diversion {
    /// Who it was for.
    #[n(0)]
    pub by: Party,
    /// Why it was sent on.
    #[n(1)]
    pub cause: DiversionCause,
    /// For how many such turns this one stands; those beyond the first are not known any more.
    #[n(2)]
    pub count: u8,
    /// Whether `by` asked not to be shown.
    #[n(3)]
    pub private: bool,
}

/// Of a list of diversions as many as may cross the router: the first ones and the last, who tell most; the last of those kept at the
/// front counts the ones that are left out.
pub fn bounded(mut diversions: Vec<Diversion>) -> Vec<Diversion> {
    while diversions.len() > DIVERSIONS {
        let merged = diversions.remove(DIVERSIONS / 2);
        let before = &mut diversions[DIVERSIONS / 2 - 1];
        before.count = before.count.saturating_add(merged.count);
    }
    diversions
}

/// Whether a call has been sent on so often that it is not to be sent on again: somebody sends it in a circle.
pub fn is_exhausted(diversions: &[Diversion]) -> bool {
    diversions.iter().map(|diversion| usize::from(diversion.count.max(1))).sum::<usize>() >= DIVERSIONS_COUNTED
}

/// Why a call was sent on: the reasons of RFC 5806 §4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum DiversionCause {
    /// Nobody says.
    #[n(1)]
    Unknown,
    /// Busy.
    #[n(2)]
    UserBusy,
    /// It rang, and nobody answered.
    #[n(3)]
    NoAnswer,
    /// Not reached.
    #[n(4)]
    Unavailable,
    /// Always.
    #[n(5)]
    Unconditional,
    /// At this time of the day.
    #[n(6)]
    TimeOfDay,
    /// Not to be disturbed.
    #[n(7)]
    DoNotDisturb,
    /// The callee decided so when the call came.
    #[n(8)]
    Deflection,
    /// The callee is somewhere else.
    #[n(9)]
    FollowMe,
    /// Out of order.
    #[n(10)]
    OutOfService,
    /// Away.
    #[n(11)]
    Away,
}

impl DiversionCause {
    /// Every cause, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Unknown,
        Self::UserBusy,
        Self::NoAnswer,
        Self::Unavailable,
        Self::Unconditional,
        Self::TimeOfDay,
        Self::DoNotDisturb,
        Self::Deflection,
        Self::FollowMe,
        Self::OutOfService,
        Self::Away,
    ];

    /// The word of RFC 5806 §4.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::UserBusy => "user-busy",
            Self::NoAnswer => "no-answer",
            Self::Unavailable => "unavailable",
            Self::Unconditional => "unconditional",
            Self::TimeOfDay => "time-of-day",
            Self::DoNotDisturb => "do-not-disturb",
            Self::Deflection => "deflection",
            Self::FollowMe => "follow-me",
            Self::OutOfService => "out-of-service",
            Self::Away => "away",
        }
    }
}

/// What a trunk's terminating end says of a caller's number (3GPP TS 24.229 §7.2A.20: `verstat`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Verstat {
    /// It is signed for, and the signature holds.
    #[n(1)]
    Passed,
    /// There is a signature, and it does not hold.
    #[n(2)]
    Failed,
    /// There is none.
    #[n(3)]
    None,
}

impl Verstat {
    /// Every one, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Passed, Self::Failed, Self::None];

    /// As the parameter of a number has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "TN-Validation-Passed",
            Self::Failed => "TN-Validation-Failed",
            Self::None => "No-TN-Validation",
        }
    }
}

/// How far whoever signs answers for the caller's number (RFC 8588 §4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Attestation {
    /// A: the caller is known, and may use the number.
    #[n(1)]
    Full,
    /// B: the caller is known; whether the number is its own is not.
    #[n(2)]
    Partial,
    /// C: the call came from another network.
    #[n(3)]
    Gateway,
}

impl Attestation {
    /// Every one, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Full, Self::Partial, Self::Gateway];

    /// Its letter.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Full => "A",
            Self::Partial => "B",
            Self::Gateway => "C",
        }
    }

    /// That of a letter.
    pub fn of_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.letter() == letter)
    }
}

/// What was found of the signature that a call came with.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CallerVerdict {
    /// In a word.
    #[n(0)]
    pub verstat: Verstat,
    /// How far who signed answers for the number; only of a signature that holds.
    #[n(1)]
    pub attestation: Option<Attestation>,
    /// Where it began, in the words of who signed (`origid`), for who traces calls back; only of a signature that holds.
    #[n(2)]
    pub origid: Option<ShortText>,
    /// What is wrong with it.
    #[n(3)]
    pub fault: Option<SignatureFault>,
}

impl CallerVerdict {
    /// There is no signature.
    pub const fn none() -> Self {
        Self { verstat: Verstat::None, attestation: None, origid: None, fault: None }
    }

    /// It does not hold.
    pub const fn failed(fault: SignatureFault) -> Self {
        Self { verstat: Verstat::Failed, attestation: None, origid: None, fault: Some(fault) }
    }
}

/// Why a signature does not hold (RFC 8224 §6.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum SignatureFault {
    /// It is not written as it has to be, or says something else than its own signed text.
    #[n(1)]
    Malformed,
    /// It is of a kind that is not known here: another algorithm, another type.
    #[n(2)]
    Unsupported,
    /// It is too old, or of the future.
    #[n(3)]
    Stale,
    /// Its certificate could not be had.
    #[n(4)]
    NoCertificate,
    /// Nobody who is trusted answers for its certificate, or it is not in force, or not for that number.
    #[n(5)]
    Untrusted,
    /// It is no signature of what it stands for.
    #[n(6)]
    Forged,
    /// It is for another caller.
    #[n(7)]
    OtherCaller,
    /// It is for another callee.
    #[n(8)]
    OtherCallee,
}

impl SignatureFault {
    /// Every one, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::Unsupported,
        Self::Stale,
        Self::NoCertificate,
        Self::Untrusted,
        Self::Forged,
        Self::OtherCaller,
        Self::OtherCallee,
    ];

    /// What a person reads in a record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::Stale => "stale",
            Self::NoCertificate => "no-certificate",
            Self::Untrusted => "untrusted",
            Self::Forged => "forged",
            Self::OtherCaller => "other-caller",
            Self::OtherCallee => "other-callee",
        }
    }
}

/// How far this platform answers for a caller's number, and on whose behalf the call is made.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Attested {
    /// How far.
    #[n(0)]
    pub attestation: Attestation,
    /// The account or trunk, by name; what others are told of it is no name (`origid`).
    #[n(1)]
    pub origin: Private<ShortText>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(user: &str, count: u8) -> Diversion {
        Diversion { by: Party::new(user, ""), cause: DiversionCause::Unknown, count, private: false }
    }

    #[test]
    fn of_many_diversions_the_first_and_the_last_are_kept_and_the_others_counted() {
        let all: Vec<_> = (0..40).map(|number| by(&number.to_string(), 1)).collect();
        let kept = bounded(all);
        assert_eq!((kept.len(), kept[0].by.user(), kept.last().unwrap().by.user()), (DIVERSIONS, "0", "39"));
        assert_eq!(kept.iter().map(|one| u32::from(one.count)).sum::<u32>(), 40);
        let few = vec![by("1", 1), by("2", 3)];
        assert_eq!(bounded(few.clone()), few);
        let many = bounded((0..40).map(|_| by("x", 255)).collect());
        assert!(many.iter().all(|one| one.count == 255), "a count does not turn over");
    }

    #[test]
    fn a_call_that_was_sent_on_too_often_is_known_by_its_counts() {
        assert!(!is_exhausted(&[by("1", 1), by("2", 1)]));
        assert!(is_exhausted(&[by("1", 200)]));
        assert!(is_exhausted(&vec![by("1", 0); DIVERSIONS_COUNTED]));
    }
}
