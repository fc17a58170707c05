//! The callee: answers each INVITE with 180 and 200, repeats the 200 until its ACK, and serves the call until a BYE of either side.

use crate::answer::{self, Answer};
use crate::caller::HangUp;
use crate::dialog::{Dialog, Served, Service, Unacknowledged};
use crate::limits::TRANSACTION_LIFE;
use crate::message::{CALL_ID, Message, StartLine, TO};
use crate::outbox::{MediaOrder, Outbox};
use crate::pacing::Timers;
use crate::party::{Arena, LegPool, Party};
use crate::sdp::{Audio, LocalSession};
use crate::statistics::Signalling;
use crate::transaction::{Due, Retransmission};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Debug)]
enum State {
    /// The 200 waits for its first ACK.
    Answered,
    /// Acknowledged.
    Up,
    /// BYE sent at this time.
    Ending(Retransmission, Duration),
    /// Over; a repeated BYE is answered again (RFC 3261 §17.2.2, timer J).
    Ended,
}

#[derive(Debug)]
struct Call {
    number: u64,
    state: State,
    /// The branch of the INVITE, which tells its retransmission from another request (§17.2.3).
    invite_branch: String,
    bye: String,
    destination: SocketAddr,
    dialog: Dialog,
    timer: u64,
    answer_timer: u64,
}

