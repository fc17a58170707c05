//! Who calls or is called, and on whose behalf.

use super::is_false;
use crate::address::PlatformId;
use crate::private::Private;
use crate::short_text::ShortText;
use minicbor::{Decode, Encode};

/// Who calls or is called, as a protocol-independent name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Party {
    /// The user part or number, unescaped.
    #[n(0)]
    pub user: Private<ShortText>,
    /// The domain; empty where only a number is known.
    #[n(1)]
    pub domain: ShortText,
    /// The name to show.
    #[n(2)]
    pub display_name: Option<Private<ShortText>>,
    /// Whether who is called by that name is to be reached by secure ways alone (SIP: a `sips:` URI).
    #[n(3)]
    #[cbor(default, skip_if = "is_false")]
    pub secure: bool,
}

impl Party {
    /// A user in a domain.
    pub fn new(user: impl Into<ShortText>, domain: impl Into<ShortText>) -> Self {
        Self { user: Private::new(user.into()), domain: domain.into(), display_name: None, secure: false }
    }

    /// The user part or number.
    pub fn user(&self) -> &str {
        self.user.reveal()
    }
}

/// On whose behalf a leg came in: settled by address (trunks) or digest (accounts).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Origin {
    /// A trunk of the configuration, by name.
    #[n(1)]
    Trunk(#[n(0)] ShortText),
    /// An account, by name.
    #[n(2)]
    Account(#[n(0)] ShortText),
    /// The control socket.
    #[n(3)]
    Control,
    /// One of these on another platform of the cluster, which that one has settled.
    #[n(4)]
    Platform {
        /// The platform's name.
        #[n(0)]
        platform: ShortText,
        /// What it is there.
        #[n(1)]
        behalf: Behalf,
        /// The trunk's or account's name there.
        #[n(2)]
        name: ShortText,
        /// Its number, where its own link proves it: nothing else is whom a plan means by it.
        #[n(3)]
        number: Option<PlatformId>,
    },
}

/// What an [`Origin`] is on its own platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Behalf {
    /// A trunk.
    #[n(1)]
    Trunk,
    /// An account.
    #[n(2)]
    Account,
    /// The control socket.
    #[n(3)]
    Control,
}

impl Behalf {
    /// What a person reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trunk => "trunk",
            Self::Account => "account",
            Self::Control => "control",
        }
    }
}

impl Origin {
    /// The trunk's or account's name; `control` for the control socket.
    pub fn name(&self) -> &str {
        match self {
            Self::Trunk(name) | Self::Account(name) | Self::Platform { name, .. } => name,
            Self::Control => "control",
        }
    }

    /// What it is on its own platform.
    pub const fn behalf(&self) -> Behalf {
        match self {
            Self::Trunk(_) => Behalf::Trunk,
            Self::Account(_) => Behalf::Account,
            Self::Control => Behalf::Control,
            Self::Platform { behalf, .. } => *behalf,
        }
    }

    /// The name of the platform that it is on, if that is another one.
    pub fn platform(&self) -> Option<&str> {
        match self {
            Self::Platform { platform, .. } => Some(platform),
            Self::Trunk(_) | Self::Account(_) | Self::Control => None,
        }
    }

    /// The number of the platform that it is on, where its own link proves that.
    pub const fn number(&self) -> Option<PlatformId> {
        match self {
            Self::Platform { number, .. } => *number,
            Self::Trunk(_) | Self::Account(_) | Self::Control => None,
        }
    }

    /// The same as it is seen from another platform, where the one that states it has that name and, if that is proven, that number. Of a third
    /// platform's it is the one's that states it: nobody else answers for that.
    pub fn on(&self, platform: &str, number: Option<PlatformId>) -> Self {
        Self::Platform { platform: platform.into(), behalf: self.behalf(), name: self.name().into(), number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_platform_is_left_out_where_nothing_proves_it() {
        let alice = Origin::Account("alice".into());
        let (told, proven) = (alice.on("west", None), alice.on("west", Some(PlatformId(2))));
        let octets = [told, proven].map(|origin| {
            let octets = minicbor::to_vec(&origin).unwrap();
            assert_eq!(minicbor::decode::<Origin>(&octets).unwrap(), origin);
            octets
        });
        let former = [&[0x82, 4, 0x83, 0x64][..], b"west", &[2, 0x65], b"alice"].concat();
        let named = [&[0x82, 4, 0x84, 0x64][..], b"west", &[2, 0x65], b"alice", &[2]].concat();
        assert_eq!(octets, [former, named]);
    }
}
