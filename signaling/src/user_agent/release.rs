//! `Stop × LegState` to the switch: said until it is heard.

use router::parameter::{Cause, LegState, Reason};
use router::time::{Duration, Instant};
use router::{Address, Command, Instance, Outbox, OwnMap, Packet, Transaction, one};

/// How long the switch may take: it answers at once.
const WITHIN: Duration = Duration::from_secs(5);

/// How often it is said.
const ATTEMPTS: u8 = 3;

#[derive(Debug)]
struct Release {
    leg: Instance,
    call: Address,
    cause: Cause,
    attempt: u8,
}

/// Ends of legs that the switch has not confirmed.
#[derive(Debug, Default)]
pub(crate) struct Releases(OwnMap<Transaction, Release>);

impl Releases {
    /// Tells the call that a leg of it is gone.
    pub(crate) fn tell(&mut self, now: Instant, outbox: &mut Outbox, leg: Instance, call: Address, cause: Cause) {
        self.send(now, outbox, Release { leg, call, cause, attempt: 1 });
    }

    /// The switch's answer. False: it is to something else.
    pub(crate) fn handle_answer(&mut self, now: Instant, outbox: &mut Outbox, packet: &Packet) -> bool {
        let Some(mut release) = self.0.remove(&packet.transaction) else { return false };
        let unheard = packet.command == Command::Failed
            && matches!(packet.failure().reason, Reason::Expired | Reason::Busy)
            && release.attempt < ATTEMPTS;
        if unheard {
            release.attempt += 1;
            self.send(now, outbox, release);
        }
        true
    }

    /// How many are not confirmed.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn send(&mut self, now: Instant, outbox: &mut Outbox, release: Release) {
        let state = LegState::released(release.cause.clone());
        let transaction = outbox.request(now, release.leg, release.call, Command::Stop, one(state), WITHIN);
        self.0.insert(transaction, release);
    }
}
