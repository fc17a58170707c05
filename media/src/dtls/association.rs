//! One handshake: datagrams in, datagrams out, and keys at the end.
//!
//! What is repeated, and when, is decided here and not in the library, whose timer stops for good once a part of the peer's flight has come: the last
//! flight goes out again as it was, at a growing distance, until the next one of the peer's is complete (RFC 6347 §4.2.4). What the peer has got of it already it
//! knows by its numbers.

use super::gate::Gate;
use super::identity::{Identity, digest_of};
use crate::limits::{HANDSHAKE_FLIGHT, HANDSHAKE_REPEATED};
use bytes::BytesMut;
use router::parameter::{DtlsRole, Fingerprint, HandshakeFault, MediaKey, Protection, SrtpSuite};
use router::time::Instant;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_dtls::state::State;
use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// The library knows peers by their addresses; each association has one peer, wherever it is.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// RFC 5764 §4.2.
const EXPORTER: &str = "EXTRACTOR-dtls_srtp";

/// What a datagram, or time, has come to.
#[derive(Debug)]
pub enum Came {
    /// Nothing yet.
    Nothing,
    /// The keys.
    Keys(Box<Protection>),
    /// It is over without.
    Fault(HandshakeFault),
}

/// A handshake, on its way or done.
pub struct Association {
    identity: Arc<Identity>,
    role: DtlsRole,
    endpoint: Endpoint,
    gate: Gate,
    /// The random of the hello that it answers; of one that we have begun nothing.
    hello: Option<[u8; 32]>,
    done: bool,
    /// What was said last, and what of it is still to be sent.
    flight: Vec<BytesMut>,
    waiting: VecDeque<BytesMut>,
    /// When it is said again, and how often it was.
    again: Option<Instant>,
    repeated: u32,
}

impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association").field("role", &self.role).field("done", &self.done).finish_non_exhaustive()
    }
}

impl Association {
    /// One that we begin. `None`: there is no randomness.
    pub fn begin(identity: &Arc<Identity>, now: Instant) -> Option<Self> {
        let mut association = Self::new(identity, DtlsRole::Client, None);
        let at = association.at(now);
        let config = Arc::clone(&identity.as_client);
        association.endpoint.connect(at, PEER, config, None).ok()?;
        association.speak(now);
        Some(association)
    }

    /// One that waits for the rest of what this hello begins.
    pub fn answering(identity: &Arc<Identity>, hello: [u8; 32]) -> Self {
        Self::new(identity, DtlsRole::Server, Some(hello))
    }

    fn new(identity: &Arc<Identity>, role: DtlsRole, hello: Option<[u8; 32]>) -> Self {
        let config = (role == DtlsRole::Server).then(|| Arc::clone(&identity.as_server));
        let endpoint = Endpoint::new(PEER, Default::default(), config);
        Self {
            identity: Arc::clone(identity),
            role,
            endpoint,
            gate: Gate::default(),
            hello,
            done: false,
            flight: Vec::new(),
            waiting: VecDeque::new(),
            again: None,
            repeated: 0,
        }
    }

    /// Whether it has come to keys.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Whether this is the hello that it answers.
    pub fn answers(&self, hello: &[u8; 32]) -> bool {
        self.hello.as_ref() == Some(hello)
    }

