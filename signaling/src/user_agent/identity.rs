//! Who calls, and who is called (RFC 3261 §8.1.1, RFC 3323, RFC 3325).

use super::leg::Head;
use super::means::Means;
use crate::dialog::Identity;
use crate::limits::{PARTY_OCTETS_MAX, REFERRED_BY_OCTETS_MAX};
use crate::message::{Header, Message, NameAddr, Scheme, Uri, UriRef, quote, unescape};
use router::Private;
use router::emergency::is_service;
use router::parameter::Party;

/// Who calls.
pub(crate) struct Caller {
    pub(crate) party: Party,
    /// Whether who sent the request has verified that, and is believed (RFC 3325 §5).
    pub(crate) asserted: bool,
    /// Whether the caller is not to be shown.
    pub(crate) anonymous: bool,
}

/// Who calls by an INVITE. `trusted`: its P-Asserted-Identity is believed (RFC 3325 §5).
pub(crate) fn caller_of(invite: &Message, trusted: bool) -> Caller {
    let asserted = || {
        let known = |address: &NameAddr<'_>| address.uri().scheme() != Scheme::Other;
        invite.asserted_identities().filter_map(Result::ok).find(known).map(|address| party_of(&address))
    };
    let from = invite.from().ok().map(|from| party_of(&from)).unwrap_or_default();
    let anonymous = asks_for_privacy(invite) || from.domain.eq_ignore_ascii_case(ANONYMOUS_HOST);
    match if trusted { asserted() } else { None } {
        Some(party) => Caller { party, asserted: true, anonymous },
        None => Caller { party: from, asserted: false, anonymous },
    }
}

/// The host of anonymous callers (RFC 3323 §4.1.1.3).
const ANONYMOUS_HOST: &str = "anonymous.invalid";

/// The URI of who is not to be shown.
pub(crate) const fn anonymous_uri() -> &'static str {
    "sip:anonymous@anonymous.invalid"
}

/// Whether a request asks that its sender is not shown (RFC 3323 §4.2, RFC 3325 §9.3).
pub(super) fn asks_for_privacy(request: &Message) -> bool {
    asks_for(request, &["id", "user", "header", "full"])
}

/// Whether a message asks for one of these kinds of privacy, on whatever line (RFC 3323 §4.2). That the session is hidden, and that a
/// request is refused where it cannot be (`critical`), needs no look: media and all fields of hops are always our own.
pub(super) fn asks_for(message: &Message, kinds: &[&str]) -> bool {
    let values = message.lines(Header::Privacy).filter_map(|line| std::str::from_utf8(line).ok());
    let mut values = values.flat_map(|line| line.split([';', ',']));
    values.any(|value| kinds.iter().any(|kind| value.trim().eq_ignore_ascii_case(kind)))
}

/// Who is asserted at the far end, in a response of a trusted peer.
pub(super) fn asserted_in(response: &Message) -> Option<Party> {
    let address = response.asserted_identities().next()?.ok()?;
    (!asks_for_privacy(response)).then(|| party_of(&address))
}

/// Who sent the caller here (RFC 3892 §3): passed on as given, if it is an address and no longer than one may be. A reference
/// in it to a token leads nowhere then, which its reader takes as if there were none (§2.3). Who asks not to be shown is not shown so, either
/// (RFC 3323 §4.1, §5.1): it names who has sent the request, or whom that one knows.
pub(super) fn referred_by(request: &Message) -> Option<Private<String>> {
    if request.header(Header::ReferredBy).is_none() || asks_for_privacy(request) {
        return None;
    }
    let text = request.text(Header::ReferredBy).filter(|text| text.len() <= REFERRED_BY_OCTETS_MAX)?;
    NameAddr::parse(text.as_bytes()).is_some().then(|| text.to_owned().into())
}

