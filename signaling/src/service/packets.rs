//! Packets: to a leg, or to the module itself.

use super::Signaling;
use crate::limits::LEGS_MAX;
use crate::user_agent::leg::Leg;
use router::parameter::{CauseKind, Failure, Parameter, Reason};
use router::{Command, Instance, Packet, Parameters, one};

impl Signaling {
    /// A request or a notification.
    pub(super) fn handle_packet(&mut self, packet: Packet) {
        let instance = packet.destination.instance;
        if instance == Instance::MODULE {
            return self.handle_module(packet);
        }
        if self.legs.contains(instance) {
            self.with_leg(instance, |leg, means| leg.handle_packet(means, packet));
            return;
        }
        match (packet.command, packet.first()) {
            (Command::Start, Some(Parameter::Leg(_))) => self.start_leg(packet),
            // It has ended already.
            (Command::Stop, Some(Parameter::LegState(_))) => self.means.outbox.done(&packet, Parameters::new()),
            (
                Command::Set | Command::Send | Command::Query,
                Some(
                    Parameter::LegState(_) | Parameter::Handover(_) | Parameter::Information(_) | Parameter::Digits(_),
                ),
            ) => {
                let failure = Failure::new(Reason::NotFound).with_detail("no such leg");
                self.means.outbox.failed(&packet, failure);
            }
            (Command::Notify, _) => {}
            _ => self.means.outbox.unsupported(&packet),
        }
    }

    fn start_leg(&mut self, mut packet: Packet) {
        if self.legs.len() >= LEGS_MAX {
            self.means.counters.legs_refused += 1;
            let failure = Failure::because(CauseKind::Congestion.into());
            return self.means.outbox.failed(&packet, failure);
        }
        let Parameter::Leg(wanted) = packet.parameters.remove(0) else { return };
        if let Some(leg) = Leg::outgoing(&mut self.means, &packet, *wanted) {
            self.keep_leg(leg);
        }
    }

    fn handle_module(&mut self, packet: Packet) {
        match (packet.command, packet.first()) {
            (Command::Query, Some(Parameter::Status(_))) => {
                let status = self.status();
                self.means.outbox.done(&packet, one(status));
            }
            (Command::Query, Some(Parameter::Registration(_))) => self.query_registrations(&packet),
            (Command::Query, Some(Parameter::Dialog(dialog))) => {
                let dialog = dialog.clone();
                self.query_dialog(&packet, &dialog);
            }
            (Command::Query, Some(Parameter::TrunkStatus(_))) => self.query_trunks(&packet),
            (Command::Query, Some(Parameter::TraceEntry(_))) => self.query_trace(&packet),
            (Command::Query, Some(Parameter::NumberLookup(_))) => self.query_number(packet),
            (Command::Query, Some(Parameter::Ban(_))) => self.query_bans(&packet),
            (Command::Close, Some(Parameter::Ban(ban))) => {
                let ban = ban.clone();
                self.lift_ban(&packet, &ban);
            }
            (Command::Subscribe, Some(Parameter::RegistrationEvent(_))) => {
                match self.subscribers.subscribe(packet.source) {
                    true => self.means.outbox.done(&packet, Parameters::new()),
                    false => self.means.outbox.failed(&packet, Failure::new(Reason::Exhausted)),
                }
            }
            (Command::Unsubscribe, Some(Parameter::RegistrationEvent(_))) => {
                match self.subscribers.unsubscribe(packet.source) {
                    true => self.means.outbox.done(&packet, Parameters::new()),
                    false => self.means.outbox.failed(&packet, Failure::new(Reason::NotFound)),
                }
            }
            (Command::Notify, Some(Parameter::Account(_))) => self.account_changed(packet),
            (Command::Notify, Some(Parameter::RegistrationEvent(_))) => self.neighbour_told(&packet),
            (Command::Notify, Some(Parameter::CallEvent(event))) => {
                let event = event.clone();
                self.call_event(&packet, &event);
            }
            (_, Some(Parameter::AccountState(state))) => {
                let state = (**state).clone();
                self.handle_account_state(&packet, state);
            }
            (Command::Set, Some(Parameter::MessageWaiting(waiting))) => {
                let waiting = (**waiting).clone();
                self.set_waiting(&packet, waiting);
            }
            (Command::Notify, Some(Parameter::Platform(platform))) => {
                let platform = platform.clone();
                self.platform_told(&packet, &platform);
            }
            (Command::Notify, Some(Parameter::TrunkStatus(_))) => self.neighbour_told_trunk(&packet),
            (Command::Send, Some(Parameter::TextMessage(text))) => {
                let text = (**text).clone();
                self.send_message(&packet, text);
            }
            (Command::Set, Some(Parameter::TextMessage(text))) => {
                let text = (**text).clone();
                self.keep_message(&packet, text);
            }
            (Command::Subscribe, Some(Parameter::MessageEvent(_))) => {
                match self.messaging.subscribers.subscribe(packet.source) {
                    true => self.means.outbox.done(&packet, Parameters::new()),
                    false => self.means.outbox.failed(&packet, Failure::new(Reason::Exhausted)),
                }
            }
            (Command::Unsubscribe, Some(Parameter::MessageEvent(_))) => {
                match self.messaging.subscribers.unsubscribe(packet.source) {
                    true => self.means.outbox.done(&packet, Parameters::new()),
                    false => self.means.outbox.failed(&packet, Failure::new(Reason::NotFound)),
                }
            }
            (Command::Subscribe, Some(Parameter::TrunkEvent(_))) => {
                match self.means.trunk_followers.subscribe(packet.source) {
                    true => self.means.outbox.done(&packet, Parameters::new()),
                    false => self.means.outbox.failed(&packet, Failure::new(Reason::Exhausted)),
                }
            }
            (Command::Unsubscribe, Some(Parameter::TrunkEvent(_))) => {
                match self.means.trunk_followers.unsubscribe(packet.source) {
                    true => self.means.outbox.done(&packet, Parameters::new()),
                    false => self.means.outbox.failed(&packet, Failure::new(Reason::NotFound)),
                }
            }
            (Command::Notify, _) => {}
            (Command::Start, Some(Parameter::Leg(_))) => {
                let failure =
                    Failure::new(Reason::Invalid).with_detail("a leg has an instance, which the requester chooses");
                self.means.outbox.failed(&packet, failure);
            }
            _ => self.means.outbox.unsupported(&packet),
        }
    }

    /// An answer to a request of the module's own: of the store, or of another shard.
    pub(super) fn handle_own_answer(&mut self, packet: Packet) {
        let taken = self.bindings_written(&packet)
            || self.neighbour_answered(&packet)
            || self.home_answered(&packet)
            || self.account_state_answered(&packet)
            || self.subscriber_found(&packet)
            || self.switch_answered(&packet)
            || self.roll_answered(&packet)
            || self.elsewhere_answered(&packet)
            || self.message_question_answered(&packet)
            || self.reachability_answered(&packet)
            || self.mailbox_answered(&packet);
        if !taken {
            self.loaded(packet);
        }
    }
}
