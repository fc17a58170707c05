//! The offer/answer machine of one dialog (RFC 3264, RFC 6337).
//!
//! ```text
//!                      make_offer                      receive_offer
//!        ┌──────────────────────────────  Idle  ──────────────────────────────┐
//!        │                                                                     │
//!        ▼    roll_back: to what was before         to what was before        ▼
//!   LocalOfferPending ───────────────────▶   ◀─────────────────── RemoteOfferPending
//!        │  ▲ │ receive_answer(Early)                                     │    ▲
//!        │  │ └─┘                                                         │    │
//!        │  │ receive_answer(Final), settle_early            make_answer  │    │
//!        │  │                                                             │    │
//!        │  └─────── make_offer ───────  Established  ── receive_offer ───┼────┘
//!        └─────────────────────────────▶      ▲ ◀─────────────────────────┘
//! ```
//!
//! It carries no message and keeps no time. An INVITE without SDP is answered with [`OfferAnswer::make_offer`] in the
//! 200, and the ACK brings the answer. A request that forks is offered once, and the machine is cloned for each early
//! dialog that answers.

use std::net::IpAddr;

use bytes::Bytes;
use router::parameter::{IceCandidate, MediaDescription};

use super::agreement::{Agreement, Role};
use super::attribute::Attributes;
use super::bundle;
use super::extended_report::Asked;
use super::fault::{LocalFault, OfferAnswerError};
use super::hold::{HoldChange, hold_change, is_held, is_held_after};
use super::ice::{Answerings, Ice, OfferedWays};
use super::offer::Slot;
use super::origin::LocalOrigin;
use super::security::{Chosen, OfferedKeys, Security};
use super::session::SessionDescription;
use super::trickle::{self, Fragment};
use super::{answer, offer, typed};

/// One dialog's offers and answers.
#[derive(Clone, Debug)]
pub struct OfferAnswer {
    origin: LocalOrigin,
    security: Security,
    ice: Ice,
    /// Whether offers ask for reports on how we are heard.
    asks_for_metrics: bool,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Nothing was offered yet.
    Idle,
    /// Our offer is with the peer.
    LocalOfferPending(Box<LocalOffer>),
    /// The peer's offer is with us.
    RemoteOfferPending(Box<RemoteOffer>),
    /// The last offer was answered.
    Established(Box<Agreement>),
}

/// An unanswered offer of ours.
#[derive(Clone, Debug)]
struct LocalOffer {
    typed: MediaDescription,
    text: Bytes,
    slots: Vec<Slot>,
    /// Our keys, where there are some.
    keys: OfferedKeys,
    /// What we said of ways, where we did.
    ways: OfferedWays,
    /// What an unreliable provisional response has answered: in force until the final one.
    early: Option<Early>,
    previous: Option<Box<Agreement>>,
}

/// An answer that another may follow.
#[derive(Clone, Debug)]
struct Early {
    agreement: Agreement,
    /// The peer's description: what a repetition is compared with.
    session: SessionDescription,
}

/// An unanswered offer of the peer's.
#[derive(Clone, Debug)]
struct RemoteOffer {
    typed: MediaDescription,
    session: SessionDescription,
    /// The lines of keys that are answered.
    chosen: Chosen,
    /// What the answer says of ways.
    ways: Answerings,
    previous: Option<Box<Agreement>>,
}

/// Where a machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferAnswerState {
    /// Nothing was offered yet.
    Idle,
    /// Our offer is with the peer.
    LocalOfferPending,
    /// The peer's offer is with us.
    RemoteOfferPending,
    /// The last offer was answered.
    Established,
}

/// The peer's offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// What it offers. Streams that are not served are in it; the answer refuses them whatever it is made from.
    pub description: MediaDescription,
    /// Whether it says what the peer last said: a session refresh, which concerns nobody else.
    pub is_unchanged: bool,
    /// Whether the peer holds or retrieves by it.
    pub hold: Option<HoldChange>,
}

/// What kind of message brings an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// A provisional response without 100rel: a preview of the answer, and another may come (RFC 6337 §3.1.1).
    Early,
    /// A 2xx, a reliable provisional response, an ACK or a PRACK.
    Final,
}

