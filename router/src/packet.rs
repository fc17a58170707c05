//! The message packet: the one thing that modules exchange.

use crate::address::Address;
use crate::command::Command;
use crate::parameter::{Failure, Parameter, Reason};
use minicbor::{Decode, Encode};
use smallvec::SmallVec;
use std::fmt;

/// Matches answers to their request; [`Transaction::NONE`] where no answer is expected. Unique per source module.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct Transaction(#[n(0)] pub u64);

impl Transaction {
    /// No answer is expected.
    pub const NONE: Self = Self(0);
}

/// One or more parameters, mostly one: that one lies in the packet itself.
pub type Parameters = SmallVec<[Parameter; 1]>;

/// A message packet. In memory it is moved, never serialised; between platforms it is a frame of CBOR
/// ([`crate::encoding`], `docs/packets.md`).
#[derive(Clone, PartialEq)]
pub struct Packet {
    /// Who sent it: answers go there.
    pub source: Address,
    /// Who is to have it.
    pub destination: Address,
    /// Which request it is, or which it answers.
    pub transaction: Transaction,
    /// The verb.
    pub command: Command,
    /// The nouns; the first is what the command operates on.
    pub parameters: Parameters,
}

impl Packet {
    /// The answer `command` to this packet, from the address that it was sent to.
    pub fn answer(&self, command: Command, parameters: impl Into<Parameters>) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            transaction: self.transaction,
            command,
            parameters: parameters.into(),
        }
    }

    /// The answer `Failed` to this packet, with a reason and nothing more.
    pub fn failed(&self, reason: Reason) -> Self {
        self.answer(Command::Failed, one(Failure::new(reason)))
    }

    /// The first parameter.
    pub fn first(&self) -> Option<&Parameter> {
        self.parameters.first()
    }

    /// The failure that a `Failed` carries; `Internal` when it carries none.
    pub fn failure(&self) -> Failure {
        match self.parameters.first() {
            Some(Parameter::Failure(failure)) => (**failure).clone(),
            _ => Failure::new(Reason::Internal),
        }
    }
}

/// A list of one parameter.
pub fn one(parameter: impl Into<Parameter>) -> Parameters {
    let mut parameters = Parameters::new();
    parameters.push(parameter.into());
    parameters
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} t{} {:?}", self.source, self.destination, self.transaction.0, self.command)?;
        let mut separator = " × ";
        for parameter in &self.parameters {
            write!(f, "{separator}{}", parameter.name())?;
            separator = ", ";
        }
        Ok(())
    }
}
