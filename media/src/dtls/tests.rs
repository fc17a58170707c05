//! Two associations against each other, over a network that loses, and what strangers send them.

use super::*;
use crate::limits::{HANDSHAKE_FRAGMENTS, HANDSHAKE_OCTETS};
use router::Random;
use router::parameter::{Fingerprint, FingerprintHash, HandshakeFault, Protection, SrtpSuite};
use router::time::{Duration, Instant};
use std::sync::Arc;

/// A side of the handshake.
struct Side {
    identity: Arc<Identity>,
    association: Option<Association>,
    expects: Vec<Fingerprint>,
    keys: Option<Protection>,
    fault: Option<HandshakeFault>,
}

impl Side {
    fn new(expects: &[Fingerprint]) -> Self {
        Self { identity: Identity::for_a_test(), association: None, expects: expects.to_vec(), keys: None, fault: None }
    }

    fn note(&mut self, came: Came) {
        match came {
            Came::Nothing => {}
            Came::Keys(keys) => assert!(self.keys.replace(*keys).is_none(), "keys come once"),
            Came::Fault(fault) => self.fault = Some(fault),
        }
    }

    fn take(&mut self, now: Instant, datagram: &[u8]) {
        if self.association.is_none()
            && let Some(hello) = Gate::look(datagram).and_then(|seen| seen.hello)
        {
            self.association = Some(Association::answering(&self.identity, hello));
        }
        let Some(association) = &mut self.association else { return };
        if let Some(came) = association.handle_datagram(now, datagram, &self.expects) {
            self.note(came);
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.association.as_ref().and_then(Association::poll_timeout).is_some_and(|at| at <= now)
    }
}

/// Client and server that expect each other's certificate.
fn two() -> [Side; 2] {
    let (mut client, mut server) = (Side::new(&[]), Side::new(&[]));
    client.expects = vec![server.identity.fingerprint().clone()];
    server.expects = vec![client.identity.fingerprint().clone()];
    [client, server]
}

/// Lets them shake hands for `limit`, while the network loses so many in a thousand; how long it took, and how many datagrams.
fn shake(sides: &mut [Side; 2], random: &mut Random, loss_permille: u64, limit: Duration) -> (Duration, usize) {
    let begin = Instant::from_millis(1_000);
    let (mut now, mut sent) = (begin, 0);
    sides[0].association = Association::begin(&sides[0].identity, now);
    while now.since(begin) < limit && sides.iter().any(|side| side.keys.is_none() && side.fault.is_none()) {
        for from in [0, 1] {
            while let Some(datagram) = sides[from].association.as_mut().and_then(Association::poll_transmit) {
                assert!(is_dtls(&datagram) && datagram.len() < 1_500);
                sent += 1;
                if random.below(1_000) >= loss_permille {
                    sides[1 - from].take(now, &datagram);
                }
            }
        }
        now = now + Duration::from_millis(10);
        for side in sides.iter_mut() {
            if side.is_due(now) {
                let came = side.association.as_mut().unwrap().handle_timeout(now);
                side.note(came);
            }
        }
    }
    (now.since(begin), sent)
}

fn assert_agreed([client, server]: &[Side; 2]) {
    let (one, other) = (client.keys.as_ref().unwrap(), server.keys.as_ref().unwrap());
    assert_eq!((one.suite, &one.send, &one.receive), (other.suite, &other.receive, &other.send));
    assert_ne!(one.send, one.receive);
    assert_eq!(one.suite, SrtpSuite::AeadAes128Gcm, "what we like best");
    assert!(crate::srtp::Security::is_usable(one));
}

#[test]
fn both_have_the_same_keys_the_other_way_round() {
    let mut sides = two();
    let (took, sent) = shake(&mut sides, &mut Random::from_seed(1), 0, Duration::from_secs(5));
    assert_agreed(&sides);
    assert!(took <= Duration::from_millis(100) && sent <= 12, "{took:?}, {sent} datagrams");
    let mut others = two();
    shake(&mut others, &mut Random::from_seed(1), 0, Duration::from_secs(5));
    assert_ne!(sides[0].keys, others[0].keys, "nobody else has them");
}

#[test]
fn what_is_lost_is_said_again() {
    for seed in 0..20 {
        let mut sides = two();
        let (took, _) = shake(&mut sides, &mut Random::from_seed(seed), 200, Duration::from_secs(20));
        let came = sides.each_ref().map(|side| (side.keys.is_some(), side.fault));
        assert_eq!(came, [(true, None); 2], "seed {seed}: {took:?}");
        assert_agreed(&sides);
    }
}

#[test]
fn every_fingerprint_that_is_signalled_may_be_it_and_no_other() {
    for hash in FingerprintHash::ALL {
        let wrong = Fingerprint { hash, digest: vec![0; hash.bytes()] };
        let mut sides = two();
        let right = sides[0].identity.fingerprint().clone();
        sides[1].expects = vec![wrong.clone(), right];
        shake(&mut sides, &mut Random::from_seed(1), 0, Duration::from_secs(5));
        assert_agreed(&sides);
        for side in [0, 1] {
            let mut sides = two();
            sides[side].expects = vec![wrong.clone(), Identity::for_a_test().fingerprint().clone()];
            shake(&mut sides, &mut Random::from_seed(1), 0, Duration::from_secs(5));
            assert_eq!((sides[side].fault, &sides[side].keys), (Some(HandshakeFault::Fingerprint), &None));
        }
    }
    let digest = identity::digest_of;
    for hash in FingerprintHash::ALL {
        assert_eq!(digest(hash, b"abc").digest.len(), hash.bytes());
    }
    assert_eq!(digest(FingerprintHash::Sha256, b"abc").digest[..4], [0xba, 0x78, 0x16, 0xbf]);
}

#[test]
fn who_is_never_answered_gives_up() {
    let mut sides = two();
    let (took, sent) = shake(&mut sides, &mut Random::from_seed(1), 1_000, Duration::from_secs(60));
    assert_eq!(sides[0].fault, Some(HandshakeFault::TimedOut), "{took:?}");
    assert!((4..=16).contains(&sent), "{sent}");
}

/// A record of a type, in an epoch, with a fragment.
fn record(kind: u8, epoch: u8, fragment: &[u8]) -> Vec<u8> {
    let [high, low] = (fragment.len() as u16).to_be_bytes();
    [&[kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1, high, low], fragment].concat()
}

/// A handshake message, or a piece of one.
fn message(kind: u8, length: u32, sequence: u8, offset: u32, piece: &[u8]) -> Vec<u8> {
    let number = |number: u32| number.to_be_bytes()[1..].to_vec();
    let head = [vec![kind], number(length), vec![0, sequence], number(offset), number(piece.len() as u32)];
    [head.concat(), piece.to_vec()].concat()
}

#[test]
fn nothing_malformed_and_no_alert_in_the_clear_passes() {
    let hello = message(1, 100, 0, 0, &[7; 100]);
    assert_eq!(Gate::look(&record(22, 0, &hello)), Some(Seen { hello: Some([7; 32]) }));
    assert_eq!(Gate::look(&record(22, 0, &message(1, 100, 1, 0, &[7; 100]))), Some(Seen { hello: None }));
    assert!(Gate::look(&[record(20, 0, &[1]), record(22, 1, &[1; 40])].concat()).is_some());
    let bad = [
        record(21, 0, &[2, 40]),
        record(23, 0, &[1; 40]),
        record(23, 1, &[1; 40]),
        record(22, 2, &[1; 40]),
        record(22, 0, &[]),
        record(22, 0, &hello[..11]),
        record(22, 0, &hello[..40]),
        record(22, 0, &message(1, 100, 16, 0, &[7; 100])),
        record(22, 0, &message(1, 8 * 1_024 + 1, 0, 0, &[7; 100])),
        record(22, 0, &message(1, 99, 0, 0, &[7; 100])),
        record(22, 0, &message(1, 150, 0, 60, &[7; 100])),
        record(22, 0, &message(11, 1_000, 1, 0, &[7; 31])),
        record(22, 0, &message(11, 1_000, 1, 0, &[])),
        [record(22, 0, &hello), vec![22]].concat(),
        [record(22, 0, &hello), record(21, 0, &[1, 0])].concat(),
        vec![22],
    ];
    for bad in bad {
        assert_eq!(Gate::look(&bad), None, "{bad:?}");
    }
    let mut other = record(22, 0, &hello);
    other[1] = 3;
    assert_eq!(Gate::look(&other), None, "TLS");
}

#[test]
fn a_handshake_takes_so_much_and_no_more() {
    let mut gate = Gate::default();
    let piece = record(22, 0, &message(11, 8_000, 1, 32, &[0; 32]));
    let passed = (0..10_000).filter(|_| gate.pass(&piece).is_some()).count();
    assert!(passed * 2 <= HANDSHAKE_FRAGMENTS, "{passed}");
    let mut gate = Gate::default();
    let large = record(22, 1, &[0; 1_400]);
    let passed = (0..10_000).filter(|_| gate.pass(&large).is_some()).count();
    assert!(passed * large.len() <= HANDSHAKE_OCTETS && passed > 40, "{passed}");
}

/// What the gate lets through costs little, whatever it is: pieces that never come together, far ahead, and twice.
#[test]
fn pieces_without_end_are_no_burden() {
    let [_, mut server] = two();
    let now = Instant::from_millis(1);
    let mut random = Random::from_seed(7);
    server.take(now, &record(22, 0, &message(1, 200, 0, 0, &[7; 100])));
    for _ in 0..2_000 {
        let offset = 32 * random.below(200) as u32;
        let sequence = random.below(4) as u8;
        let mut piece = message(11, 8_000, sequence, offset, &[1; 32]);
        if random.below(2) == 0 {
            piece.extend(message(11, 8_000, sequence, offset + 32, &[1; 64]));
        }
        server.take(now, &record(22, 0, &piece));
    }
    assert!(server.keys.is_none());
}

#[test]
fn strangers_who_send_anything_do_not_disturb_a_handshake() {
    for seed in 0..10 {
        let mut sides = two();
        let mut random = Random::from_seed(seed);
        let now = Instant::from_millis(1_000);
        sides[0].association = Association::begin(&sides[0].identity, now);
        for round in 0..40 {
            for from in [0, 1] {
                while let Some(datagram) = sides[from].association.as_mut().and_then(Association::poll_transmit) {
                    let to = &mut sides[1 - from];
                    // Forged alerts, junk under the second epoch, and what only looks like it.
                    to.take(now, &record(21, 0, &[2, 40]));
                    to.take(now, &record(22, 1, &[random.below(256) as u8; 48]));
                    to.take(now, &record(21, 1, &[0; 26]));
                    to.take(now, &[22; 60]);
                    to.take(now, &datagram);
                    to.take(now, &datagram);
                }
            }
            if round > 10 && sides.iter().all(|side| side.keys.is_some()) {
                break;
            }
        }
        assert_agreed(&sides);
        assert!(sides.iter().all(|side| side.fault.is_none()));
    }
}
