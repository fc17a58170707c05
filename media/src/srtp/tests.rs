//! The transforms as a peer sees them: published packets, every suite to and fro, and long streams over bad lines.

use super::*;
use crate::limits::REKEY_OVERLAP;
use router::Random;
use router::parameter::{MediaKey, Protection};
use router::time::{Duration, Instant};
use std::collections::BTreeSet;

/// Octets written in hexadecimal.
pub(super) fn octets(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn key(suite: SrtpSuite, random: &mut Random) -> MediaKey {
    let mut material = vec![0; suite.material_bytes()];
    random.fill(&mut material);
    MediaKey { material, identifier: Vec::new() }
}

const NOW: Instant = Instant::from_millis(1_000);
const SSRC: u32 = 0xcafe_babe;

/// A packet of voice whose payload tells its index.
fn voice(index: u64) -> Vec<u8> {
    let mut packet = vec![0; 172];
    crate::rtp::write(&mut packet, false, 0, index as u16, index as u32 * 160, SSRC);
    packet[12..20].copy_from_slice(&index.to_be_bytes());
    packet
}

fn protect(outbound: &mut Outbound, packet: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + EXPANSION, 0xee);
    let length = outbound.protect_rtp(&mut buffer, packet.len())?;
    buffer.truncate(length);
    Some(buffer)
}

fn unprotect(inbound: &mut Inbound, now: Instant, packet: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut packet = packet.to_vec();
    let length = inbound.unprotect_rtp(now, &mut packet)?;
    packet.truncate(length);
    Ok(packet)
}

/// Packets that libsrtp has published with its tests: master keys, so that derivation is part of it.
#[test]
fn published_packets() {
    let plain = octets("800f1234decafbadcafebabeabababababababababababababababab");
    let cases = [
        (
            SrtpSuite::AesCm128HmacSha1_80,
            "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
            "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
        ),
        (
            SrtpSuite::AesCm256HmacSha1_80,
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b63b04803de51ee7c96423ab5b78d2",
            "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b",
        ),
        (
            SrtpSuite::AeadAes128Gcm,
            "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab",
            "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392",
        ),
    ];
    for (suite, material, sealed) in cases {
        let key = MediaKey { material: octets(material), identifier: Vec::new() };
        let packet = protect(&mut Outbound::new(suite, &key).unwrap(), &plain).unwrap();
        assert_eq!(packet, octets(sealed), "{suite:?}");
        assert_eq!(unprotect(&mut Inbound::new(suite, &key).unwrap(), NOW, &packet), Ok(plain.clone()), "{suite:?}");
    }
    let plain = octets("81c8000bcafebabeabababababababababababababababab");
    let cases = [
        (
            SrtpSuite::AesCm128HmacSha1_80,
            "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
            "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798",
        ),
        (
            SrtpSuite::AeadAes128Gcm,
            "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab",
            "81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001",
        ),
    ];
    for (suite, material, sealed) in cases {
        let key = MediaKey { material: octets(material), identifier: Vec::new() };
        let mut buffer = plain.clone();
        buffer.resize(plain.len() + EXPANSION, 0);
        let length = Outbound::new(suite, &key).unwrap().protect_rtcp(&mut buffer, plain.len()).unwrap();
        assert_eq!(buffer[..length], octets(sealed), "{suite:?}");
        let opened = Inbound::new(suite, &key).unwrap().unprotect_rtcp(NOW, &mut buffer[..length]);
        assert_eq!((opened, &buffer[..plain.len()]), (Ok(plain.len()), &plain[..]), "{suite:?}");
    }
}

#[test]
fn every_suite_goes_to_and_fro_and_bears_no_touch() {
    let mut random = Random::from_seed(1);
    for suite in SrtpSuite::ALL {
        for identifier in [Vec::new(), vec![1], vec![0, 0, 0, 7]] {
            let key = MediaKey { identifier, ..key(suite, &mut random) };
            let (mut out, mut into) = (Outbound::new(suite, &key).unwrap(), Inbound::new(suite, &key).unwrap());
            // CSRCs and an extension stay in the clear.
            let mut plain = octets("920000010000000500000009000000010000000200010001aabbccdd0102030405");
            plain[0] = 0x92;
            for (index, payload) in [0usize, 1, 15, 16, 17, 127, 128, 129, 640].into_iter().enumerate() {
                plain.truncate(28);
                plain.resize(28 + payload, 0x5a);
                plain[3] = index as u8;
                let packet = protect(&mut out, &plain).unwrap();
                assert_eq!(packet[..28], plain[..28], "{suite:?}");
                assert!(packet.len() <= plain.len() + EXPANSION);
                for bit in 0..packet.len() * 8 {
                    let mut touched = packet.clone();
                    touched[bit / 8] ^= 1 << (bit % 8);
                    assert!(unprotect(&mut into, NOW, &touched).is_err(), "{suite:?}: bit {bit} of {payload}");
                }
                for length in 0..packet.len() {
                    assert!(unprotect(&mut into, NOW, &packet[..length]).is_err(), "{suite:?}: {length}");
                }
                assert_eq!(unprotect(&mut into, NOW, &packet).as_deref(), Ok(&plain[..]), "{suite:?}");
                assert_eq!(unprotect(&mut into, NOW, &packet), Err(Refusal::Replayed), "{suite:?}");
                assert_eq!(protect(&mut out, &plain), None, "one number is sent once: {suite:?}");
            }
        }
    }
}

