//! The client transaction of any request but INVITE and ACK (RFC 3261 §17.1.2).
//!
//! ```text
//!               request from the user, send it
//!                      │
//!                      ▼          timer E: send again
//!   timer F      ┌───────────┐   ───┐
//!   ◀─ timed out ┤  Trying   │ ◀────┘
//!                └─┬───────┬─┘
//!   200-699,       │       │ 1xx, pass up
//!   pass up        │       ▼       timer E: send again, every T2
//!                  │  ┌────────────┐   ───┐
//!                  │  │ Proceeding │ ◀────┘ timer F ─▶ timed out
//!                  │  └────┬───────┘
//!                  ▼       ▼ 200-699, pass up
//!                ┌───────────┐
//!                │ Completed │ timer K ─▶ terminated
//!                └───────────┘
//! ```

use router::time::{Duration, Instant};

use super::machine::{ClientInput, Output, Outputs, Retransmission, earlier};
use super::timer::{Timer, Timers};
use crate::message::StatusCode;

/// The client transaction of any request but INVITE and ACK. It begins when the request is sent.
#[derive(Clone, Debug)]
pub struct Client {
    reliable: bool,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Trying { retransmit: Option<Retransmission>, give_up: Instant },
    Proceeding { retransmit: Option<Retransmission>, give_up: Instant },
    Completed { end: Instant },
    Terminated,
}

impl Client {
    /// The request has just been sent.
    pub fn start(now: Instant, timers: &Timers, reliable: bool) -> Client {
        let retransmit = Retransmission::start(now, timers.t1, reliable);
        Client { reliable, state: State::Trying { retransmit, give_up: now + timers.transaction() } }
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Instant, timers: &Timers, input: ClientInput) -> Outputs {
        match (input, self.state) {
            (ClientInput::Response(status), State::Trying { retransmit, give_up }) => {
                self.handle_response(now, timers, status, retransmit, give_up)
            }
            (ClientInput::Response(status), State::Proceeding { retransmit, give_up }) => {
                self.handle_response(now, timers, status, retransmit, give_up)
            }
            (ClientInput::TransportFailed, State::Trying { .. } | State::Proceeding { .. }) => {
                self.state = State::Terminated;
                Outputs::from_slice(&[Output::Failed, Output::Terminated])
            }
            (ClientInput::Timeout, _) => self.handle_timeout(now, timers),
            _ => Outputs::new(),
        }
    }

    /// When to call with [`ClientInput::Timeout`], and for which timer.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Trying { retransmit, give_up } | State::Proceeding { retransmit, give_up } => {
                earlier(retransmit, Timer::E, give_up, Timer::F)
            }
            State::Completed { end } => Some((end, Timer::K)),
            State::Terminated => None,
        }
    }

    /// Whether no final response has come and the request may have to be sent again.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
    }

    /// Whether no response has come yet.
    pub fn is_trying(&self) -> bool {
        matches!(self.state, State::Trying { .. })
    }

    fn handle_response(
        &mut self,
        now: Instant,
        timers: &Timers,
        status: StatusCode,
        retransmit: Option<Retransmission>,
        give_up: Instant,
    ) -> Outputs {
        let mut outputs = Outputs::from_slice(&[Output::PassUp]);
        if status.is_provisional() {
            self.state = State::Proceeding { retransmit, give_up };
        } else {
            let linger = if self.reliable { Duration::ZERO } else { timers.t4 };
            self.state = if linger.is_zero() {
                outputs.push(Output::Terminated);
                State::Terminated
            } else {
                State::Completed { end: now + linger }
            };
        }
        outputs
    }

    fn handle_timeout(&mut self, now: Instant, timers: &Timers) -> Outputs {
        let Some((at, timer)) = self.poll_timeout() else { return Outputs::new() };
        if at > now {
            return Outputs::new();
        }
        match (timer, &mut self.state) {
            (Timer::E, State::Trying { retransmit: Some(last), .. }) => {
                *last = last.next(now, timers.t2);
                Outputs::from_slice(&[Output::Retransmit])
            }
            (Timer::E, State::Proceeding { retransmit: Some(last), .. }) => {
                *last = Retransmission::after(now, timers.t2);
                Outputs::from_slice(&[Output::Retransmit])
            }
            (Timer::F, state) => {
                *state = State::Terminated;
                Outputs::from_slice(&[Output::TimedOut(Timer::F), Output::Terminated])
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
    use crate::transaction::machine_tests::{at, client_timeline};

    const TIMERS: fn() -> Timers = Timers::default;

    fn respond(machine: &mut Client, ms: u64, code: u16) -> Vec<Output> {
        machine.handle(at(ms), &TIMERS(), ClientInput::Response(StatusCode::new(code).unwrap())).to_vec()
    }

    #[test]
    fn timers_e_and_f_on_udp() {
        let mut machine = Client::start(at(0), &TIMERS(), false);
        let mut expected: Vec<_> = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
            .map(|ms| (ms, Output::Retransmit))
            .to_vec();
        expected.extend([(32_000, Output::TimedOut(Timer::F)), (32_000, Output::Terminated)]);
        assert_eq!(client_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000), expected);
    }

    #[test]
    fn timer_f_alone_on_a_stream() {
        let mut machine = Client::start(at(0), &TIMERS(), true);
        assert_eq!(respond(&mut machine, 100, 100), [Output::PassUp]);
        assert_eq!(
            client_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000),
            [(32_000, Output::TimedOut(Timer::F)), (32_000, Output::Terminated)]
        );
    }

    #[test]
    fn after_a_provisional_response_timer_e_is_t2() {
        let mut machine = Client::start(at(0), &TIMERS(), false);
        assert_eq!(respond(&mut machine, 100, 100), [Output::PassUp]);
        assert!(machine.is_pending() && !machine.is_trying());
        let mut expected: Vec<_> =
            [500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500].map(|ms| (ms, Output::Retransmit)).to_vec();
        expected.extend([(32_000, Output::TimedOut(Timer::F)), (32_000, Output::Terminated)]);
        assert_eq!(client_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000), expected);
    }

    #[test]
    fn a_final_response_lingers_for_timer_k_on_udp_alone() {
        let mut machine = Client::start(at(0), &TIMERS(), false);
        assert_eq!(respond(&mut machine, 100, 200), [Output::PassUp]);
        assert_eq!(machine.poll_timeout(), Some((at(5_100), Timer::K)));
        assert_eq!(respond(&mut machine, 200, 200), []);
        assert_eq!(machine.handle(at(300), &TIMERS(), ClientInput::TransportFailed).to_vec(), []);
        assert_eq!(
            client_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000),
            [(5_100, Output::Terminated)]
        );
        let mut machine = Client::start(at(0), &TIMERS(), true);
        assert_eq!(respond(&mut machine, 100, 404), [Output::PassUp, Output::Terminated]);
    }

    #[test]
    fn a_failing_transport_ends_it() {
        let mut machine = Client::start(at(0), &TIMERS(), false);
        assert_eq!(
            machine.handle(at(1), &TIMERS(), ClientInput::TransportFailed).to_vec(),
            [Output::Failed, Output::Terminated]
        );
        assert_eq!(machine.poll_timeout(), None);
    }
}
