//! Two legs that have no sound in common: what each of them is told so that sound can be transcoded between them.
//!
//! | what | then |
//! |---|---|
//! | a leg that is tried refuses what the caller can | it is offered our formats, too |
//! | an offer shares nothing with the far side | it is answered one format of its own |
//! | an offer of ours answers an INVITE without one | ours stand behind the far side's |
//! | a leg that talks refuses the other one's formats | it keeps its own |

use super::call::Call;
use super::leg::{Leg, LegId, Peer};
use super::purpose::Purpose;
use super::turn::Turn;
use crate::limits::LEG_WITHIN;
use crate::negotiation::{Terms, own_codecs, share_sound};
use router::parameter::{Codec, LegPhase, LegState, MediaDescription, MediaExchange};
use router::{Command, one};

impl Call {
    /// What a leg's peer is offered beside what the other one can.
    fn beside(&self, leg: &Leg) -> &[Codec] {
        match &leg.peer {
            Peer::Account(name) => self.config.transcoding.of_account(name),
            Peer::Trunk(name) => self.config.transcoding.of_trunk(name),
            // That platform sees to its own peers.
            Peer::Platform(_) => &[],
        }
    }

    /// What a leg that is tried is offered; `None`: it is asked for an offer.
    pub(super) fn terms_to_ring(&self, leg: LegId) -> Option<Terms> {
        let waiting = self.search.as_ref()?.waiting.map(|waiting| &self.legs[waiting]);
        let terms = match waiting {
            None => Terms::of_codecs(own_codecs()),
            Some(waiting) if waiting.is_answered() => {
                let codecs = waiting.medium.capabilities().to_vec();
                Terms { keys: waiting.medium.keys, ..Terms::of_codecs(codecs) }
            }
            Some(Leg { medium, .. }) => {
                // One that came without an offer may have agreed to another's early one.
                let terms = medium.asked_terms().or_else(|| medium.agreement().map(|agreement| agreement.terms()));
                match (terms, &self.legs[leg].peer) {
                    (Some(terms), _) => terms,
                    (None, Peer::Trunk(trunk)) if self.wants_offers(trunk) => Terms::of_codecs(own_codecs()),
                    (None, _) => return None,
                }
            }
        };
        Some(if self.config.transcoding.at_once { self.widened(leg, terms) } else { terms })
    }

    fn wants_offers(&self, trunk: &str) -> bool {
        self.config.plan.trunk(trunk).is_some_and(|trunk| trunk.early_offer)
    }

    /// The same with our formats behind it: where it was refused without, or where there is no second offer, as it goes in an answer.
    pub(super) fn widened(&self, leg: LegId, terms: Terms) -> Terms {
        // Who has nothing that can be coded gains nothing by what the other one would choose.
        match self.config.transcoding.joins(&terms.codecs, &terms.codecs) {
            true => terms.widened(self.beside(&self.legs[leg])),
            false => terms,
        }
    }

    /// The same for a leg that talks already: where it shares nothing with the other one, what it has stays on offer.
    pub(super) fn widened_by_own(&self, leg: LegId, terms: Terms) -> Terms {
        match self.legs[leg].medium.agreement() {
            Some(own) if self.is_transcoded(&own.codecs, &terms.codecs) => {
                let own = own.codecs.clone();
                self.widened(leg, terms.widened(&own))
            }
            _ => terms,
        }
    }

    /// Whether sound has to be transcoded between these formats, and can be.
    pub(super) fn is_transcoded(&self, a: &[Codec], b: &[Codec]) -> bool {
        !share_sound(a, b) && self.config.transcoding.joins(a, b)
    }

    /// Whether a leg stays with its formats beside these: it is known to have none of them.
    pub(super) fn keeps_its_codecs(&self, leg: LegId, others: &[Codec]) -> bool {
        let medium = &self.legs[leg].medium;
        medium.agreement().is_some_and(|own| self.is_transcoded(&own.codecs, others)) && medium.lacks(others)
    }

    /// Our answer to a leg's offer: what it has in common with the far side, or else what can be transcoded. `None`: neither is there.
    pub(super) fn answer_by(&mut self, leg: LegId, terms: &Terms) -> Option<MediaDescription> {
        let answer = self.legs[leg].medium.answer(terms);
        if answer.is_some() || self.config.transcoding.served.is_empty() {
            return answer;
        }
        let may_be = !self.beside(&self.legs[leg]).is_empty() || matches!(self.legs[leg].peer, Peer::Platform(_));
        if may_be { self.legs[leg].medium.answer_transcoded(terms, &self.config.transcoding) } else { None }
    }

    /// A leg that is tried can do with nothing that it was offered, and waits whether there is something else.
    pub(super) fn first_offer_refused(&mut self, turn: &mut Turn<'_>, id: LegId) {
        self.trunk_responded(turn, id);
        self.legs[id].medium.offer_refused();
        let widened = self.terms_to_ring(id).map(|terms| self.widened(id, terms));
        let medium = &mut self.legs[id].medium;
        let more = widened.filter(|terms| !medium.lacks(&terms.codecs));
        let media = more.and_then(|terms| medium.offer(&terms)).map(MediaExchange::Offer);
        let address = self.legs[id].address;
        let state = LegState::new(LegPhase::Trying).with_media(media);
        self.request(turn, address, Command::Set, one(state), LEG_WITHIN, Purpose::AnotherOffer);
    }
}
