//! The server transaction of an INVITE (RFC 3261 §17.2.1 as corrected by RFC 6026 §7.1).
//!
//! ```text
//!                INVITE, pass up; 100 unless the user answers in time
//!                       │
//!   INVITE: send        ▼         1xx from the user: send
//!   last 1xx ───┐ ┌────────────┐ ───┐
//!               └▶│ Proceeding │ ◀──┘
//!                 └─┬────────┬─┘
//!      300-699:     │        │ 2xx: send
//!      send         ▼        ▼
//!          ┌───────────┐  ┌──────────┐  INVITE: absorb; ACK: pass up
//!    ┌────▶│ Completed │  │ Accepted │  2xx: send
//!    └─────┤           │  └────┬─────┘
//!  timer G,└─┬───────┬─┘       │ timer L
//!  INVITE:   │ ACK   │ timer H ▼
//!  send      ▼       ▼      terminated
//!     ┌───────────┐ no ACK, terminated
//!     │ Confirmed │ timer I ─▶ terminated
//!     └───────────┘
//! ```
//!
//! A response that does not leave ends nothing: the machine stays where it is, so that repetitions of the INVITE are
//! not taken for a new one (RFC 6026 §7.1).

use router::time::{Duration, Instant};

use super::machine::{Output, Outputs, Retransmission, ServerInput, earlier};
use super::timer::{Timer, Timers};
use crate::message::StatusCode;

/// The server transaction of an INVITE. It begins when the request is passed up.
#[derive(Clone, Debug)]
pub struct InviteServer {
    reliable: bool,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Proceeding { trying: Option<Instant> },
    Completed { retransmit: Option<Retransmission>, give_up: Instant },
    Confirmed { end: Instant },
    Accepted { end: Instant },
    Terminated,
}

impl InviteServer {
    /// The request has just come.
    pub fn start(now: Instant, timers: &Timers, reliable: bool) -> InviteServer {
        InviteServer { reliable, state: State::Proceeding { trying: Some(now + timers.trying) } }
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Instant, timers: &Timers, input: ServerInput) -> Outputs {
        match (input, self.state) {
            (ServerInput::Request, State::Proceeding { .. } | State::Completed { .. }) => {
                Outputs::from_slice(&[Output::Retransmit])
            }
            (ServerInput::Respond(status), State::Proceeding { .. }) => self.handle_respond(now, timers, status),
            (ServerInput::Respond(status), State::Accepted { .. }) if status.is_success() => {
                Outputs::from_slice(&[Output::Send])
            }
            (ServerInput::Ack, State::Completed { .. }) => {
                let linger = if self.reliable { Duration::ZERO } else { timers.t4 };
                if linger.is_zero() {
                    self.state = State::Terminated;
                    return Outputs::from_slice(&[Output::Terminated]);
                }
                self.state = State::Confirmed { end: now + linger };
                Outputs::new()
            }
            (ServerInput::Ack, State::Accepted { .. }) => Outputs::from_slice(&[Output::PassUp]),
            (
                ServerInput::TransportFailed,
                State::Proceeding { .. } | State::Completed { .. } | State::Accepted { .. },
            ) => Outputs::from_slice(&[Output::Failed]),
            (ServerInput::Timeout, _) => self.handle_timeout(now, timers),
            _ => Outputs::new(),
        }
    }

