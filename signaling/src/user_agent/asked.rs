//! A request of another module that waits for its last answer.

use router::parameter::Failure;
use router::{Address, Command, Outbox, Packet, Parameters};

/// A request without what it carried: enough to answer it, exactly once.
#[derive(Debug)]
#[must_use = "a request is answered"]
pub(crate) struct Asked(Packet);

impl Asked {
    /// The request `packet`.
    pub(crate) fn of(packet: &Packet) -> Self {
        Self(Packet {
            source: packet.source,
            destination: packet.destination,
            transaction: packet.transaction,
            command: packet.command,
            parameters: Parameters::new(),
        })
    }

    /// Who asked.
    pub(crate) fn source(&self) -> Address {
        self.0.source
    }

    /// Under way.
    pub(crate) fn progress(&self, outbox: &mut Outbox, parameters: impl Into<Parameters>) {
        outbox.answer(self.0.answer(Command::Progress, parameters));
    }

    /// Done.
    pub(crate) fn done(self, outbox: &mut Outbox, parameters: impl Into<Parameters>) {
        outbox.done(&self.0, parameters);
    }

    /// Not done.
    pub(crate) fn failed(self, outbox: &mut Outbox, failure: Failure) {
        outbox.failed(&self.0, failure);
    }
}
