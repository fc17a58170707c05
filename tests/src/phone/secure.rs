//! A phone that protects its media: keys in its descriptions (RFC 4568), or by a handshake (RFC 5763), packets under them (RFC 3711).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use media::Identity;
use media::dtls::{Association, Came};
use media::srtp::{EXPANSION, Inbound, Outbound, Refusal};
use router::Random;
use router::parameter::{Fingerprint, FingerprintHash, HandshakeFault, MediaKey, SrtpSuite};
use router::time::Instant;
use signaling::sdp::SessionDescription;
use std::sync::{Arc, OnceLock};

/// How a phone asks for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Secure {
    /// RTP/SAVP, and nothing else.
    Only,
    /// Keys beside RTP/AVP (RFC 8643), for who knows them.
    Beside,
    /// UDP/TLS/RTP/SAVPF, and nothing else; it begins wherever it may.
    Handshake,
}

impl Secure {
    /// Whether it takes nothing else.
    pub(crate) fn is_all(self) -> bool {
        self != Self::Beside
    }
}

/// The suite that phones speak. Of those that they offer beside it they know none themselves.
const SUITE: SrtpSuite = SrtpSuite::AesCm128HmacSha1_80;

/// The keys of one call.
pub(crate) struct Keys {
    pub(crate) style: Secure,
    random: Random,
    own: MediaKey,
    /// The tag that an answer of ours names; of an offer 1.
    tag: String,
    peer: Option<MediaKey>,
    outbound: Option<Outbound>,
    inbound: Option<Inbound>,
    /// Packets that were not by the peer's key.
    pub(crate) strange: u64,
    shaken: Shaken,
}

/// A handshake.
#[derive(Default)]
struct Shaken {
    identity: Option<Arc<Identity>>,
    /// The peer's certificates.
    expects: Vec<Fingerprint>,
    association: Option<Association>,
    fault: Option<HandshakeFault>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("style", &self.style).finish_non_exhaustive()
    }
}

impl Keys {
    pub(crate) fn new(style: Secure, random: &mut Random) -> Self {
        let mut random = random.fork();
        let own = draw(&mut random);
        let shaken = Shaken { identity: (style == Secure::Handshake).then(identity), ..Shaken::default() };
        Self { style, random, own, tag: String::new(), peer: None, outbound: None, inbound: None, strange: 0, shaken }
    }

    /// From the next description on another key of ours.
    pub(crate) fn renew(&mut self) {
        self.own = draw(&mut self.random);
    }

    /// Whether the peer has a key.
    pub(crate) fn is_agreed(&self) -> bool {
        self.peer.is_some() || (!self.shaken.expects.is_empty() && self.shaken.fault.is_none())
    }

    /// The transport of our description, and the lines of keys; of an answer, where the offer had some.
    pub(crate) fn write(&self, is_answer: bool) -> (&'static str, String) {
        if let Some(identity) = &self.shaken.identity {
            let digest: Vec<String> =
                identity.fingerprint().digest.iter().map(|octet| format!("{octet:02X}")).collect();
            let setup = if is_answer { "active" } else { "actpass" };
            let lines = format!("a=fingerprint:sha-256 {}\r\na=setup:{setup}\r\na=rtcp-mux\r\n", digest.join(":"));
            return ("UDP/TLS/RTP/SAVPF", lines);
        }
        let transport = if self.style == Secure::Only { "RTP/SAVP" } else { "RTP/AVP" };
        if is_answer && self.tag.is_empty() {
            return ("RTP/AVP", String::new());
        }
        let tag = if is_answer { &self.tag } else { "1" };
        let lines = match is_answer {
            true => String::new(),
            false => "a=crypto:7 AES_192_CM_HMAC_SHA1_80 inline:AAAA|2^31\r\n".to_owned(),
        };
        let key = STANDARD.encode(&self.own.material);
        (transport, format!("{lines}a=crypto:{tag} {} inline:{key}\r\n", SUITE.name()))
    }

