//! Caller and callee against each other over a network in virtual time.

use crate::answer::{self, Answer};
use crate::callee::Callee;
use crate::caller::{Caller, HangUp};
use crate::media::LegId;
use crate::message::{CALL_ID, CSEQ, FROM, Message, StartLine, TO, VIA};
use crate::options::{Algorithm, Transport};
use crate::outbox::{MediaOrder, Outbox};
use crate::party::{LegPool, Party, Permitted};
use crate::sdp::{Codec, LocalSession};
use crate::srtp::Master;
use crate::statistics::{Failure, Signalling};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

const HOLD: Duration = Duration::from_secs(5);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn party(local: &str, server: &str, codec: Codec) -> Party {
    Party {
        local: address(local),
        user: "load".into(),
        domain: "example.org".into(),
        server: address(server),
        permitted: Permitted::default(),
        codec,
        is_secure: false,
        run: 0x1234,
        transport: Transport::Udp,
    }
}

/// The two ends, face to face; each datagram takes a millisecond unless `lost` says that it is lost.
struct World {
    caller: Caller,
    callee: Callee,
    statistics: [Signalling; 2],
    orders: [Vec<MediaOrder>; 2],
    wire: VecDeque<(Duration, usize, String)>,
    outbox: Outbox,
    now: Duration,
    sent: u64,
}

impl World {
    fn new(hang_up: HangUp, callee_codec: Codec) -> World {
        let ip = address("127.0.0.1:1").ip();
        let caller = party("127.0.0.1:15060", "127.0.0.1:15070", Codec::Pcmu);
        let callee = party("127.0.0.1:15070", "127.0.0.1:15060", callee_codec);
        World {
            caller: Caller::new(caller, "callee".into(), hang_up, LegPool::new(LegId(0), 8, ip, 20_000)),
            callee: Callee::new(callee, hang_up, LegPool::new(LegId(1), 8, ip, 20_000)),
            statistics: Default::default(),
            orders: Default::default(),
            wire: VecDeque::new(),
            outbox: Outbox::default(),
            now: Duration::ZERO,
            sent: 0,
        }
    }

    fn collect(&mut self, end: usize, lost: &mut impl FnMut(u64, &str) -> bool) {
        for (text, _) in self.outbox.datagrams() {
            self.sent += 1;
            if !lost(self.sent, text) {
                self.wire.push_back((self.now + Duration::from_millis(1), 1 - end, text.to_owned()));
            }
        }
        self.orders[end].extend_from_slice(self.outbox.orders());
        self.outbox.clear();
    }

    fn place(&mut self, lost: &mut impl FnMut(u64, &str) -> bool) {
        assert!(self.caller.place(self.now, &mut self.outbox, &mut self.statistics[0]));
        self.collect(0, lost);
    }

    fn inject(&mut self, end: usize, text: &str) {
        let ends = [address("127.0.0.1:15060"), address("127.0.0.1:15070")];
        let (from, statistics) = (ends[1 - end], &mut self.statistics[end]);
        match end {
            0 => self.caller.handle(self.now, from, text, &mut self.outbox, statistics),
            _ => self.callee.handle(self.now, from, text, &mut self.outbox, statistics),
        }
    }

    fn run(&mut self, time: Duration, lost: &mut impl FnMut(u64, &str) -> bool) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(1);
            while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
                let (_, to, text) = self.wire.pop_front().unwrap();
                self.inject(to, &text);
                self.collect(to, lost);
            }
            self.caller.expire(self.now, &mut self.outbox, &mut self.statistics[0]);
            self.collect(0, lost);
            self.callee.expire(self.now, &mut self.outbox, &mut self.statistics[1]);
            self.collect(1, lost);
        }
    }
}

fn never(_: u64, _: &str) -> bool {
    false
}

