//! The machine, rule by rule.

use std::net::{Ipv6Addr, SocketAddr};

use router::parameter::{Codec, Direction, MediaStream, MediaTransport};

use super::super::{
    AnswerFault, AnswerKind, Answered, Blame, HoldChange, LocalFault, OfferAnswerError, OfferAnswerState, Role,
    Unacceptable,
};
use super::{events, flowing, lines, machine, opus, parsed, pcma, pcmu, refused, sdp, streams, voice};

/// A peer's text: one voice stream.
fn peer(version: u32, connection: &str, media: &str) -> Vec<u8> {
    sdp(&format!("v=0\no=peer 9 {version} IN IP4 198.51.100.9\ns=-\nc=IN {connection}\nt=0 0\n{media}"))
}

fn peer_voice(version: u32, port: u16, direction: &str) -> Vec<u8> {
    peer(version, "IP4 198.51.100.9", &format!("m=audio {port} RTP/AVP 0\na={direction}"))
}

#[test]
fn glare_is_491_and_a_second_offer_500() {
    let mut alice = machine(1);
    alice.make_offer(&streams(&[voice(4_000, &[pcmu()])])).unwrap();
    let glare = alice.receive_offer(&peer_voice(1, 6_000, "sendrecv")).unwrap_err();
    assert_eq!((glare.status(), glare.blame()), (Some(491), Blame::Crossed));
    assert_eq!(alice.state(), OfferAnswerState::LocalOfferPending);
    assert!(alice.roll_back());
    assert_eq!(alice.state(), OfferAnswerState::Idle);
    alice.receive_offer(&peer_voice(1, 6_000, "sendrecv")).unwrap();
    let second = alice.receive_offer(&peer_voice(2, 6_000, "sendrecv")).unwrap_err();
    assert_eq!((second.status(), second.blame()), (Some(500), Blame::PeerMisbehaved));
    let ours = alice.make_offer(&streams(&[voice(4_000, &[pcmu()])])).unwrap_err();
    assert_eq!(ours, OfferAnswerError::Local(LocalFault::OfferPending));
    alice.make_answer(&streams(&[voice(4_000, &[pcmu()])])).unwrap();
    assert!(!alice.roll_back());
    assert_eq!(alice.agreement().unwrap().role(), Role::Answerer);
}

#[test]
fn a_refused_offer_leaves_what_was_agreed() {
    let mut alice = machine(1);
    alice.make_offer(&streams(&[voice(4_000, &[pcmu(), opus(96)])])).unwrap();
    alice.receive_answer(&peer_voice(1, 6_000, "sendrecv"), AnswerKind::Final).unwrap();
    let before = alice.agreement().unwrap().clone();
    let held = alice.make_offer(&streams(&[flowing(Direction::SendOnly, voice(4_000, &[pcmu()]))])).unwrap();
    assert_eq!(lines(&held)[1], "o=- 1 2 IN IP4 192.0.2.1");
    assert_eq!(alice.agreement(), Some(&before));
    assert!(alice.roll_back());
    assert_eq!(alice.agreement(), Some(&before));
    // The same once more, after glare: the peer has not seen version 2, and it is the same text.
    let again = alice.make_offer(&streams(&[flowing(Direction::SendOnly, voice(4_000, &[pcmu()]))])).unwrap();
    assert_eq!(again, held);
    alice.roll_back();
    // Another one must not go by a version that was sent.
    assert_eq!(lines(&alice.repeat_offer().unwrap())[1], "o=- 1 3 IN IP4 192.0.2.1");
    // The peer's offer rolled back likewise.
    alice.roll_back();
    alice.receive_offer(&peer_voice(2, 6_002, "inactive")).unwrap();
    assert!(alice.roll_back());
    assert_eq!(alice.agreement(), Some(&before));
}

