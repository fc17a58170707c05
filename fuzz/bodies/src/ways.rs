//! What strangers send to a port that looks for ways (ICE), and what a peer does that has its password: nothing panics, nobody without the password is
//! answered or moves anything, and what is said is bounded.

use media::ice::{Agent, Came, Check, Handled};
use media::limits::{CHECKS_PER_SECOND, ICE_PAIRS};
use router::Random;
use router::parameter::{IceCandidate, IceCredentials, IceParameters};
use router::time::{Duration, Instant};
use std::net::SocketAddr;
use stun::{Class, Message, Role, Usage, Writer};

use crate::tape::Tape;

/// The first octet says what kind of agent it is; then operations, each an octet and what it needs.
pub fn ways(data: &[u8]) {
    let mut tape = Tape::new(data);
    let kind = tape.octet();
    let parameters = parameters(kind);
    let mut now = Instant::from_millis(1_000);
    let mut random = Random::from_seed(u64::from(kind));
    let mut agent = Agent::new(now, &parameters, 1, None, &mut random);
    let (mut sent, mut seconds) = (0_usize, 1_usize);
    let mut answered = 0;
    while tape.is_left() {
        let (operation, from) = (tape.octet(), tape.octet());
        let source = SocketAddr::from(([192, 0, 2, from & 63], 4_000));
        match operation % 5 {
            // Whatever it is: those who have not the password.
            0 => {
                let length = usize::from(tape.octet());
                let datagram = tape.octets(length);
                if let Some(message) = Message::parse(datagram, Usage::ConnectivityCheck) {
                    assert!(!message.is_by(parameters.local.password.as_bytes()), "nobody guesses it");
                    let before = agent.destination();
                    let handled = agent.handle(now, source, &message, None, &mut random);
                    assert!(handled.is_none_or(|handled| handled.answer.is_none() && handled.came == Came::Nothing));
                    assert_eq!(agent.destination(), before);
                }
            }
            // The peer checks.
            1 => {
                let flags = tape.octet();
                let number = u64::from(tape.octet());
                let role = if flags & 1 == 0 { Role::Controlling(number) } else { Role::Controlled(number) };
                let check = Writer::new(Class::Request, &[tape.octet(); 12])
                    .username(&parameters.local.fragment, &parameters.remote.fragment)
                    .priority(number as u32)
                    .role(role);
                let check = if flags & 2 == 0 { check } else { check.nominate() };
                let check = check.integrity(parameters.local.password.as_bytes()).finish();
                let message =
                    Message::parse(check.octets(), Usage::ConnectivityCheck).expect("what is written is read");
                if let Some(Handled { answer: Some(answer), .. }) =
                    agent.handle(now, source, &message, None, &mut random)
                {
                    answered += 1;
                    assert!(answered <= CHECKS_PER_SECOND as usize * (seconds + 1), "bounded");
                    let read = Message::parse(answer.octets(), Usage::ConnectivityCheck).expect("an answer");
                    assert!(read.transaction == message.transaction);
                    assert!(read.is_by(parameters.local.password.as_bytes()));
                }
            }
            // Time goes by, and the peer answers what reaches it, or says that it plays the same part.
            2 | 3 => {
                let pause = Duration::from_millis(10 * u64::from(from));
                now = now + pause;
                seconds = 1 + (now.as_nanos() / 1_000_000_000) as usize;
                if agent.handle_timeout(now) == Came::Lost {
                    assert_eq!(agent.destination(), None);
                }
                let mut turn = 0;
                while let Some(Check { to, message }) = agent.poll_transmit(now, &mut random) {
                    turn += 1;
                    assert!(turn <= ICE_PAIRS + 2, "what is due, and no more");
                    sent += 1;
                    let asked = Message::parse(message.octets(), Usage::ConnectivityCheck).expect("a message");
                    if operation % 5 == 2 || asked.class != Class::Request {
                        continue;
                    }
                    let answer = match tape.octet() % 3 {
                        0 => Writer::new(Class::Success, &asked.transaction).mapped(source),
                        1 => Writer::new(Class::Error, &asked.transaction).error(487),
                        _ => Writer::new(Class::Error, &asked.transaction).error(400),
                    };
                    let answer = answer.integrity(parameters.remote.password.as_bytes()).finish();
                    let message = Message::parse(answer.octets(), Usage::ConnectivityCheck).expect("an answer");
                    agent.handle(now, to, &message, None, &mut random);
                }
                // Twenty a second are begun, each sent five times at most; beside them consent, and what lite agents say.
                assert!(sent <= seconds * 120 + 200, "{sent} in {seconds} s");
                if let Some(due) = agent.poll_timeout() {
                    assert!(due > now, "nothing is due that was not done");
                }
            }
            _ => {
                agent.handle_media(now, source, Some(now));
            }
        }
    }
}

fn parameters(kind: u8) -> IceParameters {
    let credentials =
        |name: &str| IceCredentials { fragment: name.to_owned(), password: format!("{name}-and-22-octets-at-least") };
    let candidate = |number: u8| IceCandidate {
        component: 1,
        priority: 1_000 + u32::from(number),
        address: SocketAddr::from(([192, 0, 2, number], 4_000)),
    };
    IceParameters {
        local: credentials("ours"),
        remote: credentials("theirs"),
        candidates: (0..kind >> 4).map(candidate).collect(),
        is_lite: kind & 1 == 0,
        is_remote_lite: false,
        is_controlling: kind & 2 == 0,
        nominates_once: kind & 4 == 0,
    }
}
