//! The caller: INVITE client transactions, ACK, CANCEL, BYE, and what the server asks meanwhile.

use crate::answer::write_body;
use crate::dialog::{Dialog, Served, Service};
use crate::digest::{self, Challenge, Credentials};
use crate::limits::{FAR_HANGUP_LIMIT, SETUP_LIMIT, TRANSACTION_LIFE};
use crate::message::{CALL_ID, Message, PROXY_AUTHENTICATE, StartLine, TO, WWW_AUTHENTICATE};
use crate::options::Algorithm;
use crate::outbox::{MediaOrder, Outbox};
use crate::pacing::Timers;
use crate::party::{Arena, LegPool, Party};
use crate::sdp::{Audio, LocalSession};
use crate::srtp::Master;
use crate::statistics::{Failure, Signalling};
use crate::transaction::{Due, Retransmission};
use std::collections::HashMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

/// Who ends a call, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// The caller, this long after the answer.
    Caller(Duration),
    /// The callee, this long after the ACK.
    Callee(Duration),
    /// The caller, when it is told to (see [`Caller::release`]).
    WhenReleased,
}

#[derive(Debug)]
enum State {
    /// INVITE sent, nothing heard.
    Calling(Retransmission),
    /// A provisional response came.
    Proceeding,
    /// It rang too long: CANCEL sent.
    Cancelling(Retransmission),
    /// Answered.
    Up,
    /// BYE sent at this time; the reason that the call counts as failed although its BYE is answered.
    Ending(Retransmission, Duration, Option<Failure>),
    /// Refused; a repeated refusal is acknowledged again (§17.1.1.2, timer D).
    Refused,
}

#[derive(Debug)]
struct Call {
    number: u64,
    state: State,
    started: Duration,
    rang: bool,
    /// Which INVITE is under way: 1, or 2 once a challenge was answered. Its CSeq too.
    attempt: u32,
    /// The request that may have to be sent again; once up the ACK, once ending the BYE.
    request: String,
    destination: SocketAddr,
    dialog: Dialog,
    /// The timer of the state that counts; any other that comes up is of a state that has passed.
    timer: u64,
    answer_timer: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Timer {
    id: u64,
    slot: u32,
}

/// Places calls. Sans-IO: datagrams and time in, [`Outbox`] out.
#[derive(Debug)]
pub struct Caller {
    party: Party,
    callee_user: String,
    hang_up: HangUp,
    /// The password by which challenges are answered, and how.
    secret: Option<(String, Algorithm)>,
    calls: Arena<Call>,
    by_number: HashMap<u64, u32>,
    timers: Timers<Timer>,
    last_timer: u64,
    legs: LegPool,
    up: u64,
    open: u64,
}

impl Caller {
    /// A caller that calls `callee_user`.
    pub fn new(party: Party, callee_user: String, hang_up: HangUp, legs: LegPool) -> Caller {
        Caller {
            party,
            callee_user,
            hang_up,
            secret: None,
            calls: Arena::default(),
            by_number: HashMap::new(),
            timers: Timers::default(),
            last_timer: 0,
            legs,
            up: 0,
            open: 0,
        }
    }

    /// One that answers challenges with that password; `None`: it does not.
    #[must_use]
    pub fn answering(self, secret: Option<(String, Algorithm)>) -> Caller {
        Caller { secret, ..self }
    }

    /// Calls that are up.
    pub fn up(&self) -> u64 {
        self.up
    }

    /// When each call that is not over was placed.
    pub fn unfinished(&mut self) -> Vec<Duration> {
        let open = self.calls.iter_mut().filter(|(_, call)| !matches!(call.state, State::Refused));
        open.map(|(_, call)| call.started).collect()
    }

    /// Calls that are not over.
    pub fn open(&self) -> u64 {
        self.open
    }

