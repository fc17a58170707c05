//! Single requests, written by hand.

use crate::scenario::trunk;
use scenarios::peer::server::Settings;
use scenarios::peer::sipsak;
use scenarios::peer::wire::{Stream, Wire, header, offer, request, status};
use scenarios::peer::{Server, Site};

#[test]
fn scanners_and_monitors_get_an_answer_that_tells_them_little() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    for user in ["monitor", "100", "admin"] {
        let (_, text) = sipsak::options(&site, user, server.sip);
        assert!(text.contains("SIP/2.0 403 "), "sipsak proves what it cannot, and is refused:\n{text}");
    }
    // Everybody who asks for a user gets the same, whether there is one or not.
    let wire = Wire::new(site.host.socket(), server.sip);
    let mut answers = Vec::new();
    for user in ["alice", "nobody-at-all"] {
        wire.send(&wire.request("INVITE", user, &format!("scan-{user}"), "", ""));
        let answer = wire.receive("an answer", |message| status(message).is_some_and(|code| code >= 200));
        answers.push(status(&answer));
    }
    assert_eq!(answers, [Some(401), Some(401)]);
    server.stop();
}

#[test]
fn requests_that_cannot_be_served_are_told_why() {
    let site = Site::new();
    let wire_at = site.host.socket();
    let mut server = Server::start(&site, &Settings::new(trunk("in", None, wire_at)));
    let wire = Wire::new(wire_at, server.sip);
    let body = offer(site.host.socket());
    let ask = |text: String| {
        wire.send(&text);
        wire.receive("a final response", |message| status(message).is_some_and(|code| code >= 200))
    };

    let answer = ask(wire.request("OPTIONS", "echo", "options", "", ""));
    assert_eq!(status(&answer), Some(200), "{answer}");
    let allow = header(&answer, "Allow").expect("OPTIONS is answered with Allow");
    assert!(["INVITE", "UPDATE", "REFER"].iter().all(|method| allow.contains(method)), "{answer}");
    let answer = ask(wire.request("OPTIONS", "nobody-at-all", "options-nobody", "", ""));
    assert_eq!(status(&answer), Some(404), "as an INVITE would be: {answer}");

    let answer =
        ask(wire.request("INVITE", "echo", "needs-preconditions", "Require: precondition, x-unknown\n", &body));
    assert_eq!(status(&answer), Some(420), "{answer}");
    let unsupported = header(&answer, "Unsupported").expect("a 420 names what is not supported");
    assert!(unsupported.contains("precondition") && unsupported.contains("x-unknown"), "{answer}");

    let hops = wire.request("INVITE", "nobody-at-all", "no-hops", "", &body);
    let answer = ask(hops.replace("Max-Forwards: 70", "Max-Forwards: 0"));
    assert_eq!(status(&answer), Some(404), "it is looked for, as that needs no hop: {answer}");

    let answer = ask(wire.request("NOTIFY", "alice", "notify", "Event: keep-alive\n", ""));
    assert!(matches!(status(&answer), Some(405 | 501)), "{answer}");

    let answer = ask(wire.request("BYE", "echo", "no-dialog", "", ""));
    assert_eq!(status(&answer), Some(481), "{answer}");

    let text = wire.request("INVITE", "echo", "wrong-type", "", "hello\n").replace("application/sdp", "text/plain");
    let answer = ask(text);
    assert_eq!(status(&answer), Some(415), "{answer}");

    let answer = ask(wire.request("INVITE", "echo", "no-sdp", "", "this is no SDP\n"));
    assert!(matches!(status(&answer), Some(400 | 488)), "{answer}");
    server.stop();
}

/// A request of the caller's within the dialog that `answer`, a 200, has made of its `invite`.
fn within_dialog(invite: &str, answer: &str, method: &str, number: u32) -> String {
    let target = header(answer, "Contact").expect("a 200 has Contact").trim_matches(['<', '>']);
    let copied = |message, name| format!("{name}: {}", header(message, name).unwrap_or_default());
    let via = copied(invite, "Via").replace(";rport", &format!("-{method};rport"));
    let lines = [
        format!("{method} {target} SIP/2.0"),
        via,
        copied(invite, "From"),
        copied(answer, "To"),
        copied(invite, "Call-ID"),
        format!("CSeq: {number} {method}"),
        "Max-Forwards: 70".to_owned(),
        "Content-Length: 0".to_owned(),
    ];
    lines.join("\n") + "\n\n"
}

