//! A service of the media worker at the far side: echo, milliwatt, silence, a conference.

use super::call::{Call, Far};
use super::leg::LegId;
use super::renegotiation::Exchange;
use super::search::Stage;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::LEG_WITHIN;
use crate::negotiation::Terms;
use router::parameter::{BuiltinKind, CauseKind, Codec, LegPhase, LegState, MediaExchange};
use std::borrow::Cow;

impl Call {
    /// Opens the port of the leg that waits, if it has none yet. False: nobody waits who could hear a service.
    pub(super) fn try_service(&mut self, turn: &mut Turn<'_>, kind: BuiltinKind) -> bool {
        self.sought().destination = Some(service_name(kind).as_ref().into());
        let Some(search) = &mut self.search else { return false };
        let Some(waiting) = search.waiting else {
            search.note(CauseKind::Forbidden.into());
            return false;
        };
        search.stage = Stage::Opening { legs: Vec::new(), service: Some(kind) };
        if let BuiltinKind::Conference(name) = kind {
            return self.come_to(turn, waiting, name);
        }
        if self.legs[waiting].medium.address.is_some() {
            self.service_ready(turn, kind);
        } else {
            self.open_ports(turn, Vec::new());
        }
        true
    }

    /// The port is open: the service answers.
    pub(super) fn service_ready(&mut self, turn: &mut Turn<'_>, kind: BuiltinKind) {
        let Some(waiting) = self.search.as_ref().and_then(|search| search.waiting) else { return };
        if let BuiltinKind::Conference(name) = kind
            && !self.has_seat(waiting, kind)
        {
            return self.seat_wanted(turn, waiting, name);
        }
        let terms = Terms::of_codecs(self.services_for(waiting));
        let leg = &mut self.legs[waiting];
        let answered = leg.is_answered();
        let media = if answered {
            None
        } else if leg.medium.asked().is_none() {
            // What it was told early, of a leg that failed since, stands.
            leg.medium.last_description().or_else(|| leg.medium.offer(&terms).map(MediaExchange::Offer))
        } else if let Some(agreement) = leg.medium.agreement() {
            // Told early by a leg that failed since: it stands, and our formats follow by an offer.
            Some(MediaExchange::Answer(agreement.local.clone()))
        } else {
            leg.medium.answer(&terms).map(MediaExchange::Answer)
        };
        if media.is_none() && !answered {
            if let Some(search) = &mut self.search {
                search.note(CauseKind::IncompatibleMedia.into());
            }
            return self.search_on(turn);
        }
        self.search = None;
        self.cancel_timer(turn, Timer::Setup);
        let far = Far::Service(kind);
        match media {
            None if self.transferring.is_some() => self.transfer_succeeded(turn, far),
            None => self.origination_completed(turn, waiting, far),
            Some(media) => {
                self.far = far;
                let offered = matches!(media, MediaExchange::Offer(_));
                let conference = match kind {
                    BuiltinKind::Conference(name) => Some(Box::new(name)),
                    _ => None,
                };
                let state = LegState { conference, ..LegState::new(LegPhase::Answered).with_media(Some(media)) };
                self.answer_near(turn, waiting, state);
                if offered {
                    self.exchange = Some(Exchange::Answering { leg: waiting, deliver_to: None });
                    self.set_timer(turn, Timer::Answer, LEG_WITHIN);
                } else {
                    self.align_with(turn, waiting);
                }
            }
        }
    }
}

impl Call {
    /// What services speak to a leg, by its offer, or by what is known of it.
    pub(super) fn services_for(&self, leg: LegId) -> Vec<Codec> {
        let (services, medium) = (&self.config.services, &self.legs[leg].medium);
        match medium.asked_terms() {
            Some(terms) => services.for_offer(&terms.codecs),
            None if medium.capabilities().is_empty() => services.all(),
            None => services.for_offer(medium.capabilities()),
        }
    }
}

/// What a service is called in records and summaries.
pub(super) fn service_name(kind: BuiltinKind) -> Cow<'static, str> {
    Cow::Borrowed(match kind {
        BuiltinKind::Echo => "echo",
        BuiltinKind::Milliwatt => "milliwatt",
        BuiltinKind::Silence => "silence",
        BuiltinKind::Ringback => "ringback",
        BuiltinKind::Conference(name) => return Cow::Owned(format!("conference:{name}")),
    })
}
