//! The messages of RFC 4475 and RFC 5118, and more of their families, as the service answers them.

use super::harness::{TRUNK, World, account, header, sdp};
use super::peer::Peer;
use router::parameter::CauseKind;
use router::{Command, Received};
use signaling::message::{Header, Message};
use std::fmt;
use std::net::SocketAddr;

const STRANGER: &str = "203.0.113.66:5060";

/// The hosts that most of the messages are for.
const DOMAINS: [&str; 3] = ["example.com", "[2001:db8::10]", "[2001:db8::1]"];

/// What became of a message.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// The switch was asked for a call.
    Call,
    /// Answered so: status and reason phrase.
    Answer(u16, String),
    /// Nothing came of it.
    Nothing,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Call => f.write_str("call"),
            Outcome::Answer(status, reason) => write!(f, "{status} {reason}"),
            Outcome::Nothing => f.write_str("nothing"),
        }
    }
}

/// What becomes of these octets when they come from there, and the answer.
fn outcome(octets: &[u8], from: &str) -> (Outcome, Option<Message>) {
    let mut world = World::with(1, |config| config.domains = DOMAINS.map(str::to_owned).into());
    world.strict = false;
    let from: SocketAddr = from.parse().unwrap();
    world.send_octets(from, octets);
    world.run_ms(100);
    let start = std::mem::take(&mut world.at_switch).into_iter().find_map(|received| match received {
        Received::Packet(packet) if packet.command == Command::Start => Some(packet),
        _ => None,
    });
    let mut answers = world.take_of_host(from.ip());
    assert!(answers.len() <= 1, "{answers:?}");
    let answer = answers.pop();
    let outcome = match (&start, &answer) {
        (Some(_), None) => Outcome::Call,
        (None, Some(answer)) => {
            let reason = answer.reason().unwrap_or_default().into_owned();
            Outcome::Answer(answer.status().unwrap().code(), reason)
        }
        (None, None) => Outcome::Nothing,
        (Some(packet), Some(answer)) => panic!("{packet:?} {answer:?}"),
    };
    if let Some(packet) = start {
        world.refuse(&packet, CauseKind::Busy);
    }
    world.assert_idle();
    (outcome, answer)
}

/// A request of a family: the edits make it of [`BASE`].
struct Variant {
    name: &'static str,
    method: &'static str,
    edits: &'static [(&'static str, &'static str)],
    body: Option<&'static str>,
    outcome: &'static str,
}

const BASE: &str = "INVITE sip:200@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.10:5060;rport;branch=z9hG4bKfamily\r\n\
    Max-Forwards: 70\r\nFrom: <sip:100@198.51.100.10>;tag=f1\r\nTo: <sip:200@192.0.2.1>\r\n\
    Call-ID: family@198.51.100.10\r\nCSeq: 1 INVITE\r\nContact: <sip:100@198.51.100.10>\r\n\
    Content-Type: application/sdp\r\nContent-Length: LENGTH\r\n\r\n";

fn written(method: &str, edits: &[(&str, &str)], body: &str) -> String {
    let mut head = BASE.replace("INVITE", method);
    for (from, to) in edits {
        assert!(head.contains(from), "{from}");
        head = head.replacen(from, to, 1);
    }
    head.replace("LENGTH", &body.len().to_string()) + body
}

macro_rules! variants {
    ($($name:literal $method:ident [$($from:literal => $to:expr),*] $(body $body:expr,)? $outcome:literal;)*) => {
        const VARIANTS: &[Variant] = &[$(Variant {
            name: $name,
            method: stringify!($method),
            edits: &[$(($from, $to)),*],
            body: variants!(@ $($body)?),
            outcome: $outcome,
        },)*];
    };
    (@) => { None };
    (@ $body:expr) => { Some($body) };
}

const TWO_STREAMS: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=application 9 UDP/BFCP *\r\n";
const MIXED: &str = "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\n\
    c=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n\r\n--b\r\nContent-Type: application/x-q\r\n\
    Content-Disposition: x;handling=optional\r\n\r\nabc\r\n--b--\r\n";
const MIXED_REQUIRED: &str = "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\n\
    c=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n\r\n--b\r\nContent-Type: application/x-q\r\n\
    Content-Disposition: render;handling=required\r\n\r\nabc\r\n--b--\r\n";
