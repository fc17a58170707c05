//! What is wanted of the switch as a whole: calls, that are admitted or refused, and that calls end.

use super::Switch;
use crate::call::{Asked, Call, Remote, origin_shown};
use crate::limits::{
    CALL_ID_BYTES, DRAINING_RETRY_S, NUMBER_BYTES, OTHERS_CALLS, OWN_CALLS, PLATFORMS_PER_CALL, PORTS_OF_CALL,
};
use crate::refusal;
use router::parameter::{self, Cause, CauseKind, Failure, Originate, Parameter, Reason, Selection};
use router::time::Now;
use router::{Instance, Packet, Parameters, PlatformId, Tally};

impl Switch {
    pub(super) fn call_wanted(&mut self, now: Now, instance: Instance, mut packet: Packet) {
        let Some(Parameter::Call(request)) = packet.parameters.first() else { return };
        if instance == Instance::MODULE {
            return self.invalid(&packet, "a call has an instance, which the requester chooses");
        }
        if !self.is_new_id(&request.id) {
            return self.invalid(&packet, "a call's id is unique and printable");
        }
        let Parameter::Call(mut request) = packet.parameters.remove(0) else { return };
        let remote = self.of_platform(packet.source.platform, &mut request);
        let admitted = match request.path.len() {
            passed if passed > PLATFORMS_PER_CALL => Err(CauseKind::TooManyHops.into()),
            _ if self.config.calls_max > 0 && self.config.plan.is_emergency(request.called.user()) => {
                self.all_calls.take();
                Ok(None)
            }
            _ => self.admit_of(packet.source.platform),
        };
        let tally = match admitted {
            Ok(tally) => tally,
            Err(cause) => {
                let retry_after_s = (cause.kind == CauseKind::Administrative).then_some(DRAINING_RETRY_S);
                self.outbox.failed(&packet, Failure { retry_after_s, ..Failure::because(cause.clone()) });
                return self.attempt_refused(now, &request, cause);
            }
        };
        self.counters.calls_from_elsewhere += u64::from(remote.is_some());
        self.of_platforms.extend(tally.map(|tally| (instance, tally)));
        let asked = Asked::of(&packet);
        let dialog = match packet.parameters.pop() {
            Some(Parameter::Dialog(dialog)) if remote.is_none() => Some(*dialog),
            _ => None,
        };
        self.add_call(now, |turn, config| Call::incoming(turn, config, instance, asked, *request, remote, dialog));
    }

    /// What is settled of a call by where it comes from: on whose behalf it is, by which way it came, where its media is.
    pub(super) fn of_platform(&self, platform: PlatformId, request: &mut parameter::Call) -> Option<Remote> {
        let cluster =
            self.config.cluster.as_ref().filter(|cluster| platform != PlatformId::HERE && platform != cluster.platform);
        let Some(cluster) = cluster else {
            (request.placement, request.ring_ms) = (None, None);
            request.path.clear();
            return None;
        };
        let remote = Remote::new(platform, &self.platforms);
        request.origin = remote.origin(&request.origin);
        request.interface = cluster.media;
        if request.path.last() != Some(&platform) {
            request.path.push(platform);
        }
        Some(remote)
    }

    pub(super) fn origination_wanted(&mut self, now: Now, instance: Instance, mut packet: Packet) {
        let Some(Parameter::Originate(request)) = packet.parameters.first() else { return };
        let Originate { from, to } = &**request;
        if [from, to].iter().any(|number| number.is_empty() || number.len() > NUMBER_BYTES) {
            return self.invalid(&packet, "a call is made from somebody to somebody");
        }
        let tally = match self.admit_of(packet.source.platform) {
            Ok(tally) => tally,
            Err(cause) => {
                self.counters.refused(cause.kind);
                return self.outbox.failed(&packet, Failure::because(cause));
            }
        };
        let instance = if instance == Instance::MODULE { self.instances.mint() } else { instance };
        self.of_platforms.extend(tally.map(|tally| (instance, tally)));
        let asked = Asked::of(&packet);
        let Parameter::Originate(request) = packet.parameters.remove(0) else { return };
        self.add_call(now, |turn, config| Call::originate(turn, config, instance, asked, *request));
    }

    /// The operator sends a party of a call on: to a number, or to whom the one in whose name it is talks to in another call.
    pub(super) fn transfer_wanted(&mut self, now: Now, mut packet: Packet) {
        let asked = Asked::of(&packet);
        let mut parameters = packet.parameters.drain(..);
        let (transfer, named, other) = (parameters.next(), parameters.next(), parameters.next());
        drop(parameters);
        let (Some(Parameter::Transfer(transfer)), Some(Parameter::Selection(named))) = (transfer, named) else {
            return self.outbox.unsupported(&packet);
        };
        let by_name = |selection: &Selection| selection.name.as_ref().and_then(|name| self.names.get(name)).copied();
        let Some(guest) = by_name(&named) else {
            return asked.failed(&mut self.outbox, Failure::new(Reason::NotFound).with_detail("no such call"));
        };
        let by = named.party.as_deref();
        let Some(Parameter::Selection(other)) = other else {
            self.with_call(now, guest, |call, turn| call.transfer_by_operator(turn, asked, by, *transfer));
            return;
        };
        let host = by_name(&other).filter(|&host| host != guest);
        let both = host.and_then(|host| Some((host, self.calls.get(&guest)?, self.calls.get(&host)?)));
        let common = both.and_then(|(host, guest, other)| Some((host, guest.common_party(other, by)?)));
        match (host, common) {
            (Some(_), Some((host, (by, leg)))) => {
                self.with_call(now, guest, |call, turn| {
                    call.join_by_operator(turn, asked, &by, (host, leg), *transfer)
                });
                self.join_calls(now);
            }
            (Some(_), None) => {
                let failure = Failure::new(Reason::Refused).with_detail("nobody of that name is in both calls");
                asked.failed(&mut self.outbox, failure);
            }
            (None, _) => {
                let failure = Failure::new(Reason::Refused).with_detail("no such other call, or not on this shard");
                asked.failed(&mut self.outbox, failure);
            }
        }
    }