#[test]
fn a_call_is_set_up_held_and_torn_down() {
    for hang_up in [HangUp::Caller(HOLD), HangUp::Callee(HOLD)] {
        let mut world = World::new(hang_up, Codec::Pcmu);
        world.place(&mut never);
        world.run(Duration::from_secs(3), &mut never);
        assert_eq!((world.caller.up(), world.caller.open(), world.callee.open()), (1, 1, 1));
        world.run(Duration::from_secs(3), &mut never);
        assert_eq!((world.caller.up(), world.caller.open(), world.callee.open()), (0, 0, 0));
        let [caller, callee] = &world.statistics;
        assert_eq!((caller.completed, caller.failed(), callee.callee_ended), (1, 0, 1), "{hang_up:?}");
        assert_eq!((caller.setup.count(), caller.post_dial.count()), (1, 1));
        assert_eq!(caller.teardown.count() + callee.teardown.count(), 1);
        assert_eq!(caller.retransmissions_sent + callee.retransmissions_sent, 0);
        for (end, leg) in [(0, LegId(0)), (1, LegId(1))] {
            let peer = if end == 0 { "127.0.0.1:20002" } else { "127.0.0.1:20000" };
            assert_eq!(world.orders[end].first(), Some(&MediaOrder::Send(leg, address(peer))));
            assert_eq!(world.orders[end].last(), Some(&MediaOrder::Close(leg)));
        }
    }
}

/// Loses that share of the datagrams, the same ones for the same seed (xorshift).
fn lossy(seed: u64, per_cent: u64) -> impl FnMut(u64, &str) -> bool {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % 100 < per_cent
    }
}

#[test]
fn calls_survive_loss() {
    for hang_up in [HangUp::Caller(HOLD), HangUp::Callee(HOLD)] {
        for seed in 1..40 {
            let mut world = World::new(hang_up, Codec::Pcmu);
            let mut lost = lossy(seed, 20);
            for _ in 0..5 {
                world.place(&mut lost);
            }
            world.run(Duration::from_secs(90), &mut lost);
            let [caller, callee] = &world.statistics;
            let ended = (world.caller.open(), world.callee.open(), caller.completed, caller.failed());
            assert_eq!(ended, (0, 0, 5, 0), "seed {seed}, {hang_up:?}");
            assert!(caller.retransmissions_sent + callee.retransmissions_sent > 0);
        }
    }
}

#[test]
fn every_call_ends_and_is_counted_once_whatever_is_lost() {
    for hang_up in [HangUp::Caller(HOLD), HangUp::Callee(HOLD)] {
        for seed in 1..40 {
            let mut world = World::new(hang_up, Codec::Pcmu);
            let mut lost = lossy(seed, 70);
            for _ in 0..5 {
                world.place(&mut lost);
            }
            world.run(Duration::from_secs(150), &mut lost);
            let caller = &world.statistics[0];
            assert_eq!((world.caller.open(), world.caller.up()), (0, 0), "seed {seed}, {hang_up:?}");
            assert_eq!(caller.completed + caller.failed(), 5, "seed {seed}, {hang_up:?}");
        }
    }
}

#[test]
fn silence_is_a_failure_after_64_t1() {
    let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcmu);
    let mut all = |_: u64, _: &str| true;
    world.place(&mut all);
    world.run(Duration::from_secs(31), &mut all);
    assert_eq!(world.caller.open(), 1);
    world.run(Duration::from_secs(2), &mut all);
    assert_eq!(world.caller.open(), 0);
    assert_eq!(world.statistics[0].failures.get(&Failure::NoResponse), Some(&1));
    assert_eq!(world.statistics[0].retransmissions_sent, 6);
}

#[test]
fn a_codec_that_was_not_offered_is_refused_and_acknowledged() {
    let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcma);
    let mut acks = 0;
    let mut watch = |_: u64, text: &str| {
        acks += u64::from(text.starts_with("ACK "));
        false
    };
    world.place(&mut watch);
    world.run(Duration::from_secs(1), &mut watch);
    assert_eq!(world.statistics[0].failures.get(&Failure::Refused(488)), Some(&1));
    assert_eq!((world.caller.open(), acks), (0, 1));
}

