//! Remote-Party-ID: who calls and who answers, as networks told each other before RFC 3325, and many exchanges do still
//! (draft-ietf-sip-privacy-04).

use super::identity::{Caller, asserted_in, party_of};
use super::leg::Head;
use super::means::Means;
use crate::message::{Header, Message, NameAddr, ResponseWriter, Scheme};
use router::parameter::Party;

/// Whether that peer is told who calls and who answers in it.
pub(super) fn is_told(means: &Means, head: &Head) -> bool {
    head.trunk().is_some_and(|trunk| means.trunks.get(trunk).config.identity.remote_party_id)
}

/// Its value: `asserted` is that of P-Asserted-Identity.
pub(super) fn value(asserted: &str, calls: bool, is_private: bool) -> String {
    let party = if calls { "calling" } else { "called" };
    let privacy = if is_private { "full" } else { "off" };
    format!("{asserted};party={party};screen=yes;privacy={privacy}")
}

/// Tells the caller who has answered, as it is asserted.
pub(super) fn write_answered<'a>(
    means: &Means,
    head: &Head,
    writer: ResponseWriter<'a>,
    asserted: &str,
) -> ResponseWriter<'a> {
    let writer = writer.header(Header::PAssertedIdentity, asserted);
    match is_told(means, head) {
        true => writer.header(Header::RemotePartyId, value(asserted, false, false)),
        false => writer,
    }
}

/// Who is named as that party, and whether not to be shown: only one that the network has verified (`screen=yes`).
fn named(message: &Message, party: &str) -> Option<(Party, bool)> {
    // Without `party` it is whoever sent the message.
    let own = if message.is_request() { "calling" } else { "called" };
    let is_it = |value: &NameAddr<'_>| {
        let said = value.parameter("party").unwrap_or(own);
        let screened = value.parameter("screen").is_some_and(|screen| screen.eq_ignore_ascii_case("yes"));
        said.eq_ignore_ascii_case(party) && screened && value.uri().scheme() != Scheme::Other
    };
    let value = message.values(Header::RemotePartyId).filter_map(NameAddr::parse).find(is_it)?;
    // Several kinds may be named, each in a parameter of its own.
    let hides = value.parameters().iter().any(|parameter| {
        let privacy = parameter.unquoted();
        parameter.name.eq_ignore_ascii_case("privacy")
            && ["full", "uri", "name"]
                .iter()
                .any(|kind| privacy.split(['-', ';']).any(|one| one.eq_ignore_ascii_case(kind)))
    });
    Some((party_of(&value), hides))
}

impl Caller {
    /// The same by Remote-Party-ID, where a trusted peer says nothing else of who calls.
    pub(crate) fn or_remote_party(self, invite: &Message) -> Self {
        match named(invite, "calling").filter(|_| !self.asserted) {
            Some((party, hides)) => Self { party, asserted: true, anonymous: self.anonymous || hides },
            None => self,
        }
    }
}

/// Who has answered, in a response of a trusted peer: as it asserts (RFC 3325 §5), or else as its Remote-Party-ID says, where that is believed.
pub(super) fn answered_at(means: &Means, head: &Head, response: &Message) -> Option<Party> {
    if !head.is_trusted(means) {
        return None;
    }
    asserted_in(response).or_else(|| is_told(means, head).then(|| answered(response)).flatten())
}

fn answered(response: &Message) -> Option<Party> {
    named(response, "called").filter(|(_, hides)| !hides).map(|(party, _)| party)
}

#[cfg(test)]
mod tests {
    use super::super::identity::caller_of;
    use super::*;
    use bytes::Bytes;

    fn caller(headers: &str) -> Caller {
        let text = format!("INVITE sip:b@h SIP/2.0\r\nFrom: <sip:x@h>;tag=1\r\n{headers}\r\n\r\n");
        let invite = Message::parse_datagram(Bytes::from(text)).unwrap();
        caller_of(&invite, true).or_remote_party(&invite)
    }

    #[test]
    fn who_calls_is_whom_the_network_has_verified() {
        for (headers, user, asserted, anonymous) in [
            ("Remote-Party-ID: \"A\" <sip:100@h>;party=calling;screen=yes;privacy=off", "100", true, false),
            ("Remote-Party-ID: <sip:100@h>;screen=yes;privacy=full", "100", true, true),
            ("Remote-Party-ID: <sip:100@h>;screen=yes;privacy=name;privacy=uri-network", "100", true, true),
            ("Remote-Party-ID: <sip:100@h>;party=calling;screen=no", "x", false, false),
            ("Remote-Party-ID: <sip:100@h>;party=calling", "x", false, false),
            (
                "Remote-Party-ID: <sip:9@h>;party=called;screen=yes, <sip:100@h>;party=calling;screen=YES",
                "100",
                true,
                false,
            ),
            (
                "P-Asserted-Identity: <sip:7@h>\r\nRemote-Party-ID: <sip:100@h>;screen=yes;privacy=full",
                "7",
                true,
                false,
            ),
            ("Remote-Party-ID: ;;,<>;screen=yes", "x", false, false),
        ] {
            let found = caller(headers);
            assert_eq!((found.party.user(), found.asserted, found.anonymous), (user, asserted, anonymous), "{headers}");
        }
    }

    #[test]
    fn what_is_written_is_understood() {
        let found = caller(&format!("Remote-Party-ID: {}", value("\"A\" <sip:100@h>", true, true)));
        assert_eq!((found.party.user(), found.asserted, found.anonymous), ("100", true, true));
        let response = |value: &str| {
            let text = format!("SIP/2.0 200 OK\r\nRemote-Party-ID: {value}\r\n\r\n");
            Message::parse_datagram(Bytes::from(text)).unwrap()
        };
        let user = |value: &str| answered(&response(value)).map(|party| party.user().to_owned());
        assert_eq!(user(&value("<sip:200@h>", false, false)).as_deref(), Some("200"));
        assert_eq!(user("<sip:200@h>;screen=yes").as_deref(), Some("200"));
        assert_eq!(user(&value("<sip:200@h>", false, true)), None);
        assert_eq!(user(&value("<sip:200@h>", true, false)), None);
    }
}
