//! Streams whose ways are looked for (RFC 8839): two machines against each other, and what phones and browsers send.

use router::Random;
use router::parameter::{Direction, IceParameters, MediaDescription, MediaStream, ServedAddresses};

use super::{lines, machine, pcmu, sdp, streams, voice};
use crate::policy::Connectivity::{self, May, Must, Never, Offer};
use crate::sdp::{
    AnswerFault, AnswerKind, Answered, Fragment, Ice, OfferAnswer, OfferAnswerError, SessionDescription, Unacceptable,
    chosen,
};

fn seeking(policy: Connectivity, is_lite: bool, seed: u64) -> OfferAnswer {
    machine(seed).with_ice(Ice::new(policy, is_lite, &mut Random::from_seed(seed)))
}

fn one(port: u16) -> MediaDescription {
    streams(&[voice(port, &[pcmu()])])
}

/// With RTCP on the same port.
fn shared(port: u16) -> MediaDescription {
    streams(&[MediaStream { rtcp_mux: true, ..voice(port, &[pcmu()]) }])
}

fn agreed(machine: &OfferAnswer) -> Option<IceParameters> {
    machine.agreement()?.remote().streams.first()?.ice.as_deref().cloned()
}

fn value<'a>(text: &'a [u8], name: &str) -> Option<&'a str> {
    lines(text).into_iter().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
}

fn candidates(text: &[u8]) -> Vec<&str> {
    lines(text).into_iter().filter_map(|line| line.strip_prefix("a=candidate:")).collect()
}

/// An offer of a phone at 198.51.100.7.
fn offer(more: &str) -> Vec<u8> {
    sdp(&format!(
        "v=0
        o=- 5 1 IN IP4 198.51.100.7
        s=-
        c=IN IP4 198.51.100.7
        t=0 0
        m=audio 6000 RTP/AVP 0
        {more}"
    ))
}

const PHONE: &str = "a=ice-ufrag:8hhY
    a=ice-pwd:asd88fgpdd777uzjYhagZg
    a=candidate:1 1 UDP 2130706431 10.0.1.1 6000 typ host
    a=candidate:1 2 UDP 2130706430 10.0.1.1 6001 typ host
    a=candidate:2 1 UDP 1694498815 198.51.100.7 6000 typ srflx raddr 10.0.1.1 rport 6000
    a=candidate:2 2 UDP 1694498814 198.51.100.7 6001 typ srflx raddr 10.0.1.1 rport 6001";

#[test]
fn an_offer_with_ways_is_answered_with_ours() {
    for (is_lite, has_rtcp) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut machine = seeking(May, is_lite, 1);
        let mux = if has_rtcp { "" } else { "a=rtcp-mux" };
        let typed = machine.receive_offer(&offer(&format!("{PHONE}\n{mux}"))).unwrap().description;
        let told = typed.streams[0].ice.as_deref().unwrap().clone();
        assert_eq!((told.remote.fragment.as_str(), told.remote.password.as_str()), ("8hhY", "asd88fgpdd777uzjYhagZg"));
        assert_eq!((told.is_lite, told.is_remote_lite, told.is_controlling), (is_lite, false, false));
        let addresses: Vec<String> =
            told.candidates.iter().map(|it| format!("{} {}", it.component, it.address)).collect();
        let all = ["1 10.0.1.1:6000", "2 10.0.1.1:6001", "1 198.51.100.7:6000", "2 198.51.100.7:6001"];
        assert_eq!(addresses, if is_lite { Vec::new() } else { all.to_vec() });
        let text = machine.make_answer(&shared(40_000)).unwrap();
        assert_eq!(value(&text, "ice-ufrag"), Some(told.local.fragment.as_str()));
        assert_eq!(value(&text, "ice-pwd"), Some(told.local.password.as_str()));
        assert!(told.local.fragment.len() >= 4 && told.local.password.len() >= 22);
        assert_eq!(lines(&text).contains(&"a=ice-lite"), is_lite);
        assert_eq!(value(&text, "ice-options"), Some(if is_lite { "ice2" } else { "ice2 trickle" }));
        let ours = ["1 1 UDP 2130706431 192.0.2.1 40000 typ host", "1 2 UDP 2130706430 192.0.2.1 40001 typ host"];
        assert_eq!(candidates(&text), ours[..if has_rtcp { 2 } else { 1 }]);
        let session_level = lines(&text).into_iter().take_while(|line| !line.starts_with("m=")).collect::<Vec<_>>();
        assert_eq!(session_level.contains(&"a=ice-lite"), is_lite, "of the whole (§5.3)");
        assert_eq!(agreed(&machine), Some(told));
        assert!(!lines(&text).contains(&"a=end-of-candidates"));
    }
}

