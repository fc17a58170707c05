//! REFER for transfers, ended here: the call searches for the target (RFC 3515, RFC 5589 §6), or is joined with the one whose dialog
//! the target names (Replaces, RFC 3891, RFC 5589 §7; Join, RFC 3911: that one becomes a conference); NOTIFY tells how far that is, unless nobody wants to know (RFC 4488).

use super::cause;
use super::identity::referred_by;
use super::in_dialog::{Aim, Request};
use super::leg::{Head, Inbound, Purpose};
use super::means::Means;
use super::session::Session;
use super::subscribing;
use crate::message::{Header, Message, NameAddr, Replaces, Scheme, StatusCode};
use bytes::Bytes;
use router::parameter::{Cause, CauseKind, Dialog, LegPhase, Parameter, Party, Transfer};
use router::time::Duration;
use router::{Command, Packet, Parameters};

/// How long a transfer may take: beyond any limit that the switch is set itself.
const TRANSFER_WITHIN: Duration = Duration::from_secs(3600);

/// How long the subscription is said to last: a set-up takes no longer (RFC 3515 §2.4.4).
const EXPIRES_S: u32 = 300;

/// A transfer that the peer asked for, and is told of.
#[derive(Debug)]
pub(super) struct Referral {
    /// The REFER, until it is accepted.
    request: Option<Inbound>,
    /// Whether the peer wants no NOTIFY (RFC 4488 §4).
    silent: bool,
    /// Its CSeq, which tells its NOTIFYs from those of others (RFC 3515 §2.4.6).
    id: u32,
    /// What the peer was last told.
    told: Option<StatusCode>,
    /// Whether it has not answered that yet.
    unanswered: bool,
    /// What it is to be told then: the latest state alone.
    next: Option<(StatusCode, Told)>,
}

/// Whether more is told afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    /// It is.
    SoFar,
    /// The transfer has come to its end.
    AtLast,
    /// The peer wants to know no more.
    NoMore,
}

impl Session {
    /// The peer sends the other leg elsewhere.
    pub(super) fn handle_refer(&mut self, head: &mut Head, means: &mut Means, inbound: Inbound) {
        let Inbound { key, message, flow } = &inbound;
        if self.referral.is_some() {
            return means.refuse(*key, message, flow, StatusCode::REQUEST_PENDING);
        }
        let (target, dialog) = match target_of(means, head, message) {
            Ok(target) => target,
            Err((status, reason)) => return means.refuse_because(*key, message, flow, status, reason),
        };
        let transfer = Transfer { target, phase: LegPhase::Trying, cause: None, referred_by: referred_by(message) };
        let id = message.cseq().map_or(0, |cseq| cseq.number);
        let silent = message.text(Header::ReferSub).is_some_and(is_false);
        let request = Some(inbound);
        self.referral = Some(Box::new(Referral { request, silent, id, told: None, unanswered: false, next: None }));
        let wanted: Parameters = [transfer.into()].into_iter().chain(dialog.map(Parameter::from)).collect();
        head.request(means, Command::Start, wanted, TRANSFER_WITHIN, Purpose::Transfer);
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
        self.notify(head, means, status, Told::SoFar);
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
        self.notify(head, means, status, Told::AtLast);
    }

    /// 202: it is under way (RFC 3515 §2.4.2).
    fn accept_refer(&mut self, head: &Head, means: &mut Means) {
        let Some(referral) = self.referral.as_mut() else { return };
        let Some(Inbound { key, message, flow }) = referral.request.take() else { return };
        let mut writer = means
            .response(&message, &flow, StatusCode::ACCEPTED, &head.tag)
            .header(Header::Contact, self.requester.dialog.contact());
        if referral.silent {
            // RFC 4488 §4: so the peer knows that there is no subscription.
            writer = writer.header(Header::ReferSub, "false");
        }
        let response = writer.finish();
        means.respond(key, response);
    }

