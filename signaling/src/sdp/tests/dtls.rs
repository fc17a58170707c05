//! Streams whose keys come about in them (RFC 5763): two machines against each other, and what phones and browsers send.

use std::sync::Arc;

use router::Random;
use router::parameter::Direction::SendOnly;
use router::parameter::{
    DtlsParameters, DtlsRole, Fingerprint, FingerprintHash, MediaDescription, MediaTransport, SrtpSuite,
};

use super::{flowing, lines, machine, pcmu, sdp, streams, voice};
use crate::policy::Keying::{self, Dtls, Sdes};
use crate::policy::MediaSecurity::{self, May, Must, Never};
use crate::sdp::{
    AnswerFault, AnswerKind, Answered, LocalFault, OfferAnswer, OfferAnswerError, Security, Unacceptable,
};

fn fingerprint(seed: u64) -> Fingerprint {
    Fingerprint { hash: FingerprintHash::Sha256, digest: vec![seed as u8; 32] }
}

/// A machine with a certificate, whose signalling anybody may read.
fn shaking(policy: MediaSecurity, keying: Keying, seed: u64) -> OfferAnswer {
    let security = Security::new(policy, false, false, &mut Random::from_seed(seed));
    machine(seed).with_security(security.with_handshakes(Some(Arc::new(fingerprint(seed))), keying))
}

/// The same over confidential signalling.
fn confidential(policy: MediaSecurity, keying: Keying, seed: u64) -> OfferAnswer {
    let security = Security::new(policy, true, false, &mut Random::from_seed(seed));
    machine(seed).with_security(security.with_handshakes(Some(Arc::new(fingerprint(seed))), keying))
}

fn one(port: u16) -> MediaDescription {
    streams(&[voice(port, &[pcmu()])])
}

fn agreed(machine: &OfferAnswer) -> Option<DtlsParameters> {
    machine.agreement()?.remote().streams.first()?.dtls.as_deref().cloned()
}

fn exchange(offerer: &mut OfferAnswer, answerer: &mut OfferAnswer) -> (bytes::Bytes, bytes::Bytes) {
    let offer = offerer.make_offer(&one(4_000)).unwrap();
    answerer.receive_offer(&offer).unwrap();
    let answer = answerer.make_answer(&one(6_000)).unwrap();
    assert_eq!(offerer.receive_answer(&answer, AnswerKind::Final), Ok(Answered::Agreed));
    (offer, answer)
}

fn said<'a>(text: &'a [u8], name: &str) -> Vec<&'a str> {
    lines(text).into_iter().filter_map(|line| line.strip_prefix(&format!("a={name}:"))).collect()
}

#[test]
fn both_learn_whose_certificate_to_expect_and_who_begins() {
    let (mut a, mut b) = (shaking(Must, Dtls, 1), shaking(May, Sdes, 2));
    let (offer, answer) = exchange(&mut a, &mut b);
    assert_eq!(lines(&offer)[5], "m=audio 4000 UDP/TLS/RTP/SAVPF 0");
    assert_eq!(lines(&answer)[5], "m=audio 6000 UDP/TLS/RTP/SAVPF 0");
    let text = |seed: u8| format!("sha-256 {}", vec![format!("{seed:02X}"); 32].join(":"));
    assert_eq!((said(&offer, "fingerprint"), said(&offer, "setup")), (vec![&*text(1)], vec!["actpass"]));
    assert_eq!((said(&answer, "fingerprint"), said(&answer, "setup")), (vec![&*text(2)], vec!["passive"]));
    assert!(said(&offer, "crypto").is_empty() && said(&answer, "crypto").is_empty());
    let parameters = |role, seed| DtlsParameters { role, fingerprints: vec![fingerprint(seed)], association: 1 };
    assert_eq!(agreed(&a), Some(parameters(DtlsRole::Client, 2)));
    assert_eq!(agreed(&b), Some(parameters(DtlsRole::Server, 1)));
    // Holds and refreshes from either side leave it as it is.
    let held = streams(&[flowing(SendOnly, voice(4_000, &[pcmu()]))]);
    let offer = a.make_offer(&held).unwrap();
    assert_eq!(said(&offer, "setup"), ["actpass"]);
    b.receive_offer(&offer).unwrap();
    let answer = b.make_answer(&one(6_000)).unwrap();
    assert_eq!(said(&answer, "setup"), ["passive"]);
    a.receive_answer(&answer, AnswerKind::Final).unwrap();
    let offer = b.repeat_offer().unwrap();
    assert!(a.receive_offer(&offer).unwrap().description.streams[0].dtls.is_some());
    let answer = a.make_answer(&one(4_000)).unwrap();
    assert_eq!(said(&answer, "setup"), ["active"], "the part that was played");
    b.receive_answer(&answer, AnswerKind::Final).unwrap();
    assert_eq!(agreed(&a), Some(parameters(DtlsRole::Client, 2)));
    assert_eq!(agreed(&b), Some(parameters(DtlsRole::Server, 1)));
}

