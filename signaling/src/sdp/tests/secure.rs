//! Streams with keys (RFC 4568): two machines against each other, and what phones send.

use router::Random;
use router::parameter::{MediaDescription, MediaTransport, Protection, SrtpSuite};

use super::{flowing, lines, machine, pcmu, sdp, streams, voice};
use crate::policy::MediaSecurity::{self, May, Must, Never};
use crate::sdp::{
    AnswerFault, AnswerKind, Answered, LocalFault, OfferAnswer, OfferAnswerError, Security, Unacceptable,
};
use router::parameter::Direction::{SendOnly, SendReceive};

/// A machine by a policy, whose signalling is confidential.
fn secured(policy: MediaSecurity, seed: u64) -> OfferAnswer {
    machine(seed).with_security(Security::new(policy, true, false, &mut Random::from_seed(seed)))
}

/// The keys that are agreed for the first stream, as the switch is told them.
fn keys(machine: &OfferAnswer) -> Option<Protection> {
    machine.agreement()?.remote().streams.first()?.protection.as_deref().cloned()
}

fn crypto_lines(text: &[u8]) -> Vec<&str> {
    lines(text).into_iter().filter(|line| line.starts_with("a=crypto:")).collect()
}

fn one(port: u16) -> MediaDescription {
    streams(&[voice(port, &[pcmu()])])
}

/// Offers from one to the other; what is answered.
fn exchange(offerer: &mut OfferAnswer, answerer: &mut OfferAnswer) -> (bytes::Bytes, bytes::Bytes) {
    let offer = offerer.make_offer(&one(4_000)).unwrap();
    answerer.receive_offer(&offer).unwrap();
    let answer = answerer.make_answer(&one(6_000)).unwrap();
    assert_eq!(offerer.receive_answer(&answer, AnswerKind::Final), Ok(Answered::Agreed));
    (offer, answer)
}

/// Both have the same two keys, each the other way round.
fn assert_mirrored(one: &OfferAnswer, other: &OfferAnswer) {
    let (one, other) = (keys(one).unwrap(), keys(other).unwrap());
    assert_eq!((one.suite, &one.send, &one.receive), (other.suite, &other.receive, &other.send));
    assert_ne!(one.send, one.receive);
}

#[test]
fn who_must_is_offered_savp_and_who_may_avp_with_keys_beside_it() {
    for (policy, transport) in [(Must, "RTP/SAVP"), (May, "RTP/AVP")] {
        let (mut a, mut b) = (secured(policy, 1), secured(May, 2));
        let (offer, answer) = exchange(&mut a, &mut b);
        assert_eq!(lines(&offer)[5], format!("m=audio 4000 {transport} 0"));
        let offered = crypto_lines(&offer);
        assert_eq!(offered.len(), 3);
        assert!(offered[0].starts_with("a=crypto:1 AEAD_AES_256_GCM inline:"), "{offered:?}");
        assert!(offered[2].starts_with("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:"), "{offered:?}");
        let answered = crypto_lines(&answer);
        assert_eq!(answered.len(), 1);
        assert!(answered[0].starts_with("a=crypto:1 AEAD_AES_256_GCM inline:") && answered[0] != offered[0]);
        assert_eq!(lines(&answer)[5], format!("m=audio 6000 {transport} 0"));
        assert_mirrored(&a, &b);
    }
}

#[test]
fn where_nobody_asks_for_keys_nothing_is_written_of_them() {
    for policy in [Never, May] {
        let (mut a, mut b) = (machine(1), secured(policy, 2));
        let (offer, answer) = exchange(&mut a, &mut b);
        assert!(crypto_lines(&offer).is_empty() && crypto_lines(&answer).is_empty());
        assert!(keys(&a).is_none() && keys(&b).is_none());
    }
    // Signalling that others read carries no offer of keys to who only may.
    let security = Security::new(May, false, true, &mut Random::from_seed(1));
    let offer = machine(1).with_security(security).make_offer(&one(4_000)).unwrap();
    assert!(crypto_lines(&offer).is_empty());
}

const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const OTHER: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn phone(transport: &str, crypto: &[&str]) -> Vec<u8> {
    let lines: String = crypto.iter().map(|line| format!("a=crypto:{line}\n")).collect();
    sdp(&format!(
        "v=0\no=p 1 1 IN IP4 198.51.100.1\ns=-\nc=IN IP4 198.51.100.1\nt=0 0\nm=audio 7000 {transport} 0\n{lines}"
    ))
}