#[test]
fn an_offer_may_be_answered_by_refusing_every_stream_of_it() {
    let mut alice = machine(1);
    assert_eq!(alice.refuse_offer(), Err(OfferAnswerError::Local(LocalFault::NoOffer)));
    let media = "m=audio 6000 RTP/AVP 0 101\nm=video 6002 RTP/AVP 99";
    alice.receive_offer(&peer(1, "IP4 198.51.100.9", media)).unwrap();
    let text = alice.refuse_offer().unwrap();
    let sections: Vec<_> = lines(&text).into_iter().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(sections, ["m=audio 0 RTP/AVP 0 101", "m=video 0 RTP/AVP 99"]);
    assert_eq!(alice.state(), OfferAnswerState::Idle);
}

#[test]
fn of_two_families_the_one_that_is_reached_is_served() {
    let six = "m=audio 6000 RTP/AVP 0\nc=IN IP6 2001:db8::9";
    let four = "m=audio 6002 RTP/AVP 0\nc=IN IP4 198.51.100.9";
    let text = |version: u32, sections: &[&str]| peer(version, "IP4 198.51.100.9", &sections.join("\n"));
    // RFC 4091: two ways to one stream.
    let mut alice = machine(1);
    let offered = alice.receive_offer(&text(1, &[six, four])).unwrap().description;
    assert_eq!((offered.streams[0].rtp, offered.streams[1].rtp.is_some()), (None, true));
    let ours = streams(&[refused(voice(0, &[pcmu()])), voice(4_000, &[pcmu()])]);
    let answer = alice.make_answer(&ours).unwrap();
    let media: Vec<_> = lines(&answer).into_iter().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(media, ["m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/AVP 0"]);
    // In mid-call too; what was agreed stays.
    let moved = alice.receive_offer(&text(2, &[six, six])).unwrap_err();
    assert_eq!(moved, OfferAnswerError::NotAcceptable(Unacceptable::Address));
    assert_eq!(alice.state(), OfferAnswerState::Established);
    // Nothing else is there: RFC 3261 §20.43 has a warning for it.
    let only = machine(2).receive_offer(&text(1, &[six])).unwrap_err();
    assert_eq!((only.status(), only.warning().map(|(code, _)| code)), (Some(488), Some(301)));
    // An answer that leads elsewhere than the offer asks for is none.
    let mut bob = machine(3);
    bob.make_offer(&streams(&[voice(4_000, &[pcmu()])])).unwrap();
    bob.receive_answer(&text(1, &[six]), AnswerKind::Final).unwrap();
    assert!(bob.agreement().unwrap().streams().is_empty());
    // RFC 5118 §4.10: it is an IPv4 address for all that.
    let mapped = machine(5).receive_offer(&peer(1, "IP6 ::ffff:198.51.100.9", "m=audio 6000 RTP/AVP 0")).unwrap();
    assert_eq!(mapped.description.streams[0].rtp, Some(SocketAddr::from(([198, 51, 100, 9], 6_000))));
    // RTCP elsewhere: beside RTP, then.
    let offered = machine(4).receive_offer(&text(1, &[four, "a=rtcp:7000 IN IP6 2001:db8::9"])).unwrap();
    assert_eq!(offered.description.streams[0].rtcp, Some(SocketAddr::from(([198, 51, 100, 9], 7_000))));
}

#[test]
fn the_version_grows_only_with_the_text() {
    let mut alice = machine(u64::MAX);
    let ours = streams(&[voice(4_000, &[pcmu()])]);
    let first = alice.make_offer(&ours).unwrap();
    assert_eq!(lines(&first)[1], format!("o=- {} 1 IN IP4 192.0.2.1", u64::MAX >> 2));
    alice.receive_answer(&peer_voice(1, 6_000, "sendrecv"), AnswerKind::Final).unwrap();
    assert_eq!(alice.make_offer(&ours).unwrap(), first);
    alice.receive_answer(&peer_voice(1, 6_000, "sendrecv"), AnswerKind::Final).unwrap();
    assert_eq!(alice.repeat_offer().unwrap(), first);
    alice.receive_answer(&peer_voice(1, 6_000, "sendrecv"), AnswerKind::Final).unwrap();
    // An answer that says the same has the same version too.
    assert!(alice.receive_offer(&peer_voice(2, 6_000, "sendrecv")).unwrap().is_unchanged);
    assert_eq!(alice.make_answer(&ours).unwrap(), first);
    assert!(!alice.receive_offer(&peer_voice(2, 6_002, "sendrecv")).unwrap().is_unchanged);
    assert_eq!(alice.make_answer(&ours).unwrap(), first);
}