    /// Places a call. False where no media leg is free.
    pub fn place(&mut self, now: Duration, outbox: &mut Outbox, statistics: &mut Signalling) -> bool {
        let Some(leg) = self.legs.take(now) else { return false };
        let number = statistics.placed;
        statistics.place(now);
        let Party { user, domain, run, .. } = &self.party;
        let callee = &self.callee_user;
        let dialog = Dialog {
            call_id: format!("{run:x}-{number}@{}", self.party.local.ip()),
            local: format!("<sip:{user}@{domain}>;tag=c{run:x}{number}"),
            remote: format!("<sip:{callee}@{domain}>"),
            target: format!("sip:{callee}@{domain}"),
            routes: Vec::new(),
            local_cseq: 1,
            remote_cseq: None,
            fallback: self.party.server,
            session: LocalSession::new(leg.address, self.party.codec)
                .secured(self.party.is_secure.then(|| Master::of_call(self.party.run, number))),
            leg,
            unacknowledged: None,
        };
        let mut request = String::with_capacity(1024);
        write_invite(&mut request, &self.party, callee, &dialog, (number, 1), None);
        let destination = self.party.server;
        outbox.send(destination, &request);
        let retransmission = Retransmission::invite(now);
        let slot = self.calls.insert(Call {
            number,
            state: State::Calling(retransmission),
            started: now,
            rang: false,
            attempt: 1,
            request,
            destination,
            dialog,
            timer: 0,
            answer_timer: 0,
        });
        self.by_number.insert(number, slot);
        self.open += 1;
        self.arm(slot, retransmission.deadline());
        true
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
        match message.start {
            StartLine::Response { status } => self.handle_response(now, status, &message, outbox, statistics),
            StartLine::Request { method } => self.handle_request(now, method, from, &message, outbox, statistics),
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
        let found = response
            .branch()
            .and_then(|text| read_branch(self.party.run, text))
            .and_then(|(number, transaction)| Some((*self.by_number.get(&number)?, transaction)));
        let Some((slot, transaction)) = found else {
            statistics.stray += 1;
            return;
        };
        let method = response.cseq().map_or("", |(_, method)| method);
        match (transaction, method) {
            ('i' | 'j', _) if !self.is_under_way(slot, transaction) => {} // of the INVITE that was challenged
            ('i' | 'j', "INVITE") if status < 200 => self.handle_provisional(now, slot, status, statistics),
            ('i' | 'j', "INVITE") if status < 300 => self.handle_success(now, slot, response, outbox, statistics),
            ('i' | 'j', "INVITE")
                if matches!(status, 401 | 407) && self.handle_challenge(now, slot, response, outbox) => {}
            ('i' | 'j', "INVITE") => self.handle_refusal(now, slot, status, response, outbox, statistics),
            ('i' | 'j', "CANCEL") => self.handle_cancel_response(slot),
            ('b', "BYE") => self.handle_bye_response(now, slot, status, outbox, statistics),
            _ => {} // the answer to the BYE of a forked answer decides nothing
        }
    }

    fn handle_provisional(&mut self, now: Duration, slot: u32, status: u16, statistics: &mut Signalling) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        if (180..190).contains(&status) && !call.rang {
            call.rang = true;
            statistics.post_dial.record_duration(now.saturating_sub(call.started));
        }
        if matches!(call.state, State::Calling(_)) {
            call.state = State::Proceeding;
            let limit = call.started + SETUP_LIMIT;
            self.arm(slot, limit);
        }
    }

    /// Whether it is the transaction of the call's INVITE that is under way.
    fn is_under_way(&mut self, slot: u32, transaction: char) -> bool {
        self.calls.get_mut(slot).is_some_and(|call| invite_letter(call.attempt) == transaction)
    }

    /// The first INVITE was challenged: it is acknowledged, and sent again with credentials. False: it is a refusal.
    fn handle_challenge(&mut self, now: Duration, slot: u32, response: &Message<'_>, outbox: &mut Outbox) -> bool {
        let Some((password, algorithm)) = &self.secret else { return false };
        let Some(call) = self.calls.get_mut(slot) else { return false };
        if call.attempt > 1 || !matches!(call.state, State::Calling(_) | State::Proceeding) {
            return false;
        }
        let lines = response.all(WWW_AUTHENTICATE).chain(response.all(PROXY_AUTHENTICATE));
        let Some(challenge) = Challenge::find(lines, *algorithm) else { return false };
        let (callee, party) = (&self.callee_user, &self.party);
        let remote = std::mem::replace(&mut call.dialog.remote, response.header(TO).unwrap_or("").to_owned());
        let mut ack = String::with_capacity(512);
        write_like_invite(&mut ack, party, callee, &call.dialog, (call.number, 1), "ACK");
        write_body(&mut ack, None);
        outbox.send(call.destination, &ack);
        call.dialog.remote = remote;
        let header =
            if response.all(PROXY_AUTHENTICATE).next().is_some() { "Proxy-Authorization: " } else { "Authorization: " };
        let (uri, cnonce) = (format!("sip:{callee}@{}", party.domain), format!("{:x}{:x}", party.run, call.number));
        let mut authorization = header.to_owned();
        let credentials = Credentials { user: &party.user, password, method: "INVITE", uri: &uri, cnonce: &cnonce };
        digest::write(&mut authorization, &challenge, *algorithm, credentials);
        call.attempt = 2;
        call.dialog.local_cseq = 2;
        call.request.clear();
        write_invite(&mut call.request, party, callee, &call.dialog, (call.number, 2), Some(&authorization));
        outbox.send(call.destination, &call.request);
        let retransmission = Retransmission::invite(now);
        call.state = State::Calling(retransmission);
        self.arm(slot, retransmission.deadline());
        true
    }