#[test]
fn a_call_that_only_rings_is_cancelled() {
    let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcmu);
    let mut cancelled = 0;
    let mut no_answer = |_: u64, text: &str| {
        cancelled += u64::from(text.starts_with("CANCEL "));
        text.starts_with("SIP/2.0 200") && text.contains(" INVITE\r\n")
    };
    world.place(&mut no_answer);
    world.run(Duration::from_secs(80), &mut no_answer);
    assert!(cancelled >= 1);
    assert_eq!(world.statistics[0].failures.get(&Failure::NoAnswer), Some(&1));
    assert_eq!(world.statistics[1].callee_unacknowledged, 1);
    assert_eq!((world.caller.open(), world.callee.open()), (0, 0));
}

/// A request within the call that the caller has up, as its server would write it.
fn within_dialog(world: &mut World, method: &str, cseq: u32, body: &str) -> String {
    let mut invite = None;
    world.place(&mut |_, text: &str| {
        invite = Some(text.to_owned());
        false
    });
    let mut ok = None;
    world.run(Duration::from_millis(100), &mut |_, text: &str| {
        if text.starts_with("SIP/2.0 200") {
            ok = Some(text.to_owned());
        }
        false
    });
    let ok = ok.unwrap();
    let ok = Message::parse(&ok).unwrap();
    let (from, to, id) = (ok.header(TO).unwrap(), ok.header(FROM).unwrap(), ok.header(CALL_ID).unwrap());
    assert!(invite.unwrap().contains(id));
    format!(
        "{method} sip:load@127.0.0.1:15060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:15070;branch=z9hG4bKq{cseq};rport\r\n\
         From: {from}\r\nTo: {to}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:moved@127.0.0.1:15071>\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn hold_by_reinvite_pauses_the_stream_and_is_answered_until_its_ack() {
    let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcmu);
    let body = "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0 101\r\na=sendonly\r\n";
    let text = within_dialog(&mut world, "INVITE", 5, body);
    world.inject(0, &text);
    let answer = world.outbox.datagrams().next().unwrap().0.to_owned();
    assert!(answer.starts_with("SIP/2.0 200") && answer.contains("a=recvonly"), "{answer}");
    let message = Message::parse(&answer).unwrap();
    assert_eq!(message.header(CSEQ), Some("5 INVITE"));
    assert!(message.header(VIA).unwrap().contains("rport=15070"));
    assert_eq!(world.outbox.orders(), [MediaOrder::Pause(LegId(0))]);
    world.outbox.clear();
    let mut repeated = 0;
    world.run(Duration::from_millis(2000), &mut |_, text: &str| {
        repeated += u64::from(text.contains("CSeq: 5 INVITE"));
        true
    });
    assert_eq!(repeated, 2);
    let ack = text.replace("INVITE", "ACK").replace("sendonly", "inactive");
    world.inject(0, &ack);
    world.run(Duration::from_millis(2000), &mut |_, text: &str| {
        assert!(!text.contains("CSeq: 5 INVITE"));
        false
    });
}

#[test]
fn requests_of_the_server_are_answered() {
    for (method, status) in
        [("OPTIONS", 200), ("UPDATE", 200), ("INFO", 200), ("REFER", 405), ("SUBSCRIBE", 405), ("BYE", 200)]
    {
        let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcmu);
        let text = within_dialog(&mut world, method, 9, "");
        world.inject(0, &text);
        let answer = world.outbox.datagrams().next().unwrap().0.to_owned();
        assert_eq!(Message::parse(&answer).unwrap().start, StartLine::Response { status }, "{method}");
        let ended = u64::from(method == "BYE");
        assert_eq!(world.statistics[0].failures.get(&Failure::EndedEarly).copied().unwrap_or(0), ended);
        world.outbox.clear();
        if method == "OPTIONS" {
            world.inject(0, &text.replace("CSeq: 9", "CSeq: 8"));
            assert!(world.outbox.datagrams().next().unwrap().0.starts_with("SIP/2.0 500"));
        }
    }
}

