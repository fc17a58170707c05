//! A callee that is to be looked for elsewhere (RFC 3261 §8.1.3.4, §21.3): whether to follow, or to tell the caller, is the switch's to
//! decide.

use super::identity::asks_for;
use super::leg::Head;
use super::means::Means;
use crate::identity::{diversion_cause, diversion_is_private, history_cause, place_is_private};
use crate::limits::{DIVERSIONS_READ_MAX, REDIRECT_CONTACTS_MAX};
use crate::message::{Header, Message, NameAddr, StatusCode, escape_user};
use router::limits::REDIRECTIONS;
use router::parameter::{DiversionCause, Failure, Party};

/// What a 3xx says.
#[derive(Debug, Default)]
pub(super) struct Redirection {
    /// Where its user may be found, the best first.
    pub(super) contacts: Vec<Party>,
    /// Why, where it says so.
    pub(super) cause: Option<DiversionCause>,
    /// Whether who sends the call there is not to be shown.
    pub(super) private: bool,
}

impl Redirection {
    /// That of a response; of no other than a 3xx, nothing.
    pub(super) fn of(means: &Means, head: &Head, response: &Message, status: StatusCode) -> Self {
        let contacts = contacts_of(means, head, response, status);
        match contacts.is_empty() {
            true => Self::default(),
            false => Self { contacts, cause: reason_of(response), private: is_private(response) },
        }
    }
}

/// Where a 3xx says that its user may be found, the best first; of equal ones in the order in which they are listed. A proxy
/// (305) and another service (380) are no place of the user's.
fn contacts_of(means: &Means, head: &Head, response: &Message, status: StatusCode) -> Vec<Party> {
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
fn reason_of(response: &Message) -> Option<DiversionCause> {
    let diversion = response.values(Header::Diversion).next().and_then(NameAddr::parse);
    let known = |cause: &DiversionCause| *cause != DiversionCause::Unknown;
    if let Some(cause) = diversion.map(|value| diversion_cause(&value)).filter(known) {
        return Some(cause);
    }
    let contact = response.contacts().next()?.ok()?;
    contact.uri().parameter("cause").map(history_cause).filter(known)
}

/// Whether a 3xx asks that who sends the call elsewhere is not shown: by its last Diversion (RFC 5806 §5), its history or Privacy (RFC 7044 §10.1).
fn is_private(response: &Message) -> bool {
    let diversion = response.values(Header::Diversion).next().and_then(NameAddr::parse);
    diversion.is_some_and(|value| diversion_is_private(&value))
        || asks_for(response, &["history", "header"])
        || response
            .values(Header::HistoryInfo)
            .take(DIVERSIONS_READ_MAX)
            .last()
            .is_some_and(|value| NameAddr::parse(value).is_some_and(|place| place_is_private(&place)))
}

/// What a caller is told that is to call elsewhere: the status, and the numbers, at our own address, as none of the callee's is for the
/// caller to know; the best first (RFC 3261 §13.3.1.2, §20.10). One that was named by `sips:` is told so, and where that is, is for the
/// name service to say if our own address here is in clear. `None`: it is not.
pub(super) fn told(failure: &Failure, contact: &str) -> Option<(StatusCode, Vec<String>)> {
    if failure.contacts.is_empty() {
        return None;
    }
    let code = failure.cause.as_ref().and_then(|cause| cause.code).filter(|code| matches!(code, 300..=302));
    let status = code.and_then(StatusCode::new).unwrap_or(StatusCode::MOVED_TEMPORARILY);
    let own = contact.trim_start_matches('<').split('>').next().unwrap_or_default();
    let (scheme, place) = own.split_once(':')?;
    let place = place.rsplit_once('@').map_or(place, |(_, host)| host);
    let host = host_of(place);
    let place = |(rank, party): (usize, &Party)| {
        let (scheme, place) = match party.secure {
            true if scheme == "sip" => ("sips", host),
            _ => (scheme, place),
        };
        // Less by a tenth from one to the next: they are few.
        let q = 10_usize.saturating_sub(rank).max(1);
        format!("<{scheme}:{}@{place}>;q={}.{}", escape_user(party.user()), q / 10, q % 10)
    };
    Some((status, failure.contacts.iter().enumerate().map(place).collect()))
}

/// The host of `host:port;parameters`.
fn host_of(place: &str) -> &str {
    let host = place.split(';').next().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((before, _)) if !host.ends_with(']') => before,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use router::parameter::{Cause, CauseKind};

    #[test]
    fn who_sends_a_call_elsewhere_may_ask_not_to_be_shown() {
        for (headers, private) in [
            ("Diversion: <sip:bob@h>;reason=do-not-disturb;privacy=full", true),
            ("Diversion: <sip:bob@h>;reason=do-not-disturb;privacy=off", false),
            ("Diversion: <sip:bob@h>;privacy=\"off\", <sip:carol@h>;privacy=full", false),
            ("Diversion: <sip:bob@h>\r\nPrivacy: id;history", true),
            ("Privacy: id", false),
            ("History-Info: <sip:carol@h>;index=1, <sip:bob@h?Privacy=history>;index=1.1", true),
            ("History-Info: <sip:carol@h?Privacy=history>;index=1, <sip:bob@h>;index=1.1", false),
            ("Subject: x", false),
        ] {
            let text = format!("SIP/2.0 302 Moved\r\n{headers}\r\nContact: <sip:1@h>\r\n\r\n");
            let response = Message::parse_datagram(Bytes::from(text)).unwrap();
            assert_eq!(is_private(&response), private, "{headers}");
        }
    }

    #[test]
    fn who_is_named_by_sips_is_told_so() {
        let secure = Party { secure: true, ..Party::new("2", "") };
        let cause = Cause { code: Some(302), ..Cause::new(CauseKind::Unreachable) };
        let failure = Failure { contacts: vec![Party::new("1", ""), secure], ..Failure::because(cause) };
        let told = |contact: &str| told(&failure, contact).unwrap().1;
        assert_eq!(told("<sip:192.0.2.1:5070>"), ["<sip:1@192.0.2.1:5070>;q=1.0", "<sips:2@192.0.2.1>;q=0.9"]);
        assert_eq!(told("<sip:[2001:db8::1]>"), ["<sip:1@[2001:db8::1]>;q=1.0", "<sips:2@[2001:db8::1]>;q=0.9"]);
        assert_eq!(told("<sips:h:5071>"), ["<sips:1@h:5071>;q=1.0", "<sips:2@h:5071>;q=0.9"]);
    }
}
