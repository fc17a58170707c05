//! A datagram as a SIP message: read, judged, every accessor asked, written and read again.

use std::fmt::Debug;
use std::net::SocketAddr;

use bytes::Bytes;
use signaling::message::{
    Addresses, Capabilities, Fault, Header, HeaderName, Message, Method, NameAddr, RequestWriter, ResponseWriter,
    Scheme, StatusCode, Tag, Uri, UriRef, escape_header, escape_user, quote, unescape, unquote,
};

/// Longest input that is written and read again: full names for compact ones may carry a longer one over the bounds.
const ROUND_TRIP_OCTETS_MAX: usize = 6_000;

/// Reads the input as a datagram.
pub fn sip_message(data: &[u8]) {
    let Ok(message) = Message::parse_datagram(Bytes::copy_from_slice(data)) else { return };
    assert!(message.is_request() != message.is_response());
    assert!(message.body_octets().len() <= data.len());
    ask_everything(&message);
    let verdict = message.validate();
    screen(&message);
    if data.len() > ROUND_TRIP_OCTETS_MAX {
        return;
    }
    if verdict.is_ok() {
        // Cut to its body, a valid message is the same.
        let again = Message::parse_framed(Bytes::copy_from_slice(message.as_bytes()));
        assert_same(&message, &again.expect("what was read once is read again"));
    }
    if verdict.is_ok() && message.is_request() {
        rewritten(&message);
        answered(&message);
    }
    texts(data);
}

fn assert_same(one: &Message, other: &Message) {
    assert_eq!(one.method(), other.method());
    assert_eq!(one.request_uri_raw(), other.request_uri_raw());
    assert_eq!(one.status(), other.status());
    assert_eq!(headers(one), headers(other));
    assert_eq!(one.body_octets(), other.body_octets());
}

fn headers(message: &Message) -> Vec<(HeaderName<'_>, &[u8])> {
    message.headers().filter(|(name, _)| *name != Header::ContentLength && *name != Header::ContentType).collect()
}

/// A request that is passed on says what it said.
fn rewritten(message: &Message) {
    let (Some(method), Ok(uri)) = (message.method(), message.request_uri()) else {
        panic!("a valid request has a method and a URI");
    };
    let writer = RequestWriter::new(method, uri).pass(message, |_| true);
    let kind = message.text(Header::ContentType).unwrap_or("application/octet-stream");
    let written = writer.body(kind, message.body_octets());
    let again = Message::parse_datagram(written).expect("what was written is read");
    assert_eq!(again.method(), message.method());
    assert_eq!(again.request_uri_raw(), message.request_uri_raw());
    assert_eq!(headers(&again), headers(message));
    assert_eq!(again.body_octets(), message.body_octets());
    assert_eq!(again.validate(), Ok(()), "a valid request stays valid");
}

/// A response to a valid request is valid, and goes back the way that the request came.
fn answered(message: &Message) {
    let source: SocketAddr = "[2001:db8::7]:40123".parse().expect("an address");
    let tag = Tag::of_random(7);
    for status in [StatusCode::TRYING, StatusCode::OK, StatusCode::NOT_FOUND] {
        let response = ResponseWriter::to(message, status).source(source).to_tag(&tag).finish();
        let response = Message::parse_datagram(response).expect("a response is read");
        assert_eq!(response.validate(), Ok(()));
        assert_eq!(response.status(), Some(status));
        assert_eq!(response.call_id(), message.call_id());
        assert_eq!(response.cseq(), message.cseq());
        assert_eq!(response.from_tag(), message.from_tag());
        let tagged = message.to().is_ok_and(|to| to.parameters().has("tag"));
        assert_eq!(response.to_tag(), if tagged { message.to_tag() } else { Some(tag.clone()) });
        assert_eq!(response.vias().count(), message.vias().count());
        assert_eq!(response.branch(), message.branch());
        let top = response.via().expect("a valid response has a Via");
        let asked = message.via().expect("a valid request has a Via");
        assert_eq!((top.host(), top.port()), (asked.host(), asked.port()));
        if asked.rport().is_some() {
            assert_eq!(top.received(), Some(source.ip()));
        }
    }
}

fn screen(message: &Message) {
    let capabilities = Capabilities {
        methods: &[Method::Invite, Method::Ack, Method::Cancel, Method::Bye, Method::Options, Method::Register],
        schemes: &[Scheme::Sip, Scheme::Tel],
        extensions: &["100rel", "timer"],
        content_types: &["application/sdp", "multipart/mixed"],
        answers: &["application/sdp"],
    };
    if let Err(Fault::Reply { status, defect }) = message.screen(&capabilities) {
        assert!((400..700).contains(&status.code()));
        let _ = capabilities.explain(&defect);
        assert!(!defect.to_string().is_empty());
    }
    let _ = message.screen_response(|via| via.host() == "h");
}

