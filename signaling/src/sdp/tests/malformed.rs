//! What is no description: each with the line and the fault. And anything at all: no panic.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::super::limits::{SDP_BYTES_MAX, SDP_FORMATS_MAX, SDP_LINES_MAX, SDP_MEDIA_MAX};
use super::super::{AnswerKind, OfferAnswer, ParseFault, SessionDescription, typed};
use super::{machine, parsed, pcma, pcmu, phones, sdp, streams, voice};

const HEAD: &str = "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\n";

fn fault(text: &[u8]) -> (usize, Option<char>, ParseFault) {
    let error = SessionDescription::parse(text).unwrap_err();
    (error.line, error.letter, error.fault)
}

#[test]
fn each_fault_is_named_with_its_line() {
    use ParseFault::*;
    let after_head: &[(&str, char, ParseFault)] = &[
        ("c=IN IP4", 'c', TooFewWords),
        ("c=IN IP4 192.0.2.300", 'c', Address),
        ("c=IN IP4 010.1.1.1.1", 'c', Address),
        ("c=IN IP4 2001:db8::1", 'c', Address),
        ("c=IN IP6 192.0.2.1", 'c', Address),
        ("c=IN IP6 fe80::1%eth0", 'c', Address),
        ("c=IN IP6 ff02::1/3/3", 'c', Address),
        ("c=IN IP4 224.2.1.1/127/3/4", 'c', Address),
        ("c=IN IP4 224.2.1.1/256", 'c', Number),
        ("c=IN IP4 224.2.1.1/127/0", 'c', Number),
        ("c=IN IP4 192.0.2.1 more", 'c', TooManyWords),
        ("c=IN IP4 phone/127", 'c', Address),
        ("c=I(N IP4 192.0.2.1", 'c', Token),
        ("b=AS", 'b', TooFewWords),
        ("b=AS:x", 'b', Number),
        ("b=:64", 'b', Token),
        ("t=0", 't', TooFewWords),
        ("t=0 0 0", 't', TooManyWords),
        ("t=now 0", 't', Number),
        ("r=7d 1h 0", 'r', Misplaced),
        ("z=0 0", 'z', Misplaced),
        ("s=again", 's', Repeated),
        ("o=- 1 1 IN IP4 192.0.2.9", 'o', Repeated),
        ("v=0", 'v', Repeated),
        ("o=1 1 IN IP4", 'o', TooFewWords),
        ("a=", 'a', Token),
        ("a=:x", 'a', Token),
        ("a=x\ry", 'a', ControlByte),
        ("a=x\0y", 'a', ControlByte),
        ("m=audio", 'm', TooFewWords),
        ("m=audio 4000", 'm', TooFewWords),
        ("m=audio 4000 RTP/AVP", 'm', TooFewWords),
        ("m=audio 65536 RTP/AVP 0", 'm', Port),
        ("m=audio -1 RTP/AVP 0", 'm', Port),
        ("m=audio 4000/0 RTP/AVP 0", 'm', Port),
        ("m=audio 4000/x RTP/AVP 0", 'm', Port),
        ("m=au/dio 4000 RTP/AVP 0", 'm', Token),
        ("m=audio 4000 RTP//AVP 0", 'm', Token),
        ("a", 'a', NotALine),
        ("a:sendonly", 'a', NotALine),
    ];
    for (line, letter, expected) in after_head {
        assert_eq!(fault(format!("{HEAD}{line}\n").as_bytes()), (4, Some(*letter), *expected), "{line}");
    }
    for line in ["v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "u=x", "e=x", "p=x", "t=0 0", "r=x", "z=x"] {
        let text = format!("{HEAD}t=0 0\nm=audio 4000 RTP/AVP 0\n{line}\n");
        assert_eq!(fault(text.as_bytes()), (6, line.chars().next(), Misplaced), "{line}");
    }
    assert_eq!(fault(b""), (1, None, VersionMissing));
    assert_eq!(fault(b"v=0\r\ns=-\r\n"), (3, None, OriginMissing));
    assert_eq!(fault(b"v=1\r\n"), (1, Some('v'), Version));
    assert_eq!(fault(b"o=- 1 1 IN IP4 192.0.2.9\r\n"), (1, Some('o'), VersionMissing));
    assert_eq!(fault(b"v=0\no=- x 1 IN IP4 192.0.2.9\n"), (2, Some('o'), Number));
    assert_eq!(fault(b"v=0\n=x\n"), (2, None, NotALine));
    assert_eq!(fault("v=0\n\u{e4}=x\n".as_bytes()), (2, None, NotALine));
    assert_eq!(
        SessionDescription::parse(format!("{HEAD}c=IN IP4 x..y\n").as_bytes()).unwrap_err().to_string(),
        "SDP line 4 (c=): not an address of its type"
    );
}

