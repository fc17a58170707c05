//! A call becomes a conference: its far leg gets a call of its own, as does who is invited into one; only the switch can make these.

use super::Switch;
use crate::call::{Asked, Call, Invitation};
use router::parameter::{ConferenceName, Conversion, Failure, Origin, Parameter, Reason};
use router::time::Now;
use router::{Instance, Packet, one};

/// The call is none, or none any more.
fn no_such_call() -> Failure {
    Failure::new(Reason::NotFound).with_detail("no such call")
}

impl Switch {
    /// Makes a conference of the call that was asked to become one.
    pub(super) fn convert(&mut self, now: Now, host: Instance, asked: Asked, wanted: Conversion) {
        let converted = match self.calls.remove(&host) {
            Some(mut lent) => {
                let converted = self.take_apart(now, &mut lent, &wanted);
                self.calls.insert(host, lent);
                converted
            }
            None => Err(no_such_call()),
        };
        match converted {
            Ok(name) => asked.done(&mut self.outbox, one(Conversion { name: Some(name), ..wanted })),
            Err(failure) => asked.failed(&mut self.outbox, failure),
        }
        self.with_call(now, host, |_, _| ());
    }

    fn take_apart(&mut self, now: Now, lent: &mut Call, wanted: &Conversion) -> Result<ConferenceName, Failure> {
        // Somebody else may have asked in the same turn.
        if let Some(name) = lent.may_convert(wanted)? {
            return Ok(name);
        }
        // The far leg's call counts as any.
        self.admit().map_err(Failure::because)?;
        let (worker, workers) = (lent.worker_index(), self.config.media_workers);
        let name = wanted.name.unwrap_or_else(|| ConferenceName::of_call(worker, workers, || self.random.next_u64()));
        let instance = self.instances.mint();
        let apart = self.in_turn(now, |turn, config| Call::apart(turn, config, instance, lent, name));
        let Some(call) = apart else {
            self.all_calls.give_back();
            return Err(Failure::new(Reason::Internal));
        };
        self.keep_call(now, call);
        Ok(name)
    }

    /// Calls somebody who is to be in a conference.
    pub(super) fn invite(&mut self, now: Now, invitation: Invitation) {
        if let Err(cause) = self.admit() {
            return invitation.asked.failed(&mut self.outbox, Failure::because(cause));
        }
        let instance = self.instances.mint();
        self.add_call(now, |turn, config| Call::invite(turn, config, instance, invitation));
    }

    /// The operator makes a conference of a call.
    pub(super) fn conversion_by_operator(&mut self, now: Now, mut packet: Packet) {
        let asked = Asked::of(&packet);
        let mut parameters = packet.parameters.drain(..);
        let (Some(Parameter::Conversion(wanted)), Some(Parameter::Selection(selection))) =
            (parameters.next(), parameters.next())
        else {
            return;
        };
        drop(parameters);
        let named = selection.name.as_ref().and_then(|name| self.names.get(name)).copied();
        let Some(instance) = named else { return asked.failed(&mut self.outbox, no_such_call()) };
        let wanted = Conversion { leg: None, origin: Origin::Control, ..*wanted };
        self.with_call(now, instance, |call, turn| call.conversion_wanted(turn, asked, wanted));
        self.join_calls(now);
    }
}
