//! Steps: what a destination comes to, taken apart.

use super::group::Member;
use super::route::Branches;
use crate::rates::Price;
use router::Address;
use router::parameter::{Attestation, BuiltinKind, CauseKind, Dialog, Origin};
use router::time::Duration;
use std::collections::VecDeque;
use std::net::IpAddr;

/// A destination taken apart: what is tried in turn.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Step {
    /// All contacts of all these accounts at once, on every platform.
    Accounts(Vec<Member>),
    /// All contacts that an account has on this platform.
    AccountHere(Member),
    /// A number at a trunk.
    Trunk { name: String, interface: IpAddr, number: String, timeout: Option<Duration>, price: Option<Price> },
    /// A number at trunks that share calls.
    TrunkGroup { name: String, number: String, timeout: Option<Duration>, price: Option<Price> },
    /// A number at another platform: at a trunk of it, or at its plan.
    Platform { platform: String, trunk: Option<String>, number: String, timeout: Option<Duration> },
    /// A built-in service.
    Service(BuiltinKind),
    /// A call that rings at whom that number leads to; empty: at anybody.
    PickUp(String),
    /// What the name service says of a number.
    Lookup(Lookup),
    /// Into a call of another platform: no plan names it, a dialog does.
    AtDialog(Box<AtDialog>),
    /// Nowhere.
    Refuse(CauseKind),
    /// This number on that one's behalf, by the whole plan, in the place of everything else.
    Route(String, Origin),
    /// The same before everything else: somebody sent the call there.
    Redirect(String, Origin),
}

/// A number that a domain of the name service is asked for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Lookup {
    pub(crate) domain: String,
    pub(crate) number: String,
    /// How long a trunk that it leads to may ring.
    pub(crate) timeout: Option<Duration>,
}

/// A dialog of another platform, in whose place somebody is to come.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct AtDialog {
    /// The switch that has its call.
    pub(crate) switch: Address,
    pub(crate) dialog: Dialog,
    /// Whether its peer sends who comes, as RFC 5589 has it.
    pub(crate) sent: bool,
}

/// What the plan has for a number.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Routed {
    pub(crate) steps: VecDeque<Step>,
    pub(crate) branches: Branches,
    /// How far calls that go by it are answered for, where it says so.
    pub(crate) attested: Option<Attestation>,
}
