//! Offers in the manner of phones, PBXs, browsers and carriers, and what becomes of each.

use super::super::session::Connection;
use super::super::{OfferAnswer, OfferAnswerError, Unacceptable, is_held, typed};
use super::{Codec, MediaStream, events, opus, parsed, pcma, pcmu, sdp, streams, voice};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// An offer and what we make of it.
pub(super) struct Sample {
    /// In whose manner.
    pub(super) manner: &'static str,
    /// The text.
    pub(super) text: &'static str,
    /// The payload types that our answer takes, in our order of preference; or why it takes none.
    expected: Result<&'static [u8], Unacceptable>,
}

pub(super) const ALL: &[Sample] = &[
    Sample {
        manner: "Yealink desk phone",
        text: "
            v=0
            o=- 20083 20083 IN IP4 10.2.1.16
            s=SDP data
            c=IN IP4 10.2.1.16
            t=0 0
            m=audio 11796 RTP/AVP 9 0 8 18 101
            a=rtpmap:9 G722/8000
            a=rtpmap:0 PCMU/8000
            a=rtpmap:8 PCMA/8000
            a=rtpmap:18 G729/8000
            a=fmtp:18 annexb=no
            a=ptime:20
            a=sendrecv
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-15",
        expected: Ok(&[9, 8, 0, 101]),
    },
    Sample {
        manner: "Polycom, sendrecv at the session level, twin events",
        text: "
            v=0
            o=- 1459447482 1459447482 IN IP4 10.11.12.13
            s=Polycom IP Phone
            c=IN IP4 10.11.12.13
            t=0 0
            a=sendrecv
            m=audio 2226 RTP/AVP 9 102 0 8 18 127
            a=rtpmap:9 G722/8000
            a=rtpmap:102 G7221/16000
            a=fmtp:102 bitrate=32000
            a=rtpmap:0 PCMU/8000
            a=rtpmap:8 PCMA/8000
            a=rtpmap:18 G729/8000
            a=fmtp:18 annexb=no
            a=rtpmap:127 telephone-event/8000",
        expected: Ok(&[9, 8, 0, 127]),
    },
    Sample {
        manner: "Cisco phone, optional names left out",
        text: "
            v=0
            o=Cisco-SIPUA 21863 0 IN IP4 10.35.1.9
            s=SIP Call
            b=AS:4064
            t=0 0
            m=audio 18126 RTP/AVP 114 9 124 0 8 116 18 101
            c=IN IP4 10.35.1.9
            b=TIAS:64000
            a=rtpmap:114 opus/48000/2
            a=fmtp:114 maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=64000;stereo=0;sprop-stereo=0;usedtx=0
            a=rtpmap:124 ISAC/16000
            a=rtpmap:116 iLBC/8000
            a=fmtp:116 mode=20
            a=rtpmap:18 G729/8000
            a=fmtp:18 annexb=yes
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-15
            a=trafficclass:conversational.audio.avconf.aq:admitted
            a=sendrecv
            m=video 25466 RTP/AVP 97
            c=IN IP4 10.35.1.9
            b=TIAS:4000000
            a=rtpmap:97 H264/90000
            a=fmtp:97 profile-level-id=428014;packetization-mode=0
            a=rtcp-fb:* nack pli
            a=sendrecv",
        expected: Ok(&[114, 9, 8, 0, 101]),
    },
    Sample {
        manner: "Linphone",
        text: "
            v=0
            o=alice 1034 2312 IN IP4 192.168.0.18
            s=Talk
            c=IN IP4 192.168.0.18
            t=0 0
            a=ice-pwd:39a0b8c9d0e1f2a3b4c5d6e7
            a=ice-ufrag:6b4b2f7c
            a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
            a=record:off
            m=audio 46297 RTP/AVPF 96 97 98 0 8 99 100
            c=IN IP4 203.0.113.5
            a=rtpmap:96 opus/48000/2
            a=fmtp:96 useinbandfec=1
            a=rtpmap:97 speex/16000
            a=fmtp:97 vbr=on
            a=rtpmap:98 speex/8000
            a=rtpmap:99 telephone-event/48000
            a=rtpmap:100 telephone-event/8000
            a=rtcp:41239 IN IP4 203.0.113.5
            a=candidate:1 1 UDP 2130706303 192.168.0.18 46297 typ host
            a=candidate:2 1 UDP 1694498687 203.0.113.5 46297 typ srflx raddr 192.168.0.18 rport 46297
            a=rtcp-fb:* trr-int 5000
            a=rtcp-fb:* ccm tmmbr",
        expected: Ok(&[96, 8, 0, 100, 99]),
    },
    Sample {
        manner: "baresip",
        text: "
            v=0
            o=- 3214098743 1287463243 IN IP4 192.168.1.44
            s=-
            c=IN IP4 192.168.1.44
            t=0 0
            a=tool:baresip 1.0.0
            m=audio 14826 RTP/AVP 96 0 8 101
            b=AS:125
            a=rtpmap:96 opus/48000/2
            a=fmtp:96 stereo=1;sprop-stereo=1
            a=rtpmap:0 PCMU/8000
            a=rtpmap:8 PCMA/8000
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-15
            a=rtcp:14827
            a=sendrecv
            a=label:1
            a=rtcp-rsize
            a=ssrc:2938475612 cname:sip:alice@192.168.1.44
            a=ptime:20
            a=minptime:10",
        expected: Ok(&[96, 8, 0, 101]),
    },
    Sample {
        manner: "Asterisk",
        text: "
            v=0
            o=root 1821 1821 IN IP4 192.0.2.40
            s=Asterisk PBX 18.4.0
            c=IN IP4 192.0.2.40
            t=0 0
            m=audio 16120 RTP/AVP 8 0 3 111 101
            a=rtpmap:8 PCMA/8000
            a=rtpmap:0 PCMU/8000
            a=rtpmap:3 GSM/8000
            a=rtpmap:111 G726-32/8000
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-16
            a=ptime:20
            a=maxptime:150
            a=sendrecv",
        expected: Ok(&[8, 0, 101]),
    },
    Sample {
        manner: "FreeSWITCH, rtcp-mux offered",
        text: "
            v=0
            o=FreeSWITCH 1636105474 1636105475 IN IP4 198.51.100.61
            s=FreeSWITCH
            c=IN IP4 198.51.100.61
            t=0 0
            m=audio 27850 RTP/AVP 102 9 0 8 103 101
            a=rtpmap:102 opus/48000/2
            a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20; minptime=10; maxptime=40
            a=rtpmap:9 G722/8000
            a=rtpmap:0 PCMU/8000
            a=rtpmap:8 PCMA/8000
            a=rtpmap:103 telephone-event/48000
            a=fmtp:103 0-15
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-15
            a=rtcp-mux
            a=rtcp:27850 IN IP4 198.51.100.61
            a=ptime:20",
        expected: Ok(&[102, 9, 8, 0, 101, 103]),
    },
    Sample {
        manner: "WebRTC browser",
        text: "
            v=0
            o=- 4611731400430051336 2 IN IP4 127.0.0.1
            s=-
            t=0 0
            a=group:BUNDLE 0 1
            a=extmap-allow-mixed
            a=msid-semantic: WMS 3b5c
            m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
            c=IN IP4 0.0.0.0
            a=rtcp:9 IN IP4 0.0.0.0
            a=ice-ufrag:x4cN
            a=ice-pwd:by5GZGG1lw+040DWA6hXM5Bz
            a=ice-options:trickle
            a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
            a=setup:actpass
            a=mid:0
            a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
            a=sendrecv
            a=msid:3b5c 9f21
            a=rtcp-mux
            a=rtpmap:111 opus/48000/2
            a=rtcp-fb:111 transport-cc
            a=fmtp:111 minptime=10;useinbandfec=1
            a=rtpmap:63 red/48000/2
            a=fmtp:63 111/111
            a=rtpmap:9 G722/8000
            a=rtpmap:0 PCMU/8000
            a=rtpmap:8 PCMA/8000
            a=rtpmap:13 CN/8000
            a=rtpmap:110 telephone-event/48000
            a=rtpmap:126 telephone-event/8000
            a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel
            c=IN IP4 0.0.0.0
            a=mid:1
            a=sctp-port:5000",
        expected: Err(Unacceptable::Transport),
    },
    Sample {
        manner: "carrier's border controller, secured and plain side by side",
        text: "
            v=0
            o=SBC 776214528 1 IN IP4 52.112.0.7
            s=session
            c=IN IP4 52.112.0.7
            b=CT:10000000
            t=0 0
            m=audio 49846 RTP/SAVP 8 0 101
            c=IN IP4 52.112.0.7
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4
            a=rtpmap:101 telephone-event/8000
            m=audio 49850 RTP/AVP 104 9 103 111 18 0 8 97 101 13 118
            c=IN IP4 52.112.0.7
            a=rtcp:49851
            a=label:Audio
            a=mid:1
            a=x-ssrc-range:1-1
            a=x-mediasettings:applicationsharing
            a=rtpmap:104 SILK/16000
            a=rtpmap:9 G722/8000
            a=rtpmap:103 SILK/8000
            a=rtpmap:111 SIREN/16000
            a=fmtp:111 bitrate=16000
            a=rtpmap:18 G729/8000
            a=fmtp:18 annexb=no
            a=rtpmap:0 PCMU/8000
            a=rtpmap:8 PCMA/8000
            a=rtpmap:97 RED/8000
            a=rtpmap:101 telephone-event/8000
            a=fmtp:101 0-16
            a=rtpmap:13 CN/8000
            a=rtpmap:118 CN/16000
            a=candidate:1 1 UDP 2130706431 52.112.0.7 49850 typ srflx raddr 10.0.136.29 rport 49850
            a=ptime:20
            a=maxptime:200
            a=rtcp-rsize
            a=sendrecv",
        expected: Ok(&[9, 8, 0, 101]),
    },
    Sample {
        manner: "carrier gateway, bare: static types and no rtpmap",
        text: "
            v=0
            o=- 1 1 IN IP6 2001:db8::7
            s=-
            c=IN IP6 2001:db8::7
            t=0 0
            m=audio 30000 RTP/AVP 8 18 0
            a=ptime:20",
        expected: Ok(&[8, 0]),
    },
    Sample {
        manner: "mobile core, AMR in many modes",
        text: "
            v=0
            o=ims 1234 5678 IN IP4 203.0.113.80
            s=-
            c=IN IP4 203.0.113.80
            t=0 0
            m=audio 5000 RTP/AVP 104 110 102 108 105 100
            b=AS:41
            b=RS:0
            b=RR:2000
            a=rtpmap:104 AMR-WB/16000/1
            a=fmtp:104 mode-change-capability=2;max-red=0
            a=rtpmap:110 AMR-WB/16000/1
            a=fmtp:110 octet-align=1;mode-change-capability=2;max-red=0
            a=rtpmap:102 AMR/8000/1
            a=fmtp:102 mode-change-capability=2;max-red=0
            a=rtpmap:108 AMR/8000/1
            a=fmtp:108 octet-align=1;mode-change-capability=2;max-red=0
            a=rtpmap:105 telephone-event/16000
            a=fmtp:105 0-15
            a=rtpmap:100 telephone-event/8000
            a=fmtp:100 0-15
            a=curr:qos local none
            a=curr:qos remote none
            a=des:qos mandatory local sendrecv
            a=des:qos optional remote sendrecv
            a=ptime:20
            a=maxptime:240",
        expected: Ok(&[110, 100]),
    },
    Sample {
        manner: "old phone on hold",
        text: "
            v=0
            o=user 53655765 2353687637 IN IP4 192.0.2.66
            s=-
            c=IN IP4 0.0.0.0
            t=0 0
            m=audio 6000 RTP/AVP 0
            a=rtpmap:0 PCMU/8000",
        expected: Ok(&[0]),
    },
    Sample {
        manner: "fax gateway",
        text: "
            v=0
            o=gw 1 2 IN IP4 192.0.2.67
            s=-
            c=IN IP4 192.0.2.67
            t=0 0
            m=image 4500 udptl t38
            a=T38FaxVersion:0
            a=T38MaxBitRate:14400
            a=T38FaxUdpEC:t38UDPRedundancy",
        expected: Err(Unacceptable::Kind),
    },
    Sample {
        manner: "multicast announcement",
        text: "
            v=0
            o=- 1 1 IN IP4 192.0.2.68
            s=radio
            t=3724394400 3724398000
            m=audio 5004 RTP/AVP 0
            c=IN IP4 233.252.0.1/32",
        expected: Err(Unacceptable::Address),
    },
    Sample {
        manner: "nothing in common",
        text: "
            v=0
            o=- 1 1 IN IP4 192.0.2.69
            s=-
            c=IN IP4 192.0.2.69
            t=0 0
            m=audio 5004 RTP/AVP 18 101
            a=rtpmap:101 telephone-event/8000",
        expected: Err(Unacceptable::Codec),
    },
];

