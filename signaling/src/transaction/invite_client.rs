//! The client transaction of an INVITE (RFC 3261 §17.1.1 as corrected by RFC 6026 §7.2).
//!
//! ```text
//!            INVITE from the user, send it
//!                      │
//!                      ▼          timer A: send again
//!   timer B      ┌───────────┐   ───┐
//!   ◀─ timed out ┤  Calling  │ ◀────┘
//!                └─┬───┬───┬─┘ 2xx, pass up
//!      300-699:    │   │   └──────────────────────────┐
//!      ACK,        │   │ 1xx, pass up                 │
//!      pass up     │   ▼                              ▼
//!                  │ ┌────────────┐  2xx        ┌──────────┐ 2xx, pass up
//!                  │ │ Proceeding ├────────────▶│ Accepted │ ───┐
//!                  │ └─┬──────────┘  pass up    └────┬─────┘ ◀──┘
//!                  ▼   ▼ 300-699: ACK, pass up       │
//!                ┌───────────┐ 300-699: ACK          │ timer M
//!                │ Completed │ ───┐                  ▼
//!                └─────┬─────┘ ◀──┘             terminated
//!                      ▼ timer D
//!                 terminated
//! ```

use router::time::{Duration, Instant};

use super::machine::{ClientInput, Output, Outputs, Retransmission, earlier};
use super::timer::{Timer, Timers};
use crate::message::StatusCode;

/// The client transaction of an INVITE. It begins when the request is sent.
#[derive(Clone, Debug)]
pub struct InviteClient {
    reliable: bool,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Calling { retransmit: Option<Retransmission>, give_up: Instant },
    Proceeding { give_up: Option<Instant> },
    Completed { end: Instant },
    Accepted { end: Instant },
    Terminated,
}

impl InviteClient {
    /// The request has just been sent.
    pub fn start(now: Instant, timers: &Timers, reliable: bool) -> InviteClient {
        let retransmit = Retransmission::start(now, timers.t1, reliable);
        InviteClient { reliable, state: State::Calling { retransmit, give_up: now + timers.transaction() } }
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Instant, timers: &Timers, input: ClientInput) -> Outputs {
        match input {
            ClientInput::Response(status) => self.handle_response(now, timers, status),
            ClientInput::Timeout => self.handle_timeout(now),
            ClientInput::Cancelled => {
                if let State::Proceeding { give_up: give_up @ None } = &mut self.state {
                    *give_up = Some(now + timers.transaction());
                }
                Outputs::new()
            }
            ClientInput::TransportFailed => match self.state {
                State::Calling { .. } | State::Proceeding { .. } | State::Completed { .. } => {
                    self.state = State::Terminated;
                    Outputs::from_slice(&[Output::Failed, Output::Terminated])
                }
                State::Accepted { .. } | State::Terminated => Outputs::new(),
            },
        }
    }