/// What an answer has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It is in force now.
    Agreed,
    /// It said what an earlier one had said; it is final now if it was not.
    Repeated,
    /// It came after the final answer, and was passed over unread (RFC 3261 §13.2.1).
    Ignored,
}

impl OfferAnswer {
    /// A machine for a dialog. `session_id` is unpredictable; `address` is what our `o=` line says for the life of the
    /// dialog: the advertised address of the listener.
    pub fn new(session_id: u64, address: IpAddr) -> OfferAnswer {
        let origin = LocalOrigin::new(session_id, address);
        OfferAnswer { origin, security: Security::NONE, ice: Ice::NONE, asks_for_metrics: false, state: State::Idle }
    }

    /// The same, with media that may or must be secured.
    pub fn with_security(self, security: Security) -> OfferAnswer {
        OfferAnswer { security, ..self }
    }

    /// The same, where ways to the peer may or must be looked for.
    pub fn with_ice(self, ice: Ice) -> OfferAnswer {
        OfferAnswer { ice, ..self }
    }

    /// The same, whose offers ask for reports on how we are heard, or do not (RFC 3611 §5). Who asks for such is answered in any case.
    pub fn with_metrics(self, asks_for_metrics: bool) -> OfferAnswer {
        OfferAnswer { asks_for_metrics, ..self }
    }

    /// Whether the peer may name candidates later: ways to it are looked for, or were offered, by checks of ours.
    pub fn takes_candidates(&self) -> bool {
        let seeks = |remote: &MediaDescription| remote.streams.iter().any(|stream| stream.ice.is_some());
        self.ice.sends_checks()
            && match &self.state {
                State::Idle => false,
                State::LocalOfferPending(offer) => !offer.ways.is_empty(),
                State::RemoteOfferPending(offer) => seeks(&offer.typed),
                State::Established(agreement) => seeks(&agreement.remote),
            }
    }

    /// The peer names candidates after its description; those that are new, of the first stream that they are of.
    pub fn add_candidates(&mut self, fragment: &Fragment) -> Vec<IceCandidate> {
        let remote = match &mut self.state {
            State::RemoteOfferPending(offer) => &mut offer.typed,
            State::Established(agreement) => &mut agreement.remote,
            // They are of who has these names, not of one exchange: an offer of ours leaves what is in force as it is.
            State::LocalOfferPending(offer) => match (&mut offer.early, &mut offer.previous) {
                (Some(early), _) => &mut early.agreement.remote,
                (None, Some(previous)) => &mut previous.remote,
                (None, None) => return Vec::new(),
            },
            State::Idle => return Vec::new(),
        };
        let sought = remote.streams.iter_mut().filter_map(|stream| stream.ice.as_deref_mut());
        sought.map(|ice| trickle::add(ice, fragment)).find(|added| !added.is_empty()).unwrap_or_default()
    }

    /// Where the machine stands.
    pub fn state(&self) -> OfferAnswerState {
        match self.state {
            State::Idle => OfferAnswerState::Idle,
            State::LocalOfferPending(_) => OfferAnswerState::LocalOfferPending,
            State::RemoteOfferPending(_) => OfferAnswerState::RemoteOfferPending,
            State::Established(_) => OfferAnswerState::Established,
        }
    }

    /// What is in force: the early answer to a pending offer, or else the last agreement.
    pub fn agreement(&self) -> Option<&Agreement> {
        match &self.state {
            State::Idle => None,
            State::LocalOfferPending(offer) => {
                offer.early.as_ref().map(|early| &early.agreement).or(offer.previous.as_deref())
            }
            State::RemoteOfferPending(offer) => offer.previous.as_deref(),
            State::Established(agreement) => Some(agreement),
        }
    }

    /// The peer's unanswered offer.
    pub fn remote_offer(&self) -> Option<&MediaDescription> {
        match &self.state {
            State::RemoteOfferPending(offer) => Some(&offer.typed),
            _ => None,
        }
    }

    /// Our unanswered offer, with the payload types that it was given.
    pub fn local_offer(&self) -> Option<&MediaDescription> {
        match &self.state {
            State::LocalOfferPending(offer) => Some(&offer.typed),
            _ => None,
        }
    }

    /// The text that we sent last and that stands: our pending offer, or our part of the agreement. A 200 repeats with
    /// it what a 183 answered.
    pub fn local_text(&self) -> Option<&Bytes> {
        match &self.state {
            State::LocalOfferPending(offer) => Some(&offer.text),
            _ => self.agreement().map(Agreement::local_text),
        }
    }