#[test]
fn reports_are_authentic_encrypted_and_taken_once() {
    let mut random = Random::from_seed(2);
    for suite in SrtpSuite::ALL {
        for identifier in [Vec::new(), vec![9, 9]] {
            let key = MediaKey { identifier, ..key(suite, &mut random) };
            let (mut out, mut into) = (Outbound::new(suite, &key).unwrap(), Inbound::new(suite, &key).unwrap());
            let mut sent = Vec::new();
            for number in 0..200_u8 {
                let mut plain = octets("81c90007cafebabe11223344000000000000000000000000000000000000000000");
                plain.push(number);
                let mut buffer = plain.clone();
                buffer.resize(plain.len() + EXPANSION, 0);
                let length = out.protect_rtcp(&mut buffer, plain.len()).unwrap();
                buffer.truncate(length);
                assert_ne!(buffer[8..], plain[8..]);
                if number == 0 {
                    for bit in 0..length * 8 {
                        let mut touched = buffer.clone();
                        touched[bit / 8] ^= 1 << (bit % 8);
                        assert!(into.unprotect_rtcp(NOW, &mut touched).is_err(), "{suite:?}: bit {bit}");
                    }
                    for length in 0..length {
                        assert!(into.unprotect_rtcp(NOW, &mut buffer.clone()[..length]).is_err());
                    }
                }
                sent.push((plain, buffer));
            }
            sent.swap(3, 7);
            for (plain, packet) in &sent {
                let mut packet = packet.clone();
                assert_eq!(into.unprotect_rtcp(NOW, &mut packet), Ok(plain.len()), "{suite:?}");
                assert_eq!(packet[..plain.len()], plain[..]);
            }
            for (_, packet) in &sent {
                assert_eq!(into.unprotect_rtcp(NOW, &mut packet.clone()), Err(Refusal::Replayed));
            }
        }
    }
}

/// 2^17 packets and more over a line that loses, repeats and reorders, from a number close to its end, and with new keys on the way: each that arrives
/// is read as it was sent, and once.
#[test]
fn long_streams_survive_bad_lines_and_new_keys() {
    // One of each transform: the others differ in the length of keys and tags alone.
    for suite in [SrtpSuite::AeadAes128Gcm, SrtpSuite::AesCm128HmacSha1_80] {
        for continues in [false, true] {
            let mut random = Random::from_seed(6);
            let mut now = NOW;
            let mut present = key(suite, &mut random);
            let mut out = Outbound::new(suite, &present).unwrap();
            let mut into = Inbound::new(suite, &present).unwrap();
            let first = 65_500;
            let mut on_the_way: Vec<(u64, Vec<u8>)> = Vec::new();
            let (mut sent, mut taken) = (0, BTreeSet::new());
            for index in first..first + (1 << 17) + 5_000 {
                now = now + Duration::from_millis(20);
                if (index - first) % 40_000 == 39_999 {
                    present = key(suite, &mut random);
                    assert!(into.renew(now, suite, &present));
                    let fresh = Outbound::new(suite, &present).unwrap();
                    // Those who keep to RFC 3711 §9.1 go on where they were, the others begin at 0.
                    out = if continues { out.rekeyed(fresh) } else { fresh };
                }
                sent += 1;
                let packet = protect(&mut out, &voice(index)).unwrap();
                match random.below(100) {
                    0..=9 => {}
                    10..=12 => on_the_way.extend([(index, packet.clone()), (index, packet)]),
                    13..=22 if !on_the_way.is_empty() => {
                        let place = random.below(on_the_way.len() as u64) as usize;
                        on_the_way.insert(place, (index, packet));
                    }
                    _ => on_the_way.push((index, packet)),
                }
                if on_the_way.len() > 20 {
                    for (index, packet) in on_the_way.drain(..) {
                        let is_first = taken.insert(index);
                        let expected = if is_first { Ok(voice(index)) } else { Err(Refusal::Replayed) };
                        assert_eq!(unprotect(&mut into, now, &packet), expected, "{suite:?} at {index}");
                    }
                }
            }
            let read = taken.len();
            assert!(read > sent * 85 / 100 && read < sent * 95 / 100, "{read} of {sent} by {suite:?}");
        }
    }
}