#[test]
fn bounds_hold() {
    let media = |count: usize| format!("{HEAD}{}", "m=audio 4000 RTP/AVP 0\n".repeat(count));
    assert_eq!(parsed(media(SDP_MEDIA_MAX).as_bytes()).media.len(), SDP_MEDIA_MAX);
    assert_eq!(fault(media(SDP_MEDIA_MAX + 1).as_bytes()).2, ParseFault::TooManyMedia);
    let formats = |count: usize| format!("{HEAD}m=audio 4000 RTP/AVP{}\n", " 0".repeat(count));
    assert_eq!(parsed(formats(SDP_FORMATS_MAX).as_bytes()).media[0].codecs().len(), 1);
    assert_eq!(fault(formats(SDP_FORMATS_MAX + 1).as_bytes()).2, ParseFault::TooManyFormats);
    let attributes = |count: usize| format!("{HEAD}{}", "a=x\n".repeat(count));
    // The three lines of the head, and the `t=` that will be written.
    assert_eq!(parsed(attributes(SDP_LINES_MAX - 4).as_bytes()).attributes.len(), SDP_LINES_MAX - 4);
    assert_eq!(fault(attributes(SDP_LINES_MAX - 3).as_bytes()).2, ParseFault::TooManyLines);
    let (line, letter, _) = fault(attributes(SDP_LINES_MAX).as_bytes());
    assert_eq!((line, letter), (SDP_LINES_MAX + 1, Some('a')));
    assert_eq!(
        fault(
            "
"
            .repeat(SDP_LINES_MAX * 2)
            .as_bytes()
        )
        .2,
        ParseFault::VersionMissing
    );
    assert_eq!(fault(&vec![b'\n'; SDP_BYTES_MAX]).2, ParseFault::VersionMissing);
    assert_eq!(fault(&vec![b'a'; SDP_BYTES_MAX + 1]).2, ParseFault::TooLong);
    let connections = "c=IN IP4 192.0.2.1\n".repeat(17);
    assert_eq!(
        fault(format!("{HEAD}m=audio 4000 RTP/AVP 0\n{connections}").as_bytes()).2,
        ParseFault::TooManyConnections
    );
}

#[test]
fn what_phones_get_wrong_is_borne() {
    // LF alone, blank lines, blanks at line ends, lines out of order, no s= and no t=, an empty user.
    let session = parsed(
        b"v=0 \n\no= 12 13 IN IP4 192.0.2.9 \na=sendonly\t\nb=AS: 64\nc=IN  IP4 192.0.2.9  \nm=audio  4000  RTP/AVP 0 101 \na=ptime:20\nc=IN IP4 192.0.2.8\n\n",
    );
    assert_eq!(session.origin.username, "-");
    assert_eq!(session.name, "-");
    assert_eq!(session.timings.len(), 1);
    assert_eq!(session.bandwidths[0].value, 64);
    assert_eq!(session.media[0].formats.len(), 2);
    let typed = typed::describe(&session);
    assert_eq!(typed.streams[0].rtp.unwrap().to_string(), "192.0.2.8:4000");
    assert_eq!(typed.streams[0].direction, router::parameter::Direction::SendOnly);
    // A user of several words; a rejected stream without a format.
    let session = parsed(b"v=0\no=John  Q. Public 1 2 IN IP4 host\ns=\nt=0 0\nm=video 0 RTP/AVP\n");
    assert_eq!(session.origin.username, "John  Q. Public");
    assert!(session.name.is_empty());
    assert!(session.media[0].formats.is_empty());
    // 64 bits that were printed as a signed number.
    let session = parsed(b"v=0\no=- -8123372036854775807 -1 IN IP4 192.0.2.9\ns=-\nt=0 0\n");
    assert_eq!(session.origin.session_id, "-8123372036854775807");
    assert_eq!(session.origin.session_version, "-1");
    for number in ["-", "--1", "1-", "+1"] {
        let text = format!("v=0\no=- {number} 1 IN IP4 192.0.2.9\n");
        assert_eq!(fault(text.as_bytes()), (2, Some('o'), ParseFault::Number), "{number}");
    }
}

