//! What a REGISTER asks for (RFC 3261 §10.2, §10.3).

use super::bindings::address_of;
use crate::limits::{CONTACTS_PER_REGISTER_MAX, INSTANCE_OCTETS_MAX, PATH_OCTETS_MAX, ROUTES_MAX};
use crate::message::{Defect, Header, Message, StatusCode, UriRef, unquote};
use router::Private;
use router::parameter::Contact;
use router::time::Duration;
use std::net::IpAddr;

/// What an expiry that is no number counts as: RFC 3261 §10.2.1.1 names an hour.
const MALFORMED_EXPIRES_S: u32 = 3_600;

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
    /// The phone itself (`+sip.instance`), without brackets.
    pub instance: Option<Private<String>>,
    /// Which of its flows.
    pub reg_id: Option<u32>,
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
    /// Whether its contact is a flow of an instance (RFC 5626 §6).
    pub outbound: bool,
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
    /// A flow beside other contacts, or a `reg-id` that is none (RFC 5626 §6).
    Flow,
    /// The proxy that the phone is connected with keeps no flows (RFC 5626 §6).
    FirstHopLacksOutbound,
    /// More proxies between than a request can be sent through, or more octets of them than are kept.
    LongPath,
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
            Self::LongPath => (StatusCode::BAD_REQUEST, "Path Too Long"),
            Self::Flow => (StatusCode::BAD_REQUEST, "A Flow Goes Alone, With A reg-id From 1"),
            Self::FirstHopLacksOutbound => {
                (StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT, "First Hop Lacks Outbound Support")
            }
        }
    }
}

impl Requested {
    /// Reads a REGISTER.
    pub fn of(message: &Message, limits: &ExpiryLimits) -> Result<Self, Refusal> {
        let default = message.header(Header::Expires).map_or(limits.default, expires_of);
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
                let expires = contact.parameter("expires").map_or(default, |text| expires_of(text.as_bytes()));
                if !expires.is_zero() && expires < limits.min {
                    return Err(Refusal::TooBrief(limits.min));
                }
                let instance = contact.parameter("+sip.instance").map(|text| instance_of(&unquote(text)));
                let instance = instance.filter(|text| (1..=INSTANCE_OCTETS_MAX).contains(&text.len()));
                // RFC 5626 §6: without an instance it says nothing.
                let reg_id = match contact.parameter("reg-id").filter(|_| instance.is_some()) {
                    Some(text) => Some(text.parse().ok().filter(|&id| id > 0).ok_or(Refusal::Flow)?),
                    None => None,
                };
                contacts.push(RequestedContact {
                    instance: instance.map(Private::new),
                    reg_id,
                    uri: Private::new(uri.as_str().to_owned()),
                    expires: expires.min(limits.max),
                    q_thousandths: contact.q().unwrap_or(1000).min(1000),
                });
            }
            if contacts.is_empty() { Wanted::Query } else { Wanted::Update(contacts) }
        };
        let flows = match &wanted {
            Wanted::Update(contacts) => contacts.iter().any(|contact| contact.reg_id.is_some()),
            Wanted::Query | Wanted::RemoveAll => false,
        };
        let outbound = flows && message.supports("outbound");
        if outbound {
            if matches!(&wanted, Wanted::Update(contacts) if contacts.len() > 1) {
                return Err(Refusal::Flow);
            }
            // The proxy next to the phone put its Path there first: it is the last.
            let first_hop = message.paths().filter_map(Result::ok).last();
            let keeps_flows = first_hop.is_some_and(|hop| hop.uri().parameters().has("ob"));
            if message.values(Header::Via).count() > 1 && !keeps_flows {
                return Err(Refusal::FirstHopLacksOutbound);
            }
        }
        let mut path = Vec::new();
        let mut octets = 0;
        for hop in message.paths() {
            let hop = String::from_utf8_lossy(hop.map_err(Refusal::Defect)?.raw()).into_owned();
            octets += hop.len();
            if path.len() >= ROUTES_MAX || octets > PATH_OCTETS_MAX {
                return Err(Refusal::LongPath);
            }
            path.push(Private::new(hop));
        }
        Ok(Self {
            wanted,
            call_id: message.call_id().map_err(Refusal::Defect)?.to_owned(),
            cseq: message.cseq().map_err(Refusal::Defect)?.number,
            path,
            user_agent: message.text(Header::UserAgent).map(|text| text.chars().take(128).collect()),
            outbound,
        })
    }

    /// Whether a contact of this REGISTER, which came over `flow`, is that binding: the same flow of the same instance (RFC 5626 §6), else
    /// the same URI (RFC 3261 §10.3). A private address is another phone's behind another NAT, unless it registers as the same instance or under the
    /// same Call-ID, as phones do until they restart. Behind an edge proxy all come from the proxy, and which NAT they are behind is not known.
    pub(super) fn is_of(&self, wanted: &RequestedContact, known: &Contact, flow: &str) -> bool {
        if let (true, Some(instance), Some(reg_id)) = (self.outbound, &wanted.instance, wanted.reg_id)
            && let (Some(known_instance), Some(known_id)) = (&known.instance, known.reg_id)
        {
            return (instance, reg_id) == (known_instance, known_id);
        }
        let is_same_phone = || {
            let host = |flow: &str| address_of(flow).map(|remote| remote.ip());
            let comes_itself = self.path.is_empty() && known.path.is_empty();
            known.call_id == self.call_id
                || wanted.instance.is_some() && wanted.instance == known.instance
                || comes_itself && host(flow) == host(known.flow.reveal())
        };
        same(known.uri.reveal(), wanted.uri.reveal()) && (!is_private(wanted.uri.reveal()) || is_same_phone())
    }

    /// Whether any contact of it is that binding.
    pub(super) fn names(&self, known: &Contact, flow: &str) -> bool {
        let Wanted::Update(contacts) = &self.wanted else { return false };
        contacts.iter().any(|contact| self.is_of(contact, known, flow))
    }

    /// Whether it is to last by a contact of it.
    pub(super) fn keeps(&self, known: &Contact, flow: &str) -> bool {
        let Wanted::Update(contacts) = &self.wanted else { return false };
        contacts.iter().any(|contact| !contact.expires.is_zero() && self.is_of(contact, known, flow))
    }

    /// What tells a flow of an instance apart from others of its account; `None`: its URI, as far as that does.
    pub(super) fn key_of(&self, wanted: &RequestedContact) -> Option<Private<String>> {
        let (instance, reg_id) = (wanted.instance.as_ref()?, wanted.reg_id.filter(|_| self.outbound)?);
        Some(Private::new(format!("{};reg-id={reg_id}", instance.reveal())))
    }

    /// The same where another phone has the URI.
    pub(super) fn key_apart(&self, wanted: &RequestedContact) -> Private<String> {
        Private::new(format!("{} {}", wanted.uri.reveal(), self.call_id))
    }
}