#[test]
fn what_belongs_to_no_call_is_answered_and_counted() {
    let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcmu);
    let request = |method: &str, tag: &str| {
        format!(
            "{method} sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKz\r\nFrom: <sip:s>;tag=1\r\n\
                 To: <sip:x>{tag}\r\nCall-ID: other\r\nCSeq: 1 {method}\r\n\r\n"
        )
    };
    for end in [0, 1] {
        for (text, status) in [
            (request("OPTIONS", ""), "SIP/2.0 200"),
            (request("BYE", ";tag=2"), "SIP/2.0 481"),
            (request("CANCEL", ""), "SIP/2.0 481"),
        ] {
            world.inject(end, &text);
            assert!(world.outbox.datagrams().next().unwrap().0.starts_with(status), "{text}");
            world.outbox.clear();
        }
        world.inject(end, "nonsense");
        world.inject(end, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKother\r\n\r\n");
        world.inject(end, &request("ACK", ";tag=3"));
        assert_eq!(world.outbox.datagrams().count(), 0);
        assert_eq!((world.statistics[end].malformed, world.statistics[end].stray), (1, 4));
    }
}

#[test]
fn a_route_set_is_followed_loose_and_strict() {
    // the caller's route set is the reverse of what the response says
    for (routes, first_line, route_count) in [
        ("<sip:127.0.0.1:5062;lr>, <sip:10.9.9.9;lr>", "ACK sip:load@127.0.0.1:15070 SIP/2.0", 2),
        ("<sip:127.0.0.1:5062;lr>, <sip:10.9.9.9>", "ACK sip:10.9.9.9 SIP/2.0", 2),
        ("<sip:127.0.0.1:5062;lr>, <sip:127.0.0.1:5063>", "ACK sip:127.0.0.1:5063 SIP/2.0", 2),
    ] {
        let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcmu);
        let mut ok = None;
        world.place(&mut never);
        world.run(Duration::from_millis(3), &mut |_, text: &str| {
            if text.starts_with("SIP/2.0 200") {
                ok = Some(text.replacen("From:", &format!("Record-Route: {routes}\r\nFrom:"), 1));
                return true;
            }
            false
        });
        world.inject(0, &ok.unwrap());
        let (ack, to) = world.outbox.datagrams().next().unwrap();
        assert!(ack.starts_with(first_line), "{ack}");
        assert_eq!(ack.matches("\r\nRoute: ").count(), route_count, "{ack}");
        // 10.9.9.9 is nobody's to load: what would go there goes to the server instead
        let expected = if routes.contains("10.9.9.9") { "127.0.0.1:15070" } else { "127.0.0.1:5063" };
        assert_eq!(to, address(expected), "{ack}");
    }
}

/// What a server says to a request.
fn told(request: &str, status: &str, more: &str) -> String {
    let kept = |line: &&str| ["Via:", "From:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name));
    let lines: Vec<&str> = request.lines().filter(kept).collect();
    let to = request.lines().find(|line| line.starts_with("To:")).unwrap();
    format!("SIP/2.0 {status}\r\n{}\r\n{to};tag=s\r\n{more}Content-Length: 0\r\n\r\n", lines.join("\r\n"))
}

#[test]
fn a_challenge_is_acknowledged_and_answered_once() {
    const CHALLENGE: &str = "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
    for refused_again in [false, true] {
        let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcmu);
        let legs = LegPool::new(LegId(0), 8, address("127.0.0.1:1").ip(), 20_000);
        let caller = party("127.0.0.1:15060", "127.0.0.1:15070", Codec::Pcmu);
        world.caller = Caller::new(caller, "callee".into(), HangUp::Caller(HOLD), legs)
            .answering(Some(("secret".to_owned(), Algorithm::Md5)));
        world.place(&mut never);
        let invite = world.wire.pop_front().unwrap().2;
        assert!(invite.contains("CSeq: 1 INVITE\r\n") && !invite.contains("Authorization"));
        world.inject(0, &told(&invite, "407 Proxy Authentication Required", CHALLENGE));
        world.collect(0, &mut never);
        let [ack, again] = [0, 1].map(|place| world.wire[place].2.clone());
        assert!(ack.starts_with("ACK ") && ack.contains("CSeq: 1 ACK\r\n") && ack.contains(";tag=s\r\n"), "{ack}");
        let credentials =
            "Proxy-Authorization: Digest username=\"load\", realm=\"r\", nonce=\"n\", uri=\"sip:callee@example.org\"";
        assert!(again.contains("CSeq: 2 INVITE\r\n") && again.contains(credentials), "{again}");
        assert!(!again.contains(";tag=s"), "a new dialog: {again}");
        // The challenge comes again, late.
        world.inject(0, &told(&invite, "407 Proxy Authentication Required", CHALLENGE));
        world.collect(0, &mut never);
        assert_eq!(world.wire.len(), 2);
        if refused_again {
            world.wire.clear();
            world.inject(0, &told(&again, "407 Proxy Authentication Required", CHALLENGE));
            world.collect(0, &mut never);
            assert!(world.wire[0].2.contains("CSeq: 2 ACK\r\n"));
        }
        world.run(HOLD * 2, &mut never);
        let caller = &world.statistics[0];
        let expected = (u64::from(!refused_again), u64::from(refused_again));
        assert_eq!((caller.completed, caller.failed(), world.caller.open()), (expected.0, expected.1, 0));
    }
}