#[test]
fn everything_of_rfc_8866_survives_byte_for_byte() {
    let text = sdp("
        v=0
        o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1
        s=Call to John Smith
        i=SDP Offer #1
        u=http://www.jdoe.example.com/home.html
        e=Jane Doe <jane@jdoe.example.com>
        e=another@example.com
        p=+1 617 555-6011
        c=IN IP4 198.51.100.1
        b=X-YZ:128
        b=AS:64
        t=3724394400 3724398000
        r=7d 1h 0 25h
        r=604800 3600 0 90000
        z=3730928400 -1h 3749680800 0
        t=3724484400 3724488000
        k=clear:x
        x=something of tomorrow
        a=recvonly
        a=X-unknown: with  blanks
        a=charset:ISO-8859-1
        m=audio 49170/2 RTP/AVP 0 96
        i=title
        c=IN IP4 224.2.1.1/127/3
        c=IN IP6 ff15::101/3
        c=TN RFC2543 +1-201-406-4090
        b=TIAS:64000
        k=prompt
        y=here too
        a=rtpmap:96 opus/48000/2
        a=fmtp:96 stereo=1;  sprop-stereo=1
        m=video 49180 RTP/AVP 31
        c=IN IP4 media.example.org
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
    let session = parsed(&text);
    assert_eq!(session.write(), text);
    assert_eq!(session.timings[0].repeats.len(), 2);
    assert!(session.timings[0].zone.is_some() && session.timings[1].zone.is_none());
    assert_eq!(session.media[0].port_count, 2);
    assert_eq!(session.media[0].connections.len(), 3);
    let text = [&b"v=0\r\no=- 1 1 IN IP6 ::1\r\ns=\xff\xfe\r\nt=0 0\r\na=title:\xe4\r\n"[..]].concat();
    assert_eq!(parsed(&text).write(), text);
}

/// Any bytes are taken by both a machine that awaits an offer and one that awaits an answer.
fn survives(text: &[u8]) {
    if let Ok(session) = SessionDescription::parse(text) {
        assert_eq!(SessionDescription::parse(&session.write()).as_ref(), Ok(&session));
        typed::describe(&session);
    }
    let ours = streams(&[voice(4_000, &[pcma(), pcmu()])]);
    let mut answerer: OfferAnswer = machine(1);
    if answerer.receive_offer(text).is_ok() && answerer.make_answer(&ours).is_ok() {
        let agreed = answerer.agreement().unwrap();
        agreed.streams();
        parsed(agreed.local_text());
        // What we say next keeps the number of media lines.
        let lines = agreed.local().streams.len();
        let next = answerer.make_offer(&ours).map(|text| parsed(&text).media.len());
        assert!(next.is_err() || next == Ok(lines), "{next:?} {lines}");
    }
    let mut offerer = machine(2);
    offerer.make_offer(&ours).unwrap();
    if offerer.receive_answer(text, AnswerKind::Final).is_ok() {
        offerer.agreement().unwrap().streams();
    } else {
        assert!(offerer.roll_back());
    }
}

fn mutation() -> impl Strategy<Value = (usize, usize, Vec<u8>)> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6),
        Just(b"\r\n".to_vec()),
        Just(b"\nm=audio 4000 RTP/AVP 0 8\r\n".to_vec()),
        Just(b"\na=rtpmap:0 PCMA/8000\r\n".to_vec()),
        Just(b"\nc=IN IP6 ::\r\n".to_vec()),
        Just(b"18446744073709551616".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\na=ptime:99999999999\r\n".to_vec()),
        Just(b"\na=rtcp:65535 IN IP4 224.0.0.1\r\n".to_vec()),
    ];
    (any::<usize>(), 0_usize..12, piece)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, rng_seed: RngSeed::Fixed(3264), ..ProptestConfig::default() })]

    #[test]
    fn mutated_descriptions_never_panic(
        sample in 0..phones::ALL.len(),
        mutations in proptest::collection::vec(mutation(), 1..8),
    ) {
        let mut text = sdp(phones::ALL[sample].text);
        for (at, removed, piece) in mutations {
            let at = at % (text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, piece);
        }
        survives(&text);
    }

    #[test]
    fn noise_never_panics(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        survives(&text);
    }

    #[test]
    fn lines_of_noise_never_panic(lines in proptest::collection::vec("[a-z]=[ -~]{0,40}", 0..30)) {
        survives(format!("{HEAD}{}\r\n", lines.join("\r\n")).as_bytes());
    }
}
