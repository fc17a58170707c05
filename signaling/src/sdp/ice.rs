//! Ways that are looked for (ICE, RFC 8839): what a peer says of where it may be reached, what we say, and what a port is told of both.
//!
//! ```text
//!   a=ice-lite                                  session level: answers checks, sends none
//!   a=ice-options:ice2                          how it nominates (RFC 8445 §10), whether candidates follow later (trickle, RFC 8840)
//!   a=ice-ufrag:8hhY  a=ice-pwd:asd88fgpdd777uzjYhagZg        session or media level
//!   a=candidate:…     a=remote-candidates:…     see `candidate`
//!   a=ice-mismatch                              an answer's: somebody on the way has changed the address, so there are no checks
//! ```
//! Each leg is negotiated for its own peer; nothing of this crosses to another one.

use std::net::{IpAddr, SocketAddr};

use router::Random;
use router::parameter::{
    IceCandidate, IceCredentials, IceParameters, MediaDescription, MediaKind, MediaStream, ServedAddresses,
};
use sha2::{Digest as _, Sha512};

use super::agreement::Agreement;
use super::attribute::{Attribute, Attributes};
use super::candidate::{Candidate, CandidateKind, is_ice_char, remote_candidates};
use super::fault::{AnswerFault, Unacceptable};
use super::limits::SDP_CANDIDATES_MAX;
use super::media::MediaSection;
use super::offer::Sections;
use super::session::SessionDescription;
use super::text::{Text, words};
use crate::policy::Connectivity;

/// Octets of a fragment and of a password of ours: 48 and 144 bits (RFC 8445 §5.3 asks for 24 and 128).
const FRAGMENT_OCTETS: usize = 8;
const PASSWORD_OCTETS: usize = 24;

/// The priority of a candidate of ours (RFC 8445 §5.1.2.1): there is one of each kind. What a server relays is the last resort.
const fn priority(kind: CandidateKind, component: u16) -> u32 {
    let (preference, of_address) = match kind {
        CandidateKind::Host => (126, 0xffff),
        CandidateKind::ServerReflexive => (100, 0xffff),
        _ => (0, 0x7fff),
    };
    (preference << 24) + (of_address << 8) + 256 - component as u32
}

/// How a dialog looks for ways.
#[derive(Clone)]
pub struct Ice {
    policy: Connectivity,
    /// Whether we answer checks and send none.
    is_lite: bool,
    /// What our credentials are drawn from, and how many were.
    secret: [u8; 16],
    drawn: u32,
}

/// Nothing of the secret shows.
impl std::fmt::Debug for Ice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ice").field("policy", &self.policy).field("is_lite", &self.is_lite).finish_non_exhaustive()
    }
}

/// What the answer to a stream's offer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answering {
    /// Our credentials and candidates; and, to who may go on to name its own, that these are all.
    Ways { local: IceCredentials, are_all: bool },
    /// That somebody has changed the address on the way.
    Mismatch,
}

/// What is answered, of which stream.
pub(super) type Answerings = Vec<(usize, Answering)>;

/// Our credentials in an offer, of which stream.
pub(super) type OfferedWays = Vec<(usize, IceCredentials)>;

/// What a peer says of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Described {
    remote: IceCredentials,
    candidates: Vec<Candidate>,
    is_lite: bool,
    /// `ice2`
    nominates_once: bool,
    /// `trickle`
    trickles: bool,
    /// Whether its default address is one of its candidates, as far as that can be said.
    is_whole: bool,
}

