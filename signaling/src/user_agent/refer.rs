//! REFER for blind transfer (RFC 3515, RFC 5589 §6), ended here: the call searches for the target, and NOTIFY tells how far
//! that is.

use super::cause;
use super::identity::referred_by;
use super::in_dialog::{Aim, Request};
use super::leg::{Head, Inbound, Purpose};
use super::means::Means;
use super::session::Session;
use crate::message::{Header, Message, Scheme, StatusCode};
use bytes::Bytes;
use router::parameter::{Cause, CauseKind, LegPhase, Parameter, Party, Transfer};
use router::time::Duration;
use router::{Command, Packet, one};

/// How long a transfer may take: beyond any limit that the switch is set itself.
const TRANSFER_WITHIN: Duration = Duration::from_secs(3600);

/// How long the subscription is said to last: a set-up takes no longer (RFC 3515 §2.4.4).
const EXPIRES_S: u32 = 300;

/// A transfer that the peer asked for, and is told of.
#[derive(Debug)]
pub(super) struct Referral {
    /// The REFER, until it is accepted.
    request: Option<Inbound>,
    /// Its CSeq, which tells its NOTIFYs from those of others (RFC 3515 §2.4.6).
    id: u32,
    /// What the peer was last told.
    told: Option<StatusCode>,
    /// Whether it has not answered that yet.
    unanswered: bool,
    /// What it is to be told then: the latest state alone, and whether it is the last one.
    next: Option<(StatusCode, bool)>,
}

impl Session {
    /// The peer sends the other leg elsewhere.
    pub(super) fn handle_refer(&mut self, head: &mut Head, means: &mut Means, inbound: Inbound) {
        let Inbound { key, message, flow } = &inbound;
        if self.referral.is_some() {
            return means.refuse(*key, message, flow, StatusCode::REQUEST_PENDING);
        }
        let target = match target_of(means, head, message) {
            Ok(target) => target,
            Err(status) => return means.refuse(*key, message, flow, status),
        };
        let transfer = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: referred_by(message) };
        let id = message.cseq().map_or(0, |cseq| cseq.number);
        self.referral =
            Some(Box::new(Referral { request: Some(inbound), id, told: None, unanswered: false, next: None }));
        head.request(means, Command::Start, one(transfer), TRANSFER_WITHIN, Purpose::Transfer);
    }

    /// How far the transfer is.
    pub(super) fn transfer_progressed(&mut self, head: &mut Head, means: &mut Means, packet: &Packet) {
        let Some(Parameter::Transfer(transfer)) = packet.first() else { return };
        let status = match transfer.phase {
            LegPhase::Trying => StatusCode::TRYING,
            LegPhase::Ringing => StatusCode::RINGING,
            LegPhase::Early => StatusCode::SESSION_PROGRESS,
            LegPhase::Answered | LegPhase::Released => return,
        };
        self.accept_refer(head, means);
        self.notify(head, means, status, false);
    }

    /// The transfer is made, or is not.
    pub(super) fn transfer_decided(&mut self, head: &mut Head, means: &mut Means, packet: &Packet) {
        let status = match packet.command {
            Command::Done => StatusCode::OK,
            _ => cause::status_of_failure(&packet.failure()),
        };
        let refused = self.referral.as_mut().and_then(|referral| referral.request.take_if(|_| !status.is_success()));
        if let Some(Inbound { key, message, flow }) = refused {
            // Nothing was begun: the REFER itself is refused.
            self.referral = None;
            return means.refuse(key, &message, &flow, status);
        }
        self.accept_refer(head, means);
        self.notify(head, means, status, true);
    }

    /// 202: it is under way (RFC 3515 §2.4.2).
    fn accept_refer(&mut self, head: &Head, means: &mut Means) {
        let Some(Inbound { key, message, flow }) = self.referral.as_mut().and_then(|referral| referral.request.take())
        else {
            return;
        };
        let response = means
            .response(&message, &flow, StatusCode::ACCEPTED, &head.tag)
            .header(Header::Contact, self.requester.dialog.contact())
            .finish();
        means.respond(key, response);
    }

    /// Tells the peer, once it has answered the NOTIFY before: two on their way at once could arrive in either order, and the
    /// older state would stand (RFC 6665 §4.2.2).
    fn notify(&mut self, head: &mut Head, means: &mut Means, status: StatusCode, last: bool) {
        let Some(referral) = self.referral.as_mut() else { return };
        if referral.unanswered {
            referral.next = Some((status, last));
            return;
        }
        if referral.told == Some(status) && !last {
            return;
        }
        (referral.told, referral.unanswered) = (Some(status), true);
        let id = referral.id;
        if last {
            self.referral = None;
        }
        let state =
            if last { "terminated;reason=noresource".to_owned() } else { format!("active;expires={EXPIRES_S}") };
        let fragment = format!("SIP/2.0 {status} {}\r\n", status.reason());
        let request = Request::new(crate::message::Method::Notify)
            .with(Header::Event.as_str(), format!("refer;id={id}"))
            .with(Header::SubscriptionState.as_str(), state)
            .with_body("message/sipfrag;version=2.0", Bytes::from(fragment));
        if let Err(aim) = self.requester.send(means, head, request, Aim::Notify { id }) {
            self.refused(head, means, aim, CauseKind::Unreachable.into());
        }
    }

    /// The peer has answered a NOTIFY: what has come about meanwhile follows.
    pub(super) fn notified(&mut self, head: &mut Head, means: &mut Means, id: u32) {
        let Some(referral) = self.referral.as_mut().filter(|referral| referral.id == id) else { return };
        referral.unanswered = false;
        if let Some((status, last)) = referral.next.take() {
            self.notify(head, means, status, last);
        }
    }

    /// A NOTIFY was refused, or not answered: whoever does not want to know, or is not there, is told no more.
    pub(super) fn notify_refused(&mut self, head: &mut Head, means: &mut Means, id: u32, cause: &Cause) {
        if ends_subscription(cause) {
            self.referral.take_if(|referral| referral.id == id);
        } else {
            self.notified(head, means, id);
        }
    }
}

/// Whether the answer to a NOTIFY, or none, ends its subscription (RFC 6665 §4.2.2, RFC 5057 §5.1).
fn ends_subscription(cause: &Cause) -> bool {
    cause.code.is_none_or(|code| matches!(code, 404 | 405 | 408 | 410 | 416 | 480..=485 | 489 | 501 | 502 | 604))
}

/// Whom a REFER names; or the status that refuses it.
fn target_of(means: &Means, head: &Head, refer: &Message) -> Result<Party, StatusCode> {
    // RFC 3515 §2.4.1: exactly one.
    let (Ok(Some(address)), 1) = (refer.refer_to(), refer.lines(Header::ReferTo).count()) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let uri = address.uri();
    if !matches!(uri.scheme(), Scheme::Sip | Scheme::Tel) {
        return Err(StatusCode::UNSUPPORTED_URI_SCHEME);
    }
    // What is not offered is declined (RFC 3515 §2.4.2): another method than INVITE, a dialog to be replaced (RFC 3891).
    let other_method = uri.parameter("method").is_some_and(|method| method != "INVITE");
    if other_method || uri.header("Replaces").is_some() {
        return Err(StatusCode::DECLINE);
    }
    head.party_to_call(means, &address).ok_or(StatusCode::NOT_FOUND)
}