    /// The CANCEL arrived; what ends the call is the INVITE's own 487.
    fn handle_cancel_response(&mut self, slot: u32) {
        if let Some(Call { state: State::Cancelling(retransmission), .. }) = self.calls.get_mut(slot) {
            retransmission.proceed();
        }
    }

    fn handle_success(
        &mut self,
        now: Duration,
        slot: u32,
        response: &Message<'_>,
        outbox: &mut Outbox,
        statistics: &mut Signalling,
    ) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        match call.state {
            State::Calling(_) | State::Proceeding | State::Cancelling(_) => {}
            _ if response.header(TO) == Some(call.dialog.remote.as_str()) => {
                statistics.retransmissions_received += 1;
                if matches!(call.state, State::Up) {
                    outbox.send(call.destination, &call.request);
                }
                return;
            }
            _ => return self.end_forked(slot, response, outbox, statistics),
        }
        let cancelled = matches!(call.state, State::Cancelling(_));
        call.dialog.establish_from_response(response);
        let mut ack = String::with_capacity(512);
        let ack_branch = branch(self.party.run, call.number, 'a');
        call.destination = call.dialog.write_request(&mut ack, &self.party, "ACK", &ack_branch, Some(call.attempt));
        outbox.send(call.destination, &ack);
        call.request = ack;
        call.state = State::Up;
        self.up += 1;
        if cancelled {
            return self.send_bye(now, slot, Some(Failure::NoAnswer), outbox); // they crossed (§9.1)
        }
        statistics.setup.record_duration(now.saturating_sub(call.started));
        let usable = Audio::parse(response.body).filter(|audio| {
            audio.formats.contains(&call.dialog.session.codec.payload_type())
                && audio.agrees(&call.dialog.session)
                && (self.party.permitted.allows(audio.address.ip()) || audio.address.ip().is_unspecified())
        });
        let Some(audio) = usable else {
            return self.send_bye(now, slot, Some(Failure::UnusableAnswer), outbox);
        };
        let (leg, session) = (call.dialog.leg, call.dialog.session);
        Service { party: &self.party, now, outbox, statistics }.order_media(leg, &session, &audio);
        match self.hang_up {
            HangUp::Caller(hold) => self.arm(slot, now + hold),
            HangUp::Callee(hold) => self.arm(slot, now + hold + FAR_HANGUP_LIMIT),
            HangUp::WhenReleased => {}
        }
    }

    /// A fork answered too (§13.2.2.4): it is acknowledged and hung up, and decides nothing about the call.
    fn end_forked(&mut self, slot: u32, response: &Message<'_>, outbox: &mut Outbox, statistics: &mut Signalling) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        statistics.forked_answers += 1;
        let mut fork = Dialog {
            call_id: call.dialog.call_id.clone(),
            local: call.dialog.local.clone(),
            remote: String::new(),
            target: call.dialog.target.clone(),
            routes: Vec::new(),
            local_cseq: call.attempt,
            remote_cseq: None,
            fallback: self.party.server,
            session: call.dialog.session,
            leg: call.dialog.leg,
            unacknowledged: None,
        };
        fork.establish_from_response(response);
        for (method, transaction, ack_of) in [("ACK", 'f', Some(call.attempt)), ("BYE", 'g', None)] {
            let mut text = String::with_capacity(512);
            let request_branch = branch(self.party.run, call.number, transaction);
            let to = fork.write_request(&mut text, &self.party, method, &request_branch, ack_of);
            outbox.send(to, &text);
        }
    }

