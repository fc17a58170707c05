//! A second opinion: on everything that both this parser and `rsip` accept, both read the same.

use bytes::Bytes;
use proptest::prelude::*;
use rsip::SipMessage;
use rsip::prelude::*;
use signaling::message::{Header, Message, Method, NameAddr, UriRef};
use std::path::Path;

/// Compares what both made of the same octets.
fn agree(ours: &Message, theirs: &SipMessage) {
    assert_eq!(ours.is_request(), matches!(theirs, SipMessage::Request(_)));
    if let SipMessage::Response(response) = theirs {
        assert_eq!(ours.status().map(|status| status.code()), Some(response.status_code.code()));
    }
    if let (Some(method), SipMessage::Request(request)) = (ours.method(), theirs) {
        same_method(method, &request.method);
    }
    if let (Ok(uri), SipMessage::Request(request)) = (ours.request_uri(), theirs) {
        same_uri(uri, &request.uri);
    }
    if let (Ok(id), Ok(header)) = (ours.call_id(), theirs.call_id_header()) {
        assert_eq!(id, header.value().trim());
    }
    if let (Ok(cseq), Ok(Ok(typed))) = (ours.cseq(), theirs.cseq_header().map(|header| header.typed())) {
        assert_eq!(cseq.number, typed.seq);
        same_method(&cseq.method, &typed.method);
    }
    if let (Ok(Some(hops)), Ok(Ok(theirs))) =
        (ours.max_forwards(), theirs.max_forwards_header().map(|header| header.num()))
    {
        assert_eq!(u32::from(hops), theirs);
    }
    if let (Ok(from), Ok(Ok(typed))) = (ours.from(), theirs.from_header().map(|header| header.typed())) {
        same_address(&from, typed.display_name.as_deref(), &typed.uri, typed.tag().map(|tag| tag.value()));
    }
    if let (Ok(to), Ok(Ok(typed))) = (ours.to(), theirs.to_header().map(|header| header.typed())) {
        same_address(&to, typed.display_name.as_deref(), &typed.uri, typed.tag().map(|tag| tag.value()));
    }
    if let (Ok(Some(contact)), Ok(Ok(typed))) = (ours.contact(), theirs.contact_header().map(|header| header.typed())) {
        same_bracketed(&contact, &typed.uri);
    }
    // It leaves white space about separators in names and values.
    if let (Ok(via), Ok(Ok(typed))) = (ours.via(), theirs.via_header().map(|header| header.typed()))
        && via.raw().iter().filter(|octet| octet.is_ascii_whitespace()).count() == 1
    {
        assert_eq!(via.transport().to_ascii_uppercase(), typed.transport.to_string());
        assert_eq!(via.branch(), typed.branch().map(|branch| branch.value()));
        assert!(via.host().eq_ignore_ascii_case(&typed.uri.host().to_string()));
        assert_eq!(via.port(), typed.uri.host_with_port.port.map(|port| *port.value()));
    }
}

/// It takes methods in any case, which RFC 3261 §7.1 tells apart.
fn same_method(ours: &Method, theirs: &rsip::Method) {
    assert!(theirs.to_string().eq_ignore_ascii_case(ours.as_str()), "{ours} {theirs}");
}

fn same_address(ours: &NameAddr<'_>, name: Option<&str>, uri: &rsip::Uri, tag: Option<&str>) {
    let bracket = ours.raw().iter().rposition(|octet| *octet == b'>');
    let spaced = |parameters: &[u8]| parameters.iter().any(u8::is_ascii_whitespace);
    if bracket.is_some_and(|bracket| !spaced(&ours.raw()[bracket..])) {
        assert_eq!(ours.tag(), tag);
    }
    if let (Some(ours), Some(theirs)) = (ours.display_name(), name) {
        // It leaves quotes and escapes as they stand.
        let theirs = theirs.trim().trim_matches('"');
        assert!(theirs.contains('\\') || ours == theirs, "{ours} {theirs}");
    }
    same_bracketed(ours, uri);
}

/// Without brackets it takes a URI for a display name at times.
fn same_bracketed(ours: &NameAddr<'_>, theirs: &rsip::Uri) {
    if ours.raw().contains(&b'<') {
        same_uri(ours.uri(), theirs);
    }
}

