//! Call events for who subscribed.

use router::parameter::{CallEvent, CallSummary, Cause};
use router::time::WallTime;
use router::{Address, Instance, Outbox, Subscriptions, one};

/// The subscribers of call events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    subscriptions: Subscriptions,
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
        while let Some(subscriber) = outbox.poll_missed() {
            self.subscriptions.missed(subscriber);
        }
        if self.subscriptions.is_empty() {
            return;
        }
        let call = call();
        for (subscriber, missed) in self.subscriptions.take() {
            let event = CallEvent { call: call.clone(), cause: cause.clone(), at, missed };
            outbox.notify(instance, subscriber, one(event));
        }
    }
}