/// Asks everything that a message can be asked.
pub(crate) fn ask_everything(message: &Message) {
    touch(message.request_uri().map(uri));
    touch(message.reason());
    if let Some(part) = message.session_part("application/sdp") {
        assert!(message.body_octets().as_ptr_range().contains(&part.as_ptr()) || part.is_empty());
    }
    for via in message.vias().flatten() {
        touch((via.transport(), via.host(), via.address(), via.port(), via.branch(), via.has_magic_cookie()));
        touch((via.received(), via.rport(), via.maddr(), via.ttl(), via.parameters().iter().count()));
    }
    touch((message.branch(), message.from_tag(), message.to_tag(), message.call_id_owned()));
    touch((message.cseq().map(|cseq| cseq.to_string()), message.max_forwards(), message.expires()));
    touch(message.from().map(name_addr));
    touch(message.to().map(name_addr));
    touch(message.contact().map(|contact| contact.map(name_addr)));
    touch(message.contact_is_star());
    touch(message.refer_to().map(|refer| refer.map(name_addr)));
    [message.contacts(), message.routes(), message.record_routes(), message.paths(), message.asserted_identities()]
        .into_iter()
        .for_each(addresses);
    for &header in Header::ALL {
        addresses(message.addresses(header));
        touch(message.values(header).count());
        touch(message.tokens(header).count());
        touch(message.number::<u32>(header));
        touch(message.text(header));
        if let Ok(Some(value)) = message.parameterized(header) {
            touch((value.is("x"), value));
        }
    }
    touch((message.content_length(), message.content_type(), message.event(), message.rack(), message.rseq()));
    touch((message.require().count(), message.supported().count(), message.supports("x"), message.allow().count()));
    for header in [Header::Authorization, Header::ProxyAuthorization] {
        for credentials in message.credentials(header) {
            touch((credentials.nonce_count_number(), credentials));
        }
    }
    for header in [Header::WwwAuthenticate, Header::ProxyAuthenticate] {
        for challenge in message.challenges(header) {
            touch((challenge.offers_qop("auth"), challenge));
        }
    }
}

fn addresses(addresses: Addresses<'_>) {
    addresses.flatten().for_each(name_addr);
}

fn name_addr(address: NameAddr<'_>) {
    touch((address.display_name(), address.tag(), address.expires(), address.q(), address.parameters().iter().count()));
    let again = NameAddr::parse(address.raw()).expect("a name-addr reads again");
    assert_eq!(again.uri().as_str(), address.uri().as_str());
    assert_eq!(again.parameters().as_str(), address.parameters().as_str());
    uri(address.uri());
}

fn uri(uri: UriRef<'_>) {
    touch((uri.scheme(), uri.scheme_text(), uri.is_secure(), uri.user_decoded(), uri.password(), uri.host()));
    touch((uri.address(), uri.port_or_default(), uri.transport(), uri.is_loose_router(), uri.header("Replaces")));
    touch(uri.headers().count());
    let owned = uri.to_uri();
    let again = Uri::parse(owned.as_str()).expect("a URI reads again");
    assert_eq!(again.as_str(), uri.as_str());
    assert_eq!(again.borrow().user(), uri.user());
    assert_eq!((again.borrow().host(), again.borrow().port()), (uri.host(), uri.port()));
    assert_eq!(again.borrow().parameters().as_str(), uri.parameters().as_str());
    assert_eq!(again.borrow().equivalent(uri), uri.equivalent(again.borrow()), "equivalence is symmetric");
    if uri.scheme().is_sip() && !uri.parameters().has("zz") {
        let without = owned.without(&["transport", "method"]);
        assert!(!without.borrow().parameters().has("transport") && without.borrow().headers_text().is_empty());
        if let Some(with) = owned.with_parameter("zz", Some("a;b=\"c")) {
            assert_eq!(with.borrow().parameter("zz").map(|value| unescape(value).into_owned()), Some("a;b=\"c".into()));
            assert_eq!(with.borrow().user(), uri.user());
            assert_eq!(with.borrow().headers_text(), uri.headers_text());
        }
        if let Some(user) = uri.user_decoded().filter(|_| uri.as_str().is_ascii()) {
            let made =
                Uri::sip(uri.scheme(), Some(&user), "h.example", uri.port()).filter(|_| !user.contains('\u{fffd}'));
            assert!(
                user.is_empty()
                    || user.contains('\u{fffd}')
                    || made.is_some_and(|made| made.borrow().user_decoded() == Some(user))
            );
        }
    }
}

/// Escapes and quotes are undone by their opposites.
fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_eq!(unescape(&escape_user(text)), text);
    assert_eq!(unescape(&escape_header(text)), text);
    let sendable = text.replace(['\r', '\n', '\0'], " ");
    assert_eq!(unquote(&quote(text)), sendable);
    touch((unescape(text), unquote(text)));
}

/// Looks at a value whole.
pub(crate) fn touch(value: impl Debug) {
    std::hint::black_box(&value);
    struct Nowhere;
    impl std::fmt::Write for Nowhere {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            std::hint::black_box(text);
            Ok(())
        }
    }
    let _ = std::fmt::write(&mut Nowhere, format_args!("{value:?}"));
}