const MIXED_UNKNOWN: &str = "--b\r\nContent-Type: application/x-q\r\n\r\nabc\r\n--b--\r\n";

variants! {
    "as it is" INVITE [] "call";
    "overlarge CSeq" INVITE ["1 INVITE" => "2147483648 INVITE"] "400 Malformed CSeq Header";
    "the largest CSeq" INVITE ["1 INVITE" => "2147483647 INVITE"] "call";
    "CSeq beyond 64 bits" OPTIONS ["1 OPTIONS" => "99999999999999999999999 OPTIONS"] "400 Malformed CSeq Header";
    "negative CSeq" OPTIONS ["1 OPTIONS" => "-1 OPTIONS"] "400 Malformed CSeq Header";
    "CSeq of another method" INVITE ["1 INVITE" => "1 BYE"] "400 CSeq Method Does Not Match Request Method";
    "CSeq in another case" INVITE ["1 INVITE" => "1 invite"] "400 CSeq Method Does Not Match Request Method";
    "overlarge Max-Forwards" OPTIONS ["70" => "256"] "400 Malformed Max-Forwards Header";
    "negative Max-Forwards" OPTIONS ["70" => "-1"] "400 Malformed Max-Forwards Header";
    "Max-Forwards that is no number" INVITE ["70" => "seventy"] "400 Malformed Max-Forwards Header";
    "two Max-Forwards" INVITE ["70\r\n" => "70\r\nMax-Forwards: 5\r\n"] "400 Repeated Max-Forwards Header";
    "Max-Forwards used up" INVITE ["70" => "0"] "call";
    "one hop left" INVITE ["70" => "1"] "call";
    "OPTIONS at the last hop" OPTIONS ["70" => "0"] "200 OK";
    "no Max-Forwards" INVITE ["Max-Forwards: 70\r\n" => ""] "call";
    "no To" INVITE ["To: <sip:200@192.0.2.1>\r\n" => ""] "400 Missing To Header";
    "no From" INVITE ["From: <sip:100@198.51.100.10>;tag=f1\r\n" => ""] "400 Missing From Header";
    "no Call-ID" INVITE ["Call-ID: family@198.51.100.10\r\n" => ""] "400 Missing Call-ID Header";
    "no CSeq" INVITE ["CSeq: 1 INVITE\r\n" => ""] "400 Missing CSeq Header";
    "no Contact" INVITE ["Contact: <sip:100@198.51.100.10>\r\n" => ""] "400 Missing Contact Header";
    "no Via" INVITE ["Via: SIP/2.0/UDP 198.51.100.10:5060;rport;branch=z9hG4bKfamily\r\n" => ""] "nothing";
    "a Via of another version" INVITE ["Via: SIP/2.0" => "Via: SIP/3.0"] "400 Malformed Via Header";
    "a Via without host" INVITE ["198.51.100.10:5060;rport" => ";rport"] "nothing";
    "an IPv6 address without brackets in Via" INVITE ["UDP 198.51.100.10:5060" => "UDP 2001:db8::1"] "400 Malformed Via Header";
    "an IPv6 address in Via" INVITE ["UDP 198.51.100.10:5060" => "UDP [2001:db8::1]:5060"] "call";
    "received with brackets" INVITE [";rport" => ";received=[2001:db8::9];rport"] "call";
    "received without brackets" INVITE [";rport" => ";received=2001:db8::9;rport"] "call";
    "ttl and maddr" OPTIONS [";rport" => ";ttl=16;maddr=198.51.100.10"] "200 OK";
    "ttl too large" OPTIONS [";rport" => ";ttl=256"] "200 OK";
    "an unknown transport in Via" OPTIONS ["2.0/UDP" => "2.0/CARRIER-PIGEON"] "200 OK";
    "two empty From" INVITE ["From: <sip:100@198.51.100.10>;tag=f1" => "From: "] "400 Malformed From Header";
    "two From" INVITE ["To:" => "From: <sip:x@y>;tag=2\r\nTo:"] "400 Repeated From Header";
    "two To" INVITE ["CSeq:" => "t: <sip:x@y>\r\nCSeq:"] "400 Repeated To Header";
    "two Call-IDs" INVITE ["CSeq:" => "i: other\r\nCSeq:"] "400 Repeated Call-ID Header";
    "unknown extension" INVITE ["CSeq:" => "Require: precondition, x-unknown\r\nCSeq:"] "420 Bad Extension";
    "unknown extension of OPTIONS" OPTIONS ["CSeq:" => "Require: precondition\r\nCSeq:"] "420 Bad Extension";
    "extension for proxies" OPTIONS ["CSeq:" => "Proxy-Require: x-unknown\r\nCSeq:"] "200 OK";
    "unknown type of body" INVITE ["application/sdp" => "application/x-unknown"] "415 Unsupported Media Type";
    "unknown type of body of OPTIONS" OPTIONS ["application/sdp" => "application/x-unknown"] "415 Unsupported Media Type";
    "unknown type of an optional body" INVITE ["application/sdp" => "application/x-unknown\r\nContent-Disposition: render;handling=optional"] "call";
    "body without type" INVITE ["Content-Type: application/sdp\r\n" => ""] "call";
    "encoded body" INVITE ["application/sdp" => "application/sdp\r\nContent-Encoding: gzip"] "415 Unsupported Media Type";
    "encoded by nothing" INVITE ["application/sdp" => "application/sdp\r\ne: identity"] "call";
    "unknown type of body of a REGISTER" REGISTER ["application/sdp" => "application/x-unknown", "sip:200@192.0.2.1 SIP" => "sip:192.0.2.1 SIP"] "401 Unauthorized";
    "malformed type of body" INVITE ["application/sdp" => "application"] "415 Unsupported Media Type";
    "multipart" INVITE ["application/sdp" => "multipart/mixed;boundary=b"] body MIXED, "call";
    "multipart of which nothing is understood" INVITE ["application/sdp" => "multipart/mixed;boundary=b"] body MIXED_UNKNOWN, "415 Unsupported Media Type";
    "multipart with what must be understood" INVITE ["application/sdp" => "multipart/mixed;boundary=b"] body MIXED_REQUIRED, "415 Unsupported Media Type";
    "multipart without boundary" INVITE ["application/sdp" => "multipart/mixed"] body MIXED, "400 Malformed Multipart Body";
    "several streams" INVITE [] body TWO_STREAMS, "call";
    "SDP that is none" INVITE [] body "nonsense", "400 SDP line 1 (n=): not a letter and an equals sign";
    "only other answers accepted" INVITE ["CSeq:" => "Accept: text/plain\r\nCSeq:"] "406 Not Acceptable";
    "anything accepted" INVITE ["CSeq:" => "Accept: text/plain;q=0.1, */*\r\nCSeq:"] "call";
    "negative Content-Length" INVITE ["LENGTH" => "-1"] "400 Malformed Content-Length Header";
    "overlarge Content-Length" INVITE ["LENGTH" => "99999"] "400 Body Shorter Than Content-Length";
    "Content-Length beyond 64 bits" INVITE ["LENGTH" => "18446744073709551616"] "400 Malformed Content-Length Header";
    "two Content-Lengths" INVITE ["Content-Length" => "l: 5\r\nContent-Length"] "400 Repeated Content-Length Header";
    "no Content-Length" INVITE ["Content-Length: LENGTH\r\n" => ""] "call";
    "compact forms" INVITE ["Via" => "v", "From" => "f", "To" => "t", "Call-ID" => "i", "Contact" => "m", "Content-Type" => "c", "Content-Length" => "l"] "call";
    "names in odd case, space before the colon" INVITE ["Via:" => "vIA :", "From" => "fROM", "To:" => "TO\t:", "Call-ID" => "cALL-iD", "CSeq" => "cseQ"] "call";
    "folded lines" INVITE ["From: <sip" => "From:\r\n <sip", "CSeq: 1 INVITE" => "CSeq: 1\r\n\t INVITE", "SIP/2.0/UDP 198" => "SIP/2.0/UDP\r\n 198"] "call";
    "lines that end in LF" INVITE ["70\r\n" => "70\n", "tag=f1\r\n" => "tag=f1\n", "1 INVITE\r\n" => "1 INVITE\n"] "call";
    "a lone CR" INVITE ["70\r\n" => "70\r\nX-Odd: a\rb\r\n"] "call";
    "UTF-8 names" INVITE ["From: <" => "From: \"Jürgen \u{1f4de} \\\"Q\\\" \\\\\" <"] "call";
    "a name without quotes" INVITE ["From: <" => "From: J. Müller, Berlin <"] "400 Malformed From Header";
    "a name without its last quote" INVITE ["From: <" => "From: \"Bob <"] "400 Malformed From Header";
    "NUL in a name" INVITE ["From: <" => "From: \"a\\\0b\" <"] "call";
    "NUL in a URI" INVITE ["To: <sip:200" => "To: <sip:2\x000"] "400 Malformed To Header";
    "NUL in the Request-URI" INVITE ["sip:200@192.0.2.1 SIP" => "sip:2\x0000@192.0.2.1 SIP"] "400 Malformed Request-URI";
    "NUL in an unknown header" INVITE ["CSeq:" => "X-Odd: a\0b\r\nCSeq:"] "call";
    "NUL in a header name" INVITE ["CSeq:" => "X-\0Odd: a\r\nCSeq:"] "400 Malformed Header Line";
    "a line without colon" INVITE ["CSeq:" => "nonsense\r\nCSeq:"] "400 Malformed Header Line";
    "empty header" INVITE ["CSeq:" => "Subject:\r\nCSeq:"] "call";
    "several values in one line" INVITE ["CSeq:" => "Record-Route: <sip:p1.example.com;lr>, <sip:198.51.100.10;lr>\r\nCSeq:"] "call";
    "several values in several lines" INVITE ["CSeq:" => "Record-Route: <sip:p1.example.com;lr>\r\nRecord-Route: <sip:198.51.100.10;lr>\r\nCSeq:"] "call";
    "a broken Record-Route" INVITE ["CSeq:" => "Record-Route: <sip:198.51.100.10;lr\r\nCSeq:"] "400 Malformed Record-Route Header";
    "a pre-loaded route to us" INVITE ["CSeq:" => "Route: <sip:192.0.2.1;lr>\r\nCSeq:"] "call";
    "lr with a value" INVITE ["CSeq:" => "Route: <sip:192.0.2.1;lr=on>\r\nRecord-Route: <sip:198.51.100.10;LR=true>\r\nCSeq:"] "call";
    "a pre-loaded route to others" INVITE ["CSeq:" => "Route: <sip:192.0.2.1;lr>, <sip:elsewhere.example.com>\r\nCSeq:"] "call";
    "two Contacts" INVITE ["10>\r\nContent" => "10>, <sip:other@198.51.100.10>\r\nContent"] "call";
    "Contact *" INVITE ["Contact: <sip:100@198.51.100.10>" => "Contact: *"] "400 Malformed Contact Header";
    "unknown scheme" INVITE ["sip:200@192.0.2.1 SIP" => "nobodyKnowsThisScheme:totallyopaquecontent SIP"] "416 Unsupported URI Scheme";
    "another scheme" INVITE ["sip:200@192.0.2.1 SIP" => "http://192.0.2.1/x SIP"] "416 Unsupported URI Scheme";
    "sips" INVITE ["sip:200@192.0.2.1 SIP" => "sips:200@192.0.2.1 SIP"] "416 Unsupported URI Scheme";
    "sips in To and From" INVITE ["To: <sip:" => "To: <sips:", "From: <sip:" => "From: <sips:"] "call";
    "tel" INVITE ["sip:200@192.0.2.1 SIP" => "tel:+49-30-123;phone-context=example.com SIP"] "call";
    "scheme in odd case" INVITE ["sip:200@192.0.2.1 SIP" => "SIP:200@192.0.2.1 SIP"] "call";
    "an unknown scheme in To" INVITE ["To: <sip:200@192.0.2.1>" => "To: <isbn:2983792873>"] "call";
    "headers in the Request-URI" INVITE ["sip:200@192.0.2.1 SIP" => "sip:200@192.0.2.1?Route=%3Csip:x%3E SIP"] "400 Malformed Request-URI";
    "brackets about the Request-URI" INVITE ["sip:200@192.0.2.1 SIP" => "<sip:200@192.0.2.1> SIP"] "400 Malformed Request-URI";
    "a space in the Request-URI" INVITE ["sip:200@192.0.2.1 SIP" => "sip:200@192.0.2.1; lr SIP"] "400 Malformed Request-Line";
    "two spaces in the request line" INVITE ["sip:200@192.0.2.1 SIP" => " sip:200@192.0.2.1 SIP"] "400 Malformed Request-Line";
    "no version" INVITE ["192.0.2.1 SIP/2.0" => "192.0.2.1"] "400 Malformed Request-Line";
    "a later version" INVITE ["192.0.2.1 SIP/2.0" => "192.0.2.1 SIP/3.0"] "505 Version Not Supported";
    "a later version throughout" INVITE ["192.0.2.1 SIP/2.0" => "192.0.2.1 SIP/3.0", "Via: SIP/2.0" => "Via: SIP/3.0"] "505 Version Not Supported";
    "the version in odd case" INVITE ["192.0.2.1 SIP/2.0" => "192.0.2.1 sip/2.0"] "call";
    "an unknown method" FROBNICATE [] "501 Not Implemented";
    "a method that is not served" NOTIFY [] "405 Method Not Allowed";
    "a method in lower case" invite [] "501 Not Implemented";
    "PRACK" PRACK ["CSeq:" => "RAck: 1 1 INVITE\r\nCSeq:"] "481 Call/Transaction Does Not Exist";
    "BYE of no dialog" BYE [] "481 Call/Transaction Does Not Exist";
    "CANCEL of nothing" CANCEL [] "481 Call/Transaction Does Not Exist";
    "ACK of nothing" ACK [] "nothing";
    "a broken ACK" ACK ["CSeq: 1 ACK\r\n" => ""] "nothing";
    "a tag of no dialog" INVITE ["To: <sip:200@192.0.2.1>" => "To: <sip:200@192.0.2.1>;tag=unknown"] "481 Call/Transaction Does Not Exist";
    "a parameter without name" INVITE [";tag=f1" => ";tag=f1;=x"] "400 Malformed From Header";
    "no From tag" INVITE [";tag=f1" => ""] "call";
    "an odd branch" INVITE ["z9hG4bKfamily" => "z9hG4bK"] "call";
    "no branch" INVITE [";branch=z9hG4bKfamily" => ""] "call";
    "Expires that is no number" REGISTER ["CSeq:" => "Expires: 0xFF\r\nCSeq:"] "401 Unauthorized";
    "a bad Date" INVITE ["CSeq:" => "Date: Fri, 01 Jan 2010 16:00:00 EST\r\nCSeq:"] "call";
    "an escape that is none" INVITE ["sip:200@" => "sip:2%Z0@"] "400 Malformed Request-URI";
    "an escaped user" INVITE ["sip:200@" => "sip:%32%30%30@"] "call";
    "an empty host" INVITE ["sip:200@192.0.2.1 SIP" => "sip:200@ SIP"] "400 Malformed Request-URI";
    "a port too large" INVITE ["sip:200@192.0.2.1 SIP" => "sip:200@192.0.2.1:65536 SIP"] "400 Malformed Request-URI";
}

