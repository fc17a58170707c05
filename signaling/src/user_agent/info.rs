//! INFO (RFC 6086) and MESSAGE (RFC 3428 §5): bodies and digits that go from one leg's peer to the other's.

use super::in_dialog::{Aim, Request};
use super::leg::{Head, Inbound, Purpose};
use super::means::Means;
use super::reinvite::refuse_pending;
use super::session::{LEG_WITHIN, Session, Standing};
use crate::limits::{INFO_OCTETS_MAX, INFOS_MAX};
use crate::message::{Message, Method, StatusCode};
use bytes::Bytes;
use router::parameter::{CauseKind, Digits, Failure, Information, Parameter, Reason};
use router::{Asked, Command, one};

/// What phones send key presses as.
const DTMF_RELAY: &str = "application/dtmf-relay";
/// The same, older: the digit alone.
const DTMF: &str = "application/dtmf";
/// How long a digit lasts where that is not said.
const DURATION_MS: u16 = 160;
/// The header that names an INFO package (RFC 6086 §10.2).
pub(super) const INFO_PACKAGE: &str = "Info-Package";

impl Session {
    /// The peer sends an INFO, or a MESSAGE: the call passes it on.
    pub(super) fn handle_info(&mut self, head: &mut Head, means: &mut Means, inbound: Inbound) {
        let Inbound { key, message, flow } = &inbound;
        let body = message.body_octets();
        let package = message.text(INFO_PACKAGE).map(str::to_owned);
        // RFC 6086 §4.2.2: an INFO of the old kind without a body asks for nothing.
        if body.is_empty() && package.is_none() {
            return means.refuse(*key, message, flow, StatusCode::OK);
        }
        if body.len() > INFO_OCTETS_MAX {
            return means.refuse(*key, message, flow, StatusCode::REQUEST_ENTITY_TOO_LARGE);
        }
        if head.informs() >= INFOS_MAX {
            return refuse_pending(means, &inbound);
        }
        let is_text = message.is(&Method::Message);
        let noun = match digits_of(message).filter(|_| !is_text) {
            Some(digits) => Parameter::from(digits),
            None => Parameter::from(Information {
                content_type: message.content_type().ok().flatten().map(|kind| kind.value.to_owned()),
                body: body.to_vec(),
                package,
                is_text,
            }),
        };
        head.request(means, Command::Send, one(noun), LEG_WITHIN, Purpose::Inform(Box::new(inbound)));
    }

    /// The call passes on what the other leg's peer sent.
    pub(super) fn inform(&mut self, head: &mut Head, means: &mut Means, asked: Asked, noun: Parameter) {
        let waiting = self.requester.waiting().filter(|sent| matches!(sent.aim, Aim::Inform { .. })).count();
        let refusal = if self.standing != Standing::Up {
            Some(super::leg::not_now())
        } else if !is_text_noun(&noun) && !self.requester.dialog.allows_info() {
            Some(Failure::new(Reason::Unsupported).with_detail("the peer takes no INFO"))
        } else if waiting >= INFOS_MAX {
            Some(Failure::new(Reason::Busy))
        } else {
            None
        };
        if let Some(failure) = refusal {
            return asked.failed(&mut means.outbox, failure);
        }
        match noun {
            Parameter::Digits(digits) => {
                let pressed: String = digits.digits.reveal().chars().filter(|one| is_digit(*one)).collect();
                self.informed(head, means, asked, pressed, digits.duration_ms);
            }
            Parameter::Information(information) => {
                let Information { content_type, body, package, is_text } = *information;
                let mut request = Request::new(if is_text { Method::Message } else { Method::Info });
                if let Some(package) = package {
                    request = request.with(INFO_PACKAGE, package);
                }
                if let Some(kind) = content_type {
                    request = request.with_body(&kind, Bytes::from(body));
                }
                let aim = Aim::Inform { asked, rest: String::new(), duration_ms: 0 };
                self.send_info(head, means, request, aim);
            }
            _ => asked.failed(&mut means.outbox, Failure::new(Reason::Invalid)),
        }
    }

