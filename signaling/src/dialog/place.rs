//! Where a registrar has the peer of a dialog.

use super::route_set::RouteSet;
use crate::message::{Scheme, Uri};
use crate::transport::{Flow, Transport};
use router::Private;

/// The way of a binding (RFC 3261 §10, RFC 3327 §5.3), which is taken instead of what the peer's messages say.
#[derive(Clone, Debug)]
pub struct Place {
    /// The Contact of the binding, as a Request-URI.
    pub contact: Uri,
    /// Its Path.
    pub routes: RouteSet,
    /// The flow that it was registered over; `None`: that on which the peer's messages come.
    pub flow: Option<Flow>,
    /// Whether who registered over that listens where its Contact says.
    pub listens: bool,
    /// What tells the binding from others of its account, where that is known.
    pub binding: Option<Private<String>>,
    /// The phone (`+sip.instance`), if it says which one it is.
    pub instance: Option<Private<String>>,
}

impl Place {
    /// Whether nothing goes there in clear: how a proxy reaches a phone behind it the phone's Contact says (RFC 3261 §26.2.2). By `ws` it says that of a
    /// secure connection, too (RFC 7118 §5).
    pub(super) fn is_secure(&self) -> bool {
        let contact = self.contact.borrow();
        let beyond = self.routes.is_empty()
            || contact.scheme() == Scheme::Sips
            || Transport::of_uri(&contact).is_some_and(|transport| transport.is_secure() || transport == Transport::Ws);
        beyond && self.flow.is_none_or(|flow| flow.transport.is_secure())
    }
}

/// The place that a target stands for, as long as the peer names that target.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    pub(super) target: Uri,
    pub(super) place: Place,
}
