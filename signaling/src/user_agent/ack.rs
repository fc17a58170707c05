//! The 2xx of ours that wait for their ACK (RFC 3261 §13.3.1.4), and ACKs of ours (§13.2.2.4).

use super::body::{origin_address, sdp_of};
use super::invite_server::answer_of;
use super::leg::{Head, Purpose, Timer};
use super::means::{ClientUse, Means};
use super::session::{LEG_WITHIN, Session, Standing};
use crate::dialog::{Dialog, Reach};
use crate::limits::{FORKS_MAX, MAX_FORWARDS_DEFAULT};
use crate::message::{Header, Message, Method, Tag};
use crate::sdp::{AnswerKind, OfferAnswer};
use crate::transaction::{Acknowledgement, ClientKey, ServerKey};
use crate::transport::Flow;
use bytes::Bytes;
use router::parameter::CauseKind;
use router::time::{Duration, Instant};
use router::{Command, one};

/// A 2xx of ours without its ACK.
#[derive(Debug)]
pub(super) struct AwaitingAck {
    key: ServerKey,
    pub(super) cseq: u32,
    response: Bytes,
    interval: Duration,
    until: Instant,
    /// Whether the ACK brings the answer to the offer in it.
    pub(super) offered: bool,
}

impl AwaitingAck {
    /// It was sent just now.
    pub(super) fn new(means: &Means, key: ServerKey, cseq: u32, response: Bytes, offered: bool) -> Self {
        let timers = &means.config.timers;
        Self { key, cseq, response, interval: timers.t1, until: means.now.instant + timers.transaction(), offered }
    }
}

impl Session {
    /// A 2xx was sent.
    pub(super) fn await_ack(&mut self, head: &mut Head, means: &mut Means, awaiting: AwaitingAck) {
        head.set_timer(means, Timer::Repeat, awaiting.interval);
        self.awaiting_ack = Some(Box::new(awaiting));
    }

    /// The 2xx is due again, or its ACK will not come.
    pub(super) fn repeat_answer(&mut self, head: &mut Head, means: &mut Means) {
        let Some(awaiting) = &mut self.awaiting_ack else { return };
        if means.now.instant >= awaiting.until {
            means.counters.unacknowledged += 1;
            self.awaiting_ack = None;
            return match self.standing {
                Standing::Stopping(_) => self.leave_by_bye(head, means),
                // RFC 3261 §13.3.1.4: the session is to be ended.
                _ => self.fail(head, means, CauseKind::Timeout.into()),
            };
        }
        let response = awaiting.response.clone();
        awaiting.interval = (awaiting.interval * 2).min(means.config.timers.t2);
        let next = awaiting.interval.min(awaiting.until.since(means.now.instant));
        let key = awaiting.key;
        means.respond(key, response);
        head.set_timer(means, Timer::Repeat, next);
    }

    /// The ACK to a 2xx.
    pub(super) fn handle_ack(&mut self, head: &mut Head, means: &mut Means, ack: &Message, flow: &Flow) {
        let number = ack.cseq().map(|cseq| cseq.number);
        let Some(awaiting) = self.awaiting_ack.take_if(|awaiting| number == Ok(awaiting.cseq)) else { return };
        head.cancel_timer(means, Timer::Repeat);
        means.transactions.acknowledged(means.now.instant, awaiting.key);
        self.requester.dialog.note_flow(flow);
        if let Standing::Stopping(_) = self.standing {
            return self.leave_by_bye(head, means);
        }
        if awaiting.offered {
            let answered = sdp_of(ack).map(|text| self.media.receive_answer(&text, AnswerKind::Final));
            if !matches!(answered, Some(Ok(_))) {
                tracing::debug!(leg = %head.instance, ?answered, "the ACK has no answer to our offer");
                self.media.roll_back();
                return self.fail(head, means, CauseKind::PeerMisbehaved.into());
            }
            let state = self.described(answer_of(&self.media));
            head.request(means, Command::Set, one(state), LEG_WITHIN, Purpose::Answer);
        }
        self.offer_waiting(head, means);
    }
}

impl Session {
    /// A 2xx to an INVITE of ours that is not waited for any longer: a BYE has crossed it. Every 2xx is acknowledged
    /// (RFC 3261 §13.2.2.4), except one whose ACK waits for the answer in it.
    pub(super) fn acknowledge_late(&self, means: &mut Means, key: ClientKey, response: &Message) {
        let is_invite = matches!(means.clients.get(&key), Some(ClientUse::Invite { .. }));
        let waits = self.unacknowledged.as_ref().is_some_and(|unacknowledged| unacknowledged.key == key);
        if is_invite
            && !waits
            && let Ok(cseq) = response.cseq()
        {
            acknowledge(means, &self.requester.dialog, key, cseq.number, None);
        }
    }
}

