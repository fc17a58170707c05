//! Registrations: each account asks, is challenged, answers, and is timed from the first REGISTER to the 200.

use crate::digest::{self, Challenge, Credentials};
use crate::message::{Message, PROXY_AUTHENTICATE, StartLine, WWW_AUTHENTICATE};
use crate::options::Algorithm;
use crate::outbox::Outbox;
use crate::pacing::{Rate, Timers};
use crate::party::Party;
use crate::statistics::Times;
use crate::transaction::{Due, Retransmission};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// What is registered.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// How many.
    pub count: u64,
    /// What their names begin with.
    pub prefix: String,
    /// Their password.
    pub password: String,
    /// How they answer.
    pub algorithm: Algorithm,
    /// How often each registers.
    pub rounds: u32,
    /// Registrations a second.
    pub per_second: f64,
}

#[derive(Debug)]
enum State {
    Idle,
    /// A request is under way; whether it answers a challenge.
    Asked(Retransmission, bool),
}

#[derive(Debug)]
struct Account {
    state: State,
    started: Duration,
    cseq: u32,
    request: String,
}

/// What happened.
#[derive(Debug, Default)]
pub struct Registered {
    /// Registrations begun.
    pub begun: u64,
    /// Answered 200.
    pub completed: u64,
    /// The others, by what ended them.
    pub failures: BTreeMap<String, u64>,
    /// First REGISTER to 200, challenge included.
    pub times: Times,
    /// Requests sent again.
    pub retransmissions_sent: u64,
    /// Datagrams that fit no request.
    pub stray: u64,
}

/// Registers accounts, round by round. Sans-IO.
#[derive(Debug)]
pub struct Registrations {
    party: Party,
    accounts: Accounts,
    states: Vec<Account>,
    timers: Timers<(u64, u32)>,
    rate: Rate,
    round: u32,
    next: usize,
    open: u64,
    /// What is counted.
    pub registered: Registered,
}

impl Registrations {
    /// Begins at `now`.
    pub fn new(party: Party, accounts: Accounts, now: Duration) -> Registrations {
        let states = (0..accounts.count)
            .map(|_| Account { state: State::Idle, started: now, cseq: 0, request: String::new() })
            .collect();
        let rate = Rate::new(accounts.per_second, now, accounts.count);
        Registrations {
            party,
            accounts,
            states,
            timers: Timers::default(),
            rate,
            round: 0,
            next: 0,
            open: 0,
            registered: Registered::default(),
        }
    }

    /// Whether every account has registered in every round, or failed to.
    pub fn is_finished(&self) -> bool {
        self.open == 0 && self.rate.is_finished() && self.round + 1 >= self.accounts.rounds
    }

    /// Begins the registrations that are due, and a new round when the one before is over.
    pub fn advance(&mut self, now: Duration, outbox: &mut Outbox) {
        if self.rate.is_finished() && self.open == 0 && self.round + 1 < self.accounts.rounds {
            self.round += 1;
            self.next = 0;
            self.rate = Rate::new(self.accounts.per_second, now, self.accounts.count);
        }
        while self.rate.take(now) {
            let number = self.next;
            self.next += 1;
            self.open += 1;
            self.registered.begun += 1;
            self.states[number].started = now;
            self.send(number, now, None, outbox);
        }
        while let Some((number, cseq)) = self.timers.pop_due(now) {
            self.expire(number as usize, cseq, now, outbox);
        }
    }

