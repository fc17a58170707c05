//! The nouns: what commands operate on. A closed set, one file per service, and one [`Extension`] for plug-ins.
//!
//! | file | service |
//! |---|---|
//! | `failure.rs` | why a request failed; why a call ended |
//! | `party.rs` | who calls or is called, and on whose behalf |
//! | `call.rs`, `leg.rs` | calls and legs: between `signaling` and `switch` |
//! | `summary.rs` | calls as those who watch them are told of them |
//! | `identity.rs` | what is told of who calls beside the name |
//! | `conference.rs` | conferences: where they are, how a call becomes one |
//! | `dialog.rs` | dialogs that a peer names, legs and ports that change their call |
//! | `connected.rs` | who is at a leg, where that changes in mid-call |
//! | `media.rs` | media descriptions: what two peers offer and answer |
//! | `port.rs` | media ports: between `switch` and `media` |
//! | `network.rs` | addresses that begin alike |
//! | `protection.rs` | the keys of a leg's media |
//! | `dtls.rs` | keys that come about in the media itself |
//! | `ice.rs` | ways between a peer and us that are looked for |
//! | `registration.rs` | bindings and trunks |
//! | `ban.rs` | sources that are not listened to |
//! | `number.rs` | where numbers lead to, as the name service has it |
//! | `account.rs` | accounts |
//! | `record.rs` | call records |
//! | `message.rs` | text messages |
//! | `event.rs` | what is told of accounts: presence, waiting messages |
//! | `platform.rs` | platforms: what the inter-platform interface knows |
//! | `status.rs` | what every module tells of itself |
//! | `trace.rs` | the last messages of a call |
//! | `extension.rs` | plug-ins |

mod account;
mod ban;
mod call;
mod conference;
mod connected;
mod dialog;
mod dtls;
mod event;
mod extension;
mod failure;
mod ice;
mod identity;
mod leg;
mod media;
mod message;
mod network;
mod number;
mod party;
mod platform;
mod port;
mod protection;
mod record;
mod registration;
mod status;
mod summary;
mod trace;

pub use account::{Account, AccountCredential};
pub use ban::Ban;
pub use call::{Call, Digits, Information, Originate, Passed, Placement, Transfer};
pub use conference::{CONFERENCE_NAME_BYTES, Conference, ConferenceName, Conversion};
pub use connected::Connected;
pub use dialog::{Dialog, DialogPlace, GuestLeg, Handover, MovedPort, Ringing};
pub use dtls::{DtlsParameters, DtlsRole, Fingerprint, FingerprintHash, HandshakeFault};
pub use event::{AccountDialog, AccountState, MessageWaiting, Presence};
pub use extension::Extension;
pub use failure::{Cause, CauseKind, Failure, Reason};
pub use ice::{IceCandidate, IceCredentials, IceParameters};
pub use identity::{
    Attestation, Attested, CallIdentity, CallerVerdict, Diversion, DiversionCause, SignatureFault, Verstat, bounded,
    is_exhausted,
};
pub use leg::{Leg, LegPhase, LegState, LegTags, Probe, Target};
pub use media::{
    Codec, Direction, MediaDescription, MediaExchange, MediaKind, MediaStream, MediaTransport, SummaryAsked,
};
pub use message::{MessageEvent, MessageFate, MessageRoute, MessageWay, TextMessage};
pub use network::Network;
pub use number::NumberLookup;
pub use party::{Behalf, Origin, Party};
pub use platform::{Platform, PlatformModule, PlatformState};
pub use port::{
    Bridge, Builtin, BuiltinKind, KeyForm, MediaEvent, MediaEventKind, MediaPlan, MediaPort, PortAddress, PortId,
    PortStatistics, ServedAddresses,
};
pub use protection::{MediaKey, Protection, SrtpSuite};
pub use record::{CONVERSATION_MARK, CallRecord, LegQuality, Outcome};
pub use registration::{
    Binding, Contact, ContactFlow, MovedBinding, Registration, RegistrationEvent, RegistrationState, TrunkChange,
    TrunkEvent, TrunkRegistration, TrunkStatus,
};
pub use status::{Counter, Distribution, Resource, ResourceKind, ResourceState, Selection, Status};
pub use summary::{CallEvent, CallPhase, CallQuality, CallSummary, LegSummary, Pressed};
pub use trace::{TraceDirection, TraceEntry};

use minicbor::{Decode, Decoder, Encode, Encoder, data::Type, decode, encode};
use std::sync::Arc;