impl Described {
    /// What is said of a section, whose stream is as its addresses tell. `None`: no ways are to be looked for.
    fn of(session: &SessionDescription, section: &MediaSection, stream: &MediaStream) -> Option<Self> {
        if !section.attributes.has("ice-ufrag") && !session.attributes.has("ice-ufrag") {
            return None;
        }
        let said =
            |name: &str| section.attributes.values(name).next().or_else(|| session.attributes.values(name).next());
        let fragment = credential(said("ice-ufrag")?, 4)?;
        let password = credential(said("ice-pwd")?, 22)?;
        let has_option = |option: &[u8]| {
            let values = section.attributes.values("ice-options").chain(session.attributes.values("ice-options"));
            values.flat_map(|value| words(value.as_bytes())).any(|word| word == option)
        };
        let trickles = has_option(b"trickle");
        let lines = section.attributes.values("candidate");
        let candidates: Vec<Candidate> = lines.take(SDP_CANDIDATES_MAX).filter_map(Candidate::parse).collect();
        if !trickles && !section.attributes.has("candidate") {
            return None;
        }
        let is_whole = !section.attributes.has("ice-mismatch") && is_whole(session, section, stream, &candidates);
        Some(Self {
            remote: IceCredentials { fragment, password },
            candidates,
            is_lite: session.attributes.has("ice-lite"),
            nominates_once: has_option(b"ice2"),
            trickles,
            is_whole,
        })
    }
}

/// Whether the address of a stream is one of its candidates (RFC 8839 §4.2.5). One that is nowhere is to be found by its checks; what has a name is not
/// looked up.
fn is_whole(
    session: &SessionDescription,
    section: &MediaSection,
    stream: &MediaStream,
    candidates: &[Candidate],
) -> bool {
    let Some(rtp) = stream.rtp else { return false };
    if rtp.ip().is_unspecified() {
        let connection = session.connection_of(section);
        return connection.is_none_or(|connection| connection.ip().is_some() || connection.is_nowhere());
    }
    let of = |component: u16| candidates.iter().filter(move |candidate| candidate.component == component);
    let next = || rtp.port().checked_add(1).map(|port| SocketAddr::new(rtp.ip(), port));
    let rtcp = stream.rtcp.or_else(next).filter(|rtcp| !rtcp.ip().is_unspecified() && !stream.rtcp_mux);
    let has_rtcp = rtcp.is_none_or(|rtcp| of(2).next().is_none() || of(2).any(|candidate| candidate.address == rtcp));
    has_rtcp && of(1).any(|candidate| candidate.address == rtp)
}

/// A fragment or a password, of at least so many octets (RFC 8839 §5.4).
fn credential(value: &Text, least: usize) -> Option<String> {
    let octets = value.as_bytes().trim_ascii();
    let is_one = (least..=256).contains(&octets.len()) && octets.iter().copied().all(is_ice_char);
    is_one.then(|| String::from_utf8_lossy(octets).into_owned())
}

impl Ice {
    /// No ways are looked for.
    pub const NONE: Self = Self { policy: Connectivity::Never, is_lite: true, secret: [0; 16], drawn: 0 };

    /// By a policy. `is_lite`: we are reached where our media is, so that answering is enough.
    pub fn new(policy: Connectivity, is_lite: bool, random: &mut Random) -> Self {
        if policy == Connectivity::Never {
            return Self::NONE;
        }
        let mut secret = [0; 16];
        random.fill(&mut secret);
        Self { policy, is_lite, secret, drawn: 0 }
    }

    /// Whether we send checks of our own.
    pub(super) fn sends_checks(&self) -> bool {
        self.policy != Connectivity::Never && !self.is_lite
    }

    /// Credentials of ours that nobody has seen.
    fn draw(&mut self) -> IceCredentials {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        self.drawn += 1;
        let octets = Sha512::new().chain_update(self.secret).chain_update(self.drawn.to_be_bytes()).finalize();
        let mut letters = octets.iter().map(|octet| char::from(ALPHABET[usize::from(octet & 63)]));
        let fragment = letters.by_ref().take(FRAGMENT_OCTETS).collect();
        IceCredentials { fragment, password: letters.take(PASSWORD_OCTETS).collect() }
    }

