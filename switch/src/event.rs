//! Events of calls and trunks for who subscribed.

use crate::call::without_tags;
use crate::trunks::News;
use router::parameter::{CallEvent, CallQuality, CallSummary, Cause, Pressed, TrunkEvent};
use router::time::WallTime;
use router::{Address, Instance, Outbox, PlatformId, Subscriptions, one};

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
        self.tell(outbox, instance, || CallEvent {
            call: call(),
            cause,
            at,
            missed: false,
            pressed: None,
            quality: None,
        });
    }

    /// Tells every subscriber of a key that was pressed in `call`.
    pub(crate) fn publish_key(
        &mut self,
        outbox: &mut Outbox,
        at: WallTime,
        instance: Instance,
        call: impl Fn() -> CallSummary,
        pressed: &Pressed,
    ) {
        let pressed = || Some(Box::new(pressed.clone()));
        self.tell(outbox, instance, || CallEvent {
            call: call(),
            cause: None,
            at,
            missed: false,
            pressed: pressed(),
            quality: None,
        });
    }

    /// Tells every subscriber how `call` sounded, which has ended for that cause.
    pub(crate) fn publish_quality(
        &mut self,
        outbox: &mut Outbox,
        at: WallTime,
        instance: Instance,
        call: impl Fn() -> CallSummary,
        cause: Option<&Cause>,
        quality: impl Fn() -> CallQuality,
    ) {
        self.tell(outbox, instance, || {
            let quality = Some(Box::new(quality()));
            CallEvent { call: call(), cause: cause.cloned(), at, missed: false, pressed: None, quality }
        });
    }

    fn tell(&mut self, outbox: &mut Outbox, instance: Instance, event: impl FnOnce() -> CallEvent) {
        self.note_missed(outbox);
        if self.subscriptions.is_empty() {
            return;
        }
        let event = event();
        for (subscriber, missed) in self.subscriptions.take() {
            let event = CallEvent { missed, ..event.clone() };
            let event = match subscriber.platform {
                PlatformId::HERE => event,
                _ => CallEvent { call: without_tags(event.call), ..event },
            };
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
