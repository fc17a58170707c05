//! Parties and contacts as JSON. A client of the control socket may see them.

use router::parameter::{Contact, Party};
use serde_json::{Value, json};

/// Who calls or is called.
pub(super) fn party(party: &Party) -> Value {
    json!({
        "user": party.user(),
        "domain": party.domain.as_str(),
        "display-name": party.display_name.as_ref().map(|name| name.reveal().as_str()),
    })
}

/// Where an account is reached.
pub(super) fn contact(contact: &Contact) -> Value {
    json!({
        "uri": contact.uri.reveal(),
        "flow": contact.flow.reveal(),
        "path": contact.path.iter().map(|hop| hop.reveal().clone()).collect::<Vec<_>>(),
        "q": f64::from(contact.q_thousandths) / 1000.0,
        "expires": contact.expires.to_string(),
        "user-agent": contact.user_agent,
        "latency-ms": contact.latency_us.map(|micros| f64::from(micros) / 1000.0),
        "reachable": contact.reachable,
    })
}