/// The same as another peer is shown it: in our domain where it names an address of the other leg's, which is nothing to this one.
pub(super) fn referred_by_at(means: &Means, value: &str, domain: &str) -> String {
    let by = NameAddr::parse(value.as_bytes())
        .filter(|by| by.uri().address().is_some() && !means.config.is_own_host(by.uri().host()));
    let hidden = by.and_then(|by| asserted(&party_of(&by), domain));
    hidden.unwrap_or_else(|| value.to_owned())
}

/// A name-addr as a party.
pub(crate) fn party_of(address: &NameAddr<'_>) -> Party {
    let display_name = address.display_name().map(|name| name.into_owned()).filter(|name| !name.is_empty());
    Party { display_name: display_name.map(Into::into), ..party_of_uri(address.uri()) }
}

/// A URI as a party: the user part, unescaped once; of a telephone number, its digits, and nothing of what follows them in whatever form:
/// where a caller's own parameters went on as a number's, they would say to a carrier what nobody here has looked at.
pub(crate) fn party_of_uri(uri: UriRef<'_>) -> Party {
    let user = uri.user().unwrap_or_default();
    match uri.scheme() {
        Scheme::Tel => Party::new(digits(user), ""),
        Scheme::Sip | Scheme::Sips => {
            let user = unescape(user);
            let user = number_of(&user).unwrap_or_else(|| user.into_owned());
            Party::new(user, uri.host().to_ascii_lowercase())
        }
        Scheme::Other if is_service(uri.as_str()) => Party::new(uri.as_str().to_ascii_lowercase(), ""),
        Scheme::Other => Party::default(),
    }
}

/// A telephone number without what only makes it easier to read (RFC 3966 §5.1.1).
fn digits(number: &str) -> String {
    number.chars().filter(|one| !VISUAL_SEPARATORS.contains(*one)).collect()
}

const VISUAL_SEPARATORS: &str = "-.()";

/// The number of a user part that is a telephone subscriber's (RFC 3261 §19.1.6): what follows it there are parameters of its own, in
/// which carriers say where a number was ported to, or who calls (`npdi`, `rn`, `cpc`; see `number_parameters.rs`). It is told by its global number, or by digits
/// with parameters behind them, since `user=phone` is as often forgotten as it is put behind a name.
fn number_of(user: &str) -> Option<String> {
    let (number, has_parameters) = user.split_once(';').map_or((user, false), |(number, _)| (number, true));
    let (local, is_global) = number.strip_prefix('+').map_or((number, false), |local| (local, true));
    let is_number = local.contains(|one: char| one.is_ascii_digit())
        && local.chars().all(|one| one.is_ascii_digit() || VISUAL_SEPARATORS.contains(one));
    (is_number && (is_global || has_parameters)).then(|| digits(number))
}

/// The telephone number that a URI names.
pub(super) fn number_in(uri: UriRef<'_>) -> Option<String> {
    let user = uri.user()?;
    match uri.scheme() {
        Scheme::Tel => Some(digits(user)),
        Scheme::Sip | Scheme::Sips => number_of(&unescape(user)),
        Scheme::Other => None,
    }
}

/// The parameters of that number, as written.
pub(super) fn parameters_in(uri: UriRef<'_>) -> &str {
    let text = if uri.scheme() == Scheme::Tel { uri.as_str() } else { uri.user().unwrap_or_default() };
    text.split_once(';').map_or("", |(_, parameters)| parameters)
}

/// The URI of a party in a domain.
pub(crate) fn uri_of(party: &Party, domain: &str) -> Option<Uri> {
    let user = Some(party.user()).filter(|user| !user.is_empty());
    Uri::sip(Scheme::Sip, user, domain, None)
}

/// From and To of an outgoing leg, what is asserted, and whether privacy is asked for.
pub(crate) struct Shown {
    pub(crate) from: Identity,
    pub(crate) to: Identity,
    /// The value of P-Asserted-Identity: to trusted peers only.
    pub(crate) asserted: Option<String>,
    /// The value of P-Preferred-Identity.
    pub(crate) preferred: Option<String>,
    pub(crate) private: bool,
}

