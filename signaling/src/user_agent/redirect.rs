//! A callee that is to be looked for elsewhere (RFC 3261 §8.1.3.4, §21.3): whether to follow is the switch's to decide.

use super::leg::Head;
use super::means::Means;
use crate::limits::REDIRECT_CONTACTS_MAX;
use crate::message::{Message, StatusCode};
use router::limits::REDIRECTIONS;
use router::parameter::Party;

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