#[test]
fn an_early_answer_is_repeated_replaced_or_settled() {
    let mut alice = machine(1);
    alice.make_offer(&streams(&[voice(4_000, &[pcmu()])])).unwrap();
    let port = |machine: &super::OfferAnswer| machine.agreement().unwrap().streams()[0].remote_rtp.unwrap().port();
    let early = AnswerKind::Early;
    assert_eq!(alice.receive_answer(&peer_voice(1, 6_000, "sendrecv"), early), Ok(Answered::Agreed));
    assert_eq!(alice.state(), OfferAnswerState::LocalOfferPending);
    assert_eq!(port(&alice), 6_000);
    assert_eq!(alice.receive_offer(&peer_voice(2, 6_000, "sendrecv")), Err(OfferAnswerError::Glare));
    assert_eq!(alice.receive_answer(&peer_voice(1, 6_000, "sendrecv"), early), Ok(Answered::Repeated));
    assert_eq!(alice.receive_answer(&peer_voice(1, 6_002, "sendrecv"), early), Ok(Answered::Agreed));
    let mut without = alice.clone();
    let mut same = alice.clone();
    let mut refused = alice.clone();
    // 200 with another one.
    assert_eq!(alice.receive_answer(&peer_voice(1, 6_004, "sendrecv"), AnswerKind::Final), Ok(Answered::Agreed));
    assert_eq!((alice.state(), port(&alice)), (OfferAnswerState::Established, 6_004));
    // After that nothing counts, and nothing harms.
    assert_eq!(alice.receive_answer(&peer_voice(1, 6_004, "sendrecv"), AnswerKind::Final), Ok(Answered::Ignored));
    assert_eq!(alice.receive_answer(&peer_voice(1, 6_006, "sendrecv"), AnswerKind::Final), Ok(Answered::Ignored));
    assert_eq!(port(&alice), 6_004);
    // 200 with the same, without any, and a refusal.
    assert_eq!(same.receive_answer(&peer_voice(1, 6_002, "sendrecv"), AnswerKind::Final), Ok(Answered::Repeated));
    assert_eq!((same.state(), port(&same)), (OfferAnswerState::Established, 6_002));
    assert_eq!(without.settle_early(), Ok(()));
    assert_eq!((without.state(), port(&without)), (OfferAnswerState::Established, 6_002));
    assert!(refused.roll_back());
    assert_eq!(refused.agreement(), None);
}

#[test]
fn answers_out_of_turn_are_errors() {
    let mut alice = machine(1);
    let answer = peer_voice(1, 6_000, "sendrecv");
    assert_eq!(alice.receive_answer(&answer, AnswerKind::Final), Err(OfferAnswerError::UnexpectedAnswer));
    assert_eq!(alice.make_answer(&streams(&[])), Err(LocalFault::NoOffer.into()));
    assert_eq!(alice.repeat_offer(), Err(LocalFault::NothingAgreed.into()));
    assert_eq!(alice.settle_early(), Err(OfferAnswerError::UnexpectedAnswer));
    alice.receive_offer(&answer).unwrap();
    assert_eq!(alice.receive_answer(&answer, AnswerKind::Final), Err(OfferAnswerError::UnexpectedAnswer));
    alice.make_answer(&streams(&[voice(4_000, &[pcmu()])])).unwrap();
    assert_eq!(alice.receive_answer(&answer, AnswerKind::Final), Err(OfferAnswerError::UnexpectedAnswer));
    alice.make_offer(&streams(&[voice(4_000, &[pcmu()])])).unwrap();
    assert_eq!(alice.settle_early(), Err(OfferAnswerError::AnswerMissing));
    assert_eq!(OfferAnswerError::AnswerMissing.status(), None);
}