impl Shown {
    /// `asserts`: the caller is verified and the peer in our trust domain, so it learns who calls even where the caller is not
    /// to be shown, and is asked not to show it (RFC 3325 §5, §7). `None`: a name that no URI can hold.
    pub(super) fn new(
        caller: &Party,
        anonymous: bool,
        called: &Party,
        asserts: bool,
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
        let asserted = asserts.then(|| asserted(caller, domain)).flatten();
        Some(Self { from, to, asserted, preferred: None, private: anonymous })
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

impl Head {
    /// Whom the peer means by an address that it wants called instead (SIP: REFER, 3xx): it is looked for by our own plan, so
    /// it has to be a number or a user of ours; a trunk writes its own host.
    pub(super) fn party_to_call(&self, means: &Means, address: &NameAddr<'_>) -> Option<Party> {
        let uri = address.uri();
        let ours = match uri.scheme() {
            Scheme::Tel => true,
            Scheme::Sip | Scheme::Sips => self.trunk().is_some() || means.config.is_own_host(uri.host()),
            Scheme::Other => false,
        };
        let party = ours.then(|| Party { secure: uri.scheme() == Scheme::Sips, ..party_of(address) })?;
        (!party.user().is_empty() && party.user().len() <= PARTY_OCTETS_MAX).then_some(party)
    }
}

impl Means {
    /// The domain of our addresses of record as peers that reach that listener see it.
    pub(crate) fn domain_at(&self, listener: crate::transport::ListenerId) -> &str {
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
        let Caller { party, asserted, anonymous } = caller_of(&message, true);
        assert_eq!((party.user(), party.domain.as_str(), asserted, anonymous), ("+49301234", "", true, true));
        let Caller { party, asserted, .. } = caller_of(&message, false);
        assert_eq!((party.user(), party.display_name.clone()), ("100", Some("Faked".to_owned().into())));
        assert!(!asserted);
        assert!(!caller_of(&invite("From: <sip:100@h>;tag=1"), true).asserted, "it asserts nothing");
    }

    #[test]
    fn an_escaped_user_is_read_and_written_once() {
        let message = invite("From: <sip:a%2525b%20c@h>;tag=1");
        let Caller { party, anonymous, .. } = caller_of(&message, false);
        assert_eq!((party.user(), anonymous), ("a%25b c", false));
        assert_eq!(uri_of(&party, "h").unwrap().as_str(), "sip:a%2525b%20c@h");
    }

    #[test]
    fn the_parameters_of_a_telephone_number_are_not_the_number() {
        for (uri, user) in [
            ("sip:+14085551212;npdi;rn=+14085550000@h;user=phone", "+14085551212"),
            ("sip:+49-30-1234;cpc=ordinary@h", "+49301234"),
            ("sip:+49(30)1234@h", "+49301234"),
            ("sips:0301234;phone-context=+49@h;user=phone", "0301234"),
            ("sip:100-2@h;user=phone", "100-2"),
            ("sip:front-desk@h;user=phone", "front-desk"),
            ("sip:alice;day=tuesday@h", "alice;day=tuesday"),
            ("sip:1%3B2@h", "1"),
            ("sip:1;@h", "1"),
            ("sip:%2B49301234%3Brn=%2B97912345%3Bnpdi@h", "+49301234"),
            ("sip:+49301234%3Bverstat%3DTN-Validation-Passed@h", "+49301234"),
            ("sip:front%3Bdesk@h", "front;desk"),
            ("sip:%2B1@h", "+1"),
            ("sip:+@h", "+"),
            ("tel:+49-30-1234;cpc=ordinary", "+49301234"),
        ] {
            assert_eq!(party_of_uri(UriRef::parse(uri.as_bytes()).unwrap()).user(), user, "{uri}");
        }
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
