//! The caller offers anew before there is an answer: in an UPDATE, or in a PRACK (RFC 3311 §5.1, RFC 3262 §5), once it has our answer to
//! its first offer for certain.

use super::Incoming;
use crate::message::{Header, StatusCode};
use crate::sdp::OfferAnswerState;
use crate::user_agent::body::{SDP, sdp_of};
use crate::user_agent::leg::{Head, Inbound, Purpose, State};
use crate::user_agent::means::Means;
use crate::user_agent::options::{ALLOW, SUPPORTED_IN_CALLS};
use crate::user_agent::reinvite::{refuse_pending, refuse_with, update_within};
use bytes::Bytes;
use router::parameter::{CauseKind, Failure, LegPhase, LegState, MediaExchange, Parameter};
use router::{Command, Packet, one};

/// Accepts an offer that was made in an early dialog.
pub(in crate::user_agent) fn accept_early(means: &mut Means, inbound: &Inbound, contact: &str, body: &Bytes) {
    let Inbound { key, message, flow } = inbound;
    let tag = means.mint_tag();
    let response = means
        .response(message, flow, StatusCode::OK, &tag)
        .header(Header::Contact, contact)
        .header(Header::Allow, ALLOW)
        .header(Header::Supported, SUPPORTED_IN_CALLS)
        .body(SDP, body);
    means.respond(*key, response);
}

/// Passes an offer that was made in an early dialog to the call.
pub(in crate::user_agent) fn ask_early(head: &mut Head, means: &mut Means, inbound: &Inbound, offer: MediaExchange) {
    let host = Some(inbound.flow.remote.ip().to_canonical());
    let state = LegState { host, ..LegState::new(LegPhase::Early).with_media(Some(offer)) };
    // An UPDATE or PRACK, which is not waited for longer.
    let within = update_within(means);
    head.request(means, Command::Set, one(state), within, Purpose::Offer);
}

/// The call's answer to such an offer.
pub(in crate::user_agent) fn answer_in(packet: &Packet) -> Result<&router::parameter::MediaDescription, Failure> {
    match (packet.command, packet.parameters.first()) {
        (Command::Done, Some(Parameter::LegState(state))) => match &state.media {
            Some(MediaExchange::Answer(answer)) => Ok(answer),
            _ => Err(Failure::because(CauseKind::Internal.into())),
        },
        (Command::Done, _) => Err(Failure::because(CauseKind::Internal.into())),
        _ => Err(packet.failure()),
    }
}

impl Incoming {
    /// Looks at an offer of the caller's.
    pub(super) fn consider_early(&mut self, head: &mut Head, means: &mut Means, inbound: Inbound) {
        let settled = self.provisional.has_described() && self.media.state() == OfferAnswerState::Established;
        // RFC 3311 §5.2: its former offer has no answer yet.
        if !settled || self.theirs.is_some() {
            return refuse_pending(means, &inbound);
        }
        let Some(text) = sdp_of(&inbound.message) else { return };
        let offer = match self.media.receive_offer(&text) {
            Ok(offer) => offer,
            Err(error) => return super::refuse_offer(means, &inbound, &error),
        };
        if offer.is_unchanged
            && let Some(local) = self.media.agreement().map(|agreement| agreement.local().clone())
            && let Ok(body) = self.media.make_answer(&local)
        {
            return accept_early(means, &inbound, self.dialog.contact(), &body);
        }
        ask_early(head, means, &inbound, MediaExchange::Offer(offer.description));
        self.theirs = Some(Box::new(inbound));
    }

    /// The call's word on it.
    pub(in crate::user_agent) fn early_offer_decided(
        mut self: Box<Self>,
        head: &mut Head,
        means: &mut Means,
        packet: &Packet,
    ) -> State {
        let Some(inbound) = self.theirs.take() else { return State::Incoming(self) };
        let made = answer_in(packet).and_then(|answer| {
            let incompatible = |_| Failure::because(CauseKind::IncompatibleMedia.into());
            self.media.make_answer(answer).map_err(incompatible)
        });
        match made {
            Ok(body) => accept_early(means, &inbound, self.dialog.contact(), &body),
            Err(failure) => {
                self.media.roll_back();
                refuse_with(means, &inbound, &failure);
            }
        }
        self.go_on(head, means)
    }
}