#[test]
fn who_may_not_has_none_and_who_offers_none_is_answered_none() {
    let mut machine = seeking(Never, true, 1);
    machine.receive_offer(&offer(PHONE)).unwrap();
    let text = machine.make_answer(&one(40_000)).unwrap();
    assert!(!lines(&text).iter().any(|line| line.starts_with("a=ice") || line.starts_with("a=candidate")));
    assert_eq!(agreed(&machine), None);
    for policy in [May, Offer] {
        let mut machine = seeking(policy, true, 1);
        machine.receive_offer(&offer("")).unwrap();
        let text = machine.make_answer(&one(40_000)).unwrap();
        assert!(!lines(&text).iter().any(|line| line.starts_with("a=ice") || line.starts_with("a=candidate")));
    }
    let plain = seeking(Must, true, 1).receive_offer(&offer("")).unwrap_err();
    assert_eq!(plain, OfferAnswerError::NotAcceptable(Unacceptable::Ways));
    assert_eq!((plain.status(), plain.warning().map(|(code, _)| code)), (Some(488), Some(399)));
    seeking(Must, true, 1).receive_offer(&offer(PHONE)).unwrap();
}

/// Somebody on the way has changed the address and knows nothing of candidates (RFC 8839 §4.2.5).
#[test]
fn an_address_that_is_no_candidate_is_a_mismatch() {
    let changed = String::from_utf8(offer(PHONE)).unwrap().replace("c=IN IP4 198.51.100.7", "c=IN IP4 203.0.113.5");
    let mut machine = seeking(May, true, 1);
    let typed = machine.receive_offer(changed.as_bytes()).unwrap().description;
    assert_eq!(typed.streams[0].ice, None);
    let text = machine.make_answer(&one(40_000)).unwrap();
    assert!(lines(&text).contains(&"a=ice-mismatch"), "{:?}", lines(&text));
    assert_eq!((value(&text, "ice-ufrag"), candidates(&text).len()), (None, 0));
    assert!(!lines(&text).contains(&"a=ice-lite"));
    // What is repeated later says nothing of it.
    let again = machine.repeat_offer().unwrap();
    assert!(!lines(&again).contains(&"a=ice-mismatch"));
    let port = String::from_utf8(offer(PHONE)).unwrap().replace("m=audio 6000", "m=audio 7000");
    assert_eq!(seeking(May, true, 1).receive_offer(port.as_bytes()).unwrap().description.streams[0].ice, None);
    let rtcp = offer(&format!("{PHONE}\na=rtcp:7001"));
    assert_eq!(seeking(May, true, 1).receive_offer(&rtcp).unwrap().description.streams[0].ice, None);
    let shared = offer(&format!("{PHONE}\na=rtcp:7001\na=rtcp-mux"));
    assert!(seeking(May, true, 1).receive_offer(&shared).unwrap().description.streams[0].ice.is_some());
    let refused = seeking(Must, true, 1).receive_offer(changed.as_bytes()).unwrap_err();
    assert_eq!(refused, OfferAnswerError::NotAcceptable(Unacceptable::Ways));
    // A name is not looked up.
    let named = String::from_utf8(offer(PHONE)).unwrap().replace("c=IN IP4 198.51.100.7", "c=IN IP4 phone.example.com");
    assert_eq!(seeking(May, true, 1).receive_offer(named.as_bytes()).unwrap().description.streams[0].ice, None);
}

