//! A conversation: what one record tells of. A call begins with one; a transfer begins another, whose caller is who was sent
//! on, and which has a record, times and figures of its own.
//!
//! ```text
//!   id     X ══ Y      until Y was sent on, or X hung up to have it so; ended as transferred
//!   id~2        Y ══ Z from the moment that X asked for it; unanswered, where nothing came of it
//! ```
//! The leg that is sent on goes on counting: what its port has counted when the first conversation ends is asked for, kept in
//! that one's record, and taken off the other's.

use super::call::Call;
use super::leg::LegId;
use super::purpose::Purpose;
use super::session::quality;
use super::turn::Turn;
use crate::record::Key;
use router::parameter::{
    CONVERSATION_MARK, CallRecord, Cause, LegQuality, Origin, Outcome, Parameter, Party, PortStatistics,
};
use router::time::WallTime;
use router::{Packet, ShortText};

/// How one ended.
#[derive(Clone, Debug)]
pub(super) struct Close {
    pub(super) cause: Cause,
    /// Whether its caller's side ended it; `None`: neither side did.
    pub(super) by_caller: Option<bool>,
    pub(super) at: WallTime,
}

/// One of a call's.
#[derive(Debug)]
pub(super) struct Conversation {
    /// 1: the call's first.
    number: u32,
    /// Its record on the way to the store.
    key: Option<Key>,
    /// On whose behalf it is, who calls and who is called; `None`: as the call says.
    parties: Option<Box<(Origin, Party, Party)>>,
    /// The one before it.
    from: Option<u32>,
    /// The record of the conversation of another call whose party came into this one.
    joined: Option<String>,
    started: WallTime,
    pub(super) ringing: Option<WallTime>,
    pub(super) answered: Option<WallTime>,
    /// The account, trunk or service that answered, or was tried last.
    pub(super) destination: Option<ShortText>,
    /// The leg whose port counts for the caller.
    pub(super) caller: Option<LegId>,
    /// The leg whose port counts for the callee: the first that answered.
    pub(super) callee: Option<LegId>,
    pub(super) caller_quality: LegQuality,
    pub(super) callee_quality: LegQuality,
    /// What the ports of legs that go on had counted before.
    before: Vec<(LegId, LegQuality)>,
    /// The legs that go on: what is counted for them here is asked for.
    goes_on: Vec<LegId>,
    pub(super) closed: Option<Close>,
    /// Whither the other side was sent on, and the record of the conversation that followed.
    sent_on: Option<(Party, String)>,
}

impl Conversation {
    /// The call's first.
    pub(super) fn first(started: WallTime) -> Self {
        Self {
            number: 1,
            key: None,
            parties: None,
            from: None,
            joined: None,
            started,
            ringing: None,
            answered: None,
            destination: None,
            caller: None,
            callee: None,
            caller_quality: LegQuality::default(),
            callee_quality: LegQuality::default(),
            before: Vec::new(),
            goes_on: Vec::new(),
            closed: None,
            sent_on: None,
        }
    }

    /// Takes over what a port counted.
    fn count(&mut self, leg: LegId, counted: LegQuality) {
        let counted = match self.before.iter().find(|(of, _)| *of == leg) {
            Some((_, before)) => difference(counted, before),
            None => counted,
        };
        if self.caller == Some(leg) {
            self.caller_quality = counted;
        } else if self.callee == Some(leg) {
            self.callee_quality = counted;
        }
    }

    /// Which of the call's it is.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// With the record of another call's conversation, which ended as a party of it came into this one.
    pub(super) fn joined_from(self, record: String) -> Self {
        Self { joined: Some(record), ..self }
    }

    /// With who is there already.
    pub(super) fn with_callee(self, callee: Option<LegId>, destination: Option<ShortText>) -> Self {
        Self { callee, destination, ..self }
    }

    /// The other side went on to `target`: that conversation has the record `record`.
    pub(super) fn send_on(&mut self, target: Party, record: String) {
        self.sent_on = Some((target, record));
    }

    /// Who is called is known now.
    pub(super) fn learn_called(&mut self, called: Party) {
        if let Some(parties) = &mut self.parties {
            parties.2 = called;
        }
    }

    /// Somebody else calls: the leg, on whose behalf, and who.
    pub(super) fn taken_over_by(&mut self, leg: LegId, origin: Origin, caller: Party, called: Party) {
        self.caller = Some(leg);
        self.parties = Some(Box::new((origin, caller, called)));
    }