#[test]
fn messages_of_the_same_families_have_the_outcome_that_rfc_3261_says() {
    for Variant { name, method, edits, body, outcome: expected } in VARIANTS {
        let session = sdp(1, 4_000, "sendrecv");
        let text = written(method, edits, body.unwrap_or(&session));
        let (found, answer) = outcome(text.as_bytes(), TRUNK);
        assert_eq!(found.to_string(), *expected, "{name}");
        if let Some(answer) = answer {
            explains(name, &answer);
        }
    }
}

/// What a refusal has to say beside its status (RFC 3261 §8.2.1 to §8.2.3, §21.4).
fn explains(name: &str, answer: &Message) {
    let explained = match answer.status().unwrap().code() {
        401 => answer.header(Header::WwwAuthenticate).is_some(),
        405 => answer.text(Header::Allow).is_some_and(|allow| allow.starts_with("INVITE, ACK")),
        // Strangers are not told.
        501 => answer.text(Header::Allow).is_none_or(|allow| allow.starts_with("INVITE, ACK")),
        415 => {
            answer.header(Header::Accept) == Some(b"application/sdp, multipart/mixed")
                || answer.header(Header::AcceptEncoding) == Some(b"identity")
                || answer.text(Header::Accept).is_some_and(|accept| accept.starts_with("text/*"))
        }
        420 => answer.header(Header::Unsupported).is_some(),
        _ => true,
    };
    assert!(explained, "{name}: {answer:?}");
    assert!(answer.to().map_or(true, |to| to.tag().is_some()), "{name}: no tag in To");
}