#[test]
fn it_is_offered_where_policy_says_so() {
    let offer = |mut machine: OfferAnswer| machine.make_offer(&one(4_000));
    let plain = offer(shaking(May, Dtls, 1)).unwrap();
    assert!(lines(&plain)[5].contains("RTP/AVP ") && said(&plain, "fingerprint").is_empty(), "others read along");
    let beside = offer(confidential(May, Dtls, 1)).unwrap();
    assert!(lines(&beside)[5].contains(" RTP/AVP ") && said(&beside, "setup") == ["actpass"]);
    let keys = offer(confidential(Must, Sdes, 1)).unwrap();
    assert!(lines(&keys)[5].contains(" RTP/SAVP ") && said(&keys, "fingerprint").is_empty());
    assert_eq!(said(&keys, "crypto").len(), 3);
    let never = offer(confidential(Never, Dtls, 1)).unwrap();
    assert!(said(&never, "fingerprint").is_empty());
    // Without a certificate keys in SDP are what is left.
    let security = Security::new(Must, false, false, &mut Random::from_seed(1)).with_handshakes(None, Dtls);
    let bare = offer(machine(1).with_security(security));
    assert_eq!(bare, Err(OfferAnswerError::Local(LocalFault::Unprotected)));
}

fn phone(transport: &str, session: &str, media: &str) -> Vec<u8> {
    sdp(&format!(
        "v=0\no=p 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\n{session}m=audio 7000 {transport} 0\n{media}"
    ))
}

fn print_of(octet: &str) -> String {
    format!("a=fingerprint:sha-256 {}\n", vec![octet; 32].join(":"))
}

#[test]
fn offers_of_every_transport_are_answered_as_they_ask() {
    let print = print_of("0a");
    let answer = |policy, offer: &[u8]| {
        let mut machine = shaking(policy, Sdes, 1);
        machine.receive_offer(offer)?;
        machine.make_answer(&one(6_000)).map(|answer| (answer, agreed(&machine)))
    };
    for transport in ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP", "RTP/AVP"] {
        for (setup, role, answered) in [
            ("a=setup:actpass\n", DtlsRole::Server, "passive"),
            ("a=setup:active\n", DtlsRole::Server, "passive"),
            ("a=setup:passive\n", DtlsRole::Client, "active"),
            ("", DtlsRole::Server, "passive"),
        ] {
            // At either level.
            for (session, media) in [("", format!("{print}{setup}")), (&*format!("{print}{setup}"), String::new())] {
                let (text, dtls) = answer(May, &phone(transport, session, &media)).unwrap();
                assert_eq!(lines(&text)[5], format!("m=audio 6000 {transport} 0"));
                assert_eq!(said(&text, "setup"), [answered], "{transport} {setup}");
                let dtls = dtls.unwrap();
                assert_eq!((dtls.role, dtls.fingerprints), (role, vec![fingerprint(10)]));
            }
        }
    }
    // The section's own counts; several do; those that nobody knows are passed over.
    let other = format!("{}a=fingerprint:sha-1 {}\n", print_of("0b"), vec!["01"; 20].join(":"));
    let both = phone("UDP/TLS/RTP/SAVP", &print, &format!("{other}{}a=setup:active\n", print_of("0c")));
    let (_, dtls) = answer(Must, &both).unwrap();
    assert_eq!(dtls.unwrap().fingerprints, [fingerprint(11), fingerprint(12)]);
    let refused = |why| Err(OfferAnswerError::NotAcceptable(why));
    let secure = "UDP/TLS/RTP/SAVPF";
    assert_eq!(answer(May, &phone(secure, "", "a=setup:active\n")), refused(Unacceptable::Keys));
    assert_eq!(answer(May, &phone(secure, "", &format!("{print}a=setup:holdconn\n"))), refused(Unacceptable::Keys));
    assert_eq!(answer(Never, &phone(secure, "", &print)), refused(Unacceptable::Transport));
    assert_eq!(answer(Must, &phone("RTP/AVP", "", "")), refused(Unacceptable::Plain));
    let mut bare = machine(1).with_security(Security::new(May, true, true, &mut Random::from_seed(1)));
    let offer = phone(secure, "", &print);
    let without = bare.receive_offer(&offer).map(|_| ());
    assert_eq!(without, Err(OfferAnswerError::NotAcceptable(Unacceptable::Keys)), "we have no certificate");
}