#[test]
fn an_answer_that_does_not_fit_is_refused_and_one_that_goes_too_far_is_cut() {
    let ours = streams(&[
        flowing(Direction::SendOnly, voice(4_000, &[pcma(), opus(96), events()])),
        refused(voice(4_002, &[pcmu()])),
    ]);
    let answered = |media: &str| {
        let mut alice = machine(1);
        alice.make_offer(&ours).unwrap();
        let result = alice.receive_answer(&peer(1, "IP4 198.51.100.9", media), AnswerKind::Final);
        result.map(|_| alice.agreement().unwrap().clone())
    };
    let mismatch = |fault| Err(OfferAnswerError::AnswerMismatch(fault));
    assert_eq!(answered("m=video 5000 RTP/AVP 31\nm=audio 0 RTP/AVP 0"), mismatch(AnswerFault::Kind));
    assert_eq!(answered("m=audio 5000 RTP/SAVP 8\nm=audio 0 RTP/AVP 0"), mismatch(AnswerFault::Transport));
    assert_eq!(answered(&"m=audio 5000 RTP/AVP 8\n".repeat(3)), mismatch(AnswerFault::TooManyStreams));
    let more = "m=audio 5000 RTP/AVP 8\nm=audio 0 RTP/AVP 0\nm=video 0 RTP/AVP 31\n";
    assert!(answered(more).is_ok(), "one more than was offered, and refused, does no harm");
    // sendrecv to a sendonly offer, a codec that was not offered, rtcp-mux that was not, a stream that was refused;
    // events and opus under numbers of its own, events without telling.
    let agreed = answered(
        "m=audio 5000 RTP/AVP 18 97 101 8\na=rtpmap:97 OPUS/48000/2\na=rtcp-mux\na=ptime:30\nm=audio 5002 RTP/AVP 0",
    )
    .unwrap();
    let found = agreed.streams();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].direction, Direction::SendOnly);
    assert_eq!(agreed.remote().streams[0].direction, Direction::ReceiveOnly);
    assert!(!found[0].rtcp_mux);
    assert_eq!(found[0].ptime_ms, Some(30));
    assert_eq!(found[0].remote_rtcp.unwrap().to_string(), "198.51.100.9:5001");
    let numbers: Vec<_> =
        found[0].codecs.iter().map(|codec| (codec.send.payload_type, codec.receive.payload_type)).collect();
    assert_eq!(numbers, [(97, 96), (101, 101), (8, 8)]);
    // One section too few: the rest is refused. No voice in common: refused too.
    assert_eq!(answered("m=audio 5000 RTP/AVP 8").unwrap().streams().len(), 1);
    assert_eq!(answered("m=audio 5000 RTP/AVP 18 101").unwrap().streams().len(), 0);
    assert_eq!(answered("m=audio 0 RTP/AVP 8").unwrap().streams().len(), 0);
}