macro_rules! messages {
    ($($name:literal $trunk:literal, $stranger:literal;)*) => {
        /// Name, octets, outcome when they come from a trunk, and from a stranger.
        const MESSAGES: &[(&str, &[u8], &str, &str)] =
            &[$(($name, include_bytes!(concat!("../torture/", $name, ".sip")), $trunk, $stranger)),*];
    };
}

messages! {
    // RFC 4475 §3.1.1, valid. It is within a dialog that we do not have.
    "wsinv" "481 Call/Transaction Does Not Exist", "481 Call/Transaction Does Not Exist";
    // An endpoint answers 501, with Allow.
    "intmeth" "501 Not Implemented", "501 Not Implemented";
    // The user is at a host that is not ours; a trunk calls whom it likes.
    "esc01" "call", "404 Not Found";
    "escnull" "401 Unauthorized", "401 Unauthorized";
    "esc02" "501 Not Implemented", "501 Not Implemented";
    "lwsdisp" "200 OK", "401 Unauthorized";
    "longreq" "call", "401 Unauthorized";
    // What follows the Content-Length in a datagram is discarded.
    "dblreq" "401 Unauthorized", "401 Unauthorized";
    "semiuri" "200 OK", "401 Unauthorized";
    "transports" "200 OK", "401 Unauthorized";
    "mpart01" "415 Unsupported Media Type", "404 Not Found";
    // Responses to nothing that we asked.
    "unreason" "nothing", "nothing";
    "noreason" "nothing", "nothing";
    // RFC 4475 §3.1.2, invalid.
    "badinv01" "400 Malformed Via Header", "400 Malformed Via Header";
    "clerr" "400 Body Shorter Than Content-Length", "400 Body Shorter Than Content-Length";
    "ncl" "400 Malformed Content-Length Header", "400 Malformed Content-Length Header";
    "scalar02" "400 Malformed CSeq Header", "400 Malformed CSeq Header";
    "scalarlg" "nothing", "nothing";
    "quotbal" "400 Malformed To Header", "400 Malformed To Header";
    "ltgtruri" "400 Malformed Request-URI", "400 Malformed Request-URI";
    "lwsruri" "400 Malformed Request-Line", "400 Malformed Request-Line";
    "lwsstart" "400 Malformed Request-Line", "400 Malformed Request-Line";
    "trws" "400 Malformed Request-Line", "400 Malformed Request-Line";
    "escruri" "400 Malformed Request-URI", "400 Malformed Request-URI";
    // Date is not used, so it is not read.
    "baddate" "call", "401 Unauthorized";
    "regbadct" "400 Malformed Contact Header", "400 Malformed Contact Header";
    "badaspec" "400 Malformed To Header", "400 Malformed To Header";
    "baddn" "400 Malformed From Header", "400 Malformed From Header";
    "badvers" "505 Version Not Supported", "505 Version Not Supported";
    "mismatch01" "400 CSeq Method Does Not Match Request Method", "400 CSeq Method Does Not Match Request Method";
    // 501 is allowed as well.
    "mismatch02" "400 CSeq Method Does Not Match Request Method", "400 CSeq Method Does Not Match Request Method";
    "bigcode" "nothing", "nothing";
    // RFC 4475 §3.2: falls back to the matching of RFC 2543.
    "badbranch" "200 OK", "401 Unauthorized";
    // RFC 4475 §3.3, application layer.
    "insuf" "400 Missing From Header", "400 Missing From Header";
    "unkscm" "416 Unsupported URI Scheme", "416 Unsupported URI Scheme";
    "novelsc" "416 Unsupported URI Scheme", "416 Unsupported URI Scheme";
    // The address of record is to be a SIP URI.
    "unksm2" "400 Malformed To Header", "400 Malformed To Header";
    "bext01" "420 Bad Extension", "420 Bad Extension";
    "invut" "415 Unsupported Media Type", "415 Unsupported Media Type";
    // Credentials of a scheme that we do not know are none.
    "regaut01" "401 Unauthorized", "401 Unauthorized";
    "multi01" "400 Repeated CSeq Header", "400 Repeated CSeq Header";
    "mcl01" "400 Repeated Content-Length Header", "400 Repeated Content-Length Header";
    // At its user agent a response has one Via.
    "bcast" "nothing", "nothing";
    // Only a proxy must not forward it.
    "zeromf" "200 OK", "401 Unauthorized";
    "cparam01" "401 Unauthorized", "401 Unauthorized";
    "cparam02" "401 Unauthorized", "401 Unauthorized";
    "regescrt" "401 Unauthorized", "401 Unauthorized";
    "sdp01" "406 Not Acceptable", "406 Not Acceptable";
    // RFC 4475 §3.4.
    "inv2543" "call", "401 Unauthorized";
    // RFC 5118 §4.
    "ipv6-good" "401 Unauthorized", "401 Unauthorized";
    "ipv6-bad" "400 Malformed Request-URI", "400 Malformed Request-URI";
    // The port is part of an address that is not ours.
    "port-ambiguous" "404 Not Found", "404 Not Found";
    "port-unambiguous" "401 Unauthorized", "401 Unauthorized";
    "via-received-param-with-delim" "481 Call/Transaction Does Not Exist", "481 Call/Transaction Does Not Exist";
    "via-received-param-no-delim" "200 OK", "401 Unauthorized";
    // It comes by IPv4 here, and its media would have to go by IPv6.
    "ipv6-in-sdp" "488 Not Acceptable Here", "401 Unauthorized";
    "mult-ip-in-header" "481 Call/Transaction Does Not Exist", "481 Call/Transaction Does Not Exist";
    "mult-ip-in-sdp" "call", "401 Unauthorized";
    "ipv4-mapped-ipv6" "call", "401 Unauthorized";
    "ipv6-bug-abnf-3-colons" "200 OK", "401 Unauthorized";
    "ipv6-correct-abnf-2-colons" "200 OK", "401 Unauthorized";
}