/// Of both that are offered the one that costs less; what was agreed stays.
#[test]
fn keys_in_the_description_go_first_and_nothing_changes_its_kind() {
    let line = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\n";
    let both = phone("RTP/SAVP", "", &format!("{line}{}a=setup:actpass\n", print_of("0a")));
    let mut machine = confidential(May, Sdes, 1);
    machine.receive_offer(&both).unwrap();
    let answer = machine.make_answer(&one(6_000)).unwrap();
    assert!(said(&answer, "fingerprint").is_empty() && said(&answer, "crypto").len() == 1);
    let stream = &machine.agreement().unwrap().remote().streams[0];
    assert_eq!(stream.protection.as_ref().map(|keys| keys.suite), Some(SrtpSuite::AesCm128HmacSha1_80));
    let mut machine = confidential(May, Sdes, 1);
    machine.receive_offer(&phone("RTP/SAVP", "", &format!("{}a=setup:active\n", print_of("0a")))).unwrap();
    machine.make_answer(&one(6_000)).unwrap();
    machine.receive_offer(&both).unwrap();
    let answer = machine.make_answer(&one(6_000)).unwrap();
    assert!(said(&answer, "crypto").is_empty() && said(&answer, "setup") == ["passive"]);
}

#[test]
fn an_answer_has_to_have_a_fingerprint() {
    let answer = |mut machine: OfferAnswer, transport: &str, media: &str| {
        machine.make_offer(&one(4_000)).unwrap();
        let received = machine.receive_answer(&phone(transport, "", media), AnswerKind::Final);
        received.map(|_| agreed(&machine).map(|dtls| dtls.role))
    };
    let none = Err(OfferAnswerError::AnswerMismatch(AnswerFault::Keys));
    let must = || shaking(Must, Dtls, 1);
    let with = |setup: &str| format!("{}{setup}", print_of("0a"));
    assert_eq!(answer(must(), "UDP/TLS/RTP/SAVPF", ""), none);
    assert_eq!(answer(must(), "UDP/TLS/RTP/SAVPF", &with("a=setup:holdconn\n")), none);
    assert_eq!(answer(must(), "UDP/TLS/RTP/SAVP", &with("a=setup:active\n")), Ok(Some(DtlsRole::Server)));
    assert_eq!(answer(must(), "UDP/TLS/RTP/SAVPF", &with("a=setup:passive\n")), Ok(Some(DtlsRole::Client)));
    assert_eq!(answer(must(), "UDP/TLS/RTP/SAVPF", &with("")), Ok(Some(DtlsRole::Server)));
    let mismatch = Err(OfferAnswerError::AnswerMismatch(AnswerFault::Transport));
    assert_eq!(answer(must(), "RTP/AVP", &with("a=setup:active\n")), mismatch);
    let may = || confidential(May, Dtls, 1);
    assert_eq!(answer(may(), "RTP/AVP", ""), Ok(None), "who does not know it passes over it");
    assert_eq!(answer(may(), "RTP/AVP", &with("a=setup:active\n")), Ok(Some(DtlsRole::Server)));
}

#[test]
fn another_certificate_is_another_association() {
    let mut machine = shaking(May, Sdes, 1);
    let mut tell = |octet: &str, setup: &str| {
        let media = format!("{}a=setup:{setup}\n", print_of(octet));
        let offered = machine.receive_offer(&phone("UDP/TLS/RTP/SAVPF", "", &media)).unwrap();
        machine.make_answer(&one(6_000)).unwrap();
        let stream = &offered.description.streams[0];
        assert_eq!(stream.transport, MediaTransport::UdpTlsRtpSavpf);
        (offered.is_unchanged, stream.dtls.as_ref().unwrap().association)
    };
    assert_eq!(tell("0a", "actpass"), (false, 1));
    assert_eq!(tell("0a", "actpass"), (true, 1), "a refresh");
    assert_eq!(tell("0b", "actpass"), (false, 2));
    assert_eq!(tell("0b", "passive"), (false, 3));
    assert_eq!(tell("0b", "actpass"), (true, 3));
}
