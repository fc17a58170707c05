//! What goes wrong in offer/answer, who is at fault, and what to tell the peer.

use super::parse::ParseError;

/// Why an input to the offer/answer machine was refused. The machine's state is what it was before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferAnswerError {
    /// The peer's text is no session description.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// The peer offers while our own offer is unanswered (RFC 3261 §14.2, RFC 3311 §5.2).
    #[error("an offer met an offer of ours")]
    Glare,
    /// The peer offers while its former offer is unanswered.
    #[error("an offer before the former one was answered")]
    OfferPending,
    /// Nothing of the offer can be served, or nothing that we can serve is left of it.
    #[error("not acceptable: {0}")]
    NotAcceptable(Unacceptable),
    /// The peer answers, and we have offered nothing.
    #[error("an answer without an offer")]
    UnexpectedAnswer,
    /// The peer's final response has no answer, nor had an earlier one.
    #[error("the answer is missing")]
    AnswerMissing,
    /// The peer's answer does not fit the offer.
    #[error("the answer does not fit the offer: {0}")]
    AnswerMismatch(AnswerFault),
    /// What we were asked to do cannot be done.
    #[error("local: {0}")]
    Local(LocalFault),
}

/// What is missing from an offer that cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unacceptable {
    /// It has no stream that is to be used.
    #[error("no stream")]
    Stream,
    /// None of its streams is voice.
    #[error("no stream of a served kind")]
    Kind,
    /// No voice stream has a transport that is served.
    #[error("no served transport")]
    Transport,
    /// No such stream has an address that can be sent to.
    #[error("no usable address")]
    Address,
    /// A secure stream has no keys that can be served.
    #[error("no usable keys")]
    Keys,
    /// None is secure, and it must be.
    #[error("media in the clear")]
    Plain,
    /// None names ways that can be checked, and they must be.
    #[error("no ways to check")]
    Ways,
    /// No such stream has a codec in common.
    #[error("no codec in common")]
    Codec,
}

/// How an answer fails its offer (RFC 3264 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// More media sections than the offer.
    #[error("more streams than were offered")]
    TooManyStreams,
    /// A section of another kind than the offered one.
    #[error("a stream of another kind than offered")]
    Kind,
    /// No key, or none that answers one of ours.
    #[error("no key for a secure stream")]
    Keys,
    /// No ways that can be checked, where they must be.
    #[error("no ways to check")]
    Ways,
    /// A section of another transport than the offered one.
    #[error("a stream of another transport than offered")]
    Transport,
}

/// What a caller of the machine did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocalFault {
    /// To offer while an offer is pending.
    #[error("an offer is pending")]
    OfferPending,
    /// To answer without an offer.
    #[error("no offer to answer")]
    NoOffer,
    /// To repeat, or to send again, what was never agreed.
    #[error("nothing was agreed")]
    NothingAgreed,
    /// To offer no stream that can be served.
    #[error("no stream to offer")]
    NothingOffered,
    /// More streams than the bound, or, in an answer, than were offered.
    #[error("too many streams")]
    TooManyStreams,
    /// A stream to be received at an unspecified address.
    #[error("an unspecified address")]
    Address,
    /// To offer to who must be secured, where keys may not be sent.
    #[error("media has to be secure, and keys may not be sent over this transport")]
    Unprotected,
    /// A kind or transport that is no token.
    #[error("a kind or transport that cannot be written")]
    NotAToken,
}

/// Who is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The peer broke a rule.
    PeerMisbehaved,
    /// The peer keeps the rules, and shares nothing with us.
    PeerIncompatible,
    /// Nobody: two crossed.
    Crossed,
    /// We.
    Local,
}

impl OfferAnswerError {
    /// Who is at fault.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Malformed(_)
            | Self::OfferPending
            | Self::UnexpectedAnswer
            | Self::AnswerMissing
            | Self::AnswerMismatch(_) => Blame::PeerMisbehaved,
            Self::NotAcceptable(_) => Blame::PeerIncompatible,
            Self::Glare => Blame::Crossed,
            Self::Local(_) => Blame::Local,
        }
    }

    /// The status for a request that carried the offer; `None` where an answer was at fault, which no status can tell:
    /// acknowledge, then BYE (RFC 3261 §13.2.2.4).
    ///
    /// 500 to [`Self::OfferPending`] takes a `Retry-After` of 0 to 10 seconds, chosen at random (RFC 3261 §14.2).
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Malformed(_) => Some(400),
            Self::Glare => Some(491),
            Self::OfferPending | Self::Local(_) => Some(500),
            Self::NotAcceptable(_) => Some(488),
            Self::UnexpectedAnswer | Self::AnswerMissing | Self::AnswerMismatch(_) => None,
        }
    }

    /// The code and text for the `Warning` that a 488 carries (RFC 3261 §20.43).
    pub fn warning(&self) -> Option<(u16, &'static str)> {
        match self {
            Self::NotAcceptable(Unacceptable::Stream | Unacceptable::Kind) => Some((304, "Media type not available")),
            Self::NotAcceptable(Unacceptable::Transport) => Some((302, "Incompatible transport protocol")),
            Self::NotAcceptable(Unacceptable::Address) => Some((301, "Incompatible network address formats")),
            Self::NotAcceptable(Unacceptable::Keys) => Some((399, "No usable keys for SRTP")),
            Self::NotAcceptable(Unacceptable::Plain) => Some((399, "Media has to be secure")),
            Self::NotAcceptable(Unacceptable::Ways) => Some((399, "ICE is required")),
            Self::NotAcceptable(Unacceptable::Codec) => Some((305, "Incompatible media format")),
            _ => None,
        }
    }
}

impl From<LocalFault> for OfferAnswerError {
    fn from(fault: LocalFault) -> Self {
        Self::Local(fault)
    }
}