    /// When to call with [`ServerInput::Timeout`], and for which timer.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Proceeding { trying } => trying.map(|at| (at, Timer::Trying)),
            State::Completed { retransmit, give_up } => earlier(retransmit, Timer::G, give_up, Timer::H),
            State::Confirmed { end } => Some((end, Timer::I)),
            State::Accepted { end } => Some((end, Timer::L)),
            State::Terminated => None,
        }
    }

    /// The ACK to its 2xx has come, by whatever transaction: it need not be remembered longer than until `end`. Whether that is sooner than it would have been.
    pub fn forget_by(&mut self, end: Instant) -> bool {
        match &mut self.state {
            State::Accepted { end: later } if *later > end => {
                *later = end;
                true
            }
            _ => false,
        }
    }

    /// Whether no final response was sent: a CANCEL has effect (RFC 3261 §9.2).
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// Whether the last response may have to be sent again by this transaction.
    pub fn repeats(&self) -> bool {
        matches!(self.state, State::Proceeding { .. } | State::Completed { .. })
    }

    fn handle_respond(&mut self, now: Instant, timers: &Timers, status: StatusCode) -> Outputs {
        self.state = if status.is_provisional() {
            State::Proceeding { trying: None }
        } else if status.is_success() {
            State::Accepted { end: now + timers.transaction() }
        } else {
            State::Completed {
                retransmit: Retransmission::start(now, timers.t1, self.reliable),
                give_up: now + timers.transaction(),
            }
        };
        Outputs::from_slice(&[Output::Send])
    }

    fn handle_timeout(&mut self, now: Instant, timers: &Timers) -> Outputs {
        let Some((at, timer)) = self.poll_timeout() else { return Outputs::new() };
        if at > now {
            return Outputs::new();
        }
        match (timer, &mut self.state) {
            (Timer::Trying, state) => {
                *state = State::Proceeding { trying: None };
                Outputs::from_slice(&[Output::SendTrying])
            }
            (Timer::G, State::Completed { retransmit: Some(last), .. }) => {
                *last = last.next(now, timers.t2);
                Outputs::from_slice(&[Output::Retransmit])
            }
            (Timer::H, state) => {
                *state = State::Terminated;
                Outputs::from_slice(&[Output::TimedOut(Timer::H), Output::Terminated])
            }
            (_, state) => {
                *state = State::Terminated;
                Outputs::from_slice(&[Output::Terminated])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::machine_tests::{at, server_timeline};

    const TIMERS: fn() -> Timers = Timers::default;

    fn start(reliable: bool) -> InviteServer {
        InviteServer::start(at(0), &TIMERS(), reliable)
    }

    fn give(machine: &mut InviteServer, ms: u64, input: ServerInput) -> Vec<Output> {
        machine.handle(at(ms), &TIMERS(), input).to_vec()
    }

    fn answer(code: u16) -> ServerInput {
        ServerInput::Respond(StatusCode::new(code).unwrap())
    }

    #[test]
    fn trying_is_sent_within_200_ms_unless_the_user_answers() {
        let mut machine = start(false);
        assert_eq!(
            server_timeline(|now, input| machine.handle(now, &TIMERS(), input), 100_000),
            [(100, Output::SendTrying)]
        );
        let mut machine = start(true);
        assert_eq!(give(&mut machine, 99, answer(180)), [Output::Send]);
        assert_eq!(machine.poll_timeout(), None);
    }

    #[test]
    fn timers_g_and_h_on_udp() {
        let mut machine = start(false);
        assert_eq!(give(&mut machine, 0, answer(486)), [Output::Send]);
        let mut expected: Vec<_> = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
            .map(|ms| (ms, Output::Retransmit))
            .to_vec();
        expected.extend([(32_000, Output::TimedOut(Timer::H)), (32_000, Output::Terminated)]);
        assert_eq!(server_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000), expected);
    }

    #[test]
    fn timer_h_alone_on_a_stream() {
        let mut machine = start(true);
        give(&mut machine, 0, answer(603));
        assert_eq!(
            server_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000),
            [(32_000, Output::TimedOut(Timer::H)), (32_000, Output::Terminated)]
        );
    }

    #[test]
    fn an_ack_confirms_and_its_repetitions_are_absorbed_for_timer_i() {
        let mut machine = start(false);
        give(&mut machine, 0, answer(404));
        assert_eq!(give(&mut machine, 10, ServerInput::Request), [Output::Retransmit]);
        assert_eq!(give(&mut machine, 20, ServerInput::Ack), []);
        assert_eq!(give(&mut machine, 30, ServerInput::Ack), []);
        assert_eq!(give(&mut machine, 40, ServerInput::Request), []);
        assert_eq!(give(&mut machine, 50, answer(200)), []);
        assert_eq!(machine.poll_timeout(), Some((at(5_020), Timer::I)));
        assert_eq!(
            server_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000),
            [(5_020, Output::Terminated)]
        );
        let mut machine = start(true);
        give(&mut machine, 0, answer(404));
        assert_eq!(give(&mut machine, 20, ServerInput::Ack), [Output::Terminated]);
    }

    #[test]
    fn an_accepted_invite_is_absorbed_until_timer_l() {
        for reliable in [false, true] {
            let mut machine = start(reliable);
            assert_eq!(give(&mut machine, 100, answer(200)), [Output::Send]);
            assert_eq!(give(&mut machine, 200, ServerInput::Request), []);
            assert_eq!(give(&mut machine, 300, ServerInput::Ack), [Output::PassUp]);
            assert_eq!(give(&mut machine, 400, answer(200)), [Output::Send]);
            assert_eq!(give(&mut machine, 500, answer(487)), []);
            assert_eq!(give(&mut machine, 600, ServerInput::TransportFailed), [Output::Failed]);
            assert_eq!(machine.poll_timeout(), Some((at(32_100), Timer::L)));
            assert_eq!(
                server_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000),
                [(32_100, Output::Terminated)]
            );
        }
    }

    #[test]
    fn an_ack_before_any_final_response_is_nothing() {
        let mut machine = start(false);
        assert_eq!(give(&mut machine, 1, ServerInput::Ack), []);
        assert!(machine.is_proceeding());
    }

    #[test]
    fn a_failing_transport_ends_nothing() {
        let mut machine = start(false);
        assert_eq!(give(&mut machine, 1, ServerInput::TransportFailed), [Output::Failed]);
        give(&mut machine, 2, answer(486));
        assert_eq!(give(&mut machine, 3, ServerInput::TransportFailed), [Output::Failed]);
        assert_eq!(give(&mut machine, 4, ServerInput::Request), [Output::Retransmit]);
    }
}
