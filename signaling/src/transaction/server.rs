//! The server transaction of any request but INVITE and ACK (RFC 3261 §17.2.2, with the times of RFC 4320 §4).
//!
//! ```text
//!            request, pass up
//!                   │
//!                   ▼
//!             ┌──────────┐  request: absorb
//!             │  Trying  │  late: 100
//!             └─┬──────┬─┘
//!   200-699:    │      │ 1xx: send
//!   send        │      ▼
//!               │  ┌────────────┐  request: send last 1xx
//!               │  │ Proceeding │
//!               │  └────┬───────┘
//!               ▼       ▼ 200-699: send
//!             ┌───────────┐  request: send final response
//!             │ Completed │  timer J ─▶ terminated
//!             └───────────┘
//! ```

use router::time::{Duration, Instant};

use super::machine::{Output, Outputs, ServerInput};
use super::timer::{Timer, Timers};

/// The server transaction of any request but INVITE and ACK. It begins when the request is passed up.
#[derive(Clone, Debug)]
pub struct Server {
    reliable: bool,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Trying { trying: Instant, give_up: Instant },
    Proceeding { give_up: Instant },
    Completed { end: Instant },
    Terminated,
}

impl Server {
    /// The request has just come.
    pub fn start(now: Instant, timers: &Timers, reliable: bool) -> Server {
        let trying = now + timers.trying_of_other_requests();
        Server { reliable, state: State::Trying { trying, give_up: now + timers.transaction() } }
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Instant, timers: &Timers, input: ServerInput) -> Outputs {
        match (input, self.state) {
            (ServerInput::Request, State::Proceeding { .. } | State::Completed { .. }) => {
                Outputs::from_slice(&[Output::Retransmit])
            }
            (ServerInput::Respond(status), State::Trying { give_up, .. } | State::Proceeding { give_up }) => {
                let mut outputs = Outputs::from_slice(&[Output::Send]);
                let linger = if self.reliable { Duration::ZERO } else { timers.lingering() };
                self.state = if status.is_provisional() {
                    State::Proceeding { give_up }
                } else if linger.is_zero() {
                    outputs.push(Output::Terminated);
                    State::Terminated
                } else {
                    State::Completed { end: now + linger }
                };
                outputs
            }
            (
                ServerInput::TransportFailed,
                State::Trying { .. } | State::Proceeding { .. } | State::Completed { .. },
            ) => {
                self.state = State::Terminated;
                Outputs::from_slice(&[Output::Failed, Output::Terminated])
            }
            (ServerInput::Timeout, _) => self.handle_timeout(now),
            _ => Outputs::new(),
        }
    }

    /// When to call with [`ServerInput::Timeout`], and for which timer.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Trying { trying, give_up } if trying < give_up => Some((trying, Timer::Trying)),
            State::Trying { give_up, .. } | State::Proceeding { give_up } => Some((give_up, Timer::Unanswered)),
            State::Completed { end } => Some((end, Timer::J)),
            State::Terminated => None,
        }
    }

    /// Whether no final response was sent.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
    }

    fn handle_timeout(&mut self, now: Instant) -> Outputs {
        match (self.poll_timeout(), self.state) {
            (Some((at, Timer::Trying)), State::Trying { give_up, .. }) if at <= now => {
                self.state = State::Proceeding { give_up };
                Outputs::from_slice(&[Output::SendTrying])
            }
            (Some((at, _)), _) if at <= now => {
                self.state = State::Terminated;
                Outputs::from_slice(&[Output::Terminated])
            }
            _ => Outputs::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::StatusCode;
    use crate::transaction::machine_tests::{at, server_timeline};

    const TIMERS: fn() -> Timers = Timers::default;

    fn give(machine: &mut Server, ms: u64, input: ServerInput) -> Vec<Output> {
        machine.handle(at(ms), &TIMERS(), input).to_vec()
    }

    fn answer(code: u16) -> ServerInput {
        ServerInput::Respond(StatusCode::new(code).unwrap())
    }

    #[test]
    fn repetitions_are_absorbed_then_answered_for_timer_j() {
        let mut machine = Server::start(at(0), &TIMERS(), false);
        assert_eq!(give(&mut machine, 10, ServerInput::Request), []);
        assert_eq!(give(&mut machine, 20, answer(200)), [Output::Send]);
        assert_eq!(give(&mut machine, 30, ServerInput::Request), [Output::Retransmit]);
        assert_eq!(give(&mut machine, 40, answer(500)), []);
        assert_eq!(machine.poll_timeout(), Some((at(32_020), Timer::J)));
        assert_eq!(
            server_timeline(|now, input| machine.handle(now, &TIMERS(), input), 60_000),
            [(32_020, Output::Terminated)]
        );
    }

    #[test]
    fn on_a_stream_it_ends_with_its_answer() {
        let mut machine = Server::start(at(0), &TIMERS(), true);
        assert_eq!(give(&mut machine, 20, answer(404)), [Output::Send, Output::Terminated]);
        assert_eq!(machine.poll_timeout(), None);
    }

    #[test]
    fn a_late_user_gets_100_sent_and_is_forgotten_with_the_client() {
        let mut machine = Server::start(at(0), &TIMERS(), false);
        assert_eq!(
            server_timeline(|now, input| machine.handle(now, &TIMERS(), input), 60_000),
            [(3_500, Output::SendTrying), (32_000, Output::Terminated)]
        );
        assert_eq!(give(&mut machine, 33_000, answer(200)), []);
    }

    #[test]
    fn provisional_responses_are_repeated() {
        let mut machine = Server::start(at(0), &TIMERS(), false);
        assert_eq!(give(&mut machine, 20, answer(100)), [Output::Send]);
        assert_eq!(give(&mut machine, 30, ServerInput::Request), [Output::Retransmit]);
        assert_eq!(machine.poll_timeout(), Some((at(32_000), Timer::Unanswered)));
        assert!(machine.is_pending());
    }

    #[test]
    fn a_failing_transport_ends_it() {
        let mut machine = Server::start(at(0), &TIMERS(), true);
        assert_eq!(give(&mut machine, 1, ServerInput::TransportFailed), [Output::Failed, Output::Terminated]);
    }
}
