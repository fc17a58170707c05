//! What a dialog's media may be protected by, and what it is: keys offered, chosen and drawn (SDES, RFC 4568 §5), or left to a handshake in the media
//! (DTLS-SRTP, RFC 5763 §5).
//!
//! The choice is made when an offer is read, and our key is drawn then, so that the pair of keys is complete wherever the description goes. What
//! stays, stays with its key: an offer that says the same keys again changes nothing.

use router::Random;
use router::parameter::{
    DtlsParameters, Fingerprint, MediaDescription, MediaKey, MediaKind, MediaStream, MediaTransport, Protection,
    SrtpSuite,
};
use sha2::{Digest, Sha512};
use std::sync::Arc;

use super::agreement::Agreement;
use super::attribute::Attribute;
use super::crypto::Crypto;
use super::dtls::{self, Described, Former, Setup};
use super::fault::{AnswerFault, LocalFault, Unacceptable};
use super::media::MediaSection;
use super::offer::{Sections, Slot};
use super::session::SessionDescription;
use super::text::Text;
use crate::policy::{Keying, MediaSecurity};

/// What is offered, best first: two that cost little and one that every peer has. Three lines leave room in a datagram.
const OFFERED: [SrtpSuite; 3] = [SrtpSuite::AeadAes256Gcm, SrtpSuite::AeadAes128Gcm, SrtpSuite::AesCm128HmacSha1_80];

/// How a dialog is secured.
#[derive(Clone)]
pub struct Security {
    policy: MediaSecurity,
    /// Whether keys may be sent and taken: not where signalling is in the clear and the operator forbids it.
    keys: bool,
    /// Whether nobody else reads what is signalled.
    confidential: bool,
    /// What is offered.
    keying: Keying,
    /// Our certificate's; `None`: there are no handshakes.
    fingerprint: Option<Arc<Fingerprint>>,
    /// What our keys are drawn from, and how many were.
    secret: [u8; 32],
    drawn: u32,
}

/// Nothing of the secret shows.
impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Security").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// What of a stream's offer is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The line of that tag.
    Line(u32),
    /// The handshake.
    Handshake,
}

/// What is answered, of which stream.
pub(super) type Chosen = Vec<(usize, Choice)>;

/// What was offered of a stream.
#[derive(Clone, Debug)]
pub(super) enum OfferedKey {
    /// A line.
    Line(Crypto),
    /// A handshake.
    Handshake,
}

/// What was offered, each with its stream.
pub(super) type OfferedKeys = Vec<(usize, OfferedKey)>;

impl Security {
    /// Nothing is protected, nor asked to be.
    pub const NONE: Self = Self {
        policy: MediaSecurity::Never,
        keys: false,
        confidential: false,
        keying: Keying::Sdes,
        fingerprint: None,
        secret: [0; 32],
        drawn: 0,
    };

    /// By a policy. `confidential`: nobody else reads what is signalled; `in_clear`: keys may be sent even so.
    pub fn new(policy: MediaSecurity, confidential: bool, in_clear: bool, random: &mut Random) -> Self {
        if policy == MediaSecurity::Never {
            return Self::NONE;
        }
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Self { policy, keys: confidential || in_clear, confidential, secret, ..Self::NONE }
    }

    /// The same, with handshakes by our certificate, which are offered where `keying` says so.
    pub fn with_handshakes(self, fingerprint: Option<Arc<Fingerprint>>, keying: Keying) -> Self {
        if self.policy == MediaSecurity::Never { self } else { Self { fingerprint, keying, ..self } }
    }

    /// A key of ours that nobody has seen.
    fn draw(&mut self, suite: SrtpSuite) -> MediaKey {
        self.drawn += 1;
        let octets = Sha512::new().chain_update(self.secret).chain_update(self.drawn.to_be_bytes()).finalize();
        MediaKey { material: octets.iter().copied().take(suite.material_bytes()).collect(), identifier: Vec::new() }
    }