/// A browser that has gathered nothing yet, or keeps its addresses to itself: `c=0.0.0.0` is no hold then (RFC 8839 §4.2.1.2).
#[test]
fn a_browser_without_an_address_does_not_hold() {
    let offer = sdp("v=0
        o=- 4611731400430051336 2 IN IP4 127.0.0.1
        s=-
        t=0 0
        a=group:BUNDLE 0
        m=audio 9 RTP/AVPF 0
        c=IN IP4 0.0.0.0
        a=rtcp:9 IN IP4 0.0.0.0
        a=candidate:3471623853 1 udp 2122194687 d2e6d1a4-8e8d-4c2e-9d0e-8c5c4d0c1c9f.local 61764 typ host generation 0
        a=ice-ufrag:L1WB
        a=ice-pwd:LNNVf4NP5CTmF8WQ7g0rj3iE
        a=ice-options:trickle
        a=mid:0
        a=sendrecv
        a=rtcp-mux");
    let mut machine = seeking(May, true, 1);
    let offered = machine.receive_offer(&offer).unwrap();
    assert_eq!((offered.hold, offered.description.streams[0].direction), (None, Direction::SendReceive));
    assert!(offered.description.streams[0].ice.is_some());
    let text = machine.make_answer(&shared(40_000)).unwrap();
    assert_eq!(candidates(&text).len(), 1);
    assert!(lines(&text).contains(&"a=end-of-candidates"), "to who may go on to name its own");
    // The old way to hold is one, with ways as without.
    let held = String::from_utf8(self::offer(PHONE)).unwrap().replace("c=IN IP4 198.51.100.7", "c=IN IP4 0.0.0.0");
    let mut machine = seeking(May, true, 1);
    let offered = machine.receive_offer(held.as_bytes()).unwrap();
    assert_eq!(offered.description.streams[0].direction, Direction::SendOnly);
    assert!(offered.description.streams[0].ice.is_some());
}

/// A peer goes on to name its candidates in the first second of a call, which is when we may offer anew (RFC 8838 §12: they are of a generation of names).
#[test]
fn candidates_that_meet_an_offer_of_ours_are_known() {
    let fragment = |names: &str, port: u16| {
        let text =
            format!("{names}m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:3 1 UDP 5 203.0.113.1 {port} typ host\r\n");
        Fragment::parse(text.as_bytes()).unwrap()
    };
    let theirs = "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n";
    let others = "a=ice-ufrag:9iiZ\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n";
    let mut machine = seeking(May, false, 1);
    machine.receive_offer(&offer(&format!("{PHONE}\na=ice-options:trickle"))).unwrap();
    machine.make_answer(&one(40_000)).unwrap();
    let known = agreed(&machine).unwrap().candidates.len();
    machine.make_offer(&one(40_000)).unwrap();
    assert!(machine.takes_candidates());
    assert_eq!(machine.add_candidates(&fragment(others, 7_000)), []);
    assert_eq!(machine.add_candidates(&fragment(theirs, 7_000)).len(), 1);
    assert_eq!(machine.add_candidates(&fragment(theirs, 7_000)), [], "it says all of them each time");
    assert!(machine.roll_back());
    let agreed = agreed(&machine).unwrap();
    assert_eq!(agreed.candidates.len(), known + 1);
    assert_eq!(agreed.candidates[known].address, "203.0.113.1:7000".parse().unwrap());
    // Of who was never agreed with nothing is known.
    let mut machine = seeking(Offer, false, 1);
    machine.make_offer(&one(40_000)).unwrap();
    assert_eq!(machine.add_candidates(&fragment(theirs, 7_000)), []);
}

/// A browser that would have all streams share one port: the one that is served is all of its group (RFC 9143 §7.3).
#[test]
fn of_a_group_the_stream_that_is_served_is_taken() {
    let offer = |group: &str, mids: [&str; 2]| {
        sdp(&format!(
            "v=0
            o=- 5 1 IN IP4 198.51.100.7
            s=-
            c=IN IP4 198.51.100.7
            t=0 0
            {group}
            m=video 6002 RTP/AVP 96
            {}
            m=audio 6000 RTP/AVP 0
            {}",
            mids[0], mids[1]
        ))
    };
    let grouped = offer("a=group:LS 0 1\na=group:BUNDLE 0 1", ["a=mid:0", "a=mid:1"]);
    let video = MediaStream { rtp: None, ..voice(1, &[pcmu()]) };
    let answered = streams(&[video, voice(40_000, &[pcmu()])]);
    let mut machine = seeking(May, true, 1);
    machine.receive_offer(&grouped).unwrap();
    let text = machine.make_answer(&answered).unwrap();
    assert_eq!(value(&text, "group"), Some("BUNDLE 1"), "who is refused is in none");
    let mids: Vec<&str> = lines(&text).into_iter().filter(|line| line.starts_with("a=mid:")).collect();
    assert_eq!(mids, ["a=mid:0", "a=mid:1"], "each section is known by its name");
    let session_level = lines(&text).into_iter().take_while(|line| !line.starts_with("m=")).collect::<Vec<_>>();
    assert!(session_level.contains(&"a=group:BUNDLE 1"));
    // What we offer later goes on.
    for text in [machine.repeat_offer().unwrap(), {
        machine.roll_back();
        machine.make_offer(&answered).unwrap()
    }] {
        assert_eq!((value(&text, "group"), value(&text, "mid")), (Some("BUNDLE 1"), Some("0")));
    }
    for (offer, mid) in [
        (offer("a=x", ["a=x", "a=mid:1"]), Some("1")),
        (offer("a=group:BUNDLE 0 1", ["a=x", "a=x"]), None),
        (offer("a=group:BUNDLE 1", ["a=x", "a=mid:1 2"]), None),
        (offer("a=group:BUNDLE 0", ["a=mid:0", "a=mid:1"]), Some("0")),
    ] {
        let mut machine = seeking(May, true, 1);
        machine.receive_offer(&offer).unwrap();
        let text = machine.make_answer(&answered).unwrap();
        assert_eq!((value(&text, "group"), value(&text, "mid")), (None, mid));
    }
    let ours = seeking(Offer, true, 1).make_offer(&one(40_000)).unwrap();
    assert_eq!((value(&ours, "group"), value(&ours, "mid")), (None, None));
}

/// RFC 8445 §6.1.1: who offers controls, unless it is lite and the other one is not.
#[test]
fn two_machines_agree_on_ways_and_on_who_decides() {
    for (lite_a, lite_b, controls) in [
        (false, false, [true, false]),
        (true, false, [false, true]),
        (false, true, [true, false]),
        (true, true, [true, false]),
    ] {
        let (mut a, mut b) = (seeking(Offer, lite_a, 1), seeking(May, lite_b, 2));
        let text = a.make_offer(&one(40_000)).unwrap();
        assert_eq!(candidates(&text).len(), 2, "RTCP may have a port of its own");
        b.receive_offer(&text).unwrap();
        let text = b.make_answer(&one(50_000)).unwrap();
        assert_eq!(a.receive_answer(&text, AnswerKind::Final).unwrap(), Answered::Agreed);
        let (of_a, of_b) = (agreed(&a).unwrap(), agreed(&b).unwrap());
        assert_eq!((&of_a.local, &of_a.remote), (&of_b.remote, &of_b.local));
        assert_eq!([of_a.is_controlling, of_b.is_controlling], controls, "{lite_a} {lite_b}");
        assert_eq!((of_a.is_remote_lite, of_b.is_remote_lite), (lite_b, lite_a));
        assert!(of_a.nominates_once && of_b.nominates_once);
        // Whoever offers once more goes on: same names, same parts.
        let text = b.make_offer(&one(50_000)).unwrap();
        a.receive_offer(&text).unwrap();
        let text = a.make_answer(&one(40_000)).unwrap();
        b.receive_answer(&text, AnswerKind::Final).unwrap();
        assert_eq!((agreed(&a), agreed(&b)), (Some(of_a.clone()), Some(of_b.clone())));
        let text = a.repeat_offer().unwrap();
        assert_eq!(
            (value(&text, "ice-ufrag"), lines(&text).contains(&"a=ice-lite")),
            (Some(&*of_a.local.fragment), lite_a)
        );
        assert!(b.receive_offer(&text).unwrap().is_unchanged);
        let text = b.make_answer(&one(50_000)).unwrap();
        a.receive_answer(&text, AnswerKind::Final).unwrap();
        assert_eq!((agreed(&a), agreed(&b)), (Some(of_a.clone()), Some(of_b)));
        // And whoever begins anew decides no more than before.
        let anew = MediaStream { seeks_anew: true, ..voice(50_000, &[pcmu()]) };
        let text = b.make_offer(&streams(&[anew])).unwrap();
        a.receive_offer(&text).unwrap();
        let text = a.make_answer(&one(40_000)).unwrap();
        b.receive_answer(&text, AnswerKind::Final).unwrap();
        let (anew_a, anew_b) = (agreed(&a).unwrap(), agreed(&b).unwrap());
        assert_ne!(anew_a.local, of_a.local);
        assert_eq!([anew_a.is_controlling, anew_b.is_controlling], controls, "anew: {lite_a} {lite_b}");
    }
}

#[test]
fn nothing_is_offered_to_who_may_alone() {
    let text = seeking(May, true, 1).make_offer(&one(40_000)).unwrap();
    assert!(!lines(&text).iter().any(|line| line.starts_with("a=ice") || line.starts_with("a=candidate")));
    let (mut a, mut b) = (seeking(Offer, true, 1), seeking(Never, true, 2));
    let text = a.make_offer(&one(40_000)).unwrap();
    b.receive_offer(&text).unwrap();
    let answer = b.make_answer(&one(50_000)).unwrap();
    a.receive_answer(&answer, AnswerKind::Final).unwrap();
    assert_eq!(agreed(&a), None);
    let text = a.make_offer(&one(40_000)).unwrap();
    assert_eq!(value(&text, "ice-ufrag"), None, "what was agreed without stays so");
    let mut must = seeking(Must, true, 3);
    must.make_offer(&one(40_000)).unwrap();
    let fault = must.receive_answer(&answer, AnswerKind::Final).unwrap_err();
    assert_eq!(fault, OfferAnswerError::AnswerMismatch(AnswerFault::Ways));
}

/// RFC 8839 §4.4.1.1.1: other names begin anew, on both sides; and what was offered and taken back was nothing.
#[test]
fn a_peer_that_begins_anew_gets_new_names_of_ours() {
    let mut machine = seeking(May, true, 1);
    machine.receive_offer(&offer(PHONE)).unwrap();
    machine.make_answer(&one(40_000)).unwrap();
    let first = agreed(&machine).unwrap();
    let again = PHONE.replace("8hhY", "9uB6");
    machine.receive_offer(&offer(&again)).unwrap();
    assert!(machine.roll_back());
    assert_eq!(agreed(&machine), Some(first.clone()));
    machine.receive_offer(&offer(&again)).unwrap();
    let text = machine.make_answer(&one(40_000)).unwrap();
    let second = agreed(&machine).unwrap();
    assert!(second.local != first.local && second.remote.fragment == "9uB6");
    assert_eq!(value(&text, "ice-pwd"), Some(&*second.local.password));
    machine.receive_offer(&offer("")).unwrap();
    let text = machine.make_answer(&one(40_000)).unwrap();
    assert_eq!((agreed(&machine), value(&text, "ice-ufrag")), (None, None), "it wants none any more");
}

#[test]
fn names_that_are_none_are_passed_over() {
    for (good, bad) in [
        ("8hhY", "8hh"),
        ("8hhY", "8hh-Y"),
        ("asd88fgpdd777uzjYhagZg", "asd88fgpdd777uzjYhagZ"),
        ("asd88fgpdd777uzjYhagZg", "asd88fgpdd777uzjYhagZ="),
        ("a=ice-pwd:asd88fgpdd777uzjYhagZg", "a=nothing"),
    ] {
        let text = offer(&PHONE.replace(good, bad));
        assert_eq!(seeking(May, true, 1).receive_offer(&text).unwrap().description.streams[0].ice, None, "{bad}");
    }
    let long = offer(&PHONE.replace("8hhY", &"x".repeat(257)));
    assert_eq!(seeking(May, true, 1).receive_offer(&long).unwrap().description.streams[0].ice, None);
    let none = offer("a=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZg");
    assert_eq!(seeking(May, true, 1).receive_offer(&none).unwrap().description.streams[0].ice, None, "no candidate");
}

/// Names may stand at the session level (RFC 8839 §5.4); and what a peer has chosen of ours is read.
#[test]
fn names_of_the_session_are_those_of_its_streams() {
    let text = String::from_utf8(offer(PHONE)).unwrap();
    let text = text.replace("a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n", "");
    let text =
        text.replace("t=0 0\r\n", "t=0 0\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-lite\r\n");
    let mut machine = seeking(May, false, 1);
    machine.receive_offer(text.as_bytes()).unwrap();
    machine.make_answer(&one(40_000)).unwrap();
    let told = agreed(&machine).unwrap();
    assert_eq!((told.remote.fragment.as_str(), told.is_remote_lite, told.is_controlling), ("8hhY", true, true));
    let session = SessionDescription::parse(&offer("a=remote-candidates:1 192.0.2.1 40000 2 192.0.2.1 40001")).unwrap();
    let expected = [(1, "192.0.2.1:40000".parse().unwrap()), (2, "192.0.2.1:40001".parse().unwrap())];
    assert_eq!(chosen(&session.media[0]), expected);
}

/// We begin anew by other names, which the peer takes as its own beginning (RFC 8839 §4.4.1.1.1); and say what we have chosen where we decide.
#[test]
fn we_begin_anew_and_say_what_we_have_chosen() {
    let (mut a, mut b) = (seeking(Offer, false, 1), seeking(May, false, 2));
    let exchange = |a: &mut OfferAnswer, b: &mut OfferAnswer, own: MediaStream| {
        let text = a.make_offer(&streams(&[own])).unwrap();
        b.receive_offer(&text).unwrap();
        let answer = b.make_answer(&one(50_000)).unwrap();
        a.receive_answer(&answer, AnswerKind::Final).unwrap();
        (text, agreed(a).unwrap())
    };
    let at = ["198.51.100.7:6000", "198.51.100.7:6001"].map(|at| at.parse().unwrap());
    let plain = || voice(40_000, &[pcmu()]);
    let chosen = || MediaStream { chosen_ways: at.to_vec(), ..plain() };
    let (text, first) = exchange(&mut a, &mut b, chosen());
    assert_eq!(value(&text, "remote-candidates"), None, "nothing is agreed yet");
    let (text, second) = exchange(&mut a, &mut b, chosen());
    assert_eq!(value(&text, "remote-candidates"), Some("1 198.51.100.7 6000 2 198.51.100.7 6001"));
    assert_eq!(second, first);
    let (text, third) = exchange(&mut a, &mut b, MediaStream { seeks_anew: true, ..chosen() });
    assert!(third.local != first.local && third.remote != first.remote, "{third:?}");
    assert_eq!(value(&text, "remote-candidates"), None);
    assert_eq!(agreed(&b).map(|of_b| (of_b.remote, of_b.local)), Some((third.local.clone(), third.remote.clone())));
    let (text, fourth) = exchange(&mut a, &mut b, plain());
    assert_eq!((value(&text, "remote-candidates"), &fourth), (None, &third));
    // Who does not decide says nothing.
    let text = b.make_offer(&streams(&[MediaStream { chosen_ways: at.to_vec(), ..voice(50_000, &[pcmu()]) }])).unwrap();
    assert_eq!(value(&text, "remote-candidates"), None);
}

/// Addresses at a server that relays, and as it sees us: in offers, in answers, and for each component that there is.
#[test]
fn what_servers_have_given_is_named_behind_our_own() {
    let served = ServedAddresses {
        relayed_rtp: "203.0.113.9:50000".parse().ok(),
        relayed_rtcp: "203.0.113.9:50001".parse().ok(),
        reflexive_rtp: "198.51.100.9:41000".parse().ok(),
        reflexive_rtcp: None,
    };
    let own = |port| MediaStream { served: Some(Box::new(served)), ..voice(port, &[pcmu()]) };
    let mut machine = seeking(Offer, false, 1);
    let text = machine.make_offer(&streams(&[own(40_000)])).unwrap();
    assert_eq!(
        candidates(&text),
        [
            "1 1 UDP 2130706431 192.0.2.1 40000 typ host",
            "2 1 UDP 1694498815 198.51.100.9 41000 typ srflx raddr 192.0.2.1 rport 40000",
            "3 1 UDP 8388607 203.0.113.9 50000 typ relay raddr 198.51.100.9 rport 41000",
            "1 2 UDP 2130706430 192.0.2.1 40001 typ host",
            "3 2 UDP 8388606 203.0.113.9 50001 typ relay raddr 192.0.2.1 rport 40001",
        ]
    );
    // Whoever reads it has them all.
    let mut phone = seeking(May, false, 2);
    phone.receive_offer(&text).unwrap();
    let answer = phone.make_answer(&one(50_000)).unwrap();
    assert_eq!(agreed(&phone).unwrap().candidates.len(), 5);
    machine.receive_answer(&answer, AnswerKind::Final).unwrap();
    // With RTCP on the same port its own are none; and what no NAT has changed is said once.
    let mut machine = seeking(May, false, 3);
    machine.receive_offer(&offer(&format!("a=rtcp-mux\n        {PHONE}"))).unwrap();
    let seen = ServedAddresses { reflexive_rtp: "192.0.2.1:40000".parse().ok(), ..served };
    let own = MediaStream { rtcp_mux: true, served: Some(Box::new(seen)), ..own(40_000) };
    let text = machine.make_answer(&streams(&[own])).unwrap();
    assert_eq!(
        candidates(&text),
        [
            "1 1 UDP 2130706431 192.0.2.1 40000 typ host",
            "3 1 UDP 8388607 203.0.113.9 50000 typ relay raddr 192.0.2.1 rport 40000",
        ]
    );
}