#[test]
fn the_old_hold_is_seen_and_answered_with_a_real_address() {
    let ours = streams(&[voice(4_000, &[pcmu()])]);
    for (nowhere, media) in [
        ("IP4 0.0.0.0", "m=audio 6000 RTP/AVP 0"),
        ("IP6 ::", "m=audio 6000 RTP/AVP 0"),
        ("IP6 anonymous.invalid", "m=audio 6000 RTP/AVP 0"),
        ("IP4 198.51.100.9", "m=audio 6000 RTP/AVP 0\na=sendonly"),
        ("IP4 198.51.100.9", "m=audio 6000 RTP/AVP 0\nc=IN IP4 0.0.0.0"),
    ] {
        let mut bob = machine(1);
        bob.receive_offer(&peer_voice(1, 6_000, "sendrecv")).unwrap();
        bob.make_answer(&ours).unwrap();
        let offered = bob.receive_offer(&peer(2, nowhere, media)).unwrap();
        assert_eq!(offered.hold, Some(HoldChange::Held), "{nowhere} {media}");
        assert_eq!(offered.description.streams[0].direction, Direction::SendOnly);
        assert_eq!(offered.description.streams[0].rtp.unwrap().port(), 6_000);
        let answer = bob.make_answer(&ours).unwrap();
        assert_eq!(lines(&answer)[3], "c=IN IP4 192.0.2.1");
        assert_eq!(lines(&answer).last(), Some(&"a=recvonly"));
        assert!(bob.agreement().unwrap().peer_holds());
        let offered = bob.receive_offer(&peer_voice(3, 6_000, "sendrecv")).unwrap();
        assert_eq!(offered.hold, Some(HoldChange::Retrieved));
        bob.make_answer(&ours).unwrap();
    }
    // From inactive to sendonly nothing changes for who hears.
    let mut bob = machine(1);
    assert_eq!(bob.receive_offer(&peer_voice(1, 6_000, "inactive")).unwrap().hold, Some(HoldChange::Held));
    assert_eq!(lines(&bob.make_answer(&ours).unwrap()).last(), Some(&"a=inactive"));
    assert_eq!(bob.receive_offer(&peer_voice(2, 6_000, "sendonly")).unwrap().hold, None);
}

#[test]
fn our_own_hold_is_not_the_peers() {
    let mut alice = machine(1);
    alice.make_offer(&streams(&[voice(4_000, &[pcmu()])])).unwrap();
    alice.receive_answer(&peer_voice(1, 6_000, "sendrecv"), AnswerKind::Final).unwrap();
    alice.make_offer(&streams(&[flowing(Direction::Inactive, voice(4_000, &[pcmu()]))])).unwrap();
    alice.receive_answer(&peer_voice(2, 6_000, "inactive"), AnswerKind::Final).unwrap();
    assert!(!alice.agreement().unwrap().peer_holds());
    // Retrieved on our side; the peer answers that it does not listen: that is a hold of its own.
    alice.make_offer(&streams(&[voice(4_000, &[pcmu()])])).unwrap();
    alice.receive_answer(&peer_voice(3, 6_000, "sendonly"), AnswerKind::Final).unwrap();
    assert!(alice.agreement().unwrap().peer_holds());
}

#[test]
fn an_answer_is_never_more_than_its_offer() {
    use Direction::*;
    for (offered, wanted, answered) in [
        ("sendrecv", SendReceive, "a=sendrecv"),
        ("sendrecv", SendOnly, "a=sendonly"),
        ("sendrecv", Inactive, "a=inactive"),
        ("sendonly", SendReceive, "a=recvonly"),
        ("sendonly", SendOnly, "a=inactive"),
        ("recvonly", SendReceive, "a=sendonly"),
        ("recvonly", ReceiveOnly, "a=inactive"),
        ("inactive", SendReceive, "a=inactive"),
    ] {
        let mut bob = machine(1);
        bob.receive_offer(&peer_voice(1, 6_000, offered)).unwrap();
        let mux = MediaStream { rtcp_mux: true, ..voice(4_000, &[pcmu()]) };
        let answer = bob.make_answer(&streams(&[flowing(wanted, mux)])).unwrap();
        assert_eq!(lines(&answer).last(), Some(&answered), "{offered} {wanted:?}");
        assert!(!lines(&answer).contains(&"a=rtcp-mux"));
    }
}