    /// Reads what the peer's offer says: its streams get what their ports are to know. Those that policy forbids lose their address, and with it their
    /// place in the answer.
    ///
    /// # Errors
    /// [`Unacceptable::Ways`]: nothing is left, for this.
    pub(super) fn consider(
        &mut self,
        session: &SessionDescription,
        offer: &mut MediaDescription,
        before: Option<&Agreement>,
    ) -> Result<Answerings, Unacceptable> {
        let mut answerings = Answerings::new();
        if self.policy == Connectivity::Never {
            return Ok(answerings);
        }
        let (mut is_left, mut is_refused) = (false, false);
        for (index, (section, stream)) in session.media.iter().zip(&mut offer.streams).enumerate() {
            if stream.kind != MediaKind::Audio || stream.rtp.is_none() {
                continue;
            }
            let described = Described::of(session, section, stream);
            let is_mismatched = described.as_ref().is_some_and(|described| !described.is_whole);
            match described.filter(|described| described.is_whole) {
                Some(described) => {
                    let former = before.and_then(|before| before.remote.streams.get(index)?.ice.as_deref());
                    let is_controlling =
                        self.role_kept(former, &described).unwrap_or(!self.is_lite && described.is_lite);
                    // Who asks with other credentials than before begins anew, and so do we (RFC 8839 §4.4.1.1.1).
                    let former = former.filter(|former| former.remote == described.remote);
                    let local = former.map_or_else(|| self.draw(), |former| former.local.clone());
                    if section.port == 9 && stream.rtp.is_some_and(|rtp| rtp.ip().is_unspecified()) {
                        // It has no address yet, which is no hold (RFC 8839 §4.2.1.2).
                        let said = section.direction().or(session.attributes.direction());
                        stream.direction = said.unwrap_or_default();
                    }
                    answerings.push((index, Answering::Ways { local: local.clone(), are_all: described.trickles }));
                    stream.ice = Some(Box::new(self.parameters(described, local, is_controlling)));
                    is_left = true;
                }
                None if self.policy == Connectivity::Must => {
                    (stream.rtp, stream.rtcp) = (None, None);
                    is_refused = true;
                }
                None => {
                    if is_mismatched {
                        answerings.push((index, Answering::Mismatch));
                    }
                    is_left = true;
                }
            }
        }
        if is_refused && !is_left { Err(Unacceptable::Ways) } else { Ok(answerings) }
    }

    /// Whether we control, where that was settled before: it stays so when all begins anew, unless one of both has become lite, or is no more
    /// (RFC 8445 §6.1.1).
    fn role_kept(&self, former: Option<&IceParameters>, described: &Described) -> Option<bool> {
        let former = former?;
        let is_same = former.is_lite == self.is_lite && former.is_remote_lite == described.is_lite;
        is_same.then_some(former.is_controlling)
    }

    fn parameters(&self, described: Described, local: IceCredentials, is_controlling: bool) -> IceParameters {
        let Described { remote, candidates, is_lite: is_remote_lite, nominates_once, .. } = described;
        let candidate = |candidate: Candidate| {
            let component = u8::try_from(candidate.component).ok().filter(|component| *component <= 2)?;
            Some(IceCandidate { component, priority: candidate.priority, address: candidate.address })
        };
        // Who sends no checks need not know where to.
        let candidates = if self.is_lite { Vec::new() } else { candidates.into_iter().filter_map(candidate).collect() };
        IceParameters {
            local,
            remote,
            candidates,
            is_lite: self.is_lite,
            is_remote_lite,
            is_controlling,
            nominates_once,
        }
    }

    /// Writes what we say into the sections of an answer.
    pub(super) fn answer(answerings: &Answerings, sections: &mut Sections, description: &MediaDescription) {
        for (index, answering) in answerings {
            let Some((section, Some(address))) = sections.get_mut(*index) else { continue };
            match answering {
                Answering::Ways { local, are_all } => {
                    // With RTCP on the same port there is no second component (RFC 8445 §13).
                    let has_rtcp = !section.rtcp_mux();
                    let served = description.streams.get(*index).and_then(|stream| stream.served.as_deref());
                    write(section, *address, local, has_rtcp, served);
                    if *are_all {
                        section.attributes.push(Attribute::property(Text::literal("end-of-candidates")));
                    }
                }
                Answering::Mismatch => section.attributes.push(Attribute::property(Text::literal("ice-mismatch"))),
            }
        }
    }

