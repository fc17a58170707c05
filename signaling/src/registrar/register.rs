//! What a REGISTER asks for (RFC 3261 §10.2, §10.3).

use crate::limits::CONTACTS_PER_REGISTER_MAX;
use crate::message::{Defect, Header, Message, StatusCode};
use router::Private;
use router::time::Duration;

/// How long bindings last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExpiryLimits {
    /// Shorter ones are refused with 423, unless they remove.
    pub min: Duration,
    /// Where none is asked for.
    pub default: Duration,
    /// Longer ones are cut to this.
    pub max: Duration,
}

impl Default for ExpiryLimits {
    fn default() -> Self {
        Self { min: Duration::from_secs(60), default: Duration::from_secs(3600), max: Duration::from_secs(7200) }
    }
}

/// One contact of a REGISTER.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestedContact {
    /// Its URI as written.
    pub uri: Private<String>,
    /// For how long; zero removes it.
    pub expires: Duration,
    /// Its preference in thousandths.
    pub q_thousandths: u16,
}

/// What to do with the bindings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Only tell them.
    Query,
    /// Remove all (`Contact: *` with `Expires: 0`).
    RemoveAll,
    /// Add, refresh, remove these.
    Update(Vec<RequestedContact>),
}

/// A REGISTER, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requested {
    /// What to do.
    pub wanted: Wanted,
    /// Its Call-ID.
    pub call_id: String,
    /// Its CSeq number.
    pub cseq: u32,
    /// `Path` (RFC 3327), first hop first.
    pub path: Vec<Private<String>>,
    /// The phone's User-Agent.
    pub user_agent: Option<String>,
}

/// Why a REGISTER is not served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// A broken header.
    Defect(Defect),
    /// `*` beside other contacts, or with an expiry (RFC 3261 §10.2.2).
    Wildcard,
    /// More contacts than one account may have.
    TooManyContacts,
    /// Too short an expiry: 423 with Min-Expires.
    TooBrief(Duration),
    /// An older request of the same Call-ID (RFC 3261 §10.3 step 7).
    OutOfOrder,
    /// A contact that is no SIP URI.
    UnsupportedContact,
}

impl Refusal {
    /// The status and reason that tell it.
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Defect(defect) => (defect.status(), "Bad Contact, Expires or Path"),
            Self::Wildcard => (StatusCode::BAD_REQUEST, "Contact * Goes Alone And With Expires 0"),
            Self::TooManyContacts => (StatusCode::FORBIDDEN, "Too Many Contacts"),
            Self::TooBrief(_) => (StatusCode::INTERVAL_TOO_BRIEF, "Interval Too Brief"),
            Self::OutOfOrder => (StatusCode::SERVER_INTERNAL_ERROR, "CSeq Out Of Order"),
            Self::UnsupportedContact => (StatusCode::BAD_REQUEST, "Contact Is No SIP URI"),
        }
    }
}

impl Requested {
    /// Reads a REGISTER.
    pub fn of(message: &Message, limits: &ExpiryLimits) -> Result<Self, Refusal> {
        let default = match message.expires().map_err(Refusal::Defect)? {
            Some(seconds) => Duration::from_secs(u64::from(seconds)),
            None => limits.default,
        };
        let wanted = if message.contact_is_star() {
            if message.values(Header::Contact).count() > 1
                || !default.is_zero()
                || message.header(Header::Expires).is_none()
            {
                return Err(Refusal::Wildcard);
            }
            Wanted::RemoveAll
        } else {
            let mut contacts = Vec::new();
            for contact in message.contacts() {
                let contact = contact.map_err(Refusal::Defect)?;
                if contacts.len() >= CONTACTS_PER_REGISTER_MAX {
                    return Err(Refusal::TooManyContacts);
                }
                let uri = contact.uri();
                if !uri.scheme().is_sip() {
                    return Err(Refusal::UnsupportedContact);
                }
                let expires = contact.expires().map_or(default, |seconds| Duration::from_secs(u64::from(seconds)));
                if !expires.is_zero() && expires < limits.min {
                    return Err(Refusal::TooBrief(limits.min));
                }
                contacts.push(RequestedContact {
                    uri: Private::new(uri.as_str().to_owned()),
                    expires: expires.min(limits.max),
                    q_thousandths: contact.q().unwrap_or(1000).min(1000),
                });
            }
            if contacts.is_empty() { Wanted::Query } else { Wanted::Update(contacts) }
        };
        let mut path = Vec::new();
        for hop in message.paths() {
            path.push(Private::new(String::from_utf8_lossy(hop.map_err(Refusal::Defect)?.raw()).into_owned()));
        }
        Ok(Self {
            wanted,
            call_id: message.call_id().map_err(Refusal::Defect)?.to_owned(),
            cseq: message.cseq().map_err(Refusal::Defect)?.number,
            path,
            user_agent: message.text(Header::UserAgent).map(|text| text.chars().take(128).collect()),
        })
    }
}
