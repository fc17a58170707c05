//! The examples of RFC 3264 §10 and those of RFC 4317 that are of voice.

use router::parameter::{Codec, Direction};

use super::super::{AnswerKind, Answered};
use super::{flowing, lines, machine, parsed, pcmu, refused, sdp, streams, voice};

#[test]
fn rfc_3264_10_1_basic_exchange() {
    let mut bob = machine(2_890_844_730);
    let offered = bob
        .receive_offer(&sdp("
            v=0
            o=alice 2890844526 2890844526 IN IP4 host.anywhere.com
            s=
            c=IN IP4 host.anywhere.com
            t=0 0
            m=audio 49170 RTP/AVP 0
            a=rtpmap:0 PCMU/8000
            m=video 51372 RTP/AVP 31
            a=rtpmap:31 H261/90000
            m=video 53000 RTP/AVP 32
            a=rtpmap:32 MPV/90000"))
        .unwrap();
    assert_eq!(offered.description.streams.len(), 3);
    let answer = bob.make_answer(&streams(&[voice(49_920, &[pcmu()])])).unwrap();
    assert_eq!(
        lines(&answer),
        [
            "v=0",
            "o=- 2890844730 1 IN IP4 192.0.2.1",
            "s=-",
            "c=IN IP4 192.0.2.1",
            "t=0 0",
            "m=audio 49920 RTP/AVP 0",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "m=video 0 RTP/AVP 31",
            "m=video 0 RTP/AVP 32",
        ]
    );
    // A name has no address yet: to be learned.
    assert_eq!(bob.agreement().unwrap().streams()[0].remote_rtp, None);

    // Bob moves his port and adds a stream; Alice's other lines stay.
    let second = flowing(Direction::ReceiveOnly, voice(51_434, &[Codec::new(110, "telephone-events", 8_000)]));
    let video = refused(voice(1, &[]));
    let offer = bob.make_offer(&streams(&[voice(65_422, &[pcmu()]), video.clone(), video, second])).unwrap();
    assert_eq!(
        lines(&offer)[1..],
        [
            "o=- 2890844730 2 IN IP4 192.0.2.1",
            "s=-",
            "c=IN IP4 192.0.2.1",
            "t=0 0",
            "m=audio 65422 RTP/AVP 0",
            "a=rtpmap:0 PCMU/8000",
            "a=sendrecv",
            "m=video 0 RTP/AVP 31",
            "m=video 0 RTP/AVP 32",
            "m=audio 51434 RTP/AVP 110",
            "a=rtpmap:110 telephone-events/8000",
            "a=recvonly",
        ]
    );
    let answered = bob.receive_answer(
        &sdp("
            v=0
            o=alice 2890844526 2890844527 IN IP4 host.anywhere.com
            s=
            c=IN IP4 198.51.100.7
            t=0 0
            m=audio 49170 RTP/AVP 0
            a=rtpmap:0 PCMU/8000
            m=video 0 RTP/AVP 31
            a=rtpmap:31 H261/90000
            m=video 0 RTP/AVP 32
            a=rtpmap:32 MPV/90000
            m=audio 53122 RTP/AVP 110
            a=rtpmap:110 telephone-events/8000
            a=sendonly"),
        AnswerKind::Final,
    );
    assert_eq!(answered, Ok(Answered::Agreed));
    let agreed = bob.agreement().unwrap().streams();
    assert_eq!(agreed.iter().map(|stream| stream.index).collect::<Vec<_>>(), [0, 3]);
    assert_eq!(agreed[1].direction, Direction::ReceiveOnly);
    assert_eq!(agreed[1].remote_rtp.unwrap().to_string(), "198.51.100.7:53122");
}

#[test]
fn rfc_3264_10_2_one_of_n_codecs() {
    let mut bob = machine(1);
    bob.receive_offer(&sdp("
        v=0
        o=alice 2890844526 2890844526 IN IP4 192.0.2.77
        s=
        c=IN IP4 192.0.2.77
        t=0 0
        m=audio 62986 RTP/AVP 0 4 18
        a=rtpmap:0 PCMU/8000
        a=rtpmap:4 G723/8000
        a=rtpmap:18 G729/8000
        a=inactive"))
        .unwrap();
    let ours = voice(54_344, &[pcmu(), Codec::new(4, "G723", 8_000)]);
    let answer = bob.make_answer(&streams(std::slice::from_ref(&ours))).unwrap();
    assert!(lines(&answer).ends_with(&[
        "m=audio 54344 RTP/AVP 0 4",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:4 G723/8000",
        "a=inactive"
    ]));
    let offered = bob
        .receive_offer(&sdp("
            v=0
            o=alice 2890844526 2890844527 IN IP4 192.0.2.77
            s=
            c=IN IP4 192.0.2.77
            t=0 0
            m=audio 62986 RTP/AVP 4
            a=rtpmap:4 G723/8000"))
        .unwrap();
    assert!(!offered.is_unchanged);
    let answer = bob.make_answer(&streams(&[ours])).unwrap();
    assert!(lines(&answer).ends_with(&["m=audio 54344 RTP/AVP 4", "a=rtpmap:4 G723/8000", "a=sendrecv"]));
}

#[test]
fn rfc_4317_2_1_audio_and_video_2_audio_taken() {
    let mut bob = machine(1);
    bob.receive_offer(&sdp("
        v=0
        o=alice 2890844526 2890844526 IN IP4 198.51.100.1
        s=
        c=IN IP4 198.51.100.1
        t=0 0
        m=audio 49170 RTP/AVP 0 8 97
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:97 iLBC/8000
        m=video 51372 RTP/AVP 31 32
        a=rtpmap:31 H261/90000
        a=rtpmap:32 MPV/90000"))
        .unwrap();
    // iLBC under the offerer's number, whatever ours would be.
    let ilbc = Codec { parameters: Some("mode=20".into()), ..Codec::new(111, "ilbc", 8_000) };
    let answer = bob.make_answer(&streams(&[voice(49_174, &[ilbc])])).unwrap();
    assert!(lines(&answer).ends_with(&[
        "m=audio 49174 RTP/AVP 97",
        "a=rtpmap:97 ilbc/8000",
        "a=fmtp:97 mode=20",
        "a=sendrecv",
        "m=video 0 RTP/AVP 31 32",
    ]));
}

#[test]
fn rfc_4317_2_4_audio_and_a_stream_of_events() {
    // A stream of events alone is refused: events are served beside their voice.
    let mut bob = machine(1);
    bob.receive_offer(&sdp("
        v=0
        o=alice 2890844526 2890844526 IN IP4 198.51.100.1
        s=
        c=IN IP4 198.51.100.1
        t=0 0
        m=audio 49170 RTP/AVP 0 97
        a=rtpmap:0 PCMU/8000
        a=rtpmap:97 iLBC/8000
        m=audio 49172 RTP/AVP 98
        a=rtpmap:98 telephone-event/8000
        a=sendonly"))
        .unwrap();
    let events = Codec::new(98, "telephone-event", 8_000);
    let answer = bob.make_answer(&streams(&[voice(49_172, &[pcmu()]), voice(49_174, &[events])])).unwrap();
    assert_eq!(lines(&answer).last(), Some(&"m=audio 0 RTP/AVP 98"));
}

#[test]
fn rfc_4317_3_1_hold_and_unhold() {
    let alice = |version: u32, direction: &str| {
        sdp(&format!(
            "
            v=0
            o=alice 2890844526 {version} IN IP4 198.51.100.1
            s=
            c=IN IP4 198.51.100.1
            t=0 0
            m=audio 49170 RTP/AVP 0 97
            a=rtpmap:0 PCMU/8000
            a=rtpmap:97 iLBC/8000
            {direction}"
        ))
    };
    let ours = streams(&[voice(49_172, &[Codec::new(97, "iLBC", 8_000)])]);
    let mut bob = machine(2_808_844_564);
    assert_eq!(bob.receive_offer(&alice(2_890_844_526, "")).unwrap().hold, None);
    bob.make_answer(&ours).unwrap();
    let offered = bob.receive_offer(&alice(2_890_844_527, "a=sendonly")).unwrap();
    assert_eq!(offered.hold, Some(super::super::HoldChange::Held));
    let answer = bob.make_answer(&ours).unwrap();
    assert_eq!(lines(&answer)[1], "o=- 2808844564 2 IN IP4 192.0.2.1");
    assert_eq!(lines(&answer).last(), Some(&"a=recvonly"));
    let offered = bob.receive_offer(&alice(2_890_844_528, "")).unwrap();
    assert_eq!(offered.hold, Some(super::super::HoldChange::Retrieved));
    let answer = bob.make_answer(&ours).unwrap();
    assert_eq!(lines(&answer)[1], "o=- 2808844564 3 IN IP4 192.0.2.1");
    assert_eq!(lines(&answer).last(), Some(&"a=sendrecv"));
}

#[test]
fn rfc_4317_4_2_a_stream_is_added_and_one_removed() {
    let mut alice = machine(1);
    let audio = voice(49_170, &[pcmu()]);
    alice.make_offer(&streams(std::slice::from_ref(&audio))).unwrap();
    let bob = |media: &str| {
        sdp(&format!(
            "
            v=0
            o=bob 2808844564 2808844564 IN IP4 198.51.100.2
            s=
            c=IN IP4 198.51.100.2
            t=0 0
            {media}"
        ))
    };
    alice.receive_answer(&bob("m=audio 49172 RTP/AVP 0"), AnswerKind::Final).unwrap();
    let offer = alice.make_offer(&streams(&[audio.clone(), voice(49_180, &[Codec::new(0, "iLBC", 8_000)])])).unwrap();
    assert_eq!(parsed(&offer).media.len(), 2);
    alice
        .receive_answer(
            &bob("m=audio 49172 RTP/AVP 0\nm=audio 49184 RTP/AVP 96\na=rtpmap:96 iLBC/8000"),
            AnswerKind::Final,
        )
        .unwrap();
    assert_eq!(alice.agreement().unwrap().streams().len(), 2);
    // The first one ends; its line stays in its place, and can be taken again.
    let second = voice(49_180, &[Codec::new(0, "iLBC", 8_000)]);
    let offer = alice.make_offer(&streams(&[refused(audio.clone()), second.clone()])).unwrap();
    assert_eq!(lines(&offer)[5..7], ["m=audio 0 RTP/AVP 0", "m=audio 49180 RTP/AVP 96"]);
    alice.receive_answer(&bob("m=audio 0 RTP/AVP 0\nm=audio 49184 RTP/AVP 96"), AnswerKind::Final).unwrap();
    let offer = alice.make_offer(&streams(&[audio, second])).unwrap();
    assert_eq!(parsed(&offer).media.iter().filter(|section| !section.is_disabled()).count(), 2);
}