/// For how long a value asks: one that is no number counts as 3600 seconds, one beyond 2^32-1 as that (RFC 3261 §10.2.1.1).
fn expires_of(value: &[u8]) -> Duration {
    let seconds = match value {
        digits if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX)
        }
        _ => MALFORMED_EXPIRES_S,
    };
    Duration::from_secs(seconds.into())
}

/// An instance without its brackets.
fn instance_of(text: &str) -> String {
    text.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// Whether two contacts are one by their URIs (RFC 3261 §19.1.4).
pub(super) fn same(a: &str, b: &str) -> bool {
    a == b
        || match (UriRef::parse(a.as_bytes()), UriRef::parse(b.as_bytes())) {
            (Some(a), Some(b)) => a.equivalent(b),
            _ => false,
        }
}

/// Whether a URI has an address that means another host in each network (RFC 1918, 6598, 3927, 4193).
fn is_private(uri: &str) -> bool {
    match UriRef::parse(uri.as_bytes()).and_then(UriRef::address).map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => {
            let shared = address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64;
            address.is_private() || address.is_link_local() || shared
        }
        Some(IpAddr::V6(address)) => address.is_unique_local() || address.is_unicast_link_local(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_that_is_no_number_is_an_hour_and_one_too_long_the_longest() {
        for (value, seconds) in [
            ("60", 60),
            ("0", 0),
            ("00060", 60),
            ("4294967295", u32::MAX),
            ("4294967296", u32::MAX),
            ("99999999999999999999999", u32::MAX),
            ("", 3_600),
            ("abc", 3_600),
            ("-1", 3_600),
            ("60 s", 3_600),
            ("Thu, 01 Dec 1994 16:00:00 GMT", 3_600),
        ] {
            assert_eq!(expires_of(value.as_bytes()), Duration::from_secs(seconds.into()), "{value}");
        }
    }
}