    /// Offers these streams; gives the text to send.
    ///
    /// Stream *i* takes `m=` line *i*. Lines beyond the description, and streams without an address, are offered at
    /// port 0, for lines never go away; a stream in the place of an ended one takes that place (RFC 3264 §8.1). Payload
    /// types in the description are suggestions.
    ///
    /// # Errors
    /// [`OfferAnswerError::Local`]: an offer is pending, nothing would be offered, or what is to be offered cannot be
    /// written.
    pub fn make_offer(&mut self, description: &MediaDescription) -> Result<Bytes, OfferAnswerError> {
        let (mut slots, before) = match &self.state {
            State::Idle => (Vec::new(), None),
            State::Established(agreement) => (agreement.slots.clone(), Some(&**agreement)),
            _ => return Err(LocalFault::OfferPending.into()),
        };
        let mut sections = offer::sections(&mut slots, description, before)?;
        let keys = self.security.offer(&mut slots, &mut sections, before)?;
        let ways = self.ice.offer(&mut sections, description, before);
        for (index, (section, address)) in sections.iter_mut().enumerate() {
            // What is agreed goes on.
            let agreed = || before.and_then(|before| before.remote.streams.get(index)).map(Asked::of);
            let asked = if self.asks_for_metrics { Some(Asked::ALL) } else { agreed() };
            if let Some(asked) = asked.filter(|_| address.is_some()) {
                asked.write(section);
            }
        }
        let mut attributes = self.ice.session_level(!ways.is_empty());
        bundle::write(&mut attributes, &slots, &sections);
        let (session, text) = self.origin.compose(sections, attributes);
        Ok(self.offered(&session, text, slots, keys, ways))
    }

    /// Offers what we last said once more, unchanged: a session refresh (RFC 4028 §7.4), or the probe of a peer that is
    /// to say where it stands.
    ///
    /// # Errors
    /// [`OfferAnswerError::Local`]: an offer is pending, nothing was agreed, or no stream is left.
    pub fn repeat_offer(&mut self) -> Result<Bytes, OfferAnswerError> {
        let (session, text, slots, ways) = match &self.state {
            State::Idle => return Err(LocalFault::NothingAgreed.into()),
            State::Established(agreement) => {
                if agreement.local.streams.iter().all(|stream| stream.rtp.is_none()) {
                    return Err(LocalFault::NothingOffered.into());
                }
                let mut said = SessionDescription::parse(&agreement.local_text)?;
                let ways = Ice::repeated(&mut said);
                let (session, text) = self.origin.repeat(&said);
                (session, text, agreement.slots.clone(), ways)
            }
            _ => return Err(LocalFault::OfferPending.into()),
        };
        let keys = Security::repeated(&session);
        Ok(self.offered(&session, text, slots, keys, ways))
    }

    fn offered(
        &mut self,
        session: &SessionDescription,
        text: Bytes,
        slots: Vec<Slot>,
        keys: OfferedKeys,
        ways: OfferedWays,
    ) -> Bytes {
        let previous = self.take_agreement();
        let typed = typed::describe(session);
        let offer = LocalOffer { typed, text: text.clone(), slots, keys, ways, early: None, previous };
        self.state = State::LocalOfferPending(Box::new(offer));
        text
    }

