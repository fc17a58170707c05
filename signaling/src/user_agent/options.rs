//! OPTIONS (RFC 3261 §11), and what we can.

use super::leg::Inbound;
use super::means::Means;
use crate::message::{Capabilities, Header, Message, Method, Scheme, StatusCode};
use crate::subscription::ALLOW_EVENTS;
use crate::transaction::ServerKey;
use crate::transport::Flow;

/// The methods that are served, in and out of dialogs.
const METHODS: [Method; 13] = [
    Method::Invite,
    Method::Ack,
    Method::Bye,
    Method::Cancel,
    Method::Options,
    Method::Register,
    Method::Info,
    Method::Update,
    Method::Prack,
    Method::Refer,
    Method::Subscribe,
    Method::Publish,
    Method::Message,
];

/// The value of Allow.
pub(crate) const ALLOW: &str =
    "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, INFO, UPDATE, PRACK, REFER, SUBSCRIBE, PUBLISH, MESSAGE";

/// The methods that are served within a call's dialog, as the value of Allow: what is registered, followed or published is none of it.
pub(crate) const ALLOW_IN_CALLS: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REFER, MESSAGE";

/// The value of Supported where we say all that we can: the extensions that a Require may name.
const SUPPORTED: &str = "path, timer, replaces, join, norefersub, outbound, gruu, 100rel";

/// Those of calls.
pub(crate) const SUPPORTED_IN_CALLS: &str = "timer, replaces, join, norefersub, 100rel";

/// The same where provisional responses are not acknowledged.
const SUPPORTED_UNRELIABLY: &str = "timer, replaces, join, norefersub";

/// Those of a call that we make by a flow of ours (RFC 5626 §4.3), whether provisional responses are acknowledged or not.
const SUPPORTED_BY_FLOW_IN_CALLS: [&str; 2] =
    ["timer, replaces, join, norefersub, outbound", "timer, replaces, join, norefersub, outbound, 100rel"];

/// The value of Supported in an INVITE of ours.
pub(crate) fn supported_in_invite(reliably: bool, by_flow: bool) -> &'static str {
    match (by_flow, reliably) {
        (false, true) => SUPPORTED_IN_CALLS,
        (false, false) => SUPPORTED_UNRELIABLY,
        (true, _) => SUPPORTED_BY_FLOW_IN_CALLS[usize::from(reliably)],
    }
}

/// Those of the registrar: phones hear them in answers to REGISTER alone (RFC 3327 §5, RFC 5626 §4.2.1, RFC 5627 §4.1).
pub(crate) const SUPPORTED_BY_REGISTRAR: &str = "path, outbound, gruu";

/// Those of our own REGISTER: proxies on its way may put a Path into it (RFC 3327 §5.1). It asks for no GRUU.
pub(crate) const SUPPORTED_IN_REGISTER: &str = "path";

/// The same of one that makes a flow (RFC 5626 §4.2.1).
pub(crate) const SUPPORTED_BY_FLOW: &str = "path, outbound";

/// The value of Accept: the bodies that are understood.
pub(crate) const ACCEPT: &str = "application/sdp, multipart/mixed";

/// What requests are screened by (RFC 3261 §8.2). `path`, `outbound` and `gruu` are the registrar's (RFC 3327, 5626, 5627),
/// `replaces` that of transfers and pick-up (RFC 3891), `join` that of conferences (RFC 3911), `norefersub` says that REFER can do without NOTIFY (RFC 4488 §5).
pub(crate) const CAPABILITIES: Capabilities<'static> = Capabilities {
    methods: &METHODS,
    schemes: &[Scheme::Sip, Scheme::Tel],
    extensions: &["path", "timer", "replaces", "join", "norefersub", "outbound", "gruu", "100rel"],
    content_types: &["application/sdp", "multipart/mixed"],
    answers: &["application/sdp"],
};

/// The same over a transport that nobody on the way reads: `sips:` means that it is so all the way (RFC 3261 §26.2.2).
const SECURE_CAPABILITIES: Capabilities<'static> =
    Capabilities { schemes: &[Scheme::Sip, Scheme::Sips, Scheme::Tel], ..CAPABILITIES };

/// What requests on a way are screened by.
pub(crate) fn capabilities(flow: &Flow) -> &'static Capabilities<'static> {
    if flow.transport.is_secure() { &SECURE_CAPABILITIES } else { &CAPABILITIES }
}

/// Answers an OPTIONS of somebody whose INVITE would not be refused: by what we can (RFC 3261 §11.2).
pub(crate) fn answer(means: &mut Means, key: ServerKey, message: &Message, flow: &Flow) {
    let tag = means.mint_tag();
    let contact = means.contact_at(flow);
    let response = means
        .response(message, flow, StatusCode::OK, &tag)
        .header(Header::Contact, contact)
        .header(Header::Allow, ALLOW)
        .header(Header::Accept, (ACCEPT, ", ", crate::messaging::ACCEPTED))
        .header(Header::AcceptEncoding, "identity")
        .header(Header::AcceptLanguage, "en")
        .header(Header::Supported, SUPPORTED)
        .header(Header::AllowEvents, ALLOW_EVENTS)
        .finish();
    means.respond(key, response);
}

/// The same within a dialog.
pub(super) fn answer_in_dialog(means: &mut Means, inbound: &Inbound) {
    answer(means, inbound.key, &inbound.message, &inbound.flow);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow_says_what_is_served() {
        assert_eq!(CAPABILITIES.allow(), ALLOW);
        assert_eq!(CAPABILITIES.extensions.join(", "), SUPPORTED);
        let parts = |text: &'static str| text.split(", ").collect::<std::collections::BTreeSet<_>>();
        let all = &parts(SUPPORTED_IN_CALLS) | &parts(SUPPORTED_BY_REGISTRAR);
        assert_eq!(all, parts(SUPPORTED));
        assert_eq!(SUPPORTED_IN_CALLS.replace(", 100rel", ""), SUPPORTED_UNRELIABLY);
        for reliably in [false, true] {
            let (plain, by_flow) = (supported_in_invite(reliably, false), supported_in_invite(reliably, true));
            assert_eq!(parts(by_flow), &parts(plain) | &parts("outbound"));
        }
        assert!(parts(SUPPORTED_IN_REGISTER).is_subset(&parts(SUPPORTED_BY_FLOW)));
        assert!(parts(SUPPORTED_BY_FLOW).is_subset(&parts(SUPPORTED_BY_REGISTRAR)));
        let elsewhere = ["REGISTER", "SUBSCRIBE", "PUBLISH"];
        assert_eq!(
            parts(ALLOW).into_iter().filter(|one| !elsewhere.contains(one)).collect::<std::collections::BTreeSet<_>>(),
            parts(ALLOW_IN_CALLS)
        );
        assert_eq!(CAPABILITIES.content_types.join(", "), ACCEPT);
    }
}
