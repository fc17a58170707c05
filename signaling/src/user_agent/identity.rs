//! Who calls, and who is called (RFC 3261 §8.1.1, RFC 3323, RFC 3325).

use super::means::Means;
use crate::dialog::Identity;
use crate::message::{Header, Message, NameAddr, Scheme, Uri, UriRef, quote};
use router::parameter::Party;

/// The caller, and whether it is not to be shown. `trusted`: its P-Asserted-Identity is believed (RFC 3325 §5).
pub(crate) fn caller_of(invite: &Message, trusted: bool) -> (Party, bool) {
    let asserted = || {
        let known = |address: &NameAddr<'_>| address.uri().scheme() != Scheme::Other;
        invite.asserted_identities().filter_map(Result::ok).find(known).map(|address| party_of(&address))
    };
    let from = invite.from().ok().map(|from| party_of(&from)).unwrap_or_default();
    let anonymous = asks_for_privacy(invite) || from.domain.eq_ignore_ascii_case(ANONYMOUS_HOST);
    (if trusted { asserted().unwrap_or(from) } else { from }, anonymous)
}

/// The host of anonymous callers (RFC 3323 §4.1.1.3).
const ANONYMOUS_HOST: &str = "anonymous.invalid";

/// Whether a request asks that its sender is not shown (RFC 3323 §4.2, RFC 3325 §9.3).
pub(super) fn asks_for_privacy(request: &Message) -> bool {
    let Some(privacy) = request.text(Header::Privacy) else { return false };
    privacy
        .split([';', ','])
        .map(str::trim)
        .any(|value| ["id", "user", "header", "full"].iter().any(|hides| value.eq_ignore_ascii_case(hides)))
}

/// Who is asserted at the far end, in a response of a trusted peer.
pub(super) fn asserted_in(response: &Message) -> Option<Party> {
    let address = response.asserted_identities().next()?.ok()?;
    (!asks_for_privacy(response)).then(|| party_of(&address))
}

/// A name-addr as a party.
pub(super) fn party_of(address: &NameAddr<'_>) -> Party {
    let display_name = address.display_name().map(|name| name.into_owned()).filter(|name| !name.is_empty());
    Party { display_name: display_name.map(Into::into), ..party_of_uri(address.uri()) }
}

/// A URI as a party: the user part, unescaped once; of a telephone number, its digits.
pub(crate) fn party_of_uri(uri: UriRef<'_>) -> Party {
    match uri.scheme() {
        Scheme::Tel => {
            let number = uri.user().unwrap_or_default();
            Party::new(number.chars().filter(|one| !"-.()".contains(*one)).collect::<String>(), "")
        }
        Scheme::Sip | Scheme::Sips => {
            Party::new(uri.user_decoded().unwrap_or_default().into_owned(), uri.host().to_ascii_lowercase())
        }
        Scheme::Other => Party::default(),
    }
}

/// The URI of a party in a domain.
pub(super) fn uri_of(party: &Party, domain: &str) -> Option<Uri> {
    let user = Some(party.user()).filter(|user| !user.is_empty());
    Uri::sip(Scheme::Sip, user, domain, None)
}

/// From and To of an outgoing leg, what is asserted, and whether privacy is asked for.
pub(super) struct Shown {
    pub(super) from: Identity,
    pub(super) to: Identity,
    /// The value of P-Asserted-Identity: to trusted peers only.
    pub(super) asserted: Option<String>,
    pub(super) private: bool,
}

impl Shown {
    /// `trusted`: the peer is in our trust domain, so it learns who calls even where the caller is not to be shown, and is
    /// asked not to show it (RFC 3325 §7). `None`: a name that no URI can hold.
    pub(super) fn new(
        caller: &Party,
        anonymous: bool,
        called: &Party,
        trusted: bool,
        domain: &str,
        to_host: &str,
    ) -> Option<Self> {
        let real = uri_of(caller, domain)?;
        let name = caller.display_name.as_ref().map(|name| name.reveal().as_str());
        let from = if anonymous {
            Identity::new(Some("Anonymous"), &Uri::sip(Scheme::Sip, Some("anonymous"), ANONYMOUS_HOST, None)?)
        } else {
            Identity::new(name, &real)
        };
        let to_name = called.display_name.as_ref().map(|name| name.reveal().as_str());
        let to = Identity::new(to_name, &uri_of(called, to_host)?);
        let asserted = trusted.then(|| asserted(caller, domain)).flatten();
        Some(Self { from, to, asserted, private: anonymous })
    }
}

/// The value of P-Asserted-Identity for a party.
pub(super) fn asserted(party: &Party, domain: &str) -> Option<String> {
    let uri = uri_of(party, domain)?;
    Some(match party.display_name.as_ref().map(|name| name.reveal()) {
        Some(name) if !name.is_empty() => format!("{} <{uri}>", quote(name)),
        _ => format!("<{uri}>"),
    })
}

impl Means {
    /// The domain of our addresses of record as peers that reach that listener see it.
    pub(super) fn domain_at(&self, listener: crate::transport::ListenerId) -> &str {
        let advertised = self.config.listeners.get(listener).map_or("", |listener| listener.advertised().host());
        self.config.domain(advertised)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn invite(headers: &str) -> Message {
        Message::parse_datagram(Bytes::from(format!("INVITE sip:b@h SIP/2.0\r\n{headers}\r\n\r\n"))).unwrap()
    }

    #[test]
    fn only_a_trusted_peer_asserts_an_identity() {
        let message = invite(
            "From: \"Faked\" <sip:100@h>;tag=1\r\nP-Asserted-Identity: <tel:+49-30-1234>\r\nPrivacy: critical; ID",
        );
        let (caller, anonymous) = caller_of(&message, true);
        assert_eq!((caller.user(), caller.domain.as_str(), anonymous), ("+49301234", "", true));
        let (caller, _) = caller_of(&message, false);
        assert_eq!((caller.user(), caller.display_name.clone()), ("100", Some("Faked".to_owned().into())));
    }

    #[test]
    fn an_escaped_user_is_read_and_written_once() {
        let message = invite("From: <sip:a%2525b%20c@h>;tag=1");
        let (caller, anonymous) = caller_of(&message, false);
        assert_eq!((caller.user(), anonymous), ("a%25b c", false));
        assert_eq!(uri_of(&caller, "h").unwrap().as_str(), "sip:a%2525b%20c@h");
    }

    #[test]
    fn an_anonymous_caller_is_shown_to_trusted_peers_alone() {
        let (caller, called) = (Party::new("100", "h"), Party::new("200", ""));
        let shown = Shown::new(&caller, true, &called, true, "h", "t").unwrap();
        assert_eq!(shown.from.as_str(), "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
        assert_eq!((shown.asserted.as_deref(), shown.to.as_str()), (Some("<sip:100@h>"), "<sip:200@t>"));
        assert_eq!(Shown::new(&caller, true, &called, false, "h", "t").unwrap().asserted, None);
    }
}