    /// Tells the peer, once it has answered the NOTIFY before: two on their way at once could arrive in either order, and the
    /// older state would stand (RFC 6665 §4.2.2).
    fn notify(&mut self, head: &mut Head, means: &mut Means, status: StatusCode, told: Told) {
        let last = told != Told::SoFar;
        let Some(referral) = self.referral.as_mut() else { return };
        if referral.silent {
            self.referral.take_if(|_| last);
            return;
        }
        if referral.unanswered {
            referral.next = Some((status, told));
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
        let state = match told {
            Told::SoFar => format!("active;expires={EXPIRES_S}"),
            Told::AtLast => "terminated;reason=noresource".to_owned(),
            Told::NoMore => "terminated;reason=timeout".to_owned(),
        };
        let fragment = format!("SIP/2.0 {status} {}\r\n", status.reason());
        let request = Request::new(crate::message::Method::Notify)
            .with(Header::Event.as_str(), format!("refer;id={id}"))
            .with(Header::SubscriptionState.as_str(), state)
            .with_body("message/sipfrag;version=2.0", Bytes::from(fragment));
        if let Err(aim) = self.requester.send(means, head, request, Aim::Notify { id }) {
            self.refused(head, means, aim, CauseKind::Unreachable.into());
        }
    }

    /// A SUBSCRIBE to the transfer that the peer is told of: it goes on, or ends, and says how far it is (RFC 3515 §2.4.4, RFC 6665
    /// §4.2.1.2, §4.2.1.4).
    pub(super) fn handle_subscribe(&mut self, head: &mut Head, means: &mut Means, inbound: &Inbound) {
        let Inbound { key, message, flow } = inbound;
        let event = match subscribing::event_of(message) {
            Ok(event) if event.value.eq_ignore_ascii_case("refer") => event,
            _ => return subscribing::refuse(means, inbound),
        };
        let is_of = |referral: &Referral| {
            let id = event.parameters.get("id");
            referral.request.is_none() && !referral.silent && id.is_none_or(|id| id.parse() == Ok(referral.id))
        };
        let Some(referral) = self.referral.as_mut().filter(|referral| is_of(referral)) else {
            return means.refuse(*key, message, flow, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        };
        let asked = message.expires().ok().flatten().unwrap_or(EXPIRES_S);
        let so_far = referral.next.map(|(status, _)| status).or(referral.told).unwrap_or(StatusCode::TRYING);
        // It is told, though it may know it.
        referral.told = None;
        self.requester.dialog.refresh(message);
        let tag = means.mint_tag();
        let response = means
            .response(message, flow, StatusCode::OK, &tag)
            .header(Header::Expires, asked.min(EXPIRES_S))
            .header(Header::Contact, self.requester.dialog.contact())
            .finish();
        means.respond(*key, response);
        self.notify(head, means, so_far, if asked == 0 { Told::NoMore } else { Told::SoFar });
    }

    /// The peer has answered a NOTIFY: what has come about meanwhile follows.
    pub(super) fn notified(&mut self, head: &mut Head, means: &mut Means, id: u32) {
        let Some(referral) = self.referral.as_mut().filter(|referral| referral.id == id) else { return };
        referral.unanswered = false;
        if let Some((status, told)) = referral.next.take() {
            self.notify(head, means, status, told);
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

/// Whether Refer-Sub says that no subscription is wanted; what follows the value does not matter (RFC 4488 §4).
fn is_false(refer_sub: &str) -> bool {
    refer_sub.split(';').next().is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
}

/// Whom a REFER names, and the dialog that is to be replaced or joined there; or the status that refuses it, and its words.
fn target_of(
    means: &Means,
    head: &Head,
    refer: &Message,
) -> Result<(Party, Option<Dialog>), (StatusCode, &'static str)> {
    let bad = |reason| (StatusCode::BAD_REQUEST, reason);
    let plainly = |status: StatusCode| (status, status.reason());
    // RFC 3515 §2.4.1: exactly one.
    match refer.lines(Header::ReferTo).count() {
        0 => return Err(bad("Missing Refer-To Header")),
        1 => {}
        _ => return Err(bad("Repeated Refer-To Header")),
    }
    let bracketed;
    let address = match refer.refer_to() {
        Ok(Some(address)) => address,
        // Headers in a URI want brackets around it (RFC 3261 §20.10); there are phones that leave them out.
        _ => {
            let plain = refer.text(Header::ReferTo).filter(|text| !text.contains(['<', ',', '"']));
            bracketed = plain.map(|text| format!("<{}>", text.trim())).unwrap_or_default();
            NameAddr::parse(bracketed.as_bytes()).ok_or(bad("Malformed Refer-To Header"))?
        }
    };
    let uri = address.uri();
    if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips | Scheme::Tel) {
        return Err(plainly(StatusCode::UNSUPPORTED_URI_SCHEME));
    }
    // What is not offered is declined (RFC 3515 §2.4.2): another method than INVITE.
    if uri.parameter("method").is_some_and(|method| method != "INVITE") {
        return Err(plainly(StatusCode::DECLINE));
    }
    let party = head.party_to_call(means, &address);
    let named = |header: Header, join: bool| uri.header(header.as_str()).map(|text| (text, join));
    let (text, join) = match (named(Header::Replaces, false), named(Header::Join, true)) {
        (None, None) => return Ok((party.ok_or(plainly(StatusCode::NOT_FOUND))?, None)),
        // RFC 3911 §4: they exclude each other.
        (Some(_), Some(_)) => return Err(bad("Replaces And Join In Refer-To")),
        (Some(named), None) | (None, Some(named)) => named,
    };
    let dialog = Replaces::parse(&text).ok_or(bad("Malformed Replaces Or Join In Refer-To"))?;
    let dialog = Dialog { join, early_only: dialog.early_only && !join, ..dialog_of(&dialog) };
    // Phones name whoever their dialog is with, which is us: the dialog tells who that is.
    Ok((party.unwrap_or_default(), Some(dialog)))
}

/// The dialog that a Replaces names, as the switch asks for it.
pub(super) fn dialog_of(replaces: &Replaces) -> Dialog {
    Dialog {
        leg_id: replaces.call_id.as_str().to_owned(),
        own_tag: replaces.to_tag.as_str().to_owned(),
        peer_tag: replaces.from_tag.as_str().to_owned(),
        early_only: replaces.early_only,
        at: None,
        join: false,
    }
}
