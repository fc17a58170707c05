//! Whether anybody is there of whom no media are to come: on hold, or where silence was agreed on. Their legs are asked now and then;
//! a leg that finds its peer gone ends by itself, and the call with it. Where media flow their absence tells.

use super::call::{Call, Far};
use super::leg::LegId;
use super::purpose::Purpose;
use super::timers::Timer;
use super::turn::Turn;
use crate::limits::SUPERVISION_WITHIN;
use router::parameter::LegState;
use router::{Command, one};

impl Call {
    /// The call is connected anew: its legs are to be asked, unless `heard`, as their silence would be noticed.
    pub(super) fn supervise(&mut self, turn: &mut Turn<'_>, heard: bool) {
        let is_set = self.timers.iter().any(|(timer, _)| *timer == Timer::Supervise);
        match self.config.supervision {
            Some(every) if !heard && !is_set && self.answered.is_some() => {
                self.set_timer(turn, Timer::Supervise, every);
            }
            _ if heard && is_set => self.cancel_timer(turn, Timer::Supervise),
            _ => {}
        }
    }

    /// Nothing comes of who listens to a service. A phone that suppresses silence sends nothing while its user says nothing, and need not have
    /// said so (RFC 3389 §5); the service misses nothing. So it is asked whether it is there, now and from now on. False: nobody is ever asked.
    pub(super) fn ask_silent_listener(&mut self, turn: &mut Turn<'_>) -> bool {
        if self.config.supervision.is_none() {
            return false;
        }
        self.supervision_due(turn);
        true
    }

    /// Asks the legs of this platform whether their peers are there; another platform asks its own.
    pub(super) fn supervision_due(&mut self, turn: &mut Turn<'_>) {
        let far = if let Far::Leg(far) = self.far { Some(far) } else { None };
        for leg in [self.near, far].into_iter().flatten() {
            self.ask_leg(turn, leg);
        }
        if let Some(every) = self.config.supervision {
            self.set_timer(turn, Timer::Supervise, every);
        }
    }

    fn ask_leg(&mut self, turn: &mut Turn<'_>, leg: LegId) {
        let asked = |(_, purpose): &(_, Purpose)| matches!(purpose, Purpose::Supervise(asked) if *asked == leg);
        let is_asked = self.pending.iter().any(asked);
        let asked = &self.legs[leg];
        if is_asked || !asked.is_answered() || asked.is_released() || asked.remote.is_some() {
            return;
        }
        let (address, noun) = (asked.address, one(LegState::new(asked.phase)));
        self.request(turn, address, Command::Query, noun, SUPERVISION_WITHIN, Purpose::Supervise(leg));
    }
}
