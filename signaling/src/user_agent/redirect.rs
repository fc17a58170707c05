//! A callee that is to be looked for elsewhere (RFC 3261 §8.1.3.4, §21.3): whether to follow, or to tell the caller, is the switch's to
//! decide.

use super::leg::Head;
use super::means::Means;
use crate::identity::{diversion_cause, history_cause};
use crate::limits::REDIRECT_CONTACTS_MAX;
use crate::message::{Header, Message, NameAddr, StatusCode, escape_user};
use router::limits::REDIRECTIONS;
use router::parameter::{DiversionCause, Failure, Party};

/// Where a 3xx says that its user may be found, the best first; of equal ones in the order in which they are listed. A proxy
/// (305) and another service (380) are no place of the user's.
pub(super) fn contacts_of(means: &Means, head: &Head, response: &Message, status: StatusCode) -> Vec<Party> {
    if !matches!(status.code(), 300..=302) {
        return Vec::new();
    }
    let mut found: Vec<(u16, Party)> = response
        .contacts()
        .take(REDIRECT_CONTACTS_MAX)
        .filter_map(Result::ok)
        .filter(|contact| contact.uri().parameter("method").is_none_or(|method| method == "INVITE"))
        .filter_map(|contact| Some((contact.q().unwrap_or(1000), head.party_to_call(means, &contact)?)))
        .collect();
    found.sort_by_key(|(q, _)| std::cmp::Reverse(*q));
    let mut parties: Vec<Party> = Vec::new();
    for (_, party) in found {
        let known = parties.iter().any(|known| known.user == party.user && known.domain == party.domain);
        if !known && parties.len() < REDIRECTIONS {
            parties.push(party);
        }
    }
    parties
}

/// Why a 3xx sends the call elsewhere, where it says so: by the last Diversion (RFC 5806 §5), or the `cause` of its best Contact (RFC 4458).
pub(super) fn reason_of(response: &Message) -> Option<DiversionCause> {
    let diversion = response.values(Header::Diversion).next().and_then(NameAddr::parse);
    let known = |cause: &DiversionCause| *cause != DiversionCause::Unknown;
    if let Some(cause) = diversion.map(|value| diversion_cause(&value)).filter(known) {
        return Some(cause);
    }
    let contact = response.contacts().next()?.ok()?;
    contact.uri().parameter("cause").map(history_cause).filter(known)
}

/// What a caller is told that is to call elsewhere: the status, and the numbers, at our own address, as none of the callee's is for the
/// caller to know; the best first (RFC 3261 §13.3.1.2, §20.10). `None`: it is not.
pub(super) fn told(failure: &Failure, contact: &str) -> Option<(StatusCode, Vec<String>)> {
    if failure.contacts.is_empty() {
        return None;
    }
    let code = failure.cause.as_ref().and_then(|cause| cause.code).filter(|code| matches!(code, 300..=302));
    let status = code.and_then(StatusCode::new).unwrap_or(StatusCode::MOVED_TEMPORARILY);
    let own = contact.trim_start_matches('<').split('>').next().unwrap_or_default();
    let (scheme, place) = own.split_once(':')?;
    let place = place.rsplit_once('@').map_or(place, |(_, host)| host);
    let place = |(rank, party): (usize, &Party)| {
        // Less by a tenth from one to the next: they are few.
        let q = 10_usize.saturating_sub(rank).max(1);
        format!("<{scheme}:{}@{place}>;q={}.{}", escape_user(party.user()), q / 10, q % 10)
    };
    Some((status, failure.contacts.iter().enumerate().map(place).collect()))
}