    /// When to call with [`ClientInput::Timeout`], and for which timer.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Calling { retransmit, give_up } => earlier(retransmit, Timer::A, give_up, Timer::B),
            State::Proceeding { give_up } => give_up.map(|at| (at, Timer::Cancelled)),
            State::Completed { end } => Some((end, Timer::D)),
            State::Accepted { end } => Some((end, Timer::M)),
            State::Terminated => None,
        }
    }

    /// Whether no response has come yet: a CANCEL must wait (RFC 3261 §9.1).
    pub fn is_calling(&self) -> bool {
        matches!(self.state, State::Calling { .. })
    }

    /// Whether a provisional response has come and no final one.
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    fn handle_response(&mut self, now: Instant, timers: &Timers, status: StatusCode) -> Outputs {
        match self.state {
            State::Calling { .. } | State::Proceeding { .. } if status.is_provisional() => {
                if self.is_calling() {
                    self.state = State::Proceeding { give_up: None };
                }
                Outputs::from_slice(&[Output::PassUp])
            }
            State::Calling { .. } | State::Proceeding { .. } if status.is_success() => {
                self.state = State::Accepted { end: now + timers.lingering() };
                Outputs::from_slice(&[Output::PassUp])
            }
            State::Calling { .. } | State::Proceeding { .. } => {
                let mut outputs = Outputs::from_slice(&[Output::Acknowledge, Output::PassUp]);
                let linger = if self.reliable { Duration::ZERO } else { timers.d.min(timers.lingering()) };
                self.state = if linger.is_zero() {
                    outputs.push(Output::Terminated);
                    State::Terminated
                } else {
                    State::Completed { end: now + linger }
                };
                outputs
            }
            State::Completed { .. } if !status.is_provisional() && !status.is_success() => {
                Outputs::from_slice(&[Output::Acknowledge])
            }
            State::Accepted { .. } if status.is_success() => Outputs::from_slice(&[Output::PassUp]),
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => Outputs::new(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Outputs {
        match (self.poll_timeout(), self.state) {
            (Some((at, timer)), state) if at <= now => match (timer, state) {
                (Timer::A, State::Calling { retransmit: Some(last), give_up }) => {
                    // Timer A doubles without a longest interval.
                    self.state = State::Calling { retransmit: Some(last.next(now, Duration::MAX)), give_up };
                    Outputs::from_slice(&[Output::Retransmit])
                }
                (Timer::B | Timer::Cancelled, _) => {
                    self.state = State::Terminated;
                    Outputs::from_slice(&[Output::TimedOut(timer), Output::Terminated])
                }
                _ => {
                    self.state = State::Terminated;
                    Outputs::from_slice(&[Output::Terminated])
                }
            },
            _ => Outputs::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::machine_tests::{at, client_timeline};

    const TIMERS: fn() -> Timers = Timers::default;

    fn start(reliable: bool) -> InviteClient {
        InviteClient::start(at(0), &TIMERS(), reliable)
    }

    fn respond(machine: &mut InviteClient, ms: u64, code: u16) -> Vec<Output> {
        machine.handle(at(ms), &TIMERS(), ClientInput::Response(StatusCode::new(code).unwrap())).to_vec()
    }

    #[test]
    fn timers_a_and_b_on_udp() {
        let mut machine = start(false);
        assert_eq!(
            client_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000),
            [
                (500, Output::Retransmit),
                (1_500, Output::Retransmit),
                (3_500, Output::Retransmit),
                (7_500, Output::Retransmit),
                (15_500, Output::Retransmit),
                (31_500, Output::Retransmit),
                (32_000, Output::TimedOut(Timer::B)),
                (32_000, Output::Terminated),
            ]
        );
        assert_eq!(machine.poll_timeout(), None);
    }

    #[test]
    fn timer_b_alone_on_a_stream() {
        let mut machine = start(true);
        assert_eq!(
            client_timeline(|now, input| machine.handle(now, &TIMERS(), input), 40_000),
            [(32_000, Output::TimedOut(Timer::B)), (32_000, Output::Terminated)]
        );
    }

    #[test]
    fn a_provisional_response_stops_retransmission_and_timer_b() {
        let mut machine = start(false);
        assert_eq!(respond(&mut machine, 100, 100), [Output::PassUp]);
        assert_eq!(machine.poll_timeout(), None);
        assert_eq!(respond(&mut machine, 60_000, 180), [Output::PassUp]);
        assert!(machine.is_proceeding());
        assert_eq!(respond(&mut machine, 90_000, 200), [Output::PassUp]);
    }

    #[test]
    fn refusals_are_acknowledged_until_timer_d() {
        for first in [300, 404, 503, 603] {
            let mut machine = start(false);
            assert_eq!(respond(&mut machine, 10, first), [Output::Acknowledge, Output::PassUp]);
            assert_eq!(machine.poll_timeout(), Some((at(32_010), Timer::D)));
            assert_eq!(respond(&mut machine, 510, first), [Output::Acknowledge]);
            assert_eq!(respond(&mut machine, 520, 180), []);
            assert_eq!(respond(&mut machine, 530, 200), []);
            assert_eq!(
                client_timeline(|now, input| machine.handle(now, &TIMERS(), input), 60_000),
                [(32_010, Output::Terminated)]
            );
        }
        let mut machine = start(true);
        respond(&mut machine, 5, 180);
        assert_eq!(respond(&mut machine, 10, 486), [Output::Acknowledge, Output::PassUp, Output::Terminated]);
    }

    #[test]
    fn repeated_and_forked_successes_pass_until_timer_m() {
        for reliable in [false, true] {
            let mut machine = start(reliable);
            assert_eq!(respond(&mut machine, 10, 200), [Output::PassUp]);
            assert_eq!(machine.poll_timeout(), Some((at(32_010), Timer::M)));
            assert_eq!(respond(&mut machine, 510, 200), [Output::PassUp]);
            assert_eq!(respond(&mut machine, 520, 486), []);
            assert_eq!(respond(&mut machine, 530, 180), []);
            assert_eq!(machine.handle(at(540), &TIMERS(), ClientInput::TransportFailed).to_vec(), []);
            assert_eq!(
                client_timeline(|now, input| machine.handle(now, &TIMERS(), input), 60_000),
                [(32_010, Output::Terminated)]
            );
        }
    }

    #[test]
    fn after_a_cancel_it_waits_sixty_four_round_trips() {
        let mut machine = start(false);
        respond(&mut machine, 10, 180);
        machine.handle(at(1_000), &TIMERS(), ClientInput::Cancelled);
        machine.handle(at(2_000), &TIMERS(), ClientInput::Cancelled);
        assert_eq!(machine.poll_timeout(), Some((at(33_000), Timer::Cancelled)));
        respond(&mut machine, 3_000, 183);
        assert_eq!(
            client_timeline(|now, input| machine.handle(now, &TIMERS(), input), 60_000),
            [(33_000, Output::TimedOut(Timer::Cancelled)), (33_000, Output::Terminated)]
        );
    }

    #[test]
    fn a_failing_transport_ends_it() {
        let mut machine = start(true);
        assert_eq!(
            machine.handle(at(1), &TIMERS(), ClientInput::TransportFailed).to_vec(),
            [Output::Failed, Output::Terminated]
        );
        assert_eq!(respond(&mut machine, 2, 200), []);
    }
}