    /// Reads the keys of the peer's offer: its streams get theirs and ours. Those that policy forbids lose their address, and with it their place in
    /// the answer.
    ///
    /// # Errors
    /// Why nothing is left, where it is for this.
    pub(super) fn consider(
        &mut self,
        session: &SessionDescription,
        offer: &mut MediaDescription,
        before: Option<&Agreement>,
    ) -> Result<Chosen, Unacceptable> {
        let mut chosen = Chosen::new();
        if self.policy == MediaSecurity::Never {
            return Ok(chosen);
        }
        let mut fault = None;
        let mut is_left = false;
        for (index, (section, stream)) in session.media.iter().zip(&mut offer.streams).enumerate() {
            if stream.kind != MediaKind::Audio || stream.rtp.is_none() {
                continue;
            }
            let (is_plain, is_secure) = (is_plain(&stream.transport), is_secure(&stream.transport));
            let is_handshaken = is_handshaken(&stream.transport);
            let former = before.and_then(|before| before.remote.streams.get(index));
            let shook_hands = former.is_some_and(|former| former.dtls.is_some());
            // What was agreed stays what it is; of both that are offered SDES costs less.
            if self.keys && (is_plain || is_secure) && !shook_hands && section.attributes.has("crypto") {
                let former = former.and_then(|former| former.protection.as_deref());
                if let Some((tag, protection)) = self.choose(section, former) {
                    stream.protection = Some(Box::new(protection));
                    chosen.push((index, Choice::Line(tag)));
                }
            }
            let is_keyed = stream.protection.is_some();
            if self.fingerprint.is_some() && (is_handshaken || is_plain || is_secure) && !is_keyed {
                let described = Described::of(session, section);
                let at = told_address(stream);
                let dtls = described.and_then(|described| described.answered(association(former).as_ref(), at));
                if let Some(dtls) = dtls {
                    stream.dtls = Some(Box::new(dtls));
                    chosen.push((index, Choice::Handshake));
                }
            }
            if is_keyed || stream.dtls.is_some() {
                is_left = true;
            } else if is_secure || is_handshaken {
                fault = Some(Unacceptable::Keys);
            } else if is_plain && self.policy == MediaSecurity::Must {
                (stream.rtp, stream.rtcp) = (None, None);
                fault = fault.or(Some(Unacceptable::Plain));
            } else {
                is_left |= is_plain;
            }
        }
        match fault {
            Some(fault) if !is_left => Err(fault),
            _ => Ok(chosen),
        }
    }

    /// The line that goes on, or else the first that can be served, in the offerer's order (§5.1.2).
    fn choose(&mut self, section: &MediaSection, former: Option<&Protection>) -> Option<(u32, Protection)> {
        let lines: Vec<Crypto> = Crypto::of(section).collect();
        let goes_on =
            |line: &&Crypto| former.is_some_and(|former| former.suite == line.suite && former.receive == line.key);
        if let (Some(line), Some(former)) = (lines.iter().find(goes_on), former) {
            return Some((line.tag, former.clone()));
        }
        let Crypto { tag, suite, key } = lines.into_iter().next()?;
        // Who names its keys expects ours to be named alike: one length of identifiers for both ways is what they are built for.
        let send = MediaKey { identifier: key.identifier.clone(), ..self.draw(suite) };
        Some((tag, Protection { suite, send, receive: key }))
    }

    /// Writes our keys into the sections of an answer.
    pub(super) fn answer(&self, chosen: &Chosen, offer: &MediaDescription, sections: &mut Sections) {
        for &(index, choice) in chosen {
            let (Some(stream), Some((section, Some(_)))) = (offer.streams.get(index), sections.get_mut(index)) else {
                continue;
            };
            match (choice, &stream.protection, &stream.dtls, &self.fingerprint) {
                (Choice::Line(tag), Some(protection), ..) => {
                    write(section, &Crypto { tag, suite: protection.suite, key: protection.send.clone() });
                }
                (Choice::Handshake, _, Some(dtls), Some(fingerprint)) => {
                    dtls::write(section, fingerprint, dtls.role.into());
                }
                _ => {}
            }
        }
    }

    /// Writes keys into the sections of an offer: those that are agreed, or by policy new ones.
    ///
    /// # Errors
    /// [`LocalFault::Unprotected`]: the peer must have keys, and they may not be sent to it.
    pub(super) fn offer(
        &mut self,
        slots: &mut [Slot],
        sections: &mut Sections,
        before: Option<&Agreement>,
    ) -> Result<OfferedKeys, LocalFault> {
        let mut offered = OfferedKeys::new();
        for (index, (section, rtp)) in sections.iter_mut().enumerate() {
            let Some(slot) = slots.get_mut(index).filter(|_| rtp.is_some()) else { continue };
            let former = before.and_then(|before| {
                let is_in_use = before.local.streams.get(index)?.rtp.is_some();
                Some((
                    before.remote.streams.get(index).filter(|stream| is_in_use && stream.rtp.is_some())?,
                    before.slots.get(index)?,
                ))
            });
            let keys = match former {
                Some((MediaStream { protection: Some(protection), .. }, former)) => {
                    slot.protocol.clone_from(&former.protocol);
                    let key = protection.send.clone();
                    vec![OfferedKey::Line(Crypto { tag: 1, suite: protection.suite, key })]
                }
                Some((MediaStream { dtls: Some(_), .. }, former)) => {
                    slot.protocol.clone_from(&former.protocol);
                    vec![OfferedKey::Handshake]
                }
                // What was agreed in the clear stays so until the peer asks for more.
                Some(_) => Vec::new(),
                None => self.first(slot)?,
            };
            if keys.is_empty() {
                continue;
            }
            section.protocol.clone_from(&slot.protocol);
            for key in keys {
                match (&key, &self.fingerprint) {
                    (OfferedKey::Line(line), _) => write(section, line),
                    (OfferedKey::Handshake, Some(fingerprint)) => dtls::write(section, fingerprint, Setup::ActPass),
                    (OfferedKey::Handshake, None) => return Err(LocalFault::Unprotected),
                }
                offered.push((index, key));
            }
        }
        Ok(offered)
    }