#[test]
fn the_first_line_that_is_served_is_answered_by_its_tag() {
    let offer = phone(
        "RTP/SAVP",
        &[
            &format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
            &format!("2 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            &format!("7 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31|1:4"),
            &format!("8 AES_CM_128_HMAC_SHA1_80 inline:{OTHER}"),
        ],
    );
    let mut machine = secured(May, 1);
    let offered = machine.receive_offer(&offer).unwrap();
    let protection = offered.description.streams[0].protection.as_deref().unwrap().clone();
    assert_eq!(protection.suite, SrtpSuite::AesCm128HmacSha1_32);
    let answer = machine.make_answer(&one(6_000)).unwrap();
    let answered = crypto_lines(&answer);
    assert_eq!(answered.len(), 1);
    assert!(answered[0].starts_with("a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:"), "{answered:?}");
    assert!(answered[0].ends_with("|1:4") && !answered[0].contains(KEY), "{answered:?}");
    assert_eq!(keys(&machine), Some(protection));
}

#[test]
fn what_policy_forbids_is_refused() {
    let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
    let receive = |mut machine: OfferAnswer, offer: &[u8]| machine.receive_offer(offer).map(|_| ());
    let refused = |why| Err(OfferAnswerError::NotAcceptable(why));
    let (secure, plain) = (phone("RTP/SAVP", &[&line]), phone("RTP/AVP", &[]));
    assert_eq!(receive(secured(Never, 1), &secure), refused(Unacceptable::Transport));
    assert_eq!(receive(secured(Must, 1), &plain), refused(Unacceptable::Plain));
    assert_eq!(receive(secured(Must, 1), &phone("RTP/AVP", &[&line])), Ok(()), "keys beside it do");
    assert_eq!(receive(secured(May, 1), &phone("RTP/SAVP", &[])), refused(Unacceptable::Keys));
    assert_eq!(receive(secured(May, 1), &phone("RTP/SAVPF", &[&line])), Ok(()));
    let bad = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=5");
    assert_eq!(receive(secured(May, 1), &phone("RTP/SAVP", &[&bad])), refused(Unacceptable::Keys));
    assert_eq!(receive(secured(May, 1), &phone("RTP/AVP", &[&bad])), Ok(()), "it stays plain");
    // Both as alternatives: who must takes the secure one.
    let both = [secure.clone(), sdp("m=audio 7002 RTP/AVP 0")].concat();
    let mut machine = secured(Must, 1);
    let offered = machine.receive_offer(&both).unwrap().description;
    assert!(offered.streams[0].rtp.is_some() && offered.streams[1].rtp.is_none());
    assert_eq!(OfferAnswerError::NotAcceptable(Unacceptable::Plain).warning(), Some((399, "Media has to be secure")));
    assert_eq!(OfferAnswerError::NotAcceptable(Unacceptable::Plain).status(), Some(488));
    // Keys are neither taken nor sent where others read them and that is forbidden.
    let in_clear = |policy| Security::new(policy, false, false, &mut Random::from_seed(1));
    assert_eq!(receive(machine_with(in_clear(May)), &secure), refused(Unacceptable::Keys));
    let offer = machine_with(in_clear(Must)).make_offer(&one(4_000));
    assert_eq!(offer, Err(OfferAnswerError::Local(LocalFault::Unprotected)));
}

fn machine_with(security: Security) -> OfferAnswer {
    machine(1).with_security(security)
}

#[test]
fn an_answer_has_to_have_a_key_for_what_is_secure() {
    let answer = |policy, transport: &str, crypto: &[&str]| {
        let mut machine = secured(policy, 1);
        machine.make_offer(&one(4_000)).unwrap();
        machine.receive_answer(&phone(transport, crypto), AnswerKind::Final).map(|_| keys(&machine))
    };
    let line = format!("3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
    let none = Err(OfferAnswerError::AnswerMismatch(AnswerFault::Keys));
    assert_eq!(answer(Must, "RTP/SAVP", &[]), none);
    assert_eq!(answer(Must, "RTP/SAVP", &[&line.replace("3 ", "4 ")]), none, "no tag of ours");
    assert_eq!(answer(Must, "RTP/SAVP", &[&line.replace("3 ", "1 ")]), none, "another suite");
    assert_eq!(answer(Must, "RTP/AVP", &[&line]), Err(OfferAnswerError::AnswerMismatch(AnswerFault::Transport)));
    assert!(answer(Must, "RTP/SAVPF", &[&line]).unwrap().is_some());
    assert_eq!(answer(May, "RTP/AVP", &[]), Ok(None), "who does not know keys passes over them");
    assert!(answer(May, "RTP/AVP", &[&line]).unwrap().is_some());
}

#[test]
fn keys_stay_through_hold_and_refresh_whoever_offers() {
    for policy in [Must, May] {
        let (mut a, mut b) = (secured(policy, 1), secured(May, 2));
        exchange(&mut a, &mut b);
        let (of_a, of_b) = (keys(&a), keys(&b));
        // Each holds and retrieves, each refreshes.
        for direction in [SendOnly, SendReceive] {
            for side in 0..2 {
                let (one, other) = if side == 0 { (&mut a, &mut b) } else { (&mut b, &mut a) };
                // The switch says RTP/AVP, or what it answered by.
                let mut wanted = streams(&[flowing(direction, voice(4_000, &[pcmu()]))]);
                if side == 1 {
                    wanted.streams[0].transport = one.agreement().unwrap().local().streams[0].transport.clone();
                }
                let offer = one.make_offer(&wanted).unwrap();
                assert_eq!(crypto_lines(&offer).len(), 1, "what is agreed, alone");
                assert_eq!(lines(&offer)[5].contains("RTP/SAVP"), policy == Must);
                other.receive_offer(&offer).unwrap();
                let answer = other.make_answer(&streams(&[voice(6_000, &[pcmu()])])).unwrap();
                one.receive_answer(&answer, AnswerKind::Final).unwrap();
                let before = if side == 0 { (&of_a, &of_b) } else { (&of_b, &of_a) };
                assert_eq!((&keys(one), &keys(other)), before, "{policy:?} {direction:?}");
                let refresh = one.repeat_offer().unwrap();
                assert!(other.receive_offer(&refresh).unwrap().is_unchanged);
                let answer = other.make_answer(&streams(&[voice(6_000, &[pcmu()])])).unwrap();
                one.receive_answer(&answer, AnswerKind::Final).unwrap();
                assert_eq!((&keys(one), &keys(other)), before);
            }
        }
    }
}

#[test]
fn a_new_key_of_the_peer_s_gets_a_new_one_of_ours() {
    let line = |tag: u8, key: &str| format!("{tag} AES_CM_128_HMAC_SHA1_80 inline:{key}");
    let mut machine = secured(May, 1);
    let mut offer = |crypto: &[&str]| {
        machine.receive_offer(&phone("RTP/SAVP", crypto)).unwrap();
        let answer = machine.make_answer(&one(6_000)).unwrap();
        (keys(&machine), crypto_lines(&answer)[0][..10].to_owned())
    };
    let (first, tag) = offer(&[&line(1, KEY)]);
    assert_eq!(tag, "a=crypto:1");
    let (again, tag) = offer(&[&line(1, OTHER), &line(2, KEY)]);
    assert_eq!((&again, tag.as_str()), (&first, "a=crypto:2"), "what goes on is preferred");
    let (other, _) = offer(&[&line(1, OTHER)]);
    let (first, other) = (first.unwrap(), other.unwrap());
    assert!(first.receive != other.receive && first.send != other.send);
    let (plain, offer) = (machine.receive_offer(&phone("RTP/AVP", &[])), machine.make_answer(&one(6_000)).unwrap());
    assert!(plain.is_ok() && crypto_lines(&offer).is_empty() && keys(&machine).is_none(), "who may goes back");
}

#[test]
fn a_rolled_back_offer_leaves_the_keys_and_forks_have_their_own() {
    let (mut a, mut b) = (secured(Must, 1), secured(May, 2));
    let offer = a.make_offer(&one(4_000)).unwrap();
    let (mut fork, mut c) = (a.clone(), secured(May, 3));
    for (machine, callee) in [(&mut a, &mut b), (&mut fork, &mut c)] {
        callee.receive_offer(&offer).unwrap();
        let answer = callee.make_answer(&one(6_000)).unwrap();
        machine.receive_answer(&answer, AnswerKind::Early).unwrap();
        assert_mirrored(machine, callee);
    }
    assert_ne!(keys(&b).unwrap().send, keys(&c).unwrap().send);
    a.settle_early().unwrap();
    let before = keys(&a);
    b.make_offer(&one(6_000)).unwrap();
    b.roll_back();
    a.receive_offer(&phone("RTP/SAVP", &[&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")])).unwrap();
    a.roll_back();
    assert_eq!(keys(&a), before);
    assert_mirrored(&a, &b);
}

#[test]
fn keys_do_not_show_in_what_is_logged() {
    let line = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
    let mut machine = secured(May, 1);
    let offered = machine.receive_offer(&phone("RTP/SAVP", &[&line])).unwrap();
    assert!(!format!("{offered:?}").contains("WVNf"), "{offered:?}");
    assert_eq!(offered.description.streams[0].transport, MediaTransport::RtpSavp);
    let protection = offered.description.streams[0].protection.as_deref().unwrap();
    assert!(
        !format!("{protection:?}").contains(&format!("{}", protection.send.material[0]))
            || protection.send.material[0] < 10
    );
}