#[test]
fn over_a_stream_no_request_is_sent_again() {
    let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcmu);
    let legs = LegPool::new(LegId(0), 8, address("127.0.0.1:1").ip(), 20_000);
    let caller = Party { transport: Transport::Tcp, ..party("127.0.0.1:15060", "127.0.0.1:15070", Codec::Pcmu) };
    world.caller = Caller::new(caller, "callee".into(), HangUp::Caller(HOLD), legs);
    let mut sent = 0;
    world.place(&mut |_, text| {
        sent += u64::from(text.contains("Contact: <sip:load@127.0.0.1:15060;transport=tcp>"));
        true
    });
    world.run(Duration::from_secs(40), &mut |_, _| {
        sent += 1;
        true
    });
    assert_eq!((sent, world.statistics[0].failures.get(&Failure::NoResponse)), (1, Some(&1)));
}

/// The two ends with a server between them that answers keys with keys of its own, and takes them away towards the callee.
#[test]
fn a_caller_with_keys_seals_by_its_own_and_opens_by_the_answer_s() {
    let (own, answered) = (Master::of_call(0x1234, 0), Master::of_call(9, 9));
    for (answers, failure) in [(true, None), (false, Some(Failure::UnusableAnswer))] {
        let mut world = World::new(HangUp::Caller(HOLD), Codec::Pcmu);
        let legs = LegPool::new(LegId(0), 8, address("127.0.0.1:1").ip(), 20_000);
        let caller = Party { is_secure: true, ..party("127.0.0.1:15060", "127.0.0.1:15070", Codec::Pcmu) };
        world.caller = Caller::new(caller, "callee".into(), HangUp::Caller(HOLD), legs);
        let mut offered = None;
        world.place(&mut |_, text| {
            offered = Some(text.to_owned());
            true
        });
        let offered = offered.unwrap();
        assert!(offered.contains(" RTP/SAVP 0 101\r\n"), "{offered}");
        world.inject(1, &offered);
        assert!(world.outbox.datagrams().next().unwrap().0.starts_with("SIP/2.0 488"), "the callee takes no keys");
        world.outbox.clear();
        let invite = Message::parse(&offered).unwrap();
        let address = address("127.0.0.1:20002");
        let session = LocalSession::new(address, Codec::Pcmu).secured(answers.then_some(answered));
        let (contact, body) = ("<sip:callee@127.0.0.1:15070>", session.text());
        let ok = Answer { contact: Some(contact), body: Some(&body), ..Answer::plain(200, "OK", "t") };
        let mut text = String::new();
        answer::write(&mut text, &invite, self::address("127.0.0.1:15060"), ok);
        world.inject(0, &text);
        let (secure, send) = (MediaOrder::Secure(LegId(0), [own, answered]), MediaOrder::Send(LegId(0), address));
        match failure {
            None => assert_eq!(world.outbox.orders(), [secure, send]),
            Some(_) => assert!(!world.outbox.orders().contains(&send)),
        }
        let ends_at_once = world.outbox.datagrams().any(|(text, _)| text.starts_with("BYE "));
        assert_eq!(ends_at_once, failure.is_some());
    }
}
