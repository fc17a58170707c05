//! What legs, the client and the worker do.

use super::description::*;
use super::signaling::Leg;
use super::world::World;
use router::parameter::{
    Call, Cause, CauseKind, Codec, Dialog, Direction, Failure, LegPhase, LegState, MediaDescription, MediaExchange,
    Origin, Parameter, Party, Target,
};
use router::time::Duration;
use router::{Address, Command, Instance, ModuleKind, Parameters, one};
use std::net::{IpAddr, Ipv4Addr};

impl World {
    /// A leg of `from` calls `to` with this offer; the caller's leg.
    pub(crate) fn call_with(&mut self, from: &str, to: &str, offer: Option<MediaDescription>) -> Instance {
        self.call_into(from, to, offer, None)
    }

    /// The same, to take the place of the peer of a dialog.
    pub(crate) fn call_into(
        &mut self,
        from: &str,
        to: &str,
        offer: Option<MediaDescription>,
        dialog: Option<Dialog>,
    ) -> Instance {
        // `trunk:a=0049301234`: that number calls by it.
        let (from, number) = from.split_once('=').unwrap_or((from, from));
        self.calls += 1;
        let leg = self.signaling.mint();
        let call = Address::local(ModuleKind::Switch, 0).at(Instance(0x5000 + self.calls));
        let codecs = offer.as_ref().map_or(vec![pcmu()], |offer| offer.streams[0].codecs.clone());
        let request = Call {
            id: format!("call-{}", self.calls),
            origin: match from.strip_prefix("trunk:") {
                Some(trunk) => Origin::Trunk(trunk.into()),
                None => Origin::Account(from.into()),
            },
            caller: Party::new(number, "example.net"),
            anonymous: false,
            called: Party::new(to, "example.net"),
            media: offer.map(MediaExchange::Offer),
            hops: 69,
            interface: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            verified: true,
            referred_by: None,
            placement: None,
            path: Vec::new(),
            ring_ms: None,
            passed: None,
            secure: false,
            host: None,
            early_offer: self.early_offer,
            identity: None,
            leg_id: format!("caller-{}", self.calls),
        };
        self.signaling.legs.insert(
            leg,
            Leg {
                call,
                incoming: true,
                start: None,
                started: None,
                phase: LegPhase::Trying,
                cause: None,
                codecs,
                heard: None,
                direction: Direction::SendReceive,
            },
        );
        self.ask_with(leg, Command::Start, request, dialog);
        leg
    }

    /// A call in PCMU and telephone events.
    pub(crate) fn call(&mut self, from: &str, to: &str) -> Instance {
        self.call_with(from, to, Some(audio(4000, &[pcmu(), events()], Direction::SendReceive)))
    }

    /// A request of a leg to its call.
    pub(crate) fn ask(&mut self, leg: Instance, command: Command, parameter: impl Into<Parameter>) {
        self.ask_with(leg, command, parameter, None);
    }

    /// The same, with the dialog that it names.
    pub(crate) fn ask_with(
        &mut self,
        leg: Instance,
        command: Command,
        parameter: impl Into<Parameter>,
        dialog: Option<Dialog>,
    ) {
        let call = self.signaling.legs[&leg].call;
        let outbox = &mut self.signaling.place.outbox;
        let mut parameters = one(parameter);
        parameters.extend(dialog.map(Parameter::from));
        outbox.request(self.now.instant, leg, call, command, parameters, Duration::from_secs(400));
        self.settle();
    }

    /// A request of the client.
    pub(crate) fn ask_as_client(&mut self, destination: Address, command: Command, parameters: Parameters) {
        let outbox = &mut self.client.place.outbox;
        let source = Instance::MODULE;
        outbox.request(self.now.instant, source, destination, command, parameters, Duration::from_secs(400));
        self.settle();
    }

    /// The outgoing legs that are not over and not answered, in the order in which they were started.
    pub(crate) fn ringing(&self) -> Vec<Instance> {
        let legs = self.signaling.legs.iter();
        legs.filter(|(_, leg)| leg.start.is_some()).map(|(&leg, _)| leg).collect()
    }

