//! Who sends and who receives: platform, module, instance.

use minicbor::{Decode, Encode};
use std::fmt;

/// A platform: one running `tandem`. [`PlatformId::HERE`] means "this one" wherever it is written, [`PlatformId::ANY`] "whichever
/// serves this kind of module".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct PlatformId(#[n(0)] pub u32);

impl PlatformId {
    /// The platform that the packet is on.
    pub const HERE: Self = Self(0);

    /// Any platform, beside a module's kind alone: the own one where it has such a module with room, else the one that reports
    /// the least load. No platform has this number.
    pub const ANY: Self = Self(u32::MAX);

    /// Whether it can be a platform's own number.
    pub const fn is_identity(self) -> bool {
        self.0 != Self::HERE.0 && self.0 != Self::ANY.0
    }
}

/// The kinds of service module. Each later service adds one line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
#[cbor(index_only)]
#[repr(u8)]
pub enum ModuleKind {
    /// SIP: registrar, trunks, the legs of calls (`signaling/`).
    #[n(1)]
    Signaling = 1,
    /// The call switching unit (`switch/`).
    #[n(2)]
    Switch = 2,
    /// A media worker for voice (`media/`).
    #[n(3)]
    Voice = 3,
    /// Accounts, bindings, call records (`store/`).
    #[n(4)]
    Store = 4,
    /// The control socket and its clients (`control/`).
    #[n(5)]
    Control = 5,
    /// The server itself: configuration, telemetry (`server/`).
    #[n(6)]
    Server = 6,
    /// The inter-platform interface.
    #[n(7)]
    Bridge = 7,
}

impl ModuleKind {
    /// How many kinds a route table has rows for (their numbers start at 1).
    pub const COUNT: usize = 8;

    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Signaling, Self::Switch, Self::Voice, Self::Store, Self::Control, Self::Server, Self::Bridge];

    /// The kind's name as it is written in addresses: `voice/1`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signaling => "signaling",
            Self::Switch => "switch",
            Self::Voice => "voice",
            Self::Store => "store",
            Self::Control => "control",
            Self::Server => "server",
            Self::Bridge => "bridge",
        }
    }
}

/// A module: a kind and its index on the platform, or the kind alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Module {
    /// What it serves.
    #[n(0)]
    pub kind: ModuleKind,
    /// Which of its kind; `None` is "any of this kind".
    #[n(1)]
    pub index: Option<u8>,
}

impl Module {
    /// The `index`th module of `kind`.
    pub const fn new(kind: ModuleKind, index: u8) -> Self {
        Self { kind, index: Some(index) }
    }

    /// Any module of `kind`: the router picks.
    pub const fn any(kind: ModuleKind) -> Self {
        Self { kind, index: None }
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "{}/{index}", self.kind.name()),
            None => write!(f, "{}/*", self.kind.name()),
        }
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A call, a leg, a session within a module. The requester chooses it (see [`crate::instance::Instances`]), so that a
/// repeated request is known as such; [`Instance::MODULE`] is the module itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct Instance(#[n(0)] pub u64);

impl Instance {
    /// The module itself, none of its instances.
    pub const MODULE: Self = Self(0);
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Where a packet comes from or goes to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Address {
    /// On which platform.
    #[n(0)]
    pub platform: PlatformId,
    /// Which module there.
    #[n(1)]
    pub module: Module,
    /// Which of the module's calls, legs, sessions.
    #[n(2)]
    pub instance: Instance,
}

impl Address {
    /// The `index`th module of `kind` on this platform.
    pub const fn local(kind: ModuleKind, index: u8) -> Self {
        Self { platform: PlatformId::HERE, module: Module::new(kind, index), instance: Instance::MODULE }
    }

    /// Any module of `kind` on this platform.
    pub const fn any(kind: ModuleKind) -> Self {
        Self { platform: PlatformId::HERE, module: Module::any(kind), instance: Instance::MODULE }
    }

    /// Any module of `kind` on any platform.
    pub const fn anywhere(kind: ModuleKind) -> Self {
        Self { platform: PlatformId::ANY, module: Module::any(kind), instance: Instance::MODULE }
    }

    /// The same module, another instance.
    pub const fn at(self, instance: Instance) -> Self {
        Self { instance, ..self }
    }

    /// The module itself.
    pub const fn of_module(self) -> Self {
        self.at(Instance::MODULE)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.platform {
            PlatformId::HERE => {}
            PlatformId::ANY => f.write_str("*:")?,
            PlatformId(number) => write!(f, "{number}:")?,
        }
        fmt::Display::fmt(&self.module, f)?;
        if self.instance != Instance::MODULE {
            write!(f, "#{}", self.instance)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_they_are_written_in_the_docs() {
        let port = Address::local(ModuleKind::Voice, 1).at(Instance(0x2a));
        assert_eq!(port.to_string(), "voice/1#2a");
        assert_eq!(Address { platform: PlatformId(3), ..port }.to_string(), "3:voice/1#2a");
        assert_eq!(Address::any(ModuleKind::Voice).to_string(), "voice/*");
        assert_eq!(Address::anywhere(ModuleKind::Voice).to_string(), "*:voice/*");
    }
}
