//! Events of calls and trunks for who subscribed.

use crate::trunks::News;
use router::parameter::{CallEvent, CallSummary, Cause, TrunkEvent};
use router::time::WallTime;
use router::{Address, Instance, Outbox, Subscriptions, one};

/// The subscribers of events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    subscriptions: Subscriptions,
    of_trunks: Subscriptions,
}

impl Events {
    /// Adds one; false: there is no room.
    pub(crate) fn subscribe(&mut self, subscriber: Address) -> bool {
        self.subscriptions.subscribe(subscriber)
    }

    /// Removes one; false: it was none.
    pub(crate) fn unsubscribe(&mut self, subscriber: Address) -> bool {
        self.subscriptions.unsubscribe(subscriber)
    }

    /// Tells every subscriber of `call`.
    pub(crate) fn publish(
        &mut self,
        outbox: &mut Outbox,
        at: WallTime,
        instance: Instance,
        call: impl Fn() -> CallSummary,
        cause: Option<Cause>,
    ) {
        self.note_missed(outbox);
        if self.subscriptions.is_empty() {
            return;
        }
        let call = call();
        for (subscriber, missed) in self.subscriptions.take() {
            let event = CallEvent { call: call.clone(), cause: cause.clone(), at, missed };
            outbox.notify(instance, subscriber, one(event));
        }
    }

    /// Who wants news of trunks.
    pub(crate) fn of_trunks(&mut self) -> &mut Subscriptions {
        &mut self.of_trunks
    }

    /// Tells them.
    pub(crate) fn publish_trunk(&mut self, outbox: &mut Outbox, at: WallTime, news: &News) {
        self.note_missed(outbox);
        let seconds = news.time.map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX));
        for (subscriber, missed) in self.of_trunks.take() {
            let (name, reason) = (news.trunk.clone(), news.reason.clone());
            let event = TrunkEvent { name, change: news.change, seconds, reason, address: None, at, missed };
            outbox.notify(Instance::MODULE, subscriber, one(event));
        }
    }

    fn note_missed(&mut self, outbox: &mut Outbox) {
        while let Some(subscriber) = outbox.poll_missed() {
            self.subscriptions.missed(subscriber);
            self.of_trunks.missed(subscriber);
        }
    }
}
