//! The calls of all shards, while somebody here follows lamps or presence.

use super::Signaling;
use crate::subscription::{Question, Telling};
use router::parameter::{CallEvent, CallPhase, CallSummary, Parameter, Party, Selection};
use router::time::{Duration, WallTime};
use router::{Command, Instance, ModuleKind, Packet, Parameters, PlatformId, one};

/// How long a switch may take.
const WITHIN: Duration = Duration::from_secs(5);

/// How long to wait before it is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// Calls of one page.
const PAGE: u32 = 200;

impl Signaling {
    /// Asks the switches for what is wanted.
    pub(super) fn ask_switches(&mut self) {
        let now = self.means.now.instant;
        if self.notifier.calls.retry_at.is_some_and(|at| at > now) {
            return;
        }
        self.notifier.calls.retry_at = None;
        for index in 0..self.notifier.calls.switches.len() {
            let switch = &mut self.notifier.calls.switches[index];
            let mut begins = false;
            let mut ask = |command, parameters: Parameters| {
                let outbox = &mut self.means.outbox;
                Question::Asked(outbox.request(now, Instance::MODULE, switch.address, command, parameters, WITHIN))
            };
            if let Question::Wanted(_) = switch.subscription {
                let at = self.means.now.wall;
                let event =
                    CallEvent { call: any_call(), cause: None, at, missed: false, pressed: None, quality: None };
                switch.subscription = ask(Command::Subscribe, one(event));
            }
            if let Question::Wanted(cursor) = &mut switch.listing {
                let cursor = cursor.take();
                begins = cursor.is_none();
                let selection = Selection { cursor, limit: Some(PAGE), ..Selection::default() };
                let parameters = [Parameter::from(any_call()), selection.into()];
                switch.listing = ask(Command::Query, parameters.into_iter().collect());
            }
            if begins {
                self.notifier.calls.begin_listing(index as u8);
            }
        }
    }

    /// A switch's answer. False: it is to something else.
    pub(super) fn switch_answered(&mut self, packet: &Packet) -> bool {
        let is = |question: &Question| matches!(question, Question::Asked(asked) if *asked == packet.transaction);
        let calls = &mut self.notifier.calls;
        let asked = calls.switches.iter().position(|switch| is(&switch.subscription) || is(&switch.listing));
        let Some(index) = asked else { return false };
        if !packet.command.is_final() {
            return true;
        }
        let done = packet.command == Command::Done;
        if !done {
            tracing::debug!(reason = ?packet.failure().reason, "a switch does not tell of its calls yet");
            calls.retry_at.get_or_insert(self.means.now.instant + RETRY);
        }
        let switch = &mut calls.switches[index];
        match (is(&switch.subscription), done) {
            (true, true) => switch.subscription = Question::Done,
            // What happened meanwhile is missed.
            (true, false) => {
                (switch.subscription, switch.listing) = (Question::Wanted(None), Question::Wanted(None));
            }
            (false, true) => {
                let mut next = Question::Done;
                for parameter in &packet.parameters {
                    match parameter {
                        Parameter::CallSummary(call) => self.call_told(index as u8, call),
                        Parameter::Selection(selection) if selection.cursor.is_some() => {
                            next = Question::Wanted(selection.cursor.clone());
                        }
                        _ => {}
                    }
                }
                if next == Question::Done {
                    for account in self.notifier.calls.end_listing(index as u8) {
                        self.dialogs_changed(&account);
                    }
                }
                self.notifier.calls.switches[index].listing = next;
                if self.notifier.calls.is_known() {
                    let now = self.means.now.instant;
                    self.notifier.tags().into_iter().for_each(|tag| self.notifier.arrange(now, tag));
                    self.notifier.followers.note_all(now);
                }
            }
            (false, false) => switch.listing = Question::Wanted(None),
        }
        self.ask_switches();
        true
    }

    /// `Notify × CallEvent` of a switch.
    pub(super) fn call_event(&mut self, packet: &Packet, event: &CallEvent) {
        let from = packet.source;
        let is_ours = from.platform == PlatformId::HERE && from.module.kind == ModuleKind::Switch;
        let Some(index) = from.module.index.filter(|_| is_ours && self.notifier.calls.is_followed()) else { return };
        if event.missed
            && let Some(switch) = self.notifier.calls.switches.get_mut(usize::from(index))
        {
            switch.listing = Question::Wanted(None);
            self.ask_switches();
        }
        self.call_told(index, &event.call);
    }

    fn call_told(&mut self, switch: u8, call: &CallSummary) {
        for account in self.notifier.calls.take(switch, call) {
            self.dialogs_changed(&account);
        }
    }

    fn dialogs_changed(&mut self, account: &str) {
        let now = self.means.now.instant;
        self.notifier.followers.note(now, account);
        for tag in self.notifier.of_calls(account) {
            self.notifier.tell(now, tag, Telling::Changed);
        }
    }

    /// Asks switches again that did not answer, and lets go of calls that nobody has wanted to know of for a while.
    pub(super) fn followed_calls_due(&mut self) {
        let now = self.means.now.instant;
        if self.notifier.calls.forget_idle(now) {
            let event = CallEvent {
                call: any_call(),
                cause: None,
                at: self.means.now.wall,
                missed: false,
                pressed: None,
                quality: None,
            };
            for index in 0..self.notifier.calls.switches.len() {
                let switch = self.notifier.calls.switches[index].address;
                let (own, noun) = (Instance::MODULE, one(event.clone()));
                self.means.outbox.request(now, own, switch, Command::Unsubscribe, noun, WITHIN);
            }
        }
        if self.notifier.calls.retry_at.is_some_and(|at| at <= now) {
            self.ask_switches();
        }
    }
}

/// Stands for "calls".
fn any_call() -> CallSummary {
    CallSummary {
        id: String::new(),
        caller: Party::default(),
        called: Party::default(),
        phase: CallPhase::Routing,
        started: WallTime::default(),
        answered: None,
        legs: Vec::new(),
        codec: None,
        origin: None,
        anonymous: false,
        verdict: None,
    }
}
