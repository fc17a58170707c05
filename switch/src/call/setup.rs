//! A leg asks for a call.

use super::asked::Asked;
use super::call::{Beginning, Call, refused};
use super::dialog::Seeking;
use super::leg::{Leg, LegId, Peer};
use super::platform::Remote;
use super::search::Search;
use super::timers::Timer;
use super::turn::Turn;
use crate::config::Config;
use crate::negotiation::Medium;
use crate::plan::trunk_of;
use router::parameter::{
    self, Behalf, CauseKind, Dialog, Failure, LegPhase, LegState, MediaExchange, Origin, Placement,
};
use router::time::Duration;
use router::{Instance, one};
use std::borrow::Cow;
use std::sync::Arc;

impl Call {
    /// The call that `asked` asks for, on its way.
    pub(crate) fn incoming(
        turn: &mut Turn<'_>,
        config: Arc<Config>,
        instance: Instance,
        asked: Asked,
        mut request: parameter::Call,
        remote: Option<Remote>,
        dialog: Option<Dialog>,
    ) -> Self {
        // That it is under way is news to a leg of ours; a switch elsewhere waits for what a callee says, and a packet that tells it nothing
        // would wake four threads on its way.
        if remote.is_none() {
            asked.progress(turn.outbox, one(LegState::new(LegPhase::Trying)));
        }
        if let Origin::Trunk(_) = request.origin
            && let Cow::Owned(canonical) = config.plan.canonical(request.caller.user(), &request.origin)
        {
            request.caller.user = canonical.into();
        }
        let identity = request.identity.take().map(|identity| *identity).unwrap_or_default();
        let mut diversions = identity.diversions;
        for diversion in &mut diversions {
            if let Cow::Owned(canonical) = config.plan.canonical(diversion.by.user(), &request.origin) {
                diversion.by.user = canonical.into();
            }
        }
        let peer = match (request.origin.behalf(), &request.origin, &remote) {
            (Behalf::Trunk, origin, Some(remote)) => Peer::Trunk(trunk_of(origin.name(), &remote.name)),
            (Behalf::Trunk, origin, None) => Peer::Trunk(origin.name().to_owned()),
            (Behalf::Account, origin, _) => Peer::Account(origin.name().to_owned()),
            (Behalf::Control, ..) => Peer::Account(request.caller.user().to_owned()),
        };
        let beginning = Beginning {
            instance,
            id: request.id,
            origin: request.origin.clone(),
            caller: request.caller.clone(),
            anonymous: request.anonymous,
            called: request.called.clone(),
            hops: request.hops,
            path: request.path,
        };
        let mut call = Self::new(turn, config, beginning);
        call.verdict = identity.verdict.map(Box::new);
        let near = call.add_leg(Leg {
            id: LegId(0),
            address: asked.source(),
            remote: remote.map(Box::new),
            incoming: true,
            phase: LegPhase::Trying,
            peer,
            party: request.caller.clone(),
            party_stated: true,
            verified: request.verified,
            hidden: request.anonymous,
            leg_id: request.leg_id,
            tags: None,
            interface: request.interface,
            host: request.host,
            wanted: None,
            asked: Some(asked),
            told: LegPhase::Trying,
            told_code: None,
            told_ringing: false,
            offered: turn.now.instant,
            rang: false,
            charge: None,
            medium: Medium::default(),
        });
        call.near = Some(near);
        call.conversation.caller = Some(near);
        call.begin(turn);
        call.audit_later(turn, near);
        let fault = match request.media {
            Some(MediaExchange::Offer(offer)) => {
                (!call.legs[near].medium.ask(offer)).then_some(CauseKind::IncompatibleMedia)
            }
            Some(MediaExchange::Answer(_)) => Some(CauseKind::PeerMisbehaved),
            None => {
                call.legs[near].medium.without_offer(request.early_offer);
                None
            }
        };
        let sought = match (dialog, &request.placement) {
            (Some(dialog), _) => Some(Seeking::of(dialog, None)),
            (None, Some(Placement::Dialog { dialog, sent })) => {
                Some(Seeking { placed: true, sent: *sent, ..Seeking::of(dialog.clone(), None) })
            }
            (None, _) => None,
        };
        match (fault, sought) {
            (Some(kind), _) => call.end(turn, kind.into(), None),
            (None, Some(seeking)) => call.seek(turn, seeking),
            (None, None) => {
                let mut search =
                    Search::new(Some(near), request.origin, request.caller, request.anonymous, request.called)
                        .verified(request.verified)
                        .referred_by(request.referred_by)
                        .passed(request.passed)
                        .diverted(diversions)
                        .secured(request.secure);
                search.urgent = call.config.plan.is_emergency(search.called.user());
                if let Some(placement) = &request.placement {
                    let timeout = request.ring_ms.map(|ring| Duration::from_millis(ring.into()));
                    search = search.placed(call.config.plan.placed(placement, timeout));
                }
                call.search_begin(turn, search);
            }
        }
        call
    }

    /// What every call begins with: its record, its count, its timer, a line in the log.
    pub(super) fn begin(&mut self, turn: &mut Turn<'_>) {
        turn.counters.started += 1;
        self.record_begun(turn);
        self.set_timer(turn, Timer::Setup, self.config.setup_timeout);
        self.log_started();
        self.publish(turn, None);
    }

    /// The same `Start × Call` again: the same state again.
    pub(super) fn call_repeated(&mut self, turn: &mut Turn<'_>, asked: Asked) {
        let Some(leg) = self.legs.at(asked.source()).filter(|&leg| self.legs[leg].incoming) else {
            return asked.failed(turn.outbox, refused("the call is another leg's"));
        };
        if let Some(ended) = &self.ended {
            let failure = Failure::because(ended.cause.clone());
            return asked.failed(turn.outbox, failure);
        }
        let leg = &mut self.legs[leg];
        match leg.phase {
            LegPhase::Answered => {
                let media = leg.medium.last_description();
                let state = LegState::new(LegPhase::Answered).with_media(media);
                asked.done(turn.outbox, one(state));
            }
            LegPhase::Released => {
                asked.failed(turn.outbox, Failure::because(CauseKind::Normal.into()));
            }
            _ => {
                asked.progress(turn.outbox, one(LegState::new(leg.told)));
                match &mut leg.asked {
                    Some(former) => former.superseded(turn.outbox, asked),
                    none => *none = Some(asked),
                }
            }
        }
    }
}