    /// Writes what we say into the sections of an offer: what is agreed goes on, or begins anew under other names where the description says so (RFC 8839
    /// §4.4.1.1.1); by policy it is offered for the first time.
    pub(super) fn offer(
        &mut self,
        sections: &mut Sections,
        description: &MediaDescription,
        before: Option<&Agreement>,
    ) -> OfferedWays {
        let mut offered = OfferedWays::new();
        if self.policy == Connectivity::Never {
            return offered;
        }
        for (index, (section, address)) in sections.iter_mut().enumerate() {
            let Some(address) = *address else { continue };
            let in_use = before.and_then(|before| {
                before.local.streams.get(index)?.rtp?;
                before.remote.streams.get(index).filter(|stream| stream.rtp.is_some())
            });
            let own = description.streams.get(index);
            let local = match in_use {
                Some(stream) if stream.ice.is_some() && own.is_some_and(|own| own.seeks_anew) => Some(self.draw()),
                // What was agreed without stays so until the peer asks for more.
                Some(stream) => stream.ice.as_ref().map(|ice| ice.local.clone()),
                None => matches!(self.policy, Connectivity::Offer | Connectivity::Must).then(|| self.draw()),
            };
            if let Some(local) = local {
                // Of RTCP that shares the port nothing is kept at a server.
                let shares = in_use.is_some_and(|stream| stream.rtcp_mux);
                let served = own.and_then(|own| own.served.as_deref().copied());
                let served = served.map(|served| match shares {
                    true => ServedAddresses { relayed_rtcp: None, reflexive_rtcp: None, ..served },
                    false => served,
                });
                write(section, address, &local, true, served.as_ref());
                let agreed = in_use.and_then(|stream| stream.ice.as_deref());
                if let Some(own) = own.filter(|_| agreed.is_some_and(|ice| ice.is_controlling && ice.local == local)) {
                    write_chosen(section, &own.chosen_ways);
                }
                offered.push((index, local));
            }
        }
        offered
    }

    /// What the session level of a description says that has ways in it, or none.
    pub(super) fn session_level(&self, has_ways: bool) -> Attributes {
        let mut attributes = Attributes::default();
        if has_ways {
            if self.is_lite {
                attributes.push(Attribute::property(Text::literal("ice-lite")));
            }
            // Who sends checks takes candidates that come later (RFC 8840 §4.1); ours are all there.
            let options = if self.is_lite { "ice2" } else { "ice2 trickle" };
            attributes.push(Attribute::value(Text::literal("ice-options"), Text::literal(options)));
        }
        attributes
    }

    /// What an offer has that repeats a text of ours. What an answer alone says is left out of it.
    pub(super) fn repeated(session: &mut SessionDescription) -> OfferedWays {
        let mut offered = OfferedWays::new();
        for (index, section) in session.media.iter_mut().enumerate() {
            let said = |name: &str| section.attributes.values(name).next().and_then(Text::as_str).map(str::to_owned);
            if let (Some(fragment), Some(password)) = (said("ice-ufrag"), said("ice-pwd")) {
                offered.push((index, IceCredentials { fragment, password }));
            }
            if section.attributes.has("ice-mismatch") {
                let kept = section.attributes.iter().filter(|attribute| !attribute.is("ice-mismatch"));
                section.attributes = kept.cloned().collect();
            }
        }
        offered
    }