    /// Reads the peer's key. What it is for an offer without is to be refused is the phone's to say.
    pub(crate) fn read(&mut self, session: &SessionDescription, is_offer: bool) {
        let section = session.media.first();
        if self.shaken.identity.is_some() {
            let values = section.into_iter().flat_map(|section| section.attributes.values("fingerprint"));
            self.shaken.expects = values.filter_map(|value| fingerprint(value.as_str()?)).collect();
            return;
        }
        let values = section.into_iter().flat_map(|section| section.attributes.values("crypto"));
        let found = values.filter_map(|value| value.as_str()).find_map(|line| {
            let mut words = line.split(' ');
            let (tag, suite, key) = (words.next()?, words.next()?, words.next()?);
            let key = key.strip_prefix("inline:")?.split('|').next()?;
            (suite == SUITE.name()).then(|| {
                (
                    tag.to_owned(),
                    MediaKey { material: STANDARD.decode(key).unwrap_or_default(), identifier: Vec::new() },
                )
            })
        });
        let (tag, key) = found.unzip();
        if is_offer {
            self.tag = tag.unwrap_or_default();
        }
        if key != self.peer {
            self.inbound = key.as_ref().and_then(|key| Inbound::new(SUITE, key));
            self.peer = key;
        }
    }

    /// What was described is in force: our key, if it is another one. True: the peer's stream begins anew with it.
    pub(crate) fn agree(&mut self, now: Instant, former: &mut Option<MediaKey>) -> bool {
        if let (Some(identity), None) = (&self.shaken.identity, &self.shaken.association) {
            self.shaken.association = Association::begin(identity, now);
        }
        let own = self.peer.is_some().then(|| self.own.clone());
        let renewed = own != *former;
        if renewed {
            self.outbound = own.as_ref().and_then(|own| Outbound::new(SUITE, own));
            *former = own;
        }
        renewed
    }

    /// A packet as it is sent; `None`: it cannot be protected.
    pub(crate) fn seal(&mut self, packet: Vec<u8>) -> Option<Vec<u8>> {
        if self.outbound.is_none() && self.style == Secure::Handshake {
            return None;
        }
        let Some(outbound) = &mut self.outbound else { return Some(packet) };
        let (mut packet, length) = (packet.clone(), packet.len());
        packet.resize(length + EXPANSION, 0);
        let sealed = outbound.protect_rtp(&mut packet, length)?;
        packet.truncate(sealed);
        Some(packet)
    }

    /// A packet as it is heard; `None`: it is not by the peer's key.
    pub(crate) fn open(&mut self, now: Instant, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.style == Secure::Handshake && media::dtls::is_dtls(bytes) {
            self.shake(now, bytes);
            return None;
        }
        let Some(inbound) = &mut self.inbound else {
            self.strange += u64::from(self.style == Secure::Handshake);
            return (self.style != Secure::Handshake).then(|| bytes.to_vec());
        };
        let mut packet = bytes.to_vec();
        let opened = inbound.unprotect_rtp(now, &mut packet);
        // What the network repeats is the peer's all the same.
        self.strange += u64::from(!matches!(opened, Ok(_) | Err(Refusal::Replayed)));
        packet.truncate(opened.ok()?);
        Some(packet)
    }
}

impl Keys {
    fn shake(&mut self, now: Instant, datagram: &[u8]) {
        let Shaken { association, expects, fault, .. } = &mut self.shaken;
        match association.as_mut().and_then(|association| association.handle_datagram(now, datagram, expects)) {
            Some(Came::Keys(keys)) => {
                self.outbound = Outbound::new(keys.suite, &keys.send);
                self.inbound = Inbound::new(keys.suite, &keys.receive);
            }
            Some(Came::Fault(why)) => *fault = Some(why),
            Some(Came::Nothing) | None => {}
        }
    }

    /// The next datagram of the handshake.
    pub(crate) fn poll_handshake(&mut self, now: Instant) -> Option<Vec<u8>> {
        let association = self.shaken.association.as_mut()?;
        if association.poll_timeout().is_some_and(|at| at <= now) {
            association.handle_timeout(now);
        }
        association.poll_transmit().map(|datagram| datagram.to_vec())
    }
}

/// One for all phones: each costs as much as some calls.
fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    Arc::clone(IDENTITY.get_or_init(certificate))
}

/// A certificate that nobody else has.
#[expect(clippy::disallowed_methods, reason = "any moment will do")]
pub(crate) fn certificate() -> Arc<Identity> {
    Arc::new(Identity::generate(std::time::Instant::now()).expect("the system has randomness"))
}

fn fingerprint(value: &str) -> Option<Fingerprint> {
    let digest = value.strip_prefix("sha-256 ")?.split(':').map(|octet| u8::from_str_radix(octet, 16));
    Some(Fingerprint { hash: FingerprintHash::Sha256, digest: digest.collect::<Result<_, _>>().ok()? })
}

fn draw(random: &mut Random) -> MediaKey {
    let mut material = vec![0; SUITE.material_bytes()];
    random.fill(&mut material);
    MediaKey { material, identifier: Vec::new() }
}
