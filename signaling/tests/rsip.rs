//! A second opinion: on everything that both this parser and `rsip` accept, both read the same.

use bytes::Bytes;
use proptest::prelude::*;
use rsip::SipMessage;
use rsip::prelude::*;
use signaling::message::{Header, Message};
use std::path::{Path, PathBuf};

/// Messages that `rsip` reads as they stand, or in plain form.
const MESSAGES: [&[u8]; 9] = [
    include_bytes!("torture/lwsdisp.sip"),
    include_bytes!("torture/transports.sip"),
    include_bytes!("torture/mpart01.sip"),
    include_bytes!("torture/wsinv.sip"),
    include_bytes!("torture/semiuri.sip"),
    include_bytes!("torture/inv2543.sip"),
    include_bytes!("torture/cparam01.sip"),
    include_bytes!("torture/noreason.sip"),
    include_bytes!("torture/zeromf.sip"),
];

/// Compares what both made of the same octets.
fn agree(ours: &Message, theirs: &SipMessage) {
    assert_eq!(ours.is_request(), matches!(theirs, SipMessage::Request(_)));
    if let SipMessage::Response(response) = theirs {
        assert_eq!(ours.status().map(|status| status.code()), Some(response.status_code.code()));
    }
    if let (Some(method), SipMessage::Request(request)) = (ours.method(), theirs) {
        assert_eq!(method.as_str(), request.method.to_string());
    }
    if let (Ok(id), Ok(header)) = (ours.call_id(), theirs.call_id_header()) {
        assert_eq!(id, header.value().trim());
    }
    if let (Ok(cseq), Ok(Ok(typed))) = (ours.cseq(), theirs.cseq_header().map(|header| header.typed())) {
        assert_eq!((cseq.number, cseq.method.as_str()), (typed.seq, typed.method.to_string().as_str()));
    }
    if let (Ok(from), Ok(Ok(typed))) = (ours.from(), theirs.from_header().map(|header| header.typed())) {
        assert_eq!(from.tag(), typed.tag().map(|tag| tag.value()));
        // `rsip` finds no user in an address without angle brackets.
        if ours.text(Header::From).is_some_and(|text| text.contains('<')) {
            assert_eq!(from.uri().user(), typed.uri.user());
        }
    }
    if let (Ok(via), Ok(Ok(typed))) = (ours.via(), theirs.via_header().map(|header| header.typed())) {
        assert_eq!(via.transport().to_ascii_uppercase(), typed.transport.to_string());
        assert_eq!(via.branch(), typed.branch().map(|branch| branch.value()));
    }
}

#[test]
fn both_read_the_same_and_convert_both_ways() {
    let mut converted = 0;
    for octets in MESSAGES {
        let ours = Message::parse_datagram(Bytes::from_static(octets)).unwrap();
        if let Ok(theirs) = SipMessage::try_from(octets) {
            agree(&ours, &theirs);
        }
        let Ok(theirs) = SipMessage::try_from(&ours) else { continue };
        converted += 1;
        agree(&ours, &theirs);
        let back = Message::try_from(&theirs).unwrap();
        agree(&back, &theirs);
        assert_eq!(back.body(), ours.body());
        assert_eq!(back.vias().count(), ours.vias().count());
        assert_eq!(back.header(Header::CallId), ours.header(Header::CallId));
    }
    assert!(converted >= 6, "{converted} of {} converted", MESSAGES.len());
}

/// The messages of RFC 4475 and RFC 5118, and what fuzzing found.
#[test]
fn whatever_both_accept_both_read_the_same() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = ["tests/torture", "../fuzz/corpus/sip_message"]
        .into_iter()
        .flat_map(|folder| std::fs::read_dir(own.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension == "sip"))
        .collect();
    files.sort_unstable();
    let (mut compared, mut differ) = (0, Vec::new());
    for path in files {
        let octets = std::fs::read(&path).unwrap();
        let Ok(ours) = Message::parse_datagram(Bytes::from(octets.clone())) else { continue };
        // `rsip` looks at a header only when it is asked for it; what is refused here is not read.
        if ours.validate().is_err() {
            continue;
        }
        let Ok(Ok(theirs)) = std::panic::catch_unwind(|| SipMessage::try_from(octets)) else { continue };
        compared += 1;
        if std::panic::catch_unwind(|| agree(&ours, &theirs)).is_err() {
            differ.push(path);
        }
    }
    assert!(differ.is_empty(), "the differences are above: {differ:#?}");
    assert!(compared >= 20, "{compared} were compared");
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
}