    /// Reads what the peer's answer says to what was offered for each stream; `before` was agreed until then.
    ///
    /// # Errors
    /// [`AnswerFault::Ways`]: none is to be looked for, where one must be.
    pub(super) fn conclude(
        &self,
        offered: &OfferedWays,
        session: &SessionDescription,
        answer: &mut MediaDescription,
        before: Option<&Agreement>,
    ) -> Result<(), AnswerFault> {
        for (index, local) in offered {
            let (Some(section), Some(stream)) = (session.media.get(*index), answer.streams.get_mut(*index)) else {
                continue;
            };
            if stream.rtp.is_none() {
                continue;
            }
            let described = Described::of(session, section, stream).filter(|described| described.is_whole);
            let Some(described) = described else {
                if self.policy == Connectivity::Must {
                    return Err(AnswerFault::Ways);
                }
                continue;
            };
            let former = before.and_then(|before| before.remote.streams.get(*index)?.ice.as_deref());
            // Who offers controls, unless it is lite and the other one is not (RFC 8445 §6.1.1).
            let is_controlling = self.role_kept(former, &described).unwrap_or(!self.is_lite || described.is_lite);
            stream.ice = Some(Box::new(self.parameters(described, local.clone(), is_controlling)));
        }
        Ok(())
    }
}

/// The addresses of ours that the peer says it has chosen, by component. We have one for each, so that there is nothing to be waited for
/// (RFC 8839 §4.4.1.3.2).
pub fn chosen(section: &MediaSection) -> Vec<(u16, SocketAddr)> {
    section.attributes.values("remote-candidates").find_map(remote_candidates).unwrap_or_default()
}

/// Writes which of the peer's addresses we have chosen, a component each, so that whoever has not seen it by our checks yet learns it (RFC 8839 §4.4.1.2.2).
fn write_chosen(section: &mut MediaSection, addresses: &[SocketAddr]) {
    let triples = (1..)
        .zip(addresses)
        .map(|(component, address): (u16, _)| format!("{component} {} {}", address.ip(), address.port()));
    let triples: Vec<String> = triples.collect();
    if let Some(value) = Text::new(triples.join(" ").into_bytes()).filter(|_| !addresses.is_empty()) {
        section.attributes.push(Attribute::value(Text::literal("remote-candidates"), value));
    }
}

/// Writes our credentials and candidates into a section that is received at `address`, and at what servers have given.
fn write(
    section: &mut MediaSection,
    address: IpAddr,
    local: &IceCredentials,
    has_rtcp: bool,
    served: Option<&ServedAddresses>,
) {
    for (name, value) in [("ice-ufrag", &local.fragment), ("ice-pwd", &local.password)] {
        if let Some(value) = Text::new(value.clone().into_bytes()) {
            section.attributes.push(Attribute::value(Text::literal(name), value));
        }
    }
    let rtp = SocketAddr::new(address, section.port);
    let rtcp = || {
        let said = section.rtcp().map(|rtcp| SocketAddr::new(rtcp.address.unwrap_or(address), rtcp.port));
        said.or_else(|| Some(SocketAddr::new(address, section.port.checked_add(1)?)))
    };
    let none = ServedAddresses::default();
    let ServedAddresses { relayed_rtp, relayed_rtcp, reflexive_rtp, reflexive_rtcp } = served.unwrap_or(&none);
    let components = [
        (1, Some(rtp), *reflexive_rtp, *relayed_rtp),
        (2, if has_rtcp { rtcp() } else { None }, *reflexive_rtcp, *relayed_rtcp),
    ];
    for (component, host, reflexive, relayed) in components {
        let Some(host) = host else { continue };
        // Where no NAT is on the way the server sees what the host has (RFC 8445 §5.1.3).
        let reflexive = reflexive.filter(|reflexive| *reflexive != host);
        let candidates = [
            (CandidateKind::Host, Some(host), None),
            (CandidateKind::ServerReflexive, reflexive, Some(host)),
            (CandidateKind::Relayed, relayed, reflexive.or(Some(host))),
        ];
        for (kind, address, related) in candidates {
            let priority = priority(kind, component);
            let candidate = |address| Candidate { component, priority, address, kind };
            if let Some(value) = address.map(candidate).and_then(|candidate| candidate.write(related)) {
                section.attributes.push(Attribute::value(Text::literal("candidate"), value));
            }
        }
    }
}