/// Declares the enum, its numbers on the wire, its names and its conversions in one place.
macro_rules! parameters {
    ($($(#[$doc:meta])* $tag:literal $variant:ident($type:ty) $([$boxed:ident])?;)*) => {
        /// One parameter. Large ones are boxed, so that a packet is small to move; one that its sender keeps as well is shared.
        #[derive(Clone, PartialEq, Debug)]
        pub enum Parameter {
            $($(#[$doc])* $variant(parameters!(@type $type $(, $boxed)?)),)*
        }

        impl Parameter {
            /// Its name in logs, docs and `Failed(Unsupported)`.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($variant),)* }
            }

            /// Its number in the encoding.
            pub const fn tag(&self) -> u16 {
                match self { $(Self::$variant(_) => $tag,)* }
            }
        }

        impl<C> Encode<C> for Parameter {
            fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), encode::Error<W::Error>> {
                e.array(2)?.u16(self.tag())?;
                match self { $(Self::$variant(value) => Encode::encode(parameters!(@value value $(, $boxed)?), e, ctx),)* }
            }
        }

        impl<'b, C> Decode<'b, C> for Parameter {
            fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
                if d.array()? != Some(2) {
                    return Err(decode::Error::message("a parameter is an array of its number and its value"));
                }
                match d.u16()? {
                    $($tag => Ok(Self::from(<$type as Decode<'b, C>>::decode(d, ctx)?)),)*
                    unknown => {
                        // A later version's parameter: kept, so that its receiver can answer `Failed(Unsupported)`.
                        let begin = d.position();
                        d.skip()?;
                        let bytes = d.input()[begin..d.position()].to_vec();
                        Ok(Self::Extension(Box::new(Extension { name: format!("parameter/{unknown}"), bytes })))
                    }
                }
            }
        }

        $(parameters!(@from $variant $type $(, $boxed)?);)*
    };
    (@type $type:ty) => { $type };
    (@type $type:ty, boxed) => { Box<$type> };
    (@type $type:ty, shared) => { Arc<$type> };
    (@value $value:ident) => { $value };
    (@value $value:ident, $boxed:ident) => { &**$value };
    (@from $variant:ident $type:ty) => {
        impl From<$type> for Parameter {
            fn from(value: $type) -> Self { Self::$variant(value) }
        }
    };
    (@from $variant:ident $type:ty, boxed) => {
        impl From<$type> for Parameter {
            fn from(value: $type) -> Self { Self::$variant(Box::new(value)) }
        }
    };
    (@from $variant:ident $type:ty, shared) => {
        impl From<$type> for Parameter {
            fn from(value: $type) -> Self { Self::$variant(Arc::new(value)) }
        }

        impl From<Arc<$type>> for Parameter {
            fn from(value: Arc<$type>) -> Self { Self::$variant(value) }
        }
    };
}

parameters! {
    /// Why a request was not served.
    1 Failure(Failure) [boxed];
    /// A call that a leg asks the switch for.
    10 Call(Call) [boxed];
    /// A leg that the switch asks signaling for.
    11 Leg(Leg) [boxed];
    /// What a leg has come to.
    12 LegState(LegState) [boxed];
    /// Digits pressed.
    13 Digits(Digits) [boxed];
    /// A body passed from leg to leg.
    14 Information(Information) [boxed];
    /// Whither a leg's peer sends the other leg.
    15 Transfer(Transfer) [boxed];
    /// A call to be made between two parties.
    16 Originate(Originate) [boxed];
    /// A call as it stands.
    17 CallSummary(CallSummary) [boxed];
    /// What happened to a call.
    18 CallEvent(CallEvent) [boxed];
    /// A media port: asked for, then opened.
    20 MediaPort(MediaPort) [boxed];
    /// How a port treats its peer's media.
    21 MediaPlan(MediaPlan) [boxed];
    /// Two ports of a session, joined.
    22 Bridge(Bridge);
    /// A built-in source or mirror of media.
    23 Builtin(Builtin);
    /// What a port counted.
    24 PortStatistics(PortStatistics) [boxed];
    /// What happened at a port.
    25 MediaEvent(MediaEvent) [boxed];
    /// An address of record and where it is reached.
    30 Registration(Registration) [boxed];
    /// A binding as the store keeps it.
    31 Binding(Binding) [boxed];
    /// What happened to a registration.
    32 RegistrationEvent(RegistrationEvent) [boxed];
    /// A trunk as it stands.
    33 TrunkStatus(TrunkStatus) [boxed];
    /// What happened to a trunk.
    34 TrunkEvent(TrunkEvent) [boxed];
    /// A source that is not listened to.
    35 Ban(Ban) [boxed];
    /// A number that a domain is asked for.
    36 NumberLookup(NumberLookup) [boxed];
    /// An account.
    40 Account(Account) [boxed];
    /// The record of a call.
    50 CallRecord(CallRecord) [shared];
    /// What a module tells of itself.
    60 Status(Status) [boxed];
    /// Which of many are asked for.
    61 Selection(Selection) [boxed];
    /// A message that was sent or received.
    70 TraceEntry(TraceEntry) [boxed];
    /// A platform as another one knows it.
    80 Platform(Platform) [boxed];
    /// Messages that wait in a mailbox.
    90 MessageWaiting(MessageWaiting) [boxed];
    /// What is known of an account.
    91 AccountState(AccountState) [boxed];
    /// A text message.
    92 TextMessage(TextMessage) [boxed];
    /// What became of a text message.
    93 MessageEvent(MessageEvent) [boxed];
    /// Where the plan sends a text message.
    94 MessageRoute(MessageRoute) [boxed];
    /// A dialog, as a peer names it.
    100 Dialog(Dialog) [boxed];
    /// A leg that belongs to another call from now on.
    101 Handover(Handover) [boxed];
    /// A media port that comes from another session.
    102 MovedPort(MovedPort);
    /// A leg that comes into a call of another switch.
    103 GuestLeg(GuestLeg) [boxed];
    /// A call that rings at another switch.
    104 Ringing(Ringing) [boxed];
    /// Somebody else is at a leg.
    105 Connected(Connected) [boxed];
    /// A conference as it stands.
    110 Conference(Conference) [boxed];
    /// A call that becomes a conference.
    111 Conversion(Conversion) [boxed];
    /// A plug-in's parameter.
    255 Extension(Extension) [boxed];
}

impl Parameter {
    /// Whether a value of this type follows in `d`: for decoders that accept one parameter or none.
    pub fn follows(d: &Decoder<'_>) -> bool {
        matches!(d.datatype(), Ok(Type::Array))
    }
}

/// What a decoder takes an absent flag for.
fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_small_to_move() {
        assert!(size_of::<Parameter>() <= 48, "{}", size_of::<Parameter>());
        assert!(size_of::<crate::packet::Packet>() <= 128, "{}", size_of::<crate::packet::Packet>());
    }
}