#[test]
fn every_message_has_an_outcome_that_its_rfc_allows() {
    assert_eq!(MESSAGES.len(), 49 + 12);
    for (name, octets, from_trunk, from_stranger) in MESSAGES {
        for (from, expected) in [(TRUNK, from_trunk), (STRANGER, from_stranger)] {
            let (found, answer) = outcome(octets, from);
            assert_eq!(found.to_string(), *expected, "{name} from {from}");
            if let Some(answer) = answer {
                explains(name, &answer);
            }
        }
    }
}

/// Who is known registers by those that only strangers are challenged for.
#[test]
fn registrations_are_accepted_with_credentials() {
    for (name, user, contact) in [
        ("cparam01", "watson", "<sip:+19725552222@gw1.example.net>"),
        ("cparam02", "watson", "<sip:+19725552222@gw1.example.net;unknownparam>"),
        ("regescrt", "user", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),
        ("dblreq", "j.user", "<sip:j.user@host.example.com>"),
        // Without a Contact it asks for the bindings.
        ("regaut01", "j.user", ""),
        ("port-unambiguous", "user", "<sip:caller@[2001:db8::1]>"),
    ] {
        let mut world = World::with(1, |config| config.domains = DOMAINS.map(str::to_owned).into());
        world.notify_account(account(user));
        let (_, octets, ..) = MESSAGES.iter().find(|(found, ..)| *found == name).unwrap();
        let stranger: SocketAddr = STRANGER.parse().unwrap();
        world.send_octets(stranger, octets);
        world.run_ms(10);
        let challenge = world.take_of_host(stranger.ip()).pop().unwrap();
        let peer = Peer::new(STRANGER, user, user);
        let authorization = peer.authorization(&challenge, "REGISTER", "sip:example.com", 1);
        let text = String::from_utf8_lossy(octets).replacen("\r\n", &format!("\r\n{authorization}"), 1);
        world.send(stranger, &text);
        world.run_ms(10);
        let answer = world.take_of_host(stranger.ip()).pop().unwrap();
        assert_eq!(answer.status().unwrap().code(), 200, "{name}");
        assert!(header(&answer, Header::Contact).starts_with(contact), "{name}: {answer:?}");
    }
}