#[test]
fn what_carriers_write_behind_a_number_is_not_dialled() {
    let site = Site::new();
    let peer = site.host.socket();
    let route = "[[route]]\nnumber = \"+4930123\"\nto = [\"refuse:busy\"]\n";
    let mut server = Server::start(&site, &Settings::new(format!("{}{route}", trunk("carrier", None, peer))));
    let wire = Wire::new(peer, server.sip);
    let number = "+49-30-123;npdi;rn=+4930000";
    let invite = wire.request("INVITE", number, "ported", "", &offer(site.host.socket()));
    wire.send(&invite.replace("<sip:wire@", "<sip:+4930999;cpc=ordinary@"));
    let refusal = wire.receive("a final response", |message| status(message).is_some_and(|code| code >= 200));
    assert_eq!(status(&refusal), Some(486), "{refusal}");
    wire.send(&wire.request("ACK", number, "ported", "", ""));
    let records = server.records(1);
    assert_eq!(
        (&records[0]["caller"]["user"], &records[0]["called"]["user"]),
        (&"+4930999".into(), &"+4930123".into())
    );
    server.stop();
}

#[test]
fn peers_beyond_a_nat_are_told_its_address() {
    const WORLD: &str = "203.0.113.7";
    let site = Site::new();
    let peer = site.host.socket();
    let mut server = Server::prepare(&site, "tandem", &Settings::default());
    let (own, ip) = (server.sip, server.sip.ip());
    let media = format!("[media]\nadvertised = {{ \"{ip}\" = \"{WORLD}\" }}\n");
    let signalling = format!("advertised = {{ \"udp:{own}\" = \"{WORLD}:5060\", \"tcp:{own}\" = \"{WORLD}\" }}");
    server.configure(&Settings::new(media + &trunk("carrier", None, peer)).sip(&signalling));
    server.launch();
    let wire = Wire::new(peer, own);
    let invite = wire.request("INVITE", "echo", "nat", "", &offer(site.host.socket()));
    wire.send(&invite);
    let answer = wire.receive("a 200", |message| status(message) == Some(200));
    assert_eq!(header(&answer, "Contact"), Some(format!("<sip:{WORLD}:5060>").as_str()), "{answer}");
    assert!(answer.contains(&format!("c=IN IP4 {WORLD}\r\n")) && !answer.contains(&format!("IP4 {ip}")), "{answer}");
    // What the peer sends there the NAT forwards, and it is known as ours.
    for (method, number) in [("ACK", 1), ("BYE", 2)] {
        wire.send(&within_dialog(&invite, &answer, method, number));
    }
    wire.receive("the answer to BYE", |message| status(message) == Some(200) && message.contains("2 BYE"));
    assert_eq!(server.records(1)[0]["outcome"], "answered");
    server.stop();
}

#[test]
fn the_same_invite_by_two_ways_is_served_once() {
    let site = Site::new();
    let (one, other) = (site.host.socket(), site.host.socket());
    let more = format!("{}{}", trunk("one", None, one), trunk("other", None, other));
    let mut server = Server::start(&site, &Settings::new(more));
    let (one, other) = (Wire::new(one, server.sip), Wire::new(other, server.sip));
    let invite = one.request("INVITE", "echo", "merged", "", &offer(site.host.socket()));
    one.send(&invite);
    let answer = one.receive("a 200", |message| status(message) == Some(200));
    // The same request, as it came by another proxy: another branch (RFC 3261 §8.2.2.2).
    let again = invite.replace("branch=z9hG4bKmerged", "branch=z9hG4bKanother-way");
    let via = format!("SIP/2.0/UDP {};", one.local());
    other.send(&again.replace(&via, &format!("SIP/2.0/UDP {};", other.local())));
    let refused = other.receive("a final response", |message| status(message).is_some_and(|code| code >= 200));
    assert_eq!(status(&refused), Some(482), "{refused}");
    // The call that is up goes on, and is ended.
    for (method, number) in [("ACK", 1), ("BYE", 2)] {
        one.send(&within_dialog(&invite, &answer, method, number));
    }
    one.receive("the answer to BYE", |message| status(message) == Some(200) && message.contains("2 BYE"));
    assert_eq!(server.records(1).len(), 1);
    server.stop();
}

#[test]
fn keep_alives_and_requests_in_pieces_over_tcp() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    let mut stream = Stream::connect(server.sip);
    // RFC 5626 §3.5.1: a double CRLF is answered by a single one.
    assert!(stream.send_bytes(b"\r\n\r\n"));
    stream.receive("\r\n");
    let options =
        request(stream.local(), server.sip, "TCP", "OPTIONS", "alice", "pieces", "", "").replace('\n', "\r\n");
    for piece in options.as_bytes().chunks(7) {
        assert!(stream.send_bytes(piece));
    }
    let answer = stream.receive("CSeq: 1 OPTIONS");
    assert!(answer.contains("SIP/2.0 200 ") || answer.contains("SIP/2.0 401 "), "{answer}");
    // What is no SIP ends the connection, not the server.
    stream.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(stream.is_closed_within(scenarios::peer::wait::PATIENCE));
    let mut again = Stream::connect(server.sip);
    assert!(again.send(&request(again.local(), server.sip, "TCP", "OPTIONS", "alice", "again", "", "")));
    again.receive("CSeq: 1 OPTIONS");
    server.stop();
}