/// What has other characters than letters and digits it does not know as a user, and loses.
fn same_uri(ours: UriRef<'_>, theirs: &rsip::Uri) {
    let known = ours.user().is_none_or(|user| user.bytes().all(|octet| octet.is_ascii_alphanumeric()));
    if ours.scheme().is_sip() && ours.password().is_none() && known {
        assert_eq!(ours.user(), theirs.user());
        assert!(ours.host().eq_ignore_ascii_case(&theirs.host().to_string()), "{ours} {theirs}");
        assert_eq!(ours.port(), theirs.host_with_port.port.as_ref().map(|port| *port.value()));
    }
}

/// The files of a folder beside this one.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry of the folder").path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("a file of the corpus")))
        .collect();
    files.sort();
    files
}

/// The torture messages, and all that the fuzzer kept.
fn corpus() -> Vec<(String, Vec<u8>)> {
    [files("tests/torture"), files("../fuzz/corpus/sip_message")].concat()
}

/// What both accept is read the same, as it stands and converted, there and back. Whether `rsip` took it as it stands, and
/// converted.
fn compare(name: &str, octets: &[u8]) -> (bool, bool) {
    let Ok(ours) = Message::parse_datagram(Bytes::copy_from_slice(octets)) else { return (false, false) };
    if ours.validate().is_err() {
        return (false, false);
    }
    let plain = SipMessage::try_from(octets);
    if let Ok(theirs) = &plain {
        agree(&ours, theirs);
    }
    let Ok(theirs) = SipMessage::try_from(&ours) else { return (plain.is_ok(), false) };
    agree(&ours, &theirs);
    let back = Message::try_from(&theirs).unwrap_or_else(|error| panic!("{name}: {error}"));
    agree(&back, &theirs);
    assert_eq!(back.body(), ours.body(), "{name}");
    assert_eq!(back.vias().count(), ours.vias().count(), "{name}");
    assert_eq!(back.header(Header::CallId), ours.header(Header::CallId), "{name}");
    (plain.is_ok(), true)
}

#[test]
fn both_read_the_corpus_the_same_and_convert_both_ways() {
    let corpus = corpus();
    let (mut plain, mut converted) = (0, 0);
    for (name, octets) in &corpus {
        let (as_it_stands, both_ways) = compare(name, octets);
        plain += usize::from(as_it_stands);
        converted += usize::from(both_ways);
    }
    assert!(plain >= 10 && converted >= 20, "{plain} and {converted} of {}", corpus.len());
}

proptest! {
    /// Plain requests of arbitrary parts: both accept them, both read the same.
    #[test]
    fn plain_requests(
        method in prop::sample::select(vec!["INVITE", "BYE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE"]),
        user in "[a-z][a-z0-9]{0,12}",
        host in "[a-z]{1,8}\\.example\\.com",
        tag in "[a-zA-Z0-9]{1,16}",
        branch in "[a-zA-Z0-9]{1,24}",
        number in 0u32..0x8000_0000,
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut octets = format!(
            "{method} sip:{user}@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bK{branch}\r\n\
             From: \"{user}\" <sip:{user}@{host}>;tag={tag}\r\nTo: <sip:{user}@{host}>\r\nCall-ID: {tag}@{host}\r\n\
             CSeq: {number} {method}\r\nMax-Forwards: 70\r\nX-Other: {branch}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        octets.extend_from_slice(&body);
        let ours = Message::parse_datagram(Bytes::from(octets.clone())).unwrap();
        prop_assert_eq!(ours.validate(), Ok(()));
        if let Ok(theirs) = SipMessage::try_from(octets) {
            agree(&ours, &theirs);
        }
        let theirs = SipMessage::try_from(&ours).unwrap();
        agree(&ours, &theirs);
        let back = Message::try_from(&theirs).unwrap();
        prop_assert_eq!(back.validate(), Ok(()));
        prop_assert_eq!(back.body_octets(), &body[..]);
        prop_assert_eq!(back.text("X-Other"), Some(branch.as_str()));
    }

    /// The corpus, with other letters and digits here and there. Other separators would tell how much each forgives, which is no
    /// matter of reading the same.
    #[test]
    fn what_is_like_the_corpus(
        index in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[a-zA-Z0-9]"), 0..6),
    ) {
        let corpus = corpus();
        let (name, mut octets) = corpus[index.index(corpus.len())].clone();
        let plain: Vec<usize> = (0..octets.len()).filter(|&at| octets[at].is_ascii_alphanumeric()).collect();
        for (at, octet) in changes.into_iter().filter(|_| !plain.is_empty()) {
            octets[plain[at.index(plain.len())]] = octet.as_bytes()[0];
        }
        compare(&name, &octets);
    }
}