    /// Takes the peer's offer.
    ///
    /// # Errors
    /// [`OfferAnswerError::Glare`] (491) while ours is pending, [`OfferAnswerError::OfferPending`] (500) while the
    /// peer's former one is, [`OfferAnswerError::Malformed`] (400), and [`OfferAnswerError::NotAcceptable`] (488) if
    /// nothing of it can be served.
    pub fn receive_offer(&mut self, text: &[u8]) -> Result<Offered, OfferAnswerError> {
        match self.state {
            State::LocalOfferPending(_) => return Err(OfferAnswerError::Glare),
            State::RemoteOfferPending(_) => return Err(OfferAnswerError::OfferPending),
            State::Idle | State::Established(_) => {}
        }
        let session = SessionDescription::parse(text)?;
        let mut typed = typed::describe(&session);
        for (index, stream) in typed.streams.iter_mut().enumerate() {
            typed::keep_reachable(stream, self.own_address(index));
        }
        let previous = match &self.state {
            State::Established(agreement) => Some(&**agreement),
            _ => None,
        };
        let ways = self.ice.consider(&session, &mut typed, previous).map_err(OfferAnswerError::NotAcceptable)?;
        let chosen = self.security.consider(&session, &mut typed, previous).map_err(OfferAnswerError::NotAcceptable)?;
        let before = self.agreement().map(Agreement::remote);
        if let Some(reason) = answer::unacceptable(&session, &typed, before.is_some()) {
            return Err(OfferAnswerError::NotAcceptable(reason));
        }
        let offered = Offered {
            is_unchanged: before == Some(&typed),
            hold: hold_change(self.agreement().is_some_and(Agreement::peer_holds), is_held(&typed)),
            description: typed.clone(),
        };
        let previous = self.take_agreement();
        self.state = State::RemoteOfferPending(Box::new(RemoteOffer { typed, session, chosen, ways, previous }));
        Ok(offered)
    }

    /// Answers the peer's offer with these streams; gives the text to send.
    ///
    /// Stream *i* answers `m=` line *i*; one that is missing, or has no address, is refused. The answer keeps to what
    /// the offer permits: its payload types, its codecs, its direction.
    ///
    /// # Errors
    /// [`OfferAnswerError::NotAcceptable`] if nothing is left of the offer; it is still pending then, for
    /// [`OfferAnswer::roll_back`] or another try. [`OfferAnswerError::Local`] if there is no offer, or what is to be
    /// answered cannot be written.
    pub fn make_answer(&mut self, description: &MediaDescription) -> Result<Bytes, OfferAnswerError> {
        let State::RemoteOfferPending(offer) = &self.state else { return Err(LocalFault::NoOffer.into()) };
        let former = offer.previous.as_ref().map_or(&[][..], |previous| &previous.slots);
        let (mut sections, slots) = answer::sections(former, &offer.session, &offer.typed, description)?;
        self.security.answer(&offer.chosen, &offer.typed, &mut sections);
        Ice::answer(&offer.ways, &mut sections, description);
        let has_ways = offer.typed.streams.iter().any(|stream| stream.ice.is_some());
        let mut attributes = self.ice.session_level(has_ways);
        bundle::write(&mut attributes, &slots, &sections);
        let (local_session, text) = self.origin.compose(sections, attributes);
        let agreement = Agreement {
            role: Role::Answerer,
            local: typed::describe(&local_session),
            remote: offer.typed.clone(),
            local_text: text.clone(),
            slots,
            peer_holds: is_held(&offer.typed),
        };
        self.state = State::Established(Box::new(agreement));
        Ok(text)
    }

    /// Answers the peer's offer by refusing every stream, which no agreement follows from: what was agreed before is in force
    /// again. For an ACK that must answer and is followed by BYE (RFC 3261 §13.2.2.4).
    ///
    /// # Errors
    /// [`OfferAnswerError::Local`] if there is no offer.
    pub fn refuse_offer(&mut self) -> Result<Bytes, OfferAnswerError> {
        let State::RemoteOfferPending(offer) = &self.state else { return Err(LocalFault::NoOffer.into()) };
        let (_, text) = self.origin.compose(answer::refusals(&offer.session), Attributes::default());
        self.roll_back();
        Ok(text)
    }

    /// The answer to an offer that is not considered at all: each of its streams is refused (RFC 3264 §6). Nothing is
    /// agreed by it.
    ///
    /// # Errors
    /// [`OfferAnswerError::Malformed`].
    pub fn refuse(&mut self, text: &[u8]) -> Result<Bytes, OfferAnswerError> {
        let offer = SessionDescription::parse(text)?;
        let (_, text) = self.origin.compose(answer::refusals(&offer), Attributes::default());
        Ok(text)
    }