/// What we prefer, in our numbers.
fn ours() -> Vec<Codec> {
    let amr = Codec { parameters: Some("octet-align=1".into()), ..Codec::new(97, "AMR-WB", 16_000) };
    let red = Codec { parameters: Some("111/111".into()), ..Codec::new(63, "red", 8_000) };
    let wide = Codec::new(102, "telephone-event", 48_000);
    vec![opus(111), Codec::new(9, "G722", 8_000), pcma(), pcmu(), amr, red, events(), wide]
}

#[test]
fn each_is_answered_in_its_own_numbers() {
    for sample in ALL {
        let offer = parsed(&sdp(sample.text));
        // We are where the peer reaches us: at an address of its family.
        let own = match offer.connection.as_ref().and_then(Connection::ip) {
            Some(IpAddr::V6(_)) => SocketAddr::from((Ipv6Addr::LOCALHOST, 40_000)),
            _ => SocketAddr::from(([192, 0, 2, 1], 40_000)),
        };
        let mut machine = OfferAnswer::new(7, own.ip());
        let answer = machine.receive_offer(&sdp(sample.text)).and_then(|offered| {
            let stream = MediaStream { rtp: Some(own), ..voice(40_000, &ours()) };
            machine.make_answer(&streams(&vec![stream; offered.description.streams.len()]))
        });
        let taken = answer.map(|answer| {
            let answer = parsed(&answer);
            assert_eq!(answer.media.len(), offer.media.len(), "{}", sample.manner);
            for (answered, offered) in answer.media.iter().zip(&offer.media) {
                assert_eq!((&answered.media, &answered.protocol), (&offered.media, &offered.protocol));
                for codec in answered.codecs() {
                    assert!(
                        offered
                            .codecs()
                            .iter()
                            .any(|other| other.payload_type == codec.payload_type && other.matches(&codec))
                    );
                }
            }
            let enabled = typed::describe(&answer).streams.into_iter().find(|stream| stream.rtp.is_some()).unwrap();
            enabled.codecs.iter().map(|codec| codec.payload_type).collect::<Vec<_>>()
        });
        let expected = sample.expected.map(<[u8]>::to_vec).map_err(OfferAnswerError::NotAcceptable);
        assert_eq!(taken, expected, "{}", sample.manner);
    }
}