    /// Takes a datagram of the peer's. `None`: nothing of it was of any use.
    pub fn handle_datagram(&mut self, now: Instant, datagram: &[u8], expected: &[Fingerprint]) -> Option<Came> {
        self.gate.pass(datagram)?;
        if self.done {
            // The peer repeats its last flight: it has not got ours.
            if self.again.is_none_or(|again| again <= now) && self.role == DtlsRole::Server {
                self.waiting.extend(self.flight.iter().cloned());
                self.again = Some(now + HANDSHAKE_FLIGHT / 4);
            }
            return Some(Came::Nothing);
        }
        let at = self.at(now);
        let read = self.endpoint.read(at, PEER, None, BytesMut::from(datagram));
        self.speak(now);
        let events = match read {
            Ok(events) => events,
            Err(error) => {
                tracing::debug!(%error, "a DTLS handshake has failed");
                return Some(Came::Fault(HandshakeFault::Refused));
            }
        };
        let mut came = Came::Nothing;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete if !self.done => came = self.conclude(expected),
                EndpointEvent::PeerClosed if !self.done => came = Came::Fault(HandshakeFault::Refused),
                // A call ends by its signalling.
                _ => {}
            }
        }
        Some(came)
    }

    /// What the library has to say is the next flight.
    fn speak(&mut self, now: Instant) {
        let said: Vec<BytesMut> =
            std::iter::from_fn(|| self.endpoint.poll_transmit()).map(|transmit| transmit.message).collect();
        if !said.is_empty() {
            self.waiting.extend(said.iter().cloned());
            (self.flight, self.repeated, self.again) = (said, 0, Some(now + HANDSHAKE_FLIGHT));
        }
    }

    /// Takes note that time goes by.
    pub fn handle_timeout(&mut self, now: Instant) -> Came {
        if self.done || self.again.is_none_or(|again| again > now) {
            return Came::Nothing;
        }
        if self.repeated >= HANDSHAKE_REPEATED {
            self.again = None;
            return if self.role == DtlsRole::Client { Came::Fault(HandshakeFault::TimedOut) } else { Came::Nothing };
        }
        self.repeated += 1;
        self.again = Some(now + HANDSHAKE_FLIGHT * (1 << self.repeated.min(8)));
        self.waiting.extend(self.flight.iter().cloned());
        Came::Nothing
    }

    /// When it is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.again.filter(|_| !self.done)
    }

    /// The next datagram for the peer.
    pub fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.waiting.pop_front()
    }

    /// Whose certificate it was, and the keys (RFC 5764 §4.2).
    fn conclude(&mut self, expected: &[Fingerprint]) -> Came {
        (self.done, self.again) = (true, None);
        let Some(state) = self.endpoint.get_connection_state(PEER) else {
            return Came::Fault(HandshakeFault::Refused);
        };
        let certificate = state.peer_certificates.first().map_or(&[][..], Vec::as_slice);
        if !expected.iter().any(|fingerprint| digest_of(fingerprint.hash, certificate) == *fingerprint) {
            return Came::Fault(HandshakeFault::Fingerprint);
        }
        match keys(state, self.role) {
            Some(protection) => Came::Keys(Box::new(protection)),
            None => Came::Fault(HandshakeFault::Refused),
        }
    }

    fn at(&self, now: Instant) -> std::time::Instant {
        self.identity.zero + now.since(Instant::ZERO)
    }
}

/// The keys of both ways: the client's key, the server's, the client's salt, the server's.
fn keys(state: &State, role: DtlsRole) -> Option<Protection> {
    let suite = suite_of(state.srtp_protection_profile())?;
    let (key, salt) = (suite.key_bytes(), suite.salt_bytes());
    let material = state.export_keying_material(EXPORTER, &[], 2 * (key + salt)).ok()?;
    let material = material.as_ref();
    let of = |side: usize| {
        let own = material.get(side * key..(side + 1) * key)?;
        let salts = material.get(2 * key..)?;
        let salt = salts.get(side * salt..(side + 1) * salt)?;
        Some(MediaKey { material: [own, salt].concat(), identifier: Vec::new() })
    };
    let (client, server) = (of(0)?, of(1)?);
    Some(match role {
        DtlsRole::Client => Protection { suite, send: client, receive: server },
        DtlsRole::Server => Protection { suite, send: server, receive: client },
    })
}

/// RFC 5764 §4.1.2, RFC 7714 §14.2.
fn suite_of(profile: SrtpProtectionProfile) -> Option<SrtpSuite> {
    match profile {
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Some(SrtpSuite::AesCm128HmacSha1_80),
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Some(SrtpSuite::AeadAes128Gcm),
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => Some(SrtpSuite::AeadAes256Gcm),
        _ => None,
    }
}