    /// Takes the peer's answer.
    ///
    /// A response to an INVITE may repeat the answer of an earlier one. After an [`AnswerKind::Early`] one the latest
    /// counts, as carriers change the source of their announcements; after a final one nothing does.
    ///
    /// # Errors
    /// [`OfferAnswerError::UnexpectedAnswer`], [`OfferAnswerError::Malformed`], [`OfferAnswerError::AnswerMismatch`].
    pub fn receive_answer(&mut self, text: &[u8], kind: AnswerKind) -> Result<Answered, OfferAnswerError> {
        match &mut self.state {
            State::LocalOfferPending(offer) => {
                let answered = offer.take(text, &self.security, &self.ice)?;
                if kind == AnswerKind::Final {
                    self.settle_early()?;
                }
                Ok(answered)
            }
            State::Established(agreement) if agreement.role == Role::Offerer => Ok(Answered::Ignored),
            State::Idle | State::RemoteOfferPending(_) | State::Established(_) => {
                Err(OfferAnswerError::UnexpectedAnswer)
            }
        }
    }

    /// Makes the early answer final: for a 2xx without SDP after a provisional response that had it, which is against
    /// RFC 3261 §13.3.1.4 and common.
    ///
    /// # Errors
    /// [`OfferAnswerError::AnswerMissing`] if there is no early answer, [`OfferAnswerError::UnexpectedAnswer`] if there
    /// is no offer of ours.
    pub fn settle_early(&mut self) -> Result<(), OfferAnswerError> {
        let State::LocalOfferPending(offer) = &mut self.state else { return Err(OfferAnswerError::UnexpectedAnswer) };
        let early = offer.early.take().ok_or(OfferAnswerError::AnswerMissing)?;
        self.state = State::Established(Box::new(early.agreement));
        Ok(())
    }

    /// Takes back the pending offer, whoever made it: it was refused, cancelled, timed out, or met another. What was
    /// agreed before is in force again (RFC 6337 §3.4). Tells whether an offer was pending.
    pub fn roll_back(&mut self) -> bool {
        let previous = match &mut self.state {
            State::LocalOfferPending(offer) => offer.previous.take(),
            State::RemoteOfferPending(offer) => offer.previous.take(),
            State::Idle | State::Established(_) => return false,
        };
        self.state = previous.map_or(State::Idle, State::Established);
        true
    }

    /// Our side of a stream: where we receive it, or until that is agreed the address of the dialog.
    fn own_address(&self, index: usize) -> IpAddr {
        let receives = |agreement: &Agreement| agreement.local.streams.get(index)?.rtp;
        self.agreement().and_then(receives).map_or(self.origin.address(), |rtp| rtp.ip())
    }

    /// Takes the agreement out of an idle or established machine, whose state is replaced next.
    fn take_agreement(&mut self) -> Option<Box<Agreement>> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Established(agreement) => Some(agreement),
            State::Idle | State::LocalOfferPending(_) | State::RemoteOfferPending(_) => None,
        }
    }
}

impl LocalOffer {
    /// Makes this answer the early one.
    fn take(&mut self, text: &[u8], security: &Security, ice: &Ice) -> Result<Answered, OfferAnswerError> {
        let session = SessionDescription::parse(text)?;
        if self.early.as_ref().is_some_and(|early| early.session == session) {
            return Ok(Answered::Repeated);
        }
        let mut answer = typed::describe_answer(&session, &self.typed);
        for (stream, offered) in answer.streams.iter_mut().zip(&self.typed.streams) {
            if let Some(own) = offered.rtp {
                typed::keep_reachable(stream, own.ip());
            }
        }
        let mut remote = answer::permitted(&self.typed, answer).map_err(OfferAnswerError::AnswerMismatch)?;
        let before = self.early.as_ref().map(|early| &early.agreement).or(self.previous.as_deref());
        ice.conclude(&self.ways, &session, &mut remote, before).map_err(OfferAnswerError::AnswerMismatch)?;
        security.conclude(&self.keys, &session, &mut remote, before).map_err(OfferAnswerError::AnswerMismatch)?;
        let mut slots = self.slots.clone();
        for (slot, stream) in slots.iter_mut().zip(&remote.streams) {
            slot.types.reserve(&stream.codecs);
        }
        let held_before = self.previous.as_ref().is_some_and(|previous| previous.peer_holds);
        let peer_holds = is_held_after(held_before, &self.typed, &remote);
        let agreement = Agreement {
            role: Role::Offerer,
            local: self.typed.clone(),
            remote,
            local_text: self.text.clone(),
            slots,
            peer_holds,
        };
        self.early = Some(Early { agreement, session });
        Ok(Answered::Agreed)
    }
}