#[test]
fn ports_addresses_and_families_are_the_callers() {
    let v6 = |port| Some(SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), port)));
    let first = MediaStream {
        rtcp: Some(SocketAddr::from(([192, 0, 2, 1], 4_001))),
        ptime_ms: Some(20),
        max_ptime_ms: Some(60),
        ..voice(4_000, &[pcmu()])
    };
    let second = MediaStream {
        rtp: v6(5_000),
        rtcp: v6(5_000),
        rtcp_mux: true,
        transport: MediaTransport::RtpAvpf,
        ..voice(0, &[pcma()])
    };
    let third = MediaStream { rtcp: v6(7_000), ..voice(6_000, &[pcma()]) };
    let offer = machine(1).make_offer(&streams(&[first, second, third])).unwrap();
    assert_eq!(
        lines(&offer)[3..],
        [
            "c=IN IP4 192.0.2.1",
            "t=0 0",
            "m=audio 4000 RTP/AVP 0",
            "a=rtpmap:0 PCMU/8000",
            "a=ptime:20",
            "a=maxptime:60",
            "a=sendrecv",
            "m=audio 5000 RTP/AVPF 8",
            "c=IN IP6 2001:db8::1",
            "a=rtpmap:8 PCMA/8000",
            "a=rtcp:5000",
            "a=rtcp-mux",
            "a=sendrecv",
            "m=audio 6000 RTP/AVP 8",
            "a=rtpmap:8 PCMA/8000",
            "a=rtcp:7000 IN IP6 2001:db8::1",
            "a=sendrecv",
        ]
    );
}

#[test]
fn what_cannot_be_offered_is_our_own_fault() {
    let offer = |stream: MediaStream| machine(1).make_offer(&streams(&[stream])).unwrap_err();
    assert_eq!(offer(refused(voice(1, &[pcmu()]))), LocalFault::NothingOffered.into());
    assert_eq!(offer(voice(4_000, &[events()])), LocalFault::NothingOffered.into());
    assert_eq!(offer(voice(4_000, &[Codec::new(96, "x\r\nm=video", 8_000)])), LocalFault::NothingOffered.into());
    let nowhere = MediaStream { rtp: Some(SocketAddr::from(([0, 0, 0, 0], 4_000))), ..voice(1, &[pcmu()]) };
    assert_eq!(offer(nowhere), LocalFault::Address.into());
    let secured = MediaStream { transport: MediaTransport::RtpSavp, ..voice(4_000, &[pcmu()]) };
    assert_eq!(offer(secured), LocalFault::NothingOffered.into());
    let odd = MediaStream { transport: MediaTransport::Other("a b\r\n".to_owned()), ..voice(4_000, &[pcmu()]) };
    assert_eq!(offer(odd), LocalFault::NotAToken.into());
    let many = vec![voice(4_000, &[pcmu()]); super::super::limits::SDP_MEDIA_MAX + 1];
    assert_eq!(machine(1).make_offer(&streams(&many)), Err(LocalFault::TooManyStreams.into()));
    assert_eq!(OfferAnswerError::from(LocalFault::Address).blame(), Blame::Local);
}

#[test]
fn an_offer_that_ends_everything_is_answered_and_one_that_fails_leaves_the_session() {
    let ours = streams(&[voice(4_000, &[pcmu()])]);
    let mut bob = machine(1);
    assert_eq!(bob.receive_offer(&peer_voice(1, 0, "sendrecv")).unwrap_err().status(), Some(488));
    assert_eq!(bob.state(), OfferAnswerState::Idle);
    bob.receive_offer(&peer_voice(1, 6_000, "sendrecv")).unwrap();
    bob.make_answer(&ours).unwrap();
    // T.38 is not served yet: the voice goes on.
    let fax = peer(2, "IP4 198.51.100.9", "m=audio 0 RTP/AVP 0\nm=image 4500 udptl t38");
    let error = bob.receive_offer(&fax).unwrap_err();
    assert_eq!((error.status(), error.warning().unwrap().0, error.blame()), (Some(488), 304, Blame::PeerIncompatible));
    assert_eq!(bob.agreement().unwrap().streams().len(), 1);
    // Codecs that we do not have are found when we answer; the offer is then rolled back.
    bob.receive_offer(&peer(3, "IP4 198.51.100.9", "m=audio 6000 RTP/AVP 18")).unwrap();
    let error = bob.make_answer(&ours).unwrap_err();
    assert_eq!((error.status(), error.warning().unwrap().0), (Some(488), 305));
    assert!(bob.roll_back());
    assert_eq!(bob.agreement().unwrap().streams().len(), 1);
    bob.receive_offer(&peer_voice(4, 0, "sendrecv")).unwrap();
    assert_eq!(lines(&bob.make_answer(&ours).unwrap()).last(), Some(&"m=audio 0 RTP/AVP 0"));
    assert!(bob.agreement().unwrap().streams().is_empty());
    assert_eq!(bob.repeat_offer(), Err(LocalFault::NothingOffered.into()));
    let offer = bob.make_offer(&ours).unwrap();
    assert_eq!(parsed(&offer).media.len(), 1);
}

