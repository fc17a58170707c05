//! What strangers send to a handshake, beginning it or answering it: nothing panics, nobody gets keys without a certificate that was expected, and what is
//! let through is bounded.

use std::sync::{Arc, OnceLock};

use media::Identity;
use media::dtls::{Association, Came, Gate, is_dtls};
use media::limits::HANDSHAKE_OCTETS;
use router::parameter::{Fingerprint, FingerprintHash, HandshakeFault};
use router::time::{Duration, Instant};

use crate::tape::Tape;

/// The first octet says who begins; then datagrams, each behind its length, two octets.
pub fn dtls(data: &[u8]) {
    let mut tape = Tape::new(data);
    let begins = tape.flag();
    let identity = identity();
    let expected = [Fingerprint { hash: FingerprintHash::Sha256, digest: vec![0; 32] }];
    let mut now = Instant::from_millis(1_000);
    let mut association = if begins { Association::begin(&identity, now) } else { None };
    let mut passed = Gate::default();
    let mut octets = 0;
    while tape.is_left() {
        let length = usize::from(tape.word());
        let datagram = tape.octets(length);
        if passed.pass(datagram).is_some() {
            octets += datagram.len();
            assert!(octets <= HANDSHAKE_OCTETS, "so much and no more");
        }
        if association.is_none()
            && let Some(hello) = Gate::look(datagram).and_then(|seen| seen.hello)
        {
            association = Some(Association::answering(&identity, hello));
        }
        let Some(one) = &mut association else { continue };
        match one.handle_datagram(now, datagram, &expected) {
            Some(Came::Keys(_)) => panic!("nobody has that certificate"),
            Some(Came::Fault(fault)) => {
                assert!(fault != HandshakeFault::TimedOut);
                association = None;
                continue;
            }
            Some(Came::Nothing) | None => {}
        }
        now = now + Duration::from_millis(100);
        if one.poll_timeout().is_some_and(|at| at <= now) && matches!(one.handle_timeout(now), Came::Fault(_)) {
            association = None;
            continue;
        }
        while let Some(said) = one.poll_transmit() {
            assert!(is_dtls(&said) && said.len() <= 1_500, "it fits into a datagram");
        }
    }
}

/// One for all inputs: it costs more than most of them.
#[expect(clippy::disallowed_methods, reason = "any moment will do")]
fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    let make = || match Identity::generate(std::time::Instant::now()) {
        Ok(identity) => Arc::new(identity),
        Err(error) => panic!("{error}"),
    };
    Arc::clone(IDENTITY.get_or_init(make))
}