    /// What a stream has that is offered for the first time, and its transport: a secure one to who must be secured, to who may the plain one with
    /// keys beside it (RFC 8643), where nobody else reads them. Of handshakes the transport is that of browsers, which others take as well.
    fn first(&mut self, slot: &mut Slot) -> Result<Vec<OfferedKey>, LocalFault> {
        let shakes_hands = self.keying == Keying::Dtls && self.fingerprint.is_some();
        match self.policy {
            MediaSecurity::Must if shakes_hands => slot.protocol = Text::literal("UDP/TLS/RTP/SAVPF"),
            MediaSecurity::Must if !self.keys => return Err(LocalFault::Unprotected),
            MediaSecurity::Must => slot.protocol = Text::literal("RTP/SAVP"),
            MediaSecurity::May if self.confidential => {}
            MediaSecurity::May | MediaSecurity::Never => return Ok(Vec::new()),
        }
        if shakes_hands {
            return Ok(vec![OfferedKey::Handshake]);
        }
        let suites = OFFERED.into_iter().zip(1..);
        Ok(suites.map(|(suite, tag)| OfferedKey::Line(Crypto { tag, suite, key: self.draw(suite) })).collect())
    }

    /// What an offer has that repeats a text of ours.
    pub(super) fn repeated(session: &SessionDescription) -> OfferedKeys {
        let of = |(index, section): (usize, &MediaSection)| -> OfferedKeys {
            let handshake = section.attributes.has("fingerprint").then_some(OfferedKey::Handshake);
            Crypto::of(section).map(OfferedKey::Line).chain(handshake).map(|key| (index, key)).collect()
        };
        session.media.iter().enumerate().flat_map(of).collect()
    }

    /// Reads the keys of the peer's answer to what was offered for each stream; `before` was agreed until then.
    ///
    /// # Errors
    /// [`AnswerFault::Keys`]: a secure stream has none, or none that answers one of ours; or one that must be secure is not.
    pub(super) fn conclude(
        &self,
        offered: &OfferedKeys,
        session: &SessionDescription,
        answer: &mut MediaDescription,
        before: Option<&Agreement>,
    ) -> Result<(), AnswerFault> {
        if offered.is_empty() {
            return Ok(());
        }
        for (index, (section, stream)) in session.media.iter().zip(&mut answer.streams).enumerate() {
            let ours = || offered.iter().filter(move |(of, _)| *of == index).map(|(_, key)| key);
            if stream.rtp.is_none() || ours().next().is_none() {
                continue;
            }
            if ours().any(|key| matches!(key, OfferedKey::Handshake)) {
                let former = before.and_then(|before| before.remote.streams.get(index));
                let described = Described::of(session, section);
                let at = told_address(stream);
                let dtls = described.and_then(|told| told.concluded(association(former).as_ref(), at));
                stream.dtls = dtls.map(Box::new);
            } else {
                let found = Crypto::of(section).find_map(|line| {
                    let own = ours().find_map(|key| match key {
                        OfferedKey::Line(own) if own.tag == line.tag && own.suite == line.suite => Some(own),
                        _ => None,
                    })?;
                    Some(Protection { suite: line.suite, send: own.key.clone(), receive: line.key })
                });
                stream.protection = found.map(Box::new);
            }
            let is_keyed = stream.protection.is_some() || stream.dtls.is_some();
            let must_be = is_secure(&stream.transport) || is_handshaken(&stream.transport);
            if !is_keyed && (must_be || self.policy == MediaSecurity::Must) {
                return Err(AnswerFault::Keys);
            }
        }
        Ok(())
    }
}

/// Where the peer says that a stream is, where that means something: with ways that are looked for it may be another with each description, and the
/// association goes on (RFC 8842 §4).
fn told_address(stream: &MediaStream) -> Option<std::net::SocketAddr> {
    stream.rtp.filter(|_| stream.ice.is_none())
}

/// The association that was agreed for a stream.
fn association(former: Option<&MediaStream>) -> Option<Former<'_>> {
    let former = former?;
    let parameters: &DtlsParameters = former.dtls.as_deref()?;
    Some(Former { parameters, remote: told_address(former) })
}

/// Whether a stream of that transport is in the clear, unless keys stand beside it.
fn is_plain(transport: &MediaTransport) -> bool {
    matches!(transport, MediaTransport::RtpAvp | MediaTransport::RtpAvpf)
}

/// Whether a stream of that transport is protected by keys of its description.
pub(super) fn is_secure(transport: &MediaTransport) -> bool {
    matches!(transport, MediaTransport::RtpSavp | MediaTransport::RtpSavpf)
}

/// Whether a stream of that transport is protected by keys that come about in it.
pub(super) fn is_handshaken(transport: &MediaTransport) -> bool {
    matches!(transport, MediaTransport::UdpTlsRtpSavp | MediaTransport::UdpTlsRtpSavpf)
}

fn write(section: &mut MediaSection, line: &Crypto) {
    if let Some(text) = line.text() {
        section.attributes.push(Attribute::value(Text::literal("crypto"), text));
    }
}