    fn handle_refusal(
        &mut self,
        now: Duration,
        slot: u32,
        status: u16,
        response: &Message<'_>,
        outbox: &mut Outbox,
        statistics: &mut Signalling,
    ) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        match call.state {
            State::Calling(_) | State::Proceeding => statistics.fail(call.started, Failure::Refused(status)),
            State::Cancelling(_) => statistics.fail(call.started, Failure::NoAnswer),
            State::Refused => {
                statistics.retransmissions_received += 1;
                outbox.send(call.destination, &call.request);
                return;
            }
            State::Up | State::Ending(..) => return,
        }
        response.header(TO).unwrap_or("").clone_into(&mut call.dialog.remote);
        call.state = State::Refused;
        call.request.clear();
        let which = (call.number, call.attempt);
        write_like_invite(&mut call.request, &self.party, &self.callee_user, &call.dialog, which, "ACK");
        write_body(&mut call.request, None);
        call.request.shrink_to_fit(); // it is kept for as long as the refusal may come again
        outbox.send(call.destination, &call.request);
        if let Some(id) = call.dialog.leg.id {
            outbox.order(MediaOrder::Close(id));
        }
        self.legs.give_back(call.dialog.leg, now);
        self.open -= 1;
        self.arm(slot, now + TRANSACTION_LIFE);
    }

    fn handle_bye_response(
        &mut self,
        now: Duration,
        slot: u32,
        status: u16,
        outbox: &mut Outbox,
        statistics: &mut Signalling,
    ) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        let started = call.started;
        let State::Ending(retransmission, sent, failure) = &mut call.state else { return };
        match (status, *failure) {
            (..200, _) => return retransmission.proceed(),
            (_, Some(failure)) => statistics.fail(started, failure),
            (200..300, None) => {
                statistics.complete(started);
                statistics.teardown.record_duration(now.saturating_sub(*sent));
            }
            (_, None) => statistics.fail(started, Failure::ByeRefused(status)),
        }
        self.close(now, slot, outbox);
    }

    fn handle_request(
        &mut self,
        now: Duration,
        method: &str,
        from: SocketAddr,
        request: &Message<'_>,
        outbox: &mut Outbox,
        statistics: &mut Signalling,
    ) {
        let slot = request
            .header(CALL_ID)
            .and_then(|id| read_call_id(self.party.run, id))
            .and_then(|number| self.by_number.get(&number).copied());
        let mut service = Service { party: &self.party, now, outbox, statistics };
        let Some(slot) = slot.filter(|_| request.tag(TO).is_some()) else {
            return service.answer_outside(request, method, from);
        };
        let Some(call) = self.calls.get_mut(slot).filter(|call| matches!(call.state, State::Up | State::Ending(..)))
        else {
            return service.answer_outside(request, method, from);
        };
        match call.dialog.serve(request, method, from, &mut service) {
            Served::Done | Served::Acknowledged => {}
            Served::AwaitsAck => {
                if let Some(waiting) = &call.dialog.unacknowledged {
                    let at = waiting.retransmission.deadline();
                    self.arm_answer(slot, at);
                }
            }
            Served::Ended => match call.state {
                State::Up if matches!(self.hang_up, HangUp::Callee(_)) => {
                    statistics.complete(call.started);
                    self.close(now, slot, outbox);
                }
                State::Up => {
                    statistics.fail(call.started, Failure::EndedEarly);
                    self.close(now, slot, outbox);
                }
                _ => {} // our own BYE is under way and decides
            },
        }
    }

    /// Hangs up the calls that are up, `per_second` of them.
    pub fn release(&mut self, now: Duration, per_second: f64) {
        let up: Vec<u32> =
            self.calls.iter_mut().filter(|(_, call)| matches!(call.state, State::Up)).map(|(slot, _)| slot).collect();
        self.hang_up = HangUp::Caller(Duration::ZERO);
        for (n, slot) in up.into_iter().enumerate() {
            self.arm(slot, now + Duration::from_secs_f64(n as f64 / per_second));
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
            Due::GiveUp => call.dialog.unacknowledged = None,
        }
    }

    fn expire_state(&mut self, now: Duration, slot: u32, outbox: &mut Outbox, statistics: &mut Signalling) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        let failure = match &mut call.state {
            State::Calling(retransmission) | State::Cancelling(retransmission) | State::Ending(retransmission, ..) => {
                if let Due::Resend(next) = retransmission.expire(now) {
                    if self.party.repeats() {
                        statistics.retransmissions_sent += 1;
                        outbox.send(call.destination, &call.request);
                    }
                    return self.arm(slot, next);
                }
                match call.state {
                    State::Calling(_) => Failure::NoResponse,
                    State::Ending(_, _, Some(failure)) => failure,
                    State::Ending(..) => Failure::ByeNoResponse,
                    _ => Failure::NoAnswer,
                }
            }
            State::Proceeding => return self.send_cancel(now, slot, outbox),
            State::Up => {
                let failure = matches!(self.hang_up, HangUp::Callee(_)).then_some(Failure::FarSideSilent);
                return self.send_bye(now, slot, failure, outbox);
            }
            State::Refused => {
                self.forget(slot);
                return;
            }
        };
        statistics.fail(call.started, failure);
        self.close(now, slot, outbox);
    }

    fn send_cancel(&mut self, now: Duration, slot: u32, outbox: &mut Outbox) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        call.request.clear();
        let which = (call.number, call.attempt);
        write_like_invite(&mut call.request, &self.party, &self.callee_user, &call.dialog, which, "CANCEL");
        write_body(&mut call.request, None);
        outbox.send(call.destination, &call.request);
        let retransmission = Retransmission::other(now);
        call.state = State::Cancelling(retransmission);
        self.arm(slot, retransmission.deadline());
    }

    fn send_bye(&mut self, now: Duration, slot: u32, failure: Option<Failure>, outbox: &mut Outbox) {
        let Some(call) = self.calls.get_mut(slot) else { return };
        let mut bye = String::with_capacity(512);
        let bye_branch = branch(self.party.run, call.number, 'b');
        call.destination = call.dialog.write_request(&mut bye, &self.party, "BYE", &bye_branch, None);
        outbox.send(call.destination, &bye);
        call.request = bye;
        let retransmission = Retransmission::other(now);
        call.state = State::Ending(retransmission, now, failure);
        self.up -= 1;
        if let Some(id) = call.dialog.leg.id {
            outbox.order(MediaOrder::Pause(id));
        }
        self.arm(slot, retransmission.deadline());
    }

    /// The call is over: its leg is free, and nothing of it is kept.
    fn close(&mut self, now: Duration, slot: u32, outbox: &mut Outbox) {
        if let Some(call) = self.forget(slot) {
            self.open -= 1;
            self.up -= u64::from(matches!(call.state, State::Up));
            if let Some(id) = call.dialog.leg.id {
                outbox.order(MediaOrder::Close(id));
            }
            self.legs.give_back(call.dialog.leg, now);
        }
    }

    fn forget(&mut self, slot: u32) -> Option<Call> {
        let call = self.calls.remove(slot)?;
        self.by_number.remove(&call.number);
        Some(call)
    }
}

