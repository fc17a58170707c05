//! A request of another module that waits for its last answer.

use crate::address::Address;
use crate::command::Command;
use crate::outbox::Outbox;
use crate::packet::{Packet, Parameters, Transaction};
use crate::parameter::{Failure, Reason};

/// A request without what it carried: enough to answer it, exactly once.
#[derive(Debug)]
#[must_use = "a request is answered"]
pub struct Asked(Packet);

impl Asked {
    /// The request `packet`.
    pub fn of(packet: &Packet) -> Self {
        Self(Packet {
            source: packet.source,
            destination: packet.destination,
            transaction: packet.transaction,
            command: packet.command,
            parameters: Parameters::new(),
        })
    }

    /// A request that another module of this kind has had, and left to this one to answer.
    pub fn left(source: Address, transaction: Transaction, command: Command, destination: Address) -> Self {
        Self(Packet { source, destination, transaction, command, parameters: Parameters::new() })
    }

    /// Its transaction, by which another module can answer it.
    pub fn transaction(&self) -> Transaction {
        self.0.transaction
    }

    /// Who asked.
    pub fn source(&self) -> Address {
        self.0.source
    }

    /// Under way.
    pub fn progress(&self, outbox: &mut Outbox, parameters: impl Into<Parameters>) {
        outbox.answer(self.0.answer(Command::Progress, parameters));
    }

    /// Done.
    pub fn done(self, outbox: &mut Outbox, parameters: impl Into<Parameters>) {
        outbox.done(&self.0, parameters);
    }

    /// Not done.
    pub fn failed(self, outbox: &mut Outbox, failure: Failure) {
        outbox.failed(&self.0, failure);
    }

    /// The same is asked once more: `newer` takes this one's place and gets the answer. A repetition under the same
    /// transaction is the same request; under another one this request gets its last answer here.
    pub fn superseded(&mut self, outbox: &mut Outbox, newer: Self) {
        let former = std::mem::replace(self, newer);
        if (former.0.source, former.0.transaction) != (self.0.source, self.0.transaction) {
            former.failed(outbox, Failure::new(Reason::Refused).with_detail("asked for anew since"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Instance, ModuleKind};

    fn request(transaction: u64) -> Asked {
        Asked(Packet {
            source: Address::local(ModuleKind::Signaling, 0).at(Instance(7)),
            destination: Address::local(ModuleKind::Switch, 0).at(Instance(9)),
            transaction: Transaction(transaction),
            command: Command::Start,
            parameters: Parameters::new(),
        })
    }

    #[test]
    fn every_request_that_is_superseded_gets_one_last_answer() {
        let mut outbox = Outbox::new(Address::local(ModuleKind::Switch, 0));
        let mut asked = request(1);
        asked.superseded(&mut outbox, request(1));
        assert!(outbox.poll_transmit().is_none(), "repeated on the way: one request");
        asked.superseded(&mut outbox, request(2));
        let answer = outbox.poll_transmit().unwrap();
        assert_eq!((answer.transaction, answer.command), (Transaction(1), Command::Failed));
        asked.done(&mut outbox, Parameters::new());
        let answer = outbox.poll_transmit().unwrap();
        assert_eq!((answer.transaction, answer.command), (Transaction(2), Command::Done));
    }
}
