//! The platforms of the cluster, as the inter-platform interface tells a module of them.
//!
//! ```text
//!  bridge ── Notify × Platform, whenever one comes, goes, or is reached in another way ──▶ module
//!         ◀─ Subscribe, Query × Platform: at the start, and every few seconds in case anything was missed
//! ```

use crate::address::{Address, Instance, ModuleKind, PlatformId};
use crate::command::Command;
use crate::limits::{ROLL_AGAIN_MS, ROLL_EVERY_MS, ROLL_WITHIN_MS};
use crate::outbox::Outbox;
use crate::packet::{Packet, Parameters, Transaction, one};
use crate::parameter::{Parameter, Platform, Selection};
use crate::time::{Duration, Instant};
use std::collections::BTreeSet;

/// A module's side of that: when it asks, and what. What it is told is in the packets that it gives to
/// [`handle_answer`](Self::handle_answer) and [`told`](Self::told).
#[derive(Debug, Default)]
pub struct Roll {
    /// When the interface is asked again; `None`: nobody wants to know.
    ask_at: Option<Instant>,
    /// What it is asked.
    asked: Vec<Transaction>,
    is_known: bool,
    /// Which platforms the pages until now have named, and whether that was the last page.
    named: BTreeSet<PlatformId>,
    is_complete: bool,
}

impl Roll {
    /// The platforms are wanted from now on.
    pub fn begin(&mut self, now: Instant) {
        self.ask_at.get_or_insert(now);
    }

    /// They are asked for at once, if they are wanted: something may have changed that is not told.
    pub fn hurry(&mut self, now: Instant) {
        self.ask_at = self.ask_at.map(|at| at.min(now));
    }

    /// Whether the whole list has been told once.
    pub const fn is_known(&self) -> bool {
        self.is_known
    }

    /// After the last page: all platforms that the list has named, each time once. Who is missing there, and was not told of since, is forgotten.
    pub fn take_named(&mut self) -> Option<BTreeSet<PlatformId>> {
        std::mem::take(&mut self.is_complete).then(|| std::mem::take(&mut self.named))
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.ask_at
    }

    /// Asks the interface, if that is due.
    pub fn handle_timeout(&mut self, now: Instant, outbox: &mut Outbox) {
        if self.ask_at.is_some_and(|at| at <= now) {
            self.ask_at = Some(now + Duration::from_millis(ROLL_EVERY_MS));
            let interface = Address::local(ModuleKind::Bridge, 0);
            self.named.clear();
            // One after the other: what changes in between is told.
            self.asked = [Command::Subscribe, Command::Query]
                .map(|command| Self::ask(now, outbox, interface, command, one(Platform::default())))
                .to_vec();
        }
    }

    fn ask(now: Instant, outbox: &mut Outbox, interface: Address, command: Command, noun: Parameters) -> Transaction {
        outbox.request(now, Instance::MODULE, interface, command, noun, Duration::from_millis(ROLL_WITHIN_MS))
    }

    /// The interface answered: platforms, if it is [`Done`](Command::Done). False: it is an answer to something else.
    pub fn handle_answer(&mut self, now: Instant, outbox: &mut Outbox, packet: &Packet) -> bool {
        let Some(index) = self.asked.iter().position(|asked| *asked == packet.transaction) else { return false };
        if !packet.command.is_final() {
            return true;
        }
        self.asked.swap_remove(index);
        if packet.command != Command::Done {
            // It has not begun yet, or begins anew.
            self.ask_at = Some(now + Duration::from_millis(ROLL_AGAIN_MS));
            return true;
        }
        let cursor = packet.parameters.iter().find_map(|parameter| match parameter {
            Parameter::Selection(selection) => Some(selection.cursor.clone()),
            _ => None,
        });
        self.named.extend(packet.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Platform(platform) => Some(platform.id),
            _ => None,
        }));
        match cursor {
            Some(None) => (self.is_known, self.is_complete) = (true, true),
            Some(cursor) => {
                let selection = Selection { cursor, ..Selection::default() };
                let noun: Parameters = [Parameter::from(Platform::default()), selection.into()].into_iter().collect();
                let next = Self::ask(now, outbox, packet.source.of_module(), Command::Query, noun);
                self.asked.push(next);
            }
            None => {}
        }
        true
    }

    /// `Notify × Platform`: after a gap all are asked for anew.
    pub fn told(&mut self, now: Instant, platform: &Platform) {
        if platform.missed && self.ask_at.is_some() {
            self.ask_at = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pages_are_asked_for_and_who_is_not_there_yet_is_asked_again() {
        let (mut roll, mut outbox) = (Roll::default(), Outbox::new(Address::local(ModuleKind::Switch, 0)));
        let now = Instant::from_millis(1_000);
        roll.handle_timeout(now, &mut outbox);
        assert!(outbox.poll_transmit().is_none() && roll.poll_timeout().is_none(), "nobody wants to know");
        roll.begin(now);
        roll.handle_timeout(now, &mut outbox);
        let asked: Vec<Packet> = std::iter::from_fn(|| outbox.poll_transmit()).collect();
        assert_eq!(asked.iter().map(|packet| packet.command).collect::<Vec<_>>(), [Command::Subscribe, Command::Query]);
        assert!(roll.handle_answer(now, &mut outbox, &asked[0].answer(Command::Done, Parameters::new())));
        assert!(
            !roll.handle_answer(now, &mut outbox, &asked[0].answer(Command::Done, Parameters::new())),
            "answered before"
        );
        let page = |id: u32, cursor: Option<&str>| -> Parameters {
            let selection = Selection { cursor: cursor.map(str::to_owned), ..Selection::default() };
            let platform = Platform { id: PlatformId(id), ..Platform::default() };
            [Parameter::from(platform), selection.into()].into_iter().collect()
        };
        let first = asked[1].answer(Command::Done, page(2, Some("2")));
        assert!(roll.handle_answer(now, &mut outbox, &first) && !roll.is_known());
        let next = outbox.poll_transmit().expect("the next page");
        assert_eq!(roll.take_named(), None, "not all yet");
        assert!(roll.handle_answer(now, &mut outbox, &next.answer(Command::Done, page(7, None))) && roll.is_known());
        assert_eq!(roll.take_named(), Some([2, 7].map(PlatformId).into()));
        assert_eq!(roll.take_named(), None, "once");
        let later = now + Duration::from_millis(ROLL_EVERY_MS);
        assert_eq!(roll.poll_timeout(), Some(later));
        roll.handle_timeout(later, &mut outbox);
        let again = outbox.poll_transmit().expect("a question");
        assert!(roll.handle_answer(later, &mut outbox, &again.failed(crate::parameter::Reason::PlatformAbsent)));
        assert_eq!(roll.poll_timeout(), Some(later + Duration::from_millis(ROLL_AGAIN_MS)));
        roll.told(later, &Platform { missed: true, ..Platform::default() });
        assert_eq!(roll.poll_timeout(), Some(later));
    }
}