    pub(super) fn hang_up(&mut self, now: Now, packet: &Packet, selection: &Selection) {
        let instance = selection.name.as_ref().and_then(|name| self.names.get(name)).copied();
        let by = packet.source.platform;
        let may = |call: &Call| by == PlatformId::HERE || call.is_of(by);
        match instance {
            Some(instance) if self.calls.get(&instance).is_some_and(|call| may(call)) => {
                self.with_call(now, instance, |call, turn| call.hang_up(turn));
                self.outbox.done(packet, Parameters::new());
            }
            Some(_) => {
                let failure = Failure::new(Reason::Refused).with_detail("that platform has no part in the call");
                self.outbox.failed(packet, failure);
            }
            None => self.outbox.failed(packet, Failure::new(Reason::NotFound).with_detail("no such call")),
        }
    }

    /// Signaling refused an attempt itself.
    pub(super) fn refused_elsewhere(&mut self, now: Now, packet: Packet) {
        let mut parameters = packet.parameters.into_iter();
        match (parameters.next(), parameters.next()) {
            (Some(Parameter::Call(call)), Some(Parameter::Failure(failure))) if is_id(&call.id) => {
                let cause = failure.cause.unwrap_or_else(|| CauseKind::Internal.into());
                self.attempt_refused(now, &call, cause);
            }
            _ => self.counters.ignored += 1,
        }
    }

    /// Tells of an attempt that is no call: its record, within bounds, and a line in the log.
    pub(super) fn attempt_refused(&mut self, now: Now, call: &parameter::Call, cause: Cause) {
        self.counters.refused(cause.kind);
        let (origin, kind) = (&call.origin, cause.kind);
        let told = self.refusals.admit(now.instant, origin)
            && self.records.attempt(now, &mut self.outbox, || refusal::record(now, call, cause));
        if !told {
            return self.counters.refusals_unrecorded += 1;
        }
        let shown = |text| if self.config.reveal_numbers { text } else { "(private)" };
        let by = origin_shown(origin, self.config.reveal_numbers);
        let (from, to) = (shown(call.caller.user()), shown(call.called.user()));
        tracing::info!(call = %call.id, origin = &*by, from, to, cause = kind.name(), "call refused");
    }

    /// Whether a call may be named so.
    pub(super) fn is_new_id(&self, id: &str) -> bool {
        is_id(id) && !self.names.contains_key(id)
    }

    /// Lets one more call begin, of all shards together; if none may, why.
    pub(super) fn admit(&mut self) -> Result<(), Cause> {
        self.admit_below(self.config.calls_max)
    }

    /// Lets a call begin that a platform asks for, if it may: what is counted of that one, where it is another.
    fn admit_of(&mut self, platform: PlatformId) -> Result<Option<Tally>, Cause> {
        let calls_max = self.config.calls_max;
        let is_own =
            platform == PlatformId::HERE || self.config.cluster.as_ref().is_none_or(|own| own.platform == platform);
        if is_own || calls_max == 0 {
            return self.admit_below(calls_max).map(|()| None);
        }
        let all = calls_max.min(self.config.media_ports / PORTS_OF_CALL).max(1);
        let elsewhere = all - all / OWN_CALLS;
        let one = u32::try_from(elsewhere - elsewhere / OTHERS_CALLS).unwrap_or(u32::MAX);
        // Whoever comes through another platform may be anybody, under any number of numbers.
        let name = match self.platforms.is_proven(platform) {
            true => format!("calls of platform {}", platform.0),
            false => "calls of platforms without a link".to_owned(),
        };
        let tally = self.config.shards.tally(&name);
        if !tally.take_below(one) {
            return Err(CauseKind::Congestion.into());
        }
        if let Err(cause) = self.admit_below(elsewhere) {
            tally.give_back();
            return Err(cause);
        }
        Ok(Some(tally))
    }

    fn admit_below(&mut self, calls_max: usize) -> Result<(), Cause> {
        match u32::try_from(calls_max).unwrap_or(u32::MAX) {
            // The platform is about to end.
            0 => Err(CauseKind::Administrative.into()),
            calls_max if !self.all_calls.take_below(calls_max) => Err(CauseKind::Congestion.into()),
            _ => Ok(()),
        }
    }
}

/// Whether a call's id can stand in logs, records and events.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= CALL_ID_BYTES && id.bytes().all(|octet| octet.is_ascii_graphic())
}