    /// An INFO was taken: the next digit follows, or all is done. One at a time, so that their order holds.
    pub(super) fn informed(
        &mut self,
        head: &mut Head,
        means: &mut Means,
        asked: Asked,
        rest: String,
        duration_ms: u16,
    ) {
        let mut digits = rest.chars();
        let Some(digit) = digits.next() else { return means.done(asked) };
        let body = format!("Signal={digit}\r\nDuration={duration_ms}\r\n");
        let request = Request::new(Method::Info).with_body(DTMF_RELAY, Bytes::from(body));
        let aim = Aim::Inform { asked, rest: digits.as_str().to_owned(), duration_ms };
        self.send_info(head, means, request, aim);
    }

    fn send_info(&mut self, head: &mut Head, means: &mut Means, request: Request, aim: Aim) {
        if let Err(aim) = self.requester.send(means, head, request, aim) {
            self.refused(head, means, aim, CauseKind::Unreachable.into());
        }
    }
}

/// An INFO in an early dialog: one that brings nothing is taken as in a session; the call has nobody yet to pass others on to.
pub(super) fn answer_early(means: &mut Means, inbound: &Inbound) {
    let Inbound { key, message, flow } = inbound;
    let status = match message.body_octets().is_empty() && message.text(INFO_PACKAGE).is_none() {
        true => StatusCode::OK,
        false => StatusCode::TEMPORARILY_UNAVAILABLE,
    };
    means.refuse(*key, message, flow, status);
}

/// Whether it is a text for the other party.
fn is_text_noun(noun: &Parameter) -> bool {
    matches!(noun, Parameter::Information(information) if information.is_text)
}

/// The key press that an INFO tells.
fn digits_of(message: &Message) -> Option<Digits> {
    let kind = message.content_type().ok()??;
    let text = std::str::from_utf8(message.body_octets()).ok()?;
    let (digit, duration_ms) = if kind.is(DTMF_RELAY) {
        let field = |wanted: &str| {
            let lines = text.lines().filter_map(|line| line.split_once('='));
            lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim()).next()
        };
        (field("Signal")?, field("Duration").and_then(|duration| duration.parse().ok()).unwrap_or(DURATION_MS))
    } else if kind.is(DTMF) {
        (text.trim(), DURATION_MS)
    } else {
        return None;
    };
    // Some write 10 and 11 for the star and the hash (RFC 4733 §3.2).
    let digit = match digit {
        "10" => "*",
        "11" => "#",
        digit => digit,
    };
    let mut pressed = digit.chars();
    let one = pressed.next().filter(|one| is_digit(*one) && pressed.next().is_none())?;
    Some(Digits { digits: one.to_ascii_uppercase().to_string().into(), duration_ms, port: None })
}

fn is_digit(one: char) -> bool {
    one.is_ascii_digit() || matches!(one.to_ascii_uppercase(), '*' | '#' | 'A'..='D')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(kind: &str, body: &str) -> Option<(String, u16)> {
        let length = body.len();
        let text = format!("INFO sip:a@b SIP/2.0\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}");
        let digits = digits_of(&Message::parse_datagram(Bytes::from(text)).unwrap())?;
        Some((digits.digits.reveal().clone(), digits.duration_ms))
    }

    #[test]
    fn key_presses_are_read_in_both_forms() {
        assert_eq!(digits("application/dtmf-relay", "Signal= 5\r\nDuration= 240\r\n"), Some(("5".to_owned(), 240)));
        assert_eq!(digits("application/dtmf-relay", "Signal=11"), Some(("#".to_owned(), 160)));
        assert_eq!(digits("application/dtmf", "d"), Some(("D".to_owned(), 160)));
        for (kind, body) in [("application/dtmf", "55"), ("application/dtmf-relay", "x"), ("text/plain", "5")] {
            assert_eq!(digits(kind, body), None);
        }
    }
}