/// Acknowledges a 2xx within its dialog and remembers the ACK for its repetitions.
pub(super) fn acknowledge(means: &mut Means, dialog: &Dialog, key: ClientKey, cseq: u32, body: Option<&Bytes>) {
    if let Some(sent) = send_ack(means, dialog, key, cseq, body) {
        means.remember_ack(key, dialog.id().remote_tag.clone(), sent);
    }
}

/// Acknowledges a 2xx within its dialog. `None`: there is no way there.
fn send_ack(
    means: &mut Means,
    dialog: &Dialog,
    key: ClientKey,
    cseq: u32,
    body: Option<&Bytes>,
) -> Option<Acknowledgement> {
    let (mut writer, destination) = dialog.ack(cseq, MAX_FORWARDS_DEFAULT);
    // RFC 3261 §13.2.2.4, §22.1: an ACK cannot be challenged; it has the credentials of its INVITE.
    if let Some(ClientUse::Invite { proofs: Some(proofs), .. }) = means.clients.get(&key) {
        for (header, value) in proofs.iter() {
            writer = writer.header(*header, value);
        }
    }
    let ack = match body {
        Some(text) => writer.body(super::body::SDP, text),
        None => writer.finish(),
    };
    let sent = means.transactions.acknowledge(means.aliases.apply(destination), &ack);
    sent.inspect_err(|refused| tracing::debug!(%refused, "an ACK was not sent")).ok()
}

/// A 2xx that no leg wants: of a further fork, or after the leg ended. It is acknowledged and hung up (RFC 3261 §13.2.2.4),
/// and where it makes an offer the ACK refuses each of its streams, as every offer is to be answered (RFC 3264 §4);
/// where it is the dialog's own, BYE was sent or came before. Forks without end are not followed: beyond [`FORKS_MAX`] of one
/// INVITE nothing is remembered of them, and ACK and BYE go out anew for each repetition of the 2xx.
pub(crate) fn hang_up_stray(means: &mut Means, key: ClientKey, response: &Message, flow: &Flow, reach: Reach) {
    let Some(ClientUse::Invite { acknowledged, dialog: known, offered, .. }) = means.clients.get(&key) else { return };
    // One of them may be the leg's own.
    let follows = acknowledged.len() <= FORKS_MAX;
    let (is_known, offered) = (known.is_some() && *known == response.to_tag(), *offered);
    let Some(tag) = response.from_tag() else { return };
    let Ok(cseq) = response.cseq() else { return };
    let contact = means.contact_at(flow);
    let Ok(mut dialog) = Dialog::of_response(response, tag, cseq.number, flow, reach, &contact) else { return };
    let refusal = match sdp_of(response) {
        Some(offer) if !offered => refusal_of(means, flow, &offer),
        _ => None,
    };
    let sent = send_ack(means, &dialog, key, cseq.number, refusal.as_ref());
    if let (true, Some(sent)) = (follows, sent) {
        means.remember_ack(key, dialog.id().remote_tag.clone(), sent);
    }
    if is_known {
        return;
    }
    let (writer, destination, _) = dialog.request(&Method::Bye, MAX_FORWARDS_DEFAULT);
    let bye = writer.header(Header::UserAgent, &means.config.agent).finish();
    if follows {
        means.counters.late_forks += 1;
        means.send(destination, bye, ClientUse::Nobody);
        return;
    }
    means.counters.late_forks_beyond += 1;
    if let Err(refused) = means.transactions.send_once(means.aliases.apply(destination), &bye) {
        tracing::debug!(%refused, "the BYE of a fork was not sent");
    }
}

/// The answer that refuses every stream of an offer that nobody is there to serve. `None`: it cannot be read.
fn refusal_of(means: &mut Means, flow: &Flow, offer: &[u8]) -> Option<Bytes> {
    let address = origin_address(means.config.listeners.get(flow.listener), Some(flow.local.ip()));
    OfferAnswer::new(means.random.next_u64(), address).refuse(offer).ok()
}

/// Repeats the ACK to a 2xx that was acknowledged. False: it was not.
pub(crate) fn acknowledge_again(means: &mut Means, key: ClientKey, response: &Message) -> bool {
    let tag: Option<Tag> = response.to_tag();
    let Some(ClientUse::Invite { acknowledged, .. }) = means.clients.get(&key) else { return false };
    let Some((_, ack)) = acknowledged.iter().find(|(known, _)| *known == tag) else { return false };
    means.transactions.repeat(ack);
    true
}
