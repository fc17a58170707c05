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

    let answer = ask(wire.request("OPTIONS", "alice", "options", "", ""));
    assert_eq!(status(&answer), Some(200), "{answer}");
    let allow = header(&answer, "Allow").expect("OPTIONS is answered with Allow");
    assert!(["INVITE", "UPDATE", "REFER"].iter().all(|method| allow.contains(method)), "{answer}");

    let answer = ask(wire.request("INVITE", "echo", "needs-100rel", "Require: 100rel, timer\n", &body));
    assert_eq!(status(&answer), Some(420), "{answer}");
    let unsupported = header(&answer, "Unsupported").expect("a 420 names what is not supported");
    assert!(unsupported.contains("100rel") && unsupported.contains("timer"), "{answer}");

    let hops = wire.request("INVITE", "echo", "no-hops", "", &body).replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(status(&ask(hops)), Some(483));

    let answer = ask(wire.request("PUBLISH", "alice", "publish", "", ""));
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
    let to = header(&answer, "To").expect("a response has To").to_owned();
    let target = header(&answer, "Contact").expect("a 200 has Contact").trim_matches(['<', '>']).to_owned();
    for method in ["ACK", "BYE"] {
        let id = if method == "ACK" { "merged-ack" } else { "merged-bye" };
        let text = one.request(method, "echo", id, "", "");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for line in &mut lines {
            if line.starts_with("To:") {
                *line = format!("To: {to}");
            } else if line.starts_with("From:") {
                *line = header(&invite, "From").map(|from| format!("From: {from}")).unwrap_or_default();
            } else if line.starts_with("Call-ID:") {
                "Call-ID: merged@wire".clone_into(line);
            } else if line.starts_with("CSeq:") {
                *line = if method == "ACK" { "CSeq: 1 ACK".to_owned() } else { "CSeq: 2 BYE".to_owned() };
            } else if line.starts_with(method) {
                *line = format!("{method} {target} SIP/2.0");
            }
        }
        one.send(&(lines.join("\n") + "\n\n"));
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