#[test]
fn a_stream_whose_first_packets_were_lost_before_it_rolled_over_is_found() {
    for suite in SrtpSuite::ALL {
        let key = key(suite, &mut Random::from_seed(9));
        let mut out = Outbound::new(suite, &key).unwrap();
        let packets: Vec<Vec<u8>> = (65_530..65_560).map(|index| protect(&mut out, &voice(index)).unwrap()).collect();
        let mut into = Inbound::new(suite, &key).unwrap();
        assert_eq!(unprotect(&mut into, NOW, &packets[10]), Ok(voice(65_540)), "{suite:?}");
        assert_eq!(unprotect(&mut into, NOW, &packets[0]), Ok(voice(65_530)), "late, from before: {suite:?}");
    }
}

#[test]
fn a_former_key_is_taken_for_a_moment_and_no_longer() {
    let mut random = Random::from_seed(3);
    for suite in SrtpSuite::ALL {
        let (before, after) = (key(suite, &mut random), key(suite, &mut random));
        let mut old = Outbound::new(suite, &before).unwrap();
        let mut new = Outbound::new(suite, &after).unwrap();
        let mut into = Inbound::new(suite, &before).unwrap();
        let under = |out: &mut Outbound, index| protect(out, &voice(index)).unwrap();
        assert!(unprotect(&mut into, NOW, &under(&mut old, 1)).is_ok());
        let (late, later, last) = (under(&mut old, 2), under(&mut old, 3), under(&mut old, 4));
        assert!(into.renew(NOW, suite, &after));
        assert!(unprotect(&mut into, NOW, &late).is_ok());
        assert!(unprotect(&mut into, NOW, &under(&mut new, 5)).is_ok());
        assert!(unprotect(&mut into, NOW, &later).is_ok(), "one that was overtaken");
        assert_eq!(unprotect(&mut into, NOW, &late), Err(Refusal::Replayed));
        assert_eq!(unprotect(&mut into, NOW + REKEY_OVERLAP, &last), Err(Refusal::Forged));
        assert!(unprotect(&mut into, NOW + REKEY_OVERLAP, &under(&mut new, 6)).is_ok());
    }
}

#[test]
fn what_a_peer_may_change_of_its_sources_is_bounded() {
    let suite = SrtpSuite::AeadAes128Gcm;
    let key = key(suite, &mut Random::from_seed(4));
    let mut into = Inbound::new(suite, &key).unwrap();
    for ssrc in 0..100_u32 {
        let mut packet = voice(7);
        packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
        let sealed = protect(&mut Outbound::new(suite, &key).unwrap(), &packet).unwrap();
        assert_eq!(unprotect(&mut into, NOW, &sealed), Ok(packet));
        assert_eq!(unprotect(&mut into, NOW, &sealed), Err(Refusal::Replayed));
    }
}

#[test]
fn keys_that_stay_go_on_and_keys_of_another_length_are_none() {
    let mut random = Random::from_seed(5);
    let suite = SrtpSuite::AesCm128HmacSha1_80;
    let (a, b, c) = (key(suite, &mut random), key(suite, &mut random), key(suite, &mut random));
    let keys = Protection { suite, send: a.clone(), receive: b };
    let mut security = Security::new(&keys).unwrap();
    let protect = |security: &mut Security, index| {
        let mut buffer = voice(index);
        buffer.resize(172 + EXPANSION, 0);
        security.protect_rtp(&mut buffer, 172)
    };
    assert!(protect(&mut security, 1).is_some());
    assert_eq!(security.renew(NOW, &keys), Renewed::Kept);
    assert!(protect(&mut security, 1).is_none(), "it goes on");
    assert_eq!(security.renew(NOW, &Protection { receive: c.clone(), ..keys.clone() }), Renewed::Kept);
    assert!(protect(&mut security, 1).is_none());
    assert_eq!(security.renew(NOW, &Protection { send: c, ..keys.clone() }), Renewed::Ours);
    assert!(protect(&mut security, 1).is_some(), "another key");
    let short = MediaKey { material: vec![0; 29], identifier: Vec::new() };
    assert!(Security::new(&Protection { send: short.clone(), ..keys.clone() }).is_none());
    assert!(!Security::is_usable(&Protection { receive: short, ..keys.clone() }) && Security::is_usable(&keys));
    let named = MediaKey { identifier: vec![0; 17], ..a };
    assert!(Security::new(&Protection { send: named, ..keys }).is_none());
    assert!(!format!("{security:?}").contains("material"));
}
