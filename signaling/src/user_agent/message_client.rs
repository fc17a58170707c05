//! MESSAGE as a client (RFC 3428 §4): what is sent to a contact or a trunk.

use super::account_identity::Parties;
use super::credentials::{self, Answered, Authorization};
use super::destination::Whither;
use super::identity::Shown;
use super::means::Means;
use crate::dialog::RouteSet;
use crate::limits::MAX_FORWARDS_DEFAULT;
use crate::message::{CallId, Header, Message, Method, RequestWriter, Tag, Uri, UriRef};
use crate::messaging::Attempt;
use crate::transport::Destination;
use crate::trunk::TrunkId;
use bytes::Bytes;
use router::parameter::{ContactFlow, TextMessage};

/// Whither a message is sent.
pub(crate) struct Target {
    trunk: Option<TrunkId>,
    uri: String,
    routes: RouteSet,
    others: Vec<ContactFlow>,
    destination: Destination,
    /// Of one that is sent again with credentials.
    again: Option<Again>,
}

/// What a request that is sent again has of the first one.
struct Again {
    call_id: CallId,
    tag: Tag,
    cseq: u32,
    authorization: Box<Authorization>,
    answered: Answered,
}

impl Target {
    /// A phone.
    pub(crate) fn contact(whither: &Whither, destination: Destination) -> Self {
        let (uri, routes) = (whither.request_uri.as_str().to_owned(), whither.routes.clone());
        Self { trunk: None, uri, routes, others: whither.others.clone(), destination, again: None }
    }

    /// A number at a trunk, by the way that it wants (RFC 3608 §5).
    pub(crate) fn trunk(trunk: TrunkId, uri: &Uri, routes: RouteSet, destination: Destination) -> Self {
        let (uri, others) = (uri.as_str().to_owned(), Vec::new());
        Self { trunk: Some(trunk), uri, routes, others, destination, again: None }
    }
}

/// The request, and what is to be known of it. `None`: a name that no URI can hold, or no
/// listener for the way.
pub(crate) fn write(means: &mut Means, text: &TextMessage, date: &str, target: Target) -> Option<(Bytes, Attempt)> {
    let Target { trunk, uri, routes, others, destination, again } = target;
    let (call_id, tag, cseq, authorization, answered) = match again {
        Some(Again { call_id, tag, cseq, authorization, answered }) => {
            (call_id, tag, cseq + 1, Some(authorization), answered)
        }
        None => (means.mint_call_id(), means.mint_tag(), 1, None, Answered::default()),
    };
    let (id, listener) = means.config.listeners.select(&destination)?;
    let domain = means.config.domain(listener.advertised().host()).to_owned();
    let at_trunk = trunk.and_then(|_| UriRef::parse(uri.as_bytes())).map(|uri| uri.host().to_owned());
    let asserts = text.verified && trunk.is_some_and(|trunk| means.trunks.get(trunk).config.trusted);
    let parties = Parties { caller: &text.from, anonymous: text.anonymous, called: &text.to, asserts };
    let shown = Shown::at(means, trunk, &parties, &domain, at_trunk.as_deref().unwrap_or(&domain))?;
    let (request_uri, route_values) = routes.apply(&uri);
    let mut writer = RequestWriter::new(&Method::Message, request_uri)
        .header(Header::MaxForwards, text.hops.unwrap_or(MAX_FORWARDS_DEFAULT));
    for route in route_values {
        writer = writer.header(Header::Route, route);
    }
    writer = writer
        .header(Header::From, format_args!("{};tag={tag}", shown.from.as_str()))
        .header(Header::To, shown.to.as_str())
        .header(Header::CallId, &call_id)
        .header(Header::CSeq, format_args!("{cseq} MESSAGE"))
        .header(Header::Date, date);
    if let Some(subject) = &text.subject {
        writer = writer.header(Header::Subject, subject.reveal());
    }
    // What its sender said of how long it is worth reading (RFC 3428 §7), less what has gone by.
    if let Some(ends) = text.ends {
        writer = writer.header(Header::Expires, ends.since(means.now.wall).as_secs());
    }
    if let Some(asserted) = &shown.asserted {
        writer = writer.header(Header::PAssertedIdentity, asserted);
    }
    if let Some(preferred) = &shown.preferred {
        writer = writer.header(Header::PPreferredIdentity, preferred);
    }
    if shown.private {
        writer = writer.header(Header::Privacy, "id");
    }
    let proofs = authorization.as_ref().and_then(|authorization| authorization.proofs());
    for (header, value) in proofs.iter().flat_map(|proofs| proofs.iter()) {
        writer = writer.header(*header, value);
    }
    let request = writer.header(Header::UserAgent, &means.config.agent).body(&text.content_type, text.body.reveal());
    let destination = destination.from_listener(id);
    let trunk = trunk.map(|trunk| (trunk, request_uri.to_owned()));
    Some((request, Attempt { trunk, destination, uri, routes, others, call_id, tag, cseq, authorization, answered }))
}

/// The same once more, with what a trunk asks for. `None`: it asks for what we have not got.
pub(crate) fn authorize(means: &mut Means, attempt: Attempt, response: &Message) -> Option<Target> {
    let Attempt { trunk, destination, uri, routes, others, call_id, tag, cseq, authorization, mut answered } = attempt;
    let (trunk, asked) = trunk?;
    let authorization =
        credentials::answer(means, Some(trunk), authorization, &mut answered, response, &Method::Message, &asked)?;
    let again = Some(Again { call_id, tag, cseq, authorization, answered });
    Some(Target { trunk: Some(trunk), uri, routes, others, destination, again })
}