#[test]
fn the_typed_form_has_what_a_relay_needs() {
    let typed_of = |manner: &str| {
        let sample = ALL.iter().find(|sample| sample.manner.starts_with(manner)).unwrap();
        typed::describe(&parsed(&sdp(sample.text)))
    };
    let linphone = &typed_of("Linphone").streams[0];
    assert_eq!(linphone.rtp.unwrap().to_string(), "203.0.113.5:46297");
    assert_eq!(linphone.rtcp.unwrap().to_string(), "203.0.113.5:41239");
    let asterisk = &typed_of("Asterisk").streams[0];
    assert_eq!((asterisk.ptime_ms, asterisk.max_ptime_ms), (Some(20), Some(150)));
    assert!(!asterisk.rtcp_mux);
    assert!(typed_of("FreeSWITCH").streams[0].rtcp_mux);
    assert!(is_held(&typed_of("old phone")));
    assert!(!is_held(&typed_of("Polycom")));
    let bare = &typed_of("carrier gateway").streams[0];
    assert_eq!(bare.rtp.unwrap().to_string(), "[2001:db8::7]:30000");
    assert_eq!(bare.codecs.iter().map(|codec| codec.name.as_str()).collect::<Vec<_>>(), ["PCMA", "G729", "PCMU"]);
    let cisco = typed_of("Cisco");
    assert_eq!(cisco.streams.len(), 2);
    assert!(cisco.streams[0].codecs[0].parameters.as_ref().unwrap().starts_with("maxplaybackrate=16000;"));
}