    /// The side of a leg: whether it is the caller's.
    pub(super) fn by_caller(&self, leg: LegId) -> bool {
        self.caller == Some(leg)
    }
}

/// What was counted since.
fn difference(counted: LegQuality, before: &LegQuality) -> LegQuality {
    LegQuality {
        packets_received: counted.packets_received.saturating_sub(before.packets_received),
        packets_sent: counted.packets_sent.saturating_sub(before.packets_sent),
        packets_lost: counted.packets_lost.saturating_sub(before.packets_lost),
        packets_discarded: counted.packets_discarded.saturating_sub(before.packets_discarded),
        packets_late: counted.packets_late.saturating_sub(before.packets_late),
        packets_lost_at_peer: counted
            .packets_lost_at_peer
            .map(|lost| lost.saturating_sub(before.packets_lost_at_peer.unwrap_or(0))),
        ..counted
    }
}

impl Call {
    /// The conversation that a search is for: the one that a transfer is to begin, or the call's.
    pub(super) fn sought(&mut self) -> &mut Conversation {
        match &mut self.transferring {
            Some(transferring) => &mut transferring.next,
            None => &mut self.conversation,
        }
    }

    /// On whose behalf a conversation is, who calls and who is called.
    fn parties_of<'a>(&'a self, conversation: &'a Conversation) -> (&'a Origin, &'a Party, &'a Party) {
        match &conversation.parties {
            Some(parties) => (&parties.0, &parties.1, &parties.2),
            None => (&self.origin, &self.caller, &self.called),
        }
    }

    /// Who calls and who is called; after a transfer, who was sent on and to whom.
    pub(super) fn parties(&self) -> (&Party, &Party) {
        let (_, caller, called) = self.parties_of(&self.conversation);
        (caller, called)
    }

    /// The id of a conversation's record.
    pub(super) fn record_id(&self, number: u32) -> String {
        if number == 1 { self.id.clone() } else { format!("{}{CONVERSATION_MARK}{number}", self.id) }
    }

    /// A conversation's record as things stand.
    fn record_of(&self, conversation: &Conversation) -> CallRecord {
        let outcome = match (&conversation.closed, &conversation.answered) {
            (None, _) => Outcome::Open,
            (Some(_), Some(_)) => Outcome::Answered,
            (Some(_), None) => Outcome::Unanswered,
        };
        let (origin, caller, called) = self.parties_of(conversation);
        let (sent_to, sent_as) = match &conversation.sent_on {
            Some((target, record)) => (Some(target.clone()), Some(record.clone())),
            None => (None, None),
        };
        CallRecord {
            id: self.record_id(conversation.number),
            origin: origin.clone(),
            caller: caller.clone(),
            called: called.clone(),
            destination: conversation.destination.clone(),
            started: conversation.started,
            ringing: conversation.ringing,
            answered: conversation.answered,
            ended: conversation.closed.as_ref().map(|closed| closed.at),
            outcome,
            cause: conversation.closed.as_ref().map(|closed| closed.cause.clone()),
            ended_by_caller: conversation.closed.as_ref().and_then(|closed| closed.by_caller),
            caller_quality: conversation.caller_quality.clone(),
            callee_quality: conversation.callee_quality.clone(),
            transferred_from: conversation.from.map(|number| self.record_id(number)),
            transferred_to: sent_to,
            transferred_as: sent_as,
            joined_from: conversation.joined.clone(),
            // Of who calls: not of who was sent on.
            verdict: self.verdict.clone().filter(|_| conversation.parties.is_none()),
        }
    }

    /// The call's record begins.
    pub(super) fn record_begun(&mut self, turn: &mut Turn<'_>) {
        let record = self.record_of(&self.conversation);
        self.conversation.key = turn.records.start(turn.now, turn.outbox, record);
    }

    /// The conversation was answered: what its record says of that survives the platform.
    pub(super) fn record_answered(&mut self, turn: &mut Turn<'_>) {
        let record = self.record_of(&self.conversation);
        let key = self.conversation.key;
        self.conversation.key = turn.records.update(turn.now, turn.outbox, key, record);
    }

    /// A conversation's last word.
    fn complete_record(&self, turn: &mut Turn<'_>, conversation: &Conversation) {
        turn.records.complete(turn.now, turn.outbox, conversation.key, self.record_of(conversation));
    }

    /// A conversation begins in which `caller`, at the leg `moved`, is to be connected to `called`.
    pub(super) fn conversation_begins(
        &mut self,
        turn: &mut Turn<'_>,
        moved: LegId,
        parties: (Origin, Party, Party),
    ) -> Conversation {
        self.conversations += 1;
        let mut next = Conversation {
            number: self.conversations,
            parties: Some(Box::new(parties)),
            from: Some(self.conversation.number),
            caller: Some(moved),
            ..Conversation::first(turn.now.wall)
        };
        turn.counters.conversations += 1;
        next.key = turn.records.start(turn.now, turn.outbox, self.record_of(&next));
        next
    }

    /// The conversation that a transfer was to begin has come to nothing.
    pub(super) fn conversation_failed(
        &self,
        turn: &mut Turn<'_>,
        mut next: Conversation,
        cause: Cause,
        by: Option<bool>,
    ) {
        next.closed = Some(Close { cause, by_caller: by, at: turn.now.wall });
        self.complete_record(turn, &next);
    }

    /// Who asked for the transfer talks no longer; who is sent on goes on counting, and so do both where another platform knows who comes.
    pub(super) fn conversation_left(
        &mut self,
        turn: &mut Turn<'_>,
        cause: Cause,
        by: LegId,
        moved: impl IntoIterator<Item = LegId>,
    ) {
        let conversation = &mut self.conversation;
        if conversation.closed.is_some() {
            return;
        }
        let by_caller = Some(conversation.by_caller(by));
        conversation.closed = Some(Close { cause, by_caller, at: turn.now.wall });
        let number = conversation.number;
        for moved in moved {
            self.conversation.goes_on.push(moved);
            self.ask_count(turn, moved, number);
        }
    }

    /// The conversation that a transfer began takes the place of the former, whose record waits for what its ports counted.
    pub(super) fn conversation_follows(
        &mut self,
        turn: &mut Turn<'_>,
        cause: Cause,
        target: Party,
        next: Conversation,
    ) {
        let number = next.number;
        let mut former = std::mem::replace(&mut self.conversation, next);
        self.conversation.answered = Some(turn.now.wall);
        if let Some(closed) = &mut former.closed {
            closed.cause = cause;
        }
        former.send_on(target, self.record_id(number));
        self.former.push(former);
        self.record_answered(turn);
    }

    /// What a port counted, for the conversations in which it did.
    pub(super) fn count(&mut self, statistics: &PortStatistics) {
        let Some(leg) = self.legs.iter().map(|leg| leg.id).find(|leg| leg.port().0 == statistics.port) else { return };
        for conversation in self.former.iter_mut().chain([&mut self.conversation]) {
            if !conversation.goes_on.contains(&leg) {
                conversation.count(leg, quality(statistics));
            }
        }
    }

    /// What the port of a leg that goes on had counted when a conversation ended; the 0th: one of another call, before this one's first.
    pub(super) fn counted(&mut self, leg: LegId, number: u32, packet: &Packet) {
        let Some(Parameter::PortStatistics(statistics)) = packet.first() else { return };
        let counted = quality(statistics);
        for conversation in self.former.iter_mut().chain([&mut self.conversation]) {
            if conversation.number == number {
                conversation.count(leg, counted.clone());
            } else if conversation.from.unwrap_or(0) == number {
                conversation.before.push((leg, counted.clone()));
            }
        }
        if let Some(transferring) = &mut self.transferring
            && transferring.next.from == Some(number)
        {
            transferring.next.before.push((leg, counted));
        }
    }

    /// Writes the records of former conversations for which nothing is counted any more.
    pub(super) fn complete_former(&mut self, turn: &mut Turn<'_>) {
        if self.former.is_empty() {
            return;
        }
        let former = std::mem::take(&mut self.former);
        for conversation in former {
            let waits = self.pending.iter().any(|(_, purpose)| match purpose {
                Purpose::Count { conversation: number, .. } => *number == conversation.number,
                Purpose::ClosePort(leg) => conversation.caller == Some(*leg) || conversation.callee == Some(*leg),
                _ => false,
            });
            if waits && self.ended.as_ref().is_none_or(|ended| !ended.concluded) {
                self.former.push(conversation);
            } else {
                self.complete_record(turn, &conversation);
            }
        }
    }

    /// The call's end: all records that are not complete are.
    pub(super) fn complete_records(&mut self, turn: &mut Turn<'_>) {
        if let Some(ended) = &self.ended {
            let close = Close { cause: ended.cause.clone(), by_caller: ended.by_caller, at: ended.at };
            self.conversation.closed.get_or_insert(close);
        }
        self.complete_former(turn);
        self.complete_record(turn, &self.conversation);
    }
}