impl Call {
    /// An INVITE without a To tag whose Call-ID is known: its own retransmission, or the same request by another way (§8.2.2.2).
    fn answer_again(&mut self, from: SocketAddr, request: &Message<'_>, service: &mut Service<'_>) {
        if request.branch() != Some(self.invite_branch.as_str()) {
            return service.answer(request, from, Answer::plain(482, "Loop Detected", "load"));
        }
        service.statistics.retransmissions_received += 1;
        if let Some(waiting) = &self.dialog.unacknowledged {
            service.outbox.send(waiting.to, &waiting.text);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Timer {
    id: u64,
    slot: u32,
}

/// Answers calls. Sans-IO: datagrams and time in, [`Outbox`] out.
#[derive(Debug)]
pub struct Callee {
    party: Party,
    hang_up: HangUp,
    calls: Arena<Call>,
    by_call_id: HashMap<String, u32>,
    timers: Timers<Timer>,
    last_timer: u64,
    last_number: u64,
    legs: LegPool,
    open: u64,
}

impl Callee {
    /// A callee.
    pub fn new(party: Party, hang_up: HangUp, legs: LegPool) -> Callee {
        Callee {
            party,
            hang_up,
            calls: Arena::default(),
            by_call_id: HashMap::new(),
            timers: Timers::default(),
            last_timer: 0,
            last_number: 0,
            legs,
            open: 0,
        }
    }

    /// Calls that are not over.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// Takes a datagram.
    pub fn handle(
        &mut self,
        now: Duration,
        from: SocketAddr,
        text: &str,
        outbox: &mut Outbox,
        statistics: &mut Signalling,
    ) {
        let Some(message) = Message::parse(text) else {
            statistics.malformed += 1;
            return;
        };
        let method = match message.start {
            StartLine::Response { status } => {
                return self.handle_response(now, status, &message, outbox, statistics);
            }
            StartLine::Request { method } => method,
        };
        let slot = message.header(CALL_ID).and_then(|id| self.by_call_id.get(id).copied());
        let first = method == "INVITE" && message.tag(TO).is_none();
        match slot {
            None if first => self.answer(now, from, &message, outbox, statistics),
            Some(slot) if !first && method != "CANCEL" => {
                self.serve(now, slot, from, &message, outbox, statistics);
            }
            _ => {
                let mut service = Service { party: &self.party, now, outbox, statistics };
                match slot.and_then(|slot| self.calls.get_mut(slot)) {
                    Some(call) if first => call.answer_again(from, &message, &mut service),
                    Some(_) => service.answer(&message, from, Answer::plain(200, "OK", "load")), // answered before the CANCEL
                    None => service.answer_outside(&message, method, from),
                }
            }
        }
    }

    fn answer(
        &mut self,
        now: Duration,
        from: SocketAddr,
        request: &Message<'_>,
        outbox: &mut Outbox,
        statistics: &mut Signalling,
    ) {
        let Some(call_id) = request.header(CALL_ID) else {
            statistics.malformed += 1;
            return;
        };
        let mut service = Service { party: &self.party, now, outbox, statistics };
        self.last_number += 1;
        let number = self.last_number;
        let tag = format!("u{:x}{number}", self.party.run);
        let offer = Audio::parse(request.body).filter(|audio| {
            audio.formats.contains(&self.party.codec.payload_type())
                && !audio.is_secure
                && (self.party.permitted.allows(audio.address.ip()) || audio.address.ip().is_unspecified())
        });
        if offer.is_none() && !request.body.is_empty() {
            service.statistics.callee_refused += 1;
            return service.answer(request, from, Answer::plain(488, "Not Acceptable Here", &tag));
        }
        let Some(leg) = self.legs.take(now) else {
            service.statistics.callee_refused += 1;
            return service.answer(request, from, Answer::plain(486, "Busy Here", &tag));
        };
        let contact = self.party.contact();
        let mut session = LocalSession::new(leg.address, self.party.codec);
        if let Some(audio) = &offer {
            session.answer(audio.direction);
        }
        let local = request.header(TO).map(|to| format!("{to};tag={tag}")).unwrap_or_default();
        let mut dialog = Dialog {
            call_id: call_id.to_owned(),
            local,
            remote: String::new(),
            target: String::new(),
            routes: Vec::new(),
            local_cseq: 0,
            remote_cseq: None,
            fallback: from,
            session,
            leg,
            unacknowledged: None,
        };
        dialog.establish_from_request(request);
        let ringing = Answer { contact: Some(&contact), ..Answer::plain(180, "Ringing", &tag) };
        service.answer(request, from, ringing);
        let body = session.text();
        let ok = Answer { contact: Some(&contact), body: Some(&body), ..Answer::plain(200, "OK", &tag) };
        let mut text = String::with_capacity(1200);
        answer::write(&mut text, request, from, ok);
        let to = answer::return_address(request, from);
        service.outbox.send(to, &text);
        let retransmission = Retransmission::other(now);
        let cseq = dialog.remote_cseq.unwrap_or(0);
        dialog.unacknowledged = Some(Unacknowledged { cseq, text, to, retransmission });
        if let Some(audio) = &offer {
            service.order_media(leg, &dialog.session, audio);
        }
        service.statistics.callee_answered += 1;
        self.open += 1;
        let slot = self.calls.insert(Call {
            number,
            state: State::Answered,
            invite_branch: request.branch().unwrap_or("").to_owned(),
            bye: String::new(),
            destination: from,
            dialog,
            timer: 0,
            answer_timer: 0,
        });
        self.by_call_id.insert(call_id.to_owned(), slot);
        self.arm_answer(slot, retransmission.deadline());
    }

    fn serve(
        &mut self,
        now: Duration,
        slot: u32,
        from: SocketAddr,
        request: &Message<'_>,
        outbox: &mut Outbox,
        statistics: &mut Signalling,
    ) {
        let StartLine::Request { method } = request.start else { return };
        let Some(call) = self.calls.get_mut(slot) else { return };
        let mut service = Service { party: &self.party, now, outbox, statistics };
        if matches!(call.state, State::Ended) && method != "BYE" {
            return service.answer_outside(request, method, from);
        }
        if method == "ACK"
            && let Some(audio) = Audio::parse(request.body)
            && self.party.permitted.allows(audio.address.ip())
        {
            service.order_media(call.dialog.leg, &call.dialog.session, &audio); // the answer to an offer in our 200
        }
        match call.dialog.serve(request, method, from, &mut service) {
            Served::Done => {}
            Served::AwaitsAck => {
                if let Some(waiting) = &call.dialog.unacknowledged {
                    let at = waiting.retransmission.deadline();
                    self.arm_answer(slot, at);
                }
            }
            Served::Acknowledged => {
                if matches!(call.state, State::Answered) {
                    call.state = State::Up;
                    if let HangUp::Callee(hold) = self.hang_up {
                        self.arm(slot, now + hold);
                    }
                }
            }
            Served::Ended => {
                if !matches!(call.state, State::Ended) {
                    statistics.callee_ended += 1;
                    self.close(now, slot, outbox);
                }
            }
        }
    }

    fn handle_response(
        &mut self,
        now: Duration,
        status: u16,
        response: &Message<'_>,
        outbox: &mut Outbox,
        statistics: &mut Signalling,
    ) {
        let slot = response.header(CALL_ID).and_then(|id| self.by_call_id.get(id).copied());
        let Some((slot, call)) = slot.and_then(|slot| Some((slot, self.calls.get_mut(slot)?))) else {
            statistics.stray += 1;
            return;
        };
        if response.branch() != Some(bye_branch(&self.party, call.number).as_str()) {
            statistics.stray += 1;
            return;
        }
        let State::Ending(retransmission, sent) = &mut call.state else { return };
        if status < 200 {
            return retransmission.proceed();
        }
        if status < 300 {
            statistics.teardown.record_duration(now.saturating_sub(*sent));
            statistics.callee_ended += 1;
        }
        self.close(now, slot, outbox);
    }

    fn arm(&mut self, slot: u32, at: Duration) {
        self.last_timer += 1;
        if let Some(call) = self.calls.get_mut(slot) {
            call.timer = self.last_timer;
            self.timers.push(at, Timer { id: self.last_timer, slot });
        }
    }

    fn arm_answer(&mut self, slot: u32, at: Duration) {
        self.last_timer += 1;
        if let Some(call) = self.calls.get_mut(slot) {
            call.answer_timer = self.last_timer;
            self.timers.push(at, Timer { id: self.last_timer, slot });
        }
    }

    /// Does what is due.
    pub fn expire(&mut self, now: Duration, outbox: &mut Outbox, statistics: &mut Signalling) {
        while let Some(Timer { id, slot }) = self.timers.pop_due(now) {
            let Some(call) = self.calls.get_mut(slot) else { continue };
            if call.answer_timer == id {
                self.expire_answer(now, slot, outbox, statistics);
            } else if call.timer == id {
                self.expire_state(now, slot, outbox, statistics);
            }
        }
    }

    fn expire_answer(&mut self, now: Duration, slot: u32, outbox: &mut Outbox, statistics: &mut Signalling) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        let Some(waiting) = &mut call.dialog.unacknowledged else { return };
        match waiting.retransmission.expire(now) {
            Due::Resend(next) => {
                statistics.retransmissions_sent += 1;
                outbox.send(waiting.to, &waiting.text);
                self.arm_answer(slot, next);
            }
            Due::GiveUp => {
                call.dialog.unacknowledged = None;
                if matches!(call.state, State::Answered) {
                    statistics.callee_unacknowledged += 1;
                    self.send_bye(now, slot, outbox); // §13.3.1.4
                }
            }
        }
    }

    fn expire_state(&mut self, now: Duration, slot: u32, outbox: &mut Outbox, statistics: &mut Signalling) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        match &mut call.state {
            State::Answered => {}
            State::Up => self.send_bye(now, slot, outbox),
            State::Ending(retransmission, _) => match retransmission.expire(now) {
                Due::Resend(next) => {
                    statistics.retransmissions_sent += 1;
                    outbox.send(call.destination, &call.bye);
                    self.arm(slot, next);
                }
                Due::GiveUp => self.close(now, slot, outbox),
            },
            State::Ended => {
                if let Some(call) = self.calls.remove(slot) {
                    self.by_call_id.remove(&call.dialog.call_id);
                }
            }
        }
    }

    fn send_bye(&mut self, now: Duration, slot: u32, outbox: &mut Outbox) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        let branch = bye_branch(&self.party, call.number);
        call.destination = call.dialog.write_request(&mut call.bye, &self.party, "BYE", &branch, None);
        outbox.send(call.destination, &call.bye);
        let retransmission = Retransmission::other(now);
        call.state = State::Ending(retransmission, now);
        if let Some(id) = call.dialog.leg.id {
            outbox.order(MediaOrder::Pause(id));
        }
        self.arm(slot, retransmission.deadline());
    }

    /// The call is over: its leg is free, and little of it is kept until no BYE can come again.
    fn close(&mut self, now: Duration, slot: u32, outbox: &mut Outbox) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        if let Some(id) = call.dialog.leg.id {
            outbox.order(MediaOrder::Close(id));
        }
        self.legs.give_back(call.dialog.leg, now);
        call.state = State::Ended;
        call.bye = String::new();
        call.dialog.unacknowledged = None;
        call.dialog.routes = Vec::new();
        self.open -= 1;
        self.arm(slot, now + TRANSACTION_LIFE);
    }
}

fn bye_branch(party: &Party, number: u64) -> String {
    format!("z9hG4bK{:x}-{number}-z", party.run)
}