#[test]
fn an_offer_in_the_200_is_answered_in_the_ack() {
    let mut bob = machine(1);
    let offer = bob.make_offer(&streams(&[voice(4_000, &[pcma(), pcmu(), events()])])).unwrap();
    let mut alice = machine(2);
    alice.receive_offer(&offer).unwrap();
    let answer = alice.make_answer(&streams(&[voice(6_000, &[pcmu(), events()])])).unwrap();
    bob.receive_answer(&answer, AnswerKind::Final).unwrap();
    assert_eq!(bob.agreement().unwrap().streams()[0].codecs.len(), 2);
    assert_eq!(bob.agreement().unwrap().local(), alice.agreement().unwrap().remote());
}

#[test]
fn a_fork_is_answered_in_each_dialog() {
    let mut first = machine(1);
    first.make_offer(&streams(&[voice(4_000, &[pcmu()])])).unwrap();
    let mut second = first.clone();
    first.receive_answer(&peer_voice(1, 6_000, "sendrecv"), AnswerKind::Early).unwrap();
    second.receive_answer(&peer_voice(1, 7_000, "sendrecv"), AnswerKind::Final).unwrap();
    assert_eq!(first.state(), OfferAnswerState::LocalOfferPending);
    assert_eq!(second.agreement().unwrap().streams()[0].remote_rtp.unwrap().port(), 7_000);
}

#[test]
fn payload_types_of_the_peer_are_not_given_another_meaning() {
    let mut bob = machine(1);
    let media = "m=audio 6000 RTP/AVP 0 96 97\na=rtpmap:96 telephone-event/8000\na=rtpmap:97 EVS/16000";
    bob.receive_offer(&peer(1, "IP4 198.51.100.9", media)).unwrap();
    let answer = bob.make_answer(&streams(&[voice(4_000, &[pcmu(), events()])])).unwrap();
    assert!(lines(&answer).contains(&"m=audio 4000 RTP/AVP 0 96"));
    // The events keep 96 though the leg that they come from says 101; opus passes around 97, which was EVS.
    let offer = bob.make_offer(&streams(&[voice(4_000, &[opus(97), pcmu(), events()])])).unwrap();
    assert!(lines(&offer).contains(&"m=audio 4000 RTP/AVP 98 0 96"));
}

#[test]
fn numbers_of_the_peers_answer_are_not_given_another_meaning() {
    let mut alice = machine(1);
    alice.make_offer(&streams(&[voice(4_000, &[opus(96)])])).unwrap();
    let answer = peer(1, "IP4 198.51.100.9", "m=audio 6000 RTP/AVP 97\na=rtpmap:97 opus/48000/2");
    alice.receive_answer(&answer, AnswerKind::Final).unwrap();
    let offer = alice.make_offer(&streams(&[voice(4_000, &[opus(96), Codec::new(97, "iLBC", 8_000)])])).unwrap();
    assert!(lines(&offer).contains(&"m=audio 4000 RTP/AVP 96 98"));
}