/// What an INVITE, its CANCEL (RFC 3261 §9.1) and the ACK of its refusal (§17.1.1.3) have in common.
fn write_like_invite(
    out: &mut String,
    party: &Party,
    callee: &str,
    dialog: &Dialog,
    (number, attempt): (u64, u32),
    method: &str,
) {
    let Party { local, run, domain, .. } = party;
    let _ = write!(
        out,
        "{method} sip:{callee}@{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={};rport\r\nMax-Forwards: 70\r\n\
         From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {attempt} {method}\r\n",
        branch(*run, number, invite_letter(attempt)),
        dialog.local,
        dialog.remote,
        dialog.call_id
    );
}

/// A call's INVITE: its number and which attempt it is; the header line that answers a challenge.
fn write_invite(
    out: &mut String,
    party: &Party,
    callee: &str,
    dialog: &Dialog,
    which: (u64, u32),
    authorization: Option<&str>,
) {
    write_like_invite(out, party, callee, dialog, which, "INVITE");
    let _ = write!(out, "Contact: {}\r\nAllow: {}\r\n", party.contact(), crate::answer::ALLOW);
    if let Some(authorization) = authorization {
        let _ = write!(out, "{authorization}\r\n");
    }
    write_body(out, Some(&dialog.session.text()));
}

/// The letter of an INVITE's branch.
const fn invite_letter(attempt: u32) -> char {
    if attempt == 1 { 'i' } else { 'j' }
}

/// The branch of a transaction: a call's number, and a letter for which of its transactions it is.
fn branch(run: u32, number: u64, transaction: char) -> String {
    format!("z9hG4bK{run:x}-{number}-{transaction}")
}

fn read_branch(run: u32, branch: &str) -> Option<(u64, char)> {
    let mut parts = branch.strip_prefix("z9hG4bK")?.split('-');
    if u32::from_str_radix(parts.next()?, 16).ok()? != run {
        return None;
    }
    Some((parts.next()?.parse().ok()?, parts.next()?.chars().next()?))
}

fn read_call_id(run: u32, call_id: &str) -> Option<u64> {
    let (found, number) = call_id.split_once('@')?.0.split_once('-')?;
    (u32::from_str_radix(found, 16).ok()? == run).then(|| number.parse().ok())?
}