    /// The only leg that rings.
    pub(crate) fn only(&self) -> Instance {
        let ringing = self.ringing();
        assert_eq!(ringing.len(), 1, "{ringing:?}");
        ringing[0]
    }

    pub(crate) fn target(&self, leg: Instance) -> String {
        match &self.signaling.legs[&leg].started.as_ref().unwrap().target {
            Target::Contact(contact) => contact.uri.reveal().clone(),
            Target::Trunk { name, number } => format!("{name}:{}", number.reveal()),
            Target::Uri(uri) => uri.reveal().clone(),
        }
    }

    /// The leg tells its progress.
    pub(crate) fn progress(&mut self, leg: Instance, state: LegState) {
        if let Some(start) = &self.signaling.legs[&leg].start {
            let progress = start.answer(Command::Progress, one(state));
            self.signaling.place.outbox.answer(progress);
        }
        self.settle();
    }

    pub(crate) fn ring(&mut self, leg: Instance) {
        self.progress(leg, LegState::new(LegPhase::Ringing));
    }

    /// The leg answers, in these formats.
    pub(crate) fn answer_with(&mut self, leg: Instance, codecs: &[Codec]) {
        let port = 6000 + (leg.0 % 1000) as u16 * 2;
        let Some(record) = self.signaling.legs.get_mut(&leg) else { return };
        let Some(start) = record.start.take() else { return };
        record.phase = LegPhase::Answered;
        record.codecs = codecs.to_vec();
        let media = match record.started.as_ref().and_then(|leg| leg.media.as_ref()) {
            Some(offer) => {
                answer_to(offer.description(), codecs, port, Direction::SendReceive).map(MediaExchange::Answer)
            }
            None => Some(MediaExchange::Offer(audio(port, codecs, Direction::SendReceive))),
        };
        let state = LegState::new(LegPhase::Answered).with_media(media);
        self.signaling.place.outbox.done(&start, one(state));
        self.settle();
    }

    pub(crate) fn answer(&mut self, leg: Instance) {
        self.answer_with(leg, &[pcmu(), events()]);
    }

    pub(crate) fn refuse(&mut self, leg: Instance, cause: impl Into<Cause>) {
        self.refuse_with(leg, Failure::because(cause.into()));
    }

    /// The same, with all that a failure can say.
    pub(crate) fn refuse_with(&mut self, leg: Instance, failure: Failure) {
        let Some(record) = self.signaling.legs.get_mut(&leg) else { return };
        let Some(start) = record.start.take() else { return };
        record.phase = LegPhase::Released;
        self.signaling.place.outbox.failed(&start, failure);
        self.settle();
    }

    /// The leg's peer hangs up.
    pub(crate) fn hang_up(&mut self, leg: Instance) {
        let phase = self.signaling.legs[&leg].phase;
        if phase == LegPhase::Released {
            return;
        }
        let cause = if phase == LegPhase::Answered { CauseKind::Normal } else { CauseKind::Cancelled };
        if let Some(leg) = self.signaling.legs.get_mut(&leg) {
            leg.phase = LegPhase::Released;
        }
        self.ask(leg, Command::Stop, LegState::released(cause));
    }

    /// The leg's peer offers anew.
    pub(crate) fn offer(&mut self, leg: Instance, codecs: &[Codec], direction: Direction) {
        let record = self.signaling.legs.get_mut(&leg).unwrap();
        record.direction = direction;
        let offer = MediaExchange::Offer(audio(4500, codecs, direction));
        self.ask(leg, Command::Set, LegState::new(LegPhase::Answered).with_media(Some(offer)));
    }

    /// A call that both ends have answered: the caller's leg and the callee's.
    pub(crate) fn connected(&mut self) -> (Instance, Instance) {
        let caller = self.call("alice", "bob");
        let callee = self.only();
        self.ring(callee);
        self.answer(callee);
        assert_eq!(self.signaling.legs[&caller].phase, LegPhase::Answered);
        (caller, callee)
    }
}

/// The dialog of a leg, as its peer names it.
pub(crate) fn dialog(leg: Instance) -> Dialog {
    let tag = || "a".to_owned();
    Dialog { leg_id: leg.0.to_string(), own_tag: tag(), peer_tag: tag(), early_only: false, at: None, join: false }
}
