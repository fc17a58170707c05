//! Every message of RFC 4475 and RFC 5118 has one of the outcomes that its RFC allows.

use bytes::Bytes;
use proptest::prelude::*;
use signaling::message::{
    Capabilities, Defect, Fault, Header, Malformed, Message, Method, ResponseWriter, Scheme, Tag,
};

/// What is done with a message.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// Processed.
    Accepted,
    /// Answered with this status; the reason phrase names the fault.
    Answered(u16, &'static str),
    /// Not answered.
    Dropped,
}

use Outcome::{Accepted, Answered, Dropped};

macro_rules! messages {
    ($($name:literal $outcome:expr;)*) => {
        /// Name, octets, outcome.
        const MESSAGES: &[(&str, &[u8], Outcome)] =
            &[$(($name, include_bytes!(concat!("torture/", $name, ".sip")), $outcome),)*];
    };
}

messages! {
    // RFC 4475 §3.1.1, valid.
    "wsinv" Accepted;
    "intmeth" Answered(501, "Not Implemented"); // an endpoint answers 501 with Allow
    "esc01" Accepted;
    "escnull" Accepted;
    "esc02" Answered(501, "Not Implemented"); // RE%47IST%45R is not REGISTER
    "lwsdisp" Accepted;
    "longreq" Accepted;
    "dblreq" Accepted; // what follows the Content-Length in a datagram is discarded
    "semiuri" Accepted;
    "transports" Accepted;
    "mpart01" Accepted;
    "unreason" Accepted;
    "noreason" Accepted;
    // RFC 4475 §3.1.2, invalid.
    "badinv01" Answered(400, "Malformed Via Header");
    "clerr" Answered(400, "Body Shorter Than Content-Length");
    "ncl" Answered(400, "Malformed Content-Length Header");
    "scalar02" Answered(400, "Malformed CSeq Header");
    "scalarlg" Dropped;
    "quotbal" Answered(400, "Malformed To Header");
    "ltgtruri" Answered(400, "Malformed Request-URI");
    "lwsruri" Answered(400, "Malformed Request-Line");
    "lwsstart" Answered(400, "Malformed Request-Line");
    "trws" Answered(400, "Malformed Request-Line");
    "escruri" Answered(400, "Malformed Request-URI");
    "baddate" Accepted; // Date is not used, so it may be ignored
    "regbadct" Answered(400, "Malformed Contact Header");
    "badaspec" Answered(400, "Malformed To Header");
    "baddn" Answered(400, "Malformed From Header");
    "badvers" Answered(505, "Version Not Supported");
    "mismatch01" Answered(400, "CSeq Method Does Not Match Request Method");
    "mismatch02" Answered(400, "CSeq Method Does Not Match Request Method"); // 501 is allowed as well
    "bigcode" Dropped;
    // RFC 4475 §3.2, transaction layer.
    "badbranch" Accepted; // falls back to the matching of RFC 2543
    // RFC 4475 §3.3, application layer.
    "insuf" Answered(400, "Missing From Header");
    "unkscm" Answered(416, "Unsupported URI Scheme");
    "novelsc" Answered(416, "Unsupported URI Scheme");
    "unksm2" Answered(400, "Malformed To Header"); // the address of record must be a SIP URI
    "bext01" Answered(420, "Bad Extension");
    "invut" Answered(415, "Unsupported Media Type");
    "regaut01" Accepted; // counts as a request without credentials: the registrar challenges
    "multi01" Answered(400, "Repeated CSeq Header");
    "mcl01" Answered(400, "Repeated Content-Length Header");
    "bcast" Dropped; // a response at its user agent has one Via
    "zeromf" Accepted; // an endpoint answers; only a proxy must not forward
    "cparam01" Accepted;
    "cparam02" Accepted;
    "regescrt" Accepted;
    "sdp01" Answered(406, "Not Acceptable");
    // RFC 4475 §3.4.
    "inv2543" Accepted;
    // RFC 5118 §4.
    "ipv6-good" Accepted;
    "ipv6-bad" Answered(400, "Malformed Request-URI");
    "port-ambiguous" Accepted;
    "port-unambiguous" Accepted;
    "via-received-param-with-delim" Accepted;
    "via-received-param-no-delim" Accepted;
    "ipv6-in-sdp" Accepted;
    "mult-ip-in-header" Accepted;
    "mult-ip-in-sdp" Accepted;
    "ipv4-mapped-ipv6" Accepted;
    "ipv6-bug-abnf-3-colons" Accepted;
    "ipv6-correct-abnf-2-colons" Accepted;
}