    fn send(&mut self, number: usize, now: Duration, challenge: Option<&Challenge<'_>>, outbox: &mut Outbox) {
        let parameter = self.party.transport_parameter();
        let Party { local, domain, run, server, .. } = &self.party;
        let account = &mut self.states[number];
        account.cseq += 1;
        let (user, cseq) = (format!("{}{number}", self.accounts.prefix), account.cseq);
        let uri = format!("sip:{domain}");
        account.request.clear();
        let out = &mut account.request;
        let _ = write!(
            out,
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{run:x}-{number}-{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@{domain}>;tag=r{number}\r\nTo: <sip:{user}@{domain}>\r\n\
             Call-ID: {run:x}-{number}@{}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{local}{parameter}>\r\nExpires: 3600\r\n",
            local.ip()
        );
        if let Some(challenge) = challenge {
            let cnonce = format!("{run:08x}{number:08x}{cseq:08x}");
            let password = &self.accounts.password;
            let credentials = Credentials { user: &user, password, method: "REGISTER", uri: &uri, cnonce: &cnonce };
            out.push_str("Authorization: ");
            digest::write(out, challenge, self.accounts.algorithm, credentials);
            out.push_str("\r\n");
        }
        out.push_str("Content-Length: 0\r\n\r\n");
        outbox.send(*server, &account.request);
        let retransmission = Retransmission::other(now);
        account.state = State::Asked(retransmission, challenge.is_some());
        self.timers.push(retransmission.deadline(), (number as u64, cseq));
    }

    fn expire(&mut self, number: usize, cseq: u32, now: Duration, outbox: &mut Outbox) {
        let account = &mut self.states[number];
        let State::Asked(retransmission, _) = &mut account.state else { return };
        if account.cseq != cseq {
            return;
        }
        match retransmission.expire(now) {
            Due::Resend(next) => {
                if self.party.repeats() {
                    self.registered.retransmissions_sent += 1;
                    outbox.send(self.party.server, &account.request);
                }
                self.timers.push(next, (number as u64, cseq));
            }
            Due::GiveUp => self.fail(number, "no response"),
        }
    }

    fn fail(&mut self, number: usize, reason: &str) {
        self.states[number].state = State::Idle;
        self.open -= 1;
        *self.registered.failures.entry(reason.to_owned()).or_default() += 1;
    }

    /// Takes a datagram.
    pub fn handle(&mut self, now: Duration, text: &str, outbox: &mut Outbox) {
        let message = Message::parse(text);
        let found = message.as_ref().and_then(|message| {
            let StartLine::Response { status } = message.start else { return None };
            Some((message, status, self.account_of(message)?))
        });
        let Some((message, status, number)) = found else {
            self.registered.stray += 1;
            return;
        };
        let account = &mut self.states[number];
        let State::Asked(retransmission, answered) = &mut account.state else { return };
        match status {
            ..200 => retransmission.proceed(),
            200..300 => {
                account.state = State::Idle;
                self.open -= 1;
                self.registered.completed += 1;
                self.registered.times.record_duration(now.saturating_sub(account.started));
            }
            401 | 407 if !*answered => {
                let lines = message.all(WWW_AUTHENTICATE).chain(message.all(PROXY_AUTHENTICATE));
                match Challenge::find(lines, self.accounts.algorithm) {
                    Some(challenge) => self.send(number, now, Some(&challenge), outbox),
                    None => self.fail(number, "no challenge of the algorithm"),
                }
            }
            _ => self.fail(number, &status.to_string()),
        }
    }

    /// The account whose present request a response's branch names.
    fn account_of(&self, message: &Message<'_>) -> Option<usize> {
        let mut parts = message.branch()?.strip_prefix("z9hG4bK")?.split('-');
        let run = u32::from_str_radix(parts.next()?, 16).ok()?;
        let (number, cseq) = (parts.next()?.parse::<usize>().ok()?, parts.next()?.parse::<u32>().ok()?);
        (run == self.party.run && self.states.get(number)?.cseq == cseq).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Transport;
    use crate::party::Permitted;
    use crate::sdp::Codec;

    fn registrations(count: u64, rounds: u32) -> Registrations {
        let party = Party {
            local: "127.0.0.1:15060".parse().unwrap(),
            user: String::new(),
            domain: "example.org".into(),
            server: "127.0.0.1:5060".parse().unwrap(),
            permitted: Permitted::default(),
            codec: Codec::Pcmu,
            is_secure: false,
            run: 0xabc,
            transport: Transport::Udp,
        };
        let accounts = Accounts {
            count,
            prefix: "u".into(),
            password: "secret".into(),
            algorithm: Algorithm::Sha256,
            rounds,
            per_second: 1000.0,
        };
        Registrations::new(party, accounts, Duration::ZERO)
    }

    /// Challenges what has no credentials and accepts what has.
    fn serve(request: &str) -> String {
        let via = Message::parse(request).unwrap().header(crate::message::VIA).unwrap().to_owned();
        if request.contains("Authorization: Digest") {
            return format!("SIP/2.0 200 OK\r\nVia: {via}\r\n\r\n");
        }
        format!(
            "SIP/2.0 401 No\r\nVia: {via}\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256\r\n\r\n"
        )
    }

    #[test]
    fn every_account_registers_in_every_round() {
        let mut machine = registrations(5, 3);
        let mut outbox = Outbox::default();
        for millisecond in 0..100 {
            let now = Duration::from_millis(millisecond);
            machine.advance(now, &mut outbox);
            let answers: Vec<String> = outbox.datagrams().map(|(text, _)| serve(text)).collect();
            outbox.clear();
            answers.iter().for_each(|answer| machine.handle(now, answer, &mut outbox));
        }
        assert!(machine.is_finished());
        assert_eq!((machine.registered.completed, machine.registered.failures.len()), (15, 0));
    }

    #[test]
    fn silence_and_refusals_are_failures() {
        let mut machine = registrations(2, 1);
        let mut outbox = Outbox::default();
        machine.advance(Duration::from_millis(1), &mut outbox);
        let (first, _) = outbox.datagrams().next().unwrap();
        let answer = serve(first).replace("401 No", "403 Forbidden");
        machine.handle(Duration::from_millis(2), &answer, &mut outbox);
        machine.handle(Duration::from_millis(2), "garbage", &mut outbox);
        for second in 1..40 {
            machine.advance(Duration::from_secs(second), &mut outbox);
        }
        assert!(machine.is_finished());
        let failures: Vec<_> = machine.registered.failures.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        assert_eq!(failures, [("403", 1), ("no response", 1)]);
        assert!(machine.registered.retransmissions_sent >= 8);
        assert_eq!(machine.registered.stray, 1);
    }
}