const CAPABILITIES: Capabilities<'static> = Capabilities {
    methods: &Method::REGISTERED,
    schemes: &[Scheme::Sip, Scheme::Sips, Scheme::Tel],
    extensions: &["100rel", "timer", "replaces"],
    content_types: &["application/sdp", "text/plain", "multipart/mixed"],
    answers: &["application/sdp"],
};

/// The hosts that sent the requests which the responses among the messages answer.
const OURS: [&str; 3] = ["192.0.2.198", "192.0.2.105", "host129.example.com"];

fn octets(name: &str) -> Bytes {
    let (_, octets, _) = MESSAGES.iter().find(|(found, ..)| *found == name).expect("a message of that name");
    Bytes::from_static(octets)
}

fn message(name: &str) -> Message {
    Message::parse_datagram(octets(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn verdict(octets: Bytes) -> (Option<Message>, Result<(), Fault>) {
    match Message::parse_datagram(octets) {
        Err(_) => (None, Err(Fault::Drop(Defect::StartLine))),
        Ok(message) => {
            let verdict = message.validate().and_then(|()| match message.is_request() {
                true => message.screen(&CAPABILITIES),
                false => message.screen_response(|via| OURS.contains(&via.host())),
            });
            (Some(message), verdict)
        }
    }
}

#[test]
fn every_message_has_an_outcome_that_its_rfc_allows() {
    assert_eq!(MESSAGES.len(), 49 + 12);
    let tag = Tag::of_random(1);
    for (name, octets, expected) in MESSAGES {
        let (message, verdict) = verdict(Bytes::from_static(octets));
        match (verdict, expected) {
            (Ok(()), Accepted) | (Err(Fault::Drop(_)), Dropped) => {}
            (Err(Fault::Reply { status, defect }), Answered(code, reason)) => {
                assert_eq!((status.code(), defect.to_string().as_str()), (*code, *reason), "{name}");
                let request = message.unwrap();
                let reason = defect.to_string();
                let answer = ResponseWriter::to(&request, status).reason(&reason).to_tag(&tag).finish();
                let answer = Message::parse_datagram(answer).unwrap();
                assert_eq!(answer.status(), Some(status), "{name}");
                assert_eq!(answer.reason().as_deref(), Some(reason.as_str()), "{name}");
                for header in [Header::Via, Header::From, Header::CallId, Header::CSeq] {
                    let (sent, came): (Vec<_>, Vec<_>) =
                        (answer.lines(header).collect(), request.lines(header).collect());
                    assert_eq!(sent, came, "{name}");
                }
            }
            (verdict, expected) => panic!("{name}: {verdict:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn a_short_tortuous_invite_is_read_in_full() {
    let invite = message("wsinv");
    assert!(invite.is(&Method::Invite));
    assert_eq!(invite.request_uri().unwrap().as_str(), "sip:vivekg@chair-dnrc.example.com;unknownparam");
    assert_eq!(invite.to_tag().unwrap().as_str(), "1918181833n");
    let from = invite.from().unwrap();
    assert_eq!((from.display_name().as_deref(), from.tag()), (Some(r#"J Rosenberg \""#), Some("98asjd8")));
    assert_eq!(invite.max_forwards(), Ok(Some(68)));
    assert_eq!(invite.cseq().unwrap().to_string(), "9 INVITE");
    let vias: Vec<_> = invite.vias().map(Result::unwrap).collect();
    let hosts: Vec<_> = vias.iter().map(|via| (via.transport(), via.host(), via.branch().unwrap())).collect();
    assert_eq!(
        hosts,
        [
            ("UDP", "192.0.2.2", "390skdjuw"),
            ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
            ("UDP", "192.168.255.111", "z9hG4bK30239")
        ]
    );
    assert_eq!(invite.header(Header::Subject), Some(&b""[..]));
    assert_eq!(invite.text("newfangledheader"), Some("newfangled value   continued newfangled value"));
    assert_eq!(invite.text("UnknownHeaderWithUnusualValue"), Some(";;,,;;,;"));
    assert!(invite.routes().next().unwrap().unwrap().uri().is_loose_router());
    let contact = invite.contact().unwrap().unwrap();
    assert_eq!(contact.display_name().as_deref(), Some(r#"Quoted string """#));
    assert_eq!((contact.parameter("newparam"), contact.q()), (Some("newvalue"), Some(330)));
    assert_eq!(invite.body().len(), 150);
}

#[test]
fn unusual_octets_survive() {
    let request = message("intmeth");
    assert_eq!(request.method().unwrap().as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(request.to().unwrap().display_name().as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    let from = request.from().unwrap();
    assert_eq!(from.parameters().find("fromParam''~+*_!.-%").unwrap().unquoted(), "работающий");
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(request.text("extensionHeader-!.%*+_`'~"), Some("\u{feff}大停電"));
    let uri = request.request_uri().unwrap();
    assert_eq!(uri.password(), Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
    assert_eq!(
        message("escnull").contacts().map(|c| c.unwrap().uri().user().unwrap().len()).collect::<Vec<_>>(),
        [3, 6]
    );
    let parts = message("mpart01");
    assert_eq!(parts.body().len(), 553);
    assert!(parts.body().windows(4).any(|window| window == [0x30, 0x82, 0x01, 0x52]));
    assert_eq!(parts.content_type().unwrap().unwrap().parameters.get("boundary"), Some("7a9cbec02ceef655"));
    assert_eq!(message("unreason").reason().as_deref(), Some("= 2**3 * 5**2 но сто девяносто девять - простое"));
}

#[test]
fn escapes_are_read_where_the_grammar_has_them_and_nowhere_else() {
    let invite = message("esc01");
    assert_eq!(invite.request_uri().unwrap().user(), Some("sips%3Auser%40example.com"));
    assert_eq!(invite.request_uri().unwrap().user_decoded().as_deref(), Some("sips:user@example.com"));
    let contact = invite.contact().unwrap().unwrap();
    assert_eq!(contact.uri().parameter("n%61me"), Some("v%61lue%25%34%31"));
    let request = message("esc02");
    assert_eq!(request.contacts().count(), 2);
    assert_eq!(request.text("C%6Fntact"), Some("<sip:alias2@host2.example.com>"));
    let request = message("semiuri");
    assert_eq!(request.request_uri().unwrap().user(), Some("user;par=u%40example.net"));
    assert_eq!(request.tokens(Header::Accept).count(), 6);
    let register = message("regescrt");
    assert_eq!(register.contact().unwrap().unwrap().uri().header("route").as_deref(), Some("<sip:sip.example.com>"));
}

#[test]
fn long_values_and_many_vias() {
    let invite = message("longreq");
    assert_eq!(invite.vias().filter(Result::is_ok).count(), 34);
    assert_eq!(invite.vias().last().unwrap().unwrap().received(), "192.0.2.5".parse().ok());
    assert_eq!(invite.body().len(), 150);
}

#[test]
fn parameters_are_told_apart_from_uri_parameters() {
    let header = message("cparam01");
    let header = header.contact().unwrap().unwrap();
    assert!(header.parameters().has("unknownparam") && header.uri().parameters().is_empty());
    let uri = message("cparam02");
    let uri = uri.contact().unwrap().unwrap();
    assert!(uri.parameters().is_empty() && uri.uri().parameters().has("unknownparam"));
}

#[test]
fn octets_after_the_body_of_a_datagram_are_dropped() {
    let register = message("dblreq");
    assert!(register.is(&Method::Register));
    assert!(register.body().is_empty());
    assert!(register.as_bytes().ends_with(b"\r\n\r\n"));
}

#[test]
fn addresses_of_version_six() {
    assert_eq!(message("port-ambiguous").request_uri().unwrap().port(), None);
    let uri = message("port-unambiguous");
    assert_eq!(uri.request_uri().unwrap().port(), Some(5070));
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        assert_eq!(message(name).via().unwrap().received(), "2001:db8::9:255".parse().ok(), "{name}");
    }
    let three = message("ipv6-bug-abnf-3-colons");
    let two = message("ipv6-correct-abnf-2-colons");
    assert!(three.request_uri().unwrap().equivalent(two.request_uri().unwrap()));
    let mapped = message("ipv4-mapped-ipv6");
    assert_eq!(mapped.via().unwrap().port(), Some(19823));
}

#[test]
fn an_explanation_goes_with_the_refusals_that_want_one() {
    let explain = |name: &str| {
        let (_, verdict) = verdict(octets(name));
        CAPABILITIES.explain(verdict.unwrap_err().defect()).map(|(header, value)| format!("{header}: {value}"))
    };
    assert_eq!(explain("bext01").as_deref(), Some("Unsupported: nothingSupportsThis, nothingSupportsThisEither"));
    assert_eq!(explain("invut").as_deref(), Some("Accept: application/sdp, text/plain, multipart/mixed"));
    assert!(explain("intmeth").is_some_and(|allow| allow.starts_with("Allow: INVITE, ACK")));
    assert_eq!(explain("clerr"), None);
}

#[test]
fn a_stream_is_cut_or_closed() {
    use signaling::message::{content_length, head_length};
    for (name, bytes, _) in MESSAGES {
        let head = head_length(bytes, 0).unwrap().unwrap();
        let length = content_length(&bytes[..head]);
        match *name {
            "ncl" | "mcl01" => assert_eq!(length, Err(Malformed::ContentLength), "{name}"),
            "clerr" => assert_eq!(length, Ok(9999)),
            "dblreq" => assert_eq!(length, Ok(0)),
            "inv2543" => assert_eq!(length, Ok(0)),
            _ => assert!(length.is_ok(), "{name}"),
        }
    }
}

/// Calls everything there is to call.
fn touch(message: &Message) {
    let _ = message.validate();
    let _ = message.screen(&CAPABILITIES);
    let _ = (message.via(), message.from(), message.to(), message.call_id(), message.cseq(), message.rack());
    let _ = (message.content_type(), message.expires(), message.content_length(), message.branch(), message.reason());
    for (name, value) in message.headers() {
        assert!(!value.iter().any(|octet| matches!(octet, b'\r' | b'\n')), "{name} holds a line end");
    }
    for &header in Header::ALL {
        for address in message.addresses(header).flatten() {
            let _ = (address.display_name(), address.q(), address.expires(), address.parameters().iter().count());
            let _ = (address.uri().equivalent(address.uri()), address.uri().headers().count(), address.uri().address());
        }
        for via in message.vias().flatten() {
            let _ = (via.received(), via.rport(), via.address(), via.parameters().iter().count());
        }
        let _ = (message.credentials(header).count(), message.challenges(header).count());
        let _ = message.parameterized(header).map(|value| value.map(|value| value.parameters.iter().count()));
    }
}

proptest! {
    #[test]
    fn mutations_never_panic(
        index in 0..MESSAGES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..12),
    ) {
        let mut octets = MESSAGES[index].1.to_vec();
        for (at, octet, kind) in changes {
            if octets.is_empty() {
                break;
            }
            let at = at.index(octets.len());
            match kind {
                0 => octets[at] = octet,
                1 => octets.insert(at, octet),
                2 => { octets.remove(at); }
                _ => octets.insert(at, b"\"<>;,:@[]%\\\r\n \t=?*"[usize::from(octet) % 18]),
            }
        }
        let cut = octets.len() / 2;
        for part in [&octets[..], &octets[..cut], &octets[cut..]] {
            if let Ok(message) = Message::parse_datagram(Bytes::copy_from_slice(part)) {
                touch(&message);
                let answer = ResponseWriter::to(&message, signaling::message::StatusCode::OK)
                    .source("192.0.2.77:5099".parse().unwrap())
                    .to_tag(&Tag::of_random(7))
                    .finish();
                prop_assert!(Message::parse_datagram(answer).is_ok());
            }
        }
    }

    #[test]
    fn any_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut with_line = b"INVITE sip:u@h SIP/2.0\r\n".to_vec();
        with_line.extend_from_slice(&octets);
        for octets in [octets, with_line] {
            if let Ok(message) = Message::parse_datagram(Bytes::from(octets)) {
                touch(&message);
            }
        }
    }
}
